package provider_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path"
	"path/filepath"
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
	variables, _, ok2 := strings.Cut(variables, "\n\nThe plan")
	if !ok || !ok2 {
		t.Fatalf("README.md shows no variables:\n%s", files["README.md"])
	}
	w := acctest.NewWorkspace(t, map[string]string{
		"main.tf":             files["main.tf"],
		"cluster.auto.tfvars": strings.Replace(variables, "/home/ann/.kube/config", k.Config, 1) + "\n",
	})
	// One node first: the report tells of it alone.
	w.MustRun(t, "apply", "-auto-approve", `-var=rollout=["node1"]`)
	wantReport(t, w, "**1 host endpoint, 5 flows: 0 unexpected.**")
	if diff := cmp.Diff([]string{"node1"}, inCluster(t, k, "hostendpoints")); diff != "" {
		t.Errorf("the host endpoints (-want +got):\n%s", diff)
	}
	if o := run(t, w, "plan", `-var=rollout=["nod2"]`); !o.Failed || !strings.Contains(o.All, "names nodes that are not in") {
		t.Errorf("a node that is none: failed %t, with %s", o.Failed, o.All)
	}
	// A network of the cluster that takes in everybody opens the kubelet, which the plan tells
	// before it is so.
	if o := run(t, w, "plan", `-var=cluster_cidrs=["0.0.0.0/0"]`); !o.Failed || !strings.Contains(o.All, "the kubelet from elsewhere") {
		t.Errorf("everybody in the cluster's networks: failed %t, with %s", o.Failed, o.All)
	}
	o := run(t, w, "plan")
	if o.Failed || len(o.Of("warning")) > 0 {
		t.Errorf("failed %t, with %v", o.Failed, o.Diagnostics)
	}
	w.MustRun(t, "apply", "-auto-approve")
	wantReport(t, w, "**2 host endpoints, 10 flows: 0 unexpected.**")
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

// testKubernetesProvider applies a network set with the provider block of an example. What
// the example has of a cluster is replaced by what there is here; a program for
// credentials is one of this test, with the same name and the same arguments.
func testKubernetesProvider(t *testing.T, dir string) {
	files := acctest.Files(t, "examples/"+dir)
	if got := slices.Sorted(maps.Keys(files)); !slices.Equal(got, []string{"provider.tf"}) {
		t.Fatalf("examples/%s has %q, and only provider.tf has a test", dir, got)
	}
	configuration := files["provider.tf"]
	if path.Base(dir) == "pod" {
		// Only a pod has a service account. What it is used for is tested with the settings.
		w := acctest.NewWorkspace(t, map[string]string{"versions.tf": requiredProviders, "provider.tf": configuration})
		w.MustRun(t, "validate")
		return
	}
	k := newCluster(t)
	home := t.TempDir()
	write := func(name, content string, mode os.FileMode) {
		t.Helper()
		file := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	kubeconfig, err := os.ReadFile(k.Config)
	if err != nil {
		t.Fatal(err)
	}
	write(".kube/config", strings.ReplaceAll(string(kubeconfig), "test", "prod"), 0o600)
	for program, args := range map[string]string{"aws": "eks get-token --cluster-name prod", "gke-gcloud-auth-plugin": ""} {
		write("bin/"+program, `#!/bin/sh
[ "$*" = "`+args+`" ] || exit 1
echo '{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","status":{"token":"`+k.Token+`"}}'
`, 0o700)
	}
	endpoint := k.URL
	if path.Base(dir) == "gke" {
		endpoint = strings.TrimPrefix(k.URL, "https://")
	}
	for example, here := range map[string]string{
		"https://10.2.0.21:6443":     k.URL,
		"/etc/kubernetes/pki/ca.crt": k.Certificates.CAFile,
		"/etc/calico/terraform.crt":  k.Certificates.CertFile,
		"/etc/calico/terraform.key":  k.Certificates.KeyFile,
	} {
		configuration = strings.ReplaceAll(configuration, example, here)
	}
	w := acctest.NewWorkspace(t, map[string]string{
		"versions.tf": requiredProviders,
		"provider.tf": configuration,
		"resource.tf": acctest.Files(t, "examples/resources/calico_global_network_set")["resource.tf"],
	})
	w.Env = append(w.Env, "HOME="+home, "PATH="+filepath.Join(home, "bin")+":"+os.Getenv("PATH"))
	if strings.Contains(configuration, `variable "cluster_ca"`) {
		w.Env = append(w.Env, "TF_VAR_cluster_endpoint="+endpoint, "TF_VAR_cluster_ca="+base64.StdEncoding.EncodeToString([]byte(k.Certificates.CA)))
	}
	w.MustRun(t, "apply", "-auto-approve")
	wantEmptyPlan(t, w)
	if stored := inCluster(t, k, "globalnetworksets"); len(stored) != 1 {
		t.Errorf("there are %q", stored)
	}
	w.MustRun(t, "destroy", "-auto-approve")
	if left := inCluster(t, k, "globalnetworksets"); left != nil {
		t.Errorf("left behind: %q", left)
	}
}

// wantReport checks that the output report holds a text.
func wantReport(t *testing.T, w *acctest.Workspace, want string) {
	t.Helper()
	if got := w.MustRun(t, "output", "-raw", "report"); !strings.Contains(got, want) {
		t.Errorf("the report is\n%s\nwant %s", got, want)
	}
}

// testKubernetesNamespace locks a namespace down that has pods, after a look at the report of
// a plan with a slip in it, which must write nothing.
func testKubernetesNamespace(t *testing.T, dir string) {
	files := acctest.Files(t, "examples/"+dir)
	if got, want := slices.Sorted(maps.Keys(files)), []string{"README.md", "main.tf"}; !slices.Equal(got, want) {
		t.Fatalf("examples/%s has %q, and only %q have a test", dir, got, want)
	}
	k := newCluster(t)
	addresses := 0
	for namespace, pods := range map[string]map[string]map[string]string{
		"shop":          {"web-1": {"app": "web", "pod-template-hash": "a"}, "web-2": {"app": "web", "pod-template-hash": "b"}, "db-0": {"app": "db"}},
		"ingress-nginx": {"controller-1": nil, "controller-2": nil},
		"kube-system":   {"dns-1": {"k8s-app": "kube-dns"}, "dns-2": {"k8s-app": "kube-dns"}},
	} {
		status, answer, err := k.Do(t.Context(), http.MethodPost, "/api/v1/namespaces", "", `{"metadata":{"name":"`+namespace+`"}}`)
		if err != nil || status != http.StatusCreated && status != http.StatusConflict {
			t.Fatalf("%d: %s, %v", status, answer, err)
		}
		for name, labels := range pods {
			addresses++
			addPod(t, k, namespace, name, fmt.Sprintf("10.244.1.%d", addresses), labels)
		}
	}
	_, shown, ok := strings.Cut(files["README.md"], "    terraform plan -var ")
	if _, slip, ok2 := strings.Cut(shown, "with `-var \"database_clients=app == 'wbe'\"` the plan"); !ok || !ok2 || slip == "" {
		t.Fatalf("README.md shows no slip:\n%s", files["README.md"])
	}
	w := acctest.NewWorkspace(t, map[string]string{"main.tf": files["main.tf"]})
	w.Env = append(w.Env, "TF_VAR_kubeconfig="+k.Config)
	o := run(t, w, "apply", "-var", "database_clients=app == 'wbe'")
	if !o.Failed || !strings.Contains(o.All, "web to its database") || !strings.Contains(o.All, "1 unexpected") {
		t.Errorf("the slip: failed %t, with %s", o.Failed, o.All)
	}
	if stored := inCluster(t, k, "networkpolicies"); stored != nil {
		t.Errorf("with a slip in the plan there are %q", stored)
	}
	if o := run(t, w, "apply"); o.Failed || len(o.Of("warning")) > 0 {
		t.Fatalf("failed %t, with %s", o.Failed, o.All)
	}
	// Pods that differ in nothing but what no rule looks at are one.
	_, heading, _ := strings.Cut(files["README.md"], "\n    **")
	heading, _, _ = strings.Cut(heading, "\n")
	wantReport(t, w, "**"+heading)
	wantReport(t, w, "shop/app=web to shop/app=db (2) | allow |")
	wantReport(t, w, "ingress-nginx to shop/app=web (4) | allow |")
	wantEmptyPlan(t, w)
	w.MustRun(t, "destroy", "-auto-approve")
	if left := inCluster(t, k, "networkpolicies"); left != nil {
		t.Errorf("left behind: %q", left)
	}
}
