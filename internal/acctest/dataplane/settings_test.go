//go:build dataplane && linux

package dataplane

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// settingsFlows are some of every kind, in, out and forwarded.
func (b *bench) settingsFlows() []flow {
	var flows []flow
	for _, ends := range []flow{
		{from: b.other, to: b.host, src: b.other.addrs[0], dst: b.host.addrs[0]},
		{from: b.host, to: b.other, src: b.host.addrs[0], dst: b.other.addrs[0]},
		{from: b.other, to: b.inside, src: b.other.addrs[0], dst: b.inside.addrs[0]},
		{from: b.inside, to: b.other, src: b.inside.addrs[0], dst: b.other.addrs[0]},
		{from: b.other, to: b.host, src: b.other.addrs[3], dst: b.host.addrs[2]},
		{from: b.inside, to: b.host, src: b.inside.addrs[0], dst: innerAddresses[0]},
		{from: b.host, to: b.host, src: b.host.addrs[0], dst: b.host.addrs[0]},
	} {
		for _, protocol := range []uint8{tcp, udp, sctp, udplite} {
			for _, port := range []uint16{80, 443} {
				f := ends
				f.protocol, f.port, f.srcPort = protocol, port, lowPorts
				flows = append(flows, f)
			}
		}
		ping := ends
		ping.protocol, ping.icmpType = icmp, 8
		if ends.src.Is6() {
			ping.protocol, ping.icmpType = icmpv6, 128
		}
		flows = append(flows, ping)
	}
	return flows
}

const noFailsafes = `"failsafeInboundHostPorts": [{"protocol": "tcp", "port": 2380}], "failsafeOutboundHostPorts": [{"protocol": "tcp", "port": 2380}]`

// TestRules tries conditions that are not for host endpoints, and rules that Felix
// makes something else of than one may think.
func TestRules(t *testing.T) {
	b := newBench(t, false)
	b.storeAll(t, true, objectsByName{
		"FelixConfiguration default": `{` + noFailsafes + `}`,
		"HostEndpoint db1-eth0":      `{"node": "db1", "interfaceName": "eth0", "labels": {"projectcalico.org/serviceaccount": "db"}}`,
	})
	for _, rules := range []string{
		// HTTP conditions are a proxy's business.
		`{"action": "Allow", "http": {"methods": ["GET"]}}`,
		`{"action": "Allow", "protocol": "TCP", "http": {"methods": ["GET"], "paths": [{"exact": "/x"}]}}`,
		// Nothing here has service accounts, whatever the labels say: a host endpoint
		// without expectedIPs has no address.
		`{"action": "Deny", "source": {"serviceAccounts": {"names": ["db", "web"]}}}, {"action": "Allow"}`,
		`{"action": "Deny", "source": {"serviceAccounts": {"selector": "has(team)"}}}, {"action": "Allow", "protocol": "UDP"}`,
		`{"action": "Deny", "source": {"serviceAccounts": {"names": ["db"]}, "selector": "all()"}, "destination": {"notSelector": "all()"}}, {"action": "Allow"}`,
		`{"action": "Allow", "protocol": "SCTP", "destination": {"ports": [80, "1000:2000"]}}, {"action": "Allow", "protocol": "UDPLite"}`,
	} {
		b.storeAll(t, false, objectsByName{
			"GlobalNetworkPolicy p": `{"tier": "default", "order": 1, "types": ["Ingress", "Egress"], "applyOnForward": true, "ingress": [` + rules + `], "egress": [` + strings.ReplaceAll(strings.ReplaceAll(rules, `"http": {"methods": ["GET"]}`, `"protocol": "TCP"`), `, "http": {"methods": ["GET"], "paths": [{"exact": "/x"}]}`, ``) + `]}`,
		})
		b.compare(t, b.settingsFlows())
	}
	// What the verdict says of UDPLite is so if the kernel does not look at checksums.
	if err := b.host.set("netfilter/nf_conntrack_checksum", "0"); err != nil {
		t.Fatal(err)
	}
	for _, f := range renewed(b.settingsFlows()) {
		if f.protocol != udplite || f.to != b.host || f.from != b.other {
			continue
		}
		if passes, err := f.try(t.Context(), patience); err != nil || !passes {
			t.Errorf("%s, with nf_conntrack_checksum=0: passes %t, %v", f, passes, err)
		}
	}
}

// TestInterfaces takes interfaces out of the host's protection by settings of Felix.
func TestInterfaces(t *testing.T) {
	b := newBench(t, false)
	b.storeAll(t, true, objectsByName{
		"FelixConfiguration default": `{"interfaceExclude": "kube-ipvs0,/th0$/", ` + noFailsafes + `}`,
		"HostEndpoint db1-eth0":      `{"node": "db1", "interfaceName": "eth0", "labels": {"side": "outer"}}`,
		"HostEndpoint db1-eth1":      `{"node": "db1", "interfaceName": "eth1", "labels": {"side": "inner"}}`,
		"GlobalNetworkPolicy p":      `{"tier": "default", "selector": "has(side)", "types": ["Ingress", "Egress"], "ingress": [{"action": "Allow", "protocol": "TCP", "destination": {"ports": [80]}}]}`,
	})
	b.compare(t, b.settingsFlows())
	b.storeAll(t, false, objectsByName{
		"HostEndpoint db1-all":  `{"node": "db1", "interfaceName": "*", "labels": {"side": "all"}}`,
		"GlobalNetworkPolicy q": `{"tier": "default", "selector": "side == 'all'", "types": ["Ingress", "Egress"], "ingress": [{"action": "Allow", "protocol": "UDP"}], "egress": [{"action": "Allow"}]}`,
	})
	b.compare(t, b.settingsFlows())
	// This cannot be taken back. Felix removes even the addresses of the interface, as it
	// knows no workload with them: the host cannot use them itself.
	b.storeAll(t, true, objectsByName{"FelixConfiguration default": `{"interfacePrefix": "cali,eth0", ` + noFailsafes + `}`})
	b.compare(t, slices.DeleteFunc(b.settingsFlows(), func(f flow) bool { return f.from == b.host }))
}

// TestUnprogrammable gives Felix rules that it cannot program: it goes down for good
// then, if nobody starts it again.
func TestUnprogrammable(t *testing.T) {
	for _, test := range []struct {
		nftables bool
		rule     string
	}{
		{false, `{"action": "Allow", "protocol": "TCP", "notProtocol": "UDP"}`},
		{false, `{"action": "Allow", "notICMP": {"type": 8}}`},
		{true, `{"action": "Allow", "protocol": "ICMP", "icmp": {"type": 8, "code": 0}}`},
	} {
		t.Run(nftablesMode(test.nftables)+" "+test.rule, func(t *testing.T) {
			b := newBench(t, test.nftables)
			b.storeAll(t, true, objectsByName{
				"FelixConfiguration default": `{"nftablesMode": "` + nftablesMode(test.nftables) + `", ` + noFailsafes + `}`,
				"HostEndpoint db1-eth0":      `{"node": "db1", "interfaceName": "eth0"}`,
				"GlobalNetworkPolicy zero":   `{"tier": "default", "types": ["Ingress"], "ingress": [{"action": "Allow", "protocol": "TCP", "notProtocol": "UDP"}], "selector": "side == 'nowhere'"}`,
			})
			if problems := b.world(t).Unprogrammable(); len(problems) > 0 {
				t.Errorf("a policy that applies nowhere: %v", problems)
			}
			b.put(t, "GlobalNetworkPolicy p", `{"tier": "default", "types": ["Ingress"], "ingress": [`+test.rule+`]}`)
			for wait := time.Now(); !b.felix.hasCrashed(); time.Sleep(50 * time.Millisecond) {
				if time.Since(wait) > settleTime {
					t.Fatalf("Felix takes %s", test.rule)
				}
			}
			w := b.world(t)
			problems := w.Unprogrammable()
			if len(problems) == 0 || problems[0].ID.Name != "p" || problems[0].Rule != 1 || problems[0].Endpoints[0].Name != "db1-eth0" {
				t.Errorf("the problems %v", problems)
			}
			flow := flow{from: b.other, to: b.host, src: b.other.addrs[0], dst: netip.MustParseAddr("10.0.0.5"), protocol: tcp, port: 80, srcPort: lowPorts}
			if outcome, why := b.judge(w, flow, &b.counts); outcome != verdict.Undecided {
				t.Errorf("%s: %s, want it undecided", outcome, why)
			}
		})
	}
}
