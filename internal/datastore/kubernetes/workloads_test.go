package kubernetes

import (
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// Policies of Kubernetes are read as what Calico makes of them, and those of its
// administrators are named, if the release enforces them and somebody has installed their
// kinds.
func TestWorkloadPolicies(t *testing.T) {
	t.Parallel()
	for crds, test := range map[acctest.CalicoCRDs]struct {
		admin map[string]string
		want  string
	}{
		acctest.CRDs331: {map[string]string{
			"adminnetworkpolicies":         `{"apiVersion":"policy.networking.k8s.io/v1alpha1","kind":"AdminNetworkPolicy","metadata":{"name":"first"},"spec":{"priority":1,"subject":{"namespaces":{}}}}`,
			"baselineadminnetworkpolicies": `{"apiVersion":"policy.networking.k8s.io/v1alpha1","kind":"BaselineAdminNetworkPolicy","metadata":{"name":"default"},"spec":{"subject":{"namespaces":{}}}}`,
		}, `AdminNetworkPolicy "first" and 1 more`},
		// Nobody has installed the kinds there.
		acctest.CRDs328: {},
		acctest.CRDs332: {},
	} {
		t.Run(string(crds), func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, crds)
			if err := c.PrepareCalico(t.Context(), string(crds)); err != nil {
				t.Fatal(err)
			}
			c.MustDo(t, http.MethodPost, "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies", "", `{"metadata":{"name":"p"},"spec":{"podSelector":{},"policyTypes":["Ingress"]}}`)
			for _, plural := range slices.Sorted(maps.Keys(test.admin)) {
				c.MustDo(t, http.MethodPost, "/apis/policy.networking.k8s.io/v1alpha1/"+plural, "", test.admin[plural])
			}
			found, err := c.open(t, Config{}).Workloads(t.Context(), datastore.WorkloadQuestion{Policies: true})
			if err != nil || len(found.Unread) > 0 {
				t.Fatalf("%v, unread %v", err, found)
			}
			if len(found.Policies) != 1 || found.Policies[0].KubernetesName() != "p" || found.Undecided != test.want {
				t.Errorf("%d policies, and %q; want one and %q", len(found.Policies), found.Undecided, test.want)
			}
		})
	}
}

// Which kinds a release enforces is known by the tiers that it has for them.
func TestAdminKinds(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"v3.28.5": nil,
		"v3.29.2": {"adminnetworkpolicies"},
		"v3.31.0": {"adminnetworkpolicies", "baselineadminnetworkpolicies"},
		"v3.32.1": {"clusternetworkpolicies"},
	} {
		release, err := calico.ParseRelease(text)
		if err != nil {
			t.Fatal(err)
		}
		_, plurals := adminKinds(release)
		if got := slices.Sorted(maps.Keys(plurals)); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
