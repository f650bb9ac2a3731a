package differential

import "github.com/calico-terraform/terraform-provider-calico/internal/calico"

func init() {
	register(generatedKind{
		kind:  calico.KindHostEndpoint,
		share: 3,
		schema: schemaOf{
			"HostEndpoint": envelope(calico.KindHostEndpoint, "metadata", "endpoint"),
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
		},
		settlers: map[string]settler{"endpoint": settleEndpoint},
	})
}

// settleEndpoint names an interface where no address does.
func settleEndpoint(g *generator, o object) {
	ips, _ := o["expectedIPs"].([]any)
	if name, _ := o["interfaceName"].(string); name == "" && len(ips) == 0 && !g.chance(g.fault) {
		o["interfaceName"] = pick(g, interfaces[1:])
	}
}
