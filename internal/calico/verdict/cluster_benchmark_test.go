package verdict_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/cluster"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// bigCluster has namespaces of fifty pods each, no two pods with the same labels, and
// policies: four of five are of Kubernetes, and the others are global.
func bigCluster(namespaces, policies int) *clusterWorld {
	c := &clusterWorld{}
	for n := range namespaces {
		name := fmt.Sprintf("ns%d", n)
		c.namespaces = append(c.namespaces, &cluster.Namespace{Metadata: cluster.Meta{Name: name, Labels: map[string]string{"team": fmt.Sprintf("t%d", n%20), "kubernetes.io/metadata.name": name}}})
		c.accounts = append(c.accounts, &cluster.ServiceAccount{Metadata: cluster.Meta{Name: "default", Namespace: name}})
		for p := range 50 {
			pod := &cluster.Pod{Metadata: cluster.Meta{Name: fmt.Sprintf("pod-%d", p), Namespace: name, Labels: map[string]string{
				"app": fmt.Sprintf("app%d", p%5), "pod-template-hash": fmt.Sprintf("%d", p%5), "statefulset.kubernetes.io/pod-name": fmt.Sprintf("pod-%d", p),
			}}}
			pod.Spec = cluster.PodSpec{NodeName: fmt.Sprintf("node%d", p), ServiceAccountName: "default", Containers: []cluster.Container{{Ports: []cluster.ContainerPort{{Name: "http", ContainerPort: 8080}}}}}
			pod.Status = cluster.PodStatus{Phase: "Running", PodIP: fmt.Sprintf("10.%d.%d.%d", n/100, n%100, p+1)}
			c.pods = append(c.pods, pod)
		}
	}
	http := intstr.FromString("http")
	for p := range policies * 4 / 5 {
		labels := func(key, value string) *metav1.LabelSelector {
			return &metav1.LabelSelector{MatchLabels: map[string]string{key: value}}
		}
		n := &cluster.NetworkPolicy{Metadata: cluster.Meta{Name: fmt.Sprintf("p%d", p), Namespace: fmt.Sprintf("ns%d", p%namespaces)}}
		n.Spec.PodSelector = *labels("app", fmt.Sprintf("app%d", p%5))
		n.Spec.PolicyTypes = []string{"Ingress"}
		n.Spec.Ingress = []cluster.IngressRule{
			{From: []cluster.Peer{{PodSelector: labels("app", fmt.Sprintf("app%d", (p+1)%5))}}, Ports: []cluster.Port{{Port: &http}}},
			{From: []cluster.Peer{{NamespaceSelector: labels("team", fmt.Sprintf("t%d", p%20)), PodSelector: labels("app", fmt.Sprintf("app%d", p%3))}}},
		}
		c.networkPolicies = append(c.networkPolicies, n)
	}
	for p := range policies / 5 {
		order := float64(p)
		g := v3.NewGlobalNetworkPolicy()
		g.Name = fmt.Sprintf("g%d", p)
		g.Spec = v3.GlobalNetworkPolicySpec{
			Order: &order, NamespaceSelector: fmt.Sprintf("team == 't%d'", p%20), Types: []v3.PolicyType{v3.PolicyTypeIngress},
			Ingress: []v3.Rule{{Action: v3.Allow, Protocol: ptr(numorstring.ProtocolFromString("TCP")), Source: v3.EntityRule{
				NamespaceSelector: fmt.Sprintf("team == 't%d'", (p+1)%20), Selector: fmt.Sprintf("app == 'app%d'", p%5),
			}, Destination: v3.EntityRule{Ports: []numorstring.Port{numorstring.SinglePort(uint16(9000 + p))}}}},
		}
		c.objects = append(c.objects, g)
	}
	return c
}

// twentyFlows asks about twenty flows at each pod.
func twentyFlows(w *verdict.World) (outcomes [3]int) {
	for i := range 20 {
		f := verdict.Flow{
			Protocol: numorstring.ProtocolFromString("TCP"), Port: uint16(8080 + 920*(i%2) + i/2),
			Peer: netip.MustParsePrefix(fmt.Sprintf("10.%d.%d.%d/32", i%2, i, i+1)),
		}
		for _, ep := range w.Workloads() {
			outcomes[w.Decide(ep, f).Outcome]++
		}
	}
	return outcomes
}

// A question about a whole cluster: ten times as many pods take ten times the CPU, ten
// times as many policies a few times the CPU, as few of them are of one pod; and what is
// allocated and kept is counted.
func TestClusterGrowsLinearly(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("it takes seconds, and the race detector many times that: make test runs it without")
	}
	cost := func(namespaces, policies int) (took time.Duration, allocations uint64, kept int64) {
		c := bigCluster(namespaces, policies)
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := spentCPU(t)
		w := c.world(calico.Newest)
		outcomes := twentyFlows(w)
		took = spentCPU(t) - began
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(w)
		allocations, kept = after.Mallocs-before.Mallocs, int64(after.HeapAlloc)-int64(before.HeapAlloc)
		t.Logf("%d pods and %d policies: %d allowed, %d denied; %s, %d allocations, %d MB kept", 50*namespaces, policies,
			outcomes[verdict.Allowed], outcomes[verdict.Denied], took, allocations, kept>>20)
		if outcomes[verdict.Allowed] == 0 || outcomes[verdict.Denied] == 0 || outcomes[verdict.Undecided] > 0 {
			t.Errorf("outcomes %v", outcomes)
		}
		return took, allocations, kept
	}
	all, allocations, kept := cost(200, 500)
	fewPods, _, _ := cost(20, 500)
	fewPolicies, _, _ := cost(200, 50)
	if all > 15*fewPods {
		t.Errorf("ten times as many pods take %s, and were %s", all, fewPods)
	}
	if all > 5*fewPolicies {
		t.Errorf("ten times as many policies take %s, and were %s", all, fewPolicies)
	}
	// Twenty-five allocations for each of 200,000 decisions. The memory of a question is 400 MB
	// at most, of which what reads the objects needs a part.
	if allocations > 5_000_000 || kept > 100<<20 {
		t.Errorf("it made %d allocations, and kept %d MB", allocations, kept>>20)
	}
}

func BenchmarkCluster(b *testing.B) {
	c := bigCluster(200, 500)
	b.ReportAllocs()
	for b.Loop() {
		twentyFlows(c.world(calico.Newest))
	}
}

// BenchmarkConnect asks about both ends of each pair of two namespaces.
func BenchmarkConnect(b *testing.B) {
	w := bigCluster(200, 500).world(calico.Newest)
	all := w.Workloads()
	b.ReportAllocs()
	for b.Loop() {
		for _, from := range all[:50] {
			for _, to := range all[100:150] {
				w.Connect(verdict.Connection{From: verdict.Side{Endpoint: from}, To: verdict.Side{Endpoint: to}, Protocol: numorstring.ProtocolFromString("TCP"), Port: 8080})
			}
		}
	}
}
