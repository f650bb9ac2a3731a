//go:build unix

package verdict_test

import (
	"syscall"
	"testing"
	"time"
)

// spentCPU returns the time that this process has spent on the CPU. Machines differ, and
// others may be busy meanwhile: only what was measured in one run may be compared.
func spentCPU(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
