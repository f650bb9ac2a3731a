package etcdv3

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// guardedTries is how often a guard is asked at most about one write.
const guardedTries = 8

// maxHeld is how many objects that a guard relied on are compared at most: etcd
// compares at most 128 things in one transaction, unless it is configured otherwise.
// Of what comes after them only a write is noticed, which the compares of whole kinds
// find, and no deletion.
const maxHeld = 100

// guarded is a store with a guard.
type guarded struct {
	*Store
	guard *datastore.Guard
}

// Guarded returns the store with a guard; see datastore.Store.
func (s *Store) Guarded(guard datastore.Guard) datastore.Store { return &guarded{s, &guard} }

func (g *guarded) Create(ctx context.Context, obj calico.Object) (*datastore.Stored, error) {
	return g.create(ctx, obj, g.guard)
}

func (g *guarded) Update(ctx context.Context, obj calico.Object, base *datastore.Stored) (*datastore.Stored, error) {
	return g.update(ctx, obj, base, g.guard)
}

func (g *guarded) Patch(ctx context.Context, base *datastore.Stored, patch storage.SpecPatch) (*datastore.Stored, error) {
	return g.patch(ctx, base, patch, g.guard)
}

func (g *guarded) Delete(ctx context.Context, base *datastore.Stored) error {
	return g.remove(ctx, base, g.guard)
}

// Snapshot reads all of the kinds in one request; see datastore.Store.
func (s *Store) Snapshot(ctx context.Context, kinds []calico.Kind) (*datastore.Snapshot, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	snapshot, _, err := s.snapshot(ctx, kinds)
	return snapshot, err
}

// ask asks a guard, and returns what has to stay as it was for its consent to hold.
func (s *Store) ask(ctx context.Context, guard *datastore.Guard) ([]clientv3.Cmp, error) {
	snapshot, revision, err := s.snapshot(ctx, guard.Kinds)
	if err != nil {
		return nil, err
	}
	reliedOn, err := guard.Check(snapshot)
	if err != nil {
		return nil, err
	}
	var compares []clientv3.Cmp
	for _, kind := range guard.Kinds {
		// Nothing written since; a prefix without a key compares as revision 0.
		compares = append(compares, clientv3.Compare(clientv3.ModRevision(kindPrefix(kind)), "<", revision+1).WithPrefix())
	}
	stored := map[calico.ID][]*datastore.Stored{}
	for _, one := range snapshot.Objects {
		// An object may be stored under two names, of two releases.
		id := calico.IDOf(one.Object).Short()
		stored[id] = append(stored[id], one)
	}
	held := 0
	for _, id := range reliedOn {
		for _, one := range stored[id.Short()] {
			if held++; held > maxHeld {
				return compares, nil
			}
			compares = append(compares, unchanged(one))
		}
	}
	return compares, nil
}
