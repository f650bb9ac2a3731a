package provider

import (
	"runtime/debug"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

func TestMain(m *testing.M) {
	// Much is made and dropped here, and little kept: collecting it less often
	// halves the time of the acceptance tests.
	debug.SetGCPercent(800)
	acctest.Main(m)
}
