package verdict_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	"sigs.k8s.io/yaml"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

var agreedReleases = func() (all []calico.Release) {
	for _, text := range []string{"v3.28.5", "v3.29.2", "v3.31.0", "v3.32.1"} {
		r, err := calico.ParseRelease(text)
		if err != nil {
			panic(err)
		}
		all = append(all, r)
	}
	return all
}()

// TestAgreesInClusters compares verdicts with those of the second implementation where
// there are pods: at a pod or at a host, and of both ends of a connection.
func TestAgreesInClusters(t *testing.T) {
	counts := map[string]int{}
	// More than 60,000 were compared when this was made: VERDICT_WORLDS does it again.
	worlds := 8_000
	if testing.Short() || raceEnabled {
		worlds = 1_000
	}
	if n, err := strconv.Atoi(os.Getenv("VERDICT_WORLDS")); err == nil {
		worlds = n
	}
	for seed := range worlds {
		g := generator{rand.New(rand.NewPCG(uint64(seed), 7)), seed%8 > 0, false}
		release := pick(g, agreedReleases)
		c := g.cluster(release)
		w := c.world(release)
		n := &naiveWorld{objects: c.objects, release: release, selectors: randomSelectors, cluster: &naiveCluster{clusterWorld: c}}
		fail := func(what, got, key, want string, causes []string, trace string) {
			t.Fatalf("seed %d, %s, %s\n got %s (%s)\nwant %s, by one of %q\ntrace:\n%s%s", seed, release, what, got, key, want, causes, trace, dumpCluster(c))
		}

		// One endpoint.
		ep := n.cluster.pods()[0]
		judged, ok := w.Workload(ep.Labels["projectcalico.org/namespace"], "pod0")
		if !ok {
			t.Fatalf("seed %d: pod0 is no endpoint\n%s", seed, dumpCluster(c))
		}
		if g.oneIn(4) {
			ep = n.endpoint("ep0")
			judged, _ = w.Endpoint("ep0")
		}
		f := g.flow()
		if isPod(ep) {
			f.Forwarded = false
		}
		tunnels := v3.NewGlobalNetworkPolicy()
		tunnels.Spec.Ingress = []v3.Rule{{Destination: v3.EntityRule{Ports: []numorstring.Port{numorstring.SinglePort(4789)}}}}
		limits := append(slices.Clone(c.objects), tunnels)
		every := packets(limits, ep, f)
		for len(every) > 60 {
			f.Port, f.SourcePort = uint16(pick(g, randomPorts)), 40000
			if len(packets(limits, ep, f)) > 60 {
				f.Peer = netip.PrefixFrom(f.Peer.Addr(), f.Peer.Addr().BitLen())
				f.ICMPType, f.ICMPCode = ptr(uint8(8)), ptr(uint8(0))
			}
			every = packets(limits, ep, f)
		}
		outcomes := map[string][]string{}
		for i := range every {
			fate, about := n.decideAt(ep, &every[i])
			outcomes[fate.outcome] = append(append(outcomes[fate.outcome], fate.cause), about...)
		}
		want := worstOf(func(outcome string) bool { return len(outcomes[outcome]) > 0 })
		v := w.Decide(judged, f)
		counts[want]++
		counts[fmt.Sprintf("cause %d", v.By.Kind)]++
		if strings.HasPrefix(v.By.Policy.Name, "knp.") {
			counts["of Kubernetes"]++
		}
		if strings.Contains(v.Reason, "is stuck") {
			outcomes[want] = append(outcomes[want], causeKey(v.By))
		}
		if v.Outcome.String() != want || v.Partial != (len(outcomes) > 1) || !slices.Contains(outcomes[want], causeKey(v.By)) {
			fail(fmt.Sprintf("%s, flow %+v", judged, f), v.String(), causeKey(v.By), want, outcomes[want], traceText(v))
		}

		// Both ends.
		conn, nc := g.connection(w, n)
		if nc.from == nil && nc.to == nil {
			continue
		}
		fates, abouts := n.course(nc)
		want = worstOf(func(outcome string) bool {
			return slices.ContainsFunc(fates, func(f fate) bool { return f.outcome == outcome })
		})
		var causes []string
		for i, f := range fates {
			if f.outcome == want {
				causes = append(append(causes, f.cause), abouts[i]...)
			}
		}
		course := w.Connect(conn)
		counts["ends "+want]++
		counts["ends at "+course.At.String()]++
		counts[fmt.Sprintf("cause %d", course.By.Kind)]++
		if strings.Contains(course.Reason, "is stuck") || want == "undecided" {
			// Which of the doubts is told of does not matter.
			causes = append(causes, causeKey(course.By))
		}
		if course.Outcome.String() != want || course.Partial || !slices.Contains(causes, causeKey(course.By)) {
			fail(fmt.Sprintf("from %s (%s) to %s (%s): %+v", conn.From, conn.From.Addr, conn.To, conn.To.Addr, nc.packet), course.String(), causeKey(course.By), want, causes, traceText(course.Verdict)+fmt.Sprintf("fates %v\nhops %v\n", fates, course.Hops))
		}
	}
	t.Logf("%d worlds: %v", worlds, counts)
	for _, what := range []string{
		"allowed", "denied", "undecided", "of Kubernetes", "ends allowed", "ends denied", "ends undecided",
		"ends at at the source", "ends at at the destination", "ends at on the way", "ends at nowhere",
		"cause 2", "cause 3", "cause 4", "cause 5", "cause 11", "cause 12", "cause 13", "cause 14",
	} {
		if counts[what]*300 < worlds {
			t.Errorf("%d of %d are %s: the random worlds do not cover it", counts[what], worlds, what)
		}
	}
}

// worstOf returns the outcome of a whole.
func worstOf(is func(string) bool) string {
	for _, outcome := range []string{"denied", "undecided"} {
		if is(outcome) {
			return outcome
		}
	}
	return "allowed"
}

func dumpCluster(c *clusterWorld) string {
	var b strings.Builder
	b.WriteString(dump(c.objects))
	for _, part := range []any{c.pods, c.namespaces, c.accounts, c.slices, c.networkPolicies, c.pools} {
		data, _ := yaml.Marshal(part)
		b.WriteString("---\n" + string(data))
	}
	return b.String()
}
