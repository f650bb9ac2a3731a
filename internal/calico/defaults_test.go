package calico_test

import (
	"reflect"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/objecttest"
)

func TestDefault(t *testing.T) {
	rules := []v3.Rule{{Action: v3.Allow}}
	const in, out = v3.PolicyTypeIngress, v3.PolicyTypeEgress
	for _, tt := range []struct {
		name            string
		ingress, egress []v3.Rule
		types, want     []v3.PolicyType
	}{
		{"no rules", nil, nil, nil, []v3.PolicyType{in}},
		{"ingress", rules, nil, nil, []v3.PolicyType{in}},
		{"egress", nil, rules, nil, []v3.PolicyType{out}},
		{"both", rules, rules, nil, []v3.PolicyType{in, out}},
		{"empty lists", []v3.Rule{}, rules, []v3.PolicyType{}, []v3.PolicyType{out}},
		{"as given", rules, rules, []v3.PolicyType{out}, []v3.PolicyType{out}},
		{"in the order given", nil, nil, []v3.PolicyType{out, in}, []v3.PolicyType{out, in}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range objecttest.Releases {
				p := objecttest.Policy()
				p.Spec.Ingress, p.Spec.Egress, p.Spec.Types = tt.ingress, tt.egress, tt.types
				want := p.DeepCopy()
				want.Spec.Types = tt.want
				calico.Default(p, r)
				if !reflect.DeepEqual(p, want) {
					t.Errorf("in %s: got %+v, want %+v", r, p.Spec, want.Spec)
				}
			}
		})
	}
}

// The same holds for policies of every kind, but for proposals to delete one.
func TestDefaultEveryPolicy(t *testing.T) {
	for _, obj := range []calico.Object{objecttest.Policy(), objecttest.NetworkPolicy(), objecttest.StagedPolicy(), objecttest.StagedNetworkPolicy()} {
		p, _ := calico.PolicyOf(obj)
		*p.Egress = []v3.Rule{{Action: v3.Allow}}
		calico.Default(obj, objecttest.V3310)
		if !reflect.DeepEqual(*p.Types, []v3.PolicyType{v3.PolicyTypeEgress}) {
			t.Errorf("%T: types %v", obj, *p.Types)
		}
		if p.StagedAction == nil {
			continue
		}
		if *p.StagedAction != "" {
			t.Errorf("v3.31 stores no staged action that is not given, and not %q", *p.StagedAction)
		}
		calico.Default(obj, objecttest.V3320)
		if *p.StagedAction != v3.StagedActionSet {
			t.Errorf("v3.32 stores the staged action Set, and not %q", *p.StagedAction)
		}
		*p.StagedAction, *p.Types = v3.StagedActionDelete, []v3.PolicyType{"x"}
		calico.Default(obj, objecttest.V3320)
		if *p.StagedAction != v3.StagedActionDelete || *p.Types != nil {
			t.Errorf("a deletion has no types: %v", *p.Types)
		}
	}
}

func TestDefaultTier(t *testing.T) {
	tier := v3.NewTier()
	calico.Default(tier, objecttest.V3310)
	if *tier.Spec.Order != 1000000 || *tier.Spec.DefaultAction != v3.Deny {
		t.Errorf("got %v, %v", *tier.Spec.Order, *tier.Spec.DefaultAction)
	}
	tier = objecttest.Tier("sec", 0, v3.Pass)
	want := tier.DeepCopy()
	calico.Default(tier, objecttest.V3320)
	if !reflect.DeepEqual(tier, want) {
		t.Errorf("got %+v, want it as it was", tier.Spec)
	}
}

func TestDefaultNothingIn(t *testing.T) {
	set := v3.NewNetworkSet()
	for _, obj := range []calico.Object{objecttest.NetworkSet("::1"), set, objecttest.Profile(v3.Rule{})} {
		want := obj.DeepCopyObject()
		calico.Default(obj, calico.Newest)
		if !reflect.DeepEqual(obj, want) {
			t.Errorf("got %+v, want it as it was", obj)
		}
	}
}

func TestDefaultHostEndpoint(t *testing.T) {
	h := objecttest.HostEndpoint()
	want := h.DeepCopy()
	calico.Default(h, calico.Newest)
	if !reflect.DeepEqual(h, want) {
		t.Errorf("got %+v, want it as it was", h.Spec)
	}
}

func TestDefaultNothing(*testing.T) {
	var h *v3.HostEndpoint
	var p *v3.GlobalNetworkPolicy
	for _, obj := range []calico.Object{nil, h, p} {
		calico.Default(obj, calico.Newest)
	}
}
