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
// connection that failed, so the next call tries anew.
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

	// users is guarded by the pool's mutex.
	users int

	// done is closed when client or err is set.
	done   chan struct{}
	client *clientv3.Client
	err    error
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
		// Whoever else comes waits for this attempt, so it does not end because
		// the one who began it does.
		making, cancel := context.WithCancel(context.WithoutCancel(ctx))
		l = &link{key: key, cancel: cancel, done: make(chan struct{})}
		p.links[key] = l
		go p.make(making, l, cfg)
	}
	l.users++
	p.mu.Unlock()

	select {
	case <-l.done:
	case <-ctx.Done():
		// With one user less, or none, who ends the attempt.
		_ = p.release(l)
		return nil, translate(ctx.Err(), "", cfg)
	}
	if l.err != nil {
		_ = p.release(l)
		return nil, l.err
	}
	return &Conn{pool: p, link: l}, nil
}

// make connects, and leaves a connection that nobody waits for any more closed.
func (p *pool) make(ctx context.Context, l *link, cfg Config) {
	l.client, l.err = p.connect(ctx, cfg)
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.users == 0 && l.client != nil {
		_ = l.client.Close()
	}
	if l.err != nil {
		p.forget(l)
	}
	close(l.done)
}

func (p *pool) release(l *link) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.users--
	if l.users > 0 {
		return nil
	}
	p.forget(l)
	l.cancel()
	select {
	case <-l.done:
		if l.client != nil {
			return l.client.Close()
		}
	default: // make sees that there is no user
	}
	return nil
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
