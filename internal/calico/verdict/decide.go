package verdict

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
)

// maxParts is into how many parts a flow is divided at most. A flow from or to
// everywhere meets every network of the rules on its way.
const maxParts = 10_000

// maxNoted is for how many parts of a flow notes are made right away.
const maxNoted = 20

// Decide tells what happens to a flow at an endpoint, which has to be the one
// that governs its interface (see Governing), or a workload endpoint. For a workload, Ingress
// is what comes to it and Egress what it sends, and Forwarded makes no difference.
func (w *World) Decide(ep *Endpoint, f Flow) Verdict { return w.decide(ep, f, false) }

// decide is Decide; with preDNATOnly it asks no policies but those with preDNAT.
func (w *World) decide(ep *Endpoint, f Flow, preDNATOnly bool) Verdict {
	k, boxes, reason := newWalk(w, ep, f)
	if reason != "" {
		return Verdict{Reason: reason}
	}
	k.preDNATOnly = preDNATOnly
	w.mu.Lock()
	defer w.mu.Unlock()
	if v, ok := k.beforehand(); ok {
		return v
	}
	k.prepare()
	var verdicts []Verdict
	var parts []box
	seen := [3]bool{}
	reason = k.divide(slices.Clone(boxes), func(v Verdict, b box) bool {
		// Only the first of each kind is told; that it differs from others counts.
		if last := len(verdicts) - 1; last < 0 || v.Outcome != verdicts[last].Outcome || v.By.String() != verdicts[last].By.String() {
			verdicts, parts = append(verdicts, v), append(parts, b)
		}
		seen[v.Outcome] = true
		return !seen[Denied] || !seen[Allowed] && !seen[Undecided]
	})
	if reason != "" {
		return Verdict{Reason: reason}
	}
	i := slices.IndexFunc(verdicts, func(v Verdict) bool { return v.Outcome == Denied })
	if i < 0 {
		i = max(0, slices.IndexFunc(verdicts, func(v Verdict) bool { return v.Outcome == Undecided }))
	}
	v := verdicts[i]
	if w.addressless[k.family] && !k.noting {
		k.noting = true
		k.run(parts[i])
		v.Notes = k.notes
	}
	v.Partial = slices.ContainsFunc(verdicts, func(other Verdict) bool { return other.Outcome != v.Outcome })
	if len(verdicts) > 1 {
		v.Part = k.describe(parts[i], boxes)
	}
	v.Notes = append(k.generalNotes(), v.Notes...)
	return v
}

// walk is one flow on its way through one endpoint.
type walk struct {
	world *World
	// asked is the endpoint of the question, and at the one that governs its
	// interface.
	asked, at    *Endpoint
	program      *program
	flow         Flow
	protocol     uint8
	family       family
	localUnknown bool
	// untracked is set if doNotTrack policies may matter; opposites are then those
	// that may govern the interface on the other side of the host, nil for none.
	untracked bool
	opposites []*Endpoint
	// preDNATOnly is set for packets that meet no more of the endpoint's policies than
	// those with preDNAT.
	preDNATOnly bool

	// box is the part of the flow under way, and trace what it has met. With noting,
	// notes tells of selectors that choose endpoints without addresses.
	box    box
	trace  []Step
	noting bool
	notes  []string
}

// result is what happens to a box, or where to cut it.
type result struct {
	outcome Outcome
	by      *Cause
	reason  string
	cut     *cut
}

// newWalk returns the boxes that make up the flow, or the reason why it cannot be
// judged.
func newWalk(w *World, ep *Endpoint, f Flow) (k *walk, boxes []box, reason string) {
	k = &walk{world: w, asked: ep, at: ep, flow: f}
	var ok bool
	if k.protocol, ok = protocolNumber(f.Protocol); !ok {
		return nil, nil, fmt.Sprintf("the flow's protocol %q is not one of TCP, UDP, ICMP, ICMPv6, SCTP, UDPLite and 1 to 255", f.Protocol.String())
	}
	if !f.Peer.IsValid() {
		return nil, nil, "the flow does not tell its peer's address"
	}
	b := box{peer: address.RangeOf(f.Peer)}
	k.family = familyOf(b.peer.First)
	if hasPorts(k.protocol) {
		*b.number(sourcePort) = oneOr(f.SourcePort, span{firstEphemeral, 65535})
		*b.number(destinationPort) = oneOr(f.Port, span{1, 65535})
	}
	if isICMP(k.protocol) {
		*b.number(icmpType), *b.number(icmpCode) = octets(f.ICMPType), octets(f.ICMPCode)
	}
	locals := []netip.Addr{f.Local.Unmap()}
	if !f.Local.IsValid() {
		locals = nil
		if !f.Forwarded || ep.Workload != nil {
			for _, addr := range ep.ExpectedIPs {
				if familyOf(addr) == k.family {
					locals = append(locals, addr)
				}
			}
		}
	} else if familyOf(locals[0]) != k.family {
		return nil, nil, fmt.Sprintf("the flow's addresses %s and %s are not of one family", f.Peer, f.Local)
	}
	// The boxes are taken from the end.
	slices.Reverse(locals)
	for _, local := range locals {
		b.local = address.Range{First: local, Last: local}
		boxes = append(boxes, b)
	}
	if len(locals) == 0 {
		k.localUnknown = true
		b.local = everyAddress(k.family)
		boxes = []box{b}
	}
	return k, boxes, ""
}

// firstEphemeral is the first of the ports that Linux gives to those who do not
// ask for one; other systems begin later.
const firstEphemeral = 32768

func oneOr(port uint16, all span) span {
	if port == 0 {
		return all
	}
	return span{port, port}
}

func octets(value *uint8) span {
	if value == nil {
		return span{0, 255}
	}
	return span{uint16(*value), uint16(*value)}
}

// describe spells in what a part differs from the whole flow.
func (k *walk) describe(part box, whole []box) string {
	var words []string
	if part.peer != whole[0].peer {
		words = append(words, part.peer.String())
	}
	if len(whole) > 1 {
		words = append(words, "near address "+part.local.String())
	}
	for dim, name := range map[dimension]string{
		destinationPort: "port", sourcePort: "source port", icmpType: "ICMP type", icmpCode: "ICMP code",
	} {
		if s := *part.number(dim); s != *whole[0].number(dim) {
			words = append(words, name+" "+s.String())
		}
	}
	// The address comes first, the others in some fixed order.
	if len(words) > 1 {
		slices.Sort(words[1:])
	}
	if len(words) == 0 {
		return part.peer.String()
	}
	return strings.Join(words, ", ")
}

// run tells what happens to a box.
func (k *walk) run(b box) result {
	k.box, k.trace, k.notes = b, nil, nil
	if k.untracked {
		return k.connection()
	}
	return k.request().tracked()
}

// way is one packet on its way through one endpoint.
type way struct {
	*walk
	endpoint  *Endpoint
	program   *program
	direction Direction
	// reply is set for the reply to the flow, in which the ends are exchanged.
	reply                       bool
	source, destination         dimension
	sourcePort, destinationPort dimension

	// raw goes on after the doNotTrack policies, with what they do to the packet.
	raw func(fate) result
	// known is what happens from the start of a tier on.
	known []knownResult
}

// place is the start of a tier within a stage.
type place struct {
	stage stage
	tier  int
}

type knownResult struct {
	place
	result
}

// request is the flow's packet at the endpoint.
func (k *walk) request() *way { return k.way(k.at, k.program, k.flow.Direction, false) }

func (k *walk) way(ep *Endpoint, prog *program, direction Direction, reply bool) *way {
	w := &way{
		walk: k, endpoint: ep, program: prog, direction: direction, reply: reply,
		source: peerAddress, destination: localAddress, sourcePort: sourcePort, destinationPort: destinationPort,
	}
	if (k.flow.Direction == Egress) != reply {
		w.source, w.destination = w.destination, w.source
	}
	if reply {
		w.sourcePort, w.destinationPort = w.destinationPort, w.sourcePort
	}
	return w
}

// farAddress is the side of the packet that is not the host's, or with forwarded
// traffic the one that the interface leads to.
func (w *way) farAddress() dimension {
	if w.direction == Ingress {
		return w.source
	}
	return w.destination
}

// tracked takes a packet through the stages of its path, without those of
// doNotTrack.
func (w *way) tracked() result {
	if w.endpoint.Workload != nil {
		return w.atWorkload()
	}
	if w.flow.Forwarded && w.direction == Egress {
		// This meets neither failsafes nor the tables before routing.
		return w.trackable(w.tierFrom(forwarded, 0, false))
	}
	switch failsafe, port := w.failsafe(false); failsafe.is {
	case partly:
		return result{cut: &failsafe.at}
	case yes:
		return w.trackable(w.pastFailsafe(port))
	case no:
		return w.trackable(w.tierFrom(preDNAT, 0, false))
	default:
		return w.trackable(either(w.pastFailsafe(port), w.tierFrom(preDNAT, 0, false), &Cause{}, failsafe.why))
	}
}

// pastFailsafe goes on with a packet to a failsafe port.
func (w *way) pastFailsafe(port *failsafe) result {
	switch {
	case w.flow.Forwarded && !w.preDNATOnly:
		return w.tierFrom(forwarded, 0, false)
	case port == nil:
		return result{outcome: Allowed, by: &Cause{}}
	default:
		return w.decided(EffectAllow, &port.cause)
	}
}

// trackable takes back what policies allow if Linux does not get to know what
// connection the packet belongs to.
func (w *way) trackable(res result) result {
	incoming := w.direction == Ingress || w.flow.Forwarded || w.endpoint.Workload != nil
	if w.protocol != protocolUDPLite || !incoming || res.outcome != Allowed || res.cut != nil ||
		!slices.ContainsFunc(w.endpoint.node.ways, func(h handling) bool { return !h.keepsInvalid }) {
		return res
	}
	return result{by: res.by, reason: "Linux takes incoming UDPLite for invalid unless nf_conntrack_checksum is 0, and Felix drops what is invalid before it asks policies, which allow it here: " + res.by.String()}
}

// doubtful goes on with a condition that may hold.
func doubtful(a answer, with, without func() result) result {
	switch a.is {
	case partly:
		return result{cut: &a.at}
	case yes:
		return with()
	case no:
		return without()
	case maybe:
	}
	return either(with(), without(), &Cause{}, a.why)
}

// either is what happens if it is not known which of two things happens.
func either(one, other result, by *Cause, reason string) result {
	switch {
	case one.cut != nil:
		return one
	case other.cut != nil || one.outcome == other.outcome && one.outcome != Undecided:
		return other
	default:
		return result{by: by, reason: reason}
	}
}

func (w *way) decided(effect Effect, by *Cause) result {
	by.Reply = w.reply
	w.trace = append(w.trace, Step{*by, effect})
	if effect == EffectAllow {
		return result{outcome: Allowed, by: by}
	}
	return result{outcome: Denied, by: by}
}
