package selector

import (
	"slices"
	"strings"
)

// namespaceLabel is the label that Calico gives to all that has a namespace.
const namespaceLabel = "projectcalico.org/namespace"

// A node is one condition of a selector.
type node interface {
	// matches evaluates the condition.
	matches(labels map[string]string) bool
	// appendTo appends the canonical form, within brackets where the condition
	// binds less tightly than its surroundings.
	appendTo(b []byte, surroundings precedence) []byte
	// prefixed returns the condition with a prefix before each of its labels.
	prefixed(prefix string) node
	// unreplaced returns the condition with all() in the place of global().
	unreplaced() node
	// eachLabel gives the labels that the condition looks at.
	eachLabel(yield func(string))
}

// precedence says how tightly a condition holds together.
type precedence int

const (
	precedenceOr precedence = iota
	precedenceAnd
	precedenceNot
)

type (
	// all is all().
	all struct{}
	// global is global().
	global struct{}
	// has is has(label).
	has struct{ label string }
	// comparison is a label, one of the operators with one value, and the value.
	comparison struct {
		label string
		op    operator
		value string
	}
	// membership is label in {values}, or label not in {values}; the values are
	// sorted and distinct.
	membership struct {
		label  string
		not    bool
		values []string
	}
	// negation is !operand; the operand is no negation itself.
	negation struct{ operand node }
	// conjunction is operands joined by &&: at least two, none a conjunction.
	conjunction struct{ operands []node }
	// disjunction is operands joined by ||: at least two, none a disjunction.
	disjunction struct{ operands []node }
)

// operator is an operator of a comparison, in its canonical spelling.
type operator string

const (
	opEqual      operator = "=="
	opNotEqual   operator = "!="
	opContains   operator = "contains"
	opStartsWith operator = "starts with"
	opEndsWith   operator = "ends with"
)

func (all) matches(map[string]string) bool { return true }

func (global) matches(labels map[string]string) bool {
	return !has{namespaceLabel}.matches(labels)
}

func (n has) matches(labels map[string]string) bool {
	_, ok := labels[n.label]
	return ok
}

func (n comparison) matches(labels map[string]string) bool {
	value, ok := labels[n.label]
	switch n.op {
	case opEqual:
		return ok && value == n.value
	case opNotEqual:
		return !ok || value != n.value
	case opContains:
		return ok && strings.Contains(value, n.value)
	case opStartsWith:
		return ok && strings.HasPrefix(value, n.value)
	case opEndsWith:
		return ok && strings.HasSuffix(value, n.value)
	}
	panic("selector: unknown operator " + string(n.op))
}

func (n membership) matches(labels map[string]string) bool {
	value, ok := labels[n.label]
	if ok {
		_, ok = slices.BinarySearch(n.values, value)
	}
	return ok != n.not
}

func (n negation) matches(labels map[string]string) bool {
	return !n.operand.matches(labels)
}

func (n conjunction) matches(labels map[string]string) bool {
	for _, operand := range n.operands {
		if !operand.matches(labels) {
			return false
		}
	}
	return true
}

func (n disjunction) matches(labels map[string]string) bool {
	for _, operand := range n.operands {
		if operand.matches(labels) {
			return true
		}
	}
	return false
}

func (n all) unreplaced() node        { return n }
func (global) unreplaced() node       { return all{} }
func (n has) unreplaced() node        { return n }
func (n comparison) unreplaced() node { return n }
func (n membership) unreplaced() node { return n }
func (n negation) unreplaced() node   { return negation{n.operand.unreplaced()} }

func (n conjunction) unreplaced() node { return conjunction{unreplacedAll(n.operands)} }
func (n disjunction) unreplaced() node { return disjunction{unreplacedAll(n.operands)} }

func unreplacedAll(operands []node) []node {
	out := make([]node, len(operands))
	for i, operand := range operands {
		out[i] = operand.unreplaced()
	}
	return out
}

func (all) eachLabel(func(string))                {}
func (global) eachLabel(yield func(string))       { yield(namespaceLabel) }
func (n has) eachLabel(yield func(string))        { yield(n.label) }
func (n comparison) eachLabel(yield func(string)) { yield(n.label) }
func (n membership) eachLabel(yield func(string)) { yield(n.label) }
func (n negation) eachLabel(yield func(string))   { n.operand.eachLabel(yield) }

func (n conjunction) eachLabel(yield func(string)) {
	for _, operand := range n.operands {
		operand.eachLabel(yield)
	}
}

func (n disjunction) eachLabel(yield func(string)) {
	for _, operand := range n.operands {
		operand.eachLabel(yield)
	}
}

func (n all) prefixed(string) node    { return n }
func (n global) prefixed(string) node { return n }

func (n has) prefixed(prefix string) node { return has{prefix + n.label} }

func (n comparison) prefixed(prefix string) node {
	n.label = prefix + n.label
	return n
}

func (n membership) prefixed(prefix string) node {
	n.label = prefix + n.label
	return n
}

func (n negation) prefixed(prefix string) node { return negation{n.operand.prefixed(prefix)} }

func (n conjunction) prefixed(prefix string) node {
	return conjunction{prefixedAll(n.operands, prefix)}
}

func (n disjunction) prefixed(prefix string) node {
	return disjunction{prefixedAll(n.operands, prefix)}
}

func prefixedAll(operands []node, prefix string) []node {
	all := make([]node, len(operands))
	for i, operand := range operands {
		all[i] = operand.prefixed(prefix)
	}
	return all
}

func (all) appendTo(b []byte, _ precedence) []byte    { return append(b, "all()"...) }
func (global) appendTo(b []byte, _ precedence) []byte { return append(b, "global()"...) }

func (n has) appendTo(b []byte, _ precedence) []byte {
	b = append(b, "has("...)
	b = append(b, n.label...)
	return append(b, ')')
}

// A comparison and a membership need no brackets after !, but without them it
// looks as if the label were negated.

func (n comparison) appendTo(b []byte, surroundings precedence) []byte {
	return appendBracketed(b, surroundings == precedenceNot, func(b []byte) []byte {
		b = append(b, n.label...)
		b = append(b, ' ')
		b = append(b, n.op...)
		b = append(b, ' ')
		return appendQuoted(b, n.value)
	})
}

func (n membership) appendTo(b []byte, surroundings precedence) []byte {
	return appendBracketed(b, surroundings == precedenceNot, func(b []byte) []byte {
		b = append(b, n.label...)
		if n.not {
			b = append(b, " not"...)
		}
		b = append(b, " in {"...)
		for i, value := range n.values {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = appendQuoted(b, value)
		}
		return append(b, '}')
	})
}

func (n negation) appendTo(b []byte, _ precedence) []byte {
	return n.operand.appendTo(append(b, '!'), precedenceNot)
}

func (n conjunction) appendTo(b []byte, surroundings precedence) []byte {
	return appendBracketed(b, surroundings > precedenceAnd, func(b []byte) []byte {
		return appendJoined(b, n.operands, " && ", precedenceAnd)
	})
}

func (n disjunction) appendTo(b []byte, surroundings precedence) []byte {
	return appendBracketed(b, surroundings > precedenceOr, func(b []byte) []byte {
		return appendJoined(b, n.operands, " || ", precedenceOr)
	})
}

func appendBracketed(b []byte, brackets bool, content func([]byte) []byte) []byte {
	if !brackets {
		return content(b)
	}
	return append(content(append(b, '(')), ')')
}

func appendJoined(b []byte, operands []node, operator string, surroundings precedence) []byte {
	for i, operand := range operands {
		if i > 0 {
			b = append(b, operator...)
		}
		b = operand.appendTo(b, surroundings)
	}
	return b
}

// appendQuoted appends a value within quotes that it does not hold; no value
// holds both kinds. Single quotes come first: they need no escape in HCL.
func appendQuoted(b []byte, value string) []byte {
	quote := byte('\'')
	if strings.IndexByte(value, quote) >= 0 {
		quote = '"'
	}
	b = append(b, quote)
	b = append(b, value...)
	return append(b, quote)
}
