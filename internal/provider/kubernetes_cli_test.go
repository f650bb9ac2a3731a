package provider_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// TestKubernetesGuide applies the guide's configuration in a cluster, in each form in which
// Calico keeps its objects there, and takes it back.
func TestKubernetesGuide(t *testing.T) {
	t.Parallel()
	for _, crds := range []acctest.CalicoCRDs{acctest.CRDs328, acctest.CRDs331, acctest.CRDs332, acctest.NativeCRDs} {
		t.Run(string(crds), func(t *testing.T) {
			t.Parallel()
			k := acctest.NewKubernetes(t, acctest.WithCRDs(crds))
			k.GrantAccess(t)
			block := acctest.ProviderBlock(acctest.Block("kubernetes", `config_path = "`+k.Config+`"`))
			workspace := acctest.NewWorkspace(t, map[string]string{"main.tf": acctest.WithProviders(block, `
resource "calico_failsafe_policy" "this" {
  management_cidrs = ["10.1.0.0/24"]
}

resource "calico_host_endpoint" "db1" {
  name           = "db1-eth0"
  node           = "db1"
  interface_name = "eth0"
  expected_ips   = ["10.2.0.5"]
  labels         = { host-endpoint = "true" }
  depends_on     = [calico_failsafe_policy.this]
}

resource "calico_global_network_policy" "web" {
  name     = "web"
  selector = "role == 'web'"
  ingress {
    action   = "Allow"
    protocol = "TCP"
    destination {
      ports = ["443"]
    }
  }
}

resource "calico_felix_configuration" "default" {
  name                 = "default"
  log_severity_screen  = "Warning"
  failsafe_inbound_host_ports = []
}
`)})
			workspace.MustRun(t, "apply", "-auto-approve", "-no-color")
			if changes, text, err := workspace.Plan(t.Context()); err != nil || changes {
				t.Errorf("it plans (%v)\n%s", err, text)
			}
			group := "crd.projectcalico.org/v1"
			if crds == acctest.NativeCRDs {
				group = "projectcalico.org/v3"
			}
			if got := k.MustDo(t, http.MethodGet, "/apis/"+group+"/hostendpoints/db1-eth0", "", ""); !strings.Contains(got, "10.2.0.5") {
				t.Errorf("there is %s", got)
			}
			workspace.MustRun(t, "destroy", "-auto-approve", "-no-color")
			for _, kind := range []string{"hostendpoints", "globalnetworkpolicies"} {
				if got := k.MustDo(t, http.MethodGet, "/apis/"+group+"/"+kind, "", ""); !strings.Contains(got, `"items":[]`) {
					t.Errorf("left behind: %s", got)
				}
			}
		})
	}
}
