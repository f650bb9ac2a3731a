package storage

import (
	"hash/maphash"
	"maps"
	"math"
	"reflect"
	"slices"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// What holds unknown fields in a list has to be found again in the list that takes its
// place. Nobody can tell for sure what became of an element: one that was edited looks
// like one that was removed with another one in its place. So an element is found again
// only if this leaves no doubt, and otherwise the change is refused:
//   - It is there as it was, and as often as it was.
//   - Or one field of it has changed, and there is no other that it could have come
//     from or turned into. Something that is known of it stays as it was.
//   - Or it has a name of its own (see elementNames), and that is there once.
//
// And nothing else has come to stand on its other side: the meaning of a rule depends on
// those before it. Others can be added and removed around it.

// elementNames are the fields by which the elements of a list are told apart, whatever
// else is in them and wherever they stand. Elements of other types are known by their
// content, and their order counts.
var elementNames = map[reflect.Type]string{
	reflect.TypeFor[v3.Community]():             "name",
	reflect.TypeFor[v3.PrefixAdvertisement]():   "cidr",
	reflect.TypeFor[v3.HealthTimeoutOverride](): "name",
	reflect.TypeFor[v3.EndpointPort]():          "name",
	reflect.TypeFor[v3.Template]():              "generateName",
	reflect.TypeFor[calico.NodeAddress]():       "address",
	reflect.TypeFor[calico.NodeInterface]():     "name",
}

// element is an element of a list, by what is known of it.
type element struct {
	// leaves are its fields, and those of the structs in it, by their paths: those that
	// say anything.
	leaves map[string]string
	// hash is made of all leaves, and of each one's own, so that one can be taken away.
	hash uint64
	name string
}

var seed = maphash.MakeSeed()

func hashOf(path, text string) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	h.WriteString(path)
	h.WriteByte(0)
	h.WriteString(text)
	return h.Sum64()
}

// elements returns the elements of a list.
func (m *merger) elements(t *jsonType, list reflect.Value) []element {
	all := make([]element, target(list).Len())
	elementType := jsonTypeOf(t.Elem())
	for i := range all {
		e := &all[i]
		e.leaves = map[string]string{}
		value := m.canonical(elementOf(list, i))
		e.addLeaves("", elementType, value)
		for path, text := range e.leaves {
			e.hash ^= hashOf(path, text)
		}
		e.name = e.leaves[elementNames[elementType.Type]]
	}
	return all
}

// canonical returns a copy of an element in canonical form, so that another spelling is
// no change.
func (m *merger) canonical(value reflect.Value) reflect.Value {
	c := reflect.New(value.Type())
	text, err := calico.JSON.Marshal(value.Interface())
	if err == nil {
		err = calico.JSON.Unmarshal(text, c.Interface())
	}
	if err != nil {
		return value // one that the write cannot encode either
	}
	calico.CanonicalElement(m.kind, c)
	return c.Elem()
}

// addLeaves adds the fields of a struct. What is behind a pointer is one field.
func (e *element) addLeaves(path string, t *jsonType, value reflect.Value) {
	if t.form == formStruct && value.Kind() == reflect.Struct {
		for _, f := range t.fields {
			e.addLeaves(joinPath(path, f.name), jsonTypeOf(f.typ), f.of(value))
		}
		return
	}
	if !value.IsValid() || value.IsZero() {
		return
	}
	if n, err := encoded(value); err == nil && !n.isVoid() {
		e.leaves[path] = n.String()
	}
}

// pairElements returns, for each element of what is stored, the place that it has in
// what is wanted; -1 if it has none, or if that is not clear. Elements without unknown
// fields are not looked for.
func (m *merger) pairElements(t *jsonType, old *node, known reflect.Value, want part) map[int]int {
	olds, wants := m.elements(t, known), m.elements(t, want.value)
	pairs := map[int]int{}
	for i, item := range old.items {
		if item.hasUnknown() {
			pairs[i] = -1
		}
	}
	if elementNames[jsonTypeOf(t.Elem()).Type] != "" {
		pairByName(pairs, olds, wants)
		return pairs
	}
	before, after := occurrences(olds), occurrences(wants)
	pairSame(pairs, before, after)
	pairEdited(pairs, olds, wants, before, after)
	for _, i := range moved(pairs, olds, wants) {
		pairs[i] = -1
	}
	return pairs
}

// pairByName pairs the elements whose names are there once.
func pairByName(pairs map[int]int, olds, wants []element) {
	places := func(all []element) map[string][]int {
		at := map[string][]int{}
		for i, e := range all {
			at[e.name] = append(at[e.name], i)
		}
		return at
	}
	before, after := places(olds), places(wants)
	for i := range pairs {
		name := olds[i].name
		if name != "" && len(before[name]) == 1 && len(after[name]) == 1 {
			pairs[i] = after[name][0]
		}
	}
}

// occurrences returns where elements of one content are, by their hash.
func occurrences(all []element) map[uint64][]int {
	at := map[uint64][]int{}
	for i, e := range all {
		at[e.hash] = append(at[e.hash], i)
	}
	return at
}

// pairSame pairs the elements that are there as often as they were.
func pairSame(pairs map[int]int, before, after map[uint64][]int) {
	for hash, was := range before {
		is := after[hash]
		for nth, i := range was {
			if _, wanted := pairs[i]; wanted && len(is) == len(was) {
				pairs[i] = is[nth]
			}
		}
	}
}

// pairEdited pairs the elements of which one field has changed, with what they alone can
// have become, if that can have come from nothing else.
func pairEdited(pairs map[int]int, olds, wants []element, before, after map[uint64][]int) {
	gone, added := neighbours{}, neighbours{}
	paths := map[string]bool{}
	for _, all := range [][]element{olds, wants} {
		for _, e := range all {
			for path := range e.leaves {
				paths[path] = true
			}
		}
	}
	for i, e := range olds {
		if len(after[e.hash]) < len(before[e.hash]) {
			gone.add(i, e, paths)
		}
	}
	for j, e := range wants {
		if len(after[e.hash]) > len(before[e.hash]) {
			added.add(j, e, paths)
		}
	}
	for i, j := range pairs {
		if j >= 0 || len(after[olds[i].hash]) > 0 {
			continue
		}
		became := added.of(olds[i], paths)
		if len(became) != 1 || !sharesALeaf(olds[i], wants[became[0]]) {
			continue
		}
		if from := gone.of(wants[became[0]], paths); len(from) == 1 && from[0] == i {
			pairs[i] = became[0]
		}
	}
}

// neighbours are elements by what is left of them without one field: two that differ in
// one field have that in common.
type neighbours map[neighbour][]int

type neighbour struct {
	without string
	rest    uint64
}

func (n neighbours) add(at int, e element, paths map[string]bool) {
	for path := range paths {
		n[e.without(path)] = append(n[e.without(path)], at)
	}
}

// of returns where the elements are that differ from e in one field; two of them at most
// for each field, as two are too many.
func (n neighbours) of(e element, paths map[string]bool) []int {
	var at []int
	for path := range paths {
		near := n[e.without(path)]
		at = append(at, near[:min(2, len(near))]...)
	}
	slices.Sort(at)
	return slices.Compact(at)
}

func (e element) without(path string) neighbour {
	rest := e.hash
	if text, ok := e.leaves[path]; ok {
		rest ^= hashOf(path, text)
	}
	return neighbour{path, rest}
}

func sharesALeaf(a, b element) bool {
	for path, text := range a.leaves {
		if b.leaves[path] == text {
			return true
		}
	}
	return false
}

// moved returns the paired elements that stand on another side of something than before.
func moved(pairs map[int]int, olds, wants []element) []int {
	found := slices.DeleteFunc(slices.Sorted(maps.Keys(pairs)), func(i int) bool { return pairs[i] < 0 })
	var out []int
	// Among each other: after one that was behind it, or before one that was before it.
	last, least := -1, math.MaxInt
	for _, i := range found {
		if pairs[i] < last {
			out = append(out, i)
		}
		last = max(last, pairs[i])
	}
	for _, i := range slices.Backward(found) {
		if pairs[i] > least {
			out = append(out, i)
		}
		least = min(least, pairs[i])
	}
	if len(out) > 0 {
		return out
	}
	// Against the others: fewer of a content are before it and more behind, or the other
	// way round. shift is how many more there are before it now, of each content.
	total, shift, crossed := map[uint64]int{}, map[uint64]int{}, 0
	for _, e := range olds {
		total[e.hash]--
	}
	for _, e := range wants {
		total[e.hash]++
	}
	count := func(hash uint64, n int) {
		crosses := func() int {
			if before, behind := shift[hash], total[hash]-shift[hash]; before < 0 && behind > 0 || before > 0 && behind < 0 {
				return 1
			}
			return 0
		}
		crossed -= crosses()
		shift[hash] += n
		crossed += crosses()
	}
	i, j := 0, 0
	for _, at := range found {
		for ; i < at; i++ {
			count(olds[i].hash, -1)
		}
		for ; j < pairs[at]; j++ {
			count(wants[j].hash, 1)
		}
		if crossed > 0 {
			out = append(out, at)
		}
	}
	return out
}
