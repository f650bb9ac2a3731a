package address

import (
	"encoding/binary"
	"math/bits"
	"net"
	"net/netip"
)

// EveryIPv4 and EveryIPv6 are the networks of all addresses of a family.
var (
	EveryIPv4 = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	EveryIPv6 = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
)

// Range is addresses of one family, with both its ends.
type Range struct{ First, Last netip.Addr }

// RangeOf returns all addresses of a network; those of an IPv4 network that is written
// as IPv6 are IPv4.
func RangeOf(p netip.Prefix) Range {
	if p.Addr().Is4In6() && p.Bits() >= ipv4In6 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-ipv4In6)
	}
	p = p.Masked()
	last := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(last)*8; bit++ {
		last[bit/8] |= 0x80 >> (bit % 8)
	}
	addr, _ := netip.AddrFromSlice(last)
	return Range{p.Addr(), addr}
}

// ipv4In6 is how many bits come before an IPv4 address that is written as IPv6.
const ipv4In6 = 8 * (net.IPv6len - net.IPv4len)

// ParseRange reads an address or a network as Felix does: host bits count for
// nothing, and IPv4 that is written as IPv6 is IPv4. ok is false for what Felix would
// skip.
func ParseRange(text string) (r Range, ok bool) {
	if ip := net.ParseIP(text); ip != nil {
		addr, _ := netip.AddrFromSlice(ip)
		return Range{addr.Unmap(), addr.Unmap()}, true
	}
	_, network, err := net.ParseCIDR(text)
	if err != nil {
		return Range{}, false
	}
	ip := network.IP
	ones, length := network.Mask.Size()
	if ip.To4() != nil && length == 8*net.IPv6len {
		ones -= ipv4In6
	}
	addr, _ := netip.AddrFromSlice(ip)
	return RangeOf(netip.PrefixFrom(addr.Unmap(), ones)), true
}

// IsSingle tells whether the range is one address.
func (r Range) IsSingle() bool { return r.First == r.Last }

// Contains tells whether an address is in the range.
func (r Range) Contains(a netip.Addr) bool {
	return r.First.Compare(a) <= 0 && a.Compare(r.Last) <= 0
}

// Overlaps tells whether two ranges have an address in common.
func (r Range) Overlaps(other Range) bool {
	return r.First.Compare(other.Last) <= 0 && other.First.Compare(r.Last) <= 0
}

// IsLongerThan tells whether there are more than n addresses in the range.
func (r Range) IsLongerThan(n int) bool {
	from, to := r.First.As16(), r.Last.As16()
	low, borrow := bits.Sub64(binary.BigEndian.Uint64(to[8:]), binary.BigEndian.Uint64(from[8:]), 0)
	high, _ := bits.Sub64(binary.BigEndian.Uint64(to[:8]), binary.BigEndian.Uint64(from[:8]), borrow)
	return high > 0 || low >= uint64(n)
}

// String spells the range as a network if it is one.
func (r Range) String() string {
	if r.IsSingle() {
		return r.First.String()
	}
	for length := 0; length <= r.First.BitLen(); length++ {
		if prefix := netip.PrefixFrom(r.First, length); RangeOf(prefix) == r {
			return prefix.String()
		}
	}
	return r.First.String() + "-" + r.Last.String()
}

// Spell is a network for a person: the address alone if it is only one.
func Spell(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
