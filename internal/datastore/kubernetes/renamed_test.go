package kubernetes

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// TestRenamedInBetween has kube-controllers of v3.32 rename a policy at each moment around a
// write of it. Afterwards there is one policy, with what was written; or none after a delete.
func TestRenamedInBetween(t *testing.T) {
	t.Parallel()
	c := newCluster(t, acctest.CRDs332)
	p := c.Proxy(t)
	s := open(t, p, 0)
	release, err := calico.ParseRelease("3.31.0")
	if err != nil {
		t.Fatal(err)
	}
	older, err := New(t.Context(), Config{ConfigPaths: []string{c.Config}}, Options{Release: &release})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = older.Close() })
	const from, to = "default.web", "web"

	for moment, rename := range map[string]func(forward func()) (later func()){
		"before it": func(forward func()) func() {
			copyWithoutTier(t, c)()
			forward()
			return nil
		},
		"around it": func(forward func()) func() {
			removeOld := copyWithoutTier(t, c)
			forward()
			removeOld()
			return nil
		},
		"from before it to long after it": func(forward func()) func() {
			removeOld := copyWithoutTier(t, c)
			forward()
			return removeOld
		},
		"after an update": func(forward func()) func() {
			forward()
			copyWithoutTier(t, c)()
			return nil
		},
		"from after an update to long after it": func(forward func()) func() {
			forward()
			return copyWithoutTier(t, c)
		},
	} {
		for _, method := range []string{http.MethodPut, http.MethodDelete} {
			if method == http.MethodDelete && strings.Contains(moment, "update") {
				continue
			}
			base, err := older.Create(t.Context(), policy("web", ""))
			if err != nil {
				t.Fatal(err)
			}
			// The write of the old name is where it happens.
			var once sync.Once
			var later func()
			done := make(chan struct{})
			p.Handle(func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
				first := false
				if strings.HasSuffix(r.URL.Path, "/"+from) && r.Method == method {
					once.Do(func() { first = true })
				}
				if first {
					later = rename(func() { forward.ServeHTTP(w, r) })
					close(done)
				} else {
					forward.ServeHTTP(w, r)
				}
			})
			if method == http.MethodDelete {
				if err := s.Delete(t.Context(), base); err != nil {
					t.Errorf("renamed %s: the delete fails: %v", moment, err)
				}
			} else {
				changed, ok := base.Object.DeepCopyObject().(*v3.GlobalNetworkPolicy)
				if !ok {
					t.Fatalf("it is a %T", base.Object)
				}
				changed.Spec.Selector = "role == 'new'"
				updated, err := s.Update(t.Context(), changed, base)
				if err != nil {
					t.Errorf("renamed %s: the update fails: %v", moment, err)
				} else if parseWhere(updated.Where).name != to || !strings.Contains(string(updated.Raw), "new") {
					t.Errorf("renamed %s: the update tells of %s: %s", moment, updated.Where, updated.Raw)
				}
			}
			p.Handle(nil)
			if <-done; later != nil {
				later()
			}
			left := stored(t, c)
			if method == http.MethodDelete && len(left) != 0 || method == http.MethodPut && (len(left) != 1 || left[to] != "role == 'new'") {
				t.Errorf("renamed %s: after the %s there are %v", moment, method, left)
			}
			for name := range left {
				c.MustDo(t, http.MethodDelete, v1Policies+"/"+name, "", "")
			}
		}
	}
}

// stored returns the selectors of all policies, by the names that they are stored under.
func stored(t *testing.T, c *testCluster) map[string]string {
	t.Helper()
	var list struct {
		Items []struct {
			Metadata struct{ Name string }
			Spec     struct{ Selector string }
		}
	}
	if err := json.Unmarshal([]byte(c.MustDo(t, http.MethodGet, v1Policies, "", "")), &list); err != nil {
		t.Fatal(err)
	}
	left := map[string]string{}
	for _, item := range list.Items {
		left[item.Metadata.Name] = item.Spec.Selector
	}
	return left
}

// TestCreatedWhileRenaming makes a policy by the name of an older release, which is renamed at
// once: what was made is there, and not in its own way.
func TestCreatedWhileRenaming(t *testing.T) {
	t.Parallel()
	c := newCluster(t, acctest.CRDs332)
	p := c.Proxy(t)
	release, err := calico.ParseRelease("3.31.0")
	if err != nil {
		t.Fatal(err)
	}
	older, err := New(t.Context(), Config{Host: p.URL, Token: "any", Insecure: true}, Options{Release: &release})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = older.Close() })
	var once sync.Once
	p.Handle(func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		forward.ServeHTTP(w, r)
		if r.Method == http.MethodPost {
			once.Do(func() { copyWithoutTier(t, c) })
		}
	})
	created, err := older.Create(t.Context(), policy("web", ""))
	if err != nil || parseWhere(created.Where).name != "web" {
		t.Fatalf("it is told as %v, %v", created, err)
	}
	// As long as there are two, a read tells so, and how to put it right.
	var ambiguous *datastore.AmbiguousError
	if _, err := c.Get(t.Context(), calico.IDOf(policy("web", ""))); !errors.As(err, &ambiguous) || len(ambiguous.Remove) != 2 {
		t.Errorf("a read tells %v", err)
	}
}
