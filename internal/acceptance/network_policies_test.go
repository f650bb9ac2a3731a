package acceptance

import (
	"maps"
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// The four kinds of policies have most of their attributes in common. Their rows
// are of v3.32, where a policy can change its tier: before, the tier is a part of
// its name. How releases before that store tiers is a matter of the conformance
// tests.
var (
	globalNetworkPolicyRow       = policyRow("calico_global_network_policy", calico.KindGlobalNetworkPolicy, "", false)
	networkPolicyRow             = policyRow("calico_network_policy", calico.KindNetworkPolicy, "production", false)
	stagedGlobalNetworkPolicyRow = policyRow("calico_staged_global_network_policy", calico.KindStagedGlobalNetworkPolicy, "", true)
	stagedNetworkPolicyRow       = policyRow("calico_staged_network_policy", calico.KindStagedNetworkPolicy, "production", true)
)

func policyRow(typeName string, kind calico.Kind, namespace string, staged bool) row {
	policy := row{
		typeName: typeName,
		name:     "allow-web-{i}",
		kind:     kind,
		release:  "v3.32.1",
		needs:    []string{`{"kind":"Tier","apiVersion":"projectcalico.org/v3","metadata":{"name":"platform"},"spec":{"order":500,"defaultAction":"Deny"}}`},
		config: map[string]string{
			"tier":     `"platform"`,
			"order":    `10`,
			"selector": `"role == 'web' && zone in { 'a', 'b' }"`,
			"types":    `["Egress", "Ingress"]`,
			"ingress": `[
    { action = "Allow", protocol = "TCP", source = { nets = ["10.1.0.0/16"] }, destination = { ports = ["443", "8000:8080"] } },
    { action = "Log" },
  ]`,
			"egress":                   `[{ action = "Allow", protocol = "6", destination = { nets = ["fd00:1::/64"], ports = ["5432"] } }]`,
			"service_account_selector": `"team == 'web'"`,
			"performance_hints":        `["AssumeNeededOnEveryNode"]`,
			"labels":                   `{ team = "net" }`,
			"annotations":              `{ owner = "network-team" }`,
		},
		// The same rules, by the same code.
		sameAs: map[string]string{"egress": "ingress"},
		stored: `{
			"kind": "` + string(kind) + `",
			"apiVersion": "projectcalico.org/v3",
			"metadata": {
				"name": "allow-web-{i}",
				"labels": {"team": "net"},
				"annotations": {"owner": "network-team"}
			},
			"spec": {
				"tier": "platform",
				"order": 10,
				"selector": "role == 'web' && zone in { 'a', 'b' }",
				"types": ["Egress", "Ingress"],
				"ingress": [
					{"action": "Allow", "protocol": "TCP", "source": {"nets": ["10.1.0.0/16"]}, "destination": {"ports": [443, "8000:8080"]}},
					{"action": "Log"}
				],
				"egress": [
					{"action": "Allow", "protocol": 6, "destination": {"nets": ["fd00:1::/64"], "ports": [5432]}}
				],
				"serviceAccountSelector": "team == 'web'",
				"performanceHints": ["AssumeNeededOnEveryNode"]
			}
		}`,
		changes: []change{
			{attribute: "order", value: `-1.5`, stored: []edit{set("spec.order", `-1.5`)}, drift: []edit{remove("spec.order")}},
			{attribute: "selector", value: `"all()"`, stored: []edit{set("spec.selector", `"all()"`)}, drift: []edit{set("spec.selector", `"role == 'db'"`)}},
			{attribute: "tier", value: `"default"`,
				stored: []edit{set("spec.tier", `"default"`)},
				drift:  []edit{set("spec.tier", `"platform"`)}},
			{attribute: "types", value: `["Egress"]`, stored: []edit{set("spec.types", `["Egress"]`)}, drift: []edit{set("spec.types", `["Ingress", "Egress"]`)}},
			{attribute: "ingress", value: everyRuleField,
				stored: []edit{set("spec.ingress", "["+strings.Join(everyRuleStored, ",")+"]")}, drift: []edit{remove("spec.ingress[0].source.notNets")}},
			{attribute: "egress", value: `[{ action = "Deny", destination = { services = { name = "s", namespace = "n" } } }]`,
				stored: []edit{set("spec.egress", `[{"action": "Deny", "destination": {"services": {"name": "s", "namespace": "n"}}}]`)}, drift: []edit{remove("spec.egress")}},
			{attribute: "service_account_selector", value: `"has(team)"`,
				stored: []edit{set("spec.serviceAccountSelector", `"has(team)"`)}, drift: []edit{remove("spec.serviceAccountSelector")}},
			{attribute: "performance_hints", value: `null`,
				stored: []edit{remove("spec.performanceHints")}, drift: []edit{set("spec.performanceHints", `["AssumeNeededOnEveryNode"]`)}},
			{attribute: "labels", value: `{ team = "security", zone = "a" }`,
				stored: []edit{set("metadata.labels.team", `"security"`), set("metadata.labels.zone", `"a"`)}, drift: []edit{set("metadata.labels.added", `"yes"`)}},
			{attribute: "annotations", value: `{ owner = "security-team" }`,
				stored: []edit{set("metadata.annotations.owner", `"security-team"`)}, drift: []edit{remove("metadata.annotations.owner")}},
		},
		spellings: []spelling{
			{attribute: "selector", value: `"role==\"web\"&&zone in {\"b\",\"a\"}"`, stored: []edit{set("spec.selector", `"role  ==  'web' && zone in {'b','a'}"`)}},
			{attribute: "types", value: `["Ingress", "Egress"]`, stored: []edit{set("spec.types", `["Egress", "Ingress"]`)}},
			{attribute: "order", value: `"10.0"`, stored: []edit{set("spec.order", `10.0`)}},
			{attribute: "egress", value: `[{ action = "Allow", protocol = 6, destination = { nets = ["FD00:1::/64"], ports = ["5432:5432"] } }]`,
				stored: []edit{set("spec.egress[0].destination.nets", `["fd00:1:0::/64"]`), set("spec.egress[0].protocol", `"6"`)}},
			{attribute: "service_account_selector", value: "<<-EOT\n    team ==\n      'web'\n  EOT"},
		},
		invalid: []invalid{
			{name: "a name in upper case", set: map[string]string{"name": `"Allow-{i}"`}, path: "name", says: []string{`write "allow-0"`}},
			{name: "a selector's syntax error", set: map[string]string{"selector": `"role = 'web'"`}, path: "selector", says: []string{"=="}},
			{name: "a type in lower case", set: map[string]string{"types": `["ingress"]`}, path: "types", says: []string{`write "Ingress"`}},
			{name: "no type", set: map[string]string{"types": `[]`}, path: "types", says: []string{"leave the attribute out"}},
			{name: "an empty tier", set: map[string]string{"tier": `""`}, path: "tier", says: []string{"leave the attribute out"}},
			{name: "another hint", set: map[string]string{"performance_hints": `["Hurry"]`}, path: "performance_hints[0]", says: []string{`"AssumeNeededOnEveryNode"`}},
			{name: "the label of the tier", set: map[string]string{"labels": `{ "projectcalico.org/tier" = "default" }`},
				path: "labels[projectcalico.org/tier]", says: []string{"leave it out"}},
			{name: "a rule's selector", set: map[string]string{"ingress": `[{ action = "Allow", source = { selector = "role == db" } }]`},
				path: "ingress[0].source.selector", says: []string{"'db'"}},
			{name: "HTTP in an egress rule", set: map[string]string{"egress": `[{ action = "Allow" }, { action = "Allow", http = { methods = ["GET"] } }]`},
				path: "egress[1].http", says: []string{"ingress rules only"}},
			{name: "a name without its tier", set: map[string]string{"tier": `"platform"`}, release: "v3.31.0",
				path: "name", says: []string{"begins with its tier and a dot", `write "platform.allow-web-9"`}},
			{name: "a name with another tier", set: map[string]string{"name": `"platform.allow-{i}"`}, release: "v3.31.0",
				path: "name", says: []string{`set tier to "platform"`}},
		},
	}
	if namespace != "" {
		policy.namespace = namespace
		policy.stored = strings.Replace(policy.stored, `"metadata": {`, `"metadata": {"namespace": "`+namespace+`",`, 1)
		policy.invalid = append(policy.invalid, invalid{name: "a slash in the namespace", set: map[string]string{"namespace": `"a/b"`}, path: "namespace", says: []string{"write one without"}})
	} else {
		policy.forAllNamespaces()
	}
	old := "v3.28.5"
	if staged {
		policy.staged()
		policy.invalid = append(policy.invalid, invalid{name: "a release without staged policies", release: old,
			says: []string{"does not know the kind " + string(kind), "v3.30.0", "leave this resource out", "This is " + string(kind) + " \"allow-web-"}})
		return policy
	}
	policy.invalid = append(policy.invalid,
		invalid{name: "a tier where there are none", set: map[string]string{"tier": `"platform"`}, release: old, path: "tier", says: []string{"came with v3.29", "leave tier out"}},
		invalid{name: "a dot where there are no tiers", set: map[string]string{"name": `"allow.web-{i}"`}, release: old, path: "name", says: []string{"one word", `write "allow-web-`}},
	)
	return policy
}

// forAllNamespaces adds what only a policy has that belongs to no namespace.
func (r *row) forAllNamespaces() {
	maps.Copy(r.config, map[string]string{
		"namespace_selector": `"env == 'prod'"`,
		"do_not_track":       `false`,
		"pre_dnat":           `false`,
		"apply_on_forward":   `true`,
	})
	r.stored = strings.Replace(r.stored, `"spec": {`, `"spec": {"namespaceSelector": "env == 'prod'", "applyOnForward": true,`, 1)
	r.together = map[string]map[string]string{"pre_dnat": {"egress": `null`, "types": `["Ingress"]`}}
	r.changes = append(r.changes,
		change{attribute: "namespace_selector", value: `null`,
			stored: []edit{remove("spec.namespaceSelector")}, drift: []edit{set("spec.namespaceSelector", `"all()"`)}},
		change{attribute: "do_not_track", value: `true`,
			stored: []edit{set("spec.doNotTrack", `true`)}, drift: []edit{remove("spec.doNotTrack")}},
		change{attribute: "pre_dnat", value: `true`,
			stored: []edit{set("spec.preDNAT", `true`), set("spec.types", `["Ingress"]`), remove("spec.egress")},
			drift:  []edit{remove("spec.preDNAT"), set("spec.types", `["Egress"]`), set("spec.egress", `[{"action": "Deny"}]`)}},
		change{attribute: "apply_on_forward", value: `null`,
			stored: []edit{remove("spec.applyOnForward")}, drift: []edit{set("spec.applyOnForward", `true`)}},
	)
	r.invalid = append(r.invalid,
		invalid{name: "preDNAT without applyOnForward", set: map[string]string{"pre_dnat": `true`}, path: "apply_on_forward", says: []string{"write true"}},
		invalid{name: "doNotTrack without applyOnForward", set: map[string]string{"do_not_track": `true`, "apply_on_forward": `false`},
			path: "apply_on_forward", says: []string{"write true"}},
		invalid{name: "doNotTrack with preDNAT", set: map[string]string{"do_not_track": `true`, "pre_dnat": `true`, "apply_on_forward": `true`},
			path: "pre_dnat", says: []string{"write it as two policies"}},
		invalid{name: "preDNAT with the type Egress", set: map[string]string{"pre_dnat": `true`, "apply_on_forward": `true`, "types": `["Ingress", "Egress"]`},
			path: "types", says: []string{`write "Ingress"`}},
		invalid{name: "a service without a namespace", set: map[string]string{"egress": `[{ action = "Allow", destination = { services = { name = "s" } } }]`},
			path: "egress[0].destination.services.namespace", says: []string{"write the service's namespace"}},
	)
}

// staged adds what only a staged policy has.
func (r *row) staged() {
	r.config["staged_action"] = `"Learn"`
	r.stored = strings.Replace(r.stored, `"spec": {`, `"spec": {"stagedAction": "Learn",`, 1)
	r.changes = append(r.changes, change{attribute: "staged_action", value: `null`,
		stored: []edit{set("spec.stagedAction", `"Set"`)}, drift: []edit{set("spec.stagedAction", `"Ignore"`)}})
	r.invalid = append(r.invalid,
		invalid{name: "a staged action in lower case", set: map[string]string{"staged_action": `"set"`}, path: "staged_action", says: []string{`write "Set"`}},
		invalid{name: "a staged deletion with a selector", set: map[string]string{"staged_action": `"Delete"`, "selector": `"all()"`},
			path: "selector", says: []string{"no other field than tier"}},
		invalid{name: "a staged deletion with types", set: map[string]string{"staged_action": `"Delete"`, "types": `["Ingress"]`},
			path: "types", says: []string{"leave the attribute out"}},
	)
}
