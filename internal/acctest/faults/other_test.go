//go:build faults && !linux

package faults

import (
	"fmt"
	"os"
	"testing"
)

func TestMain(*testing.M) {
	fmt.Fprintln(os.Stderr, "These tests look for processes in /proc: run them on Linux.")
	os.Exit(1)
}
