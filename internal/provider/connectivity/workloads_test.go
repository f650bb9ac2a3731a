package connectivity

import (
	"fmt"
	"testing"
)

// Results are joined if there are too many of them, the unexpected ones last; their numbers
// stay.
func TestBoundedResults(t *testing.T) {
	t.Parallel()
	row := func(endpoint, verdict, by string) flowResult {
		return flowResult{endpoint: endpoint, count: 2, group: true, flow: asked("ssh"), after: judgement{verdict, by}} // deny is expected
	}
	count := func(results []flowResult) (total int) {
		for _, r := range results {
			total += r.count
		}
		return total
	}
	for name, test := range map[string]struct {
		one  func(i int) flowResult
		want int
		last string
	}{
		"few":                          {func(i int) flowResult { return row(fmt.Sprintf("ns%d/app=a%d", i%900, i%7), flowDeny, "x") }, 900, "ns899/app=a3"},
		"alike in each namespace":      {func(i int) flowResult { return row(fmt.Sprintf("ns%d/app=a%d", i%10, i), flowDeny, "x") }, 10, "ns9"},
		"each for a reason of its own": {func(i int) flowResult { return row(fmt.Sprintf("ns%d/app=a", i), flowDeny, fmt.Sprint(i)) }, 1, "ns0 and 2999 more"},
		"unexpected ones stay apart": {func(i int) flowResult {
			if i%3 == 0 {
				return row(fmt.Sprintf("ns%d", i), flowAllow, fmt.Sprint(i))
			}
			return row(fmt.Sprintf("ns%d", i), flowDeny, fmt.Sprint(i))
		}, 1001, "ns2997"},
		"unless there are too many": {func(i int) flowResult { return row(fmt.Sprintf("ns%d", i), flowAllow, fmt.Sprint(i)) }, 1, "ns0 and 2999 more"},
	} {
		n := 3000
		if name == "few" {
			n = test.want
		}
		var results []flowResult
		for i := range n {
			results = append(results, test.one(i))
		}
		got := bounded(results)
		if len(got) != test.want || count(got) != 2*n || got[len(got)-1].endpoint != test.last {
			t.Errorf("%s: %d rows about %d, the last %q; want %d about %d, %q", name, len(got), count(got), got[len(got)-1].endpoint, test.want, 2*n, test.last)
		}
	}
}
