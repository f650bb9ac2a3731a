// Package spelling has the types of values that can be written in several ways which
// mean the same to Calico: texts such as networks, ports and selectors, and lists whose
// order means nothing. A difference in spelling alone is no change.
package spelling

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
)

// spelling is a way to write a value that has several: two texts with the same
// canonical form mean the same to Calico.
type spelling struct {
	name      string
	canonical func(string) string
}

// The string types whose values have several spellings.
var (
	// Net is a CIDR: FD00::/8 is fd00::/8.
	Net = Type{spelling: &spelling{"net", calico.CanonicalNet}}
	// IP is an IP address: FD00:0::1 is fd00::1.
	IP = Type{spelling: &spelling{"ip", calico.CanonicalIP}}
	// HostNet is a CIDR or a bare address that stands for itself alone:
	// 10.0.0.1 is 10.0.0.1/32.
	HostNet = Type{spelling: &spelling{"host net", func(s string) string { return calico.CanonicalNet(address.Net(s)) }}}
	// FailsafeNet is the same, or "any", which Calico has no text for.
	FailsafeNet = Type{spelling: &spelling{"failsafe net", func(s string) string { return calico.CanonicalNet(address.Net(s)) }}}
	// Port is a port, a range or a named port: 22:22 is 22.
	Port = Type{spelling: &spelling{"port", calico.CanonicalPort}}
	// Protocol is a protocol's name or number: "06" is 6.
	Protocol = Type{spelling: &spelling{"protocol", calico.CanonicalProtocol}}
	// Selector is a selector expression, on one line or on several.
	Selector = Type{spelling: &spelling{"selector", func(s string) string {
		if strings.TrimSpace(s) == "" {
			return "" // no selector, which in a rule is not all()
		}
		return calico.CanonicalSelector(s)
	}}}
	// PolicySelector is the selector of a policy: without one it is all().
	PolicySelector = Type{spelling: &spelling{"policy selector", func(s string) string {
		if strings.TrimSpace(s) == "" {
			s = "all()"
		}
		return calico.CanonicalSelector(s)
	}}}
	// ASNumber is an AS number, plain or dotted: "1.10" is 65546.
	ASNumber = Type{spelling: &spelling{"AS number", calico.CanonicalASNumber}}
	// DSCP is a class of packets, by its number or its name: "EF" is 46.
	DSCP = Type{spelling: &spelling{"DSCP", calico.CanonicalDSCP}}
	// Duration is a length of time: "90s" is 1m30s.
	Duration = Type{spelling: &spelling{"duration", calico.CanonicalDuration}}
)

// Type is the type of string attributes whose values can be spelled in
// several ways. The framework keeps the spelling of the state if what is stored means
// the same (StringSemanticEquals).
type Type struct {
	basetypes.StringType
	spelling *spelling
}

// Value is a value of a spelledType.
type Value struct {
	basetypes.StringValue
	spelling *spelling
}

var (
	_ basetypes.StringTypable                    = Type{}
	_ basetypes.StringValuableWithSemanticEquals = Value{}
)

// Equal tells whether the other type is the same.
func (t Type) Equal(o attr.Type) bool {
	other, ok := o.(Type)
	return ok && other.spelling == t.spelling
}

// String names the type in messages.
func (t Type) String() string { return "string (" + t.spelling.name + ")" }

// ValueType returns the type's value type.
func (t Type) ValueType(context.Context) attr.Value {
	return Value{spelling: t.spelling}
}

// ValueFromString makes a value of the type.
func (t Type) ValueFromString(_ context.Context, v basetypes.StringValue) (basetypes.StringValuable, diag.Diagnostics) {
	return Value{StringValue: v, spelling: t.spelling}, nil
}

// ValueFromTerraform makes a value of the type.
func (t Type) ValueFromTerraform(ctx context.Context, v tftypes.Value) (attr.Value, error) {
	value, err := t.StringType.ValueFromTerraform(ctx, v)
	if err != nil {
		return nil, err
	}
	s, ok := value.(basetypes.StringValue)
	if !ok {
		return nil, fmt.Errorf("unexpected value type %T", value)
	}
	return Value{StringValue: s, spelling: t.spelling}, nil
}

// Type returns the value's type.
func (v Value) Type(context.Context) attr.Type { return Type{spelling: v.spelling} }

// Equal tells whether the other value is the same, to the letter.
func (v Value) Equal(o attr.Value) bool {
	other, ok := o.(Value)
	return ok && other.spelling == v.spelling && v.StringValue.Equal(other.StringValue)
}

// StringSemanticEquals tells whether the other value means the same.
func (v Value) StringSemanticEquals(_ context.Context, o basetypes.StringValuable) (bool, diag.Diagnostics) {
	other, ok := o.(Value)
	return ok && v.Canonical() == other.Canonical(), nil
}

// Canonical returns what every spelling of the value has in common; of null, it is what
// "" has.
func (v Value) Canonical() string { return v.spelling.canonical(v.ValueString()) }

// Is tells whether the value is of the type.
func (v Value) Is(t Type) bool { return v.spelling == t.spelling }

// IsSelector tells a selector expression.
func (v Value) IsSelector() bool { return v.Is(Selector) || v.Is(PolicySelector) }

// NewValue makes a value of a string type, spelled or plain.
func NewValue(typ attr.Type, s string) attr.Value {
	if t, ok := typ.(Type); ok {
		return Value{StringValue: basetypes.NewStringValue(s), spelling: t.spelling}
	}
	return basetypes.NewStringValue(s)
}
