package differential

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
	// casesOfShare is how many manifests each release gets for a share of 1 of a
	// kind: 20000 for the host endpoints and policies that were there first.
	casesOfShare = 2000
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
	seed := environmentNumber(t, "CALICO_FUZZ_SEED", defaultSeed)
	first := environmentNumber(t, "CALICO_FUZZ_FIRST", 0)
	for _, release := range oracleReleases() {
		t.Run(release.tool, func(t *testing.T) {
			t.Parallel()
			// The oracles are processes of their own that want processors too.
			oracles := make([]*oracle, max(1, runtime.GOMAXPROCS(0)/2))
			for i := range oracles {
				oracles[i] = startOracle(t, release)
			}
			kinds := kindsOf(oracles[0].release)
			defaultCases := uint64(casesOfShare * shares(kinds))
			cases := environmentNumber(t, "CALICO_FUZZ_CASES", defaultCases)
			start := time.Now()
			var all tally
			var group sync.WaitGroup
			for i, o := range oracles {
				group.Go(func() { o.run(t, &all, seed, first+uint64(i), uint64(len(oracles)), first+cases) })
			}
			group.Wait()
			t.Logf("%s, seed %d, cases %d to %d, %s:\n%s", oracles[0].release, seed, first, first+cases-1, time.Since(start).Round(time.Second/10), &all)
			if all.disagreements > enough {
				t.Errorf("%d disagreements in all", all.disagreements)
			}
			if cases >= defaultCases {
				all.check(t, kinds)
			}
		})
	}
}

// run compares the cases from first on, each step-th, before end.
func (o *oracle) run(t *testing.T, all *tally, seed, first, step, end uint64) {
	askAhead(t, o, first, step, end, func(number uint64) (manifest, any) {
		m := generate(o.release, seed, number)
		return m, newCheckRequest(o.release, m)
	}, func(m manifest, theirs checked) {
		text := m.String()
		ours := judge(o.release, m.kind, text)
		problems := disagreements(o.release, ours, theirs)
		if all.add(m, ours, theirs, len(problems) > 0) {
			t.Errorf("%s, CALICO_FUZZ_SEED=%d CALICO_FUZZ_FIRST=%d CALICO_FUZZ_CASES=1, %s %s:\n  %s\nmanifest: %s\nCalico: %s\nours:   %s",
				o.release, seed, m.number, m.strength, m.kind, strings.Join(problems, "\n  "), brief(text), theirs, ours)
		}
	})
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

// tallyRows are the names of the rows of a tally, in order.
func tallyRows(kind calico.Kind) []string {
	names := []string{string(kind)}
	for s := range strengths {
		names = append(names, rowName(kind, s))
	}
	return names
}

func (a *tally) String() string {
	var b strings.Builder
	for _, k := range generatedKinds {
		for _, name := range tallyRows(k.kind) {
			if row := a.rows[name]; row != nil {
				fmt.Fprintf(&b, "  %-36s accepted by both %8d, rejected by both %8d (of them undecodable %7d, panics of Calico %5d), disagreements %d\n",
					name, row.accepted, row.rejected, row.undecodable, row.panics, row.disagreed)
			}
		}
	}
	return b.String()
}

// check fails the test where the cases are too one-sided to prove anything.
func (a *tally) check(t *testing.T, kinds []generatedKind) {
	t.Helper()
	for _, k := range kinds {
		for _, name := range tallyRows(k.kind) {
			row := a.rows[name]
			// Objects that are made to be valid need not be refused by chance.
			fewest := 15 * k.share
			if strings.HasSuffix(name, ", valid") {
				fewest = 0
			}
			if row == nil || row.accepted < 60*k.share || row.rejected-row.undecodable < fewest {
				t.Errorf("%s: too few cases of one verdict: %+v", name, row)
			}
		}
	}
}
