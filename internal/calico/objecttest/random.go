package objecttest

import (
	"math/rand/v2"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// Random makes objects out of values that lie around the borders of what Calico
// accepts. fault is how likely it is to take a value from beyond a border: with
// too many faults in one object none of them would be told from the others.
type Random struct {
	*rand.Rand
	fault float64
}

// NewRandom returns the source of the object with that number, always the same.
func NewRandom(number uint64) *Random {
	r := rand.New(rand.NewPCG(number, 0xca11c0))
	return &Random{r, []float64{0, 0.02, 0.1, 0.3}[r.IntN(4)]}
}

func (r *Random) chance(p float64) bool { return r.Float64() < p }

// of takes a good value, or a bad one now and then.
func of[T any](r *Random, good, bad []T) T {
	if len(bad) > 0 && r.chance(r.fault) {
		return bad[r.IntN(len(bad))]
	}
	return good[r.IntN(len(good))]
}

// list makes a list of up to n elements, nil, or empty.
func list[T any](r *Random, n int, element func() T) []T {
	if r.chance(0.5) {
		return nil
	}
	l := make([]T, 0, n)
	for range r.IntN(n + 1) {
		l = append(l, element())
	}
	return l
}

func optional[T any](r *Random, p float64, value func() T) *T {
	if !r.chance(p) {
		return nil
	}
	v := value()
	return &v
}

// Object returns an object of some kind.
func (r *Random) Object() calico.Object {
	switch r.IntN(10) {
	case 0, 1, 2:
		return r.hostEndpoint()
	case 3:
		return r.policyOf(v3.NewNetworkPolicy())
	case 4:
		return r.policyOf(v3.NewStagedGlobalNetworkPolicy())
	case 5:
		p := Profile(list(r, 2, r.rule)...)
		r.meta(p)
		return p
	case 6:
		s := NetworkSet(list(r, 3, func() string { return r.net(r.chance(0.5)) })...)
		r.meta(s)
		return s
	case 7:
		t := Tier(of(r, []string{"sec", "default", "kube-admin"}, []string{"", "a.b", longName}), of(r, []float64{10, 1000, 1000000}, nil), of(r, []v3.Action{"Deny", "Pass"}, []v3.Action{"Allow", ""}))
		r.meta(t)
		return t
	default:
		return r.globalNetworkPolicy()
	}
}

// policyOf makes a policy of another kind.
func (r *Random) policyOf(obj calico.Object) calico.Object {
	from := r.globalNetworkPolicy()
	obj.SetName(from.Name)
	obj.SetLabels(from.Labels)
	source, _ := calico.PolicyOf(from)
	target, _ := calico.PolicyOf(obj)
	*target.Tier, *target.Order, *target.Ingress, *target.Egress = *source.Tier, *source.Order, *source.Ingress, *source.Egress
	*target.Selector, *target.Types, *target.PerformanceHints = *source.Selector, *source.Types, *source.PerformanceHints
	*target.ServiceAccountSelector = *source.ServiceAccountSelector
	if target.Global == nil {
		obj.SetNamespace(of(r, []string{"prod", "A b"}, []string{"", "a/b"}))
	}
	if target.StagedAction != nil {
		*target.StagedAction = of(r, []v3.StagedAction{"", "Set", "Learn", "Delete"}, []v3.StagedAction{"set"})
	}
	return obj
}

var longName = strings.Repeat("a", 253)

func (r *Random) dnsName() string {
	return of(r, []string{"db1", "db1.example.com", "0", "a--b", longName, longName + ".b"},
		[]string{"DB1", "db_1", "-db1", "db1-", "db1.", ".db1", "a..b", "db 1", "dé", "a.-b", "db1\n"})
}

func (r *Random) meta(obj calico.Object) {
	obj.SetLabels(r.labels(0.3))
	obj.SetAnnotations(r.labels(0.2))
}

func (r *Random) labels(p float64) map[string]string {
	if !r.chance(p) {
		return nil
	}
	labels := map[string]string{}
	for range r.IntN(3) {
		key := of(r, []string{"env", "example.com/role", "a_b.c-D", strings.Repeat("k", 63), "projectcalico.org/namespace"},
			[]string{"", "a b", "/role", "role/", "a/b/c", "Example.com/role", "-a", strings.Repeat("k", 64), longName + "x/k", "K/x"})
		labels[key] = of(r, []string{"", "prod", "A_b-c.9", strings.Repeat("v", 63)}, []string{"a b", "-a", "a-", strings.Repeat("v", 64), "é"})
	}
	return labels
}

func (r *Random) hostEndpoint() *v3.HostEndpoint {
	h := v3.NewHostEndpoint()
	h.Name = of(r, []string{"db1-eth0", "db1.eth0"}, []string{"", "DB1", longName + "a", "a_b"})
	r.meta(h)
	h.Spec.Node = of(r, []string{"db1", "db1.example.com"}, []string{"", r.dnsName()})
	h.Spec.InterfaceName = of(r, []string{"", "eth0", "*", "bond0.4000", "A-_.0123456789a"},
		[]string{"eth+", "eth0:1", "eth*", "**", "eth 0", "0123456789abcdef", "é"})
	h.Spec.ExpectedIPs = list(r, 3, r.address)
	if h.Spec.InterfaceName == "" && len(h.Spec.ExpectedIPs) == 0 && !r.chance(r.fault) {
		h.Spec.InterfaceName = "eth0"
	}
	h.Spec.Profiles = list(r, 2, r.dnsName)
	h.Spec.Ports = list(r, 2, func() v3.EndpointPort {
		return v3.EndpointPort{
			Name: of(r, []string{"http", "a-1", "9p"}, []string{"", "HTTP", "80", "-a", "a--b", "0123456789abcde", "0123456789abcdef", "a_b"}),
			Protocol: of(r, []numorstring.Protocol{ProtocolOf("TCP"), ProtocolOf("UDP"), ProtocolOf("SCTP"), ProtocolOf("6"), ProtocolOf("17"), ProtocolOf("132")},
				[]numorstring.Protocol{{}, ProtocolOf("tcp"), ProtocolOf("ICMP"), ProtocolOf("UDPLite"), ProtocolOf("1"), ProtocolOf(""), ProtocolOf("256")}),
			Port: of(r, []uint16{1, 80, 65535}, []uint16{0}),
		}
	})
	return h
}

// ProtocolOf makes a protocol as a decoder of JSON makes it out of a text.
func ProtocolOf(s string) numorstring.Protocol {
	p := numorstring.Protocol{Type: numorstring.NumOrStringString, StrVal: s}
	if number, err := p.NumValue(); err == nil {
		return numorstring.ProtocolFromInt(number)
	}
	return p
}

func (r *Random) address() string {
	return of(r, []string{"10.0.0.1", "2001:db8::1", "2001:DB8:0::1", "::ffff:10.0.0.1", "0.0.0.0", "::"},
		[]string{"", "10.0.0.1/32", "10.0.0.01", "fe80::1%eth0", " 10.0.0.1", "10.0.0", "host"})
}

func (r *Random) globalNetworkPolicy() *v3.GlobalNetworkPolicy {
	p := v3.NewGlobalNetworkPolicy()
	p.Name = of(r, []string{"p", "p-1", longName}, []string{"", "default.p", "sec.p", "other.p", "a.b.c", "P", longName + "a", "p.", "ossg.p", "ossg", "knp.default.p", "a_b"})
	r.meta(p)
	p.Spec.Tier = of(r, []string{"", "default"}, []string{"sec", "Sec", "a.b"})
	if p.Spec.Tier == "sec" && r.chance(0.7) {
		p.Name = "sec.p"
	}
	p.Spec.Order = optional(r, 0.3, func() float64 { return of(r, []float64{0, -1, 10.5, 1e20}, nil) })
	p.Spec.Ingress = list(r, 2, r.rule)
	p.Spec.Egress = list(r, 2, r.rule)
	p.Spec.Selector = r.selector()
	p.Spec.ServiceAccountSelector = of(r, []string{"", "", ""}, []string{r.selector()})
	p.Spec.NamespaceSelector = of(r, []string{"", "", ""}, []string{r.selector()})
	p.Spec.Types = of(r, [][]v3.PolicyType{nil, {}, {"Ingress"}, {"Egress"}, {"Ingress", "Egress"}, {"Egress", "Ingress"}},
		[][]v3.PolicyType{{"Ingress", "Ingress"}, {"ingress"}, {"x", "x", "Egress"}, {""}})
	p.Spec.PreDNAT = r.chance(0.1)
	p.Spec.DoNotTrack = r.chance(r.fault)
	p.Spec.ApplyOnForward = p.Spec.PreDNAT || p.Spec.DoNotTrack || r.chance(0.2)
	if p.Spec.PreDNAT && !r.chance(r.fault) {
		p.Spec.Egress, p.Spec.Types = nil, nil
	}
	p.Spec.ApplyOnForward = p.Spec.ApplyOnForward && !r.chance(r.fault)
	const hint = v3.PerfHintAssumeNeededOnEveryNode
	p.Spec.PerformanceHints = of(r, [][]v3.PolicyPerformanceHint{nil, nil, {hint}},
		[][]v3.PolicyPerformanceHint{{hint, hint}, {"x"}, {"x", "x"}, {"x", hint}})
	return p
}

func (r *Random) selector() string {
	return of(r, []string{"", "all()", "a == 'b'", `a=="b"`, "has(a)  && !has(b)", "(a in {'y','x'})", " ", "a contains 'x' || all( )"},
		[]string{"global()", "global( )", "a ==", "a = 'b'", "a == 'b'\n", "a == 'global()'", "has(a) && global()", "!global()", "(", "a == 'global('"})
}

func (r *Random) namespaceSelector() string {
	if r.chance(0.8) {
		return ""
	}
	return of(r, []string{"global()", "all()", "a == 'b'"},
		[]string{" global()", "global( )", "global() ", "!global()", "(global())", "global() && a == 'b'", "a == 'b' && global()", "a == 'b' || !global()",
			"!global() || a == 'b'", "a == 'global()'", "a == 'x && global()'", "a == 'b' && (global())", "global() global()", "global(x)", "global(",
			"a == 'global('", "(a == 'b') && (global() || has(c))"})
}

func (r *Random) rule() v3.Rule {
	rule := v3.Rule{
		Action:      of(r, []v3.Action{"Allow", "Deny", "Log", "Pass"}, []v3.Action{"", "allow", "accept", "Next"}),
		IPVersion:   optional(r, 0.1, func() int { return of(r, []int{4, 6}, []int{0, 5, -4}) }),
		Protocol:    optional(r, 0.5, r.protocol),
		NotProtocol: optional(r, 0.1, r.protocol),
		NotICMP:     optional(r, 0.1, r.icmp),
	}
	rule.ICMP = optional(r, r.fault, r.icmp)
	if rule.Protocol != nil && strings.HasPrefix(rule.Protocol.StrVal, "ICMP") {
		rule.ICMP = optional(r, 0.7, r.icmp)
	}
	v6 := r.chance(0.3)
	rule.Source, rule.Destination = r.entity(v6), r.entity(v6)
	if rule.Protocol == nil || !rule.Protocol.SupportsPorts() {
		for _, e := range []*v3.EntityRule{&rule.Source, &rule.Destination} {
			if !r.chance(0.1) {
				e.Ports = nil
			}
			if !r.chance(0.1) {
				e.NotPorts = nil
			}
		}
	}
	if r.chance(r.fault) {
		rule.HTTP = r.http()
	} else if rule.Action == v3.Allow && r.chance(0.3) && (rule.Protocol == nil || rule.Protocol.StrVal == "TCP") {
		rule.HTTP = r.http()
	}
	rule.Metadata = optional(r, 0.1, func() v3.RuleMetadata { return v3.RuleMetadata{Annotations: r.labels(0.8)} })
	return rule
}

func (r *Random) protocol() numorstring.Protocol {
	return of(r, []numorstring.Protocol{ProtocolOf("TCP"), ProtocolOf("UDP"), ProtocolOf("ICMP"), ProtocolOf("ICMPv6"), ProtocolOf("SCTP"), ProtocolOf("UDPLite"), ProtocolOf("6"), ProtocolOf("1"), ProtocolOf("255")},
		[]numorstring.Protocol{ProtocolOf("tcp"), ProtocolOf("icmp"), ProtocolOf("0"), ProtocolOf(""), ProtocolOf("256"), ProtocolOf("gre")})
}

func (r *Random) icmp() v3.ICMPFields {
	f := v3.ICMPFields{Type: optional(r, 0.7, func() int { return of(r, []int{0, 8, 254}, []int{-1, 255, 300}) })}
	if f.Type != nil || r.chance(r.fault) {
		f.Code = optional(r, 0.5, func() int { return of(r, []int{0, 255}, []int{-1, 256}) })
	}
	return f
}

func (r *Random) entity(v6 bool) v3.EntityRule {
	e := v3.EntityRule{
		Nets:              list(r, 3, func() string { return r.net(v6) }),
		NotNets:           list(r, 2, func() string { return r.net(v6) }),
		Selector:          r.selector(),
		NotSelector:       r.selector(),
		NamespaceSelector: r.namespaceSelector(),
		Ports:             list(r, 3, r.port),
		NotPorts:          list(r, 2, r.port),
		ServiceAccounts: optional(r, 0.1, func() v3.ServiceAccountMatch {
			return v3.ServiceAccountMatch{Names: list(r, 2, r.dnsName), Selector: r.selector()}
		}),
	}
	if r.chance(0.1) {
		e = v3.EntityRule{Ports: e.Ports, Nets: of(r, [][]string{nil}, [][]string{e.Nets}), Selector: of(r, []string{""}, []string{e.Selector}),
			Services: &v3.ServiceMatch{
				Name:      of(r, []string{"web"}, []string{"", r.dnsName()}),
				Namespace: of(r, []string{"prod"}, []string{"", r.dnsName()}),
			}}
	}
	return e
}

func (r *Random) net(v6 bool) string {
	good := []string{"10.0.0.0/8", "192.0.2.1/32", "1.0.0.0/8", "::ffff:10.0.0.0/104", "10.0.0.0/08"}
	other := []string{"2001:db8::/32", "2001:DB8::1/128", "::/1"}
	if v6 {
		good, other = other, good
	}
	return of(r, good, append([]string{"10.0.0.1", "10.0.0.1/8", "0.0.0.0/0", "0.0.0.0/00", "1.2.3.4/0", "::/0", "0::0/0", "::1/0", "2001:db8::1", "::ffff:1.2.3.4/64",
		"", "foo", "10.0.0.0/33", "010.0.0.0/8", "10.0.0.0/255.0.0.0", " 10.0.0.0/8", "::ffff:10.0.0.1/104"}, other...))
}

func (r *Random) port() numorstring.Port {
	good := []numorstring.Port{PortOf("80"), PortOf("1:65535"), PortOf("http"), PortOf("http"), PortOf("5:5")}
	bad := []numorstring.Port{PortOf("0"), PortOf("0:10"), PortOf("1-10"), PortOf("HTTP"), PortOf("a--b"), PortOf("0123456789abcdef"), PortOf("a.b")}
	return of(r, good, bad)
}

// PortOf makes a port as a decoder of JSON makes it out of a text.
func PortOf(s string) numorstring.Port {
	p, err := numorstring.PortFromString(s)
	if err != nil {
		panic(err)
	}
	return p
}

func (r *Random) http() *v3.HTTPMatch {
	h := &v3.HTTPMatch{
		Methods: list(r, 2, func() string { return of(r, []string{"GET", "PUT", "x", ""}, nil) }),
		Paths: list(r, 2, func() v3.HTTPPath {
			return of(r, []v3.HTTPPath{{Exact: "/a"}, {Prefix: "/b"}},
				[]v3.HTTPPath{{}, {Exact: "/a", Prefix: "/b"}, {Exact: "a"}, {Prefix: "/a b"}, {Exact: "/a?b"}, {Prefix: "/#"}, {Exact: "/" + strings.Repeat("x", 1024)}})
		}),
	}
	if r.chance(r.fault) {
		for i := range 21 {
			h.Methods = append(h.Methods, "M"+string(rune('A'+i)))
			h.Paths = append(h.Paths, v3.HTTPPath{Exact: "/" + string(rune('A'+i))})
		}
	}
	return h
}
