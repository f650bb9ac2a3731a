//go:build dataplane && linux

package dataplane

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// The variables that give other scenarios, and their defaults.
const (
	seedVariable, defaultSeed   = "CALICO_DATAPLANE_SEED", 1
	countVariable, defaultCount = "CALICO_DATAPLANE_SCENARIOS", 30
)

func fromEnvironment(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	number, err := strconv.Atoi(text)
	if err != nil || number < 1 {
		t.Fatalf("%s=%q: it has to be a number from 1 on", name, text)
	}
	return number
}

// TestGenerated compares verdicts with Felix in random states of the datastore,
// each applied in place of the one before.
func TestGenerated(t *testing.T) {
	seed, count := fromEnvironment(t, seedVariable, defaultSeed), fromEnvironment(t, countVariable, defaultCount)
	t.Logf("%d scenarios of %s=%d", count, seedVariable, seed)
	b := newBench(t)
	release, err := calico.ParseRelease(calicoVersion)
	if err != nil {
		t.Fatal(err)
	}
	allowed, denied := 0, 0
	for i := range count {
		passed := t.Run(strconv.Itoa(i), func(t *testing.T) {
			// Each scenario depends on the seed and its number alone.
			s := generator{rand.New(rand.NewPCG(uint64(seed), uint64(i))), b.network, release}.scenario()
			content, err := configuration(s.objects)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("this was with %s=%d, scenario %d:\n%s", seedVariable, seed, i, content)
				}
			})
			b.apply(t, "main.tf.json", content)
			a, d := b.compare(t, s.flows)
			allowed, denied = allowed+a, denied+d
		})
		if !passed && b.felix.down() {
			break
		}
	}
	t.Logf("%d flows were allowed, %d denied; decided by %v", allowed, denied, b.causes)
}
