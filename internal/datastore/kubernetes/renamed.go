package kubernetes

import (
	"context"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// From v3.32 on kube-controllers renames the policies of the tier "default", from
// default.web to web: it makes another one of what it has read, and then removes the old
// one, whatever was written to that in between. A write of the old name in between would be
// lost, and a delete would leave the other one in force.
//
// What it has read before the write and makes only later cannot be seen here: then the next
// plan tells of it.

// renamedTo returns where kube-controllers moves an object from a place; false if it does
// not.
func (f *facts) renamedTo(id calico.ID, from location) (to location, moves bool) {
	if !id.Kind.Tiered() || !f.wrapped() || !f.newSchemas {
		return from, false // (The definitions come before what renames.)
	}
	to = f.location(id.Kind, id.Namespace, storage.NamingPlain.StoredName(id))
	return to, to != from
}

// copied returns what kube-controllers has made of an object to rename it; nil if it has
// not. If that cannot be told, the next read tells that there are two.
func (s *Store) copied(ctx context.Context, f *facts, id calico.ID, base *datastore.Stored) *datastore.Stored {
	if base == nil {
		return nil
	}
	to, moves := f.renamedTo(id, parseWhere(base.Where))
	if !moves {
		return nil
	}
	found, err := s.getAt(ctx, f, id.Kind, to)
	if err != nil || found == nil || decode(id.Kind, found) != nil || calico.IDOf(found.Object).Short() != id.Short() {
		return nil
	}
	return found
}
