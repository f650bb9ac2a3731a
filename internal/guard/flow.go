package guard

import (
	"fmt"
	"net/netip"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/traffic"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// Flow is traffic that is watched over.
type Flow struct {
	// Name is what it is called in messages, "" for nothing.
	Name    string
	Traffic verdict.Flow
	// Endpoints selects those at which it is watched over; nil for all.
	Endpoints *selector.Selector
	// From and To are set together, and Traffic then has no Peer and no direction that means
	// anything: it is from each endpoint of the one to each of the other.
	From, To *traffic.Selection
	// Of chooses workloads, in the place of host endpoints, at which it is watched over.
	Of *traffic.Selection
	// Shut is set for traffic that must stay out; otherwise it must go on working.
	Shut bool
	// some is set if it is enough that some of it works.
	some bool
	// except are far sides that do not count.
	except []netip.Prefix
}

// String spells the flow for a person: ssh (TCP port 22 from 10.1.0.0/24).
func (f Flow) String() string {
	text := f.Traffic.Protocol.String()
	if f.Traffic.Port != 0 {
		text += fmt.Sprintf(" port %d", f.Traffic.Port)
	}
	if f.Traffic.SourcePort != 0 {
		text += fmt.Sprintf(" source port %d", f.Traffic.SourcePort)
	}
	if f.Traffic.ICMPType != nil {
		text += fmt.Sprintf(" type %d", *f.Traffic.ICMPType)
	}
	if f.Traffic.ICMPCode != nil {
		text += fmt.Sprintf(" code %d", *f.Traffic.ICMPCode)
	}
	if f.Traffic.Forwarded {
		text += " forwarded"
	}
	if f.Traffic.Local.IsValid() {
		text += " at " + f.Traffic.Local.String()
	}
	switch {
	case f.From != nil:
		text += fmt.Sprintf(" from %s to %s", f.From, f.To)
	case f.Traffic.Direction == verdict.Ingress:
		text += " from " + address.Spell(f.Traffic.Peer)
	default:
		text += " to " + address.Spell(f.Traffic.Peer)
	}
	if f.Of != nil {
		text += ", of " + f.Of.String()
	}
	if len(f.except) > 0 {
		text += ", other than declared"
	}
	if f.Name == "" {
		return text
	}
	return f.Name + " (" + text + ")"
}

// Between returns the flow as one between endpoints, or between those chosen and a network;
// ok is false if it is about host endpoints, each by itself.
func (f Flow) Between(chosen *traffic.Selection) (flow traffic.Flow, ok bool) {
	flow = traffic.Flow{
		Protocol: f.Traffic.Protocol, Port: f.Traffic.Port, SourcePort: f.Traffic.SourcePort,
		ICMPType: f.Traffic.ICMPType, ICMPCode: f.Traffic.ICMPCode,
	}
	if f.From != nil {
		flow.From.Selection, flow.To.Selection = *f.From, *f.To
		return flow, true
	}
	if chosen == nil || !chosen.Workloads || f.Traffic.Forwarded || f.Traffic.Local.IsValid() {
		return flow, false
	}
	near, far := &flow.To, &flow.From
	if f.Traffic.Direction == verdict.Egress {
		near, far = far, near
	}
	near.Selection = *chosen
	// Each host endpoint is asked by itself.
	near.Hosts = false
	near.Also = f.Endpoints
	far.Net = unmapped(f.Traffic.Peer)
	return flow, true
}

// unmapped returns a network of IPv4 that is written as one of IPv6 as what it is.
func unmapped(p netip.Prefix) netip.Prefix {
	const mapped = 96
	if p.Addr().Is4In6() && p.Bits() >= mapped {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mapped)
	}
	return p
}

// WatchedAt tells whether the flow is watched over at an endpoint.
func (f Flow) WatchedAt(endpoint *verdict.Endpoint) bool {
	return f.Endpoints == nil || f.Endpoints.Matches(endpoint.Labels)
}

// Key tells flows apart.
func (f Flow) Key() string {
	key := f.Traffic.Direction.String() + " " + f.String()
	for _, net := range f.except {
		key += " " + net.String()
	}
	if f.Endpoints != nil {
		// At which endpoints it is watched over is a part of it: others may have the
		// same name.
		key += "\x00" + f.Endpoints.String()
	}
	return key
}
