package etcdv3

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// Create stores a new object.
func (s *Store) Create(ctx context.Context, obj calico.Object) (*datastore.Stored, error) {
	return s.create(ctx, obj, nil)
}

func (s *Store) create(ctx context.Context, obj calico.Object, guard *datastore.Guard) (*datastore.Stored, error) {
	id := calico.IDOf(obj)
	fresh := storage.Fresh{UID: uuid.NewString(), Created: time.Now()}
	return s.write(ctx, "create", id, guard, func(f *facts) (plan, error) {
		name, value, err := storage.Encode(obj, nil, f.release, fresh)
		if err != nil {
			return plan{}, err
		}
		key := storedKey(id.Kind, id.Namespace, name)
		p := plan{key: key, value: value, then: []clientv3.Op{clientv3.OpPut(key, string(value))}}
		p.only(candidateKeys(id, f.release), "")
		p.needTier(id)
		p.failed = func(current []*datastore.Stored) error {
			if len(current) == 0 {
				return nil
			}
			// A policy of the other spelling that is another object is no
			// obstacle in its own right, but Calico before v3.32 could not
			// keep both.
			return existing(obj, f.release, current)
		}
		return p, nil
	})
}

// existing tells of what stands in the way of a create. It was read by the
// transaction that failed, and so is what the create found, not what came after.
func existing(obj calico.Object, release calico.Release, current []*datastore.Stored) *datastore.AlreadyExistsError {
	id := calico.IDOf(obj)
	exists := &datastore.AlreadyExistsError{ID: id, Where: current[0].Where}
	if len(current) > 1 {
		return exists
	}
	found := clone(current[0])
	if err := decode(id.Kind, found); err != nil || calico.IDOf(found.Object).Short() != id.Short() {
		return exists
	}
	changes, err := storage.CreationChanges(obj, found.Raw, release)
	if err != nil {
		return exists
	}
	found.Object.SetName(id.Name)
	exists.Stored, exists.Changes = found, changes
	return exists
}

// Update replaces base by obj; see datastore.Store.
func (s *Store) Update(ctx context.Context, obj calico.Object, base *datastore.Stored) (*datastore.Stored, error) {
	return s.update(ctx, obj, base, nil)
}

func (s *Store) update(ctx context.Context, obj calico.Object, base *datastore.Stored, guard *datastore.Guard) (*datastore.Stored, error) {
	id := calico.IDOf(obj)
	base = clone(base)
	if err := decode(id.Kind, base); err != nil {
		return nil, err
	}
	tier := calico.IDOf(base.Object).Tier
	// Only for a base that lacks them, in which case they are made once.
	fresh := storage.Fresh{UID: uuid.NewString(), Created: time.Now()}
	return s.write(ctx, "update", id, guard, func(f *facts) (plan, error) {
		name, value, err := storage.Encode(obj, base.Raw, f.release, fresh)
		if err != nil {
			return plan{}, err
		}
		key := storedKey(id.Kind, id.Namespace, name)
		p := plan{key: key, value: value, base: base, compares: []clientv3.Cmp{unchanged(base)}}
		p.only(candidateKeys(id, f.release), base.Where)
		if id.Tier != tier {
			// Calico's own client looks for a tier on create only; but a policy that
			// is moved to one that is not there would be enforced last of all.
			p.needTier(id)
		}
		if key != base.Where {
			// Calico's release has moved on since the object was stored: it gets
			// its new name in the same transaction, so there is never a moment
			// with none, nor with two.
			p.then = append(p.then, clientv3.OpDelete(base.Where))
		}
		p.then = append(p.then, clientv3.OpPut(key, string(value)))
		p.failed = func(current []*datastore.Stored) error { return rebase(id, base, current) }
		return p, nil
	})
}

// Delete removes base; see datastore.Store.
func (s *Store) Delete(ctx context.Context, base *datastore.Stored) error {
	return s.remove(ctx, base, nil)
}

func (s *Store) remove(ctx context.Context, base *datastore.Stored, guard *datastore.Guard) error {
	id := calico.IDOf(base.Object)
	base = clone(base)
	_, err := s.write(ctx, "delete", id, guard, func(f *facts) (plan, error) {
		p := plan{
			key:      base.Where,
			base:     base,
			compares: []clientv3.Cmp{unchanged(base)},
			then:     []clientv3.Op{clientv3.OpDelete(base.Where)},
			failed: func(current []*datastore.Stored) error {
				if len(current) == 0 {
					return errDone
				}
				return rebase(id, base, current)
			},
		}
		// Where Calico's migrator has made the new name and not yet deleted the
		// old one, it would leave the new one behind.
		p.only(candidateKeys(id, f.release), base.Where)
		if id.Kind == calico.KindTier {
			unused, err := s.unusedTier(ctx, id.Name, storage.NamingOf(f.release))
			if err != nil {
				return plan{}, err
			}
			p.compares = append(p.compares, unused...)
		}
		return p, nil
	})
	if err == nil {
		s.view.forget(id.Kind, base)
	}
	return err
}

func clone(stored *datastore.Stored) *datastore.Stored {
	c := *stored
	return &c
}

// unchanged compares the revision that was read. Versions of a key that was
// deleted and made again have other revisions too.
func unchanged(base *datastore.Stored) clientv3.Cmp {
	revision, err := strconv.ParseInt(base.Version, 10, 64)
	if err != nil {
		revision = -1 // never equal: the comparison of contents decides
	}
	return clientv3.Compare(clientv3.ModRevision(base.Where), "=", revision)
}

// rebase moves base to what is stored now if that says the same, so that the
// write can be tried again, and answers an error otherwise.
func rebase(id calico.ID, base *datastore.Stored, current []*datastore.Stored) error {
	switch len(current) {
	case 0:
		return &datastore.ConflictError{ID: id, Where: base.Where, Deleted: true}
	case 1:
	default:
		return Type.Ambiguous(id, current)
	}
	now := current[0]
	changes, err := storage.ContentChanges(id.Kind, base.Raw, now.Raw)
	if err != nil {
		return corrupt(now, err)
	}
	if len(changes) > 0 {
		return &datastore.ConflictError{ID: id, Where: now.Where, Changes: changes}
	}
	*base = *now
	return nil
}

// errDone ends a write whose aim is reached without it.
var errDone = errors.New("nothing to do")

// plan is one attempt at a write.
type plan struct {
	// key and value are what will be stored; no value for a delete.
	key   string
	value []byte
	// keys are where the object may be stored.
	keys []string
	// then is done in one transaction if all compares hold.
	compares []clientv3.Cmp
	then     []clientv3.Op
	// tier is one that must exist, stored at tierKey; empty where none must.
	tier, tierKey string
	// base is what the write changes, and compares that it is still there; nil for
	// a create.
	base *datastore.Stored
	// failed is told what is stored under the object's names where they do not
	// hold. It answers nil for the write to be planned and tried once more.
	failed func(current []*datastore.Stored) error
}

// only makes the plan one for an object that is stored at base, where that is
// not empty, and under none of its other keys.
func (p *plan) only(keys []string, base string) {
	p.keys = keys
	if base != "" && !slices.Contains(keys, base) {
		p.keys = append(p.keys, base)
	}
	for _, k := range p.keys {
		if k != base {
			p.compares = append(p.compares, clientv3.Compare(clientv3.Version(k), "=", 0))
		}
	}
}

// needTier makes the plan one that fails where the object's tier is not there.
// The tier "default" may be missing: Calico makes it when it starts.
func (p *plan) needTier(id calico.ID) {
	if id.Tier == "" || id.Tier == calico.DefaultTier {
		return
	}
	p.tier, p.tierKey = id.Tier, storedKey(calico.KindTier, "", id.Tier)
	p.compares = append(p.compares, clientv3.Compare(clientv3.Version(p.tierKey), ">", 0))
}

// write does one write as one transaction, with the guards that every write has.
// If its answer is lost, see commit.
func (s *Store) write(ctx context.Context, operation string, id calico.ID, guard *datastore.Guard, next func(*facts) (plan, error)) (*datastore.Stored, error) {
	end := time.Now().Add(s.cfg.RequestTimeout)
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	defer s.reads.Forget(id.Kind)
	if guard != nil {
		select {
		case s.guardedWrites <- struct{}{}:
			defer func() { <-s.guardedWrites }()
		case <-ctx.Done():
			err := fmt.Errorf("other writes that a guard looks at have taken all the time: %w", ctx.Err())
			return nil, s.explain(ctx, translate(err, kindPrefix(id.Kind), s.cfg))
		}
	}
	for tries := 1; ; tries++ {
		f, err := s.writable(ctx)
		if err != nil {
			return nil, err
		}
		p, err := next(f)
		if err != nil {
			return nil, err
		}
		if guard != nil {
			if tries > guardedTries {
				return nil, &datastore.UnsettledError{ID: id, Where: p.key, Tries: guardedTries}
			}
			consent, err := s.ask(ctx, guard)
			if err != nil {
				return nil, err
			}
			p.compares = append(p.compares, consent...)
		}
		// The lock and the release are part of what is compared: a datastore
		// that was locked or upgraded a moment ago is not written to.
		p.compares = append(p.compares, f.unchanged())
		result, err := s.commit(ctx, end, operation, p)
		if err != nil {
			return nil, err
		}
		if result.done {
			return s.written(id, p, result.revision)
		}
		found := result.found
		s.notice(found[clusterInformationKey], f)
		var current []*datastore.Stored
		for _, k := range p.keys {
			if found[k] != nil {
				current = append(current, found[k])
			}
		}
		if err := p.failed(current); errors.Is(err, errDone) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		if p.tierKey != "" && found[p.tierKey] == nil {
			return nil, &datastore.TierMissingError{ID: id, Tier: p.tier, Where: p.tierKey}
		}
		if err := ctx.Err(); err != nil {
			return nil, translate(err, p.key, s.cfg)
		}
	}
}

func (s *Store) written(id calico.ID, p plan, revision int64) (*datastore.Stored, error) {
	if p.value == nil {
		return nil, nil
	}
	stored := storedKV(p.key, p.value, revision)
	if err := decode(id.Kind, stored); err != nil {
		return nil, err
	}
	stored.Object.SetName(id.Name)
	return stored, nil
}
