//go:build dataplane && linux

package dataplane

import (
	"cmp"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// The variables that give other scenarios. They are read before TestMain, which
// drops what a user of calicoctl has in the environment.
const (
	seedVariable  = "CALICO_DATAPLANE_SEED"
	countVariable = "CALICO_DATAPLANE_SCENARIOS"
	defaultCount  = 27
)

var seedText, countText = cmp.Or(os.Getenv(seedVariable), "1"), cmp.Or(os.Getenv(countVariable), strconv.Itoa(defaultCount))

// TestGenerated compares verdicts with Felix in random states of the datastore,
// each applied in place of the one before.
func TestGenerated(t *testing.T) {
	seed, err := strconv.ParseUint(seedText, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", seedVariable, err)
	}
	count, err := strconv.Atoi(countText)
	if err != nil {
		t.Fatalf("%s: %v", countVariable, err)
	}
	t.Logf("%d scenarios of %s=%d", count, seedVariable, seed)
	total := counts{causes: map[string]int{}}
	for _, nftables := range []bool{false, true} {
		var numbers []int
		for i := range count {
			// A third of them is for nftables mode.
			if nftables == (i%3 == 2) {
				numbers = append(numbers, i)
			}
		}
		total.add(runScenarios(t, newBench(t, nftables), seed, numbers))
	}
	t.Logf("%d flows were allowed, %d denied; of %d questions about more than one packet %d had one answer; decided by %v",
		total.allowed, total.denied, total.wide, total.answered, total.causes)
	if count < defaultCount {
		return
	}
	// A run in which all is dropped, say, would prove little.
	if all := total.allowed + total.denied; min(total.allowed, total.denied) < all/4 || total.answered < total.wide/2 {
		t.Errorf("of %d flows only %d were allowed, or denied; %d of %d questions had an answer", all, min(total.allowed, total.denied), total.answered, total.wide)
	}
	for _, name := range causeNames {
		if total.causes[name] == 0 {
			t.Errorf("no flow was decided by: %s", name)
		}
	}
}

// TestGeneratedInKubernetes compares some of them with a Felix that gets all from an API
// server of Kubernetes.
func TestGeneratedInKubernetes(t *testing.T) {
	const seed = 5
	numbers := []int{0, 1, 3, 4, 6, 7, 9, 10, 12, 13}
	done := runScenarios(t, newBenchOn(t, inKubernetes(t), false), seed, numbers)
	t.Logf("%d flows were allowed, %d denied; decided by %v", done.allowed, done.denied, done.causes)
	if all := done.allowed + done.denied; min(done.allowed, done.denied) < all/10 {
		t.Errorf("of %d flows only %d were allowed, or denied", all, min(done.allowed, done.denied))
	}
}

// runScenarios applies random states of the datastore, each in place of the one before, and
// compares verdicts with Felix in each.
func runScenarios(t *testing.T, b *bench, seed uint64, numbers []int) counts {
	t.Helper()
	release, err := calico.ParseRelease(calicoVersion)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range numbers {
		passed := t.Run(strconv.Itoa(i), func(t *testing.T) {
			// Each scenario depends on the seed and its number alone.
			s := generator{Rand: rand.New(rand.NewPCG(seed, uint64(i))), network: b.network, release: release, nftables: b.felix.nftables}.scenario()
			content, err := configuration(b.held(s.objects))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("this was with %s=%d, scenario %d:\n%s", seedVariable, seed, i, content)
				}
			})
			b.apply(t, "main.tf.json", content)
			b.compare(t, s.flows)
		})
		if !passed && b.felix.down() {
			break
		}
	}
	b.felix.stopNow()
	return b.counts
}
