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
