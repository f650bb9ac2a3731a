package codec

import (
	"context"
	"maps"
	"reflect"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/calico-terraform/terraform-provider-calico/internal/provider/spelling"
)

// Reconcile returns current in the spelling of prior wherever the two mean the
// same: FD00::/8 stays FD00::/8 though fd00::/8 is stored, and an empty list
// stays an empty list though nothing is stored for it. field is the type of the
// field of Calico's API that the values are of, nil where there is none.
func Reconcile(prior, current attr.Value, field reflect.Type) attr.Value {
	if prior == nil || current == nil || prior.IsUnknown() || current.IsUnknown() {
		return current
	}
	if SameMeaning(prior, current, field) {
		return prior
	}
	if prior.IsNull() || current.IsNull() {
		return current
	}
	if c, ok := current.(spelling.UnorderedValue); ok {
		if p, ok := prior.(spelling.UnorderedValue); ok {
			return c.InOrderOf(p)
		}
	}
	return reconcileParts(prior, current, field, Reconcile)
}

// ReconcilePlan does the same for a plan, within what Terraform lets a provider
// plan: a configured value, or the prior one in its place.
func ReconcilePlan(prior, planned attr.Value, field reflect.Type) attr.Value {
	if prior == nil || planned == nil || prior.IsUnknown() || planned.IsUnknown() || prior.IsNull() || planned.IsNull() {
		return planned
	}
	if FullyKnown(planned) && SameMeaning(prior, planned, field) && nullsAlike(prior, planned) {
		return prior
	}
	return reconcileParts(prior, planned, field, ReconcilePlan)
}

// reconcileParts goes into objects and lists of objects; a list of plain values is one
// value to Terraform.
func reconcileParts(prior, current attr.Value, field reflect.Type, reconcile func(prior, current attr.Value, field reflect.Type) attr.Value) attr.Value {
	switch c := current.(type) {
	case types.Object:
		p, ok := prior.(types.Object)
		if !ok {
			return current
		}
		merged := map[string]attr.Value{}
		for name, value := range c.Attributes() {
			merged[name] = reconcile(p.Attributes()[name], value, FieldType(field, name))
		}
		return types.ObjectValueMust(c.AttributeTypes(context.Background()), merged)
	case types.List:
		p, ok := prior.(types.List)
		typ := c.ElementType(context.Background())
		if _, object := typ.(basetypes.ObjectType); !ok || !object {
			return current
		}
		merged := c.Elements()
		for i, before := range p.Elements() {
			if i < len(merged) {
				merged[i] = reconcile(before, merged[i], ElementType(field))
			}
		}
		return types.ListValueMust(typ, merged)
	default:
		return current
	}
}

// SameMeaning tells whether Calico cannot tell the two values apart: they are
// equal but for spelling, for the order where that means nothing, and, where the field cannot
// hold the difference, for empty against absent.
func SameMeaning(a, b attr.Value, field reflect.Type) bool {
	if x, ok := a.(spelling.Value); ok && !x.IsUnknown() {
		if y, ok := b.(spelling.Value); ok && !y.IsUnknown() {
			if field != nil && field.Kind() == reflect.Pointer && x.IsNull() != y.IsNull() {
				return false
			}
			return meaning(x, field) == meaning(y, field)
		}
	}
	if IsVoid(a, field) || IsVoid(b, field) {
		return IsVoid(a, field) && IsVoid(b, field)
	}
	if a.IsUnknown() || b.IsUnknown() {
		return a.IsUnknown() && b.IsUnknown()
	}
	switch x := a.(type) {
	case types.Object:
		y, ok := b.(types.Object)
		if !ok {
			return false
		}
		for name, value := range x.Attributes() {
			if !SameMeaning(value, y.Attributes()[name], FieldType(field, name)) {
				return false
			}
		}
		return true
	case types.List:
		return sameElements(x.Elements(), Elements(b), ElementType(field))
	case spelling.UnorderedValue:
		y, ok := b.(spelling.UnorderedValue)
		return ok && maps.Equal(x.Meanings(), y.Meanings())
	case types.Map:
		y, ok := b.(types.Map)
		return ok && maps.EqualFunc(withoutNulls(x), withoutNulls(y), attr.Value.Equal)
	case types.Number:
		y, ok := b.(types.Number)
		return ok && sameNumber(x, y)
	default:
		return a.Equal(b)
	}
}

// withoutNulls returns the elements of a map that are there: null stands for none.
func withoutNulls(m types.Map) map[string]attr.Value {
	out := m.Elements()
	maps.DeleteFunc(out, func(_ string, v attr.Value) bool { return v.IsNull() })
	return out
}

// sameNumber tells whether two numbers are the same to Calico, which knows whole
// ones and those of 64 bits: 0.1 as it is written has more digits.
func sameNumber(a, b types.Number) bool {
	if a.IsNull() || b.IsNull() {
		return a.IsNull() && b.IsNull()
	}
	x, y := a.ValueBigFloat(), b.ValueBigFloat()
	if x.IsInt() || y.IsInt() {
		return x.Cmp(y) == 0
	}
	f, _ := x.Float64()
	g, _ := y.Float64()
	return f == g
}

// meaning returns the canonical form of what the value means in a field: null
// means what an empty text does, and a number that is 0 is absent from a plain
// field.
func meaning(v spelling.Value, field reflect.Type) string {
	text := v.Canonical() // of "" where it is null
	if text == "0" && field != nil && field.Kind() != reflect.String && field.Kind() != reflect.Pointer {
		return ""
	}
	return text
}

func sameElements(a, b []attr.Value, element reflect.Type) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !SameMeaning(a[i], b[i], element) {
			return false
		}
	}
	return true
}

// IsVoid tells the values that are the same as no value: null and, unless the
// field is a pointer, what Calico does not store: "", false, 0, an empty
// collection, an object of nothing but such. A pointer to anything but an object is
// stored whatever it points to: an empty list of failsafe ports is none, and an
// absent one the default.
func IsVoid(v attr.Value, field reflect.Type) bool {
	if v == nil || v.IsNull() {
		return true
	}
	if v.IsUnknown() || isKept(field) {
		return false
	}
	switch v := v.(type) {
	case spelling.Value:
		return meaning(v, field) == ""
	case basetypes.StringValuable:
		s, _ := v.ToStringValue(context.Background())
		return s.ValueString() == ""
	case types.Bool:
		return !v.ValueBool()
	case types.List:
		return len(v.Elements()) == 0
	case spelling.UnorderedValue:
		return len(v.Elements()) == 0
	case types.Map:
		return len(withoutNulls(v)) == 0
	case types.Object:
		for name, a := range v.Attributes() {
			if !IsVoid(a, FieldType(field, name)) {
				return false
			}
		}
		return true
	default:
		return false
	}
}

// nullsAlike tells whether the two values are null in the same places.
// Terraform lets a plan keep a prior value only where one is configured.
func nullsAlike(a, b attr.Value) bool {
	if a.IsNull() || b.IsNull() {
		return a.IsNull() && b.IsNull()
	}
	switch x := a.(type) {
	case types.Object:
		y, ok := b.(types.Object)
		if !ok {
			return false
		}
		for name, value := range x.Attributes() {
			if !nullsAlike(value, y.Attributes()[name]) {
				return false
			}
		}
		return true
	case types.List:
		es, os := x.Elements(), Elements(b)
		if len(es) != len(os) {
			return false
		}
		for i := range es {
			if !nullsAlike(es[i], os[i]) {
				return false
			}
		}
		return true
	default:
		return true
	}
}
