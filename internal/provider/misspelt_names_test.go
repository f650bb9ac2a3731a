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
	case fwdatasource.SingleNestedBlock:
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
