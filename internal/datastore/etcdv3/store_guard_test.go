package etcdv3

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

var guardKinds = []calico.Kind{calico.KindGlobalNetworkPolicy, calico.KindTier, calico.KindHostEndpoint}

// names are the names of the objects of a snapshot.
func names(snapshot *datastore.Snapshot) []string {
	var out []string
	for _, stored := range snapshot.Objects {
		out = append(out, stored.Object.GetName())
	}
	return out
}

func TestStoreSnapshot(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.29.4"))
	store := storeOf(t, etcd)
	mustCreate(t, store, policy("web", 1))
	mustCreate(t, store, endpoint("db1"))
	etcd.Put(t, policies+"default.bad", "{")
	checkCalls(t, etcd, map[string]int{"Txn": 1}, func() {
		snapshot, err := store.Snapshot(t.Context(), guardKinds)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := names(snapshot), []string{"web", "adminnetworkpolicy", "default", "db1"}; !slices.Equal(got, want) {
			t.Errorf("there are %q, want %q", got, want)
		}
		if len(snapshot.Corrupt) != 1 || snapshot.Corrupt[0].Where != policies+"default.bad" {
			t.Errorf("corrupt: %v", snapshot.Corrupt)
		}
	})
}

var errRefused = errors.New("refused")

// A guard that refuses is obeyed by every kind of write, and nothing is written.
func TestStoreGuardRefuses(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	store := storeOf(t, etcd)
	base := mustCreate(t, store, policy("web", 1))
	etcd.Put(t, felixDefault, felixValue(`"ipipMTU":1480`))
	felix := mustGet(t, store, calico.ID{Kind: calico.KindFelixConfiguration, Name: "default"})
	before := etcd.Prefix(t, "")
	guarded := store.Guarded(datastore.Guard{Kinds: guardKinds, Check: func(s *datastore.Snapshot) ([]calico.ID, error) {
		if !slices.Contains(names(s), "web") {
			t.Error("the guard does not see what is there")
		}
		return nil, errRefused
	}})
	_, created := guarded.Create(t.Context(), policy("other", 1))
	_, updated := guarded.Update(t.Context(), policy("web", 2), base)
	_, patched := guarded.Patch(t.Context(), felix, storage.SpecPatch{"ipipMTU": json.RawMessage("1")})
	for what, err := range map[string]error{"create": created, "update": updated, "patch": patched, "delete": guarded.Delete(t.Context(), base)} {
		if !errors.Is(err, errRefused) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if after := etcd.Prefix(t, ""); !slices.Equal(before, after) {
		t.Errorf("something was written: %v", after)
	}
}

// What others write or delete between the guard's consent and the write is
// noticed, and the guard is asked again by what is there then.
func TestStoreGuardDecidesAgain(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	store := storeOf(t, etcd)
	detect(t, store)
	others := policies + "default.ssh"
	for name, interfere := range map[string]func(){
		"another policy is changed": func() { etcd.Put(t, others, calicoctlPolicy("default.ssh", 9)) },
		"another policy is made":    func() { etcd.Put(t, policies+"default.new", calicoctlPolicy("default.new", 9)) },
		"the first of a kind":       func() { etcd.Put(t, endpoints+"db1", calicoctlEndpoint("db1")) },
		"what it needs is deleted":  func() { etcd.Delete(t, others) },
	} {
		t.Run(name, func(t *testing.T) {
			etcd.Put(t, others, calicoctlPolicy("default.ssh", 1))
			etcd.Delete(t, policies+"default.new")
			etcd.Delete(t, endpoints+"db1")
			base := mustCreate(t, store, policy("web", 1))
			asked := 0
			err := store.Guarded(datastore.Guard{Kinds: guardKinds, Check: func(*datastore.Snapshot) ([]calico.ID, error) {
				if asked++; asked > 1 {
					return nil, errRefused
				}
				interfere()
				return []calico.ID{{Kind: calico.KindGlobalNetworkPolicy, Name: "ssh"}}, nil
			}}).Delete(t.Context(), base)
			if !errors.Is(err, errRefused) || asked != 2 {
				t.Errorf("asked %d times, then %v", asked, err)
			}
			if err := store.Delete(t.Context(), base); err != nil {
				t.Error(err)
			}
		})
	}
}

// A guard may rely on more than etcd compares in one transaction: then the deletion of
// what it named first is noticed, and every write as ever.
func TestStoreGuardReliesOnMuch(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	store := storeOf(t, etcd)
	detect(t, store)
	var reliedOn []calico.ID
	for i := range 2 * maxHeld {
		name := fmt.Sprintf("p%03d", i)
		etcd.Put(t, policies+"default."+name, calicoctlPolicy("default."+name, 1))
		reliedOn = append(reliedOn, calico.ID{Kind: calico.KindGlobalNetworkPolicy, Name: name})
	}
	// The first is stored under a second name, of an older release.
	etcd.Put(t, policies+"p000", calicoctlPolicy("p000", 1))
	for name, c := range map[string]struct {
		interfere func()
		notices   bool
	}{
		"the first is deleted":                 {func() { etcd.Delete(t, policies+"default.p000") }, true},
		"the first is deleted by its old name": {func() { etcd.Delete(t, policies+"p000") }, true},
		"the last is changed":                  {func() { etcd.Put(t, policies+"default.p199", calicoctlPolicy("default.p199", 2)) }, true},
		"the last is deleted":                  {func() { etcd.Delete(t, policies+"default.p199") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			etcd.Put(t, policies+"default.p000", calicoctlPolicy("default.p000", 1))
			etcd.Put(t, policies+"p000", calicoctlPolicy("p000", 1))
			etcd.Put(t, policies+"default.p199", calicoctlPolicy("default.p199", 1))
			base := mustCreate(t, store, policy("web", 1))
			asked := 0
			err := store.Guarded(datastore.Guard{Kinds: guardKinds, Check: func(*datastore.Snapshot) ([]calico.ID, error) {
				if asked++; asked == 1 {
					c.interfere()
				}
				return reliedOn, nil
			}}).Delete(t.Context(), base)
			if err != nil || (asked > 1) != c.notices {
				t.Errorf("asked %d times, then %v", asked, err)
			}
		})
	}
}

// Where nothing changes, a guarded write is a look and a transaction; where
// everything always changes, it ends.
func TestStoreGuardEnds(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	store := storeOf(t, etcd)
	detect(t, store)
	quiet := store.Guarded(datastore.Guard{Kinds: guardKinds, Check: func(*datastore.Snapshot) ([]calico.ID, error) { return nil, nil }})
	checkCalls(t, etcd, map[string]int{"Txn": 2}, func() {
		if _, err := quiet.Create(context.WithoutCancel(t.Context()), policy("web", 1)); err != nil {
			t.Error(err)
		}
	})
	asked := 0
	busy := store.Guarded(datastore.Guard{Kinds: guardKinds, Check: func(*datastore.Snapshot) ([]calico.ID, error) {
		asked++
		etcd.Put(t, policies+"default.other", calicoctlPolicy("default.other", asked))
		return nil, nil
	}})
	_, err := busy.Create(t.Context(), policy("db", 1))
	if unsettled := asError[*datastore.UnsettledError](t, err); unsettled.Tries != asked {
		t.Errorf("asked %d times: %v", asked, unsettled)
	}
	checkKeys(t, etcd, policies, "default.other", "default.web")
}

// Several who each delete one of several policies at the same time, and each only
// as long as it is not the last: one is left, whoever comes first.
func TestStoreGuardAmongOthers(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	const all = 5
	for range 10 {
		var stores [all]*Store
		var bases [all]*datastore.Stored
		for i := range all {
			stores[i] = storeOf(t, etcd)
			bases[i] = mustCreate(t, stores[i], policy(fmt.Sprintf("p%d", i), 1))
		}
		var errs [all]error
		var others sync.WaitGroup
		for i := range all {
			others.Go(func() {
				errs[i] = stores[i].Guarded(datastore.Guard{Kinds: []calico.Kind{calico.KindGlobalNetworkPolicy}, Check: func(s *datastore.Snapshot) ([]calico.ID, error) {
					var reliedOn []calico.ID
					for _, stored := range s.Objects {
						if stored.Where != bases[i].Where {
							reliedOn = append(reliedOn, calico.IDOf(stored.Object))
						}
					}
					if len(reliedOn) == 0 {
						return nil, errRefused
					}
					return reliedOn, nil
				}}).Delete(t.Context(), bases[i])
			})
		}
		others.Wait()
		refused := -1
		for i, err := range errs {
			switch {
			case errors.Is(err, errRefused) && refused < 0:
				refused = i
			case err != nil:
				t.Fatalf("%d: %v", i, err)
			}
		}
		if refused < 0 {
			t.Fatal("nobody was refused")
		}
		checkKeys(t, etcd, policies, fmt.Sprintf("default.p%d", refused))
		etcd.Delete(t, bases[refused].Where)
	}
}
