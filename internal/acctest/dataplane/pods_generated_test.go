//go:build dataplane && linux

package dataplane

import (
	"cmp"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// podScenarios is how many random states of pods there are where nothing else is asked for.
const podScenarios = 30

var podCountText = cmp.Or(os.Getenv(countVariable), strconv.Itoa(podScenarios))

// runPodScenarios makes the API server hold random states, each in place of the one
// before, and compares what Felix does in each with what the judge says.
func runPodScenarios(t *testing.T, b *podBench, judge podJudge) {
	t.Helper()
	release, err := calico.ParseRelease(calicoVersion)
	if err != nil {
		t.Fatal(err)
	}
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
	for i := range count {
		ok := t.Run(strconv.Itoa(i), func(t *testing.T) {
			// A change of this setting has Felix start anew.
			toHost := []string{"Drop", "Return", "Accept"}[i*3/count]
			s := b.generator(seed, uint64(i), release).scenario(toHost)
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("this was with %s=%d, scenario %d:\n%s", seedVariable, seed, i, spelled(s.state))
				}
			})
			b.hold(t, s.state)
			decide := judge(t, b)
			passed += b.checkAll(t, s.flows, func(_ int, f flow) (bool, string) {
				outcome, why := decide(f)
				if outcome == verdict.Undecided {
					t.Fatalf("%s: undecided: %s", f, why)
				}
				return outcome == verdict.Allowed, why
			})
			all += len(s.flows)
		})
		if !ok && b.felix.down() {
			return
		}
	}
	t.Logf("%d of %d flows passed", passed, all)
	// A run in which all is dropped, say, would prove little.
	if count >= podScenarios && min(passed, all-passed) < all/4 {
		t.Errorf("of %d flows %d passed", all, passed)
	}
}

func spelled(state []resource) string {
	var text strings.Builder
	for _, r := range state {
		text.WriteString(r.String() + "\n")
	}
	return text.String()
}
