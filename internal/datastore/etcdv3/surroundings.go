package etcdv3

import (
	"context"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// The keys of what Calico itself writes: Felix's status reports, and the
// endpoints of workloads.
const (
	felixStatusPrefix = "/calico/felix/v2/"
	workloadsPrefix   = root + calico.WorkloadEndpointsPlural + "/"
)

// Surroundings tells what else is there; see datastore.Store.
func (s *Store) Surroundings(ctx context.Context) (datastore.Surroundings, error) {
	found, err := s.surroundings.Get(ctx, s.readSurroundings)
	if err != nil {
		return datastore.Surroundings{}, translate(err, felixStatusPrefix, s.cfg)
	}
	return found, nil
}

func (s *Store) readSurroundings(ctx context.Context) (datastore.Surroundings, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	resp, err := s.txn(ctx, "surroundings", felixStatusPrefix, clientv3.OpTxn(nil, []clientv3.Op{
		clientv3.OpGet(felixStatusPrefix, clientv3.WithPrefix(), clientv3.WithKeysOnly()),
		clientv3.OpGet(workloadsPrefix, clientv3.WithPrefix(), clientv3.WithKeysOnly(), clientv3.WithLimit(1)),
	}, nil))
	if err != nil {
		return datastore.Surroundings{}, err
	}
	found := datastore.Surroundings{FelixHosts: map[string]bool{}}
	for _, kv := range resp.Responses[0].GetResponseRange().GetKvs() {
		// /calico/felix/v2/<region>/host/<host>/...
		_, rest, ok := strings.Cut(string(kv.Key), "/host/")
		if host, _, below := strings.Cut(rest, "/"); ok && below {
			found.FelixHosts[host] = true
		}
	}
	found.Workloads = len(resp.Responses[1].GetResponseRange().GetKvs()) > 0
	return found, nil
}
