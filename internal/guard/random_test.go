package guard

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// guardGenerator makes changes to a small datacenter in which endpoints are at the
// far side of flows, share addresses, and are as often alike as not. Each
// datacenter has some of the traits only, so that each is seen by itself.
type guardGenerator struct {
	*rand.Rand
	far, near, named, nets, preDNAT, profiles, unlike bool
	// pool is where addresses come from.
	pool []func() string
}

func oneOf[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

func newGuardGenerator(seed uint64) guardGenerator {
	r := rand.New(rand.NewPCG(seed, 7))
	trait := func(n int) bool { return r.IntN(n) == 0 }
	g := guardGenerator{Rand: r, far: trait(2), near: trait(2), named: trait(3), nets: trait(2), preDNAT: trait(4), profiles: trait(4), unlike: trait(3)}
	for _, address := range []func() string{
		// Endpoints could fill these networks,
		func() string { return fmt.Sprintf("10.0.0.%d", r.IntN(4)) },
		func() string { return fmt.Sprintf("2001:db8::%x", 1+r.IntN(15)) },
		// and not this one, in which two rarely have the same address,
		func() string { return fmt.Sprintf("10.%d.%d.%d", 64+r.IntN(64), r.IntN(2), r.IntN(200)) },
		// or do.
		func() string { return fmt.Sprintf("10.64.9.%d", r.IntN(6)) },
	} {
		if trait(2) {
			g.pool = append(g.pool, address)
		}
	}
	return g
}

func (g guardGenerator) net() string {
	return oneOf(g.Rand, "10.0.0.0/30", "10.0.0.2/32", "10.64.0.0/11", "10.96.0.0/11", "10.64.9.0/30", "0.0.0.0/0", "2001:db8::/124", "10.0.0.0/8")
}

func (g guardGenerator) entity(selects, ports bool) v3.EntityRule {
	var e v3.EntityRule
	if g.nets && g.IntN(3) == 0 {
		e.Nets = []string{g.net()}
	}
	if g.nets && g.IntN(8) == 0 {
		e.NotNets = []string{g.net()}
	}
	if selects && g.IntN(2) == 0 {
		e.Selector = oneOf(g.Rand, "role == 'a'", "role != 'a'", "has(zone)", "all()")
	}
	if selects && g.IntN(6) == 0 {
		e.NotSelector = oneOf(g.Rand, "role == 'a'", "has(zone)")
	}
	if ports && g.IntN(2) == 0 {
		e.Ports = []numorstring.Port{oneOf(g.Rand, numorstring.SinglePort(22), numorstring.SinglePort(80))}
		if g.named {
			e.Ports = []numorstring.Port{numorstring.NamedPort("http")}
		}
	}
	return e
}

func (g guardGenerator) rules(direction verdict.Direction) []v3.Rule {
	var out []v3.Rule
	for range 1 + g.IntN(3) {
		source, destination := g.far, g.near
		if direction == verdict.Egress {
			source, destination = destination, source
		}
		tcp := address.Protocol("TCP")
		out = append(out, v3.Rule{
			Action: oneOf(g.Rand, v3.Allow, v3.Allow, v3.Allow, v3.Deny, v3.Pass), Protocol: &tcp,
			Source: g.entity(source, false), Destination: g.entity(destination, true),
		})
	}
	return out
}

func (g guardGenerator) labels() map[string]string {
	labels := map[string]string{"role": oneOf(g.Rand, "a", "a", "b")}
	if g.unlike && g.IntN(2) == 0 {
		labels["zone"] = oneOf(g.Rand, "y", "z")
	}
	return labels
}

// object is an endpoint most of the time, once there are rules.
func (g guardGenerator) object(rules bool) calico.Object {
	kind := g.IntN(30)
	if rules {
		kind = g.IntN(4)
	}
	switch kind {
	case 0, 1:
		p := v3.NewGlobalNetworkPolicy()
		order := float64(g.IntN(4))
		p.Name, p.Spec.Order, p.Spec.Selector = fmt.Sprintf("p%d", g.IntN(3)), &order, oneOf(g.Rand, "all()", "all()", "role == 'a'", "has(zone)")
		p.Spec.Ingress, p.Spec.Egress = g.rules(verdict.Ingress), g.rules(verdict.Egress)
		if g.preDNAT && g.IntN(2) == 0 {
			p.Spec.PreDNAT, p.Spec.ApplyOnForward, p.Spec.Egress = true, true, nil
			p.Spec.Selector = oneOf(g.Rand, "all()", "role == 'a'", "role == 'b'")
		}
		calico.Default(p, calico.Newest)
		return p
	case 2:
		s := v3.NewGlobalNetworkSet()
		s.Name, s.Labels, s.Spec.Nets = fmt.Sprintf("s%d", g.IntN(2)), g.labels(), []string{g.net()}
		return s
	case 3:
		if g.profiles {
			p := v3.NewProfile()
			p.Name, p.Spec.LabelsToApply, p.Spec.Ingress = "p", map[string]string{"zone": "z"}, g.rules(verdict.Ingress)
			return p
		}
		return withoutFailsafePorts()
	default:
		h := v3.NewHostEndpoint()
		h.Name, h.Labels = fmt.Sprintf("e%02d", g.IntN(14)), g.labels()
		h.Spec.Node, h.Spec.InterfaceName = fmt.Sprintf("n%d", g.IntN(4)), oneOf(g.Rand, "eth0", "eth1", "eth2", "eth3", "*")
		for range oneOf(g.Rand, 0, 1, 1, 1, 1, 2) {
			if len(g.pool) > 0 {
				h.Spec.ExpectedIPs = append(h.Spec.ExpectedIPs, oneOf(g.Rand, g.pool...)())
			}
		}
		if len(h.Spec.ExpectedIPs) > 0 && g.IntN(3) == 0 {
			h.Spec.InterfaceName = ""
		}
		if g.profiles && g.IntN(2) == 0 {
			h.Spec.Profiles = []string{"p"}
		}
		if g.named && g.IntN(2) == 0 {
			h.Spec.Ports = []v3.EndpointPort{{Name: "http", Protocol: address.Protocol("TCP"), Port: oneOf(g.Rand, uint16(80), 80, 81)}}
		}
		return h
	}
}

// breachesOf is what compare finds, by endpoint and flow.
func breachesOf(all []Breach) []string {
	var out []string
	for _, c := range all {
		out = append(out, c.Endpoint+" "+c.Flow.String())
	}
	return out
}

// What the guard finds by its classes, and by what it need not look at again, is
// what there is to find.
func TestCompareFindsWhatThereIs(t *testing.T) {
	t.Parallel()
	// More were compared when this was made: GUARD_WORLDS=600 does it again.
	worlds := uint64(300)
	if testing.Short() {
		worlds = 8
	}
	if text := os.Getenv("GUARD_WORLDS"); text != "" {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		worlds = n
	}
	found, shared, changes := 0, 0, 0
	for seed := range worlds {
		g := newGuardGenerator(seed)
		guard := &Guard{Options: withoutServices, Lockout: Watch{Mode: Warn, Flows: []Flow{}}, Exposure: Watch{Mode: Warn, Flows: []Flow{}}}
		for _, peer := range []string{"10.0.0.0/30", "10.0.0.1/32", "10.64.0.0/10", "0.0.0.0/0", "2001:db8::/64", "10.64.9.0/29", "10.64.9.3/32"} {
			if g.IntN(3) == 0 {
				guard.Lockout.Flows = append(guard.Lockout.Flows, Flow{Traffic: verdict.Flow{
					Direction: verdict.Direction(g.IntN(2)), Protocol: address.Protocol("TCP"), Peer: netip.MustParsePrefix(peer), Port: oneOf(g.Rand, uint16(22), 80, 81, 5000),
				}})
			}
		}
		for _, peer := range []string{"0.0.0.0/0", "10.64.0.0/10", "::/0"} {
			if g.IntN(3) == 0 {
				guard.Exposure.Flows = append(guard.Exposure.Flows, Flow{
					Shut: true, except: []netip.Prefix{netip.MustParsePrefix("10.64.9.0/29"), netip.MustParsePrefix("2001:db8::/64")},
					Traffic: verdict.Flow{Direction: verdict.Direction(g.IntN(2)), Protocol: address.Protocol("TCP"), Peer: netip.MustParsePrefix(peer), Port: oneOf(g.Rand, uint16(22), 80, 81, 5000)},
				})
			}
		}
		objects := map[calico.ID]calico.Object{}
		now := guard.newWorld(calico.Newest, objectSet{}, nil)
		var history []string
		for step := range 60 {
			obj := g.object(step < 6)
			change := map[calico.ID]calico.Object{calico.IDOf(obj): obj}
			if g.IntN(4) == 0 {
				change[calico.IDOf(obj)] = nil
			}
			before := maps.Clone(objects)
			for id, obj := range change {
				if obj == nil {
					delete(objects, id.Short())
				} else {
					objects[id.Short()] = obj
				}
				history = append(history, fmt.Sprintf("%s: %v", id, obj))
			}
			after := now.with(change)
			got := breachesOf(now.compare(after))
			want, may := naiveBreaches(slices.Concat(guard.Lockout.Flows, guard.Exposure.Flows), before, objects)
			lacks := func(all, some []string) bool {
				return slices.ContainsFunc(some, func(one string) bool { return !slices.Contains(all, one) })
			}
			// Of what must stay shut the guard may tell too much: if one endpoint takes over
			// from another, near addresses are not compared one by one if no rule looks
			// at them.
			open := slices.DeleteFunc(slices.Clone(got), func(one string) bool { return strings.Contains(one, "other than declared") })
			if lacks(got, want) || lacks(may, open) {
				t.Fatalf("seed %d: the guard finds\n%q, and there is\n%q, or at most\n%q after\n%s", seed, got, want, may, strings.Join(history, "\n"))
			}
			changes++
			found += len(want)
			if now.rules == after.rules && now.rules.RegardEndpoints() {
				shared++
			}
			now = after
		}
	}
	// The test means something only if there is much to find, and much to spare.
	t.Logf("%d changes, %d flows cut off, %d changes without looking at others", changes, found, shared)
	if found < changes/10 || shared < changes/10 {
		t.Errorf("only %d flows cut off by %d changes, and %d of these without looking at others", found, changes, shared)
	}
}
