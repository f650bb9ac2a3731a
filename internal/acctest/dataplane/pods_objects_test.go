//go:build dataplane && linux

package dataplane

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// resource is an object of an API server, as far as it is given.
type resource struct {
	kind, namespace, name string
	labels, annotations   map[string]string
	// content is what the object has beside its head, and status what its status says.
	content, status map[string]any
	// unchanging is what can be changed by a new object alone.
	unchanging string
	// terminating is a pod that is to be deleted, with time to end: nobody ends it here.
	terminating bool
}

// resourceKinds tell where the API server has objects of a kind.
var resourceKinds = map[string]struct{ group, plural string }{
	"Namespace":                  {"v1", "namespaces"},
	"ServiceAccount":             {"v1", "serviceaccounts"},
	"Pod":                        {"v1", "pods"},
	"Service":                    {"v1", "services"},
	"EndpointSlice":              {"discovery.k8s.io/v1", "endpointslices"},
	"KubernetesNetworkPolicy":    {"networking.k8s.io/v1", "networkpolicies"},
	"AdminNetworkPolicy":         {"policy.networking.k8s.io/v1alpha1", "adminnetworkpolicies"},
	"BaselineAdminNetworkPolicy": {"policy.networking.k8s.io/v1alpha1", "baselineadminnetworkpolicies"},
	"NetworkPolicy":              {calicoGroup, "networkpolicies"},
	"GlobalNetworkPolicy":        {calicoGroup, "globalnetworkpolicies"},
	"StagedGlobalNetworkPolicy":  {calicoGroup, "stagedglobalnetworkpolicies"},
	"NetworkSet":                 {calicoGroup, "networksets"},
	"GlobalNetworkSet":           {calicoGroup, "globalnetworksets"},
	"HostEndpoint":               {calicoGroup, "hostendpoints"},
	"Tier":                       {calicoGroup, "tiers"},
	"FelixConfiguration":         {calicoGroup, "felixconfigurations"},
}

const calicoGroup = "crd.projectcalico.org/v1"

// storedName is the name that v3.31 stores a policy by: its tier comes first.
func (r resource) storedName() string {
	switch r.kind {
	case "NetworkPolicy", "GlobalNetworkPolicy", "StagedGlobalNetworkPolicy":
	default:
		return r.name
	}
	tier := "default"
	if spec, ok := r.content["spec"].(map[string]any); ok && spec["tier"] != nil {
		tier = fmt.Sprint(spec["tier"])
	}
	return tier + "." + r.name
}

func (r resource) path() string {
	group, in := resourceKinds[r.kind].group, ""
	root := "/apis/"
	if group == "v1" {
		root = "/api/"
	}
	if r.namespace != "" {
		in = "/namespaces/" + r.namespace
	}
	return root + group + in + "/" + resourceKinds[r.kind].plural + "/" + r.storedName()
}

// String is the object as something to read.
func (r resource) String() string {
	text, err := json.Marshal(map[string]any{
		"labels": r.labels, "annotations": r.annotations, "content": r.content, "status": r.status, "terminating": r.terminating,
	})
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("%s %s/%s %s", r.kind, r.namespace, r.name, text)
}

// body is what is to be applied: the object with the given parts.
func (r resource) body(parts map[string]any) string {
	metadata := map[string]any{"name": r.storedName()}
	if r.namespace != "" {
		metadata["namespace"] = r.namespace
	}
	if parts["status"] == nil {
		metadata["labels"], metadata["annotations"] = r.labels, r.annotations
	}
	object := map[string]any{}
	maps.Copy(object, parts)
	object["apiVersion"], object["kind"], object["metadata"] = resourceKinds[r.kind].group, strings.TrimPrefix(r.kind, "Kubernetes"), metadata
	if r.kind == "KubernetesNetworkPolicy" {
		object["kind"] = "NetworkPolicy"
	}
	text, err := json.Marshal(object)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// objectOf parses the content of an object.
func objectOf(text string) map[string]any {
	var content map[string]any
	if err := json.Unmarshal([]byte(text), &content); err != nil {
		panic(fmt.Sprintf("%v in %s", err, text))
	}
	return content
}

// withSpec is an object with a spec, in JSON.
func withSpec(kind, namespace, name, spec string) resource {
	return resource{kind: kind, namespace: namespace, name: name, content: map[string]any{"spec": objectOf(spec)}}
}

func (r resource) labelled(labels map[string]string) resource {
	r.labels = labels
	return r
}

// The namespaced kinds are of NAMESPACE/NAME.
func kubernetesPolicy(fullName, spec string) resource {
	namespace, name, _ := strings.Cut(fullName, "/")
	r := withSpec("KubernetesNetworkPolicy", namespace, name, spec)
	if _, given := objectOf(spec)["policyTypes"]; !given {
		// The API server fills them in, and what it has filled in it keeps.
		r.unchanging = spec
	}
	return r
}

func namespacedPolicy(fullName, spec string) resource {
	namespace, name, _ := strings.Cut(fullName, "/")
	return withSpec("NetworkPolicy", namespace, name, spec)
}

func globalPolicy(name, spec string) resource { return withSpec("GlobalNetworkPolicy", "", name, spec) }

func aNamespace(name string, labels map[string]string) resource {
	return resource{kind: "Namespace", name: name, labels: labels}
}

func serviceAccount(fullName string, labels map[string]string) resource {
	namespace, name, _ := strings.Cut(fullName, "/")
	return resource{kind: "ServiceAccount", namespace: namespace, name: name, labels: labels}
}

// podObject describes a Pod.
type podObject struct {
	// node is "" for a pod that is not scheduled.
	node, account, phase string
	labels, annotations  map[string]string
	addrs                []string
	// ports are those of its container, in JSON.
	ports       string
	hostNetwork bool
	terminating bool
}

func pod(fullName string, p podObject) resource {
	namespace, name, _ := strings.Cut(fullName, "/")
	container := map[string]any{"name": "c", "image": "none"}
	if p.ports != "" {
		container["ports"] = objectOf(`{"ports": ` + p.ports + `}`)["ports"]
	}
	spec := map[string]any{
		"serviceAccountName": p.account, "automountServiceAccountToken": false, "containers": []any{container},
	}
	if p.node != "" {
		spec["nodeName"] = p.node
	}
	if p.hostNetwork {
		spec["hostNetwork"] = true
	}
	unchanging, err := json.Marshal(spec)
	if err != nil {
		panic(err)
	}
	r := resource{
		kind: "Pod", namespace: namespace, name: name, labels: p.labels, annotations: p.annotations, terminating: p.terminating,
		content: map[string]any{"spec": spec}, unchanging: fmt.Sprint(string(unchanging), p.terminating),
	}
	r.status = map[string]any{"phase": p.phase}
	if len(p.addrs) > 0 {
		var list []any
		for _, addr := range p.addrs {
			list = append(list, map[string]any{"ip": addr})
		}
		r.status["podIP"], r.status["podIPs"] = p.addrs[0], list
	}
	return r
}

// slice is an EndpointSlice of a service: addresses of one family, with the ports in JSON.
func slice(service, suffix, ports string, addrs ...string) resource {
	namespace, name, _ := strings.Cut(service, "/")
	family := "IPv4"
	if strings.Contains(addrs[0], ":") {
		family = "IPv6"
	}
	var list []any
	for _, addr := range addrs {
		// That an endpoint is not ready does not matter to policies.
		list = append(list, map[string]any{"addresses": []any{addr}, "conditions": map[string]any{"ready": false}})
	}
	return resource{
		kind: "EndpointSlice", namespace: namespace, name: name + suffix, labels: map[string]string{"kubernetes.io/service-name": name},
		content:    map[string]any{"addressType": family, "endpoints": list, "ports": objectOf(`{"ports": ` + ports + `}`)["ports"]},
		unchanging: family,
	}
}

// applyQuery makes the API server take an object as it is given: what is there and not
// given goes, if it was given before.
const applyQuery = "?fieldManager=dataplane&force=true"

// become makes the API server hold these objects, and no others of what it was given
// before. It leaves alone what is as it is to be.
func (b *podBench) become(t *testing.T, state []resource) {
	t.Helper()
	const applied = "application/apply-patch+yaml"
	k := b.kubernetes
	next := map[string]resource{}
	for _, r := range state {
		if _, twice := next[r.path()]; twice {
			t.Fatalf("%s is there twice", r.path())
		}
		next[r.path()] = r
	}
	remove := func(path string) {
		t.Helper()
		k.MustDo(t, http.MethodDelete, path+"?gracePeriodSeconds=0", "", "")
		delete(b.stored, path)
	}
	for _, path := range slices.Sorted(maps.Keys(b.stored)) {
		if r, stays := next[path]; !stays || r.unchanging != b.stored[path].unchanging {
			remove(path)
		}
	}
	for _, r := range state {
		path := r.path()
		old, exists := b.stored[path]
		if exists && old.String() == r.String() {
			continue
		}
		k.MustDo(t, http.MethodPatch, path+applyQuery, applied, r.body(r.content))
		if r.status != nil {
			k.MustDo(t, http.MethodPatch, path+"/status"+applyQuery, applied, r.body(map[string]any{"status": r.status}))
		}
		if r.terminating {
			k.MustDo(t, http.MethodDelete, path+"?gracePeriodSeconds=1000", "", "")
		}
		b.stored[path] = r
	}
}
