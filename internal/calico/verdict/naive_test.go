package verdict_test

import (
	"net"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// The second implementation: it takes one packet at a time, reads the objects
// anew for every question, and knows selectors as functions. It shares nothing
// with the first but the names of causes.

// Three-valued logic: what is not known is 1, between no and yes.
type tri int

const (
	triNo tri = iota
	triUnknown
	triYes
)

func triOf(b bool) tri {
	if b {
		return triYes
	}
	return triNo
}

func all(conditions ...tri) tri { return slices.Min(append(conditions, triYes)) }
func some(options ...tri) tri   { return slices.Max(append(options, triNo)) }
func not(t tri) tri             { return triYes - t }

// packet is one concrete packet as an endpoint sees it. An unknown address is nil.
type packet struct {
	in, forwarded      bool
	v6                 bool
	protocol           int
	peer, local        net.IP
	sport, dport       int
	icmpType, icmpCode int
	everyAddressIs     []net.IP
	// acrossIsPod is set if what is forwarded passes the interface of a pod on the other
	// side, where no host endpoint keeps anything from connection tracking.
	acrossIsPod bool
}

// reply is the answer to a packet, at the same endpoint.
func (p packet) reply() *packet {
	p.in, p.sport, p.dport = !p.in, p.dport, p.sport
	p.icmpType = map[int]int{8: 0, 13: 14, 15: 16, 17: 18, 128: 129, 139: 140}[p.icmpType]
	return &p
}

// across is a forwarded packet where it came in at the other side of the host, if
// it goes out here, or a reply that comes in there.
func (p packet) across() *packet {
	p.in, p.peer, p.local = true, p.local, p.peer
	return &p
}

type naiveWorld struct {
	objects []calico.Object
	release calico.Release
	// selectors are what the texts of selectors mean.
	selectors map[string]func(map[string]string) bool
	all       []known
	// cluster is what there is beside Calico's own objects, nil for nothing.
	cluster *naiveCluster
}

func (n *naiveWorld) old(minor int) bool { return n.release.Minor < minor }

// fate is what may happen to a packet, and the cause if there is one.
type fate struct {
	outcome string // "allowed", "denied" or "undecided"
	cause   string
}

func (n *naiveWorld) profile(name string) *v3.Profile {
	for _, o := range n.objects {
		if p, ok := o.(*v3.Profile); ok && p.Name == name {
			return p
		}
	}
	if p := n.cluster.profile(name); p != nil {
		return p
	}
	if name == "projectcalico-default-allow" {
		return &v3.Profile{Spec: v3.ProfileSpec{Ingress: []v3.Rule{{Action: v3.Allow}}, Egress: []v3.Rule{{Action: v3.Allow}}}}
	}
	return nil
}

func (n *naiveWorld) labels(own map[string]string, profiles []string) map[string]string {
	out := map[string]string{}
	for k, v := range own {
		out[k] = v
	}
	for _, name := range profiles {
		p := n.profile(name)
		if p == nil {
			continue
		}
		for k, v := range p.Spec.LabelsToApply {
			if _, taken := out[k]; !taken {
				out[k] = v
			}
		}
	}
	return out
}

func (n *naiveWorld) endpoint(name string) *v3.HostEndpoint {
	for _, o := range n.objects {
		if ep, ok := o.(*v3.HostEndpoint); ok && ep.Name == name {
			return ep
		}
	}
	return nil
}

// known is an endpoint or a set, as rules see it.
type known struct {
	labels map[string]string
	nets   []string
	ports  []v3.EndpointPort
}

func (n *naiveWorld) everyone() []known {
	if n.all != nil {
		return n.all
	}
	var out []known
	for _, o := range n.objects {
		switch o := o.(type) {
		case *v3.HostEndpoint:
			out = append(out, known{n.labels(o.Labels, o.Spec.Profiles), o.Spec.ExpectedIPs, o.Spec.Ports})
		case *v3.GlobalNetworkSet:
			out = append(out, known{labels: o.Labels, nets: o.Spec.Nets})
		case *v3.NetworkSet:
			labels := n.labels(o.Labels, []string{"kns." + o.Namespace})
			labels["projectcalico.org/namespace"] = o.Namespace
			out = append(out, known{labels: labels, nets: o.Spec.Nets})
		}
	}
	for _, pod := range n.cluster.pods() {
		out = append(out, known{n.labels(pod.Labels, pod.Spec.Profiles), pod.Spec.ExpectedIPs, pod.Spec.Ports})
	}
	n.all = out
	return out
}

// inNet tells whether an address is in a network; bad is set for no network.
func inNet(addr net.IP, text string) (in, bad bool) {
	if ip := net.ParseIP(text); ip != nil {
		return ip.Equal(addr), false
	}
	_, network, err := net.ParseCIDR(text)
	if err != nil {
		return false, true
	}
	return network.Contains(addr), false
}

func isV6(text string) bool { return strings.Contains(text, ":") }

// onAddress asks a question about the address of a side, or about all of them
// where it is not known.
func (p *packet) onAddress(local bool, question func(net.IP) tri) tri {
	addr := p.peer
	if local {
		addr = p.local
	}
	if addr != nil {
		return question(addr)
	}
	first := question(p.everyAddressIs[0])
	for _, addr := range p.everyAddressIs[1:] {
		if question(addr) != first {
			return triUnknown
		}
	}
	return first
}

func (n *naiveWorld) protocolIs(p *numorstring.Protocol, number int) bool {
	if p.Type == numorstring.NumOrStringNum {
		return int(p.NumVal) == number
	}
	return map[string]int{"ICMP": 1, "TCP": 6, "UDP": 17, "ICMPv6": 58, "SCTP": 132, "UDPLite": 136}[p.StrVal] == number
}

// chosen tells whether a rule's selectors choose an endpoint; unasked is set where
// there are none.
func (n *naiveWorld) chosen(e *v3.EntityRule, namespace string, k known) (chosen, unasked bool) {
	_, hasNamespace := k.labels["projectcalico.org/namespace"]
	asked, ok := false, true
	if accounts := e.ServiceAccounts; accounts != nil {
		asked = true
		if account := k.labels["projectcalico.org/serviceaccount"]; len(accounts.Names) > 0 && !slices.Contains(accounts.Names, account) {
			ok = false
		}
		if accounts.Selector != "" && !n.selectors[accounts.Selector](stripped(k.labels, "pcsa.")) {
			ok = false
		}
	}
	if e.NamespaceSelector != "" {
		asked = true
		switch e.NamespaceSelector {
		case "all()":
			ok = ok && hasNamespace
		case "global()":
			ok = ok && !hasNamespace
		default:
			ok = ok && n.selectors[e.NamespaceSelector](stripped(k.labels, "pcns."))
		}
	} else if namespace != "" && (e.Selector != "" || e.NotSelector != "" || asked) {
		asked = true
		ok = ok && k.labels["projectcalico.org/namespace"] == namespace
	}
	if e.Selector != "" {
		asked = true
		ok = ok && n.selectors[e.Selector](k.labels)
	}
	if asked && e.NotSelector != "" {
		ok = ok && !n.selectors[e.NotSelector](k.labels)
	}
	return ok, !asked
}

// stripped returns the labels with a prefix, without it.
func stripped(labels map[string]string, prefix string) map[string]string {
	out := map[string]string{}
	for label, v := range labels {
		if rest, ours := strings.CutPrefix(label, prefix); ours {
			out[rest] = v
		}
	}
	return out
}

func (n *naiveWorld) namedPort(rule *v3.Rule, e *v3.EntityRule, namespace, name string, p *packet, local bool, port int) tri {
	var options []tri
	for _, k := range n.everyone() {
		if chosen, unasked := n.chosen(e, namespace, k); !chosen && !unasked {
			continue
		}
		for _, np := range k.ports {
			if np.Name != name || int(np.Port) != port || !n.protocolIs(&np.Protocol, p.protocol) {
				continue
			}
			switch {
			case rule.Protocol == nil && n.old(32) && p.protocol != 6:
				continue
			case rule.Protocol != nil && !n.protocolIs(rule.Protocol, p.protocol):
				continue
			}
			for _, text := range k.nets {
				if isV6(text) == p.v6 {
					options = append(options, p.onAddress(local, func(a net.IP) tri { in, _ := inNet(a, text); return triOf(in) }))
				}
			}
		}
	}
	return some(options...)
}

func (n *naiveWorld) side(rule *v3.Rule, e *v3.EntityRule, namespace string, p *packet, local bool, port int) tri {
	conditions := []tri{triYes}
	nets := func(list []string, negated bool) {
		good, ours := 0, []string{}
		for _, text := range list {
			if _, bad := inNet(net.IPv4zero, text); bad {
				continue
			}
			good++
			if isV6(text) == p.v6 {
				ours = append(ours, text)
			}
		}
		if good == 0 {
			return
		}
		if len(ours) == 0 {
			conditions = append(conditions, triNo)
			return
		}
		conditions = append(conditions, p.onAddress(local, func(a net.IP) tri {
			hit := slices.ContainsFunc(ours, func(text string) bool { in, _ := inNet(a, text); return in })
			return triOf(hit != negated)
		}))
	}
	nets(e.Nets, false)
	nets(e.NotNets, true)

	inChosen := func(member func(known) bool) tri {
		return p.onAddress(local, func(a net.IP) tri {
			for _, k := range n.everyone() {
				if member(k) && slices.ContainsFunc(k.nets, func(text string) bool { in, _ := inNet(a, text); return in && isV6(text) == p.v6 }) {
					return triYes
				}
			}
			return triNo
		})
	}
	_, unselected := n.chosen(e, namespace, known{})
	chosen := triYes
	if !unselected {
		chosen = inChosen(func(k known) bool { ok, _ := n.chosen(e, namespace, k); return ok })
	}
	if unselected && e.NotSelector != "" {
		conditions = append(conditions, not(inChosen(func(k known) bool { return n.selectors[e.NotSelector](k.labels) })))
	}
	portIn := func(list []numorstring.Port) (numeric, named tri) {
		numeric, named = triNo, triNo
		for _, q := range list {
			if q.PortName != "" {
				named = some(named, n.namedPort(rule, e, namespace, q.PortName, p, local, port))
			} else if withPorts(p.protocol) {
				numeric = some(numeric, triOf(int(q.MinPort) <= port && port <= int(q.MaxPort)))
			}
		}
		return numeric, named
	}
	if len(e.Ports) > 0 {
		numeric, named := portIn(e.Ports)
		conditions = append(conditions, some(named, all(numeric, chosen)))
	} else {
		conditions = append(conditions, chosen)
	}
	if len(e.NotPorts) > 0 {
		conditions = append(conditions, not(some(portIn(e.NotPorts))))
	}
	if e.Services != nil {
		conditions = append(conditions, n.cluster.isService(e, e == &rule.Destination, p, local, port))
	}
	return all(conditions...)
}

func withPorts(protocol int) bool { return slices.Contains([]int{6, 17, 132, 136}, protocol) }

func (n *naiveWorld) matches(rule *v3.Rule, namespace string, p *packet) tri {
	conditions := []tri{triYes}
	if rule.IPVersion != nil {
		conditions = append(conditions, triOf((*rule.IPVersion == 6) == p.v6))
	}
	if rule.Protocol != nil {
		conditions = append(conditions, triOf(n.protocolIs(rule.Protocol, p.protocol)))
		if rule.IPVersion == nil && rule.Protocol.StrVal == "ICMP" {
			conditions = append(conditions, triOf(!p.v6))
		}
		if rule.IPVersion == nil && rule.Protocol.StrVal == "ICMPv6" {
			conditions = append(conditions, triOf(p.v6))
		}
	}
	if rule.NotProtocol != nil {
		conditions = append(conditions, triOf(!n.protocolIs(rule.NotProtocol, p.protocol)))
	}
	icmp := func(f *v3.ICMPFields) bool {
		return *f.Type == p.icmpType && (f.Code == nil || *f.Code == p.icmpCode)
	}
	if rule.ICMP != nil {
		conditions = append(conditions, triOf(icmp(rule.ICMP)))
	}
	if rule.NotICMP != nil {
		isICMP := p.protocol == 1 || p.protocol == 58
		conditions = append(conditions, triOf(!icmp(rule.NotICMP) && (isICMP || rule.Protocol != nil)))
	}
	conditions = append(conditions,
		n.side(rule, &rule.Source, namespace, p, !p.in, p.sport),
		n.side(rule, &rule.Destination, namespace, p, p.in, p.dport))
	return all(conditions...)
}
