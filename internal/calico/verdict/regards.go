package verdict

import (
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
)

// regards is by what rules, sets and settings can tell one endpoint from another.
type regards struct {
	// far and near tell that a rule selects endpoints as that side, or a port of
	// theirs by its name.
	far, near bool
	// local tells that a rule has networks for the endpoint's own addresses.
	local bool
	// preDNAT tells that there are policies of that kind: an endpoint without any
	// meets those of its node's endpoint for all interfaces.
	preDNAT bool
	// nodes are those with a configuration of Felix of their own; all, if Felix is
	// configured by the labels of nodes.
	nodes map[string]bool
	// nets are the networks of rules and sets.
	nets []string
	// interfaces tells that Felix is configured to leave interfaces to workloads, or to
	// nobody, by their names.
	interfaces bool
	// single tells that endpoints must not be taken for each other: there is a rule that
	// Felix cannot program, and what else is on a node then matters; or a rule knows them
	// by their addresses, as those of a service.
	single bool
}

// newRegards finds out by what objects tell endpoints apart.
func newRegards(release calico.Release, objects []calico.Object) regards {
	r := regards{nodes: map[string]bool{}}
	for _, obj := range objects {
		switch o := obj.(type) {
		case *v3.GlobalNetworkPolicy:
			r.add(o.Spec.Ingress, o.Spec.Egress)
			r.preDNAT = r.preDNAT || o.Spec.PreDNAT
		case *v3.NetworkPolicy:
			r.add(o.Spec.Ingress, o.Spec.Egress)
		case *v3.Profile:
			r.add(o.Spec.Ingress, o.Spec.Egress)
		case *v3.GlobalNetworkSet:
			r.nets = append(r.nets, o.Spec.Nets...)
		case *v3.NetworkSet:
			r.nets = append(r.nets, o.Spec.Nets...)
		case *calico.WorkloadEndpoint:
			r.nets = append(r.nets, o.Spec.IPNetworks...)
		case *calico.FelixConfiguration:
			if node, ok := strings.CutPrefix(o.Name, "node."); ok {
				r.nodes[node] = true
			}
			r.interfaces = r.interfaces || o.Spec.InterfacePrefix != "" || o.Spec.InterfaceExclude != ""
		case *calico.Node:
			// From v3.32 on a FelixConfiguration can be for the nodes with certain labels.
			if release.AtLeast(3, 32, 0) {
				r.nodes[o.Name] = true
			}
		}
	}
	return r
}

func (r *regards) add(ingress, egress []v3.Rule) {
	selects := func(e v3.EntityRule) bool {
		// A named port is one of the endpoints that have it.
		return e.Selector+e.NotSelector+e.NamespaceSelector != "" || slices.ContainsFunc(e.Ports, address.IsNamed) || slices.ContainsFunc(e.NotPorts, address.IsNamed)
	}
	for i, rules := range [][]v3.Rule{ingress, egress} {
		for _, rule := range rules {
			far, near := rule.Source, rule.Destination
			if i == 1 {
				far, near = near, far
			}
			r.far, r.near = r.far || selects(far), r.near || selects(near)
			r.single = r.single || near.Services != nil && near.Services.Name != ""
			r.local = r.local || len(near.Nets)+len(near.NotNets) > 0
			r.nets = slices.Concat(r.nets, far.Nets, far.NotNets, near.Nets, near.NotNets)
		}
	}
}

// endpoints tells whether other endpoints can make a difference to one.
func (r *regards) endpoints() bool {
	return r.far || r.near || r.preDNAT || r.single || r.interfaces
}

// addresses tells whether the addresses of an endpoint can make a difference to it, or
// to others.
func (r *regards) addresses() bool { return r.far || r.near || r.local }
