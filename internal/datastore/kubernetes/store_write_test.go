package kubernetes

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

const v1Policies = "/apis/" + GroupV1 + "/globalnetworkpolicies"

// testKeepsWhatIsNotCalicos updates objects on which others have put things of their own.
func testKeepsWhatIsNotCalicos(t *testing.T, c *testCluster) {
	t.Helper()
	f, err := c.facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	created, err := c.Create(t.Context(), hostEndpoint("db1-eth0"))
	if err != nil {
		t.Fatal(err)
	}
	path := f.location(calico.KindHostEndpoint, "", "db1-eth0").path()
	c.MustDo(t, http.MethodPatch, path, "application/merge-patch+json", `{"metadata":{"finalizers":["example.com/keep"],"labels":{"argocd.argoproj.io/instance":"x"},"annotations":{"meta.helm.sh/release-name":"r"}}}`)
	read, err := c.Get(t.Context(), calico.IDOf(created.Object))
	if err != nil {
		t.Fatal(err)
	}
	changed, ok := read.Object.DeepCopyObject().(*v3.HostEndpoint)
	if !ok {
		t.Fatalf("it is a %T", read.Object)
	}
	delete(changed.Labels, "host-endpoint")
	changed.Spec.InterfaceName = "eth1"
	if _, err := c.Update(t.Context(), changed, read); err != nil {
		t.Fatal(err)
	}
	var object struct {
		Metadata struct {
			Finalizers          []string
			Labels, Annotations map[string]string
		}
		Spec struct{ InterfaceName string }
	}
	answer := c.MustDo(t, http.MethodGet, path, "", "")
	if err := json.Unmarshal([]byte(answer), &object); err != nil {
		t.Fatal(err)
	}
	m := object.Metadata
	if len(m.Finalizers) != 1 || m.Labels["argocd.argoproj.io/instance"] != "x" || m.Annotations["meta.helm.sh/release-name"] != "r" || object.Spec.InterfaceName != "eth1" {
		t.Errorf("after the update it is %s", answer)
	}
	if strings.Contains(answer, "host-endpoint") {
		t.Errorf("the label is still there: %s", answer)
	}
	if w := parseWrapper(m.Annotations[storage.MetadataAnnotation]); w.annotations["meta.helm.sh/release-name"] != "" {
		t.Error("what a tool has put on it became Calico's")
	}
	c.MustDo(t, http.MethodPatch, path, "application/merge-patch+json", `{"metadata":{"finalizers":null}}`)
}

// testMadeByKubectl reads and updates objects that have no annotation of Calico's.
func testMadeByKubectl(t *testing.T, c *testCluster) {
	t.Helper()
	f, err := c.facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"default.kube1", "kube2"} {
		at := f.location(calico.KindGlobalNetworkPolicy, "", "")
		c.MustDo(t, http.MethodPost, at.path(), "", `{"apiVersion":"`+f.groupVersion()+`","kind":"GlobalNetworkPolicy","metadata":{"name":"`+name+`","labels":{"team":"net"}},"spec":{"selector":"all()","types":["Ingress"]}}`)
		id := calico.ID{Kind: calico.KindGlobalNetworkPolicy, Name: name}
		read, err := c.Get(t.Context(), id)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if read.Object.GetName() != name || read.Object.GetLabels()["team"] != "net" {
			t.Errorf("%s is read as %s", name, read.Raw)
		}
		changed, ok := read.Object.DeepCopyObject().(*v3.GlobalNetworkPolicy)
		if !ok {
			t.Fatalf("it is a %T", read.Object)
		}
		changed.Labels = map[string]string{"other": "x"}
		updated, err := c.Update(t.Context(), changed, read)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if parseWhere(updated.Where).name != name {
			t.Errorf("%s was renamed to %s", name, updated.Where)
		}
		if again, err := c.Get(t.Context(), id); err != nil || !sameMap(again.Object.GetLabels(), changed.Labels) {
			t.Errorf("%s after the update: %v, %s", name, err, again.Raw)
		}
	}
}

// TestTwoNames stores a policy under the names of two releases.
func TestTwoNames(t *testing.T) {
	t.Parallel()
	c := newCluster(t, acctest.CRDs331)
	id := calico.ID{Kind: calico.KindGlobalNetworkPolicy, Name: "p"}
	raw := func(name string) string {
		return `{"apiVersion":"crd.projectcalico.org/v1","kind":"GlobalNetworkPolicy","metadata":{"name":"` + name + `"},"spec":{"selector":"all()"}}`
	}
	c.MustDo(t, http.MethodPost, v1Policies, "", raw("p"))
	var exists *datastore.AlreadyExistsError
	if _, err := c.Create(t.Context(), policy("p", "")); !errors.As(err, &exists) || !strings.HasSuffix(exists.Where, "/p") {
		t.Errorf("a create beside the name of another release: %v", err)
	}
	c.MustDo(t, http.MethodPost, v1Policies, "", raw("default.p"))
	var ambiguous *datastore.AmbiguousError
	if _, err := c.Get(t.Context(), id); !errors.As(err, &ambiguous) || len(ambiguous.Keys) != 2 || !strings.HasPrefix(ambiguous.Remove[0], "kubectl delete globalnetworkpolicies.crd.projectcalico.org ") {
		t.Errorf("both names: %v", err)
	}
}

// testPatch changes one field of an object that others write to at the same time.
func testPatch(t *testing.T, c *testCluster) {
	t.Helper()
	felix := calico.NewFelixConfiguration()
	felix.Name = "default"
	base, err := c.Create(t.Context(), felix)
	if err != nil {
		t.Fatal(err)
	}
	path := parseWhere(base.Where).path()
	c.MustDo(t, http.MethodPatch, path, "application/merge-patch+json", `{"spec":{"logSeverityScreen":"Warning"}}`)
	patched, err := c.Patch(t.Context(), base, storage.SpecPatch{"interfacePrefix": json.RawMessage(`"cali,tap"`)})
	if err != nil {
		t.Fatal(err)
	}
	if text := string(patched.Raw); !strings.Contains(text, "cali,tap") || !strings.Contains(text, "Warning") {
		t.Errorf("it is now %s", text)
	}
	var conflict *datastore.ConflictError
	if _, err := c.Patch(t.Context(), base, storage.SpecPatch{"logSeverityScreen": json.RawMessage(`"Debug"`)}); !errors.As(err, &conflict) || !strings.Contains(err.Error(), "Warning") {
		t.Errorf("a change of what another one has changed: %v", err)
	}
	if _, err := c.Patch(t.Context(), patched, storage.SpecPatch{"logSeverityScreen": nil}); err != nil {
		t.Errorf("taking a field away: %v", err)
	}
	if now := c.MustDo(t, http.MethodGet, path, "", ""); strings.Contains(now, "Warning") {
		t.Errorf("it is still there: %s", now)
	}
	if _, err := c.Patch(t.Context(), base, storage.SpecPatch{"noSuchField": json.RawMessage(`"secret-value"`)}); err == nil || !strings.Contains(err.Error(), "noSuchField") || strings.Contains(err.Error(), "secret-value") {
		t.Errorf("a field that the cluster does not know: %v", err)
	}
}

// testTiers looks at what the provider does for tiers where the API server does nothing.
func testTiers(t *testing.T, c *testCluster) {
	t.Helper()
	if c.crds == acctest.CRDs328 {
		return // which has no tiers
	}
	var missing *datastore.TierMissingError
	if _, err := c.Create(t.Context(), policy("sec.p", "sec")); !errors.As(err, &missing) {
		t.Errorf("a policy in a tier that is not there: %v", err)
	}
	tier := v3.NewTier()
	tier.Name = "sec"
	stored, err := c.Create(t.Context(), tier)
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.Create(t.Context(), policy("sec.p", "sec"))
	if err != nil {
		t.Fatal(err)
	}
	var used *datastore.InUseError
	if err := c.Delete(t.Context(), stored); !errors.As(err, &used) || len(used.Users) != 1 {
		t.Errorf("a tier with a policy in it: %v", err)
	}
	if err := c.Delete(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	// As kube-controllers does in the native form.
	path := parseWhere(stored.Where).path()
	c.MustDo(t, http.MethodPatch, path, "application/merge-patch+json", `{"metadata":{"finalizers":["projectcalico.org/tier-controller"]}}`)
	if stored, err = c.Get(t.Context(), calico.IDOf(tier)); err != nil {
		t.Fatal(err)
	}
	short := c.open(t, Config{RequestTimeout: minTimeout})
	var rejected *datastore.RejectedError
	if err := short.Delete(t.Context(), stored); !errors.As(err, &rejected) || !strings.Contains(err.Error(), "tier-controller") {
		t.Errorf("a tier that waits for its finalizer: %v", err)
	}
	if _, err := c.Create(t.Context(), policy("sec.q", "sec")); !errors.As(err, &rejected) {
		t.Errorf("a policy in a tier that is being deleted: %v", err)
	}
	if _, err := c.Create(t.Context(), tier); !errors.As(err, &rejected) {
		t.Errorf("a tier that is being deleted, once more: %v", err)
	}
	done := make(chan error)
	go func() { done <- c.Delete(t.Context(), stored) }()
	c.MustDo(t, http.MethodPatch, path, "application/merge-patch+json", `{"metadata":{"finalizers":null}}`)
	if err := <-done; err != nil {
		t.Errorf("a tier whose finalizer goes: %v", err)
	}
}

// TestNode changes the Calico part of a Node.
func TestNode(t *testing.T) {
	t.Parallel()
	c := newCluster(t, acctest.CRDs331)
	n := calico.NewNode()
	n.Name = "db1"
	var rejected *datastore.RejectedError
	if _, err := c.Create(t.Context(), n); !errors.As(err, &rejected) || !strings.Contains(err.Error(), "kubelet") {
		t.Errorf("a node that is not there: %v", err)
	}
	c.MustDo(t, http.MethodPost, "/api/v1/nodes", "", `{"metadata":{"name":"db1","labels":{"rack":"r1"}}}`)
	var exists *datastore.AlreadyExistsError
	if _, err := c.Create(t.Context(), n); !errors.As(err, &exists) {
		t.Errorf("a node that is there: %v", err)
	}
	id := calico.IDOf(n)
	read, err := c.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	node, ok := read.Object.DeepCopyObject().(*calico.Node)
	if !ok || node.Labels["rack"] != "r1" {
		t.Fatalf("it is read as %s", read.Raw)
	}
	node.Spec.BGP = &calico.NodeBGPSpec{IPv4Address: "10.2.0.5/24", RouteReflectorClusterID: "244.0.0.1"}
	node.Labels["own"] = "x"
	updated, err := c.Update(t.Context(), node, read)
	if err != nil {
		t.Fatal(err)
	}
	got := c.MustDo(t, http.MethodGet, "/api/v1/nodes/db1", "", "")
	for _, want := range []string{`"projectcalico.org/IPv4Address":"10.2.0.5/24"`, `"projectcalico.org/labels":"{\"own\":\"x\"}"`} {
		if !strings.Contains(got, want) {
			t.Errorf("the node is %s, without %s", got, want)
		}
	}
	// Somebody else changes the same, and then something else.
	c.MustDo(t, http.MethodPatch, "/api/v1/nodes/db1", "application/merge-patch+json", `{"metadata":{"annotations":{"projectcalico.org/RouteReflectorClusterID":"244.0.0.2"}}}`)
	node.Spec.BGP.RouteReflectorClusterID = "244.0.0.3"
	var conflict *datastore.ConflictError
	if _, err := c.Update(t.Context(), node, updated); !errors.As(err, &conflict) {
		t.Errorf("a change of what another one has changed: %v", err)
	}
	if updated, err = c.Get(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	c.MustDo(t, http.MethodPatch, "/api/v1/nodes/db1", "application/merge-patch+json", `{"metadata":{"annotations":{"example.com/x":"y"}},"spec":{"unschedulable":true}}`)
	if updated, err = c.Update(t.Context(), node, updated); err != nil {
		t.Fatalf("a change beside another one: %v", err)
	}
	delete(node.Labels, "rack")
	if _, err := c.Update(t.Context(), node, updated); !errors.As(err, &rejected) || !strings.Contains(err.Error(), "kubectl") {
		t.Errorf("a label of Kubernetes taken away: %v", err)
	}
	if err := c.Delete(t.Context(), updated); err != nil {
		t.Fatal(err)
	}
	got = c.MustDo(t, http.MethodGet, "/api/v1/nodes/db1", "", "")
	if strings.Contains(got, "244.0.0.3") || !strings.Contains(got, "10.2.0.5/24") || !strings.Contains(got, "example.com/x") {
		t.Errorf("after it was given back the node is %s", got)
	}
}

// TestProfiles reads what Calico makes of namespaces and service accounts.
func TestProfiles(t *testing.T) {
	t.Parallel()
	c := newCluster(t, acctest.CRDs331)
	c.MustDo(t, http.MethodPost, "/api/v1/namespaces", "", `{"metadata":{"name":"prod","labels":{"team":"net"}}}`)
	c.MustDo(t, http.MethodPost, "/api/v1/namespaces/prod/serviceaccounts", "", `{"metadata":{"name":"web"}}`)
	all, corrupt, err := c.List(t.Context(), calico.KindProfile)
	if err != nil || len(corrupt) > 0 {
		t.Fatal(err, corrupt)
	}
	labels := map[string]map[string]string{}
	for _, one := range all {
		p, ok := one.Object.(*v3.Profile)
		if !ok {
			t.Fatalf("there is a %T", one.Object)
		}
		labels[p.Name] = p.Spec.LabelsToApply
	}
	if labels["kns.prod"]["pcns.team"] != "net" || labels["ksa.prod.web"]["pcsa.projectcalico.org/name"] != "web" || labels["projectcalico-default-allow"] != nil || len(labels) < 6 {
		t.Errorf("there are %v", labels)
	}
	if _, err := c.Get(t.Context(), calico.ID{Kind: calico.KindProfile, Name: "kns.prod"}); err != nil {
		t.Error(err)
	}
	p := v3.NewProfile()
	p.Name = "mine"
	var rejected *datastore.RejectedError
	if _, err := c.Create(t.Context(), p); !errors.As(err, &rejected) {
		t.Errorf("a profile of one's own: %v", err)
	}
}

// TestRejected writes what the API server does not take.
func TestRejected(t *testing.T) {
	t.Parallel()
	c := newCluster(t, acctest.NativeCRDs)
	np := v3.NewNetworkPolicy()
	np.Name, np.Namespace, np.Spec.Selector = "web", "missing", "all()"
	var rejected *datastore.RejectedError
	if _, err := c.Create(t.Context(), np); !errors.As(err, &rejected) || !strings.Contains(err.Error(), `namespace "missing" does not exist`) {
		t.Errorf("in a namespace that is not there: %v", err)
	}
	h := hostEndpoint("db1-eth0")
	h.Spec.InterfaceName = ""
	if _, err := c.Create(t.Context(), h); !errors.As(err, &rejected) || len(rejected.Causes) == 0 || !strings.HasPrefix(rejected.Causes[0].Field, "spec") {
		t.Errorf("an endpoint that is nothing: %v", err)
	}
	tier := v3.NewTier()
	tier.Name = "default"
	stored, err := c.Create(t.Context(), tier)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(t.Context(), stored); !errors.As(err, &rejected) || !strings.Contains(err.Error(), "protect-builtin-tiers") {
		t.Errorf("the built-in tier: %v", err)
	}
}
