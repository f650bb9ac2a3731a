package storage

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// SpecPatch is a change of some fields of an object's spec, by their JSON names:
// the new value as JSON, or nil to take the field away. It is for objects that
// have several owners: all that it does not name stays as it is, to the byte.
type SpecPatch map[string]json.RawMessage

// Apply returns the stored value with the patch applied. It answers an error for
// a value that is no JSON object with a spec.
func (p SpecPatch) Apply(value []byte) ([]byte, error) {
	members, spec, at, err := splitSpec(value)
	if err != nil {
		return nil, err
	}
	if at < 0 {
		members = append(members, member{name: "spec"})
		at = len(members) - 1
	}
	for _, name := range slices.Sorted(maps.Keys(p)) {
		var i int
		spec, i = lastOf(spec, name)
		value := p[name]
		switch {
		case value == nil && i >= 0:
			spec = slices.Delete(spec, i, i+1)
		case value == nil:
		case i >= 0:
			spec[i].value = &node{text: value}
		default:
			spec = append(spec, member{name, &node{text: value}})
		}
	}
	members[at].value = &node{text: joinObject(spec)}
	return joinObject(members), nil
}

// Keep returns the patch with all that this provider does not know in the fields that it
// changes. It answers an *UnknownFieldsError if some of that would have no place, and an
// error for a stored value, or a field of the patch, that the kind's type cannot read.
func (p SpecPatch) Keep(kind calico.Kind, base []byte) (SpecPatch, error) {
	var fields []member
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if p[name] != nil {
			fields = append(fields, member{name, &node{text: p[name]}})
		}
	}
	value := joinObject([]member{{"spec", &node{text: joinObject(fields)}}})
	obj := kind.New()
	if err := calico.JSON.Unmarshal(value, obj); err != nil {
		return nil, err
	}
	m, old, known, want, err := startMerge(obj, value, base)
	if err != nil {
		return nil, err
	}
	spec, _ := jsonTypeOf(want.value.Type()).field("spec")
	old, known = field(old, spec.name), spec.of(known)
	want = part{field(want.fitted(want.value.Type()), spec.name), spec.of(want.value)}
	kept := SpecPatch{}
	for name, value := range p {
		f, ok := jsonTypeOf(spec.typ).field(name)
		before, path := field(old, name), joinPath(spec.name, name)
		switch {
		case !ok || !before.hasUnknown():
			kept[name] = value
		case value != nil:
			kept[name] = json.RawMessage(m.merge(path, f.typ, before, f.of(known), part{field(want.node, name), f.of(want.value)}).String())
		case hasContent(f.of(known)):
			m.lost = append(m.lost, unknownIn(path, before)...)
		default: // nothing in it is known: it is there for others
		}
	}
	if len(m.lost) > 0 {
		slices.Sort(m.lost)
		return nil, &UnknownFieldsError{Fields: m.lost}
	}
	return kept, nil
}

// Changes tells, a line each, which of the patch's fields are different in two
// stored values of an object, as the function Changes does for all of it.
func (p SpecPatch) Changes(kind calico.Kind, before, after []byte) ([]string, error) {
	var parts [2]*node
	for i, value := range [][]byte{before, after} {
		fields, err := SpecFields(kind, value)
		if err != nil {
			return nil, err
		}
		spec := newObject()
		for _, name := range slices.Sorted(maps.Keys(p)) {
			if fields[name] == nil {
				continue
			}
			n, err := parseNode(fields[name])
			if err != nil {
				return nil, err
			}
			spec.set(name, n)
		}
		parts[i] = newObject()
		parts[i].set("spec", spec)
	}
	return nodeChanges(parts[0], parts[1]), nil
}

// SpecFields returns the fields of a stored object's spec as Calico reads them: those
// that the kind's type has by their names there, whatever the case of their letters, and
// each once.
func SpecFields(kind calico.Kind, value []byte) (map[string]json.RawMessage, error) {
	_, spec, _, err := splitSpec(value)
	if err != nil {
		return nil, err
	}
	envelope, _ := jsonTypeOf(reflect.TypeOf(kind.New())).field("spec")
	typ := jsonTypeOf(envelope.typ)
	out, twice := map[string]json.RawMessage{}, map[string]bool{}
	for _, m := range spec {
		if f, known := typ.field(m.name); known {
			m.name = f.name
		}
		twice[m.name] = out[m.name] != nil
		out[m.name] = m.value.text
	}
	for name := range twice {
		if !twice[name] {
			continue
		}
		// What a decoder makes of both is what it writes again.
		obj := kind.New()
		if err := calico.JSON.Unmarshal(value, obj); err != nil {
			return nil, err
		}
		text, err := calico.JSON.Marshal(obj)
		if err != nil {
			return nil, err
		}
		if text, err = keepUnknown(obj, text, value); err != nil {
			return nil, err
		}
		once, err := parseNode(text)
		if err != nil {
			return nil, err
		}
		if f := field(field(once, "spec"), name); f != nil {
			out[name] = json.RawMessage(f.String())
		}
	}
	return out, nil
}

// lastOf returns the members with one of this name at most, whatever the case of its
// letters: the last, which is the one that Calico's decoder takes. i is where that is,
// -1 for nowhere.
func lastOf(members []member, name string) (once []member, i int) {
	named := func(m member) bool { return sameField(m.name, name) }
	last := -1
	for i, m := range members {
		if named(m) {
			last = i
		}
	}
	if last < 0 {
		return members, -1
	}
	before := slices.DeleteFunc(slices.Clone(members[:last]), named)
	return append(before, members[last:]...), len(before)
}

// splitSpec returns the members of a stored object and those of its spec, which is at a
// place among them; -1 if there is none. A spec that is there twice is one with the
// fields of both, as Calico's decoder reads it.
func splitSpec(value []byte) (members, spec []member, at int, err error) {
	object, err := parseNode(value)
	if err == nil && !object.object {
		err = errors.New("it is not a JSON object")
	}
	if err != nil {
		return nil, nil, -1, err
	}
	for _, m := range object.members {
		if !sameField(m.name, "spec") {
			continue
		}
		if !m.value.object {
			return nil, nil, -1, errors.New("its spec is not readable: it is not a JSON object")
		}
		spec = append(spec, m.value.members...)
	}
	members, at = lastOf(object.members, "spec")
	return members, spec, at, nil
}

// joinObject returns an object of these members, each value as it was written.
func joinObject(members []member) json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			panic(err) // a string always encodes
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(m.value.text)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// EncodeSpec returns the object as Calico would store its spec, without the
// metadata that an object gets when it is stored.
func EncodeSpec(obj calico.Object) ([]byte, error) { return calico.JSON.Marshal(obj) }

// IsEmptySpec tells whether the spec of a stored object has no field with a value
// in it: Calico writes some fields as "" where they are unset.
func IsEmptySpec(kind calico.Kind, value []byte) bool {
	fields, err := SpecFields(kind, value)
	if err != nil {
		return false
	}
	for _, f := range fields {
		if text := string(f); text != `""` && text != "null" && text != "{}" {
			return false
		}
	}
	return true
}
