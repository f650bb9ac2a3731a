package kubernetes

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// TestWarningsOfTheAPIServer lets warnings of every sort come with answers: each is told
// once, with its object, in bounds, and without the credential.
func TestWarningsOfTheAPIServer(t *testing.T) {
	t.Parallel()
	c := newCluster(t, acctest.CRDs331)
	p := c.Proxy(t)
	var mu sync.Mutex
	var told []string
	const token = "s3cret-token"
	s, err := New(t.Context(), Config{Host: p.URL, Token: token, Insecure: true}, Options{Warn: func(_ context.Context, summary, detail string) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, summary+"\n"+detail)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	warn := func(texts ...string) {
		p.Handle(func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
			if r.Method != http.MethodGet {
				for _, text := range texts {
					w.Header().Add("Warning", text)
				}
			}
			forward.ServeHTTP(w, r)
		})
	}
	// What is said twice is told once; of other codes, and of what is no warning, nothing is.
	warn(`299 - "think again"`, `299 - "think again"`, `199 - "stale"`, `nonsense`)
	stored, err := s.Create(t.Context(), hostEndpoint("e0"))
	if err != nil {
		t.Fatal(err)
	}
	if len(told) != 1 {
		t.Fatalf("told: %q", told)
	}
	for _, want := range []string{"The API Server Warns", "asked to create", `HostEndpoint "e0"`, "hostendpoints/e0", "think again", p.URL} {
		if !strings.Contains(told[0], want) {
			t.Errorf("%q does not say %q", told[0], want)
		}
	}
	warn(fmt.Sprintf(`299 - "Bearer %s %s %s"`, token, `\\u001b`, strings.Repeat("x", 5*maxWarningLength)))
	if err := s.Delete(t.Context(), stored); err != nil {
		t.Fatal(err)
	}
	if len(told) != 2 || strings.Contains(told[1], token) || !strings.Contains(told[1], "Bearer (credential)") || len(told[1]) > 2*maxWarningLength {
		t.Errorf("told: %q", told)
	}
	warn(`299 - "again"`)
	for i := range 2 * maxWarnings {
		if _, err := s.Create(t.Context(), hostEndpoint(fmt.Sprintf("e%d", i+1))); err != nil {
			t.Fatal(err)
		}
	}
	if len(told) != maxWarnings || !strings.Contains(told[maxWarnings-1], "further ones of this run are not shown") {
		t.Errorf("%d were told, the last one is %q", len(told), told[len(told)-1])
	}
}
