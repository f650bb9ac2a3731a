package calico_test

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/objecttest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/validate"
)

func TestEqualGlobalNetworkPolicy(t *testing.T) {
	type edit func(*v3.GlobalNetworkPolicy)
	rule := func(r v3.Rule) edit {
		return func(p *v3.GlobalNetworkPolicy) { p.Spec.Ingress = []v3.Rule{r} }
	}
	source := func(e v3.EntityRule) edit { return rule(v3.Rule{Action: v3.Allow, Source: e}) }
	nets := func(l ...string) edit { return source(v3.EntityRule{Nets: l}) }
	selector := func(s string) edit { return func(p *v3.GlobalNetworkPolicy) { p.Spec.Selector = s } }
	beside := func(s string) edit {
		return func(p *v3.GlobalNetworkPolicy) { p.Spec.Selector, p.Spec.NamespaceSelector = s, "has(a)" }
	}
	proto := func(p numorstring.Protocol) edit { return rule(v3.Rule{Protocol: &p}) }
	text := func(s string) numorstring.Protocol {
		return numorstring.Protocol{Type: numorstring.NumOrStringString, StrVal: s}
	}
	order := func(f float64) edit { return func(p *v3.GlobalNetworkPolicy) { p.Spec.Order = &f } }
	types := func(l ...v3.PolicyType) edit { return func(p *v3.GlobalNetworkPolicy) { p.Spec.Types = l } }
	accounts := func(s *v3.ServiceAccountMatch) edit { return source(v3.EntityRule{ServiceAccounts: s}) }
	nothing := func(*v3.GlobalNetworkPolicy) {}
	typ := 8

	for _, tt := range []struct {
		name string
		a, b edit
		same bool
	}{
		{"name", nothing, func(p *v3.GlobalNetworkPolicy) { p.Name = "q" }, false},
		{"namespace", nothing, func(p *v3.GlobalNetworkPolicy) { p.Namespace = "q" }, false},
		{"label", nothing, func(p *v3.GlobalNetworkPolicy) { p.Labels = map[string]string{"a": ""} }, false},
		{"annotation", nothing, func(p *v3.GlobalNetworkPolicy) { p.Annotations = map[string]string{"a": ""} }, false},
		{"empty maps", nothing, func(p *v3.GlobalNetworkPolicy) { p.Annotations, p.Labels = map[string]string{}, map[string]string{} }, true},
		{"other metadata", nothing, func(p *v3.GlobalNetworkPolicy) {
			p.TypeMeta = metav1.TypeMeta{}
			p.ObjectMeta = metav1.ObjectMeta{Name: p.Name, UID: "1", ResourceVersion: "2", Generation: 3, CreationTimestamp: metav1.NewTime(time.Unix(4, 0))}
		}, true},

		{"default tier", nothing, func(p *v3.GlobalNetworkPolicy) { p.Spec.Tier = "default" }, true},
		{"other tier", nothing, func(p *v3.GlobalNetworkPolicy) { p.Spec.Tier = "sec" }, false},
		{"no order", nothing, order(0), false},
		{"order", order(10), order(10.5), false},
		{"same order", order(10), order(10), true},
		{"order -0", order(0), order(math.Copysign(0, -1)), true},
		{"order that is no number", order(math.NaN()), order(math.NaN()), true},
		{"types in another order", types("Ingress", "Egress"), types("Egress", "Ingress", "Egress"), true},
		{"no types", nothing, types("Ingress"), false}, // Felix takes none for both
		{"empty lists", nothing, func(p *v3.GlobalNetworkPolicy) {
			p.Spec.Ingress, p.Spec.Egress, p.Spec.Types, p.Spec.PerformanceHints = []v3.Rule{}, []v3.Rule{}, []v3.PolicyType{}, []v3.PolicyPerformanceHint{}
		}, true},
		{"hint", nothing, func(p *v3.GlobalNetworkPolicy) { p.Spec.PerformanceHints = []v3.PolicyPerformanceHint{"x"} }, false},
		{"untracked", nothing, func(p *v3.GlobalNetworkPolicy) { p.Spec.DoNotTrack = true }, false},

		{"no selector", nothing, selector("all()"), true},
		{"blank selector", nothing, selector(" \t"), true},
		{"spelling of selector", selector(`a=="b"&&(has( c ))`), selector("a == 'b' && has(c)"), true},
		{"selector", selector("has(a)"), selector("has(b)"), false},
		{"faulty selector", selector("a = b"), selector("a  =  b"), false},
		{"same faulty selector", selector("a = b"), selector("a = b"), true},
		{"selector of two lines", selector("has(a)\n"), selector("has(a)"), false}, // the one is refused
		// Beside a namespaceSelector Felix makes of all() that there is a namespace.
		{"no selector beside another", beside(""), beside("all()"), false},
		{"all() in another spelling beside another", beside("all( )"), beside("all()"), false},
		{"spelling of selector beside another", beside("a=='b'"), beside(`a == "b"`), true},
		{"no namespaceSelector", nothing, func(p *v3.GlobalNetworkPolicy) { p.Spec.NamespaceSelector = "all()" }, false},
		{"no serviceAccountSelector", nothing, func(p *v3.GlobalNetworkPolicy) { p.Spec.ServiceAccountSelector = "all()" }, false},
		{"blank namespaceSelector", func(p *v3.GlobalNetworkPolicy) { p.Spec.NamespaceSelector = " " }, func(p *v3.GlobalNetworkPolicy) { p.Spec.NamespaceSelector = "all()" }, true},

		{"no rule", nothing, rule(v3.Rule{}), false},
		{"action", rule(v3.Rule{Action: v3.Allow}), rule(v3.Rule{Action: v3.Deny}), false},
		{"number of protocol", proto(text("6")), proto(numorstring.ProtocolFromInt(6)), true},
		{"number of protocol with zeros", proto(text("006")), proto(numorstring.ProtocolFromInt(6)), true},
		{"case of protocol", proto(text("tcp")), proto(text("TCP")), true},
		{"number and name of protocol", proto(text("TCP")), proto(numorstring.ProtocolFromInt(6)), false},
		{"unknown protocol", proto(text("x")), proto(text("X")), false},
		{"no ICMP fields", rule(v3.Rule{}), rule(v3.Rule{ICMP: &v3.ICMPFields{}, NotICMP: &v3.ICMPFields{}}), true},
		{"ICMP type", rule(v3.Rule{}), rule(v3.Rule{ICMP: &v3.ICMPFields{Type: &typ}}), false},
		{"no HTTP fields", rule(v3.Rule{}), rule(v3.Rule{HTTP: &v3.HTTPMatch{}}), false},
		{"empty HTTP fields", rule(v3.Rule{HTTP: &v3.HTTPMatch{}}), rule(v3.Rule{HTTP: &v3.HTTPMatch{Methods: []string{}, Paths: []v3.HTTPPath{}}}), true},
		{"no metadata", rule(v3.Rule{}), rule(v3.Rule{Metadata: &v3.RuleMetadata{Annotations: map[string]string{}}}), true},
		{"rule metadata", rule(v3.Rule{}), rule(v3.Rule{Metadata: &v3.RuleMetadata{Annotations: map[string]string{"a": "b"}}}), false},

		{"order and repetition of networks", nets("10.0.0.0/8", "192.0.2.0/24"), nets("192.0.2.0/24", "10.0.0.0/8", "10.0.0.0/8"), true},
		{"spelling of networks", nets("2001:DB8:0::/32"), nets("2001:db8::/32"), true},
		{"IPv4 within IPv6", nets("::ffff:10.0.0.0/104"), nets("10.0.0.0/8"), true},
		{"address", nets("10.0.0.1"), nets("10.0.0.1/32"), true},
		{"bits beyond the prefix", nets("10.0.0.1/8"), nets("10.0.0.0/8"), true},
		{"prefix", nets("10.0.0.0/8"), nets("10.0.0.0/9"), false},
		{"no network", nets("10.0.0.0"), nets("10.0.0.x"), false},
		{"notNets", source(v3.EntityRule{NotNets: []string{"::1/128", "::2/128"}}), source(v3.EntityRule{NotNets: []string{"::2", "0::1"}}), true},
		{"spelling of ports", source(v3.EntityRule{Ports: []numorstring.Port{{PortName: "5:5"}, {PortName: "080"}}}), source(v3.EntityRule{Ports: objecttest.Ports("5", "80")}), true},
		{"order of ports", source(v3.EntityRule{NotPorts: objecttest.Ports("5", "80")}), source(v3.EntityRule{NotPorts: objecttest.Ports("80", "5")}), false},
		{"range backwards", source(v3.EntityRule{Ports: []numorstring.Port{{MinPort: 9, MaxPort: 1}}}), source(v3.EntityRule{Ports: objecttest.Ports("1:9")}), false},
		{"no rule selector", source(v3.EntityRule{}), source(v3.EntityRule{Selector: "all()"}), false},
		{"blank rule selector", source(v3.EntityRule{Selector: " "}), source(v3.EntityRule{Selector: "all()"}), true},
		// Felix cannot read what it makes of these two.
		{"blank rule selector beside another", source(v3.EntityRule{Selector: " ", NamespaceSelector: "has(a)"}), source(v3.EntityRule{Selector: "all()", NamespaceSelector: "has(a)"}), false},
		{"no notSelector", source(v3.EntityRule{}), source(v3.EntityRule{NotSelector: "all()"}), false},
		{"no rule namespaceSelector", source(v3.EntityRule{}), source(v3.EntityRule{NamespaceSelector: "all()"}), false},
		{"spelling of global()", source(v3.EntityRule{NamespaceSelector: " global( )"}), source(v3.EntityRule{NamespaceSelector: "global()"}), true},
		{"service accounts", accounts(&v3.ServiceAccountMatch{Names: []string{"b", "a"}, Selector: "has(a )"}), accounts(&v3.ServiceAccountMatch{Names: []string{"a", "b", "b"}, Selector: "has(a)"}), true},
		{"no service accounts", accounts(nil), accounts(&v3.ServiceAccountMatch{Names: []string{}}), true},
		{"service account", accounts(nil), accounts(&v3.ServiceAccountMatch{Selector: "all()"}), false},
		{"service", source(v3.EntityRule{}), source(v3.EntityRule{Services: &v3.ServiceMatch{}}), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := objecttest.Policy(), objecttest.Policy()
			tt.a(a)
			tt.b(b)
			if calico.Equal(a, b) != tt.same || calico.Equal(b, a) != tt.same {
				t.Errorf("Equal = %v, %v; want %v\n%+v\n%+v", calico.Equal(a, b), calico.Equal(b, a), tt.same, calico.Canonical(a), calico.Canonical(b))
			}
		})
	}
}

func TestEqualHostEndpoint(t *testing.T) {
	type edit func(*v3.HostEndpointSpec)
	nothing := func(*v3.HostEndpointSpec) {}
	ips := func(l ...string) edit { return func(s *v3.HostEndpointSpec) { s.ExpectedIPs = l } }
	profiles := func(l ...string) edit { return func(s *v3.HostEndpointSpec) { s.Profiles = l } }
	port := func(p numorstring.Protocol) edit {
		return func(s *v3.HostEndpointSpec) { s.Ports = []v3.EndpointPort{{Name: "a", Protocol: p, Port: 1}} }
	}
	for _, tt := range []struct {
		name string
		a, b edit
		same bool
	}{
		{"node", nothing, func(s *v3.HostEndpointSpec) { s.Node = "x" }, false},
		{"interface", nothing, func(s *v3.HostEndpointSpec) { s.InterfaceName = "*" }, false},
		{"empty lists", nothing, func(s *v3.HostEndpointSpec) {
			s.ExpectedIPs, s.Profiles, s.Ports = []string{}, []string{}, []v3.EndpointPort{}
		}, true},
		{"addresses", ips("10.0.0.1", "2001:DB8::1"), ips("2001:db8:0::1", "::ffff:10.0.0.1", "10.0.0.1"), true},
		{"other address", ips("10.0.0.1"), ips("10.0.0.2"), false},
		{"address with a prefix", ips("10.0.0.1"), ips("10.0.0.1/32"), false},
		{"order of profiles", profiles("a", "b"), profiles("b", "a"), false},
		{"profile twice", profiles("a"), profiles("a", "a"), false},
		{"number of protocol", port(objecttest.ProtocolOf("6")), port(numorstring.Protocol{Type: numorstring.NumOrStringString, StrVal: "6"}), true},
		{"protocol", port(objecttest.ProtocolOf("6")), port(objecttest.ProtocolOf("TCP")), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := objecttest.HostEndpoint(), objecttest.HostEndpoint()
			tt.a(&a.Spec)
			tt.b(&b.Spec)
			if calico.Equal(a, b) != tt.same || calico.Equal(b, a) != tt.same {
				t.Errorf("Equal = %v, %v; want %v", calico.Equal(a, b), calico.Equal(b, a), tt.same)
			}
		})
	}
}

func TestEqualOtherKinds(t *testing.T) {
	np := func(edit func(*v3.NetworkPolicySpec)) calico.Object {
		p := objecttest.NetworkPolicy()
		edit(&p.Spec)
		return p
	}
	selector := func(s string) calico.Object { return np(func(spec *v3.NetworkPolicySpec) { spec.Selector = s }) }
	ruleSelector := func(s string) calico.Object {
		return np(func(spec *v3.NetworkPolicySpec) { spec.Egress = []v3.Rule{{Destination: v3.EntityRule{Selector: s}}} })
	}
	staged := func(action v3.StagedAction) calico.Object {
		p := objecttest.StagedPolicy()
		p.Spec.StagedAction = action
		return p
	}
	labelled := objecttest.Profile()
	labelled.Spec.LabelsToApply = map[string]string{"a": "b"}
	empty := objecttest.Profile()
	empty.Spec.Ingress, empty.Spec.Egress, empty.Spec.LabelsToApply = []v3.Rule{}, []v3.Rule{}, map[string]string{}
	elsewhere := objecttest.NetworkPolicy()
	elsewhere.Namespace = "test"
	ordered := func(order float64) calico.Object { return np(func(spec *v3.NetworkPolicySpec) { spec.Order = &order }) }

	for _, tt := range []struct {
		name string
		a, b calico.Object
		same bool
	}{
		{"policy", objecttest.NetworkPolicy(), objecttest.NetworkPolicy(), true},
		{"kind", objecttest.NetworkPolicy(), objecttest.StagedNetworkPolicy(), false},
		{"namespace", objecttest.NetworkPolicy(), elsewhere, false},
		{"tier", objecttest.NetworkPolicy(), np(func(spec *v3.NetworkPolicySpec) { spec.Tier = "default" }), true},
		{"order", ordered(1), ordered(2), false},
		{"order -0", ordered(0), ordered(math.Copysign(0, -1)), true},
		{"no selector", selector(""), selector("all()"), true},
		{"spelling of selector", selector(`a=="b"`), selector("a == 'b'"), true},
		// Felix puts these in brackets beside the namespace, and cannot read what comes
		// of a blank one.
		{"blank selector", selector(" "), selector("all()"), false},
		{"blank rule selector", ruleSelector(" "), ruleSelector("all()"), false},
		{"spelling of rule selector", ruleSelector("has( a )"), ruleSelector("has(a)"), true},

		{"no staged action", staged(""), staged(v3.StagedActionSet), true},
		{"staged action", staged(v3.StagedActionLearn), staged(v3.StagedActionSet), false},

		{"tier object", objecttest.Tier("a", 1, v3.Pass), objecttest.Tier("a", 1, v3.Pass), true},
		{"order of a tier", objecttest.Tier("a", 1, v3.Pass), objecttest.Tier("a", 2, v3.Pass), false},
		{"order that is no number", objecttest.Tier("a", math.NaN(), v3.Pass), objecttest.Tier("a", math.NaN(), v3.Pass), true},
		{"order -0 of a tier", objecttest.Tier("a", 0, v3.Pass), objecttest.Tier("a", math.Copysign(0, -1), v3.Pass), true},
		{"action of a tier", objecttest.Tier("a", 1, v3.Pass), objecttest.Tier("a", 1, v3.Deny), false},

		{"order of networks", objecttest.NetworkSet("10.0.0.1", "2001:DB8::/32"), objecttest.NetworkSet("2001:db8::/32", "10.0.0.1/32", "10.0.0.1"), true},
		{"networks", objecttest.NetworkSet("10.0.0.1"), objecttest.NetworkSet("10.0.0.2"), false},
		{"no networks", objecttest.NetworkSet(), objecttest.NetworkSet([]string{}...), true},

		{"labels to apply", objecttest.Profile(), labelled, false},
		{"empty profile", objecttest.Profile(), empty, true},
		{"rules of a profile", objecttest.Profile(v3.Rule{Action: v3.Allow}), objecttest.Profile(v3.Rule{Action: v3.Deny}), false},
		{"blank rule selector of a profile", objecttest.Profile(v3.Rule{Source: v3.EntityRule{Selector: " "}}), objecttest.Profile(v3.Rule{Source: v3.EntityRule{Selector: "all()"}}), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := tt.a.DeepCopyObject()
			if calico.Equal(tt.a, tt.b) != tt.same || calico.Equal(tt.b, tt.a) != tt.same {
				t.Errorf("Equal = %v, %v; want %v\n%+v\n%+v", calico.Equal(tt.a, tt.b), calico.Equal(tt.b, tt.a), tt.same, calico.Canonical(tt.a), calico.Canonical(tt.b))
			}
			if !reflect.DeepEqual(before, tt.a) && tt.name != "order that is no number" {
				t.Error("Equal changed the object")
			}
		})
	}
}

func TestEqualNothing(t *testing.T) {
	var h *v3.HostEndpoint
	var p *v3.GlobalNetworkPolicy
	objects := []calico.Object{nil, h, p, objecttest.HostEndpoint(), objecttest.Policy()}
	for i, a := range objects {
		for j, b := range objects {
			if calico.Equal(a, b) != (i == j) {
				t.Errorf("Equal(%#v, %#v) = %v", a, b, !calico.Equal(a, b))
			}
		}
		if c := calico.Canonical(a); !reflect.DeepEqual(c, a) && i < 3 {
			t.Errorf("Canonical(%#v) = %#v", a, c)
		}
	}
}

func TestEqualRandom(t *testing.T) {
	same := 0
	for n := range uint64(2000) {
		a := objecttest.NewRandom(n).Object()
		before := a.DeepCopyObject()
		c := calico.Canonical(a)
		switch {
		case !reflect.DeepEqual(before, a):
			t.Fatalf("object %d: Canonical changed it:\n%+v\n%+v", n, before, a)
		case !reflect.DeepEqual(calico.Canonical(c), c):
			t.Fatalf("object %d: Canonical is not idempotent:\n%+v\n%+v", n, c, calico.Canonical(c))
		case !calico.Equal(a, a), !calico.Equal(a, c), !calico.Equal(c, a):
			t.Fatalf("object %d is not equal to itself:\n%+v\n%+v", n, a, c)
		}
		// The neighbours of a number have few fields in common, but some do not differ.
		b := objecttest.NewRandom(n + 1).Object()
		if calico.Equal(a, b) != calico.Equal(b, a) {
			t.Fatalf("Equal is not symmetric for object %d", n)
		}
		if calico.Equal(a, b) {
			same++
		}
		// What Calico accepts it accepts in canonical form too, but for global( ).
		if len(validate.Validate(a, objecttest.V3310)) == 0 {
			for _, e := range validate.Validate(c, objecttest.V3310) {
				if !strings.Contains(e.Reason, "global()") {
					t.Fatalf("object %d: its canonical form is refused: %v", n, e)
				}
			}
		}
	}
	if same > 100 {
		t.Errorf("%d of the random objects are equal: they tell little", same)
	}
}

func TestCanonicalTexts(t *testing.T) {
	for _, tt := range []struct {
		name     string
		f        func(string) string
		in, want string
	}{
		{"Net", calico.CanonicalNet, "10.0.0.0/8", "10.0.0.0/8"},
		{"Net", calico.CanonicalNet, "10.1.2.3/8", "10.0.0.0/8"},
		{"Net", calico.CanonicalNet, "10.0.0.0/08", "10.0.0.0/8"},
		{"Net", calico.CanonicalNet, "10.0.0.1", "10.0.0.1/32"},
		{"Net", calico.CanonicalNet, "2001:DB8:0:0::/32", "2001:db8::/32"},
		{"Net", calico.CanonicalNet, "2001:DB8::1", "2001:db8::1/128"},
		{"Net", calico.CanonicalNet, "::ffff:10.0.0.0/104", "10.0.0.0/8"},
		{"Net", calico.CanonicalNet, "::ffff:10.0.0.1", "10.0.0.1/32"},
		{"Net", calico.CanonicalNet, " 10.0.0.0/8", " 10.0.0.0/8"},
		{"Net", calico.CanonicalNet, "", ""},
		{"IP", calico.CanonicalIP, "10.0.0.1", "10.0.0.1"},
		{"IP", calico.CanonicalIP, "2001:DB8:0:0::1", "2001:db8::1"},
		{"IP", calico.CanonicalIP, "10.0.0.1/32", "10.0.0.1/32"},
		{"IP", calico.CanonicalIP, "010.0.0.1", "010.0.0.1"},
		{"Port", calico.CanonicalPort, "22", "22"},
		{"Port", calico.CanonicalPort, "022", "22"},
		{"Port", calico.CanonicalPort, "22:22", "22"},
		{"Port", calico.CanonicalPort, "01:010", "1:10"},
		{"Port", calico.CanonicalPort, "10:1", "10:1"},
		{"Port", calico.CanonicalPort, "1-10", "1-10"},
		{"Port", calico.CanonicalPort, "70000", "70000"},
		{"Port", calico.CanonicalPort, "http", "http"},
		{"Port", calico.CanonicalPort, "", ""},
		{"Protocol", calico.CanonicalProtocol, "6", "6"},
		{"Protocol", calico.CanonicalProtocol, "06", "6"},
		{"Protocol", calico.CanonicalProtocol, "0", "0"},
		{"Protocol", calico.CanonicalProtocol, "256", "256"},
		{"Protocol", calico.CanonicalProtocol, "TCP", "TCP"},
		{"Protocol", calico.CanonicalProtocol, "tcp", "TCP"},
		{"Protocol", calico.CanonicalProtocol, "icmpV6", "ICMPv6"},
		{"Protocol", calico.CanonicalProtocol, "gre", "gre"},
		{"Protocol", calico.CanonicalProtocol, "", ""},
		{"Selector", calico.CanonicalSelector, `a=="b"`, "a == 'b'"},
		{"Selector", calico.CanonicalSelector, "has(a)\n  && has(b)\n", "has(a) && has(b)"},
		{"Selector", calico.CanonicalSelector, " ", "all()"},
		{"Selector", calico.CanonicalSelector, "", "all()"},
		{"Selector", calico.CanonicalSelector, "a =\n'b'", "a =\n'b'"},
	} {
		if got := tt.f(tt.in); got != tt.want {
			t.Errorf("Canonical%s(%q) = %q, want %q", tt.name, tt.in, got, tt.want)
		}
		if got := tt.f(tt.want); got != tt.want {
			t.Errorf("Canonical%s(%q) = %q, want it unchanged", tt.name, tt.want, got)
		}
	}
}
