package etcdv3

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
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
	// secret keeps the keys from telling anything about the passwords that went
	// into them.
	secret [sha256.Size]byte

	mu    sync.Mutex
	links map[linkKey]*link
}

type linkKey [sha256.Size]byte

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
	p := &pool{connect: connect, links: map[linkKey]*link{}}
	_, _ = rand.Read(p.secret[:]) // never fails
	return p
}

func (p *pool) acquire(ctx context.Context, cfg Config) (*Conn, error) {
	key := p.key(cfg)
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

// key tells configurations apart. It is a keyed hash, so that nothing of a
// password is left in it.
func (p *pool) key(cfg Config) linkKey {
	h := hmac.New(sha256.New, p.secret[:])
	add := func(part []byte) {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])
		h.Write(part)
	}
	add(binary.BigEndian.AppendUint64(nil, uint64(len(cfg.Endpoints))))
	for _, e := range cfg.Endpoints {
		add([]byte(e))
	}
	for _, s := range []string{cfg.DiscoverySRV, cfg.Username, cfg.Password} {
		add([]byte(s))
	}
	for _, b := range [][]byte{cfg.CACert, cfg.Cert, cfg.Key} {
		add(b)
	}
	add(binary.BigEndian.AppendUint64(nil, uint64(cfg.dialTimeout())))
	var key linkKey
	h.Sum(key[:0])
	return key
}
