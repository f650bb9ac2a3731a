package cluster_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/cluster"
)

const interfaceSum = "751425ce827"

var now = &metav1.Time{Time: time.Unix(1700000000, 0)}

// networkPolicy has a rule of each form.
const networkPolicy = `{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"p","namespace":"shop"},
 "spec":{"podSelector":{"matchLabels":{"b":"1","a":"2"},"matchExpressions":[{"key":"c","operator":"In","values":["x","y"]},{"key":"d","operator":"DoesNotExist"}]},
 "policyTypes":["Egress","Ingress"],
 "ingress":[{"from":[{"ipBlock":{"cidr":"192.0.2.0/24","except":["192.0.2.0/28"]}},{"namespaceSelector":{},"podSelector":{"matchLabels":{"app":"web"}}}],
   "ports":[{"port":80},{"port":"dns","protocol":"UDP"},{"port":8000,"endPort":8010}]},{}],
 "egress":[{"to":[{"namespaceSelector":{"matchLabels":{"team":"x"}}}]},{"ports":[{"protocol":"SCTP"}]}]}}`

func TestPolicy(t *testing.T) {
	var n cluster.NetworkPolicy
	if err := json.Unmarshal([]byte(networkPolicy), &n); err != nil {
		t.Fatal(err)
	}
	got := n.Policy()
	tcp, udp, sctp := numorstring.ProtocolFromString("TCP"), numorstring.ProtocolFromString("UDP"), numorstring.ProtocolFromString("SCTP")
	tcpPorts := []numorstring.Port{numorstring.SinglePort(80), {MinPort: 8000, MaxPort: 8010}}
	udpPorts := []numorstring.Port{numorstring.NamedPort("dns")}
	block := v3.EntityRule{Nets: []string{"192.0.2.0/24"}, NotNets: []string{"192.0.2.0/28"}}
	pods := v3.EntityRule{Selector: "projectcalico.org/orchestrator == 'k8s' && app == 'web'", NamespaceSelector: "all()"}
	order := 1000.0
	want := v3.NetworkPolicySpec{
		Tier: "default", Order: &order, Types: []v3.PolicyType{v3.PolicyTypeIngress, v3.PolicyTypeEgress},
		Selector: "projectcalico.org/orchestrator == 'k8s' && a == '2' && b == '1' && c in { 'x', 'y' } && ! has(d)",
		Ingress: []v3.Rule{
			{Action: v3.Allow, Protocol: &tcp, Source: block, Destination: v3.EntityRule{Ports: tcpPorts}},
			{Action: v3.Allow, Protocol: &tcp, Source: pods, Destination: v3.EntityRule{Ports: tcpPorts}},
			{Action: v3.Allow, Protocol: &udp, Source: block, Destination: v3.EntityRule{Ports: udpPorts}},
			{Action: v3.Allow, Protocol: &udp, Source: pods, Destination: v3.EntityRule{Ports: udpPorts}},
			{Action: v3.Allow},
		},
		Egress: []v3.Rule{
			{Action: v3.Allow, Destination: v3.EntityRule{Selector: "projectcalico.org/orchestrator == 'k8s'", NamespaceSelector: "team == 'x'"}},
			{Action: v3.Allow, Protocol: &sctp},
		},
	}
	if diff := cmp.Diff(want, got.Spec); diff != "" {
		t.Errorf("the policy differs (-want +got):\n%s", diff)
	}
	if got.GetName() != "knp.default.p" || got.KubernetesName() != "p" || got.GetNamespace() != "shop" {
		t.Errorf("it is called %q, %q, in %q", got.GetName(), got.KubernetesName(), got.GetNamespace())
	}
	if !cmp.Equal(got.Ingress, []int{1, 1, 1, 1, 2}) || !cmp.Equal(got.Egress, []int{1, 2}) {
		t.Errorf("the rules are made of %v and %v", got.Ingress, got.Egress)
	}
	if c := got.DeepCopyObject(); !cmp.Equal(c, got) {
		t.Errorf("the copy differs: %s", cmp.Diff(got, c))
	}
}

// What Calico cannot read of a policy it leaves out, or takes for no condition.
func TestPolicyThatCannotBeRead(t *testing.T) {
	for _, test := range []struct {
		reason, rule string
		want         []v3.Rule
	}{
		{"a network that is none is everything", `{"from":[{"ipBlock":{"cidr":"x"}}]}`, []v3.Rule{{Action: v3.Allow}}},
		{"an exception that is none ends the exceptions", `{"from":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["x","10.1.0.0/16"]}}]}`, []v3.Rule{{Action: v3.Allow, Source: v3.EntityRule{Nets: []string{"10.0.0.0/8"}}}}},
		{"a name with an end is no rule", `{"ports":[{"port":"http","endPort":9}]}`, nil},
		{"a range that ends before it begins neither", `{"ports":[{"port":10,"endPort":9}]}`, nil},
	} {
		var n cluster.NetworkPolicy
		if err := json.Unmarshal([]byte(`{"spec":{"ingress":[`+test.rule+`]}}`), &n); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, n.Policy().Spec.Ingress); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.reason, diff)
		}
	}
}
