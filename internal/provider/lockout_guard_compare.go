package provider

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// cutOff is a flow that works and would not any more; or one that must stay out, and
// would be let in.
type cutOff struct {
	endpoint string
	labels   map[string]string
	// instead is the endpoint that governed there before, "" for the same.
	instead string
	flow    guardedFlow
	// before is "" where there was no endpoint yet, and so nothing dropped.
	before string
	after  verdict.Verdict
	// bare is set if no endpoint governs there any more, so that nothing is dropped.
	bare bool
}

// compare returns the flows that stop at some endpoint between a world and the one
// that a change makes of it (see with), for the flows that are watched over in between
// (see flowsBetween).
//
// What counts is the interface: where another endpoint governed it, that one is
// what the traffic fares by before; and where an endpoint leaves its interface to
// another, such as the one for all interfaces, that one is what it fares by then.
func (g *lockoutGuard) compare(before, after *guardedWorld) []cutOff {
	flows := g.flowsBetween(before, after)
	concerned := func(h *v3.HostEndpoint) bool {
		// Else nothing that could matter to it has changed.
		return before.rules != after.rules || after.moved[h.Spec.Node]
	}
	now := verdict.NewGovernors(only(after.endpoints(), concerned))
	old := now
	if len(after.moved) > 0 {
		old = verdict.NewGovernors(only(before.endpoints(), concerned))
	}
	singled := before.singled(after, flows)
	var out []cutOff
	add := func(was, is *v3.HostEndpoint) {
		instead := ""
		if was != nil && was.Name != is.Name {
			instead = was.Name
		}
		for i, flow := range flows {
			v, worked, stops := before.changes(after, was, is, flow)
			for _, one := range singled[i] {
				if stops {
					break
				}
				if v, worked, stops = before.changesBetween(after, was, is, one.before, one.after); stops {
					v.Part = one.address.String()
				}
			}
			if !stops {
				continue
			}
			if len(out) < maxCutOffs {
				v = after.rules.wording(is, flow, v)
			}
			out = append(out, cutOff{endpoint: is.Name, labels: is.Labels, instead: instead, flow: flow, before: worked, after: v})
		}
	}
	bare := func(was *v3.HostEndpoint) {
		for _, flow := range flows {
			if dropped, ok := before.keepsOut(was, flow); ok {
				out = append(out, cutOff{endpoint: was.Name, labels: was.Labels, flow: flow, before: dropped, bare: true})
			}
		}
	}
	asked := map[string]bool{} // by class: the far side alone is another
	var all verdict.Governors
	if slices.ContainsFunc(singled, func(flows []singleFlow) bool { return len(flows) > 0 }) {
		all = verdict.NewGovernors(after.endpoints())
	}
	for _, h := range after.endpoints() {
		switch {
		case !concerned(h):
			if class := after.rules.Of(h); all != nil && !asked[class] && all.Of(h) == h {
				asked[class] = true
				add(h, h)
			}
		case now.Of(h) == h: // Calico ignores others
			add(old.Of(h), h)
		}
	}
	for _, h := range before.endpoints() {
		if !after.moved[h.Spec.Node] || old.Of(h) != h {
			continue
		}
		heir := now.Of(h)
		if heir != nil && old.Of(heir) != h { // else it was looked at above
			add(h, heir)
		}
		for _, rival := range rivalsOf(h, now[h.Spec.Node]) {
			add(h, rival)
		}
		if heir == nil {
			bare(h)
		}
	}
	return out
}

// rivalsOf returns the endpoints that take an interface over from one that is known by
// its addresses alone, and is gone or comes later by its name. An endpoint of a named
// interface without addresses may be for the same interface: that an address is on it
// only the host knows. Of the two Felix uses the one that comes first.
func rivalsOf(h *v3.HostEndpoint, now []*v3.HostEndpoint) []*v3.HostEndpoint {
	if h.Spec.InterfaceName != "" {
		return nil
	}
	var rivals []*v3.HostEndpoint
	for _, rival := range now {
		if rival.Spec.InterfaceName == "" || rival.Spec.InterfaceName == verdict.AnyInterface || len(rival.Spec.ExpectedIPs) > 0 || rival.Name <= h.Name {
			continue
		}
		stays := slices.ContainsFunc(now, func(other *v3.HostEndpoint) bool {
			return other.Spec.InterfaceName == "" && other.Name < rival.Name && slices.ContainsFunc(verdict.ExpectedIPs(other), func(ip netip.Addr) bool { return slices.Contains(verdict.ExpectedIPs(h), ip) })
		})
		if !stays {
			rivals = append(rivals, rival)
		}
	}
	return rivals
}

// only returns those elements of a list that hold.
func only[T any](list []T, holds func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(list), func(one T) bool { return !holds(one) })
}

func byName(a, b *v3.HostEndpoint) int { return strings.Compare(a.Name, b.Name) }

// changes tells whether a flow fares at an endpoint after as it must not: what worked
// is dropped, or cannot be decided any more; or what was kept out is let in, or cannot
// be decided any more. old is the endpoint that governed there before; without one
// nothing was dropped, and so nothing was kept out. Each part of the flow counts: that
// some of it was dropped before makes the rest no less needed.
//
// An endpoint that is watched before or after counts: a label that takes it out of
// the watch is no reason to look away.
func (w *guardedWorld) changes(after *guardedWorld, old, h *v3.HostEndpoint, flow guardedFlow) (v verdict.Verdict, worked string, stops bool) {
	return w.changesBetween(after, old, h, flow, flow)
}

// changesBetween is changes for a flow that has another far side before: then both are
// single addresses.
func (w *guardedWorld) changesBetween(after *guardedWorld, old, h *v3.HostEndpoint, before, flow guardedFlow) (v verdict.Verdict, worked string, stops bool) {
	now, watched := after.rules.parts(h, flow)
	var was []verdict.Part
	if old != nil {
		var watchedBefore bool
		was, watchedBefore = w.rules.parts(old, before)
		watched = watched || watchedBefore
		if before.flow.Peer != flow.flow.Peer {
			was = slices.Clone(was)
			for i := range was {
				was[i] = was[i].From(flow.flow.Peer.Addr())
			}
		}
	}
	if !watched || old == nil && flow.shut {
		return v, "", false
	}
	wanted := verdict.Allowed
	if flow.shut {
		wanted = verdict.Denied
	}
	if flow.some {
		return someStops(was, now, old == nil)
	}
	same, classed := sameAddresses(old, h, flow), w.classed(after, flow)
	if !w.rules.RegardAddresses() || !after.rules.RegardAddresses() {
		// All near addresses fare alike there, and the endpoint that stands for this
		// one may have others.
		same = func(int, int) bool { return true }
	}
	whole := !slices.ContainsFunc(was, func(q verdict.Part) bool { return q.Outcome != wanted })
	for _, p := range now {
		if p.Outcome == wanted {
			continue
		}
		if old == nil {
			return p.Verdict, "", true
		}
		for _, q := range was {
			if q.Outcome == wanted && (whole || !classed(p) && !classed(q)) && p.Meets(q, same) {
				return partOf(p, now), partOf(q, was).String(), true
			}
		}
	}
	return v, "", false
}

// keepsOut tells whether a flow that must stay out is dropped at an endpoint, and how.
func (w *guardedWorld) keepsOut(h *v3.HostEndpoint, flow guardedFlow) (dropped string, ok bool) {
	if !flow.shut {
		return "", false
	}
	parts, watched := w.rules.parts(h, flow)
	i := slices.IndexFunc(parts, func(p verdict.Part) bool { return p.Outcome == verdict.Denied })
	if !watched || i < 0 {
		return "", false
	}
	return partOf(parts[i], parts).String(), true
}

// classed tells which parts of a flow are about the address of one endpoint, in a
// range that endpoints cannot fill. There one endpoint stands for all of its class
// (see guardedRules), which may be another one before and after: only that the whole
// flow fares differently tells something.
func (w *guardedWorld) classed(after *guardedWorld, flow guardedFlow) func(verdict.Part) bool {
	if !w.rules.RegardPeers() && !after.rules.RegardPeers() || verdict.Fillable(address.RangeOf(flow.flow.Peer)) {
		return func(verdict.Part) bool { return false }
	}
	return func(p verdict.Part) bool {
		peer := p.Peer()
		return peer.IsSingle() && (w.rules.IsFace(peer.First) || after.rules.IsFace(peer.First))
	}
}

// singled returns, for each flow, the flows from or to single addresses of those
// endpoints that a change is about, before and after it, if the flow alone would not tell
// how they fare (see classed): a label that one of them gets or loses is for its own
// traffic. Rules know one endpoint of each class alone: its address is the one that is
// asked about.
func (w *guardedWorld) singled(after *guardedWorld, flows []guardedFlow) [][]singleFlow {
	out := make([][]singleFlow, len(flows))
	if !w.rules.RegardPeers() && !after.rules.RegardPeers() {
		return out
	}
	type far struct{ address, before, after netip.Addr }
	var all []far
	add := func(address, was, is netip.Addr) {
		if was == is && w.rules == after.rules {
			return // no rule tells the two apart
		}
		// Of an address that several endpoints claim nothing is certain.
		if !w.rules.IsShared(address) && !after.rules.IsShared(address) {
			all = append(all, far{address, was, is})
		}
	}
	for _, name := range w.movedEndpoints(after) {
		was, old := w.rules.Addresses(w.endpoint(name))
		is, now := after.rules.Addresses(after.endpoint(name))
		for i, ip := range is {
			before := ip // an address of nobody, as far as rules can tell
			if j := slices.Index(was, ip); j >= 0 {
				before = old[j]
			}
			add(ip, before, now[i])
		}
		for j, ip := range was {
			if !slices.Contains(is, ip) {
				add(ip, old[j], ip)
			}
		}
	}
	for i, flow := range flows {
		wide := address.RangeOf(flow.flow.Peer)
		if flow.some || verdict.Fillable(wide) {
			continue
		}
		for _, f := range all {
			if !wide.Contains(f.address) || slices.ContainsFunc(flow.except, func(net netip.Prefix) bool { return net.Contains(f.address) }) {
				continue
			}
			one := singleFlow{f.address, flow, flow}
			one.before.flow.Peer, one.after.flow.Peer = netip.PrefixFrom(f.before, f.before.BitLen()), netip.PrefixFrom(f.after, f.after.BitLen())
			one.before.except, one.after.except = nil, nil
			out[i] = append(out[i], one)
		}
	}
	return out
}

// singleFlow is the part of a flow from or to the address of one endpoint.
type singleFlow struct {
	address       netip.Addr
	before, after guardedFlow
}

// movedEndpoints returns the names of the host endpoints that are not the same before
// and after a change.
func (w *guardedWorld) movedEndpoints(after *guardedWorld) []string {
	var names []string
	for _, worlds := range [][2]*guardedWorld{{w, after}, {after, w}} {
		for _, h := range worlds[0].endpoints() {
			if after.moved[h.Spec.Node] && worlds[1].endpoint(h.Name) != h && !slices.Contains(names, h.Name) {
				names = append(names, h.Name)
			}
		}
	}
	return names
}

// endpoint returns the host endpoint of a name, nil for none.
func (w *guardedWorld) endpoint(name string) *v3.HostEndpoint {
	h, _ := w.objects[calico.ID{Kind: calico.KindHostEndpoint, Name: name}].(*v3.HostEndpoint)
	return h
}

// partOf is the verdict on a part, which names the part only if there are others.
func partOf(p verdict.Part, all []verdict.Part) verdict.Verdict {
	v := p.Verdict
	if len(all) == 1 {
		v.Part = ""
	}
	return v
}

// someStops tells whether nothing of a flow works any more.
func someStops(was, now []verdict.Part, open bool) (v verdict.Verdict, worked string, stops bool) {
	works := func(p verdict.Part) bool { return p.Outcome == verdict.Allowed }
	i := slices.IndexFunc(was, works)
	if i < 0 && !open || slices.ContainsFunc(now, works) || len(now) == 0 {
		return v, "", false
	}
	if i >= 0 {
		worked = partOf(was[i], was).String()
	}
	return partOf(now[0], now), worked, true
}

// sameAddresses tells which near addresses of two endpoints are the same, by their
// places among those of the flow's family.
func sameAddresses(old, h *v3.HostEndpoint, flow guardedFlow) func(mine, its int) bool {
	if old == nil || old == h {
		return func(mine, its int) bool { return mine == its }
	}
	of := func(h *v3.HostEndpoint) []netip.Addr {
		return slices.DeleteFunc(verdict.ExpectedIPs(h), func(ip netip.Addr) bool { return ip.Is4() != flow.flow.Peer.Addr().Unmap().Is4() })
	}
	now, was := of(h), of(old)
	return func(mine, its int) bool {
		if mine >= len(now) || its >= len(was) {
			return true
		}
		// An address that is new is not watched at none: it fares as any did before.
		return now[mine] == was[its] || !slices.Contains(was, now[mine])
	}
}

// maxCutOffs is how many lines a diagnostic has at most.
const maxCutOffs = 5

// describeCutOffs tells what stops: the first few, and how many there are.
func describeCutOffs(all []cutOff) string {
	endpoints := map[string]bool{}
	for _, c := range all {
		endpoints[c.endpoint] = true
	}
	var b strings.Builder
	for i, c := range all {
		if i == maxCutOffs {
			fmt.Fprintf(&b, "  and %d more, at %d host endpoints in all\n", len(all)-maxCutOffs, len(endpoints))
			break
		}
		before := "now: not protected, nothing is dropped"
		if c.before != "" {
			before = "now: " + c.before
		}
		endpoint := c.endpoint
		if c.instead != "" {
			endpoint += " (which takes the place of " + c.instead + ")"
		}
		after := c.after.String()
		if c.bare {
			after = "let in, as no host endpoint protects the interface any more"
		}
		b.WriteString("  " + safetext.Line(fmt.Sprintf("%s: %s: %s (%s)", endpoint, c.flow, after, before)) + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}
