package provider_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// Only "default" has all attributes.
var bgpConfigurationAcceptance = acceptance{
	typeName: "calico_bgp_configuration",
	name:     "default",
	key:      "bgpconfigurations/default",
	release:  "v3.32.1", // program_cluster_routes
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
		"program_cluster_routes":            `"Disabled"`,
		"ipv4_normal_route_priority":        `1025`,
		"ipv6_normal_route_priority":        `1026`,
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
			"localWorkloadPeeringIPV6": "fe80::1",
			"programClusterRoutes": "Disabled",
			"ipv4NormalRoutePriority": 1025,
			"ipv6NormalRoutePriority": 1026
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
		{"program_cluster_routes", `"Enabled"`, []edit{set("spec.programClusterRoutes", `"Enabled"`)}, []edit{remove("spec.programClusterRoutes")}},
		{"ipv4_normal_route_priority", `512`, []edit{set("spec.ipv4NormalRoutePriority", `512`)}, []edit{remove("spec.ipv4NormalRoutePriority")}},
		{"ipv6_normal_route_priority", ``, []edit{remove("spec.ipv6NormalRoutePriority")}, []edit{set("spec.ipv6NormalRoutePriority", `1`)}},
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
		{name: "a switch in lower case", set: map[string]string{"program_cluster_routes": `"disabled"`}, path: "program_cluster_routes", says: []string{`write "Disabled"`}},
		{name: "a route priority of 0", set: map[string]string{"ipv4_normal_route_priority": `0`}, path: "ipv4_normal_route_priority", says: []string{"from 1 to 2147483646"}},
		{name: "a field that is too new", set: map[string]string{"ipv6_normal_route_priority": `1`}, release: "v3.31.0", path: "ipv6_normal_route_priority", says: []string{"came with v3.32.0", "leave it out"}},
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
    {
      action       = "Accept", peer_type = "eBGP", communities = { values = ["65000:100"] }, as_path_prefix = ["65546", "0"], priority = 512
      operation = [{ add_community = { value = "65000:1:2" } }, { prepend_as_path = { prefix = ["64512", "64512"] } }, { set_priority = { value = 1024 } }]
    },
    { action = "Reject" },
  ]`
	filterRulesV6 = `[
    { action = "Accept", match_operator = "NotIn", cidr = "2001:db8::/32", prefix_length = { min = 48, max = 64 }, source = "RemotePeers", interface = "eth0" },
    {
      action       = "Accept", peer_type = "eBGP", communities = { values = ["65000:100"] }, as_path_prefix = ["65546", "0"], priority = 512
      operation = [{ add_community = { value = "65000:1:2" } }, { prepend_as_path = { prefix = ["64512", "64512"] } }, { set_priority = { value = 1024 } }]
    },
    { action = "Reject" },
  ]`
	storedRulesV4 = `[
		{"action": "Accept", "matchOperator": "In", "cidr": "10.244.0.0/16", "prefixLength": {"min": 24, "max": 28}, "source": "RemotePeers", "interface": "eth*"},
		{
			"action": "Accept", "peerType": "eBGP", "communities": {"values": ["65000:100"]}, "asPathPrefix": [65546, 0], "priority": 512,
			"operations": [{"addCommunity": {"value": "65000:1:2"}}, {"prependASPath": {"prefix": [64512, 64512]}}, {"setPriority": {"value": 1024}}]
		},
		{"action": "Reject"}
	]`
	storedRulesV6 = `[
		{"action": "Accept", "matchOperator": "NotIn", "cidr": "2001:db8::/32", "prefixLength": {"min": 48, "max": 64}, "source": "RemotePeers", "interface": "eth0"},
		{
			"action": "Accept", "peerType": "eBGP", "communities": {"values": ["65000:100"]}, "asPathPrefix": [65546, 0], "priority": 512,
			"operations": [{"addCommunity": {"value": "65000:1:2"}}, {"prependASPath": {"prefix": [64512, 64512]}}, {"setPriority": {"value": 1024}}]
		},
		{"action": "Reject"}
	]`
)

var bgpFilterAcceptance = acceptance{
	typeName: "calico_bgp_filter",
	name:     "filter-{i}",
	key:      "bgpfilters/filter-{i}",
	release:  "v3.32.1", // peer_type and what follows it
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
    {
      action       = "Accept", peer_type = "eBGP", communities = { values = ["65000:100"] }, as_path_prefix = ["1.10", "0"], priority = 512
      operation = [{ add_community = { value = "65000:1:2" } }, { prepend_as_path = { prefix = ["64512", "64512"] } }, { set_priority = { value = 1024 } }]
    },
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
		{name: "a peer in lower case", set: map[string]string{"export_v4": `[{ action = "Accept", peer_type = "ebgp" }]`}, path: "export_v4[0].peer_type", says: []string{`write "eBGP"`}},
		{name: "two communities", set: map[string]string{"export_v4": `[{ action = "Accept", communities = { values = ["1:1", "1:2"] } }]`}, path: "export_v4[0].communities.values", says: []string{"write a rule for each"}},
		{name: "no community", set: map[string]string{"import_v6": `[{ action = "Reject", communities = { values = [] } }]`}, path: "import_v6[0].communities.values", says: []string{"would match any"}},
		{name: "a community with a leading zero", set: map[string]string{"import_v4": `[{ action = "Accept", communities = { values = ["65000:01"] } }]`},
			path: "import_v4[0].communities.values[0]", says: []string{`"64512:100"`, "leading zeros"}},
		{name: "an empty path", set: map[string]string{"import_v4": `[{ action = "Reject", as_path_prefix = [] }]`}, path: "import_v4[0].as_path_prefix", says: []string{"would match any"}},
		{name: "an AS number that is none", set: map[string]string{"import_v4": `[{ action = "Reject", as_path_prefix = ["AS1"] }]`}, path: "import_v4[0].as_path_prefix[0]", says: []string{`"1.10"`}},
		{name: "priority 0", set: map[string]string{"import_v4": `[{ action = "Reject", priority = 0 }]`}, path: "import_v4[0].priority", says: []string{"from 1 to 2147483646"}},
		{name: "a change of what is rejected", set: map[string]string{"import_v4": `[{ action = "Reject", operation = [{ set_priority = { value = 1 } }] }]`}, path: "import_v4[0].operation", says: []string{`write "Accept"`}},
		{name: "an operation that is none", set: map[string]string{"import_v4": `[{ action = "Accept", operation = [{}] }]`}, path: "import_v4[0].operation[0]", says: []string{"write an operation for each"}},
		{name: "two operations in one", set: map[string]string{"export_v6": `[{ action = "Accept", operation = [{ set_priority = { value = 1 }, add_community = { value = "1:1" } }] }]`},
			path: "export_v6[0].operation[0]", says: []string{"write an operation for each"}},
		{name: "nothing to prepend", set: map[string]string{"export_v6": `[{ action = "Accept", operation = [{ prepend_as_path = { prefix = [] } }] }]`},
			path: "export_v6[0].operation[0].prepend_as_path", says: []string{"leave it out"}},
		{name: "much to prepend", set: map[string]string{"export_v6": `[{ action = "Accept", operation = [{ prepend_as_path = { prefix = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] } }] }]`},
			path: "export_v6[0].operation[0].prepend_as_path.prefix", says: []string{"1 to 10"}},
		{name: "a condition that is too new", set: map[string]string{"export_v4": `[{ action = "Reject", peer_type = "eBGP" }]`}, release: "v3.31.0",
			path: "export_v4[0].peer_type", says: []string{"came with v3.32.0", "leave it out"}},
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

// A rule whose conditions came with v3.32 is imported with them: without them it
// would reject every route, and so it would when rules change places.
func TestFilterOfV332IsImportedWhole(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.32.1"))
	// As calicoctl v3.32.1 stores it.
	const (
		key   = acctest.ResourcePrefix + "bgpfilters/transit"
		begin = `{"kind":"BGPFilter","apiVersion":"projectcalico.org/v3","metadata":{"name":"transit","uid":"c3c1b7a8-9d1c-4f37-a7bd-8a9ad7ed4f12","creationTimestamp":"2026-05-01T00:00:00Z"},"spec":{"importV4":[`
		one   = `{"peerType":"eBGP","communities":{"values":["65000:100"]},"action":"Reject"}`
		other = `{"cidr":"10.0.0.0/8","matchOperator":"In","asPathPrefix":[65000],"action":"Accept","operations":[{"setPriority":{"value":512}}]}`
		end   = `]}}`
	)
	etcd.Put(t, key, begin+one+","+other+end)
	w := newWorkspace(t, etcdBlock(at(etcd.Endpoints...)), "\nimport {\n  to = calico_bgp_filter.transit\n  id = \"transit\"\n}\n")
	if _, text, err := w.Plan(t.Context(), "-generate-config-out=generated.tf"); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	succeed(t, w, "apply")
	noChanges(t, w)
	if got := etcd.MustGet(t, key).Value; got != begin+one+","+other+end {
		t.Errorf("the import changed what is stored: %s", got)
	}

	if err := w.WriteFile("generated.tf", `
resource "calico_bgp_filter" "transit" {
  name = "transit"
  import_v4 {
    action         = "Accept"
    cidr           = "10.0.0.0/8"
    match_operator = "In"
    as_path_prefix = ["65000"]
    operation {
      set_priority {
        value = 512
      }
    }
  }
  import_v4 {
    action    = "Reject"
    peer_type = "eBGP"
    communities {
      values = ["65000:100"]
    }
  }
}
`); err != nil {
		t.Fatal(err)
	}
	succeed(t, w, "apply")
	if got := etcd.MustGet(t, key).Value; got != begin+other+","+one+end {
		t.Errorf("the rules that changed places are %s", got)
	}
}

// A state of before there were these attributes and blocks is read as if they were
// not used.
func TestFilterOfAnOlderProvider(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.32.1"))
	w := newWorkspace(t, etcdBlock(at(etcd.Endpoints...)), `
resource "calico_bgp_filter" "transit" {
  name = "transit"
  export_v4 {
    action = "Accept"
    source = "RemotePeers"
  }
  export_v4 {
    action = "Reject"
  }
}
`)
	succeed(t, w, "apply")
	state, err := os.ReadFile(filepath.Join(w.Dir, "terraform.tfstate"))
	if err != nil {
		t.Fatal(err)
	}
	newer := regexp.MustCompile(`(?m)^ *"(as_path_prefix|communities|operation|peer_type|priority)": (null|\[\]),\n`)
	if found := newer.FindAll(state, -1); len(found) != 10 {
		t.Fatalf("the state has %q", found)
	}
	if err := w.WriteFile("terraform.tfstate", string(newer.ReplaceAll(state, nil))); err != nil {
		t.Fatal(err)
	}
	noChanges(t, w)
	succeed(t, w, "apply")
}
