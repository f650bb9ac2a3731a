package verdict_test

import (
	"net"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// The second implementation: it takes one packet at a time, reads the objects
// anew for every question, and knows selectors as functions. It shares nothing
// with the first but the names of causes.

// Three-valued logic: what is not known is 1, between no and yes.
type tri int

const (
	triNo tri = iota
	triUnknown
	triYes
)

func triOf(b bool) tri {
	if b {
		return triYes
	}
	return triNo
}

func all(conditions ...tri) tri { return slices.Min(append(conditions, triYes)) }
func some(options ...tri) tri   { return slices.Max(append(options, triNo)) }
func not(t tri) tri             { return triYes - t }

// packet is one concrete packet. An unknown local address is nil.
type packet struct {
	in, forwarded       bool
	v6                  bool
	protocol            int
	peer, local         net.IP
	sport, dport        int
	icmpType, icmpCode  int
	everyLocalAddressIs []net.IP
}

type naiveWorld struct {
	objects []calico.Object
	release calico.Release
	// selectors are what the texts of selectors mean.
	selectors map[string]func(map[string]string) bool
	all       []known
}

func (n *naiveWorld) old(minor int) bool { return n.release.Minor < minor }

// fate is what may happen to a packet, and the cause if there is one.
type fate struct {
	outcome string // "allowed", "denied" or "undecided"
	cause   string
}

func (n *naiveWorld) profile(name string) *v3.Profile {
	for _, o := range n.objects {
		if p, ok := o.(*v3.Profile); ok && p.Name == name {
			return p
		}
	}
	if name == "projectcalico-default-allow" {
		return &v3.Profile{Spec: v3.ProfileSpec{Ingress: []v3.Rule{{Action: v3.Allow}}, Egress: []v3.Rule{{Action: v3.Allow}}}}
	}
	return nil
}

func (n *naiveWorld) labels(own map[string]string, profiles []string) map[string]string {
	out := map[string]string{}
	for k, v := range own {
		out[k] = v
	}
	for _, name := range profiles {
		p := n.profile(name)
		if p == nil {
			continue
		}
		for k, v := range p.Spec.LabelsToApply {
			if _, taken := out[k]; !taken {
				out[k] = v
			}
		}
	}
	return out
}

func (n *naiveWorld) endpoint(name string) *v3.HostEndpoint {
	for _, o := range n.objects {
		if ep, ok := o.(*v3.HostEndpoint); ok && ep.Name == name {
			return ep
		}
	}
	return nil
}

// known is an endpoint or a set, as rules see it.
type known struct {
	labels map[string]string
	nets   []string
	ports  []v3.EndpointPort
}

func (n *naiveWorld) everyone() []known {
	if n.all != nil {
		return n.all
	}
	var out []known
	for _, o := range n.objects {
		switch o := o.(type) {
		case *v3.HostEndpoint:
			out = append(out, known{n.labels(o.Labels, o.Spec.Profiles), o.Spec.ExpectedIPs, o.Spec.Ports})
		case *v3.GlobalNetworkSet:
			out = append(out, known{labels: o.Labels, nets: o.Spec.Nets})
		case *v3.NetworkSet:
			labels := n.labels(o.Labels, []string{"kns." + o.Namespace})
			labels["projectcalico.org/namespace"] = o.Namespace
			out = append(out, known{labels: labels, nets: o.Spec.Nets})
		}
	}
	n.all = out
	return out
}

// inNet tells whether an address is in a network; bad is set for no network.
func inNet(addr net.IP, text string) (in, bad bool) {
	if ip := net.ParseIP(text); ip != nil {
		return ip.Equal(addr), false
	}
	_, network, err := net.ParseCIDR(text)
	if err != nil {
		return false, true
	}
	return network.Contains(addr), false
}

func isV6(text string) bool { return strings.Contains(text, ":") }

// onAddress asks a question about the address of a side, or about all of them
// where it is not known.
func (p *packet) onAddress(local bool, question func(net.IP) tri) tri {
	switch {
	case !local:
		return question(p.peer)
	case p.local != nil:
		return question(p.local)
	}
	first := question(p.everyLocalAddressIs[0])
	for _, addr := range p.everyLocalAddressIs[1:] {
		if question(addr) != first {
			return triUnknown
		}
	}
	return first
}

func (n *naiveWorld) protocolIs(p *numorstring.Protocol, number int) bool {
	if p.Type == numorstring.NumOrStringNum {
		return int(p.NumVal) == number
	}
	return map[string]int{"ICMP": 1, "TCP": 6, "UDP": 17, "ICMPv6": 58, "SCTP": 132, "UDPLite": 136}[p.StrVal] == number
}

// chosen tells whether a rule's selectors choose an endpoint; unasked is set where
// there are none.
func (n *naiveWorld) chosen(e *v3.EntityRule, namespace string, k known) (chosen, unasked bool) {
	_, hasNamespace := k.labels["projectcalico.org/namespace"]
	asked, ok := false, true
	if e.NamespaceSelector != "" {
		asked = true
		switch e.NamespaceSelector {
		case "all()":
			ok = hasNamespace
		case "global()":
			ok = !hasNamespace
		default:
			stripped := map[string]string{}
			for label, v := range k.labels {
				if rest, ours := strings.CutPrefix(label, "pcns."); ours {
					stripped[rest] = v
				}
			}
			ok = n.selectors[e.NamespaceSelector](stripped)
		}
	} else if namespace != "" && (e.Selector != "" || e.NotSelector != "") {
		asked = true
		ok = k.labels["projectcalico.org/namespace"] == namespace
	}
	if e.Selector != "" {
		asked = true
		ok = ok && n.selectors[e.Selector](k.labels)
	}
	if asked && e.NotSelector != "" {
		ok = ok && !n.selectors[e.NotSelector](k.labels)
	}
	return ok, !asked
}

func (n *naiveWorld) namedPort(rule *v3.Rule, e *v3.EntityRule, namespace, name string, p *packet, local bool, port int) tri {
	var options []tri
	for _, k := range n.everyone() {
		if chosen, unasked := n.chosen(e, namespace, k); !chosen && !unasked {
			continue
		}
		for _, np := range k.ports {
			if np.Name != name || int(np.Port) != port || !n.protocolIs(&np.Protocol, p.protocol) {
				continue
			}
			switch {
			case rule.Protocol == nil && n.old(32) && p.protocol != 6:
				continue
			case rule.Protocol != nil && !n.protocolIs(rule.Protocol, p.protocol):
				continue
			}
			for _, text := range k.nets {
				if isV6(text) == p.v6 {
					options = append(options, p.onAddress(local, func(a net.IP) tri { in, _ := inNet(a, text); return triOf(in) }))
				}
			}
		}
	}
	return some(options...)
}

func (n *naiveWorld) side(rule *v3.Rule, e *v3.EntityRule, namespace string, p *packet, local bool, port int) tri {
	conditions := []tri{triYes}
	nets := func(list []string, negated bool) {
		good, ours := 0, []string{}
		for _, text := range list {
			if _, bad := inNet(net.IPv4zero, text); bad {
				continue
			}
			good++
			if isV6(text) == p.v6 {
				ours = append(ours, text)
			}
		}
		if good == 0 {
			return
		}
		if len(ours) == 0 {
			conditions = append(conditions, triNo)
			return
		}
		conditions = append(conditions, p.onAddress(local, func(a net.IP) tri {
			hit := slices.ContainsFunc(ours, func(text string) bool { in, _ := inNet(a, text); return in })
			return triOf(hit != negated)
		}))
	}
	nets(e.Nets, false)
	nets(e.NotNets, true)

	inChosen := func(member func(known) bool) tri {
		return p.onAddress(local, func(a net.IP) tri {
			for _, k := range n.everyone() {
				if member(k) && slices.ContainsFunc(k.nets, func(text string) bool { in, _ := inNet(a, text); return in && isV6(text) == p.v6 }) {
					return triYes
				}
			}
			return triNo
		})
	}
	_, unselected := n.chosen(e, namespace, known{})
	accounts := e.ServiceAccounts != nil
	if accounts {
		conditions = append(conditions, triUnknown)
	}
	chosen := triYes
	if !unselected && !accounts {
		chosen = inChosen(func(k known) bool { ok, _ := n.chosen(e, namespace, k); return ok })
	}
	if unselected && e.NotSelector != "" && !accounts {
		conditions = append(conditions, not(inChosen(func(k known) bool { return n.selectors[e.NotSelector](k.labels) })))
	}
	portIn := func(list []numorstring.Port) (numeric, named tri) {
		numeric, named = triNo, triNo
		for _, q := range list {
			if q.PortName != "" {
				named = some(named, n.namedPort(rule, e, namespace, q.PortName, p, local, port))
			} else if p.protocol == 6 || p.protocol == 17 {
				numeric = some(numeric, triOf(int(q.MinPort) <= port && port <= int(q.MaxPort)))
			}
		}
		return numeric, named
	}
	if len(e.Ports) > 0 {
		numeric, named := portIn(e.Ports)
		conditions = append(conditions, some(named, all(numeric, chosen)))
	} else {
		conditions = append(conditions, chosen)
	}
	if len(e.NotPorts) > 0 {
		conditions = append(conditions, not(some(portIn(e.NotPorts))))
	}
	if e.Services != nil {
		conditions = append(conditions, triUnknown)
	}
	return all(conditions...)
}

func (n *naiveWorld) matches(rule *v3.Rule, namespace string, p *packet) tri {
	conditions := []tri{triYes}
	if rule.IPVersion != nil {
		conditions = append(conditions, triOf((*rule.IPVersion == 6) == p.v6))
	}
	if rule.Protocol != nil {
		conditions = append(conditions, triOf(n.protocolIs(rule.Protocol, p.protocol)))
		if rule.IPVersion == nil && rule.Protocol.StrVal == "ICMP" {
			conditions = append(conditions, triOf(!p.v6))
		}
		if rule.IPVersion == nil && rule.Protocol.StrVal == "ICMPv6" {
			conditions = append(conditions, triOf(p.v6))
		}
	}
	if rule.NotProtocol != nil {
		conditions = append(conditions, triOf(!n.protocolIs(rule.NotProtocol, p.protocol)))
	}
	icmp := func(f *v3.ICMPFields) bool {
		return *f.Type == p.icmpType && (f.Code == nil || *f.Code == p.icmpCode)
	}
	if rule.ICMP != nil {
		conditions = append(conditions, triOf(icmp(rule.ICMP)))
	}
	if rule.NotICMP != nil {
		conditions = append(conditions, triOf(!icmp(rule.NotICMP)))
	}
	if rule.HTTP != nil {
		conditions = append(conditions, triUnknown)
	}
	conditions = append(conditions,
		n.side(rule, &rule.Source, namespace, p, !p.in, p.sport),
		n.side(rule, &rule.Destination, namespace, p, p.in, p.dport))
	return all(conditions...)
}

// naivePolicy is a policy of either kind.
type naivePolicy struct {
	name, namespace, tier string
	sortName              string
	order                 *float64
	selects               func(map[string]string) bool
	types                 []v3.PolicyType
	rules                 []v3.Rule
	track, preDNAT        bool
	forward               bool
}

func (n *naiveWorld) policies(in bool) []naivePolicy {
	var out []naivePolicy
	stored := func(name, tier string) string {
		if n.old(32) && (tier == "" || tier == "default") {
			return "default." + name
		}
		return name
	}
	for _, o := range n.objects {
		var p naivePolicy
		switch o := o.(type) {
		case *v3.GlobalNetworkPolicy:
			p = naivePolicy{
				name: o.Name, tier: o.Spec.Tier, order: o.Spec.Order, types: o.Spec.Types,
				track: o.Spec.DoNotTrack, preDNAT: o.Spec.PreDNAT, forward: o.Spec.ApplyOnForward, rules: o.Spec.Ingress,
			}
			if !in {
				p.rules = o.Spec.Egress
			}
			spec := o.Spec
			p.selects = func(labels map[string]string) bool {
				_, hasNamespace := labels["projectcalico.org/namespace"]
				if spec.NamespaceSelector == "" {
					return n.selectors[spec.Selector](labels)
				}
				if spec.Selector == "all()" && !hasNamespace {
					return false
				}
				ok, _ := n.chosen(&v3.EntityRule{NamespaceSelector: spec.NamespaceSelector}, "", known{labels: labels})
				return ok && n.selectors[spec.Selector](labels)
			}
			p.sortName = stored(o.Name, o.Spec.Tier)
			if !n.old(32) {
				p.sortName += "//GlobalNetworkPolicy"
			}
		case *v3.NetworkPolicy:
			p = naivePolicy{name: o.Name, namespace: o.Namespace, tier: o.Spec.Tier, order: o.Spec.Order, types: o.Spec.Types, rules: o.Spec.Ingress}
			if !in {
				p.rules = o.Spec.Egress
			}
			spec, namespace := o.Spec, o.Namespace
			p.selects = func(labels map[string]string) bool {
				return labels["projectcalico.org/namespace"] == namespace && n.selectors[spec.Selector](labels)
			}
			p.sortName = namespace + "/" + stored(o.Name, o.Spec.Tier)
			if !n.old(32) {
				p.sortName = stored(o.Name, o.Spec.Tier) + "/" + namespace + "/NetworkPolicy"
			}
		default:
			continue
		}
		if p.tier == "" {
			p.tier = "default"
		}
		if n.old(29) {
			p.tier = ""
		}
		out = append(out, p)
	}
	return out
}

func before(a, b *float64, nameA, nameB string) bool {
	switch {
	case a == nil && b == nil, a != nil && b != nil && *a == *b:
		return nameA < nameB
	case a == nil || b == nil:
		return a != nil
	default:
		return *a < *b
	}
}

// decide follows one packet.
func (n *naiveWorld) decide(ep *v3.HostEndpoint, p *packet) fate {
	if !p.forwarded && n.failsafe(ep, p, p.in, false) {
		return fate{"allowed", "failsafe"}
	}
	labels := n.labels(ep.Labels, ep.Spec.Profiles)
	type tierOf struct {
		name   string
		order  *float64
		real   bool
		pass   bool
		member []naivePolicy
	}
	var tiers []*tierOf
	find := func(name string) *tierOf {
		for _, t := range tiers {
			if t.name == name {
				return t
			}
		}
		tiers = append(tiers, &tierOf{name: name})
		return tiers[len(tiers)-1]
	}
	for _, o := range n.objects {
		if o, ok := o.(*v3.Tier); ok && !n.old(29) {
			t := find(o.Name)
			t.real, t.order = true, o.Spec.Order
			t.pass = o.Spec.DefaultAction != nil && *o.Spec.DefaultAction == v3.Pass
		}
	}
	direction := v3.PolicyTypeEgress
	if p.in {
		direction = v3.PolicyTypeIngress
	}
	all := n.policies(p.in)
	preDNATLabels := labels
	if ep.Spec.InterfaceName != "*" && !slices.ContainsFunc(all, func(q naivePolicy) bool {
		return q.preDNAT && !q.track && q.selects(labels) && slices.Contains(q.types, direction)
	}) {
		// None of its own: those of the endpoint for all interfaces.
		var first *v3.HostEndpoint
		for _, o := range n.objects {
			if o, ok := o.(*v3.HostEndpoint); ok && o.Spec.Node == ep.Spec.Node && o.Spec.InterfaceName == "*" && (first == nil || o.Name < first.Name) {
				first = o
				preDNATLabels = n.labels(o.Labels, o.Spec.Profiles)
			}
		}
	}
	for _, pol := range all {
		chosenBy := labels
		if pol.preDNAT && !pol.track {
			chosenBy = preDNATLabels
		}
		if pol.selects(chosenBy) && slices.Contains(pol.types, direction) {
			t := find(pol.tier)
			t.member = append(t.member, pol)
		}
	}
	sortBy(tiers, func(a, b *tierOf) bool {
		if a.real != b.real {
			return a.real
		}
		return before(a.order, b.order, a.name, b.name)
	})
	for _, t := range tiers {
		sortBy(t.member, func(a, b naivePolicy) bool { return before(a.order, b.order, a.sortName, b.sortName) })
	}

	// The whole path as a list of steps, over which one index moves.
	type stop struct {
		rule      *v3.Rule
		namespace string
		cause     string
		end       string // without a rule: the outcome, or "" for none
		pass      int    // where Pass leads to
		unmarks   bool   // takes away what Pass has marked the packet with
		ofProfile bool
	}
	var path []stop
	table := func(wanted func(naivePolicy) bool, drops bool) {
		path = append(path, stop{unmarks: true})
		for _, t := range tiers {
			begin, applies := len(path), false
			for _, pol := range t.member {
				if !wanted(pol) {
					continue
				}
				if !applies {
					path = append(path, stop{unmarks: true})
				}
				applies = true
				for i := range pol.rules {
					path = append(path, stop{rule: &pol.rules[i], namespace: pol.namespace, cause: pol.name + "/" + t.name + "/" + string(rune('1'+i))})
				}
			}
			if applies && drops && !t.pass {
				path = append(path, stop{end: "denied", cause: "end of " + t.name})
			}
			for i := begin; i < len(path); i++ {
				path[i].pass = len(path)
			}
		}
	}
	failsafeIn := n.failsafe(ep, p, p.in, false)
	early := !p.forwarded || p.in && !failsafeIn
	if early && ep.Spec.InterfaceName != "*" && !n.failsafe(ep, p, !p.in, true) {
		table(func(q naivePolicy) bool { return q.track }, false)
	}
	if early && p.in {
		table(func(q naivePolicy) bool { return q.preDNAT && !q.track }, false)
	}
	if p.forwarded {
		table(func(q naivePolicy) bool { return q.forward && !q.track && !q.preDNAT }, true)
		path = append(path, stop{end: "allowed", cause: "forwarded"})
	} else {
		table(func(q naivePolicy) bool { return !q.track && !q.preDNAT }, true)
		for _, name := range ep.Spec.Profiles {
			prof := n.profile(name)
			if prof == nil {
				path = append(path, stop{end: "denied", cause: "missing " + name})
				continue
			}
			list := prof.Spec.Egress
			if p.in {
				list = prof.Spec.Ingress
			}
			begin := len(path)
			for i := range list {
				path = append(path, stop{rule: &list[i], ofProfile: true, cause: name + "/" + string(rune('1'+i))})
			}
			for i := begin; i < len(path); i++ {
				path[i].pass = len(path)
			}
		}
		path = append(path, stop{end: "denied", cause: "nothing"})
	}

	var from func(i int, marked bool) fate
	from = func(i int, marked bool) fate {
		s := path[i]
		if s.unmarks {
			return from(i+1, false)
		}
		if s.rule == nil {
			return fate{s.end, s.cause}
		}
		if marked && s.ofProfile && s.rule.Action == v3.Pass {
			return from(s.pass, true)
		}
		m := n.matches(s.rule, s.namespace, p)
		if m == triNo || s.rule.Action == v3.Log {
			return from(i+1, marked)
		}
		var with fate
		switch s.rule.Action {
		case v3.Allow:
			with = fate{"allowed", s.cause}
		case v3.Deny:
			with = fate{"denied", s.cause}
		default:
			with = from(s.pass, true)
		}
		if m == triYes {
			return with
		}
		without := from(i+1, marked)
		if with.outcome == without.outcome && with.outcome != "undecided" {
			return without
		}
		return fate{"undecided", s.cause}
	}
	return from(0, false)
}

// failsafe tells whether a packet goes to a failsafe port, or as a reply from one.
func (n *naiveWorld) failsafe(ep *v3.HostEndpoint, p *packet, inbound, reply bool) bool {
	var list *[]v3.ProtoPort
	for _, name := range []string{"default", "node." + ep.Spec.Node} {
		for _, o := range n.objects {
			fc, ok := o.(*v3.FelixConfiguration)
			if !ok || fc.Name != name {
				continue
			}
			if inbound && fc.Spec.FailsafeInboundHostPorts != nil {
				list = fc.Spec.FailsafeInboundHostPorts
			}
			if !inbound && fc.Spec.FailsafeOutboundHostPorts != nil {
				list = fc.Spec.FailsafeOutboundHostPorts
			}
		}
	}
	if list == nil {
		tcp, udp := []int{179, 2379, 2380, 5473, 6443, 6666, 6667}, []int{53, 67}
		if inbound {
			tcp, udp = append(tcp, 22), []int{68}
		}
		list = &[]v3.ProtoPort{}
		for _, port := range tcp {
			*list = append(*list, v3.ProtoPort{Protocol: "tcp", Port: uint16(port)})
		}
		for _, port := range udp {
			*list = append(*list, v3.ProtoPort{Protocol: "udp", Port: uint16(port)})
		}
	}
	port := p.dport
	if reply {
		port = p.sport
	}
	for _, f := range *list {
		number := map[string]int{"tcp": 6, "udp": 17}[strings.ToLower(f.Protocol)]
		if number != p.protocol || int(f.Port) != port {
			continue
		}
		if in, _ := inNet(p.peer, f.Net); f.Net == "" || in && isV6(f.Net) == p.v6 {
			return true
		}
	}
	return false
}

// sortBy sorts the slow way.
func sortBy[T any](list []T, less func(a, b T) bool) {
	for i := range list {
		for j := i; j > 0 && less(list[j], list[j-1]); j-- {
			list[j], list[j-1] = list[j-1], list[j]
		}
	}
}
