package guard

import (
	"net/netip"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// World is objects with what follows from them for traffic.
type World struct {
	guard   *Guard
	release calico.Release
	objects objectSet
	// sorted are the host endpoints among them, by their names; nil before they were
	// asked for.
	sorted []*v3.HostEndpoint
	// moved are the nodes of the endpoints that were others in the world before.
	moved map[string]bool
	flows []Flow
	// asked are the far sides of these flows and of those of the worlds before.
	asked []netip.Prefix
	// rules are what decides; worlds share them that differ in host endpoints alone,
	// and in none that matters to others.
	rules *rules
	// population counts the host endpoints, if rules regard them.
	population verdict.Population
	// whole is the world with the workloads, and courses what was found out about them; see
	// compareWorkloads.
	whole   *verdict.World
	courses []*verdict.Course
	// unwatched are the flows that could not be watched over.
	unwatched []Unwatched
	// declared is what policies declare: worlds that follow each other share it.
	declared map[*v3.GlobalNetworkPolicy]*declaration
}

// newWorld prepares objects. previous is the world that they come after, and that
// it may be compared with; nil for none.
func (g *Guard) newWorld(release calico.Release, objects objectSet, previous *World) *World {
	w := &World{guard: g, release: release, objects: objects, declared: map[*v3.GlobalNetworkPolicy]*declaration{}}
	if previous != nil {
		w.asked, w.declared = slices.Clone(previous.asked), previous.declared
	}
	w.flows = g.flowsOf(w.declarations(nil))
	for _, flow := range w.flows {
		for _, net := range append([]netip.Prefix{flow.Traffic.Peer}, flow.except...) {
			if !slices.Contains(w.asked, net) {
				w.asked = append(w.asked, net)
			}
		}
	}
	w.prepare()
	return w
}

// prepare finds out what decides.
func (w *World) prepare() {
	w.rules = newRules(w)
	if w.rules.RegardEndpoints() {
		w.population = w.rules.Count(w.endpoints())
	}
}

// with returns the world after a change.
func (w *World) with(change Change) *World {
	after := &World{
		guard: w.guard, release: w.release, objects: w.objects.with(change), moved: map[string]bool{},
		flows: w.flows, asked: w.asked, rules: w.rules, population: w.population, declared: w.declared,
	}
	holds := true // that no endpoint fares in another way but those that change
	for id, obj := range change {
		old, _ := w.objects.get(id.Short()).(*v3.HostEndpoint)
		now, _ := obj.(*v3.HostEndpoint)
		for _, h := range []*v3.HostEndpoint{old, now} {
			if h != nil {
				after.moved[h.Spec.Node] = true
			}
		}
		switch {
		case id.Kind != calico.KindHostEndpoint:
			holds = false
		case holds && w.rules.RegardEndpoints():
			after.population, holds = w.rules.Move(after.population, old, now)
		}
	}
	if holds {
		after.sorted = resorted(w.endpoints(), change)
		return after
	}
	anew := w.guard.newWorld(w.release, after.objects, w)
	anew.moved = after.moved
	if len(anew.asked) > len(w.asked) {
		// What is declared now is asked about before, too.
		w.asked = slices.Clone(anew.asked)
		w.prepare()
	}
	return anew
}

// resorted returns sorted host endpoints after a change of these alone.
func resorted(endpoints []*v3.HostEndpoint, change Change) []*v3.HostEndpoint {
	out := slices.Clone(endpoints)
	for id, obj := range change {
		i, found := slices.BinarySearchFunc(out, id.Name, func(h *v3.HostEndpoint, name string) int { return strings.Compare(h.Name, name) })
		if found {
			out = slices.Delete(out, i, i+1)
		}
		if now, ok := obj.(*v3.HostEndpoint); ok {
			out = slices.Insert(out, i, now)
		}
	}
	return out
}

// endpoints returns the host endpoints by their names.
func (w *World) endpoints() []*v3.HostEndpoint {
	if w.sorted != nil {
		return w.sorted
	}
	w.sorted = []*v3.HostEndpoint{}
	for _, obj := range w.objects.all() {
		if h, ok := obj.(*v3.HostEndpoint); ok {
			w.sorted = append(w.sorted, h)
		}
	}
	slices.SortFunc(w.sorted, func(a, b *v3.HostEndpoint) int { return strings.Compare(a.Name, b.Name) })
	return w.sorted
}

// endpoint returns the host endpoint of a name, nil for none.
func (w *World) endpoint(name string) *v3.HostEndpoint {
	h, _ := w.objects.get(calico.ID{Kind: calico.KindHostEndpoint, Name: name}).(*v3.HostEndpoint)
	return h
}

// reliedOn returns the objects that the verdicts come from, but for those that were
// changed: those that decide first, then those that apply too.
func (w *World) reliedOn(change Change) []calico.ID {
	var ids []calico.ID
	seen := map[calico.ID]bool{}
	for id := range change {
		seen[id.Short()] = true
	}
	add := func(id calico.ID) {
		if id.Kind == "" {
			return
		}
		if id = id.Short(); !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	verdicts := w.rules.known()
	for _, c := range w.courses {
		for _, hop := range c.Hops {
			add(hop.Verdict.By.Policy)
			for _, id := range hop.Verdict.By.Policies {
				add(id)
			}
			if name := hop.Verdict.By.Profile; name != "" {
				add(calico.ID{Kind: calico.KindProfile, Name: name})
			}
		}
	}
	for _, v := range verdicts {
		add(v.By.Policy)
	}
	for _, id := range w.rules.Policies() {
		add(id)
		if id.Tier != "" {
			add(calico.ID{Kind: calico.KindTier, Name: id.Tier})
		}
	}
	for _, v := range verdicts {
		if v.By.Profile != "" {
			add(calico.ID{Kind: calico.KindProfile, Name: v.By.Profile})
		}
	}
	// Sets, failsafe ports and endpoints that matter to others (at the far side, or on
	// the same node) decide too, and there are few of them.
	var few []calico.ID
	for id, obj := range w.objects.all() {
		switch id.Kind {
		case calico.KindGlobalNetworkSet, calico.KindNetworkSet, calico.KindFelixConfiguration:
			few = append(few, id)
		case calico.KindHostEndpoint:
			if h, ok := obj.(*v3.HostEndpoint); ok && (w.moved[h.Spec.Node] || w.rules.IsPeer(h) || w.rules.IsForNode(h)) {
				few = append(few, id)
			}
		default:
		}
	}
	slices.SortFunc(few, calico.ID.Compare)
	for _, id := range few {
		add(id)
	}
	// So do the profiles and nodes that give labels; they come last, as there may be
	// one of each for each endpoint.
	for _, h := range w.endpoints() {
		for _, profile := range h.Spec.Profiles {
			add(calico.ID{Kind: calico.KindProfile, Name: profile})
		}
		if w.rules.RegardNode(h.Spec.Node) {
			add(calico.ID{Kind: calico.KindNode, Name: h.Spec.Node})
		}
	}
	return ids
}
