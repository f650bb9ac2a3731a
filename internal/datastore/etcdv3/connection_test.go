package etcdv3

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// soon is far more than what is at once takes on a busy machine, and less than the dial
// timeout.
const soon = DefaultDialTimeout * 4 / 5

// configOf is how to reach an etcd as a user.
func configOf(etcd *acctest.Etcd, user acctest.User) Config {
	cfg := Config{Endpoints: etcd.Endpoints, Username: user.Name, Password: user.Password}
	if c := etcd.Certificates; c != nil {
		cfg.CACert, cfg.Cert, cfg.Key = []byte(c.CA), []byte(c.Cert), []byte(c.Key)
	}
	return cfg
}

// with returns a changed copy.
func (c Config) with(change func(*Config)) Config {
	change(&c)
	return c
}

// otherScheme is the endpoint with https in place of http, or the reverse.
func otherScheme(endpoint string) []string {
	if rest, ok := strings.CutPrefix(endpoint, "https://"); ok {
		return []string{"http://" + rest}
	}
	return []string{"https://" + strings.TrimPrefix(endpoint, "http://")}
}

// closedPort is an address where nothing listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l := listen(t)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}

// listen returns a listener that takes connections, as the kernel does before
// anybody asks for them, and answers nothing.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// serveTLS does the server's part of TLS handshakes, and no more.
func serveTLS(t *testing.T, config *tls.Config) (address string) {
	t.Helper()
	l := listen(t)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_ = tls.Server(conn, config).HandshakeContext(t.Context())
				_ = conn.Close()
			}()
		}
	}()
	return l.Addr().String()
}

func serverConfig(t *testing.T, c *acctest.Certificates) *tls.Config {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(c.ServerCertFile, c.ServerKeyFile)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2"}}
}

func newCertificates(t *testing.T) *acctest.Certificates {
	t.Helper()
	c, err := acctest.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// use proves that a client works.
func use(t *testing.T, client *clientv3.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), DefaultRequestTimeout)
	defer cancel()
	if _, err := client.Get(ctx, "/calico/a"); err != nil {
		t.Errorf("the connection is of no use: %v", err)
	}
}

// checkSecrets holds that no way of printing shows a secret of the configuration.
func checkSecrets(t *testing.T, cfg Config, err error) {
	t.Helper()
	printed := fmt.Sprintf("%v %+v %#v %v", cfg, cfg, cfg, err)
	for _, secret := range []string{cfg.Password, string(cfg.Key)} {
		if secret != "" && strings.Contains(printed, secret) {
			t.Errorf("a secret is told: %s", printed)
		}
	}
}

func TestConnect(t *testing.T) {
	t.Parallel()
	plain := acctest.NewEtcd(t)
	secure := acctest.NewEtcd(t, acctest.WithTLS())
	guarded := acctest.NewEtcd(t, acctest.WithTLS(), acctest.WithAuth())
	strangers := newCertificates(t)
	closed := closedPort(t)

	trusted := configOf(secure, acctest.User{})
	nobody := configOf(guarded, acctest.User{})
	writer := configOf(guarded, guarded.Writer)

	read := func(path string) []byte {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	serverCert, serverKey := read(secure.Certificates.ServerCertFile), read(secure.Certificates.ServerKeyFile)
	old := serverConfig(t, secure.Certificates)
	old.MaxVersion, old.ClientAuth = tls.VersionTLS12, tls.RequireAnyClientCert
	ancient := serverConfig(t, secure.Certificates)
	ancient.MinVersion, ancient.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	secureWeb := httptest.NewUnstartedServer(http.NotFoundHandler())
	secureWeb.TLS = serverConfig(t, secure.Certificates)
	secureWeb.TLS.NextProtos = []string{"http/1.1"}
	secureWeb.Config.ErrorLog = log.New(io.Discard, "", 0)
	secureWeb.StartTLS()
	t.Cleanup(secureWeb.Close)

	const (
		works       = 0
		unavailable = -1
	)
	for name, test := range map[string]struct {
		cfg  Config
		want datastore.DeniedReason
		says []string
	}{
		"plaintext":                        {configOf(plain, acctest.User{}), works, nil},
		"TLS":                              {trusted, works, nil},
		"a password":                       {writer, works, nil},
		"a password that nobody asks for":  {configOf(plain, acctest.User{Name: "ann", Password: "hunter2"}), works, nil},
		"a user without password":          {configOf(plain, acctest.User{Name: "ann"}), works, nil},
		"a CA after others in one PEM":     {trusted.with(func(c *Config) { c.CACert = []byte(strangers.CA + secure.Certificates.CA) }), works, nil},
		"one of two endpoints is dead":     {Config{Endpoints: []string{"http://" + closed, plain.Endpoints[0]}}, works, nil},
		"certificates without use for TLS": {trusted.with(func(c *Config) { c.Endpoints = plain.Endpoints }), works, nil},

		"a CA that did not sign": {
			trusted.with(func(c *Config) { c.CACert = []byte(strangers.CA) }), datastore.DeniedTLS,
			[]string{"ca_cert", "x509: certificate signed by unknown authority"},
		},
		"the system's CAs": {
			trusted.with(func(c *Config) { c.CACert = nil }), datastore.DeniedTLS,
			[]string{"x509: certificate signed by unknown authority"},
		},
		"a CA that did not sign, with a password": {
			writer.with(func(c *Config) { c.CACert = []byte(strangers.CA) }), datastore.DeniedTLS,
			[]string{"x509: certificate signed by unknown authority"},
		},
		"no client certificate": {
			trusted.with(func(c *Config) { c.Cert, c.Key = nil, nil }), datastore.DeniedTLS,
			[]string{"requires a client certificate", "cert_file"},
		},
		"no client certificate, TLS 1.2": {
			trusted.with(func(c *Config) {
				c.Cert, c.Key, c.Endpoints = nil, nil, []string{"https://" + serveTLS(t, old)}
			}), datastore.DeniedTLS,
			[]string{"requires a client certificate"},
		},
		"a stranger's client certificate": {
			trusted.with(func(c *Config) { c.Cert, c.Key = []byte(strangers.Cert), []byte(strangers.Key) }), datastore.DeniedTLS,
			[]string{"not signed by a CA that the server trusts", "cert_file"},
		},
		"a server's certificate as the client's": {
			trusted.with(func(c *Config) { c.Cert, c.Key = serverCert, serverKey }), datastore.DeniedTLS,
			[]string{"refuses the client's certificate", "one for clients"},
		},
		"another name than in the certificate": {
			// 0.0.0.0 is this machine too, but not in the certificate.
			trusted.with(func(c *Config) {
				c.Endpoints = []string{strings.Replace(secure.Endpoints[0], "127.0.0.1", "0.0.0.0", 1)}
			}), datastore.DeniedTLS,
			[]string{"another name", "valid for 127.0.0.1"},
		},
		"a server of another age": {
			trusted.with(func(c *Config) { c.Endpoints = []string{"https://" + serveTLS(t, ancient)} }), datastore.DeniedTLS,
			[]string{"protocol version"},
		},
		"https:// and a server in plaintext": {
			trusted.with(func(c *Config) { c.Endpoints = otherScheme(plain.Endpoints[0]) }), datastore.DeniedTLS,
			[]string{"plaintext", "http://"},
		},
		"https:// and a web server in plaintext": {
			trusted.with(func(c *Config) { c.Endpoints = otherScheme(web.URL) }), datastore.DeniedTLS,
			[]string{"plaintext", "first record does not look like a TLS handshake"},
		},
		"http:// and a server of TLS": {
			Config{Endpoints: otherScheme(secure.Endpoints[0]), Username: "ann", Password: "hunter2"}, datastore.DeniedTLS,
			[]string{"speaks TLS", "https://"},
		},
		"http:// and https://": {
			trusted.with(func(c *Config) { c.Endpoints = append(c.Endpoints, "http://"+closed) }), datastore.DeniedTLS,
			[]string{"TLS to all or to none"},
		},
		"no certificate in the CA": {
			trusted.with(func(c *Config) { c.CACert = c.Key }), datastore.DeniedTLS,
			[]string{"holds no certificate"},
		},
		"a key that does not fit": {
			trusted.with(func(c *Config) { c.Key = []byte(strangers.Key) }), datastore.DeniedTLS,
			[]string{"private key does not match"},
		},
		"a wrong password": {
			writer.with(func(c *Config) { c.Password = "hunter2" }), datastore.DeniedCredentials,
			[]string{"authentication failed"},
		},
		"an unknown user": {
			writer.with(func(c *Config) { c.Username = "mallory" }), datastore.DeniedCredentials,
			[]string{"authentication failed"},
		},
		"one endpoint is dead, one has another CA": {
			trusted.with(func(c *Config) {
				c.CACert, c.Endpoints = []byte(strangers.CA), []string{"https://" + closed, c.Endpoints[0]}
			}), datastore.DeniedTLS,
			[]string{"https://" + closed + ": connection refused", "unknown authority"},
		},

		"nothing listens":                  {Config{Endpoints: []string{"http://" + closed}}, unavailable, []string{"connection refused"}},
		"nothing listens, TLS":             {trusted.with(func(c *Config) { c.Endpoints = []string{"https://" + closed} }), unavailable, []string{"connection refused"}},
		"nothing listens, with a password": {writer.with(func(c *Config) { c.Endpoints = []string{"https://" + closed} }), unavailable, []string{"connection refused"}},
		"no such host":                     {Config{Endpoints: []string{"http://no-such-host.invalid:2379"}}, unavailable, []string{`"no-such-host.invalid"`}},
		"no endpoint":                      {Config{}, unavailable, []string{"neither endpoints nor a domain"}},
		"a web server":                     {Config{Endpoints: []string{web.URL}}, unavailable, []string{"is this the port"}},
		"a web server, TLS":                {trusted.with(func(c *Config) { c.Endpoints = []string{secureWeb.URL} }), unavailable, []string{"is this the port"}},
		"nothing listens at two endpoints": {
			nobody.with(func(c *Config) { c.Endpoints = []string{"https://" + closed, "https://" + closed} }), unavailable,
			[]string{"https://" + closed + ": connection refused", "; "},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			client, err := Connect(t.Context(), test.cfg)
			if took := time.Since(begin); took > soon {
				t.Errorf("it took %v", took)
			}
			checkSecrets(t, test.cfg, err)
			if test.want == works {
				if err != nil {
					t.Fatal(err)
				}
				use(t, client)
				if err := client.Close(); err != nil {
					t.Errorf("closing: %v", err)
				}
				return
			}
			checkFailure(t, test.cfg, err, test.want, test.says...)
		})
	}
}

// checkFailure checks for a DeniedError with a reason, or with any other reason
// for an UnavailableError.
func checkFailure(t *testing.T, cfg Config, err error, want datastore.DeniedReason, says ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("there is no error")
	}
	var denied *datastore.DeniedError
	var unavailable *datastore.UnavailableError
	server := ""
	switch {
	case errors.As(err, &denied):
		server = denied.Server
		if denied.Reason != want || !strings.Contains(denied.Advice, denied.Server) {
			t.Errorf("denied with reason %d and advice %q, want %d: %v", denied.Reason, denied.Advice, want, err)
		}
		if denied.Reason == datastore.DeniedPermission && !strings.Contains(denied.Advice, fmt.Sprintf("the user %q", cfg.Username)) {
			t.Errorf("it is not told that the user was %q: %s", cfg.Username, denied.Advice)
		}
	case errors.As(err, &unavailable):
		server = unavailable.Server
		if want > 0 {
			t.Errorf("unavailable, want to be denied with reason %d: %v", want, err)
		}
	default:
		t.Errorf("the error is not one of package datastore: %v", err)
	}
	if asked := len(cfg.addresses()) > 0; asked && server != cfg.String() || !asked && server != "" {
		t.Errorf("the server is %q, want %q", server, cfg.String())
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%q does not say %q", err, s)
		}
	}
}

// TestConnectIsBounded connects to servers that take the connection and say
// nothing.
func TestConnectIsBounded(t *testing.T) {
	t.Parallel()
	address := listen(t).Addr().String()
	const patience = 2 * time.Second
	for name, test := range map[string]struct {
		cfg  Config
		wait time.Duration
	}{
		"the dial timeout":                  {Config{Endpoints: []string{"http://" + address}, DialTimeout: patience}, time.Minute},
		"the dial timeout, TLS":             {Config{Endpoints: []string{"https://" + address}, DialTimeout: patience}, time.Minute},
		"the dial timeout, with a password": {Config{Endpoints: []string{"http://" + address}, Username: "ann", Password: "hunter2", DialTimeout: patience}, time.Minute},
		"the deadline of the caller":        {Config{Endpoints: []string{"http://" + address}}, patience},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), test.wait)
			defer cancel()
			begin := time.Now()
			_, err := Connect(ctx, test.cfg)
			if took := time.Since(begin); took < patience/2 || took > soon {
				t.Errorf("it took %v, want %v", took, patience)
			}
			checkFailure(t, test.cfg, err, -1, "does not answer")
			checkSecrets(t, test.cfg, err)
		})
	}
}

func TestConnectIsCanceled(t *testing.T) {
	t.Parallel()
	l := listen(t)
	for name, user := range map[string]string{"without a password": "", "with a password": "ann"} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() {
				// The client is at it.
				if conn, err := l.Accept(); err == nil {
					_ = conn.SetReadDeadline(time.Now().Add(soon))
					_, _ = conn.Read(make([]byte, 1))
				}
				cancel()
			}()
			cfg := Config{Endpoints: []string{"http://" + l.Addr().String()}, Username: user, Password: user}
			begin := time.Now()
			_, err := Connect(ctx, cfg)
			if took := time.Since(begin); took > soon || !errors.Is(err, context.Canceled) {
				t.Errorf("after %v: %v", took, err)
			}
		})
	}
}

// TestConnectedClientOutlivesItsContext is about the client's own context.
func TestConnectedClientOutlivesItsContext(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithAuth())
	ctx, cancel := context.WithCancel(t.Context())
	client, err := Connect(ctx, configOf(etcd, etcd.Reader))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	cancel()
	use(t, client)
	if err := client.Ctx().Err(); err != nil {
		t.Errorf("the client is ended: %v", err)
	}
}

func TestConnectWithOneOfThreeMembersDead(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithMembers(3), acctest.WithAuth())
	etcd.Stop(t, 0)
	begin := time.Now()
	client, err := Connect(t.Context(), configOf(etcd, etcd.Reader))
	if took := time.Since(begin); took > DefaultDialTimeout {
		t.Errorf("it took %v", took)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	use(t, client)
}

// TestClientComesBack holds that gRPC does not sleep through the return of a server.
func TestClientComesBack(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t)
	client, err := Connect(t.Context(), configOf(etcd, acctest.User{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	etcd.Stop(t, 0)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := client.Get(ctx, "/calico/a"); err == nil {
		t.Fatal("a stopped server answers")
	}
	etcd.Start(t, 0)
	begin := time.Now()
	use(t, client)
	if took := time.Since(begin); took > soon {
		t.Errorf("it took the client %v to notice that the server is back", took)
	}
}
