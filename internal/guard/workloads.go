package guard

import (
	"slices"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/traffic"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// Surroundings is what decides about workloads beside the objects of administrators: the
// workloads themselves, and policies of Kubernetes. Nothing here changes them.
type Surroundings struct {
	Objects []calico.Object
	Options []verdict.Option
}

// WatchesWorkloads tells whether flows at workloads or between endpoints are watched over.
func (g *Guard) WatchesWorkloads() bool {
	return len(g.Lockout.workloads())+len(g.Exposure.workloads()) > 0
}

// Surround tells the guard what there is of workloads: before Begin, and before a Check.
func (g *Guard) Surround(s Surroundings) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.around = s
}

// withWorkloads returns the world with the workloads in it.
func (w *World) withWorkloads() *verdict.World {
	if w.whole == nil {
		objects := slices.Clone(w.guard.around.Objects)
		for _, obj := range w.objects.all() {
			objects = append(objects, obj)
		}
		w.whole = verdict.New(objects, w.release, slices.Concat(w.guard.Options, w.guard.around.Options)...)
	}
	return w.whole
}

// compareWorkloads is compare for flows at workloads and between endpoints.
func (w *World) compareWorkloads(after *World) []Breach {
	flows := slices.Concat(w.guard.Lockout.workloads(), w.guard.Exposure.workloads())
	if len(flows) == 0 {
		return nil
	}
	all := make([]traffic.Flow, len(flows))
	for i, flow := range flows {
		all[i], _ = flow.Between(flow.Of)
	}
	var accepted []*selector.Selector
	for _, watch := range []Watch{w.guard.Lockout, w.guard.Exposure} {
		for _, a := range watch.Accepted {
			if a.Endpoints != nil {
				// What is accepted at some of them is not at the others.
				accepted = append(accepted, a.Endpoints)
			}
		}
	}
	question := traffic.NewQuestion(w.withWorkloads(), after.withWorkloads(), all, accepted...)
	// A label that takes an endpoint out of the watch is no reason to look away.
	question.Either = true
	var out []Breach
	for i, flow := range flows {
		answers, err := question.Ask(all[i])
		switch {
		case err != nil:
			after.unwatched = append(after.unwatched, Unwatched{flow, err.Error()})
		case len(answers) == 0:
			after.unwatched = append(after.unwatched, Unwatched{Flow: flow})
		}
		for _, answer := range answers {
			if answer.After != nil {
				after.courses = append(after.courses, answer.After)
			}
			if b, breached := w.breachOf(after, flow, answer); breached {
				out = append(out, b)
			}
		}
	}
	return out
}

// Unwatched is a flow that cannot be watched over.
type Unwatched struct {
	Flow Flow
	// Reason tells why; "" if no endpoint is chosen for it.
	Reason string
}

// Unwatched returns the flows at workloads and between endpoints that were to be watched
// over when this world came about, and were not.
func (w *World) Unwatched() []Unwatched { return w.unwatched }

// breachOf tells whether a flow fares after as it must not. An endpoint that comes was not
// protected before; one that goes is not protected any more.
func (w *World) breachOf(after *World, flow Flow, answer traffic.Answer) (b Breach, breached bool) {
	b = Breach{Endpoint: traffic.Title(answer.From, answer.To, answer.Count), Flow: flow}
	watched := answer.Ends[1]
	if flow.Of != nil && flow.Traffic.Direction == verdict.Egress {
		watched = answer.Ends[0]
	}
	if watched != nil {
		b.labels = watched.Labels
	}
	was, is := answer.Before, answer.After
	if was != nil {
		b.before = was.Verdict.String()
	}
	if is != nil {
		b.after = is.Verdict
	}
	switch {
	case was == nil && is == nil:
		return b, false
	case was == nil:
		return b, !flow.Shut && !passes(is)
	case is == nil:
		b.Bare = true
		return b, flow.Shut && keepsOut(was)
	case len(was.Pairs) > 0 && len(was.Pairs) == len(is.Pairs):
		for i := range was.Pairs {
			if w.worse(after, flow, &was.Pairs[i], &is.Pairs[i]) {
				b.before, b.after = was.Pairs[i].Verdict.String(), is.Pairs[i].Verdict
				return b, true
			}
		}
		return b, false
	default:
		return b, w.worse(after, flow, was, is)
	}
}

// worse tells whether something of a connection passed before and does not pass after; or,
// of a flow that must stay out, was kept out and is not any more.
func (w *World) worse(after *World, flow Flow, was, is *verdict.Course) bool {
	whole, none, wanted := passes, keepsOut, verdict.Allowed
	if flow.Shut {
		whole, none, wanted = keepsOut, passes, verdict.Denied
	}
	switch {
	case whole(is) || none(was):
		return false
	case whole(was):
		return true
	default:
		return w.worseInParts(after, was, is, wanted)
	}
}

func passes(c *verdict.Course) bool { return c.Outcome == verdict.Allowed }

// keepsOut tells whether nothing of a connection passes.
func keepsOut(c *verdict.Course) bool { return c.Outcome == verdict.Denied && !c.Partial }

// worseInParts compares, place by place, the packets of a connection that do not all fare
// alike. What is worse at one place counts, though another may have had its say before.
func (w *World) worseInParts(after *World, was, is *verdict.Course, wanted verdict.Outcome) bool {
	parts := func(world *World, hops []verdict.Hop, like verdict.Hop) []verdict.Part {
		for _, hop := range hops {
			if hop.At != like.At || (hop.Endpoint == nil) != (like.Endpoint == nil) || hop.Endpoint != nil && hop.Endpoint.Name != like.Endpoint.Name {
				continue
			}
			if hop.Flow == nil || hop.Endpoint == nil {
				return []verdict.Part{{Verdict: hop.Verdict}}
			}
			return world.whole.Parts(hop.Endpoint, *hop.Flow)
		}
		// No policies are asked there.
		return []verdict.Part{{Verdict: verdict.Verdict{Outcome: verdict.Allowed}}}
	}
	for _, hop := range slices.Concat(is.Hops, was.Hops) {
		now := parts(after, is.Hops, hop)
		old := parts(w, was.Hops, hop)
		for _, p := range now {
			for _, q := range old {
				if p.Outcome != wanted && q.Outcome == wanted && p.Meets(q, func(mine, its int) bool { return mine == its }) {
					return true
				}
			}
		}
	}
	return false
}
