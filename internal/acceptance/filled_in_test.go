package acceptance

import (
	"maps"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// A datastore may fill in fields that nobody has set, as the API server does by the
// defaults of its schemas. That is no change that anybody has to review, and nothing that
// anybody wants to keep: each object is created, planned without a change, imported, and
// gone when it is destroyed. (The rows of kinds that may have more than one object have
// one with as little as possible.)
func TestWhatDatastoresFillIn(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		kind         calico.Kind
		name, rest   string
		resourceType string
	}{
		{calico.KindBGPConfiguration, "default", "", "calico_bgp_configuration"},
		{calico.KindBGPConfiguration, "node.db1", "listen_port = 1790", "calico_bgp_configuration"},
		{calico.KindFelixConfiguration, "default", "ipip_mtu = 1400", "calico_felix_configuration"},
		{calico.KindFelixConfiguration, "node.db1", "", "calico_felix_configuration"},
		{calico.KindKubeControllersConfiguration, "default", "controllers {\nload_balancer {}\npolicy_migration {}\n}", "calico_kube_controllers_configuration"},
	} {
		t.Run(string(test.kind)+" "+test.name, func(t *testing.T) {
			t.Parallel()
			inEachWorld(t, func(t *testing.T, in newWorld) {
				w := in(t, contents{release: "v3.32.1", kinds: []calico.Kind{test.kind}})
				before := w.versions(t, test.kind)
				block := "\nresource \"" + test.resourceType + "\" \"this\" {\n  name = \"" + test.name + "\"\n" + test.rest + "\n}\n"
				workspace := w.workspace(t, acctest.TestCLI(t), w.provider(), block)
				acctest.Succeed(t, workspace, "apply")
				acctest.NoChanges(t, workspace)
				acctest.Succeed(t, workspace, "destroy")
				if left := w.versions(t, test.kind); !maps.Equal(left, before) {
					t.Errorf("there are %v after the destroy, and before there were %v", left, before)
				}

				acctest.Succeed(t, workspace, "apply")
				workspace.MustRun(t, "state", "rm", test.resourceType+".this")
				acctest.Rewrite(t, workspace, w.provider(), block, "\nimport {\n  to = "+test.resourceType+".this\n  id = \""+test.name+"\"\n}\n")
				written := w.versions(t, test.kind)
				acctest.Succeed(t, workspace, "apply")
				if now := w.versions(t, test.kind); !maps.Equal(now, written) {
					t.Errorf("the import has written: there are %v, and before there were %v", now, written)
				}
				acctest.NoChanges(t, workspace)
			})
		})
	}
}
