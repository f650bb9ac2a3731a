package etcdv3

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore/readahead"
)

const (
	// pageSize is how many objects the first request of List asks for: small enough for a
	// default etcd to answer in one message whatever the objects' size.
	pageSize = 1000
	// pageBytes is how much further requests ask for, by the size of the objects of the
	// first. None asks for less than that one did.
	pageBytes = 4 << 20
)

// candidateKeys returns the keys under which any release would have stored the
// object, the given release's own first.
func candidateKeys(id calico.ID, release calico.Release) []string {
	names := storage.NamingOf(release).StoredNames(id)
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = storedKey(id.Kind, id.Namespace, name)
	}
	return keys
}

// Get reads the object under all the names it may have: in one request, or out
// of one that read all of its kind (see fetch).
func (s *Store) Get(ctx context.Context, id calico.ID) (*datastore.Stored, error) {
	end := time.Now().Add(s.patience())
	release := calico.Newest
	if id.Kind.Tiered() {
		finding, err := s.Release(ctx)
		if err != nil {
			return nil, err
		}
		release = finding.Release
	}
	keys := candidateKeys(id, release)
	found, err := s.fetch(ctx, end, id.Kind, keys)
	if err != nil {
		return nil, err
	}
	return Type.Choose(id, keys, found)
}

// fetch returns what is stored under the keys, which are all of one kind. A request has
// time until end; who waits for that of another one only until ctx ends.
func (s *Store) fetch(ctx context.Context, end time.Time, kind calico.Kind, keys []string) (map[string]*datastore.Stored, error) {
	one := func(ctx context.Context) (map[string]*datastore.Stored, error) {
		resp, err := s.txn(ctx, "get", keys[0], clientv3.OpTxn(nil, gets(keys), nil))
		if err != nil {
			return nil, err
		}
		return values(resp), nil
	}
	all := func(ctx context.Context) (map[string]*datastore.Stored, error) {
		all := map[string]*datastore.Stored{}
		err := s.scan(ctx, kind, func(stored *datastore.Stored) { all[stored.Where] = stored })
		return all, err
	}
	found, err := s.reads.Get(ctx, kind, keys, until(end, one), until(end, all))
	if err != nil {
		return nil, translate(err, kindPrefix(kind), s.cfg)
	}
	for key, stored := range found {
		found[key] = clone(stored) // the reader decodes and names it
	}
	return found, nil
}

// until returns the reader with a deadline.
func until[V any](end time.Time, read readahead.Reader[V]) readahead.Reader[V] {
	return func(ctx context.Context) (map[string]V, error) {
		ctx, cancel := context.WithDeadline(ctx, end)
		defer cancel()
		return read(ctx)
	}
}

// List reads all objects of the kind as they were at one revision, a page of a
// thousand at a time.
func (s *Store) List(ctx context.Context, kind calico.Kind) ([]*datastore.Stored, []*datastore.CorruptError, error) {
	var objects []*datastore.Stored
	var corrupt []*datastore.CorruptError
	err := s.scan(ctx, kind, func(stored *datastore.Stored) {
		var c *datastore.CorruptError
		if err := decode(kind, stored); errors.As(err, &c) {
			corrupt = append(corrupt, c)
			return
		}
		objects = append(objects, stored)
	})
	if err != nil {
		return nil, nil, err
	}
	return objects, corrupt, nil
}

// Names tells which objects of a kind there are; see datastore.Store.
func (s *Store) Names(ctx context.Context, kind calico.Kind) (map[calico.ID]string, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	prefix := kindPrefix(kind)
	resp, err := s.txn(ctx, "names", prefix, clientv3.OpTxn(nil, []clientv3.Op{
		clientv3.OpGet(prefix, clientv3.WithPrefix(), clientv3.WithKeysOnly()),
	}, nil))
	if err != nil {
		return nil, err
	}
	names := map[calico.ID]string{}
	for key := range values(resp) {
		id := calico.ID{Kind: kind, Name: strings.TrimPrefix(key, prefix)}
		if kind.Namespaced() {
			// A namespace is free text to Calico in etcd, and may hold a slash itself.
			i := strings.LastIndexByte(id.Name, '/')
			if i < 0 {
				continue
			}
			id.Namespace, id.Name = id.Name[:i], id.Name[i+1:]
		}
		names[id.Short()] = key
	}
	return names, nil
}

// scan hands over all that is stored of the kind, undecoded, in the order of keys.
func (s *Store) scan(ctx context.Context, kind calico.Kind, each func(*datastore.Stored)) error {
	return s.scanBelow(ctx, kindPrefix(kind), each)
}

// scanBelow is scan for all whose keys begin with a prefix.
func (s *Store) scanBelow(ctx context.Context, prefix string, each func(*datastore.Stored)) error {
	all, err := s.pages(ctx, prefix)
	for tries := 1; tries < scanTries && errors.Is(err, rpctypes.ErrCompacted); tries++ {
		all, err = s.pages(ctx, prefix)
	}
	for _, stored := range all {
		each(stored)
	}
	return err
}

// scanTries is how often a scan is begun at most: kube-controllers compacts
// etcd's history every ten minutes, which may be between two pages.
const scanTries = 5

// pages reads all below a prefix at the revision of the first page.
func (s *Store) pages(ctx context.Context, prefix string) ([]*datastore.Stored, error) {
	var all []*datastore.Stored
	from, revision, limit := prefix, int64(0), pageSize
	for {
		resp, err := s.page(ctx, prefix, from, revision, limit)
		if err != nil {
			return nil, err
		}
		revision, limit = resp.Header.Revision, nextLimit(resp.Kvs)
		for _, kv := range resp.Kvs {
			all = append(all, storedKV(string(kv.Key), kv.Value, kv.ModRevision))
		}
		if !resp.More {
			return all, nil
		}
		from = string(resp.Kvs[len(resp.Kvs)-1].Key) + "\x00"
	}
}

// nextLimit returns how many objects to ask for after a page.
func nextLimit(page []*mvccpb.KeyValue) int {
	bytes := 1
	for _, kv := range page {
		bytes += len(kv.Key) + len(kv.Value)
	}
	return max(pageSize, len(page)*pageBytes/bytes)
}

func (s *Store) page(ctx context.Context, prefix, from string, revision int64, limit int) (*clientv3.GetResponse, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	var resp *clientv3.GetResponse
	err := s.attempt(ctx, "list", prefix, func(ctx context.Context, call *datastore.Call) error {
		var err error
		resp, err = s.conn.Client().Get(ctx, from,
			clientv3.WithRange(clientv3.GetPrefixRangeEnd(prefix)),
			clientv3.WithLimit(int64(limit)), clientv3.WithRev(revision))
		if err == nil {
			call.Revision = strconv.FormatInt(resp.Header.Revision, 10)
		}
		return err
	})
	return resp, err
}
