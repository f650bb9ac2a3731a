package verdict

import (
	"fmt"
	"net/netip"
	"slices"
	"sort"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
)

// truth is whether a condition holds for all packets of a box.
type truth int

const (
	no truth = iota
	yes
	// maybe: the objects do not tell.
	maybe
	// partly: it holds for some; a cut comes closer to telling which.
	partly
)

// answer is what is known of a condition for the packets of a box.
type answer struct {
	is truth
	// why is the reason of maybe.
	why string
	// at is where to cut the box if the answer is partly.
	at cut
}

// and returns the answer for two conditions that both have to hold. A no rules
// all else out; a cut comes before a doubt, which the parts may not have.
func (a answer) and(b answer) answer {
	switch {
	case a.is == no || b.is == no:
		return answer{}
	case a.is == partly || a.is == maybe && b.is != partly:
		return a
	default:
		return b
	}
}

// or returns the answer for two conditions of which one has to hold.
func (a answer) or(b answer) answer {
	switch {
	case a.is == yes || b.is == yes:
		return answer{is: yes}
	case a.is == partly || a.is == maybe && b.is != partly:
		return a
	default:
		return b
	}
}

func (a answer) not() answer {
	switch a.is {
	case no:
		a.is = yes
	case yes:
		a.is = no
	case maybe, partly:
	}
	return a
}

// dimension is one of the properties in which the packets of a flow differ.
type dimension int

const (
	peerAddress dimension = iota
	localAddress
	sourcePort
	destinationPort
	icmpType
	icmpCode
)

// cut divides a box in one dimension; the value is the first of the upper part.
type cut struct {
	dim    dimension
	addr   netip.Addr
	number uint16
}

// box is a set of packets: all combinations of values in its ranges.
type box struct {
	peer, local address.Range
	// numbers are indexed by dimension, from sourcePort on.
	numbers [4]span
}

func (b *box) addr(dim dimension) *address.Range {
	if dim == localAddress {
		return &b.local
	}
	return &b.peer
}

func (b *box) number(dim dimension) *span { return &b.numbers[dim-sourcePort] }

// cut returns the two parts of the box.
func (b box) cut(at cut) (lower, upper box) {
	lower, upper = b, b
	if at.dim < sourcePort {
		lower.addr(at.dim).Last = at.addr.Prev()
		upper.addr(at.dim).First = at.addr
	} else {
		lower.number(at.dim).hi = at.number - 1
		upper.number(at.dim).lo = at.number
	}
	return lower, upper
}

// span is a range of numbers with both its ends.
type span struct{ lo, hi uint16 }

func (s span) String() string {
	if s.lo == s.hi {
		return fmt.Sprint(s.lo)
	}
	return fmt.Sprintf("%d-%d", s.lo, s.hi)
}

// spanSet is a set of numbers as ranges, sorted, neither overlapping nor touching.
type spanSet []span

func newSpanSet(spans []span) spanSet {
	slices.SortFunc(spans, func(a, b span) int { return int(a.lo) - int(b.lo) })
	var set spanSet
	for _, s := range spans {
		if n := len(set); n > 0 && uint32(s.lo) <= uint32(set[n-1].hi)+1 {
			set[n-1].hi = max(set[n-1].hi, s.hi)
			continue
		}
		set = append(set, s)
	}
	return set
}

// holds tells whether the numbers of a box in a dimension are in the set.
func (set spanSet) holds(b *box, dim dimension) answer {
	s := *b.number(dim)
	i := sort.Search(len(set), func(i int) bool { return set[i].hi >= s.lo })
	switch {
	case i == len(set) || set[i].lo > s.hi:
		return answer{}
	case set[i].lo > s.lo:
		return answer{is: partly, at: cut{dim: dim, number: set[i].lo}}
	case set[i].hi < s.hi:
		return answer{is: partly, at: cut{dim: dim, number: set[i].hi + 1}}
	default:
		return answer{is: yes}
	}
}

// family indexes what is kept for IPv4 and IPv6 apart.
type family int

const (
	ipv4 family = iota
	ipv6
)

func familyOf(a netip.Addr) family {
	if a.Is4() {
		return ipv4
	}
	return ipv6
}

// everyAddress returns all addresses of a family.
func everyAddress(f family) address.Range { return everyAddresses[f] }

var everyAddresses = [...]address.Range{ipv4: address.RangeOf(address.EveryIPv4), ipv6: address.RangeOf(address.EveryIPv6)}

// addrSet is a set of addresses of one family as ranges, sorted, neither
// overlapping nor touching.
type addrSet []address.Range

// newAddrSets returns the sets of both families.
func newAddrSets(ranges []address.Range) [2]addrSet {
	slices.SortFunc(ranges, func(a, b address.Range) int { return a.First.Compare(b.First) })
	var sets [2]addrSet
	for _, r := range ranges {
		set := &sets[familyOf(r.First)]
		if n := len(*set); n > 0 {
			last := &(*set)[n-1]
			// Next of the last address there is not valid, and sorts before all.
			if next := last.Last.Next(); r.First.Compare(last.Last) <= 0 || r.First == next {
				if last.Last.Less(r.Last) {
					last.Last = r.Last
				}
				continue
			}
		}
		*set = append(*set, r)
	}
	return sets
}

// holds tells whether the addresses of a box on one side are in the set.
func (set addrSet) holds(b *box, dim dimension) answer {
	r := *b.addr(dim)
	i := sort.Search(len(set), func(i int) bool { return set[i].Last.Compare(r.First) >= 0 })
	switch {
	case i == len(set) || r.Last.Less(set[i].First):
		return answer{}
	case r.First.Less(set[i].First):
		return answer{is: partly, at: cut{dim: dim, addr: set[i].First}}
	case set[i].Last.Less(r.Last):
		return answer{is: partly, at: cut{dim: dim, addr: set[i].Last.Next()}}
	default:
		return answer{is: yes}
	}
}

// portMember is a named port at an address.
type portMember struct {
	addr     netip.Addr
	protocol uint8
	port     uint16
}

// holdsPort tells whether addresses and ports of a box on one side are among the
// members of a protocol.
func holdsPort(members []portMember, protocol uint8, b *box, addrDim, portDim dimension) answer {
	addrs, ports := *b.addr(addrDim), *b.number(portDim)
	for _, m := range members {
		if m.protocol != protocol || !addrs.Contains(m.addr) || m.port < ports.lo || m.port > ports.hi {
			continue
		}
		// One member that is inside tells where to cut; the parts find the others.
		// Ports come first: a near address that is not known cannot be cut.
		switch {
		case ports.lo != m.port:
			return answer{is: partly, at: cut{dim: portDim, number: m.port}}
		case ports.hi != m.port:
			return answer{is: partly, at: cut{dim: portDim, number: m.port + 1}}
		case addrs.First != m.addr:
			return answer{is: partly, at: cut{dim: addrDim, addr: m.addr}}
		case addrs.Last != m.addr:
			return answer{is: partly, at: cut{dim: addrDim, addr: m.addr.Next()}}
		default:
			return answer{is: yes}
		}
	}
	return answer{}
}
