package main

import (
	"reflect"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// kind declares a kind whose schema is generated. The rest comes from its type,
// its OpenAPI definition and descriptions/<name>.txt.
type kind struct {
	name     string
	typeName string
	spec     reflect.Type
	// fields says what the type does not tell, by path: the names of the fields
	// in manifests, joined by dots.
	fields map[string]field
}

// field is what the API's types do not tell of a field.
type field struct {
	// custom is the string type of package spelling that compares the values, or
	// the elements of the list, as Calico does.
	custom string
	// filled is set where Calico itself gives a field a value that has none.
	filled bool
	// decidedBy are the attributes that decide which value that is.
	decidedBy string
	// required is set where Calico would take an object without the field, but
	// nothing could work with it.
	required bool
	// optional is set where the OpenAPI definition says that the field is
	// required, and it may well be left out: Calico writes an empty struct then.
	optional bool
	// omitted fields have no attribute.
	omitted bool
}

var (
	filled  = field{filled: true}
	needed  = field{required: true}
	ip      = field{custom: "spelling.IP"}
	net     = field{custom: "spelling.Net"}
	hostNet = field{custom: "spelling.HostNet"} // a network, or an address alone
	// A failsafe port is in a list that is no block, where Terraform drops a
	// misspelt name without a word: what decides is required there.
	failsafeNet = field{custom: "spelling.FailsafeNet", required: true}
)

// Of policies, and of staged ones, of either scope.
var (
	policyFields = map[string]field{
		"tier":     filled,
		"types":    {filled: true, decidedBy: "ingress egress"},
		"selector": {custom: "spelling.PolicySelector"},
	}
	stagedPolicyFields = map[string]field{
		"tier":         filled,
		"types":        {filled: true, decidedBy: "ingress egress staged_action"},
		"selector":     {custom: "spelling.PolicySelector"},
		"stagedAction": filled,
	}
)

var kinds = []kind{
	{name: "GlobalNetworkPolicy", typeName: "global_network_policy", spec: reflect.TypeFor[v3.GlobalNetworkPolicySpec](), fields: policyFields},
	{name: "NetworkPolicy", typeName: "network_policy", spec: reflect.TypeFor[v3.NetworkPolicySpec](), fields: policyFields},
	{name: "StagedGlobalNetworkPolicy", typeName: "staged_global_network_policy", spec: reflect.TypeFor[v3.StagedGlobalNetworkPolicySpec](), fields: stagedPolicyFields},
	{name: "StagedNetworkPolicy", typeName: "staged_network_policy", spec: reflect.TypeFor[v3.StagedNetworkPolicySpec](), fields: stagedPolicyFields},
	{name: "Tier", typeName: "tier", spec: reflect.TypeFor[v3.TierSpec](), fields: map[string]field{
		"order":         filled,
		"defaultAction": filled,
	}},
	{name: "GlobalNetworkSet", typeName: "global_network_set", spec: reflect.TypeFor[v3.GlobalNetworkSetSpec](), fields: map[string]field{"nets": hostNet}},
	{name: "NetworkSet", typeName: "network_set", spec: reflect.TypeFor[v3.NetworkSetSpec](), fields: map[string]field{"nets": hostNet}},
	{name: "Profile", typeName: "profile", spec: reflect.TypeFor[v3.ProfileSpec]()},
	{name: "FelixConfiguration", typeName: "felix_configuration", spec: reflect.TypeFor[calico.FelixConfigurationSpec](), fields: map[string]field{
		// Felix stops at an entry without a protocol.
		"failsafeInboundHostPorts.protocol":  needed,
		"failsafeInboundHostPorts.net":       failsafeNet,
		"failsafeOutboundHostPorts.protocol": needed,
		"failsafeOutboundHostPorts.net":      failsafeNet,
		"natOutgoingAddress":                 ip,
		"deviceRouteSourceAddress":           ip,
		"deviceRouteSourceAddressIPv6":       ip,
		"externalNodesList":                  hostNet,
		"bpfExcludeCIDRsFromNAT":             hostNet,
		"bpfDSROptoutCIDRs":                  hostNet,
	}},
	{name: "IPPool", typeName: "ip_pool", spec: reflect.TypeFor[v3.IPPoolSpec](), fields: map[string]field{
		"cidr":           net,
		"blockSize":      {filled: true, decidedBy: "cidr"},
		"nodeSelector":   filled,
		"allowedUses":    filled,
		"ipipMode":       filled,
		"vxlanMode":      filled,
		"assignmentMode": filled,
	}},
	{name: "IPReservation", typeName: "ip_reservation", spec: reflect.TypeFor[v3.IPReservationSpec](), fields: map[string]field{"reservedCIDRs": hostNet}},
	{name: "BGPConfiguration", typeName: "bgp_configuration", spec: reflect.TypeFor[calico.BGPConfigurationSpec](), fields: map[string]field{
		"logSeverityScreen":                  {filled: true, decidedBy: "name"},
		"serviceLoadBalancerAggregation":     filled,
		"serviceLoadBalancerIPs.cidr":        net,
		"serviceExternalIPs.cidr":            net,
		"serviceClusterIPs.cidr":             net,
		"prefixAdvertisements.cidr":          net,
		"nodeMeshPassword.secretKeyRef.name": needed,
		"localWorkloadPeeringIPV4":           ip,
		"localWorkloadPeeringIPV6":           ip,
	}},
	{name: "BGPPeer", typeName: "bgp_peer", spec: reflect.TypeFor[v3.BGPPeerSpec](), fields: map[string]field{
		"password.secretKeyRef.name": needed,
		"reachableBy":                ip,
	}},
	{name: "BGPFilter", typeName: "bgp_filter", spec: reflect.TypeFor[calico.BGPFilterSpec](), fields: map[string]field{
		"exportV4.cidr": net,
		"importV4.cidr": net,
		"exportV6.cidr": net,
		"importV6.cidr": net,
	}},
	// Addresses of a node that may have a prefix length are text: 10.0.0.5/24 and
	// 10.0.0.6/24 are one network, but two nodes.
	{name: "Node", typeName: "node", spec: reflect.TypeFor[calico.NodeSpec](), fields: map[string]field{
		"bgp.ipv4IPIPTunnelAddr":         ip,
		"ipv4VXLANTunnelAddr":            ip,
		"ipv6VXLANTunnelAddr":            ip,
		"wireguard.interfaceIPv4Address": ip,
		"wireguard.interfaceIPv6Address": ip,
	}},
	{name: "KubeControllersConfiguration", typeName: "kube_controllers_configuration", spec: reflect.TypeFor[calico.KubeControllersConfigurationSpec](), fields: map[string]field{
		"healthChecks":                     filled,
		"prometheusMetricsPort":            filled,
		"controllers":                      {optional: true},
		"controllers.node.leakGracePeriod": filled,
		"controllers.node.hostEndpoint.templates.interfaceCIDRs": hostNet,
		"controllers.loadBalancer.assignIPs":                     filled,
		"controllers.policyMigration.enabled":                    filled,
		"controllers.migration":                                  {omitted: true}, // policyMigration in v3.33
	}},
}
