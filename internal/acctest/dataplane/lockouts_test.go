//go:build dataplane && linux

package dataplane

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// lockout is a change that takes SSH away from the management network, 10.1.0.0/24,
// at a host that lets it in before.
type lockout struct {
	name string
	// felix is the spec of the FelixConfiguration that is stored before; "" for one
	// without failsafe ports.
	felix string
	// before and after are configurations.
	before, after string
	// made is how many objects the refused change makes all the same.
	made int
	// says is what the refusal has to tell beside the flow.
	says []string
}

const (
	// sshPolicy lets the management network in.
	sshPolicy = `
resource "calico_failsafe_policy" "this" {
  management_cidrs = ["10.1.0.0/24"]

  etcd_server {
    address = "10.2.0.11"
  }
}
`
	sshForRole = `
resource "calico_global_network_policy" "ssh" {
  name     = "ssh"
  order    = 1
  selector = "role == 'db'"

  ingress {
    action   = "Allow"
    protocol = "TCP"

    destination {
      ports = [22]
    }
  }
}
`
)

// aPolicy is one that comes before all others.
func aPolicy(body string) string {
	return fmt.Sprintf("\nresource \"calico_global_network_policy\" \"p\" {\n  name  = \"p\"\n  order = -1\n%s\n}\n", body)
}

// anEndpoint is a host endpoint of this host.
func anEndpoint(name, body string) string {
	return fmt.Sprintf("\nresource \"calico_host_endpoint\" %q {\n  name = %[1]q\n  node = %q\n%s\n}\n", name, node, body)
}

var (
	plainEndpoint = anEndpoint("db1-eth0", `  interface_name = "eth0"
  expected_ips   = ["10.0.0.5"]`)
	byName = anEndpoint("db1-eth0", `  interface_name = "eth0"`)
	roleOf = func(name, role string) string {
		return anEndpoint(name, fmt.Sprintf("  expected_ips = [\"10.0.0.5\"]\n  labels       = { role = %q }", role))
	}
	denySSH = aPolicy("  types = [\"Ingress\"]\n  ingress {\n    action   = \"Deny\"\n    protocol = \"TCP\"\n    destination {\n      ports = [22]\n    }\n  }")
)

// lockouts are changes that a guard once let through, each of which cut SSH at a
// real host.
var lockouts = []lockout{
	{
		name:   "a Deny by destination at an endpoint without expected_ips",
		before: sshPolicy + byName,
		after:  sshPolicy + byName + aPolicy("  types = [\"Ingress\"]\n  ingress {\n    action = \"Deny\"\n    destination {\n      nets = [\"10.0.0.0/24\"]\n    }\n  }"),
		says:   []string{"expectedIPs"},
	},
	{
		name:   "do_not_track that allows one way",
		before: sshPolicy + plainEndpoint,
		after: sshPolicy + plainEndpoint + aPolicy("  do_not_track     = true\n  apply_on_forward = true\n  types            = [\"Ingress\"]\n"+
			"  ingress {\n    action   = \"Allow\"\n    protocol = \"TCP\"\n    destination {\n      ports = [22]\n    }\n  }"),
	},
	{
		name:   "do_not_track that denies replies",
		before: sshPolicy + plainEndpoint,
		after: sshPolicy + plainEndpoint + aPolicy("  do_not_track     = true\n  apply_on_forward = true\n  types            = [\"Egress\"]\n"+
			"  egress {\n    action   = \"Deny\"\n    protocol = \"TCP\"\n    source {\n      ports = [22]\n    }\n  }"),
	},
	{
		name:   "a label that leaves the watch",
		before: sshForRole + roleOf("db1-eth0", "db"),
		after:  sshForRole + roleOf("db1-eth0", "dbx"),
	},
	{
		name:   "a by-address endpoint that is deleted",
		before: sshForRole + roleOf("a", "db") + byName,
		after:  sshForRole + byName,
	},
	{
		name:   "a by-address endpoint that is renamed",
		before: sshForRole + roleOf("a", "db") + byName,
		after:  sshForRole + roleOf("z", "db") + byName,
		made:   1,
	},
	{
		name:   "failsafe ports that an annotation hides",
		felix:  `{"annotations": {"config.projectcalico.org/FailsafeInboundHostPorts": "tcp:2380", "config.projectcalico.org/FailsafeOutboundHostPorts": "tcp:2380"}}`,
		before: sshPolicy + plainEndpoint,
		after:  sshPolicy + plainEndpoint + denySSH,
		says:   []string{"config.projectcalico.org/FailsafeInboundHostPorts"},
	},
	{
		// The last, as it cannot be taken back: Felix removes what is the interface's.
		name:   "interface_prefix",
		before: sshPolicy + plainEndpoint,
		after:  sshPolicy + plainEndpoint + "\nresource \"calico_felix_configuration\" \"default\" {\n  name             = \"default\"\n  interface_prefix = \"cali,eth0\"\n}\n",
		says:   []string{"interfacePrefix"},
	},
}

// TestLockoutsAreRefused makes each change with the guard, which has to refuse it, and
// then without: SSH is cut then by the real Felix, so that the refusal was right.
func TestLockoutsAreRefused(t *testing.T) {
	b := newBench(t, false)
	b.felix.settle(t, 0)
	felix := ""
	for _, l := range lockouts {
		if l.felix == "" {
			l.felix = `{` + noFailsafes + `}`
		}
		ok := t.Run(l.name, func(t *testing.T) {
			if l.felix != felix {
				// The annotation says what the field said: that is no new start.
				b.storeAll(t, felix == "", objectsByName{"FelixConfiguration default": l.felix})
				felix, b.startsWith = l.felix, startsWith(b.objects(t))
			}
			b.guard(t, "off")
			b.apply(t, "main.tf", l.before)
			b.wantSSH(t, true, "before the change")

			b.guard(t, "error")
			if err := b.workspace.WriteFile("main.tf", l.after); err != nil {
				t.Fatal(err)
			}
			stored := b.etcd.Prefix(t, acctest.ResourcePrefix)
			output, err := b.workspace.Run(t, "apply", "-auto-approve", "-no-color")
			if err == nil {
				t.Fatalf("the guard lets it through:\n%s", output)
			}
			said := strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), "│", " ")), " ")
			for _, text := range append(l.says, "Change Would Cut Off Guarded Traffic", "ssh (TCP port 22 from 10.1.0.0/24)") {
				if !strings.Contains(said, text) {
					t.Errorf("the refusal does not say %q:\n%s", text, err)
				}
			}
			// A change may have steps that cut nothing, as to make the endpoint of the new
			// name is one.
			now := b.etcd.Prefix(t, acctest.ResourcePrefix)
			for _, object := range stored {
				if !slices.Contains(now, object) {
					t.Errorf("%s was changed or deleted", object.Key)
				}
			}
			if len(now) != len(stored)+l.made {
				t.Errorf("%d objects are stored, and %d were before", len(now), len(stored))
			}
			b.felix.settle(t, 0)
			b.wantSSH(t, true, "after the refused change")

			b.guard(t, "off")
			b.run(t, "apply", "-auto-approve")
			b.wantSSH(t, false, "after the change without a guard: it is no lockout")
			if l.name != lockouts[len(lockouts)-1].name {
				b.run(t, "destroy", "-auto-approve")
			}
		})
		if !ok {
			return // what is stored is not what the next begins with
		}
	}
}

// guard writes the provider's block, with the guard in a mode.
func (b *bench) guard(t *testing.T, mode string) {
	t.Helper()
	err := b.workspace.WriteFile("provider.tf", b.provider(fmt.Sprintf(`
  lockout_guard {
    mode = %q

    flow {
      name              = "ssh"
      port              = 22
      cidr              = "10.1.0.0/24"
      endpoint_selector = "!has(marker) && (!has(role) || role == 'db')"
    }
  }
`, mode)))
	if err != nil {
		t.Fatal(err)
	}
}

// wantSSH holds that a connection of the management network to the host's SSH comes
// to be, or does not.
func (b *bench) wantSSH(t *testing.T, want bool, when string) {
	t.Helper()
	f := flow{from: b.management, to: b.host, src: netip.MustParseAddr("10.1.0.10"), dst: netip.MustParseAddr("10.0.0.5"), protocol: tcp, port: 22, srcPort: highPorts}
	var passes bool
	for range tries {
		observed, err := tryAll(t.Context(), renewed([]flow{f}), patience)
		if err != nil {
			t.Fatal(err)
		}
		if passes = observed[0]; passes == want {
			return
		}
	}
	t.Fatalf("SSH works %t, %s", passes, when)
}
