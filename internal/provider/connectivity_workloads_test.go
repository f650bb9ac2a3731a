package provider_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// betweenPods asks about pods of namespace shop: from one to another, and from outside.
const betweenPods = `
data "calico_connectivity" "this" {
  endpoint_kinds = ["workloads"]
  namespaces     = ["shop"]

  flow {
    name = "shop to other"
    port = 80
    from {
      namespaces = ["shop"]
      endpoint_selector = "app == 'shop'"
    }
    to {
      namespace_selector = "team == 'web'"
      endpoint_selector = "app == 'other'"
    }
  }
  flow {
    name = "from outside"
    port = 80
    cidr = "192.0.2.0/24"
  }
}

output "verdicts" {
  value = join(", ", [for r in data.calico_connectivity.this.results : "${r.flow} ${r.from == null ? "" : r.from}>${r.endpoint == null ? "" : r.endpoint} ${r.count} ${r.verdict}"])
}

output "reasons" {
  value = join("\n", distinct([for r in data.calico_connectivity.this.results : r.decided_by]))
}

output "report" {
  value = data.calico_connectivity.this.report
}
`

// What becomes of traffic of pods is decided by the policies of Kubernetes, too; and it is
// undecided, with the rule of a ClusterRole that is missing, for who may not see what decides.
func TestConnectivityOfPods(t *testing.T) {
	t.Parallel()
	k := newCluster(t)
	addPods(t, k)
	w := newWorkspace(t, block(nested("kubernetes", text("config_path", k.Config))), betweenPods)
	refreshed := func(verdicts string, reasons ...string) {
		t.Helper()
		o := run(t, w, "apply")
		if o.Failed {
			t.Fatal(o.All)
		}
		got := w.MustRun(t, "output", "-raw", "verdicts")
		if got != verdicts {
			t.Errorf("the verdicts are\n%s\nwant\n%s", got, verdicts)
		}
		got = w.MustRun(t, "output", "-raw", "reasons")
		for _, want := range reasons {
			if !strings.Contains(got, want) && !strings.Contains(o.All, want) {
				t.Errorf("it says\n%s\n%s\nwant %s", got, o.All, want)
			}
		}
	}
	refreshed("shop to other shop/app=shop>shop/app=other 1 allow, from outside >shop/app=other 1 allow, from outside >shop/app=shop 1 allow", `at the destination: rule 1 of ingress of profile "kns.shop"`)

	const policies = "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies"
	k.MustDo(t, http.MethodPost, policies, "", `{"metadata":{"name":"closed"},"spec":{"podSelector":{},"policyTypes":["Ingress"],"ingress":[{"from":[{"podSelector":{"matchLabels":{"app":"shop"}}}]}]}}`)
	refreshed("shop to other shop/app=shop>shop/app=other 1 allow, from outside >shop/app=other 1 deny, from outside >shop/app=shop 1 deny",
		`at the destination: rule 1 of ingress of policy "closed" of namespace "shop" (Kubernetes)`)

	const admin = "/apis/policy.networking.k8s.io/v1alpha1/adminnetworkpolicies"
	k.MustDo(t, http.MethodPost, admin, "", `{"apiVersion":"policy.networking.k8s.io/v1alpha1","kind":"AdminNetworkPolicy","metadata":{"name":"first"},"spec":{"priority":1,"subject":{"namespaces":{}}}}`)
	undecided := "shop to other shop/app=shop>shop/app=other 1 undecided, from outside >shop/app=other 1 undecided, from outside >shop/app=shop 1 undecided"
	refreshed(undecided, `there is AdminNetworkPolicy "first", which may decide about workloads before other policies, and whose rules are not read here`)
	k.MustDo(t, http.MethodDelete, admin+"/first", "", "")

	withoutRights(t, k, policies, "networkpolicies")
	refreshed(undecided, "Workloads Not Known", "resources: [networkpolicies]", "the provider may not read networkpolicies")
	withoutRights(t, k, "/api/v1/pods", "pods", "services")
	refreshed("shop to other > 0 undecided, from outside > 0 undecided", "Workloads Not Known", "resources: [pods]", "it is not known which workloads there are, as the provider may not read pods")
}

// On etcd workload endpoints that orchestrators have stored count in the same way, beside
// host endpoints; and what a namespace's labels will be counts as a change.
func TestConnectivityOfWorkloadsInEtcd(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	etcd.Put(t, acctest.ResourcePrefix+"profiles/kns.shop", storedJSON("Profile", "kns.shop", "{}", `{"labelsToApply":{"pcns.team":"web"},"ingress":[{"action":"Allow"}],"egress":[{"action":"Allow"}]}`))
	for i, name := range []string{"a", "b", "c"} {
		etcd.Put(t, acctest.ResourcePrefix+"workloadendpoints/shop/n1-k8s-"+name+"-eth0",
			fmt.Sprintf(`{"kind":"WorkloadEndpoint","apiVersion":"projectcalico.org/v3","metadata":{"name":"n1-k8s-%[1]s-eth0","namespace":"shop","labels":{"app":"web","projectcalico.org/namespace":"shop","projectcalico.org/orchestrator":"k8s"}},"spec":{"orchestrator":"k8s","node":"n1","pod":%[1]q,"endpoint":"eth0","ipNetworks":["10.244.1.%[2]d/32"],"profiles":["kns.shop"],"interfaceName":"cali%[2]d"}}`, name, i+1))
	}
	etcd.Put(t, guardedEndpointKey, guardedEndpoint)
	etcd.Put(t, policyKeys+"default.red", storedJSON("GlobalNetworkPolicy", "default.red", "{}", `{"tier":"default","namespaceSelector":"team == 'red'","types":["Ingress"],"ingress":[{"action":"Allow","source":{"nets":["192.0.2.0/24"]}}]}`))
	ask := func(arguments ...string) string {
		return "\ndata \"calico_connectivity\" \"this\" {\n" + strings.Join(append(arguments, `
  flow {
    name   = "outside"
    port   = 8080
    cidr   = "203.0.113.0/24"
    expect = "deny"
  }
`), "\n") + "}\n" + `
output "report" { value = data.calico_connectivity.this.report }
output "changes_report" { value = data.calico_connectivity.this.changes_report }
output "results" { value = data.calico_connectivity.this.results }
`
	}
	w := newWorkspace(t, etcdBlock(at(etcd.Endpoints...)), ask(`endpoint_kinds = ["workloads", "hosts"]`, `namespace_labels = { shop = { team = "red" } }`))
	got := plannedOutputs(t, w)
	const wantReport = `**1 host endpoint, 3 workloads, 2 flows: 0 unexpected.**

| | Traffic | Endpoints | Verdict | Decided by | Expected |
|---|---|---|---|---|---|
| as expected | outside (TCP port 8080 from 203.0.113.0/24) | db1-eth0 | deny | default: no policy and no profile allows it on ingress | deny |
| as expected | outside (TCP port 8080 from 203.0.113.0/24) | shop (3) | deny | at the destination: the end of tier "default" (no rule of ingress of "red" decides) | deny |
`
	if got.Report.Value != wantReport {
		t.Errorf("the report is\n%s\nwant\n%s", got.Report.Value, wantReport)
	}
	if want := "| outside (TCP port 8080 from 203.0.113.0/24) | shop (3) | allow | **deny** |"; !strings.Contains(got.ChangesReport.Value, want) {
		t.Errorf("the changes are\n%s\nwant %s", got.ChangesReport.Value, want)
	}
	// A name that is none is told, and counts as undecided.
	rewrite(t, w, etcdBlock(at(etcd.Endpoints...)), ask(`endpoint_kinds = ["workloads"]`, `namespaces = ["shpo"]`))
	o := run(t, w, "plan")
	for _, want := range []string{"Namespace Not Known", "there is no namespace", "No Endpoint to Ask For"} {
		if o.Failed || !strings.Contains(o.All, want) {
			t.Errorf("failed %t: %s\nwant %s", o.Failed, o.All, want)
		}
	}
	if got := plannedOutputs(t, w); len(got.Results.Value) != 1 || got.Results.Value[0].Verdict != "undecided" || !strings.HasPrefix(got.Report.Value, "**0 workloads, 1 flow: 1 unexpected, 1 undecided.**") {
		t.Errorf("of no namespace: %+v", got)
	}

	const ends = "from {}\nto {}"
	for _, c := range []struct{ what, arguments, summary, detail string }{
		{"one end", nested("flow", `from {}`), "Not a Flow", "flow[0].to: It is missing: from and to go together"},
		{"both kinds of ends", nested("flow", ends, `cidr = "10.0.0.0/8"`), "Not a Flow", "flow[0].cidr: The flow has from and to"},
		{"a direction between ends", nested("flow", ends, `direction = "egress"`), "Not a Flow", "flow[0].direction: The flow has from and to"},
		{"no end", nested("flow", `port = 22`), "Not a Flow", "flow[0].cidr: It is missing"},
		{"no selector", nested("flow", `from { endpoint_selector = "app=web" }`, `to {}`), "Not a Flow", "flow[0].from.endpoint_selector: It is not a selector"},
		{"namespaces of hosts", nested("flow", "from {\nendpoint_kinds = [\"hosts\"]\nnamespaces = [\"shop\"]\n}", `to {}`), "Not a Flow", "flow[0].from.namespaces: Only workloads have a namespace"},
		{"an empty list", nested("flow", `from { namespaces = [] }`, `to {}`), "Invalid Attribute Value", "at least 1 elements"},
		{"no kind", `endpoint_kinds = ["pods"]` + "\n" + nested("flow", `cidr = "10.0.0.0/8"`), "Invalid Attribute Value", `"hosts" "workloads"`},
		{"namespaces without workloads", `namespaces = ["shop"]` + "\n" + nested("flow", `cidr = "10.0.0.0/8"`), "Kind Without Namespaces", "Only workloads have a namespace"},
		{"what passes through a pod", `endpoint_kinds = ["workloads"]` + "\n" + nested("flow", `cidr = "10.0.0.0/8"`, `forwarded = true`), "Not a Flow", "flow[0].forwarded: Only flows at host endpoints have it"},
	} {
		rewrite(t, w, etcdBlock(at(etcd.Endpoints...)), "\ndata \"calico_connectivity\" \"this\" {\n"+c.arguments+"\n}\n")
		o := run(t, w, "plan")
		errs := o.Of("error")
		if !o.Failed || len(errs) != 1 || !strings.Contains(errs[0].Summary, c.summary) || !strings.Contains(strings.ReplaceAll(errs[0].Detail, "\n", " "), c.detail) {
			t.Errorf("%s: failed %t, with %v", c.what, o.Failed, o.Diagnostics)
		}
	}
}

// A guard watches over pods if it is told to, and over hosts as before.
func TestGuardOfPods(t *testing.T) {
	t.Parallel()
	k := newCluster(t)
	addPods(t, k)
	provider := block(nested("kubernetes", text("config_path", k.Config)), `lockout_guard {
  mode = "error"
  flow {
    name = "shop"
    port = 80
    from {
      namespaces = ["shop"]
      endpoint_selector = "app == 'shop'"
    }
    to {
      namespaces = ["shop"]
      endpoint_selector = "app == 'other'"
    }
  }
}`, `exposure_guard {
  mode = "error"
  flow {
    endpoint_kinds    = ["workloads"]
    endpoint_selector = "app == 'other'"
    port              = 81
    cidr              = "192.0.2.0/24"
  }
}`)
	policy := func(rules string) string {
		return `
resource "calico_network_policy" "other" {
  name      = "other"
  namespace = "shop"
  selector  = "app == 'other'"
  types     = ["Ingress"]
` + rules + "}\n"
	}
	const fromShop = `
  ingress {
    action = "Allow"
    source {
      selector = "app == 'shop'"
    }
  }
`
	w := newWorkspace(t, provider, policy(strings.Replace(fromShop, "'shop'", "'shpo'", 1)))
	for _, command := range []string{"plan", "apply"} {
		o := run(t, w, command)
		if !o.Failed || !strings.Contains(o.All, "Change Would Cut Off Guarded Traffic") || !strings.Contains(o.All, "shop/app=shop to shop/app=other: shop (TCP port 80") {
			t.Errorf("%s of a slip: failed %t, with %s", command, o.Failed, o.All)
		}
	}
	if stored := inCluster(t, k, "networkpolicies"); stored != nil {
		t.Errorf("stored: %q", stored)
	}
	rewrite(t, w, provider, policy(fromShop))
	succeed(t, w, "apply")
	// The port that must stay shut is shut by this policy now.
	rewrite(t, w, provider, policy(fromShop+strings.Replace(fromShop, `selector = "app == 'shop'"`, `nets = ["192.0.2.0/24"]`, 1)))
	fail(t, w, "plan").Says(t, "Change Would Let Guarded Traffic In", "shop/app=other: TCP port 81 from 192.0.2.0/24")

	// What is watched over at hosts without a word about them still is.
	hosts := strings.Replace(failsafe, "\n}", "\n  selector = \"!has(projectcalico.org/namespace)\"\n}", 1) + hostEndpoint("db1") + `
resource "calico_felix_configuration" "default" {
  name                        = "default"
  failsafe_inbound_host_ports = []
  depends_on                  = [calico_failsafe_policy.this, calico_host_endpoint.db1]
}
`
	rewrite(t, w, provider, policy(fromShop), hosts)
	succeed(t, w, "apply")
	rewrite(t, w, provider, policy(fromShop), hosts, `
resource "calico_global_network_policy" "closed" {
  name     = "closed"
  order    = -10
  selector = "!has(projectcalico.org/namespace)"
  types    = ["Ingress"]

  ingress {
    action = "Deny"
  }
}
`)
	fail(t, w, "plan").Says(t, "Change Would Cut Off Guarded Traffic", "management access (TCP port 22 from 10.1.0.0/24)")

	// Who may not see pods cannot be told that all is well.
	withoutRights(t, k, "/api/v1/pods", "pods", "services")
	rewrite(t, w, provider, policy(fromShop+fromShop), hosts)
	fail(t, w, "plan").Says(t, "Workloads Not Watched", "resources: [pods]")
	rewrite(t, w, strings.ReplaceAll(provider, `mode = "error"`, `mode = "warn"`), policy(fromShop+fromShop), hosts)
	if o := run(t, w, "plan"); o.Failed || !strings.Contains(o.All, "Workloads Not Watched") {
		t.Errorf("mode warn: failed %t, with %s", o.Failed, o.All)
	}
}
