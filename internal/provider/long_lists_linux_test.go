package provider_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// A list of ten times as many networks takes ten times as long, and not a hundred times: to
// create it, to change one network of it, and to find that nothing has changed.
func TestLongListsTakeLinearTime(t *testing.T) { // alone, as it measures
	few, many := netsLife(t, 5000), netsLife(t, 50000)
	if most := 10 * few.cpu(); many.cpu() > most {
		t.Errorf("50000 networks take %s, and 5000 take %s", many.cpu(), few.cpu())
	}
	if many.memory > 500<<20 {
		t.Errorf("the provider takes %d MB", many.memory>>20)
	}
}

// usage is what the CLI and the provider have used.
type usage struct {
	cli, provider time.Duration
	// memory is the most that a provider had at a time, in bytes.
	memory int
}

func (u usage) cpu() time.Duration { return u.cli + u.provider }

// netsLife creates a network set, changes one network, and plans.
func netsLife(t *testing.T, n int) usage {
	t.Helper()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	nets := make([]string, n)
	for i := range nets {
		nets[i] = fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)
	}
	// Terraform itself takes time by the square for a list that is written out: it compares
	// the types of the elements with each other.
	w := measuredWorkspace(t, etcdBlock(at(etcd.Endpoints...)),
		"resource \"calico_global_network_set\" \"s\" {\n  name = \"s\"\n  nets = split(\"\\n\", file(\"nets.txt\"))\n}\n")
	var all usage
	step := func(name string, args ...string) {
		t.Helper()
		if err := w.WriteFile("nets.txt", strings.Join(nets, "\n")); err != nil {
			t.Fatal(err)
		}
		u := measure(t, w, args...)
		t.Logf("%d networks, %s: the CLI %s, the provider %s and %d MB", n, name, u.cli, u.provider, u.memory>>20)
		all.cli, all.provider, all.memory = all.cli+u.cli, all.provider+u.provider, max(all.memory, u.memory)
	}
	step("create", "apply", "-auto-approve", "-json")
	slices.Reverse(nets)
	nets[n/2] = "192.0.2.1"
	step("change", "apply", "-auto-approve", "-json")
	slices.Sort(nets)
	step("plan", "plan", "-detailed-exitcode", "-json")
	return all
}

// measuredVariable names the file in which a provider's usage is left.
const measuredVariable = "CALICO_MEASURED"

func init() {
	file := os.Getenv(measuredVariable)
	if file == "" {
		return
	}
	// The CLI has started this program in the provider's place.
	provider := exec.Command(os.Getenv(measuredVariable + "_PROVIDER"))
	provider.Stdout, provider.Stderr = os.Stdout, os.Stderr
	provider.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread() // the kernel ends the provider with the thread that started it
	if err := provider.Run(); err != nil {
		panic(err)
	}
	used, _ := provider.ProcessState.SysUsage().(*syscall.Rusage)
	text := fmt.Sprintln(int64(provider.ProcessState.UserTime()+provider.ProcessState.SystemTime()), used.Maxrss<<10)
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(text)
	}
	if err != nil {
		panic(err)
	}
	os.Exit(0)
}

// measuredWorkspace is newWorkspace with a provider that is measured for itself.
func measuredWorkspace(t *testing.T, configuration ...string) *acctest.Workspace {
	t.Helper()
	binary, err := acctest.ProviderBinary()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	provider := filepath.Join(dir, filepath.Base(binary))
	if err := os.Symlink(self, provider); err != nil {
		t.Fatal(err)
	}
	cli, err := acctest.FindCLI()
	if err != nil {
		t.Fatal(err)
	}
	w, err := acctest.MakeWorkspace(t.Context(), cli, provider, dir, map[string]string{"main.tf": withProviders(configuration...)})
	if err != nil {
		t.Fatal(err)
	}
	w.Env = []string{measuredVariable + "_PROVIDER=" + binary, measuredVariable + "=" + filepath.Join(dir, "measured")}
	return w
}

// measure runs the CLI.
func measure(t *testing.T, w *acctest.Workspace, args ...string) usage {
	t.Helper()
	var u usage
	w.Ended = func(p *os.ProcessState) { u.cli = p.UserTime() + p.SystemTime() }
	if _, err := w.Run(t, args...); err != nil {
		t.Errorf("%v: %.2000s", args, err)
	}
	_, file, _ := strings.Cut(w.Env[1], "=")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) { // the CLI runs a provider more than once
		var cpu time.Duration
		var memory int
		if _, err := fmt.Sscan(line, &cpu, &memory); err != nil {
			t.Fatal(err)
		}
		u.provider, u.memory = u.provider+cpu, max(u.memory, memory)
	}
	u.cli -= u.provider // whose parent it is
	return u
}
