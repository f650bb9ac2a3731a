package acceptance

import (
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

var bgpPeerRow = row{
	typeName: "calico_bgp_peer",
	name:     "tor-{i}",
	kind:     calico.KindBGPPeer,
	release:  "v3.32.1", // keepalive_time
	needs: []string{
		`{"kind": "BGPFilter", "apiVersion": "projectcalico.org/v3", "metadata": {"name": "first"}, "spec": {}}`,
		`{"kind": "BGPFilter", "apiVersion": "projectcalico.org/v3", "metadata": {"name": "second"}, "spec": {}}`,
	},
	config: map[string]string{
		"node":                         ``,
		"node_selector":                `"rack == 'r1'"`,
		"peer_ip":                      `"[2001:db8::1]:1790"`,
		"as_number":                    `"65546"`,
		"local_as_number":              `"64515"`,
		"peer_selector":                ``,
		"keep_original_next_hop":       `false`,
		"next_hop_mode":                `"Self"`,
		"password":                     `{ secret_key_ref = { name = "bgp-secrets", key = "rack1", optional = false } }`,
		"source_address":               `"None"`,
		"max_restart_time":             `"1m30s"`,
		"keepalive_time":               `"30s"`,
		"num_allowed_local_as_numbers": `1`,
		"ttl_security":                 `1`,
		"reachable_by":                 `"2001:db8::fe"`,
		"filters":                      `["first", "second"]`,
		"local_workload_selector":      ``,
		"reverse_peering":              `"Manual"`,
		"labels":                       `{ rack = "r1" }`,
		"annotations":                  `{ owner = "network-team" }`,
	},
	stored: `{
		"kind": "BGPPeer",
		"apiVersion": "projectcalico.org/v3",
		"metadata": {
			"name": "tor-{i}",
			"labels": {"rack": "r1"},
			"annotations": {"owner": "network-team"}
		},
		"spec": {
			"nodeSelector": "rack == 'r1'",
			"peerIP": "[2001:db8::1]:1790",
			"asNumber": 65546,
			"localASNumber": 64515,
			"nextHopMode": "Self",
			"password": {"secretKeyRef": {"name": "bgp-secrets", "key": "rack1", "optional": false}},
			"sourceAddress": "None",
			"maxRestartTime": "1m30s",
			"keepaliveTime": "30s",
			"numAllowedLocalASNumbers": 1,
			"ttlSecurity": 1,
			"reachableBy": "2001:db8::fe",
			"filters": ["first", "second"],
			"reversePeering": "Manual"
		}
	}`,
	changes: []change{
		{"as_number", `"65547"`, []edit{set("spec.asNumber", `65547`)}, []edit{set("spec.asNumber", `65548`)}},
		{"local_as_number", `"64516"`, []edit{set("spec.localASNumber", `64516`)}, []edit{remove("spec.localASNumber")}},
		{"node", `"rack1-host1"`, []edit{set("spec.node", `"rack1-host1"`), remove("spec.nodeSelector")}, []edit{remove("spec.node"), set("spec.nodeSelector", `"all()"`)}},
		{"node_selector", `"rack == 'r2'"`, []edit{set("spec.nodeSelector", `"rack == 'r2'"`)}, []edit{remove("spec.nodeSelector")}},
		{"peer_ip", `"2001:db8::2"`, []edit{set("spec.peerIP", `"2001:db8::2"`)}, []edit{set("spec.peerIP", `"[2001:db8::2]:1790"`)}},
		{"peer_selector", `"has(route-reflector)"`,
			[]edit{set("spec.peerSelector", `"has(route-reflector)"`), remove("spec.peerIP"), remove("spec.asNumber"), remove("spec.reachableBy")},
			[]edit{remove("spec.peerSelector"), set("spec.peerIP", `"2001:db8::9"`), set("spec.asNumber", `1`), set("spec.reachableBy", `"2001:db8::fe"`)}},
		{"local_workload_selector", `"app == 'router'"`,
			[]edit{set("spec.localWorkloadSelector", `"app == 'router'"`), remove("spec.peerIP"), remove("spec.reachableBy")},
			[]edit{remove("spec.localWorkloadSelector"), set("spec.peerIP", `"2001:db8::9"`), set("spec.reachableBy", `"2001:db8::fe"`)}},
		{"keep_original_next_hop", `true`,
			[]edit{set("spec.keepOriginalNextHop", `true`), remove("spec.nextHopMode")}, []edit{remove("spec.keepOriginalNextHop"), set("spec.nextHopMode", `"Auto"`)}},
		{"next_hop_mode", `"Keep"`, []edit{set("spec.nextHopMode", `"Keep"`)}, []edit{remove("spec.nextHopMode")}},
		{"password", `{ secret_key_ref = { name = "bgp-secrets", key = "rack2" } }`,
			[]edit{set("spec.password.secretKeyRef", `{"name": "bgp-secrets", "key": "rack2"}`)}, []edit{set("spec.password.secretKeyRef.name", `"others"`)}},
		{"source_address", `"UseNodeIP"`, []edit{set("spec.sourceAddress", `"UseNodeIP"`)}, []edit{remove("spec.sourceAddress")}},
		{"max_restart_time", `"2m"`, []edit{set("spec.maxRestartTime", `"2m0s"`)}, []edit{set("spec.maxRestartTime", `"0s"`)}},
		{"keepalive_time", `"15s"`, []edit{set("spec.keepaliveTime", `"15s"`)}, []edit{remove("spec.keepaliveTime")}},
		{"num_allowed_local_as_numbers", `0`, []edit{set("spec.numAllowedLocalASNumbers", `0`)}, []edit{remove("spec.numAllowedLocalASNumbers")}},
		{"ttl_security", `255`, []edit{set("spec.ttlSecurity", `255`)}, []edit{set("spec.ttlSecurity", `2`)}},
		{"reachable_by", `"2001:db8::ff"`, []edit{set("spec.reachableBy", `"2001:db8::ff"`)}, []edit{remove("spec.reachableBy")}},
		{"filters", `["second"]`, []edit{set("spec.filters", `["second"]`)}, []edit{set("spec.filters", `["second", "first"]`)}},
		{"reverse_peering", `"Auto"`, []edit{set("spec.reversePeering", `"Auto"`)}, []edit{remove("spec.reversePeering")}},
		{"labels", `{ rack = "r2" }`, []edit{set("metadata.labels.rack", `"r2"`)}, []edit{set("metadata.labels.added", `"yes"`)}},
		{"annotations", `{ owner = "security-team" }`, []edit{set("metadata.annotations.owner", `"security-team"`)}, []edit{remove("metadata.annotations.owner")}},
	},
	together: map[string]map[string]string{
		"node":                    {"node_selector": ""},
		"peer_selector":           {"peer_ip": "", "as_number": "", "reachable_by": ""},
		"local_workload_selector": {"peer_ip": "", "reachable_by": ""},
		"keep_original_next_hop":  {"next_hop_mode": ""},
	},
	spellings: []spelling{
		{attribute: "as_number", value: `"1.10"`, stored: []edit{set("spec.asNumber", `"1.10"`)}, lax: true},
		{attribute: "max_restart_time", value: `"90s"`, stored: []edit{set("spec.maxRestartTime", `"90s"`)}},
		{attribute: "reachable_by", value: `"2001:DB8::0:FE"`, stored: []edit{set("spec.reachableBy", `"2001:DB8::fe"`)}},
		{attribute: "local_as_number", value: `64515`, stored: []edit{set("spec.localASNumber", `"64515"`)}, lax: true},
	},
	invalid: []invalid{
		{name: "a node and a selector", set: map[string]string{"node": `"a"`, "node_selector": `"all()"`}, path: "node", says: []string{"remove one of them"}},
		{name: "an address and a selector", set: map[string]string{"peer_ip": `"192.0.2.1"`, "peer_selector": `"all()"`}, path: "peer_ip", says: []string{"remove one of them"}},
		{name: "an AS number of selected nodes", set: map[string]string{"as_number": `"64512"`, "peer_selector": `"all()"`}, path: "as_number", says: []string{"remove asNumber"}},
		{name: "workloads without an AS number", set: map[string]string{"local_workload_selector": `"all()"`}, path: "as_number", says: []string{"set asNumber"}},
		{name: "two next hops", set: map[string]string{"keep_original_next_hop": `true`, "next_hop_mode": `"Self"`}, path: "keep_original_next_hop", says: []string{`write "Keep" as nextHopMode`}},
		{name: "a gateway to nowhere", set: map[string]string{"reachable_by": `"192.0.2.254"`}, path: "reachable_by", says: []string{"set peerIP"}},
		{name: "a gateway of the other version", set: map[string]string{"peer_ip": `"2001:db8::1"`, "reachable_by": `"192.0.2.254"`}, path: "reachable_by", says: []string{"write an IPv6 address"}},
		{name: "a peer by name", set: map[string]string{"peer_ip": `"tor1.example.net"`}, path: "peer_ip", says: []string{"192.0.2.1:179"}},
		{name: "an AS number that is none", set: map[string]string{"as_number": `"1.65536"`}, path: "as_number", says: []string{`"1.10"`}},
		{name: "no hops", set: map[string]string{"ttl_security": `256`}, path: "ttl_security", says: []string{"255"}},
		{name: "a filter in upper case", set: map[string]string{"filters": `["First"]`}, path: "filters[0]", says: []string{`write "first"`}},
		{name: "a name in upper case", set: map[string]string{"name": `"TOR-{i}"`}, path: "name", says: []string{`write "tor-11"`}},
	},
}

// A peer needs its filters: a plan warns if one is missing, since the same apply may
// make it, and the apply stops.
func TestPeerWithoutItsFilter(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, in newWorld) {
		w := in(t, contents{release: acctest.UsualRelease, kinds: []calico.Kind{calico.KindBGPPeer, calico.KindBGPFilter}})
		const (
			peer   = "\nresource \"calico_bgp_peer\" \"tor\" {\n  name = \"tor\"\n  filters = [FILTER]\n}\n"
			filter = "\nresource \"calico_bgp_filter\" \"no_default\" {\n  name = \"no-default\"\n}\n"
		)
		workspace := w.workspace(t, acctest.TestCLI(t), w.provider(), strings.Replace(peer, "FILTER", `"no-default"`, 1))
		reason := `no BGP filter "no-default": nothing is stored at ` + w.where(calico.ID{Kind: calico.KindBGPFilter, Name: "no-default"})
		warnings := acctest.Run(t, workspace, "plan").Of("warning")
		if len(warnings) != 1 {
			t.Fatalf("the plan warns of %v", warnings)
		}
		warnings[0].Says(t, "Datastore Not Ready", reason, "If this apply changes that first")
		acctest.Fail(t, workspace, "apply").Says(t, reason, "calico_bgp_filter.NAME.name")
		if there := w.versions(t, calico.KindBGPPeer); len(there) > 0 {
			t.Errorf("there are %v", there)
		}

		// Made by the same apply, it is no reason for a warning.
		acctest.Rewrite(t, workspace, w.provider(), strings.Replace(peer, "FILTER", "calico_bgp_filter.no_default.name", 1), filter)
		acctest.Succeed(t, workspace, "apply")
	})
}
