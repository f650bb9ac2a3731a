package provider_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// TestGuardAdvisesOnTheAPIServer: the failsafe policy has to let hosts reach the API
// server. That of the test has a loopback address, which means something else to hosts;
// through a proxy it can have another.
func TestGuardAdvisesOnTheAPIServer(t *testing.T) {
	t.Parallel()
	k := acctest.NewKubernetes(t, acctest.WithCRDs(acctest.CRDs331))
	k.GrantAccess(t)
	server := "192.0.2.7:6443"
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != server {
			http.Error(w, "not the API server", http.StatusForbidden)
			return
		}
		there, err := net.Dial("tcp", strings.TrimPrefix(k.URL, "https://"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		here, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			_ = there.Close()
			return
		}
		_, _ = io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() { _, _ = io.Copy(there, here); _ = there.Close() }()
		_, _ = io.Copy(here, there)
		_ = here.Close()
	}))
	t.Cleanup(proxy.Close)
	through := acctest.ProviderBlock(acctest.Block("kubernetes",
		`config_path = "`+k.Config+`"`, `host = "https://`+server+`"`, `tls_server_name = "127.0.0.1"`, `proxy_url = "`+proxy.URL+`"`))

	const hosts = "resource \"calico_failsafe_policy\" \"this\" {\n  management_cidrs = [\"10.1.0.0/24\"]\n  selector = \"!has(projectcalico.org/namespace)\"\n}\n"
	w := newWorkspace(t, hosts, through)
	warnings := runAndTell(t, w, "plan").Of("warning")
	if len(warnings) != 1 {
		t.Fatalf("the plan warns of %v", warnings)
	}
	warnings[0].Says(t, "Datastore Not Covered", server, "a block api_server")
	rewrite(t, w, strings.Replace(hosts, "\n}", "\n  api_server {\n    address = \"192.0.2.7\"\n  }\n}", 1), through)
	if o := runAndTell(t, w, "plan"); o.Failed || len(o.Of("warning")) > 0 {
		t.Errorf("failed %t, with %v", o.Failed, o.Diagnostics)
	}
}
