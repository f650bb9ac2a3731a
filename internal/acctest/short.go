package acctest

import (
	"errors"
	"testing"
)

// Starts says that a test starts a server, the CLI or another tool of tools/. In
// short mode, which is `make testunit`, such a test is skipped here; without -short,
// which is `make test`, no test is. What starts something for a test, such as NewEtcd,
// calls it first. A test that says nothing and starts something all the same fails in
// short mode: see errShort.
func Starts(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("it starts a server, the CLI or another tool, which `make test` does and `make testunit` does not")
	}
}

// errShort is why a test gets no tool and no CLI in short mode.
var errShort = errors.New("in short mode (make testunit) no test starts a server, the CLI or another tool: " +
	"let this one call acctest.Starts first, so that it is skipped there")

// short tells whether this process is a test in short mode.
func short() bool { return testing.Testing() && testing.Short() }

// ToolFor is Tool for a test.
func ToolFor(t testing.TB, name string) string {
	t.Helper()
	Starts(t)
	path, err := Tool(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
