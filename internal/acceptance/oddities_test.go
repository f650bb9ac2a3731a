package acceptance

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// oddities are ways to store an object that no tool of Calico's has, and that Calico
// reads all the same. other is the object with other values, which do not count.
var oddities = map[string]func(stored, other any) string{
	serverOddity: func(stored, _ any) string {
		metadata, _ := stored.(map[string]any)["metadata"].(map[string]any)
		maps.Copy(metadata, serverFields)
		return mustJSON(stored)
	},
	// Calico's decoder takes the last of two fields, and does not heed upper case.
	"fields twice":                       func(stored, other any) string { return doubled(stored, other, asIs, asIs) },
	"fields twice, first in upper case":  func(stored, other any) string { return doubled(stored, other, upper, asIs) },
	"fields twice, second in upper case": func(stored, other any) string { return doubled(stored, other, asIs, upper) },
}

const serverOddity = "fields of servers"

// serverFields are fields of metadata that servers and controllers write.
var serverFields = map[string]any{
	"generation":                 7.0,
	"generateName":               "made-by-",
	"resourceVersion":            "12345",
	"selfLink":                   "/apis/projectcalico.org/v3/things/one",
	"deletionTimestamp":          "2024-05-06T07:08:09Z",
	"deletionGracePeriodSeconds": 30.0,
	"finalizers":                 []any{"example.org/keep"},
	"ownerReferences":            []any{map[string]any{"apiVersion": "v1", "kind": "Node", "name": "db1", "uid": "5e1b7a0f-7a3f-4d0e-9a44-3f4f8d0c1b2b"}},
	"managedFields":              []any{map[string]any{"manager": "kubectl", "operation": "Update", "time": "2024-05-06T07:08:09Z", "fieldsV1": map[string]any{"f:spec": map[string]any{}}}},
	"clusterName":                "east",
}

func asIs(name string) string  { return name }
func upper(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

// doubled writes an object whose spec has each field twice: first with a value that does
// not count.
func doubled(stored, other any, first, second func(string) string) string {
	root, _ := stored.(map[string]any)
	otherRoot, _ := other.(map[string]any)
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(root)) {
		if name != "spec" {
			fmt.Fprintf(&b, "%q:%s,", name, mustJSON(root[name]))
		}
	}
	return "{" + b.String() + `"spec":` + doubledValue(root["spec"], otherRoot["spec"], first, second) + "}"
}

// freeKeys are maps: a key in another letter case is another key there.
var freeKeys = []string{"labels", "annotations", "labelsToApply"}

func doubledValue(value, other any, first, second func(string) string) string {
	var parts []string
	switch value := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			if slices.Contains(freeKeys, name) {
				parts = append(parts, fmt.Sprintf("%q:%s", name, mustJSON(value[name])))
				continue
			}
			others, _ := other.(map[string]any)
			text := doubledValue(value[name], others[name], first, second)
			before := text
			switch value[name].(type) {
			case map[string]any:
				before = "{}"
			case []any:
				before = "[]"
			default:
				if others[name] != nil {
					before = mustJSON(others[name])
				}
			}
			parts = append(parts, fmt.Sprintf("%q:%s,%q:%s", first(name), before, second(name), text))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case []any:
		for _, item := range value {
			parts = append(parts, doubledValue(item, nil, first, second))
		}
		return "[" + strings.Join(parts, ",") + "]"
	default:
		return mustJSON(value)
	}
}

func mustJSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// testOddities takes objects through a life that others have stored in odd ways: an
// import, a plan, a change and a destroy. Nothing is a difference but what is changed,
// and nothing is lost.
func testOddities(t *testing.T, r row, in newWorld) {
	names := slices.Sorted(maps.Keys(oddities))
	if !r.single() {
		r.live(t, in, names...)
		return
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) { r.live(t, in, name) })
	}
}

// live takes one object for each of the oddities through its life.
func (r row) live(t *testing.T, in newWorld, names ...string) {
	t.Helper()
	w, ok := r.world(t, in).(textWorld)
	if !ok {
		t.Fatal("it has no place for an odd text")
	}
	change := r.plainChange(t)
	before, after, imports := w.provider(), w.provider(), ""
	for i, name := range names {
		w.put(t, r.somebodys(t, i))
		stored := w.text(t, r.idOf(i))
		other := apply(t, stored, change.stored...)
		w.putText(t, r.idOf(i), oddities[name](parse(t, stored), parse(t, numbered(other, i))))
		before += r.block(t, i, r.config)
		after += r.block(t, i, acctest.With(r.config, map[string]string{change.attribute: change.value}))
		imports += fmt.Sprintf("import {\n  to = %s\n  id = %q\n}\n", r.address(i), r.importIDOf(i))
	}
	was := w.versions(t, r.kind)
	workspace := w.workspace(t, acctest.TestCLI(t), before, imports)
	acctest.Succeed(t, workspace, "apply")
	if diff := gocmp.Diff(was, w.versions(t, r.kind)); diff != "" {
		t.Errorf("the import has written (-before +after):\n%s", diff)
	}
	acctest.NoChanges(t, workspace)
	acctest.Rewrite(t, workspace, after)
	acctest.Succeed(t, workspace, "apply")
	acctest.NoChanges(t, workspace)
	for i, name := range names {
		want := apply(t, r.stored, change.stored...)
		if name == serverOddity {
			for field, value := range serverFields {
				if field == "resourceVersion" || field == "selfLink" {
					continue // which Calico never stores
				}
				want = apply(t, want, set("metadata."+field, mustJSON(value)))
			}
		}
		r.wantObject(t, w, i, want, nil)
	}
	acctest.Rewrite(t, workspace, w.provider())
	acctest.Succeed(t, workspace, "apply")
	for i, name := range names {
		if left := w.get(t, r.idOf(i)); left != "" {
			t.Errorf("%s: after the destroy there is %s", name, left)
		}
	}
}

// plainChange is a change of one field of the spec, in place.
func (r row) plainChange(t *testing.T) change {
	t.Helper()
	for _, c := range r.changes {
		if len(r.together[c.attribute]) == 0 && !slices.Contains(r.replaces, c.attribute) && strings.HasPrefix(c.stored[0].path, "spec.") {
			return c
		}
	}
	t.Fatalf("%s has no change of a field of the spec", r.typeName)
	return change{}
}
