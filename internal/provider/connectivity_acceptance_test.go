package provider_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// connectivity is a data source about SSH, with changes and further arguments.
func connectivity(changes string, arguments ...string) string {
	return `
locals {
  # Named here, they do not put off the reading until the apply.
  changes = [` + changes + `]
}
data "calico_connectivity" "this" {
  flow {
    name   = "ssh"
    port   = 22
    cidr   = "10.1.0.0/24"
    expect = "allow"
  }
  flow {
    name   = "others"
    port   = 22
    cidr   = "203.0.113.9"
    expect = "deny"
  }
  changes = local.changes
` + strings.Join(arguments, "\n") + `
}
output "results" { value = data.calico_connectivity.this.results }
output "unexpected" { value = data.calico_connectivity.this.unexpected }
output "report" { value = data.calico_connectivity.this.report }
output "summary" { value = data.calico_connectivity.this.summary }
`
}

// outputsOfChanges are further outputs, which change once more after the apply.
const outputsOfChanges = `
output "changed" { value = data.calico_connectivity.this.changed }
output "changes_report" { value = data.calico_connectivity.this.changes_report }
`

type connectivityResult struct {
	Endpoint  string  `json:"endpoint"`
	Flow      string  `json:"flow"`
	Verdict   string  `json:"verdict"`
	DecidedBy string  `json:"decided_by"`
	Expect    *string `json:"expect"`
	// Before is of those alone that changed.
	Before *string `json:"before"`
}

// connectivityOutputs are the outputs of a plan or a state that are known.
type connectivityOutputs struct {
	Results, Unexpected, Changed struct {
		Value []connectivityResult `json:"value"`
	}
	Report, Summary struct {
		Value string `json:"value"`
	}
	ChangesReport struct {
		Value string `json:"value"`
	} `json:"changes_report"`
}

// plannedOutputs makes a plan and reads its outputs, and the plan's file.
func plannedOutputs(t *testing.T, w *acctest.Workspace) (out connectivityOutputs) {
	t.Helper()
	w.MustRun(t, "plan", "-out=plan.tfplan")
	var plan struct {
		PlannedValues struct {
			Outputs connectivityOutputs `json:"outputs"`
		} `json:"planned_values"`
	}
	if err := json.Unmarshal([]byte(w.MustRun(t, "show", "-json", "plan.tfplan")), &plan); err != nil {
		t.Fatal(err)
	}
	return plan.PlannedValues.Outputs
}

func outputs(t *testing.T, w *acctest.Workspace) (out connectivityOutputs) {
	t.Helper()
	if err := json.Unmarshal([]byte(w.MustRun(t, "output", "-json")), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func texts(s string) *string { return &s }

const (
	failsafePorts = `
resource "calico_felix_configuration" "default" {
  name                         = "default"
  failsafe_inbound_host_ports  = []
  failsafe_outbound_host_ports = []
  depends_on                   = [calico_host_endpoint.db1]
}
`
	byFailsafe = `rule 1 of ingress of policy "failsafe" in tier "default"`
	// deletionsUnknown ends a report of changes alone.
	deletionsUnknown = "What the plan deletes is not known here, and counts as if it stayed: neither `removal` nor `complete_kinds` says anything about it.\n"
	byTierEnd        = `the end of tier "default" (no rule of ingress of "failsafe" decides)`
)

// What the plan will do is known in the plan, before anything is stored, and
// goes on being so when it is stored.
func TestConnectivityOfAPlan(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	provider := etcdBlock(at(etcd.Endpoints...))
	resources := failsafe + strings.Replace(hostEndpoint("db1"), "\n}", "\n  depends_on = [calico_failsafe_policy.this]\n}", 1) + failsafePorts
	ask := connectivity("calico_failsafe_policy.this.object, calico_host_endpoint.db1.object, calico_felix_configuration.default.object, null") + outputsOfChanges
	w := newWorkspace(t, provider, resources, ask)

	want := connectivityOutputs{}
	want.Results.Value = []connectivityResult{
		{"db1", "ssh", "allow", byFailsafe, texts("allow"), nil},
		{"db1", "others", "deny", byTierEnd, texts("deny"), nil},
	}
	want.Unexpected.Value = []connectivityResult{}
	want.Changed = want.Results
	want.Summary.Value = "1 host endpoint, 2 flows: 0 unexpected"
	want.Report.Value = `**1 host endpoint, 2 flows: 0 unexpected.**

| | Traffic | Host endpoints | Verdict | Decided by | Expected |
|---|---|---|---|---|---|
| as expected | ssh (TCP port 22 from 10.1.0.0/24) | db1 | allow | rule 1 of ingress of policy "failsafe" in tier "default" | allow |
| as expected | others (TCP port 22 from 203.0.113.9) | db1 | deny | the end of tier "default" (no rule of ingress of "failsafe" decides) | deny |

` + deletionsUnknown
	want.ChangesReport.Value = `**2 of 2 flows changed.**

| Traffic | Host endpoints | Now | Then | Decided by |
|---|---|---|---|---|
| ssh (TCP port 22 from 10.1.0.0/24) | db1 | no endpoint | **allow** | rule 1 of ingress of policy "failsafe" in tier "default" |
| others (TCP port 22 from 203.0.113.9) | db1 | no endpoint | **deny** | the end of tier "default" (no rule of ingress of "failsafe" decides) |

` + deletionsUnknown
	if diff := cmp.Diff(want, plannedOutputs(t, w)); diff != "" {
		t.Errorf("planned (-want +got):\n%s", diff)
	}
	w.MustRun(t, "apply", "plan.tfplan")
	if diff := cmp.Diff(want, outputs(t, w)); diff != "" {
		t.Errorf("applied (-want +got):\n%s", diff)
	}
	// What is about the changes is another now, and nothing else.
	want.Changed.Value, want.ChangesReport.Value = []connectivityResult{}, "**0 of 2 flows changed.**\n\n"+deletionsUnknown
	if diff := cmp.Diff(want, plannedOutputs(t, w)); diff != "" {
		t.Errorf("planned again (-want +got):\n%s", diff)
	}

	// A change that breaks it: what is planned counts, not what is stored. One round
	// trip reads all that is stored (beside the plan's own).
	rewrite(t, w, provider, strings.Replace(resources, "10.1.0.0/24", "10.9.0.0/24", 1), ask)
	got := plannedOutputs(t, w)
	wantBroken := []connectivityResult{{"db1", "ssh", "deny", byTierEnd, texts("allow"), nil}}
	if diff := cmp.Diff(wantBroken, got.Unexpected.Value); diff != "" {
		t.Errorf("a change that breaks it (-want +got):\n%s", diff)
	}
	if !strings.Contains(got.Report.Value, "2 flows: 1 unexpected.") || !strings.Contains(got.Report.Value, "| **unexpected** | ssh (TCP port 22 from 10.1.0.0/24) | db1 | **deny** |") {
		t.Errorf("the report is\n%s", got.Report.Value)
	}
	if len(got.Changed.Value) != 1 || *got.Changed.Value[0].Before != "allow" || !strings.Contains(got.ChangesReport.Value, "| ssh (TCP port 22 from 10.1.0.0/24) | db1 | allow | **deny** |") {
		t.Errorf("changed are %+v, and the report is\n%s", got.Changed.Value, got.ChangesReport.Value)
	}

	// What goes is not in changes: it is named.
	rewrite(t, w, provider, hostEndpoint("db1"), strings.Replace(failsafePorts, "resource", "\nresource \"calico_global_network_policy\" \"other\" { name = \"other\" }\nresource", 1),
		connectivity("calico_global_network_policy.other.object", nested("removal", `kind = "GlobalNetworkPolicy"`, `name = "failsafe"`), nested("removal", `kind = "NetworkSet"`, `name = "gone"`))+outputsOfChanges)
	got = plannedOutputs(t, w)
	if len(got.Unexpected.Value) != 1 || got.Unexpected.Value[0].DecidedBy != `the end of tier "default" (no rule of ingress of "other" decides)` {
		t.Errorf("without the policy: %+v", got.Unexpected.Value)
	}
	if !strings.HasSuffix(got.ChangesReport.Value, "\nTaken away: GlobalNetworkPolicy \"failsafe\".\n\nNot stored, so not taken away: NetworkSet \"gone\" in namespace \"default\".\n") || strings.Contains(got.Report.Value, deletionsUnknown) {
		t.Errorf("the reports are\n%s\n%s", got.Report.Value, got.ChangesReport.Value)
	}
}

// An output of all that is about the state after a change has no change in the plan
// after the apply, be it that objects came, changed or went.
func TestConnectivityIsStableWhenApplied(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	provider := etcdBlock(at(etcd.Endpoints...))
	const old = `
resource "calico_global_network_policy" "old" {
  name     = "old"
  order    = -1
  selector = "all()"
  types    = ["Ingress"]

  ingress {
    action = "Allow"
  }
}
`
	const complete = `complete_kinds = ["GlobalNetworkPolicy", "HostEndpoint", "Tier", "FelixConfiguration"]`
	resources := failsafe + hostEndpoint("db1") + failsafePorts
	changes := "calico_failsafe_policy.this.object, calico_host_endpoint.db1.object, calico_felix_configuration.default.object"
	w := newWorkspace(t, provider, resources, old, strings.ReplaceAll(hostEndpoint("db2"), `"db1"`, `"db2"`),
		connectivity(changes+", calico_global_network_policy.old.object, calico_host_endpoint.db2.object", complete))
	run(t, w, "apply")
	noChanges(t, w)
	if got := outputs(t, w); got.Summary.Value != "2 host endpoints, 4 flows: 2 unexpected" {
		t.Errorf("the summary is %q", got.Summary.Value)
	}

	// A policy and an endpoint go: that is known without naming them.
	rewrite(t, w, provider, resources, connectivity(changes, complete))
	got := plannedOutputs(t, w)
	if got.Summary.Value != "1 host endpoint, 2 flows: 0 unexpected" || got.Results.Value[0].DecidedBy != byFailsafe || strings.Contains(got.Report.Value, "not known") {
		t.Errorf("without the policy: %+v", got)
	}
	w.MustRun(t, "apply", "plan.tfplan")
	noChanges(t, w)

	rewrite(t, w, provider, resources, connectivity(changes, complete), outputsOfChanges)
	etcd.Put(t, guardedEndpointKey, strings.ReplaceAll(guardedEndpoint, `"db1"`, `"db9"`))
	etcd.Put(t, policyKeys+"default.foreign", storedJSON("GlobalNetworkPolicy", "default.foreign", "{}", `{"tier":"default","order":-5,"selector":"all()","types":["Ingress"],"ingress":[{"action":"Allow"}]}`))
	got = plannedOutputs(t, w)
	// (Terraform does not delete what others have written, but here it is said to go.)
	const wantChanges = `**3 of 4 flows changed.**

| Traffic | Host endpoints | Now | Then | Decided by |
|---|---|---|---|---|
| others (TCP port 22 from 203.0.113.9) | db1 | allow | **deny** | the end of tier "default" (no rule of ingress of "failsafe" decides) |
| ssh (TCP port 22 from 10.1.0.0/24) | db1-eth0 | allow | **no endpoint** |  |
| others (TCP port 22 from 203.0.113.9) | db1-eth0 | allow | **no endpoint** |  |

Taken away: GlobalNetworkPolicy "foreign", HostEndpoint "db1-eth0".
`
	if diff := cmp.Diff(wantChanges, got.ChangesReport.Value); diff != "" {
		t.Errorf("what goes (-want +got):\n%s", diff)
	}

	// Nor does an endpoint leave the question unnoticed.
	etcd.Delete(t, policyKeys+"default.foreign")
	etcd.Delete(t, guardedEndpointKey)
	labelled := strings.Replace(hostEndpoint("db1"), "\n}", "\n  labels = { role = \"db\" }\n}", 1)
	rewrite(t, w, provider, failsafe, labelled, failsafePorts)
	run(t, w, "apply")
	rewrite(t, w, provider, failsafe+strings.Replace(labelled, `"db" }`, `"dbx" }`, 1)+failsafePorts,
		connectivity(changes, complete, `endpoint_selector = "role == 'db'"`), outputsOfChanges)
	got = plannedOutputs(t, w)
	if len(got.Results.Value) != 0 || got.ChangesReport.Value != "**0 of 2 flows changed.**\n" {
		t.Errorf("of an endpoint that is no longer selected: %+v", got)
	}
	rewrite(t, w, provider, strings.Replace(failsafe, "10.1.0.0/24", "10.9.0.0/24", 1)+strings.Replace(labelled, `"db" }`, `"dbx" }`, 1)+failsafePorts,
		connectivity(changes, complete, `endpoint_selector = "role == 'db'"`), outputsOfChanges)
	if got = plannedOutputs(t, w); !strings.Contains(got.ChangesReport.Value, "| ssh (TCP port 22 from 10.1.0.0/24) | db1 | allow | **deny** |") {
		t.Errorf("of an endpoint that is no longer selected: %+v", got)
	}
}

// What is not known in the plan is answered in the apply.
func TestConnectivityOfUnknownChanges(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.32.1"))
	unknown := strings.Replace(failsafe, `["10.1.0.0/24"]`, `[terraform_data.cidr.output]`, 1) + "\nresource \"terraform_data\" \"cidr\" { input = \"10.1.0.0/24\" }\n"
	w := newWorkspace(t, etcdBlock(at(etcd.Endpoints...)), unknown, hostEndpoint("db1"),
		connectivity("calico_failsafe_policy.this.object, calico_host_endpoint.db1.object"), `
output "function" {
  value = provider::calico::verdict(local.changes, { cidr = "10.1.0.0/24", port = terraform_data.port.output }).verdict
}
resource "terraform_data" "port" { input = 22 }
`)
	if got := plannedOutputs(t, w); got.Results.Value != nil {
		t.Errorf("the plan claims to know %+v", got)
	}
	w.MustRun(t, "apply", "plan.tfplan")
	if got := w.MustRun(t, "output", "-raw", "function"); got != "allow" {
		t.Errorf("the function's verdict is %q", got)
	}
	got := outputs(t, w)
	if len(got.Results.Value) != 2 || got.Results.Value[0].Verdict != "allow" {
		t.Errorf("applied: %+v", got)
	}
	// Failsafe ports are on, so SSH is open to all.
	if len(got.Unexpected.Value) != 1 || got.Unexpected.Value[0].DecidedBy != "failsafe port TCP 22" {
		t.Errorf("unexpected: %+v", got.Unexpected)
	}
}

// A postcondition stops a plan, a check warns of it.
func TestConnectivityInConditions(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	before := etcd.Prefix(t, "")
	provider := etcdBlock(at(etcd.Endpoints...))
	changes := "calico_failsafe_policy.this.object, calico_host_endpoint.db1.object"
	w := newWorkspace(t, provider, failsafe, hostEndpoint("db1"), connectivity(changes), `
resource "terraform_data" "expected" {
  lifecycle {
    postcondition {
      condition     = length(data.calico_connectivity.this.unexpected) == 0
      error_message = data.calico_connectivity.this.report
    }
  }
}`)
	fail(t, w, "plan").Says(t, "| **unexpected** | others (TCP port 22 from 203.0.113.9) | db1 | **allow** | failsafe port TCP 22 | deny |")
	if o := run(t, w, "apply"); !o.Failed || !slices.Equal(before, etcd.Prefix(t, "")) {
		t.Errorf("apply: failed %t, and etcd has changed or not: %v", o.Failed, o.Diagnostics)
	}

	rewrite(t, w, provider, failsafe, hostEndpoint("db1"), "\nlocals {\n  changes = ["+changes+"]\n}\n", `
check "ssh" {
  data "calico_connectivity" "this" {
    flow {
      port   = 22
      cidr   = "203.0.113.9"
      expect = "deny"
    }
    changes = local.changes
  }
  assert {
    condition     = length(data.calico_connectivity.this.unexpected) == 0
    error_message = data.calico_connectivity.this.report
  }
}
`)
	for _, command := range []string{"plan", "apply"} {
		o := run(t, w, command)
		warned := slices.ContainsFunc(o.Of("warning"), func(d diagnostic) bool {
			return strings.Contains(d.Detail, "| **unexpected** | TCP port 22 from 203.0.113.9 | db1 |")
		})
		if o.Failed || !warned {
			t.Errorf("%s with a check: failed %t, with %v", command, o.Failed, o.Diagnostics)
		}
	}
}

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
	fail(t, w, "apply").Says(t, "Provider Without a Datastore", "etcd.endpoints")
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
