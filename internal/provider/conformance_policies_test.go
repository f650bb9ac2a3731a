package provider

// platformYAML is a tier of one's own.
const platformYAML = `
apiVersion: projectcalico.org/v3
kind: Tier
metadata: {name: platform}
spec: {order: 50, defaultAction: Pass}
`

// rulesHCL are rules in a configuration, and rulesYAML the same in a manifest.
const rulesHCL = `
  ingress {
    action   = "Allow"
    protocol = "TCP"
    source {
      selector = "role == 'app'"
      not_nets = ["10.9.0.0/16"]
    }
    destination {
      ports = [5432, "8000:8010"]
    }
  }
  ingress {
    action = "Log"
  }
  egress {
    action   = "Deny"
    protocol = "UDP"
    destination {
      nets  = ["FD00::/64"]
      ports = [53]
    }
  }
`
const rulesYAML = `
  ingress:
  - {action: Allow, protocol: TCP, source: {selector: role == 'app', notNets: [10.9.0.0/16]}, destination: {ports: [5432, "8000:8010"]}}
  - {action: Log}
  egress:
  - {action: Deny, protocol: UDP, destination: {nets: ["FD00::/64"], ports: [53]}}
`

// The kinds of policies.
func policyConformanceCases() []conformanceCase {
	edit, shows := `{"spec":{"order":7,"selector":"has(a)"}}`, []string{"~ order", "7 -> 100", "~ selector"}
	update := [2]string{"order    = 100", "order    = 101"}
	return []conformanceCase{
		{
			name: "a global policy", address: "calico_global_network_policy.this", kind: "globalnetworkpolicy", plural: "globalnetworkpolicies", object: "web", policy: true,
			hcl: `
resource "calico_global_network_policy" "this" {
  name     = "web"
  order    = 100
  selector = "role == 'web' && has(rack)"
  apply_on_forward         = true
  namespace_selector       = "env == 'prod'"
  service_account_selector = "has(sa)"
  performance_hints        = ["AssumeNeededOnEveryNode"]
` + rulesHCL + "}\n",
			manifest: `
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: web}
spec:
  order: 100
  selector: role == 'web' && has(rack)
  applyOnForward: true
  namespaceSelector: env == 'prod'
  serviceAccountSelector: has(sa)
  performanceHints: [AssumeNeededOnEveryNode]
` + rulesYAML,
			edit: edit, shows: shows, update: update,
		},
		{
			name: "an untracked policy, which has no order", address: "calico_global_network_policy.this", kind: "globalnetworkpolicy", plural: "globalnetworkpolicies", object: "raw", policy: true,
			hcl: `
resource "calico_global_network_policy" "this" {
  name             = "raw"
  do_not_track     = true
  apply_on_forward = true
  types            = ["Ingress"]
}
`,
			manifest: `
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: raw}
spec: {doNotTrack: true, applyOnForward: true, types: [Ingress]}
`,
			edit: `{"spec":{"doNotTrack":false,"preDNAT":true}}`, shows: []string{"~ do_not_track", "~ pre_dnat"},
			update: [2]string{`["Ingress"]`, `["Ingress", "Egress"]`},
		},
		{
			name: "a policy before DNAT", address: "calico_global_network_policy.this", kind: "globalnetworkpolicy", plural: "globalnetworkpolicies", object: "dnat", policy: true,
			hcl: `
resource "calico_global_network_policy" "this" {
  name             = "dnat"
  pre_dnat         = true
  apply_on_forward = true
  types            = ["Ingress"]
  ingress {
    action   = "Deny"
    protocol = "TCP"
  }
}
`,
			manifest: `
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: dnat}
spec: {preDNAT: true, applyOnForward: true, types: [Ingress], ingress: [{action: Deny, protocol: TCP}]}
`,
			edit: `{"spec":{"preDNAT":false,"doNotTrack":true}}`, shows: []string{"~ do_not_track", "~ pre_dnat"},
			update: [2]string{`"TCP"`, `"UDP"`},
		},
		{
			name: "a staged policy before DNAT", address: "calico_staged_global_network_policy.this", kind: "stagedglobalnetworkpolicy", plural: "stagedglobalnetworkpolicies", object: "dnat", policy: true, since: "v3.30",
			hcl: `
resource "calico_staged_global_network_policy" "this" {
  name             = "dnat"
  pre_dnat         = true
  apply_on_forward = true
  types            = ["Ingress"]
  ingress {
    action   = "Deny"
    protocol = "TCP"
  }
}
`,
			manifest: `
apiVersion: projectcalico.org/v3
kind: StagedGlobalNetworkPolicy
metadata: {name: dnat}
spec: {preDNAT: true, applyOnForward: true, types: [Ingress], ingress: [{action: Deny, protocol: TCP}]}
`,
			edit: `{"spec":{"preDNAT":false,"doNotTrack":true}}`, shows: []string{"~ do_not_track", "~ pre_dnat"},
			update: [2]string{`"TCP"`, `"UDP"`},
		},
		{
			name: "a staged untracked policy", address: "calico_staged_global_network_policy.this", kind: "stagedglobalnetworkpolicy", plural: "stagedglobalnetworkpolicies", object: "raw", policy: true, since: "v3.30",
			hcl: `
resource "calico_staged_global_network_policy" "this" {
  name             = "raw"
  do_not_track     = true
  apply_on_forward = true
  types            = ["Ingress"]
  ingress {
    action   = "Deny"
    protocol = "TCP"
  }
}
`,
			manifest: `
apiVersion: projectcalico.org/v3
kind: StagedGlobalNetworkPolicy
metadata: {name: raw}
spec: {doNotTrack: true, applyOnForward: true, types: [Ingress], ingress: [{action: Deny, protocol: TCP}]}
`,
			edit: `{"spec":{"doNotTrack":false,"preDNAT":true}}`, shows: []string{"~ do_not_track", "~ pre_dnat"},
			update: [2]string{`"TCP"`, `"UDP"`},
		},
		{
			name: "a policy of the tier default, where only the HCL says so", address: "calico_global_network_policy.this", kind: "globalnetworkpolicy", plural: "globalnetworkpolicies", object: "web", policy: true,
			hcl: `
resource "calico_global_network_policy" "this" {
  name     = "web"
  tier     = "default"
  order    = 100
  selector = "role == 'web'"
` + rulesHCL + "}\n",
			manifest: `
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: web}
spec:
  order: 100
  selector: role == 'web'
` + rulesYAML,
			edit: edit, shows: shows, update: update,
		},
		{
			name: "a policy of the tier default, where the HCL and the manifest say so", address: "calico_global_network_policy.this", kind: "globalnetworkpolicy", plural: "globalnetworkpolicies", object: "web", policy: true, since: "v3.29",
			hcl: `
resource "calico_global_network_policy" "this" {
  name     = "web"
  tier     = "default"
  order    = 100
  selector = "role == 'web'"
` + rulesHCL + "}\n",
			manifest: `
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: web}
spec:
  tier: default
  order: 100
  selector: role == 'web'
` + rulesYAML,
			edit: edit, shows: shows, update: update,
			implied: []string{"tier"},
		},
		{
			name: "a policy of the tier default in a namespace, where only the manifest says so", address: "calico_network_policy.this", kind: "networkpolicy", plural: "networkpolicies", object: "db", namespace: "prod", policy: true, since: "v3.29",
			hcl: `
resource "calico_network_policy" "this" {
  name      = "db"
  namespace = "prod"
  order    = 100
  selector = "role == 'db'"
` + rulesHCL + "}\n",
			manifest: `
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: db, namespace: prod}
spec:
  tier: default
  order: 100
  selector: role == 'db'
` + rulesYAML,
			edit: edit, shows: shows, update: update,
			implied: []string{"tier"},
		},
		{
			name: "a policy of a tier of one's own", address: "calico_global_network_policy.this", kind: "globalnetworkpolicy", plural: "globalnetworkpolicies", object: "platform.web", since: "v3.29",
			needs: platformYAML,
			hcl: `
resource "calico_global_network_policy" "this" {
  name     = "platform.web"
  tier     = "platform"
  labels      = { team = "a", "projectcalico.org/zone" = "z" }
  annotations = { note = "<&>", "projectcalico.org/n" = "1" }
  order    = 100
  selector = "role == 'web'"
` + rulesHCL + "}\n",
			manifest: `
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: platform.web, labels: {team: a, projectcalico.org/zone: z}, annotations: {note: "<&>", projectcalico.org/n: "1"}}
spec:
  tier: platform
  order: 100
  selector: role == 'web'
` + rulesYAML,
			edit: edit, shows: shows, update: update,
		},
		{
			name: "a policy of a tier of one's own, in a namespace", address: "calico_network_policy.this", kind: "networkpolicy", plural: "networkpolicies", object: "platform.db", namespace: "prod", since: "v3.29",
			needs: platformYAML,
			hcl: `
resource "calico_network_policy" "this" {
  name      = "platform.db"
  types     = ["Egress"]
  namespace = "prod"
  tier      = "platform"
  labels      = { team = "a", "projectcalico.org/zone" = "z" }
  annotations = { note = "<&>", "projectcalico.org/n" = "1" }
  order    = 100
  selector = "role == 'db'"
` + rulesHCL + "}\n",
			manifest: `
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: platform.db, namespace: prod, labels: {team: a, projectcalico.org/zone: z}, annotations: {note: "<&>", projectcalico.org/n: "1"}}
spec:
  tier: platform
  order: 100
  selector: role == 'db'
  types: [Egress]
` + rulesYAML,
			edit: edit, shows: shows, update: update,
		},
		{
			name: "a policy of a tier", address: "calico_global_network_policy.this", kind: "globalnetworkpolicy", plural: "globalnetworkpolicies", object: "adminnetworkpolicy.web", since: "v3.29",
			hcl: `
resource "calico_global_network_policy" "this" {
  name     = "adminnetworkpolicy.web"
  tier     = "adminnetworkpolicy"
  order    = 100
  selector = "role == 'web'"
` + rulesHCL + "}\n",
			manifest: `
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: adminnetworkpolicy.web}
spec:
  tier: adminnetworkpolicy
  order: 100
  selector: role == 'web'
` + rulesYAML,
			edit: edit, shows: shows, update: update,
		},
		{
			name: "a policy in a namespace", address: "calico_network_policy.this", kind: "networkpolicy", plural: "networkpolicies", object: "db", namespace: "prod", policy: true,
			hcl: `
resource "calico_network_policy" "this" {
  name      = "db"
  namespace = "prod"
  order    = 100
  selector = "role == 'db'"
  service_account_selector = "has(sa)"
  performance_hints        = ["AssumeNeededOnEveryNode"]
` + rulesHCL + "}\n",
			manifest: `
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: db, namespace: prod}
spec:
  order: 100
  selector: role == 'db'
  serviceAccountSelector: has(sa)
  performanceHints: [AssumeNeededOnEveryNode]
` + rulesYAML,
			edit: edit, shows: shows, update: update,
		},
		{
			name: "a staged global policy", address: "calico_staged_global_network_policy.this", kind: "stagedglobalnetworkpolicy", plural: "stagedglobalnetworkpolicies", object: "web", policy: true, since: "v3.30",
			hcl: `
resource "calico_staged_global_network_policy" "this" {
  name     = "web"
  staged_action = "Set"
  order    = 100
  selector = "role == 'web'"
  apply_on_forward         = true
  namespace_selector       = "env == 'prod'"
  service_account_selector = "has(sa)"
  performance_hints        = ["AssumeNeededOnEveryNode"]
` + rulesHCL + "}\n",
			manifest: `
apiVersion: projectcalico.org/v3
kind: StagedGlobalNetworkPolicy
metadata: {name: web}
spec:
  stagedAction: Set
  order: 100
  selector: role == 'web'
  applyOnForward: true
  namespaceSelector: env == 'prod'
  serviceAccountSelector: has(sa)
  performanceHints: [AssumeNeededOnEveryNode]
` + rulesYAML,
			edit: edit, shows: shows, update: update,
		},
		{
			name: "the proposal to delete a policy of a tier of one's own", address: "calico_staged_global_network_policy.this", kind: "stagedglobalnetworkpolicy", plural: "stagedglobalnetworkpolicies", object: "platform.web", since: "v3.30",
			needs: platformYAML,
			hcl: `
resource "calico_staged_global_network_policy" "this" {
  name          = "platform.web"
  tier          = "platform"
  labels        = { team = "a", "projectcalico.org/zone" = "z" }
  annotations   = { note = "<&>", "projectcalico.org/n" = "1" }
  staged_action = "Delete"
}
`,
			manifest: `
apiVersion: projectcalico.org/v3
kind: StagedGlobalNetworkPolicy
metadata: {name: platform.web, labels: {team: a, projectcalico.org/zone: z}, annotations: {note: "<&>", projectcalico.org/n: "1"}}
spec: {tier: platform, stagedAction: Delete}
`,
			edit: `{"spec":{"stagedAction":"Ignore"}}`, shows: []string{`"Ignore" -> "Delete"`, "- types"}, update: [2]string{`"Delete"`, `"Learn"`},
		},
		{
			name: "a staged policy in a namespace", address: "calico_staged_network_policy.this", kind: "stagednetworkpolicy", plural: "stagednetworkpolicies", object: "db", namespace: "prod", policy: true, since: "v3.30",
			hcl: `
resource "calico_staged_network_policy" "this" {
  name      = "db"
  types     = ["Ingress"]
  namespace = "prod"
  order    = 100
  selector = "role == 'db'"
  service_account_selector = "has(sa)"
  performance_hints        = ["AssumeNeededOnEveryNode"]
` + rulesHCL + "}\n",
			manifest: `
apiVersion: projectcalico.org/v3
kind: StagedNetworkPolicy
metadata: {name: db, namespace: prod}
spec:
  order: 100
  selector: role == 'db'
  types: [Ingress]
  serviceAccountSelector: has(sa)
  performanceHints: [AssumeNeededOnEveryNode]
` + rulesYAML,
			edit: edit, shows: shows, update: update,
		},
		{
			name:    "the proposal to delete a policy of the tier default, where the HCL and the manifest say so",
			address: "calico_staged_network_policy.this", kind: "stagednetworkpolicy", plural: "stagednetworkpolicies", object: "db", namespace: "prod", policy: true, since: "v3.30",
			hcl: `
resource "calico_staged_network_policy" "this" {
  name          = "db"
  namespace     = "prod"
  tier          = "default"
  staged_action = "Delete"
  labels        = { team = "a", "projectcalico.org/zone" = "z" }
  annotations   = { note = "<&>", "projectcalico.org/n" = "1" }
}
`,
			manifest: `
apiVersion: projectcalico.org/v3
kind: StagedNetworkPolicy
metadata: {name: db, namespace: prod, labels: {team: a, projectcalico.org/zone: z}, annotations: {note: "<&>", projectcalico.org/n: "1"}}
spec: {tier: default, stagedAction: Delete}
`,
			edit: `{"spec":{"stagedAction":"Ignore"}}`, shows: []string{`"Ignore" -> "Delete"`, "- types"}, update: [2]string{`"Delete"`, `"Learn"`},
			implied: []string{"tier"},
		},
		{
			name: "the proposal to delete a policy, in the namespace default", address: "calico_staged_network_policy.this",
			kind: "stagednetworkpolicy", plural: "stagednetworkpolicies", object: "db", namespace: "default", policy: true, since: "v3.30",
			hcl: `
resource "calico_staged_network_policy" "this" {
  name          = "db"
  staged_action = "Delete"
}
`,
			manifest: `
apiVersion: projectcalico.org/v3
kind: StagedNetworkPolicy
metadata: {name: db}
spec: {stagedAction: Delete}
`,
			edit: `{"spec":{"stagedAction":"Ignore"}}`, shows: []string{`"Ignore" -> "Delete"`, "- types"}, update: [2]string{`"Delete"`, `"Learn"`},
		},
	}
}
