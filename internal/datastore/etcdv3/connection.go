package etcdv3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

const (
	// DefaultDialTimeout is for one attempt to connect. calicoctl's is 10s.
	DefaultDialTimeout = 5 * time.Second
	// DefaultRequestTimeout is for a request with all its retries. calicoctl has none.
	DefaultRequestTimeout = 15 * time.Second

	keepAliveTime    = 30 * time.Second
	keepAliveTimeout = 10 * time.Second

	// retryPause is how long a member that has just come up is left alone.
	retryPause = 100 * time.Millisecond
)

// Config says how to reach an etcd.
type Config struct {
	// Endpoints are URLs of the form scheme://host:port, all http or all https.
	// Empty where DiscoverySRV is set.
	Endpoints []string
	// DiscoverySRV is the domain whose SRV records name the endpoints.
	DiscoverySRV string
	// Username and Password are used where both are set.
	Username, Password string
	// CACert is PEM with the certificates that the server's is checked against,
	// all of them; empty for the system's. Cert and Key are PEM with what the
	// client proves itself with; empty for nothing. None of them is used for
	// http endpoints.
	CACert, Cert, Key []byte
	// DialTimeout bounds connecting, authentication included. 0 or less stands
	// for DefaultDialTimeout.
	DialTimeout time.Duration
	// RequestTimeout bounds a Store's request with all its retries. Connecting
	// does not use it.
	RequestTimeout time.Duration
}

// String names the endpoints, and no secret.
func (c Config) String() string { return "etcd at " + strings.Join(c.addresses(), ", ") }

// GoString is String, so that no way of printing shows a secret.
func (c Config) GoString() string { return c.String() }

// addresses are the endpoints as messages name them.
func (c Config) addresses() []string {
	if len(c.Endpoints) == 0 && c.DiscoverySRV != "" {
		return []string{"the SRV records of " + c.DiscoverySRV}
	}
	return c.Endpoints
}

func (c Config) dialTimeout() time.Duration {
	if c.DialTimeout <= 0 {
		return DefaultDialTimeout
	}
	return c.DialTimeout
}

// Connect connects to etcd and logs in. It returns when a member has answered,
// or an error when all have failed, at the latest after the dial timeout: a
// *datastore.UnavailableError or a *datastore.DeniedError that tells the reason
// for each endpoint. The client outlives ctx; the caller closes it.
//
// TLS is 1.2 or later and the server's certificate is always verified.
func Connect(ctx context.Context, cfg Config) (*clientv3.Client, error) {
	return dialer{net.DefaultResolver.LookupSRV, http.ProxyFromEnvironment}.connect(ctx, cfg)
}

// dialer is what connecting needs of the world.
type dialer struct {
	lookupSRV func(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
	// proxy is what gRPC asks for a proxy, as calicoctl's does.
	proxy func(*http.Request) (*url.URL, error)
}

func (d dialer) connect(ctx context.Context, cfg Config) (*clientv3.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, cfg.dialTimeout())
	defer cancel()
	cfg, err := d.discover(ctx, cfg)
	if err != nil {
		return nil, err
	}
	tlsConfig, err := cfg.tls()
	if err != nil {
		return nil, denied(datastore.DeniedTLS, "", cfg, err)
	}

	// Some of the time is kept for finding out why it was not enough, and a
	// little of that for telling it.
	deadline, _ := ctx.Deadline()
	reserve := min(diagnosisTimeout, time.Until(deadline)/4)
	trying, cancel := context.WithDeadline(ctx, deadline.Add(-reserve))
	defer cancel()
	for {
		client, err := dial(trying, cfg, tlsConfig)
		if err == nil {
			return client, nil
		}
		translated := translate(err, "", cfg)
		var unconnected *notConnectedError
		var unavailable *datastore.UnavailableError
		passing := errors.As(err, &unconnected) || errors.As(translated, &unavailable)
		if !passing || errors.Is(err, context.Canceled) {
			return nil, translated
		}
		if proxy := proxyOf(cfg, d.proxy); proxy != "" {
			return nil, translate(&proxyError{proxy, err}, "", cfg)
		}
		if cause := diagnose(ctx, reserve-reserve/10, cfg, tlsConfig); cause != nil {
			return nil, cause
		}
		// Nothing is wrong with a member, at least not any more: once again.
		again := time.NewTimer(retryPause)
		select {
		case <-trying.Done():
			again.Stop()
			return nil, translated
		case <-again.C:
		}
	}
}

// dial makes a client and waits until it is connected and logged in.
func dial(ctx context.Context, cfg Config, tlsConfig *tls.Config) (*clientv3.Client, error) {
	// The client's own context ends its life, so ctx is no use for it; but while
	// the client is made, it is all that can interrupt it.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	interruption := context.AfterFunc(ctx, end)
	client, err := clientv3.New(clientv3.Config{
		Context:              life,
		Endpoints:            cfg.Endpoints,
		TLS:                  tlsConfig,
		Username:             cfg.Username,
		Password:             cfg.Password,
		DialTimeout:          cfg.dialTimeout(),
		DialKeepAliveTime:    keepAliveTime,
		DialKeepAliveTimeout: keepAliveTimeout,
		// What goes wrong is in the errors; by itself the client writes it to
		// standard error as well.
		Logger: zap.NewNop(),
		DialOptions: []grpc.DialOption{
			// gRPC would wait up to two minutes before it tries a member again
			// that was down, longer than a request lasts.
			grpc.WithConnectParams(grpc.ConnectParams{
				Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 3 * time.Second},
				MinConnectTimeout: cfg.dialTimeout(),
			}),
			grpc.WithChainUnaryInterceptor(connectFirst),
		},
	})
	if err == nil {
		err = awaitConnection(ctx, client.ActiveConnection())
	}
	if err == nil && !interruption() {
		err = ctx.Err()
	}
	if err == nil {
		return client, nil
	}
	if client != nil {
		_ = client.Close()
	}
	end()
	if ctx.Err() != nil {
		// The client only knows that it was ended.
		err = ctx.Err()
	}
	return nil, err
}

// notConnectedError says that no endpoint could be connected to. The reason is a
// text of gRPC about one of them.
type notConnectedError struct{ reason string }

func (e *notConnectedError) Error() string { return e.reason }

// connectFirst lets the client log in only when it is connected: etcd's client
// asks gRPC to wait for a connection as long as it takes, whatever the reason
// that there is none.
func connectFirst(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	if method == "/etcdserverpb.Auth/Authenticate" {
		if err := awaitConnection(ctx, conn); err != nil {
			return err
		}
	}
	return invoke(ctx, method, req, reply, conn, options...)
}

// awaitConnection returns when one endpoint is connected, or all have failed.
func awaitConnection(ctx context.Context, conn *grpc.ClientConn) error {
	for {
		state := conn.GetState()
		switch state {
		case connectivity.Ready:
			return nil
		case connectivity.TransientFailure, connectivity.Shutdown:
			return &notConnectedError{lastFailure(ctx, conn)}
		case connectivity.Idle:
			conn.Connect()
		case connectivity.Connecting:
		}
		if !conn.WaitForStateChange(ctx, state) {
			return ctx.Err()
		}
	}
}

// lastFailure is why gRPC could not connect. Only a request that does not wait
// for a connection is told. (A stream would not do: for one, etcd's client logs
// in first.)
func lastFailure(ctx context.Context, conn *grpc.ClientConn) string {
	_, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{}, grpc.WaitForReady(false))
	if err == nil {
		return "the connection was made only now"
	}
	return status.Convert(err).Message()
}

// proxyError says that no endpoint could be connected to through a proxy. A
// diagnosis without the proxy would tell something else.
type proxyError struct {
	proxy string
	err   error
}

func (e *proxyError) Error() string {
	return fmt.Sprintf("through the proxy %s, which the environment variable HTTPS_PROXY names (NO_PROXY excepts hosts): %v", e.proxy, e.err)
}

func (e *proxyError) Unwrap() error { return e.err }

// proxyOf is the address of the proxy that gRPC uses for an endpoint; empty for
// none. Its user and password, if it has any, are left out.
func proxyOf(cfg Config, proxy func(*http.Request) (*url.URL, error)) string {
	for _, e := range cfg.Endpoints {
		u, err := url.Parse(e)
		if err != nil {
			continue
		}
		// gRPC asks for https whatever it speaks.
		if p, err := proxy(&http.Request{URL: &url.URL{Scheme: "https", Host: u.Host}}); err == nil && p != nil {
			return p.Host
		}
	}
	return ""
}

// tls returns nil where no endpoint speaks TLS.
func (c Config) tls() (*tls.Config, error) {
	secure := 0
	for _, e := range c.Endpoints {
		if strings.HasPrefix(e, "https://") {
			secure++
		}
	}
	switch secure {
	case 0:
		return nil, nil
	case len(c.Endpoints):
	default:
		return nil, errors.New("some endpoints are http:// and some https://: an etcd client speaks TLS to all or to none")
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(c.CACert) > 0 {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(c.CACert) {
			return nil, errors.New("the CA's PEM holds no certificate")
		}
	}
	if len(c.Cert) > 0 || len(c.Key) > 0 {
		pair, err := tls.X509KeyPair(c.Cert, c.Key)
		if err != nil {
			return nil, fmt.Errorf("the client certificate and its key cannot be used: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// discover finds the endpoints if they are to be found with SRV records.
//
// Where there are records for TLS, those without it are not used: a client
// speaks TLS to all members or to none (calicoctl joins both and then tries TLS
// with all), and a failure must not lead from the ones to the others.
func (d dialer) discover(ctx context.Context, cfg Config) (Config, error) {
	if len(cfg.Endpoints) > 0 {
		return cfg, nil
	}
	if cfg.DiscoverySRV == "" {
		return cfg, &datastore.UnavailableError{Err: errors.New("neither endpoints nor a domain to find them with are given")}
	}
	domain := strings.TrimSuffix(cfg.DiscoverySRV, ".")
	var failures []string
	for _, kind := range []struct{ service, scheme string }{{"etcd-client-ssl", "https"}, {"etcd-client", "http"}} {
		name := "_" + kind.service + "._tcp." + domain
		_, records, err := d.lookupSRV(ctx, kind.service, "tcp", domain)
		for _, r := range records {
			// The root as a target says that the service is not there.
			if host := strings.TrimSuffix(r.Target, "."); host != "" {
				cfg.Endpoints = append(cfg.Endpoints, kind.scheme+"://"+net.JoinHostPort(host, strconv.Itoa(int(r.Port))))
			}
		}
		switch {
		case len(cfg.Endpoints) > 0:
			return cfg, nil
		case err != nil:
			failures = append(failures, lookupReason(name, err))
			if ctx.Err() != nil {
				return cfg, &datastore.UnavailableError{Server: cfg.String(), Err: errors.New(strings.Join(failures, "; "))}
			}
		default:
			failures = append(failures, name+" names no endpoint")
		}
	}
	return cfg, &datastore.UnavailableError{Server: cfg.String(), Err: errors.New(strings.Join(failures, "; "))}
}

// lookupReason is an error of the resolver in short.
func lookupReason(name string, err error) string {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return name + ": " + dns.Err
	}
	return name + ": " + err.Error()
}
