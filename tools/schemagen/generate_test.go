package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/validate"
)

type embedded struct {
	Name string `json:"name,omitempty"`
}

type inner struct {
	embedded `json:",inline"`
	Key      string `json:"key"`
}

// everything has a field of each shape that the generator knows.
type everything struct {
	Text      string                `json:"text,omitempty"`
	MustText  string                `json:"mustText"`
	Selector  *string               `json:"selector,omitempty" validate:"omitempty,selector"`
	IP        string                `json:"ip,omitempty"`
	Duration  *metav1.Duration      `json:"duration,omitempty"`
	Number    *numorstring.ASNumber `json:"number,omitempty"`
	Switch    bool                  `json:"switch,omitempty"`
	Maybe     *bool                 `json:"maybe,omitempty"`
	Count     *uint32               `json:"count,omitempty"`
	Order     *float64              `json:"order,omitempty"`
	Names     *[]string             `json:"names,omitempty"`
	Ports     []numorstring.Port    `json:"ports,omitempty"`
	Map       *map[string]string    `json:"map,omitempty"`
	Inner     *inner                `json:"inner,omitempty"`
	Parts     []inner               `json:"parts,omitempty"`
	Rules     []v3.Rule             `json:"rules,omitempty"`
	Forgotten string                `json:"forgotten,omitempty"`
}

func everythingKind() (kind, map[string]string) {
	descriptions := map[string]string{}
	for _, path := range strings.Fields("text mustText selector ip duration number switch maybe count order names ports map inner inner.name inner.key parts parts.name parts.key rules") {
		descriptions[path] = "About `" + path + "`."
	}
	return kind{name: "Everything", typeName: "every_thing", spec: reflect.TypeFor[everything](), fields: map[string]field{
		"text":       {filled: true, decidedBy: "must_text maybe"},
		"maybe":      filled,
		"mustText":   {optional: true},
		"ip":         {custom: "spelling.IP"},
		"inner.name": {required: true},
		"names":      {custom: "spelling.Net"},
		"forgotten":  {omitted: true},
	}}, descriptions
}

func TestGenerate(t *testing.T) {
	k, descriptions := everythingKind()
	got, err := generate(k, descriptions)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join("testdata", "everything.go.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got:\n%s", got)
	}
}

// What OpenAPI and the tags say comes from Calico's own types.
func TestFieldsOf(t *testing.T) {
	find := func(typ reflect.Type, name string) structField {
		for _, f := range fieldsOf(typ) {
			if f.json == name {
				return f
			}
		}
		t.Fatalf("%s has no %s", typ, name)
		return structField{}
	}
	pool := reflect.TypeFor[v3.IPPoolSpec]()
	if !find(pool, "cidr").required || find(pool, "blockSize").required {
		t.Error("of an IPPool, cidr is required, and blockSize is not")
	}
	if !find(pool, "allowedUses").unordered || find(reflect.TypeFor[v3.BGPPeerSpec](), "filters").unordered {
		t.Error("allowedUses of an IPPool has no order, filters of a BGPPeer has one")
	}
	if !find(reflect.TypeFor[v3.Community](), "value").required {
		t.Error("what Calico's validator requires is required")
	}
	felix := reflect.TypeFor[v3.FelixConfigurationSpec]()
	if got := find(felix, "nftablesMode").values; !reflect.DeepEqual(got, []string{"Auto", "Disabled", "Enabled"}) {
		t.Errorf("nftablesMode is one of %q", got)
	}
	if got := find(felix, "bpfAttachType").values; !reflect.DeepEqual(got, []string{"TC", "TCX"}) {
		t.Errorf("bpfAttachType is one of %q", got)
	}
}

// Since when there is a field comes from package validate.
func TestSince(t *testing.T) {
	find := func(typ reflect.Type, name string) []calico.Release {
		for _, f := range fieldsOf(typ) {
			if f.json == name {
				return validate.Since(f.in + "." + f.json)
			}
		}
		t.Fatalf("%s has no %s", typ, name)
		return nil
	}
	felix, filter := reflect.TypeFor[calico.FelixConfigurationSpec](), reflect.TypeFor[calico.BGPFilterRuleV4]()
	for _, c := range []struct{ description, want string }{
		{withSince("Threads. Felix's default: `false`.", find(felix, "wireguardThreadingEnabled")), "Threads. Since v3.28.3 and v3.29.1. Felix's default: `false`."},
		{withSince("Path. Default: none.", find(filter, "asPathPrefix")), "Path. Since v3.32. Default: none."}, // of an embedded struct
		{withSince("Mode.", find(felix, "nftablesMode")), "Mode. Since v3.29."},
		{withSince("Prefix. Default: none.", find(felix, "logPrefix")), "Prefix. Default: none."},
	} {
		if c.description != c.want {
			t.Errorf("%q, want %q", c.description, c.want)
		}
	}
}

func TestGenerateRefuses(t *testing.T) {
	type odd struct {
		Value  string         `json:"value,omitempty" validate:"omitempty,oneof=On Off"`
		IPv4   string         `json:"ipv4Net,omitempty"`
		Twin   string         `json:"ipv4_net,omitempty"`
		Number int            `json:"number,omitempty"`
		Any    map[string]int `json:"any,omitempty"`
	}
	good := map[string]string{"value": "`\"On\"` or `\"Off\"`.", "ipv4Net": "Net.", "ipv4_net": "Net.", "number": "Number.", "any": "Any."}
	fields := map[string]field{"ipv4_net": {omitted: true}, "any": {omitted: true}}
	for name, c := range map[string]struct {
		change func(fields map[string]field, descriptions map[string]string)
		want   string
	}{
		"nothing":                 {func(map[string]field, map[string]string) {}, ""},
		"no description":          {func(_ map[string]field, d map[string]string) { delete(d, "number") }, "does not describe number"},
		"no field":                {func(_ map[string]field, d map[string]string) { d["gone"] = "Gone." }, "describes gone, which is no attribute"},
		"omitted, yet described":  {func(_ map[string]field, d map[string]string) { d["any"] = "Any." }, "describes any, which is no attribute"},
		"a value is not told":     {func(_ map[string]field, d map[string]string) { d["value"] = "`\"On\"`." }, "does not tell that value may be `\"Off\"`"},
		"decided, yet not filled": {func(f map[string]field, _ map[string]string) { f["number"] = field{decidedBy: "value"} }, "what decides on number"},
		"since when is told":      {func(_ map[string]field, d map[string]string) { d["number"] = "Number. Since v3.30." }, "since when there is number"},
		"declared, yet no field":  {func(f map[string]field, _ map[string]string) { f["gone"] = filled }, "something on gone"},
		"a number of a text type": {func(f map[string]field, _ map[string]string) { f["number"] = ip }, "number is no string"},
		"one name for two": {func(f map[string]field, d map[string]string) {
			delete(f, "ipv4_net")
			d["ipv4_net"] = "Net."
		}, "ipv4_net and ipv4Net would both be ipv4_net"},
		"no attribute for it": {func(f map[string]field, d map[string]string) {
			delete(f, "any")
			d["any"] = "Any."
		}, "any is a map[string]int"},
	} {
		f, d := map[string]field{}, map[string]string{}
		for path := range fields {
			f[path] = fields[path]
		}
		for path := range good {
			if !f[path].omitted {
				d[path] = good[path]
			}
		}
		c.change(f, d)
		_, err := generate(kind{name: "Odd", typeName: "odd", spec: reflect.TypeFor[odd](), fields: f}, d)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestParseDescriptions(t *testing.T) {
	got, err := parseDescriptions("x.txt", "a: Text: more.\n\na.b: Other.\n")
	if want := map[string]string{"a": "Text: more.", "a.b": "Other."}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, %v", got, err)
	}
	for _, bad := range []string{"no colon", "a: One.\na: Two.", "two words: Text."} {
		if _, err := parseDescriptions("x.txt", bad); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

// Descriptions are sentences, with pairs of backticks around what is code.
func TestDescriptionsAreWellFormed(t *testing.T) {
	for _, k := range kinds {
		descriptions, err := readDescriptions(k.name)
		if err != nil {
			t.Fatal(err)
		}
		for path, d := range descriptions {
			if !strings.HasSuffix(d, ".") || strings.Count(d, "`")%2 != 0 || strings.Contains(d, "  ") {
				t.Errorf("%s, %s: %s", k.name, path, d)
			}
		}
	}
}

// A failed run leaves what is there as it is, and a good one removes the files
// of kinds that are no more.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	gone, kept := filepath.Join(dir, "gone"+suffix), filepath.Join(dir, "kept.go")
	for _, path := range []string{gone, kept} {
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	declared := kinds
	defer func() { kinds = declared }()
	kinds = append(kinds[:len(kinds):len(kinds)], kind{name: "Unheard", typeName: "unheard", spec: reflect.TypeFor[embedded]()})
	if err := run(dir); err == nil {
		t.Error("a kind without descriptions is generated")
	}
	if _, err := os.Stat(gone); err != nil {
		t.Errorf("a failed run has changed something: %v", err)
	}
	kinds = declared
	if err := run(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(gone); !os.IsNotExist(err) {
		t.Errorf("the file of a kind that is no more is left: %v", err)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Error(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil || len(files) != len(kinds) {
		t.Errorf("%d files of %d kinds, %v", len(files), len(kinds), err)
	}
}
