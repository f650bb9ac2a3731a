package acceptance

import (
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

var ipPoolRow = row{
	typeName: "calico_ip_pool",
	name:     "pool-{i}",
	kind:     calico.KindIPPool,
	config: map[string]string{
		"cidr":               `"10.{i}.0.0/16"`,
		"vxlan_mode":         `"Never"`,
		"ipip_mode":          `"Never"`,
		"nat_outgoing":       `true`,
		"disabled":           `true`,
		"disable_bgp_export": `false`,
		"block_size":         `28`,
		"node_selector":      `"all()"`,
		"namespace_selector": `"env == 'prod'"`,
		"allowed_uses":       `["Workload"]`,
		"assignment_mode":    `"Manual"`,
		"labels":             `{ rack = "r1" }`,
		"annotations":        `{ owner = "network-team" }`,
	},
	minimal: []string{"cidr"},
	stored: `{
		"kind": "IPPool",
		"apiVersion": "projectcalico.org/v3",
		"metadata": {
			"name": "pool-{i}",
			"labels": {"rack": "r1"},
			"annotations": {"owner": "network-team"}
		},
		"spec": {
			"cidr": "10.{i}.0.0/16",
			"vxlanMode": "Never",
			"ipipMode": "Never",
			"natOutgoing": true,
			"disabled": true,
			"blockSize": 28,
			"nodeSelector": "all()",
			"namespaceSelector": "env == 'prod'",
			"allowedUses": ["Workload"],
			"assignmentMode": "Manual"
		}
	}`,
	changes: []change{
		{"nat_outgoing", `false`, []edit{remove("spec.natOutgoing")}, []edit{set("spec.natOutgoing", `true`)}},
		{"disabled", `false`, []edit{remove("spec.disabled")}, []edit{set("spec.disabled", `true`)}},
		{"disable_bgp_export", `true`, []edit{set("spec.disableBGPExport", `true`)}, []edit{remove("spec.disableBGPExport")}},
		{"vxlan_mode", `"CrossSubnet"`, []edit{set("spec.vxlanMode", `"CrossSubnet"`)}, []edit{set("spec.vxlanMode", `"Always"`)}},
		{"ipip_mode", `"Always"`, []edit{set("spec.ipipMode", `"Always"`)}, []edit{remove("spec.ipipMode")}},
		{"node_selector", `"rack == 'r1'"`, []edit{set("spec.nodeSelector", `"rack == 'r1'"`)}, []edit{set("spec.nodeSelector", `"!all()"`)}},
		{"namespace_selector", `"env == 'test'"`, []edit{set("spec.namespaceSelector", `"env == 'test'"`)}, []edit{remove("spec.namespaceSelector")}},
		{"allowed_uses", `["LoadBalancer"]`, []edit{set("spec.allowedUses", `["LoadBalancer"]`)}, []edit{set("spec.allowedUses", `["Workload"]`)}},
		{"assignment_mode", `"Automatic"`, []edit{set("spec.assignmentMode", `"Automatic"`)}, []edit{set("spec.assignmentMode", `"Manual"`)}},
		{"cidr", `"172.16.{i}.0/24"`, []edit{set("spec.cidr", `"172.16.{i}.0/24"`)}, []edit{set("spec.cidr", `"172.17.0.0/24"`)}},
		{"block_size", `26`, []edit{set("spec.blockSize", `26`)}, []edit{set("spec.blockSize", `27`)}},
		{"labels", `{ rack = "r2" }`, []edit{set("metadata.labels.rack", `"r2"`)}, []edit{set("metadata.labels.added", `"yes"`)}},
		{"annotations", `{ owner = "security-team" }`, []edit{set("metadata.annotations.owner", `"security-team"`)}, []edit{remove("metadata.annotations.owner")}},
	},
	replaces: []string{"cidr", "block_size"},
	spellings: []spelling{
		{attribute: "namespace_selector", value: "<<-EOT\n    env\n      == \"prod\"\n  EOT"},
		{attribute: "node_selector", stored: []edit{set("spec.nodeSelector", `" all( ) "`)}},
		{attribute: "block_size", value: `"28"`, stored: []edit{set("spec.blockSize", `28.0`)}},
	},
	invalid: []invalid{
		{name: "host bits", set: map[string]string{"cidr": `"10.1.2.3/16"`}, path: "cidr", says: []string{`write "10.1.0.0/16"`}},
		{name: "an address", set: map[string]string{"cidr": `"10.1.2.3"`}, path: "cidr", says: []string{`write "10.1.2.3/32"`}},
		{name: "nothing", set: map[string]string{"cidr": `""`}, path: "cidr", says: []string{"such as 10.48.0.0/16"}},
		{name: "link-local addresses", set: map[string]string{"cidr": `"169.254.1.0/24"`}, path: "cidr", says: []string{"write another network"}},
		{name: "less than a block", set: map[string]string{"cidr": `"10.1.2.0/27"`}, path: "cidr", says: []string{"write a larger network, or a larger blockSize"}},
		{name: "a block that is too large", set: map[string]string{"block_size": `19`}, path: "block_size", says: []string{"from 20 to 32"}},
		{name: "a block of the other IP version", set: map[string]string{"cidr": `"fd00::/16"`, "block_size": `26`}, path: "block_size", says: []string{"from 116 to 128"}},
		{name: "IP in IP over IPv6", set: map[string]string{"cidr": `"fd00:10::/48"`, "ipip_mode": `"Always"`}, path: "ipip_mode", says: []string{`write "Never"`}},
		{name: "two encapsulations", set: map[string]string{"ipip_mode": `"Always"`, "vxlan_mode": `"Always"`}, path: "vxlan_mode", says: []string{`write "Never"`}},
		{name: "a mode in lower case", set: map[string]string{"vxlan_mode": `"always"`}, path: "vxlan_mode", says: []string{`write "Always"`}},
		{name: "no use", set: map[string]string{"allowed_uses": `[]`}, path: "allowed_uses", says: []string{"leave the attribute out"}},
		{name: "an unknown use", set: map[string]string{"allowed_uses": `["Host"]`}, path: "allowed_uses", says: []string{`"Workload"`, `"Tunnel"`}},
		{name: "a namespace for tunnels", set: map[string]string{"namespace_selector": `"all()"`}, path: "namespace_selector", says: []string{`write allowedUses without "Tunnel"`}},
		{name: "load balancers on some nodes", set: map[string]string{"allowed_uses": `["LoadBalancer"]`, "node_selector": `"has(a)"`}, path: "node_selector", says: []string{"write all()"}, plan: true},
		{name: "a selector's syntax error", set: map[string]string{"node_selector": `"rack = 'r1'"`}, path: "node_selector", says: []string{"=="}},
		{name: "no selector", set: map[string]string{"node_selector": `""`}, path: "node_selector", says: []string{"leave the attribute out"}},
		{name: "a name in upper case", set: map[string]string{"name": `"Pool-{i}"`}, path: "name", says: []string{`write "pool-16"`}},
	},
}

var ipReservationRow = row{
	typeName: "calico_ip_reservation",
	name:     "routers-{i}",
	kind:     calico.KindIPReservation,
	config: map[string]string{
		"reserved_cidrs": `["10.244.0.0/28", "10.244.1.1/32", "2001:db8::/64"]`,
		"labels":         `{ rack = "r1" }`,
		"annotations":    `{ owner = "network-team" }`,
	},
	stored: `{
		"kind": "IPReservation",
		"apiVersion": "projectcalico.org/v3",
		"metadata": {
			"name": "routers-{i}",
			"labels": {"rack": "r1"},
			"annotations": {"owner": "network-team"}
		},
		"spec": {"reservedCIDRs": ["10.244.0.0/28", "10.244.1.1/32", "2001:db8::/64"]}
	}`,
	changes: []change{
		{"reserved_cidrs", `["10.244.0.0/29"]`, []edit{set("spec.reservedCIDRs", `["10.244.0.0/29"]`)}, []edit{insert("spec.reservedCIDRs[0]", `"10.244.9.9"`)}},
		{"labels", `{ rack = "r2" }`, []edit{set("metadata.labels.rack", `"r2"`)}, []edit{set("metadata.labels.added", `"yes"`)}},
		{"annotations", `{ owner = "security-team" }`, []edit{set("metadata.annotations.owner", `"security-team"`)}, []edit{remove("metadata.annotations.owner")}},
	},
	spellings: []spelling{
		{attribute: "reserved_cidrs", value: `["2001:DB8:0::/64", "10.244.1.1", "10.244.0.0/28"]`},
		{attribute: "reserved_cidrs", stored: []edit{set("spec.reservedCIDRs", `["2001:DB8::/64", "10.244.1.1", "10.244.0.0/28", "10.244.1.1"]`)}, lax: true},
	},
	invalid: []invalid{
		{name: "no network", set: map[string]string{"reserved_cidrs": `["10.244.0.0/28", "the routers"]`}, path: "reserved_cidrs", says: []string{`Given: "the routers"`}},
		{name: "a name in upper case", set: map[string]string{"name": `"Routers-{i}"`}, path: "name", says: []string{`write "routers-1"`}},
	},
}

// Every address is in one pool: a plan warns of another pool that has it, since
// the same apply may take that away, and the apply stops.
func TestOverlappingPools(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, in newWorld) {
		w := in(t, contents{release: acctest.UsualRelease, kinds: []calico.Kind{calico.KindIPPool}})
		pool := func(name, cidr string) string {
			return "\nresource \"calico_ip_pool\" \"" + name + "\" {\n  name = \"" + name + "\"\n  cidr = \"" + cidr + "\"\n}\n"
		}
		first := calico.ID{Kind: calico.KindIPPool, Name: "first"}
		workspace := w.workspace(t, acctest.TestCLI(t), w.provider(), pool("first", "10.1.0.0/16"))
		acctest.Succeed(t, workspace, "apply")

		acctest.Rewrite(t, workspace, w.provider(), pool("first", "10.1.0.0/16"), pool("second", "10.1.128.0/17"))
		reason := `addresses in common with the pool "first", stored at ` + w.where(first)
		warnings := acctest.Run(t, workspace, "plan").Of("warning")
		if len(warnings) != 1 {
			t.Fatalf("the plan warns of %v", warnings)
		}
		warnings[0].Says(t, "Datastore Not Ready", reason, "If this apply changes that first")
		acctest.Fail(t, workspace, "apply").Says(t, reason, "every address is in one pool")
		if there := w.versions(t, calico.KindIPPool); len(there) != 1 || there[first] == "" {
			t.Errorf("there are %v", there)
		}

		// Next to each other there is room for both.
		acctest.Rewrite(t, workspace, w.provider(), pool("first", "10.1.0.0/16"), pool("second", "10.2.0.0/17"))
		acctest.Succeed(t, workspace, "apply")
	})
}
