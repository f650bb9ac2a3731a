package failsafepolicy

import (
	"context"
	"math/big"
	"reflect"
	"strings"
	"unicode"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/failsafe"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/codec"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/spelling"
)

// defaultName is the guide's name of the policy.
const defaultName = "failsafe"

// serverPorts are the blocks of servers that hosts must reach, and the port of such a
// server if nothing is said of it.
var serverPorts = map[string]uint16{"etcd_server": failsafe.PortEtcd, "api_server": failsafe.PortAPI}

// Complete fills in the guide's defaults.
func Complete(config, planned map[string]attr.Value) {
	defaults := map[string]attr.Value{
		"name":             types.StringValue(defaultName),
		"selector":         spelling.NewValue(spelling.PolicySelector, failsafe.SelectsAll),
		"order":            types.NumberValue(new(big.Float)),
		"management_ports": portList(failsafe.PortSSH),
		"allow_icmp":       types.BoolValue(true),
		"allow_dhcp":       types.BoolValue(true),
	}
	for name, value := range defaults {
		if isNull(config[name]) {
			planned[name] = value
		}
	}
	for name, port := range serverPorts {
		planned[name] = completeServers(config[name], port)
	}
	if isNull(config["allow_icmpv6"]) {
		planned["allow_icmpv6"] = types.BoolUnknown()
		if modelOf(config).addressesKnown() {
			planned["allow_icmpv6"] = types.BoolValue(modelOf(planned).toPolicy(&codec.Conversion{}).IPv6())
		}
	}
}

func portList(port uint16) attr.Value {
	return types.ListValueMust(spelling.Port, []attr.Value{spelling.NewValue(spelling.Port, numorstring.SinglePort(port).String())})
}

// completeServers gives every server its ports.
func completeServers(servers attr.Value, port uint16) attr.Value {
	list, ok := servers.(types.List)
	if !ok || list.IsNull() || list.IsUnknown() {
		return servers
	}
	completed := list.Elements()
	for i, e := range completed {
		server, ok := e.(types.Object)
		if !ok || server.IsNull() || server.IsUnknown() || !isNull(server.Attributes()["ports"]) {
			continue
		}
		attributes := server.Attributes()
		attributes["ports"] = portList(port)
		completed[i] = types.ObjectValueMust(server.AttributeTypes(context.Background()), attributes)
	}
	return types.ListValueMust(list.ElementType(context.Background()), completed)
}

// Object makes the policy that the attributes describe.
func Object(c *codec.Conversion, v map[string]attr.Value) calico.Object {
	f := modelOf(v).toPolicy(c)
	check(c, v, f)
	policy := v3.NewGlobalNetworkPolicy()
	codec.DecodeFields(c, pick(v), reflect.ValueOf(&policy.Spec).Elem(), calico.NewPath("spec"))
	for _, r := range f.Ingress() {
		policy.Spec.Ingress = append(policy.Spec.Ingress, r.Rule)
	}
	for _, r := range f.Egress() {
		policy.Spec.Egress = append(policy.Spec.Egress, r.Rule)
	}
	return policy
}

func isNull(v attr.Value) bool { return v == nil || v.IsNull() }

// pick returns what is about the fields of the policy that are attributes by their own
// names.
func pick[V any](m map[string]V) map[string]V {
	out := map[string]V{}
	for _, name := range []string{"selector", "order", "tier"} {
		if v, ok := m[name]; ok {
			out[name] = v
		}
	}
	return out
}

// check finds what Calico would accept, but what would not be the
// policy that was meant.
func check(c *codec.Conversion, v map[string]attr.Value, f *failsafe.Policy) {
	if cidrs := v["management_cidrs"]; cidrs != nil && !cidrs.IsNull() && !cidrs.IsUnknown() && len(codec.Elements(cidrs)) == 0 {
		c.Fault(calico.NewPath("management_cidrs"), nil, "At least one network must be able to open SSH, such as \"10.1.0.0/24\": without one the policy would lock you out.")
	}
	if peers := v["bgp_peers"]; peers != nil && !peers.IsNull() && !peers.IsUnknown() && len(codec.Elements(peers)) == 0 {
		c.Fault(calico.NewPath("bgp_peers"), nil, "An empty list could mean no peer or any peer. Leave the attribute out (or null) for no BGP; write [\"0.0.0.0/0\"] to allow any IPv4 peer, and [\"0.0.0.0/0\", \"::/0\"] for any peer at all.")
	}
	for _, name := range []string{"management_cidrs", "bgp_peers"} {
		for i, e := range codec.Elements(v[name]) {
			if text := codec.Text(e); isHostName(text) {
				c.Fault(calico.NewPath(name).Index(i), text, "%s", noName)
			}
		}
	}
	for i, p := range f.ManagementPorts {
		if address.IsNamed(p) && isHostName(p.PortName) {
			c.Fault(calico.NewPath("management_ports").Index(i), p.PortName, "Write the number of the port (22) or a range (\"2200:2210\"): a named port would be looked up on every endpoint.")
		}
	}
	checkServers(c, "etcd_server", f.EtcdServers)
	checkServers(c, "api_server", f.APIServers)
}

func checkServers(c *codec.Conversion, name string, servers []failsafe.Server) {
	port := serverPorts[name]
	for i, s := range servers {
		at := calico.NewPath(name).Index(i)
		if isHostName(s.Address) {
			c.Fault(at.Field("address"), s.Address, "%s", noName)
		}
		for j, p := range s.Ports {
			if address.IsNamed(p) && isHostName(p.PortName) {
				c.Fault(at.Field("ports").Index(j), p.PortName, "Write the number of the port (%d) or a range (\"%d:%d\"): a named port would be looked up on every endpoint.", port, port, port+1)
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

// Attributes makes the attributes that describe a policy. prior is what they were before.
func Attributes(obj calico.Object, attributeTypes map[string]attr.Type, prior map[string]attr.Value) map[string]attr.Value {
	policy, ok := obj.(*v3.GlobalNetworkPolicy)
	if !ok {
		panic("failsafepolicy: a failsafe policy is no GlobalNetworkPolicy")
	}
	out := map[string]attr.Value{}
	for name, v := range codec.EncodeFields(reflect.ValueOf(policy.Spec), pick(attributeTypes)) {
		out[name] = v
	}
	if out["selector"].IsNull() {
		out["selector"] = spelling.NewValue(spelling.PolicySelector, failsafe.SelectsAll) // which is what no selector means
	}
	out["rule_drift"] = driftList(nil)

	// Different attributes can make the same rules; those that do stay.
	if prior != nil {
		before := &codec.Conversion{}
		f := modelOf(prior).toPolicy(before)
		if len(before.Unknown)+len(before.Faults) == 0 && f.Makes(policy.Spec.Ingress, policy.Spec.Egress) {
			modelOf(prior).copyTo(out)
			return out
		}
	}
	f, ok := failsafe.Parse(policy.Spec.Ingress, policy.Spec.Egress)
	if !ok && prior != nil {
		// Somebody made another policy of it: rule_drift tells what the plan will
		// put right.
		before := modelOf(prior).toPolicy(&codec.Conversion{})
		out["rule_drift"] = driftList(before.Drift(policy.Spec.Ingress, policy.Spec.Egress))
		modelOf(prior).copyTo(out)
		return out
	}
	fromPolicy(f, attributeTypes).copyTo(out)
	return out
}

// madeOf tells which attribute rules are made of.
var madeOf = map[failsafe.Origin]string{
	failsafe.OfManagement:   "management_cidrs",
	failsafe.OfICMP:         "allow_icmp",
	failsafe.OfICMPv6:       "allow_icmpv6",
	failsafe.OfDHCP:         "allow_dhcp",
	failsafe.OfBGP:          "bgp_peers",
	failsafe.OfEtcd:         "etcd_server",
	failsafe.OfAPI:          "api_server",
	failsafe.OfExtraIngress: "extra_ingress",
	failsafe.OfExtraEgress:  "extra_egress",
}

// Locate finds the attribute that a rule's field was made of.
func Locate(v map[string]attr.Value, field calico.Path, attributeTypes map[string]attr.Type) (path.Path, bool) {
	steps := field.Steps()
	if len(steps) > 0 && steps[0].Field != "spec" && steps[0].Field != "metadata" {
		// A fault of an attribute that is no field of the policy itself.
		return codec.ExtendPath(path.Root(steps[0].Field), attributeTypes[steps[0].Field], nil, steps[1:]), true
	}
	if len(steps) < 3 || steps[1].Field != "ingress" && steps[1].Field != "egress" {
		return path.Path{}, false
	}
	f := modelOf(v).toPolicy(&codec.Conversion{})
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
	case failsafe.OfEtcd, failsafe.OfAPI:
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
