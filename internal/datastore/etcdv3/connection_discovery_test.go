package etcdv3

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// records are what a resolver answers, by service.
type records map[string][]*net.SRV

func (r records) lookup(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	if name != "example.com" || proto != "tcp" {
		return "", nil, fmt.Errorf("unexpected question: %s, %s", name, proto)
	}
	found, ok := r[service]
	if !ok {
		return "", nil, &net.DNSError{Err: "no such host", Name: "_" + service + "._tcp.example.com", IsNotFound: true}
	}
	return "", found, nil
}

func srv(t *testing.T, endpoint string) *net.SRV {
	t.Helper()
	u, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	var port uint16
	if _, err := fmt.Sscan(u.Port(), &port); err != nil {
		t.Fatal(err)
	}
	return &net.SRV{Target: u.Hostname() + ".", Port: port}
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	one, two, secure := srv(t, "http://a.example.com:1"), srv(t, "http://[2001:db8::1]:2"), srv(t, "https://b.example.com:3")
	for name, test := range map[string]struct {
		records records
		domain  string
		want    []string
		says    []string
	}{
		"plaintext": {records{"etcd-client": {one, two}}, "example.com", []string{"http://a.example.com:1", "http://[2001:db8::1]:2"}, nil},
		"TLS":       {records{"etcd-client-ssl": {secure}}, "example.com.", []string{"https://b.example.com:3"}, nil},
		"both":      {records{"etcd-client-ssl": {secure}, "etcd-client": {one}}, "example.com", []string{"https://b.example.com:3"}, nil},
		"a service that is not there": {
			records{"etcd-client-ssl": {{Target: "."}}, "etcd-client": {one}}, "example.com", []string{"http://a.example.com:1"}, nil,
		},
		"none": {
			records{}, "example.com", nil,
			[]string{"_etcd-client-ssl._tcp.example.com: no such host", "_etcd-client._tcp.example.com: no such host"},
		},
		"empty answers": {
			records{"etcd-client-ssl": nil, "etcd-client": nil}, "example.com", nil,
			[]string{"_etcd-client-ssl._tcp.example.com names no endpoint"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := Config{DiscoverySRV: test.domain}
			got, err := dialer{lookupSRV: test.records.lookup}.discover(t.Context(), cfg)
			if test.says != nil {
				checkFailure(t, cfg, err, -1, test.says...)
				return
			}
			if err != nil || !slices.Equal(got.Endpoints, test.want) {
				t.Errorf("endpoints are %q, want %q; error %v", got.Endpoints, test.want, err)
			}
		})
	}
}

func TestConnectToDiscoveredEndpoints(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithTLS())
	cfg := configOf(etcd, acctest.User{})
	cfg.Endpoints, cfg.DiscoverySRV = nil, "example.com"
	client, err := dialer{records{"etcd-client-ssl": {srv(t, etcd.Endpoints[0])}}.lookup, http.ProxyFromEnvironment}.connect(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	use(t, client)
	if !slices.Equal(client.Endpoints(), etcd.Endpoints) {
		t.Errorf("the endpoints are %q, want %q", client.Endpoints(), etcd.Endpoints)
	}

	// Endpoints go before records.
	_, err = dialer{records{}.lookup, http.ProxyFromEnvironment}.connect(t.Context(), cfg.with(func(c *Config) { c.Endpoints = etcd.Endpoints }))
	if err != nil {
		t.Errorf("the records are asked for although there are endpoints: %v", err)
	}
}

func TestDiscoveryIsBounded(t *testing.T) {
	t.Parallel()
	hang := func(ctx context.Context, _, _, _ string) (string, []*net.SRV, error) {
		<-ctx.Done()
		return "", nil, ctx.Err()
	}
	cfg := Config{DiscoverySRV: "example.com", DialTimeout: 50 * time.Millisecond}
	begin := time.Now()
	_, err := dialer{lookupSRV: hang}.connect(t.Context(), cfg)
	if took := time.Since(begin); took > soon {
		t.Errorf("it took %v", took)
	}
	checkFailure(t, cfg, err, -1, "_etcd-client-ssl._tcp.example.com: context deadline exceeded")
}

// TestConnectTriesAgain goes through something that drops the first connection,
// as a server does that has just come up.
func TestConnectTriesAgain(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithAuth())
	l := listen(t)
	go func() {
		for first := true; ; first = false {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if first {
				_ = conn.Close()
				continue
			}
			go forward(conn, strings.TrimPrefix(etcd.Endpoints[0], "http://"))
		}
	}()
	cfg := configOf(etcd, etcd.Reader)
	cfg.Endpoints = []string{"http://" + l.Addr().String()}
	begin := time.Now()
	client, err := Connect(t.Context(), cfg)
	if took := time.Since(begin); took > soon {
		t.Errorf("it took %v", took)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	use(t, client)
}

// forward joins a connection with one to an address.
func forward(conn net.Conn, address string) {
	other, err := net.Dial("tcp", address)
	if err != nil {
		_ = conn.Close()
		return
	}
	go func() {
		_, _ = io.Copy(other, conn)
		_ = other.Close()
	}()
	_, _ = io.Copy(conn, other)
	_ = conn.Close()
}

// TestConnectThroughProxy has gRPC fail as it does behind a proxy that does not
// answer. What a diagnosis finds without the proxy is not the reason.
func TestConnectThroughProxy(t *testing.T) {
	t.Parallel()
	proxy := func(r *http.Request) (*url.URL, error) {
		if r.URL.Scheme != "https" {
			t.Errorf("gRPC does not ask for a proxy for %s", r.URL)
		}
		return url.Parse("http://ann:hunter2@proxy.example.com:3128")
	}
	cfg := Config{Endpoints: []string{"http://" + closedPort(t)}, Password: "hunter2"}
	_, err := dialer{proxy: proxy}.connect(t.Context(), cfg)
	checkFailure(t, cfg, err, -1, "through the proxy proxy.example.com:3128", "NO_PROXY", "connection refused")
	checkSecrets(t, cfg, err)
}

// TestConnectToExpiredCertificate trusts a certificate whose time is over.
func TestConnectToExpiredCertificate(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:    time.Now().Add(-2 * time.Hour),
		NotAfter:     time.Now().Add(-time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Endpoints: []string{"https://" + serveTLS(t, &tls.Config{
			Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
			NextProtos:   []string{"h2"},
		})},
		CACert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
	}
	_, err = Connect(t.Context(), cfg)
	checkFailure(t, cfg, err, datastore.DeniedTLS, "not valid", "expired")
}
