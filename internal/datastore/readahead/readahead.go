// Package readahead serves many reads of single objects from one read of all of their
// kind, for any datastore.
//
// A refresh reads every object of a configuration. The first few are read one by one;
// when more of a kind follow, all of the kind are read at once, and served from that as
// long as they go on: ten thousand objects cost a few requests, and all are as they were at
// one moment. Serving what was so a moment ago is safe, since every write compares the
// version that was read. That something is not there is another matter: somebody may be
// waiting for it, so that is looked up again after a moment.
package readahead

import (
	"context"
	"sync"
	"time"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

const (
	// Singles is how many reads of a kind are made one by one.
	Singles = 6
	// Window is how long a read of a whole kind is served after the last who wanted
	// something of it, and how long it is trusted that something is not there.
	Window = 2 * time.Second
	// Longest is how long it is served at most.
	Longest = 5 * time.Minute
)

// Reader finds what is stored, by where it is stored.
type Reader[V any] func(ctx context.Context) (map[string]V, error)

// Cache holds the kinds that were read as a whole. FailureStands is set before the first
// use. It is safe for concurrent use.
type Cache[V any] struct {
	// FailureStands is how long a failed read of a whole kind is not tried again.
	FailureStands time.Duration

	mu    sync.Mutex
	kinds map[calico.Kind]*kind[V]
}

// kind is one kind: how often something of it was read and when last, and what was read of
// it as a whole. All who want to read while that goes on wait for it, and share its outcome.
type kind[V any] struct {
	reads int
	used  time.Time
	whole *datastore.Shared[whole[V]]
}

// whole is all of a kind, as it was read at a time.
type whole[V any] struct {
	values map[string]V
	read   time.Time
}

// Get returns what is stored at places, all of one kind: by the reader one, which reads
// just these, or out of what the reader all has read of the kind. An error is the
// reader's, or that of ctx.
func (c *Cache[V]) Get(ctx context.Context, of calico.Kind, places []string, one, all Reader[V]) (map[string]V, error) {
	shared, reads, used := c.count(of)
	if reads <= Singles {
		return one(ctx)
	}
	defer c.use(of)
	find := func(ctx context.Context) (whole[V], error) {
		values, err := all(ctx)
		return whole[V]{values, time.Now()}, err
	}
	w, err := shared.Get(ctx, find)
	if err == nil && (time.Since(w.read) >= Longest || time.Since(w.read) >= Window && time.Since(used) >= Window) {
		shared = c.renew(of, shared)
		w, err = shared.Get(ctx, find)
	}
	found := w.at(places)
	if err == nil && len(found) == 0 && time.Since(w.read) >= Window {
		w, err = c.renew(of, shared).Get(ctx, find)
		found = w.at(places)
	}
	return found, err
}

func (w whole[V]) at(places []string) map[string]V {
	found := map[string]V{}
	for _, place := range places {
		if v, ok := w.values[place]; ok {
			found[place] = v
		}
	}
	return found
}

// count counts a read of a kind, and tells when the one before was.
func (c *Cache[V]) count(of calico.Kind) (shared *datastore.Shared[whole[V]], reads int, used time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kinds == nil {
		c.kinds = map[calico.Kind]*kind[V]{}
	}
	k := c.kinds[of]
	if k == nil {
		k = &kind[V]{whole: c.unread()}
		c.kinds[of] = k
	}
	k.reads++
	used, k.used = k.used, time.Now()
	return k.whole, k.reads, used
}

// use notes that a read of a kind has ended.
func (c *Cache[V]) use(of calico.Kind) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kinds[of].used = time.Now()
}

// renew drops what was read of a kind, if nobody has done so yet, and returns what is read
// next.
func (c *Cache[V]) renew(of calico.Kind, old *datastore.Shared[whole[V]]) *datastore.Shared[whole[V]] {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.kinds[of]
	if k.whole == old {
		k.whole = c.unread()
	}
	return k.whole
}

func (c *Cache[V]) unread() *datastore.Shared[whole[V]] {
	return &datastore.Shared[whole[V]]{Stands: datastore.Forever, FailureStands: c.FailureStands}
}

// Forget drops what was read of a kind: something of it was written.
func (c *Cache[V]) Forget(of calico.Kind) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.kinds[of]; k != nil {
		k.whole.Forget()
	}
}
