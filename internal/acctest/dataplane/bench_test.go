//go:build dataplane && linux

package dataplane

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore/etcdv3"
)

// bench is a datastore, the provider that writes it, and a Felix that obeys it.
type bench struct {
	*network
	felix     *felix
	etcd      *acctest.Etcd
	store     *etcdv3.Store
	workspace *acctest.Workspace
	// failsafes are the failsafe ports that Felix works with.
	failsafes string
	// causes counts what has decided about flows.
	causes map[string]int
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{network: newNetwork(t), causes: map[string]int{}}
	b.etcd = acctest.NewEtcd(t, acctest.WithCalico(calicoVersion))
	store, err := etcdv3.New(t.Context(), etcdv3.Config{Endpoints: b.etcd.Endpoints}, etcdv3.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	b.store = store
	b.felix = startFelix(t, b.host, b.etcd)
	b.failsafes = failsafesOf(b.objects(t))
	b.workspace = acctest.NewWorkspace(t, map[string]string{"provider.tf": fmt.Sprintf(`terraform {
  required_providers {
    calico = {
      source = %q
    }
  }
}

provider "calico" {
  etcd {
    endpoints = [%q]
  }
}
`, acctest.ProviderSource, b.etcd.Endpoints[0])})
	return b
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
	if failsafes := failsafesOf(b.objects(t)); failsafes == b.failsafes {
		// No new start is to be waited for.
		starts = 0
	} else {
		b.failsafes = failsafes
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
	return verdict.New(b.objects(t), release)
}

// judge tells what the verdict on a flow is: whether it passes, and why.
func (b *bench) judge(w *verdict.World, f flow) (outcome verdict.Outcome, why string) {
	forwarded := f.from != b.host && f.to != b.host
	type passage struct {
		iface     string
		direction verdict.Direction
	}
	var way []passage
	if f.from != b.host {
		way = append(way, passage{b.interfaceTo(f.from), verdict.Ingress})
	}
	if f.to != b.host {
		way = append(way, passage{b.interfaceTo(f.to), verdict.Egress})
	}
	outcome = verdict.Allowed
	var reasons []string
	for _, p := range way {
		var addrs []netip.Addr
		if p.iface == outerInterface {
			addrs = b.host.addrs
		}
		ep, ok := w.Governing(node, p.iface, addrs...)
		if !ok {
			reasons = append(reasons, p.iface+" has no host endpoint")
			continue
		}
		question := verdict.Flow{
			Direction: p.direction, Protocol: numorstring.ProtocolFromInt(f.protocol), Forwarded: forwarded,
			Peer: single(f.src), Local: f.dst, Port: f.port, SourcePort: f.srcPort,
		}
		if p.direction == verdict.Egress {
			question.Peer, question.Local = single(f.dst), f.src
		}
		if f.protocol == icmp || f.protocol == icmpv6 {
			question.ICMPType, question.ICMPCode = &f.icmpType, &f.icmpCode
		}
		v := w.Decide(ep, question)
		b.causes[causeNames[v.By.Kind]]++
		reasons = append(reasons, fmt.Sprintf("%s at %s of %s: %s", p.direction, ep.Name, p.iface, v))
		if v.Outcome == verdict.Undecided || v.Outcome == verdict.Denied && outcome == verdict.Allowed {
			outcome = v.Outcome
		}
	}
	return outcome, strings.Join(reasons, "; ")
}

// causeNames are those of everything that can decide about a flow.
var causeNames = map[verdict.CauseKind]string{
	verdict.CauseFailsafe: "failsafe port", verdict.CausePolicyRule: "policy", verdict.CauseTierEnd: "end of tier",
	verdict.CauseProfileRule: "profile", verdict.CauseMissingProfile: "missing profile", verdict.CauseNoMatch: "no match",
	verdict.CauseForwardedDefault: "forwarded default",
}

func single(addr netip.Addr) netip.Prefix { return netip.PrefixFrom(addr, addr.BitLen()) }

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
// verdict differ. It returns how many there were of each outcome.
func (b *bench) compare(t *testing.T, flows []flow) (allowed, denied int) {
	t.Helper()
	allowed, differences := 0, []string(nil)
	for try := range tries {
		allowed, differences = b.differences(t, b.world(t), flows, try)
		if len(differences) == 0 {
			break
		}
	}
	if len(differences) > 0 {
		t.Errorf("Felix and the verdict differ about %d of %d flows:\n%s", len(differences), len(flows), strings.Join(differences, "\n"))
	}
	return allowed, len(flows) - allowed
}

// differences makes the connections once. It returns how many came to be, and in
// which the verdict is another.
func (b *bench) differences(t *testing.T, w *verdict.World, flows []flow, try int) (allowed int, differences []string) {
	t.Helper()
	// To connection tracking, these have nothing that would tell them from those before.
	_, _ = b.host.run(fmt.Sprintf("conntrack -D -p %d", experimental))
	flows = renewed(flows)
	// Where a flow seemed to be denied for lack of time, there is more now.
	observed, err := tryAll(t.Context(), flows, patience+time.Duration(try)*patience/4)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range flows {
		if observed[i] {
			allowed++
		}
		outcome, why := b.judge(w, f)
		switch {
		case outcome == verdict.Undecided:
			differences = append(differences, fmt.Sprintf("%s: %s", f, why))
		case observed[i] != (outcome == verdict.Allowed):
			happens := map[bool]string{true: "passes", false: "is dropped"}[observed[i]]
			differences = append(differences, fmt.Sprintf("%s: it %s, but %s", f, happens, why))
		}
	}
	return allowed, differences
}

// failsafesOf spells the failsafe ports of the host: when they change, Felix
// starts anew. It takes each list from the node's own configuration, else from
// the one for all, else it has its own.
func failsafesOf(objects []calico.Object) string {
	var lists [2]*[]v3.ProtoPort
	for _, name := range []string{"default", "node." + node} {
		for _, obj := range objects {
			c, ok := obj.(*v3.FelixConfiguration)
			if !ok || c.Name != name {
				continue
			}
			for i, list := range []*[]v3.ProtoPort{c.Spec.FailsafeInboundHostPorts, c.Spec.FailsafeOutboundHostPorts} {
				if list != nil {
					lists[i] = list
				}
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
	return text.String()
}
