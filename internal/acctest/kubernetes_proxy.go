package acctest

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
)

// KubernetesProxy stands before an API server. Whoever comes through it is the user
// terraform, with whatever token. It counts requests, and lets a test have a say in each.
type KubernetesProxy struct {
	*httptest.Server
	mu sync.Mutex
	// handle is asked about each request; see Handle.
	handle func(w http.ResponseWriter, r *http.Request, forward http.Handler)
	seen   []string
}

// Proxy starts a proxy before the server, for the time of a test.
func (k *Kubernetes) Proxy(t testing.TB) *KubernetesProxy {
	t.Helper()
	target, err := url.Parse(k.URL)
	if err != nil {
		t.Fatal(err)
	}
	p := &KubernetesProxy{}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Set("Authorization", "Bearer "+k.Token)
		},
		Transport: k.client.Transport,
	}
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.seen = append(p.seen, r.Method+" "+r.URL.Path)
		handle := p.handle
		p.mu.Unlock()
		if handle == nil {
			forward.ServeHTTP(w, r)
			return
		}
		handle(w, r, forward)
	}))
	t.Cleanup(p.Close)
	return p
}

// Handle lets handle have a say in each request from now on: it calls forward to let the
// request through. nil lets all through.
func (p *KubernetesProxy) Handle(handle func(w http.ResponseWriter, r *http.Request, forward http.Handler)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handle = handle
}

// Seen returns the requests since it was called last, as METHOD PATH.
func (p *KubernetesProxy) Seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := p.seen
	p.seen = nil
	return seen
}

// Block is a block kubernetes of the provider that leads through the proxy.
func (p *KubernetesProxy) Block(arguments ...string) string {
	return Block("kubernetes", append([]string{`host = "` + p.URL + `"`, `token = "any"`, `insecure = true`}, arguments...)...)
}
