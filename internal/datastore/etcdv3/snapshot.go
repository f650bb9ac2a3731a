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

// snapshot is one kind.
type snapshot struct {
	mu     sync.Mutex // held while the kind is read, so that others wait for it
	reads  int
	values map[string]*datastore.Stored
	taken  time.Time
}

func (s *snapshots) of(kind calico.Kind) *snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kinds == nil {
		s.kinds = map[calico.Kind]*snapshot{}
	}
	if s.kinds[kind] == nil {
		s.kinds[kind] = &snapshot{}
	}
	return s.kinds[kind]
}

// drop forgets the values of the kind: this store has written one.
func (s *snapshots) drop(kind calico.Kind) {
	snap := s.of(kind)
	snap.mu.Lock()
	defer snap.mu.Unlock()
	snap.values = nil
}

// fetch returns what is stored under the keys, which are all of one kind.
func (s *Store) fetch(ctx context.Context, kind calico.Kind, keys []string) (map[string]*datastore.Stored, error) {
	snap := s.snapshots.of(kind)
	snap.mu.Lock()
	snap.reads++
	if snap.reads <= singleReads {
		snap.mu.Unlock()
		resp, err := s.txn(ctx, "get", keys[0], clientv3.OpTxn(nil, gets(keys), nil))
		if err != nil {
			return nil, err
		}
		return values(resp), nil
	}
	defer snap.mu.Unlock()
	if snap.values == nil || time.Since(snap.taken) > snapshotWindow {
		all := map[string]*datastore.Stored{}
		if err := s.scan(ctx, kind, func(stored *datastore.Stored) { all[stored.Key] = stored }); err != nil {
			return nil, err
		}
		snap.values, snap.taken = all, time.Now()
	}
	found := map[string]*datastore.Stored{}
	for _, key := range keys {
		if stored := snap.values[key]; stored != nil {
			found[key] = clone(stored) // the reader decodes and names it
		}
	}
	return found, nil
}
