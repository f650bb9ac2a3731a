package provider

import (
	"math/big"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/schemas"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/spelling"
)

// What an object says, its attributes say, and back: for random rules and host
// endpoints, decode(encode(x)) is x.
func TestCodecIsLossless(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	ruleType := schemas.RuleList("").GetType()
	endpoint := &newHostEndpointResource().(*objectResource).definition
	for range 3000 {
		rules := acctest.RandomValue(r, reflect.TypeFor[[]v3.Rule](), 3).Interface().([]v3.Rule)
		var back []v3.Rule
		c := &conversion{}
		decode(c, encode(reflect.ValueOf(rules), ruleType), reflect.ValueOf(&back).Elem(), calico.NewPath("rules"))
		if len(c.faults)+len(c.unknown) > 0 {
			t.Fatalf("faults %v, unknown %v", c.faults, c.unknown)
		}
		if diff := cmp.Diff(rules, back); diff != "" {
			t.Fatalf("rules came back changed (-before +after):\n%s", diff)
		}

		spec := acctest.RandomValue(r, reflect.TypeFor[v3.HostEndpointSpec](), 3).Interface().(v3.HostEndpointSpec)
		var backSpec v3.HostEndpointSpec
		decodeFields(c, encodeFields(reflect.ValueOf(spec), endpoint.attributeTypes()), reflect.ValueOf(&backSpec).Elem(), specPath)
		if diff := cmp.Diff(spec, backSpec); diff != "" {
			t.Fatalf("host endpoint came back changed (-before +after):\n%s", diff)
		}
	}
}

func TestDecodeReportsWhatATypeCannotHold(t *testing.T) {
	c := &conversion{}
	var ports []numorstring.Port
	list := types.ListValueMust(spelling.Port, []attr.Value{spelling.NewValue(spelling.Port, "22"), spelling.NewValue(spelling.Port, "70000"), spelling.NewValue(spelling.Port, "2:1"), spelling.NewValue(spelling.Port, "a b")})
	decode(c, list, reflect.ValueOf(&ports).Elem(), calico.NewPath("ports"))
	var number uint16
	for _, n := range []float64{65536, -1, 22.5, 1e30} {
		decode(c, types.NumberValue(big.NewFloat(n)), reflect.ValueOf(&number).Elem(), calico.NewPath("port"))
	}
	var whole int
	decode(c, types.NumberValue(big.NewFloat(1e30)), reflect.ValueOf(&whole).Elem(), calico.NewPath("type"))
	decode(c, types.NumberValue(big.NewFloat(-0.5)), reflect.ValueOf(&whole).Elem(), calico.NewPath("type"))
	var order float64
	decode(c, types.NumberValue(new(big.Float).SetMantExp(big.NewFloat(1), 2000)), reflect.ValueOf(&order).Elem(), calico.NewPath("order"))
	var nets []string
	decode(c, types.ListValueMust(types.StringType, []attr.Value{types.StringNull()}), reflect.ValueOf(&nets).Elem(), calico.NewPath("nets"))
	var got []string
	for _, f := range c.faults {
		got = append(got, f.Field.String())
	}
	want := []string{"ports[1]", "ports[2]", "ports[3]", "port", "port", "port", "port", "type", "type", "order", "nets[0]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestDecodeCollectsUnknowns(t *testing.T) {
	c := &conversion{}
	endpoint := &newHostEndpointResource().(*objectResource).definition
	obj := endpoint.object(c, values{
		"name": types.StringUnknown(), "node": types.StringValue("n"), "interface_name": types.StringUnknown(),
		"expected_ips": spelling.Unordered(spelling.IP).Value([]attr.Value{unknown(spelling.IP)}),
		"labels":       types.MapValueMust(types.StringType, map[string]attr.Value{"a": types.StringUnknown()}),
	}, calico.Newest)
	var got []string
	for _, u := range c.unknown {
		got = append(got, u.String())
	}
	want := []string{"spec.interfaceName", "spec.expectedIPs[0]", "metadata.name", `metadata.labels["a"]`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unknown (-want +got):\n%s", diff)
	}
	if obj.(*v3.HostEndpoint).Spec.Node != "n" {
		t.Error("the known value is lost")
	}
	if c.known(specPath) || !c.known(specPath.Field("node")) || c.known(specPath.Field("expectedIPs").Index(0)) {
		t.Error("known tells wrong")
	}
}

// The directions of a policy come out of a set in Terraform's order, and are
// written in Calico's; an element that is not known is no fault, wherever it is.
func TestDirectionsOfPolicies(t *testing.T) {
	t.Parallel()
	policies := definitions(t)["global_network_policy"]
	for _, test := range []struct {
		types []attr.Value
		want  []v3.PolicyType
		fault bool
	}{
		{[]attr.Value{types.StringValue("Egress"), types.StringValue("Ingress")}, []v3.PolicyType{"Egress", "Ingress"}, false},
		{[]attr.Value{types.StringValue("Ingress"), types.StringUnknown()}, []v3.PolicyType{"Ingress", ""}, false},
		{[]attr.Value{types.StringValue("Ingress"), types.StringValue("")}, []v3.PolicyType{"Ingress", ""}, true},
	} {
		var diags diag.Diagnostics
		obj, _ := policies.check(values{"name": types.StringValue("web"), "types": spelling.Unordered(types.StringType).Value(test.types)}, nil, &diags)
		policy, ok := obj.(*v3.GlobalNetworkPolicy)
		if !ok {
			t.Fatalf("a %T", obj)
		}
		if diff := cmp.Diff(test.want, policy.Spec.Types); diff != "" || diags.HasError() != test.fault {
			t.Errorf("%v (-want +got):\n%s\nwith %v", test.types, diff, diags)
		}
	}
}
