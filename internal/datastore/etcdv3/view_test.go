package etcdv3

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// textOf is a snapshot for a comparison.
func textOf(snapshot *datastore.Snapshot) (lines []string) {
	for _, stored := range snapshot.Objects {
		lines = append(lines, fmt.Sprintf("%s@%s %s %s", stored.Where, stored.Version, stored.Object.GetName(), stored.Raw))
	}
	for _, corrupt := range snapshot.Corrupt {
		lines = append(lines, fmt.Sprintf("%s@%s is corrupt", corrupt.Where, corrupt.Version))
	}
	return lines
}

// TestViewIsWhatThereIs makes random histories of writes, of this store and of others, and
// compares what a guard is shown with what a store that looks for the first time finds.
func TestViewIsWhatThereIs(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(20261128, seed))
			etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
			store := storeOf(t, etcd)
			detect(t, store)
			change := func() string {
				name := fmt.Sprintf("p%d", r.IntN(8))
				key := policies + "default." + name
				host := fmt.Sprintf("db%d", r.IntN(4))
				switch r.IntN(9) {
				case 0, 1:
					etcd.Put(t, key, calicoctlPolicy("default."+name, r.IntN(100)))
				case 2:
					etcd.Delete(t, key)
				case 3: // as many as before, and others
					etcd.Delete(t, key)
					etcd.Put(t, policies+"default.q"+name, calicoctlPolicy("default.q"+name, 1))
				case 4:
					etcd.Put(t, key, "{")
				case 5:
					etcd.Put(t, endpoints+host, calicoctlEndpoint(host))
				case 6:
					etcd.Delete(t, endpoints+host)
				case 7:
					if base, err := store.Get(t.Context(), calico.ID{Kind: calico.KindGlobalNetworkPolicy, Name: "mine" + name}); err == nil {
						if err := store.Delete(t.Context(), base); err != nil {
							t.Fatal(err)
						}
						if r.IntN(2) == 0 {
							etcd.Put(t, policies+"default.mine"+name, calicoctlPolicy("default.mine"+name, 3))
						}
						return "this store deletes mine" + name
					}
					mustCreate(t, store, policy("mine"+name, 1))
					return "this store creates mine" + name
				default:
					return "nothing"
				}
				return "others change " + name + " or " + host
			}
			for step := range 60 {
				var what []string
				for range r.IntN(4) {
					what = append(what, change())
				}
				kinds := guardKinds
				if r.IntN(4) == 0 {
					kinds = guardKinds[:1+r.IntN(len(guardKinds))] // another guard looks at less
				}
				got, err := store.Snapshot(t.Context(), kinds)
				if err != nil {
					t.Fatal(err)
				}
				want, err := storeOf(t, etcd).Snapshot(t.Context(), kinds)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(textOf(want), textOf(got)); diff != "" {
					t.Fatalf("step %d, after %s: what is shown is not what there is (-is +shown):\n%s", step, strings.Join(what, ", "), diff)
				}
			}
		})
	}
}

// TestViewForgetsOnlyWhatWasDeleted: what somebody has stored since under the key of what this
// store has deleted stays, or its loss would make up for a deletion by somebody else.
func TestViewForgetsOnlyWhatWasDeleted(t *testing.T) {
	t.Parallel()
	v := &view{kinds: map[calico.Kind]*viewOfKind{calico.KindHostEndpoint: {}}}
	known := v.kinds[calico.KindHostEndpoint]
	key := endpoints + "db1"
	known.put(calico.KindHostEndpoint, storedKV(key, []byte(calicoctlEndpoint("db1")), 7))
	v.forget(calico.KindHostEndpoint, storedKV(key, nil, 6))
	if len(known.entries) != 1 {
		t.Error("what came later is forgotten")
	}
	v.forget(calico.KindHostEndpoint, storedKV(key, nil, 7))
	if len(known.entries) != 0 {
		t.Error("what was deleted is still there")
	}
}

// TestViewOfAnotherEtcd has another etcd behind the same address, and the same one from a
// backup: what was seen before says nothing of it.
func TestViewOfAnotherEtcd(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(v *view){
		"another cluster": func(v *view) { v.cluster++ },
		"an older state":  func(v *view) { v.kinds[calico.KindHostEndpoint].revision += 1000 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
			store := storeOf(t, etcd)
			mustCreate(t, store, policy("web", 1))
			if _, err := store.Snapshot(t.Context(), guardKinds); err != nil {
				t.Fatal(err)
			}
			known := store.view.kinds[calico.KindGlobalNetworkPolicy]
			known.put(calico.KindGlobalNetworkPolicy, storedKV(policies+"default.ghost", []byte(calicoctlPolicy("default.ghost", 1)), 1))
			etcd.Put(t, policies+"default.new", calicoctlPolicy("default.new", 1))
			etcd.Delete(t, policies+"default.web")
			change(&store.view)
			got, err := store.Snapshot(t.Context(), guardKinds)
			if err != nil {
				t.Fatal(err)
			}
			want, err := storeOf(t, etcd).Snapshot(t.Context(), guardKinds)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(textOf(want), textOf(got)); diff != "" {
				t.Errorf("what is shown is not what there is (-is +shown):\n%s", diff)
			}
		})
	}
}

// TestGuardedWritesReadWhatChanged counts what many guarded writes cost: two calls each, and
// as many bytes each, however many objects there are.
func TestGuardedWritesReadWhatChanged(t *testing.T) {
	t.Parallel()
	sent := map[int]int{}
	for _, n := range []int{100, 300} {
		etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
		store := storeOf(t, etcd)
		detect(t, store)
		seen := 0
		guarded := store.Guarded(datastore.Guard{Kinds: guardKinds, Check: func(s *datastore.Snapshot) ([]calico.ID, error) {
			seen = len(s.Objects)
			return nil, nil
		}})
		sent[n] = etcd.SentDuring(t, func() {
			checkCalls(t, etcd, map[string]int{"Txn": 4 * n}, func() {
				var all []*datastore.Stored
				for i := range n {
					stored, err := guarded.Create(context.WithoutCancel(t.Context()), endpoint(fmt.Sprintf("db%03d", i)))
					if err != nil {
						t.Fatal(err)
					}
					all = append(all, stored)
				}
				if seen < n-1 {
					t.Errorf("the guard was shown %d objects of %d", seen, n)
				}
				for _, stored := range all {
					if err := guarded.Delete(t.Context(), stored); err != nil {
						t.Fatal(err)
					}
				}
			})
		})
	}
	if sent[300] > 4*sent[100] {
		t.Errorf("100 writes read %d bytes, and 300 read %d: more than as many times", sent[100], sent[300])
	}
	t.Logf("etcd has sent %d bytes for 100 guarded creates and deletes, %d for 300", sent[100], sent[300])
}
