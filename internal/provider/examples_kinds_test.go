package provider_test

import (
	"encoding/json"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

func testResourceExample(t *testing.T, dir string) {
	files := acctest.Files(t, "examples/"+dir)
	want := []string{"import-by-identity.tf", "import-by-string-id.tf", "import.sh", "resource.tf"}
	if got := slices.Sorted(maps.Keys(files)); !slices.Equal(got, want) {
		t.Fatalf("examples/%s has %q, want %q: what is missing the page lacks, and what is more has no test", dir, got, want)
	}
	command := importCommand(t, files["import.sh"])
	address := command[len(command)-2]
	if resourceType, _, _ := strings.Cut(address, "."); resourceType != path.Base(dir) {
		t.Errorf("import.sh imports a %s", resourceType)
	}

	for _, way := range []struct {
		name string
		cli  acctest.CLI
		do   func(t *testing.T, w *acctest.Workspace)
	}{
		{"import.sh", acctest.TestCLI(t), func(t *testing.T, w *acctest.Workspace) {
			w.MustRun(t, command...)
		}},
		{"import-by-string-id.tf", acctest.TestCLI(t), func(t *testing.T, w *acctest.Workspace) {
			importByBlock(t, w, files["import-by-string-id.tf"])
		}},
		{"import-by-identity.tf", acctest.IdentityCLI(t), func(t *testing.T, w *acctest.Workspace) {
			importByBlock(t, w, files["import-by-identity.tf"])
		}},
	} {
		t.Run(way.name, func(t *testing.T) {
			etcd := acctest.NewEtcd(t, acctest.WithCalico(exampleRelease))
			before := etcd.Prefix(t, "")
			w := acctest.NewWorkspaceWith(t, way.cli, map[string]string{
				"versions.tf": requiredProviders,
				"resource.tf": files["resource.tf"],
			})
			useEtcd(w, etcd)
			applyExample(t, w, etcd)

			// Now the object is there, and Terraform knows nothing of it.
			w.MustRun(t, "state", "rm", address)
			applied := etcd.Prefix(t, "")
			way.do(t, w)
			wantEmptyPlan(t, w)
			wantStored(t, etcd, applied)

			w.MustRun(t, "destroy", "-auto-approve")
			if path.Base(dir) == adopted {
				// What was there when it was imported stays.
				for _, kv := range applied {
					if strings.HasPrefix(kv.Key, acctest.ResourcePrefix+"felixconfigurations/") {
						before = append(before, kv)
					}
				}
				slices.SortFunc(before, func(a, b acctest.KeyValue) int { return strings.Compare(a.Key, b.Key) })
			}
			wantStored(t, etcd, before)
		})
	}
}

// testDataSourceExample applies the examples of calico_connectivity together. The
// plan tells what will be, and stops where that is not what is expected.
func testDataSourceExample(t *testing.T, dir string) {
	files := acctest.Files(t, "examples/"+dir)
	if got, want := slices.Sorted(maps.Keys(files)), []string{"data-source.tf", "data-source_check.tf", "data-source_deletions.tf", "data-source_postcondition.tf"}; !slices.Equal(got, want) {
		t.Fatalf("examples/%s has %q, want %q", dir, got, want)
	}
	etcd := acctest.NewEtcd(t, acctest.WithCalico(exampleRelease))
	before := etcd.Prefix(t, "")
	files["versions.tf"] = requiredProviders
	w := acctest.NewWorkspace(t, files)
	useEtcd(w, etcd)
	_, text, err := w.Plan(t.Context())
	if err != nil || !strings.Contains(text, "**1 host endpoint, 4 flows: 0 unexpected.**") {
		t.Errorf("the plan has no report: %v\n%s", err, text)
	}
	w.MustRun(t, "apply", "-auto-approve")
	wantEmptyPlan(t, w)

	// Somebody else writes policies that come before.
	const policy = `{"kind":"GlobalNetworkPolicy","apiVersion":"projectcalico.org/v3","metadata":{"name":"default.first","uid":"0d3a1d3e-7c1f-4a9e-9d6b-2f0f5a3c8e11","creationTimestamp":"2026-01-02T03:04:05Z"},"spec":{"tier":"default","order":-10,"selector":"all()","types":["Ingress"],"ingress":[{"action":"ACTION","protocol":"TCP","source":{},"destination":{"ports":[PORT]}}]}}`
	key := policyKeys + "default.first"
	for _, c := range []struct{ action, port, severity, says string }{
		{"Deny", "22", "error", "| **unexpected** | SSH from the management network (TCP port 22 from 10.1.0.0/24) | db1-eth0 | **deny** | rule 1 of ingress of policy \"first\" in tier \"default\" | allow |"},
		{"Allow", "5432", "warning", "1 host endpoint, 2 flows: 2 unexpected"},
	} {
		etcd.Put(t, key, strings.NewReplacer("ACTION", c.action, "PORT", c.port).Replace(policy))
		o := run(t, w, "plan")
		if o.Failed != (c.severity == "error") || !slices.ContainsFunc(o.Of(c.severity), func(d diagnostic) bool { return strings.Contains(d.Detail, c.says) }) {
			t.Errorf("%s %s: failed %t, with %v", c.action, c.port, o.Failed, o.Diagnostics)
		}
	}
	etcd.Delete(t, key)
	w.MustRun(t, "destroy", "-auto-approve")
	wantStored(t, etcd, before)
}

// testedExample is an example of these files that is applied by a test.
type testedExample struct {
	files  map[string]string
	etcd   *acctest.Etcd
	before []acctest.KeyValue
	w      *acctest.Workspace
}

// applied applies an example that has these files, and no others.
func applied(t *testing.T, dir string, names ...string) testedExample {
	t.Helper()
	e := testedExample{files: acctest.Files(t, "examples/"+dir), etcd: acctest.NewEtcd(t, acctest.WithCalico(exampleRelease))}
	if got := slices.Sorted(maps.Keys(e.files)); !slices.Equal(got, names) {
		t.Fatalf("examples/%s has %q, and only %q have a test", dir, got, names)
	}
	e.before = e.etcd.Prefix(t, "")
	files := maps.Clone(e.files)
	files["versions.tf"] = requiredProviders
	e.w = acctest.NewWorkspace(t, files)
	useEtcd(e.w, e.etcd)
	applyExample(t, e.w, e.etcd)
	return e
}

// change replaces a text in a file of the example.
func (e testedExample) change(t *testing.T, file, before, after string) {
	t.Helper()
	changed := strings.Replace(e.files[file], before, after, 1)
	if changed == e.files[file] {
		t.Fatalf("there is no %q in %s:\n%s", before, file, changed)
	}
	if err := e.w.WriteFile(file, changed); err != nil {
		t.Fatal(err)
	}
}

// destroy leaves nothing of the example behind.
func (e testedExample) destroy(t *testing.T) {
	t.Helper()
	e.w.MustRun(t, "destroy", "-auto-approve")
	wantStored(t, e.etcd, e.before)
}

func testVerdictExample(t *testing.T, dir string) {
	e := applied(t, dir, "function.tf")
	if got := strings.TrimSpace(e.w.MustRun(t, "output", "-raw", "etcd")); got != "failsafe port TCP 2379" {
		t.Errorf("the output is %q", got)
	}
	e.change(t, "function.tf", "management_cidrs =", "allow_icmp = false\nmanagement_cidrs =")
	fail(t, e.w, "plan").Says(t, "The management network could not ping this host.")
	e.destroy(t)
}

func testManifestExample(t *testing.T, dir string) {
	e := applied(t, dir, "function.tf")
	got := e.w.MustRun(t, "output", "-raw", "failsafe_policy")
	if !strings.HasPrefix(got, "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata:\n  name: failsafe\n") || !strings.Contains(got, "10.2.0.11/32") {
		t.Errorf("the output is\n%s", got)
	}
	e.destroy(t)
}

// storedRules returns the nets of the sources of the policy's rules for inbound
// traffic.
func storedRules(t *testing.T, etcd *acctest.Etcd) [][]string {
	t.Helper()
	var policy struct {
		Spec struct {
			Ingress []struct{ Source struct{ Nets []string } }
		}
	}
	if err := json.Unmarshal([]byte(etcd.MustGet(t, policyKeys+"default.database").Value), &policy); err != nil {
		t.Fatal(err)
	}
	var nets [][]string
	for _, rule := range policy.Spec.Ingress {
		nets = append(nets, rule.Source.Nets)
	}
	return nets
}

// testComputedRules gives the example other clients, and none.
func testComputedRules(t *testing.T, dir string) {
	e := applied(t, dir, "main.tf")
	if diff := cmp.Diff([][]string{{"10.4.0.0/16", "10.5.0.0/16"}, {"2001:db8:4::/48"}}, storedRules(t, e.etcd)); diff != "" {
		t.Errorf("the rules (-want +got):\n%s", diff)
	}
	for clients, want := range map[string][][]string{`["2001:db8:5::/48"]`: {{"2001:db8:5::/48"}}, `[]`: nil} {
		e.w.MustRun(t, "apply", "-auto-approve", "-var=clients="+clients)
		if diff := cmp.Diff(want, storedRules(t, e.etcd)); diff != "" {
			t.Errorf("the rules of %s (-want +got):\n%s", clients, diff)
		}
	}
	e.destroy(t)
}

// testRulesFromYAML has names in the file that no rule has: the plan stops.
func testRulesFromYAML(t *testing.T, dir string) {
	e := applied(t, dir, "main.tf", "rules.yaml")
	if diff := cmp.Diff([][]string{{"10.4.0.0/16", "10.5.0.0/16"}, nil, nil}, storedRules(t, e.etcd)); diff != "" {
		t.Errorf("the rules (-want +got):\n%s", diff)
	}
	for _, wrong := range []struct{ before, after, says string }{
		{"    nets:", "    net:", "source.net in rule 1"},
		{"    not_nets: [10.4.9.0/24]", "    not_nets:", "source.not_nets in rule 1"},
		{"  destination:\n    ports: [9100", "  dest:\n    ports: [9100", "dest in rule 2"},
		{"    type: 8", "    typ: 8", "The block says nothing"},
	} {
		e.change(t, "rules.yaml", wrong.before, wrong.after)
		told := false
		for _, d := range run(t, e.w, "plan").Of("error") {
			told = told || strings.Contains(d.Detail, wrong.says)
		}
		if !told {
			t.Errorf("of %q for %q the plan does not say %q", wrong.after, wrong.before, wrong.says)
		}
	}
	e.change(t, "rules.yaml", "10.5.0.0/16", "10.6.0.0/16")
	applyAgain := e.w.MustRun(t, "apply", "-auto-approve")
	if diff := cmp.Diff([][]string{{"10.4.0.0/16", "10.6.0.0/16"}, nil, nil}, storedRules(t, e.etcd)); diff != "" {
		t.Errorf("the rules after the change (-want +got):\n%s\n%s", diff, applyAgain)
	}
	e.destroy(t)
}

// testPolicyTests runs the tests of a module, with no datastore anywhere, and
// sees them fail where the module is another.
func testPolicyTests(t *testing.T, dir string) {
	files := acctest.Files(t, "examples/"+dir)
	w := acctest.NewWorkspace(t, files)
	w.MustRun(t, "get", "-test-directory=tests")
	if out := w.MustRun(t, "test", "-no-color"); !strings.Contains(out, "2 passed, 0 failed.") {
		t.Errorf("the tests say\n%s", out)
	}
	if err := w.WriteFile("main.tf", strings.Replace(files["main.tf"], `"Allow"`, `"Deny"`, 1)); err != nil {
		t.Fatal(err)
	}
	if out, err := w.Run(t, "test", "-no-color"); err == nil || !strings.Contains(err.Error(), "Clients do not reach the database.") {
		t.Errorf("with another rule the tests say %v\n%s", err, out)
	}
}

// adopted is the resource that shares its object with others.
const adopted = "calico_felix_configuration"

// importCommand returns the arguments of the one `terraform import` that a
// script consists of.
func importCommand(t *testing.T, script string) []string {
	t.Helper()
	words := strings.Fields(script)
	if strings.Count(script, "\n") != 1 || strings.ContainsAny(script, `'"\$`) || len(words) < 4 || words[0] != "terraform" || words[1] != "import" {
		t.Fatalf("import.sh is not one `terraform import ADDRESS ID`, without quotes:\n%s", script)
	}
	return words[1:]
}

func importByBlock(t *testing.T, w *acctest.Workspace, block string) {
	t.Helper()
	if err := w.WriteFile("import.tf", block); err != nil {
		t.Fatal(err)
	}
	const want = "Resources: 1 imported, 0 added, 0 changed, 0 destroyed."
	if out := w.MustRun(t, "apply", "-auto-approve"); !strings.Contains(out, want) {
		t.Errorf("apply does not say %q:\n%s", want, out)
	}
}

// testGuideExample applies one configuration. What it stores, of those in guide/, is
// compared with the manifest beside it in the conformance tests.
func testGuideExample(t *testing.T, dir string) {
	configuration := acctest.Files(t, "examples/"+dir)["main.tf"]
	if configuration == "" {
		t.Fatalf("there is no examples/%s/main.tf", dir)
	}
	etcd := acctest.NewEtcd(t, acctest.WithCalico(exampleRelease))
	before := etcd.Prefix(t, "")
	w := acctest.NewWorkspace(t, map[string]string{"versions.tf": requiredProviders, "main.tf": configuration})
	useEtcd(w, etcd)
	applyExample(t, w, etcd)
	w.MustRun(t, "destroy", "-auto-approve")
	wantStored(t, etcd, before)
}

// testProviderExample applies the provider block of the example, with a resource
// of another, to an etcd that lets in only who has a certificate.
func testProviderExample(t *testing.T, dir string) {
	files := acctest.Files(t, "examples/"+dir)
	if got := slices.Sorted(maps.Keys(files)); !slices.Equal(got, []string{"provider.tf"}) {
		t.Fatalf("examples/%s has %q, and only provider.tf has a test", dir, got)
	}
	etcd := acctest.NewEtcd(t, acctest.WithTLS(), acctest.WithMembers(2), acctest.WithCalico(exampleRelease))
	before := etcd.Prefix(t, "")
	configuration := files["provider.tf"]
	for example, here := range map[string]string{
		"https://etcd1.example.net:2379":      etcd.Endpoints[0],
		"https://etcd2.example.net:2379":      etcd.Endpoints[1],
		"/etc/calico/certs/ca.pem":            etcd.Certificates.CAFile,
		"/etc/calico/certs/terraform.pem":     etcd.Certificates.CertFile,
		"/etc/calico/certs/terraform-key.pem": etcd.Certificates.KeyFile,
	} {
		if !strings.Contains(configuration, example) {
			t.Fatalf("there is no %s in the example:\n%s", example, configuration)
		}
		configuration = strings.ReplaceAll(configuration, example, here)
	}
	if strings.Contains(configuration, "example.net") || strings.Contains(configuration, "/etc/calico") {
		t.Fatalf("the example has more that is not to be had here:\n%s", configuration)
	}
	w := acctest.NewWorkspace(t, map[string]string{
		"provider.tf": configuration,
		"resource.tf": acctest.Files(t, "examples/resources/calico_host_endpoint")["resource.tf"],
	})
	applyExample(t, w, etcd)
	w.MustRun(t, "destroy", "-auto-approve")
	wantStored(t, etcd, before)
}

func testTwoDatacenters(t *testing.T, dir string) {
	east := acctest.NewEtcd(t, acctest.WithCalico("v3.28.5"))
	west := acctest.NewEtcd(t, acctest.WithCalico("v3.32.1"))
	eastBefore, westBefore := east.Prefix(t, ""), west.Prefix(t, "")

	w := acctest.NewWorkspace(t, acctest.Files(t, "examples/"+dir))
	for name, etcd := range map[string]*acctest.Etcd{"east": east, "west": west} {
		endpoints, err := json.Marshal(etcd.Endpoints)
		if err != nil {
			t.Fatal(err)
		}
		w.Env = append(w.Env, "TF_VAR_"+name+"_etcd_endpoints="+string(endpoints))
	}
	w.MustRun(t, "apply", "-auto-approve")
	wantEmptyPlan(t, w)

	// Each datacenter has its own hosts, and its policy under the name that its
	// release gives it.
	want := []string{
		"globalnetworkpolicies/default.allow-db", "globalnetworkpolicies/default.allow-web", "globalnetworkpolicies/default.failsafe", "globalnetworksets/clients",
		"hostendpoints/db1-eth0", "hostendpoints/web1-eth0",
	}
	if diff := cmp.Diff(want, newKeys(t, east, eastBefore)); diff != "" {
		t.Errorf("keys in the east (-want +got):\n%s", diff)
	}
	want = []string{
		"felixconfigurations/default", "globalnetworkpolicies/allow-db", "globalnetworkpolicies/security.failsafe", "globalnetworkpolicies/security.quarantine",
		"globalnetworksets/clients", "hostendpoints/db2-all", "tiers/security",
	}
	if diff := cmp.Diff(want, newKeys(t, west, westBefore)); diff != "" {
		t.Errorf("keys in the west (-want +got):\n%s", diff)
	}

	// And its own networks. The manifests have the names that the user gave.
	var manifests map[string]string
	if err := json.Unmarshal([]byte(w.MustRun(t, "output", "-json", "failsafe_policies")), &manifests); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][2]string{"east": {"failsafe", "10.1.0.0/24"}, "west": {"security.failsafe", "2001:db8:65::/64"}} {
		if !strings.Contains(manifests[name], "name: "+want[0]+"\n") || !strings.Contains(manifests[name], want[1]) {
			t.Errorf("the policy of the %s has not the name %s or not the network %s:\n%s", name, want[0], want[1], manifests[name])
		}
	}

	w.MustRun(t, "destroy", "-auto-approve")
	wantStored(t, east, eastBefore)
	wantStored(t, west, westBefore)
}

var terraformBlock = regexp.MustCompile("(?s)```terraform\n(.*?)```")
