package provider

import (
	"math/big"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/attributename"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/codec"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/schemas"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/spelling"
)

// definitions returns those of all resources, by their type names.
func definitions(t *testing.T) map[string]*objectResource {
	t.Helper()
	out := map[string]*objectResource{}
	for _, newResource := range (&calicoProvider{}).Resources(t.Context()) {
		switch r := newResource().(type) {
		case *objectResource:
			out[r.typeName] = r
		default:
			t.Errorf("%T is not made of a definition", r)
		}
	}
	return out
}

// Every field of a kind's spec has an attribute, down to the last nested one, and
// every attribute a field: otherwise a part of an object could be written but not
// read, or never be seen.
func TestEveryFieldHasAnAttribute(t *testing.T) {
	beside := []string{"name", "namespace", "labels", "annotations", "uid", "creation_timestamp", "object"}
	var compare func(t *testing.T, at string, attributes map[string]attr.Type, field reflect.Type)
	compare = func(t *testing.T, at string, attributes map[string]attr.Type, field reflect.Type) {
		t.Helper()
		known := map[string]bool{}
		for _, f := range codec.FieldsOf(field) {
			known[f.Attribute] = true
			typ, ok := attributes[f.Attribute]
			if !ok {
				t.Errorf("%s.%s has no attribute", at, f.JSONName())
				continue
			}
			inner := f.Type
			for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
				inner = inner.Elem()
			}
			switch c := typ.(type) {
			case basetypes.ListType:
				typ = c.ElemType
			case basetypes.SetType:
				typ = c.ElemType
			}
			if o, ok := typ.(basetypes.ObjectType); ok {
				compare(t, at+"."+f.Attribute, o.AttrTypes, inner)
			}
		}
		for name := range attributes {
			if !known[name] {
				t.Errorf("%s.%s is no field", at, name)
			}
		}
	}
	for name, d := range definitions(t) {
		if d.fromObject != nil {
			continue
		}
		attributes := d.attributeTypes()
		for _, name := range beside {
			delete(attributes, name)
		}
		compare(t, name, attributes, codec.SpecOf(d.kind.New()).Type())
	}
}

// What is Optional and Computed is what Calico fills in, a default, or what the
// resource completes by itself: nothing else may change under the user's hands.
func TestFilledAttributesAreDeclared(t *testing.T) {
	var walk func(at []string, attributes map[string]schema.Attribute, blocks map[string]schema.Block, check func(at string, a schema.Attribute))
	walk = func(at []string, attributes map[string]schema.Attribute, blocks map[string]schema.Block, check func(at string, a schema.Attribute)) {
		for name, a := range attributes {
			check(strings.Join(append(slices.Clone(at), name), "."), a)
		}
		for name, b := range blocks {
			at := append(slices.Clone(at), name)
			switch b := b.(type) {
			case schema.SingleNestedBlock:
				walk(at, b.Attributes, b.Blocks, check)
			case schema.ListNestedBlock:
				walk(at, b.NestedObject.Attributes, b.NestedObject.Blocks, check)
			default:
				t.Errorf("this test does not look into a %T yet", b)
			}
		}
	}
	for name, d := range definitions(t) {
		if d.complete != nil {
			continue
		}
		filled := map[string]bool{"namespace": true}
		for field := range d.filled {
			var steps []string
			for _, s := range strings.Split(field, ".") {
				steps = append(steps, attributename.Of(s))
			}
			filled[strings.Join(steps, ".")] = true
		}
		found := map[string]bool{"namespace": true}
		walk(nil, d.schema.Attributes, d.schema.Blocks, func(at string, a schema.Attribute) {
			if b, ok := a.(schema.BoolAttribute); ok && b.Default != nil || !a.IsOptional() || !a.IsComputed() {
				return
			}
			found[at] = true
			if !filled[at] {
				t.Errorf("%s.%s is Optional and Computed, but Calico is not said to fill it in", name, at)
			}
		})
		for at := range filled {
			if !found[at] {
				t.Errorf("%s.%s is said to be filled in by Calico, but is not Optional and Computed", name, at)
			}
		}
	}
}

// randomModel makes attribute values of all sorts, among them those that Calico's
// types have no room for: zero, empty and blank, in any spelling.
type randomModel struct {
	*rand.Rand
	// required are the attributes that must have a value, such as "port.name".
	required map[string]bool
}

// requiredIn returns the attributes that a schema requires, by their places.
func requiredIn(t *testing.T, s schema.Schema) map[string]bool {
	t.Helper()
	required := map[string]bool{}
	var walk func(at string, attributes map[string]schema.Attribute, blocks map[string]schema.Block)
	walk = func(at string, attributes map[string]schema.Attribute, blocks map[string]schema.Block) {
		for name, a := range attributes {
			required[at+name] = a.IsRequired()
			if list, ok := a.(schema.ListNestedAttribute); ok {
				walk(at+name+".", list.NestedObject.Attributes, nil)
			}
		}
		for name, b := range blocks {
			switch b := b.(type) {
			case schema.SingleNestedBlock:
				walk(at+name+".", b.Attributes, b.Blocks)
				for _, v := range b.Validators {
					inside, _ := v.(schemas.RequiresInside)
					for _, inner := range inside {
						required[at+name+"."+inner] = true
					}
				}
			case schema.ListNestedBlock:
				walk(at+name+".", b.NestedObject.Attributes, b.NestedObject.Blocks)
			default:
				t.Fatalf("this test does not look into a %T yet", b)
			}
		}
	}
	walk("", s.Attributes, s.Blocks)
	return required
}

// texts are values for string types, by what they are compared as.
var modelTexts = map[spelling.Type][]string{
	spelling.Net:            {"10.0.0.0/8", "FD00::/8", "fd00:0::/8", "192.0.2.1/32", "2001:DB8::1/128"},
	spelling.IP:             {"10.0.0.1", "FD00::1", "fd00:0::1"},
	spelling.HostNet:        {"10.0.0.1", "10.0.0.1/32", "FD00::/8", "2001:db8::1"},
	spelling.FailsafeNet:    {"10.0.0.1", "any", "0.0.0.0/0", "FD00::/8"},
	spelling.Port:           {"22", "007", "1000:2000", "5:5", "ssh"},
	spelling.Protocol:       {"TCP", "6", "06", "ICMPv6", "255"},
	spelling.Selector:       {"all()", "a == 'b'", "has(x) &&\n  y in { 'a', \"b\" }\n", "", " ", "global()", "!(a == 'b')"},
	spelling.PolicySelector: {"all()", "a == 'b'", "has(x) ||\n  y != ''\n", ""},
	spelling.ASNumber:       {"64512", "1.10", "65546", "0", "4294967295"},
	spelling.DSCP:           {"23", "EF", "ef", "0", "63"},
	spelling.Duration:       {"90s", "1m30s", "0s", "0", "1.5h", "500ms"},
}

var plainTexts = []string{"", "a", "Enabled", "<&>\"'", "ä/日本", "10", "null", " "}

// value makes one for the attribute at a place.
func (r randomModel) value(at string, typ attr.Type, field reflect.Type, depth int) attr.Value {
	pointer := field != nil && field.Kind() == reflect.Pointer
	_, isBool := typ.(basetypes.BoolType)
	// A plain bool has a default in its schema: it is never null.
	if always := isBool && field != nil && !pointer; !always && (depth == 0 || r.IntN(3) == 0) {
		return codec.Null(typ)
	}
	switch typ := typ.(type) {
	case spelling.Type:
		return spelling.NewValue(typ, modelTexts[typ][r.IntN(len(modelTexts[typ]))])
	case basetypes.StringTypable:
		return spelling.NewValue(typ, plainTexts[r.IntN(len(plainTexts))])
	case basetypes.BoolType:
		return types.BoolValue(r.IntN(2) == 0)
	case basetypes.NumberType:
		numbers := []string{"0", "1", "4", "80", "250"}
		if isFloat(field) {
			numbers = []string{"0", "-1.5", "1e21", "100", "0.1"}
		}
		n, _, err := big.ParseFloat(numbers[r.IntN(len(numbers))], 10, 512, big.ToNearestEven) // as Terraform does
		if err != nil {
			panic(err)
		}
		return types.NumberValue(n)
	case basetypes.MapType:
		m := map[string]attr.Value{}
		for range r.IntN(3) {
			key := []string{"a", "b.c/d", "e"}[r.IntN(3)]
			m[key] = spelling.NewValue(types.StringType, plainTexts[r.IntN(len(plainTexts))])
			if r.IntN(5) == 0 {
				m[key] = types.StringNull()
			}
		}
		return types.MapValueMust(typ.ElemType, m)
	case basetypes.ListType:
		return types.ListValueMust(typ.ElemType, r.elements(at, typ.ElemType, codec.ElementType(field), depth))
	case spelling.UnorderedType:
		return typ.Value(r.elements(at, typ.ElemType, codec.ElementType(field), depth))
	case basetypes.ObjectType:
		o := map[string]attr.Value{}
		for name, t := range typ.AttrTypes {
			at := at + "." + name
			o[name] = r.value(at, t, codec.FieldType(field, name), depth-1)
			for (r.required[at] || isRequired(field, name)) && o[name].IsNull() {
				o[name] = r.value(at, t, codec.FieldType(field, name), 1)
			}
		}
		return types.ObjectValueMust(typ.AttrTypes, o)
	default:
		panic(typ.String())
	}
}

func isFloat(t reflect.Type) bool {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t != nil && (t.Kind() == reflect.Float32 || t.Kind() == reflect.Float64)
}

// isRequired tells the fields that Calico always writes; the schema requires a
// value for them.
func isRequired(t reflect.Type, attribute string) bool {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return false
	}
	for _, f := range codec.FieldsOf(t) {
		if f.Attribute == attribute {
			return !f.OmitsZero() && f.Type.Kind() != reflect.Struct || f.Type == reflect.TypeFor[metav1.Duration]()
		}
	}
	return false
}

func (r randomModel) elements(at string, typ attr.Type, field reflect.Type, depth int) []attr.Value {
	var out []attr.Value
	for range r.IntN(4) {
		if e := r.value(at, typ, field, depth); !e.IsNull() {
			out = append(out, e)
		}
	}
	return out
}

// A model that becomes an object, is stored as JSON, and is read again, is what it
// was, to the letter; without the model at hand it means the same. What has no
// form in JSON is refused.
func TestModelsSurviveStoring(t *testing.T) {
	cases := 400
	if testing.Short() { // make testunit has a minute for all; make test tries them all
		cases = 100
	}
	for name, d := range definitions(t) {
		t.Run(name, func(t *testing.T) {
			r := randomModel{rand.New(rand.NewPCG(20261125, uint64(len(name)))), requiredIn(t, d.schema)}
			seen := map[string]bool{}
			stored := 0
			for n := range cases {
				v := values{}
				for attribute, typ := range d.attributeTypes() {
					v[attribute] = r.value(attribute, typ, d.fieldType(attribute), 3)
				}
				v["name"] = types.StringValue("a")
				v["uid"], v["creation_timestamp"] = types.StringNull(), types.StringNull()
				if _, ok := v["namespace"]; ok {
					v["namespace"] = types.StringValue("production")
				}
				for attribute, typ := range d.attributeTypes() {
					if d.isDerived(attribute) {
						v[attribute] = codec.Null(typ)
					}
				}
				release := calico.Newest
				d.fillIn(v, v)
				c := &codec.Conversion{}
				d.refuseVoid(c, v)
				d.object(c, v, release)
				if len(c.Faults) > 0 {
					continue // refused, with what to write instead
				}
				d.planFilled(v, v, &release)
				storedName, raw, err := storage.Encode(d.object(c, v, release), nil, release, storage.Fresh{UID: "u", Created: time.Unix(0, 0)})
				if err != nil {
					t.Fatalf("case %d: %v", n, err)
				}
				if d.kind.Namespaced() {
					storedName = "production/" + storedName
				}
				back, err := storage.Decode(d.kind, storedName, raw)
				if err != nil {
					t.Fatalf("case %d: %v\n%s", n, err, raw)
				}
				stored++
				back = d.ownership().visible(back, v)
				again, meaning := d.attributes(back, v), d.attributes(back, nil)
				for attribute, before := range v {
					if d.isDerived(attribute) || attribute == "uid" || attribute == "creation_timestamp" {
						continue
					}
					if !before.IsNull() {
						seen[attribute] = true
					}
					if !again[attribute].Equal(before) {
						t.Fatalf("case %d: %s was\n%s, and comes back as\n%s\nof %s", n, attribute, before, again[attribute], raw)
					}
					if d.fromObject == nil && !codec.SameMeaning(before, meaning[attribute], d.fieldType(attribute)) {
						t.Fatalf("case %d: %s was\n%s, and is read as\n%s\nof %s", n, attribute, before, meaning[attribute], raw)
					}
				}
			}
			if stored < cases/20 {
				t.Errorf("only %d of %d models could be stored", stored, cases)
			}
			for attribute := range d.attributeTypes() {
				if !d.isDerived(attribute) && !seen[attribute] && attribute != "uid" && attribute != "creation_timestamp" {
					t.Errorf("no model with a value for %s was stored", attribute)
				}
			}
		})
	}
}
