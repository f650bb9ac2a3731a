package kubernetes

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// repositoryFile reads a file of the repository.
func repositoryFile(t *testing.T, path string) string {
	t.Helper()
	root, err := acctest.Root()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// rows returns the rows of the table with that head, each with its cells.
func rows(t *testing.T, page, head string) (all [][]string) {
	t.Helper()
	_, table, found := strings.Cut(page, head+"\n")
	if !found {
		t.Fatalf("there is no table %s", head)
	}
	table, _, _ = strings.Cut(table, "\n\n")
	for _, line := range strings.Split(table, "\n")[1:] {
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		all = append(all, cells)
	}
	return all
}

var inCode = regexp.MustCompile("`([^`]+)`")

// TestGuideTellsThePhases compares the guide's table of groups with the phases of a
// migration that the provider knows.
func TestGuideTellsThePhases(t *testing.T) {
	t.Parallel()
	told := map[string]bool{}
	for _, row := range rows(t, repositoryFile(t, "docs/guides/kubernetes.md"), "| the cluster serves | the provider uses |") {
		for _, name := range inCode.FindAllStringSubmatch(row[0], -1) {
			phase, known := phases[name[1]]
			switch {
			case !known && (strings.Contains(row[0], "phase") && name[1] != "DatastoreMigration"):
				t.Errorf("the guide tells of the phase %s", name[1])
			case !known:
			case phase.locked != strings.Contains(row[1], "locked"):
				t.Errorf("the guide tells of the phase %s: %s", name[1], row[1])
			case !phase.locked && row[1] != "`"+phase.group+"`":
				t.Errorf("the guide tells of the phase %s: %s, want %s", name[1], row[1], phase.group)
			}
			told[name[1]] = true
		}
	}
	for name := range phases {
		if name != "" && !told[name] {
			t.Errorf("the guide does not tell of the phase %s", name)
		}
	}
}

// TestGuideTellsWhatDiffers looks in the guide's tables for what the store says of itself.
func TestGuideTellsWhatDiffers(t *testing.T) {
	t.Parallel()
	cells := map[string]string{}
	for _, row := range rows(t, repositoryFile(t, "docs/guides/kubernetes.md"), "| | etcd | Kubernetes |") {
		if len(row) != 3 {
			t.Fatalf("a row has %d cells: %q", len(row), row)
		}
		cells[row[0]] = row[2]
	}
	says := func(row, want string) {
		t.Helper()
		if !strings.Contains(cells[row], want) {
			t.Errorf("the guide says of %q: %q, want %q in it", row, cells[row], want)
		}
	}
	resource := func(kind calico.Kind) string { return "`calico_" + strings.ToLower(string(kind)) + "`" }
	for kind := range Type.Unwritable {
		says(resource(kind), "is refused in the plan")
	}
	for kind := range Type.Shared {
		says(resource(kind), "is imported")
	}
	if Type.Services {
		says("rules with `services`", "match what Kubernetes knows")
	}
	if Type.Namespaces {
		says("namespaces of `calico_network_policy` and `calico_network_set`", "must exist before")
	}
	says("warnings", fmt.Sprintf("at most %d in a run", maxWarnings))

	var guards []string
	for _, row := range rows(t, repositoryFile(t, "docs/guides/lockout-guard.md"), "| | etcd | Kubernetes |") {
		guards = append(guards, row...)
	}
	if want := fmt.Sprintf("the Lease `%s` in `%s`", leaseName, leaseNamespace); !strings.Contains(strings.Join(guards, "\n"), want) {
		t.Errorf("the guide to the guards does not tell of %s", want)
	}
}

// TestRolesAllowWhatTheStoreDoes compares the documented roles with the kinds and the names
// that the store writes.
func TestRolesAllowWhatTheStoreDoes(t *testing.T) {
	t.Parallel()
	roles := repositoryFile(t, "examples/kubernetes-nodes/clusterrole.yaml")
	for _, kind := range calico.Kinds() {
		if _, unwritable := Type.Unwritable[kind]; unwritable || Type.Shared[kind] {
			continue
		}
		if !regexp.MustCompile(`(?m)^      - ` + kind.Plural() + `$|\[` + kind.Plural() + `\]$`).MatchString(roles) {
			t.Errorf("the role has no %s", kind.Plural())
		}
	}
	for _, want := range []string{"namespace: " + leaseNamespace + "\n", "resourceNames: [" + leaseName + "]"} {
		if !strings.Contains(roles, want) {
			t.Errorf("the roles do not have %q", want)
		}
	}
}
