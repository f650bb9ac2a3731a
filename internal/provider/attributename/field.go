package attributename

import (
	"reflect"
	"slices"
	"strings"

	"github.com/projectcalico/api/pkg/lib/numorstring"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Form is how a field of Calico's API is written in a configuration.
type Form int

// The forms of fields.
const (
	// Argument is a plain value, or a list or map of such: nets = ["10.0.0.0/8"].
	Argument Form = iota
	// Block is one nested object: source { ... }.
	Block
	// Blocks is a list of nested objects, a block each: ingress { ... }.
	Blocks
)

// arguments are lists of objects that stay arguments, since an empty list is a
// value of its own: no failsafe port at all, where leaving the list out leaves
// Felix's own. What decides in their elements is required, so that a misspelt name
// is an error there, too.
var arguments = []string{"failsafeInboundHostPorts", "failsafeOutboundHostPorts"}

// values are structs that are one value in manifests.
var values = []reflect.Type{
	reflect.TypeFor[numorstring.Port](),
	reflect.TypeFor[numorstring.Protocol](),
	reflect.TypeFor[numorstring.ASNumber](),
	reflect.TypeFor[numorstring.DSCP](),
	reflect.TypeFor[metav1.Duration](),
	reflect.TypeFor[metav1.Time](),
}

// OfField returns the Terraform name and the form of a field of Calico's API,
// which is given by its name in manifests and its type. A block that can be
// repeated has a singular name: port for the ports of a host endpoint.
func OfField(jsonName string, typ reflect.Type) (string, Form) {
	form := FormOf(jsonName, typ)
	if form == Blocks {
		return singular(jsonName), form
	}
	return Of(jsonName), form
}

// FormOf returns the form of a field, given as for OfField.
func FormOf(jsonName string, typ reflect.Type) Form {
	if slices.Contains(arguments, jsonName) {
		return Argument
	}
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	switch {
	case IsObject(typ):
		return Block
	case typ.Kind() == reflect.Slice && IsObject(typ.Elem()):
		return Blocks
	default:
		return Argument
	}
}

// IsObject tells the types that are objects in manifests, and no plain values.
func IsObject(typ reflect.Type) bool {
	return typ.Kind() == reflect.Struct && !slices.Contains(values, typ)
}

// singular returns the name of one element of a list.
func singular(jsonName string) string {
	name := Of(jsonName)
	switch {
	case jsonName == "routeTableRanges":
		return name // route_table_range is another field
	case strings.HasSuffix(name, "ies"):
		return strings.TrimSuffix(name, "ies") + "y"
	case strings.HasSuffix(name, "sses"):
		return strings.TrimSuffix(name, "es")
	case strings.HasSuffix(name, "ss"):
		return name // ingress
	default:
		return strings.TrimSuffix(name, "s")
	}
}
