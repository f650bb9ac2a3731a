package kubernetes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// errCut is what the guard of these tests says.
var errCut = errors.New("the management network is cut off")

// allowed tells whether the world of these tests lets the management network in: a policy
// that denies is there only together with one that allows.
func allowed(snapshot *datastore.Snapshot) bool {
	names := map[string]bool{}
	for _, one := range snapshot.Objects {
		if p, ok := one.Object.(*v3.GlobalNetworkPolicy); !ok || p.Spec.Selector != harmless {
			names[one.Object.GetName()] = true
		}
	}
	return !names["deny"] || names["allow"]
}

// harmless is the selector of a policy that denies nothing.
const harmless = "has(nothing)"

// guardFor returns the guard of these tests for one change: what becomes of an object. As the
// provider's guard does, it refuses only what the change makes worse, and so has to be told
// what is stored without the change.
func guardFor(name string, there bool) datastore.Guard {
	return datastore.Guard{
		Kinds: []calico.Kind{calico.KindGlobalNetworkPolicy, calico.KindGlobalNetworkSet},
		Check: func(snapshot *datastore.Snapshot) ([]calico.ID, error) {
			after := &datastore.Snapshot{}
			for _, one := range snapshot.Objects {
				if one.Object.GetName() != name {
					after.Objects = append(after.Objects, one)
				}
			}
			if there {
				after.Objects = append(after.Objects, &datastore.Stored{Object: policy(name, "")})
			}
			if allowed(snapshot) && !allowed(after) {
				return nil, errCut
			}
			return nil, nil
		},
	}
}

// meddler stands before an API server, and lets somebody else write when a write has
// arrived there: before it is done.
type meddler struct {
	*acctest.KubernetesProxy
	mu sync.Mutex
	// meddle is called once, at the first write of an object of Calico's; nil for not at
	// all.
	meddle func()
}

func newMeddler(t *testing.T, c *testCluster) *meddler {
	t.Helper()
	m := &meddler{KubernetesProxy: c.Proxy(t)}
	m.Handle(func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		if r.Method != http.MethodGet && strings.Contains(r.URL.Path, "projectcalico.org/") {
			m.mu.Lock()
			meddle := m.meddle
			m.meddle = nil
			m.mu.Unlock()
			if meddle != nil {
				meddle()
			}
		}
		forward.ServeHTTP(w, r)
	})
	return m
}

// open opens a store through a proxy.
func open(t *testing.T, p *acctest.KubernetesProxy, timeout time.Duration) *Store {
	t.Helper()
	s, err := New(t.Context(), Config{Host: p.URL, Token: "any", Insecure: true, RequestTimeout: timeout}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func (m *meddler) open(t *testing.T) *Store {
	t.Helper()
	return open(t, m.KubernetesProxy, 0)
}

func (m *meddler) next(meddle func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.meddle = meddle
}

// testGuardRefuses asks the guard before a write.
func testGuardRefuses(t *testing.T, c *testCluster) {
	t.Helper()
	if _, err := c.Guarded(guardFor("deny", true)).Create(t.Context(), policy("deny", "")); !errors.Is(err, errCut) {
		t.Errorf("a policy that cuts off: %v", err)
	}
	if _, err := c.Get(t.Context(), calico.IDOf(policy("deny", ""))); !errors.Is(err, datastore.ErrNotFound) {
		t.Errorf("it was written: %v", err)
	}
	allow, err := c.Guarded(guardFor("allow", true)).Create(t.Context(), policy("allow", ""))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Guarded(guardFor("deny", true)).Create(t.Context(), policy("deny", "")); err != nil {
		t.Errorf("a policy beside one that allows: %v", err)
	}
	if err := c.Guarded(guardFor("allow", false)).Delete(t.Context(), allow); !errors.Is(err, errCut) {
		t.Errorf("taking away what allows: %v", err)
	}
}

// testGuardUndoes lets somebody else write between the guard's decision and the write, for
// each kind of write.
func testGuardUndoes(t *testing.T, c *testCluster) {
	t.Helper()
	m := newMeddler(t, c)
	s := m.open(t)
	ctx := t.Context()
	create := func(name string) *datastore.Stored {
		t.Helper()
		stored, err := c.Create(ctx, policy(name, ""))
		if err != nil {
			t.Fatal(err)
		}
		return stored
	}
	remove := func(stored *datastore.Stored) {
		if err := c.Delete(context.WithoutCancel(ctx), stored); err != nil {
			t.Error(err)
		}
	}
	wantUndone := func(what string, err error) {
		t.Helper()
		var undone *datastore.UndoneError
		if !errors.As(err, &undone) || !errors.Is(err, errCut) || len(undone.Others) == 0 {
			t.Errorf("%s: %v", what, err)
		}
	}
	wantStored := func(name string, want bool) {
		t.Helper()
		_, err := c.Get(ctx, calico.ID{Kind: calico.KindGlobalNetworkPolicy, Name: name})
		if (err == nil) != want {
			t.Errorf("%s is stored: %v, want %t", name, err, want)
		}
	}

	// A create of what denies, while somebody deletes what allows.
	allow := create("allow")
	m.next(func() { remove(allow) })
	_, err := s.Guarded(guardFor("deny", true)).Create(ctx, policy("deny", ""))
	wantUndone("a create", err)
	wantStored("deny", false)

	// A delete of what allows, while somebody creates what denies.
	allow = create("allow")
	m.next(func() { create("deny") })
	wantUndone("a delete", s.Guarded(guardFor("allow", false)).Delete(ctx, allow))
	wantStored("allow", true)
	again, err := c.Get(ctx, calico.IDOf(allow.Object))
	if err != nil {
		t.Fatal(err)
	}
	changes, err := storage.ContentChanges(calico.KindGlobalNetworkPolicy, allow.Raw, again.Raw)
	changes = slices.DeleteFunc(changes, func(change string) bool { // it is another one
		return strings.HasPrefix(change, "metadata.uid:") || strings.HasPrefix(change, "metadata.creationTimestamp:")
	})
	if err != nil || len(changes) > 0 {
		t.Errorf("it came back with %v, %v", changes, err)
	}

	// An update, which is put back to the byte.
	deny, err := c.Get(ctx, calico.ID{Kind: calico.KindGlobalNetworkPolicy, Name: "deny"})
	if err != nil {
		t.Fatal(err)
	}
	changed, ok := deny.Object.DeepCopyObject().(*v3.GlobalNetworkPolicy)
	if !ok {
		t.Fatal("it is no policy")
	}
	changed.Spec.Selector = harmless
	if deny, err = c.Update(ctx, changed, deny); err != nil {
		t.Fatal(err)
	}
	changed.Labels, changed.Spec.Selector = map[string]string{"new": "x"}, "all()"
	m.next(func() { remove(again) })
	_, err = s.Guarded(guardFor("deny", true)).Update(ctx, changed, deny)
	wantUndone("an update", err)
	now, err := c.Get(ctx, calico.IDOf(changed))
	if err != nil || !bytes.Equal(now.Raw, deny.Raw) || !bytes.Equal(now.Own, deny.Own) {
		t.Errorf("it is\n%s\n%s, and was\n%s\n%s (%v)", now.Raw, now.Own, deny.Raw, deny.Own, err)
	}

	// What somebody else writes at the same time is no reason by itself.
	allow = create("allow")
	set := v3.NewGlobalNetworkSet()
	set.Name = "other"
	m.next(func() {
		if _, err := c.Create(context.WithoutCancel(ctx), set); err != nil {
			t.Error(err)
		}
	})
	if _, err := s.Guarded(guardFor("deny", true)).Update(ctx, changed, now); err != nil {
		t.Errorf("a change beside another one that does no harm: %v", err)
	}
	_ = allow
}

// TestGuardHistories lets somebody create and delete what allows at any time, while guarded
// writes create and delete what denies: no write of the provider stays that cuts off.
func TestGuardHistories(t *testing.T) {
	t.Parallel()
	const histories = 200
	c := newCluster(t, acctest.NativeCRDs)
	ctx := t.Context()
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 1))
	m := newMeddler(t, c)
	s := m.open(t)
	const path = "/apis/" + GroupNative + "/globalnetworkpolicies"
	set := func(name string, there bool) {
		status, answer, err := 0, "", error(nil)
		if there {
			status, answer, err = c.Do(ctx, http.MethodPost, path, "", `{"apiVersion":"projectcalico.org/v3","kind":"GlobalNetworkPolicy","metadata":{"name":"`+name+`"},"spec":{"selector":"all()"}}`)
		} else {
			status, answer, err = c.Do(ctx, http.MethodDelete, path+"/"+name, "", "")
		}
		if err != nil || status >= http.StatusBadRequest && status != http.StatusNotFound && status != http.StatusConflict {
			t.Errorf("%d: %s, %v", status, answer, err)
		}
	}
	outcomes := map[string]int{}
	var longest time.Duration
	for range histories {
		set("deny", false)
		set("allow", random.IntN(4) > 0)
		var moved time.Time
		if random.IntN(2) == 0 {
			there := random.IntN(3) == 0
			m.next(func() { set("allow", there); moved = time.Now() })
		}
		_, err := s.Guarded(guardFor("deny", true)).Create(ctx, policy("deny", ""))
		took := time.Since(moved)
		m.next(nil)
		snapshot, snapErr := c.Snapshot(ctx, []calico.Kind{calico.KindGlobalNetworkPolicy})
		if snapErr != nil {
			t.Fatal(snapErr)
		}
		var undone *datastore.UndoneError
		switch {
		case err == nil && !allowed(snapshot):
			t.Fatalf("seed %d: a write stays that cuts off", seed)
		case err == nil:
			outcomes["written"]++
		case errors.As(err, &undone):
			outcomes["undone"]++
			longest = max(longest, took)
		case errors.Is(err, errCut):
			outcomes["refused"]++
		default:
			t.Fatalf("seed %d: %v", seed, err)
		}
		if err != nil && slices.ContainsFunc(snapshot.Objects, func(o *datastore.Stored) bool { return o.Object.GetName() == "deny" }) {
			t.Fatalf("seed %d: what was refused (%v) is stored", seed, err)
		}
	}
	for _, outcome := range []string{"written", "undone", "refused"} {
		if outcomes[outcome] == 0 {
			t.Errorf("seed %d: none of the histories was %s: %v", seed, outcome, outcomes)
		}
	}
	t.Logf("%d histories: %v; from the write of another to the end of the undoing at most %s", histories, outcomes, longest)
}

// TestGuardLeaves cannot undo a write, as somebody else has changed the object since.
func TestGuardLeaves(t *testing.T) {
	t.Parallel()
	c := newCluster(t, acctest.CRDs331)
	ctx := t.Context()
	allow, err := c.Create(ctx, policy("allow", ""))
	if err != nil {
		t.Fatal(err)
	}
	guard := guardFor("deny", true)
	check, asked := guard.Check, 0
	guard.Check = func(snapshot *datastore.Snapshot) ([]calico.ID, error) {
		if asked++; asked == 2 {
			// The write is done, and looked at.
			c.MustDo(t, http.MethodPatch, v1Policies+"/default.deny", "application/merge-patch+json", `{"spec":{"order":7}}`)
		}
		return check(snapshot)
	}
	m := newMeddler(t, c)
	m.next(func() {
		if err := c.Delete(context.WithoutCancel(ctx), allow); err != nil {
			t.Error(err)
		}
	})
	_, err = m.open(t).Guarded(guard).Create(ctx, policy("deny", ""))
	var left *datastore.LeftError
	if !errors.As(err, &left) || !errors.Is(left.Refusal, errCut) {
		t.Errorf("it is told as %v", err)
	}
}

// TestLease makes guarded writes of several runs at the same time.
func TestLease(t *testing.T) {
	t.Parallel()
	c := newCluster(t, acctest.NativeCRDs)
	var group sync.WaitGroup
	inside := make(chan struct{}, 1)
	guard := datastore.Guard{Kinds: []calico.Kind{calico.KindGlobalNetworkPolicy}, Check: func(*datastore.Snapshot) ([]calico.ID, error) {
		select {
		case inside <- struct{}{}:
		default:
			t.Error("two runs make guarded writes at the same time")
		}
		<-inside
		return nil, nil
	}}
	for run := range 4 {
		s := c.open(t, Config{})
		group.Go(func() {
			for i := range 5 {
				if _, err := s.Guarded(guard).Create(t.Context(), policy(fmt.Sprintf("p%d-%d", run, i), "")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	var lease leaseObject
	if err := json.Unmarshal([]byte(c.MustDo(t, http.MethodGet, leaseAt.path(), "", "")), &lease); err != nil {
		t.Fatal(err)
	}
	if lease.Spec.HolderIdentity != "" || lease.Spec.LeaseTransitions < 4 {
		t.Errorf("the Lease is left as %+v", lease.Spec)
	}
}

// TestWithoutTheLease makes guarded writes as a user who has no right to the Lease.
func TestWithoutTheLease(t *testing.T) {
	t.Parallel()
	c := newCluster(t, acctest.NativeCRDs)
	const rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/kube-system/rolebindings/calico-terraform"
	c.MustDo(t, http.MethodDelete, rbac, "", "")
	acctest.Eventually(t, "the right to the Lease is gone", func() bool {
		status, _, err := c.DoAs(t.Context(), c.Token, http.MethodGet, leaseAt.path(), "", "")
		return err == nil && status == http.StatusForbidden
	})
	var warnings []string
	s, err := New(t.Context(), Config{ConfigPaths: []string{c.Config}}, Options{Warn: func(_ context.Context, summary, detail string) { warnings = append(warnings, summary+": "+detail) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for _, name := range []string{"allow", "deny"} {
		if _, err := s.Guarded(guardFor(name, true)).Create(t.Context(), policy(name, "")); err != nil {
			t.Error(err)
		}
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "leases") {
		t.Errorf("it warns of %q", warnings)
	}
}
