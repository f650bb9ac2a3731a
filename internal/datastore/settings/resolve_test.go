package settings

import (
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// variables is an environment.
type variables map[string]string

func (v variables) lookup(name string) (string, bool) {
	s, ok := v[name]
	return s, ok
}

// write writes a file for the test and returns its name.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// configFile writes a calicoctl configuration file with the lines below spec.
func configFile(t *testing.T, spec ...string) string {
	t.Helper()
	return write(t, "calicoctl.cfg", "apiVersion: projectcalico.org/v3\nkind: CalicoAPIConfig\nmetadata:\nspec:\n  "+strings.Join(spec, "\n  ")+"\n")
}

// mustResolve resolves settings that have no problem.
func mustResolve(t *testing.T, explicit Settings, env variables, file string) Resolved {
	t.Helper()
	r, problems := Resolve(explicit, env.lookup, file)
	for _, p := range problems {
		t.Errorf("problem with %s: %v", p.Setting, p)
	}
	return r
}

func TestEverySettingFromEveryLayer(t *testing.T) {
	t.Parallel()
	certs, err := acctest.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	indented := func(text string) string { return strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ") }
	want := Resolved{DatastoreType: EtcdV3, ResolvedEtcd: ResolvedEtcd{Endpoints: []string{"https://10.0.0.1:2379", "https://[2001:db8::1]:2379"}, Username: "ann", Password: "s3cret", CACert: []byte(certs.CA), Cert: []byte(certs.Cert), Key: []byte(certs.Key)}}
	for name, test := range map[string]struct {
		explicit Settings
		env      variables
		file     []string
		origins  map[Name]string
	}{
		"provider block, files": {
			explicit: Settings{DatastoreType: EtcdV3, Etcd: Etcd{Endpoints: []string{"https://10.0.0.1:2379", "https://[2001:db8::1]:2379"}, Username: "ann", Password: "s3cret", CACertFile: certs.CAFile, CertFile: certs.CertFile, KeyFile: certs.KeyFile}},
			origins: map[Name]string{
				NameDatastoreType: "datastore_type", NameEndpoints: "etcd.endpoints",
				NameUsername: "etcd.username", NamePassword: "etcd.password",
				NameCACertFile: "etcd.ca_cert_file", NameCertFile: "etcd.cert_file", NameKeyFile: "etcd.key_file",
			},
		},
		"provider block, inline": {
			explicit: Settings{DatastoreType: EtcdV3, Etcd: Etcd{Endpoints: []string{"HTTPS://10.0.0.1:2379/", "https://[2001:db8::1]:2379"}, Username: "ann", Password: "s3cret", CACert: certs.CA, Cert: certs.Cert, Key: certs.Key}},
			origins: map[Name]string{
				NameDatastoreType: "datastore_type", NameEndpoints: "etcd.endpoints",
				NameUsername: "etcd.username", NamePassword: "etcd.password",
				NameCACert: "etcd.ca_cert", NameCert: "etcd.cert", NameKey: "etcd.key",
			},
		},
		"provider block, a key beside files": {
			explicit: Settings{DatastoreType: EtcdV3, Etcd: Etcd{Endpoints: []string{"https://10.0.0.1:2379", "https://[2001:db8::1]:2379"}, Username: "ann", Password: "s3cret", CACertFile: certs.CAFile, CertFile: certs.CertFile, Key: certs.Key}},
			origins: map[Name]string{
				NameDatastoreType: "datastore_type", NameEndpoints: "etcd.endpoints",
				NameUsername: "etcd.username", NamePassword: "etcd.password",
				NameCACertFile: "etcd.ca_cert_file", NameCertFile: "etcd.cert_file", NameKey: "etcd.key",
			},
		},
		"environment": {
			env: variables{
				"DATASTORE_TYPE": "etcdv3", "ETCD_ENDPOINTS": "https://10.0.0.1:2379 , https://[2001:db8::1]:2379,",
				"ETCD_USERNAME": "ann", "ETCD_PASSWORD": "s3cret",
				"ETCD_CA_CERT_FILE": certs.CAFile, "ETCD_CERT_FILE": certs.CertFile, "ETCD_KEY_FILE": certs.KeyFile,
			},
			origins: map[Name]string{
				NameDatastoreType: "environment variable DATASTORE_TYPE", NameEndpoints: "environment variable ETCD_ENDPOINTS",
				NameUsername: "environment variable ETCD_USERNAME", NamePassword: "environment variable ETCD_PASSWORD",
				NameCACertFile: "environment variable ETCD_CA_CERT_FILE", NameCertFile: "environment variable ETCD_CERT_FILE",
				NameKeyFile: "environment variable ETCD_KEY_FILE",
			},
		},
		"environment, prefixed": {
			env: variables{
				"CALICO_DATASTORE_TYPE": "etcdv3", "DATASTORE_TYPE": "kubernetes",
				"CALICO_ETCD_ENDPOINTS": "https://10.0.0.1:2379,https://[2001:db8::1]:2379", "ETCD_ENDPOINTS": "http://other:2379",
				"CALICO_ETCD_USERNAME": "ann", "ETCD_USERNAME": "bob",
				"CALICO_ETCD_PASSWORD": "", "ETCD_PASSWORD": "s3cret",
				"CALICO_ETCD_CA_CERT_FILE": certs.CAFile, "CALICO_ETCD_CERT_FILE": certs.CertFile, "CALICO_ETCD_KEY_FILE": certs.KeyFile,
			},
			origins: map[Name]string{
				NameDatastoreType: "environment variable CALICO_DATASTORE_TYPE", NameEndpoints: "environment variable CALICO_ETCD_ENDPOINTS",
				NameUsername: "environment variable CALICO_ETCD_USERNAME", NamePassword: "environment variable ETCD_PASSWORD",
				NameCACertFile: "environment variable CALICO_ETCD_CA_CERT_FILE", NameCertFile: "environment variable CALICO_ETCD_CERT_FILE",
				NameKeyFile: "environment variable CALICO_ETCD_KEY_FILE",
			},
		},
		"file": {
			file: []string{
				"datastoreType: etcdv3", "ETCDendpoints: https://10.0.0.1:2379, https://[2001:db8::1]:2379",
				"etcdUsername: ann", "etcdPassword: s3cret",
				"etcdCACertFile: " + certs.CAFile, "etcdCertFile: " + certs.CertFile, "etcdKeyFile: " + certs.KeyFile,
			},
			origins: map[Name]string{
				NameDatastoreType: "file FILE, spec.datastoreType", NameEndpoints: "file FILE, spec.etcdEndpoints",
				NameUsername: "file FILE, spec.etcdUsername", NamePassword: "file FILE, spec.etcdPassword",
				NameCACertFile: "file FILE, spec.etcdCACertFile", NameCertFile: "file FILE, spec.etcdCertFile",
				NameKeyFile: "file FILE, spec.etcdKeyFile",
			},
		},
		"file, inline": {
			file: []string{
				"etcdEndpoints: https://10.0.0.1:2379,https://[2001:db8::1]:2379",
				"etcdUsername: ann", "etcdPassword: s3cret",
				"etcdCACert: |", "  " + indented(certs.CA), "etcdCert: |", "  " + indented(certs.Cert), "etcdKey: |", "  " + indented(certs.Key),
			},
			origins: map[Name]string{
				NameDatastoreType: "file FILE, spec.etcdEndpoints", NameEndpoints: "file FILE, spec.etcdEndpoints",
				NameUsername: "file FILE, spec.etcdUsername", NamePassword: "file FILE, spec.etcdPassword",
				NameCACert: "file FILE, spec.etcdCACert", NameCert: "file FILE, spec.etcdCert", NameKey: "file FILE, spec.etcdKey",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := ""
			if test.file != nil {
				file = configFile(t, test.file...)
			}
			got := mustResolve(t, test.explicit, test.env, file)
			if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Resolved{})); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
			origins := map[Name]string{}
			for _, d := range definitions {
				if o, ok := got.Origin(d.name); ok {
					origins[d.name] = strings.Replace(o.String(), "file "+file+",", "file FILE,", 1)
				}
			}
			if diff := cmp.Diff(test.origins, origins); diff != "" {
				t.Errorf("origins (-want +got):\n%s", diff)
			}
			for _, printed := range []string{got.String(), fmt.Sprintf("%v %+v %#v", got, got, got), fmt.Sprintf("%v %+v %#v", test.explicit, test.explicit, test.explicit)} {
				if strings.Contains(printed, "s3cret") || strings.Contains(printed, "PRIVATE") {
					t.Errorf("a secret is printed: %s", printed)
				}
			}
		})
	}
}

func TestPrecedence(t *testing.T) {
	t.Parallel()
	const a, b, c = "http://a:1", "http://b:2", "http://c:3"
	for name, test := range map[string]struct {
		explicit Settings
		env      variables
		file     []string
		want     Resolved
	}{
		"attribute by attribute": {
			explicit: Settings{Etcd: Etcd{Username: "ann"}},
			env:      variables{"ETCD_USERNAME": "bob", "ETCD_PASSWORD": "from env"},
			file:     []string{"etcdEndpoints: " + c, "etcdUsername: cid", "etcdPassword: from file"},
			want:     Resolved{DatastoreType: EtcdV3, ResolvedEtcd: ResolvedEtcd{Endpoints: []string{c}, Username: "ann", Password: "from env"}},
		},
		"endpoints of the provider block before a domain in the environment": {
			explicit: Settings{Etcd: Etcd{Endpoints: []string{a}}},
			env:      variables{"ETCD_DISCOVERY_SRV": "example.com"},
			file:     []string{"etcdEndpoints: " + c},
			want:     Resolved{DatastoreType: EtcdV3, ResolvedEtcd: ResolvedEtcd{Endpoints: []string{a}}},
		},
		"a domain in the environment before endpoints in the file": {
			env:  variables{"ETCD_DISCOVERY_SRV": "example.com"},
			file: []string{"etcdEndpoints: " + c},
			want: Resolved{DatastoreType: EtcdV3, ResolvedEtcd: ResolvedEtcd{DiscoverySRV: "example.com"}},
		},
		"a weaker place may contradict itself where it is not used": {
			explicit: Settings{Etcd: Etcd{Endpoints: []string{a}}},
			env:      variables{"ETCD_ENDPOINTS": b, "ETCD_DISCOVERY_SRV": "example.com"},
			want:     Resolved{DatastoreType: EtcdV3, ResolvedEtcd: ResolvedEtcd{Endpoints: []string{a}}},
		},
		"empty variables are unset": {
			env:  variables{"CALICO_ETCD_ENDPOINTS": "", "ETCD_ENDPOINTS": "", "ETCD_USERNAME": "", "DATASTORE_TYPE": ""},
			file: []string{"etcdEndpoints: " + c},
			want: Resolved{DatastoreType: EtcdV3, ResolvedEtcd: ResolvedEtcd{Endpoints: []string{c}}},
		},
		"a domain alone means etcd": {
			env:  variables{"ETCD_DISCOVERY_SRV": "example.com"},
			want: Resolved{DatastoreType: EtcdV3, ResolvedEtcd: ResolvedEtcd{DiscoverySRV: "example.com"}},
		},
		"endpoints of the provider block mean etcd whatever the environment says": {
			explicit: Settings{Etcd: Etcd{Endpoints: []string{a}}},
			env:      variables{"DATASTORE_TYPE": "kubernetes"},
			want:     Resolved{DatastoreType: EtcdV3, ResolvedEtcd: ResolvedEtcd{Endpoints: []string{a}}},
		},
		"the kind of the same place before its endpoints": {
			env:  variables{"DATASTORE_TYPE": "kubernetes", "ETCD_ENDPOINTS": b, "KUBE_HOST": "https://k"},
			want: Resolved{DatastoreType: Kubernetes, ResolvedKubernetes: ResolvedKubernetes{Host: "https://k"}},
		},
		"kubernetes in the provider block": {
			explicit: Settings{DatastoreType: Kubernetes, Kubernetes: KubernetesSettings{Host: "https://k"}},
			env:      variables{"ETCD_ENDPOINTS": "not even a URL", "ETCD_KEY_FILE": "/nowhere"},
			want:     Resolved{DatastoreType: Kubernetes, ResolvedKubernetes: ResolvedKubernetes{Host: "https://k"}},
		},
		"none, on purpose": {
			explicit: Settings{DatastoreType: None},
			env:      variables{"ETCD_ENDPOINTS": "not even a URL", "ETCD_KEY_FILE": "/nowhere"},
			want:     Resolved{DatastoreType: None},
		},
		"kubernetes in a file": {
			file: []string{"datastoreType: kubernetes", "k8sAPIEndpoint: https://k", "k8sInsecureSkipTLSVerify: true", "k8sClientQPS: 12.5", "k8sClientBurst: 10", "calicoAPIGroup: crd.projectcalico.org/v1"},
			want: Resolved{DatastoreType: Kubernetes, ResolvedKubernetes: ResolvedKubernetes{Host: "https://k", Insecure: true, APIGroup: "crd.projectcalico.org/v1"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := ""
			if test.file != nil {
				file = configFile(t, test.file...)
			}
			got := mustResolve(t, test.explicit, test.env, file)
			if diff := cmp.Diff(test.want, got, cmpopts.IgnoreUnexported(Resolved{})); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

// TestInlineAndFileAcrossLayers pairs a text in one place with a file in another.
func TestInlineAndFileAcrossLayers(t *testing.T) {
	t.Parallel()
	ours, err := acctest.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := acctest.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	env := variables{
		"ETCD_ENDPOINTS": "https://a:2379", "ETCD_CA_CERT_FILE": theirs.CAFile,
		"ETCD_CERT_FILE": theirs.CertFile, "ETCD_KEY_FILE": theirs.KeyFile,
	}
	r := mustResolve(t, Settings{Etcd: Etcd{CACert: ours.CA, Cert: ours.Cert, Key: ours.Key}}, env, "")
	if string(r.CACert) != ours.CA || string(r.Cert) != ours.Cert || string(r.Key) != ours.Key {
		t.Error("the environment's files are used in place of the provider block's texts")
	}

	// Another key is not exclusive with a certificate: what does not fit is told.
	_, problems := Resolve(Settings{Etcd: Etcd{Cert: ours.Cert}}, env.lookup, "")
	if len(problems) != 1 || problems[0].Setting != NameKeyFile ||
		!strings.Contains(problems[0].Detail, "etcd.cert") || !strings.Contains(problems[0].Detail, "ETCD_KEY_FILE") {
		t.Errorf("a certificate with another's key: %v", problems)
	}
}

func TestConfigFileIsReadOnlyWhereNamed(t *testing.T) {
	t.Parallel()
	one, two := configFile(t, "etcdEndpoints: http://one:2379"), configFile(t, "etcdEndpoints: http://two:2379")
	if r := mustResolve(t, Settings{}, variables{"CALICOCTL_CONFIG": one}, ""); r.Endpoints[0] != "http://one:2379" {
		t.Errorf("CALICOCTL_CONFIG is not read: %v", r)
	}
	if r := mustResolve(t, Settings{}, variables{"CALICOCTL_CONFIG": one}, two); r.Endpoints[0] != "http://two:2379" {
		t.Errorf("CALICOCTL_CONFIG goes before config_file: %v", r)
	}
	_, problems := Resolve(Settings{}, variables{"CALICOCTL_CONFIG": ""}.lookup, "")
	if problems.Err() == nil {
		t.Error("there are settings from nowhere")
	}
	_, problems = Resolve(Settings{Etcd: Etcd{Endpoints: []string{"http://a:1"}}}, variables{}.lookup, "/nowhere/calicoctl.cfg")
	if len(problems) != 1 || problems[0].Setting != NameConfigFile || problems[0].Origin.String() != "config_file" {
		t.Errorf("a file that is named but missing: %v", problems)
	}
}

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
