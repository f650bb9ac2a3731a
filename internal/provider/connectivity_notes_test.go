package provider_test

import (
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// The case R01: the answer tells why a rule that seems to fit does not, and the case
// R11: untracked in one direction, a connection does not work.
func TestConnectivityTellsWhy(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	w := newWorkspace(t, etcdBlock(at(etcd.Endpoints...)), `
resource "calico_host_endpoint" "ing" {
  name           = "ing-1"
  node           = "ing-1"
  interface_name = "ens192"
  labels         = { role = "ingress" }
}

resource "calico_host_endpoint" "mas" {
  name           = "mas-1"
  node           = "mas-1"
  interface_name = "ens192"
  labels         = { role = "master" }
}

resource "calico_host_endpoint" "c1" {
  name           = "c1-eth0"
  node           = "c1"
  interface_name = "eth0"
  expected_ips   = ["10.0.0.5"]
  labels         = { role = "cache" }
}

resource "calico_global_network_policy" "ingress" {
  name     = "ingress-nodes"
  selector = "role == 'ingress'"
  order    = 100
  ingress {
    action   = "Allow"
    protocol = "TCP"
    source {
      selector = "role == 'master'"
    }
    destination {
      ports = [10250]
    }
  }
}

resource "calico_global_network_policy" "cache" {
  name             = "cache-untracked"
  selector         = "role == 'cache'"
  do_not_track     = true
  apply_on_forward = true
  types            = ["Ingress", "Egress"]
  ingress {
    action   = "Allow"
    protocol = "TCP"
    destination {
      ports = [9090, 9091]
    }
  }
  egress {
    action   = "Allow"
    protocol = "TCP"
    source {
      ports = [9090]
    }
  }
}

locals {
  planned = [
    calico_host_endpoint.ing.object, calico_host_endpoint.mas.object, calico_host_endpoint.c1.object,
    calico_global_network_policy.ingress.object, calico_global_network_policy.cache.object,
  ]
}

data "calico_connectivity" "p" {
  changes = local.planned
  flow {
    name              = "kubelet from master"
    port              = 10250
    cidr              = "10.9.0.11"
    expect            = "deny"
    endpoint_selector = "role == 'ingress'"
  }
  flow {
    name              = "both ways"
    port              = 9090
    cidr              = "10.7.0.9"
    expect            = "allow"
    endpoint_selector = "role == 'cache'"
  }
  flow {
    name              = "in only"
    port              = 9091
    cidr              = "10.7.0.9"
    expect            = "deny"
    endpoint_selector = "role == 'cache'"
  }
}

output "results" {
  value = join("\n", [for r in data.calico_connectivity.p.results : "${r.flow}: ${r.verdict}: ${r.decided_by}"])
}
`)
	if o := run(t, w, "apply"); o.Failed {
		t.Fatal(o.Diagnostics)
	}
	out := w.MustRun(t, "output", "-raw", "results")
	for flow, want := range map[string][]string{
		"kubelet from master: deny": {"mas-1", "expectedIPs"},
		"both ways: allow":          {"cache-untracked"},
		"in only: deny":             {"the reply is dropped", "cache-untracked"},
	} {
		_, line, ok := strings.Cut(out, flow)
		line, _, _ = strings.Cut(line, "\n")
		if !ok {
			t.Errorf("there is no %q in\n%s", flow, out)
		}
		for _, text := range want {
			if !strings.Contains(line, text) {
				t.Errorf("%s does not tell %q: %s", flow, text, line)
			}
		}
	}
}
