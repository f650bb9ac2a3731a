package selector_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
)

// wantSyntaxError checks that a selector is refused at an offset, with a message
// that holds some words.
func wantSyntaxError(t *testing.T, s string, offset int, words string) {
	t.Helper()
	_, err := selector.Parse(s)
	var syntax *selector.SyntaxError
	if !errors.As(err, &syntax) {
		t.Errorf("Parse(%.80q) = %v, want a SyntaxError", s, err)
		return
	}
	if syntax.Offset != offset || !strings.Contains(syntax.Message, words) {
		t.Errorf("Parse(%.80q): offset %d, %q; want offset %d and %q", s, syntax.Offset, syntax.Message, offset, words)
	}
	if !utf8.ValidString(syntax.Message) || strings.ContainsAny(syntax.Message, "\n\r\t\x00") || len(syntax.Message) > 300 {
		t.Errorf("Parse(%.80q): message %q does not fit into a diagnostic", s, syntax.Message)
	}
}

func TestParseErrors(t *testing.T) {
	long := strings.Repeat("x", 513)
	tests := []struct {
		name     string
		selector string
		offset   int
		message  string
	}{
		{"value without quotes", "a == prod && has(b)", 5, "expected a value in quotes after ==, found \"prod\": write 'prod'"},
		{"address without quotes", "a!=10.0.0.0/8", 3, "expected a value in quotes after !=, found \"10.0.0.0/8\": write '10.0.0.0/8'"},
		{"value without quotes after a keyword", "a starts with b", 14, "a value in quotes after starts with, found \"b\": write 'b'"},
		{"value missing", "a ==", 4, "expected a value in quotes after ==, found the end of the selector"},
		{"value missing before &&", "a contains && has(b)", 11, "a value in quotes after contains, found \"&&\""},
		{"long value without quotes", "a == " + long, 5, `xxx...": write 'xxx`},
		{"opening quote missing", "a == b'", 5, "write 'b'"},

		{"newline between", "a == 'x'\n&& has(b)", 8, "found a newline: Calico allows only blanks and tabs outside quotes; write the selector on one line"},
		{"newline at the end", "a == 'x'\n", 8, "found a newline"},
		{"newline at the beginning", "\na == 'x'", 0, "found a newline"},
		{"newline alone", "\n", 0, "found a newline"},
		{"carriage return", "a == 'x'\r\n", 8, "found a newline"},
		{"form feed", "a == 'x'\f", 8, `found "\f": this is not a plain blank`},
		{"no-break space", "a ==\u00a0'x'", 4, `found "\u00a0": this is not a plain blank`},
		{"zero-width space", "a \u200b== 'x'", 2, `found "\u200b": this is not a plain blank`},

		{"single =", "a = 'x'", 2, `found "=": write ==`},
		{"triple =", "a === 'x'", 4, "write only =="},
		{"single &", "has(a) & has(b)", 7, "write &&"},
		{"single |", "has(a) | has(b)", 7, "write ||"},
		{"and", "has(a) and has(b)", 7, `found "and": write &&`},
		{"and after a quote", "a == 'x'and has(b)", 8, `found "and": write &&`},
		{"OR in brackets", "(has(a) OR has(b))", 8, `expected &&, || or ), found "OR": write ||`},
		{"no operator between", "has(a) has(b)", 7, "expected &&, || or the end of the selector, found \"has\""},
		{"semicolon", "has(a); has(b)", 6, `found ";"`},
		{"comment", "has(a) # why", 7, "a selector cannot hold comments"},

		{"not before a condition", "not has(a)", 4, "to negate a condition, write ! before it"},
		{"NOT before a label", "NOT a == 'x'", 4, "to negate a condition, write ! before it"},
		{"not after a label", "a not == 'x'", 2, "to negate a condition, write ! before it"},
		{"not contains", "a not contains 'x'", 2, "write !(a contains ...)"},
		{"not startswith", "a not startswith 'x'", 2, "write !(a starts with ...)"},
		{"not In", "a not In {}", 2, "write not in, in lower case"},
		{"NOT in", "a NOT in {}", 2, "write not in, in lower case"},
		{"! after the label", "a !in {}", 2, "negated before its label"},
		{"blank in !=", "a ! = 'x'", 2, "negated before its label"},
		{"nothing after !", "!", 1, "expected a condition"},
		{"!= after nothing", "!!='x'", 1, `expected a condition such as role == 'db' or has(role), found "!="`},

		{"startsWith", "a startsWith 'x'", 2, "write starts with, in lower case"},
		{"ENDS WITH", "a ENDS WITH 'x'", 2, "write ends with, in lower case"},
		{"starts without with", "a starts 'x'", 2, "write starts with"},
		{"startswith run together", "a startswithx 'x'", 2, "expected an operator after the label a"},
		{"IN", "a IN {}", 2, "write in, in lower case"},
		{"unknown operator", "a like 'x'", 2, "expected an operator after the label a (==, !=, in, not in, contains, starts with or ends with), found \"like\""},
		{"no operator before a value", "a 'x'", 2, "expected an operator after the label a"},

		{"label alone", "role", 4, "found the end of the selector: to ask only whether the label exists, write has(role)"},
		{"label alone before &&", "role && has(b)", 5, "write has(role)"},
		{"label alone in brackets", "(role)", 5, "write has(role)"},
		{"label in quotes", "'a' == 'x'", 0, "a label is written without quotes"},
		{"label with a colon", "a:b == 'x'", 1, "a label has only the letters a-z and A-Z, digits and _ . / -"},
		{"label with an index", "a[0] == 'x'", 1, "a label has only the letters a-z and A-Z, digits and _ . / -"},
		{"label with an umlaut", "größe == 'x'", 2, "a label has only the letters a-z and A-Z, digits and _ . / -"},
		{"label too long", "has(b) && " + long + " == 'x'", 10, "513 characters long: Calico allows 512"},
		{"label too long in has", "has( " + long + ")", 5, "513 characters long: Calico allows 512"},
		{"asterisk", "*", 0, `expected a condition such as role == 'db' or has(role), found "*"`},
		{"template", "${a}", 0, `found "$"`},
		{"invalid UTF-8", "a == \xff", 5, `found "\xff"`},

		{"has without brackets", "has a", 4, "write has(a)"},
		{"has alone", "has", 3, "write has(label)"},
		{"blank after has", "has (a)", 4, "write has( in lower case and without a blank"},
		{"Has", "Has(a)", 3, "write has( in lower case and without a blank"},
		{"quotes in has", "has('a')", 4, "a label is written without quotes"},
		{"has of nothing", "has()", 4, "expected a label in the brackets of has(), found \")\""},
		{"has of two labels", "has(a, b)", 5, "expected ) after the label in has(), found \",\""},
		{"has of a condition", "has(a == 'x')", 6, "expected ) after the label in has(), found \"==\""},
		{"has unfinished", "has(a", 5, "expected ) after the label in has(), found the end of the selector"},
		{"has unfinished before its label", "has(", 4, "expected a label in the brackets of has()"},
		{"has in has", "has(has(a))", 7, "expected ) after the label in has()"},
		{"all alone", "all", 3, "write all()"},
		{"blank after all", "all ()", 4, "write all( in lower case and without a blank"},
		{"all of a label", "all(a)", 4, "expected ) right after all(, found \"a\""},
		{"global unfinished", "global(", 7, "expected ) right after global(, found the end of the selector"},
		{"blank after global", "global ()", 7, "write global( in lower case and without a blank"},
		{"operator after has", "has(a) == 'x'", 7, "expected &&, || or the end of the selector, found \"==\""},

		{"single quote not closed", "a == 'x", 5, "nothing closes this quote"},
		{"double quote not closed", "a == \"x'", 5, "nothing closes this quote"},
		{"long value not closed", "a == '" + strings.Repeat("é", 30), 5, "ééé...: nothing closes this quote"},
		{"quote not closed before a newline", "a == 'x\n\x00", 5, "nothing closes this quote"},
		{"apostrophe in a value", "a == 'it's'", 9, "the value ended at the quote before this"},
		{"backslash in a value", `a == 'it\'s'`, 10, "the value ended at the quote before this"},
		{"doubled quote in a value", "a == 'it''s'", 9, "the value ended at the quote before this"},
		{"doubled quote at the end", "a == 'it''", 9, "the value ended at the quote before this"},
		{"typographic quotes", "a == ‘x’", 5, `found "‘": write ' or " as the quote`},
		{"backquotes", "a == `x`", 5, `write ' or " as the quote`},

		{"no set after in", "a in 'x'", 5, "write {'x'}, or compare with == or !="},
		{"nothing after in", "a in", 4, "expected a set such as {'web', 'db'} after in, found the end of the selector"},
		{"brackets for a set", "a not in ('x')", 9, "a set is written in braces, { and }"},
		{"square brackets for a set", "a in ['x']", 5, "a set is written in braces, { and }"},
		{"set after ==", "a == {'x'}", 5, "a set goes with in and not in"},
		{"value of a set without quotes", "a in {x}", 6, "expected a value in quotes or }, found \"x\": write 'x'"},
		{"second value of a set without quotes", "a in {'x', y}", 11, "write 'y'"},
		{"no comma in a set", "a in {'x' 'y'}", 10, "expected a comma or }, found 'y'"},
		{"two commas in a set", "a in {'x',,}", 10, "expected a value in quotes or }, found \",\""},
		{"comma alone in a set", "a in {,}", 6, "expected a value in quotes or }, found \",\""},
		{"set not closed", "a in {'x'", 5, "nothing closes this brace"},
		{"empty set not closed", "a in {", 5, "nothing closes this brace"},
		{"set closed by a bracket", "(a in {'x')", 10, "expected a comma or }, found \")\""},
		{"set alone", "{'x'}", 0, `expected a condition such as role == 'db' or has(role), found "{"`},

		{"bracket not closed", "has(a) && (has(b) || has(c)", 10, "nothing closes this bracket"},
		{"inner bracket not closed", "(has(a) && (has(b))", 0, "nothing closes this bracket"},
		{"bracket too many", "has(a))", 6, "this bracket closes nothing"},
		{"bracket too many at once", ")", 0, "expected a condition"},
		{"empty brackets", "()", 1, "expected a condition"},
		{"&& first", "&& has(a)", 0, "expected a condition"},
		{"&& last", "has(a) &&", 9, "expected a condition such as role == 'db' or has(role), found the end of the selector"},
		{"|| twice", "has(a) || || has(b)", 10, "expected a condition"},

		// Calico up to 3.29 accepts these, later ones do not.
		{"newline in has", "has(\na)", 4, "found a newline"},
		{"newline after the label in has", "has(a\n)", 5, "found a newline"},
		{"newline in all", "all(\n)", 4, "found a newline"},
		{"form feed in global", "global(\f)", 7, "this is not a plain blank"},
		{"newline in not in", "a not\nin {'b'}", 2, "expected an operator after the label a"},
		{"newline in starts with", "a starts\nwith 'b'", 2, "write starts with"},
		{"in after a label of 512 characters", long[:512] + "in {'b'}", 0, "514 characters long"},
		{"contains after a label of 512 characters", long[:512] + "contains 'b'", 0, "520 characters long"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			wantSyntaxError(t, test.selector, test.offset, test.message)
		})
	}
}

// TestParseErrorsWithoutAdvice has faults that resemble a usual slip, whose advice
// would mislead.
func TestParseErrorsWithoutAdvice(t *testing.T) {
	tests := map[string]string{
		"a == 'x' b == 'y'": `expected &&, || or the end of the selector, found "b"`,
		"a in {'x' 'y'}":    `expected a comma or }, found 'y'`,
		"a ; == 'x'":        `expected an operator after the label a (==, !=, in, not in, contains, starts with or ends with), found ";"`,
		"has(a) contains":   `expected &&, || or the end of the selector, found "contains"`,
		"and == and == 'x'": `expected a value in quotes after ==, found "and": write 'and'`,
	}
	for s, want := range tests {
		_, err := selector.Parse(s)
		var syntax *selector.SyntaxError
		if !errors.As(err, &syntax) || syntax.Message != want {
			t.Errorf("Parse(%q): %v, want %q", s, err, want)
		}
	}
}

func TestSyntaxErrorError(t *testing.T) {
	err := &selector.SyntaxError{Offset: 4, Message: "expected a value"}
	if got, want := err.Error(), "column 5 of the selector: expected a value"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
}
