package selector_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
)

const namespace = "projectcalico.org/namespace"

func mustParse(t *testing.T, s string) *selector.Selector {
	t.Helper()
	parsed, err := selector.Parse(s)
	if err != nil {
		t.Fatalf("Parse(%q): %v", s, err)
	}
	return parsed
}

func ExampleParse() {
	s, err := selector.Parse(`(role=="db" && !!has(zone))||(tier in{"b","a",})`)
	fmt.Println(s, err)
	_, err = selector.Parse("role == db")
	fmt.Println(err)
	// Output:
	// role == 'db' && has(zone) || tier in {'a', 'b'} <nil>
	// column 9 of the selector: expected a value in quotes after ==, found "db": write 'db'
}

// TestString has one canonical form per group of spellings.
func TestString(t *testing.T) {
	long := strings.Repeat("x", 512)
	tests := []struct {
		canonical string
		spellings []string
	}{
		{"all()", []string{"", " ", "\t", "all()", "all( )", "all(\t)", " (all()) ", "!!all()", "!(!all())"}},
		{"global()", []string{"global()", "global( )", "((global()))"}},
		{"has(role)", []string{"has(role)", "has( role\t)", "(has(role))", "!!has(role)", "! ! has(role)", "!(!(has(role)))", "!(!!!has(role))"}},
		{"!has(role)", []string{"!has(role)", " ! has(role)", "!!!has(role)", "!(has(role))", "(!(has(role)))", "!(!(!has(role)))"}},
		{"a == 'b'", []string{"a=='b'", `a == "b"`, "a\t==\t'b'", "(a == 'b')", " a == 'b' "}},
		{"a != 'b'", []string{"a!='b'", `a != "b"`, "((a != 'b'))"}},
		{"!(a == 'b')", []string{"!a == 'b'", "!(a == 'b')", "!(((a == 'b')))", "!!!a=='b'"}},
		{"!(a != 'b')", []string{"!a!='b'"}},
		{"a contains 'b'", []string{"a contains 'b'", "a contains'b'", "a\tcontains\t\"b\""}},
		{"a starts with 'b'", []string{"a starts with 'b'", "a startswith 'b'", "a starts\t with'b'"}},
		{"a ends with 'b'", []string{"a ends with 'b'", "a endswith'b'", "a ends  with \"b\""}},
		{"!(a ends with 'b')", []string{"!a ends with 'b'"}},
		{"a in {}", []string{"a in {}", "a in{}", "a in { \t }"}},
		{"a in {'b', 'c'}", []string{"a in {'b','c'}", "a in {\"c\",'b'}", "a in{'b' , 'c' , }", "a in {'c','b','c','b',}"}},
		{"a not in {'b'}", []string{"a not in {'b'}", "a notin{'b'}", "a not \t in { 'b', }", "a not in {'b', \"b\"}"}},
		{"!(a not in {})", []string{"!a notin{}", "!!!(a not in {})"}},
		{`a == "it's"`, []string{`a == "it's"`}},
		{`a == 'say "hi"'`, []string{`a == 'say "hi"'`}},
		{`a in {'"', "'"}`, []string{`a in {"'", '"'}`}},
		{"a == ''", []string{`a == ""`, "a==''"}},
		{"a == 'x\ny\t\x00\xff é \\'", []string{"a == \"x\ny\t\x00\xff é \\\""}},
		{"a == 'b' && c == 'd'", []string{"a=='b'&&c=='d'", "(a == 'b') && (c == 'd')", "((a == 'b' && c == 'd'))"}},
		{"has(a) && has(b) && has(c)", []string{
			"has(a)&&has(b)&&has(c)", "(has(a) && has(b)) && has(c)", "has(a) && (has(b) && has(c))",
			"has(a) && !!(has(b) && has(c))", "(has(a) && (has(b) && (has(c))))",
		}},
		{"has(a) || has(b) || has(c)", []string{
			"(has(a) || has(b)) || has(c)", "has(a) || (has(b) || has(c))", "!(!(has(a) || has(b) || has(c)))",
		}},
		{"has(a) && has(b) || has(c)", []string{"(has(a) && has(b)) || has(c)", "has(a)&&has(b)||has(c)"}},
		{"has(a) || has(b) && has(c)", []string{"has(a) || (has(b) && has(c))", "has(a)||has(b)&&has(c)"}},
		{"(has(a) || has(b)) && has(c)", []string{"((has(a)||has(b)))&&has(c)"}},
		{"has(a) && (has(b) || has(c) && has(d))", []string{"has(a) && (has(b) || (has(c) && has(d)))"}},
		{"!(has(a) && has(b))", []string{"!(has(a)&&has(b))", "!((has(a) && has(b)))"}},
		{"!(has(a) || has(b)) && !has(c)", []string{"!(has(a) || has(b)) && !(has(c))"}},
		{"has(b) && has(a)", []string{"has(b) && has(a)"}},
		{"has(a) && has(a)", []string{"has(a) && has(a)"}},
		{"all() && !global()", []string{"all()&&!global()"}},
		{"in in {'in'}", []string{"in in{'in'}"}},
		{"notin not in {'notin'}", []string{"notin notin {'notin'}"}},
		{"not == 'x' && has == 'x' && all == 'x' && global == 'x'", []string{"not=='x'&&has=='x'&&all=='x'&&global=='x'"}},
		{"contains contains 'x' || starts starts with 'x'", []string{"contains contains 'x' || starts startswith 'x'"}},
		{"has(has) && has(all) && has(in)", []string{"has( has )&&has(all)&&has(in)"}},
		{"-has == 'x'", []string{"-has == 'x'"}},
		{"has. == 'x'", []string{"has. == 'x'"}},
		{"aZ09_./- == 'x'", []string{"aZ09_./- == 'x'"}},
		{"kubernetes.io/metadata.name == 'x'", []string{"kubernetes.io/metadata.name=='x'"}},
		{"/ == 'x'", []string{"/=='x'"}},
		{"has(" + long + ")", []string{"has(" + long + ")"}},
		{long + " in {}", []string{long + " in{}"}},
	}
	for _, test := range tests {
		for _, spelling := range append(test.spellings, test.canonical) {
			parsed, err := selector.Parse(spelling)
			if err != nil {
				t.Errorf("Parse(%q): %v", spelling, err)
			} else if got := parsed.String(); got != test.canonical {
				t.Errorf("Parse(%q).String() = %q, want %q", spelling, got, test.canonical)
			}
		}
	}
}

// TestStringKeepsDifferences has conditions that mean the same, or nearly so, and
// yet are not one another's spellings.
func TestStringKeepsDifferences(t *testing.T) {
	for _, pair := range [][2]string{
		{"a == 'b'", "a == 'B'"},
		{"a == 'b'", "a == 'b '"},
		{"a == 'b'", "a in {'b'}"},
		{"a != 'b'", "!(a == 'b')"},
		{"a not in {'b'}", "!(a in {'b'})"},
		{"has(a) && has(b)", "has(b) && has(a)"},
		{"has(a)", "has(a) && has(a)"},
		{"has(a)", "has(a) && all()"},
		{"global()", "!has(projectcalico.org/namespace)"},
		{"!has(a) && has(b)", "!(has(a) && has(b))"},
	} {
		a, b := mustParse(t, pair[0]).String(), mustParse(t, pair[1]).String()
		if a == b {
			t.Errorf("%q and %q both print as %q", pair[0], pair[1], a)
		}
	}
}

func TestMatches(t *testing.T) {
	none := map[string]string(nil)
	web := map[string]string{"role": "web", "empty": ""}
	pod := map[string]string{"projectcalico.org/namespace": "default"}
	tests := []struct {
		selector string
		labels   map[string]string
		want     bool
	}{
		{"", none, true},
		{"all()", none, true},
		{"!all()", web, false},

		{"has(role)", web, true},
		{"has(empty)", web, true},
		{"has(Role)", web, false},
		{"has(role)", none, false},

		{"role == 'web'", web, true},
		{"role == 'Web'", web, false},
		{"role == 'we'", web, false},
		{"role == ''", none, false},
		{"empty == ''", web, true},
		{"role != 'web'", web, false},
		{"role != 'db'", web, true},
		{"role != 'web'", none, true},
		{"role != ''", none, true},

		{"role contains 'e'", web, true},
		{"role contains 'web'", web, true},
		{"role contains ''", web, true},
		{"role contains ''", none, false},
		{"role contains 'x'", web, false},
		{"role starts with 'we'", web, true},
		{"role starts with 'eb'", web, false},
		{"role starts with ''", none, false},
		{"role ends with 'eb'", web, true},
		{"role ends with 'we'", web, false},
		{"role ends with ''", none, false},
		{"empty starts with ''", web, true},
		{"empty ends with 'x'", web, false},

		{"role in {'db', 'web'}", web, true},
		{"role in {'db'}", web, false},
		{"role in {'', 'db'}", none, false},
		{"role in {}", web, false},
		{"empty in {''}", web, true},
		{"role not in {'db', 'web'}", web, false},
		{"role not in {'db'}", web, true},
		{"role not in {'web'}", none, true},
		{"role not in {}", web, true},
		{"role not in {}", none, true},

		{"!role == 'web'", none, true},
		{"!role == 'web'", web, false},
		{"!!role == 'web'", web, true},
		{"!(role != 'web')", none, false},

		// ! binds more tightly than &&, && than ||.
		{"!has(a) && has(role)", web, true},
		{"!(has(a) && has(role))", web, true},
		{"!has(a) && !has(role)", web, false},
		{"has(role) || has(a) && has(b)", web, true},
		{"(has(role) || has(a)) && has(b)", web, false},
		{"has(a) && has(b) || has(role)", web, true},
		{"has(a) && (has(b) || has(role))", web, false},
		{"has(role) && has(empty) && has(a)", web, false},
		{"has(a) || has(b) || has(empty)", web, true},

		{"global()", none, true},
		{"global()", web, true},
		{"global()", pod, false},
		{"!global()", pod, true},
	}
	for _, test := range tests {
		if got := mustParse(t, test.selector).Matches(test.labels); got != test.want {
			t.Errorf("%q on %q = %t, want %t", test.selector, test.labels, got, test.want)
		}
	}
}

func TestIsGlobal(t *testing.T) {
	tests := map[string]bool{
		"global()":                true,
		" global( ) ":             true,
		"(global())":              true,
		"!global()":               false,
		"global() && all()":       false,
		"global() || has(a)":      false,
		"all()":                   false,
		"":                        false,
		"a == 'global()'":         false,
		"global == 'global()'":    false,
		"has(global)":             false,
		"!has(" + namespace + ")": false,
	}
	for s, want := range tests {
		if got := mustParse(t, s).IsGlobal(); got != want {
			t.Errorf("IsGlobal of %q = %t, want %t", s, got, want)
		}
	}
}

// TestParseDepth holds the one limit that Calico does not have: a selector of
// a million brackets ends Calico's process, and must not end ours.
func TestParseDepth(t *testing.T) {
	nested := func(opening string, n int) string {
		return strings.Repeat(opening, n) + "has(a)" + strings.Repeat(")", n)
	}
	for _, opening := range []string{"(", "!(", "has(b) && (", "has(b)||!( "} {
		parsed := mustParse(t, nested(opening, 1000))
		if again := mustParse(t, parsed.String()); again.String() != parsed.String() {
			t.Errorf("1000 times %q: another form after printing and parsing", opening)
		}
		for _, n := range []int{1001, 1_000_000} {
			wantSyntaxError(t, nested(opening, n), len(opening)*1000+strings.LastIndex(opening, "("), "more than 1000 brackets")
		}
	}
	if got := mustParse(t, strings.Repeat("!", 1_000_001)+"has(a)").String(); got != "!has(a)" {
		t.Errorf("an odd number of ! prints as %.40q", got)
	}
	siblings := mustParse(t, strings.Repeat("(has(a)) && ", 2000)+"has(b)")
	if !siblings.Matches(map[string]string{"a": "", "b": ""}) || siblings.Matches(map[string]string{"a": ""}) {
		t.Error("2000 brackets beside each other: wrong answer")
	}
}

// TestParseUpTo329 has what only Calico up to 3.29 accepts, and what looks alike
// and no release does.
func TestParseUpTo329(t *testing.T) {
	label := strings.Repeat("x", 512)
	for s, canonical := range map[string]string{
		"has(\na)":                     "has(a)",
		"has(a\r\n)":                   "has(a)",
		"all(\f)":                      "all()",
		"global( \n\t)":                "global()",
		"a not\nin {'b'}":              "a not in {'b'}",
		"a starts\r\nwith 'b'":         "a starts with 'b'",
		"a ends \n with 'b' && has(c)": "a ends with 'b' && has(c)",
		label + "in {'b'}":             label + " in {'b'}",
		label + "contains 'b'":         label + " contains 'b'",
		label + "not\nin {}":           label + " not in {}",
	} {
		if _, err := selector.Parse(s); err == nil {
			t.Errorf("Parse(%.80q): want an error", s)
		}
		got, err := selector.ParseUpTo329(s)
		if err != nil || got.String() != canonical {
			t.Errorf("ParseUpTo329(%.80q) = %.80s, %v; want %.80s", s, got, err, canonical)
		}
	}
	for _, s := range []string{"has(a)\n", "\nhas(a)", "a ==\n'b'", "a in\n{'b'}", "a in {'b',\n'c'}", "has\n(a)", "has(\va)", "all(\u00a0)", label + "y == 'b'", "has(" + label + "y)", label + "inx {'b'}", "a not \n 'in'"} {
		if got, err := selector.ParseUpTo329(s); err == nil {
			t.Errorf("ParseUpTo329(%.80q) = %.80s, want an error", s, got)
		}
	}
	// What all releases accept is the same in both.
	for _, s := range []string{"", "has( a )", "a notin {'b'} || all()", label + " in {'b'}"} {
		got, err := selector.ParseUpTo329(s)
		if want := mustParse(t, s).String(); err != nil || got.String() != want {
			t.Errorf("ParseUpTo329(%.80q) = %.80s, %v; want %.80s", s, got, err, want)
		}
	}
}

// TestCalico compares with what the parser of Calico v3.31.0 answered for
// selectors made at random, half of them with faults. In its answers global()
// stands for the condition that Calico puts in its place.
func TestCalico(t *testing.T) {
	file, err := os.Open("testdata/calico_v3.31.0.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	var accepted, refused int
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var record struct {
			Selector string
			Accepted bool
			Labels   map[string]string
			Matches  bool
		}
		if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
			t.Fatal(err)
		}
		parsed, err := selector.Parse(record.Selector)
		if (err == nil) != record.Accepted {
			t.Errorf("Parse(%q): %v; Calico accepts it: %t", record.Selector, err, record.Accepted)
			continue
		}
		if err != nil {
			refused++
			continue
		}
		accepted++
		if got := parsed.Matches(record.Labels); got != record.Matches {
			t.Errorf("%q on %q = %t, Calico says %t", record.Selector, record.Labels, got, record.Matches)
		}
	}
	if accepted != 300 || refused != 200 {
		t.Errorf("compared %d accepted and %d refused selectors, want 300 and 200", accepted, refused)
	}
}

func TestPrefixed(t *testing.T) {
	const in = "all() && (global() || has(a)) && !(b == 'x') && c not in {'y'} && !has(d) && e contains 'z'"
	const want = "all() && (global() || has(p.a)) && !(p.b == 'x') && p.c not in {'y'} && !has(p.d) && p.e contains 'z'"
	sel, err := selector.Parse(in)
	if err != nil {
		t.Fatal(err)
	}
	if got := sel.Prefixed("p.").String(); got != want {
		t.Errorf("Prefixed: %s, want %s", got, want)
	}
	if got := sel.String(); got != in {
		t.Errorf("Prefixed changed the selector itself to %s", got)
	}
}

func TestUnreplaced(t *testing.T) {
	const in = "!global() || a == 'b' && (global() || has(c)) || d == 'global()' && all() && e in {'f'}"
	const want = "!all() || a == 'b' && (all() || has(c)) || d == 'global()' && all() && e in {'f'}"
	sel, err := selector.Parse(in)
	if err != nil {
		t.Fatal(err)
	}
	if got := sel.Unreplaced().String(); got != want {
		t.Errorf("Unreplaced: %s, want %s", got, want)
	}
	if got := sel.String(); got != in {
		t.Errorf("Unreplaced changed the selector itself to %s", got)
	}
}
