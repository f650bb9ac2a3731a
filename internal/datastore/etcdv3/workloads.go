package etcdv3

import (
	"context"
	"errors"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// Workloads reads the workload endpoints that orchestrators have stored; see datastore.Store.
// (Felix learns of no services from etcd.)
func (s *Store) Workloads(ctx context.Context, q datastore.WorkloadQuestion) (*datastore.Workloads, error) {
	w := &datastore.Workloads{}
	if !q.Peers {
		return w, nil
	}
	err := s.scanBelow(ctx, workloadsPrefix, func(stored *datastore.Stored) {
		// Felix passes over what it cannot read.
		if endpoint, err := calico.DecodeWorkloadEndpoint(stored.Raw); err == nil {
			w.Endpoints = append(w.Endpoints, endpoint)
		}
	})
	var denied *datastore.DeniedError
	switch {
	case errors.As(err, &denied) && denied.Reason == datastore.DeniedPermission:
		w.Unread = append(w.Unread, datastore.UnreadWorkloads{
			Question: datastore.WorkloadQuestion{Peers: true}, What: "workload endpoints", Advice: denied.Advice,
		})
	case err != nil:
		return nil, err
	}
	return w, nil
}
