package codec

import (
	"reflect"
	"slices"
	"strings"
	"sync"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/attributename"
)

// Field is a field of an API type, with the name of its attribute or block.
type Field struct {
	reflect.StructField
	// Attribute is the name of the attribute or block.
	Attribute string
	form      attributename.Form
}

// FieldsOf returns the fields of a struct in their order, with those of structs
// that are embedded into it.
func FieldsOf(t reflect.Type) []Field {
	if known, ok := fieldCache.Load(t); ok {
		return known.([]Field) //nolint:forcetypeassert // nothing else is stored there
	}
	var out []Field
	for _, f := range reflect.VisibleFields(t) {
		// What another release writes for a field is no field of its own.
		if name := jsonName(f); name != "" && f.IsExported() && f.Tag.Get("spells") == "" {
			attribute, form := attributename.OfField(name, f.Type)
			out = append(out, Field{f, attribute, form})
		}
	}
	fieldCache.Store(t, out)
	return out
}

// fieldCache has the fields of each type: a refresh asks for them very often.
var fieldCache sync.Map

// JSONName returns the name of the field in Calico's manifests.
func (f Field) JSONName() string { return jsonName(f.StructField) }

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// OmitsZero tells whether the field is left out of the stored object where it is
// zero.
func (f Field) OmitsZero() bool {
	return strings.Contains(f.Tag.Get("json"), ",omitempty")
}

// FieldType returns the type of the field of a struct (or a pointer to one) that
// an attribute stands for, nil for none.
func FieldType(t reflect.Type, attribute string) reflect.Type {
	if t == nil {
		return nil
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range FieldsOf(t) {
		if f.Attribute == attribute {
			return f.Type
		}
	}
	return nil
}

// ElementType returns the type of the elements of a slice (or a pointer to one),
// nil for what is none.
func ElementType(t reflect.Type) reflect.Type {
	if t == nil {
		return nil
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Slice {
		return nil
	}
	return t.Elem()
}

// SpecOf returns the spec of an object, which can be set.
func SpecOf(obj calico.Object) reflect.Value {
	return reflect.ValueOf(obj).Elem().FieldByName("Spec")
}

// MetadataOf returns the metadata of an object, which can be set.
func MetadataOf(obj calico.Object) reflect.Value {
	meta, ok := reflect.ValueOf(obj).Elem().FieldByName("ObjectMeta").Addr().Interface().(*metav1.ObjectMeta)
	if !ok {
		panic("codec: an object of Calico's API has no metadata")
	}
	return reflect.ValueOf(meta).Elem()
}

// switches are objects that mean something by being there, be they empty: a
// controller runs if its object is there.
var switches = []reflect.Type{
	reflect.TypeFor[v3.NodeControllerConfig](),
	reflect.TypeFor[v3.PolicyControllerConfig](),
	reflect.TypeFor[v3.WorkloadEndpointControllerConfig](),
	reflect.TypeFor[v3.ServiceAccountControllerConfig](),
	reflect.TypeFor[v3.NamespaceControllerConfig](),
	reflect.TypeFor[v3.LoadBalancerControllerConfig](),
	reflect.TypeFor[v3.MigrationControllerConfig](),
}

// isSwitch tells whether a field's object means something by being there.
func isSwitch(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return slices.Contains(switches, t)
}

// isKept tells the fields that mean something by being there, be they empty.
func isKept(field reflect.Type) bool {
	return field != nil && field.Kind() == reflect.Pointer && (isSwitch(field) || !attributename.IsObject(field.Elem()))
}
