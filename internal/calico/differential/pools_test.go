package differential

import (
	"encoding/json"
	"strings"
)

// The pools of values. Good ones are right by themselves, bad ones most often
// wrong; where the border between the two runs is for Calico to say.

const (
	apiVersion = "projectcalico.org/v3"
	hint       = "AssumeNeededOnEveryNode"
)

var (
	longName = strings.Repeat("a", 253)
	label63  = strings.Repeat("l", 63)

	names    = []string{"db1", "db1-eth0", "db1.example.com", "0", "a--b", "9.a", longName, strings.Repeat("a.", 126) + "a"}
	badNames = []string{"", "DB1", "a_b", "a..b", ".a", "a.", "-a", "a-", "a.-b", "a-.b", "a b", " a", "a\n", "dé", "a/b", "a:b", longName + "a", longName + ".b", strings.Repeat("é", 127), "\u212a"}

	policyNames    = []string{"p", "p-1", "0", "a--b", "failsafe", longName, strings.Repeat("p", 245), strings.Repeat("p", 246)}
	badPolicyNames = append([]string{"default.p", "sec.p", "other.p", "a.b.c", "default.a.b", "default.", ".p", "default", "sec", "Sec.p", "default.P", "default.p-", "sec-.p",
		"ossg.p", "ossg", "ossg.default.p", "knp.default.p", "knp.p", "kanp.adminnetworkpolicy.p", "kcnp.p", "default." + strings.Repeat("p", 245), "default." + strings.Repeat("p", 246),
		"default.default.p"}, badNames...)

	// Names of policies that Calico makes of others, which only a namespace has.
	madeNames    = []string{"ossg.default.a", "ossg.default.a-b.c"}
	badMadeNames = []string{"knp.default.a", "knp.default.a.b", "knp.default.A", "knp.default.", "knp.default", "ossg.default.", "ossg.default.A", "ossg.other.a", "ossg.default.a..b"}

	// A namespace may have any text for its name. Without one, calicoctl takes "default".
	namespaces    = []string{"", "default", "prod", "a.b", "0"}
	badNamespaces = []string{"A_b", " ", "a b", "é", "..", "a\n", "<&>", longName + "aaa", "x/y", "/"}

	tiers = []string{"", "default", "sec", "sec", "0", "a-b", label63, "adminnetworkpolicy", "kube-admin"}
	// Names with a dot are tiers' names to the validator, though no tier has one.
	badTiers = []string{"Sec", "a.b", "a_b", "-a", "sec-", label63 + "a", longName, longName + "a", "Default", "default.", "é", " "}

	interfaces    = []string{"", "eth0", "*", "bond0.4000", "A-_.0123456789a", ".", "-", "wg_0", "..."}
	badInterfaces = []string{"eth+", "eth0:1", "eth*", "**", "* ", "eth 0", "0123456789abcdef", "é", "eth0\n", "eth0@if3", "eth/0"}

	addresses    = []string{"10.0.0.1", "192.0.2.1", "2001:db8::1", "2001:DB8:0::1", "::ffff:10.0.0.1", "0.0.0.0", "::", "255.255.255.255", "::1.2.3.4", "fe80::1"}
	badAddresses = []string{"", "10.0.0.1/32", "10.0.0.01", "fe80::1%eth0", " 10.0.0.1", "10.0.0.1 ", "10.0.0", "host", "10.0.0.256", "1", "0x0a000001", "[::1]", ":::", "2001:db8::1/64", "::ffff:10.0.0.256", "1.2.3.4.5", "2001:db8::1::2"}

	portNames    = []string{"http", "a-1", "9p", "a", "0123456789abcde", "p0"}
	badPortNames = []string{"", "HTTP", "80", "-a", "a-", "a--b", "0123456789abcdef", "a_b", "a.b", "é", "a b", "0-1", "1-2a", "0x1f"}

	withPorts = []string{"TCP", "UDP", "SCTP", "6", "17", "132"}
	protocols = []any{"TCP", "TCP", "UDP", "UDP", "SCTP", "ICMP", "ICMPv6", "UDPLite", 6, 17, "6", "17", 132, "132", 1, 58, 255, 2, "255", "1", 136}
	// The decoder takes a number as a number of eight bits, and a text as it is.
	badProtocols = []any{"tcp", "Tcp", "udp", "icmp", "icmpv6", "ICMPV6", "sctp", "udplite", "UDPLITE", "", " TCP", "TCP ", "gre", "0", 0, "256", "-1", "+6", "006", "6.0", "0x6", "1e1", "any", "*", nil}

	unreadableProtocols = []any{256, -1, 6.5, true}

	ports    = []any{1, 22, 65535, "80", "1:65535", "5:5", "100:200", "http", "http", "a-1", "0123456789abcde", "0080", "08:09", "9p"}
	badPorts = []any{0, "0", "0:10", "0:0", "-1", "1-10", " 80", "80 ", "HTTP", "a--b", "-a", "0123456789abcdef", "a.b", "", "é", "+80", "8_0", "0x50", "00", "00:00", "1..5", "ssh:"}

	unreadablePorts = []any{-1, 65536, 70000, "10:1", "1:65536", "65536", "1:", ":1", ":", "1:2:3", "1: 2", "a:b", "1:b", nil, 1.5, true, "99999999999999999999"}

	orders = []any{0, 1, -1, 10.5, 100, 1e20, 1e21, 1e-9, 1.7976931348623157e308, 5e-324, json.Number("1000.0"), json.Number("10.50"), json.Number("-0.0"), json.Number("1e2"), json.Number("0.1e1"), -1e300, 9007199254740993, json.Number("9223372036854775808")}

	typeLists = []any{nil, []any{}, []any{"Ingress"}, []any{"Egress"}, []any{"Ingress", "Egress"}, []any{"Egress", "Ingress"}}

	badTypeLists = []any{[]any{"Ingress", "Ingress"}, []any{"ingress"}, []any{"x", "x", "Egress"}, []any{""}, []any{"Ingress", "Egress", "Ingress"}, []any{nil}, []any{"EGRESS", "Ingress"}, []any{"Ingress "}, []any{"Egress", "Egress"}}

	selectors = []string{"", "all()", "a == 'b'", `a=="b"`, "has(a)  && !has(b)", "(a in {'y','x'})", " ", "\t", "a contains 'x' || all( )", "role != 'db'", "a not in {}", "a in {'x',}", "a starts with 'x'", "a endswith 'y'",
		"!(!has(a))", "a == 'é&<>'", "a == ''", "projectcalico.org/name == 'x'", "has(" + strings.Repeat("x", 512) + ")", "in in {'in'}", "a == 'x\ny'", "all() && !all()", "has(a) || has(b) && has(c)", "a == \"it's\""}
	badSelectors = []string{"global()", "global( )", "global(\t)", "a ==", "a = 'b'", "a == 'b'\n", "\na == 'b'", "a ==\r\n'b'", "a == 'global()'", "has(a) && global()", "!global()", "(", ")", "a == 'global('", "has(" + strings.Repeat("x", 513) + ")",
		"a", "a == b", "all() all()", "a && b", "has (a)", "a startsWith 'x'", "NOT has(a)", "a in ('x')", "a in {'x' 'y'}", "a in {,}", "'a' == 'b'", "\u00a0", "has(é)", "a == 'b' &&", "global(x)", "a\vin {'x'}", "has(\u212a)", "!", "all(", "{}", "a=='it's'"}

	namespaceSelectors    = append([]string{"global()", "global()", " global()", "global( )", "global()\t"}, selectors...)
	badNamespaceSelectors = append([]string{"(global())", "global() && a == 'b'", "a == 'b' && global()", "a == 'b' || !global()", "!global() || a == 'b'", "a == 'x && global()'", "a == 'b' && (global())",
		"global() global()", "(a == 'b') && (global() || has(c))", "global( ) || all()", "a == 'global() || x'", "!(global() || global())", "global()||global()", "a == 'global(' || has(b)", "!!global()", "has(global)"}, badSelectors...)

	networks = map[bool][]string{
		false: {"10.0.0.0/8", "192.0.2.1/32", "1.0.0.0/8", "::ffff:10.0.0.0/104", "10.0.0.0/08", "0.0.0.0/0", "255.255.255.255/32", "0.0.0.0/1", "::ffff:0:0/96"},
		true:  {"2001:db8::/32", "2001:DB8::1/128", "::/1", "::/0", "fe80::/10", "0:0:0:0:0:0:0:1/128", "::1.2.3.0/120", "fd00::/8", "2001:DB8:0::/48"},
	}
	badNetworks = []string{"10.0.0.1", "10.0.0.1/8", "0.0.0.0/00", "1.2.3.4/0", "0::0/0", "::0/0", "0:0:0:0:0:0:0:0/0", "::1/0", "::/00", "::/000", "2001:db8::1", "2001:db8::1/64", "::ffff:1.2.3.4/64", "::ffff:0.0.0.0/96", "::ffff:0.0.0.0/0", "::ffff:0:0/0",
		"", "foo", "10.0.0.0/33", "::/129", "010.0.0.0/8", "10.0.0.0/255.0.0.0", " 10.0.0.0/8", "10.0.0.0/8 ", "10.0.0.0 /8", "::ffff:10.0.0.1/104", "10.0.0.0/-1", "10.0.0.0/+8", "10/8", "10.0.0/24", "fe80::%eth0/64", "::ffff:10.0.0.0/8", "/8", "10.0.0.0/", "10.0.0.0/8/8", "::ffff:10.0.0.1/128", "::ffff:10.0.0.0/128"}

	httpPaths    = []string{"/", "/a", "/a/b.c", "/é", "//", "/a%20b", "/a\tb", "/" + strings.Repeat("x", 1023), "/" + strings.Repeat("x", 1024), "/*"}
	badHTTPPaths = []string{"", "a", "a/b", " /a", "/a b", "/a?b", "/#", "/a ", "?", "#/", "/a\u00a0b", "*"}

	labelKeys    = []string{"env", "example.com/role", "a_b.c-D", label63, "x.y/" + label63, "projectcalico.org/namespace", "projectcalico.org/name", "projectcalico.org/tier", "0", longName + "/k", "a/B"}
	badLabelKeys = []string{"", "a b", "/role", "role/", "a/b/c", "Example.com/role", "-a", "a-", "_", ".a", label63 + "l", "x/" + label63 + "l", longName + "x/k", "K/x", "é", "a_b/c", "a..b/c", "a\n", " env", "env ", "x/-"}
	labelValues  = []string{"", "prod", "A_b-c.9", strings.Repeat("v", 63), "0", "default", "sec", "a..b"}

	badLabelValues = []string{"a b", "-a", "a-", ".", strings.Repeat("v", 64), "é", "a/b", "a\n", " ", "a:b", strings.Repeat("é", 32)}

	annotationKeys    = append([]string{"Example.com/Role", "kubectl.kubernetes.io/last-applied-configuration", "K/x", "projectcalico.org/metadata", "a.b/c", "qos.projectcalico.org/dscp"}, labelKeys...)
	annotationValues  = []string{"", "text", "two words", "{\"name\":\"x\"}", "<&>", "line\nline\ttab\r", "é\u2028\u212a", "\U0001f512", "\x00\x1f\x7f\u0085", strings.Repeat("x", 1000), "'\"\\"}
	annotationOffsets = []int{-300, -10, -1, 0, 1, 10, 300}

	// letters and pieces are what scramble puts into a text.
	letters = strings.Split("abzAZ019-_./:%*+ \t\n'\"(){}[]&|!=,?#é\u212a\u00a0", "")
	pieces  = []string{"global()", "all()", "has(a)", " && ", " || ", "!", "(", ")", "in {", "}", "'x'", "a == 'b'", "/32", "/0", "::", "0", ".", "-", "default.", "ossg.", "sec.", "Ingress", "TCP", "6", "\r\n", "\u0000", "::ffff:", "1:2", longName, label63}

	badTexts = []string{"", "a", "0", "TCP", "all()", "10.0.0.0/8", "10.0.0.1", "*", "Allow", "Ingress", "1:2", "default", "null", "true", "\u0000"}
)

// only makes a field that is always the same.
func only(s string) source { return made(func(*generator) any { return s }) }

// network makes a network of one version mostly: settleRule sees to that.
func network(g *generator) any {
	return of(g, networks[g.chance(0.4)], badNetworks)
}

func labels(g *generator) any {
	o := object{}
	for range g.IntN(4) {
		o[of(g, labelKeys, badLabelKeys)] = of(g, labelValues, badLabelValues)
	}
	if g.chance(g.garbage) {
		o[pick(g, labelKeys)] = g.anything()
	}
	return o
}

func annotations(g *generator) any {
	o := object{}
	for range g.IntN(4) {
		o[of(g, annotationKeys, badLabelKeys)] = pick(g, annotationValues)
	}
	if g.chance(0.002) || g.chance(g.fault/100) {
		fillAnnotations(g, o)
	}
	if g.chance(g.garbage) {
		o[pick(g, labelKeys)] = g.anything()
	}
	return o
}

// fillAnnotations adds one annotation that makes all of them as large as they may
// be, give or take a few bytes.
func fillAnnotations(g *generator, o object) {
	const limit = 256 << 10
	key := pick(g, labelKeys)
	size := len(key)
	for k, v := range o {
		if v, ok := v.(string); ok && k != key {
			size += len(k) + len(v)
		}
	}
	filler := pick(g, []string{"x", "x", "é"})
	room := limit - size + min(0, pick(g, annotationOffsets))
	if g.chance(g.fault) {
		room = limit - size + pick(g, annotationOffsets)
	}
	o[key] = strings.Repeat(filler, room/len(filler)) + strings.Repeat("y", room%len(filler))
}

// paths makes a list of HTTP paths, a long one now and then.
func paths() source {
	few, many := list(3, of1("path")), list(22, of1("path"))
	return source{typ: few.typ, value: func(g *generator) any {
		if g.chance(0.02) {
			return many.value(g)
		}
		return few.value(g)
	}}
}
