package memory

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// newStore returns a store of Calico v3.32 with one policy in the tier "platform", and
// the policy.
func newStore(t *testing.T) (*Datastore, datastore.Store, *datastore.Stored) {
	t.Helper()
	d := New()
	d.Put(clusterInformation, `{"kind":"ClusterInformation","apiVersion":"projectcalico.org/v3","metadata":{"name":"default"},"spec":{"calicoVersion":"v3.32.1","datastoreReady":true}}`)
	store, err := d.Open(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	tier := v3.NewTier()
	tier.Name = "platform"
	if _, err := store.Create(t.Context(), tier); err != nil {
		t.Fatal(err)
	}
	stored, err := store.Create(t.Context(), policy("web", "platform", "all()"))
	if err != nil {
		t.Fatal(err)
	}
	return d, store, stored
}

func policy(name, tier, selector string) *v3.GlobalNetworkPolicy {
	p := v3.NewGlobalNetworkPolicy()
	p.Name, p.Spec.Tier, p.Spec.Selector = name, tier, selector
	return p
}

// edit puts another text in the place of an object.
func edit(d *Datastore, stored *datastore.Stored, before, after string) {
	id := calico.IDOf(stored.Object)
	text, _ := d.Get(id)
	d.Put(id, strings.Replace(text, before, after, 1))
}

func TestCreate(t *testing.T) {
	t.Parallel()
	_, store, stored := newStore(t)
	if raw := string(stored.Raw); strings.Contains(raw, storage.MetadataAnnotation) || strings.Contains(raw, v3.LabelTier) || stored.Object.GetUID() == "" {
		t.Errorf("there is stored %s", raw)
	}
	var exists *datastore.AlreadyExistsError
	if _, err := store.Create(t.Context(), policy("web", "platform", "all()")); !errors.As(err, &exists) || !exists.Identical() {
		t.Errorf("the same once more: %v", err)
	}
	if _, err := store.Create(t.Context(), policy("web", "platform", "has(a)")); !errors.As(err, &exists) || exists.Identical() {
		t.Errorf("another one of the name: %v", err)
	}
	var missing *datastore.TierMissingError
	if _, err := store.Create(t.Context(), policy("other", "nowhere", "all()")); !errors.As(err, &missing) {
		t.Errorf("in a tier that is not there: %v", err)
	}
}

// TestConflicts writes to what somebody else has written to.
func TestConflicts(t *testing.T) {
	t.Parallel()
	selector := storage.SpecPatch{"selector": json.RawMessage(`"has(b)"`)}
	writes := map[string]func(datastore.Store, *datastore.Stored) error{
		"update": func(s datastore.Store, base *datastore.Stored) error {
			_, err := s.Update(t.Context(), policy("web", "platform", "has(b)"), base)
			return err
		},
		"patch": func(s datastore.Store, base *datastore.Stored) error {
			_, err := s.Patch(t.Context(), base, selector)
			return err
		},
		"delete": func(s datastore.Store, base *datastore.Stored) error { return s.Delete(t.Context(), base) },
	}
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var conflict *datastore.ConflictError
			d, store, base := newStore(t)
			edit(d, base, "all()", "has(a)")
			if err := write(store, base); !errors.As(err, &conflict) || len(conflict.Changes) != 1 {
				t.Errorf("it was changed: %v", err)
			}
			edit(d, base, "has(a)", "all()")
			if err := write(store, base); err != nil {
				t.Errorf("it was changed back: %v", err)
			}
			d.Remove(calico.IDOf(base.Object))
			if err := write(store, base); name == "delete" && err != nil || name != "delete" && (!errors.As(err, &conflict) || !conflict.Deleted) {
				t.Errorf("it is gone: %v", err)
			}
		})
	}
}

func TestUpdateKeepsWhatOthersWrote(t *testing.T) {
	t.Parallel()
	d, store, base := newStore(t)
	edit(d, base, `"spec":{`, `"spec":{"future":[1],`)
	base, err := store.Get(t.Context(), calico.IDOf(base.Object))
	if err != nil {
		t.Fatal(err)
	}
	now, err := store.Update(t.Context(), policy("web", "platform", "has(a)"), base)
	if err != nil || !strings.Contains(string(now.Raw), `"future":[1]`) || now.Object.GetUID() != base.Object.GetUID() {
		t.Errorf("%v: there is %s", err, now.Raw)
	}
}

func TestTierInUse(t *testing.T) {
	t.Parallel()
	_, store, policy := newStore(t)
	tier, err := store.Get(t.Context(), calico.ID{Kind: calico.KindTier, Name: "platform"})
	if err != nil {
		t.Fatal(err)
	}
	var used *datastore.InUseError
	if err := store.Delete(t.Context(), tier); !errors.As(err, &used) || len(used.Users) != 1 {
		t.Errorf("with a policy in it: %v", err)
	}
	if err := errors.Join(store.Delete(t.Context(), policy), store.Delete(t.Context(), tier)); err != nil {
		t.Error(err)
	}
}

func TestLockedDatastore(t *testing.T) {
	t.Parallel()
	d, store, base := newStore(t)
	text, _ := d.Get(clusterInformation)
	d.Put(clusterInformation, strings.Replace(text, "true", "false", 1))
	var locked *datastore.LockedError
	if err := store.Delete(t.Context(), base); !errors.As(err, &locked) {
		t.Errorf("it is %v", err)
	}
	if finding, err := store.Release(t.Context()); err != nil || finding.Locked == "" || finding.Release.String() != "v3.32.1" {
		t.Errorf("%v: found %v", err, finding)
	}
}

// TestGuardsAreAtomic has many create policies at once, with a guard that allows three in
// all.
func TestGuardsAreAtomic(t *testing.T) {
	t.Parallel()
	d, store, _ := newStore(t)
	refused := errors.New("three are enough")
	kinds := []calico.Kind{calico.KindGlobalNetworkPolicy}
	guarded := store.Guarded(datastore.Guard{Kinds: kinds, Check: func(s *datastore.Snapshot) (none []calico.ID, err error) {
		if len(s.Objects) >= 3 {
			return none, refused
		}
		return none, nil
	}})
	var all sync.WaitGroup
	var done atomic.Int64
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		all.Go(func() {
			switch _, err := guarded.Create(t.Context(), policy(name, "", "all()")); {
			case err == nil:
				done.Add(1)
			case !errors.Is(err, refused):
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	all.Wait()
	if there := d.Versions(calico.KindGlobalNetworkPolicy); done.Load() != 2 || len(there) != 3 {
		t.Errorf("%d were created, there are %v", done.Load(), there)
	}
}

// TestUnreadable lists an object that nobody can read, and one that can be read.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	d, store, _ := newStore(t)
	broken := calico.ID{Kind: calico.KindGlobalNetworkPolicy, Name: "broken"}
	d.Put(broken, "{")
	objects, corrupt, err := store.List(t.Context(), broken.Kind)
	if err != nil || len(objects) != 1 || len(corrupt) != 1 || corrupt[0].Where != Where(broken) {
		t.Errorf("%v: there are %v and %v", err, objects, corrupt)
	}
	names, err := store.Names(t.Context(), broken.Kind)
	if err != nil || len(names) != 2 || names[broken] != Where(broken) {
		t.Errorf("%v: the names are %v", err, names)
	}
	var c *datastore.CorruptError
	if _, err := store.Get(t.Context(), broken); !errors.As(err, &c) {
		t.Errorf("it is read: %v", err)
	}
}
