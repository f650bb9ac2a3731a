package failsafepolicy

import (
	"reflect"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/failsafe"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/codec"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/spelling"
)

var (
	ingressPath = calico.NewPath("spec").Field("ingress")
	egressPath  = calico.NewPath("spec").Field("egress")
)

// model are the attributes that rules are made of; nil for one that is not there.
type model struct {
	managementCIDRs, managementPorts attr.Value
	etcdServer, apiServer            attr.Value
	icmp, icmpv6, dhcp               attr.Value
	bgpPeers                         attr.Value
	extraIngress, extraEgress        attr.Value
}

// attributes returns the fields by the names of their attributes.
func (m *model) attributes() map[string]*attr.Value {
	return map[string]*attr.Value{
		"management_cidrs": &m.managementCIDRs,
		"management_ports": &m.managementPorts,
		"etcd_server":      &m.etcdServer,
		"api_server":       &m.apiServer,
		"allow_icmp":       &m.icmp,
		"allow_icmpv6":     &m.icmpv6,
		"allow_dhcp":       &m.dhcp,
		"bgp_peers":        &m.bgpPeers,
		"extra_ingress":    &m.extraIngress,
		"extra_egress":     &m.extraEgress,
	}
}

// modelOf returns the model in the attributes of a resource.
func modelOf(v map[string]attr.Value) *model {
	m := &model{}
	for name, value := range m.attributes() {
		*value = v[name]
	}
	return m
}

// copyTo puts the model into the attributes of a resource.
func (m *model) copyTo(v map[string]attr.Value) {
	for name, value := range m.attributes() {
		v[name] = *value
	}
}

// toPolicy makes the policy of the model. What is unknown makes the rules of its direction
// unknown.
func (m *model) toPolicy(c *codec.Conversion) *failsafe.Policy {
	f := &failsafe.Policy{}
	into := func(name string, target any, direction ...calico.Path) {
		value := *m.attributes()[name]
		if value == nil {
			return
		}
		if !codec.FullyKnown(value) {
			c.Unknown = append(c.Unknown, direction...)
			return
		}
		codec.Decode(c, value, reflect.ValueOf(target).Elem(), calico.NewPath(name))
	}
	into("management_cidrs", &f.ManagementCIDRs, ingressPath)
	into("management_ports", &f.ManagementPorts, ingressPath)
	into("allow_icmp", &f.ICMP, ingressPath)
	into("allow_icmpv6", &f.ICMPv6, ingressPath, egressPath)
	into("allow_dhcp", &f.DHCP, egressPath)
	into("bgp_peers", &f.BGPPeers, ingressPath, egressPath)
	servers := func(name string, target *[]failsafe.Server) {
		switch value := *m.attributes()[name]; {
		case value == nil:
		case codec.FullyKnown(value):
			*target = serversOf(c, name, value)
		default:
			c.Unknown = append(c.Unknown, egressPath)
		}
	}
	servers("etcd_server", &f.EtcdServers)
	servers("api_server", &f.APIServers)
	if !m.addressesKnown() && f.DHCP {
		c.Unknown = append(c.Unknown, egressPath) // whether DHCPv6 is among the rules
	}
	into("extra_ingress", &f.ExtraIngress, ingressPath)
	into("extra_egress", &f.ExtraEgress, egressPath)
	return f
}

// addressesKnown tells whether it can be told that any address is an IPv6 one.
func (m *model) addressesKnown() bool {
	for _, value := range []attr.Value{m.managementCIDRs, m.bgpPeers} {
		if value != nil && !codec.FullyKnown(value) {
			return false
		}
	}
	for _, servers := range []attr.Value{m.etcdServer, m.apiServer} {
		if servers != nil && servers.IsUnknown() {
			return false
		}
		for _, e := range codec.Elements(servers) {
			server, ok := e.(types.Object)
			if !ok || server.IsUnknown() || server.Attributes()["address"].IsUnknown() {
				return false
			}
		}
	}
	return true
}

func serversOf(c *codec.Conversion, name string, v attr.Value) []failsafe.Server {
	at := calico.NewPath(name)
	var servers []failsafe.Server
	for i, e := range codec.Elements(v) {
		o, ok := e.(types.Object)
		if !ok || o.IsNull() {
			c.Fault(at.Index(i), nil, "A server must not be null: leave the element out.")
			continue
		}
		server := failsafe.Server{Address: codec.Text(o.Attributes()["address"])}
		codec.Decode(c, o.Attributes()["ports"], reflect.ValueOf(&server.Ports).Elem(), at.Index(i).Field("ports"))
		servers = append(servers, server)
	}
	return servers
}

// fromPolicy makes the model of a policy, with attributes of the types given.
func fromPolicy(f *failsafe.Policy, attributeTypes map[string]attr.Type) *model {
	list := func(name string, from any) attr.Value {
		return codec.Encode(reflect.ValueOf(from), attributeTypes[name])
	}
	return &model{
		// Required attributes are empty rather than null where a policy has no such rule.
		managementCIDRs: spelling.Unordered(spelling.HostNet).Value(codec.EncodeElements(reflect.ValueOf(f.ManagementCIDRs), spelling.HostNet)),
		managementPorts: list("management_ports", f.ManagementPorts),
		etcdServer:      serverList(f.EtcdServers, attributeTypes["etcd_server"]),
		apiServer:       serverList(f.APIServers, attributeTypes["api_server"]),
		icmp:            types.BoolValue(f.ICMP),
		icmpv6:          types.BoolValue(f.ICMPv6),
		dhcp:            types.BoolValue(f.DHCP),
		bgpPeers:        list("bgp_peers", f.BGPPeers),
		extraIngress:    list("extra_ingress", f.ExtraIngress),
		extraEgress:     list("extra_egress", f.ExtraEgress),
	}
}

func serverList(servers []failsafe.Server, typ attr.Type) attr.Value {
	list, ok := typ.(basetypes.ListType)
	if !ok || len(servers) == 0 {
		return codec.Null(typ)
	}
	object, ok := list.ElemType.(basetypes.ObjectType)
	if !ok {
		return codec.Null(typ)
	}
	var out []attr.Value
	for _, s := range servers {
		out = append(out, types.ObjectValueMust(object.AttrTypes, map[string]attr.Value{
			"address": spelling.NewValue(spelling.HostNet, s.Address),
			"ports":   codec.Encode(reflect.ValueOf(s.Ports), object.AttrTypes["ports"]),
		}))
	}
	return types.ListValueMust(object, out)
}
