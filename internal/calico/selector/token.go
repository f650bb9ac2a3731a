package selector

import (
	"strings"
	"unicode/utf8"
)

// tokenKind is the kind of a token.
type tokenKind int

const (
	tokenEnd tokenKind = iota
	// tokenWord is a label or a keyword: which one, the parser knows.
	tokenWord
	// tokenString is a value with its quotes.
	tokenString
	tokenEqual        // ==
	tokenNotEqual     // !=
	tokenNot          // !
	tokenAnd          // &&
	tokenOr           // ||
	tokenLeftBracket  // (
	tokenRightBracket // )
	tokenLeftBrace    // {
	tokenRightBrace   // }
	tokenComma        // ,
	// tokenOpenString is a quote that nothing closes, with all that follows it.
	tokenOpenString
	// tokenInvalid is a character that cannot begin any other token.
	tokenInvalid
)

// A token is a piece of a selector.
type token struct {
	kind tokenKind
	// text is the token as written.
	text string
	// offset is where the token begins, in bytes; that of tokenEnd is the length
	// of the selector.
	offset int
}

// end returns the offset of the byte after the token.
func (t token) end() int { return t.offset + len(t.text) }

// value returns what stands between the quotes of a tokenString.
func (t token) value() string { return t.text[1 : len(t.text)-1] }

// symbols are the tokens that always look the same; those that begin with
// another one come before it.
var symbols = []struct {
	text string
	kind tokenKind
}{
	{"==", tokenEqual},
	{"!=", tokenNotEqual},
	{"!", tokenNot},
	{"&&", tokenAnd},
	{"||", tokenOr},
	{"(", tokenLeftBracket},
	{")", tokenRightBracket},
	{"{", tokenLeftBrace},
	{"}", tokenRightBrace},
	{",", tokenComma},
}

// scan returns the first token of the input at or after an offset.
func scan(input string, offset int) token {
	for offset < len(input) && isBlank(input[offset]) {
		offset++
	}
	rest := input[offset:]
	kind, length := scanKind(rest)
	return token{kind: kind, text: rest[:length], offset: offset}
}

// scanKind returns the kind and the length of the token that the input begins with.
func scanKind(input string) (tokenKind, int) {
	if input == "" {
		return tokenEnd, 0
	}
	if length := wordLength(input); length > 0 {
		return tokenWord, length
	}
	if isQuote(input[0]) {
		if length := quotedLength(input); length > 0 {
			return tokenString, length
		}
		return tokenOpenString, len(input)
	}
	for _, symbol := range symbols {
		if strings.HasPrefix(input, symbol.text) {
			return symbol.kind, len(symbol.text)
		}
	}
	_, length := utf8.DecodeRuneInString(input)
	return tokenInvalid, length
}

// wordLength returns how many bytes of a label or keyword the input begins with.
func wordLength(input string) int {
	for i := range len(input) {
		if !isWordByte(input[i]) {
			return i
		}
	}
	return len(input)
}

// quotedLength returns the length of the quoted value that the input, which
// begins with a quote, begins with: 0 where nothing closes the quote.
func quotedLength(input string) int {
	closing := strings.IndexByte(input[1:], input[0])
	if closing < 0 {
		return 0
	}
	return closing + 2
}

func isWordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '_' || c == '.' || c == '/' || c == '-'
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func isQuote(c byte) bool { return c == '\'' || c == '"' }
