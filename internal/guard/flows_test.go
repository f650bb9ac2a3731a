package guard

import (
	"slices"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/failsafe"
)

// TestPortsOfServersAreShut: what a failsafe policy opens to servers is to be kept shut from
// everybody else. In Kubernetes an API server at a port of its own looks like an etcd server
// by its rule, and is there for the whole cluster.
func TestPortsOfServersAreShut(t *testing.T) {
	t.Parallel()
	ports := func(ports ...uint16) (all []numorstring.Port) {
		for _, port := range ports {
			all = append(all, numorstring.SinglePort(port))
		}
		return all
	}
	f := &failsafe.Policy{
		ManagementCIDRs: []string{"10.1.0.0/24"}, ManagementPorts: ports(22),
		EtcdServers: []failsafe.Server{{Address: "10.2.0.11", Ports: ports(2379)}, {Address: "10.2.0.21", Ports: ports(8443)}},
		APIServers:  []failsafe.Server{{Address: "10.2.0.22", Ports: ports(6443)}},
	}
	policy := v3.NewGlobalNetworkPolicy()
	policy.Name, policy.Spec.Selector = "failsafe", failsafe.SelectsAll
	for _, rule := range f.Ingress() {
		policy.Spec.Ingress = append(policy.Spec.Ingress, rule.Rule)
	}
	for _, rule := range f.Egress() {
		policy.Spec.Egress = append(policy.Spec.Egress, rule.Rule)
	}
	for kubernetes, want := range map[bool][]uint16{false: {22, 2379, 8443}, true: {22, 2379}} {
		g := &Guard{Exposure: Watch{Mode: Error}, Kubernetes: kubernetes}
		g.Begin(calico.Newest, map[calico.ID]calico.Object{calico.IDOf(policy).Short(): policy})
		var shut []uint16
		for _, flow := range g.now.flows {
			if flow.Shut && !slices.Contains(shut, flow.Traffic.Port) {
				shut = append(shut, flow.Traffic.Port)
			}
		}
		if !slices.Equal(shut, want) {
			t.Errorf("Kubernetes %t: the ports %v are kept shut, want %v", kubernetes, shut, want)
		}
	}
}
