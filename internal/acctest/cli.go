package acctest

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// CLI is a Terraform or an OpenTofu.
type CLI struct {
	Path string
	// Name is "terraform" or "tofu".
	Name string
	// Version is such as "1.11.4".
	Version string
}

// String returns such as "Terraform 1.11.4 (/usr/bin/terraform)".
func (c CLI) String() string { return fmt.Sprintf("%s %s (%s)", c.product(), c.Version, c.Path) }

// AtLeast tells whether the CLI is of the given version or a later one.
func (c CLI) AtLeast(major, minor int) bool {
	var ours, its int
	if _, err := fmt.Sscanf(c.Version, "%d.%d", &ours, &its); err != nil {
		return false
	}
	return ours > major || ours == major && its >= minor
}

// KnowsIdentity tells whether import blocks may name a resource's identity.
func (c CLI) KnowsIdentity() bool { return c.AtLeast(1, 12) }

// RegistryHost is the registry that the CLI means where a provider's address
// has no host.
func (c CLI) RegistryHost() string {
	if c.Name == "tofu" {
		return "registry.opentofu.org"
	}
	return "registry.terraform.io"
}

func (c CLI) product() string {
	if c.Name == "tofu" {
		return "OpenTofu"
	}
	return "Terraform"
}

// pathVariable is what terraform-plugin-testing takes the CLI from. Where the
// user has set it, it is the user's choice of CLI here too.
const pathVariable = "TF_ACC_TERRAFORM_PATH"

// oldest is the first version that has what the tests use: functions of providers.
var oldest = struct{ major, minor int }{1, 8}

// FindCLI returns the CLI to test with: the one that TF_ACC_TERRAFORM_PATH
// names, else terraform or tofu on PATH, else an OpenTofu that it builds.
func FindCLI() (CLI, error) {
	if short() {
		return CLI{}, errShort
	}
	return findOnce()
}

// FindIdentityCLI is FindCLI for what needs resource identity: Terraform or
// OpenTofu from 1.12 on. Where those that are there are older, it builds an
// OpenTofu.
func FindIdentityCLI() (CLI, error) {
	if short() {
		return CLI{}, errShort
	}
	return findWithIdentityOnce()
}

var (
	findOnce             = sync.OnceValues(func() (CLI, error) { return findCLI(chosenCLI(), CLI.usable) })
	findWithIdentityOnce = sync.OnceValues(func() (CLI, error) { return findCLI(chosenCLI(), CLI.KnowsIdentity) })
)

func (c CLI) usable() bool { return c.AtLeast(oldest.major, oldest.minor) }

// findCLI returns the first CLI that fits: the chosen one, where there is a
// choice, one on PATH, or one that it builds.
func findCLI(chosen string, fit func(CLI) bool) (CLI, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if chosen != "" {
		cli, err := askVersion(ctx, chosen)
		if err != nil {
			return CLI{}, fmt.Errorf("%s=%s: %w", pathVariable, chosen, err)
		}
		if fit(cli) {
			return cli, nil
		}
	}
	for _, name := range []string{"terraform", "tofu"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		cli, err := askVersion(ctx, path)
		if err != nil {
			// A version manager's stand-in with no version chosen, for example.
			_, _ = fmt.Fprintf(os.Stderr, "acctest: passing over %s: %v\n", path, err)
			continue
		}
		if fit(cli) {
			return cli, nil
		}
	}
	path, err := Tool("tofu")
	if err != nil {
		return CLI{}, fmt.Errorf("no fitting terraform or tofu is on PATH, and none can be built: %w", err)
	}
	return askVersion(context.Background(), path)
}

// chosenCLI is the CLI that the user chose when this process began; UseCLI and
// Main set the variable for terraform-plugin-testing later.
var chosenCLI = sync.OnceValue(func() string { return os.Getenv(pathVariable) })

var versionLine = regexp.MustCompile(`^(Terraform|OpenTofu) v(\S+)`)

// askVersion runs the CLI at path to learn what it is: its file's name does not
// tell.
func askVersion(ctx context.Context, path string) (CLI, error) {
	path, err := exec.LookPath(path)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return CLI{}, err
	}
	cmd := exec.CommandContext(ctx, path, "version")
	cmd.Env = append(cleanEnv(os.Environ()), "CHECKPOINT_DISABLE=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return CLI{}, fmt.Errorf("%s version: %w\n%s", path, err, stderr.String())
	}
	match := versionLine.FindSubmatch(out)
	if match == nil {
		return CLI{}, fmt.Errorf("%s is neither Terraform nor OpenTofu: asked for its version it says %q", path, firstLine(string(out)))
	}
	cli := CLI{Path: path, Name: "terraform", Version: string(match[2])}
	if string(match[1]) == "OpenTofu" {
		cli.Name = "tofu"
	}
	return cli, nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// TestCLI is FindCLI for a test.
func TestCLI(t testing.TB) CLI {
	t.Helper()
	Starts(t)
	cli, err := FindCLI()
	if err != nil {
		t.Fatal(err)
	}
	return cli
}

// IdentityCLI is FindIdentityCLI for a test.
func IdentityCLI(t testing.TB) CLI {
	t.Helper()
	Starts(t)
	cli, err := FindIdentityCLI()
	if err != nil {
		t.Fatal(err)
	}
	return cli
}

// UseCLI makes terraform-plugin-testing use the CLI for the rest of the test,
// which therefore cannot be parallel. Where Main is used and its CLI will do,
// there is no need for it.
func UseCLI(t testing.TB, cli CLI) {
	t.Helper()
	variables, err := testVariables(cli)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range variables {
		t.Setenv(name, value)
	}
}

// testVariables returns the environment in which terraform-plugin-testing runs
// acceptance tests with the CLI, and without what the user has configured.
func testVariables(cli CLI) (map[string]string, error) {
	chosenCLI() // before the variable is set to another
	config, err := emptyConfig()
	if err != nil {
		return nil, err
	}
	return map[string]string{
		"TF_ACC":               "1",
		pathVariable:           cli.Path,
		"TF_ACC_PROVIDER_HOST": cli.RegistryHost(),
		"TF_CLI_CONFIG_FILE":   config,
		"CHECKPOINT_DISABLE":   "1",
	}, nil
}

// emptyConfig returns the path of an empty CLI configuration, which is read in
// place of the user's.
func emptyConfig() (string, error) {
	dir, err := tempDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "empty.tfrc")
	if isFile(path) {
		return path, nil
	}
	return path, os.WriteFile(path, nil, 0o600)
}

// Main runs the tests of a package, for its TestMain: as acceptance tests, with
// the CLI that FindCLI finds, and without what the user of this machine has
// configured for the CLI or for calicoctl. In short mode it looks for no CLI, and
// terraform-plugin-testing skips what needs one. It does not return.
func Main(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	defer Cleanup()
	// Before anything else of the user's is dropped.
	chosenCLI()
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if isUsers(name) && !strings.HasPrefix(name, "TF_ACC") && !strings.HasPrefix(name, "TF_LOG") {
			_ = os.Unsetenv(name)
		}
	}
	flag.Parse()
	if testing.Short() {
		_ = os.Unsetenv("TF_ACC")
		return m.Run()
	}
	cli, err := FindCLI()
	var variables map[string]string
	if err == nil {
		variables, err = testVariables(cli)
	}
	if err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "acctest: %v\n", err)
		return 1
	}
	for name, value := range variables {
		err = errors.Join(err, os.Setenv(name, value))
	}
	if err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "acctest: %v\n", err)
		return 1
	}
	_, _ = fmt.Fprintf(os.Stderr, "acctest: testing with %s\n", cli)
	return m.Run()
}

// usersPrefixes begin the names of variables by which a user configures the
// CLI, calicoctl, etcdctl or kubectl.
var usersPrefixes = []string{"TF_", "TERRAFORM_CONFIG", "CALICO", "DATASTORE_TYPE", "ETCD", "K8S_", "KUBE"}

func isUsers(variable string) bool {
	if variable == "CALICO_FAST_PATHS" {
		return false // the tests': see provider.FastPaths
	}
	for _, prefix := range usersPrefixes {
		if strings.HasPrefix(variable, prefix) {
			return true
		}
	}
	return false
}

// cleanEnv returns the environment without what the user has configured in it.
func cleanEnv(environ []string) []string {
	var clean []string
	for _, variable := range environ {
		if name, _, _ := strings.Cut(variable, "="); !isUsers(name) {
			clean = append(clean, variable)
		}
	}
	return clean
}

// exitCode returns the code that a command ended with, or -1 where it did not
// run at all.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}

// quoted spells a string as HCL does, but for templates.
func quoted(s string) string { return strconv.Quote(s) }
