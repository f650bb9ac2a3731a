package memory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// Store is a Datastore as a provider sees it.
type Store struct {
	d *Datastore
	// release is that of the configuration; nil if it gives none.
	release *calico.Release
	// guard has a say in every write; nil for none.
	guard *datastore.Guard
}

var _ datastore.Store = (*Store)(nil)

// Guarded returns the same store with a guard, which decides under the lock of the write.
func (s *Store) Guarded(guard datastore.Guard) datastore.Store {
	return &Store{d: s.d, release: s.release, guard: &guard}
}

// Get returns an object; see datastore.Store.
func (s *Store) Get(ctx context.Context, id calico.ID) (*datastore.Stored, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	stored := s.d.at(Where(id))
	if stored == nil {
		return nil, datastore.ErrNotFound
	}
	return named(id, stored)
}

// named decodes what is stored of an object, with the name as its user spells it.
func named(id calico.ID, stored *datastore.Stored) (*datastore.Stored, error) {
	if err := decode(id.Kind, stored); err != nil {
		return nil, err
	}
	stored.Object.SetName(id.Name)
	return stored, nil
}

// List returns all objects of a kind; see datastore.Store.
func (s *Store) List(ctx context.Context, kind calico.Kind) ([]*datastore.Stored, []*datastore.CorruptError, error) {
	snapshot, err := s.Snapshot(ctx, []calico.Kind{kind})
	if err != nil {
		return nil, nil, err
	}
	return snapshot.Objects, snapshot.Corrupt, nil
}

// Names tells which objects of a kind there are; see datastore.Store.
func (s *Store) Names(ctx context.Context, kind calico.Kind) (map[calico.ID]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	names := map[calico.ID]string{}
	for id := range s.d.Versions(kind) {
		names[id] = Where(id)
	}
	return names, nil
}

// Snapshot reads all objects of the kinds; see datastore.Store.
func (s *Store) Snapshot(ctx context.Context, kinds []calico.Kind) (*datastore.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	return s.d.snapshot(kinds), nil
}

// snapshot is Snapshot for a caller that has the lock.
func (d *Datastore) snapshot(kinds []calico.Kind) *datastore.Snapshot {
	snapshot := &datastore.Snapshot{}
	for _, kind := range kinds {
		for _, where := range slices.Sorted(maps.Keys(d.stored)) {
			if d.stored[where].id.Kind != kind {
				continue
			}
			stored := d.at(where)
			var c *datastore.CorruptError
			if err := decode(kind, stored); errors.As(err, &c) {
				snapshot.Corrupt = append(snapshot.Corrupt, c)
				continue
			}
			snapshot.Objects = append(snapshot.Objects, stored)
		}
	}
	return snapshot
}

// Create stores a new object; see datastore.Store.
func (s *Store) Create(ctx context.Context, obj calico.Object) (*datastore.Stored, error) {
	id := calico.IDOf(obj)
	return s.write(ctx, id, func(release calico.Release) ([]byte, error) {
		if found := s.d.at(Where(id)); found != nil {
			return nil, existing(obj, found, release)
		}
		if err := s.d.needTier(id); err != nil {
			return nil, err
		}
		return encode(obj, nil, release)
	})
}

// existing tells of what stands in the way of a create.
func existing(obj calico.Object, found *datastore.Stored, release calico.Release) error {
	exists := &datastore.AlreadyExistsError{ID: calico.IDOf(obj), Where: found.Where}
	changes, err := storage.CreationChanges(obj, found.Raw, release)
	if err != nil {
		return exists // what is there is no object
	}
	if found, err = named(exists.ID, found); err == nil {
		exists.Stored, exists.Changes = found, changes
	}
	return exists
}

// Update replaces base by obj; see datastore.Store.
func (s *Store) Update(ctx context.Context, obj calico.Object, base *datastore.Stored) (*datastore.Stored, error) {
	id, was := calico.IDOf(obj), *base
	if err := decode(id.Kind, &was); err != nil {
		return nil, err
	}
	return s.write(ctx, id, func(release calico.Release) ([]byte, error) {
		now, err := s.d.unchanged(id, base, contentChanges(id.Kind))
		if err != nil {
			return nil, err
		}
		if id.Tier != calico.IDOf(was.Object).Tier {
			if err := s.d.needTier(id); err != nil {
				return nil, err
			}
		}
		return encode(obj, now.Raw, release)
	})
}

// Patch changes some fields of base; see datastore.Store.
func (s *Store) Patch(ctx context.Context, base *datastore.Stored, patch storage.SpecPatch) (*datastore.Stored, error) {
	id := calico.IDOf(base.Object)
	return s.write(ctx, id, func(calico.Release) ([]byte, error) {
		now, err := s.d.unchanged(id, base, func(before, now []byte) ([]string, error) { return patch.Changes(id.Kind, before, now) })
		if err != nil {
			return nil, err
		}
		text, err := patch.Apply(now.Raw)
		if err != nil {
			return nil, corrupt(now, err)
		}
		return text, nil
	})
}

// Delete removes base; see datastore.Store.
func (s *Store) Delete(ctx context.Context, base *datastore.Stored) error {
	id := calico.IDOf(base.Object)
	_, err := s.write(ctx, id, func(calico.Release) ([]byte, error) {
		if s.d.at(base.Where) == nil {
			return nil, errGone
		}
		if _, err := s.d.unchanged(id, base, contentChanges(id.Kind)); err != nil {
			return nil, err
		}
		return nil, s.d.unusedTier(id)
	})
	if errors.Is(err, errGone) {
		return nil
	}
	return err
}

// errGone ends a delete of what is deleted already.
var errGone = errors.New("it is gone")

// write stores what next returns in the place of an object, or, if that is nil, removes
// the object. All is done under one lock: nobody writes between what next and the guard
// see and the write.
func (s *Store) write(ctx context.Context, id calico.ID, next func(calico.Release) ([]byte, error)) (*datastore.Stored, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	finding, err := s.finding()
	if err != nil {
		return nil, err
	}
	if finding.Locked != "" {
		return nil, &datastore.LockedError{Lock: finding.Locked}
	}
	text, err := next(finding.Release)
	if err != nil {
		return nil, err
	}
	if s.guard != nil {
		if _, err := s.guard.Check(s.d.snapshot(s.guard.Kinds)); err != nil {
			return nil, err
		}
	}
	if text == nil {
		s.d.remove(Where(id))
		return nil, nil
	}
	return named(id, s.d.put(id, text))
}

// unchanged returns what is stored of an object if that is still what base has, as
// changes tells.
func (d *Datastore) unchanged(id calico.ID, base *datastore.Stored, changes func(before, now []byte) ([]string, error)) (*datastore.Stored, error) {
	now := d.at(base.Where)
	if now == nil {
		return nil, &datastore.ConflictError{ID: id, Where: base.Where, Deleted: true}
	}
	if now.Version == base.Version {
		return now, nil
	}
	changed, err := changes(base.Raw, now.Raw)
	if err != nil {
		return nil, corrupt(now, err)
	}
	if len(changed) > 0 {
		return nil, &datastore.ConflictError{ID: id, Where: now.Where, Changes: changed}
	}
	return now, nil
}

func contentChanges(kind calico.Kind) func(before, now []byte) ([]string, error) {
	return func(before, now []byte) ([]string, error) { return storage.ContentChanges(kind, before, now) }
}

// needTier answers an error if the object's tier is not there.
func (d *Datastore) needTier(id calico.ID) error {
	if id.Tier == "" || id.Tier == calico.DefaultTier {
		return nil
	}
	where := Where(calico.ID{Kind: calico.KindTier, Name: id.Tier})
	if d.at(where) == nil {
		return &datastore.TierMissingError{ID: id, Tier: id.Tier, Where: where}
	}
	return nil
}

// unusedTier answers an error if the object is a tier in which there are policies.
func (d *Datastore) unusedTier(id calico.ID) error {
	if id.Kind != calico.KindTier {
		return nil
	}
	used := &datastore.InUseError{ID: id}
	for _, policy := range d.snapshot([]calico.Kind{
		calico.KindGlobalNetworkPolicy, calico.KindNetworkPolicy,
		calico.KindStagedGlobalNetworkPolicy, calico.KindStagedNetworkPolicy,
	}).Objects {
		if user := calico.IDOf(policy.Object); user.Tier == id.Name {
			used.Users = append(used.Users, user)
		}
	}
	if len(used.Users) == 0 {
		return nil
	}
	return used
}

// clusterInformation is what Calico tells of itself.
var clusterInformation = calico.ID{Kind: calico.KindClusterInformation, Name: "default"}

// Release tells the release of Calico; see datastore.Store.
func (s *Store) Release(context.Context) (datastore.ReleaseFinding, error) {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	return s.finding()
}

// Locked tells whether the datastore may be written to now; see datastore.Store.
func (s *Store) Locked(ctx context.Context) (string, error) {
	finding, err := s.Release(ctx)
	return finding.Locked, err
}

func (s *Store) finding() (datastore.ReleaseFinding, error) {
	var finding datastore.ReleaseFinding
	var evidence storage.Evidence
	if stored := s.d.at(Where(clusterInformation)); stored != nil {
		if err := decode(calico.KindClusterInformation, stored); err != nil {
			return finding, err
		}
		if info, ok := stored.Object.(*v3.ClusterInformation); ok {
			evidence.CalicoVersion = info.Spec.CalicoVersion
			if info.Spec.DatastoreReady != nil && !*info.Spec.DatastoreReady {
				finding.Locked = datastore.NotReady(stored.Where)
			}
		}
	}
	release, because, assumed := evidence.Release()
	finding.Release, finding.Evidence, finding.Assumed = release, because, assumed
	if given := s.release; given != nil {
		finding.Release, finding.Evidence, finding.Assumed = *given, "calico_version of the provider configuration", false
		if !assumed && storage.NamingOf(release) != storage.NamingOf(*given) {
			finding.Configured, finding.Contradiction = *given, fmt.Sprintf("%s tells %s", because, release)
		}
	}
	return finding, nil
}

// Surroundings tells what Surround has said; see datastore.Store.
func (s *Store) Surroundings(context.Context) (datastore.Surroundings, error) {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	return s.d.surroundings, nil
}

// Workloads tells that there are none; see datastore.Store.
func (s *Store) Workloads(context.Context, datastore.WorkloadQuestion) (*datastore.Workloads, error) {
	return &datastore.Workloads{}, nil
}

// Key tells where an object is stored; see datastore.Store.
func (s *Store) Key(_ context.Context, id calico.ID) string { return Where(id) }

// Type is what is true of every datastore in memory; see datastore.Store.
func (s *Store) Type() *datastore.Type { return Type }

// Close does nothing: a Datastore has no connection.
func (s *Store) Close() error { return nil }

// encode writes an object as a release stores it in place of base, but under the name
// that its user knows it by, and without what the release writes down for the sake of
// another name.
func encode(obj calico.Object, base []byte, release calico.Release) ([]byte, error) {
	_, text, err := storage.Encode(obj, base, release, storage.Fresh{UID: uuid.NewString(), Created: time.Now()})
	if err != nil {
		return nil, err
	}
	id := calico.IDOf(obj)
	if !id.Kind.Tiered() {
		return text, nil
	}
	var object, metadata map[string]json.RawMessage
	if err := json.Unmarshal(text, &object); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(object["metadata"], &metadata); err != nil {
		return nil, err
	}
	if metadata["name"], err = json.Marshal(id.Short().Name); err != nil {
		return nil, err
	}
	for in, own := range map[string]string{"labels": v3.LabelTier, "annotations": storage.MetadataAnnotation} {
		if metadata[in], err = without(metadata[in], own); err != nil {
			return nil, err
		}
		if metadata[in] == nil {
			delete(metadata, in)
		}
	}
	if object["metadata"], err = json.Marshal(metadata); err != nil {
		return nil, err
	}
	return json.Marshal(object)
}

// without takes one key out of labels or annotations; nil if there is no other.
func without(text json.RawMessage, key string) (json.RawMessage, error) {
	if text == nil {
		return nil, nil
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	delete(all, key)
	if len(all) == 0 {
		return nil, nil
	}
	return json.Marshal(all)
}
