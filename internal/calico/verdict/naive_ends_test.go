package verdict_test

import (
	"net"
	"slices"
	"strconv"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// decidePod follows one packet at a pod.
func (n *naiveWorld) decidePod(ep *v3.HostEndpoint, p *packet) (fate, []string) {
	node := ep.Spec.Node
	ways := n.ways(node)
	if n.stuck(node, ways) {
		return fate{"undecided", "stuck"}, nil
	}
	if p.v6 && slices.Contains(n.possible(node, "Ipv6Support", func(s *calico.FelixConfigurationSpec) string {
		if s.IPv6Support == nil {
			return ""
		}
		return map[bool]string{true: "true", false: "false"}[*s.IPv6Support]
	}), "false") {
		return fate{"undecided", "none"}, nil
	}
	tunnel := triNo
	if !p.in && p.protocol == 17 {
		allowed := n.isSet(node, "AllowVXLANPacketsFromWorkloads", func(s *calico.FelixConfigurationSpec) *bool { return s.AllowVXLANPacketsFromWorkloads })
		var hits []tri
		for _, text := range n.possible(node, "VXLANPort", func(s *calico.FelixConfigurationSpec) string {
			if s.VXLANPort == nil {
				return ""
			}
			return strconv.Itoa(*s.VXLANPort)
		}) {
			if text == "" {
				text = "4789"
			}
			if allowed[0] {
				hits = append(hits, triOf(text == strconv.Itoa(p.dport)))
			}
			if allowed[1] {
				hits = append(hits, triNo)
			}
		}
		if slices.Contains(hits, triYes) {
			tunnel = triYes
			if slices.Contains(hits, triNo) {
				tunnel = triUnknown
			}
		}
	}
	t := &trial{}
	var fates []fate
	about := []string{"none"}
	for {
		f := fate{"denied", "encapsulated"}
		if !t.is(tunnel, "encapsulated") {
			f = n.follow(ep, p, t, filterTable)
		}
		if p.protocol == 136 && f.outcome == "allowed" && slices.ContainsFunc(ways, func(w naiveWay) bool { return !w.keepsInvalid }) {
			f.outcome = "undecided"
		}
		fates = append(fates, f)
		about = append(append(about, t.about...), f.cause)
		t.about = nil
		if !t.next() {
			break
		}
	}
	for _, f := range fates {
		if f.outcome != fates[0].outcome {
			return fate{"undecided", "several"}, about
		}
	}
	return fates[0], about
}

// decideAt follows one packet at either kind of endpoint.
func (n *naiveWorld) decideAt(ep *v3.HostEndpoint, p *packet) (fate, []string) {
	if isPod(ep) {
		return n.decidePod(ep, p)
	}
	return n.decide(ep, p)
}

// naiveConnection is what goes from one address to another.
type naiveConnection struct {
	packet
	from, to *v3.HostEndpoint
	src, dst net.IP
	masked   bool
}

// at is the packet as an endpoint sees it.
func (c *naiveConnection) at(in, forwarded bool) *packet {
	p := c.packet
	p.in, p.forwarded, p.acrossIsPod = in, forwarded, true
	p.peer, p.local = c.dst, c.src
	if in {
		p.peer, p.local = c.src, c.dst
	}
	return &p
}

// judge decides at one place, whatever the source's address is if it is not known.
func (n *naiveWorld) judge(c *naiveConnection, ep *v3.HostEndpoint, in, forwarded bool) (fate, []string) {
	p := c.at(in, forwarded)
	f, about := n.decideAt(ep, p)
	if !c.masked || f.outcome == "undecided" {
		return f, about
	}
	others := p.everyAddressIs
	if !in {
		others = []net.IP{nil}
	}
	for _, other := range others {
		q := *p
		if in {
			q.peer = other
		} else {
			q.local = other
		}
		if g, _ := n.decideAt(ep, &q); g.outcome != f.outcome {
			return fate{"undecided", f.cause}, []string{f.cause}
		}
	}
	return f, about
}

// course returns what happens at all places that a connection passes.
func (n *naiveWorld) course(c *naiveConnection) (fates []fate, abouts [][]string) {
	add := func(f fate, about []string) { fates, abouts = append(fates, f), append(abouts, about) }
	add(fate{"allowed", ""}, nil)
	plain := func(f fate) { add(f, []string{f.cause}) }
	// network is an interface that is none of a pod.
	network := func(node string, in bool) {
		var all []fate
		everywhere := n.forAll(node)
		for _, ep := range n.endpointsOn(node) {
			if !isPod(ep) && (ep.Spec.InterfaceName != "*" || ep == everywhere) {
				f, _ := n.judge(c, ep, in, true)
				all = append(all, f)
			}
		}
		if everywhere == nil {
			all = append(all, fate{"allowed", ""})
		}
		for _, f := range all {
			if f.outcome != all[0].outcome || f.outcome == "undecided" {
				plain(fate{"undecided", "none"})
				return
			}
		}
		var causes []string
		for _, f := range all {
			causes = append(causes, f.cause)
		}
		add(all[0], causes)
	}
	// podSide is the interface of a pod, which the endpoint for all interfaces governs.
	podSide := func(node string, in bool) {
		if everywhere := n.forAll(node); everywhere != nil {
			add(n.judge(c, everywhere, in, true))
		}
	}
	into := func(pod *v3.HostEndpoint) {
		network(pod.Spec.Node, true)
		add(n.judge(c, pod, true, false))
		podSide(pod.Spec.Node, false)
	}
	from, to := c.from, c.to
	fromPod, toPod := from != nil && isPod(from), to != nil && isPod(to)
	near := from != nil && to != nil && from.Spec.Node == to.Spec.Node
	switch {
	case fromPod && from == to:
		plain(fate{"allowed", "within"})
	case fromPod && to != nil && !toPod && near:
		n.toHost(c, add)
	case fromPod:
		podSide(from.Spec.Node, true)
		add(n.judge(c, from, false, false))
		switch {
		case toPod && near:
			add(n.judge(c, to, true, false))
			podSide(from.Spec.Node, false)
		default:
			network(from.Spec.Node, false)
			if toPod {
				into(to)
			} else if to != nil {
				c.masked = n.masquerades(c)
				add(n.judge(c, to, true, false))
			}
		}
	case toPod && from != nil && near:
		plain(fate{"allowed", "from host"})
	case toPod:
		if from != nil {
			add(n.judge(c, from, false, false))
			c.masked = n.tunnels(c)
		}
		into(to)
	case near:
		plain(fate{"undecided", "none"})
	default:
		if from != nil {
			add(n.judge(c, from, false, false))
		}
		if to != nil {
			add(n.judge(c, to, true, false))
		}
	}
	return fates, abouts
}

// toHost is the way from a pod to its own host.
func (n *naiveWorld) toHost(c *naiveConnection, add func(fate, []string)) {
	node := c.from.Spec.Node
	if everywhere := n.forAll(node); everywhere != nil {
		// What is denied before anything else is asked.
		p := c.at(true, true)
		t := &trial{}
		var outcomes []fate
		about := []string{"none"}
		for {
			f := fate{"allowed", ""}
			if !t.is(n.failsafe(everywhere, p, true, false), "none") {
				if g := n.follow(everywhere, p, t, mangleTable); g.outcome != "" {
					f = g
				}
			}
			if p.protocol == 136 && f.outcome == "allowed" && slices.ContainsFunc(n.ways(node), func(w naiveWay) bool { return !w.keepsInvalid }) {
				f.outcome = "undecided"
			}
			outcomes = append(outcomes, f)
			about = append(append(about, t.about...), f.cause)
			t.about = nil
			if !t.next() {
				break
			}
		}
		f := outcomes[0]
		for _, other := range outcomes {
			if other.outcome != f.outcome {
				f = fate{"undecided", "several"}
			}
		}
		if whole, _ := n.decide(everywhere, p); n.stuck(node, n.ways(node)) || whole.cause == "none" && whole.outcome == "undecided" {
			f = fate{"undecided", "none"}
		}
		add(f, about)
	}
	if c.protocol == 58 && slices.Contains([]int{130, 131, 132, 133, 135, 136}, c.icmpType) {
		add(fate{"allowed", "to host"}, []string{"to host"})
		return
	}
	add(n.judge(c, c.from, false, false))
	actions := n.possible(node, "DefaultEndpointToHostAction", func(s *calico.FelixConfigurationSpec) string { return s.DefaultEndpointToHostAction })
	outcome := "undecided"
	if len(actions) == 1 && actions[0] != "" {
		outcome = "allowed"
		if strings.EqualFold(actions[0], "drop") {
			outcome = "denied"
		}
	}
	add(fate{outcome, "to host"}, []string{"to host", "none"})
}

// poolOf returns the IP pool of an address.
func (n *naiveWorld) poolOf(a net.IP) *v3.IPPool {
	for _, p := range n.cluster.pools {
		if in, _ := inNet(a, p.Spec.CIDR); in {
			return p
		}
	}
	return nil
}

func (n *naiveWorld) masquerades(c *naiveConnection) bool {
	pool := n.poolOf(c.src)
	return len(n.cluster.pools) == 0 || pool != nil && pool.Spec.NATOutgoing && n.poolOf(c.dst) == nil
}

func (n *naiveWorld) tunnels(c *naiveConnection) bool {
	if n.isSet(c.from.Spec.Node, "WireguardEnabled", func(s *calico.FelixConfigurationSpec) *bool { return s.WireguardEnabled })[1] {
		return true
	}
	pool := n.poolOf(c.dst)
	return len(n.cluster.pools) == 0 || pool != nil && (pool.Spec.IPIPMode == v3.IPIPModeAlways || pool.Spec.VXLANMode == v3.VXLANModeCrossSubnet)
}
