package settings

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// page reads a page of the documentation.
func page(t *testing.T, name string) string {
	t.Helper()
	root, err := acctest.Root()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(root, "docs", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// code writes names as Markdown does in the cell of a table.
func code(names ...string) string {
	cell := " "
	if len(names) > 0 {
		cell += "`" + strings.Join(names, "`, `") + "` "
	}
	return cell
}

// TestGuideTellsWhereSettingsComeFrom compares the table of the guide with the definitions.
func TestGuideTellsWhereSettingsComeFrom(t *testing.T) {
	t.Parallel()
	var want []string
	for _, d := range kubernetesDefinitions {
		if d.variables == nil && d.field == "" || d.name == NameConfigInline {
			continue // no other place gives the first; the second is told beside config_path
		}
		var fields []string
		if d.field != "" {
			fields = append(fields, d.field)
		}
		if d.name == NameConfigPath {
			fields = append(fields, "kubeconfigInline")
		}
		want = append(want, "|"+code(d.name.short())+"|"+code(d.variables...)+"|"+code(fields...)+"|")
	}
	_, table, found := strings.Cut(page(t, "guides/kubernetes.md"), "| argument | environment, in this order | in the calicoctl file |\n| --- | --- | --- |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	if diff := cmp.Diff(want, strings.Split(table, "\n")); diff != "" || !found {
		t.Errorf("the guide does not have the table of the definitions (-definitions +guide):\n%s", diff)
	}
}

// TestArgumentsTellTheirVariables looks in the description of each argument for its
// environment variables, in their order. That each of calicoctl's counts with the prefix
// CALICO_, too, is told once.
func TestArgumentsTellTheirVariables(t *testing.T) {
	t.Parallel()
	index := page(t, "index.md")
	if !strings.Contains(index, "CALICO_") {
		t.Error("the prefix CALICO_ is not told")
	}
	for _, d := range definitions {
		var want []string
		for _, variable := range d.variables {
			if len(d.variables) == 1 || !strings.HasPrefix(variable, "CALICO_") {
				want = append(want, "`"+variable+"`")
			}
		}
		if want == nil {
			continue
		}
		line := regexp.MustCompile("(?m)^- `" + d.name.short() + "` \\(.*$").FindString(index)
		_, told, _ := strings.Cut(line, "Environment: ")
		at := -1
		for _, variable := range want {
			next := strings.Index(told, variable)
			if next <= at {
				t.Errorf("%s: %q does not tell %s in this order", d.name, line, strings.Join(want, ", "))
				break
			}
			at = next
		}
	}
}
