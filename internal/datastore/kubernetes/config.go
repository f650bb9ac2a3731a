package kubernetes

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// DefaultRequestTimeout is for an operation with all its requests and retries. It is less
// than the 34 seconds after which an API server that has lost its etcd answers a write.
const DefaultRequestTimeout = 30 * time.Second

// The API groups in which a cluster may keep Calico's objects.
const (
	GroupNative = "projectcalico.org/v3"
	GroupV1     = "crd.projectcalico.org/v1"
)

// Config says how to reach an API server.
type Config struct {
	// ConfigPaths are kubeconfig files, merged as kubectl does: the first that says
	// something counts. Of several, those that do not exist are passed over.
	ConfigPaths []string
	// ConfigInline is the text of a kubeconfig. It is used as it is: all other fields
	// but APIGroup, RequestTimeout and UserAgent are ignored then, as calicoctl does.
	ConfigInline string
	// Context is the context of the kubeconfig; empty for its current one.
	Context string
	// Host is the URL of the API server. It takes the place of the kubeconfig's server.
	Host string
	// CACert is PEM with the certificates that the server's is checked against. It takes
	// the place of the kubeconfig's; if neither has any, the system's are used.
	CACert []byte
	// Token, ClientCert with ClientKey (PEM), and Exec are what the client proves itself
	// with. If any of them is set, nothing of the kubeconfig's user is used: of a token
	// and another's certificate, the server would look at the certificate alone.
	Token                 string
	ClientCert, ClientKey []byte
	Exec                  *Exec
	// Insecure leaves the server's certificate unchecked. Verify has it checked though the
	// kubeconfig may say otherwise. If neither is set, the kubeconfig decides.
	Insecure, Verify bool
	// TLSServerName is the name that the server's certificate is checked for; empty for
	// that in Host.
	TLSServerName string
	// ProxyURL is the proxy on the way to the server; empty for that of the environment.
	ProxyURL string
	// InCluster uses the service account of the pod that this runs in, and no other
	// field but APIGroup, RequestTimeout and UserAgent.
	InCluster bool
	// APIGroup is GroupNative or GroupV1; empty to find it out.
	APIGroup string
	// RequestTimeout bounds an operation with all its requests.
	RequestTimeout time.Duration
	// UserAgent is how the provider presents itself: terraform-provider-calico/1.2.3.
	UserAgent string

	// pod is the pod of InCluster; nil for the one that this runs in. Only a test has
	// another.
	pod *pod
}

// Exec is a program that is run to get a credential, as in a kubeconfig.
type Exec struct {
	APIVersion, Command string
	Args                []string
	Env                 map[string]string
}

// String says where the API server is told to be, and no secret.
func (c Config) String() string {
	switch {
	case c.InCluster:
		return "Kubernetes around this pod"
	case c.ConfigInline != "":
		return "Kubernetes of an inline kubeconfig"
	case c.Host != "":
		return "Kubernetes at " + safetext.Line(c.Host)
	default:
		return "Kubernetes of the kubeconfig " + safetext.Line(strings.Join(c.ConfigPaths, ", "))
	}
}

// GoString is String, so that no way of printing shows a secret.
func (c Config) GoString() string { return c.String() }

// rest makes client-go's configuration. Its errors quote neither a kubeconfig nor a URL
// that may hold a password.
func (c Config) rest() (*rest.Config, error) {
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	// client-go's own limit is five requests in a second: a plan of a thousand objects
	// would take minutes.
	client.QPS = -1
	client.ContentType, client.AcceptContentTypes = runtime.ContentTypeJSON, runtime.ContentTypeJSON
	client.UserAgent = c.UserAgent
	// The context of a request bounds it.
	client.Timeout = 0
	return client, nil
}

func (c Config) client() (*rest.Config, error) {
	if c.InCluster {
		if c.pod != nil {
			return c.pod.client()
		}
		return thisPod().client()
	}
	if c.ConfigInline == "" && c.Insecure && len(c.CACert) > 0 {
		return nil, errors.New("kubernetes.insecure and kubernetes.cluster_ca_certificate are both given: a server's certificate that is not checked needs no authority. Give one of them")
	}
	s, err := c.selected()
	if err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	client, err := s.load()
	if err != nil {
		return nil, err
	}
	if s.own && !rest.IsConfigTransportTLS(*client) {
		return nil, fmt.Errorf("the API server's URL is %s, which is not encrypted: no credential is sent there. Write https://", safetext.Line(s.cluster.Server))
	}
	// Certificates and keys are looked at now, not at the first request.
	if _, err := rest.TLSConfigFor(client); err != nil {
		return nil, fmt.Errorf("the certificates for %s cannot be used: %w", safetext.Line(s.cluster.Server), err)
	}
	return client, nil
}

// credential tells for a message what the client proves itself with, and never its value.
func (c Config) credential() string {
	if c.InCluster {
		return "the service account of this pod"
	}
	s, err := c.selected()
	switch {
	case err != nil:
		return noCredential
	case s.own || s.userName == "":
		return describe(s.user)
	default:
		return fmt.Sprintf("the kubeconfig user %q (%s)", s.userName, strings.TrimPrefix(describe(s.user), "the "))
	}
}

const noCredential = "no credential"

// describe tells what there is of a user, in the order in which an API server looks at it.
func describe(user *api.AuthInfo) string {
	var parts []string
	if len(user.ClientCertificateData) > 0 || user.ClientCertificate != "" {
		parts = append(parts, describeCertificate(user))
	}
	if user.Token != "" || user.TokenFile != "" {
		parts = append(parts, "a bearer token")
	}
	if user.Username != "" || user.Password != "" {
		parts = append(parts, fmt.Sprintf("the user name %q and a password", user.Username))
	}
	if user.Exec != nil {
		parts = append(parts, "the exec plugin "+safetext.Line(user.Exec.Command))
	}
	if len(parts) == 0 {
		return noCredential
	}
	return strings.Join(parts, " and ")
}

// describeCertificate tells whom a user's certificate is for.
func describeCertificate(user *api.AuthInfo) string {
	text := user.ClientCertificateData
	if len(text) == 0 {
		text, _ = os.ReadFile(user.ClientCertificate)
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		if certificate, err := x509.ParseCertificate(block.Bytes); err == nil {
			return fmt.Sprintf("the client certificate %q", certificate.Subject.CommonName)
		}
	}
	return "a client certificate"
}

// selection is the one cluster and the one user to use.
type selection struct {
	cluster               *api.Cluster
	user                  *api.AuthInfo
	clusterName, userName string
	// own is true if the user is of the Config itself, and not of a kubeconfig.
	own bool
}

// selected takes a cluster and a user out of the kubeconfig, if there is one, and puts
// what the Config itself says in place of what is there.
func (c Config) selected() (*selection, error) {
	if c.ConfigInline != "" {
		config, err := clientcmd.Load([]byte(c.ConfigInline))
		if err != nil {
			return nil, unreadable("the kubeconfig in spec.kubeconfigInline", err)
		}
		return Config{}.selectIn(config, "the kubeconfig in spec.kubeconfigInline")
	}
	if len(c.ConfigPaths) == 0 {
		return c.selectIn(api.NewConfig(), "")
	}
	config, err := readKubeconfigs(c.ConfigPaths)
	if err != nil {
		return nil, err
	}
	return c.selectIn(config, kubeconfigNames(c.ConfigPaths))
}

// selectIn does the work of selected. where names the kubeconfig in messages; it is empty
// if there is none.
func (c Config) selectIn(config *api.Config, where string) (*selection, error) {
	s := &selection{cluster: api.NewCluster(), user: api.NewAuthInfo()}
	s.own = c.Token != "" || len(c.ClientCert) > 0 || c.Exec != nil
	if where != "" {
		if err := s.take(config, c, where); err != nil {
			return nil, err
		}
	}
	if c.Host != "" {
		s.cluster.Server, s.cluster.TLSServerName = c.Host, ""
	}
	if len(c.CACert) > 0 {
		s.cluster.CertificateAuthority, s.cluster.CertificateAuthorityData = "", c.CACert
		s.cluster.InsecureSkipTLSVerify = false
	}
	if c.Insecure {
		s.cluster.CertificateAuthority, s.cluster.CertificateAuthorityData = "", nil
		s.cluster.InsecureSkipTLSVerify = true
	}
	if c.Verify {
		s.cluster.InsecureSkipTLSVerify = false
	}
	if c.TLSServerName != "" {
		s.cluster.TLSServerName = c.TLSServerName
	}
	if c.ProxyURL != "" {
		s.cluster.ProxyURL = c.ProxyURL
	}
	if s.own {
		s.userName = ""
		s.user = api.NewAuthInfo()
		s.user.Token, s.user.ClientCertificateData, s.user.ClientKeyData = c.Token, c.ClientCert, c.ClientKey
		s.user.Exec = c.Exec.plugin()
	}
	if s.cluster.Server == "" {
		if where == "" {
			return nil, errors.New("nothing says where the API server is: give kubernetes.config_path or kubernetes.host")
		}
		return nil, fmt.Errorf("the cluster %q of %s has no server: correct it there, or give kubernetes.host", s.clusterName, where)
	}
	return s, nil
}

// take takes the cluster and the user of the context.
func (s *selection) take(config *api.Config, c Config, where string) error {
	name, current := c.Context, false
	if name == "" {
		name, current = config.CurrentContext, true
	}
	context := config.Contexts[name]
	switch {
	case context != nil:
	case name != "" && current:
		return fmt.Errorf("the current context %q of %s is not there; there are %s. Name one of them in kubernetes.config_context", name, where, contextNames(config))
	case name != "":
		return fmt.Errorf("the context %q is not in %s; there are %s. Name one of them in kubernetes.config_context", name, where, contextNames(config))
	case c.Host != "":
		return nil // where and who is in the Config, the kubeconfig adds nothing
	default:
		return fmt.Errorf("%s has no current context; there are %s. Name one of them in kubernetes.config_context", where, contextNames(config))
	}
	s.clusterName, s.userName = context.Cluster, context.AuthInfo
	if cluster := config.Clusters[context.Cluster]; cluster != nil {
		s.cluster = cluster.DeepCopy()
	} else if c.Host == "" {
		return fmt.Errorf("the context %q of %s is of the cluster %q, which is not there", name, where, context.Cluster)
	}
	if user := config.AuthInfos[context.AuthInfo]; user != nil {
		s.user = user.DeepCopy()
	} else if context.AuthInfo != "" && !s.own {
		return fmt.Errorf("the context %q of %s is of the user %q, which is not there", name, where, context.AuthInfo)
	}
	return nil
}

// contextNames are the contexts of a kubeconfig, for a message.
func contextNames(config *api.Config) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(config.Contexts)) {
		names = append(names, fmt.Sprintf("%q", name))
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// plugin is the program in the words of client-go; nil for none. It cannot ask anybody:
// the provider's standard input is Terraform's.
func (e *Exec) plugin() *api.ExecConfig {
	if e == nil {
		return nil
	}
	plugin := &api.ExecConfig{APIVersion: e.APIVersion, Command: e.Command, Args: e.Args, InteractiveMode: api.NeverExecInteractiveMode}
	for _, name := range slices.Sorted(maps.Keys(e.Env)) {
		plugin.Env = append(plugin.Env, api.ExecEnvVar{Name: name, Value: e.Env[name]})
	}
	return plugin
}

// check finds what client-go would not tell well, or not without quoting it.
func (s *selection) check() error {
	if strings.Contains(s.cluster.Server, "@") {
		return errors.New("the API server's URL holds a user name or a password: give a credential in the block kubernetes, or as a user of the kubeconfig")
	}
	if s.cluster.ProxyURL != "" && !isProxyURL(s.cluster.ProxyURL) {
		return errors.New("the proxy's URL (kubernetes.proxy_url, or proxy-url of the kubeconfig's cluster) must begin with http://, https:// or socks5://, and name a host. Correct it; it is not shown, as it may hold a password")
	}
	if s.cluster.InsecureSkipTLSVerify && (s.cluster.CertificateAuthority != "" || len(s.cluster.CertificateAuthorityData) > 0) {
		return fmt.Errorf("the cluster %q of the kubeconfig has both insecure-skip-tls-verify and a certificate authority. Take one of them out", s.clusterName)
	}
	for _, file := range []struct{ field, path string }{
		{"certificate-authority", s.cluster.CertificateAuthority},
		{"client-certificate", s.user.ClientCertificate},
		{"client-key", s.user.ClientKey},
		{"tokenFile", s.user.TokenFile},
	} {
		if file.path == "" {
			continue
		}
		if _, err := os.ReadFile(file.path); err != nil {
			return fmt.Errorf("the file %q, which the kubeconfig names as %s, cannot be read: %w", file.path, file.field, pathReason(err))
		}
	}
	if provider := s.user.AuthProvider; provider != nil {
		return fmt.Errorf("the user %q of the kubeconfig has the auth-provider %q, which Kubernetes has given up. Write it as an exec plugin, or give another credential in the block kubernetes", s.userName, provider.Name)
	}
	if plugin := s.user.Exec; plugin != nil {
		if plugin.APIVersion != "client.authentication.k8s.io/v1" && plugin.APIVersion != "client.authentication.k8s.io/v1beta1" {
			return fmt.Errorf("the exec plugin %s has the apiVersion %q. Write client.authentication.k8s.io/v1 (or v1beta1, if the program knows no other)", safetext.Line(plugin.Command), plugin.APIVersion)
		}
		if plugin.InteractiveMode == api.AlwaysExecInteractiveMode {
			return fmt.Errorf("the exec plugin %s wants to ask on the terminal (interactiveMode: Always), which a provider does not have. Give another credential in the block kubernetes", safetext.Line(plugin.Command))
		}
		plugin.StdinUnavailable = true
	}
	return nil
}

// isProxyURL tells whether client-go takes the URL of a proxy.
func isProxyURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && slices.Contains([]string{"http", "https", "socks5"}, u.Scheme)
}

// load makes client-go's configuration of the one cluster and user.
func (s *selection) load() (*rest.Config, error) {
	const name = "selected"
	config := api.NewConfig()
	config.Clusters[s.clusterName], config.AuthInfos[s.userName] = s.cluster, s.user
	config.Contexts[name] = &api.Context{Cluster: s.clusterName, AuthInfo: s.userName}
	client, err := clientcmd.NewNonInteractiveClientConfig(*config, name, &clientcmd.ConfigOverrides{}, nil).ClientConfig()
	if err != nil {
		// What is left to be wrong is told by the names of users, fields and files.
		return nil, fmt.Errorf("the kubeconfig cannot be used: %w", err)
	}
	return client, nil
}
