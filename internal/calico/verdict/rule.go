package verdict

import (
	"iter"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
)

// rule is a rule made ready to be matched.
type rule struct {
	action v3.Action
	// only is the one address family of the rule, if it has one, and made tells for
	// which families Felix makes a rule of it.
	only        *family
	made        [2]bool
	protocol    *uint8
	notProtocol *uint8
	icmp        *icmpMatch
	notICMP     *icmpMatch
	src, dst    entity
	// chooses is set if a selector of the rule chooses addresses.
	chooses bool
	// never is true for a rule that matches nothing, whatever the packet.
	never bool
	// http is set if the rule has conditions on HTTP, and services if it names a service.
	http, services bool
	// doubts are conditions that the objects do not decide.
	doubts []string
	// faults tell why Felix cannot program the rule, if it cannot.
	faults []fault
}

type icmpMatch struct{ types, codes spanSet }

// entity is the part of a rule about one side.
type entity struct {
	nets, notNets   *[2]addrSet
	ports, notPorts *portMatch
	// chosen is what the selectors choose, nil where there is none; notChosen that
	// of a notSelector on its own.
	chosen, notChosen *memberSet
	// service is what a service stands for, nil where none is named or it is not known.
	service *service
}

type portMatch struct {
	numbers spanSet
	names   []string
	// from is what the named ports are those of: what the selectors of the same side
	// choose, even for notPorts.
	from *memberSet
	// protocol is that of the named ports, 0 for any.
	protocol uint8
}

// memberSet is what a selector chooses among things. It is filled when first needed.
type memberSet struct {
	selector *selector.Selector
	// namespace is the only one from which it chooses, empty for any.
	namespace string
	filled    bool
	addrs     [2]addrSet
	ports     map[string][]portMember
	// addressless are the host endpoints that it chooses and that expect no address
	// of a family.
	addressless [2][]string
}

func (w *World) fill(m *memberSet) *memberSet {
	if m.filled {
		return m
	}
	var nets []address.Range
	for th := range w.chosenBy(m) {
		nets = append(nets, th.nets...)
		if th.endpoint != "" {
			for _, f := range []family{ipv4, ipv6} {
				if !slices.ContainsFunc(th.nets, func(r address.Range) bool { return familyOf(r.First) == f }) {
					m.addressless[f] = append(m.addressless[f], th.endpoint)
				}
			}
		}
	}
	m.addrs = newAddrSets(nets)
	m.filled = true
	return m
}

// portsOf returns the members with a port of a name.
func (w *World) portsOf(m *memberSet, name string) []portMember {
	if m.ports == nil {
		m.ports = map[string][]portMember{}
		for th := range w.chosenBy(m) {
			for _, port := range th.ports {
				for _, n := range th.nets {
					m.ports[port.name] = append(m.ports[port.name], portMember{n.First, port.protocol, port.port})
				}
			}
		}
	}
	return m.ports[name]
}

// chosenBy returns the things that a selector chooses, in their order.
func (w *World) chosenBy(m *memberSet) iter.Seq[*thing] {
	return func(yield func(*thing) bool) {
		var chosen []int
		among := func(set int) {
			if len(w.labelled[set]) > 0 && m.selector.Matches(w.labelSets[set]) {
				chosen = append(chosen, w.labelled[set]...)
			}
		}
		if m.namespace != "" {
			for _, set := range w.inNamespace[m.namespace] {
				among(set)
			}
		} else {
			for set := range w.labelSets {
				among(set)
			}
		}
		slices.Sort(chosen)
		for _, i := range chosen {
			if !yield(&w.things[i]) {
				return
			}
		}
	}
}

// choose returns what a selector chooses; the same for the same text.
func (w *World) choose(text string) (*memberSet, bool) {
	if m := w.members[text]; m != nil {
		return m, true
	}
	sel, err := w.parse(text)
	if err != nil {
		return nil, false
	}
	m := &memberSet{selector: sel.Unreplaced()}
	w.members[text] = m
	return m, true
}

// rules prepares the rules of both directions. It is false where Felix would not
// accept the policy or profile as a whole.
func (w *World) rules(ingress, egress []v3.Rule, namespace string) (rules [2][]*rule, ok bool) {
	for direction, list := range [2][]v3.Rule{Ingress: ingress, Egress: egress} {
		for i := range list {
			r, ok := w.rule(&list[i], namespace)
			if !ok {
				return rules, false
			}
			rules[direction] = append(rules[direction], r)
		}
	}
	return rules, true
}

func (w *World) rule(in *v3.Rule, namespace string) (*rule, bool) {
	// Felix takes actions in any case, and none as Allow.
	r := &rule{action: v3.Allow}
	for _, action := range []v3.Action{v3.Deny, v3.Pass, v3.Log} {
		if strings.EqualFold(string(in.Action), string(action)) {
			r.action = action
		}
	}
	r.only = familyFor(in)
	var ok bool
	if r.protocol, ok = protocolOf(in.Protocol); !ok {
		return nil, false
	}
	if r.notProtocol, ok = protocolOf(in.NotProtocol); !ok {
		return nil, false
	}
	r.icmp, r.notICMP = newICMPMatch(in.ICMP), newICMPMatch(in.NotICMP)
	// HTTP conditions are not for Felix but for a proxy in front of a workload: at a
	// host endpoint the rule matches without them.
	r.http = in.HTTP != nil && (len(in.HTTP.Methods) > 0 || len(in.HTTP.Paths) > 0)
	if !w.entity(r, &r.src, &in.Source, namespace) || !w.entity(r, &r.dst, &in.Destination, namespace) {
		return nil, false
	}
	r.made = [2]bool{ipv4: w.isMade(r, ipv4), ipv6: w.isMade(r, ipv6)}
	r.faults = w.faultsOf(r, in)
	w.faulty = w.faulty || len(r.faults) > 0
	return r, true
}

func familyFor(in *v3.Rule) *family {
	v4, v6 := ipv4, ipv6
	switch {
	case in.IPVersion != nil && *in.IPVersion == 4:
		return &v4
	case in.IPVersion != nil && *in.IPVersion == 6:
		return &v6
	case in.IPVersion != nil || in.Protocol == nil || in.Protocol.Type != numorstring.NumOrStringString:
		return nil
	// A number does not tell Felix the family.
	case strings.EqualFold(in.Protocol.StrVal, numorstring.ProtocolICMP):
		return &v4
	case strings.EqualFold(in.Protocol.StrVal, numorstring.ProtocolICMPv6):
		return &v6
	default:
		return nil
	}
}

const (
	protocolICMP    = 1
	protocolTCP     = 6
	protocolUDP     = 17
	protocolICMPv6  = 58
	protocolSCTP    = 132
	protocolUDPLite = 136
)

var protocolNumbers = map[string]uint8{
	"icmp": protocolICMP, "tcp": protocolTCP, "udp": protocolUDP,
	"icmpv6": protocolICMPv6, "sctp": protocolSCTP, "udplite": protocolUDPLite,
}

func isICMP(protocol uint8) bool { return protocol == protocolICMP || protocol == protocolICMPv6 }

func hasPorts(protocol uint8) bool {
	switch protocol {
	case protocolTCP, protocolUDP, protocolSCTP, protocolUDPLite:
		return true
	}
	return false
}

func protocolNumber(p numorstring.Protocol) (uint8, bool) {
	if p.Type == numorstring.NumOrStringNum {
		return p.NumVal, p.NumVal != 0
	}
	number, ok := protocolNumbers[strings.ToLower(p.StrVal)]
	return number, ok
}

func protocolOf(p *numorstring.Protocol) (*uint8, bool) {
	if p == nil {
		return nil, true
	}
	number, ok := protocolNumber(*p)
	return &number, ok
}

func newICMPMatch(in *v3.ICMPFields) *icmpMatch {
	if in == nil || in.Type == nil {
		return nil
	}
	m := &icmpMatch{types: oneNumber(*in.Type), codes: spanSet{{0, 255}}}
	if in.Code != nil {
		m.codes = oneNumber(*in.Code)
	}
	return m
}

func oneNumber(n int) spanSet { return spanSet{{uint16(n), uint16(n)}} }

func (w *World) entity(r *rule, e *entity, in *v3.EntityRule, namespace string) bool {
	e.nets, e.notNets = netMatch(in.Nets), netMatch(in.NotNets)
	if in.Services != nil && in.Services.Name != "" {
		r.services = true
		switch {
		case w.noServices:
			r.never = true
		case w.services.known:
			e.service = w.services.of(in.Services.Namespace, in.Services.Name)
		default:
			r.doubts = append(r.doubts, "selects a Kubernetes service")
		}
	}
	text := w.entitySelector(in, namespace)
	if text != "" && in.NotSelector != "" {
		// Both have to suit one and the same endpoint, not just its address.
		text = "(" + text + ") && (!(" + in.NotSelector + "))"
	}
	var ok bool
	from := "all()"
	if text != "" {
		if e.chosen, ok = w.choose(text); !ok {
			return false
		}
		if in.NamespaceSelector == "" {
			// It is joined with the policy's own namespace, if that has one.
			e.chosen.namespace = namespace
		}
		from = text
		r.chooses = true
	} else if in.NotSelector != "" {
		if e.notChosen, ok = w.choose(in.NotSelector); !ok {
			return false
		}
	}
	members, ok := w.choose(from)
	if !ok {
		return false
	}
	protocol := w.namedPortProtocol(r)
	e.ports, e.notPorts = newPortMatch(in.Ports, members, protocol), newPortMatch(in.NotPorts, members, protocol)
	return true
}

// namedPortProtocol returns the protocol of the named ports in a rule, 0 for any.
func (w *World) namedPortProtocol(r *rule) uint8 {
	switch {
	case r.protocol == nil && w.release.AtLeast(3, 32, 0):
		return 0
	case r.protocol != nil && (*r.protocol == protocolUDP || *r.protocol == protocolSCTP):
		return *r.protocol
	default:
		return protocolTCP
	}
}

// entitySelector joins the selectors of a side as Calico does, as text.
func (w *World) entitySelector(in *v3.EntityRule, namespace string) string {
	var inNamespace string
	switch {
	case in.NamespaceSelector != "":
		inNamespace = w.prefixed(in.NamespaceSelector, namespacePrefix)
		inNamespace = strings.ReplaceAll(inNamespace, "all()", "has("+namespaceLabel+")")
		inNamespace = strings.ReplaceAll(inNamespace, "global()", "!has("+namespaceLabel+")")
	case namespace != "":
		inNamespace = namespaceLabel + " == '" + namespace + "'"
	}
	chosen := in.Selector
	switch accounts := w.serviceAccounts(in.ServiceAccounts); {
	case accounts == "":
	case chosen == "":
		chosen = accounts
	default:
		chosen = "(" + accounts + ") && (" + chosen + ")"
	}
	switch {
	case inNamespace == "" || chosen == "" && in.NotSelector == "" && in.NamespaceSelector == "":
		return chosen
	case chosen == "":
		return inNamespace
	default:
		return "(" + inNamespace + ") && (" + chosen + ")"
	}
}

// serviceAccounts returns what Calico makes of a choice of service accounts: a
// selector for labels that workloads have, and hosts and sets do not. Where it
// cannot read the names it leaves the whole choice out.
func (w *World) serviceAccounts(in *v3.ServiceAccountMatch) string {
	if in == nil {
		return ""
	}
	var text string
	if in.Selector != "" {
		text = w.prefixed(in.Selector, serviceAccountPrefix)
	}
	if len(in.Names) == 0 {
		return text
	}
	names, err := w.parse(serviceAccountLabel + " in { '" + strings.Join(in.Names, "', '") + "' }")
	switch {
	case err != nil:
		return ""
	case text == "":
		return names.String()
	default:
		return "(" + text + ") && (" + names.String() + ")"
	}
}

// netMatch returns nil where there is no condition: Felix skips a network that it
// cannot parse, and a list of nothing else is no list.
func netMatch(nets []string) *[2]addrSet {
	var ranges []address.Range
	for _, text := range nets {
		if r, ok := address.ParseRange(text); ok {
			ranges = append(ranges, r)
		}
	}
	if len(ranges) == 0 {
		return nil
	}
	sets := newAddrSets(ranges)
	return &sets
}

func newPortMatch(ports []numorstring.Port, from *memberSet, protocol uint8) *portMatch {
	if len(ports) == 0 {
		return nil
	}
	m := &portMatch{from: from, protocol: protocol}
	var numbers []span
	for _, p := range ports {
		if p.PortName != "" {
			m.names = append(m.names, p.PortName)
		} else {
			numbers = append(numbers, span{p.MinPort, p.MaxPort})
		}
	}
	m.numbers = newSpanSet(numbers)
	return m
}
