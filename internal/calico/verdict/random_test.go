package verdict_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	"global()":         func(map[string]string) bool { return true },
}

var (
	endpointSelectors  = []string{"all()", "all()", "role == 'a'", "role != 'a'", "has(zone)", "!has(zone) || role in {'b', 'c'}", "role == 'nobody'"}
	notSelectors       = append(slices.Clone(endpointSelectors), "global()")
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
		e.NotSelector = pick(g, notSelectors)
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
