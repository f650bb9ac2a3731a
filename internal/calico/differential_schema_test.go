package calico_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// schema has every field that users write in the two kinds, and what the
// generator puts there.
var schema map[string][]member

// objectTypes tells the type of the objects in a field: by the field's name, or
// where that is not enough, by that of the object around it too.
var objectTypes = map[string]string{
	"HostEndpoint.metadata": "metadata", "HostEndpoint.spec": "endpoint", "endpoint.ports": "endpointPort",
	"GlobalNetworkPolicy.metadata": "policyMetadata", "GlobalNetworkPolicy.spec": "policy",
	"ingress": "rule", "egress": "rule", "rule.metadata": "ruleMetadata",
	"source": "entity", "destination": "entity", "icmp": "icmp", "notICMP": "icmp",
	"http": "http", "paths": "path", "services": "services", "serviceAccounts": "accounts",
}

// types are the keys of schema, sorted; anyNames all names of fields in it.
var types, anyNames []string

func init() {
	schema = map[string][]member{
		"HostEndpoint":        {{"kind", 1, only("HostEndpoint")}, {"apiVersion", 1, only(apiVersion)}, {"metadata", 1, of1("metadata")}, {"spec", 1, of1("endpoint")}},
		"GlobalNetworkPolicy": {{"kind", 1, only("GlobalNetworkPolicy")}, {"apiVersion", 1, only(apiVersion)}, {"metadata", 1, of1("policyMetadata")}, {"spec", 1, of1("policy")}},
		"metadata":            {{"name", 1, text(names, badNames)}, {"labels", 0.3, labels}, {"annotations", 0.2, annotations}},
		"policyMetadata":      {{"name", 1, text(policyNames, badPolicyNames)}, {"labels", 0.3, labels}, {"annotations", 0.2, annotations}},
		"ruleMetadata":        {{"annotations", 0.9, annotations}},
		"endpoint": {
			{"node", 1, text(names, append(badNames, longName+".b"))},
			{"interfaceName", 0.8, text(interfaces, badInterfaces)},
			{"expectedIPs", 0.4, list(3, text(addresses, badAddresses))},
			{"profiles", 0.3, list(3, text(names, badNames))},
			{"ports", 0.4, list(3, of1("endpointPort"))},
		},
		"endpointPort": {
			{"name", 1, text(portNames, badPortNames)},
			{"protocol", 1, anyOf([]any{"TCP", "UDP", "SCTP", 6, 17, 132, "6", "017"}, append([]any{"ICMP", "UDPLite", 1, 136, "1"}, badProtocols...), unreadableProtocols)},
			{"port", 1, anyOf([]any{1, 80, 65535}, []any{0, nil}, []any{-1, 65536, "80", 1.5})},
		},
		"policy": {
			{"tier", 0.2, text(tiers, badTiers)},
			{"order", 0.3, anyOf(orders, []any{nil}, []any{"10", true, json.Number("1e400"), []any{}})},
			{"ingress", 0.7, list(3, of1("rule"))},
			{"egress", 0.6, list(3, of1("rule"))},
			{"selector", 0.6, text(selectors, badSelectors)},
			{"types", 0.5, anyOf(typeLists, badTypeLists, []any{[]any{1}, "Ingress", []any{[]any{}}})},
			{"doNotTrack", 0.15, boolean(0.5)},
			{"preDNAT", 0.15, boolean(0.5)},
			{"applyOnForward", 0.2, boolean(0.5)},
			{"serviceAccountSelector", 0.15, text(selectors, badSelectors)},
			{"namespaceSelector", 0.15, text(selectors, badSelectors)},
			{"performanceHints", 0.15, anyOf([]any{[]any{hint}, []any{}, nil}, []any{[]any{hint, hint}, []any{"x"}, []any{"x", "x"}, []any{"x", hint}, []any{""}, []any{hint, hint, "x"}}, []any{hint, []any{1}})},
		},
		"rule": {
			{"action", 1, text([]string{"Allow", "Allow", "Deny", "Log", "Pass"}, []string{"", "allow", "DENY", "accept", "Next", "Allow ", "pass"})},
			{"ipVersion", 0.15, anyOf([]any{4, 6}, []any{0, 5, -4, 46, nil}, []any{"4", 4.5})},
			{"protocol", 0.6, anyOf(protocols, badProtocols, unreadableProtocols)},
			{"notProtocol", 0.15, anyOf(protocols, badProtocols, unreadableProtocols)},
			{"icmp", 0.15, of1("icmp")},
			{"notICMP", 0.15, of1("icmp")},
			{"source", 0.7, of1("entity")},
			{"destination", 0.7, of1("entity")},
			{"http", 0.15, of1("http")},
			{"metadata", 0.1, of1("ruleMetadata")},
		},
		"icmp": {
			{"type", 0.8, anyOf([]any{0, 8, 254, 253}, []any{-1, 255, 256, 300, nil}, []any{1.5, "8"})},
			{"code", 0.5, anyOf([]any{0, 254, 255}, []any{-1, 256, 1000, nil}, []any{"0", 1e30})},
		},
		"entity": {
			{"nets", 0.3, list(3, network)},
			{"notNets", 0.2, list(3, network)},
			{"selector", 0.3, text(selectors, badSelectors)},
			{"notSelector", 0.15, text(selectors, badSelectors)},
			{"namespaceSelector", 0.2, text(namespaceSelectors, badNamespaceSelectors)},
			{"ports", 0.3, list(3, anyOf(ports, badPorts, unreadablePorts))},
			{"notPorts", 0.2, list(3, anyOf(ports, badPorts, unreadablePorts))},
			{"serviceAccounts", 0.1, of1("accounts")},
			{"services", 0.1, of1("services")},
		},
		"accounts": {{"names", 0.7, list(3, text(names, badNames))}, {"selector", 0.5, text(selectors, badSelectors)}},
		"services": {{"name", 0.95, text(names, badNames)}, {"namespace", 0.9, text(names, badNames)}},
		"http":     {{"methods", 0.7, list(3, text([]string{"GET", "PUT", "POST", "get", "*", "", "a b"}, nil))}, {"paths", 0.7, paths}},
		"path":     {{"exact", 0.4, text(httpPaths, badHTTPPaths)}, {"prefix", 0.4, text(httpPaths, badHTTPPaths)}},
	}
	types = slices.Sorted(maps.Keys(schema))
	for _, t := range types {
		for _, m := range schema[t] {
			if m.name == "kind" || m.name == "apiVersion" {
				continue
			}
			anyNames = append(anyNames, m.name)
		}
	}
	anyNames = append(anyNames, "Spec", "NETS", "unknown", "status", "namespace")
}

// settlers take contradictions out of an object, most of them where nothing
// faulty is wanted.
var settlers = map[string]func(g *generator, o object){
	"GlobalNetworkPolicy": settlePolicyName,
	"endpoint": func(g *generator, o object) {
		ips, _ := o["expectedIPs"].([]any)
		if name, _ := o["interfaceName"].(string); name == "" && len(ips) == 0 && !g.chance(g.fault) {
			o["interfaceName"] = pick(g, interfaces[1:])
		}
	},
	"policy":   settlePolicy,
	"rule":     settleRule,
	"services": nil,
	"icmp": func(g *generator, o object) {
		if o["type"] == nil && !g.chance(g.fault) {
			delete(o, "code")
		}
	},
	"path": func(g *generator, o object) {
		if len(o) != 1 && !g.chance(g.fault) {
			clear(o)
			o[pick(g, []string{"exact", "prefix"})] = pick(g, httpPaths)
		}
	},
}

// settlePolicyName gives a policy a name that goes with its tier in the release.
func settlePolicyName(g *generator, o object) {
	spec, _ := o["spec"].(object)
	meta, _ := o["metadata"].(object)
	tier, _ := spec["tier"].(string)
	name, _ := meta["name"].(string)
	if meta == nil || spec == nil || g.chance(g.fault) {
		return
	}
	if !g.release.AtLeast(3, 29, 0) {
		if tier != "" && tier != "default" {
			delete(spec, "tier")
		}
		return
	}
	switch {
	case strings.Contains(name, "."):
	case tier == "", tier == "default":
		if g.chance(0.3) && len(name) < 200 {
			meta["name"] = "default." + name
		}
	case !strings.Contains(tier, ".") && len(tier)+len(name) < 253:
		meta["name"] = tier + "." + name
	}
}

func settlePolicy(g *generator, o object) {
	preDNAT, doNotTrack := o["preDNAT"] == true, o["doNotTrack"] == true
	if preDNAT && doNotTrack && !g.chance(g.fault) {
		doNotTrack = false
		delete(o, "doNotTrack")
	}
	if (preDNAT || doNotTrack) && !g.chance(g.fault) {
		o["applyOnForward"] = true
	}
	if preDNAT && !g.chance(g.fault) {
		delete(o, "egress")
		o["types"] = []any{"Ingress"}
	}
	for _, direction := range []string{"ingress", "egress"} {
		rules, _ := o[direction].([]any)
		for _, r := range rules {
			settleSide(g, direction, r)
		}
	}
}

// settleSide takes out what only rules of the other direction may have.
func settleSide(g *generator, direction string, r any) {
	rule, _ := r.(object)
	wrong, right := "source", "destination"
	if direction == "ingress" {
		wrong, right = right, wrong
	} else if !g.chance(g.fault) {
		delete(rule, "http")
	}
	if e, ok := rule[wrong].(object); ok && !g.chance(g.fault) {
		delete(e, "services")
	}
	if e, ok := rule[right].(object); ok && e["services"] != nil {
		for _, other := range []string{"nets", "notNets", "selector", "notSelector", "namespaceSelector", "serviceAccounts"} {
			if !g.chance(g.fault) {
				delete(e, other)
			}
		}
		if s, ok := e["services"].(object); ok && s["namespace"] == nil && !g.chance(g.fault) {
			s["namespace"], s["name"] = "prod", "web"
		}
		if direction == "egress" && !g.chance(g.fault) {
			delete(e, "ports")
			delete(e, "notPorts")
		}
	}
}

func settleRule(g *generator, o object) {
	protocol := fmt.Sprint(o["protocol"])
	if o["icmp"] != nil && !g.chance(g.fault) {
		protocol = pick(g, []string{"ICMP", "ICMPv6"})
		o["protocol"] = protocol
	}
	if o["http"] != nil && !g.chance(g.fault) {
		o["action"] = "Allow"
		if o["icmp"] != nil || o["protocol"] != nil && protocol != "TCP" {
			delete(o, "http")
		}
	}
	v6 := g.settleFamily(o, protocol, fmt.Sprint(o["notProtocol"]))
	for _, side := range []string{"source", "destination"} {
		e, _ := o[side].(object)
		if !slices.Contains(withPorts, protocol) {
			for _, field := range []string{"ports", "notPorts"} {
				if !g.chance(g.fault) {
					delete(e, field)
				}
			}
		}
		for _, field := range []string{"nets", "notNets"} {
			nets, _ := e[field].([]any)
			for i, n := range nets {
				if s, ok := n.(string); ok && slices.Contains(networks[!v6], s) && !g.chance(g.fault) {
					nets[i] = pick(g, networks[v6])
				}
			}
			if field == "notNets" && !g.chance(g.fault) {
				nets = slices.DeleteFunc(nets, func(n any) bool { return n == "0.0.0.0/0" || n == "::/0" })
				if e[field] != nil {
					e[field] = nets
				}
			}
		}
	}
}

// settleFamily chooses the IP version of a rule, and tells whether it is 6.
func (g *generator) settleFamily(o object, protocol, notProtocol string) bool {
	version, fixed := fmt.Sprint(o["ipVersion"]), o["ipVersion"] != nil
	if !fixed || g.chance(g.fault) {
		return g.chance(0.4)
	}
	if protocol == "ICMP" || notProtocol == "ICMP" || protocol == "ICMPv6" || notProtocol == "ICMPv6" {
		if !g.chance(g.fault) {
			delete(o, "ipVersion")
		}
	}
	return version == "6"
}
