package acctest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// GenerateDocs writes the provider's pages of the registry to dir, which it
// makes: from the schemas of this source, examples/ and the templates in docs/
// beside this file. What is there already is replaced.
func GenerateDocs(ctx context.Context, dir string) error {
	root, err := Root()
	if err != nil {
		return err
	}
	generator, err := Tool("tfplugindocs")
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "calico-docs-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(temp) }()

	schemas, err := docsSchemas(ctx, temp)
	if err != nil {
		return fmt.Errorf("cannot get the provider's schemas: %w", err)
	}
	schemasFile := filepath.Join(temp, "schemas.json")
	if err := os.WriteFile(schemasFile, schemas, 0o644); err != nil {
		return err
	}

	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	// The generator takes no absolute path here.
	rendered, err := filepath.Rel(root, dir)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, generator, "generate",
		"--provider-dir="+root,
		"--provider-name=calico",
		"--rendered-provider-name=Calico",
		"--providers-schema="+schemasFile,
		"--rendered-website-dir="+rendered,
		"--website-source-dir=internal/acctest/docs/templates",
	)
	cmd.Dir = root
	cmd.Env = cleanEnv(os.Environ())
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("tfplugindocs: %w\n%s", err, out)
	}
	return nil
}

// docsSchemas returns the provider's schemas as JSON, as the generator wants
// them.
func docsSchemas(ctx context.Context, temp string) ([]byte, error) {
	// Always the same CLI, so that the pages do not depend on the machine, and one
	// that tells resource identities: where they are missing, the generator gives
	// up on an example of an import by identity.
	path, err := Tool("tofu")
	if err != nil {
		return nil, err
	}
	cli, err := askVersion(ctx, path)
	if err != nil {
		return nil, err
	}
	provider, err := ProviderBinary()
	if err != nil {
		return nil, err
	}
	w, err := MakeWorkspace(ctx, cli, provider, temp, map[string]string{
		"main.tf": fmt.Sprintf("terraform {\n  required_providers {\n    calico = {\n      source = %s\n    }\n  }\n}\n", quoted(ProviderSource)),
	})
	if err != nil {
		return nil, err
	}
	out, err := w.RunContext(ctx, "providers", "schema", "-json")
	if err != nil {
		return nil, err
	}
	return renameProvider([]byte(out), cli.RegistryHost()+"/"+ProviderSource, "registry.terraform.io/hashicorp/calico")
}

// renameProvider gives the provider in the output of `providers schema -json`
// another address: the generator looks under one of HashiCorp's only.
func renameProvider(schemas []byte, from, to string) ([]byte, error) {
	var document map[string]json.RawMessage
	if err := json.Unmarshal(schemas, &document); err != nil {
		return nil, err
	}
	var providers map[string]json.RawMessage
	if err := json.Unmarshal(document["provider_schemas"], &providers); err != nil {
		return nil, err
	}
	schema, ok := providers[from]
	if !ok {
		return nil, fmt.Errorf("the CLI answers with no schema of %s", from)
	}
	renamed, err := json.Marshal(map[string]json.RawMessage{to: schema})
	if err != nil {
		return nil, err
	}
	document["provider_schemas"] = renamed
	return json.Marshal(document)
}

// FormatExamples writes the configurations of examples/ as the CLI's fmt does.
// With check, it changes nothing and returns an error where it would.
func FormatExamples(ctx context.Context, check bool) error {
	root, err := Root()
	if err != nil {
		return err
	}
	cli, err := FindCLI()
	if err != nil {
		return err
	}
	args := []string{"fmt", "-recursive"}
	if check {
		args = append(args, "-check", "-diff")
	}
	cmd := exec.CommandContext(ctx, cli.Path, append(args, "examples")...)
	cmd.Dir = root
	cmd.Env = append(cleanEnv(os.Environ()), "CHECKPOINT_DISABLE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s examples: %w\n%s", cli.Name, strings.Join(args, " "), err, out)
	}
	return nil
}
