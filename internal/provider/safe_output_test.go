package provider_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// Names that nobody gives a host endpoint by mistake.
const (
	linkName    = "![x](https://example.net)"
	headingName = "x\r\n## heading"
	escapeName  = "\u009b31m\u202egnp.exe"
)

// namedEndpoint is the key and the value of a host endpoint of a node.
func namedEndpoint(t *testing.T, name, node string) (key, value string) {
	t.Helper()
	quoted, err := json.Marshal(name)
	if err != nil {
		t.Fatal(err)
	}
	return endpointKeys + name, strings.NewReplacer(`"db1-eth0"`, string(quoted), `"db1"`, fmt.Sprintf("%q", node)).Replace(guardedEndpoint)
}

// What others store does not rule the terminal in which it is told. (The helpers of
// the tests watch every output for what is not spelled out.)
func TestWhatOthersStoreIsToldSafely(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	provider := etcdBlock(at(etcd.Endpoints...))
	w := newWorkspace(t, provider, failsafe, hostEndpoint("db1"))
	succeed(t, w, "apply")

	// In a list of what a change cuts off.
	etcd.Put(t, guardedFelixKey, guardedFelix)
	for i, name := range []string{linkName, headingName, escapeName} {
		key, value := namedEndpoint(t, name, fmt.Sprintf("node%d", i))
		etcd.Put(t, key, value)
	}
	rewrite(t, w, provider, failsafe, policyOf("deny", "order = -1", denying("ingress", 22)), hostEndpoint("db1"))
	warnings := run(t, w, "plan").Of("warning")
	if len(warnings) != 1 {
		t.Fatalf("the plan warns of %v", warnings)
	}
	warnings[0].Says(t, "Change Would Cut Off Guarded Traffic", "  "+linkName+": management access", `  x\r\n## heading: management access`, `  \u009b31m\u202egnp.exe: management access`)

	// In what changed meanwhile.
	w = newWorkspace(t, provider, hostEndpoint("other"))
	succeed(t, w, "apply")
	rewrite(t, w, provider, strings.Replace(hostEndpoint("other"), `"eth0"`, `"eth1"`, 1))
	w.MustRun(t, "plan", "-out=plan.tfplan")
	stored := etcd.MustGet(t, endpointKeys+"other").Value
	etcd.Put(t, endpointKeys+"other", strings.Replace(stored, `"node":"db1"`, `"node":"a\u001b[2K`+"\u202e\u009b"+`"`, 1))
	_, err := w.Run(t, "apply", "plan.tfplan")
	if err == nil || !strings.Contains(err.Error(), `\u202e\u009b`) || !strings.Contains(err.Error(), "What changed") {
		t.Errorf("a conflict: %v", err)
	}

	// In a value that is none, and its key.
	const key = policyKeys + "default.x\x1b[2K\u202e\r\ny\xff"
	etcd.Put(t, endpointKeys+"other", "{\x1b[31m\u202e")
	etcd.Put(t, key, "{\x1b[31m\u202e")
	d := fail(t, w, "plan")
	d.Says(t, "Unable to Read", "is not a valid object", "etcdctl get '"+endpointKeys+"other'")
	rewrite(t, w, provider, connectivity(""))
	if warnings = run(t, w, "plan").Of("warning"); len(warnings) != 2 {
		t.Fatalf("the plan warns of %v", warnings)
	}
	warnings[1].Says(t, "Stored Value Left Out", policyKeys+`default.x\x1b[2K\u202e\r\ny\xff (revision`,
		"etcdctl get $'"+policyKeys+`default.x\x1b[2K\xe2\x80\xae\x0d\x0ay\xff'`)

	// In a report, and in the outputs of a plan and a state as a terminal shows them.
	etcd.Delete(t, key)
	etcd.Delete(t, endpointKeys+"other")
	rewrite(t, w, provider, connectivity(""), outputsOfChanges)
	got := plannedOutputs(t, w)
	var endpoints []string
	for _, r := range got.Results.Value {
		endpoints = append(endpoints, r.Endpoint)
	}
	slices.Sort(endpoints)
	if want := []string{linkName, linkName, `\u009b31m\u202egnp.exe`, `\u009b31m\u202egnp.exe`, "db1", "db1", `x\r\n## heading`, `x\r\n## heading`}; !slices.Equal(endpoints, want) {
		t.Errorf("the results are about %q, want %q", endpoints, want)
	}
	if names := "`" + linkName + "`, db1, `x\\r\\n## heading`, `\\u009b31m\\u202egnp.exe`"; !strings.Contains(got.Report.Value, "| "+names+" |") {
		t.Errorf("%s is not in the report:\n%s", names, got.Report.Value)
	}
	w.MustRun(t, "show", "plan.tfplan")
	w.MustRun(t, "apply", "plan.tfplan")
	w.MustRun(t, "output")
	w.MustRun(t, "output", "-raw", "report")
}

// An import that is proposed can be pasted, whatever the name.
func TestImportThatIsProposedCanBePasted(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	const namespace = `it's $(x) ${y} "z"`
	quoted, err := json.Marshal(namespace)
	if err != nil {
		t.Fatal(err)
	}
	etcd.Put(t, acctest.ResourcePrefix+"networksets/"+namespace+"/web", `{"kind":"NetworkSet","apiVersion":"projectcalico.org/v3","metadata":{"name":"web","namespace":`+string(quoted)+`,"uid":"0d3a1d3e-7c1f-4a9e-9d6b-2f0f5a3c8e11","creationTimestamp":"2026-01-02T03:04:05Z"},"spec":{}}`)
	w := newWorkspace(t, etcdBlock(at(etcd.Endpoints...)), `
resource "calico_network_set" "web" {
  name      = "web"
  namespace = "it's $(x) $${y} \"z\""
}
`)
	fail(t, w, "apply").Says(t, `terraform import 'calico_network_set.NAME' 'it'\''s $(x) ${y} "z"/web'`, `id = "it's $(x) $${y} \"z\"/web"`)
	rewrite(t, w, etcdBlock(at(etcd.Endpoints...)), `
resource "calico_network_set" "web" {
  name      = "web"
  namespace = "it's $(x) $${y} \"z\""
}
import {
  to = calico_network_set.web
  id = "it's $(x) $${y} \"z\"/web"
}
`)
	w.MustRun(t, "apply", "-auto-approve")
}
