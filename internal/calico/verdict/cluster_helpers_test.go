package verdict_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/cluster"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// clusterWorld is what a cluster holds: Calico's own objects, and those of Kubernetes.
type clusterWorld struct {
	objects         []calico.Object
	pods            []*cluster.Pod
	namespaces      []*cluster.Namespace
	accounts        []*cluster.ServiceAccount
	services        []cluster.Service
	slices          []cluster.EndpointSlice
	networkPolicies []*cluster.NetworkPolicy
	// other workload endpoints than those of pods.
	workloads []*calico.WorkloadEndpoint
	pools     []*v3.IPPool
}

// deleted is when a pod that is being deleted began to be.
var deleted = &metav1.Time{Time: time.Unix(1700000000, 0)}

// shortPod is a pod in few words.
type shortPod struct {
	Node        string                  `json:"node"`
	IP          string                  `json:"ip"`
	IPs         []string                `json:"ips"`
	Account     string                  `json:"account"`
	Labels      map[string]string       `json:"labels"`
	Annotations map[string]string       `json:"annotations"`
	HostNetwork bool                    `json:"hostNetwork"`
	Phase       string                  `json:"phase"`
	Deleting    bool                    `json:"deleting"`
	Ports       []cluster.ContainerPort `json:"ports"`
}

// parseCluster reads a world from YAML as parseWorld does, with more kinds.
func parseCluster(t testing.TB, text string) *clusterWorld {
	t.Helper()
	var docs map[string]json.RawMessage
	if err := yaml.UnmarshalStrict([]byte(text), &docs); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	c := &clusterWorld{}
	own := map[string]json.RawMessage{}
	for key, raw := range docs {
		short, name, _ := strings.Cut(key, " ")
		meta := cluster.Meta{Name: name}
		if namespace, rest, ok := strings.Cut(name, "/"); ok {
			meta.Namespace, meta.Name = namespace, rest
		}
		into := func(v any) {
			if err := yaml.UnmarshalStrict(raw, v); err != nil {
				t.Fatalf("%s: %v", key, err)
			}
		}
		switch short {
		case "Pod":
			var s shortPod
			into(&s)
			c.pods = append(c.pods, s.pod(meta))
		case "Namespace":
			into(&meta.Labels)
			c.namespaces = append(c.namespaces, &cluster.Namespace{Metadata: meta})
		case "Account":
			into(&meta.Labels)
			c.accounts = append(c.accounts, &cluster.ServiceAccount{Metadata: meta})
		case "Service":
			s := cluster.Service{Metadata: meta}
			into(&s.Spec)
			c.services = append(c.services, s)
		case "Slice":
			s := cluster.EndpointSlice{}
			into(&s)
			service, _, _ := strings.Cut(meta.Name, "-")
			meta.Labels = map[string]string{cluster.ServiceNameLabel: service}
			s.Metadata = meta
			c.slices = append(c.slices, s)
		case "KNP":
			p := &cluster.NetworkPolicy{Metadata: meta}
			into(&p.Spec)
			c.networkPolicies = append(c.networkPolicies, p)
		case "WEP":
			w := calico.NewWorkloadEndpoint()
			into(w)
			w.Name, w.Namespace = meta.Name, meta.Namespace
			c.workloads = append(c.workloads, w)
		case "Pool":
			p := v3.NewIPPool()
			into(&p.Spec)
			p.Name = meta.Name
			c.pools = append(c.pools, p)
		default:
			own[key] = raw
		}
	}
	data, err := json.Marshal(own)
	if err != nil {
		t.Fatal(err)
	}
	c.objects = parseWorld(t, string(data))
	return c
}

func (s *shortPod) pod(meta cluster.Meta) *cluster.Pod {
	meta.Labels, meta.Annotations = s.Labels, s.Annotations
	p := &cluster.Pod{Metadata: meta, Spec: cluster.PodSpec{
		NodeName: s.Node, HostNetwork: s.HostNetwork, ServiceAccountName: s.Account, Containers: []cluster.Container{{Ports: s.Ports}},
	}, Status: cluster.PodStatus{Phase: s.Phase, PodIP: s.IP}}
	if s.Deleting {
		p.Metadata.DeletionTimestamp = deleted
	}
	for _, ip := range s.IPs {
		p.Status.PodIPs = append(p.Status.PodIPs, cluster.PodIP{IP: ip})
	}
	return p
}

// all returns what Felix gets to know.
func (c *clusterWorld) all() []calico.Object {
	objects := append([]calico.Object{}, c.objects...)
	for _, p := range c.pods {
		if w := p.WorkloadEndpoint(); w != nil {
			objects = append(objects, w)
		}
	}
	for _, n := range c.namespaces {
		objects = append(objects, n.Profile())
	}
	for _, a := range c.accounts {
		objects = append(objects, a.Profile())
	}
	for _, p := range c.networkPolicies {
		objects = append(objects, p.Policy())
	}
	for _, w := range c.workloads {
		objects = append(objects, w)
	}
	for _, p := range c.pools {
		objects = append(objects, p)
	}
	return objects
}

func (c *clusterWorld) world(release calico.Release) *verdict.World {
	return verdict.New(c.all(), release, verdict.WithServices(c.services, c.slices))
}

// ask answers a question: "shop/web in TCP 10.9.0.1 80" is one about an endpoint, "shop/web
// -> shop/db TCP 5432" one about both ends, of which either may be an address.
func ask(t testing.TB, w *verdict.World, question string) (string, verdict.Verdict) {
	t.Helper()
	at, flow, _ := strings.Cut(question, " ")
	if rest, ok := strings.CutPrefix(flow, "-> "); ok {
		to, traffic, _ := strings.Cut(rest, " ")
		protocol, _, _ := strings.Cut(traffic, " ")
		f := parseFlow(t, "in "+protocol+" nowhere "+strings.TrimPrefix(strings.TrimPrefix(traffic, protocol), " "))
		course := w.Connect(verdict.Connection{
			From: side(t, w, at), To: side(t, w, to), Protocol: numorstring.ProtocolFromString(protocol),
			Port: f.Port, SourcePort: f.SourcePort, ICMPType: f.ICMPType, ICMPCode: f.ICMPCode,
		})
		return course.String(), course.Verdict
	}
	v := w.Decide(side(t, w, at).Endpoint, parseFlow(t, flow))
	return v.String(), v
}

// side is an endpoint, or an address.
func side(t testing.TB, w *verdict.World, name string) verdict.Side {
	t.Helper()
	if addr, err := netip.ParseAddr(name); err == nil {
		return verdict.Side{Addr: addr}
	}
	if namespace, pod, ok := strings.Cut(name, "/"); ok {
		ep, ok := w.Workload(namespace, pod)
		if !ok {
			t.Fatalf("no workload endpoint %q", name)
		}
		return verdict.Side{Endpoint: ep}
	}
	ep, ok := w.Endpoint(name)
	if !ok {
		t.Fatalf("no host endpoint %q", name)
	}
	return verdict.Side{Endpoint: ep}
}
