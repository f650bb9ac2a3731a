package calico_test

import (
	"reflect"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// Each field of a FelixConfiguration has a place in what is stored.
func TestFelixFieldOrderIsWhole(t *testing.T) {
	positions := map[int]string{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[calico.FelixConfigurationSpec]()) {
		name := calico.JSONName(f)
		if name == "" {
			continue // the struct of the API module
		}
		at, ok := calico.FelixFieldOrder[name]
		if !ok || positions[at] != "" {
			t.Errorf("%s has position %d, as %q", name, at, positions[at])
		}
		positions[at] = name
	}
	if len(positions) != len(calico.FelixFieldOrder) {
		t.Errorf("there are %d fields, and %d positions", len(positions), len(calico.FelixFieldOrder))
	}
}
