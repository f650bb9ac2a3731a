package etcdv3

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// kindsOfWrites are the names of lateWrites.
var kindsOfWrites = []string{"create", "guarded create", "update", "guarded update", "move", "patch", "delete"}

// TestStoreIsNotUndoneLate holds the first request of a write back, which is then sent
// again and done, undoes the write, and delivers the first one: nothing comes back.
func TestStoreIsNotUndoneLate(t *testing.T) {
	t.Parallel()
	for _, kind := range kindsOfWrites {
		for _, requests := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s, %d", kind, requests), func(t *testing.T) {
				t.Parallel()
				etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
				write := lateWrites(t, etcd)[kind]
				late := newLateEtcd(t, etcd)
				calls := &recorder{}
				store := openStore(t, Config{Endpoints: []string{late.endpoint}, RequestTimeout: DefaultRequestTimeout / 2}, Options{Observe: calls.observe})
				late.hold(requests)
				stored, err := write.write(t.Context(), store)
				if err != nil {
					t.Fatal(err)
				}
				if withdrawn := count(calls.told(), "withdraw ok"); withdrawn != requests {
					t.Errorf("withdrawn %d times, want %d", withdrawn, requests)
				}
				if err := write.undo(store, stored); err != nil {
					t.Fatal(err)
				}
				before := etcd.Prefix(t, "")
				if delivered, done := late.deliver(t); delivered != requests || done != 0 {
					t.Errorf("%d requests were late, and %d of them done", delivered, done)
				}
				if diff := cmp.Diff(before, etcd.Prefix(t, "")); diff != "" {
					t.Errorf("something came back:\n%s", diff)
				}
			})
		}
	}
}

// TestStoreIsNotDoneLate holds all requests of a write back, up to its end. What is
// told then, that it was not done, stays true when they are delivered.
func TestStoreIsNotDoneLate(t *testing.T) {
	t.Parallel()
	for _, kind := range kindsOfWrites {
		for how, interrupted := range map[string]bool{"time is up": false, "interrupted": true} {
			t.Run(kind+", "+how, func(t *testing.T) {
				t.Parallel()
				etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
				late := newLateEtcd(t, etcd)
				write := lateWrites(t, etcd)[kind]
				before := etcd.Prefix(t, "")
				store := openStore(t, Config{Endpoints: []string{late.endpoint}, RequestTimeout: impatience + impatience}, Options{})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if interrupted {
					late.set(func() { late.holding = cancel })
				}
				const all = 100
				late.hold(all)
				_, err := write.write(ctx, store)
				unavailable := asError[*datastore.UnavailableError](t, err)
				if unavailable.Unknown || unavailable.Interrupted != interrupted {
					t.Errorf("the error is %+v", unavailable)
				}
				if delivered, done := late.deliver(t); delivered == 0 || done != 0 {
					t.Errorf("%d requests were late, and %d of them done", delivered, done)
				}
				if diff := cmp.Diff(before, calicos(etcd.Prefix(t, ""))); diff != "" {
					t.Errorf("it was done all the same:\n%s", diff)
				}
			})
		}
	}
}

// calicos are those of the keys that are Calico's.
func calicos(all []acctest.KeyValue) []acctest.KeyValue {
	return slices.DeleteFunc(all, func(kv acctest.KeyValue) bool { return kv.Key == fenceKey })
}

// count tells how often a call was told of.
func count(told []string, call string) int {
	n := 0
	for _, each := range told {
		if each == call {
			n++
		}
	}
	return n
}

// TestStoreAndAMemberThatComesBack creates and deletes endpoints while a member hangs,
// and lets it go on then: nothing of what it was asked for comes back.
func TestStoreAndAMemberThatComesBack(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithMembers(3), acctest.WithCalico("v3.31.0"))
	calls := &recorder{}
	cfg := configOf(etcd, acctest.User{})
	cfg.RequestTimeout = DefaultRequestTimeout
	store := openStore(t, cfg, Options{Observe: calls.observe})
	// Every member is connected to and in use.
	for i := range 6 {
		mustDelete(t, store, mustCreate(t, store, endpoint(fmt.Sprintf("before%d", i))))
	}
	hangs := (etcd.Leader(t) + 1) % 3
	etcd.Pause(t, hangs)
	const workers, each = 10, 3
	var lives []func() error
	for w := range workers {
		lives = append(lives, func() error {
			for i := range each {
				stored, err := store.Create(t.Context(), endpoint(fmt.Sprintf("h%d-%d", w, i)))
				if err == nil {
					err = store.Delete(t.Context(), stored)
				}
				if err != nil {
					return fmt.Errorf("h%d-%d: %w", w, i, err)
				}
			}
			return nil
		})
	}
	for _, err := range together(lives...) {
		if err != nil {
			t.Error(err)
		}
	}
	// (The helpers of etcd may ask the member that hangs.)
	if left, _, err := store.List(t.Context(), calico.KindHostEndpoint); err != nil || len(left) > 0 {
		t.Errorf("there are %d endpoints left, %v", len(left), err)
	}
	etcd.Resume(t, hangs)
	etcd.Settle(t, hangs)
	checkKeys(t, etcd, endpoints)
	if !slices.Contains(calls.told(), "create unavailable") {
		t.Error("no create was for the member that hangs")
	}
	t.Logf("%d requests were for the member that hung", count(calls.told(), "create unavailable"))
}

// TestStoreWhileAnotherMovesTheFence has a request of another process withdrawn between
// what this one knows of the fence and its write: the write is sent once more, and its
// guard is not asked again.
func TestStoreWhileAnotherMovesTheFence(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	late := newLateEtcd(t, etcd)
	other := openStore(t, Config{Endpoints: []string{late.endpoint}, RequestTimeout: DefaultRequestTimeout / 2}, Options{})
	store := storeOf(t, etcd)
	move := func() {
		late.hold(1)
		mustDelete(t, other, mustCreate(t, other, endpoint("other")))
	}
	detect(t, store)
	move() // the fence is there for the first time
	checkCalls(t, etcd, map[string]int{"Txn": 2}, func() { mustCreate(t, store, endpoint("db1")) })
	checkCalls(t, etcd, map[string]int{"Txn": 1}, func() { mustCreate(t, store, endpoint("db2")) })
	move()
	asked := 0
	guarded := store.Guarded(datastore.Guard{Kinds: guardKinds, Check: func(*datastore.Snapshot) ([]calico.ID, error) {
		asked++
		return nil, nil
	}})
	// A look of the guard, the write that is in vain and the one that is not.
	checkCalls(t, etcd, map[string]int{"Txn": 3}, func() {
		if _, err := guarded.Create(t.Context(), policy("web", 1)); err != nil {
			t.Error(err)
		}
	})
	if asked != 1 {
		t.Errorf("the guard was asked %d times", asked)
	}
	late.deliver(t)
	// An administrator takes it away.
	etcd.Delete(t, fenceKey)
	checkCalls(t, etcd, map[string]int{"Txn": 2}, func() { mustCreate(t, store, endpoint("db3")) })
	checkKeys(t, etcd, endpoints, "db1", "db2", "db3")
}

func mustDelete(t *testing.T, store *Store, stored *datastore.Stored) {
	t.Helper()
	if err := store.Delete(t.Context(), stored); err != nil {
		t.Fatal(err)
	}
}

// narrowUser makes a user who may read and write Calico's objects, and read what more
// is given.
func narrowUser(t *testing.T, etcd *acctest.Etcd, reads string) acctest.User {
	t.Helper()
	user := acctest.User{Name: "narrow", Password: "of-a-test"}
	client := etcd.Client(t)
	grant := func(prefix string, permission clientv3.PermissionType) {
		if _, err := client.RoleGrantPermission(t.Context(), user.Name, prefix, clientv3.GetPrefixRangeEnd(prefix), permission); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.RoleAdd(t.Context(), user.Name); err != nil {
		t.Fatal(err)
	}
	grant(acctest.ResourcePrefix, clientv3.PermissionType(clientv3.PermReadWrite))
	if reads != "" {
		grant(reads, clientv3.PermissionType(clientv3.PermRead))
	}
	if _, err := client.UserAdd(t.Context(), user.Name, user.Password); err != nil {
		t.Fatal(err)
	}
	if _, err := client.UserGrantRole(t.Context(), user.Name, user.Name); err != nil {
		t.Fatal(err)
	}
	return user
}

// TestStoreThatMayNotMoveTheFence is that of a user who has rights on Calico's objects
// alone. A write is one call as ever. A create that gets no answer is not sent again,
// and told to be unknown; other writes are, as they cannot be done twice.
func TestStoreThatMayNotMoveTheFence(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		reads string
		looks int
	}{
		"nor read it": {looks: 2},
		"but read it": {reads: acctest.CalicoPrefix, looks: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			etcd := acctest.NewEtcd(t, acctest.WithAuth(), acctest.WithCalico("v3.31.0"))
			late := newLateEtcd(t, etcd)
			user := narrowUser(t, etcd, test.reads)
			cfg := Config{Endpoints: []string{late.endpoint}, RequestTimeout: DefaultRequestTimeout / 2, Username: user.Name, Password: user.Password}
			store := openStore(t, cfg, Options{})
			checkCalls(t, etcd, map[string]int{"Txn": test.looks}, func() { detect(t, store) })
			var base *datastore.Stored
			checkCalls(t, etcd, map[string]int{"Txn": 1}, func() { base = mustCreate(t, store, policy("web", 1)) })

			late.hold(1)
			began := time.Now()
			_, err := store.Create(t.Context(), endpoint("db1"))
			unavailable := asError[*datastore.UnavailableError](t, err)
			if !unavailable.Unknown || !strings.Contains(unavailable.Error(), "permission to read and write "+fenceKey) {
				t.Errorf("create: unknown is %t, %v", unavailable.Unknown, err)
			}
			if took := time.Since(began); took > DefaultRequestTimeout/4 {
				t.Errorf("it took %s to tell", took)
			}
			checkKeys(t, etcd, endpoints)
			if delivered, done := late.deliver(t); delivered != 1 || done != 1 {
				t.Errorf("%d creates were late, and %d of them done", delivered, done)
			}

			late.hold(1)
			base, err = store.Update(t.Context(), policy("web", 2), base)
			if err != nil {
				t.Fatal(err)
			}
			if delivered, done := late.deliver(t); delivered != 1 || done != 0 {
				t.Errorf("%d updates were late, and %d of them done", delivered, done)
			}
			checkStored(t, etcd, base)

			// What is in the way of the second request may be gone when the first comes.
			late.hold(1)
			late.set(func() { late.before = func() { etcd.Put(t, policies+"web", calicoctlPolicy("web", 9)) } })
			_, err = store.Update(t.Context(), policy("web", 3), base)
			if unavailable := asError[*datastore.UnavailableError](t, err); !unavailable.Unknown {
				t.Errorf("update: %v", err)
			}
			etcd.Delete(t, policies+"web")
			if delivered, done := late.deliver(t); delivered != 1 || done != 1 {
				t.Errorf("%d updates were late, and %d of them done", delivered, done)
			}
		})
	}
}

// TestStoreIsRefusedForGood has something come in the way of a write between its first
// request, which is held back, and its second. It stays refused when that is gone.
func TestStoreIsRefusedForGood(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	late := newLateEtcd(t, etcd)
	base := mustCreate(t, storeOf(t, etcd), policy("web", 1))
	store := openStore(t, Config{Endpoints: []string{late.endpoint}, RequestTimeout: DefaultRequestTimeout / 2}, Options{})
	detect(t, store)
	late.hold(1)
	late.set(func() { late.before = func() { etcd.Put(t, policies+"web", calicoctlPolicy("web", 9)) } })
	_, err := store.Update(t.Context(), policy("web", 2), base)
	_ = asError[*datastore.AmbiguousError](t, err)
	etcd.Delete(t, policies+"web")
	if delivered, done := late.deliver(t); delivered != 1 || done != 0 {
		t.Errorf("%d requests were late, and %d of them done", delivered, done)
	}
	checkStored(t, etcd, base)
}
