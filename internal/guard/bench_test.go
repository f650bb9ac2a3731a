package guard

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
)

// scales are the datacenters that the guard is measured with: plain rules by
// networks, and rules that select endpoints as either side.
var scales = map[string]struct {
	policy   func(i int) *v3.GlobalNetworkPolicy
	endpoint func(i int) *v3.HostEndpoint
}{
	"networks": {rackPolicy, rackEndpoint},
	"far side": {func(i int) *v3.GlobalNetworkPolicy {
		p := rackPolicy(i)
		p.Spec.Ingress[0].Source = v3.EntityRule{Selector: fmt.Sprintf("rack == 'r%d'", (i+1)%20)}
		return p
	}, addressedEndpoint},
	"both sides, named ports": {func(i int) *v3.GlobalNetworkPolicy {
		p := rackPolicy(i)
		p.Spec.Ingress[0].Source = v3.EntityRule{Selector: fmt.Sprintf("rack == 'r%d'", (i+1)%20)}
		p.Spec.Ingress[0].Destination = v3.EntityRule{Selector: "has(rack)", Ports: []numorstring.Port{numorstring.NamedPort("http")}}
		return p
	}, addressedEndpoint},
	"both sides, no addresses": {func(i int) *v3.GlobalNetworkPolicy {
		p := rackPolicy(i)
		p.Spec.Ingress[0].Source = v3.EntityRule{Selector: fmt.Sprintf("rack == 'r%d'", (i+1)%20)}
		p.Spec.Ingress[0].Destination = v3.EntityRule{Ports: []numorstring.Port{numorstring.NamedPort("http")}}
		return p
	}, rackEndpoint},
}

func addressedEndpoint(i int) *v3.HostEndpoint {
	h := rackEndpoint(i)
	h.Spec.ExpectedIPs = []string{fmt.Sprintf("10.200.%d.%d", i/250, 1+i%250)}
	h.Spec.Ports = []v3.EndpointPort{{Name: "http", Protocol: address.Protocol("TCP"), Port: 8080}}
	return h
}

// BenchmarkForesee is the guard's own part of a plan of 1,000 endpoints and 200
// policies: all of them new, or all changed.
func BenchmarkForesee(b *testing.B) {
	release := calico.Release{Major: 3, Minor: 31}
	for _, name := range slices.Sorted(maps.Keys(scales)) {
		scale := scales[name]
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				g := &Guard{Options: withoutServices, Lockout: Watch{Mode: Warn}}
				g.Begin(release, map[calico.ID]calico.Object{})
				foresee := func(obj calico.Object) {
					if breaches, _, _ := g.Foresee(Change{calico.IDOf(obj): obj}); len(breaches) > 0 {
						b.Fatal(breaches)
					}
				}
				first := failsafePolicy("10.1.0.0/24")
				*first.Spec.Order = -1
				foresee(first)
				for i := range 1000 {
					foresee(scale.endpoint(i))
					if i%5 == 0 {
						foresee(scale.policy(i / 5))
					}
				}
			}
		})
		b.Run(name+", changed", func(b *testing.B) {
			first := failsafePolicy("10.1.0.0/24")
			*first.Spec.Order = -1
			stored := []calico.Object{first}
			for i := range 1000 {
				stored = append(stored, scale.endpoint(i))
				if i%5 == 0 {
					stored = append(stored, scale.policy(i/5))
				}
			}
			for b.Loop() {
				g := &Guard{Options: withoutServices, Lockout: Watch{Mode: Warn}}
				g.now = newWorldOf(g, stored...)
				for _, obj := range stored {
					changed, _ := obj.DeepCopyObject().(calico.Object)
					switch o := changed.(type) {
					case *v3.HostEndpoint:
						o.Labels["new"] = "label"
					case *v3.GlobalNetworkPolicy:
						o.Spec.Egress = append(o.Spec.Egress, v3.Rule{Action: v3.Allow})
					}
					if breaches, _, _ := g.Foresee(Change{calico.IDOf(obj): changed}); len(breaches) > 0 {
						b.Fatal(breaches)
					}
				}
			}
		})
	}
}

// BenchmarkForeseeHosts is what one changed host of ten thousand costs, with five hundred
// policies beside them.
func BenchmarkForeseeHosts(b *testing.B) {
	first := failsafePolicy("10.1.0.0/24")
	*first.Spec.Order = -1
	stored := []calico.Object{first}
	for i := range 10_000 {
		stored = append(stored, rackEndpoint(i))
		if i%20 == 0 {
			stored = append(stored, rackPolicy(i/20))
		}
	}
	g := &Guard{Options: withoutServices, Lockout: Watch{Mode: Warn}, Exposure: Watch{Mode: Warn}}
	g.now = newWorldOf(g, stored...)
	host := rackEndpoint(5000)
	foresee := func(label string) {
		changed := host.DeepCopy()
		changed.Labels["new"] = label
		if breaches, _, _ := g.Foresee(Change{calico.IDOf(changed): changed}); len(breaches) > 0 {
			b.Fatal(breaches)
		}
	}
	foresee("first") // which learns what each class of endpoints fares like
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		foresee(fmt.Sprint(i % 2))
	}
}
