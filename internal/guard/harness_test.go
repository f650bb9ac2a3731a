package guard

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/failsafe"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// The harness attempts lockouts: it changes every kind of object that a flow can
// depend on, in every field that can matter, and asks of each change: would the traffic
// that is declared be dropped, and does the guard let it through? None may do both. The
// changes beside them are harmless, and none of them may be refused.

type world map[calico.ID]calico.Object

func worldOf(objects ...calico.Object) world {
	w := world{}
	for _, obj := range objects {
		w[calico.IDOf(obj).Short()] = obj
	}
	return w
}

// attempt is a change of the world.
type attempt struct {
	name   string
	change map[calico.ID]calico.Object
}

func putting(name string, objects ...calico.Object) attempt {
	a := attempt{name, map[calico.ID]calico.Object{}}
	for _, obj := range objects {
		a.change[calico.IDOf(obj)] = obj
	}
	return a
}

func removing(name string, objects ...calico.Object) attempt {
	a := attempt{name, map[calico.ID]calico.Object{}}
	for _, obj := range objects {
		a.change[calico.IDOf(obj)] = nil
	}
	return a
}

// and joins two changes into one.
func (a attempt) and(b attempt) attempt {
	a.change = maps.Clone(a.change)
	maps.Copy(a.change, b.change)
	return a
}

func changed[T calico.Object](obj T, change func(T)) T {
	c, _ := obj.DeepCopyObject().(T)
	change(c)
	return c
}

// base is a small datacenter without Calico's own failsafe ports.
func base() (w world, parts map[string]calico.Object) {
	order := func(n float64) *float64 { return &n }
	f := failsafe.Policy{
		ManagementCIDRs: []string{"10.1.0.0/24"}, ManagementPorts: []numorstring.Port{numorstring.SinglePort(22), numorstring.SinglePort(2222)},
		EtcdServers: []failsafe.Server{{Address: "10.2.0.11", Ports: single(2379)}}, ICMP: true, DHCP: true,
	}
	guide := v3.NewGlobalNetworkPolicy()
	guide.Name, guide.Spec.Order, guide.Spec.Selector = "failsafe", order(0), "all()"
	guide.Spec.Types = []v3.PolicyType{v3.PolicyTypeIngress, v3.PolicyTypeEgress}
	for _, r := range f.Ingress() {
		guide.Spec.Ingress = append(guide.Spec.Ingress, r.Rule)
	}
	for _, r := range f.Egress() {
		guide.Spec.Egress = append(guide.Spec.Egress, r.Rule)
	}
	vendor := v3.NewGlobalNetworkPolicy()
	vendor.Name, vendor.Spec.Order, vendor.Spec.Selector = "vendor", order(50), "role == 'db'"
	vendor.Spec.Types = []v3.PolicyType{v3.PolicyTypeIngress}
	log, tcp := v3.Rule{Action: v3.Log}, address.Protocol("TCP")
	vendor.Spec.Ingress = []v3.Rule{log, {Action: v3.Allow, Protocol: &tcp, Source: v3.EntityRule{Selector: "net == 'vendor'"}, Destination: v3.EntityRule{Ports: single(22)}}}
	set := v3.NewGlobalNetworkSet()
	set.Name, set.Labels, set.Spec.Nets = "vendor", map[string]string{"net": "vendor"}, []string{"198.51.100.0/24"}
	web := v3.NewGlobalNetworkPolicy()
	web.Name, web.Spec.Order, web.Spec.Selector = "web", order(100), "role == 'web'"
	web.Spec.Types = []v3.PolicyType{v3.PolicyTypeIngress}
	web.Spec.Ingress = []v3.Rule{{Action: v3.Allow, Protocol: &tcp, Destination: v3.EntityRule{Ports: single(443)}}}
	tier := v3.NewTier()
	pass := v3.Pass
	tier.Name, tier.Spec.Order, tier.Spec.DefaultAction = "first", order(10), &pass
	endpoint := func(name, node, iface, role string, ips ...string) *v3.HostEndpoint {
		h := v3.NewHostEndpoint()
		h.Name, h.Labels = name, map[string]string{"role": role}
		h.Spec.Node, h.Spec.InterfaceName, h.Spec.ExpectedIPs = node, iface, ips
		return h
	}
	parts = map[string]calico.Object{
		"failsafe": guide, "vendor": vendor, "set": set, "web": web, "tier": tier, "felix": withoutFailsafePorts(),
		"db1": endpoint("db1", "db1", "eth0", "db", "10.0.0.5"), "web1": endpoint("web1", "web1", "*", "web", "10.0.0.6"),
		"byaddress": endpoint("a-byaddress", "db2", "", "db", "10.0.0.7"),
		// It is for the same interface, and Felix does not use it as long as the other is there.
		"rival": endpoint("z-rival", "db2", "eth0", "other"),
	}
	return worldOf(slices.Collect(maps.Values(parts))...), parts
}

// cut tells whether traffic that was declared and worked is dropped after a change, by
// the interfaces that it arrives at. It knows nothing of the guard.
func cut(before, after world, declared []verdict.Flow) string {
	worlds := [2]*verdict.World{}
	for i, objects := range []world{before, after} {
		worlds[i] = verdict.New(slices.Collect(maps.Values(objects)), calico.Release{Major: 3, Minor: 31}, verdict.WithoutServices)
	}
	for _, endpoint := range worlds[1].Endpoints() {
		if naiveGovernor(worlds[1], endpoint) != endpoint {
			continue
		}
		old := naiveGovernor(worlds[0], endpoint)
		for _, flow := range declared {
			worked := old == nil || worlds[0].Decide(old, flow).Outcome == verdict.Allowed
			if v := worlds[1].Decide(endpoint, flow); worked && v.Outcome != verdict.Allowed {
				return fmt.Sprintf("%s: TCP %d %s: %s", endpoint.Name, flow.Port, flow.Peer, v)
			}
		}
	}
	return ""
}

func (w world) after(change map[calico.ID]calico.Object) world {
	after := maps.Clone(w)
	for id, obj := range change {
		if obj == nil {
			delete(after, id.Short())
		} else {
			after[id.Short()] = obj
		}
	}
	return after
}

func TestAttemptedLockouts(t *testing.T) {
	before, parts := base()
	flows := func(cidr string, ports ...uint16) (out []verdict.Flow) {
		for _, port := range ports {
			out = append(out, tcp(verdict.Ingress, access{netip.MustParsePrefix(cidr), port}))
		}
		return out
	}
	declared := append(flows("10.1.0.0/24", 22, 2222), tcp(verdict.Egress, access{netip.MustParsePrefix("10.2.0.11/32"), 2379}))
	declaredByVendor := append(slices.Clone(declared), flows("198.51.100.0/24", 22)...)

	lockouts, harmless := attempts(parts), harmlessChanges(parts)
	if len(lockouts) < 100 || len(harmless) < 40 {
		t.Errorf("only %d attempts and %d harmless changes", len(lockouts), len(harmless))
	}
	guard := func() *Guard {
		return &Guard{Options: withoutServices, Lockout: Watch{Mode: Error}, Exposure: Watch{Mode: Off}}
	}
	release := calico.Release{Major: 3, Minor: 31}
	refused := func(a attempt) []Breach {
		g := guard()
		now := g.newWorld(release, objectSet{base: maps.Clone(before)}, nil)
		_, _, refused := g.Divide(now.compare(now.with(a.change)))
		return refused
	}
	names, succeeded := map[string]bool{}, 0
	for _, a := range slices.Concat(lockouts, harmless) {
		if names[a.name] {
			t.Errorf("there are two changes %q", a.name)
		}
		names[a.name] = true
	}
	for _, a := range lockouts {
		dropped := cut(before, before.after(a.change), declaredByVendor)
		if dropped != "" {
			succeeded++
		}
		// Only the host knows that two endpoints are for one interface.
		if strings.Contains(a.name, "its rival") && len(refused(a)) == 0 {
			t.Errorf("%s: the guard lets it through", a.name)
		}
		if dropped != "" && len(refused(a)) == 0 {
			t.Errorf("%s: the guard lets it through, and Felix drops %s", a.name, dropped)
		}
	}
	for _, a := range harmless {
		if dropped := cut(before, before.after(a.change), declared); dropped != "" {
			t.Errorf("%s is not harmless: %s", a.name, dropped)
		}
		if stops := refused(a); len(stops) > 0 {
			t.Errorf("%s is refused: %s", a.name, strings.Join(Report(stops), "\n"))
		}
	}
	t.Logf("%d attempts, %d of which would drop something; %d harmless changes", len(lockouts), succeeded, len(harmless))
	if succeeded < 80 {
		t.Errorf("only %d of %d attempts would drop anything", succeeded, len(lockouts))
	}
}
