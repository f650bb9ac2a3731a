package etcdv3

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

const felixDefault = acctest.ResourcePrefix + "felixconfigurations/default"

// felixValue is a stored FelixConfiguration with the given fields.
func felixValue(fields string) string {
	return `{"kind":"FelixConfiguration","apiVersion":"projectcalico.org/v3","metadata":{"name":"default","uid":"` + theirUID + `","creationTimestamp":"` + theirTime + `"},"spec":{` + fields + `}}`
}

func TestStorePatch(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	store := storeOf(t, etcd)
	id := calico.ID{Kind: calico.KindFelixConfiguration, Name: "default"}
	etcd.Put(t, felixDefault, felixValue(`"other":[ 1 ],"ipipMTU":1480`))
	base := mustGet(t, store, id)
	detect(t, store)

	checkCalls(t, etcd, map[string]int{"Txn": 1}, func() {
		stored, err := store.Patch(t.Context(), base, storage.SpecPatch{"ipipMTU": json.RawMessage("1400")})
		if err != nil {
			t.Fatal(err)
		}
		base = stored
	})
	if want := felixValue(`"other":[ 1 ],"ipipMTU":1400`); string(base.Raw) != want || etcd.MustGet(t, felixDefault).Value != want {
		t.Errorf("stored: %s", base.Raw)
	}

	// Somebody else's change of something else is kept, and no conflict.
	etcd.Put(t, felixDefault, felixValue(`"other":[ 2 ],"ipipMTU":1400`))
	if _, err := store.Patch(t.Context(), base, storage.SpecPatch{"ipipMTU": json.RawMessage("1300")}); err != nil {
		t.Fatal(err)
	}
	if got, want := etcd.MustGet(t, felixDefault).Value, felixValue(`"other":[ 2 ],"ipipMTU":1300`); got != want {
		t.Errorf("stored: %s", got)
	}

	// One of the same field is.
	_, err := store.Patch(t.Context(), base, storage.SpecPatch{"ipipMTU": nil})
	if conflict := asError[*datastore.ConflictError](t, err); !slices.Equal(conflict.Changes, []string{"spec.ipipMTU: 1400 -> 1300"}) {
		t.Errorf("%+v", conflict)
	}
	etcd.Delete(t, felixDefault)
	_, err = store.Patch(t.Context(), base, storage.SpecPatch{"ipipMTU": nil})
	if conflict := asError[*datastore.ConflictError](t, err); !conflict.Deleted {
		t.Errorf("%+v", conflict)
	}
	if _, found := etcd.Get(t, felixDefault); found {
		t.Error("what was deleted is there again")
	}
}

func tier(name string) *v3.Tier {
	t := v3.NewTier()
	t.Name = name
	return t
}

// A tier goes only when no policy of any kind is in it.
func TestStoreKeepsTiersInUse(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	store := storeOf(t, etcd)
	detect(t, store)
	base := mustCreate(t, store, tier("sec"))
	global := policy("sec.web", 1)
	global.Spec.Tier = "sec"
	namespaced := v3.NewNetworkPolicy()
	namespaced.Name, namespaced.Namespace, namespaced.Spec.Tier = "sec.db", "prod", "sec"
	staged := v3.NewStagedGlobalNetworkPolicy()
	staged.Name, staged.Spec.Tier = "sec.try", "sec"
	mustCreate(t, store, policy("elsewhere", 1))

	for _, obj := range []calico.Object{global, namespaced, staged} {
		user := mustCreate(t, store, obj)
		err := store.Delete(t.Context(), base)
		if used := asError[*datastore.InUseError](t, err); len(used.Users) != 1 || used.Users[0] != calico.IDOf(obj) || used.More != 0 {
			t.Errorf("%s: %+v", user.Where, used)
		}
		if err := store.Delete(t.Context(), user); err != nil {
			t.Fatal(err)
		}
	}

	// A policy that comes between the look and the deletion is seen.
	watched := openStore(t, configOf(etcd, acctest.User{}), Options{Observe: func(_ context.Context, call datastore.Call) {
		if call.Operation == "list" {
			if _, found := etcd.Get(t, policies+"sec.web"); !found {
				etcd.Put(t, policies+"sec.web", calicoctlPolicy("sec.web", 1))
			}
		}
	}})
	detect(t, watched)
	_ = asError[*datastore.InUseError](t, watched.Delete(t.Context(), base))
	checkKeys(t, etcd, tiers, "adminnetworkpolicy", "baselineadminnetworkpolicy", "default", "sec")

	etcd.Delete(t, policies+"sec.web")
	checkCalls(t, etcd, map[string]int{"Txn": 2}, func() {
		if err := store.Delete(t.Context(), base); err != nil {
			t.Errorf("an empty tier: %v", err)
		}
	})
	checkKeys(t, etcd, tiers, "adminnetworkpolicy", "baselineadminnetworkpolicy", "default")
}

// A policy does not move into a tier that is not there.
func TestStoreMovesPoliciesIntoTiersThatExist(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.32.0"))
	store := storeOf(t, etcd)
	base := mustCreate(t, store, policy("web", 1))
	moved := policy("web", 1)
	moved.Spec.Tier = "sec"
	_, err := store.Update(t.Context(), moved, base)
	if missing := asError[*datastore.TierMissingError](t, err); missing.Tier != "sec" {
		t.Errorf("%+v", missing)
	}
	mustCreate(t, store, tier("sec"))
	if base, err = store.Update(t.Context(), moved, base); err != nil {
		t.Fatal(err)
	}
	// Where it stays, the tier is not looked for, as by Calico's client.
	etcd.Delete(t, tiers+"sec")
	moved.Spec.Selector = "all()"
	if _, err := store.Update(t.Context(), moved, base); err != nil {
		t.Errorf("an update of a policy whose tier is gone: %v", err)
	}
}
