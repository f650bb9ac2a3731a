package provider

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// The conformance tests ask Calico's own calicoctl whether the provider writes
// what it would have written, and reads what it has written. A release is a row
// of conformanceReleases, a kind a row of conformanceCases.

// conformanceReleases are the releases whose real tools are built in tools/.
var conformanceReleases = []struct {
	version string
	tool    string
}{
	{"v3.28.5", "calicoctl-v3.28"},
	{"v3.31.0", "calicoctl-v3.31"},
}

// conformanceCase is an object, as HCL and as the manifest that says the same.
type conformanceCase struct {
	name     string
	address  string
	hcl      string
	manifest string
	// kind, object and plural name the object to calicoctl and in its key.
	kind, plural, object string
	// namespace is that of the object, "" for none.
	namespace string
	// since is the first release that knows the kind, such as "v3.31"; "" for all.
	since string
	// policy tells that the stored name depends on the release.
	policy bool
	// edit is a patch with calicoctl, and shows what the plan says of it.
	edit  string
	shows []string
	// update replaces a piece of the HCL by another.
	update [2]string
	// pinned are fields that calicoctl adds to each object of the kind, and the
	// provider on purpose does not: with Calico's defaults in it, an object decides
	// what was to be decided elsewhere, or by a later release. See calico.Default.
	pinned []string
	// pinnedHCL are their attributes, which an object of calicoctl's has when it is
	// imported. They take the place of a line "# pinned" in hcl.
	pinnedHCL string
	// implied are fields that calicoctl stores where the manifest has them, and the
	// provider on purpose does not: their value is what their absence says too, and
	// is said in one way for all releases. So is the tier "default", which v3.28
	// cannot store and v3.32 always does. calicoctl itself stores it by how it comes
	// to the object: of a manifest as it is there, but with a patch or a label always.
	implied []string
	// needs is a manifest of what must be there first, and stays.
	needs string
}

// imported is the HCL of the object as calicoctl writes it.
func (c conformanceCase) imported() string {
	return strings.Replace(c.hcl, "# pinned", c.pinnedHCL, 1)
}

// without takes out of a value that calicoctl stored what the provider on purpose
// does not store: those of pinned, of implied or of both.
func without(t *testing.T, value string, fields ...string) string {
	t.Helper()
	out := calico.SpecPatch{}
	for _, field := range fields {
		if !strings.Contains(value, `"`+field+`":`) {
			t.Errorf("calicoctl no longer stores %s:\n%s", field, value)
		}
		out[field] = nil
	}
	text, err := out.Apply([]byte(value))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (c conformanceCase) key(version string) string {
	name := c.object
	if c.policy && !strings.HasPrefix(version, "v3.32") {
		name = "default." + name
	}
	if c.namespace != "" {
		name = c.namespace + "/" + name
	}
	return acctest.ResourcePrefix + c.plural + "/" + name
}

// importID is what the object is imported by.
func (c conformanceCase) importID() string {
	return importID(calico.ID{Namespace: c.namespace, Name: c.object})
}

func conformanceCases(t *testing.T) []conformanceCase {
	t.Helper()
	policy := func(name, object, hcl, manifest string) conformanceCase {
		return conformanceCase{
			name: name, address: "calico_failsafe_policy.this", hcl: hcl, manifest: manifest,
			kind: "globalnetworkpolicy", plural: "globalnetworkpolicies", object: object, policy: true,
			edit:   `{"spec":{"order":7,"applyOnForward":true}}`,
			shows:  []string{"~ order", "7 -> ", `\"applyOnForward\":true`},
			update: [2]string{"management_cidrs = [", "management_ports = [23]\nmanagement_cidrs = ["},
		}
	}
	endpoint := func(name, object, hcl, manifest string) conformanceCase {
		return conformanceCase{
			name: name, address: "calico_host_endpoint.this", hcl: hcl, manifest: manifest,
			kind: "hostendpoint", plural: "hostendpoints", object: object,
			edit:   `{"spec":{"expectedIPs":["10.9.9.9"]}}`,
			shows:  []string{"~ expected_ips", "10.9.9.9"},
			update: [2]string{"expected_ips", "profiles = [\"p\"]\nexpected_ips"},
		}
	}
	example := func(name string) (hcl, manifest string) {
		files := acctest.Files(t, "examples/guide/"+name)
		return files["main.tf"], files["manifest.yaml"]
	}
	failsafeHCL, failsafeYAML := example("failsafe")
	bgpHCL, bgpYAML := example("failsafe-with-bgp")
	interfaceHCL, interfaceYAML := example("interface")
	addressHCL, addressYAML := example("address")
	everyField := policy("every field of a rule", "every-field", everyFieldHCL, everyFieldYAML)
	everyField.update = [2]string{"allow_dhcp       = false", "allow_dhcp = true"}
	inATier := policy("a failsafe policy of a tier of one's own", "platform.failsafe", tieredHCL, tieredYAML)
	inATier.policy, inATier.since, inATier.needs = false, "v3.29", platformYAML
	interfaceCase := endpoint("a host endpoint by its interface", "db1-eth0", interfaceHCL, interfaceYAML)
	interfaceCase.update = [2]string{`["projectcalico-default-allow"]`, `["other"]`}
	return slices.Concat(configurationConformanceCases(), policyConformanceCases(), []conformanceCase{
		policy("the guide's failsafe policy", "failsafe", failsafeHCL, failsafeYAML),
		policy("a failsafe policy with BGP and IPv6", "failsafe", bgpHCL, bgpYAML),
		everyField,
		inATier,
		interfaceCase,
		endpoint("a host endpoint by its addresses", "web1-public", addressHCL, addressYAML),
	})
}

const everyFieldHCL = `
resource "calico_failsafe_policy" "this" {
  name             = "every-field"
  selector         = "has(a) && b in { 'x', 'y' }"
  order            = -1.5
  management_cidrs = ["10.0.0.0/8"]
  management_ports = ["22", "2200:2210"]
  allow_icmp       = false
  allow_icmpv6     = true
  allow_dhcp       = false
  annotations      = { note = "<&>" }
  extra_ingress {
    action     = "Allow"
    ip_version = 4
    protocol   = "TCP"
    http {
      methods = ["GET"]
      path {
        exact = "/a"
      }
      path {
        prefix = "/b/"
      }
    }
    metadata {
      annotations = { ticket = "1" }
    }
    source {
      nets         = ["10.1.0.0/16", "192.0.2.1/32"]
      not_nets     = ["10.1.2.0/24"]
      ports        = [1024, "2000:3000", "name"]
      not_ports    = [2001]
      selector     = "role == 'db'"
      not_selector = "has(quarantine)"
      service_accounts {
        names    = ["a", "b"]
        selector = "x == 'y'"
      }
    }
    destination {
      namespace_selector = "global()"
      selector           = "all()"
    }
  }
  extra_ingress {
    action   = "Log"
    protocol = "ICMP"
    icmp {
      type = 0
      code = 0
    }
  }
  extra_ingress {
    action       = "Deny"
    not_protocol = "17"
    not_icmp {
      type = 8
    }
  }
  extra_ingress {
    action = "Pass"
    source {
      services {
        name      = "s"
        namespace = "n"
      }
    }
  }
  extra_egress {
    action   = "Deny"
    protocol = "132"
    destination {
      not_ports = ["5:5"]
    }
  }
}
`

const tieredHCL = `
resource "calico_failsafe_policy" "this" {
  name             = "platform.failsafe"
  tier             = "platform"
  management_cidrs = ["10.1.0.0/24"]
  etcd_server {
    address = "10.2.0.11"
  }
  etcd_server {
    address = "2001:DB8:2::/64"
    ports   = ["2379:2380", 4001]
  }
}
`

const tieredYAML = `
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata:
  name: platform.failsafe
spec:
  tier: platform
  selector: all()
  order: 0
  ingress:
  - {action: Allow, protocol: TCP, source: {nets: [10.1.0.0/24]}, destination: {ports: [22]}}
  - {action: Allow, protocol: ICMP}
  - {action: Allow, protocol: ICMPv6}
  egress:
  - {action: Allow, protocol: TCP, destination: {nets: [10.2.0.11/32], ports: [2379]}}
  - {action: Allow, protocol: TCP, destination: {nets: ["2001:DB8:2::/64"], ports: ["2379:2380", 4001]}}
  - {action: Allow, protocol: ICMPv6}
  - {action: Allow, protocol: UDP, destination: {ports: [67]}}
  - {action: Allow, protocol: UDP, destination: {ports: [547]}}
`

const everyFieldYAML = `
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata:
  name: every-field
  annotations: {note: "<&>"}
spec:
  selector: has(a) && b in { 'x', 'y' }
  order: -1.5
  ingress:
  - {action: Allow, protocol: TCP, source: {nets: [10.0.0.0/8]}, destination: {ports: [22, "2200:2210"]}}
  - {action: Allow, protocol: ICMPv6}
  - action: Allow
    ipVersion: 4
    protocol: TCP
    http: {methods: [GET], paths: [{exact: /a}, {prefix: /b/}]}
    metadata: {annotations: {ticket: "1"}}
    source:
      nets: [10.1.0.0/16, 192.0.2.1/32]
      notNets: [10.1.2.0/24]
      ports: [1024, "2000:3000", name]
      notPorts: [2001]
      selector: role == 'db'
      notSelector: has(quarantine)
      serviceAccounts: {names: [a, b], selector: x == 'y'}
    destination: {namespaceSelector: global(), selector: all()}
  - {action: Log, protocol: ICMP, icmp: {type: 0, code: 0}}
  - {action: Deny, notProtocol: 17, notICMP: {type: 8}}
  - {action: Pass, source: {services: {name: s, namespace: "n"}}}
  egress:
  - {action: Allow, protocol: ICMPv6}
  - {action: Deny, protocol: 132, destination: {notPorts: [5]}}
`

// calicoctl runs the real tool against a datastore.
type calicoctl struct {
	path string
	etcd *acctest.Etcd
}

func (c calicoctl) run(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), c.path, args...)
	cmd.Env = append(os.Environ(), "DATASTORE_TYPE=etcdv3", "ETCD_ENDPOINTS="+strings.Join(c.etcd.Endpoints, ","))
	cmd.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("calicoctl %s: %v\n%s", strings.Join(args, " "), err, out.String())
	}
	return out.String()
}

// prepare makes what the object of a case refers to.
func (c calicoctl) prepare(t *testing.T, test conformanceCase) {
	t.Helper()
	if test.needs != "" {
		c.run(t, test.needs, "apply", "-f", "-")
	}
}

// on runs the tool on the object of a case.
func (c calicoctl) on(t *testing.T, test conformanceCase, verb string, args ...string) string {
	t.Helper()
	words := []string{verb, test.kind, test.object}
	if test.namespace != "" {
		words = append(words, "-n", test.namespace)
	}
	return c.run(t, "", append(words, args...)...)
}

// conformance is a datastore of a release with its own calicoctl.
type conformance struct {
	version string
	etcd    *acctest.Etcd
	ctl     calicoctl
}

func forEachRelease(t *testing.T, test func(t *testing.T, c conformance)) {
	t.Helper()
	for _, release := range conformanceReleases {
		t.Run(release.version, func(t *testing.T) {
			t.Parallel()
			path := acctest.ToolFor(t, release.tool)
			etcd := acctest.NewEtcd(t, acctest.WithCalico(release.version))
			test(t, conformance{release.version, etcd, calicoctl{path, etcd}})
		})
	}
}

func (c conformance) workspace(t *testing.T, hcl string) *acctest.Workspace {
	t.Helper()
	w := acctest.NewWorkspace(t, map[string]string{
		"main.tf":      hcl,
		"providers.tf": "terraform {\n  required_providers {\n    calico = { source = \"" + acctest.ProviderSource + "\" }\n  }\n}\n",
	})
	w.Env = append(w.Env, "ETCD_ENDPOINTS="+strings.Join(c.etcd.Endpoints, ","))
	return w
}

// mask replaces what is different each time an object is made.
func mask(value string) string {
	for _, field := range []string{"uid", "creationTimestamp"} {
		value = regexp.MustCompile(`"`+field+`":"[^"]+"`).ReplaceAllString(value, `"`+field+`":"*"`)
	}
	return value
}

func mustPlan(t *testing.T, w *acctest.Workspace, wantChanges bool) string {
	t.Helper()
	changes, text, err := w.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if changes != wantChanges {
		t.Fatalf("changes planned: %v, want %v\n%s", changes, wantChanges, text)
	}
	return text
}

// known are the cases of kinds that a release has.
func known(cases []conformanceCase, version string) []conformanceCase {
	return slices.DeleteFunc(slices.Clone(cases), func(c conformanceCase) bool { return c.since > version })
}

// 1. What Terraform writes is, to the byte, what calicoctl writes for the same
// manifest; and calicoctl shows it as that manifest.
func TestConformanceProviderWrites(t *testing.T) {
	t.Parallel()
	cases := conformanceCases(t)
	forEachRelease(t, func(t *testing.T, c conformance) {
		for _, test := range known(cases, c.version) {
			t.Run(test.name, func(t *testing.T) {
				c.ctl.prepare(t, test)
				w := c.workspace(t, test.hcl)
				w.MustRun(t, "apply", "-auto-approve")
				ours := c.etcd.MustGet(t, test.key(c.version)).Value
				shown := c.ctl.on(t, test, "get", "-o", "yaml")
				w.MustRun(t, "destroy", "-auto-approve")

				c.ctl.run(t, test.manifest, "create", "-f", "-")
				theirs := without(t, c.etcd.MustGet(t, test.key(c.version)).Value, slices.Concat(test.pinned, test.implied)...)
				shownTheirs := c.ctl.on(t, test, "get", "-o", "yaml")
				c.ctl.on(t, test, "delete")

				if diff := cmp.Diff(mask(theirs), mask(ours)); diff != "" {
					t.Errorf("stored bytes differ (-calicoctl +provider):\n%s", diff)
				}
				shownAlike := withoutServerFields(t, shownTheirs)
				for _, field := range test.pinned {
					delete(shownSpec(shownAlike), field)
				}
				if diff := cmp.Diff(shownAlike, withoutServerFields(t, shown)); diff != "" {
					t.Errorf("calicoctl shows it differently (-calicoctl's +provider's):\n%s", diff)
				}
			})
		}
	})
}

func withoutServerFields(t *testing.T, text string) map[string]any {
	t.Helper()
	var object map[string]any
	if err := yaml.Unmarshal([]byte(text), &object); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	meta, _ := object["metadata"].(map[string]any)
	for _, field := range []string{"uid", "creationTimestamp", "resourceVersion"} {
		if meta[field] == nil {
			t.Errorf("no metadata.%s in\n%s", field, text)
		}
		delete(meta, field)
	}
	return object
}

// shownSpec returns the spec of an object that calicoctl has shown, nil for none.
func shownSpec(object map[string]any) map[string]any {
	spec, _ := object["spec"].(map[string]any)
	return spec
}

// The manifest of an object is one that calicoctl takes, and that makes the same
// object.
func TestConformanceManifest(t *testing.T) {
	t.Parallel()
	cases := conformanceCases(t)
	forEachRelease(t, func(t *testing.T, c conformance) {
		for _, test := range known(cases, c.version) {
			t.Run(test.name, func(t *testing.T) {
				c.ctl.prepare(t, test)
				w := c.workspace(t, test.hcl+"\noutput \"manifest\" { value = provider::calico::manifest("+test.address+".object) }\n")
				w.MustRun(t, "apply", "-auto-approve")
				ours := c.etcd.MustGet(t, test.key(c.version)).Value
				manifest := w.MustRun(t, "output", "-raw", "manifest")
				w.MustRun(t, "destroy", "-auto-approve")

				c.ctl.run(t, manifest, "apply", "-f", "-")
				theirs := without(t, c.etcd.MustGet(t, test.key(c.version)).Value, test.pinned...)
				c.ctl.on(t, test, "delete")
				if diff := cmp.Diff(mask(theirs), mask(ours)); diff != "" {
					t.Errorf("the manifest makes another object (-calicoctl +provider):\n%s\nof the manifest\n%s", diff, manifest)
				}
			})
		}
	})
}

// 2. and 3. What calicoctl wrote comes into Terraform without a difference; what
// it changes later shows in the plan, and nothing else; what Terraform then
// updates keeps what only Calico knows.
func TestConformanceCalicoctlWrites(t *testing.T) {
	t.Parallel()
	cases := conformanceCases(t)
	forEachRelease(t, func(t *testing.T, c conformance) {
		for _, test := range known(cases, c.version) {
			t.Run(test.name, func(t *testing.T) {
				c.ctl.prepare(t, test)
				key := test.key(c.version)
				hcl := test.imported()
				w := c.workspace(t, hcl)
				c.ctl.run(t, test.manifest, "create", "-f", "-")
				original := c.etcd.MustGet(t, key)
				imported := withoutServerFields(t, c.ctl.on(t, test, "get", "-o", "yaml"))
				w.MustRun(t, "import", test.address, test.importID())
				mustPlan(t, w, false)

				// The same again, by calicoctl: another revision, nothing new.
				c.ctl.run(t, test.manifest, "apply", "-f", "-")
				mustPlan(t, w, false)

				c.ctl.on(t, test, "patch", "-p", test.edit)
				plan := mustPlan(t, w, true)
				for _, text := range test.shows {
					if !strings.Contains(plan, text) {
						t.Errorf("the plan does not show %q:\n%s", text, plan)
					}
				}
				w.MustRun(t, "apply", "-auto-approve")
				if diff := cmp.Diff(mask(without(t, original.Value, test.implied...)), mask(c.etcd.MustGet(t, key).Value)); diff != "" {
					t.Errorf("the repaired object is not the original (-want +got):\n%s", diff)
				}

				c.ctl.on(t, test, "label", "drift=yes")
				if len(test.pinned) > 0 {
					mustPlan(t, w, false) // labels are others', as all that is not configured
				} else if plan := mustPlan(t, w, true); !regexp.MustCompile(`- "?drift"? +[=:] +"?yes"?`).MatchString(plan) {
					t.Errorf("the plan does not show the label:\n%s", plan)
				}
				c.ctl.on(t, test, "label", "--remove", "drift")
				mustPlan(t, w, false)

				// An object with fields that no type here knows, as a later Calico
				// might write it.
				stored := c.etcd.MustGet(t, key).Value
				c.etcd.Put(t, key, strings.Replace(stored, `"spec":{`, `"spec":{"futureField":{"a":[1]},`, 1))
				mustPlan(t, w, false)
				updated := strings.Replace(hcl, test.update[0], test.update[1], 1)
				if updated == hcl {
					t.Fatalf("the update of %q does nothing", test.name)
				}
				if err := w.WriteFile("main.tf", updated); err != nil {
					t.Fatal(err)
				}
				w.MustRun(t, "apply", "-auto-approve")
				mustPlan(t, w, false)
				var object struct {
					Metadata struct {
						UID string `json:"uid"`
					} `json:"metadata"`
					Spec map[string]any `json:"spec"`
				}
				if err := json.Unmarshal([]byte(c.etcd.MustGet(t, key).Value), &object); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(map[string]any{"a": []any{1.0}}, object.Spec["futureField"]); diff != "" {
					t.Errorf("the unknown field did not survive (-want +got):\n%s", diff)
				}
				if !strings.Contains(original.Value, object.Metadata.UID) {
					t.Error("the uid changed")
				}
				shown := withoutServerFields(t, c.ctl.on(t, test, "get", "-o", "yaml"))
				for _, field := range test.implied {
					if diff := cmp.Diff(shownSpec(imported)[field], shownSpec(shown)[field]); diff != "" {
						t.Errorf("the update changed what %s means to calicoctl (-before +after):\n%s", field, diff)
					}
				}
				// And calicoctl can still update what Terraform updated.
				c.ctl.on(t, test, "patch", "-p", `{"metadata":{"labels":{"a":"b"}}}`)

				c.ctl.on(t, test, "delete")
				if plan := mustPlan(t, w, true); !strings.Contains(plan, "will be created") {
					t.Errorf("the plan does not create what was deleted:\n%s", plan)
				}
			})
		}
	})
}

// The manifests of the examples are what the documentation shows beside the HCL.
func TestGuideExamplesAreComplete(t *testing.T) {
	root, err := acctest.Root()
	if err != nil {
		t.Fatal(err)
	}
	dirs, err := filepath.Glob(filepath.Join(root, "examples", "guide", "*"))
	if err != nil {
		t.Fatal(err)
	}
	tested := map[string]bool{}
	for _, c := range conformanceCases(t) {
		tested[c.hcl] = true
	}
	for _, dir := range dirs {
		text, err := os.ReadFile(filepath.Join(dir, "main.tf"))
		if err != nil {
			t.Error(err)
		} else if !tested[string(text)] {
			t.Errorf("%s is in no conformance case", dir)
		}
	}
}

// Cases that are written but not run would not be missed otherwise.
func TestConformanceCasesOfEveryResource(t *testing.T) {
	cases := conformanceCases(t)
	for typeName := range definitions(t) {
		if !slices.ContainsFunc(cases, func(c conformanceCase) bool { return c.address == "calico_"+typeName+".this" }) {
			t.Errorf("there is no conformance case of calico_%s", typeName)
		}
	}
}

// What a field of a policy stands for decides about traffic: each is compared, in
// each kind, with what calicoctl makes of it.
func TestConformanceCasesOfEveryFieldOfPolicies(t *testing.T) {
	cases := conformanceCases(t)
	for typeName, r := range definitions(t) {
		if !r.kind.Tiered() {
			continue
		}
		given := map[string]*regexp.Regexp{}
		for name, a := range r.schema.Attributes {
			if a.IsOptional() || a.IsRequired() {
				given[name] = regexp.MustCompile(`(?m)^  ` + name + ` +=`)
			}
		}
		for name := range r.schema.Blocks {
			given[name] = regexp.MustCompile(`(?m)^  ` + name + ` {`)
		}
		for name, pattern := range given {
			if !slices.ContainsFunc(cases, func(c conformanceCase) bool {
				return c.address == "calico_"+typeName+".this" && pattern.MatchString(c.hcl)
			}) {
				t.Errorf("no conformance case of calico_%s has %s", typeName, name)
			}
		}
	}
}

// What calicoctl created comes into Terraform with the configuration that
// Terraform makes of it, which then plans nothing.
func TestConformanceGeneratedConfiguration(t *testing.T) {
	t.Parallel()
	cases := conformanceCases(t)
	forEachRelease(t, func(t *testing.T, c conformance) {
		for _, test := range known(cases, c.version) {
			t.Run(test.name, func(t *testing.T) {
				c.ctl.prepare(t, test)
				c.ctl.run(t, test.manifest, "create", "-f", "-")
				original := c.etcd.MustGet(t, test.key(c.version))
				w := c.workspace(t, fmt.Sprintf("import {\n  to = %s\n  id = %q\n}\n", test.address, test.importID()))
				if _, text, err := w.Plan(t.Context(), "-generate-config-out=generated.tf"); err != nil {
					t.Fatalf("%v\n%s", err, text)
				}
				w.MustRun(t, "apply", "-auto-approve")
				mustPlan(t, w, false)
				if stored := c.etcd.MustGet(t, test.key(c.version)); stored != original {
					t.Errorf("the import changed what is stored:\n%s", cmp.Diff(original.Value, stored.Value))
				}
				c.ctl.on(t, test, "delete")
			})
		}
	})
}
