package calico

import (
	"strconv"
	"strings"
)

// Path locates a field of a v3 object by the names that Calico's own manifests
// use, for example spec.ingress[0].source.nets[1] or metadata.labels["env"].
// The zero Path is the object itself. A Path is immutable: Field, Index and Key
// return a longer copy.
type Path struct {
	steps []Step
}

// Step is one element of a Path: a field name, a list index or a map key.
type Step struct {
	// Field is the JSON name of a field; empty where the step is an index or a key.
	Field string
	// Key is the key of a map entry; only meaningful where IsKey is true.
	Key string
	// IsKey tells a map key (which may be the empty string) from an index.
	IsKey bool
	// Index is the position in a list, from 0; only meaningful where Field is
	// empty and IsKey is false.
	Index int
}

// NewPath returns the path of nested fields, outermost first.
func NewPath(fields ...string) Path {
	var p Path
	for _, f := range fields {
		p = p.Field(f)
	}
	return p
}

func (p Path) with(s Step) Path {
	steps := make([]Step, len(p.steps), len(p.steps)+1)
	copy(steps, p.steps)
	return Path{steps: append(steps, s)}
}

// Field returns the path of the named field of the object at p.
func (p Path) Field(name string) Path { return p.with(Step{Field: name}) }

// Fields returns the path of a field below the object at p, outermost name first.
func (p Path) Fields(names ...string) Path {
	for _, name := range names {
		p = p.Field(name)
	}
	return p
}

// Index returns the path of the element at position i of the list at p.
func (p Path) Index(i int) Path { return p.with(Step{Index: i}) }

// Key returns the path of the entry of the map at p.
func (p Path) Key(key string) Path { return p.with(Step{Key: key, IsKey: true}) }

// Steps returns the steps from the object down to the field. The caller must
// not change them.
func (p Path) Steps() []Step { return p.steps }

// IsRoot tells whether p is the object itself.
func (p Path) IsRoot() bool { return len(p.steps) == 0 }

// HasPrefix tells whether p is prefix itself or lies below it.
func (p Path) HasPrefix(prefix Path) bool {
	if len(prefix.steps) > len(p.steps) {
		return false
	}
	for i, s := range prefix.steps {
		if p.steps[i] != s {
			return false
		}
	}
	return true
}

// String spells the path as Calico's errors do: spec.ingress[0].source.nets[1].
func (p Path) String() string {
	var b strings.Builder
	for _, s := range p.steps {
		switch {
		case s.Field != "":
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s.Field)
		case s.IsKey:
			b.WriteString("[" + strconv.Quote(s.Key) + "]")
		default:
			b.WriteString("[" + strconv.Itoa(s.Index) + "]")
		}
	}
	return b.String()
}

// ParsePath reads a path as String spells it, and as the API server of Kubernetes names
// fields. It is false for a text that is no path.
func ParsePath(text string) (Path, bool) {
	var p Path
	for rest := text; rest != ""; {
		if rest[0] == '[' {
			end := strings.IndexByte(rest, ']')
			if end < 0 {
				return Path{}, false
			}
			inside := rest[1:end]
			if i, err := strconv.Atoi(inside); err == nil && i >= 0 {
				p = p.Index(i)
			} else if key, err := strconv.Unquote(inside); err == nil {
				p = p.Key(key)
			} else if inside != "" {
				p = p.Key(inside)
			} else {
				return Path{}, false
			}
			rest = rest[end+1:]
			continue
		}
		rest = strings.TrimPrefix(rest, ".")
		end := strings.IndexAny(rest, ".[")
		if end < 0 {
			end = len(rest)
		}
		if end == 0 {
			return Path{}, false
		}
		p, rest = p.Field(rest[:end]), rest[end:]
	}
	return p, len(p.steps) > 0
}
