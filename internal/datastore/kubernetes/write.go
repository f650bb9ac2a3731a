package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
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

// Create stores a new object; see datastore.Store.
func (s *Store) Create(ctx context.Context, obj calico.Object) (*datastore.Stored, error) {
	return s.write(ctx, s.creation(obj), nil)
}

func (s *Store) creation(obj calico.Object) change {
	id := calico.IDOf(obj)
	fresh := calico.Fresh{UID: uuid.NewString(), Created: time.Now()}
	return change{id: id, do: func(ctx context.Context, f *facts, _ *datastore.Stored) (*datastore.Stored, error) {
		if id.Kind == calico.KindNode {
			return s.claimNode(ctx, f, obj)
		}
		if err := s.needTier(ctx, f, id); err != nil {
			return nil, err
		}
		name, value, err := calico.Encode(obj, nil, f.release, fresh)
		if err != nil {
			return nil, err
		}
		at := f.location(id.Kind, id.Namespace, name)
		if err := s.onlyName(ctx, f, obj, at); err != nil {
			return nil, err
		}
		body, err := f.body(id.Kind, value, nil)
		if err != nil {
			return nil, err
		}
		collection := at
		collection.name = ""
		answer, err := s.post(ctx, f, obj, at, request{
			operation: "create", method: http.MethodPost, at: at, path: collection.path(), query: strictly(), body: body, id: id,
		})
		if err != nil {
			return nil, err
		}
		stored, err := s.read(f, id.Kind, answer)
		if err != nil {
			return nil, err
		}
		if err := s.stillOnly(ctx, f, obj, stored); err != nil {
			return nil, err
		}
		return stored, nil
	}}
}

// post sends a create. If its answer is lost, it looks whether the object is there. A
// create is not sent again if a request that had no answer may still be done: the one
// condition of it, that there is no object of the name, holds again when the object has
// been deleted, and then it would come back.
func (s *Store) post(ctx context.Context, f *facts, obj calico.Object, at location, r request) ([]byte, error) {
	for {
		answer, err := s.send(ctx, r)
		var lost *lostError
		switch {
		case is(err, metav1.StatusReasonAlreadyExists):
			return nil, s.existing(ctx, f, obj, at)
		case !errors.As(err, &lost):
			return answer, s.explainWrite(r, err)
		}
		found, lookErr := s.getBody(ctx, at)
		switch {
		case lookErr != nil:
			return nil, s.unknown(ctx, fmt.Errorf("%w; and then: %w", plain(lost.err), lookErr))
		case found != nil && s.made(f, obj, found):
			return found, nil
		case found != nil:
			return nil, s.existing(ctx, f, obj, at)
		case !lost.closed:
			return nil, s.unknown(ctx, fmt.Errorf("%w. The request may still be done", plain(lost.err)))
		}
	}
}

// made tells whether an object is what this provider's create has made: it is exactly what
// that would have stored, and the provider is the only one that has written it.
func (s *Store) made(f *facts, obj calico.Object, body []byte) bool {
	var found struct {
		Metadata struct {
			ManagedFields []struct {
				Manager string `json:"manager"`
			} `json:"managedFields"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(body, &found); err != nil || len(found.Metadata.ManagedFields) != 1 || found.Metadata.ManagedFields[0].Manager != fieldManager {
		return false
	}
	stored, err := s.read(f, calico.KindOf(obj), body)
	if err != nil {
		return false
	}
	given, err := stored.Given(obj)
	if err != nil {
		return false
	}
	changes, err := calico.CreationChanges(obj, given, f.release)
	return err == nil && len(changes) == 0
}

// unknown says that the outcome of a write cannot be told.
func (s *Store) unknown(ctx context.Context, err error) error {
	failure := *s.unavailable(ctx, err)
	failure.Unknown = true
	return &failure
}

// getBody returns what the server has at a place, as it is; nil for nothing.
func (s *Store) getBody(ctx context.Context, at location) ([]byte, error) {
	body, err := s.send(ctx, request{operation: "read back", method: http.MethodGet, at: at})
	var answer *answerError
	if errors.As(err, &answer) && answer.code == http.StatusNotFound {
		return nil, nil
	}
	return body, err
}

// existing tells of what stands in the way of a create.
func (s *Store) existing(ctx context.Context, f *facts, obj calico.Object, at location) error {
	id := calico.IDOf(obj)
	exists := &datastore.AlreadyExistsError{ID: id, Key: at.String()}
	body, err := s.getBody(ctx, at)
	if err != nil || body == nil {
		return exists
	}
	if going := beingDeleted(body); going != "" {
		return rejected(id, "An object of that name is being deleted, and is still there (at %s): %s. Apply again when it is gone.", safetext.Line(at.String()), going)
	}
	found, err := s.read(f, id.Kind, body)
	if err != nil || calico.IDOf(found.Object).Short() != id.Short() {
		return exists
	}
	given, err := found.Given(obj)
	if err != nil {
		return exists
	}
	changes, err := calico.CreationChanges(obj, given, f.release)
	if err != nil {
		return exists
	}
	found.Object.SetName(id.Name)
	exists.Stored, exists.Changes = found, changes
	return exists
}

// beingDeleted tells what an object waits for that is to be deleted; "" for one that is
// not.
func beingDeleted(body []byte) string {
	var object struct {
		Metadata meta `json:"metadata"`
	}
	if json.Unmarshal(body, &object) != nil || object.Metadata.DeletionTimestamp == nil || string(object.Metadata.DeletionTimestamp) == "null" {
		return ""
	}
	return waitsFor(object.Metadata.Finalizers)
}

func waitsFor(finalizers []string) string {
	if len(finalizers) == 0 {
		return "the API server has not removed it yet"
	}
	return "it waits for " + safetext.Line(strings.Join(finalizers, ", ")) + " (its finalizers; kube-controllers takes that of a tier away when no policy is left in it)"
}

// otherPlaces returns where another release would have stored the object.
func (f *facts) otherPlaces(id calico.ID, at location) []location {
	return slices.DeleteFunc(f.places(id), func(l location) bool { return l == at })
}

// onlyName answers an error if the object is stored under the name of another release:
// then both would be enforced.
func (s *Store) onlyName(ctx context.Context, f *facts, obj calico.Object, at location) error {
	for _, other := range f.otherPlaces(calico.IDOf(obj), at) {
		body, err := s.getBody(ctx, other)
		if err != nil {
			return s.explainRead(err)
		}
		if body != nil {
			return s.existing(ctx, f, obj, other)
		}
	}
	return nil
}

// stillOnly takes a new object back if somebody else has stored it under the name of
// another release in the meantime.
func (s *Store) stillOnly(ctx context.Context, f *facts, obj calico.Object, stored *datastore.Stored) error {
	for _, other := range f.otherPlaces(calico.IDOf(obj), parseWhere(stored.Key)) {
		body, err := s.getBody(ctx, other)
		if err != nil {
			return nil // the next read tells if there are two
		}
		if body == nil {
			continue
		}
		if _, err := s.deletion(stored).do(ctx, f, stored); err != nil {
			return nil // as above
		}
		return s.existing(ctx, f, obj, other)
	}
	return nil
}

// needTier answers an error if the object's tier is not there, or about to go.
func (s *Store) needTier(ctx context.Context, f *facts, id calico.ID) error {
	if id.Tier == "" || id.Tier == calico.DefaultTier || !f.serves[calico.KindTier.Plural()] {
		return nil
	}
	at := f.location(calico.KindTier, "", id.Tier)
	body, err := s.getBody(ctx, at)
	switch {
	case denied(err) != nil:
		return nil // who may not read tiers is not kept from writing policies
	case err != nil:
		return s.explainRead(err)
	case body == nil:
		return &datastore.TierMissingError{ID: id, Tier: id.Tier, Key: at.String()}
	}
	if going := beingDeleted(body); going != "" {
		return rejected(id, "The tier %q is being deleted: %s. Choose another tier, or apply again when it is gone and made anew.", id.Tier, going)
	}
	return nil
}

// Update replaces base by obj; see datastore.Store.
func (s *Store) Update(ctx context.Context, obj calico.Object, base *datastore.Stored) (*datastore.Stored, error) {
	return s.write(ctx, s.replacement(obj, base), nil)
}

func (s *Store) replacement(obj calico.Object, base *datastore.Stored) change {
	id := calico.IDOf(obj)
	// Only for a base that lacks them.
	fresh := calico.Fresh{UID: uuid.NewString(), Created: time.Now()}
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
		_, value, err := calico.Encode(obj, base.Raw, f.release, fresh)
		if err != nil {
			return nil, err
		}
		// A name of another release stays: kube-controllers renames policies, and a name
		// cannot be changed in one step.
		at := parseWhere(base.Key)
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
		_, value, err := calico.Encode(obj, base.Raw, f.release, fresh)
		if err != nil {
			return false
		}
		changes, err := calico.ContentChanges(id.Kind, value, now.Raw)
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
	return func(before, now []byte) ([]string, error) { return calico.ContentChanges(kind, before, now) }
}

// Patch changes some fields of base; see datastore.Store.
func (s *Store) Patch(ctx context.Context, base *datastore.Stored, patch calico.SpecPatch) (*datastore.Stored, error) {
	return s.write(ctx, s.patching(base, patch), nil)
}

func (s *Store) patching(base *datastore.Stored, patch calico.SpecPatch) change {
	id := calico.IDOf(base.Object)
	return change{
		id: id, base: base,
		changes: func(before, now []byte) ([]string, error) { return patch.Changes(id.Kind, before, now) },
		do: func(ctx context.Context, f *facts, base *datastore.Stored) (*datastore.Stored, error) {
			body, err := jsonPatch(base, patch)
			if err != nil {
				return nil, corrupt(base.Key, base.Revision, err)
			}
			answer, err := s.mutate(ctx, request{
				operation: "patch", method: http.MethodPatch, at: parseWhere(base.Key), query: strictly(),
				contentType: jsonPatchType, body: body, id: id,
			})
			if err != nil {
				return nil, err
			}
			return s.read(f, id.Kind, answer)
		},
		done: func(_ *facts, base, now *datastore.Stored) bool {
			value, err := patch.Apply(base.Raw)
			if err != nil {
				return false
			}
			changes, err := patch.Changes(id.Kind, value, now.Raw)
			return err == nil && len(changes) == 0
		},
	}
}

// jsonPatchType is the content type of a JSON patch.
const jsonPatchType = "application/json-patch+json"

// operation is one of a JSON patch (RFC 6902).
type operation struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value,omitempty"`
}

var null = json.RawMessage("null")

// jsonPatch makes a JSON patch, which changes nothing unless the fields that it changes are
// as base has them.
func jsonPatch(base *datastore.Stored, patch calico.SpecPatch) ([]byte, error) {
	var object struct {
		Spec fields `json:"spec"`
	}
	if err := json.Unmarshal(base.Raw, &object); err != nil {
		return nil, err
	}
	uid, err := ownUID(base)
	if err != nil {
		return nil, err
	}
	operations := []operation{{"test", "/metadata/uid", uid}}
	if object.Spec == nil {
		operations = append(operations, operation{"test", "/spec", null}, operation{"add", "/spec", json.RawMessage("{}")})
	}
	for _, name := range slices.Sorted(maps.Keys(patch)) {
		path := "/spec/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		before, was := object.Spec[name]
		switch after := patch[name]; {
		case was && after == nil:
			operations = append(operations, operation{"test", path, before}, operation{"remove", path, nil})
		case was:
			operations = append(operations, operation{"test", path, before}, operation{"replace", path, after})
		case after != nil && object.Spec != nil:
			operations = append(operations, operation{"test", path, null}, operation{"add", path, after})
		case after != nil:
			operations = append(operations, operation{"add", path, after})
		}
	}
	return marshal(operations)
}

// ownUID is the uid that the object has in Kubernetes, as JSON.
func ownUID(base *datastore.Stored) (json.RawMessage, error) {
	var own meta
	if err := json.Unmarshal(base.Own, &own); err != nil {
		return nil, err
	}
	return marshal(own.UID)
}

// Delete removes base; see datastore.Store.
func (s *Store) Delete(ctx context.Context, base *datastore.Stored) error {
	_, err := s.write(ctx, s.deletion(base), nil)
	return err
}

func (s *Store) deletion(base *datastore.Stored) change {
	id := calico.IDOf(base.Object)
	return change{id: id, base: base, changes: contentChanges(id.Kind), removes: true, do: func(ctx context.Context, f *facts, base *datastore.Stored) (*datastore.Stored, error) {
		if id.Kind == calico.KindNode {
			return s.releaseNode(ctx, f, base)
		}
		if id.Kind == calico.KindTier {
			if err := s.unusedTier(ctx, f, id.Name); err != nil {
				return nil, err
			}
		}
		uid, err := ownUID(base)
		if err != nil {
			return nil, err
		}
		body := fmt.Appendf(nil, `{"kind":"DeleteOptions","apiVersion":"v1","preconditions":{"uid":%s,"resourceVersion":%q}}`, uid, base.Revision)
		answer, err := s.mutate(ctx, request{operation: "delete", method: http.MethodDelete, at: parseWhere(base.Key), body: body, id: id})
		if err != nil {
			return nil, err
		}
		return nil, s.awaitGone(ctx, id, parseWhere(base.Key), answer)
	}}
}

// awaitGone waits for the end of an object whose finalizers keep it.
func (s *Store) awaitGone(ctx context.Context, id calico.ID, at location, answer []byte) error {
	if beingDeleted(answer) == "" {
		return nil
	}
	uid := uidOf(answer)
	again := time.NewTicker(500 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return rejected(id, "It is to be deleted, and is still there (at %s) and in force: %s. Apply again when it is gone.", safetext.Line(at.String()), beingDeleted(answer))
		case <-again.C:
		}
		body, err := s.getBody(ctx, at)
		if err != nil {
			if ctx.Err() != nil {
				continue
			}
			return s.explainRead(err)
		}
		if body == nil || uidOf(body) != uid {
			return nil
		}
		answer = body
	}
}

func uidOf(body []byte) string {
	var object struct {
		Metadata meta `json:"metadata"`
	}
	_ = json.Unmarshal(body, &object)
	return object.Metadata.UID
}

// tieredKinds are the kinds whose objects belong to a tier.
var tieredKinds = []calico.Kind{
	calico.KindGlobalNetworkPolicy, calico.KindNetworkPolicy,
	calico.KindStagedGlobalNetworkPolicy, calico.KindStagedNetworkPolicy,
}

// maxUsers is how many users an InUseError names.
const maxUsers = 5

// unusedTier answers an *InUseError if a policy belongs to the tier: the API server itself
// would delete it all the same, or keep it in a half deleted state.
func (s *Store) unusedTier(ctx context.Context, f *facts, tier string) error {
	w, err := s.world(ctx, f, tieredKinds, "")
	if err != nil {
		return err
	}
	used := &datastore.InUseError{ID: calico.ID{Kind: calico.KindTier, Name: tier}}
	for _, policy := range w.snapshot().Objects {
		id := calico.IDOf(policy.Object)
		// Felix of v3.29 to v3.31 goes by the stored name.
		prefixed := f.naming() < calico.NamingPlain && strings.HasPrefix(parseWhere(policy.Key).name, tier+".")
		if id.Tier != tier && !prefixed {
			continue
		}
		if len(used.Users) < maxUsers {
			used.Users = append(used.Users, id)
		} else {
			used.More++
		}
	}
	if len(used.Users) > 0 {
		return used
	}
	return nil
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
		stored, err = c.do(ctx, f, base)
		var answer *lostError
		switch {
		case err == nil:
			if stored != nil {
				stored.Object.SetName(c.id.Name)
			}
			return stored, base, nil
		case errors.As(err, &answer):
			if lost = err; base == nil || ctx.Err() != nil {
				return nil, base, s.unknown(ctx, err)
			}
		case !errors.Is(err, errChanged):
			return nil, base, undone(err)
		}
		now, err := s.current(ctx, f, c.id, base)
		switch {
		case err != nil:
			return nil, base, undone(err)
		case now == nil && c.removes:
			return nil, base, nil
		case now == nil:
			return nil, base, &datastore.ConflictError{ID: c.id, Key: base.Key, Deleted: true}
		case lost != nil && c.done != nil && c.done(f, base, now):
			now.Object.SetName(c.id.Name)
			return now, base, nil
		}
		changes, err := c.changes(base.Raw, now.Raw)
		if err != nil {
			return nil, base, corrupt(now.Key, now.Revision, err)
		}
		if len(changes) > 0 {
			return nil, base, &datastore.ConflictError{ID: c.id, Key: now.Key, Changes: changes}
		}
		base = now
	}
	return nil, base, &datastore.UnsettledError{ID: c.id, Key: base.Key, Tries: makeTries}
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
	return body, s.explainWrite(r, err)
}

// current returns an object as it is stored now, nil for none: where base is, or, if
// kube-controllers has renamed it in the meantime, under its other name.
func (s *Store) current(ctx context.Context, f *facts, id calico.ID, base *datastore.Stored) (*datastore.Stored, error) {
	at := parseWhere(base.Key)
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
