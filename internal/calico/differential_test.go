package calico_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

const (
	// defaultCases is how many manifests each release gets.
	defaultCases = 20000
	defaultSeed  = 20261124
	// enough disagreements are shown to find their cause.
	enough = 15
)

// environmentNumber reads a number from the environment.
//
// CALICO_FUZZ_CASES is how many manifests, and how many selectors, each release
// gets, and CALICO_FUZZ_SEED where they come from. A run with another seed has
// other cases. What is printed on a failure says how to get one case back:
// CALICO_FUZZ_FIRST is the number of the first one.
func environmentNumber(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// TestDifferential gives random manifests to Calico's own code and to ours. Both
// must accept and store, byte by byte, the same; or reject, for the same fields
// (disagreements says what that means).
func TestDifferential(t *testing.T) {
	cases := environmentNumber(t, "CALICO_FUZZ_CASES", defaultCases)
	seed := environmentNumber(t, "CALICO_FUZZ_SEED", defaultSeed)
	first := environmentNumber(t, "CALICO_FUZZ_FIRST", 0)
	for _, release := range oracleReleases() {
		t.Run(release.tool, func(t *testing.T) {
			t.Parallel()
			// The oracles are processes of their own that want processors too.
			shards := uint64(max(1, runtime.GOMAXPROCS(0)/2))
			start := time.Now()
			var all tally
			var group sync.WaitGroup
			for shard := range shards {
				o := startOracle(t, release)
				group.Go(func() { o.run(t, &all, seed, first+shard, shards, first+cases) })
			}
			group.Wait()
			t.Logf("seed %d, cases %d to %d, %s:\n%s", seed, first, first+cases-1, time.Since(start).Round(time.Second/10), &all)
			all.check(t, cases)
		})
	}
}

// run compares the cases from first on, each step-th, before end.
func (o *oracle) run(t *testing.T, all *tally, seed, first, step, end uint64) {
	// Manifests are made ahead while the oracle works on those before.
	ahead := make(chan manifest, 256)
	done := make(chan struct{})
	defer close(done)
	go func() {
		defer close(ahead)
		for number := first; number < end; number += step {
			m := generate(o.release, seed, number)
			if err := o.send(newCheckRequest(o.release, m)); err != nil {
				t.Errorf("the oracle of %s takes no more requests: %v", o.release, err)
				return
			}
			select {
			case ahead <- m:
			case <-done:
				return
			}
		}
		if err := o.in.Flush(); err != nil {
			t.Errorf("the oracle of %s takes no more requests: %v", o.release, err)
		}
	}()
	for m := range ahead {
		var theirs checked
		if err := o.receive(&theirs); err != nil {
			t.Errorf("at case %d of seed %d: %v", m.number, seed, err)
			return
		}
		text := m.String()
		ours := judge(o.release, m.kind, text)
		problems := disagreements(o.release, ours, theirs)
		if all.add(m, ours, theirs, len(problems) > 0) {
			t.Errorf("%s, CALICO_FUZZ_SEED=%d CALICO_FUZZ_FIRST=%d CALICO_FUZZ_CASES=1, %s %s:\n  %s\nmanifest: %s\nCalico: %s\nours:   %s",
				o.release, seed, m.number, m.strength, m.kind, strings.Join(problems, "\n  "), brief(text), theirs, ours)
		}
	}
}

// brief is a text of a length that a person can read.
func brief(s string) string {
	const longest = 6000
	if len(s) > longest {
		return s[:longest] + "..."
	}
	return s
}

// tally counts the verdicts, as the proof that the run was worth its time.
type tally struct {
	sync.Mutex
	rows          map[string]*verdicts
	disagreements int
}

type verdicts struct{ accepted, rejected, undecodable, panics, disagreed int }

// add counts a case, and tells whether it is to be shown.
func (a *tally) add(m manifest, ours judged, theirs checked, disagreed bool) bool {
	a.Lock()
	defer a.Unlock()
	if a.rows == nil {
		a.rows = map[string]*verdicts{}
	}
	for _, name := range []string{rowName(m.kind, m.strength), string(m.kind)} {
		row := a.rows[name]
		if row == nil {
			row = &verdicts{}
			a.rows[name] = row
		}
		switch {
		case disagreed:
			row.disagreed++
		case theirs.Valid:
			row.accepted++
		case theirs.DecodeError != "" || ours.decodeError != nil:
			row.undecodable++
			row.rejected++
		case theirs.ErrorType == "panic":
			row.panics++
			row.rejected++
		default:
			row.rejected++
		}
	}
	if disagreed {
		a.disagreements++
	}
	return disagreed && a.disagreements <= enough
}

func rowName(kind calico.Kind, s strength) string { return fmt.Sprintf("%s, %s", kind, s) }

// rows are the names of the rows of a tally, in order.
func tallyRows() []string {
	var names []string
	for _, kind := range []calico.Kind{calico.KindHostEndpoint, calico.KindGlobalNetworkPolicy} {
		names = append(names, string(kind))
		for s := range strengths {
			names = append(names, rowName(kind, s))
		}
	}
	return names
}

func (a *tally) String() string {
	var b strings.Builder
	for _, name := range tallyRows() {
		row := a.rows[name]
		if row == nil {
			row = &verdicts{}
		}
		fmt.Fprintf(&b, "  %-36s accepted by both %8d, rejected by both %8d (of them undecodable %7d, panics of Calico %5d), disagreements %d\n",
			name, row.accepted, row.rejected, row.undecodable, row.panics, row.disagreed)
	}
	return b.String()
}

// check fails the test where the cases are too one-sided to prove anything.
func (a *tally) check(t *testing.T, cases uint64) {
	t.Helper()
	if a.disagreements > enough {
		t.Errorf("%d disagreements in all", a.disagreements)
	}
	if cases < defaultCases {
		return
	}
	for _, name := range tallyRows() {
		row := a.rows[name]
		// Objects that are made to be valid need not be refused by chance.
		fewest := 50
		if strings.HasSuffix(name, ", valid") {
			fewest = 0
		}
		if row == nil || row.accepted < 200 || row.rejected-row.undecodable < fewest {
			t.Errorf("%s: too few cases of one verdict: %+v", name, row)
		}
	}
}
