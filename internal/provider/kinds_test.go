package provider

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

var (
	kindRow      = regexp.MustCompile(`(?m)^\| ([A-Z]\w+) \| (.*) \|$`)
	resourceLink = regexp.MustCompile("\\[`calico_(\\w+)`\\]\\(docs/resources/(\\w+)\\.md\\)")
)

// The README's table of kinds has every kind of the API, and says of each which
// resource it has, or why it has none.
func TestReadmeListsEveryKind(t *testing.T) {
	root, err := acctest.Root()
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	_, section, _ := strings.Cut(string(readme), "\n## Kinds and their resources\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, row := range kindRow.FindAllStringSubmatch(section, -1) {
		rows[row[1]] = row[2]
	}

	scheme := runtime.NewScheme()
	if err := v3.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	kinds := []string{"Node", "WorkloadEndpoint"} // calicoctl's own
	for kind, typ := range scheme.KnownTypes(schema.GroupVersion{Group: "projectcalico.org", Version: "v3"}) {
		// Others are of Kubernetes' machinery, such as ListOptions.
		if strings.HasSuffix(typ.PkgPath(), "projectcalico/v3") && !strings.HasSuffix(kind, "List") {
			kinds = append(kinds, kind)
		}
	}
	resources := map[string]string{}
	for name, d := range definitions(t) {
		resources[name] = string(d.kind)
	}
	for _, kind := range kinds {
		row, ok := rows[kind]
		if !ok {
			t.Errorf("README.md does not list the kind %s", kind)
		}
		delete(rows, kind)
		links := resourceLink.FindAllStringSubmatch(row, -1)
		if reason, none := strings.CutPrefix(row, "none: "); none && len(reason) > 10 {
			for name, of := range resources {
				if of == kind {
					t.Errorf("README.md says that %s has no resource, but calico_%s is one", kind, name)
				}
			}
			continue
		}
		var linked []string
		for _, link := range links {
			if link[1] != link[2] || resources[link[1]] != kind {
				t.Errorf("README.md: %s is no resource of %s", link[0], kind)
			}
			linked = append(linked, link[1])
		}
		for name, of := range resources {
			if of == kind && !slices.Contains(linked, name) {
				t.Errorf("README.md does not list calico_%s for %s", name, kind)
			}
		}
	}
	for kind := range rows {
		t.Errorf("README.md lists %s, which is no kind", kind)
	}
	if len(kinds) < 20 {
		t.Errorf("only %d kinds found in the API", len(kinds))
	}
}
