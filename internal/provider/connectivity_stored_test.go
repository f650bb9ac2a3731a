package provider_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// What is stored counts where no changes are given; of Felix' configuration, what
// a resource manages is laid over the rest; and what Calico ignores is told.
func TestConnectivityOfWhatIsStored(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	etcd.Put(t, guardedFelixKey, guardedFelix)
	etcd.Put(t, guardedEndpointKey, guardedEndpoint)
	etcd.Put(t, endpointKeys+"z", strings.ReplaceAll(guardedEndpoint, "db1-eth0", "z"))
	provider := etcdBlock(at(etcd.Endpoints...))
	w := newWorkspace(t, provider, connectivity(""))
	got := plannedOutputs(t, w)
	want := []connectivityResult{
		{"db1-eth0", "ssh", "deny", "default: no policy and no profile allows it on ingress", texts("allow"), nil},
		{"z", "ssh", "undecided", `Calico ignores this host endpoint: "db1-eth0" is for the same interface of node "db1", and its name comes first`, texts("allow"), nil},
		{"z", "others", "undecided", `Calico ignores this host endpoint: "db1-eth0" is for the same interface of node "db1", and its name comes first`, texts("deny"), nil},
	}
	if diff := cmp.Diff(want, got.Unexpected.Value); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
	if !strings.Contains(got.Report.Value, "| as expected | others (TCP port 22 from 203.0.113.9) | db1-eth0 | deny |") || got.Summary.Value != "2 host endpoints, 4 flows: 3 unexpected, 2 undecided" {
		t.Errorf("the report is\n%s", got.Report.Value)
	}
	rewrite(t, w, provider, `
resource "calico_felix_configuration" "default" {
  name                        = "default"
  failsafe_inbound_host_ports = [{ protocol = "TCP", port = 22, net = "any" }]
}`, connectivity("calico_felix_configuration.default.object", `endpoint_selector = "!has(role)"`))
	got = plannedOutputs(t, w)
	if len(got.Results.Value) != 4 || got.Results.Value[0].Verdict != "allow" || got.Results.Value[0].DecidedBy != "failsafe port TCP 22" {
		t.Errorf("with a failsafe port: %+v", got.Results.Value)
	}
	// What is not set there is as it is stored: outbound ports are off.
	rewrite(t, w, provider, `
resource "calico_felix_configuration" "default" {
  name                = "default"
  log_severity_screen = "Info"
}`, strings.ReplaceAll(connectivity("calico_felix_configuration.default.object"), `"ssh"`, "\"ssh\"\n    direction = \"egress\""))
	if got = plannedOutputs(t, w); len(got.Results.Value) != 4 || got.Results.Value[0].Verdict != "deny" {
		t.Errorf("with another setting: %+v", got.Results.Value)
	}

	// A flow that nothing is asked for is told.
	rewrite(t, w, provider, connectivity("", `endpoint_selector = "role == 'none'"`))
	o := run(t, w, "plan")
	if warnings := o.Of("warning"); o.Failed || len(warnings) != 2 {
		t.Errorf("without endpoints: failed %t, with %v", o.Failed, o.Diagnostics)
	} else {
		warnings[0].Says(t, "No Host Endpoint to Ask For", "endpoint_selector", "changes")
	}
	// What Calico cannot read is told.
	etcd.Put(t, policyKeys+"default.broken", `{"kind":"GlobalNetworkPolicy","spec":{"order":"first"}}`)
	rewrite(t, w, provider, connectivity(""))
	o = run(t, w, "plan")
	if warnings := o.Of("warning"); o.Failed || len(warnings) != 1 {
		t.Errorf("with a broken policy: failed %t, with %v", o.Failed, o.Diagnostics)
	} else {
		warnings[0].Says(t, "Stored Value Left Out", policyKeys+"default.broken", "etcdctl get")
	}
	etcd.Delete(t, policyKeys+"default.broken")
	// One transaction for the release and one for the objects.
	rewrite(t, w, provider, connectivity(""))
	if calls := etcd.CallsDuring(t, func() { succeed(t, w, "plan") }); calls["Txn"] != 2 || len(calls) != 1 {
		t.Errorf("etcd was called %v", calls)
	}
}

// A policy that two releases have stored, each under its name, is enforced twice:
// what counts is the one that comes first by its order.
func TestConnectivityOfAPolicyStoredTwice(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.32.1"))
	etcd.Put(t, guardedFelixKey, guardedFelix)
	etcd.Put(t, guardedEndpointKey, guardedEndpoint)
	w := newWorkspace(t, etcdBlock(at(etcd.Endpoints...)), connectivity(""))
	for _, c := range []struct {
		old, plain int
		want       string
	}{{1, 2, "deny"}, {2, 1, "allow"}} {
		put := func(name, action string, order int) {
			etcd.Put(t, policyKeys+name, fmt.Sprintf(`{"kind":"GlobalNetworkPolicy","apiVersion":"projectcalico.org/v3","metadata":{"name":%q,"uid":"0d3a1d3e-7c1f-4a9e-9d6b-2f0f5a3c8e11","creationTimestamp":"2026-01-02T03:04:05Z"},"spec":{"tier":"default","order":%d,"selector":"all()","types":["Ingress"],"ingress":[{"action":%q}]}}`, name, order, action))
		}
		put("default.p", "Deny", c.old)
		put("p", "Allow", c.plain)
		if got := plannedOutputs(t, w); len(got.Results.Value) != 2 || got.Results.Value[0].Verdict != c.want {
			t.Errorf("of orders %d and %d: %+v", c.old, c.plain, got.Results.Value)
		}
	}
	o := run(t, w, "plan")
	if warnings := o.Of("warning"); o.Failed || len(warnings) != 1 {
		t.Errorf("failed %t, with %v", o.Failed, o.Diagnostics)
	} else {
		warnings[0].Says(t, "Policy Stored Twice", `GlobalNetworkPolicy "p"`, "etcdctl del '"+policyKeys+"default.p'", "etcdctl del '"+policyKeys+"p'`")
	}
}

func TestConnectivityRefuses(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	etcd.Put(t, acctest.ResourcePrefix+"tiers/kept", `{"kind":"Tier","apiVersion":"projectcalico.org/v3","metadata":{"name":"kept","uid":"0d3a1d3e-7c1f-4a9e-9d6b-2f0f5a3c8e11","creationTimestamp":"2026-01-02T03:04:05Z"},"spec":{"order":5}}`)
	w := newWorkspace(t)
	const object = `{"kind":"GlobalNetworkPolicy","apiVersion":"projectcalico.org/v3","metadata":{"name":"web"},"spec":{"selector":"all()"}}`
	const anyFlow = `flow { cidr = "10.0.0.0/24" }`
	for _, c := range []struct{ what, arguments, summary, detail, code string }{
		{"no flow", "", "", "must have a configuration value", "flow"},
		{"no network", `flow { cidr = "10.0.0/24" }`, "Not a Flow", "network or an address", "flow[0].cidr: "},
		{"a port of ICMP", nested("flow", `cidr = "10.0.0.0/24"`, `protocol = "ICMP"`, `port = 22`), "Not a Flow", "has no ports", "flow[0].port: "},
		{"a type of TCP", nested("flow", `cidr = "10.0.0.0/24"`, `icmp_type = 8`), "Not a Flow", "no ICMP types", "flow[0].icmp_type: "},
		{"a code alone", nested("flow", `cidr = "10.0.0.0/24"`, `protocol = "ICMP"`, `icmp_code = 8`), "Not a Flow", "icmp_type", "flow[0].icmp_code: "},
		{"a type too large", nested("flow", `cidr = "10.0.0.0/24"`, `protocol = "ICMP"`, `icmp_type = 256`), "Not a Flow", "0 to 255", "flow[0].icmp_type: "},
		{"a part of a port", nested("flow", `cidr = "10.0.0.0/24"`, `port = 22.5`), "Not a Flow", "a whole number from 1 to 65535", "flow[0].port: "},
		{"a port too large", nested("flow", `cidr = "10.0.0.0/24"`, `source_port = 65536`), "Not a Flow", "1 to 65535", "flow[0].source_port: "},
		{"another family", nested("flow", `cidr = "10.0.0.0/24"`, `local_address = "2001:db8::1"`), "Not a Flow", "same family", "flow[0].local_address: "},
		{"no address", nested("flow", `cidr = "10.0.0.0/24"`, `local_address = "db1"`), "Not a Flow", "near side is an address", "flow[0].local_address: "},
		{"no protocol", nested("flow", `cidr = "10.0.0.0/24"`, `protocol = "HTTP"`), "Not a Flow", "protocol is", "flow[0].protocol: "},
		{"a way sideways", nested("flow", `cidr = "10.0.0.0/24"`, `direction = "sideways"`), "", "ingress", "flow[0].direction"},
		{"no selector of a flow", nested("flow", `cidr = "10.0.0.0/24"`, `endpoint_selector = "role=db"`), "Not a Flow", "not a selector", "flow[0].endpoint_selector: "},
		{"no selector", anyFlow + "\n" + `endpoint_selector = "role=db"`, "Not a Selector", "not a selector", "endpoint_selector"},
		{"another wish", nested("flow", `cidr = "10.0.0.0/24"`, `expect = "partial"`), "", "allow", "flow[0].expect"},
		{"no kind that decides", anyFlow + "\n" + nested("removal", `kind = "IPPool"`, `name = "x"`), "", "GlobalNetworkPolicy", "removal[0].kind"},
		{"a complete kind that decides nothing", anyFlow + "\nchanges = []\ncomplete_kinds = [\"IPPool\"]", "", "GlobalNetworkPolicy", "complete_kinds[0]"},
		{"complete kinds of no changes", anyFlow + "\ncomplete_kinds = [\"Tier\"]", "", "changes", "complete_kinds"},
		{"a tier that will not be there", anyFlow + "\ncomplete_kinds = [\"Tier\"]\nchanges = [" + `replace(replace(local.object, "\"web\"", "\"kept.web\""), "\"spec\":{", "\"spec\":{\"tier\":\"kept\",")` + "]", "Tier Missing", `changes[0]: GlobalNetworkPolicy "kept.web" is in the tier "kept"`, "changes"},
		{"no object", anyFlow + "\nchanges = [\"web\"]", "Not an Object of Calico", "changes[0]: it is not JSON", "changes"},
		{"a field misspelled", anyFlow + "\nchanges = [" + `jsonencode(merge(jsondecode(local.object), { spec = { ingres = [] } }))` + "]", "Not an Object of Calico", "ingres", "changes"},
		{"what Calico would refuse", anyFlow + "\nchanges = [null, " + `replace(local.object, "all()", "all(")` + "]", "Not an Object of Calico", `changes[1]: spec.selector of GlobalNetworkPolicy "web" would be refused by Calico v3.31.0`, "changes"},
		{"a tier that is not there", anyFlow + "\nchanges = [" + `replace(replace(local.object, "\"web\"", "\"security.web\""), "\"spec\":{", "\"spec\":{\"tier\":\"security\",")` + "]", "Tier Missing", `changes[0]: GlobalNetworkPolicy "security.web" is in the tier "security"`, "changes"},
		{"a namespace of what has none", anyFlow + "\n" + nested("removal", `kind = "GlobalNetworkPolicy"`, `name = "web"`, `namespace = "x"`), "Kind Without Namespaces", "removal[0].namespace: a GlobalNetworkPolicy is of no namespace", "removal"},
		{"an object twice", anyFlow + "\nchanges = [local.object, " + `local.object` + "]", "Object Given Twice", `changes[0] and changes[1] are both GlobalNetworkPolicy "web"`, "changes"},
	} {
		rewrite(t, w, etcdBlock(at(etcd.Endpoints...)), "\nlocals {\n  object = <<-EOT\n"+object+"\nEOT\n}\n",
			"\ndata \"calico_connectivity\" \"this\" {\n"+c.arguments+"\n}\n")
		o := run(t, w, "plan")
		errs := o.Of("error")
		if !o.Failed || len(errs) != 1 {
			t.Errorf("%s: failed %t, with %v", c.what, o.Failed, o.Diagnostics)
			continue
		}
		d := errs[0]
		// The CLI shows the line of an attribute, but not of one in a list.
		if !strings.Contains(d.Summary, c.summary) || !strings.Contains(strings.ReplaceAll(d.Detail, "\n", " "), c.detail) || d.Snippet == nil || !strings.Contains(d.Snippet.Code+d.Detail, c.code) {
			t.Errorf("%s: %s", c.what, d)
		}
	}
	// A datastore that does not answer.
	rewrite(t, w, etcdBlock(at(closedEndpoint(t, "http")), `request_timeout = "1s"`), connectivity(""))
	fail(t, w, "plan").Says(t, "Unable to Read Policies and Host Endpoints", "There was no answer from etcd")
	// And one that nothing is known of.
	rewrite(t, w, block(`datastore_type = "none"`), connectivity("local.endpoint"), "\nlocals {\n  endpoint = <<-EOT\n"+guardedEndpoint+"\nEOT\n}\n")
	if got := plannedOutputs(t, w); len(got.Results.Value) != 2 || got.Results.Value[0].DecidedBy != "failsafe port TCP 22" {
		t.Errorf("without a datastore: %+v", got)
	}
	// Calico's own tiers are there all the same: what comes after them does.
	const late = `{"kind":"Tier","apiVersion":"projectcalico.org/v3","metadata":{"name":"late"},"spec":{"order":2000000}}`
	policy := func(name, tier, action string) string {
		return fmt.Sprintf(`{"kind":"GlobalNetworkPolicy","apiVersion":"projectcalico.org/v3","metadata":{"name":%q},"spec":{"tier":%q,"selector":"all()","ingress":[{"action":%q}]}}`, name, tier, action)
	}
	rewrite(t, w, block(`datastore_type = "none"`), connectivity(fmt.Sprintf("%q, %q, %q, %q, %q", policy("first", "default", "Allow"), policy("late.second", "late", "Deny"), late, guardedEndpoint, guardedFelix)))
	if got := plannedOutputs(t, w); len(got.Results.Value) != 2 || got.Results.Value[0].DecidedBy != `rule 1 of ingress of policy "first" in tier "default"` {
		t.Errorf("without a datastore, by tiers: %+v", got)
	}
	rewrite(t, w, block(`datastore_type = "none"`), failsafe)
	succeed(t, w, "plan")
	fail(t, w, "apply").Says(t, "Provider Without a Datastore", "block etcd or kubernetes")
	// What was applied by another provider block is not read, and it is told why.
	rewrite(t, w, etcdBlock(at(etcd.Endpoints...)), failsafe)
	succeed(t, w, "apply")
	rewrite(t, w, block(`datastore_type = "none"`), failsafe)
	if warnings := run(t, w, "plan").Of("warning"); len(warnings) != 1 {
		t.Errorf("a plan of what is stored elsewhere warns of %v", warnings)
	} else {
		warnings[0].Says(t, "Provider Without a Datastore", `datastore_type of the provider is "none"`, "was not read")
	}
}
