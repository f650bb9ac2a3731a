package provider_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// What Calico would do without a word is told in the plan, once for a resource; and
// nothing is where all is well.
func TestGuardAdvises(t *testing.T) {
	t.Parallel()
	const (
		status   = "/calico/felix/v2/no-region/host/db1/status"
		workload = acctest.ResourcePrefix + "workloadendpoints/default/db1-k8s-a-eth0"
		policy   = `{"kind":"GlobalNetworkPolicy","apiVersion":"projectcalico.org/v3","metadata":{"name":"default.all","uid":"0d3a1d3e-7c1f-4a9e-9d6b-2f0f5a3c8e11","creationTimestamp":"2026-01-02T03:04:05Z"},"spec":{"tier":"default","selector":"SELECTOR","types":["Ingress"]}}`
	)
	node := strings.ReplaceAll(guardedEndpoint, "HostEndpoint", "Node")
	selected := map[string]string{status: "{}", policyKeys + "default.all": strings.Replace(policy, "SELECTOR", "all()", 1)}
	with := func(more ...string) map[string]string {
		stored := map[string]string{}
		for key, value := range selected {
			stored[key] = value
		}
		for i := 0; i < len(more); i += 2 {
			stored[more[i]] = more[i+1]
			if more[i+1] == "" {
				delete(stored, more[i])
			}
		}
		return stored
	}
	byAddress := func(address string) string {
		return fmt.Sprintf("\nresource \"calico_host_endpoint\" \"db1\" {\n  name = \"z\"\n  node = \"db1\"\n  expected_ips = [%q]\n}\n", address)
	}
	storedByAddress := strings.Replace(guardedEndpoint, `"interfaceName":"eth0"`, `"expectedIPs":["2001:db8::1"]`, 1)
	for name, c := range map[string]struct {
		stored        map[string]string
		configuration string
		provider      string
		// says are parts of the one warning; none for no warning.
		says []string
	}{
		"an endpoint as it should be": {stored: selected, configuration: hostEndpoint("db1")},
		"a node that has no Felix yet": {
			stored: with(status, "", acctest.ResourcePrefix+"nodes/db1", strings.ReplaceAll(node, "db1-eth0", "db1")), configuration: hostEndpoint("db1"),
		},
		"a host that nobody knows": {
			stored: with(status, "", "/calico/felix/v2/no-region/host/db11/status", "{}"), configuration: hostEndpoint("db1"),
			says: []string{"Host Not Known to Calico", `No Node "db1" is stored`, "calicoctl get nodes"},
		},
		"no policy at all": {
			stored: with(policyKeys+"default.all", ""), configuration: hostEndpoint("db1"),
			says: []string{"Host Endpoint Without a Policy", "calico_failsafe_policy", "depends_on"},
		},
		"a policy for others": {
			stored: with(policyKeys+"default.all", strings.Replace(policy, "SELECTOR", "role == 'other'", 1)), configuration: hostEndpoint("db1"),
			says: []string{"Host Endpoint Without a Policy"},
		},
		"a policy of the same plan": {
			stored: with(policyKeys+"default.all", ""), configuration: failsafe + strings.Replace(hostEndpoint("db1"), "\n}", "\n  depends_on = [calico_failsafe_policy.this]\n}", 1),
		},
		"another endpoint of the same interface": {
			stored: with(guardedEndpointKey, guardedEndpoint), configuration: strings.Replace(hostEndpoint("db1"), `= "db1"`, `= "z"`, 1),
			says: []string{"Another Host Endpoint Comes First", `"db1-eth0" is for the same interface of the node "db1"`},
		},
		"another endpoint of the same address": {
			stored: with(guardedEndpointKey, storedByAddress), configuration: byAddress("2001:DB8:0::1"),
			says: []string{"Another Host Endpoint Comes First", `"db1-eth0"`},
		},
		"another endpoint of another address": {stored: with(guardedEndpointKey, storedByAddress), configuration: byAddress("2001:db8::2")},
		"another endpoint that comes later":   {stored: with(guardedEndpointKey, guardedEndpoint), configuration: strings.Replace(hostEndpoint("db1"), `= "db1"`, `= "a"`, 1)},
		"workloads, and a policy that selects them": {
			stored: with(workload, `{"kind":"WorkloadEndpoint"}`), configuration: failsafe,
			says: []string{"Failsafe Policy Selects Workloads Too", `selector = "!has(projectcalico.org/namespace)"`},
		},
		"workloads, and a policy that does not": {
			stored: with(workload, `{"kind":"WorkloadEndpoint"}`), configuration: strings.Replace(failsafe, "management", "selector = \"!has(projectcalico.org/namespace)\"\n  management", 1),
		},
		"no guard": {
			stored: with(status, "", policyKeys+"default.all", ""), configuration: hostEndpoint("db1"), provider: "lockout_guard { mode = \"off\" }\n" + unexposed,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
			for key, value := range c.stored {
				etcd.Put(t, key, value)
			}
			w := newWorkspace(t, c.configuration, block(c.provider+inEtcd(at(etcd.Endpoints...))))
			o := runAndTell(t, w, "plan")
			warnings := slices.DeleteFunc(o.Of("warning"), func(d diagnostic) bool { return d.Summary == "No Management Access Is Guarded" })
			if o.Failed || len(c.says) == 0 && len(warnings) > 0 || len(c.says) > 0 && len(warnings) != 1 {
				t.Fatalf("failed %t, with %v", o.Failed, o.Diagnostics)
			}
			if len(warnings) > 0 {
				warnings[0].Says(t, c.says...)
			}
		})
	}
}

// The failsafe policy has to let hosts reach the datastore. Its servers have to be
// known by an address that means the same to hosts, which those of the tests have not:
// a datastore that does not answer does.
func TestGuardAdvisesOnTheDatastore(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	provider := etcdBlock(at(append(slices.Clone(etcd.Endpoints), "http://192.0.2.7:2379")...))
	w := newWorkspace(t, failsafe, provider)
	warnings := runAndTell(t, w, "plan").Of("warning")
	if len(warnings) != 1 {
		t.Fatalf("the plan warns of %v", warnings)
	}
	warnings[0].Says(t, "Datastore Not Covered", "192.0.2.7:2379", "etcd_server")
	rewrite(t, w, strings.Replace(failsafe, "\n}", "\n  etcd_server { address = \"192.0.2.7\" }\n}", 1), provider)
	succeed(t, w, "plan")
}

// What the guard watches over by default is watched over where no flow is given, and
// there is no other way to give one than a block.
func TestGuardIsABlock(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	for _, guard := range []string{
		nested("lockout_guard"),
		`lockout_guard { mode = "off" }`,
		nested("lockout_guard", `mode = "error"`, nested("flow", `cidr = "10.1.0.0/24"`, "port = 22"), `flow { cidr = "10.2.0.0/24" }`),
	} {
		rewrite(t, w, block("datastore_type = \"none\"\n"+guard), failsafe)
		succeed(t, w, "validate")
	}
	for guard, says := range map[string]string{
		`lockout_guard = { mode = "error" }`:                 `Did you mean to define a block of type "lockout_guard"?`,
		`lockout_guard { flow = [] }`:                        `Did you mean to define a block of type "flow"?`,
		nested("lockout_guard", nested("flow", "port = 22")): "flow[0].cidr: It is missing",
	} {
		rewrite(t, w, block("datastore_type = \"none\"\n"+guard), failsafe)
		fail(t, w, "validate").Says(t, says)
	}
}
