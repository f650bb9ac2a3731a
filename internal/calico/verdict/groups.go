package verdict

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
)

// Groups tells which workload endpoints of a World nothing in it can tell apart, but for
// whether two of them are on one node. One of a group stands for all of it at either end of
// a connection. (Classes does the same for host endpoints that come and go.)
//
// It is not safe for use by several goroutines.
type Groups struct {
	world *World
	// looked are the labels that some selector looks at, sorted.
	looked []string
	// ports tells that a rule names a port.
	ports  bool
	bounds bounds
	// services spell, for the addresses of endpoints of services that rules name, which
	// these are.
	services map[netip.Addr]string
	// labelSets and nodes are what was spelled before.
	labelSets map[int]string
	nodes     map[string]string
}

// Groups finds out by what the rules of the world, and some selectors more, tell workload
// endpoints apart.
func (w *World) Groups(more ...*selector.Selector) *Groups {
	g := &Groups{world: w, services: map[netip.Addr]string{}, labelSets: map[int]string{}, nodes: map[string]string{}}
	looked := map[string]bool{}
	look := func(s *selector.Selector) {
		if s != nil {
			s.EachLabel(func(label string) { looked[label] = true })
		}
	}
	for _, s := range more {
		look(s)
	}
	for _, m := range w.members {
		look(m.selector)
	}
	services := map[*service]bool{}
	rules := func(lists [2][]*rule) {
		for _, r := range slices.Concat(lists[Ingress], lists[Egress]) {
			for _, e := range []*entity{&r.src, &r.dst} {
				g.cutSets(e.nets, e.notNets)
				g.ports = g.ports || e.ports != nil && len(e.ports.names) > 0 || e.notPorts != nil && len(e.notPorts.names) > 0
				if s := e.service; s != nil && !services[s] {
					services[s] = true
					g.addService(len(services), s)
				}
			}
		}
	}
	for _, t := range w.tiers {
		for _, p := range t.policies {
			look(p.selector)
			rules(p.rules)
		}
	}
	for _, p := range w.profiles {
		rules(p.rules)
	}
	for i := range w.things {
		if th := &w.things[i]; th.set {
			for _, net := range th.nets {
				g.bounds.cut(net)
			}
		}
	}
	for _, p := range w.pools {
		g.bounds.cut(p.nets)
	}
	for _, settings := range w.felix.cache {
		for _, list := range slices.Concat(settings.lists[Ingress], settings.lists[Egress]) {
			for _, port := range list.ports {
				if port.peers != nil {
					g.bounds.cut(*port.peers)
				}
			}
		}
	}
	g.bounds.sort()
	for label := range looked {
		g.looked = append(g.looked, label)
	}
	slices.Sort(g.looked)
	return g
}

func (g *Groups) cutSets(all ...*[2]addrSet) {
	for _, sets := range all {
		if sets == nil {
			continue
		}
		for _, r := range slices.Concat(sets[ipv4], sets[ipv6]) {
			g.bounds.cut(r)
		}
	}
}

// addService takes note of the addresses of a service, which has a number here. Most are
// each of another endpoint, which a bound at each would tell apart.
func (g *Groups) addService(number int, s *service) {
	for _, r := range slices.Concat(s.addrs[ipv4], s.addrs[ipv6]) {
		// Addresses next to each other are one range.
		const most = 1 << 12
		if r.IsLongerThan(most) {
			g.bounds.cut(r)
			continue
		}
		for ip := r.First; ip.Compare(r.Last) <= 0 && ip.IsValid(); ip = ip.Next() {
			g.services[ip] += fmt.Sprintf("%d ", number)
		}
	}
	for _, m := range s.members {
		g.services[m.addr] += fmt.Sprintf("%d:%d/%d ", number, m.protocol, m.port)
	}
}

// Key is the same for workload endpoints of one group. It means nothing beside that.
func (g *Groups) Key(ep *Endpoint) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q %s %s", ep.Workload.Namespace, g.labelsOf(ep), g.node(ep.Node))
	for _, name := range ep.profiles {
		// One that is there and has no rules does nothing.
		if p := g.world.profiles[name]; p == nil || len(p.rules[Ingress])+len(p.rules[Egress]) > 0 {
			fmt.Fprintf(&b, " %q", name)
		}
	}
	if g.ports {
		fmt.Fprintf(&b, " %v", ep.ports)
	}
	for _, ip := range ep.ExpectedIPs {
		if len(g.world.sharedBy[ip]) > 0 {
			// Others have it, too, and with it what selectors see of those.
			fmt.Fprintf(&b, " %s", ip)
			continue
		}
		if _, asked := g.world.services.addresses[ip]; asked {
			// What goes there goes to a service.
			fmt.Fprintf(&b, " %s", ip)
		}
		fmt.Fprintf(&b, " %d.%d %s", familyOf(ip), g.bounds.behind(ip), g.services[ip])
	}
	return b.String()
}

// labelsOf spells those labels that a selector looks at.
func (g *Groups) labelsOf(ep *Endpoint) string {
	text, ok := g.labelSets[ep.labels]
	if !ok {
		var b strings.Builder
		for i, label := range g.looked {
			if value, ok := g.world.labelSets[ep.labels][label]; ok {
				fmt.Fprintf(&b, "%d=%q ", i, value)
			}
		}
		text = b.String()
		g.labelSets[ep.labels] = text
	}
	return text
}

// node spells what a node does to what passes it: how Felix is configured, and its host
// endpoints.
func (g *Groups) node(name string) string {
	text, ok := g.nodes[name]
	if ok {
		return text
	}
	var b strings.Builder
	settings := g.world.felix.of(name)
	b.WriteString(settings.signature())
	for _, ep := range g.world.endpoints {
		if ep.Node == name {
			fmt.Fprintf(&b, " %q %d %q", ep.Interface, ep.labels, ep.profiles)
		}
	}
	if g.world.faulty || settings.broken != "" {
		// What else is there may keep Felix from its work.
		fmt.Fprintf(&b, " %q", name)
	}
	g.nodes[name] = b.String()
	return b.String()
}

// signature is the same for nodes at which Felix is configured alike.
func (s *nodeSettings) signature() string {
	var b strings.Builder
	for _, lists := range s.lists {
		for _, list := range lists {
			fmt.Fprintf(&b, "%v %q;", list.entries, list.unread)
		}
		b.WriteString("/")
	}
	fmt.Fprintf(&b, "%q %q %v %q %q %v", s.doubts, s.broken, s.ways, s.bpf, s.noIPv6, s.workloadSettings)
	for _, all := range [][]setting[interfaces]{s.prefixes, s.excluded} {
		for _, one := range all {
			fmt.Fprintf(&b, " %q", one.value.text)
		}
	}
	return b.String()
}

// Describe names the group of a workload endpoint in a few words: its namespace and those
// of its own labels that a selector looks at, such as shop/app=web. Several groups may have
// one name.
func (g *Groups) Describe(ep *Endpoint) string {
	var words []string
	for _, label := range g.looked {
		value, ok := ep.Labels[label]
		if !ok || strings.HasPrefix(label, namespacePrefix) || strings.HasPrefix(label, serviceAccountPrefix) ||
			label == namespaceLabel || label == orchestratorLabel {
			continue
		}
		words = append(words, label+"="+value)
	}
	if len(words) == 0 {
		return ep.Workload.Namespace
	}
	return ep.Workload.Namespace + "/" + strings.Join(words, ",")
}

// At returns the endpoints that have an address, as far as objects tell.
func (w *World) At(addr netip.Addr) []*Endpoint {
	var all []*Endpoint
	for _, eps := range [][]*Endpoint{w.workloads.all, w.endpoints} {
		for _, ep := range eps {
			if slices.Contains(ep.ExpectedIPs, addr.Unmap()) {
				all = append(all, ep)
			}
		}
	}
	return all
}
