package provider_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// made is a resource whose output is not known before it is applied.
func made(name, value string) string {
	return fmt.Sprintf(`
resource "terraform_data" %q {
  input = %q
}
`, name, value)
}

// TestProviderConfigurationIsUnknown has the provider's configuration come from
// another resource of the same configuration, as a module that makes etcd has it.
func TestProviderConfigurationIsUnknown(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithAuth(), acctest.WithCalico("v3.31.0"))
	w := newWorkspace(t,
		made("etcd", etcd.Endpoints[0]),
		made("user", etcd.Writer.Name), made("password", etcd.Writer.Password), made("release", "3.31"),
		block(`
  calico_version = terraform_data.release.output
  etcd {
    endpoints = [terraform_data.etcd.output]
    username  = terraform_data.user.output
    password  = terraform_data.password.output
  }`), failsafe, hostEndpoint("db1"))
	succeed(t, w, "validate")
	checkNoCalls(t, etcd, func() { succeed(t, w, "plan") })
	succeed(t, w, "apply")
	etcd.WantKeys(t, endpointKeys, "db1")
	etcd.WantKeys(t, policyKeys, "default.failsafe")
	noChanges(t, w)
	succeed(t, w, "destroy")
	etcd.WantKeys(t, endpointKeys)
	etcd.WantKeys(t, policyKeys)
}

// TestProviderConfigurationBecomesUnknown replaces the resource that the
// endpoints come from, when there is something in the state that cannot be read
// then: a new cluster's addresses are not known at plan.
func TestProviderConfigurationBecomesUnknown(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	configuration := func(generation, node string) []string {
		return []string{fmt.Sprintf(`
resource "terraform_data" "etcd" {
  input            = %q
  triggers_replace = %q
}
`, etcd.Endpoints[0], generation), etcdBlock("endpoints = [terraform_data.etcd.output]"),
			failsafe, strings.Replace(hostEndpoint("db1"), `"db1"
  interface`, fmt.Sprintf("%q\n  interface", node), 1)}
	}
	w := newWorkspace(t, configuration("1", "db1")...)
	succeed(t, w, "apply")

	rewrite(t, w, configuration("2", "db2")...)
	plan := run(t, w, "plan")
	if plan.Failed || len(plan.Of("error")) > 0 {
		t.Fatalf("the plan breaks: %v\n%s", plan.Diagnostics, plan.All)
	}
	if len(plan.Of("warning")) == 0 {
		t.Error("that nothing was read is not told")
	}
	for _, warning := range plan.Of("warning") {
		warning.Says(t, "Datastore Not Known Yet", "was not read")
	}
	if apply := run(t, w, "apply"); apply.Failed {
		t.Fatalf("the apply breaks: %v\n%s", apply.Diagnostics, apply.All)
	}
	if got := etcd.MustGet(t, endpointKeys+"db1"); got.Version != 2 || !strings.Contains(got.Value, `"node":"db2"`) {
		t.Errorf("after the apply it is %+v", got)
	}
	noChanges(t, w)
}

// TestProviderConfigurationIsWrongAtLast shows a mistake only at apply, when it
// is known; it is told then as it would have been before, and nothing is written.
func TestProviderConfigurationIsWrongAtLast(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, made("etcd", "10.0.0.1:2379"), etcdBlock("endpoints = [terraform_data.etcd.output]"), hostEndpoint("db1"))
	succeed(t, w, "plan")
	fail(t, w, "apply").Says(t, "Endpoint without http:// or https://", "https://10.0.0.1:2379", "http://10.0.0.1:2379")
}

// TestProviderConfigurationOfKubernetesIsUnknown has a cluster that is made in the same
// run: nothing of it is known at plan, and what is known is checked.
func TestProviderConfigurationOfKubernetesIsUnknown(t *testing.T) {
	t.Parallel()
	arguments := []string{
		"host = terraform_data.cluster.output", "cluster_ca_certificate = terraform_data.cluster.output", "config_path = terraform_data.cluster.output",
		nested("exec", `api_version = "client.authentication.k8s.io/v1"`, "command = terraform_data.cluster.output", `args = ["get-token", terraform_data.cluster.output]`, "env = { NAME = terraform_data.cluster.output }"),
	}
	w := newWorkspace(t, made("cluster", "10.0.0.1:6443"), kubernetesBlock(arguments...), hostEndpoint("db1"))
	succeed(t, w, "validate")
	succeed(t, w, "plan")
	fail(t, w, "apply").Says(t, "Host without https://", "https://10.0.0.1:6443")

	rewrite(t, w, made("cluster", "10.0.0.1:6443"), kubernetesBlock(append(arguments, `api_group = "v3"`)...), hostEndpoint("db1"))
	fail(t, w, "plan").Says(t, `"projectcalico.org/v3"`)
}

// checkNoCalls holds that etcd is not asked anything while do runs.
func checkNoCalls(t *testing.T, etcd *acctest.Etcd, do func()) {
	t.Helper()
	if calls := etcd.CallsDuring(t, do); len(calls) > 0 {
		t.Errorf("etcd was called: %v", calls)
	}
}
