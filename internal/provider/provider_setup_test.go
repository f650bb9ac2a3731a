package provider_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// The tests of the provider itself run a real CLI with the provider as a program
// of its own: what counts is what a user sees.

const (
	acceptanceRelease = acctest.UsualRelease

	endpointKeys = acctest.ResourcePrefix + "hostendpoints/"
	policyKeys   = acctest.ResourcePrefix + "globalnetworkpolicies/"
)

// hostEndpoint is a resource; nothing about it depends on the release of Calico.
func hostEndpoint(name string) string {
	return fmt.Sprintf(`
resource "calico_host_endpoint" %[1]q {
  name           = %[1]q
  node           = "db1"
  interface_name = "eth0"
}
`, name)
}

// failsafe is a resource that is stored in another way by each release.
const failsafe = `
resource "calico_failsafe_policy" "this" {
  management_cidrs = ["10.1.0.0/24"]
}
`

// What nearly every test here does has a short name.
var (
	newWorkspace = acctest.Configured
	rewrite      = acctest.Rewrite
	run          = acctest.Run
	runAndTell   = acctest.RunAndTell
	succeed      = acctest.Succeed
	fail         = acctest.Fail
	noChanges    = acctest.NoChanges

	block         = acctest.ProviderBlock
	etcdBlock     = acctest.EtcdBlock
	nested        = acctest.Block
	at            = acctest.At
	list          = acctest.List
	text          = acctest.Text
	withProviders = acctest.WithProviders
	with          = acctest.With
)

type (
	diagnostic = acctest.Diagnostic
	outcome    = acctest.Outcome
)

// inEtcd is the block etcd of a provider block.
func inEtcd(arguments ...string) string { return nested("etcd", arguments...) }

// kubernetesBlock is a provider block with the arguments of its block kubernetes.
func kubernetesBlock(arguments ...string) string { return block(nested("kubernetes", arguments...)) }

// closedEndpoint is one that nothing listens at.
func closedEndpoint(t *testing.T, scheme string) string {
	t.Helper()
	l := silent(t)
	_ = l.Close()
	return scheme + "://" + l.Addr().String()
}

// silent takes connections, as the kernel does for it, and never answers.
func silent(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// tempFile writes a file and returns its path.
func tempFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// newCertificates makes an authority with its certificates.
func newCertificates(t *testing.T) *acctest.Certificates {
	t.Helper()
	c, err := acctest.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// secretLine is a line of a key's PEM, which must not be seen anywhere.
func secretLine(pem string) string { return strings.Split(pem, "\n")[1] }

// webSite serves HTTP of another kind than etcd's.
func webSite(t *testing.T) (endpoint string) {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	return server.URL
}
