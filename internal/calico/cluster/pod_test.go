package cluster_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/cluster"
)

// A pod as the API server serves it, with much that is not known here.
const pod = `{"apiVersion":"v1","kind":"Pod",
 "metadata":{"name":"web-1","namespace":"shop","uid":"5a24ddc6-f633-4f9d-bbce-65bdf64e8d7d","labels":{"app":"web","projectcalico.org/namespace":"other"},
  "ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web","uid":"1"}]},
 "spec":{"nodeName":"node-1","serviceAccountName":"front",
  "containers":[{"name":"c","image":"i","ports":[{"name":"http","containerPort":8080},{"containerPort":9090},{"hostPort":80,"containerPort":81},{"name":"odd","containerPort":5,"protocol":"DCCP"}]}],
  "initContainers":[{"name":"i","image":"i","ports":[{"name":"dns","containerPort":53,"protocol":"UDP"}]}]},
 "status":{"phase":"Running","podIP":"10.9.0.1","podIPs":[{"ip":"10.9.0.1"},{"ip":"fd09::1"}],"hostIP":"10.0.0.1"}}`

func decodePod(t *testing.T) *cluster.Pod {
	t.Helper()
	var p cluster.Pod
	if err := json.Unmarshal([]byte(pod), &p); err != nil {
		t.Fatal(err)
	}
	return &p
}

// The expected values are those that the real calicoctl shows of such a pod, but for the
// fields that are not known here.
func TestWorkloadEndpoint(t *testing.T) {
	got := decodePod(t).WorkloadEndpoint()
	want := calico.NewWorkloadEndpoint()
	want.Name, want.Namespace = "node--1-k8s-web--1-eth0", "shop"
	want.Labels = map[string]string{
		"app": "web", "projectcalico.org/namespace": "shop", "projectcalico.org/orchestrator": "k8s", "projectcalico.org/serviceaccount": "front",
	}
	want.Spec = calico.WorkloadEndpointSpec{
		Orchestrator: "k8s", Node: "node-1", Pod: "web-1", Endpoint: "eth0", ServiceAccountName: "front",
		IPNetworks: []string{"10.9.0.1/32", "fd09::1/128"}, Profiles: []string{"kns.shop", "ksa.shop.front"},
		// echo -n shop.web-1 | sha1sum
		InterfaceName: "cali" + interfaceSum,
		Ports: []calico.WorkloadEndpointPort{
			{Name: "http", Protocol: numorstring.ProtocolFromString("tcp"), Port: 8080},
			{Name: "dns", Protocol: numorstring.ProtocolFromString("udp"), Port: 53},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the workload endpoint differs (-want +got):\n%s", diff)
	}
	if c := got.DeepCopyObject(); !cmp.Equal(c, got) {
		t.Errorf("the copy differs: %s", cmp.Diff(got, c))
	}
}

func TestPodsThatAreNoEndpoints(t *testing.T) {
	for reason, change := range map[string]func(*cluster.Pod){
		"in the host's network":  func(p *cluster.Pod) { p.Spec.HostNetwork = true },
		"of no node":             func(p *cluster.Pod) { p.Spec.NodeName = "" },
		"succeeded":              func(p *cluster.Pod) { p.Status.Phase = "Succeeded" },
		"failed":                 func(p *cluster.Pod) { p.Status.Phase = "Failed" },
		"without an address":     func(p *cluster.Pod) { p.Status = cluster.PodStatus{} },
		"with an address like x": func(p *cluster.Pod) { p.Status.PodIPs[0].IP = "x" },
		"with one good, one bad": func(p *cluster.Pod) { p.Status.PodIPs[1].IP = "10.9.0" },
		"with annotations like y": func(p *cluster.Pod) {
			p.Status = cluster.PodStatus{}
			p.Metadata.Annotations = map[string]string{"cni.projectcalico.org/podIP": "y"}
		},
		"that AWS has taken apart": func(p *cluster.Pod) {
			p.Metadata.DeletionTimestamp = now
			p.Metadata.Annotations = map[string]string{"vpc.amazonaws.com/pod-ips": ""}
		},
	} {
		p := decodePod(t)
		change(p)
		if w := p.WorkloadEndpoint(); w != nil {
			t.Errorf("a pod %s is a workload endpoint: %+v", reason, w)
		}
	}
	p := decodePod(t)
	p.Status.PodIPs = nil
	if w := p.WorkloadEndpoint(); w == nil || len(w.Spec.IPNetworks) != 1 {
		t.Errorf("of the one address in podIP came %+v", w)
	}
}

func TestDecodeWorkloadEndpoint(t *testing.T) {
	w, err := calico.DecodeWorkloadEndpoint([]byte(`{"kind":"WorkloadEndpoint","apiVersion":"projectcalico.org/v3","metadata":{"name":"n-k8s-p-eth0","namespace":"ns","uid":"u","labels":{"a":"b"}},"spec":{"orchestrator":"k8s","node":"n","containerID":"c","pod":"p","endpoint":"eth0","ipNetworks":["10.9.0.1/32"],"profiles":["kns.ns"],"interfaceName":"cali1","mac":"ee:ee:ee:ee:ee:ee","ports":[{"name":"http","protocol":"TCP","port":80,"hostPort":0,"hostIP":""}],"ipNATs":[{"internalIP":"10.9.0.1","externalIP":"192.0.2.1"}]}}`))
	if err != nil || w.Spec.Pod != "p" || w.Spec.IPNetworks[0] != "10.9.0.1/32" || w.Spec.Ports[0].Port != 80 || w.Labels["a"] != "b" {
		t.Errorf("%+v, %v", w, err)
	}
	for _, bad := range []string{`{"kind":"HostEndpoint"}`, `{`} {
		if w, err := calico.DecodeWorkloadEndpoint([]byte(bad)); err == nil {
			t.Errorf("%s is read as %+v", bad, w)
		}
	}
	for _, kind := range calico.Kinds() {
		if kind == calico.WorkloadEndpointKind {
			t.Error("a workload endpoint is of the kinds that a user writes")
		}
	}
}

func TestProfiles(t *testing.T) {
	n := cluster.Namespace{Metadata: cluster.Meta{Name: "shop", Labels: map[string]string{"team": "x", "projectcalico.org/name": "lie"}}}
	p := n.Profile()
	if diff := cmp.Diff(map[string]string{"pcns.team": "x", "pcns.projectcalico.org/name": "shop"}, p.Spec.LabelsToApply); diff != "" || p.Name != "kns.shop" || len(p.Spec.Ingress) != 1 || len(p.Spec.Egress) != 1 {
		t.Errorf("the profile of a namespace: %+v", p)
	}
	a := cluster.ServiceAccount{Metadata: cluster.Meta{Namespace: "shop", Name: "front", Labels: map[string]string{"tier": "edge"}}}
	p = a.Profile()
	if diff := cmp.Diff(map[string]string{"pcsa.tier": "edge", "pcsa.projectcalico.org/name": "front"}, p.Spec.LabelsToApply); diff != "" || p.Name != "ksa.shop.front" || p.Spec.Ingress != nil || p.Spec.Egress != nil {
		t.Errorf("the profile of a service account: %+v", p)
	}
}
