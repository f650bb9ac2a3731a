package provider

import (
	"fmt"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

func guardedPolicy(i int) *v3.GlobalNetworkPolicy {
	p := v3.NewGlobalNetworkPolicy()
	order := float64(i)
	tcp := protocol("TCP")
	p.Name, p.Spec.Order, p.Spec.Selector = fmt.Sprintf("p%d", i), &order, fmt.Sprintf("rack == 'r%d' || role == 'db'", i%20)
	p.Spec.Types = []v3.PolicyType{v3.PolicyTypeIngress}
	p.Spec.Ingress = []v3.Rule{{Action: v3.Allow, Protocol: &tcp,
		Source:      v3.EntityRule{Nets: []string{fmt.Sprintf("10.%d.0.0/16", i%20)}},
		Destination: v3.EntityRule{Ports: []numorstring.Port{numorstring.SinglePort(uint16(1000 + i))}}}}
	return p
}

func guardedEndpoint(i int) *v3.HostEndpoint {
	h := v3.NewHostEndpoint()
	h.Name, h.Labels = fmt.Sprintf("e%d", i), map[string]string{"rack": fmt.Sprintf("r%d", i%20)}
	h.Spec.Node, h.Spec.InterfaceName = fmt.Sprintf("n%d", i), "eth0"
	return h
}

// BenchmarkGuard is the guard's own part of a plan of 1,000 endpoints and 200
// policies, all of them new.
func BenchmarkGuard(b *testing.B) {
	release := calico.Release{Major: 3, Minor: 31}
	for b.Loop() {
		g := &lockoutGuard{mode: guardWarn}
		g.now = g.newWorld(release, map[calico.ID]calico.Object{}, nil)
		f := failsafe{managementCIDRs: []string{"10.1.0.0/24"}, managementPorts: single(portSSH)}
		first := v3.NewGlobalNetworkPolicy()
		order := -1.0
		first.Name, first.Spec.Order, first.Spec.Selector = "failsafe", &order, "all()"
		for _, r := range f.ingress() {
			first.Spec.Ingress = append(first.Spec.Ingress, r.Rule)
		}
		first.Spec.Types = []v3.PolicyType{v3.PolicyTypeIngress, v3.PolicyTypeEgress}
		plan := func(obj calico.Object) {
			stops, _, err := g.plan(b.Context(), nil, release, map[calico.ID]calico.Object{calico.IDOf(obj): obj})
			if err != nil || len(stops) > 0 {
				b.Fatal(stops, err)
			}
		}
		plan(first)
		for i := range 1000 {
			plan(guardedEndpoint(i))
			if i%5 == 0 {
				plan(guardedPolicy(i / 5))
			}
		}
	}
}
