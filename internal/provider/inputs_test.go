package provider_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	fwdatasource "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	fwprovider "github.com/hashicorp/terraform-plugin-framework/provider"
	providerschema "github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider"
)

// Inputs that a user writes by mistake, or that a module computes: none of them may
// change what is enforced without a word.

// blocksIn returns the blocks in a block of any schema, and the names of its
// arguments.
func blocksIn(t *testing.T, b any) (arguments []string, blocks map[string]any) {
	t.Helper()
	switch b := b.(type) {
	case schema.ListNestedBlock:
		return slices.Sorted(maps.Keys(b.NestedObject.Attributes)), anyOf(b.NestedObject.Blocks)
	case schema.SingleNestedBlock:
		return slices.Sorted(maps.Keys(b.Attributes)), anyOf(b.Blocks)
	case fwdatasource.ListNestedBlock:
		return slices.Sorted(maps.Keys(b.NestedObject.Attributes)), anyOf(b.NestedObject.Blocks)
	case providerschema.ListNestedBlock:
		return slices.Sorted(maps.Keys(b.NestedObject.Attributes)), anyOf(b.NestedObject.Blocks)
	case providerschema.SingleNestedBlock:
		return slices.Sorted(maps.Keys(b.Attributes)), anyOf(b.Blocks)
	default:
		t.Fatalf("this test does not look into a %T yet", b)
		return nil, nil
	}
}

func anyOf[B any](blocks map[string]B) map[string]any {
	out := map[string]any{}
	for name, b := range blocks {
		out[name] = b
	}
	return out
}

// misspelling collects a configuration with a wrong name in every nested block.
type misspelling struct {
	t      *testing.T
	config strings.Builder
	// wrong are the names that must be refused; suggested those of them that are so
	// near to the right one that it is suggested.
	wrong     []string
	suggested map[string]string
}

// walk visits the blocks in a block. written and dynamic write what is around one of
// them, as plain blocks and as dynamic ones.
func (m *misspelling) walk(blocks map[string]any, written, dynamic func(inner string) string) {
	for _, name := range slices.Sorted(maps.Keys(blocks)) {
		arguments, inner := blocksIn(m.t, blocks[name])
		inWritten := func(inner string) string { return written(name + " {\n" + inner + "\n}\n") }
		inDynamic := func(inner string) string {
			return dynamic(fmt.Sprintf("dynamic %q {\nfor_each = [1]\ncontent {\n%s\n}\n}\n", name, inner))
		}
		// Nobody has these names, and Terraform has nothing to suggest.
		m.add(inWritten, fmt.Sprintf("qq%d", len(m.wrong)), "")
		m.add(inDynamic, fmt.Sprintf("qq%d", len(m.wrong)), "")
		if len(arguments) > 0 {
			// A letter too many, as the number makes each wrong name one of its own.
			m.add(inWritten, fmt.Sprintf("%s%d", arguments[0], len(m.wrong)), arguments[0])
		}
		m.walk(inner, inWritten, inDynamic)
	}
}

func (m *misspelling) add(wrap func(string) string, wrong, right string) {
	m.wrong = append(m.wrong, wrong)
	if right != "" {
		m.suggested[wrong] = right
	}
	m.config.WriteString(wrap(wrong + " = 1\n"))
}

// TestMisspeltNamesAreRefused has a wrong name in every nested block of every
// resource, of the data source and of the provider, also inside dynamic blocks.
func TestMisspeltNamesAreRefused(t *testing.T) {
	t.Parallel()
	number := 0
	top := func(kind, typeName, arguments string) func(string) string {
		return func(inner string) string {
			number++
			if kind == "provider" {
				// Terraform looks only at a provider block that something uses.
				return fmt.Sprintf("provider \"calico\" {\nalias = \"a%d\"\n%s}\nresource \"calico_tier\" \"r%[1]d\" {\nprovider = calico.a%[1]d\nname = \"x\"\n}\n", number, inner)
			}
			return fmt.Sprintf("%s %q \"r%d\" {\n%s%s}\n", kind, typeName, number, arguments, inner)
		}
	}
	all, suggested := 0, 0
	// One configuration for each schema: what a validation costs grows faster than its
	// configuration.
	try := func(blocks map[string]any, around func(string) string) {
		m := &misspelling{t: t, suggested: map[string]string{}}
		m.walk(blocks, around, around)
		if len(m.wrong) > 0 {
			suggested += m.check()
			all += len(m.wrong)
		}
	}
	for _, typeName := range slices.Sorted(maps.Keys(resourceSchemas(t))) {
		try(anyOf(resourceSchemas(t)[typeName].Blocks), top("resource", typeName, "name = \"x\"\n"))
	}
	for typeName, s := range dataSourceSchemas(t) {
		try(anyOf(s.Blocks), top("data", typeName, ""))
	}
	var own fwprovider.SchemaResponse
	provider.New("test")().Schema(t.Context(), fwprovider.SchemaRequest{}, &own)
	try(anyOf(own.Schema.Blocks), top("provider", "", ""))
	if all < 400 || suggested == 0 {
		t.Errorf("only %d names were tried, and for %d of them the right one is suggested", all, suggested)
	}
	t.Logf("%d names were tried", all)
}

// check holds that each wrong name is refused, and returns for how many of them the
// right one is suggested.
func (m *misspelling) check() (suggested int) {
	m.t.Helper()
	told := map[string]diagnostic{}
	argument := regexp.MustCompile(`An argument named "(\w+)" is not expected here`)
	for _, d := range run(m.t, newWorkspace(m.t, m.config.String()), "validate").Of("error") {
		if match := argument.FindStringSubmatch(d.Detail); match != nil {
			told[match[1]] = d
		}
	}
	for _, wrong := range m.wrong {
		d, ok := told[wrong]
		if !ok {
			m.t.Errorf("%s is not refused in\n%s", wrong, m.config.String())
			return suggested
		}
		if right := m.suggested[wrong]; right != "" && strings.Contains(d.Detail, fmt.Sprintf("Did you mean %q?", right)) {
			suggested++
		}
	}
	return suggested
}

// The case N01, and its like: names of other tools, in blocks that are written out
// and that come from YAML.
func TestForeignNamesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, `
resource "calico_global_network_policy" "ssh" {
  name     = "ssh"
  selector = "all()"
  ingress {
    action   = "Allow"
    protocol = "TCP"
    source { net = ["10.1.0.0/24"] }
    destination { ports = [22] }
  }
  ingress {
    action   = "Allow"
    protocol = "TCP"
    source { notNets = ["10.9.0.0/16"] }
    destination { ports = [443] }
  }
  egress {
    action   = "Allow"
    protocol = "TCP"
    destination {
      domains = ["example.com"]
      ports   = [443]
    }
  }
}

resource "calico_felix_configuration" "default" {
  name                        = "default"
  failsafe_inbound_host_ports = [{ protocol = "TCP", port = 22, cidr = "10.1.0.0/24" }]
}

resource "calico_global_network_policy" "yaml" {
  name   = "yaml"
  egress = yamldecode("[{ action: Allow, destination: { notNets: [10.0.0.0/8] } }]")
}

resource "calico_failsafe_policy" "this" {
  management_cidrs = ["10.1.0.0/24"]
  etcd_server {
    address = "10.2.0.11"
    port    = 2379
  }
}

data "calico_connectivity" "this" {
  flow {
    cidr     = "10.1.0.0/24"
    expected = "allow"
  }
}
`)
	o := run(t, w, "validate")
	for _, want := range []string{
		`An argument named "net" is not expected here. Did you mean "nets"?`,
		`An argument named "notNets" is not expected here.`,
		`An argument named "domains" is not expected here.`,
		`attribute "net" is required`,
		`An argument named "egress" is not expected here. Did you mean to define a block of type "egress"?`,
		`An argument named "port" is not expected here. Did you mean "ports"?`,
		`An argument named "expected" is not expected here. Did you mean "expect"?`,
	} {
		if !slices.ContainsFunc(o.Of("error"), func(d diagnostic) bool { return strings.Contains(d.Detail, want) }) {
			t.Errorf("no error says %q: %v", want, o.Diagnostics)
		}
	}
}

// emptyConditions are values that would match anything, each with the attribute that
// the error is on, and what it says.
var emptyConditions = []struct{ config, code, says string }{
	{`source {}`, `source {}`, "The block says nothing"},
	{`destination {}`, `destination {}`, "The block says nothing"},
	{"protocol = \"ICMP\"\nicmp {}", `icmp {}`, "The block says nothing"},
	{"protocol = \"ICMP\"\nnot_icmp { type = null }", `not_icmp { type = null }`, "The block says nothing"},
	{`http {}`, `http {}`, "The block says nothing"},
	{`metadata {}`, `metadata {}`, "The block says nothing"},
	{"source {\nservice_accounts {}\n}", `service_accounts {}`, "The block says nothing"},
	{"source {\nnets = []\n}", `nets = []`, "at least one element"},
	{"source {\nnot_nets = []\n}", `not_nets = []`, "at least one element"},
	{"protocol = \"TCP\"\nsource {\nports = []\n}", `ports = []`, "at least one element"},
	{"protocol = \"TCP\"\ndestination {\nnot_ports = []\n}", `not_ports = []`, "at least one element"},
	{"source {\nselector = \"\"\n}", `selector = ""`, "leave it out to match any"},
	{"source {\nselector = \" \"\n}", `selector = " "`, "leave it out to match any"},
	{"source {\nnot_selector = \"\"\n}", `not_selector = ""`, "leave it out to match any"},
	{"source {\nnamespace_selector = \"\"\n}", `namespace_selector = ""`, "leave it out to match any"},
	{"source {\nservice_accounts {\nnames = []\n}\n}", `names = []`, "at least one element"},
	{"source {\nservice_accounts {\nselector = \"\"\n}\n}", `selector = ""`, "leave it out to match any"},
	{"source {\nservices {\nname = \"\"\nnamespace = \"a\"\n}\n}", `name = ""`, "leave it out to match any"},
	{"http {\nmethods = []\n}", `methods = []`, "at least one element"},
	{"http {\npath {\nexact = \"\"\n}\n}", `exact = ""`, "leave it out to match any"},
	{`protocol = ""`, `protocol = ""`, ""},
}

// TestEmptyConditionsAreRefused writes each of the empty conditions, as it comes
// out of a computation that found nothing, and null beside each, which is fine.
func TestEmptyConditionsAreRefused(t *testing.T) {
	t.Parallel()
	var config strings.Builder
	for i, c := range emptyConditions {
		fmt.Fprintf(&config, "resource \"calico_global_network_policy\" \"p%d\" {\nname = \"p%[1]d\"\ningress {\naction = \"Allow\"\n%s\n}\n}\n", i, c.config)
	}
	for i, line := range []string{`selector = ""`, `namespace_selector = ""`, `service_account_selector = " "`} {
		fmt.Fprintf(&config, "resource \"calico_global_network_policy\" \"s%d\" {\nname = \"s%[1]d\"\n%s\n}\n", i, line)
	}
	fmt.Fprintf(&config, "resource \"calico_failsafe_policy\" \"f\" {\nmanagement_cidrs = [\"10.1.0.0/24\"]\nselector = \"\"\n}\n")
	w := newWorkspace(t, config.String())
	byAddress := map[string][]diagnostic{}
	for _, d := range run(t, w, "validate").Of("error") {
		byAddress[d.Address] = append(byAddress[d.Address], d)
	}
	for i, c := range emptyConditions {
		address := fmt.Sprintf("calico_global_network_policy.p%d", i)
		errs := byAddress[address]
		if len(errs) != 1 {
			t.Errorf("%s: there are %d errors: %v", c.config, len(errs), errs)
			continue
		}
		errs[0].Says(t, c.says)
		if errs[0].Snippet == nil || strings.TrimSpace(errs[0].Snippet.Code) != c.code {
			t.Errorf("%s: the error is not at %s: %v", c.config, c.code, errs[0])
		}
	}
	for _, address := range []string{"calico_global_network_policy.s0", "calico_global_network_policy.s1", "calico_global_network_policy.s2", "calico_failsafe_policy.f"} {
		if errs := byAddress[address]; len(errs) != 1 || !strings.Contains(errs[0].Detail, "leave it out to match any") {
			t.Errorf("%s: %v", address, errs)
		}
	}

	rewrite(t, w, `
resource "calico_global_network_policy" "null" {
  name               = "null"
  selector           = null
  namespace_selector = null
  ingress {
    action   = "Allow"
    protocol = "TCP"
    source {
      nets     = ["10.1.0.0/24"]
      not_nets = null
      ports    = null
      selector = null
    }
    destination {
      ports = [22]
    }
  }
  # A list of rules may be empty: then no rule decides.
  dynamic "egress" {
    for_each = []
    content {
      action = "Allow"
    }
  }
}

# A set may have no network: then it matches nothing.
resource "calico_global_network_set" "empty" {
  name = "empty"
  nets = []
}

resource "calico_felix_configuration" "default" {
  name                        = "default"
  failsafe_inbound_host_ports = []
}
`)
	succeed(t, w, "validate")
}

// TestNumbersThatAreNone answers every number that is none of Calico's in a
// sentence of ours, on the attribute.
func TestNumbersThatAreNone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ config, code, says string }{
		"a fraction":          {"resource \"calico_host_endpoint\" \"a\" {\nname = \"a\"\nnode = \"a\"\ninterface_name = \"*\"\nport {\nname = \"x\"\nport = 1.5\nprotocol = \"TCP\"\n}\n}", "port = 1.5", "whole"},
		"too large":           {"resource \"calico_tier\" \"a\" {\nname = \"a\"\norder = 1e309\n}", "order = 1e309", "too large"},
		"a block size":        {"resource \"calico_ip_pool\" \"a\" {\nname = \"a\"\ncidr = \"10.0.0.0/16\"\nblock_size = 26.5\n}", "block_size = 26.5", "whole"},
		"far too large":       {"resource \"calico_ip_pool\" \"a\" {\nname = \"a\"\ncidr = \"10.0.0.0/16\"\nblock_size = 1e30\n}", "block_size = 1e30", "from -"},
		"negative":            {"resource \"calico_host_endpoint\" \"a\" {\nname = \"a\"\nnode = \"a\"\ninterface_name = \"*\"\nport {\nname = \"x\"\nport = -1\nprotocol = \"TCP\"\n}\n}", "port = -1", "from 0 to 65535"},
		"of a flow":           {"data \"calico_connectivity\" \"a\" {\nflow {\ncidr = \"10.0.0.0/8\"\nport = 22.5\n}\n}", "port = 22.5", "whole number from 1 to 65535"},
		"of a guarded flow":   {"provider \"calico\" {\nlockout_guard {\nflow {\ncidr = \"10.0.0.0/8\"\nport = 70000\n}\n}\n}\nresource \"calico_tier\" \"a\" {\nname = \"a\"\n}", "port = 70000", "whole number from 1 to 65535"},
		"of a failsafe order": {"resource \"calico_failsafe_policy\" \"a\" {\nmanagement_cidrs = [\"10.0.0.0/8\"]\norder = -1e400\n}", "order = -1e400", "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := fail(t, newWorkspace(t, c.config), "validate")
			d.Says(t, c.says)
			if d.Snippet == nil || strings.TrimSpace(d.Snippet.Code) != c.code || strings.Contains(d.Detail, "error in the provider") {
				t.Errorf("want one at %s, got %v", c.code, d)
			}
		})
	}
}

// TestNullInAMapIsNoKey gives labels and annotations that are null, as conditional
// expressions do: the key is not there, now and for ever.
func TestNullInAMapIsNoKey(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico(acceptanceRelease))
	config := `
resource "calico_host_endpoint" "db1" {
  name           = "db1"
  node           = "db1"
  interface_name = "*"
  labels         = { role = "db", quarantine = VALUE }
  annotations    = { owner = "net", ticket = VALUE }
}

resource "calico_profile" "p" {
  name            = "p"
  labels_to_apply = { quarantine = VALUE, zone = "a" }
}

resource "calico_global_network_policy" "p" {
  name = "p"
  ingress {
    action = "Log"
    metadata {
      annotations = { ticket = VALUE, team = "net" }
    }
  }
}

resource "calico_failsafe_policy" "this" {
  management_cidrs = ["10.1.0.0/24"]
}
`
	keys := []string{"hostendpoints/db1", "profiles/p", "globalnetworkpolicies/default.p"}
	with := func(value string) []string {
		return []string{etcdBlock(at(etcd.Endpoints...)), strings.ReplaceAll(config, "VALUE", value)}
	}
	holds := func(want bool) {
		t.Helper()
		for _, key := range keys {
			value := etcd.MustGet(t, acctest.ResourcePrefix+key).Value
			if got := strings.Contains(value, `"quarantine"`) || strings.Contains(value, `"ticket"`); got != want {
				t.Errorf("%s: is the key there? %t in %s", key, got, value)
			}
		}
	}
	w := newWorkspace(t, with("null")...)
	run(t, w, "apply")
	holds(false)
	noChanges(t, w)
	rewrite(t, w, with(`"x"`)...)
	run(t, w, "apply")
	holds(true)
	noChanges(t, w)
	rewrite(t, w, with("null")...)
	run(t, w, "apply")
	holds(false)
	noChanges(t, w)
	// null and no key at all are the same.
	rewrite(t, w, etcdBlock(at(etcd.Endpoints...)), regexp.MustCompile(`(quarantine|ticket) = VALUE,?`).ReplaceAllString(config, ""))
	run(t, w, "apply")
	holds(false)
	noChanges(t, w)
}

// TestNullInAListIsToldOnce: a list has no place for null.
func TestNullInAListIsToldOnce(t *testing.T) {
	t.Parallel()
	for _, config := range []string{
		"resource \"calico_failsafe_policy\" \"a\" {\nmanagement_cidrs = [null, \"10.1.0.0/24\"]\n}",
		"resource \"calico_global_network_set\" \"a\" {\nname = \"a\"\nnets = [null]\n}",
		"resource \"calico_host_endpoint\" \"a\" {\nname = \"a\"\nnode = \"a\"\nexpected_ips = [null, \"10.0.0.1\"]\n}",
		"resource \"calico_global_network_policy\" \"a\" {\nname = \"a\"\ningress {\naction = \"Allow\"\nsource {\nnets = [null, \"10.1.0.0/24\"]\n}\n}\n}",
		"resource \"calico_global_network_policy\" \"a\" {\nname = \"a\"\ningress {\naction = \"Allow\"\nprotocol = \"TCP\"\nsource {\nports = [null]\n}\n}\n}",
	} {
		fail(t, newWorkspace(t, config), "validate").Says(t, "A list must not hold null: leave the element out.")
	}
}

// TestNamesInPlaceOfAddresses: policies match addresses, and the errors say so where
// the name was written.
func TestNamesInPlaceOfAddresses(t *testing.T) {
	t.Parallel()
	for config, code := range map[string]string{
		"management_cidrs = [\"10.1.0.0/24\"]\netcd_server {\naddress = \"10.2.0.11\"\n}\netcd_server {\naddress = \"etcd.example.net\"\n}": `address = "etcd.example.net"`,
		"management_cidrs = [\"office.example.net\"]":                                     `management_cidrs = ["office.example.net"]`,
		"management_cidrs = [\"10.1.0.0/24\"]\nbgp_peers = [\"router1\"]":                 `bgp_peers = ["router1"]`,
		"management_cidrs = [\"10.1.0.0/24\"]\netcd_server {\naddress = \"localhost\"\n}": `address = "localhost"`,
	} {
		d := fail(t, newWorkspace(t, "resource \"calico_failsafe_policy\" \"a\" {\n"+config+"\n}"), "validate")
		d.Says(t, "match addresses, not names")
		if d.Snippet == nil || strings.TrimSpace(d.Snippet.Code) != code {
			t.Errorf("want one at %s, got %v", code, d)
		}
	}
}

// TestErrorsInDynamicBlocks puts an error in a rule that comes from data, where no
// line of the configuration has it: it is told with the rule's number.
func TestErrorsInDynamicBlocks(t *testing.T) {
	t.Parallel()
	d := fail(t, newWorkspace(t, `
resource "calico_global_network_policy" "a" {
  name = "a"
  dynamic "ingress" {
    for_each = yamldecode("[{ protocol: TCP }, { protocol: tcp }]")
    content {
      action   = "Allow"
      protocol = ingress.value.protocol
    }
  }
}
`), "validate")
	// Terraform finds no line for a block that it has made itself.
	d.Says(t, `write "TCP"`, "ingress[1].protocol")
}

// The case M16: a policy in a tier of the same configuration, without a reference.
func TestTierOfTheSameConfiguration(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico(acceptanceRelease))
	policy := `
resource "calico_network_policy" "app_frontend" {
  name      = "app.frontend"
  namespace = "shop"
  tier      = TIER
  order     = 1
  selector  = "app == 'frontend'"
  types     = ["Ingress"]
  ingress {
    action   = "Allow"
    protocol = "TCP"
    destination {
      ports = ["8080"]
    }
  }
}
`
	tier := `
resource "calico_tier" "app" {
  name  = "app"
  order = 400
}
`
	// Without the tier the outcome is what a lost race would make it.
	w := newWorkspace(t, etcdBlock(at(etcd.Endpoints...)), strings.ReplaceAll(policy, "TIER", `"app"`))
	fail(t, w, "apply").Says(t, "policy was not written", "tier = calico_tier.NAME.name", "depends_on = [calico_tier.NAME]")
	rewrite(t, w, etcdBlock(at(etcd.Endpoints...)), tier, strings.ReplaceAll(policy, "TIER", "calico_tier.app.name"))
	succeed(t, w, "apply")
	noChanges(t, w)
}

// The case R13: another block size takes another pool, and what was assigned from
// the old one stays behind.
func TestReplacedPoolIsWarnedOf(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico(acceptanceRelease))
	pool := func(size int, more string) []string {
		return []string{etcdBlock(at(etcd.Endpoints...)), fmt.Sprintf(`
resource "calico_ip_pool" "default" {
  name         = "default-ipv4-ippool"
  cidr         = "10.244.0.0/16"
  block_size   = %d
  nat_outgoing = true
  %s
}
`, size, more)}
	}
	w := newWorkspace(t, pool(26, "")...)
	succeed(t, w, "apply")
	rewrite(t, w, pool(25, "")...)
	warnings := run(t, w, "plan").Of("warning")
	if len(warnings) != 1 {
		t.Fatalf("there are %d warnings: %v", len(warnings), warnings)
	}
	warnings[0].Says(t, "Pool in Use Would Be Replaced", "disabled = true", "calicoctl ipam check")
	rewrite(t, w, pool(26, "disabled = true")...)
	succeed(t, w, "apply")
	rewrite(t, w, pool(25, "disabled = true")...)
	if warnings = run(t, w, "plan").Of("warning"); len(warnings) != 1 {
		t.Fatalf("there are %d warnings: %v", len(warnings), warnings)
	}
	warnings[0].Says(t, "The old pool is disabled, as it should be.")
	// What changes in place is not warned of.
	rewrite(t, w, pool(26, "disabled = false")...)
	succeed(t, w, "plan")
}

// The case R32: in etcd a rule that names a service matches nothing.
func TestServicesUnknownToFelixAreWarnedOf(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico(acceptanceRelease))
	policy := func(destination string) []string {
		return []string{etcdBlock(at(etcd.Endpoints...)), `
resource "calico_network_policy" "dns" {
  name      = "allow-dns"
  namespace = "apps"
  selector  = "all()"
  types     = ["Egress"]
  egress {
    action   = "Allow"
    protocol = "UDP"
    destination {
      ` + destination + `
    }
  }
}
`}
	}
	w := newWorkspace(t, policy(`services {
        name      = "kube-dns"
        namespace = "kube-system"
      }`)...)
	warnings := run(t, w, "plan").Of("warning")
	if len(warnings) != 1 {
		t.Fatalf("there are %d warnings: %v", len(warnings), warnings)
	}
	warnings[0].Says(t, "Service Matches Nothing", "egress[0].destination.services", "never matches")
	run(t, w, "apply")
	// It is told when the rule is written, not at each plan.
	succeed(t, w, "plan")
	rewrite(t, w, policy(`nets = ["10.96.0.10/32"]`)...)
	succeed(t, w, "apply")
}

// TestPlansAreShort counts the lines of real plans.
func TestPlansAreShort(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico(acceptanceRelease))
	config := func(management string) []string {
		return []string{etcdBlock(at(etcd.Endpoints...)), `
resource "calico_failsafe_policy" "this" {
  management_cidrs = ` + management + `
  etcd_server {
    address = "10.2.0.11"
  }
}

resource "calico_host_endpoint" "db1_eth0" {
  name           = "db1-eth0"
  node           = "db1"
  interface_name = "eth0"
  expected_ips   = ["10.0.0.5", "2001:db8::5"]
  labels = {
    environment = "production"
    role        = "db"
  }
  depends_on = [calico_failsafe_policy.this]
}
`}
	}
	w := newWorkspace(t, config(`["10.1.0.0/24", "2001:db8:1::/64"]`)...)
	lines := func(text, resource string) []string {
		t.Helper()
		all := strings.Split(text, "\n")
		first := slices.IndexFunc(all, func(line string) bool { return strings.HasPrefix(line, "  # "+resource+" ") })
		if first < 0 {
			t.Fatalf("there is nothing about %s in\n%s", resource, text)
		}
		last := slices.Index(all[first:], "    }")
		if last < 0 {
			t.Fatalf("%s has no end in\n%s", resource, text)
		}
		return all[first : first+last+1]
	}
	plan := w.MustRun(t, "plan")
	if got := lines(plan, "calico_host_endpoint.db1_eth0"); len(got) > 20 {
		t.Errorf("a host endpoint takes %d lines to create:\n%s", len(got), strings.Join(got, "\n"))
	}
	for _, resource := range []string{"calico_host_endpoint.db1_eth0", "calico_failsafe_policy.this"} {
		objects := 0
		for _, line := range lines(plan, resource) {
			if strings.Contains(line, "apiVersion") {
				objects++
			}
		}
		if objects != 1 {
			t.Errorf("object of %s takes %d lines:\n%s", resource, objects, plan)
		}
	}
	w.MustRun(t, "apply", "-auto-approve")

	rewrite(t, w, config(`["10.1.0.0/24", "10.9.0.0/24", "2001:db8:1::/64"]`)...)
	plan = w.MustRun(t, "plan")
	got := lines(plan, "calico_failsafe_policy.this")
	if len(got) > 13 { // with a network that stays on either side
		t.Errorf("one more management network takes %d lines:\n%s", len(got), strings.Join(got, "\n"))
	}
	if outside := strings.Count(strings.Join(slices.DeleteFunc(got, func(line string) bool { return strings.Contains(line, " object ") }), "\n"), "10.9.0.0/24"); outside != 1 {
		t.Errorf("the network is told %d times beside object:\n%s", outside, plan)
	}
}

// TestObjectThatExistsIsToldInThePlan, with how to import it.
func TestObjectThatExistsIsToldInThePlan(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico(acceptanceRelease))
	set := `
resource "calico_global_network_set" "a" {
  name = "a"
  nets = ["10.0.0.0/8"]
}
`
	w := newWorkspace(t, etcdBlock(at(etcd.Endpoints...)), set)
	succeed(t, w, "apply")
	// Nothing is told of what is in the state, nor where it is made anew.
	succeed(t, w, "plan")
	succeed(t, w, "plan", "-replace=calico_global_network_set.a")
	w.MustRun(t, "taint", "calico_global_network_set.a")
	succeed(t, w, "plan")
	w.MustRun(t, "untaint", "calico_global_network_set.a")

	w.MustRun(t, "state", "rm", "calico_global_network_set.a")
	warnings := run(t, w, "plan").Of("warning")
	if len(warnings) != 1 {
		t.Fatalf("there are %d warnings: %v", len(warnings), warnings)
	}
	warnings[0].Says(t, "Object Exists Already", acctest.ResourcePrefix+"globalnetworksets/a", "to = calico_global_network_set.NAME", `id = "a"`)
	rewrite(t, w, etcdBlock(at(etcd.Endpoints...)), set, "import {\n  to = calico_global_network_set.a\n  id = \"a\"\n}\n")
	succeed(t, w, "apply")
}

// TestTwoResourcesForOneObject are refused by the plan, be they new or not.
func TestTwoResourcesForOneObject(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico(acceptanceRelease))
	policy := func(resourceType, label, name string) string {
		more := ""
		if resourceType == "calico_failsafe_policy" {
			more = "\n  management_cidrs = [\"10.1.0.0/24\"]"
		}
		return fmt.Sprintf("\nresource %q %q {\n  name = %q%s\n}\n", resourceType, label, name, more)
	}
	start := etcdBlock(at(etcd.Endpoints...))
	w := newWorkspace(t, start, policy("calico_global_network_policy", "a", "one"), policy("calico_global_network_policy", "b", "one"))
	fail(t, w, "plan").Says(t, "Two Resources for One Object", `GlobalNetworkPolicy "one"`, "Remove one of the two")
	// A policy has two kinds of resources, and several spellings of its name.
	rewrite(t, w, start, policy("calico_global_network_policy", "a", "one"), policy("calico_failsafe_policy", "b", "default.one"))
	fail(t, w, "plan").Says(t, "Two Resources for One Object")
	rewrite(t, w, start, policy("calico_global_network_policy", "a", "one"))
	succeed(t, w, "apply")
	rewrite(t, w, start, policy("calico_global_network_policy", "a", "one"), policy("calico_global_network_policy", "b", "one"))
	if errs := run(t, w, "plan").Of("error"); len(errs) != 1 || errs[0].Summary != "Two Resources for One Object" {
		t.Errorf("got %v", errs)
	}
	// An object that moves from one resource to another has two for a moment.
	rewrite(t, w, start, policy("calico_global_network_policy", "a", "two"), policy("calico_global_network_policy", "b", "one"))
	if errs := run(t, w, "plan").Of("error"); len(errs) != 0 {
		t.Errorf("got %v", errs)
	}
}

// TestFailsafePolicyInATier stays before everything where tiers are used.
func TestFailsafePolicyInATier(t *testing.T) {
	t.Parallel()
	for release, name := range map[string]string{"v3.31.0": "security.failsafe", "v3.32.1": "failsafe"} {
		etcd := acctest.NewEtcd(t, acctest.WithCalico(release))
		w := newWorkspace(t, etcdBlock(at(etcd.Endpoints...)), `
resource "calico_tier" "security" {
  name  = "security"
  order = 1
}

resource "calico_failsafe_policy" "this" {
  name             = "`+name+`"
  tier             = calico_tier.security.name
  management_cidrs = ["10.1.0.0/24"]
}
`)
		succeed(t, w, "apply")
		noChanges(t, w)
		if value := etcd.MustGet(t, acctest.ResourcePrefix+"globalnetworkpolicies/"+name).Value; !strings.Contains(value, `"tier":"security"`) {
			t.Errorf("%s: %s is stored", release, value)
		}
		w.MustRun(t, "state", "rm", "calico_failsafe_policy.this")
		w.MustRun(t, "import", "calico_failsafe_policy.this", name)
		noChanges(t, w)
	}
}
