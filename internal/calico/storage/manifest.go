package storage

import (
	"fmt"
	"slices"

	jsoniter "github.com/json-iterator/go"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"sigs.k8s.io/yaml"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// Manifest returns the object as a YAML manifest that `calicoctl apply -f`
// takes, in any release that has the kind: with the user's name, and without
// what the datastore adds. Its form is stable, so that two manifests can be
// compared line by line.
func Manifest(obj calico.Object) (string, error) {
	n, err := manifest(obj)
	if err != nil {
		return "", err
	}
	text, err := yaml.JSONToYAML([]byte(n.String()))
	return string(text), err
}

// ManifestJSON returns the same as JSON, on one line.
func ManifestJSON(obj calico.Object) (string, error) {
	n, err := manifest(obj)
	if err != nil {
		return "", err
	}
	return n.String(), nil
}

// ParseManifest reads a manifest in JSON of a kind that this package knows, such
// as ManifestJSON returns. As calicoctl does, it refuses fields that the kind does
// not have: a misspelled one must not pass for an absent one.
func ParseManifest(text string) (calico.Object, error) {
	var envelope struct {
		Kind       string `json:"kind"`
		APIVersion string `json:"apiVersion"`
		Metadata   struct {
			Name string `json:"name"`
		} `json:"metadata"`
	}
	if err := calico.JSON.Unmarshal([]byte(text), &envelope); err != nil {
		return nil, misfit([]byte(text), &envelope, false)
	}
	if !slices.Contains(calico.Kinds(), calico.Kind(envelope.Kind)) || envelope.APIVersion != v3.GroupVersionCurrent {
		return nil, fmt.Errorf("it is of kind %q and apiVersion %q, where a kind of %q belongs", envelope.Kind, envelope.APIVersion, v3.GroupVersionCurrent)
	}
	if envelope.Metadata.Name == "" {
		return nil, fmt.Errorf("it is a %s without metadata.name", envelope.Kind)
	}
	obj := calico.Kind(envelope.Kind).New()
	if err := strictJSON.Unmarshal([]byte(text), obj); err != nil {
		return nil, fmt.Errorf("it is not a valid %s: %w", envelope.Kind, misfit([]byte(text), obj, true))
	}
	return obj, nil
}

// strictJSON is calico.JSON that knows no unknown fields.
var strictJSON = jsoniter.Config{EscapeHTML: true, SortMapKeys: true, ValidateJsonRawMessage: true, DisallowUnknownFields: true}.Froze()

// userMetadata are the fields of metadata that users write, and that calicoctl sends on:
// all others are of servers and controllers, such as finalizers and managedFields.
var userMetadata = []string{"name", "namespace", "labels", "annotations"}

func manifest(obj calico.Object) (*node, error) {
	value, err := calico.JSON.Marshal(obj)
	if err != nil {
		return nil, err
	}
	n, err := parseNode(value)
	if err != nil {
		return nil, err
	}
	metadata := field(n, "metadata")
	for _, name := range slices.Clone(metadata.keys) {
		if !slices.Contains(userMetadata, name) {
			metadata.remove(name)
		}
	}
	n.remove("status") // which Calico writes
	removeVoid(n)
	return n, nil
}

// removeVoid drops the empty source and destination that Calico's encoder
// leaves in every rule. An empty icmp is kept, as Calico keeps it.
func removeVoid(n *node) {
	for _, name := range []string{"source", "destination"} {
		if f := field(n, name); f != nil && f.object && len(f.keys) == 0 {
			n.remove(name)
		}
	}
	for _, key := range n.keys {
		removeVoid(n.fields[key])
	}
	for _, item := range n.items {
		removeVoid(item)
	}
}
