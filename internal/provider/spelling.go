package provider

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
	// netType is a CIDR: FD00::/8 is fd00::/8.
	netType = spelledType{spelling: &spelling{"net", calico.CanonicalNet}}
	// ipType is an IP address: FD00:0::1 is fd00::1.
	ipType = spelledType{spelling: &spelling{"ip", calico.CanonicalIP}}
	// hostNetType is a CIDR or a bare address that stands for itself alone:
	// 10.0.0.1 is 10.0.0.1/32.
	hostNetType = spelledType{spelling: &spelling{"host net", func(s string) string { return calico.CanonicalNet(address.Net(s)) }}}
	// failsafeNetType is the same, or "any", which Calico has no text for.
	failsafeNetType = spelledType{spelling: &spelling{"failsafe net", func(s string) string { return calico.CanonicalNet(address.Net(s)) }}}
	// portType is a port, a range or a named port: 22:22 is 22.
	portType = spelledType{spelling: &spelling{"port", calico.CanonicalPort}}
	// protocolType is a protocol's name or number: "06" is 6.
	protocolType = spelledType{spelling: &spelling{"protocol", calico.CanonicalProtocol}}
	// selectorType is a selector expression, on one line or on several.
	selectorType = spelledType{spelling: &spelling{"selector", func(s string) string {
		if strings.TrimSpace(s) == "" {
			return "" // no selector, which in a rule is not all()
		}
		return calico.CanonicalSelector(s)
	}}}
	// policySelectorType is the selector of a policy: without one it is all().
	policySelectorType = spelledType{spelling: &spelling{"policy selector", func(s string) string {
		if strings.TrimSpace(s) == "" {
			s = "all()"
		}
		return calico.CanonicalSelector(s)
	}}}
	// asNumberType is an AS number, plain or dotted: "1.10" is 65546.
	asNumberType = spelledType{spelling: &spelling{"AS number", calico.CanonicalASNumber}}
	// dscpType is a class of packets, by its number or its name: "EF" is 46.
	dscpType = spelledType{spelling: &spelling{"DSCP", calico.CanonicalDSCP}}
	// durationType is a length of time: "90s" is 1m30s.
	durationType = spelledType{spelling: &spelling{"duration", calico.CanonicalDuration}}
)

// spelledType is the type of string attributes whose values can be spelled in
// several ways. A difference in spelling alone is no difference: neither
// between the datastore and the state (StringSemanticEquals) nor between the
// configuration and the state (see reconcile).
type spelledType struct {
	basetypes.StringType
	spelling *spelling
}

// spelledValue is a value of a spelledType.
type spelledValue struct {
	basetypes.StringValue
	spelling *spelling
}

var (
	_ basetypes.StringTypable                    = spelledType{}
	_ basetypes.StringValuableWithSemanticEquals = spelledValue{}
)

// Equal tells whether the other type is the same.
func (t spelledType) Equal(o attr.Type) bool {
	other, ok := o.(spelledType)
	return ok && other.spelling == t.spelling
}

// String names the type in messages.
func (t spelledType) String() string { return "string (" + t.spelling.name + ")" }

// ValueType returns the type's value type.
func (t spelledType) ValueType(context.Context) attr.Value {
	return spelledValue{spelling: t.spelling}
}

// ValueFromString makes a value of the type.
func (t spelledType) ValueFromString(_ context.Context, v basetypes.StringValue) (basetypes.StringValuable, diag.Diagnostics) {
	return spelledValue{StringValue: v, spelling: t.spelling}, nil
}

// ValueFromTerraform makes a value of the type.
func (t spelledType) ValueFromTerraform(ctx context.Context, v tftypes.Value) (attr.Value, error) {
	value, err := t.StringType.ValueFromTerraform(ctx, v)
	if err != nil {
		return nil, err
	}
	s, ok := value.(basetypes.StringValue)
	if !ok {
		return nil, fmt.Errorf("unexpected value type %T", value)
	}
	return spelledValue{StringValue: s, spelling: t.spelling}, nil
}

// Type returns the value's type.
func (v spelledValue) Type(context.Context) attr.Type { return spelledType{spelling: v.spelling} }

// Equal tells whether the other value is the same, to the letter.
func (v spelledValue) Equal(o attr.Value) bool {
	other, ok := o.(spelledValue)
	return ok && other.spelling == v.spelling && v.StringValue.Equal(other.StringValue)
}

// StringSemanticEquals tells whether the other value means the same.
func (v spelledValue) StringSemanticEquals(_ context.Context, o basetypes.StringValuable) (bool, diag.Diagnostics) {
	other, ok := o.(spelledValue)
	return ok && v.canonical() == other.canonical(), nil
}

func (v spelledValue) canonical() string { return v.spelling.canonical(v.ValueString()) }

// isSelector tells a selector expression.
func isSelector(v spelledValue) bool {
	return v.spelling == selectorType.spelling || v.spelling == policySelectorType.spelling
}
