package etcdv3

import (
	"context"
	"fmt"
	"strings"
	"sync"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// shared are the connections of this process.
var shared = newPool(Connect)

// Acquire returns a connection for cfg. All users of equal configurations (the
// request timeout apart) in this process share one, which is closed when the
// last of them releases it. Errors are those of Connect; nothing is kept of a
// connection that failed, so the next call tries anew. Those who wait for a
// connection in the making share its outcome, and the deadline of the first.
func Acquire(ctx context.Context, cfg Config) (*Conn, error) { return shared.acquire(ctx, cfg) }

// Conn is a use of a shared connection.
type Conn struct {
	pool *pool
	link *link
	once sync.Once
}

// Client returns the connection's client. It is not to be used after Release,
// nor to be closed.
func (c *Conn) Client() *clientv3.Client { return c.link.client }

// Endpoints returns the endpoints, also where they were found with SRV records.
func (c *Conn) Endpoints() []string { return c.link.client.Endpoints() }

// Release ends the use of the connection. It may be called twice. Its error is
// one of closing, which loses nothing.
func (c *Conn) Release() error {
	var err error
	c.once.Do(func() { err = c.pool.release(c.link) })
	return err
}

// pool shares connections. It is safe for concurrent use.
type pool struct {
	connect func(context.Context, Config) (*clientv3.Client, error)
	mu      sync.Mutex
	links   map[linkKey]*link
}

// linkKey is a configuration as text. It holds its secrets, as the connection does.
type linkKey string

// link is a connection with its users, or one in the making with those who wait
// for it.
type link struct {
	key    linkKey
	cancel context.CancelFunc

	// done is closed when client or err is set. All three are written under the
	// pool's mutex.
	done   chan struct{}
	client *clientv3.Client
	err    error
	users  int
}

func newPool(connect func(context.Context, Config) (*clientv3.Client, error)) *pool {
	return &pool{connect: connect, links: map[linkKey]*link{}}
}

func (p *pool) acquire(ctx context.Context, cfg Config) (*Conn, error) {
	key := keyOf(cfg)
	p.mu.Lock()
	l := p.links[key]
	if l == nil {
		// Others may come to wait for this attempt, so it does not end because
		// the one who began it gives up.
		making, cancel := detached(ctx)
		l = &link{key: key, cancel: cancel, done: make(chan struct{})}
		p.links[key] = l
		go p.dial(making, l, cfg)
	}
	l.users++
	p.mu.Unlock()

	select {
	case <-l.done:
	case <-ctx.Done():
		select {
		case <-l.done: // and says more
		default:
			_ = p.release(l)
			return nil, translate(ctx.Err(), "", cfg)
		}
	}
	if l.err != nil {
		_ = p.release(l)
		return nil, l.err
	}
	return &Conn{pool: p, link: l}, nil
}

// detached is ctx without its cancellation, but with its deadline.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(context.WithoutCancel(ctx), deadline)
	}
	return context.WithCancel(context.WithoutCancel(ctx))
}

// dial connects for all who wait for the link. If all have gone meanwhile, the
// connection is closed.
func (p *pool) dial(ctx context.Context, l *link, cfg Config) {
	client, err := p.connect(ctx, cfg)
	p.mu.Lock()
	l.client, l.err = client, err
	if err != nil {
		p.forget(l)
	}
	abandoned := l.users == 0
	close(l.done)
	p.mu.Unlock()
	if abandoned && client != nil {
		_ = client.Close()
	}
}

// release takes a user away, and ends the link with the last one.
func (p *pool) release(l *link) error {
	p.mu.Lock()
	l.users--
	last := l.users == 0
	if last {
		p.forget(l)
	}
	client := l.client // nil as long as dial has not ended, which then closes it
	p.mu.Unlock()
	if !last {
		return nil
	}
	l.cancel()
	if client == nil {
		return nil
	}
	return client.Close()
}

// forget makes the next user connect anew.
func (p *pool) forget(l *link) {
	if p.links[l.key] == l {
		delete(p.links, l.key)
	}
}

// keyOf tells configurations apart.
func keyOf(cfg Config) linkKey {
	var key strings.Builder
	add := func(part string) { fmt.Fprintf(&key, "%d:%s", len(part), part) }
	fmt.Fprintf(&key, "%d:", len(cfg.Endpoints))
	for _, e := range cfg.Endpoints {
		add(e)
	}
	for _, s := range []string{cfg.DiscoverySRV, cfg.Username, cfg.Password, string(cfg.CACert), string(cfg.Cert), string(cfg.Key)} {
		add(s)
	}
	add(cfg.dialTimeout().String())
	return linkKey(key.String())
}
