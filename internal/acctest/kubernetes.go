package acctest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Kubernetes is a real kube-apiserver on the loopback address, over an etcd of its
// own. Access control (RBAC) is on.
type Kubernetes struct {
	// URL is where it serves, as https://127.0.0.1:PORT.
	URL string
	// Certificates are those of its authority. The client's certificate is of the
	// user terraform, as Token is.
	Certificates *Certificates
	// AdminToken may do everything. Token is of the user terraform, in the group
	// calico-tf, which may do nothing until a ClusterRole is bound to it.
	AdminToken, Token string
	// AdminConfig and Config are kubeconfig files with these tokens.
	AdminConfig, Config string

	dir     string
	outlive bool
	etcd    *Etcd
	program string
	port    int
	process *process
	client  *http.Client
	// front are the certificates by which kube-apiserver shows itself to Calico's API server.
	front *Certificates
	// aggregated is Calico's API server, which calicoToken is for; nil if it does not run.
	aggregated  *process
	calicoToken string
}

// KubernetesOption is an option of NewKubernetes and StartKubernetes.
type KubernetesOption func(*kubernetesOptions)

type kubernetesOptions struct {
	crds    []CalicoCRDs
	outlive bool
}

// WithCRDs loads these CRDs of Calico, and the admission policies that come with
// them.
func WithCRDs(crds ...CalicoCRDs) KubernetesOption {
	return func(o *kubernetesOptions) { o.crds = append(o.crds, crds...) }
}

// WithOutlivingServers lets kube-apiserver and its etcd go on when this process ends
// without Close, which otherwise takes them along.
func WithOutlivingServers() KubernetesOption { return func(o *kubernetesOptions) { o.outlive = true } }

// NewKubernetes starts a kube-apiserver for the time of a test.
func NewKubernetes(t testing.TB, options ...KubernetesOption) *Kubernetes {
	t.Helper()
	Starts(t)
	k, err := StartKubernetes(t.Context(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

// StartKubernetes starts a kube-apiserver and returns when it serves all that was
// asked for. The caller ends it with Close.
func StartKubernetes(ctx context.Context, options ...KubernetesOption) (*Kubernetes, error) {
	var o kubernetesOptions
	for _, option := range options {
		option(&o)
	}
	program, err := Tool("kube-apiserver")
	if err != nil {
		return nil, err
	}
	k := &Kubernetes{program: program, outlive: o.outlive}
	if k.dir, err = os.MkdirTemp("", "calico-kubernetes-"); err != nil {
		return nil, err
	}
	if err := k.start(ctx, o); err != nil {
		k.Close()
		return nil, fmt.Errorf("cannot start kube-apiserver: %w", err)
	}
	return k, nil
}

func (k *Kubernetes) start(ctx context.Context, o kubernetesOptions) (err error) {
	var options []EtcdOption
	if k.outlive {
		options = append(options, WithOutliving())
	}
	if k.etcd, err = StartEtcd(ctx, options...); err != nil {
		return err
	}
	if k.Certificates, err = NewCertificates(k.dir); err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(k.Certificates.CA))
	k.client = &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}},
		Timeout:   callTimeout,
	}
	if k.front, err = newFrontCertificates(k.file("front")); err != nil {
		return err
	}
	k.AdminToken, k.Token, k.calicoToken = randomToken(), randomToken(), randomToken()
	tokens := fmt.Sprintf("%s,admin,1,\"system:masters\"\n%s,terraform,2,\"calico-tf\"\n%s,%s,3\n", k.AdminToken, k.Token, k.calicoToken, calicoServerUser)
	if err := os.WriteFile(k.file("tokens.csv"), []byte(tokens), 0o600); err != nil {
		return err
	}
	// Another process may take the port between its choice and its use.
	const tries = 10
	for try := 1; ; try++ {
		ports, err := freePorts(1)
		if err != nil {
			return err
		}
		k.port = ports[0]
		k.URL = fmt.Sprintf("https://127.0.0.1:%d", k.port)
		err = k.run(ctx)
		if err == nil {
			break
		}
		if !errors.Is(err, errPortTaken) || try == tries {
			return err
		}
	}
	k.AdminConfig, k.Config = k.file("admin.kubeconfig"), k.file("terraform.kubeconfig")
	for path, token := range map[string]string{k.AdminConfig: k.AdminToken, k.Config: k.Token} {
		if err := os.WriteFile(path, []byte(k.kubeconfig(token)), 0o600); err != nil {
			return err
		}
	}
	for _, crds := range o.crds {
		if err := k.load(ctx, crds); err != nil {
			return fmt.Errorf("the CRDs of Calico %s: %w", crds, err)
		}
	}
	return nil
}

func randomToken() string {
	var bytes [16]byte
	_, _ = rand.Read(bytes[:])
	return hex.EncodeToString(bytes[:])
}

func (k *Kubernetes) file(name string) string { return filepath.Join(k.dir, name) }

func (k *Kubernetes) kubeconfig(token string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: test
clusters:
- {name: test, cluster: {server: %q, certificate-authority: %q}}
users:
- {name: test, user: {token: %q}}
contexts:
- {name: test, context: {cluster: test, user: test}}
`, k.URL, k.Certificates.CAFile, token)
}

// run starts the server's process and returns when it is ready.
func (k *Kubernetes) run(ctx context.Context) error {
	log, err := os.OpenFile(k.file("kube-apiserver.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	logged, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	certificates := k.Certificates
	cmd := exec.Command(k.program,
		"--etcd-servers="+k.etcd.Endpoints[0],
		fmt.Sprintf("--secure-port=%d", k.port),
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		"--tls-cert-file="+certificates.ServerCertFile,
		"--tls-private-key-file="+certificates.ServerKeyFile,
		"--client-ca-file="+certificates.CAFile,
		"--token-auth-file="+k.file("tokens.csv"),
		"--service-account-issuer=https://127.0.0.1",
		"--service-account-key-file="+certificates.ServerKeyFile,
		"--service-account-signing-key-file="+certificates.ServerKeyFile,
		"--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=RBAC",
		// A loopback address is no endpoint of the service kubernetes.
		"--endpoint-reconciler-type=none",
		"--cert-dir="+k.file("certificates"),
		"--requestheader-client-ca-file="+k.front.CAFile,
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file="+k.front.CertFile,
		"--proxy-client-key-file="+k.front.KeyFile,
	)
	cmd.Dir, cmd.Env = k.dir, []string{LittleGarbage}
	cmd.Stdout, cmd.Stderr = log, log
	if k.outlive {
		outlive(cmd)
	} else {
		dieWithParent(cmd)
	}
	if k.process, err = startProcess(cmd); err != nil {
		return err
	}
	said := func() string {
		content, err := os.ReadFile(k.file("kube-apiserver.log"))
		if err != nil {
			return err.Error()
		}
		content = content[logged:]
		return string(content[max(0, len(content)-4000):])
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	err = k.until(ctx, func() (bool, error) {
		select {
		case <-k.process.ended:
			if strings.Contains(said(), "address already in use") {
				return false, errPortTaken
			}
			return false, fmt.Errorf("it ended (%s); its last words:\n%s", cmd.ProcessState, said())
		default:
		}
		status, answer, err := k.Do(ctx, http.MethodGet, "/readyz", "", "")
		return err == nil && status == http.StatusOK && answer == "ok", nil
	})
	if err != nil {
		k.process.kill()
		if ctx.Err() != nil {
			return fmt.Errorf("it is not ready: %w; its last words:\n%s", err, said())
		}
	}
	return err
}

// until asks again and again until it is told true or an error, or until the
// context ends.
func (k *Kubernetes) until(ctx context.Context, is func() (bool, error)) error {
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		done, err := is()
		if done || err != nil {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Do makes a request as admin and returns the status and the answer. The path may
// carry a query. contentType is that of the body; the default is JSON.
func (k *Kubernetes) Do(ctx context.Context, method, path, contentType, body string) (status int, answer string, err error) {
	return k.DoAs(ctx, k.AdminToken, method, path, contentType, body)
}

// DoAs is Do as the user of the token.
func (k *Kubernetes) DoAs(ctx context.Context, token, method, path, contentType, body string) (status int, answer string, err error) {
	request, err := http.NewRequestWithContext(ctx, method, k.URL+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept", "application/json")
	if body != "" {
		if contentType == "" {
			contentType = "application/json"
		}
		request.Header.Set("Content-Type", contentType)
	}
	response, err := k.client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, string(content), err
}

// MustDo is Do for a test: it ends the test if the server does not answer with
// success.
func (k *Kubernetes) MustDo(t testing.TB, method, path, contentType, body string) string {
	t.Helper()
	status, answer, err := k.Do(t.Context(), method, path, contentType, body)
	if err != nil || status >= http.StatusMultipleChoices {
		t.Fatalf("%s %s: %d, %v: %s", method, path, status, err, answer)
	}
	return answer
}

// Stop ends the server at once, as a crash would. Its etcd goes on.
func (k *Kubernetes) Stop() { k.process.kill() }

// Start starts the server again after Stop, at the same address and with the same
// data, and returns when it is ready.
func (k *Kubernetes) Start(t testing.TB) {
	t.Helper()
	if err := k.run(t.Context()); err != nil {
		t.Fatalf("cannot start kube-apiserver again: %v", err)
	}
}

// Pause makes the server hang: it takes connections and answers nothing. Resume
// ends that.
func (k *Kubernetes) Pause(t testing.TB) {
	t.Helper()
	if err := pause(k.process.cmd.Process); err != nil {
		t.Fatal(err)
	}
}

// Resume ends Pause.
func (k *Kubernetes) Resume(t testing.TB) {
	t.Helper()
	if err := resume(k.process.cmd.Process); err != nil {
		t.Fatal(err)
	}
}

// Pid returns the process of the server.
func (k *Kubernetes) Pid() int { return k.process.cmd.Process.Pid }

// Dir returns the directory of the server's files.
func (k *Kubernetes) Dir() string { return k.dir }

// Etcd returns the etcd in which the server keeps its objects.
func (k *Kubernetes) Etcd() *Etcd { return k.etcd }

// Close ends the server and removes its data. It may be called twice.
func (k *Kubernetes) Close() {
	if k.aggregated != nil {
		k.aggregated.kill()
	}
	if k.process != nil {
		k.process.kill()
	}
	if k.etcd != nil {
		k.etcd.Close()
	}
	if k.client != nil {
		k.client.CloseIdleConnections()
	}
	_ = os.RemoveAll(k.dir)
}
