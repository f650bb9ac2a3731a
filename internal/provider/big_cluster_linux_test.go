package provider_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

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

// storeCluster puts namespaces from the one number to the other into the etcd of an API server,
// with fifty pods each, and two or three policies for each of them.
func storeCluster(t *testing.T, etcd *acctest.Etcd, from, to int) {
	t.Helper()
	const meta = `"metadata":{"name":%q,"namespace":%q,"uid":"0d3a1d3e-7c1f-4a9e-9d6b-%06d%06d","creationTimestamp":"2026-01-02T03:04:05Z","labels":%s}`
	values := map[string]string{}
	store := func(key, apiVersion, kind, namespace, name, labels, more string) {
		values[key] = fmt.Sprintf(`{"apiVersion":%q,"kind":%q,`+meta+`,%s}`, apiVersion, kind, name, namespace, to, len(values), labels, more)
	}
	for n := from; n < to; n++ {
		namespace := fmt.Sprintf("ns%d", n)
		store("namespaces/"+namespace, "v1", "Namespace", "", namespace, fmt.Sprintf(`{"team":"t%d","kubernetes.io/metadata.name":%q}`, n%20, namespace), `"spec":{"finalizers":["kubernetes"]},"status":{"phase":"Active"}`)
		store("serviceaccounts/"+namespace+"/default", "v1", "ServiceAccount", namespace, "default", "{}", `"secrets":[]`)
		for p := range 50 {
			name := fmt.Sprintf("pod-%d", p)
			store("pods/"+namespace+"/"+name, "v1", "Pod", namespace, name, fmt.Sprintf(`{"app":"app%d","statefulset.kubernetes.io/pod-name":%q}`, p%5, name),
				fmt.Sprintf(`"spec":{"nodeName":"node%d","serviceAccountName":"default","containers":[{"name":"c","image":"none","ports":[{"name":"http","containerPort":8080}]}]},"status":{"phase":"Running","podIP":"10.%d.%d.%d","podIPs":[{"ip":"10.%[2]d.%[3]d.%[4]d"}]}`, p, n/100, n%100, p+1))
		}
	}
	for p := from * 5 / 2; p < to*5/2; p++ {
		if p%5 == 0 {
			g := p / 5
			name := fmt.Sprintf("default.g%d", g)
			store("crd.projectcalico.org/globalnetworkpolicies/"+name, "crd.projectcalico.org/v1", "GlobalNetworkPolicy", "", name, "{}", fmt.Sprintf(
				`"spec":{"tier":"default","order":%d,"namespaceSelector":"team == 't%d'","types":["Ingress"],"ingress":[{"action":"Allow","protocol":"TCP","source":{"namespaceSelector":"team == 't%d'","selector":"app == 'app%d'"},"destination":{"ports":[%d]}}]}`, g, g%20, (g+1)%20, g%5, 9000+g))
			continue
		}
		q := p - p/5 - 1
		namespace, name := fmt.Sprintf("ns%d", from+q%(to-from)), fmt.Sprintf("p%d", q)
		store("networkpolicies/"+namespace+"/"+name, "networking.k8s.io/v1", "NetworkPolicy", namespace, name, "{}", fmt.Sprintf(
			`"spec":{"podSelector":{"matchLabels":{"app":"app%d"}},"policyTypes":["Ingress"],"ingress":[{"from":[{"podSelector":{"matchLabels":{"app":"app%d"}}}],"ports":[{"port":"http","protocol":"TCP"}]},{"from":[{"namespaceSelector":{"matchLabels":{"team":"t%d"}},"podSelector":{"matchLabels":{"app":"app%d"}}}]}]}`,
			q%5, (q+1)%5, q%20, q%3))
	}
	storeAll(t, etcd, values)
}

// TestConnectivityOfABigCluster counts what a question with twenty flows costs, and compares its
// CPU with that of a tenth of the cluster. By default the cluster has 1,500 pods in 30
// namespaces, and 75 policies; BIG_CLUSTER_PODS=10000 makes it the one of which the costs are
// promised, with 200 namespaces and 500 policies.
func TestConnectivityOfABigCluster(t *testing.T) { // alone, as it measures
	pods := 1_500
	if n, err := strconv.Atoi(os.Getenv("BIG_CLUSTER_PODS")); err == nil {
		pods = n
	}
	namespaces := pods / 50
	k := newCluster(t)
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
	storeCluster(t, k.Etcd(), 0, namespaces/10)
	few := measure(t, w, "apply", "-auto-approve", "-json")
	proxy.Seen() // and they are gone
	storeCluster(t, k.Etcd(), namespaces/10, namespaces)
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
	t.Logf("%s; %d rows; the provider took %s of CPU, %s for a tenth of it, and %d MB at most; requests %v", summary, rows, used.provider, few.provider, used.memory>>20, counts)
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
	// The provider starts for a tenth of the cluster, too: so this is less than tenfold.
	if used.provider > 10*few.provider || used.memory > 400<<20 {
		t.Errorf("it took %s of CPU, a tenth of it %s; and %d MB", used.provider, few.provider, used.memory>>20)
	}
}
