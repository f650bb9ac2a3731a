package provider

import (
	"context"
	"errors"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// objectSet is a set of objects, by their short IDs.
type objectSet map[calico.ID]bool

// with returns the set with an object added; s may be nil.
func (s objectSet) with(id calico.ID) objectSet {
	if s == nil {
		s = objectSet{}
	}
	s[id.Short()] = true
	return s
}

// plan notes that an object is planned to be created. It is false where another
// resource of the plan stands for the same object. again is true where Terraform
// plans a second time for one resource, whose object is replaced.
func (d *providerData) plan(id calico.ID, again bool) bool {
	if d == nil {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	twice := !again && (d.planned[id.Short()] || d.updated[id.Short()])
	d.planned = d.planned.with(id)
	return !twice
}

// planUpdate notes that a plan keeps an object. It is false where another resource
// of the plan stands for the same object.
func (d *providerData) planUpdate(id calico.ID) bool {
	if d == nil {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	twice := d.planned[id.Short()] || d.updated[id.Short()]
	d.updated = d.updated.with(id)
	return !twice
}

// noteRead notes that an object is in the state.
func (d *providerData) noteRead(id calico.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.read = d.read.with(id)
}

// existing returns where an object is stored that a plan is to create; "" where it is
// not, as far as can be told. The names of a kind are read once for a run, as what is
// created in it is no surprise.
func (d *providerData) existing(ctx context.Context, id calico.ID, diags *diag.Diagnostics) string {
	store, err := d.store(ctx)
	if err != nil {
		return "" // told by planRelease
	}
	if d.isUnreachable() {
		return ""
	}
	names, err := d.names.of(id.Kind).Get(ctx, func(ctx context.Context) (map[calico.ID]string, error) {
		return store.Names(ctx, id.Kind)
	})
	var unavailable *datastore.UnavailableError
	if errors.As(err, &unavailable) {
		d.tellUnreachable(unavailable, diags)
	}
	return names[id.Short()] // what else cannot be read is told by the write
}

// content returns what is stored of an object that exists; why says why that cannot be
// told. A kind is read once for a run, and only if something in it exists that a plan
// creates.
func (d *providerData) content(ctx context.Context, id calico.ID) (stored *datastore.Stored, why string) {
	store, err := d.store(ctx)
	if err != nil {
		return nil, err.Error()
	}
	objects, err := d.contents.of(id.Kind).Get(ctx, func(ctx context.Context) (map[calico.ID]*datastore.Stored, error) {
		return kindContent(ctx, store, id.Kind)
	})
	if err != nil {
		return nil, "it could not be read: " + err.Error()
	}
	stored, found := objects[id.Short()]
	switch {
	case !found:
		return nil, "what is stored there is not a valid object of that name"
	case stored == nil:
		return nil, "it is stored under two names"
	}
	return stored, ""
}

// kindContent reads the objects of a kind: by their short IDs, nil for one that is stored
// under two names.
func kindContent(ctx context.Context, store datastore.Store, kind calico.Kind) (map[calico.ID]*datastore.Stored, error) {
	all, _, err := store.List(ctx, kind)
	objects := map[calico.ID]*datastore.Stored{}
	for _, one := range all {
		short := calico.IDOf(one.Object).Short()
		if _, twice := objects[short]; twice {
			one = nil
		}
		objects[short] = one
	}
	return objects, err
}

// sharedByKind is what is read once of each kind.
type sharedByKind[T any] struct {
	mu    sync.Mutex
	kinds map[calico.Kind]*datastore.Shared[T]
}

func (s *sharedByKind[T]) of(kind calico.Kind) *datastore.Shared[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kinds == nil {
		s.kinds = map[calico.Kind]*datastore.Shared[T]{}
	}
	if s.kinds[kind] == nil {
		s.kinds[kind] = &datastore.Shared[T]{Stands: datastore.Forever, FailureStands: datastore.Forever}
	}
	return s.kinds[kind]
}

func (d *providerData) wasRead(id calico.ID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.read[id.Short()]
}

// isPlanned tells whether what is missing is an object that this plan creates.
func (d *providerData) isPlanned(missing any) bool {
	id, ok := missing.(calico.ID)
	if !ok {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.planned[id.Short()]
}
