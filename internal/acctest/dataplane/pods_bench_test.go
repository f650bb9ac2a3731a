//go:build dataplane && linux

package dataplane

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// podBench is an API server, pods, and a Felix that obeys the one for the others.
type podBench struct {
	*podNetwork
	*source
	felix *felix
	// stored is what become has made the API server hold, by path.
	stored map[string]resource
	// counts are of the verdicts that were compared since somebody asked last.
	counts *podCounts
}

// podJudge returns what tells the verdict on flows in the state that b's API server is in.
// It is given what verdicts about hosts depend on, and reads the rest itself.
//
// A flow counts where it passes this host alone: see podBench.passages. No Felix is on
// the node of a remote pod, or at what else is outside.
type podJudge func(t *testing.T, b *podBench, objects []calico.Object) func(f flow) podVerdict

func newPodBench(t *testing.T) *podBench {
	t.Helper()
	local, remote := podNames()
	b := &podBench{podNetwork: newPodNetwork(t, local, remote), source: inKubernetes(t), stored: map[string]resource{}, counts: newPodCounts()}
	b.start(t, false)
	return b
}

// anew returns a bench of the same API server with another network, where no Felix runs
// yet. That of b is ended.
func (b *podBench) anew(t *testing.T) *podBench {
	t.Helper()
	b.felix.stopNow()
	local, remote := podNames()
	return &podBench{podNetwork: newPodNetwork(t, local, remote), source: b.source, stored: b.stored, counts: b.counts}
}

// start starts Felix, and returns when it has done as the API server says.
func (b *podBench) start(t *testing.T, nftables bool) {
	t.Helper()
	b.felix = startFelix(t, b.host, b.source, nftables)
	b.felix.settle(t, 0)
}

// hold makes the API server hold these objects, and returns when Felix has seen them.
func (b *podBench) hold(t *testing.T, state []resource) {
	t.Helper()
	starts, before := b.felix.started(), b.startsFor()
	b.become(t, state)
	if b.startsFor() == before {
		// No new start is to be waited for.
		starts = 0
	}
	b.felix.settle(t, starts)
}

// startsFor is what Felix is told that it has to start anew for: what to do with what pods
// send to the host, and with their tunnels. No other such setting is changed here.
func (b *podBench) startsFor() string {
	toHost, tunnels := any("Drop"), any(false)
	for _, r := range b.stored {
		spec, ok := r.content["spec"].(map[string]any)
		if !ok || r.kind != "FelixConfiguration" {
			continue
		}
		if action := spec["defaultEndpointToHostAction"]; action != nil {
			toHost = action
		}
		if allowed := spec["allowVXLANPacketsFromWorkloads"]; allowed != nil {
			tunnels = allowed
		}
	}
	return fmt.Sprint(toHost, tunnels)
}

// ask makes a judge ready for the state that the API server is in.
func (b *podBench) ask(t *testing.T, judge podJudge) func(f flow) podVerdict {
	t.Helper()
	return judge(t, b, (&bench{source: b.source}).objects(t))
}

// podPassage is an interface that a flow passes, with the pod whose link it is, nil for an
// interface of the host itself.
//
// At a pod's link the direction is that of the policies that are asked: egress leaves the
// pod, ingress enters it. At an interface of the host it is as the host sees it.
type podPassage struct {
	passage
	pod *place
}

func (p podPassage) String() string {
	if p.pod != nil {
		return p.direction.String() + " of " + p.pod.name
	}
	return p.direction.String() + " of " + p.iface
}

// passages returns where Felix may judge a flow, the first first. A host endpoint for all
// interfaces governs the links of pods too, in what is forwarded: out of the pod is into
// the host, so its directions are the others.
func (b *podBench) passages(f flow) (way []podPassage) {
	if b.isLocal(f.from) {
		way = append(way, podPassage{pod: b.placeOf(f.from), passage: passage{b.placeOf(f.from).iface, verdict.Egress}})
	} else if f.from != b.host {
		way = append(way, podPassage{passage: passage{b.hostInterfaceTo(f.from), verdict.Ingress}})
	}
	if b.isLocal(f.to) {
		// What the host itself sends to its pods is not judged at all.
		if f.from != b.host {
			way = append(way, podPassage{pod: b.placeOf(f.to), passage: passage{b.placeOf(f.to).iface, verdict.Ingress}})
		}
	} else if f.to != b.host {
		way = append(way, podPassage{passage: passage{b.hostInterfaceTo(f.to), verdict.Egress}})
	}
	return way
}

func (b *podBench) hostInterfaceTo(at *namespace) string {
	if at == b.inside {
		return innerInterface
	}
	return outerInterface
}

// reach is a flow, whether it is to pass, and why.
type reach struct {
	flow
	passes bool
	reason string
	// unknowable is what no verdict can tell, as it is not in the API server.
	unknowable bool
}

// reaches parses expectations, one a line: + (it passes) or - (it does not), with a ?
// behind it if no verdict can tell, the two ends with > between them, the protocol, the
// port if it has some, and behind | the reason. An end is a pod as NAMESPACE/NAME or one of
// the network by its name, and may have @ADDRESS behind it. The protocols are tcp, udp, sctp
// and ping, with a 6 behind them for IPv6.
func (b *podBench) reaches(text string) []reach {
	var all []reach
	for line := range strings.Lines(text) {
		what, reason, _ := strings.Cut(strings.TrimSpace(line), "|")
		fields := strings.Fields(what)
		if len(fields) == 0 {
			continue
		}
		if len(fields) < 5 || strings.TrimSpace(reason) == "" {
			panic("no expectation: " + line)
		}
		protocol, v6 := strings.CutSuffix(fields[4], "6")
		r := reach{passes: fields[0][0] == '+', unknowable: strings.HasSuffix(fields[0], "?"), reason: strings.TrimSpace(reason)}
		var addrs [2]netip.Addr
		for i, end := range []string{fields[1], fields[3]} {
			name, address, given := strings.Cut(end, "@")
			at := b.at(name)
			if at == nil {
				panic("no such end: " + line)
			}
			if given {
				addrs[i] = netip.MustParseAddr(address)
			}
			if i == 0 {
				r.from = at
			} else {
				r.to = at
			}
		}
		r.src, r.dst = addrs[0], addrs[1]
		if !r.src.IsValid() {
			r.src = b.addressFor(r.from, r.to, v6)
		}
		if !r.dst.IsValid() {
			r.dst = b.addressFor(r.to, r.from, v6)
		}
		switch protocol {
		case "tcp", "udp", "sctp":
			r.protocol = map[string]uint8{"tcp": tcp, "udp": udp, "sctp": sctp}[protocol]
			port, err := strconv.ParseUint(fields[5], 10, 16)
			if err != nil {
				panic(line)
			}
			r.port, r.srcPort = uint16(port), highPorts
		case "ping":
			r.protocol, r.icmpType = icmp, 8
			if v6 {
				r.protocol, r.icmpType = icmpv6, 128
			}
		default:
			panic("no such protocol: " + line)
		}
		all = append(all, r)
	}
	return all
}

// check makes the connections of expectations, and reports what is not as expected, or
// not as the judge says.
func (b *podBench) check(t *testing.T, expected []reach, judge podJudge) {
	t.Helper()
	var flows []flow
	for _, e := range expected {
		flows = append(flows, e.flow)
	}
	wanted := func(i int, _ flow) (bool, string) { return expected[i].passes, expected[i].reason }
	b.checkAll(t, flows, wanted)
	decide := b.ask(t, judge)
	for _, e := range expected {
		if e.unknowable {
			continue
		}
		v := decide(e.flow)
		b.counts.add(v)
		if !v.without && v.outcome != outcomeOf(e.passes) {
			t.Errorf("%s is %s by the verdict: %s; passes %t is expected: %s", e.flow, v.outcome, v.why, e.passes, e.reason)
		}
	}
}

func outcomeOf(passes bool) verdict.Outcome {
	if passes {
		return verdict.Allowed
	}
	return verdict.Denied
}

// checkAll makes connections and reports which of them want has another word on. As
// elsewhere a difference counts if it is still there after some tries: Felix gets each
// kind of objects by itself, and writes its tables one after the other.
func (b *podBench) checkAll(t *testing.T, flows []flow, want func(i int, f flow) (passes bool, why string)) {
	t.Helper()
	var differences []string
	for try := range tries {
		_, _ = b.host.run(fmt.Sprintf("conntrack -D -p %d", experimental))
		flows = renewed(flows)
		observed, err := tryAll(t.Context(), flows, patience+time.Duration(try)*patience/4)
		if err != nil {
			t.Fatal(err)
		}
		differences = nil
		for i, f := range flows {
			if wanted, why := want(i, f); observed[i] != wanted {
				differences = append(differences, fmt.Sprintf("%s, by %s: passes %t, but %t is expected: %s", f, b.passages(f), observed[i], wanted, why))
			}
		}
		if len(differences) == 0 {
			break
		}
	}
	if len(differences) > 0 {
		t.Errorf("%d of %d flows are not as expected:\n%s", len(differences), len(flows), strings.Join(differences, "\n"))
	}
}
