package verdict_test

import (
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

func TestNotes(t *testing.T) {
	const (
		mas  = "HEP mas-1: {node: mas-1, interfaceName: ens192, labels: {role: master}}\n"
		from = "{action: Allow, protocol: TCP, source: {selector: role == 'master'}, destination: {ports: [80]}}"
	)
	for _, test := range []struct{ reason, world, flow, want string }{
		{
			"a selector chooses an endpoint that has no address", web + mas + rule(from), "in TCP 10.9.0.11 80",
			`rule 1 of ingress of policy "p" in tier "default" selects host endpoint "mas-1", which has no expectedIPs: to Calico it has no address, and the rule does not match it`,
		},
		{"which is told only if the rest of the rule matches", web + mas + rule(from), "in TCP 10.9.0.11 81", ""},
		{"and not if the rule matches by another one's address", web + mas + "HEP mas-2: {node: mas-2, interfaceName: ens192, expectedIPs: [10.9.0.11], labels: {role: master}}\n" + rule(from), "in TCP 10.9.0.11 80", ""},
		{
			"several are told together", web + mas + strings.ReplaceAll(mas, "mas-1", "mas-2") + rule(from), "in TCP 10.9.0.11 80",
			`rule 1 of ingress of policy "p" in tier "default" selects host endpoints "mas-1", "mas-2", of which each has no expectedIPs: to Calico they have no address, and the rule does not match them`,
		},
		{
			"addresses of the other family do not help", web + strings.Replace(mas, "ens192", "ens192, expectedIPs: [10.9.0.11]", 1) + rule(from), "in TCP fd00::9 80",
			`rule 1 of ingress of policy "p" in tier "default" selects host endpoint "mas-1", which has no IPv6 address among its expectedIPs: to Calico it has no address, and the rule does not match it`,
		},
		{
			"a rule that denies is told of, too", web + mas + rule(strings.Replace(from, "Allow", "Deny", 1)) + open, "in TCP 10.9.0.11 80",
			`rule 1 of ingress of policy "p" in tier "default" selects host endpoint "mas-1", which has no expectedIPs: to Calico it has no address, and the rule does not match it`,
		},
		{
			"and one of a profile", "HEP a: {node: h, interfaceName: eth0, profiles: [q]}\nProfile q: {ingress: [" + from + "]}\n" + mas, "in TCP 10.9.0.11 80",
			`rule 1 of ingress of profile "q" selects host endpoint "mas-1", which has no expectedIPs: to Calico it has no address, and the rule does not match it`,
		},
		{
			"the endpoint itself may be the one", "HEP a: {node: h, interfaceName: eth0, labels: {role: web}}\n" + rule("{action: Allow, destination: {selector: role == 'web'}}"), "in TCP 10.9.0.11 80",
			`rule 1 of ingress of policy "p" in tier "default" selects host endpoint "a", which has no expectedIPs: to Calico it has no address, and the rule does not match it`,
		},
		{
			"two nodes claim the endpoint's address", web + "HEP b: {node: i, interfaceName: eth0, expectedIPs: [10.0.0.1]}\n" + shut, "in TCP 192.0.2.1 80",
			`10.0.0.1 is expected by host endpoints of several nodes: "a" of node "h", "b" of node "i"`,
		},
		{
			"or that of its peer", web + "HEP b: {node: i, interfaceName: eth0, expectedIPs: [192.0.2.1]}\nHEP c: {node: j, interfaceName: eth0, expectedIPs: [192.0.2.1]}\n" + shut, "in TCP 192.0.2.1 80",
			`192.0.2.1 is expected by host endpoints of several nodes: "b" of node "i", "c" of node "j"`,
		},
		{"two endpoints of one node may", web + "HEP b: {node: h, interfaceName: '*', expectedIPs: [10.0.0.1]}\n" + shut, "in TCP 192.0.2.1 80", ""},
		{"what others claim is not told", web + "HEP b: {node: i, interfaceName: eth0, expectedIPs: [192.0.2.1]}\nHEP c: {node: j, interfaceName: eth0, expectedIPs: [192.0.2.1]}\n" + shut, "in TCP 192.0.2.2 80", ""},
		{
			"an endpoint that is not used is told of", "HEP a: {node: h, interfaceName: eth0}\nHEP z: {node: h, interfaceName: '*'}\n" + shut + "Felix default: {interfaceExclude: eth0}\n", "in TCP 192.0.2.1 80",
			`host endpoint "a" of node "h" is not used, as Felix does not look at interface eth0 (interfaceExclude): host endpoint "z" takes its place`,
		},
		{
			"with eBPF some things may be otherwise", web + shut + "Felix default: {bpfEnabled: true}\n", "in TCP 192.0.2.1 80",
			`FelixConfiguration "default" sets bpfEnabled: with eBPF Felix may handle some packets in another way than with iptables or nftables, of which this verdict is`,
		},
	} {
		v := decide(t, test.world, anyRelease, "a", test.flow)
		if got := strings.Join(v.Notes, "; "); got != test.want {
			t.Errorf("%s (%s)\n got %q\nwant %q", test.reason, v, got, test.want)
		}
	}
}

func TestUnprogrammable(t *testing.T) {
	const (
		profiled = "HEP a: {node: h, interfaceName: eth0, profiles: [q]}\n"
		iptables = "which iptables refuses: Felix fails over it again and again, no later change takes effect, and once the host starts anew nothing is enforced"
		nft      = "which nft refuses: Felix removes its rules and fails over it again and again, and nothing is enforced"
		first    = `rule 1 of ingress of policy "p" in tier "default" `
	)
	maybe := func(s string) string { return strings.Replace(s, ": Felix ", ": Felix, if it uses that, ", 1) }
	for _, test := range []struct{ reason, release, world, want string }{
		{"protocol and notProtocol in one rule", "", web + rule("{action: Allow, protocol: TCP, notProtocol: UDP}"), first + "has both protocol and notProtocol, " + iptables},
		{"which nftables takes", "", web + nftables + rule("{action: Allow, protocol: TCP, notProtocol: UDP}"), ""},
		{"or may take", "v3.32.1", web + rule("{action: Allow, protocol: TCP, notProtocol: UDP}"), first + "has both protocol and notProtocol, " + maybe(iptables)},
		{"each of them alone", "", web + rule("{action: Allow, protocol: TCP}, {action: Allow, notProtocol: UDP}"), ""},
		{"Felix makes no rule of networks of both families", "", web + rule("{action: Allow, protocol: TCP, notProtocol: UDP, source: {nets: [10.0.0.0/8]}, destination: {nets: ['fd00::/64']}}"), ""},
		{"the second rule, of egress", "", web + "GNP p: {types: [Egress], egress: [{action: Deny}, {action: Allow, protocol: TCP, notProtocol: UDP}]}", `rule 2 of egress of policy "p" in tier "default" has both protocol and notProtocol, ` + iptables},
		{"rules of a direction that the policy is not for are not made", "", web + "GNP p: {types: [Egress], ingress: [{action: Allow, protocol: TCP, notProtocol: UDP}]}", ""},
		{"nor those of a policy for nobody", "", web + "GNP p: {selector: role == 'db', types: [Ingress], ingress: [{action: Allow, protocol: TCP, notProtocol: UDP}]}", ""},
		{"those of a profile are", "", profiled + "Profile q: {ingress: [{action: Allow, protocol: TCP, notProtocol: UDP}]}", `rule 1 of ingress of profile "q" has both protocol and notProtocol, ` + iptables},
		{"if an endpoint has it", "", web + "Profile q: {ingress: [{action: Allow, protocol: TCP, notProtocol: UDP}]}", ""},
		{"doNotTrack does nothing for all interfaces", "", "HEP a: {node: h, interfaceName: '*'}\nGNP p: {doNotTrack: true, applyOnForward: true, types: [Ingress], ingress: [{action: Allow, protocol: TCP, notProtocol: UDP}]}", ""},
		{"all addresses in notNets, before Felix knew of it", "v3.28.5", web + rule("{action: Deny, source: {notNets: [0.0.0.0/0]}}"), `rule 1 of ingress of policy "p" has 0.0.0.0/0 in notNets, ` + strings.Replace(iptables, "iptables", "iptables-nft", 1)},
		{"or of IPv6", "v3.30.2", web + rule("{action: Deny, destination: {notNets: ['::/0']}}"), first + "has ::/0 in notNets, " + strings.Replace(iptables, "iptables", "iptables-nft", 1)},
		{"v3.29.6 knows", "v3.29.6", web + rule("{action: Deny, source: {notNets: [0.0.0.0/0]}}"), ""},
		{"v3.29.5 does not", "v3.29.5", web + rule("{action: Deny, source: {notNets: [0.0.0.0/0]}}"), first + "has 0.0.0.0/0 in notNets, " + strings.Replace(iptables, "iptables", "iptables-nft", 1)},
		{"v3.30.3 knows", "v3.30.3", web + rule("{action: Deny, source: {notNets: [0.0.0.0/0]}}"), ""},
		{"so does v3.31.0", "v3.31.0", web + rule("{action: Deny, source: {notNets: [0.0.0.0/0]}}"), ""},
		{"beside another in notNets it is a rule of its own", "v3.28.5", web + rule("{action: Deny, source: {notNets: [0.0.0.0/0, 10.0.0.0/8]}}"), ""},
		{"beside one in nets as well", "v3.28.5", web + rule("{action: Deny, source: {notNets: [0.0.0.0/0], nets: [10.0.0.0/8]}}"), ""},
		{"but not beside two, which are apart", "v3.28.5", web + rule("{action: Deny, source: {notNets: [0.0.0.0/0], nets: [10.0.0.0/8, 192.0.2.0/24]}}"), `rule 1 of ingress of policy "p" has 0.0.0.0/0 in notNets, ` + strings.Replace(iptables, "iptables", "iptables-nft", 1)},
		{"nftables takes it", "v3.29.0", web + nftables + rule("{action: Deny, source: {notNets: [0.0.0.0/0]}}"), ""},
		{"an ICMP type with a code, to nftables", "", web + nftables + rule("{action: Allow, protocol: ICMP, icmp: {type: 8, code: 0}}"), first + "has an ICMP type with a code, " + nft},
		{"in notICMP too", "", web + nftables + rule("{action: Allow, protocol: ICMPv6, notICMP: {type: 128, code: 0}}"), first + "has an ICMP type with a code, " + nft},
		{"a type alone is fine", "", web + nftables + rule("{action: Allow, protocol: ICMP, icmp: {type: 8}}"), ""},
		{"iptables takes both", "", web + rule("{action: Allow, protocol: ICMP, icmp: {type: 8, code: 0}}"), ""},
		{"notICMP without a protocol, to iptables", "", web + rule("{action: Allow, ipVersion: 4, notICMP: {type: 8}}"), first + "has notICMP without protocol ICMP, " + iptables},
		{"and of another protocol, to both", "", web + nftables + rule("{action: Allow, ipVersion: 6, protocol: TCP, notICMP: {type: 8}}"), first + "has notICMP without protocol ICMPv6, " + nft},
		{"nftables takes it without one", "", web + nftables + rule("{action: Allow, notICMP: {type: 8}}"), ""},
		{"a number is no help to the other family", "", web + rule("{action: Allow, protocol: 1, notICMP: {type: 8}}"), first + "has notICMP without protocol ICMPv6, " + iptables},
	} {
		if test.release == "" {
			test.release = anyRelease
		}
		release, err := calico.ParseRelease(test.release)
		if err != nil {
			t.Fatal(err)
		}
		objects := parseWorld(t, test.world+"\nHEP b: {node: i, interfaceName: eth0, labels: {role: other}}\n")
		w := verdict.New(objects, release)
		var got string
		for _, p := range w.Unprogrammable() {
			if len(p.Endpoints) > 0 && p.Endpoints[0].Name == "a" {
				got = p.String()
				break
			}
		}
		if got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.reason, got, test.want)
		}
		ep, _ := w.Endpoint("a")
		v := w.Decide(ep, parseFlow(t, "out UDP 192.0.2.1 53"))
		if stuck := strings.HasPrefix(v.Reason, `Felix of node "h" is stuck: `); stuck != (test.want != "") {
			t.Errorf("%s: %s", test.reason, v)
		}
	}

	// What one endpoint has keeps Felix from serving the others of its node.
	world := web + "HEP c: {node: h, interfaceName: eth1}\nHEP d: {node: i, interfaceName: eth1}\nHEP e: {node: h, interfaceName: eth2, labels: {role: web}}\n" +
		"GNP p: {selector: role == 'web', types: [Ingress], ingress: [{action: Allow, protocol: TCP, notProtocol: UDP}]}\n" + open
	for name, want := range map[string]verdict.Outcome{"c": verdict.Undecided, "d": verdict.Allowed} {
		if v := decide(t, world, anyRelease, name, "in TCP 192.0.2.1 80"); v.Outcome != want {
			t.Errorf("at %s: %s, want %s", name, v, want)
		}
	}
	problems := verdict.New(parseWorld(t, world), calico.Release{Major: 3, Minor: 31}).Unprogrammable()
	if len(problems) != 1 || len(problems[0].Endpoints) != 2 || problems[0].Endpoints[1].Name != "e" || problems[0].ID.Name != "p" || problems[0].Rule != 1 {
		t.Errorf("problems %+v, want one, of a and e", problems)
	}
	if v := decide(t, world, anyRelease, "c", "in TCP 192.0.2.1 80"); v.By.Policy.Name != "p" {
		t.Errorf("decided by %s, want the policy", v.By)
	}
}

// notICMP without a protocol is a rule for ICMP to nft.
func TestNotICMPOfNoProtocol(t *testing.T) {
	world := web + nftables + rule("{action: Allow, notICMP: {type: 8}}")
	for flow, want := range map[string]verdict.Outcome{
		"in ICMP 192.0.2.1 type=3": verdict.Allowed, "in ICMP 192.0.2.1 type=8": verdict.Denied, "in TCP 192.0.2.1 80": verdict.Denied,
	} {
		if v := decide(t, world, anyRelease, "a", flow); v.Outcome != want {
			t.Errorf("%s: %s, want %s", flow, v, want)
		}
	}
}
