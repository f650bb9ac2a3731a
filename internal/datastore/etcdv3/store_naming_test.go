package etcdv3

import (
	"fmt"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// TestStoreNamesPoliciesAsTheReleaseDoes creates a policy by both spellings of
// its name in a datastore of each release.
func TestStoreNamesPoliciesAsTheReleaseDoes(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t)
	type naming struct {
		name, storedName, annotation string
		label, tier                  any
	}
	old := []naming{{"failsafe", "default.failsafe", "", nil, nil}, {"default.failsafe", "default.failsafe", "", nil, nil}}
	annotated := []naming{
		{"failsafe", "default.failsafe", `{"name":"failsafe"}`, nil, nil},
		{"default.failsafe", "default.failsafe", `{"name":"default.failsafe"}`, nil, nil},
	}
	plain := []naming{
		{"failsafe", "failsafe", `{"name":"failsafe"}`, "default", "default"},
		{"default.failsafe", "default.failsafe", `{"name":"default.failsafe"}`, "default", "default"},
		{"web.failsafe", "web.failsafe", `{"name":"web.failsafe"}`, "default", "default"},
	}
	for version, want := range map[string][]naming{
		"v3.28.5": old[:1], "v3.29.0": old, "v3.29.3": old,
		"v3.29.4": annotated, "v3.30.0": annotated, "v3.31.7": annotated,
		"v3.32.0": plain, "v3.32.1-12-gabcdef": plain, "v3.33.0": plain,
	} {
		for _, n := range want {
			t.Run(version+" "+n.name, func(t *testing.T) {
				reset(t, etcd, version)
				store := storeOf(t, etcd)
				stored := mustCreate(t, store, policy(n.name, 10))
				checkKeys(t, etcd, policies, n.storedName)
				raw := []byte(etcd.MustGet(t, policies+n.storedName).Value)
				got := naming{
					name:       stored.Object.GetName(),
					storedName: fmt.Sprint(at(t, raw, "metadata", "name")),
					label:      at(t, raw, "metadata", "labels", v3.LabelTier),
					tier:       at(t, raw, "spec", "tier"),
				}
				if a := at(t, raw, "metadata", "annotations", storage.MetadataAnnotation); a != nil {
					got.annotation = fmt.Sprint(a)
				}
				if got != n {
					t.Errorf("stored as %+v, want %+v:\n%s", got, n, raw)
				}
				// A new store, as another run of Terraform has, finds it again.
				again := mustGet(t, storeOf(t, etcd), policyID(n.name))
				if again.Object.GetName() != n.name || !calico.Equal(again.Object, policy(n.name, 10)) {
					t.Errorf("read back as %+v", again.Object)
				}
			})
		}
	}
}

// ofTier puts a policy into a tier.
func ofTier(p *v3.GlobalNetworkPolicy, tier string) *v3.GlobalNetworkPolicy {
	p.Spec.Tier = tier
	return p
}

// TestStoreNamesPoliciesOfTiers has policies in a tier of their own: from
// v3.29 on, under the same name in all releases, with the tier in its label.
func TestStoreNamesPoliciesOfTiers(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t)
	for _, test := range []struct {
		version, name, tier string
		// storedName is empty where the release has no such policy.
		storedName, annotation string
		label, storedTier      any
	}{
		{version: "v3.28.5", name: "sec.q", tier: "sec"},
		{"v3.29.0", "sec.q", "sec", "sec.q", "", "sec", "sec"},
		{"v3.29.3", "sec.q", "sec", "sec.q", "", "sec", "sec"},
		{"v3.29.4", "sec.q", "sec", "sec.q", `{"name":"sec.q"}`, "sec", "sec"},
		{"v3.31.7", "sec.q", "sec", "sec.q", `{"name":"sec.q"}`, "sec", "sec"},
		{"v3.32.0", "sec.q", "sec", "sec.q", `{"name":"sec.q"}`, "sec", "sec"},
		{"v3.32.0", "q", "sec", "q", `{"name":"q"}`, "sec", "sec"},
		{"v3.32.0", "other.q", "sec", "other.q", `{"name":"other.q"}`, "sec", "sec"},
		// The tier "default", written down by the user.
		{"v3.28.5", "q", "default", "default.q", "", nil, nil},
		{"v3.29.0", "q", "default", "default.q", "", nil, "default"},
		{"v3.31.0", "q", "default", "default.q", `{"name":"q"}`, nil, "default"},
		{"v3.32.0", "q", "default", "q", `{"name":"q"}`, "default", "default"},
	} {
		t.Run(test.version+" "+test.tier+" "+test.name, func(t *testing.T) {
			reset(t, etcd, test.version)
			etcd.Put(t, tiers+"sec", `{"kind":"Tier","apiVersion":"projectcalico.org/v3","metadata":{"name":"sec"},"spec":{}}`)
			store := storeOf(t, etcd)
			if test.storedName == "" {
				if stored, err := store.Create(t.Context(), ofTier(policy(test.name, 1), test.tier)); err == nil {
					t.Errorf("a release without tiers stores %s", stored.Raw)
				}
				checkKeys(t, etcd, policies)
				return
			}
			stored := mustCreate(t, store, ofTier(policy(test.name, 1), test.tier))
			checkKeys(t, etcd, policies, test.storedName)
			annotation, _ := at(t, stored.Raw, "metadata", "annotations", storage.MetadataAnnotation).(string)
			if label, tier := at(t, stored.Raw, "metadata", "labels", v3.LabelTier), at(t, stored.Raw, "spec", "tier"); annotation != test.annotation || label != test.label || tier != test.storedTier {
				t.Errorf("stored with annotation %q, label %v and tier %v:\n%s", annotation, label, tier, stored.Raw)
			}
			id := policyID(test.name)
			id.Tier = test.tier
			if again := mustGet(t, storeOf(t, etcd), id); again.Object.GetName() != test.name || !calico.Equal(again.Object, ofTier(policy(test.name, 1), test.tier)) {
				t.Errorf("read back as %+v", again.Object)
			}
		})
	}
}

// TestStoreKeepsAPolicyOfATierWhereItIs updates one after each upgrade: its name
// is the same in all conventions. Back in a release without tiers it is refused,
// as that would put it into the only tier there.
func TestStoreKeepsAPolicyOfATierWhereItIs(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.29.0"))
	etcd.Put(t, tiers+"sec", `{"kind":"Tier","apiVersion":"projectcalico.org/v3","metadata":{"name":"sec"},"spec":{}}`)
	mustCreate(t, storeOf(t, etcd), ofTier(policy("sec.q", 0), "sec"))
	id := policyID("sec.q")
	id.Tier = "sec"
	for i, version := range []string{"v3.31.0", "v3.32.0", "v3.29.0"} {
		etcd.Put(t, info, clusterInformation(version, true))
		store := storeOf(t, etcd)
		updated, err := store.Update(t.Context(), ofTier(policy("sec.q", float64(i+1)), "sec"), mustGet(t, store, id))
		if err != nil {
			t.Fatal(err)
		}
		checkKeys(t, etcd, policies, "sec.q")
		if orderOf(t, updated) != float64(i+1) || at(t, updated.Raw, "metadata", "labels", v3.LabelTier) != "sec" {
			t.Errorf("in %s it became %s", version, updated.Raw)
		}
	}
	etcd.Put(t, info, clusterInformation("v3.28.5", true))
	store := storeOf(t, etcd)
	base := mustGet(t, store, id)
	if _, err := store.Update(t.Context(), ofTier(policy("sec.q", 9), "sec"), base); err == nil {
		t.Error("a release without tiers took a policy of one")
	}
	if err := store.Delete(t.Context(), base); err != nil {
		t.Error(err)
	}
	checkKeys(t, etcd, policies)
}

// TestStoreTakesBothSpellingsForOnePolicy creates, reads and deletes a policy by
// one spelling of its name where it was made by the other. Up to v3.31 they share
// a key, and from v3.32 on they would be two policies that are both enforced.
func TestStoreTakesBothSpellingsForOnePolicy(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t)
	for _, version := range []string{"v3.29.0", "v3.31.0", "v3.32.0"} {
		for _, names := range [][2]string{{"failsafe", "default.failsafe"}, {"default.failsafe", "failsafe"}} {
			t.Run(version+" "+names[0], func(t *testing.T) {
				reset(t, etcd, version)
				made := mustCreate(t, storeOf(t, etcd), policy(names[0], 1))
				store := storeOf(t, etcd)
				_, err := store.Create(t.Context(), policy(names[1], 2))
				if exists := asError[*datastore.AlreadyExistsError](t, err); exists.Where != made.Where {
					t.Errorf("the error names %s", exists.Where)
				}
				base := mustGet(t, store, policyID(names[1]))
				if base.Where != made.Where || base.Object.GetName() != names[1] {
					t.Errorf("%s is read at %s as %q", names[1], base.Where, base.Object.GetName())
				}
				updated, err := store.Update(t.Context(), policy(names[1], 3), base)
				if err != nil {
					t.Fatal(err)
				}
				if got := etcd.Keys(t, policies); len(got) != 1 || got[0] != updated.Where {
					t.Errorf("after an update there are %q", got)
				}
				if err := store.Delete(t.Context(), updated); err != nil {
					t.Fatal(err)
				}
				checkKeys(t, etcd, policies)
			})
		}
	}
}

// TestStoreDetectsTheRelease goes from the strongest evidence to none.
func TestStoreDetectsTheRelease(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t)
	tier := func(name string) string {
		return `{"kind":"Tier","apiVersion":"projectcalico.org/v3","metadata":{"name":"` + name + `"},"spec":{}}`
	}
	annotated := changed(t, calicoctlPolicy("default.a", 1), `"metadata":{`, `"metadata":{"annotations":{"projectcalico.org/metadata":"{\"name\":\"a\"}"},`)
	for name, test := range map[string]struct {
		values  map[string]string
		naming  storage.Naming
		because string
		assumed bool
	}{
		"calicoVersion": {
			values: map[string]string{info: clusterInformation("v3.28.2", true), tiers + "kube-admin": tier("kube-admin")},
			naming: storage.NamingPrefixed, because: `calicoVersion "v3.28.2"`,
		},
		"no calicoVersion, a tier of v3.32": {
			values: map[string]string{info: clusterInformation("", true), tiers + "kube-admin": tier("kube-admin"), tiers + "adminnetworkpolicy": tier("adminnetworkpolicy")},
			naming: storage.NamingPlain, because: `the tier "kube-admin"`,
		},
		"a tier of v3.29 to v3.31": {
			values: map[string]string{tiers + "default": tier("default"), tiers + "adminnetworkpolicy": tier("adminnetworkpolicy")},
			naming: storage.NamingAnnotated, because: `the tier "adminnetworkpolicy"`,
		},
		"tiers of v3.31 that an upgrade left, and policies of both": {
			values: map[string]string{tiers + "kube-admin": tier("kube-admin"), tiers + "adminnetworkpolicy": tier("adminnetworkpolicy"), tiers + "baselineadminnetworkpolicy": tier("baselineadminnetworkpolicy"), policies + "default.a": annotated},
			naming: storage.NamingPlain, because: `the tier "kube-admin"`,
		},
		"a calicoVersion that is none": {
			values: map[string]string{info: clusterInformation("master", true), tiers + "adminnetworkpolicy": tier("adminnetworkpolicy")},
			naming: storage.NamingAnnotated, because: `the tier "adminnetworkpolicy"`,
		},
		"ClusterInformation and no tier default": {
			values: map[string]string{info: clusterInformation("", true)},
			naming: storage.NamingPrefixed, because: `ClusterInformation "default" without a tier "default"`,
		},
		"ClusterInformation and the tier default": {
			values: map[string]string{info: clusterInformation("", true), tiers + "default": tier("default")},
			naming: storage.NamingPlain, because: "nothing in the datastore that tells its release", assumed: true,
		},
		"the tier default alone": {
			values: map[string]string{tiers + "default": tier("default")},
			naming: storage.NamingPlain, because: "nothing in the datastore that tells its release", assumed: true,
		},
		"an annotated policy": {
			values: map[string]string{policies + "default.a": annotated},
			naming: storage.NamingAnnotated, because: `the stored policy "default.a"`,
		},
		"a policy and the tier default": {
			values: map[string]string{policies + "default.a": calicoctlPolicy("default.a", 1), tiers + "default": tier("default")},
			naming: storage.NamingTiered, because: `the stored policy "default.a"`,
		},
		"a policy and no tier": {
			values: map[string]string{policies + "default.a": calicoctlPolicy("default.a", 1)},
			naming: storage.NamingPrefixed, because: `the stored policy "default.a"`,
		},
		"a policy in a namespace alone": {
			values: map[string]string{acctest.ResourcePrefix + "networkpolicies/prod/default.a": calicoctlPolicy("default.a", 1)},
			naming: storage.NamingPrefixed, because: `the stored policy "default.a"`,
		},
		"a value that is empty where a policy belongs": {
			values: map[string]string{policies + "adminnetworkpolicy": ""},
			naming: storage.NamingPlain, because: "nothing in the datastore that tells its release", assumed: true,
		},
		"nothing": {naming: storage.NamingPlain, because: "nothing in the datastore that tells its release", assumed: true},
	} {
		t.Run(name, func(t *testing.T) {
			reset(t, etcd, "")
			for key, value := range test.values {
				etcd.Put(t, key, value)
			}
			store := storeOf(t, etcd)
			checkCalls(t, etcd, map[string]int{"Txn": 1}, func() {
				for range 3 {
					got := detect(t, store)
					if storage.NamingOf(got.Release) != test.naming || !strings.HasPrefix(got.Evidence, test.because) || got.Assumed != test.assumed || got.Contradiction != "" {
						t.Errorf("found %+v, want %s because of %s", got, test.naming, test.because)
					}
				}
			})
		})
	}
}

func TestStoreIsToldTheRelease(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t)
	for _, test := range []struct {
		told, version, key, contradiction string
	}{
		{"3.28", "", "default.failsafe", ""},
		{"3.28", "v3.28.5", "default.failsafe", ""},
		{"3.30", "v3.31.0", "default.failsafe", ""}, // the same convention
		{"3.31", "v3.32.0", "default.failsafe", `calicoVersion "v3.32.0" of ClusterInformation "default" tells v3.32.0`},
		{"3.32", "v3.31.0", "failsafe", `calicoVersion "v3.31.0" of ClusterInformation "default" tells v3.31.0`},
	} {
		t.Run(test.told+" of "+test.version, func(t *testing.T) {
			reset(t, etcd, test.version)
			release, err := calico.ParseRelease(test.told)
			if err != nil {
				t.Fatal(err)
			}
			store := openStore(t, configOf(etcd, acctest.User{}), Options{Release: &release})
			got := detect(t, store)
			if got.Release != release || got.Contradiction != test.contradiction || got.Assumed || test.contradiction != "" && got.Configured != release {
				t.Errorf("found %+v, want the contradiction %q", got, test.contradiction)
			}
			mustCreate(t, store, policy("failsafe", 1))
			checkKeys(t, etcd, policies, test.key)
		})
	}
}

// conventions has a release of each of the naming conventions, and how it stores
// policy("failsafe", …).
var conventions = []struct {
	version, key string
	annotated    bool
	label        any
}{
	{"v3.28.5", "default.failsafe", false, nil},
	{"v3.29.0", "default.failsafe", false, nil},
	{"v3.31.0", "default.failsafe", true, nil},
	{"v3.32.0", "failsafe", true, "default"},
}

// TestStoreMovesAPolicyToItsNewName updates, after an upgrade or a step back, a
// policy that was stored before it. There must be no moment with none, nor with two.
func TestStoreMovesAPolicyToItsNewName(t *testing.T) {
	t.Parallel()
	type move struct {
		before, after, oldKey, newKey string
		annotated                     bool
		label                         any
	}
	var moves []move
	for _, from := range conventions {
		for _, to := range conventions {
			if from != to {
				moves = append(moves, move{from.version, to.version, from.key, to.key, to.annotated, to.label})
			}
		}
	}
	for _, test := range moves {
		t.Run(test.before+" to "+test.after, func(t *testing.T) {
			t.Parallel()
			etcd := acctest.NewEtcd(t, acctest.WithCalico(test.before))
			mustCreate(t, storeOf(t, etcd), policy("failsafe", 10))
			checkKeys(t, etcd, policies, test.oldKey)
			etcd.Put(t, info, clusterInformation(test.after, true))

			store := storeOf(t, etcd)
			base := mustGet(t, store, policyID("failsafe"))
			if base.Where != policies+test.oldKey || !calico.Equal(base.Object, policy("failsafe", 10)) {
				t.Fatalf("read at %s: %+v", base.Where, base.Object)
			}
			var updated *datastore.Stored
			checkCalls(t, etcd, map[string]int{"Txn": 1}, func() {
				var err error
				if updated, err = store.Update(t.Context(), policy("failsafe", 20), base); err != nil {
					t.Fatal(err)
				}
			})
			checkKeys(t, etcd, policies, test.newKey)
			checkStored(t, etcd, updated)
			if updated.Object.GetUID() != base.Object.GetUID() || orderOf(t, updated) != 20 {
				t.Errorf("it became %s", updated.Raw)
			}
			annotated := at(t, updated.Raw, "metadata", "annotations", storage.MetadataAnnotation) != nil
			if label := at(t, updated.Raw, "metadata", "labels", v3.LabelTier); annotated != test.annotated || label != test.label || at(t, updated.Raw, "spec", "tier") != test.label {
				t.Errorf("it is not as %s stores it: %s", test.after, updated.Raw)
			}
			checkOneAtEveryRevision(t, etcd, updated.Version)
			if again := mustGet(t, store, policyID("failsafe")); again.Where != policies+test.newKey || orderOf(t, again) != 20 {
				t.Errorf("read again, at %s: %s", again.Where, again.Raw)
			}
			if err := store.Delete(t.Context(), updated); err != nil {
				t.Fatal(err)
			}
			checkKeys(t, etcd, policies)
		})
	}
}
