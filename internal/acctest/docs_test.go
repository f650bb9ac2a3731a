package acctest

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDocsAreFresh generates the pages of the registry anew and compares them
// with docs/.
func TestDocsAreFresh(t *testing.T) {
	Starts(t)
	t.Parallel()
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "docs")
	if err := GenerateDocs(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	fresh, err := readTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	committed, err := readTree(filepath.Join(root, "docs"))
	if err != nil {
		t.Fatal(err)
	}
	if len(fresh) == 0 {
		t.Fatal("no page was generated")
	}
	if diff := cmp.Diff(committed, fresh); diff != "" {
		t.Errorf("docs/ is stale: run `make generate` and commit what it changes (-docs/ +generated):\n%s", diff)
	}
}

func TestExamplesAreFormatted(t *testing.T) {
	Starts(t)
	t.Parallel()
	if err := FormatExamples(t.Context(), true); err != nil {
		t.Errorf("%v\nRun `make fmt`.", err)
	}
}

func TestRenameProvider(t *testing.T) {
	t.Parallel()
	const schemas = `{"format_version":"1.0","provider_schemas":{"registry.opentofu.org/calico-terraform/calico":{"resource_identity_schemas":{"calico_host_endpoint":{}}}}}`
	got, err := renameProvider([]byte(schemas), "registry.opentofu.org/calico-terraform/calico", "registry.terraform.io/hashicorp/calico")
	want := strings.Replace(schemas, "registry.opentofu.org/calico-terraform/calico", "registry.terraform.io/hashicorp/calico", 1)
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
	for _, bad := range []string{`{"provider_schemas":{"other":{}}}`, `{}`, `not JSON`} {
		if _, err := renameProvider([]byte(bad), "a", "b"); err == nil {
			t.Errorf("%s is renamed", bad)
		}
	}
}
