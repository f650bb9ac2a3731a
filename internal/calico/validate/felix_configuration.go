package validate

import (
	"fmt"
	"math/bits"
	"regexp"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
)

const (
	// maxNodePortRanges is how many ranges fit in one match of iptables.
	maxNodePortRanges = 7
	// maxRegion leaves room for "openstack-region-" in a label of 63 characters.
	maxRegion = 46

	maxRouteTable   = 250
	maxRouteTableID = 1<<32 - 1
	// maxRouteTables is how many routing tables Felix looks after.
	maxRouteTables = 1<<16 - 1
)

// felixConfiguration checks what more than one field, or none of the tags, says
// in a FelixConfiguration. Some of it is stricter than Calico's client, which
// accepts, and stores, values on which Felix exits at once and at every start
// (those that it marks as die-on-fail in felix/config): see felixExits.
func (c *checker) felixConfiguration(at calico.Path, s *v3.FelixConfigurationSpec) {
	if p := s.KubeNodePortRanges; p != nil {
		if len(*p) > maxNodePortRanges {
			c.reject(at.Field("kubeNodePortRanges"), nil, "This list has at most %d ranges, and here %d.", maxNodePortRanges, len(*p))
		}
		for i, port := range *p {
			if port.PortName != "" && isPortName(port.PortName) {
				c.reject(at.Field("kubeNodePortRanges").Index(i), port.PortName, "Felix wants numbers here: write a port, or a range such as 30000:32767.")
			}
		}
	}
	if s.ExternalNodesCIDRList != nil {
		for i, cidr := range *s.ExternalNodesCIDRList {
			if address.Family(cidr) != 4 {
				c.reject(at.Field("externalNodesList").Index(i), cidr, "%s", familyAdvice(4)(cidr))
			}
		}
	}
	if region := s.OpenstackRegion; region != "" && (len(region) > maxRegion || !isDNSLabel(region)) {
		c.reject(at.Field("openstackRegion"), region, "The name of a region has at most %d lower-case letters, digits and '-', and begins and ends with a letter or a digit%s",
			maxRegion, instead(func(s string) bool { return len(s) <= maxRegion && isDNSLabel(s) }, asDNSName(region)))
	}
	c.address(at.Field("natOutgoingAddress"), s.NATOutgoingAddress, "ipv4")
	c.address(at.Field("deviceRouteSourceAddress"), s.DeviceRouteSourceAddress, "ipv4")
	c.address(at.Field("deviceRouteSourceAddressIPv6"), s.DeviceRouteSourceAddressIPv6, "ipv6")
	if s.RouteTableRange != nil && s.RouteTableRanges != nil {
		c.rejectWithin(at, at.Field("routeTableRange"), nil, "Only one of routeTableRange and routeTableRanges can be set: remove routeTableRange.")
	}
	if r := s.RouteTableRanges; r != nil && r.NumDesignatedTables() > maxRouteTables {
		c.reject(at.Field("routeTableRanges"), nil, "The ranges have at most %d routing tables together, and here %d.", maxRouteTables, r.NumDesignatedTables())
	}
	c.felixExits(at, s)
}

// nodePrefix begins the names of the objects that are for one node.
const nodePrefix = "node."

// felixScope checks for which nodes a FelixConfiguration is. Calico's client takes
// one that is for none; Felix passes over it without a word to its author.
func (c *checker) felixScope(root calico.Path, f *calico.FelixConfiguration) {
	if !isDNSName(f.Name) {
		return // said of the name already
	}
	selector := root.Field("spec").Field("nodeSelector")
	switch own := f.Name == calico.DefaultName || strings.HasPrefix(f.Name, nodePrefix); {
	case own && f.Spec.NodeSelector != nil:
		c.rejectWithin(root, selector, *f.Spec.NodeSelector, "The FelixConfiguration %q is for all nodes, and %q for one: there is no selector in them. Leave nodeSelector out, or write another name.", calico.DefaultName, nodePrefix+"NAME")
	case !own && (f.Spec.NodeSelector == nil || *f.Spec.NodeSelector == ""):
		c.rejectWithin(root, calico.NewPath("metadata", "name"), f.Name, "With this name the object is for no node. Write %q for all nodes, or %q for one; or, from Calico v3.32 on, choose the nodes with nodeSelector.", calico.DefaultName, nodePrefix+"NAME")
	}
}

// dscp checks a value of the field of IP packets that tells their class.
func (c *checker) dscp(field calico.Path, d numorstring.DSCP) bool {
	if d.Validate() == nil {
		return true
	}
	c.reject(field, d.String(), `Felix takes its default if this is not a number from 0 to 63, or the name of a class, such as "EF", "AF11" or "CS0".`)
	return false
}

// address checks an address of a family, which may be left out.
func (c *checker) address(field calico.Path, s, tag string) {
	rule := tagTexts[tag]
	if s != "" && !rule.accepts(s) {
		c.reject(field, s, "%s%s", rule.want, instead(rule.accepts, strings.TrimSpace(s)))
	}
}

// healthTimeout checks the timeout of one of Felix's health reports.
func (c *checker) healthTimeout(at calico.Path, h *v3.HealthTimeoutOverride) {
	if !regexp.MustCompile(`^[a-zA-Z0-9_ -]+$`).MatchString(h.Name) {
		c.reject(at.Field("name"), h.Name, "The name of a health report has only letters, digits, blanks, '_' and '-'.")
	}
	if h.Timeout.Duration < 0 {
		c.reject(at.Field("timeout"), h.Timeout.Duration.String(), "A timeout is not negative: write \"0s\" for none.")
	}
}

// routeTableRange checks a range of routing tables.
func (c *checker) routeTableRange(at calico.Path, low, high, most int) {
	if low < 1 || high < low || high > most {
		c.reject(at, fmt.Sprintf("%d-%d", low, high), "A range of routing tables is from min, 1 or more, to max, at most %d.", most)
	}
}

// minMarkBits is how many bits Felix wants in a mask of packet marks.
const minMarkBits = 2

var (
	felixHost       = regexp.MustCompile(`^[a-zA-Z0-9_.-]+$`)
	felixInterfaces = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,15}(,[a-zA-Z0-9_-]{1,15})*$`)
)

// felixExits checks the values that Calico's client accepts and Felix dies of.
func (c *checker) felixExits(at calico.Path, s *v3.FelixConfigurationSpec) {
	if h := s.MetadataAddr; h != "" && !strings.EqualFold(h, "none") && !felixHost.MatchString(h) {
		c.reject(at.Field("metadataAddr"), h, "Felix exits if this is not the name or the IPv4 address of a host, of letters, digits, '_', '.' and '-', or \"None\".")
	}
	if p := s.MetadataPort; p != nil && (*p < 0 || *p > 65535) {
		c.reject(at.Field("metadataPort"), *p, "Felix exits if a port is not a number from 0 to 65535.")
	}
	if p := s.InterfacePrefix; p != "" && (strings.EqualFold(p, "none") || !felixInterfaces.MatchString(p)) {
		c.reject(at.Field("interfacePrefix"), p, "Felix exits if this is not a list such as \"cali,tap\", of 1 to 15 letters, digits, '-' and '_' each, with commas and no blanks between them.")
	}
	if m := s.ChainInsertMode; m != "" && !strings.EqualFold(m, "insert") && !strings.EqualFold(m, "append") && !c.release.AtLeast(3, 32, 0) {
		c.reject(at.Field("chainInsertMode"), m, `Felix exits if this is not "Insert" or "Append".`)
	}
	for _, m := range []struct {
		name string
		mask *uint32
	}{{"iptablesMarkMask", s.IptablesMarkMask}, {"nftablesMarkMask", s.NftablesMarkMask}} {
		if m.mask != nil && bits.OnesCount32(*m.mask) < minMarkBits {
			c.reject(at.Field(m.name), *m.mask, "Felix exits if the mask has less than %d bits set: write such as %d, which is 0xffff0000.", minMarkBits, uint32(0xffff0000))
		}
	}
	c.failsafePorts(at.Field("failsafeInboundHostPorts"), s.FailsafeInboundHostPorts)
	c.failsafePorts(at.Field("failsafeOutboundHostPorts"), s.FailsafeOutboundHostPorts)
}

// failsafePorts checks the ports that no policy closes. Calico's client takes
// anything, and Felix exits on what it cannot read: all hosts that the object is
// for are then without policy, or with that of their last moment.
func (c *checker) failsafePorts(field calico.Path, ports *[]v3.ProtoPort) {
	if ports == nil {
		return
	}
	for i, p := range *ports {
		at := field.Index(i)
		if !strings.EqualFold(p.Protocol, "tcp") && !strings.EqualFold(p.Protocol, "udp") {
			c.reject(at.Field("protocol"), p.Protocol, `Felix exits if the protocol of a failsafe port is not "tcp" or "udp": write one of them.`)
		}
		if p.Port == 0 {
			c.reject(at.Field("port"), 0, "A failsafe port is a number from 1 to 65535.")
		}
		if p.Net != "" && !isAddressOrNet(p.Net) {
			c.reject(at.Field("net"), p.Net, "Felix exits if the network of a failsafe port is none: write an address, or a network such as 10.0.0.0/8.")
		}
	}
}
