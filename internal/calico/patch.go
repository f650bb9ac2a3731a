package calico

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// SpecPatch is a change of some fields of an object's spec, by their JSON names:
// the new value as JSON, or nil to take the field away. It is for objects that
// have several owners: all that it does not name stays as it is, to the byte.
type SpecPatch map[string]json.RawMessage

// Apply returns the stored value with the patch applied. It answers an error for
// a value that is no JSON object with a spec.
func (p SpecPatch) Apply(value []byte) ([]byte, error) {
	members, err := splitObject(value)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(members, func(m member) bool { return m.name == "spec" })
	if i < 0 {
		members = append(members, member{"spec", json.RawMessage("{}")})
		i = len(members) - 1
	}
	spec, err := splitObject(members[i].value)
	if err != nil {
		return nil, fmt.Errorf("its spec is not readable: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(p)) {
		at := findMember(spec, name)
		switch value := p[name]; {
		case value == nil && at >= 0:
			spec = slices.Delete(spec, at, at+1)
		case value == nil:
		case at >= 0:
			spec[at].value = value
		default:
			spec = append(spec, member{name, value})
		}
	}
	members[i].value = joinObject(spec)
	return joinObject(members), nil
}

// Changes tells, a line each, which of the patch's fields are different in two
// stored values of an object, as the function Changes does for all of it.
func (p SpecPatch) Changes(before, after []byte) ([]string, error) {
	var parts [2]*node
	for i, value := range [][]byte{before, after} {
		fields, err := SpecFields(value)
		if err != nil {
			return nil, err
		}
		spec := &node{object: true, fields: map[string]*node{}}
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
		parts[i] = &node{object: true, fields: map[string]*node{}}
		parts[i].set("spec", spec)
	}
	return nodeChanges(parts[0], parts[1]), nil
}

// SpecFields returns the fields of a stored object's spec, by their JSON names.
func SpecFields(value []byte) (map[string]json.RawMessage, error) {
	members, err := splitObject(value)
	if err != nil {
		return nil, err
	}
	out := map[string]json.RawMessage{}
	for _, m := range members {
		if m.name != "spec" {
			continue
		}
		spec, err := splitObject(m.value)
		if err != nil {
			return nil, fmt.Errorf("its spec is not readable: %w", err)
		}
		for _, field := range spec {
			out[field.name] = field.value
		}
	}
	return out, nil
}

// member is a member of a JSON object: its value as it is written.
type member struct {
	name  string
	value json.RawMessage
}

// findMember finds a member as Calico's decoder does: by its exact name, else by
// its name in another case.
func findMember(members []member, name string) int {
	if i := slices.IndexFunc(members, func(m member) bool { return m.name == name }); i >= 0 {
		return i
	}
	return slices.IndexFunc(members, func(m member) bool { return strings.EqualFold(m.name, name) })
}

func splitObject(value []byte) ([]member, error) {
	d := json.NewDecoder(bytes.NewReader(value))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("it is not a JSON object")
	}
	var members []member
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, ok := t.(string)
		if !ok {
			return nil, errors.New("it is not a JSON object")
		}
		var m = member{name: name}
		if err := d.Decode(&m.value); err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	_, err := d.Token()
	return members, err
}

func joinObject(members []member) []byte {
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
		b.Write(m.value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// EncodeSpec returns the object as Calico would store its spec, without the
// metadata that an object gets when it is stored.
func EncodeSpec(obj Object) ([]byte, error) { return calicoJSON.Marshal(obj) }

// IsEmptySpec tells whether the spec of a stored object has no field with a value
// in it: Calico writes some fields as "" where they are unset.
func IsEmptySpec(value []byte) bool {
	fields, err := SpecFields(value)
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
