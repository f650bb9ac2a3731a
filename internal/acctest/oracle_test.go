package acctest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// The oracles of all releases are one program, built with each release's own
// library: what differs between their answers is then Calico.
func TestOraclesAreOneProgram(t *testing.T) {
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	modules, err := filepath.Glob(filepath.Join(root, "tools", "calicoctl-*"))
	if err != nil || len(modules) < 2 {
		t.Fatalf("%v, %v: want the modules of two releases", modules, err)
	}
	for _, name := range []string{"main.go", "decode.go", "tap.go", "main_test.go"} {
		first, err := os.ReadFile(filepath.Join(modules[0], "oracle", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, module := range modules[1:] {
			other, err := os.ReadFile(filepath.Join(module, "oracle", name))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(first, other) {
				t.Errorf("oracle/%s of %s and of %s differ", name, modules[0], module)
			}
		}
	}
}
