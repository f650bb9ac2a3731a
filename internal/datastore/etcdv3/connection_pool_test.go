package etcdv3

import (
	"context"
	"errors"
	"sync"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc/connectivity"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// connector is a pool's way to connect, under the control of a test: it makes
// clients that never connect.
type connector struct {
	mu    sync.Mutex
	calls int
	// begun gets a value when a call has begun. Then the call waits for hold.
	begun chan struct{}
	hold  chan error
}

func newConnector() *connector {
	return &connector{begun: make(chan struct{}, 100), hold: make(chan error, 100)}
}

func (c *connector) connect(ctx context.Context, cfg Config) (*clientv3.Client, error) {
	c.mu.Lock()
	c.calls++
	c.mu.Unlock()
	c.begun <- struct{}{}
	select {
	case err := <-c.hold:
		if err != nil {
			return nil, err
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return clientv3.New(clientv3.Config{Endpoints: cfg.Endpoints, Logger: zap.NewNop()})
}

func (p *pool) size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

func isClosed(client *clientv3.Client) bool {
	return client.ActiveConnection().GetState() == connectivity.Shutdown
}

func TestPoolSharesAConnection(t *testing.T) {
	t.Parallel()
	connector := newConnector()
	p := newPool(connector.connect)
	cfg := Config{Endpoints: []string{"http://127.0.0.1:1"}, Password: "hunter2"}

	const users = 20
	conns := make([]*Conn, users)
	var group sync.WaitGroup
	for i := range users {
		group.Go(func() {
			// The request timeout is nothing of a connection's.
			conn, err := p.acquire(t.Context(), cfg.with(func(c *Config) { c.RequestTimeout += DefaultRequestTimeout }))
			if err != nil {
				t.Error(err)
				return
			}
			conns[i] = conn
		})
	}
	connector.hold <- nil
	group.Wait()
	if t.Failed() {
		return
	}
	client := conns[0].Client()
	for _, conn := range conns {
		if conn.Client() != client {
			t.Fatal("equal configurations have different connections")
		}
	}
	if connector.calls != 1 {
		t.Errorf("there are %d connections", connector.calls)
	}

	for _, conn := range conns[1:] {
		group.Go(func() {
			if err := errors.Join(conn.Release(), conn.Release()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if isClosed(client) {
		t.Error("the connection is closed, but one still uses it")
	}
	if err := conns[0].Release(); err != nil || !isClosed(client) || p.size() != 0 {
		t.Errorf("after the last release: error %v, closed %t, %d kept", err, isClosed(client), p.size())
	}

	connector.hold <- nil
	conn, err := p.acquire(t.Context(), cfg)
	if err != nil || conn.Client() == client || isClosed(conn.Client()) {
		t.Fatalf("a closed connection is used again, or: %v", err)
	}
	_ = conn.Release()
}

func TestPoolKeepsNoFailure(t *testing.T) {
	t.Parallel()
	connector := newConnector()
	p := newPool(connector.connect)
	cfg := Config{Endpoints: []string{"http://127.0.0.1:1"}}
	refused := errors.New("refused")

	connector.hold <- refused
	if _, err := p.acquire(t.Context(), cfg); !errors.Is(err, refused) || p.size() != 0 {
		t.Errorf("error %v, %d kept", err, p.size())
	}
	connector.hold <- nil
	conn, err := p.acquire(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Release()
}

// TestPoolWaiterGivesUp lets the one who began to connect give up: who waits with
// it gets the connection.
func TestPoolWaiterGivesUp(t *testing.T) {
	t.Parallel()
	connector := newConnector()
	p := newPool(connector.connect)
	cfg := Config{Endpoints: []string{"http://127.0.0.1:1"}}

	first, cancel := context.WithCancel(t.Context())
	gaveUp := make(chan error)
	go func() {
		_, err := p.acquire(first, cfg)
		gaveUp <- err
	}()
	<-connector.begun
	got := make(chan *Conn)
	joined := make(chan struct{})
	go func() {
		conn, err := p.acquire(announcing{t.Context(), joined}, cfg)
		if err != nil {
			t.Error(err)
		}
		got <- conn
	}()
	<-joined
	cancel()
	if err := <-gaveUp; !errors.Is(err, context.Canceled) {
		t.Errorf("who gives up gets %v", err)
	}
	connector.hold <- nil
	conn := <-got
	if t.Failed() {
		return
	}
	if isClosed(conn.Client()) || connector.calls != 1 {
		t.Errorf("closed %t, %d connections", isClosed(conn.Client()), connector.calls)
	}
	_ = conn.Release()
	if p.size() != 0 {
		t.Errorf("%d kept", p.size())
	}
}

// announcing is a context that tells when somebody begins to wait for its end.
type announcing struct {
	context.Context
	asked chan struct{}
}

func (a announcing) Done() <-chan struct{} {
	close(a.asked)
	return a.Context.Done()
}

func TestPoolAllWaitersGiveUp(t *testing.T) {
	t.Parallel()
	ended := make(chan error)
	p := newPool(func(ctx context.Context, _ Config) (*clientv3.Client, error) {
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.acquire(ctx, Config{}); !errors.Is(err, context.Canceled) || p.size() != 0 {
		t.Errorf("error %v, %d kept", err, p.size())
	}
	// Nobody waits for the connection any more, so nobody makes it.
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("connecting ends with %v", err)
	}
}

// TestPoolClosesWhatNobodyWaitsFor is the same, but too late.
func TestPoolClosesWhatNobodyWaitsFor(t *testing.T) {
	t.Parallel()
	release, made := make(chan struct{}), make(chan *clientv3.Client, 1)
	p := newPool(func(context.Context, Config) (*clientv3.Client, error) {
		<-release
		client, err := clientv3.New(clientv3.Config{Endpoints: []string{"http://127.0.0.1:1"}, Logger: zap.NewNop()})
		made <- client
		return client, err
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.acquire(ctx, Config{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	close(release)
	<-(<-made).Ctx().Done()
}

func TestPoolKey(t *testing.T) {
	t.Parallel()
	base := Config{
		Endpoints: []string{"https://a:1", "https://b:2"}, Username: "ann", Password: "hunter2",
		CACert: []byte("ca"), Cert: []byte("cert"), Key: []byte("key"),
	}
	seen := map[linkKey]string{keyOf(base): "the base"}
	for name, change := range map[string]func(*Config){
		"endpoints":             func(c *Config) { c.Endpoints = []string{"https://a:1"} },
		"endpoints, another":    func(c *Config) { c.Endpoints = []string{"https://a:1", "https://b:3"} },
		"endpoints, joined":     func(c *Config) { c.Endpoints = []string{"https://a:1https://b:2"} },
		"domain":                func(c *Config) { c.DiscoverySRV = "example.com" },
		"user":                  func(c *Config) { c.Username = "bob" },
		"password":              func(c *Config) { c.Password = "hunter3" },
		"user and password":     func(c *Config) { c.Username, c.Password = "annh", "unter2" },
		"CA":                    func(c *Config) { c.CACert = nil },
		"certificate":           func(c *Config) { c.Cert = []byte("other") },
		"key":                   func(c *Config) { c.Key = []byte("other") },
		"dial timeout":          func(c *Config) { c.DialTimeout = 1 },
		"certificate moved on":  func(c *Config) { c.CACert, c.Cert = nil, []byte("cacert") },
		"endpoint, then domain": func(c *Config) { c.Endpoints, c.DiscoverySRV = []string{"https://a:1"}, "https://b:2" },
	} {
		key := keyOf(base.with(change))
		if other, ok := seen[key]; ok {
			t.Errorf("%s has the key of %s", name, other)
		}
		seen[key] = name
	}
	for name, change := range map[string]func(*Config){
		"request timeout":      func(c *Config) { c.RequestTimeout = 1 },
		"default dial timeout": func(c *Config) { c.DialTimeout = DefaultDialTimeout },
	} {
		if keyOf(base.with(change)) != keyOf(base) {
			t.Errorf("%s makes a difference", name)
		}
	}
}

func TestAcquire(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithAuth())
	writer, reader := configOf(etcd, etcd.Writer), configOf(etcd, etcd.Reader)
	one, err := Acquire(t.Context(), writer)
	if err != nil {
		t.Fatal(err)
	}
	two, err := Acquire(t.Context(), writer)
	if err != nil {
		t.Fatal(err)
	}
	other, err := Acquire(t.Context(), reader)
	if err != nil {
		t.Fatal(err)
	}
	if one.Client() != two.Client() || one.Client() == other.Client() {
		t.Error("connections are not shared by user")
	}
	if err := one.Release(); err != nil {
		t.Error(err)
	}
	use(t, two.Client())
	if got := two.Endpoints(); len(got) != 1 || got[0] != etcd.Endpoints[0] {
		t.Errorf("the endpoints are %q", got)
	}
	if err := errors.Join(two.Release(), other.Release()); err != nil {
		t.Error(err)
	}
	if !isClosed(two.Client()) || !isClosed(other.Client()) {
		t.Error("connections are left open")
	}

	_, err = Acquire(t.Context(), writer.with(func(c *Config) { c.Password = "hunter2" }))
	checkFailure(t, writer, err, datastore.DeniedCredentials)
	checkSecrets(t, writer, err)
}
