package provider_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// The real CLI sends back what it was given in a form of its own: what has not changed is
// known for that all the same.
func TestUnchangedOverTheCLI(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	const configuration = `
resource "calico_host_endpoint" "this" {
  for_each       = toset(["db1", "db2"])
  name           = each.key
  node           = each.key
  interface_name = "eth0"
  labels         = { role = "db" }

  port {
    name     = "postgres"
    port     = 5432
    protocol = "TCP"
  }
}

resource "calico_global_network_policy" "this" {
  name     = "web"
  order    = 100.5
  selector = "role == 'web'"

  ingress {
    action   = "Allow"
    protocol = "TCP"

    destination {
      ports = ["80", "8000:8010"]
    }
  }
}

resource "calico_failsafe_policy" "this" {
  management_cidrs = ["10.1.0.0/24"]
}
`
	w := newWorkspace(t, guardedBy("off", etcd), configuration)
	succeed(t, w, "apply")
	log := filepath.Join(t.TempDir(), "log")
	w.Env = append(w.Env, "TF_LOG_PROVIDER=DEBUG", "TF_LOG_PATH="+log)
	noChanges(t, w)
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for _, request := range []string{"read", "plan"} {
		got := 0
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, "answered without the framework") && strings.Contains(line, "request="+request) {
				got++
			}
		}
		if got != 4 {
			t.Errorf("%d requests to %s are answered without the framework, want 4", got, request)
		}
	}
}
