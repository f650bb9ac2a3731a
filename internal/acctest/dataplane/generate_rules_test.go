//go:build dataplane && linux

package dataplane

import (
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// untrackedPolicy returns a policy with doNotTrack, mostly one that lets requests to
// some ports or pings through, and sometimes the replies.
func (g generator) untrackedPolicy(name, tier string) calico.Object {
	p := v3.NewGlobalNetworkPolicy()
	p.ObjectMeta = metav1.ObjectMeta{Name: g.policyName(name, tier)}
	p.Spec = v3.GlobalNetworkPolicySpec{
		Tier: tier, Order: g.order(), Selector: pick(g, "all()", pick(g, endpointSelectors...)), DoNotTrack: true, ApplyOnForward: true,
		Types: []v3.PolicyType{v3.PolicyTypeIngress, v3.PolicyTypeEgress},
	}
	if g.oneIn(4) {
		p.Spec.Types = g.types()
	}
	pair := func(action v3.Action) (request, reply v3.Rule) {
		request.Action, reply.Action = action, action
		if g.oneIn(4) {
			return request, reply
		}
		protocol := numorstring.ProtocolFromString(pick(g, "TCP", "TCP", "TCP", "UDP", "SCTP", "ICMP"))
		request.Protocol, reply.Protocol = &protocol, &protocol
		if protocol.StrVal == "ICMP" {
			request.ICMP, reply.ICMP = &v3.ICMPFields{Type: ptr(8)}, &v3.ICMPFields{Type: ptr(0)}
			return request, reply
		}
		ports := g.ports()
		request.Destination.Ports, reply.Source.Ports = ports, ports
		return request, reply
	}
	var rules [2][]v3.Rule
	for range 1 + g.IntN(3) {
		request, reply := pair(pick(g, v3.Allow, v3.Allow, v3.Allow, v3.Deny, v3.Pass))
		if g.oneIn(3) {
			request.Source = g.entity(4)
		}
		// Of the host's clients and of what they ask, and the other way round.
		for i := range rules {
			switch g.IntN(5) {
			case 0, 1:
				rules[i], rules[1-i] = append(rules[i], request), append(rules[1-i], reply)
			case 2:
				rules[i] = append(rules[i], request)
			case 3:
				rules[1-i] = append(rules[1-i], reply)
			default:
			}
		}
	}
	if slices.Contains(p.Spec.Types, v3.PolicyTypeIngress) {
		p.Spec.Ingress = rules[0]
	}
	if slices.Contains(p.Spec.Types, v3.PolicyTypeEgress) {
		p.Spec.Egress = rules[1]
	}
	return p
}

func (g generator) namespacedPolicy(name, tier string) calico.Object {
	p := v3.NewNetworkPolicy()
	p.ObjectMeta = metav1.ObjectMeta{Name: g.policyName(name, tier), Namespace: "ns"}
	p.Spec = v3.NetworkPolicySpec{Tier: tier, Order: g.order(), Selector: pick(g, "all()", pick(g, endpointSelectors...)), Types: g.types()}
	if slices.Contains(p.Spec.Types, v3.PolicyTypeIngress) {
		p.Spec.Ingress = g.rules(1)
	}
	if slices.Contains(p.Spec.Types, v3.PolicyTypeEgress) {
		p.Spec.Egress = g.rules(1)
	}
	return p
}

func (g generator) rules(least int) []v3.Rule {
	var rules []v3.Rule
	for range least + g.IntN(4) {
		rules = append(rules, g.rule())
	}
	return rules
}

func (g generator) rule() v3.Rule {
	version := pick(g, 4, 4, 4, 6)
	r := v3.Rule{
		Action: pick(g, v3.Allow, v3.Allow, v3.Allow, v3.Allow, v3.Deny, v3.Deny, v3.Pass, v3.Pass, v3.Log),
		Source: g.entity(version), Destination: g.entity(version),
	}
	if g.oneIn(10) {
		r.IPVersion = &version
	}
	switch g.IntN(10) {
	case 0, 1, 2, 3:
		r.Protocol = ptr(pick(g,
			numorstring.ProtocolFromString("TCP"), numorstring.ProtocolFromString("TCP"), numorstring.ProtocolFromString("UDP"), numorstring.ProtocolFromInt(tcp),
			numorstring.ProtocolFromString("SCTP")))
		if !g.oneIn(3) {
			r.Destination.Ports = g.ports()
		}
		if g.oneIn(6) {
			r.Source.Ports = g.sourcePorts()
		}
		if g.oneIn(5) {
			r.Destination.NotPorts = g.ports()
		}
		if g.oneIn(10) {
			r.Source.NotPorts = g.sourcePorts()
		}
	case 4:
		r.Protocol = ptr(numorstring.ProtocolFromString(map[int]string{4: "ICMP", 6: "ICMPv6"}[version]))
		fields := &v3.ICMPFields{Type: ptr(pick(g, 8, 13, 128))}
		if g.oneIn(2) && !g.nftables {
			fields.Code = ptr(g.IntN(2))
		}
		switch g.IntN(3) {
		case 0:
			r.ICMP = fields
		case 1:
			r.NotICMP = fields
		default:
		}
	case 5:
		r.NotProtocol = ptr(pick(g, numorstring.ProtocolFromString("TCP"), numorstring.ProtocolFromString("UDP"), numorstring.ProtocolFromString("ICMP")))
	case 6:
		r.Protocol = ptr(numorstring.ProtocolFromInt(pick[uint8](g, experimental, udp, sctp, udplite)))
	case 7:
		if g.nftables && g.oneIn(3) {
			r.NotICMP = &v3.ICMPFields{Type: ptr(pick(g, 8, 128))}
		}
		if r.Action == v3.Allow && g.oneIn(3) {
			// It is for ingress alone: where it is not, Calico tells.
			r.HTTP = &v3.HTTPMatch{Methods: []string{"GET"}}
		}
	default:
	}
	return r
}

func (g generator) entity(version int) v3.EntityRule {
	var e v3.EntityRule
	switch g.IntN(8) {
	case 0, 1:
		e.Nets = some(g, 3, ruleNets[version]...)
	case 2:
		e.Selector = pick(g, peerSelectors...)
	case 3:
		switch g.IntN(7) {
		case 0:
			e.NotNets = g.notNets(version)
		case 4:
			e.NotNets, e.Nets = g.notNets(version), some(g, 3, ruleNets[version]...)
		case 5:
			e.NotNets, e.Selector = g.notNets(version), pick(g, peerSelectors...)
			if g.oneIn(2) {
				e.Nets, e.NotSelector = some(g, 2, ruleNets[version]...), pick(g, peerSelectors...)
			}
		case 6:
			e.ServiceAccounts = &v3.ServiceAccountMatch{Names: []string{"account", "other"}}
			if g.oneIn(2) {
				e.Selector = pick(g, peerSelectors...)
			}
		case 1:
			e.NotSelector = pick(g, peerSelectors...)
		case 2:
			e.Selector, e.NamespaceSelector = pick(g, peerSelectors...), "global()"
		default:
			e.Selector, e.Nets = pick(g, peerSelectors...), some(g, 2, ruleNets[version]...)
		}
	default:
	}
	return e
}

// notNets leaves out what Calico refuses there: all addresses.
func (g generator) notNets(version int) []string {
	return slices.DeleteFunc(some(g, 3, ruleNets[version]...), func(text string) bool { return strings.HasSuffix(text, "/0") })
}

func (g generator) ports() []numorstring.Port {
	var ports []numorstring.Port
	if g.oneIn(8) {
		// More than iptables takes in one rule.
		for i := range uint16(12 + g.IntN(12)) {
			ports = append(ports, numorstring.SinglePort(60000+2*i))
		}
	}
	for range 1 + g.IntN(3) {
		switch g.IntN(5) {
		case 0:
			ports = append(ports, numorstring.NamedPort(pick(g, "http", "dns")))
		case 1:
			first := pick(g, probePorts...)
			ports = append(ports, numorstring.Port{MinPort: first, MaxPort: first + uint16(g.IntN(3000))})
		default:
			ports = append(ports, numorstring.SinglePort(pick(g, probePorts...)))
		}
	}
	return ports
}

func (g generator) sourcePorts() []numorstring.Port {
	return []numorstring.Port{pick(g,
		numorstring.Port{MinPort: lowPorts, MaxPort: highPorts - 1}, numorstring.Port{MinPort: highPorts, MaxPort: 65535}, numorstring.NamedPort("http"))}
}

// failsafes returns a list that lets Felix reach its datastore by itself: see hostAddress.
func (g generator) failsafes() *[]v3.ProtoPort {
	if g.oneIn(3) {
		return nil
	}
	list := []v3.ProtoPort{{Protocol: "tcp", Port: 2380, Net: pick(g, "", "127.0.0.0/8")}}
	for range g.IntN(3) {
		list = append(list, v3.ProtoPort{
			Protocol: pick(g, "tcp", "TCP", "udp"), Port: pick(g, probePorts...), Net: pick(g, "", "", "10.1.0.0/24", "10.2.0.10", "10.2.0.10/31", "fd00::/64"),
		})
	}
	return &list
}
