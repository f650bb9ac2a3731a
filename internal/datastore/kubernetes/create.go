package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// Create stores a new object; see datastore.Store.
func (s *Store) Create(ctx context.Context, obj calico.Object) (*datastore.Stored, error) {
	return s.write(ctx, s.creation(obj), nil)
}

func (s *Store) creation(obj calico.Object) change {
	id := calico.IDOf(obj)
	fresh := storage.Fresh{UID: uuid.NewString(), Created: time.Now()}
	return change{id: id, do: func(ctx context.Context, f *facts, _ *datastore.Stored) (*datastore.Stored, error) {
		if id.Kind == calico.KindNode {
			return s.claimNode(ctx, f, obj)
		}
		if err := s.needTier(ctx, f, id); err != nil {
			return nil, err
		}
		name, value, err := storage.Encode(obj, nil, f.release, fresh)
		if err != nil {
			return nil, err
		}
		if own := f.naming().StoredName(id); own != name {
			if value, err = renamed(value, own); err != nil {
				return nil, err
			}
			name = own
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
		return s.stillOnly(ctx, f, obj, stored)
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
	return err == nil && f.isCreated(obj, stored)
}

// isCreated tells whether what is stored is exactly what a create would have stored.
func (f *facts) isCreated(obj calico.Object, stored *datastore.Stored) bool {
	given, err := stored.Given(obj)
	if err != nil {
		return false
	}
	changes, err := storage.CreationChanges(obj, given, f.release)
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
	exists := &datastore.AlreadyExistsError{ID: id, Where: at.String()}
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
	changes, err := storage.CreationChanges(obj, given, f.release)
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
// another release in the meantime. It returns what stays of it: if kube-controllers is
// about to rename it, its copy.
func (s *Store) stillOnly(ctx context.Context, f *facts, obj calico.Object, stored *datastore.Stored) (*datastore.Stored, error) {
	if copied := s.copied(ctx, f, calico.IDOf(obj), stored); copied != nil && f.isCreated(obj, copied) {
		return copied, nil
	}
	for _, other := range f.otherPlaces(calico.IDOf(obj), parseWhere(stored.Where)) {
		// If that cannot be told, or ours not be taken back, the next read tells that there
		// are two.
		if body, err := s.getBody(ctx, other); err != nil || body == nil {
			continue
		}
		if _, err := s.deletion(stored).do(ctx, f, stored); err == nil {
			return nil, s.existing(ctx, f, obj, other)
		}
	}
	return stored, nil
}

// needTier answers an error if the object's tier is not there, or about to go.
func (s *Store) needTier(ctx context.Context, f *facts, id calico.ID) error {
	if id.Tier == "" || id.Tier == calico.DefaultTier || !f.serves[calico.KindTier.Plural()] {
		return nil
	}
	at := f.location(calico.KindTier, "", id.Tier)
	body, err := s.getBody(ctx, at)
	switch {
	case err != nil:
		return s.explainRead(err)
	case body == nil:
		return &datastore.TierMissingError{ID: id, Tier: id.Tier, Where: at.String()}
	}
	if going := beingDeleted(body); going != "" {
		return rejected(id, "The tier %q is being deleted: %s. Choose another tier, or apply again when it is gone and made anew.", id.Tier, going)
	}
	return nil
}
