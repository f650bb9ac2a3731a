package verdict

import (
	"net/netip"
	"slices"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
)

// Part is some of the packets of a flow, which all fare alike.
type Part struct {
	Verdict
	box box
	// local is the place of the near address among those of the endpoint, of the
	// flow's family; -1 where it is not known.
	local int
}

// Parts tells what happens to a flow at an endpoint, packet by packet: the parts
// together are all of the flow but the packets whose far side is in except. Where
// Decide has one answer for the whole flow, this has one for each part of it.
//
// A flow of too many parts is one part that is undecided.
func (w *World) Parts(ep *Endpoint, f Flow, except ...netip.Prefix) []Part {
	k, boxes, reason := newWalk(w, ep, f)
	if reason != "" {
		return []Part{{Verdict: Verdict{Reason: reason}, local: -1}}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	whole := boxes
	if v, ok := k.beforehand(); ok {
		return []Part{{Verdict: v, box: whole[0], local: -1}}
	}
	k.prepare()
	boxes = without(boxes, except)
	var parts []Part
	err := k.divide(boxes, func(v Verdict, b box) bool {
		local := -1
		if !k.localUnknown {
			// The boxes of the whole flow are in the order in which they are taken.
			local = len(whole) - 1 - slices.IndexFunc(whole, func(o box) bool { return o.local == b.local })
		}
		v.Part, v.Notes = k.describe(b, whole), append(k.generalNotes(), v.Notes...)
		parts = append(parts, Part{v, b, local})
		return true
	})
	if err != "" {
		return []Part{{Verdict: Verdict{Reason: err}, box: whole[0], local: -1}}
	}
	return parts
}

// Peer returns the addresses of the far side.
func (p Part) Peer() address.Range { return p.box.peer }

// From returns the part as it would be with that address at the far side.
func (p Part) From(peer netip.Addr) Part {
	p.box.peer = address.Range{First: peer, Last: peer}
	return p
}

// Meets tells whether two parts, of one flow in two worlds, have packets in common.
// same tells whether two near addresses, given by their places, are the same.
func (p Part) Meets(other Part, same func(mine, its int) bool) bool {
	a, b := p.box, other.box
	if !a.peer.First.IsValid() || !b.peer.First.IsValid() {
		return true
	}
	if p.local >= 0 && other.local >= 0 && !same(p.local, other.local) {
		return false
	}
	if !a.peer.Overlaps(b.peer) {
		return false
	}
	for i := range a.numbers {
		if a.numbers[i].hi < b.numbers[i].lo || b.numbers[i].hi < a.numbers[i].lo {
			return false
		}
	}
	return true
}

// without takes networks at the far side out of boxes.
func without(boxes []box, except []netip.Prefix) []box {
	for _, net := range except {
		gap := address.RangeOf(net)
		var rest []box
		for _, b := range boxes {
			if !b.peer.Overlaps(gap) {
				rest = append(rest, b)
				continue
			}
			if b.peer.First.Compare(gap.First) < 0 {
				lower := b
				lower.peer.Last = gap.First.Prev()
				rest = append(rest, lower)
			}
			if gap.Last.Compare(b.peer.Last) < 0 {
				upper := b
				upper.peer.First = gap.Last.Next()
				rest = append(rest, upper)
			}
		}
		boxes = rest
	}
	return boxes
}

// divide runs boxes, and cuts them where their packets fare differently. each is
// given what fares alike, and answers whether to go on. The answer is why the flow
// cannot be judged, "" if it can.
func (k *walk) divide(boxes []box, each func(Verdict, box) bool) string {
	done := 0
	for runs := 0; len(boxes) > 0; runs++ {
		// Notes take time, and one of many parts is told in the end.
		k.noting = k.world.addressless[k.family] && runs < maxNoted
		b := boxes[len(boxes)-1]
		boxes = boxes[:len(boxes)-1]
		res := k.run(b)
		if res.cut != nil {
			lower, upper := b.cut(*res.cut)
			boxes = append(boxes, upper, lower)
			if len(boxes)+done > maxParts {
				return "the flow stands for too many packets that fare differently: ask for fewer addresses or ports"
			}
			continue
		}
		done++
		if !each(Verdict{Outcome: res.outcome, By: *res.by, Reason: res.reason, Trace: k.trace, Notes: k.notes}, b) {
			break
		}
	}
	return ""
}
