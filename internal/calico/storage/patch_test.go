package storage

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

func TestSpecPatch(t *testing.T) {
	// Spellings that a way through any decoder would change.
	const stored = `{"kind":"FelixConfiguration","metadata":{"name":"default","x":1.0},"spec":{"a":1.50,"B":"<&>","c":{"z":1,"a":[ 1, 2 ]},"d":null,"unknown":{"k":1e2}}}`
	for name, test := range map[string]struct {
		patch SpecPatch
		want  string
	}{
		"nothing":   {SpecPatch{}, stored},
		"a value":   {SpecPatch{"a": json.RawMessage("2")}, `{"kind":"FelixConfiguration","metadata":{"name":"default","x":1.0},"spec":{"a":2,"B":"<&>","c":{"z":1,"a":[ 1, 2 ]},"d":null,"unknown":{"k":1e2}}}`},
		"in a case": {SpecPatch{"b": json.RawMessage(`"x"`)}, `{"kind":"FelixConfiguration","metadata":{"name":"default","x":1.0},"spec":{"a":1.50,"B":"x","c":{"z":1,"a":[ 1, 2 ]},"d":null,"unknown":{"k":1e2}}}`},
		"a removal": {SpecPatch{"c": nil, "absent": nil}, `{"kind":"FelixConfiguration","metadata":{"name":"default","x":1.0},"spec":{"a":1.50,"B":"<&>","d":null,"unknown":{"k":1e2}}}`},
		"new ones":  {SpecPatch{"f": json.RawMessage("[]"), "e": json.RawMessage("1")}, `{"kind":"FelixConfiguration","metadata":{"name":"default","x":1.0},"spec":{"a":1.50,"B":"<&>","c":{"z":1,"a":[ 1, 2 ]},"d":null,"unknown":{"k":1e2},"e":1,"f":[]}}`},
	} {
		got, err := test.patch.Apply([]byte(stored))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(test.want, string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if got, err := (SpecPatch{"a": json.RawMessage("1")}).Apply([]byte(`{"kind":"X"}`)); err != nil || string(got) != `{"kind":"X","spec":{"a":1}}` {
		t.Errorf("an object without a spec: %s, %v", got, err)
	}
	for _, bad := range []string{"", "[]", `{"spec":1}`, `{"spec":{}`} {
		if got, err := (SpecPatch{"a": json.RawMessage("1")}).Apply([]byte(bad)); err == nil {
			t.Errorf("%q was patched to %s", bad, got)
		}
	}
}

// What a patch does not name stays as it was written, however that was.
func TestSpecPatchKeepsSpellings(t *testing.T) {
	for _, value := range []string{
		`"<"`, `"\u003c"`, `"\u003C"`, `"\/"`, `"\u00e9é"`, `"\ud800"`, "1.0", "1e3", "-0", "1E+3", "12345678901234567890", "null", "true",
		"[ ]", `[1 ,2.50 , "<",[ ] ]`, "{ }", `{"a" : 1,"A":2 , "a":3}`, `{"a<b":1,"a\u003cb":2}`, "{\n\t\"a\": [\n]\r\n}",
	} {
		for _, test := range []struct{ stored, want string }{
			{`{"x":%s,"spec":{"a":%s,"mine":0,"Z":%s}}`, `{"x":%s,"spec":{"a":%s,"mine":1,"Z":%s}}`},
			{` { "x" : %s , "spec" : { "a" : %s , "mine":0,"Z" :%s } } `, `{"x":%s,"spec":{"a":%s,"mine":1,"Z":%s}}`},
			// What is there twice, be it in another case, is there twice afterwards.
			{`{"x":%s,"X":1,"x":2,"spec":{"a":%s,"mine":0,"a":%s,"A":3}}`, `{"x":%s,"X":1,"x":2,"spec":{"a":%s,"mine":1,"a":%s,"A":3}}`},
			// But for what is patched, and for the spec: the last of them counts.
			{`{"spec":{"a":%s,"mine":%s,"MINE":0},"x":1,"Spec":{"b":%s}}`, `{"x":1,"Spec":{"a":%[1]s,"MINE":1,"b":%[3]s}}`},
		} {
			stored, want := fmt.Sprintf(test.stored, value, value, value), fmt.Sprintf(test.want, value, value, value)
			base := []byte(stored)
			got, err := SpecPatch{"mine": json.RawMessage("1")}.Apply(base)
			if err != nil || string(got) != want || string(base) != stored {
				t.Errorf("%s, %v:\n%s\nwant\n%s", stored, err, got, want)
			}
			fields, err := SpecFields(calico.KindFelixConfiguration, []byte(`{"spec":{"future":`+value+`}}`))
			if err != nil || string(fields["future"]) != value {
				t.Errorf("of %s there is %s, %v", value, fields["future"], err)
			}
		}
	}
}

// Values are compared by what they say: an escape is no change, and nor is the order of fields.
func TestChangesComparesMeanings(t *testing.T) {
	before := []byte(`{"spec":{"future":["<","é","/"],"a":{"b":1,"c":2}},"x":{"a":1,"a":2}}`)
	after := []byte(`{"x":{"a":2}, "spec":{"a" : {"c":2,"b":1},"future":["\u003c","\u00e9","\/"]}}`)
	if got, err := Changes(before, after); err != nil || len(got) > 0 {
		t.Errorf("Changes: %q, %v", got, err)
	}
	if got, err := ContentChanges(calico.KindFelixConfiguration, before, after); err != nil || len(got) > 0 {
		t.Errorf("ContentChanges: %q, %v", got, err)
	}
	patch := SpecPatch{"future": nil, "a": nil}
	if got, err := patch.Changes(calico.KindFelixConfiguration, before, after); err != nil || len(got) > 0 {
		t.Errorf("SpecPatch.Changes: %q, %v", got, err)
	}
}

func TestSpecPatchChanges(t *testing.T) {
	before := []byte(`{"spec":{"mine":[],"other":1}}`)
	patch := SpecPatch{"mine": nil}
	for after, want := range map[string][]string{
		`{"spec":{"other":2,"mine":[]}}`: nil,
		`{"spec":{"other":1}}`:           {"spec.mine: [] -> (none)"},
		`{"spec":{"mine":[{"port":1}]}}`: {"spec.mine[0].port: (none) -> 1"},
	} {
		got, err := patch.Changes(calico.KindFelixConfiguration, before, []byte(after))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v; want %q", after, got, err, want)
		}
	}
}
