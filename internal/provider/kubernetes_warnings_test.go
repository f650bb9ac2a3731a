package provider_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// TestKubernetesWarnings has the API server warn by a real ValidatingAdmissionPolicy, and
// of a deprecated version: each is told once, with what it is about.
func TestKubernetesWarnings(t *testing.T) {
	t.Parallel()
	k := acctest.NewKubernetes(t, acctest.WithCRDs(acctest.CRDs331))
	k.GrantAccess(t)
	const admission = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"
	const named = `{"apiVersion":"admissionregistration.k8s.io/v1","kind":"ValidatingAdmissionPolicy`
	k.MustDo(t, http.MethodPost, admission+"ies", "", named+`","metadata":{"name":"ticket"},"spec":{
		"failurePolicy":"Fail",
		"matchConstraints":{"resourceRules":[{"apiGroups":["crd.projectcalico.org"],"apiVersions":["v1"],"operations":["CREATE","UPDATE"],"resources":["hostendpoints"]}]},
		"validations":[{"expression":"object.spec.interfaceName == 'eth0'","message":"ask network@example.net about this interface"}]}}`)
	binding := func(name, rest string) {
		k.MustDo(t, http.MethodPost, admission+"ybindings", "", named+`Binding","metadata":{"name":"`+name+`"},"spec":{"policyName":"ticket",`+rest+`}}`)
	}
	binding("warn", `"validationActions":["Warn"]`)
	// A second one refuses an object, by which it is seen that they are in force.
	binding("deny", `"validationActions":["Deny"],"matchResources":{"objectSelector":{"matchLabels":{"try":"yes"}}}`)
	acctest.Eventually(t, "the admission policy is in force", func() bool {
		status, _, err := k.Do(t.Context(), http.MethodPost, v1Group+"hostendpoints?dryRun=All", "",
			`{"apiVersion":"crd.projectcalico.org/v1","kind":"HostEndpoint","metadata":{"name":"try","labels":{"try":"yes"}},"spec":{"interfaceName":"eth1"}}`)
		return err == nil && status == http.StatusUnprocessableEntity
	})

	provider := kubernetesBlock(text("config_path", k.Config))
	w := newWorkspace(t, provider, hostEndpoint("db1"), strings.Replace(hostEndpoint("db2"), "eth0", "eth1", 1))
	succeed(t, w, "plan")
	warned := func(command, about string, want ...string) {
		t.Helper()
		o := run(t, w, command)
		warnings := o.Of("warning")
		if o.Failed || len(warnings) != 1 {
			t.Fatalf("%s: failed %t, with %v", command, o.Failed, o.Diagnostics)
		}
		warnings[0].Says(t, append(want, "The API Server Warns", k.URL)...)
		if about != "" && warnings[0].Address != about {
			t.Errorf("it is told of %q", warnings[0].Address)
		}
	}
	warned("apply", "calico_host_endpoint.db2", `HostEndpoint "db2"`, "asked to create", "'ticket' with binding 'warn'", "ask network@example.net about this interface")
	noChanges(t, w)
	succeed(t, w, "apply")
	rewrite(t, w, provider, strings.Replace(hostEndpoint("db1"), "eth0", "eth2", 1), strings.Replace(hostEndpoint("db2"), "eth1", "eth0", 1))
	warned("apply", "calico_host_endpoint.db1", `HostEndpoint "db1"`, "asked to update", "ask network@example.net")

	// A plan reads: of a deprecated version it is told there, once for all objects.
	k.MustDo(t, http.MethodPatch, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/hostendpoints.crd.projectcalico.org", "application/json-patch+json",
		`[{"op":"add","path":"/spec/versions/0/deprecated","value":true},{"op":"add","path":"/spec/versions/0/deprecationWarning","value":"move to projectcalico.org/v3"}]`)
	acctest.Eventually(t, "a plan warns", func() bool { return len(run(t, w, "plan").Of("warning")) > 0 })
	warned("plan", "", "hostendpoints.crd.projectcalico.org", "asked to get", "move to projectcalico.org/v3")
}
