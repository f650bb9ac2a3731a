package etcdv3

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// view is what is stored of some kinds, as it was at a revision. A guard looks at all of
// them before every write, and most of it is as it was: a view is moved on by what was
// written since, and by how many keys there are now. Its zero value knows nothing.
//
// Why that is enough: each key that there is now was there before, or was written since.
// So a kind holds all keys that there are, and perhaps some that were deleted; if it has as
// many as there are, it has none of these.
type view struct {
	mu sync.Mutex
	// cluster is the etcd that it was read from.
	cluster uint64
	kinds   map[calico.Kind]*viewOfKind
}

// viewOfKind is what is stored of a kind at a revision, in the order of keys.
type viewOfKind struct {
	revision int64
	entries  []viewEntry
}

// viewEntry is a stored object, or a value that is none.
type viewEntry struct {
	stored  *datastore.Stored
	corrupt *datastore.CorruptError
}

// snapshot reads all of the kinds as they are at one revision.
func (s *Store) snapshot(ctx context.Context, kinds []calico.Kind) (*datastore.Snapshot, int64, error) {
	v := &s.view
	if !v.mu.TryLock() {
		v = &view{} // Another request moves it on: that is not waited for.
		v.mu.Lock()
	}
	defer v.mu.Unlock()
	revision, err := v.move(ctx, s, kinds)
	if err != nil {
		return nil, 0, err
	}
	return v.snapshot(kinds), revision, nil
}

// move moves the kinds on to what there is now, and returns the revision of that.
func (v *view) move(ctx context.Context, s *Store, kinds []calico.Kind) (int64, error) {
	for again := false; ; again = true {
		ops := make([]clientv3.Op, len(kinds))
		for i, kind := range kinds {
			options := []clientv3.OpOption{clientv3.WithPrefix()}
			if known := v.kinds[kind]; known != nil {
				options = append(options, clientv3.WithMinModRev(known.revision+1))
			}
			ops[i] = clientv3.OpGet(kindPrefix(kind), options...)
		}
		resp, err := s.txn(ctx, "snapshot", root, clientv3.OpTxn(nil, ops, nil))
		if err != nil {
			return 0, err
		}
		header := resp.Header
		if len(v.kinds) > 0 && (header.ClusterId != v.cluster || v.newerThan(header.Revision)) {
			v.kinds = nil // another etcd, or a backup of it
			continue
		}
		if v.kinds == nil {
			v.cluster, v.kinds = header.ClusterId, map[calico.Kind]*viewOfKind{}
		}
		complete := true
		for i, kind := range kinds {
			known, moved := v.kinds[kind]
			if !moved {
				known = &viewOfKind{}
				v.kinds[kind] = known
			}
			known.revision = header.Revision
			answer := resp.Responses[i].GetResponseRange()
			for _, kv := range answer.GetKvs() {
				known.put(kind, storedKV(string(kv.Key), kv.Value, kv.ModRevision))
			}
			if moved && int64(len(known.entries)) != answer.GetCount() {
				delete(v.kinds, kind)
				complete = false
			}
		}
		switch {
		case complete:
			return header.Revision, nil
		case again:
			v.kinds = nil // others delete all the time: what is read whole is complete
		}
	}
}

// newerThan tells whether something of it was read after a revision.
func (v *view) newerThan(revision int64) bool {
	for _, known := range v.kinds {
		if known.revision > revision {
			return true
		}
	}
	return false
}

func (v *view) snapshot(kinds []calico.Kind) *datastore.Snapshot {
	snapshot := &datastore.Snapshot{}
	for _, kind := range kinds {
		for _, e := range v.kinds[kind].entries {
			if e.corrupt != nil {
				snapshot.Corrupt = append(snapshot.Corrupt, e.corrupt)
				continue
			}
			snapshot.Objects = append(snapshot.Objects, e.stored)
		}
	}
	return snapshot
}

// find returns where the key is, or would be.
func (k *viewOfKind) find(key string) (int, bool) {
	return slices.BinarySearchFunc(k.entries, key, func(e viewEntry, key string) int { return strings.Compare(e.stored.Where, key) })
}

// put takes in what is stored under a key now.
func (k *viewOfKind) put(kind calico.Kind, stored *datastore.Stored) {
	e := viewEntry{stored: stored}
	// The error is of no other type.
	_ = errors.As(decode(kind, stored), &e.corrupt)
	if at, found := k.find(stored.Where); found {
		k.entries[at] = e
	} else {
		k.entries = slices.Insert(k.entries, at, e)
	}
}

// forget takes out what this store has deleted: whole kinds would be read again after each
// of many deletions. What is stored there in another version is somebody's new object.
func (v *view) forget(kind calico.Kind, deleted *datastore.Stored) {
	if !v.mu.TryLock() {
		return // then the number of keys will tell
	}
	defer v.mu.Unlock()
	known := v.kinds[kind]
	if known == nil {
		return
	}
	if at, found := known.find(deleted.Where); found && known.entries[at].stored.Version == deleted.Version {
		known.entries = slices.Delete(known.entries, at, at+1)
	}
}
