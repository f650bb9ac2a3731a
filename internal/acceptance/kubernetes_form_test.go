package acceptance

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// tiered tells the kinds whose objects belong to a tier.
func tiered(kind calico.Kind) bool { return strings.HasSuffix(string(kind), "Policy") }

// prefixes tells whether the tier is a part of the name that an object of the kind is
// stored under.
func (w kubernetesWorld) prefixes(kind calico.Kind) bool { return tiered(kind) && w.minor < 32 }

func (w kubernetesWorld) storedName(id calico.ID) string {
	// In another tier its name begins with that.
	if w.prefixes(id.Kind) && !strings.Contains(id.Name, ".") {
		return "default." + id.Name
	}
	return id.Name
}

// serversOwn are what the API server writes into metadata.
var serversOwn = []string{"uid", "creationTimestamp", "generation", "resourceVersion", "managedFields"}

// calicosRunning is what Calico before v3.32 writes of a KubeControllersConfiguration that
// nothing runs by yet.
var calicosRunning = fields{"runningConfig": fields{"controllers": fields{}}}

// wrap makes of an object what Calico sends to the API server, with what the server adds
// to its spec.
func (w kubernetesWorld) wrap(object fields) fields {
	kind := calico.Kind(fmt.Sprint(object["kind"]))
	metadata, spec := part(object, "metadata"), part(object, "spec")
	if kind == calico.KindNode {
		return wrapNode(object)
	}
	object["apiVersion"] = w.group(kind)
	labels, annotations := part(metadata, "labels"), part(metadata, "annotations")
	made, name := metadata["creationTimestamp"], metadata["name"]
	for _, key := range serversOwn {
		delete(metadata, key)
	}
	if tiered(kind) && w.minor >= 29 {
		tier := spec["tier"]
		if tier == nil {
			tier = "default"
		}
		switch {
		case w.minor >= 32:
			spec["tier"], labels[tierLabel] = tier, tier
		case tier == "default":
			delete(spec, "tier")
		default:
			labels[tierLabel] = tier
		}
	}
	for _, rule := range rulesOf(kind, spec) {
		if w.minor < 32 {
			part(rule, "source")
			part(rule, "destination")
		}
	}
	switch kind {
	case calico.KindKubeControllersConfiguration:
		if w.minor < 32 {
			object["status"] = calicosRunning
		}
	case calico.KindFelixConfiguration:
		if spec["bpfLogLevel"] == nil {
			spec["bpfLogLevel"] = ""
		}
	default:
	}
	metadata["name"] = w.storedName(calico.ID{Kind: kind, Name: fmt.Sprint(name)})
	if !w.native {
		inner := fields{"creationTimestamp": made, "labels": maps.Clone(labels), "annotations": maps.Clone(annotations)}
		if made == nil {
			inner["creationTimestamp"] = time.Now().UTC().Format(time.RFC3339)
		}
		if tiered(kind) && w.minor >= 29 {
			inner["name"] = name
		}
		dropEmpty(inner, "labels", "annotations")
		for _, all := range []fields{labels, annotations} {
			maps.DeleteFunc(all, func(key string, _ any) bool { return !strings.Contains(key, "projectcalico.org/") })
		}
		text, err := json.Marshal(inner)
		if err != nil {
			panic(err)
		}
		annotations[nameAnnotation] = string(text)
	}
	dropEmpty(metadata, "labels", "annotations")
	return object
}

// unwrap is the reverse of wrap. What Calico adds is checked by wrapping the object again.
func (w kubernetesWorld) unwrap(t *testing.T, id calico.ID, stored fields) fields {
	t.Helper()
	if id.Kind == calico.KindNode {
		return unwrapNode(t, stored)
	}
	metadata, spec := part(stored, "metadata"), part(stored, "spec")
	stored["apiVersion"] = "projectcalico.org/v3"
	metadata["name"] = id.Name
	for _, key := range []string{"generation", "resourceVersion", "managedFields"} {
		delete(metadata, key)
	}
	if !w.native {
		text, _ := part(metadata, "annotations")[nameAnnotation].(string)
		if text == "" {
			t.Errorf("%s has no annotation %s", w.path(id), nameAnnotation)
			text = "{}"
		}
		inner := parse(t, text)
		if made := fmt.Sprint(inner["creationTimestamp"]); !timeForm.MatchString(made) {
			t.Errorf("%s was created at %q, says its annotation %s", w.path(id), made, text)
		}
		metadata["creationTimestamp"], metadata["labels"], metadata["annotations"] = inner["creationTimestamp"], part(inner, "labels"), part(inner, "annotations")
	}
	if tiered(id.Kind) {
		delete(part(metadata, "labels"), tierLabel)
		if spec["tier"] == nil && w.minor >= 29 {
			spec["tier"] = "default"
		}
	}
	dropEmpty(metadata, "labels", "annotations")
	for _, rule := range rulesOf(id.Kind, spec) {
		dropEmpty(rule, "source", "destination")
	}
	if spec["bpfLogLevel"] == "" {
		delete(spec, "bpfLogLevel")
	}
	if id.Kind == calico.KindKubeControllersConfiguration {
		delete(stored, "status")
	}
	return stored
}

// nodeAnnotations are the annotations of a Node of Kubernetes in which Calico keeps what
// it knows of the node, by the fields of its own Node. What is no text is there as JSON.
var nodeAnnotations = map[string]string{
	"metadata.labels":                     "labels",
	"metadata.annotations":                "annotations",
	"spec.bgp.asNumber":                   "ASNumber",
	"spec.bgp.ipv4Address":                "IPv4Address",
	"spec.bgp.ipv6Address":                "IPv6Address",
	"spec.bgp.ipv4IPIPTunnelAddr":         "IPv4IPIPTunnelAddr",
	"spec.bgp.routeReflectorClusterID":    "RouteReflectorClusterID",
	"spec.ipv4VXLANTunnelAddr":            "IPv4VXLANTunnelAddr",
	"spec.ipv6VXLANTunnelAddr":            "IPv6VXLANTunnelAddr",
	"spec.vxlanTunnelMACAddr":             "VXLANTunnelMACAddr",
	"spec.vxlanTunnelMACAddrV6":           "VXLANTunnelMACAddrV6",
	"spec.wireguard.interfaceIPv4Address": "IPv4WireguardInterfaceAddr",
	"spec.wireguard.interfaceIPv6Address": "IPv6WireguardInterfaceAddr",
	"spec.interfaces":                     "Interfaces",
}

// wrapNode makes a Node of Kubernetes of one of Calico's.
func wrapNode(node fields) fields {
	annotations := fields{}
	for path, name := range nodeAnnotations {
		value := any(node)
		for step := range strings.SplitSeq(path, ".") {
			inner, _ := value.(fields)
			value = inner[step]
		}
		if text, ok := value.(string); ok {
			annotations["projectcalico.org/"+name] = text
		} else if value != nil {
			text, err := json.Marshal(value)
			if err != nil {
				panic(err)
			}
			annotations["projectcalico.org/"+name] = string(text)
		}
	}
	return fields{"kind": "Node", "apiVersion": "v1", "metadata": fields{"name": part(node, "metadata")["name"], "annotations": annotations}}
}

// unwrapNode is the reverse of wrapNode.
func unwrapNode(t *testing.T, stored fields) fields {
	t.Helper()
	metadata := part(stored, "metadata")
	node := fields{"kind": "Node", "apiVersion": "projectcalico.org/v3", "metadata": fields{"name": metadata["name"], "uid": metadata["uid"], "creationTimestamp": metadata["creationTimestamp"]}}
	for path, name := range nodeAnnotations {
		text, ok := part(metadata, "annotations")["projectcalico.org/"+name].(string)
		if !ok {
			continue
		}
		steps := strings.Split(path, ".")
		in := node
		for _, step := range steps[:len(steps)-1] {
			in = part(in, step)
		}
		in[steps[len(steps)-1]] = text
		var value any
		if err := json.Unmarshal([]byte(text), &value); err == nil {
			in[steps[len(steps)-1]] = value
		}
	}
	return node
}
