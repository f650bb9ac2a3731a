package acctest

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// GrantAccess binds the roles of the documentation (clusterrole.yaml of examples/kubernetes-nodes) to the user
// terraform, and returns when they are in force.
func (k *Kubernetes) GrantAccess(t testing.TB) {
	t.Helper()
	if err := k.Grant(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Grant is GrantAccess for a main program.
func (k *Kubernetes) Grant(ctx context.Context) error {
	roles, err := documentedRoles()
	if err != nil {
		return err
	}
	return k.grant(ctx, roles)
}

// documentedRoles are the roles of the documentation.
func documentedRoles() ([]string, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(filepath.Join(root, "examples", "kubernetes-nodes", "clusterrole.yaml"))
	return documentMark.Split(string(content), -1), err
}

// GrantReading is GrantAccess with what the documentation leaves of its roles for a run
// that only plans: nothing that can write, and no Role.
func (k *Kubernetes) GrantReading(t testing.TB) {
	t.Helper()
	roles, err := documentedRoles()
	if err != nil {
		t.Fatal(err)
	}
	var reading []string
	for _, document := range roles {
		var role struct {
			APIVersion string         `json:"apiVersion"`
			Kind       string         `json:"kind"`
			Metadata   map[string]any `json:"metadata"`
			Rules      []struct {
				APIGroups     []string `json:"apiGroups"`
				Resources     []string `json:"resources"`
				ResourceNames []string `json:"resourceNames,omitempty"`
				Verbs         []string `json:"verbs"`
			} `json:"rules"`
		}
		if err := yaml.Unmarshal([]byte(document), &role); err != nil {
			t.Fatal(err)
		}
		if role.Kind != "ClusterRole" {
			continue
		}
		rules := role.Rules[:0]
		for _, r := range role.Rules {
			r.Verbs = slices.DeleteFunc(r.Verbs, func(verb string) bool { return verb != "get" && verb != "list" })
			if len(r.Verbs) > 0 {
				rules = append(rules, r)
			}
		}
		role.Rules = rules
		text, err := yaml.Marshal(role)
		if err != nil {
			t.Fatal(err)
		}
		reading = append(reading, string(text))
	}
	if err := k.grant(t.Context(), reading); err != nil {
		t.Fatal(err)
	}
}

// grant creates roles and binds them to the user terraform.
func (k *Kubernetes) grant(ctx context.Context, roles []string) error {
	const rbac = "/apis/rbac.authorization.k8s.io/v1/"
	const subject = `"subjects":[{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"terraform"}]`
	for _, document := range roles {
		var head struct {
			Kind     string
			Metadata struct{ Name, Namespace string }
		}
		if err := yaml.Unmarshal([]byte(document), &head); err != nil {
			return err
		}
		in := rbac
		if head.Metadata.Namespace != "" {
			in += "namespaces/" + head.Metadata.Namespace + "/"
		}
		kind := strings.ToLower(head.Kind)
		if err := k.post(ctx, in+kind+"s", "application/yaml", document); err != nil {
			return err
		}
		binding := `{"metadata":{"name":"` + head.Metadata.Name + `"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"` + head.Kind + `","name":"` + head.Metadata.Name + `"},` + subject + `}`
		if err := k.post(ctx, in+kind+"bindings", "", binding); err != nil {
			return err
		}
	}
	return k.until(ctx, func() (bool, error) {
		status, _, err := k.DoAs(ctx, k.Token, http.MethodGet, "/api/v1/nodes?limit=1", "", "")
		return status == http.StatusOK, err
	})
}

// post creates an object as admin.
func (k *Kubernetes) post(ctx context.Context, path, contentType, body string) error {
	status, answer, err := k.Do(ctx, http.MethodPost, path, contentType, body)
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("the API server answers %d: %s", status, answer)
	}
	if err != nil {
		return fmt.Errorf("cannot create what %s is for: %w", path, err)
	}
	return nil
}
