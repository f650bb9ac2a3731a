package provider

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/failsafe"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

func single(port uint16) []numorstring.Port { return []numorstring.Port{numorstring.SinglePort(port)} }

func guardedPolicy(i int) *v3.GlobalNetworkPolicy {
	p := v3.NewGlobalNetworkPolicy()
	order := float64(i)
	tcp := address.Protocol("TCP")
	p.Name, p.Spec.Order, p.Spec.Selector = fmt.Sprintf("p%d", i), &order, fmt.Sprintf("rack == 'r%d' || role == 'db'", i%20)
	p.Spec.Types = []v3.PolicyType{v3.PolicyTypeIngress}
	p.Spec.Ingress = []v3.Rule{{Action: v3.Allow, Protocol: &tcp,
		Source:      v3.EntityRule{Nets: []string{fmt.Sprintf("10.%d.0.0/16", i%20)}},
		Destination: v3.EntityRule{Ports: []numorstring.Port{numorstring.SinglePort(uint16(1000 + i))}}}}
	return p
}

func guardedEndpoint(i int) *v3.HostEndpoint {
	h := v3.NewHostEndpoint()
	h.Name, h.Labels = fmt.Sprintf("e%d", i), map[string]string{"rack": fmt.Sprintf("r%d", i%20)}
	h.Spec.Node, h.Spec.InterfaceName = fmt.Sprintf("n%d", i), "eth0"
	return h
}

// guardScales are the datacenters that the guard is measured with: plain rules by
// networks, and rules that select endpoints as either side.
var guardScales = map[string]struct {
	policy   func(i int) *v3.GlobalNetworkPolicy
	endpoint func(i int) *v3.HostEndpoint
}{
	"networks": {guardedPolicy, guardedEndpoint},
	"far side": {func(i int) *v3.GlobalNetworkPolicy {
		p := guardedPolicy(i)
		p.Spec.Ingress[0].Source = v3.EntityRule{Selector: fmt.Sprintf("rack == 'r%d'", (i+1)%20)}
		return p
	}, addressedEndpoint},
	"both sides, named ports": {func(i int) *v3.GlobalNetworkPolicy {
		p := guardedPolicy(i)
		p.Spec.Ingress[0].Source = v3.EntityRule{Selector: fmt.Sprintf("rack == 'r%d'", (i+1)%20)}
		p.Spec.Ingress[0].Destination = v3.EntityRule{Selector: "has(rack)", Ports: []numorstring.Port{numorstring.NamedPort("http")}}
		return p
	}, addressedEndpoint},
	"both sides, no addresses": {func(i int) *v3.GlobalNetworkPolicy {
		p := guardedPolicy(i)
		p.Spec.Ingress[0].Source = v3.EntityRule{Selector: fmt.Sprintf("rack == 'r%d'", (i+1)%20)}
		p.Spec.Ingress[0].Destination = v3.EntityRule{Ports: []numorstring.Port{numorstring.NamedPort("http")}}
		return p
	}, guardedEndpoint},
}

func addressedEndpoint(i int) *v3.HostEndpoint {
	h := guardedEndpoint(i)
	h.Spec.ExpectedIPs = []string{fmt.Sprintf("10.200.%d.%d", i/250, 1+i%250)}
	h.Spec.Ports = []v3.EndpointPort{{Name: "http", Protocol: address.Protocol("TCP"), Port: 8080}}
	return h
}

// BenchmarkGuard is the guard's own part of a plan of 1,000 endpoints and 200
// policies: all of them new, or all changed.
func BenchmarkGuard(b *testing.B) {
	release := calico.Release{Major: 3, Minor: 31}
	for _, name := range slices.Sorted(maps.Keys(guardScales)) {
		scale := guardScales[name]
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				g := &lockoutGuard{lockout: watch{mode: guardWarn}}
				g.now = g.newWorld(release, map[calico.ID]calico.Object{}, nil, nil)
				plan := func(obj calico.Object) {
					stops, _, _, err := g.plan(b.Context(), nil, release, map[calico.ID]calico.Object{calico.IDOf(obj): obj})
					if err != nil || len(stops) > 0 {
						b.Fatal(stops, err)
					}
				}
				first := failsafePolicy("10.1.0.0/24")
				*first.Spec.Order = -1
				plan(first)
				for i := range 1000 {
					plan(scale.endpoint(i))
					if i%5 == 0 {
						plan(scale.policy(i / 5))
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
				g := &lockoutGuard{lockout: watch{mode: guardWarn}}
				g.now = guardWorldOf(g, stored...)
				for _, obj := range stored {
					changed, _ := obj.DeepCopyObject().(calico.Object)
					switch o := changed.(type) {
					case *v3.HostEndpoint:
						o.Labels["new"] = "label"
					case *v3.GlobalNetworkPolicy:
						o.Spec.Egress = append(o.Spec.Egress, v3.Rule{Action: v3.Allow})
					}
					stops, _, _, err := g.plan(b.Context(), nil, release, map[calico.ID]calico.Object{calico.IDOf(obj): changed})
					if err != nil || len(stops) > 0 {
						b.Fatal(stops, err)
					}
				}
			}
		})
	}
}

// guardWorldOf is a datastore with a failsafe policy and endpoints.
func guardWorldOf(g *lockoutGuard, objects ...calico.Object) *guardedWorld {
	all := map[calico.ID]calico.Object{}
	for _, obj := range objects {
		all[calico.IDOf(obj).Short()] = obj
	}
	return g.newWorld(calico.Release{Major: 3, Minor: 31}, all, nil, nil)
}

func failsafePolicy(cidrs ...string) *v3.GlobalNetworkPolicy {
	f := failsafe.Policy{ManagementCIDRs: cidrs, ManagementPorts: single(failsafe.PortSSH)}
	p := v3.NewGlobalNetworkPolicy()
	order := 0.0
	p.Name, p.Spec.Order, p.Spec.Selector = "failsafe", &order, "all()"
	for _, r := range f.Ingress() {
		p.Spec.Ingress = append(p.Spec.Ingress, r.Rule)
	}
	p.Spec.Types = []v3.PolicyType{v3.PolicyTypeIngress, v3.PolicyTypeEgress}
	return p
}

// withoutFailsafePorts is a Felix configuration with both lists empty.
func withoutFailsafePorts() *calico.FelixConfiguration {
	felix := calico.NewFelixConfiguration()
	felix.Name = "default"
	felix.Spec.FailsafeInboundHostPorts, felix.Spec.FailsafeOutboundHostPorts = &[]v3.ProtoPort{}, &[]v3.ProtoPort{}
	return felix
}

// What stops is told, by endpoint, flow and cause; what goes on is not.
func TestGuardComparesWorlds(t *testing.T) {
	deny := v3.NewGlobalNetworkPolicy()
	before := -10.0
	deny.Name, deny.Spec.Order, deny.Spec.Selector, deny.Spec.Types = "deny", &before, "rack == 'r1'", []v3.PolicyType{v3.PolicyTypeIngress}
	deny.Spec.Ingress = []v3.Rule{{Action: v3.Deny}}
	// Four bastions have all addresses of the management network, which no policy names.
	bastion := func(i int, role string) *v3.HostEndpoint {
		h := guardedEndpoint(100 + i)
		h.Labels, h.Spec.ExpectedIPs = map[string]string{"role": role}, []string{fmt.Sprintf("10.1.0.%d", i)}
		return h
	}
	byBastions := failsafePolicy("10.1.0.0/30")
	byBastions.Name, byBastions.Spec.Selector = "ssh", "has(rack)"
	byBastions.Spec.Ingress[0].Source = v3.EntityRule{Selector: "role == 'bastion'"}
	management := failsafePolicy("10.1.0.0/30")
	management.Spec.Selector = "role == 'nobody'"
	bastions := []calico.Object{
		byBastions, management, guardedEndpoint(0), withoutFailsafePorts(),
		bastion(0, "bastion"), bastion(1, "bastion"), bastion(2, "bastion"), bastion(3, "bastion"),
	}
	// Endpoints of one node; those of rack r1 are closed.
	placed := func(name, iface, rack string) *v3.HostEndpoint {
		h := guardedEndpoint(0)
		h.Name, h.Spec.InterfaceName, h.Labels = name, iface, map[string]string{"rack": rack}
		return h
	}
	open, closed := placed("a", "eth0", "r0"), placed("z", "*", "r1")
	byAddress, ofAddress := placed("b", "", "r1"), placed("a", "eth0", "r0")
	byAddress.Spec.ExpectedIPs, ofAddress.Spec.ExpectedIPs = []string{"192.0.2.1", "2001:db8::1"}, []string{"2001:DB8:0::1"}
	rules := []calico.Object{failsafePolicy("10.1.0.0/24"), deny, withoutFailsafePorts()}
	with := func(endpoints ...calico.Object) []calico.Object { return append(slices.Clone(rules), endpoints...) }
	changed := func(removed calico.Object, put ...calico.Object) map[calico.ID]calico.Object {
		change := map[calico.ID]calico.Object{}
		if removed != nil {
			change[calico.IDOf(removed)] = nil
		}
		for _, obj := range put {
			change[calico.IDOf(obj)] = obj
		}
		return change
	}
	for name, test := range map[string]struct {
		objects []calico.Object
		change  map[calico.ID]calico.Object
		stops   []string
	}{
		"the policy goes, and the failsafe ports are off": {
			objects: []calico.Object{failsafePolicy("10.1.0.0/24"), guardedEndpoint(0), guardedEndpoint(1), withoutFailsafePorts()},
			change:  map[calico.ID]calico.Object{calico.IDOf(failsafePolicy("10.1.0.0/24")): nil},
			stops:   []string{"e0 management access", "e1 management access"},
		},
		"the policy goes, and the failsafe ports are there": {
			objects: []calico.Object{failsafePolicy("10.1.0.0/24"), guardedEndpoint(0)},
			change:  map[calico.ID]calico.Object{calico.IDOf(failsafePolicy("10.1.0.0/24")): nil},
		},
		"the failsafe ports go, and no policy is there": {
			objects: []calico.Object{failsafePolicy("10.1.0.0/24"), deny, guardedEndpoint(0), guardedEndpoint(1)},
			change:  map[calico.ID]calico.Object{calico.IDOf(withoutFailsafePorts()): withoutFailsafePorts()},
			stops:   []string{"e1 management access"},
		},
		"the networks become fewer": {
			objects: []calico.Object{failsafePolicy("10.1.0.0/24"), guardedEndpoint(0), withoutFailsafePorts()},
			// Which is what was written on purpose.
			change: map[calico.ID]calico.Object{calico.IDOf(failsafePolicy("10.1.0.0/25")): failsafePolicy("10.1.0.0/25")},
		},
		"the networks become more": {
			objects: []calico.Object{failsafePolicy("10.1.0.0/24"), guardedEndpoint(0), withoutFailsafePorts()},
			change:  map[calico.ID]calico.Object{calico.IDOf(failsafePolicy("10.1.0.0/23")): failsafePolicy("10.1.0.0/23")},
		},
		"an endpoint that another policy closes": {
			objects: []calico.Object{failsafePolicy("10.1.0.0/24"), deny, guardedEndpoint(0), withoutFailsafePorts()},
			change:  map[calico.ID]calico.Object{calico.IDOf(guardedEndpoint(21)): guardedEndpoint(21)},
			stops:   []string{"e21 management access"},
		},
		"an endpoint that is like the others": {
			objects: []calico.Object{failsafePolicy("10.1.0.0/24"), deny, guardedEndpoint(0), withoutFailsafePorts()},
			change:  map[calico.ID]calico.Object{calico.IDOf(guardedEndpoint(2)): guardedEndpoint(2)},
		},
		"one of the endpoints at the far side is no bastion any more": {
			objects: bastions,
			change:  map[calico.ID]calico.Object{calico.IDOf(bastion(3, "web")): bastion(3, "web")},
			stops:   []string{"e0 management access"},
		},
		"one of the endpoints at the far side goes": {
			objects: bastions,
			change:  map[calico.ID]calico.Object{calico.IDOf(bastion(2, "bastion")): nil},
			stops:   []string{"e0 management access"},
		},
		"another endpoint comes, which the bastions reach": {
			objects: bastions,
			change:  map[calico.ID]calico.Object{calico.IDOf(guardedEndpoint(1)): guardedEndpoint(1)},
		},
		"an endpoint leaves its interface to the one for all": {
			objects: with(open, closed), change: changed(open), stops: []string{"z management access"},
		},
		"an endpoint moves, and leaves its interface to the one for all": {
			objects: with(open, closed), change: changed(nil, placed("a", "eth1", "r0")), stops: []string{"z management access"},
		},
		"an endpoint leaves its interface to one that came after it": {
			objects: with(open, placed("b", "eth0", "r1")), change: changed(open), stops: []string{"b management access"},
		},
		"an endpoint leaves its interface to one with its address": {
			objects: with(ofAddress, byAddress), change: changed(open), stops: []string{"b management access"},
		},
		"an endpoint goes, and leaves its interface to nobody": {
			objects: with(open, placed("b", "eth1", "r1")), change: changed(open),
		},
		"an endpoint comes before another one": {
			objects: with(placed("b", "eth0", "r0")), change: changed(nil, placed("a", "eth0", "r1")), stops: []string{"a management access"},
		},
		"an endpoint of an interface that was closed already": {
			objects: with(closed), change: changed(nil, placed("a", "eth0", "r1")),
		},
		"an endpoint with another name that is closed, too": {
			objects: with(placed("a", "eth0", "r1")), change: changed(open, placed("b", "eth0", "r1")),
		},
		"an endpoint that Calico ignores": {
			objects: with(open), change: changed(nil, placed("b", "eth0", "r1")),
		},
		"an endpoint that Calico ignores is closed by a policy": {
			objects: []calico.Object{failsafePolicy("10.1.0.0/24"), withoutFailsafePorts(), open, placed("b", "eth0", "r1")}, change: changed(nil, deny),
		},
		"an endpoint goes": {
			objects: []calico.Object{failsafePolicy("10.1.0.0/24"), guardedEndpoint(0)},
			change:  map[calico.ID]calico.Object{calico.IDOf(guardedEndpoint(0)): nil},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := &lockoutGuard{lockout: watch{mode: guardWarn}}
			before := guardWorldOf(g, test.objects...)
			var got []string
			for _, c := range g.compare(before, g.with(before, test.change)) {
				got = append(got, c.endpoint+" "+c.flow.name)
			}
			if fmt.Sprint(got) != fmt.Sprint(test.stops) {
				t.Errorf("stops %q, want %q", got, test.stops)
			}
		})
	}
}

// Classes are a short cut, and no more: each endpoint fares as it does alone.
func TestGuardClassesFareAlike(t *testing.T) {
	g := &lockoutGuard{lockout: watch{mode: guardWarn}}
	peer := guardedPolicy(3)
	peer.Spec.Ingress[0].Source = v3.EntityRule{Selector: "rack == 'r2'"}
	near := guardedPolicy(4)
	near.Spec.Ingress[0].Destination.Nets = []string{"192.0.2.1/32"}
	for name, policies := range map[string][]calico.Object{
		"plain": {guardedPolicy(1), guardedPolicy(2)}, "peers": {guardedPolicy(1), peer}, "near side": {near},
	} {
		objects := append([]calico.Object{failsafePolicy("10.1.0.0/24"), withoutFailsafePorts()}, policies...)
		for i := range 30 {
			h := guardedEndpoint(i)
			h.Spec.ExpectedIPs = []string{fmt.Sprintf("192.0.2.%d", i%3)}
			objects = append(objects, h)
		}
		for _, port := range []uint16{22, 1001, 1002, 1003, 1004} {
			for _, peer := range []string{"10.1.0.0/24", "10.2.0.0/16", "10.4.7.7/32", "192.0.2.2/32"} {
				g.lockout.flows = append(g.lockout.flows, guardedFlow{flow: verdict.Flow{Direction: verdict.Ingress, Protocol: address.Protocol("TCP"), Peer: netip.MustParsePrefix(peer), Port: port}})
			}
		}
		w := guardWorldOf(g, objects...)
		world := verdict.New(objects, w.release)
		for _, flow := range g.lockout.flows {
			for _, h := range w.endpoints() {
				endpoint, _ := world.Endpoint(h.Name)
				want := world.Parts(endpoint, flow.flow)
				got, watched := w.rules.parts(h, flow)
				same := func(a, b verdict.Part) bool { return a.Outcome == b.Outcome }
				if !watched || !slices.EqualFunc(got, want, same) {
					t.Fatalf("%s: %s at %s: %v, and alone %v", name, flow, h.Name, got, want)
				}
			}
		}
	}
}

// Flows that differ by their endpoints alone are watched over each at its own.
func TestGuardTellsFlowsOfOtherEndpointsApart(t *testing.T) {
	t.Parallel()
	g := &lockoutGuard{lockout: watch{mode: guardWarn}}
	for _, text := range []string{"rack == 'r0'", "rack == 'r1'"} {
		selected, err := selector.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		g.lockout.flows = append(g.lockout.flows, guardedFlow{name: "ssh", endpoints: selected, flow: verdict.Flow{Protocol: address.Protocol("TCP"), Peer: netip.MustParsePrefix("10.1.0.0/24"), Port: 22}})
	}
	before := guardWorldOf(g, failsafePolicy("10.1.0.0/24"), guardedEndpoint(0), guardedEndpoint(1), guardedEndpoint(2), withoutFailsafePorts())
	var got []string
	for _, c := range g.compare(before, g.with(before, map[calico.ID]calico.Object{calico.IDOf(failsafePolicy("10.1.0.0/24")): nil})) {
		got = append(got, c.endpoint)
	}
	if want := []string{"e0", "e1"}; !slices.Equal(got, want) {
		t.Errorf("cut off are %q, want %q", got, want)
	}
}
