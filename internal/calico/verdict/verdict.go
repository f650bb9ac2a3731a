// Package verdict tells what Calico's dataplane (Felix, with iptables or
// nftables) does to a flow at a host endpoint, and which rule decides it. It
// works on objects in memory alone.
//
// # What a verdict says
//
// A verdict is about a connection, or with a protocol that has none about the
// packets of a request: replies follow the connection, and connections that exist
// survive any change of policy, but for what doNotTrack does. A flow may stand for
// many packets (a network of peers, any port). It is Allowed only if every one of
// them is, and Denied if one of them is; Part then names some for which the cause
// holds.
//
// Where the objects do not hold the answer, the verdict is Undecided rather than
// a guess: rules with Kubernetes services, conditions on the near side's address
// where it is unknown, failsafe ports that cannot be read. What is not known leaves
// no doubt if the flow fares the same either way: failsafe ports, for one, only add
// to what policies allow. HTTP conditions are no condition to Felix at a host
// endpoint, and service accounts are labels that only workloads have.
//
// # doNotTrack
//
// Policies with doNotTrack take part in another table, which each packet passes by
// itself, replies too, and where connections are unknown. A packet meets those of
// the interface's endpoint where it comes in, and those of ingress; or those of
// egress where the host itself sends it. A forwarded packet does not meet them where
// it goes out, and an endpoint for all interfaces has none. Failsafe ports come
// first, in both directions: what goes to one is let through and tracked, and so is
// what looks like a reply from one. Then
//
//   - Deny drops the packet, even one of a connection that exists;
//   - Allow lets it through past connection tracking, and no other policy of that
//     endpoint is asked, but the ones for what goes out if it is forwarded;
//   - everything else leaves it to the other policies.
//
// For a connection, request and reply count, the reply with addresses and ports
// exchanged. (The port of a peer is 32768 to 65535 if the flow does not tell it.) If
// both are left to the other policies, all is as usual. If both are allowed, it
// works, whatever the other policies say. If the reply is denied, it does not. If
// one of them alone is allowed, Linux takes packets of the other direction for
// invalid, which Felix drops:
//
//   - A request that is allowed alone fails in TCP, SCTP and ICMP.
//   - A reply that is allowed alone seems to make a connection in TCP and SCTP, but
//     no data passes. ICMP works if the other policies allow the request.
//   - With all other protocols the request counts alone: that it arrives is Allowed.
//     Verdict.Notes and Trace tell of the reply, which the other policies judge as a
//     request of its own in the other direction if it alone is tracked.
//
// In nftables mode the endpoint's policies are not asked about what the host itself
// sends and Linux takes for invalid. So a request to the host that is allowed alone
// gets its reply: in ICMP and SCTP all of them; in TCP the first, and the egress
// policies judge what the host sends next. And a reply to the host that is allowed
// alone is answered. With disableConntrackInvalidCheck all that is invalid is judged
// like anything else.
//
// Connections that are open do not survive every change of doNotTrack policies. They
// end if packets of theirs are denied by them; in iptables mode, if one direction
// alone is allowed from now on; and if both were allowed and are no longer, unless
// the other policies allow them as new ones.
//
// All of this was seen with Felix v3.28.5, v3.31.0 and v3.32.1.
//
// # What Felix does not get to
//
// Rules that Felix cannot program (see World.Unprogrammable) make all verdicts at
// their nodes Undecided, whatever the flow, and so do settings that keep Felix from
// working. An interface that interfacePrefix gives to the workloads has lost all
// traffic. One that interfaceExclude names has no host endpoint but that for all
// interfaces. Linux takes incoming UDPLite for invalid unless it is told not to look
// at checksums; what policies allow of it is Undecided.
//
// # What is left out
//
// Felix's own environment and its configuration file, which come before any
// FelixConfiguration, are not known here. Objects are taken to be valid
// (calico.Validate) and complete (calico.Default). A policy with a selector that
// does not parse is ignored, as Felix ignores it, and so is a network that does not
// parse, even where that leaves a rule that matches every address. Workload
// endpoints are not looked at: a selector stands for host endpoints, by their
// expectedIPs, and network sets. The tunnels between hosts that Felix lets through
// by itself (IPIP, VXLAN, WireGuard), address translation and the traffic of local
// workloads are left out too. Policies of equal order are sorted by the name that
// the given release stores; objects do not tell that another release stored them
// under another name.
package verdict

import (
	"fmt"
	"net/netip"
	"slices"
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

// DependenciesIn returns the kinds whose objects can change a verdict in a release.
func DependenciesIn(release calico.Release) []calico.Kind {
	return slices.DeleteFunc(Dependencies(), func(kind calico.Kind) bool { return !kind.KnownIn(release) })
}

// DependsOn tells whether an object of the kind can change a verdict.
func DependsOn(kind calico.Kind) bool { return slices.Contains(Dependencies(), kind) }

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
	// Opposite are the endpoints that may govern the other interface that forwarded
	// traffic passes, nil for none. If it is empty any other of the node may. It
	// counts for doNotTrack policies alone: ask about each interface by itself.
	Opposite []*Endpoint
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
	// CauseOneWay is a rule of a doNotTrack policy that keeps the packets of one
	// direction from connection tracking, while nothing keeps those of the other from
	// it: to Linux these then belong to no connection.
	CauseOneWay
	// CauseWorkloadInterface is a setting by which Felix takes the interface for that
	// of a workload.
	CauseWorkloadInterface
	// CauseExcludedInterface is a setting by which no host endpoint governs the
	// interface.
	CauseExcludedInterface
	// CauseEncapsulated is that a workload sends packets of a tunnel.
	CauseEncapsulated
	// CauseToHost is a setting for what workloads send to their own host.
	CauseToHost
	// CauseFromHost is that Felix lets through what a host sends to its own workloads.
	CauseFromHost
	// CauseWithin is that the traffic does not leave the workload.
	CauseWithin
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
	// Setting spells one of a FelixConfiguration, and what it does to the interface or to
	// a workload.
	Setting string
	// Reply is set if this is about the reply to the flow. What Direction tells is
	// then that of the reply.
	Reply bool

	// drops is set if that it drops the reply is what decides about the flow.
	drops bool
}

// String is the cause as part of a sentence: rule 2 of ingress of policy "web"
// in tier "security".
func (c Cause) String() string {
	switch {
	case c.Kind == CauseOneWay && c.Reply:
		return "what follows the reply is dropped as invalid: " + c.text() + " keeps the reply from connection tracking, and no doNotTrack policy keeps the request from it"
	case c.Kind == CauseOneWay:
		return "the reply is dropped as invalid: " + c.text() + " keeps the request from connection tracking, and no doNotTrack policy keeps the reply from it"
	case c.drops:
		return "the reply is dropped: " + c.text()
	case c.Reply:
		return "the reply: " + c.text()
	default:
		return c.text()
	}
}

func (c Cause) text() string {
	switch c.Kind {
	case CauseNone:
		return "nothing"
	case CauseFailsafe:
		return "failsafe port " + c.Failsafe
	case CausePolicyRule, CauseOneWay:
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
	case CauseWorkloadInterface, CauseExcludedInterface, CauseEncapsulated, CauseToHost, CauseFromHost, CauseWithin:
		return c.Setting
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

// policyName spells a policy. One that Calico makes of a NetworkPolicy of Kubernetes has
// the name of that.
func policyName(id calico.ID) string {
	if name, ok := strings.CutPrefix(id.Name, calico.KubernetesPolicyPrefix); ok && id.Namespace != "" {
		return fmt.Sprintf("%q of namespace %q (Kubernetes)", name, id.Namespace)
	}
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
	// Notes are sentences without a full stop about what a reader may not expect: a
	// selector that chooses endpoints without addresses, an address that two nodes
	// claim, a reply that is dropped though the flow itself is allowed.
	Notes []string
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
	if v.By.Kind == CauseOneWay || v.By.Reply {
		s += ", as "
	} else {
		s += " by "
	}
	s += v.By.String()
	if v.Partial {
		s += ", though not for all of the flow"
	}
	return s
}
