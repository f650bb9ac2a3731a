package verdict

import v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

// tierFrom decides from the start of a tier on. passed tells whether it comes
// from a rule that passes: see profileFrom.
func (w *way) tierFrom(s stage, i int, passed bool) result {
	if i == len(w.program[s][w.direction]) {
		return w.afterTiers(s, passed)
	}
	at := place{s, i}
	for _, known := range w.known {
		if known.place == at {
			return known.result
		}
	}
	res := w.policyFrom(s, i, 0, 0)
	w.known = append(w.known, knownResult{at, res})
	return res
}

// afterTiers decides about what no tier of a stage has decided.
func (w *way) afterTiers(s stage, passed bool) result {
	switch {
	case s == untracked:
		return w.raw(fate{})
	case s == preDNAT && w.preDNATOnly:
		return result{outcome: Allowed, by: &Cause{}}
	case s == preDNAT && w.flow.Forwarded:
		return w.tierFrom(forwarded, 0, false)
	case s == preDNAT:
		return w.tierFrom(normal, 0, false)
	case s == forwarded:
		return w.decided(EffectAllow, &Cause{Kind: CauseForwardedDefault, Direction: w.direction})
	default:
		return w.profileFrom(0, 0, passed)
	}
}

// policyFrom decides from a rule of a policy of a tier on.
func (w *way) policyFrom(s stage, i, p, r int) result {
	run := w.program[s][w.direction][i]
	for ; p < len(run.policies); p, r = p+1, 0 {
		pol := run.policies[p]
		for rules := pol.rules[w.direction]; r < len(rules); r++ {
			if rules[r].action == v3.Log {
				continue
			}
			a := w.match(rules[r])
			if a.is == no {
				if rules[r].chooses && w.noting {
					w.noteAddressless(rules[r], Cause{Kind: CausePolicyRule, Direction: w.direction, Tier: run.name, Policy: pol.id, Rule: pol.number(w.direction, r), Reply: w.reply})
				}
				continue
			}
			cause := Cause{Kind: CausePolicyRule, Direction: w.direction, Tier: run.name, Policy: pol.id, Rule: pol.number(w.direction, r), Reply: w.reply}
			return w.matched(s, a, rules[r].action, &cause,
				func() result { return w.tierFrom(s, i+1, true) },
				func() result { return w.policyFrom(s, i, p, r+1) })
		}
		w.trace = append(w.trace, Step{By: Cause{Kind: CausePolicyRule, Direction: w.direction, Tier: run.name, Policy: pol.id, Reply: w.reply}})
	}
	if s == untracked || s == preDNAT || run.pass {
		return w.tierFrom(s, i+1, false)
	}
	cause := Cause{Kind: CauseTierEnd, Direction: w.direction, Tier: run.name}
	for _, pol := range run.policies {
		cause.Policies = append(cause.Policies, pol.id)
	}
	return w.decided(EffectDeny, &cause)
}

// profileFrom decides from a rule of a profile on. Felix marks a packet that a
// rule passes, and a rule with Pass then takes it by that mark. Only the start of a
// tier removes the mark; so in a profile, a packet that was passed before (by the
// last tier, or by a profile) is passed by every rule with Pass that it meets,
// whatever the rule's conditions; but there is no rule for IPv4 of one for IPv6.
func (w *way) profileFrom(i, r int, passed bool) result {
	for ; i < len(w.endpoint.profiles); i, r = i+1, 0 {
		name := w.endpoint.profiles[i]
		prof := w.world.profiles[name]
		if prof == nil {
			return w.decided(EffectDeny, &Cause{Kind: CauseMissingProfile, Direction: w.direction, Profile: name})
		}
		for rules := prof.rules[w.direction]; r < len(rules); r++ {
			if rules[r].action == v3.Log {
				continue
			}
			a := w.match(rules[r])
			if passed && rules[r].action == v3.Pass && rules[r].made[w.family] {
				a = answer{is: yes}
			}
			if a.is == no {
				if rules[r].chooses && w.noting {
					w.noteAddressless(rules[r], Cause{Kind: CauseProfileRule, Direction: w.direction, Profile: name, Rule: r + 1, Reply: w.reply})
				}
				continue
			}
			cause := Cause{Kind: CauseProfileRule, Direction: w.direction, Profile: name, Rule: r + 1, Reply: w.reply}
			return w.matched(normal, a, rules[r].action, &cause,
				func() result { return w.profileFrom(i+1, 0, true) },
				func() result { return w.profileFrom(i, r+1, passed) })
		}
		w.trace = append(w.trace, Step{By: Cause{Kind: CauseProfileRule, Direction: w.direction, Profile: name, Reply: w.reply}})
	}
	return w.decided(EffectDeny, &Cause{Kind: CauseNoMatch, Direction: w.direction})
}

// matched decides by a rule that matches, or may match. pass goes on after a
// Pass, and next as if the rule did not match.
func (w *way) matched(s stage, a answer, action v3.Action, cause *Cause, pass, next func() result) result {
	if a.is == partly {
		return result{cut: &a.at}
	}
	effect := EffectAllow
	switch action {
	case v3.Deny:
		effect = EffectDeny
	case v3.Pass:
		effect = EffectPass
	case v3.Allow, v3.Log:
	}
	if a.is != yes {
		w.trace = append(w.trace, Step{*cause, EffectDoubt})
	} else {
		w.trace = append(w.trace, Step{*cause, effect})
	}
	act := func() result {
		switch {
		case effect == EffectPass:
			return pass()
		case s == untracked && effect == EffectDeny:
			return w.raw(fate{dropped, cause})
		case s == untracked:
			return w.raw(fate{bypasses, cause})
		case effect == EffectDeny:
			return result{outcome: Denied, by: cause}
		default:
			return result{outcome: Allowed, by: cause}
		}
	}
	if a.is == yes {
		return act()
	}
	return either(act(), next(), cause, cause.String()+" "+a.why)
}
