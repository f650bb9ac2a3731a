package verdict

import (
	"fmt"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// The failsafe ports of a Felix that is not told otherwise, the same in v3.28 to v3.32.
var defaultFailsafes = [2][]v3.ProtoPort{
	Ingress: protoPorts("tcp 22, udp 68, tcp 179, tcp 2379, tcp 2380, tcp 5473, tcp 6443, tcp 6666, tcp 6667"),
	Egress:  protoPorts("udp 53, udp 67, tcp 179, tcp 2379, tcp 2380, tcp 5473, tcp 6443, tcp 6666, tcp 6667"),
}

func protoPorts(text string) []v3.ProtoPort {
	var ports []v3.ProtoPort
	for _, entry := range strings.Split(text, ", ") {
		var p v3.ProtoPort
		if _, err := fmt.Sscan(entry, &p.Protocol, &p.Port); err != nil {
			panic("verdict: " + entry + ": " + err.Error())
		}
		ports = append(ports, p)
	}
	return ports
}

// failsafes are the failsafe ports of a node, by direction.
type failsafes struct {
	ports [2][]failsafe
	// doubts tell why it is not known which there are.
	doubts [2]string
}

type failsafe struct {
	protocol uint8
	port     uint16
	// peers is unset for all.
	peers *addrRange
	cause Cause
}

// matches tells whether a box is let through. With reply the box is looked at as
// the replies to a connection in the other direction, whose port is the source.
func (f failsafe) matches(b *box, protocol uint8, reply bool) answer {
	if f.protocol != protocol {
		return answer{}
	}
	dim := destinationPort
	if reply {
		dim = sourcePort
	}
	a := spanSet{{f.port, f.port}}.holds(b, dim)
	if f.peers == nil {
		return a
	}
	return a.and(addrSet{*f.peers}.holds(b, peerAddress))
}

// failsafeConfigs are the FelixConfigurations that count.
type failsafeConfigs struct {
	release calico.Release
	byName  map[string]*v3.FelixConfiguration
	// scoped are those for the nodes with certain labels, from v3.32 on.
	scoped []*v3.FelixConfiguration
	nodes  map[string]map[string]string
	cache  map[string]failsafes
}

func newFailsafeConfigs(r calico.Release) *failsafeConfigs {
	return &failsafeConfigs{
		release: r,
		byName:  map[string]*v3.FelixConfiguration{},
		nodes:   map[string]map[string]string{},
		cache:   map[string]failsafes{},
	}
}

const (
	globalConfig     = "default"
	nodeConfigPrefix = "node."
)

func (c *failsafeConfigs) add(o *v3.FelixConfiguration) {
	switch {
	case o.Name == globalConfig || strings.HasPrefix(o.Name, nodeConfigPrefix):
		c.byName[o.Name] = o
	case c.release.AtLeast(3, 32, 0):
		c.scoped = append(c.scoped, o)
	}
}

// of returns the failsafe ports of a node.
func (c *failsafeConfigs) of(node string) failsafes {
	if f, ok := c.cache[node]; ok {
		return f
	}
	var f failsafes
	for _, direction := range []Direction{Ingress, Egress} {
		list, source, doubt := c.listFor(node, direction)
		f.doubts[direction] = doubt
		for _, entry := range list {
			port, err := newFailsafe(entry, direction)
			if err != nil {
				f.doubts[direction] = fmt.Sprintf("Felix cannot work with %s, whose failsafe ports hold %s", source, err)
				continue
			}
			f.ports[direction] = append(f.ports[direction], port)
		}
	}
	c.cache[node] = f
	return f
}

// listFor returns the failsafe ports of a node in a direction, and who says so.
// The first that has a list replaces all others, for this direction.
func (c *failsafeConfigs) listFor(node string, d Direction) (list []v3.ProtoPort, source, doubt string) {
	for _, name := range []string{nodeConfigPrefix + node, globalConfig} {
		if name == globalConfig {
			if doubt := c.scopedDoubt(node, d); doubt != "" {
				return nil, "", doubt
			}
		}
		config := c.byName[name]
		if config == nil {
			continue
		}
		if annotation, ok := overriding(config, d); ok {
			return nil, "", fmt.Sprintf("the annotation %s of FelixConfiguration %q replaces failsafe ports, and is not read here", annotation, name)
		}
		if own := listOf(config, d); own != nil {
			return *own, fmt.Sprintf("FelixConfiguration %q", name), ""
		}
	}
	return defaultFailsafes[d], "its default", ""
}

func listOf(config *v3.FelixConfiguration, d Direction) *[]v3.ProtoPort {
	if d == Egress {
		return config.Spec.FailsafeOutboundHostPorts
	}
	return config.Spec.FailsafeInboundHostPorts
}

// scopedDoubt tells whether a configuration for nodes with certain labels may
// hold for the node. Which labels these are is not among what is known of a
// FelixConfiguration here; a node without labels has none.
func (c *failsafeConfigs) scopedDoubt(node string, d Direction) string {
	if len(c.nodes[node]) == 0 {
		return ""
	}
	for _, config := range c.scoped {
		if _, overrides := overriding(config, d); overrides || listOf(config, d) != nil {
			return fmt.Sprintf("FelixConfiguration %q sets failsafe ports for the nodes that its nodeSelector chooses, and whether node %q is one is not known here", config.Name, node)
		}
	}
	return ""
}

// overriding finds an annotation in which a parameter can stand as text.
func overriding(config *v3.FelixConfiguration, d Direction) (string, bool) {
	parameter := "FailsafeInboundHostPorts"
	if d == Egress {
		parameter = "FailsafeOutboundHostPorts"
	}
	for name := range config.Annotations {
		if strings.EqualFold(name, "config.projectcalico.org/"+parameter) {
			return name, true
		}
	}
	return "", false
}

func newFailsafe(entry v3.ProtoPort, d Direction) (failsafe, error) {
	f := failsafe{port: entry.Port}
	switch strings.ToLower(entry.Protocol) {
	case "tcp":
		f.protocol = 6
	case "udp":
		f.protocol = 17
	default:
		return f, fmt.Errorf("the protocol %q", entry.Protocol)
	}
	text := fmt.Sprintf("%s %d", strings.ToUpper(entry.Protocol), entry.Port)
	if entry.Net != "" {
		r, ok := parseNet(entry.Net)
		if !ok {
			return f, fmt.Errorf("the net %q", entry.Net)
		}
		f.peers = &r
		text += " with " + entry.Net
	}
	f.cause = Cause{Kind: CauseFailsafe, Direction: d, Failsafe: text}
	return f, nil
}
