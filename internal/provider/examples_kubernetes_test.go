package provider_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// newCluster starts an API server with Calico, and lets the user terraform do what the
// documentation says.
func newCluster(t *testing.T) *acctest.Kubernetes {
	t.Helper()
	k := acctest.NewKubernetes(t, acctest.WithCRDs(acctest.CRDs331))
	if err := k.PrepareCalico(t.Context(), exampleRelease); err != nil {
		t.Fatal(err)
	}
	k.GrantAccess(t)
	return k
}

// inCluster are the names of what is stored of a kind.
func inCluster(t *testing.T, k *acctest.Kubernetes, plural string) []string {
	t.Helper()
	var list struct {
		Items []struct{ Metadata struct{ Name string } }
	}
	if err := json.Unmarshal([]byte(k.MustDo(t, http.MethodGet, "/apis/crd.projectcalico.org/v1/"+plural, "", "")), &list); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, item := range list.Items {
		names = append(names, item.Metadata.Name)
	}
	return names
}

// testKubernetesNodes applies the example with the variables that its README shows, as a
// user that has the roles of clusterrole.yaml and no others.
func testKubernetesNodes(t *testing.T, dir string) {
	files := acctest.Files(t, "examples/"+dir)
	if got, want := slices.Sorted(maps.Keys(files)), []string{"README.md", "clusterrole.yaml", "main.tf"}; !slices.Equal(got, want) {
		t.Fatalf("examples/%s has %q, and only %q have a test", dir, got, want)
	}
	k := newCluster(t)
	for node, address := range map[string]string{"node1": "10.2.0.31", "node2": "10.2.0.32"} {
		k.MustDo(t, http.MethodPost, "/api/v1/nodes", "", `{"metadata":{"name":"`+node+`"},"status":{"addresses":[{"type":"InternalIP","address":"`+address+`"}]}}`)
	}
	_, variables, ok := strings.Cut(files["README.md"], "such as this one:\n\n")
	variables, _, ok2 := strings.Cut(variables, "\n\nThe names")
	if !ok || !ok2 {
		t.Fatalf("README.md shows no variables:\n%s", files["README.md"])
	}
	w := acctest.NewWorkspace(t, map[string]string{
		"main.tf":             files["main.tf"],
		"cluster.auto.tfvars": strings.Replace(variables, "/home/ann/.kube/config", k.Config, 1) + "\n",
	})
	o := run(t, w, "plan")
	if o.Failed || len(o.Of("warning")) > 0 {
		t.Errorf("failed %t, with %v", o.Failed, o.Diagnostics)
	}
	w.MustRun(t, "apply", "-auto-approve")
	wantEmptyPlan(t, w)
	for plural, want := range map[string][]string{
		"hostendpoints":         {"node1", "node2"},
		"globalnetworkpolicies": {"default.failsafe", "default.nodes"},
	} {
		if diff := cmp.Diff(want, inCluster(t, k, plural)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", plural, diff)
		}
	}
	w.MustRun(t, "destroy", "-auto-approve")
	for _, plural := range []string{"hostendpoints", "globalnetworkpolicies"} {
		if left := inCluster(t, k, plural); left != nil {
			t.Errorf("left behind of %s: %q", plural, left)
		}
	}
}
