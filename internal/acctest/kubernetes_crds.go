package acctest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// CalicoCRDs are the CustomResourceDefinitions of a release of Calico, and the
// admission policies that come with them. They are read from Go modules.
type CalicoCRDs string

// The CRDs that there are. All but NativeCRDs are of the API group
// crd.projectcalico.org, version v1, in which Calico keeps its own form of its
// objects. NativeCRDs are of projectcalico.org, version v3, which v3.32 can keep as
// they are. With AggregatedCRDs, Calico's own API server shows those of v3.31.0 there.
const (
	CRDs328        CalicoCRDs = "v3.28.5"
	CRDs331        CalicoCRDs = "v3.31.0"
	CRDs332        CalicoCRDs = "v3.32.1"
	NativeCRDs     CalicoCRDs = "v3.32.1 native"
	AggregatedCRDs CalicoCRDs = "v3.31.0 aggregated"
)

// crdSource says where CRDs are: in these directories of a module that the module
// file in dir pins. Directories are loaded one after the other.
type crdSource struct {
	dir, modfile, module string
	folders              []string
}

var crdSources = map[CalicoCRDs]crdSource{
	CRDs328:        {"tools/calico", "v3.28.5.mod", "github.com/projectcalico/calico", []string{"libcalico-go/config/crd"}},
	CRDs331:        {"tools/calico", "v3.31.0.mod", "github.com/projectcalico/calico", []string{"libcalico-go/config/crd"}},
	CRDs332:        {"tools/calico-crds", "go.mod", "github.com/tigera/operator", []string{"pkg/imports/crds/calico/v1.crd.projectcalico.org"}},
	AggregatedCRDs: {"tools/calico", "v3.31.0.mod", "github.com/projectcalico/calico", []string{"libcalico-go/config/crd"}},
	// The policies refuse everything if they come before the kinds that they are about.
	NativeCRDs: {"tools/calico-crds", "go.mod", "github.com/tigera/operator", []string{"pkg/imports/crds/calico/v3.projectcalico.org", "pkg/imports/admission/calico"}},
}

// manifest is a document of a YAML file.
type manifest struct {
	path, kind, text string
}

var (
	documentMark = regexp.MustCompile(`(?m)^---\s*$`)
	topLevelKind = regexp.MustCompile(`(?m)^kind: *"?(\w+)"?\s*$`)
	crdName      = regexp.MustCompile(`(?m)^ {2}name: *"?([\w.-]+)"?\s*$`)
)

// read returns the documents of the source, folder by folder.
func (c CalicoCRDs) read(ctx context.Context) ([][]manifest, error) {
	source, ok := crdSources[c]
	if !ok {
		return nil, fmt.Errorf("there are no CRDs %q", string(c))
	}
	module, err := source.moduleDir(ctx)
	if err != nil {
		return nil, err
	}
	var all [][]manifest
	for _, folder := range source.folders {
		files, err := filepath.Glob(filepath.Join(module, filepath.FromSlash(folder), "*.yaml"))
		if err != nil || len(files) == 0 {
			return nil, fmt.Errorf("%s of %s has no YAML files (%w)", folder, source.module, err)
		}
		slices.Sort(files)
		var documents []manifest
		for _, file := range files {
			more, err := readManifests(file)
			if err != nil {
				return nil, err
			}
			documents = append(documents, more...)
		}
		all = append(all, documents)
	}
	return all, nil
}

// readManifests returns the documents of a YAML file.
func readManifests(file string) ([]manifest, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var documents []manifest
	for _, text := range documentMark.Split(string(content), -1) {
		kind := topLevelKind.FindStringSubmatch(text)
		if kind == nil {
			continue // a comment before the first document
		}
		documents = append(documents, manifest{path: file, kind: kind[1], text: text})
	}
	return documents, nil
}

// moduleDir returns where the files of the module are. It downloads the module if need
// be, and compares it with go.sum.
func (source crdSource) moduleDir(ctx context.Context) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-modfile="+source.modfile, "-json", source.module)
	cmd.Dir = filepath.Join(root, filepath.FromSlash(source.dir))
	cmd.Env = append(cmd.Environ(), "GOFLAGS=", "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		var ended *exec.ExitError
		if errors.As(err, &ended) {
			err = fmt.Errorf("%w: %s%s", err, ended.Stderr, out)
		}
		return "", fmt.Errorf("cannot get the module %s: %w", source.module, err)
	}
	var module struct{ Dir string }
	err = json.Unmarshal(out, &module)
	return module.Dir, err
}

// Schemas returns the OpenAPI schemas of the kinds, by their names: those of the
// whole objects.
func (c CalicoCRDs) Schemas(ctx context.Context) (map[string]Schema, error) {
	folders, err := c.read(ctx)
	if err != nil {
		return nil, err
	}
	schemas := map[string]Schema{}
	for _, documents := range folders {
		for _, document := range documents {
			if document.kind != "CustomResourceDefinition" {
				continue
			}
			var definition struct {
				Spec struct {
					Names    struct{ Kind string }
					Versions []struct {
						Schema struct{ OpenAPIV3Schema Schema }
					}
				}
			}
			if err := yaml.Unmarshal([]byte(document.text), &definition); err != nil {
				return nil, fmt.Errorf("%s: %w", document.path, err)
			}
			if len(definition.Spec.Versions) != 1 {
				return nil, fmt.Errorf("%s has %d versions", document.path, len(definition.Spec.Versions))
			}
			schemas[definition.Spec.Names.Kind] = definition.Spec.Versions[0].Schema.OpenAPIV3Schema
		}
	}
	return schemas, nil
}

// Schema is what an OpenAPI schema says of a value, as far as tests ask.
type Schema struct {
	Properties map[string]Schema
	Items      *Schema
	Default    any
}

var clusterPaths = map[string]string{
	"CustomResourceDefinition":         "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
	"MutatingAdmissionPolicy":          "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies",
	"MutatingAdmissionPolicyBinding":   "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings",
	"ValidatingAdmissionPolicy":        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
	"ValidatingAdmissionPolicyBinding": "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
}

// Load loads CRDs, in the place of those of another release that are there, as an upgrade of
// Calico does.
func (k *Kubernetes) Load(t testing.TB, crds CalicoCRDs) {
	t.Helper()
	if err := k.load(t.Context(), crds); err != nil {
		t.Fatalf("the CRDs of Calico %s: %v", crds, err)
	}
}

// Unload removes CRDs, and all objects of theirs.
func (k *Kubernetes) Unload(t testing.TB, crds CalicoCRDs) {
	t.Helper()
	folders, err := crds.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, document := range folders[0] {
		path := clusterPaths[document.kind] + "/" + crdName.FindStringSubmatch(document.text)[1]
		k.MustDo(t, http.MethodDelete, path, "", "")
		Eventually(t, path+" is gone", func() bool {
			status, _, err := k.Do(t.Context(), http.MethodGet, path, "", "")
			return err == nil && status == http.StatusNotFound
		})
	}
}

// replace puts a document in the place of what is there under its name.
func (k *Kubernetes) replace(ctx context.Context, path, text string) (status int, answer string, err error) {
	var document map[string]any
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		return 0, "", err
	}
	metadata, _ := document["metadata"].(map[string]any)
	path += fmt.Sprintf("/%s", metadata["name"])
	var there struct {
		Metadata struct{ ResourceVersion string }
	}
	if _, answer, err = k.Do(ctx, http.MethodGet, path, "", ""); err != nil {
		return 0, "", err
	}
	if err := json.Unmarshal([]byte(answer), &there); err != nil {
		return 0, answer, err
	}
	metadata["resourceVersion"] = there.Metadata.ResourceVersion
	body, err := json.Marshal(document)
	if err != nil {
		return 0, "", err
	}
	return k.Do(ctx, http.MethodPut, path, "", string(body))
}

// load creates the CRDs and policies and returns when the server serves every kind,
// and applies the policies.
func (k *Kubernetes) load(ctx context.Context, crds CalicoCRDs) error {
	begun := ctx
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	folders, err := crds.read(ctx)
	if err != nil {
		return err
	}
	for _, documents := range folders {
		var names []string
		for _, document := range documents {
			path, ok := clusterPaths[document.kind]
			if !ok {
				return fmt.Errorf("%s: the harness does not know the kind %s", document.path, document.kind)
			}
			// Kubernetes serves v1beta1 of these policies no more; they are the same in v1.
			text := strings.ReplaceAll(document.text, "admissionregistration.k8s.io/v1beta1", "admissionregistration.k8s.io/v1")
			status, answer, err := k.Do(ctx, http.MethodPost, path, "application/yaml", text)
			if err == nil && status == http.StatusConflict {
				status, answer, err = k.replace(ctx, path, text)
			}
			if err != nil || status >= http.StatusMultipleChoices {
				return fmt.Errorf("%s: %d, %w: %s", document.path, status, err, answer)
			}
			if document.kind == "CustomResourceDefinition" {
				names = append(names, crdName.FindStringSubmatch(document.text)[1])
			}
		}
		for _, name := range names {
			if err := k.served(ctx, name); err != nil {
				return fmt.Errorf("%s is not served: %w", name, err)
			}
		}
	}
	if crds == NativeCRDs {
		return k.mutated(ctx)
	}
	if crds == AggregatedCRDs {
		return k.aggregate(begun)
	}
	return nil
}

// served waits until objects of a CRD can be listed. To be established is not
// enough: the first requests may still be answered with 404, 429 or 503.
func (k *Kubernetes) served(ctx context.Context, crd string) error {
	plural, group, _ := strings.Cut(crd, ".")
	var definition struct {
		Spec struct {
			Versions []struct{ Name string }
		}
	}
	_, answer, err := k.Do(ctx, http.MethodGet, clusterPaths["CustomResourceDefinition"]+"/"+crd, "", "")
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(answer), &definition); err != nil || len(definition.Spec.Versions) == 0 {
		return fmt.Errorf("%w: %s", err, answer)
	}
	return k.until(ctx, func() (bool, error) {
		status, _, err := k.Do(ctx, http.MethodGet, fmt.Sprintf("/apis/%s/%s/%s?limit=1", group, definition.Spec.Versions[0].Name, plural), "", "")
		return status == http.StatusOK, err
	})
}

// mutated waits until the admission policies fill in what they fill in. It writes
// nothing.
func (k *Kubernetes) mutated(ctx context.Context) error {
	return k.until(ctx, func() (bool, error) {
		_, answer, err := k.Do(ctx, http.MethodPost, "/apis/projectcalico.org/v3/globalnetworkpolicies?dryRun=All", "",
			`{"apiVersion":"projectcalico.org/v3","kind":"GlobalNetworkPolicy","metadata":{"name":"try"},"spec":{}}`)
		return strings.Contains(answer, `"types":["Ingress"]`) && strings.Contains(answer, `"projectcalico.org/tier":"default"`), err
	})
}
