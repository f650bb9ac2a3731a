//go:build dataplane && linux

package dataplane

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/attributename"
)

// configuration returns the objects as a configuration in Terraform's JSON.
func configuration(objects []calico.Object) (string, error) {
	resources := map[string]map[string]any{}
	for _, obj := range objects {
		content, err := json.Marshal(obj)
		if err != nil {
			return "", err
		}
		var manifest struct {
			Metadata map[string]any `json:"metadata"`
			Spec     map[string]any `json:"spec"`
		}
		if err := json.Unmarshal(content, &manifest); err != nil {
			return "", err
		}
		spec, ok := reflect.TypeOf(obj).Elem().FieldByName("Spec")
		if !ok {
			return "", fmt.Errorf("a %T has no spec", obj)
		}
		values := body(manifest.Spec, spec.Type)
		for _, field := range []string{"name", "namespace", "labels"} {
			if value := manifest.Metadata[field]; value != nil {
				values[field] = value
			}
		}
		kind := calico.KindOf(obj)
		// A tier is destroyed after the policies in it, and created before them.
		if tier, ok := values["tier"].(string); ok && tier != "default" {
			values["tier"] = "${calico_tier." + tier + ".name}"
		}
		typeName := "calico_" + attributename.Of(string(kind))
		if resources[typeName] == nil {
			resources[typeName] = map[string]any{}
		}
		resources[typeName][strings.ReplaceAll(obj.GetName(), ".", "-")] = values
	}
	content, err := json.MarshalIndent(map[string]any{"resource": resources}, "", "  ")
	return string(content), err
}

// body returns an object of a manifest with the names of arguments and blocks. An
// object in which nothing is has no block.
func body(object map[string]any, typ reflect.Type) map[string]any {
	values := map[string]any{}
	for name, value := range object {
		field := fieldOf(typ, name)
		as, form := attributename.OfField(name, field)
		switch form {
		case attributename.Block:
			if inner, ok := value.(map[string]any); ok {
				if block := body(inner, field); len(block) > 0 {
					values[as] = block
				}
			}
		case attributename.Blocks:
			if list, ok := value.([]any); ok {
				values[as] = bodies(list, field.Elem())
			}
		default:
			values[as] = argument(name, value)
		}
	}
	return values
}

func bodies(list []any, typ reflect.Type) []any {
	var blocks []any
	for _, element := range list {
		if object, ok := element.(map[string]any); ok {
			blocks = append(blocks, body(object, typ))
		}
	}
	return blocks
}

// argument returns the value of an argument. The one list of objects among them, that
// of failsafe ports, says where from in every element.
func argument(name string, value any) any {
	list, ok := value.([]any)
	if !ok || !strings.HasPrefix(name, "failsafe") {
		return value
	}
	for _, element := range list {
		if port, ok := element.(map[string]any); ok && port["net"] == nil {
			port["net"] = "any"
		}
	}
	return list
}

// fieldOf returns the type of the field that has a name in manifests.
func fieldOf(typ reflect.Type, name string) reflect.Type {
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	for _, f := range reflect.VisibleFields(typ) {
		if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag == name {
			return f.Type
		}
	}
	panic(fmt.Sprintf("dataplane: there is no field %q in a %s", name, typ))
}
