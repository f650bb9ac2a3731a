package etcdv3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore/readahead"
)

func TestStoreGet(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.28.5"))
	revision := etcd.Put(t, endpoints+"db1-eth0", calicoctlEndpoint("db1-eth0"))
	etcd.Put(t, policies+"default.failsafe", calicoctlPolicy("default.failsafe", 10))
	store := storeOf(t, etcd)

	// A host endpoint is stored in one way by all releases: nothing to detect.
	checkCalls(t, etcd, map[string]int{"Txn": 1}, func() {
		stored := mustGet(t, store, endpointID("db1-eth0"))
		want := datastore.Stored{Where: endpoints + "db1-eth0", Version: fmt.Sprint(revision), Raw: []byte(calicoctlEndpoint("db1-eth0"))}
		if stored.Where != want.Where || stored.Version != want.Version || !bytes.Equal(stored.Raw, want.Raw) {
			t.Errorf("read %s at %s: %s", stored.Where, stored.Version, stored.Raw)
		}
		ours := endpoint("db1-eth0")
		if !calico.Equal(stored.Object, ours) {
			t.Errorf("the object is %+v, want %+v", stored.Object, ours)
		}
		if string(stored.Object.GetUID()) != theirUID {
			t.Errorf("its uid is %q", stored.Object.GetUID())
		}
	})
	// The first policy needs the release: one look for the store's whole life.
	checkCalls(t, etcd, map[string]int{"Txn": 2}, func() {
		stored := mustGet(t, store, policyID("failsafe"))
		if stored.Where != policies+"default.failsafe" || !calico.Equal(stored.Object, policy("failsafe", 10)) {
			t.Errorf("read at %s: %+v", stored.Where, stored.Object)
		}
	})
	checkCalls(t, etcd, map[string]int{"Txn": 1}, func() { mustGet(t, store, policyID("failsafe")) })

	for _, id := range []calico.ID{endpointID("db2"), endpointID("db1"), policyID("fail"), policyID("default")} {
		checkCalls(t, etcd, map[string]int{"Txn": 1}, func() {
			if stored, err := store.Get(t.Context(), id); !errors.Is(err, datastore.ErrNotFound) || stored != nil {
				t.Errorf("get %s: %+v, %v", id, stored, err)
			}
		})
	}
}

// TestStoreGetByAnySpelling reads a policy of the tier "default" by both of the
// names that mean it, wherever a release has stored it.
func TestStoreGetByAnySpelling(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t)
	for _, version := range []string{"v3.28.5", "v3.29.0", "v3.31.0", "v3.32.0"} {
		for _, stored := range []string{"failsafe", "default.failsafe"} {
			for _, asked := range []string{"failsafe", "default.failsafe"} {
				t.Run(version+" reads "+stored+" as "+asked, func(t *testing.T) {
					reset(t, etcd, version)
					etcd.Put(t, policies+stored, calicoctlPolicy(stored, 10))
					got := mustGet(t, storeOf(t, etcd), policyID(asked))
					if got.Where != policies+stored || got.Object.GetName() != asked {
						t.Errorf("got %q, from %s", got.Object.GetName(), got.Where)
					}
				})
			}
		}
	}
}

// reset empties the datastore, and then makes it one of the release; none if
// that is empty.
func reset(t *testing.T, etcd *acctest.Etcd, version string) {
	t.Helper()
	if _, err := etcd.Client(t).Delete(t.Context(), acctest.CalicoPrefix, clientv3.WithPrefix()); err != nil {
		t.Fatal(err)
	}
	if version == "" {
		return
	}
	if err := etcd.PrepareCalico(t.Context(), version); err != nil {
		t.Fatal(err)
	}
}

// TestStoreTellsTwinsApart has a policy under two names at once, as calicoctl of
// two releases leaves it; Calico enforces both.
func TestStoreTellsTwinsApart(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t)
	for _, version := range []string{"v3.28.5", "v3.29.0", "v3.31.0", "v3.32.0"} {
		t.Run(version, func(t *testing.T) {
			reset(t, etcd, version)
			etcd.Put(t, policies+"failsafe", calicoctlPolicy("failsafe", 10))
			store := storeOf(t, etcd)
			base := mustGet(t, store, policyID("failsafe"))
			etcd.Put(t, policies+"default.failsafe", calicoctlPolicy("default.failsafe", 20))
			before := etcd.Prefix(t, policies)

			_, err := store.Get(t.Context(), policyID("failsafe"))
			ambiguous := asError[*datastore.AmbiguousError](t, err)
			keys := slices.Sorted(slices.Values(ambiguous.Keys))
			if !slices.Equal(keys, []string{policies + "default.failsafe", policies + "failsafe"}) || ambiguous.ID != policyID("failsafe") {
				t.Errorf("the error is about %s at %q", ambiguous.ID, ambiguous.Keys)
			}

			// What was read before the twin came is no licence to leave it behind.
			_, err = store.Update(t.Context(), policy("failsafe", 30), base)
			_ = asError[*datastore.AmbiguousError](t, err)
			err = store.Delete(t.Context(), base)
			_ = asError[*datastore.AmbiguousError](t, err)
			_, err = store.Create(t.Context(), policy("failsafe", 30))
			_ = asError[*datastore.AlreadyExistsError](t, err)
			if after := etcd.Prefix(t, policies); !slices.Equal(before, after) {
				t.Errorf("there was\n%+v\nand now is\n%+v", before, after)
			}
		})
	}
}

// TestStoreDoesNotTakeNamesakesForTwins has policies with names alike in other
// tiers beside one of the tier "default".
func TestStoreDoesNotTakeNamesakesForTwins(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.32.0"))
	store := storeOf(t, etcd)
	for _, name := range []string{"web", "default-web", "web.default", "sec.web"} {
		mustCreate(t, store, policy(name, 1))
	}
	checkKeys(t, etcd, policies, "default-web", "sec.web", "web", "web.default")
	for _, name := range []string{"web", "default-web", "web.default", "sec.web"} {
		if got := mustGet(t, store, policyID(name)); got.Object.GetName() != name {
			t.Errorf("%q is read as %q", name, got.Object.GetName())
		}
	}
}

func TestStoreListPages(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	const count = 2*pageSize + 1
	want := putEndpoints(t, etcd, count)
	// Neighbours in the order of keys, on both sides.
	etcd.Put(t, acctest.ResourcePrefix+"hostendpoint/x", calicoctlEndpoint("x"))
	etcd.Put(t, acctest.ResourcePrefix+"hostendpointsx/x", calicoctlEndpoint("x"))
	store := storeOf(t, etcd)

	var objects []*datastore.Stored
	checkCalls(t, etcd, map[string]int{"Range": 2}, func() {
		var corrupt []*datastore.CorruptError
		var err error
		if objects, corrupt, err = store.List(t.Context(), calico.KindHostEndpoint); err != nil || len(corrupt) > 0 {
			t.Fatalf("list: %v, corrupt %v", err, corrupt)
		}
	})
	var got []string
	for _, o := range objects {
		got = append(got, o.Object.GetName())
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d objects are listed, from %q to %q; want %d", len(got), got[0], got[len(got)-1], len(want))
	}
}

// putEndpoints stores many host endpoints and returns their names in order.
func putEndpoints(t *testing.T, etcd *acctest.Etcd, count int) []string {
	t.Helper()
	const atOnce = 100 // etcd takes 128 operations in a transaction
	client := etcd.Client(t)
	var names []string
	var puts []clientv3.Op
	for i := range count {
		name := fmt.Sprintf("h%05d", i)
		names = append(names, name)
		puts = append(puts, clientv3.OpPut(endpoints+name, calicoctlEndpoint(name)))
		if len(puts) == atOnce || i == count-1 {
			if _, err := client.Txn(t.Context()).Then(puts...).Commit(); err != nil {
				t.Fatal(err)
			}
			puts = nil
		}
	}
	return names
}

// TestStoreListIsOfOneRevision writes between two pages, and throws away the
// revision that the list is of, as kube-controllers does every ten minutes.
func TestStoreListIsOfOneRevision(t *testing.T) {
	t.Parallel()
	for name, compact := range map[string]bool{"history is kept": false, "history is compacted": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
			putEndpoints(t, etcd, pageSize+10)
			last := endpoints + fmt.Sprintf("h%05d", pageSize+9)
			pages := 0
			calls := &recorder{}
			calls.then = func(context.Context, datastore.Call) {
				if pages++; pages > 1 {
					return
				}
				etcd.Delete(t, last)
				if compact {
					revision := etcd.Put(t, endpoints+"a", calicoctlEndpoint("a"))
					if _, err := etcd.Client(t).Compact(t.Context(), revision); err != nil {
						t.Error(err)
					}
				}
			}
			store := openStore(t, configOf(etcd, acctest.User{}), Options{Observe: calls.observe})
			objects, _, err := store.List(t.Context(), calico.KindHostEndpoint)
			if err != nil {
				t.Fatal(err)
			}
			// As it was before, or as it is after: nothing in between.
			wantFirst, wantCount, wantPages := "h00000", pageSize+10, 2
			if compact {
				wantFirst, wantPages = "a", 4
			}
			if first := objects[0].Object.GetName(); first != wantFirst || len(objects) != wantCount || pages != wantPages {
				t.Errorf("%d objects from %q on, in %d requests; want %d from %q on, in %d", len(objects), first, pages, wantCount, wantFirst, wantPages)
			}
		})
	}
}

// Further pages are as large as the first one says that they may be.
func TestNextLimit(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]int{1: pageBytes, pageBytes / 5000: 5000, pageBytes / 1000: pageSize, pageBytes / 10: pageSize} {
		page := make([]*mvccpb.KeyValue, pageSize)
		for i := range page {
			page[i] = &mvccpb.KeyValue{Value: make([]byte, size)}
		}
		if got := nextLimit(page); got > want*101/100 || got < want*99/100 {
			t.Errorf("after objects of %d bytes %d are asked for, want %d", size, got, want)
		}
	}
	if got := nextLimit(nil); got != pageSize {
		t.Errorf("after nothing %d are asked for", got)
	}
}

func TestStoreListSetsCorruptValuesApart(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	secret := "s3cr3t-in-a-value"
	for name, value := range map[string]string{
		"a":          calicoctlEndpoint("a"),
		"b-no-json":  "{" + secret,
		"c-empty":    "",
		"d-kind":     calicoctlPolicy("d-kind", 1),
		"e-name":     calicoctlEndpoint("other"),
		"f-type":     changed(t, calicoctlEndpoint("f-type"), `["10.0.0.5"]`, `"`+secret+`"`),
		"g-array":    "[]",
		"h":          calicoctlEndpoint("h"),
		"i-api":      changed(t, calicoctlEndpoint("i-api"), "projectcalico.org/v3", "crd.projectcalico.org/v1"),
		"j-two-json": calicoctlEndpoint("j-two-json") + "{}",
	} {
		etcd.Put(t, endpoints+name, value)
	}
	store := storeOf(t, etcd)
	objects, corrupt, err := store.List(t.Context(), calico.KindHostEndpoint)
	if err != nil {
		t.Fatal(err)
	}
	var good []string
	for _, o := range objects {
		good = append(good, o.Object.GetName())
	}
	if want := []string{"a", "h"}; !slices.Equal(good, want) {
		t.Errorf("the good ones are %q, want %q", good, want)
	}
	var bad []string
	for _, c := range corrupt {
		name := strings.TrimPrefix(c.Where, endpoints)
		bad = append(bad, name)
		if got := etcd.MustGet(t, c.Where); c.Version != fmt.Sprint(got.Revision) {
			t.Errorf("%s was read at revision %s, want %d", name, c.Version, got.Revision)
		}
		if strings.Contains(c.Error(), secret) || !strings.Contains(c.Error(), c.Where) {
			t.Errorf("%s: %v", name, c)
		}
		_, err := store.Get(t.Context(), endpointID(name))
		if single := asError[*datastore.CorruptError](t, err); single.Where != c.Where || single.Version != c.Version {
			t.Errorf("%s: alone it is %+v, in the list %+v", name, single, c)
		}
	}
	if want := []string{"b-no-json", "c-empty", "d-kind", "e-name", "f-type", "g-array", "i-api", "j-two-json"}; !slices.Equal(bad, want) {
		t.Errorf("the corrupt ones are %q, want %q", bad, want)
	}
}

// TestStoreReadsManyAtOnce refreshes a large configuration: the first few
// objects are read one by one, the others with all of their kind.
func TestStoreReadsManyAtOnce(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	const count = 500
	names := putEndpoints(t, etcd, count)
	store := storeOf(t, etcd)
	began := time.Now()
	calls := etcd.CallsDuring(t, func() {
		for _, name := range names {
			if got := mustGet(t, store, endpointID(name)); got.Object.GetName() != name {
				t.Fatalf("%s is read as %s", name, got.Object.GetName())
			}
		}
		if _, err := store.Get(t.Context(), endpointID("none")); !errors.Is(err, datastore.ErrNotFound) {
			t.Errorf("get of nothing: %v", err)
		}
	})
	// What is not there is looked up once more, if the others took longer than a moment.
	if calls["Txn"] != readahead.Singles || calls["Range"] < 1 || calls["Range"] > 2 || len(calls) != 2 {
		t.Errorf("%d reads in %s made the calls %v; want %d Txn and 1 or 2 Range", count+1, time.Since(began), calls, readahead.Singles)
	}
	t.Logf("%d reads in %s: %v", count+1, time.Since(began), calls)
}

func TestStoreListOfNothing(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t)
	store := storeOf(t, etcd)
	checkCalls(t, etcd, map[string]int{"Range": 1}, func() {
		objects, corrupt, err := store.List(t.Context(), calico.KindGlobalNetworkPolicy)
		if err != nil || len(objects)+len(corrupt) > 0 {
			t.Errorf("objects %v, corrupt %v, %v", objects, corrupt, err)
		}
	})
}

func TestStoreKey(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t)
	for version, want := range map[string]string{
		"v3.28.5": "default.failsafe",
		"v3.29.0": "default.failsafe",
		"v3.31.0": "default.failsafe",
		"v3.32.0": "failsafe",
	} {
		reset(t, etcd, version)
		store := storeOf(t, etcd)
		if key := store.Key(t.Context(), policyID("failsafe")); key != policies+want {
			t.Errorf("%s: the key is %s, want %s", version, key, policies+want)
		}
		checkCalls(t, etcd, map[string]int{}, func() {
			if key := store.Key(t.Context(), endpointID("db1-eth0")); key != endpoints+"db1-eth0" {
				t.Errorf("%s: the key is %s", version, key)
			}
		})
	}
}
