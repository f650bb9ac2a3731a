package validate

import (
	"fmt"
	"net"
	"regexp"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
)

// entity is the source or the destination of a rule.
type entity struct {
	*v3.EntityRule
	path        calico.Path
	destination bool
	rule        *v3.Rule
	rulePath    calico.Path
}

// entity checks the source or the destination of a rule. seen is what the rule's
// networks before it have told.
func (c *checker) entity(e entity, site ruleSite, seen *families) {
	c.nets(e, e.path.Field("nets"), e.Nets, seen, false)
	c.plainSelector(e.path.Field("selector"), e.Selector)
	c.namespaceSelector(e.path.Field("namespaceSelector"), e.NamespaceSelector)
	if e.Services != nil {
		c.services(e, site)
	}
	c.ports(e, e.path.Field("ports"), e.Ports)
	c.nets(e, e.path.Field("notNets"), e.NotNets, seen, refusesAllInNotNets(c.release))
	c.selector(e.path.Field("notSelector"), e.NotSelector)
	c.ports(e, e.path.Field("notPorts"), e.NotPorts)
	if e.ServiceAccounts != nil {
		c.selector(e.path.Field("serviceAccounts").Field("selector"), e.ServiceAccounts.Selector)
	}
}

// families is which IP versions the networks of a rule belong to.
type families struct{ v4, v6 bool }

// version returns the IP version that Calico counts a network to. A network of
// IPv6 addresses that stand for IPv4 ones counts as IPv4.
func version(n *net.IPNet) int {
	if n.IP.To4() != nil {
		return 4
	}
	return 6
}

// refusesAllInNotNets tells whether the release refuses a network of all
// addresses in notNets, with which a rule matches nothing.
func refusesAllInNotNets(r calico.Release) bool {
	switch {
	case r.AtLeast(3, 31, 0):
		return true
	case r.AtLeast(3, 30, 0):
		return r.AtLeast(3, 30, 3)
	default:
		return r.AtLeast(3, 29, 6)
	}
}

// isEverything tells what Calico takes for a network of all addresses in notNets:
// one spelling of that of IPv4, and every spelling of that of IPv6.
func isEverything(s string, n *net.IPNet) bool {
	ones, _ := n.Mask.Size()
	return s == "0.0.0.0/0" || version(n) == 6 && ones == 0
}

// nets checks the networks of nets or notNets, each by itself, against the
// rule's ipVersion and against the rule's networks before them. refuseAll is
// true where a network of all addresses may not be.
func (c *checker) nets(e entity, field calico.Path, nets []string, seen *families, refuseAll bool) {
	var mismatched, mixed bool
	for i, s := range nets {
		_, network, err := net.ParseCIDR(s)
		if !isNet(s) {
			c.reject(field.Index(i), s, "%s", netAdvice(s))
		}
		if err != nil {
			continue
		}
		if refuseAll && isEverything(s, network) {
			c.reject(field.Index(i), s, "A rule that excludes every address matches nothing: remove this network, or the rule.")
		}
		v := version(network)
		if want := e.rule.IPVersion; want != nil && *want != v && !mismatched {
			mismatched = true
			c.rejectWithin(e.rulePath, field.Index(i), s, "This is an IPv%d network in a rule with ipVersion %d: remove it, or leave ipVersion out.", v, *want)
		}
		if (v == 4 && seen.v6 || v == 6 && seen.v4) && !mixed {
			mixed = true
			c.rejectWithin(e.rulePath, field.Index(i), s, "This is an IPv%d network in a rule that has IPv%d networks too: write two rules, one for each IP version.", v, 10-v)
		}
		seen.v4 = seen.v4 || v == 4
		seen.v6 = seen.v6 || v == 6
	}
}

// isNet tells whether Calico accepts s as a network of a rule: with a prefix
// length, and with no bits set beyond it.
func isNet(s string) bool {
	ip, network, err := net.ParseCIDR(s)
	return err == nil && ip.Equal(network.IP)
}

// netAdvice tells what to write instead of something that is no network.
func netAdvice(s string) string {
	if ip, network, err := net.ParseCIDR(s); err == nil {
		return fmt.Sprintf("Calico wants the network address here: write %q, or %q for the one address.", network, calico.CanonicalNet(ip.String()))
	}
	if address.Is(s) {
		return fmt.Sprintf("Calico wants a prefix length here: write %q.", calico.CanonicalNet(s))
	}
	const want = "Calico wants an IPv4 or IPv6 network here, such as 10.0.0.0/8 or 2001:db8::/32"
	if hasLeadingZero(s) {
		return want + ", with no leading zeros in its numbers."
	}
	return want + instead(isNet, calico.CanonicalNet(withPrefixLength(strings.TrimSpace(s))))
}

// withPrefixLength turns a network mask in s, as in 10.0.0.0/255.0.0.0, into a
// prefix length.
func withPrefixLength(s string) string {
	address, mask, _ := strings.Cut(s, "/")
	if m := net.IPMask(net.ParseIP(mask).To4()); m != nil {
		if ones, bits := m.Size(); bits != 0 {
			return fmt.Sprintf("%s/%d", address, ones)
		}
	}
	return s
}

// namespaceSelector checks the namespaceSelector of a rule, the one place where
// global() may be used, but only by itself.
func (c *checker) namespaceSelector(field calico.Path, s string) {
	if s == "" {
		return
	}
	parsed, err := c.parseSelector(s)
	if err != nil {
		c.selector(field, s)
		return
	}
	combined := strings.Contains(s, "global(") && !globalAlone.MatchString(s)
	if !c.release.AtLeast(3, 30, 0) {
		// Up to v3.29 Calico looks at its canonical print for a global() beside an
		// && or ||, so that one in brackets or after a ! at the end passes.
		combined = globalBesideOperator.MatchString(parsed.String())
	}
	if combined {
		c.reject(field, s, "A selector cannot combine global() with anything: write only %q, or remove it.", globalFunction)
	}
}

var (
	globalAlone          = regexp.MustCompile(`^[ \t]*global\([ \t]*\)[ \t]*$`)
	globalBesideOperator = regexp.MustCompile(`(&&|\|\|) global\(\)|global\(\) (&&|\|\|)`)
)

// services checks the match on Kubernetes services.
func (c *checker) services(e entity, site ruleSite) {
	path, s := e.path.Field("services"), e.Services
	used := !site.policy || e.destination == site.egress
	switch {
	case !used && site.egress:
		c.reject(path, nil, "An egress rule matches services as its destination only: remove services here.")
	case !used:
		c.reject(path, nil, "An ingress rule matches services as its source only: remove services here.")
	}
	c.servicesAlone(e, path)
	if s.Name == "" {
		c.reject(path.Field("name"), nil, "A match on services needs the name of one.")
	} else {
		c.dnsName(path.Field("name"), "The name of a service", s.Name)
	}
	switch {
	case s.Namespace != "":
		c.dnsName(path.Field("namespace"), "The namespace of a service", s.Namespace)
	case site.policy && !site.namespaced && used:
		c.reject(path.Field("namespace"), nil, "A global policy has no namespace in which to look for the service: write the service's namespace.")
	}
}

// servicesAlone checks that nothing is matched beside services that would
// choose the same side of the traffic in another way.
func (c *checker) servicesAlone(e entity, path calico.Path) {
	var others []string
	for _, o := range []struct {
		name string
		set  bool
	}{
		{"nets", len(e.Nets) > 0},
		{"selector", e.Selector != ""},
		{"namespaceSelector", e.NamespaceSelector != ""},
		{"notNets", len(e.NotNets) > 0},
		{"notSelector", e.NotSelector != ""},
		{"serviceAccounts", e.ServiceAccounts != nil},
	} {
		if o.set {
			others = append(others, o.name)
		}
	}
	if len(others) > 0 {
		list := strings.Join(others, ", ")
		c.rejectWithin(e.path, path, nil, "Services cannot be combined with %s: remove services, or %s.", list, list)
	}
}
