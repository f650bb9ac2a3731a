package verdict

import (
	"encoding/json"
	"maps"
	"net/netip"
	"slices"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
)

// Classes are host endpoints that no rule can tell apart. Those of one class fare
// alike, and mean the same to the others if rules select endpoints as the far or near
// side. So one of each class stands for all, and another endpoint of a class that is
// there already changes nothing for the others.
//
// They hold for the flows with the far sides that they were made for. They are not
// safe for use by several goroutines.
type Classes struct {
	release calico.Release
	options []Option
	// objects are all that matter to an endpoint of no class yet, in a fixed order.
	objects []calico.Object
	regards regards
	bounds  bounds
	// asked are the far sides of the flows that are asked about.
	asked []address.Range
	// shared are the addresses that several endpoints expect.
	shared map[netip.Addr]bool
	// room is how many addresses endpoints may expect in all for the classes to hold:
	// a range with more addresses than that has one that is nobody's.
	room int

	// world holds one endpoint of each class that there was at first.
	world *World
	// faces are the addresses of the endpoints that stand for their classes.
	faces map[netip.Addr]bool
	// names are the classes of the endpoints that were asked about.
	names map[*v3.HostEndpoint]string
	// places are where each class is found.
	places map[string]Place
}

// Place is an endpoint in a world.
type Place struct {
	World    *World
	Endpoint *Endpoint
}

// NewClasses sorts endpoints into classes, for flows with certain far sides. others
// are all objects but host endpoints, in a fixed order.
func NewClasses(release calico.Release, others []calico.Object, endpoints []*v3.HostEndpoint, asked []netip.Prefix, options ...Option) *Classes {
	c := &Classes{
		release: release, options: options, objects: others, regards: newRegards(release, others),
		shared: map[netip.Addr]bool{}, names: map[*v3.HostEndpoint]string{}, places: map[string]Place{}, faces: map[netip.Addr]bool{},
	}
	for _, p := range asked {
		c.asked = append(c.asked, address.RangeOf(p))
	}
	c.setBounds()
	seen := map[netip.Addr]bool{}
	for _, h := range endpoints {
		for _, ip := range ExpectedIPs(h) {
			c.shared[ip] = c.shared[ip] || seen[ip]
			seen[ip] = true
		}
	}
	c.room = max(minRoom, 2*len(seen))

	all := slices.Clone(others)
	representatives := map[string]*v3.HostEndpoint{}
	for _, h := range endpoints {
		if class := c.Of(h); representatives[class] == nil {
			representatives[class] = h
			all = append(all, h)
			c.face(h)
		}
	}
	if c.RegardEndpoints() {
		c.objects = all
	}
	c.world = New(all, release, options...)
	if c.world.faulty && !c.regards.single {
		c.regards.single = true
		clear(c.names)
		clear(representatives)
		all = slices.Clone(others)
		for _, h := range endpoints {
			representatives[c.Of(h)] = h
			all = append(all, h)
		}
		c.objects = all
		c.world = New(all, release, options...)
	}
	for class, h := range representatives {
		if endpoint, ok := c.world.Endpoint(h.Name); ok {
			c.places[class] = Place{c.world, endpoint}
		}
	}
	return c
}

// minRoom makes ranges of less than a /20 small in any case.
const minRoom = 4096

// Fillable tells whether endpoints could have all addresses of a range. If they could,
// those that do not share a class are told apart in it.
func Fillable(r address.Range) bool { return !r.IsLongerThan(minRoom) }

// RegardEndpoints tells whether other endpoints can make a difference to one.
func (c *Classes) RegardEndpoints() bool { return c.regards.endpoints() }

// RegardAddresses tells whether the addresses of an endpoint can make a difference to
// it, or to others.
func (c *Classes) RegardAddresses() bool { return c.regards.addresses() }

// RegardPeers tells whether rules select endpoints as the far side.
func (c *Classes) RegardPeers() bool { return c.regards.far }

// RegardNode tells whether Felix may be configured for a node by itself.
func (c *Classes) RegardNode(name string) bool { return c.regards.nodes[name] }

// Unprogrammable returns the rules that Felix cannot program; see World.Unprogrammable.
func (c *Classes) Unprogrammable() []Problem { return c.world.Unprogrammable() }

// setBounds cuts the addresses where a network of the rules or a flow begins or ends.
func (c *Classes) setBounds() {
	if !c.RegardAddresses() {
		return
	}
	// The addresses of either family begin somewhere, too.
	c.bounds.cut(everyAddress(ipv4))
	c.bounds.cut(everyAddress(ipv6))
	for _, text := range c.regards.nets {
		if a, ok := address.ParseRange(text); ok {
			c.bounds.cut(a)
		}
	}
	for _, a := range c.asked {
		c.bounds.cut(a)
	}
	c.bounds.sort()
}

// addressClass is the same for addresses that no rule can tell apart by the
// networks they are in, for all that is asked.
func (c *Classes) addressClass(ip netip.Addr) string {
	if c.shared[ip] {
		return ip.String()
	}
	i := c.bounds.behind(ip)
	within := address.Range{First: c.bounds[i-1], Last: everyAddress(familyOf(ip)).Last}
	if i < len(c.bounds) && c.bounds[i].BitLen() == ip.BitLen() {
		within.Last = c.bounds[i].Prev()
	}
	// If a flow is about a range, an address in it that is nobody's may fare in
	// another way than those of endpoints. There has to be one as long as there is one
	// in truth, so only ranges that endpoints cannot fill are made of classes.
	if c.regards.far && !within.IsLongerThan(c.room) && c.isAsked(ip) {
		return ip.String()
	}
	return "from " + within.First.String()
}

// isAsked tells whether a flow that is asked about has the address at its far side.
func (c *Classes) isAsked(ip netip.Addr) bool {
	return slices.ContainsFunc(c.asked, func(a address.Range) bool { return a.Contains(ip) })
}

// Of returns the name of an endpoint's class.
func (c *Classes) Of(h *v3.HostEndpoint) string {
	class, ok := c.names[h]
	if !ok {
		class = c.name(h)
		c.names[h] = class
	}
	return class
}

// name spells what rules can tell an endpoint by.
func (c *Classes) name(h *v3.HostEndpoint) string {
	if c.regards.single {
		return h.Name
	}
	what := struct {
		Labels    map[string]string
		Profiles  []string
		Ports     []v3.EndpointPort
		All       bool
		Interface string
		Node      string
		Addresses []string
	}{Labels: h.Labels, Profiles: h.Spec.Profiles, Ports: h.Spec.Ports, All: h.Spec.InterfaceName == AnyInterface}
	if c.RegardNode(h.Spec.Node) || c.regards.preDNAT || c.regards.interfaces {
		what.Node = h.Spec.Node
	}
	if c.regards.interfaces {
		what.Interface = h.Spec.InterfaceName
	}
	if c.RegardAddresses() {
		for _, ip := range ExpectedIPs(h) {
			what.Addresses = append(what.Addresses, c.addressClass(ip))
		}
	}
	text, err := json.Marshal(what)
	if err != nil {
		return h.Name // a class of its own
	}
	return string(text)
}

// At returns an endpoint that fares as h does, and the name of the class of both.
func (c *Classes) At(h *v3.HostEndpoint) (p Place, class string, ok bool) {
	class = c.Of(h)
	if p, ok := c.places[class]; ok {
		return p, class, true
	}
	c.face(h)
	if p, ok = c.Itself(h); ok {
		c.places[class] = p
	}
	return p, class, ok
}

// Itself returns an endpoint itself, though another one may stand for its class.
func (c *Classes) Itself(h *v3.HostEndpoint) (p Place, ok bool) {
	p.World = New(append(slices.Clone(c.objects), h), c.release, c.options...)
	p.Endpoint, ok = p.World.Endpoint(h.Name)
	return p, ok
}

// face notes that an endpoint stands for its class.
func (c *Classes) face(h *v3.HostEndpoint) {
	for _, ip := range ExpectedIPs(h) {
		c.faces[ip] = true
	}
}

// IsFace tells whether an address is that of an endpoint that stands for its class.
func (c *Classes) IsFace(ip netip.Addr) bool { return c.faces[ip] }

// IsShared tells whether several endpoints expect an address.
func (c *Classes) IsShared(ip netip.Addr) bool { return c.shared[ip] }

// Addresses returns the addresses of an endpoint, and those of the one that stands for
// its class, one for one. An endpoint that is nil has none.
func (c *Classes) Addresses(h *v3.HostEndpoint) (own, known []netip.Addr) {
	if h == nil {
		return nil, nil
	}
	own = ExpectedIPs(h)
	if p, _, ok := c.At(h); ok && len(p.Endpoint.ExpectedIPs) == len(own) {
		return own, p.Endpoint.ExpectedIPs
	}
	return own, own
}

// IsPeer tells whether an endpoint may be at the far side of a flow that is asked
// about, if rules select that by its endpoints.
func (c *Classes) IsPeer(h *v3.HostEndpoint) bool {
	return c.regards.far && slices.ContainsFunc(ExpectedIPs(h), c.isAsked)
}

// IsForNode tells the endpoints whose policies others on the node may meet.
func (c *Classes) IsForNode(h *v3.HostEndpoint) bool {
	return c.regards.preDNAT && h.Spec.InterfaceName == AnyInterface
}

// Policies returns the policies that apply to an endpoint of any class.
func (c *Classes) Policies() []calico.ID {
	seen := map[calico.ID]bool{}
	var out []calico.ID
	for _, class := range slices.Sorted(maps.Keys(c.places)) {
		p := c.places[class]
		for _, id := range p.World.Policies(p.Endpoint) {
			if !seen[id] {
				seen[id] = true
				out = append(out, id)
			}
		}
	}
	return out
}
