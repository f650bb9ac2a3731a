package provider

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// together groups cases that can be stored at the same time.
func together(cases []conformanceCase) [][]conformanceCase {
	var groups [][]conformanceCase
	for _, c := range cases {
		i := slices.IndexFunc(groups, func(group []conformanceCase) bool {
			return !slices.ContainsFunc(group, func(o conformanceCase) bool { return o.key("") == c.key("") })
		})
		if i < 0 {
			i, groups = len(groups), append(groups, nil)
		}
		groups[i] = append(groups[i], c)
	}
	return groups
}

// batch is a workspace with a module for each of some cases: they share the runs of the
// CLI, which would take most of the time of all tests if each case had its own.
type batch struct {
	conformance
	cases     []conformanceCase
	workspace *acctest.Workspace
}

// module is the name of the module of a case.
func module(i int) string { return fmt.Sprintf("m%d", i) }

// batch makes a workspace with a module for each case, which configure then writes.
func (c conformance) batch(t *testing.T, cases []conformanceCase) batch {
	t.Helper()
	return batch{c, cases, c.workspace(t, "")}
}

// configure writes the HCL of all cases, and the root module: what calls them, and more,
// which it gives for each.
func (b batch) configure(t *testing.T, hcl func(conformanceCase) string, more func(module string, test conformanceCase) string) {
	t.Helper()
	root := ""
	for i, test := range b.cases {
		b.write(t, module(i)+"/main.tf", requiredProviders+hcl(test))
		root += fmt.Sprintf("module \"%[1]s\" {\n  source = \"./%[1]s\"\n}\n\n", module(i))
		if more != nil {
			root += more(module(i), test)
		}
	}
	b.write(t, "main.tf", root)
	if err := b.workspace.Get(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (b batch) write(t *testing.T, name, content string) {
	t.Helper()
	if err := b.workspace.WriteFile(name, content); err != nil {
		t.Fatal(err)
	}
}

// prepare makes what the objects of all cases refer to.
func (b batch) prepare(t *testing.T) {
	t.Helper()
	for _, test := range b.cases {
		b.ctl.prepare(t, test)
	}
}

// onAll runs calicoctl on the manifests of all cases. The last is the first, as in it may
// stand what is on an earlier one: when calicoctl deletes a node, it deletes its host endpoints.
func (b batch) onAll(t *testing.T, args ...string) string {
	t.Helper()
	var manifests []string
	for _, test := range slices.Backward(b.cases) {
		manifests = append(manifests, test.manifest)
	}
	return b.ctl.run(t, strings.Join(manifests, "\n---\n"), append(args, "-f", "-")...)
}

// create has calicoctl store what the cases say.
func (b batch) create(t *testing.T) {
	t.Helper()
	b.prepare(t)
	b.onAll(t, "create")
}

// values returns what is stored of each case.
func (b batch) values(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, test := range b.cases {
		out = append(out, b.keeper.value(t, test))
	}
	return out
}

// shown returns how calicoctl shows the object of each case, without the server's fields.
func (b batch) shown(t *testing.T) []map[string]any {
	t.Helper()
	text := b.onAll(t, "get", "-o", "yaml")
	var out []map[string]any
	if len(b.cases) == 1 {
		text = "- " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ")
	}
	if err := yaml.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if len(out) != len(b.cases) {
		t.Fatalf("calicoctl shows %d objects, and not %d:\n%s", len(out), len(b.cases), text)
	}
	slices.Reverse(out)
	for i, object := range out {
		if metadata, _ := object["metadata"].(map[string]any); !strings.EqualFold(fmt.Sprint(object["kind"], metadata["name"]), b.cases[i].kind+b.cases[i].object) {
			t.Fatalf("calicoctl shows this for %q: %v", b.cases[i].name, object)
		}
		dropServerFields(t, object)
	}
	return out
}

// importAll imports what calicoctl has stored, which is to change nothing.
func (b batch) importAll(t *testing.T) {
	t.Helper()
	b.configure(t, conformanceCase.imported, func(module string, test conformanceCase) string {
		return fmt.Sprintf("import {\n  to = module.%s.%s\n  id = %s\n}\n\n", module, test.address, strconv.Quote(test.importID()))
	})
	out := b.workspace.MustRun(t, "apply", "-auto-approve")
	if want := fmt.Sprintf("%d imported, 0 added, 0 changed, 0 destroyed", len(b.cases)); !strings.Contains(out, want) {
		t.Fatalf("the import is not %q:\n%s", want, out)
	}
	b.configure(t, conformanceCase.imported, nil)
	mustPlan(t, b.workspace, false)
}

// each does a step for each case, and ends the test if it has failed for one.
func (b batch) each(t *testing.T, step string, do func(t *testing.T, i int, test conformanceCase)) {
	t.Helper()
	failed := false
	for i, test := range b.cases {
		failed = !t.Run(test.name+": "+step, func(t *testing.T) { do(t, i, test) }) || failed
	}
	if failed {
		t.FailNow()
	}
}

// planned plans changes, and returns what the plan says of each module.
func (b batch) planned(t *testing.T) []string {
	t.Helper()
	return sections(mustPlan(t, b.workspace, true), len(b.cases))
}

var planHeading = regexp.MustCompile(`(?m)^ {2}# module\.m(\d+)\.`)

// sections divides the text of a plan: what it says of each module, "" for nothing.
func sections(plan string, modules int) []string {
	out := make([]string, modules)
	headings := planHeading.FindAllStringSubmatchIndex(plan, -1)
	for i, heading := range headings {
		end := len(plan)
		if i+1 < len(headings) {
			end = headings[i+1][0]
		}
		if at, err := strconv.Atoi(plan[heading[2]:heading[3]]); err == nil && at < modules {
			out[at] += plan[heading[0]:end]
		}
	}
	return out
}

// What the plan says of one module is not taken for what it says of another.
func TestSections(t *testing.T) {
	const plan = `
Note: Objects have changed outside of Terraform

  # module.m2.calico_tier.this has changed
      ~ order = 1 -> 2

Terraform will perform the following actions:

  # module.m0.calico_tier.this will be created
  + resource "calico_tier" "this" {
      + name = "a"
        # (1 unchanged attribute hidden)
    }

  # module.m2.calico_tier.this will be updated in-place
      ~ order = 2 -> 1
`
	got := sections(plan, 3)
	for i, want := range []struct{ has, not string }{{`+ name = "a"`, "order"}, {"", "m"}, {"~ order = 1 -> 2", "name"}} {
		if !strings.Contains(got[i], want.has) || strings.Contains(got[i], want.not) {
			t.Errorf("of module %d: %q", i, got[i])
		}
	}
	if !strings.Contains(got[2], "~ order = 2 -> 1") {
		t.Errorf("of module 2: %q", got[2])
	}
}
