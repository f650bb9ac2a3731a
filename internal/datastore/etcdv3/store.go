// Package etcdv3 keeps Calico objects in etcd v3, under the keys and with the
// values that Calico's own tools use.
package etcdv3

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// pageSize is how many objects one request of List asks for: small enough for a
// default etcd to answer in one message whatever the objects' size.
const pageSize = 1000

// Options are what a Store needs beside its connection.
type Options struct {
	// Release is the release of Calico as the configuration gives it; nil where
	// it is to be found out from the datastore.
	Release *calico.Release
	// Observe is told of every request; nil for nobody.
	Observe datastore.Observer
}

// Store is Calico's datastore in etcd v3.
type Store struct {
	conn    *Conn
	cfg     Config
	options Options

	mu sync.Mutex
	// found is what the datastore tells of itself; nil before the first look.
	found *facts
	// looking is the look that is under way; nil for none.
	looking *look

	snapshots snapshots

	// waitedInVain is set when a write has waited for the end of a lock as long as it
	// may.
	waitedInVain atomic.Bool

	// outage is that no member answers.
	outage datastore.Outage
	// closed ends what goes on by itself.
	closed    chan struct{}
	closeOnce sync.Once

	// fence is what this store knows of fenceKey.
	fence fence

	// guardedWrites has room for one guarded write, as writes of one process would
	// otherwise upset each other's guards.
	guardedWrites chan struct{}

	surroundings datastore.Shared[datastore.Surroundings]
}

var _ datastore.Store = (*Store)(nil)

// New returns a store over a connection for cfg, for which it waits no longer
// than for a request. It asks the datastore nothing before the first use. An
// error is one of package datastore.
func New(ctx context.Context, cfg Config, options Options) (*Store, error) {
	if cfg.RequestTimeout <= 0 {
		cfg.RequestTimeout = DefaultRequestTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.RequestTimeout)
	defer cancel()
	conn, err := Acquire(ctx, cfg)
	if err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) && len(cfg.Endpoints) > 0 {
			// Others connect as well, and have not found out yet why that fails.
			err = explain(ctx, err, cfg)
		}
		return nil, err
	}
	if options.Observe == nil {
		options.Observe = func(context.Context, datastore.Call) {}
	}
	cfg.Endpoints = conn.Endpoints() // also where SRV records gave them
	return &Store{
		conn: conn, cfg: cfg, options: options, closed: make(chan struct{}),
		guardedWrites: make(chan struct{}, 1),
		surroundings:  datastore.Shared[datastore.Surroundings]{Stands: datastore.Forever, FailureStands: cfg.RequestTimeout},
	}, nil
}

// Close gives the connection back; the last store that uses it closes it.
func (s *Store) Close() error {
	s.closeOnce.Do(func() { close(s.closed) })
	return s.conn.Release()
}

// Key returns the key under which the object is stored, or would be.
func (s *Store) Key(ctx context.Context, id calico.ID) string {
	release := calico.Newest
	if id.Kind.Tiered() {
		if finding, err := s.Release(ctx); err == nil {
			release = finding.Release
		}
	}
	return storedKey(id.Kind, id.Namespace, release.Naming().StoredName(id))
}

// candidateKeys returns the keys under which any release would have stored the
// object, the given release's own first.
func candidateKeys(id calico.ID, release calico.Release) []string {
	names := release.Naming().StoredNames(id)
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = storedKey(id.Kind, id.Namespace, name)
	}
	return keys
}

// Get reads the object under all the names it may have: in one request, or out
// of one that read all of its kind (see fetch).
func (s *Store) Get(ctx context.Context, id calico.ID) (*datastore.Stored, error) {
	end := time.Now().Add(s.patience())
	release := calico.Newest
	if id.Kind.Tiered() {
		finding, err := s.Release(ctx)
		if err != nil {
			return nil, err
		}
		release = finding.Release
	}
	keys := candidateKeys(id, release)
	found, err := s.fetch(ctx, end, id.Kind, keys)
	if err != nil {
		return nil, err
	}
	return choose(id, keys, found)
}

// choose picks the object out of the values found under its candidate keys.
func choose(id calico.ID, keys []string, found map[string]*datastore.Stored) (*datastore.Stored, error) {
	var objects []*datastore.Stored
	for i, key := range keys {
		stored := found[key]
		if stored == nil {
			continue
		}
		if err := decode(id.Kind, stored); err != nil {
			return nil, err
		}
		if calico.IDOf(stored.Object).Short() == id.Short() {
			// Equivalent spellings of a name are the user's to choose.
			stored.Object.SetName(id.Name)
		} else if i > 0 {
			continue // another policy that bears one of our other names
		}
		objects = append(objects, stored)
	}
	switch len(objects) {
	case 0:
		return nil, datastore.ErrNotFound
	case 1:
		return objects[0], nil
	default:
		return nil, ambiguous(id, objects)
	}
}

// List reads all objects of the kind as they were at one revision, a page of a
// thousand at a time.
func (s *Store) List(ctx context.Context, kind calico.Kind) ([]*datastore.Stored, []*datastore.CorruptError, error) {
	var objects []*datastore.Stored
	var corrupt []*datastore.CorruptError
	err := s.scan(ctx, kind, func(stored *datastore.Stored) {
		var c *datastore.CorruptError
		if err := decode(kind, stored); errors.As(err, &c) {
			corrupt = append(corrupt, c)
			return
		}
		objects = append(objects, stored)
	})
	if err != nil {
		return nil, nil, err
	}
	return objects, corrupt, nil
}

// Names tells which objects of a kind there are; see datastore.Store.
func (s *Store) Names(ctx context.Context, kind calico.Kind) (map[calico.ID]string, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	prefix := kindPrefix(kind)
	resp, err := s.txn(ctx, "names", prefix, clientv3.OpTxn(nil, []clientv3.Op{
		clientv3.OpGet(prefix, clientv3.WithPrefix(), clientv3.WithKeysOnly()),
	}, nil))
	if err != nil {
		return nil, err
	}
	names := map[calico.ID]string{}
	for key := range values(resp) {
		id := calico.ID{Kind: kind, Name: strings.TrimPrefix(key, prefix)}
		if kind.Namespaced() {
			// A namespace is free text to Calico in etcd, and may hold a slash itself.
			i := strings.LastIndexByte(id.Name, '/')
			if i < 0 {
				continue
			}
			id.Namespace, id.Name = id.Name[:i], id.Name[i+1:]
		}
		names[id.Short()] = key
	}
	return names, nil
}

// scan hands over all that is stored of the kind, undecoded, in the order of keys.
func (s *Store) scan(ctx context.Context, kind calico.Kind, each func(*datastore.Stored)) error {
	all, err := s.pages(ctx, kind)
	for tries := 1; tries < scanTries && errors.Is(err, rpctypes.ErrCompacted); tries++ {
		all, err = s.pages(ctx, kind)
	}
	for _, stored := range all {
		each(stored)
	}
	return err
}

// scanTries is how often a scan is begun at most: kube-controllers compacts
// etcd's history every ten minutes, which may be between two pages.
const scanTries = 5

// pages reads all of a kind at the revision of the first page.
func (s *Store) pages(ctx context.Context, kind calico.Kind) ([]*datastore.Stored, error) {
	var all []*datastore.Stored
	prefix := kindPrefix(kind)
	from, revision := prefix, int64(0)
	for {
		resp, err := s.page(ctx, prefix, from, revision)
		if err != nil {
			return nil, err
		}
		revision = resp.Header.Revision
		for _, kv := range resp.Kvs {
			all = append(all, storedKV(string(kv.Key), kv.Value, kv.ModRevision))
		}
		if !resp.More {
			return all, nil
		}
		from = string(resp.Kvs[len(resp.Kvs)-1].Key) + "\x00"
	}
}

func (s *Store) page(ctx context.Context, prefix, from string, revision int64) (*clientv3.GetResponse, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	var resp *clientv3.GetResponse
	err := s.attempt(ctx, "list", prefix, func(ctx context.Context, call *datastore.Call) error {
		var err error
		resp, err = s.conn.Client().Get(ctx, from,
			clientv3.WithRange(clientv3.GetPrefixRangeEnd(prefix)),
			clientv3.WithLimit(pageSize), clientv3.WithRev(revision))
		if err == nil {
			call.Revision = strconv.FormatInt(resp.Header.Revision, 10)
		}
		return err
	})
	return resp, err
}

// Create stores a new object.
func (s *Store) Create(ctx context.Context, obj calico.Object) (*datastore.Stored, error) {
	return s.create(ctx, obj, nil)
}

func (s *Store) create(ctx context.Context, obj calico.Object, guard *datastore.Guard) (*datastore.Stored, error) {
	id := calico.IDOf(obj)
	fresh := calico.Fresh{UID: uuid.NewString(), Created: time.Now()}
	return s.write(ctx, "create", id, guard, func(f *facts) (plan, error) {
		name, value, err := calico.Encode(obj, nil, f.release, fresh)
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
	exists := &datastore.AlreadyExistsError{ID: id, Key: current[0].Key}
	if len(current) > 1 {
		return exists
	}
	found := clone(current[0])
	if err := decode(id.Kind, found); err != nil || calico.IDOf(found.Object).Short() != id.Short() {
		return exists
	}
	changes, err := calico.CreationChanges(obj, found.Raw, release)
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
	fresh := calico.Fresh{UID: uuid.NewString(), Created: time.Now()}
	return s.write(ctx, "update", id, guard, func(f *facts) (plan, error) {
		name, value, err := calico.Encode(obj, base.Raw, f.release, fresh)
		if err != nil {
			return plan{}, err
		}
		key := storedKey(id.Kind, id.Namespace, name)
		p := plan{key: key, value: value, base: base, compares: []clientv3.Cmp{unchanged(base)}}
		p.only(candidateKeys(id, f.release), base.Key)
		if id.Tier != tier {
			// Calico's own client looks for a tier on create only; but a policy that
			// is moved to one that is not there would be enforced last of all.
			p.needTier(id)
		}
		if key != base.Key {
			// Calico's release has moved on since the object was stored: it gets
			// its new name in the same transaction, so there is never a moment
			// with none, nor with two.
			p.then = append(p.then, clientv3.OpDelete(base.Key))
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
			key:      base.Key,
			base:     base,
			compares: []clientv3.Cmp{unchanged(base)},
			then:     []clientv3.Op{clientv3.OpDelete(base.Key)},
			failed: func(current []*datastore.Stored) error {
				if len(current) == 0 {
					return errDone
				}
				return rebase(id, base, current)
			},
		}
		// Where Calico's migrator has made the new name and not yet deleted the
		// old one, it would leave the new one behind.
		p.only(candidateKeys(id, f.release), base.Key)
		if id.Kind == calico.KindTier {
			unused, err := s.unusedTier(ctx, id.Name, f.release.Naming())
			if err != nil {
				return plan{}, err
			}
			p.compares = append(p.compares, unused...)
		}
		return p, nil
	})
	return err
}

func clone(stored *datastore.Stored) *datastore.Stored {
	c := *stored
	return &c
}

// unchanged compares the revision that was read. Versions of a key that was
// deleted and made again have other revisions too.
func unchanged(base *datastore.Stored) clientv3.Cmp {
	revision, err := strconv.ParseInt(base.Revision, 10, 64)
	if err != nil {
		revision = -1 // never equal: the comparison of contents decides
	}
	return clientv3.Compare(clientv3.ModRevision(base.Key), "=", revision)
}

// rebase moves base to what is stored now if that says the same, so that the
// write can be tried again, and answers an error otherwise.
func rebase(id calico.ID, base *datastore.Stored, current []*datastore.Stored) error {
	switch len(current) {
	case 0:
		return &datastore.ConflictError{ID: id, Key: base.Key, Deleted: true}
	case 1:
	default:
		return ambiguous(id, current)
	}
	now := current[0]
	changes, err := calico.ContentChanges(id.Kind, base.Raw, now.Raw)
	if err != nil {
		return corrupt(now, err)
	}
	if len(changes) > 0 {
		return &datastore.ConflictError{ID: id, Key: now.Key, Changes: changes}
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
	defer s.snapshots.drop(id.Kind)
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
				return nil, &datastore.UnsettledError{ID: id, Key: p.key, Tries: guardedTries}
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
			return nil, &datastore.TierMissingError{ID: id, Tier: p.tier, Key: p.tierKey}
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

// txn runs a transaction, again after a failure that may pass, until the
// deadline of ctx.
func (s *Store) txn(ctx context.Context, operation, key string, op clientv3.Op) (*clientv3.TxnResponse, error) {
	var resp *clientv3.TxnResponse
	err := s.attempt(ctx, operation, key, func(ctx context.Context, call *datastore.Call) error {
		var err error
		resp, err = s.do(ctx, call, op)
		return err
	})
	return resp, err
}

// do runs a transaction, and tells in call what came of it.
func (s *Store) do(ctx context.Context, call *datastore.Call, op clientv3.Op) (*clientv3.TxnResponse, error) {
	r, err := s.conn.Client().Do(ctx, op)
	if err != nil {
		return nil, err
	}
	resp := r.Txn()
	call.Revision = strconv.FormatInt(resp.Header.Revision, 10)
	if !resp.Succeeded {
		call.Outcome = "compare failed"
	}
	return resp, nil
}

// attempt makes one request, and makes it again after failures that pass by
// themselves: a member that is down, a change of leader. The pause between
// attempts grows; the deadline of ctx ends them.
func (s *Store) attempt(ctx context.Context, operation, key string, request func(context.Context, *datastore.Call) error) error {
	if err := s.outage.Standing(); err != nil {
		return err
	}
	pace := s.pace()
	started := time.Now()
	for {
		err := s.once(ctx, pace.timeout, operation, key, request)
		if !isUnavailable(err) {
			return err
		}
		if !pace.wait(ctx) {
			err = s.explain(ctx, err)
			s.noteOutage(ctx, err, time.Since(started))
			return err
		}
	}
}

// noteOutage notes that there was no answer until the deadline of ctx. The others need
// not find out the same: until a member answers again, all requests fail at once. But a
// request that was waited for less long than a member may take to answer, as its caller
// had spent the time on something else, shows nothing about etcd.
func (s *Store) noteOutage(ctx context.Context, err error, waited time.Duration) {
	// (Nobody has waited in vain if it was cancelled.)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && waited >= s.pace().timeout && s.outage.Begin(err) {
		go s.awaitEnd()
	}
}

// txnOnce runs a transaction, and waits for its answer as long as timeout says.
func (s *Store) txnOnce(ctx context.Context, timeout time.Duration, operation, key string, op clientv3.Op) (*clientv3.TxnResponse, error) {
	var resp *clientv3.TxnResponse
	err := s.once(ctx, timeout, operation, key, func(ctx context.Context, call *datastore.Call) error {
		var err error
		resp, err = s.do(ctx, call, op)
		return err
	})
	return resp, err
}

// once makes one request, and waits for its answer as long as timeout says.
func (s *Store) once(ctx context.Context, timeout time.Duration, operation, key string, request func(context.Context, *datastore.Call) error) error {
	started := time.Now()
	once, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	call := datastore.Call{Operation: operation, Key: key, Outcome: "ok"}
	err := request(once, &call)
	s.observe(ctx, call, started, err)
	if err == nil {
		s.outage.End()
	}
	return translate(err, key, s.cfg)
}

func isUnavailable(err error) bool {
	var unavailable *datastore.UnavailableError
	return errors.As(err, &unavailable)
}

// isDenied tells whether the user has no right to what was asked.
func isDenied(err error) bool {
	var denied *datastore.DeniedError
	return errors.As(err, &denied) && denied.Reason == datastore.DeniedPermission
}

// pace is how long an attempt waits for its answer, and the pause after it.
type pace struct{ timeout, pause time.Duration }

// pace is that of a first attempt: it does not wait long, as requests go to the
// members in turn and one may not answer at all. Later ones wait longer, as all
// may be slow.
func (s *Store) pace() pace {
	return pace{timeout: max(s.cfg.RequestTimeout/15, time.Second), pause: 50 * time.Millisecond}
}

// wait makes the pause and tells whether there is time for the next attempt.
func (p *pace) wait(ctx context.Context) bool {
	const longest = time.Second
	timer := time.NewTimer(p.pause)
	defer timer.Stop()
	p.timeout, p.pause = p.timeout+p.timeout/2, min(2*p.pause, longest)
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// awaitEnd asks again and again until a member answers, or the store is closed.
func (s *Store) awaitEnd() {
	const pause = 500 * time.Millisecond
	again := time.NewTicker(pause)
	defer again.Stop()
	for {
		select {
		case <-s.closed:
			return
		case <-again.C:
		}
		if s.outage.Standing() == nil {
			return // a request that was under way has had an answer
		}
		ctx, cancel := context.WithTimeout(context.Background(), s.pace().timeout)
		_, err := s.conn.Client().Get(ctx, clusterInformationKey, clientv3.WithCountOnly())
		cancel()
		if !isUnavailable(translate(err, clusterInformationKey, s.cfg)) {
			s.outage.End()
			return
		}
	}
}

func (s *Store) observe(ctx context.Context, call datastore.Call, started time.Time, err error) {
	call.Duration = time.Since(started)
	if err != nil {
		call.Outcome = outcome(translate(err, call.Key, s.cfg))
	}
	s.options.Observe(ctx, call)
}

func outcome(err error) string {
	var denied *datastore.DeniedError
	var unavailable *datastore.UnavailableError
	switch {
	case errors.As(err, &denied):
		return "denied"
	case errors.As(err, &unavailable):
		return "unavailable"
	default:
		return "error"
	}
}

// deadline bounds an operation so that finding out what went wrong, if it
// comes to that, still fits into the request timeout.
func (s *Store) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.patience())
}

// patience is how long an operation may take if nothing is to be found out after it.
func (s *Store) patience() time.Duration { return s.cfg.RequestTimeout - s.grace() }

// grace is how long it may take to find out what became of a failed request, and
// why it failed (see explain).
func (s *Store) grace() time.Duration { return min(s.cfg.RequestTimeout/4, 2*diagnosisTimeout) }

func gets(keys []string) []clientv3.Op {
	ops := make([]clientv3.Op, len(keys))
	for i, k := range keys {
		ops[i] = clientv3.OpGet(k)
	}
	return ops
}

// values returns what the reads of a transaction found, by key.
func values(resp *clientv3.TxnResponse) map[string]*datastore.Stored {
	found := map[string]*datastore.Stored{}
	for _, r := range resp.Responses {
		for _, kv := range r.GetResponseRange().GetKvs() {
			found[string(kv.Key)] = storedKV(string(kv.Key), kv.Value, kv.ModRevision)
		}
	}
	return found
}

func storedKV(key string, value []byte, modRevision int64) *datastore.Stored {
	return &datastore.Stored{Key: key, Raw: value, Revision: strconv.FormatInt(modRevision, 10)}
}

func (s *Store) String() string { return s.cfg.String() }
