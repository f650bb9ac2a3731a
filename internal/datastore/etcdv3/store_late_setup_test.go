package etcdv3

import (
	"context"
	"encoding/json"
	"net"
	"strings"
	"sync"
	"testing"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// lateEtcd stands in front of an etcd and holds requests back, to deliver them when
// their sender has long given them up: as a member does that hangs and comes back.
type lateEtcd struct {
	etcdserverpb.UnimplementedKVServer
	etcdserverpb.UnimplementedAuthServer
	kv       etcdserverpb.KVClient
	auth     etcdserverpb.AuthClient
	endpoint string

	mu sync.Mutex
	// holds is how many of the next writes of Calico's objects are held back, and
	// holding is called when one is; it may be nil.
	holds   int
	holding func()
	// before is called with each request that is not held back; it may be nil.
	before func()
	held   []heldRequest
}

type heldRequest struct {
	ctx context.Context
	txn *etcdserverpb.TxnRequest
}

func newLateEtcd(t *testing.T, etcd *acctest.Etcd) *lateEtcd {
	t.Helper()
	conn, err := grpc.NewClient(strings.TrimPrefix(etcd.Endpoints[0], "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	late := &lateEtcd{kv: etcdserverpb.NewKVClient(conn), auth: etcdserverpb.NewAuthClient(conn), endpoint: "http://" + l.Addr().String()}
	server := grpc.NewServer()
	etcdserverpb.RegisterKVServer(server, late)
	etcdserverpb.RegisterAuthServer(server, late)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	return late
}

func (l *lateEtcd) Authenticate(ctx context.Context, req *etcdserverpb.AuthenticateRequest) (*etcdserverpb.AuthenticateResponse, error) {
	return l.auth.Authenticate(ctx, req)
}

func (l *lateEtcd) Txn(ctx context.Context, req *etcdserverpb.TxnRequest) (*etcdserverpb.TxnResponse, error) {
	if md, ok := metadata.FromIncomingContext(ctx); ok {
		ctx = metadata.NewOutgoingContext(ctx, metadata.Pairs("token", strings.Join(md.Get("token"), "")))
	}
	if l.holdsBack(ctx, req) {
		l.mu.Lock()
		holding := l.holding
		l.mu.Unlock()
		if holding != nil {
			holding()
		}
		<-ctx.Done()
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	l.mu.Lock()
	before := l.before
	l.mu.Unlock()
	if before != nil {
		before()
	}
	return l.kv.Txn(ctx, req)
}

func (l *lateEtcd) holdsBack(ctx context.Context, req *etcdserverpb.TxnRequest) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.holds == 0 {
		return false
	}
	for _, op := range req.Success {
		key := string(op.GetRequestPut().GetKey()) + string(op.GetRequestDeleteRange().GetKey())
		if strings.HasPrefix(key, acctest.ResourcePrefix) {
			l.holds--
			l.held = append(l.held, heldRequest{context.WithoutCancel(ctx), req})
			return true
		}
	}
	return false
}

// hold holds the next n writes back.
func (l *lateEtcd) hold(n int) { l.set(func() { l.holds = n }) }

// set changes what the server does.
func (l *lateEtcd) set(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

// deliver delivers what was held back, and returns how many requests that were and how
// many of them were done.
func (l *lateEtcd) deliver(t *testing.T) (delivered, done int) {
	t.Helper()
	l.mu.Lock()
	held := l.held
	l.holds, l.held = 0, nil
	l.mu.Unlock()
	for _, h := range held {
		resp, err := l.kv.Txn(h.ctx, h.txn)
		if err != nil {
			t.Errorf("etcd does not take what is late: %v", err)
		} else if resp.Succeeded {
			done++
		}
	}
	return len(held), done
}

// lateWrite is a write whose requests are late.
type lateWrite struct {
	write func(ctx context.Context, store *Store) (*datastore.Stored, error)
	// undo brings back what was there before the write, which returned stored.
	undo func(store *Store, stored *datastore.Stored) error
}

// lateWrites makes all ready for each kind of write.
func lateWrites(t *testing.T, etcd *acctest.Etcd) map[string]lateWrite {
	t.Helper()
	direct := storeOf(t, etcd)
	remove := func(store *Store, stored *datastore.Stored) error { return store.Delete(t.Context(), stored) }
	guarded := func(store *Store) datastore.Store {
		return store.Guarded(datastore.Guard{Kinds: guardKinds, Check: func(*datastore.Snapshot) ([]calico.ID, error) { return nil, nil }})
	}
	updated := mustCreate(t, direct, policy("updated", 1))
	guardedly := mustCreate(t, direct, policy("guardedly", 1))
	deleted := mustCreate(t, direct, endpoint("deleted"))
	etcd.Put(t, policies+"moved", calicoctlPolicy("moved", 1))
	moved := mustGet(t, direct, policyID("moved"))
	etcd.Put(t, felixDefault, felixValue(`"ipipMTU":1480`))
	felix := mustGet(t, direct, calico.ID{Kind: calico.KindFelixConfiguration, Name: "default"})
	return map[string]lateWrite{
		"create": {
			write: func(ctx context.Context, s *Store) (*datastore.Stored, error) {
				return s.Create(ctx, endpoint("created"))
			},
			undo: remove,
		},
		"guarded create": {
			write: func(ctx context.Context, s *Store) (*datastore.Stored, error) {
				return guarded(s).Create(ctx, policy("new", 1))
			},
			undo: remove,
		},
		"update": {
			write: func(ctx context.Context, s *Store) (*datastore.Stored, error) {
				return s.Update(ctx, policy("updated", 2), updated)
			},
			undo: func(s *Store, stored *datastore.Stored) error {
				_, err := s.Update(t.Context(), policy("updated", 1), stored)
				return err
			},
		},
		"guarded update": {
			write: func(ctx context.Context, s *Store) (*datastore.Stored, error) {
				return guarded(s).Update(ctx, policy("guardedly", 2), guardedly)
			},
			undo: remove,
		},
		"move": {
			write: func(ctx context.Context, s *Store) (*datastore.Stored, error) {
				return s.Update(ctx, policy("moved", 2), moved)
			},
			undo: func(s *Store, stored *datastore.Stored) error {
				defer etcd.Put(t, policies+"moved", calicoctlPolicy("moved", 1))
				return s.Delete(t.Context(), stored)
			},
		},
		"patch": {
			write: func(ctx context.Context, s *Store) (*datastore.Stored, error) {
				return s.Patch(ctx, felix, storage.SpecPatch{"ipipMTU": json.RawMessage("1400")})
			},
			undo: func(s *Store, stored *datastore.Stored) error {
				_, err := s.Patch(t.Context(), stored, storage.SpecPatch{"ipipMTU": json.RawMessage("1480")})
				return err
			},
		},
		"delete": {
			write: func(ctx context.Context, s *Store) (*datastore.Stored, error) { return nil, s.Delete(ctx, deleted) },
			undo: func(*Store, *datastore.Stored) error {
				etcd.Put(t, deleted.Where, string(deleted.Raw))
				return nil
			},
		},
	}
}
