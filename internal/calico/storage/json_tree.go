package storage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// node is a JSON value that keeps what Go's own decoding would lose: fields that
// no type knows, the order of fields, and numbers as they were written. A field that is
// there twice is there once in keys and fields, as decoders read it. It is compared, and
// written again, by what it says: texts that differ in their escapes are the same.
type node struct {
	object bool
	array  bool
	keys   []string         // of an object, in order
	fields map[string]*node // of an object
	items  []*node          // of an array
	scalar string           // JSON text of anything else, spelled as package json does
	// text is the value as it was written, and members are an object's in it: what is
	// there twice is there twice. Both are of what was read, and nothing changes them.
	text    json.RawMessage
	members []member
	// unknown are the fields of an object that its type does not have: see fitted.
	unknown map[string]bool
}

// member is a member of a JSON object.
type member struct {
	name  string
	value *node
}

// nodeReader reads nodes of a text.
type nodeReader struct {
	*json.Decoder
	data []byte
}

func parseNode(data []byte) (*node, error) {
	d := nodeReader{json.NewDecoder(bytes.NewReader(data)), data}
	d.UseNumber()
	n, err := d.read()
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return n, nil
}

func (d nodeReader) read() (*node, error) {
	start := d.InputOffset()
	n, err := d.readAny()
	if err != nil {
		return nil, err
	}
	// What is before a value is of the object or list that it is in.
	text := bytes.TrimLeft(d.data[start:d.InputOffset()], ",: \t\r\n")
	n.text = slices.Clip(json.RawMessage(text))
	return n, nil
}

func (d nodeReader) readAny() (*node, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '[' {
			return d.readArray()
		}
		return d.readObject()
	default:
		text, err := json.Marshal(t)
		if err != nil {
			return nil, err
		}
		return &node{scalar: string(text)}, nil
	}
}

func (d nodeReader) readArray() (*node, error) {
	n := &node{array: true}
	for d.More() {
		item, err := d.read()
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, item)
	}
	_, err := d.Token()
	return n, err
}

func (d nodeReader) readObject() (*node, error) {
	n := newObject()
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, ok := token.(string)
		if !ok {
			return nil, fmt.Errorf("unexpected %v", token)
		}
		value, err := d.read()
		if err != nil {
			return nil, err
		}
		n.members = append(n.members, member{key, value})
		n.set(key, value.over(n.fields[key]))
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

// over returns what a decoder makes of a field that is there twice, first with the
// value before and then with n: it fills in the same struct and the same list again.
func (n *node) over(before *node) *node {
	switch {
	case before == nil:
	case n.object && before.object:
		merged := newObject()
		for _, key := range before.keys {
			merged.set(key, before.fields[key])
		}
		for _, key := range n.keys {
			merged.set(key, n.fields[key].over(before.fields[key]))
		}
		return merged
	case n.array && before.array:
		merged := &node{array: true, items: slices.Clone(n.items)}
		for i := range min(len(n.items), len(before.items)) {
			merged.items[i] = n.items[i].over(before.items[i])
		}
		return merged
	}
	return n
}

func newObject() *node { return &node{object: true, fields: map[string]*node{}} }

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
	changes(calico.Path{}, a, b, &lines)
	if more := len(lines) - maxChanges; more > 0 {
		lines = append(lines[:maxChanges], "and "+strconv.Itoa(more)+" more")
	}
	return lines
}

func changes(at calico.Path, a, b *node, lines *[]string) {
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
