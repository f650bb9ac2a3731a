// Package trafficguard has the guards of the provider block, lockout_guard and
// exposure_guard: what is configured of them, what they have seen of the datastore, and
// what they say. What a change does to traffic, package guard finds out.
package trafficguard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/guard"
)

// Guard is the guard of a provider block, with what it has seen of the datastore
// and what it has told: both once.
type Guard struct {
	guard.Guard
	// endpoints are the URLs of the datastore, until they are looked up.
	endpoints []string
	// InPod is true if there are none because the provider reaches the datastore as only
	// pods can.
	InPod   bool
	located sync.Once
	// surrounded is done when it is known what there is of workloads, and unseen why that is
	// not known; "" if it is.
	surrounded sync.Once
	unseen     string
	// unwatched are the servers that could not be found by their names.
	unwatched []string

	mu sync.Mutex
	// keys are where objects were stored at the first look; nil before it.
	keys map[calico.ID]string
	// corrupt tells that something was stored then that is no valid object.
	corrupt bool
	// blind is why the first look failed; nil if it did not.
	blind error
	// warned are the warnings that were given: once is enough. told counts those that
	// are given for each object.
	warned map[string]bool
	told   map[string]int
}

// Active tells whether there is anything to do for the guard.
func (g *Guard) Active() bool { return g != nil && g.Guard.Active() }

// Refuses tells whether the guard refuses writes.
func (g *Guard) Refuses() bool { return g != nil && g.Guard.Refuses() }

// Once tells whether something is to be told, which is told once.
func (g *Guard) Once(what string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.warned[what] {
		return false
	}
	if g.warned == nil {
		g.warned = map[string]bool{}
	}
	g.warned[what] = true
	return true
}

// Heading adds a name to the summary of a warning: Terraform shows one of several
// warnings with the same summary, and hides which others it is about. From the tenth
// on it may.
func (g *Guard) Heading(summary, name string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.told == nil {
		g.told = map[string]int{}
	}
	const named = 10
	if g.told[summary]++; g.told[summary] > named {
		return summary
	}
	return fmt.Sprintf("%s: %s", summary, name)
}

// look looks at the datastore, once: every change is foreseen from there.
func (g *Guard) look(ctx context.Context, store datastore.Store, release calico.Release) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.keys != nil || g.blind != nil {
		return g.blind
	}
	g.locate(ctx)
	snapshot, err := store.Snapshot(ctx, verdict.DependenciesIn(release))
	if err != nil {
		g.blind = err
		return err
	}
	g.corrupt = len(snapshot.Corrupt) > 0
	var objects map[calico.ID]calico.Object
	objects, g.keys = ObjectsOf(snapshot)
	g.surround(ctx, store)
	g.Begin(release, objects)
	return nil
}

// locate finds the addresses of the datastore that mean the same to hosts, which
// loopback addresses do not. A server that is given by its name has several. They are
// looked up once.
func (g *Guard) locate(ctx context.Context) { g.located.Do(func() { g.lookUp(ctx) }) }

func (g *Guard) lookUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookUpTime)
	defer cancel()
	var servers []netip.AddrPort
	byName := false
	add := func(addr netip.Addr, port uint16) bool {
		server := netip.AddrPortFrom(addr.Unmap(), port)
		if addr.IsLoopback() || addr.IsUnspecified() || slices.Contains(servers, server) {
			return false
		}
		servers = append(servers, server)
		return true
	}
	for _, endpoint := range g.endpoints {
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
		byName = true
		found := false
		addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
		for _, addr := range addrs {
			found = add(addr, uint16(port)) || found
		}
		if err != nil || !found {
			g.unwatched = append(g.unwatched, u.Host)
		}
	}
	g.Locate(servers, byName)
}

// lookUpTime is how long the names of the datastore's servers are looked up at most.
const lookUpTime = 5 * time.Second

// ObjectsOf returns what a snapshot holds, and where each object is stored. A policy
// that two releases have stored under a name each is there twice, as Calico enforces
// both: the second has its key in the place of its name.
func ObjectsOf(snapshot *datastore.Snapshot) (objects map[calico.ID]calico.Object, keys map[calico.ID]string) {
	objects, keys = map[calico.ID]calico.Object{}, map[calico.ID]string{}
	for _, stored := range snapshot.Objects {
		id := calico.IDOf(stored.Object).Short()
		if objects[id] != nil {
			id.Name = stored.Where
		}
		objects[id], keys[id] = stored.Object, stored.Where
	}
	return objects, keys
}

// Stored returns where an object was stored at the first look, "" for nowhere. ok is
// false if the guard could not see: what is no valid object is not there for it, and
// stands in the way all the same.
func (g *Guard) Stored(ctx context.Context, store datastore.Store, release calico.Release, id calico.ID) (key string, ok bool) {
	if err := g.look(ctx, store, release); err != nil {
		return "", false // foresee tells of it
	}
	key = g.keys[id.Short()]
	return key, key != "" || !g.corrupt
}

// ErrStillBlind is that the guard could not see the datastore, which was told.
var ErrStillBlind = errors.New("the datastore could not be read before")

// Foresee returns what a planned change does, on top of the changes that were planned
// before it.
func (g *Guard) Foresee(ctx context.Context, store datastore.Store, release calico.Release, change guard.Change) (breaches []guard.Breach, before, after *guard.World, err error) {
	if err := g.look(ctx, store, release); err != nil {
		if !g.Once("blind") {
			err = ErrStillBlind
		}
		return nil, nil, nil, err
	}
	breaches, before, after = g.Guard.Foresee(change)
	return breaches, before, after, nil
}

// Happened takes note of a deletion that was done. Terraform plans all else once
// more in the apply, and what is planned after it must not count on what is gone.
func (g *Guard) Happened(id calico.ID, after calico.Object) {
	if !g.Active() {
		return
	}
	// A look that is under way may have seen what is gone: it comes first.
	g.mu.Lock()
	defer g.mu.Unlock()
	g.Guard.Happened(id, after)
}

// ForWrite returns the guard of a write, which the store asks at its moment. An apply
// that only destroys has looked at nothing before: the way to the datastore is found here.
func (g *Guard) ForWrite(ctx context.Context, store datastore.Store, release calico.Release, change func(*datastore.Snapshot) (guard.Change, error)) datastore.Guard {
	g.locate(ctx)
	g.surround(ctx, store)
	return datastore.Guard{
		Kinds: verdict.DependenciesIn(release),
		Check: func(snapshot *datastore.Snapshot) ([]calico.ID, error) {
			changed, err := change(snapshot)
			if err != nil {
				return nil, err
			}
			if refuses, detail := g.isBlind(); refuses {
				return nil, errors.New(detail)
			}
			objects, _ := ObjectsOf(snapshot)
			return g.Check(release, objects, changed)
		},
	}
}
