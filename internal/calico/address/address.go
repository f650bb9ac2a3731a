// Package address reads what rules say of where traffic goes: IP addresses, networks,
// ranges of addresses, ports and protocols.
package address

import (
	"net/netip"
	"strconv"
	"strings"
)

// Net returns a bare address as the network of that address alone, which is how
// Calico wants it in a rule, and anything else as it is.
func Net(s string) string {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return s
	}
	return s + "/" + strconv.Itoa(a.BitLen())
}

// Bare returns the network of a single address as that address, and anything else
// as it is.
func Bare(s string) string {
	p, err := netip.ParsePrefix(s)
	if err != nil || !p.IsSingleIP() {
		return s
	}
	address, _, _ := strings.Cut(s, "/")
	return address
}

// IsIPv6 tells an IPv6 address or network. What is neither counts as IPv4: it is
// refused wherever it goes.
func IsIPv6(s string) bool {
	address, _, _ := strings.Cut(s, "/")
	a, err := netip.ParseAddr(address)
	return err == nil && a.Is6() && !a.Is4In6()
}
