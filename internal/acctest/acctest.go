// Package acctest holds the helpers of tests, of the demo and of the docs: it
// builds the tools of tools/, starts real etcd servers and runs a real CLI.
//
// Nothing here needs to be installed or set up by hand. A test package asks
// for it with
//
//	func TestMain(m *testing.M) { acctest.Main(m) }
//
// and then, in a test, for
//
//	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
//
// Functions that take a testing.TB fail the test; the ones that return an
// error are for main programs.
package acctest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// ProviderSource is the provider's address in required_providers.
const ProviderSource = "calico-terraform/calico"

const modulePath = "github.com/calico-terraform/terraform-provider-calico"

// Root returns the top directory of the provider's repository: the one above
// the working directory whose go.mod is the provider's.
func Root() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		switch {
		case err == nil && strings.HasPrefix(string(content), "module "+modulePath+"\n"):
			return dir, nil
		case err != nil && !errors.Is(err, os.ErrNotExist):
			return "", err
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%s is not inside the repository of the provider: run this from a directory of it", start)
		}
	}
}

// CacheDir returns the directory where built tools are kept from one run to
// the next.
func CacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("there is no place to keep built tools: %w (set HOME or XDG_CACHE_HOME)", err)
	}
	return filepath.Join(dir, "terraform-provider-calico"), nil
}

// processDir is what this process needs only while it runs, such as the
// provider's binary. It is made when it is first asked for.
var processDir struct {
	sync.Mutex
	path string
}

func tempDir() (string, error) {
	processDir.Lock()
	defer processDir.Unlock()
	if processDir.path == "" {
		dir, err := os.MkdirTemp("", "calico-acctest-")
		if err != nil {
			return "", err
		}
		processDir.path = dir
	}
	return processDir.path, nil
}

// ends are what Cleanup calls.
var ends struct {
	sync.Mutex
	all []func()
}

// AtEnd has Cleanup call a function, such as one that ends a server which several tests
// of the process share.
func AtEnd(end func()) {
	ends.Lock()
	defer ends.Unlock()
	ends.all = append(ends.all, end)
}

// Cleanup removes what the helpers keep for the life of the process, and calls what AtEnd
// was given, the last first. Main calls it; so does a main program that uses this
// package, as its last act.
func Cleanup() {
	ends.Lock()
	for _, end := range slices.Backward(ends.all) {
		end()
	}
	ends.all = nil
	ends.Unlock()
	processDir.Lock()
	defer processDir.Unlock()
	if processDir.path != "" {
		_ = os.RemoveAll(processDir.path)
		processDir.path = ""
	}
}

// readTree reads every file in dir and below, by its path there, with slashes.
func readTree(dir string) (map[string]string, error) {
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(name)] = string(content)
		return nil
	})
	return files, err
}
