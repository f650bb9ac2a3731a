package provider_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// privateOfState is private state in a state file.
var privateOfState = regexp.MustCompile(`"private": ?"[^"]*"`)

const felixStored = acctest.ResourcePrefix + "felixconfigurations/default"

// privateData is the private state of one object: JSON texts by their keys.
type privateData map[string]datastore.RawObject

// object is the object kept under the provider's main key.
func (p privateData) object(t *testing.T) map[string]json.RawMessage {
	t.Helper()
	var object map[string]json.RawMessage
	if err := json.Unmarshal(p["base"], &object); err != nil {
		t.Fatalf("private state is %s: %v", p["base"], err)
	}
	return object
}

// with returns private state whose main key holds other fields, as JSON; "" takes one
// away.
func (p privateData) with(t *testing.T, fields map[string]string) privateData {
	t.Helper()
	object := p.object(t)
	for name, value := range fields {
		if value == "" {
			delete(object, name)
		} else {
			object[name] = json.RawMessage(value)
		}
	}
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	out := maps.Clone(p)
	out["base"] = text
	return out
}

// editPrivate gives every object of the workspace's state other private state; nil for
// none.
func editPrivate(t *testing.T, w *acctest.Workspace, edit func(resourceType string, p privateData) privateData) {
	t.Helper()
	path := filepath.Join(w.Dir, "terraform.tfstate")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var state map[string]any
	if err := json.Unmarshal(content, &state); err != nil {
		t.Fatal(err)
	}
	if len(state["resources"].([]any)) == 0 {
		t.Fatalf("there is no object in the state: %s", content)
	}
	for _, r := range state["resources"].([]any) {
		resource := r.(map[string]any)
		for _, i := range resource["instances"].([]any) {
			instance := i.(map[string]any)
			p := privateData{}
			if text, ok := instance["private"].(string); ok {
				decodePrivate(t, text, &p)
			}
			if p = edit(resource["type"].(string), p); p == nil {
				delete(instance, "private")
				continue
			}
			text, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			instance["private"] = text // written as base64
		}
	}
	if content, err = json.Marshal(state); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func decodePrivate(t *testing.T, text string, into *privateData) {
	t.Helper()
	inner := decodedBase64(t, text)
	if err := json.Unmarshal([]byte(inner), into); err != nil {
		t.Fatalf("private state is %s: %v", inner, err)
	}
}

func decodedBase64(t *testing.T, text string) string {
	t.Helper()
	var inner []byte
	if err := json.Unmarshal([]byte(`"`+strings.TrimSuffix(text, `"`)+`"`), &inner); err != nil {
		t.Fatal(err)
	}
	return string(inner)
}

// dropPrivate takes private state away, as Terraform does if the provider is killed in
// an update.
func dropPrivate(t *testing.T, w *acctest.Workspace) {
	t.Helper()
	editPrivate(t, w, func(string, privateData) privateData { return nil })
}

// privateOf returns the private state of the only object of a type.
func privateOf(t *testing.T, w *acctest.Workspace, resourceType string) privateData {
	t.Helper()
	var found []privateData
	editPrivate(t, w, func(of string, p privateData) privateData {
		if of == resourceType {
			found = append(found, p)
		}
		return p
	})
	if len(found) != 1 {
		t.Fatalf("there are %d objects of %s in the state", len(found), resourceType)
	}
	return found[0]
}

// wantOrigin holds what private state tells of an object, beside the object.
func wantOrigin(t *testing.T, w *acctest.Workspace, resourceType, origin string) {
	t.Helper()
	got := privateOf(t, w, resourceType).object(t)
	if string(got["version"]) != "2" || string(got["datastore"]) != `"etcd"` || string(got["origin"]) != `"`+origin+`"` {
		t.Errorf("private state tells version %s, datastore %s, origin %s; want 2, etcd, %s", got["version"], got["datastore"], got["origin"], origin)
	}
}

// forgetful are an object of one owner with another tool's annotation on it, and one of
// several owners whose field was something else before.
type forgetful struct {
	etcd *acctest.Etcd
	w    *acctest.Workspace
}

const (
	forgetfulPolicy = `
resource "calico_global_network_policy" "this" {
  name     = "web"
  order    = %s
  selector = "all()"
  labels   = { a = "1" }
}
`
	forgetfulFelix = `
resource "calico_felix_configuration" "this" {
  name                        = "default"
  failsafe_inbound_host_ports = []
%s}
`
	othersFelixObject = `{"kind":"FelixConfiguration","apiVersion":"projectcalico.org/v3","metadata":{"name":"default","uid":"c3c1b7a8-9d1c-4f37-a7bd-8a9ad7ed4f12","creationTimestamp":"2026-01-01T00:00:00Z"},"spec":{"reportingInterval":"0s","ipipMTU":1480}}`
	othersNote        = `"annotations":{"note":"others'"}`
)

func (f forgetful) configure(t *testing.T, order, felix string) {
	t.Helper()
	rewrite(t, f.w, etcdBlock(at(f.etcd.Endpoints...)), strings.Replace(forgetfulPolicy, "%s", order, 1), strings.Replace(forgetfulFelix, "%s", felix, 1))
}

const forgetfulPolicyKey = policyKeys + "default.web"

func newForgetful(t *testing.T) forgetful {
	t.Helper()
	f := forgetful{etcd: acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))}
	f.w = newWorkspace(t)
	f.configure(t, "1", "  ipip_mtu = 1400\n")
	f.etcd.Put(t, felixStored, othersFelixObject)
	if o := run(t, f.w, "apply"); o.Failed {
		t.Fatal(o.Diagnostics)
	}
	value := f.etcd.MustGet(t, forgetfulPolicyKey).Value
	annotated := strings.Replace(value, `"annotations":{`, `"annotations":{"note":"others'",`, 1)
	if annotated == value {
		t.Fatalf("no annotations in %s", value)
	}
	f.etcd.Put(t, forgetfulPolicyKey, annotated)
	succeed(t, f.w, "apply")
	wantOrigin(t, f.w, "calico_global_network_policy", "created")
	wantOrigin(t, f.w, "calico_felix_configuration", "adopted")
	return f
}

// wantWarnings holds that a run succeeds with these warnings, by the beginnings of
// their summaries, and none else.
func wantWarnings(t *testing.T, o outcome, want ...string) {
	t.Helper()
	var got []string
	for _, d := range o.Diagnostics {
		got = append(got, d.Summary)
	}
	// (An apply plans each change twice, and tells what it has to tell of it twice.)
	slices.Sort(got)
	got = slices.Compact(got)
	slices.Sort(want)
	if o.Failed || !slices.Equal(got, want) {
		t.Errorf("failed %t; it told %q, want %q\n%v", o.Failed, got, want, o.Diagnostics)
	}
}

const (
	lostPolicy = `Private State Missing: GlobalNetworkPolicy "web"`
	lostFelix  = `Private State Missing: FelixConfiguration "default"`
	keptFelix  = `Values Are Not Given Back: FelixConfiguration "default"`
)
