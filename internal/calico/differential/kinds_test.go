package differential

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// generatedKind is a kind whose manifests the generator makes. Each has a file
// differential_<kind>_test.go that registers it in an init function: a new kind
// is one more such file.
type generatedKind struct {
	kind calico.Kind
	// since is the first release that has the kind. Zero means that all have it.
	since calico.Release
	// share is how many of the cases are of this kind, in comparison with the
	// others. With a share of 1 it gets 2000 of those of each release in a run with
	// no CALICO_FUZZ_CASES.
	share int
	// schema has every field that users write in the kind, and what the generator
	// puts there, for the kind itself and for each type of object in it that is not
	// registered yet. What several kinds have, such as rules, is shared.
	schema schemaOf
	// settlers, by type, take contradictions out of an object that is made, most of
	// them where nothing faulty is wanted.
	settlers map[string]settler
	// finish, if there is one, changes a manifest when all else is done, so that it
	// is one that the provider could write.
	finish func(release calico.Release, kind calico.Kind, tree object)
}

// schemaOf has the members of types of objects. Types have the names of kinds,
// and for what is inside of them any others.
type schemaOf map[string][]member

// member is a field of a JSON object: how likely it is there, and what is in it.
type member struct {
	name string
	odds float64
	source
}

// source makes the values of a field.
type source struct {
	value func(g *generator) any
	// typ is the type of the objects in it, if it has objects.
	typ string
}

type settler func(g *generator, o object)

var (
	generatedKinds []generatedKind
	schema         = schemaOf{}
	settlers       = map[string]settler{}
	// types are the keys of schema, sorted; anyNames all names of fields in it.
	types    []string
	anyNames = []string{"Spec", "NETS", "unknown", "status", "namespace"}
)

// register adds a kind to those that are generated.
func register(k generatedKind) {
	generatedKinds = append(generatedKinds, k)
	registerTypes(k.schema, k.settlers)
}

// registerTypes adds types of objects, which any kind may have in it.
func registerTypes(more schemaOf, settle map[string]settler) {
	for typ, members := range more {
		if _, ok := schema[typ]; ok {
			panic(fmt.Sprintf("two types of the differential suite are named %q", typ))
		}
		schema[typ] = members
		types = append(types, typ)
		for _, m := range members {
			if m.name != "kind" && m.name != "apiVersion" {
				anyNames = append(anyNames, m.name)
			}
		}
	}
	for typ, s := range settle {
		settlers[typ] = s
	}
	// In an order that is the same in each run.
	slices.Sort(types)
	slices.Sort(anyNames)
}

// envelope are the members of a kind.
func envelope(kind calico.Kind, metadata, spec string) []member {
	return []member{{"kind", 1, only(string(kind))}, {"apiVersion", 1, only(apiVersion)}, {"metadata", 1, of1(metadata)}, {"spec", 1, of1(spec)}}
}

// kindsOf are the kinds that a release has, or of these the ones that
// CALICO_FUZZ_KINDS names: "IPPool,BGPPeer".
func kindsOf(release calico.Release) []generatedKind {
	only := os.Getenv("CALICO_FUZZ_KINDS")
	return slices.DeleteFunc(slices.Clone(generatedKinds), func(k generatedKind) bool {
		return only != "" && !slices.Contains(strings.Split(only, ","), string(k.kind)) || !release.AtLeast(k.since.Major, k.since.Minor, k.since.Patch)
	})
}

// shares is what the shares of kinds come to.
func shares(kinds []generatedKind) int {
	sum := 0
	for _, k := range kinds {
		sum += k.share
	}
	return sum
}

// anyKind chooses one by the shares.
func (g *generator) anyKind() calico.Kind {
	kinds := kindsOf(g.release)
	n := g.IntN(shares(kinds))
	for _, k := range kinds {
		if n -= k.share; n < 0 {
			return k.kind
		}
	}
	panic("the shares are more than their sum")
}

func init() {
	registerTypes(schemaOf{
		"metadata":       append([]member{{"name", 1, text(names, badNames)}}, labelsAndAnnotations()...),
		"policyMetadata": append([]member{{"name", 1, text(policyNames, badPolicyNames)}}, labelsAndAnnotations()...),
	}, nil)
}

// labelsAndAnnotations are the metadata of every kind but for its name.
func labelsAndAnnotations() []member {
	return []member{{"labels", 0.3, made(labels)}, {"annotations", 0.2, made(annotations)}}
}
