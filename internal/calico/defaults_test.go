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
