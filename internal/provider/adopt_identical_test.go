package provider_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// ofManyKinds are objects of which some need others; how many they are.
const (
	ofManyKinds = `
resource "calico_tier" "security" {
  name  = "security"
  order = 100
}

resource "calico_global_network_policy" "web" {
  name     = "security.web"
  tier     = calico_tier.security.name
  order    = 10
  selector = "role == 'web'"
  labels   = { a = "1" }
  annotations = {
    owner = "web team"
  }

  ingress {
    action   = "Allow"
    protocol = "TCP"

    source {
      nets = ["10.4.0.0/16"]
    }
    destination {
      ports = [443, "8000:8080"]
    }
  }
}

resource "calico_network_policy" "app" {
  name      = "app"
  namespace = "shop"
  selector  = "all()"
}

resource "calico_failsafe_policy" "this" {
  management_cidrs = ["10.1.0.0/24"]
}

resource "calico_host_endpoint" "db1" {
  name           = "db1"
  node           = "db1"
  interface_name = "eth0"
  expected_ips   = ["10.0.0.5"]
  labels         = { role = "web" }
  depends_on     = [calico_failsafe_policy.this]
}

resource "calico_global_network_set" "office" {
  name = "office"
  nets = ["10.9.0.0/16", "2001:db8::/32"]
}

resource "calico_ip_pool" "pool" {
  name = "pool"
  cidr = "10.244.0.0/16"
}

resource "calico_felix_configuration" "node" {
  name             = "node.db1"
  interface_prefix = "cali"
}
`
	manyKinds = 8
)

// adopting is a provider block that takes over what is identical.
func adopting(etcd *acctest.Etcd) string {
	return block("adopt_identical = true\n" + inEtcd(at(etcd.Endpoints...)))
}

// loseState leaves the workspace without a state, as a first apply that was killed
// before it could store one.
func loseState(t *testing.T, w *acctest.Workspace) {
	t.Helper()
	if err := os.Remove(filepath.Join(w.Dir, "terraform.tfstate")); err != nil {
		t.Fatal(err)
	}
}

// summaries are those of the diagnostics, each once, without the names in them.
func summaries(all []diagnostic) map[string]int {
	count := map[string]int{}
	seen := map[string]bool{}
	for _, d := range all {
		if !seen[d.Summary] {
			summary, _, _ := strings.Cut(d.Summary, ":")
			count[summary]++
		}
		seen[d.Summary] = true
	}
	return count
}

func wantSummaries(t *testing.T, o outcome, want map[string]int) {
	t.Helper()
	if diff := cmp.Diff(want, summaries(o.Diagnostics)); diff != "" {
		t.Errorf("what is told (-want +got):\n%s\n%v", diff, o.Diagnostics)
	}
}

// What an apply that was killed has left behind is told in the plan, and taken over if
// that is asked for: nothing is written, and a destroy takes all of it away.
func TestAdoptIdentical(t *testing.T) {
	t.Parallel()
	for _, release := range []string{"v3.29.0", "v3.31.0", "v3.32.0"} {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			etcd := acctest.NewEtcd(t, acctest.WithCalico(release))
			plain := etcdBlock(at(etcd.Endpoints...))
			w := newWorkspace(t, plain, ofManyKinds)
			if o := run(t, w, "apply"); o.Failed {
				t.Fatal(o.Diagnostics)
			}
			stored := etcd.Prefix(t, acctest.ResourcePrefix)
			loseState(t, w)

			o := run(t, w, "plan")
			// A FelixConfiguration that exists is adopted anyway.
			wantSummaries(t, o, map[string]int{"Object Exists Already": manyKinds - 1, "Existing Object Will Be Adopted": 1})
			advised := 0
			for _, d := range o.Diagnostics {
				d.Says(t, "exactly what", "adopt_identical = true", acctest.ResourcePrefix)
				if strings.Contains(d.Detail, "was interrupted") && strings.HasPrefix(d.Summary, "Object Exists Already") {
					advised++
				}
			}
			if advised != 1 {
				t.Errorf("what to do is told %d times", advised)
			}
			wantSummaries(t, run(t, w, "apply"), map[string]int{
				"Object Exists Already": manyKinds - 1, "Existing Object Will Be Adopted": 1,
				// What depends on what cannot be created is not tried.
				`Unable to Create Tier "security"`: 1, `Unable to Create NetworkPolicy "app" in namespace "shop"`: 1, `Unable to Create GlobalNetworkPolicy "failsafe"`: 1,
				`Unable to Create GlobalNetworkSet "office"`: 1, `Unable to Create IPPool "pool"`: 1,
			})
			loseState(t, w)

			rewrite(t, w, adopting(etcd), ofManyKinds)
			wantSummaries(t, run(t, w, "plan"), map[string]int{"Identical Object Will Be Adopted": manyKinds})
			o = run(t, w, "apply")
			wantSummaries(t, o, map[string]int{"Identical Object Will Be Adopted": manyKinds, "Identical Object Adopted": manyKinds})
			if diff := cmp.Diff(stored, etcd.Prefix(t, acctest.ResourcePrefix)); o.Failed || diff != "" {
				t.Errorf("failed %t; what is stored has changed:\n%s", o.Failed, diff)
			}
			wantOrigin(t, w, "calico_tier", "adopted")
			wantOrigin(t, w, "calico_felix_configuration", "created")
			// With the setting or without it, nothing is left to do.
			succeed(t, w, "plan")
			noChanges(t, w)
			rewrite(t, w, plain, ofManyKinds)
			noChanges(t, w)

			changed := strings.ReplaceAll(ofManyKinds, `"10.4.0.0/16"`, `"10.5.0.0/16"`)
			rewrite(t, w, plain, changed)
			succeed(t, w, "apply")
			noChanges(t, w)
			succeed(t, w, "destroy")
			before := map[string]bool{}
			for _, kv := range stored {
				before[kv.Key] = true
			}
			for _, key := range etcd.Keys(t, acctest.ResourcePrefix) {
				if before[key] && !strings.Contains(key, "/clusterinformations/") && !regexp.MustCompile(`/tiers/(default|.*adminnetworkpolicy|kube-.*)$`).MatchString(key) {
					t.Errorf("%s is left", key)
				}
			}
		})
	}
}

// TestAdoptRefusesWhatDiffers in whatever it may be, and leaves it as it is.
func TestAdoptRefusesWhatDiffers(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	const one = `
resource "calico_global_network_policy" %[1]q {
  name     = %[1]q
  order    = 10
  selector = "all()"
  labels   = { a = "1" }
  annotations = {
    owner = "us"
  }

  ingress {
    action   = "Allow"
    protocol = "TCP"
  }
}
`
	replaced := func(old, with string) func(string) string {
		return func(value string) string {
			if strings.Count(value, old) != 1 {
				t.Fatalf("%q is not once in %s", old, value)
			}
			return strings.Replace(value, old, with, 1)
		}
	}
	const unknown = "is not known"
	tests := []struct {
		edit func(value string) string
		// plan and apply are what is told; apply is "" for the same.
		plan, apply string
	}{
		{replaced(`"order":10`, `"order":11`), "spec.order: 11 -> 10", ""},
		{replaced(`"spec":{`, `"spec":{"futureField":{"x":1},`), `spec.futureField.x: 1 -> (none)`, ""},
		{replaced(`"action":"Allow",`, `"action":"Allow","futureMatch":["a"],`), `spec.ingress[0].futureMatch[0]: "a" -> (none)`, ""},
		{replaced(`"labels":{`, `"labels":{"theirs":"1",`), `metadata.labels.theirs: "1" -> (none)`, ""},
		{replaced(`"annotations":{`, `"annotations":{"theirs":"1",`), `metadata.annotations.theirs: "1" -> (none)`, ""},
		{replaced(`"annotations":{`, `"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}",`), `metadata.annotations.kubectl.kubernetes.io/last-applied-configuration`, ""},
		{replaced(`"owner":"us"`, `"owner":"them"`), `metadata.annotations.owner: "them" -> "us"`, ""},
		{replaced(`"metadata":{`, `"metadata":{"finalizers":["x/y"],`), `metadata.finalizers[0]: "x/y" -> (none)`, ""},
		{replaced(`"metadata":{`, `"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p","uid":"u"}],`), `metadata.ownerReferences[0].kind: "Pod" -> (none)`, ""},
		{func(value string) string {
			return regexp.MustCompile(`"uid":"[^"]*",`).ReplaceAllString(value, "")
		}, "metadata.uid: (none) -> ", ""},
		{func(value string) string {
			return regexp.MustCompile(`"creationTimestamp":"[^"]*"`).ReplaceAllString(value, `"creationTimestamp":null`)
		}, "metadata.creationTimestamp: (none) -> ", ""},
		{func(string) string { return `{"kind":` }, unknown, "exists already"},
		{replaced(`"kind":"GlobalNetworkPolicy"`, `"kind":"NetworkPolicy"`), unknown, "exists already"},
		{func(value string) string { return value }, "", ""}, // the one that is identical
	}
	var configuration []string
	for i := range tests {
		configuration = append(configuration, fmt.Sprintf(one, fmt.Sprintf("p%d", i)))
	}
	keyOf := func(i int) string { return fmt.Sprintf("%sdefault.p%d", policyKeys, i) }
	w := newWorkspace(t, append(configuration, etcdBlock(at(etcd.Endpoints...)))...)
	succeed(t, w, "apply")
	loseState(t, w)
	for i, test := range tests[:len(tests)-1] {
		etcd.Put(t, keyOf(i), test.edit(etcd.MustGet(t, keyOf(i)).Value))
	}
	// One is there under the names of two releases.
	twice := len(tests) - 2
	tests[twice] = tests[0]
	tests[twice].plan, tests[twice].apply = "stored under two names", "exists already"
	value := etcd.MustGet(t, keyOf(len(tests)-1)).Value
	value = strings.ReplaceAll(value, fmt.Sprintf("p%d", len(tests)-1), fmt.Sprintf("p%d", twice))
	etcd.Put(t, keyOf(twice), value)
	etcd.Put(t, strings.Replace(keyOf(twice), "default.", "", 1), strings.Replace(value, "default.", "", 1))
	stored := etcd.Prefix(t, acctest.ResourcePrefix)

	rewrite(t, w, append(configuration, adopting(etcd))...)
	plan, applied := run(t, w, "plan"), run(t, w, "apply")
	if !applied.Failed {
		t.Error("the apply succeeded")
	}
	for i, test := range tests {
		name := fmt.Sprintf("GlobalNetworkPolicy %q", fmt.Sprintf("p%d", i))
		var told, refused []diagnostic
		for _, d := range plan.Diagnostics {
			if strings.HasSuffix(d.Summary, name) {
				told = append(told, d)
			}
		}
		for _, d := range applied.Of("error") {
			if strings.HasSuffix(d.Summary, name) {
				refused = append(refused, d)
			}
		}
		if test.plan == "" {
			if len(told) != 1 || len(refused) != 0 || !strings.HasPrefix(told[0].Summary, "Identical Object Will Be Adopted") {
				t.Errorf("%s is identical: %v, %v", name, told, refused)
			}
			continue
		}
		if len(told) != 1 || len(refused) != 1 {
			t.Errorf("%s (%s): told %v, refused %v", name, test.plan, told, refused)
			continue
		}
		told[0].Says(t, "Object Exists Already", test.plan, "import {", keyOf(i))
		if test.apply == "" {
			test.apply = test.plan
		}
		refused[0].Says(t, "nothing was changed", test.apply, "terraform import")
	}
	if diff := cmp.Diff(stored, etcd.Prefix(t, acctest.ResourcePrefix)); diff != "" {
		t.Errorf("something was written:\n%s", diff)
	}
	if list := strings.Fields(w.MustRun(t, "state", "list")); len(list) != 1 {
		t.Errorf("taken were %q", list)
	}
}
