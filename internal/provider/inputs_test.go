package provider_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

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
		"management_cidrs = [\"10.1.0.0/24\"]\napi_server {\naddress = \"api.example.net\"\n}":                                              `address = "api.example.net"`,
		"management_cidrs = [\"office.example.net\"]":                                                                                       `management_cidrs = ["office.example.net"]`,
		"management_cidrs = [\"10.1.0.0/24\"]\nbgp_peers = [\"router1\"]":                                                                   `bgp_peers = ["router1"]`,
		"management_cidrs = [\"10.1.0.0/24\"]\netcd_server {\naddress = \"localhost\"\n}":                                                   `address = "localhost"`,
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
