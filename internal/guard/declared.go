package guard

import (
	"cmp"
	"net/netip"
	"slices"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/failsafe"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
)

// What the guard watches over if no flow is configured is what policies declare:
// who may manage the hosts, and which servers these must reach.

// access is TCP between hosts and a network, at a port.
type access struct {
	net  netip.Prefix
	port uint16
}

// accessTo is access to a server.
func accessTo(server netip.AddrPort) access {
	return access{netip.PrefixFrom(server.Addr(), server.Addr().BitLen()), server.Port()}
}

// declaration is what a policy declares.
type declaration struct {
	// failsafe is set for a policy that is made as failsafe policies are.
	failsafe bool
	// in is who gets in for management. etcd and api are the etcd servers and the API
	// servers that hosts must reach.
	in, etcd, api []access
	// everyone is set if the policy lets everybody in at port 22.
	everyone bool
	// bySets is set if network sets are part of what it declares: in another world they
	// may be others.
	bySets bool
}

// declarationOf returns what a policy declares. Worlds that follow each other share
// what was found.
func (w *World) declarationOf(policy *v3.GlobalNetworkPolicy) *declaration {
	known := w.declared[policy]
	if known != nil && !known.bySets {
		return known
	}
	d := &declaration{}
	f, ok := (*failsafe.Policy)(nil), false
	if known == nil { // else it was found to be none
		f, ok = failsafe.Recognise(policy.Spec.Ingress, policy.Spec.Egress)
	}
	if ok {
		d.failsafe = true
		for _, cidr := range f.ManagementCIDRs {
			d.in = appendAccess(d.in, cidr, f.ManagementPorts)
		}
		for _, server := range f.EtcdServers {
			d.etcd = appendAccess(d.etcd, server.Address, server.Ports)
		}
		for _, server := range f.APIServers {
			d.api = appendAccess(d.api, server.Address, server.Ports)
		}
	} else {
		for _, rule := range policy.Spec.Ingress {
			w.declare(d, rule)
		}
	}
	w.declared[policy] = d
	return d
}

// declare adds what a rule of any policy lets in at port 22.
func (w *World) declare(d *declaration, rule v3.Rule) {
	isTCP := rule.Protocol == nil || rule.Protocol.String() == numorstring.ProtocolTCP || rule.Protocol.String() == "6"
	if rule.Action != v3.Allow || !isTCP || len(rule.Destination.Ports) > 0 && !slices.ContainsFunc(rule.Destination.Ports, failsafe.OpensSSH) {
		return
	}
	ssh := []numorstring.Port{numorstring.SinglePort(failsafe.PortSSH)}
	switch {
	case len(rule.Source.Nets) > 0:
		for _, net := range rule.Source.Nets {
			d.in = appendAccess(d.in, net, ssh)
		}
	case rule.Source.Selector != "":
		d.bySets = true
		chosen, err := selector.Parse(selector.OneLine(rule.Source.Selector))
		if err != nil {
			return
		}
		for _, obj := range w.objects.all() {
			if set, ok := obj.(*v3.GlobalNetworkSet); ok && chosen.Matches(set.Labels) {
				for _, net := range set.Spec.Nets {
					d.in = appendAccess(d.in, net, ssh)
				}
			}
		}
	case rule.Source.NotSelector == "" && rule.Source.NamespaceSelector == "" && rule.Source.ServiceAccounts == nil && rule.Source.Services == nil:
		d.everyone = true
	}
}

// appendAccess adds a network at each of some ports. Of a long range of ports, the
// ends stand for all.
func appendAccess(list []access, cidr string, ports []numorstring.Port) []access {
	net, err := netip.ParsePrefix(address.Net(cidr))
	if err != nil {
		return list // which is refused elsewhere
	}
	net = net.Masked()
	const longRange = 32
	for _, p := range ports {
		switch {
		case address.IsNamed(p) || p.MinPort > p.MaxPort:
		case p.MaxPort-p.MinPort >= longRange:
			list = append(list, access{net, p.MinPort}, access{net, p.MaxPort})
		default:
			for port := int(p.MinPort); port <= int(p.MaxPort); port++ {
				list = append(list, access{net, uint16(port)})
			}
		}
	}
	return list
}

// policies returns the policies for all namespaces, by their IDs.
func (w *World) policies() map[calico.ID]*v3.GlobalNetworkPolicy {
	out := map[calico.ID]*v3.GlobalNetworkPolicy{}
	for id, obj := range w.objects.all() {
		if policy, ok := obj.(*v3.GlobalNetworkPolicy); ok {
			out[id] = policy
		}
	}
	return out
}

// declarations are what the policies of a world declare together.
type declarations struct {
	in, etcd, api []access
	failsafe      bool
	everyone      bool
}

func (all *declarations) add(d *declaration) {
	all.in, all.etcd, all.api = append(all.in, d.in...), append(all.etcd, d.etcd...), append(all.api, d.api...)
	all.failsafe, all.everyone = all.failsafe || d.failsafe, all.everyone || d.everyone
}

// declarations returns what is declared in a world; and, if there is one before it,
// what is declared there by policies that go away with the change, or that are left
// without any declaration: to take a single network out of a policy is meant.
func (w *World) declarations(before *World) declarations {
	var all declarations
	now := w.policies()
	for _, policy := range now {
		all.add(w.declarationOf(policy))
	}
	if before == nil {
		return all
	}
	for id, policy := range before.policies() {
		was := *before.declarationOf(policy)
		if still := now[id]; still != nil {
			is := w.declarationOf(still)
			if len(is.in) > 0 || is.everyone {
				was.in, was.everyone = nil, false
			}
			if len(is.etcd) > 0 || len(is.api) > 0 {
				was.etcd, was.api = nil, nil
			}
		}
		all.add(&was)
	}
	return all
}

func distinctAccess(list []access) []access {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b access) int { return cmp.Or(comparePrefixes(a.net, b.net), cmp.Compare(a.port, b.port)) })
	return slices.Compact(list)
}

func comparePrefixes(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}
