package calico

import v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

// ContentChanges tells what is different in two stored values of one object, as
// Changes does, but for what Calico writes for itself: what it reports of an
// object, and by release a policy's stored name, its name annotation, its tier
// label and the filled in tier "default" and staged action "Set". So an object
// that Calico's own tools stored again, or migrated to another release's naming,
// has not changed.
func ContentChanges(kind Kind, before, after []byte) ([]string, error) {
	a, err := neutral(kind, before)
	if err != nil {
		return nil, err
	}
	b, err := neutral(kind, after)
	if err != nil {
		return nil, err
	}
	return nodeChanges(a, b), nil
}

// neutral parses a stored value and takes away what depends on the release.
func neutral(kind Kind, value []byte) (*node, error) {
	n, err := parseNode(value)
	if err != nil {
		return nil, err
	}
	n.remove("status")
	if !kind.Tiered() {
		return n, nil
	}
	meta := field(n, "metadata")
	spec := field(n, "spec")
	tier := DefaultTier
	if t := field(spec, "tier"); t != nil {
		tier = unquote(t.scalar)
	}
	meta.remove("name")
	field(meta, "annotations").remove(MetadataAnnotation)
	if label := field(field(meta, "labels"), v3.LabelTier); label != nil && unquote(label.scalar) == tier {
		field(meta, "labels").remove(v3.LabelTier)
	}
	if tier == DefaultTier {
		spec.remove("tier")
	}
	if action := field(spec, "stagedAction"); action != nil && unquote(action.scalar) == string(v3.StagedActionSet) {
		spec.remove("stagedAction")
	}
	return n, nil
}
