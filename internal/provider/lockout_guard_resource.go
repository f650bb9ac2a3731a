package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// guardStore returns the datastore and its release where the guard has a say in
// this resource's changes; nil where it has none.
func (r *objectResource) guardStore(ctx context.Context) (datastore.Store, calico.Release) {
	if r.data == nil || !r.data.guard.active() || !verdict.DependsOn(r.kind) || r.data.pending() || r.data.isUnreachable() {
		return nil, calico.Release{}
	}
	store, err := r.data.store(ctx)
	if err != nil {
		return nil, calico.Release{} // told elsewhere
	}
	finding, err := store.Release(ctx)
	if err != nil {
		return nil, calico.Release{}
	}
	return store, finding.Release
}

// planGuard tells what a planned change stops. obj is nil for a destroy; state is
// nil where there is no object before, or another one than after.
func (r *objectResource) planGuard(ctx context.Context, state values, obj calico.Object, private privateReader, replaced values, diags *diag.Diagnostics) {
	store, release := r.guardStore(ctx)
	if store == nil {
		return
	}
	if r.refuseContradiction(ctx, store, diags) {
		return
	}
	change := map[calico.ID]calico.Object{}
	if replaced != nil {
		change[r.id(replaced)] = nil
	}
	switch {
	case r.adopts:
		after, err := r.adoptedAfter(ctx, store, state, obj, private)
		if err != nil {
			return // the apply will tell
		}
		change[r.adoptedID(state, obj)] = after
	case obj == nil:
		change[r.id(state)] = nil
	default:
		change[calico.IDOf(obj)] = obj
	}
	stops, before, after, err := r.data.guard.plan(ctx, store, release, change)
	if errors.Is(err, errStillBlind) {
		return // told once
	}
	if err != nil {
		diags.AddWarning("Traffic Not Checked",
			fmt.Sprintf("lockout_guard and exposure_guard could not read the policies and endpoints that are stored, so what this change does to traffic is not known: %v", err))
		return
	}
	r.addCutOffs(diags, stops, obj == nil)
	r.adviseGuard(after, diags)
	if obj != nil {
		r.advise(ctx, store, before, after, obj, state, diags)
	}
}

// refuseContradiction reports where the guard must not be relied on: it sees what the
// release that is configured sees.
func (r *objectResource) refuseContradiction(ctx context.Context, store datastore.Store, diags *diag.Diagnostics) bool {
	finding, err := store.Release(ctx)
	if err != nil || finding.Contradiction == "" || !r.data.guard.refuses() {
		return false
	}
	if r.data.guard.once("contradiction") {
		diags.AddError("Calico Version and Datastore Disagree",
			fmt.Sprintf("The provider has calico_version = %q, but %s. A guard in mode \"error\" would look at the datastore as Calico %s does, and could miss what decides in truth, such as tiers. Correct calico_version, or leave it out.", finding.Release, finding.Contradiction, finding.Release))
	}
	return true
}

// adviseGuard tells once what the guard does not watch over though it seems to.
func (r *objectResource) adviseGuard(after *guardedWorld, diags *diag.Diagnostics) {
	g := r.data.guard
	if !g.lockout.active() {
		return
	}
	if len(g.unwatched) > 0 && g.once("unwatched") {
		diags.AddWarning("Datastore Not Watched",
			fmt.Sprintf("lockout_guard does not watch over the way to %s: no address that other hosts could reach was found for the name. Give the address in endpoints of etcd, or name the servers in etcd_server blocks of the calico_failsafe_policy.", strings.Join(g.unwatched, ", ")))
	}
	inbound := func(f guardedFlow) bool { return !f.shut && f.flow.Direction == verdict.Ingress }
	if len(after.endpoints()) > 0 && !slices.ContainsFunc(after.flows, inbound) && g.once("nothing") {
		diags.AddWarning("No Management Access Is Guarded",
			"There are host endpoints, and lockout_guard watches over no inbound traffic to them: no policy that is stored, or planned so far, lets TCP port 22 in from a network, as a calico_failsafe_policy does, and no flow is configured. A change that shuts everybody out would pass without a word. Create a calico_failsafe_policy, and name it in depends_on of the host endpoints; or write flow blocks in lockout_guard.")
	}
}

// addCutOffs reports what a change does to what is watched over, as the guards' modes
// say.
func (r *objectResource) addCutOffs(diags *diag.Diagnostics, all []cutOff, destroy bool) {
	accepted, warned, refused := r.data.guard.sorted(all)
	for _, shut := range []bool{false, true} {
		kind := guardTexts[shut]
		of := func(all []cutOff) []cutOff {
			return slices.DeleteFunc(slices.Clone(all), func(c cutOff) bool { return c.flow.shut != shut })
		}
		if some := of(accepted); len(some) > 0 {
			diags.AddWarning(kind.accepted, fmt.Sprintf("%s accepts this change of what it watches over:\n\n%s", kind.block, describeCutOffs(some)))
		}
		if some := of(warned); len(some) > 0 {
			detail := kind.what + describeCutOffs(some)
			if destroy {
				detail += "\n\n" + harmless(some)
			} else {
				detail += "\n\n" + kind.warnAdvice
			}
			diags.AddWarning(kind.summary, detail)
		}
		some := of(refused)
		switch {
		case len(some) == 0:
		case destroy:
			detail := " Otherwise the apply will refuse it."
			if some[0].bare {
				detail = " Say so in an accept block of exposure_guard then: without one, the apply will refuse it."
			}
			diags.AddWarning(kind.summary, kind.what+describeCutOffs(some)+"\n\n"+harmless(some)+detail)
		default:
			diags.AddError(kind.summary, kind.what+describeCutOffs(some)+"\n\n"+kind.advice(some))
		}
	}
}

// harmless tells when a deletion that stops or opens something is none the less right.
func harmless(some []cutOff) string {
	if some[0].bare {
		return "If the host goes out of service, nothing is wrong."
	}
	// The endpoints may be destroyed first, which only the apply can tell.
	return "If these host endpoints are destroyed before, nothing is wrong."
}

// guardText is what is said of a guard.
type guardText struct{ block, summary, what, accepted, warnAdvice, errorAdvice string }

// advice tells what to do about a change that is refused.
func (k guardText) advice(some []cutOff) string {
	if some[0].bare {
		return "If the host goes out of service, or is meant to be open, say so in an accept block of exposure_guard. " +
			"If the endpoint only gets another name, set create_before_destroy in its lifecycle block, so that the new one is there first."
	}
	return k.errorAdvice
}

// guardTexts are those of lockout_guard, and of exposure_guard (true).
var guardTexts = map[bool]guardText{
	false: {
		block:      lockoutBlock,
		summary:    "Change Would Cut Off Guarded Traffic",
		accepted:   "Accepted Loss of Guarded Traffic",
		what:       "Traffic that lockout_guard watches over works now, and would be dropped after this change, or could no longer be told to work:\n\n",
		warnAdvice: "Allow this traffic in a policy that comes before, unless it is meant to stop. With lockout_guard { mode = \"error\" } in the provider block such a change is refused.",
		errorAdvice: "Allow this traffic in a policy that comes before, and let this resource depend on it (depends_on) so that it is there first. " +
			"If what denies it is to go in this plan, too, remove it in an apply of its own before: Terraform may delete it before this change or after. " +
			"Where it cannot be decided, the reason tells what would make it so; if an address is missing, give expected_ips. " +
			"If the traffic is meant to stop, say so in an accept block of lockout_guard, or set its mode to \"warn\".",
	},
	true: {
		block:      exposureBlock,
		summary:    "Change Would Let Guarded Traffic In",
		accepted:   "Accepted Exposure",
		what:       "Traffic that exposure_guard keeps out is dropped now, and would be let in after this change, or could no longer be told to be dropped:\n\n",
		warnAdvice: "Narrow the rule that lets it in, unless it is meant to. With exposure_guard { mode = \"error\" } in the provider block such a change is refused.",
		errorAdvice: "Narrow the rule that lets it in: name the networks that it is for. " +
			"If what denies it instead comes in this plan, too, let this resource depend on it (depends_on). " +
			"If the traffic is meant to be let in, say so in an accept block of exposure_guard, or set its mode to \"warn\".",
	},
}

// guarded returns the store with the guard for a write, where it is to refuse.
func (r *objectResource) guarded(ctx context.Context, store datastore.Store, change func(*datastore.Snapshot) (map[calico.ID]calico.Object, error)) datastore.Store {
	if !r.data.guard.refuses() || !verdict.DependsOn(r.kind) {
		return store
	}
	finding, err := store.Release(ctx)
	if err != nil {
		return store // the write itself will fail for the same reason
	}
	return store.Guarded(r.data.guard.forWrite(finding.Release, change))
}

// changeTo is a change that puts an object in its place.
func changeTo(obj calico.Object) func(*datastore.Snapshot) (map[calico.ID]calico.Object, error) {
	return func(*datastore.Snapshot) (map[calico.ID]calico.Object, error) {
		return map[calico.ID]calico.Object{calico.IDOf(obj): obj}, nil
	}
}

// removal is a change that takes an object away.
func removal(id calico.ID) func(*datastore.Snapshot) (map[calico.ID]calico.Object, error) {
	return func(*datastore.Snapshot) (map[calico.ID]calico.Object, error) {
		return map[calico.ID]calico.Object{id: nil}, nil
	}
}
