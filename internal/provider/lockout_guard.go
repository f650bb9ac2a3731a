package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// The modes of the guard.
const (
	guardOff   = "off"
	guardWarn  = "warn"
	guardError = "error"
)

// lockoutGuard watches over traffic that must go on working, and over traffic that
// must stay out: it decides what becomes of both when something changes, in the plan
// and again in the transaction that writes.
type lockoutGuard struct {
	// lockout is what must go on working, and exposure what must stay shut.
	lockout, exposure watch
	// datastore is where the provider finds its datastore, as far as hosts could
	// find it there too; byName tells that it is given by its name.
	datastore []netip.AddrPort
	byName    bool
	// unwatched are the servers that could not be found by their names.
	unwatched []string
	// endpoints are the URLs of the datastore, until they are looked up.
	endpoints []string

	mu sync.Mutex
	// now is what the datastore held when it was first looked at, with the changes
	// that were planned since; nil before the first look.
	now *guardedWorld
	// blind is why the first look failed; nil where it did not. It is told once.
	blind error
	// corrupt tells that the first look found values that are no valid objects.
	corrupt bool
	// warned are the warnings that were given: once is enough. told counts those that
	// are given for each object.
	warned map[string]bool
	told   map[string]int
}

// watch is one of the two things that a guard does.
type watch struct {
	mode string
	// flows are the configured ones; nil for those that follow from what policies
	// declare and from how the provider itself reaches the datastore.
	flows []guardedFlow
	// accepted are the changes that are taken knowingly.
	accepted []acceptance
}

// active tells whether there is anything to do for it.
func (w watch) active() bool { return w.mode == guardWarn || w.mode == guardError }

// configured returns the configured flows, if it is active.
func (w watch) configured() []guardedFlow {
	if !w.active() {
		return nil
	}
	return w.flows
}

// acceptance is a change of what is watched over that is meant. What is unset fits
// every flow.
type acceptance struct {
	flow      string
	net       netip.Prefix
	endpoints *selector.Selector
}

func (a acceptance) fits(c cutOff) bool {
	flow := c.flow.flow.Peer
	return (a.flow == "" || a.flow == c.flow.name) &&
		(!a.net.IsValid() || a.net.Bits() <= flow.Bits() && a.net.Contains(flow.Addr())) &&
		(a.endpoints == nil || a.endpoints.Matches(c.labels))
}

// guardedFlow is traffic that is watched over.
type guardedFlow struct {
	name string
	flow verdict.Flow
	// endpoints selects those at which it is watched over; nil for all.
	endpoints *selector.Selector
	// shut is set for traffic that must stay out; otherwise it must go on working.
	shut bool
	// some is set if it is enough that some of it works.
	some bool
	// except are far sides that do not count.
	except []netip.Prefix
}

// String spells the flow for a person: ssh (TCP port 22 from 10.1.0.0/24).
func (f guardedFlow) String() string {
	text := f.flow.Protocol.String()
	if f.flow.Port != 0 {
		text += fmt.Sprintf(" port %d", f.flow.Port)
	}
	if f.flow.SourcePort != 0 {
		text += fmt.Sprintf(" source port %d", f.flow.SourcePort)
	}
	if f.flow.ICMPType != nil {
		text += fmt.Sprintf(" type %d", *f.flow.ICMPType)
	}
	if f.flow.ICMPCode != nil {
		text += fmt.Sprintf(" code %d", *f.flow.ICMPCode)
	}
	if f.flow.Forwarded {
		text += " forwarded"
	}
	if f.flow.Local.IsValid() {
		text += " at " + f.flow.Local.String()
	}
	if f.flow.Direction == verdict.Ingress {
		text += " from "
	} else {
		text += " to "
	}
	if f.flow.Peer.IsSingleIP() {
		text += f.flow.Peer.Addr().String()
	} else {
		text += f.flow.Peer.String()
	}
	if len(f.except) > 0 {
		text += ", other than declared"
	}
	if f.name == "" {
		return text
	}
	return f.name + " (" + text + ")"
}

func (f guardedFlow) watchedAt(endpoint *verdict.Endpoint) bool {
	return f.endpoints == nil || f.endpoints.Matches(endpoint.Labels)
}

// key tells flows apart.
func (f guardedFlow) key() string {
	key := f.flow.Direction.String() + " " + f.String()
	for _, net := range f.except {
		key += " " + net.String()
	}
	if f.endpoints != nil {
		// Where it is watched over is a part of it: others may have the same name.
		key += "\x00" + f.endpoints.String()
	}
	return key
}

// active tells whether there is anything to do for the guard.
func (g *lockoutGuard) active() bool {
	return g != nil && (g.lockout.active() || g.exposure.active())
}

// refuses tells whether the guard refuses writes.
func (g *lockoutGuard) refuses() bool {
	return g != nil && (g.lockout.mode == guardError || g.exposure.mode == guardError)
}

// once tells whether something is to be told, which is told once.
func (g *lockoutGuard) once(what string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.warned[what] {
		return false
	}
	g.warn(what)
	return true
}

func (g *lockoutGuard) warn(what string) {
	if g.warned == nil {
		g.warned = map[string]bool{}
	}
	g.warned[what] = true
}

// watchOf returns the watch that a flow belongs to.
func (g *lockoutGuard) watchOf(flow guardedFlow) watch {
	if flow.shut {
		return g.exposure
	}
	return g.lockout
}

// guardedWorld is objects with what follows from them for traffic.
type guardedWorld struct {
	release calico.Release
	objects map[calico.ID]calico.Object
	// sorted are the host endpoints among them, nil before they were asked for.
	sorted []*v3.HostEndpoint
	// moved are the nodes of the endpoints in which the world before was another.
	moved map[string]bool
	keys  map[calico.ID]string
	flows []guardedFlow
	// asked are the far sides of these flows and of those of the worlds before.
	asked []netip.Prefix
	// rules are what decides; worlds share them that differ in host endpoints alone,
	// and in none that matters to others.
	rules *guardedRules
	// population counts the host endpoints, where rules look at them.
	population verdict.Population
	// declared is what policies declare: worlds that follow each other share it.
	declared map[*v3.GlobalNetworkPolicy]*declaration
}

// newWorld prepares objects. previous is the world that they come after, and that
// it may be compared with; nil for none.
func (g *lockoutGuard) newWorld(release calico.Release, objects map[calico.ID]calico.Object, keys map[calico.ID]string, previous *guardedWorld) *guardedWorld {
	w := &guardedWorld{release: release, objects: objects, keys: keys, declared: map[*v3.GlobalNetworkPolicy]*declaration{}}
	if previous != nil {
		w.asked, w.declared = slices.Clone(previous.asked), previous.declared
	}
	w.flows = g.flowsOf(w.declarations(nil))
	for _, flow := range w.flows {
		for _, net := range append([]netip.Prefix{flow.flow.Peer}, flow.except...) {
			if !slices.Contains(w.asked, net) {
				w.asked = append(w.asked, net)
			}
		}
	}
	endpoints := w.endpoints()
	w.rules = newGuardedRules(release, objects, endpoints, w.asked)
	if w.rules.RegardEndpoints() {
		w.population = w.rules.Count(endpoints)
	}
	return w
}

func (g *lockoutGuard) fromSnapshot(release calico.Release, snapshot *datastore.Snapshot) *guardedWorld {
	objects, keys := objectsOf(snapshot)
	return g.newWorld(release, objects, keys, nil)
}

// objectsOf returns what a snapshot holds. A policy that two releases have stored
// under a name each is there twice, as Calico enforces both: the second has its key
// in the place of its name.
func objectsOf(snapshot *datastore.Snapshot) (objects map[calico.ID]calico.Object, keys map[calico.ID]string) {
	objects, keys = map[calico.ID]calico.Object{}, map[calico.ID]string{}
	for _, stored := range snapshot.Objects {
		id := calico.IDOf(stored.Object).Short()
		if objects[id] != nil {
			id.Name = stored.Key
		}
		objects[id], keys[id] = stored.Object, stored.Key
	}
	return objects, keys
}

// with returns the world after a change: objects by their IDs, nil for those
// that are deleted.
func (g *lockoutGuard) with(w *guardedWorld, change map[calico.ID]calico.Object) *guardedWorld {
	after := &guardedWorld{release: w.release, objects: maps.Clone(w.objects), keys: w.keys, rules: w.rules, flows: w.flows, asked: w.asked, population: w.population, declared: w.declared}
	after.moved = map[string]bool{}
	holds := true
	for id, obj := range change {
		old, _ := w.objects[id.Short()].(*v3.HostEndpoint)
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
		if obj == nil {
			delete(after.objects, id.Short())
		} else {
			after.objects[id.Short()] = obj
		}
	}
	if holds {
		after.sorted = slices.Clone(w.endpoints())
		for id, obj := range change {
			i, found := slices.BinarySearchFunc(after.sorted, id.Name, func(h *v3.HostEndpoint, name string) int { return strings.Compare(h.Name, name) })
			if found {
				after.sorted = slices.Delete(after.sorted, i, i+1)
			}
			if now, ok := obj.(*v3.HostEndpoint); ok {
				after.sorted = slices.Insert(after.sorted, i, now)
			}
		}
		return after
	}
	anew := g.newWorld(w.release, after.objects, w.keys, w)
	anew.moved = after.moved
	if len(anew.asked) > len(w.asked) {
		// What is declared now is asked about before, too.
		w.asked = slices.Clone(anew.asked)
		w.rules = newGuardedRules(w.release, w.objects, w.endpoints(), w.asked)
		if w.rules.RegardEndpoints() {
			w.population = w.rules.Count(w.endpoints())
		}
	}
	return anew
}

// lookUp finds the addresses of the datastore, once: those that mean the same to hosts,
// which loopback addresses do not. A server that is given by its name has several.
func (g *lockoutGuard) lookUp(ctx context.Context) {
	endpoints := g.endpoints
	g.endpoints = nil
	ctx, cancel := context.WithTimeout(ctx, lookUpTime)
	defer cancel()
	add := func(addr netip.Addr, port uint16) bool {
		server := netip.AddrPortFrom(addr.Unmap(), port)
		if addr.IsLoopback() || addr.IsUnspecified() || slices.Contains(g.datastore, server) {
			return false
		}
		g.datastore = append(g.datastore, server)
		return true
	}
	for _, endpoint := range endpoints {
		u, err := url.Parse(endpoint)
		if err != nil {
			continue
		}
		port, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil {
			continue
		}
		if addr, err := netip.ParseAddr(u.Hostname()); err == nil {
			add(addr, uint16(port))
			continue
		}
		g.byName = true
		found := false
		addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
		for _, addr := range addrs {
			found = add(addr, uint16(port)) || found
		}
		if err != nil || !found {
			g.unwatched = append(g.unwatched, u.Host)
		}
	}
}

// lookUpTime is how long the names of the datastore's servers are looked up at most.
const lookUpTime = 5 * time.Second

// endpoints returns the host endpoints by their names.
func (w *guardedWorld) endpoints() []*v3.HostEndpoint {
	if w.sorted != nil {
		return w.sorted
	}
	out := []*v3.HostEndpoint{}
	for _, obj := range w.objects {
		if h, ok := obj.(*v3.HostEndpoint); ok {
			out = append(out, h)
		}
	}
	slices.SortFunc(out, byName)
	w.sorted = out
	return out
}

// load looks at the datastore, once.
func (g *lockoutGuard) load(ctx context.Context, store datastore.Store, release calico.Release) (*guardedWorld, error) {
	switch {
	case g.blind != nil:
		return nil, g.blind
	case g.now != nil:
		return g.now, nil
	}
	g.lookUp(ctx)
	snapshot, err := store.Snapshot(ctx, verdict.DependenciesIn(release))
	if err != nil {
		g.blind = err
		return nil, err
	}
	g.corrupt = len(snapshot.Corrupt) > 0
	g.now = g.fromSnapshot(release, snapshot)
	return g.now, nil
}

// stored returns where an object was stored at the first look, "" for nowhere. ok is
// false where the guard could not see: a value that is no valid object is not there for
// it, and stands in the way all the same.
func (g *lockoutGuard) stored(ctx context.Context, store datastore.Store, release calico.Release, id calico.ID) (key string, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	w, err := g.load(ctx, store, release)
	if err != nil {
		return "", false // plan tells of it
	}
	key = w.keys[id.Short()]
	return key, key != "" || !g.corrupt
}

// errStillBlind is that the guard could not see the datastore, which was told.
var errStillBlind = errors.New("the datastore could not be read before")

// plan returns what a planned change stops, on top of the changes that were
// planned before it.
func (g *lockoutGuard) plan(ctx context.Context, store datastore.Store, release calico.Release, change map[calico.ID]calico.Object) (stops []cutOff, before, after *guardedWorld, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	before, err = g.load(ctx, store, release)
	if err != nil {
		if g.warned["blind"] {
			err = errStillBlind
		}
		g.warn("blind")
		return nil, nil, nil, err
	}
	after = g.with(before, change)
	g.now = after
	return g.compare(before, after), before, after, nil
}

// happened takes note of a deletion that was done. Terraform plans all else once
// more in the apply, and what is planned after it must not count on what is gone.
func (g *lockoutGuard) happened(id calico.ID, after calico.Object) {
	if !g.active() || !verdict.DependsOn(id.Kind) {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.now != nil {
		g.now = g.with(g.now, map[calico.ID]calico.Object{id: after})
	}
}

// lockoutError refuses a write.
type lockoutError struct{ stops []cutOff }

func (e *lockoutError) Error() string { return describeCutOffs(e.stops) }

// sorted divides what a change does into what is accepted, what is warned of and what
// is refused.
func (g *lockoutGuard) sorted(all []cutOff) (accepted, warned, refused []cutOff) {
	for _, c := range all {
		watch := g.watchOf(c.flow)
		switch {
		case slices.ContainsFunc(watch.accepted, func(a acceptance) bool { return a.fits(c) }):
			accepted = append(accepted, c)
		case watch.mode == guardError:
			refused = append(refused, c)
		default:
			warned = append(warned, c)
		}
	}
	return accepted, warned, refused
}

// forWrite returns the guard of a write, which is asked in the same transaction.
func (g *lockoutGuard) forWrite(release calico.Release, change func(*datastore.Snapshot) (map[calico.ID]calico.Object, error)) datastore.Guard {
	return datastore.Guard{
		Kinds: verdict.DependenciesIn(release),
		Check: func(snapshot *datastore.Snapshot) ([]calico.ID, error) {
			changed, err := change(snapshot)
			if err != nil {
				return nil, err
			}
			before := g.fromSnapshot(release, snapshot)
			after := g.with(before, changed)
			if _, _, refused := g.sorted(g.compare(before, after)); len(refused) > 0 {
				return nil, &lockoutError{refused}
			}
			return after.reliedOn(changed), nil
		},
	}
}

// reliedOn returns the objects that the verdicts come from: those that decide first,
// then those that apply too.
func (w *guardedWorld) reliedOn(changed map[calico.ID]calico.Object) []calico.ID {
	var ids []calico.ID
	seen := map[calico.ID]bool{}
	for id := range changed {
		seen[id.Short()] = true // the write itself compares it
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
	for id, obj := range w.objects {
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
	slices.SortFunc(few, func(a, b calico.ID) int { return strings.Compare(a.String(), b.String()) })
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
