package provider

// What policies refer to.
func setConformanceCases() []conformanceCase {
	return []conformanceCase{
		{
			name: "a tier", address: "calico_tier.this", kind: "tier", plural: "tiers", object: "security", since: "v3.29",
			hcl: `
resource "calico_tier" "this" {
  name           = "security"
  order          = 100.5
  default_action = "Pass"
}
`,
			manifest: `
apiVersion: projectcalico.org/v3
kind: Tier
metadata: {name: security}
spec: {order: 100.5, defaultAction: Pass}
`,
			edit: `{"spec":{"order":7,"defaultAction":"Deny"}}`, shows: []string{"~ order", "~ default_action"},
			update: [2]string{"100.5", "100.75"},
		},
		{
			name: "a global network set", address: "calico_global_network_set.this", kind: "globalnetworkset", plural: "globalnetworksets", object: "clients",
			hcl: `
resource "calico_global_network_set" "this" {
  name   = "clients"
  nets   = ["10.0.0.0/16", "192.0.2.7", "FD00::1"]
  labels = { role = "clients" }
}
`,
			manifest: `
apiVersion: projectcalico.org/v3
kind: GlobalNetworkSet
metadata: {name: clients, labels: {role: clients}}
spec: {nets: [10.0.0.0/16, 192.0.2.7, "FD00::1"]}
`,
			edit: `{"spec":{"nets":["10.0.0.0/16"]}}`, shows: []string{"~ nets", "192.0.2.7"},
			update: [2]string{`"192.0.2.7"`, `"192.0.2.8"`},
		},
		{
			name: "a network set in a namespace", address: "calico_network_set.this", kind: "networkset", plural: "networksets", object: "partners", namespace: "prod",
			hcl: `
resource "calico_network_set" "this" {
  name      = "partners"
  namespace = "prod"
  nets      = ["203.0.113.0/24"]
}
`,
			manifest: `
apiVersion: projectcalico.org/v3
kind: NetworkSet
metadata: {name: partners, namespace: prod}
spec: {nets: [203.0.113.0/24]}
`,
			edit: `{"spec":{"nets":["10.0.0.0/16"]}}`, shows: []string{"~ nets", "10.0.0.0/16"},
			update: [2]string{`"203.0.113.0/24"`, `"203.0.113.0/25"`},
		},
		{
			name: "a profile", address: "calico_profile.this", kind: "profile", plural: "profiles", object: "hosts",
			hcl: `
resource "calico_profile" "this" {
  name            = "hosts"
  labels_to_apply = { kind = "host" }
` + rulesHCL + "}\n",
			manifest: `
apiVersion: projectcalico.org/v3
kind: Profile
metadata: {name: hosts}
spec:
  labelsToApply: {kind: host}
` + rulesYAML,
			edit: `{"spec":{"labelsToApply":{"kind":"guest"}}}`, shows: []string{"~ labels_to_apply", "guest"},
			update: [2]string{`"host"`, `"bare-metal"`},
		},
	}
}
