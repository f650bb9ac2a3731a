package validate

import (
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/objecttest"
)

func TestValidateNetworkSet(t *testing.T) {
	for _, tt := range []struct{ net, reason string }{
		{"10.0.0.0/8", ""},
		{"10.0.0.1/8", ""}, // other than in a rule
		{"10.0.0.1", ""},
		{"2001:DB8::1", ""},
		{"0.0.0.0/0", ""},
		{"::ffff:10.0.0.0/104", ""},
		{"", "network or address here, such as"}, // Calico takes it, and Felix dies of it
		{"10.0.0.01", "no leading zeros"},
		{" 10.0.0.1 ", `write "10.0.0.1".`},
		{"10.0.0.0/255.0.0.0", `write "10.0.0.0/8".`},
		{"10.0.0.0/33", "or 2001:db8::1."},
		{"db1.example.com", "or 2001:db8::1."},
		{"fe80::1%eth0", "or 2001:db8::1."},
	} {
		namespaced := v3.NewNetworkSet()
		namespaced.Name, namespaced.Namespace = "s", "prod"
		namespaced.Spec.Nets = []string{"::1", tt.net}
		for _, obj := range []calico.Object{objecttest.NetworkSet("::1", tt.net), namespaced} {
			var want []fault
			if tt.reason != "" {
				want = []fault{at("spec.nets[1]", tt.reason)}
			}
			for _, r := range objecttest.Releases {
				checkFaults(t, obj, r, want...)
			}
		}
	}
	s := objecttest.NetworkSet("10.0.0.1", "10.0.0.1")
	s.Labels = map[string]string{v3.LabelNamespace: "prod", "a": "b"}
	checkFaults(t, s, objecttest.V3310, at(`metadata.labels["projectcalico.org/namespace"]`, "remove it"))
}
