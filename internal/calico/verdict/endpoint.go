package verdict

import (
	"net/netip"
	"slices"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
)

// AnyInterface is the interface name of a host endpoint for all interfaces that
// have none of their own.
const AnyInterface = "*"

// Endpoint is a host endpoint or a workload endpoint as Felix sees it. It belongs to the
// World it came from.
type Endpoint struct {
	Name string
	Node string
	// Workload is set for a workload endpoint.
	Workload *Workload
	// Interface is a name, "*" for every interface without an endpoint of its own,
	// or empty for the one that has an expected IP.
	Interface string
	// ExpectedIPs are the addresses of the interface, as far as objects tell.
	ExpectedIPs []netip.Addr
	// Labels are its own and those that its profiles apply: what selectors see.
	Labels map[string]string

	labels   int
	profiles []string
	ports    []namedPort
	node     *nodeSettings
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
//
// An interface that interfaceExclude of FelixConfiguration names has only one for
// "*".
func (w *World) Governing(node, iface string, addrs ...netip.Addr) (*Endpoint, bool) {
	excluded, _ := interfaceIs(iface, w.felix.known(node).excluded)
	return w.governing(node, func(ep *Endpoint) bool {
		if excluded == yes {
			return false
		}
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
	return w.governing(node, func(ep *Endpoint) bool {
		excluded, _ := interfaceIs(ep.Interface, ep.node.excluded)
		return excluded != yes && ep.expects([]netip.Addr{addr})
	})
}

// forAll returns the host endpoint of a node for all interfaces, nil for none.
func (w *World) forAll(node string) *Endpoint {
	ep, _ := w.governing(node, func(*Endpoint) bool { return false })
	return ep
}

func (ep *Endpoint) expects(addrs []netip.Addr) bool {
	return slices.ContainsFunc(addrs, func(a netip.Addr) bool { return slices.Contains(ep.ExpectedIPs, a.Unmap()) })
}

func (w *World) governing(node string, matches func(*Endpoint) bool) (*Endpoint, bool) {
	ep := first(w.endpoints, node, func(ep *Endpoint) (string, string) { return ep.Node, ep.Interface }, matches)
	return ep, ep != nil
}

// Governors are host endpoints by their nodes, sorted by name, of which Calico uses
// some and ignores the others.
type Governors map[string][]*v3.HostEndpoint

// NewGovernors takes host endpoints that are sorted by name.
func NewGovernors(sorted []*v3.HostEndpoint) Governors {
	g := Governors{}
	for _, h := range sorted {
		g[h.Spec.Node] = append(g[h.Spec.Node], h)
	}
	return g
}

// Of returns which host endpoint Calico uses at the interface that one is for (see
// World.Governing); nil for none. One of them is believed to be for the interface with
// an address that it expects.
func (g Governors) Of(at *v3.HostEndpoint) *v3.HostEndpoint {
	expected := ExpectedIPs(at)
	return first(g[at.Spec.Node], at.Spec.Node, func(h *v3.HostEndpoint) (string, string) { return h.Spec.Node, h.Spec.InterfaceName }, func(h *v3.HostEndpoint) bool {
		switch {
		case at.Spec.InterfaceName == AnyInterface:
			return false
		case at.Spec.InterfaceName != "" && h.Spec.InterfaceName != "":
			return at.Spec.InterfaceName == h.Spec.InterfaceName
		default:
			return slices.ContainsFunc(ExpectedIPs(h), func(ip netip.Addr) bool { return slices.Contains(expected, ip) })
		}
	})
}

// first returns the first of a node's endpoints that matches, or else the first of
// those for all interfaces.
func first[E any](sorted []*E, node string, site func(*E) (node, iface string), matches func(*E) bool) *E {
	var fallback *E
	for _, ep := range sorted {
		switch on, iface := site(ep); {
		case on != node:
		case iface == AnyInterface:
			if fallback == nil {
				fallback = ep
			}
		case matches(ep):
			return ep
		}
	}
	return fallback
}

// ExpectedIPs returns the addresses that a host endpoint expects; IPv4 that is
// written as IPv6 as what it is.
func ExpectedIPs(h *v3.HostEndpoint) []netip.Addr {
	var out []netip.Addr
	for _, text := range h.Spec.ExpectedIPs {
		if r, ok := address.ParseRange(text); ok && r.IsSingle() {
			out = append(out, r.First)
		}
	}
	return out
}
