package settings

import (
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

func TestProblems(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certs, err := acctest.NewCertificates(dir)
	if err != nil {
		t.Fatal(err)
	}
	others, err := acctest.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind, content string) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: []byte(content)}))
	}
	const secret = "hunter2"
	tls := []string{"https://a:2379"}
	for name, test := range map[string]struct {
		explicit Settings
		env      variables
		setting  Name
		index    int
		// says are phrases of the answer.
		says    []string
		warning bool
	}{
		"nothing": {
			setting: NameEndpoints, index: -1,
			says: []string{`endpoints = ["https://10.0.0.1:2379"]`, "config_path = ", "ETCD_ENDPOINTS=", "DATASTORE_TYPE=kubernetes KUBECONFIG=", "config_file =", "CALICOCTL_CONFIG"},
		},
		"a user but no endpoint": {
			explicit: Settings{Etcd: Etcd{Username: "ann", Password: secret}},
			setting:  NameEndpoints, index: -1, says: []string{"no etcd endpoint"},
		},
		"an unknown kind": {
			env:     variables{"DATASTORE_TYPE": "etcd", "ETCD_ENDPOINTS": "http://a:1"},
			setting: NameDatastoreType, index: -1, says: []string{"DATASTORE_TYPE", `"etcd"`, `"etcdv3"`, `"kubernetes"`},
		},
		"no scheme": {
			explicit: Settings{Etcd: Etcd{Endpoints: []string{"http://a:1", "10.0.0.1:2379"}}},
			setting:  NameEndpoints, index: 1,
			says: []string{"etcd.endpoints[1]", "https://10.0.0.1:2379 if etcd serves TLS", "calicoctl takes it for", "http://10.0.0.1:2379 if it serves plaintext"},
		},
		"no scheme in the environment": {
			env:     variables{"ETCD_ENDPOINTS": "http://a:1,b:2"},
			setting: NameEndpoints, index: -1, says: []string{`"b:2", from environment variable ETCD_ENDPOINTS`, "http://b:2"},
		},
		"another scheme": {
			explicit: Settings{Etcd: Etcd{Endpoints: []string{"unix:///run/etcd.sock"}}},
			setting:  NameEndpoints, says: []string{`scheme "unix"`},
		},
		"no port": {
			explicit: Settings{Etcd: Etcd{Endpoints: []string{"https://etcd.example.com/"}}},
			setting:  NameEndpoints, says: []string{"no port", "https://etcd.example.com:2379"},
		},
		"a port that is none": {
			explicit: Settings{Etcd: Etcd{Endpoints: []string{"https://etcd.example.com:70000"}}},
			setting:  NameEndpoints, says: []string{"1 to 65535"},
		},
		"no host": {
			explicit: Settings{Etcd: Etcd{Endpoints: []string{"https://:2379"}}},
			setting:  NameEndpoints, says: []string{"no host"},
		},
		"a path": {
			explicit: Settings{Etcd: Etcd{Endpoints: []string{"https://a:2379/v3"}}},
			setting:  NameEndpoints, says: []string{"Write https://a:2379"},
		},
		"a query": {
			explicit: Settings{Etcd: Etcd{Endpoints: []string{"https://a:2379?x=y"}}},
			setting:  NameEndpoints, says: []string{"Write https://a:2379"},
		},
		"no URL": {
			explicit: Settings{Etcd: Etcd{Endpoints: []string{"https://a b:2379"}}},
			setting:  NameEndpoints, says: []string{"is no URL", `" "`},
		},
		"an address without brackets": {
			explicit: Settings{Etcd: Etcd{Endpoints: []string{"https://2001:db8::1:2379"}}},
			setting:  NameEndpoints, says: []string{"https://[2001:db8::1]:2379"},
		},
		"a user in an endpoint": {
			explicit: Settings{Etcd: Etcd{Endpoints: []string{"https://root:" + secret + "@a:2379"}}},
			setting:  NameEndpoints, says: []string{"https://...@a:2379", "username and password"},
		},
		"a user in an endpoint that is no URL": {
			explicit: Settings{Etcd: Etcd{Endpoints: []string{"root:" + secret + "@a:23 79"}}},
			setting:  NameEndpoints, says: []string{"...@a:23 79"},
		},
		"two endpoints in one": {
			explicit: Settings{Etcd: Etcd{Endpoints: []string{"https://a:2379,https://b:2379"}}},
			setting:  NameEndpoints, says: []string{"element of its own"},
		},
		"an empty endpoint": {
			explicit: Settings{Etcd: Etcd{Endpoints: []string{""}}},
			setting:  NameEndpoints, says: []string{"no endpoint"},
		},
		"an empty list is not an unset one": {
			explicit: Settings{Etcd: Etcd{Endpoints: []string{}}},
			env:      variables{"ETCD_ENDPOINTS": "http://a:1"},
			setting:  NameEndpoints, index: -1, says: []string{"etcd.endpoints is given but names no endpoint"},
		},
		"a variable with nothing but a comma": {
			env:     variables{"ETCD_ENDPOINTS": " , "},
			setting: NameEndpoints, index: -1, says: []string{"ETCD_ENDPOINTS is given but names no endpoint"},
		},
		"http and https": {
			explicit: Settings{Etcd: Etcd{Endpoints: []string{"https://a:2379", "http://b:2379"}}},
			setting:  NameEndpoints, index: -1, says: []string{"https://a:2379", "http://b:2379"},
		},
		"endpoints and a domain": {
			explicit: Settings{Etcd: Etcd{Endpoints: tls, DiscoverySRV: "example.com"}},
			setting:  NameDiscoverySRV, index: -1, says: []string{"etcd.endpoints and etcd.discovery_srv are both given"},
		},
		"endpoints and a domain in the environment": {
			env:     variables{"ETCD_ENDPOINTS": "http://a:1", "ETCD_DISCOVERY_SRV": "example.com"},
			setting: NameDiscoverySRV, index: -1, says: []string{"ETCD_ENDPOINTS", "ETCD_DISCOVERY_SRV"},
		},
		"no domain": {
			explicit: Settings{Etcd: Etcd{DiscoverySRV: "https://example.com"}},
			setting:  NameDiscoverySRV, index: -1, says: []string{"_etcd-client-ssl._tcp.example.com"},
		},
		"a key as text that is not that of the certificate's file": {
			explicit: Settings{Etcd: Etcd{Endpoints: tls, CACertFile: certs.CAFile, CertFile: certs.CertFile, Key: others.Key}},
			setting:  NameKey, index: -1, says: []string{"etcd.cert_file", "etcd.key", "cannot be used together"},
		},
		"a CA in two ways": {
			explicit: Settings{Etcd: Etcd{Endpoints: tls, CACert: certs.CA, CACertFile: certs.CAFile}},
			setting:  NameCACertFile, index: -1, says: []string{"etcd.ca_cert and etcd.ca_cert_file are both given"},
		},
		"a certificate in two ways": {
			explicit: Settings{Etcd: Etcd{Endpoints: tls, Cert: certs.Cert, CertFile: certs.CertFile, Key: certs.Key}},
			setting:  NameCertFile, index: -1, says: []string{"Give one"},
		},
		"a key in two ways": {
			explicit: Settings{Etcd: Etcd{Endpoints: tls, Cert: certs.Cert, Key: certs.Key, KeyFile: certs.KeyFile}},
			setting:  NameKeyFile, index: -1, says: []string{"Give one"},
		},
		"a certificate without a key": {
			explicit: Settings{Etcd: Etcd{Endpoints: tls, CertFile: certs.CertFile}},
			setting:  NameCertFile, index: -1, says: []string{"neither key nor key_file"},
		},
		"a key without a certificate": {
			env:     variables{"ETCD_ENDPOINTS": "https://a:1", "ETCD_KEY_FILE": certs.KeyFile},
			setting: NameKeyFile, index: -1, says: []string{"ETCD_KEY_FILE is given", "neither cert nor cert_file"},
		},
		"a user without a password": {
			explicit: Settings{Etcd: Etcd{Endpoints: tls, Username: "ann"}},
			setting:  NameUsername, index: -1, says: []string{"etcd.username", "ETCD_PASSWORD"},
		},
		"a password without a user": {
			env:     variables{"ETCD_ENDPOINTS": "https://a:1", "ETCD_PASSWORD": secret},
			setting: NamePassword, index: -1, says: []string{"ETCD_PASSWORD is given", "etcd.username"},
		},
		"a missing file": {
			env:     variables{"ETCD_ENDPOINTS": "https://a:1", "ETCD_CA_CERT_FILE": dir + "/nowhere.pem"},
			setting: NameCACertFile, index: -1, says: []string{dir + "/nowhere.pem", "named by environment variable ETCD_CA_CERT_FILE", "no such file"},
		},
		"a missing key leaves its certificate alone": {
			explicit: Settings{Etcd: Etcd{Endpoints: tls, CertFile: certs.CertFile, KeyFile: dir + "/nowhere.pem"}},
			setting:  NameKeyFile, index: -1, says: []string{"named by etcd.key_file"},
		},
		"a directory": {
			explicit: Settings{Etcd: Etcd{Endpoints: tls, CACertFile: dir}},
			setting:  NameCACertFile, index: -1, says: []string{"is a directory"},
		},
		"a tilde": {
			explicit: Settings{Etcd: Etcd{Endpoints: tls, CACertFile: "~/ca.pem"}},
			setting:  NameCACertFile, index: -1, says: []string{`pathexpand("~/ca.pem")`},
		},
		"a key in place of its file": {
			explicit: Settings{Etcd: Etcd{Endpoints: tls, CertFile: certs.CertFile, KeyFile: certs.Key}},
			setting:  NameKeyFile, index: -1, says: []string{"etcd.key takes the text"},
		},
		"a file name in place of a CA": {
			explicit: Settings{Etcd: Etcd{Endpoints: tls, CACert: certs.CAFile}},
			setting:  NameCACert, index: -1, says: []string{"The text of etcd.ca_cert holds no certificate", "belongs into etcd.ca_cert_file"},
		},
		"a file name in place of a certificate": {
			explicit: Settings{Etcd: Etcd{Endpoints: tls, Cert: certs.CertFile, Key: certs.Key}},
			setting:  NameCert, index: -1, says: []string{"belongs into etcd.cert_file"},
		},
		"a file name in place of a key": {
			explicit: Settings{Etcd: Etcd{Endpoints: tls, Cert: certs.Cert, Key: certs.KeyFile}},
			setting:  NameKey, index: -1, says: []string{"belongs into etcd.key_file"},
		},
		"a key in place of a CA": {
			explicit: Settings{Etcd: Etcd{Endpoints: tls, CACertFile: certs.KeyFile}},
			setting:  NameCACertFile, index: -1, says: []string{"The file named by etcd.ca_cert_file holds no certificate"},
		},
		"an empty CA file": {
			explicit: Settings{Etcd: Etcd{Endpoints: tls, CACertFile: write(t, "ca.pem", "")}},
			setting:  NameCACertFile, index: -1, says: []string{"holds no certificate"},
		},
		"a broken CA": {
			explicit: Settings{Etcd: Etcd{Endpoints: tls, CACert: certs.CA + block("CERTIFICATE", secret)}},
			setting:  NameCACert, index: -1, says: []string{"cannot be parsed"},
		},
		"a broken certificate": {
			explicit: Settings{Etcd: Etcd{Endpoints: tls, Cert: block("CERTIFICATE", secret), Key: certs.Key}},
			setting:  NameCert, index: -1, says: []string{"cannot be parsed"},
		},
		"a broken key": {
			explicit: Settings{Etcd: Etcd{Endpoints: tls, Cert: certs.Cert, Key: block("EC PRIVATE KEY", secret)}},
			setting:  NameKey, index: -1, says: []string{"etcd.cert", "etcd.key"},
		},
		"an encrypted key": {
			explicit: Settings{Etcd: Etcd{Endpoints: tls, Cert: certs.Cert, Key: block("ENCRYPTED PRIVATE KEY", secret)}},
			setting:  NameKey, index: -1, says: []string{"passphrase"},
		},
		"an encrypted key of the old form": {
			explicit: Settings{Etcd: Etcd{Endpoints: tls, Cert: certs.Cert, Key: "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4, ENCRYPTED\nDEK-Info: AES-128-CBC, 00\n\naHVudGVyMg==\n-----END RSA PRIVATE KEY-----\n"}},
			setting:  NameKey, index: -1, says: []string{"passphrase"},
		},
		"certificates without TLS": {
			explicit: Settings{Etcd: Etcd{Endpoints: []string{"http://a:1"}}},
			env:      variables{"ETCD_CERT_FILE": "/nowhere", "ETCD_KEY_FILE": "/nowhere", "ETCD_CA_CERT_FILE": "/nowhere"},
			setting:  NameCertFile, index: -1, warning: true,
			says: []string{"environment variable ETCD_CERT_FILE is given", "etcd.endpoints are http://", "nothing is encrypted"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := Resolve(test.explicit, test.env.lookup, "")
			if len(problems) != 1 {
				t.Fatalf("%d problems, want 1: %v", len(problems), problems)
			}
			p := problems[0]
			if p.Setting != test.setting || p.Index != test.index || p.Warning != test.warning || p.Summary == "" {
				t.Errorf("problem with %s[%d], warning %t, want %s[%d], %t: %v", p.Setting, p.Index, p.Warning, test.setting, test.index, test.warning, p)
			}
			if (problems.Err() == nil) != test.warning {
				t.Errorf("Err is %v", problems.Err())
			}
			for _, s := range test.says {
				if !strings.Contains(p.Detail, s) {
					t.Errorf("%q does not say %q", p.Detail, s)
				}
			}
			for _, s := range []string{secret, "PRIVATE KEY-----\n", "aHVudGVyMg"} {
				if strings.Contains(problems.Error(), s) {
					t.Errorf("a secret is told: %v", problems)
				}
			}
		})
	}
}

// TestAllProblemsAtOnce saves a user from finding one mistake after the other.
func TestAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	_, problems := Resolve(Settings{DatastoreType: "consul", Etcd: Etcd{Endpoints: []string{"a:1", "https://b:2", "https://c:3/x"}, Username: "ann", CACertFile: "/nowhere"}}, variables{}.lookup, "/nowhere")
	var got []string
	for _, p := range problems {
		got = append(got, fmt.Sprintf("%s[%d]", p.Setting, p.Index))
	}
	want := []string{"config_file[-1]", "datastore_type[-1]", "etcd.endpoints[0]", "etcd.endpoints[2]", "etcd.username[-1]", "etcd.ca_cert_file[-1]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if problems.Err() == nil || strings.Count(problems.Err().Error(), "\n") != len(want)-1 {
		t.Errorf("Err is %v", problems.Err())
	}
}

func TestCheckLeavesRoomForOtherPlaces(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]Etcd{
		"nothing":                    {},
		"a user, password elsewhere": {Username: "ann"},
		"a certificate, key elsewhere, files not there yet": {CertFile: "/nowhere", CACertFile: "/nowhere"},
		"endpoints": {Endpoints: []string{"https://a:1"}},
	} {
		if problems := Check(Settings{Etcd: s}); len(problems) != 0 {
			t.Errorf("%s: %v", name, problems)
		}
	}
	for name, test := range map[string]struct {
		settings Settings
		want     Name
	}{
		"a kind":     {Settings{DatastoreType: "consul"}, NameDatastoreType},
		"two ways":   {Settings{Etcd: Etcd{Key: "x", KeyFile: "y"}}, NameKeyFile},
		"no scheme":  {Settings{Etcd: Etcd{Endpoints: []string{"a:1"}}}, NameEndpoints},
		"no domain":  {Settings{Etcd: Etcd{DiscoverySRV: "a:1"}}, NameDiscoverySRV},
		"empty list": {Settings{Etcd: Etcd{Endpoints: []string{}}}, NameEndpoints},
	} {
		if problems := Check(test.settings); len(problems) != 1 || problems[0].Setting != test.want {
			t.Errorf("%s: %v", name, problems)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[Name][]string{
		NameDatastoreType: {"datastore_type"}, NameConfigFile: {"config_file"}, NameKubernetesBlock: {"kubernetes"},
		NameEndpoints: {"etcd", "endpoints"}, NameKeyFile: {"etcd", "key_file"},
		NameHost: {"kubernetes", "host"}, NameExecAPIVersion: {"kubernetes", "exec", "api_version"},
	} {
		if steps := name.Steps(); !slices.Equal(steps, want) {
			t.Errorf("%s is at %q", name, steps)
		}
	}
	// Each field of Settings is a setting, so that none is left out of a layer.
	full := Settings{DatastoreType: "x", EtcdBlock: true, KubernetesBlock: true, Kubernetes: fullKubernetes, Etcd: Etcd{Endpoints: []string{"x"}, DiscoverySRV: "x", Username: "x", Password: "x", CACert: "x", Cert: "x", Key: "x", CACertFile: "x", CertFile: "x", KeyFile: "x"}}
	if got := strings.Count(full.String(), " "); got != len(definitions)-1 {
		t.Errorf("%d of %d settings are given: %s", got+1, len(definitions), full)
	}
}
