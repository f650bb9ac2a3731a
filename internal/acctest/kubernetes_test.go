package acctest

import (
	"net/http"
	"strings"
	"testing"
)

// TestKubernetesServesCalicosKinds starts the real server with the CRDs of each
// release, and writes a policy in the form of each.
func TestKubernetesServesCalicosKinds(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		crds CalicoCRDs
		path string
		// without is a kind that the release does not have.
		without string
	}{
		{CRDs328, "/apis/crd.projectcalico.org/v1/", "tiers"},
		{CRDs331, "/apis/crd.projectcalico.org/v1/", "ipamconfigurations"},
		{CRDs332, "/apis/crd.projectcalico.org/v1/", "profiles"},
		{NativeCRDs, "/apis/projectcalico.org/v3/", "profiles"},
	} {
		t.Run(string(row.crds), func(t *testing.T) {
			t.Parallel()
			k := NewKubernetes(t, WithCRDs(row.crds))
			group := strings.TrimSuffix(strings.TrimPrefix(row.path, "/apis/"), "/")
			policy := `{"apiVersion":"` + group + `","kind":"GlobalNetworkPolicy","metadata":{"name":"default.p"},"spec":{"selector":"all()"}}`
			k.MustDo(t, http.MethodPost, row.path+"globalnetworkpolicies?fieldValidation=Strict", "", policy)
			if status, answer, err := k.Do(t.Context(), http.MethodGet, row.path+row.without, "", ""); err != nil || status != http.StatusNotFound {
				t.Errorf("%s: %d, %v: %s", row.without, status, err, answer)
			}

			// The user that tests run the provider as may do nothing yet.
			status, answer, err := k.DoAs(t.Context(), k.Token, http.MethodGet, row.path+"globalnetworkpolicies", "", "")
			if err != nil || status != http.StatusForbidden || !strings.Contains(answer, `User \"terraform\" cannot list`) {
				t.Errorf("as terraform: %d, %v: %s", status, err, answer)
			}

			k.Stop()
			k.Start(t)
			if err := k.served(t.Context(), "globalnetworkpolicies."+strings.SplitN(group, "/", 2)[0]); err != nil {
				t.Fatal(err)
			}
			if got := k.MustDo(t, http.MethodGet, row.path+"globalnetworkpolicies/default.p", "", ""); !strings.Contains(got, `"selector":"all()"`) {
				t.Errorf("after a restart it has %s", got)
			}
		})
	}
}
