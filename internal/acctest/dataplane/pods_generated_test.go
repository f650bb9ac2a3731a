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
const podScenarios = 32

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
	var passed, all int
	for _, nftables := range []bool{false, true} {
		for i := range count {
			if nftables != (i%4 == 3) {
				continue
			}
			ok := t.Run(fmt.Sprintf("generated/NFTablesMode=%s/%d", nftablesMode(nftables), i), func(t *testing.T) {
				// A change of this setting has Felix start anew.
				toHost := []string{"Drop", "Return", "Accept"}[i*3/count]
				one, flows := b.runScenario(t, judge, seed, uint64(i), toHost, nftables)
				passed, all = passed+one, all+flows
			})
			if !ok && b.felix.down() {
				return
			}
		}
	}
	t.Logf("%d of %d flows passed", passed, all)
	// A run in which all is dropped, say, would prove little.
	if all > 0 && count >= podScenarios && min(passed, all-passed) < all/4 {
		t.Errorf("of %d flows %d passed", all, passed)
	}
}

// runScenario compares what Felix does in one random state. It returns how many flows
// passed, and of how many.
func (b *podBench) runScenario(t *testing.T, judge podJudge, seed, number uint64, toHost string, nftables bool) (passed, all int) {
	t.Helper()
	release, err := calico.ParseRelease(calicoVersion)
	if err != nil {
		t.Fatal(err)
	}
	at := b
	if nftables {
		at = b.anew(t)
	}
	s := at.generator(seed, number, release, nftables).scenario(toHost)
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
	passed = at.checkAll(t, s.flows, func(_ int, f flow) (bool, string) {
		outcome, why := decide(f)
		if outcome == verdict.Undecided {
			t.Fatalf("%s: undecided: %s", f, why)
		}
		return outcome == verdict.Allowed, why
	})
	return passed, len(s.flows)
}

func spelled(state []resource) string {
	var text strings.Builder
	for _, r := range state {
		text.WriteString(r.String() + "\n")
	}
	return text.String()
}
