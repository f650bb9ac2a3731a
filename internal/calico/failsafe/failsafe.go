// Package failsafe knows the failsafe policy of Calico's guide: which rules let
// management, the datastore, DHCP and BGP through, and what stored rules let through
// in these terms.
package failsafe

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
)

// SelectsAll is the selector of the guide's policy.
const SelectsAll = "all()"

// The ports of which a policy need not say anything: that at which hosts are managed,
// and those of etcd and of the API server of Kubernetes.
const (
	PortSSH  = 22
	PortEtcd = 2379
	PortAPI  = 6443
)

// The other ports that the guide's policy is about.
const (
	portDHCP   = 67  // DHCP server
	portDHCPv6 = 547 // DHCPv6 server
	portBGP    = 179
	portHTTPS  = 443 // API server of a managed cluster
)

// Policy is what a failsafe policy lets through, in the terms of the guide.
type Policy struct {
	// ManagementCIDRs are the networks, or single addresses, that may connect to
	// ManagementPorts by TCP.
	ManagementCIDRs []string
	ManagementPorts []numorstring.Port
	// EtcdServers, and APIServers of Kubernetes, may be connected to by TCP.
	EtcdServers, APIServers []Server
	// ICMP lets ICMP in. ICMPv6 lets ICMPv6 in and out.
	ICMP, ICMPv6 bool
	// DHCP lets requests out to DHCP servers, and to those of DHCPv6 if any
	// address of the policy is IPv6.
	DHCP bool
	// BGPPeers are networks, or single addresses, to and from which TCP port 179 is open.
	BGPPeers []string
	// ExtraIngress and ExtraEgress come after all others.
	ExtraIngress, ExtraEgress []v3.Rule
}

// Server is a server that hosts must reach.
type Server struct {
	// Address is an IP address or a network.
	Address string
	Ports   []numorstring.Port
}

// Origin says what a rule was made of.
type Origin string

// What rules are made of.
const (
	OfManagement   Origin = "management"
	OfICMP         Origin = "ICMP"
	OfICMPv6       Origin = "ICMPv6"
	OfDHCP         Origin = "DHCP"
	OfBGP          Origin = "BGP"
	OfEtcd         Origin = "etcd"
	OfAPI          Origin = "API server"
	OfExtraIngress Origin = "extra ingress"
	OfExtraEgress  Origin = "extra egress"
)

// Rule is a rule and where it comes from.
type Rule struct {
	v3.Rule
	Origin Origin
	// Index is the position among EtcdServers, APIServers, ExtraIngress or
	// ExtraEgress, and 0 for a rule of another origin.
	Index int
}

// IPv6 tells whether any address given is IPv6.
func (f *Policy) IPv6() bool {
	addresses := slices.Concat(f.ManagementCIDRs, f.BGPPeers)
	for _, s := range slices.Concat(f.EtcdServers, f.APIServers) {
		addresses = append(addresses, s.Address)
	}
	return slices.ContainsFunc(addresses, address.IsIPv6)
}

// Ingress returns the rules for what comes in, in the order in which they are
// stored.
func (f *Policy) Ingress() []Rule {
	var rules []Rule
	for _, nets := range byFamily(f.ManagementCIDRs) {
		rules = append(rules, Rule{Origin: OfManagement, Rule: allow(numorstring.ProtocolTCP, v3.EntityRule{Nets: nets}, v3.EntityRule{Ports: f.ManagementPorts})})
	}
	if f.ICMP {
		rules = append(rules, Rule{Origin: OfICMP, Rule: allow(numorstring.ProtocolICMP, v3.EntityRule{}, v3.EntityRule{})})
	}
	if f.ICMPv6 {
		rules = append(rules, Rule{Origin: OfICMPv6, Rule: allow(numorstring.ProtocolICMPv6, v3.EntityRule{}, v3.EntityRule{})})
	}
	for _, nets := range byFamily(f.BGPPeers) {
		rules = append(rules, Rule{Origin: OfBGP, Rule: allow(numorstring.ProtocolTCP, v3.EntityRule{Nets: nets}, v3.EntityRule{Ports: single(portBGP)})})
	}
	return appendExtra(rules, OfExtraIngress, f.ExtraIngress)
}

// Egress returns the rules for what goes out, in the order in which they are
// stored.
func (f *Policy) Egress() []Rule {
	rules := appendServers(appendServers(nil, OfEtcd, f.EtcdServers), OfAPI, f.APIServers)
	if f.ICMPv6 {
		// Neighbour discovery asks as well as answers, and Linux does not track
		// its packets as connections: each direction needs its rule.
		rules = append(rules, Rule{Origin: OfICMPv6, Rule: allow(numorstring.ProtocolICMPv6, v3.EntityRule{}, v3.EntityRule{})})
	}
	if f.DHCP {
		rules = append(rules, Rule{Origin: OfDHCP, Rule: allow(numorstring.ProtocolUDP, v3.EntityRule{}, v3.EntityRule{Ports: single(portDHCP)})})
		if f.IPv6() {
			rules = append(rules, Rule{Origin: OfDHCP, Rule: allow(numorstring.ProtocolUDP, v3.EntityRule{}, v3.EntityRule{Ports: single(portDHCPv6)})})
		}
	}
	for _, nets := range byFamily(f.BGPPeers) {
		rules = append(rules, Rule{Origin: OfBGP, Rule: allow(numorstring.ProtocolTCP, v3.EntityRule{}, v3.EntityRule{Nets: nets, Ports: single(portBGP)})})
	}
	return appendExtra(rules, OfExtraEgress, f.ExtraEgress)
}

func appendServers(rules []Rule, origin Origin, servers []Server) []Rule {
	for i, s := range servers {
		rules = append(rules, Rule{Origin: origin, Index: i, Rule: allow(numorstring.ProtocolTCP, v3.EntityRule{}, v3.EntityRule{Nets: []string{address.Net(s.Address)}, Ports: s.Ports})})
	}
	return rules
}

func appendExtra(rules []Rule, origin Origin, extra []v3.Rule) []Rule {
	for i, r := range extra {
		rules = append(rules, Rule{Origin: origin, Index: i, Rule: r})
	}
	return rules
}

func allow(protocol string, source, destination v3.EntityRule) v3.Rule {
	p := numorstring.Protocol{Type: numorstring.NumOrStringString, StrVal: protocol}
	return v3.Rule{Action: v3.Allow, Protocol: &p, Source: source, Destination: destination}
}

func single(port uint16) []numorstring.Port { return []numorstring.Port{numorstring.SinglePort(port)} }

// byFamily puts the nets into one list for each IP version, since Calico takes
// only one in a rule. Each list is in the order given; a version without a net
// has no list.
func byFamily(addresses []string) [][]string {
	var v4, v6 []string
	for _, a := range addresses {
		if address.IsIPv6(a) {
			v6 = append(v6, address.Net(a))
		} else {
			v4 = append(v4, address.Net(a))
		}
	}
	var lists [][]string
	for _, nets := range [][]string{v4, v6} {
		if len(nets) > 0 {
			lists = append(lists, nets)
		}
	}
	return lists
}

// Parse finds the guide's terms in the rules of a stored policy. It is
// the way back of Ingress and Egress: what it returns makes just these rules.
// Rules that are not the guide's, and all behind the first such, are extra. The
// rules of etcd servers and of API servers have one form: from the first on that
// is for a usual port of API servers, they are those of API servers. ok is false if
// the rules of the two directions do not belong together; then all of them are extra.
func Parse(ingress, egress []v3.Rule) (f *Policy, ok bool) {
	f = &Policy{}
	in, out := ruleReader{ingress}, ruleReader{egress}

	for range 2 { // one rule for each IP version
		in.take(func(r v3.Rule) bool {
			nets, ports := r.Source.Nets, r.Destination.Ports
			if len(nets) == 0 || len(ports) == 0 || len(f.ManagementCIDRs) > 0 && !slices.Equal(ports, f.ManagementPorts) {
				return false
			}
			if !sameRule(r, allow(numorstring.ProtocolTCP, v3.EntityRule{Nets: nets}, v3.EntityRule{Ports: ports})) || slices.ContainsFunc(ports, address.IsNamed) {
				return false
			}
			if onlyBGP(ports) && len(f.ManagementCIDRs) == 0 && !f.ICMP {
				return false // BGP's own rule, in a policy that lets nobody in for management
			}
			if len(f.ManagementCIDRs) > 0 && (address.IsIPv6(f.ManagementCIDRs[0]) || !address.IsIPv6(nets[0])) {
				return false // the second rule is that of IPv6
			}
			f.ManagementCIDRs = append(f.ManagementCIDRs, nets...)
			f.ManagementPorts = ports
			return true
		})
	}
	f.ICMP = in.takeRule(allow(numorstring.ProtocolICMP, v3.EntityRule{}, v3.EntityRule{}))
	inICMPv6 := in.takeRule(allow(numorstring.ProtocolICMPv6, v3.EntityRule{}, v3.EntityRule{}))
	var inPeers []string
	for range 2 {
		in.take(func(r v3.Rule) bool {
			if len(r.Source.Nets) == 0 || !sameRule(r, allow(numorstring.ProtocolTCP, v3.EntityRule{Nets: r.Source.Nets}, v3.EntityRule{Ports: single(portBGP)})) {
				return false
			}
			inPeers = append(inPeers, r.Source.Nets...)
			return true
		})
	}
	f.ExtraIngress = in.rules

	for out.take(func(r v3.Rule) bool {
		nets, ports := r.Destination.Nets, r.Destination.Ports
		if len(nets) != 1 || len(ports) == 0 || onlyBGP(ports) || slices.ContainsFunc(ports, address.IsNamed) {
			return false
		}
		if !sameRule(r, allow(numorstring.ProtocolTCP, v3.EntityRule{}, v3.EntityRule{Nets: nets, Ports: ports})) {
			return false
		}
		server := Server{Address: address.Bare(nets[0]), Ports: ports}
		if len(f.APIServers) > 0 || slices.ContainsFunc(ports, isAPI) {
			f.APIServers = append(f.APIServers, server)
		} else {
			f.EtcdServers = append(f.EtcdServers, server)
		}
		return true
	}) {
	}
	f.ICMPv6 = out.takeRule(allow(numorstring.ProtocolICMPv6, v3.EntityRule{}, v3.EntityRule{}))
	f.DHCP = out.takeRule(allow(numorstring.ProtocolUDP, v3.EntityRule{}, v3.EntityRule{Ports: single(portDHCP)}))
	if f.DHCP {
		out.takeRule(allow(numorstring.ProtocolUDP, v3.EntityRule{}, v3.EntityRule{Ports: single(portDHCPv6)}))
	}
	for range 2 {
		out.take(func(r v3.Rule) bool {
			if len(r.Destination.Nets) == 0 || !sameRule(r, allow(numorstring.ProtocolTCP, v3.EntityRule{}, v3.EntityRule{Nets: r.Destination.Nets, Ports: single(portBGP)})) {
				return false
			}
			f.BGPPeers = append(f.BGPPeers, r.Destination.Nets...)
			return true
		})
	}
	f.ExtraEgress = out.rules

	if inICMPv6 == f.ICMPv6 && slices.Equal(inPeers, f.BGPPeers) && f.Makes(ingress, egress) {
		return f, true
	}
	return &Policy{ExtraIngress: ingress, ExtraEgress: egress}, false
}

// Recognise is Parse for a policy that may be any: ok is false for one that only begins
// with a rule of the same form. The guide's policy opens SSH, or it has the rules that
// make hosts work.
func Recognise(ingress, egress []v3.Rule) (f *Policy, ok bool) {
	f, ok = Parse(ingress, egress)
	works := len(f.EtcdServers) > 0 || len(f.APIServers) > 0 || f.DHCP && (f.ICMP || f.ICMPv6) || slices.ContainsFunc(f.ManagementPorts, OpensSSH)
	return f, ok && len(f.ManagementCIDRs) > 0 && works
}

// OpensSSH tells whether a port of a rule is that of SSH, or a range that has it.
func OpensSSH(p numorstring.Port) bool {
	return !address.IsNamed(p) && p.MinPort <= PortSSH && PortSSH <= p.MaxPort
}

// Makes tells whether f's rules are these.
func (f *Policy) Makes(ingress, egress []v3.Rule) bool {
	return sameRules(f.Ingress(), ingress) && sameRules(f.Egress(), egress)
}

// Drift tells, a line a rule, which rules are not f's, and which of f's are missing.
func (f *Policy) Drift(ingress, egress []v3.Rule) []string {
	var lines []string
	for _, d := range []struct {
		direction string
		want      []Rule
		got       []v3.Rule
	}{{"ingress", f.Ingress(), ingress}, {"egress", f.Egress(), egress}} {
		missing := d.want
		for _, rule := range d.got {
			i := slices.IndexFunc(missing, func(b Rule) bool { return sameRule(b.Rule, rule) })
			if i < 0 {
				lines = append(lines, d.direction+": "+describe(rule))
				continue
			}
			missing = slices.Delete(slices.Clone(missing), i, i+1)
		}
		for _, b := range missing {
			lines = append(lines, "missing "+d.direction+": "+describe(b.Rule))
		}
	}
	if len(lines) == 0 {
		lines = append(lines, "the rules are in another order")
	}
	return lines
}

// describe writes a rule in a few words: "Allow TCP from 10.1.0.0/24 to port 22".
// What it has no words for is given in Calico's own.
func describe(r v3.Rule) string {
	words := []string{string(r.Action)}
	if r.Protocol != nil {
		words = append(words, r.Protocol.String())
	}
	for _, side := range []struct {
		name string
		rule v3.EntityRule
	}{{"from", r.Source}, {"to", r.Destination}} {
		var parts []string
		if len(side.rule.Nets) > 0 {
			parts = append(parts, strings.Join(side.rule.Nets, ", "))
		}
		if len(side.rule.Ports) > 0 {
			ports := make([]string, len(side.rule.Ports))
			for i, p := range side.rule.Ports {
				ports[i] = p.String()
			}
			parts = append(parts, "port "+strings.Join(ports, ", "))
		}
		if len(parts) > 0 {
			words = append(words, side.name, strings.Join(parts, " "))
		}
	}
	text := strings.Join(words, " ")
	r.Action, r.Protocol = "", nil
	r.Source.Nets, r.Source.Ports, r.Destination.Nets, r.Destination.Ports = nil, nil, nil, nil
	if rest, err := json.Marshal(r); err == nil && !reflect.DeepEqual(r, v3.Rule{}) {
		text += " and " + string(rest)
	}
	return text
}

func sameRules(built []Rule, rules []v3.Rule) bool {
	return slices.EqualFunc(built, rules, func(b Rule, r v3.Rule) bool { return sameRule(b.Rule, r) })
}

// sameRule tells whether Calico cannot tell the two rules apart.
func sameRule(a, b v3.Rule) bool {
	policy := func(r v3.Rule) calico.Object {
		p := v3.NewGlobalNetworkPolicy()
		p.Spec.Ingress = []v3.Rule{r}
		return p
	}
	return calico.Equal(policy(a), policy(b))
}

// ruleReader takes rules from the front of a list.
type ruleReader struct{ rules []v3.Rule }

func (r *ruleReader) take(fits func(v3.Rule) bool) bool {
	if len(r.rules) == 0 || !fits(r.rules[0]) {
		return false
	}
	r.rules = r.rules[1:]
	return true
}

func (r *ruleReader) takeRule(want v3.Rule) bool {
	return r.take(func(got v3.Rule) bool { return sameRule(got, want) })
}

// isAPI tells a port at which API servers are.
func isAPI(p numorstring.Port) bool {
	return p == numorstring.SinglePort(PortAPI) || p == numorstring.SinglePort(portHTTPS)
}

func onlyBGP(ports []numorstring.Port) bool { return slices.Equal(ports, single(portBGP)) }
