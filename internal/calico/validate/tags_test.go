package validate

import (
	"reflect"
	"strings"
	"testing"

	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/objecttest"
)

// Every tag of every plain kind has a rule: one without would make Validate panic.
func TestTagsHaveRules(t *testing.T) {
	for _, kind := range calico.Kinds() {
		if obj := kind.New(); calico.IsPlain(obj) {
			objecttest.Fill(reflect.ValueOf(obj).Elem().FieldByName("Spec"))
			for _, r := range objecttest.Releases {
				Validate(obj, r)
			}
		}
	}
	// And each field that is said to be newer, or to have a rule of a schema, exists.
	known := map[string]bool{}
	for _, kind := range calico.Kinds() {
		if obj := kind.New(); calico.IsPlain(obj) {
			apiFields(reflect.TypeOf(obj).Elem(), known)
		}
	}
	for _, table := range []any{fieldReleases, schemaTags, changedTags} {
		for _, key := range reflect.ValueOf(table).MapKeys() {
			if !known[key.String()] {
				t.Errorf("%s is no field of the API", key)
			}
		}
	}
}

// The test above ends at the first rule that a value breaks. So each rule of each
// tag is asked by itself, too.
func TestEachRuleOfATagIsKnown(t *testing.T) {
	rules := 0
	ask := func(t *testing.T, field string, typ reflect.Type, tag string) {
		t.Helper()
		for rule := range strings.SplitSeq(tag, ",") {
			for typ.Kind() == reflect.Pointer {
				typ = typ.Elem()
			}
			if rule == "dive" {
				typ = typ.Elem()
				continue
			}
			if rule == "" || rule == "omitempty" || rule == "required" || typ.Kind() == reflect.Struct {
				continue
			}
			rules++
			func() {
				defer func() {
					if p := recover(); p != nil {
						t.Errorf("%s: %v", field, p)
					}
				}()
				v := reflect.New(typ).Elem()
				objecttest.Fill(v)
				(&checker{release: calico.Newest}).obeys(calico.NewPath(field), v, rule, tag)
			}()
		}
	}
	seen := map[reflect.Type]bool{}
	var walk func(typ reflect.Type)
	walk = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || seen[typ] || typ == reflect.TypeFor[numorstring.Port]() || typ == reflect.TypeFor[numorstring.DSCP]() {
			return // one value: see checker.port and checker.dscp
		}
		seen[typ] = true
		for i := range typ.NumField() {
			f := typ.Field(i)
			if calico.IsInline(f) {
				walk(f.Type)
			}
			if calico.JSONName(f) == "" {
				continue
			}
			key := typ.Name() + "." + calico.JSONName(f)
			ask(t, key, f.Type, f.Tag.Get("validate"))
			ask(t, key, f.Type, schemaTags[key])
			for _, change := range changedTags[key] {
				ask(t, key, f.Type, change.tag)
			}
			walk(f.Type)
		}
	}
	for _, kind := range calico.Kinds() {
		if obj := kind.New(); calico.IsPlain(obj) {
			walk(reflect.ValueOf(obj).Elem().FieldByName("Spec").Type())
		}
	}
	if rules < 100 {
		t.Errorf("only %d rules were asked", rules)
	}
	// A rule that nobody knows is seen.
	defer func() {
		if recover() == nil {
			t.Error("there is a rule for any tag")
		}
	}()
	(&checker{release: calico.Newest}).obeys(calico.NewPath("x"), reflect.ValueOf("x"), "newRule", "newRule")
}

func apiFields(typ reflect.Type, known map[string]bool) {
	switch typ.Kind() {
	case reflect.Pointer, reflect.Slice:
		apiFields(typ.Elem(), known)
	case reflect.Struct:
		for i := range typ.NumField() {
			if calico.IsInline(typ.Field(i)) {
				apiFields(typ.Field(i).Type, known)
			}
			if name := calico.JSONName(typ.Field(i)); name != "" {
				known[typ.Name()+"."+name] = true
				apiFields(typ.Field(i).Type, known)
			}
		}
	default:
	}
}
