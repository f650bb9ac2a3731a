package provider

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// openedStore is a datastore that can be opened and closed.
type openedStore struct{ datastore.Store }

func (openedStore) Close() error { return nil }

// TestDatastoreIsOpenedOnce has many resources ask for a datastore that does not answer:
// they wait for one attempt. When it answers again, those who come next have it.
func TestDatastoreIsOpenedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const timeout, outage = 5 * time.Second, time.Minute
		began := time.Now()
		var attempts atomic.Int64
		data := &providerData{}
		data.opened.Stands, data.opened.FailureStands = datastore.Forever, datastore.Forever
		data.open = func(ctx context.Context) (datastore.Store, error) {
			attempts.Add(1)
			if time.Since(began) > outage {
				return openedStore{}, nil
			}
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			<-ctx.Done()
			return nil, &datastore.UnavailableError{Err: ctx.Err()}
		}
		var all sync.WaitGroup
		for range 300 {
			all.Go(func() {
				var unavailable *datastore.UnavailableError
				if _, err := data.store(t.Context()); !errors.As(err, &unavailable) || unavailable.Interrupted {
					t.Errorf("it is %v", err)
				}
			})
		}
		ctx, cancel := context.WithCancel(t.Context())
		all.Go(func() {
			var unavailable *datastore.UnavailableError
			if _, err := data.store(ctx); !errors.As(err, &unavailable) || !unavailable.Interrupted {
				t.Errorf("interrupted, it is %v", err)
			}
			if took := time.Since(began); took > timeout/2 {
				t.Errorf("interrupted, it took %s", took)
			}
		})
		time.AfterFunc(timeout/2, cancel)
		all.Wait()
		if took := time.Since(began); took > timeout || attempts.Load() != 1 {
			t.Errorf("%d attempts in %s", attempts.Load(), took)
		}
		// Nobody waits while it does not answer, and nobody is turned away for long after.
		for time.Since(began) < outage {
			asked := time.Now()
			if _, err := data.store(t.Context()); err == nil || time.Since(asked) > 0 {
				t.Fatalf("after %s: %v in %s", time.Since(began), err, time.Since(asked))
			}
			time.Sleep(time.Second)
		}
		time.Sleep(2 * timeout)
		if _, err := data.store(t.Context()); err != nil {
			t.Errorf("it answers again, and is still refused: %v", err)
		}
	})
}
