package guard

import (
	"fmt"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/failsafe"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

func single(port uint16) []numorstring.Port { return []numorstring.Port{numorstring.SinglePort(port)} }

func rackPolicy(i int) *v3.GlobalNetworkPolicy {
	p := v3.NewGlobalNetworkPolicy()
	order := float64(i)
	tcp := address.Protocol("TCP")
	p.Name, p.Spec.Order, p.Spec.Selector = fmt.Sprintf("p%d", i), &order, fmt.Sprintf("rack == 'r%d' || role == 'db'", i%20)
	p.Spec.Types = []v3.PolicyType{v3.PolicyTypeIngress}
	p.Spec.Ingress = []v3.Rule{{Action: v3.Allow, Protocol: &tcp,
		Source:      v3.EntityRule{Nets: []string{fmt.Sprintf("10.%d.0.0/16", i%20)}},
		Destination: v3.EntityRule{Ports: []numorstring.Port{numorstring.SinglePort(uint16(1000 + i))}}}}
	return p
}

func rackEndpoint(i int) *v3.HostEndpoint {
	h := v3.NewHostEndpoint()
	h.Name, h.Labels = fmt.Sprintf("e%d", i), map[string]string{"rack": fmt.Sprintf("r%d", i%20)}
	h.Spec.Node, h.Spec.InterfaceName = fmt.Sprintf("n%d", i), "eth0"
	return h
}

// withoutServices is what etcd means for verdicts.
var withoutServices = []verdict.Option{verdict.WithoutServices}

// newWorldOf is a world with these objects.
func newWorldOf(g *Guard, objects ...calico.Object) *World {
	all := map[calico.ID]calico.Object{}
	for _, obj := range objects {
		all[calico.IDOf(obj).Short()] = obj
	}
	return g.newWorld(calico.Release{Major: 3, Minor: 31}, objectSet{base: all}, nil)
}

func failsafePolicy(cidrs ...string) *v3.GlobalNetworkPolicy {
	f := failsafe.Policy{ManagementCIDRs: cidrs, ManagementPorts: single(failsafe.PortSSH)}
	p := v3.NewGlobalNetworkPolicy()
	order := 0.0
	p.Name, p.Spec.Order, p.Spec.Selector = "failsafe", &order, "all()"
	for _, r := range f.Ingress() {
		p.Spec.Ingress = append(p.Spec.Ingress, r.Rule)
	}
	p.Spec.Types = []v3.PolicyType{v3.PolicyTypeIngress, v3.PolicyTypeEgress}
	return p
}

// withoutFailsafePorts is a Felix configuration with both lists empty.
func withoutFailsafePorts() *calico.FelixConfiguration {
	felix := calico.NewFelixConfiguration()
	felix.Name = "default"
	felix.Spec.FailsafeInboundHostPorts, felix.Spec.FailsafeOutboundHostPorts = &[]v3.ProtoPort{}, &[]v3.ProtoPort{}
	return felix
}
