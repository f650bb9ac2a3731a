package provider

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// The ports that the guide's policy is about.
const (
	portDHCP   = 67  // DHCP server
	portDHCPv6 = 547 // DHCPv6 server
	portBGP    = 179
)

// failsafe is what a failsafe policy lets through, in the terms of the guide.
type failsafe struct {
	managementCIDRs []string
	managementPorts []numorstring.Port
	etcdServers     []etcdServer
	icmp, icmpv6    bool
	dhcp            bool
	bgpPeers        []string
	extraIngress    []v3.Rule
	extraEgress     []v3.Rule
}

// etcdServer is one etcd server that hosts must reach.
type etcdServer struct {
	address string // an IP or a CIDR
	ports   []numorstring.Port
}

// builtRule is a rule and where it comes from.
type builtRule struct {
	v3.Rule
	// attribute is what the rule was made of: management_cidrs, etcd_server,
	// allow_icmp, allow_icmpv6, allow_dhcp, bgp_peers, extra_ingress or
	// extra_egress.
	attribute string
	// index is the position in that attribute, where it is a list.
	index int
}

// ipv6 tells whether any address given is IPv6.
func (f *failsafe) ipv6() bool {
	addresses := slices.Concat(f.managementCIDRs, f.bgpPeers)
	for _, s := range f.etcdServers {
		addresses = append(addresses, s.address)
	}
	return slices.ContainsFunc(addresses, isIPv6)
}

// ingress returns the rules for what comes in, in the order in which they are
// stored.
func (f *failsafe) ingress() []builtRule {
	var rules []builtRule
	for _, nets := range byFamily(f.managementCIDRs) {
		rules = append(rules, builtRule{attribute: "management_cidrs", Rule: allow(numorstring.ProtocolTCP, v3.EntityRule{Nets: nets}, v3.EntityRule{Ports: f.managementPorts})})
	}
	if f.icmp {
		rules = append(rules, builtRule{attribute: "allow_icmp", Rule: allow(numorstring.ProtocolICMP, v3.EntityRule{}, v3.EntityRule{})})
	}
	if f.icmpv6 {
		rules = append(rules, builtRule{attribute: "allow_icmpv6", Rule: allow(numorstring.ProtocolICMPv6, v3.EntityRule{}, v3.EntityRule{})})
	}
	for _, nets := range byFamily(f.bgpPeers) {
		rules = append(rules, builtRule{attribute: "bgp_peers", Rule: allow(numorstring.ProtocolTCP, v3.EntityRule{Nets: nets}, v3.EntityRule{Ports: single(portBGP)})})
	}
	return appendExtra(rules, "extra_ingress", f.extraIngress)
}

// egress returns the rules for what goes out, in the order in which they are
// stored.
func (f *failsafe) egress() []builtRule {
	var rules []builtRule
	for i, s := range f.etcdServers {
		rules = append(rules, builtRule{attribute: "etcd_server", index: i, Rule: allow(numorstring.ProtocolTCP, v3.EntityRule{}, v3.EntityRule{Nets: []string{asNet(s.address)}, Ports: s.ports})})
	}
	if f.icmpv6 {
		// Neighbour discovery asks as well as answers, and Linux does not track
		// its packets as connections: each direction needs its rule.
		rules = append(rules, builtRule{attribute: "allow_icmpv6", Rule: allow(numorstring.ProtocolICMPv6, v3.EntityRule{}, v3.EntityRule{})})
	}
	if f.dhcp {
		rules = append(rules, builtRule{attribute: "allow_dhcp", Rule: allow(numorstring.ProtocolUDP, v3.EntityRule{}, v3.EntityRule{Ports: single(portDHCP)})})
		if f.ipv6() {
			rules = append(rules, builtRule{attribute: "allow_dhcp", Rule: allow(numorstring.ProtocolUDP, v3.EntityRule{}, v3.EntityRule{Ports: single(portDHCPv6)})})
		}
	}
	for _, nets := range byFamily(f.bgpPeers) {
		rules = append(rules, builtRule{attribute: "bgp_peers", Rule: allow(numorstring.ProtocolTCP, v3.EntityRule{}, v3.EntityRule{Nets: nets, Ports: single(portBGP)})})
	}
	return appendExtra(rules, "extra_egress", f.extraEgress)
}

func appendExtra(rules []builtRule, attribute string, extra []v3.Rule) []builtRule {
	for i, r := range extra {
		rules = append(rules, builtRule{attribute: attribute, index: i, Rule: r})
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
		if isIPv6(a) {
			v6 = append(v6, asNet(a))
		} else {
			v4 = append(v4, asNet(a))
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

// asNet returns a bare address as the network of that address alone, which is
// how Calico wants it in a rule, and anything else as it is.
func asNet(s string) string {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return s
	}
	return s + "/" + strconv.Itoa(a.BitLen())
}

// isIPv6 tells an IPv6 address or network. What is neither counts as IPv4: it
// is refused wherever it goes.
func isIPv6(s string) bool {
	address, _, _ := strings.Cut(s, "/")
	a, err := netip.ParseAddr(address)
	return err == nil && a.Is6() && !a.Is4In6()
}

// parseFailsafe finds the guide's terms in the rules of a stored policy. It is
// the way back of ingress and egress: what it returns makes just these rules.
// Rules that are not the guide's, and all behind the first such, are extra. ok
// is false where the rules of the two directions do not belong together; then
// all of them are extra.
func parseFailsafe(ingress, egress []v3.Rule) (f *failsafe, ok bool) {
	f = &failsafe{}
	in, out := ruleReader{ingress}, ruleReader{egress}

	for range 2 { // one rule for each IP version
		in.take(func(r v3.Rule) bool {
			nets, ports := r.Source.Nets, r.Destination.Ports
			if len(nets) == 0 || len(ports) == 0 || len(f.managementCIDRs) > 0 && !slices.Equal(ports, f.managementPorts) {
				return false
			}
			if !sameRule(r, allow(numorstring.ProtocolTCP, v3.EntityRule{Nets: nets}, v3.EntityRule{Ports: ports})) || slices.ContainsFunc(ports, isNamed) {
				return false
			}
			if onlyBGP(ports) && len(f.managementCIDRs) == 0 && !f.icmp {
				return false // BGP's own rule, in a policy that lets nobody in for management
			}
			if len(f.managementCIDRs) > 0 && (isIPv6(f.managementCIDRs[0]) || !isIPv6(nets[0])) {
				return false // the second rule is that of IPv6
			}
			f.managementCIDRs = append(f.managementCIDRs, nets...)
			f.managementPorts = ports
			return true
		})
	}
	f.icmp = in.takeRule(allow(numorstring.ProtocolICMP, v3.EntityRule{}, v3.EntityRule{}))
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
	f.extraIngress = in.rules

	for out.take(func(r v3.Rule) bool {
		nets, ports := r.Destination.Nets, r.Destination.Ports
		if len(nets) != 1 || len(ports) == 0 || onlyBGP(ports) || slices.ContainsFunc(ports, isNamed) {
			return false
		}
		if !sameRule(r, allow(numorstring.ProtocolTCP, v3.EntityRule{}, v3.EntityRule{Nets: nets, Ports: ports})) {
			return false
		}
		f.etcdServers = append(f.etcdServers, etcdServer{address: asAddress(nets[0]), ports: ports})
		return true
	}) {
	}
	f.icmpv6 = out.takeRule(allow(numorstring.ProtocolICMPv6, v3.EntityRule{}, v3.EntityRule{}))
	f.dhcp = out.takeRule(allow(numorstring.ProtocolUDP, v3.EntityRule{}, v3.EntityRule{Ports: single(portDHCP)}))
	if f.dhcp {
		out.takeRule(allow(numorstring.ProtocolUDP, v3.EntityRule{}, v3.EntityRule{Ports: single(portDHCPv6)}))
	}
	for range 2 {
		out.take(func(r v3.Rule) bool {
			if len(r.Destination.Nets) == 0 || !sameRule(r, allow(numorstring.ProtocolTCP, v3.EntityRule{}, v3.EntityRule{Nets: r.Destination.Nets, Ports: single(portBGP)})) {
				return false
			}
			f.bgpPeers = append(f.bgpPeers, r.Destination.Nets...)
			return true
		})
	}
	f.extraEgress = out.rules

	if inICMPv6 == f.icmpv6 && slices.Equal(inPeers, f.bgpPeers) && f.makes(ingress, egress) {
		return f, true
	}
	return &failsafe{extraIngress: ingress, extraEgress: egress}, false
}

// makes tells whether f's rules are these.
func (f *failsafe) makes(ingress, egress []v3.Rule) bool {
	return sameRules(f.ingress(), ingress) && sameRules(f.egress(), egress)
}

// drift tells, a line a rule, which rules are not f's, and which of f's are missing.
func (f *failsafe) drift(ingress, egress []v3.Rule) []string {
	var lines []string
	for _, d := range []struct {
		direction string
		want      []builtRule
		got       []v3.Rule
	}{{"ingress", f.ingress(), ingress}, {"egress", f.egress(), egress}} {
		missing := d.want
		for _, rule := range d.got {
			i := slices.IndexFunc(missing, func(b builtRule) bool { return sameRule(b.Rule, rule) })
			if i < 0 {
				lines = append(lines, d.direction+": "+describeRule(rule))
				continue
			}
			missing = slices.Delete(slices.Clone(missing), i, i+1)
		}
		for _, b := range missing {
			lines = append(lines, "missing "+d.direction+": "+describeRule(b.Rule))
		}
	}
	if len(lines) == 0 {
		lines = append(lines, "the rules are in another order")
	}
	return lines
}

// describeRule writes a rule in a few words: "Allow TCP from 10.1.0.0/24 to port 22".
// What it has no words for is given in Calico's own.
func describeRule(r v3.Rule) string {
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

func sameRules(built []builtRule, rules []v3.Rule) bool {
	return slices.EqualFunc(built, rules, func(b builtRule, r v3.Rule) bool { return sameRule(b.Rule, r) })
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

func isNamed(p numorstring.Port) bool { return p.PortName != "" }

func onlyBGP(ports []numorstring.Port) bool { return slices.Equal(ports, single(portBGP)) }

// asAddress returns the network of a single address as that address.
func asAddress(net string) string {
	p, err := netip.ParsePrefix(net)
	if err != nil || !p.IsSingleIP() {
		return net
	}
	address, _, _ := strings.Cut(net, "/")
	return address
}
