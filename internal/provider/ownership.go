package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/codec"
)

// ownership is how far a stored object is Terraform's: as a whole, or in some of its
// fields. objectResource does what all resources do alike, and asks its ownership for
// the rest.
type ownership interface {
	// create stores a new object, or takes one that exists, and returns what is to be
	// kept of it.
	create(ctx context.Context, store datastore.Store, obj calico.Object, planned values, diags *diag.Diagnostics) (*datastore.Stored, *objectState, error)
	// update changes the object from what it was when kept was read.
	update(ctx context.Context, store datastore.Store, obj calico.Object, kept *objectState, planned, state values) (*datastore.Stored, error)
	// remove takes away what is Terraform's.
	remove(ctx context.Context, store datastore.Store, kept *objectState, state values) error
	// visible returns the part of an object that is Terraform's by the attributes.
	visible(obj calico.Object, v values) calico.Object
	// narrow leaves of what was read that part; after an import, all that there is,
	// which it may note in kept.
	narrow(stored *datastore.Stored, state values, kept *objectState) error

	// planPlace tells what the plan finds in the object's place. alone is false if
	// another resource of the plan stands for the same object.
	planPlace(ctx context.Context, p *planning, alone bool, diags *diag.Diagnostics)
	// planRemoval tells what a destroy does, or a replacement, for which the state is
	// not known any more.
	planRemoval(state values, kept *objectState, diags *diag.Diagnostics)
	// after returns what a planned change makes of the stored object; nil if it is
	// deleted. obj is nil for a destroy.
	after(ctx context.Context, store datastore.Store, state values, obj calico.Object, private privateReader) (calico.ID, calico.Object, error)
	// lost returns the fields that a planned change would lose, of those that this
	// provider does not know.
	lost(obj calico.Object, planned, state values, kept *objectState) ([]string, error)
	// lostBefore tells what more is lost with private state; "" for nothing.
	lostBefore() string
}

// planning is the plan of one resource, as far as it has come.
type planning struct {
	obj calico.Object
	c   *codec.Conversion
	// planned is what is planned, and state what there is; nil for a new object.
	planned, state values
	kept           *objectState
	// release is nil if it is not known.
	release *calico.Release
	// again tells that the resource has an object already, which is to be replaced.
	again bool
}

func (r *objectResource) ownership() ownership {
	if r.owns != nil {
		return r.owns(r)
	}
	return wholeObject{r}
}

// idOf returns the ID of the object that a change is about; obj is nil for a destroy.
func (r *objectResource) idOf(state values, obj calico.Object) calico.ID {
	if obj != nil {
		return calico.IDOf(obj)
	}
	return r.id(state)
}

// wholeObject is the ownership of most kinds: the object is Terraform's, but for
// annotations that are not configured.
type wholeObject struct{ *objectResource }

var _ ownership = wholeObject{}

func (o wholeObject) create(ctx context.Context, store datastore.Store, obj calico.Object, _ values, diags *diag.Diagnostics) (*datastore.Stored, *objectState, error) {
	return o.createObject(ctx, store, obj, diags)
}

func (o wholeObject) update(ctx context.Context, store datastore.Store, obj calico.Object, kept *objectState, planned, state values) (*datastore.Stored, error) {
	withForeign(obj, kept.Object, o.managedBy(state, planned).of(kept.Stored, planned))
	return o.guarded(ctx, store, changeTo(obj)).Update(ctx, obj, kept.Stored)
}

func (o wholeObject) remove(ctx context.Context, store datastore.Store, kept *objectState, state values) error {
	base := *kept.Stored
	if o.isShared() {
		base.Object = o.visible(base.Object, state) // the rest stays
	}
	err := o.guarded(ctx, store, removal(o.id(state))).Delete(ctx, &base)
	if err == nil {
		o.data.guard.Happened(o.id(state), nil)
	}
	return err
}

func (o wholeObject) visible(obj calico.Object, v values) calico.Object {
	return onlyManaged(obj, o.managedBy(v))
}

func (o wholeObject) narrow(stored *datastore.Stored, state values, kept *objectState) error {
	ours := o.managedBy(state)
	if kept.importing() {
		ours = importedFrom(stored.Object)
	}
	stored.Object = onlyManaged(stored.Object, ours)
	return nil
}

func (o wholeObject) planPlace(ctx context.Context, p *planning, alone bool, diags *diag.Diagnostics) {
	id := o.id(p.planned)
	if !alone {
		diags.AddAttributeError(path.Root("name"), "Two Resources for One Object",
			fmt.Sprintf("Another resource of this configuration stands for %s too: each apply would write over what the other has written, and a destroy of one would take the object away from both. Remove one of the two, or give one another name.", id))
		return
	}
	if p.state != nil || p.again || o.data.pending() || o.data.isUnreachable() || o.data.wasRead(id) {
		return
	}
	o.planNamespace(ctx, id, diags)
	if key := o.existing(ctx, id, diags); key != "" {
		o.planExisting(ctx, key, p.obj, p.c, p.release, diags)
	}
}

// planNamespace warns if the namespace of a new object is not there. It may be made in the
// same apply, by another provider: so that is no error.
func (o wholeObject) planNamespace(ctx context.Context, id calico.ID, diags *diag.Diagnostics) {
	if id.Namespace == "" || !o.data.datastore.Namespaces {
		return
	}
	store, err := o.data.store(ctx)
	if err != nil {
		return // told by planRelease
	}
	profiles, err := o.data.names.of(calico.KindProfile).Get(ctx, func(ctx context.Context) (map[calico.ID]string, error) {
		return store.Names(ctx, calico.KindProfile)
	})
	if err != nil {
		return // who may not see namespaces is told by the write
	}
	profile := calico.ID{Kind: calico.KindProfile, Name: calico.NamespaceProfilePrefix + id.Namespace}
	if _, there := profiles[profile]; !there && o.data.once("namespace "+id.Namespace) {
		diags.AddAttributeWarning(path.Root("namespace"), "Namespace Not There",
			fmt.Sprintf("There is no namespace %q in the cluster: nothing can be created in it. If it is made in the same apply, refer to it (namespace = kubernetes_namespace.NAME.metadata[0].name), so that Terraform knows the order. Otherwise correct the name, or make the namespace first.", id.Namespace))
	}
}

func (o wholeObject) planRemoval(state values, kept *objectState, diags *diag.Diagnostics) {
	o.destroyUnknown(kept, state == nil, diags)
}

func (o wholeObject) after(_ context.Context, _ datastore.Store, state values, obj calico.Object, _ privateReader) (calico.ID, calico.Object, error) {
	return o.idOf(state, obj), obj, nil
}

func (o wholeObject) lost(obj calico.Object, _, _ values, kept *objectState) ([]string, error) {
	return storage.LostFields(obj, kept.Raw), nil
}

func (o wholeObject) lostBefore() string { return "" }
