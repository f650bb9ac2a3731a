package storage

import (
	"maps"
	"reflect"
	"slices"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// keepUnknown returns value, an encoding of obj, with all that base holds and obj's type
// does not know. It answers an *UnknownFieldsError if some of that would have no place.
func keepUnknown(obj calico.Object, value, base []byte) ([]byte, error) {
	m, old, known, want, err := startMerge(obj, value, base)
	if err != nil {
		return nil, err
	}
	merged := m.merge("", want.value.Type(), old, known, want)
	if len(m.lost) > 0 {
		return nil, &UnknownFieldsError{Fields: m.lost}
	}
	return []byte(merged.String()), nil
}

// merger merges what is stored into what is to be stored in its place.
type merger struct {
	kind calico.Kind
	// lost are the fields that nobody here knows and that would have no place, or an
	// uncertain one.
	lost []string
}

// startMerge returns what a merge starts from: what is stored, what is known of it, and
// what is to be stored, obj with its encoding.
func startMerge(obj calico.Object, value, base []byte) (m *merger, old *node, known reflect.Value, want part, err error) {
	m = &merger{kind: calico.KindOf(obj)}
	want, err = partOf(obj, value)
	typed := m.kind.New()
	if err == nil {
		err = calico.JSON.Unmarshal(base, typed)
	}
	if err == nil {
		old, err = parseNode(base)
	}
	if err != nil {
		return nil, nil, known, want, err
	}
	return m, old.fitted(want.value.Type()), reflect.ValueOf(typed).Elem(), want, nil
}

// merge returns what is to be stored, want, with the unknown fields of what is stored,
// old, of which known is what is known.
func (m *merger) merge(path string, typ reflect.Type, old *node, known reflect.Value, want part) *node {
	t := jsonTypeOf(typ)
	switch {
	case !t.deep:
		return want.node
	case t.form == formStruct && old.object && want.object:
		return m.mergeStruct(path, t, old, known, want)
	case t.form == formList && old.array && want.array && target(known).IsValid() && target(known).Len() == len(old.items):
		return m.mergeList(path, t, old, known, want)
	default: // such as a map of structs, which no kind has
		m.lost = append(m.lost, unknownIn(path, old)...)
		return want.node
	}
}

func (m *merger) mergeStruct(path string, t *jsonType, old *node, known reflect.Value, want part) *node {
	merged := newObject()
	for _, key := range want.keys {
		value, before := want.fields[key], old.fields[key]
		if before != nil {
			if f, ok := t.field(key); ok {
				value = m.merge(joinPath(path, key), f.typ, before, f.of(known), part{value, f.of(want.value)})
			} else {
				value = before // others have the last word on what is theirs
			}
		}
		merged.set(key, value)
	}
	for _, key := range old.keys {
		before := old.fields[key]
		f, ok := t.field(key)
		switch {
		case want.fields[key] != nil:
		case !ok:
			merged.set(key, before)
		case !before.hasUnknown():
		case !hasContent(f.of(known)):
			// Nothing in it is known, so that leaving it out is no change.
			merged.set(key, before)
		default:
			m.lost = append(m.lost, unknownIn(joinPath(path, key), before)...)
		}
	}
	return merged
}

// mergeList gives each element that holds unknown fields the place that pairElements
// finds for it.
func (m *merger) mergeList(path string, t *jsonType, old *node, known reflect.Value, want part) *node {
	if !old.hasUnknown() {
		return want.node
	}
	merged := &node{array: true, items: append([]*node{}, want.items...)}
	pairs := m.pairElements(t, old, known, want)
	for _, i := range slices.Sorted(maps.Keys(pairs)) {
		j := pairs[i]
		if j < 0 {
			m.lost = append(m.lost, unknownIn(indexPath(path, i), old.items[i])...)
			continue
		}
		merged.items[j] = m.merge(indexPath(path, i), t.Elem(), old.items[i], elementOf(known, i), part{want.items[j], elementOf(want.value, j)})
	}
	return merged
}

// hasContent tells whether a value says anything, if it is there at all.
func hasContent(value reflect.Value) bool {
	if value = target(value); !value.IsValid() {
		return false
	}
	n, err := encoded(value)
	return err != nil || !n.isVoid()
}

// encoded returns the JSON of a value.
func encoded(value reflect.Value) (*node, error) {
	text, err := calico.JSON.Marshal(value.Interface())
	if err != nil {
		return nil, err
	}
	return parseNode(text)
}

// isVoid tells the values that say nothing: those of what is not set, empty lists, and
// objects of nothing but such.
func (n *node) isVoid() bool {
	for _, key := range n.keys {
		if !n.fields[key].isVoid() {
			return false
		}
	}
	return n.object || n.array && len(n.items) == 0 || n.isUnset()
}
