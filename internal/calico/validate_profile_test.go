package calico

import (
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
)

func profile(rules ...v3.Rule) *v3.Profile {
	p := v3.NewProfile()
	p.Name = "p"
	p.Spec.Ingress, p.Spec.Egress = rules, rules
	return p
}

func TestValidateProfile(t *testing.T) {
	long := v3.Rule{Action: v3.Allow, HTTP: &v3.HTTPMatch{Paths: []v3.HTTPPath{{Exact: "/" + strings.Repeat("a", 1024)}}}}
	services := v3.Rule{Action: v3.Pass, Source: v3.EntityRule{Services: &v3.ServiceMatch{Name: "web"}}, Destination: v3.EntityRule{Services: &v3.ServiceMatch{Name: "web"}}}
	labelled := profile()
	labelled.Spec.LabelsToApply = map[string]string{"a b": "c", "d": "e f", "g": "h"}
	own := profile()
	own.Name = DefaultAllowProfile
	for _, tt := range []struct {
		name string
		obj  *v3.Profile
		want []fault
	}{
		{"nothing", profile(), nil},
		{"what no policy may have", profile(long, services), nil},
		{"faulty rule", profile(v3.Rule{Action: "allow"}), []fault{at("spec.ingress[0].action", `write "Allow".`), at("spec.egress[0].action", "")}},
		{"labels", labelled, []fault{at(`spec.labelsToApply["a b"]`, "The key of a label"), at(`spec.labelsToApply["d"]`, "The value of a label")}},
		{"Calico's own", own, []fault{at("metadata.name", "Calico's own")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range releases {
				checkFaults(t, tt.obj, r, tt.want...)
			}
		})
	}
}
