package verdict

import (
	"fmt"
	"slices"
)

// track is what the doNotTrack policies do to a packet.
type track int

const (
	// tracked: none of them decides, and the packet goes on as any other.
	tracked track = iota
	// bypasses: it is allowed, past connection tracking and past the other policies
	// of the endpoint.
	bypasses
	// dropped: it is denied.
	dropped
)

// fate is what the doNotTrack policies do to a packet, and the rule that does it.
type fate struct {
	is track
	by *Cause
}

// exchange is how, to Linux, packets of a protocol belong together.
type exchange int

const (
	// loose: any packet can be the first of a connection.
	loose exchange = iota
	// handshake: a connection begins with a certain packet, and each end waits for
	// what the other sends next.
	handshake
	// echo: a reply is one only to a request.
	echo
)

// replyTypes are the ICMP types of replies, by those of their requests.
var replyTypes = map[uint8]map[uint16]uint16{
	protocolICMP:   {8: 0, 13: 14, 15: 16, 17: 18},
	protocolICMPv6: {128: 129, 139: 140},
}

// exchange returns how the packets of the box are answered, or where to cut the
// box if they differ in that.
func (k *walk) exchange() (exchange, *cut) {
	switch {
	case k.protocol == protocolTCP || k.protocol == protocolSCTP:
		return handshake, nil
	case !isICMP(k.protocol):
		return loose, nil
	}
	types := *k.box.number(icmpType)
	for request := types.lo; request <= types.hi; request++ {
		if _, ok := replyTypes[k.protocol][request]; !ok {
			continue
		}
		switch {
		case types.lo < request:
			return 0, &cut{dim: icmpType, number: request}
		case request < types.hi:
			return 0, &cut{dim: icmpType, number: request + 1}
		default:
			return echo, nil
		}
	}
	return loose, nil
}

// untracks tells whether there are doNotTrack policies for one of the directions.
func (p *program) untracks(directions ...Direction) bool {
	return slices.ContainsFunc(directions, func(d Direction) bool { return len(p[untracked][d]) > 0 })
}

// prepare finds which policies the flow meets.
func (k *walk) prepare() {
	w := k.world
	k.program = w.programFor(k.at)
	if !w.untracks || k.at.Workload != nil {
		return
	}
	mine := k.at.Interface != AnyInterface
	if !k.flow.Forwarded {
		k.opposites = []*Endpoint{nil}
		k.untracked = mine && k.program.untracks(Ingress, Egress)
		return
	}
	k.opposites = k.flow.Opposite
	if len(k.opposites) == 0 {
		k.opposites = []*Endpoint{nil}
		for _, ep := range w.endpoints {
			if ep.Node == k.at.Node && ep != k.at && ep != k.asked {
				k.opposites = append(k.opposites, ep)
			}
		}
	}
	// One without doNotTrack policies is as good as none, and one as good as another
	// with the same.
	seen := map[int]bool{}
	var differ []*Endpoint
	for _, ep := range k.opposites {
		labels := -1
		if ep != nil && ep.Interface != AnyInterface && w.programOf(ep.labels).untracks(Ingress) {
			labels = ep.labels
		} else {
			ep = nil
		}
		if !seen[labels] {
			seen[labels] = true
			differ = append(differ, ep)
		}
	}
	k.opposites = differ
	k.untracked = mine && k.program.untracks(Ingress) || len(differ) > 1 || differ[0] != nil
}

// connection tells what happens to a box where doNotTrack policies may matter: the
// package comment has the rule.
func (k *walk) connection() result {
	how, at := k.exchange()
	if at != nil {
		return result{cut: at}
	}
	var res result
	var trace []Step
	var notes []string
	for i, opposite := range k.opposites {
		k.trace, k.notes = nil, nil
		one := (&exchanged{walk: k, exchange: how, opposite: opposite}).run()
		if one.cut != nil {
			return one
		}
		switch {
		case i == 0:
			res, trace, notes = one, k.trace, k.notes
		case one.outcome != res.outcome && one.outcome == Undecided:
			res = one
		case one.outcome != res.outcome:
			res = result{by: one.by, reason: fmt.Sprintf("it depends on which other interface of node %q the forwarded traffic passes: with that of host endpoint %q, which has doNotTrack policies, it is %s", k.at.Node, opposite.Name, one.outcome)}
		}
		if res.outcome == Undecided {
			break
		}
	}
	k.trace, k.notes = trace, notes
	return res
}

// exchanged is a request and its reply.
type exchanged struct {
	*walk
	exchange exchange
	opposite *Endpoint
}

func (x *exchanged) incoming() bool { return x.flow.Direction == Ingress }

// replyHere is the reply at the endpoint itself, and atOpposite a forwarded packet
// that comes in at the interface on the other side.
func (x *exchanged) replyHere() *way { return x.way(x.at, x.program, 1-x.flow.Direction, true) }

func (x *exchanged) atOpposite(reply bool) *way {
	if x.opposite == nil {
		return nil
	}
	return x.way(x.opposite, x.world.programOf(x.opposite.labels), Ingress, reply)
}

// run follows the request, and then the reply, through the tables in which
// doNotTrack policies are. A forwarded packet meets these where it comes in.
func (x *exchanged) run() result {
	if x.flow.Forwarded && !x.incoming() {
		return x.untracking(x.atOpposite(false), func(f fate) result { return x.answered(f, preDNAT) })
	}
	request := x.request()
	failsafe, port := request.failsafe(false)
	return doubtful(failsafe,
		func() result {
			if x.flow.Forwarded {
				return x.answered(fate{}, forwarded)
			}
			return request.pastFailsafe(port)
		},
		func() result {
			like, _ := request.failsafe(true)
			return doubtful(like,
				func() result {
					if x.flow.Forwarded {
						return x.answered(fate{}, preDNAT)
					}
					// Its reply looks like a request to that failsafe port.
					return x.judged(fate{}, fate{}, preDNAT)
				},
				func() result { return x.table(request, func(f fate) result { return x.answered(f, preDNAT) }) })
		})
}

// answered goes on with the reply if that matters.
func (x *exchanged) answered(f fate, from stage) result {
	then := func(r fate) result { return x.judged(f, r, from) }
	switch {
	case x.exchange == loose || f.is == dropped && x.incoming():
		return then(fate{})
	case !x.flow.Forwarded:
		// That neither packet goes to a failsafe port is known from the request.
		return x.table(x.replyHere(), then)
	default:
		return x.untracking(x.replyComingIn(), then)
	}
}

// replyComingIn is the reply to forwarded traffic where it comes in.
func (x *exchanged) replyComingIn() *way {
	if x.incoming() {
		return x.atOpposite(true)
	}
	return x.replyHere()
}

// untracking takes a packet through doNotTrack policies, unless failsafe ports
// shield it from them: Felix lets through what goes to one, and what looks like a
// reply from one.
func (x *exchanged) untracking(w *way, then func(fate) result) result {
	if w == nil || w.endpoint.Interface == AnyInterface || !w.program.untracks(w.direction) {
		return then(fate{})
	}
	own, _ := w.failsafe(false)
	like, _ := w.failsafe(true)
	return doubtful(own.or(like), func() result { return then(fate{}) }, func() result { return x.table(w, then) })
}

// table takes a packet through doNotTrack policies, which an endpoint for all
// interfaces does without.
func (x *exchanged) table(w *way, then func(fate) result) result {
	if w.endpoint.Interface == AnyInterface {
		return then(fate{})
	}
	w.raw = then
	return w.tierFrom(untracked, 0, false)
}

// judged tells what happens to a connection of which the request and the reply
// have these fates. from is the stage at which the request goes on if it is tracked.
func (x *exchanged) judged(f, r fate, from stage) result {
	if f.is == dropped && (x.incoming() || !x.flow.Forwarded) {
		return result{outcome: Denied, by: f.by}
	}
	res := x.requested(f, from)
	switch {
	case res.cut != nil || res.outcome == Denied:
		return res
	case x.exchange == loose:
		if res.outcome == Allowed {
			x.tellOfReply(f)
		}
		return res
	case r.is == dropped:
		return result{outcome: Denied, by: r.by.ofDroppedReply()}
	case f.is == bypasses && r.is == bypasses:
		return x.afterwards(res)
	case f.is == bypasses, r.is == bypasses:
		return x.oneWay(f, r, res)
	default:
		return res
	}
}

// requested tells what happens to the request after the doNotTrack policies.
func (x *exchanged) requested(f fate, from stage) result {
	w := x.request()
	var res result
	switch {
	case x.flow.Forwarded && !x.incoming():
		res = w.tierFrom(forwarded, 0, false)
	case f.is == bypasses:
		return result{outcome: Allowed, by: f.by}
	default:
		res = w.tierFrom(from, 0, false)
	}
	if f.is == bypasses {
		return res
	}
	return w.trackable(res)
}

// afterwards is the result for a request whose reply leaves past connection
// tracking: a forwarded one still meets the policies for what goes out.
func (x *exchanged) afterwards(res result) result {
	if x.flow.Forwarded && x.incoming() {
		return both(res, x.replied())
	}
	return res
}

// replied tells what the policies do to a reply that is not part of a connection.
func (x *exchanged) replied() result {
	w := x.replyHere()
	switch {
	case !x.flow.Forwarded:
		return w.tierFrom(preDNAT, 0, false)
	case w.direction == Egress:
		return w.tierFrom(forwarded, 0, false)
	default:
		failsafe, port := w.failsafe(false)
		return doubtful(failsafe, func() result { return w.pastFailsafe(port) }, func() result { return w.tierFrom(preDNAT, 0, false) })
	}
}

// both is the result for a request whose reply has to pass, too.
func both(request, reply result) result {
	switch {
	case request.cut != nil || request.outcome == Denied:
		return request
	case reply.cut != nil:
		return reply
	case reply.outcome == Denied:
		return result{outcome: Denied, by: reply.by.ofDroppedReply()}
	case request.outcome == Undecided:
		return request
	case reply.outcome == Undecided:
		return reply
	default:
		return request
	}
}

// oneWay is the result for a request, allowed or undecided as in res, if only one
// of the two packets is kept from connection tracking. Linux then takes a packet
// that it does not keep from it for invalid: the reply, or in a handshake what
// follows the reply.
func (x *exchanged) oneWay(f, r fate, res result) result {
	if bpf := x.at.node.bpf; bpf != "" {
		return result{by: &Cause{}, reason: bpf + ": what becomes of packets that connection tracking does not know is not known here then"}
	}
	if x.exchange == echo && r.is == bypasses {
		return x.afterwards(res)
	}
	invalid := x.flow.Direction
	by := r.by
	if f.is == bypasses {
		invalid, by = 1-invalid, f.by
	}
	var all []result
	for _, how := range x.at.node.ways {
		one := res
		switch outgoing := invalid == Egress && !x.flow.Forwarded; {
		case how.nftables && outgoing:
			// The host's own go past the endpoint's policies then. In TCP that is so for the
			// first packet alone: the next one begins a connection of the other direction,
			// to Linux, and so does every one after that.
			if f.is == bypasses && x.protocol == protocolTCP {
				one = both(res, x.replied())
			}
		case !how.keepsInvalid:
			one = result{outcome: Denied, by: by.ofOneWay()}
		case f.is == bypasses:
			one = both(res, x.replied())
		default:
			one = x.afterwards(res)
		}
		if one.cut != nil {
			return one
		}
		all = append(all, one)
	}
	for _, one := range all {
		if one.outcome == Undecided {
			return one
		}
	}
	if i := slices.IndexFunc(all, func(one result) bool { return one.outcome != all[0].outcome }); i > 0 {
		denied := all[i]
		if all[0].outcome == Denied {
			denied = all[0]
		}
		return result{by: denied.by, reason: fmt.Sprintf("it depends on %s at node %q, which the objects do not tell: %s", x.at.node.unknown(), x.at.Node, denied.by)}
	}
	if one := all[0]; one.by.Kind == CauseOneWay {
		x.trace = append(x.trace, Step{*one.by, EffectDeny})
	}
	return all[0]
}

// maxReplies is into how many parts the replies to a flow are divided at most.
const maxReplies = 50

// tellOfReply notes if something drops the reply to a request that arrives, with
// protocols in which that does not make the request void.
func (x *exchanged) tellOfReply(f fate) {
	if x.exchange == loose && isICMP(x.protocol) {
		// Nothing answers these.
		return
	}
	whole, trace, notes := x.box, x.trace, x.notes
	defer func() { x.box = whole }()
	for boxes, n := []box{whole}, 0; len(boxes) > 0 && n < maxReplies; n++ {
		x.box, x.trace, x.notes = boxes[len(boxes)-1], slices.Clip(trace), slices.Clip(notes)
		boxes = boxes[:len(boxes)-1]
		res := x.untracking(x.replyOf(), func(r fate) result {
			switch {
			case r.is == dropped:
				return result{outcome: Denied, by: r.by}
			case x.flow.Forwarded && x.incoming() && (f.is == bypasses || r.is == bypasses), f.is == bypasses && r.is == tracked:
				return x.replied()
			default:
				return result{outcome: Allowed, by: &Cause{}}
			}
		})
		switch {
		case res.cut != nil:
			lower, upper := x.box.cut(*res.cut)
			boxes = append(boxes, upper, lower)
		case res.outcome == Denied:
			note := res.by.ofDroppedReply().String()
			if x.box != whole {
				note += ", for a part of the flow"
			}
			x.notes = append(x.notes, note)
			return
		}
	}
}

// replyOf is the reply where doNotTrack policies can meet it.
func (x *exchanged) replyOf() *way {
	if x.flow.Forwarded {
		return x.replyComingIn()
	}
	return x.replyHere()
}

// ofDroppedReply is the cause of what becomes of a flow whose reply it drops.
func (c *Cause) ofDroppedReply() *Cause {
	by := *c
	by.Reply, by.drops = true, true
	return &by
}

// ofOneWay is the cause of what becomes of a flow of which this rule keeps one
// direction from connection tracking, and nothing the other.
func (c *Cause) ofOneWay() *Cause {
	by := *c
	by.Kind = CauseOneWay
	return &by
}
