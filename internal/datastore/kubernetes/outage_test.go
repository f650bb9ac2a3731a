package kubernetes

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// losing makes the first n writes lose their answers: before they are done, or after.
func losing(n int32, done bool) func(http.ResponseWriter, *http.Request, http.Handler) {
	var lost atomic.Int32
	return func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		if r.Method == http.MethodGet || lost.Add(1) > n {
			forward.ServeHTTP(w, r)
			return
		}
		if done {
			forward.ServeHTTP(nowhere{http.Header{}}, r)
		}
		panic(http.ErrAbortHandler) // closes the connection
	}
}

// nowhere takes an answer that nobody gets.
type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header            { return n.header }
func (n nowhere) Write(text []byte) (int, error) { return len(text), nil }
func (n nowhere) WriteHeader(int)                {}

// TestLostAnswers loses the answer of each kind of write, done or not: it is told what
// came of it, and that is so.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	c := newCluster(t, acctest.CRDs331)
	p := c.Proxy(t)
	s := open(t, p, 0)
	for i, done := range []bool{false, true} {
		name := fmt.Sprintf("e%d", i)
		id := calico.ID{Kind: calico.KindHostEndpoint, Name: name}
		p.Handle(losing(1, done))
		created, err := s.Create(t.Context(), hostEndpoint(name))
		if err != nil {
			t.Fatalf("create (done: %t): %v", done, err)
		}
		changed, ok := created.Object.DeepCopyObject().(*v3.HostEndpoint)
		if !ok {
			t.Fatal("it is no host endpoint")
		}
		changed.Spec.InterfaceName = "eth7"
		p.Handle(losing(2, done))
		updated, err := s.Update(t.Context(), changed, created)
		if err != nil || !strings.Contains(string(updated.Raw), "eth7") {
			t.Fatalf("update (done: %t): %v", done, err)
		}
		p.Handle(losing(2, done))
		if err := s.Delete(t.Context(), updated); err != nil {
			t.Fatalf("delete (done: %t): %v", done, err)
		}
		if _, err := c.Get(t.Context(), id); !errors.Is(err, datastore.ErrNotFound) {
			t.Errorf("after the delete (done: %t): %v", done, err)
		}
	}
}

// TestLostCreateOfOthers loses the answer of a create while somebody else makes an object
// of that name: it is not taken for one's own.
func TestLostCreateOfOthers(t *testing.T) {
	t.Parallel()
	c := newCluster(t, acctest.CRDs331)
	p := c.Proxy(t)
	s := open(t, p, 0)
	var once sync.Once
	p.Handle(func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		first := false
		if r.Method == http.MethodPost {
			once.Do(func() { first = true })
		}
		if first {
			c.MustDo(t, http.MethodPost, r.URL.Path, "", `{"apiVersion":"crd.projectcalico.org/v1","kind":"HostEndpoint","metadata":{"name":"db1-eth0"},"spec":{"node":"other"}}`)
			panic(http.ErrAbortHandler)
		}
		forward.ServeHTTP(w, r)
	})
	var exists *datastore.AlreadyExistsError
	if _, err := s.Create(t.Context(), hostEndpoint("db1-eth0")); !errors.As(err, &exists) || exists.Identical() {
		t.Errorf("it is told as %v", err)
	}
}

// TestSilence asks a server that takes requests and answers nothing: a create is not sent
// again then, and not told to be undone.
func TestSilence(t *testing.T) {
	t.Parallel()
	c := newCluster(t, acctest.CRDs331)
	p := c.Proxy(t)
	s := open(t, p, minTimeout)
	if _, err := s.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	p.Handle(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		select {
		case <-r.Context().Done():
		case <-end:
		}
	})
	p.Seen()
	begun := time.Now()
	var unavailable *datastore.UnavailableError
	if _, err := s.Create(t.Context(), hostEndpoint("db1-eth0")); !errors.As(err, &unavailable) || !unavailable.Unknown {
		t.Errorf("a create: %v", err)
	}
	posts := 0
	for _, r := range p.Seen() {
		if strings.HasPrefix(r, "POST ") {
			posts++
		}
	}
	if posts != 1 {
		t.Errorf("it was sent %d times", posts)
	}
	// Those who come next do not wait.
	if _, err := s.Get(t.Context(), calico.ID{Kind: calico.KindHostEndpoint, Name: "db1-eth0"}); !errors.As(err, &unavailable) {
		t.Errorf("a read: %v", err)
	}
	if took := time.Since(begun); took > 3*minTimeout {
		t.Errorf("it took %s", took)
	}
	p.Handle(nil)
	acctest.Eventually(t, "the end of the outage is noticed", func() bool { return s.outage.Standing() == nil })
	if _, err := s.Create(t.Context(), hostEndpoint("db1-eth0")); err != nil {
		t.Errorf("after it: %v", err)
	}
}

// TestRestart ends the server and starts it again while 300 objects are written.
func TestRestart(t *testing.T) {
	t.Parallel()
	const objects = 300
	c := newCluster(t, acctest.CRDs331)
	s := c.open(t, Config{RequestTimeout: time.Minute})
	var group sync.WaitGroup
	var written atomic.Int32
	room := make(chan struct{}, 10)
	halfway := make(chan struct{})
	for i := range objects {
		group.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			if _, err := s.Create(t.Context(), hostEndpoint(fmt.Sprintf("e%d", i))); err != nil {
				t.Errorf("%d: %v", i, err)
				return
			}
			if written.Add(1) == objects/2 {
				close(halfway)
			}
		})
	}
	<-halfway
	c.Stop()
	c.Start(t)
	group.Wait()
	all, _, err := c.List(t.Context(), calico.KindHostEndpoint)
	if err != nil || len(all) != objects {
		t.Errorf("%d of %d are stored, %v", len(all), objects, err)
	}
}

// TestDenied looks at what a user is told who has no right, or no valid credential.
func TestDenied(t *testing.T) {
	t.Parallel()
	k := acctest.NewKubernetes(t, acctest.WithCRDs(acctest.CRDs331))
	s, err := New(t.Context(), Config{ConfigPaths: []string{k.Config}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var denied *datastore.DeniedError
	if _, err := s.Get(t.Context(), calico.ID{Kind: calico.KindHostEndpoint, Name: "x"}); !errors.As(err, &denied) || denied.Reason != datastore.DeniedPermission {
		t.Fatalf("without a right: %v", err)
	}
	for _, want := range []string{`the user "terraform"`, "clusterinformations", `"crd.projectcalico.org"`, "verbs: [get]", "at the cluster scope"} {
		if !strings.Contains(denied.Advice, want) {
			t.Errorf("the advice lacks %s: %s", want, denied.Advice)
		}
	}
	s, err = New(t.Context(), Config{ConfigPaths: []string{k.Config}, Token: "secret-token"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Release(t.Context()); !errors.As(err, &denied) || denied.Reason != datastore.DeniedCredentials || !strings.Contains(denied.Advice, "a bearer token") {
		t.Errorf("with a wrong token: %v", err)
	}
	if text := fmt.Sprint(err, denied.Advice); strings.Contains(text, "secret-token") {
		t.Errorf("the token is told: %s", text)
	}
	s, err = New(t.Context(), Config{ConfigPaths: []string{k.Config}, TLSServerName: "elsewhere.example"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Release(t.Context()); !errors.As(err, &denied) || denied.Reason != datastore.DeniedTLS {
		t.Errorf("with a certificate for another name: %v", err)
	}
}
