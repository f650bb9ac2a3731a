package differential

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/validate"
)

// The API module is older than v3.32.0, and no newer one is served. What v3.32.1
// knows and fills in is compared with its CRDs, which another module has.

func schemasOf(t *testing.T, crds acctest.CalicoCRDs) map[string]acctest.Schema {
	t.Helper()
	schemas, err := crds.Schemas(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return schemas
}

// schemaPaths adds the paths of all fields in a schema.
func schemaPaths(s acctest.Schema, path string, to map[string]acctest.Schema) {
	if s.Items != nil {
		schemaPaths(*s.Items, path, to)
	}
	for name, field := range s.Properties {
		at := strings.TrimPrefix(path+"."+name, ".")
		to[at] = field
		schemaPaths(field, at, to)
	}
}

// goField is a field of an API type, and the struct that declares it.
type goField struct{ name string }

// goPaths adds the paths of all fields of a type, with their keys in the table of
// fields by release.
func goPaths(typ reflect.Type, path string, to map[string]goField) {
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct || strings.HasSuffix(typ.PkgPath(), "/numorstring") || typ.Name() == "Duration" {
		return
	}
	for _, f := range reflect.VisibleFields(typ) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || !f.IsExported() {
			continue
		}
		at := strings.TrimPrefix(path+"."+name, ".")
		to[at] = goField{declaredIn(typ, f) + "." + name}
		goPaths(f.Type, at, to)
	}
}

// servedKinds are the kinds that there are CRDs of.
func servedKinds() []calico.Kind {
	return []calico.Kind{
		calico.KindHostEndpoint, calico.KindGlobalNetworkPolicy, calico.KindNetworkPolicy, calico.KindStagedGlobalNetworkPolicy,
		calico.KindStagedNetworkPolicy, calico.KindTier, calico.KindGlobalNetworkSet, calico.KindNetworkSet, calico.KindFelixConfiguration,
		calico.KindIPPool, calico.KindIPReservation, calico.KindBGPConfiguration, calico.KindBGPPeer, calico.KindBGPFilter,
		calico.KindKubeControllersConfiguration, calico.KindClusterInformation,
	}
}

// TestEveryFieldOfTheSchemasIsKnown holds that there is a field for all that
// v3.32.1 stores of an object: what has none would not be shown.
func TestEveryFieldOfTheSchemasIsKnown(t *testing.T) {
	t.Parallel()
	schemas := schemasOf(t, acctest.NativeCRDs)
	fields := 0
	for _, kind := range servedKinds() {
		schema, ok := schemas[string(kind)]
		if !ok {
			t.Errorf("there is no CRD of %s", kind)
			continue
		}
		theirs, ours := map[string]acctest.Schema{}, map[string]goField{}
		schemaPaths(schema, "", theirs)
		goPaths(reflect.TypeOf(kind.New()), "", ours)
		for _, path := range slices.Sorted(maps.Keys(theirs)) {
			fields++
			switch _, ok := ours[path]; {
			case ok:
			case kind == calico.KindTier && strings.HasPrefix(path, "status"):
				// What Calico reports. It is kept as what is not known is kept.
			default:
				t.Errorf("%s: there is no field for %s", kind, path)
			}
		}
	}
	if fields < 700 {
		t.Errorf("there are only %d fields in the CRDs", fields)
	}
}

// TestReleasesOfFieldsAreThoseOfTheSchemas compares the table of fields by release
// with the CRDs of the three releases that there are.
func TestReleasesOfFieldsAreThoseOfTheSchemas(t *testing.T) {
	t.Parallel()
	for crds, release := range map[acctest.CalicoCRDs]calico.Release{
		acctest.CRDs328: {Major: 3, Minor: 28, Patch: 5},
		acctest.CRDs331: {Major: 3, Minor: 31},
		acctest.CRDs332: {Major: 3, Minor: 32, Patch: 1},
	} {
		schemas := schemasOf(t, crds)
		for _, kind := range servedKinds() {
			schema, ok := schemas[string(kind)]
			if !ok || kind.Tiered() || kind == calico.KindClusterInformation {
				continue // the rules for policies are of their own
			}
			theirs, ours := map[string]acctest.Schema{}, map[string]goField{}
			schemaPaths(schema, "", theirs)
			goPaths(reflect.TypeOf(kind.New()), "", ours)
			for _, path := range slices.Sorted(maps.Keys(ours)) {
				if !strings.HasPrefix(path, "spec.") {
					continue
				}
				_, has := theirs[path]
				if knows := knowsAll(release, path, ours); has != knows {
					t.Errorf("%s of %s: its CRD has it: %t; we say that %s knows it: %t", path, kind, has, release, knows)
				}
			}
		}
	}
}

// knowsAll tells whether a release knows a field and all that it is in.
func knowsAll(release calico.Release, path string, fields map[string]goField) bool {
	for ; path != ""; path = path[:max(0, strings.LastIndexByte(path, '.'))] {
		if !validate.KnowsField(release, fields[path].name) {
			return false
		}
	}
	return true
}

// TestEveryDefaultOfTheSchemasIsFilledIn holds that Default fills in what the
// schemas of v3.32.1 do.
func TestEveryDefaultOfTheSchemasIsFilledIn(t *testing.T) {
	t.Parallel()
	release := calico.Release{Major: 3, Minor: 32, Patch: 1}
	elsewhere := map[string]string{
		"FelixConfiguration spec.nftablesMode":                     "on purpose: see Default",
		"GlobalNetworkPolicy spec.tier":                            "by Encode",
		"NetworkPolicy spec.tier":                                  "by Encode",
		"StagedGlobalNetworkPolicy spec.tier":                      "by Encode",
		"StagedNetworkPolicy spec.tier":                            "by Encode",
		"BGPPeer spec.password.secretKeyRef.name":                  "it is empty",
		"BGPConfiguration spec.nodeMeshPassword.secretKeyRef.name": "it is empty",
	}
	found := map[string]bool{}
	schemas := schemasOf(t, acctest.NativeCRDs)
	for _, kind := range servedKinds() {
		fields := map[string]acctest.Schema{}
		schemaPaths(schemas[string(kind)], "", fields)
		for path, field := range fields {
			if field.Default == nil || !strings.HasPrefix(path, "spec.") {
				continue
			}
			key := string(kind) + " " + path
			found[key] = true
			if elsewhere[key] != "" {
				continue
			}
			// An object that has all that the field is in, and not the field.
			text := "{}"
			steps := strings.Split(path, ".")
			for _, step := range slices.Backward(steps[:len(steps)-1]) {
				text = fmt.Sprintf("{%q:%s}", step, text)
			}
			obj := kind.New()
			if err := json.Unmarshal([]byte(text), obj); err != nil {
				t.Fatal(err)
			}
			obj.SetName(calico.DefaultName) // others do without what is decided for all nodes
			calico.Default(obj, release)
			if got := at(t, obj, steps); got != field.Default {
				t.Errorf("%s: we fill in %v, and v3.32.1 %v", key, got, field.Default)
			}
		}
	}
	for key, why := range elsewhere {
		if !found[key] {
			t.Errorf("%s has no default in the CRDs any more (%s)", key, why)
		}
	}
	if len(found) < 15 {
		t.Errorf("there are only %d defaults in the CRDs", len(found))
	}
}

// at returns a value in an object.
func at(t *testing.T, obj calico.Object, steps []string) any {
	t.Helper()
	text, err := json.Marshal(obj)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	for _, step := range steps {
		fields, _ := value.(map[string]any)
		value = fields[step]
	}
	return value
}
