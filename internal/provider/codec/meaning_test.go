package codec

import (
	"math/big"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/calico-terraform/terraform-provider-calico/internal/provider/spelling"
)

func stringsOf(typ attr.Type, texts ...string) []attr.Value {
	var out []attr.Value
	for _, s := range texts {
		out = append(out, spelling.NewValue(typ, s))
	}
	return out
}

func TestReconcileKeepsSpelling(t *testing.T) {
	ports := func(texts ...string) attr.Value {
		return types.ListValueMust(spelling.Port, stringsOf(spelling.Port, texts...))
	}
	nets := func(texts ...string) attr.Value {
		return spelling.Unordered(spelling.Net).Value(stringsOf(spelling.Net, texts...))
	}
	number := func(text string) attr.Value {
		n, _, err := big.ParseFloat(text, 10, 512, big.ToNearestEven) // as Terraform does
		if err != nil {
			t.Fatal(err)
		}
		return types.NumberValue(n)
	}
	// An empty text stands for null.
	labels := func(pairs ...string) attr.Value {
		elements := map[string]attr.Value{}
		for i := 0; i < len(pairs); i += 2 {
			elements[pairs[i]] = types.StringValue(pairs[i+1])
			if pairs[i+1] == "" {
				elements[pairs[i]] = types.StringNull()
			}
		}
		return types.MapValueMust(types.StringType, elements)
	}
	for name, test := range map[string]struct {
		prior, current attr.Value
		keeps          bool
	}{
		"a port as a range of one":  {ports("22:22"), ports("22"), true},
		"another port":              {ports("22"), ports("23"), false},
		"ports in another order":    {ports("22", "23"), ports("23", "22"), false},
		"IPv6 in capitals":          {nets("FD00::/8"), nets("fd00::/8"), true},
		"IPv6 written out":          {nets("fd00:0:0::/48", "10.0.0.0/8"), nets("10.0.0.0/8", "fd00::/48"), true},
		"networks given twice":      {nets("10.0.0.0/8", "FD00::/8", "10.0.0.0/8"), nets("fd00::/8", "10.0.0.0/8"), true},
		"one of two networks":       {nets("10.0.0.0/8", "fd00::/8"), nets("10.0.0.0/8"), false},
		"no networks":               {nets(), Null(spelling.Unordered(spelling.Net)), true},
		"another net":               {nets("10.0.0.0/8"), nets("10.0.0.0/9"), false},
		"a selector on two lines":   {spelling.NewValue(spelling.Selector, "a == 'x' &&\n  b == 'y'\n"), spelling.NewValue(spelling.Selector, `a == "x" && b == "y"`), true},
		"another selector":          {spelling.NewValue(spelling.Selector, "a == 'x'"), spelling.NewValue(spelling.Selector, "a != 'x'"), false},
		"a policy's empty selector": {spelling.NewValue(spelling.PolicySelector, ""), spelling.NewValue(spelling.PolicySelector, "all()"), true},
		"a rule's empty selector":   {spelling.NewValue(spelling.Selector, ""), spelling.NewValue(spelling.Selector, "all()"), false},
		"blanks for a selector":     {spelling.NewValue(spelling.Selector, " "), Null(spelling.Selector), true},
		"bare address":              {spelling.NewValue(spelling.HostNet, "10.0.0.1"), spelling.NewValue(spelling.HostNet, "10.0.0.1/32"), true},
		"number given as text":      {spelling.NewValue(spelling.Protocol, "06"), spelling.NewValue(spelling.Protocol, "6"), true},
		"TCP and its number":        {spelling.NewValue(spelling.Protocol, "TCP"), spelling.NewValue(spelling.Protocol, "6"), false},
		"an empty list":             {ports(), Null(types.ListType{ElemType: spelling.Port}), true},
		"false and absent":          {types.BoolValue(false), types.BoolNull(), true},
		"true and absent":           {types.BoolValue(true), types.BoolNull(), false},
		"zero and absent":           {number("0"), types.NumberNull(), false},
		"a number as it is written": {number("0.1"), types.NumberValue(big.NewFloat(0.1)), true},
		"a whole number":            {number("1e21"), types.NumberValue(big.NewFloat(1e21)), true},
		"another number":            {number("0.1"), types.NumberValue(big.NewFloat(0.2)), false},
		"a key without a value":     {labels("a", "", "b", "x"), labels("b", "x"), true},
		"keys without a value":      {labels("a", ""), types.MapNull(types.StringType), true},
		"another value of a key":    {labels("a", "", "b", "x"), labels("b", "y"), false},
		"one more key":              {labels("a", ""), labels("a", "x"), false},
	} {
		got := Reconcile(test.prior, test.current, nil)
		want := test.current
		if test.keeps {
			want = test.prior
		}
		if !got.Equal(want) {
			t.Errorf("%s: reconcile(%s, %s) = %s", name, test.prior, test.current, got)
		}
	}
}

// Of networks that have come and gone, the others stay as they were.
func TestReconcileKeepsTheOrder(t *testing.T) {
	nets := func(texts ...string) attr.Value {
		return spelling.Unordered(spelling.Net).Value(stringsOf(spelling.Net, texts...))
	}
	prior := nets("FD00::/8", "10.3.0.0/16", "10.1.0.0/16", "fd00::/8")
	if got, want := Reconcile(prior, nets("10.1.0.0/16", "10.2.0.0/16", "fd00::/8"), nil), nets("FD00::/8", "10.1.0.0/16", "fd00::/8", "10.2.0.0/16"); !got.Equal(want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestReconcileGoesIntoRules(t *testing.T) {
	object := map[string]attr.Type{"action": types.StringType, "protocol": spelling.Protocol}
	rule := func(action, protocol string) attr.Value {
		return types.ObjectValueMust(object, map[string]attr.Value{"action": types.StringValue(action), "protocol": spelling.NewValue(spelling.Protocol, protocol)})
	}
	list := func(rules ...attr.Value) attr.Value {
		return types.ListValueMust(types.ObjectType{AttrTypes: object}, rules)
	}
	prior := list(rule("Allow", "06"), rule("Deny", "017"))
	got := Reconcile(prior, list(rule("Log", "6"), rule("Deny", "17"), rule("Pass", "6")), nil)
	if want := list(rule("Log", "06"), rule("Deny", "017"), rule("Pass", "6")); !got.Equal(want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Terraform takes a planned value only where it is the configured one, or the
// prior one where something is configured: null must stay null.
func TestReconcilePlanStaysWithinTheProtocol(t *testing.T) {
	empty := types.ListValueMust(spelling.Port, []attr.Value{})
	absent := Null(types.ListType{ElemType: spelling.Port})
	if got := ReconcilePlan(empty, absent, nil); !got.Equal(absent) {
		t.Errorf("a null in the configuration was planned as %s", got)
	}
	if got := ReconcilePlan(absent, empty, nil); !got.Equal(empty) {
		t.Errorf("an empty list in the configuration was planned as %s", got)
	}
	a := spelling.Unordered(spelling.Net).Value(stringsOf(spelling.Net, "FD00::/8", "10.0.0.0/8"))
	b := spelling.Unordered(spelling.Net).Value(stringsOf(spelling.Net, "fd00::/8", "10.0.0.0/9"))
	if got := ReconcilePlan(a, b, nil); !got.Equal(b) {
		t.Errorf("a list that is neither the configured nor the prior one was planned: %s", got)
	}
	u := types.ListUnknown(spelling.Port)
	if got := ReconcilePlan(empty, u, nil); !got.Equal(u) {
		t.Errorf("an unknown value was planned as %s", got)
	}
}
