package validate

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
)

// bgpConfiguration checks what more than one field, or none of the tags, says in
// a BGPConfiguration.
func (c *checker) bgpConfiguration(root calico.Path, b *calico.BGPConfiguration) {
	at, s := root.Field("spec"), &b.Spec
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"nodeToNodeMeshEnabled", s.NodeToNodeMeshEnabled != nil},
		{"asNumber", s.ASNumber != nil},
		{"serviceLoadBalancerIPs", len(s.ServiceLoadBalancerIPs) > 0},
		{"serviceExternalIPs", len(s.ServiceExternalIPs) > 0},
		{"serviceClusterIPs", len(s.ServiceClusterIPs) > 0},
		{"nodeMeshPassword", s.NodeMeshPassword != nil},
		{"nodeMeshMaxRestartTime", s.NodeMeshMaxRestartTime != nil},
	} {
		if f.set && b.Name != calico.DefaultName {
			c.rejectWithin(root, at.Field(f.name), nil, "Only the BGPConfiguration %q, which is for all nodes, has this field: leave it out here.", calico.DefaultName)
		}
	}
	c.communities(at, &s.BGPConfigurationSpec)
	if mesh := s.NodeToNodeMeshEnabled; mesh != nil && !*mesh {
		if s.NodeMeshPassword != nil {
			c.rejectWithin(at, at.Field("nodeMeshPassword"), nil, "There is no password for a mesh that is off: leave nodeMeshPassword out, or set nodeToNodeMeshEnabled to true.")
		}
		if s.NodeMeshMaxRestartTime != nil {
			c.rejectWithin(at, at.Field("nodeMeshMaxRestartTime"), nil, "There is no restart time for a mesh that is off: leave nodeMeshMaxRestartTime out, or set nodeToNodeMeshEnabled to true.")
		}
	}
}

const communityForm = `"64512:100" with numbers up to 65535, or "64512:1:2" with numbers up to 4294967295`

func (c *checker) communities(at calico.Path, s *v3.BGPConfigurationSpec) {
	var names []string
	for i, community := range s.Communities {
		names = append(names, community.Name)
		if community.Value != "" && !isCommunity(community.Value) {
			c.reject(at.Field("communities").Index(i).Field("value"), community.Value, "A community is such as %s.", communityForm)
		}
	}
	if len(s.Communities) > 0 && len(s.PrefixAdvertisements) == 0 {
		c.rejectWithin(at, at.Field("communities"), nil, "These communities are not used: name them in prefixAdvertisements, or remove them.")
	}
	for i, p := range s.PrefixAdvertisements {
		for j, name := range p.Communities {
			if !isCommunity(name) && (hasCommunityForm(name) || !slices.Contains(names, name)) {
				c.rejectWithin(at, at.Field("prefixAdvertisements").Index(i).Field("communities").Index(j), name,
					"This is the name of none of the communities, nor a community such as %s.", communityForm)
			}
		}
	}
}

// isCommunity tells whether s is a BGP community: two numbers of 16 bits, or a
// large one of three of 32 bits.
func isCommunity(s string) bool {
	parts := strings.Split(s, ":")
	width := 16
	if len(parts) == 3 {
		width = 32
	}
	return hasCommunityForm(s) && !slices.ContainsFunc(parts, func(p string) bool {
		_, err := strconv.ParseUint(p, 10, width)
		return err != nil
	})
}

// hasCommunityForm tells whether Calico takes s for a community, rather than for
// the name of one, however large its numbers.
func hasCommunityForm(s string) bool {
	parts := strings.Split(s, ":")
	return (len(parts) == 2 || len(parts) == 3) && !slices.ContainsFunc(parts, func(p string) bool {
		return p == "" || strings.Trim(p, "0123456789") != ""
	})
}

// bgpPeer checks what more than one field says in a BGPPeer. That its filters
// exist is not checked here.
func (c *checker) bgpPeer(at calico.Path, s *v3.BGPPeerSpec) {
	if s.Node != "" && s.NodeSelector != "" {
		c.rejectWithin(at, at.Field("node"), s.Node, "Only one of node and nodeSelector can be set: remove one of them.")
	}
	if s.PeerIP != "" && s.PeerSelector != "" {
		c.rejectWithin(at, at.Field("peerIP"), s.PeerIP, "Only one of peerIP and peerSelector can be set: remove one of them.")
	}
	if s.ASNumber != 0 && s.PeerSelector != "" {
		c.rejectWithin(at, at.Field("asNumber"), uint32(s.ASNumber), "The nodes that peerSelector selects have their own AS numbers: remove asNumber, or peerSelector.")
	}
	if s.LocalWorkloadSelector != "" {
		if s.ASNumber == 0 {
			c.rejectWithin(at, at.Field("asNumber"), nil, "Peering with the workloads of localWorkloadSelector needs their AS number: set asNumber.")
		}
		if s.PeerIP != "" {
			c.rejectWithin(at, at.Field("peerIP"), s.PeerIP, "Only one of peerIP and localWorkloadSelector can be set: remove one of them.")
		}
		if s.PeerSelector != "" {
			c.rejectWithin(at, at.Field("peerSelector"), nil, "Only one of peerSelector and localWorkloadSelector can be set: remove one of them.")
		}
	}
	c.reachableBy(at, s)
	if s.KeepOriginalNextHop && s.NextHopMode != nil {
		c.rejectWithin(at, at.Field("keepOriginalNextHop"), nil, "Only one of keepOriginalNextHop and nextHopMode can be set: remove keepOriginalNextHop, and write \"Keep\" as nextHopMode for the same.")
	}
}

func (c *checker) reachableBy(at calico.Path, s *v3.BGPPeerSpec) {
	field, peer := at.Field("reachableBy"), address.PeerIP(s.PeerIP)
	switch {
	case !address.Is(s.ReachableBy):
		// None, or the tag has it.
	case s.PeerIP == "":
		c.rejectWithin(at, field, s.ReachableBy, "This is the gateway to peerIP: set peerIP, or remove reachableBy.")
	case peer == "":
		c.rejectWithin(at, field, s.ReachableBy, "This is the gateway to peerIP, which is no address.")
	case address.Family(peer) != address.Family(s.ReachableBy):
		c.rejectWithin(at, field, s.ReachableBy, "The gateway and peerIP have the same IP version: write an IPv%d address.", address.Family(peer))
	}
}

// bgpFilterRule checks what more than one field says in a rule of a BGPFilter.
func (c *checker) bgpFilterRule(at calico.Path, cidr string, prefixLength bool, r *calico.BGPFilterRule) {
	switch operator := r.MatchOperator; {
	case cidr != "" && operator == "":
		c.rejectWithin(at, at.Field("cidr"), cidr, `A rule with a cidr needs matchOperator: write "Equal", "NotEqual", "In" or "NotIn".`)
	case cidr == "" && operator != "":
		c.rejectWithin(at, at.Field("matchOperator"), string(operator), "A rule with matchOperator needs a cidr: set it, or remove matchOperator.")
	}
	if cidr == "" && prefixLength {
		c.rejectWithin(at, at.Field("prefixLength"), nil, "A rule with prefixLength needs a cidr: set it, or remove prefixLength.")
	}
	if len(r.Operations) > 0 && r.Action == v3.Reject {
		c.rejectWithin(at, at.Field("operations"), nil, `A route that is rejected is not changed: write "Accept" as action, or remove the operations.`)
	}
	if len(r.Operations) > maxFilterOperations {
		c.reject(at.Field("operations"), nil, "A rule has at most %d operations, and here %d.", maxFilterOperations, len(r.Operations))
	}
}

// The limits of the schema of BGPFilter in v3.32.
const (
	maxFilterOperations = 10
	maxPrependedASPath  = 10
)

// leadingZero is a number of a community that does not begin as one is written.
var leadingZero = regexp.MustCompile(`(^|:)0\d`)

// bgpFilterCommunities checks the communities of a condition.
func (c *checker) bgpFilterCommunities(at calico.Path, m *calico.BGPFilterCommunityMatch) {
	if n := len(m.Values); n > 1 {
		c.reject(at.Field("values"), nil, "Calico takes one community here, and here are %d: write a rule for each of them.", n)
	} else if n == 0 && m.Values != nil {
		c.reject(at.Field("values"), nil, "This list has one community: write it, or remove communities.")
	}
}

// bgpFilterOperation checks that an operation is one.
func (c *checker) bgpFilterOperation(at calico.Path, o *calico.BGPFilterOperation) {
	n := 0
	for _, set := range []bool{o.AddCommunity != nil, o.PrependASPath != nil, o.SetPriority != nil} {
		if set {
			n++
		}
	}
	if n != 1 {
		c.reject(at, nil, "An operation is one of addCommunity, prependASPath and setPriority, and here are %d: write an operation for each of them.", n)
	}
}

// bgpFilterPath checks the AS numbers that are put before a path.
func (c *checker) bgpFilterPath(at calico.Path, p *calico.BGPFilterPrependASPath) {
	if n := len(p.Prefix); n > maxPrependedASPath || n == 0 && p.Prefix != nil {
		c.reject(at.Field("prefix"), nil, "This list has 1 to %d AS numbers, and here %d.", maxPrependedASPath, n)
	}
}

// node checks what no tag says in a Node.
func (c *checker) node(at calico.Path, s *calico.NodeSpec) {
	if s.BGP != nil && *s.BGP == (calico.NodeBGPSpec{}) {
		c.reject(at.Field("bgp"), nil, "The BGP configuration of a node has at least one field: set one, or leave bgp out.")
	}
}
