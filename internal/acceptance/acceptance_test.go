// Package acceptance holds every resource to the same promises, in each datastore. A
// resource is one row of rows, in a file of its own, and a datastore is one of worlds;
// nothing else here knows them.
//
// A run of the CLI takes longer than what is tested in it, so one run tests many
// objects: as many as there are changes and spellings in the row, each with its
// own change or spelling, so that each is seen alone.
package acceptance

import (
	"flag"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider"
)

func TestMain(m *testing.M) {
	// Much is made and dropped here, and little kept: collecting it less often
	// halves the time of these tests.
	debug.SetGCPercent(800)
	// Tests of one kind wait for each other in Kubernetes, and all wait for the CLI: more of
	// them than there are processors leave none idle.
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = flag.Set("test.parallel", strconv.Itoa(3*runtime.GOMAXPROCS(0)))
	}
	acctest.Main(m)
}

// tests are what each row is tested for in each world.
var tests = map[string]func(*testing.T, row, newWorld){
	"life":               testLife,
	"interference":       testInterference,
	"import by identity": testImportByIdentity,
	"invalid":            testInvalid,
	"oddities":           testOddities,
}

// elsewhere has tests that need not be made in a world, as they are in another one that is
// alike: these take the longest. (The first is about labels and annotations that others
// change, which are in two places in the other form; the second reads what life reads.)
var elsewhere = map[string]string{
	"interference":       "kubernetes native",
	"import by identity": "kubernetes v3.32.1",
}

// TestAcceptance runs each test of each row in each world, such as
// TestAcceptance/tier/life/memory.
func TestAcceptance(t *testing.T) {
	t.Parallel()
	byType := map[string]row{}
	for _, r := range rows {
		byType[r.typeName] = r
	}
	for typeName := range resourceSchemas(t) {
		r, ok := byType[typeName]
		if !ok {
			t.Errorf("there is no row of %s in rows", typeName)
			continue
		}
		t.Run(strings.TrimPrefix(typeName, "calico_"), func(t *testing.T) {
			t.Parallel()
			for name, test := range tests {
				if r.only != nil && !slices.Contains(r.only, name) {
					continue
				}
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					switch name {
					case "invalid":
						test(t, r, worlds["memory"]) // nothing gets as far as a datastore
						return
					case "oddities":
						test(t, r, worlds["etcd"]) // any text can be stored there
						return
					}
					for world, in := range worlds {
						if r.notOnKubernetes != "" && onKubernetes(world) || elsewhere[name] == world || notRaced(world) {
							continue
						}
						t.Run(world, func(t *testing.T) {
							t.Parallel()
							test(t, r, in)
						})
					}
				})
			}
			life := "life"
			if r.only != nil && !slices.Contains(r.only, life) {
				life = "import by identity"
			}
			for world, in := range olderWorlds {
				older, _, ok := r.of(t, releaseOf(world))
				if !ok || notRaced(world) {
					continue // TestRowsOfOlderReleases tells why
				}
				t.Run(life+"/"+world, func(t *testing.T) {
					t.Parallel()
					tests[life](t, older, in)
				})
			}
			if r.only == nil {
				t.Run("row is complete", func(t *testing.T) { testRowIsComplete(t, r) })
			}
		})
	}
}

// notRaced tells whether the rows are left out in a world with the race detector: make test
// runs them without it.
func notRaced(world string) bool { return raced && onKubernetes(world) }

// inEachWorld runs a test in each of worlds.
func inEachWorld(t *testing.T, test func(*testing.T, newWorld)) {
	t.Helper()
	for name, in := range worlds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, in)
		})
	}
}

// resourceSchemas returns the schemas of all resources, by their type names.
func resourceSchemas(t *testing.T) map[string]schema.Schema {
	t.Helper()
	return acctest.ResourceSchemas(t, provider.New("test")())
}
