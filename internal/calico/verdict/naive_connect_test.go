package verdict_test

import (
	"net"
	"slices"
	"strconv"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// way is how Felix may handle packets.
type naiveWay struct{ nft, keepsInvalid bool }

func (n *naiveWorld) ways(node string) []naiveWay {
	var nft []bool
	for _, mode := range n.possible(node, "NFTablesMode", func(s *calico.FelixConfigurationSpec) string {
		if s.NFTablesMode == nil {
			return ""
		}
		return string(*s.NFTablesMode)
	}) {
		switch {
		case n.old(29):
			nft = append(nft, false)
		case mode == "Enabled":
			nft = append(nft, true)
		case mode == "Disabled" || n.old(32):
			nft = append(nft, false)
		default:
			nft = append(nft, false, true)
		}
	}
	var ways []naiveWay
	for _, check := range n.possible(node, "DisableConntrackInvalidCheck", func(s *calico.FelixConfigurationSpec) string {
		if s.DisableConntrackInvalidCheck == nil {
			return ""
		}
		return map[bool]string{true: "true", false: "false"}[*s.DisableConntrackInvalidCheck]
	}) {
		for _, mode := range nft {
			ways = append(ways, naiveWay{mode, check == "true"})
		}
	}
	return ways
}

// decide follows one packet, and its reply, in all ways that may be.
func (n *naiveWorld) decide(asked *v3.HostEndpoint, p *packet) (fate, []string) {
	node := asked.Spec.Node
	ep := asked
	ways := n.ways(node)
	if n.stuck(node, ways) {
		return fate{"undecided", "stuck"}, nil
	}
	meets := func(parameter string, field func(*calico.FelixConfigurationSpec) string, meets func(string) bool) tri {
		hits := 0
		all := n.possible(node, parameter, field)
		for _, value := range all {
			if value != "" && meets(value) {
				hits++
			}
		}
		switch {
		case hits == 0 || asked.Spec.InterfaceName == "*":
			return triNo
		case hits == len(all):
			return triYes
		default:
			return triUnknown
		}
	}
	// Of interfaces there is eth0.
	switch meets("InterfacePrefix", func(s *calico.FelixConfigurationSpec) string { return s.InterfacePrefix }, func(v string) bool { return strings.Contains(v, "eth") }) {
	case triYes:
		return fate{"denied", "workload"}, nil
	case triUnknown:
		return fate{"undecided", "none"}, nil
	case triNo:
	}
	switch meets("InterfaceExclude", func(s *calico.FelixConfigurationSpec) string { return s.InterfaceExclude }, func(v string) bool { return strings.Contains(v, "eth") }) {
	case triYes:
		if ep = n.forAll(node); ep == nil {
			return fate{"allowed", "excluded"}, nil
		}
	case triUnknown:
		return fate{"undecided", "none"}, nil
	case triNo:
	}
	if p.v6 && slices.Contains(n.possible(node, "Ipv6Support", func(s *calico.FelixConfigurationSpec) string {
		if s.IPv6Support == nil {
			return ""
		}
		return map[bool]string{true: "true", false: "false"}[*s.IPv6Support]
	}), "false") {
		return fate{"undecided", "none"}, nil
	}
	opposites := []*v3.HostEndpoint{nil}
	if p.forwarded && !p.acrossIsPod {
		for _, o := range n.objects {
			if o, ok := o.(*v3.HostEndpoint); ok && o.Spec.Node == node && o != ep && o != asked {
				opposites = append(opposites, o)
			}
		}
	}
	var all []fate
	about := []string{"none"}
	for _, opposite := range opposites {
		for _, way := range ways {
			t := &trial{}
			for {
				f := n.connect(ep, opposite, p, way, t)
				if len(all) == 0 || f != all[len(all)-1] {
					all = append(all, f)
				}
				about = append(about, t.about...)
				t.about = nil
				if !t.next() {
					break
				}
			}
		}
	}
	for _, f := range all {
		about = append(about, f.cause)
		if f.outcome != all[0].outcome || f.outcome == "undecided" {
			all[0] = fate{"undecided", "several"}
		}
	}
	return all[0], about
}

// connect tells what becomes of a request and its reply.
func (n *naiveWorld) connect(ep, opposite *v3.HostEndpoint, p *packet, way naiveWay, t *trial) fate {
	own, passesIn, passesOut := !p.forwarded, p.forwarded && p.in, p.forwarded && !p.in
	shielded, like := false, false
	if !passesOut {
		shielded = t.is(n.failsafe(ep, p, p.in, false), "none")
		if shielded && own {
			return fate{"allowed", "failsafe"}
		}
		like = !shielded && t.is(n.failsafe(ep, p, !p.in, true), "none")
	}
	reply := p.reply()
	raw := func(ep *v3.HostEndpoint, p *packet, shield bool) fate {
		if ep == nil || ep.Spec.InterfaceName == "*" || shield {
			return fate{}
		}
		return n.follow(ep, p, t, rawTable)
	}
	shield := func(ep *v3.HostEndpoint, p *packet) bool {
		return ep != nil && t.is(some(n.failsafe(ep, p, p.in, false), n.failsafe(ep, p, !p.in, true)), "none")
	}
	var f, r fate
	loose := withPorts(p.protocol) && p.protocol != 6 && p.protocol != 132 || !withPorts(p.protocol) && reply.icmpType == 0 && p.icmpType != 8 ||
		p.protocol == 58 && p.icmpType < 128 || p.protocol == 1 && p.icmpType > 18
	switch {
	case own:
		f = raw(ep, p, like)
		if !loose {
			r = raw(ep, reply, like)
		}
	case passesIn:
		f = raw(ep, p, shielded || like)
		if !loose {
			r = raw(opposite, reply.across(), shield(opposite, reply.across()))
		}
	default:
		f = raw(opposite, p.across(), shield(opposite, p.across()))
		if !loose {
			r = raw(ep, reply, shield(ep, reply))
		}
	}
	if f.outcome == "denied" {
		if !passesOut {
			return f
		}
		f = fate{}
	}
	replied := func() fate {
		var got fate
		switch {
		case own:
			got = n.follow(ep, reply, t, mangleTable, filterTable)
		case passesIn:
			got = n.follow(ep, reply, t, forwardTable)
		case t.is(n.failsafe(ep, reply, true, false), "none"):
			got = n.follow(ep, reply, t, forwardTable)
		default:
			got = n.follow(ep, reply, t, mangleTable, forwardTable)
		}
		return got
	}
	var req fate
	switch {
	case passesOut:
		req = n.follow(ep, p, t, forwardTable)
	case f.outcome == "allowed":
		req = f
	case passesIn && shielded:
		req = n.follow(ep, p, t, forwardTable)
	case passesIn:
		req = n.follow(ep, p, t, mangleTable, forwardTable)
	default:
		req = n.follow(ep, p, t, mangleTable, filterTable)
	}
	if p.protocol == 136 && req.outcome == "allowed" && f.outcome == "" && (p.in || p.forwarded) && !way.keepsInvalid {
		req.outcome = "undecided"
	}
	if req.outcome == "denied" || loose {
		return req
	}
	and := func(also fate) fate {
		if also.outcome == "denied" {
			return also
		}
		return req
	}
	handshake := p.protocol == 6 || p.protocol == 132
	switch {
	case r.outcome == "denied":
		return r
	case f.outcome == "allowed" && r.outcome == "allowed", r.outcome == "allowed" && !handshake:
		if passesIn {
			return and(replied())
		}
		return req
	case f.outcome == "" && r.outcome == "":
		return req
	}
	// One of them alone.
	invalidGoesOut := own && (p.in == (f.outcome == "allowed"))
	switch {
	case way.nft && invalidGoesOut && f.outcome == "allowed" && p.protocol == 6:
		return and(replied())
	case way.nft && invalidGoesOut:
		return req
	case !way.keepsInvalid:
		return fate{"denied", "one way " + f.cause + r.cause}
	case f.outcome == "allowed" || passesIn:
		return and(replied())
	default:
		return req
	}
}

// stuck tells whether a policy or profile of an endpoint on the node has a rule that
// Felix cannot program in one of the ways.
func (n *naiveWorld) stuck(node string, ways []naiveWay) bool {
	for _, ep := range n.endpointsOn(node) {
		var rules []v3.Rule
		labels := n.labels(ep.Labels, ep.Spec.Profiles)
		for _, in := range []bool{true, false} {
			for _, pol := range n.policies(in) {
				direction := map[bool]v3.PolicyType{true: v3.PolicyTypeIngress, false: v3.PolicyTypeEgress}[in]
				if pol.selects(labels) && slices.Contains(pol.types, direction) && (!pol.track || ep.Spec.InterfaceName != "*") && (!pol.track && !pol.preDNAT || !isPod(ep)) {
					rules = append(rules, pol.rules...)
				}
			}
		}
		for _, name := range ep.Spec.Profiles {
			if prof := n.profile(name); prof != nil {
				rules = append(rules, slices.Concat(prof.Spec.Ingress, prof.Spec.Egress)...)
			}
		}
		for _, way := range ways {
			for i := range rules {
				if n.impossible(&rules[i], false, way.nft) || n.impossible(&rules[i], true, way.nft) {
					return true
				}
			}
		}
	}
	return false
}

// made tells whether Felix makes a rule for an IP version of this one.
func (n *naiveWorld) made(r *v3.Rule, v6 bool) bool {
	if r.IPVersion != nil && (*r.IPVersion == 6) != v6 {
		return false
	}
	if r.IPVersion == nil && r.Protocol != nil && (r.Protocol.StrVal == "ICMP" && v6 || r.Protocol.StrVal == "ICMPv6" && !v6) {
		return false
	}
	for _, list := range [][]string{r.Source.Nets, r.Source.NotNets, r.Destination.Nets, r.Destination.NotNets} {
		good, mine := 0, 0
		for _, text := range list {
			if _, broken := inNet(net.IPv4zero, text); broken {
				continue
			}
			good++
			if isV6(text) == v6 {
				mine++
			}
		}
		if good > 0 && mine == 0 {
			return false
		}
	}
	for _, list := range [][]string{r.Source.NotNets, r.Destination.NotNets} {
		for _, text := range list {
			if n.knowsEverything() && strings.HasSuffix(text, "/0") && isV6(text) == v6 {
				return false
			}
		}
	}
	return true
}

// knowsEverything tells whether the release leaves out rules with all addresses in
// notNets.
func (n *naiveWorld) knowsEverything() bool {
	return !n.old(31) || n.release.Minor == 30 && n.release.Patch >= 3 || n.release.Minor == 29 && n.release.Patch >= 6
}

// impossible tells whether Felix cannot make a rule for an IP version.
func (n *naiveWorld) impossible(r *v3.Rule, v6, nft bool) bool {
	if !n.made(r, v6) {
		return false
	}
	number := 1
	if v6 {
		number = 58
	}
	bad := false
	for _, e := range []*v3.EntityRule{&r.Source, &r.Destination} {
		var mine [2]int
		everything := false
		for i, list := range [][]string{e.Nets, e.NotNets} {
			for _, text := range list {
				if _, broken := inNet(net.IPv4zero, text); !broken && isV6(text) == v6 {
					mine[i]++
					everything = everything || i == 1 && strings.HasSuffix(text, "/0")
				}
			}
		}
		if everything && mine[1] == 1 && mine[0] != 1 && !nft {
			bad = true
		}
	}
	coded := func(f *v3.ICMPFields) bool { return f != nil && f.Code != nil }
	switch {
	case r.Protocol != nil && r.NotProtocol != nil && !nft:
		bad = true
	case r.NotICMP != nil && (r.Protocol == nil && !nft || r.Protocol != nil && !n.protocolIs(r.Protocol, number)):
		bad = true
	case nft && (coded(r.ICMP) || coded(r.NotICMP)):
		bad = true
	}
	return bad
}

// failsafe tells whether a packet goes to a failsafe port, or comes as a reply from
// one. Inbound failsafe ports are asked for with inbound.
func (n *naiveWorld) failsafe(ep *v3.HostEndpoint, p *packet, inbound, reply bool) tri {
	parameter, builtin := "FailsafeOutboundHostPorts", "udp 53, udp 67, tcp 179, tcp 2379, tcp 2380, tcp 5473, tcp 6443, tcp 6666, tcp 6667"
	if inbound {
		parameter, builtin = "FailsafeInboundHostPorts", "tcp 22, udp 68, tcp 179, tcp 2379, tcp 2380, tcp 5473, tcp 6443, tcp 6666, tcp 6667"
	}
	defaults := []v3.ProtoPort{}
	for _, entry := range strings.Split(builtin, ", ") {
		port, _ := strconv.Atoi(entry[4:])
		defaults = append(defaults, v3.ProtoPort{Protocol: entry[:3], Port: uint16(port)})
	}
	// What nobody reads is nil.
	lists := possibly(n, ep.Spec.Node, func(o *calico.FelixConfiguration) []*[]v3.ProtoPort {
		list := o.Spec.FailsafeOutboundHostPorts
		if inbound {
			list = o.Spec.FailsafeInboundHostPorts
		}
		if o.Annotations["config.projectcalico.org/"+parameter] != "" {
			return []*[]v3.ProtoPort{nil}
		}
		if list == nil {
			return nil
		}
		return []*[]v3.ProtoPort{list}
	}, &defaults)
	port := p.dport
	if reply {
		port = p.sport
	}
	var answers []tri
	for _, list := range lists {
		if list == nil {
			if p.protocol == 6 || p.protocol == 17 {
				return triUnknown
			}
			continue
		}
		answer := triNo
		for _, f := range *list {
			if number := map[string]int{"tcp": 6, "udp": 17}[strings.ToLower(f.Protocol)]; number != p.protocol || int(f.Port) != port {
				continue
			}
			if f.Net == "" {
				answer = triYes
			} else if isV6(f.Net) == p.v6 {
				answer = some(answer, p.onAddress(false, func(a net.IP) tri { in, _ := inNet(a, f.Net); return triOf(in) }))
			}
		}
		answers = append(answers, answer)
	}
	switch {
	case !slices.ContainsFunc(answers, func(t tri) bool { return t != triNo }):
		return triNo
	case slices.Contains(answers, triNo) || slices.Contains(answers, triUnknown):
		return triUnknown
	default:
		return triYes
	}
}

// sortBy sorts the slow way.
func sortBy[T any](list []T, less func(a, b T) bool) {
	for i := range list {
		for j := i; j > 0 && less(list[j], list[j-1]); j-- {
			list[j], list[j-1] = list[j-1], list[j]
		}
	}
}
