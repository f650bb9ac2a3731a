package acceptance

import "github.com/calico-terraform/terraform-provider-calico/internal/calico"

// The row is of v3.32, where a policy can change its tier: see the rows of the other
// policies.
var failsafePolicyRow = row{
	typeName: "calico_failsafe_policy",
	name:     "failsafe-{i}",
	kind:     calico.KindGlobalNetworkPolicy,
	release:  "v3.32.1",
	needs:    []string{`{"kind":"Tier","apiVersion":"projectcalico.org/v3","metadata":{"name":"platform"},"spec":{"order":500,"defaultAction":"Deny"}}`},
	config: map[string]string{
		"tier":             `"default"`,
		"selector":         `"has(role) && zone in { 'a', 'b' }"`,
		"order":            `10`,
		"labels":           `{ team = "net" }`,
		"annotations":      `{ owner = "network-team" }`,
		"management_cidrs": `["10.1.0.0/24", "2001:db8:1::/64"]`,
		"management_ports": `["22", "2200:2210"]`,
		"etcd_server":      `[{ address = "10.2.0.11", ports = ["2379"] }, { address = "2001:db8:2::/64", ports = ["2379:2380", "4001"] }]`,
		"api_server":       `[{ address = "10.2.0.21", ports = ["6443"] }]`,
		"allow_icmp":       `true`,
		"allow_icmpv6":     `true`,
		"allow_dhcp":       `true`,
		"bgp_peers":        `["10.3.0.0/24"]`,
		"extra_ingress":    `[{ action = "Allow", protocol = "TCP", destination = { ports = ["9100"] } }, { action = "Log" }]`,
		"extra_egress": `[
    { action = "Allow", protocol = "6", destination = { nets = ["fd00:1::/64"], ports = ["9100"] } },
    { action = "Deny", destination = { not_nets = ["10.6.0.0/16"] } },
  ]`,
	},
	minimal: []string{"management_cidrs"},
	// The same rules, by the same code.
	sameAs: map[string]string{"extra_egress": "extra_ingress"},
	stored: `{
		"kind": "GlobalNetworkPolicy",
		"apiVersion": "projectcalico.org/v3",
		"metadata": {
			"name": "failsafe-{i}",
			"labels": {"team": "net"},
			"annotations": {"owner": "network-team"}
		},
		"spec": {
			"tier": "default",
			"order": 10,
			"selector": "has(role) && zone in { 'a', 'b' }",
			"types": ["Ingress", "Egress"],
			"ingress": [
				{"action": "Allow", "protocol": "TCP", "source": {"nets": ["10.1.0.0/24"]}, "destination": {"ports": [22, "2200:2210"]}},
				{"action": "Allow", "protocol": "TCP", "source": {"nets": ["2001:db8:1::/64"]}, "destination": {"ports": [22, "2200:2210"]}},
				{"action": "Allow", "protocol": "ICMP"},
				{"action": "Allow", "protocol": "ICMPv6"},
				{"action": "Allow", "protocol": "TCP", "source": {"nets": ["10.3.0.0/24"]}, "destination": {"ports": [179]}},
				{"action": "Allow", "protocol": "TCP", "destination": {"ports": [9100]}},
				{"action": "Log"}
			],
			"egress": [
				{"action": "Allow", "protocol": "TCP", "destination": {"nets": ["10.2.0.11/32"], "ports": [2379]}},
				{"action": "Allow", "protocol": "TCP", "destination": {"nets": ["2001:db8:2::/64"], "ports": ["2379:2380", 4001]}},
				{"action": "Allow", "protocol": "TCP", "destination": {"nets": ["10.2.0.21/32"], "ports": [6443]}},
				{"action": "Allow", "protocol": "ICMPv6"},
				{"action": "Allow", "protocol": "UDP", "destination": {"ports": [67]}},
				{"action": "Allow", "protocol": "UDP", "destination": {"ports": [547]}},
				{"action": "Allow", "protocol": "TCP", "destination": {"nets": ["10.3.0.0/24"], "ports": [179]}},
				{"action": "Allow", "protocol": 6, "destination": {"nets": ["fd00:1::/64"], "ports": [9100]}},
				{"action": "Deny", "destination": {"notNets": ["10.6.0.0/16"]}}
			]
		}
	}`,
	changes: []change{
		{"management_cidrs", `["10.9.0.0/24", "2001:db8:1::/64"]`,
			[]edit{set("spec.ingress[0].source.nets", `["10.9.0.0/24"]`)}, []edit{insert("spec.ingress[0].source.nets[1]", `"0.0.0.0/0"`)}},
		{"order", `-1.5`, []edit{set("spec.order", `-1.5`)}, []edit{remove("spec.order")}},
		{"selector", `"all()"`, []edit{set("spec.selector", `"all()"`)}, []edit{set("spec.selector", `"role == 'db'"`)}},
		{"tier", `"platform"`,
			[]edit{set("spec.tier", `"platform"`)},
			[]edit{set("spec.tier", `"default"`)}},
		{"labels", `{ team = "security", zone = "a" }`, []edit{set("metadata.labels.team", `"security"`), set("metadata.labels.zone", `"a"`)}, []edit{remove("metadata.labels.team")}},
		{"annotations", `{ owner = "security-team" }`, []edit{set("metadata.annotations.owner", `"security-team"`)}, []edit{set("metadata.annotations.owner", `"somebody"`)}},
		{"management_ports", `[2222]`,
			[]edit{set("spec.ingress[0].destination.ports", `[2222]`), set("spec.ingress[1].destination.ports", `[2222]`)},
			[]edit{set("spec.ingress[0].destination.ports", `[22]`), set("spec.ingress[1].destination.ports", `[22]`)}},
		{"etcd_server", `[{ address = "2001:db8:2::/64", ports = ["2379:2380", "4001"] }, { address = "10.2.0.12" }]`,
			[]edit{remove("spec.egress[0]"), insert("spec.egress[1]", `{"action": "Allow", "protocol": "TCP", "destination": {"nets": ["10.2.0.12/32"], "ports": [2379]}}`)},
			[]edit{remove("spec.egress[1]")}},
		{"api_server", `[{ address = "10.2.0.21" }, { address = "10.2.0.22", ports = [443] }]`,
			[]edit{insert("spec.egress[3]", `{"action": "Allow", "protocol": "TCP", "destination": {"nets": ["10.2.0.22/32"], "ports": [443]}}`)},
			[]edit{remove("spec.egress[2]")}},
		{"allow_icmp", `false`, []edit{remove("spec.ingress[2]")},
			[]edit{insert("spec.ingress[2]", `{"action": "Allow", "protocol": "ICMP"}`)}},
		{"allow_icmpv6", `false`, []edit{remove("spec.ingress[3]"), remove("spec.egress[3]")}, []edit{
			insert("spec.ingress[3]", `{"action": "Allow", "protocol": "ICMPv6"}`),
			insert("spec.egress[3]", `{"action": "Allow", "protocol": "ICMPv6"}`)}},
		{"allow_dhcp", `false`, []edit{remove("spec.egress[4]"), remove("spec.egress[4]")}, []edit{
			insert("spec.egress[4]", `{"action": "Allow", "protocol": "UDP", "destination": {"ports": [547]}}`),
			insert("spec.egress[4]", `{"action": "Allow", "protocol": "UDP", "destination": {"ports": [67]}}`)}},
		{"bgp_peers", `["0.0.0.0/0"]`,
			[]edit{set("spec.ingress[4].source.nets", `["0.0.0.0/0"]`), set("spec.egress[6].destination.nets", `["0.0.0.0/0"]`)},
			[]edit{remove("spec.ingress[4]"), remove("spec.egress[6]")}},
		{"extra_ingress", everyRuleField, []edit{
			set("spec.ingress[5]", everyRuleStored[0]),
			set("spec.ingress[6]", everyRuleStored[1]),
			insert("spec.ingress[7]", everyRuleStored[2]),
			insert("spec.ingress[8]", everyRuleStored[3]),
			insert("spec.ingress[9]", everyRuleStored[4]),
		}, []edit{remove("spec.ingress[5].source.notNets")}},
		{"extra_egress", `[{ action = "Deny", destination = { services = { name = "s", namespace = "n" } } }]`,
			[]edit{remove("spec.egress[7]"), set("spec.egress[7]", `{"action": "Deny", "destination": {"services": {"name": "s", "namespace": "n"}}}`)},
			[]edit{remove("spec.egress[7]")}},
	},
	spellings: []spelling{
		{attribute: "selector", value: "<<-EOT\n    has(role) &&\n    zone in {\n      'a', 'b'\n    }\n  EOT"},
		{attribute: "selector", value: `"has( role )&&zone in {\"b\",\"a\"}"`},
		{attribute: "selector", stored: []edit{set("spec.selector", `"has(role)  &&  zone in {'b','a'}"`)}},
		{attribute: "order", value: `"10.0"`, stored: []edit{set("spec.order", `10.0`)}},
		{attribute: "management_cidrs", value: `["2001:DB8:1:0::/64", "10.1.0.0/24"]`},
		{attribute: "management_cidrs", stored: []edit{set("spec.ingress[1].source.nets", `["2001:DB8:1:0::/64"]`)}},
		{attribute: "management_ports", value: `[22, "2200:2210"]`},
		{attribute: "management_ports", value: `["22:22", "2200:2210"]`,
			stored: []edit{set("spec.ingress[0].destination.ports", `["22", "2200:2210"]`), set("spec.ingress[1].destination.ports", `["22:22", "2200:2210"]`)}},
		{attribute: "etcd_server", value: `[{ address = "10.2.0.11/32" }, { address = "2001:DB8:2::/64", ports = ["2379:2380", 4001] }]`},
		{attribute: "etcd_server", stored: []edit{set("spec.egress[1].destination.nets", `["2001:0db8:2::0/64"]`)}},
		{attribute: "api_server", value: `[{ address = "10.2.0.21/32" }]`},
		{attribute: "api_server", stored: []edit{set("spec.egress[2].destination.ports", `["6443:6443"]`)}},
		{attribute: "bgp_peers", stored: []edit{set("spec.types", `["Egress", "Ingress"]`)}},
		{attribute: "extra_egress", value: `[
    { action = "Allow", protocol = 6, destination = { nets = ["FD00:1::/64"], ports = ["9100:9100"] } },
    { action = "Deny", destination = { not_nets = ["10.6.0.0/16"] } },
  ]`},
		{attribute: "extra_egress", stored: []edit{
			set("spec.egress[7].protocol", `"6"`), set("spec.egress[7].destination.nets", `["FD00:1::/64"]`), set("spec.egress[7].destination.ports", `["9100:9100"]`)}},
	},
	invalid: []invalid{
		{name: "no management network", set: map[string]string{"management_cidrs": `[]`}, path: "management_cidrs", says: []string{"lock you out", `"10.1.0.0/24"`}},
		{name: "no network", set: map[string]string{"management_cidrs": `["the office"]`}, path: "management_cidrs", says: []string{"10.0.0.0/8", `Given: "the office"`}},
		{name: "a management network with host bits", set: map[string]string{"management_cidrs": `["10.1.0.7/24"]`},
			path: "management_cidrs", says: []string{`write "10.1.0.0/24"`, `"10.1.0.7/32"`}},
		{name: "no port", set: map[string]string{"management_ports": `[]`}, path: "management_ports", says: []string{"at least 1"}},
		{name: "a named port", set: map[string]string{"management_ports": `[22, "ssh"]`}, path: "management_ports[1]", says: []string{"number of the port (22)"}},
		{name: "a range with a dash", set: map[string]string{"management_ports": `["1000-2000"]`}, path: "management_ports[0]", says: []string{`"1000:2000"`}},
		{name: "port 0", set: map[string]string{"management_ports": `[0]`}, path: "management_ports[0]", says: []string{"from 1 to 65535"}},
		{name: "a port that is too high", set: map[string]string{"management_ports": `[65536]`}, path: "management_ports[0]", says: []string{"from 1 to 65535"}},
		{name: "no BGP peer", set: map[string]string{"bgp_peers": `[]`}, path: "bgp_peers", says: []string{"Leave the attribute out", `write ["0.0.0.0/0"]`}},
		{name: "an etcd server by name", set: map[string]string{"etcd_server": `[{ address = "10.2.0.11" }, { address = "etcd.example.net" }]`},
			path: "etcd_server[1].address", says: []string{"addresses, not names", `"10.2.0.11"`}},
		{name: "an etcd server with a bad port", set: map[string]string{"etcd_server": `[{ address = "10.2.0.11", ports = [2379, "client"] }]`},
			path: "etcd_server[0].ports[1]", says: []string{"number of the port (2379)"}},
		{name: "a selector with a newline's mistake", set: map[string]string{"selector": "<<-EOT\n    role ==\n  EOT"}, path: "selector", says: []string{"role =="}},
		{name: "a selector's syntax error", set: map[string]string{"selector": `"role = 'db'"`}, path: "selector", says: []string{"=="}},
		{name: "a name in upper case", set: map[string]string{"name": `"Failsafe-{i}"`}, path: "name", says: []string{`write "failsafe-13"`}},
		{name: "a label of Calico's own", set: map[string]string{"labels": `{ "projectcalico.org/tier" = "default" }`}, path: "labels[projectcalico.org/tier]", says: []string{"leave it out"}},
		{name: "a protocol in lower case", set: map[string]string{"extra_ingress": `[{ action = "Allow", protocol = "tcp" }]`},
			path: "extra_ingress[0].protocol", says: []string{`write "TCP"`}},
		{name: "an action in lower case", set: map[string]string{"extra_egress": `[{ action = "Allow" }, { action = "deny" }]`},
			path: "extra_egress[1].action", says: []string{`write "Deny"`}},
		{name: "a rule's network without a mask", set: map[string]string{"extra_ingress": `[{ action = "Allow", source = { nets = ["10.0.0.0/8", "10.1.2.3"] } }]`},
			path: "extra_ingress[0].source.nets", says: []string{`write "10.1.2.3/32"`}},
		{name: "a rule's network with host bits", set: map[string]string{"extra_egress": `[{ action = "Allow", destination = { not_nets = ["10.1.2.3/8"] } }]`},
			path: "extra_egress[0].destination.not_nets", says: []string{`write "10.0.0.0/8"`, `"10.1.2.3/32"`}},
		{name: "networks of both IP versions in a rule", set: map[string]string{"extra_ingress": `[{ action = "Allow", source = { nets = ["10.0.0.0/8", "fd00::/8"] } }]`},
			path: "extra_ingress[0].source.nets", says: []string{"two rules"}},
		{name: "ports without a protocol", set: map[string]string{"extra_ingress": `[{ action = "Allow", destination = { ports = [80] } }]`},
			path: "extra_ingress[0].destination.ports", says: []string{`"TCP", "UDP" or "SCTP"`}},
		{name: "an ICMP code without a type", set: map[string]string{"extra_ingress": `[{ action = "Allow", protocol = "ICMP", icmp = { code = 0 } }]`},
			path: "extra_ingress[0].icmp.code", says: []string{"set type too"}},
		{name: "a rule's selector", set: map[string]string{"extra_ingress": `[{ action = "Allow", source = { selector = "role == db" } }]`},
			path: "extra_ingress[0].source.selector", says: []string{"'db'"}},
		{name: "a service without a namespace", set: map[string]string{"extra_egress": `[{ action = "Allow", destination = { services = { name = "s" } } }]`},
			path: "extra_egress[0].destination.services.namespace", says: []string{"write the service's namespace"}},
		{name: "HTTP in an egress rule", set: map[string]string{"extra_egress": `[{ action = "Allow", http = { methods = ["GET"] } }]`},
			path: "extra_egress[0].http", says: []string{"ingress rules only"}},
		// What Calico would pass over, and so match any.
		{name: "a source that says nothing", set: map[string]string{"extra_ingress": `[{ action = "Allow", source = {} }]`},
			path: "extra_ingress[0].source", says: []string{"leave it out"}},
		{name: "a rule's empty selector", set: map[string]string{"extra_ingress": `[{ action = "Allow", source = { nets = ["10.0.0.0/8"], selector = "" } }]`},
			path: "extra_ingress[0].source.selector", says: []string{"leave it out", "all()"}},
		{name: "a rule's empty list of ports", set: map[string]string{"extra_egress": `[{ action = "Allow", protocol = "TCP", destination = { nets = ["10.0.0.0/8"], ports = [] } }]`},
			path: "extra_egress[0].destination.ports", says: []string{"An empty list would match any", "leave it out"}},
		{name: "an empty tier", set: map[string]string{"tier": `""`}, path: "tier", says: []string{"leave the attribute out"}},
		{name: "a tier where there are none", set: map[string]string{"tier": `"platform"`}, release: "v3.28.5", path: "tier", says: []string{"came with v3.29", "leave tier out"}},
		{name: "a name without its tier", set: map[string]string{"tier": `"platform"`}, release: "v3.31.0",
			path: "name", says: []string{"begins with its tier and a dot", `write "platform.failsafe-`}},
		// Releases before v3.29.6 accept it.
		{name: "every address excluded", set: map[string]string{"extra_ingress": `[{ action = "Allow", source = { not_nets = ["0.0.0.0/0"] } }]`},
			path: "extra_ingress[0].source.not_nets", says: []string{"matches nothing: remove this network"}, plan: true},
		{name: "an API server by name", set: map[string]string{"api_server": `[{ address = "api.example.net" }]`},
			path: "api_server[0].address", says: []string{"addresses, not names", `"10.2.0.11"`}},
		{name: "an API server with a bad port", set: map[string]string{"api_server": `[{ address = "10.2.0.21", ports = ["https"] }]`},
			path: "api_server[0].ports[0]", says: []string{"number of the port (6443)"}},
	},
}

// everyRuleField is a list of rules that together have every attribute of a rule
// for inbound traffic.
const everyRuleField = `[
    {
      action     = "Allow"
      ip_version = 4
      protocol   = "TCP"
      http       = { methods = ["GET"], path = [{ exact = "/a" }, { prefix = "/b/" }] }
      metadata   = { annotations = { ticket = "1" } }
      source = {
        nets               = ["10.1.0.0/16"]
        not_nets           = ["10.1.2.0/24"]
        ports              = ["1024", "name"]
        not_ports          = ["2001"]
        selector           = "role == 'db'"
        not_selector       = "has(quarantine)"
        namespace_selector = "global()"
      }
      destination = {
        nets               = ["10.5.0.0/16"]
        not_nets           = ["10.5.2.0/24"]
        ports              = ["80"]
        not_ports          = ["81"]
        selector           = "role == 'web'"
        not_selector       = "has(quarantine)"
        namespace_selector = "all()"
        service_accounts   = { names = ["a"], selector = "x == 'y'" }
      }
    },
    { action = "Allow", source = { service_accounts = { names = ["a", "b"], selector = "x == 'y'" } } },
    { action = "Log", protocol = "ICMP", icmp = { type = 0, code = 0 } },
    { action = "Deny", not_protocol = "17", not_icmp = { type = 8, code = 1 } },
    { action = "Pass", source = { services = { name = "s", namespace = "n" } } },
  ]`

// everyRuleStored are the same rules as JSON.
var everyRuleStored = []string{
	`{
		"action": "Allow", "ipVersion": 4, "protocol": "TCP",
		"http": {"methods": ["GET"], "paths": [{"exact": "/a"}, {"prefix": "/b/"}]},
		"metadata": {"annotations": {"ticket": "1"}},
		"source": {
			"nets": ["10.1.0.0/16"], "notNets": ["10.1.2.0/24"], "ports": [1024, "name"], "notPorts": [2001],
			"selector": "role == 'db'", "notSelector": "has(quarantine)", "namespaceSelector": "global()"
		},
		"destination": {
			"nets": ["10.5.0.0/16"], "notNets": ["10.5.2.0/24"], "ports": [80], "notPorts": [81],
			"selector": "role == 'web'", "notSelector": "has(quarantine)", "namespaceSelector": "all()",
			"serviceAccounts": {"names": ["a"], "selector": "x == 'y'"}
		}
	}`,
	`{"action": "Allow", "source": {"serviceAccounts": {"names": ["a", "b"], "selector": "x == 'y'"}}}`,
	`{"action": "Log", "protocol": "ICMP", "icmp": {"type": 0, "code": 0}}`,
	`{"action": "Deny", "notProtocol": 17, "notICMP": {"type": 8, "code": 1}}`,
	`{"action": "Pass", "source": {"services": {"name": "s", "namespace": "n"}}}`,
}
