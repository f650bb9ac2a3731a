// Package wire works on values in the forms in which Terraform sends them, JSON and
// MessagePack, without making the framework's values of them.
package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/vmihailenco/msgpack/v5"
)

// FromState returns a state of a type, as it is written in a state file, in the form that the
// framework gives it; nil if there is more to do than to write it in another form: the
// framework then tells what is wrong, or leaves out what has no attribute.
func FromState(raw []byte, typ tftypes.Type) *tfprotov6.DynamicValue {
	var value any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&value) != nil || d.More() {
		return nil
	}
	var into bytes.Buffer
	into.Grow(len(raw))
	if !encode(msgpack.NewEncoder(&into), value, typ) {
		return nil
	}
	return &tfprotov6.DynamicValue{MsgPack: into.Bytes()}
}

// encode writes what package json has made of a value of a type; false if that is of
// another type, or if the type is none that a schema of this provider has.
func encode(e *msgpack.Encoder, value any, typ tftypes.Type) bool {
	if value == nil {
		return e.EncodeNil() == nil
	}
	switch typ := typ.(type) {
	case tftypes.Object:
		return encodeObject(e, value, typ)
	case tftypes.Map:
		all, ok := value.(map[string]any)
		if !ok || e.EncodeMapLen(len(all)) != nil {
			return false
		}
		for key, element := range all {
			if e.EncodeString(key) != nil || !encode(e, element, typ.ElementType) {
				return false
			}
		}
		return true
	case tftypes.List:
		return encodeElements(e, value, typ.ElementType)
	case tftypes.Set:
		return encodeElements(e, value, typ.ElementType)
	}
	switch value := value.(type) {
	case string:
		return typ.Is(tftypes.String) && e.EncodeString(value) == nil
	case bool:
		return typ.Is(tftypes.Bool) && e.EncodeBool(value) == nil
	case json.Number:
		whole, err := value.Int64()
		return typ.Is(tftypes.Number) && err == nil && e.EncodeInt(whole) == nil
	default:
		return false
	}
}

func encodeElements(e *msgpack.Encoder, value any, typ tftypes.Type) bool {
	all, ok := value.([]any)
	if !ok || e.EncodeArrayLen(len(all)) != nil {
		return false
	}
	return !slices.ContainsFunc(all, func(element any) bool { return !encode(e, element, typ) })
}

func encodeObject(e *msgpack.Encoder, value any, typ tftypes.Object) bool {
	all, ok := value.(map[string]any)
	// An attribute that is missing is null, or the fault of the state: the framework knows.
	if !ok || len(all) != len(typ.AttributeTypes) || e.EncodeMapLen(len(all)) != nil {
		return false
	}
	names := make([]string, 0, len(all))
	for name := range typ.AttributeTypes {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		attribute, ok := all[name]
		if !ok || e.EncodeString(name) != nil || !encode(e, attribute, typ.AttributeTypes[name]) {
			return false
		}
	}
	return true
}

// StateDigest tells states apart, with what is beside them; "" if that cannot be told.
// Terraform and the framework may write the same values in another order, and their digests
// are the same.
func StateDigest(state *tfprotov6.DynamicValue, beside ...[]byte) string {
	if state == nil || len(state.MsgPack) == 0 {
		return ""
	}
	value, err := msgpack.NewDecoder(bytes.NewReader(state.MsgPack)).DecodeInterface()
	if err != nil || value == nil {
		return ""
	}
	text, err := json.Marshal(value) // in the order of keys
	if err != nil {
		return ""
	}
	return digestOf(append([][]byte{text}, beside...)...)
}

// Digest tells values apart, with what is beside them: byte by byte as they came.
func Digest(value *tfprotov6.DynamicValue, beside ...[]byte) string {
	return digestOf(append([][]byte{value.MsgPack}, beside...)...)
}

func digestOf(texts ...[]byte) string {
	sum := sha256.New()
	for i, text := range texts {
		if i > 0 {
			_, _ = fmt.Fprintf(sum, " %d ", len(text))
		}
		_, _ = sum.Write(text)
	}
	return base64.RawStdEncoding.EncodeToString(sum.Sum(nil)[:16])
}

// Texts reads attributes that are texts, by their names, without reading the others; "" for
// null. It is false for what is no object.
func Texts(value *tfprotov6.DynamicValue, attributes map[string]*string) bool {
	if len(value.MsgPack) == 0 {
		return false
	}
	d := msgpack.NewDecoder(bytes.NewReader(value.MsgPack))
	n, err := d.DecodeMapLen()
	if err != nil || n < 0 {
		return false
	}
	for range n {
		name, err := d.DecodeString()
		if err != nil {
			return false
		}
		if into := attributes[name]; into == nil {
			err = d.Skip()
		} else {
			*into, err = d.DecodeString()
		}
		if err != nil {
			return false
		}
	}
	return true
}

// Different tells in what two values of a type differ, "" for nothing.
func Different(typ tftypes.Type, one, other *tfprotov6.DynamicValue) string {
	if one == nil || other == nil {
		return "one of them has no value"
	}
	a, err := one.Unmarshal(typ)
	if err != nil {
		return err.Error()
	}
	b, err := other.Unmarshal(typ)
	if err != nil {
		return err.Error()
	}
	diffs, err := a.Diff(b)
	switch {
	case err != nil:
		return err.Error()
	case len(diffs) > 0:
		return fmt.Sprintf("%v", diffs)
	}
	return ""
}
