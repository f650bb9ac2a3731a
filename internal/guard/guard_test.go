package guard

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// What stops is told, by endpoint, flow and cause; what goes on is not.
func TestCompare(t *testing.T) {
	deny := v3.NewGlobalNetworkPolicy()
	before := -10.0
	deny.Name, deny.Spec.Order, deny.Spec.Selector, deny.Spec.Types = "deny", &before, "rack == 'r1'", []v3.PolicyType{v3.PolicyTypeIngress}
	deny.Spec.Ingress = []v3.Rule{{Action: v3.Deny}}
	// Four bastions have all addresses of the management network, which no policy names.
	bastion := func(i int, role string) *v3.HostEndpoint {
		h := rackEndpoint(100 + i)
		h.Labels, h.Spec.ExpectedIPs = map[string]string{"role": role}, []string{fmt.Sprintf("10.1.0.%d", i)}
		return h
	}
	byBastions := failsafePolicy("10.1.0.0/30")
	byBastions.Name, byBastions.Spec.Selector = "ssh", "has(rack)"
	byBastions.Spec.Ingress[0].Source = v3.EntityRule{Selector: "role == 'bastion'"}
	management := failsafePolicy("10.1.0.0/30")
	management.Spec.Selector = "role == 'nobody'"
	bastions := []calico.Object{
		byBastions, management, rackEndpoint(0), withoutFailsafePorts(),
		bastion(0, "bastion"), bastion(1, "bastion"), bastion(2, "bastion"), bastion(3, "bastion"),
	}
	// Endpoints of one node; those of rack r1 are closed.
	placed := func(name, iface, rack string) *v3.HostEndpoint {
		h := rackEndpoint(0)
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
			objects: []calico.Object{failsafePolicy("10.1.0.0/24"), rackEndpoint(0), rackEndpoint(1), withoutFailsafePorts()},
			change:  map[calico.ID]calico.Object{calico.IDOf(failsafePolicy("10.1.0.0/24")): nil},
			stops:   []string{"e0 management access", "e1 management access"},
		},
		"the policy goes, and the failsafe ports are there": {
			objects: []calico.Object{failsafePolicy("10.1.0.0/24"), rackEndpoint(0)},
			change:  map[calico.ID]calico.Object{calico.IDOf(failsafePolicy("10.1.0.0/24")): nil},
		},
		"the failsafe ports go, and no policy is there": {
			objects: []calico.Object{failsafePolicy("10.1.0.0/24"), deny, rackEndpoint(0), rackEndpoint(1)},
			change:  map[calico.ID]calico.Object{calico.IDOf(withoutFailsafePorts()): withoutFailsafePorts()},
			stops:   []string{"e1 management access"},
		},
		"the networks become fewer": {
			objects: []calico.Object{failsafePolicy("10.1.0.0/24"), rackEndpoint(0), withoutFailsafePorts()},
			// Which is what was written on purpose.
			change: map[calico.ID]calico.Object{calico.IDOf(failsafePolicy("10.1.0.0/25")): failsafePolicy("10.1.0.0/25")},
		},
		"the networks become more": {
			objects: []calico.Object{failsafePolicy("10.1.0.0/24"), rackEndpoint(0), withoutFailsafePorts()},
			change:  map[calico.ID]calico.Object{calico.IDOf(failsafePolicy("10.1.0.0/23")): failsafePolicy("10.1.0.0/23")},
		},
		"an endpoint that another policy closes": {
			objects: []calico.Object{failsafePolicy("10.1.0.0/24"), deny, rackEndpoint(0), withoutFailsafePorts()},
			change:  map[calico.ID]calico.Object{calico.IDOf(rackEndpoint(21)): rackEndpoint(21)},
			stops:   []string{"e21 management access"},
		},
		"an endpoint that is like the others": {
			objects: []calico.Object{failsafePolicy("10.1.0.0/24"), deny, rackEndpoint(0), withoutFailsafePorts()},
			change:  map[calico.ID]calico.Object{calico.IDOf(rackEndpoint(2)): rackEndpoint(2)},
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
			change:  map[calico.ID]calico.Object{calico.IDOf(rackEndpoint(1)): rackEndpoint(1)},
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
			objects: []calico.Object{failsafePolicy("10.1.0.0/24"), rackEndpoint(0)},
			change:  map[calico.ID]calico.Object{calico.IDOf(rackEndpoint(0)): nil},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := &Guard{Options: withoutServices, Lockout: Watch{Mode: Warn}}
			before := newWorldOf(g, test.objects...)
			var got []string
			for _, c := range before.compare(before.with(test.change)) {
				got = append(got, c.Endpoint+" "+c.Flow.Name)
			}
			if fmt.Sprint(got) != fmt.Sprint(test.stops) {
				t.Errorf("stops %q, want %q", got, test.stops)
			}
		})
	}
}

// Flows that differ by their endpoints alone are watched over each at its own.
func TestTellsFlowsOfOtherEndpointsApart(t *testing.T) {
	t.Parallel()
	g := &Guard{Options: withoutServices, Lockout: Watch{Mode: Warn}}
	for _, text := range []string{"rack == 'r0'", "rack == 'r1'"} {
		selected, err := selector.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		g.Lockout.Flows = append(g.Lockout.Flows, Flow{Name: "ssh", Endpoints: selected, Traffic: verdict.Flow{Protocol: address.Protocol("TCP"), Peer: netip.MustParsePrefix("10.1.0.0/24"), Port: 22}})
	}
	before := newWorldOf(g, failsafePolicy("10.1.0.0/24"), rackEndpoint(0), rackEndpoint(1), rackEndpoint(2), withoutFailsafePorts())
	var got []string
	for _, c := range before.compare(before.with(map[calico.ID]calico.Object{calico.IDOf(failsafePolicy("10.1.0.0/24")): nil})) {
		got = append(got, c.Endpoint)
	}
	if want := []string{"e0", "e1"}; !slices.Equal(got, want) {
		t.Errorf("cut off are %q, want %q", got, want)
	}
}
