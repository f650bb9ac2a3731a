package selector

import (
	"slices"
	"strings"
)

const (
	// maxLabelLength is Calico's limit on a label in a selector, in bytes.
	maxLabelLength = 512

	// maxDepth is how many brackets Parse lets stand within each other. Calico
	// has no such limit: a million brackets overflow the stack of its parser and
	// end the process. From 3.33 on a selector has at most 1024 characters, so
	// that nothing which works there comes near this limit.
	maxDepth = 1000
)

// Parse reads a selector. It accepts what Calico accepts, save brackets nested
// more than a thousand deep. The error, if any, is a *SyntaxError about the
// first fault in the selector.
func Parse(s string) (*Selector, error) { return parse(&parser{input: s}) }

// ParseUpTo329 reads a selector as Parse does, but accepts what Calico up to 3.29
// accepts: see the package comment. What it means is the same.
func ParseUpTo329(s string) (*Selector, error) { return parse(&parser{input: s, upTo329: true}) }

func parse(p *parser) (*Selector, error) {
	p.next()
	if p.token.kind == tokenEnd {
		return &Selector{root: all{}}, nil
	}
	root, err := p.parseOr()
	if err != nil {
		return nil, err
	}
	if p.token.kind != tokenEnd {
		return nil, p.unexpected(afterCondition, "&&, || or the end of the selector")
	}
	return &Selector{root: root}, nil
}

// A parser reads a selector from left to right, looking one token ahead.
type parser struct {
	input string
	// token is the one that comes next, previous the one before it.
	token, previous token
	// depth counts the brackets that are open.
	depth int
	// upTo329 is set where the selector is for a Calico before 3.30.
	upTo329 bool
}

// next moves on by one token.
func (p *parser) next() {
	p.previous = p.token
	p.token = scan(p.input, p.token.end())
}

// scanWithin returns the token at or after an offset within a function or a
// keyword of two words, where Calico up to 3.29 allows all that is space to a
// regular expression, and later ones only what they allow anywhere.
func (p *parser) scanWithin(offset int) token {
	for offset < len(p.input) && (isBlank(p.input[offset]) || p.upTo329 && strings.IndexByte("\n\r\f", p.input[offset]) >= 0) {
		offset++
	}
	return scan(p.input, offset)
}

// nextWithin moves on by one token within a function.
func (p *parser) nextWithin() {
	p.previous = p.token
	p.token = p.scanWithin(p.token.end())
}

// accept moves on if the next token is of a kind, and tells whether it was.
func (p *parser) accept(kind tokenKind) bool {
	if p.token.kind != kind {
		return false
	}
	p.next()
	return true
}

// acceptWord moves on if the next token is a certain word, and tells whether it was.
func (p *parser) acceptWord(word string) bool {
	return p.token.text == word && p.accept(tokenWord)
}

// isCall tells whether the next token is the word before a bracket, with no
// blank between them.
func (p *parser) isCall(word string) bool {
	return p.token.text == word && strings.HasPrefix(p.input[p.token.end():], "(")
}

func (p *parser) parseOr() (node, error) {
	return p.parseChain(tokenOr, p.parseAnd, func(all []node) node { return disjunction{all} }, func(n node) []node {
		or, _ := n.(disjunction)
		return or.operands
	})
}

func (p *parser) parseAnd() (node, error) {
	return p.parseChain(tokenAnd, p.parseUnary, func(all []node) node { return conjunction{all} }, func(n node) []node {
		and, _ := n.(conjunction)
		return and.operands
	})
}

// parseChain parses operands with an operator between them. One alone is no chain; the
// operands of a chain in brackets, which operandsOf returns, are operands of this one.
func (p *parser) parseChain(operator tokenKind, parseOperand func() (node, error), join func([]node) node, operandsOf func(node) []node) (node, error) {
	var operands []node
	for {
		operand, err := parseOperand()
		if err != nil {
			return nil, err
		}
		if operands == nil && p.token.kind != operator {
			return operand, nil
		}
		if nested := operandsOf(operand); len(nested) > 0 {
			operands = append(operands, nested...)
		} else {
			operands = append(operands, operand)
		}
		if !p.accept(operator) {
			return join(operands), nil
		}
	}
}

func (p *parser) parseUnary() (node, error) {
	negated := false
	for p.accept(tokenNot) {
		negated = !negated
	}
	operand, err := p.parsePrimary()
	if err != nil || !negated {
		return operand, err
	}
	if nested, ok := operand.(negation); ok {
		return nested.operand, nil
	}
	return negation{operand}, nil
}

func (p *parser) parsePrimary() (node, error) {
	switch {
	case p.token.kind == tokenLeftBracket:
		return p.parseBrackets()
	case p.token.kind != tokenWord:
		return nil, p.unexpected(atCondition, "a condition such as role == 'db' or has(role)")
	case p.isCall("has"):
		return p.parseHas()
	case p.isCall("all"):
		return all{}, p.parseNoArguments()
	case p.isCall("global"):
		return global{}, p.parseNoArguments()
	default:
		return p.parseLabelCondition()
	}
}

func (p *parser) parseBrackets() (node, error) {
	opening := p.token
	if p.depth++; p.depth > maxDepth {
		return nil, syntaxError(opening.offset, "more than %d brackets stand within each other", maxDepth)
	}
	p.next()
	content, err := p.parseOr()
	if err != nil {
		return nil, err
	}
	if p.token.kind == tokenEnd {
		return nil, syntaxError(opening.offset, "nothing closes this bracket: expected ) at the end of the selector or before")
	}
	if !p.accept(tokenRightBracket) {
		return nil, p.unexpected(afterCondition, "&&, || or )")
	}
	p.depth--
	return content, nil
}

// parseHas reads has(label).
func (p *parser) parseHas() (node, error) {
	p.next()
	p.nextWithin()
	if p.token.kind != tokenWord {
		return nil, p.unexpected(atHasLabel, "a label in the brackets of has()")
	}
	label, err := p.checkLabel()
	if err != nil {
		return nil, err
	}
	p.nextWithin()
	if !p.accept(tokenRightBracket) {
		return nil, p.unexpected(atFunctionEnd, ") after the label in has()")
	}
	return has{label}, nil
}

// parseNoArguments reads all() or global().
func (p *parser) parseNoArguments() error {
	function := p.token.text
	p.next()
	p.nextWithin()
	if !p.accept(tokenRightBracket) {
		return p.unexpected(atFunctionEnd, ") right after "+function+"(")
	}
	return nil
}

// checkLabel returns the next token as a label.
func (p *parser) checkLabel() (string, error) {
	label := p.token
	if len(label.text) > maxLabelLength {
		return "", syntaxError(label.offset, "this label is %d characters long: Calico allows %d", len(label.text), maxLabelLength)
	}
	return label.text, nil
}

// parseLabelCondition reads a label, an operator and a value or a set of values.
func (p *parser) parseLabelCondition() (node, error) {
	if p.upTo329 && len(p.token.text) > maxLabelLength {
		// The operator may follow without a blank.
		p.token.text = p.token.text[:maxLabelLength]
	}
	label, err := p.checkLabel()
	if err != nil {
		return nil, err
	}
	p.next()
	switch {
	case p.accept(tokenEqual):
		return p.parseComparison(label, opEqual)
	case p.accept(tokenNotEqual):
		return p.parseComparison(label, opNotEqual)
	case p.acceptWord("contains"):
		return p.parseComparison(label, opContains)
	case p.acceptKeyword("starts", "with"):
		return p.parseComparison(label, opStartsWith)
	case p.acceptKeyword("ends", "with"):
		return p.parseComparison(label, opEndsWith)
	case p.acceptWord("in"):
		return p.parseMembership(label, false)
	case p.acceptKeyword("not", "in"):
		return p.parseMembership(label, true)
	default:
		return nil, p.unexpected(atOperator, "an operator after the label "+brief(label)+" (==, !=, in, not in, contains, starts with or ends with)")
	}
}

// acceptKeyword moves on if a keyword of two words comes next, written with or
// without blanks between them, and tells whether it did.
func (p *parser) acceptKeyword(first, second string) bool {
	if p.acceptWord(first + second) {
		return true
	}
	if p.token.text != first || p.scanWithin(p.token.end()).text != second {
		return false
	}
	p.nextWithin()
	p.next()
	return true
}

func (p *parser) parseComparison(label string, op operator) (node, error) {
	if p.token.kind != tokenString {
		return nil, p.unexpected(atValue, "a value in quotes after "+string(op))
	}
	value := p.token.value()
	p.next()
	return comparison{label, op, value}, nil
}

func (p *parser) parseMembership(label string, not bool) (node, error) {
	opening := p.token
	if !p.accept(tokenLeftBrace) {
		return nil, p.unexpected(atSet, "a set such as {'web', 'db'} after in")
	}
	var values []string
	for p.token.kind == tokenString {
		values = append(values, p.token.value())
		p.next()
		if !p.accept(tokenComma) {
			break
		}
	}
	switch {
	case p.accept(tokenRightBrace):
		slices.Sort(values)
		return membership{label, not, slices.Compact(values)}, nil
	case p.token.kind == tokenEnd:
		return nil, syntaxError(opening.offset, "nothing closes this brace: expected } at the end of the set")
	case p.previous.kind == tokenString:
		return nil, p.unexpected(afterValue, "a comma or }")
	default:
		return nil, p.unexpected(atValue, "a value in quotes or }")
	}
}
