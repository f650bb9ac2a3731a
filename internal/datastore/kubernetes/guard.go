package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// The API server of Kubernetes has no transaction over several objects. So a guarded write
// is made in three steps: the guard decides by what is stored at one moment; the object is
// written, if it is still what it was then; and what is stored is read once more as it was
// at exactly the moment of the write. If nothing else has changed, what the guard has
// decided holds. If something has, the guard is asked again, and if it refuses, the write
// is undone. Between the write and its undoing it was in force.
//
// Runs of this provider keep out of each other's way by a Lease.

// guarded is a store with a guard.
type guarded struct {
	*Store
	guard *datastore.Guard
}

// Guarded returns the store with a guard; see datastore.Store.
func (s *Store) Guarded(guard datastore.Guard) datastore.Store { return &guarded{s, &guard} }

func (g *guarded) Create(ctx context.Context, obj calico.Object) (*datastore.Stored, error) {
	return g.write(ctx, g.creation(obj), g.guard)
}

func (g *guarded) Update(ctx context.Context, obj calico.Object, base *datastore.Stored) (*datastore.Stored, error) {
	return g.write(ctx, g.replacement(obj, base), g.guard)
}

func (g *guarded) Patch(ctx context.Context, base *datastore.Stored, patch storage.SpecPatch) (*datastore.Stored, error) {
	return g.write(ctx, g.patching(base, patch), g.guard)
}

func (g *guarded) Delete(ctx context.Context, base *datastore.Stored) error {
	_, err := g.write(ctx, g.deletion(base), g.guard)
	return err
}

// undoTime is how long it may take to look at what a write has done, and to undo it: it is
// not given up because the time of the write is over.
const undoTime = 20 * time.Second

// writeGuarded makes a change that the guard has a say in.
func (s *Store) writeGuarded(ctx context.Context, f *facts, c change, guard *datastore.Guard) (*datastore.Stored, error) {
	select {
	case s.guardedWrites <- struct{}{}:
		defer func() { <-s.guardedWrites }()
	case <-ctx.Done():
		return nil, s.unavailable(ctx, fmt.Errorf("other writes that a guard looks at have taken all the time: %w", ctx.Err()))
	}
	release, err := s.lease.take(ctx, s)
	if err != nil {
		return nil, err
	}
	defer release()

	before, err := s.world(ctx, f, guard.Kinds, "")
	if err != nil {
		return nil, s.overdue(ctx, err)
	}
	if _, err := guard.Check(before.snapshot()); err != nil {
		return nil, err
	}
	stored, base, err := s.make(ctx, f, c)
	if err != nil {
		return nil, err
	}

	looking, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	key := ""
	switch {
	case stored != nil:
		key = stored.Where
	case base != nil:
		key = base.Where
	}
	others, refusal, err := s.lookAgain(looking, f, guard, before, stored, key)
	if err == nil && refusal == nil {
		return stored, nil
	}
	if undoErr := s.undo(looking, f, c, stored, base); undoErr != nil {
		return nil, &datastore.LeftError{ID: c.id, Where: key, Refusal: refusal, Why: errors.Join(err, undoErr)}
	}
	if refusal == nil {
		refusal = fmt.Errorf("it could not be checked what the write does together with the changes of others: %w", err)
	}
	return nil, &datastore.UndoneError{ID: c.id, Where: key, Refusal: refusal, Others: others}
}

// lookAgain reads what is stored as it was at the moment of a write, and asks the guard
// about it if others have written since before. others are where they did.
func (s *Store) lookAgain(ctx context.Context, f *facts, guard *datastore.Guard, before *world, stored *datastore.Stored, key string) (others []string, refusal, err error) {
	revision := "" // of a delete there is none: it was done before what is newest now
	if stored != nil {
		revision = stored.Version
	}
	after, err := s.world(ctx, f, guard.Kinds, revision)
	if err != nil && s.pastGone(err) {
		after, err = s.world(ctx, f, guard.Kinds, "")
	}
	if err != nil {
		return nil, nil, err
	}
	others = differences(before.versions(), after.versions(), key)
	if len(others) == 0 {
		return nil, nil, nil
	}
	// The guard is told what is stored without the change, as before the write.
	_, refusal = guard.Check(after.withOneOf(before, key).snapshot())
	return others, refusal, nil
}

// differences tells where something was written, but for one place.
func differences(before, after map[string]string, but string) []string {
	changed := map[string]bool{}
	for where, version := range before {
		changed[where] = after[where] != version
	}
	for where, version := range after {
		changed[where] = before[where] != version
	}
	delete(changed, but)
	maps.DeleteFunc(changed, func(_ string, is bool) bool { return !is })
	return slices.Sorted(maps.Keys(changed))
}

// undo brings back what was stored before a change, if nobody has changed it since.
func (s *Store) undo(ctx context.Context, f *facts, c change, stored, base *datastore.Stored) error {
	var err error
	switch {
	case base == nil: // it was created
		_, _, err = s.make(ctx, f, s.deletion(stored))
	case stored == nil: // it was deleted
		err = s.sendBack(ctx, f, c.id, base, nil)
	default:
		err = s.sendBack(ctx, f, c.id, base, stored)
	}
	return err
}

var errNoUndo = errors.New("somebody else has changed it since")

// sendBack stores base again: in the place of now, or anew if that is nil.
func (s *Store) sendBack(ctx context.Context, f *facts, id calico.ID, base, now *datastore.Stored) error {
	if id.Kind == calico.KindNode {
		return errors.New("a Node is written by others, too, and is not put back by itself")
	}
	r, err := f.again(id, base, now)
	if err != nil {
		return err
	}
	for {
		_, err := s.send(ctx, r)
		var lost *lostError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &lost) && ctx.Err() == nil:
			continue // it compares what it replaces
		case is(err, metav1.StatusReasonAlreadyExists), is(err, metav1.StatusReasonConflict), is(err, metav1.StatusReasonNotFound):
			return errNoUndo
		default:
			return s.explainWrite(r, err)
		}
	}
}

// again is the request that stores base again: in the place of now, or anew if that is nil.
func (f *facts) again(id calico.ID, base, now *datastore.Stored) (request, error) {
	at := parseWhere(base.Where)
	r := request{operation: "undo", method: http.MethodPut, at: at, query: strictly(), id: id}
	var object, own fields
	if err := json.Unmarshal(base.Raw, &object); err != nil {
		return r, err
	}
	// (Own has the metadata as it was, and needs nothing of Raw.)
	if err := json.Unmarshal(base.Own, &own); err != nil {
		return r, err
	}
	delete(own, "creationTimestamp")
	if now == nil {
		collection := at
		collection.name = ""
		r.method, r.path = http.MethodPost, collection.path()
		delete(own, "uid")
		delete(own, "deletionTimestamp")
		delete(own, "deletionGracePeriodSeconds")
	} else {
		version, err := marshal(now.Version)
		if err != nil {
			return r, err
		}
		own["resourceVersion"] = version
	}
	var err error
	if object["metadata"], err = marshal(own); err != nil {
		return r, err
	}
	object["apiVersion"] = json.RawMessage(`"` + f.groupVersion() + `"`)
	if id.Kind != calico.KindKubeControllersConfiguration {
		delete(object, "status")
	}
	r.body, err = marshal(object)
	return r, err
}
