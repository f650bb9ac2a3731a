package codec

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
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

// DecodeFields writes the attributes into the fields of the struct of the same
// names. Fields without an attribute keep their value.
func DecodeFields(c *Conversion, values map[string]attr.Value, into reflect.Value, at calico.Path) {
	for _, f := range FieldsOf(into.Type()) {
		v, ok := values[f.Attribute]
		if !ok {
			continue
		}
		field := at.Field(f.JSONName())
		if reason := refused(f, v, into.Type()); reason != "" {
			c.Fault(field, nil, "%s", reason)
			continue
		}
		before := len(c.Faults)
		Decode(c, v, into.FieldByIndex(f.Index), field)
		if f.form == attributename.Block && len(c.Faults) == before && !v.IsNull() && IsVoid(v, f.Type) {
			c.Fault(field, nil, "The block says nothing, and to Calico it is as if it were not there: leave it out, or say in it what you mean.")
		}
	}
}

// refused tells why a value must not be written to a field of a struct, though
// Calico would take it: it would say something else there than it seems to say.
// "" is for a value that may be.
func refused(f Field, v attr.Value, in reflect.Type) string {
	if v == nil || v.IsNull() || v.IsUnknown() {
		return ""
	}
	switch v := v.(type) {
	case types.Number:
		if f.OmitsZero() && f.Type.Kind() != reflect.Pointer && v.ValueBigFloat().Sign() == 0 {
			return "To Calico 0 is the same as no value here: leave the attribute out, or write another number."
		}
	case spelling.Value:
		if v.IsSelector() && strings.TrimSpace(v.ValueString()) == "" {
			return "An empty selector would select everything here, or be passed over: leave it out to match any, or write all() if you mean all."
		}
	}
	if (slices.Contains(conditions, in) || isFailsafeNet(v)) && IsVoid(v, nil) {
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

// Decode writes an attribute's value into a field.
func Decode(c *Conversion, v attr.Value, into reflect.Value, at calico.Path) {
	switch {
	case v == nil || v.IsNull():
		return
	case v.IsUnknown():
		c.Unknown = append(c.Unknown, at)
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
			Decode(c, e, element, at.Key(key))
			into.SetMapIndex(reflect.ValueOf(key), element)
		}
	case types.Object:
		DecodeFields(c, v.Attributes(), into, at)
	default:
		panic(fmt.Sprintf("codec: no way to put a %T into %s", v, at))
	}
}

func decodeElements(c *Conversion, elements []attr.Value, into reflect.Value, at calico.Path) {
	into.Set(reflect.MakeSlice(into.Type(), len(elements), len(elements)))
	for i, e := range elements {
		if e.IsNull() {
			c.Fault(at.Index(i), nil, "A list must not hold null: leave the element out.")
		}
		Decode(c, e, into.Index(i), at.Index(i))
	}
}

func decodeString(c *Conversion, s string, into reflect.Value, at calico.Path, v attr.Value) {
	switch into.Type() {
	case protocolGoType:
		into.Set(reflect.ValueOf(address.Protocol(s)))
	case portGoType:
		p, err := numorstring.PortFromString(s)
		if err != nil {
			c.Fault(at, s, "A port is a number from 1 to 65535 (22), a range of them (\"1000:2000\"), or the name of a port of a host endpoint (\"ssh\").")
			return
		}
		into.Set(reflect.ValueOf(p))
	case asNumberGoType:
		n, err := numorstring.ASNumberFromString(s)
		if err != nil {
			c.Fault(at, s, "An AS number is a number from 0 to 4294967295 (64512), or two from 0 to 65535 with a dot between them (\"1.10\").")
			return
		}
		into.Set(reflect.ValueOf(n))
	case dscpGoType:
		into.Set(reflect.ValueOf(dscp(s)))
	case durationGoType:
		d, err := time.ParseDuration(s)
		if err != nil {
			c.Fault(at, s, "A duration is a number with a unit, or several of them, such as \"90s\", \"1m30s\" or \"500ms\".")
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

var (
	portGoType     = reflect.TypeFor[numorstring.Port]()
	protocolGoType = reflect.TypeFor[numorstring.Protocol]()
	asNumberGoType = reflect.TypeFor[numorstring.ASNumber]()
	dscpGoType     = reflect.TypeFor[numorstring.DSCP]()
	durationGoType = reflect.TypeFor[metav1.Duration]()
)

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
func decodeNumber(c *Conversion, n *big.Float, into reflect.Value, at calico.Path) {
	if into.CanFloat() {
		f, _ := n.Float64()
		if math.IsInf(f, 0) {
			c.Fault(at, n.Text('g', 10), "The number is too large: it must be from -1.7e308 to 1.7e308.")
			return
		}
		into.SetFloat(f)
		return
	}
	if !n.IsInt() {
		c.Fault(at, n.Text('g', 10), "The number must be a whole one, without a fraction.")
		return
	}
	whole, accuracy := n.Int64()
	bits := into.Type().Bits()
	switch {
	case into.CanUint():
		if accuracy != big.Exact || whole < 0 || into.OverflowUint(uint64(whole)) {
			c.Fault(at, n.Text('f', 0), "The number must be from 0 to %d.", uint64(1)<<bits-1)
			return
		}
		into.SetUint(uint64(whole))
	default:
		if accuracy != big.Exact || into.OverflowInt(whole) {
			c.Fault(at, n.Text('f', 0), "The number must be from %d to %d.", -1<<(bits-1), uint64(1)<<(bits-1)-1)
			return
		}
		into.SetInt(whole)
	}
}
