//go:build dataplane && linux

package dataplane

import (
	"net/netip"
	"testing"
)

// guide is the configuration of Calico's guide for a host, in its two states.
const guide = `
resource "calico_failsafe_policy" "this" {
  management_cidrs = ["10.1.0.0/24"]

  etcd_server {
    address = "10.2.0.11"
  }
}

resource "calico_host_endpoint" "this" {
  name           = "db1-eth0"
  node           = "db1"
  interface_name = "eth0"
  expected_ips   = ["10.0.0.5"]

  depends_on = [calico_failsafe_policy.this]
}
`

const guideFailsafesOff = guide + `
resource "calico_felix_configuration" "default" {
  name                         = "default"
  failsafe_inbound_host_ports  = []
  failsafe_outbound_host_ports = []

  depends_on = [calico_host_endpoint.this]
}
`

// expectation is in which states of the walk a flow passes.
type expectation struct {
	flow
	passes int
}

func flowsOf(expectations []expectation) []flow {
	var flows []flow
	for _, e := range expectations {
		if hasPorts(e.protocol) {
			e.srcPort = highPorts
		}
		flows = append(flows, e.flow)
	}
	return flows
}

// TestGuide walks Calico's guide. What has to happen at each step is written here
// by hand; that the verdict says the same is compared as everywhere.
func TestGuide(t *testing.T) {
	for name, in := range map[string]func(*testing.T) *source{"etcd": inEtcd, "Kubernetes": inKubernetes} {
		t.Run(name, func(t *testing.T) { walkGuide(t, newBenchOn(t, in(t), false)) })
	}
}

func walkGuide(t *testing.T, b *bench) {
	t.Helper()
	const (
		open = 1 << iota
		protected
		failsafesOff
		always = open | protected | failsafesOff
	)
	in := func(from *namespace, src string, protocol uint8, port uint16) flow {
		return flow{from: from, to: b.host, src: netip.MustParseAddr(src), dst: netip.MustParseAddr("10.0.0.5"), protocol: protocol, port: port}
	}
	out := func(to *namespace, dst string, protocol uint8, port uint16) flow {
		return flow{from: b.host, to: to, src: netip.MustParseAddr("10.0.0.5"), dst: netip.MustParseAddr(dst), protocol: protocol, port: port}
	}
	ping := func(f flow) flow {
		f.icmpType = 8
		return f
	}
	expectations := []expectation{
		// The management network is let in for SSH, by the policy.
		{in(b.management, "10.1.0.10", tcp, 22), always},
		{in(b.management, "10.1.0.11", tcp, 22), always},
		{in(b.management, "10.1.0.10", tcp, 80), open},
		{in(b.management, "10.1.0.10", udp, 22), open},
		// Others have only Calico's failsafe ports.
		{in(b.other, "10.2.0.10", tcp, 22), open | protected},
		{in(b.other, "10.2.0.10", tcp, 179), open | protected},
		{in(b.other, "10.2.0.11", tcp, 2379), open | protected},
		{in(b.other, "10.2.0.10", tcp, 443), open},
		{in(b.other, "10.2.0.10", udp, 53), open},
		// Pings go in, and not out.
		{ping(in(b.other, "10.3.0.10", icmp, 0)), always},
		{ping(out(b.other, "10.3.0.10", icmp, 0)), open},
		// The host itself reaches etcd.
		{out(b.other, "10.2.0.11", tcp, 2379), always},
		{out(b.other, "10.2.0.10", tcp, 2379), open | protected},
		{out(b.other, "10.2.0.10", udp, 53), open | protected},
		{out(b.other, "10.2.0.10", tcp, 22), open},
		{out(b.management, "10.1.0.10", tcp, 443), open},
		{out(b.management, "10.1.0.10", experimental, 0), open},
		// What the host forwards is none of this policy's business.
		{flow{from: b.other, to: b.inside, src: netip.MustParseAddr("10.2.0.10"), dst: netip.MustParseAddr("172.31.0.2"), protocol: tcp, port: 80}, always},
		{flow{from: b.inside, to: b.other, src: netip.MustParseAddr("172.31.0.2"), dst: netip.MustParseAddr("10.2.0.10"), protocol: udp, port: 443}, always},
	}
	check := func(state int) {
		t.Helper()
		flows := flowsOf(expectations)
		b.compare(t, flows)
		observed, err := tryAll(t.Context(), renewed(flows), patience)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range expectations {
			if want := e.passes&state != 0; observed[i] != want {
				t.Errorf("%s passes: %t, want %t", e.flow, observed[i], want)
			}
		}
	}

	b.felix.settle(t, 0)
	check(open)
	before := b.world(t)
	b.apply(t, "main.tf", guide)
	check(protected)
	// A verdict that is wrong is noticed: this is one by what was stored before.
	if _, differences := b.differences(t, before, flowsOf(expectations), 0); len(differences) == 0 {
		t.Error("verdicts on an open host agree with what happens at a protected one")
	}
	b.apply(t, "main.tf", guideFailsafesOff)
	check(failsafesOff)
	// And back, in the reverse order.
	b.apply(t, "main.tf", guide)
	check(protected)
	b.run(t, "destroy", "-auto-approve")
	check(open)
}
