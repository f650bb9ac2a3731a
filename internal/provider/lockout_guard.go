package provider

import (
	"context"
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
	now     *guardedWorld
	loading error
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

// active tells whether there is anything to do for the guard.
func (g *lockoutGuard) active() bool { return g != nil && g.mode != guardOff }

// guardedWorld is objects with what follows from them for traffic.
type guardedWorld struct {
	release calico.Release
	objects map[calico.ID]calico.Object
	keys    map[calico.ID]string
	world   *verdict.World
	flows   []guardedFlow
	// verdicts are those that were asked for, by endpoint and flow.
	verdicts map[string]verdict.Verdict
}

// guardKinds are the kinds that can change a verdict in a release.
func guardKinds(release calico.Release) []calico.Kind {
	return slices.DeleteFunc(verdict.Dependencies(), func(kind calico.Kind) bool {
		since := kind.Since()
		return !release.AtLeast(since.Major, since.Minor, since.Patch)
	})
}

// changesVerdicts tells whether an object of the kind can change a verdict.
func changesVerdicts(kind calico.Kind) bool { return slices.Contains(verdict.Dependencies(), kind) }

func (g *lockoutGuard) newWorld(release calico.Release, objects map[calico.ID]calico.Object, keys map[calico.ID]string) *guardedWorld {
	w := &guardedWorld{release: release, objects: objects, keys: keys, verdicts: map[string]verdict.Verdict{}}
	all := make([]calico.Object, 0, len(objects))
	for _, id := range slices.SortedFunc(maps.Keys(objects), func(a, b calico.ID) int { return strings.Compare(a.String(), b.String()) }) {
		all = append(all, objects[id])
	}
	w.world = verdict.New(all, release)
	w.flows = g.flows
	if w.flows == nil {
		w.flows = g.defaultFlows(all)
	}
	return w
}

func (g *lockoutGuard) fromSnapshot(release calico.Release, snapshot *datastore.Snapshot) *guardedWorld {
	objects, keys := map[calico.ID]calico.Object{}, map[calico.ID]string{}
	for _, stored := range snapshot.Objects {
		id := calico.IDOf(stored.Object).Short()
		objects[id], keys[id] = stored.Object, stored.Key
	}
	return g.newWorld(release, objects, keys)
}

// with returns the world after a change: objects by their IDs, nil for those
// that are deleted.
func (g *lockoutGuard) with(w *guardedWorld, change map[calico.ID]calico.Object) *guardedWorld {
	objects := maps.Clone(w.objects)
	for id, obj := range change {
		if obj == nil {
			delete(objects, id.Short())
		} else {
			objects[id.Short()] = obj
		}
	}
	return g.newWorld(w.release, objects, w.keys)
}

// defaultFlows are what has to work where nothing else is said: the management
// access of the failsafe policies, and the way to the datastore.
func (g *lockoutGuard) defaultFlows(objects []calico.Object) []guardedFlow {
	var flows []guardedFlow
	for _, obj := range objects {
		policy, ok := obj.(*v3.GlobalNetworkPolicy)
		if !ok {
			continue
		}
		f, ok := parseFailsafe(policy.Spec.Ingress, policy.Spec.Egress)
		if !ok {
			continue
		}
		port := uint16(portSSH)
		if len(f.managementPorts) > 0 && !slices.ContainsFunc(f.managementPorts, func(p numorstring.Port) bool { return p.MinPort <= portSSH && portSSH <= p.MaxPort }) {
			port = f.managementPorts[0].MinPort // where SSH is found on another port
		}
		for _, cidr := range f.managementCIDRs {
			if peer, err := netip.ParsePrefix(asNet(cidr)); err == nil {
				flows = append(flows, guardedFlow{name: "management access", flow: verdict.Flow{
					Direction: verdict.Ingress, Protocol: protocol("TCP"), Peer: peer.Masked(), Port: port,
				}})
			}
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
	flow     guardedFlow
	// before is "" where there was no endpoint yet, and so nothing dropped.
	before string
	after  verdict.Verdict
}

func (w *guardedWorld) verdict(endpoint *verdict.Endpoint, flow guardedFlow) verdict.Verdict {
	key := endpoint.Name + "\x00" + flow.String() + "\x00" + flow.flow.Direction.String()
	v, ok := w.verdicts[key]
	if !ok {
		v = w.world.Decide(endpoint, flow.flow)
		w.verdicts[key] = v
	}
	return v
}

// compare returns the flows that stop at some endpoint between two worlds. The
// flows are those of before: a failsafe policy that goes takes its flows with it.
// A new endpoint is judged by the flows of after.
func compare(before, after *guardedWorld) []cutOff {
	var out []cutOff
	for _, endpoint := range after.world.Endpoints() {
		old, existed := before.world.Endpoint(endpoint.Name)
		flows := before.flows
		if !existed {
			flows = after.flows
		}
		for _, flow := range flows {
			if !flow.watchedAt(endpoint) {
				continue
			}
			worked := ""
			if existed {
				v := before.verdict(old, flow)
				if v.Outcome != verdict.Allowed {
					continue
				}
				worked = v.String()
			}
			if v := after.verdict(endpoint, flow); v.Outcome == verdict.Denied {
				out = append(out, cutOff{endpoint.Name, flow, worked, v})
			}
		}
	}
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
		fmt.Fprintf(&b, "  %s: %s: %s (%s)\n", c.endpoint, c.flow, c.after, before)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// load looks at the datastore, once.
func (g *lockoutGuard) load(ctx context.Context, store datastore.Store, release calico.Release) (*guardedWorld, error) {
	if g.now == nil && g.loading == nil {
		snapshot, err := store.Snapshot(ctx, guardKinds(release))
		if err != nil {
			g.loading = err
		} else {
			g.now = g.fromSnapshot(release, snapshot)
		}
	}
	return g.now, g.loading
}

// plan returns what a planned change stops, on top of the changes that were
// planned before it.
func (g *lockoutGuard) plan(ctx context.Context, store datastore.Store, release calico.Release, change map[calico.ID]calico.Object) (stops []cutOff, after *guardedWorld, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	before, err := g.load(ctx, store, release)
	if err != nil {
		return nil, nil, err
	}
	after = g.with(before, change)
	g.now = after
	return compare(before, after), after, nil
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
	for _, key := range slices.Sorted(maps.Keys(w.verdicts)) {
		add(w.verdicts[key].By.Policy)
	}
	for _, endpoint := range w.world.Endpoints() {
		for _, id := range w.world.Policies(endpoint) {
			add(id)
			if id.Tier != "" {
				add(calico.ID{Kind: calico.KindTier, Name: id.Tier})
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(w.verdicts)) {
		if profile := w.verdicts[key].By.Profile; profile != "" {
			add(calico.ID{Kind: calico.KindProfile, Name: profile})
		}
	}
	// Sets and failsafe ports decide too, and there are few of them.
	for _, id := range slices.SortedFunc(maps.Keys(w.objects), func(a, b calico.ID) int { return strings.Compare(a.String(), b.String()) }) {
		switch id.Kind {
		case calico.KindGlobalNetworkSet, calico.KindNetworkSet, calico.KindFelixConfiguration:
			add(id)
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
