//go:build dataplane && linux

package dataplane

import (
	"encoding/json"
	"net/netip"
	"slices"
)

// kubernetesPolicy makes one of Kubernetes' own policies.
func (g podGenerator) kubernetesPolicy(fullName string) resource {
	spec := map[string]any{"podSelector": g.labelSelector("role", "web", "db")}
	types := pick(g.generator, []any{"Ingress"}, []any{"Ingress"}, []any{"Egress"}, []any{"Ingress", "Egress"}, nil)
	if types != nil {
		spec["policyTypes"] = types
	}
	if types == nil || slices.Contains(types, any("Ingress")) {
		spec["ingress"] = g.kubernetesRules("from")
	}
	if slices.Contains(types, any("Egress")) || types == nil && g.oneIn(3) {
		spec["egress"] = g.kubernetesRules("to")
	}
	text, err := json.Marshal(spec)
	if err != nil {
		panic(err)
	}
	return kubernetesPolicy(fullName, string(text))
}

// labelSelector makes a selector of Kubernetes: of everything, or by a label.
func (g podGenerator) labelSelector(label string, values ...string) map[string]any {
	expression := func(operator string, values ...any) map[string]any {
		e := map[string]any{"key": label, "operator": operator}
		if len(values) > 0 {
			e["values"] = values
		}
		return map[string]any{"matchExpressions": []any{e}}
	}
	value := pick(g.generator, values...)
	switch g.IntN(8) {
	case 0, 1:
		return map[string]any{}
	case 2:
		return expression("NotIn", value)
	case 3:
		return expression("Exists")
	case 4:
		return expression("DoesNotExist")
	case 5:
		return expression("In", value, "ops")
	default:
		return map[string]any{"matchLabels": map[string]any{label: value}}
	}
}

func (g podGenerator) kubernetesRules(peers string) []any {
	rules := []any{}
	for range g.IntN(4) {
		rule := map[string]any{}
		if !g.oneIn(5) {
			var list []any
			for range 1 + g.IntN(2) {
				list = append(list, g.kubernetesPeer())
			}
			rule[peers] = list
		}
		if !g.oneIn(3) {
			var list []any
			for range 1 + g.IntN(2) {
				list = append(list, g.kubernetesPort())
			}
			rule["ports"] = list
		}
		rules = append(rules, rule)
	}
	return rules
}

func (g podGenerator) kubernetesPeer() map[string]any {
	switch g.IntN(6) {
	case 0, 1:
		return map[string]any{"podSelector": g.labelSelector("role", "web", "db")}
	case 2:
		return map[string]any{"namespaceSelector": g.labelSelector("team", "blue", "red")}
	case 3:
		return map[string]any{"namespaceSelector": g.labelSelector("team", "blue", "red"), "podSelector": g.labelSelector("role", "web", "db")}
	default:
		block := pick(g.generator, [][]string{
			{"0.0.0.0/0", "192.168.7.0/24", "10.2.0.10/32"}, {"192.168.0.0/16", "192.168.7.10/31"}, {"10.0.0.0/8", "10.2.0.0/16", "10.1.0.10/32"},
			{"::/0", "fd02::/64"}, {"fd00::/64", "fd00::2:10/128"}, {"172.31.0.0/24"},
		}...)
		peer := map[string]any{"cidr": block[0]}
		if g.oneIn(2) && len(block) > 1 {
			peer["except"] = block[1:]
		}
		return map[string]any{"ipBlock": peer}
	}
}

func (g podGenerator) kubernetesPort() map[string]any {
	port := map[string]any{}
	if protocol := pick(g.generator, "", "TCP", "UDP", "SCTP"); protocol != "" {
		port["protocol"] = protocol
	}
	switch g.IntN(5) {
	case 0:
		port["port"] = pick(g.generator, podPortNames...)
	case 1:
		first := pick(g.generator, probePorts...)
		port["port"], port["endPort"] = first, first+uint16(g.IntN(3000))
	case 2:
	default:
		port["port"] = pick(g.generator, probePorts...)
	}
	return port
}

// adminPolicy makes a policy of the cluster's administrators.
func (g podGenerator) adminPolicy() resource {
	rules := func(peers string) []any {
		var rules []any
		for range 1 + g.IntN(3) {
			peer := map[string]any{"namespaces": g.labelSelector("team", "blue", "red")}
			if g.oneIn(2) {
				peer = map[string]any{"pods": map[string]any{"namespaceSelector": g.labelSelector("team", "blue", "red"), "podSelector": g.labelSelector("role", "web", "db")}}
			}
			if peers == "to" && g.oneIn(3) {
				peer = map[string]any{"networks": some(g.generator, 2, podNets[4]...)}
			}
			rule := map[string]any{"action": pick(g.generator, "Allow", "Deny", "Pass"), peers: []any{peer}}
			if g.oneIn(2) {
				rule["ports"] = []any{map[string]any{"portNumber": map[string]any{"protocol": pick(g.generator, "TCP", "TCP", "UDP"), "port": pick(g.generator, probePorts...)}}}
			}
			rules = append(rules, rule)
		}
		return rules
	}
	spec := map[string]any{"priority": 10, "subject": map[string]any{"namespaces": g.labelSelector("team", "blue", "red")}}
	if !g.oneIn(3) {
		spec["ingress"] = rules("from")
	}
	if g.oneIn(2) {
		spec["egress"] = rules("to")
	}
	text, err := json.Marshal(spec)
	if err != nil {
		panic(err)
	}
	return withSpec("AdminNetworkPolicy", "", "admin", string(text))
}

// podFlows returns connections from pods, to pods and between them.
func (g podGenerator) podFlows(count int) []flow {
	local, remote := podNames()
	podAt := func(names []string) *namespace { return g.b.pods[pick(g.generator, names...)].namespace }
	outside := []*namespace{g.management, g.other, g.other, g.inside}
	var flows []flow
	for len(flows) < count {
		f := flow{from: podAt(local), to: podAt(local)}
		switch g.IntN(20) {
		case 0, 1:
			f.to = g.host
		case 2, 3:
			f.from = g.host
		case 4, 5, 6, 7:
			f.from = pick(g.generator, outside...)
		case 8, 9, 10:
			f.to = pick(g.generator, outside...)
		case 11:
			f.from = podAt(remote)
		case 12:
			f.to = podAt(remote)
		default:
			if f.from == f.to {
				// That never leaves the pod.
				continue
			}
		}
		v6 := g.oneIn(4)
		address := func(at, other *namespace) netip.Addr {
			if at == g.host {
				return g.b.addressFor(at, other, v6)
			}
			return pick(g.generator, slices.DeleteFunc(slices.Clone(at.addrs), func(a netip.Addr) bool { return a.Is6() != v6 })...)
		}
		f.src, f.dst = address(f.from, f.to), address(f.to, f.from)
		switch g.IntN(12) {
		case 0:
			f.protocol, f.icmpType = icmp, 8
			if v6 {
				f.protocol, f.icmpType = icmpv6, 128
			}
		case 1, 2, 3:
			f.protocol = udp
		case 4:
			f.protocol = sctp
		default:
			f.protocol = tcp
		}
		if hasPorts(f.protocol) {
			f.port, f.srcPort = pick(g.generator, probePorts...), highPorts
			f.renew()
		}
		flows = append(flows, f)
	}
	return flows
}
