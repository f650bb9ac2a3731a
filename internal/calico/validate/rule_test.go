package validate

import (
	"math"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/objecttest"
)

func protocol(s string) *numorstring.Protocol {
	p := objecttest.ProtocolOf(s)
	return &p
}

// ruleCase is a rule, and its faults as an ingress rule of a policy, with their
// paths from the rule on.
type ruleCase struct {
	name string
	edit func(*v3.Rule)
	want []fault
}

const (
	theRule        = "spec.ingress[0]"
	theSource      = theRule + ".source"
	theDestination = theRule + ".destination"
)

// checkRules checks the rules in every one of the releases.
func checkRules(t *testing.T, releases []calico.Release, cases []ruleCase) {
	t.Helper()
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			p := objecttest.Policy(v3.Rule{Action: v3.Allow})
			tt.edit(&p.Spec.Ingress[0])
			for _, r := range releases {
				checkFaults(t, p, r, tt.want...)
			}
		})
	}
}

func TestValidateRule(t *testing.T) {
	action := func(a v3.Action) func(*v3.Rule) { return func(r *v3.Rule) { r.Action = a } }
	ipVersion := func(v int) func(*v3.Rule) { return func(r *v3.Rule) { r.IPVersion = &v } }
	proto := func(s string) func(*v3.Rule) { return func(r *v3.Rule) { r.Protocol = protocol(s) } }
	icmp := func(s string, f *v3.ICMPFields) func(*v3.Rule) {
		return func(r *v3.Rule) { r.Protocol, r.ICMP = protocol(s), f }
	}
	n := func(i int) *int { return &i }
	const field = theRule + ".protocol"
	checkRules(t, objecttest.Releases, []ruleCase{
		{"deny", action(v3.Deny), nil},
		{"log", action(v3.Log), nil},
		{"pass", action(v3.Pass), nil},
		{"no action", action(""), []fault{at(theRule+".action", `is "Allow", "Deny", "Log" or "Pass".`)}},
		{"allow in lower case", action("allow"), []fault{at(theRule+".action", `write "Allow".`)}},
		{"DROP", action("DROP"), []fault{at(theRule+".action", `write "Deny".`)}},
		{"next-tier", action("next-tier"), []fault{at(theRule+".action", `write "Pass".`)}},
		{"unknown action", action("Mark"), []fault{at(theRule+".action", `or "Pass".`)}},

		{"IPv4", ipVersion(4), nil},
		{"IPv6", ipVersion(6), nil},
		{"IPv5", ipVersion(5), []fault{at(theRule+".ipVersion", "is 4 or 6")}},
		{"IPv0", ipVersion(0), []fault{at(theRule+".ipVersion", "is 4 or 6")}},

		{"TCP", proto("TCP"), nil},
		{"UDPLite", proto("UDPLite"), nil},
		{"number", proto("255"), nil},
		{"number 0", proto("0"), []fault{at(field, "leave the field out to match every protocol.")}},
		{"number 256", proto("256"), []fault{at(field, "a number from 1 to 255.")}},
		{"no protocol", proto(""), []fault{at(field, "leave the field out")}},
		{"any protocol", proto("Any"), []fault{at(field, "leave the field out")}},
		{"tcp", proto("tcp"), []fault{at(field, `write "TCP".`)}},
		{"udplite", proto("UDPLITE"), []fault{at(field, `write "UDPLite".`)}},
		{"icmp6", proto("icmp6"), []fault{at(field, `write "ICMPv6".`)}},
		{"gre", proto(" GRE"), []fault{at(field, `write "47".`)}},
		{"unknown protocol", proto("foo"), []fault{at(field, "255.")}},
		{"zero value", func(r *v3.Rule) { r.Protocol = &numorstring.Protocol{} }, []fault{at(field, "leave the field out")}},
		{"not TCP", func(r *v3.Rule) { r.NotProtocol = protocol("TCP") }, nil},
		{"not tcp", func(r *v3.Rule) { r.NotProtocol = protocol("tcp") }, []fault{at(theRule+".notProtocol", `write "TCP".`)}},

		{"ping", icmp("ICMP", &v3.ICMPFields{Type: n(8), Code: n(0)}), nil},
		{"any ICMP", icmp("ICMPv6", &v3.ICMPFields{}), nil},
		{"ICMP border", icmp("ICMP", &v3.ICMPFields{Type: n(254), Code: n(255)}), nil},
		{"ICMP type 255", icmp("ICMP", &v3.ICMPFields{Type: n(255)}), []fault{at(theRule+".icmp.type", "0 to 254")}},
		{"ICMP type -1", icmp("ICMP", &v3.ICMPFields{Type: n(-1)}), []fault{at(theRule+".icmp.type", "0 to 254")}},
		{"ICMP code 256", icmp("ICMP", &v3.ICMPFields{Type: n(3), Code: n(256)}), []fault{at(theRule+".icmp.code", "0 to 255")}},
		{"ICMP code alone", icmp("ICMP", &v3.ICMPFields{Code: n(0)}), []fault{in(theRule+".icmp", theRule+".icmp.code", "set type too")}},
		{"ICMP by number", icmp("1", &v3.ICMPFields{Type: n(8)}), []fault{in(theRule, theRule+".icmp", "do not count")}},
		{"ICMP of TCP", icmp("TCP", &v3.ICMPFields{Type: n(8)}), []fault{in(theRule, theRule+".icmp", `"ICMP" or "ICMPv6"`)}},
		{"ICMP of no protocol", func(r *v3.Rule) { r.ICMP = &v3.ICMPFields{Type: n(8)} }, []fault{in(theRule, theRule+".icmp", "set protocol")}},
		{"ICMP of another protocol", func(r *v3.Rule) { r.ICMP, r.NotProtocol = &v3.ICMPFields{Type: n(8)}, protocol("ICMP") }, []fault{in(theRule, theRule+".icmp", "set protocol")}},
		{"not ICMP", func(r *v3.Rule) { r.NotICMP = &v3.ICMPFields{Type: n(8)} }, nil},
		{"faulty not ICMP", func(r *v3.Rule) { r.NotICMP = &v3.ICMPFields{Code: n(300)} },
			[]fault{at(theRule+".notICMP.code", "0 to 255"), in(theRule+".notICMP", theRule+".notICMP.code", "set type too")}},

		{"ICMP of IPv4", func(r *v3.Rule) { r.IPVersion, r.Protocol = n(4), protocol("ICMP") }, nil},
		{"ICMP of IPv6", func(r *v3.Rule) { r.IPVersion, r.Protocol = n(6), protocol("ICMP") }, []fault{in(theRule, theRule+".ipVersion", "write 4, or leave ipVersion out")}},
		{"ICMPv6 of IPv6", func(r *v3.Rule) { r.IPVersion, r.Protocol = n(6), protocol("ICMPv6") }, nil},
		{"not ICMPv6 of IPv4", func(r *v3.Rule) { r.IPVersion, r.NotProtocol = n(4), protocol("ICMPv6") }, []fault{in(theRule, theRule+".ipVersion", "write 6")}},
		{"number of ICMP with IPv6", func(r *v3.Rule) { r.IPVersion, r.Protocol = n(6), protocol("1") }, nil},
		{"ICMPv6 with IPv4 networks", func(r *v3.Rule) { r.Protocol, r.Source.Nets = protocol("ICMPv6"), []string{"10.0.0.0/8"} }, nil},
	})
}

func TestValidateNets(t *testing.T) {
	nets := func(l ...string) func(*v3.Rule) { return func(r *v3.Rule) { r.Source.Nets = l } }
	four, six := 4, 6
	const first, second = theSource + ".nets[0]", theSource + ".nets[1]"
	checkRules(t, objecttest.Releases, []ruleCase{
		{"networks", nets("10.0.0.0/8", "192.0.2.1/32", "0.0.0.0/0", "10.0.0.0/8"), nil},
		{"networks of IPv6", nets("2001:DB8::/32", "::1/128", "::/0"), nil},
		{"IPv4 within IPv6", nets("::ffff:10.0.0.0/104", "10.0.0.0/8"), nil},
		{"bits beyond the prefix", nets("10.0.0.1/8"), []fault{at(first, `Calico wants the network address here: write "10.0.0.0/8", or "10.0.0.1/32" for the one address.`)}},
		{"bits beyond the prefix of IPv6", nets("2001:db8::1/32"), []fault{at(first, `write "2001:db8::/32", or "2001:db8::1/128"`)}},
		{"bits beyond the prefix of both", nets("::ffff:10.0.0.1/104"), []fault{at(first, `write "10.0.0.0/8", or "10.0.0.1/32"`)}},
		{"address", nets("10.0.0.0/8", "10.0.0.1"), []fault{at(second, `a prefix length here: write "10.0.0.1/32".`)}},
		{"address of IPv6", nets("2001:DB8::1"), []fault{at(first, `write "2001:db8::1/128".`)}},
		{"netmask", nets("10.0.0.0/255.0.0.0"), []fault{at(first, `write "10.0.0.0/8".`)}},
		{"netmask with holes", nets("10.0.0.0/255.0.255.0"), []fault{at(first, "2001:db8::/32.")}},
		{"blanks", nets(" 10.0.0.0/8 "), []fault{at(first, `write "10.0.0.0/8".`)}},
		{"leading zeros", nets("010.0.0.0/8"), []fault{at(first, "no leading zeros")}},
		{"prefix too long", nets("10.0.0.0/33"), []fault{at(first, "such as 10.0.0.0/8")}},
		{"nothing", nets(""), []fault{at(first, "such as 10.0.0.0/8")}},
		{"range", nets("10.0.0.0-10.0.0.9"), []fault{at(first, "such as 10.0.0.0/8")}},

		{"IPv4 only", func(r *v3.Rule) { r.IPVersion, r.Source.Nets = &four, []string{"10.0.0.0/8"} }, nil},
		{"IPv6 only", func(r *v3.Rule) { r.IPVersion, r.Source.Nets = &six, []string{"::/0"} }, nil},
		{"not of IPv6", func(r *v3.Rule) { r.IPVersion, r.Destination.Nets = &six, []string{"10.0.0.0/8", "10.0.0.0/8"} },
			[]fault{in(theRule, theDestination+".nets[0]", "an IPv4 network in a rule with ipVersion 6")}},
		{"not of IPv4", func(r *v3.Rule) { r.IPVersion, r.Source.NotNets = &four, []string{"2001:db8::/32"} },
			[]fault{in(theRule, theSource+".notNets[0]", "an IPv6 network in a rule with ipVersion 4")}},

		{"mixed in one list", nets("10.0.0.0/8", "::1/128", "::2/128"), []fault{in(theRule, second, "an IPv6 network in a rule that has IPv4 networks too: write two rules")}},
		{"mixed in two lists", func(r *v3.Rule) { r.Source.Nets, r.Destination.NotNets = []string{"::1/128"}, []string{"10.0.0.0/8"} },
			[]fault{in(theRule, theDestination+".notNets[0]", "an IPv4 network in a rule that has IPv6 networks too")}},
		{"mixed in all lists", func(r *v3.Rule) {
			r.Source.Nets, r.Source.NotNets = []string{"10.0.0.0/8"}, []string{"::1/128"}
			r.Destination.Nets, r.Destination.NotNets = []string{"10.0.0.0/8"}, []string{"::1/128"}
		}, []fault{in(theRule, theSource+".notNets[0]", ""), in(theRule, theDestination+".nets[0]", ""), in(theRule, theDestination+".notNets[0]", "")}},
		{"mixed in two rules", func(r *v3.Rule) { r.Source.Nets = []string{"::1/128"} }, nil},
		{"mixed with no network", nets("10.0.0.0/8", "::1"), []fault{at(second, "prefix length")}},

		{"excluded", func(r *v3.Rule) { r.Source.NotNets = []string{"10.0.0.0/8", "0.0.0.0/1"} }, nil},
		{"excluded address", func(r *v3.Rule) { r.Destination.NotNets = []string{"10.0.0.1"} }, []fault{at(theDestination+".notNets[0]", `write "10.0.0.1/32".`)}},
		// A spelling that Calico does not know for what it is.
		{"excluded everything", func(r *v3.Rule) { r.Source.NotNets = []string{"0.0.0.0/00"} }, nil},
	})
}

// A network of all addresses in notNets is refused from v3.29.6, v3.30.3 and
// v3.31.0 on.
func TestValidateNotNetsOfAllAddresses(t *testing.T) {
	for _, tt := range []struct {
		release calico.Release
		refused bool
	}{
		{objecttest.V3285, false},
		{calico.Release{Major: 3, Minor: 28, Patch: math.MaxInt32}, false},
		{objecttest.V3290, false},
		{objecttest.V3295, false},
		{objecttest.V3296, true},
		{calico.Release{Major: 3, Minor: 29, Patch: math.MaxInt32}, true},
		{calico.Release{Major: 3, Minor: 30, Patch: 0}, false},
		{objecttest.V3302, false},
		{objecttest.V3303, true},
		{objecttest.V3310, true},
		{objecttest.V3320, true},
		{calico.Newest, true},
		{calico.Release{Major: 4, Minor: 0, Patch: 0}, true},
		{calico.Release{Major: 4, Minor: 30, Patch: 0}, true},
	} {
		for _, s := range []string{"0.0.0.0/0", "::/0", "0:0::0/0"} {
			p := objecttest.Policy(v3.Rule{Action: v3.Deny})
			p.Spec.Ingress[0].Source.Nets = []string{s}
			p.Spec.Ingress[0].Destination.NotNets = []string{s}
			if tt.refused {
				checkFaults(t, p, tt.release, at(theDestination+".notNets[0]", "excludes every address matches nothing"))
			} else {
				checkFaults(t, p, tt.release)
			}
		}
	}
}

func TestValidatePorts(t *testing.T) {
	source := func(l []numorstring.Port) func(*v3.Rule) {
		return func(r *v3.Rule) { r.Protocol, r.Source.Ports = protocol("TCP"), l }
	}
	of := func(s string) func(*v3.Rule) {
		return func(r *v3.Rule) { r.Protocol, r.Destination.NotPorts = protocol(s), objecttest.Ports("80") }
	}
	const first, without = theSource + ".ports[0]", "A port is a number from 1 to 65535"
	checkRules(t, objecttest.Releases, []ruleCase{
		{"ports", source(objecttest.Ports("1", "65535", "1:65535", "5:5", "http", "a-1")), nil},
		{"port 0", source(objecttest.Ports("0")), []fault{at(first, without)}},
		{"range from 0", source(objecttest.Ports("0:10")), []fault{at(first, `write "1:10".`)}},
		{"range to 0", source([]numorstring.Port{{MinPort: 5}}), []fault{at(first, `write "1:5".`)}},
		{"range backwards", source([]numorstring.Port{{MinPort: 10, MaxPort: 5}}), []fault{at(first, `write "5:10".`)}},
		{"range with -", source(objecttest.Ports("80", "1-10")), []fault{at(theSource+".ports[1]", `A range of ports is written with a colon: write "1:10".`)}},
		{"range with .., backwards", source(objecttest.Ports("10..0")), []fault{at(first, `write "1:10".`)}},
		{"range of nothing", source(objecttest.Ports("0-0")), []fault{at(first, without)}},
		{"name in upper case", source(objecttest.Ports("HTTP")), []fault{at(first, `write "http".`)}},
		{"name with _", source(objecttest.Ports("my_port")), []fault{at(first, `write "my-port".`)}},
		{"long name", source(objecttest.Ports("0123456789abcde", "0123456789abcdef")), []fault{at(theSource+".ports[1]", "1 to 15 lower-case letters")}},
		{"name with --", source(objecttest.Ports("a--b")), []fault{at(first, "doubled.")}},
		{"name of digits", source([]numorstring.Port{{PortName: "80"}}), []fault{at(first, "at least one letter")}},
		{"name and number", source([]numorstring.Port{{PortName: "http", MinPort: 80, MaxPort: 80}}), []fault{at(first, "either a name or a number")}},

		{"UDP", of("UDP"), nil},
		{"SCTP", of("SCTP"), nil},
		{"6", of("6"), nil},
		{"132", of("132"), nil},
		{"ICMP", of("ICMP"), []fault{in(theRule, theDestination+".notPorts", `The protocol "ICMP" has no ports: set protocol to "TCP", "UDP" or "SCTP", or remove the ports.`)}},
		{"UDPLite", of("UDPLite"), []fault{in(theRule, theDestination+".notPorts", "has no ports")}},
		{"1", of("1"), []fault{in(theRule, theDestination+".notPorts", "has no ports")}},
		{"all lists", func(r *v3.Rule) {
			r.NotProtocol = protocol("ICMP") // which says nothing of ports
			r.Source.Ports, r.Source.NotPorts = objecttest.Ports("80"), objecttest.Ports("80", "http")
			r.Destination.Ports, r.Destination.NotPorts = objecttest.Ports("80"), objecttest.Ports("80")
		}, []fault{
			in(theRule, theSource+".ports", `set protocol to "TCP", "UDP" or "SCTP".`), in(theRule, theSource+".notPorts", "needs a protocol"),
			in(theRule, theDestination+".ports", "needs a protocol"), in(theRule, theDestination+".notPorts", "needs a protocol"),
		}},
		{"empty list", func(r *v3.Rule) { r.Source.Ports = []numorstring.Port{} }, nil},
	})
}

// From v3.32 on named ports, and nothing but named ports, need no protocol.
func TestValidateNamedPortsWithoutProtocol(t *testing.T) {
	named := ruleCase{name: "named", edit: func(r *v3.Rule) { r.Destination.Ports = objecttest.Ports("http", "dns") }}
	checkRules(t, []calico.Release{objecttest.V3320, calico.Newest}, []ruleCase{named})
	named.want = []fault{in(theRule, theDestination+".ports", "a rule with ports, named ones too, needs a protocol")}
	checkRules(t, []calico.Release{objecttest.V3285, objecttest.V3310}, []ruleCase{named})
	checkRules(t, objecttest.Releases, []ruleCase{
		{"some named", func(r *v3.Rule) { r.Destination.Ports = objecttest.Ports("http", "53") }, []fault{in(theRule, theDestination+".ports", "needs a protocol that has ports")}},
		{"named, of ICMP", func(r *v3.Rule) { r.Protocol, r.Destination.Ports = protocol("ICMP"), objecttest.Ports("http") }, []fault{in(theRule, theDestination+".ports", "has no ports")}},
	})
}

func TestValidateRuleSelectors(t *testing.T) {
	checkRules(t, objecttest.Releases, []ruleCase{
		{"selectors", func(r *v3.Rule) {
			r.Source = v3.EntityRule{Selector: "has(a)", NotSelector: "has(b)", NamespaceSelector: "global()", ServiceAccounts: &v3.ServiceAccountMatch{Names: []string{"any Text"}, Selector: "all()"}}
		}, nil},
		{"faulty selectors", func(r *v3.Rule) {
			r.Destination = v3.EntityRule{Selector: "a", NotSelector: "b = 'c'", NamespaceSelector: "has(", ServiceAccounts: &v3.ServiceAccountMatch{Selector: "\n"}}
		}, []fault{
			at(theDestination+".selector", "write has(a)"),
			at(theDestination+".namespaceSelector", "Calico cannot read this selector"),
			at(theDestination+".notSelector", "write =="),
			at(theDestination+".serviceAccounts.selector", "as one line"),
		}},
		{"global selector", func(r *v3.Rule) { r.Source.Selector = "has(a) && global()" }, []fault{at(theSource+".selector", "only as the whole namespaceSelector")}},
		{"global notSelector", func(r *v3.Rule) { r.Source.NotSelector = "global()" }, nil},
		{"no service accounts", func(r *v3.Rule) { r.Source.ServiceAccounts = &v3.ServiceAccountMatch{} }, nil},
	})
}

// Up to v3.29 and from v3.30 on Calico looks for a combined global() differently.
func TestValidateGlobalNamespaceSelector(t *testing.T) {
	for _, tt := range []struct {
		selector       string
		old, refusedBy bool // refused up to v3.29, from v3.30 on
	}{
		{"global()", false, false},
		{" global( )\t", false, false},
		{"all()", false, false},
		{"a == 'b' && global()", true, true},
		{"global() || has(a)", true, true},
		{"has(a) && (global() || has(b))", true, true},
		{"!global() && has(a)", true, true},
		{"has(a) && !global()", false, true},
		{"!global()", false, true},
		{"(global())", false, true},
		{"a == 'global()'", false, true},
		{"a == 'x && global()'", true, true},
	} {
		p := objecttest.Policy(v3.Rule{Action: v3.Allow, Source: v3.EntityRule{NamespaceSelector: tt.selector}})
		want := at(theSource+".namespaceSelector", `write only "global()", or remove it.`)
		for _, r := range objecttest.Releases {
			refused := tt.old
			if r.AtLeast(3, 30, 0) {
				refused = tt.refusedBy
			}
			if refused {
				checkFaults(t, p, r, want)
			} else {
				checkFaults(t, p, r)
			}
		}
	}
}

func TestValidateServices(t *testing.T) {
	web := func() *v3.ServiceMatch { return &v3.ServiceMatch{Name: "web", Namespace: "prod"} }
	source := func(e v3.EntityRule) func(*v3.Rule) {
		e.Services = web()
		return func(r *v3.Rule) { r.Source = e }
	}
	const services = theSource + ".services"
	checkRules(t, objecttest.Releases, []ruleCase{
		{"source", source(v3.EntityRule{}), nil},
		{"source with ports", func(r *v3.Rule) {
			r.Protocol, r.Source = protocol("TCP"), v3.EntityRule{Services: web(), Ports: objecttest.Ports("80")}
		}, nil},
		{"destination", func(r *v3.Rule) { r.Destination.Services = web() }, []fault{at(theDestination+".services", "An ingress rule matches services as its source only")}},
		{"destination without a namespace", func(r *v3.Rule) { r.Destination.Services = &v3.ServiceMatch{Name: "web"} }, []fault{at(theDestination+".services", "")}},
		{"no name", func(r *v3.Rule) { r.Source.Services = &v3.ServiceMatch{Namespace: "prod"} }, []fault{at(services+".name", "needs the name of one")}},
		{"no namespace", func(r *v3.Rule) { r.Source.Services = &v3.ServiceMatch{Name: "web"} }, []fault{at(services+".namespace", "write the service's namespace")}},
		{"faulty names", func(r *v3.Rule) { r.Source.Services = &v3.ServiceMatch{Name: "Web", Namespace: "Prod_1"} },
			[]fault{at(services+".name", `write "web".`), at(services+".namespace", `write "prod-1".`)}},
		{"with selector", source(v3.EntityRule{Selector: "has(a)"}), []fault{in(theSource, services, "with selector:")}},
		{"with notSelector", source(v3.EntityRule{NotSelector: "has(a)"}), []fault{in(theSource, services, "with notSelector:")}},
		{"with namespaceSelector", source(v3.EntityRule{NamespaceSelector: "has(a)"}), []fault{in(theSource, services, "with namespaceSelector:")}},
		{"with service accounts", source(v3.EntityRule{ServiceAccounts: &v3.ServiceAccountMatch{}}), []fault{in(theSource, services, "with serviceAccounts:")}},
		{"with networks", source(v3.EntityRule{Nets: []string{"10.0.0.0/8"}, NotNets: []string{"10.0.0.0/9"}}), []fault{in(theSource, services, "remove services, or nets, notNets.")}},
	})

	egress := func(edit func(*v3.Rule), want ...fault) {
		t.Helper()
		p := objecttest.Policy()
		p.Spec.Egress = []v3.Rule{{Action: v3.Allow}}
		edit(&p.Spec.Egress[0])
		for _, r := range objecttest.Releases {
			checkFaults(t, p, r, want...)
		}
	}
	const destination = "spec.egress[0].destination"
	egress(func(r *v3.Rule) { r.Destination.Services = web() })
	egress(func(r *v3.Rule) { r.Source.Services = web() }, at("spec.egress[0].source.services", "An egress rule matches services as its destination only"))
	egress(func(r *v3.Rule) { r.Destination.Services = &v3.ServiceMatch{Name: "web"} }, at(destination+".services.namespace", "write the service's namespace"))
	egress(func(r *v3.Rule) {
		r.Protocol, r.Destination = protocol("TCP"), v3.EntityRule{Services: web(), Ports: objecttest.Ports("80"), NotPorts: objecttest.Ports("81")}
	}, in(destination, destination+".ports", "remove the ports, or services"), in(destination, destination+".notPorts", ""))
}

func TestValidateHTTP(t *testing.T) {
	http := func(h v3.HTTPMatch) func(*v3.Rule) { return func(r *v3.Rule) { r.HTTP = &h } }
	path := func(p v3.HTTPPath) func(*v3.Rule) { return http(v3.HTTPMatch{Paths: []v3.HTTPPath{p}}) }
	const field = theRule + ".http"
	checkRules(t, objecttest.Releases, []ruleCase{
		{"any request", http(v3.HTTPMatch{}), nil},
		{"requests", func(r *v3.Rule) {
			r.Protocol, r.HTTP = protocol("TCP"), &v3.HTTPMatch{Methods: []string{"GET", "anything"}, Paths: []v3.HTTPPath{{Exact: "/a"}, {Prefix: "/b"}}}
		}, nil},
		{"deny", func(r *v3.Rule) { r.Action, r.HTTP = v3.Deny, &v3.HTTPMatch{} }, []fault{in(theRule, field, `set action to "Allow"`)}},
		{"UDP", func(r *v3.Rule) { r.Protocol, r.HTTP = protocol("UDP"), &v3.HTTPMatch{} }, []fault{in(theRule, theRule+".protocol", `write "TCP", or leave protocol out`)}},
		{"6", func(r *v3.Rule) { r.Protocol, r.HTTP = protocol("6"), &v3.HTTPMatch{} }, []fault{in(theRule, theRule+".protocol", "its number, 6, does not count")}},
		{"method twice", http(v3.HTTPMatch{Methods: []string{"GET", "PUT", "GET"}}), []fault{in(field+".methods", field+".methods[2]", "listed once")}},
		{"no path", path(v3.HTTPPath{}), []fault{at(field+".paths[0]", "either by exact or by prefix")}},
		{"two paths", path(v3.HTTPPath{Exact: "/a", Prefix: "/b"}), []fault{at(field+".paths[0]", "set one of the two")}},
		{"no /", path(v3.HTTPPath{Exact: "a"}), []fault{at(field+".paths[0].exact", `write "/a".`)}},
		{"query", path(v3.HTTPPath{Prefix: "/a?b=c"}), []fault{at(field+".paths[0].prefix", `write "/a".`)}},
		{"fragment", path(v3.HTTPPath{Prefix: "/a#b"}), []fault{at(field+".paths[0].prefix", `write "/a".`)}},
		{"blank", path(v3.HTTPPath{Exact: "/a b"}), []fault{at(field+".paths[0].exact", "holds no blank, '?' or '#'.")}},
	})
	p := objecttest.Policy()
	p.Spec.Egress = []v3.Rule{{Action: v3.Deny, HTTP: &v3.HTTPMatch{}}}
	checkFaults(t, p, objecttest.V3310, in("spec.egress[0]", "spec.egress[0].http", `"Allow"`), at("spec.egress[0].http", "by ingress rules only"))
}

// The schema of v3.32 limits the match on HTTP.
func TestValidateHTTPLimits(t *testing.T) {
	match := func(n int) *v3.HTTPMatch {
		h := &v3.HTTPMatch{}
		for i := range n {
			h.Methods = append(h.Methods, strings.Repeat("M", i+1))
			h.Paths = append(h.Paths, v3.HTTPPath{Exact: "/" + strings.Repeat("é", 1003+i)})
		}
		return h
	}
	p := objecttest.Policy(v3.Rule{Action: v3.Allow, HTTP: match(21)})
	checkFaults(t, p, objecttest.V3310)
	checkFaults(t, p, objecttest.V3320,
		at(theRule+".http.methods", "at most 20 HTTP methods, and this one 21"),
		at(theRule+".http.paths", "at most 20 HTTP paths, and this one 21"))
	p = objecttest.Policy(v3.Rule{Action: v3.Allow, HTTP: match(20)})
	checkFaults(t, p, objecttest.V3320)
	p.Spec.Ingress[0].HTTP.Paths[19] = v3.HTTPPath{Prefix: "/" + strings.Repeat("a", 1024)}
	checkFaults(t, p, objecttest.V3310)
	checkFaults(t, p, objecttest.V3320, at(theRule+".http.paths[19].prefix", "at most 1024 characters, and this one 1025"))
}

// Calico checks a Profile's rules by themselves: neither their direction nor the
// namespace of their services.
func TestValidateRuleOutsidePolicies(t *testing.T) {
	c := &checker{release: objecttest.V3310}
	r := v3.Rule{Action: v3.Allow, HTTP: &v3.HTTPMatch{}}
	r.Source.Services = &v3.ServiceMatch{Name: "web"}
	r.Destination.Services = &v3.ServiceMatch{Name: "web"}
	c.rules(calico.NewPath("spec", "egress"), []v3.Rule{r}, ruleSite{})
	if len(c.errs) > 0 {
		t.Error(c.errs.Err())
	}
	c.rules(calico.NewPath("spec", "ingress"), []v3.Rule{r}, ruleSite{policy: true, namespaced: true})
	if len(c.errs) != 1 || c.errs[0].Field.String() != theDestination+".services" {
		t.Error(c.errs.Err())
	}
}
