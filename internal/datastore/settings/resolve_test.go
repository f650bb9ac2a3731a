package settings

import (
	"fmt"
	"os"
	"path/filepath"
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
