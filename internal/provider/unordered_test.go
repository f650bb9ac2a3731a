package provider_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

const netsKey = "/calico/resources/v3/projectcalico.org/globalnetworksets/s"

func netsOf(nets ...string) string {
	return "resource \"calico_global_network_set\" \"s\" {\n  name = \"s\"\n  nets = " + list(nets...) + "\n}\noutput \"first\" {\n  value = calico_global_network_set.s.nets[0]\n}\n"
}

// The order of networks means nothing, nor how they are spelled, nor how often they are
// there: the user's own way of writing them stays, and another tool's is no change.
func TestListsWithoutAnOrder(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	provider := etcdBlock(at(etcd.Endpoints...))
	storedAs := func(nets ...string) {
		t.Helper()
		if value := etcd.MustGet(t, netsKey).Value; !strings.Contains(value, `"nets":["`+strings.Join(nets, `","`)+`"]`) {
			t.Errorf("it is stored as %s, want %q", value, nets)
		}
	}
	w := newWorkspace(t, provider, netsOf("10.2.0.0/16", "FD00:0::/64", "10.1.0.7", "10.2.0.0/16"))
	succeed(t, w, "apply")
	// Calico stores what is written.
	storedAs("10.2.0.0/16", "FD00:0::/64", "10.1.0.7", "10.2.0.0/16")
	noChanges(t, w)
	for _, nets := range [][]string{
		{"10.1.0.7", "10.2.0.0/16", "fd00::/64"},
		{"10.2.0.0/16", "fd00::/64", "10.1.0.7/32", "FD00:0:0::/64"},
	} {
		rewrite(t, w, provider, netsOf(nets...))
		noChanges(t, w)
	}

	// Another tool writes them in its way, and then one more.
	was := etcd.MustGet(t, netsKey).Value
	write := func(nets string) {
		before, rest, _ := strings.Cut(was, `"nets":[`)
		_, after, _ := strings.Cut(rest, "]")
		etcd.Put(t, netsKey, before+`"nets":[`+nets+"]"+after)
	}
	write(`"fd00::/64","10.1.0.7/32","10.2.0.0/16"`)
	noChanges(t, w)
	write(`"fd00::/64","10.1.0.7/32","10.3.0.0/16","10.2.0.0/16"`)
	changes, plan, err := w.Plan(t.Context())
	if err != nil || !changes || !strings.Contains(plan, `- "10.3.0.0/16"`) || strings.Contains(plan, `"fd00::/64" ->`) {
		t.Errorf("plan: changes %t, %v\n%s", changes, err, plan)
	}
	succeed(t, w, "apply")
	storedAs("10.2.0.0/16", "fd00::/64", "10.1.0.7/32", "FD00:0:0::/64")
	noChanges(t, w)
}

// A state in which the networks are a set, sorted by Terraform and each there once, is the
// same as one in which they are a list.
func TestListsThatWereSets(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	provider := etcdBlock(at(etcd.Endpoints...))
	w := newWorkspace(t, provider, netsOf("10.2.0.0/16", "10.1.0.7", "10.2.0.0/16"))
	succeed(t, w, "apply")
	file := filepath.Join(w.Dir, "terraform.tfstate")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var state map[string]any
	if err := json.Unmarshal(text, &state); err != nil {
		t.Fatal(err)
	}
	resources, _ := state["resources"].([]any)
	instances, _ := resources[0].(map[string]any)["instances"].([]any)
	attributes, _ := instances[0].(map[string]any)["attributes"].(map[string]any)
	if fmt.Sprint(attributes["nets"]) != "[10.2.0.0/16 10.1.0.7 10.2.0.0/16]" {
		t.Fatalf("the state has %v", attributes["nets"])
	}
	attributes["nets"] = []string{"10.1.0.7", "10.2.0.0/16"}
	if text, err = json.Marshal(state); err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	was := etcd.MustGet(t, netsKey)
	changes, plan, err := w.Plan(t.Context(), "-target", "calico_global_network_set.s")
	if err != nil || strings.Contains(plan, "will be updated") {
		t.Errorf("plan: changes %t, %v\n%s", changes, err, plan)
	}
	succeed(t, w, "apply")
	noChanges(t, w)
	if now := etcd.MustGet(t, netsKey); now.Revision != was.Revision {
		t.Errorf("it was written again: %s", now.Value)
	}
}
