package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/guard"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/codec"
)

// ownedFields is the ownership of a kind whose objects have several owners: Calico makes
// them itself and writes to them, and so do others. Terraform owns the fields that are
// configured, and no others: those are neither shown nor changed. An object that exists
// is adopted, and what is owned no longer gets back the value that it had before.
type ownedFields struct{ *objectResource }

var _ ownership = ownedFields{}

// onlySomeFields is ownedFields, for a definition.
func onlySomeFields(r *objectResource) ownership { return ownedFields{r} }

// owned returns the fields of the spec, by their JSON names, that the attributes
// have values for.
func (o ownedFields) owned(v values) []string {
	var out []string
	for _, f := range codec.FieldsOf(codec.SpecOf(o.kind.New()).Type()) {
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
func (o ownedFields) storedFields(stored *datastore.Stored) ([]string, map[string]json.RawMessage, error) {
	fields, err := storage.SpecFields(o.kind, stored.Raw)
	if err != nil {
		return nil, nil, &datastore.CorruptError{Where: stored.Where, Version: stored.Version, Look: "calicoctl get " + string(o.kind) + " -o yaml", Err: err}
	}
	// An empty text is none, to Calico.
	return o.owned(o.described(stored.Object, nil)), fields, nil
}

// patch returns the change that gives base the object's values in the owned
// fields, without those that it has already, and with all that nobody here knows in them.
// It answers a *storage.UnknownFieldsError if some of that would be lost.
func patch(obj calico.Object, owned []string, base []byte) (storage.SpecPatch, error) {
	text, err := storage.EncodeSpec(obj)
	if err != nil {
		return nil, err
	}
	kind := calico.KindOf(obj)
	wanted, err := storage.SpecFields(kind, text)
	if err != nil {
		return nil, err
	}
	present, err := storage.SpecFields(kind, base)
	if err != nil {
		return nil, err
	}
	out := storage.SpecPatch{}
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

// create adopts the object, or creates it if there is none.
func (o ownedFields) create(ctx context.Context, store datastore.Store, obj calico.Object, planned values, diags *diag.Diagnostics) (*datastore.Stored, *objectState, error) {
	finding, err := store.Release(ctx)
	if err != nil {
		return nil, nil, err
	}
	owned := o.owned(planned)
	for {
		stored, err := store.Get(ctx, calico.IDOf(obj))
		if errors.Is(err, datastore.ErrNotFound) || err == nil && o.data.adoptIdentical && o.isIdentical(obj, &codec.Conversion{}, stored, &finding.Release) {
			// The create decides whether it is still so.
			stored, kept, err := o.createObject(ctx, store, obj, diags)
			var exists *datastore.AlreadyExistsError
			if errors.As(err, &exists) {
				continue // made or changed by somebody else just now
			}
			if err != nil {
				return nil, nil, err
			}
			// What is identical counts as created: nobody else has put anything in it.
			kept.Origin, kept.Before = originCreated, valuesBefore(owned, nil)
			return stored, kept, nil
		}
		if err != nil {
			return nil, nil, err
		}
		_, fields, err := o.storedFields(stored)
		if err != nil {
			return nil, nil, err
		}
		change, err := patch(obj, owned, stored.Raw)
		if err != nil {
			return nil, nil, err
		}
		stored, err = o.applyPatch(ctx, store, stored, change)
		return stored, &objectState{Origin: originAdopted, Before: valuesBefore(owned, fields)}, err
	}
}

// valuesBefore returns the values that fields have before they are owned; nil for none.
func valuesBefore(owned []string, fields map[string]json.RawMessage) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for _, name := range owned {
		out[name] = fields[name]
	}
	return out
}

// applyPatch applies a patch, if there is anything in it.
func (o ownedFields) applyPatch(ctx context.Context, store datastore.Store, base *datastore.Stored, change storage.SpecPatch) (*datastore.Stored, error) {
	if len(change) == 0 {
		return base, nil
	}
	id := calico.IDOf(base.Object)
	return o.guarded(ctx, store, func(snapshot *datastore.Snapshot) (guard.Change, error) {
		// What others have changed since stays as it is.
		for _, now := range snapshot.Objects {
			if calico.IDOf(now.Object) == id {
				base = now
			}
		}
		after, err := o.patched(base, change)
		return guard.Change{id: after}, err
	}).Patch(ctx, base, change)
}

// patched returns the object that a patch makes of a stored one.
func (o ownedFields) patched(base *datastore.Stored, change storage.SpecPatch) (calico.Object, error) {
	value, err := change.Apply(base.Raw)
	if err != nil {
		return nil, err
	}
	after := *base
	after.Raw = value
	err = o.data.datastore.Decode(calico.KindOf(base.Object), &after)
	return after.Object, err
}

// narrow leaves the owned fields; after an import, all that there are.
func (o ownedFields) narrow(stored *datastore.Stored, state values, kept *objectState) error {
	owned := o.owned(state)
	if kept.importing() {
		names, fields, err := o.storedFields(stored)
		if err != nil {
			return err
		}
		owned, kept.Before = names, valuesBefore(names, fields)
	}
	stored.Object = onlyFields(stored.Object, owned)
	return nil
}

func (o ownedFields) visible(obj calico.Object, v values) calico.Object {
	return onlyFields(obj, o.owned(v))
}

// update changes what is owned, and gives back what is no longer.
func (o ownedFields) update(ctx context.Context, store datastore.Store, obj calico.Object, kept *objectState, planned, state values) (*datastore.Stored, error) {
	change, err := o.change(obj, kept, o.owned(planned), o.owned(state))
	if err != nil {
		return nil, err
	}
	return o.applyPatch(ctx, store, kept.Stored, change)
}

// change returns the change from what is kept to what is planned, and brings what is
// kept up to date. What was owned already was not there before, whatever is stored: it
// is not recorded anew if that was lost.
func (o ownedFields) change(obj calico.Object, kept *objectState, owned, before []string) (storage.SpecPatch, error) {
	_, fields, err := o.storedFields(kept.Stored)
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
	return change.Keep(o.kind, kept.Raw)
}

// remove gives back what is owned. An object that was made here goes, if nobody else has
// put anything in it.
func (o ownedFields) remove(ctx context.Context, store datastore.Store, kept *objectState, state values) error {
	change, remove, err := o.restoration(kept, o.owned(state))
	id := calico.IDOf(kept.Object)
	var after calico.Object
	switch {
	case err != nil:
	case remove:
		err = o.guarded(ctx, store, removal(id)).Delete(ctx, kept.Stored)
	default:
		var stored *datastore.Stored
		if stored, err = o.applyPatch(ctx, store, kept.Stored, change); err == nil {
			after = stored.Object
		}
	}
	var conflict *datastore.ConflictError
	if errors.As(err, &conflict) && conflict.Deleted {
		return nil
	}
	if err == nil {
		o.data.guard.Happened(id, after)
	}
	return err
}

// restoration returns the change that gives back what is owned, and whether the
// object goes: it was made here, and nobody else has put anything in it. A field of
// which it is not known what it was before stays.
func (o ownedFields) restoration(kept *objectState, owned []string) (change storage.SpecPatch, remove bool, err error) {
	_, fields, err := o.storedFields(kept.Stored)
	if err != nil {
		return nil, false, err
	}
	change = storage.SpecPatch{}
	for _, name := range owned {
		if was, known := kept.was(name); known && string(was) != string(fields[name]) {
			change[name] = was
		}
	}
	if change, err = change.Keep(o.kind, kept.Raw); err != nil || kept.Origin != originCreated {
		return change, false, err
	}
	given, err := kept.Given(o.kind.New())
	if err != nil {
		return change, false, err
	}
	rest, err := change.Apply(given)
	return change, err == nil && storage.IsEmptySpec(o.kind, rest), err
}
