//go:build dataplane && linux

package dataplane

import (
	"encoding/json"
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
		values, ok := attributes(manifest.Spec).(map[string]any)
		if !ok {
			values = map[string]any{}
		}
		for _, field := range []string{"name", "namespace", "labels"} {
			if value := manifest.Metadata[field]; value != nil {
				values[field] = value
			}
		}
		kind := calico.KindOf(obj)
		// A tier goes after the policies in it, and comes before them.
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

// attributes returns a value of a manifest with the names of attributes. What is
// empty there is not set, but for lists, which may be empty on purpose.
func attributes(value any) any {
	switch v := value.(type) {
	case map[string]any:
		values := map[string]any{}
		for name, inner := range v {
			if name != "labelsToApply" {
				inner = attributes(inner)
			}
			if inner != nil {
				values[attributename.Of(name)] = inner
			}
		}
		if len(values) == 0 {
			return nil
		}
		return values
	case []any:
		values := make([]any, len(v))
		for i := range v {
			values[i] = attributes(v[i])
		}
		return values
	default:
		return v
	}
}
