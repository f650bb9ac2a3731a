package codec

import (
	"fmt"
	"math/big"
	"reflect"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/provider/attributename"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/spelling"
)

// EncodeFields makes the attributes of the types given from the fields of a
// struct of the same names. An attribute without a field is left out.
func EncodeFields(from reflect.Value, attributeTypes map[string]attr.Type) map[string]attr.Value {
	values := map[string]attr.Value{}
	for _, f := range FieldsOf(from.Type()) {
		typ, ok := attributeTypes[f.Attribute]
		if !ok {
			continue
		}
		field := from.FieldByIndex(f.Index)
		if field.IsZero() && !f.OmitsZero() && (field.CanInt() || field.CanUint() || field.Type() == durationGoType) {
			// A number that is always written is there, be it 0.
			values[f.Attribute] = encodeValue(field, typ)
			continue
		}
		if spelled, ok := typ.(spelling.Type); ok && spelled.Equal(spelling.FailsafeNet) && field.IsZero() {
			values[f.Attribute] = spelling.NewValue(typ, anyNet)
			continue
		}
		value := Encode(field, typ)
		if f.form == attributename.Block && IsVoid(value, f.Type) {
			value = Null(typ)
		}
		values[f.Attribute] = value
	}
	return values
}

// Encode makes an attribute's value of a field.
func Encode(from reflect.Value, typ attr.Type) attr.Value {
	if from.Kind() == reflect.Pointer {
		if from.IsNil() {
			return Null(typ)
		}
		from = from.Elem()
	} else if from.Kind() != reflect.Bool && from.IsZero() || (from.Kind() == reflect.Slice || from.Kind() == reflect.Map) && from.Len() == 0 {
		// But a plain bool has no third value: where it is absent, it is false.
		return Null(typ)
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
				return Null(typ)
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
		return types.ListValueMust(typ.ElemType, EncodeElements(from, typ.ElemType))
	case spelling.UnorderedType:
		return typ.Value(EncodeElements(from, typ.ElemType))
	case basetypes.MapType:
		elements := map[string]attr.Value{}
		for _, key := range from.MapKeys() {
			elements[key.String()] = spelling.NewValue(types.StringType, from.MapIndex(key).String())
		}
		return types.MapValueMust(typ.ElemType, elements)
	case basetypes.ObjectType:
		return types.ObjectValueMust(typ.AttrTypes, EncodeFields(from, typ.AttrTypes))
	default:
		panic(fmt.Sprintf("codec: no way to make a %s of a %s", typ, from.Type()))
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

// EncodeElements makes the elements of a list of those of a slice.
func EncodeElements(from reflect.Value, elementType attr.Type) []attr.Value {
	elements := make([]attr.Value, from.Len())
	for i := range elements {
		e := from.Index(i)
		if e.IsZero() && (e.Kind() == reflect.String || e.Type() == asNumberGoType) {
			// An element is never absent, be it empty or 0.
			elements[i] = encodeValue(e, elementType)
			continue
		}
		if o, ok := elementType.(basetypes.ObjectType); ok {
			elements[i] = types.ObjectValueMust(o.AttrTypes, EncodeFields(e, o.AttrTypes))
			continue
		}
		elements[i] = Encode(e, elementType)
	}
	return elements
}
