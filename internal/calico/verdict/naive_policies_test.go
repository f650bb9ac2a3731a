package verdict_test

import (
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

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
	// native are the rules of a policy of Kubernetes.
	native []func(*packet) tri
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
				if spec.NamespaceSelector == "global()" {
					// Here nothing replaces it, and all is what it is true of.
					return n.selectors[spec.Selector](labels)
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
	return append(out, n.cluster.policies(n, in)...)
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
		native    func(*packet) tri
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
				for i, rule := range pol.native {
					path = append(path, stop{native: rule, cause: pol.name + "/" + t.name + "/" + string(rune('1'+i))})
				}
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
		case s.native != nil && t.is(s.native(p), s.cause):
			return fate{"allowed", s.cause}
		case s.native != nil:
			i++
			continue
		case s.rule == nil:
			return fate{s.end, s.cause}
		case marked && s.ofProfile && s.rule.Action == v3.Pass && n.made(s.rule, p.v6):
			i = s.pass
			continue
		case s.rule.Action == v3.Log || !t.is(all(n.matches(s.rule, s.namespace, p), isMesh(ep, s.rule, p)), s.cause):
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
