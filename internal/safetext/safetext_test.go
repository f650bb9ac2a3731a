package safetext_test

import (
	"os/exec"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

func TestLineAndText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ given, line, text string }{
		{"db1-eth0", "db1-eth0", "db1-eth0"},
		{"", "", ""},
		{`a\nb`, `a\nb`, `a\nb`},
		{"Zürich │ 東京", "Zürich │ 東京", "Zürich │ 東京"},
		{"a\nb\tc", `a\nb\tc`, "a\nb\tc"},
		{"x\r\n## heading", `x\r\n## heading`, "x\\r\n## heading"},
		{"\x1b[2Kgone\x07\x7f", `\x1b[2Kgone\a\x7f`, `\x1b[2Kgone\a\x7f`},
		{"\u009b1m", `\u009b1m`, `\u009b1m`},
		{"user\u202etxt.exe\u2066\u200b\ufeff", `user\u202etxt.exe\u2066\u200b\ufeff`, `user\u202etxt.exe\u2066\u200b\ufeff`},
		{"a\xffb\ufffd", `a\xffb` + "\ufffd", `a\xffb` + "\ufffd"},
		{"a\u2028b", `a\u2028b`, `a\u2028b`},
		{"it's\x00", `it's\x00`, `it's\x00`},
	} {
		if got := safetext.Line(c.given); got != c.line {
			t.Errorf("Line(%q) = %q, want %q", c.given, got, c.line)
		}
		if got := safetext.Text(c.given); got != c.text {
			t.Errorf("Text(%q) = %q, want %q", c.given, got, c.text)
		}
	}
}

// (What a renderer makes of it is tested where there is a report.)
func TestMarkdown(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"":         "",
		"db1-eth0": "db1-eth0",
		`rule 1 of ingress of policy "failsafe" in tier "default" (for 10.0.0.0/25, port 80)`: `rule 1 of ingress of policy "failsafe" in tier "default" (for 10.0.0.0/25, port 80)`,
		"![x](https://example.net)": "`![x](https://example.net)`",
		"x\r\n## heading":           "`x\\r\\n## heading`",
		"a|b`c":                     "`a\\x7cb\\x60c`",
		"a_b":                       "`a_b`",
		"http://example.net":        "`http://example.net`",
		"WWW.example.net":           "`WWW.example.net`",
		"@octocat":                  "`@octocat`",
		" a":                        "` a`",
		`a\`:                        "`a\\`",
	} {
		if got := safetext.Markdown(given); got != want {
			t.Errorf("Markdown(%q) = %q, want %q", given, got, want)
		}
	}
}

// hostile are texts that mean something to shells.
var hostile = []string{"plain", "", "it's", "$(touch x)", "`id`", "a\nb", "\x1b[31m", `back\slash`, "it's \x1b\\ and \xff", "\u202e", "a b;c&d|e", "!!", "\ufffd\x80"}

func TestShell(t *testing.T) {
	t.Parallel()
	if got, want := safetext.Shell("/calico/it's"), `'/calico/it'\''s'`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash here to ask")
	}
	for _, text := range hostile {
		out, err := exec.CommandContext(t.Context(), bash, "-c", "printf %s "+safetext.Shell(text)).Output()
		if err != nil || string(out) != text {
			t.Errorf("bash makes %q of %s (%v), want %q", out, safetext.Shell(text), err, text)
		}
	}
}

func FuzzSafetext(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, got := range []string{safetext.Line(text), safetext.Markdown(text), safetext.Shell(text)} {
			if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("of %q: %q", text, got)
			}
		}
		if got := safetext.Line(safetext.Line(text)); got != safetext.Line(text) {
			t.Errorf("%q is made safe twice: %q", text, got)
		}
		if m := safetext.Markdown(text); strings.Contains(m, "|") || strings.Count(m, "`")%2 != 0 || strings.Count(m, "`") > 2 {
			t.Errorf("of %q: %q", text, m)
		}
	})
}
