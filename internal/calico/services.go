package calico

import v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

// ServiceRules returns where an object's rules match a service of Kubernetes. Calico
// resolves services in the Kubernetes datastore only (felixsyncer/felixsyncerv1.go
// watches them for no other), so in etcd such a rule matches nothing.
func ServiceRules(obj Object) []Path {
	var ingress, egress []v3.Rule
	if p, ok := PolicyOf(obj); ok {
		ingress, egress = *p.Ingress, *p.Egress
	} else if p, ok := obj.(*v3.Profile); ok {
		ingress, egress = p.Spec.Ingress, p.Spec.Egress
	}
	var found []Path
	for _, d := range []struct {
		field string
		rules []v3.Rule
	}{{"ingress", ingress}, {"egress", egress}} {
		for i, rule := range d.rules {
			at := NewPath("spec").Field(d.field).Index(i)
			if rule.Source.Services != nil {
				found = append(found, at.Field("source").Field("services"))
			}
			if rule.Destination.Services != nil {
				found = append(found, at.Field("destination").Field("services"))
			}
		}
	}
	return found
}
