package storage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// policyWith returns a stored policy with these rules for ingress.
func policyWith(rules string) []byte {
	return []byte(`{"kind":"GlobalNetworkPolicy","apiVersion":"projectcalico.org/v3","metadata":{"name":"p"},"spec":{"ingress":` + rules + `}}`)
}

// decoded reads a stored object of a kind.
func decoded(t *testing.T, kind calico.Kind, value []byte) calico.Object {
	t.Helper()
	obj := kind.New()
	if err := calico.JSON.Unmarshal(value, obj); err != nil {
		t.Fatalf("%v in %s", err, value)
	}
	return obj
}

func TestMergeKeepsUnknownFieldsWithTheirRules(t *testing.T) {
	// Rules are written in short: see long.
	short := map[string]string{"A": `"action":"Allow"`, "D": `"action":"Deny"`, "T": `"protocol":"TCP"`, "U": `"protocol":"UDP"`, "P": `"destination":{"ports":[22]}`, "Q": `"destination":{"ports":[80]}`}
	long := func(rules string) string {
		return regexp.MustCompile(`\b[ADTUPQ]\b`).ReplaceAllStringFunc(rules, func(word string) string { return short[word] })
	}
	for name, test := range map[string]struct {
		stored, wanted, merged string
		lost                   []string
	}{
		"unchanged":                       {`[{A,T,"x":1},{D}]`, `[{A,T},{D}]`, `[{A,T,"x":1},{D}]`, nil},
		"another spelling":                {`[{A,T,"source":{"nets":["FD00::/8"]},"x":1}]`, `[{D},{A,T,"source":{"nets":["fd00::/8"]}}]`, `[{D},{A,T,"source":{"nets":["fd00::/8"]},"x":1}]`, nil},
		"others added around":             {`[{A,T,"x":1},{A,U,"x":2}]`, `[{D},{A,T},{D,U},{A,U},{D,T}]`, `[{D},{A,T,"x":1},{D,U},{A,U,"x":2},{D,T}]`, nil},
		"another removed":                 {`[{D},{A,T,"x":1},{D,U}]`, `[{A,T}]`, `[{A,T,"x":1}]`, nil},
		"another replaced":                {`[{D},{A,T,"x":1}]`, `[{A,U,P},{A,T}]`, `[{A,U,P},{A,T,"x":1}]`, nil},
		"one field edited":                {`[{A,T,P,"x":1},{D}]`, `[{A,T,Q},{D}]`, `[{A,T,Q,"x":1},{D}]`, nil},
		"one field added":                 {`[{A,T,"x":1},{D}]`, `[{A,T,Q},{D}]`, `[{A,T,Q,"x":1},{D}]`, nil},
		"one field removed":               {`[{A,T,P,"x":1},{D}]`, `[{A,P},{D}]`, `[{A,P,"x":1},{D}]`, nil},
		"one field edited in each":        {`[{A,T,P,"x":1},{D,U,Q,"x":2}]`, `[{A,T,P,"notProtocol":"SCTP"},{D,U,Q,"notProtocol":"SCTP"}]`, `[{A,T,P,"notProtocol":"SCTP","x":1},{D,U,Q,"notProtocol":"SCTP","x":2}]`, nil},
		"edited, with another before it":  {`[{A,T,P,"x":1}]`, `[{D,U},{A,T,Q}]`, `[{D,U},{A,T,Q,"x":1}]`, nil},
		"deeper":                          {`[{A,"source":{"nets":["10.0.0.0/8"],"x":1},"http":{"paths":[{"exact":"/a","x":2},{"exact":"/b"}],"x":3}}]`, `[{A,"source":{"nets":["10.0.0.0/8"]},"http":{"paths":[{"exact":"/a"}]}}]`, `[{A,"source":{"nets":["10.0.0.0/8"],"x":1},"http":{"paths":[{"exact":"/a","x":2}],"x":3}}]`, nil},
		"a struct of nothing known":       {`[{A,"icmp":{"x":1}}]`, `[{A}]`, `[{A,"icmp":{"x":1}}]`, nil},
		"void unknown fields are no rest": {`[{A,T,"x":null,"y":"","z":{}},{D}]`, `[{D}]`, `[{D}]`, nil},
		"known, if nothing to Calico":     {`[{A,T,"source":{"nets":[],"selector":""},"http":null},{D}]`, `[{D}]`, `[{D}]`, nil},

		"removed":                        {`[{A,T,"x":1},{D}]`, `[{D}]`, ``, []string{"spec.ingress[0].x"}},
		"all removed":                    {`[{A,T,"x":1},{D,"x":2}]`, `[]`, ``, []string{"spec.ingress[0].x", "spec.ingress[1].x"}},
		"two swapped, the first of them": {`[{A,T,"x":1},{D}]`, `[{D},{A,T}]`, ``, []string{"spec.ingress[0].x"}},
		"two swapped, the second":        {`[{A,T},{D,"x":1}]`, `[{D},{A,T}]`, ``, []string{"spec.ingress[1].x"}},
		"both swapped":                   {`[{A,T,"x":1},{D,"x":2}]`, `[{D},{A,T}]`, ``, []string{"spec.ingress[0].x", "spec.ingress[1].x"}},
		"others moved across":            {`[{A,T},{D,"x":1},{A,U}]`, `[{A,U},{D},{A,T}]`, ``, []string{"spec.ingress[1].x"}},
		"two fields edited":              {`[{A,T,P,"x":1}]`, `[{A,U,Q}]`, ``, []string{"spec.ingress[0].x"}},
		"all that is known edited":       {`[{A,"x":1}]`, `[{D}]`, ``, []string{"spec.ingress[0].x"}},
		"edited and moved":               {`[{A,T,P,"x":1},{D}]`, `[{D},{A,T,Q}]`, ``, []string{"spec.ingress[0].x"}},
		"one of two twins removed":       {`[{A,T,"x":1},{A,T},{D}]`, `[{A,T},{D}]`, ``, []string{"spec.ingress[0].x"}},
		"a twin added":                   {`[{A,T,"x":1},{D}]`, `[{A,T},{A,T},{D}]`, ``, []string{"spec.ingress[0].x"}},
		"it may have become either":      {`[{A,T,P,"x":1}]`, `[{A,T,Q},{A,U,P}]`, ``, []string{"spec.ingress[0].x"}},
		"it may have been either":        {`[{A,T,P,"x":1},{A,T,Q}]`, `[{A,T}]`, ``, []string{"spec.ingress[0].x"}},
		"a struct in it removed":         {`[{A,T,"icmp":{"type":8,"x":1}}]`, `[{A,T}]`, ``, []string{"spec.ingress[0].icmp.x"}},
		"an element deeper removed":      {`[{A,"http":{"paths":[{"exact":"/a","x y":2},{"exact":"/b"}]}}]`, `[{A,"http":{"paths":[{"exact":"/b"}]}}]`, ``, []string{`spec.ingress[0].http.paths[0]["x y"]`}},
		"the list removed":               {`[{A,"x":1}]`, `null`, ``, []string{"spec.ingress[0].x"}},
	} {
		base := policyWith(long(test.stored))
		obj := decoded(t, calico.KindGlobalNetworkPolicy, policyWith(long(test.wanted)))
		_, merged, err := Encode(obj, base, calico.Newest, fresh)
		var unknown *UnknownFieldsError
		switch {
		case test.lost != nil:
			if !errors.As(err, &unknown) || !slices.Equal(unknown.Fields, test.lost) {
				t.Errorf("%s: lost are %v, want %q\n%s", name, err, test.lost, merged)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		default:
			if diff := cmp.Diff(rulesOf(t, policyWith(long(test.merged))), rulesOf(t, merged)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		if lost := LostFields(obj, base); !slices.Equal(lost, test.lost) {
			t.Errorf("%s: a plan tells of %q, and the write of %q", name, lost, test.lost)
		}
	}
}

// rulesOf returns the rules of a stored policy, but for structs of nothing.
func rulesOf(t *testing.T, value []byte) any {
	t.Helper()
	var p struct {
		Spec struct{ Ingress []map[string]any }
	}
	if err := json.Unmarshal(value, &p); err != nil {
		t.Fatal(err)
	}
	for _, rule := range p.Spec.Ingress {
		for _, name := range []string{"source", "destination"} {
			if entity, ok := rule[name].(map[string]any); ok && len(entity) == 0 {
				delete(rule, name)
			}
		}
	}
	return p.Spec.Ingress
}

// Elements with a name are found by it, whatever else changes.
func TestMergeFindsElementsByName(t *testing.T) {
	stored := func(ports string) []byte {
		return []byte(`{"kind":"HostEndpoint","apiVersion":"projectcalico.org/v3","metadata":{"name":"h"},"spec":{"ports":[` + ports + `]}}`)
	}
	const a, b = `{"name":"a","protocol":"TCP","port":1,"x":1}`, `{"name":"b","protocol":"TCP","port":2,"x":2}`
	for wanted, merged := range map[string]string{
		`{"name":"b","protocol":"UDP","port":3},{"name":"c","protocol":"TCP","port":1},{"name":"a","protocol":"SCTP","port":4}`: `{"name":"b","protocol":"UDP","port":3,"x":2},{"name":"c","protocol":"TCP","port":1},{"name":"a","protocol":"SCTP","port":4,"x":1}`,
		`{"name":"a","protocol":"TCP","port":1},{"name":"c","protocol":"TCP","port":2}`:                                         "",
		`{"name":"a","protocol":"TCP","port":1},{"name":"b","protocol":"TCP","port":2},{"name":"b","protocol":"TCP","port":3}`:  "",
		`{"name":"b","protocol":"TCP","port":2}`: "",
	} {
		_, got, err := Encode(decoded(t, calico.KindHostEndpoint, stored(wanted)), stored(a+","+b), calico.Newest, fresh)
		var unknown *UnknownFieldsError
		if merged == "" {
			if !errors.As(err, &unknown) {
				t.Errorf("%s: %v, %s", wanted, err, got)
			}
			continue
		}
		if err != nil || !strings.Contains(string(got), `"ports":[`+merged+`]`) {
			t.Errorf("%s: %v, %s", wanted, err, got)
		}
	}
}

// Of each type that is in a list it is decided whether its elements have names.
func TestElementNames(t *testing.T) {
	unnamed := []reflect.Type{
		reflect.TypeFor[v3.Rule](), reflect.TypeFor[calico.BGPFilterRuleV4](), reflect.TypeFor[calico.BGPFilterRuleV6](), reflect.TypeFor[calico.BGPFilterOperation](),
		reflect.TypeFor[v3.HTTPPath](), reflect.TypeFor[v3.ProtoPort](), reflect.TypeFor[v3.RouteTableIDRange](), reflect.TypeFor[calico.OrchRef](),
		reflect.TypeFor[v3.ServiceClusterIPBlock](), reflect.TypeFor[v3.ServiceExternalIPBlock](), reflect.TypeFor[v3.ServiceLoadBalancerIPBlock](),
	}
	var look func(at string, typ reflect.Type)
	look = func(at string, typ reflect.Type) {
		switch typ := jsonTypeOf(typ); typ.form {
		case formStruct:
			for _, f := range typ.fields {
				look(at+"."+f.name, f.typ)
			}
		case formList:
			element := jsonTypeOf(typ.Elem())
			if element.deep && elementNames[element.Type] == "" && !slices.Contains(unnamed, element.Type) {
				t.Errorf("%s: it is not decided whether a %s has a name", at, element)
			}
			look(at+"[]", element.Type)
		case formMap:
			if typ.deep {
				t.Errorf("%s is a map of structs, and those are not merged", at)
			}
		case formValue:
		}
	}
	for _, kind := range calico.Kinds() {
		spec, _ := jsonTypeOf(reflect.TypeOf(kind.New())).field("spec")
		look(string(kind), spec.typ)
	}
}

func TestUnknownFields(t *testing.T) {
	for spec, want := range map[string][]string{
		`{"order":1,"doNotTrack":false,"types":[],"selector":"","ingress":[{"action":"Allow","source":{"nets":[]},"icmp":{}}]}`: nil,
		`{"Order":1,"ORDER":2,"ingress":[{"Action":"Allow"}]}`:                                                                  nil,
		`{"a":null,"b":"","c":{},"d":false,"e":0,"f":[]}`:                                                                       {"spec.d", "spec.e", "spec.f"},
		`{"ingress":[{"x":1},{"source":{"x":1}},{"http":{"paths":[{"x":{"y":1}}]}}]}`:                                           {"spec.ingress[0].x", "spec.ingress[1].source.x", "spec.ingress[2].http.paths[0].x"},
		`{"x.y":1,"x[0]":1,"":1,"\n":1}`:                                                                                        {`spec["x.y"]`, `spec["x[0]"]`, `spec[""]`, `spec["\n"]`},
		`{"ingress":[{"x":1}],"Ingress":[{"y":1},{"z":1}]}`:                                                                     {"spec.ingress[0].x", "spec.ingress[0].y", "spec.ingress[1].z"},
	} {
		value := []byte(`{"kind":"GlobalNetworkPolicy","apiVersion":"projectcalico.org/v3","metadata":{"name":"p","x":1},"spec":` + spec + `,"x":1}`)
		if got := UnknownFields(calico.KindGlobalNetworkPolicy, value); !slices.Equal(got, want) {
			t.Errorf("%s: unknown are %q, want %q", spec, got, want)
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
	policies := 4000
	if testing.Short() { // make testunit has a minute for all; make test tries them all
		policies = 800
	}
	for range policies {
		p := v3.NewGlobalNetworkPolicy()
		p.Name, p.Spec.Selector = "p", "all()"
		for port := range 1 + r.IntN(5) {
			p.Spec.Ingress = append(p.Spec.Ingress, rule(port+1))
		}
		_, value, err := Encode(p, nil, calico.Newest, fresh)
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
		if fields := UnknownFields(calico.KindGlobalNetworkPolicy, base); len(fields) != len(before) {
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
		_, merged, err := Encode(q, base, calico.Newest, fresh)
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
	if refused < policies/10 || kept < policies {
		t.Errorf("only %d changes were refused, and %d fields kept", refused, kept)
	}
}

func TestPatchKeepsUnknownFields(t *testing.T) {
	stored := func(spec string) []byte {
		return []byte(`{"kind":"FelixConfiguration","apiVersion":"projectcalico.org/v3","metadata":{"name":"default"},"spec":` + spec + `}`)
	}
	for _, test := range []struct {
		stored, patch, kept string
		lost                []string
	}{
		{`{"x":1,"ipipMTU":1}`, `{"ipipMTU":2,"logSeverityScreen":null}`, `{"x":1,"ipipMTU":2}`, nil},
		{`{"healthTimeoutOverrides":[{"name":"a","timeout":"1s","x":1},{"name":"b","timeout":"1s"}]}`, `{"healthTimeoutOverrides":[{"name":"a","timeout":"2s"}]}`, `{"healthTimeoutOverrides":[{"name":"a","timeout":"2s","x":1}]}`, nil},
		{`{"healthTimeoutOverrides":[{"name":"a","timeout":"1s","x":1}]}`, `{"healthTimeoutOverrides":[{"name":"a","timeout":"3s","x":0,"y":1}]}`, `{"healthTimeoutOverrides":[{"name":"a","timeout":"3s","x":1,"y":1}]}`, nil},
		{`{"healthTimeoutOverrides":[{"name":"a","timeout":"1s"}]}`, `{"healthTimeoutOverrides":[ {"name":"b","timeout":"60s","y":1} ]}`, `{"healthTimeoutOverrides":[ {"name":"b","timeout":"60s","y":1} ]}`, nil},
		{`{"routeTableRange":{"min":1,"max":2,"x":1}}`, `{"routeTableRange":{"min":3,"max":4}}`, `{"routeTableRange":{"min":3,"max":4,"x":1}}`, nil},
		{`{"routeTableRange":{"min":1,"max":2,"x":1}}`, `{"routeTableRange":null}`, ``, []string{"spec.routeTableRange.x"}},
		{`{"healthTimeoutOverrides":[{"name":"a","timeout":"1s","x":1}]}`, `{"healthTimeoutOverrides":[{"name":"b","timeout":"1s"}]}`, ``, []string{"spec.healthTimeoutOverrides[0].x"}},
		{`{"healthTimeoutOverrides":[{"name":"a","timeout":"1s","x":1}]}`, `{"healthTimeoutOverrides":null}`, ``, []string{"spec.healthTimeoutOverrides[0].x"}},
	} {
		var p SpecPatch
		if err := json.Unmarshal([]byte(test.patch), &p); err != nil {
			t.Fatal(err)
		}
		for name, value := range p {
			if string(value) == "null" {
				p[name] = nil
			}
		}
		kept, err := p.Keep(calico.KindFelixConfiguration, stored(test.stored))
		var unknown *UnknownFieldsError
		if test.lost != nil {
			if !errors.As(err, &unknown) || !slices.Equal(unknown.Fields, test.lost) {
				t.Errorf("%s on %s: %v, want %q lost", test.patch, test.stored, err, test.lost)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s on %s: %v", test.patch, test.stored, err)
			continue
		}
		after, err := kept.Apply(stored(test.stored))
		if err != nil || !bytes.Equal(after, stored(test.kept)) {
			t.Errorf("%s on %s: %v, %s", test.patch, test.stored, err, after)
		}
	}
}

// What a merge takes grows with what is stored, and not with its square: be it a long list
// of networks, or of rules that hold unknown fields.
func TestMergeIsLinear(t *testing.T) {
	nets := func(n int) (obj calico.Object, base []byte) {
		set := v3.NewGlobalNetworkSet()
		set.Name = "s"
		for i := range n {
			set.Spec.Nets = append(set.Spec.Nets, fmt.Sprintf("10.%d.%d.%d/32", i>>16, i>>8&255, i&255))
		}
		_, base, err := Encode(set, nil, calico.Newest, fresh)
		if err != nil {
			t.Fatal(err)
		}
		slices.Reverse(set.Spec.Nets)
		return set, base
	}
	rules := func(n int) (obj calico.Object, base []byte) {
		var stored, wanted []string
		for i := range n {
			stored = append(stored, fmt.Sprintf(`{"action":"Allow","protocol":"TCP","destination":{"ports":[%d]},"x":%d}`, i+1, i))
			wanted = append(wanted, fmt.Sprintf(`{"action":"Deny","protocol":"TCP","destination":{"ports":[%d]}}`, i+1))
		}
		return decoded(t, calico.KindGlobalNetworkPolicy, policyWith("["+strings.Join(wanted, ",")+"]")), policyWith("[" + strings.Join(stored, ",") + "]")
	}
	for name, list := range map[string]func(n int) (calico.Object, []byte){"networks": nets, "rules": rules} {
		allocated := func(n int) float64 {
			obj, base := list(n)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, _, err := Encode(obj, base, calico.Newest, fresh); err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			return float64(after.TotalAlloc - before.TotalAlloc)
		}
		few, many := allocated(1000), allocated(10000)
		t.Logf("%s: %.0f MB for 10000", name, many/1e6)
		if many > 15*few {
			t.Errorf("%s: ten times as many take %.0f times the memory", name, many/few)
		}
	}
}
