//go:build !linux

package acctest

import "os/exec"

// Only Linux can tie a child's life to its parent's; elsewhere a test process
// that is killed may leave its servers running.
func dieWithParent(*exec.Cmd) {}

func outlive(*exec.Cmd) {}
