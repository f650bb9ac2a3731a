package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
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
		{location{group: "networking.k8s.io", version: "v1", plural: "networkpolicies"}, datastore.WorkloadQuestion{Policies: q.Policies}, func() { w.Policies = nil }, func(item []byte) error {
			var policy cluster.NetworkPolicy
			err := json.Unmarshal(item, &policy)
			w.Policies = append(w.Policies, policy.Policy())
			return err
		}},
	} {
		if !source.question.Any() {
			continue
		}
		if err := s.readInto(ctx, w, source.at, source.question, source.begin, source.add); err != nil {
			return nil, s.overdue(ctx, s.explainList(source.at, err))
		}
	}
	if q.Policies {
		if err := s.readAdminPolicies(ctx, w); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// readInto reads all objects of a kind, and tells in w if they may not be read.
func (s *Store) readInto(ctx context.Context, w *datastore.Workloads, at location, question datastore.WorkloadQuestion, begin func(), add func(item []byte) error) error {
	var err error
	// As in scan: a page whose revision is gone is no page of anything.
	for range scanTries {
		begin()
		if _, err = s.pages(ctx, at, "", "", add); !is(err, metav1.StatusReasonExpired) {
			break
		}
	}
	var denied *datastore.DeniedError
	if errors.As(err, &denied) && denied.Reason == datastore.DeniedPermission {
		w.Unread = append(w.Unread, datastore.UnreadWorkloads{Question: question, What: at.plural, Advice: denied.Advice})
		return nil
	}
	return err
}

// adminKinds are the kinds of policies that administrators of Kubernetes write and that a
// release of Calico enforces, by their plurals, and the version of their group.
func adminKinds(release calico.Release) (version string, plurals map[string]string) {
	switch {
	case release.AtLeast(3, 32, 0):
		return "v1alpha2", map[string]string{"clusternetworkpolicies": "ClusterNetworkPolicy"}
	case release.AtLeast(3, 30, 0):
		return "v1alpha1", map[string]string{"adminnetworkpolicies": "AdminNetworkPolicy", "baselineadminnetworkpolicies": "BaselineAdminNetworkPolicy"}
	case release.AtLeast(3, 29, 0):
		return "v1alpha1", map[string]string{"adminnetworkpolicies": "AdminNetworkPolicy"}
	default:
		return "", nil
	}
}

// readAdminPolicies finds out whether there are policies that administrators of Kubernetes
// write: what their rules say is not read.
func (s *Store) readAdminPolicies(ctx context.Context, w *datastore.Workloads) error {
	finding, err := s.Release(ctx)
	if err != nil {
		return err
	}
	version, plurals := adminKinds(finding.Release)
	var names []string
	for _, plural := range slices.Sorted(maps.Keys(plurals)) {
		at := location{group: "policy.networking.k8s.io", version: version, plural: plural}
		var found []string
		err := s.readInto(ctx, w, at, datastore.WorkloadQuestion{Policies: true}, func() { found = nil }, func(item []byte) error {
			var one struct {
				Metadata cluster.Meta `json:"metadata"`
			}
			err := json.Unmarshal(item, &one)
			found = append(found, fmt.Sprintf("%s %q", plurals[plural], one.Metadata.Name))
			return err
		})
		var answer *answerError
		if errors.As(err, &answer) && answer.code == http.StatusNotFound {
			// Nobody has installed the kind, which is not one of Kubernetes' own.
			continue
		}
		if err != nil {
			return s.overdue(ctx, s.explainList(at, err))
		}
		names = append(names, found...)
	}
	if len(names) > 0 {
		w.Undecided = names[0]
		if len(names) > 1 {
			w.Undecided += fmt.Sprintf(" and %d more", len(names)-1)
		}
	}
	return nil
}

func addTo[T any](all *[]T, item []byte) error {
	var one T
	err := json.Unmarshal(item, &one)
	*all = append(*all, one)
	return err
}
