package verdict

import (
	"fmt"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
)

// Problem is a rule that Calico stores and Felix cannot program. Felix does not
// leave it out: it fails, starts again and fails again, as long as the policy or the
// profile applies at its node.
type Problem struct {
	// ID is that of the policy or the profile.
	ID calico.ID
	// Tier is that of a policy; empty in releases without tiers.
	Tier      string
	Direction Direction
	// Rule counts from 1.
	Rule int
	// Reason tells what is wrong with the rule, and what Felix does then.
	Reason string
	// Endpoints are those at which it applies: host endpoints sorted by name, and then
	// workload endpoints.
	Endpoints []*Endpoint
}

// String is the problem as a sentence without a full stop.
func (p Problem) String() string { return p.cause().String() + " " + p.Reason }

func (p Problem) cause() *Cause {
	if p.ID.Kind == calico.KindProfile {
		return &Cause{Kind: CauseProfileRule, Direction: p.Direction, Profile: p.ID.Name, Rule: p.Rule}
	}
	return &Cause{Kind: CausePolicyRule, Direction: p.Direction, Tier: p.Tier, Policy: p.ID, Rule: p.Rule}
}

// fault is why Felix cannot program a rule, with iptables or with nftables.
type fault struct {
	nftables bool
	what     string
	// by is the program that refuses it.
	by string
}

// String spells it with what Felix does then. With iptables the rules from before stay.
func (f fault) String() string {
	if f.nftables {
		return f.what + ", which " + f.by + " refuses: Felix removes its rules and fails over it again and again, and nothing is enforced"
	}
	return f.what + ", which " + f.by + " refuses: Felix fails over it again and again, no later change takes effect, and once the host starts anew nothing is enforced"
}

// faultsOf finds what Felix cannot program of a rule. It makes one rule of it for
// IPv4 and one for IPv6, unless its networks are all of the other.
func (w *World) faultsOf(r *rule, in *v3.Rule) []fault {
	var faults []fault
	add := func(by, what string) {
		if f := (fault{by == "nft", what, by}); !slices.Contains(faults, f) {
			faults = append(faults, f)
		}
	}
	for _, f := range []family{ipv4, ipv6} {
		if !r.made[f] {
			continue
		}
		if r.protocol != nil && r.notProtocol != nil {
			add("iptables", "has both protocol and notProtocol")
		}
		if !w.dropsNotEverything() {
			for _, e := range []*v3.EntityRule{&in.Source, &in.Destination} {
				// Beside other networks it becomes a rule of its own, without "not".
				if not := ofFamily(e.NotNets, f); len(not) == 1 && not[0] == everyAddress(f) && len(ofFamily(e.Nets, f)) != 1 {
					add("iptables-nft", fmt.Sprintf("has %s in notNets", not[0]))
				}
			}
		}
		own := uint8(protocolICMP)
		if f == ipv6 {
			own = protocolICMPv6
		}
		if r.notICMP != nil && (r.protocol == nil || *r.protocol != own) {
			what := fmt.Sprintf("has notICMP without protocol %s", map[family]string{ipv4: "ICMP", ipv6: "ICMPv6"}[f])
			add("iptables", what)
			if r.protocol != nil {
				add("nft", what)
			}
		}
		if in.ICMP != nil && in.ICMP.Code != nil || in.NotICMP != nil && in.NotICMP.Code != nil {
			add("nft", "has an ICMP type with a code")
		}
	}
	return faults
}

// isMade tells whether Felix makes a rule for an IP version of it. A list of networks
// of the other family alone, even of notNets, makes it one of that family.
func (w *World) isMade(r *rule, f family) bool {
	if r.only != nil && *r.only != f {
		return false
	}
	for _, e := range []*entity{&r.src, &r.dst} {
		for _, sets := range []*[2]addrSet{e.nets, e.notNets} {
			if sets != nil && len(sets[f]) == 0 {
				return false
			}
		}
		if e.notNets != nil && w.dropsNotEverything() && slices.Contains(e.notNets[f], everyAddress(f)) {
			return false
		}
	}
	return true
}

// dropsNotEverything tells whether Felix leaves a rule out that has a network of all
// addresses in notNets, and matches nothing; before it could not be programmed.
func (w *World) dropsNotEverything() bool {
	switch r := w.release; {
	case r.AtLeast(3, 31, 0):
		return true
	case r.AtLeast(3, 30, 0):
		return r.AtLeast(3, 30, 3)
	default:
		return r.AtLeast(3, 29, 6)
	}
}

// ofFamily returns the networks of a family among those that Felix can read.
func ofFamily(nets []string, f family) []address.Range {
	var ranges []address.Range
	for _, text := range nets {
		if r, ok := address.ParseRange(text); ok && familyOf(r.First) == f {
			ranges = append(ranges, r)
		}
	}
	return ranges
}

// Unprogrammable returns the rules that Felix cannot program at the nodes where they
// apply, in the order of the endpoints and of their policies. Verdicts at endpoints
// of such a node are Undecided.
func (w *World) Unprogrammable() []Problem {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.faulty {
		return nil
	}
	var all []Problem
	for _, ep := range slices.Concat(w.endpoints, w.workloads.all) {
		for _, p := range w.problemsAt(ep) {
			same := func(other Problem) bool {
				return other.ID == p.ID && other.Direction == p.Direction && other.Rule == p.Rule && other.Reason == p.Reason
			}
			i := slices.IndexFunc(all, same)
			if i < 0 {
				i = len(all)
				all = append(all, p)
			}
			all[i].Endpoints = append(all[i].Endpoints, ep)
		}
	}
	return all
}

// problemsAt returns the rules of an endpoint that Felix cannot program at its node.
func (w *World) problemsAt(ep *Endpoint) []Problem {
	var all []Problem
	seen := map[*rule]bool{}
	add := func(id calico.ID, tier string, d Direction, rules []*rule, number func(int) int) {
		for i, r := range rules {
			if seen[r] {
				continue
			}
			seen[r] = true
			for _, f := range r.faults {
				if why := ep.node.meets(f); why != "" {
					all = append(all, Problem{ID: id, Tier: tier, Direction: d, Rule: number(i), Reason: why})
				}
			}
		}
	}
	for s, directions := range w.programOf(ep.labels) {
		if stage(s) == untracked && ep.Interface == AnyInterface || ep.Workload != nil && stage(s) != normal {
			continue
		}
		for d, runs := range directions {
			for _, run := range runs {
				for _, pol := range run.policies {
					add(pol.id, run.name, Direction(d), pol.rules[d], func(i int) int { return pol.number(Direction(d), i) })
				}
			}
		}
	}
	for _, name := range ep.profiles {
		if prof := w.profiles[name]; prof != nil {
			for d, rules := range prof.rules {
				add(calico.ID{Kind: calico.KindProfile, Name: name}, "", Direction(d), rules, func(i int) int { return i + 1 })
			}
		}
	}
	return all
}

// meets spells a fault if it is one at a node.
func (s *nodeSettings) meets(f fault) string {
	hits := 0
	for _, how := range s.ways {
		if how.nftables == f.nftables {
			hits++
		}
	}
	switch {
	case hits == 0:
		return ""
	case hits == len(s.ways):
		return f.String()
	default:
		return strings.Replace(f.String(), ": Felix ", ": Felix, if it uses that, ", 1)
	}
}

// stuckAt returns what Felix cannot program at a node, nil for nothing.
func (w *World) stuckAt(node string) *Problem {
	if !w.faulty {
		return nil
	}
	if p, ok := w.stuck[node]; ok {
		return p
	}
	w.stuck[node] = nil
	for _, ep := range slices.Concat(w.endpoints, w.workloads.onNode[node]) {
		if ep.Node != node {
			continue
		}
		if problems := w.problemsAt(ep); len(problems) > 0 {
			w.stuck[node] = &problems[0]
			break
		}
	}
	return w.stuck[node]
}
