package acceptance

import (
	"net/http"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// inEachKubernetes runs a test in each of worlds that is on Kubernetes.
func inEachKubernetes(t *testing.T, test func(*testing.T, newWorld)) {
	t.Helper()
	for name, in := range worlds {
		if onKubernetes(name) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, in)
			})
		}
	}
}

func onKubernetes(world string) bool { return strings.HasPrefix(world, "kubernetes") }

// A node of Kubernetes is the kubelet's. Calico adds to it, and so does calico_node: it is
// imported, changed, put right, and left there by a destroy, which takes off what an
// administrator has set.
func TestNodeOfKubernetes(t *testing.T) {
	t.Parallel()
	inEachKubernetes(t, func(t *testing.T, in newWorld) {
		w := in(t, contents{release: "v3.32.1", kinds: []calico.Kind{calico.KindNode}})
		id := calico.ID{Kind: calico.KindNode, Name: "db1"}
		const (
			before = `{"kind":"Node","apiVersion":"projectcalico.org/v3","metadata":{"name":"db1"},"spec":{"bgp":{"ipv4Address":"10.0.0.5/24"}}}`
			node   = `
resource "calico_node" "db1" {
  name   = "NAME"
  labels = { rack = "RACK" }
  bgp {
    as_number    = "AS"
    ipv4_address = "10.0.0.5/24"
  }
}
`
			imported = "\nimport {\n  to = calico_node.db1\n  id = \"db1\"\n}\n"
		)
		configured := func(name, as, rack string) string {
			return strings.NewReplacer("NAME", name, "AS", as, "RACK", rack).Replace(node)
		}
		w.put(t, before)
		k, ok := w.(kubernetesWorld)
		if !ok {
			t.Fatalf("%T is not on Kubernetes", w)
		}
		patch := k.api.MustDo(t, http.MethodPatch, "/api/v1/nodes/db1", "application/merge-patch+json", `{"metadata":{"labels":{"kubernetes.io/os":"linux"}}}`)
		uid := part(parse(t, patch), "metadata")["uid"]
		// stored holds that the Node is the same, and returns Calico's part of it.
		stored := func() (spec, labels fields) {
			t.Helper()
			metadata := part(parse(t, k.api.MustDo(t, http.MethodGet, "/api/v1/nodes/db1", "", "")), "metadata")
			if metadata["uid"] != uid || part(metadata, "labels")["kubernetes.io/os"] != "linux" {
				t.Errorf("the Node is another one: %v", metadata)
			}
			object := parse(t, w.get(t, id))
			return part(object, "spec"), part(part(object, "metadata"), "labels")
		}

		// It makes no node, and takes none that is there without being told to.
		workspace := w.workspace(t, acctest.TestCLI(t), w.provider(), configured("db1", "64512", "r1"))
		acctest.Fail(t, workspace, "apply").Says(t, "exists already, at v1/nodes/db1", "import")
		acctest.Rewrite(t, workspace, w.provider(), configured("db2", "64512", "r1"))
		acctest.Fail(t, workspace, "apply").Says(t, `There is no node "db2" in the cluster`, "kubelet")

		acctest.Rewrite(t, workspace, w.provider(), configured("db1", "64512", "r1"), imported)
		acctest.Succeed(t, workspace, "apply")
		acctest.NoChanges(t, workspace)
		if spec, labels := stored(); part(spec, "bgp")["asNumber"] != 64512.0 || labels["rack"] != "r1" {
			t.Errorf("after the import there is %v with the labels %v", spec, labels)
		}

		acctest.Rewrite(t, workspace, w.provider(), configured("db1", "64513", "r2"))
		acctest.Succeed(t, workspace, "apply")
		acctest.NoChanges(t, workspace)
		changed := func() {
			t.Helper()
			if spec, labels := stored(); part(spec, "bgp")["asNumber"] != 64513.0 || part(spec, "bgp")["ipv4Address"] != "10.0.0.5/24" || labels["rack"] != "r2" {
				t.Errorf("there is %v with the labels %v", spec, labels)
			}
		}
		changed()

		// The labels of the Node are Kubernetes'. They are nobody's drift, and may be named.
		label := func(labels string) {
			t.Helper()
			k.api.MustDo(t, http.MethodPatch, "/api/v1/nodes/db1", "application/merge-patch+json", `{"metadata":{"labels":`+labels+`}}`)
		}
		label(`{"topology.kubernetes.io/zone":"z1"}`)
		acctest.NoChanges(t, workspace)
		acctest.Rewrite(t, workspace, w.provider(), strings.Replace(configured("db1", "64513", "r2"), "rack =", `"topology.kubernetes.io/zone" = "z1", rack =`, 1))
		acctest.Succeed(t, workspace, "apply")
		acctest.NoChanges(t, workspace)
		acctest.Rewrite(t, workspace, w.provider(), strings.Replace(configured("db1", "64513", "r2"), "rack =", `"topology.kubernetes.io/zone" = "z2", rack =`, 1))
		acctest.Fail(t, workspace, "apply").Says(t, "topology.kubernetes.io/zone", "with kubectl")
		acctest.Rewrite(t, workspace, w.provider(), configured("db1", "64513", "r2"))
		acctest.Succeed(t, workspace, "apply")
		label(`{"topology.kubernetes.io/zone":null}`)
		acctest.NoChanges(t, workspace)
		changed()

		w.put(t, apply(t, w.get(t, id), set("spec.bgp.asNumber", "65000"), remove("metadata.labels.rack")))
		acctest.Succeed(t, workspace, "apply")
		changed()

		// What Kubernetes tells of a node cannot be told otherwise.
		acctest.Rewrite(t, workspace, w.provider(), strings.Replace(configured("db1", "64513", "r2"), "  bgp {", "  address {\n    address = \"192.0.2.5\"\n  }\n  bgp {", 1))
		acctest.Fail(t, workspace, "apply").Says(t, "its kubelet tells", "leave them out")
		changed()

		acctest.Succeed(t, workspace, "destroy")
		if spec, labels := stored(); part(spec, "bgp")["asNumber"] != nil || part(spec, "bgp")["ipv4Address"] != "10.0.0.5/24" || len(labels) > 0 {
			t.Errorf("after the destroy there is %v with the labels %v", spec, labels)
		}
	})
}

// Nobody writes a profile there: the plan tells what to do instead.
func TestProfileOnKubernetes(t *testing.T) {
	t.Parallel()
	inEachKubernetes(t, func(t *testing.T, in newWorld) {
		w := in(t, contents{release: "v3.32.1"})
		workspace := w.workspace(t, acctest.TestCLI(t), w.provider(), "\nresource \"calico_profile\" \"this\" {\n  name = \"hosts\"\n}\n")
		acctest.Fail(t, workspace, "plan").Says(t, "there are no profiles to write", "Put labels on the namespace or on the service account instead")
	})
}
