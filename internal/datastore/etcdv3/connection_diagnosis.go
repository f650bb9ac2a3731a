package etcdv3

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// diagnosisTimeout is the longest that a diagnosis may take, all endpoints
// together.
const diagnosisTimeout = 2 * time.Second

// diagnose finds out why no endpoint can be connected to, by connecting to each
// of them: what gRPC knows of a failure is a text, or only that time is up. It
// returns nil where a member answers as it should.
func diagnose(ctx context.Context, within time.Duration, cfg Config, tlsConfig *tls.Config) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	found := make(causes, len(cfg.Endpoints))
	done := make(chan int)
	for i, endpoint := range cfg.Endpoints {
		go func() {
			found[i] = cause{endpoint, probe(ctx, endpoint, tlsConfig)}
			done <- i
		}()
	}
	healthy := false
	for range cfg.Endpoints {
		if found[<-done].err == nil {
			healthy = true
			cancel() // one will do
		}
	}
	if healthy {
		return nil
	}
	for _, c := range found {
		// A member that cannot be reached may come back, but this stays.
		var refused *tlsError
		if errors.As(c.err, &refused) {
			return denied(datastore.DeniedTLS, "", cfg, found)
		}
	}
	return &datastore.UnavailableError{Server: cfg.String(), Err: found}
}

// cause is what is wrong with one endpoint.
type cause struct {
	endpoint string
	err      error
}

// causes are what is wrong with all of them.
type causes []cause

// Error is the one cause, or each with its endpoint.
func (cs causes) Error() string {
	if len(cs) == 1 {
		return cs[0].err.Error()
	}
	parts := make([]string, len(cs))
	for i, c := range cs {
		parts[i] = c.endpoint + ": " + c.err.Error()
	}
	return strings.Join(parts, "; ")
}

// Unwrap returns all causes.
func (cs causes) Unwrap() []error {
	errs := make([]error, len(cs))
	for i, c := range cs {
		errs[i] = c.err
	}
	return errs
}

// tlsError says that client and server cannot agree on TLS: trying again does
// not help.
type tlsError struct {
	says string
	err  error
}

func (e *tlsError) Error() string {
	if e.err == nil {
		return e.says
	}
	return fmt.Sprintf("%s (%v)", e.says, e.err)
}

func (e *tlsError) Unwrap() error { return e.err }

var errNotEtcd = errors.New("the server does not speak HTTP/2: is this the port that etcd serves its clients on?")

// probe connects to one endpoint as gRPC would, up to the first frame that the
// server sends.
func probe(ctx context.Context, endpoint string, tlsConfig *tls.Config) error {
	u, err := url.Parse(endpoint)
	if err != nil {
		return fmt.Errorf("%q is no URL", endpoint)
	}
	address := u.Host
	conn, err := open(ctx, address)
	if err != nil {
		return reachability(err)
	}
	defer func() { _ = conn.Close() }()
	if tlsConfig == nil {
		return probePlaintext(ctx, conn, address)
	}
	return probeTLS(ctx, conn, address, tlsConfig)
}

// open dials, and ends reads and writes with ctx, which has to end.
func open(ctx context.Context, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(0, 0)) })
	return conn, nil
}

func probePlaintext(ctx context.Context, conn net.Conn, address string) error {
	answer, err := greet(conn)
	switch {
	case err == nil && answer.isHTTP2():
		return nil
	case speaksTLS(ctx, address):
		return &tlsError{says: "the server speaks TLS: write https:// in place of http://"}
	case err != nil:
		return silence(err)
	default:
		return errNotEtcd
	}
}

func probeTLS(ctx context.Context, conn net.Conn, address string, config *tls.Config) error {
	secured := tls.Client(conn, handshakeConfig(config, address))
	if err := secured.HandshakeContext(ctx); err != nil {
		return handshakeReason(ctx, err, address, len(config.Certificates) > 0)
	}
	if secured.ConnectionState().NegotiatedProtocol != "h2" {
		return errNotEtcd
	}
	// With TLS 1.3, a server refuses the client's certificate after the handshake.
	answer, err := greet(secured)
	switch {
	case err == nil && answer.isHTTP2():
		return nil
	case err != nil:
		return handshakeReason(ctx, err, address, len(config.Certificates) > 0)
	default:
		return errNotEtcd
	}
}

// handshakeConfig is what gRPC makes of a configuration.
func handshakeConfig(config *tls.Config, address string) *tls.Config {
	config = config.Clone()
	config.NextProtos = []string{"h2"}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	config.ServerName = host
	return config
}

// handshakeReason says why a handshake failed, and what to do about it.
func handshakeReason(ctx context.Context, err error, address string, withCertificate bool) error {
	var (
		record    tls.RecordHeaderError
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
		op        *net.OpError
	)
	switch {
	case errors.As(err, &record):
		return &tlsError{"the server speaks plaintext: write http:// in place of https://", err}
	case errors.As(err, &authority):
		return &tlsError{"the server's certificate is not signed by a trusted CA: check ca_cert or ca_cert_file", err}
	case errors.As(err, &name):
		return &tlsError{"the server's certificate is for another name: write the endpoint with a name that is in the certificate", err}
	case errors.As(err, &invalid):
		return &tlsError{"the server's certificate is not valid", err}
	case errors.As(err, &op) && op.Op == "remote error":
		switch alert := op.Err.Error(); {
		case strings.HasSuffix(alert, "no application protocol"):
			return errNotEtcd
		case withCertificate && strings.HasSuffix(alert, "certificate required"):
			// The server names the authorities that it trusts. A certificate that none of
			// them signed is not even shown.
			return &tlsError{"the client's certificate is not signed by a CA that the server trusts: check that cert or cert_file is one made for this etcd, with any intermediate certificates after it", err}
		case strings.HasSuffix(alert, "certificate required"), !withCertificate && strings.HasSuffix(alert, "bad certificate"):
			return &tlsError{"the server requires a client certificate: give cert and key, or cert_file and key_file", err}
		case !withCertificate && strings.HasSuffix(alert, "handshake failure"):
			return &tlsError{"the server breaks the TLS handshake off, maybe because it requires a client certificate: give cert and key, or cert_file and key_file", err}
		case strings.Contains(alert, "certificate"):
			return &tlsError{"the server refuses the client's certificate: check that its CA is the one that the server trusts, that it has not expired, and that it is one for clients", err}
		default:
			return &tlsError{"the server breaks the TLS handshake off", err}
		}
	case strings.Contains(err.Error(), "tls: "), strings.Contains(err.Error(), "x509: "):
		return &tlsError{"the TLS handshake fails", err}
	case isTimeout(err):
		return silence(err)
	case speaksPlaintext(ctx, address):
		return &tlsError{says: "the server speaks plaintext: write http:// in place of https://"}
	default:
		return silence(err)
	}
}

// greeting is the first frame of a server.
type greeting [9]byte

// isHTTP2 tells whether it is a SETTINGS frame, with which HTTP/2 begins.
func (g greeting) isHTTP2() bool {
	const settings = 4
	return g[3] == settings && bytes.Equal(g[5:], make([]byte, 4))
}

// greet begins to talk HTTP/2 and returns the beginning of the answer.
func greet(conn net.Conn) (greeting, error) {
	const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	var answer greeting
	if _, err := io.WriteString(conn, preface); err != nil {
		return answer, err
	}
	_, err := io.ReadFull(conn, answer[:])
	return answer, err
}

func speaksPlaintext(ctx context.Context, address string) bool {
	conn, err := open(ctx, address)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	answer, err := greet(conn)
	return err == nil && answer.isHTTP2()
}

// speaksTLS tells whether a server answers a TLS handshake in kind, even if
// only to say that it does not want this client.
func speaksTLS(ctx context.Context, address string) bool {
	conn, err := open(ctx, address)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	config := handshakeConfig(&tls.Config{MinVersion: tls.VersionTLS12}, address)
	err = tls.Client(conn, config).HandshakeContext(ctx)
	var certificate *tls.CertificateVerificationError
	var op *net.OpError
	return err == nil || errors.As(err, &certificate) || errors.As(err, &op) && op.Op == "remote error"
}

// reachability is an error of dialing in short, without the address.
func reachability(err error) error {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Errorf("the name %q cannot be resolved: %w", dns.Name, short{dns.Err, err})
	case isTimeout(err):
		return short{"no answer at all: is the address right, and does a firewall let this host through?", err}
	case errors.Is(err, syscall.ECONNREFUSED):
		return short{"connection refused: nothing listens there, or a firewall refuses", err}
	case errors.As(err, &op):
		return short{op.Err.Error(), err}
	default:
		return err
	}
}

// silence is an error of a server that is there but does not answer.
func silence(err error) error {
	if isTimeout(err) {
		return short{"the server takes the connection but does not answer", err}
	}
	return short{"the server ends the connection", err}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &timeout) && timeout.Timeout()
}

// short is an error with a text of its own.
type short struct {
	says string
	err  error
}

func (e short) Error() string { return e.says }

func (e short) Unwrap() error { return e.err }
