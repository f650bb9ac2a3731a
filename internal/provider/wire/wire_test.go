package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// asTheFramework does what the framework does with a state of the same version.
func asTheFramework(t *testing.T, raw string, typ tftypes.Type) (*tfprotov6.DynamicValue, error) {
	t.Helper()
	state := tfprotov6.RawState{JSON: []byte(raw)}
	value, err := state.UnmarshalWithOpts(typ, tfprotov6.UnmarshalOpts{ValueFromJSONOpts: tftypes.ValueFromJSONOpts{IgnoreUndefinedAttributes: true}})
	if err != nil {
		return nil, err
	}
	made, err := tfprotov6.NewDynamicValue(typ, value)
	return &made, err
}

var someType = tftypes.Object{AttributeTypes: map[string]tftypes.Type{
	"text": tftypes.String, "number": tftypes.Number, "is": tftypes.Bool,
	"list": tftypes.List{ElementType: tftypes.String}, "set": tftypes.Set{ElementType: tftypes.Number},
	"map": tftypes.Map{ElementType: tftypes.String},
	"nested": tftypes.List{ElementType: tftypes.Object{AttributeTypes: map[string]tftypes.Type{
		"a": tftypes.String, "b": tftypes.Map{ElementType: tftypes.Bool},
	}}},
}}

// randomJSON writes a value of a type, now and then null.
func randomJSON(r *rand.Rand, typ tftypes.Type) string {
	if r.IntN(5) == 0 {
		return "null"
	}
	several := func(one func() string) string {
		var all []string
		for range r.IntN(3) {
			all = append(all, one())
		}
		return strings.Join(all, ", ")
	}
	switch typ := typ.(type) {
	case tftypes.Object:
		var all []string
		for name, attribute := range typ.AttributeTypes {
			all = append(all, strconv.Quote(name)+": "+randomJSON(r, attribute))
		}
		return "{" + strings.Join(all, ", ") + "}"
	case tftypes.List:
		return "[" + several(func() string { return randomJSON(r, typ.ElementType) }) + "]"
	case tftypes.Set:
		return "[" + several(func() string { return randomJSON(r, typ.ElementType) }) + "]"
	case tftypes.Map:
		i := 0
		return "{" + several(func() string { i++; return fmt.Sprintf("\"k%d\": %s", i, randomJSON(r, typ.ElementType)) }) + "}"
	}
	switch {
	case typ.Is(tftypes.Bool):
		return strconv.FormatBool(r.IntN(2) == 0)
	case typ.Is(tftypes.Number):
		// Of all sizes, and both signs.
		return strconv.FormatInt((r.Int64()>>r.IntN(64))*(1-2*r.Int64N(2)), 10)
	default:
		return strconv.QuoteToASCII([]string{"", "eth0", "ümlaut", "<a & b>", "\"", "null"}[r.IntN(6)])
	}
}

func TestFromStateIsTheFrameworks(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 5_000 {
		raw := randomJSON(r, someType)
		full, err := asTheFramework(t, raw, someType)
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		fast := FromState([]byte(raw), someType)
		if fast == nil {
			t.Fatalf("%s is left to the framework", raw)
		}
		if why := Different(someType, fast, full); why != "" {
			t.Fatalf("%s: %s", raw, why)
		}
	}
}

// What is not written as Terraform writes it is the framework's matter: it may be an error,
// or be made right.
func TestFromStateLeavesToTheFramework(t *testing.T) {
	t.Parallel()
	small := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"a": tftypes.String, "n": tftypes.Number}}
	for _, raw := range []string{
		``, `{`, `[]`, `"a"`, `{"a":"x"}`, `{"a":"x","n":1,"gone":true}`, `{"a":"x","b":1}`, `{"a":1,"n":1}`, `{"a":true,"n":1}`,
		`{"a":["x"],"n":1}`, `{"a":{},"n":1}`, `{"a":"x","n":"1"}`, `{"a":"x","n":1.5}`, `{"a":"x","n":1e400}`, `{"a":"x","n":1} {}`,
	} {
		if got := FromState([]byte(raw), small); got != nil {
			t.Errorf("%s becomes %x", raw, got.MsgPack)
		}
	}
	if FromState([]byte(`{"a":"x","n":1}`), small) == nil {
		t.Error("a state of the type is left to the framework")
	}
	if FromState([]byte(`{"a":[1,"x"]}`), tftypes.Object{AttributeTypes: map[string]tftypes.Type{"a": tftypes.DynamicPseudoType}}) != nil {
		t.Error("a value of any type does not tell its type")
	}
}

func TestDigests(t *testing.T) {
	t.Parallel()
	one := &tfprotov6.DynamicValue{MsgPack: []byte{0x82, 0xa1, 'a', 0xa1, 'x', 0xa1, 'b', 0xc0}}
	other := &tfprotov6.DynamicValue{MsgPack: []byte{0x82, 0xa1, 'b', 0xc0, 0xa1, 'a', 0xa1, 'x'}}
	changed := &tfprotov6.DynamicValue{MsgPack: []byte{0x82, 0xa1, 'b', 0xc0, 0xa1, 'a', 0xa1, 'y'}}
	if StateDigest(one) == "" || StateDigest(one) != StateDigest(other) || StateDigest(one) == StateDigest(changed) {
		t.Errorf("digests of states: %q, %q, %q", StateDigest(one), StateDigest(other), StateDigest(changed))
	}
	if beside := StateDigest(one, []byte("a")); beside == StateDigest(one) || beside != StateDigest(other, []byte("a")) || beside == StateDigest(one, []byte("b")) {
		t.Error("what is beside a state does not tell it apart")
	}
	for _, none := range []*tfprotov6.DynamicValue{nil, {}, {MsgPack: []byte{0xc0}}, {MsgPack: []byte{0x82, 0xa1}}} {
		if got := StateDigest(none); got != "" {
			t.Errorf("the digest of %v is %q", none, got)
		}
	}
	seen := map[string]string{}
	for name, digest := range map[string]string{
		"one": Digest(one), "other": Digest(other), "with": Digest(one, []byte("ab")), "with two": Digest(one, []byte("a"), []byte("b")),
		"with none": Digest(one, nil), "with others": Digest(one, []byte("b"), []byte("a")),
	} {
		if seen[digest] != "" {
			t.Errorf("%s and %s have one digest", name, seen[digest])
		}
		seen[digest] = name
	}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	var a, b string
	value := &tfprotov6.DynamicValue{MsgPack: []byte{0x83, 0xa1, 'a', 0xa1, 'x', 0xa1, 'c', 0x91, 0xa1, 'z', 0xa1, 'b', 0xc0}}
	if !Texts(value, map[string]*string{"a": &a, "b": &b}) || a != "x" || b != "" {
		t.Errorf("a is %q, b is %q", a, b)
	}
	for _, none := range [][]byte{nil, {0xc0}, {0x91, 0xa1, 'a'}, {0x82, 0xa1, 'a', 0xa1, 'x'}, {0x81, 0xa1, 'a', 0xc3}} {
		if Texts(&tfprotov6.DynamicValue{MsgPack: none}, map[string]*string{"a": &a}) {
			t.Errorf("%x is taken for an object", none)
		}
	}
}

// Private state comes in our form or the framework's, and means the same.
func TestPrivate(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]Private{
		"objects":                    {"base": []byte(`{"a":1}`), "more": []byte(`{}`)},
		"a text, a list":             {"base": []byte(`{"a":1}`), "digest": []byte(`"x"`), "list": []byte(`[1]`)},
		"what JSON writes otherwise": {"blank": []byte(`{"a": 1}`), "escaped": []byte(`{"a":"<"}`), "line": []byte("{}\n")},
		"no JSON":                    {"base": []byte(`{`), "other": []byte("\xff")},
		"nothing":                    {},
	} {
		ours := p.Text()
		full := toFramework(ours)
		var framework map[string][]byte
		if err := json.Unmarshal(full, &framework); err != nil {
			t.Fatalf("%s: the framework cannot read %s: %v", name, full, err)
		}
		for key, value := range p {
			if string(framework[key]) != string(value) {
				t.Errorf("%s: %s becomes %s", name, value, framework[key])
			}
		}
		if len(framework) != len(p) || !bytes.Equal(fromFramework(full), ours) || !bytes.Equal(toFramework(full), full) || !bytes.Equal(fromFramework(ours), ours) {
			t.Errorf("%s: %s, %s, %s", name, ours, full, fromFramework(full))
		}
	}
	if got := string(Private{"base": []byte(`{"a":{"b":"c"}}`)}.Text()); got != `{"base":{"a":{"b":"c"}}}` {
		t.Errorf("an object is written as %s", got)
	}
	for _, other := range []string{"", "x", "[]", "null", `{"schema_version":"1"}`, `{"a":1}`} {
		if ReadPrivate([]byte(other)) != nil || string(toFramework([]byte(other))) != other || string(fromFramework([]byte(other))) != other {
			t.Errorf("%q is taken for private state: %v", other, ReadPrivate([]byte(other)))
		}
	}
}
