package provider_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// TestKubernetesReaderPlans plans as a user who has what the documentation asks for a run
// that only plans, and no right to write anything. An apply tells each time which rule is
// missing, and changes nothing.
func TestKubernetesReaderPlans(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		crds  acctest.CalicoCRDs
		group string
	}{{acctest.CRDs331, "crd.projectcalico.org"}, {acctest.NativeCRDs, "projectcalico.org"}} {
		t.Run(string(test.crds), func(t *testing.T) {
			t.Parallel()
			k := acctest.NewKubernetes(t, acctest.WithCRDs(test.crds))
			k.GrantReading(t)
			readerPlans(t, k, test.group)
		})
	}
}

func readerPlans(t *testing.T, k *acctest.Kubernetes, group string) {
	t.Helper()
	k.MustDo(t, http.MethodPost, "/api/v1/nodes", "", `{"apiVersion":"v1","kind":"Node","metadata":{"name":"db1"}}`)
	as := func(config, mode string) string {
		return block(nested("kubernetes", text("config_path", config)), nested("lockout_guard", text("mode", mode), "flow {\n    cidr = \"10.1.0.0/24\"\n    port = 22\n  }"))
	}
	const rest = `
resource "calico_felix_configuration" "this" {
  name                = "default"
  log_severity_screen = "Warning"
}

resource "calico_network_set" "this" {
  name      = "web"
  namespace = "kube-system"
  nets      = ["192.0.2.0/24"]
}

resource "calico_node" "this" {
  name = "db1"
  bgp {
    as_number = "64512"
  }
}
`
	w := newWorkspace(t, as(k.AdminConfig, "error"), failsafe, hostEndpoint("db1"), rest)
	w.MustRun(t, "import", "-no-color", "calico_node.this", "db1")
	if o := run(t, w, "apply"); o.Failed {
		t.Fatal(o.All)
	}
	stored := func() string {
		var all strings.Builder
		version := map[string]string{"crd.projectcalico.org": "v1", "projectcalico.org": "v3"}[group]
		for _, plural := range []string{"globalnetworkpolicies", "hostendpoints", "felixconfigurations", "networksets", "tiers"} {
			// (A list's own version counts what else is written in the cluster.)
			objects, _, _ := strings.Cut(k.MustDo(t, http.MethodGet, "/apis/"+group+"/"+version+"/"+plural, "", ""), `"metadata":{"continue"`)
			all.WriteString(objects)
		}
		return all.String() + k.MustDo(t, http.MethodGet, "/api/v1/nodes/db1", "", "")
	}
	before := stored()
	rule := func(group, resource, verb string) []string {
		return []string{
			`does not let the user "terraform" do this`, "to " + verb + " " + resource + " of the API group",
			"- apiGroups: [\"" + group + "\"]\n    resources: [" + resource + "]\n    verbs: [" + verb + "]",
		}
	}

	rewrite(t, w, as(k.Config, "error"), failsafe, hostEndpoint("db1"), rest)
	noChanges(t, w)
	changed := strings.NewReplacer("10.1.", "10.3.", "eth0", "eth1", "Warning", "Error", "192.0.2.", "198.51.100.", "64512", "64513")
	more := append([]string{as(k.Config, "warn")}, changed.Replace(failsafe), changed.Replace(hostEndpoint("db1")), changed.Replace(rest), hostEndpoint("db2"))
	rewrite(t, w, more...)
	if o := run(t, w, "plan"); o.Failed {
		t.Errorf("a plan with changes fails: %v", o.Of("error"))
	}
	for target, want := range map[string][]string{
		"calico_failsafe_policy.this":     append(rule(group, "globalnetworkpolicies", "update"), "Unable to Update", "at the cluster scope"),
		"calico_host_endpoint.db2":        append(rule(group, "hostendpoints", "create"), `Unable to Create HostEndpoint "db2"`),
		"calico_felix_configuration.this": append(rule(group, "felixconfigurations", "patch"), `Unable to Update FelixConfiguration "default"`),
		"calico_network_set.this":         append(rule(group, "networksets", "update"), `in the namespace "kube-system"`),
		"calico_node.this":                append(rule("", "nodes/status", "patch"), `Unable to Update Node "db1"`),
	} {
		t.Run(target, func(t *testing.T) { fail(t, w, "apply", "-target="+target).Says(t, want...) })
	}
	t.Run("destroy", func(t *testing.T) {
		fail(t, w, "apply", "-destroy", "-target=calico_host_endpoint.db1").Says(t, append(rule(group, "hostendpoints", "delete"), `Unable to Delete HostEndpoint "db1"`)...)
	})
	// The mode that writes under a guard asks for the Lease, too.
	rewrite(t, w, append([]string{as(k.Config, "error")}, more[2:]...)...)
	t.Run("guarded", func(t *testing.T) {
		fail(t, w, "apply", "-target=calico_host_endpoint.db2").Says(t, rule(group, "hostendpoints", "create")...)
	})
	if after := stored(); after != before {
		t.Errorf("there was\n%s\nand now is\n%s", before, after)
	}
}
