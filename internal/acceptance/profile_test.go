package acceptance

import (
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

var profileRow = row{
	typeName:        "calico_profile",
	name:            "hosts-{i}",
	kind:            calico.KindProfile,
	notOnKubernetes: "there Calico makes profiles of namespaces and service accounts, and nobody writes one (TestProfileOnKubernetes)",
	config: map[string]string{
		"ingress":         `[{ action = "Allow", protocol = "TCP", source = { nets = ["10.1.0.0/16"] }, destination = { ports = ["22"] } }]`,
		"egress":          `[{ action = "Allow" }]`,
		"labels_to_apply": `{ zone = "dmz" }`,
		"labels":          `{ team = "net" }`,
		"annotations":     `{ owner = "network-team" }`,
	},
	// The same rules, by the same code.
	sameAs: map[string]string{"egress": "ingress"},
	stored: `{
		"kind": "Profile",
		"apiVersion": "projectcalico.org/v3",
		"metadata": {
			"name": "hosts-{i}",
			"labels": {"team": "net"},
			"annotations": {"owner": "network-team"}
		},
		"spec": {
			"ingress": [{"action": "Allow", "protocol": "TCP", "source": {"nets": ["10.1.0.0/16"]}, "destination": {"ports": [22]}}],
			"egress": [{"action": "Allow"}],
			"labelsToApply": {"zone": "dmz"}
		}
	}`,
	changes: []change{
		{attribute: "labels_to_apply", value: `{ zone = "lan", tier = "db" }`,
			stored: []edit{set("spec.labelsToApply", `{"zone": "lan", "tier": "db"}`)}, drift: []edit{remove("spec.labelsToApply.tier")}},
		{attribute: "egress", value: `[{ action = "Deny", destination = { services = { name = "s", namespace = "n" } } }]`,
			stored: []edit{set("spec.egress", `[{"action": "Deny", "destination": {"services": {"name": "s", "namespace": "n"}}}]`)}, drift: []edit{remove("spec.egress")}},
		{attribute: "ingress", value: everyRuleField,
			stored: []edit{set("spec.ingress", "["+strings.Join(everyRuleStored, ",")+"]")}, drift: []edit{remove("spec.ingress[4]")}},
		{attribute: "labels", value: `{ team = "security" }`, stored: []edit{set("metadata.labels.team", `"security"`)}, drift: []edit{set("metadata.labels.added", `"yes"`)}},
		{attribute: "annotations", value: `{ owner = "security-team" }`,
			stored: []edit{set("metadata.annotations.owner", `"security-team"`)}, drift: []edit{remove("metadata.annotations.owner")}},
	},
	spellings: []spelling{
		{attribute: "ingress", value: `[{ action = "Allow", protocol = "TCP", source = { nets = ["10.1.0.0/16"] }, destination = { ports = [22] } }]`,
			stored: []edit{set("spec.ingress[0].destination.ports", `["22:22"]`)}},
	},
	invalid: []invalid{
		{name: "Calico's own profile", set: map[string]string{"name": `"projectcalico-default-allow"`}, path: "name", says: []string{"another name"}},
		{name: "a name in upper case", set: map[string]string{"name": `"Hosts-{i}"`}, path: "name", says: []string{`write "hosts-1"`}},
		{name: "a label's value", set: map[string]string{"labels_to_apply": `{ zone = "d m z" }`}, path: "labels_to_apply[zone]", says: []string{"only letters, digits"}},
		{name: "ports without a protocol", set: map[string]string{"egress": `[{ action = "Allow", destination = { ports = [80] } }]`},
			path: "egress[0].destination.ports", says: []string{`"TCP", "UDP" or "SCTP"`}},
	},
}
