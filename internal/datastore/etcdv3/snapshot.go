package etcdv3

import (
	"context"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// A refresh reads every object of a configuration. The first few are read one by
// one; when more of a kind follow, all of the kind are read at once, and served
// from that for a moment: ten thousand objects cost some ten requests a second,
// not ten thousand. Serving something a moment old is safe, since every write
// compares the revision that was read.
const (
	singleReads    = 16
	snapshotWindow = 2 * time.Second
)

// snapshots are the kinds that were read as a whole.
type snapshots struct {
	mu    sync.Mutex
	kinds map[calico.Kind]*snapshot
}

// snapshot is one kind: how often something of it was read, and what was read of it as a
// whole. All who want to read while that goes on wait for it, and share its outcome.
type snapshot struct {
	reads  int
	values *datastore.Shared[map[string]*datastore.Stored]
}

// of returns the snapshot of a kind, and counts a read.
func (s *Store) snapshotOf(kind calico.Kind) (values *datastore.Shared[map[string]*datastore.Stored], reads int) {
	s.snapshots.mu.Lock()
	defer s.snapshots.mu.Unlock()
	if s.snapshots.kinds == nil {
		s.snapshots.kinds = map[calico.Kind]*snapshot{}
	}
	snap := s.snapshots.kinds[kind]
	if snap == nil {
		snap = &snapshot{values: &datastore.Shared[map[string]*datastore.Stored]{Stands: snapshotWindow, FailureStands: s.cfg.RequestTimeout}}
		s.snapshots.kinds[kind] = snap
	}
	snap.reads++
	return snap.values, snap.reads
}

// drop forgets the values of the kind: this store has written one.
func (s *snapshots) drop(kind calico.Kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if snap := s.kinds[kind]; snap != nil {
		snap.values.Forget()
	}
}

// fetch returns what is stored under the keys, which are all of one kind. A request has
// time until end; who waits for that of another one only until ctx ends.
func (s *Store) fetch(ctx context.Context, end time.Time, kind calico.Kind, keys []string) (map[string]*datastore.Stored, error) {
	asking, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	snap, reads := s.snapshotOf(kind)
	if reads <= singleReads {
		resp, err := s.txn(asking, "get", keys[0], clientv3.OpTxn(nil, gets(keys), nil))
		if err != nil {
			return nil, err
		}
		return values(resp), nil
	}
	all, err := snap.Get(ctx, func(ctx context.Context) (map[string]*datastore.Stored, error) {
		ctx, cancel := context.WithDeadline(ctx, end)
		defer cancel()
		all := map[string]*datastore.Stored{}
		err := s.scan(ctx, kind, func(stored *datastore.Stored) { all[stored.Key] = stored })
		return all, err
	})
	if err != nil {
		return nil, translate(err, kindPrefix(kind), s.cfg)
	}
	found := map[string]*datastore.Stored{}
	for _, key := range keys {
		if stored := all[key]; stored != nil {
			found[key] = clone(stored) // the reader decodes and names it
		}
	}
	return found, nil
}
