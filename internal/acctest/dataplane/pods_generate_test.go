//go:build dataplane && linux

package dataplane

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/validate"
)

// podGenerator makes states of an API server in which policies and pods meet often.
type podGenerator struct {
	generator
	b *podBench
}

// podScenario is a state of the API server, and the connections to try in it.
type podScenario struct {
	state []resource
	flows []flow
}

func (b *podBench) generator(seed, number uint64, release calico.Release, nftables bool) podGenerator {
	return podGenerator{generator: generator{Rand: rand.New(rand.NewPCG(seed, number)), network: b.network, release: release, nftables: nftables}, b: b}
}

// What labels, selectors and rules are made of.
var (
	podNamespaces    = []string{"shop", "ops", "lab"}
	podSelectors     = []string{"all()", "role == 'web'", "role == 'db'", "role != 'web'", "has(zone)", "!has(role)", "zone in {'a', 'b'}", "role == 'web' || zone == 'a'", "has(host)"}
	workloadsOnly    = []string{"projectcalico.org/orchestrator == 'k8s'", "projectcalico.org/namespace == 'shop'", "pcns.team == 'blue'", "projectcalico.org/serviceaccount == 'front'"}
	namespaceChoices = []string{"all()", "team == 'blue'", "!has(team)", "team != 'red'", "projectcalico.org/name == 'lab'", "projectcalico.org/name in {'shop', 'ops'}"}
	accountChoices   = []string{"side == 'front'", "has(side)", "side != 'front'", "projectcalico.org/name == 'box'"}
	podNets          = map[int][]string{
		4: {"192.168.7.0/24", "192.168.7.10/31", "192.168.7.12/32", "192.168.8.0/24", "192.168.0.0/16", "10.2.0.0/16", "10.2.0.10/32", "10.0.0.0/8", "10.0.0.5/32", "172.31.0.0/24", "0.0.0.0/0"},
		6: {"fd02::/64", "fd02::10/127", "fd03::/64", "fd00::2:0/112", "fd00::/64", "fd01::/64", "::/0"},
	}
	guestAddresses = []string{"10.2.0.10", "10.2.0.11", "10.3.0.10", "10.1.0.10", "10.0.0.6", "fd00::2:10", "fd00::2:11", "fd00::1:10", "192.168.8.10"}
	podPortNames   = []string{"http", "sql", "dns"}
)

// scenario makes a state in which Felix does with what pods send to the host as told, with or
// without policies of Kubernetes' administrators.
func (g podGenerator) scenario(toHost string, admin bool) podScenario {
	var s podScenario
	add := func(r resource) { s.state = append(s.state, r) }
	for _, name := range podNamespaces {
		add(aNamespace(name, g.someLabels(map[string][]string{"team": {"blue", "red"}})))
	}
	for _, name := range []string{"shop/front", "shop/back", "ops/admin", "lab/box"} {
		add(serviceAccount(name, g.someLabels(map[string][]string{"side": {"front", "back"}})))
	}
	local, remote := podNames()
	for _, name := range append(local, remote...) {
		p := podsByPlace[name]
		p.labels, p.phase = g.podLabels(), "Running"
		if g.oneIn(20) {
			p.phase = "Succeeded"
		}
		add(pod(name, p))
	}
	for i := range g.IntN(4) {
		p := podObject{node: pick(g.generator, node2, node2, node, ""), account: "box", phase: pick(g.generator, "Running", "Running", "Pending", "Failed")}
		p.labels, p.addrs, p.hostNetwork = g.podLabels(), []string{pick(g.generator, guestAddresses...)}, g.oneIn(4)
		if p.node == node && !p.hostNetwork {
			// Felix would make a route to it.
			p.node = node2
		}
		add(pod(fmt.Sprintf("lab/guest%d", i), p))
	}
	for i := range 2 {
		g.addService(fmt.Sprintf("svc%d", i), add)
	}
	g.addSets(add)
	endpoints := g.hostEndpoints()
	for _, endpoint := range endpoints {
		add(endpoint)
	}
	if len(endpoints) > 0 {
		// Among policies of all kinds few would be about what hosts forward.
		add(g.forwardPolicy())
	}
	if toHost != "Drop" || g.nftables {
		add(settings(fmt.Sprintf(`{"defaultEndpointToHostAction": %q, "nftablesMode": %q}`, toHost, nftablesMode(g.nftables))))
	}
	g.addPolicies(add)
	if admin {
		add(withSpec("Tier", "", "adminnetworkpolicy", `{"order": 1000, "defaultAction": "Pass"}`))
		add(g.adminPolicy())
	}
	s.flows = g.podFlows(60)
	return s
}

func (g podGenerator) someLabels(of map[string][]string) map[string]string {
	labels := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(of)) {
		if !g.oneIn(3) {
			labels[name] = pick(g.generator, of[name]...)
		}
	}
	return labels
}

func (g podGenerator) podLabels() map[string]string {
	return g.someLabels(map[string][]string{"role": {"web", "db", "ops"}, "zone": {"a", "b"}})
}

// addService adds the slices of a service, which Felix knows services by alone.
func (g podGenerator) addService(name string, add func(resource)) {
	all := []string{
		"192.168.7.10", "192.168.7.11", "192.168.7.12", "192.168.7.13", "192.168.7.14", "192.168.8.10", "10.2.0.10", "172.31.0.2",
		"fd02::10", "fd02::11", "fd02::13", "fd00::2:10",
	}
	for i := range 1 + g.IntN(2) {
		addrs := some(g.generator, 4, all...)
		v6 := netip.MustParseAddr(addrs[0]).Is6()
		addrs = slices.DeleteFunc(addrs, func(a string) bool { return netip.MustParseAddr(a).Is6() != v6 })
		ports := fmt.Sprintf(`[{"name": "a", "port": %d, "protocol": "TCP"}, {"name": "b", "port": %d, "protocol": %q}]`,
			pick(g.generator, probePorts...), pick(g.generator, probePorts...), pick(g.generator, "TCP", "UDP", "SCTP"))
		add(slice("shop/"+name, fmt.Sprintf("-%d", i), ports, addrs...))
	}
}

func (g podGenerator) addSets(add func(resource)) {
	nets := func() string {
		text, err := json.Marshal(map[string]any{"nets": some(g.generator, 3, "10.2.0.10", "10.2.0.0/16", "10.1.0.0/24", "192.168.7.12", "172.31.0.0/24", "fd00::2:0/112", "fd02::10")})
		if err != nil {
			panic(err)
		}
		return string(text)
	}
	if g.oneIn(2) {
		add(withSpec("GlobalNetworkSet", "", "s", nets()).labelled(g.podLabels()))
	}
	if g.oneIn(2) {
		add(withSpec("NetworkSet", pick(g.generator, podNamespaces...), "s", nets()).labelled(g.podLabels()))
	}
}

func (g podGenerator) hostEndpoints() []resource {
	endpoint := func(name, iface string) resource {
		r := hostEndpoint(name, iface)
		r.labels = g.podLabels()
		r.labels["host"] = "yes"
		if g.oneIn(2) {
			spec, ok := r.content["spec"].(map[string]any)
			if ok {
				// Whatever its policies leave is let through.
				spec["profiles"] = []any{"projectcalico-default-allow"}
			}
		}
		return r
	}
	switch g.IntN(6) {
	case 0, 1:
		return []resource{endpoint("db1-eth0", outerInterface)}
	case 2:
		return []resource{endpoint("db1-eth0", outerInterface), endpoint("db1-eth1", innerInterface)}
	case 3:
		return []resource{endpoint("db1-all", "*")}
	case 4:
		return []resource{endpoint("db1-all", "*"), endpoint("db1-eth0", outerInterface)}
	default:
		return nil
	}
}

func (g podGenerator) addPolicies(add func(resource)) {
	tiers := []string{"default", "default"}
	if g.oneIn(2) {
		tiers = append(tiers, "security")
		add(withSpec("Tier", "", "security", pick(g.generator, `{"order": 10}`, `{"order": 10, "defaultAction": "Pass"}`, `{"order": 2000000, "defaultAction": "Deny"}`)))
	}
	for i := range 1 + g.IntN(4) {
		add(g.kubernetesPolicy(fmt.Sprintf("%s/k%d", pick(g.generator, podNamespaces...), i)))
	}
	for i := range g.IntN(4) {
		add(g.draw(func() calico.Object {
			p := v3.NewNetworkPolicy()
			p.ObjectMeta = metav1.ObjectMeta{Name: fmt.Sprintf("n%d", i), Namespace: pick(g.generator, podNamespaces...)}
			p.Spec = v3.NetworkPolicySpec{Tier: pick(g.generator, tiers...), Order: g.podOrder(), Selector: pick(g.generator, podSelectors...), Types: g.types()}
			if g.oneIn(5) {
				p.Spec.ServiceAccountSelector = pick(g.generator, accountChoices...)
			}
			p.Spec.Ingress, p.Spec.Egress = g.podRules(p.Spec.Types)
			return p
		}))
	}
	for i := range g.IntN(4) {
		add(g.draw(func() calico.Object {
			p := v3.NewGlobalNetworkPolicy()
			p.ObjectMeta = metav1.ObjectMeta{Name: fmt.Sprintf("g%d", i)}
			p.Spec = v3.GlobalNetworkPolicySpec{Tier: pick(g.generator, tiers...), Order: g.podOrder(), Types: g.types(), ApplyOnForward: g.oneIn(3)}
			p.Spec.Selector = pick(g.generator, append(slices.Clone(podSelectors), workloadsOnly...)...)
			switch g.IntN(8) {
			case 0, 1:
				p.Spec.NamespaceSelector = pick(g.generator, namespaceChoices...)
			case 2:
				p.Spec.ServiceAccountSelector = pick(g.generator, accountChoices...)
			case 3:
				p.Spec.PreDNAT, p.Spec.ApplyOnForward, p.Spec.Types = true, true, []v3.PolicyType{v3.PolicyTypeIngress}
			default:
			}
			p.Spec.Ingress, p.Spec.Egress = g.podRules(p.Spec.Types)
			return p
		}))
	}
	if g.oneIn(3) {
		add(withSpec("StagedGlobalNetworkPolicy", "", "staged", `{"order": 0, "types": ["Ingress", "Egress"], "stagedAction": "Set", "tier": "default"}`))
	}
}

// draw returns what is drawn once Calico takes it.
func (g podGenerator) draw(one func() calico.Object) resource {
	for {
		obj := one()
		calico.Default(obj, g.release)
		if len(validate.Validate(obj, g.release)) > 0 {
			continue
		}
		text, err := json.Marshal(obj)
		if err != nil {
			panic(err)
		}
		return resource{
			kind: string(calico.KindOf(obj)), namespace: obj.GetNamespace(), name: obj.GetName(),
			content: map[string]any{"spec": objectOf(string(text))["spec"]},
		}
	}
}

// forwardPolicy is for host endpoints alone, and about what is forwarded.
func (g podGenerator) forwardPolicy() resource {
	return g.draw(func() calico.Object {
		p := v3.NewGlobalNetworkPolicy()
		p.ObjectMeta = metav1.ObjectMeta{Name: "forward"}
		p.Spec = v3.GlobalNetworkPolicySpec{
			Order: g.podOrder(), Selector: pick(g.generator, "has(host)", "has(host)", "has(host) && role != 'web'", "has(host) && zone == 'a'"),
			Types: g.types(), ApplyOnForward: true, PreDNAT: g.oneIn(5),
		}
		if p.Spec.PreDNAT {
			p.Spec.Types = []v3.PolicyType{v3.PolicyTypeIngress}
		}
		p.Spec.Ingress, p.Spec.Egress = g.podRules(p.Spec.Types)
		return p
	})
}

// podOrder returns one before Kubernetes' policies, theirs, one behind, or none.
func (g podGenerator) podOrder() *float64 {
	return pick(g.generator, nil, ptr(10.0), ptr(10.0), ptr(500.0), ptr(1000.0), ptr(2000.0))
}

func (g podGenerator) podRules(types []v3.PolicyType) (ingress, egress []v3.Rule) {
	rules := func(ingress bool) (rules []v3.Rule) {
		for range 1 + g.IntN(4) {
			rules = append(rules, g.podRule(ingress))
		}
		return rules
	}
	if slices.Contains(types, v3.PolicyTypeIngress) {
		ingress = rules(true)
	}
	if slices.Contains(types, v3.PolicyTypeEgress) {
		egress = rules(false)
	}
	return ingress, egress
}

func (g podGenerator) podRule(ingress bool) v3.Rule {
	version := pick(g.generator, 4, 4, 4, 6)
	r := v3.Rule{Action: pick(g.generator, v3.Allow, v3.Allow, v3.Allow, v3.Allow, v3.Deny, v3.Deny, v3.Pass, v3.Log)}
	peer, own := &r.Source, &r.Destination
	if !ingress {
		peer, own = own, peer
	}
	*peer = g.podEntity(version)
	if g.oneIn(6) {
		*own = g.podEntity(version)
	}
	switch g.IntN(8) {
	case 0, 1, 2:
		r.Protocol = ptr(numorstring.ProtocolFromString(pick(g.generator, "TCP", "TCP", "TCP", "UDP", "SCTP")))
		if r.Destination.Services == nil {
			r.Destination.Ports = g.podPorts()
		}
	case 3:
		r.Protocol = ptr(numorstring.ProtocolFromString("TCP"))
	case 4:
		r.Protocol = ptr(numorstring.ProtocolFromString("UDP"))
	case 5:
		r.NotProtocol = ptr(numorstring.ProtocolFromString(pick(g.generator, "UDP", "ICMP", "SCTP")))
	default:
	}
	return r
}

func (g podGenerator) podEntity(version int) (e v3.EntityRule) {
	selector := func() string { return pick(g.generator, podSelectors...) }
	switch g.IntN(16) {
	case 0, 1:
		e.Nets = some(g.generator, 2, podNets[version]...)
	case 2:
		e.NotNets = slices.DeleteFunc(some(g.generator, 2, podNets[version]...), func(n string) bool { return n == "0.0.0.0/0" || n == "::/0" })
	case 3, 4:
		e.Selector = selector()
	case 5:
		e.NotSelector = selector()
	case 6, 7:
		e.NamespaceSelector = pick(g.generator, append(slices.Clone(namespaceChoices), "global()")...)
	case 8, 9:
		e.Selector, e.NamespaceSelector = selector(), pick(g.generator, append(slices.Clone(namespaceChoices), "global()")...)
	case 10:
		e.ServiceAccounts = &v3.ServiceAccountMatch{Names: some(g.generator, 2, "front", "back", "admin", "box")}
	case 11:
		e.ServiceAccounts = &v3.ServiceAccountMatch{Selector: pick(g.generator, accountChoices...)}
		if g.oneIn(2) {
			e.NamespaceSelector = pick(g.generator, namespaceChoices...)
		}
	case 12, 13:
		e.Services = &v3.ServiceMatch{Name: pick(g.generator, "svc0", "svc1", "svc0", "gone"), Namespace: "shop"}
	default:
	}
	return e
}

func (g podGenerator) podPorts() (ports []numorstring.Port) {
	for range 1 + g.IntN(3) {
		switch g.IntN(4) {
		case 0:
			ports = append(ports, numorstring.NamedPort(pick(g.generator, podPortNames...)))
		case 1:
			first := pick(g.generator, probePorts...)
			ports = append(ports, numorstring.Port{MinPort: first, MaxPort: first + uint16(g.IntN(3000))})
		default:
			ports = append(ports, numorstring.SinglePort(pick(g.generator, probePorts...)))
		}
	}
	return ports
}
