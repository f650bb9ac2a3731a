//go:build dataplane && linux

package dataplane

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"net"
	"net/netip"
	"sync/atomic"
)

// Kernels come without SCTP, but all track its connections. So both ends of an
// association are made here, of raw packets.

// The chunks of SCTP that an association begins with.
const (
	sctpData       = 0
	sctpInit       = 1
	sctpInitAck    = 2
	sctpCookieEcho = 10
	sctpCookieAck  = 11
)

var sctpTags atomic.Uint32

func sctpMark(chunk uint8, tag uint32) string { return fmt.Sprintf("sctp %d %d", chunk, tag) }

// sctpChunk returns the type of a packet's chunk and the tag that the packet is
// known by: that of whom it goes to, or in the first packet that of whom it is from.
func sctpChunk(packet []byte) (chunk uint8, tag uint32, ok bool) {
	if len(packet) < 20 && (len(packet) < 16 || packet[12] == sctpInit) {
		return 0, 0, false
	}
	if packet[12] == sctpInit {
		return sctpInit, binary.BigEndian.Uint32(packet[16:]), true
	}
	return packet[12], binary.BigEndian.Uint32(packet[4:]), true
}

// sctpPacket makes a packet of one chunk. to is the tag of whom it is for.
func sctpPacket(srcPort, dstPort uint16, to uint32, chunk, flags uint8, value []byte) []byte {
	packet := binary.BigEndian.AppendUint16(nil, srcPort)
	packet = binary.BigEndian.AppendUint16(packet, dstPort)
	packet = binary.BigEndian.AppendUint32(packet, to)
	packet = append(packet, 0, 0, 0, 0, chunk, flags)
	packet = binary.BigEndian.AppendUint16(packet, uint16(4+len(value)))
	packet = append(packet, value...)
	binary.LittleEndian.PutUint32(packet[8:], crc32.Checksum(packet, crc32.MakeTable(crc32.Castagnoli)))
	return packet
}

// associate tells whether an association comes to be, and data gets through it both
// ways.
func (f flow) associate(ctx context.Context) (bool, error) {
	client, server := sctpTags.Add(1), sctpTags.Add(1)
	initiation := func(tag uint32) []byte {
		value := binary.BigEndian.AppendUint32(nil, tag)
		// The receive window, one stream each way, and the first sequence number.
		return append(value, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1)
	}
	data := append([]byte{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0}, "data"...)
	for _, step := range []struct {
		back  bool
		chunk uint8
		to    uint32
		mark  uint32
		value []byte
	}{
		{false, sctpInit, 0, client, initiation(client)},
		{true, sctpInitAck, client, client, append(initiation(server), 0, 7, 0, 8, 'c', 'o', 'o', 'k')},
		{false, sctpCookieEcho, server, server, []byte("cook")},
		{true, sctpCookieAck, client, client, nil},
		{false, sctpData, server, server, data},
		{true, sctpData, client, client, data},
	} {
		from, to, src, dst, srcPort, dstPort := f.from, f.to, f.src, f.dst, f.srcPort, f.port
		if step.back {
			from, to, src, dst, srcPort, dstPort = to, from, dst, src, dstPort, srcPort
		}
		flags := uint8(0)
		if step.chunk == sctpData {
			// All of the message is in this chunk.
			flags = 3
		}
		arrived := to.await(sctpMark(step.chunk, step.mark))
		err := from.sendRaw(sctp, src, dst, sctpPacket(srcPort, dstPort, step.to, step.chunk, flags, step.value))
		switch {
		case isLost(err):
			return false, nil
		case err != nil:
			return false, fmt.Errorf("%s: %w", f, err)
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return false, nil
		}
	}
	return true, nil
}

// sendRaw sends what an IP packet of a protocol holds.
func (n *namespace) sendRaw(protocol uint8, src, dst netip.Addr, payload []byte) error {
	version := "4"
	if dst.Is6() {
		version = "6"
	}
	var conn net.PacketConn
	err := n.do(func() (err error) {
		conn, err = net.ListenPacket(fmt.Sprintf("ip%s:%d", version, protocol), src.String())
		return err
	})
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_, err = conn.WriteTo(payload, &net.IPAddr{IP: dst.AsSlice()})
	return err
}
