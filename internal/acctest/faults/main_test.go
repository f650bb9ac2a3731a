//go:build faults && linux

// Package faults holds no code but tests: they break what a run of Terraform depends on,
// and see that one more run puts it right. make test-faults runs them. How often each fault
// is tried is in CALICO_FAULTS.
package faults

import (
	"os"
	"strconv"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

func TestMain(m *testing.M) { acctest.Main(m) }

// given is how often each fault is to be tried. It is read before acctest.Main drops what
// begins as the user's own settings do.
var given = os.Getenv("CALICO_FAULTS")

// repetitions is how often each fault is tried.
func repetitions(t *testing.T) int {
	t.Helper()
	if given == "" {
		return 1
	}
	n, err := strconv.Atoi(given)
	if err != nil || n < 1 {
		t.Fatalf("CALICO_FAULTS is %q, and has to be a number from 1 on", given)
	}
	return n
}
