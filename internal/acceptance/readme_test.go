package acceptance

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

var update = flag.Bool("update", false, "write the table of the tests into README.md")

// columns of the README's table are the worlds that a user can have, by their headings.
var columns = []struct{ world, heading string }{
	{"etcd", "etcd"},
	{"kubernetes v3.28.5", "v3.28.5"},
	{"kubernetes v3.31.0", "v3.31.0"},
	{aggregated, "v3.31.0, aggregated"},
	{"kubernetes v3.32.1", "v3.32.1"},
	{"kubernetes native", "v3.32.1, native"},
}

// shown are the tests that the table has, and how it calls them.
var shown = []struct{ test, called string }{{"life", "life"}, {"interference", "others' changes"}, {"import by identity", "import"}}

// The README's table says which tests each row has in each world: those that TestAcceptance
// makes, which are green if it is.
func TestReadmeShowsTheTests(t *testing.T) {
	t.Parallel()
	root, err := acctest.Root()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "README.md")
	readme, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- the tests, written by make generate -->\n", "<!-- end of the tests -->\n"
	before, rest, ok := strings.Cut(string(readme), begin)
	got, after, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatalf("README.md has no %q and %q", begin, end)
	}
	want := testsTable(t)
	switch {
	case got == want:
	case *update:
		if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("the table of README.md is not that of the tests (make generate writes it):\n%s", want)
	}
}

func testsTable(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| resource |")
	for _, column := range columns {
		b.WriteString(" " + column.heading + " |")
	}
	b.WriteString("\n| ---" + strings.Repeat(" | ---", len(columns)) + " |\n")
	for _, r := range slices.SortedFunc(slices.Values(rows), func(a, b row) int { return strings.Compare(a.typeName, b.typeName) }) {
		runs := runsOf(t, r)
		fmt.Fprintf(&b, "| `%s` |", r.typeName)
		for _, column := range columns {
			var cell []string
			for _, s := range shown {
				if slices.ContainsFunc(runs, func(run run) bool { return run.test == s.test && run.world == column.world }) {
					cell = append(cell, s.called)
				}
			}
			b.WriteString(" " + cmp.Or(strings.Join(cell, ", "), "-") + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// What is not a column is no world that a user has.
func TestReadmeShowsEveryWorld(t *testing.T) {
	t.Parallel()
	all := slices.Concat(slices.Collect(maps.Keys(worlds)), slices.Collect(maps.Keys(olderWorlds)))
	for _, world := range all {
		if world != "memory" && !slices.ContainsFunc(columns, func(c struct{ world, heading string }) bool { return c.world == world }) {
			t.Errorf("the table of README.md does not show %s", world)
		}
	}
}
