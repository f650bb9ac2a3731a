package etcdv3

import (
	"context"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// tieredKinds are the kinds whose objects belong to a tier.
var tieredKinds = []calico.Kind{
	calico.KindGlobalNetworkPolicy, calico.KindNetworkPolicy,
	calico.KindStagedGlobalNetworkPolicy, calico.KindStagedNetworkPolicy,
}

// maxUsers is how many users an InUseError names.
const maxUsers = 5

// unusedTier looks whether any policy belongs to the tier, as Calico's client
// does before it deletes one. It answers an *InUseError where one does, and else
// compares that no policy was written since it looked.
func (s *Store) unusedTier(ctx context.Context, tier string, naming storage.Naming) ([]clientv3.Cmp, error) {
	var ops []clientv3.Op
	for _, kind := range tieredKinds {
		ops = append(ops, clientv3.OpGet(kindPrefix(kind), clientv3.WithPrefix()))
	}
	resp, err := s.txn(ctx, "list", kindPrefix(calico.KindGlobalNetworkPolicy), clientv3.OpTxn(nil, ops, nil))
	if err != nil {
		return nil, err
	}
	used := &datastore.InUseError{ID: calico.ID{Kind: calico.KindTier, Name: tier}}
	var compares []clientv3.Cmp
	for i, kind := range tieredKinds {
		for _, kv := range resp.Responses[i].GetResponseRange().GetKvs() {
			stored := storedKV(string(kv.Key), kv.Value, kv.ModRevision)
			if err := decode(kind, stored); err != nil {
				continue // whatever it is, no release of Calico takes it for a policy
			}
			id := calico.IDOf(stored.Object)
			// Felix of v3.29 to v3.31 goes by the stored name.
			prefixed := naming < storage.NamingPlain && strings.HasPrefix(storedName(stored.Where), tier+".")
			if id.Tier != tier && !prefixed {
				continue
			}
			if len(used.Users) < maxUsers {
				used.Users = append(used.Users, id)
			} else {
				used.More++
			}
		}
		compares = append(compares, clientv3.Compare(clientv3.ModRevision(kindPrefix(kind)), "<", resp.Header.Revision+1).WithPrefix())
	}
	if len(used.Users) > 0 {
		return nil, used
	}
	return compares, nil
}
