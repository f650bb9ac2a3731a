package validate

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

const (
	// maxPortName is the limit on the name of a port.
	maxPortName = 15

	protocolsWithPorts = `"TCP", "UDP" or "SCTP"`
	portNameRule       = "1 to 15 lower-case letters, digits and '-', at least one letter, and no '-' that is first, last or doubled"
)

// ports checks ports or notPorts, each by itself and against the rule: a
// protocol that has ports must be set, though from v3.32 on a list of nothing
// but named ports does without any protocol.
func (c *checker) ports(e entity, field calico.Path, ports []numorstring.Port) {
	if len(ports) == 0 {
		return
	}
	text := make([]string, len(ports))
	named := true
	for i, p := range ports {
		text[i] = p.String()
		named = named && p.PortName != ""
	}
	value := strings.Join(text, ", ")
	switch p := e.rule.Protocol; {
	case p == nil && named && c.release.AtLeast(3, 32, 0):
	case p == nil && named:
		c.rejectWithin(e.rulePath, field, value, "In Calico %s a rule with ports, named ones too, needs a protocol that has ports: set protocol to %s.", c.release, protocolsWithPorts)
	case p == nil:
		c.rejectWithin(e.rulePath, field, value, "A rule with ports needs a protocol that has ports: set protocol to %s.", protocolsWithPorts)
	case !p.SupportsPorts():
		c.rejectWithin(e.rulePath, field, value, "The protocol %q has no ports: set protocol to %s, or remove the ports.", p.String(), protocolsWithPorts)
	}
	if e.destination && e.Services != nil {
		c.rejectWithin(e.path, field, value, "A rule that matches services as its destination matches their ports with them: remove the ports, or services.")
	}
	for i, p := range ports {
		c.port(field.Index(i), p)
	}
}

// port checks one port, range of ports or name of a port.
func (c *checker) port(field calico.Path, p numorstring.Port) {
	switch {
	case p.PortName != "" && (p.MinPort != 0 || p.MaxPort != 0):
		c.reject(field, p.PortName, "A port is either a name or a number: remove one of them.")
	case p.PortName != "":
		if portRange := asPortRange(p.PortName); portRange != "" {
			c.reject(field, p.PortName, "A range of ports is written with a colon: write %q.", portRange)
		} else if !isPortName(p.PortName) {
			c.reject(field, p.PortName, "A port is a number from 1 to 65535, a range such as 1000:2000, or a name of %s%s",
				portNameRule, instead(isPortName, strings.ToLower(p.PortName), asDNSName(p.PortName)))
		}
	case p.MaxPort == 0 && p.MinPort == 0:
		c.reject(field, 0, "A port is a number from 1 to 65535.")
	case p.MinPort == 0 || p.MinPort > p.MaxPort:
		text := fmt.Sprintf("%d:%d", p.MinPort, p.MaxPort)
		c.reject(field, text, "A range of ports is its lowest number, 1 or more, and its highest: write %q.", asPortRange(strings.Replace(text, ":", "-", 1)))
	}
}

// asPortRange returns the range of ports that was meant by a text which Calico
// takes for the name of a port, or "". None of these texts is a good name: those
// have a letter.
func asPortRange(s string) string {
	low, high, _ := strings.Cut(strings.Replace(s, "..", "-", 1), "-")
	from, err1 := strconv.ParseUint(low, 10, 16)
	to, err2 := strconv.ParseUint(high, 10, 16)
	if err1 != nil || err2 != nil || max(from, to) == 0 {
		return ""
	}
	return fmt.Sprintf("%d:%d", max(1, min(from, to)), max(from, to))
}

// isPortName tells whether s is what Kubernetes wants of the name of a port.
func isPortName(s string) bool {
	return len(s) <= maxPortName && isDNSLabel(s) && !strings.Contains(s, "--") &&
		strings.ContainsAny(s, "abcdefghijklmnopqrstuvwxyz")
}
