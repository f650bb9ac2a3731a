package verdict

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
)

// Connection is what goes from one end to another.
type Connection struct {
	From, To Side
	// Protocol and the others are as in Flow.
	Protocol           numorstring.Protocol
	Port, SourcePort   uint16
	ICMPType, ICMPCode *uint8
}

// Where is a place that a connection passes.
type Where int

// The places.
const (
	// Nowhere stands where the connection could not be judged.
	Nowhere Where = iota
	// AtSource is the endpoint from which it comes.
	AtSource
	// OnTheWay is a host endpoint of a node through which it is forwarded.
	OnTheWay
	// AtDestination is the endpoint to which it goes.
	AtDestination
)

// String is the place as a few words.
func (w Where) String() string {
	return [...]string{Nowhere: "nowhere", AtSource: "at the source", OnTheWay: "on the way", AtDestination: "at the destination"}[w]
}

// Hop is what happens to a connection at one place.
type Hop struct {
	At Where
	// Endpoint is the one whose policies are asked; nil if it is not known which of a
	// node's host endpoints that is, or where no policies are asked.
	Endpoint *Endpoint
	Verdict  Verdict
	// Flow is the connection as it is seen at the endpoint, if its policies are asked.
	Flow *Flow
}

// Course is what happens to a connection on its whole way.
type Course struct {
	// Verdict is that of the connection: Denied if it is at one place, and Allowed if it
	// is at all of them. By, Reason and Trace are those of the place that decides.
	Verdict
	// At is the place that decides.
	At Where
	// Endpoint is the one at that place, nil if there is none.
	Endpoint *Endpoint
	// Hops are all places at which the connection was judged, in their order.
	Hops []Hop
	// Pairs are the courses between the single addresses of both ends, in a fixed order; nil
	// if there is one.
	Pairs []Course
}

// String says it in one sentence without a full stop: at the destination, pod "db" of
// namespace "shop": denied by rule 1 of ingress of policy "db".
func (c Course) String() string {
	switch {
	case c.At == Nowhere:
		return c.Verdict.String()
	case c.Endpoint == nil:
		return fmt.Sprintf("%s: %s", c.At, c.Verdict)
	default:
		return fmt.Sprintf("%s, %s: %s", c.At, c.Endpoint, c.Verdict)
	}
}

// Connect tells what happens to a connection on its way from one end to the other: the
// egress policies of the source, the ingress policies of the destination, and between
// them those host endpoints through which it is forwarded. Where both ends are on one node
// these are the endpoints for all interfaces alone, which are for those of pods, too, where
// traffic is forwarded (felix/rules/dispatch.go).
//
// What goes from a pod to its own host meets the pod's egress policies and then
// defaultEndpointToHostAction, and no policies of host endpoints but those with preDNAT;
// what goes from a host to its own pods meets no policies (felix/rules/static.go).
//
// The destination sees the source's own address. It may not where a pod of an IP pool with
// natOutgoing sends something to a host, and where a host sends something to a pod through
// a tunnel: unless the address makes no difference this is Undecided. IP pools among the
// objects of the World tell where it cannot be.
func (w *World) Connect(c Connection) Course {
	pairs, reason := c.addresses()
	if reason != "" {
		return Course{Verdict: Verdict{Reason: reason}}
	}
	var all []Course
	var parts []string
	for _, p := range pairs {
		all = append(all, (&journey{world: w, Connection: c, src: p[0], dst: p[1]}).course())
		parts = append(parts, fmt.Sprintf("%s to %s", address.Spell(p[0]), address.Spell(p[1])))
	}
	worst := 0
	for i := range all {
		if rank(all[i].Outcome) > rank(all[worst].Outcome) {
			worst = i
		}
	}
	course := all[worst]
	if len(all) > 1 {
		course.Pairs = all
	}
	for i := range all {
		if all[i].Outcome != course.Outcome {
			course.Partial = true
		}
	}
	if course.Partial && len(all) > 1 {
		if course.Part != "" {
			parts[worst] += ", " + course.Part
		}
		course.Part = parts[worst]
	}
	return course
}

// rank sorts outcomes by which of them is told of a whole.
func rank(o Outcome) int {
	return [...]int{Allowed: 0, Undecided: 1, Denied: 2}[o]
}

// journey is a connection under way. One of its ends at most is not a single address.
type journey struct {
	world *World
	Connection
	src, dst netip.Prefix
	hops     []Hop
	// masked tells why it is not known which address the far side sees in place of the
	// source's, if it is not.
	masked string
}

// course takes the connection from place to place, and sums up.
func (j *journey) course() Course {
	from, to := j.From.Endpoint, j.To.Endpoint
	switch {
	case from != nil && from == to && from.Workload != nil:
		j.settled(AtSource, from, CauseWithin, "default: what a workload sends to itself does not leave it")
	case from != nil && from.Workload != nil:
		j.fromWorkload(from, to)
	case to != nil && to.Workload != nil:
		j.toWorkload(from, to)
	default:
		j.betweenHosts(from, to)
	}
	return j.sum()
}

// fromWorkload is the way of what a workload sends.
func (j *journey) fromWorkload(from, to *Endpoint) {
	w := j.world
	all := w.forAll(from.Node)
	switch {
	case to != nil && to.Workload == nil && to.Node == from.Node:
		if all != nil {
			f := j.flow(Ingress)
			f.Forwarded, f.Opposite = true, []*Endpoint{nil}
			if v := w.decide(all, f, true); v.Outcome != Allowed {
				j.add(OnTheWay, all, v)
			}
		}
		j.toOwnHost(from)
		return
	case all != nil:
		j.through(all, Ingress)
	}
	j.at(AtSource, from, Egress)
	switch {
	case to == nil:
		j.network(from.Node, Egress)
	case to.Workload != nil && to.Node == from.Node:
		j.at(AtDestination, to, Ingress)
		if all != nil {
			j.through(all, Egress)
		}
	case to.Workload != nil:
		j.network(from.Node, Egress)
		j.intoWorkload(to)
	default:
		j.network(from.Node, Egress)
		j.masked = w.nat(j.src, j.dst, from.Node)
		j.at(AtDestination, to, Ingress)
	}
}

// toWorkload is the way of what a host, or one of which no more is known, sends to a
// workload.
func (j *journey) toWorkload(from, to *Endpoint) {
	if from != nil {
		if from.Node == to.Node {
			j.settled(AtDestination, to, CauseFromHost, fmt.Sprintf("default: Felix lets through what node %q sends to its own workloads", to.Node))
			return
		}
		j.at(AtSource, from, Egress)
		j.masked = j.world.tunnel(j.dst, from)
	}
	j.intoWorkload(to)
}

// intoWorkload is the way from the network to a workload.
func (j *journey) intoWorkload(to *Endpoint) {
	j.network(to.Node, Ingress)
	j.at(AtDestination, to, Ingress)
	if all := j.world.forAll(to.Node); all != nil {
		j.through(all, Egress)
	}
}

func (j *journey) betweenHosts(from, to *Endpoint) {
	if from != nil && to != nil && from.Node == to.Node {
		j.add(Nowhere, nil, Verdict{Reason: fmt.Sprintf("both ends are node %q: what a host sends to itself passes none of the interfaces that host endpoints are known to govern", from.Node)})
		return
	}
	if from != nil {
		j.at(AtSource, from, Egress)
	}
	if to != nil {
		j.at(AtDestination, to, Ingress)
	}
}

// flow is the connection as it is seen at an endpoint.
func (j *journey) flow(d Direction) Flow {
	f := Flow{
		Direction: d, Protocol: j.Protocol, Port: j.Port, SourcePort: j.SourcePort, ICMPType: j.ICMPType, ICMPCode: j.ICMPCode,
	}
	near := j.src
	if f.Peer = j.dst; d == Ingress {
		f.Peer, near = j.src, j.dst
	}
	if near.IsSingleIP() {
		f.Local = near.Addr()
	}
	return f
}

func single(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// at judges the connection at one of its ends.
func (j *journey) at(where Where, ep *Endpoint, d Direction) {
	f := j.flow(d)
	j.hops = append(j.hops, Hop{where, ep, j.judge(ep, f), &f})
}

// through judges the connection where it is forwarded at a host endpoint. One that has
// nothing to say about it is not told of.
func (j *journey) through(ep *Endpoint, d Direction) {
	if hop := j.forwarded(ep, d); !byDefault(hop.Verdict) {
		j.hops = append(j.hops, hop)
	}
}

// byDefault tells whether forwarded traffic passes for want of policies.
func byDefault(v Verdict) bool {
	return v.Outcome == Allowed && v.By.Kind == CauseForwardedDefault && !v.Partial
}

func (j *journey) forwarded(ep *Endpoint, d Direction) Hop {
	f := j.flow(d)
	// The other interface is that of a workload, where no doNotTrack policies are.
	f.Forwarded, f.Opposite = true, []*Endpoint{nil}
	return Hop{OnTheWay, ep, j.judge(ep, f), &f}
}

// judge decides about a flow. Where the source's address is not known, it is decided only
// if every address fares alike.
func (j *journey) judge(ep *Endpoint, f Flow) Verdict {
	v := j.world.Decide(ep, f)
	if j.masked == "" || v.Outcome == Undecided {
		return v
	}
	if f.Direction == Egress {
		f.Local = netip.Addr{}
	} else {
		f.Peer = netip.PrefixFrom(f.Peer.Addr(), 0).Masked()
	}
	if all := j.world.Decide(ep, f); all.Outcome == v.Outcome && !all.Partial {
		return v
	}
	return Verdict{By: v.By, Reason: fmt.Sprintf("%s; with the address %s itself it is %s", j.masked, address.Spell(j.src), v), Notes: v.Notes}
}

// network judges the connection where it enters or leaves a node by an interface that is
// not a workload's: it is not known which, and so neither which host endpoint governs it.
func (j *journey) network(node string, d Direction) {
	var may []*Endpoint
	for _, ep := range j.world.endpoints {
		if ep.Node == node && ep.Interface != AnyInterface {
			may = append(may, ep)
		}
	}
	may = append(may, j.world.forAll(node)) // nil for none
	var hops []Hop
	for _, ep := range may {
		hop := Hop{At: OnTheWay, Endpoint: ep, Verdict: Verdict{Outcome: Allowed, By: Cause{Kind: CauseForwardedDefault, Direction: d}}}
		if ep != nil {
			hop = j.forwarded(ep, d)
		}
		hops = append(hops, hop)
	}
	if !slices.ContainsFunc(hops, func(h Hop) bool { return !byDefault(h.Verdict) }) {
		return
	}
	same := func(h Hop) bool { return h.Verdict.Outcome == hops[0].Verdict.Outcome && !h.Verdict.Partial }
	if hops[0].Verdict.Outcome != Undecided && !slices.ContainsFunc(hops, func(h Hop) bool { return !same(h) }) {
		j.hops = append(j.hops, hops[0])
		return
	}
	var words []string
	for _, h := range hops {
		if h.Endpoint == nil {
			words = append(words, "with none it is allowed")
		} else {
			words = append(words, fmt.Sprintf("with %s it %s", h.Endpoint, isOr(h.Verdict)))
		}
	}
	j.add(OnTheWay, nil, Verdict{Reason: fmt.Sprintf("it depends on the interface of node %q that forwarded traffic passes, and on the host endpoint that governs this one: %s", node, strings.Join(words, ", "))})
}

func isOr(v Verdict) string {
	if v.Outcome == Undecided {
		return v.String()
	}
	return "is " + v.String()
}

func (j *journey) add(where Where, ep *Endpoint, v Verdict) {
	j.hops = append(j.hops, Hop{At: where, Endpoint: ep, Verdict: v})
}

// settled adds a place at which no policies are asked.
func (j *journey) settled(where Where, ep *Endpoint, kind CauseKind, words string) {
	cause := Cause{Kind: kind, Setting: words}
	j.add(where, ep, Verdict{Outcome: Allowed, By: cause, Trace: []Step{{cause, EffectAllow}}})
}

// sum sums up what happens at all places.
func (j *journey) sum() Course {
	first := func(is func(Verdict) bool) int {
		return slices.IndexFunc(j.hops, func(h Hop) bool { return is(h.Verdict) })
	}
	i := first(func(v Verdict) bool { return v.Outcome == Denied && !v.Partial })
	if i < 0 {
		i = first(func(v Verdict) bool { return v.Outcome == Denied })
	}
	if i < 0 {
		i = first(func(v Verdict) bool { return v.Outcome == Undecided })
	}
	if i < 0 {
		// What the ends say tells more than what is on the way.
		i = len(j.hops) - 1
		for i > 0 && j.hops[i].At == OnTheWay {
			i--
		}
	}
	c := Course{Verdict: j.hops[i].Verdict, At: j.hops[i].At, Endpoint: j.hops[i].Endpoint, Hops: j.hops}
	c.Notes = nil
	for _, h := range j.hops {
		for _, note := range h.Verdict.Notes {
			if !slices.Contains(c.Notes, note) {
				c.Notes = append(c.Notes, note)
			}
		}
	}
	if c.Outcome == Undecided {
		c.Partial = slices.ContainsFunc(j.hops, func(h Hop) bool { return h.Verdict.Partial })
	}
	return c
}
