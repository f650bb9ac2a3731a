package verdict

import (
	"net/netip"
	"slices"
	"sort"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
)

// bounds are where networks begin, or end just before: addresses between two of them are the
// same to every network. They are sorted when all are there.
type bounds []netip.Addr

// cut adds those of a network.
func (b *bounds) cut(r address.Range) {
	*b = append(*b, r.First)
	if next := r.Last.Next(); next.IsValid() && next.BitLen() == r.First.BitLen() {
		*b = append(*b, next)
	}
}

// sort makes the bounds ready.
func (b *bounds) sort() {
	slices.SortFunc(*b, netip.Addr.Compare)
	*b = slices.Compact(*b)
}

// behind returns the place of the first bound after an address.
func (b bounds) behind(ip netip.Addr) int {
	return sort.Search(len(b), func(i int) bool { return b[i].Compare(ip) > 0 })
}
