package acctest

import (
	"fmt"
	"maps"
	"strings"
	"testing"
)

// ProviderBlock is a provider block with the given arguments.
func ProviderBlock(arguments ...string) string {
	return "\n" + Block(`provider "calico"`, arguments...) + "\n"
}

// EtcdBlock is a provider block with the arguments of its block etcd.
func EtcdBlock(arguments ...string) string { return ProviderBlock(Block("etcd", arguments...)) }

// Block is a block, in another one maybe, with what is in it.
func Block(name string, lines ...string) string {
	return name + " {\n" + strings.Join(lines, "\n") + "\n}"
}

// List writes texts as HCL does.
func List(texts ...string) string {
	var all []string
	for _, text := range texts {
		all = append(all, quoted(text))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// At is the argument of the block etcd that names endpoints.
func At(endpoints ...string) string { return "endpoints = " + List(endpoints...) }

// Text is an argument whose value is a text, of several lines maybe.
func Text(name, value string) string {
	if strings.Contains(value, "\n") {
		return name + " = <<-EOT\n" + value + "EOT"
	}
	return fmt.Sprintf("%s = %q", name, value)
}

// WithProviders is a configuration with the block that says which provider it needs.
func WithProviders(configuration ...string) string {
	return fmt.Sprintf("terraform {\n  required_providers {\n    calico = {\n      source = %q\n    }\n  }\n}\n", ProviderSource) +
		strings.Join(configuration, "")
}

// Configured makes a workspace of a configuration; WithProviders adds its first block.
func Configured(t testing.TB, configuration ...string) *Workspace {
	t.Helper()
	return NewWorkspace(t, map[string]string{"main.tf": WithProviders(configuration...)})
}

// Rewrite gives the workspace another configuration, as Configured does.
func Rewrite(t testing.TB, w *Workspace, configuration ...string) {
	t.Helper()
	if err := w.WriteFile("main.tf", WithProviders(configuration...)); err != nil {
		t.Fatal(err)
	}
}

// With returns a map with other values for some of its keys.
func With(all, others map[string]string) map[string]string {
	changed := maps.Clone(all)
	maps.Copy(changed, others)
	return changed
}
