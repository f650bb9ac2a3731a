package acceptance

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

const (
	filterRulesV4 = `[
    { action = "Accept", match_operator = "In", cidr = "10.244.0.0/16", prefix_length = { min = 24, max = 28 }, source = "RemotePeers", interface = "eth*" },
    {
      action       = "Accept", peer_type = "eBGP", communities = { values = ["65000:100"] }, as_path_prefix = ["65546", "0"], priority = 512
      operation = [{ add_community = { value = "65000:1:2" } }, { prepend_as_path = { prefix = ["64512", "64512"] } }, { set_priority = { value = 1024 } }]
    },
    { action = "Reject" },
  ]`
	filterRulesV6 = `[
    { action = "Accept", match_operator = "NotIn", cidr = "2001:db8::/32", prefix_length = { min = 48, max = 64 }, source = "RemotePeers", interface = "eth0" },
    {
      action       = "Accept", peer_type = "eBGP", communities = { values = ["65000:100"] }, as_path_prefix = ["65546", "0"], priority = 512
      operation = [{ add_community = { value = "65000:1:2" } }, { prepend_as_path = { prefix = ["64512", "64512"] } }, { set_priority = { value = 1024 } }]
    },
    { action = "Reject" },
  ]`
	storedRulesV4 = `[
		{"action": "Accept", "matchOperator": "In", "cidr": "10.244.0.0/16", "prefixLength": {"min": 24, "max": 28}, "source": "RemotePeers", "interface": "eth*"},
		{
			"action": "Accept", "peerType": "eBGP", "communities": {"values": ["65000:100"]}, "asPathPrefix": [65546, 0], "priority": 512,
			"operations": [{"addCommunity": {"value": "65000:1:2"}}, {"prependASPath": {"prefix": [64512, 64512]}}, {"setPriority": {"value": 1024}}]
		},
		{"action": "Reject"}
	]`
	storedRulesV6 = `[
		{"action": "Accept", "matchOperator": "NotIn", "cidr": "2001:db8::/32", "prefixLength": {"min": 48, "max": 64}, "source": "RemotePeers", "interface": "eth0"},
		{
			"action": "Accept", "peerType": "eBGP", "communities": {"values": ["65000:100"]}, "asPathPrefix": [65546, 0], "priority": 512,
			"operations": [{"addCommunity": {"value": "65000:1:2"}}, {"prependASPath": {"prefix": [64512, 64512]}}, {"setPriority": {"value": 1024}}]
		},
		{"action": "Reject"}
	]`
)

var bgpFilterRow = row{
	typeName: "calico_bgp_filter",
	name:     "filter-{i}",
	kind:     calico.KindBGPFilter,
	release:  "v3.32.1", // peer_type and what follows it
	config: map[string]string{
		"export_v4":   filterRulesV4,
		"import_v4":   filterRulesV4,
		"export_v6":   filterRulesV6,
		"import_v6":   filterRulesV6,
		"labels":      `{ rack = "r1" }`,
		"annotations": `{ owner = "network-team" }`,
	},
	stored: `{
		"kind": "BGPFilter",
		"apiVersion": "projectcalico.org/v3",
		"metadata": {
			"name": "filter-{i}",
			"labels": {"rack": "r1"},
			"annotations": {"owner": "network-team"}
		},
		"spec": {"exportV4": ` + storedRulesV4 + `, "importV4": ` + storedRulesV4 + `, "exportV6": ` + storedRulesV6 + `, "importV6": ` + storedRulesV6 + `}
	}`,
	changes: []change{
		{"export_v4", `[{ action = "Reject" }]`, []edit{set("spec.exportV4", `[{"action": "Reject"}]`)}, []edit{set("spec.exportV4[0].action", `"Accept"`)}},
		{"import_v4", `[{ action = "Accept", match_operator = "Equal", cidr = "0.0.0.0/0", prefix_length = { min = 0 } }]`,
			[]edit{set("spec.importV4", `[{"action": "Accept", "matchOperator": "Equal", "cidr": "0.0.0.0/0", "prefixLength": {"min": 0}}]`)}, []edit{remove("spec.importV4[0].prefixLength.min")}},
		{"export_v6", `[{ action = "Reject" }]`, []edit{set("spec.exportV6", `[{"action": "Reject"}]`)}, []edit{remove("spec.exportV6")}},
		{"import_v6", `[{ action = "Accept", interface = "eth1" }]`,
			[]edit{set("spec.importV6", `[{"action": "Accept", "interface": "eth1"}]`)}, []edit{insert("spec.importV6[0]", `{"action": "Accept"}`)}},
		{"labels", `{ rack = "r2" }`, []edit{set("metadata.labels.rack", `"r2"`)}, []edit{set("metadata.labels.added", `"yes"`)}},
		{"annotations", `{ owner = "security-team" }`, []edit{set("metadata.annotations.owner", `"security-team"`)}, []edit{remove("metadata.annotations.owner")}},
	},
	spellings: []spelling{
		{attribute: "export_v6", value: `[
    { action = "Accept", match_operator = "NotIn", cidr = "2001:DB8:0::/32", prefix_length = { min = 48, max = 64 }, source = "RemotePeers", interface = "eth0" },
    {
      action       = "Accept", peer_type = "eBGP", communities = { values = ["65000:100"] }, as_path_prefix = ["1.10", "0"], priority = 512
      operation = [{ add_community = { value = "65000:1:2" } }, { prepend_as_path = { prefix = ["64512", "64512"] } }, { set_priority = { value = 1024 } }]
    },
    { action = "Reject" },
  ]`},
		{attribute: "import_v6", stored: []edit{set("spec.importV6[0].cidr", `"2001:DB8::/32"`)}},
	},
	invalid: []invalid{
		{name: "a network without an operator", set: map[string]string{"export_v4": `[{ action = "Accept", cidr = "10.0.0.0/8" }]`}, path: "export_v4[0].cidr", says: []string{`write "Equal", "NotEqual", "In" or "NotIn"`}},
		{name: "an operator without a network", set: map[string]string{"export_v4": `[{ action = "Reject" }, { action = "Accept", match_operator = "In" }]`}, path: "export_v4[1].match_operator", says: []string{"needs a cidr"}},
		{name: "lengths without a network", set: map[string]string{"import_v4": `[{ action = "Accept", prefix_length = { min = 1 } }]`}, path: "import_v4[0].prefix_length", says: []string{"needs a cidr"}},
		{name: "a length that is too long", set: map[string]string{"import_v4": `[{ action = "Accept", match_operator = "In", cidr = "10.0.0.0/8", prefix_length = { max = 33 } }]`},
			path: "import_v4[0].prefix_length.max", says: []string{"from 0 to 32"}},
		{name: "a network of the other version", set: map[string]string{"export_v6": `[{ action = "Accept", match_operator = "In", cidr = "10.0.0.0/8" }]`}, path: "export_v6[0].cidr", says: []string{"IPv6 network"}},
		{name: "host bits", set: map[string]string{"import_v6": `[{ action = "Accept", match_operator = "In", cidr = "2001:db8::1/32" }]`}, path: "import_v6[0].cidr", says: []string{`write "2001:db8::/32"`}},
		{name: "an action in lower case", set: map[string]string{"import_v6": `[{ action = "accept" }]`}, path: "import_v6[0].action", says: []string{`write "Accept"`}},
		{name: "another source", set: map[string]string{"export_v4": `[{ action = "Accept", source = "Peers" }]`}, path: "export_v4[0].source", says: []string{`"RemotePeers"`}},
		{name: "an interface name that is too long", set: map[string]string{"export_v4": `[{ action = "Accept", interface = "much-too-long-for-linux" }]`}, path: "export_v4[0].interface", says: []string{`"cali*"`}},
		{name: "a name in upper case", set: map[string]string{"name": `"Filter-{i}"`}, path: "name", says: []string{`write "filter-9"`}},
		{name: "a peer in lower case", set: map[string]string{"export_v4": `[{ action = "Accept", peer_type = "ebgp" }]`}, path: "export_v4[0].peer_type", says: []string{`write "eBGP"`}},
		{name: "two communities", set: map[string]string{"export_v4": `[{ action = "Accept", communities = { values = ["1:1", "1:2"] } }]`}, path: "export_v4[0].communities.values", says: []string{"write a rule for each"}},
		{name: "no community", set: map[string]string{"import_v6": `[{ action = "Reject", communities = { values = [] } }]`}, path: "import_v6[0].communities.values", says: []string{"would match any"}},
		{name: "a community with a leading zero", set: map[string]string{"import_v4": `[{ action = "Accept", communities = { values = ["65000:01"] } }]`},
			path: "import_v4[0].communities.values[0]", says: []string{`"64512:100"`, "leading zeros"}},
		{name: "an empty path", set: map[string]string{"import_v4": `[{ action = "Reject", as_path_prefix = [] }]`}, path: "import_v4[0].as_path_prefix", says: []string{"would match any"}},
		{name: "an AS number that is none", set: map[string]string{"import_v4": `[{ action = "Reject", as_path_prefix = ["AS1"] }]`}, path: "import_v4[0].as_path_prefix[0]", says: []string{`"1.10"`}},
		{name: "priority 0", set: map[string]string{"import_v4": `[{ action = "Reject", priority = 0 }]`}, path: "import_v4[0].priority", says: []string{"from 1 to 2147483646"}},
		{name: "a change of what is rejected", set: map[string]string{"import_v4": `[{ action = "Reject", operation = [{ set_priority = { value = 1 } }] }]`}, path: "import_v4[0].operation", says: []string{`write "Accept"`}},
		{name: "an operation that is none", set: map[string]string{"import_v4": `[{ action = "Accept", operation = [{}] }]`}, path: "import_v4[0].operation[0]", says: []string{"write an operation for each"}},
		{name: "two operations in one", set: map[string]string{"export_v6": `[{ action = "Accept", operation = [{ set_priority = { value = 1 }, add_community = { value = "1:1" } }] }]`},
			path: "export_v6[0].operation[0]", says: []string{"write an operation for each"}},
		{name: "nothing to prepend", set: map[string]string{"export_v6": `[{ action = "Accept", operation = [{ prepend_as_path = { prefix = [] } }] }]`},
			path: "export_v6[0].operation[0].prepend_as_path", says: []string{"leave it out"}},
		{name: "much to prepend", set: map[string]string{"export_v6": `[{ action = "Accept", operation = [{ prepend_as_path = { prefix = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] } }] }]`},
			path: "export_v6[0].operation[0].prepend_as_path.prefix", says: []string{"1 to 10"}},
		{name: "a condition that is too new", set: map[string]string{"export_v4": `[{ action = "Reject", peer_type = "eBGP" }]`}, release: "v3.31.0",
			path: "export_v4[0].peer_type", says: []string{"came with v3.32.0", "leave it out"}},
	},
}

// A rule whose conditions came with v3.32 is imported with them: without them it
// would reject every route, and so it would when rules change places.
func TestFilterOfV332IsImportedWhole(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.32.1"))
	// As calicoctl v3.32.1 stores it.
	const (
		key   = acctest.ResourcePrefix + "bgpfilters/transit"
		begin = `{"kind":"BGPFilter","apiVersion":"projectcalico.org/v3","metadata":{"name":"transit","uid":"c3c1b7a8-9d1c-4f37-a7bd-8a9ad7ed4f12","creationTimestamp":"2026-05-01T00:00:00Z"},"spec":{"importV4":[`
		one   = `{"peerType":"eBGP","communities":{"values":["65000:100"]},"action":"Reject"}`
		other = `{"cidr":"10.0.0.0/8","matchOperator":"In","asPathPrefix":[65000],"action":"Accept","operations":[{"setPriority":{"value":512}}]}`
		end   = `]}}`
	)
	etcd.Put(t, key, begin+one+","+other+end)
	w := acctest.Configured(t, acctest.EtcdBlock(acctest.At(etcd.Endpoints...)), "\nimport {\n  to = calico_bgp_filter.transit\n  id = \"transit\"\n}\n")
	if _, text, err := w.Plan(t.Context(), "-generate-config-out=generated.tf"); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	acctest.Succeed(t, w, "apply")
	acctest.NoChanges(t, w)
	if got := etcd.MustGet(t, key).Value; got != begin+one+","+other+end {
		t.Errorf("the import changed what is stored: %s", got)
	}

	if err := w.WriteFile("generated.tf", `
resource "calico_bgp_filter" "transit" {
  name = "transit"
  import_v4 {
    action         = "Accept"
    cidr           = "10.0.0.0/8"
    match_operator = "In"
    as_path_prefix = ["65000"]
    operation {
      set_priority {
        value = 512
      }
    }
  }
  import_v4 {
    action    = "Reject"
    peer_type = "eBGP"
    communities {
      values = ["65000:100"]
    }
  }
}
`); err != nil {
		t.Fatal(err)
	}
	acctest.Succeed(t, w, "apply")
	if got := etcd.MustGet(t, key).Value; got != begin+other+","+one+end {
		t.Errorf("the rules that changed places are %s", got)
	}
}

// A state of before there were these attributes and blocks is read as if they were
// not used.
func TestFilterOfAnOlderProvider(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, in newWorld) {
		w := in(t, contents{release: "v3.32.1", kinds: []calico.Kind{calico.KindBGPFilter}})
		workspace := w.workspace(t, acctest.TestCLI(t), w.provider(), `
resource "calico_bgp_filter" "transit" {
  name = "transit"
  export_v4 {
    action = "Accept"
    source = "RemotePeers"
  }
  export_v4 {
    action = "Reject"
  }
}
`)
		acctest.Succeed(t, workspace, "apply")
		state, err := os.ReadFile(filepath.Join(workspace.Dir, "terraform.tfstate"))
		if err != nil {
			t.Fatal(err)
		}
		newer := regexp.MustCompile(`(?m)^ *"(as_path_prefix|communities|operation|peer_type|priority)": (null|\[\]),\n`)
		if found := newer.FindAll(state, -1); len(found) != 10 {
			t.Fatalf("the state has %q", found)
		}
		if err := workspace.WriteFile("terraform.tfstate", string(newer.ReplaceAll(state, nil))); err != nil {
			t.Fatal(err)
		}
		acctest.NoChanges(t, workspace)
		acctest.Succeed(t, workspace, "apply")
	})
}
