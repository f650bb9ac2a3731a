package provider_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// The case M16: a policy in a tier of the same configuration, without a reference.
func TestTierOfTheSameConfiguration(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico(acceptanceRelease))
	policy := `
resource "calico_network_policy" "app_frontend" {
  name      = "app.frontend"
  namespace = "shop"
  tier      = TIER
  order     = 1
  selector  = "app == 'frontend'"
  types     = ["Ingress"]
  ingress {
    action   = "Allow"
    protocol = "TCP"
    destination {
      ports = ["8080"]
    }
  }
}
`
	tier := `
resource "calico_tier" "app" {
  name  = "app"
  order = 400
}
`
	// Without the tier the outcome is what a lost race would make it.
	w := newWorkspace(t, etcdBlock(at(etcd.Endpoints...)), strings.ReplaceAll(policy, "TIER", `"app"`))
	fail(t, w, "apply").Says(t, "policy was not written", "tier = calico_tier.NAME.name", "depends_on = [calico_tier.NAME]")
	rewrite(t, w, etcdBlock(at(etcd.Endpoints...)), tier, strings.ReplaceAll(policy, "TIER", "calico_tier.app.name"))
	succeed(t, w, "apply")
	noChanges(t, w)
}

// The case R13: another block size takes another pool, and what was assigned from
// the old one stays behind.
func TestReplacedPoolIsWarnedOf(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico(acceptanceRelease))
	pool := func(size int, more string) []string {
		return []string{etcdBlock(at(etcd.Endpoints...)), fmt.Sprintf(`
resource "calico_ip_pool" "default" {
  name         = "default-ipv4-ippool"
  cidr         = "10.244.0.0/16"
  block_size   = %d
  nat_outgoing = true
  %s
}
`, size, more)}
	}
	w := newWorkspace(t, pool(26, "")...)
	succeed(t, w, "apply")
	rewrite(t, w, pool(25, "")...)
	warnings := run(t, w, "plan").Of("warning")
	if len(warnings) != 1 {
		t.Fatalf("there are %d warnings: %v", len(warnings), warnings)
	}
	warnings[0].Says(t, "Pool in Use Would Be Replaced", "disabled = true", "calicoctl ipam check")
	rewrite(t, w, pool(26, "disabled = true")...)
	succeed(t, w, "apply")
	rewrite(t, w, pool(25, "disabled = true")...)
	if warnings = run(t, w, "plan").Of("warning"); len(warnings) != 1 {
		t.Fatalf("there are %d warnings: %v", len(warnings), warnings)
	}
	warnings[0].Says(t, "The old pool is disabled, as it should be.")
	// What changes in place is not warned of.
	rewrite(t, w, pool(26, "disabled = false")...)
	succeed(t, w, "plan")
}

// The case R32: in etcd a rule that names a service matches nothing.
func TestServicesUnknownToFelixAreWarnedOf(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico(acceptanceRelease))
	policy := func(destination string) []string {
		return []string{etcdBlock(at(etcd.Endpoints...)), `
resource "calico_network_policy" "dns" {
  name      = "allow-dns"
  namespace = "apps"
  selector  = "all()"
  types     = ["Egress"]
  egress {
    action   = "Allow"
    protocol = "UDP"
    destination {
      ` + destination + `
    }
  }
}
`}
	}
	w := newWorkspace(t, policy(`services {
        name      = "kube-dns"
        namespace = "kube-system"
      }`)...)
	warnings := run(t, w, "plan").Of("warning")
	if len(warnings) != 1 {
		t.Fatalf("there are %d warnings: %v", len(warnings), warnings)
	}
	warnings[0].Says(t, "Service Matches Nothing", "egress[0].destination.services", "never matches")
	run(t, w, "apply")
	// It is told when the rule is written, not at each plan.
	succeed(t, w, "plan")
	rewrite(t, w, policy(`nets = ["10.96.0.10/32"]`)...)
	succeed(t, w, "apply")
}

// TestPlansAreShort counts the lines of real plans.
func TestPlansAreShort(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico(acceptanceRelease))
	config := func(management string) []string {
		return []string{etcdBlock(at(etcd.Endpoints...)), `
resource "calico_failsafe_policy" "this" {
  management_cidrs = ` + management + `
  etcd_server {
    address = "10.2.0.11"
  }
}

resource "calico_host_endpoint" "db1_eth0" {
  name           = "db1-eth0"
  node           = "db1"
  interface_name = "eth0"
  expected_ips   = ["10.0.0.5", "2001:db8::5"]
  labels = {
    environment = "production"
    role        = "db"
  }
  depends_on = [calico_failsafe_policy.this]
}
`}
	}
	w := newWorkspace(t, config(`["10.1.0.0/24", "2001:db8:1::/64"]`)...)
	lines := func(text, resource string) []string {
		t.Helper()
		all := strings.Split(text, "\n")
		first := slices.IndexFunc(all, func(line string) bool { return strings.HasPrefix(line, "  # "+resource+" ") })
		if first < 0 {
			t.Fatalf("there is nothing about %s in\n%s", resource, text)
		}
		last := slices.Index(all[first:], "    }")
		if last < 0 {
			t.Fatalf("%s has no end in\n%s", resource, text)
		}
		return all[first : first+last+1]
	}
	plan := w.MustRun(t, "plan")
	if got := lines(plan, "calico_host_endpoint.db1_eth0"); len(got) > 20 {
		t.Errorf("a host endpoint takes %d lines to create:\n%s", len(got), strings.Join(got, "\n"))
	}
	for _, resource := range []string{"calico_host_endpoint.db1_eth0", "calico_failsafe_policy.this"} {
		objects := 0
		for _, line := range lines(plan, resource) {
			if strings.Contains(line, "apiVersion") {
				objects++
			}
		}
		if objects != 1 {
			t.Errorf("object of %s takes %d lines:\n%s", resource, objects, plan)
		}
	}
	w.MustRun(t, "apply", "-auto-approve")

	rewrite(t, w, config(`["10.1.0.0/24", "10.9.0.0/24", "2001:db8:1::/64"]`)...)
	plan = w.MustRun(t, "plan")
	got := lines(plan, "calico_failsafe_policy.this")
	if len(got) > 13 { // with a network that stays on either side
		t.Errorf("one more management network takes %d lines:\n%s", len(got), strings.Join(got, "\n"))
	}
	if outside := strings.Count(strings.Join(slices.DeleteFunc(got, func(line string) bool { return strings.Contains(line, " object ") }), "\n"), "10.9.0.0/24"); outside != 1 {
		t.Errorf("the network is told %d times beside object:\n%s", outside, plan)
	}
}

// TestObjectThatExistsIsToldInThePlan, with how to import it.
func TestObjectThatExistsIsToldInThePlan(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico(acceptanceRelease))
	set := `
resource "calico_global_network_set" "a" {
  name = "a"
  nets = ["10.0.0.0/8"]
}
`
	w := newWorkspace(t, etcdBlock(at(etcd.Endpoints...)), set)
	succeed(t, w, "apply")
	// Nothing is told of what is in the state, nor where it is made anew.
	succeed(t, w, "plan")
	succeed(t, w, "plan", "-replace=calico_global_network_set.a")
	w.MustRun(t, "taint", "calico_global_network_set.a")
	succeed(t, w, "plan")
	w.MustRun(t, "untaint", "calico_global_network_set.a")

	w.MustRun(t, "state", "rm", "calico_global_network_set.a")
	warnings := run(t, w, "plan").Of("warning")
	if len(warnings) != 1 {
		t.Fatalf("there are %d warnings: %v", len(warnings), warnings)
	}
	warnings[0].Says(t, "Object Exists Already", acctest.ResourcePrefix+"globalnetworksets/a", "to = calico_global_network_set.NAME", `id = "a"`)
	rewrite(t, w, etcdBlock(at(etcd.Endpoints...)), set, "import {\n  to = calico_global_network_set.a\n  id = \"a\"\n}\n")
	succeed(t, w, "apply")
}

// TestTwoResourcesForOneObject are refused by the plan, be they new or not.
func TestTwoResourcesForOneObject(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico(acceptanceRelease))
	policy := func(resourceType, label, name string) string {
		more := ""
		if resourceType == "calico_failsafe_policy" {
			more = "\n  management_cidrs = [\"10.1.0.0/24\"]"
		}
		return fmt.Sprintf("\nresource %q %q {\n  name = %q%s\n}\n", resourceType, label, name, more)
	}
	start := etcdBlock(at(etcd.Endpoints...))
	w := newWorkspace(t, start, policy("calico_global_network_policy", "a", "one"), policy("calico_global_network_policy", "b", "one"))
	fail(t, w, "plan").Says(t, "Two Resources for One Object", `GlobalNetworkPolicy "one"`, "Remove one of the two")
	// A policy has two kinds of resources, and several spellings of its name.
	rewrite(t, w, start, policy("calico_global_network_policy", "a", "one"), policy("calico_failsafe_policy", "b", "default.one"))
	fail(t, w, "plan").Says(t, "Two Resources for One Object")
	rewrite(t, w, start, policy("calico_global_network_policy", "a", "one"))
	succeed(t, w, "apply")
	rewrite(t, w, start, policy("calico_global_network_policy", "a", "one"), policy("calico_global_network_policy", "b", "one"))
	if errs := run(t, w, "plan").Of("error"); len(errs) != 1 || errs[0].Summary != "Two Resources for One Object" {
		t.Errorf("got %v", errs)
	}
	// An object that moves from one resource to another has two for a moment.
	rewrite(t, w, start, policy("calico_global_network_policy", "a", "two"), policy("calico_global_network_policy", "b", "one"))
	if errs := run(t, w, "plan").Of("error"); len(errs) != 0 {
		t.Errorf("got %v", errs)
	}
}

// TestFailsafePolicyInATier stays before everything where tiers are used.
func TestFailsafePolicyInATier(t *testing.T) {
	t.Parallel()
	for release, name := range map[string]string{"v3.31.0": "security.failsafe", "v3.32.1": "failsafe"} {
		etcd := acctest.NewEtcd(t, acctest.WithCalico(release))
		w := newWorkspace(t, etcdBlock(at(etcd.Endpoints...)), `
resource "calico_tier" "security" {
  name  = "security"
  order = 1
}

resource "calico_failsafe_policy" "this" {
  name             = "`+name+`"
  tier             = calico_tier.security.name
  management_cidrs = ["10.1.0.0/24"]
}
`)
		succeed(t, w, "apply")
		noChanges(t, w)
		if value := etcd.MustGet(t, acctest.ResourcePrefix+"globalnetworkpolicies/"+name).Value; !strings.Contains(value, `"tier":"security"`) {
			t.Errorf("%s: %s is stored", release, value)
		}
		w.MustRun(t, "state", "rm", "calico_failsafe_policy.this")
		w.MustRun(t, "import", "calico_failsafe_policy.this", name)
		noChanges(t, w)
	}
}
