//go:build faults && linux

package faults

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// providers returns the processes that run this test's provider, by their IDs, and the
// parent of each. The file that they run is of this test alone.
func providers(t testing.TB) map[int]int {
	t.Helper()
	binary, err := acctest.ProviderBinary()
	if err != nil {
		t.Fatal(err)
	}
	if binary, err = filepath.EvalSymlinks(binary); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	found := map[int]int{}
	for _, file := range files {
		// A process may end at any time, and others' may not be looked at.
		if runs, err := os.Readlink(file); err != nil || runs != binary {
			continue
		}
		dir := filepath.Dir(file)
		stat, err := os.ReadFile(filepath.Join(dir, "stat"))
		if err != nil {
			continue
		}
		// PID (NAME) STATE PARENT ...
		_, after, _ := strings.Cut(string(stat), ") ")
		fields := strings.Fields(after)
		pid, err1 := strconv.Atoi(filepath.Base(dir))
		parent, err2 := strconv.Atoi(fields[1])
		if err1 == nil && err2 == nil {
			found[pid] = parent
		}
	}
	return found
}

// killProviders kills those whose parent is the given process, and tells how many that
// were.
func killProviders(t testing.TB, parent int) int {
	t.Helper()
	killed := 0
	for pid, p := range providers(t) {
		if p == parent && syscall.Kill(pid, syscall.SIGKILL) == nil {
			killed++
		}
	}
	return killed
}

// killOrphans ends the providers that a killed CLI has left behind: they would wait for
// it for ever.
func killOrphans(t testing.TB) {
	t.Helper()
	for pid := range providers(t) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}
