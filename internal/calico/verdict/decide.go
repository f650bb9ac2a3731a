package verdict

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
)

// maxParts is into how many parts a flow is divided at most. A flow from or to
// everywhere meets every network of the rules on its way.
const maxParts = 10_000

// Decide tells what happens to a flow at an endpoint, which has to be the one
// that governs its interface (see Governing).
func (w *World) Decide(ep *Endpoint, f Flow) Verdict {
	k, boxes, reason := newWalk(w, ep, f)
	if reason != "" {
		return Verdict{Reason: reason}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	k.program = w.programFor(ep)
	whole := boxes
	var verdicts []Verdict
	var parts []box
	seen := [3]bool{}
	for len(boxes) > 0 {
		b := boxes[len(boxes)-1]
		boxes = boxes[:len(boxes)-1]
		res := k.run(b)
		if res.cut != nil {
			lower, upper := b.cut(*res.cut)
			boxes = append(boxes, upper, lower)
			if len(boxes)+len(verdicts) > maxParts {
				return Verdict{Reason: "the flow stands for too many packets that fare differently: ask for fewer addresses or ports"}
			}
			continue
		}
		v := Verdict{Outcome: res.outcome, By: *res.by, Reason: res.reason, Trace: k.trace}
		// Only the first of each kind is told; that it differs from others counts.
		if last := len(verdicts) - 1; last < 0 || v.Outcome != verdicts[last].Outcome || v.By.String() != verdicts[last].By.String() {
			verdicts, parts = append(verdicts, v), append(parts, b)
		}
		seen[v.Outcome] = true
		if seen[Denied] && (seen[Allowed] || seen[Undecided]) {
			break
		}
	}
	i := slices.IndexFunc(verdicts, func(v Verdict) bool { return v.Outcome == Denied })
	if i < 0 {
		i = max(0, slices.IndexFunc(verdicts, func(v Verdict) bool { return v.Outcome == Undecided }))
	}
	v := verdicts[i]
	v.Partial = slices.ContainsFunc(verdicts, func(other Verdict) bool { return other.Outcome != v.Outcome })
	if len(verdicts) > 1 {
		v.Part = k.describe(parts[i], whole)
	}
	return v
}

// walk is one flow on its way through one endpoint.
type walk struct {
	world        *World
	endpoint     *Endpoint
	program      *program
	direction    Direction
	forwarded    bool
	protocol     uint8
	family       family
	localUnknown bool

	// box is the part of the flow under way, and trace what it has met.
	box   box
	trace []Step
	// known is what happens to the box from the start of a tier on.
	known map[place]result
}

// place is the start of a tier within a stage.
type place struct {
	stage stage
	tier  int
}

// result is what happens to a box, or where to cut it.
type result struct {
	outcome Outcome
	by      *Cause
	reason  string
	cut     *cut
}

// newWalk returns the boxes that make up the flow, or the reason why it cannot be
// judged.
func newWalk(w *World, ep *Endpoint, f Flow) (k *walk, boxes []box, reason string) {
	k = &walk{world: w, endpoint: ep, direction: f.Direction, forwarded: f.Forwarded}
	var ok bool
	if k.protocol, ok = protocolNumber(f.Protocol); !ok {
		return nil, nil, fmt.Sprintf("the flow's protocol %q is not one of TCP, UDP, ICMP, ICMPv6, SCTP, UDPLite and 1 to 255", f.Protocol.String())
	}
	if !f.Peer.IsValid() {
		return nil, nil, "the flow does not tell its peer's address"
	}
	peer := f.Peer
	if peer.Addr().Is4In6() && peer.Bits() >= 96 {
		peer = netip.PrefixFrom(peer.Addr().Unmap(), peer.Bits()-96)
	}
	b := box{peer: prefixRange(peer)}
	k.family = familyOf(peer.Addr())
	if hasPorts(k.protocol) {
		*b.number(sourcePort) = oneOr(f.SourcePort, span{firstEphemeral, 65535})
		*b.number(destinationPort) = oneOr(f.Port, span{1, 65535})
	}
	if isICMP(k.protocol) {
		*b.number(icmpType), *b.number(icmpCode) = octets(f.ICMPType), octets(f.ICMPCode)
	}
	locals := []netip.Addr{f.Local.Unmap()}
	if !f.Local.IsValid() {
		locals = nil
		if !f.Forwarded {
			for _, addr := range ep.ExpectedIPs {
				if familyOf(addr) == k.family {
					locals = append(locals, addr)
				}
			}
		}
	} else if familyOf(locals[0]) != k.family {
		return nil, nil, fmt.Sprintf("the flow's addresses %s and %s are not of one family", f.Peer, f.Local)
	}
	// The boxes are taken from the end.
	slices.Reverse(locals)
	for _, local := range locals {
		b.local = addrRange{local, local}
		boxes = append(boxes, b)
	}
	if len(locals) == 0 {
		k.localUnknown = true
		b.local = everyAddress(k.family)
		boxes = []box{b}
	}
	return k, boxes, ""
}

// firstEphemeral is the first of the ports that Linux gives to those who do not
// ask for one; other systems begin later.
const firstEphemeral = 32768

func oneOr(port uint16, all span) span {
	if port == 0 {
		return all
	}
	return span{port, port}
}

func octets(value *uint8) span {
	if value == nil {
		return span{0, 255}
	}
	return span{uint16(*value), uint16(*value)}
}

// describe spells in what a part differs from the whole flow.
func (k *walk) describe(part box, whole []box) string {
	var words []string
	if part.peer != whole[0].peer {
		words = append(words, part.peer.String())
	}
	if len(whole) > 1 {
		words = append(words, "near address "+part.local.String())
	}
	for dim, name := range map[dimension]string{
		destinationPort: "port", sourcePort: "source port", icmpType: "ICMP type", icmpCode: "ICMP code",
	} {
		if s := *part.number(dim); s != *whole[0].number(dim) {
			words = append(words, name+" "+s.String())
		}
	}
	// The address comes first, the others in some fixed order.
	if len(words) > 1 {
		slices.Sort(words[1:])
	}
	if len(words) == 0 {
		return part.peer.String()
	}
	return strings.Join(words, ", ")
}

// run takes a box through the stages of its path.
func (k *walk) run(b box) result {
	k.box, k.trace, k.known = b, nil, map[place]result{}
	failsafe := answer{}
	// Forwarded traffic that goes out meets neither failsafes nor the tables before
	// routing.
	if !k.forwarded || k.direction == Ingress {
		if doubt := k.endpoint.failsafes.doubts[k.direction]; doubt != "" {
			return result{by: &Cause{}, reason: doubt}
		}
		for i := range k.endpoint.failsafes.ports[k.direction] {
			port := &k.endpoint.failsafes.ports[k.direction][i]
			failsafe = port.matches(&k.box, k.protocol, false)
			if failsafe.is == partly {
				return result{cut: &failsafe.at}
			}
			if failsafe.is == yes && !k.forwarded {
				return k.decided(EffectAllow, &port.cause)
			}
			if failsafe.is == yes {
				break
			}
		}
	}
	if k.forwarded && (k.direction == Egress || failsafe.is == yes) {
		return k.tierFrom(forwarded, 0, false)
	}
	if len(k.program[untracked][k.direction]) == 0 || k.endpoint.Interface == AnyInterface {
		return k.tierFrom(preDNAT, 0, false)
	}
	// Replies to failsafe connections in the other direction skip doNotTrack
	// policies, and so does all that looks like one.
	if doubt := k.endpoint.failsafes.doubts[1-k.direction]; doubt != "" {
		return result{by: &Cause{}, reason: doubt}
	}
	for _, port := range k.endpoint.failsafes.ports[1-k.direction] {
		switch a := port.matches(&k.box, k.protocol, true); a.is {
		case partly:
			return result{cut: &a.at}
		case yes:
			return k.tierFrom(preDNAT, 0, false)
		case no, maybe:
		}
	}
	return k.tierFrom(untracked, 0, false)
}

func (k *walk) decided(effect Effect, by *Cause) result {
	k.trace = append(k.trace, Step{*by, effect})
	if effect == EffectAllow {
		return result{outcome: Allowed, by: by}
	}
	return result{outcome: Denied, by: by}
}

// tierFrom decides from the start of a tier on. passed tells whether it comes
// from a rule that passes: see profileFrom.
func (k *walk) tierFrom(s stage, i int, passed bool) result {
	if i == len(k.program[s][k.direction]) {
		return k.afterTiers(s, passed)
	}
	at := place{s, i}
	if res, ok := k.known[at]; ok {
		return res
	}
	res := k.policyFrom(s, i, 0, 0)
	k.known[at] = res
	return res
}

// afterTiers decides about what no tier of a stage has decided.
func (k *walk) afterTiers(s stage, passed bool) result {
	switch {
	case s == untracked:
		return k.tierFrom(preDNAT, 0, false)
	case s == preDNAT && k.forwarded:
		return k.tierFrom(forwarded, 0, false)
	case s == preDNAT:
		return k.tierFrom(normal, 0, false)
	case s == forwarded:
		return k.decided(EffectAllow, &Cause{Kind: CauseForwardedDefault, Direction: k.direction})
	default:
		return k.profileFrom(0, 0, passed)
	}
}

// policyFrom decides from a rule of a policy of a tier on.
func (k *walk) policyFrom(s stage, i, p, r int) result {
	run := k.program[s][k.direction][i]
	for ; p < len(run.policies); p, r = p+1, 0 {
		pol := run.policies[p]
		for rules := pol.rules[k.direction]; r < len(rules); r++ {
			if rules[r].action == v3.Log {
				continue
			}
			a := k.match(rules[r])
			if a.is == no {
				continue
			}
			cause := Cause{Kind: CausePolicyRule, Direction: k.direction, Tier: run.name, Policy: pol.id, Rule: r + 1}
			return k.matched(a, rules[r].action, &cause,
				func() result { return k.tierFrom(s, i+1, true) },
				func() result { return k.policyFrom(s, i, p, r+1) })
		}
		k.trace = append(k.trace, Step{By: Cause{Kind: CausePolicyRule, Direction: k.direction, Tier: run.name, Policy: pol.id}})
	}
	if s == untracked || s == preDNAT || run.pass {
		return k.tierFrom(s, i+1, false)
	}
	cause := Cause{Kind: CauseTierEnd, Direction: k.direction, Tier: run.name}
	for _, pol := range run.policies {
		cause.Policies = append(cause.Policies, pol.id)
	}
	return k.decided(EffectDeny, &cause)
}

// profileFrom decides from a rule of a profile on. Felix marks a packet that a
// rule passes, and a rule with Pass then takes it by that mark. Only the start of a
// tier removes the mark; so in a profile, a packet that was passed before (by the
// last tier, or by a profile) is passed by every rule with Pass that it meets,
// whatever the rule's conditions.
func (k *walk) profileFrom(i, r int, passed bool) result {
	for ; i < len(k.endpoint.profiles); i, r = i+1, 0 {
		name := k.endpoint.profiles[i]
		prof := k.world.profiles[name]
		if prof == nil {
			return k.decided(EffectDeny, &Cause{Kind: CauseMissingProfile, Direction: k.direction, Profile: name})
		}
		for rules := prof.rules[k.direction]; r < len(rules); r++ {
			if rules[r].action == v3.Log {
				continue
			}
			a := k.match(rules[r])
			if passed && rules[r].action == v3.Pass {
				a = answer{is: yes}
			}
			if a.is == no {
				continue
			}
			return k.matched(a, rules[r].action, &Cause{Kind: CauseProfileRule, Direction: k.direction, Profile: name, Rule: r + 1},
				func() result { return k.profileFrom(i+1, 0, true) },
				func() result { return k.profileFrom(i, r+1, passed) })
		}
		k.trace = append(k.trace, Step{By: Cause{Kind: CauseProfileRule, Direction: k.direction, Profile: name}})
	}
	return k.decided(EffectDeny, &Cause{Kind: CauseNoMatch, Direction: k.direction})
}

// matched decides by a rule that matches, or may match. pass goes on after a
// Pass, and next as if the rule did not match.
func (k *walk) matched(a answer, action v3.Action, cause *Cause, pass, next func() result) result {
	if a.is == partly {
		return result{cut: &a.at}
	}
	act := func() result {
		switch action {
		case v3.Deny:
			return k.decided(EffectDeny, cause)
		case v3.Pass:
			k.trace = append(k.trace, Step{*cause, EffectPass})
			return pass()
		default:
			return k.decided(EffectAllow, cause)
		}
	}
	if a.is == yes {
		return act()
	}
	k.trace = append(k.trace, Step{*cause, EffectDoubt})
	var with result
	switch action {
	case v3.Pass:
		with = pass()
	case v3.Deny:
		with.outcome = Denied
	default:
		with.outcome = Allowed
	}
	without := next()
	switch {
	case with.cut != nil:
		return with
	case without.cut != nil || with.outcome == without.outcome && with.outcome != Undecided:
		return without
	default:
		return result{by: cause, reason: cause.String() + " " + a.why}
	}
}
