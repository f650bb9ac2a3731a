// Package verdict tells what Calico's dataplane (Felix, with iptables or
// nftables) does to a flow at a host endpoint, and which rule decides it. It
// works on objects in memory alone.
//
// # What a verdict says
//
// A verdict is about packets that open a connection: replies follow the
// connection, and connections that exist survive any change of policy. A flow
// may stand for many packets (a network of peers, any port). It is Allowed only
// if every one of them is, and Denied if one of them is; Part then names some
// for which the cause holds.
//
// Where the objects do not hold the answer, the verdict is Undecided rather than
// a guess: rules with Kubernetes services, service accounts or HTTP conditions
// (Felix itself ignores the latter at a host endpoint), and conditions on the
// near side's address where it is unknown. A rule like that leaves no doubt if
// the rest of it does not match, or if the flow fares the same without it.
//
// # What is left out
//
// Objects are taken to be valid (calico.Validate) and complete (calico.Default).
// A policy with a selector that does not parse is ignored, as Felix ignores it,
// and so is a network that does not parse, even where that leaves a rule that
// matches every address. Workload endpoints are not looked at: a selector stands
// for host endpoints, by their expectedIPs, and network sets. The tunnels
// between hosts that Felix lets through by itself (IPIP, VXLAN, WireGuard),
// address translation and the traffic of local workloads are left out too.
// Policies of equal order are sorted by the name that the given release stores;
// objects do not tell that another release stored them under another name.
package verdict

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// Dependencies returns the kinds whose objects can change a verdict. Those that
// a release does not have (see calico.Kind.Since) are to be left out; Node is
// read from v3.32 on alone, where a FelixConfiguration can be for the nodes with
// certain labels.
func Dependencies() []calico.Kind {
	return []calico.Kind{
		calico.KindHostEndpoint,
		calico.KindGlobalNetworkPolicy,
		calico.KindNetworkPolicy,
		calico.KindTier,
		calico.KindGlobalNetworkSet,
		calico.KindNetworkSet,
		calico.KindProfile,
		calico.KindFelixConfiguration,
		calico.KindNode,
	}
}

// Direction is that of a flow, as seen from the host.
type Direction int

// The directions.
const (
	// Ingress is what comes in through the endpoint.
	Ingress Direction = iota
	// Egress is what goes out through the endpoint.
	Egress
)

// String returns "ingress" or "egress".
func (d Direction) String() string {
	if d == Ingress {
		return "ingress"
	}
	return "egress"
}

// Flow is the set of packets that a verdict is about. What is left out means
// all: a Flow with no Port is about every port.
type Flow struct {
	Direction Direction
	// Protocol is a name in any case (TCP, UDP, ICMP, ICMPv6, SCTP, UDPLite) or a
	// number.
	Protocol numorstring.Protocol
	// Peer is the far side: where ingress comes from, or egress goes to. Its
	// address family is that of the flow.
	Peer netip.Prefix
	// Local is the address on the near side. If it is not set, it is each of the
	// endpoint's expected IPs of the family, and unknown if there are none or the
	// flow is forwarded.
	Local netip.Addr
	// Port is the destination port, 0 for every one.
	Port uint16
	// SourcePort is the port from which the connection is opened, 0 for every one
	// that clients are given if they do not ask for a certain one (32768 and up).
	SourcePort uint16
	// ICMPType and ICMPCode are of protocol ICMP and ICMPv6 only.
	ICMPType, ICMPCode *uint8
	// Forwarded is set for traffic that passes through the host, and not set for
	// that of the host itself.
	Forwarded bool
}

// Outcome is what happens to a flow.
type Outcome int

// The outcomes.
const (
	// Undecided means that the objects do not tell.
	Undecided Outcome = iota
	// Allowed means that every packet of the flow passes.
	Allowed
	// Denied means that some or all of the flow is dropped.
	Denied
)

// String returns "undecided", "allowed" or "denied".
func (o Outcome) String() string {
	return [...]string{Undecided: "undecided", Allowed: "allowed", Denied: "denied"}[o]
}

// CauseKind tells what decided.
type CauseKind int

// What can decide about a flow.
const (
	// CauseNone stands where the flow itself could not be judged.
	CauseNone CauseKind = iota
	// CauseFailsafe is a failsafe port; it comes before any policy.
	CauseFailsafe
	// CausePolicyRule is a rule of a policy.
	CausePolicyRule
	// CauseTierEnd is a tier whose policies apply and decide nothing.
	CauseTierEnd
	// CauseProfileRule is a rule of a profile.
	CauseProfileRule
	// CauseMissingProfile is a profile that the endpoint names and that does not
	// exist: Felix then drops what gets there.
	CauseMissingProfile
	// CauseNoMatch is that neither a policy nor a profile allows the flow.
	CauseNoMatch
	// CauseForwardedDefault is that forwarded traffic passes where no policy with
	// applyOnForward has decided.
	CauseForwardedDefault
)

// Cause is what decided, or was considered.
type Cause struct {
	Kind      CauseKind
	Direction Direction
	// Tier is that of a policy rule or a tier's end; empty in releases without tiers.
	Tier string
	// Policy is that of a policy rule.
	Policy calico.ID
	// Profile is that of a profile rule, or the missing one.
	Profile string
	// Rule counts from 1; 0 stands for the whole policy or profile.
	Rule int
	// Policies are those that apply in a tier at whose end the flow arrived, in
	// order. Where neither policy nor profile allows the flow it is empty.
	Policies []calico.ID
	// Failsafe spells a failsafe port: "TCP 22".
	Failsafe string
}

// String is the cause as part of a sentence: rule 2 of ingress of policy "web"
// in tier "security".
func (c Cause) String() string {
	switch c.Kind {
	case CauseNone:
		return "nothing"
	case CauseFailsafe:
		return "failsafe port " + c.Failsafe
	case CausePolicyRule:
		return c.rule() + "policy " + policyName(c.Policy) + c.inTier()
	case CauseTierEnd:
		where := "the end of the policies"
		if c.Tier != "" {
			where = fmt.Sprintf("the end of tier %q", c.Tier)
		}
		names := make([]string, len(c.Policies))
		for i, id := range c.Policies {
			names[i] = policyName(id)
		}
		return fmt.Sprintf("%s (no rule of %s of %s decides)", where, c.Direction, strings.Join(names, ", "))
	case CauseProfileRule:
		return fmt.Sprintf("%sprofile %q", c.rule(), c.Profile)
	case CauseMissingProfile:
		return fmt.Sprintf("profile %q, which does not exist", c.Profile)
	case CauseNoMatch:
		return fmt.Sprintf("default: no policy and no profile allows it on %s", c.Direction)
	case CauseForwardedDefault:
		return "default: no policy with applyOnForward decides"
	}
	return "unknown"
}

func (c Cause) rule() string {
	if c.Rule == 0 {
		return ""
	}
	return fmt.Sprintf("rule %d of %s of ", c.Rule, c.Direction)
}

func (c Cause) inTier() string {
	if c.Tier == "" {
		return ""
	}
	return fmt.Sprintf(" in tier %q", c.Tier)
}

func policyName(id calico.ID) string {
	if id.Namespace != "" {
		return fmt.Sprintf("%q of namespace %q", id.Name, id.Namespace)
	}
	return fmt.Sprintf("%q", id.Name)
}

// Effect is what something that was considered did to the flow.
type Effect int

// The effects.
const (
	// EffectNone: it did not match.
	EffectNone Effect = iota
	// EffectAllow: it allows the flow.
	EffectAllow
	// EffectDeny: it denies the flow.
	EffectDeny
	// EffectPass: it sends the flow on to the next tier.
	EffectPass
	// EffectDoubt: whether it matches cannot be told from the objects.
	EffectDoubt
)

// String is the effect as a word or two.
func (e Effect) String() string {
	return [...]string{
		EffectNone: "no match", EffectAllow: "allow", EffectDeny: "deny", EffectPass: "pass", EffectDoubt: "in doubt",
	}[e]
}

// Step is one thing that was considered: a policy or profile none of whose rules
// matched, or what matched.
type Step struct {
	By     Cause
	Effect Effect
}

// Verdict is what happens to a flow at an endpoint.
type Verdict struct {
	Outcome Outcome
	// By is what decided, or the first thing in doubt.
	By Cause
	// Reason tells why an Undecided flow is.
	Reason string
	// Part spells those addresses and ports of the flow that By decides about,
	// where they are not all: "10.0.0.0/25, port 80". There may be others.
	Part string
	// Partial is set where another part of the flow has another outcome.
	Partial bool
	// Trace is what was considered for Part, or for the whole flow, in order.
	Trace []Step
}

// String says it in one sentence without a full stop: denied by rule 2 of
// ingress of policy "web" in tier "security".
func (v Verdict) String() string {
	if v.Outcome == Undecided {
		s := "cannot be decided"
		if v.Part != "" {
			s += " for " + v.Part
		}
		return s + ": " + v.Reason
	}
	s := v.Outcome.String()
	if v.Part != "" {
		s += " for " + v.Part
	}
	s += " by " + v.By.String()
	if v.Partial {
		s += ", though not for all of the flow"
	}
	return s
}
