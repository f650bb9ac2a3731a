package storage

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"sync"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// jsonType is a type as Calico's decoder knows it: what of a JSON value it reads.
type jsonType struct {
	reflect.Type
	form jsonForm
	// fields are those of a struct, by their names in lower case: Calico's decoder does
	// not heed the case.
	fields map[string]jsonTypeField
	// deep tells whether there is a struct in it: only a struct has fields that it does
	// not know.
	deep bool
}

type jsonTypeField struct {
	// name is the field's name in JSON.
	name  string
	index []int
	typ   reflect.Type
}

type jsonForm int

const (
	// formValue is for a value that is read as a whole, be it a text, a number or
	// what has a decoder of its own.
	formValue jsonForm = iota
	formStruct
	formList
	formMap
)

var jsonTypes sync.Map

// jsonTypeOf returns what Calico's decoder knows of a type or what it points to.
func jsonTypeOf(typ reflect.Type) *jsonType {
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if known, ok := jsonTypes.Load(typ); ok {
		return known.(*jsonType) //nolint:forcetypeassert // nothing else is stored there
	}
	t := &jsonType{Type: typ}
	switch {
	case hasDecoder(typ):
	case typ.Kind() == reflect.Struct:
		t.form, t.deep, t.fields = formStruct, true, map[string]jsonTypeField{}
		for _, f := range reflect.VisibleFields(typ) {
			if name := fieldName(f); name != "" {
				t.fields[strings.ToLower(name)] = jsonTypeField{name, f.Index, f.Type}
			}
		}
	case typ.Kind() == reflect.Slice:
		t.form, t.deep = formList, jsonTypeOf(typ.Elem()).deep
	case typ.Kind() == reflect.Map:
		t.form, t.deep = formMap, jsonTypeOf(typ.Elem()).deep
	}
	jsonTypes.Store(typ, t)
	return t
}

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

// hasDecoder tells the types that read JSON in their own way.
func hasDecoder(typ reflect.Type) bool {
	p := reflect.PointerTo(typ)
	return p.Implements(unmarshaler) || p.Implements(textUnmarshaler) || typ == reflect.TypeFor[json.RawMessage]()
}

// fieldName is the name in JSON of a struct's field; "" if it has none, as a struct
// whose fields are those of the struct around it.
func fieldName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	switch {
	case !f.IsExported() || f.Tag.Get("json") == "-" || calico.IsInline(f):
		return ""
	case name == "":
		return f.Name
	default:
		return name
	}
}

// sameField tells whether two names are those of one field to Calico's decoder.
func sameField(a, b string) bool { return strings.ToLower(a) == strings.ToLower(b) } //nolint:gocritic,staticcheck // EqualFold knows more

// field finds a field as Calico's decoder does.
func (t *jsonType) field(key string) (jsonTypeField, bool) {
	f, ok := t.fields[strings.ToLower(key)]
	return f, ok
}

// fitted returns the value as the decoder reads it into the type: each field that the
// type has is there once, under its own name, and those that it does not have are marked.
func (n *node) fitted(typ reflect.Type) *node {
	t := jsonTypeOf(typ)
	switch {
	case !t.deep:
	case n.array && t.form == formList:
		fit := &node{array: true, items: make([]*node, len(n.items))}
		for i, item := range n.items {
			fit.items[i] = item.fitted(t.Elem())
		}
		return fit
	case n.object && t.form == formMap:
		fit := newObject()
		for _, key := range n.keys {
			fit.set(key, n.fields[key].fitted(t.Elem()))
		}
		return fit
	case n.object && t.form == formStruct:
		once := newObject()
		once.unknown = map[string]bool{}
		for _, key := range n.keys {
			name := key
			if f, known := t.field(key); known {
				name = f.name
			} else {
				once.unknown[key] = true
			}
			once.set(name, n.fields[key].over(once.fields[name]))
		}
		for _, key := range once.keys {
			if f, known := t.field(key); known {
				once.fields[key] = once.fields[key].fitted(f.typ)
			}
		}
		return once
	}
	return n
}

// part is a value of a type, beside its JSON: nil if it is left out there.
type part struct {
	*node
	value reflect.Value
}

// partOf returns an object with its JSON.
func partOf(obj calico.Object, value []byte) (part, error) {
	n, err := parseNode(value)
	return part{n, reflect.ValueOf(obj).Elem()}, err
}

// target returns what a value points to; the zero Value for nothing.
func target(value reflect.Value) reflect.Value {
	for value.IsValid() && value.Kind() == reflect.Pointer {
		value = value.Elem()
	}
	return value
}

// of returns a field of a struct; the zero Value if the struct is not there.
func (f jsonTypeField) of(value reflect.Value) reflect.Value {
	if value = target(value); !value.IsValid() {
		return value
	}
	field, err := value.FieldByIndexErr(f.index)
	if err != nil {
		return reflect.Value{} // in a struct that is not there
	}
	return field
}

// elementOf returns the element of a list at a place.
func elementOf(value reflect.Value, i int) reflect.Value { return target(value).Index(i) }
