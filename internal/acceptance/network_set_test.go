package acceptance

import "github.com/calico-terraform/terraform-provider-calico/internal/calico"

var networkSetRow = row{
	typeName:  "calico_network_set",
	name:      "partners-{i}",
	namespace: "production",
	kind:      calico.KindNetworkSet,
	config: map[string]string{
		"nets":        `["192.0.2.0/24", "198.51.100.7/32", "2001:db8::/32"]`,
		"labels":      `{ role = "partner" }`,
		"annotations": `{ owner = "network-team" }`,
	},
	stored: `{
		"kind": "NetworkSet",
		"apiVersion": "projectcalico.org/v3",
		"metadata": {
			"name": "partners-{i}",
			"namespace": "production",
			"labels": {"role": "partner"},
			"annotations": {"owner": "network-team"}
		},
		"spec": {"nets": ["192.0.2.0/24", "198.51.100.7/32", "2001:db8::/32"]}
	}`,
	changes: []change{
		{"nets", `["192.0.2.0/25"]`, []edit{set("spec.nets", `["192.0.2.0/25"]`)}, []edit{remove("spec.nets")}},
		{"labels", `{ role = "guest" }`, []edit{set("metadata.labels.role", `"guest"`)}, []edit{set("metadata.labels.added", `"yes"`)}},
		{"annotations", `{ owner = "security-team" }`, []edit{set("metadata.annotations.owner", `"security-team"`)}, []edit{remove("metadata.annotations.owner")}},
	},
	spellings: []spelling{
		{attribute: "nets", value: `["2001:DB8:0::/32", "198.51.100.7", "192.0.2.0/24"]`},
		{attribute: "nets", stored: []edit{set("spec.nets", `["2001:DB8::/32", "192.0.2.0/24", "198.51.100.7", "198.51.100.7"]`)}, lax: true},
	},
	invalid: []invalid{
		{name: "no network", set: map[string]string{"nets": `["the office"]`}, path: "nets", says: []string{`Given: "the office"`}},
		{name: "a name in upper case", set: map[string]string{"name": `"Partners-{i}"`}, path: "name", says: []string{`write "partners-1"`}},
	},
}
