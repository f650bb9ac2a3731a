package traffic_test

import (
	"fmt"
	"net/netip"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/cluster"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/traffic"
)

// bigCluster has 10,000 pods in 200 namespaces, five kinds in each, and 500 policies.
func bigCluster() []calico.Object {
	var objects []calico.Object
	for n := range 200 {
		name := fmt.Sprintf("ns%d", n)
		objects = append(objects, aNamespace(name, fmt.Sprintf("t%d", n%20)))
		for p := range 50 {
			objects = append(objects, aPod(name, fmt.Sprintf("pod-%d", p), fmt.Sprintf("node%d", p), fmt.Sprintf("10.%d.%d.%d", n/100, n%100, p+1),
				map[string]string{"app": fmt.Sprintf("app%d", p%5), "statefulset.kubernetes.io/pod-name": fmt.Sprintf("pod-%d", p)}))
		}
	}
	for p := range 400 {
		n := &cluster.NetworkPolicy{Metadata: cluster.Meta{Name: fmt.Sprintf("p%d", p), Namespace: fmt.Sprintf("ns%d", p%200)}}
		app := func(i int) *metav1.LabelSelector {
			return &metav1.LabelSelector{MatchLabels: app(fmt.Sprintf("app%d", i))}
		}
		n.Spec.PodSelector, n.Spec.PolicyTypes = *app(p % 5), []string{"Ingress"}
		n.Spec.Ingress = []cluster.IngressRule{{From: []cluster.Peer{{PodSelector: app((p + 1) % 5)}}}}
		objects = append(objects, n.Policy())
	}
	for p := range 100 {
		g := v3.NewGlobalNetworkPolicy()
		order := float64(p)
		tcp := numorstring.ProtocolFromString("TCP")
		g.Name = fmt.Sprintf("g%d", p)
		g.Spec = v3.GlobalNetworkPolicySpec{
			Tier: "default", Order: &order, NamespaceSelector: fmt.Sprintf("team == 't%d'", p%20), Types: []v3.PolicyType{v3.PolicyTypeIngress},
			Ingress: []v3.Rule{{Action: v3.Allow, Protocol: &tcp, Source: v3.EntityRule{Selector: fmt.Sprintf("app == 'app%d'", p%5)}, Destination: v3.EntityRule{Ports: []numorstring.Port{numorstring.SinglePort(uint16(9000 + p))}}}},
		}
		objects = append(objects, g)
	}
	return objects
}

// BenchmarkQuestion asks about twenty flows at all pods of a cluster, in one world and in
// two.
func BenchmarkQuestion(b *testing.B) {
	objects := bigCluster()
	var flows []traffic.Flow
	for i := range 20 {
		to := traffic.End{Selection: traffic.Selection{Workloads: true}}
		from := traffic.End{Net: netip.MustParsePrefix(fmt.Sprintf("10.%d.%d.%d/32", i%2, i, i+1))}
		flows = append(flows, onPort(from, to, uint16(8080+920*(i%2)+i/2)))
	}
	for _, changes := range []bool{false, true} {
		b.Run(fmt.Sprintf("changes=%t", changes), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				before := world(objects...)
				after := before
				if changes {
					after = world(append(objects, dbOnly("app == 'app1'"))...)
				}
				question := traffic.NewQuestion(before, after, flows)
				for _, flow := range flows {
					if _, err := question.Ask(flow); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
