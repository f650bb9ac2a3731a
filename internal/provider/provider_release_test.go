package provider_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// released is a provider block with a release.
func released(version string, etcd *acctest.Etcd) string {
	return block(text("calico_version", version) + "\n" + inEtcd(at(etcd.Endpoints...)))
}

// TestProviderReleaseContradictsTheDatastore warns with what is said on either
// side, once, and does as it was told.
func TestProviderReleaseContradictsTheDatastore(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ told, version, stored string }{
		{"3.28", "v3.32.0", "default.failsafe"},
		{"3.32", "v3.31.0", "failsafe"},
	} {
		t.Run(test.told+" of "+test.version, func(t *testing.T) {
			t.Parallel()
			etcd := acctest.NewEtcd(t, acctest.WithCalico(test.version))
			w := newWorkspace(t, released(test.told, etcd), failsafe,
				strings.NewReplacer(`"this"`, `"second"`, "management_cidrs", "name = \"second\"\n  management_cidrs").Replace(failsafe))
			plan := run(t, w, "plan")
			if plan.failed || len(plan.diagnostics) != 1 {
				t.Fatalf("failed %t, with %v\n%s", plan.failed, plan.diagnostics, plan.all)
			}
			plan.diagnostics[0].says(t, "Disagree", "v"+test.told, `calicoVersion "`+test.version+`"`, "calico_version")
			if plan.diagnostics[0].Severity != "warning" {
				t.Errorf("it is no warning: %s", plan.diagnostics[0])
			}
			if apply := run(t, w, "apply"); apply.failed {
				t.Fatalf("%v\n%s", apply.diagnostics, apply.all)
			}
			etcd.MustGet(t, policyKeys+test.stored)
		})
	}
}

// TestProviderReleaseIsToldRight says nothing where both say the same.
func TestProviderReleaseIsToldRight(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	for _, told := range []string{"3.31", "v3.31.0", "3.30", "v3.31.7-12-gabcdef0"} {
		succeed(t, newWorkspace(t, released(told, etcd), failsafe), "plan")
	}
}

// TestProviderReleaseIsAssumed has a datastore that tells nothing.
func TestProviderReleaseIsAssumed(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t)
	// What is stored in one way by all releases needs no assumption.
	w := newWorkspace(t, etcdBlock(at(etcd.Endpoints...)), hostEndpoint("db1"))
	succeed(t, w, "plan")

	rewrite(t, w, etcdBlock(at(etcd.Endpoints...)), failsafe)
	plan := run(t, w, "plan")
	if plan.failed || len(plan.diagnostics) != 1 || plan.diagnostics[0].Severity != "warning" {
		t.Fatalf("failed %t, with %v\n%s", plan.failed, plan.diagnostics, plan.all)
	}
	plan.diagnostics[0].says(t, "Calico Release Assumed", "v3.32", "calico_version = ")
	checkNoWarningOnceTold(t, w, etcd)
}

func checkNoWarningOnceTold(t *testing.T, w *acctest.Workspace, etcd *acctest.Etcd) {
	t.Helper()
	rewrite(t, w, released("3.31", etcd), failsafe)
	succeed(t, w, "apply")
	wantKeys(t, etcd, policyKeys, "default.failsafe")
	// What is there now tells the release.
	rewrite(t, w, etcdBlock(at(etcd.Endpoints...)), failsafe)
	noChanges(t, w)
	succeed(t, w, "plan")
}

// TestProviderTellsWhyTheRelease has the log say, once, what was decided about the
// release and why.
func TestProviderTellsWhyTheRelease(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		version, told                            string
		release, naming, evidence, contradiction string
	}{
		"by its version": {
			version: "v3.31.0",
			release: "v3.31.0", naming: "v3.29.4 to v3.31", evidence: `calicoVersion "v3.31.0" of ClusterInformation "default"`,
		},
		"told otherwise": {
			version: "v3.32.0", told: "3.28",
			release: "v3.28", naming: "up to v3.28", evidence: "calico_version of the provider configuration",
			contradiction: `calicoVersion "v3.32.0" of ClusterInformation "default" tells v3.32.0`,
		},
		"assumed": {release: "v3.32", naming: "v3.32 and later", evidence: "nothing in the datastore that tells its release"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var options []acctest.EtcdOption
			if test.version != "" {
				options = append(options, acctest.WithCalico(test.version))
			}
			etcd := acctest.NewEtcd(t, options...)
			provider := etcdBlock(at(etcd.Endpoints...))
			if test.told != "" {
				provider = released(test.told, etcd)
			}
			w := newWorkspace(t, provider, failsafe, strings.NewReplacer(`"this"`, `"second"`, "management_cidrs", "name = \"second\"\n  management_cidrs").Replace(failsafe))
			log := filepath.Join(t.TempDir(), "log")
			w.Env = append(w.Env, "TF_LOG=JSON", "TF_LOG_PATH="+log)
			if plan := run(t, w, "plan"); plan.failed {
				t.Fatalf("%v\n%s", plan.diagnostics, plan.all)
			}
			lines := readLog(t, log, "decided on the release of Calico")
			if len(lines) != 1 {
				t.Fatalf("the log tells it %d times: %v", len(lines), lines)
			}
			for field, want := range map[string]string{"release": test.release, "naming": test.naming, "evidence": test.evidence, "contradiction": test.contradiction} {
				if got := lines[0].text(field); got != want {
					t.Errorf("%s is %q, want %q", field, got, want)
				}
			}
		})
	}
}
