package kubernetes

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// TestPod reads and writes as a pod does, by a token of its service account that the API
// server has made, and that is read again after it rotated.
func TestPod(t *testing.T) {
	t.Parallel()
	c := newCluster(t, acctest.CRDs331)
	const accounts, secrets = "/api/v1/namespaces/kube-system/serviceaccounts", "/api/v1/namespaces/kube-system/secrets"
	c.MustDo(t, http.MethodPost, accounts, "", `{"metadata":{"name":"runner"}}`)
	c.MustDo(t, http.MethodPost, "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", "",
		`{"metadata":{"name":"runner"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"calico-terraform"},"subjects":[{"kind":"ServiceAccount","namespace":"kube-system","name":"runner"}]}`)
	account := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(account, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// A token is good as long as what it is bound to is there.
	token := func(bound string) string {
		t.Helper()
		var secret struct{ Metadata struct{ UID string } }
		var answer struct{ Status struct{ Token string } }
		body := c.MustDo(t, http.MethodPost, secrets, "", `{"metadata":{"name":"`+bound+`"}}`)
		if err := json.Unmarshal([]byte(body), &secret); err != nil {
			t.Fatal(err)
		}
		body = c.MustDo(t, http.MethodPost, accounts+"/runner/token", "",
			`{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{"boundObjectRef":{"apiVersion":"v1","kind":"Secret","name":"`+bound+`","uid":"`+secret.Metadata.UID+`"}}}`)
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			t.Fatal(err)
		}
		return answer.Status.Token
	}
	server, err := url.Parse(c.URL)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{InCluster: true, pod: &pod{host: server.Hostname(), port: server.Port(), account: account}}
	refused := func(says ...string) {
		t.Helper()
		_, err := New(t.Context(), cfg, Options{})
		for _, want := range append(says, "no service account to use here", "automountServiceAccountToken") {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v does not say %q", err, want)
			}
		}
	}
	refused("token", "no such file")
	old := token("first")
	write("token", old)
	refused("ca.crt")
	write("ca.crt", c.Certificates.CA)

	s, err := New(t.Context(), cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if got, err := s.cfg.Server(); err != nil || got != c.URL || s.String() != "Kubernetes at "+c.URL {
		t.Errorf("the server is %s (%v), and told as %s", got, err, s)
	}
	// (A binding takes a moment to be in force.)
	acctest.Eventually(t, "the service account may write", func() bool {
		_, err = s.Create(t.Context(), hostEndpoint("e1"))
		return err == nil
	})

	write("token", token("second")+"\n")
	c.MustDo(t, http.MethodDelete, secrets+"/first", "", "")
	acctest.Eventually(t, "the first token is refused", func() bool {
		status, _, err := c.DoAs(t.Context(), old, http.MethodGet, "/apis", "", "")
		return err == nil && status == http.StatusUnauthorized
	})
	stored, err := s.Create(t.Context(), hostEndpoint("e2"))
	if err != nil {
		t.Fatalf("with the second token in the file: %v", err)
	}
	if _, err := s.Get(t.Context(), calico.ID{Kind: calico.KindHostEndpoint, Name: "e2"}); err != nil {
		t.Error(err)
	}
	// If there is no other token, that is told, and no token with it.
	c.MustDo(t, http.MethodDelete, secrets+"/second", "", "")
	acctest.Eventually(t, "the second token is refused, too", func() bool {
		err = s.Delete(t.Context(), stored)
		if err == nil {
			stored, err = s.Create(t.Context(), hostEndpoint("e2"))
		}
		return err != nil
	})
	var denied *datastore.DeniedError
	if !errors.As(err, &denied) || denied.Reason != datastore.DeniedCredentials || !strings.Contains(denied.Advice, "the service account of this pod") || strings.Contains(denied.Error()+denied.Advice, old[:20]) {
		t.Errorf("it is told as %v", err)
	}
}
