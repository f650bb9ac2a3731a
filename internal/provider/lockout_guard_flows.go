package provider

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
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// What the guard watches over if no flow is configured is what policies declare:
// who may manage the hosts, and which servers these must reach.

// access is TCP between hosts and a network, at a port.
type access struct {
	net  netip.Prefix
	port uint16
}

// declaration is what a policy declares.
type declaration struct {
	// failsafe is set for a policy that is made as failsafe policies are.
	failsafe bool
	// in is who gets in for management, and out which servers hosts must reach.
	in, out []access
	// everyone is set if the policy lets everybody in at port 22.
	everyone bool
	// bySets is set if network sets are part of what it declares: in another world they
	// may be others.
	bySets bool
}

// declarationOf returns what a policy declares. Worlds that follow each other share
// what was found.
func (w *guardedWorld) declarationOf(policy *v3.GlobalNetworkPolicy) *declaration {
	known := w.declared[policy]
	if known != nil && !known.bySets {
		return known
	}
	d := &declaration{}
	if f, ok := w.failsafeOf(known, policy); ok {
		d.failsafe = true
		for _, cidr := range f.ManagementCIDRs {
			d.in = appendAccess(d.in, cidr, f.ManagementPorts)
		}
		for _, server := range f.EtcdServers {
			d.out = appendAccess(d.out, server.Address, server.Ports)
		}
	} else {
		for _, rule := range policy.Spec.Ingress {
			w.declare(d, rule)
		}
	}
	w.declared[policy] = d
	return d
}

// failsafeOf reads a failsafe policy. It does not look again at one that was found to be
// another.
func (w *guardedWorld) failsafeOf(known *declaration, policy *v3.GlobalNetworkPolicy) (*failsafe.Policy, bool) {
	if known != nil {
		return nil, false
	}
	f, ok := failsafe.Parse(policy.Spec.Ingress, policy.Spec.Egress)
	return f, ok && isFailsafe(f)
}

// isFailsafe tells the guide's policy from another one that begins with a rule of the
// same form: it opens SSH, or it has the rules that make hosts work.
func isFailsafe(f *failsafe.Policy) bool {
	return len(f.ManagementCIDRs) > 0 && (len(f.EtcdServers) > 0 || f.DHCP && (f.ICMP || f.ICMPv6) || slices.ContainsFunc(f.ManagementPorts, opensSSH))
}

func opensSSH(p numorstring.Port) bool {
	return p.PortName == "" && p.MinPort <= failsafe.PortSSH && failsafe.PortSSH <= p.MaxPort
}

// declare adds what a rule of any policy lets in at port 22.
func (w *guardedWorld) declare(d *declaration, rule v3.Rule) {
	isTCP := rule.Protocol == nil || rule.Protocol.String() == "TCP" || rule.Protocol.String() == "6"
	if rule.Action != v3.Allow || !isTCP || len(rule.Destination.Ports) > 0 && !slices.ContainsFunc(rule.Destination.Ports, opensSSH) {
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
		for _, obj := range w.objects {
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
		case p.PortName != "" || p.MinPort > p.MaxPort:
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
func (w *guardedWorld) policies() map[calico.ID]*v3.GlobalNetworkPolicy {
	out := map[calico.ID]*v3.GlobalNetworkPolicy{}
	for id, obj := range w.objects {
		if policy, ok := obj.(*v3.GlobalNetworkPolicy); ok {
			out[id] = policy
		}
	}
	return out
}

// declarations are what the policies of a world declare together.
type declarations struct {
	in, out  []access
	failsafe bool
	everyone bool
}

func (all *declarations) add(d *declaration) {
	all.in, all.out = append(all.in, d.in...), append(all.out, d.out...)
	all.failsafe, all.everyone = all.failsafe || d.failsafe, all.everyone || d.everyone
}

// declarations returns what is declared in a world; and, if there is one before it,
// what is declared there by policies that go away with the change, or that are left
// without any declaration: to take a single network out of a policy is meant.
func (w *guardedWorld) declarations(before *guardedWorld) declarations {
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
			if len(is.out) > 0 {
				was.out = nil
			}
		}
		all.add(&was)
	}
	return all
}

// flowsBetween returns what is watched over while one world becomes another.
func (g *lockoutGuard) flowsBetween(before, after *guardedWorld) []guardedFlow {
	if g.lockout.flows != nil && g.exposure.flows != nil {
		return after.flows
	}
	return g.flowsOf(after.declarations(before))
}

// flowsOf returns the flows that are watched over: those that are configured, and
// otherwise those that follow from what is declared.
func (g *lockoutGuard) flowsOf(all declarations) []guardedFlow {
	everywhere := []netip.Prefix{address.EveryIPv4, address.EveryIPv6}
	if all.everyone && !all.failsafe {
		// Nothing else says who manages the hosts.
		for _, net := range everywhere {
			all.in = append(all.in, access{net, failsafe.PortSSH})
		}
	}
	var flows []guardedFlow
	if g.lockout.active() && g.lockout.flows == nil {
		for _, a := range distinctAccess(all.in) {
			flows = append(flows, guardedFlow{name: "management access", flow: tcp(verdict.Ingress, a)})
		}
		servers := slices.Clone(all.out)
		for _, server := range g.datastore {
			servers = append(servers, access{netip.PrefixFrom(server.Addr(), server.Addr().BitLen()), server.Port()})
		}
		for _, a := range distinctAccess(servers) {
			flows = append(flows, guardedFlow{name: "the datastore", flow: tcp(verdict.Egress, a)})
		}
		if g.byName {
			// Felix has to look the datastore up, at whatever servers.
			for _, net := range everywhere {
				flows = append(flows, guardedFlow{name: "DNS", some: true, flow: verdict.Flow{
					Direction: verdict.Egress, Protocol: address.Protocol("UDP"), Peer: net, Port: 53,
				}})
			}
		}
	}
	if g.exposure.active() && g.exposure.flows == nil {
		flows = append(flows, g.exposuresOf(all)...)
	}
	flows = append(flows, g.lockout.configured()...)
	return append(flows, g.exposure.configured()...)
}

// exposuresOf returns what must stay shut: the ports that hosts are managed at and
// those of etcd, from everywhere that is not declared.
func (g *lockoutGuard) exposuresOf(all declarations) []guardedFlow {
	declared := map[uint16][]netip.Prefix{}
	var ports []uint16
	add := func(port uint16, nets ...netip.Prefix) {
		if _, known := declared[port]; !known {
			ports = append(ports, port)
		}
		declared[port] = append(declared[port], nets...)
	}
	if all.failsafe {
		for _, a := range all.in {
			add(a.port, a.net)
		}
	}
	for _, a := range all.out {
		add(a.port, a.net)
	}
	for _, server := range g.datastore {
		add(server.Port(), netip.PrefixFrom(server.Addr(), server.Addr().BitLen()))
	}
	slices.Sort(ports)
	var flows []guardedFlow
	for _, port := range ports {
		except := declared[port]
		slices.SortFunc(except, comparePrefixes)
		except = slices.Compact(except)
		for _, net := range []netip.Prefix{address.EveryIPv4, address.EveryIPv6} {
			flows = append(flows, guardedFlow{name: "everybody else", shut: true, except: except, flow: tcp(verdict.Ingress, access{net, port})})
		}
	}
	return flows
}

func tcp(direction verdict.Direction, a access) verdict.Flow {
	return verdict.Flow{Direction: direction, Protocol: address.Protocol("TCP"), Peer: a.net, Port: a.port}
}

func distinctAccess(list []access) []access {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b access) int { return cmp.Or(comparePrefixes(a.net, b.net), cmp.Compare(a.port, b.port)) })
	return slices.Compact(list)
}

func comparePrefixes(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}
