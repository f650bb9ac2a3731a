package provider_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// TestKubernetesKinds holds what others make in a cluster apart from what is Terraform's.
func TestKubernetesKinds(t *testing.T) {
	t.Parallel()
	k := acctest.NewKubernetes(t, acctest.WithCRDs(acctest.CRDs331))
	k.GrantAccess(t)
	create := func(plural, object string) {
		t.Helper()
		k.MustDo(t, http.MethodPost, v1Group+plural, "", `{"apiVersion":"crd.projectcalico.org/v1",`+object)
	}
	create("hostendpoints", `"kind":"HostEndpoint","metadata":{"name":"db1-auto-hep","labels":{"projectcalico.org/created-by":"calico-kube-controllers"}},"spec":{"node":"db1","interfaceName":"*","expectedIPs":["10.2.0.5"],"profiles":["projectcalico-default-allow"]}}`)
	create("ippools", `"kind":"IPPool","metadata":{"name":"operated","labels":{"app.kubernetes.io/managed-by":"tigera-operator"}},"spec":{"cidr":"10.200.0.0/16"}}`)
	create("tiers", `"kind":"Tier","metadata":{"name":"default"},"spec":{"order":1000000,"defaultAction":"Deny"}}`)
	block := acctest.ProviderBlock(acctest.Block("kubernetes", `config_path = "`+k.Config+`"`))
	endpoint := func(name, labels string) string {
		return "resource \"calico_host_endpoint\" \"this\" {\n  name = \"" + name + "\"\n  node = \"db1\"\n  interface_name = \"*\"\n  labels = {" + labels + "}\n}\n"
	}
	const pool = "resource \"calico_ip_pool\" \"this\" {\n  name = \"operated\"\n  cidr = \"10.200.0.0/16\"\n}\n"
	const policy = "resource \"calico_network_policy\" \"this\" {\n  name = \"web\"\n  namespace = \"missing\"\n  selector = \"all()\"\n}\n"
	const profile = "resource \"calico_profile\" \"this\" {\n  name = \"mine\"\n}\n"
	for name, test := range map[string]struct {
		configuration string
		run           []string
		// fails tells that it is refused; otherwise says is a warning.
		fails bool
		says  []string
		not   string
	}{
		"an automatic endpoint is not imported": {
			endpoint("db1-auto-hep", ""), []string{"import", "calico_host_endpoint.this", "db1-auto-hep"}, true,
			[]string{"kube-controllers has made it", "created-by"}, "",
		},
		"an endpoint is not made to look like one": {
			endpoint("mine", `"projectcalico.org/created-by" = "me"`), []string{"plan"}, true,
			[]string{"leave the label out"}, "",
		},
		"another endpoint is planned": {endpoint("mine", `role = "db"`), []string{"plan"}, false, []string{"1 to add"}, "created-by"},
		"what the operator manages is told": {
			pool, []string{"import", "calico_ip_pool.this", "operated"}, false,
			[]string{"The Operator Manages", "tigera/operator"}, "",
		},
		"a namespace that is not there is told": {policy, []string{"plan"}, false, []string{"Namespace Not There", `no namespace "missing"`}, ""},
		"a namespace that is there is not":      {strings.ReplaceAll(policy, "missing", "kube-system"), []string{"plan"}, false, []string{"1 to add"}, "Namespace Not There"},
		"a profile is refused":                  {profile, []string{"plan"}, true, []string{"no profiles to write", "service account"}, ""},
		"the built-in tier is imported":         {"resource \"calico_tier\" \"this\" {\n  name = \"default\"\n}\n", []string{"import", "calico_tier.this", "default"}, false, []string{"Import successful"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := acctest.NewWorkspace(t, map[string]string{"main.tf": acctest.WithProviders(block, test.configuration)})
			output, err := w.Run(t, append(test.run, "-no-color")...)
			if err != nil {
				output += err.Error()
			}
			if (err != nil) != test.fails {
				t.Fatalf("it ended with %v\n%s", err, output)
			}
			text := strings.Join(strings.Fields(output), " ")
			for _, says := range test.says {
				if !strings.Contains(text, says) {
					t.Errorf("it does not say %q:\n%s", says, output)
				}
			}
			if test.not != "" && strings.Contains(text, test.not) {
				t.Errorf("it says %q:\n%s", test.not, output)
			}
		})
	}

	// The API server would let the built-in tier, and one with policies in it, be deleted.
	w := acctest.NewWorkspace(t, map[string]string{"main.tf": acctest.WithProviders(block, "resource \"calico_tier\" \"this\" {\n  name = \"default\"\n}\n")})
	w.MustRun(t, "import", "-no-color", "calico_tier.this", "default")
	if output, err := w.Run(t, "destroy", "-auto-approve", "-no-color"); err == nil {
		t.Errorf("the built-in tier is destroyed:\n%s", output)
	}
	k.MustDo(t, http.MethodGet, v1Group+"tiers/default", "", "")
}
