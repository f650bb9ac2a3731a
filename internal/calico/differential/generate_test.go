package differential

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"unicode/utf8"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// strength is how far a generated manifest strays from what Calico accepts.
type strength int

const (
	// valid manifests are made of good values that go together. A few are
	// rejected all the same: it is not the generator that knows the rules.
	valid strength = iota
	// nearlyValid ones are valid but for one to three faults.
	nearlyValid
	// wild ones take any value anywhere, now and then of the wrong JSON type.
	wild
	strengths
)

func (s strength) String() string {
	return [strengths]string{"valid", "nearly valid", "wild"}[s]
}

// object is a JSON object, or null.
type object = map[string]any

// generator makes one manifest out of a seed and a number, always the same.
type generator struct {
	*rand.Rand
	release calico.Release
	// fault is how likely a value comes from the bad ones of its pool.
	fault float64
	// garbage is how likely it comes from the pool of another field, or is of a
	// type that does not belong there.
	garbage float64
}

// manifest is a generated case.
type manifest struct {
	number   uint64
	strength strength
	kind     calico.Kind
	tree     object
}

func generate(release calico.Release, seed, number uint64) manifest {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, number)), release: release}
	m := manifest{number: number, strength: strength(g.IntN(int(strengths))), kind: g.anyKind()}
	if m.strength == wild {
		g.fault = pick(g, []float64{0.02, 0.1, 0.3})
		g.garbage = pick(g, []float64{0, 0, 0.005, 0.05})
	}
	m.tree = g.object(string(m.kind))
	if m.strength == nearlyValid {
		for range 1 + g.IntN(3) {
			g.spoil(m)
		}
	}
	if spec, ok := m.tree["spec"].(object); ok && m.kind.Tiered() {
		switch tier := spec["tier"].(type) {
		case nil, string, object, []any:
		default:
			// It is looked up before it is refused, under a name that depends on how
			// calicoctl's YAML prints it.
			spec["tier"] = fmt.Sprint(tier)
		}
	}
	for _, k := range generatedKinds {
		if k.kind == m.kind && k.finish != nil {
			k.finish(release, k.kind, m.tree)
		}
	}
	return m
}

// String is the manifest as JSON. YAML, which calicoctl reads it as, forbids
// some characters that JSON does not, so they are escaped.
func (m manifest) String() string {
	text, err := json.Marshal(m.tree)
	if err != nil {
		panic(err) // it is made of what JSON has
	}
	if !bytes.ContainsFunc(text, escaped) {
		return string(text)
	}
	var b bytes.Buffer
	for _, r := range string(text) {
		if escaped(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func escaped(r rune) bool { return 0x7f <= r && r <= 0xffff }

func (g *generator) chance(p float64) bool { return p > 0 && g.Float64() < p }

func pick[T any](g *generator, from []T) T { return from[g.IntN(len(from))] }

// of takes a good value, or a bad one now and then.
func of[T any](g *generator, good, bad []T) T {
	if len(good) == 0 || len(bad) > 0 && g.chance(g.fault) {
		return pick(g, bad)
	}
	return pick(g, good)
}

// object makes an object of a type of the schema.
func (g *generator) object(typ string) object {
	o := object{}
	for _, m := range schema[typ] {
		switch {
		case m.name != "kind" && m.name != "apiVersion" && g.chance(g.garbage):
			o[m.name] = g.anything()
		case g.chance(m.odds) || g.chance(g.fault/4):
			o[m.name] = m.value(g)
		}
	}
	if g.chance(g.garbage / 4) {
		o[pick(g, anyNames)] = g.anything()
	}
	if settle := settlers[typ]; settle != nil {
		settle(g, o)
	}
	return o
}

// made is a source with no objects that it knows the type of.
func made(value func(*generator) any) source { return source{value: value} }

// of1 makes objects of a type.
func of1(typ string) source {
	return source{func(g *generator) any { return g.object(typ) }, typ}
}

// list makes lists of up to n elements, which may be absent, null or empty.
func list(n int, element source) source {
	return source{typ: element.typ, value: func(g *generator) any {
		if g.chance(0.05) {
			return nil
		}
		l := make([]any, 0, n)
		for range g.IntN(n + 1) {
			if g.chance(g.garbage) {
				l = append(l, g.anything())
				continue
			}
			l = append(l, element.value(g))
		}
		if len(l) > 1 && g.chance(g.fault/2) {
			l[len(l)-1] = l[0]
		}
		return l
	}}
}

func text(good, bad []string) source {
	return made(func(g *generator) any { return of(g, good, bad) })
}

func boolean(p float64) source {
	return made(func(g *generator) any { return g.chance(p) || g.chance(g.fault) })
}

// anyOf is of for other values than texts. Those that cannot be decoded are rare:
// with one of them Calico looks at nothing else.
func anyOf(good, bad, unreadable []any) source {
	return made(func(g *generator) any {
		if len(unreadable) > 0 && (g.chance(g.garbage) || g.chance(g.fault/20)) {
			return clone(pick(g, unreadable))
		}
		return clone(of(g, good, bad))
	})
}

// clone copies a value of a pool, so that faults are not made in the pool.
func clone(v any) any {
	switch v := v.(type) {
	case []any:
		c := make([]any, len(v))
		for i, e := range v {
			c[i] = clone(e)
		}
		return c
	case object:
		return maps.Clone(v)
	default:
		return v
	}
}

// anything is a value of any field, or of a wrong type.
func (g *generator) anything() any {
	switch g.IntN(8) {
	case 0:
		return nil
	case 1:
		return pick(g, []any{true, false, 0, -1, 1, 6, 255, 256, 65535, 65536, 4.5, 1e21, json.Number("1e400"), json.Number("1.0")})
	case 2:
		return clone(pick(g, []any{[]any{}, []any{nil}, []any{""}, []any{1}, object{}, object{"a": "b"}, []any{[]any{}}}))
	case 3:
		return g.scramble(pick(g, badTexts))
	case 4:
		o := g.object(pick(g, types))
		for name, v := range o {
			o[name] = spelledAlike(v)
		}
		return o
	default:
		return spelledAlike(pick(g, schema[pick(g, types)]).value(g))
	}
}

// spelledAlike returns another number for one that would be a text in a field for
// texts, or for a map of them, as the YAML of calicoctl and ours (judge) make
// different texts of it.
func spelledAlike(v any) any {
	if f, ok := v.(float64); ok && (math.Abs(f) > math.MaxFloat32 || math.Abs(f) < math.SmallestNonzeroFloat32) {
		return 4.5
	}
	return v
}

// slot is a place in a manifest that holds a value: of an object or of a list.
type slot struct {
	in    object
	name  string
	list  []any
	index int
	// typ is the type of the object, or of the object that the list is in.
	typ string
}

func (s slot) get() any {
	if s.in != nil {
		return s.in[s.name]
	}
	return s.list[s.index]
}

func (s slot) set(v any) {
	if s.in != nil {
		s.in[s.name] = v
	} else {
		s.list[s.index] = v
	}
}

// slots finds all places in a manifest, always in the same order, and the
// objects with their types.
func slots(typ string, o object, visit func(slot), objects func(string, object)) {
	objects(typ, o)
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if name == "kind" || name == "apiVersion" {
			continue
		}
		visit(slot{in: o, name: name, typ: typ})
		inner := typeOf(typ, name)
		switch v := o[name].(type) {
		case object:
			slots(inner, v, visit, objects)
		case []any:
			for i, e := range v {
				visit(slot{list: v, index: i, name: name, typ: typ})
				if e, ok := e.(object); ok {
					slots(inner, e, visit, objects)
				}
			}
		}
	}
}

// typeOf is the type of the objects in a field.
func typeOf(typ, name string) string {
	for _, m := range schema[typ] {
		if m.name == name {
			return m.typ
		}
	}
	return ""
}

// spoil makes one fault, which may turn out to be none.
func (g *generator) spoil(m manifest) {
	var places []slot
	var homes []slot
	slots(string(m.kind), m.tree, func(s slot) { places = append(places, s) },
		func(typ string, o object) {
			if len(schema[typ]) > 0 && typ != string(m.kind) { // nobody gets the kind wrong
				homes = append(homes, slot{in: o, typ: typ})
			}
		})
	if g.chance(0.3) && len(homes) > 0 {
		// One more field, good by itself or bad, that may not go with the others.
		home := pick(g, homes)
		field := pick(g, schema[home.typ])
		defer g.faulty(pick(g, []float64{0, 0.5, 1}))()
		home.in[field.name] = field.value(g)
		return
	}
	if len(places) == 0 {
		return
	}
	s := pick(g, places)
	switch v := s.get(); g.IntN(6) {
	case 0:
		if s.in != nil {
			delete(s.in, s.name)
			return
		}
		s.set(s.list[g.IntN(len(s.list))])
	case 1, 2:
		if text, ok := v.(string); ok {
			s.set(g.scramble(text))
			return
		}
		s.set(g.regenerate(s))
	case 3, 4:
		s.set(g.regenerate(s))
	default:
		if g.chance(0.5) {
			s.set(g.anything())
			return
		}
		s.set(g.regenerate(s))
	}
}

// faulty sets how likely bad values are, and returns what sets it back.
func (g *generator) faulty(p float64) func() {
	before := g.fault
	g.fault = p
	return func() { g.fault = before }
}

// regenerate makes another value for a place, with faults.
func (g *generator) regenerate(s slot) any {
	defer g.faulty(pick(g, []float64{0.3, 0.5, 1}))()
	for _, m := range schema[s.typ] {
		if m.name != s.name {
			continue
		}
		v := m.value(g)
		if l, ok := v.([]any); ok && s.list != nil {
			if len(l) == 0 {
				return nil
			}
			return pick(g, l)
		}
		return v
	}
	// A label or an annotation.
	return of(g, append(annotationValues, labelValues...), badLabelValues)
}

// scramble changes a text in one or two places.
func (g *generator) scramble(s string) string {
	for range 1 + g.IntN(2) {
		at := g.IntN(len(s) + 1)
		for at < len(s) && !utf8.RuneStart(s[at]) {
			at++
		}
		before, after := s[:at], s[at:]
		switch g.IntN(5) {
		case 0:
			_, size := utf8.DecodeRuneInString(after)
			s = before + after[size:]
		case 1:
			s = before + pick(g, pieces) + after
		case 2:
			_, size := utf8.DecodeRuneInString(after)
			s = before + pick(g, letters) + after[size:]
		case 3:
			s = before + pick(g, letters) + after
		default:
			s = after + before
		}
	}
	return s
}
