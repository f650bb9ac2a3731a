package kubernetes

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// minTimeout is short enough for a test to wait for its end.
const minTimeout = 3 * time.Second

const migrationCRD = `{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"datastoremigrations.migration.projectcalico.org"},
"spec":{"group":"migration.projectcalico.org","scope":"Cluster","names":{"kind":"DatastoreMigration","listKind":"DatastoreMigrationList","plural":"datastoremigrations","singular":"datastoremigration"},
"versions":[{"name":"v1beta1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}}`

// testDetectsTheRelease looks at clusters that have nothing but their definitions, and then
// a ClusterInformation.
func testDetectsTheRelease(t *testing.T, c *testCluster) {
	t.Helper()
	want := map[acctest.CalicoCRDs]string{acctest.CRDs328: "v3.28", acctest.CRDs331: "v3.31", acctest.AggregatedCRDs: "v3.31", acctest.CRDs332: "v3.32", acctest.NativeCRDs: "v3.32"}
	finding, err := c.Release(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := finding.Release.String(); !strings.HasPrefix(got, want[c.crds]) || finding.Assumed || finding.Locked != "" {
		t.Errorf("it finds %s (%+v), want %s", got, finding, want[c.crds])
	}
	f, err := c.facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if c.crds == acctest.AggregatedCRDs {
		// Calico's API server has made one, without a version.
		c.MustDo(t, http.MethodDelete, "/apis/"+GroupV1+"/clusterinformations/default", "", "")
	}
	group := f.groupVersion()
	if c.crds == acctest.AggregatedCRDs {
		group = GroupV1 // the other one is read there only
	}
	c.MustDo(t, http.MethodPost, "/apis/"+group+"/clusterinformations", "", `{"apiVersion":"`+group+`","kind":"ClusterInformation","metadata":{"name":"default"},"spec":{"calicoVersion":"v3.32.7","datastoreReady":false}}`)
	again := c.open(t, Config{})
	if finding, err = again.Release(t.Context()); err != nil || finding.Release.String() != "v3.32.7" || finding.Locked == "" {
		t.Errorf("with a ClusterInformation it finds %+v, %v", finding, err)
	}
}

// TestNativeGroupTellsTheRelease has a ClusterInformation of an older release in the group
// that only v3.32 and later keep their objects in: the group is right. That is a contradiction
// only to what the configuration says.
func TestNativeGroupTellsTheRelease(t *testing.T) {
	t.Parallel()
	c := newCluster(t, acctest.NativeCRDs)
	c.MustDo(t, http.MethodPost, "/apis/"+GroupNative+"/clusterinformations", "", `{"apiVersion":"`+GroupNative+`","kind":"ClusterInformation","metadata":{"name":"default"},"spec":{"calicoVersion":"v3.31.0"}}`)
	old := calico.Release{Major: 3, Minor: 31}
	for name, test := range map[string]struct {
		given      *calico.Release
		configured calico.Release
		says       string
	}{
		"nothing is configured":          {},
		"an older release is configured": {&old, old, "the API group " + GroupNative + " tells v3.32.0"},
	} {
		s, err := New(t.Context(), Config{ConfigPaths: []string{c.Config}}, Options{Release: test.given})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		finding, err := s.Release(t.Context())
		if err != nil || finding.Release != native || finding.Configured != test.configured || finding.Contradiction != test.says {
			t.Errorf("%s: it finds %+v, %v", name, finding, err)
		}
	}
}

// TestDetectsTheGroup goes through a migration from one group to the other.
func TestDetectsTheGroup(t *testing.T) {
	t.Parallel()
	c := newCluster(t, acctest.CRDs332, acctest.NativeCRDs)
	group := func(cfg Config) (string, string, error) {
		s := c.open(t, cfg)
		f, err := s.facts(t.Context())
		if err != nil {
			return "", "", err
		}
		return f.groupVersion(), f.finding.Locked, nil
	}
	expect := func(what, wantGroup string, wantLocked bool) {
		t.Helper()
		got, locked, err := group(Config{})
		if err != nil || got != wantGroup || (locked != "") != wantLocked {
			t.Errorf("%s: it finds %s, locked %q, %v", what, got, locked, err)
		}
	}
	expect("both groups, no migration", GroupV1, false)
	if got, _, err := group(Config{APIGroup: GroupNative}); err != nil || got != GroupNative {
		t.Errorf("api_group: %s, %v", got, err)
	}
	c.MustDo(t, http.MethodPost, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", "", migrationCRD)
	migrations := "/apis/migration.projectcalico.org/v1beta1/datastoremigrations"
	acctest.Eventually(t, "the definition of migrations is served", func() bool {
		status, _, err := c.Do(t.Context(), http.MethodGet, migrations, "", "")
		return err == nil && status == http.StatusOK
	})
	expect("no migration yet", GroupV1, false)
	c.MustDo(t, http.MethodPost, migrations, "", `{"apiVersion":"migration.projectcalico.org/v1beta1","kind":"DatastoreMigration","metadata":{"name":"v1-to-v3"},"spec":{}}`)
	for phase, want := range map[string]struct {
		group  string
		locked bool
	}{
		"Pending": {GroupV1, false}, "Migrating": {GroupV1, true}, "WaitingForConflictResolution": {GroupV1, true},
		"Converged": {GroupNative, false}, "Complete": {GroupNative, false}, "Failed": {GroupV1, false},
	} {
		c.MustDo(t, http.MethodPatch, migrations+"/v1-to-v3", "application/merge-patch+json", `{"status":{"phase":"`+phase+`"}}`)
		expect(phase, want.group, want.locked)
	}
	c.MustDo(t, http.MethodPatch, migrations+"/v1-to-v3", "application/merge-patch+json", `{"status":{"phase":"Unheard"}}`)
	if _, _, err := group(Config{}); err == nil || !strings.Contains(err.Error(), "api_group") {
		t.Errorf("a phase that is not known: %v", err)
	}
	// A user who may not see how far the migration is.
	c.MustDo(t, http.MethodDelete, "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/calico-terraform", "", "")
	acctest.Eventually(t, "the rights are gone", func() bool {
		status, _, err := c.DoAs(t.Context(), c.Token, http.MethodGet, migrations, "", "")
		return err == nil && status == http.StatusForbidden
	})
	if _, _, err := group(Config{}); err == nil || !strings.Contains(err.Error(), "api_group") {
		t.Errorf("without the rights: %v", err)
	}
}

// TestDetectsNothing looks at a cluster without Calico.
func TestDetectsNothing(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	if _, err := c.Release(t.Context()); err == nil || !strings.Contains(err.Error(), "no Calico in this cluster") {
		t.Errorf("without Calico: %v", err)
	}
	if _, _, err := c.List(t.Context(), calico.KindHostEndpoint); err == nil {
		t.Error("a cluster without Calico passes for one without host endpoints")
	}
	s := c.open(t, Config{APIGroup: GroupNative})
	if _, err := s.Release(t.Context()); err == nil || !strings.Contains(err.Error(), "does not serve") {
		t.Errorf("with api_group: %v", err)
	}
}
