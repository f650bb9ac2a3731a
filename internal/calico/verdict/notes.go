package verdict

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// beforehand decides where Felix does not get to ask policies, or asks others.
func (k *walk) beforehand() (Verdict, bool) {
	node := k.asked.node
	undecided := func(reason string) (Verdict, bool) { return Verdict{Reason: reason, Notes: k.generalNotes()}, true }
	if node.broken != "" {
		return undecided(node.broken)
	}
	if p := k.world.stuckAt(k.asked.Node); p != nil {
		return Verdict{By: *p.cause(), Reason: fmt.Sprintf("Felix of node %q is stuck: %s", k.asked.Node, p), Notes: k.generalNotes()}, true
	}
	if k.asked.Workload != nil {
		if unread := k.world.workloads.unread; unread != "" {
			return undecided(unread)
		}
		if k.family == ipv6 && node.noIPv6 != "" {
			return undecided(node.noIPv6 + ": Felix then does nothing about IPv6, whose rules stay as they are until the host starts anew, and are none from then on")
		}
		return k.toService()
	}
	// Felix takes the interface for a workload's that it does not know, and drops what
	// comes in there. What goes out may pass, but not the answers, and Felix removes
	// the routes of such an interface: so it is Denied in both directions.
	switch is, by := interfaceIs(k.asked.Interface, node.prefixes); is {
	case yes:
		cause := Cause{Kind: CauseWorkloadInterface, Direction: k.flow.Direction, Setting: fmt.Sprintf("interfacePrefix %q of %s, which makes %s the interface of a workload", by.value.text, by.from, k.asked.Interface)}
		return Verdict{Outcome: Denied, By: cause, Trace: []Step{{cause, EffectDeny}}, Notes: k.generalNotes()}, true
	case maybe, partly:
		return undecided(fmt.Sprintf("interface %s is a workload's, of which Felix drops all traffic, if interfacePrefix %q of %s holds at node %q, and whether it does is not known here", k.asked.Interface, by.value.text, by.from, k.asked.Node))
	case no:
	}
	switch is, by := interfaceIs(k.asked.Interface, node.excluded); is {
	case yes:
		all := k.world.forAll(k.asked.Node)
		if all == nil {
			cause := Cause{Kind: CauseExcludedInterface, Direction: k.flow.Direction, Setting: fmt.Sprintf("interfaceExclude %q of %s, which leaves %s without a host endpoint", by.value.text, by.from, k.asked.Interface)}
			return Verdict{Outcome: Allowed, By: cause, Trace: []Step{{cause, EffectAllow}}, Notes: k.generalNotes()}, true
		}
		k.at = all
	case maybe, partly:
		return undecided(fmt.Sprintf("host endpoint %q is not used if interfaceExclude %q of %s holds at node %q, and whether it does is not known here", k.asked.Name, by.value.text, by.from, k.asked.Node))
	case no:
	}
	if k.family == ipv6 && node.noIPv6 != "" {
		return undecided(node.noIPv6 + ": Felix then does nothing about IPv6, whose rules stay as they are until the host starts anew, and are none from then on")
	}
	return k.toService()
}

// toService does not decide about a flow to the address of a service: before a rule is
// asked, kube-proxy has put an endpoint's address and port in the place of the service's.
func (k *walk) toService() (Verdict, bool) {
	if k.flow.Direction == Ingress && k.asked.Workload != nil || len(k.world.services.addresses) == 0 {
		return Verdict{}, false
	}
	to := k.flow.Peer.Addr().Unmap()
	if k.flow.Direction == Ingress {
		to = k.flow.Local.Unmap()
	} else if !k.flow.Peer.IsSingleIP() {
		return Verdict{}, false
	}
	name, ok := k.world.services.addresses[to]
	if !ok {
		return Verdict{}, false
	}
	return Verdict{Reason: fmt.Sprintf("%s is an address of service %q, in whose place kube-proxy puts that of one of its endpoints before policies are asked: ask about the endpoints", to, name), Notes: k.generalNotes()}, true
}

// generalNotes are notes that do not depend on the packet.
func (k *walk) generalNotes() []string {
	var notes []string
	if k.at != k.asked {
		notes = append(notes, fmt.Sprintf("host endpoint %q of node %q is not used, as Felix does not look at interface %s (interfaceExclude): host endpoint %q takes its place", k.asked.Name, k.asked.Node, k.asked.Interface, k.at.Name))
	}
	if bpf := k.asked.node.bpf; bpf != "" {
		notes = append(notes, bpf+": with eBPF Felix may handle some packets in another way than with iptables or nftables, of which this verdict is")
	}
	if len(k.world.contested) == 0 && len(k.world.sharedBy) == 0 {
		return notes
	}
	tell := func(addr netip.Addr) {
		if eps := k.world.sharedBy[addr.Unmap()]; len(eps) > 0 {
			if note := sharedNote(addr.Unmap(), eps); !slices.Contains(notes, note) {
				notes = append(notes, note)
			}
		}
		if eps := k.world.contested[addr.Unmap()]; len(eps) > 0 {
			if note := contestNote(addr.Unmap(), eps); !slices.Contains(notes, note) {
				notes = append(notes, note)
			}
		}
	}
	for _, addr := range k.asked.ExpectedIPs {
		tell(addr)
	}
	if k.flow.Local.IsValid() {
		tell(k.flow.Local)
	}
	if k.flow.Peer.IsSingleIP() {
		tell(k.flow.Peer.Addr())
	}
	return notes
}

// findContested finds the addresses that endpoints of several nodes expect.
func (w *World) findContested() {
	claims := map[netip.Addr][]*Endpoint{}
	for _, ep := range w.endpoints {
		for _, addr := range ep.ExpectedIPs {
			if !slices.Contains(claims[addr], ep) {
				claims[addr] = append(claims[addr], ep)
			}
		}
	}
	for addr, eps := range claims {
		if slices.ContainsFunc(eps, func(ep *Endpoint) bool { return ep.Node != eps[0].Node }) {
			if w.contested == nil {
				w.contested = map[netip.Addr][]*Endpoint{}
			}
			w.contested[addr] = eps
		}
	}
}

func contestNote(addr netip.Addr, eps []*Endpoint) string {
	var names []string
	for _, ep := range eps {
		names = append(names, fmt.Sprintf("%q of node %q", ep.Name, ep.Node))
	}
	return fmt.Sprintf("%s is expected by host endpoints of several nodes: %s", addr, listed(names))
}

// noteAddressless tells if a rule does not match for want of the addresses of host
// endpoints that its selectors choose, and otherwise might.
func (w *way) noteAddressless(r *rule, cause Cause) {
	var names []string
	var loose rule
	for side, e := range []*entity{&r.src, &r.dst} {
		if e.chosen == nil {
			continue
		}
		absent := w.world.fill(e.chosen).addressless[w.family]
		if len(absent) == 0 {
			continue
		}
		if names == nil {
			loose = *r
		}
		names = append(names, absent...)
		[]*entity{&loose.src, &loose.dst}[side].chosen = nil
	}
	if names == nil || w.match(&loose).is == no {
		return
	}
	slices.Sort(names)
	names = slices.Compact(names)
	what := "expectedIPs"
	if w.family == ipv6 {
		what = "IPv6 address among its expectedIPs"
	}
	if w.family == ipv4 {
		for _, name := range names {
			if len(w.world.byName[name].ExpectedIPs) > 0 {
				what = "IPv4 address among its expectedIPs"
			}
		}
	}
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = fmt.Sprintf("%q", name)
	}
	subject := "host endpoint " + quoted[0] + ", which has no "
	if len(names) > 1 {
		subject = "host endpoints " + listed(quoted) + ", of which each has no "
	}
	note := fmt.Sprintf("%s selects %s%s: to Calico it has no address, and the rule does not match it", cause, subject, what)
	if len(names) > 1 {
		note = strings.Replace(note, "it has no address, and the rule does not match it", "they have no address, and the rule does not match them", 1)
	}
	if !slices.Contains(w.notes, note) {
		w.notes = append(w.notes, note)
	}
}

// listed spells a list, of which the end may be left out.
func listed(words []string) string {
	const most = 5
	if len(words) > most {
		return strings.Join(words[:most], ", ") + fmt.Sprintf(" and %d more", len(words)-most)
	}
	return strings.Join(words, ", ")
}
