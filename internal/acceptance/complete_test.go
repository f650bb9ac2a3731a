package acceptance

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

var stateIndex = regexp.MustCompile(`\.\d+(\.|$)`)

// addGiven adds the attributes that have a value in one of the row's objects at
// least, however deep they are nested.
func (r row) addGiven(given map[string]bool, state *terraform.State) {
	for _, module := range state.Modules {
		for _, resource := range module.Resources {
			if resource.Type != r.typeName {
				continue
			}
			for key, value := range resource.Primary.Attributes {
				// "port.0.name", "port.#" with the number of elements: 0 is a block
				// that is not there.
				number, counted := strings.CutSuffix(key, ".#")
				if counted && value == "0" {
					continue
				}
				key = number
				key, _ = strings.CutSuffix(key, ".%")
				for stateIndex.MatchString(key) {
					key = stateIndex.ReplaceAllString(key, "$1")
				}
				if root, rest, nested := strings.Cut(key, "."); nested && r.sameAs[root] != "" {
					given[root], key = true, r.sameAs[root]+"."+rest
				}
				for key != "" {
					given[key] = true
					key = key[:max(0, strings.LastIndexByte(key, '.'))]
				}
			}
		}
	}
}

// wantEveryAttribute holds that each attribute and block that can be configured was
// given.
func (r row) wantEveryAttribute(t *testing.T, given map[string]bool) {
	t.Helper()
	var look func(at string, attributes map[string]acctest.Described)
	look = func(at string, attributes map[string]acctest.Described) {
		for name, attribute := range attributes {
			if !given[at+name] {
				t.Errorf("no object of the row has the attribute %s%s", at, name)
			}
			if r.sameAs[at+name] == "" {
				look(at+name+".", acctest.NestedAttributes(t, attribute))
			}
		}
	}
	look("", r.configurable(t))
}

// configurable are the attributes and blocks that a configuration may have.
func (r row) configurable(t *testing.T) map[string]acctest.Described {
	t.Helper()
	s := resourceSchemas(t)[r.typeName]
	configurable := acctest.Inside(s.Attributes, s.Blocks)
	maps.DeleteFunc(configurable, func(name string, _ acctest.Described) bool {
		attribute, ok := s.Attributes[name]
		return ok && !attribute.IsOptional() && !attribute.IsRequired()
	})
	return configurable
}

// testRowIsComplete holds that a row has a change of each attribute and block, and
// that what is left of the schema is known to be computed.
func testRowIsComplete(t *testing.T, r row) {
	var configurable []string
	for name := range r.configurable(t) {
		if r.identityOf(0)[name] == "" {
			configurable = append(configurable, name)
		}
	}
	for _, name := range r.derived(t) {
		if name != "object" && name != "rule_drift" {
			t.Errorf("%s is computed, and has no test", name)
		}
	}
	slices.Sort(configurable)
	if got := slices.Sorted(maps.Keys(r.config)); !slices.Equal(got, configurable) {
		t.Errorf("config has %q, the schema %q", got, configurable)
	}
	if got := (object{changes: r.changes}).attributes(); !slices.Equal(got, configurable) {
		t.Errorf("there are changes of %q, the schema has %q", got, configurable)
	}
	for _, c := range r.changes {
		if len(c.stored) == 0 || len(c.drift) == 0 {
			t.Errorf("the change of %s has nothing stored, or no drift", c.attribute)
		}
	}
	for _, i := range r.invalid {
		if len(i.says) == 0 || i.path == "" && i.release == "" {
			t.Errorf("%s is refused on any attribute with any text", i.name)
		}
	}
}
