package kubernetes

import (
	"context"
	"encoding/json"
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/cluster"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// Workloads reads pods and services; see datastore.Store. They change all the time: each is
// read as it is at one moment, but not all at the same.
func (s *Store) Workloads(ctx context.Context, q datastore.WorkloadQuestion) (*datastore.Workloads, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	w := &datastore.Workloads{}
	for _, source := range []struct {
		at       location
		question datastore.WorkloadQuestion
		// begin takes back what a reading that did not come to its end has added.
		begin func()
		add   func(item []byte) error
	}{
		{location{version: "v1", plural: "pods"}, datastore.WorkloadQuestion{Peers: q.Peers}, func() { w.Endpoints = nil }, func(item []byte) error {
			var pod cluster.Pod
			err := json.Unmarshal(item, &pod)
			if endpoint := pod.WorkloadEndpoint(); endpoint != nil {
				w.Endpoints = append(w.Endpoints, endpoint)
			}
			return err
		}},
		{location{version: "v1", plural: "services"}, datastore.WorkloadQuestion{Services: q.Services}, func() { w.Services = nil }, func(item []byte) error {
			return addTo(&w.Services, item)
		}},
		{location{group: "discovery.k8s.io", version: "v1", plural: "endpointslices"}, datastore.WorkloadQuestion{Services: q.Services}, func() { w.Slices = nil }, func(item []byte) error {
			return addTo(&w.Slices, item)
		}},
	} {
		if !source.question.Any() {
			continue
		}
		var err error
		// As in scan: a page whose revision is gone is no page of anything.
		for range scanTries {
			source.begin()
			if _, err = s.pages(ctx, source.at, "", "", source.add); !is(err, metav1.StatusReasonExpired) {
				break
			}
		}
		var denied *datastore.DeniedError
		switch {
		case errors.As(err, &denied) && denied.Reason == datastore.DeniedPermission:
			w.Unread = append(w.Unread, datastore.UnreadWorkloads{Question: source.question, What: source.at.plural, Advice: denied.Advice})
		case err != nil:
			return nil, s.overdue(ctx, s.explainList(source.at, err))
		}
	}
	return w, nil
}

func addTo[T any](all *[]T, item []byte) error {
	var one T
	err := json.Unmarshal(item, &one)
	*all = append(*all, one)
	return err
}
