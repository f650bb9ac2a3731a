package provider_test

import (
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// Fields that no version of the provider knows are told of in a plan that changes what
// holds them, kept by it, and never moved to another rule.
func TestUnknownFieldsInPlans(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	const key = policyKeys + "default.p"
	etcd.Put(t, key, storedJSON("GlobalNetworkPolicy", "default.p", "{}",
		`{"order":1,"selector":"all()","types":["Ingress"],"ingress":[{"action":"Allow","protocol":"TCP","source":{},"destination":{},"futureMatch":{"x":[1]}},{"action":"Deny","protocol":"TCP","source":{},"destination":{}}],"futureOrder":7}`))
	policy := func(order string, actions ...string) string {
		rules := "order = " + order + "\n  selector = \"all()\"\n  types = [\"Ingress\"]\n"
		for _, action := range actions {
			rules += "ingress {\n  action   = \"" + action + "\"\n  protocol = \"TCP\"\n}\n"
		}
		return policyOf("p", "", rules)
	}
	provider := etcdBlock(at(etcd.Endpoints...))
	w := newWorkspace(t, policy("1", "Allow", "Deny"), provider, "import {\n  to = calico_global_network_policy.p\n  id = \"p\"\n}\n")
	run(t, w, "apply")
	noChanges(t, w)
	told := func(o outcome) diagnostic {
		t.Helper()
		for _, d := range o.Diagnostics {
			if strings.Contains(d.Summary, "Unknown Fields") {
				return d
			}
		}
		t.Fatalf("unknown fields are not told of: %v", o.Diagnostics)
		return diagnostic{}
	}
	kept := func() {
		t.Helper()
		if value := etcd.MustGet(t, key).Value; !strings.Contains(value, `"futureMatch":{"x":[1]}`) || !strings.Contains(value, `"futureOrder":7`) {
			t.Errorf("it is stored as %s", value)
		}
	}

	rewrite(t, w, policy("2", "Allow", "Deny"), provider)
	o := run(t, w, "apply")
	told(o).Says(t, "Object Has Unknown Fields: p", "spec.futureOrder", "spec.ingress[0].futureMatch")
	if o.Failed {
		t.Fatalf("refused: %v", o.Diagnostics)
	}
	kept()
	for _, actions := range [][]string{{"Deny", "Allow"}, {"Deny"}, {"Pass", "Log"}} {
		rewrite(t, w, policy("2", actions...), provider)
		d := told(run(t, w, "plan"))
		if d.Severity != "error" {
			t.Errorf("%v: %s", actions, d)
		}
		d.Says(t, "Change Would Lose Unknown Fields", "spec.ingress[0].futureMatch", "one attribute of an element at a time")
	}
	// Others may come and go around it, and it may be edited.
	for _, actions := range [][]string{{"Allow", "Log", "Deny"}, {"Pass", "Log", "Deny"}} {
		rewrite(t, w, policy("2", actions...), provider)
		if o := run(t, w, "apply"); o.Failed {
			t.Errorf("%v: %v", actions, o.Diagnostics)
		}
		kept()
	}
	rewrite(t, w, provider)
	d := told(run(t, w, "plan"))
	d.Says(t, "deleted with it", "spec.futureOrder")
}

// A setting is written as a whole, with what is unknown inside: as long as it is clear
// where that belongs.
func TestUnknownFieldsOfSettings(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	const before = `{"future":1,"healthTimeoutOverrides":[{"name":"a","timeout":"1s","futureToo":true}]}`
	etcd.Put(t, guardedFelixKey, storedJSON("FelixConfiguration", "default", "{}", before))
	felix := func(setting string) string {
		return "\nresource \"calico_felix_configuration\" \"default\" {\n  name = \"default\"\n" + setting + "\n}\n"
	}
	stored := func(spec string) {
		t.Helper()
		if value := etcd.MustGet(t, guardedFelixKey).Value; !strings.Contains(value, `"spec":`+spec) {
			t.Errorf("it is stored as %s, want %s", value, spec)
		}
	}
	override := func(name string) string {
		return "  log_severity_screen = \"Warning\"\n  health_timeout_override {\n    name    = \"" + name + "\"\n    timeout = \"2s\"\n  }"
	}
	w := newWorkspace(t, felix(`  log_severity_screen = "Warning"`), etcdBlock(at(etcd.Endpoints...)))
	if o := run(t, w, "apply"); o.Failed {
		t.Fatalf("another setting: %v", o.Diagnostics)
	}
	rewrite(t, w, felix(override("b")), etcdBlock(at(etcd.Endpoints...)))
	fail(t, w, "plan").Says(t, "Change Would Lose Unknown Fields: default", "spec.healthTimeoutOverrides[0].futureToo")
	rewrite(t, w, felix(override("a")), etcdBlock(at(etcd.Endpoints...)))
	if o := run(t, w, "apply"); o.Failed || len(o.Diagnostics) == 0 {
		t.Errorf("failed is %t, told is %v", o.Failed, o.Diagnostics)
	}
	stored(`{"future":1,"healthTimeoutOverrides":[{"name":"a","timeout":"2s","futureToo":true}],"logSeverityScreen":"Warning"}`)
	noChanges(t, w)
	rewrite(t, w, etcdBlock(at(etcd.Endpoints...)))
	if o := run(t, w, "apply"); o.Failed {
		t.Errorf("destroy: %v", o.Diagnostics)
	}
	stored(before)
}
