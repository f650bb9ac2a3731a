package calico

import (
	"cmp"
	"maps"
	"net"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
)

// Equal tells whether two objects mean the same to Calico, however they are
// spelled: whether their canonical forms are the same in kind, name, namespace,
// labels, annotations and spec. Other metadata does not count.
//
// Types that are missing are not the same as those that Default would fill in:
// Felix takes a stored policy without types to govern both directions.
func Equal(a, b Object) bool {
	if IsNil(a) || IsNil(b) {
		return a == b
	}
	a, b = Canonical(a), Canonical(b)
	if reflect.TypeOf(a) != reflect.TypeOf(b) || !sameMetadata(a, b) {
		return false
	}
	if x := OrderOf(a); x != nil {
		y := OrderOf(b)
		if !sameOrder(*x, *y) {
			return false
		}
		*x, *y = nil, nil
	}
	return reflect.DeepEqual(specOf(a).Interface(), specOf(b).Interface())
}

// OrderOf returns where an object has its order, or nil if its kind has none.
func OrderOf(obj Object) **float64 {
	if p, ok := PolicyOf(obj); ok {
		return p.Order
	}
	if t, ok := obj.(*v3.Tier); ok {
		return &t.Spec.Order
	}
	return nil
}

// Canonical returns a copy of the object in which everything that means the same
// to Calico is spelled the same. It is for comparing and for showing, not for
// storing: a spelling that Calico rejects may become one that it accepts, and the
// reverse, as Calico looks for "global()" in selectors as a text.
//
// Networks, addresses, ports, protocols and selectors are in canonical form;
// lists of which the order means nothing (those that the API marks as sets, but
// not profiles, which are applied in order) are sorted and without repetition;
// lists, maps and matches that are empty are absent. What a newer release writes down
// where an older one leaves it out, and both mean the same, is filled in, whatever
// the release: a staged action, and see fillImplied.
func Canonical(obj Object) Object {
	if IsNil(obj) {
		return obj
	}
	obj = DeepCopy(obj)
	canonicalMetadata(obj)
	if order := OrderOf(obj); order != nil && *order != nil && **order == 0 {
		**order = 0 // rather than -0, which JSON writes as 0
	}
	if p, ok := PolicyOf(obj); ok {
		p.canonicalize()
		return obj
	}
	switch o := obj.(type) {
	case *v3.HostEndpoint:
		canonicalizeHostEndpoint(&o.Spec)
	case *v3.GlobalNetworkSet:
		o.Spec.Nets = canonicalSet(o.Spec.Nets, CanonicalNet)
	case *v3.NetworkSet:
		o.Spec.Nets = canonicalSet(o.Spec.Nets, CanonicalNet)
	case *v3.Profile:
		o.Spec.Ingress = canonicalRules(o.Spec.Ingress, false)
		o.Spec.Egress = canonicalRules(o.Spec.Egress, false)
		o.Spec.LabelsToApply = nilIfEmpty(o.Spec.LabelsToApply)
	case *v3.Tier:
	default:
		if !IsPlain(obj) {
			panic(UnknownKind(obj))
		}
		fillImplied(obj)
		canonicalFields(specOf(obj))
	}
	return obj
}

func canonicalizeHostEndpoint(spec *v3.HostEndpointSpec) {
	spec.ExpectedIPs = canonicalSet(spec.ExpectedIPs, CanonicalIP)
	spec.Profiles = nilIfNone(spec.Profiles)
	spec.Ports = nilIfNone(spec.Ports)
	for i := range spec.Ports {
		canonicalizeProtocol(&spec.Ports[i].Protocol)
	}
}

// canonicalize puts the policy in canonical form in place.
func (p Policy) canonicalize() {
	*p.Tier = TierOrDefault(*p.Tier)
	namespaced := p.Global == nil
	*p.Ingress = canonicalRules(*p.Ingress, namespaced)
	*p.Egress = canonicalRules(*p.Egress, namespaced)
	*p.Types = canonicalSet(*p.Types, func(t v3.PolicyType) v3.PolicyType { return t })
	*p.PerformanceHints = nilIfNone(*p.PerformanceHints)
	switch {
	case p.Deletes():
		// It selects nothing, and has no selector.
	case !namespaced:
		*p.Selector = canonicalPolicySelector(*p.Selector, *p.Global.NamespaceSelector != "" || *p.ServiceAccountSelector != "")
	case *p.Selector == "" || !isBlank(*p.Selector):
		// A blank one Felix puts in brackets, beside the namespace, as in a rule.
		*p.Selector = canonicalOneLine(*p.Selector)
	}
	*p.ServiceAccountSelector = canonicalOptionalSelector(*p.ServiceAccountSelector)
	if !namespaced {
		*p.Global.NamespaceSelector = canonicalOptionalSelector(*p.Global.NamespaceSelector)
	}
	if p.StagedAction != nil && *p.StagedAction == "" {
		*p.StagedAction = v3.StagedActionSet
	}
}

func canonicalMetadata(obj Object) {
	obj.SetLabels(nilIfEmpty(obj.GetLabels()))
	obj.SetAnnotations(nilIfEmpty(obj.GetAnnotations()))
}

func sameMetadata(a, b Object) bool {
	return a.GetName() == b.GetName() && a.GetNamespace() == b.GetNamespace() &&
		maps.Equal(a.GetLabels(), b.GetLabels()) && maps.Equal(a.GetAnnotations(), b.GetAnnotations())
}

// sameOrder compares two orders. No order is the last one, not 0; and one that is
// no number, though nothing can store it, is the same as itself.
func sameOrder(a, b *float64) bool {
	if a == nil || b == nil {
		return a == b
	}
	return cmp.Compare(*a, *b) == 0
}

// canonicalRules puts the rules in canonical form in place. namespaced is true for
// those of a policy in a namespace.
func canonicalRules(rules []v3.Rule, namespaced bool) []v3.Rule {
	for i := range rules {
		r := &rules[i]
		canonicalizeProtocol(r.Protocol)
		canonicalizeProtocol(r.NotProtocol)
		r.ICMP = nilIfZero(r.ICMP)
		r.NotICMP = nilIfZero(r.NotICMP)
		canonicalizeEntity(&r.Source, namespaced)
		canonicalizeEntity(&r.Destination, namespaced)
		if r.HTTP != nil {
			// A match on HTTP without methods and paths still is one: on any request.
			r.HTTP.Methods = nilIfNone(r.HTTP.Methods)
			r.HTTP.Paths = nilIfNone(r.HTTP.Paths)
		}
		if r.Metadata != nil && len(r.Metadata.Annotations) == 0 {
			r.Metadata = nil
		}
	}
	return nilIfNone(rules)
}

func canonicalizeEntity(e *v3.EntityRule, namespaced bool) {
	e.Nets = canonicalSet(e.Nets, CanonicalNet)
	e.NotNets = canonicalSet(e.NotNets, CanonicalNet)
	e.NotSelector = canonicalOptionalSelector(e.NotSelector)
	e.NamespaceSelector = canonicalOptionalSelector(e.NamespaceSelector)
	e.Ports = canonicalPorts(e.Ports)
	e.NotPorts = canonicalPorts(e.NotPorts)
	if e.ServiceAccounts != nil {
		e.ServiceAccounts.Names = canonicalSet(e.ServiceAccounts.Names, func(name string) string { return name })
		e.ServiceAccounts.Selector = canonicalOptionalSelector(e.ServiceAccounts.Selector)
		if len(e.ServiceAccounts.Names) == 0 && e.ServiceAccounts.Selector == "" {
			e.ServiceAccounts = nil
		}
	}
	joined := namespaced || e.NamespaceSelector != "" || e.ServiceAccounts != nil
	if !joined || !isBlank(e.Selector) {
		e.Selector = canonicalOptionalSelector(e.Selector)
	}
	// Otherwise Felix puts a blank selector in brackets beside the others, of which
	// the namespace is one, and then cannot read the policy any more. So it is not
	// the same as all().
}

// canonicalPorts puts the ports in canonical form in place. Their order is kept.
func canonicalPorts(ports []numorstring.Port) []numorstring.Port {
	for i, p := range ports {
		if q, err := numorstring.PortFromString(p.String()); err == nil {
			ports[i] = q
		}
	}
	return nilIfNone(ports)
}

// canonicalizeProtocol changes p to the one form that it has in JSON.
func canonicalizeProtocol(p *numorstring.Protocol) {
	if p == nil {
		return
	}
	if number, err := p.NumValue(); err == nil {
		*p = numorstring.ProtocolFromInt(number)
		return
	}
	*p = numorstring.ProtocolFromString(p.StrVal)
}

// canonicalSet returns the elements in canonical form, sorted, each once, or nil
// if there are none.
func canonicalSet[T ~string](set []T, canonical func(T) T) []T {
	for i, e := range set {
		set[i] = canonical(e)
	}
	slices.Sort(set)
	return nilIfNone(slices.Compact(set))
}

func nilIfNone[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

func nilIfZero[T comparable](p *T) *T {
	var zero T
	if p != nil && *p == zero {
		return nil
	}
	return p
}

// canonicalOptionalSelector returns the canonical form of a selector that
// selects nothing in particular if it is empty, and then differs from all():
// in a rule all() stands for the endpoints and sets that Calico knows, and as a
// policy's namespaceSelector for everything in a namespace. A blank one is all().
func canonicalOptionalSelector(s string) string {
	if s == "" {
		return ""
	}
	return canonicalOneLine(s)
}

// isBlank tells whether there is nothing in a selector but blanks, if that much.
func isBlank(s string) bool { return strings.Trim(s, " \t") == "" }

// canonicalPolicySelector returns the canonical form of the selector of a global
// policy, for which empty, blank and all() are the same.
//
// That is not so beside a namespaceSelector or a serviceAccountSelector. Felix
// then puts the two in one text, in which it replaces each "all()" by a condition
// on the namespace or service account (libcalico-go, updateprocessors). So there
// a selector with all() in it means what it means in that very spelling only.
func canonicalPolicySelector(s string, joined bool) string {
	canonical := canonicalOneLine(s)
	if joined && strings.Contains(canonical, "all()") {
		return s
	}
	return canonical
}

func canonicalOneLine(s string) string {
	parsed, err := selector.Parse(s)
	if err != nil {
		return s
	}
	return parsed.String()
}

// CanonicalNet returns the canonical form of a network: "10.0.0.1/8" is
// 10.0.0.0/8 to Felix, "10.0.0.1" is 10.0.0.1/32, and "2001:DB8:0::/32" is
// 2001:db8::/32. It returns a text that is neither a network nor an address
// unchanged.
func CanonicalNet(s string) string {
	if _, network, err := net.ParseCIDR(s); err == nil {
		return network.String()
	}
	ip := net.ParseIP(s)
	switch {
	case ip == nil:
		return s
	case ip.To4() != nil:
		return ip.String() + "/32"
	default:
		return ip.String() + "/128"
	}
}

// CanonicalIP returns the canonical form of an IP address: "2001:DB8:0::1" is
// 2001:db8::1. It returns a text that is no address unchanged.
func CanonicalIP(s string) string {
	if ip := net.ParseIP(s); ip != nil {
		return ip.String()
	}
	return s
}

// CanonicalPort returns the form in which Calico stores a port, or a range of
// ports: "022" and "22:22" are 22. It returns a text that is neither, such as
// the name of a port, unchanged.
func CanonicalPort(s string) string {
	if p, err := numorstring.PortFromString(s); err == nil {
		return p.String()
	}
	return s
}

// CanonicalProtocol returns the form in which Calico stores the number of a
// protocol ("06" is 6), and a name that it knows as it spells it ("tcp" is TCP).
// It returns any other text unchanged. A name and a number are never the same:
// Calico matches ICMP types only in rules that name their protocol.
func CanonicalProtocol(s string) string {
	p := numorstring.ProtocolFromString(s)
	canonicalizeProtocol(&p)
	return p.String()
}

// CanonicalASNumber returns the form in which Calico stores an AS number:
// "1.10" is 65546. It returns a text that is none unchanged.
func CanonicalASNumber(s string) string {
	if n, err := numorstring.ASNumberFromString(s); err == nil {
		return n.String()
	}
	return s
}

// CanonicalDSCP returns the number of a class of packets, which is given by its
// number or its name: "EF" is 46. It returns a text that is neither unchanged.
func CanonicalDSCP(s string) string {
	d := numorstring.DSCPFromString(s)
	if d.Validate() != nil {
		return s
	}
	return strconv.Itoa(int(d.ToUint8()))
}

// CanonicalDuration returns the form in which Calico stores a length of time:
// "90s" is 1m30s. It returns a text that is none unchanged.
func CanonicalDuration(s string) string {
	if d, err := time.ParseDuration(s); err == nil {
		return d.String()
	}
	return s
}

// CanonicalSelector returns the canonical form of a selector, which may be
// written over several lines: see selector.OneLine. It returns one that Calico
// cannot read unchanged.
//
// The empty selector is returned as all(), which is what it means as the selector
// of a policy. In other places an absent selector means something else: do not
// ask for its canonical form there.
func CanonicalSelector(s string) string {
	parsed, err := selector.Parse(selector.OneLine(s))
	if err != nil {
		return s
	}
	return parsed.String()
}

func nilIfEmpty(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	return m
}
