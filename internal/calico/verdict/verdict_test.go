package verdict_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

const (
	// web is the endpoint that most cases ask about.
	web = "HEP a: {node: h, interfaceName: eth0, expectedIPs: [10.0.0.1, 'fd00::1'], labels: {role: web}}\n"
	// open is a policy that allows all, and comes last.
	open = "GNP zopen: {order: 900, selector: all(), types: [Ingress, Egress], ingress: [{action: Allow}], egress: [{action: Allow}]}\n"
	// shut is one that denies all.
	shut = "GNP zshut: {order: 900, selector: all(), types: [Ingress, Egress], ingress: [{action: Deny}], egress: [{action: Deny}]}\n"
	// bare switches the failsafe ports off.
	bare = "Felix default: {failsafeInboundHostPorts: [], failsafeOutboundHostPorts: []}\n"

	byOpen   = `allowed by rule 1 of ingress of policy "zopen" in tier "default"`
	byShut   = `denied by rule 1 of ingress of policy "zshut" in tier "default"`
	nothing  = `denied by default: no policy and no profile allows it on ingress`
	forward  = `allowed by default: no policy with applyOnForward decides`
	byPolicy = `allowed by rule 1 of ingress of policy "p" in tier "default"`
)

// rule is a policy of one ingress rule before all others.
func rule(r string) string {
	return "GNP p: {order: 1, selector: all(), types: [Ingress], ingress: [" + r + "]}\n"
}

type verdictCase struct {
	reason  string
	world   string
	release string
	flow    string
	want    string
}

// The releases that the cases are for, unless they say.
const anyRelease = "v3.31.0"

var verdictCases = []verdictCase{
	// Failsafe ports.
	{"SSH is a default failsafe port inbound, so that it passes with no policy at all", web, "", "in TCP 192.0.2.1 22", `allowed by failsafe port TCP 22`},
	{"and it passes before any policy that denies", web + shut, "", "in TCP 192.0.2.1 22", `allowed by failsafe port TCP 22`},
	{"SSH is none outbound", web + shut, "", "out TCP 192.0.2.1 22", `denied by rule 1 of egress of policy "zshut" in tier "default"`},
	{"DNS is a default failsafe port outbound", web + shut, "", "out UDP 192.0.2.1 53", `allowed by failsafe port UDP 53`},
	{"a failsafe port is one of a protocol", web, "", "in UDP 192.0.2.1 22", nothing},
	{"an empty list means no failsafe ports, not the defaults", web + bare, "", "in TCP 192.0.2.1 22", nothing},
	{"a list that is left out means the defaults, even where the other is set", web + "Felix default: {failsafeOutboundHostPorts: []}", "", "in TCP 192.0.2.1 22", `allowed by failsafe port TCP 22`},
	{"a node's list replaces the global one as a whole", web + "Felix default: {failsafeInboundHostPorts: [{protocol: tcp, port: 22}]}\nFelix node.h: {failsafeInboundHostPorts: [{protocol: tcp, port: 2222}]}", "", "in TCP 192.0.2.1 22", nothing},
	{"and holds for that node", web + "Felix node.h: {failsafeInboundHostPorts: [{protocol: tcp, port: 2222}]}", "", "in TCP 192.0.2.1 2222", `allowed by failsafe port TCP 2222`},
	{"another node's list does not", web + "Felix node.m: {failsafeInboundHostPorts: []}", "", "in TCP 192.0.2.1 22", `allowed by failsafe port TCP 22`},
	{"a node's configuration without a list leaves the global list alone", web + "Felix default: {failsafeInboundHostPorts: []}\nFelix node.h: {logSeverityScreen: Info}", "", "in TCP 192.0.2.1 22", nothing},
	{"the net of an inbound failsafe port is the source", web + "Felix default: {failsafeInboundHostPorts: [{protocol: TCP, port: 22, net: 192.0.2.0/24}]}", "", "in TCP 192.0.2.1 22", `allowed by failsafe port TCP 22 with 192.0.2.0/24`},
	{"others do not get in", web + "Felix default: {failsafeInboundHostPorts: [{protocol: TCP, port: 22, net: 192.0.2.0/24}]}", "", "in TCP 198.51.100.1 22", nothing},
	{"the net of an outbound one is the destination", web + "Felix default: {failsafeOutboundHostPorts: [{protocol: TCP, port: 2379, net: 192.0.2.7}]}", "", "out TCP 192.0.2.7 2379", `allowed by failsafe port TCP 2379 with 192.0.2.7`},
	{"an IPv4 net lets no IPv6 in", web + "Felix default: {failsafeInboundHostPorts: [{protocol: tcp, port: 22, net: 0.0.0.0/0}]}", "", "in TCP 2001:db8::1 22", nothing},
	{"a failsafe port of SCTP keeps Felix from working", web + "Felix default: {failsafeInboundHostPorts: [{protocol: sctp, port: 22}]}", "", "in TCP 192.0.2.1 22", `cannot be decided: Felix cannot work with FelixConfiguration "default", whose failsafe ports hold the protocol "sctp"`},
	{"so does a net that is none", web + "Felix default: {failsafeInboundHostPorts: [{protocol: tcp, port: 22, net: x}]}", "", "in TCP 192.0.2.1 22", `cannot be decided: Felix cannot work with FelixConfiguration "default", whose failsafe ports hold the net "x"`},
	{"which keeps it from working for all traffic", web + open + "Felix default: {failsafeInboundHostPorts: [{protocol: sctp, port: 22}]}", "", "out UDP 192.0.2.1 80", `cannot be decided: Felix cannot work with FelixConfiguration "default", whose failsafe ports hold the protocol "sctp"`},
	{"but not at other nodes", web + open + "Felix node.m: {failsafeInboundHostPorts: [{protocol: sctp, port: 22}]}", "", "in TCP 192.0.2.1 80", byOpen},
	{"an annotation can replace the list with text", web + "Felix default: {annotations: {config.projectcalico.org/FailsafeInboundHostPorts: none}}", "", "in TCP 192.0.2.1 22", `cannot be decided: the annotation config.projectcalico.org/FailsafeInboundHostPorts of FelixConfiguration "default" replaces failsafe ports, and is not read here`},
	{"which matters only to what policies do not allow, as failsafe ports only add", web + rule("{action: Allow, protocol: TCP}") + "Felix default: {annotations: {config.projectcalico.org/FailsafeInboundHostPorts: none}}", "", "in TCP 192.0.2.1 22", byPolicy},
	{"and only in its direction", web + "Felix default: {annotations: {config.projectcalico.org/FailsafeInboundHostPorts: none}}", "", "out TCP 192.0.2.1 80", `denied by default: no policy and no profile allows it on egress`},
	{"failsafe ports are of TCP and UDP alone", web + "Felix default: {annotations: {config.projectcalico.org/FailsafeInboundHostPorts: none}}", "", "in SCTP 192.0.2.1 22", nothing},
	{"nor does it matter where the node's own configuration has a list", web + "Felix default: {annotations: {config.projectcalico.org/FailsafeInboundHostPorts: none}}\nFelix node.h: {failsafeInboundHostPorts: []}", "", "in TCP 192.0.2.1 22", nothing},
	{"an annotation without a value is none, and hides the field", web + "Felix default: {failsafeInboundHostPorts: [], annotations: {config.projectcalico.org/FailsafeInboundHostPorts: ''}}", "", "in TCP 192.0.2.1 22", `allowed by failsafe port TCP 22`},
	{"beside an annotation whose name differs in its case, the field may hold or not", web + "Felix default: {failsafeInboundHostPorts: [], annotations: {config.projectcalico.org/failsafeinboundhostports: none}}", "", "in TCP 192.0.2.1 22", `cannot be decided: the annotation config.projectcalico.org/failsafeinboundhostports of FelixConfiguration "default" replaces failsafe ports, and is not read here`},
	{"what looks like a reply may be shielded from doNotTrack by failsafe ports that are not read", web + open + "Felix default: {annotations: {config.projectcalico.org/FailsafeOutboundHostPorts: none}}\nGNP p: {doNotTrack: true, applyOnForward: true, types: [Ingress], ingress: [{action: Deny}]}", "", "in UDP 192.0.2.1 4000 from=53", `cannot be decided: the annotation config.projectcalico.org/FailsafeOutboundHostPorts of FelixConfiguration "default" replaces failsafe ports, and is not read here`},
	{"which does not matter if it is allowed both ways", web + open + "Felix default: {annotations: {config.projectcalico.org/FailsafeOutboundHostPorts: none}}\nGNP p: {doNotTrack: true, applyOnForward: true, types: [Ingress], ingress: [{action: Allow, protocol: UDP}]}", "", "in UDP 192.0.2.1 4000 from=53", byPolicy},
	{"up to v3.31 a FelixConfiguration of another name is ignored", web + "Node h: {labels: {x: y}}\nFelix mine: {failsafeInboundHostPorts: []}", "v3.31", "in TCP 192.0.2.1 22", `allowed by failsafe port TCP 22`},
	{"from v3.32 on it is for the nodes that it selects", web + "Node h: {labels: {x: v}}\nFelix mine: {nodeSelector: x == 'v', failsafeInboundHostPorts: []}", "v3.32", "in TCP 192.0.2.1 22", nothing},
	{"and not for others", web + "Node h: {labels: {x: w}}\nFelix mine: {nodeSelector: x == 'v', failsafeInboundHostPorts: []}", "v3.32", "in TCP 192.0.2.1 22", `allowed by failsafe port TCP 22`},
	{"nor for a node that is not there", web + "Felix mine: {nodeSelector: all(), failsafeInboundHostPorts: []}", "v3.32", "in TCP 192.0.2.1 22", `allowed by failsafe port TCP 22`},
	{"without a selector it is for none", web + "Node h: {labels: {x: y}}\nFelix mine: {failsafeInboundHostPorts: []}", "v3.32", "in TCP 192.0.2.1 22", `allowed by failsafe port TCP 22`},
	{"nor with an empty one", web + "Node h: {labels: {x: v}}\nFelix mine: {nodeSelector: '', failsafeInboundHostPorts: []}", "v3.32", "in TCP 192.0.2.1 22", `allowed by failsafe port TCP 22`},
	{"with one that cannot be read it may still be for those of before", web + "Node h: {labels: {x: v}}\nFelix mine: {nodeSelector: x = 'y', failsafeInboundHostPorts: []}", "v3.32", "in TCP 192.0.2.1 22", `cannot be decided: FelixConfiguration "mine" sets failsafe ports for the nodes that its nodeSelector chooses, and whether it does for node "h" is not known here`},
	{"it comes before the one for all", web + "Node h: {labels: {x: v}}\nFelix mine: {nodeSelector: has(x), failsafeInboundHostPorts: [{protocol: tcp, port: 22}]}\nFelix default: {failsafeInboundHostPorts: []}", "v3.32", "in TCP 192.0.2.1 22", `allowed by failsafe port TCP 22`},
	{"of two the older one holds", web + "Node h: {labels: {x: v}}\nFelix a: {creationTimestamp: 2026-01-01T00:00:01Z, nodeSelector: has(x), failsafeInboundHostPorts: [{protocol: tcp, port: 22}]}\nFelix b: {creationTimestamp: 2026-01-01T00:00:00Z, nodeSelector: all(), failsafeInboundHostPorts: []}", "v3.32", "in TCP 192.0.2.1 22", nothing},
	{"and alone: what it does not say the other one does not say either", web + "Node h: {labels: {x: v}}\nFelix a: {creationTimestamp: 2026-01-01T00:00:01Z, nodeSelector: has(x), failsafeInboundHostPorts: []}\nFelix b: {creationTimestamp: 2026-01-01T00:00:00Z, nodeSelector: all(), logSeverityScreen: Info}", "v3.32", "in TCP 192.0.2.1 22", `allowed by failsafe port TCP 22`},
	{"of two of one second, that whose name comes first", web + "Node h: {labels: {x: v}}\nFelix b: {creationTimestamp: 2026-01-01T00:00:00Z, nodeSelector: has(x), failsafeInboundHostPorts: [{protocol: tcp, port: 22}]}\nFelix a: {creationTimestamp: 2026-01-01T00:00:00Z, nodeSelector: all(), failsafeInboundHostPorts: []}", "v3.32", "in TCP 192.0.2.1 22", nothing},
	{"of two of which one is not there yet, either may", web + "Node h: {labels: {x: v}}\nFelix b: {creationTimestamp: 2026-01-01T00:00:00Z, nodeSelector: has(x), failsafeInboundHostPorts: [{protocol: tcp, port: 22}]}\nFelix a: {nodeSelector: all(), failsafeInboundHostPorts: []}", "v3.32", "in TCP 192.0.2.1 22", `cannot be decided: FelixConfiguration "a" sets failsafe ports for the nodes that its nodeSelector chooses, and whether it does for node "h" is not known here`},
	{"labels that are there and empty are none to Felix, unless it starts anew", web + "Node h: {labels: {}}\nFelix mine: {nodeSelector: '!has(x)', failsafeInboundHostPorts: []}", "v3.32", "in TCP 192.0.2.1 22", `cannot be decided: FelixConfiguration "mine" sets failsafe ports for the nodes that its nodeSelector chooses, and whether it does for node "h" is not known here`},
	{"which does not matter to a port that both lists have", web + "Node h: {labels: {x: v}}\nFelix mine: {nodeSelector: x = 1, failsafeInboundHostPorts: [{protocol: tcp, port: 22}, {protocol: tcp, port: 80}]}", "v3.32", "in TCP 192.0.2.1 22", `allowed by failsafe port TCP 22`},
	{"nor to one that neither has", web + "Node h: {labels: {x: v}}\nFelix mine: {nodeSelector: x = 1, failsafeInboundHostPorts: [{protocol: tcp, port: 22}, {protocol: tcp, port: 80}]}", "v3.32", "in TCP 192.0.2.1 81", nothing},
	{"nor to one that policies allow", web + open + "Node h: {labels: {x: v}}\nFelix mine: {nodeSelector: x = 1, failsafeInboundHostPorts: []}", "v3.32", "in TCP 192.0.2.1 22", byOpen},
	{"one without failsafe ports does not matter", web + "Node h: {labels: {x: v}}\nFelix mine: {nodeSelector: x = 1, logSeverityScreen: Info}", "v3.32", "in TCP 192.0.2.1 22", `allowed by failsafe port TCP 22`},
	{"one for this node, likewise", web + "Node h: {labels: {x: v}}\nFelix mine: {nodeSelector: x == 'v', logSeverityScreen: Info}", "v3.32", "in TCP 192.0.2.1 22", `allowed by failsafe port TCP 22`},
	{"but not for a node without labels", web + "Node h: {}\nFelix mine: {nodeSelector: x = 1, failsafeInboundHostPorts: []}", "v3.32", "in TCP 192.0.2.1 22", `allowed by failsafe port TCP 22`},
	{"nor where the node's own configuration has a list", web + "Node h: {labels: {x: v}}\nFelix mine: {nodeSelector: x = 1, failsafeInboundHostPorts: []}\nFelix node.h: {failsafeInboundHostPorts: [{protocol: tcp, port: 22}]}", "v3.32", "in TCP 192.0.2.1 22", `allowed by failsafe port TCP 22`},
	{"forwarded traffic has no failsafe ports", web + "GNP p: {selector: all(), applyOnForward: true, types: [Ingress], ingress: []}", "", "in TCP 192.0.2.1 22 forwarded", `denied by the end of tier "default" (no rule of ingress of "p" decides)`},

	// Settings that take an interface away.
	{"interfacePrefix makes an interface a workload's, and its traffic is dropped", web + open + "Felix default: {interfacePrefix: 'cali,eth'}", "", "in TCP 192.0.2.1 80", `denied by interfacePrefix "cali,eth" of FelixConfiguration "default", which makes eth0 the interface of a workload`},
	{"even to failsafe ports, and both ways", web + open + "Felix node.h: {interfacePrefix: e}", "", "out UDP 192.0.2.1 53", `denied by interfacePrefix "e" of FelixConfiguration "node.h", which makes eth0 the interface of a workload`},
	{"an annotation says the same", web + open + "Felix default: {interfacePrefix: cali, annotations: {config.projectcalico.org/InterfacePrefix: eth}}", "", "in TCP 192.0.2.1 80", `denied by interfacePrefix "eth" of FelixConfiguration "default", which makes eth0 the interface of a workload`},
	{"at that node alone", web + open + "Felix node.m: {interfacePrefix: eth}", "", "in TCP 192.0.2.1 80", byOpen},
	{"the node's own prefix comes first", web + open + "Felix default: {interfacePrefix: eth}\nFelix node.h: {interfacePrefix: cali}", "", "in TCP 192.0.2.1 80", byOpen},
	{"Felix has one by default", "HEP a: {node: h, interfaceName: cali0}\n" + open, "", "in TCP 192.0.2.1 80", `denied by interfacePrefix "cali" of Felix's default, which makes cali0 the interface of a workload`},
	{"an endpoint for all interfaces is none of these", "HEP a: {node: h, interfaceName: '*'}\n" + open + "Felix default: {interfacePrefix: eth}", "", "in TCP 192.0.2.1 80", byOpen},
	{"one for some nodes may be for this one", web + open + "Node h: {labels: {x: v}}\nFelix mine: {nodeSelector: x = 1, interfacePrefix: eth}", "v3.32", "in TCP 192.0.2.1 80", `cannot be decided: interface eth0 is a workload's, of which Felix drops all traffic, if interfacePrefix "eth" of FelixConfiguration "mine" holds at node "h", and whether it does is not known here`},
	{"one for this node is for this one", web + open + "Node h: {labels: {x: v}}\nFelix mine: {nodeSelector: x == 'v', interfacePrefix: eth}", "v3.32", "in TCP 192.0.2.1 80", `denied by interfacePrefix "eth" of FelixConfiguration "mine", which makes eth0 the interface of a workload`},
	{"one for others is not", web + open + "Node h: {labels: {x: v}}\nFelix mine: {nodeSelector: x == 'z', interfacePrefix: eth}", "v3.32", "in TCP 192.0.2.1 80", byOpen},
	{"Felix does not start with a prefix that it cannot read", web + open + "Felix default: {interfacePrefix: 'eth 0'}", "", "in TCP 192.0.2.1 80", `cannot be decided: Felix cannot work with FelixConfiguration "default", whose interfacePrefix is "eth 0"`},
	{"interfaceExclude leaves an interface without its endpoint", web + shut + "Felix default: {interfaceExclude: 'lo,eth0'}", "", "in TCP 192.0.2.1 80", `allowed by interfaceExclude "lo,eth0" of FelixConfiguration "default", which leaves eth0 without a host endpoint`},
	{"by a pattern, too", web + shut + "Felix default: {interfaceExclude: '/^e.h/'}", "", "in TCP 192.0.2.1 80", `allowed by interfaceExclude "/^e.h/" of FelixConfiguration "default", which leaves eth0 without a host endpoint`},
	{"by a name, only the whole of it", web + shut + "Felix default: {interfaceExclude: 'eth'}", "", "in TCP 192.0.2.1 80", byShut},
	{"a list that Felix cannot read is none", web + shut + "Felix default: {interfaceExclude: 'eth0,/(/'}", "", "in TCP 192.0.2.1 80", byShut},
	{"the endpoint for all interfaces takes its place", "HEP a: {node: h, interfaceName: eth0}\nHEP z: {node: h, interfaceName: '*', labels: {role: all}}\n" + open + "GNP p: {order: 1, selector: role == 'all', types: [Ingress], ingress: [{action: Deny}]}\nFelix default: {interfaceExclude: eth0}", "", "in TCP 192.0.2.1 80", `denied by rule 1 of ingress of policy "p" in tier "default"`},
	{"without IPv6 support Felix lets its rules for IPv6 be", web + open + "Felix default: {ipv6Support: false}", "", "in TCP 2001:db8::1 80", `cannot be decided: FelixConfiguration "default" sets ipv6Support to false: Felix then does nothing about IPv6, whose rules stay as they are until the host starts anew, and are none from then on`},
	{"not so those for IPv4", web + open + "Felix default: {ipv6Support: false}", "", "in TCP 192.0.2.1 80", byOpen},

	// UDPLite.
	{"incoming UDPLite is invalid to Linux as it comes", web + open, "", "in UDPLite 192.0.2.1 80", `cannot be decided: Linux takes incoming UDPLite for invalid unless nf_conntrack_checksum is 0, and Felix drops what is invalid before it asks policies, which allow it here: rule 1 of ingress of policy "zopen" in tier "default"`},
	{"which changes nothing about what is denied", web + shut, "", "in UDPLite 192.0.2.1 80", byShut},
	{"what goes out is not", web + open, "", "out UDPLite 192.0.2.1 80", `allowed by rule 1 of egress of policy "zopen" in tier "default"`},
	{"but what is forwarded out has come in", web, "", "out UDPLite 192.0.2.1 80 forwarded", `cannot be decided: Linux takes incoming UDPLite for invalid unless nf_conntrack_checksum is 0, and Felix drops what is invalid before it asks policies, which allow it here: default: no policy with applyOnForward decides`},
	{"nor does it matter to what is not tracked", web + "GNP p: {doNotTrack: true, applyOnForward: true, types: [Ingress], ingress: [{action: Allow}]}", "", "in UDPLite 192.0.2.1 80", byPolicy},
	{"or if Felix keeps what is invalid", web + open + "Felix default: {disableConntrackInvalidCheck: true}", "", "in UDPLite 192.0.2.1 80", byOpen},

	// Default actions and profiles.
	{"an endpoint with neither policy nor profile drops all but failsafes", web, "", "in TCP 192.0.2.1 80", nothing},
	{"and so out", web, "", "out TCP 192.0.2.1 80", `denied by default: no policy and no profile allows it on egress`},
	{"so does one for all interfaces", "HEP a: {node: h, interfaceName: '*'}", "", "in TCP 192.0.2.1 80", nothing},
	{"a policy of ingress alone leaves egress to the profiles", web + rule("{action: Allow}"), "", "out TCP 192.0.2.1 80", `denied by default: no policy and no profile allows it on egress`},
	{"the profile that always exists allows", "HEP a: {node: h, interfaceName: '*', profiles: [projectcalico-default-allow]}", "", "out TCP 192.0.2.1 80", `allowed by rule 1 of egress of profile "projectcalico-default-allow"`},
	{"profiles come after policies", "HEP a: {node: h, interfaceName: eth0, profiles: [projectcalico-default-allow]}\n" + shut, "", "in TCP 192.0.2.1 80", byShut},
	{"a missing profile drops", "HEP a: {node: h, interfaceName: eth0, profiles: [gone, projectcalico-default-allow]}", "", "in TCP 192.0.2.1 80", `denied by profile "gone", which does not exist`},
	{"profiles are asked in the order of the list", "HEP a: {node: h, interfaceName: eth0, profiles: [q, p]}\nProfile p: {ingress: [{action: Allow}]}\nProfile q: {ingress: [{action: Deny}]}", "", "in TCP 192.0.2.1 80", `denied by rule 1 of ingress of profile "q"`},
	{"Pass in a profile skips to the next profile", "HEP a: {node: h, interfaceName: eth0, profiles: [q, p]}\nProfile p: {ingress: [{action: Allow}]}\nProfile q: {ingress: [{action: Pass}, {action: Deny}]}", "", "in TCP 192.0.2.1 80", `allowed by rule 1 of ingress of profile "p"`},
	{"what a policy has passed, every Pass in a profile passes on (seen with Felix v3.31.0)", "HEP a: {node: h, interfaceName: eth0, profiles: [q, p]}\nProfile q: {ingress: [{action: Pass, protocol: UDP}, {action: Allow}]}\nGNP g: {types: [Ingress], ingress: [{action: Pass}]}\nProfile p: {ingress: [{action: Deny}]}", "", "in TCP 192.0.2.1 80", `denied by rule 1 of ingress of profile "p"`},
	{"but not one for IPv6, of which there is no rule for IPv4 (seen with Felix v3.31.0)", "HEP a: {node: h, interfaceName: eth0, profiles: [q, p]}\nProfile q: {ingress: [{action: Pass, ipVersion: 6}, {action: Allow}]}\nGNP g: {types: [Ingress], ingress: [{action: Pass}]}\nProfile p: {ingress: [{action: Deny}]}", "", "in TCP 192.0.2.1 80", `allowed by rule 2 of ingress of profile "q"`},
	{"nor one with networks of IPv6", "HEP a: {node: h, interfaceName: eth0, profiles: [q, p]}\nProfile q: {ingress: [{action: Pass, source: {notNets: ['fd00::/64']}}, {action: Allow}]}\nGNP g: {types: [Ingress], ingress: [{action: Pass}]}\nProfile p: {ingress: [{action: Deny}]}", "", "in TCP 192.0.2.1 80", `allowed by rule 2 of ingress of profile "q"`},
	{"without that, only what it matches", "HEP a: {node: h, interfaceName: eth0, profiles: [q, p]}\nProfile q: {ingress: [{action: Pass, protocol: UDP}, {action: Allow}]}\nProfile p: {ingress: [{action: Deny}]}", "", "in TCP 192.0.2.1 80", `allowed by rule 2 of ingress of profile "q"`},
	{"so it is where a tier passes what no rule decides", "HEP a: {node: h, interfaceName: eth0, profiles: [q, p]}\nProfile q: {ingress: [{action: Pass, protocol: UDP}, {action: Allow}]}\nTier default: {order: 1000000, defaultAction: Pass}\nGNP g: {types: [Ingress], ingress: []}", "", "in TCP 192.0.2.1 80", `allowed by rule 2 of ingress of profile "q"`},
	{"and where a tier comes between", "HEP a: {node: h, interfaceName: eth0, profiles: [q, p]}\nProfile q: {ingress: [{action: Pass, protocol: UDP}, {action: Allow}]}\nTier first: {order: 1}\nTier default: {order: 1000000, defaultAction: Pass}\nGNP first.g: {tier: first, types: [Ingress], ingress: [{action: Pass}]}\nGNP g: {types: [Ingress], ingress: []}", "", "in TCP 192.0.2.1 80", `allowed by rule 2 of ingress of profile "q"`},
	{"what a profile has passed, the next one passes on", "HEP a: {node: h, interfaceName: eth0, profiles: [p, q]}\nProfile q: {ingress: [{action: Pass, protocol: UDP}, {action: Allow}]}\nProfile p: {ingress: [{action: Pass}]}", "", "in TCP 192.0.2.1 80", nothing},
	{"labels that a profile applies are the endpoint's", "HEP a: {node: h, interfaceName: eth0, profiles: [p]}\nProfile p: {labelsToApply: {role: web}}\nGNP p: {selector: role == 'web', types: [Ingress], ingress: [{action: Allow}]}", "", "in TCP 192.0.2.1 80", byPolicy},
	{"its own label comes before a profile's", "HEP a: {node: h, interfaceName: eth0, profiles: [p], labels: {role: db}}\nProfile p: {labelsToApply: {role: web}}\nGNP p: {selector: role == 'web', types: [Ingress], ingress: [{action: Allow}]}", "", "in TCP 192.0.2.1 80", nothing},

	// Order within a tier.
	{"a lower order comes first", web + "GNP a: {order: 2, selector: all(), types: [Ingress], ingress: [{action: Allow}]}\nGNP b: {order: 1, selector: all(), types: [Ingress], ingress: [{action: Deny}]}", "", "in TCP 192.0.2.1 80", `denied by rule 1 of ingress of policy "b" in tier "default"`},
	{"no order comes last", web + "GNP a: {selector: all(), types: [Ingress], ingress: [{action: Allow}]}\nGNP b: {order: 5000, selector: all(), types: [Ingress], ingress: [{action: Deny}]}", "", "in TCP 192.0.2.1 80", `denied by rule 1 of ingress of policy "b" in tier "default"`},
	{"names break a tie", web + "GNP b: {order: 1, selector: all(), types: [Ingress], ingress: [{action: Allow}]}\nGNP a: {order: 1, selector: all(), types: [Ingress], ingress: [{action: Deny}]}", "", "in TCP 192.0.2.1 80", `denied by rule 1 of ingress of policy "a" in tier "default"`},
	{"up to v3.31 a namespaced policy ties by namespace first", "HEP a: {node: h, interfaceName: eth0, labels: {projectcalico.org/namespace: z}}\nNP z/a: {order: 1, types: [Ingress], ingress: [{action: Deny}]}\nGNP b: {order: 1, types: [Ingress], ingress: [{action: Allow}]}", "v3.31", "in TCP 192.0.2.1 80", `allowed by rule 1 of ingress of policy "b" in tier "default"`},
	{"from v3.32 on by name first", "HEP a: {node: h, interfaceName: eth0, labels: {projectcalico.org/namespace: z}}\nNP z/a: {order: 1, types: [Ingress], ingress: [{action: Deny}]}\nGNP b: {order: 1, types: [Ingress], ingress: [{action: Allow}]}", "v3.32", "in TCP 192.0.2.1 80", `denied by rule 1 of ingress of policy "a" of namespace "z" in tier "default"`},
	{"rules are asked in order", web + rule("{action: Deny, protocol: UDP}, {action: Allow, protocol: TCP}, {action: Deny}"), "", "in TCP 192.0.2.1 80", `allowed by rule 2 of ingress of policy "p" in tier "default"`},
	{"Log goes on", web + rule("{action: Log}, {action: Allow}"), "", "in TCP 192.0.2.1 80", `allowed by rule 2 of ingress of policy "p" in tier "default"`},
	{"a policy that applies and decides nothing drops at the end of its tier", web + rule("{action: Allow, protocol: UDP}"), "", "in TCP 192.0.2.1 80", `denied by the end of tier "default" (no rule of ingress of "p" decides)`},
	{"a policy without rules does, too", web + "GNP p: {selector: all(), types: [Egress]}", "", "out TCP 192.0.2.1 80", `denied by the end of tier "default" (no rule of egress of "p" decides)`},
	{"rules of a direction that is not among the types are not read", web + "GNP p: {selector: all(), types: [Egress], ingress: [{action: Allow}]}", "", "in TCP 192.0.2.1 80", nothing},
	{"a policy stored without types is one of both", web + "GNP p: {selector: all(), ingress: [{action: Allow}]}", "", "out TCP 192.0.2.1 80", `denied by the end of tier "default" (no rule of egress of "p" decides)`},
	{"staged policies do nothing", web + "SGNP p: {selector: all(), types: [Ingress], ingress: [{action: Allow}]}\nSNP n/p: {types: [Ingress], ingress: [{action: Allow}]}", "", "in TCP 192.0.2.1 80", nothing},

	// Tiers.
	{"a tier of lower order comes first", web + open + "Tier first: {order: 1}\nTier default: {order: 1000000}\nGNP first.p: {tier: first, types: [Ingress], ingress: [{action: Deny}]}", "", "in TCP 192.0.2.1 80", `denied by rule 1 of ingress of policy "first.p" in tier "first"`},
	{"Pass skips the rest of the tier", web + open + "Tier first: {order: 1}\nTier default: {order: 1000000}\nGNP first.p: {tier: first, order: 1, types: [Ingress], ingress: [{action: Pass}]}\nGNP first.q: {tier: first, order: 2, types: [Ingress], ingress: [{action: Deny}]}", "", "in TCP 192.0.2.1 80", byOpen},
	{"the end of a tier drops", web + open + "Tier first: {order: 1, defaultAction: Deny}\nTier default: {order: 1000000}\nGNP first.p: {tier: first, types: [Ingress], ingress: []}", "", "in TCP 192.0.2.1 80", `denied by the end of tier "first" (no rule of ingress of "first.p" decides)`},
	{"unless the tier passes", web + open + "Tier first: {order: 1, defaultAction: Pass}\nTier default: {order: 1000000}\nGNP first.p: {tier: first, types: [Ingress], ingress: []}", "", "in TCP 192.0.2.1 80", byOpen},
	{"a tier without a policy for the direction does not count", web + open + "Tier first: {order: 1}\nTier default: {order: 1000000}\nGNP first.p: {tier: first, types: [Egress], egress: []}", "", "in TCP 192.0.2.1 80", byOpen},
	{"nor does one without a policy for the endpoint", web + open + "Tier first: {order: 1}\nTier default: {order: 1000000}\nGNP first.p: {tier: first, selector: role == 'db', types: [Ingress]}", "", "in TCP 192.0.2.1 80", byOpen},
	{"names break a tie of tiers", web + "Tier b: {order: 1}\nTier a: {order: 1}\nGNP b.p: {tier: b, types: [Ingress], ingress: [{action: Allow}]}\nGNP a.p: {tier: a, types: [Ingress], ingress: [{action: Deny}]}", "", "in TCP 192.0.2.1 80", `denied by rule 1 of ingress of policy "a.p" in tier "a"`},
	{"a tier without order comes last of those that exist", web + "Tier a: {}\nTier b: {order: 9999999}\nGNP b.p: {tier: b, types: [Ingress], ingress: [{action: Allow}]}\nGNP a.p: {tier: a, types: [Ingress], ingress: [{action: Deny}]}", "", "in TCP 192.0.2.1 80", `allowed by rule 1 of ingress of policy "b.p" in tier "b"`},
	{"policies of a tier that does not exist are enforced after all that do", web + "Tier z: {}\nGNP z.p: {tier: z, types: [Ingress], ingress: [{action: Allow, protocol: UDP}, {action: Pass}]}\nGNP gone.p: {tier: gone, types: [Ingress], ingress: []}", "", "in TCP 192.0.2.1 80", `denied by the end of tier "gone" (no rule of ingress of "gone.p" decides)`},
	{"so that one in a tier that exists decides first", web + "Tier z: {}\nGNP z.p: {tier: z, types: [Ingress], ingress: [{action: Allow}]}\nGNP gone.p: {tier: gone, types: [Ingress], ingress: [{action: Deny}]}", "", "in TCP 192.0.2.1 80", `allowed by rule 1 of ingress of policy "z.p" in tier "z"`},
	{"Pass in the last tier leaves it to the profiles", "HEP a: {node: h, interfaceName: eth0, profiles: [projectcalico-default-allow]}\n" + rule("{action: Pass}"), "", "in TCP 192.0.2.1 80", `allowed by rule 1 of ingress of profile "projectcalico-default-allow"`},
	{"v3.28 has one tier, whose policies the order alone sorts", web + "Tier default: {order: 1000000, defaultAction: Pass}\nGNP p: {selector: all(), types: [Ingress], ingress: []}", "v3.28.5", "in TCP 192.0.2.1 80", `denied by the end of the policies (no rule of ingress of "p" decides)`},
	{"up to v3.31 Felix reads the tier from the name and not from spec.tier", web + "Tier sec: {order: 1}\nTier default: {order: 1000000}\nGNP r: {order: 2, tier: sec, types: [Ingress], ingress: [{action: Allow}]}\nGNP a: {order: 1, types: [Ingress], ingress: [{action: Deny}]}", "v3.31", "in TCP 192.0.2.1 80", `denied by rule 1 of ingress of policy "a" in tier "default"`},
	{"from v3.32 on it is spec.tier", web + "Tier sec: {order: 1}\nTier default: {order: 1000000}\nGNP r: {order: 2, tier: sec, types: [Ingress], ingress: [{action: Allow}]}\nGNP a: {order: 1, types: [Ingress], ingress: [{action: Deny}]}", "v3.32", "in TCP 192.0.2.1 80", `allowed by rule 1 of ingress of policy "r" in tier "sec"`},

	// Forwarded traffic, doNotTrack, preDNAT.
	{"forwarded traffic passes where no policy has applyOnForward", web + shut, "", "in TCP 192.0.2.1 80 forwarded", forward},
	{"a policy with applyOnForward decides about it", web + "GNP p: {applyOnForward: true, types: [Ingress], ingress: [{action: Deny}]}", "", "in TCP 192.0.2.1 80 forwarded", `denied by rule 1 of ingress of policy "p" in tier "default"`},
	{"and about the host's own", web + "GNP p: {applyOnForward: true, types: [Ingress], ingress: [{action: Deny}]}", "", "in TCP 192.0.2.1 80", `denied by rule 1 of ingress of policy "p" in tier "default"`},
	{"one of ingress leaves forwarded egress alone", web + "GNP p: {applyOnForward: true, types: [Ingress], ingress: [{action: Deny}]}", "", "out TCP 192.0.2.1 80 forwarded", forward},
	{"Pass in the last tier lets forwarded traffic through, without profiles", web + "GNP p: {applyOnForward: true, types: [Ingress], ingress: [{action: Pass}]}", "", "in TCP 192.0.2.1 80 forwarded", forward},
	{"doNotTrack comes before all else", web + shut + "GNP p: {order: 999, doNotTrack: true, applyOnForward: true, types: [Ingress, Egress], ingress: [{action: Allow}], egress: [{action: Allow}]}", "", "in TCP 192.0.2.1 80", byPolicy},
	{"but after the failsafe ports", web + "GNP p: {doNotTrack: true, applyOnForward: true, types: [Ingress], ingress: [{action: Deny}]}", "", "in TCP 192.0.2.1 22", `allowed by failsafe port TCP 22`},
	{"what it does not match goes on to the other policies", web + open + "GNP p: {doNotTrack: true, applyOnForward: true, types: [Ingress], ingress: [{action: Deny, protocol: UDP}]}", "", "in TCP 192.0.2.1 80", byOpen},
	{"it is ignored on an endpoint for all interfaces", "HEP a: {node: h, interfaceName: '*'}\n" + open + "GNP p: {doNotTrack: true, applyOnForward: true, types: [Ingress], ingress: [{action: Deny}]}", "", "in TCP 192.0.2.1 80", byOpen},
	{"what looks like a reply to a failsafe connection skips it", web + open + "GNP p: {doNotTrack: true, applyOnForward: true, types: [Ingress], ingress: [{action: Deny}]}", "", "in UDP 192.0.2.1 4000 from=53", byOpen},
	{"forwarded egress does not pass the table of doNotTrack", web + "GNP p: {doNotTrack: true, applyOnForward: true, types: [Egress], egress: [{action: Deny}]}", "", "out TCP 192.0.2.1 80 forwarded", forward},
	{"preDNAT comes before normal policies", web + shut + "GNP p: {order: 999, preDNAT: true, applyOnForward: true, types: [Ingress], ingress: [{action: Allow}]}", "", "in TCP 192.0.2.1 80", byPolicy},
	{"and holds for forwarded traffic", web + "GNP p: {preDNAT: true, applyOnForward: true, types: [Ingress], ingress: [{action: Deny}]}", "", "in TCP 192.0.2.1 80 forwarded", `denied by rule 1 of ingress of policy "p" in tier "default"`},
	{"and on an endpoint for all interfaces", "HEP a: {node: h, interfaceName: '*'}\n" + open + "GNP p: {preDNAT: true, applyOnForward: true, types: [Ingress], ingress: [{action: Deny}]}", "", "in TCP 192.0.2.1 80", `denied by rule 1 of ingress of policy "p" in tier "default"`},
	{"what an endpoint without preDNAT policies lets in meets those of the endpoint for all interfaces (seen with Felix v3.31.0)", "HEP a: {node: h, interfaceName: eth0, labels: {role: web}}\nHEP z: {node: h, interfaceName: '*', labels: {role: all}}\n" + shut + "GNP p: {selector: role == 'all', preDNAT: true, applyOnForward: true, types: [Ingress], ingress: [{action: Allow}]}", "", "in TCP 192.0.2.1 80", byPolicy},
	{"and what it forwards, too", "HEP a: {node: h, interfaceName: eth0, labels: {role: web}}\nHEP z: {node: h, interfaceName: '*', labels: {role: all}}\n" + "GNP p: {selector: role == 'all', preDNAT: true, applyOnForward: true, types: [Ingress], ingress: [{action: Deny}]}", "", "in TCP 192.0.2.1 80 forwarded", `denied by rule 1 of ingress of policy "p" in tier "default"`},
	{"but not if it has preDNAT policies itself", "HEP a: {node: h, interfaceName: eth0, labels: {role: web}}\nHEP z: {node: h, interfaceName: '*', labels: {role: all}}\n" + shut + "GNP p: {selector: role == 'all', preDNAT: true, applyOnForward: true, types: [Ingress], ingress: [{action: Allow}]}\nGNP q: {selector: role == 'web', preDNAT: true, applyOnForward: true, types: [Ingress], ingress: []}", "", "in TCP 192.0.2.1 80", byShut},
	{"nor those of another node", "HEP a: {node: h, interfaceName: eth0, labels: {role: web}}\nHEP z: {node: i, interfaceName: '*', labels: {role: all}}\n" + shut + "GNP p: {selector: role == 'all', preDNAT: true, applyOnForward: true, types: [Ingress], ingress: [{action: Allow}]}", "", "in TCP 192.0.2.1 80", byShut},
	{"its other policies stay its own", "HEP a: {node: h, interfaceName: eth0, labels: {role: web}}\nHEP z: {node: h, interfaceName: '*', labels: {role: all}}\n" + shut + "GNP p: {selector: role == 'all', types: [Ingress], ingress: [{action: Allow}]}", "", "in TCP 192.0.2.1 80", byShut},
	{"failsafe ports keep forwarded traffic from preDNAT policies, not from others", web + "GNP p: {preDNAT: true, applyOnForward: true, types: [Ingress], ingress: [{action: Deny}]}", "", "in TCP 192.0.2.1 22 forwarded", forward},

	{"in v3.28 a namespaced policy is one for forwarded traffic, too", "HEP a: {node: h, interfaceName: eth0, labels: {projectcalico.org/namespace: ns}}\nNP ns/z: {types: [Ingress]}", "v3.28.5", "in TCP 192.0.2.1 80 forwarded", `denied by the end of the policies (no rule of ingress of "z" of namespace "ns" decides)`},
	{"from v3.29 on it is not", "HEP a: {node: h, interfaceName: eth0, labels: {projectcalico.org/namespace: ns}}\nNP ns/z: {types: [Ingress]}", "v3.29.0", "in TCP 192.0.2.1 80 forwarded", forward},
	{"so that a Pass of it counts in v3.28", "HEP a: {node: h, interfaceName: eth0, labels: {projectcalico.org/namespace: ns}}\nNP ns/z: {order: 1, types: [Ingress], ingress: [{action: Pass}]}\nGNP g: {order: 2, applyOnForward: true, types: [Ingress]}", "v3.28.5", "in TCP 192.0.2.1 80 forwarded", forward},

	// What applies to host endpoints.
	{"a policy's namespaceSelector all() excludes host endpoints", web + "GNP p: {namespaceSelector: all(), types: [Ingress], ingress: [{action: Allow}]}", "", "in TCP 192.0.2.1 80", nothing},
	{"so does any serviceAccountSelector that needs a label", web + "GNP p: {serviceAccountSelector: role == 'x', types: [Ingress], ingress: [{action: Allow}]}", "", "in TCP 192.0.2.1 80", nothing},
	{"a NetworkPolicy applies to no host endpoint", web + "NP n/p: {types: [Ingress], ingress: [{action: Allow}]}", "", "in TCP 192.0.2.1 80", nothing},
	{"a policy with a selector that does not parse is ignored", web + open + "GNP p: {order: 1, selector: role = 'web', types: [Ingress], ingress: [{action: Deny}]}", "", "in TCP 192.0.2.1 80", byOpen},
	{"so is one with such a selector in a rule", web + open + rule("{action: Deny}, {action: Deny, source: {selector: x}}"), "", "in TCP 192.0.2.1 80", byOpen},

	// Matching: protocols and ICMP.
	{"a protocol in a rule may be a number", web + rule("{action: Allow, protocol: 6}"), "", "in TCP 192.0.2.1 80", byPolicy},
	{"so may a flow's", web + rule("{action: Allow, protocol: TCP}"), "", "in 6 192.0.2.1 80", byPolicy},
	{"notProtocol excludes", web + open + rule("{action: Deny, notProtocol: TCP}"), "", "in TCP 192.0.2.1 80", byOpen},
	{"ipVersion excludes the other", web + open + rule("{action: Deny, ipVersion: 6}"), "", "in TCP 192.0.2.1 80", byOpen},
	{"an ICMP type", web + rule("{action: Allow, protocol: ICMP, icmp: {type: 8}}"), "", "in ICMP 192.0.2.1 type=8 code=0", byPolicy},
	{"another ICMP type", web + open + rule("{action: Deny, protocol: ICMP, icmp: {type: 8}}"), "", "in ICMP 192.0.2.1 type=0", byOpen},
	{"a code of a type", web + open + rule("{action: Deny, protocol: ICMP, icmp: {type: 3, code: 1}}"), "", "in ICMP 192.0.2.1 type=3 code=4", byOpen},
	{"notICMP excludes the type and code together", web + rule("{action: Allow, protocol: ICMP, notICMP: {type: 3, code: 1}}"), "", "in ICMP 192.0.2.1 type=3 code=4", byPolicy},
	{"ICMP makes a rule one for IPv4", web + open + rule("{action: Deny, protocol: ICMP}"), "", "in ICMP 2001:db8::1 type=8", byOpen},
	{"every ICMP type is asked for where the flow tells none", web + open + rule("{action: Deny, protocol: ICMP, icmp: {type: 5}}"), "", "in ICMP 192.0.2.1", `denied for ICMP type 5 by rule 1 of ingress of policy "p" in tier "default", though not for all of the flow`},

	// Matching: addresses.
	{"a source net", web + rule("{action: Allow, source: {nets: [192.0.2.0/24]}}"), "", "in TCP 192.0.2.1 80", byPolicy},
	{"another source", web + open + rule("{action: Deny, source: {nets: [192.0.2.0/24]}}"), "", "in TCP 198.51.100.1 80", byOpen},
	{"notNets excludes", web + open + rule("{action: Deny, source: {notNets: [192.0.2.0/24]}}"), "", "in TCP 192.0.2.1 80", byOpen},
	{"notNets of everything never match", web + open + rule("{action: Deny, source: {notNets: [0.0.0.0/0]}}"), "", "in TCP 192.0.2.1 80", byOpen},
	{"nor do they before Felix knew of that, if there is one other network", web + open + rule("{action: Deny, source: {notNets: [0.0.0.0/0], nets: [192.0.2.0/24]}}"), "v3.28.5", "in TCP 192.0.2.1 80", `allowed by rule 1 of ingress of policy "zopen"`},
	{"nets of the other family make the rule one of that family", web + open + rule("{action: Deny, source: {nets: ['2001:db8::/32']}}"), "", "in TCP 192.0.2.1 80", byOpen},
	{"and so do notNets", web + open + rule("{action: Deny, source: {notNets: ['2001:db8::/32']}}"), "", "in TCP 192.0.2.1 80", byOpen},
	{"Felix skips a net that it cannot parse, and the rule then matches all", web + shut + rule("{action: Allow, source: {nets: [192.0.2.0/33]}}"), "", "in TCP 198.51.100.1 80", byPolicy},
	{"IPv4 written as IPv6 is IPv4", web + rule("{action: Allow, source: {nets: ['::ffff:192.0.2.0/120']}}"), "", "in TCP 192.0.2.1 80", byPolicy},
	{"a bare address is a net", web + rule("{action: Allow, source: {nets: [192.0.2.1]}}"), "", "in TCP 192.0.2.1 80", byPolicy},
	{"the destination of ingress is the endpoint itself", web + rule("{action: Allow, destination: {nets: [10.0.0.1/32]}}"), "", "in TCP 192.0.2.1 80", byPolicy},
	{"IPv6 counts its own expected IPs", web + rule("{action: Allow, destination: {nets: ['fd00::1/128']}}"), "", "in TCP 2001:db8::1 80", byPolicy},
	{"the flow can tell the endpoint's address", web + rule("{action: Allow, destination: {nets: [10.0.0.9/32]}}"), "", "in TCP 192.0.2.1 80 local=10.0.0.9", byPolicy},
	{"the source of egress is the endpoint, and the destination its peer", web + "GNP p: {types: [Egress], egress: [{action: Deny, source: {nets: [192.0.2.1/32]}}, {action: Allow, source: {nets: [10.0.0.1/32]}, destination: {nets: [192.0.2.1/32]}}]}", "", "out TCP 192.0.2.1 80", `allowed by rule 2 of egress of policy "p" in tier "default"`},
	{"nothing tells it for an endpoint of an interface name alone", "HEP a: {node: h, interfaceName: eth0}\n" + rule("{action: Allow, destination: {nets: [10.0.0.1/32]}}"), "", "in TCP 192.0.2.1 80", `cannot be decided: rule 1 of ingress of policy "p" in tier "default" depends on the near side's address, which neither the flow nor expectedIPs of the endpoint tell`},
	{"which does not matter if the flow fares the same without the rule", "HEP a: {node: h, interfaceName: eth0}\n" + open + rule("{action: Allow, destination: {nets: [10.0.0.1/32]}}"), "", "in TCP 192.0.2.1 80", byOpen},
	{"each expected IP has to pass", "HEP a: {node: h, interfaceName: eth0, expectedIPs: [10.0.0.1, 10.0.0.2]}\n" + rule("{action: Allow, destination: {nets: [10.0.0.1/32]}}"), "", "in TCP 192.0.2.1 80", `denied for near address 10.0.0.2 by the end of tier "default" (no rule of ingress of "p" decides), though not for all of the flow`},
	{"a network of peers passes only if each of them does", web + rule("{action: Allow, source: {nets: [192.0.2.0/25]}}"), "", "in TCP 192.0.2.0/24 80", `denied for 192.0.2.128/25 by the end of tier "default" (no rule of ingress of "p" decides), though not for all of the flow`},
	{"two nets that cover it together are enough", web + rule("{action: Allow, source: {nets: [192.0.2.0/25, 192.0.2.128/25]}}"), "", "in TCP 192.0.2.0/24 80", byPolicy},
	{"the parts may be allowed by different rules", web + rule("{action: Allow, source: {nets: [192.0.2.0/25]}}, {action: Allow}"), "", "in TCP 192.0.2.0/24 80", `allowed for 192.0.2.0/25 by rule 1 of ingress of policy "p" in tier "default"`},
	{"a port that is left out means every port", web + rule("{action: Allow, protocol: TCP, destination: {ports: ['100:65535']}}, {action: Deny}") + bare, "", "in TCP 192.0.2.1", `denied for port 1-99 by rule 2 of ingress of policy "p" in tier "default", though not for all of the flow`},
	{"a source port that is left out means those that clients are given", web + rule("{action: Allow, protocol: TCP, source: {ports: ['40000:65535']}}, {action: Deny}"), "", "in TCP 192.0.2.1 80", `denied for source port 32768-39999 by rule 2 of ingress of policy "p" in tier "default", though not for all of the flow`},

	// Matching: ports.
	{"a port of a range", web + rule("{action: Allow, protocol: TCP, destination: {ports: ['80:90']}}"), "", "in TCP 192.0.2.1 85", byPolicy},
	{"notPorts excludes", web + open + rule("{action: Deny, protocol: TCP, destination: {notPorts: [80]}}"), "", "in TCP 192.0.2.1 80", byOpen},
	{"a named port is one of the endpoint at the destination", "HEP a: {node: h, interfaceName: eth0, expectedIPs: [10.0.0.1], ports: [{name: http, protocol: TCP, port: 8080}]}\n" + rule("{action: Allow, protocol: TCP, destination: {ports: [http]}}"), "", "in TCP 192.0.2.1 8080", byPolicy},
	{"not of the source", "HEP a: {node: h, interfaceName: eth0, expectedIPs: [10.0.0.1]}\nHEP b: {node: m, interfaceName: eth0, expectedIPs: [192.0.2.1], ports: [{name: http, protocol: TCP, port: 8080}]}\n" + open + rule("{action: Deny, protocol: TCP, destination: {ports: [http]}}"), "", "in TCP 192.0.2.1 8080", byOpen},
	{"of every port it is that one", "HEP a: {node: h, interfaceName: eth0, expectedIPs: [10.0.0.1], ports: [{name: http, protocol: TCP, port: 8080}]}\n" + open + rule("{action: Deny, protocol: TCP, destination: {ports: [http]}}"), "", "in TCP 192.0.2.1", `denied for port 8080 by rule 1 of ingress of policy "p" in tier "default", though not for all of the flow`},
	{"and of what the selector of its side chooses", "HEP a: {node: h, interfaceName: eth0, expectedIPs: [10.0.0.1], ports: [{name: http, protocol: TCP, port: 8080}]}\n" + open + rule("{action: Deny, protocol: TCP, destination: {ports: [http], selector: has(other)}}"), "", "in TCP 192.0.2.1 8080", byOpen},
	{"it has a protocol", "HEP a: {node: h, interfaceName: eth0, expectedIPs: [10.0.0.1], ports: [{name: dns, protocol: UDP, port: 53}]}\n" + open + rule("{action: Deny, protocol: TCP, destination: {ports: [dns]}}"), "", "in TCP 192.0.2.1 53", byOpen},
	{"from v3.32 on a rule may leave it out", "HEP a: {node: h, interfaceName: eth0, expectedIPs: [10.0.0.1], ports: [{name: dns, protocol: UDP, port: 53}]}\n" + rule("{action: Allow, destination: {ports: [dns]}}"), "v3.32", "in UDP 192.0.2.1 53", byPolicy},
	{"before it means TCP then", "HEP a: {node: h, interfaceName: eth0, expectedIPs: [10.0.0.1], ports: [{name: dns, protocol: UDP, port: 53}]}\n" + open + rule("{action: Deny, destination: {ports: [dns]}}"), "v3.31", "in UDP 192.0.2.1 53", byOpen},
	{"an endpoint of an interface name alone has no named ports", "HEP a: {node: h, interfaceName: eth0, ports: [{name: http, protocol: TCP, port: 8080}]}\n" + open + rule("{action: Deny, protocol: TCP, destination: {ports: [http]}}"), "", "in TCP 192.0.2.1 8080", byOpen},

	// Matching: selectors.
	{"a selector stands for the expected IPs of host endpoints", web + "HEP b: {node: m, interfaceName: eth0, expectedIPs: [10.0.0.2], labels: {role: lb}}\n" + rule("{action: Allow, source: {selector: role == 'lb'}}"), "", "in TCP 10.0.0.2 80", byPolicy},
	{"one with an interface name alone contributes none", web + "HEP b: {node: m, interfaceName: eth0, labels: {role: lb}}\nNode m: {bgp: {ipv4Address: 10.0.0.2/24}, addresses: [{address: 10.0.0.2}]}\n" + rule("{action: Allow, source: {selector: role == 'lb'}}"), "", "in TCP 10.0.0.2 80", `denied by the end of tier "default" (no rule of ingress of "p" decides)`},
	{"and for the nets of global network sets", web + "GNS s: {nets: [192.0.2.0/24], labels: {role: lb}}\n" + rule("{action: Allow, source: {selector: role == 'lb'}}"), "", "in TCP 192.0.2.1 80", byPolicy},
	{"a net of a set may have host bits", web + "GNS s: {nets: [192.0.2.9/24], labels: {role: lb}}\n" + rule("{action: Allow, source: {selector: role == 'lb'}}"), "", "in TCP 192.0.2.1 80", byPolicy},
	{"all() does not mean every address", web + open + rule("{action: Deny, source: {selector: all()}}"), "", "in TCP 192.0.2.1 80", byOpen},
	{"notSelector lets unknown addresses match", web + rule("{action: Allow, source: {notSelector: role == 'lb'}}"), "", "in TCP 192.0.2.1 80", byPolicy},
	{"and excludes known ones", web + open + "GNS s: {nets: [192.0.2.0/24], labels: {role: lb}}\n" + rule("{action: Deny, source: {notSelector: role == 'lb'}}"), "", "in TCP 192.0.2.1 80", byOpen},
	{"notSelector narrows a selector", web + open + "GNS s: {nets: [192.0.2.0/24], labels: {a: '1', b: '1'}}\n" + rule("{action: Deny, source: {selector: has(a), notSelector: has(b)}}"), "", "in TCP 192.0.2.1 80", byOpen},
	{"selector and notSelector have to suit one endpoint", web + "GNS s: {nets: [192.0.2.0/24], labels: {a: '1', b: '1'}}\nGNS u: {nets: [192.0.2.0/24], labels: {a: '1'}}\n" + rule("{action: Allow, source: {selector: has(a), notSelector: has(b)}}"), "", "in TCP 192.0.2.1 80", byPolicy},
	{"namespaceSelector global() chooses what has no namespace", web + "GNS s: {nets: [192.0.2.0/24], labels: {role: lb}}\nNS x/s: {nets: [198.51.100.0/24], labels: {role: lb}}\n" + rule("{action: Allow, source: {selector: role == 'lb', namespaceSelector: global()}}"), "", "in TCP 192.0.2.1 80", byPolicy},
	{"and not what has one", web + open + "NS x/s: {nets: [198.51.100.0/24], labels: {role: lb}}\n" + rule("{action: Deny, source: {selector: role == 'lb', namespaceSelector: global()}}"), "", "in TCP 198.51.100.1 80", byOpen},
	{"namespaceSelector all() chooses network sets of a namespace", web + "NS x/s: {nets: [198.51.100.0/24]}\n" + rule("{action: Allow, source: {namespaceSelector: all()}}"), "", "in TCP 198.51.100.1 80", byPolicy},
	{"and not host endpoints", web + open + rule("{action: Deny, source: {namespaceSelector: all()}}"), "", "in TCP 10.0.0.1 80", byOpen},
	{"labels of a namespace reach its network sets by its profile", web + "NS x/s: {nets: [198.51.100.0/24]}\nProfile kns.x: {labelsToApply: {pcns.team: a}}\n" + rule("{action: Allow, source: {namespaceSelector: team == 'a'}}"), "", "in TCP 198.51.100.1 80", byPolicy},
	{"a policy without namespaceSelector chooses from every namespace", web + "NS x/s: {nets: [198.51.100.0/24], labels: {role: lb}}\n" + rule("{action: Allow, source: {selector: role == 'lb'}}"), "", "in TCP 198.51.100.1 80", byPolicy},

	// Conditions that are none at a host endpoint, or that it does not meet.
	{"HTTP conditions are not Felix's business", web + rule("{action: Allow, http: {methods: [GET]}}"), "", "in TCP 192.0.2.1 80", byPolicy},
	{"so that a rule with them is for every protocol if it tells none", web + rule("{action: Allow, http: {methods: [GET]}}"), "", "in UDP 192.0.2.1 53", byPolicy},
	{"service accounts are labels of workloads: nothing here has them", web + rule("{action: Deny, source: {serviceAccounts: {names: [x]}}}") + open, "", "in TCP 192.0.2.1 80", byOpen},
	{"and an Allow for them lets nobody in", web + rule("{action: Allow, source: {serviceAccounts: {selector: role == 'x'}}}"), "", "in TCP 192.0.2.1 80", `denied by the end of tier "default" (no rule of ingress of "p" decides)`},
	{"unless a host endpoint or a set has such a label", web + "GNS s: {nets: [192.0.2.0/24], labels: {projectcalico.org/serviceaccount: x, pcsa.team: blue}}\n" + rule("{action: Allow, source: {serviceAccounts: {names: [y, x], selector: team == 'blue'}}}"), "", "in TCP 192.0.2.1 80", byPolicy},
	{"names and selector both have to suit", web + "GNS s: {nets: [192.0.2.0/24], labels: {projectcalico.org/serviceaccount: x, pcsa.team: blue}}\n" + rule("{action: Deny, source: {serviceAccounts: {names: [y], selector: team == 'blue'}}}") + open, "", "in TCP 192.0.2.1 80", byOpen},
	{"so does a selector beside them", web + "GNS s: {nets: [192.0.2.0/24], labels: {projectcalico.org/serviceaccount: x}}\n" + rule("{action: Deny, source: {serviceAccounts: {names: [x]}, selector: role == 'lb'}}") + open, "", "in TCP 192.0.2.1 80", byOpen},
	{"in a namespaced policy they are those of its namespace", "HEP a: {node: h, interfaceName: eth0, labels: {projectcalico.org/namespace: ns}}\nNS ns/s: {nets: [192.0.2.0/24], labels: {projectcalico.org/serviceaccount: x}}\nNS m/s: {nets: [198.51.100.0/24], labels: {projectcalico.org/serviceaccount: x}}\nNP ns/p: {types: [Ingress], ingress: [{action: Allow, source: {serviceAccounts: {names: [x]}}}]}", "", "in TCP 198.51.100.1 80", `denied by the end of tier "default" (no rule of ingress of "p" of namespace "ns" decides)`},
	{"names that Calico cannot read are no condition", web + rule("{action: Allow, source: {serviceAccounts: {names: [\"x'\"]}}}"), "", "in TCP 192.0.2.1 80", byPolicy},

	// What cannot be decided.
	{"a service is not known here", web + "GNP p: {types: [Egress], egress: [{action: Allow, destination: {services: {name: s, namespace: x}}}]}", "", "out TCP 192.0.2.1 80", `cannot be decided: rule 1 of egress of policy "p" in tier "default" selects a Kubernetes service`},
	{"but not asked for where the rest does not match", web + "GNP p: {types: [Egress], egress: [{action: Allow, protocol: UDP, destination: {services: {name: s, namespace: x}}}]}", "", "out TCP 192.0.2.1 80", `denied by the end of tier "default" (no rule of egress of "p" decides)`},
	{"a Pass in doubt leaves none if the next tier decides the same", web + "Tier first: {order: 1}\nTier default: {order: 1000000}\n" + shut + "GNP first.p: {tier: first, types: [Egress], egress: [{action: Pass, destination: {services: {name: s, namespace: x}}}, {action: Deny}]}", "", "out TCP 192.0.2.1 80", `denied by rule 2 of egress of policy "first.p" in tier "first"`},
	{"and one if it decides otherwise", web + "Tier first: {order: 1}\nTier default: {order: 1000000}\n" + open + "GNP first.p: {tier: first, types: [Egress], egress: [{action: Pass, destination: {services: {name: s, namespace: x}}}, {action: Deny}]}", "", "out TCP 192.0.2.1 80", `cannot be decided: rule 1 of egress of policy "first.p" in tier "first" selects a Kubernetes service`},
	{"of several doubts the first is told", web + "GNP p: {types: [Egress], egress: [{action: Allow, destination: {services: {name: s, namespace: x}}}, {action: Allow, destination: {services: {name: t, namespace: x}}}]}", "", "out TCP 192.0.2.1 80", `cannot be decided: rule 1 of egress of policy "p" in tier "default" selects a Kubernetes service`},
	{"the flow's protocol has to be one", web, "", "in FOO 192.0.2.1", `cannot be decided: the flow's protocol "FOO" is not one of TCP, UDP, ICMP, ICMPv6, SCTP, UDPLite and 1 to 255`},
	{"and its peer an address", web, "", "in TCP nowhere 80", `cannot be decided: the flow does not tell its peer's address`},
	{"its addresses have to be of one family", web, "", "in TCP 192.0.2.1 80 local=fd00::1", `cannot be decided: the flow's addresses 192.0.2.1/32 and fd00::1 are not of one family`},
}

func TestDecide(t *testing.T) {
	testCases(t, verdictCases)
}

func testCases(t *testing.T, cases []verdictCase) {
	for _, test := range cases {
		t.Run(strings.ReplaceAll(test.reason, " ", "_"), func(t *testing.T) {
			release := test.release
			if release == "" {
				release = anyRelease
			}
			v := decide(t, test.world, release, "a", test.flow)
			if got := v.String(); got != test.want {
				t.Errorf("%s\n%s\n%s: %s, in %s\n got %s\nwant %s\ntrace:\n%s", test.reason, test.world, test.flow, release, v.Outcome, got, test.want, traceText(v))
			}
		})
	}
}

// In etcd a rule that names a service matches nothing: it allows nothing, and it
// denies nothing. Elsewhere only the services themselves could tell.
func TestServicesUnknownToFelix(t *testing.T) {
	const endpoint = "HEP a: {node: h, interfaceName: eth0, expectedIPs: [10.0.0.1]}\n"
	for action, want := range map[string]verdict.Outcome{"Allow": verdict.Denied, "Deny": verdict.Allowed, "Pass": verdict.Allowed} {
		world := endpoint + "GNP p: {order: 1, types: [Egress], egress: [{action: " + action + ", destination: {services: {name: s, namespace: x}}}]}\n"
		if want == verdict.Allowed {
			world += "GNP q: {order: 2, types: [Egress], egress: [{action: Allow}]}"
		}
		if v := decide(t, world, "v3.31", "a", "out TCP 192.0.2.1 80", verdict.WithoutServices); v.Outcome != want {
			t.Errorf("%s: %s, want %s", action, v.Outcome, want)
		}
		if v := decide(t, world, "v3.31", "a", "out TCP 192.0.2.1 80"); v.Outcome != verdict.Undecided {
			t.Errorf("%s: without the option %s, want undecided", action, v.Outcome)
		}
	}
}

func TestTrace(t *testing.T) {
	world := "HEP a: {node: h, interfaceName: eth0, profiles: [p]}\nProfile p: {ingress: [{action: Deny, protocol: UDP}]}\n" +
		"Tier first: {order: 1}\nTier default: {order: 1000000, defaultAction: Pass}\n" +
		"GNP first.p: {tier: first, types: [Ingress], ingress: [{action: Allow, protocol: TCP, source: {services: {name: s, namespace: x}}}, {action: Log}, {action: Pass}]}\n" +
		"GNP q: {types: [Ingress], ingress: [{action: Allow, protocol: UDP}]}"
	v := decide(t, world, "v3.31", "a", "in TCP 192.0.2.1 80")
	const want = `rule 1 of ingress of policy "first.p" in tier "first": in doubt
rule 3 of ingress of policy "first.p" in tier "first": pass
policy "q" in tier "default": no match
profile "p": no match
default: no policy and no profile allows it on ingress: deny
`
	if got := traceText(v); got != want {
		t.Errorf("trace:\n%s\nwant:\n%s", got, want)
	}
	if v.Outcome != verdict.Undecided {
		t.Errorf("outcome %s, want undecided: the service may be that of the peer", v.Outcome)
	}
}

// A flow that meets too many networks gets no verdict rather than a slow one.
func TestTooManyParts(t *testing.T) {
	var b strings.Builder
	b.WriteString(web + "GNS s: {labels: {x: y}, nets: [")
	addr := netip.MustParseAddr("192.0.0.0")
	for range 12_000 {
		addr = addr.Next().Next()
		b.WriteString(addr.String() + ", ")
	}
	b.WriteString("]}\n" + rule("{action: Allow, source: {selector: has(x)}}, {action: Allow}"))
	v := decide(t, b.String(), "v3.31", "a", "in TCP 0.0.0.0/0 80")
	if v.Outcome != verdict.Undecided || !strings.Contains(v.Reason, "too many") {
		t.Errorf("%s, want it undecided", v)
	}
}

func TestGoverning(t *testing.T) {
	w := verdict.New(parseWorld(t, `
HEP c-star: {node: h, interfaceName: '*'}
HEP d-star: {node: h, interfaceName: '*'}
HEP f-eth0: {node: h, interfaceName: eth0, expectedIPs: [10.0.0.1]}
HEP g-eth0: {node: h, interfaceName: eth0}
HEP e-byip: {node: h, expectedIPs: [10.0.0.1]}
HEP a-other: {node: m, interfaceName: eth0}
HEP b-eth1: {node: h, interfaceName: eth1, expectedIPs: [10.0.0.2]}
`), calico.Newest)
	address := netip.MustParseAddr
	tests := []struct {
		reason, node, iface string
		addrs               []netip.Addr
		want                string
	}{
		{"the first by name of those with the interface's name", "h", "eth0", nil, "f-eth0"},
		{"one by address that sorts before it wins, as a name has no precedence", "h", "eth0", []netip.Addr{address("10.0.0.1")}, "e-byip"},
		{"expected IPs of one with another interface name do not count", "h", "eth2", []netip.Addr{address("10.0.0.2")}, "c-star"},
		{"the first for all interfaces where there is no other", "h", "eth7", nil, "c-star"},
		{"those of other nodes do not count", "m", "eth0", nil, "a-other"},
		{"none", "m", "eth1", nil, ""},
		{"a node without any", "x", "eth0", nil, ""},
	}
	for _, test := range tests {
		ep, ok := w.Governing(test.node, test.iface, test.addrs...)
		if !ok && test.want != "" || ok && ep.Name != test.want {
			t.Errorf("%s: %v, want %q", test.reason, ep, test.want)
		}
	}
	for addr, want := range map[string]string{"10.0.0.1": "e-byip", "10.0.0.2": "b-eth1", "::ffff:10.0.0.2": "b-eth1", "10.0.0.3": "c-star"} {
		if ep, ok := w.GoverningAddress("h", address(addr)); !ok || ep.Name != want {
			t.Errorf("the endpoint for %s: %v, want %q", addr, ep, want)
		}
	}
	if eps := w.Endpoints(); len(eps) != 7 || eps[0].Name != "a-other" || eps[6].Name != "g-eth0" {
		t.Errorf("the endpoints are not all, or not by name: %v", eps)
	}
}

// What Dependencies leaves out makes no difference; what it names is read.
func TestDependencies(t *testing.T) {
	kinds := map[calico.Kind]bool{}
	for _, kind := range verdict.Dependencies() {
		kinds[kind] = true
	}
	for _, test := range verdictCases {
		var dependencies []calico.Object
		for _, obj := range parseWorld(t, test.world) {
			if kinds[calico.KindOf(obj)] {
				dependencies = append(dependencies, obj)
			}
		}
		release := test.release
		if release == "" {
			release = anyRelease
		}
		r, err := calico.ParseRelease(release)
		if err != nil {
			t.Fatal(err)
		}
		w := verdict.New(dependencies, r)
		ep, _ := w.Endpoint("a")
		if got := w.Decide(ep, parseFlow(t, test.flow)).String(); got != test.want {
			t.Errorf("%s: without the other kinds: %s, want %s", test.reason, got, test.want)
		}
	}
}
