package provider

import (
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"sort"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/failsafe"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// guardedRules is what decides about traffic: all objects but host endpoints, and
// one endpoint for each class of them.
//
// A plan asks for the same verdicts very often: for each of a thousand endpoints
// after each of two hundred policies. Endpoints of one class fare alike, and mean
// the same to the others where rules select endpoints as the far or near side. So
// each class is asked for once, and another endpoint of a class that is there
// already changes nothing for the others.
type guardedRules struct {
	release calico.Release
	// objects are all that matter to an endpoint of no class yet, in a fixed order.
	objects []calico.Object
	lookout
	// bounds are where networks begin, or end just before: addresses between two of
	// them are the same to every network.
	bounds []netip.Addr
	// asked are the far sides of the flows that are asked about.
	asked []address.Range
	// shared are the addresses that several endpoints expect.
	shared map[netip.Addr]bool
	// room is how many addresses endpoints may expect in all for the classes to hold:
	// a range with more addresses than that has one that is nobody's.
	room int

	// world holds one endpoint of each class that there was at first.
	world *verdict.World
	// faces are the addresses of the endpoints that stand for their classes.
	faces map[netip.Addr]bool
	// classes are those of the endpoints that were asked about.
	classes map[*v3.HostEndpoint]string
	// places are where each class is found.
	places map[string]place
	// verdicts are those that were asked for, by class and flow.
	verdicts map[string]watched
}

// lookout is what rules look at.
type lookout struct {
	// far and near tell that a rule selects endpoints as that side, or a port of
	// theirs by its name.
	far, near bool
	// local tells that a rule looks at the endpoint's own addresses.
	local bool
	// preDNAT tells that there are policies of that kind: an endpoint without any
	// meets those of its node's endpoint for all interfaces.
	preDNAT bool
	// nodes are those with a configuration of Felix of their own; all, if Felix is
	// configured by the labels of nodes.
	nodes map[string]bool
	// nets are the networks of rules and sets.
	nets []string
	// interfaces tells that Felix is configured to leave interfaces to workloads, or to
	// nobody, by their names.
	interfaces bool
	// single tells that endpoints must not be taken for each other: there is a rule that
	// Felix cannot program, and what else is on a node then matters.
	single bool
}

// place is an endpoint in a world.
type place struct {
	world    *verdict.World
	endpoint *verdict.Endpoint
}

// watched is what becomes of a flow, and whether it is watched over there at all.
type watched struct {
	parts   []verdict.Part
	watched bool
}

// otherObjects returns all objects but host endpoints, in a fixed order.
func otherObjects(objects map[calico.ID]calico.Object) []calico.Object {
	var ids []calico.ID
	for id := range objects {
		if id.Kind != calico.KindHostEndpoint {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, calico.ID.Compare)
	out := make([]calico.Object, len(ids))
	for i, id := range ids {
		out[i] = objects[id]
	}
	return out
}

func newGuardedRules(release calico.Release, others []calico.Object, endpoints []*v3.HostEndpoint, asked []netip.Prefix) *guardedRules {
	r := &guardedRules{
		release: release, objects: others, lookout: newLookout(release, others), shared: map[netip.Addr]bool{},
		classes: map[*v3.HostEndpoint]string{}, places: map[string]place{}, verdicts: map[string]watched{},
		faces: map[netip.Addr]bool{},
	}
	for _, p := range asked {
		r.asked = append(r.asked, address.RangeOf(p))
	}
	r.setBounds()
	seen := map[netip.Addr]bool{}
	for _, h := range endpoints {
		for _, ip := range verdict.ExpectedIPs(h) {
			r.shared[ip] = r.shared[ip] || seen[ip]
			seen[ip] = true
		}
	}
	r.room = max(minRoom, 2*len(seen))

	all := slices.Clone(others)
	representatives := map[string]*v3.HostEndpoint{}
	for _, h := range endpoints {
		if class := r.class(h); representatives[class] == nil {
			representatives[class] = h
			all = append(all, h)
			r.face(h)
		}
	}
	if r.regardsEndpoints() {
		r.objects = all
	}
	r.world = verdict.New(all, release, verdict.WithoutServices)
	if r.world.Faulty() && !r.single {
		r.single = true
		clear(r.classes)
		clear(representatives)
		all = slices.Clone(others)
		for _, h := range endpoints {
			representatives[r.class(h)] = h
			all = append(all, h)
		}
		r.objects = all
		r.world = verdict.New(all, release, verdict.WithoutServices)
	}
	for class, h := range representatives {
		if endpoint, ok := r.world.Endpoint(h.Name); ok {
			r.places[class] = place{r.world, endpoint}
		}
	}
	return r
}

// minRoom makes ranges of less than a /20 small in any case.
const minRoom = 4096

// regardsEndpoints tells whether other endpoints can make a difference to one.
func (r *guardedRules) regardsEndpoints() bool {
	return r.far || r.near || r.preDNAT || r.single || r.interfaces
}

// regardsAddresses tells whether the addresses of an endpoint can make a difference to
// it, or to others.
func (r *guardedRules) regardsAddresses() bool { return r.far || r.near || r.local }

// newLookout finds out what rules look at.
func newLookout(release calico.Release, objects []calico.Object) lookout {
	l := lookout{nodes: map[string]bool{}}
	for _, obj := range objects {
		switch o := obj.(type) {
		case *v3.GlobalNetworkPolicy:
			l.look(o.Spec.Ingress, o.Spec.Egress)
			l.preDNAT = l.preDNAT || o.Spec.PreDNAT
		case *v3.NetworkPolicy:
			l.look(o.Spec.Ingress, o.Spec.Egress)
		case *v3.Profile:
			l.look(o.Spec.Ingress, o.Spec.Egress)
		case *v3.GlobalNetworkSet:
			l.nets = append(l.nets, o.Spec.Nets...)
		case *v3.NetworkSet:
			l.nets = append(l.nets, o.Spec.Nets...)
		case *calico.FelixConfiguration:
			if node, ok := strings.CutPrefix(o.Name, "node."); ok {
				l.nodes[node] = true
			}
			l.interfaces = l.interfaces || o.Spec.InterfacePrefix != "" || o.Spec.InterfaceExclude != ""
		case *calico.Node:
			// From v3.32 on a FelixConfiguration can be for the nodes with certain labels.
			if release.AtLeast(3, 32, 0) {
				l.nodes[o.Name] = true
			}
		}
	}
	return l
}

func (l *lookout) look(ingress, egress []v3.Rule) {
	selects := func(e v3.EntityRule) bool {
		// A named port is one of the endpoints that have it.
		return e.Selector+e.NotSelector+e.NamespaceSelector != "" || slices.ContainsFunc(e.Ports, failsafe.IsNamed) || slices.ContainsFunc(e.NotPorts, failsafe.IsNamed)
	}
	for i, rules := range [][]v3.Rule{ingress, egress} {
		for _, rule := range rules {
			far, near := rule.Source, rule.Destination
			if i == 1 {
				far, near = near, far
			}
			l.far, l.near = l.far || selects(far), l.near || selects(near)
			l.local = l.local || len(near.Nets)+len(near.NotNets) > 0
			l.nets = slices.Concat(l.nets, far.Nets, far.NotNets, near.Nets, near.NotNets)
		}
	}
}

// setBounds cuts the addresses where a network of the rules or a flow begins or ends.
func (r *guardedRules) setBounds() {
	if !r.far && !r.near && !r.local {
		return
	}
	cut := func(a address.Range) {
		r.bounds = append(r.bounds, a.First)
		if next := a.Last.Next(); next.IsValid() && next.BitLen() == a.First.BitLen() {
			r.bounds = append(r.bounds, next)
		}
	}
	// The addresses of either family begin somewhere, too.
	cut(everyIPv4)
	cut(everyIPv6)
	for _, text := range r.nets {
		if a, ok := address.ParseRange(text); ok {
			cut(a)
		}
	}
	for _, a := range r.asked {
		cut(a)
	}
	slices.SortFunc(r.bounds, netip.Addr.Compare)
	r.bounds = slices.Compact(r.bounds)
}

var everyIPv4, everyIPv6 = address.RangeOf(address.EveryIPv4), address.RangeOf(address.EveryIPv6)

// addressClass is the same for addresses that no rule can tell apart by the
// networks they are in, for all that is asked.
func (r *guardedRules) addressClass(ip netip.Addr) string {
	if r.shared[ip] {
		return ip.String()
	}
	i := sort.Search(len(r.bounds), func(i int) bool { return r.bounds[i].Compare(ip) > 0 })
	within := address.Range{First: r.bounds[i-1], Last: everyIPv6.Last}
	switch {
	case i < len(r.bounds) && r.bounds[i] != everyIPv6.First:
		within.Last = r.bounds[i].Prev()
	case ip.Is4():
		within.Last = everyIPv4.Last
	}
	// Where a flow is about a range, an address in it that is nobody's may fare in
	// another way than those of endpoints. There has to be one as long as there is one
	// in truth, so only ranges that endpoints cannot fill are made of classes.
	if r.far && !within.IsLongerThan(r.room) && r.isAsked(ip) {
		return ip.String()
	}
	return "from " + within.First.String()
}

// isAsked tells whether a flow that is asked about has the address at its far side.
func (r *guardedRules) isAsked(ip netip.Addr) bool {
	return slices.ContainsFunc(r.asked, func(a address.Range) bool { return a.Contains(ip) })
}

// addressesOf returns the addresses of an endpoint, and those of the one that stands for
// its class, one for one. An endpoint that is nil has none.
func (r *guardedRules) addressesOf(h *v3.HostEndpoint) (own, known []netip.Addr) {
	if h == nil {
		return nil, nil
	}
	own = verdict.ExpectedIPs(h)
	if p, _, ok := r.placeOf(h); ok && len(p.endpoint.ExpectedIPs) == len(own) {
		return own, p.endpoint.ExpectedIPs
	}
	return own, own
}

// class is the same for endpoints that no rule can tell apart.
func (r *guardedRules) class(h *v3.HostEndpoint) string {
	class, ok := r.classes[h]
	if !ok {
		class = r.newClass(h)
		r.classes[h] = class
	}
	return class
}

func (r *guardedRules) newClass(h *v3.HostEndpoint) string {
	if r.single {
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
	}{Labels: h.Labels, Profiles: h.Spec.Profiles, Ports: h.Spec.Ports, All: h.Spec.InterfaceName == verdict.AnyInterface}
	if r.nodes[h.Spec.Node] || r.preDNAT || r.interfaces {
		what.Node = h.Spec.Node
	}
	if r.interfaces {
		what.Interface = h.Spec.InterfaceName
	}
	if r.regardsAddresses() {
		for _, ip := range verdict.ExpectedIPs(h) {
			what.Addresses = append(what.Addresses, r.addressClass(ip))
		}
	}
	text, err := json.Marshal(what)
	if err != nil {
		return h.Name // a class of its own
	}
	return string(text)
}

// population counts endpoints.
type population struct {
	classes   map[string]int
	addresses map[netip.Addr]int
	total     int
}

func (r *guardedRules) populate(endpoints []*v3.HostEndpoint) population {
	p := population{classes: map[string]int{}, addresses: map[netip.Addr]int{}}
	for _, h := range endpoints {
		p.count(r.class(h), verdict.ExpectedIPs(h), 1)
	}
	return p
}

func (p *population) count(class string, ips []netip.Addr, n int) {
	p.classes[class] += n
	for _, ip := range ips {
		p.addresses[ip] += n
	}
	p.total += n * len(ips)
}

// move returns the population after one endpoint became another, of which one can
// be nil. ok is false where that makes a difference to others, so that the classes
// do not hold any more.
func (r *guardedRules) move(p population, old, now *v3.HostEndpoint) (after population, ok bool) {
	after = population{classes: maps.Clone(p.classes), addresses: maps.Clone(p.addresses), total: p.total}
	ok = true
	if old != nil {
		class, ips := r.class(old), verdict.ExpectedIPs(old)
		after.count(class, ips, -1)
		lastOfItsClass := len(ips) > 0 && after.classes[class] == 0 && (now == nil || r.class(now) != class)
		ok = ok && !lastOfItsClass && !r.standsForItsNode(old)
	}
	if now != nil {
		class, ips := r.class(now), verdict.ExpectedIPs(now)
		firstOfItsClass := len(ips) > 0 && p.classes[class] == 0
		after.count(class, ips, 1)
		ok = ok && !firstOfItsClass && !r.standsForItsNode(now) && after.total <= r.room &&
			!slices.ContainsFunc(ips, func(ip netip.Addr) bool { return after.addresses[ip] > 1 })
	}
	return after, ok
}

// asksAbout tells whether an endpoint may be at the far side of a flow that is
// asked about, where rules select that by its endpoints.
func (r *guardedRules) asksAbout(h *v3.HostEndpoint) bool {
	return r.far && slices.ContainsFunc(verdict.ExpectedIPs(h), r.isAsked)
}

// standsForItsNode tells the endpoints whose policies others on the node may meet.
func (r *guardedRules) standsForItsNode(h *v3.HostEndpoint) bool {
	return r.preDNAT && h.Spec.InterfaceName == verdict.AnyInterface
}

// placeOf returns an endpoint that fares as h does.
func (r *guardedRules) placeOf(h *v3.HostEndpoint) (place, string, bool) {
	class := r.class(h)
	if p, ok := r.places[class]; ok {
		return p, class, true
	}
	p := place{world: verdict.New(append(slices.Clone(r.objects), h), r.release, verdict.WithoutServices)}
	r.face(h)
	var ok bool
	if p.endpoint, ok = p.world.Endpoint(h.Name); ok {
		r.places[class] = p
	}
	return p, class, ok
}

// face notes that an endpoint stands for its class.
func (r *guardedRules) face(h *v3.HostEndpoint) {
	for _, ip := range verdict.ExpectedIPs(h) {
		r.faces[ip] = true
	}
}

// parts tells what becomes of a flow at an endpoint, part by part, and whether it is
// watched over there.
func (r *guardedRules) parts(h *v3.HostEndpoint, flow guardedFlow) ([]verdict.Part, bool) {
	p, class, ok := r.placeOf(h)
	if !ok {
		return nil, false
	}
	key := class + "\x00" + flow.key()
	v, known := r.verdicts[key]
	if !known {
		v.watched = flow.watchedAt(p.endpoint)
		v.parts = p.world.Parts(p.endpoint, flow.flow, flow.except...)
		r.verdicts[key] = v
	}
	return v.parts, v.watched
}

// wording is the verdict for a person. An endpoint with several addresses is asked
// itself, as the words may name one of them.
func (r *guardedRules) wording(h *v3.HostEndpoint, flow guardedFlow, v verdict.Verdict) verdict.Verdict {
	if v.Part == "" || len(h.Spec.ExpectedIPs) < 2 {
		return v
	}
	world := verdict.New(append(slices.Clone(r.objects), h), r.release, verdict.WithoutServices)
	endpoint, ok := world.Endpoint(h.Name)
	if !ok {
		return v
	}
	parts := world.Parts(endpoint, flow.flow, flow.except...)
	for _, p := range parts {
		if p.Outcome == v.Outcome {
			return partOf(p, parts)
		}
	}
	return v
}

// known returns the verdicts that were asked for, in a fixed order.
func (r *guardedRules) known() []verdict.Verdict {
	var out []verdict.Verdict
	for _, key := range slices.Sorted(maps.Keys(r.verdicts)) {
		for _, part := range r.verdicts[key].parts {
			out = append(out, part.Verdict)
		}
	}
	return out
}

// applying returns the policies that apply to any endpoint.
func (r *guardedRules) applying() []calico.ID {
	seen := map[calico.ID]bool{}
	var out []calico.ID
	for _, class := range slices.Sorted(maps.Keys(r.places)) {
		p := r.places[class]
		for _, id := range p.world.Policies(p.endpoint) {
			if !seen[id] {
				seen[id] = true
				out = append(out, id)
			}
		}
	}
	return out
}
