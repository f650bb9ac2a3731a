package etcdv3

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// slack is what a busy machine may add to a time that is kept: less than what one more attempt
// would take.
const slack = 2500 * time.Millisecond

// TestStoreWithOneOfThreeMembersStopped goes on with the others.
func TestStoreWithOneOfThreeMembersStopped(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithMembers(3), acctest.WithCalico("v3.31.0"))
	store := storeOf(t, etcd)
	detect(t, store)
	// All members have been used before one of them goes.
	const before, after = 6, 12
	for i := range before + after {
		if i == before {
			etcd.Stop(t, (etcd.Leader(t)+1)%3)
		}
		name := fmt.Sprintf("h%d", i)
		stored := mustCreate(t, store, endpoint(name))
		if got := etcd.MustGet(t, stored.Where); got.Version != 1 {
			t.Errorf("%s was written %d times", name, got.Version)
		}
		mustGet(t, store, endpointID(name))
	}
	// A store that has never seen that member alive.
	mustGet(t, openStore(t, configOf(etcd, acctest.User{}).with(func(c *Config) { c.DialTimeout = patience }), Options{}), endpointID("h0"))
}

// TestStoreLateRequestIsNoOutage makes requests whose callers have hardly any time left:
// that they get no answer in it must not make the requests of others fail.
func TestStoreLateRequestIsNoOutage(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	store := storeOf(t, etcd)
	detect(t, store)
	stored := mustCreate(t, store, endpoint("h"))
	changed := endpoint("h")
	changed.Spec.InterfaceName = "eth7"
	late := map[string]func(ctx context.Context) error{
		"read":  func(ctx context.Context) error { _, err := store.Names(ctx, calico.KindHostEndpoint); return err },
		"write": func(ctx context.Context) error { _, err := store.Update(ctx, changed, stored); return err },
	}
	for name, request := range late {
		unanswered := 0
		for range 50 {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Microsecond)
			if err := request(ctx); isUnavailable(err) {
				unanswered++
			}
			cancel()
			if _, err := store.Names(t.Context(), calico.KindHostEndpoint); err != nil {
				t.Fatalf("after a late %s: %v", name, err)
			}
		}
		if unanswered == 0 {
			t.Errorf("every late %s had an answer: this tests nothing", name)
		}
	}
}

// TestStoreSurvivesTheLeader kills the leader while many objects are created.
func TestStoreSurvivesTheLeader(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithMembers(3), acctest.WithCalico("v3.31.0"))
	const workers, each, killAfter = 10, 20, 50
	var done, failed atomic.Int64
	calls := &recorder{then: func(_ context.Context, call datastore.Call) {
		if call.Outcome == "unavailable" {
			failed.Add(1)
		}
	}}
	cfg := configOf(etcd, acctest.User{})
	cfg.RequestTimeout = DefaultRequestTimeout / 2
	store := openStore(t, cfg, Options{Observe: calls.observe})
	detect(t, store)

	kill := make(chan struct{})
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		<-kill
		etcd.Stop(t, etcd.Leader(t))
	}()
	var creators []func() error
	for w := range workers {
		creators = append(creators, func() error {
			for i := range each {
				if _, err := store.Create(t.Context(), endpoint(fmt.Sprintf("h%d-%d", w, i))); err != nil {
					return fmt.Errorf("create h%d-%d: %w", w, i, err)
				}
				if done.Add(1) == killAfter {
					close(kill)
				}
			}
			return nil
		})
	}
	began := time.Now()
	for _, err := range together(creators...) {
		if err != nil {
			t.Error(err)
		}
	}
	<-killed
	all := etcd.Prefix(t, endpoints)
	if len(all) != workers*each {
		t.Errorf("there are %d objects, want %d", len(all), workers*each)
	}
	for _, kv := range all {
		if kv.Version != 1 {
			t.Errorf("%s was written %d times", kv.Key, kv.Version)
		}
	}
	t.Logf("%d creates in %s, with %d requests that failed and were made again", done.Load(), time.Since(began), failed.Load())
}

// TestStoreWithAMemberThatHangs has one member take requests and answer none.
func TestStoreWithAMemberThatHangs(t *testing.T) {
	t.Parallel()
	const timeout = DefaultRequestTimeout / 2
	for _, who := range []string{"a follower", "the leader"} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			etcd := acctest.NewEtcd(t, acctest.WithMembers(3), acctest.WithCalico("v3.31.0"))
			cfg := configOf(etcd, acctest.User{})
			cfg.RequestTimeout = timeout
			calls := &recorder{}
			store := openStore(t, cfg, Options{Observe: calls.observe})
			// Every member is connected to and in use.
			for i := range 6 {
				mustCreate(t, store, endpoint(fmt.Sprintf("before%d", i)))
			}
			hangs := etcd.Leader(t)
			if who == "a follower" {
				hangs = (hangs + 1) % 3
			}
			etcd.Pause(t, hangs)
			// The members are asked in turn, so it is asked soon.
			const most = 12
			for i := 0; i < most && !slices.Contains(calls.told(), "create unavailable"); i++ {
				began := time.Now()
				mustCreate(t, store, endpoint(fmt.Sprintf("h%d", i)))
				took := time.Since(began)
				if took > timeout {
					t.Errorf("h%d took %s of %s", i, took, timeout)
				}
				t.Logf("h%d took %s of %s", i, took, timeout)
			}
			// Now it does what it was asked for then: too late, and not twice.
			etcd.Resume(t, hangs)
			for _, kv := range etcd.Prefix(t, endpoints+"h") {
				if kv.Version != 1 {
					t.Errorf("%s was written %d times", kv.Key, kv.Version)
				}
			}
			if !slices.Contains(calls.told(), "create unavailable") {
				t.Error("no request was for the member that hangs")
			}
		})
	}
}

// TestStoreWithoutADatastore has the whole cluster gone, in ways that a client
// sees at once, or not at all. However many ask, each is told in time.
func TestStoreWithoutADatastore(t *testing.T) {
	t.Parallel()
	for how, end := range map[string]func(etcd *acctest.Etcd, member int){
		"killed":  func(etcd *acctest.Etcd, member int) { etcd.Stop(t, member) },
		"hanging": func(etcd *acctest.Etcd, member int) { etcd.Pause(t, member) },
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			etcd := acctest.NewEtcd(t, acctest.WithMembers(3), acctest.WithCalico("v3.31.0"))
			cfg := configOf(etcd, acctest.User{})
			cfg.RequestTimeout = impatience
			calls := &recorder{}
			seen := openStore(t, cfg, Options{Observe: calls.observe})
			there := mustCreate(t, seen, endpoint("there"))
			// One that knows nothing yet: all wait for the same look.
			unseen := openStore(t, cfg, Options{Observe: calls.observe})
			for i := range etcd.Endpoints {
				end(etcd, i)
			}

			operations := map[string]func(*Store) error{
				"get": func(s *Store) error {
					_, err := s.Get(t.Context(), endpointID("there"))
					return err
				},
				"get a policy": func(s *Store) error {
					_, err := s.Get(t.Context(), policyID("failsafe"))
					return err
				},
				"list": func(s *Store) error {
					_, _, err := s.List(t.Context(), calico.KindHostEndpoint)
					return err
				},
				"release": func(s *Store) error {
					s.mu.Lock()
					s.found = nil
					s.mu.Unlock()
					_, err := s.Release(t.Context())
					return err
				},
			}
			for name, write := range writesOf(t, seen, there) {
				operations[name] = func(s *Store) error {
					if s == seen {
						return write()
					}
					return writesOf(t, s, there)[name]()
				}
			}
			var names []string
			var all []func() error
			took := make([]time.Duration, 0, 64)
			for name, operation := range operations {
				for which, store := range map[string]*Store{"seen": seen, "unseen": unseen} {
					for range 3 {
						i := len(names)
						names, took = append(names, name+" of a datastore "+which), append(took, 0)
						all = append(all, func() error {
							began := time.Now()
							defer func() { took[i] = time.Since(began) }()
							return operation(store)
						})
					}
				}
			}
			errs := together(all...)
			for i, err := range errs {
				unavailable := asError[*datastore.UnavailableError](t, err)
				if unavailable.Server != "etcd at "+strings.Join(etcd.Endpoints, ", ") {
					t.Errorf("%s: the error names %q", names[i], unavailable.Server)
				}
				for _, e := range etcd.Endpoints {
					if !strings.Contains(err.Error(), e) {
						t.Errorf("%s: %s is missing in %v", names[i], e, err)
					}
				}
				if took[i] > impatience+slack {
					t.Errorf("%s took %s of %s", names[i], took[i], impatience)
				}
			}
			t.Logf("%d operations, the longest %s of %s; such as: %v", len(all), slices.Max(took), impatience, errs[0])
		})
	}
}

// TestStoreOutlastsARestart has the only member come back while a write waits.
func TestStoreOutlastsARestart(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	failed := make(chan struct{})
	first := true
	calls := &recorder{then: func(_ context.Context, call datastore.Call) {
		if call.Outcome == "unavailable" && first {
			first = false
			close(failed)
		}
	}}
	cfg := configOf(etcd, acctest.User{})
	cfg.RequestTimeout = DefaultRequestTimeout / 3
	store := openStore(t, cfg, Options{Observe: calls.observe})
	detect(t, store)
	etcd.Stop(t, 0)
	done := make(chan error, 1)
	go func() {
		_, err := store.Create(t.Context(), endpoint("db1"))
		done <- err
	}()
	<-failed
	etcd.Start(t, 0)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := etcd.MustGet(t, endpoints+"db1"); got.Version != 1 {
		t.Errorf("it was written %d times", got.Version)
	}
}

// TestStoreIsInterrupted cancels operations that wait for a datastore that
// hangs, as Ctrl-C does.
func TestStoreIsInterrupted(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	cfg := configOf(etcd, acctest.User{})
	cfg.RequestTimeout = DefaultRequestTimeout
	store := openStore(t, cfg, Options{})
	unseen := openStore(t, cfg, Options{})
	there := mustCreate(t, store, endpoint("there"))
	etcd.Pause(t, 0)
	t.Cleanup(func() { etcd.Resume(t, 0) })

	ctx, cancel := context.WithCancel(t.Context())
	operations := []func() error{
		func() error { _, err := store.Get(ctx, endpointID("there")); return err },
		func() error { _, _, err := store.List(ctx, calico.KindHostEndpoint); return err },
		func() error { _, err := store.Create(ctx, endpoint("new")); return err },
		func() error { return store.Delete(ctx, there) },
		func() error { _, err := unseen.Release(ctx); return err },
		func() error { _, err := unseen.Create(ctx, policy("failsafe", 1)); return err },
		func() error { cancel(); return nil },
	}
	began := time.Now()
	errs := together(operations...)
	// A write is read back all the same, for a moment.
	if took := time.Since(began); took > DefaultRequestTimeout/2 {
		t.Errorf("it took %s", took)
	}
	for i, err := range errs[:len(errs)-1] {
		if err == nil {
			t.Errorf("operation %d was done", i)
		}
	}
}

// TestStoreIsRefused writes as a user who may only read.
func TestStoreIsRefused(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithAuth(), acctest.WithCalico("v3.31.0"))
	there := mustCreate(t, openStore(t, configOf(etcd, etcd.Writer), Options{}), endpoint("there"))
	calls := &recorder{}
	store := openStore(t, configOf(etcd, etcd.Reader), Options{Observe: calls.observe})
	if got := mustGet(t, store, endpointID("there")); got.Version != there.Version {
		t.Errorf("read at %s, want %s", got.Version, there.Version)
	}
	detect(t, store)
	want := map[string]string{"create": endpoints + "new", "update": endpoints + "there", "delete": endpoints + "there"}
	// It is told at once: no second try.
	checkCalls(t, etcd, map[string]int{"Txn": len(want)}, func() {
		for name, write := range writesOf(t, store, there) {
			denied := asError[*datastore.DeniedError](t, write())
			if denied.Reason != datastore.DeniedPermission || !strings.Contains(denied.Advice, " "+want[name]+".") || !strings.Contains(denied.Advice, strconv.Quote(etcd.Reader.Name)) {
				t.Errorf("%s: %+v", name, denied)
			}
		}
	})
	checkKeys(t, etcd, endpoints, "there")
	for _, told := range calls.told()[2:] {
		if !strings.HasSuffix(told, " denied") {
			t.Errorf("told of %q", told)
		}
	}
}

// TestStoreKeepsToTheRequestTimeout has no dial timeout of its own to go by that
// would be longer, and no request timeout of zero.
func TestStoreKeepsToTheRequestTimeout(t *testing.T) {
	t.Parallel()
	silent := Config{Endpoints: []string{"http://" + listen(t).Addr().String()}, RequestTimeout: time.Second, DialTimeout: time.Minute}
	began := time.Now()
	_, err := New(t.Context(), silent, Options{})
	unavailable := asError[*datastore.UnavailableError](t, err)
	if took := time.Since(began); took > time.Second+slack || unavailable.Server != "etcd at "+strings.Join(silent.Endpoints, ", ") {
		t.Errorf("after %s: %v", took, err)
	}

	etcd := acctest.NewEtcd(t)
	store, err := New(t.Context(), configOf(etcd, acctest.User{}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if _, err := store.Release(t.Context()); err != nil {
		t.Errorf("without a request timeout: %v", err)
	}
}
