package acctest

import (
	"bytes"
	"cmp"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// aTool writes the module of a tool that prints said, in a repository of its
// own, and returns that.
func aTool(t *testing.T, said string) (root string, spec tool) {
	t.Helper()
	root = t.TempDir()
	spec = tool{dir: "tools/parrot", pkg: ".", ldflags: "-X main.said=" + said}
	writeFile(t, filepath.Join(root, spec.dir, "go.mod"), "module parrot\n\ngo 1.26.0\n")
	writeFile(t, filepath.Join(root, spec.dir, "main.go"), "package main\n\nvar said string\n\nfunc main() { println(said) }\n")
	return root, spec
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestToolIsBuiltOnce(t *testing.T) {
	t.Parallel()
	root, spec := aTool(t, "hello")
	cache := t.TempDir()

	// Several at once, as test packages do.
	var building sync.WaitGroup
	logs := make([]bytes.Buffer, 4)
	paths := make([]string, len(logs))
	for i := range logs {
		building.Go(func() {
			path, err := buildTool("parrot", spec, root, cache, &logs[i])
			if err != nil {
				t.Error(err)
			}
			paths[i] = path
		})
	}
	building.Wait()
	builds := 0
	for i := range logs {
		builds += strings.Count(logs[i].String(), "acctest: built parrot in ")
		if paths[i] != paths[0] {
			t.Errorf("the tool is at %s and at %s", paths[0], paths[i])
		}
	}
	if builds != 1 {
		t.Errorf("the tool was built %d times", builds)
	}
	if out, err := exec.CommandContext(t.Context(), paths[0]).CombinedOutput(); err != nil || string(out) != "hello\n" {
		t.Errorf("it says %q, %v", out, err)
	}

	var log bytes.Buffer
	if path, err := buildTool("parrot", spec, root, cache, &log); err != nil || path != paths[0] || log.Len() > 0 {
		t.Errorf("when it is there already: %s, %v, log %q", path, err, log.String())
	}

	// Anything that could make it another tool makes it be built again.
	changed := spec
	changed.ldflags = "-X main.said=goodbye"
	if path, err := buildTool("parrot", changed, root, cache, io.Discard); err != nil || path == paths[0] {
		t.Errorf("with other linker flags it is taken from %s, %v", path, err)
	}
	writeFile(t, filepath.Join(root, spec.dir, "more", "more.go"), "package more\n")
	if path, err := buildTool("parrot", spec, root, cache, io.Discard); err != nil || path == paths[0] {
		t.Errorf("with another file it is taken from %s, %v", path, err)
	}

	now, err := toolKey(filepath.Join(root, spec.dir), spec)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(root, spec.dir, "main_test.go"), "package main\n")
	writeFile(t, filepath.Join(root, spec.dir, "testdata", "x.json"), "{}\n")
	writeFile(t, filepath.Join(root, spec.dir, "v2.mod"), "module parrot\n\ngo 1.26.0\n")
	if key, err := toolKey(filepath.Join(root, spec.dir), spec); err != nil || key != now {
		t.Errorf("with another test, and with another release's go.mod, its key is %s in place of %s, %v", key, now, err)
	}
	other := spec
	other.modfile = "v2.mod"
	if key, err := toolKey(filepath.Join(root, spec.dir), other); err != nil || key == now {
		t.Errorf("with that go.mod its key is %s, too, %v", key, err)
	}

	left, err := filepath.Glob(filepath.Join(cache, "*unfinished*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

func TestToolThatDoesNotCompile(t *testing.T) {
	t.Parallel()
	root, spec := aTool(t, "")
	writeFile(t, filepath.Join(root, spec.dir, "broken.go"), "package main\n\nvar x int = \"not a number\"\n")
	cache := t.TempDir()
	for range 2 {
		_, err := buildTool("parrot", spec, root, cache, io.Discard)
		if err == nil || !strings.Contains(err.Error(), "broken.go:3") {
			t.Errorf("the error does not show what the compiler said: %v", err)
		}
	}
}

func TestTestTools(t *testing.T) {
	t.Parallel()
	if got := TestTools(); !slices.Contains(got, "etcd") || slices.Contains(got, "goreleaser") || slices.Contains(got, "felix-v3.31") {
		t.Errorf("the tools of the tests are %q", got)
	}
	if !slices.Contains(Tools(), "goreleaser") {
		t.Error("asking for the tools of the tests takes away from all of them")
	}
}

func TestToolOfNoName(t *testing.T) {
	t.Parallel()
	if _, err := Tool("hammer"); err == nil || !strings.Contains(err.Error(), "etcd") {
		t.Errorf("the error does not say which tools there are: %v", err)
	}
}

// TestToolsHaveModules shows that each tool is what its module declares as a
// tool, so that `go tool -modfile` and a look at go.mod agree with the table.
func TestToolsHaveModules(t *testing.T) {
	t.Parallel()
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	for name, spec := range tools {
		modfile := cmp.Or(spec.modfile, "go.mod")
		content, err := os.ReadFile(filepath.Join(root, spec.dir, modfile))
		if err != nil {
			t.Error(err)
			continue
		}
		if !strings.Contains(string(content), "\nmodule "+modulePath+"/"+spec.dir+"\n") && !strings.HasPrefix(string(content), "module "+modulePath+"/"+spec.dir+"\n") {
			t.Errorf("the module of %s is not called %s/%s", name, modulePath, spec.dir)
		}
		ours := !strings.Contains(strings.SplitN(spec.pkg, "/", 2)[0], ".") || strings.HasPrefix(spec.pkg, ".")
		if !ours && !strings.Contains(string(content), "\ntool "+spec.pkg+"\n") {
			t.Errorf("tool %s: %s/%s has no line: tool %s", name, spec.dir, modfile, spec.pkg)
		}
	}
}
