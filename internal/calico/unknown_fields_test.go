package calico

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
)

func TestMergeKeepsUnknownFieldsWithTheirRules(t *testing.T) {
	const base = `[{"a":1,"x":"one"},{"a":2,"x":"two"},{"a":3,"x":"three"}]`
	const known = `[{"a":1},{"a":2},{"a":3}]`
	for name, test := range map[string]struct {
		want, merged string
		lost         []string
	}{
		"unchanged":                {known, base, nil},
		"one added before":         {`[{"a":0},{"a":1},{"a":2},{"a":3}]`, `[{"a":0},{"a":1,"x":"one"},{"a":2,"x":"two"},{"a":3,"x":"three"}]`, nil},
		"one added within":         {`[{"a":1},{"a":0},{"a":2},{"a":3}]`, `[{"a":1,"x":"one"},{"a":0},{"a":2,"x":"two"},{"a":3,"x":"three"}]`, nil},
		"one edited":               {`[{"a":1},{"a":9},{"a":3}]`, `[{"a":1,"x":"one"},{"a":9,"x":"two"},{"a":3,"x":"three"}]`, nil},
		"first removed":            {`[{"a":2},{"a":3}]`, ``, []string{"l[0].x"}},
		"all removed":              {`[]`, ``, []string{"l[0].x", "l[1].x", "l[2].x"}},
		"two swapped":              {`[{"a":2},{"a":1},{"a":3}]`, ``, []string{"l[0].x"}},
		"two edited":               {`[{"a":8},{"a":9},{"a":3}]`, ``, []string{"l[0].x", "l[1].x"}},
		"one of two twins removed": {`[{"a":1},{"a":2},{"a":3}]`, ``, []string{"l[0].x"}},
		"one split in two":         {`[{"a":8},{"a":9},{"a":2},{"a":3}]`, ``, []string{"l[0].x"}},
	} {
		parse := func(s string) *node {
			n, err := parseNode([]byte(s))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		var m merger
		stored, typed := parse(base), parse(known)
		if name == "one of two twins removed" {
			stored, typed = parse(`[{"a":1,"x":"one"},{"a":1},{"a":2},{"a":3}]`), parse(`[{"a":1},{"a":1},{"a":2},{"a":3}]`)
		}
		got := m.merge("l", stored, typed, parse(test.want)).String()
		if !slices.Equal(m.lost, test.lost) || test.lost == nil && got != test.merged {
			t.Errorf("%s: %s, lost %q, want %s, lost %q", name, got, m.lost, test.merged, test.lost)
		}
	}
}

// marks are unknown fields, each with a value that is nowhere else: by where it is.
type marks map[string]string

// mark puts unknown fields into objects of a tree of JSON, at random.
func mark(r *rand.Rand, value any, n *int) {
	switch v := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(func(yield func(string) bool) {
			for key := range v {
				if !yield(key) {
					return
				}
			}
		}) {
			mark(r, v[key], n)
		}
		if r.IntN(4) == 0 {
			*n++
			v["future"] = fmt.Sprintf("mark%d", *n)
		}
	case []any:
		for _, item := range v {
			mark(r, item, n)
		}
	}
}

// owners tells, for each mark, what is known of the object that holds it, and of those
// around it.
func owners(value any, owner string, found marks) {
	switch v := value.(type) {
	case map[string]any:
		known := map[string]any{}
		for key, field := range v {
			if key != "future" {
				known[key] = field
			}
		}
		if text, ok := v["future"].(string); ok {
			found[text] = owner
		}
		for key, field := range known {
			owners(field, owner+"/"+key, found)
		}
	case []any:
		for _, item := range v {
			// An element is known by its ports: each rule here has its own.
			element, _ := item.(map[string]any)
			destination, _ := element["destination"].(map[string]any)
			owners(item, fmt.Sprintf("%s/%v", owner, destination["ports"]), found)
		}
	}
}

// Random unknown fields at every depth, random edits: each field stays with what it was
// written for, or the change is refused.
func TestUnknownFieldsNeverMove(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 8))
	rule := func(port int) v3.Rule {
		tcp := numorstring.ProtocolFromString("TCP")
		return v3.Rule{Action: []v3.Action{v3.Allow, v3.Deny}[r.IntN(2)], Protocol: &tcp, Source: v3.EntityRule{Nets: []string{"10.0.0.0/8"}},
			Destination: v3.EntityRule{Ports: []numorstring.Port{numorstring.SinglePort(uint16(port))}}}
	}
	refused, kept := 0, 0
	for range 4000 {
		p := v3.NewGlobalNetworkPolicy()
		p.Name, p.Spec.Selector = "p", "all()"
		for port := range 1 + r.IntN(5) {
			p.Spec.Ingress = append(p.Spec.Ingress, rule(port+1))
		}
		_, value, err := Encode(p, nil, Newest, fresh)
		if err != nil {
			t.Fatal(err)
		}
		var tree map[string]any
		if err := json.Unmarshal(value, &tree); err != nil {
			t.Fatal(err)
		}
		n := 0
		mark(r, tree["spec"], &n)
		base, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		before := marks{}
		owners(tree["spec"], "", before)
		if fields := UnknownFields(KindGlobalNetworkPolicy, base); len(fields) != len(before) {
			t.Fatalf("%d unknown fields, told are %q in\n%s", len(before), fields, base)
		}

		q := p.DeepCopy()
		order := float64(r.IntN(100))
		q.Spec.Order = &order
		// One kind of edit at a time, several of it: to delete a rule and to write another
		// in its place is to edit it.
		edit := r.IntN(4)
		for range 1 + r.IntN(3) {
			i := r.IntN(len(q.Spec.Ingress) + 1)
			switch {
			case edit == 0:
				q.Spec.Ingress = slices.Insert(q.Spec.Ingress, i, rule(100+r.IntN(100)))
			case i == len(q.Spec.Ingress):
			case edit == 1:
				q.Spec.Ingress = slices.Delete(q.Spec.Ingress, i, i+1)
			case edit == 2:
				j := r.IntN(len(q.Spec.Ingress))
				q.Spec.Ingress[i], q.Spec.Ingress[j] = q.Spec.Ingress[j], q.Spec.Ingress[i]
			default:
				q.Spec.Ingress[i].Source.Nets = []string{fmt.Sprintf("10.%d.0.0/16", r.IntN(200))}
			}
		}
		lost := LostFields(q, base)
		_, merged, err := Encode(q, base, Newest, fresh)
		var unknown *UnknownFieldsError
		if errors.As(err, &unknown) != (len(lost) > 0) {
			t.Fatalf("a plan tells of %q, and a write of %v", lost, err)
		}
		if err != nil {
			refused++
			continue
		}
		var now map[string]any
		if err := json.Unmarshal(merged, &now); err != nil {
			t.Fatal(err)
		}
		after := marks{}
		owners(now["spec"], "", after)
		for text, owner := range before {
			if after[text] != owner {
				t.Fatalf("%s was at %s, and is at %q:\n%s\n%s", text, owner, after[text], base, merged)
			}
		}
		kept += len(before)
	}
	t.Logf("%d changes were refused; %d unknown fields were kept by others", refused, kept)
	if refused < 400 || kept < 4000 {
		t.Errorf("only %d changes were refused, and %d fields kept", refused, kept)
	}
}

func TestLostByAPatch(t *testing.T) {
	base := []byte(`{"kind":"FelixConfiguration","apiVersion":"projectcalico.org/v3","metadata":{"name":"default"},"spec":{"future":1,"healthTimeoutOverrides":[{"name":"a","timeout":"1s","future":true}]}}`)
	for patch, lost := range map[string][]string{
		`{"logSeverityScreen":"Info"}`:                             nil,
		`{"healthTimeoutOverrides":[{"name":"a","timeout":"2s"}]}`: {"spec.healthTimeoutOverrides[0].future"},
	} {
		var p SpecPatch
		if err := json.Unmarshal([]byte(patch), &p); err != nil {
			t.Fatal(err)
		}
		if got := p.LostBy(KindFelixConfiguration, base); !slices.Equal(got, lost) {
			t.Errorf("%s takes away %s, want %s", patch, strings.Join(got, ", "), lost)
		}
	}
}
