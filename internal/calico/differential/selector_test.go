package differential

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
)

// defaultSelectors is how many selectors each release gets in a run with no
// CALICO_FUZZ_CASES.
const defaultSelectors = 20000

var (
	label512 = strings.Repeat("x", 512)

	selectorLabels = []string{"a", "a", "b", "c", "in", "not", "has", "all", "global", "contains", "starts", "with", "x.y/z-_", v3.LabelNamespace}
	selectorValues = []string{"", "a", "b", "ab", "with blank", "it's", `say "x"`, "&& x\ny", "é", "}", "all()", "', '", "\t"}
	// selectorWords are what wild selectors are made of.
	selectorWords = append([]string{"'a'", `"b"`, "''", "(", ")", "(", ")", "{", "}", ",", "!", "!=", "==", "=", "&&", "||", "&", "|", "in", "notin", "not in", "not\nin", "starts with", "startswith", "starts",
		"endswith", "ends\twith", "contains", "has(a)", "has(", "has(b\n)", "all()", "all(\f)", "global()", "global(", "has", "not", "'", `"`, " ", "\t", "\n", "\r\n", "\v", "é", "\u00a0", "a in {'a'}", "a == 'a'"}, selectorLabels...)
	// selectorFaults are what nearly valid ones get somewhere.
	selectorFaults = []string{"", "(", ")", "'", `"`, "{", "}", ",", "!", "=", "==", "&", "|", "\n", "\r\n", "\f", "\v", " ", "in", "has(", "not ", "é", "a", "contains", label512}
)

// selectorCase is a selector, and labels that it may match.
type selectorCase struct {
	number   uint64
	strength strength
	selector string
	labels   map[string]string
}

func generateSelector(release calico.Release, seed, number uint64) selectorCase {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, number)), release: release}
	c := selectorCase{number: number, strength: strength(g.IntN(int(strengths))), labels: map[string]string{}}
	switch c.strength {
	case valid:
		c.selector = g.blanks() + g.condition(g.IntN(4)) + g.blanks()
	case nearlyValid:
		// With spaces within functions, which not all releases allow there.
		g.fault = 0.1
		c.selector = g.blanks() + g.condition(g.IntN(3)) + g.blanks()
		for range g.IntN(3) {
			from := g.IntN(len(c.selector) + 1)
			to := min(len(c.selector), from+g.IntN(2))
			c.selector = strings.ToValidUTF8(c.selector[:from]+pick(g, selectorFaults)+c.selector[to:], "")
		}
	default:
		for range 1 + g.IntN(8) {
			c.selector += pick(g, selectorWords) + pick(g, []string{"", " ", " "})
		}
	}
	for range g.IntN(7) {
		c.labels[pick(g, selectorLabels)] = pick(g, selectorValues)
	}
	if strings.Contains(c.selector, "global(") {
		// To Calico's parser this is true of everything: before it asks, Felix puts
		// the condition in its place that ours has. The two agree on what is in no
		// namespace.
		delete(c.labels, v3.LabelNamespace)
	}
	return c
}

func (g *generator) blanks() string { return pick(g, []string{"", "", "", " ", "\t", "  \t "}) }

// within makes the space in a function or a keyword.
func (g *generator) within(otherwise string) string {
	if g.chance(g.fault) {
		return pick(g, []string{"\n", "\r\n", " \n\t", "\f", "\v", "\u00a0"})
	}
	return otherwise
}

func (g *generator) quoted() string {
	value := pick(g, selectorValues)
	if !strings.Contains(value, "'") && (strings.Contains(value, `"`) || g.chance(0.5)) {
		return "'" + value + "'"
	}
	return `"` + value + `"`
}

// condition makes a selector of that depth.
func (g *generator) condition(depth int) string {
	label := pick(g, selectorLabels)
	choices := 7
	if depth > 0 {
		choices = 14
	}
	switch choice := g.IntN(choices); choice {
	case 0:
		return fmt.Sprintf("has(%s%s%s)", g.within(g.blanks()), label, g.within(g.blanks()))
	case 1:
		return fmt.Sprintf("%s(%s)", pick(g, []string{"all", "global"}), g.within(g.blanks()))
	case 2, 3, 4:
		if g.chance(g.fault / 4) {
			label = label512 // after which some releases need no blank
		}
		operators := []string{"==", "!=", " contains", " starts" + g.within(g.blanks()) + "with", " ends" + g.within(g.blanks()) + "with"}
		if label == label512 && g.chance(0.8) {
			operators = []string{"contains", "startswith", "ends" + g.within(" ") + "with"}
		}
		return label + g.blanks() + pick(g, operators) + g.blanks() + g.quoted()
	case 5, 6:
		values := make([]string, g.IntN(4))
		for i := range values {
			values[i] = g.blanks() + g.quoted() + g.blanks()
		}
		set := strings.Join(values, ",")
		if len(values) > 0 && g.chance(0.1) {
			set += ","
		}
		return label + " " + pick(g, []string{"", "not" + g.within(g.blanks())}) + "in" + g.blanks() + "{" + g.blanks() + set + "}"
	case 7, 8:
		return "!" + g.blanks() + g.bracketed(depth-1)
	case 9:
		return g.bracketed(depth - 1)
	default:
		operands := make([]string, 2+g.IntN(3))
		for i := range operands {
			operands[i] = g.blanks() + g.condition(depth-1) + g.blanks()
		}
		return strings.Join(operands, pick(g, []string{"&&", "||"}))
	}
}

func (g *generator) bracketed(depth int) string {
	return "(" + g.blanks() + g.condition(depth) + g.blanks() + ")"
}

// parseSelector reads a selector as Validate does for a release.
func parseSelector(release calico.Release, s string) (*selector.Selector, error) {
	if release.AtLeast(3, 30, 0) {
		return selector.Parse(s)
	}
	return selector.ParseUpTo329(s)
}

// selectorTally counts answers, by strength.
type selectorTally struct {
	sync.Mutex
	matching, others, rejected [strengths]int
	disagreements              int
}

func (a *selectorTally) String() string {
	var b strings.Builder
	for s := range strengths {
		fmt.Fprintf(&b, "  %-12s accepted by both and matching %7d, not matching %7d, rejected by both %7d\n", s, a.matching[s], a.others[s], a.rejected[s])
	}
	fmt.Fprintf(&b, "  disagreements %d", a.disagreements)
	return b.String()
}

// TestDifferentialSelectors gives random selectors and labels to Calico's own
// parser and to ours. Both must accept the same, match the same labels, and mean
// the same by what Calico prints of it, which is the form in which Felix has it.
func TestDifferentialSelectors(t *testing.T) {
	cases := environmentNumber(t, "CALICO_FUZZ_CASES", defaultSelectors)
	seed := environmentNumber(t, "CALICO_FUZZ_SEED", defaultSeed)
	first := environmentNumber(t, "CALICO_FUZZ_FIRST", 0)
	for _, release := range oracleReleases() {
		t.Run(release.tool, func(t *testing.T) {
			t.Parallel()
			oracles := make([]*oracle, max(1, runtime.GOMAXPROCS(0)/2))
			for i := range oracles {
				oracles[i] = startOracle(t, release)
			}
			start := time.Now()
			var all selectorTally
			var group sync.WaitGroup
			for i, o := range oracles {
				group.Go(func() { o.runSelectors(t, &all, seed, first+uint64(i), uint64(len(oracles)), first+cases) })
			}
			group.Wait()
			t.Logf("%s, seed %d, cases %d to %d, %s:\n%s", oracles[0].release, seed, first, first+cases-1, time.Since(start).Round(time.Second/10), &all)
			if all.disagreements > enough {
				t.Errorf("%d disagreements in all", all.disagreements)
			}
			if cases < defaultSelectors {
				return
			}
			for s := range strengths {
				fewest := 1000
				if s == wild {
					fewest = 20 // of those accepted: most are nonsense
				}
				if all.matching[s] < fewest || all.others[s] < fewest || s != valid && all.rejected[s] < 1000 {
					t.Errorf("%s: too few of one answer", s)
				}
			}
		})
	}
}

// runSelectors compares the cases from first on, each step-th, before end.
func (o *oracle) runSelectors(t *testing.T, all *selectorTally, seed, first, step, end uint64) {
	askAhead(t, o, first, step, end, func(number uint64) (selectorCase, any) {
		c := generateSelector(o.release, seed, number)
		return c, map[string]any{"op": "selector", "selector": c.selector, "labels": c.labels}
	}, func(c selectorCase, theirs selected) {
		problem := differentSelector(o.release, c, theirs)
		if all.add(c, theirs, problem != "") {
			t.Errorf("%s, CALICO_FUZZ_SEED=%d CALICO_FUZZ_FIRST=%d CALICO_FUZZ_CASES=1, %s selector %q on %q: %s", o.release, seed, c.number, c.strength, c.selector, c.labels, problem)
		}
	})
}

// add counts a case, and tells whether it is to be shown.
func (a *selectorTally) add(c selectorCase, theirs selected, disagreed bool) bool {
	a.Lock()
	defer a.Unlock()
	switch {
	case disagreed:
		a.disagreements++
	case !theirs.Valid:
		a.rejected[c.strength]++
	case theirs.Matches:
		a.matching[c.strength]++
	default:
		a.others[c.strength]++
	}
	return disagreed && a.disagreements <= enough
}

// differentSelector tells in what the two differ, or "".
func differentSelector(release calico.Release, c selectorCase, theirs selected) string {
	ours, err := parseSelector(release, c.selector)
	switch {
	case theirs.Failed != "":
		return "the oracle failed: " + theirs.Failed
	case err == nil && !theirs.Valid:
		return "we accept it, Calico rejects it: " + theirs.Error
	case err != nil && theirs.Valid:
		return "Calico accepts it, we reject it: " + err.Error()
	case err != nil:
		return ""
	}
	if got := ours.Matches(c.labels); got != theirs.Matches {
		return fmt.Sprintf("matches: we say %t, Calico %t", got, theirs.Matches)
	}
	printed, err := selector.Parse(theirs.Canonical)
	if err != nil {
		return fmt.Sprintf("we cannot read what Calico prints, %q: %v", theirs.Canonical, err)
	}
	if printed.String() != ours.String() {
		return fmt.Sprintf("Calico prints it as %q, which to us is %q; but it is %q", theirs.Canonical, printed, ours)
	}
	return ""
}
