package verdict

import (
	"net/netip"
	"slices"
)

// anyInterface is the interface name of an endpoint for all that have none.
const anyInterface = "*"

// Endpoint is a host endpoint as Felix sees it. It belongs to the World it came from.
type Endpoint struct {
	Name string
	Node string
	// Interface is a name, "*" for every interface without an endpoint of its own,
	// or empty for the one that has an expected IP.
	Interface   string
	ExpectedIPs []netip.Addr
	// Labels are its own and those that its profiles apply: what selectors see.
	Labels map[string]string

	labels    int
	profiles  []string
	failsafes failsafes
}

// Endpoints returns all host endpoints, sorted by name.
func (w *World) Endpoints() []*Endpoint { return slices.Clone(w.endpoints) }

// Endpoint returns the host endpoint of a name.
func (w *World) Endpoint(name string) (*Endpoint, bool) {
	ep, ok := w.byName[name]
	return ep, ok
}

// Governing returns the host endpoint that governs an interface of a node which
// has the given addresses: the first by name of those for this interface and
// those without an interface that expect one of its addresses, or else the first
// of those for "*". The others are inactive, of which Calico says nothing.
func (w *World) Governing(node, iface string, addrs ...netip.Addr) (*Endpoint, bool) {
	return w.governing(node, func(ep *Endpoint) bool {
		if ep.Interface != "" {
			return ep.Interface == iface
		}
		return ep.expects(addrs)
	})
}

// GoverningAddress returns the host endpoint that governs the interface of a node
// with an address, if one expects it. An endpoint with an interface name is
// believed to expect the addresses that this interface has. The fallback is the
// endpoint for "*".
func (w *World) GoverningAddress(node string, addr netip.Addr) (*Endpoint, bool) {
	return w.governing(node, func(ep *Endpoint) bool { return ep.expects([]netip.Addr{addr}) })
}

func (ep *Endpoint) expects(addrs []netip.Addr) bool {
	return slices.ContainsFunc(addrs, func(a netip.Addr) bool { return slices.Contains(ep.ExpectedIPs, a.Unmap()) })
}

func (w *World) governing(node string, matches func(*Endpoint) bool) (*Endpoint, bool) {
	var fallback *Endpoint
	for _, ep := range w.endpoints {
		switch {
		case ep.Node != node:
		case ep.Interface == anyInterface:
			if fallback == nil {
				fallback = ep
			}
		case matches(ep):
			return ep, true
		}
	}
	return fallback, fallback != nil
}
