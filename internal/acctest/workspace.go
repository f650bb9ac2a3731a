package acctest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// ProviderBinary returns the path of the provider, built from this source. It
// is built once for a process, and gone with Cleanup.
func ProviderBinary() (string, error) { return providerOnce() }

var providerOnce = sync.OnceValues(func() (string, error) {
	dir, err := tempDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "provider", executable("terraform-provider-calico"))
	return path, BuildProvider(path)
})

// BuildProvider builds the provider from this source as the given file.
func BuildProvider(path string) error { return BuildMain(".", path) }

// BuildMain builds a main package of this module, such as "." for the provider, as the
// given file.
func BuildMain(pkg, path string) error {
	root, err := Root()
	if err != nil {
		return err
	}
	// As `go build` by hand does it, so that both use the same build cache.
	err = withProgress(os.Stderr, "building "+filepath.Base(path), func() error {
		return runGo(root, nil, "build", "-buildvcs=false", "-o", path, pkg)
	})
	if err != nil {
		return fmt.Errorf("cannot build %s: %w", filepath.Base(path), err)
	}
	return nil
}

// Workspace is a directory with a configuration, in which a real CLI runs the
// provider as a program of its own. It needs no registry, and takes nothing
// from and leaves nothing in the user's own configuration and caches. Providers
// other than this one and terraform_data are not to be had.
type Workspace struct {
	// Dir is the directory that the CLI runs in.
	Dir string
	CLI CLI
	// Env is added to the environment of each run, as NAME=value.
	Env []string
	// Output, where set, gets what the CLI prints while it runs, too.
	Output io.Writer
	// Watch, where set, gets the arguments of each run and all that it printed.
	Watch func(args []string, output string)
	// Started, where set, gets the CLI's process when a run begins, such as to kill it.
	Started func(*os.Process)
	// Ended, where set, gets what is known of the CLI's process when a run has ended, such
	// as the time that it took.
	Ended func(*os.ProcessState)
}

// NewWorkspace makes a workspace with the given files, by their paths in it, for
// the time of a test, and for the CLI that FindCLI finds. Modules that the files
// call from directories in the workspace are made ready.
func NewWorkspace(t testing.TB, files map[string]string) *Workspace {
	t.Helper()
	return NewWorkspaceWith(t, TestCLI(t), files)
}

// NewWorkspaceWith is NewWorkspace for the given CLI.
func NewWorkspaceWith(t testing.TB, cli CLI, files map[string]string) *Workspace {
	t.Helper()
	Starts(t)
	provider, err := ProviderBinary()
	if err != nil {
		t.Fatal(err)
	}
	w, err := MakeWorkspace(t.Context(), cli, provider, t.TempDir(), files)
	if err != nil {
		t.Fatal(err)
	}
	w.Watch = func(args []string, output string) { WatchText(t, strings.Join(args, " "), output) }
	w.Env = append(w.Env, LittleGarbage)
	return w
}

// LittleGarbage is in the environment of what tests start again and again: processes that
// live for half a second, or for seconds, and collect their garbage in an eighth to a fifth
// of that.
const LittleGarbage = "GOGC=400"

// WatchText fails a test if what a user sees holds a character that a terminal
// would obey rather than show, such as an escape or a mark that turns the direction
// of writing: it came out of a datastore that others write to, and was not made safe.
func WatchText(t testing.TB, what, text string) {
	t.Helper()
	if excerpt := rawControl(text); excerpt != "" {
		t.Errorf("%s: what a user sees holds a raw control character: %q", what, excerpt)
	}
}

// rawControl returns what is around the first such character, "" if there is none.
func rawControl(text string) string {
	safe := safetext.Text(text)
	if safe == text {
		return ""
	}
	at := 0
	for safe[at] == text[at] {
		at++
	}
	return text[max(0, at-100):min(len(text), at+100)]
}

// MakeWorkspace makes a workspace in an empty directory, which the caller
// removes. provider is the file that BuildProvider built.
func MakeWorkspace(ctx context.Context, cli CLI, provider, dir string, files map[string]string) (*Workspace, error) {
	if filepath.Base(provider) != executable("terraform-provider-calico") {
		return nil, fmt.Errorf("%s: the CLI finds the provider only where the file is called terraform-provider-calico", provider)
	}
	w := &Workspace{Dir: filepath.Join(dir, "workspace"), CLI: cli}
	if err := os.MkdirAll(w.Dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(w.ConfigFile(), []byte(cliConfig(filepath.Dir(provider))), 0o644); err != nil {
		return nil, err
	}
	for name, content := range files {
		if err := w.WriteFile(name, content); err != nil {
			return nil, err
		}
	}
	if err := w.Get(ctx); err != nil {
		return nil, err
	}
	return w, nil
}

// cliConfig makes the CLI run the provider in dir, by whatever host the
// configuration or the CLI's default gives its address. As it names no other
// way to install a provider, nothing is looked for on the network.
func cliConfig(dir string) string {
	return fmt.Sprintf(`provider_installation {
  dev_overrides {
    %[1]s = %[3]s
    %[2]s = %[3]s
  }
}
`, quoted("registry.terraform.io/"+ProviderSource), quoted("registry.opentofu.org/"+ProviderSource), quoted(dir))
}

// ConfigFile returns the path of the CLI configuration that the workspace runs
// with.
func (w *Workspace) ConfigFile() string { return filepath.Join(filepath.Dir(w.Dir), "cli.tfrc") }

// WriteFile writes a file of the workspace, such as another version of main.tf.
func (w *Workspace) WriteFile(name, content string) error {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return fmt.Errorf("%s is not inside the workspace", name)
	}
	path := filepath.Join(w.Dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(content), 0o644)
}

var moduleBlock = regexp.MustCompile(`(?m)^\s*module\s+"`)

// Get makes ready the modules that the configuration calls, where it calls any.
// This is what init is for otherwise; but init also looks for releases of the
// provider, and with dev_overrides it is told not to.
func (w *Workspace) Get(ctx context.Context) error {
	configurations, err := filepath.Glob(filepath.Join(w.Dir, "*.tf"))
	if err != nil {
		return err
	}
	for _, path := range configurations {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if moduleBlock.Match(content) {
			_, err := w.RunContext(ctx, "get")
			return err
		}
	}
	return nil
}

// CLIError is a run of the CLI that ended with another code than 0.
type CLIError struct {
	Command  string
	ExitCode int
	Stdout   string
	Stderr   string
}

func (e *CLIError) Error() string {
	return fmt.Sprintf("%s ended with code %d\n%s%s", e.Command, e.ExitCode, e.Stdout, e.Stderr)
}

// Run runs the CLI, such as Run(t, "plan", "-detailed-exitcode"), and returns
// its standard output, without colours. An exit code other than 0 is a
// *CLIError, which has its standard error too.
func (w *Workspace) Run(t testing.TB, args ...string) (stdout string, err error) {
	t.Helper()
	return w.RunContext(t.Context(), args...)
}

// MustRun is Run where it has to succeed.
func (w *Workspace) MustRun(t testing.TB, args ...string) (stdout string) {
	t.Helper()
	stdout, err := w.Run(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	return stdout
}

// interruptDelay is how long a CLI that was interrupted may take to end.
const interruptDelay = 30 * time.Second

// RunContext is Run for a main program.
func (w *Workspace) RunContext(ctx context.Context, args ...string) (stdout string, err error) {
	cmd := exec.CommandContext(ctx, w.CLI.Path, args...)
	// Interrupted, it ends its provider and lets go of its lock; killed, neither.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = interruptDelay
	cmd.Dir = w.Dir
	cmd.Env = append(cleanEnv(cmd.Environ()), w.ownEnv()...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if w.Output != nil {
		both := &oneAtATime{w: w.Output}
		cmd.Stdout, cmd.Stderr = io.MultiWriter(&out, both), io.MultiWriter(&errOut, both)
	}
	err = cmd.Start()
	if err == nil {
		if w.Started != nil {
			w.Started(cmd.Process)
		}
		err = cmd.Wait()
		if w.Ended != nil {
			w.Ended(cmd.ProcessState)
		}
	}
	if w.Watch != nil {
		w.Watch(args, out.String()+errOut.String())
	}
	if err != nil {
		command := strings.Join(append([]string{w.CLI.Name}, args...), " ")
		code := exitCode(err)
		if code < 0 {
			return out.String(), fmt.Errorf("%s: %w\n%s", command, err, errOut.String())
		}
		return out.String(), &CLIError{Command: command, ExitCode: code, Stdout: out.String(), Stderr: errOut.String()}
	}
	return out.String(), nil
}

// oneAtATime lets two goroutines write to one writer: package os/exec copies
// standard output and standard error in one each.
type oneAtATime struct {
	mu sync.Mutex
	w  io.Writer
}

func (o *oneAtATime) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.w.Write(p)
}

// colourful are the commands that write colours even where nobody sees them.
var colourful = []string{"apply", "destroy", "get", "import", "init", "plan", "refresh", "show", "validate"}

func (w *Workspace) ownEnv() []string {
	env := []string{
		"TF_CLI_CONFIG_FILE=" + w.ConfigFile(),
		"TF_IN_AUTOMATION=1",
		"TF_INPUT=0",
		"CHECKPOINT_DISABLE=1",
	}
	for _, command := range colourful {
		env = append(env, "TF_CLI_ARGS_"+command+"=-no-color")
	}
	return append(env, w.Env...)
}

// Plan runs plan with the given arguments and tells whether it would change
// anything. Its text is returned too.
func (w *Workspace) Plan(ctx context.Context, args ...string) (changes bool, text string, err error) {
	text, err = w.RunContext(ctx, append([]string{"plan", "-detailed-exitcode"}, args...)...)
	var ended *CLIError
	if errors.As(err, &ended) && ended.ExitCode == 2 {
		return true, text, nil
	}
	return false, text, err
}

// Files reads a directory of the repository, such as "examples/complete", for
// NewWorkspace: every file in it, by its path there.
func Files(t testing.TB, dir string) map[string]string {
	t.Helper()
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	files, err := readTree(filepath.Join(root, filepath.FromSlash(dir)))
	if err != nil {
		t.Fatal(err)
	}
	return files
}
