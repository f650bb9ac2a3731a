package acceptance

import (
	"maps"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// testImportByIdentity imports what somebody else has made.
func testImportByIdentity(t *testing.T, r row, in newWorld) {
	w := r.world(t, in)
	w.put(t, r.somebodys(t, 0))
	written := w.versions(t, r.kind)
	identity := ""
	for name, value := range r.identityOf(0) {
		identity += "    " + name + " = " + value + "\n"
	}
	workspace := w.workspace(t, acctest.IdentityCLI(t), w.provider(), r.block(t, 0, r.config),
		"import {\n  to = "+r.address(0)+"\n  identity = {\n"+identity+"  }\n}\n")
	const want = "Resources: 1 imported, 0 added, 0 changed, 0 destroyed."
	if out := workspace.MustRun(t, "apply", "-auto-approve"); !strings.Contains(out, want) {
		t.Errorf("apply does not say %q:\n%s", want, out)
	}
	if now := w.versions(t, r.kind); !maps.Equal(now, written) {
		t.Errorf("an import has written: %v, and before %v", now, written)
	}
}
