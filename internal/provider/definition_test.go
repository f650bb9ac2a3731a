package provider

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/codec"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/spelling"
)

// What a host endpoint says, its attributes say, and back.
func TestHostEndpointsAreLossless(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	endpoint := hostEndpointResource()
	for range 3000 {
		spec := acctest.RandomValue(r, reflect.TypeFor[v3.HostEndpointSpec](), 3).Interface().(v3.HostEndpointSpec)
		c := &codec.Conversion{}
		var backSpec v3.HostEndpointSpec
		codec.DecodeFields(c, codec.EncodeFields(reflect.ValueOf(spec), endpoint.attributeTypes()), reflect.ValueOf(&backSpec).Elem(), specPath)
		if len(c.Faults)+len(c.Unknown) > 0 {
			t.Fatalf("faults %v, unknown %v", c.Faults, c.Unknown)
		}
		if diff := cmp.Diff(spec, backSpec); diff != "" {
			t.Fatalf("host endpoint came back changed (-before +after):\n%s", diff)
		}
	}
}

func TestDecodeCollectsUnknowns(t *testing.T) {
	c := &codec.Conversion{}
	endpoint := hostEndpointResource()
	obj := endpoint.object(c, values{
		"name": types.StringUnknown(), "node": types.StringValue("n"), "interface_name": types.StringUnknown(),
		"expected_ips": spelling.Unordered(spelling.IP).Value([]attr.Value{codec.Unknown(spelling.IP)}),
		"labels":       types.MapValueMust(types.StringType, map[string]attr.Value{"a": types.StringUnknown()}),
	}, calico.Newest)
	var got []string
	for _, u := range c.Unknown {
		got = append(got, u.String())
	}
	want := []string{"spec.interfaceName", "spec.expectedIPs[0]", "metadata.name", `metadata.labels["a"]`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unknown (-want +got):\n%s", diff)
	}
	if obj.(*v3.HostEndpoint).Spec.Node != "n" {
		t.Error("the known value is lost")
	}
	if c.Known(specPath) || !c.Known(specPath.Field("node")) || c.Known(specPath.Field("expectedIPs").Index(0)) {
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
