package provider_test

import (
	"path/filepath"
	"regexp"
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
			if plan.Failed || len(plan.Diagnostics) != 1 {
				t.Fatalf("failed %t, with %v\n%s", plan.Failed, plan.Diagnostics, plan.All)
			}
			plan.Diagnostics[0].Says(t, "Disagree", "v"+test.told, `calicoVersion "`+test.version+`"`, "calico_version")
			if plan.Diagnostics[0].Severity != "warning" {
				t.Errorf("it is no warning: %s", plan.Diagnostics[0])
			}
			if apply := run(t, w, "apply"); apply.Failed {
				t.Fatalf("%v\n%s", apply.Diagnostics, apply.All)
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
	if plan.Failed || len(plan.Diagnostics) != 1 || plan.Diagnostics[0].Severity != "warning" {
		t.Fatalf("failed %t, with %v\n%s", plan.Failed, plan.Diagnostics, plan.All)
	}
	plan.Diagnostics[0].Says(t, "Calico Release Assumed", "v3.32", "calico_version = ")
	checkNoWarningOnceTold(t, w, etcd)
}

func checkNoWarningOnceTold(t *testing.T, w *acctest.Workspace, etcd *acctest.Etcd) {
	t.Helper()
	rewrite(t, w, released("3.31", etcd), failsafe)
	succeed(t, w, "apply")
	etcd.WantKeys(t, policyKeys, "default.failsafe")
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
			if plan := run(t, w, "plan"); plan.Failed {
				t.Fatalf("%v\n%s", plan.Diagnostics, plan.All)
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

// TestProviderMeetsANewerCalico warns once of a release that it does not know, and
// writes as the newest that it knows does; and as the new one, where that is known.
func TestProviderMeetsANewerCalico(t *testing.T) {
	t.Parallel()
	const controllers = `
resource "calico_kube_controllers_configuration" "this" {
  name = "default"
  controllers {
    policy_migration {
      enabled = "Disabled"
    }
  }
}
`
	for _, version := range []string{"v3.33.0", "v3.40.1", "v4.0.0"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.32.1"))
			setCalicoVersion(t, etcd, version)
			second := strings.NewReplacer(`"this"`, `"second"`, "management_cidrs", "name = \"second\"\n  management_cidrs").Replace(failsafe)
			w := newWorkspace(t, etcdBlock(at(etcd.Endpoints...)), failsafe, second, controllers, hostEndpoint("db1"))
			warned := func(o outcome) {
				t.Helper()
				if o.Failed || len(o.Diagnostics) != 1 || o.Diagnostics[0].Severity != "warning" {
					t.Fatalf("failed %t, with %v\n%s", o.Failed, o.Diagnostics, o.All)
				}
				o.Diagnostics[0].Says(t, "Newer Than This Provider Knows", version, `calicoVersion "`+version+`" of ClusterInformation`, "v3.32", "names, stores and checks")
			}
			warned(run(t, w, "plan"))
			if apply := run(t, w, "apply"); apply.Failed {
				t.Fatalf("%v\n%s", apply.Diagnostics, apply.All)
			}
			warned(run(t, w, "plan"))
			stored := etcd.MustGet(t, policyKeys+"failsafe").Value
			for _, part := range []string{`"tier":"default"`, `"projectcalico.org/tier":"default"`} {
				if !strings.Contains(stored, part) {
					t.Errorf("%s is missing in %s", part, stored)
				}
			}
			stored = etcd.MustGet(t, acctest.ResourcePrefix+"kubecontrollersconfigurations/default").Value
			if !strings.Contains(stored, `"migration":{"policyNameMigrator":"Disabled"}`) || strings.Contains(stored, "policyMigration") {
				t.Errorf("the migrator is stored as in %s", stored)
			}
		})
	}
	t.Run("with host endpoints alone", func(t *testing.T) {
		t.Parallel()
		etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.32.1"))
		setCalicoVersion(t, etcd, "v3.33.0")
		w := newWorkspace(t, etcdBlock(at(etcd.Endpoints...)), hostEndpoint("db1"), hostEndpoint("db2"))
		apply := run(t, w, "apply")
		if apply.Failed || len(apply.Diagnostics) != 1 {
			t.Fatalf("failed %t, with %v\n%s", apply.Failed, apply.Diagnostics, apply.All)
		}
		apply.Diagnostics[0].Says(t, "Newer Than This Provider Knows", "v3.33.0")
	})
	t.Run("as it is told", func(t *testing.T) {
		t.Parallel()
		etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.32.1"))
		setCalicoVersion(t, etcd, "v3.33.0")
		// Who says that it is an older one is told of that alone.
		w := newWorkspace(t, released("3.32", etcd), failsafe)
		for _, d := range run(t, w, "plan").Diagnostics {
			if strings.Contains(d.Summary, "Newer") {
				t.Errorf("told: %s", d)
			}
		}
	})
	t.Run("known releases", func(t *testing.T) {
		t.Parallel()
		etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.32.1"))
		setCalicoVersion(t, etcd, "v3.32.9")
		succeed(t, newWorkspace(t, etcdBlock(at(etcd.Endpoints...)), failsafe), "plan")
	})
}

// setCalicoVersion writes the version of Calico as its newest node does.
func setCalicoVersion(t *testing.T, etcd *acctest.Etcd, version string) {
	t.Helper()
	const key = acctest.ResourcePrefix + "clusterinformations/default"
	value := etcd.MustGet(t, key).Value
	etcd.Put(t, key, regexp.MustCompile(`"calicoVersion":"[^"]*"`).ReplaceAllString(value, `"calicoVersion":"`+version+`"`))
}

// TestMigratorIsOneAttribute goes from v3.32 to v3.33 and back: the attribute is the
// same, whatever is stored, and only a change writes it in the form of the release.
func TestMigratorIsOneAttribute(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.32.1"))
	const (
		key  = acctest.ResourcePrefix + "kubecontrollersconfigurations/default"
		v332 = `"policyMigration":{"enabled":"Disabled"}`
		v333 = `"migration":{"policyNameMigrator":"Disabled"}`
	)
	controllers := func(level string) string {
		return `
resource "calico_kube_controllers_configuration" "this" {
  name                = "default"
  log_severity_screen = "` + level + `"
  controllers {
    policy_migration {
      enabled = "Disabled"
    }
  }
}
`
	}
	w := newWorkspace(t, etcdBlock(at(etcd.Endpoints...)), controllers("Info"))
	succeed(t, w, "apply")
	wantMigrator := func(want, gone string) {
		t.Helper()
		if stored := etcd.MustGet(t, key).Value; !strings.Contains(stored, want) || strings.Contains(stored, gone) {
			t.Errorf("want %s, and not %s, in %s", want, gone, stored)
		}
	}
	wantMigrator(v332, v333)

	setCalicoVersion(t, etcd, "v3.33.0")
	noChanges(t, w)
	wantMigrator(v332, v333)
	// As kube-controllers or calicoctl v3.33 would store it again.
	etcd.Put(t, key, strings.Replace(etcd.MustGet(t, key).Value, v332, v333, 1))
	noChanges(t, w)
	etcd.Put(t, key, strings.Replace(etcd.MustGet(t, key).Value, v333, strings.Replace(v333, "Dis", "En", 1), 1))
	if changes, text, err := w.Plan(t.Context()); err != nil || !changes || !strings.Contains(text, `"Enabled" -> "Disabled"`) {
		t.Errorf("the plan does not see the change: %v\n%s", err, text)
	}
	rewrite(t, w, etcdBlock(at(etcd.Endpoints...)), controllers("Warning"))
	if o := run(t, w, "apply"); o.Failed {
		t.Fatalf("%v", o.Diagnostics)
	}
	noChanges(t, w)
	wantMigrator(v333, v332)

	// An import, from v3.33, and back in v3.32.
	w = newWorkspace(t, etcdBlock(at(etcd.Endpoints...)), controllers("Warning"), "\nimport {\n  to = calico_kube_controllers_configuration.this\n  id = \"default\"\n}\n")
	if o := run(t, w, "apply"); o.Failed {
		t.Fatalf("%v", o.Diagnostics)
	}
	wantMigrator(v333, v332)
	setCalicoVersion(t, etcd, "v3.32.1")
	noChanges(t, w)
	rewrite(t, w, etcdBlock(at(etcd.Endpoints...)), controllers("Debug"))
	succeed(t, w, "apply")
	wantMigrator(v332, v333)
}
