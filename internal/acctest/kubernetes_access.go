package acctest

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// GrantAccess binds the roles of the documentation (kubernetes_access.yaml) to the user
// terraform, and returns when they are in force.
func (k *Kubernetes) GrantAccess(t testing.TB) {
	t.Helper()
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(root, "internal", "acctest", "kubernetes_access.yaml"))
	if err != nil {
		t.Fatal(err)
	}

	const rbac = "/apis/rbac.authorization.k8s.io/v1/"
	const subject = `"subjects":[{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"terraform"}]`
	for _, document := range documentMark.Split(string(content), -1) {
		var head struct {
			Kind     string
			Metadata struct{ Name, Namespace string }
		}
		if err := yaml.Unmarshal([]byte(document), &head); err != nil {
			t.Fatal(err)
		}
		in := rbac
		if head.Metadata.Namespace != "" {
			in += "namespaces/" + head.Metadata.Namespace + "/"
		}
		kind := strings.ToLower(head.Kind)
		k.MustDo(t, http.MethodPost, in+kind+"s", "application/yaml", document)
		k.MustDo(t, http.MethodPost, in+kind+"bindings", "", `{"metadata":{"name":"`+head.Metadata.Name+`"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"`+head.Kind+`","name":"`+head.Metadata.Name+`"},`+subject+`}`)
	}
	err = k.until(t.Context(), func() (bool, error) {
		status, _, err := k.DoAs(t.Context(), k.Token, http.MethodGet, "/api/v1/nodes?limit=1", "", "")
		return status == http.StatusOK, err
	})
	if err != nil {
		t.Fatal(err)
	}
}
