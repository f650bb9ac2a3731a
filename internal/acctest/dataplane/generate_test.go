//go:build dataplane && linux

package dataplane

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/validate"
)

// generator makes scenarios: objects that meet each other often, in a small
// network, rather than anything that could be written.
type generator struct {
	*rand.Rand
	*network
	release calico.Release
	// nftables is set for a Felix in nftables mode.
	nftables bool
	// untracking is set if there may be policies with doNotTrack.
	untracking bool
}

func pick[T any](g generator, list ...T) T { return list[g.IntN(len(list))] }

func (g generator) oneIn(n int) bool { return g.IntN(n) == 0 }

func some[T comparable](g generator, most int, list ...T) []T {
	var out []T
	for range 1 + g.IntN(most) {
		if one := pick(g, list...); !slices.Contains(out, one) {
			out = append(out, one)
		}
	}
	return out
}

func ptr[T any](v T) *T { return &v }

var (
	// What rules match, by IP version.
	ruleNets = map[int][]string{
		4: {"10.1.0.0/24", "10.1.0.10/32", "10.2.0.0/16", "10.2.0.10/31", "10.0.0.0/8", "10.0.0.5/32", "10.0.0.0/29", "172.31.0.0/24", "0.0.0.0/0", "10.3.0.10/32"},
		6: {"fd00::1:0/112", "fd00::1:10/128", "fd00::2:0/112", "fd00::/64", "fd00::5/128", "fd01::/64", "::/0", "fd00::3:10/128"},
	}
	setNets = []string{
		"10.1.0.0/24", "10.2.0.10", "10.2.0.0/16", "10.0.0.6", "10.0.0.0/8", "172.31.0.2", "0.0.0.0/0", "10.3.0.0/24",
		"fd00::1:0/112", "fd00::2:10", "fd00::/64", "fd01::2",
	}
	// What selects the endpoint itself, mostly.
	endpointSelectors = []string{"all()", "all()", "role == 'db'", "role != 'web'", "has(zone)", "zone in {'a', 'b'} || role == 'db'", "!has(nothing)", "role == 'web'", "team == 'blue'"}
	// What selects peers, sets and the endpoint.
	peerSelectors = []string{"all()", "all()", "role == 'db'", "role == 'web'", "has(role)", "kind == 'set'", "kind == 'set' && zone == 'a'", "zone == 'a'", "!has(zone)", "role in {'web', 'ops'}", "team == 'blue'", "role == 'nobody'"}
)

func (g generator) labels() map[string]string {
	labels := map[string]string{}
	if !g.oneIn(5) {
		labels["role"] = pick(g, "db", "db", "web", "ops")
	}
	if g.oneIn(2) {
		labels["zone"] = pick(g, "a", "b")
	}
	return labels
}

// scenario is a state of the datastore, and the connections to try in it.
type scenario struct {
	objects []calico.Object
	flows   []flow
}

func (g generator) scenario() scenario {
	var s scenario
	add := func(draw func() calico.Object) {
		// What is drawn fits together mostly, and Calico tells where it does not.
		for {
			obj := draw()
			calico.Default(obj, g.release)
			if len(validate.Validate(obj, g.release)) == 0 {
				s.objects = append(s.objects, obj)
				return
			}
		}
	}
	g.untracking = g.oneIn(3)
	for _, endpoint := range g.endpoints() {
		add(endpoint)
	}
	for i := range 2 {
		add(func() calico.Object { return g.profile(fmt.Sprintf("p%d", i)) })
	}
	for i := range g.IntN(4) {
		add(func() calico.Object {
			set := v3.NewGlobalNetworkSet()
			set.ObjectMeta = metav1.ObjectMeta{Name: fmt.Sprintf("s%d", i), Labels: g.labels()}
			set.Labels["kind"] = "set"
			set.Spec.Nets = some(g, 3, setNets...)
			return set
		})
	}
	if g.oneIn(3) {
		add(func() calico.Object {
			set := v3.NewNetworkSet()
			set.ObjectMeta = metav1.ObjectMeta{Name: "s", Namespace: "ns", Labels: g.labels()}
			set.Spec.Nets = some(g, 3, setNets...)
			return set
		})
	}
	tiers := []string{"default"}
	for i, name := range []string{"audit", "security"} {
		if g.oneIn(2) {
			continue
		}
		tiers = append(tiers, name)
		add(func() calico.Object {
			tier := v3.NewTier()
			tier.ObjectMeta = metav1.ObjectMeta{Name: name}
			// Before the default tier or after it, and sometimes as another.
			tier.Spec.Order = pick(g, nil, ptr(10.0), ptr(float64(10+i)), ptr(2000000.0))
			tier.Spec.DefaultAction = pick(g, nil, ptr(v3.Pass), ptr(v3.Pass), ptr(v3.Deny))
			return tier
		})
	}
	for i := range g.IntN(6) {
		add(func() calico.Object { return g.policy(fmt.Sprintf("q%d", i), pick(g, tiers...)) })
	}
	if g.untracking {
		for i := range 1 + g.IntN(2) {
			add(func() calico.Object { return g.untrackedPolicy(fmt.Sprintf("u%d", i), pick(g, tiers...)) })
		}
	}
	for i := range 2 {
		if g.oneIn(4) {
			add(func() calico.Object { return g.namespacedPolicy(fmt.Sprintf("n%d", i), pick(g, tiers...)) })
		}
	}
	for _, name := range []string{"default", "node." + node} {
		nftables := g.nftables && name == "default"
		if !g.oneIn(4) && !nftables {
			continue
		}
		add(func() calico.Object {
			c := calico.NewFelixConfiguration()
			c.ObjectMeta = metav1.ObjectMeta{Name: name}
			if !nftables || g.oneIn(3) {
				c.Spec.FailsafeInboundHostPorts = g.failsafes()
				c.Spec.FailsafeOutboundHostPorts = g.failsafes()
			}
			if nftables {
				c.Spec.NFTablesMode = ptr(v3.NFTablesModeEnabled)
			}
			if g.untracking && g.oneIn(4) {
				c.Spec.DisableConntrackInvalidCheck = ptr(true)
			}
			return c
		})
	}
	s.flows = g.flows(60)
	return s
}

// endpoints returns makers of the host's endpoints and of those of others.
func (g generator) endpoints() []func() calico.Object {
	endpoint := func(name, node, iface string, addrs []netip.Addr) func() calico.Object {
		return func() calico.Object {
			ep := v3.NewHostEndpoint()
			ep.ObjectMeta = metav1.ObjectMeta{Name: name, Labels: g.labels()}
			ep.Spec.Node, ep.Spec.InterfaceName = node, iface
			for _, addr := range addrs {
				ep.Spec.ExpectedIPs = append(ep.Spec.ExpectedIPs, addr.String())
			}
			if g.oneIn(2) {
				ep.Spec.Profiles = some(g, 2, "p0", "p1", "p0", "p1", "projectcalico-default-allow", "gone")
			}
			if !g.oneIn(4) {
				ep.Spec.Ports = []v3.EndpointPort{
					{Name: "http", Protocol: numorstring.ProtocolFromString("TCP"), Port: pick(g, probePorts...)},
					{Name: "dns", Protocol: numorstring.ProtocolFromString(pick(g, "TCP", "UDP", "SCTP")), Port: pick(g, probePorts...)},
					{Name: "dns", Protocol: numorstring.ProtocolFromString(pick(g, "UDP", "SCTP")), Port: pick(g, probePorts...)},
				}
			}
			if g.oneIn(5) {
				ep.Labels["projectcalico.org/namespace"] = "ns"
			}
			if g.oneIn(6) {
				ep.Labels["projectcalico.org/serviceaccount"] = "account"
			}
			return ep
		}
	}
	// Some endpoints expect addresses that are none of theirs.
	wrong := slices.Concat(addresses("10.9.9.9"), g.other.addrs[1:2])
	var all []func() calico.Object
	if g.oneIn(3) {
		all = append(all, endpoint("db1-all", node, "*", pick(g, nil, g.host.addrs[:1], wrong)))
		if g.oneIn(3) {
			all = append(all, endpoint(pick(g, "a-all", "z-all"), node, "*", g.host.addrs[:g.IntN(2)]))
		}
	}
	switch {
	case len(all) > 0 && !g.oneIn(3):
	case g.oneIn(5):
		all = append(all, endpoint("db1-by-address", node, "", pick(g, g.host.addrs[:1], g.host.addrs[1:2], g.host.addrs[3:], addresses("10.9.9.9", "fd00::6"), wrong)))
	default:
		all = append(all, endpoint("db1-eth0", node, outerInterface, pick(g, nil, g.host.addrs[:1], g.host.addrs[:3], g.host.addrs, wrong)))
	}
	if g.oneIn(4) {
		// The first by name is the one that counts.
		all = append(all, endpoint(pick(g, "a-eth0", "z-eth0"), node, outerInterface, nil))
	}
	if g.oneIn(4) || g.untracking && g.oneIn(2) {
		all = append(all, endpoint("db1-eth1", node, innerInterface, nil))
	}
	if g.oneIn(10) && !g.untracking {
		all = append(all, endpoint("db1-lo", node, loopback, nil))
	}
	all = append(all,
		endpoint("ops1-eth0", "ops1", outerInterface, pick(g, nil, g.management.addrs[:1], g.management.addrs)),
		endpoint("web1-eth0", "web1", outerInterface, g.other.addrs[:1+g.IntN(len(g.other.addrs))]))
	return all
}

func (g generator) profile(name string) calico.Object {
	p := v3.NewProfile()
	p.ObjectMeta = metav1.ObjectMeta{Name: name}
	p.Spec = v3.ProfileSpec{Ingress: g.rules(0), Egress: g.rules(0)}
	if g.oneIn(2) {
		// The second is how a namespace's label reaches what is in it.
		p.Spec.LabelsToApply = map[string]string{"team": pick(g, "blue", "red"), "pcns.team": pick(g, "blue", "red")}
	}
	return p
}

func (g generator) policyName(name, tier string) string {
	if tier == "default" {
		return name
	}
	return tier + "." + name
}

func (g generator) types() []v3.PolicyType {
	return pick(g, []v3.PolicyType{v3.PolicyTypeIngress}, []v3.PolicyType{v3.PolicyTypeEgress}, []v3.PolicyType{v3.PolicyTypeIngress, v3.PolicyTypeEgress})
}

// order returns one of a few, so that many tie.
func (g generator) order() *float64 {
	return pick(g, nil, nil, ptr(1.0), ptr(1.0), ptr(1.0), ptr(2.0), ptr(-3.5))
}

func (g generator) policy(name, tier string) calico.Object {
	p := v3.NewGlobalNetworkPolicy()
	p.ObjectMeta = metav1.ObjectMeta{Name: g.policyName(name, tier)}
	p.Spec = v3.GlobalNetworkPolicySpec{
		Tier: tier, Order: g.order(), Selector: pick(g, endpointSelectors...), Types: g.types(), ApplyOnForward: g.oneIn(3),
	}
	switch g.IntN(12) {
	case 1:
		p.Spec.NamespaceSelector = pick(g, "all()", "global()", "team == 'blue'", "!(team == 'red')")
	case 2:
		p.Spec.PreDNAT, p.Spec.ApplyOnForward = true, true
		p.Spec.Types = []v3.PolicyType{v3.PolicyTypeIngress}
	default:
	}
	if slices.Contains(p.Spec.Types, v3.PolicyTypeIngress) {
		p.Spec.Ingress = g.rules(1)
	}
	if slices.Contains(p.Spec.Types, v3.PolicyTypeEgress) {
		p.Spec.Egress = g.rules(1)
	}
	return p
}

// flows returns connections in all directions, in and out, and through the host.
func (g generator) flows(count int) []flow {
	var flows []flow
	outside := []*namespace{g.management, g.other, g.other}
	pairs := map[string]bool{}
	for len(flows) < count {
		f := flow{from: pick(g, outside...), to: g.host}
		switch g.IntN(20) {
		case 0, 1, 2, 3, 4, 5, 6, 7:
		case 8, 9, 10, 11, 12, 13, 14:
			f.from, f.to = f.to, f.from
		case 15, 16:
			f.to = g.inside
		case 17:
			f.from, f.to = g.inside, f.from
		case 18:
			f.from = pick(g, g.inside, g.host)
		default:
			f.from, f.to = g.host, pick(g, g.inside, g.host)
		}
		v6 := g.oneIn(4)
		ofVersion := func(n *namespace, other *namespace) netip.Addr {
			addrs := n.addrs
			if n == g.host && (other == g.inside || g.oneIn(5)) {
				// The host has addresses at its other interfaces, which do as well.
				addrs = innerAddresses
			}
			return pick(g, slices.DeleteFunc(slices.Clone(addrs), func(a netip.Addr) bool { return a.Is6() != v6 })...)
		}
		f.src, f.dst = ofVersion(f.from, f.to), ofVersion(f.to, f.from)
		switch g.IntN(16) {
		case 0, 1:
			f.protocol, f.icmpType, f.icmpCode = icmp, pick[uint8](g, 8, 8, 13), uint8(g.IntN(2))
			if f.icmpType == 13 {
				// Linux answers another code with this one, as if to somebody else.
				f.icmpCode = 0
			}
			if v6 {
				f.protocol, f.icmpType = icmpv6, 128
			}
		case 2:
			f.protocol = experimental
			// To connection tracking the way back belongs to the same connection.
			ends := []string{f.src.String(), f.dst.String()}
			slices.Sort(ends)
			pair := strings.Join(ends, " ")
			if pairs[pair] {
				continue
			}
			pairs[pair] = true
		case 3, 4, 5:
			f.protocol = udp
		case 6, 7:
			f.protocol = sctp
		case 8:
			f.protocol = udplite
			if f.from == f.to {
				// Connection tracking knows it then from its way out.
				f.protocol = udp
			}
		default:
			f.protocol = tcp
		}
		if hasPorts(f.protocol) {
			f.port, f.srcPort = pick(g, probePorts...), pick[uint16](g, lowPorts, highPorts)
			f.renew()
		}
		flows = append(flows, f)
	}
	return flows
}
