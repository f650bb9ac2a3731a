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
	"maps"
	"os"
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
	// Each answer that the provider gives without the framework is compared with its own.
	if err := os.Setenv(provider.FastPaths, "check"); err != nil {
		panic(err)
	}
	name, value, _ := strings.Cut(acctest.LittleGarbage, "=")
	if err := os.Setenv(name, value); err != nil {
		panic(err)
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
			for _, run := range runsOf(t, r) {
				if raced && run.world != "memory" {
					continue // make test makes it without the race detector
				}
				t.Run(run.test+"/"+run.world, func(t *testing.T) {
					t.Parallel()
					tests[run.test](t, run.row, run.in)
				})
			}
			if r.only == nil {
				t.Run("row is complete", func(t *testing.T) { testRowIsComplete(t, r) })
			}
		})
	}
}

// run is a test of a row in a world.
type run struct {
	test, world string
	in          newWorld
	// row is what the world's release knows of the row.
	row row
}

// runsOf returns the runs that TestAcceptance makes of a row.
func runsOf(t *testing.T, r row) []run {
	t.Helper()
	var runs []run
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		switch {
		case !r.has(name):
		case name == "invalid": // nothing gets as far as a datastore
			runs = append(runs, run{name, "memory", worlds["memory"], r})
		case name == "oddities": // any text can be stored in etcd
			runs = append(runs, run{name, "etcd", worlds["etcd"], r})
		default:
			for world, in := range worlds {
				if (r.notOnKubernetes == "" || !onKubernetes(world)) && (elsewhere[name] != world || !r.has("life")) {
					runs = append(runs, run{name, world, in, r})
				}
			}
		}
	}
	older := []string{"life"}
	if !r.has("life") {
		older = []string{"import by identity"}
	}
	for world, in := range olderWorlds {
		names := older
		if world == aggregated {
			names = inAggregated[r.typeName]
		}
		// TestRowsOfOlderReleases tells of what is left out why.
		if row, _, ok := r.of(t, releaseOf(world)); ok {
			for _, name := range names {
				runs = append(runs, run{name, world, in, row})
			}
		}
	}
	return runs
}

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
