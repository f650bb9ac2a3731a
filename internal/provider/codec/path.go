package codec

import (
	"reflect"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/attributename"
)

// NameOfField returns the attribute or block of a struct's field, which is given by
// its JSON name.
func NameOfField(t reflect.Type, json string) string {
	for t != nil && (t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice) {
		t = t.Elem()
	}
	if t != nil && t.Kind() == reflect.Struct {
		for _, f := range FieldsOf(t) {
			if f.JSONName() == json {
				return f.Attribute
			}
		}
	}
	return attributename.Of(json)
}

// ExtendPath goes on from the attribute at p, of the type given, along the
// fields of an object. It stops at a list without an order, whose elements have no
// position of their own, and at what has no attribute. field is the type of the field
// that the attribute stands for; nil where there is none.
func ExtendPath(p path.Path, typ attr.Type, field reflect.Type, steps []calico.Step) path.Path {
	for _, s := range steps {
		switch t := typ.(type) {
		case basetypes.ObjectType:
			name := NameOfField(field, s.Field)
			next, ok := t.AttrTypes[name]
			if !ok {
				return p
			}
			p, typ, field = p.AtName(name), next, FieldType(field, name)
		case basetypes.ListType:
			p, typ, field = p.AtListIndex(s.Index), t.ElemType, ElementType(field)
		case basetypes.MapType:
			p, typ = p.AtMapKey(s.Key), t.ElemType
		default:
			return p
		}
	}
	return p
}
