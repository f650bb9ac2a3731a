package etcdv3

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// lossy is a store behind a proxy, and a write of it.
type lossy struct {
	etcd  *acctest.Etcd
	proxy *proxy
	store *Store
	calls *recorder
	// key is what the write is about.
	key   string
	write func() (*datastore.Stored, error)
	// version is that of the key when it was written once; 0 for a delete.
	version int64
}

// newLossy makes all ready for a write of the operation, and opens the store.
func newLossy(t *testing.T, operation string, requestTimeout time.Duration) *lossy {
	t.Helper()
	l := &lossy{etcd: acctest.NewEtcd(t, acctest.WithCalico("v3.31.0")), calls: &recorder{}}
	direct := storeOf(t, l.etcd)
	l.proxy = newProxy(t, l.etcd)
	cfg := Config{Endpoints: []string{l.proxy.endpoint}, RequestTimeout: requestTimeout}
	l.store = openStore(t, cfg, Options{Observe: l.calls.observe})
	detect(t, l.store)

	switch operation {
	case "create":
		l.key, l.version = policies+"default.failsafe", 1
		l.write = func() (*datastore.Stored, error) { return l.store.Create(t.Context(), policy("failsafe", 2)) }
	case "update":
		base := mustCreate(t, direct, policy("failsafe", 1))
		l.key, l.version = base.Where, 2
		l.write = func() (*datastore.Stored, error) { return l.store.Update(t.Context(), policy("failsafe", 2), base) }
	case "move":
		l.etcd.Put(t, policies+"failsafe", calicoctlPolicy("failsafe", 1))
		base := mustGet(t, direct, policyID("failsafe"))
		l.key, l.version = policies+"default.failsafe", 1
		l.write = func() (*datastore.Stored, error) { return l.store.Update(t.Context(), policy("failsafe", 2), base) }
	case "delete":
		base := mustCreate(t, direct, policy("failsafe", 1))
		l.key = base.Where
		l.write = func() (*datastore.Stored, error) { return nil, l.store.Delete(t.Context(), base) }
	default:
		t.Fatalf("no operation %q", operation)
	}
	return l
}

var lossyOperations = []string{"create", "update", "move", "delete"}

// await returns when the key is written or deleted.
func (l *lossy) await(t *testing.T, watch clientv3.WatchChan) {
	t.Helper()
	for answer := range watch {
		for _, event := range answer.Events {
			if string(event.Kv.Key) == l.key {
				return
			}
		}
	}
	t.Error("the write was never done")
}

// watch begins to watch the key, as its administrator.
func (l *lossy) watch(t *testing.T) clientv3.WatchChan {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	watch := l.etcd.Client(t).Watch(ctx, l.key, clientv3.WithCreatedNotify())
	if created := <-watch; !created.Created {
		t.Fatalf("cannot watch: %v", created.Err())
	}
	return watch
}

// checkOnce holds that the write was done, once.
func (l *lossy) checkOnce(t *testing.T, stored *datastore.Stored) {
	t.Helper()
	if l.version == 0 {
		checkKeys(t, l.etcd, policies)
		return
	}
	checkKeys(t, l.etcd, policies, "default.failsafe")
	got := l.etcd.MustGet(t, l.key)
	if got.Version != l.version {
		t.Errorf("it has %d versions, want %d", got.Version, l.version)
	}
	if stored == nil {
		t.Fatal("the write returned nothing")
	}
	checkStored(t, l.etcd, stored)
	if orderOf(t, stored) != 2 || stored.Object.GetName() != "failsafe" {
		t.Errorf("the write returned %+v", stored.Object)
	}
}

// TestStoreLosesAnAnswer cuts the connection after the request was done and
// before the answer came.
func TestStoreLosesAnAnswer(t *testing.T) {
	t.Parallel()
	for _, operation := range lossyOperations {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			l := newLossy(t, operation, patience)
			watch := l.watch(t)
			l.proxy.hold()
			go func() {
				l.await(t, watch)
				l.proxy.cut()
			}()
			var stored *datastore.Stored
			// The one that was done, and the one that finds out.
			checkCalls(t, l.etcd, map[string]int{"Txn": 2}, func() {
				var err error
				if stored, err = l.write(); err != nil {
					t.Errorf("the write was done, but is told to have failed: %v", err)
				}
			})
			l.checkOnce(t, stored)
		})
	}
}

// TestStoreLosesARequest cuts the connection before the request came through.
func TestStoreLosesARequest(t *testing.T) {
	t.Parallel()
	for _, operation := range lossyOperations {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			l := newLossy(t, operation, patience)
			l.proxy.lose()
			go func() {
				l.proxy.awaitLoss(l.key)
				l.proxy.cut()
			}()
			var stored *datastore.Stored
			// The one that withdraws what was lost, and the one that is done.
			checkCalls(t, l.etcd, map[string]int{"Txn": 2}, func() {
				var err error
				if stored, err = l.write(); err != nil {
					t.Error(err)
				}
			})
			l.checkOnce(t, stored)
			if told := l.calls.told(); !slices.ContainsFunc(told, func(s string) bool { return strings.HasSuffix(s, " unavailable") }) {
				t.Errorf("told of %q: no request was lost", told)
			}
		})
	}
}

// TestStoreReadsAWriteBack gets no answer for as long as it may try. When it
// looks at last, answers come: it tells what became of the write.
func TestStoreReadsAWriteBack(t *testing.T) {
	t.Parallel()
	for _, operation := range lossyOperations {
		for name, done := range map[string]bool{"done": true, "not done": false} {
			t.Run(operation+", "+name, func(t *testing.T) {
				t.Parallel()
				l := newLossy(t, operation, impatience)
				before := l.etcd.Prefix(t, policies)
				// Every request but the last: the deadline has passed then.
				l.calls.then = func(ctx context.Context, _ datastore.Call) {
					if ctx.Err() != nil {
						l.proxy.cut()
					}
				}
				if done {
					l.proxy.hold()
				} else {
					l.proxy.lose()
				}
				began := time.Now()
				stored, err := l.write()
				if took := time.Since(began); took > impatience+slack {
					t.Errorf("it took %s of %s", took, impatience)
				}
				if done {
					if err != nil {
						t.Fatalf("the write was done, but is told to have failed: %v", err)
					}
					l.checkOnce(t, stored)
					return
				}
				unavailable := asError[*datastore.UnavailableError](t, err)
				if unavailable.Unknown {
					t.Error("what became of the write is said to be unknown, but could be read")
				}
				if after := l.etcd.Prefix(t, policies); !slices.Equal(before, after) {
					t.Errorf("there was %+v, and now is %+v", before, after)
				}
				last := l.calls.told()[len(l.calls.told())-1]
				if last != "withdraw ok" {
					t.Errorf("the last call was %q", last)
				}
			})
		}
	}
}

// TestStoreAdmitsWhatItDoesNotKnow gets no answer at all.
func TestStoreAdmitsWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, operation := range lossyOperations {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			l := newLossy(t, operation, impatience)
			watch := l.watch(t)
			l.proxy.hold()
			began := time.Now()
			_, err := l.write()
			took := time.Since(began)
			unavailable := asError[*datastore.UnavailableError](t, err)
			if !unavailable.Unknown || unavailable.Server != "etcd at "+l.proxy.endpoint {
				t.Errorf("the error is %+v", unavailable)
			}
			if took > impatience+slack {
				t.Errorf("it took %s of %s", took, impatience)
			}
			t.Logf("%s of %s: %v", took, impatience, err)
			l.await(t, watch) // it was done, in fact
		})
	}
}
