// Package readahead serves many reads of single objects from one read of all of their
// kind, for any datastore.
//
// A refresh reads every object of a configuration. The first few are read one by one;
// when more of a kind follow, all of the kind are read at once, and served from that for
// a moment: ten thousand objects cost some ten requests a second, not ten thousand.
// Serving something a moment old is safe, since every write compares the version that was
// read.
package readahead

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

const (
	// Singles is how many reads of a kind are made one by one.
	Singles = 16
	// Window is how long a read of a whole kind is served.
	Window = 2 * time.Second
)

// Reader finds what is stored, by where it is stored.
type Reader[V any] func(ctx context.Context) (map[string]V, error)

// Cache holds the kinds that were read as a whole. FailureStands and Singles are set before
// the first use. It is safe for concurrent use.
type Cache[V any] struct {
	// FailureStands is how long a failed read of a whole kind is not tried again.
	FailureStands time.Duration
	// Singles is how many reads of a kind are made one by one, if not the constant of that
	// name: fewer where a request costs more.
	Singles int

	mu    sync.Mutex
	kinds map[calico.Kind]*kind[V]
}

// kind is one kind: how often something of it was read, and what was read of it as a
// whole. All who want to read while that goes on wait for it, and share its outcome.
type kind[V any] struct {
	reads  int
	values *datastore.Shared[map[string]V]
}

// Get returns what is stored at places, all of one kind: by the reader one, which reads
// just these, or out of what the reader all has read of the kind. An error is the
// reader's, or that of ctx.
func (c *Cache[V]) Get(ctx context.Context, of calico.Kind, places []string, one, all Reader[V]) (map[string]V, error) {
	values, reads := c.count(of)
	if reads <= cmp.Or(c.Singles, Singles) {
		return one(ctx)
	}
	whole, err := values.Get(ctx, all)
	if err != nil {
		return nil, err
	}
	found := map[string]V{}
	for _, place := range places {
		if v, ok := whole[place]; ok {
			found[place] = v
		}
	}
	return found, nil
}

// count counts a read of a kind.
func (c *Cache[V]) count(of calico.Kind) (values *datastore.Shared[map[string]V], reads int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kinds == nil {
		c.kinds = map[calico.Kind]*kind[V]{}
	}
	k := c.kinds[of]
	if k == nil {
		k = &kind[V]{values: &datastore.Shared[map[string]V]{Stands: Window, FailureStands: c.FailureStands}}
		c.kinds[of] = k
	}
	k.reads++
	return k.values, k.reads
}

// Forget drops what was read of a kind: something of it was written.
func (c *Cache[V]) Forget(of calico.Kind) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.kinds[of]; k != nil {
		k.values.Forget()
	}
}
