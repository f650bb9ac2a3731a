package verdict

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
)

// pool is an IP pool: which addresses it has, and what Calico does with them.
type pool struct {
	name string
	nets address.Range
	// nat is set if what goes from it to an address of no pool gets one of the node's.
	nat bool
	// tunnels is set if what goes to it may go through a tunnel.
	tunnels bool
}

func (w *World) addPool(o *v3.IPPool) {
	r, ok := address.ParseRange(o.Spec.CIDR)
	if !ok {
		return
	}
	never := func(mode string) bool { return mode == "" || strings.EqualFold(mode, string(v3.IPIPModeNever)) }
	w.pools = append(w.pools, pool{o.Name, r, o.Spec.NATOutgoing, !never(string(o.Spec.IPIPMode)) || !never(string(o.Spec.VXLANMode))})
}

// poolOf returns the pool that an address is of, nil for none.
func (w *World) poolOf(a netip.Addr) *pool {
	i := slices.IndexFunc(w.pools, func(p pool) bool { return p.nets.Contains(a) })
	if i < 0 {
		return nil
	}
	return &w.pools[i]
}

// nat tells why it is not known which source address a host sees of what a pod sends to
// it, if it is not (felix/rules/nat.go).
func (w *World) nat(src, dst netip.Prefix, node string) string {
	if len(w.pools) == 0 {
		return fmt.Sprintf("natOutgoing of an IP pool may put an address of node %q in the place of the pod's, and the IP pools are not known here", node)
	}
	if from := w.poolOf(src.Addr()); from != nil && from.nat && w.poolOf(dst.Addr()) == nil {
		return fmt.Sprintf("natOutgoing of IP pool %q puts an address of node %q in the place of the pod's, and it is not known here which", from.name, node)
	}
	return ""
}

// tunnel tells why it is not known which source address a pod sees of what a host of
// another node sends to it, if it is not: through a tunnel it is that of the tunnel.
func (w *World) tunnel(dst netip.Prefix, from *Endpoint) string {
	node := from.Node
	if slices.ContainsFunc(from.node.wireguard, func(s setting[bool]) bool { return s.value }) {
		return fmt.Sprintf("through WireGuard the pod sees an address of the tunnel in the place of that of node %q", node)
	}
	if len(w.pools) == 0 {
		return fmt.Sprintf("through a tunnel the pod sees an address of the tunnel in the place of that of node %q, and the IP pools, which tell of tunnels, are not known here", node)
	}
	if to := w.poolOf(dst.Addr()); to != nil && to.tunnels {
		return fmt.Sprintf("IP pool %q is reached through tunnels: the pod may see an address of the tunnel in the place of that of node %q", to.name, node)
	}
	return ""
}

// toOwnHost judges what a workload sends to its own host: by its egress policies, and
// then by defaultEndpointToHostAction. Some messages of IPv6 without which no host is
// found pass before either.
func (j *journey) toOwnHost(from *Endpoint) {
	if number, ok := protocolNumber(j.Protocol); ok && number == protocolICMPv6 && j.ICMPType != nil &&
		slices.Contains([]uint8{130, 131, 132, 133, 135, 136}, *j.ICMPType) {
		j.settled(AtSource, from, CauseToHost, fmt.Sprintf("default: Felix lets ICMPv6 type %d from a workload to its host through before policies are asked", *j.ICMPType))
		return
	}
	j.at(AtSource, from, Egress)
	actions := from.node.toHost
	name := func(s setting[string]) string {
		return fmt.Sprintf("defaultEndpointToHostAction %s of %s", s.value, s.from)
	}
	switch action := actions[0]; {
	case len(actions) > 1:
		j.add(AtDestination, j.To.Endpoint, Verdict{Reason: fmt.Sprintf("defaultEndpointToHostAction at node %q is not known: several FelixConfigurations may hold", from.Node)})
	case action.value == "":
		j.add(AtDestination, j.To.Endpoint, Verdict{Reason: fmt.Sprintf("no FelixConfiguration of node %q sets defaultEndpointToHostAction: Felix drops then what workloads send to their host, but Calico's manifests for Kubernetes tell Felix in its environment to accept it", from.Node)})
	case strings.EqualFold(action.value, "Accept"):
		j.settled(AtDestination, j.To.Endpoint, CauseToHost, name(action))
	case strings.EqualFold(action.value, "Return"):
		j.settled(AtDestination, j.To.Endpoint, CauseToHost, name(action))
		last := &j.hops[len(j.hops)-1].Verdict
		last.Notes = append(last.Notes, fmt.Sprintf("with %s, rules of the host's own that are not Calico's decide about this in the end", name(action)))
	default:
		cause := Cause{Kind: CauseToHost, Setting: name(action)}
		j.add(AtDestination, j.To.Endpoint, Verdict{Outcome: Denied, By: cause, Trace: []Step{{cause, EffectDeny}}})
	}
}
