//go:build dataplane && linux

package dataplane

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// podVerdict is the verdict on a flow, as far as it passes this host.
type podVerdict struct {
	outcome verdict.Outcome
	why     string
	// cause is what decides, as a few words.
	cause string
	// without tells that no verdict is to be had, for a reason that is known: the flow is
	// left out of what is compared. See unreadPolicies.
	without bool
	// interfaces tells that it takes to know which interface of the host the flow passes, as
	// verdict.Connect does not.
	interfaces bool
	// onTheWay tells that an endpoint of the host decides about what is forwarded.
	onTheWay bool
}

// unreadPolicies is in the reason where there are policies of Kubernetes' administrators,
// whose rules the store does not read. Verdicts at pods are undecided for that reason alone
// then, and those flows are left out. No other flow may be undecided.
const unreadPolicies = "AdminNetworkPolicy"

// podCourt knows what the verdicts in one state are made of.
type podCourt struct {
	*podBench
	world *verdict.World
	// known has the same network, and knows the host's interfaces.
	known *bench
}

// verdictsOnPods is the judge: verdict.Connect, with what the provider's store reads.
func verdictsOnPods(t *testing.T, b *podBench, objects []calico.Object) func(flow) podVerdict {
	t.Helper()
	release, err := calico.ParseRelease(calicoVersion)
	if err != nil {
		t.Fatal(err)
	}
	found, err := b.store.Workloads(t.Context(), datastore.WorkloadQuestion{Peers: true, Services: true, Policies: true})
	if err != nil || len(found.Unread) > 0 {
		t.Fatalf("cannot read the workloads: %v, %v", err, found)
	}
	for _, endpoint := range found.Endpoints {
		objects = append(objects, endpoint)
	}
	for _, policy := range found.Policies {
		objects = append(objects, policy)
	}
	options := []verdict.Option{verdict.WithServices(found.Services, found.Slices)}
	if found.Undecided != "" {
		options = append(options, verdict.WithUnreadPolicies("there is "+found.Undecided))
	}
	c := podCourt{b, verdict.New(withEnvironment(objects), release, options...), &bench{network: b.network, source: b.source}}
	return c.judge
}

// withEnvironment adds what is known here and no object tells. There are no tunnels between
// the nodes, and nobody puts a node's address in the place of a pod's: so it is with an IP
// pool that asks for neither. And where no object sets defaultEndpointToHostAction Felix
// drops: no variable of its environment says otherwise, as that of Calico's manifests does.
func withEnvironment(objects []calico.Object) []calico.Object {
	for i, cidr := range []string{"192.168.0.0/16", "fd02::/15"} {
		pool := v3.NewIPPool()
		pool.Name, pool.Spec.CIDR = fmt.Sprintf("pool%d", i), cidr
		objects = append(objects, pool)
	}
	const drop = "Drop"
	for i, obj := range objects {
		c, ok := obj.(*calico.FelixConfiguration)
		if !ok || c.Name != "default" {
			continue
		}
		if c.Spec.DefaultEndpointToHostAction == "" {
			c = c.DeepCopy()
			c.Spec.DefaultEndpointToHostAction = drop
			objects[i] = c
		}
		return objects
	}
	c := calico.NewFelixConfiguration()
	c.Name, c.Spec.DefaultEndpointToHostAction = "default", drop
	return append(objects, c)
}

// judge tells the verdict on a flow. What is no pod, and not this host, is an address alone.
func (c *podCourt) judge(f flow) podVerdict {
	connection := verdict.Connection{Protocol: numorstring.ProtocolFromInt(f.protocol), Port: f.port, SourcePort: f.srcPort}
	if f.isICMP() {
		connection.ICMPType, connection.ICMPCode = &f.icmpType, &f.icmpCode
	}
	for _, end := range []struct {
		side      *verdict.Side
		at, other *namespace
	}{{&connection.From, f.from, f.to}, {&connection.To, f.to, f.from}} {
		if p := c.placeOf(end.at); p != nil {
			ep, exists := c.world.Workload(p.podNamespace, p.podName)
			if !exists && c.isLocal(end.at) {
				return podVerdict{outcome: verdict.Denied, why: p.name + " is no endpoint: nothing passes its interface", cause: "no endpoint"}
			}
			end.side.Endpoint = ep
		} else if end.at == c.host {
			end.side.Endpoint = c.hostTo(end.other)
			if end.side.Endpoint == nil {
				return podVerdict{outcome: verdict.Allowed, why: "no host endpoint", cause: "no host endpoint"}
			}
		}
	}
	connection.From.Addr, connection.To.Addr = f.src, f.dst
	return c.here(f, c.world.Connect(connection))
}

// hostTo returns the endpoint of this host in what it has to do with another end. For its own
// pods every endpoint will do, as it stands for the node alone.
func (c *podCourt) hostTo(other *namespace) *verdict.Endpoint {
	if c.isLocal(other) {
		return c.world.Endpoints()[slices.IndexFunc(c.world.Endpoints(), func(ep *verdict.Endpoint) bool { return ep.Node == node })]
	}
	return c.known.governing(c.world, c.hostInterfaceTo(other))
}

// here sums up what happens on the way as far as it is at this host: the policies of a pod of
// another node are left out. Where the verdict depends on the interface that traffic is
// forwarded by, the endpoint of the one that is known here is asked.
func (c *podCourt) here(f flow, course verdict.Course) podVerdict {
	if course.Partial || len(course.Hops) == 0 {
		return podVerdict{why: "no verdict on one packet: " + course.String()}
	}
	sum, whole := podVerdict{outcome: verdict.Allowed}, true
	var whys []string
	for _, hop := range course.Hops {
		v := hop.Verdict
		if hop.Endpoint != nil && hop.Endpoint.Node != node {
			whole = false
			continue
		}
		if v.Outcome == verdict.Undecided && hop.At == verdict.OnTheWay && hop.Endpoint == nil {
			v, whole, sum.interfaces = c.atInterface(f), false, true
		}
		whys = append(whys, hop.At.String()+": "+v.String())
		worse := v.Outcome == verdict.Denied && sum.outcome != verdict.Denied || v.Outcome == verdict.Undecided && sum.outcome == verdict.Allowed
		if worse || sum.cause == "" || sum.outcome == verdict.Allowed && hop.At != verdict.OnTheWay {
			sum.outcome, sum.cause, sum.onTheWay = v.Outcome, causeName(v.By.Kind), hop.At == verdict.OnTheWay
			sum.without = v.Outcome == verdict.Undecided && strings.Contains(v.Reason, unreadPolicies)
		}
	}
	sum.why = strings.Join(whys, "; ")
	if whole && sum.outcome != course.Outcome {
		return podVerdict{why: "the places and their sum differ: " + sum.why + "; " + course.String()}
	}
	return sum
}

// atInterface judges a flow where it is forwarded through an interface of the host's own.
func (c *podCourt) atInterface(f flow) verdict.Verdict {
	for _, p := range c.passages(f) {
		if p.pod != nil {
			continue
		}
		ep := c.known.governing(c.world, p.iface)
		if ep == nil {
			return verdict.Verdict{Outcome: verdict.Allowed}
		}
		question := c.known.question(f, p.direction)
		// The other interface is a pod's.
		question.Opposite = []*verdict.Endpoint{nil}
		return c.world.Decide(ep, question)
	}
	return verdict.Verdict{Reason: "the flow passes no interface of the host's own"}
}

// podCauses are what has to decide about some flows of random states, beside which guides
// have others.
var podCauses = map[verdict.CauseKind]string{
	verdict.CausePolicyRule: causeNames[verdict.CausePolicyRule], verdict.CauseTierEnd: causeNames[verdict.CauseTierEnd],
	verdict.CauseProfileRule: causeNames[verdict.CauseProfileRule],
	verdict.CauseToHost:      "to the own host", verdict.CauseFromHost: "from the own host",
}

func causeName(kind verdict.CauseKind) string {
	for _, names := range []map[verdict.CauseKind]string{podCauses, causeNames} {
		if name := names[kind]; name != "" {
			return name
		}
	}
	return "others"
}
