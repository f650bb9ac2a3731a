package guard

import (
	"net/netip"
	"slices"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/failsafe"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// Has tells whether an object is there.
func (w *World) Has(id calico.ID) bool { return w.objects.get(id.Short()) != nil }

// MissingProfiles returns the profiles of an endpoint that do not exist.
func (w *World) MissingProfiles(h *v3.HostEndpoint) []string {
	var missing []string
	for _, name := range h.Spec.Profiles {
		if name != verdict.DefaultAllowProfile && !w.Has(calico.ID{Kind: calico.KindProfile, Name: name}) {
			missing = append(missing, name)
		}
	}
	return missing
}

// Standing tells whether any policy selects an endpoint, and which other one
// Calico uses in its place, "" for none.
func (w *World) Standing(h *v3.HostEndpoint) (selected bool, instead string) {
	w.guard.mu.Lock()
	defer w.guard.mu.Unlock()
	if p, _, ok := w.rules.At(h); ok {
		selected = len(p.World.Policies(p.Endpoint)) > 0
	}
	if other := verdict.NewGovernors(w.endpoints()).Of(h); other != nil && other.Name != h.Name {
		instead = other.Name
	}
	return selected, instead
}

// Unprogrammable returns the rules of a policy that Felix cannot program.
func (w *World) Unprogrammable(policy calico.ID) []verdict.Problem {
	w.guard.mu.Lock()
	defer w.guard.mu.Unlock()
	return only(w.rules.Unprogrammable(), func(p verdict.Problem) bool { return p.ID.Short() == policy.Short() })
}

// ClosedBy returns the names of the endpoints that a policy closes: in the world before
// a profile let traffic through there.
func (w *World) ClosedBy(before *World, policy *v3.GlobalNetworkPolicy, direction verdict.Direction) []string {
	w.guard.mu.Lock()
	defer w.guard.mu.Unlock()
	everything := Flow{Name: "everything", Traffic: tcp(direction, access{net: address.EveryIPv4})}
	var closed []string
	for _, h := range w.endpoints() {
		if before.endpoint(h.Name) != h {
			continue
		}
		p, _, ok := w.rules.At(h)
		if !ok || !slices.ContainsFunc(p.World.Policies(p.Endpoint), func(id calico.ID) bool { return id.Short() == calico.IDOf(policy).Short() }) {
			continue
		}
		was, _ := before.rules.parts(h, everything)
		now, _ := w.rules.parts(h, everything)
		byProfile := func(p verdict.Part) bool {
			return p.Outcome == verdict.Allowed && p.By.Kind == verdict.CauseProfileRule
		}
		if slices.ContainsFunc(was, byProfile) && !slices.ContainsFunc(now, byProfile) {
			closed = append(closed, h.Name)
		}
	}
	return closed
}

// Uncovered returns the servers of the datastore that a policy by itself does not let
// a host reach.
func (w *World) Uncovered(policy *v3.GlobalNetworkPolicy) []netip.AddrPort {
	if len(w.guard.servers) == 0 {
		return nil
	}
	// A host with nothing but this policy, and no failsafe ports.
	alone := policy.DeepCopy()
	alone.Spec.Selector, alone.Spec.NamespaceSelector, alone.Spec.ServiceAccountSelector = failsafe.SelectsAll, "", ""
	host := v3.NewHostEndpoint()
	host.Name, host.Spec.Node, host.Spec.InterfaceName = "host", "host", verdict.AnyInterface
	felix := calico.NewFelixConfiguration()
	felix.Name = "default"
	felix.Spec.FailsafeInboundHostPorts, felix.Spec.FailsafeOutboundHostPorts = &[]v3.ProtoPort{}, &[]v3.ProtoPort{}
	world := verdict.New([]calico.Object{alone, host, felix}, w.release)
	endpoint, _ := world.Endpoint("host")
	return only(w.guard.servers, func(server netip.AddrPort) bool {
		return world.Decide(endpoint, tcp(verdict.Egress, accessTo(server))).Outcome == verdict.Denied
	})
}

// LetsOutToServers tells whether a policy declares servers that hosts must reach.
func (w *World) LetsOutToServers(policy *v3.GlobalNetworkPolicy) bool {
	d := w.declarationOf(policy)
	return len(d.etcd) > 0 || len(d.api) > 0
}

// LeavesManagementOpen tells whether there are host endpoints, and no inbound traffic to
// them is watched over that must go on working.
func (w *World) LeavesManagementOpen() bool {
	return w.leavesOpen(verdict.Ingress)
}

// LeavesDatastoreOpen tells whether there are host endpoints, and no outbound traffic of
// them, such as that to the datastore, is watched over that must go on working.
func (w *World) LeavesDatastoreOpen() bool { return w.leavesOpen(verdict.Egress) }

func (w *World) leavesOpen(direction verdict.Direction) bool {
	watched := func(f Flow) bool { return !f.Shut && f.Traffic.Direction == direction }
	return len(w.endpoints()) > 0 && !slices.ContainsFunc(w.flows, watched)
}
