package acctest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// tool says how a tool is built: the package pkg, as seen from the module in
// dir, which is relative to the repository.
type tool struct {
	dir string
	// modfile is the name of the file in dir that is taken for the module's
	// go.mod. The default is go.mod itself.
	modfile string
	pkg     string
	ldflags string
}

var tools = map[string]tool{
	"etcd": {dir: "tools/etcd", pkg: "go.etcd.io/etcd/server/v3"},
	"tofu": {
		dir: "tools/tofu",
		pkg: "github.com/opentofu/opentofu/cmd/tofu",
		// Without this it calls itself 1.12.6-dev, which is less than 1.12.6.
		ldflags: "-X github.com/opentofu/opentofu/version.dev=no",
	},
	"kube-apiserver": {
		dir: "tools/kube-apiserver", pkg: "k8s.io/kubernetes/cmd/kube-apiserver",
		// Without these it is v0.0.0-master, and does not know which features it is to be compatible with.
		ldflags: "-X k8s.io/component-base/version.gitVersion=v1.37.2 " +
			"-X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37",
	},
	"golangci-lint": {dir: "tools/golangci-lint", pkg: "github.com/golangci/golangci-lint/v2/cmd/golangci-lint"},
	"tfplugindocs":  {dir: "tools/tfplugindocs", pkg: "github.com/hashicorp/terraform-plugin-docs/cmd/tfplugindocs"},
	"calicoctl-v3.28": {
		dir: "tools/calico", modfile: "v3.28.5.mod", pkg: "github.com/projectcalico/calico/calicoctl/calicoctl",
		ldflags: "-X github.com/projectcalico/calico/calicoctl/calicoctl/commands.VERSION=v3.28.5 " +
			"-X github.com/projectcalico/calico/calicoctl/calicoctl/commands/common.VERSION=v3.28.5",
	},
	"calicoctl-v3.31": {
		dir: "tools/calico", modfile: "v3.31.0.mod", pkg: "github.com/projectcalico/calico/calicoctl/calicoctl",
		ldflags: "-X github.com/projectcalico/calico/pkg/buildinfo.Version=v3.31.0",
	},
	// Calico's own API server, which kube-apiserver hands the group projectcalico.org to.
	"calico-apiserver-v3.31": {
		dir: "tools/calico", modfile: "v3.31.0.mod", pkg: "github.com/projectcalico/calico/apiserver/cmd/apiserver",
		ldflags: "-X github.com/projectcalico/calico/pkg/buildinfo.Version=v3.31.0",
	},
	"oracle-v3.28": {dir: "tools/calico", modfile: "v3.28.5.mod", pkg: "./oracle", ldflags: "-X main.release=v3.28.5"},
	"oracle-v3.31": {dir: "tools/calico", modfile: "v3.31.0.mod", pkg: "./oracle", ldflags: "-X main.release=v3.31.0"},
	// Only make test-dataplane runs it. Without cgo it has a stand-in for the BPF library.
	"felix-v3.31": {
		dir: "tools/calico", modfile: "v3.31.0.mod", pkg: "github.com/projectcalico/calico/felix/cmd/calico-felix",
		ldflags: "-X github.com/projectcalico/calico/pkg/buildinfo.Version=v3.31.0",
	},
	"govulncheck": {dir: "tools/govulncheck", pkg: "golang.org/x/vuln/cmd/govulncheck"},
	"goreleaser":  {dir: "tools/goreleaser", pkg: "github.com/goreleaser/goreleaser/v2"},
}

// Tools returns the names that Tool knows, sorted.
func Tools() []string { return slices.Sorted(maps.Keys(tools)) }

// progressInterval is how often a long build says that it is still at work.
const progressInterval = 30 * time.Second

// Tool returns the path of a tool, and builds it where the cache does not hold
// it yet. What it builds, and how long that took, goes to standard error. It
// may be called by many processes at once: one builds, the others wait.
func Tool(name string) (string, error) {
	spec, ok := tools[name]
	if !ok {
		return "", fmt.Errorf("there is no tool %q: the table in internal/acctest/tool.go has %s", name, strings.Join(Tools(), ", "))
	}
	if short() {
		return "", fmt.Errorf("tool %s: %w", name, errShort)
	}
	root, err := Root()
	if err != nil {
		return "", err
	}
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	return buildTool(name, spec, root, filepath.Join(cache, "tools"), os.Stderr)
}

// TestTools returns the names of the tools that the tests need. Tests build
// them when they need them; but as `go test` holds back what a test prints until
// its package is done, in silence, for minutes.
func TestTools() []string {
	return slices.DeleteFunc(Tools(), func(name string) bool {
		return slices.Contains([]string{"golangci-lint", "govulncheck", "goreleaser", "felix-v3.31"}, name)
	})
}

// RemoveTools removes all tools that were ever built, of any version.
func RemoveTools() error {
	cache, err := CacheDir()
	if err != nil {
		return err
	}
	return os.RemoveAll(filepath.Join(cache, "tools"))
}

func buildTool(name string, spec tool, root, cache string, log io.Writer) (string, error) {
	dir := filepath.Join(root, filepath.FromSlash(spec.dir))
	key, err := toolKey(dir, spec)
	if err != nil {
		return "", fmt.Errorf("cannot read the module of tool %s: %w", name, err)
	}
	home := filepath.Join(cache, name+"-"+key)
	path := filepath.Join(home, executable(name))
	if isFile(path) {
		return path, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(filepath.Join(cache, name+".lock"), func() {
		_, _ = fmt.Fprintf(log, "acctest: waiting for another process, which is building %s\n", name)
	})
	if err != nil {
		return "", err
	}
	defer unlock()
	if isFile(path) {
		return path, nil
	}

	// Built beside its place and then moved there whole, so that a build that is
	// killed leaves no half a tool.
	unfinished := filepath.Join(cache, name+"-unfinished")
	for _, leftover := range []string{unfinished, home} {
		if err := os.RemoveAll(leftover); err != nil {
			return "", err
		}
	}
	defer func() { _ = os.RemoveAll(unfinished) }()

	_, _ = fmt.Fprintf(log, "acctest: building %s from %s (once; minutes where nothing is cached)\n", name, spec.dir)
	start := time.Now()
	err = withProgress(log, "building "+name, func() error {
		return goBuild(dir, filepath.Join(unfinished, executable(name)), spec)
	})
	if err != nil {
		return "", fmt.Errorf("cannot build tool %s: %w", name, err)
	}
	if err := os.Rename(unfinished, home); err != nil {
		return "", err
	}
	_, _ = fmt.Fprintf(log, "acctest: built %s in %s\n", name, time.Since(start).Round(time.Second))
	return path, nil
}

// toolKey is the same as long as a build would give the same tool.
func toolKey(dir string, spec tool) (string, error) {
	modfile := cmp.Or(spec.modfile, "go.mod")
	if !isFile(filepath.Join(dir, modfile)) {
		return "", fmt.Errorf("there is no %s in %s", modfile, dir)
	}
	h := sha256.New()
	_, _ = fmt.Fprintln(h, runtime.Version(), runtime.GOOS, runtime.GOARCH, modfile, spec.pkg, spec.ldflags)
	// Every file counts but those of tests and the go.mod and go.sum of other
	// releases: a tool's module may hold its own main package, or stand-ins for
	// modules that nobody serves.
	unused := func(name string) bool {
		ending := filepath.Ext(name)
		return (ending == ".mod" || ending == ".sum") && strings.TrimSuffix(name, ending)+".mod" != modfile
	}
	files, err := readTree(dir)
	if err != nil {
		return "", err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(name, "_test.go") || strings.Contains("/"+name, "/testdata/") || unused(name) {
			continue
		}
		_, _ = fmt.Fprintf(h, "%s %d\n%s\n", name, len(files[name]), files[name])
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

// goBuild builds a tool from its module in dir. The error holds what the compiler
// said.
func goBuild(dir, output string, spec tool) error {
	// A user's GOFLAGS or workspace belongs to the provider's module: -mod=vendor
	// there would break the build of a tool here.
	env := []string{"CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off"}
	if os.Getenv("GOGC") == "" {
		// It takes a sixth less CPU, as the compiler collects less garbage.
		env = append(env, LittleGarbage)
	}
	// The linker drops what debuggers need (-s, -w). A compiler that does not write it takes an
	// eighth less CPU.
	args := []string{"build", "-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false", "-ldflags", strings.TrimSpace("-s -w " + spec.ldflags), "-o", output}
	if spec.modfile != "" {
		args = append(args, "-modfile="+spec.modfile)
	}
	return runGo(dir, env, append(args, spec.pkg)...)
}

// runGo runs the go command in dir, with env added to the environment.
func runGo(dir string, env []string, args ...string) error {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("in %s, go %s: %w\n%s", dir, strings.Join(args, " "), err, out)
	}
	return nil
}

// withProgress runs do, and says every now and then that it is still running.
func withProgress(log io.Writer, what string, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	start := time.Now()
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-ticker.C:
			_, _ = fmt.Fprintf(log, "acctest: still %s, %s so far\n", what, time.Since(start).Round(time.Second))
		}
	}
}

func executable(name string) string {
	if runtime.GOOS == "windows" {
		return name + ".exe"
	}
	return name
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
