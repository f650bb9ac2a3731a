package etcdv3

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// Patch changes some fields of base; see datastore.Store.
func (s *Store) Patch(ctx context.Context, base *datastore.Stored, patch storage.SpecPatch) (*datastore.Stored, error) {
	return s.patch(ctx, base, patch, nil)
}

func (s *Store) patch(ctx context.Context, base *datastore.Stored, patch storage.SpecPatch, guard *datastore.Guard) (*datastore.Stored, error) {
	id := calico.IDOf(base.Object)
	base = clone(base)
	return s.write(ctx, "patch", id, guard, func(*facts) (plan, error) {
		value, err := patch.Apply(base.Raw)
		if err != nil {
			return plan{}, corrupt(base, err)
		}
		return plan{
			key: base.Where, value: value, keys: []string{base.Where}, base: base,
			compares: []clientv3.Cmp{unchanged(base)},
			then:     []clientv3.Op{clientv3.OpPut(base.Where, string(value))},
			failed: func(current []*datastore.Stored) error {
				if len(current) == 0 {
					return &datastore.ConflictError{ID: id, Where: base.Where, Deleted: true}
				}
				now := current[0]
				// Others may have changed what is theirs.
				changes, err := patch.Changes(id.Kind, base.Raw, now.Raw)
				if err != nil {
					return corrupt(now, err)
				}
				if len(changes) > 0 {
					return &datastore.ConflictError{ID: id, Where: now.Where, Changes: changes}
				}
				base.Raw, base.Version = now.Raw, now.Version
				return nil
			},
		}, nil
	})
}
