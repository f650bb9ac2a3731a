//go:build dataplane && linux

package dataplane

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// The protocols of probes, by their numbers.
const (
	icmp    = 1
	tcp     = 6
	udp     = 17
	icmpv6  = 58
	sctp    = 132
	udplite = 136
	// experimental has no ports and nobody else's packets.
	experimental = 253
)

func hasPorts(protocol uint8) bool {
	return protocol == tcp || protocol == udp || protocol == sctp || protocol == udplite
}

// probePorts are those that everybody listens on, over TCP and UDP.
var probePorts = []uint16{22, 53, 80, 179, 443, 2379, 5432, 8080, 9090}

// flow is a new connection, or the first packet of something like it.
type flow struct {
	from, to           *namespace
	src, dst           netip.Addr
	protocol           uint8
	srcPort, port      uint16
	icmpType, icmpCode uint8
}

func (f flow) String() string {
	what := map[uint8]string{
		icmp: "ICMP", icmpv6: "ICMPv6", tcp: "TCP", udp: "UDP", sctp: "SCTP", udplite: "UDPLite", experimental: "protocol 253",
	}[f.protocol]
	switch {
	case hasPorts(f.protocol):
		what += fmt.Sprintf(" to port %d from port %d", f.port, f.srcPort)
	case f.protocol != experimental:
		what += fmt.Sprintf(" type %d code %d", f.icmpType, f.icmpCode)
	}
	return fmt.Sprintf("%s (%s) to %s (%s), %s", f.src, f.from.name, f.dst, f.to.name, what)
}

// arrivals is what has arrived at a namespace: the marks in payloads.
type arrivals struct {
	mu      sync.Mutex
	waiting map[string]chan struct{}
}

func newArrivals() *arrivals { return &arrivals{waiting: map[string]chan struct{}{}} }

const (
	markStart  = "calico-probe-"
	markLength = len(markStart) + 16
)

var marks atomic.Uint64

// expect returns a mark that no other probe has, and what is closed when it arrives.
func (a *arrivals) expect() (mark string, arrived <-chan struct{}) {
	mark = fmt.Sprintf("%s%016x", markStart, marks.Add(1))
	return mark, a.await(mark)
}

// await returns what is closed when something arrives of which note makes the text.
func (a *arrivals) await(mark string) (arrived <-chan struct{}) {
	channel := make(chan struct{})
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting[mark] = channel
	return channel
}

// note notes a packet of a protocol: what it holds after the address header.
func (a *arrivals) note(protocol uint8, packet []byte) {
	switch protocol {
	case icmp, icmpv6:
		if len(packet) >= 8 {
			a.arrive(icmpMark(packet[0], binary.BigEndian.Uint16(packet[4:])))
		}
	case sctp:
		if chunk, tag, ok := sctpChunk(packet); ok {
			a.arrive(sctpMark(chunk, tag))
		}
		return
	}
	_, after, found := strings.Cut(string(packet), markStart)
	if found && len(after) >= markLength-len(markStart) {
		a.arrive(markStart + after[:markLength-len(markStart)])
	}
}

func (a *arrivals) arrive(mark string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if channel := a.waiting[mark]; channel != nil {
		close(channel)
		delete(a.waiting, mark)
	}
}

// listen takes what probes send to the namespace, until the test ends.
func (n *namespace) listen(t *testing.T) error {
	packets := map[net.PacketConn]uint8{}
	err := n.do(func() error {
		for _, port := range probePorts {
			listener, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
			if err != nil {
				return err
			}
			t.Cleanup(func() { _ = listener.Close() })
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					go answer(conn)
				}
			}()
		}
		type socket struct {
			network, address string
			protocol         uint8
		}
		listen := []socket{{"ip4:icmp", "0.0.0.0", icmp}, {"ip6:ipv6-icmp", "::", icmpv6}}
		for _, protocol := range []uint8{sctp, udplite, experimental} {
			listen = append(listen, socket{fmt.Sprintf("ip4:%d", protocol), "0.0.0.0", protocol}, socket{fmt.Sprintf("ip6:%d", protocol), "::", protocol})
		}
		for _, port := range probePorts {
			listen = append(listen, socket{"udp", fmt.Sprintf(":%d", port), udp})
		}
		for _, l := range listen {
			packet, err := net.ListenPacket(l.network, l.address)
			if err != nil {
				return err
			}
			t.Cleanup(func() { _ = packet.Close() })
			packets[packet] = l.protocol
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("cannot listen at %s: %w", n.name, err)
	}
	for packet, protocol := range packets {
		go n.noteAll(packet, protocol)
	}
	return nil
}

// noteAll notes what comes until the socket is closed.
func (n *namespace) noteAll(packets net.PacketConn, protocol uint8) {
	buffer := make([]byte, 2048)
	for {
		length, _, err := packets.ReadFrom(buffer)
		if err != nil {
			return
		}
		n.note(protocol, buffer[:length])
	}
}

// answer sends back what comes, until the other end goes. It does not go before: what
// says so is a packet that connection tracking may know, and the data before it not.
func answer(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * patience))
	_, _ = io.Copy(conn, conn)
}

// patience is how long a probe waits. Everything is on one machine, so a packet
// either arrives at once or never does. Less than a second, it is shorter than
// what TCP waits to try again.
const patience = 500 * time.Millisecond

// try makes the connection and tells whether it came to be: whether there was an
// answer to what was sent over TCP and SCTP, or to a request of ICMP, and whether
// another protocol's packet arrived.
func (f flow) try(ctx context.Context, wait time.Duration) (allowed bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	switch f.protocol {
	case tcp:
		return f.connect(ctx)
	case sctp:
		return f.associate(ctx)
	}
	mark, arrived := f.to.expect()
	id := uint16(icmpIdentifiers.Add(1))
	if reply, ok := icmpReplies[f.icmpType]; ok && f.isICMP() {
		arrived = f.from.await(icmpMark(reply, id))
	}
	if err := f.send(mark, id); err != nil {
		if isLost(err) {
			return false, nil
		}
		return false, fmt.Errorf("%s: %w", f, err)
	}
	select {
	case <-arrived:
		return true, nil
	case <-ctx.Done():
		return false, nil
	}
}

// isLost tells whether an error tells the sender that a packet goes nowhere. What its own host
// drops is refused to it; and where Felix has taken the addresses of an interface away, the
// routes of the interface go with them, so that the host, or a peer that looks for the address,
// finds no way.
func isLost(err error) bool {
	return errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EHOSTUNREACH)
}

func (f flow) isICMP() bool { return f.protocol == icmp || f.protocol == icmpv6 }

// icmpReplies are the types of the replies to requests.
var icmpReplies = map[uint8]uint8{8: 0, 13: 14, 128: 129}

func icmpMark(icmpType uint8, id uint16) string { return fmt.Sprintf("icmp %d %d", icmpType, id) }

func (f flow) connect(ctx context.Context) (answered bool, err error) {
	err = f.from.do(func() error {
		dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(f.src, f.srcPort))}
		conn, err := dialer.DialContext(ctx, "tcp", netip.AddrPortFrom(f.dst, f.port).String())
		if err == nil {
			defer func() { _ = conn.Close() }()
			deadline, _ := ctx.Deadline()
			_ = conn.SetDeadline(deadline)
			mark := []byte(fmt.Sprintf("%s%016x", markStart, marks.Add(1)))
			if _, err := conn.Write(mark); err == nil {
				_, err = io.ReadFull(conn, mark)
				answered = err == nil
			}
			return nil
		}
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) || isLost(err) {
			return nil
		}
		return fmt.Errorf("%s: %w", f, err)
	})
	return answered, err
}

func (f flow) send(mark string, id uint16) error {
	version := "4"
	if f.dst.Is6() {
		version = "6"
	}
	network, local, payload := "udp"+version, netip.AddrPortFrom(f.src, f.srcPort).String(), []byte(mark)
	var to net.Addr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(f.dst, f.port))
	if f.protocol != udp {
		network, local, to = fmt.Sprintf("ip%s:%d", version, f.protocol), f.src.String(), &net.IPAddr{IP: f.dst.AsSlice()}
	}
	switch {
	case f.isICMP():
		payload = f.icmpMessage(mark, id)
	case f.protocol == udplite:
		payload = f.udpliteMessage(mark)
	}
	var conn net.PacketConn
	err := f.from.do(func() (err error) {
		conn, err = net.ListenPacket(network, local)
		return err
	})
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_, err = conn.WriteTo(payload, to)
	return err
}

var icmpIdentifiers atomic.Uint32

// icmpMessage has an identifier of its own, so that it belongs to no flow before.
func (f flow) icmpMessage(mark string, id uint16) []byte {
	message := make([]byte, 8, 8+len(mark)+1)
	message[0], message[1] = f.icmpType, f.icmpCode
	binary.BigEndian.PutUint16(message[4:], id)
	binary.BigEndian.PutUint16(message[6:], 1)
	message = append(message, mark...)
	if len(message)%2 != 0 {
		message = append(message, 0)
	}
	if f.protocol == icmp {
		// That of ICMPv6 the kernel fills in.
		binary.BigEndian.PutUint16(message[2:], checksum(message))
	}
	return message
}

// udpliteMessage is a message of UDPLite with a checksum over all of it.
func (f flow) udpliteMessage(mark string) []byte {
	message := make([]byte, 8, 8+len(mark))
	binary.BigEndian.PutUint16(message, f.srcPort)
	binary.BigEndian.PutUint16(message[2:], f.port)
	message = append(message, mark...)
	header := slices.Concat(f.src.AsSlice(), f.dst.AsSlice())
	if f.dst.Is6() {
		header = binary.BigEndian.AppendUint32(header, uint32(len(message)))
		header = append(header, 0, 0, 0, udplite)
	} else {
		header = append(header, 0, udplite)
		header = binary.BigEndian.AppendUint16(header, uint16(len(message)))
	}
	binary.BigEndian.PutUint16(message[6:], checksum(append(header, message...)))
	return message
}

func checksum(message []byte) uint16 {
	if len(message)%2 != 0 {
		message = append(slices.Clip(message), 0)
	}
	var sum uint32
	for i := 0; i < len(message); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(message[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// tryAll tries the flows, all at once.
func tryAll(ctx context.Context, flows []flow, wait time.Duration) ([]bool, error) {
	allowed, errs := make([]bool, len(flows)), make([]error, len(flows))
	var trying sync.WaitGroup
	for i, f := range flows {
		trying.Go(func() { allowed[i], errs[i] = f.try(ctx, wait) })
	}
	trying.Wait()
	return allowed, errors.Join(errs...)
}

// Two ranges of source ports, which rules can tell apart.
const lowPorts, highPorts = 20000, 40000

var usedPorts struct{ low, high uint16 }

// renew gives a flow another source port, so that none is taken for one before:
// connections that exist go on, whatever policies say.
func (f *flow) renew() {
	switch {
	case f.srcPort == 0:
	case f.srcPort < highPorts:
		f.srcPort = lowPorts + usedPorts.low%(highPorts-lowPorts)
		usedPorts.low++
	default:
		f.srcPort = highPorts + usedPorts.high%(highPorts-lowPorts)
		usedPorts.high++
	}
}

func renewed(flows []flow) []flow {
	again := slices.Clone(flows)
	for i := range again {
		again[i].renew()
	}
	return again
}
