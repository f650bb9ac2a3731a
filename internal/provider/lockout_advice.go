package provider

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// advise warns of what Calico would do without a word: leave a host open, or
// close it. It gives one warning at most.
func (r *objectResource) advise(ctx context.Context, store datastore.Store, after *guardedWorld, obj calico.Object, state values, diags *diag.Diagnostics) {
	switch o := obj.(type) {
	case *v3.HostEndpoint:
		changed := func(name string) bool { return state == nil || !state[name].Equal(r.attributes(obj, state)[name]) }
		if changed("node") || changed("interface_name") || changed("expected_ips") || changed("labels") || changed("profiles") {
			r.adviseEndpoint(ctx, store, after, o, state == nil, diags)
		}
	case *v3.GlobalNetworkPolicy:
		if r.typeName == "failsafe_policy" {
			r.adviseFailsafe(ctx, store, after, o, state, diags)
		}
	}
}

func (r *objectResource) adviseEndpoint(ctx context.Context, store datastore.Store, after *guardedWorld, h *v3.HostEndpoint, created bool, diags *diag.Diagnostics) {
	surroundings, err := store.Surroundings(ctx)
	if err != nil {
		return // advice is not worth an error
	}
	_, isNode := after.objects[calico.ID{Kind: calico.KindNode, Name: h.Spec.Node}]
	selected, other := r.data.guard.standing(after, h)
	switch {
	case !isNode && !surroundings.FelixHosts[h.Spec.Node]:
		diags.AddAttributeWarning(path.Root("node"), "Host Not Known to Calico",
			fmt.Sprintf("No Node %q is stored, and no Felix of a host with this name has reported its status. If the name is wrong, Calico leaves the host open without a word. "+
				"It is the name of the host as calico-node knows it, by default its hostname in lower case: compare with `calicoctl get nodes`. If calico-node is yet to be started there, nothing is wrong.", h.Spec.Node))
	case other != "":
		diags.AddAttributeWarning(path.Root("name"), "Another Host Endpoint Comes First",
			fmt.Sprintf("The host endpoint %q is for the same interface of the node %q, and its name comes first: Calico uses that one and ignores this one, without a word. Delete one of the two, or give them different interfaces.", other, h.Spec.Node))
	case created && !selected:
		diags.AddWarning("Host Endpoint Without a Policy",
			"No policy selects this host endpoint: as soon as it exists, Calico drops every new connection to and from the host there that no profile allows, except on its built-in failsafe ports (SSH and etcd's among them, from and to anywhere; but neither ICMP nor what else your network needs). "+
				"Calico's guide asks for a failsafe policy first: create a calico_failsafe_policy, and name it in depends_on here.")
	}
}

// standing tells whether any policy selects an endpoint, and which other one
// Calico uses in its place, "" for none.
func (g *lockoutGuard) standing(w *guardedWorld, h *v3.HostEndpoint) (selected bool, instead string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p, _, ok := w.rules.placeOf(h); ok {
		selected = len(p.world.Policies(p.endpoint)) > 0
	}
	if other := verdict.Governor(w.endpoints(), h); other != nil && other.Name != h.Name {
		instead = other.Name
	}
	return selected, instead
}

func (r *objectResource) adviseFailsafe(ctx context.Context, store datastore.Store, after *guardedWorld, policy *v3.GlobalNetworkPolicy, state values, diags *diag.Diagnostics) {
	if missed := r.data.guard.uncovered(policy, after.release); len(missed) > 0 {
		diags.AddAttributeWarning(path.Root("etcd_server"), "Datastore Not Covered",
			fmt.Sprintf("This provider finds the datastore at %s, which the policy does not let the hosts reach: when the built-in failsafe ports are off, their Felix could not learn of any change any more. Add an etcd_server block for each, unless the hosts reach the datastore at other addresses.", strings.Join(missed, ", ")))
		return
	}
	if state != nil && state.str("selector") == policy.Spec.Selector || policy.Spec.Selector != failsafeSelector {
		return
	}
	if surroundings, err := store.Surroundings(ctx); err == nil && surroundings.Workloads {
		diags.AddAttributeWarning(path.Root("selector"), "Failsafe Policy Selects Workloads Too",
			"There are workload endpoints in this datastore, and the selector all() selects them as well as the hosts: they then drop whatever no policy allows, and no longer follow their profiles. If workloads have no policies of their own, select hosts only: selector = \"!has(projectcalico.org/namespace)\".")
	}
}

// uncovered returns the datastore's servers that a policy by itself does not let
// a host reach.
func (g *lockoutGuard) uncovered(policy *v3.GlobalNetworkPolicy, release calico.Release) []string {
	if len(g.datastore) == 0 {
		return nil
	}
	// A host with nothing but this policy, and no failsafe ports.
	alone := policy.DeepCopy()
	alone.Spec.Selector, alone.Spec.NamespaceSelector, alone.Spec.ServiceAccountSelector = failsafeSelector, "", ""
	host := v3.NewHostEndpoint()
	host.Name, host.Spec.Node, host.Spec.InterfaceName = "host", "host", verdict.AnyInterface
	felix := v3.NewFelixConfiguration()
	felix.Name = "default"
	felix.Spec.FailsafeInboundHostPorts, felix.Spec.FailsafeOutboundHostPorts = &[]v3.ProtoPort{}, &[]v3.ProtoPort{}
	world := verdict.New([]calico.Object{alone, host, felix}, release)
	endpoint, _ := world.Endpoint("host")
	var missed []string
	for _, server := range g.datastore {
		v := world.Decide(endpoint, verdict.Flow{
			Direction: verdict.Egress, Protocol: protocol("TCP"),
			Peer: netip.PrefixFrom(server.Addr(), server.Addr().BitLen()), Port: server.Port(),
		})
		if v.Outcome == verdict.Denied {
			missed = append(missed, server.String())
		}
	}
	return missed
}
