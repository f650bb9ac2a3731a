package etcdv3

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// clusterInformationKey holds what Calico tells of itself: its version, and
// whether the datastore may be written to.
const clusterInformationKey = root + "clusterinformations/default"

var getClusterInformation = clientv3.OpGet(clusterInformationKey)

// facts is what a datastore tells of itself.
type facts struct {
	finding datastore.ReleaseFinding
	release calico.Release
	// revision is that of ClusterInformation when it was read, 0 for none.
	revision int64
}

// unchanged compares that ClusterInformation is still what was read.
func (f *facts) unchanged() clientv3.Cmp {
	return clientv3.Compare(clientv3.ModRevision(clusterInformationKey), "=", f.revision)
}

// Release tells the release of Calico; see datastore.Store.
func (s *Store) Release(ctx context.Context) (datastore.ReleaseFinding, error) {
	f, err := s.facts(ctx)
	if err != nil {
		return datastore.ReleaseFinding{}, err
	}
	return f.finding, nil
}

// Locked tells whether the datastore may be written to now; see datastore.Store.
func (s *Store) Locked(ctx context.Context) (string, error) {
	stored, err := s.Get(ctx, calico.ID{Kind: calico.KindClusterInformation, Name: "default"})
	switch {
	case errors.Is(err, datastore.ErrNotFound):
		return "", nil
	case err != nil:
		return "", err
	}
	if info, ok := stored.Object.(*v3.ClusterInformation); ok && info.Spec.DatastoreReady != nil && !*info.Spec.DatastoreReady {
		return stored.Where, nil
	}
	return "", nil
}

// facts returns what the datastore tells of itself, which is read once. All who
// need it at the same time share one look, and its outcome.
func (s *Store) facts(ctx context.Context) (*facts, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	for {
		s.mu.Lock()
		if found := s.found; found != nil {
			s.mu.Unlock()
			return found, nil
		}
		l := s.looking
		if l == nil {
			l = &look{done: make(chan struct{})}
			s.looking = l
			s.mu.Unlock()
			s.look(ctx, l)
			return l.facts, l.err
		}
		s.mu.Unlock()
		select {
		case <-l.done:
		case <-ctx.Done():
			return nil, s.explain(ctx, translate(ctx.Err(), clusterInformationKey, s.cfg))
		}
		if !l.interrupted || ctx.Err() != nil {
			return l.facts, l.err
		}
	}
}

// look is one reading of the facts.
type look struct {
	// done is closed when the others are set.
	done  chan struct{}
	facts *facts
	err   error
	// interrupted is true where the time of the one who began it was up.
	interrupted bool
}

// look reads the facts, for all who wait for l.
func (s *Store) look(ctx context.Context, l *look) {
	l.facts, l.err = s.readFacts(ctx)
	l.interrupted = l.err != nil && ctx.Err() != nil
	s.mu.Lock()
	s.found, s.looking = l.facts, nil
	s.mu.Unlock()
	close(l.done)
}

func (s *Store) readFacts(ctx context.Context) (*facts, error) {
	reads := []clientv3.Op{
		getClusterInformation,
		clientv3.OpGet(kindPrefix(calico.KindTier), clientv3.WithPrefix(), clientv3.WithKeysOnly()),
		// The names of policies tell a convention where nothing else does.
		clientv3.OpGet(kindPrefix(calico.KindGlobalNetworkPolicy), clientv3.WithPrefix(), clientv3.WithLimit(evidenceLimit)),
		clientv3.OpGet(kindPrefix(calico.KindNetworkPolicy), clientv3.WithPrefix(), clientv3.WithLimit(evidenceLimit)),
	}
	at := post{}
	resp, err := s.txn(ctx, "detect", clusterInformationKey, clientv3.OpTxn(nil, slices.Concat(reads, at.look()), nil))
	if isDenied(err) {
		// The user may have rights on Calico's objects and on nothing else.
		at.hidden = true
		resp, err = s.txn(ctx, "detect", clusterInformationKey, clientv3.OpTxn(nil, reads, nil))
	}
	if err != nil {
		return nil, err
	}
	s.seen(at, resp)
	found := values(resp)
	delete(found, fenceKey)
	return s.conclude(found)
}

// evidenceLimit is how many policies of a kind detection looks at: they were all written
// by the same release, but for those that were left from before an upgrade.
const evidenceLimit = 20

// conclude tells the release from what was found.
func (s *Store) conclude(found map[string]*datastore.Stored) (*facts, error) {
	f, locked := &facts{}, false
	evidence := storage.Evidence{Tiers: map[string]bool{}}
	if ci := found[clusterInformationKey]; ci != nil {
		if err := decode(calico.KindClusterInformation, ci); err != nil {
			return nil, err
		}
		f.revision, _ = strconv.ParseInt(ci.Version, 10, 64)
		evidence.Initialised = true
		if info, ok := ci.Object.(*v3.ClusterInformation); ok {
			evidence.CalicoVersion = info.Spec.CalicoVersion
			locked = info.Spec.DatastoreReady != nil && !*info.Spec.DatastoreReady
		}
	}
	for key, stored := range found {
		switch {
		case key == clusterInformationKey:
		case strings.HasPrefix(key, kindPrefix(calico.KindTier)):
			evidence.Tiers[storedName(key)] = true
		default:
			evidence.Policies = append(evidence.Policies, storage.PolicyEvidence(storedName(key), stored.Raw))
		}
	}
	release, because, assumed := evidence.Release()
	f.finding = datastore.ReleaseFinding{Release: release, Evidence: because, Assumed: assumed}
	if given := s.options.Release; given != nil {
		f.finding = datastore.ReleaseFinding{Release: *given, Evidence: "calico_version of the provider configuration"}
		if !assumed && storage.NamingOf(release) != storage.NamingOf(*given) {
			f.finding.Configured, f.finding.Contradiction = *given, fmt.Sprintf("%s tells %s", because, release)
		}
	}
	if locked {
		f.finding.Locked = datastore.NotReady(clusterInformationKey)
	}
	f.release = f.finding.Release
	return f, nil
}

// writable waits until the datastore is not locked, as long as ctx lasts.
func (s *Store) writable(ctx context.Context) (*facts, error) {
	var f *facts
	err := s.lock.Until(ctx, func() (string, error) {
		if f != nil {
			s.forget(f)
		}
		var err error
		if f, err = s.facts(ctx); err != nil {
			return "", err
		}
		return f.finding.Locked, nil
	})
	return f, err
}

// notice forgets the facts where ClusterInformation is not what they tell.
func (s *Store) notice(ci *datastore.Stored, f *facts) {
	revision := int64(0)
	if ci != nil {
		revision, _ = strconv.ParseInt(ci.Version, 10, 64)
	}
	if revision != f.revision {
		s.forget(f)
	}
}

func (s *Store) forget(f *facts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.found == f {
		s.found = nil
	}
}
