// Package objecttest makes objects of Calico for tests.
package objecttest

import (
	"reflect"
	"time"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
)

// HostEndpoint returns a host endpoint that every release takes.
func HostEndpoint() *v3.HostEndpoint {
	h := v3.NewHostEndpoint()
	h.Name = "db1-eth0"
	h.Spec.Node, h.Spec.InterfaceName = "db1", "eth0"
	return h
}

// Policy returns a global policy with these ingress rules.
func Policy(rules ...v3.Rule) *v3.GlobalNetworkPolicy {
	p := v3.NewGlobalNetworkPolicy()
	p.Name = "p"
	p.Spec.Ingress = rules
	return p
}

// NetworkPolicy returns a policy in a namespace.
func NetworkPolicy() *v3.NetworkPolicy {
	p := v3.NewNetworkPolicy()
	p.Name, p.Namespace = "p", "prod"
	return p
}

// StagedNetworkPolicy returns a staged policy in a namespace.
func StagedNetworkPolicy() *v3.StagedNetworkPolicy {
	p := v3.NewStagedNetworkPolicy()
	p.Name, p.Namespace = "p", "prod"
	return p
}

// StagedPolicy returns a staged global policy.
func StagedPolicy() *v3.StagedGlobalNetworkPolicy {
	p := v3.NewStagedGlobalNetworkPolicy()
	p.Name = "p"
	return p
}

// NetworkSet returns a global set of these networks.
func NetworkSet(nets ...string) *v3.GlobalNetworkSet {
	s := v3.NewGlobalNetworkSet()
	s.Name = "s"
	s.Spec.Nets = nets
	return s
}

// IPPool returns a pool of addresses.
func IPPool() *v3.IPPool {
	p := v3.NewIPPool()
	p.Name, p.Spec.CIDR = "pods", "10.48.0.0/16"
	return p
}

// Profile returns a profile with these rules in both directions.
func Profile(rules ...v3.Rule) *v3.Profile {
	p := v3.NewProfile()
	p.Name = "p"
	p.Spec.Ingress, p.Spec.Egress = rules, rules
	return p
}

// Tier returns a tier.
func Tier(name string, order float64, action v3.Action) *v3.Tier {
	t := v3.NewTier()
	t.Name = name
	t.Spec.Order, t.Spec.DefaultAction = &order, &action
	return t
}

// Ports reads ports; it panics if one is none.
func Ports(texts ...string) []numorstring.Port {
	var l []numorstring.Port
	for _, s := range texts {
		l = append(l, PortOf(s))
	}
	return l
}

// Fill sets everything to something.
func Fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		Fill(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			Fill(v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		Fill(v.Index(0))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("k"), reflect.ValueOf("v"))
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	default:
		if v.CanInt() {
			v.SetInt(7)
		} else if v.CanUint() {
			v.SetUint(7)
		}
	}
}

// Fresh is what a new object gets.
var Fresh = storage.Fresh{UID: "0b5b1d4e-3c2c-4a9c-9d0a-5f6c0f8e7a11", Created: time.Date(2026, 3, 3, 21, 1, 41, 987, time.FixedZone("CET", 3600))}

// FailsafePolicy returns a policy as Calico's guide makes one.
func FailsafePolicy() *v3.GlobalNetworkPolicy {
	p := v3.NewGlobalNetworkPolicy()
	p.Name = "failsafe"
	order := 0.0
	tcp := numorstring.ProtocolFromString("TCP")
	p.Spec = v3.GlobalNetworkPolicySpec{
		Order: &order, Selector: "has(a) && has(b)", Types: []v3.PolicyType{v3.PolicyTypeIngress},
		Ingress: []v3.Rule{{Action: v3.Allow, Protocol: &tcp, Destination: v3.EntityRule{Ports: []numorstring.Port{numorstring.SinglePort(22)}}}},
	}
	return p
}
