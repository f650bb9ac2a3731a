package kubernetes

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// TestMovedToAnotherGroup changes and deletes, from what was read before a migration, what
// is in the other group after it.
func TestMovedToAnotherGroup(t *testing.T) {
	t.Parallel()
	c := newCluster(t, acctest.CRDs332, acctest.NativeCRDs)
	ctx := t.Context()
	old := c.open(t, Config{APIGroup: GroupV1})
	next := c.open(t, Config{APIGroup: GroupNative})
	for _, obj := range []calico.Object{hostEndpoint("db1-eth0"), policy("web", "")} {
		id := calico.IDOf(obj)
		base, err := old.Create(ctx, obj)
		if err != nil {
			t.Fatal(err)
		}
		// As Calico's migration does: the same, made anew.
		moved, err := next.Create(ctx, obj)
		if err != nil {
			t.Fatal(err)
		}
		changed, ok := base.Object.DeepCopyObject().(calico.Object)
		if !ok {
			t.Fatal("it is no object")
		}
		changed.SetLabels(map[string]string{"moved": "yes"})
		updated, err := next.Update(ctx, changed, base)
		if err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		if updated.Object.GetUID() != moved.Object.GetUID() || !strings.HasPrefix(updated.Where, GroupNative) {
			t.Errorf("%s is now %s at %s", id, updated.Raw, updated.Where)
		}
		if dead := c.MustDo(t, http.MethodGet, parseWhere(base.Where).path(), "", ""); strings.Contains(dead, "moved") {
			t.Errorf("the dead group was written to: %s", dead)
		}
		if _, err := next.Update(ctx, changed, base); err == nil {
			t.Errorf("%s: what was changed after the migration is overwritten", id)
		}
		if err := next.Delete(ctx, updated); err != nil {
			t.Error(err)
		}
	}
}

// copyWithoutTier does what kube-controllers of v3.32 does first when it renames a policy
// from default.web to web: it makes another one of what it has read. It returns what it does
// then.
func copyWithoutTier(t *testing.T, c *testCluster) (removeOld func()) {
	t.Helper()
	const from, to = "default.web", "web"
	var object fields
	if err := json.Unmarshal([]byte(c.MustDo(t, http.MethodGet, v1Policies+"/"+from, "", "")), &object); err != nil {
		t.Fatal(err)
	}
	var m meta
	if err := json.Unmarshal(object["metadata"], &m); err != nil {
		t.Fatal(err)
	}
	metadata, err := json.Marshal(map[string]any{"name": to, "labels": m.Labels, "annotations": m.Annotations})
	if err != nil {
		t.Fatal(err)
	}
	object["metadata"] = metadata
	body, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	c.MustDo(t, http.MethodPost, v1Policies, "", string(body))
	return func() {
		// (It compares the uid, and nothing of what may have changed since.)
		status, answer, err := c.Do(t.Context(), http.MethodDelete, v1Policies+"/"+from, "", `{"kind":"DeleteOptions","apiVersion":"v1","preconditions":{"uid":"`+m.UID+`"}}`)
		if err != nil || status != http.StatusOK && status != http.StatusNotFound {
			t.Errorf("the policy of the old name is not removed: %d, %v: %s", status, err, answer)
		}
	}
}

// TestRenamedByCalico changes a policy from what was read before kube-controllers of v3.32
// renamed it.
func TestRenamedByCalico(t *testing.T) {
	t.Parallel()
	c := newCluster(t, acctest.CRDs332)
	ctx := t.Context()
	old := c.open(t, Config{})
	release, err := calico.ParseRelease("3.31.0")
	if err != nil {
		t.Fatal(err)
	}
	older, err := New(ctx, Config{ConfigPaths: []string{c.Config}}, Options{Release: &release})
	if err != nil {
		t.Fatal(err)
	}
	base, err := older.Create(ctx, policy("web", ""))
	if err != nil {
		t.Fatal(err)
	}
	if parseWhere(base.Where).name != "default.web" {
		t.Fatalf("it is at %s", base.Where)
	}
	removeOld := copyWithoutTier(t, c)
	removeOld()
	changed, ok := base.Object.DeepCopyObject().(*v3.GlobalNetworkPolicy)
	if !ok {
		t.Fatal("it is no policy")
	}
	changed.Spec.Selector = "all()"
	updated, err := old.Update(ctx, changed, base)
	if err != nil {
		t.Fatal(err)
	}
	if parseWhere(updated.Where).name != "web" {
		t.Errorf("it is at %s", updated.Where)
	}
}
