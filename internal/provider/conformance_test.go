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

// calicoctl runs the real tool against a datastore.
type calicoctl struct {
	path   string
	keeper keeper
}

func (c calicoctl) run(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), c.path, args...)
	env, _ := c.keeper.env()
	cmd.Env = append(os.Environ(), env...)
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
	c.keeper.prepare(t, test)
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
	keeper  keeper
	ctl     calicoctl
}

// keepers are the datastores.
var keepers = map[string]func(t *testing.T, release string) keeper{"etcd": newInEtcd, "kubernetes": newInKubernetes}

func forEachRelease(t *testing.T, test func(t *testing.T, c conformance)) {
	t.Helper()
	forEachReleaseIn(t, keepers, test)
}

func forEachReleaseIn(t *testing.T, keepers map[string]func(*testing.T, string) keeper, test func(t *testing.T, c conformance)) {
	t.Helper()
	for _, release := range conformanceReleases {
		for name, in := range keepers {
			t.Run(release.version+" in "+name, func(t *testing.T) {
				t.Parallel()
				path := acctest.ToolFor(t, release.tool)
				k := in(t, release.version)
				test(t, conformance{release.version, k, calicoctl{path, k}})
			})
		}
	}
}

func (c conformance) workspace(t *testing.T, hcl string) *acctest.Workspace {
	t.Helper()
	w := acctest.NewWorkspace(t, map[string]string{
		"main.tf":      hcl,
		"providers.tf": "terraform {\n  required_providers {\n    calico = { source = \"" + acctest.ProviderSource + "\" }\n  }\n}\n",
	})
	_, env := c.keeper.env()
	w.Env = append(w.Env, env...)
	return w
}

// mask replaces what is different each time an object is made.
func mask(value string) string {
	for _, field := range []string{"uid", "creationTimestamp"} {
		value = regexp.MustCompile(`"`+field+`":"[^"]+"`).ReplaceAllString(value, `"`+field+`":"*"`)
		// In Kubernetes a part of the metadata is a text in an annotation.
		value = regexp.MustCompile(`\\"`+field+`\\":\\"[^"]+\\"`).ReplaceAllString(value, `\"`+field+`\":\"*\"`)
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

// known are the cases of kinds that a release has, in its datastore.
func (c conformance) known(cases []conformanceCase) []conformanceCase {
	return slices.DeleteFunc(slices.Clone(cases), func(test conformanceCase) bool { return test.since > c.version || !c.keeper.has(test) })
}

// 1. What Terraform writes is, to the byte, what calicoctl writes for the same
// manifest; and calicoctl shows it as that manifest.
func TestConformanceProviderWrites(t *testing.T) {
	t.Parallel()
	cases := conformanceCases(t)
	forEachRelease(t, func(t *testing.T, c conformance) {
		for _, test := range c.known(cases) {
			t.Run(test.name, func(t *testing.T) {
				c.ctl.prepare(t, test)
				w := c.workspace(t, test.hcl)
				w.MustRun(t, "apply", "-auto-approve")
				ours := c.keeper.value(t, test)
				shown := c.ctl.on(t, test, "get", "-o", "yaml")
				c.ctl.on(t, test, "delete")

				c.ctl.run(t, test.manifest, "create", "-f", "-")
				theirs := without(t, c.keeper.value(t, test), slices.Concat(test.pinned, test.implied)...)
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
// object. It is the same for all datastores: one tells.
func TestConformanceManifest(t *testing.T) {
	t.Parallel()
	cases := conformanceCases(t)
	forEachReleaseIn(t, map[string]func(*testing.T, string) keeper{"etcd": newInEtcd}, func(t *testing.T, c conformance) {
		for _, test := range c.known(cases) {
			t.Run(test.name, func(t *testing.T) {
				c.ctl.prepare(t, test)
				w := c.workspace(t, test.hcl+"\noutput \"manifest\" { value = provider::calico::manifest("+test.address+".object) }\n")
				w.MustRun(t, "apply", "-auto-approve")
				ours := c.keeper.value(t, test)
				manifest := w.MustRun(t, "output", "-raw", "manifest")
				c.ctl.on(t, test, "delete")

				c.ctl.run(t, manifest, "apply", "-f", "-")
				theirs := without(t, c.keeper.value(t, test), test.pinned...)
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
		for _, test := range c.known(cases) {
			t.Run(test.name, func(t *testing.T) {
				c.ctl.prepare(t, test)
				hcl := test.imported()
				w := c.workspace(t, hcl)
				c.ctl.run(t, test.manifest, "create", "-f", "-")
				original := c.keeper.value(t, test)
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
				if diff := cmp.Diff(mask(without(t, original, test.implied...)), mask(c.keeper.value(t, test))); diff != "" {
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
				c.keeper.addUnknown(t, test)
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
				if err := json.Unmarshal([]byte(c.keeper.value(t, test)), &object); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(map[string]any{"a": []any{1.0}}, object.Spec["futureField"]); diff != "" {
					t.Errorf("the unknown field did not survive (-want +got):\n%s", diff)
				}
				if !strings.Contains(original, object.Metadata.UID) {
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
		for _, test := range c.known(cases) {
			t.Run(test.name, func(t *testing.T) {
				c.ctl.prepare(t, test)
				c.ctl.run(t, test.manifest, "create", "-f", "-")
				original := c.keeper.version(t, test)
				w := c.workspace(t, fmt.Sprintf("import {\n  to = %s\n  id = %q\n}\n", test.address, test.importID()))
				if _, text, err := w.Plan(t.Context(), "-generate-config-out=generated.tf"); err != nil {
					t.Fatalf("%v\n%s", err, text)
				}
				w.MustRun(t, "apply", "-auto-approve")
				mustPlan(t, w, false)
				if stored := c.keeper.version(t, test); stored != original {
					t.Errorf("the import changed what is stored:\n%s", cmp.Diff(original, stored))
				}
				c.ctl.on(t, test, "delete")
			})
		}
	})
}
