// Command schemagen writes the Terraform schemas of the kinds in kinds.go to
// internal/provider/schemas, out of Calico's API types and descriptions/: `make generate`.
package main

import (
	"embed"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// suffix ends the names of the files written.
const suffix = "_gen.go"

//go:embed descriptions
var descriptionFiles embed.FS

func main() {
	dir := flag.String("dir", filepath.Join("..", "..", "internal", "provider", "schemas"), "the directory to write")
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "schemagen:", err)
		os.Exit(1)
	}
}

// run writes the files of all kinds, or none. It removes those of kinds that are
// no more.
func run(dir string) error {
	files, err := generateAll()
	if err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil {
		return err
	}
	for _, path := range old {
		if _, ok := files[filepath.Base(path)]; !ok {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(filepath.Join(dir, name), files[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}

func generateAll() (map[string][]byte, error) {
	files := map[string][]byte{}
	var faults []error
	for _, k := range kinds {
		descriptions, err := readDescriptions(k.name)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		if files[fileName(k)], err = generate(k, descriptions); err != nil {
			faults = append(faults, err)
		}
	}
	return files, errors.Join(faults...)
}

// readDescriptions reads descriptions/<kind>.txt: on each line the path of a
// field, a colon and its description. Lines may be empty.
func readDescriptions(kind string) (map[string]string, error) {
	name := "descriptions/" + kind + ".txt"
	text, err := descriptionFiles.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return parseDescriptions(name, string(text))
}

func parseDescriptions(name, text string) (map[string]string, error) {
	descriptions := map[string]string{}
	for i, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		path, description, ok := strings.Cut(line, ": ")
		if _, twice := descriptions[path]; !ok || twice || strings.Contains(path, " ") {
			return nil, fmt.Errorf("%s:%d: want \"path: description\", each path once: %s", name, i+1, line)
		}
		descriptions[path] = description
	}
	return descriptions, nil
}
