package provider_test

import (
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// Only "default" has all attributes.
var bgpConfigurationAcceptance = acceptance{
	typeName: "calico_bgp_configuration",
	name:     "default",
	key:      "bgpconfigurations/default",
	config: map[string]string{
		"log_severity_screen":               `"Warning"`,
		"node_to_node_mesh_enabled":         `true`,
		"as_number":                         `"65546"`,
		"service_load_balancer_ip":          `[{ cidr = "203.0.113.0/24" }, { cidr = "2001:db8:1::/64" }]`,
		"service_external_ip":               `[{ cidr = "198.51.100.0/24" }]`,
		"service_cluster_ip":                `[{ cidr = "10.96.0.0/12" }]`,
		"service_load_balancer_aggregation": `"Disabled"`,
		"community":                         `[{ name = "backbone", value = "64512:120" }]`,
		"prefix_advertisement":              `[{ cidr = "10.244.0.0/16", communities = ["backbone", "64512:1:2"] }]`,
		"listen_port":                       `1790`,
		"node_mesh_password":                `{ secret_key_ref = { name = "bgp-secrets", key = "mesh", optional = true } }`,
		"node_mesh_max_restart_time":        `"1m30s"`,
		"bind_mode":                         `"NodeIP"`,
		"ignored_interfaces":                `["docker0", "virbr*"]`,
		"local_workload_peering_ipv4":       `"169.254.1.1"`,
		"local_workload_peering_ipv6":       `"fe80::1"`,
		"labels":                            `{ site = "east" }`,
		"annotations":                       `{ owner = "network-team" }`,
	},
	stored: `{
		"kind": "BGPConfiguration",
		"apiVersion": "projectcalico.org/v3",
		"metadata": {
			"name": "default",
			"labels": {"site": "east"},
			"annotations": {"owner": "network-team"}
		},
		"spec": {
			"logSeverityScreen": "Warning",
			"nodeToNodeMeshEnabled": true,
			"asNumber": 65546,
			"serviceLoadBalancerIPs": [{"cidr": "203.0.113.0/24"}, {"cidr": "2001:db8:1::/64"}],
			"serviceExternalIPs": [{"cidr": "198.51.100.0/24"}],
			"serviceClusterIPs": [{"cidr": "10.96.0.0/12"}],
			"serviceLoadBalancerAggregation": "Disabled",
			"communities": [{"name": "backbone", "value": "64512:120"}],
			"prefixAdvertisements": [{"cidr": "10.244.0.0/16", "communities": ["backbone", "64512:1:2"]}],
			"listenPort": 1790,
			"nodeMeshPassword": {"secretKeyRef": {"name": "bgp-secrets", "key": "mesh", "optional": true}},
			"nodeMeshMaxRestartTime": "1m30s",
			"bindMode": "NodeIP",
			"ignoredInterfaces": ["docker0", "virbr*"],
			"localWorkloadPeeringIPV4": "169.254.1.1",
			"localWorkloadPeeringIPV6": "fe80::1"
		}
	}`,
	changes: []acceptanceChange{
		{"as_number", `"1.11"`, []edit{set("spec.asNumber", `65547`)}, []edit{remove("spec.asNumber")}},
		{"listen_port", `179`, []edit{set("spec.listenPort", `179`)}, []edit{remove("spec.listenPort")}},
		{"log_severity_screen", `"Debug"`, []edit{set("spec.logSeverityScreen", `"Debug"`)}, []edit{set("spec.logSeverityScreen", `"Info"`)}},
		{"node_to_node_mesh_enabled", ``, []edit{remove("spec.nodeToNodeMeshEnabled")}, []edit{set("spec.nodeToNodeMeshEnabled", `true`)}},
		{"service_load_balancer_ip", `[{ cidr = "203.0.113.0/25" }]`, []edit{set("spec.serviceLoadBalancerIPs", `[{"cidr": "203.0.113.0/25"}]`)}, []edit{insert("spec.serviceLoadBalancerIPs[0]", `{"cidr": "0.0.0.0/0"}`)}},
		{"service_external_ip", `[{ cidr = "198.51.100.0/25" }]`, []edit{set("spec.serviceExternalIPs", `[{"cidr": "198.51.100.0/25"}]`)}, []edit{remove("spec.serviceExternalIPs")}},
		{"service_cluster_ip", `[{ cidr = "10.96.0.0/16" }]`, []edit{set("spec.serviceClusterIPs", `[{"cidr": "10.96.0.0/16"}]`)}, []edit{set("spec.serviceClusterIPs[0].cidr", `"10.97.0.0/16"`)}},
		{"service_load_balancer_aggregation", `"Enabled"`, []edit{set("spec.serviceLoadBalancerAggregation", `"Enabled"`)}, []edit{set("spec.serviceLoadBalancerAggregation", `"Disabled"`)}},
		{"community", `[{ name = "backbone", value = "64512:120:1" }]`, []edit{set("spec.communities[0].value", `"64512:120:1"`)}, []edit{remove("spec.communities")}},
		{"prefix_advertisement", `[{ cidr = "10.245.0.0/16", communities = ["backbone"] }]`,
			[]edit{set("spec.prefixAdvertisements", `[{"cidr": "10.245.0.0/16", "communities": ["backbone"]}]`)}, []edit{set("spec.prefixAdvertisements[0].communities", `["64512:9"]`)}},
		{"node_mesh_password", `{ secret_key_ref = { name = "bgp-secrets", key = "new" } }`,
			[]edit{set("spec.nodeMeshPassword.secretKeyRef.key", `"new"`), remove("spec.nodeMeshPassword.secretKeyRef.optional")}, []edit{remove("spec.nodeMeshPassword")}},
		{"node_mesh_max_restart_time", `"2m"`, []edit{set("spec.nodeMeshMaxRestartTime", `"2m0s"`)}, []edit{set("spec.nodeMeshMaxRestartTime", `"121s"`)}},
		{"bind_mode", `"None"`, []edit{set("spec.bindMode", `"None"`)}, []edit{remove("spec.bindMode")}},
		{"ignored_interfaces", `["docker0"]`, []edit{set("spec.ignoredInterfaces", `["docker0"]`)}, []edit{insert("spec.ignoredInterfaces[0]", `"eth0"`)}},
		{"local_workload_peering_ipv4", `"169.254.1.2"`, []edit{set("spec.localWorkloadPeeringIPV4", `"169.254.1.2"`)}, []edit{remove("spec.localWorkloadPeeringIPV4")}},
		{"local_workload_peering_ipv6", `"fe80::2"`, []edit{set("spec.localWorkloadPeeringIPV6", `"fe80::2"`)}, []edit{set("spec.localWorkloadPeeringIPV6", `"fe80::3"`)}},
		{"labels", `{ site = "west" }`, []edit{set("metadata.labels.site", `"west"`)}, []edit{set("metadata.labels.added", `"yes"`)}},
		{"annotations", `{ owner = "security-team" }`, []edit{set("metadata.annotations.owner", `"security-team"`)}, []edit{remove("metadata.annotations.owner")}},
	},
	spellings: []acceptanceSpelling{
		{attribute: "as_number", value: `"1.10"`, stored: []edit{set("spec.asNumber", `"1.10"`)}},
		{attribute: "node_mesh_max_restart_time", value: `"90s"`, stored: []edit{set("spec.nodeMeshMaxRestartTime", `"1.5m"`)}},
		{attribute: "local_workload_peering_ipv6", value: `"FE80:0::1"`, stored: []edit{set("spec.localWorkloadPeeringIPV6", `"fe80:0:0::1"`)}},
		{attribute: "service_load_balancer_ip", value: `[{ cidr = "203.0.113.0/24" }, { cidr = "2001:DB8:1::/64" }]`},
		{attribute: "ignored_interfaces", value: `["virbr*", "docker0"]`},
	},
	invalid: []acceptanceInvalid{
		{name: "an AS number that is none", set: map[string]string{"as_number": `"AS64512"`}, path: "as_number", says: []string{`"1.10"`}},
		{name: "an AS number that is too large", set: map[string]string{"as_number": `4294967296`}, path: "as_number", says: []string{"4294967295"}},
		{name: "an AS number for one node", set: map[string]string{"name": `"node.db1"`, "as_number": `"64512"`}, path: "as_number", says: []string{`Only the BGPConfiguration "default"`}},
		{name: "no duration", set: map[string]string{"node_mesh_max_restart_time": `"two minutes"`}, path: "node_mesh_max_restart_time", says: []string{`such as "90s"`}},
		{name: "a community that nothing uses", set: map[string]string{"community": `[{ name = "a", value = "1:2" }]`}, path: "community", says: []string{"name them in prefixAdvertisements"}},
		{name: "a community with a large number", set: map[string]string{"prefix_advertisement": `[{ cidr = "10.0.0.0/8", communities = ["64512:65536"] }]`},
			path: "prefix_advertisement[0].communities[0]", says: []string{`"64512:100"`}},
		{name: "a password for no mesh", set: map[string]string{"node_to_node_mesh_enabled": `false`, "node_mesh_password": `{ secret_key_ref = { name = "a", key = "b" } }`},
			path: "node_mesh_password", says: []string{"leave nodeMeshPassword out"}},
		{name: "port 0", set: map[string]string{"listen_port": `0`}, path: "listen_port", says: []string{"leave"}},
		{name: "a port that is too high", set: map[string]string{"listen_port": `65536`}, path: "listen_port", says: []string{"65535"}},
		{name: "all interfaces", set: map[string]string{"ignored_interfaces": `["*"]`}, path: "ignored_interfaces", says: []string{"not by itself"}},
		{name: "an address of the other version", set: map[string]string{"local_workload_peering_ipv4": `"fe80::1"`}, path: "local_workload_peering_ipv4", says: []string{"one IPv4 address"}},
		{name: "a level in lower case", set: map[string]string{"log_severity_screen": `"info"`}, path: "log_severity_screen", says: []string{`write "Info"`}},
	},
}

var bgpPeerAcceptance = acceptance{
	typeName: "calico_bgp_peer",
	name:     "tor-{i}",
	key:      "bgppeers/tor-{i}",
	release:  "v3.32.1", // keepalive_time
	needs: map[string]string{
		"bgpfilters/first":  `{"kind": "BGPFilter", "apiVersion": "projectcalico.org/v3", "metadata": {"name": "first"}, "spec": {}}`,
		"bgpfilters/second": `{"kind": "BGPFilter", "apiVersion": "projectcalico.org/v3", "metadata": {"name": "second"}, "spec": {}}`,
	},
	config: map[string]string{
		"node":                         ``,
		"node_selector":                `"rack == 'r1'"`,
		"peer_ip":                      `"[2001:db8::1]:1790"`,
		"as_number":                    `"65546"`,
		"local_as_number":              `"64515"`,
		"peer_selector":                ``,
		"keep_original_next_hop":       `false`,
		"next_hop_mode":                `"Self"`,
		"password":                     `{ secret_key_ref = { name = "bgp-secrets", key = "rack1", optional = false } }`,
		"source_address":               `"None"`,
		"max_restart_time":             `"1m30s"`,
		"keepalive_time":               `"30s"`,
		"num_allowed_local_as_numbers": `1`,
		"ttl_security":                 `1`,
		"reachable_by":                 `"2001:db8::fe"`,
		"filters":                      `["first", "second"]`,
		"local_workload_selector":      ``,
		"reverse_peering":              `"Manual"`,
		"labels":                       `{ rack = "r1" }`,
		"annotations":                  `{ owner = "network-team" }`,
	},
	stored: `{
		"kind": "BGPPeer",
		"apiVersion": "projectcalico.org/v3",
		"metadata": {
			"name": "tor-{i}",
			"labels": {"rack": "r1"},
			"annotations": {"owner": "network-team"}
		},
		"spec": {
			"nodeSelector": "rack == 'r1'",
			"peerIP": "[2001:db8::1]:1790",
			"asNumber": 65546,
			"localASNumber": 64515,
			"nextHopMode": "Self",
			"password": {"secretKeyRef": {"name": "bgp-secrets", "key": "rack1", "optional": false}},
			"sourceAddress": "None",
			"maxRestartTime": "1m30s",
			"keepaliveTime": "30s",
			"numAllowedLocalASNumbers": 1,
			"ttlSecurity": 1,
			"reachableBy": "2001:db8::fe",
			"filters": ["first", "second"],
			"reversePeering": "Manual"
		}
	}`,
	changes: []acceptanceChange{
		{"as_number", `"65547"`, []edit{set("spec.asNumber", `65547`)}, []edit{set("spec.asNumber", `65548`)}},
		{"local_as_number", `"64516"`, []edit{set("spec.localASNumber", `64516`)}, []edit{remove("spec.localASNumber")}},
		{"node", `"rack1-host1"`, []edit{set("spec.node", `"rack1-host1"`), remove("spec.nodeSelector")}, []edit{remove("spec.node"), set("spec.nodeSelector", `"all()"`)}},
		{"node_selector", `"rack == 'r2'"`, []edit{set("spec.nodeSelector", `"rack == 'r2'"`)}, []edit{remove("spec.nodeSelector")}},
		{"peer_ip", `"2001:db8::2"`, []edit{set("spec.peerIP", `"2001:db8::2"`)}, []edit{set("spec.peerIP", `"[2001:db8::2]:1790"`)}},
		{"peer_selector", `"has(route-reflector)"`,
			[]edit{set("spec.peerSelector", `"has(route-reflector)"`), remove("spec.peerIP"), remove("spec.asNumber"), remove("spec.reachableBy")},
			[]edit{remove("spec.peerSelector"), set("spec.peerIP", `"2001:db8::9"`), set("spec.asNumber", `1`), set("spec.reachableBy", `"2001:db8::fe"`)}},
		{"local_workload_selector", `"app == 'router'"`,
			[]edit{set("spec.localWorkloadSelector", `"app == 'router'"`), remove("spec.peerIP"), remove("spec.reachableBy")},
			[]edit{remove("spec.localWorkloadSelector"), set("spec.peerIP", `"2001:db8::9"`), set("spec.reachableBy", `"2001:db8::fe"`)}},
		{"keep_original_next_hop", `true`,
			[]edit{set("spec.keepOriginalNextHop", `true`), remove("spec.nextHopMode")}, []edit{remove("spec.keepOriginalNextHop"), set("spec.nextHopMode", `"Auto"`)}},
		{"next_hop_mode", `"Keep"`, []edit{set("spec.nextHopMode", `"Keep"`)}, []edit{remove("spec.nextHopMode")}},
		{"password", `{ secret_key_ref = { name = "bgp-secrets", key = "rack2" } }`,
			[]edit{set("spec.password.secretKeyRef", `{"name": "bgp-secrets", "key": "rack2"}`)}, []edit{set("spec.password.secretKeyRef.name", `"others"`)}},
		{"source_address", `"UseNodeIP"`, []edit{set("spec.sourceAddress", `"UseNodeIP"`)}, []edit{remove("spec.sourceAddress")}},
		{"max_restart_time", `"2m"`, []edit{set("spec.maxRestartTime", `"2m0s"`)}, []edit{set("spec.maxRestartTime", `"0s"`)}},
		{"keepalive_time", `"15s"`, []edit{set("spec.keepaliveTime", `"15s"`)}, []edit{remove("spec.keepaliveTime")}},
		{"num_allowed_local_as_numbers", `0`, []edit{set("spec.numAllowedLocalASNumbers", `0`)}, []edit{remove("spec.numAllowedLocalASNumbers")}},
		{"ttl_security", `255`, []edit{set("spec.ttlSecurity", `255`)}, []edit{set("spec.ttlSecurity", `2`)}},
		{"reachable_by", `"2001:db8::ff"`, []edit{set("spec.reachableBy", `"2001:db8::ff"`)}, []edit{remove("spec.reachableBy")}},
		{"filters", `["second"]`, []edit{set("spec.filters", `["second"]`)}, []edit{set("spec.filters", `["second", "first"]`)}},
		{"reverse_peering", `"Auto"`, []edit{set("spec.reversePeering", `"Auto"`)}, []edit{remove("spec.reversePeering")}},
		{"labels", `{ rack = "r2" }`, []edit{set("metadata.labels.rack", `"r2"`)}, []edit{set("metadata.labels.added", `"yes"`)}},
		{"annotations", `{ owner = "security-team" }`, []edit{set("metadata.annotations.owner", `"security-team"`)}, []edit{remove("metadata.annotations.owner")}},
	},
	together: map[string]map[string]string{
		"node":                    {"node_selector": ""},
		"peer_selector":           {"peer_ip": "", "as_number": "", "reachable_by": ""},
		"local_workload_selector": {"peer_ip": "", "reachable_by": ""},
		"keep_original_next_hop":  {"next_hop_mode": ""},
	},
	spellings: []acceptanceSpelling{
		{attribute: "as_number", value: `"1.10"`, stored: []edit{set("spec.asNumber", `"1.10"`)}},
		{attribute: "max_restart_time", value: `"90s"`, stored: []edit{set("spec.maxRestartTime", `"90s"`)}},
		{attribute: "reachable_by", value: `"2001:DB8::0:FE"`, stored: []edit{set("spec.reachableBy", `"2001:DB8::fe"`)}},
		{attribute: "local_as_number", value: `64515`, stored: []edit{set("spec.localASNumber", `"64515"`)}},
	},
	invalid: []acceptanceInvalid{
		{name: "a node and a selector", set: map[string]string{"node": `"a"`, "node_selector": `"all()"`}, path: "node", says: []string{"remove one of them"}},
		{name: "an address and a selector", set: map[string]string{"peer_ip": `"192.0.2.1"`, "peer_selector": `"all()"`}, path: "peer_ip", says: []string{"remove one of them"}},
		{name: "an AS number of selected nodes", set: map[string]string{"as_number": `"64512"`, "peer_selector": `"all()"`}, path: "as_number", says: []string{"remove asNumber"}},
		{name: "workloads without an AS number", set: map[string]string{"local_workload_selector": `"all()"`}, path: "as_number", says: []string{"set asNumber"}},
		{name: "two next hops", set: map[string]string{"keep_original_next_hop": `true`, "next_hop_mode": `"Self"`}, path: "keep_original_next_hop", says: []string{`write "Keep" as nextHopMode`}},
		{name: "a gateway to nowhere", set: map[string]string{"reachable_by": `"192.0.2.254"`}, path: "reachable_by", says: []string{"set peerIP"}},
		{name: "a gateway of the other version", set: map[string]string{"peer_ip": `"2001:db8::1"`, "reachable_by": `"192.0.2.254"`}, path: "reachable_by", says: []string{"write an IPv6 address"}},
		{name: "a peer by name", set: map[string]string{"peer_ip": `"tor1.example.net"`}, path: "peer_ip", says: []string{"192.0.2.1:179"}},
		{name: "an AS number that is none", set: map[string]string{"as_number": `"1.65536"`}, path: "as_number", says: []string{`"1.10"`}},
		{name: "no hops", set: map[string]string{"ttl_security": `256`}, path: "ttl_security", says: []string{"255"}},
		{name: "a filter in upper case", set: map[string]string{"filters": `["First"]`}, path: "filters[0]", says: []string{`write "first"`}},
		{name: "a name in upper case", set: map[string]string{"name": `"TOR-{i}"`}, path: "name", says: []string{`write "tor-11"`}},
	},
}

const (
	filterRulesV4 = `[
    { action = "Accept", match_operator = "In", cidr = "10.244.0.0/16", prefix_length = { min = 24, max = 28 }, source = "RemotePeers", interface = "eth*" },
    { action = "Reject" },
  ]`
	filterRulesV6 = `[
    { action = "Accept", match_operator = "NotIn", cidr = "2001:db8::/32", prefix_length = { min = 48, max = 64 }, source = "RemotePeers", interface = "eth0" },
    { action = "Reject" },
  ]`
	storedRulesV4 = `[
		{"action": "Accept", "matchOperator": "In", "cidr": "10.244.0.0/16", "prefixLength": {"min": 24, "max": 28}, "source": "RemotePeers", "interface": "eth*"},
		{"action": "Reject"}
	]`
	storedRulesV6 = `[
		{"action": "Accept", "matchOperator": "NotIn", "cidr": "2001:db8::/32", "prefixLength": {"min": 48, "max": 64}, "source": "RemotePeers", "interface": "eth0"},
		{"action": "Reject"}
	]`
)

var bgpFilterAcceptance = acceptance{
	typeName: "calico_bgp_filter",
	name:     "filter-{i}",
	key:      "bgpfilters/filter-{i}",
	config: map[string]string{
		"export_v4":   filterRulesV4,
		"import_v4":   filterRulesV4,
		"export_v6":   filterRulesV6,
		"import_v6":   filterRulesV6,
		"labels":      `{ rack = "r1" }`,
		"annotations": `{ owner = "network-team" }`,
	},
	stored: `{
		"kind": "BGPFilter",
		"apiVersion": "projectcalico.org/v3",
		"metadata": {
			"name": "filter-{i}",
			"labels": {"rack": "r1"},
			"annotations": {"owner": "network-team"}
		},
		"spec": {"exportV4": ` + storedRulesV4 + `, "importV4": ` + storedRulesV4 + `, "exportV6": ` + storedRulesV6 + `, "importV6": ` + storedRulesV6 + `}
	}`,
	changes: []acceptanceChange{
		{"export_v4", `[{ action = "Reject" }]`, []edit{set("spec.exportV4", `[{"action": "Reject"}]`)}, []edit{set("spec.exportV4[0].action", `"Accept"`)}},
		{"import_v4", `[{ action = "Accept", match_operator = "Equal", cidr = "0.0.0.0/0", prefix_length = { min = 0 } }]`,
			[]edit{set("spec.importV4", `[{"action": "Accept", "matchOperator": "Equal", "cidr": "0.0.0.0/0", "prefixLength": {"min": 0}}]`)}, []edit{remove("spec.importV4[0].prefixLength.min")}},
		{"export_v6", `[{ action = "Reject" }]`, []edit{set("spec.exportV6", `[{"action": "Reject"}]`)}, []edit{remove("spec.exportV6")}},
		{"import_v6", `[{ action = "Accept", interface = "eth1" }]`,
			[]edit{set("spec.importV6", `[{"action": "Accept", "interface": "eth1"}]`)}, []edit{insert("spec.importV6[0]", `{"action": "Accept"}`)}},
		{"labels", `{ rack = "r2" }`, []edit{set("metadata.labels.rack", `"r2"`)}, []edit{set("metadata.labels.added", `"yes"`)}},
		{"annotations", `{ owner = "security-team" }`, []edit{set("metadata.annotations.owner", `"security-team"`)}, []edit{remove("metadata.annotations.owner")}},
	},
	spellings: []acceptanceSpelling{
		{attribute: "export_v6", value: `[
    { action = "Accept", match_operator = "NotIn", cidr = "2001:DB8:0::/32", prefix_length = { min = 48, max = 64 }, source = "RemotePeers", interface = "eth0" },
    { action = "Reject" },
  ]`},
		{attribute: "import_v6", stored: []edit{set("spec.importV6[0].cidr", `"2001:DB8::/32"`)}},
	},
	invalid: []acceptanceInvalid{
		{name: "a network without an operator", set: map[string]string{"export_v4": `[{ action = "Accept", cidr = "10.0.0.0/8" }]`}, path: "export_v4[0].cidr", says: []string{`write "Equal", "NotEqual", "In" or "NotIn"`}},
		{name: "an operator without a network", set: map[string]string{"export_v4": `[{ action = "Reject" }, { action = "Accept", match_operator = "In" }]`}, path: "export_v4[1].match_operator", says: []string{"needs a cidr"}},
		{name: "lengths without a network", set: map[string]string{"import_v4": `[{ action = "Accept", prefix_length = { min = 1 } }]`}, path: "import_v4[0].prefix_length", says: []string{"needs a cidr"}},
		{name: "a length that is too long", set: map[string]string{"import_v4": `[{ action = "Accept", match_operator = "In", cidr = "10.0.0.0/8", prefix_length = { max = 33 } }]`},
			path: "import_v4[0].prefix_length.max", says: []string{"from 0 to 32"}},
		{name: "a network of the other version", set: map[string]string{"export_v6": `[{ action = "Accept", match_operator = "In", cidr = "10.0.0.0/8" }]`}, path: "export_v6[0].cidr", says: []string{"IPv6 network"}},
		{name: "host bits", set: map[string]string{"import_v6": `[{ action = "Accept", match_operator = "In", cidr = "2001:db8::1/32" }]`}, path: "import_v6[0].cidr", says: []string{`write "2001:db8::/32"`}},
		{name: "an action in lower case", set: map[string]string{"import_v6": `[{ action = "accept" }]`}, path: "import_v6[0].action", says: []string{`write "Accept"`}},
		{name: "another source", set: map[string]string{"export_v4": `[{ action = "Accept", source = "Peers" }]`}, path: "export_v4[0].source", says: []string{`"RemotePeers"`}},
		{name: "an interface name that is too long", set: map[string]string{"export_v4": `[{ action = "Accept", interface = "much-too-long-for-linux" }]`}, path: "export_v4[0].interface", says: []string{`"cali*"`}},
		{name: "a name in upper case", set: map[string]string{"name": `"Filter-{i}"`}, path: "name", says: []string{`write "filter-9"`}},
	},
}

// A peer needs its filters: a plan warns where one is missing, since the same
// apply may make it, and the apply stops.
func TestPeerWithoutItsFilter(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico(acceptanceRelease))
	const (
		peer   = "\nresource \"calico_bgp_peer\" \"tor\" {\n  name = \"tor\"\n  filters = [FILTER]\n}\n"
		filter = "\nresource \"calico_bgp_filter\" \"no_default\" {\n  name = \"no-default\"\n}\n"
	)
	w := newWorkspace(t, etcdBlock(at(etcd.Endpoints...)), strings.Replace(peer, "FILTER", `"no-default"`, 1))
	const reason = `no BGP filter "no-default": nothing is stored at ` + acctest.ResourcePrefix + "bgpfilters/no-default"
	warnings := run(t, w, "plan").of("warning")
	if len(warnings) != 1 {
		t.Fatalf("the plan warns of %v", warnings)
	}
	warnings[0].says(t, "Datastore Not Ready", reason, "If this apply changes that first")
	fail(t, w, "apply").says(t, reason, "calico_bgp_filter.NAME.name")
	wantKeys(t, etcd, acctest.ResourcePrefix+"bgppeers/")

	// Made by the same apply, it is no reason for a warning.
	rewrite(t, w, etcdBlock(at(etcd.Endpoints...)), strings.Replace(peer, "FILTER", "calico_bgp_filter.no_default.name", 1), filter)
	succeed(t, w, "apply")
}
