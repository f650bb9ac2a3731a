//go:build dataplane && linux

package dataplane

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// bench is a datastore, the provider that writes it, and a Felix that obeys it.
type bench struct {
	*network
	*source
	felix     *felix
	workspace *acctest.Workspace
	// startsWith is what Felix starts anew for if it changes.
	startsWith string
	// counts are of what was compared.
	counts
}

// counts are how many flows passed and how many did not, how many questions about
// many packets were asked and had one answer for all, and what decided.
type counts struct {
	allowed, denied, wide, answered int
	causes                          map[string]int
}

func (c *counts) add(more counts) {
	c.allowed += more.allowed
	c.denied += more.denied
	c.wide += more.wide
	c.answered += more.answered
	for name, n := range more.causes {
		c.causes[name] += n
	}
}

func newBench(t *testing.T, nftables bool) *bench {
	t.Helper()
	return newBenchOn(t, inEtcd(t), nftables)
}

func newBenchOn(t *testing.T, s *source, nftables bool) *bench {
	t.Helper()
	b := &bench{network: newNetwork(t), source: s, counts: counts{causes: map[string]int{}}}
	b.felix = startFelix(t, b.host, s, nftables)
	b.startsWith = startsWith(b.objects(t))
	b.workspace = acctest.NewWorkspace(t, map[string]string{"provider.tf": b.provider("")})
	return b
}

// provider returns the provider's block, with more arguments and blocks.
func (b *bench) provider(more string) string {
	return fmt.Sprintf(`terraform {
  required_providers {
    calico = {
      source = %q
    }
  }
}

provider "calico" {
%s%s}
`, acctest.ProviderSource, b.block, more)
}

// apply applies a configuration in place of the one before, and returns when
// Felix has done as it says.
func (b *bench) apply(t *testing.T, file, content string) {
	t.Helper()
	if err := b.workspace.WriteFile(file, content); err != nil {
		t.Fatal(err)
	}
	b.run(t, "apply", "-auto-approve")
}

// run runs the CLI, and returns when Felix has seen what that did.
func (b *bench) run(t *testing.T, args ...string) {
	t.Helper()
	starts := b.felix.started()
	b.workspace.MustRun(t, args...)
	if now := startsWith(b.objects(t)); now == b.startsWith {
		// No new start is to be waited for.
		starts = 0
	} else {
		b.startsWith = now
	}
	b.felix.settle(t, starts)
}

// objects reads what the datastore holds of what verdicts depend on.
func (b *bench) objects(t *testing.T) []calico.Object {
	t.Helper()
	var objects []calico.Object
	for _, kind := range verdict.Dependencies() {
		stored, corrupt, err := b.store.List(t.Context(), kind)
		if err != nil || len(corrupt) > 0 {
			t.Fatalf("cannot read what is stored: %v, %v", err, corrupt)
		}
		for _, s := range stored {
			objects = append(objects, s.Object)
		}
	}
	return objects
}

func (b *bench) world(t *testing.T) *verdict.World {
	t.Helper()
	release, err := calico.ParseRelease(calicoVersion)
	if err != nil {
		t.Fatal(err)
	}
	return verdict.New(b.objects(t), release, b.options...)
}

// passage is a flow where it passes an interface of the host.
type passage struct {
	iface     string
	direction verdict.Direction
}

// way returns the interfaces of the host that a flow passes.
func (b *bench) way(f flow) []passage {
	if f.from == b.host && f.to == b.host {
		return []passage{{loopback, verdict.Egress}, {loopback, verdict.Ingress}}
	}
	var way []passage
	if f.from != b.host {
		way = append(way, passage{b.interfaceTo(f.from), verdict.Ingress})
	}
	if f.to != b.host {
		way = append(way, passage{b.interfaceTo(f.to), verdict.Egress})
	}
	return way
}

// governing returns the host endpoint of an interface of the host, nil for none.
func (b *bench) governing(w *verdict.World, iface string) *verdict.Endpoint {
	ep, _ := w.Governing(node, iface, b.addressesOf(iface)...)
	return ep
}

// judge tells what the verdict on a flow is: whether it passes, and why.
func (b *bench) judge(w *verdict.World, f flow, seen *counts) (outcome verdict.Outcome, why string) {
	way := b.way(f)
	outcome = verdict.Allowed
	var reasons []string
	for i, p := range way {
		ep := b.governing(w, p.iface)
		if ep == nil {
			reasons = append(reasons, p.iface+" has no host endpoint")
			continue
		}
		question := b.question(f, p.direction)
		if question.Forwarded {
			question.Opposite = []*verdict.Endpoint{b.governing(w, way[1-i].iface)}
		}
		v := w.Decide(ep, question)
		seen.causes[causeNames[v.By.Kind]]++
		reasons = append(reasons, fmt.Sprintf("%s at %s of %s: %s", p.direction, ep.Name, p.iface, v))
		if v.Outcome == verdict.Undecided || v.Outcome == verdict.Denied && outcome == verdict.Allowed {
			outcome = v.Outcome
		}
	}
	return outcome, strings.Join(reasons, "; ")
}

// question asks about a flow at one of the interfaces that it passes.
func (b *bench) question(f flow, direction verdict.Direction) verdict.Flow {
	question := verdict.Flow{
		Direction: direction, Protocol: numorstring.ProtocolFromInt(f.protocol), Forwarded: f.from != b.host && f.to != b.host,
		Peer: single(f.src), Local: f.dst, Port: f.port, SourcePort: f.srcPort,
	}
	if direction == verdict.Egress {
		question.Peer, question.Local = single(f.dst), f.src
	}
	if f.isICMP() {
		question.ICMPType, question.ICMPCode = &f.icmpType, &f.icmpCode
	}
	return question
}

// causeNames are those of everything that can decide about a flow.
var causeNames = map[verdict.CauseKind]string{
	verdict.CauseFailsafe: "failsafe port", verdict.CausePolicyRule: "policy", verdict.CauseTierEnd: "end of tier",
	verdict.CauseProfileRule: "profile", verdict.CauseMissingProfile: "missing profile", verdict.CauseNoMatch: "no match",
	verdict.CauseForwardedDefault: "forwarded default", verdict.CauseOneWay: "one way",
}

func single(addr netip.Addr) netip.Prefix { return netip.PrefixFrom(addr, addr.BitLen()) }

func (b *bench) addressesOf(iface string) []netip.Addr {
	switch iface {
	case outerInterface:
		return b.host.addrs
	case innerInterface:
		return innerAddresses
	default:
		return loopbackAddresses
	}
}

func (b *bench) interfaceTo(n *namespace) string {
	if n == b.inside {
		return innerInterface
	}
	return outerInterface
}

// tries is how often a round of connections is made before a difference counts:
// Felix writes its tables one after the other, and the machine may be too busy
// for one packet's time.
const tries = 5

// compare makes the connections and reports those for which what happens and the
// verdict differ.
func (b *bench) compare(t *testing.T, flows []flow) {
	t.Helper()
	var once counts
	var differences []string
	for try := range tries {
		once, differences = b.differences(t, b.world(t), flows, try)
		if len(differences) == 0 {
			break
		}
	}
	b.add(once)
	if len(differences) > 0 {
		t.Errorf("Felix and the verdict differ about %d of %d flows:\n%s", len(differences), len(flows), strings.Join(differences, "\n"))
	}
}

// differences makes the connections once. It returns how many came to be, and in
// which the verdict is another.
func (b *bench) differences(t *testing.T, w *verdict.World, flows []flow, try int) (once counts, differences []string) {
	t.Helper()
	once.causes = map[string]int{}
	// To connection tracking, these have nothing that would tell them from those before.
	_, _ = b.host.run(fmt.Sprintf("conntrack -D -p %d", experimental))
	flows = renewed(flows)
	// Where a flow seemed to be denied for lack of time, there is more now.
	observed, err := tryAll(t.Context(), flows, patience+time.Duration(try)*patience/4)
	if err != nil {
		t.Fatal(err)
	}
	happens := map[bool]string{true: "passes", false: "is dropped"}
	for i, f := range flows {
		if observed[i] {
			once.allowed++
		} else {
			once.denied++
		}
		outcome, why := b.judge(w, f, &once)
		if f.protocol == udplite && outcome == verdict.Undecided && strings.Contains(why, "nf_conntrack_checksum") {
			// It is 1 here.
			outcome = verdict.Denied
		}
		switch {
		case outcome == verdict.Undecided:
			differences = append(differences, fmt.Sprintf("%s: %s", f, why))
		case observed[i] != (outcome == verdict.Allowed):
			differences = append(differences, fmt.Sprintf("%s: it %s, but %s", f, happens[observed[i]], why))
		}
		ep, question, ok := b.widened(w, f, i)
		if !ok {
			continue
		}
		once.wide++
		v := w.Decide(ep, question)
		if v.Outcome == verdict.Undecided || v.Partial {
			continue
		}
		once.answered++
		if observed[i] != (v.Outcome == verdict.Allowed) {
			differences = append(differences, fmt.Sprintf("%s: it %s, but of all like it (%+v) %s", f, happens[observed[i]], question, v))
		}
	}
	return once, differences
}

// widened asks about more packets than that of the flow, in one way or another:
// about a network of peers, all ports, all ICMP types, all of the host's addresses.
// It is not asked where a flow passes more than one interface.
func (b *bench) widened(w *verdict.World, f flow, way int) (*verdict.Endpoint, verdict.Flow, bool) {
	passages := b.way(f)
	if len(passages) != 1 {
		return nil, verdict.Flow{}, false
	}
	ep := b.governing(w, passages[0].iface)
	question := b.question(f, passages[0].direction)
	if ep == nil {
		return nil, verdict.Flow{}, false
	}
	bits := question.Peer.Bits()
	switch way % 6 {
	case 0:
		question.Peer = netip.PrefixFrom(question.Peer.Addr(), bits-1-way%3)
	case 1:
		question.Peer = netip.PrefixFrom(question.Peer.Addr(), bits-16)
	case 2:
		question.Peer = netip.PrefixFrom(question.Peer.Addr(), 0)
	case 3:
		question.Port, question.ICMPType, question.ICMPCode = 0, nil, nil
	case 4:
		// Its own addresses are those it expects, or all.
		if len(ep.ExpectedIPs) > 0 && !slices.Contains(ep.ExpectedIPs, question.Local) {
			return nil, verdict.Flow{}, false
		}
		question.Local = netip.Addr{}
	default:
		if question.SourcePort < highPorts {
			return nil, verdict.Flow{}, false
		}
		question.SourcePort = 0
	}
	return ep, question, true
}

// startsWith spells what Felix starts anew for: its failsafe ports, and whether it
// drops what is invalid. It takes each from the node's own configuration, else from
// the one for all, else it has its own.
func startsWith(objects []calico.Object) string {
	var lists [2]*[]v3.ProtoPort
	keepsInvalid := false
	for _, name := range []string{"default", "node." + node} {
		for _, obj := range objects {
			c, ok := obj.(*calico.FelixConfiguration)
			if !ok || c.Name != name {
				continue
			}
			for i, list := range []*[]v3.ProtoPort{c.Spec.FailsafeInboundHostPorts, c.Spec.FailsafeOutboundHostPorts} {
				if list != nil {
					lists[i] = list
				}
			}
			if c.Spec.DisableConntrackInvalidCheck != nil {
				keepsInvalid = *c.Spec.DisableConntrackInvalidCheck
			}
		}
	}
	var text strings.Builder
	for _, list := range lists {
		if list == nil {
			text.WriteString("default; ")
		} else {
			fmt.Fprintf(&text, "%v; ", *list)
		}
	}
	fmt.Fprint(&text, keepsInvalid)
	return text.String()
}
