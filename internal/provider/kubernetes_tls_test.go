package provider_test

import (
	"fmt"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// TestBlockChecksTheCertificate: what the block says of the server's certificate counts, and
// not what the kubeconfig says.
func TestBlockChecksTheCertificate(t *testing.T) {
	t.Parallel()
	k := acctest.NewKubernetes(t, acctest.WithCRDs(acctest.CRDs331))
	k.GrantAccess(t)
	unchecked := tempFile(t, "config", fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: test
clusters:
- {name: test, cluster: {server: %q, insecure-skip-tls-verify: true}}
users:
- {name: test, user: {token: %q}}
contexts:
- {name: test, context: {cluster: test, user: test}}
`, k.URL, k.Token))
	with := func(arguments ...string) string {
		return kubernetesBlock(append([]string{text("config_path", unchecked)}, arguments...)...)
	}
	w := newWorkspace(t, with(), hostEndpoint("db1"))
	succeed(t, w, "apply")
	rewrite(t, w, with("insecure = false"), hostEndpoint("db1"))
	fail(t, w, "plan").Says(t, "TLS", "kubernetes.cluster_ca_certificate")
	rewrite(t, w, with("insecure = false", text("cluster_ca_certificate_file", k.Certificates.CAFile)), hostEndpoint("db1"))
	noChanges(t, w)
	w.Env = append(w.Env, "KUBE_INSECURE=false")
	rewrite(t, w, with(), hostEndpoint("db1"))
	fail(t, w, "plan").Says(t, "TLS", "kubernetes.cluster_ca_certificate")
	rewrite(t, w, with("insecure = true"), hostEndpoint("db1"))
	noChanges(t, w)
}
