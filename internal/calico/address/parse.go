package address

import (
	"net"
	"regexp"
	"slices"
	"strconv"
)

// Is tells whether a text is an IP address.
func Is(s string) bool { return net.ParseIP(s) != nil }

var peerAddress = [...]*regexp.Regexp{
	regexp.MustCompile(`^\d+.\d+.\d+.\d+:\d+$`),
	regexp.MustCompile(`^\[[0-9a-fA-F:.]+\]:\d+$`),
}

// Parse reads an address, or a network that may have bits set beyond
// its prefix length.
func Parse(s string) (net.IP, *net.IPNet) {
	if ip, network, err := net.ParseCIDR(s); err == nil {
		return ip, network
	}
	ip := net.ParseIP(s)
	if ip == nil {
		return nil, nil
	}
	bits := 8 * net.IPv6len
	if ip.To4() != nil {
		bits = 8 * net.IPv4len
	}
	_, network, _ := net.ParseCIDR(ip.String() + "/" + strconv.Itoa(bits))
	return ip, network
}

// Family is the IP version of an address or a network, and 0 for anything else.
func Family(s string) int {
	ip, _ := Parse(s)
	switch {
	case ip == nil:
		return 0
	case ip.To4() != nil:
		return 4
	default:
		return 6
	}
}

// PeerIP takes the port, if there is one, from the address of a BGP peer. It
// returns "" for what is none.
func PeerIP(s string) string {
	if !slices.ContainsFunc(peerAddress[:], func(r *regexp.Regexp) bool { return r.MatchString(s) }) {
		if Is(s) {
			return s
		}
		return ""
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil || !Is(host) {
		return ""
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return ""
	}
	return host
}
