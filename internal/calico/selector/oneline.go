package selector

import "strings"

// OneLine joins a selector written over several lines, as in an HCL heredoc,
// into the one line that Calico wants. Each run of newlines outside quoted
// values, with the blanks and tabs around it, becomes one blank, or nothing at
// the beginning and the end of the selector. All else stays byte for byte, so
// that a selector of one line is returned as it is.
//
// OneLine reports no errors. A quote that nothing closes counts as an ordinary
// character, and it is for Parse to refuse it.
func OneLine(s string) string {
	if !strings.ContainsRune(s, '\n') {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		length, newline := blankLength(s[i:])
		switch {
		case newline:
			if i > 0 && i+length < len(s) {
				b = append(b, ' ')
			}
		case length > 0:
			b = append(b, s[i:i+length]...)
		default:
			length = 1
			if isQuote(s[i]) {
				length = max(1, quotedLength(s[i:]))
			}
			b = append(b, s[i:i+length]...)
		}
		i += length
	}
	return string(b)
}

// blankLength returns how many bytes of blanks, tabs and newlines s begins with,
// and whether there is a newline among them.
func blankLength(s string) (length int, newline bool) {
	for length < len(s) {
		switch {
		case isBlank(s[length]):
			length++
		case s[length] == '\n':
			length++
			newline = true
		case strings.HasPrefix(s[length:], "\r\n"):
			length += 2
			newline = true
		default:
			return length, newline
		}
	}
	return length, newline
}
