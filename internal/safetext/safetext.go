// Package safetext makes text that others wrote, such as names, keys and values that
// are stored in a datastore, fit to be shown to a person: in a terminal, in Markdown,
// and in a command to paste. Whoever may write to the datastore could otherwise
// hide a line of a plan, put a link into a report, or have a command run.
package safetext

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line returns text as one line. Line feeds, control characters, escapes of a
// terminal, marks that turn the direction of writing, and whatever else has no shape
// of its own are spelled as in Go: \n, \x1b, \u202e. So are bytes that are no text.
func Line(text string) string { return spell(text, "") }

// Text is Line for text of several lines: line feeds and tabs stay.
func Text(text string) string { return spell(text, "\n\t") }

// spell spells what is not printable, but for the characters of keep.
func spell(text, keep string) string {
	var b strings.Builder
	done := 0
	for i, r := range text {
		size := utf8.RuneLen(r)
		invalid := r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError))
		switch {
		case invalid:
			size = 1
		case unicode.IsPrint(r) || strings.ContainsRune(keep, r):
			continue
		}
		b.WriteString(text[done:i])
		if invalid {
			fmt.Fprintf(&b, `\x%02x`, text[i])
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
		done = i + size
	}
	if done == 0 {
		return text
	}
	b.WriteString(text[done:])
	return b.String()
}

// Markdown returns text, as one line, for a paragraph or the cell of a table in
// Markdown: as it is if nothing in it could mean anything there, otherwise as a code
// span. (To escape each character would not do: hosts of repositories also turn
// addresses, mentions and numbers of issues into links, escaped or not, but not in a
// code span.) In the span | and ` are spelled \x7c and \x60, as they would end it.
func Markdown(text string) string {
	text = Line(text)
	if harmless(text) {
		return text
	}
	return "`" + strings.NewReplacer("`", `\x60`, "|", `\x7c`).Replace(text) + "`"
}

// harmless tells whether text means nothing but itself in Markdown.
func harmless(text string) bool {
	if strings.TrimSpace(text) != text || strings.Contains(text, "://") || strings.Contains(strings.ToLower(text), "www.") {
		return false
	}
	for _, r := range text {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(` .,:;/'"()+-=`, r) {
			return false
		}
	}
	return true
}

// Shell returns text as one argument of a command in a shell. What is not printable
// is spelled in the form $'\x1b', which bash, zsh and ksh know.
func Shell(text string) string {
	if Line(text) == text {
		return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
	var b strings.Builder
	b.WriteString("$'")
	for text != "" {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == '\'' || r == '\\':
			b.WriteString(`\` + text[:size])
		case unicode.IsPrint(r) && (r != utf8.RuneError || size > 1):
			b.WriteString(text[:size])
		default:
			for _, c := range []byte(text[:size]) {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
		}
		text = text[size:]
	}
	b.WriteString("'")
	return b.String()
}
