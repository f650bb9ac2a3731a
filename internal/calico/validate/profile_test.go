package validate

import (
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/objecttest"
)

func TestValidateProfile(t *testing.T) {
	long := v3.Rule{Action: v3.Allow, HTTP: &v3.HTTPMatch{Paths: []v3.HTTPPath{{Exact: "/" + strings.Repeat("a", 1024)}}}}
	services := v3.Rule{Action: v3.Pass, Source: v3.EntityRule{Services: &v3.ServiceMatch{Name: "web"}}, Destination: v3.EntityRule{Services: &v3.ServiceMatch{Name: "web"}}}
	labelled := objecttest.Profile()
	labelled.Spec.LabelsToApply = map[string]string{"a b": "c", "d": "e f", "g": "h"}
	own := objecttest.Profile()
	own.Name = DefaultAllowProfile
	for _, tt := range []struct {
		name string
		obj  *v3.Profile
		want []fault
	}{
		{"nothing", objecttest.Profile(), nil},
		{"what no policy may have", objecttest.Profile(long, services), nil},
		{"faulty rule", objecttest.Profile(v3.Rule{Action: "allow"}), []fault{at("spec.ingress[0].action", `write "Allow".`), at("spec.egress[0].action", "")}},
		{"labels", labelled, []fault{at(`spec.labelsToApply["a b"]`, "The key of a label"), at(`spec.labelsToApply["d"]`, "The value of a label")}},
		{"Calico's own", own, []fault{at("metadata.name", "Calico's own")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range objecttest.Releases {
				checkFaults(t, tt.obj, r, tt.want...)
			}
		})
	}
}
