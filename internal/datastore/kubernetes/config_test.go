package kubernetes

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// secret is in every kubeconfig of these tests, and in no message.
const secret = "hunter2"

// kubeconfig is one with two contexts: prod has a token, and its user's name is ann; dev
// has an exec plugin, and its user's name is bob.
const kubeconfig = `apiVersion: v1
kind: Config
current-context: prod
clusters:
- name: prod-cluster
  cluster: {server: "https://prod.example.net:6443", tls-server-name: prod}
- name: dev-cluster
  cluster: {server: "https://dev.example.net", insecure-skip-tls-verify: true}
contexts:
- name: prod
  context: {cluster: prod-cluster, user: ann}
- name: dev
  context: {cluster: dev-cluster, user: bob}
users:
- name: ann
  user: {token: hunter2}
- name: bob
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: aws
      args: [eks, get-token, hunter2]
      interactiveMode: IfAvailable
`

// file writes a file for the test and returns its name.
func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func certificates(t *testing.T) *acctest.Certificates {
	t.Helper()
	c, err := acctest.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// mustRest makes client-go's configuration.
func mustRest(t *testing.T, c Config) *rest.Config {
	t.Helper()
	client, err := c.rest()
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestConfigOfKubeconfig(t *testing.T) {
	t.Parallel()
	path := file(t, "config", kubeconfig)
	first := file(t, "first", "current-context: dev\nusers: [{name: bob, user: {token: of-the-first}}]\n")
	for name, test := range map[string]struct {
		config     Config
		host       string
		token      string
		serverName string
		insecure   bool
		credential string
	}{
		"the current context": {
			config: Config{ConfigPaths: []string{path}},
			host:   "https://prod.example.net:6443", token: secret, serverName: "prod",
			credential: `the kubeconfig user "ann" (a bearer token)`,
		},
		"another context": {
			config: Config{ConfigPaths: []string{path}, Context: "dev"},
			host:   "https://dev.example.net", insecure: true,
			credential: `the kubeconfig user "bob" (exec plugin aws)`,
		},
		"two files, the first counts": {
			config: Config{ConfigPaths: []string{first, path}},
			host:   "https://dev.example.net", insecure: true, token: "of-the-first",
			credential: `the kubeconfig user "bob" (a bearer token)`,
		},
		"one of two files is not there": {
			config: Config{ConfigPaths: []string{filepath.Join(t.TempDir(), "nowhere"), path}},
			host:   "https://prod.example.net:6443", token: secret, serverName: "prod",
			credential: `the kubeconfig user "ann" (a bearer token)`,
		},
		"inline, whatever else is given": {
			config: Config{ConfigInline: kubeconfig, ConfigPaths: []string{"/nowhere"}, Context: "dev", Host: "https://other", Token: "other", Insecure: true, CACert: []byte("none")},
			host:   "https://prod.example.net:6443", token: secret, serverName: "prod",
			credential: `the kubeconfig user "ann" (a bearer token)`,
		},
		"a host in place of the kubeconfig's, whose user stays": {
			config: Config{ConfigPaths: []string{path}, Host: "https://10.0.0.1:6443"},
			host:   "https://10.0.0.1:6443", token: secret,
			credential: `the kubeconfig user "ann" (a bearer token)`,
		},
		"a token in place of the whole user": {
			config: Config{ConfigPaths: []string{path}, Context: "dev", Token: "own"},
			host:   "https://dev.example.net", insecure: true, token: "own",
			credential: "a bearer token",
		},
		"a certificate that is checked though the kubeconfig says not to": {
			config: Config{ConfigPaths: []string{path}, Context: "dev", Token: "own", Verify: true},
			host:   "https://dev.example.net", token: "own", credential: "a bearer token",
		},
		"an exec plugin in place of the whole user": {
			config: Config{ConfigPaths: []string{path}, Exec: &Exec{APIVersion: "client.authentication.k8s.io/v1beta1", Command: "gke-auth"}, TLSServerName: "x"},
			host:   "https://prod.example.net:6443", serverName: "x",
			credential: "the exec plugin gke-auth",
		},
		"no context, but a host and a token": {
			config: Config{ConfigPaths: []string{file(t, "config", "kind: Config\n")}, Host: "https://10.0.0.1", Token: "own"},
			host:   "https://10.0.0.1", token: "own", credential: "a bearer token",
		},
		"a host and nothing": {
			config: Config{Host: "https://10.0.0.1"}, host: "https://10.0.0.1", credential: "no credential",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := mustRest(t, test.config)
			if client.Host != test.host || client.BearerToken != test.token || client.ServerName != test.serverName || client.Insecure != test.insecure {
				t.Errorf("host %q, token %q, server name %q, insecure %t", client.Host, client.BearerToken, client.ServerName, client.Insecure)
			}
			if (client.ExecProvider != nil) != strings.Contains(test.credential, "exec") {
				t.Errorf("the exec plugin is %v", client.ExecProvider)
			}
			if got := test.config.credential(); got != test.credential {
				t.Errorf("the credential is %q, want %q", got, test.credential)
			}
			if client.QPS >= 0 || client.Timeout != 0 || client.ContentType != "application/json" {
				t.Errorf("QPS %v, timeout %v, content type %q", client.QPS, client.Timeout, client.ContentType)
			}
			for _, printed := range []string{fmt.Sprintf("%v %+v %#v", test.config, test.config, test.config), test.config.credential()} {
				for _, s := range []string{secret, "own", "of-the-first", "get-token"} {
					if strings.Contains(printed, s) {
						t.Errorf("a secret is printed: %s", printed)
					}
				}
			}
		})
	}
}

// TestConfigReachesAServer sends each kind of credential to a server.
func TestConfigReachesAServer(t *testing.T) {
	acctest.Starts(t)
	t.Parallel()
	certs := certificates(t)
	pair, err := tls.LoadX509KeyPair(certs.ServerCertFile, certs.ServerKeyFile)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan string, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		who := r.Header.Get("Authorization")
		if len(r.TLS.PeerCertificates) > 0 {
			who = "CN=" + r.TLS.PeerCertificates[0].Subject.CommonName
		}
		seen <- r.Host + " " + r.UserAgent() + " " + who
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- "proxy: " + r.Method + " " + r.Host
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(proxy.Close)

	host := strings.TrimPrefix(server.URL, "https://")
	unchecked := file(t, "unchecked", `{"kind":"Config","current-context":"c","contexts":[{"name":"c","context":{"cluster":"c"}}],"clusters":[{"name":"c","cluster":{"server":"`+server.URL+`","insecure-skip-tls-verify":true}}]}`)
	base := Config{Host: server.URL, CACert: []byte(certs.CA), UserAgent: "terraform-provider-calico/1.2.3"}
	for name, test := range map[string]struct {
		change func(*Config)
		want   string
		// fails is what the client says if the server's certificate is refused.
		fails string
	}{
		"a token":       {change: func(c *Config) { c.Token = "t0ken" }, want: host + " terraform-provider-calico/1.2.3 Bearer t0ken"},
		"a certificate": {change: func(c *Config) { c.ClientCert, c.ClientKey = []byte(certs.Cert), []byte(certs.Key) }, want: host + " terraform-provider-calico/1.2.3 CN=terraform"},
		"a plugin": {
			change: func(c *Config) {
				c.Exec = &Exec{
					APIVersion: "client.authentication.k8s.io/v1", Command: "sh",
					Args: []string{"-c", `printf '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"%s"}}' "$TOKEN"`},
					Env:  map[string]string{"TOKEN": "of-the-plugin"},
				}
			},
			want: host + " terraform-provider-calico/1.2.3 Bearer of-the-plugin",
		},
		"nothing":  {change: func(*Config) {}, want: host + " terraform-provider-calico/1.2.3 "},
		"insecure": {change: func(c *Config) { c.Insecure, c.CACert, c.TLSServerName = true, nil, "another.example.net" }, want: host + " terraform-provider-calico/1.2.3 "},
		"insecure by the kubeconfig": {
			change: func(c *Config) { c.ConfigPaths, c.CACert = []string{unchecked}, nil }, want: host + " terraform-provider-calico/1.2.3 ",
		},
		"checked, whatever the kubeconfig says": {
			change: func(c *Config) { c.ConfigPaths, c.CACert, c.Verify = []string{unchecked}, nil, true }, fails: "unknown authority",
		},
		"another CA":    {change: func(c *Config) { c.CACert = []byte(certificates(t).CA) }, fails: "unknown authority"},
		"another name":  {change: func(c *Config) { c.TLSServerName = "another.example.net" }, fails: "another.example.net"},
		"the same name": {change: func(c *Config) { c.TLSServerName = "localhost" }, want: host + " terraform-provider-calico/1.2.3 "},
		"a proxy":       {change: func(c *Config) { c.ProxyURL = proxy.URL }, want: "proxy: CONNECT " + host, fails: "Forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			c := base
			test.change(&c)
			client, err := rest.HTTPClientFor(mustRest(t, c))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client.Get(c.Host + "/version")
			if err == nil {
				_ = resp.Body.Close()
			}
			if (err == nil) != (test.fails == "") || err != nil && !strings.Contains(err.Error(), test.fails) {
				t.Errorf("the request fails with %v, want %q", err, test.fails)
			}
			if test.want == "" {
				return
			}
			if got := <-seen; got != test.want {
				t.Errorf("it saw %q, want %q", got, test.want)
			}
		})
	}
}

// TestConfigThatCannotBeUsed also holds that no error quotes a secret.
func TestConfigThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	certs, others := certificates(t), certificates(t)
	data := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	// with is a kubeconfig whose cluster and user are these.
	with := func(cluster, user string) Config {
		return Config{ConfigPaths: []string{file(t, "config", fmt.Sprintf(`current-context: c
contexts: [{name: c, context: {cluster: k, user: ann}}]
clusters: [{name: k, cluster: {%s}}]
users: [{name: ann, user: {%s}}]
`, cluster, user))}}
	}
	text := func(text string) Config { return Config{ConfigPaths: []string{file(t, "config", text)}} }
	const server, token = `server: "https://k.example.net"`, "token: hunter2"
	for name, test := range map[string]struct {
		config Config
		says   []string
	}{
		"nothing":                        {Config{Token: secret}, []string{"kubernetes.config_path or kubernetes.host"}},
		"a file that is not there":       {Config{ConfigPaths: []string{"/nowhere/config"}}, []string{`"/nowhere/config"`, "no such file"}},
		"files of which none is there":   {Config{ConfigPaths: []string{"/nowhere/a", "/nowhere/b"}}, []string{`"/nowhere/a", "/nowhere/b"`, "no such file"}},
		"a directory":                    {Config{ConfigPaths: []string{t.TempDir()}}, []string{"is a directory"}},
		"no YAML":                        {text("a: b\n\ttoken: hunter2\n"), []string{"is no kubeconfig", "line 2"}},
		"a text":                         {text(secret), []string{"is no kubeconfig"}},
		"a token of the wrong type":      {text("users: [{name: a, user: {token: [hunter2]}}]"), []string{"is no kubeconfig"}},
		"data that is no base64":         {text("users: [{name: a, user: {client-key-data: 'hunter2!'}}]"), []string{"is no kubeconfig"}},
		"another kind of YAML":           {text("apiVersion: v1\nkind: Secret\nstringData: {token: hunter2}\n"), []string{"is no kubeconfig"}},
		"an inline text":                 {Config{ConfigInline: "token: [hunter2"}, []string{"spec.kubeconfigInline", "is no kubeconfig"}},
		"an empty file":                  {text(""), []string{"no current context", "there are none"}},
		"no current context":             {text(strings.Replace(kubeconfig, "current-context: prod\n", "", 1)), []string{"no current context", `"dev", "prod"`, "kubernetes.config_context"}},
		"a context that is not there":    {Config{ConfigPaths: []string{file(t, "config", kubeconfig)}, Context: "test"}, []string{`"test"`, `"dev", "prod"`}},
		"a current one that is not":      {text(strings.Replace(kubeconfig, "current-context: prod", "current-context: test", 1)), []string{`current context "test"`, `"dev", "prod"`}},
		"a cluster that is not there":    {text("current-context: c\ncontexts: [{name: c, context: {cluster: k, user: ann}}]\nusers: [{name: ann, user: {token: hunter2}}]\n"), []string{`cluster "k"`}},
		"a user that is not there":       {text("current-context: c\ncontexts: [{name: c, context: {cluster: k, user: ann}}]\nclusters: [{name: k, cluster: {server: 'https://k'}}]\n"), []string{`user "ann"`}},
		"no server":                      {with("", token), []string{`cluster "k"`, "no server", "kubernetes.host"}},
		"a user in the server's URL":     {with(`server: "https://ann:hunter2@k.example.net"`, ""), []string{"user name or a password"}},
		"a proxy that is none":           {with(server+`, proxy-url: "ftp://ann:hunter2@proxy"`, token), []string{"kubernetes.proxy_url", "socks5://"}},
		"a proxy that is no URL":         {with(server+`, proxy-url: "http://ann:hunter2@pro xy"`, token), []string{"kubernetes.proxy_url"}},
		"insecure with a CA":             {Config{Host: "https://k", Token: secret, Insecure: true, CACert: []byte(certs.CA)}, []string{"kubernetes.insecure and kubernetes.cluster_ca_certificate"}},
		"insecure with a CA there":       {with(server+", insecure-skip-tls-verify: true, certificate-authority-data: "+data(certs.CA), token), []string{`cluster "k"`, "insecure-skip-tls-verify"}},
		"a CA's file that is not there":  {with(server+", certificate-authority: /nowhere/ca.crt", token), []string{`"/nowhere/ca.crt"`, "certificate-authority"}},
		"a key's file that is not there": {with(server, "client-certificate: "+certs.CertFile+", client-key: /nowhere/key"), []string{`"/nowhere/key"`, "client-key"}},
		"a token's file that is not":     {with(server, "tokenFile: /nowhere/token"), []string{`"/nowhere/token"`, "tokenFile"}},
		"a CA that is none":              {with(server+", certificate-authority-data: "+data(secret), token), []string{"certificates for https://k.example.net", "PEM"}},
		"a certificate without a key":    {with(server, "client-certificate-data: "+data(certs.Cert)), []string{"client-key-data"}},
		"another's key":                  {with(server, "client-certificate-data: "+data(certs.Cert)+", client-key-data: "+data(others.Key)), []string{"private key does not match"}},
		"a key that is none":             {with(server, "client-certificate-data: "+data(certs.Cert)+", client-key-data: "+data(secret)), []string{"certificates for https://k.example.net"}},
		"a token and a password":         {with(server, token+", username: ann, password: hunter2"), []string{"more than one authentication method"}},
		"an auth-provider":               {with(server, "auth-provider: {name: oidc, config: {id-token: hunter2}}"), []string{`"oidc"`, "exec plugin"}},
		"a plugin that asks":             {with(server, "exec: {apiVersion: client.authentication.k8s.io/v1, command: login, args: [hunter2], interactiveMode: Always}"), []string{"exec plugin login", "terminal"}},
		"a plugin of an old version":     {with(server, "exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: login, args: [hunter2]}"), []string{"exec plugin login", "v1alpha1", "client.authentication.k8s.io/v1 "}},
		"a plugin without a command":     {with(server, "exec: {apiVersion: client.authentication.k8s.io/v1, args: [hunter2], interactiveMode: Never}"), []string{"command must be specified"}},
		"a token without TLS":            {Config{Host: "http://k.example.net", Token: secret}, []string{"http://k.example.net", "not encrypted"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := test.config.rest()
			if err == nil {
				t.Fatal("it can be used")
			}
			for _, s := range test.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%q does not say %q", err, s)
				}
			}
			for _, s := range []string{secret, data(secret)} {
				if strings.Contains(err.Error(), s) {
					t.Errorf("a secret is told: %v", err)
				}
			}
		})
	}
}

func TestConfigInCluster(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	c := Config{InCluster: true}
	if _, err := c.rest(); err == nil || !strings.Contains(err.Error(), "no service account") {
		t.Errorf("outside of a cluster: %v", err)
	}
	if got := c.credential(); got != "the service account of this pod" {
		t.Errorf("the credential is %q", got)
	}
}

// TestConfigTakesNothingFromTheEnvironment holds that kubectl's own settings do not count.
func TestConfigTakesNothingFromTheEnvironment(t *testing.T) {
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".kube"), 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(home, ".kube", "config")
	if err := os.WriteFile(path, []byte(kubeconfig), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", home)
	t.Setenv("KUBECONFIG", path)
	t.Setenv("KUBERNETES_MASTER", "https://prod.example.net:6443")
	if client, err := (Config{}).rest(); err == nil {
		t.Errorf("it leads to %s", client.Host)
	}
	if client := mustRest(t, Config{Host: "https://10.0.0.1"}); client.Host != "https://10.0.0.1" || client.BearerToken != "" {
		t.Errorf("it leads to %s, with the token %q", client.Host, client.BearerToken)
	}
}

func TestCredentialOfCertificates(t *testing.T) {
	t.Parallel()
	certs := certificates(t)
	for name, test := range map[string]struct {
		config Config
		want   string
	}{
		"a certificate": {Config{Host: "https://k", ClientCert: []byte(certs.Cert), ClientKey: []byte(certs.Key)}, `the client certificate "terraform"`},
		"with a token":  {Config{Host: "https://k", ClientCert: []byte(certs.Cert), ClientKey: []byte(certs.Key), Token: secret}, `the client certificate "terraform" and a bearer token`},
		"in a kubeconfig's file": {
			Config{ConfigInline: "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: ann}}]\nclusters: [{name: k, cluster: {server: 'https://k'}}]\nusers: [{name: ann, user: {client-certificate: " + certs.CertFile + ", client-key: " + certs.KeyFile + "}}]\n"},
			`the kubeconfig user "ann" (client certificate "terraform")`,
		},
		"that is none":        {Config{Host: "https://k", ClientCert: []byte("x")}, "a client certificate"},
		"with no kubeconfig":  {Config{ConfigPaths: []string{"/nowhere"}}, "no credential"},
		"a user with nothing": {Config{ConfigInline: "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: ann}}]\nclusters: [{name: k, cluster: {server: 'https://k'}}]\nusers: [{name: ann, user: {}}]\n"}, `the kubeconfig user "ann" (no credential)`},
	} {
		if got := test.config.credential(); got != test.want {
			t.Errorf("%s: the credential is %q, want %q", name, got, test.want)
		}
	}
}

// TestProxyURLs compares what is taken with the schemes that client-go knows.
func TestProxyURLs(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"http://proxy:3128": true, "https://u:p@proxy": true, "socks5://proxy:1080": true,
		"proxy:3128": false, "socks4://proxy": false, "http://": false, "": false,
	} {
		if got := isProxyURL(text); got != want {
			t.Errorf("%q is taken: %t", text, got)
		}
		if !want {
			continue
		}
		client := mustRest(t, Config{Host: "https://k", ProxyURL: text, RequestTimeout: time.Second})
		target := &http.Request{URL: &url.URL{Scheme: "https", Host: "k"}}
		if u, err := client.Proxy(target); err != nil || u.String() != text {
			t.Errorf("%q leads through %v, %v", text, u, err)
		}
	}
}
