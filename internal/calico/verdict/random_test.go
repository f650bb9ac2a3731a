package verdict_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// The selectors of random worlds, and what they mean.
var randomSelectors = map[string]func(map[string]string) bool{
	"all()":       func(map[string]string) bool { return true },
	"":            func(map[string]string) bool { return true },
	"role == 'a'": func(l map[string]string) bool { return l["role"] == "a" },
	"role != 'a'": func(l map[string]string) bool { return l["role"] != "a" },
	"has(zone)":   func(l map[string]string) bool { _, ok := l["zone"]; return ok },
	"!has(zone) || role in {'b', 'c'}": func(l map[string]string) bool {
		_, ok := l["zone"]
		return !ok || l["role"] == "b" || l["role"] == "c"
	},
	"team == 'x'":      func(l map[string]string) bool { return l["team"] == "x" },
	"!(team == 'x')":   func(l map[string]string) bool { return l["team"] != "x" },
	"role == 'nobody'": func(l map[string]string) bool { return l["role"] == "nobody" },
}

var (
	endpointSelectors  = []string{"all()", "all()", "role == 'a'", "role != 'a'", "has(zone)", "!has(zone) || role in {'b', 'c'}", "role == 'nobody'"}
	namespaceSelectors = []string{"all()", "global()", "team == 'x'", "!(team == 'x')"}
	randomNets         = []string{
		"10.0.0.0/31", "10.0.0.2/31", "10.0.0.4/30", "10.0.0.3/32", "10.0.0.0/29", "10.0.0.0/8", "0.0.0.0/0",
		"fd00::/126", "fd00::4/127", "fd00::6/128", "::/0", "10.0.0.0/33",
	}
	randomPorts = []int{22, 53, 80, 81, 179, 443}
	// Addresses that stand for all: every one that a network here tells apart.
	everyV4, everyV6 []net.IP
)

func init() {
	for i := range 8 {
		everyV4 = append(everyV4, net.ParseIP(fmt.Sprintf("10.0.0.%d", i)))
		everyV6 = append(everyV6, net.ParseIP(fmt.Sprintf("fd00::%d", i)))
	}
	everyV4 = append(everyV4, net.ParseIP("10.0.0.8"), net.ParseIP("10.255.0.0"), net.ParseIP("0.0.0.0"), net.ParseIP("255.255.255.255"))
	everyV6 = append(everyV6, net.ParseIP("fd00::8"), net.ParseIP("::"), net.ParseIP("ff00::1"))
}

type generator struct {
	*rand.Rand
	// tame is set if the world is to have little that Felix cannot program, and
	// untracking if it is to have many doNotTrack policies.
	tame, untracking bool
}

func pick[T any](g generator, list []T) T { return list[g.IntN(len(list))] }

func (g generator) oneIn(n int) bool { return g.IntN(n) == 0 }

func (g generator) some(list []string, most int) []string {
	var out []string
	for range 1 + g.IntN(most) {
		out = append(out, pick(g, list))
	}
	return out
}

func (g generator) address() string {
	if g.oneIn(4) {
		return fmt.Sprintf("fd00::%d", g.IntN(8))
	}
	return fmt.Sprintf("10.0.0.%d", g.IntN(8))
}

func (g generator) labels() map[string]string {
	labels := map[string]string{}
	if !g.oneIn(4) {
		labels["role"] = pick(g, []string{"a", "a", "b", "c"})
	}
	if g.oneIn(2) {
		labels["zone"] = "z"
	}
	if g.oneIn(12) {
		labels["projectcalico.org/namespace"] = "ns"
	}
	if g.oneIn(16) {
		labels["projectcalico.org/serviceaccount"], labels["pcsa.team"] = "sa", "x"
	}
	return labels
}

func (g generator) order() *float64 {
	if g.oneIn(4) {
		return nil
	}
	order := float64(g.IntN(3))
	return &order
}

func (g generator) entity() v3.EntityRule {
	var e v3.EntityRule
	if g.oneIn(5) {
		e.Nets = g.some(randomNets, 3)
	}
	if g.oneIn(10) {
		e.NotNets = g.some(randomNets, 2)
		if g.tame {
			e.NotNets = slices.DeleteFunc(e.NotNets, func(text string) bool { return strings.HasSuffix(text, "/0") })
		}
	}
	if g.oneIn(6) {
		e.Selector = pick(g, endpointSelectors)
	}
	if g.oneIn(14) {
		e.NotSelector = pick(g, endpointSelectors)
	}
	if g.oneIn(16) {
		e.NamespaceSelector = pick(g, namespaceSelectors)
	}
	if g.oneIn(20) {
		e.ServiceAccounts = &v3.ServiceAccountMatch{Names: pick(g, [][]string{{"sa"}, {"sa", "other"}, nil})}
		if len(e.ServiceAccounts.Names) == 0 || g.oneIn(3) {
			e.ServiceAccounts.Selector = pick(g, []string{"team == 'x'", "!(team == 'x')"})
		}
	}
	return e
}

func (g generator) ports() []numorstring.Port {
	var ports []numorstring.Port
	for range 1 + g.IntN(3) {
		switch g.IntN(4) {
		case 0:
			ports = append(ports, numorstring.NamedPort(pick(g, []string{"http", "dns"})))
		case 1:
			port := pick(g, randomPorts)
			ports = append(ports, numorstring.Port{MinPort: uint16(port), MaxPort: uint16(port + g.IntN(30_000))})
		default:
			ports = append(ports, numorstring.SinglePort(uint16(pick(g, randomPorts))))
		}
	}
	return ports
}

func (g generator) rules() []v3.Rule {
	var rules []v3.Rule
	for range 1 + g.IntN(4) {
		r := v3.Rule{
			Action: pick(g, []v3.Action{v3.Allow, v3.Allow, v3.Deny, v3.Deny, v3.Pass, v3.Log}),
			Source: g.entity(), Destination: g.entity(),
		}
		switch g.IntN(5) {
		case 0, 1:
			protocol := pick(g, []numorstring.Protocol{
				numorstring.ProtocolFromString("TCP"), numorstring.ProtocolFromString("TCP"),
				numorstring.ProtocolFromString("UDP"), numorstring.ProtocolFromInt(6), numorstring.ProtocolFromString("SCTP"),
			})
			r.Protocol = &protocol
			if g.oneIn(2) {
				r.Destination.Ports = g.ports()
			}
			if g.oneIn(5) {
				r.Source.Ports = g.ports()
			}
			if g.oneIn(6) {
				r.Destination.NotPorts = g.ports()
			}
		case 2:
			protocol := numorstring.ProtocolFromString(pick(g, []string{"ICMP", "ICMPv6"}))
			r.Protocol = &protocol
			fields := &v3.ICMPFields{Type: ptr(pick(g, []int{0, 3, 8, 128, 129}))}
			if g.oneIn(2) && !g.tame {
				fields.Code = ptr(g.IntN(2))
			}
			if g.oneIn(2) {
				r.ICMP = fields
			} else {
				r.NotICMP = fields
			}
		case 3:
			if g.oneIn(6) {
				r.Destination.Ports = []numorstring.Port{numorstring.NamedPort("dns")}
			}
			if g.oneIn(4) {
				protocol := numorstring.ProtocolFromString("TCP")
				r.NotProtocol = &protocol
			}
		default:
		}
		if g.oneIn(10) {
			r.IPVersion = ptr(pick(g, []int{4, 6}))
		}
		if g.oneIn(300) {
			protocol := numorstring.ProtocolFromString("UDP")
			r.NotProtocol = &protocol
		}
		if g.oneIn(300) {
			r.NotICMP = &v3.ICMPFields{Type: ptr(8)}
		}
		if g.oneIn(20) {
			r.HTTP = &v3.HTTPMatch{Methods: []string{"GET"}}
		}
		if g.oneIn(40) {
			r.Destination.Services = &v3.ServiceMatch{Name: "s", Namespace: "ns"}
		}
		rules = append(rules, r)
	}
	return rules
}

func ptr[T any](v T) *T { return &v }

func (g generator) types() []v3.PolicyType {
	return pick(g, [][]v3.PolicyType{
		{v3.PolicyTypeIngress}, {v3.PolicyTypeIngress, v3.PolicyTypeEgress}, {v3.PolicyTypeEgress}, {v3.PolicyTypeIngress},
	})
}

func (g generator) failsafes() *[]v3.ProtoPort {
	list := []v3.ProtoPort{}
	for range g.IntN(3) {
		p := v3.ProtoPort{Protocol: pick(g, []string{"tcp", "TCP", "udp"}), Port: uint16(pick(g, randomPorts))}
		if g.oneIn(2) {
			p.Net = pick(g, randomNets[:11])
		}
		list = append(list, p)
	}
	return &list
}

func meta(name string, labels map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Labels: labels}
}

// world returns objects; the endpoint in question is called ep0.
func (g generator) world(release calico.Release) []calico.Object {
	var objects []calico.Object
	endpoints := 1 + g.IntN(3)
	if g.untracking {
		endpoints = 2 + g.IntN(3)
	}
	for i := range endpoints {
		ep := v3.NewHostEndpoint()
		ep.ObjectMeta = meta(fmt.Sprintf("ep%d", i), g.labels())
		ep.Spec.Node = pick(g, []string{"node0", "node1"})
		ep.Spec.InterfaceName = pick(g, []string{"eth0", "eth0", "*"})
		if g.untracking && g.oneIn(2) {
			ep.Spec.Node, ep.Spec.InterfaceName = "node0", "eth0"
		}
		for range g.IntN(3) {
			ep.Spec.ExpectedIPs = append(ep.Spec.ExpectedIPs, g.address())
		}
		if g.oneIn(2) {
			ep.Spec.Profiles = g.some([]string{"p0", "p1", "gone", "projectcalico-default-allow"}, 2)
			ep.Spec.Profiles = slices.Compact(ep.Spec.Profiles)
		}
		if g.oneIn(2) {
			ep.Spec.Ports = []v3.EndpointPort{
				{Name: "http", Protocol: numorstring.ProtocolFromString("TCP"), Port: uint16(pick(g, randomPorts))},
				{Name: "dns", Protocol: numorstring.ProtocolFromString("UDP"), Port: 53},
			}
		}
		objects = append(objects, ep)
	}
	for i := range 2 {
		p := v3.NewProfile()
		p.ObjectMeta = meta(fmt.Sprintf("p%d", i), nil)
		p.Spec = v3.ProfileSpec{Ingress: g.rules(), Egress: g.rules(), LabelsToApply: g.labels()}
		objects = append(objects, p)
	}
	if g.oneIn(2) {
		p := v3.NewProfile()
		p.ObjectMeta = meta("kns.ns", nil)
		p.Spec.LabelsToApply = map[string]string{"pcns.team": pick(g, []string{"x", "y"})}
		objects = append(objects, p)
	}
	for i := range g.IntN(3) {
		s := v3.NewGlobalNetworkSet()
		s.ObjectMeta = meta(fmt.Sprintf("s%d", i), g.labels())
		s.Spec.Nets = g.some(randomNets[:11], 2)
		objects = append(objects, s)
	}
	if g.oneIn(2) {
		s := v3.NewNetworkSet()
		s.ObjectMeta = meta("s", map[string]string{"role": "a"})
		s.Namespace = "ns"
		s.Spec.Nets = g.some(randomNets[:11], 2)
		objects = append(objects, s)
	}
	tiers := []string{"default"}
	if release.AtLeast(3, 29, 0) {
		tiers = []string{"default", "t0", "t1", "gone"}
		for _, name := range tiers[:3] {
			if g.oneIn(4) {
				continue
			}
			t := v3.NewTier()
			t.ObjectMeta = meta(name, nil)
			t.Spec.Order = g.order()
			if g.oneIn(2) {
				t.Spec.DefaultAction = ptr(pick(g, []v3.Action{v3.Pass, v3.Deny}))
			}
			objects = append(objects, t)
		}
	}
	objects = append(objects, g.policies(tiers)...)
	for _, name := range []string{"default", "node.node0"} {
		if g.oneIn(2) {
			continue
		}
		objects = append(objects, g.felix(name))
	}
	for _, name := range []string{"some", "few", "others"} {
		if !g.oneIn(6) {
			continue
		}
		fc := g.felix(name)
		fc.Spec.NodeSelector = ptr(pick(g, slices.Sorted(maps.Keys(nodeSelectors))))
		if !g.oneIn(4) {
			fc.CreationTimestamp = metav1.Unix(1700000000+int64(g.IntN(2)), 0)
		}
		objects = append(objects, fc)
	}
	for _, name := range []string{"node0", "node1"} {
		if g.oneIn(2) {
			continue
		}
		node := &calico.Node{ObjectMeta: meta(name, nil)}
		if g.oneIn(2) {
			node.Labels = map[string]string{"rack": "r"}
		}
		objects = append(objects, node)
	}
	g.Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
	return objects
}

// nodeSelectors are selectors of nodes and what they mean; nil for one that cannot be
// read.
var nodeSelectors = map[string]func(map[string]string) bool{
	"rack == 'r'": func(l map[string]string) bool { return l["rack"] == "r" },
	"rack != 'r'": func(l map[string]string) bool { return l["rack"] != "r" },
	"has(rack)":   func(l map[string]string) bool { _, ok := l["rack"]; return ok },
	"all()":       func(map[string]string) bool { return true },
	"rack = 'r'":  nil,
}

func (g generator) felix(name string) *calico.FelixConfiguration {
	fc := calico.NewFelixConfiguration()
	fc.ObjectMeta = meta(name, nil)
	fc.Annotations = map[string]string{}
	if g.oneIn(2) {
		fc.Spec.FailsafeInboundHostPorts = g.failsafes()
	}
	if g.oneIn(2) {
		fc.Spec.FailsafeOutboundHostPorts = g.failsafes()
	}
	if g.oneIn(3) {
		fc.Spec.NFTablesMode = ptr(pick(g, []v3.NFTablesMode{v3.NFTablesModeEnabled, v3.NFTablesModeDisabled, v3.NFTablesModeDisabled, v3.NFTablesModeAuto}))
	}
	if g.oneIn(6) || g.untracking && g.oneIn(3) {
		fc.Spec.DisableConntrackInvalidCheck = ptr(g.oneIn(2))
	}
	if g.oneIn(30) {
		fc.Spec.IPv6Support = ptr(g.oneIn(2))
	}
	if g.oneIn(30) {
		fc.Spec.InterfacePrefix = pick(g, []string{"cali", "cali,eth", "eth0"})
	}
	if g.oneIn(30) {
		fc.Spec.InterfaceExclude = pick(g, []string{"kube-ipvs0", "lo,eth0", "/^eth/"})
	}
	for range g.IntN(2) {
		// The value of these does not matter, or is one of the parameter's.
		name, value := "FailsafeInboundHostPorts", "tcp:22"
		switch g.IntN(8) {
		case 0:
			name, value = "NFTablesMode", pick(g, []string{"Enabled", "Disabled", ""})
		case 1:
			name, value = "nftablesmode", pick(g, []string{"Enabled", "Disabled", ""})
		case 2:
			name = "FailsafeOutboundHostPorts"
		case 3:
		default:
			continue
		}
		fc.Annotations["config.projectcalico.org/"+name] = value
	}
	return fc
}

func (g generator) policies(tiers []string) []calico.Object {
	var objects []calico.Object
	for i := range g.IntN(6) {
		tier := pick(g, tiers)
		name := fmt.Sprintf("q%d", i)
		if tier != "default" {
			name = tier + "." + name
		}
		if g.oneIn(8) {
			p := v3.NewNetworkPolicy()
			p.ObjectMeta = meta(name, nil)
			p.Namespace = "ns"
			p.Spec = v3.NetworkPolicySpec{
				Tier: tier, Order: g.order(), Selector: pick(g, endpointSelectors), Types: g.types(), Ingress: g.rules(), Egress: g.rules(),
			}
			objects = append(objects, p)
			continue
		}
		p := v3.NewGlobalNetworkPolicy()
		p.ObjectMeta = meta(name, nil)
		p.Spec = v3.GlobalNetworkPolicySpec{
			Tier: tier, Order: g.order(), Selector: pick(g, endpointSelectors), Types: g.types(), Ingress: g.rules(), Egress: g.rules(),
			ApplyOnForward: g.oneIn(2),
		}
		kind := g.IntN(10)
		if g.untracking && g.oneIn(3) {
			kind = 0
		}
		switch kind {
		case 0:
			p.Spec.DoNotTrack, p.Spec.ApplyOnForward = true, true
			if g.untracking {
				// With few conditions, so that they match.
				p.Spec.Selector = "all()"
				for _, rules := range [][]v3.Rule{p.Spec.Ingress, p.Spec.Egress} {
					for i := range rules {
						if !g.oneIn(3) {
							rules[i] = v3.Rule{Action: rules[i].Action}
						}
					}
				}
			}
		case 1:
			p.Spec.PreDNAT, p.Spec.ApplyOnForward = true, true
			p.Spec.Types, p.Spec.Egress = []v3.PolicyType{v3.PolicyTypeIngress}, nil
		case 2:
			p.Spec.NamespaceSelector = pick(g, []string{"all()", "team == 'x'", "!(team == 'x')"})
		default:
		}
		objects = append(objects, p)
	}
	return objects
}

func (g generator) flow() verdict.Flow {
	f := verdict.Flow{Direction: verdict.Direction(g.IntN(2)), Forwarded: g.oneIn(4)}
	f.Protocol = numorstring.ProtocolFromString(pick(g, []string{"TCP", "TCP", "tcp", "UDP", "ICMP", "SCTP", "UDPLite"}))
	v6 := g.oneIn(4)
	f.Peer = netip.MustParsePrefix(pick(g, []string{
		fmt.Sprintf("10.0.0.%d/32", g.IntN(8)), fmt.Sprintf("10.0.0.%d/32", g.IntN(8)), "10.0.0.0/30", "0.0.0.0/0", "192.0.2.7/32",
	}))
	if v6 {
		f.Peer = netip.MustParsePrefix(pick(g, []string{fmt.Sprintf("fd00::%d/128", g.IntN(8)), "fd00::4/126", "::/0"}))
		if f.Protocol.StrVal == "ICMP" {
			f.Protocol.StrVal = "ICMPv6"
		}
	}
	if g.oneIn(4) {
		f.Local = netip.MustParseAddr("10.0.0.1")
		if v6 {
			f.Local = netip.MustParseAddr("fd00::1")
		}
	}
	if !g.oneIn(6) {
		f.Port = uint16(pick(g, randomPorts))
	}
	if g.oneIn(2) {
		f.SourcePort = uint16(pick(g, randomPorts))
	}
	if g.oneIn(2) {
		f.ICMPType = ptr(pick(g, []uint8{0, 3, 8, 8, 13}))
		if v6 && g.oneIn(2) {
			f.ICMPType = ptr(uint8(128))
		}
		f.ICMPCode = ptr(uint8(g.IntN(2)))
	}
	return f
}

// packets are those that stand for all packets of a flow.
func packets(objects []calico.Object, ep *v3.HostEndpoint, f verdict.Flow) []packet {
	base := packet{in: f.Direction == verdict.Ingress, forwarded: f.Forwarded, v6: f.Peer.Addr().Is6()}
	base.protocol = map[string]int{"TCP": 6, "UDP": 17, "ICMP": 1, "ICMPV6": 58, "SCTP": 132, "UDPLITE": 136}[strings.ToUpper(f.Protocol.StrVal)]
	universe := everyV4
	if base.v6 {
		universe = everyV6
	}
	base.everyAddressIs = universe
	var peers []net.IP
	if f.Peer.IsSingleIP() {
		peers = []net.IP{net.IP(f.Peer.Addr().AsSlice())}
	} else {
		for _, addr := range universe {
			a, _ := netip.AddrFromSlice(addr)
			if f.Peer.Contains(a.Unmap()) {
				peers = append(peers, addr)
			}
		}
	}
	locals := []net.IP{nil}
	if f.Local.IsValid() {
		locals = []net.IP{net.ParseIP(f.Local.String())}
	} else if !f.Forwarded {
		for _, text := range ep.Spec.ExpectedIPs {
			if isV6(text) == base.v6 {
				locals = append(locals, net.ParseIP(text))
			}
		}
		if len(locals) > 1 {
			locals = locals[1:]
		}
	}
	dports, sports, types, codes := []int{0}, []int{0}, []int{0}, []int{0}
	if withPorts(base.protocol) {
		dports, sports = portsOf(objects, int(f.Port), 1), portsOf(objects, int(f.SourcePort), 32768)
	} else {
		types, codes = []int{0, 3, 8, 13, 77, 128, 129, 139}, []int{0, 1, 77}
		if f.ICMPType != nil {
			types, codes = []int{int(*f.ICMPType)}, []int{int(*f.ICMPCode)}
		}
	}
	var out []packet
	for _, peer := range peers {
		for _, local := range locals {
			for _, dport := range dports {
				for _, sport := range sports {
					for _, icmpType := range types {
						for _, icmpCode := range codes {
							p := base
							p.peer, p.local, p.dport, p.sport, p.icmpType, p.icmpCode = peer, local, dport, sport, icmpType, icmpCode
							out = append(out, p)
						}
					}
				}
			}
		}
	}
	return out
}

// portsOf returns one port, or those on both sides of every limit that a world
// sets, from the first that counts on.
func portsOf(objects []calico.Object, port, first int) []int {
	if port != 0 {
		return []int{port}
	}
	limits := []int{first}
	rules := func(lists ...[]v3.Rule) {
		for _, list := range lists {
			for _, r := range list {
				for _, p := range slices.Concat(r.Source.Ports, r.Source.NotPorts, r.Destination.Ports, r.Destination.NotPorts) {
					limits = append(limits, int(p.MinPort), int(p.MaxPort)+1)
				}
			}
		}
	}
	for _, o := range objects {
		switch o := o.(type) {
		case *v3.GlobalNetworkPolicy:
			rules(o.Spec.Ingress, o.Spec.Egress)
		case *v3.NetworkPolicy:
			rules(o.Spec.Ingress, o.Spec.Egress)
		case *v3.Profile:
			rules(o.Spec.Ingress, o.Spec.Egress)
		}
	}
	if first == 1 {
		// Named ports and failsafe ports are among these.
		for _, p := range append([]int{67, 68, 2379, 2380, 5473, 6443, 6666, 6667}, randomPorts...) {
			limits = append(limits, p, p+1)
		}
	}
	slices.Sort(limits)
	limits = slices.Compact(limits)
	return slices.DeleteFunc(limits, func(p int) bool { return p < first || p > 65535 })
}

// causeKey spells a cause as the second implementation does.
func causeKey(c verdict.Cause) string {
	switch c.Kind {
	case verdict.CauseFailsafe:
		return "failsafe"
	case verdict.CausePolicyRule:
		return fmt.Sprintf("%s/%s/%d", c.Policy.Name, c.Tier, c.Rule)
	case verdict.CauseTierEnd:
		return "end of " + c.Tier
	case verdict.CauseProfileRule:
		return fmt.Sprintf("%s/%d", c.Profile, c.Rule)
	case verdict.CauseMissingProfile:
		return "missing " + c.Profile
	case verdict.CauseNoMatch:
		return "nothing"
	case verdict.CauseForwardedDefault:
		return "forwarded"
	case verdict.CauseOneWay:
		return fmt.Sprintf("one way %s/%s/%d", c.Policy.Name, c.Tier, c.Rule)
	case verdict.CauseWorkloadInterface:
		return "workload"
	case verdict.CauseExcludedInterface:
		return "excluded"
	case verdict.CauseNone:
	}
	return "none"
}

// TestAgreesWithNaive compares verdicts with those of the second implementation.
func TestAgreesWithNaive(t *testing.T) {
	worlds := 40_000
	if raceEnabled || testing.Short() {
		worlds = 3_000
	}
	var releases []calico.Release
	for _, text := range []string{"v3.28.5", "v3.29.2", "v3.31.0", "v3.32.1"} {
		r, err := calico.ParseRelease(text)
		if err != nil {
			t.Fatal(err)
		}
		releases = append(releases, r)
	}
	counts := map[string]int{}
	total := 0
	for seed := range worlds {
		g := generator{rand.New(rand.NewPCG(uint64(seed), 5)), seed%8 > 0, seed%3 == 0}
		release := pick(g, releases)
		objects := g.world(release)
		naive := &naiveWorld{objects: objects, release: release, selectors: randomSelectors}
		ep := naive.endpoint("ep0")
		w := verdict.New(objects, release)
		judged, ok := w.Endpoint("ep0")
		if !ok {
			t.Fatal("no endpoint ep0")
		}
		f := g.flow()
		all := packets(objects, ep, f)
		for len(all) > 60 {
			// Too many to take one by one.
			f = g.flow()
			all = packets(objects, ep, f)
		}
		total++
		outcomes := map[string][]string{}
		for i := range all {
			fate, about := naive.decide(ep, &all[i])
			outcomes[fate.outcome] = append(append(outcomes[fate.outcome], fate.cause), about...)
		}
		want := "allowed"
		for _, outcome := range []string{"undecided", "denied"} {
			if len(outcomes[outcome]) > 0 {
				want = outcome
			}
		}
		v := w.Decide(judged, f)
		counts[want]++
		counts["cause "+fmt.Sprint(v.By.Kind)]++
		if v.By.Reply {
			counts["reply"]++
		}
		if strings.Contains(v.Reason, "is stuck") {
			counts["stuck"]++
			outcomes[want] = append(outcomes[want], causeKey(v.By))
		}
		if v.Partial {
			counts["partial"]++
		}
		if v.Outcome.String() != want || v.Partial != (len(outcomes) > 1) || !slices.Contains(outcomes[want], causeKey(v.By)) {
			t.Fatalf("seed %d, %s, flow %+v\n got %s (%s)\nwant %s, partial %v, by one of %q\ntrace:\n%s%s",
				seed, release, f, v, causeKey(v.By), want, len(outcomes) > 1, slices.Compact(slices.Sorted(slices.Values(outcomes[want]))), traceText(v), dump(objects))
		}
	}
	t.Logf("%d flows: %v", total, counts)
	for _, what := range []string{
		"allowed", "denied", "undecided", "partial", "cause 1", "cause 2", "cause 3", "cause 4", "cause 5", "cause 6", "cause 7", "cause 8", "reply",
		"stuck",
	} {
		if counts[what]*200 < total {
			t.Errorf("%d of %d flows are %s: the random worlds do not cover it", counts[what], total, what)
		}
	}
}

func dump(objects []calico.Object) string {
	var b strings.Builder
	for _, o := range objects {
		text, err := calico.Manifest(o)
		if err != nil {
			data, _ := json.Marshal(o)
			text = string(data)
		}
		b.WriteString("---\n" + text)
	}
	return b.String()
}
