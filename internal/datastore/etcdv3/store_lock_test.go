package etcdv3

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// locked is what `calicoctl datastore migrate lock` leaves.
func locked(version string) string { return clusterInformation(version, false) }

// impatience is a request timeout that tests do wait for. A quarter of it is for looking what
// became of a request, which takes a busy machine more than half a second.
const impatience = 4 * time.Second

// writesOf are the three writes, of what is there and of what is not.
func writesOf(t *testing.T, store *Store, there *datastore.Stored) map[string]func() error {
	t.Helper()
	return map[string]func() error{
		"create": func() error {
			_, err := store.Create(t.Context(), endpoint("new"))
			return err
		},
		"update": func() error {
			_, err := store.Update(t.Context(), relabeled(endpoint("there"), "web"), there)
			return err
		},
		"delete": func() error { return store.Delete(t.Context(), there) },
	}
}

// TestStoreIsLocked writes to a datastore that is locked, before the store has
// looked at it or after that.
func TestStoreIsLocked(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	there := mustCreate(t, storeOf(t, etcd), endpoint("there"))
	cfg := configOf(etcd, acctest.User{})
	cfg.RequestTimeout = impatience
	looked := openStore(t, cfg, Options{})
	detect(t, looked)
	etcd.Put(t, info, locked("v3.31.0"))
	fresh := openStore(t, cfg, Options{})

	var writes []func() error
	var names []string
	for name, write := range writesOf(t, looked, there) {
		names, writes = append(names, name+", detected before the lock"), append(writes, write)
	}
	for name, write := range writesOf(t, fresh, there) {
		names, writes = append(names, name+", detected after it"), append(writes, write)
	}
	before := etcd.Prefix(t, endpoints)
	began := time.Now()
	errs := together(writes...)
	took := time.Since(began)
	for i, err := range errs {
		if l := asError[*datastore.LockedError](t, err); !strings.Contains(l.Lock, info) {
			t.Errorf("%s: the error names %s", names[i], l.Lock)
		}
	}
	// It waits, but for no longer than it may.
	if took < impatience/2 || took > impatience+slack {
		t.Errorf("the errors came after %s, want that to be between %s and %s", took, impatience/2, impatience+slack)
	}
	after := etcd.Prefix(t, endpoints)
	if len(after) != 1 || after[0] != before[0] {
		t.Errorf("there was %+v, and now is %+v", before, after)
	}
	// To read is no harm.
	if _, err := fresh.Get(t.Context(), endpointID("there")); err != nil {
		t.Errorf("a locked datastore is not read: %v", err)
	}
	if got := detect(t, fresh); storage.NamingOf(got.Release) != storage.NamingAnnotated {
		t.Errorf("the release is found to be %s", got.Release)
	}
}

// TestStoreIsUnlocked unlocks the datastore while writes wait for that.
func TestStoreIsUnlocked(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	there := mustCreate(t, storeOf(t, etcd), endpoint("there"))
	etcd.Put(t, info, locked("v3.31.0"))
	calls := &recorder{}
	waiting := make(chan struct{})
	looks := 0
	calls.then = func(_ context.Context, call datastore.Call) {
		// The second look is one of a write that has waited. Only one detection
		// runs at a time.
		if call.Operation == "detect" {
			if looks++; looks == 2 {
				close(waiting)
			}
		}
	}
	store := openStore(t, configOf(etcd, acctest.User{}), Options{Observe: calls.observe})
	errs := make(chan error, 1)
	go func() {
		_, err := store.Create(t.Context(), endpoint("new"))
		if err == nil {
			_, err = store.Update(t.Context(), relabeled(endpoint("there"), "web"), there)
		}
		errs <- err
	}()
	select {
	case <-waiting:
	case err := <-errs:
		t.Fatalf("the write did not wait: %v", err)
	}
	checkKeys(t, etcd, endpoints, "there")
	etcd.Put(t, info, clusterInformation("v3.31.0", true))
	if err := <-errs; err != nil {
		t.Fatal(err)
	}
	checkKeys(t, etcd, endpoints, "new", "there")
	for _, told := range calls.told() {
		if !strings.HasSuffix(told, " ok") {
			t.Errorf("told of %q", told)
		}
	}
}

// TestStoreIsUnlockedByAnUpgrade waits out an upgrade, which changes the names
// of policies while it holds the lock.
func TestStoreIsUnlockedByAnUpgrade(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	calls := &recorder{}
	waiting := make(chan struct{})
	refused := 0
	calls.then = func(_ context.Context, call datastore.Call) {
		if call.Operation == "create" {
			if refused++; refused == 1 {
				close(waiting)
			}
		}
	}
	store := openStore(t, configOf(etcd, acctest.User{}), Options{Observe: calls.observe})
	detect(t, store)
	etcd.Put(t, info, locked("v3.31.0"))
	done := make(chan error, 1)
	go func() {
		_, err := store.Create(t.Context(), policy("failsafe", 1))
		done <- err
	}()
	<-waiting
	checkKeys(t, etcd, policies)
	etcd.Put(t, info, clusterInformation("v3.32.0", true))
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	checkKeys(t, etcd, policies, "failsafe")
}

// TestStoreTellsOfARefusedWrite holds the log to the truth: a transaction whose
// comparison failed has written nothing.
func TestStoreTellsOfARefusedWrite(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	calls := &recorder{}
	store := openStore(t, configOf(etcd, acctest.User{}), Options{Observe: calls.observe})
	mustCreate(t, store, endpoint("db1"))
	if _, err := store.Create(t.Context(), endpoint("db1")); err == nil {
		t.Fatal("it was created twice")
	}
	want := []string{"detect ok", "create ok", "create compare failed"}
	if got := calls.told(); strings.Join(got, ", ") != strings.Join(want, ", ") {
		t.Errorf("told of %q, want %q", got, want)
	}
}

// TestStoreLeavesABrokenClusterInformationAlone cannot tell whether the
// datastore is locked.
func TestStoreLeavesABrokenClusterInformationAlone(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	there := mustCreate(t, storeOf(t, etcd), endpoint("there"))
	etcd.Put(t, info, `{"kind":`)
	store := storeOf(t, etcd)
	for name, write := range writesOf(t, store, there) {
		if corrupt := asError[*datastore.CorruptError](t, write()); corrupt.Where != info {
			t.Errorf("%s: the error names %s", name, corrupt.Where)
		}
	}
	checkKeys(t, etcd, endpoints, "there")
	if got := etcd.MustGet(t, info); got.Value != `{"kind":` {
		t.Errorf("it was overwritten: %s", got.Value)
	}
}
