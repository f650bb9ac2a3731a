package codec

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/calico-terraform/terraform-provider-calico/internal/provider/spelling"
)

// Null makes a null value of a type.
func Null(typ attr.Type) attr.Value { return mustValue(typ, false) }

// Unknown makes an unknown value of a type.
func Unknown(typ attr.Type) attr.Value { return mustValue(typ, true) }

// mustValue makes a null or unknown value of any type.
func mustValue(typ attr.Type, isUnknown bool) attr.Value {
	ctx := context.Background()
	raw := tftypes.NewValue(typ.TerraformType(ctx), nil)
	if isUnknown {
		raw = tftypes.NewValue(typ.TerraformType(ctx), tftypes.UnknownValue)
	}
	v, err := typ.ValueFromTerraform(ctx, raw)
	if err != nil {
		panic(fmt.Sprintf("codec: no null or unknown value of type %s: %v", typ, err))
	}
	return v
}

// Elements returns the elements of a list; nil where it is null or unknown.
func Elements(v attr.Value) []attr.Value {
	switch v := v.(type) {
	case types.List:
		return v.Elements()
	case spelling.UnorderedValue:
		return v.Elements()
	default:
		return nil
	}
}

// Text returns the text of a string; "" if it is null or unknown, or no string.
func Text(v attr.Value) string {
	s, ok := v.(basetypes.StringValuable)
	if !ok {
		return ""
	}
	text, _ := s.ToStringValue(context.Background())
	return text.ValueString()
}

// FullyKnown tells whether nothing in the value is unknown.
func FullyKnown(v attr.Value) bool {
	raw, err := v.ToTerraformValue(context.Background())
	return err == nil && raw.IsFullyKnown()
}
