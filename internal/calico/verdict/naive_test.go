package verdict_test

import (
	"net"
	"slices"
	"strconv"
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

// packet is one concrete packet as an endpoint sees it. An unknown address is nil.
type packet struct {
	in, forwarded      bool
	v6                 bool
	protocol           int
	peer, local        net.IP
	sport, dport       int
	icmpType, icmpCode int
	everyAddressIs     []net.IP
}

// reply is the answer to a packet, at the same endpoint.
func (p packet) reply() *packet {
	p.in, p.sport, p.dport = !p.in, p.dport, p.sport
	p.icmpType = map[int]int{8: 0, 13: 14, 15: 16, 17: 18, 128: 129, 139: 140}[p.icmpType]
	return &p
}

// across is a forwarded packet where it came in at the other side of the host, if
// it goes out here, or a reply that comes in there.
func (p packet) across() *packet {
	p.in, p.peer, p.local = true, p.local, p.peer
	return &p
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
	addr := p.peer
	if local {
		addr = p.local
	}
	if addr != nil {
		return question(addr)
	}
	first := question(p.everyAddressIs[0])
	for _, addr := range p.everyAddressIs[1:] {
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
	if accounts := e.ServiceAccounts; accounts != nil {
		asked = true
		if account := k.labels["projectcalico.org/serviceaccount"]; len(accounts.Names) > 0 && !slices.Contains(accounts.Names, account) {
			ok = false
		}
		if accounts.Selector != "" && !n.selectors[accounts.Selector](stripped(k.labels, "pcsa.")) {
			ok = false
		}
	}
	if e.NamespaceSelector != "" {
		asked = true
		switch e.NamespaceSelector {
		case "all()":
			ok = ok && hasNamespace
		case "global()":
			ok = ok && !hasNamespace
		default:
			ok = ok && n.selectors[e.NamespaceSelector](stripped(k.labels, "pcns."))
		}
	} else if namespace != "" && (e.Selector != "" || e.NotSelector != "" || asked) {
		asked = true
		ok = ok && k.labels["projectcalico.org/namespace"] == namespace
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

// stripped returns the labels with a prefix, without it.
func stripped(labels map[string]string, prefix string) map[string]string {
	out := map[string]string{}
	for label, v := range labels {
		if rest, ours := strings.CutPrefix(label, prefix); ours {
			out[rest] = v
		}
	}
	return out
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
	chosen := triYes
	if !unselected {
		chosen = inChosen(func(k known) bool { ok, _ := n.chosen(e, namespace, k); return ok })
	}
	if unselected && e.NotSelector != "" {
		conditions = append(conditions, not(inChosen(func(k known) bool { return n.selectors[e.NotSelector](k.labels) })))
	}
	portIn := func(list []numorstring.Port) (numeric, named tri) {
		numeric, named = triNo, triNo
		for _, q := range list {
			if q.PortName != "" {
				named = some(named, n.namedPort(rule, e, namespace, q.PortName, p, local, port))
			} else if withPorts(p.protocol) {
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

func withPorts(protocol int) bool { return slices.Contains([]int{6, 17, 132, 136}, protocol) }

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
		isICMP := p.protocol == 1 || p.protocol == 58
		conditions = append(conditions, triOf(!icmp(rule.NotICMP) && (isICMP || rule.Protocol != nil)))
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
			p = naivePolicy{
				name: o.Name, namespace: o.Namespace, tier: o.Spec.Tier, order: o.Spec.Order, types: o.Spec.Types, rules: o.Spec.Ingress,
				forward: n.old(29),
			}
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

// isIn tells whether a policy is one of a table.
func (p *naivePolicy) isIn(t table) bool {
	switch {
	case p.track:
		return t == rawTable
	case p.preDNAT:
		return t == mangleTable
	default:
		return t == filterTable || t == forwardTable && p.forward
	}
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

// tierOf is a tier with the policies that an endpoint meets.
type tierOf struct {
	name   string
	order  *float64
	real   bool
	pass   bool
	member []naivePolicy
}

// forAll returns the endpoint of a node for all interfaces.
func (n *naiveWorld) forAll(node string) *v3.HostEndpoint {
	var first *v3.HostEndpoint
	for _, o := range n.objects {
		if o, ok := o.(*v3.HostEndpoint); ok && o.Spec.Node == node && o.Spec.InterfaceName == "*" && (first == nil || o.Name < first.Name) {
			first = o
		}
	}
	return first
}

// tiers returns what packets of a direction meet at an endpoint.
func (n *naiveWorld) tiers(ep *v3.HostEndpoint, in bool) []*tierOf {
	labels := n.labels(ep.Labels, ep.Spec.Profiles)
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
	if in {
		direction = v3.PolicyTypeIngress
	}
	all := n.policies(in)
	preDNATLabels := labels
	if ep.Spec.InterfaceName != "*" && !slices.ContainsFunc(all, func(q naivePolicy) bool {
		return q.preDNAT && !q.track && q.selects(labels) && slices.Contains(q.types, direction)
	}) {
		// None of its own: those of the endpoint for all interfaces.
		if everywhere := n.forAll(ep.Spec.Node); everywhere != nil {
			preDNATLabels = n.labels(everywhere.Labels, everywhere.Spec.Profiles)
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
	return tiers
}

// trial is one way to answer what is not known. All of them are tried.
type trial struct {
	answers []bool
	asked   int
	// about is what was asked about.
	about []string
}

// is answers a question, of which the answer may not be known.
func (t *trial) is(known tri, about string) bool {
	if known != triUnknown {
		return known == triYes
	}
	if t.asked == len(t.answers) {
		t.answers = append(t.answers, true)
	}
	t.asked++
	t.about = append(t.about, about)
	return t.answers[t.asked-1]
}

// next goes on to the next trial; it is false if there is none.
func (t *trial) next() bool {
	t.asked = 0
	for i := len(t.answers) - 1; i >= 0; i-- {
		if t.answers[i] {
			t.answers[i] = false
			return true
		}
		t.answers = t.answers[:i]
	}
	return false
}

// table is which policies are looked at.
type table int

const (
	rawTable table = iota
	mangleTable
	filterTable
	forwardTable
)

// follow follows a packet through tables at an endpoint. The outcome is "" if
// nothing decides.
func (n *naiveWorld) follow(ep *v3.HostEndpoint, p *packet, t *trial, tables ...table) fate {
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
	tiers := n.tiers(ep, p.in)
	for _, table := range tables {
		path = append(path, stop{unmarks: true})
		for _, t := range tiers {
			begin, applies := len(path), false
			for _, pol := range t.member {
				if !pol.isIn(table) {
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
			if applies && (table == filterTable || table == forwardTable) && !t.pass {
				path = append(path, stop{end: "denied", cause: "end of " + t.name})
			}
			for i := begin; i < len(path); i++ {
				path[i].pass = len(path)
			}
		}
		switch table {
		case forwardTable:
			path = append(path, stop{end: "allowed", cause: "forwarded"})
		case filterTable:
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
		case rawTable, mangleTable:
		}
	}
	marked := false
	for i := 0; i < len(path); {
		s := path[i]
		switch {
		case s.unmarks:
			marked = false
			i++
			continue
		case s.rule == nil:
			return fate{s.end, s.cause}
		case marked && s.ofProfile && s.rule.Action == v3.Pass && n.made(s.rule, p.v6):
			i = s.pass
			continue
		case s.rule.Action == v3.Log || !t.is(n.matches(s.rule, s.namespace, p), s.cause):
			i++
			continue
		}
		switch s.rule.Action {
		case v3.Allow:
			return fate{"allowed", s.cause}
		case v3.Deny:
			return fate{"denied", s.cause}
		default:
			i, marked = s.pass, true
		}
	}
	return fate{}
}

// possible is what a setting of Felix may be: its values in the configuration of the
// node, or in those that may be for the node and the one for all, or "" for Felix's
// own. An annotation in lower case is another way to say it.
func (n *naiveWorld) possible(node, parameter string, field func(*calico.FelixConfigurationSpec) string) []string {
	said := func(o *calico.FelixConfiguration) []string {
		var all []string
		exact, ok := o.Annotations["config.projectcalico.org/"+parameter]
		switch {
		case ok && exact != "":
			all = append(all, exact)
		case !ok && field(&o.Spec) != "":
			all = append(all, field(&o.Spec))
		}
		if other := o.Annotations["config.projectcalico.org/"+strings.ToLower(parameter)]; other != "" {
			all = append(all, other)
		}
		return all
	}
	return possibly(n, node, said, "")
}

func possibly[T any](n *naiveWorld, node string, said func(*calico.FelixConfiguration) []T, builtin T) []T {
	var all, global, own []T
	var labels map[string]string
	for _, o := range n.objects {
		if o, ok := o.(*calico.Node); ok && o.Name == node {
			labels = o.Labels
		}
	}
	// Those for some nodes that select this one, the oldest first. Only the first
	// holds, if it is sure that it is the first.
	var scoped []*calico.FelixConfiguration
	sure := true
	for _, o := range n.objects {
		o, ok := o.(*calico.FelixConfiguration)
		switch {
		case !ok:
		case o.Name == "node."+node:
			own = said(o)
		case o.Name == "default":
			global = said(o)
		case !strings.HasPrefix(o.Name, "node.") && len(labels) > 0 && !n.old(32) && o.Spec.NodeSelector != nil:
			selects := nodeSelectors[*o.Spec.NodeSelector]
			if selects != nil && !selects(labels) {
				continue
			}
			scoped = append(scoped, o)
			sure = sure && selects != nil
		}
	}
	if len(own) > 0 {
		return own
	}
	slices.SortFunc(scoped, func(a, b *calico.FelixConfiguration) int {
		if a.CreationTimestamp.Equal(&b.CreationTimestamp) {
			return strings.Compare(a.Name, b.Name)
		}
		return a.CreationTimestamp.Compare(b.CreationTimestamp.Time)
	})
	if len(scoped) > 1 {
		sure = sure && !scoped[0].CreationTimestamp.IsZero()
	}
	for _, o := range scoped {
		said := said(o)
		if sure && len(said) > 0 {
			return said
		}
		if all = append(all, said...); sure {
			break
		}
	}
	if len(global) == 0 {
		global = []T{builtin}
	}
	return append(all, global...)
}

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
	if p.forwarded {
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
	for _, o := range n.objects {
		ep, ok := o.(*v3.HostEndpoint)
		if !ok || ep.Spec.Node != node {
			continue
		}
		var rules []v3.Rule
		labels := n.labels(ep.Labels, ep.Spec.Profiles)
		for _, in := range []bool{true, false} {
			for _, pol := range n.policies(in) {
				direction := map[bool]v3.PolicyType{true: v3.PolicyTypeIngress, false: v3.PolicyTypeEgress}[in]
				if pol.selects(labels) && slices.Contains(pol.types, direction) && (!pol.track || ep.Spec.InterfaceName != "*") {
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
