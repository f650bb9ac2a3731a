package guard

import (
	"fmt"
	"net/netip"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// Flow is traffic that is watched over.
type Flow struct {
	// Name is what it is called in messages, "" for nothing.
	Name    string
	Traffic verdict.Flow
	// Endpoints selects those at which it is watched over; nil for all.
	Endpoints *selector.Selector
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
	if f.Traffic.Direction == verdict.Ingress {
		text += " from "
	} else {
		text += " to "
	}
	if f.Traffic.Peer.IsSingleIP() {
		text += f.Traffic.Peer.Addr().String()
	} else {
		text += f.Traffic.Peer.String()
	}
	if len(f.except) > 0 {
		text += ", other than declared"
	}
	if f.Name == "" {
		return text
	}
	return f.Name + " (" + text + ")"
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
