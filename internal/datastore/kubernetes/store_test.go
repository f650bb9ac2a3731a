package kubernetes

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

func TestMain(m *testing.M) { acctest.Main(m) }

// forms are the forms in which Calico keeps its objects.
var forms = []acctest.CalicoCRDs{acctest.CRDs328, acctest.CRDs331, acctest.CRDs332, acctest.NativeCRDs, acctest.AggregatedCRDs}

// testCluster is a real API server, with a store of the user terraform over it.
type testCluster struct {
	*acctest.Kubernetes
	*Store
	crds acctest.CalicoCRDs
}

func newCluster(t *testing.T, crds ...acctest.CalicoCRDs) *testCluster {
	t.Helper()
	k := acctest.NewKubernetes(t, acctest.WithCRDs(crds...))
	k.GrantAccess(t)
	c := &testCluster{Kubernetes: k, crds: append(crds, "")[0]}
	c.Store = c.open(t, Config{})
	return c
}

func (c *testCluster) open(t *testing.T, cfg Config) *Store {
	t.Helper()
	if c.crds == acctest.AggregatedCRDs && cfg.APIGroup == "" {
		cfg.APIGroup = GroupNative
	}
	cfg.ConfigPaths, cfg.UserAgent = []string{c.Config}, "terraform-provider-calico/test"
	s, err := New(t.Context(), cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func (c *testCluster) Close() {}

func hostEndpoint(name string) *v3.HostEndpoint {
	h := v3.NewHostEndpoint()
	h.Name = name
	h.Labels = map[string]string{"host-endpoint": "true", "projectcalico.org/zone": "a"}
	h.Annotations = map[string]string{"note": "hi"}
	h.Spec.Node, h.Spec.InterfaceName = "db1", "eth0"
	return h
}

func policy(name, tier string) *v3.GlobalNetworkPolicy {
	p := v3.NewGlobalNetworkPolicy()
	p.Name, p.Spec.Tier, p.Spec.Selector = name, tier, "has(host-endpoint)"
	p.Labels = map[string]string{"env": "prod"}
	p.Spec.Types = []v3.PolicyType{v3.PolicyTypeIngress}
	p.Spec.Ingress = []v3.Rule{{Action: v3.Allow}}
	return p
}

// formTests are what is tried in each form. The last leaves a lock behind.
var formTests = []struct {
	name string
	test func(t *testing.T, c *testCluster)
}{
	{"GuardRefuses", testGuardRefuses},
	{"GuardUndoes", testGuardUndoes},
	{"Life", testLife},
	{"StoredForm", testStoredForm},
	{"Tiers", testTiers},
	{"KeepsWhatIsNotCalicos", testKeepsWhatIsNotCalicos},
	{"MadeByKubectl", testMadeByKubectl},
	{"Patch", testPatch},
	{"BehindCalicosServer", testBehindCalicosServer},
	{"DetectsTheRelease", testDetectsTheRelease},
}

// TestForms runs formTests, one after the other, on one server for each form.
func TestForms(t *testing.T) {
	t.Parallel()
	for _, crds := range forms {
		t.Run(string(crds), func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, crds)
			for _, one := range formTests {
				t.Run(one.name, func(t *testing.T) {
					one.test(t, &testCluster{Kubernetes: c.Kubernetes, Store: c.open(t, Config{}), crds: crds})
				})
				c.clear(t)
			}
		})
	}
}

// clear removes what a test has left behind.
func (c *testCluster) clear(t *testing.T) {
	t.Helper()
	f, err := c.facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []calico.Kind{
		calico.KindHostEndpoint, calico.KindGlobalNetworkPolicy, calico.KindGlobalNetworkSet,
		calico.KindFelixConfiguration, calico.KindIPPool, calico.KindBGPConfiguration,
	} {
		c.MustDo(t, http.MethodDelete, f.location(kind, "", "").path(), "", "")
	}
}

// testLife creates, reads, changes and deletes objects of several kinds.
func testLife(t *testing.T, c *testCluster) {
	t.Helper()
	for _, obj := range []calico.Object{hostEndpoint("db1-eth0"), policy("web", "")} {
		id := calico.IDOf(obj)
		if _, err := c.Get(t.Context(), id); !errors.Is(err, datastore.ErrNotFound) {
			t.Fatalf("%s before it is there: %v", id, err)
		}
		created, err := c.Create(t.Context(), obj)
		if err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		if created.Object.GetUID() == "" || created.Object.GetCreationTimestamp().Unix() <= 0 {
			t.Errorf("%s has no uid or creation time: %s", id, created.Raw)
		}
		read, err := c.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(read.Raw, created.Raw) || read.Version != created.Version || !bytes.Equal(read.Own, created.Own) {
			t.Errorf("%s: created\n%s\n%s, read\n%s\n%s", id, created.Raw, created.Own, read.Raw, read.Own)
		}
		if got, want := read.Object.GetLabels(), obj.GetLabels(); !sameMap(got, want) {
			t.Errorf("%s has the labels %v, want %v", id, got, want)
		}
		var exists *datastore.AlreadyExistsError
		if _, err := c.Create(t.Context(), obj); !errors.As(err, &exists) || !exists.Identical() {
			t.Errorf("%s once more: %v, %v", id, err, exists)
		}
		changed := read.Object.DeepCopyObject().(calico.Object)
		changed.SetLabels(map[string]string{"other": "x"})
		updated, err := c.Update(t.Context(), changed, read)
		if err != nil {
			t.Fatalf("update of %s: %v", id, err)
		}
		if !sameMap(updated.Object.GetLabels(), changed.GetLabels()) || updated.Object.GetUID() != created.Object.GetUID() {
			t.Errorf("%s updated is %s", id, updated.Raw)
		}
		var conflict *datastore.ConflictError
		changed.SetLabels(map[string]string{"third": "x"})
		if _, err := c.Update(t.Context(), changed, read); !errors.As(err, &conflict) || !strings.Contains(err.Error(), "labels") {
			t.Errorf("%s from an old base: %v", id, err)
		}
		if err := c.Delete(t.Context(), read); !errors.As(err, &conflict) {
			t.Errorf("delete of %s from an old base: %v", id, err)
		}
		if err := c.Delete(t.Context(), updated); err != nil {
			t.Fatalf("delete of %s: %v", id, err)
		}
		if err := c.Delete(t.Context(), updated); err != nil {
			t.Errorf("delete of %s, which is gone: %v", id, err)
		}
		if _, err := c.Get(t.Context(), id); !errors.Is(err, datastore.ErrNotFound) {
			t.Errorf("%s after it was deleted: %v", id, err)
		}
	}
}

func sameMap(a, b map[string]string) bool {
	return maps.Equal(a, b)
}

// testStoredForm looks at what each form keeps of the same objects.
func testStoredForm(t *testing.T, c *testCluster) {
	t.Helper()
	paths := map[acctest.CalicoCRDs][3]string{
		acctest.CRDs328:    {GroupV1, "default.web", `{"creationTimestamp":`},
		acctest.CRDs331:    {GroupV1, "default.web", `{"name":"web","creationTimestamp":`},
		acctest.CRDs332:    {GroupV1, "web", `{"name":"web","creationTimestamp":`},
		acctest.NativeCRDs: {GroupNative, "web", ""},
		// What Calico's API server makes of it.
		acctest.AggregatedCRDs: {GroupV1, "default.web", `{"name":"web","creationTimestamp":`},
	}
	want := paths[c.crds]
	if _, err := c.Create(t.Context(), policy("web", "")); err != nil {
		t.Fatal(err)
	}
	var object struct {
		Metadata struct{ Labels, Annotations map[string]string }
		Spec     json.RawMessage
	}
	answer := c.MustDo(t, http.MethodGet, "/apis/"+want[0]+"/globalnetworkpolicies/"+want[1], "", "")
	if err := json.Unmarshal([]byte(answer), &object); err != nil {
		t.Fatal(err)
	}
	text := object.Metadata.Annotations[storage.MetadataAnnotation]
	if !strings.HasPrefix(text, want[2]) || (text == "") != (want[2] == "") {
		t.Errorf("the annotation is %s", text)
	}
	if want[2] != "" && !strings.Contains(text, `"labels":{"env":"prod"`) || want[2] == "" && object.Metadata.Labels["env"] != "prod" {
		t.Errorf("the labels are in the wrong place: %s", answer)
	}
	wantFilledIn(t, c, c.crds)
}

// wantFilledIn holds that the store tells what the API server has filled in, of which the
// object is not different from one without, and what somebody has set.
func wantFilledIn(t *testing.T, c *testCluster, crds acctest.CalicoCRDs) {
	t.Helper()
	felix, disabled := calico.NewFelixConfiguration(), calico.NewFelixConfiguration()
	felix.Name, disabled.Name = "node.a", "node.b"
	mode := v3.NFTablesModeDisabled
	if disabled.Spec.NFTablesMode = &mode; crds == acctest.CRDs328 {
		disabled.Spec.NFTablesMode = nil // which came later
	}
	bgp, severe := calico.NewBGPConfiguration(), calico.NewBGPConfiguration()
	bgp.Name, severe.Name, severe.Spec.LogSeverityScreen = "node.a", "node.b", "Debug"
	finding, err := c.Release(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// What the client fills in, too, is not told.
	v331 := map[calico.Object]string{bgp: "serviceLoadBalancerAggregation", severe: "serviceLoadBalancerAggregation"}
	aggregated := maps.Clone(v331)
	aggregated[felix] = "bpfConnectTimeLoadBalancing bpfHostNetworkedNATWithoutCTLB floatingIPs"
	aggregated[disabled] = aggregated[felix]
	v332 := map[calico.Object]string{felix: "nftablesMode", bgp: "logSeverityScreen"}
	want := map[acctest.CalicoCRDs]map[calico.Object]string{acctest.CRDs331: v331, acctest.AggregatedCRDs: aggregated, acctest.CRDs332: v332, acctest.NativeCRDs: v332}[crds]
	for _, obj := range []calico.Object{felix, disabled, bgp, severe, hostEndpoint("db1-eth0")} {
		id := calico.IDOf(obj)
		calico.Default(obj, finding.Release)
		stored, err := c.Create(t.Context(), obj)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(stored.Filled, " "); got != want[obj] {
			t.Errorf("%s: filled in is %q, want %q: %s", id, got, want[obj], stored.Raw)
		}
		var exists *datastore.AlreadyExistsError
		if _, err := c.Create(t.Context(), obj); !errors.As(err, &exists) || !exists.Identical() {
			t.Errorf("%s once more: %v, %v", id, err, exists)
		}
	}
}
