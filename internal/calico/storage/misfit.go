package storage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// misfit tells, in words for a user, why a JSON text cannot be read as a value of a
// type: what a JSON library says of it is about its own inside. strict is true where
// fields that the type does not have are refused. The values themselves are not ours
// to show: an error is read in logs.
func misfit(text []byte, into any, strict bool) error {
	var value any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) && syntax.Offset > 1 {
			return fmt.Errorf("it is not JSON (something is wrong at character %d)", syntax.Offset)
		}
		return errors.New("it is not JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("it is not JSON (something is behind the object, at character %d)", d.InputOffset())
	}
	typ := reflect.TypeOf(into)
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if fault := misfitAt("", value, typ, strict); fault != "" {
		return errors.New(fault)
	}
	return errors.New("it is JSON, but of another form")
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// misfitAt returns what is wrong with a value, "" for nothing.
func misfitAt(at string, value any, typ reflect.Type, strict bool) string {
	if value == nil {
		return ""
	}
	if typ.Kind() == reflect.Pointer {
		return misfitAt(at, value, typ.Elem(), strict)
	}
	wants := func(what string) string {
		if at == "" {
			return "it is " + describeJSON(value) + ", where " + what + " belongs"
		}
		return at + " is " + describeJSON(value) + ", where " + what + " belongs"
	}
	if reflect.PointerTo(typ).Implements(unmarshaler) {
		text, err := json.Marshal(value)
		if err == nil {
			err = json.Unmarshal(text, reflect.New(typ).Interface())
		}
		if err != nil {
			return at + " is no value that Calico can read there"
		}
		return ""
	}
	switch typ.Kind() {
	case reflect.Struct:
		fields, ok := value.(map[string]any)
		if !ok {
			return wants("an object")
		}
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			field, known := jsonField(typ, name)
			path := strings.TrimPrefix(at+"."+name, ".")
			switch {
			case known:
				if fault := misfitAt(path, fields[name], field, strict); fault != "" {
					return fault
				}
			case strict:
				return "there is no field " + path
			}
		}
	case reflect.Slice:
		items, ok := value.([]any)
		if !ok {
			return wants("a list")
		}
		for i, item := range items {
			if fault := misfitAt(fmt.Sprintf("%s[%d]", at, i), item, typ.Elem(), strict); fault != "" {
				return fault
			}
		}
	case reflect.Map:
		fields, ok := value.(map[string]any)
		if !ok {
			return wants("an object")
		}
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			if fault := misfitAt(at+"["+name+"]", fields[name], typ.Elem(), strict); fault != "" {
				return fault
			}
		}
	case reflect.String:
		if _, ok := value.(string); !ok {
			return wants("a text")
		}
	case reflect.Bool:
		if _, ok := value.(bool); !ok {
			return wants("true or false")
		}
	default:
		number, ok := value.(json.Number)
		if !ok {
			return wants("a number")
		}
		if json.Unmarshal([]byte(number), reflect.New(typ).Interface()) != nil {
			return at + " is not a number that Calico can hold there"
		}
	}
	return ""
}

func describeJSON(value any) string {
	switch value.(type) {
	case string:
		return "a text"
	case bool:
		return "true or false"
	case json.Number:
		return "a number"
	case []any:
		return "a list"
	default:
		return "an object"
	}
}

// jsonField returns the type of the field that has a name in manifests.
func jsonField(typ reflect.Type, name string) (reflect.Type, bool) {
	for _, f := range reflect.VisibleFields(typ) {
		json, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if json != "" && json != "-" && strings.EqualFold(json, name) {
			return f.Type, true
		}
	}
	return nil, false
}
