package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/guard"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/codec"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// adoptedResource is the resource of a kind whose objects have several owners:
// Calico makes them itself and writes to them, and so do others. It owns the
// fields that are configured, and no others: those are neither shown nor changed.
// An object that exists is adopted, and what is owned no longer gets back the
// value that it had before.
type adoptedResource struct {
	objectResource
}

var (
	_ resource.ResourceWithConfigure      = (*adoptedResource)(nil)
	_ resource.ResourceWithIdentity       = (*adoptedResource)(nil)
	_ resource.ResourceWithImportState    = (*adoptedResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*adoptedResource)(nil)
	_ resource.ResourceWithValidateConfig = (*adoptedResource)(nil)
)

// owned returns the fields of the spec, by their JSON names, that the attributes
// have values for.
func (d *definition) owned(v values) []string {
	var out []string
	for _, f := range codec.FieldsOf(codec.SpecOf(d.kind.New()).Type()) {
		if !v.isNull(f.Attribute) {
			out = append(out, f.JSONName())
		}
	}
	return out
}

// onlyFields returns a copy of the object with no fields in its spec but those,
// and without labels and annotations, which are all others'.
func onlyFields(obj calico.Object, names []string) calico.Object {
	c, ok := obj.DeepCopyObject().(calico.Object)
	if !ok {
		return obj
	}
	kept := map[string]bool{}
	for _, name := range names {
		kept[name] = true
	}
	c.SetLabels(nil)
	c.SetAnnotations(nil)
	spec := codec.SpecOf(c)
	for _, f := range codec.FieldsOf(spec.Type()) {
		if !kept[f.JSONName()] {
			spec.FieldByIndex(f.Index).SetZero()
		}
	}
	return c
}

// storedFields returns the fields of the spec that are stored, of those that
// there are attributes for.
func (d *definition) storedFields(stored *datastore.Stored) ([]string, map[string]json.RawMessage, error) {
	fields, err := calico.SpecFields(d.kind, stored.Raw)
	if err != nil {
		return nil, nil, &datastore.CorruptError{Key: stored.Key, Revision: stored.Revision, Look: "calicoctl get " + string(d.kind) + " -o yaml", Err: err}
	}
	// An empty text is none, to Calico.
	return d.owned(d.attributes(stored.Object, nil)), fields, nil
}

// patch returns the change that gives base the object's values in the owned
// fields, without those that it has already, and with all that nobody here knows in them.
// It answers a *calico.UnknownFieldsError if some of that would be lost.
func patch(obj calico.Object, owned []string, base []byte) (calico.SpecPatch, error) {
	text, err := calico.EncodeSpec(obj)
	if err != nil {
		return nil, err
	}
	kind := calico.KindOf(obj)
	wanted, err := calico.SpecFields(kind, text)
	if err != nil {
		return nil, err
	}
	present, err := calico.SpecFields(kind, base)
	if err != nil {
		return nil, err
	}
	out := calico.SpecPatch{}
	for _, name := range owned {
		value := wanted[name]
		if specField(obj, name).IsZero() {
			value = nil // such as "", which is how an unset field is written
		}
		if string(value) != string(present[name]) {
			out[name] = value
		}
	}
	return out.Keep(kind, base)
}

func specField(obj calico.Object, name string) reflect.Value {
	spec := codec.SpecOf(obj)
	for _, f := range codec.FieldsOf(spec.Type()) {
		if f.JSONName() == name {
			return spec.FieldByIndex(f.Index)
		}
	}
	panic(fmt.Sprintf("provider: %T has no field %s", obj, name))
}

// planAdoption tells what will become of an object that exists. One that is exactly what
// a create would make may have been left behind by an apply that was killed: then
// nobody but this resource has put anything in it, and a destroy has to delete it.
func (r *objectResource) planAdoption(ctx context.Context, obj calico.Object, c *codec.Conversion, planned values, release *calico.Release, diags *diag.Diagnostics) {
	if r.data.pending() || r.data.isUnreachable() {
		return
	}
	store, err := r.data.store(ctx)
	if err != nil {
		return // told by planRelease
	}
	stored, err := store.Get(ctx, r.id(planned))
	if err != nil {
		return // there is none, or the apply will tell
	}
	var owned []string
	for _, name := range r.owned(planned) {
		if c.Known(specPath.Field(name)) {
			owned = append(owned, name)
		}
	}
	change, err := patch(obj, owned, stored.Raw)
	if r.refuseLost(r.id(planned), err, diags) {
		return
	}
	r.warnUnknown(r.id(planned), calico.UnknownFields(r.kind, stored.Raw), "", diags)
	if err != nil {
		return
	}
	after, err := change.Apply(stored.Raw)
	if err != nil {
		return
	}
	changes, err := change.Changes(r.kind, stored.Raw, after)
	if err != nil {
		return
	}
	left := ""
	if r.isIdentical(obj, c, stored, release) {
		if r.data.adoptIdentical {
			diags.AddWarning(fmt.Sprintf("Identical Object Will Be Adopted: %s", r.id(planned)),
				fmt.Sprintf("It exists already, at %s, and is exactly what this plan would write. As %s is set, it is taken for one that this resource has created: the apply writes nothing, and a destroy deletes the object.", safetext.Line(stored.Key), adoptIdentical))
			return
		}
		left = fmt.Sprintf("\n\nThe object is exactly what this resource would have created. If an apply of this configuration was interrupted and has left it behind, set %s = true in the provider block for the next apply: then a destroy deletes it.", adoptIdentical)
	}
	if len(changes) == 0 {
		changes = []string{"nothing: the configured values are those that it has"}
	}
	diags.AddWarning("Existing Object Will Be Adopted",
		fmt.Sprintf("%s exists already, at %s. It is not replaced: from this apply on Terraform manages the configured attributes of it, and leaves all others alone. When they are no longer managed, they get back the values that they have now.\n\nWhat changes (now -> then):\n  %s",
			r.id(planned), safetext.Line(stored.Key), strings.Join(lines(changes), "\n  "))+left)
}

// isIdentical tells whether an object that exists is exactly what a create would make.
func (r *objectResource) isIdentical(obj calico.Object, c *codec.Conversion, stored *datastore.Stored, release *calico.Release) bool {
	if len(c.Unknown) > 0 || release == nil {
		return false
	}
	changes, err := calico.CreationChanges(obj, stored.Raw, *release)
	return err == nil && len(changes) == 0
}

// Create adopts the object, or creates it where there is none.
func (r *adoptedResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	defer makeSafe(&resp.Diagnostics)
	planned, store := r.begin(ctx, req.Plan.Raw, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	obj := r.writable(ctx, store, planned, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	owned := r.owned(planned)
	stored, kept, err := r.adopt(ctx, store, obj, owned, &resp.Diagnostics)
	if err != nil {
		r.addWriteError(&resp.Diagnostics, "Create", planned, err)
		return
	}
	stored.Object = onlyFields(stored.Object, owned)
	resp.State.Raw = r.finish(ctx, stored, planned, planned, kept, resp.Identity, resp.Private, &resp.Diagnostics)
}

func (r *adoptedResource) adopt(ctx context.Context, store datastore.Store, obj calico.Object, owned []string, diags *diag.Diagnostics) (*datastore.Stored, *objectState, error) {
	finding, err := store.Release(ctx)
	if err != nil {
		return nil, nil, err
	}
	for {
		stored, err := store.Get(ctx, calico.IDOf(obj))
		if errors.Is(err, datastore.ErrNotFound) || err == nil && r.data.adoptIdentical && r.isIdentical(obj, &codec.Conversion{}, stored, &finding.Release) {
			// The transaction of the create decides whether it is still so.
			stored, identical, err := r.create(ctx, store, obj)
			var exists *datastore.AlreadyExistsError
			if errors.As(err, &exists) {
				continue // made or changed by somebody else just now
			}
			if err != nil {
				return nil, nil, err
			}
			if identical {
				r.tellAdopted(stored, diags)
			}
			kept := &objectState{Origin: originCreated, Before: map[string]json.RawMessage{}}
			for _, name := range owned {
				kept.Before[name] = nil
			}
			return stored, kept, nil
		}
		if err != nil {
			return nil, nil, err
		}
		_, fields, err := r.storedFields(stored)
		if err != nil {
			return nil, nil, err
		}
		kept := &objectState{Origin: originAdopted, Before: map[string]json.RawMessage{}}
		for _, name := range owned {
			kept.Before[name] = fields[name]
		}
		change, err := patch(obj, owned, stored.Raw)
		if err != nil {
			return nil, nil, err
		}
		stored, err = r.applyPatch(ctx, store, stored, change)
		return stored, kept, err
	}
}

// applyPatch applies a patch, if there is anything in it.
func (r *objectResource) applyPatch(ctx context.Context, store datastore.Store, base *datastore.Stored, change calico.SpecPatch) (*datastore.Stored, error) {
	if len(change) == 0 {
		return base, nil
	}
	id := calico.IDOf(base.Object)
	return r.guarded(ctx, store, func(snapshot *datastore.Snapshot) (guard.Change, error) {
		// What others have changed since stays as it is.
		for _, now := range snapshot.Objects {
			if calico.IDOf(now.Object) == id {
				base = now
			}
		}
		after, err := r.patched(base, change)
		return guard.Change{id: after}, err
	}).Patch(ctx, base, change)
}

// patched returns the object that a patch makes of a stored one.
func (r *objectResource) patched(base *datastore.Stored, change calico.SpecPatch) (calico.Object, error) {
	value, err := change.Apply(base.Raw)
	if err != nil {
		return nil, err
	}
	after := *base
	after.Raw = value
	err = r.data.datastore.Decode(calico.KindOf(base.Object), &after)
	return after.Object, err
}

// adoptedID is the ID of the object of which state or obj is what is owned.
func (r *objectResource) adoptedID(state values, obj calico.Object) calico.ID {
	if obj != nil {
		return calico.IDOf(obj)
	}
	return r.id(state)
}

// adoptedAfter returns what a planned change makes of the stored object; nil
// where it is deleted. obj is nil for a destroy.
func (r *objectResource) adoptedAfter(ctx context.Context, store datastore.Store, state values, obj calico.Object, private privateReader) (calico.Object, error) {
	kept, err := r.stateOrStored(ctx, store, private, state, obj)
	if errors.Is(err, datastore.ErrNotFound) {
		return obj, nil
	}
	if err != nil {
		return nil, err
	}
	var change calico.SpecPatch
	if obj == nil {
		var remove bool
		if change, remove, err = r.restoration(kept, r.owned(state)); err != nil || remove {
			return nil, err
		}
	} else {
		owned := r.owned(r.attributes(obj, nil))
		if change, err = r.update(obj, kept, owned, r.owned(state)); err != nil {
			return nil, err
		}
	}
	return r.patched(kept.Stored, change)
}

// stateOrStored returns the private state of an object that is to be changed, or what
// is stored, of one that is to be adopted or whose private state is lost.
func (r *objectResource) stateOrStored(ctx context.Context, store datastore.Store, private privateReader, state values, obj calico.Object) (*objectState, error) {
	if state != nil {
		return r.startingState(ctx, store, private, state)
	}
	stored, err := store.Get(ctx, r.adoptedID(state, obj))
	if err != nil {
		return nil, err
	}
	return &objectState{Origin: originAdopted, Stored: stored, Before: map[string]json.RawMessage{}}, nil
}

// Read reads the owned fields; after an import, all that there are.
func (r *adoptedResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	r.read(ctx, req, resp, func(stored *datastore.Stored, state values, kept *objectState) error {
		owned := r.owned(state)
		if kept.importing() {
			names, fields, err := r.storedFields(stored)
			if err != nil {
				return err
			}
			owned = names
			kept.Before = map[string]json.RawMessage{}
			for _, name := range owned {
				kept.Before[name] = fields[name]
			}
		}
		stored.Object = onlyFields(stored.Object, owned)
		return nil
	})
}

// Update changes what is owned, and gives back what is no longer.
func (r *adoptedResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	defer makeSafe(&resp.Diagnostics)
	planned, store := r.begin(ctx, req.Plan.Raw, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	state, err := r.rootValues(ctx, req.State.Raw)
	if err != nil {
		resp.Diagnostics.AddError("Unexpected State", err.Error())
		return
	}
	kept, err := r.startingState(ctx, store, req.Private, state)
	if err != nil {
		r.addWriteError(&resp.Diagnostics, "Update", planned, err)
		return
	}
	obj := r.writable(ctx, store, planned, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	owned := r.owned(planned)
	change, err := r.update(obj, kept, owned, r.owned(state))
	var stored *datastore.Stored
	if err == nil {
		stored, err = r.applyPatch(ctx, store, kept.Stored, change)
	}
	if err != nil {
		r.addWriteError(&resp.Diagnostics, "Update", planned, err)
		return
	}
	stored.Object = onlyFields(stored.Object, owned)
	resp.State.Raw = r.finish(ctx, stored, planned, planned, kept, resp.Identity, resp.Private, &resp.Diagnostics)
}

// update returns the change from what is kept to what is planned, and brings what is
// kept up to date. What was owned already was not there before, whatever is stored: it
// is not recorded anew if that was lost.
func (r *objectResource) update(obj calico.Object, kept *objectState, owned, before []string) (calico.SpecPatch, error) {
	_, fields, err := r.storedFields(kept.Stored)
	if err != nil {
		return nil, err
	}
	change, err := patch(obj, owned, kept.Raw)
	if err != nil {
		return nil, err
	}
	if kept.Before == nil {
		kept.Before = map[string]json.RawMessage{}
	}
	for _, name := range owned {
		if _, known := kept.was(name); !known && !slices.Contains(before, name) {
			kept.Before[name] = fields[name]
		}
	}
	for _, name := range before {
		if slices.Contains(owned, name) {
			continue
		}
		if was, known := kept.was(name); known && string(was) != string(fields[name]) {
			change[name] = was
		}
		delete(kept.Before, name)
	}
	return change.Keep(r.kind, kept.Raw)
}

// Delete gives back what is owned. An object that was made here goes, if nobody
// else has put anything in it.
func (r *adoptedResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	defer makeSafe(&resp.Diagnostics)
	state, store := r.begin(ctx, req.State.Raw, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	kept, err := r.startingState(ctx, store, req.Private, state)
	if errors.Is(err, datastore.ErrNotFound) {
		return
	}
	if err == nil {
		err = r.giveBack(ctx, store, kept, r.owned(state))
	}
	var conflict *datastore.ConflictError
	if errors.As(err, &conflict) && conflict.Deleted {
		return
	}
	if err != nil {
		r.addStoreError(&resp.Diagnostics, "Delete", r.id(state), err)
	}
}

func (r *adoptedResource) giveBack(ctx context.Context, store datastore.Store, kept *objectState, owned []string) error {
	change, remove, err := r.restoration(kept, owned)
	switch {
	case err != nil:
		return err
	case remove:
		if err := r.guarded(ctx, store, removal(calico.IDOf(kept.Object))).Delete(ctx, kept.Stored); err != nil {
			return err
		}
		r.data.guard.happened(calico.IDOf(kept.Object), nil)
		return nil
	default:
		stored, err := r.applyPatch(ctx, store, kept.Stored, change)
		if err != nil {
			return err
		}
		r.data.guard.happened(calico.IDOf(stored.Object), stored.Object)
		return nil
	}
}

// restoration returns the change that gives back what is owned, and whether the
// object goes: it was made here, and nobody else has put anything in it. A field of
// which it is not known what it was before stays.
func (r *objectResource) restoration(kept *objectState, owned []string) (change calico.SpecPatch, remove bool, err error) {
	_, fields, err := r.storedFields(kept.Stored)
	if err != nil {
		return nil, false, err
	}
	change = calico.SpecPatch{}
	for _, name := range owned {
		if was, known := kept.was(name); known && string(was) != string(fields[name]) {
			change[name] = was
		}
	}
	if change, err = change.Keep(r.kind, kept.Raw); err != nil || kept.Origin != originCreated {
		return change, false, err
	}
	rest, err := change.Apply(kept.Raw)
	return change, err == nil && calico.IsEmptySpec(r.kind, rest), err
}
