// Package selector reads, prints and evaluates Calico's selector language: the
// expressions over labels that choose endpoints, namespaces and network sets.
//
// # The language
//
//	selector  = [ or ] .
//	or        = and { "||" and } .
//	and       = unary { "&&" unary } .
//	unary     = { "!" } primary .
//	primary   = "(" or ")" | "has(" label ")" | "all(" ")" | "global(" ")"
//	          | label ( "==" | "!=" ) value
//	          | label ( "contains" | "starts with" | "ends with" ) value
//	          | label ( "in" | "not in" ) "{" [ value { "," value } [ "," ] ] "}" .
//
// A label is 1 to 512 of the characters a-z A-Z 0-9 _ . / - and may look like a
// keyword. A value is any run of bytes between two ' or two "; there is no
// escape, so a value cannot hold both kinds of quote. Blanks and tabs may stand
// between all of these, but not between has, all or global and the bracket; the
// blank within a keyword may be left out or repeated. A newline is an error
// anywhere outside a value (OneLine helps). A selector of nothing but blanks
// and tabs means all().
//
// # Releases
//
// What Parse accepts and refuses, and what Matches answers, is what Calico 3.30
// to 3.33 do. Up to 3.29 Calico also accepts newlines and form feeds inside the
// brackets of has, all and global and inside two-word keywords, and ends a label
// after 512 characters, where an operator may follow without a blank. Parse
// refuses both, ParseUpTo329 does not.
package selector

// A Selector is a parsed selector. It is immutable, and safe for use by several
// goroutines. The only way to get one is Parse.
type Selector struct {
	root node
}

// String returns the selector in canonical form: one spelling for all selectors
// that differ only in blanks, kind of quotes, startswith or "starts with",
// brackets and negations that change nothing, or the order and repetition of
// the values of a set. The empty selector prints as all().
//
// Parse reads the canonical form back to a selector with the same form and the
// same meaning. The operands of && and || keep their order, and different
// conditions with the same meaning stay different: a != 'b' is not !(a == 'b').
func (s *Selector) String() string {
	return string(s.root.appendTo(nil, precedenceOr))
}

// Matches tells whether the selector selects something with these labels.
//
// A label that is missing is not equal to any value, not in any set, and neither
// contains, starts nor ends with anything: only != and not in are true for it.
//
// global() is true where the label projectcalico.org/namespace is missing. That
// is what Calico makes of it in the one place where it allows it (see IsGlobal).
func (s *Selector) Matches(labels map[string]string) bool {
	return s.root.matches(labels)
}

// IsGlobal tells whether the selector is global() and nothing else, up to blanks
// and brackets.
//
// Calico allows global() only as the whole namespaceSelector of a rule, where it
// selects what has no namespace: host endpoints and global network sets. Calico
// looks for the text, not for the condition: it wants exactly "global()" there,
// and refuses any other selector that holds that text, even inside a value.
func (s *Selector) IsGlobal() bool {
	_, ok := s.root.(global)
	return ok
}

// EachLabel gives the labels that the selector looks at, some more than once. Two things
// that have the same values of these, or none, are the same to it.
func (s *Selector) EachLabel(yield func(label string)) { s.root.eachLabel(yield) }

// Unreplaced returns the selector as Felix takes it where Calico has not replaced global(),
// as it does in the namespaceSelector of a rule alone: there is nothing then that global()
// is not true for (GlobalNode.Evaluate of libcalico-go's parser). Calico refuses such
// selectors but for the notSelector of a rule, and what is made without its clients it does
// not see.
func (s *Selector) Unreplaced() *Selector { return &Selector{root: s.root.unreplaced()} }

// Prefixed returns the selector with a prefix before each of its labels; all()
// and global() stay as they are. Calico does this to a namespaceSelector and to
// a selector of service accounts, whose labels an endpoint has under a prefix.
func (s *Selector) Prefixed(prefix string) *Selector {
	return &Selector{root: s.root.prefixed(prefix)}
}
