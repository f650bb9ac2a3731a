package provider_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// storeAll puts many values at once into the etcd of an API server, which reads JSON there as
// well: ten thousand requests to the server itself would take minutes.
func storeAll(t *testing.T, etcd *acctest.Etcd, values map[string]string) {
	t.Helper()
	client := etcd.Client(t)
	var operations []clientv3.Op
	flush := func() {
		if _, err := client.Txn(t.Context()).Then(operations...).Commit(); err != nil {
			t.Fatal(err)
		}
		operations = nil
	}
	for key, value := range values {
		if operations = append(operations, clientv3.OpPut("/registry/"+key, value)); len(operations) == 100 {
			flush()
		}
	}
	flush()
}

// TestConnectivityOfABigCluster counts what a question with twenty flows costs. By default the
// cluster has 1,500 pods in 30 namespaces, and 75 policies; BIG_CLUSTER_PODS=10000 makes it the
// one of which the costs are promised, with 200 namespaces and 500 policies.
func TestConnectivityOfABigCluster(t *testing.T) { // alone, as it measures
	pods := 1_500
	if n, err := strconv.Atoi(os.Getenv("BIG_CLUSTER_PODS")); err == nil {
		pods = n
	}
	namespaces := pods / 50
	k := newCluster(t)
	const meta = `"metadata":{"name":%q,"namespace":%q,"uid":"0d3a1d3e-7c1f-4a9e-9d6b-%012d","creationTimestamp":"2026-01-02T03:04:05Z","labels":%s}`
	values := map[string]string{}
	uid := 0
	store := func(key, apiVersion, kind, namespace, name, labels, more string) {
		uid++
		values[key] = fmt.Sprintf(`{"apiVersion":%q,"kind":%q,`+meta+`,%s}`, apiVersion, kind, name, namespace, uid, labels, more)
	}
	for n := range namespaces {
		namespace := fmt.Sprintf("ns%d", n)
		store("namespaces/"+namespace, "v1", "Namespace", "", namespace, fmt.Sprintf(`{"team":"t%d","kubernetes.io/metadata.name":%q}`, n%20, namespace), `"spec":{"finalizers":["kubernetes"]},"status":{"phase":"Active"}`)
		store("serviceaccounts/"+namespace+"/default", "v1", "ServiceAccount", namespace, "default", "{}", `"secrets":[]`)
		for p := range 50 {
			name := fmt.Sprintf("pod-%d", p)
			store("pods/"+namespace+"/"+name, "v1", "Pod", namespace, name, fmt.Sprintf(`{"app":"app%d","statefulset.kubernetes.io/pod-name":%q}`, p%5, name),
				fmt.Sprintf(`"spec":{"nodeName":"node%d","serviceAccountName":"default","containers":[{"name":"c","image":"none","ports":[{"name":"http","containerPort":8080}]}]},"status":{"phase":"Running","podIP":"10.%d.%d.%d","podIPs":[{"ip":"10.%[2]d.%[3]d.%[4]d"}]}`, p, n/100, n%100, p+1))
		}
	}
	policies := pods / 20
	for p := range policies * 4 / 5 {
		namespace, name := fmt.Sprintf("ns%d", p%namespaces), fmt.Sprintf("p%d", p)
		store("networkpolicies/"+namespace+"/"+name, "networking.k8s.io/v1", "NetworkPolicy", namespace, name, "{}", fmt.Sprintf(
			`"spec":{"podSelector":{"matchLabels":{"app":"app%d"}},"policyTypes":["Ingress"],"ingress":[{"from":[{"podSelector":{"matchLabels":{"app":"app%d"}}}],"ports":[{"port":"http","protocol":"TCP"}]},{"from":[{"namespaceSelector":{"matchLabels":{"team":"t%d"}},"podSelector":{"matchLabels":{"app":"app%d"}}}]}]}`,
			p%5, (p+1)%5, p%20, p%3))
	}
	for p := range policies / 5 {
		name := fmt.Sprintf("default.g%d", p)
		store("crd.projectcalico.org/globalnetworkpolicies/"+name, "crd.projectcalico.org/v1", "GlobalNetworkPolicy", "", name, "{}", fmt.Sprintf(
			`"spec":{"tier":"default","order":%d,"namespaceSelector":"team == 't%d'","types":["Ingress"],"ingress":[{"action":"Allow","protocol":"TCP","source":{"namespaceSelector":"team == 't%d'","selector":"app == 'app%d'"},"destination":{"ports":[%d]}}]}`, p, p%20, (p+1)%20, p%5, 9000+p))
	}
	storeAll(t, k.Etcd(), values)

	proxy := k.Proxy(t)
	w := measuredWorkspace(t, block(proxy.Block()), `
data "calico_connectivity" "this" {
  endpoint_kinds = ["workloads"]

  dynamic "flow" {
    for_each = range(20)

    content {
      port = 8080 + flow.value % 2 * 920 + floor(flow.value / 2)
      cidr = "10.${flow.value % 2}.${flow.value}.${flow.value + 1}"
    }
  }
}

output "summary" { value = data.calico_connectivity.this.summary }
output "rows" { value = length(data.calico_connectivity.this.results) }
`)
	used := measure(t, w, "apply", "-auto-approve", "-json")
	counts := map[string]int{}
	for _, seen := range proxy.Seen() {
		counts[strings.TrimPrefix(seen, "GET ")]++
	}
	rows, err := strconv.Atoi(strings.TrimSpace(w.MustRun(t, "output", "rows")))
	if err != nil {
		t.Fatal(err)
	}
	summary := w.MustRun(t, "output", "-raw", "summary")
	t.Logf("%s; %d rows; the provider took %s of CPU, and %d MB at most; requests %v", summary, rows, used.provider, used.memory>>20, counts)
	if !strings.HasPrefix(summary, fmt.Sprintf("%d workloads, ", pods)) || strings.Contains(summary, "undecided") {
		t.Errorf("the summary is %q", summary)
	}
	const page = 1_000
	const calico = "/apis/crd.projectcalico.org/v1/"
	for path, want := range map[string]int{
		"/api/v1/pods": (pods + page - 1) / page, "/apis/networking.k8s.io/v1/networkpolicies": 1, "/api/v1/namespaces": 1, "/api/v1/serviceaccounts": 1,
		calico + "globalnetworkpolicies": 1, calico + "networkpolicies": 1, calico + "ippools": 1,
		"/apis/policy.networking.k8s.io/v1alpha1/adminnetworkpolicies": 1,
		// No rule names a service.
		"/api/v1/services": 0, "/apis/discovery.k8s.io/v1/endpointslices": 0,
	} {
		if counts[path] != want {
			t.Errorf("%d requests for %s, want %d", counts[path], path, want)
		}
	}
	// Groups, and not pods, have rows; and if there are too many of these, less.
	if rows > 2000 {
		t.Errorf("%d rows", rows)
	}
	if used.provider > 5*time.Second || used.memory > 400<<20 {
		t.Errorf("it took %s of CPU and %d MB", used.provider, used.memory>>20)
	}
}
