package provider

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// upgrading is a datastore whose Calico is upgraded while Terraform manages a
// failsafe policy in it.
type upgrading struct {
	etcd      *acctest.Etcd
	workspace *acctest.Workspace
}

const (
	clusterInformation = acctest.ResourcePrefix + "clusterinformations/default"
	prefixedKey        = acctest.ResourcePrefix + "globalnetworkpolicies/default.failsafe"
	plainKey           = acctest.ResourcePrefix + "globalnetworkpolicies/failsafe"
)

func newUpgrading(t *testing.T, version string) upgrading {
	t.Helper()
	etcd := acctest.NewEtcd(t, acctest.WithCalico(version))
	u := upgrading{etcd, conformance{version: version, keeper: inEtcd{etcd, version}}.workspace(t, "")}
	u.configure(t, "10.1.0.0/24")
	u.apply(t)
	return u
}

func (u upgrading) configure(t *testing.T, management string) {
	t.Helper()
	err := u.workspace.WriteFile("main.tf", `
resource "calico_failsafe_policy" "this" {
  management_cidrs = ["`+management+`"]
}
`)
	if err != nil {
		t.Fatal(err)
	}
}

func (u upgrading) apply(t *testing.T) {
	t.Helper()
	u.workspace.MustRun(t, "apply", "-auto-approve")
	mustPlan(t, u.workspace, false)
}

// to upgrades Calico, as far as the datastore shows it: the first calico-node of
// the new release writes its version and makes its tiers.
func (u upgrading) to(t *testing.T, version string) {
	t.Helper()
	value := u.etcd.MustGet(t, clusterInformation).Value
	u.etcd.Put(t, clusterInformation, regexp.MustCompile(`"calicoVersion":"[^"]*"`).ReplaceAllString(value, `"calicoVersion":"`+version+`"`))
	if err := u.etcd.PrepareCalico(t.Context(), version); err != nil {
		t.Fatal(err)
	}
}

// storedOnce checks that the policy is stored under one key only, and returns it.
func (u upgrading) storedOnce(t *testing.T, key string) acctest.KeyValue {
	t.Helper()
	if keys := u.etcd.Keys(t, acctest.ResourcePrefix+"globalnetworkpolicies/"); len(keys) != 1 || keys[0] != key {
		t.Fatalf("stored at %v, want %s alone", keys, key)
	}
	return u.etcd.MustGet(t, key)
}

func wantIn(t *testing.T, value string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(value, text) {
			t.Errorf("%s is not in %s", text, value)
		}
	}
}

func wantNotIn(t *testing.T, value string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(value, text) {
			t.Errorf("%s is in %s", text, value)
		}
	}
}

func uidOf(t *testing.T, value string) string {
	t.Helper()
	m := regexp.MustCompile(`"uid":"([^"]+)"`).FindStringSubmatch(value)
	if m == nil {
		t.Fatalf("no uid in %s", value)
	}
	return m[1]
}

// One datastore goes through all conventions. Nothing is ever planned because of
// an upgrade, and each update writes what the release of the day writes.
func TestUpgradeThroughTheConventions(t *testing.T) {
	t.Parallel()
	u := newUpgrading(t, "v3.28.5")
	first := u.storedOnce(t, prefixedKey).Value
	wantNotIn(t, first, "annotations", "tier")
	uid := uidOf(t, first)
	u.configure(t, "10.1.0.0/25")
	u.apply(t)
	value := u.storedOnce(t, prefixedKey).Value
	wantIn(t, value, "10.1.0.0/25", uid)
	wantNotIn(t, value, "annotations", "tier")

	u.to(t, "v3.29.0")
	mustPlan(t, u.workspace, false)
	u.configure(t, "10.1.1.0/24")
	u.apply(t)
	value = u.storedOnce(t, prefixedKey).Value
	wantIn(t, value, "10.1.1.0/24", uid)
	wantNotIn(t, value, "annotations", "tier")

	u.to(t, "v3.31.0")
	mustPlan(t, u.workspace, false)
	u.configure(t, "10.1.2.0/24")
	u.apply(t)
	value = u.storedOnce(t, prefixedKey).Value
	wantIn(t, value, "10.1.2.0/24", uid, `"projectcalico.org/metadata":"{\"name\":\"failsafe\"}"`)
	wantNotIn(t, value, `"tier"`)

	u.to(t, "v3.32.0")
	mustPlan(t, u.workspace, false)
	if got := u.storedOnce(t, prefixedKey).Value; got != value {
		t.Error("a plan wrote to the datastore")
	}
	u.configure(t, "10.1.3.0/24")
	u.apply(t)
	moved := u.storedOnce(t, plainKey)
	wantIn(t, moved.Value, "10.1.3.0/24", uid, `"tier":"default"`, `"projectcalico.org/tier":"default"`, `{\"name\":\"failsafe\"}`)
	u.configure(t, "10.1.4.0/24")
	u.apply(t)
	wantIn(t, u.storedOnce(t, plainKey).Value, "10.1.4.0/24", uid)

	u.workspace.MustRun(t, "destroy", "-auto-approve")
	if keys := u.etcd.Keys(t, acctest.ResourcePrefix+"globalnetworkpolicies/"); len(keys) > 0 {
		t.Errorf("destroy left %v", keys)
	}
}

// migrate does what Calico's migrator of policy names does: two transactions for
// each policy that is stored under its old name, the new key first, and none for
// the others. between runs between the two.
func (u upgrading) migrate(t *testing.T, between ...func()) {
	t.Helper()
	if keys := u.etcd.Keys(t, prefixedKey); len(keys) == 0 {
		return
	}
	old := u.etcd.MustGet(t, prefixedKey)
	var object map[string]any
	if err := json.Unmarshal([]byte(old.Value), &object); err != nil {
		t.Fatal(err)
	}
	meta, ok := object["metadata"].(map[string]any)
	if !ok {
		t.Fatalf("no metadata in %s", old.Value)
	}
	meta["name"] = "failsafe"
	meta["annotations"] = map[string]any{"projectcalico.org/metadata": `{"name":"failsafe"}`}
	value, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	u.etcd.Put(t, plainKey, string(value))
	for _, run := range between {
		run()
	}
	u.etcd.Delete(t, prefixedKey)
}

func TestUpgradeWithTheMigrator(t *testing.T) {
	t.Parallel()
	t.Run("before the first plan", func(t *testing.T) {
		t.Parallel()
		u := newUpgrading(t, "v3.31.0")
		uid := uidOf(t, u.storedOnce(t, prefixedKey).Value)
		u.to(t, "v3.32.0")
		u.migrate(t)
		mustPlan(t, u.workspace, false)
		u.configure(t, "10.1.1.0/24")
		u.apply(t)
		wantIn(t, u.storedOnce(t, plainKey).Value, "10.1.1.0/24", uid)
	})
	t.Run("between plan and apply", func(t *testing.T) {
		t.Parallel()
		u := newUpgrading(t, "v3.28.5")
		uid := uidOf(t, u.storedOnce(t, prefixedKey).Value)
		u.to(t, "v3.32.0")
		u.configure(t, "10.1.1.0/24")
		u.workspace.MustRun(t, "plan", "-out=plan")
		u.migrate(t)
		u.workspace.MustRun(t, "apply", "plan")
		mustPlan(t, u.workspace, false)
		wantIn(t, u.storedOnce(t, plainKey).Value, "10.1.1.0/24", uid)
	})
	t.Run("between plan and destroy", func(t *testing.T) {
		t.Parallel()
		u := newUpgrading(t, "v3.31.0")
		u.to(t, "v3.32.0")
		u.workspace.MustRun(t, "plan", "-destroy", "-out=plan")
		u.migrate(t)
		u.workspace.MustRun(t, "apply", "plan")
		if keys := u.etcd.Keys(t, acctest.ResourcePrefix+"globalnetworkpolicies/"); len(keys) > 0 {
			t.Errorf("destroy left %v", keys)
		}
	})
	t.Run("after an update moved the policy", func(t *testing.T) {
		t.Parallel()
		u := newUpgrading(t, "v3.31.0")
		u.to(t, "v3.32.0")
		u.configure(t, "10.1.1.0/24")
		u.apply(t)
		// There is nothing left for the migrator.
		before := u.storedOnce(t, plainKey)
		u.migrate(t)
		if after := u.storedOnce(t, plainKey); after != before {
			t.Errorf("the migrator made %v of %v", after, before)
		}
		mustPlan(t, u.workspace, false)
	})
	t.Run("between two applies", func(t *testing.T) {
		t.Parallel()
		u := newUpgrading(t, "v3.31.0")
		uid := uidOf(t, u.storedOnce(t, prefixedKey).Value)
		u.to(t, "v3.32.0")
		u.apply(t) // which has nothing to do, and so leaves the policy where it is
		u.storedOnce(t, prefixedKey)
		u.migrate(t)
		u.apply(t)
		u.configure(t, "10.1.1.0/24")
		u.apply(t)
		wantIn(t, u.storedOnce(t, plainKey).Value, "10.1.1.0/24", uid)
	})
	t.Run("while Terraform plans", func(t *testing.T) {
		t.Parallel()
		u := newUpgrading(t, "v3.31.0")
		u.to(t, "v3.32.0")
		u.migrate(t, func() {
			// For a moment there are both, which is told and not planned away.
			_, err := u.workspace.Run(t, "plan")
			if err == nil {
				t.Fatal("planned as if there were one policy")
			}
			wantIn(t, err.Error(), prefixedKey, plainKey)
		})
		mustPlan(t, u.workspace, false)
		u.storedOnce(t, plainKey)
	})
	t.Run("a change that hides in a migration", func(t *testing.T) {
		t.Parallel()
		u := newUpgrading(t, "v3.31.0")
		u.to(t, "v3.32.0")
		u.configure(t, "10.1.1.0/24")
		u.workspace.MustRun(t, "plan", "-out=plan")
		u.migrate(t)
		u.etcd.Put(t, plainKey, strings.Replace(u.etcd.MustGet(t, plainKey).Value, `"order":0`, `"order":7`, 1))
		_, err := u.workspace.Run(t, "apply", "plan")
		if err == nil {
			t.Fatal("the apply overwrote what was not reviewed")
		}
		wantIn(t, err.Error(), "spec.order: 0 -> 7", plainKey)
		wantIn(t, u.storedOnce(t, plainKey).Value, `"order":7`)
	})
}

// A policy that is stored under both names is enforced twice: Terraform does not
// choose.
func TestUpgradeWithBothNames(t *testing.T) {
	t.Parallel()
	u := newUpgrading(t, "v3.31.0")
	u.to(t, "v3.32.0")
	old := u.etcd.MustGet(t, prefixedKey).Value
	u.migrate(t)
	u.etcd.Put(t, prefixedKey, old)
	_, err := u.workspace.Run(t, "plan")
	if err == nil {
		t.Fatal("planned as if there were one policy")
	}
	text := regexp.MustCompile(`\s+`).ReplaceAllString(err.Error(), " ")
	wantIn(t, text, prefixedKey, plainKey, "enforces both", "delete the one")

	u.etcd.Delete(t, prefixedKey)
	mustPlan(t, u.workspace, false)
}

// Going back to an older release, which happens when an upgrade fails, moves
// the policy back on its next update.
func TestDowngrade(t *testing.T) {
	t.Parallel()
	u := newUpgrading(t, "v3.32.0")
	u.storedOnce(t, plainKey)
	u.to(t, "v3.31.0")
	mustPlan(t, u.workspace, false)
	u.configure(t, "10.1.1.0/24")
	u.apply(t)
	value := u.storedOnce(t, prefixedKey).Value
	wantNotIn(t, value, `"tier"`)
}
