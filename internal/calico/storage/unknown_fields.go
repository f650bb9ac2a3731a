package storage

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
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
// Calico, or of another product. A field that holds null, an empty text or an empty object
// is not among them: that is how an unset field is stored. It returns none for a value
// that cannot be read.
func UnknownFields(kind calico.Kind, value []byte) []string {
	n, err := parseNode(value)
	if err != nil {
		return nil
	}
	return unknownIn("spec", field(n.fitted(reflect.TypeOf(kind.New())), "spec"))
}

// LostFields returns the paths of the unknown fields that would be lost, or could get a
// wrong place, if obj were stored in place of base. Encode refuses that.
func LostFields(obj calico.Object, base []byte) []string {
	value, err := calico.JSON.Marshal(obj)
	if err != nil {
		return nil // the write will tell
	}
	m, old, known, want, err := startMerge(obj, value, base)
	if err != nil {
		return nil
	}
	spec, _ := jsonTypeOf(want.value.Type()).field("spec")
	if old = field(old, spec.name); old == nil {
		return nil
	}
	m.merge(spec.name, spec.typ, old, spec.of(known), part{field(want.node, spec.name), spec.of(want.value)})
	return m.lost
}

// unknownIn returns the paths of the unknown fields in a fitted value.
func unknownIn(path string, n *node) []string {
	if n == nil {
		return nil
	}
	var fields []string
	for _, key := range n.keys {
		switch value := n.fields[key]; {
		case !n.unknown[key]:
			fields = append(fields, unknownIn(joinPath(path, key), value)...)
		case !value.isUnset():
			fields = append(fields, joinPath(path, key))
		}
	}
	for i, item := range n.items {
		fields = append(fields, unknownIn(indexPath(path, i), item)...)
	}
	return fields
}

// hasUnknown tells whether unknownIn finds any.
func (n *node) hasUnknown() bool {
	if n == nil {
		return false
	}
	for _, key := range n.keys {
		if value := n.fields[key]; n.unknown[key] && !value.isUnset() || !n.unknown[key] && value.hasUnknown() {
			return true
		}
	}
	for _, item := range n.items {
		if item.hasUnknown() {
			return true
		}
	}
	return false
}

// isUnset tells the values with which Calico stores what is not set.
func (n *node) isUnset() bool {
	return n.object && len(n.keys) == 0 || n.scalar == "null" || n.scalar == `""`
}

// plainName is a field's name that needs no quotes in a path.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func joinPath(path, key string) string {
	switch {
	case !plainName.MatchString(key):
		return path + "[" + strconv.Quote(key) + "]"
	case path == "":
		return key
	default:
		return path + "." + key
	}
}

func indexPath(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
