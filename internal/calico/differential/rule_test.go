package differential

import (
	"fmt"
	"slices"
)

// The rule, and what is in it, which all policies share.
func init() {
	registerTypes(schemaOf{
		"ruleMetadata": {{"annotations", 0.9, made(annotations)}},
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
			{"nets", 0.3, list(3, made(network))},
			{"notNets", 0.2, list(3, made(network))},
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
		"http":     {{"methods", 0.7, list(3, text([]string{"GET", "PUT", "POST", "get", "*", "", "a b"}, nil))}, {"paths", 0.7, paths()}},
		"path":     {{"exact", 0.4, text(httpPaths, badHTTPPaths)}, {"prefix", 0.4, text(httpPaths, badHTTPPaths)}},
	}, map[string]settler{"rule": settleRule, "icmp": settleICMP, "path": settlePath})
}

// settleICMP gives a code only to a type.
func settleICMP(g *generator, o object) {
	if o["type"] == nil && !g.chance(g.fault) {
		delete(o, "code")
	}
}

// settlePath leaves one way to match a path.
func settlePath(g *generator, o object) {
	if len(o) != 1 && !g.chance(g.fault) {
		clear(o)
		o[pick(g, []string{"exact", "prefix"})] = pick(g, httpPaths)
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
