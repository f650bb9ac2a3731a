package guard

import (
	"net/netip"
	"slices"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// compare returns the breaches between a world and the one that a change makes of it
// (see with), for the flows that are watched over in between (see flowsUntil).
//
// What counts is the interface: if another endpoint governed it, that one is what the
// traffic fares by before; and if an endpoint leaves its interface to another, such as
// the one for all interfaces, that one is what it fares by then.
func (w *World) compare(after *World) []Breach {
	flows := w.flowsUntil(after)
	concerned := func(h *v3.HostEndpoint) bool {
		// Else nothing that could matter to it has changed.
		return w.rules != after.rules || after.moved[h.Spec.Node]
	}
	hosts := only(after.endpoints(), concerned)
	now := verdict.NewGovernors(hosts)
	before, old := hosts, now
	if len(after.moved) > 0 {
		before = only(w.endpoints(), concerned)
		old = verdict.NewGovernors(before)
	}
	singled := w.singled(after, flows)
	var out []Breach
	add := func(was, is *v3.HostEndpoint) {
		instead := ""
		if was != nil && was.Name != is.Name {
			instead = was.Name
		}
		for i, flow := range flows {
			v, worked, breached := w.breaks(after, was, is, flow)
			for _, one := range singled[i] {
				if breached {
					break
				}
				if v, worked, breached = w.breaksBetween(after, was, is, one.before, one.after); breached {
					v.Part = one.addr.String()
				}
			}
			if !breached {
				continue
			}
			if len(out) < MaxTold {
				v = after.rules.wording(is, flow, v)
			}
			out = append(out, Breach{Endpoint: is.Name, labels: is.Labels, instead: instead, Flow: flow, before: worked, after: v})
		}
	}
	bare := func(was *v3.HostEndpoint) {
		for _, flow := range flows {
			if dropped, ok := w.keepsOut(was, flow); ok {
				out = append(out, Breach{Endpoint: was.Name, labels: was.Labels, Flow: flow, before: dropped, Bare: true})
			}
		}
	}
	asked := map[string]bool{} // by class: the far side alone is another
	var all verdict.Governors
	if slices.ContainsFunc(singled, func(flows []singleFlow) bool { return len(flows) > 0 }) {
		hosts = after.endpoints()
		all = verdict.NewGovernors(hosts)
	}
	for _, h := range hosts {
		switch {
		case !concerned(h):
			if class := after.rules.Of(h); !asked[class] && all.Of(h) == h {
				asked[class] = true
				add(h, h)
			}
		case now.Of(h) == h: // Calico ignores others
			add(old.Of(h), h)
		}
	}
	for _, h := range before {
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
	return append(out, w.compareWorkloads(after)...)
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

// only returns those elements of a list for which a condition holds.
func only[T any](list []T, holds func(T) bool) []T {
	var out []T
	for _, one := range list {
		if holds(one) {
			out = append(out, one)
		}
	}
	return out
}

// breaks tells whether a flow fares at an endpoint after as it must not: what worked
// is dropped, or cannot be decided any more; or what was kept out is let in, or cannot
// be decided any more. old is the endpoint that governed there before; without one
// nothing was dropped, and so nothing was kept out. Each part of the flow counts: that
// some of it was dropped before makes the rest no less needed.
//
// An endpoint that is watched before or after counts: a label that takes it out of
// the watch is no reason to look away.
func (w *World) breaks(after *World, old, h *v3.HostEndpoint, flow Flow) (v verdict.Verdict, worked string, breached bool) {
	return w.breaksBetween(after, old, h, flow, flow)
}

// breaksBetween is breaks for a flow that has another far side before: then both are
// single addresses.
func (w *World) breaksBetween(after *World, old, h *v3.HostEndpoint, before, flow Flow) (v verdict.Verdict, worked string, breached bool) {
	now, watched := after.rules.parts(h, flow)
	var was []verdict.Part
	if old != nil {
		var watchedBefore bool
		was, watchedBefore = w.rules.parts(old, before)
		watched = watched || watchedBefore
		if before.Traffic.Peer != flow.Traffic.Peer {
			was = slices.Clone(was)
			for i := range was {
				was[i] = was[i].From(flow.Traffic.Peer.Addr())
			}
		}
	}
	if !watched || old == nil && flow.Shut {
		return v, "", false
	}
	wanted := verdict.Allowed
	if flow.Shut {
		wanted = verdict.Denied
	}
	if flow.some {
		return nothingWorks(was, now, old == nil)
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
func (w *World) keepsOut(h *v3.HostEndpoint, flow Flow) (dropped string, ok bool) {
	if !flow.Shut {
		return "", false
	}
	parts, watched := w.rules.parts(h, flow)
	i := slices.IndexFunc(parts, func(p verdict.Part) bool { return p.Outcome == verdict.Denied })
	if !watched || i < 0 {
		return "", false
	}
	return partOf(parts[i], parts).String(), true
}

// partOf is the verdict on a part, which names the part only if there are others.
func partOf(p verdict.Part, all []verdict.Part) verdict.Verdict {
	v := p.Verdict
	if len(all) == 1 {
		v.Part = ""
	}
	return v
}

// nothingWorks tells whether nothing of a flow works any more.
func nothingWorks(was, now []verdict.Part, open bool) (v verdict.Verdict, worked string, breached bool) {
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
func sameAddresses(old, h *v3.HostEndpoint, flow Flow) func(mine, its int) bool {
	if old == nil || old == h {
		return func(mine, its int) bool { return mine == its }
	}
	of := func(h *v3.HostEndpoint) []netip.Addr {
		return slices.DeleteFunc(verdict.ExpectedIPs(h), func(ip netip.Addr) bool { return ip.Is4() != flow.Traffic.Peer.Addr().Unmap().Is4() })
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
