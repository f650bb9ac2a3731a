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
	"slices"
	"strings"
)

// calicoServerUser is the user that Calico's API server is at kube-apiserver: the service
// account of its manifest.
const calicoServerUser = "system:serviceaccount:calico-apiserver:calico-apiserver"

// newFrontCertificates makes an authority that is good for nothing but to tell Calico's
// API server that a request comes from kube-apiserver.
func newFrontCertificates(dir string) (*Certificates, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	return NewCertificates(dir)
}

// aggregate starts Calico's API server, with the rights that its manifest gives it, and
// returns when kube-apiserver serves its group.
func (k *Kubernetes) aggregate(ctx context.Context) error {
	program, err := Tool("calico-apiserver-v3.31")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	module, err := crdSources[AggregatedCRDs].moduleDir(ctx)
	if err != nil {
		return err
	}
	documents, err := readManifests(filepath.Join(module, "manifests", "apiserver.yaml"))
	if err != nil {
		return err
	}
	paths := map[string]string{
		"Namespace":          "/api/v1/namespaces",
		"ClusterRole":        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
		"ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
	}
	for _, document := range documents {
		// The others are about pods, which there are none of here.
		if path := paths[document.kind]; path != "" {
			if err := k.post(ctx, path, "application/yaml", document.text); err != nil {
				return err
			}
		}
	}
	var port int
	err = errPortTaken
	// Another process may take the port between its choice and its use.
	for try := 0; try < 10 && errors.Is(err, errPortTaken); try++ {
		port, err = k.runCalicoServer(ctx, program)
	}
	if err != nil {
		return fmt.Errorf("cannot start Calico's API server: %w", err)
	}
	service := `{"metadata":{"name":"calico-api"},"spec":{"type":"ExternalName","externalName":"127.0.0.1"}}`
	if err := k.post(ctx, "/api/v1/namespaces/calico-apiserver/services", "", service); err != nil {
		return err
	}
	registration := fmt.Sprintf(`{"metadata":{"name":"v3.projectcalico.org"},"spec":{"group":"projectcalico.org","version":"v3","groupPriorityMinimum":1500,"versionPriority":200,
"insecureSkipTLSVerify":true,"service":{"namespace":"calico-apiserver","name":"calico-api","port":%d}}}`, port)
	const registrations = "/apis/apiregistration.k8s.io/v1/apiservices"
	if err := k.post(ctx, registrations, "", registration); err != nil {
		return err
	}
	var last string
	err = k.until(ctx, func() (bool, error) {
		var answer string
		if _, answer, err = k.Do(ctx, http.MethodGet, registrations+"/v3.projectcalico.org", "", ""); err != nil {
			return false, err
		}
		var registered struct {
			Status struct {
				Conditions []struct{ Type, Status, Message string }
			}
		}
		if err := json.Unmarshal([]byte(answer), &registered); err != nil {
			return false, err
		}
		last = fmt.Sprint(registered.Status.Conditions)
		available := slices.ContainsFunc(registered.Status.Conditions, func(c struct{ Type, Status, Message string }) bool {
			return c.Type == "Available" && c.Status == "True"
		})
		if !available {
			return false, nil
		}
		var status int
		status, last, err = k.Do(ctx, http.MethodGet, "/apis/projectcalico.org/v3/globalnetworkpolicies", "", "")
		return status == http.StatusOK, err
	})
	if err != nil {
		return fmt.Errorf("the API server of Calico is not available: %w; at last: %s", err, last)
	}
	return nil
}

// runCalicoServer starts the process of Calico's API server, and returns its port when it
// serves there.
func (k *Kubernetes) runCalicoServer(ctx context.Context, program string) (port int, err error) {
	config := k.file("calico-apiserver.kubeconfig")
	if err := os.WriteFile(config, []byte(k.kubeconfig(k.calicoToken)), 0o600); err != nil {
		return 0, err
	}
	log, err := os.Create(k.file("calico-apiserver.log"))
	if err != nil {
		return 0, err
	}
	defer func() { _ = log.Close() }()
	ports, err := freePorts(1)
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(program,
		fmt.Sprintf("--secure-port=%d", ports[0]),
		"--bind-address=127.0.0.1",
		"--tls-cert-file="+k.Certificates.ServerCertFile,
		"--tls-private-key-file="+k.Certificates.ServerKeyFile,
		"--kubeconfig="+config,
		"--authentication-kubeconfig="+config,
		"--authorization-kubeconfig="+config,
	)
	cmd.Dir, cmd.Env = k.dir, []string{"DATASTORE_TYPE=kubernetes", "KUBECONFIG=" + config}
	cmd.Stdout, cmd.Stderr = log, log
	if k.outlive {
		outlive(cmd)
	} else {
		dieWithParent(cmd)
	}
	if k.aggregated, err = startProcess(cmd); err != nil {
		return 0, err
	}
	said := func() string {
		content, _ := os.ReadFile(k.file("calico-apiserver.log"))
		return string(content[max(0, len(content)-4000):])
	}
	err = k.until(ctx, func() (bool, error) {
		switch {
		case k.aggregated.running():
		case strings.Contains(said(), "address already in use"):
			return false, errPortTaken
		default:
			return false, errors.New("it has ended")
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("https://127.0.0.1:%d/livez", ports[0]), http.NoBody)
		if err != nil {
			return false, err
		}
		response, err := k.client.Do(request)
		if err != nil {
			return false, nil //nolint:nilerr // it does not listen yet
		}
		return response.StatusCode == http.StatusOK, response.Body.Close()
	})
	if err != nil && !errors.Is(err, errPortTaken) {
		return 0, fmt.Errorf("%w; its last words:\n%s", err, said())
	}
	return ports[0], err
}
