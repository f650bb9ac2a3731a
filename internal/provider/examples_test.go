package provider_test

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// exampleRelease is the release of the datastores that examples are applied to,
// where an example does not choose one itself.
const exampleRelease = "v3.31.0"

// exampleTest tells how the examples in the directories of a pattern are tested.
type exampleTest struct {
	pattern string
	run     func(t *testing.T, dir string)
}

var exampleTests = []exampleTest{
	{"provider", testProviderExample},
	{"resources/*", testResourceExample},
	{"data-sources/*", testDataSourceExample},
	{"functions/verdict", testVerdictExample},
	{"functions/manifest", testManifestExample},
	{"rules/computed", testComputedRules},
	{"rules/from-yaml", testRulesFromYAML},
	{"policy-tests", testPolicyTests},
	{"guide/*", testGuideExample},
	{"lockout-guard", testGuideExample},
	{"two-datacenters", testTwoDatacenters},
	{"kubernetes-nodes", testKubernetesNodes},
	{"kubernetes-namespace", testKubernetesNamespace},
	{"kubernetes/*", testKubernetesProvider},
}

// testOfExample returns the test of a file of examples/ and the example's
// directory, which may be above the file's own. ok is false where there is none.
func testOfExample(file string) (test exampleTest, dir string, ok bool) {
	for dir = path.Dir(file); dir != "."; dir = path.Dir(dir) {
		for _, test := range exampleTests {
			if matched, err := path.Match(test.pattern, dir); err == nil && matched {
				return test, dir, true
			}
		}
	}
	return exampleTest{}, "", false
}

// TestExamples applies every example to a real datastore with a real CLI, and
// fails where there is an example that it knows no test of.
func TestExamples(t *testing.T) {
	t.Parallel()
	examples := map[string]exampleTest{}
	unused := slices.Clone(exampleTests)
	for file := range acctest.Files(t, "examples") {
		test, dir, ok := testOfExample(file)
		if !ok {
			t.Errorf("examples/%s has no test: give its directory a row in exampleTests", file)
			continue
		}
		examples[dir] = test
		unused = slices.DeleteFunc(unused, func(u exampleTest) bool { return u.pattern == test.pattern })
	}
	for _, test := range unused {
		t.Errorf("there is a test of examples/%s, but no such example", test.pattern)
	}
	for _, dir := range slices.Sorted(maps.Keys(examples)) {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			examples[dir].run(t, dir)
		})
	}
}

func TestExampleWithoutATestIsNoticed(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"provider/provider.tf":                        "provider",
		"resources/calico_host_endpoint/resource.tf":  "resources/calico_host_endpoint",
		"two-datacenters/datacenter/main.tf":          "two-datacenters",
		"data-sources/calico_profile/data-source.tf":  "data-sources/calico_profile",
		"policy-tests/tests/database/main.tf":         "policy-tests",
		"resources/lost.tf":                           "",
		"functions/verdict/function.tf":               "functions/verdict",
		"functions/selector/function.tf":              "",
		"ephemeral-resources/calico_x/resource.tf":    "",
		"three-datacenters/main.tf":                   "",
		"guide/failsafe/manifest.yaml":                "guide/failsafe",
		"README.md":                                   "",
		"resources/calico_profile/nested/resource.tf": "resources/calico_profile",
	} {
		if _, dir, ok := testOfExample(file); dir != want && ok || ok != (want != "") {
			t.Errorf("%s: tested as %q (%t), want %q", file, dir, ok, want)
		}
	}
}

// TestEveryResourceHasExamples is the other way round.
func TestEveryResourceHasExamples(t *testing.T) {
	t.Parallel()
	examples := acctest.Files(t, "examples/resources")
	for _, name := range slices.Sorted(maps.Keys(resourceSchemas(t))) {
		if examples[name+"/resource.tf"] == "" {
			t.Errorf("there is no examples/resources/%s/resource.tf", name)
		}
	}
}

// requiredProviders is what the examples of resources leave out.
var requiredProviders = fmt.Sprintf(`terraform {
  required_providers {
    calico = {
      source = %q
    }
  }
}
`, acctest.ProviderSource)

// useEtcd tells a workspace where the datastore is, as a user of calicoctl would.
func useEtcd(w *acctest.Workspace, etcd *acctest.Etcd) {
	w.Env = append(w.Env, "ETCD_ENDPOINTS="+strings.Join(etcd.Endpoints, ","))
}

// newKeys returns the keys that are stored now and were not before, without the
// prefix that all objects share.
func newKeys(t *testing.T, etcd *acctest.Etcd, before []acctest.KeyValue) []string {
	t.Helper()
	var keys []string
	for _, kv := range etcd.Prefix(t, "") {
		if !slices.Contains(before, kv) {
			keys = append(keys, strings.TrimPrefix(kv.Key, acctest.ResourcePrefix))
		}
	}
	return keys
}

func wantEmptyPlan(t *testing.T, w *acctest.Workspace) {
	t.Helper()
	changes, text, err := w.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if changes {
		t.Fatalf("there is something left to do:\n%s", text)
	}
}

func wantStored(t *testing.T, etcd *acctest.Etcd, want []acctest.KeyValue) {
	t.Helper()
	if diff := cmp.Diff(want, etcd.Prefix(t, "")); diff != "" {
		t.Fatalf("the datastore is not as it was (-before +after):\n%s", diff)
	}
}

// applyExample applies what is in the workspace: after that nothing is left to
// do, and each resource has put one key into the datastore.
func applyExample(t *testing.T, w *acctest.Workspace, etcd *acctest.Etcd) {
	t.Helper()
	before := etcd.Prefix(t, "")
	w.MustRun(t, "apply", "-auto-approve")
	wantEmptyPlan(t, w)
	keys := newKeys(t, etcd, before)
	resources := strings.Fields(w.MustRun(t, "state", "list"))
	if len(resources) == 0 || len(keys) != len(resources) {
		t.Errorf("the resources %q have the keys %q", resources, keys)
	}
}

// TestReadmeShowsTestedExamples makes sure that what README.md shows is applied
// by a test, as an example.
func TestReadmeShowsTestedExamples(t *testing.T) {
	t.Parallel()
	examples := slices.Collect(maps.Values(acctest.Files(t, "examples")))
	blocks := terraformBlock.FindAllStringSubmatch(readRepositoryFile(t, "README.md"), -1)
	if len(blocks) == 0 {
		t.Error("README.md shows no configuration")
	}
	for _, block := range blocks {
		if !slices.Contains(examples, block[1]) {
			t.Errorf("README.md shows a configuration that is no file of examples/:\n%s", block[1])
		}
	}
}

func readRepositoryFile(t *testing.T, name string) string {
	t.Helper()
	root, err := acctest.Root()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
