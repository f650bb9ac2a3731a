package provider_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// keepingOut is a provider block with a strict exposure_guard, which has these blocks,
// for an etcd.
func keepingOut(endpoint string, blocks ...string) string {
	return block(nested("exposure_guard", append([]string{text("mode", "error")}, blocks...)...) + "\n" + nested("lockout_guard", text("mode", "off")) + "\n" + inEtcd(at(endpoint)))
}

// database is a flow that must stay out, from everywhere.
const database = "flow {\n  name = \"database\"\n  port = 5432\n  cidr = \"0.0.0.0/0\"\n}"

// databaseRule is a rule about that port, from some networks or from everywhere.
func databaseRule(action string, nets ...string) string {
	source := ""
	if len(nets) > 0 {
		source = "  source {\n    nets = [\"" + strings.Join(nets, `", "`) + "\"]\n  }\n"
	}
	return fmt.Sprintf("ingress {\n  action = %q\n  protocol = \"TCP\"\n%s  destination {\n    ports = [5432]\n  }\n}\n", action, source)
}

// storedRule is databaseRule as it is stored, with a selector of the far side if that
// is not empty.
func storedRule(action, selector string) string {
	source := "{}"
	if selector != "" {
		source = fmt.Sprintf(`{"selector":%q}`, selector)
	}
	return fmt.Sprintf(`{"action":%q,"protocol":"TCP","source":%s,"destination":{"ports":[5432]}}`, action, source)
}

// Whatever kind of object it is that keeps traffic out: a plan whose change would let
// it in is refused, with what lets it in; and one that does not is applied, and makes
// no noise.
func TestExposureGuardOfEveryKind(t *testing.T) {
	t.Parallel()
	type objects = map[string]string
	endpoint := func(arguments string) string {
		return "\nresource \"calico_host_endpoint\" \"db1\" {\n  name = \"db1-eth0\"\n  interface_name = \"eth0\"\n" + arguments + "\n}\n"
	}
	tier := func(action string) string {
		return fmt.Sprintf("\nresource \"calico_tier\" \"security\" {\n  name = \"security\"\n  order = 10\n  default_action = %q\n}\n", action) +
			"\nresource \"calico_global_network_policy\" \"web\" {\n  name = \"security.web\"\n  tier = calico_tier.security.name\n  types = [\"Ingress\"]\n}\n"
	}
	set := func(nets, use string) string {
		return fmt.Sprintf("\nresource \"calico_global_network_set\" \"clients\" {\n  name = \"clients\"\n  nets = [%s]\n  labels = { use = %q }\n}\n", nets, use)
	}
	profile := func(port string) string {
		return fmt.Sprintf("\nresource \"calico_profile\" \"hosts\" {\n  name = \"hosts\"\n  ingress {\n    action = \"Allow\"\n    protocol = \"TCP\"\n    destination {\n      ports = [%s]\n    }\n  }\n}\n", port)
	}
	felix := func(ports string) string {
		return "\nresource \"calico_felix_configuration\" \"default\" {\n  name = \"default\"\n  failsafe_inbound_host_ports = " + ports + "\n  failsafe_outbound_host_ports = []\n}\n"
	}
	stored := func(name, order, rule string) objects {
		return objects{policyKeys + "default." + name: storedJSON("GlobalNetworkPolicy", "default."+name, "{}", fmt.Sprintf(`{"selector":"all()","order":%s,"types":["Ingress"],"ingress":[%s]}`, order, rule))}
	}
	allowAll := stored("open", "100", `{"action":"Allow"}`)
	forClients := stored("db", "1", storedRule("Allow", "use == 'clients'"))
	profiled := objects{guardedEndpointKey: storedJSON("HostEndpoint", "db1-eth0", "{}", `{"node":"db1","interfaceName":"eth0","profiles":["hosts"]}`)}
	labelled := objects{guardedEndpointKey: "", policyKeys + "default.db": storedJSON("GlobalNetworkPolicy", "default.db", "{}", `{"selector":"role == 'open'","order":1,"types":["Ingress"],"ingress":[`+storedRule("Allow", "")+`]}`)}

	// The far side is one host among many that no rule tells apart.
	far := with(stored("db", "1", storedRule("Allow", "role == 'client'")), objects{})
	for i, role := range []string{"app", "client", "app"} {
		name := fmt.Sprintf("app%d", i)
		far[endpointKeys+name] = storedJSON("HostEndpoint", name, fmt.Sprintf(`{"role":%q}`, role), fmt.Sprintf(`{"node":%q,"interfaceName":"eth0","expectedIPs":["10.0.9.%d"]}`, name, i))
	}
	host := func(role string) string {
		return fmt.Sprintf("\nresource \"calico_host_endpoint\" \"app\" {\n  name = \"app-eth0\"\n  node = \"app\"\n  interface_name = \"eth0\"\n  expected_ips = [\"10.0.9.9\"]\n  labels = { role = %q }\n}\n", role)
	}

	for name, test := range map[string]struct {
		// stored is there at first beside the endpoint and the Felix without failsafe
		// ports, or in place of them; "" is nothing.
		stored objects
		// was is applied, and then is planned, and applied if it is not refused.
		was, is string
		// says is what the refusal tells; nothing if there is none.
		says []string
	}{
		"a condition is dropped":       {was: policyOf("db", "order = 1", databaseRule("Allow", "10.4.0.0/16")), is: policyOf("db", "order = 1", databaseRule("Allow")), says: []string{`allowed`, `rule 1 of ingress of policy "db"`}},
		"a condition is narrowed":      {was: policyOf("db", "order = 1", databaseRule("Allow", "10.4.0.0/16")), is: policyOf("db", "order = 1", databaseRule("Allow", "10.4.1.0/24"))},
		"a Deny becomes a Log":         {stored: allowAll, was: policyOf("no", "order = 1", databaseRule("Deny")), is: policyOf("no", "order = 1", databaseRule("Log")), says: []string{`policy "open"`}},
		"a Deny moves behind":          {stored: allowAll, was: policyOf("no", "order = 1", databaseRule("Deny")), is: policyOf("no", "order = 200", databaseRule("Deny")), says: []string{`policy "open"`}},
		"a Deny moves within":          {stored: allowAll, was: policyOf("no", "order = 1", databaseRule("Deny")), is: policyOf("no", "order = 50", databaseRule("Deny"))},
		"a Deny leaves out a network":  {stored: allowAll, was: policyOf("no", "order = 1", databaseRule("Deny")), is: policyOf("no", "order = 1", databaseRule("Deny", "0.0.0.0/1")), says: []string{"128.0.0.0/1"}},
		"a policy selects no more":     {stored: allowAll, was: policyOf("no", "order = 1", databaseRule("Deny")), is: policyOf("no", "order = 1\n  selector = \"has(role)\"", databaseRule("Deny")), says: []string{`policy "open"`}},
		"a policy of another port":     {was: failsafe, is: failsafe + policyOf("web", "order = 1", strings.ReplaceAll(databaseRule("Allow"), "5432", "5433"))},
		"a label that is let in":       {stored: labelled, was: endpoint("  node = \"db1\"\n  labels = { role = \"db\" }") + failsafe, is: endpoint("  node = \"db1\"\n  labels = { role = \"open\" }") + failsafe, says: []string{`policy "db"`}},
		"another label":                {stored: labelled, was: endpoint("  node = \"db1\"\n  labels = { role = \"db\" }") + failsafe, is: endpoint("  node = \"db1\"\n  labels = { role = \"db\", rack = \"1\" }") + failsafe},
		"a tier passes the rest":       {stored: allowAll, was: tier("Deny"), is: tier("Pass"), says: []string{`policy "open"`}},
		"a tier denies the rest":       {stored: allowAll, was: tier("Pass"), is: tier("Deny")},
		"a set has one network more":   {stored: forClients, was: set(`"10.4.0.0/16"`, "clients"), is: set(`"10.4.0.0/16", "192.0.2.0/24"`, "clients"), says: []string{"192.0.2.0/24"}},
		"a set has one network less":   {stored: forClients, was: set(`"10.4.0.0/16", "192.0.2.0/24"`, "clients"), is: set(`"10.4.0.0/16"`, "clients")},
		"a set gets the label":         {stored: forClients, was: set(`"192.0.2.0/24"`, "others"), is: set(`"192.0.2.0/24"`, "clients"), says: []string{"192.0.2.0/24"}},
		"a profile opens the port":     {stored: profiled, was: profile("22"), is: profile("22, 5432"), says: []string{`profile "hosts"`}},
		"a profile opens another port": {stored: profiled, was: profile("22"), is: profile("22, 5433")},
		"a failsafe port comes back":   {stored: with(stored("no", "1", storedRule("Deny", "")), objects{guardedFelixKey: ""}), was: felix("[]"), is: felix(`[{ protocol = "TCP", port = 5432, net = "any" }]`), says: []string{"failsafe port"}},
		"another failsafe port":        {stored: with(stored("no", "1", storedRule("Deny", "")), objects{guardedFelixKey: ""}), was: felix("[]"), is: felix(`[{ protocol = "TCP", port = 22, net = "any" }]`)},
		"do_not_track lets it in": {was: failsafe, is: failsafe + policyOf("raw", "order = 1\n  do_not_track = true\n  apply_on_forward = true", databaseRule("Allow")+
			"egress {\n  action = \"Allow\"\n  protocol = \"TCP\"\n  source {\n    ports = [5432]\n  }\n}\n"), says: []string{`policy "raw"`}},
		"do_not_track lets nothing back": {was: failsafe, is: failsafe + policyOf("raw", "order = 1\n  do_not_track = true\n  apply_on_forward = true\n  types = [\"Ingress\"]", databaseRule("Allow"))},
		"the endpoint is of another node": {stored: objects{guardedEndpointKey: ""}, was: endpoint("  node = \"db1\"") + failsafe, is: endpoint("  node = \"db11\"") + failsafe,
			says: []string{"db1-eth0: database (TCP port 5432 from 0.0.0.0/0): let in, as no host endpoint protects the interface any more", "denied"}},
		"the endpoint is of all interfaces":      {stored: objects{guardedEndpointKey: ""}, was: endpoint("  node = \"db1\"") + failsafe, is: strings.Replace(endpoint("  node = \"db1\""), `"eth0"`, `"*"`, 1) + failsafe},
		"a far host gets a label that is let in": {stored: far, was: host("app"), is: host("client"), says: []string{"allowed for 10.0.9.9", `policy "db"`}},
		"a far host gets another label":          {stored: far, was: host("app"), is: host("web")},
		"a new far host that is let in":          {stored: far, is: host("client"), says: []string{"allowed for 10.0.9.9"}},
		"it cannot be told any more": {stored: allowAll, was: policyOf("no", "order = 1", databaseRule("Deny")),
			is: policyOf("no", "order = 1", strings.Replace(databaseRule("Deny"), "ports =", "nets = [\"10.0.0.0/24\"]\n    ports =", 1)), says: []string{"cannot be decided", "expectedIPs"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
			for key, value := range with(objects{guardedFelixKey: guardedFelix, guardedEndpointKey: guardedEndpoint}, test.stored) {
				if value != "" {
					etcd.Put(t, key, value)
				}
			}
			w := newWorkspace(t, test.was, guardedBy("off", etcd))
			run(t, w, "apply")
			before := etcd.Prefix(t, "")
			provider := keepingOut(etcd.Endpoints[0], database)
			rewrite(t, w, test.is, provider)
			if test.says == nil {
				if o := run(t, w, "apply"); o.Failed {
					t.Fatalf("refused: %v", o.Diagnostics)
				}
				noChanges(t, w)
				return
			}
			o := run(t, w, "plan")
			errs := o.Of("error")
			if len(errs) != 1 || errs[0].Summary != exposedSummary {
				t.Fatalf("want one error %q, got %v", exposedSummary, o.Diagnostics)
			}
			errs[0].Says(t, append(test.says, "db1-eth0: database (TCP port 5432 from 0.0.0.0/0)")...)
			if !slices.Equal(before, etcd.Prefix(t, "")) {
				t.Error("a plan has written")
			}
			rewrite(t, w, test.is, keepingOut(etcd.Endpoints[0], database, "accept {\n  flow = \"database\"\n}"))
			if o := run(t, w, "apply"); o.Failed {
				t.Errorf("refused though it is accepted: %v", o.Diagnostics)
			}
		})
	}
}

// A deletion is refused by the apply, unless the endpoints are gone before. That of a
// host endpoint opens the host, and is accepted or refused.
func TestExposureGuardOfDeletions(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	etcd.Put(t, guardedFelixKey, guardedFelix)
	deny := policyOf("no", "order = 1", databaseRule("Deny"))
	open := policyOf("open", "order = 100", "ingress {\n  action = \"Allow\"\n}\n")
	endpoint := func(name string) string {
		return fmt.Sprintf("\nresource \"calico_host_endpoint\" \"db1\" {\n  name = %q\n  node = \"db1\"\n  interface_name = \"eth0\"\n  lifecycle {\n    create_before_destroy = true\n  }\n}\n", name)
	}
	w := newWorkspace(t, deny, open, endpoint("db1-eth0"), guardedBy("off", etcd))
	run(t, w, "apply")
	strict := keepingOut(etcd.Endpoints[0], database)
	for _, c := range []struct {
		what, configuration string
		planned, refused    []string
	}{
		{"the Deny", open + endpoint("db1-eth0"), []string{`policy "open"`, "destroyed before", "the apply will refuse it"}, []string{`Unable to Delete GlobalNetworkPolicy "no"`, `policy "open"`}},
		{"the endpoint", deny + open, []string{"no host endpoint protects the interface any more", "out of service", "accept block"}, []string{`Unable to Delete HostEndpoint "db1-eth0"`, "no host endpoint protects", "out of service", "create_before_destroy"}},
	} {
		before := etcd.Prefix(t, "")
		rewrite(t, w, c.configuration, strict)
		o := run(t, w, "plan")
		if warnings := o.Of("warning"); o.Failed || len(warnings) != 1 || warnings[0].Summary != exposedSummary {
			t.Fatalf("%s: %v", c.what, o.Diagnostics)
		}
		o.Of("warning")[0].Says(t, c.planned...)
		fail(t, w, "apply").Says(t, append(c.refused, "exposure_guard refused this change", "db1-eth0: database", "Nothing was written")...)
		if !slices.Equal(before, etcd.Prefix(t, "")) {
			t.Errorf("%s: the datastore is not as it was", c.what)
		}
	}

	// Another name is no exposure if the new endpoint is there before the old one goes.
	rewrite(t, w, deny, open, endpoint("db1-outside"), strict)
	if o := run(t, w, "apply"); o.Failed {
		t.Fatalf("a new name: %v", o.Diagnostics)
	}
	rewrite(t, w, deny, open, keepingOut(etcd.Endpoints[0], database, "accept {\n  flow = \"database\"\n}"))
	if o := run(t, w, "apply"); o.Failed {
		t.Fatalf("accepted: %v", o.Diagnostics)
	}
	// With no endpoint left, policies come and go.
	rewrite(t, w, open, strict)
	succeed(t, w, "apply")
}

// What somebody else does after exposure_guard has consented, and before the write, is
// taken into account.
func TestExposureGuardSeesWhoSlipsIn(t *testing.T) {
	t.Parallel()
	const moreKey = policyKeys + "default.more"
	type objects = map[string]string
	type slip func(*testing.T, *acctest.Etcd)
	put := func(key, value string) slip {
		return func(t *testing.T, etcd *acctest.Etcd) { etcd.Put(t, key, value) }
	}
	remove := func(key string) slip {
		return func(t *testing.T, etcd *acctest.Etcd) { etcd.Delete(t, key) }
	}
	theirs := func(order int, action, from, selector string) string {
		return racedPolicy(order, storedRule(action, from), selector)
	}
	more := func(order int, action string) string {
		return strings.ReplaceAll(theirs(order, action, "", "all()"), "default.ssh", "default.more")
	}
	// Ours lets the port in, behind the policy of somebody else that denies it.
	ours := [2]string{failsafe, failsafe + policyOf("db", "order = 5", databaseRule("Allow"))}
	deletion := [2]string{policyOf("no", "order = 1", databaseRule("Deny")), ""}
	open := objects{moreKey: more(100, "Allow")}
	own := strings.Replace(theirs(-5, "Deny", "", "all()"), "default.ssh", "ssh", 1)
	byLabel := objects{racedKey: theirs(-5, "Deny", "", "role == 'db'"), racedProfileKey: storedJSON("Profile", "db", "{}", `{"labelsToApply":{"role":"db"}}`),
		guardedEndpointKey: storedJSON("HostEndpoint", "db1-eth0", "{}", `{"node":"db1","interfaceName":"eth0","profiles":["db"]}`)}
	const in = "db1-eth0: database (TCP port 5432 from 0.0.0.0/0): allowed"
	for name, test := range map[string]struct {
		ours [2]string
		// stored is there before beside the endpoint and the other's policy, which
		// denies, or in place of them; "" is nothing.
		stored objects
		slipIn slip
		// refused is what the refusal tells; "" if the write is done.
		refused, release string
	}{
		"creation, and the Deny goes":                     {ours: ours, slipIn: remove(racedKey), refused: in + ` by rule 1 of ingress of policy "db"`},
		"creation, and the Deny allows":                   {ours: ours, slipIn: put(racedKey, theirs(10, "Deny", "", "all()")), refused: in},
		"creation, and the Deny is for others":            {ours: ours, slipIn: put(racedKey, theirs(-5, "Deny", "", "role == 'web'")), refused: in},
		"creation, and the Deny knows fewer":              {ours: ours, stored: objects{racedKey: theirs(-5, "Deny", "use == 'management'", "all()"), racedSetKey: racedSet("0.0.0.0/0")}, slipIn: put(racedSetKey, racedSet("10.0.0.0/8")), refused: "database (TCP port 5432 from 0.0.0.0/0)"},
		"creation, and who gives the label goes":          {ours: ours, stored: byLabel, slipIn: remove(racedProfileKey), refused: in},
		"creation, and the endpoint comes":                {ours: ours, stored: objects{racedKey: "", guardedEndpointKey: ""}, slipIn: put(guardedEndpointKey, guardedEndpoint), refused: in},
		"deletion, and the Deny goes":                     {ours: deletion, stored: open, slipIn: remove(racedKey), refused: in + ` by rule 1 of ingress of policy "more"`},
		"deletion, and the Deny moves behind":             {ours: deletion, stored: open, slipIn: put(racedKey, theirs(200, "Deny", "", "all()")), refused: in},
		"before tiers, and the Deny goes":                 {ours: ours, slipIn: remove(racedKey), refused: in, release: "v3.28.5"},
		"by its own name, the Deny goes":                  {ours: ours, stored: objects{racedKey: "", ownNameKey: own}, slipIn: remove(ownNameKey), refused: in, release: "v3.32.1"},
		"creation, and one more denies":                   {ours: ours, slipIn: put(moreKey, more(-3, "Deny"))},
		"creation, and the Deny is of all":                {ours: ours, slipIn: put(racedKey, racedPolicy(-5, `{"action":"Deny"}`, "all()"))},
		"deletion, and the Deny moves within":             {ours: deletion, stored: open, slipIn: put(racedKey, theirs(50, "Deny", "", "all()"))},
		"creation, and another has let it in before ours": {ours: ours, slipIn: put(moreKey, more(-10, "Allow"))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			etcd := acctest.NewEtcd(t, acctest.WithCalico(cmp.Or(test.release, acceptanceRelease)))
			before := objects{guardedFelixKey: guardedFelix, guardedEndpointKey: guardedEndpoint, racedKey: theirs(-5, "Deny", "", "all()")}
			for key, value := range with(before, test.stored) {
				if value != "" {
					etcd.Put(t, key, value)
				}
			}
			server, endpoint := serveRaceEtcd(t, etcd)
			provider := keepingOut(endpoint, database)
			w := newWorkspace(t, test.ours[0], provider)
			if o := run(t, w, "apply"); o.Failed {
				t.Fatalf("apply: %v", o.Diagnostics)
			}
			rewrite(t, w, test.ours[1], provider)
			// Nothing is wrong with it, as long as nobody slips in.
			succeed(t, w, "plan")

			var after []acctest.KeyValue
			server.race(func(write int, _ string) {
				if write == 1 {
					test.slipIn(t, etcd)
					after = etcd.Prefix(t, "")
				}
			})
			if test.refused != "" {
				fail(t, w, "apply").Says(t, "exposure_guard refused this change", test.refused, "Nothing was written")
				if n := server.counted(); n != 1 {
					t.Errorf("%d writes arrived, want 1", n)
				}
				if now := etcd.Prefix(t, ""); !slices.Equal(after, now) {
					t.Errorf("the datastore is not as the other left it:\n%v\n%v", after, now)
				}
				return
			}
			if o := run(t, w, "apply"); o.Failed {
				t.Fatalf("apply: %v", o.Diagnostics)
			}
			if n := server.counted(); n != 2 {
				t.Errorf("%d writes arrived, want one that was in vain and one that was not", n)
			}
			server.race(nil)
			noChanges(t, w)
		})
	}
}
