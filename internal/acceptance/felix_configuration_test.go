package acceptance

import "github.com/calico-terraform/terraform-provider-calico/internal/calico"

// What this resource does with an object that has several owners is tested in package
// provider, in felix_configuration_test.go and felix_attributes_test.go.
var felixConfigurationRow = row{
	typeName: "calico_felix_configuration",
	name:     "node.db{i}",
	kind:     calico.KindFelixConfiguration,
	only:     []string{"import by identity", "invalid"},
	config: map[string]string{
		"failsafe_inbound_host_ports": `[]`,
		"ipip_mtu":                    `1400`,
		"reporting_interval":          `"90s"`,
	},
	stored: `{
		"kind": "FelixConfiguration",
		"apiVersion": "projectcalico.org/v3",
		"metadata": {"name": "node.db{i}"},
		"spec": {"failsafeInboundHostPorts": [], "ipipMTU": 1400, "reportingInterval": "1m30s"}
	}`,
	invalid: []invalid{
		{name: "a failsafe port without a protocol", set: map[string]string{"failsafe_inbound_host_ports": `[{ protocol = "", port = 22, net = "any" }]`},
			path: "failsafe_inbound_host_ports[0].protocol", says: []string{`Felix exits`, `"tcp" or "udp"`}},
		{name: "a failsafe port of another protocol", set: map[string]string{"failsafe_outbound_host_ports": `[{ protocol = "tcp", port = 53, net = "any" }, { protocol = "SCTP", port = 5000, net = "any" }]`},
			path: "failsafe_outbound_host_ports[1].protocol", says: []string{`Felix exits`, `"tcp" or "udp"`}},
		{name: "failsafe port 0", set: map[string]string{"failsafe_inbound_host_ports": `[{ protocol = "tcp", port = 0, net = "any" }]`},
			path: "failsafe_inbound_host_ports[0].port", says: []string{"from 1 to 65535"}},
		{name: "a failsafe port that is too high", set: map[string]string{"failsafe_inbound_host_ports": `[{ protocol = "tcp", port = 22, net = "any" }, { protocol = "tcp", port = 65536, net = "any" }]`},
			path: "failsafe_inbound_host_ports[1].port", says: []string{"65535"}},
		{name: "a failsafe port for a host by name", set: map[string]string{"failsafe_outbound_host_ports": `[{ protocol = "tcp", port = 2379, net = "etcd.example.net" }]`},
			path: "failsafe_outbound_host_ports[0].net", says: []string{"Felix exits", "10.0.0.0/8"}},
		{name: "a failsafe port that is null", set: map[string]string{"failsafe_outbound_host_ports": `[null]`},
			path: "failsafe_outbound_host_ports[0]", says: []string{"leave the element out"}},
		{name: "a mask without room", set: map[string]string{"iptables_mark_mask": `65536`}, path: "iptables_mark_mask", says: []string{"4294901760"}},
		{name: "both kinds of ranges", set: map[string]string{"route_table_range": `{ min = 1, max = 2 }`, "route_table_ranges": `[{ min = 1, max = 2 }]`},
			path: "route_table_range", says: []string{"remove routeTableRange"}},
		{name: "a backend in lower case", set: map[string]string{"iptables_backend": `"nft"`}, path: "iptables_backend", says: []string{`write "NFT"`}},
		{name: "no regular expression", set: map[string]string{"bpf_data_iface_pattern": `"eth("`}, path: "bpf_data_iface_pattern", says: []string{"regular expression"}},
		{name: "no duration", set: map[string]string{"reporting_interval": `"soon"`}, path: "reporting_interval", says: []string{`Given: "soon"`}},
		{name: "a name that stands for no node", set: map[string]string{"name": `"Node.db{i}"`}, path: "name", says: []string{`write "node.db11"`}},
	},
}
