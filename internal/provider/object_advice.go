package provider

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/failsafe"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/guard"
)

// advise warns of what Calico would do without a word: leave a host open, or close
// it. What matters most comes first.
func (r *objectResource) advise(ctx context.Context, store datastore.Store, before, after *guard.World, obj calico.Object, state values, diags *diag.Diagnostics) {
	switch o := obj.(type) {
	case *v3.HostEndpoint:
		changed := func(name string) bool { return state == nil || !state[name].Equal(r.described(obj, state)[name]) }
		if changed("node") || changed("interface_name") || changed("expected_ips") || changed("labels") || changed("profiles") {
			r.adviseEndpoint(ctx, store, after, o, state == nil, diags)
		}
	case *v3.GlobalNetworkPolicy:
		r.adviseProblems(after, calico.IDOf(o).Short(), diags)
		r.advisePolicy(before, after, o, diags)
		if r.typeName == "failsafe_policy" {
			r.adviseFailsafe(ctx, store, after, o, state, diags)
		}
	}
}

func (r *objectResource) adviseEndpoint(ctx context.Context, store datastore.Store, after *guard.World, h *v3.HostEndpoint, created bool, diags *diag.Diagnostics) {
	surroundings, err := store.Surroundings(ctx)
	if err != nil {
		return // advice is not worth an error
	}
	warn := func(at path.Path, summary, name, detail string) {
		diags.AddAttributeWarning(at, r.data.guard.Heading(summary, name), detail)
	}
	isNode := after.Has(calico.ID{Kind: calico.KindNode, Name: h.Spec.Node})
	selected, other := after.Standing(h)
	missing := after.MissingProfiles(h)
	if other != "" {
		warn(path.Root("name"), "Another Host Endpoint Comes First", h.Name,
			fmt.Sprintf("The host endpoint %q is for the same interface of the node %q, and its name comes first: Calico uses that one and ignores this one, without a word. Delete one of the two, or give them different interfaces.", other, h.Spec.Node))
	}
	switch {
	case other != "":
	case created && !selected:
		detail := "No policy selects this host endpoint: as soon as it exists, Calico drops every new connection to and from the host there that no profile allows, except on its built-in failsafe ports (SSH and etcd's among them, from and to anywhere; but neither ICMP nor what else your network needs). "
		if len(missing) > 0 {
			detail += fmt.Sprintf("Of its profiles, %s does not exist, and a profile that does not exist allows nothing: correct the name, or create it. ", quotedList(missing))
		}
		warn(path.Root("name"), "Host Endpoint Without a Policy", h.Name,
			detail+"Calico's guide asks for a failsafe policy first: create a calico_failsafe_policy, and name it in depends_on here.")
	case len(missing) > 0:
		warn(path.Root("profiles"), "Profile Does Not Exist", h.Name,
			fmt.Sprintf("Of the profiles of the host endpoint, %s does not exist. Calico drops all traffic that gets to it, which is what no policy decides about: correct the name, or create the profile.", quotedList(missing)))
	}
	if !isNode && !surroundings.FelixHosts[h.Spec.Node] {
		warn(path.Root("node"), "Host Not Known to Calico", h.Spec.Node,
			fmt.Sprintf("No Node %q is stored, nor anything else that Felix writes for the host that it runs on. If the name is wrong, Calico leaves the host open without a word. "+
				"It is the name of the host as calico-node knows it, by default its hostname in lower case: compare with `calicoctl get nodes`. If calico-node is yet to be started there, nothing is wrong.", h.Spec.Node))
	}
}

// firstOf returns the first few of many names, and how many more there are.
func firstOf(names []string) (first []string, more string) {
	if len(names) <= guard.MaxTold {
		return names, ""
	}
	return names[:guard.MaxTold], fmt.Sprintf(" and %d more", len(names)-guard.MaxTold)
}

// joined lists things as they are spelled.
func joined[T fmt.Stringer](list []T) string {
	texts := make([]string, len(list))
	for i, one := range list {
		texts[i] = one.String()
	}
	return strings.Join(texts, ", ")
}

func quotedList(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = strconv.Quote(name)
	}
	return strings.Join(quoted, ", ")
}

// adviseProblems warns of rules that Felix cannot program: it then fails over and over,
// and enforces no later change, or nothing at all.
func (r *objectResource) adviseProblems(after *guard.World, id calico.ID, diags *diag.Diagnostics) {
	for _, p := range after.Unprogrammable(id) {
		names := make([]string, len(p.Endpoints))
		for i, endpoint := range p.Endpoints {
			names[i] = endpoint.Name
		}
		listed, more := firstOf(names)
		diags.AddAttributeWarning(path.Root("name"), r.data.guard.Heading("Felix Cannot Program This Policy", id.Name),
			fmt.Sprintf("Calico stores the policy, and Felix fails over it: %s. This is so at the host endpoints %s%s. Write the rule in another way.", p, quotedList(listed), more))
	}
}

// advisePolicy tells of host endpoints that were open, as no policy selected them and a
// profile let everything through: the first policy closes them, whatever it allows.
func (r *objectResource) advisePolicy(before, after *guard.World, policy *v3.GlobalNetworkPolicy, diags *diag.Diagnostics) {
	for _, direction := range []verdict.Direction{verdict.Ingress, verdict.Egress} {
		closed := after.ClosedBy(before, policy, direction)
		if len(closed) == 0 {
			continue
		}
		listed, more := firstOf(closed)
		diags.AddAttributeWarning(path.Root("name"), r.data.guard.Heading("Policy Closes Open Host Endpoints", policy.Name),
			fmt.Sprintf("This is the first policy for %s at %d host endpoints: %s%s. Until now a profile of theirs lets traffic through there that no policy decides about. From the first policy on profiles no longer count: what no policy allows is dropped, except on failsafe ports, and be it that this policy only logs. If that is not meant, narrow its selector or its types; otherwise have policies first that allow what these hosts need.",
				direction, len(closed), quotedList(listed), more))
	}
}

func (r *objectResource) adviseFailsafe(ctx context.Context, store datastore.Store, after *guard.World, policy *v3.GlobalNetworkPolicy, state values, diags *diag.Diagnostics) {
	if missed := after.Uncovered(policy); len(missed) > 0 {
		block := "etcd_server"
		if r.data.guard.Kubernetes {
			block = "api_server"
		}
		diags.AddAttributeWarning(path.Root(block), "Datastore Not Covered",
			fmt.Sprintf("This provider finds the datastore at %s, which the policy does not let the hosts reach: when the built-in failsafe ports are off, their Felix could not learn of any change any more. Add a block %s for each, unless the hosts reach the datastore at other addresses.", joined(missed), block))
		return
	}
	if r.data.guard.AdviseFailsafe(after, policy, diags) {
		return
	}
	if state != nil && state.str("selector") == policy.Spec.Selector || policy.Spec.Selector != failsafe.SelectsAll {
		return
	}
	if surroundings, err := store.Surroundings(ctx); err == nil && surroundings.Workloads {
		diags.AddAttributeWarning(path.Root("selector"), "Failsafe Policy Selects Workloads Too",
			"The selector all() selects the workloads of this datastore as well as its hosts: they then drop whatever no policy allows, and no longer follow their profiles. If workloads have no policies of their own, select hosts only: selector = \"!has(projectcalico.org/namespace)\".")
	}
}
