package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

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

// lockoutGuard watches over traffic that must go on working: it decides what
// becomes of it when something changes, in the plan and again in the transaction
// that writes.
type lockoutGuard struct {
	mode string
	// flows are the configured ones; nil for those that follow from the failsafe
	// policies and from how the provider itself reaches the datastore.
	flows []guardedFlow
	// datastore is where the provider finds its datastore, as far as hosts could
	// find it there too.
	datastore []netip.AddrPort

	mu sync.Mutex
	// now is what the datastore held when it was first looked at, with the changes
	// that were planned since; nil before the first look.
	now *guardedWorld
	// blind is why the first look failed; nil where it did not. It is told once.
	blind error
	told  bool
}

// guardedFlow is traffic that is watched over.
type guardedFlow struct {
	name string
	flow verdict.Flow
	// endpoints selects those at which it is watched over; nil for all.
	endpoints *selector.Selector
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
	if f.endpoints != nil {
		// Where it is watched over is a part of it: others may have the same name.
		key += "\x00" + f.endpoints.String()
	}
	return key
}

// active tells whether there is anything to do for the guard.
func (g *lockoutGuard) active() bool { return g != nil && g.mode != guardOff }

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
	population population
	// management are the networks that policies open SSH to, as failsafe policies do:
	// worlds that follow each other share them.
	management map[*v3.GlobalNetworkPolicy][]string
}

// guardKinds are the kinds that can change a verdict in a release.
func guardKinds(release calico.Release) []calico.Kind {
	return slices.DeleteFunc(verdict.Dependencies(), func(kind calico.Kind) bool { return !kind.KnownIn(release) })
}

// changesVerdicts tells whether an object of the kind can change a verdict.
func changesVerdicts(kind calico.Kind) bool { return slices.Contains(verdict.Dependencies(), kind) }

// newWorld prepares objects. previous is the world that they come after, and that
// it may be compared with; nil for none.
func (g *lockoutGuard) newWorld(release calico.Release, objects map[calico.ID]calico.Object, keys map[calico.ID]string, previous *guardedWorld) *guardedWorld {
	w := &guardedWorld{release: release, objects: objects, keys: keys, flows: g.flows, management: map[*v3.GlobalNetworkPolicy][]string{}}
	if previous != nil {
		w.asked, w.management = slices.Clone(previous.asked), previous.management
	}
	others := otherObjects(objects)
	if w.flows == nil {
		w.flows = g.defaultFlows(w, others)
	}
	for _, flow := range w.flows {
		if !slices.Contains(w.asked, flow.flow.Peer) {
			w.asked = append(w.asked, flow.flow.Peer)
		}
	}
	endpoints := w.endpoints()
	w.rules = newGuardedRules(release, others, endpoints, w.asked)
	if w.rules.regardsEndpoints() {
		w.population = w.rules.populate(endpoints)
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
	after := &guardedWorld{release: w.release, objects: maps.Clone(w.objects), keys: w.keys, rules: w.rules, flows: w.flows, asked: w.asked, population: w.population, management: w.management}
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
		case holds && w.rules.regardsEndpoints():
			after.population, holds = w.rules.move(after.population, old, now)
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
	return anew
}

// defaultFlows are what has to work where nothing else is said: the management
// access of the failsafe policies, and the way to the datastore.
func (g *lockoutGuard) defaultFlows(w *guardedWorld, objects []calico.Object) []guardedFlow {
	var flows []guardedFlow
	for _, obj := range objects {
		policy, ok := obj.(*v3.GlobalNetworkPolicy)
		if !ok {
			continue
		}
		for _, cidr := range w.managementOf(policy) {
			peer, err := netip.ParsePrefix(asNet(cidr))
			if err != nil || slices.ContainsFunc(flows, func(f guardedFlow) bool { return f.flow.Peer == peer.Masked() }) {
				continue
			}
			flows = append(flows, guardedFlow{name: "management access", flow: verdict.Flow{
				Direction: verdict.Ingress, Protocol: protocol("TCP"), Peer: peer.Masked(), Port: portSSH,
			}})
		}
	}
	for _, server := range g.datastore {
		flows = append(flows, guardedFlow{name: "the datastore", flow: verdict.Flow{
			Direction: verdict.Egress, Protocol: protocol("TCP"),
			Peer: netip.PrefixFrom(server.Addr(), server.Addr().BitLen()), Port: server.Port(),
		}})
	}
	return flows
}

// managementOf returns the networks that a policy opens SSH to, if it is otherwise
// made like a failsafe policy: who made it does not show in what is stored.
func (w *guardedWorld) managementOf(policy *v3.GlobalNetworkPolicy) []string {
	cidrs, known := w.management[policy]
	if known {
		return cidrs
	}
	f, ok := parseFailsafe(policy.Spec.Ingress, policy.Spec.Egress)
	if ok && slices.ContainsFunc(f.managementPorts, func(p numorstring.Port) bool { return p.MinPort <= portSSH && portSSH <= p.MaxPort }) {
		cidrs = f.managementCIDRs
	}
	w.management[policy] = cidrs
	return cidrs
}

// datastoreAddresses returns the servers whose addresses mean the same to hosts:
// not names, which hosts may resolve in another way, nor loopback addresses.
func datastoreAddresses(endpoints []string) []netip.AddrPort {
	var out []netip.AddrPort
	for _, endpoint := range endpoints {
		u, err := url.Parse(endpoint)
		if err != nil {
			continue
		}
		addr, err := netip.ParseAddr(u.Hostname())
		port, err2 := strconv.ParseUint(u.Port(), 10, 16)
		if err == nil && err2 == nil && !addr.IsLoopback() && !addr.IsUnspecified() {
			out = append(out, netip.AddrPortFrom(addr.Unmap(), uint16(port)))
		}
	}
	return out
}

// cutOff is a flow that works and would not any more.
type cutOff struct {
	endpoint string
	// instead is the endpoint that governed there before, "" for the same.
	instead string
	flow    guardedFlow
	// before is "" where there was no endpoint yet, and so nothing dropped.
	before string
	after  verdict.Verdict
}

// compare returns the flows that stop at some endpoint between a world and the one
// that a change makes of it (see with). The flows are those of before: a failsafe
// policy that goes takes its flows with it. A new endpoint is judged by the flows of
// after.
//
// What counts is the interface: where another endpoint governed it, that one is
// what the traffic fares by before; and where an endpoint leaves its interface to
// another, such as the one for all interfaces, that one is what it fares by then.
func compare(before, after *guardedWorld) []cutOff {
	concerned := func(h *v3.HostEndpoint) bool {
		// Else nothing that could matter to it has changed.
		return before.rules != after.rules || after.moved[h.Spec.Node]
	}
	now := endpointsByNode(after.endpoints(), concerned)
	old := now
	if len(after.moved) > 0 {
		old = endpointsByNode(before.endpoints(), concerned)
	}
	var out []cutOff
	add := func(was, is *v3.HostEndpoint) {
		flows, instead := before.flows, ""
		switch {
		case was == nil:
			flows = after.flows
		case was.Name != is.Name:
			instead = was.Name
		}
		for _, flow := range flows {
			v, worked, stops := before.stops(after, was, is, flow)
			if !stops {
				continue
			}
			if len(out) < maxCutOffs {
				v = after.rules.wording(is, flow, v)
			}
			out = append(out, cutOff{is.Name, instead, flow, worked, v})
		}
	}
	for _, h := range after.endpoints() {
		if concerned(h) && verdict.Governor(now[h.Spec.Node], h) == h { // Calico ignores others
			add(verdict.Governor(old[h.Spec.Node], h), h)
		}
	}
	for _, h := range before.endpoints() {
		if !after.moved[h.Spec.Node] || verdict.Governor(old[h.Spec.Node], h) != h {
			continue
		}
		heir := verdict.Governor(now[h.Spec.Node], h)
		if heir != nil && verdict.Governor(old[h.Spec.Node], heir) != h { // else it was looked at above
			add(h, heir)
		}
	}
	return out
}

// endpointsByNode returns those host endpoints of a sorted list that are asked for,
// by their nodes.
func endpointsByNode(sorted []*v3.HostEndpoint, asked func(*v3.HostEndpoint) bool) map[string][]*v3.HostEndpoint {
	out := map[string][]*v3.HostEndpoint{}
	for _, h := range sorted {
		if asked(h) {
			out[h.Spec.Node] = append(out[h.Spec.Node], h)
		}
	}
	return out
}

func byName(a, b *v3.HostEndpoint) int { return strings.Compare(a.Name, b.Name) }

// stops tells whether a flow works at an endpoint, or had no endpoint to stop it,
// and is dropped after.
func (w *guardedWorld) stops(after *guardedWorld, old, h *v3.HostEndpoint, flow guardedFlow) (v verdict.Verdict, worked string, stops bool) {
	if old != nil {
		now, watched := w.rules.verdict(old, flow)
		if !watched || now.Outcome != verdict.Allowed {
			return v, "", false
		}
		worked = now.String()
	}
	v, watched := after.rules.verdict(h, flow)
	return v, worked, watched && v.Outcome == verdict.Denied
}

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

// maxCutOffs is how many lines a diagnostic has at most.
const maxCutOffs = 5

// describeCutOffs tells what stops: the first few, and how many there are.
func describeCutOffs(all []cutOff) string {
	endpoints := map[string]bool{}
	for _, c := range all {
		endpoints[c.endpoint] = true
	}
	var b strings.Builder
	for i, c := range all {
		if i == maxCutOffs {
			fmt.Fprintf(&b, "  and %d more, at %d host endpoints in all\n", len(all)-maxCutOffs, len(endpoints))
			break
		}
		before := "now: not protected, nothing is dropped"
		if c.before != "" {
			before = "now: " + c.before
		}
		endpoint := c.endpoint
		if c.instead != "" {
			endpoint += " (which takes the place of " + c.instead + ")"
		}
		fmt.Fprintf(&b, "  %s: %s: %s (%s)\n", endpoint, c.flow, c.after, before)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// load looks at the datastore, once.
func (g *lockoutGuard) load(ctx context.Context, store datastore.Store, release calico.Release) (*guardedWorld, error) {
	switch {
	case g.blind != nil:
		return nil, g.blind
	case g.now != nil:
		return g.now, nil
	}
	snapshot, err := store.Snapshot(ctx, guardKinds(release))
	if err != nil {
		g.blind = err
		return nil, err
	}
	g.now = g.fromSnapshot(release, snapshot)
	return g.now, nil
}

// stored returns where an object was stored at the first look, "" for nowhere. ok is
// false where the guard could not see.
func (g *lockoutGuard) stored(ctx context.Context, store datastore.Store, release calico.Release, id calico.ID) (key string, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	w, err := g.load(ctx, store, release)
	if err != nil {
		return "", false // plan tells of it
	}
	return w.keys[id.Short()], true
}

// errStillBlind is that the guard could not see the datastore, which was told.
var errStillBlind = errors.New("the datastore could not be read before")

// plan returns what a planned change stops, on top of the changes that were
// planned before it.
func (g *lockoutGuard) plan(ctx context.Context, store datastore.Store, release calico.Release, change map[calico.ID]calico.Object) (stops []cutOff, after *guardedWorld, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	before, err := g.load(ctx, store, release)
	if err != nil {
		if g.told {
			err = errStillBlind
		}
		g.told = true
		return nil, nil, err
	}
	after = g.with(before, change)
	g.now = after
	return compare(before, after), after, nil
}

// happened takes note of a deletion that was done. Terraform plans all else once
// more in the apply, and what is planned after it must not count on what is gone.
func (g *lockoutGuard) happened(id calico.ID, after calico.Object) {
	if !g.active() || !changesVerdicts(id.Kind) {
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

// forWrite returns the guard of a write, which is asked in the same transaction.
func (g *lockoutGuard) forWrite(release calico.Release, change func(*datastore.Snapshot) (map[calico.ID]calico.Object, error)) datastore.Guard {
	return datastore.Guard{
		Kinds: guardKinds(release),
		Check: func(snapshot *datastore.Snapshot) ([]string, error) {
			changed, err := change(snapshot)
			if err != nil {
				return nil, err
			}
			before := g.fromSnapshot(release, snapshot)
			after := g.with(before, changed)
			if stops := compare(before, after); len(stops) > 0 {
				return nil, &lockoutError{stops}
			}
			return after.needs(changed), nil
		},
	}
}

// needs returns the keys of the objects that the verdicts come from: those that
// decide first, then those that apply too.
func (w *guardedWorld) needs(changed map[calico.ID]calico.Object) []string {
	var ids []calico.ID
	seen := map[calico.ID]bool{}
	add := func(id calico.ID) {
		id = short(id)
		if _, ours := changed[id]; !ours && id.Kind != "" && !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	verdicts := w.rules.known()
	for _, v := range verdicts {
		add(v.By.Policy)
	}
	for _, id := range w.rules.applying() {
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
			if h, ok := obj.(*v3.HostEndpoint); ok && (w.moved[h.Spec.Node] || w.rules.asksAbout(h) || w.rules.standsForItsNode(h)) {
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
		if w.rules.nodes[h.Spec.Node] {
			add(calico.ID{Kind: calico.KindNode, Name: h.Spec.Node})
		}
	}
	var keys []string
	for _, id := range ids {
		if key := w.keys[id]; key != "" && len(keys) < datastore.MaxGuardedKeys {
			keys = append(keys, key)
		}
	}
	return keys
}

// short is Short for an ID that may be none.
func short(id calico.ID) calico.ID {
	if id.Kind == "" {
		return id
	}
	return id.Short()
}
