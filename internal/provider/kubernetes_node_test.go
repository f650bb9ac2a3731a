package provider_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// TestNodeLabelsOfOthers has kubelet, a cloud, kubectl and calicoctl put labels on a Node of
// Kubernetes that calico_node manages: they are no difference, and no change and no destroy
// takes them away. A label that the configuration named goes when it names it no more.
func TestNodeLabelsOfOthers(t *testing.T) {
	t.Parallel()
	k := acctest.NewKubernetes(t, acctest.WithCRDs(acctest.CRDs331))
	k.GrantAccess(t)
	const path = "/api/v1/nodes/db1"
	others := map[string]string{
		"kubernetes.io/os": "linux", "kubernetes.io/hostname": "db1", "beta.kubernetes.io/arch": "amd64",
		"node.kubernetes.io/instance-type": "m5.large", "topology.kubernetes.io/zone": "a", "node-role.kubernetes.io/worker": "",
	}
	text := func(v any) string {
		t.Helper()
		s, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(s)
	}
	k.MustDo(t, http.MethodPost, "/api/v1/nodes", "", `{"apiVersion":"v1","kind":"Node","metadata":{"name":"db1","labels":`+text(others)+`,"annotations":{"projectcalico.org/labels":"{\"old\":\"1\",\"rack\":\"r0\"}"}}}`)
	// label does what `kubectl label` does.
	label := func(key, value string) {
		t.Helper()
		k.MustDo(t, http.MethodPatch, path, "application/merge-patch+json", `{"metadata":{"labels":{"`+key+`":"`+value+`"}}}`)
		others[key] = value
	}
	// calico sets the labels that only Calico has, as calicoctl does.
	calico := func(labels map[string]string) {
		t.Helper()
		k.MustDo(t, http.MethodPatch, path+"/status", "application/merge-patch+json", `{"metadata":{"annotations":{"projectcalico.org/labels":`+text(text(labels))+`}}}`)
	}
	has := func(own map[string]string) {
		t.Helper()
		var node struct {
			Metadata struct{ Labels, Annotations map[string]string }
		}
		if err := json.Unmarshal([]byte(k.MustDo(t, http.MethodGet, path, "", "")), &node); err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(node.Metadata.Labels, others) {
			t.Errorf("Kubernetes has the labels %v, want %v", node.Metadata.Labels, others)
		}
		got := map[string]string{}
		if annotation := node.Metadata.Annotations["projectcalico.org/labels"]; annotation != "" {
			if err := json.Unmarshal([]byte(annotation), &got); err != nil {
				t.Fatal(err)
			}
		}
		if !maps.Equal(got, own) {
			t.Errorf("Calico has the labels %v, want %v", got, own)
		}
	}
	provider := kubernetesBlock(`config_path = "` + k.Config + `"`)
	node := func(labels string) string {
		return "resource \"calico_node\" \"this\" {\n  name = \"db1\"\n  labels = {" + labels + "}\n}\n"
	}

	// An import takes over what is Calico's, and that matches the configuration.
	w := newWorkspace(t, provider, node(`old = "1", rack = "r0"`))
	w.MustRun(t, "import", "-no-color", "calico_node.this", "db1")
	noChanges(t, w)
	if shown := w.MustRun(t, "show", "-no-color"); strings.Contains(shown, "topology.kubernetes.io") {
		t.Errorf("the import has taken over labels of Kubernetes:\n%s", shown)
	}
	// What is named no longer goes.
	rewrite(t, w, provider, node(`rack = "r1"`))
	succeed(t, w, "apply")
	has(map[string]string{"rack": "r1"})
	noChanges(t, w)

	// What others add, change and take away is nobody's difference.
	label("topology.kubernetes.io/region", "eu")
	label("team", "network")
	label("kubernetes.io/os", "Linux")
	calico(map[string]string{"rack": "r1", "theirs": "yes"})
	noChanges(t, w)
	// It stays in a change, too, and what is added between the plan and the apply.
	rewrite(t, w, provider, node(`rack = "r2", host = "db"`))
	w.MustRun(t, "plan", "-out=plan", "-no-color")
	label("team", "data")
	if output, err := w.Run(t, "apply", "-no-color", "plan"); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	has(map[string]string{"rack": "r2", "host": "db", "theirs": "yes"})
	noChanges(t, w)
	// Of a label that is named, a difference shows, as ever.
	calico(map[string]string{"rack": "r9", "host": "db", "theirs": "yes"})
	if changes, output, err := w.Plan(t.Context()); err != nil || !changes {
		t.Errorf("a change of a label that is named plans nothing (%v):\n%s", err, output)
	}
	// One of Kubernetes' own may be named as it is, and not otherwise.
	rewrite(t, w, provider, node(`rack = "r2", team = "data"`))
	succeed(t, w, "apply")
	noChanges(t, w)
	rewrite(t, w, provider, node(`rack = "r2", team = "mine"`))
	fail(t, w, "apply").Says(t, `The label team = "data" is one of the Node of Kubernetes`, "leave it out of `labels`", "kubectl")
	rewrite(t, w, provider, node(`rack = "r2"`))
	succeed(t, w, "apply")
	has(map[string]string{"rack": "r2", "theirs": "yes"})
	noChanges(t, w)

	succeed(t, w, "destroy")
	has(map[string]string{"theirs": "yes"})
}
