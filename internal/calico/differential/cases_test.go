package differential

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
)

// namedCase is a manifest on which we and a release of Calico have disagreed, or
// on which its releases do, or nearly. A disagreement that a random run finds
// becomes one more of them.
type namedCase struct {
	name string
	// kind is GlobalNetworkPolicy where it is empty, and metadata {"name":"p"}.
	kind           calico.Kind
	metadata, spec string
	// until28, until31 and from32 are the verdicts of v3.28.5, v3.31.0 and v3.32:
	// accepted, undecodable, or the field that is at fault.
	until28, until31, from32 string
	// stores is a part of the stored value where the manifest is accepted.
	stores string
}

const (
	accepted    = ""
	undecodable = "it cannot be decoded"
)

func (c namedCase) verdicts(until28, until31, from32 string) namedCase {
	c.until28, c.until31, c.from32 = until28, until31, from32
	return c
}

// always is the verdict of all releases.
func (c namedCase) always(verdict string) namedCase { return c.verdicts(verdict, verdict, verdict) }

// from31 is the verdict of those that do not accept it any more.
func (c namedCase) from31(verdict string) namedCase { return c.verdicts(accepted, verdict, verdict) }

func (c namedCase) storing(part string) namedCase {
	c.stores = part
	return c
}

// ofPolicy is a case of a policy with that spec.
func ofPolicy(name, spec string) namedCase { return namedCase{name: name, spec: spec} }

// ofRule is a case of a policy with one ingress rule.
func ofRule(name, rule string) namedCase {
	return ofPolicy(name, `{"ingress":[{"action":"Allow",`+rule+`}]}`)
}

// ofName is a case of a policy with metadata of its own.
func ofName(name, metadata, spec string) namedCase {
	return namedCase{name: name, metadata: metadata, spec: spec}
}

// ofEndpoint is a case of a host endpoint.
func ofEndpoint(name, spec string) namedCase {
	return namedCase{name: name, kind: calico.KindHostEndpoint, spec: spec}
}

func namedCases() []namedCase {
	const (
		selectorField = "spec.selector"
		source        = "spec.ingress[0].source"
		destination   = "spec.ingress[0].destination"
		nameField     = "metadata.name"
	)
	long := strings.Repeat("a", 253)
	var methods []string
	for i := range 21 {
		methods = append(methods, fmt.Sprintf("%q", fmt.Sprint("M", i)))
	}
	return []namedCase{
		// Selectors. The first three are what a run of 550,000 cases of v3.28.5 with
		// seed 20261201 found: cases 132826, 413473 and 439961 in one, and 368620.
		ofPolicy("a newline within all()", `{"selector":"all(\r\n)","types":["Egress"]}`).from31(selectorField),
		ofPolicy("a newline within has()", `{"selector":"has(a)  && !has(b\n)"}`).from31(selectorField),
		ofRule("a newline within has() of a namespaceSelector", `"source":{"namespaceSelector":"has(a) && !has(b-\n)"}`).from31(source + ".namespaceSelector"),
		ofPolicy("a newline within not in", `{"selector":"a not\nin {'b'}"}`).from31(selectorField),
		ofPolicy("a form feed within starts with", `{"selector":"a starts\fwith 'b'"}`).from31(selectorField),
		ofPolicy("an operator right after a label of 512 characters", `{"selector":"`+label512+`contains 'b'"}`).from31(selectorField),
		ofPolicy("a newline between conditions", `{"selector":"has(a) &&\nhas(b)"}`).always(selectorField),
		ofPolicy("a newline at the end", `{"selector":"has(a)\n"}`).always(selectorField),
		ofPolicy("a newline within a value", `{"selector":"a == 'x\ny'"}`).storing(`"a == 'x\ny'"`),
		ofPolicy("blanks alone", `{"selector":" \t"}`).storing(`"selector":" \t"`),
		ofPolicy("global() in a selector", `{"selector":"global()"}`).always(selectorField),
		ofPolicy("the text global() in a value", `{"selector":"a == 'global()'"}`).always(selectorField),
		ofPolicy("global( ) with a blank", `{"selector":"global( )"}`),
		ofPolicy("global( with a newline", `{"selector":"global(\n)"}`).from31(selectorField),
		ofPolicy("global() in a policy's namespaceSelector", `{"namespaceSelector":"global()"}`).always("spec.namespaceSelector"),
		ofRule("global() as a namespaceSelector", `"source":{"namespaceSelector":"global()"}`),
		ofRule("global() in brackets as a namespaceSelector", `"source":{"namespaceSelector":"(global())"}`).from31(source + ".namespaceSelector"),
		ofRule("not global() at the end", `"source":{"namespaceSelector":"has(a) && !global()"}`).from31(source + ".namespaceSelector"),
		ofRule("the text global() in a value of a namespaceSelector", `"source":{"namespaceSelector":"a == 'global()'"}`).from31(source + ".namespaceSelector"),
		ofRule("global() and another condition", `"source":{"namespaceSelector":"a == 'b' && global()"}`).always(source + ".namespaceSelector"),
		ofRule("global() in a notSelector", `"source":{"notSelector":"global()"}`),
		// v3.28.5 panics on it.
		ofRule("a namespaceSelector that cannot be parsed", `"source":{"namespaceSelector":"has("}`).always(source + ".namespaceSelector"),

		// Networks.
		ofRule("everything in notNets", `"source":{"notNets":["0.0.0.0/0"]}`).from31(source + ".notNets[0]"),
		ofRule("everything of IPv6 in notNets, spelled otherwise", `"source":{"notNets":["0::0/0"]}`).from31(source + ".notNets[0]"),
		ofRule("everything of IPv4 in notNets, spelled otherwise", `"source":{"notNets":["0.0.0.0/00"]}`),
		ofRule("everything of IPv6 as IPv4 in notNets", `"source":{"notNets":["::ffff:0.0.0.0/96"]}`),
		ofRule("everything in nets", `"source":{"nets":["0.0.0.0/0"]}`),
		ofRule("bits beyond the prefix", `"source":{"nets":["10.0.0.1/8"]}`).always(source + ".nets[0]"),
		ofRule("an address", `"source":{"nets":["10.0.0.1"]}`).always(source + ".nets[0]"),
		ofRule("IPv4 within IPv6 is IPv4", `"ipVersion":4,"source":{"nets":["::ffff:10.0.0.0/104","10.0.0.0/8"]}`),
		ofRule("two IP versions", `"source":{"nets":["10.0.0.0/8"]},"destination":{"notNets":["2001:db8::/32"]}`).always(destination + ".notNets[0]"),
		ofRule("IPv6 as it is spelled", `"source":{"nets":["2001:DB8:0::/48"]}`).storing(`"2001:DB8:0::/48"`),

		// Ports and protocols.
		ofRule("named ports without a protocol", `"destination":{"ports":["http","dns"]}`).verdicts(destination+".ports", destination+".ports", accepted),
		ofRule("a named port and a number without a protocol", `"destination":{"ports":["http",53]}`).always(destination + ".ports"),
		ofRule("ports in their forms", `"protocol":"TCP","destination":{"ports":[443,"443","007","5:5","1:10","http"]}`).storing(`"ports":[443,443,7,5,"1:10","http"]`),
		ofRule("a range with a dash is a name", `"protocol":"TCP","destination":{"ports":["1-10"]}`).always(destination + ".ports[0]"),
		ofRule("a range that is none", `"protocol":"TCP","destination":{"ports":["10:1"]}`).always(undecodable),
		ofRule("port 0", `"protocol":"TCP","destination":{"ports":[0]}`).always(destination + ".ports[0]"),
		ofRule("ports of UDPLite", `"protocol":"UDPLite","destination":{"ports":[1]}`).always(destination + ".ports"),
		ofRule("a protocol by its number as a text", `"protocol":"006"`).storing(`"protocol":6`),
		ofRule("a protocol in lower case", `"protocol":"tcp"`).always("spec.ingress[0].protocol"),
		ofRule("protocol 256 as a text", `"protocol":"256"`).always("spec.ingress[0].protocol"),
		ofRule("protocol 256 as a number", `"protocol":256`).always(undecodable),
		ofRule("ICMP types of protocol 1", `"protocol":1,"icmp":{"type":8}`).always("spec.ingress[0].icmp"),
		ofRule("ICMP without a type", `"protocol":"ICMP","icmp":{}`).storing(`"icmp":{}`),
		ofRule("ICMP with zeros", `"protocol":"ICMP","icmp":{"type":0,"code":0}`).storing(`"icmp":{"type":0,"code":0}`),
		ofRule("HTTP of protocol 6", `"protocol":6,"http":{}`).always("spec.ingress[0].protocol"),
		ofRule("21 HTTP methods", `"http":{"methods":[`+strings.Join(methods, ",")+`]}`).verdicts(accepted, accepted, "spec.ingress[0].http.methods"),
		ofRule("an HTTP path of 1025 characters", `"http":{"paths":[{"exact":"/`+strings.Repeat("x", 1024)+`"}]}`).verdicts(accepted, accepted, "spec.ingress[0].http.paths[0].exact"),

		// What is filled in, and the forms of numbers and empty values.
		ofPolicy("no rules and no types", `{}`).storing(`"types":["Ingress"]`),
		ofPolicy("egress rules alone", `{"ingress":[],"egress":[{"action":"Deny"}],"types":[]}`).storing(`"types":["Egress"]`),
		ofPolicy("rules of both directions", `{"ingress":[{"action":"Deny"}],"egress":[{"action":"Deny"}]}`).storing(`"types":["Ingress","Egress"]`),
		ofPolicy("types as given", `{"ingress":[{"action":"Deny"}],"types":["Egress","Ingress"]}`).storing(`"types":["Egress","Ingress"]`),
		ofPolicy("an empty source and destination", `{"ingress":[{"action":"Deny"}]}`).storing(`{"action":"Deny","source":{},"destination":{}}`),
		ofPolicy("false, empty and null", `{"doNotTrack":false,"egress":[],"selector":"","namespaceSelector":null}`).storing(`"types":["Ingress"]}}`),
		ofPolicy("order minus zero", `{"order":-0.0}`).storing(`"order":`), // 0 from v3.32 on, see TestEncodeOfMinusZero
		ofPolicy("order with zeros at its end", `{"order":10.50}`).storing(`"order":10.5`),
		ofPolicy("a great order", `{"order":1e20}`).storing(`"order":100000000000000000000`),
		ofPolicy("a greater order", `{"order":1e21}`).storing(`"order":1e+21`),
		ofPolicy("a small order", `{"order":1e-9}`).storing(`"order":1e-09`),
		ofPolicy("an order beyond any", `{"order":1e400}`).always(undecodable),
		ofPolicy("HTML in a selector", `{"selector":"a == '<>' && has(b)"}`).storing(`a == '\u003c\u003e' \u0026\u0026 has(b)`),
		ofPolicy("an unknown field", `{"applyToForward":true}`).always(undecodable),
		ofPolicy("a hint twice", `{"performanceHints":["AssumeNeededOnEveryNode","AssumeNeededOnEveryNode"]}`).always("spec.performanceHints[1]"),
		ofPolicy("untracked and pre-DNAT", `{"doNotTrack":true,"preDNAT":true,"applyOnForward":true}`).always("spec.preDNAT"),
		ofPolicy("pre-DNAT of outgoing traffic", `{"preDNAT":true,"applyOnForward":true,"types":["Egress"]}`).always("spec.types[0]"),
		ofPolicy("untracked outgoing traffic", `{"doNotTrack":true,"applyOnForward":true,"egress":[{"action":"Allow"}]}`),

		// Names, tiers and what Calico keeps in metadata.
		ofName("a name", `{"name":"p"}`, `{}`),
		ofName("a name of 253 characters", `{"name":"`+long+`"}`, `{}`),
		ofName("a name of 254 characters", `{"name":"`+long+`a"}`, `{}`).always(nameField),
		ofName("the prefix of the tier default", `{"name":"default.p"}`, `{}`).verdicts(nameField, accepted, accepted),
		ofName("the prefix of another tier", `{"name":"other.p"}`, `{}`).verdicts(nameField, nameField, accepted),
		ofName("another tier", `{"name":"sec.p"}`, `{"tier":"sec"}`).storing(`"labels":{"projectcalico.org/tier":"sec"}`).verdicts("spec.tier", accepted, accepted),
		ofName("another tier without its prefix", `{"name":"p"}`, `{"tier":"sec"}`).verdicts("spec.tier", nameField, accepted),
		ofName("another tier with the prefix of a third", `{"name":"other.p"}`, `{"tier":"sec"}`).verdicts(nameField, nameField, accepted),
		ofName("a name of three parts", `{"name":"a.b.c"}`, `{}`).always(nameField),
		ofName("a name of Kubernetes' policies", `{"name":"knp.default.p"}`, `{}`).always(nameField),
		ofName("a name of OpenStack's policies", `{"name":"ossg.p"}`, `{}`).verdicts(nameField, accepted, accepted),
		ofName("a tier of 64 characters", `{"name":"ossg.p"}`, `{"tier":"`+long[:64]+`"}`).verdicts(nameField, accepted, "spec.tier"),
		ofName("a tier label that is none", `{"name":"p","labels":{"projectcalico.org/tier":"not a label"}}`, `{}`).verdicts(`metadata.labels["projectcalico.org/tier"]`, `metadata.labels["projectcalico.org/tier"]`, accepted),
		ofName("the annotation of the name, by the user", `{"name":"p","annotations":{"projectcalico.org/metadata":"mine"}}`, `{}`).storing(`"projectcalico.org/metadata":`),
		ofName("a namespace", `{"name":"p","namespace":"n"}`, `{}`).always("metadata.namespace"),
		ofName("upper case in the key of a label", `{"name":"p","labels":{"Example.com/x":"y"}}`, `{}`).always(`metadata.labels["Example.com/x"]`),
		ofName("upper case in the key of an annotation", `{"name":"p","annotations":{"Example.com/x":"y"}}`, `{}`),
		ofName("a number for a text", `{"name":"p","labels":{"a":1}}`, `{}`).storing(`"a":"1"`),
		ofName("annotations of 256 KiB", `{"name":"p","annotations":{"k":"`+strings.Repeat("x", 256<<10-1)+`"}}`, `{}`),
		ofName("annotations of 256 KiB and a byte", `{"name":"p","annotations":{"k":"`+strings.Repeat("x", 256<<10)+`"}}`, `{}`).always("metadata.annotations"),

		// Host endpoints.
		ofEndpoint("a node in upper case", `{"node":"DB1","interfaceName":"*"}`).always("spec.node"),
		ofEndpoint("a node of 255 characters", `{"node":"`+long+`.b","interfaceName":"*"}`).verdicts(accepted, accepted, "spec.node"),
		ofEndpoint("neither interface nor address", `{"node":"db1"}`).always("spec.interfaceName"),
		ofEndpoint("an address with a prefix length", `{"node":"db1","expectedIPs":["10.0.0.1/32"]}`).always("spec.expectedIPs[0]"),
		ofEndpoint("an address as it is spelled, twice", `{"node":"db1","expectedIPs":["2001:DB8:0::1","2001:DB8:0::1"]}`).storing(`["2001:DB8:0::1","2001:DB8:0::1"]`),
		ofEndpoint("a pattern of interfaces", `{"node":"db1","interfaceName":"eth*"}`).always("spec.interfaceName"),
		ofEndpoint("a port of protocol 17", `{"node":"db1","interfaceName":"*","ports":[{"name":"dns","protocol":"017","port":53}]}`).storing(`"protocol":17`),
		ofEndpoint("a port of ICMP", `{"node":"db1","interfaceName":"*","ports":[{"name":"ping","protocol":"ICMP","port":53}]}`).always("spec.ports[0].protocol"),
		ofEndpoint("a port as a text", `{"node":"db1","interfaceName":"*","ports":[{"name":"dns","protocol":"UDP","port":"53"}]}`).always(undecodable),
		ofEndpoint("the name of a port twice", `{"node":"db1","interfaceName":"*","ports":[{"name":"dns","protocol":"UDP","port":53},{"name":"dns","protocol":"TCP","port":53}]}`),
	}
}

// manifest makes a manifest of the case.
func (c namedCase) manifest(t *testing.T) manifest {
	t.Helper()
	m := manifest{kind: c.kind}
	if m.kind == "" {
		m.kind = calico.KindGlobalNetworkPolicy
	}
	metadata := c.metadata
	if metadata == "" {
		metadata = `{"name":"p"}`
	}
	decoder := json.NewDecoder(strings.NewReader(`{"kind":"` + string(m.kind) + `","apiVersion":"` + apiVersion + `","metadata":` + metadata + `,"spec":` + c.spec + `}`))
	decoder.UseNumber() // which keeps their spelling
	if err := decoder.Decode(&m.tree); err != nil {
		t.Fatalf("%v in %s", err, c.spec)
	}
	return m
}

// in is the verdict of a release.
func (c namedCase) in(release calico.Release) string {
	switch {
	case release.AtLeast(3, 32, 0):
		return c.from32
	case release.AtLeast(3, 29, 0):
		return c.until31
	default:
		return c.until28
	}
}

// has tells whether a release has the kind, which is a policy's where it is empty.
func has(release calico.Release, kind calico.Kind) bool {
	if kind == "" {
		return true
	}
	since := kind.Since()
	return release.AtLeast(since.Major, since.Minor, since.Patch)
}

// check tells in what our verdict is not the one of the case, or "".
func (c namedCase) check(release calico.Release, ours judged) string {
	want := c.in(release)
	switch {
	case want == undecodable && ours.decodeError != nil:
	case want == undecodable || ours.decodeError != nil:
		return fmt.Sprintf("want %q, ours: %s", want, ours)
	case want == accepted && len(ours.errs) > 0:
		return fmt.Sprintf("want it accepted, ours: %s", ours)
	case want != accepted && !slices.ContainsFunc(ours.errs, func(e *calico.FieldError) bool { return e.Field.String() == want }):
		return fmt.Sprintf("want %s at fault, ours: %s", want, ours)
	case want == accepted:
		_, value, err := storage.Encode(ours.obj, nil, release, storage.Fresh{UID: "u"})
		if err != nil {
			return err.Error()
		}
		if !strings.Contains(string(value), c.stores) {
			return fmt.Sprintf("want %s in what is stored, got %s", c.stores, value)
		}
	}
	return ""
}

// TestDifferentialCases asks both us and Calico about each case, and us alone
// where there is no oracle of a release.
func TestDifferentialCases(t *testing.T) {
	cases := slices.Concat(namedCases(), namedCasesOfKinds(), namedCasesOfPlainKinds())
	for _, release := range oracleReleases() {
		t.Run(release.tool, func(t *testing.T) {
			t.Parallel()
			o := startOracle(t, release)
			for _, c := range cases {
				if !has(o.release, c.kind) {
					continue // TestValidateKindsOfLaterReleases
				}
				t.Run(c.name, func(t *testing.T) {
					m := c.manifest(t)
					var theirs checked
					o.ask(t, newCheckRequest(o.release, m), &theirs)
					ours := judge(o.release, m.kind, m.String())
					if problem := c.check(o.release, ours); problem != "" {
						t.Error(problem)
					}
					if problems := disagreements(o.release, ours, theirs); len(problems) > 0 {
						t.Errorf("%s\nCalico: %s\nours:   %s", strings.Join(problems, "\n"), theirs, ours)
					}
				})
			}
		})
	}
	t.Run("v3.32, ours alone", func(t *testing.T) {
		for _, c := range cases {
			m := c.manifest(t)
			if problem := c.check(calico.Newest, judge(calico.Newest, m.kind, m.String())); problem != "" {
				t.Errorf("%s: %s", c.name, problem)
			}
		}
	})
}
