// Package etcdv3 keeps Calico objects in etcd v3, under the keys and with the
// values that Calico's own tools use.
package etcdv3

import (
	"context"
	"errors"
	"sync"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore/readahead"
)

// Options are what a Store needs beside its connection.
type Options struct {
	// Release is the release of Calico as the configuration gives it; nil where
	// it is to be found out from the datastore.
	Release *calico.Release
	// Observe is told of every request; nil for nobody.
	Observe datastore.Observer
}

// Store is Calico's datastore in etcd v3.
type Store struct {
	conn    *Conn
	cfg     Config
	options Options

	mu sync.Mutex
	// found is what the datastore tells of itself; nil before the first look.
	found *facts
	// looking is the look that is under way; nil for none.
	looking *look

	reads readahead.Cache[*datastore.Stored]

	lock datastore.LockWait

	// outage is that no member answers.
	outage datastore.Outage
	// closed ends what goes on by itself.
	closed    chan struct{}
	closeOnce sync.Once

	// fence is what this store knows of fenceKey.
	fence fence

	// guardedWrites has room for one guarded write, as writes of one process would
	// otherwise upset each other's guards.
	guardedWrites chan struct{}

	// view is what guards have looked at last.
	view view

	surroundings datastore.Shared[datastore.Surroundings]
}

var _ datastore.Store = (*Store)(nil)

// New returns a store over a connection for cfg, for which it waits no longer
// than for a request. It asks the datastore nothing before the first use. An
// error is one of package datastore.
func New(ctx context.Context, cfg Config, options Options) (*Store, error) {
	if cfg.RequestTimeout <= 0 {
		cfg.RequestTimeout = DefaultRequestTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.RequestTimeout)
	defer cancel()
	conn, err := Acquire(ctx, cfg)
	if err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) && len(cfg.Endpoints) > 0 {
			// Others connect as well, and have not found out yet why that fails.
			err = explain(ctx, err, cfg)
		}
		return nil, err
	}
	if options.Observe == nil {
		options.Observe = func(context.Context, datastore.Call) {}
	}
	cfg.Endpoints = conn.Endpoints() // also where SRV records gave them
	return &Store{
		conn: conn, cfg: cfg, options: options, closed: make(chan struct{}),
		guardedWrites: make(chan struct{}, 1),
		reads:         readahead.Cache[*datastore.Stored]{FailureStands: cfg.RequestTimeout},
		surroundings:  datastore.Shared[datastore.Surroundings]{Stands: datastore.Forever, FailureStands: cfg.RequestTimeout},
	}, nil
}

// Close gives the connection back; the last store that uses it closes it.
func (s *Store) Close() error {
	s.closeOnce.Do(func() { close(s.closed) })
	return s.conn.Release()
}

// Key returns the key under which the object is stored, or would be.
func (s *Store) Key(ctx context.Context, id calico.ID) string {
	release := calico.Newest
	if id.Kind.Tiered() {
		if finding, err := s.Release(ctx); err == nil {
			release = finding.Release
		}
	}
	return storedKey(id.Kind, id.Namespace, storage.NamingOf(release).StoredName(id))
}

func (s *Store) String() string { return s.cfg.String() }
