package calico

import (
	"slices"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Node is a host of the cluster, as calicoctl writes it in an etcd datastore. It
// is a v3 kind like the others, but not in Calico's API module: on Kubernetes
// Kubernetes' own nodes stand for it. The fields are those of v3.28 to v3.32;
// interfaces came with v3.31. The "validate" tags say what Calico checks: not the
// elements of lists, for one.
type Node struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              NodeSpec   `json:"spec,omitempty"`
	Status            NodeStatus `json:"status,omitempty"`
}

// NodeSpec is what an administrator, or calico-node, tells of a host.
type NodeSpec struct {
	BGP                  *NodeBGPSpec       `json:"bgp,omitempty" validate:"omitempty"`
	IPv4VXLANTunnelAddr  string             `json:"ipv4VXLANTunnelAddr,omitempty" validate:"omitempty,ipv4"`
	VXLANTunnelMACAddr   string             `json:"vxlanTunnelMACAddr,omitempty" validate:"omitempty,mac"`
	IPv6VXLANTunnelAddr  string             `json:"ipv6VXLANTunnelAddr,omitempty" validate:"omitempty,ipv6"`
	VXLANTunnelMACAddrV6 string             `json:"vxlanTunnelMACAddrV6,omitempty" validate:"omitempty,mac"`
	OrchRefs             []OrchRef          `json:"orchRefs,omitempty"`
	Wireguard            *NodeWireguardSpec `json:"wireguard,omitempty"`
	Addresses            []NodeAddress      `json:"addresses,omitempty"`
	Interfaces           []NodeInterface    `json:"interfaces,omitempty"`
}

// NodeBGPSpec is the BGP configuration of a host.
type NodeBGPSpec struct {
	ASNumber                *numorstring.ASNumber `json:"asNumber,omitempty"`
	IPv4Address             string                `json:"ipv4Address,omitempty" validate:"omitempty,cidrv4"`
	IPv6Address             string                `json:"ipv6Address,omitempty" validate:"omitempty,cidrv6"`
	IPv4IPIPTunnelAddr      string                `json:"ipv4IPIPTunnelAddr,omitempty" validate:"omitempty,ipv4"`
	RouteReflectorClusterID string                `json:"routeReflectorClusterID,omitempty" validate:"omitempty,ipv4"`
}

// OrchRef is the name of a host in an orchestrator.
type OrchRef struct {
	NodeName     string `json:"nodeName,omitempty"`
	Orchestrator string `json:"orchestrator"`
}

// NodeWireguardSpec holds the addresses of a host's WireGuard interfaces.
type NodeWireguardSpec struct {
	InterfaceIPv4Address string `json:"interfaceIPv4Address,omitempty" validate:"omitempty,ipv4"`
	InterfaceIPv6Address string `json:"interfaceIPv6Address,omitempty" validate:"omitempty,ipv6"`
}

// NodeAddress is an address under which a host can be reached.
type NodeAddress struct {
	Address string `json:"address"`
	Type    string `json:"type,omitempty"`
}

// NodeInterface is a network interface of a host.
type NodeInterface struct {
	Name      string   `json:"name,omitempty"`
	Addresses []string `json:"addresses,omitempty"`
}

// NodeStatus is what Calico itself reports of a host. It is never written here,
// and never lost.
type NodeStatus struct {
	WireguardPublicKey   string   `json:"wireguardPublicKey,omitempty" validate:"omitempty,wireguardPublicKey"`
	WireguardPublicKeyV6 string   `json:"wireguardPublicKeyV6,omitempty" validate:"omitempty,wireguardPublicKey"`
	PodCIDRs             []string `json:"podCIDRs,omitempty"`
}

// NewNode returns an empty Node, with kind and apiVersion set.
func NewNode() *Node {
	return &Node{TypeMeta: metav1.TypeMeta{Kind: string(KindNode), APIVersion: v3.GroupVersionCurrent}}
}

// DeepCopyObject returns a copy that shares nothing with n.
func (n *Node) DeepCopyObject() runtime.Object { return n.DeepCopy() }

// DeepCopy returns a copy that shares nothing with n.
func (n *Node) DeepCopy() *Node {
	if n == nil {
		return nil
	}
	c := *n
	c.ObjectMeta = *n.ObjectMeta.DeepCopy()
	if n.Spec.BGP != nil {
		bgp := *n.Spec.BGP
		if bgp.ASNumber != nil {
			number := *bgp.ASNumber
			bgp.ASNumber = &number
		}
		c.Spec.BGP = &bgp
	}
	if n.Spec.Wireguard != nil {
		wireguard := *n.Spec.Wireguard
		c.Spec.Wireguard = &wireguard
	}
	c.Spec.OrchRefs = slices.Clone(n.Spec.OrchRefs)
	c.Spec.Addresses = slices.Clone(n.Spec.Addresses)
	c.Spec.Interfaces = slices.Clone(n.Spec.Interfaces)
	for i, face := range c.Spec.Interfaces {
		c.Spec.Interfaces[i].Addresses = slices.Clone(face.Addresses)
	}
	c.Status.PodCIDRs = slices.Clone(n.Status.PodCIDRs)
	return &c
}
