package calico

import (
	"reflect"
	"time"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
)

// ContentChanges tells what is different in two stored values of one object, as
// Changes does, but for what Calico writes for itself: what it reports of an
// object, and by release a policy's stored name, its name annotation, its tier
// label and the filled in tier "default" and staged action "Set", a field that v3.33
// writes in another way, and the values that mean the same as none (see fillImplied).
// So an object that Calico's own tools stored again, be it under another release, or
// migrated to another release's naming, has not changed.
func ContentChanges(kind Kind, before, after []byte) ([]string, error) {
	a, err := neutral(kind, before)
	if err != nil {
		return nil, err
	}
	b, err := neutral(kind, after)
	if err != nil {
		return nil, err
	}
	addImplied(kind, a)
	addImplied(kind, b)
	return nodeChanges(a, b), nil
}

// addImplied adds to a stored value the fields that mean the same if they are absent.
// What cannot be decoded stays as it is.
func addImplied(kind Kind, n *node) {
	obj := kind.New()
	if calicoJSON.Unmarshal([]byte(n.String()), obj) != nil {
		return
	}
	filled := deepCopy(obj)
	fillImplied(filled)
	if reflect.DeepEqual(obj, filled) {
		return
	}
	var trees [2]*node
	for i, o := range []Object{obj, filled} {
		text, err := calicoJSON.Marshal(o)
		if err != nil {
			return
		}
		if trees[i], err = parseNode(text); err != nil {
			return
		}
	}
	addMissing(n, trees[0], trees[1])
}

// addMissing adds to n the fields that after has and before has not.
func addMissing(n, before, after *node) {
	for _, key := range after.keys {
		was, is := field(before, key), after.fields[key]
		name, value := n.lookup(key)
		switch {
		case was == nil && name == "":
			n.set(key, is)
		case was == nil:
			n.set(name, is) // empty, which is absent to Calico
		case !was.object || !is.object:
		case value == nil:
			// The encoding of a type has objects that are not stored, such as an empty spec.
			value = &node{object: true, fields: map[string]*node{}}
			addMissing(value, was, is)
			n.set(key, value)
		default:
			addMissing(value, was, is)
		}
	}
}

// CreationChanges tells what would be different in a stored value if the object were
// created in its place by the release, as ContentChanges does: nothing where the value
// is what that would store. uid and creation time, which each creation makes anew, are
// no difference. All else is: fields that this provider does not know, and labels,
// annotations, owner references and finalizers that others have put there.
//
// It answers an error where the value is not JSON, or the object cannot be encoded.
func CreationChanges(obj Object, stored []byte, r Release) ([]string, error) {
	_, created, err := Encode(obj, nil, r, Fresh{UID: "new", Created: time.Unix(0, 0)})
	if err != nil {
		return nil, err
	}
	a, err := neutral(KindOf(obj), stored)
	if err != nil {
		return nil, err
	}
	b, err := neutral(KindOf(obj), created)
	if err != nil {
		return nil, err
	}
	for _, key := range []string{"uid", "creationTimestamp"} {
		// What lacks one was made by neither this provider nor a tool of Calico's.
		if was := field(field(a, "metadata"), key); was != nil && unquote(was.scalar) != "" {
			field(b, "metadata").set(key, was)
		}
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
	if kind == KindKubeControllersConfiguration {
		neutralMigration(field(field(n, "spec"), "controllers"))
	}
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

// neutralMigration writes what v3.33 says of its migrators as v3.32 does.
func neutralMigration(controllers *node) {
	migrators := field(controllers, "migration")
	if migrators == nil {
		return
	}
	controllers.remove("migration")
	if mode := field(migrators, "policyNameMigrator"); mode != nil {
		migrators.remove("policyNameMigrator")
		migrators.set("enabled", mode)
	}
	controllers.set("policyMigration", migrators)
}
