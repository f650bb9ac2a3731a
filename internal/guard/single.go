package guard

import (
	"net/netip"
	"slices"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// classed tells which parts of a flow are about the address of one endpoint, in a
// range that endpoints cannot fill. There one endpoint stands for all of its class
// (see verdict.Classes), which may be another one before and after: only that the whole
// flow fares differently tells something.
func (w *World) classed(after *World, flow Flow) func(verdict.Part) bool {
	if !w.rules.RegardPeers() && !after.rules.RegardPeers() || verdict.Fillable(address.RangeOf(flow.Traffic.Peer)) {
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
func (w *World) singled(after *World, flows []Flow) [][]singleFlow {
	out := make([][]singleFlow, len(flows))
	if !w.rules.RegardPeers() && !after.rules.RegardPeers() {
		return out
	}
	type far struct{ addr, before, after netip.Addr }
	var all []far
	add := func(addr, was, is netip.Addr) {
		if was == is && w.rules == after.rules {
			return // no rule tells the two apart
		}
		// Of an address that several endpoints claim nothing is certain.
		if !w.rules.IsShared(addr) && !after.rules.IsShared(addr) {
			all = append(all, far{addr, was, is})
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
		wide := address.RangeOf(flow.Traffic.Peer)
		if flow.some || verdict.Fillable(wide) {
			continue
		}
		for _, f := range all {
			if !wide.Contains(f.addr) || slices.ContainsFunc(flow.except, func(net netip.Prefix) bool { return net.Contains(f.addr) }) {
				continue
			}
			one := singleFlow{f.addr, flow, flow}
			one.before.Traffic.Peer, one.after.Traffic.Peer = netip.PrefixFrom(f.before, f.before.BitLen()), netip.PrefixFrom(f.after, f.after.BitLen())
			one.before.except, one.after.except = nil, nil
			out[i] = append(out[i], one)
		}
	}
	return out
}

// singleFlow is the part of a flow from or to the address of one endpoint.
type singleFlow struct {
	addr          netip.Addr
	before, after Flow
}

// movedEndpoints returns the names of the host endpoints that are not the same before
// and after a change.
func (w *World) movedEndpoints(after *World) []string {
	var names []string
	for _, worlds := range [][2]*World{{w, after}, {after, w}} {
		for _, h := range worlds[0].endpoints() {
			if after.moved[h.Spec.Node] && worlds[1].endpoint(h.Name) != h && !slices.Contains(names, h.Name) {
				names = append(names, h.Name)
			}
		}
	}
	return names
}
