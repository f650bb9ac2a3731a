package spelling

import (
	"context"
	"fmt"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// UnorderedType is the type of lists of strings whose order means nothing to Calico, and
// in which an element that is there twice is there once. They are no sets to Terraform:
// it and the framework compare each element of a set with each other one, which takes
// minutes for a set of a thousand networks. What is written is what is stored, in its
// order, and twice if it is there twice; only a comparison does not heed that.
type UnorderedType struct {
	basetypes.ListType
}

// UnorderedValue is a value of an unorderedType.
type UnorderedValue struct {
	basetypes.ListValue
}

var (
	_ basetypes.ListTypable                    = UnorderedType{}
	_ basetypes.ListValuableWithSemanticEquals = UnorderedValue{}
)

// Unordered returns the type of lists of the given strings whose order means nothing.
func Unordered(element attr.Type) UnorderedType {
	return UnorderedType{types.ListType{ElemType: element}}
}

// Value makes a value of the type.
func (t UnorderedType) Value(elements []attr.Value) UnorderedValue {
	return UnorderedValue{types.ListValueMust(t.ElemType, elements)}
}

// Equal tells whether the other type is the same.
func (t UnorderedType) Equal(o attr.Type) bool {
	other, ok := o.(UnorderedType)
	return ok && t.ListType.Equal(other.ListType)
}

// String names the type in messages.
func (t UnorderedType) String() string { return "unordered " + t.ListType.String() }

// ValueType returns the type's value type.
func (t UnorderedType) ValueType(context.Context) attr.Value { return UnorderedValue{} }

// ValueFromList makes a value of the type.
func (t UnorderedType) ValueFromList(_ context.Context, v basetypes.ListValue) (basetypes.ListValuable, diag.Diagnostics) {
	return UnorderedValue{v}, nil
}

// ValueFromTerraform makes a value of the type.
func (t UnorderedType) ValueFromTerraform(ctx context.Context, v tftypes.Value) (attr.Value, error) {
	value, err := t.ListType.ValueFromTerraform(ctx, v)
	if err != nil {
		return nil, err
	}
	list, ok := value.(basetypes.ListValue)
	if !ok {
		return nil, fmt.Errorf("unexpected value type %T", value)
	}
	return UnorderedValue{list}, nil
}

// Type returns the value's type.
func (v UnorderedValue) Type(ctx context.Context) attr.Type {
	return Unordered(v.ElementType(ctx))
}

// Equal tells whether the other value is the same, to the letter and in the same order.
func (v UnorderedValue) Equal(o attr.Value) bool {
	other, ok := o.(UnorderedValue)
	return ok && v.ListValue.Equal(other.ListValue)
}

// ListSemanticEquals tells whether the other value means the same.
func (v UnorderedValue) ListSemanticEquals(_ context.Context, o basetypes.ListValuable) (bool, diag.Diagnostics) {
	other, ok := o.(UnorderedValue)
	return ok && v.IsUnknown() == other.IsUnknown() && maps.Equal(v.Meanings(), other.Meanings()), nil
}

// InOrderOf returns the value with the elements that a prior one has in the order and the
// spelling that they have there, and the others after them: a plan then shows what has come
// and gone, and nothing else.
func (v UnorderedValue) InOrderOf(prior UnorderedValue) UnorderedValue {
	has, had := v.Meanings(), prior.Meanings()
	var out []attr.Value
	for _, e := range prior.Elements() {
		if has[meaningOf(e)] {
			out = append(out, e)
		}
	}
	for _, e := range v.Elements() {
		if !had[meaningOf(e)] {
			out = append(out, e)
		}
	}
	return Unordered(v.ElementType(context.Background())).Value(out)
}

// Meanings returns what the elements mean. Null has none, as an empty list.
func (v UnorderedValue) Meanings() map[string]bool {
	out := make(map[string]bool, len(v.Elements()))
	for _, e := range v.Elements() {
		out[meaningOf(e)] = true
	}
	return out
}

// meaningOf returns what an element means. Those that are not known mean all the same.
func meaningOf(e attr.Value) string {
	if e.IsUnknown() {
		return "\x00unknown"
	}
	switch e := e.(type) {
	case Value:
		return e.Canonical()
	case basetypes.StringValue:
		return e.ValueString()
	default:
		panic(fmt.Sprintf("spelling: a list without an order holds a %T", e))
	}
}
