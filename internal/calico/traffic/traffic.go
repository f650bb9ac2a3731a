package traffic

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// End is one end of a flow: a selection of endpoints, or a network.
type End struct {
	Selection
	// Net is set in the place of a selection. If it is one address that one endpoint has,
	// that endpoint is the end.
	Net netip.Prefix
}

// Flow is connections from each endpoint of one end to each of the other.
type Flow struct {
	From, To End
	// Protocol and the others are as in verdict.Flow.
	Protocol           numorstring.Protocol
	Port, SourcePort   uint16
	ICMPType, ICMPCode *uint8
}

// Answer is what becomes of a flow between endpoints that nothing can tell apart.
type Answer struct {
	// From and To name the groups at the two ends, or a host endpoint; "" for a network.
	From, To string
	// Ends are an endpoint of each, as it will be if it stays; nil for a network.
	Ends [2]*verdict.Endpoint
	// Count is how many connections the answer is about: pairs of endpoints, or endpoints if
	// the other end is a network.
	Count int
	// Before and After are what becomes of each of them; nil if an end is not there, or is
	// not chosen.
	Before, After *verdict.Course
}

// Title names the endpoints at both ends, or at one, with their number: shop/app=web to
// shop/app=db (4).
func Title(from, to string, count int) string {
	text := from + to
	if from != "" && to != "" {
		text = from + " to " + to
	}
	if count > 1 {
		text += fmt.Sprintf(" (%d)", count)
	}
	return text
}

// TooManyError is that a question is about more pairs of groups than can be told of.
type TooManyError struct{ Pairs int }

func (e *TooManyError) Error() string {
	return fmt.Sprintf("it is about %d pairs of groups of endpoints that rules can tell apart, and %d is the most that is answered", e.Pairs, MaxPairs)
}

// MaxPairs is about how many pairs of groups a flow may be.
const MaxPairs = 50_000

// Question asks about flows in two worlds, that of now and that after a change, in which
// the same workloads are.
type Question struct {
	// Either makes an endpoint count in both worlds that is chosen in one of them.
	Either bool

	before, after *verdict.World
	groups        [2]*verdict.Groups
	ends          map[string]*end
	seen          map[*verdict.Endpoint]bool
	noted         map[*group]bool
	hosts         []string
	workloads     int
}

// NewQuestion prepares a question about some flows. What more selectors look at tells endpoints
// apart, too.
func NewQuestion(before, after *verdict.World, flows []Flow, more ...*selector.Selector) *Question {
	q := &Question{before: before, after: after, ends: map[string]*end{}, seen: map[*verdict.Endpoint]bool{}, noted: map[*group]bool{}}
	for i, w := range []*verdict.World{before, after} {
		looked := slices.Clone(more)
		for _, f := range flows {
			looked = append(looked, slices.Concat(f.From.selectors(), f.To.selectors())...)
		}
		q.groups[i] = w.Groups(looked...)
	}
	return q
}

// member is an endpoint as it is and as it will be; nil if it is not there, or not chosen.
type member struct {
	id            string
	before, after *verdict.Endpoint
}

// complete adds the endpoint in the world in which it is not chosen, if it is there.
func (m *member) complete(before, after *verdict.World) {
	find := func(w *verdict.World, ep *verdict.Endpoint) (found *verdict.Endpoint) {
		if ep.Workload != nil {
			found, _ = w.Workload(ep.Workload.Namespace, ep.Name)
		} else {
			found, _ = w.Endpoint(ep.Name)
		}
		return found
	}
	if m.before == nil {
		m.before = find(before, m.after)
	}
	if m.after == nil {
		m.after = find(after, m.before)
	}
}

// as returns the endpoint in one of the two worlds, or what stands for it there: if it is not
// there, its address is nobody's.
func (m member) as(before bool, fallback bool) (verdict.Side, bool) {
	ep, other := m.after, m.before
	if before {
		ep, other = other, ep
	}
	switch {
	case ep != nil:
		return verdict.Side{Endpoint: ep}, true
	case fallback && other != nil && other.Workload == nil && len(other.ExpectedIPs) > 0:
		ip := other.ExpectedIPs[0]
		return verdict.Side{Net: netip.PrefixFrom(ip, ip.BitLen())}, true
	default:
		return verdict.Side{}, false
	}
}

// any returns the endpoint as it will be, or else as it is.
func (m member) any() *verdict.Endpoint {
	if m.after != nil {
		return m.after
	}
	return m.before
}

// group is endpoints that nothing tells apart, or those of them that are chosen.
type group struct {
	name    string
	members []member
	// onNode counts them by their nodes.
	onNode map[string]int
}

// end is who is at an end of a flow.
type end struct {
	// net is set for a network, and groups otherwise, in the order of their names.
	net    netip.Prefix
	groups []*group
	// address is set for the endpoint that has the one address of a network.
	address bool
}

// Endpoints returns which host endpoints and how many workloads the answers so far were
// about.
func (q *Question) Endpoints() (hosts []string, workloads int) { return q.hosts, q.workloads }

// Ask answers for a flow, in the order of the groups' names. The error is a *TooManyError.
func (q *Question) Ask(f Flow) ([]Answer, error) {
	from, to := q.end(f.From), q.end(f.To)
	if pairs := max(1, len(from.groups)) * max(1, len(to.groups)); pairs > MaxPairs {
		return nil, &TooManyError{pairs}
	}
	var all []Answer
	switch {
	case from.net.IsValid():
		for _, g := range to.groups {
			all = append(all, q.answer(f, from, to, nil, g, member{}, g.members[0], len(g.members)))
		}
	case to.net.IsValid():
		for _, g := range from.groups {
			all = append(all, q.answer(f, from, to, g, nil, g.members[0], member{}, len(g.members)))
		}
	default:
		for _, a := range from.groups {
			for _, b := range to.groups {
				for _, p := range pairsOf(a, b) {
					all = append(all, q.answer(f, from, to, a, b, p.a, p.b, p.count))
				}
			}
		}
	}
	return all, nil
}

// answer judges a connection that stands for others.
func (q *Question) answer(f Flow, from, to *end, fromGroup, toGroup *group, a, b member, count int) Answer {
	out := Answer{Count: count}
	for i, g := range []*group{fromGroup, toGroup} {
		if g == nil {
			continue
		}
		out.Ends[i] = []member{a, b}[i].any()
		if i == 0 {
			out.From = g.name
		} else {
			out.To = g.name
		}
		q.note(g)
	}
	judge := func(w *verdict.World, before bool) *verdict.Course {
		side := func(e *end, m member) (verdict.Side, bool) {
			if e.net.IsValid() {
				return verdict.Side{Net: e.net}, true
			}
			return m.as(before, q.Either || e.address)
		}
		source, known := side(from, a)
		destination, there := side(to, b)
		if !known || !there || source.Endpoint == nil && destination.Endpoint == nil {
			return nil
		}
		course := w.Connect(verdict.Connection{
			From: source, To: destination, Protocol: f.Protocol, Port: f.Port, SourcePort: f.SourcePort, ICMPType: f.ICMPType, ICMPCode: f.ICMPCode,
		})
		return &course
	}
	out.After = judge(q.after, false)
	if out.Before = out.After; q.before != q.after {
		out.Before = judge(q.before, true)
	}
	return out
}

// note counts the endpoints of a group, once.
func (q *Question) note(g *group) {
	if q.noted[g] {
		return
	}
	q.noted[g] = true
	for _, m := range g.members {
		ep := m.any()
		switch {
		case q.seen[ep]:
		case ep.Workload == nil:
			q.hosts = append(q.hosts, ep.Name)
		default:
			q.workloads++
		}
		q.seen[ep] = true
	}
}

// end finds who is at an end.
func (q *Question) end(e End) *end {
	key := e.Net.String()
	if !e.Net.IsValid() {
		key = e.String()
	}
	if known := q.ends[key]; known != nil {
		return known
	}
	chooses := e.Chooses
	if e.Net.IsValid() {
		at := func(w *verdict.World) *verdict.Endpoint {
			if all := w.At(e.Net.Addr()); e.Net.IsSingleIP() && len(all) == 1 {
				return all[0]
			}
			return nil
		}
		before, after := at(q.before), at(q.after)
		if before == nil && after == nil {
			q.ends[key] = &end{net: e.Net}
			return q.ends[key]
		}
		chooses = func(ep *verdict.Endpoint) bool { return ep == before || ep == after }
	}
	q.ends[key] = &end{groups: q.grouped(chooses), address: e.Net.IsValid()}
	return q.ends[key]
}

// grouped sorts the endpoints that are chosen, now or later, into groups.
func (q *Question) grouped(chooses func(*verdict.Endpoint) bool) []*group {
	members := map[string]*member{}
	var order []string
	for i, w := range []*verdict.World{q.before, q.after} {
		for _, eps := range [][]*verdict.Endpoint{w.Endpoints(), w.Workloads()} {
			for _, ep := range eps {
				if !chooses(ep) {
					continue
				}
				id := "host " + ep.Name
				if ep.Workload != nil {
					id = ep.Workload.Namespace + "/" + ep.Name
				}
				m := members[id]
				if m == nil {
					m = &member{id: id}
					members[id] = m
					order = append(order, id)
				}
				if i == 0 {
					m.before = ep
				} else {
					m.after = ep
				}
			}
		}
	}
	if q.Either {
		for _, m := range members {
			m.complete(q.before, q.after)
		}
	}
	byKey := map[string]*group{}
	var groups []*group
	for _, id := range order {
		m := members[id]
		name, key := m.any().Name, id
		if m.any().Workload != nil {
			name, key = q.describe(*m)
		}
		g := byKey[key]
		if g == nil {
			g = &group{name: name, onNode: map[string]int{}}
			byKey[key] = g
			groups = append(groups, g)
		}
		g.members = append(g.members, *m)
		g.onNode[m.any().Node]++
	}
	slices.SortStableFunc(groups, func(a, b *group) int { return strings.Compare(a.name, b.name) })
	return groups
}

// describe names the group of a workload, and tells groups apart.
func (q *Question) describe(m member) (name, key string) {
	for i, ep := range []*verdict.Endpoint{m.before, m.after} {
		key += "\n"
		if ep != nil {
			name = q.groups[i].Describe(ep)
			key += q.groups[i].Key(ep)
		}
	}
	return name, key
}

// pair is two endpoints that stand for a number of pairs.
type pair struct {
	a, b  member
	count int
}

// pairsOf returns a pair of two groups on one node and one on two nodes, as far as there
// are any. No endpoint is at both ends.
func pairsOf(a, b *group) []pair {
	self := 0
	mine := map[string]bool{}
	for _, m := range a.members {
		mine[m.id] = true
	}
	for _, m := range b.members {
		if mine[m.id] {
			self++
		}
	}
	near := -self
	for node, n := range a.onNode {
		near += n * b.onNode[node]
	}
	var pairs []pair
	add := func(count int, onOneNode bool) {
		if count <= 0 {
			return
		}
		for _, x := range a.members {
			for _, y := range b.members {
				if x.id != y.id && (x.any().Node == y.any().Node) == onOneNode {
					pairs = append(pairs, pair{x, y, count})
					return
				}
			}
		}
	}
	add(near, true)
	add(len(a.members)*len(b.members)-self-near, false)
	return pairs
}
