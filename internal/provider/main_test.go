package provider

import (
	"flag"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

func TestMain(m *testing.M) {
	// Much is made and dropped here, and little kept: collecting it less often
	// halves the time of the acceptance tests.
	debug.SetGCPercent(800)
	// A quarter of the time is spent waiting for servers to start, and for the CLI: more tests
	// than there are processors leave none idle.
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0)))
	}
	acctest.Main(m)
}
