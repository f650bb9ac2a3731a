package selector

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A SyntaxError is the first fault in a selector.
type SyntaxError struct {
	// Offset is where the fault is, in bytes from the beginning of the selector,
	// from 0. It is the length of the selector where something is missing at its
	// end, and the opening one where a quote, bracket or brace is never closed.
	Offset int
	// Message says what was expected there, what was found and, for the usual
	// slips, what to write instead. It is a phrase with neither a capital letter
	// nor a full stop.
	Message string
}

// Error returns the message after the place, which it counts in bytes from 1.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("column %d of the selector: %s", e.Offset+1, e.Message)
}

func syntaxError(offset int, format string, args ...any) error {
	return &SyntaxError{Offset: offset, Message: fmt.Sprintf(format, args...)}
}

// A place is where the parser stands when it finds what it cannot use.
type place int

const (
	atCondition place = iota
	afterCondition
	atOperator
	atValue
	atSet
	afterValue
	atHasLabel
	atFunctionEnd
)

// unexpected returns the error for a next token that is not what was wanted.
func (p *parser) unexpected(at place, want string) error {
	advice := p.advice(at)
	if advice != "" {
		advice = ": " + advice
	}
	return syntaxError(p.token.offset, "expected %s, found %s%s", want, describe(p.token), advice)
}

// advice tells what to write instead of the next token, or "" where there is
// nothing to add to what was wanted and what was found.
func (p *parser) advice(at place) string {
	adjacent := p.token.offset == p.previous.end()
	switch {
	case p.token.kind == tokenInvalid:
		return p.adviceInvalid(at, adjacent)
	case at == afterCondition && strings.EqualFold(p.token.text, "and"):
		return "write &&"
	case at == afterCondition && strings.EqualFold(p.token.text, "or"):
		return "write ||"
	case adjacent && p.previous.kind == tokenString && isText(p.token.kind):
		return "the value ended at the quote before this; put a value that holds one kind of quote between two of the other (there are no escapes)"
	case p.token.kind == tokenOpenString:
		return "nothing closes this quote"
	case at == afterCondition && p.token.kind == tokenRightBracket:
		return "this bracket closes nothing"
	case at == atOperator:
		return p.adviceAtOperator()
	case at == atValue && p.token.kind == tokenWord:
		return fmt.Sprintf("write '%s'", brief(p.token.text))
	case at == atValue && p.token.kind == tokenLeftBrace:
		return "a set goes with in and not in"
	case at == atSet && p.token.kind == tokenString:
		return fmt.Sprintf("write {%s}, or compare with == or !=", brief(p.token.text))
	case at == atSet && p.token.kind == tokenLeftBracket:
		return adviceBraces
	case (at == atCondition || at == atHasLabel) && p.token.kind == tokenString:
		return "a label is written without quotes"
	}
	return ""
}

const adviceBraces = "a set is written in braces, { and }"

// adviceInvalid tells what to write instead of a character that has no meaning.
func (p *parser) adviceInvalid(at place, adjacent bool) string {
	r, _ := utf8.DecodeRuneInString(p.token.text)
	switch {
	case r == '\n' || r == '\r':
		return "Calico allows only blanks and tabs outside quotes; write the selector on one line"
	case r == '=' && p.previous.kind == tokenEqual:
		return "write only =="
	case r == '=':
		return "write =="
	case r == '&':
		return "write &&"
	case r == '|':
		return "write ||"
	case at == atSet && r == '[':
		return adviceBraces
	case r == '#':
		return "a selector cannot hold comments"
	case unicode.In(r, unicode.Quotation_Mark) || r == '`' || r == '´':
		return "write ' or \" as the quote"
	case unicode.IsSpace(r) || unicode.Is(unicode.Cf, r):
		return "this is not a plain blank, though it may look like one or like nothing; replace it by a blank"
	case adjacent && p.previous.kind == tokenWord:
		return "a label has only the letters a-z and A-Z, digits and _ . / -"
	}
	return ""
}

// adviceAtOperator tells what to write where no operator comes after a label, or
// after a word that was meant to be something else.
func (p *parser) adviceAtOperator() string {
	label, next := p.previous.text, strings.ToLower(p.token.text)
	function := strings.ToLower(label)
	switch {
	case strings.EqualFold(label, "not"):
		return "to negate a condition, write ! before it"
	case p.token.kind == tokenLeftBracket && isFunction(function):
		return fmt.Sprintf("write %s( in lower case and without a blank", function)
	case p.token.kind == tokenWord && function == "has":
		return fmt.Sprintf("write has(%s)", brief(p.token.text))
	case p.token.kind == tokenWord && next == "not":
		return p.adviceAfterNot()
	case p.token.kind == tokenWord && keywords[next] != "":
		return fmt.Sprintf("write %s, in lower case", keywords[next])
	case p.token.kind == tokenNot:
		return "a condition is negated before its label, as in !(role == 'db')"
	case p.token.kind == tokenWord || p.token.kind == tokenString:
		return ""
	case function == "all" || function == "global":
		return fmt.Sprintf("write %s()", function)
	case function == "has":
		return "to ask whether a label exists, write has(label)"
	}
	return fmt.Sprintf("to ask only whether the label exists, write has(%s)", brief(label))
}

// adviceAfterNot tells what to write where another word than in comes after a
// label and not.
func (p *parser) adviceAfterNot() string {
	switch keyword := keywords[strings.ToLower(scan(p.input, p.token.end()).text)]; keyword {
	case "":
		return "to negate a condition, write ! before it"
	case "in":
		return "write not in, in lower case"
	default:
		return fmt.Sprintf("only in goes with not; write !(%s %s ...)", brief(p.previous.text), keyword)
	}
}

// keywords are the operators that are words, by the word that they begin with.
var keywords = map[string]string{
	"in":         "in",
	"notin":      "not in",
	"contains":   "contains",
	"starts":     "starts with",
	"startswith": "starts with",
	"ends":       "ends with",
	"endswith":   "ends with",
}

// isFunction tells whether a word begins a condition together with a bracket.
func isFunction(word string) bool {
	return word == "has" || word == "all" || word == "global"
}

// isText tells whether a token is no punctuation.
func isText(kind tokenKind) bool {
	return kind == tokenWord || kind == tokenString || kind == tokenOpenString
}

// describe names a token in a message.
func describe(t token) string {
	r, _ := utf8.DecodeRuneInString(t.text)
	switch {
	case t.kind == tokenEnd:
		return "the end of the selector"
	case t.kind == tokenString || t.kind == tokenOpenString:
		return brief(t.text)
	case r == '\n' || r == '\r':
		return "a newline"
	case t.kind == tokenInvalid && !unicode.IsPrint(r) || !utf8.ValidString(t.text):
		return fmt.Sprintf("%+q", t.text)
	}
	return `"` + brief(t.text) + `"`
}

// briefLength is how many bytes of the selector a message repeats at once.
const briefLength = 40

// brief makes a piece of the selector fit to be repeated in a message: not too
// long, and nothing in it that would not show.
func brief(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, s)
	if len(s) <= briefLength {
		return s
	}
	end := briefLength
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "..."
}
