package selector_test

import (
	"errors"
	"math/rand"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
)

// A condition is the tests' own idea of a selector: it answers by itself and can
// be spelled in many ways.
type condition interface {
	matches(labels map[string]string) bool
	// spell writes the condition somehow, at least as tightly bound as wanted:
	// 0 for a whole selector, 1 for an operand of ||, 2 of &&, 3 of !.
	spell(g generator, bound int) string
}

type (
	fixed struct {
		text  string
		value func(map[string]string) bool
	}
	single struct{ label, op, value string }
	member struct {
		label  string
		not    bool
		values []string
	}
	inverse struct{ operand condition }
	joined  struct {
		or       bool
		operands []condition
	}
)

func (c fixed) matches(labels map[string]string) bool { return c.value(labels) }

func (c single) matches(labels map[string]string) bool {
	value, ok := labels[c.label]
	if !ok {
		return c.op == "!="
	}
	return map[string]bool{
		"==":          value == c.value,
		"!=":          value != c.value,
		"contains":    strings.Contains(value, c.value),
		"starts with": strings.HasPrefix(value, c.value),
		"ends with":   strings.HasSuffix(value, c.value),
	}[c.op]
}

func (c member) matches(labels map[string]string) bool {
	for _, value := range c.values {
		if found, ok := labels[c.label]; ok && found == value {
			return !c.not
		}
	}
	return c.not
}

func (c inverse) matches(labels map[string]string) bool { return !c.operand.matches(labels) }

func (c joined) matches(labels map[string]string) bool {
	for _, operand := range c.operands {
		if operand.matches(labels) == c.or {
			return c.or
		}
	}
	return !c.or
}

func (c fixed) spell(g generator, _ int) string {
	return g.wrap(strings.ReplaceAll(strings.ReplaceAll(c.text, "(", "("+g.blanks()), ")", g.blanks()+")"))
}

func (c single) spell(g generator, _ int) string {
	before := g.blanks()
	if c.op != "==" && c.op != "!=" {
		before += " "
	}
	return g.wrap(c.label + before + strings.ReplaceAll(c.op, " ", g.blanks()) + g.blanks() + g.quote(c.value))
}

func (c member) spell(g generator, _ int) string {
	text := c.label + " " + g.blanks()
	if c.not {
		text += "not" + g.blanks()
	}
	values := append([]string(nil), c.values...)
	for range c.values {
		if g.oneIn(5) {
			values = append(values, g.pick(c.values))
		}
	}
	g.Shuffle(len(values), func(i, j int) { values[i], values[j] = values[j], values[i] })
	text += "in" + g.blanks() + "{" + g.blanks()
	for i, value := range values {
		text += g.quote(value) + g.blanks()
		if i < len(values)-1 || g.oneIn(3) {
			text += "," + g.blanks()
		}
	}
	return g.wrap(text + "}")
}

func (c inverse) spell(g generator, _ int) string {
	text := "!"
	for g.oneIn(4) {
		text += g.blanks() + "!" + g.blanks() + "!"
	}
	return g.wrap(text + g.blanks() + c.operand.spell(g, 3))
}

func (c joined) spell(g generator, bound int) string {
	operator, own := "&&", 2
	if c.or {
		operator, own = "||", 1
	}
	var parts []string
	for i := 0; i < len(c.operands); i++ {
		// Some neighbours go into brackets of their own: that changes nothing.
		if n := i + 2; n < len(c.operands) && g.oneIn(3) {
			parts = append(parts, "("+joined{c.or, c.operands[i:n]}.spell(g, 0)+")")
			i++
			continue
		}
		parts = append(parts, c.operands[i].spell(g, own))
	}
	text := strings.Join(parts, g.blanks()+operator+g.blanks())
	if bound >= own && bound > 0 {
		return "(" + text + ")"
	}
	return g.wrap(text)
}

// A generator makes everything from one seed.
type generator struct{ *rand.Rand }

var (
	someLabels = []string{"a", "b", "in", "not", "has", "global", "x.y/z-_", namespace}
	someValues = []string{"", "a", "b", "ab", "with blank", "it's", `say "x"`, "&& x\ny", "é", "\xff", "}"}
)

func (g generator) pick(from []string) string { return from[g.Intn(len(from))] }
func (g generator) oneIn(n int) bool          { return g.Intn(n) == 0 }
func (g generator) blanks() string            { return g.pick([]string{"", "", " ", "\t", "  \t "}) }

func (g generator) quote(value string) string {
	switch {
	case strings.Contains(value, `"`):
		return "'" + value + "'"
	case strings.Contains(value, "'") || g.oneIn(2):
		return `"` + value + `"`
	default:
		return "'" + value + "'"
	}
}

// wrap puts brackets, double negations and blanks around a condition that binds
// tightly enough, none of which changes it.
func (g generator) wrap(text string) string {
	for g.oneIn(4) {
		text = g.pick([]string{"", "!!", "! !"}) + "(" + g.blanks() + text + g.blanks() + ")"
	}
	return text
}

func (g generator) condition(depth int) condition {
	kinds := 6
	if depth > 0 {
		kinds = 12
	}
	switch kind := g.Intn(kinds); kind {
	case 0:
		label := g.pick(someLabels)
		return fixed{"has(" + label + ")", func(labels map[string]string) bool { _, ok := labels[label]; return ok }}
	case 1:
		if g.oneIn(2) {
			return fixed{"all()", func(map[string]string) bool { return true }}
		}
		return fixed{"global()", func(labels map[string]string) bool { _, ok := labels[namespace]; return !ok }}
	case 2, 3:
		op := g.pick([]string{"==", "!=", "contains", "starts with", "ends with"})
		return single{g.pick(someLabels), op, g.pick(someValues)}
	case 4, 5:
		values := make([]string, g.Intn(4))
		for i := range values {
			values[i] = g.pick(someValues)
		}
		return member{g.pick(someLabels), g.oneIn(2), values}
	case 6, 7:
		return inverse{g.condition(depth - 1)}
	default:
		operands := make([]condition, 2+g.Intn(3))
		for i := range operands {
			operands[i] = g.condition(depth - 1)
		}
		return joined{kind%2 == 0, operands}
	}
}

func (g generator) labels() map[string]string {
	labels := make(map[string]string)
	for range g.Intn(7) {
		labels[g.pick(someLabels)] = g.pick(someValues)
	}
	return labels
}

// TestSpellings checks that all spellings of a condition print the same, and that
// they and their canonical form answer as the condition does.
func TestSpellings(t *testing.T) {
	g := generator{rand.New(rand.NewSource(1))}
	answers := map[bool]int{}
	for range 2000 {
		c := g.condition(3)
		first := c.spell(g, 0)
		parsed, err := selector.Parse(first)
		if err != nil {
			t.Fatalf("Parse(%q): %v", first, err)
		}
		canonical := parsed.String()
		for range 3 {
			spelling := g.blanks() + c.spell(g, 0) + g.blanks()
			if got := mustParse(t, spelling).String(); got != canonical {
				t.Fatalf("two spellings of one selector:\n%q prints as %q\n%q prints as %q", first, canonical, spelling, got)
			}
		}
		again := mustParse(t, canonical)
		if got := again.String(); got != canonical {
			t.Fatalf("%q prints as %q", canonical, got)
		}
		for range 4 {
			labels := g.labels()
			want := c.matches(labels)
			answers[want]++
			if parsed.Matches(labels) != want || again.Matches(labels) != want {
				t.Fatalf("%q, canonically %q, on %q = %t and %t, want %t",
					first, canonical, labels, parsed.Matches(labels), again.Matches(labels), want)
			}
		}
	}
	if answers[true] < 2000 || answers[false] < 2000 {
		t.Errorf("answers are too one-sided to prove anything: %v", answers)
	}
}

// TestMutations checks what holds for any text, on selectors with faults.
func TestMutations(t *testing.T) {
	g := generator{rand.New(rand.NewSource(2))}
	pieces := []string{"", "(", ")", "'", `"`, "{", "}", ",", "!", "=", "&", "|", "\n", "\r\n", " ", "in", "has(", "not", "é", "\xff", "a"}
	var accepted, refused int
	for range 6000 {
		text := g.condition(2).spell(g, 0)
		for range 1 + g.Intn(2) {
			from := g.Intn(len(text) + 1)
			to := min(len(text), from+g.Intn(2))
			text = text[:from] + g.pick(pieces) + text[to:]
		}
		if checkAnyText(t, text) {
			accepted++
		} else {
			refused++
		}
		if t.Failed() {
			return
		}
	}
	if accepted < 500 || refused < 500 {
		t.Errorf("%d accepted and %d refused are too one-sided to prove anything", accepted, refused)
	}
}

// FuzzParse checks what holds for any text.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "all()", "global( )", "!has(a) && (b == 'c' || d != \"e\")", "a not in {'x', 'y',}", "a startswith 'b'",
		"a contains\t'b'", "a ==\n'b'", "a == 'it's'", "((((", "{,}", "has(\xff)", "!!!!= 'x", "a = b and c\r\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) { checkAnyText(t, text) })
}

// checkAnyText checks what holds for any text, and tells whether it is a selector.
func checkAnyText(t *testing.T, text string) bool {
	t.Helper()
	line := selector.OneLine(text)
	if got := selector.OneLine(line); got != line {
		t.Errorf("OneLine(%q) = %q, and of that %q", text, line, got)
	}
	parsed, err := selector.Parse(text)
	if err != nil {
		checkError(t, text, err)
		return false
	}
	if line != text {
		t.Errorf("OneLine(%q) = %q, but Parse accepts the first", text, line)
	}
	canonical := parsed.String()
	if again := mustParse(t, canonical).String(); again != canonical {
		t.Errorf("%q prints as %q, and that as %q", text, canonical, again)
	}
	return true
}

// checkError checks that an error points at the first fault: what stands before
// it must be the beginning of a selector.
func checkError(t *testing.T, text string, err error) {
	t.Helper()
	var syntax *selector.SyntaxError
	if !errors.As(err, &syntax) {
		t.Fatalf("Parse(%q): %T, want a SyntaxError", text, err)
	}
	if syntax.Offset < 0 || syntax.Offset > len(text) {
		t.Fatalf("Parse(%q): offset %d is outside", text, syntax.Offset)
	}
	before := text[:syntax.Offset]
	_, err = selector.Parse(before)
	var earlier *selector.SyntaxError
	if errors.As(err, &earlier) && earlier.Offset < len(before) && !strings.HasPrefix(earlier.Message, "nothing closes") {
		t.Errorf("Parse(%q): %v; but already Parse(%q): %v", text, syntax, before, earlier)
	}
}
