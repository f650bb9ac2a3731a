package provider_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

const (
	guardedFelixKey    = acctest.ResourcePrefix + "felixconfigurations/default"
	guardedEndpointKey = endpointKeys + "db1-eth0"
	// Failsafe ports are off, so that policies alone decide.
	guardedFelix    = `{"kind":"FelixConfiguration","apiVersion":"projectcalico.org/v3","metadata":{"name":"default","uid":"7f1c1d5e-90c3-4b66-8a52-0f9b6a4c7d21","creationTimestamp":"2026-01-02T03:04:05Z"},"spec":{"failsafeInboundHostPorts":[],"failsafeOutboundHostPorts":[]}}`
	guardedEndpoint = `{"kind":"HostEndpoint","apiVersion":"projectcalico.org/v3","metadata":{"name":"db1-eth0","uid":"0d3a1d3e-7c1f-4a9e-9d6b-2f0f5a3c8e11","creationTimestamp":"2026-01-02T03:04:05Z"},"spec":{"node":"db1","interfaceName":"eth0"}}`
)

// unexposed switches the other guard off, which has tests of its own.
const unexposed = "exposure_guard {\n  mode = \"off\"\n}\n"

// guardedBy is a provider block with the guard in a mode.
func guardedBy(mode string, etcd *acctest.Etcd) string {
	return block(nested("lockout_guard", text("mode", mode)) + "\n" + unexposed + inEtcd(at(etcd.Endpoints...)))
}

// guardedSSH is a flow.
const guardedSSH = `name = "ssh"
port = 22
cidr = "10.1.0.0/24"`

// guarding is a provider block with a strict guard of flows, for an etcd.
func guarding(endpoint string, flows ...string) string {
	lines := []string{text("mode", "error")}
	for _, flow := range flows {
		lines = append(lines, nested("flow", flow))
	}
	return block(nested("lockout_guard", lines...) + "\n" + unexposed + inEtcd(at(endpoint)))
}

// storedJSON is an object as it is stored; labels and spec are JSON.
func storedJSON(kind, name, labels, spec string) string {
	return fmt.Sprintf(`{"kind":%q,"apiVersion":"projectcalico.org/v3","metadata":{"name":%q,"labels":%s,"uid":"0d3a1d3e-7c1f-4a9e-9d6b-2f0f5a3c8e12","creationTimestamp":"2026-01-02T03:04:05Z"},"spec":%s}`,
		kind, name, labels, spec)
}

// A host with nothing but the failsafe policy: what would take its SSH away is
// told in the plan, and in mode "error" refused there and in the apply, which
// leaves the datastore as it was.
func TestGuardKeepsSSH(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	w := newWorkspace(t, failsafe, guardedBy("error", etcd))
	succeed(t, w, "apply")
	etcd.Put(t, guardedFelixKey, guardedFelix)
	etcd.Put(t, guardedEndpointKey, guardedEndpoint)
	before := etcd.Prefix(t, "")
	untouched := func(what string) {
		t.Helper()
		if after := etcd.Prefix(t, ""); !slices.Equal(before, after) {
			t.Errorf("%s: the datastore is not as it was", what)
		}
	}

	// What is taken out on purpose is no loss.
	rewrite(t, w, strings.Replace(failsafe, "10.1.0.0/24", "10.9.0.0/24", 1), guardedBy("error", etcd))
	succeed(t, w, "plan")

	// A policy before it that denies.
	const cutsOff = "Change Would Cut Off Guarded Traffic"
	for what, configuration := range map[string]string{
		"a policy before it": failsafe + `
resource "calico_global_network_policy" "deny" {
  name    = "deny-ssh"
  order   = -1
  ingress {
    action   = "Deny"
    protocol = "TCP"
    destination {
      ports = [22]
    }
  }
}
`,
	} {
		rewrite(t, w, configuration, guardedBy("error", etcd))
		d := fail(t, w, "plan")
		if d.Summary != cutsOff {
			t.Errorf("%s: %s", what, d)
		}
		d.Says(t, "db1-eth0: management access (TCP port 22 from 10.1.0.0/24): denied", "now: allowed by rule 1 of ingress of policy \"failsafe\"", "depends_on")
		untouched(what)

		rewrite(t, w, configuration, guardedBy("warn", etcd))
		o := run(t, w, "plan")
		if warnings := o.Of("warning"); o.Failed || len(warnings) != 1 || warnings[0].Summary != cutsOff {
			t.Errorf("%s, in mode warn: failed %t, with %v", what, o.Failed, o.Diagnostics)
		}
		rewrite(t, w, configuration, guardedBy("off", etcd))
		succeed(t, w, "plan")
	}

	// A deletion is refused by the apply: Terraform might have deleted the
	// endpoints before.
	rewrite(t, w, guardedBy("error", etcd))
	o := run(t, w, "plan")
	if warnings := o.Of("warning"); o.Failed || len(warnings) != 1 || warnings[0].Summary != cutsOff {
		t.Errorf("plan of a deletion: failed %t, with %v", o.Failed, o.Diagnostics)
	}
	fail(t, w, "apply").Says(t, "lockout_guard refused this change", "db1-eth0", "Nothing was written", "accept block of lockout_guard")
	untouched("a deletion")

	// Wide changes that keep it are no matter, and make no noise.
	rewrite(t, w, strings.Replace(failsafe, `"10.1.0.0/24"]`, `"10.1.0.0/24", "10.9.0.0/24"]`+"\n  management_ports = [22, 2222]\n  order = -5", 1), guardedBy("error", etcd))
	succeed(t, w, "apply")
	etcd.Delete(t, guardedEndpointKey)
	succeed(t, w, "destroy")
}

// The guide from its beginning to its end, and back, passes the guard in mode
// "error" where the dependencies are the guide's.
func TestGuardLetsTheGuidePass(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	before := etcd.Prefix(t, "")
	guide := failsafe + strings.Replace(hostEndpoint("db1"), "\n}", "\n  depends_on = [calico_failsafe_policy.this]\n}", 1) + `
resource "calico_felix_configuration" "default" {
  name                         = "default"
  failsafe_inbound_host_ports  = []
  failsafe_outbound_host_ports = []
  depends_on                   = [calico_host_endpoint.db1]
}
`
	w := newWorkspace(t, guide, guardedBy("error", etcd))
	succeed(t, w, "apply")
	if o := run(t, w, "destroy"); o.Failed {
		t.Fatalf("destroy: %v", o.Diagnostics)
	}
	if after := etcd.Prefix(t, ""); !slices.Equal(before, after) {
		t.Errorf("something is left behind: %v", after)
	}
}

// Whatever kind of object it is that a flow depends on: a plan whose change would
// stop it is refused, by the name of the flow and with what would drop it; and one
// that lets it go on is applied, and makes no noise.
func TestGuardOfEveryKind(t *testing.T) {
	t.Parallel()
	const (
		ssh    = guardedSSH
		etcd   = "name = \"etcd\"\ndirection = \"egress\"\nport = 2379\ncidr = \"10.2.0.11\""
		dbOnly = "name = \"postgres\"\nport = 5432\ncidr = \"10.4.0.0/16\"\nendpoint_selector = \"role == 'db'\""
	)
	type objects = map[string]string
	dbEndpoint := storedJSON("HostEndpoint", "db1-eth0", `{"role":"db"}`, `{"node":"db1","interfaceName":"eth0"}`)
	webEndpoint := storedJSON("HostEndpoint", "web1-eth0", `{"role":"web"}`, `{"node":"web1","interfaceName":"eth0"}`)
	profiled := storedJSON("HostEndpoint", "db1-eth0", "{}", `{"node":"db1","interfaceName":"eth0","profiles":["hosts"]}`)
	web := objects{policyKeys + "default.web": storedJSON("GlobalNetworkPolicy", "default.web", "{}", `{"selector":"all()","types":["Ingress"],"ingress":[{"action":"Allow","protocol":"TCP","destination":{"ports":[80]}}]}`)}
	bySet := objects{policyKeys + "default.ssh": racedPolicy(0, allowSet, "all()")}
	openToAll := objects{
		policyKeys + "default.open": storedJSON("GlobalNetworkPolicy", "default.open", "{}", `{"selector":"all()","order":100,"types":["Ingress"],"ingress":[{"action":"Allow"}]}`),
		guardedEndpointKey:          dbEndpoint,
		endpointKeys + "web1-eth0":  webEndpoint,
	}
	forDB := objects{policyKeys + "default.ssh": racedPolicy(0, allowSSH, "role == 'db'")}

	tier := func(order, action string) string {
		return fmt.Sprintf(`
resource "calico_tier" "security" {
  name           = "security"
  order          = %s
  default_action = %q
}

resource "calico_global_network_policy" "web" {
  name = "security.web"
  tier = calico_tier.security.name
  ingress {
    action   = "Allow"
    protocol = "TCP"
    destination {
      ports = [80]
    }
  }
}
`, order, action)
	}
	set := func(nets, labels string) string {
		return fmt.Sprintf(`
resource "calico_global_network_set" "management" {
  name   = "management"
  nets   = %s
  labels = %s
}
`, nets, labels)
	}
	profile := func(port, labels string) string {
		return fmt.Sprintf(`
resource "calico_profile" "hosts" {
  name            = "hosts"
  ingress {
    action   = "Allow"
    protocol = "TCP"
    source {
      nets = ["10.1.0.0/16"]
    }
    destination {
      ports = [%s]
    }
  }
  labels_to_apply = %s
}
`, port, labels)
	}
	endpoint := func(labels string) string {
		return fmt.Sprintf(`
resource "calico_host_endpoint" "db1" {
  name           = "db1-eth0"
  node           = "db1"
  interface_name = "eth0"
  labels         = %s
}
`, labels)
	}
	felix := func(inbound, outbound string) string {
		return fmt.Sprintf(`
resource "calico_felix_configuration" "default" {
  name                         = "default"
  failsafe_inbound_host_ports  = %s
  failsafe_outbound_host_ports = %s
}
`, inbound, outbound)
	}
	policy := func(name string, lines ...string) string {
		return fmt.Sprintf("\nresource \"calico_global_network_policy\" %[1]q {\n  name = %[1]q\n  %[2]s\n}\n", name, strings.Join(lines, "\n  "))
	}
	withEtcd := strings.Replace(failsafe, "]\n}", "]\n  etcd_server { address = \"10.2.0.11\" }\n}", 1)
	const keepSSH, keepEtcd = `[{ protocol = "TCP", port = 22, net = "any" }]`, `[{ protocol = "TCP", port = 2379, net = "any" }]`

	for name, test := range map[string]struct {
		// stored is there at first beside the endpoint and the Felix without failsafe
		// ports, or in place of them; "" is nothing.
		stored objects
		// was is applied, and then is planned, and applied where it is not refused.
		was, is string
		flows   []string
		// says is what the refusal tells; nothing where there is none.
		says []string
		// but is what it does not tell.
		but string
	}{
		"a tier comes before that denies the rest":       {was: failsafe, is: failsafe + tier("10", "Deny"), flows: []string{ssh}, says: []string{`tier "security"`}},
		"a tier comes before that passes the rest":       {was: failsafe, is: failsafe + tier("10", "Pass"), flows: []string{ssh}},
		"a tier comes behind":                            {was: failsafe, is: failsafe + tier("2000000", "Deny"), flows: []string{ssh}},
		"a tier moves before":                            {was: failsafe + tier("2000000", "Deny"), is: failsafe + tier("10", "Deny"), flows: []string{ssh}, says: []string{`tier "security"`}},
		"a tier denies the rest now":                     {was: failsafe + tier("10", "Pass"), is: failsafe + tier("10", "Deny"), flows: []string{ssh}, says: []string{`tier "security"`}},
		"a set loses the network":                        {stored: bySet, was: set(`["10.1.0.0/24", "10.5.0.0/16"]`, `{ use = "management" }`), is: set(`["10.5.0.0/16"]`, `{ use = "management" }`), flows: []string{ssh}, says: []string{`policy "ssh"`}},
		"a set loses the label":                          {stored: bySet, was: set(`["10.1.0.0/24"]`, `{ use = "management" }`), is: set(`["10.1.0.0/24"]`, `{ use = "backup" }`), flows: []string{ssh}, says: []string{"denied"}},
		"a set loses another network":                    {stored: bySet, was: set(`["10.1.0.0/24", "10.5.0.0/16"]`, `{ use = "management" }`), is: set(`["10.1.0.0/24"]`, `{ use = "management", of = "ops" }`), flows: []string{ssh}},
		"a profile closes the port":                      {stored: objects{guardedEndpointKey: profiled}, was: profile("22", `{}`), is: profile("2222", `{}`), flows: []string{ssh}, says: []string{"denied"}},
		"a profile opens more ports":                     {stored: objects{guardedEndpointKey: profiled}, was: profile("22", `{}`), is: profile("22, 2222", `{ zone = "dmz" }`), flows: []string{ssh}},
		"a profile no longer gives the label":            {stored: with(forDB, objects{guardedEndpointKey: profiled}), was: profile("2222", `{ role = "db" }`), is: profile("2222", `{ role = "web" }`), flows: []string{ssh}, says: []string{"denied"}},
		"an endpoint's label no longer selects a policy": {stored: with(forDB, objects{guardedEndpointKey: ""}), was: endpoint(`{ role = "db" }`), is: endpoint(`{ role = "dbs" }`), flows: []string{ssh}, says: []string{"denied"}},
		"an endpoint has another label too":              {stored: with(forDB, objects{guardedEndpointKey: ""}), was: endpoint(`{ role = "db" }`), is: endpoint(`{ role = "db", zone = "a" }`), flows: []string{ssh}},
		"a new endpoint that nothing opens":              {stored: with(web, objects{guardedEndpointKey: ""}), is: endpoint(`{}`), flows: []string{ssh}, says: []string{"now: not protected, nothing is dropped"}},
		"the failsafe ports go":                          {stored: with(web, objects{guardedFelixKey: ""}), is: felix("[]", "[]"), flows: []string{ssh}, says: []string{"now: allowed", "failsafe"}},
		"the failsafe ports become others":               {stored: with(web, objects{guardedFelixKey: ""}), is: felix(keepEtcd, keepEtcd), flows: []string{ssh}, says: []string{"now: allowed", "failsafe"}},
		"the failsafe ports keep it":                     {stored: with(web, objects{guardedFelixKey: ""}), is: felix(keepSSH, "[]"), flows: []string{ssh}},
		"the outbound failsafe ports go":                 {stored: objects{guardedFelixKey: ""}, was: failsafe, is: failsafe + felix(keepSSH, "[]"), flows: []string{ssh, etcd}, says: []string{"db1-eth0: etcd (TCP port 2379 to 10.2.0.11): denied"}, but: "ssh ("},
		"the outbound failsafe ports keep it":            {stored: objects{guardedFelixKey: ""}, was: failsafe, is: failsafe + felix("[]", keepEtcd), flows: []string{ssh, etcd}},
		"the way out is taken":                           {was: withEtcd, is: failsafe, flows: []string{etcd}, says: []string{"db1-eth0: etcd (TCP port 2379 to 10.2.0.11): denied"}},
		"more ways out":                                  {was: withEtcd, is: strings.Replace(withEtcd, "10.2.0.11", "10.2.0.0/24", 1), flows: []string{etcd}},
		"where it is watched over":                       {stored: openToAll, is: policy("deny", "order = -1", `ingress { action = "Deny" }`), flows: []string{dbOnly}, says: []string{"db1-eth0: postgres (TCP port 5432 from 10.4.0.0/16): denied"}, but: "web1-eth0"},
		"where it is not watched over":                   {stored: openToAll, is: policy("deny", "order = -1", `selector = "role == 'web'"`, `ingress { action = "Deny" }`), flows: []string{dbOnly}},
		"part of the network":                            {was: failsafe, is: failsafe + policy("deny", "order = -1", nested("ingress", `action = "Deny"`, `source { nets = ["10.1.0.128/25"] }`)), flows: []string{ssh}, says: []string{`denied for 10.1.0.128/25 by rule 1 of ingress of policy "deny"`}},
		"another network, another port, another order": {was: failsafe, is: strings.Replace(failsafe, "]\n}", "]\n  order = 50\n}", 1) +
			policy("nets", "order = -1", nested("ingress", `action = "Deny"`, `source { nets = ["10.1.1.0/24"] }`)) +
			policy("ports", "order = -1", nested("ingress", `action = "Deny"`, `protocol = "TCP"`, `destination { ports = [23] }`)) +
			policy("last", "order = 100", `ingress { action = "Deny" }`, "depends_on = [calico_failsafe_policy.this]"), flows: []string{ssh}},
		"another policy takes over": {was: failsafe, is: strings.Replace(narrowed, "]\n}", "]\n  depends_on = [calico_global_network_policy.ssh]\n}", 1) +
			policy("ssh", "order = -1", nested("ingress", `action = "Allow"`, `protocol = "TCP"`, `source { nets = ["10.1.0.0/16"] }`, `destination { ports = [22] }`)), flows: []string{ssh}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
			for key, value := range with(objects{guardedFelixKey: guardedFelix, guardedEndpointKey: guardedEndpoint}, test.stored) {
				if value != "" {
					etcd.Put(t, key, value)
				}
			}
			provider := guarding(etcd.Endpoints[0], test.flows...)
			w := newWorkspace(t, test.was, provider)
			if test.was != "" {
				succeed(t, w, "apply")
			}
			rewrite(t, w, test.is, provider)
			if test.says == nil {
				succeed(t, w, "apply")
				noChanges(t, w)
				return
			}
			d := fail(t, w, "plan")
			d.Says(t, append(test.says, "Change Would Cut Off Guarded Traffic", "db1-eth0: "+strings.SplitN(test.flows[len(test.flows)-1], `"`, 3)[1])...)
			if test.but != "" && strings.Contains(d.Detail, test.but) {
				t.Errorf("it tells of %q, which goes on:\n%s", test.but, d)
			}
		})
	}
}
