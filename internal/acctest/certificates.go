package acctest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Certificates are a certificate authority of its own and what it signed for a
// server on the loopback addresses and for one client of it: each as a file and
// as the PEM text in the file.
type Certificates struct {
	CAFile, CertFile, KeyFile string
	CA, Cert, Key             string

	ServerCertFile, ServerKeyFile string
}

// NewCertificates makes a new authority with its certificates, in files in dir.
// A server that trusts another authority refuses this one's client, and the
// other way round.
func NewCertificates(dir string) (*Certificates, error) {
	ca, err := newAuthority()
	if err != nil {
		return nil, fmt.Errorf("cannot make a certificate authority: %w", err)
	}
	serverCert, serverKey, err := ca.sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: "etcd"},
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		return nil, fmt.Errorf("cannot make the server's certificate: %w", err)
	}
	clientCert, clientKey, err := ca.sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: "terraform"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return nil, fmt.Errorf("cannot make the client's certificate: %w", err)
	}

	c := &Certificates{
		CAFile:         filepath.Join(dir, "ca.pem"),
		CertFile:       filepath.Join(dir, "client.pem"),
		KeyFile:        filepath.Join(dir, "client-key.pem"),
		CA:             ca.pem,
		Cert:           clientCert,
		Key:            clientKey,
		ServerCertFile: filepath.Join(dir, "server.pem"),
		ServerKeyFile:  filepath.Join(dir, "server-key.pem"),
	}
	for path, content := range map[string]string{
		c.CAFile:         ca.pem,
		c.CertFile:       clientCert,
		c.KeyFile:        clientKey,
		c.ServerCertFile: serverCert,
		c.ServerKeyFile:  serverKey,
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// ClientConfig returns what a Go client needs to show this client certificate
// and to trust this authority alone.
func (c *Certificates) ClientConfig() (*tls.Config, error) {
	pair, err := tls.X509KeyPair([]byte(c.Cert), []byte(c.Key))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(c.CA)) {
		return nil, errors.New("no certificate in the authority's PEM")
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots, MinVersion: tls.VersionTLS12}, nil
}

type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         string
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		// Each has a name of its own: a client does not show a certificate of an
		// authority that the server does not name.
		Subject:               pkix.Name{CommonName: "acctest CA " + rand.Text()},
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	if err := setLifetime(template); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &authority{certificate: certificate, key: key, pem: pemText("CERTIFICATE", der)}, nil
}

// sign completes the template with a new key and returns both as PEM.
func (a *authority) sign(template *x509.Certificate) (certificate, key string, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	if err := setLifetime(template); err != nil {
		return "", "", err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, private.Public(), a.key)
	if err != nil {
		return "", "", err
	}
	keyDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		return "", "", err
	}
	return pemText("CERTIFICATE", der), pemText("EC PRIVATE KEY", keyDER), nil
}

// setLifetime gives the certificate a serial number of its own and a life from
// an hour ago, in case clocks differ, to tomorrow.
func setLifetime(template *x509.Certificate) error {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return err
	}
	template.SerialNumber = serial
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = time.Now().Add(24 * time.Hour)
	return nil
}

func pemText(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
