package provider_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

const (
	guardedFelixKey    = acctest.ResourcePrefix + "felixconfigurations/default"
	guardedEndpointKey = endpointKeys + "db1-eth0"
	// Failsafe ports are off, so that policies alone decide.
	guardedFelix    = `{"kind":"FelixConfiguration","apiVersion":"projectcalico.org/v3","metadata":{"name":"default","uid":"7f1c1d5e-90c3-4b66-8a52-0f9b6a4c7d21","creationTimestamp":"2026-01-02T03:04:05Z"},"spec":{"failsafeInboundHostPorts":[],"failsafeOutboundHostPorts":[]}}`
	guardedEndpoint = `{"kind":"HostEndpoint","apiVersion":"projectcalico.org/v3","metadata":{"name":"db1-eth0","uid":"0d3a1d3e-7c1f-4a9e-9d6b-2f0f5a3c8e11","creationTimestamp":"2026-01-02T03:04:05Z"},"spec":{"node":"db1","interfaceName":"eth0"}}`
)

// guardedBy is a provider block with the guard in a mode.
func guardedBy(mode string, etcd *acctest.Etcd) string {
	return block("lockout_guard = { mode = \"" + mode + "\" }\netcd = { " + at(etcd.Endpoints...) + " }")
}

// A host with nothing but the failsafe policy: what would take its SSH away is
// told in the plan, and in mode "error" refused there and in the apply, which
// leaves the datastore as it was.
func TestGuardKeepsSSH(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	w := newWorkspace(t, failsafe, guardedBy("error", etcd))
	succeed(t, w, "apply")
	etcd.Put(t, guardedFelixKey, guardedFelix)
	etcd.Put(t, guardedEndpointKey, guardedEndpoint)
	before := etcd.Prefix(t, "")
	untouched := func(what string) {
		t.Helper()
		if after := etcd.Prefix(t, ""); !slices.Equal(before, after) {
			t.Errorf("%s: the datastore is not as it was", what)
		}
	}

	// Fewer networks, and a policy before it that denies.
	const cutsOff = "Change Would Cut Off Guarded Traffic"
	for what, configuration := range map[string]string{
		"another network": strings.Replace(failsafe, "10.1.0.0/24", "10.9.0.0/24", 1),
		"a policy before it": failsafe + `
resource "calico_global_network_policy" "deny" {
  name    = "deny-ssh"
  order   = -1
  ingress = [{ action = "Deny", protocol = "TCP", destination = { ports = [22] } }]
}
`,
	} {
		rewrite(t, w, configuration, guardedBy("error", etcd))
		d := fail(t, w, "plan")
		if d.Summary != cutsOff {
			t.Errorf("%s: %s", what, d)
		}
		d.says(t, "db1-eth0: management access (TCP port 22 from 10.1.0.0/24): denied", "now: allowed by rule 1 of ingress of policy \"failsafe\"", "depends_on")
		untouched(what)

		rewrite(t, w, configuration, guardedBy("warn", etcd))
		o := run(t, w, "plan")
		if warnings := o.of("warning"); o.failed || len(warnings) != 1 || warnings[0].Summary != cutsOff {
			t.Errorf("%s, in mode warn: failed %t, with %v", what, o.failed, o.diagnostics)
		}
		rewrite(t, w, configuration, guardedBy("off", etcd))
		succeed(t, w, "plan")
	}

	// A deletion is refused by the apply: Terraform might have deleted the
	// endpoints before.
	rewrite(t, w, guardedBy("error", etcd))
	o := run(t, w, "plan")
	if warnings := o.of("warning"); o.failed || len(warnings) != 1 || warnings[0].Summary != cutsOff {
		t.Errorf("plan of a deletion: failed %t, with %v", o.failed, o.diagnostics)
	}
	fail(t, w, "apply").says(t, "lockout_guard refused this change", "db1-eth0", "Nothing was written", "lockout_guard.mode")
	untouched("a deletion")

	// Wide changes that keep it are no matter, and make no noise.
	rewrite(t, w, strings.Replace(failsafe, `"10.1.0.0/24"]`, `"10.1.0.0/24", "10.9.0.0/24"]`+"\n  management_ports = [22, 2222]\n  order = -5", 1), guardedBy("error", etcd))
	succeed(t, w, "apply")
	etcd.Delete(t, guardedEndpointKey)
	succeed(t, w, "destroy")
}

// The guide from its beginning to its end, and back, passes the guard in mode
// "error" where the dependencies are the guide's.
func TestGuardLetsTheGuidePass(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	before := etcd.Prefix(t, "")
	guide := failsafe + strings.Replace(hostEndpoint("db1"), "\n}", "\n  depends_on = [calico_failsafe_policy.this]\n}", 1) + `
resource "calico_felix_configuration" "default" {
  name                         = "default"
  failsafe_inbound_host_ports  = []
  failsafe_outbound_host_ports = []
  depends_on                   = [calico_host_endpoint.db1]
}
`
	w := newWorkspace(t, guide, guardedBy("error", etcd))
	succeed(t, w, "apply")
	if o := run(t, w, "destroy"); o.failed {
		t.Fatalf("destroy: %v", o.diagnostics)
	}
	if after := etcd.Prefix(t, ""); !slices.Equal(before, after) {
		t.Errorf("something is left behind: %v", after)
	}
}
