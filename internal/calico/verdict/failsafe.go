package verdict

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
)

// The failsafe ports of a Felix that is not told otherwise, the same in v3.28 to v3.32.
var defaultFailsafes = [2][]v3.ProtoPort{
	Ingress: protoPorts("tcp 22, udp 68, tcp 179, tcp 2379, tcp 2380, tcp 5473, tcp 6443, tcp 6666, tcp 6667"),
	Egress:  protoPorts("udp 53, udp 67, tcp 179, tcp 2379, tcp 2380, tcp 5473, tcp 6443, tcp 6666, tcp 6667"),
}

func protoPorts(text string) []v3.ProtoPort {
	var ports []v3.ProtoPort
	for _, entry := range strings.Split(text, ", ") {
		var p v3.ProtoPort
		if _, err := fmt.Sscan(entry, &p.Protocol, &p.Port); err != nil {
			panic("verdict: " + entry + ": " + err.Error())
		}
		ports = append(ports, p)
	}
	return ports
}

// failsafes are the failsafe ports of a node, by direction: the lists that may
// hold, mostly one, and why it is not known which does.
type failsafes struct {
	lists  [2][]failsafeList
	doubts [2]string
}

// failsafeList is a list of failsafe ports as a FelixConfiguration has it. Where
// unread is set it stands somewhere else, as text.
type failsafeList struct {
	entries []v3.ProtoPort
	ports   []failsafe
	unread  string
	by      *calico.FelixConfiguration
}

type failsafe struct {
	protocol uint8
	port     uint16
	// peers is unset for all.
	peers *address.Range
	cause Cause
}

// holds tells whether a packet at an endpoint is let through. With reply the packet
// is looked at as the reply to a connection in the other direction, whose port is
// the source.
func (f *failsafe) holds(w *way, reply bool) answer {
	if f.protocol != w.protocol {
		return answer{}
	}
	dim := w.destinationPort
	if reply {
		dim = w.sourcePort
	}
	a := spanSet{{f.port, f.port}}.holds(&w.box, dim)
	if f.peers == nil || a.is == no {
		return a
	}
	if familyOf(f.peers.First) != w.family {
		return answer{}
	}
	return a.and(w.inSet(addrSet{*f.peers}, w.farAddress()))
}

// failsafe tells whether a packet goes to a failsafe port of its direction, and to
// which; or with reply, whether it looks like the reply to a connection to one of
// the other direction.
func (w *way) failsafe(reply bool) (answer, *failsafe) {
	direction := w.direction
	if reply {
		direction = 1 - direction
	}
	all := &w.endpoint.node.failsafes
	var hit *failsafe
	hits := 0
	for i := range all.lists[direction] {
		list := &all.lists[direction][i]
		if list.unread != "" && (w.protocol == protocolTCP || w.protocol == protocolUDP) {
			return answer{is: maybe, why: all.doubts[direction]}, nil
		}
		one := answer{}
		for p := range list.ports {
			one = one.or(list.ports[p].holds(w, reply))
			if one.is == yes && hit == nil {
				hit = &list.ports[p]
			}
			if one.is == yes || one.is == partly {
				break
			}
		}
		switch one.is {
		case partly:
			return one, nil
		case maybe:
			return one, nil
		case yes:
			hits++
		case no:
		}
	}
	switch hits {
	case 0:
		return answer{}, nil
	case len(all.lists[direction]):
		return answer{is: yes}, hit
	default:
		return answer{is: maybe, why: all.doubts[direction]}, nil
	}
}

// failsafesOf returns the failsafe ports of a node, and why Felix cannot work with
// them if it cannot.
func (c *felixConfigs) failsafesOf(node string) (f failsafes, broken string) {
	for _, direction := range []Direction{Ingress, Egress} {
		lists := settings(c, node, failsafesBy(direction), failsafeList{entries: defaultFailsafes[direction]})
		f.doubts[direction] = c.whyNotKnown(node, lists)
		for _, list := range lists {
			for _, entry := range list.value.entries {
				port, err := newFailsafe(entry, direction)
				if err != nil {
					broken = fmt.Sprintf("Felix cannot work with %s, whose failsafe ports hold %s", list.from, err)
					continue
				}
				list.value.ports = append(list.value.ports, port)
			}
			f.lists[direction] = append(f.lists[direction], list.value)
		}
	}
	return f, broken
}

// whyNotKnown tells why it is not known which of several lists holds.
func (c *felixConfigs) whyNotKnown(node string, lists []setting[failsafeList]) string {
	scoped, sure := c.scopedAt(node)
	for _, list := range lists {
		if by := list.value.by; !sure && slices.ContainsFunc(scoped, func(o scopedConfig) bool { return o.FelixConfiguration == by }) {
			return fmt.Sprintf("FelixConfiguration %q sets failsafe ports for the nodes that its nodeSelector chooses, and whether it does for node %q is not known here", by.Name, node)
		}
	}
	for _, list := range lists {
		if list.value.unread != "" {
			return list.value.unread
		}
	}
	return "several lists of failsafe ports may hold"
}

// failsafesBy returns what a FelixConfiguration says about the failsafe ports of a
// direction: the field, or an annotation in which they stand as text.
func failsafesBy(d Direction) func(*calico.FelixConfiguration) []failsafeList {
	parameter := "FailsafeInboundHostPorts"
	if d == Egress {
		parameter = "FailsafeOutboundHostPorts"
	}
	return func(o *calico.FelixConfiguration) []failsafeList {
		list := o.Spec.FailsafeInboundHostPorts
		if d == Egress {
			list = o.Spec.FailsafeOutboundHostPorts
		}
		var all []failsafeList
		_, exact := o.Annotations[annotationPrefix+parameter]
		if list != nil && !exact {
			all = append(all, failsafeList{entries: *list, by: o})
		}
		for _, name := range slices.Sorted(maps.Keys(o.Annotations)) {
			if strings.EqualFold(name, annotationPrefix+parameter) && o.Annotations[name] != "" {
				all = append(all, failsafeList{by: o, unread: fmt.Sprintf(
					"the annotation %s of FelixConfiguration %q replaces failsafe ports, and is not read here", name, o.Name)})
			}
		}
		return all
	}
}

func newFailsafe(entry v3.ProtoPort, d Direction) (failsafe, error) {
	f := failsafe{port: entry.Port}
	switch strings.ToLower(entry.Protocol) {
	case "tcp":
		f.protocol = protocolTCP
	case "udp":
		f.protocol = protocolUDP
	default:
		return f, fmt.Errorf("the protocol %q", entry.Protocol)
	}
	text := fmt.Sprintf("%s %d", strings.ToUpper(entry.Protocol), entry.Port)
	if entry.Net != "" {
		r, ok := address.ParseRange(entry.Net)
		if !ok {
			return f, fmt.Errorf("the net %q", entry.Net)
		}
		f.peers = &r
		text += " with " + entry.Net
	}
	f.cause = Cause{Kind: CauseFailsafe, Direction: d, Failsafe: text}
	return f, nil
}
