package provider_test

import (
	"encoding/json"
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
