package provider

import (
	"context"
	"math/big"
	"reflect"
	"strings"
	"unicode"

	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/failsafe"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/codec"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/schemas"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/spelling"
)

// The defaults of the failsafe policy, which are the guide's.
const (
	failsafeName = "failsafe"
	portEtcd     = 2379
)

var (
	ingressPath = specPath.Field("ingress")
	egressPath  = specPath.Field("egress")
)

func newFailsafePolicyResource() resource.Resource {
	return &objectResource{definition: definition{
		typeName:   "failsafe_policy",
		kind:       calico.KindGlobalNetworkPolicy,
		schema:     failsafeSchema(),
		complete:   completeFailsafe,
		toObject:   failsafeToObject,
		fromObject: failsafeFromObject,
		derived:    map[string]calico.Path{"rule_drift": {}},
		filled:     map[string][]string{"tier": nil},
		locate:     locateFailsafe,
		replaceWarning: func(values) (summary, detail string) {
			return "Replacement Leaves a Gap", "A new name makes a new policy. Unless this resource has create_before_destroy = true in its lifecycle block, " +
				"the old policy is deleted first, and the hosts are without it for a moment."
		},
	}}
}

func failsafeSchema() schema.Schema {
	return schemas.WithBlocks(schema.Schema{
		MarkdownDescription: "A `GlobalNetworkPolicy` that keeps hosts reachable once host endpoints protect them: " +
			"the [failsafe policy that Calico's reference recommends](https://docs.tigera.io/calico/latest/reference/host-endpoints/connectivity), made from the addresses of your network. " +
			"It allows SSH from the management networks, ICMP, and the hosts' own traffic to etcd and DHCP. The function [`manifest`](../functions/manifest.md) shows all of its rules, as YAML: `provider::calico::manifest(calico_failsafe_policy.this.object)`.\n\n" +
			"~> **Keep this policy for as long as there is a host endpoint.** Name it in the `depends_on` of every [`calico_host_endpoint`](host_endpoint.md), so that Terraform creates it before them and destroys it after them.\n\n" +
			"~> **The default `selector` includes workloads.** If any policy selects an endpoint, Calico drops what no policy allows there, and its profiles no longer count. If workloads have no policies of their own, select hosts only.",
		Attributes: schemas.WithMetadata("policy", failsafeName, map[string]schema.Attribute{
			"name": schema.StringAttribute{
				MarkdownDescription: "Name of the policy, such as `\"failsafe-east\"`. Default: `\"failsafe\"`. Changing it replaces the policy: with `create_before_destroy` in `lifecycle` the new one is there before the old one goes.",
				Optional:            true, Computed: true,
			},
			"selector": schema.StringAttribute{
				MarkdownDescription: "Expression that selects, by their labels, the endpoints that the policy applies to, on one line or on several. Default: `\"all()\"`, hosts and workloads. `\"!has(projectcalico.org/namespace)\"` selects hosts only.",
				CustomType:          spelling.PolicySelector,
				Optional:            true, Computed: true,
			},
			"order": schema.NumberAttribute{
				MarkdownDescription: "Order among the policies of its tier, the lowest first, such as `-10`. Default: `0`.",
				Optional:            true, Computed: true,
			},
			"tier": schema.StringAttribute{
				MarkdownDescription: "Name of the tier that the policy belongs to, such as `\"security\"`; the tier must exist. If a tier comes before `\"default\"`, put the policy into the first one, so that no policy there can come before it. Up to v3.31 its name then begins with that of its tier (`\"security.failsafe\"`). Tiers came with v3.29; before, there is only `\"default\"`. Default: `\"default\"`.",
				Optional:            true, Computed: true,
			},
			"management_cidrs": schema.ListAttribute{
				MarkdownDescription: "Networks and addresses that may open SSH to the hosts, such as `[\"10.1.0.0/24\", \"2001:db8:1::7\"]`; at least one. An address without a prefix length is that address alone. The attribute `object` shows them too, be they marked as sensitive here or not. The order means nothing.",
				CustomType:          spelling.Unordered(spelling.HostNet),
				Required:            true,
			},
			"management_ports": schema.ListAttribute{
				MarkdownDescription: "TCP ports that are open to `management_cidrs`: numbers and ranges, such as `[22, \"2200:2210\"]`. Default: `[22]`.",
				ElementType:         spelling.Port,
				Optional:            true, Computed: true,
				Validators: []validator.List{listvalidator.SizeAtLeast(1)},
			},
			"etcd_server": schema.ListNestedAttribute{
				MarkdownDescription: "An etcd server that hosts must be able to reach, a block each and one rule for each in this order, such as `etcd_server { address = \"10.2.0.11\" }`. Default: none.",
				Optional:            true,
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"address": schema.StringAttribute{
						MarkdownDescription: "Address of the server, such as `\"10.2.0.11\"`, or a network of servers, such as `\"2001:db8:2::/64\"`.",
						CustomType:          spelling.HostNet,
						Required:            true,
					},
					"ports": schema.ListAttribute{
						MarkdownDescription: "TCP ports of the server: numbers and ranges, such as `[2379, 2380]`. Default: `[2379]`.",
						ElementType:         spelling.Port,
						Optional:            true, Computed: true,
						Validators: []validator.List{listvalidator.SizeAtLeast(1)},
					},
				}},
			},
			"allow_icmp": schema.BoolAttribute{
				MarkdownDescription: "Whether inbound ICMP, such as a ping, is allowed. Default: `true`.",
				Optional:            true, Computed: true,
			},
			"allow_icmpv6": schema.BoolAttribute{
				MarkdownDescription: "Whether ICMPv6 is allowed in both directions, which IPv6 neighbour discovery needs. Default: `true` if `management_cidrs`, `etcd_server` or `bgp_peers` has an IPv6 address, otherwise `false`.",
				Optional:            true, Computed: true,
			},
			"allow_dhcp": schema.BoolAttribute{
				MarkdownDescription: "Whether outbound DHCP (UDP port 67) is allowed, and DHCPv6 (UDP port 547) too if `management_cidrs`, `etcd_server` or `bgp_peers` has an IPv6 address. Default: `true`.",
				Optional:            true, Computed: true,
			},
			"bgp_peers": schema.ListAttribute{
				MarkdownDescription: "Networks and addresses of BGP peers, with which TCP port 179 is open in both directions, such as `[\"10.3.0.0/24\"]`; `[\"0.0.0.0/0\"]` is any IPv4 peer. Needed if Calico routes the traffic of workloads by BGP. Default: none. The order means nothing.",
				CustomType:          spelling.Unordered(spelling.HostNet),
				Optional:            true,
			},
			"extra_ingress": schemas.RuleList("Further rules for inbound traffic, after the generated ones and in this order, a block each, such as `extra_ingress { action = \"Allow\" }` with `protocol = \"TCP\"` and `destination { ports = [9100] }` in it. Default: none."),
			"extra_egress":  schemas.RuleList("Further rules for outbound traffic, after the generated ones and in this order, a block each, such as `extra_egress { action = \"Allow\" }` with `protocol = \"UDP\"` and `destination { ports = [53] }` in it. Default: none."),
			"rule_drift": schema.ListAttribute{
				MarkdownDescription: "What somebody has made of the rules behind Terraform's back, if the other attributes cannot say it: a line for each rule that is there and should not be, such as `\"ingress: Allow TCP from 10.9.0.0/24\"`, and for each that is missing (`\"missing ingress: ...\"`). The next apply puts it right; then it is null.",
				ElementType:         types.StringType,
				Computed:            true,
			},
		}),
	})
}

// completeFailsafe fills in the guide's defaults.
func completeFailsafe(config, planned values) {
	defaults := values{
		"name":             types.StringValue(failsafeName),
		"selector":         spelling.NewValue(spelling.PolicySelector, failsafe.SelectsAll),
		"order":            types.NumberValue(new(big.Float)),
		"management_ports": portList(failsafe.PortSSH),
		"allow_icmp":       types.BoolValue(true),
		"allow_dhcp":       types.BoolValue(true),
	}
	for name, value := range defaults {
		if config.isNull(name) {
			planned[name] = value
		}
	}
	planned["etcd_server"] = completeServers(config["etcd_server"])
	if config.isNull("allow_icmpv6") {
		planned["allow_icmpv6"] = types.BoolUnknown()
		if addressesKnown(config) {
			planned["allow_icmpv6"] = types.BoolValue(failsafeOf(&codec.Conversion{}, planned).IPv6())
		}
	}
}

func portList(port uint16) attr.Value {
	return types.ListValueMust(spelling.Port, []attr.Value{spelling.NewValue(spelling.Port, numorstring.SinglePort(port).String())})
}

// completeServers gives every etcd server its ports.
func completeServers(servers attr.Value) attr.Value {
	list, ok := servers.(types.List)
	if !ok || list.IsNull() || list.IsUnknown() {
		return servers
	}
	completed := list.Elements()
	for i, e := range completed {
		server, ok := e.(types.Object)
		if !ok || server.IsNull() || server.IsUnknown() || !values(server.Attributes()).isNull("ports") {
			continue
		}
		attributes := server.Attributes()
		attributes["ports"] = portList(portEtcd)
		completed[i] = types.ObjectValueMust(server.AttributeTypes(context.Background()), attributes)
	}
	return types.ListValueMust(list.ElementType(context.Background()), completed)
}

// addressesKnown tells whether it can be told that any address is an IPv6 one.
func addressesKnown(v values) bool {
	for _, name := range []string{"management_cidrs", "bgp_peers"} {
		if v[name] != nil && !fullyKnown(v[name]) {
			return false
		}
	}
	if v.isUnknown("etcd_server") {
		return false
	}
	for _, e := range elements(v["etcd_server"]) {
		server, ok := e.(types.Object)
		if !ok || server.IsUnknown() || values(server.Attributes()).isUnknown("address") {
			return false
		}
	}
	return true
}

// failsafeOf reads the attributes that rules are made of. What is unknown makes
// the rules of its direction unknown.
func failsafeOf(c *codec.Conversion, v values) *failsafe.Policy {
	f := &failsafe.Policy{}
	into := func(name string, target any, direction ...calico.Path) {
		if v[name] == nil {
			return
		}
		if !fullyKnown(v[name]) {
			c.Unknown = append(c.Unknown, direction...)
			return
		}
		codec.Decode(c, v[name], reflect.ValueOf(target).Elem(), calico.NewPath(name))
	}
	into("management_cidrs", &f.ManagementCIDRs, ingressPath)
	into("management_ports", &f.ManagementPorts, ingressPath)
	into("allow_icmp", &f.ICMP, ingressPath)
	into("allow_icmpv6", &f.ICMPv6, ingressPath, egressPath)
	into("allow_dhcp", &f.DHCP, egressPath)
	into("bgp_peers", &f.BGPPeers, ingressPath, egressPath)
	if v["etcd_server"] != nil {
		if fullyKnown(v["etcd_server"]) {
			f.EtcdServers = etcdServers(c, v["etcd_server"])
		} else {
			c.Unknown = append(c.Unknown, egressPath)
		}
	}
	if !addressesKnown(v) && f.DHCP {
		c.Unknown = append(c.Unknown, egressPath) // whether DHCPv6 is among the rules
	}
	into("extra_ingress", &f.ExtraIngress, ingressPath)
	into("extra_egress", &f.ExtraEgress, egressPath)
	return f
}

func etcdServers(c *codec.Conversion, v attr.Value) []failsafe.EtcdServer {
	at := calico.NewPath("etcd_server")
	var servers []failsafe.EtcdServer
	for i, e := range elements(v) {
		o, ok := e.(types.Object)
		if !ok || o.IsNull() {
			c.Fault(at.Index(i), nil, "An etcd server must not be null: leave the element out.")
			continue
		}
		server := failsafe.EtcdServer{Address: values(o.Attributes()).str("address")}
		codec.Decode(c, o.Attributes()["ports"], reflect.ValueOf(&server.Ports).Elem(), at.Index(i).Field("ports"))
		servers = append(servers, server)
	}
	return servers
}

func failsafeToObject(c *codec.Conversion, v values) calico.Object {
	f := failsafeOf(c, v)
	checkFailsafe(c, v, f)
	policy := v3.NewGlobalNetworkPolicy()
	codec.DecodeFields(c, pick(v, "selector", "order", "tier"), reflect.ValueOf(&policy.Spec).Elem(), specPath)
	for _, r := range f.Ingress() {
		policy.Spec.Ingress = append(policy.Spec.Ingress, r.Rule)
	}
	for _, r := range f.Egress() {
		policy.Spec.Egress = append(policy.Spec.Egress, r.Rule)
	}
	return policy
}

// checkFailsafe finds what Calico would accept, but what would not be the
// policy that was meant.
func checkFailsafe(c *codec.Conversion, v values, f *failsafe.Policy) {
	if cidrs := v["management_cidrs"]; cidrs != nil && !cidrs.IsNull() && !cidrs.IsUnknown() && len(elements(cidrs)) == 0 {
		c.Fault(calico.NewPath("management_cidrs"), nil, "At least one network must be able to open SSH, such as \"10.1.0.0/24\": without one the policy would lock you out.")
	}
	if peers := v["bgp_peers"]; peers != nil && !peers.IsNull() && !peers.IsUnknown() && len(elements(peers)) == 0 {
		c.Fault(calico.NewPath("bgp_peers"), nil, "An empty list could mean no peer or any peer. Leave the attribute out (or null) for no BGP; write [\"0.0.0.0/0\"] to allow any IPv4 peer, and [\"0.0.0.0/0\", \"::/0\"] for any peer at all.")
	}
	for _, name := range []string{"management_cidrs", "bgp_peers"} {
		for i, e := range elements(v[name]) {
			if text := (values{"": e}).str(""); isHostName(text) {
				c.Fault(calico.NewPath(name).Index(i), text, "%s", noName)
			}
		}
	}
	for i, p := range f.ManagementPorts {
		if address.IsNamed(p) && isHostName(p.PortName) {
			c.Fault(calico.NewPath("management_ports").Index(i), p.PortName, "Write the number of the port (22) or a range (\"2200:2210\"): a named port would be looked up on every endpoint.")
		}
	}
	for i, s := range f.EtcdServers {
		if isHostName(s.Address) {
			c.Fault(calico.NewPath("etcd_server").Index(i).Field("address"), s.Address, "%s", noName)
		}
		for j, p := range s.Ports {
			if address.IsNamed(p) && isHostName(p.PortName) {
				c.Fault(calico.NewPath("etcd_server").Index(i).Field("ports").Index(j), p.PortName, "Write the number of the port (2379) or a range (\"2379:2380\"): a named port would be looked up on every endpoint.")
			}
		}
	}
}

const noName = "This is a name, and Calico's policies match addresses, not names: write the address (\"10.2.0.11\") or the network (\"10.2.0.0/24\"). Where only a name is to be had, look it up in the configuration, for example with the data source dns_a_record_set of the provider hashicorp/dns."

// isHostName tells a text that is meant as a name of a host: it has letters that no
// address has.
func isHostName(s string) bool {
	return !strings.ContainsAny(s, ":/ ") && strings.ContainsFunc(s, unicode.IsLetter)
}

func failsafeFromObject(obj calico.Object, attributeTypes map[string]attr.Type, prior values) values {
	policy, ok := obj.(*v3.GlobalNetworkPolicy)
	if !ok {
		panic("provider: a failsafe policy is no GlobalNetworkPolicy")
	}
	out := values{}
	for name, v := range codec.EncodeFields(reflect.ValueOf(policy.Spec), pick(attributeTypes, "selector", "order", "tier")) {
		out[name] = v
	}
	if out["selector"].IsNull() {
		out["selector"] = spelling.NewValue(spelling.PolicySelector, failsafe.SelectsAll) // which is what no selector means
	}
	out["rule_drift"] = driftList(nil)

	// Different attributes can make the same rules; those that do stay.
	if prior != nil {
		before := &codec.Conversion{}
		f := failsafeOf(before, prior)
		if len(before.Unknown)+len(before.Faults) == 0 && f.Makes(policy.Spec.Ingress, policy.Spec.Egress) {
			return keepTerms(out, prior)
		}
	}
	f, ok := failsafe.Parse(policy.Spec.Ingress, policy.Spec.Egress)
	if !ok && prior != nil {
		// Somebody made another policy of it: rule_drift tells what the plan will
		// put right.
		before := failsafeOf(&codec.Conversion{}, prior)
		out["rule_drift"] = driftList(before.Drift(policy.Spec.Ingress, policy.Spec.Egress))
		return keepTerms(out, prior)
	}
	encodeSlice := func(name string, from any) { out[name] = codec.Encode(reflect.ValueOf(from), attributeTypes[name]) }
	// Required attributes are empty rather than null where a policy has no such rule.
	out["management_cidrs"] = spelling.Unordered(spelling.HostNet).Value(codec.EncodeElements(reflect.ValueOf(f.ManagementCIDRs), spelling.HostNet))
	encodeSlice("management_ports", f.ManagementPorts)
	encodeSlice("bgp_peers", f.BGPPeers)
	encodeSlice("extra_ingress", f.ExtraIngress)
	encodeSlice("extra_egress", f.ExtraEgress)
	out["allow_icmp"] = types.BoolValue(f.ICMP)
	out["allow_icmpv6"] = types.BoolValue(f.ICMPv6)
	out["allow_dhcp"] = types.BoolValue(f.DHCP)
	out["etcd_server"] = serverList(f.EtcdServers, attributeTypes["etcd_server"])
	return out
}

// keepTerms copies the attributes that the rules are made of.
func keepTerms(out, prior values) values {
	for _, name := range []string{"management_cidrs", "management_ports", "etcd_server", "allow_icmp", "allow_icmpv6", "allow_dhcp", "bgp_peers", "extra_ingress", "extra_egress"} {
		out[name] = prior[name]
	}
	return out
}

func serverList(servers []failsafe.EtcdServer, typ attr.Type) attr.Value {
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

// madeOf tells which attribute rules are made of.
var madeOf = map[failsafe.Origin]string{
	failsafe.OfManagement:   "management_cidrs",
	failsafe.OfICMP:         "allow_icmp",
	failsafe.OfICMPv6:       "allow_icmpv6",
	failsafe.OfDHCP:         "allow_dhcp",
	failsafe.OfBGP:          "bgp_peers",
	failsafe.OfEtcd:         "etcd_server",
	failsafe.OfExtraIngress: "extra_ingress",
	failsafe.OfExtraEgress:  "extra_egress",
}

// locateFailsafe finds the attribute that a rule's field was made of.
func locateFailsafe(v values, field calico.Path, attributeTypes map[string]attr.Type) (path.Path, bool) {
	steps := field.Steps()
	if len(steps) > 0 && steps[0].Field != "spec" && steps[0].Field != "metadata" {
		// A fault of an attribute that is no field of the policy itself.
		return codec.ExtendPath(path.Root(steps[0].Field), attributeTypes[steps[0].Field], nil, steps[1:]), true
	}
	if len(steps) < 3 || steps[1].Field != "ingress" && steps[1].Field != "egress" {
		return path.Path{}, false
	}
	f := failsafeOf(&codec.Conversion{}, v)
	rules := f.Ingress()
	if steps[1].Field == "egress" {
		rules = f.Egress()
	}
	if steps[2].Index >= len(rules) {
		return path.Path{}, false
	}
	rule, rest := rules[steps[2].Index], steps[3:]
	attribute := madeOf[rule.Origin]
	p := path.Root(attribute)
	switch rule.Origin {
	case failsafe.OfExtraIngress, failsafe.OfExtraEgress:
		list, ok := attributeTypes[attribute].(basetypes.ListType)
		if !ok {
			return p, true
		}
		return codec.ExtendPath(p.AtListIndex(rule.Index), list.ElemType, reflect.TypeFor[v3.Rule](), rest), true
	case failsafe.OfEtcd:
		p = p.AtListIndex(rule.Index)
		if len(rest) > 1 && rest[1].Field == "ports" {
			p = p.AtName("ports")
			if len(rest) > 2 {
				p = p.AtListIndex(rest[2].Index)
			}
			return p, true
		}
		return p.AtName("address"), true
	case failsafe.OfManagement:
		if len(rest) > 1 && rest[1].Field == "ports" {
			p = path.Root("management_ports")
			if len(rest) > 2 {
				p = p.AtListIndex(rest[2].Index)
			}
		}
		return p, true
	default:
		return p, true
	}
}

// driftList returns the value of rule_drift: null for no drift, so that plans do not
// show it.
func driftList(lines []string) attr.Value {
	if len(lines) == 0 {
		return types.ListNull(types.StringType)
	}
	var list []attr.Value
	for _, line := range lines {
		list = append(list, types.StringValue(line))
	}
	return types.ListValueMust(types.StringType, list)
}
