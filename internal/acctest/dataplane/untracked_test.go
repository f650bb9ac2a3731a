//go:build dataplane && linux

package dataplane

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// What a doNotTrack policy says of a packet: nothing, Allow or Deny.
var untrackedActions = []string{"", "Allow", "Deny"}

// untrackedWorld is a host with two interfaces and a doNotTrack policy that, for each
// port that is listened on, says another thing of requests to that port and replies
// from it; and the same for pings and replies, by the peer.
func untrackedWorld() objectsByName {
	var rules [2][]map[string]any
	add := func(action string, rule [2]map[string]any) {
		if action == "" {
			return
		}
		for direction := range rules {
			rule[direction]["action"] = action
			rules[direction] = append(rules[direction], rule[direction])
		}
	}
	both := func(protocol string, side string, condition map[string]any) (rule [2]map[string]any) {
		for direction := range rule {
			rule[direction] = map[string]any{"protocol": protocol, "source": map[string]any{}, "destination": map[string]any{}}
			rule[direction][side] = condition
		}
		return rule
	}
	for i, port := range probePorts {
		for _, protocol := range []string{"TCP", "UDP", "SCTP"} {
			ports := map[string]any{"ports": []any{port}}
			add(untrackedActions[i/3], both(protocol, "destination", ports))
			add(untrackedActions[i%3], both(protocol, "source", ports))
		}
	}
	for peer, said := range untrackedPings {
		for icmpType, action := range map[int]string{8: said[0], 0: said[1]} {
			rule := both("ICMP", "source", map[string]any{})
			for direction, side := range []string{"source", "destination"} {
				rule[direction]["icmp"] = map[string]any{"type": icmpType}
				rule[direction][side] = map[string]any{"nets": []any{peer + "/32"}}
			}
			add(action, rule)
		}
	}
	policy, err := json.Marshal(map[string]any{
		"tier": "default", "order": 1, "selector": "has(side)", "doNotTrack": true, "applyOnForward": true,
		"types": []any{"Ingress", "Egress"}, "ingress": rules[0], "egress": rules[1],
	})
	if err != nil {
		panic(err)
	}
	return objectsByName{
		"HostEndpoint db1-eth0":         `{"node": "db1", "interfaceName": "eth0", "labels": {"side": "outer"}}`,
		"HostEndpoint db1-eth1":         `{"node": "db1", "interfaceName": "eth1", "labels": {"side": "inner"}}`,
		"GlobalNetworkPolicy untracked": string(policy),
	}
}

var untrackedPings = map[string][2]string{
	"10.2.0.10": {"Allow", ""}, "10.2.0.11": {"", "Allow"}, "10.3.0.10": {"Allow", "Allow"}, "10.1.0.10": {"", "Deny"}, "10.1.0.11": {"Allow", "Deny"},
}

// TestDoNotTrack tries requests and replies for which doNotTrack policies say
// different things, at hosts whose other policies let in and out different things.
func TestDoNotTrack(t *testing.T) {
	for _, nftables := range []bool{false, true} {
		mode := nftablesMode(nftables)
		t.Run("NFTablesMode="+mode, func(t *testing.T) {
			b := newBench(t, nftables)
			b.storeAll(t, false, untrackedWorld())
			for i, filter := range []struct{ outerIn, outerOut, innerIn, innerOut string }{
				{"Allow", "Allow", "Allow", "Allow"},
				{"Allow", "Deny", "Allow", "Deny"},
				{"Deny", "Allow", "Allow", "Allow"},
				{"Allow", "Allow", "Deny", "Allow"},
				{"Allow", "Deny", "Allow", "Allow"},
			} {
				objects := objectsByName{}
				for side, actions := range map[string][2]string{"outer": {filter.outerIn, filter.outerOut}, "inner": {filter.innerIn, filter.innerOut}} {
					objects["GlobalNetworkPolicy "+side] = fmt.Sprintf(`{"tier": "default", "order": 2, "selector": "side == '%s'", "applyOnForward": true,
						"types": ["Ingress", "Egress"], "ingress": [{"action": %q}], "egress": [{"action": %q}]}`, side, actions[0], actions[1])
				}
				if i == 0 {
					// Failsafe ports would hide what these policies do.
					objects["FelixConfiguration default"] = fmt.Sprintf(`{"nftablesMode": %q,
						"failsafeInboundHostPorts": [{"protocol": "tcp", "port": 2380}], "failsafeOutboundHostPorts": [{"protocol": "tcp", "port": 2380}]}`, mode)
				}
				b.storeAll(t, i == 0, objects)
				b.compare(t, b.untrackedFlows())
				if i == 0 {
					b.checkUntracked(t, nftables)
				}
			}
		})
	}
}

// untrackedFlows are one flow of each kind, in, out, and forwarded both ways.
func (b *bench) untrackedFlows() []flow {
	var flows []flow
	host, inside, peer := b.host.addrs[0], b.inside.addrs[0], b.other.addrs[0]
	for _, ends := range []flow{
		{from: b.other, to: b.host, src: peer, dst: host},
		{from: b.host, to: b.other, src: host, dst: peer},
		{from: b.other, to: b.inside, src: peer, dst: inside},
		{from: b.inside, to: b.other, src: inside, dst: peer},
	} {
		for _, port := range probePorts {
			for _, protocol := range []uint8{tcp, udp, sctp} {
				f := ends
				f.protocol, f.port, f.srcPort = protocol, port, highPorts
				flows = append(flows, f)
			}
		}
		for peer := range untrackedPings {
			f := ends
			f.protocol, f.icmpType = icmp, 8
			at, addr := b.other, netip.MustParseAddr(peer)
			if slices.Contains(b.management.addrs, addr) {
				at = b.management
			}
			if ends.from == b.other {
				f.from, f.src = at, addr
			} else {
				f.to, f.dst = at, addr
			}
			flows = append(flows, f)
		}
	}
	return flows
}

// checkUntracked holds what is known of connections of the host against what is
// seen, where all other policies allow all: by request and reply, with a word for
// what doNotTrack policies say of each.
func (b *bench) checkUntracked(t *testing.T, nftables bool) {
	t.Helper()
	// In and out, with iptables and then with nftables.
	works := map[uint8]map[string]string{
		tcp: {
			" ": "yes yes yes yes", " Allow": "no no no yes", " Deny": "no no no no",
			"Allow ": "no no yes no", "Allow Allow": "yes yes yes yes", "Allow Deny": "no no no no",
		},
		sctp: {
			" ": "yes yes yes yes", " Allow": "no no no yes", " Deny": "no no no no",
			"Allow ": "no no yes no", "Allow Allow": "yes yes yes yes", "Allow Deny": "no no no no",
		},
		// A request that arrives is enough.
		udp: {
			" ": "yes yes yes yes", " Allow": "yes yes yes yes", " Deny": "yes yes yes yes",
			"Allow ": "yes yes yes yes", "Allow Allow": "yes yes yes yes", "Allow Deny": "yes yes yes yes",
		},
		icmp: {
			" Allow": "yes yes yes yes", " Deny": "no no no no",
			"Allow ": "no no yes no", "Allow Allow": "yes yes yes yes", "Allow Deny": "no no no no",
		},
	}
	var differences []string
	for try := range tries {
		flows := renewed(b.untrackedFlows())
		observed, err := tryAll(t.Context(), flows, patience+time.Duration(try)*patience/4)
		if err != nil {
			t.Fatal(err)
		}
		differences = nil
		for i, f := range flows {
			if f.from == b.inside || f.to == b.inside {
				continue
			}
			said := untrackedPings[f.src.String()]
			if f.from == b.host {
				said = untrackedPings[f.dst.String()]
			}
			if f.protocol != icmp {
				n := slices.Index(probePorts, f.port)
				said = [2]string{untrackedActions[n/3], untrackedActions[n%3]}
			}
			column := 0
			if f.from == b.host {
				column++
			}
			if nftables {
				column += 2
			}
			want := said[0] != "Deny" && strings.Fields(works[f.protocol][said[0]+" "+said[1]])[column] == "yes"
			if observed[i] != want {
				differences = append(differences, fmt.Sprintf("%s, of which doNotTrack policies say %q: works %t, want %t", f, said, observed[i], want))
			}
		}
		if len(differences) == 0 {
			return
		}
	}
	t.Error(strings.Join(differences, "\n"))
}
