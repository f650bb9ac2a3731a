package storage

import (
	"time"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// ContentChanges tells what is different in two stored values of one object, as
// Changes does, but for what Calico writes for itself: what it reports of an
// object, and by release a policy's stored name, its name annotation, its tier
// label and the filled in tier "default" and staged action "Set", and a field that v3.33
// writes in another way. What means the same is no difference either: both are compared
// in the canonical form (see calico.Canonical), with all that this provider does not know.
// If that differs, what is told is what is stored. So an object that Calico's own tools
// stored again, be it in another spelling, under another release, or migrated to another
// release's naming, has not changed.
func ContentChanges(kind calico.Kind, before, after []byte) ([]string, error) {
	a, err := neutral(kind, before)
	if err != nil {
		return nil, err
	}
	b, err := neutral(kind, after)
	if err != nil {
		return nil, err
	}
	if len(nodeChanges(inCanonicalForm(kind, a), inCanonicalForm(kind, b))) == 0 {
		return nil, nil
	}
	return nodeChanges(a, b), nil
}

// inCanonicalForm returns a stored value with what the kind's type knows of it in canonical
// form. What cannot be read, or would lose something, is returned as it is.
func inCanonicalForm(kind calico.Kind, n *node) *node {
	stored := []byte(n.String())
	obj := kind.New()
	if calico.JSON.Unmarshal(stored, obj) != nil || obj.GetObjectKind().GroupVersionKind().Kind != string(kind) {
		return n
	}
	obj = calico.Canonical(obj)
	text, err := calico.JSON.Marshal(obj)
	if err != nil {
		return n
	}
	if text, err = keepUnknown(obj, text, stored); err != nil {
		return n
	}
	canonical, err := parseNode(text)
	if err != nil {
		return n
	}
	return canonical
}

// CreationChanges tells what would be different in a stored value if the object were
// created in its place by the release, as ContentChanges does: nothing where the value
// is what that would store. uid and creation time, which each creation makes anew, are
// no difference. All else is: fields that this provider does not know, and labels,
// annotations, owner references and finalizers that others have put there.
//
// It answers an error where the value is not JSON, or the object cannot be encoded.
func CreationChanges(obj calico.Object, stored []byte, r calico.Release) ([]string, error) {
	_, created, err := Encode(obj, nil, r, Fresh{UID: "new", Created: time.Unix(0, 0)})
	if err != nil {
		return nil, err
	}
	a, err := neutral(calico.KindOf(obj), stored)
	if err != nil {
		return nil, err
	}
	b, err := neutral(calico.KindOf(obj), created)
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
func neutral(kind calico.Kind, value []byte) (*node, error) {
	n, err := parseNode(value)
	if err != nil {
		return nil, err
	}
	n.remove("status")
	if kind == calico.KindKubeControllersConfiguration {
		neutralMigration(field(field(n, "spec"), "controllers"))
	}
	if !kind.Tiered() {
		return n, nil
	}
	meta := field(n, "metadata")
	spec := field(n, "spec")
	tier := calico.DefaultTier
	if t := field(spec, "tier"); t != nil {
		tier = unquote(t.scalar)
	}
	meta.remove("name")
	field(meta, "annotations").remove(MetadataAnnotation)
	if label := field(field(meta, "labels"), v3.LabelTier); label != nil && unquote(label.scalar) == tier {
		field(meta, "labels").remove(v3.LabelTier)
	}
	if tier == calico.DefaultTier {
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
