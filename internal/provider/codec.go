package provider

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/attributename"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/spelling"
)

// Terraform's values and Calico's API types have the same shape, and Calico's
// names become Terraform's by a rule (attributeName). So one pair of functions
// translates between them, whatever the kind: decode writes an attribute's value
// into a field of an API type, encode makes an attribute's value of a field.
//
// An absent field and a null attribute are the same thing. What is left out on
// one side is left out on the other; zero, which Calico distinguishes from
// absent only in pointers, never appears out of nothing.

// conversion collects what turns up while values become an object.
type conversion struct {
	// unknown lists the fields whose values are not known yet.
	unknown []calico.Path
	// faults are the values that Calico's types cannot hold.
	faults calico.FieldErrors
}

// known tells whether everything below p is known.
func (c *conversion) known(p calico.Path) bool {
	for _, u := range c.unknown {
		if u.HasPrefix(p) || p.HasPrefix(u) {
			return false
		}
	}
	return true
}

func (c *conversion) fault(at calico.Path, value any, format string, args ...any) {
	c.faults = append(c.faults, &calico.FieldError{Field: at, Value: value, Reason: fmt.Sprintf(format, args...)})
}

// attributeName returns the Terraform name of a field of Calico's API that is no
// list of objects; see field for those.
func attributeName(jsonName string) string { return attributename.Of(jsonName) }

// jsonName returns the name of a struct field in Calico's manifests.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// omitsZero tells whether a field is left out of the stored object where it is
// zero.
func omitsZero(f reflect.StructField) bool {
	return strings.Contains(f.Tag.Get("json"), ",omitempty")
}

var (
	portGoType     = reflect.TypeFor[numorstring.Port]()
	protocolGoType = reflect.TypeFor[numorstring.Protocol]()
	asNumberGoType = reflect.TypeFor[numorstring.ASNumber]()
	dscpGoType     = reflect.TypeFor[numorstring.DSCP]()
	durationGoType = reflect.TypeFor[metav1.Duration]()
)

// field is a field of an API type, with the name of its attribute or block.
type field struct {
	attribute string
	form      attributename.Form
	reflect.StructField
}

// fieldsOf returns the fields of a struct in their order, with those of structs
// that are embedded into it.
func fieldsOf(t reflect.Type) []field {
	if known, ok := fieldCache.Load(t); ok {
		return known.([]field) //nolint:forcetypeassert // nothing else is stored there
	}
	var out []field
	for _, f := range reflect.VisibleFields(t) {
		// What another release writes for a field is no field of its own.
		if name := jsonName(f); name != "" && f.IsExported() && f.Tag.Get("spells") == "" {
			attribute, form := attributename.OfField(name, f.Type)
			out = append(out, field{attribute, form, f})
		}
	}
	fieldCache.Store(t, out)
	return out
}

// fieldCache has the fields of each type: a refresh asks for them very often.
var fieldCache sync.Map

// fieldType returns the type of the field of a struct (or a pointer to one) that
// an attribute stands for, nil for none.
func fieldType(t reflect.Type, attribute string) reflect.Type {
	if t == nil {
		return nil
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range fieldsOf(t) {
		if f.attribute == attribute {
			return f.Type
		}
	}
	return nil
}

// elementType returns the type of the elements of a slice (or a pointer to one),
// nil for what is none.
func elementType(t reflect.Type) reflect.Type {
	if t == nil {
		return nil
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Slice {
		return nil
	}
	return t.Elem()
}

// decodeFields writes the attributes into the fields of the struct of the same
// names. Fields without an attribute keep their value.
func decodeFields(c *conversion, values map[string]attr.Value, into reflect.Value, at calico.Path) {
	for _, f := range fieldsOf(into.Type()) {
		v, ok := values[f.attribute]
		if !ok {
			continue
		}
		field := at.Field(jsonName(f.StructField))
		if reason := refused(f, v, into.Type()); reason != "" {
			c.fault(field, nil, "%s", reason)
			continue
		}
		before := len(c.faults)
		decode(c, v, into.FieldByIndex(f.Index), field)
		if f.form == attributename.Block && len(c.faults) == before && !v.IsNull() && isVoid(v, f.Type) {
			c.fault(field, nil, "The block says nothing, and to Calico it is as if it were not there: leave it out, or say in it what you mean.")
		}
	}
}

// refused tells why a value must not be written to a field of a struct, though
// Calico would take it: it would say something else there than it seems to say.
// "" is for a value that may be.
func refused(f field, v attr.Value, in reflect.Type) string {
	if v == nil || v.IsNull() || v.IsUnknown() {
		return ""
	}
	switch v := v.(type) {
	case types.Number:
		if omitsZero(f.StructField) && f.Type.Kind() != reflect.Pointer && v.ValueBigFloat().Sign() == 0 {
			return "To Calico 0 is the same as no value here: leave the attribute out, or write another number."
		}
	case spelling.Value:
		if v.IsSelector() && strings.TrimSpace(v.ValueString()) == "" {
			return "An empty selector would select everything here, or be passed over: leave it out to match any, or write all() if you mean all."
		}
	}
	if (slices.Contains(conditions, in) || isFailsafeNet(v)) && isVoid(v, nil) {
		switch v.(type) {
		case types.List, spelling.UnorderedValue:
			return "An empty list would match any here: leave it out to match any, or give at least one element."
		case basetypes.StringValuable:
			return "An empty text would match any here: leave it out to match any, or give a value."
		}
	}
	return ""
}

// conditions are the structs whose fields are conditions: one that is empty is none,
// and matches anything.
var conditions = []reflect.Type{
	reflect.TypeFor[v3.Rule](),
	reflect.TypeFor[v3.EntityRule](),
	reflect.TypeFor[v3.HTTPMatch](),
	reflect.TypeFor[v3.HTTPPath](),
	reflect.TypeFor[v3.ServiceMatch](),
	reflect.TypeFor[v3.ServiceAccountMatch](),
	reflect.TypeFor[calico.BGPFilterRuleV4](),
	reflect.TypeFor[calico.BGPFilterRuleV6](),
	reflect.TypeFor[calico.BGPFilterCommunityMatch](),
	reflect.TypeFor[v3.BGPPeerSpec](),
	reflect.TypeFor[v3.Template](),
}

// decode writes an attribute's value into a field.
func decode(c *conversion, v attr.Value, into reflect.Value, at calico.Path) {
	switch {
	case v == nil || v.IsNull():
		return
	case v.IsUnknown():
		c.unknown = append(c.unknown, at)
		return
	}
	if into.Kind() == reflect.Pointer {
		into.Set(reflect.New(into.Type().Elem()))
		into = into.Elem()
	}
	switch v := v.(type) {
	case basetypes.StringValuable:
		s, _ := v.ToStringValue(context.Background())
		decodeString(c, s.ValueString(), into, at, v)
	case types.Number:
		decodeNumber(c, v.ValueBigFloat(), into, at)
	case types.Bool:
		into.SetBool(v.ValueBool())
	case types.List:
		decodeElements(c, v.Elements(), into, at)
	case spelling.UnorderedValue:
		decodeElements(c, v.Elements(), into, at)
	case types.Map:
		into.Set(reflect.MakeMapWithSize(into.Type(), len(v.Elements())))
		for key, e := range v.Elements() {
			if e.IsNull() {
				continue // as if the key were not there, which is what null means in Terraform
			}
			element := reflect.New(into.Type().Elem()).Elem()
			decode(c, e, element, at.Key(key))
			into.SetMapIndex(reflect.ValueOf(key), element)
		}
	case types.Object:
		decodeFields(c, v.Attributes(), into, at)
	default:
		panic(fmt.Sprintf("provider: no way to put a %T into %s", v, at))
	}
}

func decodeElements(c *conversion, elements []attr.Value, into reflect.Value, at calico.Path) {
	into.Set(reflect.MakeSlice(into.Type(), len(elements), len(elements)))
	for i, e := range elements {
		if e.IsNull() {
			c.fault(at.Index(i), nil, "A list must not hold null: leave the element out.")
		}
		decode(c, e, into.Index(i), at.Index(i))
	}
}

func decodeString(c *conversion, s string, into reflect.Value, at calico.Path, v attr.Value) {
	switch into.Type() {
	case protocolGoType:
		into.Set(reflect.ValueOf(address.Protocol(s)))
	case portGoType:
		p, err := numorstring.PortFromString(s)
		if err != nil {
			c.fault(at, s, "A port is a number from 1 to 65535 (22), a range of them (\"1000:2000\"), or the name of a port of a host endpoint (\"ssh\").")
			return
		}
		into.Set(reflect.ValueOf(p))
	case asNumberGoType:
		n, err := numorstring.ASNumberFromString(s)
		if err != nil {
			c.fault(at, s, "An AS number is a number from 0 to 4294967295 (64512), or two from 0 to 65535 with a dot between them (\"1.10\").")
			return
		}
		into.Set(reflect.ValueOf(n))
	case dscpGoType:
		into.Set(reflect.ValueOf(dscp(s)))
	case durationGoType:
		d, err := time.ParseDuration(s)
		if err != nil {
			c.fault(at, s, "A duration is a number with a unit, or several of them, such as \"90s\", \"1m30s\" or \"500ms\".")
			return
		}
		into.Set(reflect.ValueOf(metav1.Duration{Duration: d}))
	default:
		if spelled, ok := v.(spelling.Value); ok && spelled.IsSelector() {
			// Calico's language has no newline, and HCL's heredocs have many. A
			// selector of blanks alone is none: Calico would take it, and some of
			// its rules could then not be read by Felix.
			if s = selector.OneLine(s); strings.TrimSpace(s) == "" {
				s = ""
			}
		}
		if isFailsafeNet(v) && s == anyNet {
			s = ""
		}
		into.SetString(s)
	}
}

// anyNet is what a failsafe port has as its net in a configuration where it has none
// in Calico: it has to be written, so that a misspelt net does not pass for it.
const anyNet = "any"

func isFailsafeNet(v attr.Value) bool {
	spelled, ok := v.(spelling.Value)
	return ok && spelled.Is(spelling.FailsafeNet)
}

// dscp reads a class of packets as Calico does: a number where it is one.
func dscp(s string) numorstring.DSCP {
	if n, err := strconv.ParseUint(s, 10, 8); err == nil {
		return numorstring.DSCPFromInt(uint8(n))
	}
	return numorstring.DSCP{Type: numorstring.NumOrStringString, StrVal: s}
}

// decodeNumber writes a number into a field. Numbers of any size and with any
// fraction get this far: the framework's own types for whole numbers answer a
// fraction with the advice to report a bug.
func decodeNumber(c *conversion, n *big.Float, into reflect.Value, at calico.Path) {
	if into.CanFloat() {
		f, _ := n.Float64()
		if math.IsInf(f, 0) {
			c.fault(at, n.Text('g', 10), "The number is too large: it must be from -1.7e308 to 1.7e308.")
			return
		}
		into.SetFloat(f)
		return
	}
	if !n.IsInt() {
		c.fault(at, n.Text('g', 10), "The number must be a whole one, without a fraction.")
		return
	}
	whole, accuracy := n.Int64()
	bits := into.Type().Bits()
	switch {
	case into.CanUint():
		if accuracy != big.Exact || whole < 0 || into.OverflowUint(uint64(whole)) {
			c.fault(at, n.Text('f', 0), "The number must be from 0 to %d.", uint64(1)<<bits-1)
			return
		}
		into.SetUint(uint64(whole))
	default:
		if accuracy != big.Exact || into.OverflowInt(whole) {
			c.fault(at, n.Text('f', 0), "The number must be from %d to %d.", -1<<(bits-1), uint64(1)<<(bits-1)-1)
			return
		}
		into.SetInt(whole)
	}
}

// encodeFields makes the attributes of the types given from the fields of a
// struct of the same names. An attribute without a field is left out.
func encodeFields(from reflect.Value, attributeTypes map[string]attr.Type) map[string]attr.Value {
	values := map[string]attr.Value{}
	for _, f := range fieldsOf(from.Type()) {
		typ, ok := attributeTypes[f.attribute]
		if !ok {
			continue
		}
		field := from.FieldByIndex(f.Index)
		if field.IsZero() && !omitsZero(f.StructField) && (field.CanInt() || field.CanUint() || field.Type() == durationGoType) {
			// A number that is always written is there, be it 0.
			values[f.attribute] = encodeValue(field, typ)
			continue
		}
		if spelled, ok := typ.(spelling.Type); ok && spelled.Equal(spelling.FailsafeNet) && field.IsZero() {
			values[f.attribute] = spelling.NewValue(typ, anyNet)
			continue
		}
		value := encode(field, typ)
		if f.form == attributename.Block && isVoid(value, f.Type) {
			value = null(typ)
		}
		values[f.attribute] = value
	}
	return values
}

// encode makes an attribute's value of a field.
func encode(from reflect.Value, typ attr.Type) attr.Value {
	if from.Kind() == reflect.Pointer {
		if from.IsNil() {
			return null(typ)
		}
		from = from.Elem()
	} else if from.Kind() != reflect.Bool && from.IsZero() || (from.Kind() == reflect.Slice || from.Kind() == reflect.Map) && from.Len() == 0 {
		// But a plain bool has no third value: where it is absent, it is false.
		return null(typ)
	}
	return encodeValue(from, typ)
}

// encodeValue makes an attribute's value of a field that is present.
func encodeValue(from reflect.Value, typ attr.Type) attr.Value {
	switch typ := typ.(type) {
	case basetypes.StringTypable:
		text := encodeString(from)
		if spelled, ok := spelling.NewValue(typ, text).(spelling.Value); ok && spelled.IsSelector() && text != "" && strings.Trim(text, " \t") == "" {
			// Blanks mean all() to Calico, and a configuration cannot say them.
			if spelled.Is(spelling.PolicySelector) {
				return null(typ)
			}
			text = "all()"
		}
		return spelling.NewValue(typ, text)
	case basetypes.NumberType:
		switch {
		case from.CanUint():
			return types.NumberValue(new(big.Float).SetUint64(from.Uint()))
		case from.CanInt():
			return types.NumberValue(new(big.Float).SetInt64(from.Int()))
		default:
			return types.NumberValue(big.NewFloat(from.Float()))
		}
	case basetypes.BoolType:
		return types.BoolValue(from.Bool())
	case basetypes.ListType:
		return types.ListValueMust(typ.ElemType, encodeElements(from, typ.ElemType))
	case spelling.UnorderedType:
		return typ.Value(encodeElements(from, typ.ElemType))
	case basetypes.MapType:
		elements := map[string]attr.Value{}
		for _, key := range from.MapKeys() {
			elements[key.String()] = spelling.NewValue(types.StringType, from.MapIndex(key).String())
		}
		return types.MapValueMust(typ.ElemType, elements)
	case basetypes.ObjectType:
		return types.ObjectValueMust(typ.AttrTypes, encodeFields(from, typ.AttrTypes))
	default:
		panic(fmt.Sprintf("provider: no way to make a %s of a %s", typ, from.Type()))
	}
}

func encodeString(from reflect.Value) string {
	switch v := from.Interface().(type) {
	case numorstring.Protocol:
		return v.String()
	case numorstring.Port:
		return v.String()
	case numorstring.ASNumber:
		return v.String()
	case numorstring.DSCP:
		return v.String()
	case metav1.Duration:
		return v.Duration.String()
	default:
		return from.String()
	}
}

func encodeElements(from reflect.Value, elementType attr.Type) []attr.Value {
	elements := make([]attr.Value, from.Len())
	for i := range elements {
		e := from.Index(i)
		if e.IsZero() && (e.Kind() == reflect.String || e.Type() == asNumberGoType) {
			// An element is never absent, be it empty or 0.
			elements[i] = encodeValue(e, elementType)
			continue
		}
		if o, ok := elementType.(basetypes.ObjectType); ok {
			elements[i] = types.ObjectValueMust(o.AttrTypes, encodeFields(e, o.AttrTypes))
			continue
		}
		elements[i] = encode(e, elementType)
	}
	return elements
}

// null makes a null value of a type.
func null(typ attr.Type) attr.Value { return mustValue(typ, false) }

// unknown makes an unknown value of a type.
func unknown(typ attr.Type) attr.Value { return mustValue(typ, true) }
