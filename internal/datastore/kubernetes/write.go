package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// strictly are the parameters of every write: a field that the cluster does not know is
// refused, and not dropped in silence.
func strictly() url.Values {
	return url.Values{"fieldManager": {fieldManager}, "fieldValidation": {"Strict"}}
}

// change is one write of an object, which may be tried several times.
type change struct {
	id calico.ID
	// do sends it, with base as it is known now (nil for a create). It returns what is
	// stored then; nil if nothing is.
	do func(ctx context.Context, f *facts, base *datastore.Stored) (*datastore.Stored, error)
	// base is what it changes, nil for a create.
	base *datastore.Stored
	// changes tells what others have changed of base that the change is about.
	changes func(before, now []byte) ([]string, error)
	// removes is true for a delete.
	removes bool
	// done tells whether what is stored now is what the change of base was to make.
	done func(f *facts, base, now *datastore.Stored) bool
}

// Update replaces base by obj; see datastore.Store.
func (s *Store) Update(ctx context.Context, obj calico.Object, base *datastore.Stored) (*datastore.Stored, error) {
	return s.write(ctx, s.replacement(obj, base), nil)
}

func (s *Store) replacement(obj calico.Object, base *datastore.Stored) change {
	id := calico.IDOf(obj)
	// Only for a base that lacks them.
	fresh := storage.Fresh{UID: uuid.NewString(), Created: time.Now()}
	return change{id: id, base: base, changes: contentChanges(id.Kind), do: func(ctx context.Context, f *facts, base *datastore.Stored) (*datastore.Stored, error) {
		if id.Kind == calico.KindNode {
			return s.patchNode(ctx, f, obj, base)
		}
		was := clone(base)
		if err := decode(id.Kind, was); err != nil {
			return nil, err
		}
		if id.Tier != calico.IDOf(was.Object).Tier {
			if err := s.needTier(ctx, f, id); err != nil {
				return nil, err
			}
		}
		_, value, err := storage.Encode(obj, base.Raw, f.release, fresh)
		if err != nil {
			return nil, err
		}
		// A name of another release stays: kube-controllers renames policies, and a name
		// cannot be changed in one step.
		at := parseWhere(base.Where)
		if value, err = renamed(value, at.name); err != nil {
			return nil, err
		}
		body, err := f.body(id.Kind, value, base)
		if err != nil {
			return nil, err
		}
		answer, err := s.mutate(ctx, request{operation: "update", method: http.MethodPut, at: at, query: strictly(), body: body, id: id})
		if err != nil {
			return nil, err
		}
		return s.read(f, id.Kind, answer)
	}, done: func(f *facts, base, now *datastore.Stored) bool {
		_, value, err := storage.Encode(obj, base.Raw, f.release, fresh)
		if err != nil {
			return false
		}
		changes, err := storage.ContentChanges(id.Kind, value, now.Raw)
		return err == nil && len(changes) == 0
	}}
}

// renamed sets metadata.name.
func renamed(value []byte, name string) ([]byte, error) {
	var object, metadata fields
	if err := json.Unmarshal(value, &object); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(object["metadata"], &metadata); err != nil {
		return nil, err
	}
	var err error
	if metadata["name"], err = marshal(name); err != nil {
		return nil, err
	}
	if object["metadata"], err = marshal(metadata); err != nil {
		return nil, err
	}
	return marshal(object)
}

func contentChanges(kind calico.Kind) func(before, now []byte) ([]string, error) {
	return func(before, now []byte) ([]string, error) { return storage.ContentChanges(kind, before, now) }
}

// write makes a change, again as long as only something else of the object was changed by
// others, and asks the guard about it if there is one.
func (s *Store) write(ctx context.Context, c change, guard *datastore.Guard) (*datastore.Stored, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	defer s.reads.Forget(c.id.Kind)
	if why, ok := Type.Unwritable[c.id.Kind]; ok {
		return nil, rejected(c.id, "%s", why)
	}
	f, err := s.writable(ctx)
	if err != nil {
		return nil, err
	}
	if known, err := s.knows(f, c.id.Kind); err != nil {
		return nil, err
	} else if !known {
		return nil, rejected(c.id, "Calico %s has no kind %s: it has it from v%s on.", f.release, c.id.Kind, c.id.Kind.Since())
	}
	if guard != nil {
		return s.writeGuarded(ctx, f, c, guard)
	}
	stored, _, err := s.make(ctx, f, c)
	return stored, err
}

// make makes a change. It returns what is stored then, and base as it was when the change
// was made.
//
// If an answer is lost, it looks what is stored, and sends the change again if it was not
// done. That is safe for a change of an object: it compares the version of the object, or
// the values that it replaces, so once it is done it cannot be done again.
func (s *Store) make(ctx context.Context, f *facts, c change) (stored, base *datastore.Stored, err error) {
	base = c.base
	var lost error
	undone := func(err error) error {
		var unavailable *datastore.UnavailableError
		if lost != nil && errors.As(err, &unavailable) {
			return s.unknown(ctx, err)
		}
		return err
	}
	for range makeTries {
		if base != nil && f.home(c.id.Kind, base) != parseWhere(base.Where) {
			err = errChanged // it was read before Calico moved all objects to the other group
		} else {
			stored, err = c.do(ctx, f, base)
		}
		var answer *lostError
		var now *datastore.Stored
		switch {
		case err == nil:
			// The write may be of a policy that was copied before it, to be renamed, and is
			// removed after it: then it is made once more, of the copy.
			if now = s.copied(ctx, f, c.id, base); now == nil {
				if stored != nil {
					stored.Object.SetName(c.id.Name)
				}
				return stored, base, nil
			}
		case errors.As(err, &answer):
			if lost = err; base == nil || ctx.Err() != nil {
				return nil, base, s.unknown(ctx, err)
			}
		case !errors.Is(err, errChanged):
			return nil, base, undone(err)
		}
		written := now != nil
		if now == nil {
			now, err = s.current(ctx, f, c.id, base)
		}
		switch {
		case err != nil:
			return nil, base, undone(err)
		case now == nil && c.removes:
			return nil, base, nil
		case now == nil:
			return nil, base, &datastore.ConflictError{ID: c.id, Where: base.Where, Deleted: true}
		}
		before := *base
		if now.Where != base.Where {
			before.Raw, err = withIdentityOf(base.Raw, now.Raw)
		}
		if err == nil && (written || lost != nil) && c.done != nil && c.done(f, &before, now) {
			now.Object.SetName(c.id.Name)
			return now, base, nil
		}
		var changes []string
		if err == nil {
			changes, err = c.changes(before.Raw, now.Raw)
		}
		if err != nil {
			return nil, base, corrupt(now.Where, now.Version, err)
		}
		if len(changes) > 0 {
			return nil, base, &datastore.ConflictError{ID: c.id, Where: now.Where, Changes: changes}
		}
		base = now
	}
	return nil, base, &datastore.UnsettledError{ID: c.id, Where: base.Where, Tries: makeTries}
}

// makeTries is how often a change is made again at most because something else of the
// object was changed by others, such as its status.
const makeTries = 10

// errChanged says that an object is not any more as a change expects it.
var errChanged = errors.New("it was changed")

// mutate sends a change of an object. The error is errChanged if the object is not as the
// change expects it.
func (s *Store) mutate(ctx context.Context, r request) ([]byte, error) {
	body, err := s.send(ctx, r)
	var answer *answerError
	if errors.As(err, &answer) {
		gone := answer.code == http.StatusNotFound
		conflict := answer.code == http.StatusConflict
		// A test of a JSON patch that fails says no more.
		test := r.method == http.MethodPatch && answer.code == http.StatusUnprocessableEntity && len(causes(answer)) == 0
		if gone || conflict || test {
			return nil, errChanged
		}
	}
	if err == nil && r.method == http.MethodPatch && uidOf(body) == "" {
		// Calico's own API server answers with success and an object of nothing when others
		// have written the object at each of its five tries: it has written nothing.
		return nil, errChanged
	}
	return body, s.explainWrite(r, err)
}

// home is where an object of that name is in the group that Calico works with now.
func (f *facts) home(kind calico.Kind, stored *datastore.Stored) location {
	at := parseWhere(stored.Where)
	if kind == calico.KindNode {
		return at
	}
	return f.location(kind, at.namespace, at.name)
}

// withIdentityOf returns a stored value with the uid and the creation time of another:
// when Calico gives an object another name, or moves it to another group, it makes it anew.
func withIdentityOf(value, other []byte) ([]byte, error) {
	var object, metadata fields
	var from struct{ Metadata fields }
	if err := json.Unmarshal(value, &object); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(object["metadata"], &metadata); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(other, &from); err != nil {
		return nil, err
	}
	for _, key := range []string{"uid", "creationTimestamp"} {
		metadata[key] = from.Metadata[key]
	}
	var err error
	if object["metadata"], err = marshal(metadata); err != nil {
		return nil, err
	}
	return marshal(object)
}

// current returns an object as it is stored now, nil for none: where base is, in the group
// that Calico works with now, or, if kube-controllers has renamed it in the meantime, under
// its other name.
func (s *Store) current(ctx context.Context, f *facts, id calico.ID, base *datastore.Stored) (*datastore.Stored, error) {
	at := f.home(id.Kind, base)
	for _, place := range append([]location{at}, f.otherPlaces(id, at)...) {
		now, err := s.getAt(ctx, f, id.Kind, place)
		if err != nil {
			return nil, err
		}
		if now == nil {
			continue
		}
		if err := decode(id.Kind, now); err != nil {
			return nil, err
		}
		if calico.IDOf(now.Object).Short() == id.Short() {
			return now, nil
		}
	}
	return nil, nil
}
