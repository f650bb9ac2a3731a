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
	cmd.Env = append(append(os.Environ(), acctest.LittleGarbage), env...)
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

const requiredProviders = "terraform {\n  required_providers {\n    calico = { source = \"" + acctest.ProviderSource + "\" }\n  }\n}\n\n"

func (c conformance) workspace(t *testing.T, hcl string) *acctest.Workspace {
	t.Helper()
	w := acctest.NewWorkspace(t, map[string]string{
		"main.tf":      hcl,
		"providers.tf": requiredProviders,
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

// forEachBatch is a test of batches of all cases, in each datastore of each release.
func forEachBatch(t *testing.T, keepers map[string]func(*testing.T, string) keeper, test func(t *testing.T, b batch)) {
	t.Helper()
	cases := conformanceCases(t)
	forEachReleaseIn(t, keepers, func(t *testing.T, c conformance) {
		for _, group := range together(c.known(cases)) {
			test(t, c.batch(t, group))
		}
	})
}

// 1. What Terraform writes is, to the byte, what calicoctl writes for the same
// manifest; and calicoctl shows it as that manifest.
func TestConformanceProviderWrites(t *testing.T) {
	t.Parallel()
	forEachBatch(t, keepers, func(t *testing.T, b batch) {
		b.prepare(t)
		b.configure(t, func(test conformanceCase) string { return test.hcl }, nil)
		b.workspace.MustRun(t, "apply", "-auto-approve")
		ours, shown := b.values(t), b.shown(t)
		b.onAll(t, "delete")

		b.onAll(t, "create")
		theirs, shownTheirs := b.values(t), b.shown(t)
		b.onAll(t, "delete")
		b.each(t, "written", func(t *testing.T, i int, test conformanceCase) {
			if diff := cmp.Diff(mask(without(t, theirs[i], slices.Concat(test.pinned, test.implied)...)), mask(ours[i])); diff != "" {
				t.Errorf("stored bytes differ (-calicoctl +provider):\n%s", diff)
			}
			for _, field := range test.pinned {
				delete(shownSpec(shownTheirs[i]), field)
			}
			if diff := cmp.Diff(shownTheirs[i], shown[i]); diff != "" {
				t.Errorf("calicoctl shows it differently (-calicoctl's +provider's):\n%s", diff)
			}
		})
	})
}

func withoutServerFields(t *testing.T, text string) map[string]any {
	t.Helper()
	var object map[string]any
	if err := yaml.Unmarshal([]byte(text), &object); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	dropServerFields(t, object)
	return object
}

// dropServerFields drops what the server gives each object, which has to be there.
func dropServerFields(t *testing.T, object map[string]any) {
	t.Helper()
	meta, _ := object["metadata"].(map[string]any)
	for _, field := range []string{"uid", "creationTimestamp", "resourceVersion"} {
		if meta[field] == nil {
			t.Errorf("no metadata.%s in %v", field, object)
		}
		delete(meta, field)
	}
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
	forEachBatch(t, map[string]func(*testing.T, string) keeper{"etcd": newInEtcd}, func(t *testing.T, b batch) {
		b.prepare(t)
		b.configure(t, func(test conformanceCase) string {
			return test.hcl + "\noutput \"manifest\" { value = provider::calico::manifest(" + test.address + ".object) }\n"
		}, func(module string, _ conformanceCase) string {
			return fmt.Sprintf("output %q { value = module.%s.manifest }\n\n", module, module)
		})
		b.workspace.MustRun(t, "apply", "-auto-approve")
		var manifests map[string]struct{ Value string }
		if err := json.Unmarshal([]byte(b.workspace.MustRun(t, "output", "-json")), &manifests); err != nil {
			t.Fatal(err)
		}
		ours := b.values(t)
		b.onAll(t, "delete")

		var all []string
		for i := range b.cases {
			all = append(all, manifests[module(i)].Value)
		}
		b.ctl.run(t, strings.Join(all, "\n---\n"), "apply", "-f", "-")
		theirs := b.values(t)
		b.onAll(t, "delete")
		b.each(t, "manifest", func(t *testing.T, i int, test conformanceCase) {
			if diff := cmp.Diff(mask(without(t, theirs[i], test.pinned...)), mask(ours[i])); diff != "" {
				t.Errorf("the manifest makes another object (-calicoctl +provider):\n%s\nof the manifest\n%s", diff, all[i])
			}
		})
	})
}

// 2. and 3. What calicoctl wrote comes into Terraform without a difference; what
// it changes later shows in the plan, and nothing else; what Terraform then
// updates keeps what only Calico knows.
func TestConformanceCalicoctlWrites(t *testing.T) {
	t.Parallel()
	forEachBatch(t, keepers, func(t *testing.T, b batch) {
		b.create(t)
		original, imported := b.values(t), b.shown(t)
		b.importAll(t)

		// The same again, by calicoctl: another revision, nothing new.
		b.onAll(t, "apply")
		mustPlan(t, b.workspace, false)

		b.each(t, "patched", func(t *testing.T, _ int, test conformanceCase) {
			b.ctl.on(t, test, "patch", "-p", test.edit)
		})
		plans := b.planned(t)
		b.each(t, "the patch is planned away", func(t *testing.T, i int, test conformanceCase) {
			for _, text := range test.shows {
				if !strings.Contains(plans[i], text) {
					t.Errorf("the plan does not show %q:\n%s", text, plans[i])
				}
			}
		})
		b.workspace.MustRun(t, "apply", "-auto-approve")
		b.each(t, "repaired", func(t *testing.T, i int, test conformanceCase) {
			if diff := cmp.Diff(mask(without(t, original[i], test.implied...)), mask(b.keeper.value(t, test))); diff != "" {
				t.Errorf("the repaired object is not the original (-want +got):\n%s", diff)
			}
		})

		b.each(t, "labelled", func(t *testing.T, _ int, test conformanceCase) { b.ctl.on(t, test, "label", "drift=yes") })
		plans = b.planned(t)
		b.each(t, "the label is planned away", func(t *testing.T, i int, test conformanceCase) {
			if len(test.pinned) > 0 {
				if plans[i] != "" { // labels are others', as all that is not configured
					t.Errorf("the plan has a change:\n%s", plans[i])
				}
			} else if !regexp.MustCompile(`- "?drift"? +[=:] +"?yes"?`).MatchString(plans[i]) {
				t.Errorf("the plan does not show the label:\n%s", plans[i])
			}
		})
		b.each(t, "the label is taken away", func(t *testing.T, _ int, test conformanceCase) {
			b.ctl.on(t, test, "label", "--remove", "drift")
		})
		mustPlan(t, b.workspace, false)

		// An object with fields that no type here knows, as a later Calico
		// might write it.
		b.each(t, "an unknown field is added", func(t *testing.T, _ int, test conformanceCase) { b.keeper.addUnknown(t, test) })
		mustPlan(t, b.workspace, false)
		b.configure(t, func(test conformanceCase) string {
			hcl := test.imported()
			updated := strings.Replace(hcl, test.update[0], test.update[1], 1)
			if updated == hcl {
				t.Fatalf("the update of %q does nothing", test.name)
			}
			return updated
		}, nil)
		b.workspace.MustRun(t, "apply", "-auto-approve")
		mustPlan(t, b.workspace, false)
		b.each(t, "updated", func(t *testing.T, i int, test conformanceCase) {
			b.checkUpdated(t, test, original[i], imported[i])
		})

		b.onAll(t, "delete")
		plans = b.planned(t)
		b.each(t, "the creation is planned", func(t *testing.T, i int, _ conformanceCase) {
			if !strings.Contains(plans[i], "will be created") {
				t.Errorf("the plan does not create what was deleted:\n%s", plans[i])
			}
		})
	})
}

// checkUpdated checks an object that Terraform has updated, and that had an unknown field:
// original is what was stored when calicoctl had created it, and imported is how it showed it.
func (c conformance) checkUpdated(t *testing.T, test conformanceCase, original string, imported map[string]any) {
	t.Helper()
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
	forEachBatch(t, keepers, func(t *testing.T, b batch) {
		b.create(t)
		original := make([]string, len(b.cases))
		root := ""
		for i, test := range b.cases {
			original[i] = b.keeper.version(t, test)
			// Terraform generates none for modules.
			typeName, _, _ := strings.Cut(test.address, ".")
			root += fmt.Sprintf("import {\n  to = %s.%s\n  id = %q\n}\n\n", typeName, module(i), test.importID())
		}
		b.write(t, "main.tf", root)
		if _, text, err := b.workspace.Plan(t.Context(), "-generate-config-out=generated.tf"); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		b.workspace.MustRun(t, "apply", "-auto-approve")
		mustPlan(t, b.workspace, false)
		b.each(t, "imported", func(t *testing.T, i int, test conformanceCase) {
			if stored := b.keeper.version(t, test); stored != original[i] {
				t.Errorf("the import changed what is stored:\n%s", cmp.Diff(original[i], stored))
			}
		})
		b.onAll(t, "delete")
	})
}
