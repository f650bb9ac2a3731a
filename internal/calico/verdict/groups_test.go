package verdict_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// Workloads of one group fare alike, whoever is at the other end, and whichever of them is
// asked. The random pods have twins, most with another address, and some on another node.
func TestGroupsFareAlike(t *testing.T) {
	t.Parallel()
	worlds := 1_500
	// In short runs, and with the race detector, which sees nothing here, fewer are enough:
	// make test compares all of them.
	if testing.Short() || raceEnabled {
		worlds = 200
	}
	compared, apart := 0, map[string]int{}
	for seed := range worlds {
		g := generator{rand.New(rand.NewPCG(uint64(seed), 11)), seed%8 > 0, false}
		release := pick(g, agreedReleases)
		c := g.cluster(release)
		for i, p := range c.pods {
			if !g.oneIn(4) {
				// Few networks tell these addresses apart.
				p.Status.PodIPs, p.Status.PodIP = nil, fmt.Sprintf("10.0.0.%d", 100+2*i)
			}
			twin := *p
			twin.Metadata.Name = fmt.Sprintf("twin%d", i)
			twin.Status.PodIPs = nil
			twin.Status.PodIP = pick(g, []string{g.address(), fmt.Sprintf("10.0.0.%d", 101+2*i), fmt.Sprintf("10.0.0.%d", 101+2*i)})
			if g.oneIn(3) {
				twin.Spec.NodeName = pick(g, []string{"node0", "node1"})
			}
			c.pods = append(c.pods, &twin)
		}
		w := c.world(release)
		groups := w.Groups()
		all := w.Workloads()
		for i, x := range all {
			for _, y := range all[:i] {
				if groups.Key(x) != groups.Key(y) {
					apart[describeApart(x, y)]++
					continue
				}
				if groups.Describe(x) != groups.Describe(y) {
					t.Fatalf("seed %d: one group is called %s and %s", seed, groups.Describe(x), groups.Describe(y))
				}
				f := g.flow()
				ends := []verdict.Side{{Net: f.Peer.Masked()}, {Net: netip.PrefixFrom(f.Peer.Addr(), f.Peer.Addr().BitLen())}}
				for _, z := range slices.Concat(w.Endpoints(), all) {
					if z != x && z != y && (z.Node == x.Node) == (z.Node == y.Node) {
						ends = append(ends, verdict.Side{Endpoint: z})
					}
				}
				for _, end := range ends {
					for _, from := range []bool{true, false} {
						course := func(ep *verdict.Endpoint) verdict.Course {
							conn := verdict.Connection{
								From: end, To: verdict.Side{Endpoint: ep}, Protocol: f.Protocol, Port: f.Port, SourcePort: f.SourcePort, ICMPType: f.ICMPType, ICMPCode: f.ICMPCode,
							}
							if from {
								conn.From, conn.To = conn.To, conn.From
							}
							return w.Connect(conn)
						}
						a, b := course(x), course(y)
						compared++
						if a.Outcome != b.Outcome || a.Partial != b.Partial || a.At != b.At || a.Outcome != verdict.Undecided && causeKey(a.By) != causeKey(b.By) {
							t.Fatalf("seed %d, %s: %s and %s are one group, and with %s (it is the source: %t), %s port %d\n%s\n%s\n%s", seed, release, x, y, end, !from, f.Protocol.String(), f.Port, a, b, dumpCluster(c))
						}
					}
				}
			}
		}
	}
	t.Logf("%d compared; apart %v", compared, apart)
	if compared < worlds {
		t.Errorf("%d connections were compared: the random worlds have no twins", compared)
	}
}

// describeApart tells in what two endpoints differ that are of two groups.
func describeApart(x, y *verdict.Endpoint) string {
	switch {
	case x.Workload.Namespace != y.Workload.Namespace:
		return "namespace"
	case fmt.Sprint(x.Labels) != fmt.Sprint(y.Labels):
		return "labels"
	case x.Node != y.Node:
		return "node"
	default:
		return "else"
	}
}

// What no rule looks at tells no pods apart, and what one looks at does.
func TestGroups(t *testing.T) {
	t.Parallel()
	const pods = `
Namespace ns: {team: x}
Pod ns/a: {node: n1, ip: 10.9.0.1, labels: {app: web, hash: "1"}, ports: [{name: http, containerPort: 80}]}
Pod ns/b: {node: n2, ip: 10.9.0.2, labels: {app: web, hash: "2"}, ports: [{name: http, containerPort: 81}]}
`
	for _, test := range []struct {
		reason, more string
		one          bool
		name         string
	}{
		{"labels that no selector looks at", ``, true, "ns"},
		{"a label that both have", "GNP p: {selector: app == 'web', types: [Ingress]}", true, "ns/app=web"},
		{"a label that differs", "GNP p: {selector: app == 'web' && hash == '1', types: [Ingress]}", false, "ns/app=web,hash=1"},
		{"one that a rule looks at", "GNP p: {selector: app == 'db', types: [Ingress], ingress: [{action: Allow, source: {selector: hash == '1'}}]}", false, "ns/app=web,hash=1"},
		{"one of Kubernetes' own policies", "KNP ns/p: {podSelector: {matchLabels: {hash: \"1\"}}, policyTypes: [Ingress]}", false, "ns/hash=1"},
		{"ports that no rule names", "GNP p: {types: [Ingress], ingress: [{action: Allow, protocol: TCP, destination: {ports: [80]}}]}", true, "ns"},
		{"ports that a rule names", "GNP p: {types: [Ingress], ingress: [{action: Allow, protocol: TCP, destination: {ports: [http]}}]}", false, "ns"},
		{"a network that has both addresses", "GNP p: {types: [Ingress], ingress: [{action: Allow, source: {nets: [10.9.0.0/24]}}]}", true, "ns"},
		{"a network that has one", "GNP p: {types: [Ingress], ingress: [{action: Allow, source: {nets: [10.9.0.2/31]}}]}", false, "ns"},
		{"a set that has one", "GNS s: {nets: [10.9.0.2/31], labels: {s: x}}", false, "ns"},
		{"host endpoints on one node", "HEP h: {node: n1, interfaceName: eth0, expectedIPs: [10.0.0.1]}", false, "ns"},
		{"equal host endpoints on both", "HEP h: {node: n1, interfaceName: eth0, expectedIPs: [10.0.0.1]}\nHEP i: {node: n2, interfaceName: eth0, expectedIPs: [10.0.0.2]}", true, "ns"},
		{"an address that somebody else has, too", "HEP h: {node: n3, interfaceName: eth0, expectedIPs: [10.9.0.1]}", false, "ns"},
		{"failsafe ports for one of the addresses", "Felix default: {failsafeOutboundHostPorts: [{protocol: tcp, port: 9100, net: 10.9.0.1/32}]}", false, "ns"},
		{"a configuration for both nodes by their labels", "Felix a: {nodeSelector: has(x), vxlanPort: 4790}\nNode n1: {labels: {x: \"1\"}}\nNode n2: {labels: {x: \"2\"}}", true, "ns"},
		{"a configuration for one node by its labels", "Felix a: {nodeSelector: x == '1', vxlanPort: 4790}\nNode n1: {labels: {x: \"1\"}}\nNode n2: {labels: {x: \"2\"}}", false, "ns"},
		{"a configuration of one node", "Felix node.n1: {vxlanPort: 4790}", false, "ns"},
	} {
		w := parseCluster(t, pods+test.more+"\n").world(agreedReleases[3])
		groups := w.Groups()
		a, _ := w.Workload("ns", "a")
		b, _ := w.Workload("ns", "b")
		if one := groups.Key(a) == groups.Key(b); one != test.one {
			t.Errorf("%s: one group: %t\n%s\n%s", test.reason, one, groups.Key(a), groups.Key(b))
		}
		if got := groups.Describe(a); got != test.name {
			t.Errorf("%s: it is called %s, want %s", test.reason, got, test.name)
		}
	}
}

// A side may be a network, of which each address counts.
func TestConnectWithNetwork(t *testing.T) {
	t.Parallel()
	w := parseCluster(t, `
Namespace ns: {}
Pod ns/a: {node: n1, ip: 10.9.0.1, labels: {app: web}}
GNP p: {selector: app == 'web', types: [Ingress, Egress], ingress: [{action: Allow, source: {nets: [192.0.2.0/25]}}], egress: [{action: Allow, destination: {nets: [198.51.100.0/24]}}]}
`).world(agreedReleases[2])
	a, _ := w.Workload("ns", "a")
	pod := verdict.Side{Endpoint: a}
	network := func(text string) verdict.Side { return verdict.Side{Net: netip.MustParsePrefix(text)} }
	for _, test := range []struct {
		from, to verdict.Side
		want     string
	}{
		{network("192.0.2.0/25"), pod, `at the destination, pod "a" of namespace "ns": allowed by rule 1 of ingress of policy "p" in tier "default"`},
		{network("192.0.2.0/24"), pod, `at the destination, pod "a" of namespace "ns": denied for 192.0.2.128/25 by the end of tier "default" (no rule of ingress of "p" decides), though not for all of the flow`},
		{pod, network("198.51.100.0/24"), `at the source, pod "a" of namespace "ns": allowed by rule 1 of egress of policy "p" in tier "default"`},
		{pod, network("2001:db8::/32"), `cannot be decided: the two ends have no address of one family`},
	} {
		got := w.Connect(verdict.Connection{From: test.from, To: test.to, Protocol: numorstring.ProtocolFromString("TCP"), Port: 80})
		if got.String() != test.want {
			t.Errorf("%s to %s: %s\nwant %s", test.from, test.to, got, test.want)
		}
	}
}

// Of ends with addresses of both families each family counts, and a protocol of one family
// alone is asked about in that.
func TestConnectOfBothFamilies(t *testing.T) {
	t.Parallel()
	w := parseCluster(t, `
Namespace ns: {}
Pod ns/a: {node: n1, ips: [10.9.0.1, "fd09::1"], labels: {app: a}}
Pod ns/b: {node: n2, ips: [10.9.0.2, "fd09::2"], labels: {app: b}}
Pod ns/six: {node: n2, ips: ["fd09::3"], labels: {app: b}}
GNP p: {selector: app == 'b', types: [Ingress], ingress: [{action: Allow, protocol: TCP, ipVersion: 4}, {action: Allow, protocol: ICMPv6}]}
`).world(agreedReleases[2])
	pod := func(name string) verdict.Side {
		ep, ok := w.Workload("ns", name)
		if !ok {
			t.Fatal(name)
		}
		return verdict.Side{Endpoint: ep}
	}
	echo, echo6 := uint8(8), uint8(128)
	for _, test := range []struct {
		to, protocol string
		icmp         *uint8
		want         string
	}{
		{"b", "TCP", nil, "denied for fd09::1 to fd09::2"},
		{"b", "ICMPv6", &echo6, "allowed by rule 2 of ingress of policy"},
		{"b", "ICMP", &echo, "denied by the end of tier"},
		{"six", "ICMP", &echo, "cannot be decided: the two ends have no address for ICMP, which is of the other family"},
	} {
		c := verdict.Connection{From: pod("a"), To: pod(test.to), Protocol: numorstring.ProtocolFromString(test.protocol), ICMPType: test.icmp}
		if test.icmp == nil {
			c.Port = 80
		}
		if got := w.Connect(c).String(); !strings.Contains(got, test.want) {
			t.Errorf("%s to %s: %s\nwant %s", test.protocol, test.to, got, test.want)
		}
	}
}
