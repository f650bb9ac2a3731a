package connectivity

import (
	"fmt"
	"slices"
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/traffic"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// flowResult is what becomes of a flow at an endpoint, or at several that nothing tells
// apart.
type flowResult struct {
	// endpoint names it, and from is the one at the other end of a flow between endpoints.
	endpoint, from string
	// count is how many endpoints this is about, or pairs of them.
	count int
	// group is set if package traffic was asked, which counts the endpoints itself.
	group bool
	flow  askedFlow
	// after is empty if the endpoint goes.
	after judgement
	// before is "" if the endpoint is not stored yet.
	before string
}

func (r flowResult) unexpected() bool {
	return r.flow.expect != "" && r.flow.expect != r.after.verdict
}

func (r flowResult) changed() bool { return r.before != r.after.verdict }

// findings is all that was found out.
type findings struct {
	// results are those at the endpoints that will be selected, dropped those at the ones
	// that are now, and go or lose the label.
	results, dropped []flowResult
	// details are those of the results that package traffic was asked for, apart by what was
	// before.
	details []flowResult
	// taken are the stored objects that go, and missing those that were to go, but are
	// not stored.
	taken, missing []calico.ID
	// deletionsUnknown tells that there are changes, and nothing is said of what goes.
	deletionsUnknown bool
	// ofWorkloads tells that flows at workloads or between endpoints were asked for, and of
	// how many workloads and of how many host endpoints these were.
	ofWorkloads bool
	workloads   int
	hosts       []string
}

// changed returns the results that are others than before.
func (a findings) changed() []flowResult {
	var out []flowResult
	for _, r := range a.compared() {
		if r.changed() {
			out = append(out, r)
		}
	}
	return bounded(out)
}

// compared returns what is compared with what was before.
func (a findings) compared() []flowResult {
	ofHosts := slices.DeleteFunc(slices.Clone(a.results), func(r flowResult) bool { return r.group })
	return slices.Concat(ofHosts, a.details, a.dropped)
}

// summary is a line: 12 host endpoints, 38 flows: 0 unexpected.
func (a findings) summary() string {
	endpoints := map[string]bool{}
	unexpected, undecided := 0, 0
	for _, r := range a.results {
		if !r.group {
			endpoints[r.endpoint] = true
		}
		if r.unexpected() {
			unexpected++
		}
		if r.after.verdict == flowUndecided {
			undecided++
		}
	}
	var counts []string
	for _, name := range a.hosts {
		endpoints[name] = true
	}
	if hosts := len(endpoints); hosts > 0 || !a.ofWorkloads {
		counts = append(counts, countOf(hosts, "host endpoint"))
	}
	if a.ofWorkloads {
		counts = append(counts, countOf(a.workloads, "workload"))
	}
	text := fmt.Sprintf("%s, %s: %d unexpected", strings.Join(counts, ", "), countOf(len(a.results), "flow"), unexpected)
	if undecided > 0 {
		text += fmt.Sprintf(", %d undecided", undecided)
	}
	return text
}

// endpointsWord is what the endpoints of the answer are called.
func (a findings) endpointsWord() string {
	if a.ofWorkloads {
		return "endpoints"
	}
	return "host endpoints"
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// report tells in Markdown what will be. Nothing in it depends on what was before, so
// that it stays the same when the changes are applied.
func (a findings) report() string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s.**\n", a.summary())
	rows := rowsOf(a.results, func(r flowResult) []string {
		return []string{r.flow.expect, r.after.verdict, r.after.decidedBy}
	})
	slices.SortStableFunc(rows, func(x, y *tableRow) int { return order(x.unexpected()) - order(y.unexpected()) })
	folded := foldedEndpoints{what: a.endpointsWord()}
	if len(rows) > 0 {
		fmt.Fprintf(&b, "\n| | Traffic | %s | Verdict | Decided by | Expected |\n|---|---|---|---|---|---|\n", capital(folded.what))
	}
	for _, r := range rows {
		mark, verdict := "", r.after.verdict
		switch {
		case r.unexpected():
			mark, verdict = "**unexpected**", "**"+verdict+"**"
		case r.flow.expect != "":
			mark = "as expected"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", mark, safetext.Markdown(r.flow.String()), folded.cell(r.endpoints), verdict, safetext.Markdown(r.after.decidedBy), r.flow.expect)
	}
	folded.write(&b)
	a.writeDeletionsUnknown(&b)
	return b.String()
}

// order puts what is told first before the rest.
func order(first bool) int {
	if first {
		return 0
	}
	return 1
}

// changesReport tells in Markdown what will be another than it is now.
func (a findings) changesReport() string {
	changed := a.changed()
	var b strings.Builder
	fmt.Fprintf(&b, "**%d of %s changed.**\n", len(changed), countOf(len(a.compared()), "flow"))
	rows := rowsOf(changed, func(r flowResult) []string { return []string{r.before, r.after.verdict, r.after.decidedBy} })
	folded := foldedEndpoints{what: a.endpointsWord()}
	if len(rows) > 0 {
		fmt.Fprintf(&b, "\n| Traffic | %s | Now | Then | Decided by |\n|---|---|---|---|---|\n", capital(folded.what))
	}
	for _, r := range rows {
		const none = "no endpoint"
		before, then := r.before, r.after.verdict
		if before == "" {
			before = none
		}
		if then == "" {
			then = none
		}
		fmt.Fprintf(&b, "| %s | %s | %s | **%s** | %s |\n", safetext.Markdown(r.flow.String()), folded.cell(r.endpoints), before, then, safetext.Markdown(r.after.decidedBy))
	}
	folded.write(&b)
	writeObjects(&b, "Taken away", a.taken)
	writeObjects(&b, "Not stored, so not taken away", a.missing)
	a.writeDeletionsUnknown(&b)
	return b.String()
}

func writeObjects(b *strings.Builder, what string, ids []calico.ID) {
	if len(ids) == 0 {
		return
	}
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = safetext.Markdown(id.String())
	}
	fmt.Fprintf(b, "\n%s: %s.\n", what, strings.Join(texts, ", "))
}

func (a findings) writeDeletionsUnknown(b *strings.Builder) {
	if a.deletionsUnknown {
		b.WriteString("\nWhat the plan deletes is not known here, and counts as if it stayed: neither `removal` nor `complete_kinds` says anything about it.\n")
	}
}

// tableRow is a row of a table. Endpoints that fare alike share it: a comment
// on a pull request has room for some thousand lines.
type tableRow struct {
	flowResult
	endpoints []string
}

// rowsOf returns the rows of results, which share one if they are about the same flow
// and have the same texts.
func rowsOf(results []flowResult, texts func(flowResult) []string) []*tableRow {
	var rows []*tableRow
	same := map[string]*tableRow{}
	for _, r := range results {
		key := strings.Join(append(texts(r), r.flow.Key()), "\x00")
		if same[key] == nil {
			same[key] = &tableRow{flowResult: r}
			rows = append(rows, same[key])
		}
		same[key].endpoints = append(same[key].endpoints, traffic.Title(r.from, r.endpoint, r.count))
	}
	return rows
}

// maxRowEndpoints is how many endpoints a row names.
const maxRowEndpoints = 5

// foldedEndpoints are the lists of endpoints that are too long for a row. They stand
// below the table, each once, as many rows are about the same endpoints.
type foldedEndpoints struct {
	// what they are called.
	what    string
	lists   []string
	numbers map[string]int
}

// cell names endpoints in a row: all of them, or some and where the others are.
func (f *foldedEndpoints) cell(endpoints []string) string {
	names := make([]string, len(endpoints))
	for i, name := range endpoints {
		names[i] = safetext.Markdown(name)
	}
	all := strings.Join(names, ", ")
	if len(names) <= maxRowEndpoints {
		return all
	}
	if f.numbers[all] == 0 {
		if f.numbers == nil {
			f.numbers = map[string]int{}
		}
		f.lists = append(f.lists, all)
		f.numbers[all] = len(f.lists)
	}
	return fmt.Sprintf("%s and %d more (list %d)", strings.Join(names[:maxRowEndpoints], ", "), len(names)-maxRowEndpoints, f.numbers[all])
}

func (f *foldedEndpoints) write(b *strings.Builder) {
	if len(f.lists) == 0 {
		return
	}
	// The empty lines make Markdown of what is between the tags.
	fmt.Fprintf(b, "\n<details>\n<summary>All %s of these rows</summary>\n\n", f.what)
	for i, list := range f.lists {
		fmt.Fprintf(b, "- List %d: %s\n", i+1, list)
	}
	b.WriteString("\n</details>\n")
}

func countOf(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
