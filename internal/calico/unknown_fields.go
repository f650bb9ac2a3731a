package calico

import (
	"fmt"
	"strings"
)

// UnknownFieldsError says that a change would move or drop a part of an object that
// holds fields which this provider does not know, so that they would be lost, or mean
// something else.
type UnknownFieldsError struct {
	// Fields are their paths, such as spec.ingress[0].future.
	Fields []string
}

// Error names the fields.
func (e *UnknownFieldsError) Error() string {
	return "the change would move or drop what holds unknown fields: " + strings.Join(e.Fields, ", ")
}

// UnknownFields returns the paths of those fields in the spec of a stored object that
// the types here do not know, such as spec.ingress[0].future: those of a newer release of
// Calico, or of another product. It returns none for a value that cannot be read.
func UnknownFields(kind Kind, value []byte) []string {
	all, known, err := typedTree(kind, value)
	if err != nil {
		return nil
	}
	_, spec := all.lookup("spec")
	_, knownSpec := known.lookup("spec")
	if spec == nil {
		return nil
	}
	return unknownIn("spec", spec, knownSpec)
}

// LostFields returns the paths of the unknown fields that would be lost, or could get a
// wrong place, if obj were stored in place of base. Encode refuses that.
func LostFields(obj Object, base []byte) []string {
	old, known, err := typedTree(KindOf(obj), base)
	if err != nil {
		return nil // the write will tell
	}
	text, err := calicoJSON.Marshal(obj)
	if err != nil {
		return nil
	}
	want, err := parseNode(text)
	if err != nil {
		return nil
	}
	var m merger
	_, oldSpec := old.lookup("spec")
	_, knownSpec := known.lookup("spec")
	_, wantSpec := want.lookup("spec")
	if oldSpec == nil || wantSpec == nil {
		return nil
	}
	m.merge("spec", oldSpec, knownSpec, wantSpec)
	return m.lost
}

// LostBy returns the paths of the unknown fields of a stored object that a patch would
// take away, as it replaces what they are in.
func (p SpecPatch) LostBy(kind Kind, base []byte) []string {
	after, err := p.Apply(base)
	if err != nil {
		return nil // the write will tell
	}
	left := map[string]bool{}
	for _, field := range UnknownFields(kind, after) {
		left[field] = true
	}
	var lost []string
	for _, field := range UnknownFields(kind, base) {
		if !left[field] {
			lost = append(lost, field)
		}
	}
	return lost
}

// unknownIn returns the paths of what old holds and known lacks.
func unknownIn(path string, old, known *node) []string {
	switch {
	case known == nil:
		if old.object && len(old.keys) == 0 || old.scalar == "null" || old.scalar == `""` {
			return nil // nothing is in it
		}
		return []string{path}
	case old.object && known.object:
		var fields []string
		for _, key := range old.keys {
			_, k := known.lookup(key)
			fields = append(fields, unknownIn(joinPath(path, key), old.fields[key], k)...)
		}
		return fields
	case old.array && known.array && len(old.items) == len(known.items):
		var fields []string
		for i, item := range old.items {
			fields = append(fields, unknownIn(fmt.Sprintf("%s[%d]", path, i), item, known.items[i])...)
		}
		return fields
	case old.array && known.array:
		return []string{path}
	default:
		return nil // a scalar that the type knows, be it spelled in another way
	}
}

func joinPath(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
