package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/guard"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/trafficguard"
)

// verdictOptions tells verdicts what a datastore means for them; nil for none.
func verdictOptions(t *datastore.Type) []verdict.Option {
	if t == nil || t.Services {
		return nil
	}
	return []verdict.Option{verdict.WithoutServices}
}

// guardBlocks are the guards of the provider block.
func guardBlocks() map[string]schema.Block { return trafficguard.Blocks() }

// readGuard makes the guard of the provider block.
func readGuard(model *providerModel, endpoints []string, diags *diag.Diagnostics) *trafficguard.Guard {
	return trafficguard.New(model.LockoutGuard, model.ExposureGuard, endpoints, diags)
}

// guardStore returns the datastore and its release if the guard has a say in this
// resource's changes; nil if it has none.
func (r *objectResource) guardStore(ctx context.Context) (datastore.Store, calico.Release) {
	if r.data == nil || !r.data.guard.Active() || !verdict.DependsOn(r.kind) || r.data.pending() || r.data.isUnreachable() {
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

// planGuard tells what a planned change does to traffic. obj is nil for a destroy; state is
// nil if there is no object before, or another one than after.
func (r *objectResource) planGuard(ctx context.Context, state values, obj calico.Object, private privateReader, replaced values, diags *diag.Diagnostics) {
	store, release := r.guardStore(ctx)
	if store == nil {
		return
	}
	if r.refuseContradiction(ctx, store, diags) {
		return
	}
	change := guard.Change{}
	if replaced != nil {
		change[r.id(replaced)] = nil
	}
	id, changed, err := r.ownership().after(ctx, store, state, obj, private)
	if err != nil {
		return // the apply will tell
	}
	change[id] = changed
	breaches, before, after, err := r.data.guard.Foresee(ctx, store, release, change)
	if errors.Is(err, trafficguard.ErrStillBlind) {
		return // told once
	}
	if err != nil {
		diags.AddWarning("Traffic Not Checked",
			fmt.Sprintf("lockout_guard and exposure_guard could not read the policies and endpoints that are stored, so what this change does to traffic is not known: %v", err))
		return
	}
	r.data.guard.AddBreaches(diags, breaches, obj == nil)
	r.data.guard.Advise(after, diags)
	r.data.guard.AdviseWorkloads(after, diags)
	if obj != nil {
		r.advise(ctx, store, before, after, obj, state, diags)
	}
}

// refuseContradiction reports that the guard must not be relied on: it sees what the
// release that is configured sees.
func (r *objectResource) refuseContradiction(ctx context.Context, store datastore.Store, diags *diag.Diagnostics) bool {
	finding, err := store.Release(ctx)
	if err != nil || finding.Contradiction == "" || !r.data.guard.Refuses() {
		return false
	}
	if r.data.guard.Once("contradiction") {
		diags.AddError("Calico Version and Datastore Disagree",
			fmt.Sprintf("The provider has calico_version = %q, but %s. A guard in mode \"error\" would look at the datastore as Calico %s does, and could miss what decides in truth, such as tiers. Correct calico_version, or leave it out.", finding.Configured, finding.Contradiction, finding.Release))
	}
	return true
}

// guarded returns the store with the guard for a write, if it may refuse it.
func (r *objectResource) guarded(ctx context.Context, store datastore.Store, change func(*datastore.Snapshot) (guard.Change, error)) datastore.Store {
	if !r.data.guard.Refuses() || !verdict.DependsOn(r.kind) {
		return store
	}
	finding, err := store.Release(ctx)
	if err != nil {
		return store // the write itself will fail for the same reason
	}
	return store.Guarded(r.data.guard.ForWrite(ctx, store, finding.Release, change))
}

// changeTo is a change that puts an object in its place.
func changeTo(obj calico.Object) func(*datastore.Snapshot) (guard.Change, error) {
	return func(*datastore.Snapshot) (guard.Change, error) {
		return guard.Change{calico.IDOf(obj): obj}, nil
	}
}

// removal is a change that takes an object away.
func removal(id calico.ID) func(*datastore.Snapshot) (guard.Change, error) {
	return func(*datastore.Snapshot) (guard.Change, error) {
		return guard.Change{id: nil}, nil
	}
}
