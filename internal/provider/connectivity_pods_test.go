package provider_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// podsBehindHosts is a host endpoint with rules that name pods and a service, and flows from
// and to them.
const podsBehindHosts = `
resource "calico_host_endpoint" "db1" {
  name           = "db1-eth0"
  node           = "db1"
  interface_name = "eth0"
  expected_ips   = ["10.0.0.11"]
  labels         = { role = "db" }
}

resource "calico_global_network_policy" "db" {
  name     = "db"
  order    = 10
  selector = "role == 'db'"
  types    = ["Ingress", "Egress"]

  ingress {
    action   = "Allow"
    protocol = "TCP"
    source {
      selector           = "app == 'shop'"
      namespace_selector = "team == 'web'"
    }
    destination {
      ports = ["5432"]
    }
  }
  egress {
    action   = "Allow"
    protocol = "TCP"
    destination {
      services {
        name      = "metrics"
        namespace = "shop"
      }
    }
  }
}

data "calico_connectivity" "this" {
  flow {
    name     = "shop"
    protocol = "TCP"
    port     = 5432
    cidr     = "10.244.1.5"
  }
  flow {
    name     = "another pod"
    protocol = "TCP"
    port     = 5432
    cidr     = "10.244.1.6"
  }
  flow {
    name      = "metrics"
    direction = "egress"
    protocol  = "TCP"
    port      = 9090
    cidr      = "10.244.1.7"
  }
  flow {
    name      = "another port"
    direction = "egress"
    protocol  = "TCP"
    port      = 9091
    cidr      = "10.244.1.7"
  }
  depends_on = [calico_host_endpoint.db1, calico_global_network_policy.db]
}

output "verdicts" {
  value = join(", ", [for r in data.calico_connectivity.this.results : "${r.flow} ${r.verdict}"])
}

output "reasons" {
  value = join(", ", distinct([for r in data.calico_connectivity.this.results : r.decided_by]))
}
`

// addPods makes two pods in a namespace, and a service with an endpoint in a third address.
func addPods(t *testing.T, k *acctest.Kubernetes) {
	t.Helper()
	k.MustDo(t, http.MethodPost, "/api/v1/namespaces", "", `{"metadata":{"name":"shop","labels":{"team":"web"}}}`)
	for name, ip := range map[string]string{"shop": "10.244.1.5", "other": "10.244.1.6"} {
		addPod(t, k, "shop", name, ip, map[string]string{"app": name})
	}
	k.MustDo(t, http.MethodPost, "/api/v1/namespaces/shop/services", "", `{"metadata":{"name":"metrics"},"spec":{"ports":[{"port":80,"targetPort":9090}]}}`)
	k.MustDo(t, http.MethodPost, "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices", "",
		`{"metadata":{"name":"metrics-1","labels":{"kubernetes.io/service-name":"metrics"}},"addressType":"IPv4","endpoints":[{"addresses":["10.244.1.7"]}],"ports":[{"port":9090,"protocol":"TCP"}]}`)
}

// addPod makes a running pod on the node n1, in a namespace that there is, with the service
// account that each namespace has in a whole cluster.
func addPod(t *testing.T, k *acctest.Kubernetes, namespace, name, ip string, labels map[string]string) {
	t.Helper()
	status, answer, err := k.Do(t.Context(), http.MethodPost, "/api/v1/namespaces/"+namespace+"/serviceaccounts", "", `{"metadata":{"name":"default"}}`)
	if err != nil || status != http.StatusCreated && status != http.StatusConflict {
		t.Fatalf("%d: %s, %v", status, answer, err)
	}
	text, err := json.Marshal(labels)
	if err != nil {
		t.Fatal(err)
	}
	pods := "/api/v1/namespaces/" + namespace + "/pods"
	k.MustDo(t, http.MethodPost, pods, "", fmt.Sprintf(`{"metadata":{"name":%q,"labels":%s},"spec":{"nodeName":"n1","automountServiceAccountToken":false,"containers":[{"name":"c","image":"none"}]}}`, name, text))
	k.MustDo(t, http.MethodPatch, pods+"/"+name+"/status", "application/merge-patch+json", fmt.Sprintf(`{"status":{"phase":"Running","podIP":%q,"podIPs":[{"ip":%q}]}}`, ip, ip))
}

// What rules mean by pods and services is decided by what there is of them, and undecided,
// with the rule of a ClusterRole that is missing, for who may not see them.
func TestConnectivityKnowsPodsAndServices(t *testing.T) {
	t.Parallel()
	k := acctest.NewKubernetes(t, acctest.WithCRDs(acctest.CRDs331))
	k.GrantAccess(t)
	addPods(t, k)
	w := newWorkspace(t, block(nested("kubernetes", text("config_path", k.Config))), podsBehindHosts)
	succeed(t, w, "apply")
	want := `verdicts = "shop allow, another pod deny, metrics allow, another port deny"`
	if got := w.MustRun(t, "output"); !strings.Contains(got, want) {
		t.Errorf("the outputs are\n%s\nwant %s", got, want)
	}

	withoutRights(t, k, "/api/v1/pods", "pods", "services", "endpointslices")
	o := run(t, w, "apply", "-refresh-only")
	if o.Failed {
		t.Fatal(o.All)
	}
	for _, want := range []string{"Workloads Not Known", "resources: [pods]", "resources: [services]", "resources: [endpointslices]", `apiGroups: [\"discovery.k8s.io\"]`} {
		if !strings.Contains(o.All, want) {
			t.Errorf("it says\n%s\nwant %s", o.All, want)
		}
	}
	got := w.MustRun(t, "output")
	for _, want := range []string{
		`verdicts = "shop undecided, another pod undecided, metrics undecided, another port undecided"`,
		"the pods are not known here", "selects a Kubernetes service",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the outputs are\n%s\nwant %s", got, want)
		}
	}
}

// withoutRights takes the rules about nothing but these resources out of the documented ClusterRole, and
// returns when the user may no longer list what is at a path.
func withoutRights(t *testing.T, k *acctest.Kubernetes, path string, resources ...string) {
	t.Helper()
	const role = "/apis/rbac.authorization.k8s.io/v1/clusterroles/calico-terraform"
	var object map[string]any
	if err := json.Unmarshal([]byte(k.MustDo(t, http.MethodGet, role, "", "")), &object); err != nil {
		t.Fatal(err)
	}
	taken := 0
	object["rules"] = slices.DeleteFunc(object["rules"].([]any), func(rule any) bool {
		for _, resource := range rule.(map[string]any)["resources"].([]any) {
			if !slices.Contains(resources, resource.(string)) {
				return false
			}
		}
		taken++
		return true
	})
	if taken == 0 {
		t.Fatalf("%s gives no right to %v", role, resources)
	}
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	k.MustDo(t, http.MethodPut, role, "", string(text))
	acctest.Eventually(t, "the rights to be gone", func() bool {
		status, _, err := k.DoAs(t.Context(), k.Token, http.MethodGet, path+"?limit=1", "", "")
		return err == nil && status == http.StatusForbidden
	})
}

// The workload endpoints that orchestrators have stored in etcd are known, too, and services
// are not: no Felix learns of any there.
func TestConnectivityKnowsWorkloadsInEtcd(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	etcd.Put(t, acctest.ResourcePrefix+"profiles/kns.shop", storedJSON("Profile", "kns.shop", "{}", `{"labelsToApply":{"pcns.team":"web"},"ingress":[{"action":"Allow"}],"egress":[{"action":"Allow"}]}`))
	for name, ip := range map[string]string{"shop": "10.244.1.5", "other": "10.244.1.6"} {
		etcd.Put(t, acctest.ResourcePrefix+"workloadendpoints/shop/n1-k8s-"+name+"-eth0",
			fmt.Sprintf(`{"kind":"WorkloadEndpoint","apiVersion":"projectcalico.org/v3","metadata":{"name":"n1-k8s-%[1]s-eth0","namespace":"shop","labels":{"app":%[1]q,"projectcalico.org/namespace":"shop","projectcalico.org/orchestrator":"k8s"}},"spec":{"orchestrator":"k8s","node":"n1","pod":%[1]q,"endpoint":"eth0","ipNetworks":["%[2]s/32"],"profiles":["kns.shop"],"interfaceName":"cali1"}}`, name, ip))
	}
	etcd.Put(t, acctest.ResourcePrefix+"workloadendpoints/shop/damaged", "{")
	w := newWorkspace(t, etcdBlock(at(etcd.Endpoints...)), podsBehindHosts)
	if o := run(t, w, "apply"); o.Failed {
		t.Fatal(o.All)
	}
	want := `verdicts = "shop allow, another pod deny, metrics deny, another port deny"`
	if got := w.MustRun(t, "output"); !strings.Contains(got, want) {
		t.Errorf("the outputs are\n%s\nwant %s", got, want)
	}
}
