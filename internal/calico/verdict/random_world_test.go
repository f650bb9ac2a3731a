package verdict_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

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
			p.Spec.NamespaceSelector = pick(g, namespaceSelectors)
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
