package acctest

import (
	"os/exec"
	"syscall"
)

// dieWithParent makes the kernel end the command when the thread that started
// it ends, so that a test process that is killed leaves no server behind. The
// starter must therefore keep its thread: see process.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// outlive makes the command a session of its own, which neither the end of
// this process nor a Ctrl-C in its terminal ends.
func outlive(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
}
