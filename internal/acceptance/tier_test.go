package acceptance

import "github.com/calico-terraform/terraform-provider-calico/internal/calico"

var tierRow = row{
	typeName: "calico_tier",
	name:     "security-{i}",
	kind:     calico.KindTier,
	config: map[string]string{
		"order":          `500`,
		"default_action": `"Pass"`,
		"labels":         `{ role = "first" }`,
		"annotations":    `{ owner = "network-team" }`,
	},
	stored: `{
		"kind": "Tier",
		"apiVersion": "projectcalico.org/v3",
		"metadata": {
			"name": "security-{i}",
			"labels": {"role": "first"},
			"annotations": {"owner": "network-team"}
		},
		"spec": {"order": 500, "defaultAction": "Pass"}
	}`,
	changes: []change{
		{"order", `1.5`, []edit{set("spec.order", `1.5`)}, []edit{set("spec.order", `2`)}},
		{"default_action", `"Deny"`, []edit{set("spec.defaultAction", `"Deny"`)}, []edit{set("spec.defaultAction", `"Pass"`)}},
		{"labels", `{ role = "second" }`, []edit{set("metadata.labels.role", `"second"`)}, []edit{set("metadata.labels.added", `"yes"`)}},
		{"annotations", `{ owner = "security-team" }`, []edit{set("metadata.annotations.owner", `"security-team"`)}, []edit{remove("metadata.annotations.owner")}},
	},
	spellings: []spelling{
		{attribute: "order", value: `"500.0"`, stored: []edit{set("spec.order", `5e2`)}},
	},
	invalid: []invalid{
		{name: "another action", set: map[string]string{"default_action": `"Allow"`}, path: "default_action", says: []string{`"Deny"`, `"Pass"`}},
		{name: "a name in upper case", set: map[string]string{"name": `"Security-{i}"`}, path: "name", says: []string{`write "security-1"`}},
	},
}
