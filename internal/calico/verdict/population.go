package verdict

import (
	"maps"
	"net/netip"
	"slices"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
)

// Population counts endpoints by their classes, and their addresses.
type Population struct {
	classes   map[string]int
	addresses map[netip.Addr]int
	total     int
}

// Count counts endpoints.
func (c *Classes) Count(endpoints []*v3.HostEndpoint) Population {
	p := Population{classes: map[string]int{}, addresses: map[netip.Addr]int{}}
	for _, h := range endpoints {
		p.count(c.Of(h), ExpectedIPs(h), 1)
	}
	return p
}

func (p *Population) count(class string, ips []netip.Addr, n int) {
	p.classes[class] += n
	for _, ip := range ips {
		p.addresses[ip] += n
	}
	p.total += n * len(ips)
}

// Move returns the population after one endpoint became another; old is nil for one
// that comes, and now for one that goes. ok is false if that makes a difference to
// others, so that the classes do not hold any more.
func (c *Classes) Move(p Population, old, now *v3.HostEndpoint) (after Population, ok bool) {
	after = Population{classes: maps.Clone(p.classes), addresses: maps.Clone(p.addresses), total: p.total}
	ok = true
	if old != nil {
		class, ips := c.Of(old), ExpectedIPs(old)
		after.count(class, ips, -1)
		lastOfItsClass := len(ips) > 0 && after.classes[class] == 0 && (now == nil || c.Of(now) != class)
		ok = ok && !lastOfItsClass && !c.IsForNode(old)
	}
	if now != nil {
		class, ips := c.Of(now), ExpectedIPs(now)
		firstOfItsClass := len(ips) > 0 && p.classes[class] == 0
		after.count(class, ips, 1)
		ok = ok && !firstOfItsClass && !c.IsForNode(now) && after.total <= c.room &&
			!slices.ContainsFunc(ips, func(ip netip.Addr) bool { return after.addresses[ip] > 1 })
	}
	return after, ok
}
