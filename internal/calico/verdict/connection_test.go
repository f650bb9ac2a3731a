package verdict_test

import (
	"slices"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// untracked is a policy with doNotTrack that says something of requests to port 80
// and pings, and of the replies to them, which have that source port and type 0.
func untracked(request, reply string) string {
	var in, out []string
	add := func(action, ports, icmp string) {
		if action == "" {
			return
		}
		for _, protocol := range []string{"TCP", "UDP", "SCTP"} {
			in = append(in, "{action: "+action+", protocol: "+protocol+", "+ports+"}")
		}
		in = append(in, "{action: "+action+", protocol: ICMP, icmp: {type: "+icmp+"}}")
	}
	add(request, "destination: {ports: [80]}", "8")
	add(reply, "source: {ports: [80]}", "0")
	// To the host and from it the same.
	out = in
	return "GNP u: {order: 0, doNotTrack: true, applyOnForward: true, types: [Ingress, Egress], ingress: [" + strings.Join(in, ", ") + "], egress: [" + strings.Join(out, ", ") + "]}\n"
}

const nftables = "Felix default: {nftablesMode: Enabled}\n"

// What becomes of requests and replies that doNotTrack policies let through or not,
// in all combinations: as seen with Felix (make test-dataplane sees it again), where
// all other policies allow everything.
func TestUntrackedRequestsAndReplies(t *testing.T) {
	works := []struct {
		request, reply string
		// In and out, with iptables and then with nftables.
		tcp, sctp, ping, udp string
	}{
		{"", "", "yes yes yes yes", "yes yes yes yes", "yes yes yes yes", "yes yes yes yes"},
		{"", "Allow", "no no no yes", "no no no yes", "yes yes yes yes", "yes yes yes yes"},
		{"", "Deny", "no no no no", "no no no no", "no no no no", "yes yes yes yes"},
		{"Allow", "", "no no yes no", "no no yes no", "no no yes no", "yes yes yes yes"},
		{"Allow", "Allow", "yes yes yes yes", "yes yes yes yes", "yes yes yes yes", "yes yes yes yes"},
		{"Allow", "Deny", "no no no no", "no no no no", "no no no no", "yes yes yes yes"},
		{"Deny", "", "no no no no", "no no no no", "no no no no", "no no no no"},
		{"Deny", "Allow", "no no no no", "no no no no", "no no no no", "no no no no"},
	}
	for _, test := range works {
		for flow, want := range map[string]string{"TCP 192.0.2.1 80": test.tcp, "SCTP 192.0.2.1 80": test.sctp, "ICMP 192.0.2.1 type=8 code=0": test.ping, "UDP 192.0.2.1 80": test.udp} {
			for column, want := range strings.Fields(want) {
				world := web + open + untracked(test.request, test.reply)
				if column > 1 {
					world += nftables
				}
				flow := []string{"in ", "out "}[column%2] + flow
				v := decide(t, world, anyRelease, "a", flow)
				if got := v.Outcome == verdict.Allowed; got != (want == "yes") || v.Outcome == verdict.Undecided {
					t.Errorf("request %q, reply %q, column %d, %s: %s, want it to work: %s\n%s", test.request, test.reply, column, flow, v, want, traceText(v))
				}
			}
		}
	}
}

var (
	requestAlone = `denied, as the reply is dropped as invalid: rule 1 of ingress of policy "u" in tier "default" keeps the request from connection tracking, and no doNotTrack policy keeps the reply from it`
	replyAlone   = `denied, as what follows the reply is dropped as invalid: rule 1 of egress of policy "u" in tier "default" keeps the reply from connection tracking, and no doNotTrack policy keeps the request from it`
	byUntracked  = `allowed by rule 1 of ingress of policy "u" in tier "default"`
	// inner is another endpoint of the node, with doNotTrack policies of its own.
	inner = "HEP b: {node: h, interfaceName: eth1, labels: {role: inner}}\n"
	cache = "GNP cache: {doNotTrack: true, applyOnForward: true, types: [Ingress, Egress], ingress: [{action: Allow, protocol: TCP, destination: {ports: [9090, 9091]}}], egress: [{action: Allow, protocol: TCP, source: {ports: [9090]}}]}\n"
)

// untrackedAt is a policy with doNotTrack for one endpoint, with one rule of ingress.
func untrackedAt(selector, r string) string {
	return "GNP v: {order: 0, selector: " + selector + ", doNotTrack: true, applyOnForward: true, types: [Ingress], ingress: [" + r + "]}\n"
}

var connectionCases = []verdictCase{
	{"the rule that lets the request through alone is told", web + open + untracked("Allow", ""), "", "in TCP 192.0.2.1 80", requestAlone},
	{"so is the one of the reply", web + open + untracked("", "Allow"), "", "in TCP 192.0.2.1 80", replyAlone},
	{"a request that is denied is what counts", web + shut + untracked("", "Allow"), "", "in TCP 192.0.2.1 80", byShut},
	{"a rule that denies the reply is told", web + open + untracked("", "Deny"), "", "in TCP 192.0.2.1 80", `denied, as the reply is dropped: rule 1 of egress of policy "u" in tier "default"`},
	{"both ways, no other policy is asked", web + shut + untracked("Allow", "Allow"), "", "in TCP 192.0.2.1 80", byUntracked},
	{"a Pass is as good as nothing", web + open + untracked("Pass", "Allow"), "", "in TCP 192.0.2.1 80", strings.Replace(replyAlone, "rule 1", "rule 5", 1)},
	{"the reply goes to the port of the peer, which may be any that clients are given", web + open + "GNP u: {order: 0, doNotTrack: true, applyOnForward: true, types: [Ingress, Egress], ingress: [{action: Allow, protocol: TCP}], egress: [{action: Allow, protocol: TCP, destination: {ports: ['32768:40000']}}]}", "", "in TCP 192.0.2.1 80", `denied for source port 40001-65535, as the reply is dropped as invalid: rule 1 of ingress of policy "u" in tier "default" keeps the request from connection tracking, and no doNotTrack policy keeps the reply from it, though not for all of the flow`},
	{"or the one that the flow tells", web + open + "GNP u: {order: 0, doNotTrack: true, applyOnForward: true, types: [Ingress, Egress], ingress: [{action: Allow, protocol: TCP}], egress: [{action: Allow, protocol: TCP, destination: {ports: ['32768:40000']}}]}", "", "in TCP 192.0.2.1 80 from=33000", byUntracked},
	{"its addresses are exchanged, too", web + open + "GNP u: {order: 0, doNotTrack: true, applyOnForward: true, types: [Ingress, Egress], ingress: [{action: Allow}], egress: [{action: Allow, source: {nets: [10.0.0.1/32]}, destination: {nets: [192.0.2.0/24]}}]}", "", "in TCP 192.0.2.1 80", byUntracked},
	{"a cache that is reached untracked (calico#10704)", web + cache, "", "in TCP 10.7.0.9 9090", `allowed by rule 1 of ingress of policy "cache" in tier "default"`},
	{"and a port of it whose replies nobody thought of", web + cache, "", "in TCP 10.7.0.9 9091", strings.Replace(requestAlone, `"u"`, `"cache"`, 1)},
	{"in nftables mode, too, where no other policy allows them", web + nftables + cache, "", "in TCP 10.7.0.9 9091", `denied, as the reply is dropped: default: no policy and no profile allows it on egress`},
	{"so that it does not matter which mode it is", web + cache, "v3.32", "in TCP 10.7.0.9 9091", strings.Replace(requestAlone, `"u"`, `"cache"`, 1)},
	{"all incoming SSH ends with a doNotTrack Allow without conditions for ingress alone", web + bare + open + "GNP u: {order: 0, doNotTrack: true, applyOnForward: true, types: [Ingress], ingress: [{action: Allow}]}", "", "in TCP 192.0.2.1 22", requestAlone},
	{"and all outgoing TCP with it", web + bare + open + "GNP u: {order: 0, doNotTrack: true, applyOnForward: true, types: [Ingress], ingress: [{action: Allow}]}", "", "out TCP 192.0.2.1 22", strings.Replace(replyAlone, "of egress", "of ingress", 1)},
	{"but what goes to a failsafe port", web + open + "GNP u: {order: 0, doNotTrack: true, applyOnForward: true, types: [Ingress], ingress: [{action: Allow}]}", "", "in TCP 192.0.2.1 22", `allowed by failsafe port TCP 22`},
	{"or comes from one", web + open + "GNP u: {order: 0, doNotTrack: true, applyOnForward: true, types: [Ingress], ingress: [{action: Allow}]}", "", "out TCP 192.0.2.1 2379", `allowed by failsafe port TCP 2379`},
	{"an endpoint for all interfaces knows no doNotTrack", "HEP a: {node: h, interfaceName: '*'}\n" + open + untracked("Allow", ""), "", "in TCP 192.0.2.1 80", byOpen},
	{"in nftables mode egress policies judge what follows the reply", web + nftables + shut + untracked("Allow", ""), "", "in TCP 192.0.2.1 80", `denied, as the reply is dropped: rule 1 of egress of policy "zshut" in tier "default"`},
	{"but not replies to pings", web + nftables + shut + untracked("Allow", ""), "", "in ICMP 192.0.2.1 type=8 code=0", `allowed by rule 4 of ingress of policy "u" in tier "default"`},
	{"where the mode is not known, it may be both", web + open + untracked("Allow", ""), "v3.32", "in TCP 192.0.2.1 80", `cannot be decided: it depends on whether Felix uses iptables or nftables at node "h", which the objects do not tell: the reply is dropped as invalid: rule 1 of ingress of policy "u" in tier "default" keeps the request from connection tracking, and no doNotTrack policy keeps the reply from it`},
	{"which does not matter if both drop it", web + shut + untracked("Allow", ""), "v3.32", "in TCP 192.0.2.1 80", requestAlone},
	{"nor the other way round", web + open + untracked("", "Allow"), "v3.32", "in TCP 192.0.2.1 80", replyAlone},
	{"out, it is the reply that is allowed alone that matters", web + open + untracked("", "Allow"), "v3.32", "out TCP 192.0.2.1 80", `cannot be decided: it depends on whether Felix uses iptables or nftables at node "h", which the objects do not tell: what follows the reply is dropped as invalid: rule 1 of ingress of policy "u" in tier "default" keeps the reply from connection tracking, and no doNotTrack policy keeps the request from it`},
	{"with disableConntrackInvalidCheck what is invalid is judged as well", web + open + "Felix default: {disableConntrackInvalidCheck: true}\n" + untracked("Allow", ""), "", "in TCP 192.0.2.1 80", byUntracked},
	{"and may be denied", web + shut + "Felix default: {disableConntrackInvalidCheck: true}\n" + untracked("Allow", ""), "", "in TCP 192.0.2.1 80", `denied, as the reply is dropped: rule 1 of egress of policy "zshut" in tier "default"`},
	{"in eBPF mode nobody has looked", web + open + "Felix default: {bpfEnabled: true}\n" + untracked("Allow", ""), "", "in TCP 192.0.2.1 80", `cannot be decided: FelixConfiguration "default" sets bpfEnabled: what becomes of packets that connection tracking does not know is not known here then`},
	{"of ICMP only requests have replies", web + open + "GNP u: {order: 0, doNotTrack: true, applyOnForward: true, types: [Ingress], ingress: [{action: Allow, protocol: ICMP}]}", "", "in ICMP 192.0.2.1 type=3 code=1", byUntracked},
	{"so that of all types some do not work", web + open + "GNP u: {order: 0, doNotTrack: true, applyOnForward: true, types: [Ingress], ingress: [{action: Allow, protocol: ICMP}]}", "", "in ICMP 192.0.2.1", `denied for ICMP type 8, as the reply is dropped as invalid: rule 1 of ingress of policy "u" in tier "default" keeps the request from connection tracking, and no doNotTrack policy keeps the reply from it, though not for all of the flow`},
	{"ICMPv6 has types of its own", web + open + "GNP u: {order: 0, doNotTrack: true, applyOnForward: true, types: [Ingress, Egress], ingress: [{action: Allow, protocol: ICMPv6}], egress: [{action: Allow, protocol: ICMPv6, icmp: {type: 129}}]}", "", "in ICMPv6 2001:db8::1 type=128 code=0", byUntracked},
	{"a doubt about the reply is one", web + open + "GNP u: {order: 0, doNotTrack: true, applyOnForward: true, types: [Ingress, Egress], ingress: [{action: Allow}], egress: [{action: Allow, destination: {services: {name: s, namespace: x}}}]}", "", "in TCP 192.0.2.1 80", `cannot be decided: the reply: rule 1 of egress of policy "u" in tier "default" selects a Kubernetes service`},

	// Forwarded traffic: what comes in at a goes out at another interface, and the reply
	// comes in there.
	{"forwarded traffic that one interface alone lets through fails", web + untrackedAt("role == 'web'", "{action: Allow}"), "", "in TCP 192.0.2.1 80 forwarded", `denied, as the reply is dropped as invalid: rule 1 of ingress of policy "v" in tier "default" keeps the request from connection tracking, and no doNotTrack policy keeps the reply from it`},
	{"if the other may let the reply through, it depends", web + inner + untrackedAt("all()", "{action: Allow}"), "", "in TCP 192.0.2.1 80 forwarded", `cannot be decided: it depends on which other interface of node "h" the forwarded traffic passes: with that of host endpoint "b", which has doNotTrack policies, it is allowed`},
	{"one of another node is none of these", web + "HEP b: {node: m, interfaceName: eth1}\n" + untrackedAt("all()", "{action: Allow}"), "", "in TCP 192.0.2.1 80 forwarded", `denied, as the reply is dropped as invalid: rule 1 of ingress of policy "v" in tier "default" keeps the request from connection tracking, and no doNotTrack policy keeps the reply from it`},
	{"nor one for all interfaces", web + "HEP b: {node: h, interfaceName: '*'}\n" + untrackedAt("all()", "{action: Allow}"), "", "in TCP 192.0.2.1 80 forwarded", `denied, as the reply is dropped as invalid: rule 1 of ingress of policy "v" in tier "default" keeps the request from connection tracking, and no doNotTrack policy keeps the reply from it`},
	{"another interface can drop the replies to what passes here", web + inner + untrackedAt("role == 'inner'", "{action: Deny, protocol: TCP}"), "", "in TCP 192.0.2.1 80 forwarded", `cannot be decided: it depends on which other interface of node "h" the forwarded traffic passes: with that of host endpoint "b", which has doNotTrack policies, it is denied`},
	{"which UDP does not mind", web + inner + untrackedAt("role == 'inner'", "{action: Deny}"), "", "in UDP 192.0.2.1 80 forwarded", forward},
	{"out, the reply comes in here", web + untrackedAt("role == 'web'", "{action: Deny}"), "", "out TCP 192.0.2.1 80 forwarded", `denied, as the reply is dropped: rule 1 of ingress of policy "v" in tier "default"`},
	{"nftables mode does not differ there", web + nftables + untrackedAt("role == 'web'", "{action: Allow}"), "", "in TCP 192.0.2.1 80 forwarded", `denied, as the reply is dropped as invalid: rule 1 of ingress of policy "v" in tier "default" keeps the request from connection tracking, and no doNotTrack policy keeps the reply from it`},
}

func TestConnections(t *testing.T) { testCases(t, connectionCases) }

// Who asks about forwarded traffic may know the other interface.
func TestOpposite(t *testing.T) {
	world := web + inner + "HEP c: {node: h, interfaceName: eth2}\n" + untrackedAt("has(role)", "{action: Allow}") +
		"GNP f: {order: 1, selector: role == 'web', applyOnForward: true, types: [Egress], egress: [{action: Deny, protocol: SCTP}]}\n"
	release, err := calico.ParseRelease(anyRelease)
	if err != nil {
		t.Fatal(err)
	}
	w := verdict.New(parseWorld(t, world), release)
	endpoints := map[string]*verdict.Endpoint{}
	for _, ep := range w.Endpoints() {
		endpoints[ep.Name] = ep
	}
	for _, test := range []struct {
		flow     string
		opposite []string
		want     verdict.Outcome
	}{
		{"in ICMP 192.0.2.1 type=8 forwarded", []string{"b"}, verdict.Denied},
		{"in ICMP 192.0.2.1 type=8 forwarded", []string{"none"}, verdict.Denied},
		{"out ICMP 192.0.2.1 type=8 forwarded", []string{"none"}, verdict.Denied},
		{"in TCP 192.0.2.1 80 forwarded", []string{"b"}, verdict.Denied},
		{"in TCP 192.0.2.1 80 forwarded", []string{"none", "c"}, verdict.Denied},
	} {
		f := parseFlow(t, test.flow)
		for _, name := range test.opposite {
			f.Opposite = append(f.Opposite, endpoints[name])
		}
		// The end of the tier drops the reply, an untracked packet, on its way out at a.
		if v := w.Decide(endpoints["a"], f); v.Outcome != test.want {
			t.Errorf("%s, opposite %q: %s, want %s\n%s", test.flow, test.opposite, v, test.want, traceText(v))
		}
	}
	f := parseFlow(t, "in TCP 192.0.2.1 80 forwarded")
	f.Opposite = []*verdict.Endpoint{endpoints["b"]}
	if got, want := w.Decide(endpoints["a"], f).String(), `denied, as the reply is dropped: the end of tier "default" (no rule of egress of "f" decides)`; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// With UDP the request counts alone, and what becomes of the reply is told beside.
func TestReplyOverUDP(t *testing.T) {
	for _, test := range []struct{ reason, world, flow, note string }{
		{"the reply is denied", web + open + untracked("", "Deny"), "in UDP 192.0.2.1 80", `the reply is dropped: rule 2 of egress of policy "u" in tier "default"`},
		{"the reply is tracked, and denied like a request", web + shut + untracked("Allow", ""), "in UDP 192.0.2.1 80", `the reply is dropped: rule 1 of egress of policy "zshut" in tier "default"`},
		{"or allowed", web + open + untracked("Allow", ""), "in UDP 192.0.2.1 80", ""},
		{"the reply is allowed", web + open + untracked("", "Allow"), "in UDP 192.0.2.1 80", ""},
		{"both are", web + shut + untracked("Allow", "Allow"), "out UDP 192.0.2.1 80", ""},
		{"some of the replies are denied", web + open + "GNP u: {order: 0, doNotTrack: true, applyOnForward: true, types: [Egress], egress: [{action: Deny, protocol: UDP, destination: {ports: [40000]}}]}", "in UDP 192.0.2.1 80", `the reply is dropped: rule 1 of egress of policy "u" in tier "default", for a part of the flow`},
		{"the request is denied: there is none", web + shut + untracked("", "Deny"), "in UDP 192.0.2.1 80", "none"},
	} {
		v := decide(t, test.world, anyRelease, "a", test.flow)
		if v.Outcome != verdict.Allowed && test.note != "none" {
			t.Errorf("%s: %s, want it allowed", test.reason, v)
		}
		if got := strings.Join(v.Notes, "; "); got != strings.TrimSuffix(test.note, "none") {
			t.Errorf("%s: notes %q, want %q", test.reason, got, test.note)
		}
		inTrace := slices.ContainsFunc(v.Trace, func(s verdict.Step) bool { return s.By.Reply && s.Effect == verdict.EffectDeny })
		if inTrace != (test.note != "" && test.note != "none") {
			t.Errorf("%s: the trace tells of a dropped reply: %t\n%s", test.reason, inTrace, traceText(v))
		}
	}
	v := decide(t, web+shut+untracked("Allow", ""), anyRelease, "a", "in UDP 192.0.2.1 80")
	const want = `rule 2 of ingress of policy "u" in tier "default": allow
the reply: policy "u" in tier "default": no match
the reply: rule 1 of egress of policy "zshut" in tier "default": deny
`
	if got := traceText(v); got != want {
		t.Errorf("trace:\n%s\nwant:\n%s", got, want)
	}
}

func TestNFTablesMode(t *testing.T) {
	for _, test := range []struct {
		reason, release, world string
		want                   v3.NFTablesMode
	}{
		{"v3.28 has no such mode", "v3.28.5", "Felix default: {nftablesMode: Enabled}", "Disabled"},
		{"up to v3.31 it is off", "v3.31.0", "", "Disabled"},
		{"unless it is on", "v3.29.0", "Felix default: {nftablesMode: Enabled}", "Enabled"},
		{"and Auto is not known there", "v3.31.0", "Felix default: {nftablesMode: Auto}", "Disabled"},
		{"from v3.32 on it depends on kube-proxy", "v3.32.0", "", "Auto"},
		{"unless it does not", "v3.32.0", "Felix default: {nftablesMode: Disabled}", "Disabled"},
		{"the node's own comes first", "v3.32.0", "Felix default: {nftablesMode: Disabled}\nFelix node.h: {nftablesMode: Enabled}", "Enabled"},
		{"that of another does not count", "v3.31.0", "Felix node.m: {nftablesMode: Enabled}", "Disabled"},
		{"one for some nodes counts for those", "v3.32.0", "Node h: {labels: {x: v}}\nFelix mine: {nodeSelector: x == 'v', nftablesMode: Enabled}\nFelix default: {nftablesMode: Disabled}", "Enabled"},
		{"and may count if its selector cannot be read", "v3.32.0", "Node h: {labels: {x: v}}\nFelix mine: {nodeSelector: x = 1, nftablesMode: Enabled}\nFelix default: {nftablesMode: Disabled}", "Auto"},
		{"but not for one without labels", "v3.32.0", "Node h: {}\nFelix mine: {nodeSelector: all(), nftablesMode: Enabled}\nFelix default: {nftablesMode: Disabled}", "Disabled"},
		{"an annotation replaces the field", "v3.31.0", "Felix default: {nftablesMode: Disabled, annotations: {config.projectcalico.org/NFTablesMode: enabled}}", "Enabled"},
		{"or may, if its name is in another case", "v3.31.0", "Felix default: {nftablesMode: Disabled, annotations: {config.projectcalico.org/nftablesMode: Enabled}}", "Auto"},
	} {
		release, err := calico.ParseRelease(test.release)
		if err != nil {
			t.Fatal(err)
		}
		if got := verdict.New(parseWorld(t, test.world), release).NFTablesMode("h"); got != test.want {
			t.Errorf("%s: %s, want %s", test.reason, got, test.want)
		}
	}
}
