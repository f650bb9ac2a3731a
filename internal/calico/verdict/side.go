package verdict

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
)

// Side is one end of a connection: an endpoint, or addresses of which no more is known, as
// they belong to no endpoint.
type Side struct {
	Endpoint *Endpoint
	// Addr is one of the endpoint's addresses; if it is not set, it is each of them, with
	// those of the same family at the other end. Without an endpoint, Addr or Net is needed.
	Addr netip.Addr
	// Net is set in the place of an endpoint and Addr: each address of the network. If
	// endpoints have some of these, what their own policies say is not asked.
	Net netip.Prefix
}

// addresses returns those of both ends, in pairs of one family each.
func (c *Connection) addresses() (pairs [][2]netip.Prefix, reason string) {
	if c.From.Endpoint == nil && c.To.Endpoint == nil {
		return nil, "neither end of the connection is an endpoint"
	}
	var missing []string
	other := false
	for _, f := range []family{ipv4, ipv6} {
		sources, destinations := c.From.ofFamily(f), c.To.ofFamily(f)
		switch {
		case len(sources) > 0 && len(destinations) > 0:
			if number, ok := protocolNumber(c.Protocol); ok && isICMP(number) && (number == protocolICMP) != (f == ipv4) {
				// ICMP is of IPv4 alone, and ICMPv6 of IPv6.
				other = true
				continue
			}
			for _, from := range sources {
				for _, to := range destinations {
					pairs = append(pairs, [2]netip.Prefix{from, to})
				}
			}
		case len(sources) == 0 && len(destinations) > 0:
			missing = append(missing, c.From.String())
		case len(destinations) == 0 && len(sources) > 0:
			missing = append(missing, c.To.String())
		}
	}
	switch {
	case len(pairs) > 0:
		return pairs, ""
	case other:
		return nil, fmt.Sprintf("the two ends have no address for %s, which is of the other family", c.Protocol.String())
	case len(missing) == 0:
		return nil, "no address of either end is known"
	case len(missing) == 1:
		return nil, "no address of " + missing[0] + " is known that is of the other end's family"
	default:
		return nil, "the two ends have no address of one family"
	}
}

func (s Side) ofFamily(f family) []netip.Prefix {
	var all []netip.Prefix
	switch {
	case s.Addr.IsValid():
		all = []netip.Prefix{single(s.Addr.Unmap())}
	case s.Endpoint != nil:
		for _, ip := range s.Endpoint.ExpectedIPs {
			all = append(all, single(ip))
		}
	case s.Net.IsValid():
		all = []netip.Prefix{s.Net}
	}
	return slices.DeleteFunc(all, func(p netip.Prefix) bool { return familyOf(p.Addr().Unmap()) != f })
}

// String names the end for a message.
func (s Side) String() string {
	if s.Endpoint != nil {
		return s.Endpoint.String()
	}
	if s.Net.IsValid() {
		return address.Spell(s.Net)
	}
	return s.Addr.String()
}
