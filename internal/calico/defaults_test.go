package calico

import (
	"reflect"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
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
			for _, r := range releases {
				p := policy()
				p.Spec.Ingress, p.Spec.Egress, p.Spec.Types = tt.ingress, tt.egress, tt.types
				want := p.DeepCopy()
				want.Spec.Types = tt.want
				Default(p, r)
				if !reflect.DeepEqual(p, want) {
					t.Errorf("in %s: got %+v, want %+v", r, p.Spec, want.Spec)
				}
			}
		})
	}
}

// The same holds for policies of every kind, but for proposals to delete one.
func TestDefaultEveryPolicy(t *testing.T) {
	for _, obj := range []Object{policy(), networkPolicy(), stagedPolicy(), stagedNetworkPolicy()} {
		p, _ := policyOf(obj)
		*p.egress = []v3.Rule{{Action: v3.Allow}}
		Default(obj, v3310)
		if !reflect.DeepEqual(*p.types, []v3.PolicyType{v3.PolicyTypeEgress}) {
			t.Errorf("%T: types %v", obj, *p.types)
		}
		if p.stagedAction == nil {
			continue
		}
		if *p.stagedAction != "" {
			t.Errorf("v3.31 stores no staged action that is not given, and not %q", *p.stagedAction)
		}
		Default(obj, v3320)
		if *p.stagedAction != v3.StagedActionSet {
			t.Errorf("v3.32 stores the staged action Set, and not %q", *p.stagedAction)
		}
		*p.stagedAction, *p.types = v3.StagedActionDelete, []v3.PolicyType{"x"}
		Default(obj, v3320)
		if *p.stagedAction != v3.StagedActionDelete || *p.types != nil {
			t.Errorf("a deletion has no types: %v", *p.types)
		}
	}
}

func TestDefaultTier(t *testing.T) {
	tier := v3.NewTier()
	Default(tier, v3310)
	if *tier.Spec.Order != 1000000 || *tier.Spec.DefaultAction != v3.Deny {
		t.Errorf("got %v, %v", *tier.Spec.Order, *tier.Spec.DefaultAction)
	}
	tier = tierOfName("sec", 0, v3.Pass)
	want := tier.DeepCopy()
	Default(tier, v3320)
	if !reflect.DeepEqual(tier, want) {
		t.Errorf("got %+v, want it as it was", tier.Spec)
	}
}

func TestDefaultNothingIn(t *testing.T) {
	set := v3.NewNetworkSet()
	for _, obj := range []Object{networkSet("::1"), set, profile(v3.Rule{})} {
		want := obj.DeepCopyObject()
		Default(obj, Newest)
		if !reflect.DeepEqual(obj, want) {
			t.Errorf("got %+v, want it as it was", obj)
		}
	}
}

func TestDefaultHostEndpoint(t *testing.T) {
	h := hostEndpoint()
	want := h.DeepCopy()
	Default(h, Newest)
	if !reflect.DeepEqual(h, want) {
		t.Errorf("got %+v, want it as it was", h.Spec)
	}
}

func TestDefaultNothing(*testing.T) {
	var h *v3.HostEndpoint
	var p *v3.GlobalNetworkPolicy
	for _, obj := range []Object{nil, h, p} {
		Default(obj, Newest)
	}
}
