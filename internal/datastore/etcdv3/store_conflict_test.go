package etcdv3

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// TestStoreConflict changes an object behind the store's back in many ways, and
// then updates and deletes it from what was read before.
func TestStoreConflict(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	const name = "db1-eth0"
	key, value := endpoints+name, calicoctlEndpoint(name)
	for what, test := range map[string]struct {
		now  string
		want []string
	}{
		"a label":          {changed(t, value, `"role":"db"`, `"role":"web","tier":"1"`), []string{`metadata.labels.role: "db" -> "web"`, `metadata.labels.tier: (none) -> "1"`}},
		"the node":         {changed(t, value, `"node":"db1"`, `"node":"db2"`), []string{`spec.node: "db1" -> "db2"`}},
		"an address":       {changed(t, value, `"10.0.0.5"`, `"10.0.0.5","10.0.0.6"`), []string{`spec.expectedIPs[1]: (none) -> "10.0.0.6"`}},
		"an unknown field": {changed(t, value, `"node"`, `"future":1,"node"`), []string{`spec.future: (none) -> 1`}},
		"a field is gone":  {changed(t, value, `,"interfaceName":"eth0"`, ``), []string{`spec.interfaceName: "eth0" -> (none)`}},
		// Deleted and made anew by somebody else.
		"its uid": {changed(t, value, theirUID, "6f3b1d4e-3c2c-4a9c-9d0a-5f6c0f8e7a11"), []string{`metadata.uid: "` + theirUID + `" -> "6f3b1d4e-3c2c-4a9c-9d0a-5f6c0f8e7a11"`}},
	} {
		t.Run(what, func(t *testing.T) {
			etcd.Put(t, key, value)
			store := storeOf(t, etcd)
			base := mustGet(t, store, endpointID(name))
			etcd.Put(t, key, test.now)
			there := etcd.MustGet(t, key)

			check := func(operation string, err error) {
				t.Helper()
				conflict := asError[*datastore.ConflictError](t, err)
				if conflict.Deleted || conflict.Where != key || conflict.ID != endpointID(name) || !slices.Equal(conflict.Changes, test.want) {
					t.Errorf("%s: %+v, want the changes %q", operation, conflict, test.want)
				}
			}
			detect(t, store)
			checkCalls(t, etcd, map[string]int{"Txn": 2}, func() {
				_, err := store.Update(t.Context(), relabeled(endpoint(name), "mail"), base)
				check("update", err)
				check("delete", store.Delete(t.Context(), base))
			})
			if got := etcd.MustGet(t, key); got != there {
				t.Errorf("it was %+v, and is %+v", there, got)
			}
		})
	}
}

// TestStoreRewrittenIsNoConflict has the same content stored again, as
// calicoctl does when nothing has changed.
func TestStoreRewrittenIsNoConflict(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	const name = "db1-eth0"
	key, value := endpoints+name, calicoctlEndpoint(name)
	for what, now := range map[string]string{
		"the same bytes":  value,
		"another order":   changed(t, changed(t, value, `"node":"db1",`, ``), `"interfaceName":"eth0"`, `"interfaceName":"eth0","node":"db1"`),
		"with spaces":     strings.ReplaceAll(value, `,"`, `, "`),
		"an empty object": changed(t, value, `"metadata":{`, `"metadata":{"annotations":{},`),
	} {
		t.Run(what, func(t *testing.T) {
			etcd.Put(t, key, value)
			store := storeOf(t, etcd)
			base := mustGet(t, store, endpointID(name))
			detect(t, store)
			etcd.Put(t, key, now)
			// The first transaction finds another revision, the second writes.
			checkCalls(t, etcd, map[string]int{"Txn": 2}, func() {
				updated, err := store.Update(t.Context(), relabeled(endpoint(name), "web"), base)
				if err != nil {
					t.Fatal(err)
				}
				base = updated
			})
			checkStored(t, etcd, base)
			etcd.Put(t, key, string(base.Raw))
			checkCalls(t, etcd, map[string]int{"Txn": 2}, func() {
				if err := store.Delete(t.Context(), base); err != nil {
					t.Fatal(err)
				}
			})
			checkKeys(t, etcd, endpoints)
		})
	}
}

// TestStoreRestoredIsNoConflict deletes an object and puts the same back, as an
// administrator does who restores a backup: the revision is another one, and
// even smaller in a cluster that was restored as a whole.
func TestStoreRestoredIsNoConflict(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	store := storeOf(t, etcd)
	base := mustCreate(t, store, endpoint("db1-eth0"))
	for _, revision := range []string{base.Version, "999999999", "no number", ""} {
		etcd.Delete(t, base.Where)
		etcd.Put(t, base.Where, string(base.Raw))
		base.Version = revision
		updated, err := store.Update(t.Context(), relabeled(endpoint("db1-eth0"), "of-"+revision[:min(2, len(revision))]+"x"), base)
		if err != nil {
			t.Fatalf("from revision %q: %v", revision, err)
		}
		base = updated
	}
}

func TestStoreDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	store := storeOf(t, etcd)
	for _, obj := range []calico.Object{endpoint("db1-eth0"), policy("failsafe", 1)} {
		base := mustCreate(t, store, obj)
		if !etcd.Delete(t, base.Where) {
			t.Fatal("it was not there")
		}
		checkCalls(t, etcd, map[string]int{"Txn": 2}, func() {
			_, err := store.Update(t.Context(), obj, base)
			conflict := asError[*datastore.ConflictError](t, err)
			if !conflict.Deleted || conflict.Where != base.Where || len(conflict.Changes) > 0 {
				t.Errorf("update: %+v", conflict)
			}
			if err := store.Delete(t.Context(), base); err != nil {
				t.Errorf("delete of what is gone: %v", err)
			}
		})
		if _, found := etcd.Get(t, base.Where); found {
			t.Errorf("%s is there again", base.Where)
		}
	}
}

// TestStoreConflictOfAMovingPolicy changes a policy that is on its way into
// another tier under another name.
func TestStoreConflictOfAMovingPolicy(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.32.0"))
	const old = policies + "default.web"
	etcd.Put(t, old, calicoctlPolicy("default.web", 1))
	store := storeOf(t, etcd)
	base := mustGet(t, store, policyID("web"))
	etcd.Put(t, old, calicoctlPolicy("default.web", 7))
	moved := policy("web", 1)
	moved.Spec.Tier = "sec"
	_, err := store.Update(t.Context(), moved, base)
	conflict := asError[*datastore.ConflictError](t, err)
	if want := []string{"spec.order: 1 -> 7"}; conflict.Deleted || !slices.Equal(conflict.Changes, want) {
		t.Errorf("%+v, want the changes %q", conflict, want)
	}
	checkKeys(t, etcd, policies, "default.web")
}

// together runs the functions at the same moment and returns their errors.
func together(functions ...func() error) []error {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	errs := make([]error, len(functions))
	for i, f := range functions {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			errs[i] = f()
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	return errs
}

const racers = 16

// TestStoreRaces has many writers at the same object, half of them with a store
// of their own: exactly one may win.
func TestStoreRaces(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	shared := storeOf(t, etcd)
	stores := make([]*Store, racers)
	for i := range stores {
		stores[i] = shared
		if i%2 == 0 {
			stores[i] = storeOf(t, etcd)
		}
	}
	race := func(write func(store *Store, i int) error) []error {
		var functions []func() error
		for i, store := range stores {
			functions = append(functions, func() error { return write(store, i) })
		}
		return together(functions...)
	}
	var base *datastore.Stored

	t.Run("create", func(t *testing.T) {
		// By either spelling: they are one policy.
		errs := race(func(store *Store, i int) error {
			name := []string{"failsafe", "default.failsafe"}[i/2%2]
			_, err := store.Create(t.Context(), policy(name, float64(i)))
			return err
		})
		winner := onlyWinner(t, errs, func(err error) bool {
			var exists *datastore.AlreadyExistsError
			return errors.As(err, &exists)
		})
		base = mustGet(t, shared, policyID("failsafe"))
		if got := orderOf(t, base); got != float64(winner) {
			t.Errorf("writer %d was told that it won, but %v's is stored", winner, got)
		}
		checkKeys(t, etcd, policies, "default.failsafe")
	})

	t.Run("update", func(t *testing.T) {
		errs := race(func(store *Store, i int) error {
			_, err := store.Update(t.Context(), policy("failsafe", 100+float64(i)), base)
			return err
		})
		winner := onlyWinner(t, errs, func(err error) bool {
			var conflict *datastore.ConflictError
			return errors.As(err, &conflict) && len(conflict.Changes) == 1 && strings.HasPrefix(conflict.Changes[0], "spec.order: ")
		})
		if got := orderOf(t, mustGet(t, shared, policyID("failsafe"))); got != 100+float64(winner) {
			t.Errorf("writer %d was told that it won, but %v's is stored", winner, got)
		}
	})

	t.Run("update to the same", func(t *testing.T) {
		same := mustGet(t, shared, policyID("failsafe"))
		before := etcd.MustGet(t, same.Where)
		for i, err := range race(func(store *Store, _ int) error {
			_, err := store.Update(t.Context(), policy("failsafe", 500), same)
			return err
		}) {
			if err != nil {
				t.Errorf("writer %d: %v", i, err)
			}
		}
		if after := etcd.MustGet(t, same.Where); after.Version != before.Version+1 {
			t.Errorf("%d writes of the same", after.Version-before.Version)
		}
	})

	t.Run("delete", func(t *testing.T) {
		last := mustGet(t, shared, policyID("failsafe"))
		for i, err := range race(func(store *Store, _ int) error { return store.Delete(t.Context(), last) }) {
			if err != nil {
				t.Errorf("writer %d: %v", i, err)
			}
		}
		checkKeys(t, etcd, policies)
	})
}

// onlyWinner returns the one writer without an error. The others' must be what
// lost tells.
func onlyWinner(t *testing.T, errs []error, lost func(error) bool) int {
	t.Helper()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner < 0:
			winner = i
		case err == nil:
			t.Errorf("both %d and %d were told that they won", winner, i)
		case !lost(err):
			t.Errorf("writer %d: %v", i, err)
		}
	}
	if winner < 0 {
		t.Fatal("nobody won")
	}
	return winner
}

// TestStoreConcurrentWorkers is what Terraform does: one store, and many objects
// at once, each through its life.
func TestStoreConcurrentWorkers(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	store := storeOf(t, etcd)
	const perWorker = 5
	var workers []func() error
	for i := range racers {
		workers = append(workers, func() error {
			for j := range perWorker {
				name := fmt.Sprintf("h%d-%d", i, j)
				stored, err := store.Create(t.Context(), endpoint(name))
				if err == nil {
					stored, err = store.Get(t.Context(), calico.IDOf(stored.Object))
				}
				if err == nil {
					stored, err = store.Update(t.Context(), relabeled(endpoint(name), "web"), stored)
				}
				if err == nil {
					stored, err = store.Get(t.Context(), calico.IDOf(stored.Object))
				}
				if err == nil && stored.Object.GetLabels()["role"] != "web" {
					err = fmt.Errorf("read back %s", stored.Raw)
				}
				if err == nil {
					err = store.Delete(t.Context(), stored)
				}
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
			return nil
		})
	}
	for _, err := range together(workers...) {
		if err != nil {
			t.Error(err)
		}
	}
	checkKeys(t, etcd, endpoints)
}
