package provider_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// TestKubernetesGuard asks the guards about changes in a cluster, with somebody else who
// writes between their decision and the write.
func TestKubernetesGuard(t *testing.T) {
	t.Parallel()
	k := acctest.NewKubernetes(t, acctest.WithCRDs(acctest.CRDs331))
	k.GrantAccess(t)
	proxy := k.Proxy(t)
	block := acctest.ProviderBlock(proxy.Block(), `lockout_guard {
    mode = "error"
    flow {
      cidr = "10.1.0.0/24"
      port = 22
    }
  }`)
	const base = `
resource "calico_failsafe_policy" "this" {
  management_cidrs = ["10.1.0.0/24"]
}

resource "calico_host_endpoint" "this" {
  name           = "db1-eth0"
  node           = "db1"
  interface_name = "eth0"
  expected_ips   = ["10.2.0.5"]
  depends_on     = [calico_failsafe_policy.this]
}

resource "calico_felix_configuration" "this" {
  name                        = "default"
  failsafe_inbound_host_ports = []
  depends_on                  = [calico_host_endpoint.this]
}
`
	deny := func(source string) string {
		return base + `
resource "calico_global_network_policy" "deny" {
  name     = "deny"
  order    = -1
  selector = "all()"
  ingress {
    action = "Deny"
    source {
      nets = ["` + source + `"]
    }
  }
  depends_on = [calico_felix_configuration.this]
}
`
	}
	w := acctest.NewWorkspace(t, map[string]string{"main.tf": acctest.WithProviders(block, base)})
	w.MustRun(t, "apply", "-auto-approve", "-no-color")
	run := func(configuration, command string, args ...string) (string, error) {
		t.Helper()
		if err := w.WriteFile("main.tf", acctest.WithProviders(block, configuration)); err != nil {
			t.Fatal(err)
		}
		output, err := w.Run(t, append([]string{command, "-no-color"}, args...)...)
		if err != nil {
			output += err.Error()
		}
		return strings.Join(strings.Fields(output), " "), err
	}
	const path = v1Group + "globalnetworkpolicies"
	stored := func() string { return k.MustDo(t, http.MethodGet, path, "", "") }

	// A change that cuts off is refused in the plan.
	if output, err := run(deny("10.1.0.0/16"), "plan"); err == nil || !strings.Contains(output, "Change Would Cut Off Guarded Traffic") {
		t.Errorf("a change that cuts off (%v): %s", err, output)
	}
	// One that cuts off together with what somebody else does is undone, and that is told.
	var once sync.Once
	proxy.Handle(func(rw http.ResponseWriter, r *http.Request, forward http.Handler) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/globalnetworkpolicies") {
			once.Do(func() {
				// The failsafe policy comes after what denies everything, which the run makes.
				k.MustDo(t, http.MethodPatch, path+"/default.failsafe", "application/merge-patch+json", `{"spec":{"order":100}}`)
			})
		}
		forward.ServeHTTP(rw, r)
	})
	late := strings.Replace(deny("0.0.0.0/0"), "order    = -1", "order    = 50", 1)
	output, err := run(late, "apply", "-auto-approve")
	proxy.Handle(nil)
	for _, want := range []string{"and undone: for a moment it was in force", "globalnetworkpolicies/default.failsafe", "What was stored before is stored again"} {
		if err == nil || !strings.Contains(output, want) {
			t.Errorf("a change beside another's does not tell %q (%v): %s", want, err, output)
		}
	}
	if strings.Contains(stored(), `"name":"default.deny"`) {
		t.Errorf("it stays: %s", stored())
	}
	// Without anybody else, it is made.
	k.MustDo(t, http.MethodPatch, path+"/default.failsafe", "application/merge-patch+json", `{"spec":{"order":0}}`)
	if output, err := run(late, "apply", "-auto-approve"); err != nil || !strings.Contains(stored(), `"name":"default.deny"`) {
		t.Errorf("a change that cuts nothing off (%v): %s", err, output)
	}
}
