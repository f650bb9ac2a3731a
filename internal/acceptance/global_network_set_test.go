package acceptance

import "github.com/calico-terraform/terraform-provider-calico/internal/calico"

var globalNetworkSetRow = row{
	typeName: "calico_global_network_set",
	name:     "management-{i}",
	kind:     calico.KindGlobalNetworkSet,
	config: map[string]string{
		"nets":        `["192.0.2.0/24", "198.51.100.7", "2001:db8::/32"]`,
		"labels":      `{ role = "management" }`,
		"annotations": `{ owner = "network-team" }`,
	},
	stored: `{
		"kind": "GlobalNetworkSet",
		"apiVersion": "projectcalico.org/v3",
		"metadata": {
			"name": "management-{i}",
			"labels": {"role": "management"},
			"annotations": {"owner": "network-team"}
		},
		"spec": {"nets": ["192.0.2.0/24", "198.51.100.7", "2001:db8::/32"]}
	}`,
	changes: []change{
		{attribute: "nets", value: `["192.0.2.0/25"]`, stored: []edit{set("spec.nets", `["192.0.2.0/25"]`)}, drift: []edit{insert("spec.nets[0]", `"0.0.0.0/0"`)}},
		{attribute: "labels", value: `null`, stored: []edit{remove("metadata.labels")}, drift: []edit{set("metadata.labels.added", `"yes"`)}},
		{attribute: "annotations", value: `{ owner = "security-team" }`,
			stored: []edit{set("metadata.annotations.owner", `"security-team"`)}, drift: []edit{remove("metadata.annotations.owner")}},
	},
	spellings: []spelling{
		{attribute: "nets", value: `["2001:DB8:0::/32", "198.51.100.7/32", "192.0.2.0/24"]`},
		{attribute: "nets", stored: []edit{set("spec.nets", `["2001:DB8::/32", "192.0.2.9/24", "198.51.100.7/32"]`)}},
	},
	invalid: []invalid{
		{name: "no network", set: map[string]string{"nets": `["the office"]`}, path: "nets", says: []string{`Given: "the office"`}},
		{name: "an empty text", set: map[string]string{"nets": `["10.0.0.0/8", ""]`}, path: "nets", says: []string{"such as 10.0.0.0/8"}},
		{name: "a leading zero", set: map[string]string{"nets": `["10.0.0.01"]`}, path: "nets", says: []string{"no leading zeros"}},
		{name: "a name in upper case", set: map[string]string{"name": `"Management-{i}"`}, path: "name", says: []string{`write "management-3"`}},
		{name: "the label of a namespace", set: map[string]string{"labels": `{ "projectcalico.org/namespace" = "production" }`},
			path: "labels[projectcalico.org/namespace]", says: []string{"remove it"}},
		{name: "a label that is no label", set: map[string]string{"labels": `{ "a/b/c" = "d" }`}, path: "labels[a/b/c]", says: []string{"example.com/role"}},
	},
}
