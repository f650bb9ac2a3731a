package settings

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
)

// material is a PEM text and where it came from.
type material struct {
	pem    []byte
	name   Name
	origin Origin
}

// readMaterial returns the PEM text of a setting that is given inline or as the
// name of a file. What cannot be had is a problem, and empty.
func readMaterial(merged layer, inline, file Name, problems *Problems) material {
	if v, ok := merged[inline]; ok {
		return material{[]byte(v.text()), inline, v.origin}
	}
	v, ok := merged[file]
	if !ok {
		return material{}
	}
	path := v.text()
	if isText(path) {
		problems.add(file, v.origin, "Text in place of a file name",
			"%s must be the name of a file, but is a text of several lines. %s takes the text of a PEM file.", v.origin, inline)
		return material{name: file, origin: v.origin}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		unreadable(file, v.origin, path, err, problems)
		return material{name: file, origin: v.origin}
	}
	return material{text, file, v.origin}
}

// isText tells whether what should be the name of a file is the text of one. Someone who
// gives the text of a key where its file is meant does not want to see it in an error.
func isText(path string) bool {
	return strings.Contains(path, "-----BEGIN") || strings.ContainsAny(path, "\n\r\x00")
}

// unreadable says that a file cannot be read.
func unreadable(setting Name, origin Origin, path string, err error, problems *Problems) {
	hint := ""
	if strings.HasPrefix(path, "~") {
		hint = ` Nothing expands the "~": write pathexpand("` + path + `") in the provider block, or the whole path elsewhere.`
	}
	problems.add(setting, origin, "Unreadable file", "The file %q, named by %s, cannot be read: %v.%s", path, origin, fileReason(err), hint)
}

// fileReason is an error of os without the path, which is told already.
func fileReason(err error) error {
	var e *os.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// String says for a message where the material is, never what it is.
func (m material) String() string {
	if m.isFile() {
		return "The file named by " + m.origin.String()
	}
	return "The text of " + m.origin.String()
}

// hint reminds of the other attribute a user who may have mixed them up.
func (m material) hint() string {
	if m.isFile() {
		return ""
	}
	return fmt.Sprintf(" The name of a file belongs into %s.", m.name+fileSuffix)
}

// fileSuffix ends the name of a setting that names a file with what its twin would hold.
const fileSuffix = "_file"

func (m material) isFile() bool { return strings.HasSuffix(string(m.name), fileSuffix) }

func checkCA(ca material, problems *Problems) {
	if len(ca.pem) == 0 && ca.name == "" {
		return
	}
	n, err := certificates(ca.pem)
	switch {
	case err != nil:
		problems.add(ca.name, ca.origin, "Unusable CA certificate", "%s holds a certificate that cannot be parsed: %v.", ca, err)
	case n == 0:
		problems.add(ca.name, ca.origin, "No CA certificate",
			"%s holds no certificate. It must hold one or more, in PEM: -----BEGIN CERTIFICATE----- and so on.%s", ca, ca.hint())
	}
}

// checkPair checks the client's certificate and key, whose settings have these names, or
// these with fileSuffix.
func checkPair(cert, key material, certName, keyName Name, problems *Problems) {
	switch {
	case cert.name == "" && key.name == "":
		return
	case key.name == "":
		problems.add(cert.name, cert.origin, "Client certificate without its key",
			"%s is given, but neither %s nor %s is. The server asks a client to prove with its key that the certificate is its own.", cert.origin, keyName.short(), keyName.short()+fileSuffix)
		return
	case cert.name == "":
		problems.add(key.name, key.origin, "Client key without its certificate",
			"%s is given, but neither %s nor %s is. A key is of use only beside its certificate.", key.origin, certName.short(), certName.short()+fileSuffix)
		return
	}
	before := len(*problems)
	switch n, err := certificates(cert.pem); {
	case err != nil:
		problems.add(cert.name, cert.origin, "Unusable client certificate", "%s holds a certificate that cannot be parsed: %v.", cert, err)
	case n == 0:
		problems.add(cert.name, cert.origin, "No client certificate",
			"%s holds no certificate. It must hold the client's own, in PEM: -----BEGIN CERTIFICATE----- and so on, and after it any intermediate ones.%s", cert, cert.hint())
	}
	checkKey(key, problems)
	if len(*problems) > before {
		return
	}
	if _, err := tls.X509KeyPair(cert.pem, key.pem); err != nil {
		problems.add(key.name, key.origin, "Unusable client key",
			"The certificate from %s and the key from %s cannot be used together: %v.", cert.origin, key.origin, err)
	}
}

func checkKey(key material, problems *Problems) {
	for rest := key.pem; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch {
		case !strings.HasSuffix(block.Type, "PRIVATE KEY"):
			continue
		case block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
			problems.add(key.name, key.origin, "Encrypted client key",
				"%s holds a key that is protected by a passphrase, which cannot be asked for. Give it without one; `openssl pkey` takes a passphrase off.", key)
		}
		return
	}
	problems.add(key.name, key.origin, "No client key",
		"%s holds no private key. It must hold one in PEM, such as -----BEGIN PRIVATE KEY----- or -----BEGIN EC PRIVATE KEY-----.%s", key, key.hint())
}

// certificates counts the certificates in a PEM text.
func certificates(text []byte) (int, error) {
	n := 0
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return n, nil
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return n, err
		}
		n++
	}
}

// readable tells whether a material that is given could be read.
func readable(m material) bool { return m.name == "" || m.pem != nil }
