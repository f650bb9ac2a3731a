//go:build faults && linux

package faults

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// stateServer is a backend of the kind "http": it keeps a state as a whole, as most
// backends do. It has no lock, which Terraform would leave behind when it is killed.
type stateServer struct {
	mu    sync.Mutex
	state []byte
}

// newStateServer makes the backend of a workspace.
func newStateServer(t *testing.T, w *acctest.Workspace) *stateServer {
	t.Helper()
	s := &stateServer{}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	if err := w.WriteFile("backend.tf", fmt.Sprintf("terraform {\n  backend \"http\" {\n    address = %q\n  }\n}\n", server.URL)); err != nil {
		t.Fatal(err)
	}
	// It makes the backend ready, and then fails to find a release of the provider.
	_, _ = w.Run(t, "init")
	return s
}

func (s *stateServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.Method {
	case http.MethodGet:
		if s.state == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		_, _ = w.Write(s.state)
	case http.MethodPost:
		state, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest) // of a CLI that was killed
			return
		}
		s.state = state
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

func (s *stateServer) content() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}
