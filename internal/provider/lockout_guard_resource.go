package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// guardStore returns the datastore and its release where the guard has a say in
// this resource's changes; nil where it has none.
func (r *objectResource) guardStore(ctx context.Context) (datastore.Store, calico.Release) {
	if r.data == nil || !r.data.guard.active() || !changesVerdicts(r.kind) || r.data.pending() || r.data.isUnreachable() {
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
	stops, after, err := r.data.guard.plan(ctx, store, release, change)
	if errors.Is(err, errStillBlind) {
		return // told once
	}
	if err != nil {
		diags.AddWarning("Traffic Not Checked",
			fmt.Sprintf("lockout_guard could not read the policies and endpoints that are stored, so what this change does to traffic is not known: %v", err))
		return
	}
	if len(stops) > 0 {
		r.addCutOffs(diags, stops, obj == nil)
		return // one diagnostic for a resource, and this is the one that matters
	}
	if obj != nil {
		r.advise(ctx, store, after, obj, state, diags)
	}
}

// addCutOffs reports what stops, as the guard's mode says.
func (r *objectResource) addCutOffs(diags *diag.Diagnostics, stops []cutOff, destroy bool) {
	const summary = "Change Would Cut Off Guarded Traffic"
	detail := "Traffic that lockout_guard watches over works now, and would be dropped after this change:\n\n" + describeCutOffs(stops)
	switch {
	case destroy:
		// The endpoints may be destroyed first, which only the apply can tell.
		detail += "\n\nIf these host endpoints are destroyed before, nothing is wrong."
		if r.data.guard.mode == guardError {
			detail += " Otherwise the apply will refuse it."
		}
		diags.AddWarning(summary, detail)
	case r.data.guard.mode == guardError:
		diags.AddError(summary, detail+"\n\nAllow this traffic in a policy that comes before, and let this resource depend on it (depends_on) so that it is there first. "+
			"If what denies it is to go in this plan, too, remove it in an apply of its own before: Terraform may delete it before this change or after. "+
			"If the traffic is meant to stop, take its flow out of lockout_guard of the provider, or set lockout_guard.mode to \"warn\".")
	default:
		diags.AddWarning(summary, detail+"\n\nAllow this traffic in a policy that comes before, unless it is meant to stop. With lockout_guard.mode = \"error\" in the provider block such a change is refused.")
	}
}

// guarded returns the store with the guard for a write, where it is to refuse.
func (r *objectResource) guarded(ctx context.Context, store datastore.Store, change func(*datastore.Snapshot) (map[calico.ID]calico.Object, error)) datastore.Store {
	if r.data.guard == nil || r.data.guard.mode != guardError || !changesVerdicts(r.kind) {
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
