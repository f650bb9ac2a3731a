package cluster

import (
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// The labels of namespaces and service accounts reach the pods in them by profiles, with
// these prefixes, and so does the name of either.
const (
	// NamespaceLabelPrefix is that of the labels of namespaces.
	NamespaceLabelPrefix      = "pcns."
	serviceAccountLabelPrefix = "pcsa."
	nameLabel                 = "projectcalico.org/name"
)

// NamespaceProfileName returns the name of the profile that Calico makes of a namespace.
func NamespaceProfileName(namespace string) string { return calico.NamespaceProfilePrefix + namespace }

// ServiceAccountProfileName returns the name of the profile that Calico makes of a
// service account.
func ServiceAccountProfileName(namespace, name string) string {
	if namespace == "" {
		namespace = calico.DefaultNamespace
	}
	return calico.ServiceAccountProfilePrefix + namespace + "." + name
}

// Profile returns what Calico makes of a namespace. It allows everything that no policy
// has decided about.
func (n *Namespace) Profile() *v3.Profile {
	p := profile(NamespaceProfileName(n.Metadata.Name), NamespaceLabelPrefix, n.Metadata)
	p.Spec.Ingress = []v3.Rule{{Action: v3.Allow}}
	p.Spec.Egress = []v3.Rule{{Action: v3.Allow}}
	return p
}

// Profile returns what Calico makes of a service account. It has labels alone.
func (s *ServiceAccount) Profile() *v3.Profile {
	return profile(ServiceAccountProfileName(s.Metadata.Namespace, s.Metadata.Name), serviceAccountLabelPrefix, s.Metadata)
}

// profile has the labels of what it is made of, and the name of that in place of a
// label which that may have of this name.
func profile(name, prefix string, of Meta) *v3.Profile {
	p := v3.NewProfile()
	p.Name = name
	p.Spec.LabelsToApply = make(map[string]string, len(of.Labels)+1)
	for key, value := range of.Labels {
		p.Spec.LabelsToApply[prefix+key] = value
	}
	p.Spec.LabelsToApply[prefix+nameLabel] = of.Name
	return p
}
