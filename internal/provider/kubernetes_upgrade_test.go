package provider_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// upgraded is a cluster whose Calico is upgraded while Terraform manages objects in it.
type upgraded struct {
	*acctest.Kubernetes
	workspace *acctest.Workspace
}

const (
	v1Group     = "/apis/crd.projectcalico.org/v1/"
	nativeGroup = "/apis/projectcalico.org/v3/"
)

func newUpgraded(t *testing.T, crds ...acctest.CalicoCRDs) upgraded {
	t.Helper()
	k := acctest.NewKubernetes(t, acctest.WithCRDs(crds...))
	k.GrantAccess(t)
	k.MustDo(t, http.MethodPost, "/api/v1/namespaces", "", `{"metadata":{"name":"prod"}}`)
	u := upgraded{k, acctest.NewWorkspace(t, nil)}
	u.configure(t, "first", "2m")
	return u
}

// configure writes the configuration, with a generation that all objects have in them.
// The first object of a kind can take an API server that is busy longer than a test
// wants to wait for a lock, so each step says how long it waits.
func (u upgraded) configure(t *testing.T, generation, requestTimeout string) {
	t.Helper()
	block := acctest.ProviderBlock(acctest.Block("kubernetes", `config_path = "`+u.Config+`"`, `request_timeout = "`+requestTimeout+`"`))
	err := u.workspace.WriteFile("main.tf", acctest.WithProviders(block, `
locals {
  labels = { generation = "`+generation+`" }
}

resource "calico_failsafe_policy" "this" {
  management_cidrs = ["10.1.0.0/24"]
  labels           = local.labels
}

resource "calico_host_endpoint" "this" {
  name           = "db1-eth0"
  node           = "db1"
  interface_name = "eth0"
  labels         = local.labels
}

resource "calico_network_policy" "this" {
  name      = "web"
  namespace = "prod"
  selector  = "app == 'web'"
  labels    = local.labels

  ingress {
    action   = "Allow"
    protocol = "TCP"
    destination {
      ports = ["443"]
    }
  }
}

resource "calico_felix_configuration" "this" {
  name                = "default"
  log_severity_screen = "Warning"
}

resource "calico_ip_pool" "this" {
  name   = "pool"
  cidr   = "10.200.0.0/16"
  labels = local.labels
}

resource "calico_bgp_configuration" "this" {
  name      = "default"
  as_number = "64512"
  labels    = local.labels
}
`))
	if err != nil {
		t.Fatal(err)
	}
}

// runs tells that a calico-node of a release was started.
func (u upgraded) runs(t *testing.T, version string) {
	t.Helper()
	const name = "clusterinformations/default"
	spec := `{"spec":{"calicoVersion":"` + version + `","datastoreReady":true}}`
	if status, _, err := u.Do(t.Context(), http.MethodGet, v1Group+name, "", ""); err == nil && status == http.StatusOK {
		u.MustDo(t, http.MethodPatch, v1Group+name, "application/merge-patch+json", spec)
		return
	}
	u.MustDo(t, http.MethodPost, v1Group+"clusterinformations", "", `{"apiVersion":"crd.projectcalico.org/v1","kind":"ClusterInformation","metadata":{"name":"default"},`+spec[1:])
}

func (u upgraded) apply(t *testing.T, generation string) {
	t.Helper()
	u.configure(t, generation, "2m")
	u.workspace.MustRun(t, "apply", "-auto-approve", "-no-color")
	u.plansEmpty(t, "after the apply of "+generation)
}

func (u upgraded) plansEmpty(t *testing.T, when string) {
	t.Helper()
	if changes, text, err := u.workspace.Plan(t.Context()); err != nil || changes {
		t.Errorf("%s it plans (%v)\n%s", when, err, text)
	}
}

// names returns what the policies are called in the cluster.
func (u upgraded) names(t *testing.T, path string) []string {
	t.Helper()
	var list struct {
		Items []struct{ Metadata struct{ Name string } }
	}
	if err := json.Unmarshal([]byte(u.MustDo(t, http.MethodGet, path, "", "")), &list); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, item := range list.Items {
		names = append(names, item.Metadata.Name)
	}
	return names
}

func (u upgraded) wantNames(t *testing.T, failsafe, web string) {
	t.Helper()
	for path, want := range map[string]string{v1Group + "globalnetworkpolicies": failsafe, v1Group + "namespaces/prod/networkpolicies": web} {
		if got := u.names(t, path); len(got) != 1 || got[0] != want {
			t.Errorf("%s are %q, want %q alone", path, got, want)
		}
	}
}

// rename stores a policy under its name of v3.32, as kube-controllers does there.
func (u upgraded) rename(t *testing.T, collection, from, to string) {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(u.MustDo(t, http.MethodGet, collection+"/"+from, "", "")), &object); err != nil {
		t.Fatal(err)
	}
	metadata, _ := object["metadata"].(map[string]any)
	for _, made := range []string{"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"} {
		delete(metadata, made)
	}
	metadata["name"] = to
	body, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	u.MustDo(t, http.MethodPost, collection, "", string(body))
	u.MustDo(t, http.MethodDelete, collection+"/"+from, "", "")
}

// TestKubernetesUpgrade upgrades Calico from v3.28 to v3.31 and v3.32, as the facts have it:
// first the definitions, then calico-node. Nothing is planned at any step, and what is
// changed in between keeps its name until kube-controllers gives it another.
func TestKubernetesUpgrade(t *testing.T) {
	t.Parallel()
	u := newUpgraded(t, acctest.CRDs328)
	u.runs(t, "v3.28.5")
	u.apply(t, "v3.28")
	u.wantNames(t, "default.failsafe", "default.web")

	u.Load(t, acctest.CRDs331)
	u.plansEmpty(t, "with the definitions of v3.31")
	u.runs(t, "v3.31.0")
	u.plansEmpty(t, "with v3.31")
	u.apply(t, "v3.31")
	u.wantNames(t, "default.failsafe", "default.web")

	u.Load(t, acctest.CRDs332)
	u.plansEmpty(t, "with the definitions of v3.32")
	u.runs(t, "v3.32.1")
	u.plansEmpty(t, "with v3.32")
	u.apply(t, "v3.32")
	u.wantNames(t, "default.failsafe", "default.web")

	u.rename(t, v1Group+"globalnetworkpolicies", "default.failsafe", "failsafe")
	u.rename(t, v1Group+"namespaces/prod/networkpolicies", "default.web", "web")
	u.plansEmpty(t, "with the policies renamed")
	u.apply(t, "v3.32-renamed")
	u.wantNames(t, "failsafe", "web")
	u.workspace.MustRun(t, "destroy", "-auto-approve", "-no-color")
	if left := append(u.names(t, v1Group+"globalnetworkpolicies"), u.names(t, v1Group+"hostendpoints")...); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// migrate stores anew, in the native group, what Calico's migration finds in the other.
func (u upgraded) migrate(t *testing.T) {
	t.Helper()
	for _, kind := range []struct{ plural, in string }{
		{"globalnetworkpolicies", ""},
		{"networkpolicies", "namespaces/prod/"},
		{"hostendpoints", ""},
		{"felixconfigurations", ""},
		{"ippools", ""},
		{"bgpconfigurations", ""},
		{"clusterinformations", ""},
	} {
		var list struct{ Items []map[string]any }
		if err := json.Unmarshal([]byte(u.MustDo(t, http.MethodGet, v1Group+kind.in+kind.plural, "", "")), &list); err != nil {
			t.Fatal(err)
		}
		for _, object := range list.Items {
			metadata, _ := object["metadata"].(map[string]any)
			moved := map[string]any{"name": metadata["name"], "namespace": metadata["namespace"]}
			annotations, _ := metadata["annotations"].(map[string]any)
			if text, ok := annotations["projectcalico.org/metadata"].(string); ok {
				var own map[string]any
				if err := json.Unmarshal([]byte(text), &own); err != nil {
					t.Fatal(err)
				}
				moved["labels"], moved["annotations"] = own["labels"], own["annotations"]
			}
			object["metadata"], object["apiVersion"] = moved, "projectcalico.org/v3"
			delete(object, "status")
			body, err := json.Marshal(object)
			if err != nil {
				t.Fatal(err)
			}
			u.MustDo(t, http.MethodPost, nativeGroup+kind.in+kind.plural, "", string(body))
		}
	}
}

// TestKubernetesMigration moves all objects from one group to the other, as Calico v3.32
// does. Nothing is planned in any phase, but that the datastore is locked.
func TestKubernetesMigration(t *testing.T) {
	t.Parallel()
	u := newUpgraded(t, acctest.CRDs332)
	u.runs(t, "v3.32.1")
	u.apply(t, "before")

	u.Load(t, acctest.NativeCRDs)
	u.plansEmpty(t, "with both groups")
	const migrations = "/apis/migration.projectcalico.org/v1beta1/datastoremigrations"
	u.MustDo(t, http.MethodPost, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", "", `{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"datastoremigrations.migration.projectcalico.org"},
"spec":{"group":"migration.projectcalico.org","scope":"Cluster","names":{"kind":"DatastoreMigration","listKind":"DatastoreMigrationList","plural":"datastoremigrations","singular":"datastoremigration"},
"versions":[{"name":"v1beta1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}}`)
	acctest.Eventually(t, "migrations are served", func() bool {
		status, _, err := u.Do(t.Context(), http.MethodGet, migrations, "", "")
		return err == nil && status == http.StatusOK
	})
	u.MustDo(t, http.MethodPost, migrations, "", `{"apiVersion":"migration.projectcalico.org/v1beta1","kind":"DatastoreMigration","metadata":{"name":"v1-to-v3"}}`)
	phase := func(name string) {
		t.Helper()
		u.MustDo(t, http.MethodPatch, migrations+"/v1-to-v3", "application/merge-patch+json", `{"status":{"phase":"`+name+`"}}`)
	}

	phase("Pending")
	u.plansEmpty(t, "before it begins")
	phase("Migrating")
	u.plansEmpty(t, "while objects are moved")
	u.configure(t, "locked", "10s")
	fail(t, u.workspace, "plan").Says(t, "Datastore Is Locked", "v1-to-v3 is in the phase Migrating", "kubectl get datastoremigrations")
	u.configure(t, "before", "2m")
	u.migrate(t)
	phase("WaitingForConflictResolution")
	u.plansEmpty(t, "while it waits")
	phase("Converged")
	u.plansEmpty(t, "when Calico works with the native group")
	u.apply(t, "converged")
	phase("Complete")
	u.plansEmpty(t, "when it is complete")
	if dead := u.MustDo(t, http.MethodGet, v1Group+"hostendpoints/db1-eth0", "", ""); strings.Contains(dead, "converged") {
		t.Errorf("the dead group was written to: %s", dead)
	}
	u.Unload(t, acctest.CRDs332)
	u.plansEmpty(t, "without the old definitions")
	u.apply(t, "after")
	u.workspace.MustRun(t, "destroy", "-auto-approve", "-no-color")
	if left := append(u.names(t, nativeGroup+"globalnetworkpolicies"), u.names(t, nativeGroup+"hostendpoints")...); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}
