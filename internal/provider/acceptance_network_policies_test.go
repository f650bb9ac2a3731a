package provider_test

import (
	"maps"
	"strings"
)

// The four kinds of policies have most of their attributes in common. Their rows
// are of v3.32, where a policy can change its tier: before, the tier is a part of
// its name. How releases before that store tiers is a matter of the conformance
// tests.
var (
	globalNetworkPolicyAcceptance       = policyAcceptance("calico_global_network_policy", "GlobalNetworkPolicy", "globalnetworkpolicies", "", false)
	networkPolicyAcceptance             = policyAcceptance("calico_network_policy", "NetworkPolicy", "networkpolicies", "production", false)
	stagedGlobalNetworkPolicyAcceptance = policyAcceptance("calico_staged_global_network_policy", "StagedGlobalNetworkPolicy", "stagedglobalnetworkpolicies", "", true)
	stagedNetworkPolicyAcceptance       = policyAcceptance("calico_staged_network_policy", "StagedNetworkPolicy", "stagednetworkpolicies", "production", true)
)

func policyAcceptance(typeName, kind, plural, namespace string, staged bool) acceptance {
	row := acceptance{
		typeName: typeName,
		name:     "allow-web-{i}",
		key:      plural + "/allow-web-{i}",
		release:  "v3.32.1",
		needs:    map[string]string{"tiers/platform": `{"kind":"Tier","apiVersion":"projectcalico.org/v3","metadata":{"name":"platform"},"spec":{"order":500,"defaultAction":"Deny"},"status":{}}`},
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
			"kind": "` + kind + `",
			"apiVersion": "projectcalico.org/v3",
			"metadata": {
				"name": "allow-web-{i}",
				"labels": {"team": "net", "projectcalico.org/tier": "platform"},
				"annotations": {"owner": "network-team", "projectcalico.org/metadata": "{\"name\":\"allow-web-{i}\"}"}
			},
			"spec": {
				"tier": "platform",
				"order": 10,
				"selector": "role == 'web' && zone in { 'a', 'b' }",
				"types": ["Ingress", "Egress"],
				"ingress": [
					{"action": "Allow", "protocol": "TCP", "source": {"nets": ["10.1.0.0/16"]}, "destination": {"ports": [443, "8000:8080"]}},
					{"action": "Log", "source": {}, "destination": {}}
				],
				"egress": [
					{"action": "Allow", "protocol": 6, "source": {}, "destination": {"nets": ["fd00:1::/64"], "ports": [5432]}}
				],
				"serviceAccountSelector": "team == 'web'",
				"performanceHints": ["AssumeNeededOnEveryNode"]
			}
		}`,
		changes: []acceptanceChange{
			{attribute: "order", value: `-1.5`, stored: []edit{set("spec.order", `-1.5`)}, drift: []edit{remove("spec.order")}},
			{attribute: "selector", value: `"all()"`, stored: []edit{set("spec.selector", `"all()"`)}, drift: []edit{set("spec.selector", `"role == 'db'"`)}},
			{attribute: "tier", value: `"default"`,
				stored: []edit{set("spec.tier", `"default"`), set("metadata.labels", `{"team": "net", "projectcalico.org/tier": "default"}`)},
				drift:  []edit{set("spec.tier", `"platform"`), set("metadata.labels", `{"team": "net", "projectcalico.org/tier": "platform"}`)}},
			{attribute: "types", value: `["Egress"]`, stored: []edit{set("spec.types", `["Egress"]`)}, drift: []edit{set("spec.types", `["Ingress", "Egress"]`)}},
			{attribute: "ingress", value: everyRuleField,
				stored: []edit{set("spec.ingress", "["+strings.Join(everyRuleStored, ",")+"]")}, drift: []edit{remove("spec.ingress[0].source.notNets")}},
			{attribute: "egress", value: `[{ action = "Deny", destination = { services = { name = "s", namespace = "n" } } }]`,
				stored: []edit{set("spec.egress", `[{"action": "Deny", "source": {}, "destination": {"services": {"name": "s", "namespace": "n"}}}]`)}, drift: []edit{remove("spec.egress")}},
			{attribute: "service_account_selector", value: `"has(team)"`,
				stored: []edit{set("spec.serviceAccountSelector", `"has(team)"`)}, drift: []edit{remove("spec.serviceAccountSelector")}},
			{attribute: "performance_hints", value: `null`,
				stored: []edit{remove("spec.performanceHints")}, drift: []edit{set("spec.performanceHints", `["AssumeNeededOnEveryNode"]`)}},
			{attribute: "labels", value: `{ team = "security", zone = "a" }`,
				stored: []edit{set("metadata.labels.team", `"security"`), set("metadata.labels.zone", `"a"`)}, drift: []edit{set("metadata.labels.added", `"yes"`)}},
			{attribute: "annotations", value: `{ owner = "security-team" }`,
				stored: []edit{set("metadata.annotations.owner", `"security-team"`)}, drift: []edit{remove("metadata.annotations.owner")}},
		},
		spellings: []acceptanceSpelling{
			{attribute: "selector", value: `"role==\"web\"&&zone in {\"b\",\"a\"}"`, stored: []edit{set("spec.selector", `"role  ==  'web' && zone in {'b','a'}"`)}},
			{attribute: "types", value: `["Ingress", "Egress"]`, stored: []edit{set("spec.types", `["Egress", "Ingress"]`)}},
			{attribute: "order", value: `"10.0"`, stored: []edit{set("spec.order", `10.0`)}},
			{attribute: "egress", value: `[{ action = "Allow", protocol = 6, destination = { nets = ["FD00:1::/64"], ports = ["5432:5432"] } }]`,
				stored: []edit{set("spec.egress[0].destination.nets", `["fd00:1:0::/64"]`), set("spec.egress[0].protocol", `"6"`)}},
			{attribute: "service_account_selector", value: "<<-EOT\n    team ==\n      'web'\n  EOT"},
		},
		invalid: []acceptanceInvalid{
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
		row.namespace = namespace
		row.key = plural + "/" + namespace + "/allow-web-{i}"
		row.stored = strings.Replace(row.stored, `"metadata": {`, `"metadata": {"namespace": "`+namespace+`",`, 1)
		row.invalid = append(row.invalid, acceptanceInvalid{name: "a slash in the namespace", set: map[string]string{"namespace": `"a/b"`}, path: "namespace", says: []string{"write one without"}})
	} else {
		row.forAllNamespaces()
	}
	old := "v3.28.5"
	if staged {
		row.staged()
		row.invalid = append(row.invalid, acceptanceInvalid{name: "a release without staged policies", release: old,
			says: []string{"does not know the kind " + kind, "v3.30.0", "leave this resource out", "This is " + kind + " \"allow-web-"}})
		return row
	}
	row.invalid = append(row.invalid,
		acceptanceInvalid{name: "a tier where there are none", set: map[string]string{"tier": `"platform"`}, release: old, path: "tier", says: []string{"came with v3.29", "leave tier out"}},
		acceptanceInvalid{name: "a dot where there are no tiers", set: map[string]string{"name": `"allow.web-{i}"`}, release: old, path: "name", says: []string{"one word", `write "allow-web-`}},
	)
	return row
}

// forAllNamespaces adds what only a policy has that belongs to no namespace.
func (a *acceptance) forAllNamespaces() {
	maps.Copy(a.config, map[string]string{
		"namespace_selector": `"env == 'prod'"`,
		"do_not_track":       `false`,
		"pre_dnat":           `false`,
		"apply_on_forward":   `true`,
	})
	a.stored = strings.Replace(a.stored, `"spec": {`, `"spec": {"namespaceSelector": "env == 'prod'", "applyOnForward": true,`, 1)
	a.together = map[string]map[string]string{"pre_dnat": {"egress": `null`, "types": `["Ingress"]`}}
	a.changes = append(a.changes,
		acceptanceChange{attribute: "namespace_selector", value: `null`,
			stored: []edit{remove("spec.namespaceSelector")}, drift: []edit{set("spec.namespaceSelector", `"all()"`)}},
		acceptanceChange{attribute: "do_not_track", value: `true`,
			stored: []edit{set("spec.doNotTrack", `true`)}, drift: []edit{remove("spec.doNotTrack")}},
		acceptanceChange{attribute: "pre_dnat", value: `true`,
			stored: []edit{set("spec.preDNAT", `true`), set("spec.types", `["Ingress"]`), remove("spec.egress")},
			drift:  []edit{remove("spec.preDNAT"), set("spec.types", `["Egress"]`), set("spec.egress", `[{"action": "Deny"}]`)}},
		acceptanceChange{attribute: "apply_on_forward", value: `null`,
			stored: []edit{remove("spec.applyOnForward")}, drift: []edit{set("spec.applyOnForward", `true`)}},
	)
	a.invalid = append(a.invalid,
		acceptanceInvalid{name: "preDNAT without applyOnForward", set: map[string]string{"pre_dnat": `true`}, path: "apply_on_forward", says: []string{"write true"}},
		acceptanceInvalid{name: "doNotTrack without applyOnForward", set: map[string]string{"do_not_track": `true`, "apply_on_forward": `false`},
			path: "apply_on_forward", says: []string{"write true"}},
		acceptanceInvalid{name: "doNotTrack with preDNAT", set: map[string]string{"do_not_track": `true`, "pre_dnat": `true`, "apply_on_forward": `true`},
			path: "pre_dnat", says: []string{"write it as two policies"}},
		acceptanceInvalid{name: "preDNAT with the type Egress", set: map[string]string{"pre_dnat": `true`, "apply_on_forward": `true`, "types": `["Ingress", "Egress"]`},
			path: "types", says: []string{`write "Ingress"`}},
		acceptanceInvalid{name: "a service without a namespace", set: map[string]string{"egress": `[{ action = "Allow", destination = { services = { name = "s" } } }]`},
			path: "egress[0].destination.services.namespace", says: []string{"write the service's namespace"}},
	)
}

// staged adds what only a staged policy has.
func (a *acceptance) staged() {
	a.config["staged_action"] = `"Learn"`
	a.stored = strings.Replace(a.stored, `"spec": {`, `"spec": {"stagedAction": "Learn",`, 1)
	a.changes = append(a.changes, acceptanceChange{attribute: "staged_action", value: `null`,
		stored: []edit{set("spec.stagedAction", `"Set"`)}, drift: []edit{set("spec.stagedAction", `"Ignore"`)}})
	a.invalid = append(a.invalid,
		acceptanceInvalid{name: "a staged action in lower case", set: map[string]string{"staged_action": `"set"`}, path: "staged_action", says: []string{`write "Set"`}},
		acceptanceInvalid{name: "a staged deletion with a selector", set: map[string]string{"staged_action": `"Delete"`, "selector": `"all()"`},
			path: "selector", says: []string{"no other field than tier"}},
		acceptanceInvalid{name: "a staged deletion with types", set: map[string]string{"staged_action": `"Delete"`, "types": `["Ingress"]`},
			path: "types", says: []string{"leave the attribute out"}},
	)
}
