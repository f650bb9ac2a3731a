//go:build dataplane && linux

package dataplane

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// podScenarios is how many random states of pods there are where nothing else is asked for.
const podScenarios = 34

// withAdminPolicies tells whether a scenario may have policies of Kubernetes' administrators:
// where there is one, few verdicts are to be had.
func withAdminPolicies(number uint64) bool { return number%12 == 5 }

var podCountText = cmp.Or(os.Getenv(countVariable), strconv.Itoa(podScenarios))

// runPodScenarios makes the API server hold random states, each in place of the one
// before, and compares what Felix does in each with what the judge says. A quarter of them is for
// nftables mode, each with a Felix that has just started: one that lives through such
// changes leaves sets empty now and then (v3.31.0, "Failed to delete IP sets").
func runPodScenarios(t *testing.T, b *podBench, judge podJudge) {
	t.Helper()
	seed, err := strconv.ParseUint(seedText, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", seedVariable, err)
	}
	count, err := strconv.Atoi(podCountText)
	if err != nil {
		t.Fatalf("%s: %v", countVariable, err)
	}
	t.Logf("%d scenarios of %s=%d", count, seedVariable, seed)
	*b.counts = *newPodCounts()
	var complete int
	for _, nftables := range []bool{false, true} {
		for i := range count {
			if nftables != (i%4 == 3) {
				continue
			}
			ok := t.Run(fmt.Sprintf("generated/NFTablesMode=%s/%d", nftablesMode(nftables), i), func(t *testing.T) {
				// A change of this setting has Felix start anew.
				toHost := []string{"Drop", "Return", "Accept"}[i*3/count]
				if b.runScenario(t, judge, seed, uint64(i), toHost, nftables) {
					complete++
				}
			})
			if !ok && b.felix.down() {
				return
			}
		}
	}
	t.Logf("%d scenarios without a flow left out; verdicts: %s", complete, b.counts)
	if count < podScenarios {
		return
	}
	// A run in which all is dropped or left out, say, would prove little.
	if complete < 30 {
		t.Errorf("in %d scenarios alone all flows were compared", complete)
	}
	if c := b.counts; min(c.allowed, c.denied) < (c.allowed+c.denied)/4 {
		t.Errorf("too much of one kind: %s", c)
	}
	if b.counts.onTheWay*40 < b.counts.allowed+b.counts.denied {
		t.Errorf("too few were decided on the way: %s", b.counts)
	}
	for _, cause := range podCauses {
		if b.counts.causes[cause] == 0 {
			t.Errorf("no flow was decided by: %s", cause)
		}
	}
}

// runScenario compares what Felix does in one random state. It tells whether there was a
// verdict on every flow.
func (b *podBench) runScenario(t *testing.T, judge podJudge, seed, number uint64, toHost string, nftables bool) (complete bool) {
	t.Helper()
	release, err := calico.ParseRelease(calicoVersion)
	if err != nil {
		t.Fatal(err)
	}
	at := b
	if nftables {
		at = b.anew(t)
	}
	s := at.generator(seed, number, release, nftables).scenario(toHost, withAdminPolicies(number))
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("this was with %s=%d, scenario %d:\n%s", seedVariable, seed, number, spelled(s.state))
		}
	})
	if nftables {
		at.become(t, s.state)
		at.start(t, nftables)
	} else {
		at.hold(t, s.state)
	}
	decide := at.ask(t, judge)
	var flows []flow
	for _, f := range s.flows {
		v := decide(f)
		at.counts.add(v)
		switch {
		case v.without:
		case v.outcome == verdict.Undecided:
			t.Errorf("%s: undecided: %s", f, v.why)
		default:
			flows = append(flows, f)
		}
	}
	at.checkAll(t, flows, func(_ int, f flow) (bool, string) {
		v := decide(f)
		return v.outcome == verdict.Allowed, v.why
	})
	return len(flows) == len(s.flows)
}

// podCounts are how many flows were compared, and what decided about them.
type podCounts struct {
	allowed, denied int
	// without had no verdict, for the one reason that may be: see podVerdict.
	without int
	// interfaces are those for which Connect was not enough.
	interfaces int
	// onTheWay were decided by an endpoint of the host, as forwarded.
	onTheWay int
	causes   map[string]int
}

func newPodCounts() *podCounts { return &podCounts{causes: map[string]int{}} }

func (c *podCounts) add(v podVerdict) {
	switch {
	case v.without:
		c.without++
		return
	case v.outcome == verdict.Allowed:
		c.allowed++
	case v.outcome == verdict.Denied:
		c.denied++
	}
	if v.interfaces {
		c.interfaces++
	}
	if v.onTheWay {
		c.onTheWay++
	}
	c.causes[v.cause]++
}

func (c *podCounts) String() string {
	return fmt.Sprintf("%d allowed, %d denied, %d of them on the way and %d by what interface that leads through; %d left out for want of a verdict; decided by %v",
		c.allowed, c.denied, c.onTheWay, c.interfaces, c.without, c.causes)
}

func spelled(state []resource) string {
	var text strings.Builder
	for _, r := range state {
		text.WriteString(r.String() + "\n")
	}
	return text.String()
}
