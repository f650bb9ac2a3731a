package etcdv3

import (
	"bytes"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// proxy stands between a store and an etcd without TLS, as a network does that
// can lose what it is given.
type proxy struct {
	// endpoint is its own.
	endpoint string
	target   string

	mu    sync.Mutex
	moved sync.Cond // when any of the following changes
	conns map[net.Conn]bool
	// held holds answers back.
	held bool
	// losing throws requests away; lost is what it has thrown away.
	losing bool
	lost   []byte
	closed bool
}

func newProxy(t *testing.T, etcd *acctest.Etcd) *proxy {
	t.Helper()
	l := listen(t)
	p := &proxy{
		endpoint: "http://" + l.Addr().String(),
		target:   strings.TrimPrefix(etcd.Endpoints[0], "http://"),
		conns:    map[net.Conn]bool{},
	}
	p.moved.L = &p.mu
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	t.Cleanup(func() {
		p.set(func() { p.closed = true })
		p.cut()
	})
	return p
}

// set changes what the proxy does.
func (p *proxy) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	p.moved.Broadcast()
}

// hold holds all answers back, until cut.
func (p *proxy) hold() { p.set(func() { p.held = true }) }

// lose throws all requests away.
func (p *proxy) lose() { p.set(func() { p.losing, p.lost = true, nil }) }

// awaitLoss returns when a request that names the key was thrown away.
func (p *proxy) awaitLoss(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	// gRPC does not compress by itself, so keys are in clear.
	for !bytes.Contains(p.lost, []byte(key)) && !p.closed {
		p.moved.Wait()
	}
}

// cut ends all connections; what was held or is to be lost is gone with them.
// New connections work.
func (p *proxy) cut() {
	p.set(func() {
		for conn := range p.conns {
			_ = conn.Close()
		}
		p.conns = map[net.Conn]bool{}
		p.held, p.losing = false, false
	})
}

func (p *proxy) serve(client net.Conn) {
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		_ = client.Close()
		return
	}
	p.set(func() { p.conns[client], p.conns[server] = true, true })
	end := func() {
		p.set(func() {
			delete(p.conns, client)
			delete(p.conns, server)
		})
		_ = client.Close()
		_ = server.Close()
	}
	go func() {
		defer end()
		pass(client, server, p.mayRequest)
	}()
	go func() {
		defer end()
		pass(server, client, p.mayAnswer)
	}()
}

// pass copies from one connection to the other what may go.
func pass(from, to net.Conn, may func(conn net.Conn, data []byte) bool) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && may(from, buffer[:n]) {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *proxy) mayRequest(_ net.Conn, data []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.losing {
		p.lost = append(p.lost, data...)
		p.moved.Broadcast()
	}
	return !p.losing
}

// mayAnswer waits as long as answers are held. An answer of a connection that
// was cut meanwhile never arrives.
func (p *proxy) mayAnswer(conn net.Conn, _ []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.held && p.conns[conn] && !p.closed {
		p.moved.Wait()
	}
	return p.conns[conn]
}
