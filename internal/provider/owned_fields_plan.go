package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/codec"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// planPlace tells what will become of an object that exists, and which fields keep their
// values though they are owned no longer. Several resources may own different fields of
// one object.
func (o ownedFields) planPlace(ctx context.Context, p *planning, _ bool, diags *diag.Diagnostics) {
	if p.state == nil {
		o.planAdoption(ctx, p, diags)
		return
	}
	still := o.owned(p.planned)
	left := slices.DeleteFunc(o.owned(p.state), func(name string) bool { return slices.Contains(still, name) })
	o.warnKept(o.id(p.state), p.kept, left, diags)
}

// planAdoption tells what will become of an object that exists. One that is exactly what
// a create would make may have been left behind by an apply that was killed: then
// nobody but this resource has put anything in it, and a destroy has to delete it.
func (o ownedFields) planAdoption(ctx context.Context, p *planning, diags *diag.Diagnostics) {
	if o.data.pending() || o.data.isUnreachable() {
		return
	}
	id := o.id(p.planned)
	store, err := o.data.store(ctx)
	if err != nil {
		return // told by planRelease
	}
	stored, err := store.Get(ctx, id)
	if err != nil {
		return // there is none, or the apply will tell
	}
	var owned []string
	for _, name := range o.owned(p.planned) {
		if p.c.Known(specPath.Field(name)) {
			owned = append(owned, name)
		}
	}
	change, err := patch(p.obj, owned, stored.Raw)
	if o.refuseLost(id, err, diags) {
		return
	}
	o.warnUnknown(id, storage.UnknownFields(o.kind, stored.Raw), "", diags)
	if err != nil {
		return
	}
	after, err := change.Apply(stored.Raw)
	if err != nil {
		return
	}
	changes, err := change.Changes(o.kind, stored.Raw, after)
	if err != nil {
		return
	}
	left := ""
	if o.isIdentical(p.obj, p.c, stored, p.release) {
		if o.data.adoptIdentical {
			diags.AddWarning(fmt.Sprintf("Identical Object Will Be Adopted: %s", id),
				fmt.Sprintf("It exists already, at %s, and is exactly what this plan would write. As %s is set, it is taken for one that this resource has created: the apply writes nothing, and a destroy deletes the object.", safetext.Line(stored.Where), adoptIdentical))
			return
		}
		left = fmt.Sprintf("\n\nThe object is exactly what this resource would have created. If an apply of this configuration was interrupted and has left it behind, set %s = true in the provider block for the next apply: then a destroy deletes it.", adoptIdentical)
	}
	if len(changes) == 0 {
		changes = []string{"nothing: the configured values are those that it has"}
	}
	diags.AddWarning("Existing Object Will Be Adopted",
		fmt.Sprintf("%s exists already, at %s. It is not replaced: from this apply on Terraform manages the configured attributes of it, and leaves all others alone. When they are no longer managed, they get back the values that they have now.\n\nWhat changes (now -> then):\n  %s",
			id, safetext.Line(stored.Where), strings.Join(lines(changes), "\n  "))+left)
}

// isIdentical tells whether an object that exists is exactly what a create would make.
func (o ownedFields) isIdentical(obj calico.Object, c *codec.Conversion, stored *datastore.Stored, release *calico.Release) bool {
	if len(c.Unknown) > 0 || release == nil {
		return false
	}
	given, err := stored.Given(obj)
	if err != nil {
		return false
	}
	changes, err := storage.CreationChanges(obj, given, *release)
	return err == nil && len(changes) == 0
}

// after returns what a planned change makes of the stored object.
func (o ownedFields) after(ctx context.Context, store datastore.Store, state values, obj calico.Object, private privateReader) (calico.ID, calico.Object, error) {
	id := o.idOf(state, obj)
	kept, err := o.stateOrStored(ctx, store, private, state, id)
	if errors.Is(err, datastore.ErrNotFound) {
		return id, obj, nil
	}
	if err != nil {
		return id, nil, err
	}
	var change storage.SpecPatch
	if obj == nil {
		var remove bool
		if change, remove, err = o.restoration(kept, o.owned(state)); err != nil || remove {
			return id, nil, err
		}
	} else {
		owned := o.owned(o.described(obj, nil))
		if change, err = o.change(obj, kept, owned, o.owned(state)); err != nil {
			return id, nil, err
		}
	}
	after, err := o.patched(kept.Stored, change)
	return id, after, err
}

// stateOrStored returns the private state of an object that is to be changed, or what
// is stored, of one that is to be adopted or whose private state is lost.
func (o ownedFields) stateOrStored(ctx context.Context, store datastore.Store, private privateReader, state values, id calico.ID) (*objectState, error) {
	if state != nil {
		return o.startingState(ctx, store, private, state)
	}
	stored, err := store.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return &objectState{Origin: originAdopted, Stored: stored, Before: map[string]json.RawMessage{}}, nil
}

// planRemoval tells what is not given back, and of unknown fields of an object that is to
// get back what it had in the owned fields; it refuses that if they would be lost.
func (o ownedFields) planRemoval(state values, kept *objectState, diags *diag.Diagnostics) {
	var owned []string
	if state != nil {
		owned = o.owned(state)
		o.warnKept(o.id(state), kept, owned, diags)
	} else {
		owned = slices.Sorted(maps.Keys(kept.Before))
	}
	if kept == nil || kept.Stored == nil {
		return
	}
	id := calico.IDOf(kept.Object)
	change, remove, err := o.restoration(kept, owned)
	if !o.refuseLost(id, err, diags) && err == nil && !remove && len(change) > 0 {
		o.warnUnknown(id, storage.UnknownFields(o.kind, kept.Raw), "", diags)
	}
}

// warnKept tells in a plan that fields keep their values, as it is not known which they
// had before: those that are no longer configured, or all of them in a destroy.
func (o ownedFields) warnKept(id calico.ID, s *objectState, owned []string, diags *diag.Diagnostics) {
	var kept []string
	for _, name := range owned {
		if _, known := s.was(name); !known {
			kept = append(kept, "spec."+name)
		}
	}
	if len(kept) > 0 {
		diags.AddWarning(fmt.Sprintf("Values Are Not Given Back: %s", id),
			fmt.Sprintf("The private state of this object was lost, and with it the values that these fields had before Terraform: %s. They stay as they are stored now. If they are not wanted, change them with calicoctl.", strings.Join(kept, ", ")))
	}
}

// lost finds what a change of the owned fields alone would lose.
func (o ownedFields) lost(obj calico.Object, planned, state values, kept *objectState) ([]string, error) {
	copied := *kept
	copied.Before = maps.Clone(kept.Before)
	_, err := o.change(obj, &copied, o.owned(planned), o.owned(state))
	var unknown *storage.UnknownFieldsError
	if errors.As(err, &unknown) {
		return unknown.Fields, nil
	}
	return nil, err
}

func (o ownedFields) lostBefore() string {
	return " Which values the object had before Terraform is not known any more: an attribute that is no longer configured keeps its value, and a destroy leaves the object as it is."
}
