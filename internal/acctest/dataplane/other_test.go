//go:build dataplane && !linux

package dataplane

import (
	"fmt"
	"os"
	"testing"
)

func TestMain(*testing.M) {
	fmt.Fprintln(os.Stderr, "This test runs Calico's Felix, which needs Linux: run it there, as root.")
	os.Exit(1)
}
