package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// lease keeps guarded writes of several runs of this provider apart: each would otherwise
// upset what the others' guards have decided by. It keeps nobody else out. Who has no right
// to it goes on without it: the guard finds out, and undoes, what then goes wrong.
type lease struct {
	mu sync.Mutex
	// holder names this store in the lease.
	holder string
	// without is true if it cannot be used.
	without bool
}

const (
	leaseName      = "calico-terraform-guard"
	leaseNamespace = "kube-system"
	leaseDuration  = 15 * time.Second
)

var leaseAt = location{group: "coordination.k8s.io", version: "v1", plural: "leases", namespace: leaseNamespace, name: leaseName}

// leaseObject is a Lease of Kubernetes.
type leaseObject struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"`
	Metadata   meta      `json:"metadata"`
	Spec       leaseSpec `json:"spec"`
}

type leaseSpec struct {
	HolderIdentity       string `json:"holderIdentity"`
	LeaseDurationSeconds int    `json:"leaseDurationSeconds"`
	AcquireTime          string `json:"acquireTime,omitempty"`
	RenewTime            string `json:"renewTime,omitempty"`
	LeaseTransitions     int    `json:"leaseTransitions"`
}

// take takes the lease, and waits for its end if another run has it. The caller calls
// release when its write is done.
func (l *lease) take(ctx context.Context, s *Store) (release func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	nothing := func() {}
	if l.without {
		return nothing, nil
	}
	if l.holder == "" {
		host, _ := os.Hostname()
		l.holder = fmt.Sprintf("%s/%s/%s", fieldManager, host, uuid.NewString())
	}
	// seen is when a holder's renewal was seen first, by the clock of this machine: that of
	// the other may be wrong.
	var seen time.Time
	seenVersion := ""
	for {
		now, found, err := l.look(ctx, s)
		switch {
		case denied(err) != nil:
			l.goWithout(ctx, s, denied(err))
			return nothing, nil
		case err != nil:
			return nil, err
		}
		holder := now.Spec.HolderIdentity
		if now.Metadata.ResourceVersion != seenVersion {
			seen, seenVersion = time.Now(), now.Metadata.ResourceVersion
		}
		expired := holder != "" && time.Since(seen) > time.Duration(now.Spec.LeaseDurationSeconds)*time.Second
		if !found || holder == "" || holder == l.holder || expired {
			err := l.write(ctx, s, now, found, l.holder)
			switch {
			case err == nil:
				return func() { l.release(context.WithoutCancel(ctx), s) }, nil
			case denied(err) != nil:
				l.goWithout(ctx, s, denied(err))
				return nothing, nil
			case !errors.Is(err, errChanged):
				return nil, err
			}
		}
		timer := time.NewTimer(200 * time.Millisecond)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, s.unavailable(ctx, fmt.Errorf("another run of this provider (%s) makes guarded writes, and has held the Lease %s/%s all the time: %w", holder, leaseNamespace, leaseName, ctx.Err()))
		case <-timer.C:
		}
	}
}

// goWithout makes all guarded writes of the store without the lease.
func (l *lease) goWithout(ctx context.Context, s *Store, refused *datastore.DeniedError) {
	l.without = true
	s.options.Warn(ctx, "Guarded Writes Without a Lease",
		fmt.Sprintf("Guarded writes of several runs at the same time wait for each other by the Lease %s in the namespace %s, and this run may not use it. Each write is still looked at before and after it is made, and undone if it and what others wrote at the same time cut traffic off or let it in together: that is only more likely to happen.\n\n%s", leaseName, leaseNamespace, refused.Advice))
}

// look reads the lease.
func (l *lease) look(ctx context.Context, s *Store) (now leaseObject, found bool, err error) {
	body, err := s.send(ctx, request{operation: "lease", method: http.MethodGet, at: leaseAt})
	var answer *answerError
	switch {
	case errors.As(err, &answer) && answer.code == http.StatusNotFound:
		return now, false, nil
	case err != nil:
		return now, false, err
	}
	err = json.Unmarshal(body, &now)
	return now, true, err
}

// write makes the lease one of a holder; of nobody if that is empty.
func (l *lease) write(ctx context.Context, s *Store, now leaseObject, found bool, holder string) error {
	stamp := time.Now().UTC().Format("2006-01-02T15:04:05.000000Z")
	next := leaseObject{APIVersion: "coordination.k8s.io/v1", Kind: "Lease", Metadata: meta{Name: leaseName, Namespace: leaseNamespace}}
	next.Spec = leaseSpec{HolderIdentity: holder, LeaseDurationSeconds: int(leaseDuration / time.Second), AcquireTime: stamp, RenewTime: stamp, LeaseTransitions: now.Spec.LeaseTransitions}
	if holder != "" && holder != now.Spec.HolderIdentity {
		next.Spec.LeaseTransitions++
	}
	r := request{operation: "lease", method: http.MethodPost, at: leaseAt, query: strictly()}
	collection := leaseAt
	collection.name = ""
	r.path = collection.path()
	if found {
		r.method, r.path = http.MethodPut, ""
		next.Metadata.ResourceVersion = now.Metadata.ResourceVersion
	}
	var err error
	if r.body, err = marshal(next); err != nil {
		return err
	}
	_, err = s.send(ctx, r)
	var lost *lostError
	switch {
	case errors.As(err, &lost), is(err, metav1.StatusReasonAlreadyExists), is(err, metav1.StatusReasonConflict), is(err, metav1.StatusReasonNotFound):
		return errChanged // it is looked at again
	}
	return err
}

// release gives the lease back. If that fails, it ends by itself.
func (l *lease) release(ctx context.Context, s *Store) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, s.attemptTime())
	defer cancel()
	now, found, err := l.look(ctx, s)
	if err == nil && found && now.Spec.HolderIdentity == l.holder {
		_ = l.write(ctx, s, now, found, "")
	}
}
