package calico

import (
	"fmt"
	"reflect"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
)

// IsPlain tells the kinds whose rules mostly are in the "validate" tags of their
// types, field by field. What is checked, filled in or spelled in more than one
// way beyond that is in a file for each kind.
func IsPlain(obj Object) bool {
	switch obj.(type) {
	case *FelixConfiguration, *v3.IPPool, *v3.IPReservation, *BGPConfiguration, *v3.BGPPeer, *BGPFilter,
		*Node, *KubeControllersConfiguration:
		return true
	default:
		return false
	}
}

// JSONName is the name of a field in a manifest; empty for what has none of its
// own, and for the metadata, which all kinds share.
func JSONName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "metadata" {
		return ""
	}
	return name
}

// IsInline tells the structs whose fields are those of the struct that they are in,
// as in JSON.
func IsInline(f reflect.StructField) bool {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return f.Anonymous && name == ""
}

// UnknownKind says that an object is of a kind that this package has no rules for.
func UnknownKind(obj Object) string {
	return fmt.Sprintf("calico: there are no rules for a %T", obj)
}
