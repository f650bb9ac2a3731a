package acceptance

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// edit is a change of an object.
type edit struct {
	// path is such as "spec.ports[0].name".
	path string
	// value is JSON; "" removes what is at path.
	value string
	// insert puts value before what is at path, which is in a list.
	insert bool
}

func set(path, value string) edit    { return edit{path: path, value: value} }
func remove(path string) edit        { return edit{path: path} }
func insert(path, value string) edit { return edit{path: path, value: value, insert: true} }

// apply makes the edits in JSON.
func apply(t *testing.T, text string, edits ...edit) string {
	t.Helper()
	var node any
	if err := json.Unmarshal([]byte(text), &node); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	for _, e := range edits {
		var value any
		if e.value != "" {
			if err := json.Unmarshal([]byte(e.value), &value); err != nil {
				t.Fatalf("%v in the value of %s, %s", err, e.path, e.value)
			}
		}
		// r.b[0] has the steps a, b and 0.
		steps := strings.FieldsFunc(e.path, func(r rune) bool { return strings.ContainsRune(".[]", r) })
		node = e.in(t, node, steps, value)
	}
	edited, err := json.Marshal(node)
	if err != nil {
		t.Fatal(err)
	}
	return string(edited)
}

func (e edit) in(t *testing.T, node any, steps []string, value any) any {
	t.Helper()
	if len(steps) == 0 {
		return value
	}
	last := len(steps) == 1
	switch node := node.(type) {
	case nil:
		return map[string]any{steps[0]: e.in(t, nil, steps[1:], value)}
	case map[string]any:
		if last && e.value == "" {
			if _, ok := node[steps[0]]; !ok {
				t.Fatalf("there is no %s to remove", e.path)
			}
			delete(node, steps[0])
			return node
		}
		node[steps[0]] = e.in(t, node[steps[0]], steps[1:], value)
		return node
	case []any:
		i, err := strconv.Atoi(steps[0])
		switch {
		case err != nil || i < 0 || i > len(node) || i == len(node) && (!last || !e.insert):
			t.Fatalf("there is no %s in a list of %d", e.path, len(node))
		case last && e.insert:
			return slices.Insert(node, i, value)
		case last && e.value == "":
			return slices.Delete(node, i, i+1)
		default:
			node[i] = e.in(t, node[i], steps[1:], value)
		}
		return node
	default:
		t.Fatalf("%s leads through %v", e.path, node)
		return nil
	}
}
