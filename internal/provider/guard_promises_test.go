package provider_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// What the guards promise, each case with the change that they let pass beside it.

// strictly is a provider block with both guards in mode "error".
func strictly(etcd *acctest.Etcd, lockout, exposure string) string {
	return block(nested("lockout_guard", `mode = "error"`, lockout) + "\n" + nested("exposure_guard", `mode = "error"`, exposure) + "\n" + inEtcd(at(etcd.Endpoints...)))
}

// promised is a failsafe policy that declares more than the default.
const promised = `
resource "calico_failsafe_policy" "this" {
  management_cidrs = ["10.1.0.0/24"]
  management_ports = [22, 2222]
  etcd_server {
    address = "10.2.0.11"
    ports   = [4001]
  }
  api_server {
    address = "10.2.0.21"
  }
}
`

// policyOf is a policy with rules.
func policyOf(name, arguments, rules string) string {
	return fmt.Sprintf("\nresource \"calico_global_network_policy\" %q {\n  name = %q\n%s\n%s\n}\n", name, name, arguments, rules)
}

func denying(direction string, port int) string {
	return fmt.Sprintf("%s {\n  action = \"Deny\"\n  protocol = \"TCP\"\n  destination {\n    ports = [%d]\n  }\n}", direction, port)
}

const (
	cutOffSummary  = "Change Would Cut Off Guarded Traffic"
	exposedSummary = "Change Would Let Guarded Traffic In"
)

// TestGuardPromises plans changes of one host, with Calico's own failsafe ports off.
func TestGuardPromises(t *testing.T) {
	t.Parallel()
	endpoint := func(labels, spec string) string {
		return `{"kind":"HostEndpoint","apiVersion":"projectcalico.org/v3","metadata":{"name":"db1-eth0",` + labels + `"uid":"0d3a1d3e-7c1f-4a9e-9d6b-2f0f5a3c8e11","creationTimestamp":"2026-01-02T03:04:05Z"},"spec":{"node":"db1",` + spec + `}}`
	}
	plain := endpoint("", `"interfaceName":"eth0","expectedIPs":["10.0.0.5"]`)
	open := policyOf("ssh", "order = 5", "ingress {\n  action = \"Allow\"\n  protocol = \"TCP\"\n  source {\n    nets = [\"10.7.0.0/24\"]\n  }\n  destination {\n    ports = [22]\n  }\n}\ningress {\n  action = \"Log\"\n}")
	for name, c := range map[string]struct {
		// stored is the endpoint; "" for plain.
		stored string
		// first is applied without the guards, then second is planned with them.
		first, second     string
		lockout, exposure string
		// refused is the summary of the error; "" if the plan passes.
		refused string
		says    []string
	}{
		"another management port":     {first: promised, second: promised + policyOf("p", "order = -1", denying("ingress", 2222)), refused: cutOffSummary, says: []string{"TCP port 2222 from 10.1.0.0/24"}},
		"a port that nobody declares": {first: promised, second: promised + policyOf("p", "order = -1", denying("ingress", 2223))},
		"a declared etcd server":      {first: promised, second: promised + policyOf("p", "order = -1", denying("egress", 4001)), refused: cutOffSummary, says: []string{"the datastore (TCP port 4001 to 10.2.0.11)"}},
		"a declared API server":       {first: promised, second: promised + policyOf("p", "order = -1", denying("egress", 6443)), refused: cutOffSummary, says: []string{"the datastore (TCP port 6443 to 10.2.0.21)"}},
		"the port of the API server opened to everybody": {
			first: promised, second: promised + policyOf("p", "order = 1", "ingress {\n  action = \"Allow\"\n  protocol = \"TCP\"\n  destination {\n    ports = [6443]\n  }\n}")},
		"the port of etcd opened to everybody": {
			first: promised, second: promised + policyOf("p", "order = 1", "ingress {\n  action = \"Allow\"\n  protocol = \"TCP\"\n  destination {\n    ports = [4001]\n  }\n}"),
			refused: exposedSummary, says: []string{"TCP port 4001 from 0.0.0.0/0, other than declared"}},
		"from etcd to API servers on purpose": {first: promised, second: strings.Replace(promised, "etcd_server", "api_server", 1)},
		"another port of the server":          {first: promised, second: promised + policyOf("p", "order = -1", denying("egress", 4002))},
		"a network taken out on purpose":      {first: strings.Replace(promised, `"10.1.0.0/24"`, `"10.1.0.0/24", "10.9.0.0/24"`, 1), second: promised},
		"a server taken out on purpose":       {first: promised, second: strings.Replace(promised, "10.2.0.11", "10.2.0.12", 1)},
		"repairing what somebody widened": {
			first: strings.Replace(promised, "10.1.0.0/24", "0.0.0.0/0", 1), second: promised},
		"the policy goes away": {first: promised, second: strings.Replace(promised, `"this"`, `"that"`, 1) + "", refused: ""},
		"a part of the management network": {first: promised, second: promised + policyOf("p", "order = -1", "ingress {\n  action = \"Deny\"\n  source {\n    nets = [\"10.1.0.128/25\"]\n  }\n}"),
			refused: cutOffSummary, says: []string{"10.1.0.128/25"}},
		"a policy that only lets SSH in": {first: open, second: strings.Replace(open, "\"10.7.0.0/24\"", "\"10.7.0.0/25\"", 1)},
		"and is overruled":               {first: open, second: open + policyOf("p", "order = -1", denying("ingress", 22)), refused: cutOffSummary, says: []string{"TCP port 22 from 10.7.0.0/24"}},
		"and denies":                     {first: open, second: strings.Replace(open, `"Allow"`, `"Deny"`, 1), refused: cutOffSummary},
		"it can no longer be told": {
			stored: endpoint("", `"interfaceName":"eth0"`), first: promised,
			second:  promised + policyOf("p", "order = -1", "ingress {\n  action = \"Deny\"\n  destination {\n    nets = [\"10.0.0.0/24\"]\n  }\n}"),
			refused: cutOffSummary, says: []string{"expectedIPs", "give expected_ips"}},
		"it is accepted": {
			first: promised, second: promised + policyOf("p", "order = -1", denying("ingress", 2222)),
			lockout: "accept {\n  flow = \"management access\"\n  cidr = \"10.1.0.0/16\"\n}"},
		"something else is accepted": {
			first: promised, second: promised + policyOf("p", "order = -1", denying("ingress", 2222)),
			lockout: "accept {\n  cidr = \"10.2.0.0/16\"\n}", refused: cutOffSummary},
		"a label out of the watch": {
			stored:  endpoint(`"labels":{"role":"db"},`, `"interfaceName":"eth0"`),
			first:   policyOf("ssh", "selector = \"role == 'db'\"", "ingress {\n  action = \"Allow\"\n}"),
			second:  policyOf("ssh", "selector = \"role == 'dbx'\"", "ingress {\n  action = \"Allow\"\n}"),
			lockout: "flow {\n  cidr = \"10.1.0.0/24\"\n  port = 22\n  endpoint_selector = \"role == 'db'\"\n}", refused: cutOffSummary},
		"a port opened to everybody": {
			first: promised, second: promised + policyOf("p", "order = 1", "ingress {\n  action = \"Allow\"\n  protocol = \"TCP\"\n  destination {\n    ports = [22]\n  }\n}"),
			refused: exposedSummary, says: []string{"TCP port 22 from 0.0.0.0/0, other than declared", "rule 1 of ingress of policy \"p\""}},
		"another port opened to everybody": {
			first: promised, second: promised + policyOf("p", "order = 1", "ingress {\n  action = \"Allow\"\n  protocol = \"TCP\"\n  destination {\n    ports = [443]\n  }\n}")},
		"a port opened to one more network": {
			first: promised, second: strings.Replace(promised, `"10.1.0.0/24"`, `"10.1.0.0/24", "10.9.0.0/24"`, 1)},
		"an accepted exposure": {
			first: promised, second: promised + policyOf("p", "order = 1", "ingress {\n  action = \"Allow\"\n  protocol = \"TCP\"\n  destination {\n    ports = [22]\n  }\n}"),
			exposure: "accept {\n  flow = \"everybody else\"\n}"},
		"a configured exposure": {
			first: promised, second: promised + policyOf("p", "order = 1", "ingress {\n  action = \"Allow\"\n  protocol = \"TCP\"\n  source {\n    nets = [\"192.0.2.0/24\"]\n  }\n  destination {\n    ports = [5432]\n  }\n}"),
			exposure: "flow {\n  name = \"database\"\n  cidr = \"0.0.0.0/0\"\n  port = 5432\n}", refused: exposedSummary, says: []string{"database (TCP port 5432 from 0.0.0.0/0)", "192.0.2.0/24"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
			etcd.Put(t, guardedFelixKey, guardedFelix)
			if c.stored == "" {
				c.stored = plain
			}
			etcd.Put(t, guardedEndpointKey, c.stored)
			w := newWorkspace(t, c.first, guardedBy("off", etcd))
			run(t, w, "apply")
			before := etcd.Prefix(t, "")
			rewrite(t, w, c.second, strictly(etcd, c.lockout, c.exposure))
			o := run(t, w, "plan")
			errs := o.Of("error")
			if c.refused == "" {
				if o.Failed {
					t.Errorf("the plan is refused: %v", errs)
				}
				accepted := func(d diagnostic) bool {
					return d.Summary == "Accepted Loss of Guarded Traffic" || d.Summary == "Accepted Exposure"
				}
				if told := slices.ContainsFunc(o.Diagnostics, accepted); told != (strings.Contains(c.lockout+c.exposure, "accept")) {
					t.Errorf("is it told what is accepted? %t: %v", told, o.Diagnostics)
				}
				return
			}
			if len(errs) != 1 || errs[0].Summary != c.refused {
				t.Fatalf("want one error %q, got %v", c.refused, o.Diagnostics)
			}
			errs[0].Says(t, c.says...)
			if !slices.Equal(before, etcd.Prefix(t, "")) {
				t.Error("a plan has written")
			}
		})
	}
}

// TestGuardRefusesAContradiction: a guard that looks at the datastore as another
// release does must not be relied on.
func TestGuardRefusesAContradiction(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	for mode, refused := range map[string]bool{"error": true, "warn": false} {
		w := newWorkspace(t, promised, hostEndpoint("db1"), block("calico_version = \"3.28\"\n"+nested("lockout_guard", text("mode", mode))+"\n"+inEtcd(at(etcd.Endpoints...))))
		o := run(t, w, "plan")
		errs := o.Of("error")
		if refused != (len(errs) == 1) || o.Failed != refused {
			t.Errorf("%s: %v", mode, o.Diagnostics)
		}
		if refused {
			errs[0].Says(t, "Calico Version and Datastore Disagree", "could miss what decides", "Correct calico_version")
		}
	}
}

// The case R49: the first policy that selects a host endpoint closes it.
func TestFirstPolicyClosesOpenEndpoints(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	for i := range 7 {
		etcd.Put(t, fmt.Sprintf("%sn%d-auto-hep", endpointKeys, i), fmt.Sprintf(`{"kind":"HostEndpoint","apiVersion":"projectcalico.org/v3","metadata":{"name":"n%d-auto-hep","uid":"0d3a1d3e-7c1f-4a9e-9d6b-2f0f5a3c8e1%[1]d","creationTimestamp":"2026-01-02T03:04:05Z"},"spec":{"node":"n%[1]d","interfaceName":"*","expectedIPs":["10.0.0.%[1]d"],"profiles":["projectcalico-default-allow"]}}`, i))
	}
	logging := func(arguments string) string {
		return policyOf("log-some", arguments, "types = [\"Ingress\"]\ningress {\n  action = \"Log\"\n  destination {\n    nets = [\"203.0.113.8/32\"]\n  }\n}")
	}
	w := newWorkspace(t, logging(""), etcdBlock(at(etcd.Endpoints...)))
	warnings := run(t, w, "plan").Of("warning")
	if len(warnings) != 1 {
		t.Fatalf("there are %d warnings: %v", len(warnings), warnings)
	}
	warnings[0].Says(t, "Policy Closes Open Host Endpoints: log-some", "first policy for ingress at 7 host endpoints", `"n0-auto-hep"`, "and 2 more", "profiles no longer count")
	// A second policy closes nothing more, and one for others nothing at all.
	rewrite(t, w, logging("selector = \"role == 'none'\""), etcdBlock(at(etcd.Endpoints...)))
	succeed(t, w, "plan")
	rewrite(t, w, logging(""), etcdBlock(at(etcd.Endpoints...)))
	run(t, w, "apply")
	rewrite(t, w, logging(""), strings.ReplaceAll(logging(""), "log-some", "log-more"), etcdBlock(at(etcd.Endpoints...)))
	succeed(t, w, "plan")
}

// The case R07: the milder warning must not hide the worse one, and a profile that
// does not exist is named.
func TestMissingProfileIsNamed(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	w := newWorkspace(t, `
resource "calico_host_endpoint" "n1" {
  name           = "n1-all"
  node           = "n1"
  interface_name = "*"
  expected_ips   = ["10.0.0.5"]
  profiles       = ["projectcalico-default-alow"]
}
`, etcdBlock(at(etcd.Endpoints...)))
	var summaries []string
	for _, d := range runAndTell(t, w, "plan").Of("warning") {
		if d.Summary != "No Management Access Is Guarded" {
			summaries = append(summaries, d.Summary)
		}
		if strings.HasPrefix(d.Summary, "Host Endpoint Without a Policy") {
			d.Says(t, `"projectcalico-default-alow" does not exist`)
		}
	}
	if !slices.Equal(summaries, []string{"Host Endpoint Without a Policy: n1-all", "Host Not Known to Calico: n1"}) {
		t.Errorf("the warnings are %q", summaries)
	}
}

// TestRulesThatFelixCannotProgram are warned of in every mode: calicoctl stores them all
// the same.
func TestRulesThatFelixCannotProgram(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	etcd.Put(t, guardedEndpointKey, guardedEndpoint)
	rule := func(more string) string {
		return policyOf("stuck", "", "ingress {\n  action = \"Allow\"\n  protocol = \"TCP\"\n"+more+"}")
	}
	w := newWorkspace(t, rule("  not_protocol = \"UDP\"\n"), etcdBlock(at(etcd.Endpoints...)))
	warnings := run(t, w, "plan").Of("warning")
	i := slices.IndexFunc(warnings, func(d diagnostic) bool { return d.Summary == "Felix Cannot Program This Policy: stuck" })
	if i < 0 {
		t.Fatalf("the warnings are %v", warnings)
	}
	warnings[i].Says(t, "has both protocol and notProtocol", `"db1-eth0"`, "Write the rule in another way")
	rewrite(t, w, rule(""), etcdBlock(at(etcd.Endpoints...)))
	for _, d := range run(t, w, "plan").Of("warning") {
		if strings.HasPrefix(d.Summary, "Felix Cannot") {
			t.Errorf("a rule that is fine is warned of: %s", d)
		}
	}
}

// TestGuardOfNothingSaysSo where there are host endpoints, and nobody who manages them.
func TestGuardOfNothingSaysSo(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"warn", "error"} {
		etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
		nothing := func(configuration ...string) (n int) {
			w := newWorkspace(t, append(configuration, guardedBy(mode, etcd))...)
			for _, d := range runAndTell(t, w, "plan").Of("warning") {
				if d.Summary == "No Management Access Is Guarded" {
					n++
				}
			}
			return n
		}
		if n := nothing(hostEndpoint("db1"), onNode(hostEndpoint("db2"), "db2")); n != 1 {
			t.Errorf("%s: it is told %d times", mode, n)
		}
		if n := nothing(failsafe, strings.Replace(hostEndpoint("db1"), "\n}", "\n  depends_on = [calico_failsafe_policy.this]\n}", 1)); n != 0 {
			t.Errorf("%s: it is told %d times though there is a failsafe policy", mode, n)
		}
	}
}
