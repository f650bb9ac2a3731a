package provider

import (
	"fmt"
	"slices"
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// connectivityResult is what becomes of a flow at an endpoint.
type connectivityResult struct {
	endpoint string
	flow     askedFlow
	after    judgement
	// before is "" where the endpoint is not stored yet.
	before string
}

func (r connectivityResult) unexpected() bool {
	return r.flow.expect != "" && r.flow.expect != r.after.verdict
}

func (r connectivityResult) changed() bool { return r.before != r.after.verdict }

// The parts of a report, in their order.
const (
	partUnexpected = iota
	partChanged
	partUnchanged
)

func (r connectivityResult) part() int {
	switch {
	case r.unexpected():
		return partUnexpected
	case r.changed():
		return partChanged
	default:
		return partUnchanged
	}
}

// maxRowEndpoints is how many endpoints a row of a report names.
const maxRowEndpoints = 5

// connectivityReport writes results as a table in Markdown. Endpoints that fare
// alike share a row: a comment on a pull request has room for some thousand lines.
func connectivityReport(results []connectivityResult, missing []calico.ID) string {
	type row struct {
		connectivityResult
		endpoints []string
	}
	var rows []*row
	same := map[string]*row{}
	var counts [partUnchanged + 1]int
	endpoints := map[string]bool{}
	for _, r := range results {
		counts[r.part()]++
		endpoints[r.endpoint] = true
		key := strings.Join([]string{r.flow.key(), r.flow.expect, r.before, r.after.verdict, r.after.decidedBy}, "\x00")
		if same[key] == nil {
			same[key] = &row{connectivityResult: r}
			rows = append(rows, same[key])
		}
		same[key].endpoints = append(same[key].endpoints, r.endpoint)
	}
	slices.SortStableFunc(rows, func(a, b *row) int { return a.part() - b.part() })

	var b strings.Builder
	fmt.Fprintf(&b, "**Traffic at %s: %d unexpected, %d changed, %d as before.**\n", countOf(len(endpoints), "host endpoint"), counts[partUnexpected], counts[partChanged], counts[partUnchanged])
	if len(rows) > 0 {
		b.WriteString("\n| | Traffic | Host endpoints | Now | Then | Decided by | Expected |\n|---|---|---|---|---|---|---|\n")
	}
	for _, r := range rows {
		names := r.endpoints
		var more string
		if len(names) > maxRowEndpoints {
			names, more = names[:maxRowEndpoints], fmt.Sprintf(" and %d more", len(names)-maxRowEndpoints)
		}
		before := r.before
		if before == "" {
			before = "no endpoint"
		}
		then := r.after.verdict
		if r.changed() {
			then = "**" + then + "**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n",
			[...]string{partUnexpected: "**unexpected**", partChanged: "changed", partUnchanged: "as before"}[r.part()],
			cell(r.flow.String()), cell(strings.Join(names, ", "))+more, before, then, cell(r.after.decidedBy), r.flow.expect)
	}
	if len(missing) > 0 {
		b.WriteString("\nNot stored, so not taken away:")
		for i, id := range missing {
			if i > 0 {
				b.WriteString(",")
			}
			b.WriteString(" " + cell(id.String()))
		}
		b.WriteString(".\n")
	}
	return b.String()
}

func countOf(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// cell is text that ends no cell of a table, and begins no markup.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "*", `\*`, "_", `\_`, "<", "&lt;", "`", "\\`").Replace(text)
}
