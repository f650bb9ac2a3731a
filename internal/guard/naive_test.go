package guard

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// naiveBreaches looks at all objects, each time anew. may is each part of a flow that
// stops. must is the same but for flows from ranges that endpoints cannot fill: there the
// guard takes the addresses of endpoints of one class for one, and only has to see that
// the whole flow fares differently.
func naiveBreaches(flows []Flow, before, after map[calico.ID]calico.Object) (must, may []string) {
	worlds := [2]*verdict.World{}
	for i, objects := range []map[calico.ID]calico.Object{before, after} {
		worlds[i] = verdict.New(slices.Collect(maps.Values(objects)), calico.Newest, verdict.WithoutServices)
	}
	lost := func(old, now *verdict.Endpoint, flow Flow) bool {
		wanted := verdict.Allowed
		if flow.Shut {
			wanted = verdict.Denied
		}
		family := func(ep *verdict.Endpoint) []netip.Addr {
			return slices.DeleteFunc(slices.Clone(ep.ExpectedIPs), func(ip netip.Addr) bool { return ip.Is4() != flow.Traffic.Peer.Addr().Is4() })
		}
		for _, p := range worlds[1].Parts(now, flow.Traffic, flow.except...) {
			switch {
			case p.Outcome == wanted:
			case old == nil:
				return !flow.Shut
			default:
				is, was := family(now), family(old)
				same := func(mine, its int) bool { return is[mine] == was[its] || !slices.Contains(was, is[mine]) }
				if slices.ContainsFunc(worlds[0].Parts(old, flow.Traffic, flow.except...), func(q verdict.Part) bool { return q.Outcome == wanted && p.Meets(q, same) }) {
					return true
				}
			}
		}
		return false
	}
	add := func(old, now *verdict.Endpoint) {
		for _, flow := range flows {
			if !lost(old, now, flow) {
				continue
			}
			may = append(may, now.Name+" "+flow.String())
			whole := !flow.Shut && worlds[1].Decide(now, flow.Traffic).Outcome != verdict.Allowed &&
				(old == nil || worlds[0].Decide(old, flow.Traffic).Outcome == verdict.Allowed)
			if whole || verdict.Fillable(address.RangeOf(flow.Traffic.Peer)) {
				must = append(must, now.Name+" "+flow.String())
			}
		}
	}
	for _, endpoint := range worlds[1].Endpoints() {
		if naiveGovernor(worlds[1], endpoint) == endpoint {
			add(naiveGovernor(worlds[0], endpoint), endpoint)
		}
	}
	for _, endpoint := range worlds[0].Endpoints() {
		heir := naiveGovernor(worlds[1], endpoint)
		if naiveGovernor(worlds[0], endpoint) == endpoint && heir != nil && naiveGovernor(worlds[0], heir) != endpoint {
			add(endpoint, heir)
		}
		if naiveGovernor(worlds[0], endpoint) == endpoint && heir == nil {
			for _, flow := range flows {
				kept := func(q verdict.Part) bool { return q.Outcome == verdict.Denied }
				if flow.Shut && slices.ContainsFunc(worlds[0].Parts(endpoint, flow.Traffic, flow.except...), kept) {
					must, may = append(must, endpoint.Name+" "+flow.String()), append(may, endpoint.Name+" "+flow.String())
				}
			}
		}
		// One of a named interface may take over from one that is known by its addresses.
		if naiveGovernor(worlds[0], endpoint) != endpoint || endpoint.Interface != "" {
			continue
		}
		for _, rival := range worlds[1].Endpoints() {
			kept := slices.ContainsFunc(worlds[1].Endpoints(), func(other *verdict.Endpoint) bool {
				return other.Node == endpoint.Node && other.Interface == "" && other.Name < rival.Name &&
					slices.ContainsFunc(other.ExpectedIPs, func(ip netip.Addr) bool { return slices.Contains(endpoint.ExpectedIPs, ip) })
			})
			if rival.Node == endpoint.Node && rival.Interface != "" && rival.Interface != "*" && len(rival.ExpectedIPs) == 0 && rival.Name > endpoint.Name && !kept {
				add(endpoint, rival)
			}
		}
	}
	return must, may
}

// naiveGovernor returns the endpoint that governs the interface that another one is for.
func naiveGovernor(world *verdict.World, at *verdict.Endpoint) *verdict.Endpoint {
	candidates := []*verdict.Endpoint{}
	add := func(endpoint *verdict.Endpoint, ok bool) {
		if ok {
			candidates = append(candidates, endpoint)
		}
	}
	switch at.Interface {
	case "*":
		add(world.Governing(at.Node, "no such interface"))
	case "":
		for _, ip := range at.ExpectedIPs {
			add(world.GoverningAddress(at.Node, ip))
		}
	default:
		add(world.Governing(at.Node, at.Interface, at.ExpectedIPs...))
	}
	// The one for all interfaces gives way to any other.
	slices.SortFunc(candidates, func(a, b *verdict.Endpoint) int {
		if (a.Interface == "*") != (b.Interface == "*") {
			if a.Interface == "*" {
				return 1
			}
			return -1
		}
		return strings.Compare(a.Name, b.Name)
	})
	if len(candidates) == 0 {
		return nil
	}
	return candidates[0]
}
