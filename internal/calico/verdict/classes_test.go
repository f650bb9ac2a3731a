package verdict_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// Classes are a short cut, and no more: each endpoint fares as it does alone.
func TestClassesFareAlike(t *testing.T) {
	const rules = `
GNP ssh: {order: 0, selector: all(), types: [Ingress, Egress], ingress: [{action: Allow, protocol: TCP, source: {nets: [10.1.0.0/24]}, destination: {ports: [22]}}]}
Felix default: {failsafeInboundHostPorts: [], failsafeOutboundHostPorts: []}
`
	policy := func(i int, source, destination string) string {
		return fmt.Sprintf("GNP p%d: {order: %d, selector: rack == 'r%d' || role == 'db', types: [Ingress], ingress: [{action: Allow, protocol: TCP, source: {%s}, destination: {ports: [%d]%s}}]}\n", i, i, i, source, 1000+i, destination)
	}
	net := func(i int) string { return fmt.Sprintf("nets: [10.%d.0.0/16]", i) }
	for name, test := range map[string]struct {
		policies string
		// classes is how many there are of 60 endpoints in 20 racks.
		classes int
	}{
		"networks":      {policy(1, net(1), "") + policy(2, net(2), ""), 20},
		"the far side":  {policy(1, net(1), "") + policy(3, "selector: rack == 'r2'", ""), 60},
		"the near side": {policy(4, net(4), ", nets: [192.0.2.1/32]"), 60},
		"named ports":   {policy(1, net(1), "") + strings.Replace(policy(3, net(3), ""), "[1003]", "[http]", 1), 60},
	} {
		t.Run(name, func(t *testing.T) {
			text := rules + test.policies
			for i := range 60 {
				text += fmt.Sprintf("HEP e%02d: {node: n%d, interfaceName: eth0, expectedIPs: [192.0.2.%d], labels: {rack: r%d}}\n", i, i, i%3, i%20)
			}
			objects := parseWorld(t, text)
			var others []calico.Object
			var endpoints []*v3.HostEndpoint
			for _, obj := range objects {
				if h, ok := obj.(*v3.HostEndpoint); ok {
					endpoints = append(endpoints, h)
				} else {
					others = append(others, obj)
				}
			}
			var flows []verdict.Flow
			var peers []netip.Prefix
			for _, peer := range []string{"10.1.0.0/24", "10.2.0.0/16", "10.4.7.7", "192.0.2.2"} {
				for _, port := range []int{22, 1001, 1002, 1003, 1004} {
					flows = append(flows, parseFlow(t, fmt.Sprintf("in TCP %s %d", peer, port)))
				}
				peers = append(peers, flows[len(flows)-1].Peer)
			}
			world, classes := verdict.New(objects, calico.Newest), verdict.NewClasses(calico.Newest, others, endpoints, peers)
			seen := map[string]bool{}
			for _, h := range endpoints {
				place, class, ok := classes.At(h)
				if !ok {
					t.Fatalf("%s is nowhere", h.Name)
				}
				seen[class] = true
				endpoint, _ := world.Endpoint(h.Name)
				for _, flow := range flows {
					got, want := place.World.Parts(place.Endpoint, flow), world.Parts(endpoint, flow)
					if !slices.EqualFunc(got, want, func(a, b verdict.Part) bool { return a.Outcome == b.Outcome }) {
						t.Fatalf("%+v at %s: %v, and alone %v", flow, h.Name, got, want)
					}
				}
			}
			if len(seen) != test.classes {
				t.Errorf("there are %d classes, want %d", len(seen), test.classes)
			}
		})
	}
}

// A population tells whether the classes hold: another endpoint of a class is nothing
// new to the others, the first or the last one is.
func TestPopulationMoves(t *testing.T) {
	endpoint := func(name, role string, ips ...string) *v3.HostEndpoint {
		h := v3.NewHostEndpoint()
		h.Name, h.Labels = name, map[string]string{"role": role}
		h.Spec.Node, h.Spec.InterfaceName, h.Spec.ExpectedIPs = name, "eth0", ips
		return h
	}
	a, b, c := endpoint("a", "web", "10.0.0.1"), endpoint("b", "web", "10.0.0.2"), endpoint("c", "db", "10.0.0.3")
	classes := verdict.NewClasses(calico.Newest, parseWorld(t, "GNP p: {selector: all(), types: [Ingress], ingress: [{action: Allow, source: {selector: role == 'db'}}]}"),
		[]*v3.HostEndpoint{a, b, c}, []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")})
	all := classes.Count([]*v3.HostEndpoint{a, b, c})
	for name, test := range map[string]struct {
		old, now *v3.HostEndpoint
		ok       bool
	}{
		"one more of a class":         {nil, endpoint("d", "web", "10.0.0.4"), true},
		"the first of a class":        {nil, endpoint("d", "ops", "10.0.0.4"), false},
		"one without addresses":       {nil, endpoint("d", "ops"), true},
		"one with another's address":  {nil, endpoint("d", "web", "10.0.0.1"), false},
		"one of two goes":             {a, nil, true},
		"the last goes":               {c, nil, false},
		"the last has a new address":  {c, endpoint("c", "db", "10.0.0.4"), true},
		"one becomes another":         {a, endpoint("a", "db", "10.0.0.1"), true},
		"the last becomes another":    {c, endpoint("c", "web", "10.0.0.3"), false},
		"too many addresses to count": {nil, endpoint("d", "web", manyAddresses()...), false},
	} {
		if _, ok := classes.Move(all, test.old, test.now); ok != test.ok {
			t.Errorf("%s: the classes hold: %v", name, ok)
		}
	}
}

func manyAddresses() []string {
	out := make([]string, 5000)
	for i := range out {
		out[i] = fmt.Sprintf("10.7.%d.%d", i/250, i%250)
	}
	return out
}
