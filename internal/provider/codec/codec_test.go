package codec

import (
	"math/big"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/schemas"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/spelling"
)

// What an object says, its attributes say, and back: for random rules,
// Decode(Encode(x)) is x.
func TestRulesAreLossless(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	ruleType := schemas.RuleList("").GetType()
	lists := 3000
	if testing.Short() { // make testunit has a minute for all; make test tries them all
		lists = 600
	}
	for range lists {
		rules := acctest.RandomValue(r, reflect.TypeFor[[]v3.Rule](), 3).Interface().([]v3.Rule)
		var back []v3.Rule
		c := &Conversion{}
		Decode(c, Encode(reflect.ValueOf(rules), ruleType), reflect.ValueOf(&back).Elem(), calico.NewPath("rules"))
		if len(c.Faults)+len(c.Unknown) > 0 {
			t.Fatalf("faults %v, unknown %v", c.Faults, c.Unknown)
		}
		if diff := cmp.Diff(rules, back); diff != "" {
			t.Fatalf("rules came back changed (-before +after):\n%s", diff)
		}
	}
}

func TestDecodeReportsWhatATypeCannotHold(t *testing.T) {
	c := &Conversion{}
	var ports []numorstring.Port
	list := types.ListValueMust(spelling.Port, []attr.Value{spelling.NewValue(spelling.Port, "22"), spelling.NewValue(spelling.Port, "70000"), spelling.NewValue(spelling.Port, "2:1"), spelling.NewValue(spelling.Port, "a b")})
	Decode(c, list, reflect.ValueOf(&ports).Elem(), calico.NewPath("ports"))
	var number uint16
	for _, n := range []float64{65536, -1, 22.5, 1e30} {
		Decode(c, types.NumberValue(big.NewFloat(n)), reflect.ValueOf(&number).Elem(), calico.NewPath("port"))
	}
	var whole int
	Decode(c, types.NumberValue(big.NewFloat(1e30)), reflect.ValueOf(&whole).Elem(), calico.NewPath("type"))
	Decode(c, types.NumberValue(big.NewFloat(-0.5)), reflect.ValueOf(&whole).Elem(), calico.NewPath("type"))
	var order float64
	Decode(c, types.NumberValue(new(big.Float).SetMantExp(big.NewFloat(1), 2000)), reflect.ValueOf(&order).Elem(), calico.NewPath("order"))
	var nets []string
	Decode(c, types.ListValueMust(types.StringType, []attr.Value{types.StringNull()}), reflect.ValueOf(&nets).Elem(), calico.NewPath("nets"))
	var got []string
	for _, f := range c.Faults {
		got = append(got, f.Field.String())
	}
	want := []string{"ports[1]", "ports[2]", "ports[3]", "port", "port", "port", "port", "type", "type", "order", "nets[0]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}
