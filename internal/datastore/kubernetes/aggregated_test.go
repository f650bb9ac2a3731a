package kubernetes

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// testBehindCalicosServer looks at what is different of Calico's own API server.
func testBehindCalicosServer(t *testing.T, c *testCluster) {
	t.Helper()
	if c.crds != acctest.AggregatedCRDs {
		return
	}
	for _, one := range []struct {
		name string
		test func(t *testing.T, c *testCluster)
	}{
		{"Group", testAggregatedGroup},
		{"Names", testAggregatedNames},
		{"Refusals", testAggregatedRefusals},
		{"NewTier", testAggregatedNewTier},
		{"Finalizer", testAggregatedFinalizer},
		{"Busy", testAggregatedBusy},
		{"Rights", testAggregatedRights},
	} {
		t.Run(one.name, func(t *testing.T) { one.test(t, c) })
		c.clear(t)
	}
}

// testAggregatedGroup holds that the provider takes the group in which Calico's API server
// keeps its objects, unless it is told otherwise.
func testAggregatedGroup(t *testing.T, c *testCluster) {
	t.Helper()
	s, err := New(t.Context(), Config{ConfigPaths: []string{c.Config}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for store, want := range map[*Store]string{s: GroupV1, c.Store: GroupNative} {
		f, err := store.facts(t.Context())
		if err != nil || f.groupVersion() != want || f.aggregated != (want == GroupNative) {
			t.Errorf("it finds %+v, %v, want %s", f, err, want)
		}
	}
	// What one has written, the other one reads.
	created, err := s.Create(t.Context(), policy("web", ""))
	if err != nil {
		t.Fatal(err)
	}
	read, err := c.Get(t.Context(), calico.IDOf(created.Object))
	if err != nil {
		t.Fatal(err)
	}
	if read.Object.GetUID() != created.Object.GetUID() || !sameMap(read.Object.GetLabels(), created.Object.GetLabels()) || read.Version != created.Version {
		t.Errorf("one has made\n%s, the other reads\n%s", created.Raw, read.Raw)
	}
}

// testAggregatedNames reads policies by another spelling of their names than that which
// Calico's API server has them under: it answers that as an error within itself.
func testAggregatedNames(t *testing.T, c *testCluster) {
	t.Helper()
	for _, names := range [][2]string{{"a", "default.a"}, {"default.b", "b"}} {
		created, err := c.Create(t.Context(), policy(names[0], ""))
		if err != nil {
			t.Fatal(err)
		}
		id := calico.ID{Kind: calico.KindGlobalNetworkPolicy, Name: names[1]}
		read, err := c.Get(t.Context(), id)
		if err != nil {
			t.Fatalf("%s as %s: %v", names[0], names[1], err)
		}
		if read.Where != created.Where || read.Object.GetName() != names[1] {
			t.Errorf("%s is read as %s (%s)", created.Where, read.Where, read.Object.GetName())
		}
		var exists *datastore.AlreadyExistsError
		if _, err := c.Create(t.Context(), policy(names[1], "")); !errors.As(err, &exists) {
			t.Errorf("%s beside %s: %v", names[1], names[0], err)
		}
		changed := policy(names[1], "")
		changed.Spec.Selector = "all()"
		updated, err := c.Update(t.Context(), changed, read)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Delete(t.Context(), updated); err != nil {
			t.Errorf("delete of %s: %v", updated.Where, err)
		}
	}
}

// testAggregatedRefusals writes what Calico's API server does not take.
func testAggregatedRefusals(t *testing.T, c *testCluster) {
	t.Helper()
	var rejected *datastore.RejectedError
	h := hostEndpoint("db1-eth0")
	h.Spec.InterfaceName = ""
	if _, err := c.Create(t.Context(), h); !errors.As(err, &rejected) || len(rejected.Causes) == 0 {
		t.Errorf("an endpoint that is nothing: %v", err)
	}
	np := v3.NewNetworkPolicy()
	np.Name, np.Namespace, np.Spec.Selector = "web", "missing", "all()"
	if _, err := c.Create(t.Context(), np); !errors.As(err, &rejected) || !strings.Contains(err.Error(), `namespace "missing" does not exist`) {
		t.Errorf("in a namespace that is not there: %v", err)
	}
	tier, err := c.Get(t.Context(), calico.ID{Kind: calico.KindTier, Name: "default"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(t.Context(), tier); !errors.As(err, &rejected) || !strings.Contains(err.Error(), "Cannot delete default tier") {
		t.Errorf("the built-in tier: %v", err)
	}
}

// testAggregatedNewTier lists policies right after their tier was made: of itself, Calico's
// API server lists those of the tiers that it has heard of.
func testAggregatedNewTier(t *testing.T, c *testCluster) {
	t.Helper()
	for range 5 {
		tier := v3.NewTier()
		tier.Name = "new"
		stored, err := c.Create(t.Context(), tier)
		if err != nil {
			t.Fatal(err)
		}
		p, err := c.Create(t.Context(), policy("new.p", "new"))
		if err != nil {
			t.Fatal(err)
		}
		if all, _, err := c.List(t.Context(), calico.KindGlobalNetworkPolicy); err != nil || len(all) != 1 {
			t.Errorf("it lists %d policies, %v", len(all), err)
		}
		if err := c.Delete(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		if err := c.Delete(t.Context(), stored); err != nil {
			t.Fatal(err)
		}
	}
}

// testAggregatedFinalizer deletes an object that a finalizer keeps where Calico's API
// server keeps its objects: that tells nothing of finalizers.
func testAggregatedFinalizer(t *testing.T, c *testCluster) {
	t.Helper()
	created, err := c.Create(t.Context(), hostEndpoint("db1-eth0"))
	if err != nil {
		t.Fatal(err)
	}
	const path = "/apis/" + GroupV1 + "/hostendpoints/db1-eth0"
	finalizers := func(value string) {
		c.MustDo(t, http.MethodPatch, path, "application/merge-patch+json", `{"metadata":{"finalizers":`+value+`}}`)
	}
	finalizers(`["example.com/keep"]`)
	kept, err := c.Get(t.Context(), calico.IDOf(created.Object))
	if err != nil {
		t.Fatal(err)
	}
	short := c.open(t, Config{RequestTimeout: minTimeout})
	var rejected *datastore.RejectedError
	if err := short.Delete(t.Context(), kept); !errors.As(err, &rejected) {
		t.Errorf("delete of what a finalizer keeps: %v", err)
	}
	finalizers("null")
}

// testAggregatedBusy patches an object that others write to all the time: Calico's API server
// gives up after five tries, and answers with success and an object of nothing.
func testAggregatedBusy(t *testing.T, c *testCluster) {
	t.Helper()
	felix := calico.NewFelixConfiguration()
	felix.Name = "default"
	base, err := c.Create(t.Context(), felix)
	if err != nil {
		t.Fatal(err)
	}
	p := c.Proxy(t)
	s, err := New(t.Context(), Config{Host: p.URL, Token: "any", Insecure: true, APIGroup: GroupNative}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	var gaveUp atomic.Bool
	p.Handle(func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		if r.Method != http.MethodPatch || gaveUp.Swap(true) {
			forward.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"kind":"FelixConfiguration","apiVersion":"projectcalico.org/v3","metadata":{"creationTimestamp":null},"spec":{}}`))
	})
	patched, err := s.Patch(t.Context(), base, storage.SpecPatch{"ipipMTU": json.RawMessage("1400")})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(patched.Raw), `"ipipMTU":1400`) || patched.Where != base.Where {
		t.Errorf("%s is %s", patched.Where, patched.Raw)
	}
}

// testAggregatedRights reads as a user who may not see a tier: Calico's API server leaves
// the policies of that out of a list, without a word.
func testAggregatedRights(t *testing.T, c *testCluster) {
	t.Helper()
	tier := v3.NewTier()
	tier.Name = "hidden"
	if _, err := c.Create(t.Context(), tier); err != nil {
		t.Fatal(err)
	}
	hidden, err := c.Create(t.Context(), policy("hidden.p", "hidden"))
	if err != nil {
		t.Fatal(err)
	}
	visible, err := c.Create(t.Context(), policy("p", ""))
	if err != nil {
		t.Fatal(err)
	}
	// Another user, who may do everything but see that tier.
	const rbac = "/apis/rbac.authorization.k8s.io/v1/"
	c.MustDo(t, http.MethodPost, rbac+"clusterroles", "", `{"metadata":{"name":"most"},"rules":[
{"apiGroups":["projectcalico.org"],"resources":["globalnetworkpolicies","tier.globalnetworkpolicies","clusterinformations"],"verbs":["*"]},
{"apiGroups":["projectcalico.org"],"resources":["tiers"],"verbs":["list"]},
{"apiGroups":["projectcalico.org"],"resources":["tiers"],"resourceNames":["default"],"verbs":["get"]}]}`)
	c.MustDo(t, http.MethodPost, rbac+"clusterrolebindings", "", `{"metadata":{"name":"most"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"most"},
"subjects":[{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"restricted"}]}`)
	config, err := os.ReadFile(c.AdminConfig)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, bytes.ReplaceAll(config, []byte("user: {token: "), []byte("user: {as: restricted, token: ")), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := New(t.Context(), Config{ConfigPaths: []string{file}, APIGroup: GroupNative}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if _, err := s.Get(t.Context(), calico.IDOf(visible.Object)); err != nil {
		t.Errorf("a policy that it may see: %v", err)
	}
	var denied *datastore.DeniedError
	if _, err := s.Get(t.Context(), calico.IDOf(hidden.Object)); !errors.As(err, &denied) || !strings.Contains(denied.Advice, "resources: [tiers]") {
		t.Errorf("a policy that it may not see: %v", err)
	}
	if all, _, err := s.List(t.Context(), calico.KindGlobalNetworkPolicy); !errors.As(err, &denied) {
		t.Errorf("a list of what it may see in part has %d policies, %v", len(all), err)
	}
}
