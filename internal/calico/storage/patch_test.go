package storage

import (
	"encoding/json"
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
