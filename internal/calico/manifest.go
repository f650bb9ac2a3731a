package calico

import (
	"sigs.k8s.io/yaml"
)

// Manifest returns the object as a YAML manifest that `calicoctl apply -f`
// takes, in any release that has the kind: with the user's name, and without
// what the datastore adds. Its form is stable, so that two manifests can be
// compared line by line.
func Manifest(obj Object) (string, error) {
	out := deepCopy(obj)
	out.SetUID("")
	out.SetResourceVersion("")
	out.SetManagedFields(nil)
	value, err := calicoJSON.Marshal(out)
	if err != nil {
		return "", err
	}
	n, err := parseNode(value)
	if err != nil {
		return "", err
	}
	field(n, "metadata").remove("creationTimestamp")
	removeVoid(n)
	text, err := yaml.JSONToYAML([]byte(n.String()))
	return string(text), err
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
