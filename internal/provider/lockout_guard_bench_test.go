//go:build unix

package provider_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// BenchmarkGuardPlan plans a thousand host endpoints and two hundred policies,
// all new, without the guard and with it: the difference is the guard's. The time of
// the processor, which the CLI and the provider have used, depends less on what else
// the machine does.
func BenchmarkGuardPlan(b *testing.B) {
	var configuration strings.Builder
	configuration.WriteString(strings.Replace(failsafe, "management_cidrs", "order = -1\n  management_cidrs", 1))
	for i := range 200 {
		fmt.Fprintf(&configuration, `
resource "calico_global_network_policy" "p%[1]d" {
  name     = "p%[1]d"
  order    = %[1]d
  selector = "rack == 'r%[2]d' || role == 'db'"
  ingress {
    action   = "Allow"
    protocol = "TCP"
    source {
      nets = ["10.%[2]d.0.0/16"]
    }
    destination {
      ports = [%[3]d]
    }
  }
}
`, i, i%20, 1000+i)
	}
	for i := range 1000 {
		fmt.Fprintf(&configuration, `
resource "calico_host_endpoint" "e%[1]d" {
  name           = "e%[1]d"
  node           = "n%[1]d"
  interface_name = "eth0"
  labels         = { rack = "r%[2]d" }
  depends_on     = [calico_failsafe_policy.this]
}
`, i, i%20)
	}
	for _, mode := range []string{"off", "warn"} {
		b.Run(mode, func(b *testing.B) {
			etcd := acctest.NewEtcd(b, acctest.WithCalico("v3.31.0"))
			for i := range 1000 {
				// Hosts that Calico knows: a thousand warnings would be the CLI's work.
				etcd.Put(b, fmt.Sprintf("/calico/felix/v2/no-region/host/n%d/status", i), "{}")
			}
			w := acctest.NewWorkspace(b, map[string]string{"main.tf": withProviders(configuration.String(),
				guardedBy(mode, etcd))})
			before := childrenTime(b)
			for b.Loop() {
				if _, err := w.RunContext(b.Context(), "plan", "-json"); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric((childrenTime(b)-before).Seconds()/float64(b.N), "cpu-s/op")
		})
	}
}

// childrenTime is the processor's time for all processes that this one has run.
func childrenTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
