package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/calico-terraform/terraform-provider-calico/internal/provider/attributename"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/codec"
)

// values are the attributes of a resource, by name.
type values map[string]attr.Value

// str returns a string attribute's text; "" where it is null or unknown.
func (v values) str(name string) string { return codec.Text(v[name]) }

// isNull tells whether the attribute is null or does not exist.
func (v values) isNull(name string) bool { return v[name] == nil || v[name].IsNull() }

// isUnknown tells whether the attribute is wholly unknown.
func (v values) isUnknown(name string) bool { return v[name] != nil && v[name].IsUnknown() }

// stringMap returns a map attribute; nil where it is null or unknown.
func (v values) stringMap(name string) map[string]string {
	m, ok := v[name].(types.Map)
	if !ok || m.IsNull() || m.IsUnknown() {
		return nil
	}
	out := map[string]string{}
	for key, e := range m.Elements() {
		if s, ok := e.(types.String); ok && !s.IsNull() && !s.IsUnknown() {
			out[key] = s.ValueString()
		}
	}
	return out
}

// at returns the attribute at the end of nested ones, which are given by their
// fields' JSON names; nil where there is none.
func (v values) at(steps []string) attr.Value {
	value := v[attributename.Of(steps[0])]
	if len(steps) == 1 || value == nil {
		return value
	}
	o, ok := value.(types.Object)
	if !ok || o.IsNull() || o.IsUnknown() {
		return nil
	}
	return values(o.Attributes()).at(steps[1:])
}

// setFilled replaces the attribute at the end of nested ones, if the objects
// around it are there and the configuration has no value for it. A nil
// replacement is null.
func (v values) setFilled(steps []string, config values, replace func(attr.Value) attr.Value) {
	name := attributename.Of(steps[0])
	value, given := v[name], config[name]
	if value == nil {
		return
	}
	if len(steps) == 1 {
		if given != nil && !given.IsNull() {
			return
		}
		if value = replace(value); value == nil {
			value = codec.Null(v[name].Type(context.Background()))
		}
		v[name] = value
		return
	}
	o, ok := value.(types.Object)
	if !ok || o.IsNull() || o.IsUnknown() {
		return
	}
	var inner values
	if c, ok := given.(types.Object); ok {
		inner = c.Attributes()
	}
	attributes := values(o.Attributes())
	attributes.setFilled(steps[1:], inner, replace)
	v[name] = types.ObjectValueMust(o.AttributeTypes(context.Background()), attributes)
}

// fullyKnown tells whether nothing in the value is unknown.
func fullyKnown(v attr.Value) bool { return codec.FullyKnown(v) }

// elements returns the elements of a list; nil where it is null or unknown.
func elements(v attr.Value) []attr.Value { return codec.Elements(v) }
