package main

import (
	"net"
	"sync/atomic"
	"time"
)

// delayed is a server in front of another one that is as far away as it is told: what goes
// in one direction arrives half a round trip later.
type delayed struct {
	listener net.Listener
	target   string
	half     time.Duration
	// sent is how many bytes the other server has sent to clients.
	sent atomic.Int64
}

// delay serves on loopback until it is closed.
func delay(target string, roundTrip time.Duration) (*delayed, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := &delayed{listener: listener, target: target, half: roundTrip / 2}
	go d.serve()
	return d, nil
}

func (d *delayed) address() string { return d.listener.Addr().String() }

// Close ends it. Connections that are open stay until either side ends them.
func (d *delayed) Close() { _ = d.listener.Close() }

func (d *delayed) serve() {
	for {
		client, err := d.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", d.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		go d.carry(server, client, nil)
		go d.carry(client, server, &d.sent)
	}
}

// chunk is what was read at once, and when it arrives.
type chunk struct {
	data []byte
	due  time.Time
}

// carry takes what from sends to the other side, until it ends, and counts it if that is
// wanted.
func (d *delayed) carry(to, from net.Conn, count *atomic.Int64) {
	chunks := make(chan chunk, 1024)
	go func() {
		defer func() { _ = to.Close() }()
		for c := range chunks {
			time.Sleep(time.Until(c.due))
			if _, err := to.Write(c.data); err != nil {
				break
			}
		}
		for range chunks { // nobody takes it any more
		}
	}()
	defer close(chunks)
	for {
		data := make([]byte, 32<<10)
		n, err := from.Read(data)
		if n > 0 {
			if count != nil {
				count.Add(int64(n))
			}
			chunks <- chunk{data[:n], time.Now().Add(d.half)}
		}
		if err != nil {
			return // which ends the other side
		}
	}
}
