package acctest

import (
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSchemasAreFresh generates the schemas of Calico's kinds anew and compares
// them with those of package schemas.
func TestSchemasAreFresh(t *testing.T) {
	t.Parallel()
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	generator := filepath.Join(root, "tools", "schemagen")
	// What the generator is made of is read here too, so that go test does not
	// answer from its cache when that changes.
	for _, source := range []string{generator, filepath.Join(root, "internal", "calico")} {
		if _, err := readTree(source); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	if err := runGo(generator, []string{"CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off"}, "run", ".", "-dir", dir); err != nil {
		t.Fatal(err)
	}
	fresh, err := readTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	committed, err := readTree(filepath.Join(root, "internal", "provider", "schemas"))
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(committed, func(name string, _ string) bool { return !strings.HasSuffix(name, "_gen.go") })
	if len(fresh) == 0 {
		t.Fatal("no schema was generated")
	}
	if diff := cmp.Diff(committed, fresh); diff != "" {
		t.Errorf("the schemas are stale: run `make generate` and commit what it changes (-internal/provider/schemas +generated):\n%s", diff)
	}
}
