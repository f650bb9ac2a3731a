// Package guard tells who keeps access to hosts and who gains it when objects of Calico
// change: it prepares the world before a change and the one after it, and compares what
// becomes of traffic in the two. It decides by objects in memory alone.
package guard

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// Mode is what a watch does about a breach.
type Mode string

// The modes.
const (
	// Off is that there is no watch.
	Off Mode = "off"
	// Warn is that breaches are told.
	Warn Mode = "warn"
	// Error is that breaches are refused.
	Error Mode = "error"
)

// Guard watches over traffic that must go on working, and over traffic that must stay
// out. Its methods, and those of its worlds, are safe for use by several goroutines.
type Guard struct {
	// Lockout is for what must go on working, and Exposure for what must stay out.
	Lockout, Exposure Watch
	// Options tell verdicts what the datastore means for them.
	Options []verdict.Option
	// Kubernetes is true if the servers of the datastore are API servers of Kubernetes.
	Kubernetes bool

	// mu is held while worlds of the guard are made or compared, as they share much.
	mu sync.Mutex
	// servers are those of the datastore, and byName tells that hosts have to look
	// them up; see Locate.
	servers []netip.AddrPort
	byName  bool
	// around is what decides beside the objects of administrators, if flows at workloads
	// are watched over; see Surround.
	around Surroundings
	// now is what there was at first, with the changes that were foreseen since; nil
	// before Begin.
	now *World
}

// Watch is one of the two things that a guard does.
type Watch struct {
	Mode Mode
	// Flows are the configured ones; nil for those that follow from what policies
	// declare and from where the datastore is.
	Flows []Flow
	// Workloads are the configured flows at workloads and between endpoints. None follows
	// from anything else.
	Workloads []Flow
	// Accepted are the breaches that are meant.
	Accepted []Acceptance
}

// Active tells whether there is anything to do for the watch.
func (w Watch) Active() bool { return w.Mode == Warn || w.Mode == Error }

// configured returns the configured flows, if it is active.
func (w Watch) configured() []Flow {
	if !w.Active() {
		return nil
	}
	return w.Flows
}

// workloads returns the flows at workloads and between endpoints, if it is active.
func (w Watch) workloads() []Flow {
	if !w.Active() {
		return nil
	}
	return w.Workloads
}

// Acceptance is breaches that are meant. What is unset fits every flow.
type Acceptance struct {
	// Flow is the name of the flow.
	Flow string
	// Net is a network that the far side is in.
	Net netip.Prefix
	// Endpoints selects the host endpoints at which it is meant.
	Endpoints *selector.Selector
}

func (a Acceptance) fits(b Breach) bool {
	peer := b.Flow.Traffic.Peer
	return (a.Flow == "" || a.Flow == b.Flow.Name) &&
		(!a.Net.IsValid() || a.Net.Bits() <= peer.Bits() && a.Net.Contains(peer.Addr())) &&
		(a.Endpoints == nil || a.Endpoints.Matches(b.labels))
}

// Change is objects by their IDs, as they will be; nil for those that are deleted.
type Change map[calico.ID]calico.Object

// Active tells whether there is anything to do for the guard.
func (g *Guard) Active() bool { return g.Lockout.Active() || g.Exposure.Active() }

// Refuses tells whether the guard refuses anything.
func (g *Guard) Refuses() bool { return g.Lockout.Mode == Error || g.Exposure.Mode == Error }

// watchOf returns the watch that a flow belongs to.
func (g *Guard) watchOf(flow Flow) Watch {
	if flow.Shut {
		return g.Exposure
	}
	return g.Lockout
}

// Locate tells the guard where the datastore is, as far as hosts could find it there
// too. byName tells that its servers are given by their names, which hosts have to look
// up.
func (g *Guard) Locate(servers []netip.AddrPort, byName bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.servers, g.byName = servers, byName
}

// Begin tells the guard what there is. An object that is there twice, by two names of
// one policy, has another ID of its own the second time.
func (g *Guard) Begin(release calico.Release, objects map[calico.ID]calico.Object) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now = g.newWorld(release, objectSet{base: objects}, nil)
}

// Foresee returns what a change would do, on top of the changes that were foreseen
// before it, and the worlds before and after it. The guard must have begun.
func (g *Guard) Foresee(change Change) (breaches []Breach, before, after *World) {
	g.mu.Lock()
	defer g.mu.Unlock()
	before, after = g.now, g.now.with(change)
	g.now = after
	breaches = before.compare(after)
	return breaches, before, after
}

// Happened takes note of a change that was done: what is foreseen after a deletion must
// not count on what is gone. It does nothing before the guard has begun.
func (g *Guard) Happened(id calico.ID, after calico.Object) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.now != nil && verdict.DependsOn(id.Kind) {
		g.now = g.now.with(Change{id: after})
	}
}

// Divide divides breaches into those that are accepted, those to warn of and those that
// are refused.
func (g *Guard) Divide(all []Breach) (accepted, warned, refused []Breach) {
	for _, b := range all {
		watch := g.watchOf(b.Flow)
		switch {
		case slices.ContainsFunc(watch.Accepted, func(a Acceptance) bool { return a.fits(b) }):
			accepted = append(accepted, b)
		case watch.Mode == Error:
			refused = append(refused, b)
		default:
			warned = append(warned, b)
		}
	}
	return accepted, warned, refused
}

// Check decides about a change of objects, whatever was foreseen: the error is a
// *RefusedError. Otherwise it returns the objects without which it would have decided in
// another way, beside those that are changed; those that matter most come first.
func (g *Guard) Check(release calico.Release, objects map[calico.ID]calico.Object, change Change) (reliedOn []calico.ID, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	before := g.newWorld(release, objectSet{base: objects}, nil)
	after := before.with(change)
	if _, _, refused := g.Divide(before.compare(after)); len(refused) > 0 {
		return nil, &RefusedError{refused}
	}
	for _, u := range after.unwatched {
		if u.Reason != "" && g.watchOf(u.Flow).Mode == Error {
			return nil, fmt.Errorf("%s cannot be watched over: %s", u.Flow, u.Reason)
		}
	}
	return after.reliedOn(change), nil
}
