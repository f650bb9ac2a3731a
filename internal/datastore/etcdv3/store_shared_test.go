package etcdv3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore/readahead"
)

// halfDeadEtcd stands in front of an etcd and answers no request that reads much: lists
// of all of a kind, and what surrounds Calico's objects. It answers all others.
type halfDeadEtcd struct {
	etcdserverpb.UnimplementedKVServer
	kv       etcdserverpb.KVClient
	endpoint string
	// arrived is told of each request that has no answer.
	arrived chan struct{}
}

func newHalfDeadEtcd(t *testing.T, etcd *acctest.Etcd) *halfDeadEtcd {
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
	half := &halfDeadEtcd{kv: etcdserverpb.NewKVClient(conn), endpoint: "http://" + l.Addr().String(), arrived: make(chan struct{}, 1000)}
	server := grpc.NewServer()
	etcdserverpb.RegisterKVServer(server, half)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	return half
}

func (h *halfDeadEtcd) hang(ctx context.Context) error {
	h.arrived <- struct{}{}
	<-ctx.Done()
	return status.FromContextError(ctx.Err()).Err()
}

func (h *halfDeadEtcd) Range(ctx context.Context, req *etcdserverpb.RangeRequest) (*etcdserverpb.RangeResponse, error) {
	if bytes.Equal(req.Key, []byte(clusterInformationKey)) {
		return h.kv.Range(ctx, req)
	}
	return nil, h.hang(ctx)
}

func (h *halfDeadEtcd) Txn(ctx context.Context, req *etcdserverpb.TxnRequest) (*etcdserverpb.TxnResponse, error) {
	for _, op := range req.Success {
		if bytes.Equal(op.GetRequestRange().GetKey(), []byte(felixStatusPrefix)) {
			return nil, h.hang(ctx)
		}
	}
	return h.kv.Txn(ctx, req)
}

// sharedReads are the reads that one request does for many.
func sharedReads(store *Store) map[string]func(ctx context.Context, i int) error {
	return map[string]func(ctx context.Context, i int) error{
		"objects": func(ctx context.Context, i int) error {
			_, err := store.Get(ctx, endpointID(fmt.Sprintf("h%d", i)))
			return err
		},
		"surroundings": func(ctx context.Context, _ int) error {
			_, err := store.Surroundings(ctx)
			return err
		},
	}
}

// halfDeadStore opens a store of which more reads of host endpoints read all of them.
func halfDeadStore(t *testing.T, half *halfDeadEtcd, timeout time.Duration) *Store {
	t.Helper()
	store := openStore(t, Config{Endpoints: []string{half.endpoint}, RequestTimeout: timeout}, Options{})
	for range readahead.Singles {
		if _, err := store.Get(t.Context(), endpointID("single")); !errors.Is(err, datastore.ErrNotFound) {
			t.Fatal(err)
		}
	}
	return store
}

// TestStoreWaitsOnceForWhatIsShared reads as Terraform does, ten at a time, what one
// request is to bring for all, and that has no answer. Others have theirs, so it is no
// outage.
func TestStoreWaitsOnceForWhatIsShared(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	const objects, parallel, timeout = 300, 10, 2 * time.Second
	// Terraform has work of its own with each object.
	const own = 40 * time.Millisecond
	for name := range sharedReads(nil) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := halfDeadStore(t, newHalfDeadEtcd(t, etcd), timeout)
			read := sharedReads(store)[name]

			end := make(chan struct{})
			var others sync.WaitGroup
			others.Go(func() {
				for {
					select {
					case <-end:
						return
					case <-time.After(20 * time.Millisecond):
						_, _ = store.Names(t.Context(), calico.KindHostEndpoint)
					}
				}
			})
			var next atomic.Int64
			var all sync.WaitGroup
			began := time.Now()
			for range parallel {
				all.Go(func() {
					for i := next.Add(1); i <= objects; i = next.Add(1) {
						err := read(t.Context(), int(i))
						var unavailable *datastore.UnavailableError
						if !errors.As(err, &unavailable) || unavailable.Interrupted {
							t.Errorf("object %d: %v", i, err)
						}
						time.Sleep(own)
					}
				})
			}
			all.Wait()
			if took := time.Since(began) - objects/parallel*own; took > timeout+2*slack {
				t.Errorf("%d objects took %s of %s", objects, took, timeout)
			}
			close(end)
			others.Wait()
		})
	}
}

// TestStoreWaitsAsLongAsItIsWanted has some leave who wait for one request.
func TestStoreWaitsAsLongAsItIsWanted(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	leaves := func(t *testing.T, waits, stays func(ctx context.Context) error, arrived <-chan struct{}) {
		t.Helper()
		staying, end := context.WithCancel(t.Context())
		var all sync.WaitGroup
		defer all.Wait()
		defer end()
		all.Go(func() { _ = stays(staying) })
		<-arrived
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- waits(ctx) }()
		cancel()
		select {
		case err := <-done:
			if unavailable := asError[*datastore.UnavailableError](t, err); !unavailable.Interrupted {
				t.Errorf("it is %v", err)
			}
		case <-time.After(patience / 4):
			t.Error("it waits for another one though nobody waits for it any more")
		}
	}
	for name := range sharedReads(nil) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			half := newHalfDeadEtcd(t, etcd)
			read := sharedReads(halfDeadStore(t, half, patience))[name]
			one := func(ctx context.Context) error { return read(ctx, 1) }
			leaves(t, one, one, half.arrived)
		})
	}
	t.Run("guarded writes", func(t *testing.T) {
		t.Parallel()
		store := storeOf(t, etcd)
		arrived := make(chan struct{}, 1)
		create := func(name string, check func() error) func(ctx context.Context) error {
			return func(ctx context.Context) error {
				guard := datastore.Guard{Kinds: guardKinds, Check: func(*datastore.Snapshot) ([]calico.ID, error) { return nil, check() }}
				_, err := store.Guarded(guard).Create(ctx, policy(name, 1))
				return err
			}
		}
		slow := func(ctx context.Context) error {
			return create("slow", func() error {
				arrived <- struct{}{}
				<-ctx.Done()
				return ctx.Err()
			})(ctx)
		}
		leaves(t, create("waits", func() error { return nil }), slow, arrived)
		checkKeys(t, etcd, policies)
	})
}
