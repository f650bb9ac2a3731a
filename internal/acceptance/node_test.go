package acceptance

import "github.com/calico-terraform/terraform-provider-calico/internal/calico"

var nodeRow = row{
	typeName:        "calico_node",
	name:            "db{i}",
	kind:            calico.KindNode,
	notOnKubernetes: "a node is a Node of Kubernetes, which its kubelet makes: Calico adds to it, and makes and removes none (TestNodeOfKubernetes)",
	config: map[string]string{
		"bgp": `{
    as_number                  = "65546"
    ipv4_address               = "10.0.0.5/24"
    ipv6_address               = "2001:db8::5/64"
    ipv4_ipip_tunnel_addr      = "10.244.1.1"
    route_reflector_cluster_id = "244.0.0.1"
  }`,
		"ipv4_vxlan_tunnel_addr":   `"10.244.1.2"`,
		"vxlan_tunnel_mac_addr":    `"66:5a:9e:01:02:03"`,
		"ipv6_vxlan_tunnel_addr":   `"fd00:10:244::2"`,
		"vxlan_tunnel_mac_addr_v6": `"66:5a:9e:04:05:06"`,
		"orch_ref":                 `[{ orchestrator = "k8s", node_name = "db{i}.example.net" }]`,
		"wireguard":                `{ interface_ipv4_address = "10.244.1.3", interface_ipv6_address = "fd00:10:244::3" }`,
		"address":                  `[{ address = "10.0.0.5/24", type = "CalicoNodeIP" }, { address = "192.0.2.5" }]`,
		"interface":                `[{ name = "eth0", addresses = ["10.0.0.5", "2001:db8::5"] }]`,
		"labels":                   `{ rack = "r1" }`,
		"annotations":              `{ owner = "network-team" }`,
	},
	stored: `{
		"kind": "Node",
		"apiVersion": "projectcalico.org/v3",
		"metadata": {
			"name": "db{i}",
			"labels": {"rack": "r1"},
			"annotations": {"owner": "network-team"}
		},
		"spec": {
			"bgp": {
				"asNumber": 65546,
				"ipv4Address": "10.0.0.5/24",
				"ipv6Address": "2001:db8::5/64",
				"ipv4IPIPTunnelAddr": "10.244.1.1",
				"routeReflectorClusterID": "244.0.0.1"
			},
			"ipv4VXLANTunnelAddr": "10.244.1.2",
			"vxlanTunnelMACAddr": "66:5a:9e:01:02:03",
			"ipv6VXLANTunnelAddr": "fd00:10:244::2",
			"vxlanTunnelMACAddrV6": "66:5a:9e:04:05:06",
			"orchRefs": [{"orchestrator": "k8s", "nodeName": "db{i}.example.net"}],
			"wireguard": {"interfaceIPv4Address": "10.244.1.3", "interfaceIPv6Address": "fd00:10:244::3"},
			"addresses": [{"address": "10.0.0.5/24", "type": "CalicoNodeIP"}, {"address": "192.0.2.5"}],
			"interfaces": [{"name": "eth0", "addresses": ["10.0.0.5", "2001:db8::5"]}]
		}
	}`,
	changes: []change{
		{"bgp", `{ as_number = "64512", ipv4_address = "10.0.0.6/24" }`,
			[]edit{set("spec.bgp", `{"asNumber": 64512, "ipv4Address": "10.0.0.6/24"}`)}, []edit{set("spec.bgp.ipv4Address", `"10.0.0.7/24"`)}},
		{"ipv4_vxlan_tunnel_addr", `"10.244.2.2"`, []edit{set("spec.ipv4VXLANTunnelAddr", `"10.244.2.2"`)}, []edit{remove("spec.ipv4VXLANTunnelAddr")}},
		{"vxlan_tunnel_mac_addr", `"66:5a:9e:01:02:04"`, []edit{set("spec.vxlanTunnelMACAddr", `"66:5a:9e:01:02:04"`)}, []edit{set("spec.vxlanTunnelMACAddr", `"66:5a:9e:01:02:05"`)}},
		{"ipv6_vxlan_tunnel_addr", `"fd00:10:244::12"`, []edit{set("spec.ipv6VXLANTunnelAddr", `"fd00:10:244::12"`)}, []edit{remove("spec.ipv6VXLANTunnelAddr")}},
		{"vxlan_tunnel_mac_addr_v6", `"66:5a:9e:04:05:07"`, []edit{set("spec.vxlanTunnelMACAddrV6", `"66:5a:9e:04:05:07"`)}, []edit{remove("spec.vxlanTunnelMACAddrV6")}},
		{"orch_ref", `[{ orchestrator = "k8s" }]`, []edit{set("spec.orchRefs", `[{"orchestrator": "k8s"}]`)}, []edit{set("spec.orchRefs[0].nodeName", `"other"`)}},
		{"wireguard", `{ interface_ipv4_address = "10.244.2.3" }`, []edit{set("spec.wireguard", `{"interfaceIPv4Address": "10.244.2.3"}`)}, []edit{set("spec.wireguard.interfaceIPv6Address", `"fd00:10:244::4"`)}},
		{"address", `[{ address = "192.0.2.5", type = "ExternalIP" }]`, []edit{set("spec.addresses", `[{"address": "192.0.2.5", "type": "ExternalIP"}]`)}, []edit{remove("spec.addresses")}},
		{"interface", `[{ name = "eth0" }]`, []edit{set("spec.interfaces", `[{"name": "eth0"}]`)}, []edit{insert("spec.interfaces[0]", `{"name": "eth1"}`)}},
		{"labels", `{ rack = "r2" }`, []edit{set("metadata.labels.rack", `"r2"`)}, []edit{set("metadata.labels.added", `"yes"`)}},
		{"annotations", `{ owner = "security-team" }`, []edit{set("metadata.annotations.owner", `"security-team"`)}, []edit{remove("metadata.annotations.owner")}},
	},
	spellings: []spelling{
		{attribute: "ipv6_vxlan_tunnel_addr", value: `"FD00:10:244:0::2"`, stored: []edit{set("spec.ipv6VXLANTunnelAddr", `"FD00:10:244::2"`)}},
		{attribute: "wireguard", value: `{ interface_ipv4_address = "10.244.1.3", interface_ipv6_address = "FD00:10:244::3" }`},
		{attribute: "bgp", stored: []edit{set("spec.bgp.asNumber", `"1.10"`)}},
	},
	invalid: []invalid{
		{name: "nothing about BGP", set: map[string]string{"bgp": `{}`}, path: "bgp", says: []string{"says nothing", "leave it out"}},
		{name: "an address of the other version", set: map[string]string{"bgp": `{ ipv4_address = "2001:db8::5/64" }`}, path: "bgp.ipv4_address", says: []string{"IPv4"}},
		{name: "an AS number that is none", set: map[string]string{"bgp": `{ as_number = "x" }`}, path: "bgp.as_number", says: []string{`"1.10"`}},
		{name: "a tunnel's network", set: map[string]string{"ipv4_vxlan_tunnel_addr": `"10.244.1.2/26"`}, path: "ipv4_vxlan_tunnel_addr", says: []string{"without a prefix length"}},
		{name: "no MAC address", set: map[string]string{"vxlan_tunnel_mac_addr": `"10.0.0.1"`}, path: "vxlan_tunnel_mac_addr", says: []string{"66:2c:5a:00:00:01"}},
		{name: "a name in upper case", set: map[string]string{"name": `"DB{i}"`}, path: "name", says: []string{`write "db5"`}},
	},
}
