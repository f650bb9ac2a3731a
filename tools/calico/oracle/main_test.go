package main

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// recorded is a line of testdata/RELEASE.jsonl: one calicoctl command of this release, run on a
// etcd server after those of the lines before it.
type recorded struct {
	Verb     string          `json:"verb"`
	Manifest json.RawMessage `json:"manifest"`

	// What it stored, and what "calicoctl get -o json" showed then; or what it printed.
	Key   string `json:"key"`
	Value string `json:"value"`
	Get   any    `json:"get"`
	Error string `json:"error"`
}

func TestAnswersAsCalicoctl(t *testing.T) {
	o := testOracle(t)

	file, err := os.Open(filepath.Join("testdata", release+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()

	store := map[string]string{}
	lines := bufio.NewScanner(file)

	for lines.Scan() {
		var want recorded
		if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
			t.Fatal(err)
		}

		for _, as := range []string{"object", "yaml"} {
			got := checked{}
			r := map[string]any{"op": "check", "verb": want.Verb, "store": store, "object": want.Manifest}
			if as == "yaml" {
				r["object"], r["yaml"] = nil, string(want.Manifest)
			}

			ask(t, o, r, &got)

			message := got.DecodeError + got.Error
			if (message == "") != (want.Error == "") || !strings.Contains(masked(want.Error), masked(message)) {
				t.Errorf("%s of %s as %s: error %q, want %q", want.Verb, want.Manifest, as, message, want.Error)
			}

			if got.Valid != (want.Error == "") || got.StoredKey != want.Key || masked(got.Stored) != masked(want.Value) {
				t.Errorf("%s of %s as %s:\n got %s %s\nwant %s %s",
					want.Verb, want.Manifest, as, got.StoredKey, got.Stored, want.Key, want.Value)
			}
		}

		if want.Error != "" {
			continue
		}

		var got shown
		ask(t, o, map[string]any{"op": "read", "key": want.Key, "value": want.Value, "store": store}, &got)

		for _, object := range []any{got.Object, want.Get} {
			if object, ok := object.(map[string]any); ok {
				delete(object["metadata"].(map[string]any), "resourceVersion")
			}
		}

		if !reflect.DeepEqual(got.Object, want.Get) {
			t.Errorf("read of %s:\n got %v\nwant %v", want.Key, got.Object, want.Get)
		}

		store[want.Key] = want.Value
	}

	if len(store) == 0 {
		t.Error("nothing was recorded")
	}
}

// TestShortCut tries manifests that JSON and YAML may not read alike, both ways.
func TestShortCut(t *testing.T) {
	o := testOracle(t)

	for _, value := range []string{
		`"plain"`, `""`, `" "`, `"a\\b\"c"`, `"a\/b"`, `"\u0026\u0000\u0085"`, `"\ud83d\ude00"`, `"😀"`, `"x` + "\u0085" + `y"`,
		`"x` + "\u2028" + `y"`, `"x` + "\x7f" + `y"`, `"\ty"`, `"y"`, `"1e3"`, `"---"`, `"<<"`, `"# x"`,
		"0", "-0", "-0.0", "1.50", "1e3", "1E3", "100000000000000000000", "9223372036854775808", "true", "null", "[]", "{}", `{"a":1}`,
	} {
		for _, manifest := range []string{
			`{"apiVersion":"projectcalico.org/v3","kind":"GlobalNetworkPolicy","metadata":{"name":"p","annotations":{"a":` + value + `}}}`,
			`{"apiVersion":"projectcalico.org/v3","kind":"GlobalNetworkPolicy","metadata":{"name":"p"},"spec":{"order":` + value + `}}`,
			`{"apiVersion":"projectcalico.org/v3","kind":"GlobalNetworkPolicy","metadata":{"name":"p"},"spec":{"selector":` + value + `}}`,
			`{"apiVersion":"projectcalico.org/v3","kind":"HostEndpoint","metadata":{"name":"h"},"spec":{"ports":[{"name":"a","protocol":"TCP","port":` + value + `}]}}`,
			`{"apiVersion":"projectcalico.org/v3","kind":` + value + `,"metadata":{"name":"h"}}`,
		} {
			text, err := json.Marshal(manifest)
			if err != nil {
				t.Fatal(err)
			}

			object := answer(t, o, `{"op":"check","object":`+manifest+`}`)
			yaml := answer(t, o, `{"op":"check","yaml":`+string(text)+`}`)

			if masked(object) != masked(yaml) {
				t.Errorf("%s:\nas object %s\n  as YAML %s", manifest, object, yaml)
			}
		}
	}
}

func TestSelector(t *testing.T) {
	o := testOracle(t)

	for _, c := range []struct {
		selector string
		want     selected
	}{
		{"a=='b'&&!has(c)", selected{Valid: true, Matches: true, Canonical: `(a == "b" && !has(c))`}},
		{"", selected{Valid: true, Matches: true, Canonical: "all()"}},
		{"has(c)", selected{Valid: true, Canonical: "has(c)"}},
	} {
		var got selected
		ask(t, o, map[string]any{"op": "selector", "selector": c.selector, "labels": map[string]string{"a": "b"}}, &got)

		if got != c.want {
			t.Errorf("%q: got %+v, want %+v", c.selector, got, c.want)
		}
	}

	var got selected
	if ask(t, o, map[string]any{"op": "selector", "selector": "has("}, &got); got.Valid || got.Error == "" {
		t.Errorf("has(: got %+v, want an error", got)
	}
}

// sharedOracle serves all tests, because there is one os.Stdin to take.
var sharedOracle = sync.OnceValues(newOracle)

func testOracle(t *testing.T) *oracle {
	t.Helper()

	o, err := sharedOracle()
	if err != nil {
		t.Fatal(err)
	}

	return o
}

func ask(t *testing.T, o *oracle, request map[string]any, into any) {
	t.Helper()

	line, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}

	if err := json.Unmarshal([]byte(answer(t, o, string(line))), into); err != nil {
		t.Fatal(err)
	}
}

func answer(t *testing.T, o *oracle, line string) string {
	t.Helper()

	got, err := json.Marshal(o.answer([]byte(line)))
	if err != nil {
		t.Fatal(err)
	}

	return string(got)
}

// masked hides what is never the same twice: UIDs, times and addresses in memory.
func masked(text string) string {
	return changing.ReplaceAllString(text, "-")
}

var changing = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|0x[0-9a-f]{9,}`)
