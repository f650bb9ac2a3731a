package acctest

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// fakeCLI writes a program that says what a CLI says of its version.
func fakeCLI(t *testing.T, dir, name, says string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in is a shell script")
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+says+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFindCLI(t *testing.T) {
	const (
		broken      = "echo 'no version is set' >&2; exit 126"
		ancient     = "echo 'Terraform v0.12.31'"
		terraform11 = "echo 'Terraform v1.11.4'; echo 'on linux_amd64'"
		tofu12      = "echo 'OpenTofu v1.12.6'; echo 'on linux_amd64'"
	)
	for name, test := range map[string]struct {
		terraform, tofu, chosen string
		fit                     func(CLI) bool
		want                    string
	}{
		"terraform on PATH":                   {terraform: terraform11, fit: CLI.usable, want: "terraform 1.11.4"},
		"both on PATH":                        {terraform: terraform11, tofu: tofu12, fit: CLI.usable, want: "terraform 1.11.4"},
		"tofu on PATH":                        {tofu: tofu12, fit: CLI.usable, want: "tofu 1.12.6"},
		"a file called terraform that is one": {terraform: tofu12, fit: CLI.usable, want: "tofu 1.12.6"},
		"terraform is broken":                 {terraform: broken, tofu: tofu12, fit: CLI.usable, want: "tofu 1.12.6"},
		"terraform is too old":                {terraform: ancient, tofu: tofu12, fit: CLI.usable, want: "tofu 1.12.6"},
		"terraform does not know identity":    {terraform: terraform11, tofu: tofu12, fit: CLI.KnowsIdentity, want: "tofu 1.12.6"},
		"the user's choice":                   {terraform: terraform11, chosen: tofu12, fit: CLI.usable, want: "tofu 1.12.6"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if test.terraform != "" {
				fakeCLI(t, dir, "terraform", test.terraform)
			}
			if test.tofu != "" {
				fakeCLI(t, dir, "tofu", test.tofu)
			}
			chosen := ""
			if test.chosen != "" {
				chosen = fakeCLI(t, t.TempDir(), "mine", test.chosen)
			}
			t.Setenv("PATH", dir)
			cli, err := findCLI(chosen, test.fit)
			if err != nil {
				t.Fatal(err)
			}
			if got := cli.Name + " " + cli.Version; got != test.want {
				t.Errorf("finds %s, want %s", got, test.want)
			}
			if !filepath.IsAbs(cli.Path) {
				t.Errorf("its path is %s", cli.Path)
			}
		})
	}

	// What the user chose is not passed over where it is broken.
	if _, err := findCLI(fakeCLI(t, t.TempDir(), "mine", broken), CLI.usable); err == nil || !strings.Contains(err.Error(), pathVariable) || !strings.Contains(err.Error(), "no version is set") {
		t.Errorf("a broken choice: %v", err)
	}
	if _, err := findCLI(fakeCLI(t, t.TempDir(), "mine", "echo hello"), CLI.usable); err == nil || !strings.Contains(err.Error(), "neither Terraform nor OpenTofu") {
		t.Errorf("a choice of something else: %v", err)
	}
}

func TestCLIAtLeast(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"1.11.4":       false,
		"1.12.0":       true,
		"1.12.0-beta1": true,
		"1.15.9":       true,
		"0.15.5":       false,
		"2.0.0":        true,
		"":             false,
	} {
		if got := (CLI{Version: version}).AtLeast(1, 12); got != want {
			t.Errorf("%q at least 1.12: %t", version, got)
		}
	}
}

func TestUseCLI(t *testing.T) {
	t.Setenv("TF_CLI_CONFIG_FILE", "/home/user/.terraformrc")
	UseCLI(t, CLI{Path: "/opt/tofu", Name: "tofu", Version: "1.12.6"})
	for name, want := range map[string]string{
		"TF_ACC":                "1",
		"TF_ACC_TERRAFORM_PATH": "/opt/tofu",
		"TF_ACC_PROVIDER_HOST":  "registry.opentofu.org",
		"CHECKPOINT_DISABLE":    "1",
	} {
		if got := os.Getenv(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	content, err := os.ReadFile(os.Getenv("TF_CLI_CONFIG_FILE"))
	if err != nil || len(content) > 0 {
		t.Errorf("the CLI's configuration is %q, %v", content, err)
	}
}

func TestCleanEnv(t *testing.T) {
	t.Parallel()
	got := cleanEnv([]string{
		"HOME=/root", "PATH=/bin", "TF_VAR_x=1", "TF_CLI_ARGS=-no-color", "TF_PLUGIN_CACHE_DIR=/x", "CALICO_ETCD_ENDPOINTS=http://x",
		"CALICOCTL_CONFIG=/x", "ETCD_ENDPOINTS=http://x", "ETCDCTL_API=3", "DATASTORE_TYPE=etcdv3", "KUBECONFIG=/x", "K8S_CA_FILE=/x",
		"KUBE_TOKEN=x", "KUBERNETES_SERVICE_HOST=10.96.0.1", "LANG=C",
	})
	if want := []string{"HOME=/root", "PATH=/bin", "LANG=C"}; !slices.Equal(got, want) {
		t.Errorf("what is left of the environment is %q, want %q", got, want)
	}
}
