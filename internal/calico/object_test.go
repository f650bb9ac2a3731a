package calico_test

import (
	"reflect"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/objecttest"
)

// TestDeepCopySharesNothing holds it for each kind, with everything in it.
func TestDeepCopySharesNothing(t *testing.T) {
	for _, kind := range calico.Kinds() {
		obj := kind.New()
		objecttest.Fill(calico.SpecOf(obj))
		obj.SetLabels(map[string]string{"a": "b"})
		c := calico.DeepCopy(obj)
		if !reflect.DeepEqual(obj, c) {
			t.Errorf("a copy of a %s is another object", kind)
		}
		shared(t, string(kind), reflect.ValueOf(obj), reflect.ValueOf(c))
	}
	// And the test sees what is shared.
	f := calico.NewBGPFilter()
	objecttest.Fill(calico.SpecOf(f))
	g := *f
	if paths := sharedPaths("", reflect.ValueOf(f).Elem(), reflect.ValueOf(&g).Elem()); len(paths) < 4 {
		t.Errorf("of a shallow copy only %q are shared", paths)
	}
}

func shared(t *testing.T, path string, a, b reflect.Value) {
	t.Helper()
	for _, p := range sharedPaths(path, a, b) {
		t.Errorf("%s is shared with the copy", p)
	}
}

func sharedPaths(path string, a, b reflect.Value) (paths []string) {
	switch a.Kind() {
	case reflect.Pointer:
		if a.IsNil() {
			return nil
		}
		if a.Pointer() == b.Pointer() {
			return []string{path}
		}
		return sharedPaths(path, a.Elem(), b.Elem())
	case reflect.Slice:
		if a.Len() == 0 {
			return nil
		}
		if a.Pointer() == b.Pointer() {
			return []string{path}
		}
		for i := range a.Len() {
			paths = append(paths, sharedPaths(path+"[]", a.Index(i), b.Index(i))...)
		}
	case reflect.Map:
		if !a.IsNil() && a.Pointer() == b.Pointer() {
			return []string{path}
		}
	case reflect.Struct:
		for i := range a.NumField() {
			if a.Type().Field(i).IsExported() {
				paths = append(paths, sharedPaths(path+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i))...)
			}
		}
	default:
	}
	return paths
}

// TestKindOfKnowsItsTypes refuses a type of the API module in place of one of this
// package: whoever asks for the fields of the one would not find it.
func TestKindOfKnowsItsTypes(t *testing.T) {
	for _, kind := range calico.Kinds() {
		if got := calico.KindOf(kind.New()); got != kind {
			t.Errorf("a new %s is a %s", kind, got)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a type that is not in the kinds table has a kind")
		}
	}()
	calico.KindOf(v3.NewFelixConfiguration())
}
