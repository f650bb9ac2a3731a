package validate

import (
	"net"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
)

var (
	linkLocal4 = net.IPNet{IP: net.IPv4(169, 254, 0, 0).To4(), Mask: net.CIDRMask(16, 32)}
	linkLocal6 = net.IPNet{IP: net.ParseIP("fe80::"), Mask: net.CIDRMask(10, 128)}
)

// ipPool checks what more than one field, or none of the tags, says in an IPPool.
// That no other pool overlaps is not checked here: see OverlappingPool.
func (c *checker) ipPool(at calico.Path, s *v3.IPPoolSpec) {
	c.poolCIDR(at, s)
	never := func(mode string) bool { return mode == "" || mode == string(v3.IPIPModeNever) }
	ipip, vxlan := !never(string(s.IPIPMode)), !never(string(s.VXLANMode))
	if ipip && vxlan {
		c.rejectWithin(at, at.Field("vxlanMode"), string(s.VXLANMode), `Only one of ipipMode and vxlanMode can be on in a pool: write "Never" for the other.`)
	}
	if _, network, err := net.ParseCIDR(s.CIDR); ipip && err == nil && version(network) == 6 {
		c.rejectWithin(at, at.Field("ipipMode"), string(s.IPIPMode), `There is no IPIP in a pool of IPv6 addresses: write "Never".`)
	}
	c.allowedUses(at, s, ipip, vxlan)
	if c.release.AtLeast(3, 31, 0) {
		for _, f := range []struct{ name, selector string }{{"nodeSelector", s.NodeSelector}, {"namespaceSelector", s.NamespaceSelector}} {
			if strings.Contains(f.selector, "global(") {
				c.reject(at.Field(f.name), f.selector, "A pool's selectors cannot use global(): write all().")
			}
		}
	}
}

func (c *checker) poolCIDR(at calico.Path, s *v3.IPPoolSpec) {
	field := at.Field("cidr")
	ip, network, err := net.ParseCIDR(s.CIDR)
	if err != nil {
		switch {
		case s.CIDR == "":
			c.reject(field, nil, "A pool needs the network of its addresses, such as 10.48.0.0/16.")
		case address.Is(s.CIDR):
			// Without a prefix length it passes the tag, but not the client.
			c.reject(field, s.CIDR, "%s", netAdvice(s.CIDR))
		}
		// The schema of v3.32 has a limit whatever the network is.
		if _, most, _ := calico.BlockSizes(6); (s.BlockSize < 0 || s.BlockSize > most) && c.release.AtLeast(3, 32, 0) {
			c.reject(at.Field("blockSize"), s.BlockSize, "The block size of a pool is a number up to %d.", most)
		}
		return
	}
	// Calico looks at the address here, and at the network in other places: they
	// differ for an IPv4 address that is written as an IPv6 one.
	v := address.Family(ip.String())
	low, high, size := calico.BlockSizes(v)
	if s.BlockSize != 0 {
		size = s.BlockSize
	}
	if size < low || size > high {
		c.rejectWithin(at, at.Field("blockSize"), s.BlockSize, "The block size of an IPv%d pool is a number from %d to %d.", v, low, high)
	}
	if ones, _ := network.Mask.Size(); ones > size && !s.Disabled {
		c.rejectWithin(at, field, s.CIDR, "The pool is smaller than one of its blocks (/%d): write a larger network, or a larger blockSize.", size)
	}
	if !ip.Equal(network.IP) {
		return // the tag has it
	}
	if overlap(network, &linkLocal4) || overlap(network, &linkLocal6) {
		c.reject(field, s.CIDR, "A pool does not overlap with the link-local addresses, 169.254.0.0/16 and fe80::/10: write another network.")
	}
}

func (c *checker) allowedUses(at calico.Path, s *v3.IPPoolSpec, ipip, vxlan bool) {
	field := at.Field("allowedUses")
	known := []string{string(v3.IPPoolAllowedUseWorkload), string(v3.IPPoolAllowedUseTunnel)}
	if c.release.AtLeast(3, 30, 0) {
		known = append(known, string(v3.IPPoolAllowedUseLoadBalancer))
	}
	balancer := slices.Contains(s.AllowedUses, v3.IPPoolAllowedUseLoadBalancer) && len(known) == 3
	for i, use := range s.AllowedUses {
		if c.oneOf(field.Index(i), string(use), known...) && balancer && use != v3.IPPoolAllowedUseLoadBalancer {
			c.rejectWithin(field, field.Index(i), string(use), "A pool for load balancers is for nothing else: remove this use, or \"LoadBalancer\".")
		}
	}
	if balancer {
		if ipip || vxlan {
			mode := "ipipMode"
			if !ipip {
				mode = "vxlanMode"
			}
			c.rejectWithin(at, at.Field(mode), nil, `There is no encapsulation in a pool for load balancers: write "Never".`)
		}
		if s.DisableBGPExport {
			c.rejectWithin(at, at.Field("disableBGPExport"), nil, "BGP exports a pool for load balancers: leave disableBGPExport out.")
		}
		if s.NodeSelector != calico.AllSelector {
			c.rejectWithin(at, at.Field("nodeSelector"), nil, "A pool for load balancers is for all nodes: write all(), or leave nodeSelector out.")
		}
	}
	if slices.Contains(s.AllowedUses, v3.IPPoolAllowedUseTunnel) && s.NamespaceSelector != "" && c.release.AtLeast(3, 31, 0) {
		c.rejectWithin(at, at.Field("namespaceSelector"), s.NamespaceSelector, `The addresses of tunnels belong to no namespace: write allowedUses without "Tunnel", or remove namespaceSelector.`)
	}
}

func overlap(a, b *net.IPNet) bool { return a.Contains(b.IP) || b.Contains(a.IP) }

// OverlappingPool returns the name of one of the other pools whose addresses
// overlap with those of a pool that is to be created, or "". Calico refuses such
// a pool. The pool itself may be among the others.
func OverlappingPool(pool *v3.IPPool, others []*v3.IPPool) string {
	_, network, err := net.ParseCIDR(pool.Spec.CIDR)
	if err != nil {
		return ""
	}
	for _, other := range others {
		if other.Name == pool.Name {
			continue
		}
		if _, n, err := net.ParseCIDR(other.Spec.CIDR); err == nil && overlap(network, n) {
			return other.Name
		}
	}
	return ""
}
