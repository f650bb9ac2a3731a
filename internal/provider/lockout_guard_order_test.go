package provider_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// The last policy that lets a flow through stays for as long as the endpoint does,
// in whichever order Terraform deletes; with the endpoint gone before, all goes.
func TestGuardKeepsTheLastPolicy(t *testing.T) {
	t.Parallel()
	allow := func(name, order, after string) string {
		return fmt.Sprintf(`
resource "calico_global_network_policy" %[1]q {
  name  = %[1]q
  order = %[2]s
  ingress {
    action   = "Allow"
    protocol = "TCP"
    source {
      nets = ["10.1.0.0/16"]
    }
    destination {
      ports = [22]
    }
  }
  depends_on = [%[3]s]
}
`, name, order, after)
	}
	const a, b = "calico_global_network_policy.a", "calico_global_network_policy.b"
	for name, test := range map[string]struct {
		aAfter, bAfter string
		// left is the policy that is left; "" is either.
		left string
	}{
		"the one that decides first goes first": {bAfter: "", aAfter: b, left: "b"},
		"the one that decides first goes last":  {bAfter: a, aAfter: "", left: "a"},
		"both at once":                          {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
			etcd.Put(t, guardedFelixKey, guardedFelix)
			empty := etcd.Prefix(t, "")
			provider := guarding(etcd.Endpoints[0], guardedSSH)
			all := allow("a", "1", test.aAfter) + allow("b", "2", test.bAfter) +
				strings.Replace(hostEndpoint("db1"), "\n}", "\n  depends_on = ["+a+", "+b+"]\n}", 1)
			w := newWorkspace(t, all, provider)
			succeed(t, w, "apply")

			rewrite(t, w, hostEndpoint("db1"), provider)
			if warnings := run(t, w, "plan").Of("warning"); len(warnings) != 1 || !strings.Contains(warnings[0].Detail, "the apply will refuse it") {
				t.Errorf("plan: %v", warnings)
			}
			fail(t, w, "apply").Says(t, "Unable to Delete GlobalNetworkPolicy", "lockout_guard refused this change", "db1: ssh (TCP port 22 from 10.1.0.0/24): denied", "Nothing was written")
			switch left := etcd.Keys(t, policyKeys); {
			case len(left) != 1:
				t.Fatalf("there are the policies %q, want one of the two", left)
			case !strings.HasSuffix(left[0], "default."+test.left) && test.left != "":
				t.Errorf("the policy %s is left, want %s", left[0], test.left)
			}
			etcd.WantKeys(t, endpointKeys, "db1")

			rewrite(t, w, all, provider)
			succeed(t, w, "apply")
			if o := run(t, w, "destroy"); o.Failed {
				t.Fatalf("destroy: %v", o.Diagnostics)
			}
			if now := etcd.Prefix(t, ""); !slices.Equal(empty, now) {
				t.Errorf("something is left behind: %v", now)
			}
		})
	}
}

// What is replaced is gone for a moment, which is a lockout too; made before the
// old one goes, it is none.
func TestGuardOfAReplacement(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	etcd.Put(t, guardedFelixKey, guardedFelix)
	etcd.Put(t, guardedEndpointKey, guardedEndpoint)
	w := newWorkspace(t, failsafe, guardedBy("error", etcd))
	succeed(t, w, "apply")
	before := etcd.Prefix(t, "")
	const gap = "Replacement Leaves a Gap"
	apply := func(more string) outcome {
		rewrite(t, w, strings.Replace(failsafe, "]\n}", "]\n  name = \"other\"\n"+more+"}", 1), guardedBy("error", etcd))
		o := run(t, w, "apply")
		if warnings := o.Of("warning"); len(warnings) != 1 || warnings[0].Summary != gap {
			t.Errorf("warnings: %v", warnings)
		}
		return o
	}
	o := apply("")
	if errs := o.Of("error"); len(errs) != 1 {
		t.Errorf("failed %t, with %v", o.Failed, o.Diagnostics)
	} else {
		errs[0].Says(t, `Unable to Delete GlobalNetworkPolicy "failsafe"`, "lockout_guard refused this change")
	}
	if now := etcd.Prefix(t, ""); !slices.Equal(before, now) {
		t.Errorf("the datastore is not as it was: %v", now)
	}
	if o := apply("  lifecycle {\n    create_before_destroy = true\n  }\n"); o.Failed {
		t.Errorf("made before: %v", o.Diagnostics)
	}
	etcd.WantKeys(t, policyKeys, "default.other")
}

// Failsafe ports that Terraform no longer manages become what they were, which may
// be none.
func TestGuardOfFailsafePortsGivenBack(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	etcd.Put(t, guardedFelixKey, guardedFelix)
	provider := guarding(etcd.Endpoints[0], guardedSSH)
	w := newWorkspace(t, `
resource "calico_felix_configuration" "default" {
  name                        = "default"
  failsafe_inbound_host_ports = [{ protocol = "TCP", port = 22, net = "any" }]
}
`, provider)
	if o := run(t, w, "apply"); o.Failed { // it warns that it adopts
		t.Fatal(o.Diagnostics)
	}
	etcd.Put(t, guardedEndpointKey, guardedEndpoint)
	before := etcd.Prefix(t, "")
	fail(t, w, "destroy").Says(t, `Unable to Delete FelixConfiguration "default"`, "lockout_guard refused this change", "db1-eth0: ssh (TCP port 22 from 10.1.0.0/24): denied")
	if now := etcd.Prefix(t, ""); !slices.Equal(before, now) {
		t.Errorf("the datastore is not as it was: %v", now)
	}
	etcd.Delete(t, guardedEndpointKey)
	succeed(t, w, "destroy")
}

// What the plan could not see, the apply refuses: a value that is known only then,
// and what somebody else has done since.
func TestGuardDecidesInTheApply(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		is string
		// other tells that another policy lets SSH through, as long as it is planned.
		other bool
	}{
		"a value known only then": {
			is: "\nresource \"terraform_data\" \"net\" {\n  input = \"10.9.0.0/24\"\n}\n" + strings.Replace(failsafe, `"10.1.0.0/24"`, "terraform_data.net.output", 1),
		},
		"another policy gone since": {
			is:    narrowed,
			other: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
			etcd.Put(t, guardedFelixKey, guardedFelix)
			etcd.Put(t, guardedEndpointKey, guardedEndpoint)
			if test.other {
				etcd.Put(t, racedKey, racedPolicy(-5, allowSSH, "all()"))
			}
			provider := guarding(etcd.Endpoints[0], guardedSSH)
			w := newWorkspace(t, failsafe, provider)
			succeed(t, w, "apply")
			rewrite(t, w, test.is, provider)
			succeed(t, w, "plan", "-out=saved")
			etcd.Delete(t, racedKey)
			before := etcd.Prefix(t, "")
			fail(t, w, "apply", "saved").Says(t, "db1-eth0: ssh (TCP port 22 from 10.1.0.0/24): denied")
			if now := etcd.Prefix(t, ""); !slices.Equal(before, now) {
				t.Errorf("the datastore is not as it was: %v", now)
			}
		})
	}
}

// An endpoint that goes leaves its interface to the one for all interfaces: what
// that one drops is cut off, and an endpoint in its place that drops the same is not.
func TestGuardKnowsWhoTakesOver(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	etcd.Put(t, guardedFelixKey, guardedFelix)
	etcd.Put(t, endpointKeys+"db1-others", strings.NewReplacer("db1-eth0", "db1-others", "eth0", "*").Replace(guardedEndpoint))
	managed := strings.Replace(failsafe, "management", "selector = \"has(role)\"\n  management", 1)
	endpoint := strings.Replace(hostEndpoint("db1"), "\n}", "\n  labels = { role = \"db\" }\n  depends_on = [calico_failsafe_policy.this]\n}", 1)
	w := newWorkspace(t, managed, endpoint, guardedBy("error", etcd))
	if o := run(t, w, "apply"); o.Failed {
		t.Fatal(o.Diagnostics)
	}

	rewrite(t, w, managed, strings.Replace(endpoint, `"eth0"`, `"eth1"`, 1), guardedBy("error", etcd))
	fail(t, w, "plan").Says(t, "db1-others (which takes the place of db1): management access (TCP port 22 from 10.1.0.0/24): denied", "now: allowed by rule 1 of ingress of policy \"failsafe\"")
	rewrite(t, w, managed, guardedBy("error", etcd))
	before := etcd.Prefix(t, "")
	if o := run(t, w, "plan"); o.Failed || len(o.Of("warning")) != 1 {
		t.Errorf("plan of a deletion: failed %t, with %v", o.Failed, o.Diagnostics)
	}
	fail(t, w, "apply").Says(t, "lockout_guard refused this change", "db1-others (which takes the place of db1)")
	if after := etcd.Prefix(t, ""); !slices.Equal(before, after) {
		t.Error("the datastore is not as it was")
	}

	other := strings.NewReplacer(`node           = "db1"`, `node           = "db1"`, `"db1"`, `"db1-mgmt"`, "eth0", "eth1").Replace(hostEndpoint("db1"))
	rewrite(t, w, managed, endpoint, other, guardedBy("error", etcd))
	if o := run(t, w, "apply"); o.Failed {
		t.Errorf("an endpoint where all was closed: %v", o.Diagnostics)
	}
}
