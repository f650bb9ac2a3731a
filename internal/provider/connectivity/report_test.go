package connectivity

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extensionast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
	"github.com/calico-terraform/terraform-provider-calico/internal/guard"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// hostileNames mean something in Markdown, HTML, a terminal or on a host of
// repositories.
var hostileNames = []string{
	"![x](https://example.net)", "[x](https://example.net)", "x\r\n## heading", "# heading", "> quote", "- item", "1. item", "---",
	"<script>alert(1)</script>", "</details>", "<https://example.net>", "https://example.net", "www.example.net", "a@example.net", "@octocat", "#1",
	"a|b", `a\|b`, `\`, `a\`, "|---|", "`code`", "``", "a`b|c`d", "*x*", "__x__", "~~x~~", "&lt;b&gt;", "&#33;", "[x]: https://example.net", "[ ] task",
	"\x1b[31mred", "\u202egnp.exe", "\u009b2K", "a\xffb", "a\n\n| b | c |\n|---|---|\n| d | e |", "  code", "$x$", "{{x}}", "!important", "",
}

// rendered is what a renderer makes of a report.
type rendered struct {
	tables, rows, cells, details int
	// cellTexts are those of each row.
	cellTexts [][]string
	// odd are the nodes that do not belong there.
	odd []string
}

// render parses a report as GitHub does.
func render(t *testing.T, report string) (out rendered) {
	t.Helper()
	source := []byte(report)
	document := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))
	err := ast.Walk(document, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *extensionast.Table:
			out.tables++
		case *extensionast.TableRow:
			out.rows++
			out.cellTexts = append(out.cellTexts, nil)
		case *extensionast.TableCell:
			out.cells++
			if _, inRow := n.Parent().(*extensionast.TableRow); inRow {
				row := &out.cellTexts[len(out.cellTexts)-1]
				*row = append(*row, plainText(n, source))
			}
		case *ast.HTMLBlock:
			out.details++
			if block := string(n.Lines().Value(source)); block != "<details>\n<summary>All host endpoints of these rows</summary>\n" && block != "</details>\n" {
				out.odd = append(out.odd, block)
			}
		case *ast.Document, *ast.Paragraph, *ast.Text, *ast.TextBlock, *ast.CodeSpan, *extensionast.TableHeader, *ast.List, *ast.ListItem:
		case *ast.Emphasis:
			if words := plainText(n, source); !slices.Contains([]string{"unexpected", "allow", "deny", "no endpoint"}, words) && !strings.HasSuffix(words, ".") {
				out.odd = append(out.odd, "emphasis of "+words)
			}
		default:
			out.odd = append(out.odd, fmt.Sprintf("%s: %s", n.Kind(), plainText(n, source)))
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func plainText(n ast.Node, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && entering {
			b.Write(t.Value(source))
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

func asked(name string) askedFlow {
	return askedFlow{Flow: guard.Flow{Name: name, Traffic: verdict.Flow{Protocol: address.Protocol("TCP"), Peer: netip.MustParsePrefix("10.1.0.0/24"), Port: 22}}, expect: flowDeny}
}

// Whatever things are called, a report is one table with a row for each thing.
func TestReportOfHostileNames(t *testing.T) {
	t.Parallel()
	var answer findings
	for i, name := range hostileNames {
		answer.results = append(answer.results, flowResult{
			endpoint: name, flow: asked(fmt.Sprintf("%d %s", i, name)), before: flowAllow,
			after: judgement{flowDeny, fmt.Sprintf("policy %q and %s", name, name)},
		})
		answer.taken = append(answer.taken, calico.ID{Kind: calico.KindNetworkPolicy, Namespace: name, Name: name})
	}
	answer.missing = answer.taken
	answer.dropped = []flowResult{{endpoint: "gone", flow: asked("ssh"), before: flowAllow}}
	// One row about all of them, which has to be folded.
	for _, name := range hostileNames {
		answer.results = append(answer.results, flowResult{endpoint: name, flow: asked("ssh"), before: flowDeny, after: judgement{flowAllow, "rule 1"}})
	}
	answer.deletionsUnknown = true
	for what, c := range map[string]struct {
		report               string
		rows, columns, names int
	}{
		"report":         {answer.report(), len(hostileNames) + 1, 6, 2},
		"changes_report": {answer.changesReport(), len(hostileNames) + 2, 5, 1},
	} {
		got := render(t, c.report)
		if got.tables != 1 || got.rows != c.rows || got.cells != (c.rows+1)*c.columns || got.details != 2 || len(got.odd) > 0 {
			t.Errorf("%s has %d tables with %d rows and %d cells, %d blocks of HTML, and %q:\n%s", what, got.tables, got.rows, got.cells, got.details, got.odd, c.report)
		}
		// Each name stands in its row, spelled out.
		shown := strings.NewReplacer("`", `\x60`, "|", `\x7c`)
		var names []string
		for _, row := range got.cellTexts {
			names = append(names, row[c.names])
		}
		for _, name := range hostileNames {
			line := safetext.Line(name)
			if strings.TrimSpace(line) == line && line != "" && !slices.Contains(names, line) && !slices.Contains(names, shown.Replace(line)) {
				t.Errorf("%s: %q is in no row of %q", what, line, names)
			}
		}
		if safetext.Text(c.report) != c.report {
			t.Errorf("%s holds raw control characters: %q", what, c.report)
		}
	}
}

// Endpoints that fare alike share a row, and all their names are there, once.
func TestReportFoldsEndpoints(t *testing.T) {
	t.Parallel()
	var answer findings
	for i := range 7 {
		for _, flow := range []string{"ssh", "etcd"} {
			answer.results = append(answer.results, flowResult{endpoint: fmt.Sprintf("db%d", i), flow: asked(flow), after: judgement{flowDeny, "rule 1"}})
		}
	}
	answer.results[0].after.verdict = flowUndecided
	const want = `**7 host endpoints, 14 flows: 1 unexpected, 1 undecided.**

| | Traffic | Host endpoints | Verdict | Decided by | Expected |
|---|---|---|---|---|---|
| **unexpected** | ssh (TCP port 22 from 10.1.0.0/24) | db0 | **undecided** | rule 1 | deny |
| as expected | etcd (TCP port 22 from 10.1.0.0/24) | db0, db1, db2, db3, db4 and 2 more (list 1) | deny | rule 1 | deny |
| as expected | ssh (TCP port 22 from 10.1.0.0/24) | db1, db2, db3, db4, db5 and 1 more (list 2) | deny | rule 1 | deny |

<details>
<summary>All host endpoints of these rows</summary>

- List 1: db0, db1, db2, db3, db4, db5, db6
- List 2: db1, db2, db3, db4, db5, db6

</details>
`
	if diff := cmp.Diff(want, answer.report()); diff != "" {
		t.Errorf("the report (-want +got):\n%s", diff)
	}
	if got, want := answer.summary(), "7 host endpoints, 14 flows: 1 unexpected, 1 undecided"; got != want {
		t.Errorf("the summary is %q, want %q", got, want)
	}
	const none = "**0 host endpoints, 0 flows: 0 unexpected.**\n"
	if got := (findings{}).report(); got != none {
		t.Errorf("a report of nothing is %q", got)
	}
}
