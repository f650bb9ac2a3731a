package selector_test

import (
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
)

func TestOneLine(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"empty", "", ""},
		{"one line", "a == 'x'", "a == 'x'"},
		{"one line with blanks all over", " \ta  ==\t'x'  ", " \ta  ==\t'x'  "},
		{"one line with a carriage return", "a == 'x'\r", "a == 'x'\r"},
		{"newline at the end", "a == 'x'\n", "a == 'x'"},
		{"newlines at both ends", "\n  a == 'x'\n\n", "a == 'x'"},
		{"blanks at the end, after and before the newline", "a == 'x' \t\n \t", "a == 'x'"},
		{"blanks at the beginning without newline", "  a == 'x'\n", "  a == 'x'"},
		{"blanks at the end without newline", "\na == 'x'  ", "a == 'x'  "},
		{"heredoc", "role == 'db'\n  && (\n    has(a) ||\n    has(b)\n  )\n", "role == 'db' && ( has(a) || has(b) )"},
		{"carriage returns", "has(a)\r\n&& has(b)\r\n", "has(a) && has(b)"},
		{"run of newlines", "has(a) \n\t\r\n\n  && has(b)", "has(a) && has(b)"},
		{"lone carriage return in a run", "has(a)\r\n\r&& has(b)", "has(a) \r&& has(b)"},
		{"blanks beside no newline", "has(a)  &&\n  has(b)", "has(a)  && has(b)"},
		{"newlines alone", " \n\r\n\t", ""},
		{"blanks alone", " \t", " \t"},
		{"newline in a value", "a == 'x \n y'\n", "a == 'x \n y'"},
		{"newline in a value in double quotes", "a == \"it's\n\"\n&& b == 'say \"x\"\n'", "a == \"it's\n\" && b == 'say \"x\"\n'"},
		{"newline in a set", "a in {\n  'x',\n  'y',\n}", "a in { 'x', 'y', }"},
		{"quote not closed", "a == 'x\n&& has(b)\n", "a == 'x && has(b)"},
		{"other quote after one that is not closed", "a == \"it's\n\" && b == 'x\n", "a == \"it's\n\" && b == 'x"},
		{"quote alone", "'\n", "'"},
		{"no selector", "?\n\xff\n", "? \xff"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := selector.OneLine(test.in); got != test.want {
				t.Errorf("OneLine(%q) = %q, want %q", test.in, got, test.want)
			}
			if again := selector.OneLine(test.want); again != test.want {
				t.Errorf("OneLine(%q) = %q, want it unchanged", test.want, again)
			}
		})
	}
}

// TestOneLineParses is what OneLine is for: a heredoc that Parse refuses.
func TestOneLineParses(t *testing.T) {
	heredoc := "role in {\n  'db',\n  'web',\n} &&\n  !has(test)\n"
	if _, err := selector.Parse(heredoc); err == nil {
		t.Fatalf("Parse(%q) succeeded", heredoc)
	}
	if got, want := mustParse(t, selector.OneLine(heredoc)).String(), "role in {'db', 'web'} && !has(test)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
