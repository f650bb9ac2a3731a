package verdict_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// datacenter returns endpoints of twenty roles in fifty racks, and policies for
// some of them, five rules each.
func datacenter(t testing.TB, endpoints, policies int) []calico.Object {
	var b strings.Builder
	for i := range endpoints {
		fmt.Fprintf(&b, "HEP host%d: {node: host%d, interfaceName: eth0, expectedIPs: [10.1.%d.%d], labels: {role: r%d, rack: k%d, host: h%d}}\n",
			i, i, i/250, i%250, i%20, i%50, i)
	}
	for i := range policies {
		fmt.Fprintf(&b, "GNP policy%d: {order: %d, selector: role == 'r%d' || rack == 'k%d', types: [Ingress, Egress], ingress: [", i, i, i%20, i%50)
		for port := range 5 {
			fmt.Fprintf(&b, "{action: Allow, protocol: TCP, source: {selector: rack == 'k%d', nets: [10.%d.0.0/16]}, destination: {ports: [%d]}}, ", (i+port)%50, i, 8000+port)
		}
		b.WriteString("], egress: [{action: Allow, protocol: UDP}]}\n")
	}
	b.WriteString("GNP ssh: {order: 1000, selector: all(), types: [Ingress], ingress: [{action: Allow, protocol: TCP, source: {nets: [192.0.2.0/24]}, destination: {ports: [22]}}]}\n")
	b.WriteString("Felix default: {failsafeInboundHostPorts: [], failsafeOutboundHostPorts: []}\n")
	return parseWorld(t, b.String())
}

var guardedFlows = []verdict.Flow{
	{Protocol: numorstring.ProtocolFromString("TCP"), Peer: netip.MustParsePrefix("192.0.2.0/24"), Port: 22},
	{Protocol: numorstring.ProtocolFromString("TCP"), Peer: netip.MustParsePrefix("10.1.0.0/16"), Port: 8003},
	{Direction: verdict.Egress, Protocol: numorstring.ProtocolFromString("TCP"), Peer: netip.MustParsePrefix("10.0.0.9/32"), Port: 2379},
}

func decideAll(objects []calico.Object) (outcomes [3]int) {
	w := verdict.New(objects, calico.Newest)
	for _, ep := range w.Endpoints() {
		for _, f := range guardedFlows {
			outcomes[w.Decide(ep, f).Outcome]++
		}
	}
	return outcomes
}

// A plan asks about every endpoint, before and after its change. Ten times as many
// endpoints take ten times the CPU, and ten times as many policies a few times the CPU: few
// of them are of one endpoint.
func TestDecideGrowsLinearly(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector slows one thing more than another: make test runs it without")
	}
	const repeats = 4 // a single one of the small ones is hardly to be measured
	cost := func(endpoints, policies int) time.Duration {
		objects := datacenter(t, endpoints, policies)
		began := spentCPU(t)
		for range repeats {
			outcomes := decideAll(objects)
			if outcomes[verdict.Allowed] != endpoints || outcomes[verdict.Denied] != 2*endpoints {
				t.Errorf("outcomes %v of %d endpoints and %d policies", outcomes, endpoints, policies)
			}
		}
		return spentCPU(t) - began
	}
	all, fewEndpoints, fewPolicies := cost(1000, 200), cost(100, 200), cost(1000, 20)
	t.Logf("1,000 endpoints with 200 policies: %s; 100 with 200: %s; 1,000 with 20: %s", all, fewEndpoints, fewPolicies)
	if all > 25*fewEndpoints {
		t.Errorf("ten times as many endpoints take %s, and were %s", all, fewEndpoints)
	}
	if all > 6*fewPolicies {
		t.Errorf("ten times as many policies take %s, and were %s", all, fewPolicies)
	}
}

func BenchmarkDecide(b *testing.B) {
	objects := datacenter(b, 1000, 200)
	b.ReportAllocs()
	for b.Loop() {
		decideAll(objects)
	}
}
