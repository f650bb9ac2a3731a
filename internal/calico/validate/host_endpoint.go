package validate

import (
	"net"
	"strings"
	"unicode/utf8"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
)

// maxInterfaceName is the kernel's limit on the name of an interface, in bytes.
const maxInterfaceName = 15

// hostEndpoint checks a HostEndpoint. Its rules are the same in every release,
// but for the length of node.
func (c *checker) hostEndpoint(h *v3.HostEndpoint) {
	c.metadata(h)
	spec := calico.NewPath("spec")
	c.nodeName(spec.Field("node"), h.Spec.Node)
	switch name := h.Spec.InterfaceName; {
	case name == "" && len(h.Spec.ExpectedIPs) == 0:
		c.rejectWithin(spec, spec.Field("interfaceName"), nil,
			"A host endpoint needs interfaceName or at least one of expectedIPs: write the name of an interface, or \"*\" for all interfaces of the host.")
	case name != "" && !isInterfaceName(name):
		c.reject(spec.Field("interfaceName"), name,
			"The name of an interface has 1 to %d letters, digits, '-', '_' and '.': write that of one interface, such as \"eth0\", or \"*\" for all interfaces of the host.", maxInterfaceName)
	}
	for i, ip := range h.Spec.ExpectedIPs {
		if net.ParseIP(ip) == nil {
			c.reject(spec.Field("expectedIPs").Index(i), ip, "%s", addressAdvice(ip))
		}
	}
	for i, profile := range h.Spec.Profiles {
		c.dnsName(spec.Field("profiles").Index(i), "The name of a profile", profile)
	}
	for i, port := range h.Spec.Ports {
		c.endpointPort(spec.Field("ports").Index(i), port)
	}
}

// nodeName checks the node of a host endpoint. libcalico-go reports a missing
// one as a fault of interfaceName.
func (c *checker) nodeName(field calico.Path, node string) {
	switch {
	case node == "":
		c.reject(field, nil, "A host endpoint needs the name of its node: write the name under which Felix runs on the host, as a rule the host's name in lower case.")
		return
	case !isDNSName(node):
		c.dnsName(field, "The name of a node", node)
	}
	if n := utf8.RuneCountInString(node); n > maxName && c.release.AtLeast(3, 32, 0) {
		c.reject(field, node, "The name of a node has at most %d characters, and this one %d.", maxName, n)
	}
}

// isInterfaceName tells whether Calico takes s for an interface, or for all.
func isInterfaceName(s string) bool {
	for i := range len(s) {
		switch b := s[i]; {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', b == '-', b == '_', b == '.':
		default:
			return s == "*"
		}
	}
	return 1 <= len(s) && len(s) <= maxInterfaceName
}

// addressAdvice tells what to write instead of something that is no IP address.
func addressAdvice(s string) string {
	const want = "Calico wants one IPv4 or IPv6 address here"
	if ip, _, err := net.ParseCIDR(s); err == nil {
		return want + ", without a prefix length" + instead(address.Is, ip.String())
	}
	bare, zone, _ := strings.Cut(strings.TrimSpace(s), "%")
	if zone != "" {
		return want + ", without a zone" + instead(address.Is, bare)
	}
	if hasLeadingZero(s) {
		return want + ", with no leading zeros in its numbers."
	}
	return want + instead(address.Is, bare)
}

// hasLeadingZero tells whether a number of an IPv4 address begins with a zero
// that does not belong there. Such a number may be meant as octal, so there is no
// telling what to write instead.
func hasLeadingZero(s string) bool {
	address, _, _ := strings.Cut(s, "/")
	for part := range strings.SplitSeq(address, ".") {
		if len(part) > 1 && part[0] == '0' && !strings.Contains(part, ":") {
			return true
		}
	}
	return false
}

// endpointPort checks a named port of a host endpoint. Names may repeat.
func (c *checker) endpointPort(path calico.Path, p v3.EndpointPort) {
	if !isPortName(p.Name) {
		c.reject(path.Field("name"), p.Name, "The name of a port has %s%s", portNameRule, instead(isPortName, strings.ToLower(p.Name), asDNSName(p.Name)))
	}
	if protocol := p.Protocol.String(); !hasPorts(protocol) {
		c.reject(path.Field("protocol"), protocol, "The protocol of a port is %s%s", protocolsWithPorts, instead(hasPorts, strings.ToUpper(protocol)))
	}
	if p.Port == 0 {
		c.reject(path.Field("port"), 0, "A port is a number from 1 to 65535.")
	}
}

// hasPorts tells whether Calico accepts s as a protocol and knows it to have
// ports.
func hasPorts(s string) bool {
	return isProtocolText(s) && numorstring.Protocol{Type: numorstring.NumOrStringString, StrVal: s}.SupportsPorts()
}
