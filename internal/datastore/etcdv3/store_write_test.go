package etcdv3

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// TestStoreWritesInOneCall counts the calls of an object's whole life.
func TestStoreWritesInOneCall(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		id            calico.ID
		first, second calico.Object
		prefix        string
	}{
		"HostEndpoint": {
			id: endpointID("db1-eth0"), prefix: endpoints,
			first: endpoint("db1-eth0"), second: relabeled(endpoint("db1-eth0"), "web"),
		},
		"GlobalNetworkPolicy": {
			id: policyID("failsafe"), prefix: policies,
			first: policy("failsafe", 0), second: policy("failsafe", 10),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
			calls := &recorder{}
			store := openStore(t, configOf(etcd, acctest.User{}), Options{Observe: calls.observe})
			one := map[string]int{"Txn": 1}

			checkCalls(t, etcd, one, func() { detect(t, store) })
			checkCalls(t, etcd, map[string]int{}, func() { detect(t, store) })

			began := time.Now().UTC().Truncate(time.Second)
			var created *datastore.Stored
			checkCalls(t, etcd, one, func() { created = mustCreate(t, store, test.first) })
			checkStored(t, etcd, created)
			if got := etcd.MustGet(t, created.Where); got.Version != 1 {
				t.Errorf("it was created with %d writes", got.Version)
			}
			if !calico.Equal(created.Object, test.first) {
				t.Errorf("created %+v, want %+v", created.Object, test.first)
			}
			if id, err := uuid.Parse(string(created.Object.GetUID())); err != nil || id.Version() != 4 {
				t.Errorf("its uid is %q", created.Object.GetUID())
			}
			if at := created.Object.GetCreationTimestamp(); at.Time.Before(began) || at.After(time.Now()) {
				t.Errorf("it was created at %s, but not before %s", at, began)
			}

			var updated *datastore.Stored
			checkCalls(t, etcd, one, func() {
				var err error
				if updated, err = store.Update(t.Context(), test.second, created); err != nil {
					t.Fatal(err)
				}
			})
			checkStored(t, etcd, updated)
			if got := etcd.MustGet(t, updated.Where); updated.Where != created.Where || got.Version != 2 {
				t.Errorf("it was updated with %d writes, at %s", got.Version-1, updated.Where)
			}
			if !calico.Equal(updated.Object, test.second) {
				t.Errorf("updated to %+v, want %+v", updated.Object, test.second)
			}
			if updated.Object.GetUID() != created.Object.GetUID() || !reflect.DeepEqual(updated.Object.GetCreationTimestamp(), created.Object.GetCreationTimestamp()) {
				t.Errorf("uid and time changed: %s, then %s", created.Raw, updated.Raw)
			}

			checkCalls(t, etcd, one, func() {
				if err := store.Delete(t.Context(), updated); err != nil {
					t.Fatal(err)
				}
			})
			checkKeys(t, etcd, test.prefix)
			want := []string{"detect ok", "create ok", "update ok", "delete ok"}
			if got := calls.told(); !reflect.DeepEqual(got, want) {
				t.Errorf("told of %q, want %q", got, want)
			}
			for _, c := range calls.calls {
				if c.Revision == "" || c.Duration <= 0 || !strings.HasPrefix(c.Key, acctest.ResourcePrefix) {
					t.Errorf("told of %+v", c)
				}
			}
			// What is written was not changed by writing it.
			if test.first.GetUID() != "" || test.second.GetUID() != "" || len(test.first.GetAnnotations()) > 0 {
				t.Errorf("the caller's objects were changed: %+v, %+v", test.first, test.second)
			}
		})
	}
}

func relabeled(h *v3.HostEndpoint, role string) *v3.HostEndpoint {
	h.Labels = map[string]string{"role": role}
	return h
}

// checkStored holds that what a write returned is what is there.
func checkStored(t *testing.T, etcd *acctest.Etcd, stored *datastore.Stored) {
	t.Helper()
	got := etcd.MustGet(t, stored.Where)
	if got.Value != string(stored.Raw) || fmt.Sprint(got.Revision) != stored.Version {
		t.Errorf("stored is, at %d,\n%s\nbut the write returned, at %s,\n%s", got.Revision, got.Value, stored.Version, stored.Raw)
	}
}

// TestStoreCreateTakesNothingOver has something there already, under each of
// the names that a policy may have, whatever it is.
func TestStoreCreateTakesNothingOver(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t)
	for _, version := range []string{"v3.28.5", "v3.29.0", "v3.31.0", "v3.32.0"} {
		for _, there := range []string{"failsafe", "default.failsafe"} {
			for name, value := range map[string]string{
				"the same":     calicoctlPolicy(there, 10),
				"another":      calicoctlPolicy(there, 99),
				"another kind": calicoctlEndpoint(there),
				"no JSON":      "not JSON",
				"nothing":      "",
			} {
				t.Run(version+" with "+name+" at "+there, func(t *testing.T) {
					reset(t, etcd, version)
					revision := strconv.FormatInt(etcd.Put(t, policies+there, value), 10)
					store := storeOf(t, etcd)
					detect(t, store)
					checkCalls(t, etcd, map[string]int{"Txn": 1}, func() {
						_, err := store.Create(t.Context(), policy("failsafe", 10))
						exists := asError[*datastore.AlreadyExistsError](t, err)
						if exists.Where != policies+there || exists.ID.Name != "failsafe" {
							t.Errorf("the error is %v", exists)
						}
						// What was found comes along, so that it can be compared.
						switch {
						case name == "the same" || name == "another":
							if exists.Stored == nil || string(exists.Stored.Raw) != value || exists.Stored.Object.GetName() != "failsafe" ||
								exists.Stored.Version != revision {
								t.Errorf("found was %+v", exists.Stored)
							}
							if exists.Identical() != (name == "the same") || name == "another" && !slices.Equal(exists.Changes, []string{"spec.order: 99 -> 10"}) {
								t.Errorf("identical: %t, with %q", exists.Identical(), exists.Changes)
							}
						case exists.Stored != nil || exists.Identical():
							t.Errorf("found was %+v", exists.Stored)
						}
					})
					if got := etcd.MustGet(t, policies+there); got.Value != value || got.Version != 1 {
						t.Errorf("it was overwritten: %+v", got)
					}
					checkKeys(t, etcd, policies, there)
				})
			}
		}
	}
}

// TestStoreCreateFindsTwo has the policy there under the names of two releases: neither
// is taken for the one that a create would make.
func TestStoreCreateFindsTwo(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.32.0"))
	for _, name := range []string{"failsafe", "default.failsafe"} {
		etcd.Put(t, policies+name, calicoctlPolicy(name, 10))
	}
	_, err := storeOf(t, etcd).Create(t.Context(), policy("failsafe", 10))
	if exists := asError[*datastore.AlreadyExistsError](t, err); exists.Stored != nil || exists.Identical() {
		t.Errorf("found was %+v", exists.Stored)
	}
}

// TestStoreLeavesCorruptValuesAlone corrupts what was read.
func TestStoreLeavesCorruptValuesAlone(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	for name, value := range map[string]string{
		"no JSON":      "not JSON",
		"half of it":   calicoctlEndpoint("db1-eth0")[:40],
		"nothing":      "",
		"another kind": calicoctlPolicy("db1-eth0", 1),
	} {
		t.Run(name, func(t *testing.T) {
			key := endpoints + "db1-eth0"
			etcd.Put(t, key, calicoctlEndpoint("db1-eth0"))
			store := storeOf(t, etcd)
			base := mustGet(t, store, endpointID("db1-eth0"))
			etcd.Put(t, key, value)
			there := etcd.MustGet(t, key)

			if _, err := store.Get(t.Context(), endpointID("db1-eth0")); err == nil {
				t.Error("it is read")
			} else {
				_ = asError[*datastore.CorruptError](t, err)
			}
			if _, err := store.Update(t.Context(), relabeled(endpoint("db1-eth0"), "web"), base); err == nil {
				t.Error("it is updated")
			}
			if err := store.Delete(t.Context(), base); err == nil {
				t.Error("it is deleted")
			}
			if _, err := store.Create(t.Context(), endpoint("db1-eth0")); err == nil {
				t.Error("it is created")
			}
			if got := etcd.MustGet(t, key); got != there {
				t.Errorf("it was %+v, and is %+v", there, got)
			}
		})
	}
}

// TestStoreKeepsWhatItDoesNotKnow updates an object that a later release, or
// somebody by hand, has given more than the types hold.
func TestStoreKeepsWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t)
	for _, version := range []string{"v3.28.5", "v3.31.0", "v3.32.0"} {
		t.Run(version, func(t *testing.T) {
			reset(t, etcd, version)
			name := "default.failsafe"
			if version == "v3.32.0" {
				name = "failsafe"
			}
			value := calicoctlPolicy(name, 10)
			value = changed(t, value, `"order":10`, `"futureField":{"a":[1,2.50]},"order":10`)
			value = changed(t, value, `"action":"Allow"`, `"action":"Allow","futureMatch":"x"`)
			value = changed(t, value, `"metadata":{`, `"status":{"future":12345678901234567890.50},"metadata":{"finalizers":["keep/me"],"ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"n","uid":"u"}],`)
			etcd.Put(t, policies+name, value)
			store := storeOf(t, etcd)
			updated, err := store.Update(t.Context(), policy("failsafe", 11), mustGet(t, store, policyID("failsafe")))
			if err != nil {
				t.Fatal(err)
			}
			got := etcd.MustGet(t, policies+name).Value
			for _, kept := range []string{
				`"futureField":{"a":[1,2.50]}`, `"futureMatch":"x"`, `"status":{"future":12345678901234567890.50}`,
				`"finalizers":["keep/me"]`, `"ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"n","uid":"u"}]`,
				`"uid":"` + theirUID + `"`, `"creationTimestamp":"` + theirTime + `"`, `"order":11`,
			} {
				if !strings.Contains(got, kept) {
					t.Errorf("%s is missing in %s", kept, got)
				}
			}
			checkStored(t, etcd, updated)
		})
	}
}

// TestStoreRepairsIdentity updates objects that calicoctl could never update
// again, as they lack a uid, a creation time or both.
func TestStoreRepairsIdentity(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	uid, created := `"uid":"`+theirUID+`",`, `"creationTimestamp":"`+theirTime+`",`
	for name, test := range map[string]struct {
		missing            []string
		keepsUID, keepsAge bool
	}{
		"no-uid":     {missing: []string{uid}, keepsAge: true},
		"no-time":    {missing: []string{created}, keepsUID: true},
		"neither":    {missing: []string{uid, created}},
		"both-there": {keepsUID: true, keepsAge: true},
	} {
		t.Run(name, func(t *testing.T) {
			value := calicoctlEndpoint(name)
			for _, m := range test.missing {
				value = changed(t, value, m, "")
			}
			etcd.Put(t, endpoints+name, value)
			store := storeOf(t, etcd)
			stored := mustGet(t, store, endpointID(name))
			var uids []string
			for _, role := range []string{"web", "mail"} {
				var err error
				if stored, err = store.Update(t.Context(), relabeled(endpoint(name), role), stored); err != nil {
					t.Fatal(err)
				}
				raw := []byte(etcd.MustGet(t, endpoints+name).Value)
				id, _ := at(t, raw, "metadata", "uid").(string)
				when, _ := at(t, raw, "metadata", "creationTimestamp").(string)
				if _, err := uuid.Parse(id); err != nil || (id == theirUID) != test.keepsUID {
					t.Errorf("the uid is %q", id)
				}
				if _, err := time.Parse("2006-01-02T15:04:05Z", when); err != nil || (when == theirTime) != test.keepsAge {
					t.Errorf("the creation time is %q", when)
				}
				uids = append(uids, id)
			}
			if uids[0] != uids[1] {
				t.Errorf("the uid changes with every update: %q", uids)
			}
		})
	}
}

// TestStoreDeleteIsExact deletes an object whose name begins another's.
func TestStoreDeleteIsExact(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	store := storeOf(t, etcd)
	var first *datastore.Stored
	for _, name := range []string{"db1", "db1-eth0", "db10"} {
		if stored := mustCreate(t, store, endpoint(name)); first == nil {
			first = stored
		}
	}
	if err := store.Delete(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	checkKeys(t, etcd, endpoints, "db1-eth0", "db10")
}

// TestStoreWritesPoliciesOfATier needs the tier, as Calico's own client does.
func TestStoreWritesPoliciesOfATier(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t)
	for _, version := range []string{"v3.29.0", "v3.31.0", "v3.32.0"} {
		t.Run(version, func(t *testing.T) {
			reset(t, etcd, version)
			store := storeOf(t, etcd)
			p := policy("sec.web", 1)
			p.Spec.Tier = "sec"
			detect(t, store)
			checkCalls(t, etcd, map[string]int{"Txn": 1}, func() {
				_, err := store.Create(t.Context(), p)
				if missing := asError[*datastore.TierMissingError](t, err); missing.Tier != "sec" || missing.Where != tiers+"sec" {
					t.Errorf("the error is %v", missing)
				}
			})
			checkKeys(t, etcd, policies)
			etcd.Put(t, tiers+"sec", `{"kind":"Tier","apiVersion":"projectcalico.org/v3","metadata":{"name":"sec"},"spec":{"order":1}}`)
			created := mustCreate(t, store, p)
			if created.Where != policies+"sec.web" || at(t, created.Raw, "spec", "tier") != "sec" ||
				at(t, created.Raw, "metadata", "labels", v3.LabelTier) != "sec" {
				t.Errorf("stored at %s: %s", created.Where, created.Raw)
			}
			// Moving it to another tier is an update that Calico does not check,
			// and where v3.32 keeps the key.
			if version == "v3.32.0" {
				moved := policy("sec.web", 2)
				updated, err := store.Update(t.Context(), moved, created)
				if err != nil || updated.Where != created.Where || at(t, updated.Raw, "spec", "tier") != "default" {
					t.Errorf("moved to the tier default: %+v, %v", updated, err)
				}
			}
		})
	}
}
