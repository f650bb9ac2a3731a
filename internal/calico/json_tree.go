package calico

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// node is a JSON value that keeps what Go's own decoding would lose: fields that
// no type knows, the order of fields, and numbers as they were written.
type node struct {
	object bool
	array  bool
	keys   []string         // of an object, in order
	fields map[string]*node // of an object
	items  []*node          // of an array
	scalar string           // JSON text of anything else
}

func parseNode(data []byte) (*node, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	n, err := readNode(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return n, nil
}

func readNode(d *json.Decoder) (*node, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '[' {
			return readArray(d)
		}
		return readObject(d)
	default:
		text, err := json.Marshal(t)
		if err != nil {
			return nil, err
		}
		return &node{scalar: string(text)}, nil
	}
}

func readArray(d *json.Decoder) (*node, error) {
	n := &node{array: true}
	for d.More() {
		item, err := readNode(d)
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, item)
	}
	_, err := d.Token()
	return n, err
}

func readObject(d *json.Decoder) (*node, error) {
	n := &node{object: true, fields: map[string]*node{}}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, ok := token.(string)
		if !ok {
			return nil, fmt.Errorf("unexpected %v", token)
		}
		value, err := readNode(d)
		if err != nil {
			return nil, err
		}
		n.set(key, value)
	}
	_, err := d.Token()
	return n, err
}

func (n *node) set(key string, value *node) {
	if _, ok := n.fields[key]; !ok {
		n.keys = append(n.keys, key)
	}
	n.fields[key] = value
}

func (n *node) remove(key string) {
	if n == nil || n.fields[key] == nil {
		return
	}
	delete(n.fields, key)
	n.keys = slices.DeleteFunc(n.keys, func(k string) bool { return k == key })
}

// unquote returns the text of a JSON string, and "" for anything else.
func unquote(scalar string) string {
	var s string
	if err := json.Unmarshal([]byte(scalar), &s); err != nil {
		return ""
	}
	return s
}

// lookup finds a field as Calico's decoder does: by its exact name, else by its
// name in another case.
func (n *node) lookup(key string) (name string, value *node) {
	if n == nil || !n.object {
		return "", nil
	}
	if v, ok := n.fields[key]; ok {
		return key, v
	}
	for _, k := range n.keys {
		if strings.EqualFold(k, key) {
			return k, n.fields[k]
		}
	}
	return "", nil
}

func (n *node) String() string {
	var b strings.Builder
	n.write(&b)
	return b.String()
}

func (n *node) write(b *strings.Builder) {
	switch {
	case n.object:
		b.WriteByte('{')
		for i, k := range n.keys {
			if i > 0 {
				b.WriteByte(',')
			}
			text, err := json.Marshal(k)
			if err != nil {
				panic(err) // a string always encodes
			}
			b.Write(text)
			b.WriteByte(':')
			n.fields[k].write(b)
		}
		b.WriteByte('}')
	case n.array:
		b.WriteByte('[')
		for i, item := range n.items {
			if i > 0 {
				b.WriteByte(',')
			}
			item.write(b)
		}
		b.WriteByte(']')
	default:
		b.WriteString(n.scalar)
	}
}

// keepUnknown returns value, an encoding of obj, with all that base holds and obj's type
// does not know. It answers an *UnknownFieldsError if some of that would have no place.
func keepUnknown(obj Object, value, base []byte) ([]byte, error) {
	old, known, err := typedTree(KindOf(obj), base)
	if err != nil {
		return nil, err
	}
	want, err := parseNode(value)
	if err != nil {
		return nil, err
	}
	var m merger
	merged := m.merge("", old, known, want)
	if len(m.lost) > 0 {
		return nil, &UnknownFieldsError{Fields: m.lost}
	}
	return []byte(merged.String()), nil
}

// typedTree parses a stored value, and what its kind's type knows of it: that is what
// survives a way through the type.
func typedTree(kind Kind, value []byte) (all, known *node, err error) {
	if all, err = parseNode(value); err != nil {
		return nil, nil, err
	}
	typed := kind.New()
	if err := calicoJSON.Unmarshal(value, typed); err != nil {
		return nil, nil, err
	}
	text, err := calicoJSON.Marshal(typed)
	if err != nil {
		return nil, nil, err
	}
	known, err = parseNode(text)
	return all, known, err
}

// merger merges what is stored into what is to be stored in its place.
type merger struct {
	// lost are the fields that nobody here knows and that would have no place, or an
	// uncertain one.
	lost []string
}

// merge returns want with the parts of old that known lacks.
func (m *merger) merge(path string, old, known, want *node) *node {
	switch {
	case old.object && want.object && known != nil && known.object:
		return m.mergeObject(path, old, known, want)
	case old.array && want.array && known != nil && known.array && len(old.items) == len(known.items):
		return m.mergeArray(path, old, known, want)
	case old.array && known != nil && known.String() == want.String():
		return old // nothing is changed, whatever its elements are
	default:
		m.lost = append(m.lost, unknownIn(path, old, known)...)
		return want
	}
}

func (m *merger) mergeObject(path string, old, known, want *node) *node {
	merged := &node{object: true, fields: map[string]*node{}}
	for _, key := range want.keys {
		value := want.fields[key]
		if _, o := old.lookup(key); o != nil {
			_, k := known.lookup(key)
			value = m.merge(joinPath(path, key), o, k, value)
		}
		merged.set(key, value)
	}
	for _, key := range old.keys {
		if name, _ := want.lookup(key); name != "" {
			continue // a field of ours, if in another case
		}
		_, k := known.lookup(key)
		switch {
		case k == nil:
			merged.set(key, old.fields[key])
		case k.object && old.fields[key].object:
			// Ours, and to be removed; but not what others keep inside.
			empty := &node{object: true, fields: map[string]*node{}}
			if rest := m.mergeObject(joinPath(path, key), old.fields[key], k, empty); len(rest.keys) > 0 {
				merged.set(key, rest)
			}
		default:
			m.lost = append(m.lost, unknownIn(joinPath(path, key), old.fields[key], k)...)
		}
	}
	return merged
}

// mergeArray pairs the elements of want with those of old: the ones that are the same as
// far as the type knows, in their order, and, if only one is left on each side, in the
// same place, those two. So a rule keeps its unknown fields when others are added or
// removed around it, and when it alone is edited. What else becomes of an element cannot
// be told for sure: then its unknown fields are lost.
func (m *merger) mergeArray(path string, old, known, want *node) *node {
	merged := &node{array: true, items: make([]*node, len(want.items))}
	copy(merged.items, want.items)
	element := func(i int) string { return fmt.Sprintf("%s[%d]", path, i) }
	type gap struct{ i0, i1, j0, j1 int }
	var gaps []gap
	between := func(i0, i1, j0, j1 int) {
		if i0 < i1 || j0 < j1 {
			gaps = append(gaps, gap{i0, i1, j0, j1})
		}
	}
	i0, j0 := 0, 0
	pairs := commonElements(known.items, want.items)
	for _, pair := range pairs {
		between(i0, pair[0], j0, pair[1])
		merged.items[pair[1]] = m.merge(element(pair[0]), old.items[pair[0]], known.items[pair[0]], want.items[pair[1]])
		i0, j0 = pair[0]+1, pair[1]+1
	}
	between(i0, len(known.items), j0, len(want.items))
	for _, g := range gaps {
		if len(gaps) == 1 && g.i1-g.i0 == 1 && g.j1-g.j0 == 1 {
			merged.items[g.j0] = m.merge(element(g.i0), old.items[g.i0], known.items[g.i0], want.items[g.j0])
			continue
		}
		for i := g.i0; i < g.i1; i++ {
			m.lost = append(m.lost, unknownIn(element(i), old.items[i], known.items[i])...)
			// Of two that are the same but for their unknown fields, which one stays?
			for _, pair := range pairs {
				if known.items[pair[0]].String() == known.items[i].String() {
					m.lost = append(m.lost, unknownIn(element(pair[0]), old.items[pair[0]], known.items[pair[0]])...)
				}
			}
		}
	}
	return merged
}

// commonElements returns a longest common subsequence of a and b as pairs of
// positions.
func commonElements(a, b []*node) [][2]int {
	at, bt := texts(a), texts(b)
	// length[i][j] is that of the longest common subsequence of a[i:] and b[j:].
	length := make([][]int, len(a)+1)
	for i := range length {
		length[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if at[i] == bt[j] {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	var pairs [][2]int
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case at[i] == bt[j]:
			pairs = append(pairs, [2]int{i, j})
			i, j = i+1, j+1
		case length[i+1][j] >= length[i][j+1]:
			i++
		default:
			j++
		}
	}
	return pairs
}

func texts(nodes []*node) []string {
	t := make([]string, len(nodes))
	for i, n := range nodes {
		t[i] = n.String()
	}
	return t
}

// maxChanges is how many lines Changes returns at most: an error is read by a
// person.
const maxChanges = 20

// Changes tells what is different in two stored values, a line for each field:
// `spec.order: 0 -> 10`. The order of fields, and whether an object without
// fields is written or left out, make no difference. It returns nothing where
// the values say the same.
func Changes(before, after []byte) ([]string, error) {
	a, err := parseNode(before)
	if err != nil {
		return nil, err
	}
	b, err := parseNode(after)
	if err != nil {
		return nil, err
	}
	return nodeChanges(a, b), nil
}

func nodeChanges(a, b *node) []string {
	var lines []string
	changes(Path{}, a, b, &lines)
	if more := len(lines) - maxChanges; more > 0 {
		lines = append(lines[:maxChanges], "and "+strconv.Itoa(more)+" more")
	}
	return lines
}

func changes(at Path, a, b *node, lines *[]string) {
	a, b = nilIfVoid(a), nilIfVoid(b)
	switch {
	case a == nil && b == nil:
	case composite(a) && (b == nil || composite(b)) || composite(b) && a == nil:
		if a != nil && b != nil && a.array != b.array {
			*lines = append(*lines, fmt.Sprintf("%s: %s -> %s", at, brief(a), brief(b)))
			return
		}
		for _, key := range allKeys(a, b) {
			changes(at.Field(key), field(a, key), field(b, key), lines)
		}
		for i := range max(itemCount(a), itemCount(b)) {
			changes(at.Index(i), item(a, i), item(b, i), lines)
		}
		// An empty list is not an absent one: it can mean "none" against "the default".
		if (a == nil || b == nil) && itemCount(a)+itemCount(b) == 0 && len(allKeys(a, b)) == 0 {
			*lines = append(*lines, fmt.Sprintf("%s: %s -> %s", at, brief(a), brief(b)))
		}
	case a == nil || b == nil || composite(a) || composite(b) || a.scalar != b.scalar:
		*lines = append(*lines, fmt.Sprintf("%s: %s -> %s", at, brief(a), brief(b)))
	}
}

func composite(n *node) bool { return n != nil && (n.object || n.array) }

// nilIfVoid treats null and an object without fields as absent, as Calico does.
func nilIfVoid(n *node) *node {
	if n == nil || n.scalar == "null" || n.object && len(n.keys) == 0 {
		return nil
	}
	return n
}

func allKeys(a, b *node) []string {
	var keys []string
	if a != nil {
		keys = append(keys, a.keys...)
	}
	if b != nil {
		for _, k := range b.keys {
			if field(a, k) == nil {
				keys = append(keys, k)
			}
		}
	}
	return keys
}

func field(n *node, key string) *node {
	if n == nil {
		return nil
	}
	return n.fields[key]
}

func itemCount(n *node) int {
	if n == nil {
		return 0
	}
	return len(n.items)
}

func item(n *node, i int) *node {
	if i >= itemCount(n) {
		return nil
	}
	return n.items[i]
}

// htmlUnescaper takes back the escapes that package json has for HTML, so that a
// selector is shown with "&&". What is stored keeps them: Calico writes them too.
var htmlUnescaper = strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">")

// brief is a value for a line of Changes.
func brief(n *node) string {
	if n == nil {
		return "(none)"
	}
	const longest = 120
	text := htmlUnescaper.Replace(n.String())
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "..."
	}
	return text
}
