package acctest

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { Main(m) }

func TestWorkspaceRunsTheProviderWithoutARegistry(t *testing.T) {
	for source, host := range map[string]string{
		ProviderSource: "",
		"registry.terraform.io/" + ProviderSource: "registry.terraform.io",
		"registry.opentofu.org/" + ProviderSource: "registry.opentofu.org",
	} {
		t.Run(source, func(t *testing.T) {
			t.Parallel()
			w := NewWorkspace(t, map[string]string{"main.tf": `
terraform {
  required_providers {
    calico = {
      source = "` + source + `"
    }
  }
}
`})
			if host == "" {
				host = w.CLI.RegistryHost()
			}
			var answer struct {
				Schemas map[string]struct {
					Resources map[string]any `json:"resource_schemas"`
				} `json:"provider_schemas"`
			}
			if err := json.Unmarshal([]byte(w.MustRun(t, "providers", "schema", "-json")), &answer); err != nil {
				t.Fatal(err)
			}
			if len(answer.Schemas[host+"/"+ProviderSource].Resources) == 0 {
				t.Errorf("the provider at %s/%s has no resources: %v", host, ProviderSource, answer.Schemas)
			}
		})
	}
}

func TestWorkspaceShowsWhatTheCLISays(t *testing.T) {
	t.Parallel()
	w := NewWorkspace(t, map[string]string{"main.tf": `output "a" { value = no.such }`})
	var seen bytes.Buffer
	w.Output = &seen
	_, err := w.Run(t, "plan")
	var ended *CLIError
	if !errors.As(err, &ended) || ended.ExitCode != 1 || !strings.Contains(ended.Stderr, "no.such") {
		t.Fatalf("plan: %v", err)
	}
	if strings.Contains(err.Error(), "\x1b[") {
		t.Errorf("there are colours in %q", err)
	}
	if !strings.Contains(seen.String(), ended.Stderr) {
		t.Errorf("Output got %q, and not %q", seen.String(), ended.Stderr)
	}
}

func TestWorkspaceGetsModulesReady(t *testing.T) {
	t.Setenv("TF_VAR_name", "the user's own")
	w := NewWorkspace(t, map[string]string{
		"main.tf": `
variable "name" {
  default = "db1"
}

module "m" {
  source = "./modules/m"
  name   = var.name
}

output "name" {
  value = module.m.name
}
`,
		"modules/m/main.tf": `
variable "name" {}

resource "terraform_data" "name" {
  input = var.name
}

output "name" {
  value = terraform_data.name.output
}
`})
	if changes, text, err := w.Plan(t.Context()); err != nil || !changes {
		t.Fatalf("plan: changes %t, %v\n%s", changes, err, text)
	}
	w.MustRun(t, "apply", "-auto-approve")
	if changes, text, err := w.Plan(t.Context()); err != nil || changes {
		t.Errorf("plan after apply: changes %t, %v\n%s", changes, err, text)
	}
	if name := w.MustRun(t, "output", "-raw", "name"); name != "db1" {
		t.Errorf("the module's name is %q", name)
	}

	w.Env = append(w.Env, "TF_VAR_name=db2")
	if changes, text, err := w.Plan(t.Context()); err != nil || !changes || !strings.Contains(text, "db2") {
		t.Errorf("plan with a variable from Env: changes %t, %v\n%s", changes, err, text)
	}
	if _, _, err := w.Plan(t.Context(), "-no-such-flag"); err == nil {
		t.Error("a plan that fails is taken for one without changes")
	}
}

func TestWorkspaceKeepsToItself(t *testing.T) {
	t.Parallel()
	if _, err := MakeWorkspace(t.Context(), CLI{}, "/x/terraform-provider-calico", t.TempDir(), map[string]string{"../escape.tf": ""}); err == nil {
		t.Error("a file outside of the workspace is written")
	}
	if _, err := MakeWorkspace(t.Context(), CLI{}, "/x/provider", t.TempDir(), nil); err == nil {
		t.Error("a provider that no CLI would find is taken")
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	files := Files(t, "tools/etcd")
	content, err := os.ReadFile(filepath.Join("..", "..", "tools", "etcd", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if files["go.mod"] != string(content) || files["go.sum"] == "" {
		t.Errorf("the files of tools/etcd are %d", len(files))
	}
}

func TestRawControl(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "╷\n│ Error: db1-eth0\n│\t1 → 2 …\n", `\x1b`} {
		if got := rawControl(text); got != "" {
			t.Errorf("%q is said to hold a raw control character: %q", text, got)
		}
	}
	for _, raw := range []string{"\x1b", "\r", "\x00", "\x7f", "\u009b", "\u202e", "\u2066", "\u200b", "\xff"} {
		long := strings.Repeat("a", 200)
		if got, want := rawControl(long+raw+long), long[:100]+raw+long[:100-len(raw)]; got != want {
			t.Errorf("around %q: got %q, want %q", raw, got, want)
		}
	}
}
