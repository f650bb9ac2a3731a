package etcdv3

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// checkOneAtEveryRevision replays the history of the policies up to a revision:
// from when the first was made, there is one at every revision.
func checkOneAtEveryRevision(t *testing.T, etcd *acctest.Etcd, until string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	there := map[string]bool{}
	writes := 0
	for answer := range etcd.Client(t).Watch(ctx, policies, clientv3.WithPrefix(), clientv3.WithRev(1), clientv3.WithFragment()) {
		if err := answer.Err(); err != nil {
			t.Fatal(err)
		}
		for i, event := range answer.Events {
			there[string(event.Kv.Key)] = event.Type == clientv3.EventTypePut
			if i+1 < len(answer.Events) && answer.Events[i+1].Kv.ModRevision == event.Kv.ModRevision {
				continue // the same transaction
			}
			writes++
			count := 0
			for _, is := range there {
				if is {
					count++
				}
			}
			if count != 1 {
				t.Errorf("at revision %d there are %d policies: %v", event.Kv.ModRevision, count, there)
			}
			if fmt.Sprint(event.Kv.ModRevision) == until {
				if writes != 2 {
					t.Errorf("there were %d writes, want one to create and one to move", writes)
				}
				return
			}
		}
	}
	t.Fatalf("the watch ended before revision %s", until)
}

// migrate does to a policy what kube-controllers of v3.32 does. between runs between its two transactions.
func migrate(t *testing.T, etcd *acctest.Etcd, name string, between func()) {
	t.Helper()
	old := etcd.MustGet(t, policies+"default."+name)
	var p v3.GlobalNetworkPolicy
	if err := json.Unmarshal([]byte(old.Value), &p); err != nil {
		t.Fatal(err)
	}
	p.Name = name
	p.Annotations = map[string]string{storage.MetadataAnnotation: `{"name":"` + name + `"}`}
	value, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	client := etcd.Client(t)
	if _, err := client.Txn(t.Context()).
		If(clientv3.Compare(clientv3.Version(policies+name), "=", 0)).
		Then(clientv3.OpPut(policies+name, string(value))).Commit(); err != nil {
		t.Fatal(err)
	}
	if between != nil {
		between()
	}
	if _, err := client.Txn(t.Context()).
		If(clientv3.Compare(clientv3.ModRevision(old.Key), "=", old.Revision)).
		Then(clientv3.OpDelete(old.Key)).Commit(); err != nil {
		t.Fatal(err)
	}
}

// TestStoreAndTheMigrator has Calico's own migrator run between a read and the
// write that follows from it.
func TestStoreAndTheMigrator(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t)
	for _, before := range []string{"v3.28.5", "v3.31.0"} {
		for operation, write := range map[string]func(t *testing.T, store *Store, base *datastore.Stored){
			"update": func(t *testing.T, store *Store, base *datastore.Stored) {
				updated, err := store.Update(t.Context(), policy("failsafe", 20), base)
				if err != nil {
					t.Fatal(err)
				}
				checkKeys(t, etcd, policies, "failsafe")
				checkStored(t, etcd, updated)
				if orderOf(t, updated) != 20 || updated.Object.GetUID() != base.Object.GetUID() {
					t.Errorf("it became %s", updated.Raw)
				}
			},
			"delete": func(t *testing.T, store *Store, base *datastore.Stored) {
				if err := store.Delete(t.Context(), base); err != nil {
					t.Fatal(err)
				}
				checkKeys(t, etcd, policies)
			},
		} {
			// The migrator runs when Calico was upgraded, which a store may have
			// seen or not when it read.
			for _, readBefore := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s from %s, detected before %t", operation, before, readBefore), func(t *testing.T) {
					reset(t, etcd, before)
					mustCreate(t, storeOf(t, etcd), policy("failsafe", 10))
					store := storeOf(t, etcd)
					var base *datastore.Stored
					if readBefore {
						base = mustGet(t, store, policyID("failsafe"))
					}
					etcd.Put(t, info, clusterInformation("v3.32.0", true))
					if !readBefore {
						base = mustGet(t, store, policyID("failsafe"))
					}
					migrate(t, etcd, "failsafe", nil)
					write(t, store, base)
				})
			}
		}
	}
}

// TestStoreFindsWhatTheMigratorLeaves has policies that Calico's migrator does not
// touch: one that its user named default.failsafe, and one of another tier.
func TestStoreFindsWhatTheMigratorLeaves(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	etcd.Put(t, tiers+"sec", `{"kind":"Tier","apiVersion":"projectcalico.org/v3","metadata":{"name":"sec"},"spec":{}}`)
	mustCreate(t, storeOf(t, etcd), policy("default.failsafe", 1))
	mustCreate(t, storeOf(t, etcd), ofTier(policy("sec.q", 1), "sec"))
	etcd.Put(t, info, clusterInformation("v3.32.0", true))

	store := storeOf(t, etcd)
	for _, p := range []*v3.GlobalNetworkPolicy{policy("default.failsafe", 2), ofTier(policy("sec.q", 2), "sec")} {
		updated, err := store.Update(t.Context(), p, mustGet(t, store, calico.IDOf(p)))
		if err != nil {
			t.Fatal(err)
		}
		if updated.Where != policies+p.Name || orderOf(t, updated) != 2 {
			t.Errorf("%s became, at %s, %s", p.Name, updated.Where, updated.Raw)
		}
	}
	checkKeys(t, etcd, policies, "default.failsafe", "sec.q")
}

// TestStoreAmidTheMigration writes between the migrator's two transactions,
// when there are two policies for a moment: one must never be left behind.
func TestStoreAmidTheMigration(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t)
	for operation, write := range map[string]func(store *Store, base *datastore.Stored) error{
		"update": func(store *Store, base *datastore.Stored) error {
			_, err := store.Update(t.Context(), policy("failsafe", 20), base)
			return err
		},
		"delete": func(store *Store, base *datastore.Stored) error { return store.Delete(t.Context(), base) },
	} {
		t.Run(operation, func(t *testing.T) {
			reset(t, etcd, "v3.31.0")
			mustCreate(t, storeOf(t, etcd), policy("failsafe", 10))
			etcd.Put(t, info, clusterInformation("v3.32.0", true))
			store := storeOf(t, etcd)
			base := mustGet(t, store, policyID("failsafe"))
			migrate(t, etcd, "failsafe", func() {
				err := write(store, base)
				ambiguous := asError[*datastore.AmbiguousError](t, err)
				if slices.Sort(ambiguous.Keys); !slices.Equal(ambiguous.Keys, []string{policies + "default.failsafe", policies + "failsafe"}) {
					t.Errorf("the error names %q", ambiguous.Keys)
				}
			})
			checkKeys(t, etcd, policies, "failsafe")
			// Once the migrator is done, the same write goes through.
			if err := write(store, base); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestStoreFollowsAnUpgrade has Calico upgraded after the store has looked.
func TestStoreFollowsAnUpgrade(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	store := storeOf(t, etcd)
	base := mustCreate(t, store, policy("old", 1))
	doomed := mustCreate(t, store, policy("doomed", 1))
	checkKeys(t, etcd, policies, "default.doomed", "default.old")

	etcd.Put(t, info, clusterInformation("v3.32.0", true))
	// One write that is refused by the guard, one look, and the write.
	checkCalls(t, etcd, map[string]int{"Txn": 3}, func() { mustCreate(t, store, policy("new", 1)) })
	checkKeys(t, etcd, policies, "default.doomed", "default.old", "new")
	if got := detect(t, store).Release; storage.NamingOf(got) != storage.NamingPlain {
		t.Errorf("the store still takes the datastore for one of %s", got)
	}

	// A change that tells nothing new, as calico-node's at each start.
	etcd.Put(t, info, clusterInformation("v3.32.0", true))
	checkCalls(t, etcd, map[string]int{"Txn": 3}, func() {
		if _, err := store.Update(t.Context(), policy("old", 2), base); err != nil {
			t.Fatal(err)
		}
	})
	checkKeys(t, etcd, policies, "default.doomed", "new", "old")

	etcd.Delete(t, info)
	if err := store.Delete(t.Context(), doomed); err != nil {
		t.Fatal(err)
	}
	checkKeys(t, etcd, policies, "new", "old")
}
