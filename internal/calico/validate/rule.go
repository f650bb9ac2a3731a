package validate

import (
	"slices"
	"strings"
	"unicode/utf8"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// ruleSite is where a rule stands. The zero value is that of the rules of a
// Profile, of which Calico checks nothing but the rule itself.
type ruleSite struct {
	// policy is true for the rules of policies of every kind.
	policy bool
	// egress is true for rules on outgoing traffic.
	egress bool
	// namespaced is true for policies in a namespace, which is then that of the
	// services that a rule names without one.
	namespaced bool
}

// rules checks the rules of one direction.
func (c *checker) rules(path calico.Path, rules []v3.Rule, site ruleSite) {
	for i := range rules {
		c.rule(path.Index(i), &rules[i], site)
	}
}

// rule checks one rule of a policy of any kind or of a Profile.
func (c *checker) rule(path calico.Path, r *v3.Rule, site ruleSite) {
	c.action(path.Field("action"), r.Action)
	c.ipVersion(path, r)
	c.protocol(path.Field("protocol"), r.Protocol)
	if r.HTTP != nil && r.Protocol != nil && !isProtocol(r.Protocol, numorstring.ProtocolTCP) {
		c.rejectWithin(path, path.Field("protocol"), r.Protocol.String(),
			"A rule with http has protocol \"TCP\" (its number, 6, does not count): write \"TCP\", or leave protocol out.")
	}
	if r.ICMP != nil && !isProtocol(r.Protocol, numorstring.ProtocolICMP) && !isProtocol(r.Protocol, numorstring.ProtocolICMPv6) {
		c.rejectWithin(path, path.Field("icmp"), nil,
			"A rule with icmp has protocol \"ICMP\" or \"ICMPv6\" (their numbers, 1 and 58, do not count): set protocol to one of them, or remove icmp.")
	}
	c.icmp(path.Field("icmp"), r.ICMP)
	c.protocol(path.Field("notProtocol"), r.NotProtocol)
	c.icmp(path.Field("notICMP"), r.NotICMP)
	var seen families
	c.entity(entity{rulePath: path, rule: r, path: path.Field("source"), EntityRule: &r.Source}, site, &seen)
	c.entity(entity{rulePath: path, rule: r, path: path.Field("destination"), EntityRule: &r.Destination, destination: true}, site, &seen)
	if r.HTTP != nil {
		c.http(path, r, site)
	}
	if r.Metadata != nil {
		c.annotations(path.Field("metadata").Field("annotations"), r.Metadata.Annotations)
	}
}

// actions holds the actions of a rule under the words that they go by elsewhere.
var actions = map[string]v3.Action{
	"allow": v3.Allow, "accept": v3.Allow, "permit": v3.Allow,
	"deny": v3.Deny, "drop": v3.Deny, "reject": v3.Deny, "block": v3.Deny,
	"log":  v3.Log,
	"pass": v3.Pass, "next-tier": v3.Pass,
}

func isAction(s string) bool {
	switch v3.Action(s) {
	case v3.Allow, v3.Deny, v3.Log, v3.Pass:
		return true
	}
	return false
}

func (c *checker) action(field calico.Path, action v3.Action) {
	if s := string(action); !isAction(s) {
		c.reject(field, s, "The action of a rule is \"Allow\", \"Deny\", \"Log\" or \"Pass\"%s", instead(isAction, string(actions[strings.ToLower(s)])))
	}
}

// ipVersion checks the IP version of a rule, by itself and against the version
// that the rule's protocol belongs to.
func (c *checker) ipVersion(path calico.Path, r *v3.Rule) {
	if r.IPVersion == nil {
		return
	}
	field, version := path.Field("ipVersion"), *r.IPVersion
	if version != 4 && version != 6 {
		c.reject(field, version, "The IP version is 4 or 6: write one of them, or leave ipVersion out to match both.")
	}
	for _, p := range []struct {
		name    string
		version int
	}{{numorstring.ProtocolICMP, 4}, {numorstring.ProtocolICMPv6, 6}} {
		if version != p.version && (isProtocol(r.Protocol, p.name) || isProtocol(r.NotProtocol, p.name)) {
			c.rejectWithin(path, field, version, "The protocol %q belongs to IP version %d: write %d, or leave ipVersion out.", p.name, p.version, p.version)
		}
	}
}

// icmp checks the fields of icmp or notICMP.
func (c *checker) icmp(path calico.Path, icmp *v3.ICMPFields) {
	if icmp == nil {
		return
	}
	if t := icmp.Type; t != nil && (*t < 0 || *t > 254) {
		c.reject(path.Field("type"), *t, "An ICMP type is a number from 0 to 254.")
	}
	code := icmp.Code
	if code == nil {
		return
	}
	if *code < 0 || *code > 255 {
		c.reject(path.Field("code"), *code, "An ICMP code is a number from 0 to 255.")
	}
	if icmp.Type == nil {
		c.rejectWithin(path, path.Field("code"), *code, "An ICMP code is matched only together with a type: set type too, or remove code.")
	}
}

const (
	// maxHTTPMatches is the limit on the methods, and on the paths, of a rule from
	// v3.32 on.
	maxHTTPMatches = 20
	// maxHTTPPath is the limit on a path, in characters, from v3.32 on.
	maxHTTPPath = 1024
)

// http checks the match on HTTP requests.
func (c *checker) http(rulePath calico.Path, r *v3.Rule, site ruleSite) {
	path := rulePath.Field("http")
	if r.Action != v3.Allow {
		c.rejectWithin(rulePath, path, nil, "A rule with http has the action \"Allow\": set action to \"Allow\", or remove http.")
	}
	if site.policy && site.egress {
		c.reject(path, nil, "HTTP requests are matched by ingress rules only: remove http.")
	}
	// The limits are the schema's, and Profiles have no schema.
	limited := site.policy && c.release.AtLeast(3, 32, 0)
	methods, paths := path.Field("methods"), path.Field("paths")
	if n := len(r.HTTP.Methods); limited && n > maxHTTPMatches {
		c.reject(methods, nil, "A rule has at most %d HTTP methods, and this one %d.", maxHTTPMatches, n)
	}
	for _, i := range repeated(r.HTTP.Methods) {
		c.rejectWithin(methods, methods.Index(i), r.HTTP.Methods[i], "Each HTTP method is listed once: remove one of the two.")
	}
	if n := len(r.HTTP.Paths); limited && n > maxHTTPMatches {
		c.reject(paths, nil, "A rule has at most %d HTTP paths, and this one %d: write the others in another rule.", maxHTTPMatches, n)
	}
	for i, p := range r.HTTP.Paths {
		c.httpPath(paths.Index(i), p, limited)
	}
}

// httpPath checks one path that HTTP requests are matched against.
func (c *checker) httpPath(path calico.Path, p v3.HTTPPath, limited bool) {
	if (p.Exact == "") == (p.Prefix == "") {
		c.reject(path, nil, "An HTTP path is matched either by exact or by prefix: set one of the two.")
	}
	for _, f := range []struct{ name, text string }{{"exact", p.Exact}, {"prefix", p.Prefix}} {
		if f.text == "" {
			continue
		}
		field := path.Field(f.name)
		if !isHTTPPath(f.text) {
			before, _, _ := strings.Cut(strings.TrimSpace(strings.ReplaceAll(f.text, "#", "?")), "?")
			c.reject(field, f.text, "An HTTP path begins with '/' and holds no blank, '?' or '#'%s", instead(isHTTPPath, before, "/"+before))
		}
		if n := utf8.RuneCountInString(f.text); limited && n > maxHTTPPath {
			c.reject(field, f.text, "An HTTP path has at most %d characters, and this one %d.", maxHTTPPath, n)
		}
	}
}

func isHTTPPath(s string) bool {
	return strings.HasPrefix(s, "/") && !strings.ContainsAny(s, " ?#")
}

// isProtocol tells whether p is the protocol of that name, spelled by its name:
// Calico takes no protocol's number for its name.
func isProtocol(p *numorstring.Protocol, name string) bool {
	return p != nil && p.Type == numorstring.NumOrStringString && p.StrVal == name
}

// protocolNames are the protocols that Calico knows by name.
var protocolNames = []string{
	numorstring.ProtocolTCP, numorstring.ProtocolUDP, numorstring.ProtocolICMP,
	numorstring.ProtocolICMPv6, numorstring.ProtocolSCTP, numorstring.ProtocolUDPLite,
}

// protocolAliases holds what to write for protocols under names that Calico does
// not know.
var protocolAliases = map[string]string{
	"icmp4": "ICMP", "icmpv4": "ICMP", "icmp6": "ICMPv6", "icmp-v6": "ICMPv6", "ipv6-icmp": "ICMPv6",
	"igmp": "2", "ipip": "4", "ipencap": "4", "dccp": "33", "gre": "47", "esp": "50", "ah": "51",
	"ospf": "89", "pim": "103", "vrrp": "112", "carp": "112", "l2tp": "115",
}

// isProtocolText tells whether Calico accepts s as a protocol. It wants the exact
// spelling of a name.
func isProtocolText(s string) bool {
	number, err := numorstring.ProtocolFromString(s).NumValue()
	return slices.Contains(protocolNames, s) || err == nil && number > 0
}

// protocol checks the protocol or notProtocol of a rule.
func (c *checker) protocol(field calico.Path, p *numorstring.Protocol) {
	if p == nil || isProtocolText(p.String()) {
		return
	}
	name := strings.TrimSpace(p.String())
	end := instead(isProtocolText, numorstring.ProtocolFromString(name).StrVal, protocolAliases[strings.ToLower(name)])
	switch strings.ToLower(name) {
	case "", "0", "any", "all", "*":
		end = "; leave the field out to match every protocol."
	}
	c.reject(field, p.String(), "A protocol is \"TCP\", \"UDP\", \"ICMP\", \"ICMPv6\", \"SCTP\", \"UDPLite\" or a number from 1 to 255%s", end)
}
