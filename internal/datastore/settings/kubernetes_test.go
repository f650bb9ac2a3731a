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

func is(b bool) *bool { return &b }

// fullKubernetes has a value for each setting.
var fullKubernetes = KubernetesSettings{
	ConfigPath: "x", ConfigInline: "x", ConfigContext: "x", Host: "x", CACert: "x", ClientCert: "x", ClientKey: "x", CACertFile: "x", ClientCertFile: "x", ClientKeyFile: "x",
	Token: "x", Exec: &Exec{}, Insecure: is(false), TLSServerName: "x", ProxyURL: "x", APIGroup: "x",
}

// inKubernetes are settings of a provider with a block kubernetes.
func inKubernetes(s KubernetesSettings) Settings {
	return Settings{KubernetesBlock: true, Kubernetes: s}
}

func TestEveryKubernetesSettingFromEveryLayer(t *testing.T) {
	t.Parallel()
	certs, err := acctest.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	one, two := write(t, "one", ""), write(t, "two", "")
	list := one + string(os.PathListSeparator) + two
	want := ResolvedKubernetes{
		ConfigPaths: []string{one}, ConfigContext: "prod", Host: "https://10.0.0.1:6443", ClusterCACert: []byte(certs.CA),
		Token: "s3cret", ClientCert: []byte(certs.Cert), ClientKey: []byte(certs.Key), TLSServerName: "kubernetes", ProxyURL: "http://ann:s3cret@proxy:3128", APIGroup: "projectcalico.org/v3",
	}
	exec := &Exec{APIVersion: "client.authentication.k8s.io/v1", Command: "aws", Args: []string{"s3cret"}, Env: map[string]string{"KEY": "s3cret"}}
	for name, test := range map[string]struct {
		explicit Settings
		env      variables
		file     []string
		change   func(*ResolvedKubernetes)
		origins  map[Name]string
	}{
		"provider block": {
			explicit: inKubernetes(KubernetesSettings{
				ConfigPath: one, ConfigContext: "prod", Host: "https://10.0.0.1:6443/", CACert: certs.CA, Token: "s3cret", ClientCert: certs.Cert, ClientKey: certs.Key,
				TLSServerName: "kubernetes", ProxyURL: "http://ann:s3cret@proxy:3128", APIGroup: "projectcalico.org/v3", Insecure: is(false),
			}),
			env:    variables{"K8S_INSECURE_SKIP_TLS_VERIFY": "true", "KUBECONFIG": two, "DATASTORE_TYPE": "etcdv3", "K8S_CA_FILE": "/nowhere"},
			change: func(r *ResolvedKubernetes) { r.Verify = true },
			origins: map[Name]string{
				NameDatastoreType: "kubernetes",
				NameConfigPath:    "kubernetes.config_path", NameConfigContext: "kubernetes.config_context", NameHost: "kubernetes.host", NameClusterCACert: "kubernetes.cluster_ca_certificate",
				NameToken: "kubernetes.token", NameClientCert: "kubernetes.client_certificate", NameClientKey: "kubernetes.client_key", NameInsecure: "kubernetes.insecure",
				NameTLSServerName: "kubernetes.tls_server_name", NameProxyURL: "kubernetes.proxy_url", NameAPIGroup: "kubernetes.api_group",
			},
		},
		"provider block, files and exec": {
			explicit: inKubernetes(KubernetesSettings{Host: "HTTPS://k.example.net/k8s/clusters/c-1/", CACertFile: certs.CAFile, Exec: exec}),
			env:      variables{"KUBE_TOKEN": "of another", "K8S_CERT_FILE": "/nowhere"},
			change: func(r *ResolvedKubernetes) {
				*r = ResolvedKubernetes{Host: "https://k.example.net/k8s/clusters/c-1", ClusterCACert: []byte(certs.CA), Exec: exec}
			},
			origins: map[Name]string{
				NameDatastoreType: "kubernetes", NameHost: "kubernetes.host", NameClusterCACertFile: "kubernetes.cluster_ca_certificate_file", NameExec: "kubernetes.exec",
			},
		},
		"calicoctl's environment": {
			env: variables{
				"DATASTORE_TYPE": "kubernetes", "KUBECONFIG": list, "KUBE_CONFIG_PATH": "/nowhere", "K8S_CURRENT_CONTEXT": "prod", "KUBE_CTX": "dev",
				"K8S_API_ENDPOINT": "https://10.0.0.1:6443", "KUBE_HOST": "https://other", "K8S_CA_FILE": certs.CAFile, "CALICO_K8S_CERT_FILE": certs.CertFile, "K8S_CERT_FILE": "/nowhere",
				"K8S_KEY_FILE": certs.KeyFile, "K8S_INSECURE_SKIP_TLS_VERIFY": "", "KUBE_INSECURE": "false", "CALICO_API_GROUP": "ProjectCalico.org/V3",
			},
			change: func(r *ResolvedKubernetes) {
				r.ConfigPaths, r.Token, r.TLSServerName, r.ProxyURL, r.Verify = []string{one, two}, "", "", "", true
			},
			origins: map[Name]string{
				NameDatastoreType: "environment variable DATASTORE_TYPE",
				NameConfigPath:    "environment variable KUBECONFIG", NameConfigContext: "environment variable K8S_CURRENT_CONTEXT", NameHost: "environment variable K8S_API_ENDPOINT",
				NameClusterCACertFile: "environment variable K8S_CA_FILE", NameClientCertFile: "environment variable CALICO_K8S_CERT_FILE", NameClientKeyFile: "environment variable K8S_KEY_FILE",
				NameInsecure: "environment variable KUBE_INSECURE", NameAPIGroup: "environment variable CALICO_API_GROUP",
			},
		},
		"the environment of HashiCorp's provider": {
			explicit: Settings{KubernetesBlock: true},
			env: variables{
				"KUBE_CONFIG_PATH": one, "KUBE_CTX": "prod", "KUBE_HOST": "https://10.0.0.1:6443", "KUBE_CLUSTER_CA_CERT_DATA": certs.CA, "KUBE_TOKEN": "s3cret",
				"KUBE_CLIENT_CERT_DATA": certs.Cert, "KUBE_CLIENT_KEY_DATA": certs.Key, "KUBE_TLS_SERVER_NAME": "kubernetes", "KUBE_PROXY_URL": "http://ann:s3cret@proxy:3128",
			},
			change: func(r *ResolvedKubernetes) { r.APIGroup = "" },
			origins: map[Name]string{
				NameDatastoreType: "kubernetes",
				NameConfigPath:    "environment variable KUBE_CONFIG_PATH", NameConfigContext: "environment variable KUBE_CTX", NameHost: "environment variable KUBE_HOST",
				NameClusterCACert: "environment variable KUBE_CLUSTER_CA_CERT_DATA", NameToken: "environment variable KUBE_TOKEN", NameClientCert: "environment variable KUBE_CLIENT_CERT_DATA",
				NameClientKey: "environment variable KUBE_CLIENT_KEY_DATA", NameTLSServerName: "environment variable KUBE_TLS_SERVER_NAME", NameProxyURL: "environment variable KUBE_PROXY_URL",
			},
		},
		"file": {
			file: []string{
				"datastoreType: kubernetes", "kubeconfig: " + list, "k8sCurrentContext: prod", "k8sAPIEndpoint: https://10.0.0.1:6443", "k8sAPIToken: s3cret",
				"k8sCAFile: " + certs.CAFile, "k8sCertFile: " + certs.CertFile, "k8sKeyFile: " + certs.KeyFile, "calicoAPIGroup: projectcalico.org/V3",
			},
			change: func(r *ResolvedKubernetes) {
				r.ConfigPaths, r.TLSServerName, r.ProxyURL = []string{one, two}, "", ""
			},
			origins: map[Name]string{
				NameDatastoreType: "file FILE, spec.datastoreType",
				NameConfigPath:    "file FILE, spec.kubeconfig", NameConfigContext: "file FILE, spec.k8sCurrentContext", NameHost: "file FILE, spec.k8sAPIEndpoint", NameToken: "file FILE, spec.k8sAPIToken",
				NameClusterCACertFile: "file FILE, spec.k8sCAFile", NameClientCertFile: "file FILE, spec.k8sCertFile", NameClientKeyFile: "file FILE, spec.k8sKeyFile", NameAPIGroup: "file FILE, spec.calicoAPIGroup",
			},
		},
		"file, inline, whatever else is in it": {
			env:  variables{"KUBE_TOKEN": "of another", "K8S_CURRENT_CONTEXT": "dev"},
			file: []string{"kubeconfigInline: 's3cret'", "kubeconfig: /nowhere", "k8sAPIEndpoint: x", "k8sCAFile: /nowhere", "calicoAPIGroup: crd.projectcalico.org/v1"},
			change: func(r *ResolvedKubernetes) {
				*r = ResolvedKubernetes{ConfigInline: "s3cret", APIGroup: "crd.projectcalico.org/v1"}
			},
			origins: map[Name]string{
				NameDatastoreType: "file FILE, spec.kubeconfig", NameConfigInline: "file FILE, spec.kubeconfigInline", NameAPIGroup: "file FILE, spec.calicoAPIGroup",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := ""
			if test.file != nil {
				file = configFile(t, test.file...)
			}
			want := want
			if test.change != nil {
				test.change(&want)
			}
			got := mustResolve(t, test.explicit, test.env, file)
			if diff := cmp.Diff(Resolved{DatastoreType: Kubernetes, ResolvedKubernetes: want}, got, cmpopts.IgnoreUnexported(Resolved{})); diff != "" {
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

func TestKubernetesPrecedence(t *testing.T) {
	t.Parallel()
	one := write(t, "one", "")
	for name, test := range map[string]struct {
		explicit Settings
		env      variables
		file     []string
		want     Resolved
	}{
		"a kubeconfig of kubectl means nothing": {
			explicit: Settings{Etcd: Etcd{Endpoints: []string{"http://a:1"}}},
			env:      variables{"KUBECONFIG": one, "KUBE_HOST": "https://k", "KUBERNETES_SERVICE_HOST": "10.96.0.1"},
			want:     Resolved{DatastoreType: EtcdV3, ResolvedEtcd: ResolvedEtcd{Endpoints: []string{"http://a:1"}}},
		},
		"what is wrong with Kubernetes means nothing to etcd": {
			env:  variables{"ETCD_ENDPOINTS": "http://a:1", "K8S_CA_FILE": "/nowhere", "KUBE_CLUSTER_CA_CERT_DATA": "x", "KUBE_INSECURE": "maybe", "CALICO_API_GROUP": "x"},
			want: Resolved{DatastoreType: EtcdV3, ResolvedEtcd: ResolvedEtcd{Endpoints: []string{"http://a:1"}}},
		},
		"the block alone asks for Kubernetes": {
			explicit: Settings{KubernetesBlock: true},
			env:      variables{"KUBECONFIG": one, "ETCD_ENDPOINTS": "not even a URL", "DATASTORE_TYPE": "etcdv3"},
			want:     Resolved{DatastoreType: Kubernetes, ResolvedKubernetes: ResolvedKubernetes{ConfigPaths: []string{one}}},
		},
		"the block etcd asks for etcd": {
			explicit: Settings{EtcdBlock: true},
			env:      variables{"DATASTORE_TYPE": "kubernetes", "KUBECONFIG": one, "ETCD_ENDPOINTS": "http://a:1"},
			want:     Resolved{DatastoreType: EtcdV3, ResolvedEtcd: ResolvedEtcd{Endpoints: []string{"http://a:1"}}},
		},
		"a host in the block is not mixed with the kubeconfig of the environment": {
			explicit: inKubernetes(KubernetesSettings{Host: "https://k"}),
			env:      variables{"KUBECONFIG": "/nowhere", "K8S_CURRENT_CONTEXT": "dev"},
			want:     Resolved{DatastoreType: Kubernetes, ResolvedKubernetes: ResolvedKubernetes{Host: "https://k"}},
		},
		"a kubeconfig in the block is not redirected": {
			explicit: inKubernetes(KubernetesSettings{ConfigPath: one}),
			env:      variables{"KUBE_HOST": "https://other", "K8S_API_ENDPOINT": "https://other"},
			want:     Resolved{DatastoreType: Kubernetes, ResolvedKubernetes: ResolvedKubernetes{ConfigPaths: []string{one}}},
		},
		"both in one place": {
			explicit: inKubernetes(KubernetesSettings{ConfigPath: one, Host: "https://k"}),
			want:     Resolved{DatastoreType: Kubernetes, ResolvedKubernetes: ResolvedKubernetes{ConfigPaths: []string{one}, Host: "https://k"}},
		},
		"a kubeconfig in the environment before an inline one": {
			env:  variables{"DATASTORE_TYPE": "kubernetes", "KUBECONFIG": one},
			file: []string{"kubeconfigInline: x"},
			want: Resolved{DatastoreType: Kubernetes, ResolvedKubernetes: ResolvedKubernetes{ConfigPaths: []string{one}}},
		},
		"what is not there of several": {
			env:  variables{"DATASTORE_TYPE": "kubernetes", "KUBECONFIG": "/nowhere" + string(os.PathListSeparator) + one + string(os.PathListSeparator) + one},
			want: Resolved{DatastoreType: Kubernetes, ResolvedKubernetes: ResolvedKubernetes{ConfigPaths: []string{"/nowhere", one}}},
		},
		"attribute by attribute": {
			explicit: inKubernetes(KubernetesSettings{Host: "https://k"}),
			env:      variables{"KUBE_TOKEN": "t", "KUBE_INSECURE": "1"},
			file:     []string{"k8sAPIToken: x", "calicoAPIGroup: crd.projectcalico.org/v1"},
			want:     Resolved{DatastoreType: Kubernetes, ResolvedKubernetes: ResolvedKubernetes{Host: "https://k", Token: "t", Insecure: true, APIGroup: "crd.projectcalico.org/v1"}},
		},
		"a file of etcd, whatever it says of Kubernetes": {
			file: []string{"etcdEndpoints: http://a:1", "kubeconfig: /nowhere"},
			want: Resolved{DatastoreType: EtcdV3, ResolvedEtcd: ResolvedEtcd{Endpoints: []string{"http://a:1"}}},
		},
		"a file with a kubeconfig and no kind": {
			file: []string{"kubeconfig: " + one},
			want: Resolved{DatastoreType: Kubernetes, ResolvedKubernetes: ResolvedKubernetes{ConfigPaths: []string{one}}},
		},
		"in a pod": {
			explicit: Settings{DatastoreType: Kubernetes, KubernetesBlock: true, Kubernetes: KubernetesSettings{APIGroup: "projectcalico.org/v3"}},
			env:      variables{"KUBERNETES_SERVICE_HOST": "10.96.0.1"},
			want:     Resolved{DatastoreType: Kubernetes, ResolvedKubernetes: ResolvedKubernetes{InCluster: true, APIGroup: "projectcalico.org/v3"}},
		},
		"in a pod, asked for by the environment": {
			explicit: Settings{KubernetesBlock: true},
			env:      variables{"KUBERNETES_SERVICE_HOST": "10.96.0.1", "DATASTORE_TYPE": "kubernetes"},
			want:     Resolved{DatastoreType: Kubernetes, ResolvedKubernetes: ResolvedKubernetes{InCluster: true}},
		},
		"in a pod, asked for by a file": {
			env:  variables{"KUBERNETES_SERVICE_HOST": "10.96.0.1"},
			file: []string{"datastoreType: kubernetes"},
			want: Resolved{DatastoreType: Kubernetes, ResolvedKubernetes: ResolvedKubernetes{InCluster: true}},
		},
		"in a pod, with a kubeconfig": {
			explicit: Settings{DatastoreType: Kubernetes},
			env:      variables{"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBECONFIG": one},
			want:     Resolved{DatastoreType: Kubernetes, ResolvedKubernetes: ResolvedKubernetes{ConfigPaths: []string{one}}},
		},
		"none, with a block": {
			explicit: Settings{DatastoreType: None, KubernetesBlock: true, Kubernetes: KubernetesSettings{ConfigPath: "/nowhere"}},
			want:     Resolved{DatastoreType: None},
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

func TestKubernetesProblems(t *testing.T) {
	t.Parallel()
	certs, err := acctest.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	others, err := acctest.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	const secret = "hunter2"
	// with is a block with a host and what change adds.
	with := func(change func(*KubernetesSettings)) Settings {
		s := KubernetesSettings{Host: "https://k"}
		change(&s)
		return inKubernetes(s)
	}
	asked := Settings{DatastoreType: Kubernetes}
	for name, test := range map[string]struct {
		explicit Settings
		env      variables
		file     []string
		setting  Name
		says     []string
		// static is true of what Check finds, too.
		static bool
	}{
		"nothing but the kind": {explicit: asked, setting: NameConfigPath, says: []string{"kubernetes.config_path", "KUBECONFIG", "~/.kube/config", "kubernetes.host", "service account"}},
		"an empty block":       {explicit: Settings{KubernetesBlock: true}, env: variables{"KUBERNETES_SERVICE_HOST": "10.96.0.1"}, setting: NameConfigPath, says: []string{`datastore_type = "kubernetes" alone`}},
		"in a pod, with a token": {
			explicit: Settings{DatastoreType: Kubernetes, KubernetesBlock: true, Kubernetes: KubernetesSettings{Token: secret}}, env: variables{"KUBERNETES_SERVICE_HOST": "10.96.0.1"},
			setting: NameConfigPath, says: []string{"kubernetes.token"},
		},
		"both blocks":                 {explicit: Settings{EtcdBlock: true, KubernetesBlock: true}, setting: NameKubernetesBlock, says: []string{"etcd and kubernetes", "alias"}, static: true},
		"the block of another kind":   {explicit: Settings{DatastoreType: EtcdV3, KubernetesBlock: true}, setting: NameDatastoreType, says: []string{`"etcdv3"`, "block kubernetes"}, static: true},
		"etcd's block and Kubernetes": {explicit: Settings{DatastoreType: Kubernetes, EtcdBlock: true}, setting: NameDatastoreType, says: []string{`"kubernetes"`, "block etcd"}, static: true},
		"a host without a scheme":     {explicit: with(func(s *KubernetesSettings) { s.Host = "10.0.0.1:6443" }), setting: NameHost, says: []string{"https://10.0.0.1:6443"}, static: true},
		"a host without TLS":          {env: variables{"DATASTORE_TYPE": "kubernetes", "KUBE_HOST": "http://k"}, setting: NameHost, says: []string{"environment variable KUBE_HOST", "not encrypted"}},
		"a host with another scheme":  {explicit: with(func(s *KubernetesSettings) { s.Host = "tcp://k" }), setting: NameHost, says: []string{`"tcp"`}, static: true},
		"a host with a user":          {explicit: with(func(s *KubernetesSettings) { s.Host = "https://ann:hunter2@k" }), setting: NameHost, says: []string{"https://...@k", "token"}, static: true},
		"a host with a query":         {explicit: with(func(s *KubernetesSettings) { s.Host = "https://k/?x=y" }), setting: NameHost, says: []string{"? or #"}, static: true},
		"a host with a wrong port":    {explicit: with(func(s *KubernetesSettings) { s.Host = "https://k:70000" }), setting: NameHost, says: []string{"1 to 65535"}, static: true},
		"a host without a host":       {explicit: with(func(s *KubernetesSettings) { s.Host = "https://:6443" }), setting: NameHost, says: []string{"names no host"}, static: true},
		"a host that is no URL":       {explicit: with(func(s *KubernetesSettings) { s.Host = "https://a b" }), setting: NameHost, says: []string{"is no URL"}, static: true},
		"another group":               {explicit: with(func(s *KubernetesSettings) { s.APIGroup = "v3" }), setting: NameAPIGroup, says: []string{`"v3"`, `"projectcalico.org/v3"`, `"crd.projectcalico.org/v1"`}, static: true},
		"a group in another case":     {explicit: with(func(s *KubernetesSettings) { s.APIGroup = "ProjectCalico.org/v3" }), setting: NameAPIGroup, says: []string{`"projectcalico.org/v3"`}, static: true},
		"another group in the environment": {
			explicit: with(func(*KubernetesSettings) {}), env: variables{"CALICO_API_GROUP": "typo"}, setting: NameAPIGroup, says: []string{"CALICO_API_GROUP", `"typo"`},
		},
		"neither true nor false":    {explicit: with(func(*KubernetesSettings) {}), env: variables{"K8S_INSECURE_SKIP_TLS_VERIFY": "maybe"}, setting: NameInsecure, says: []string{"K8S_INSECURE_SKIP_TLS_VERIFY", "maybe"}},
		"insecure with a CA":        {explicit: with(func(s *KubernetesSettings) { s.Insecure, s.CACert = is(true), certs.CA }), setting: NameInsecure, says: []string{"kubernetes.insecure", "kubernetes.cluster_ca_certificate"}, static: true},
		"insecure from elsewhere":   {explicit: with(func(s *KubernetesSettings) { s.CACertFile = certs.CAFile }), env: variables{"KUBE_INSECURE": "true"}, setting: NameInsecure, says: []string{"KUBE_INSECURE", "kubernetes.cluster_ca_certificate_file"}},
		"a proxy that is no URL":    {explicit: with(func(s *KubernetesSettings) { s.ProxyURL = "ann:hunter2@proxy:3128" }), setting: NameProxyURL, says: []string{"kubernetes.proxy_url", "socks5://"}, static: true},
		"a token with a line's end": {explicit: with(func(s *KubernetesSettings) { s.Token = "hunter2\n" }), setting: NameToken, says: []string{"trimspace"}, static: true},
		"a plugin beside a token":   {explicit: with(func(s *KubernetesSettings) { s.Exec, s.Token = &Exec{Command: "aws"}, secret }), setting: NameToken, says: []string{"kubernetes.exec and kubernetes.token"}, static: true},
		"a plugin beside a key":     {explicit: with(func(s *KubernetesSettings) { s.Exec, s.ClientKeyFile = &Exec{Command: "aws"}, "/nowhere" }), setting: NameClientKeyFile, says: []string{"kubernetes.exec and kubernetes.client_key_file"}, static: true},
		"a plugin of an old version": {explicit: with(func(s *KubernetesSettings) {
			s.Exec = &Exec{Command: "aws", APIVersion: "client.authentication.k8s.io/v1alpha1"}
		}), setting: NameExecAPIVersion, says: []string{"v1alpha1", `"client.authentication.k8s.io/v1"`}, static: true},
		"a CA in two ways": {explicit: with(func(s *KubernetesSettings) { s.CACert, s.CACertFile = certs.CA, certs.CAFile }), setting: NameClusterCACertFile, says: []string{"Give one"}, static: true},
		"a certificate in two ways": {explicit: with(func(s *KubernetesSettings) {
			s.ClientCert, s.ClientCertFile, s.ClientKey = certs.Cert, certs.CertFile, certs.Key
		}), setting: NameClientCertFile, says: []string{"Give one"}, static: true},
		"a key in two ways": {explicit: with(func(s *KubernetesSettings) {
			s.ClientCert, s.ClientKeyFile, s.ClientKey = certs.Cert, certs.KeyFile, certs.Key
		}), setting: NameClientKeyFile, says: []string{"Give one"}, static: true},
		"a CA's file that is missing":  {explicit: with(func(s *KubernetesSettings) { s.CACertFile = "/nowhere/ca" }), setting: NameClusterCACertFile, says: []string{`"/nowhere/ca"`, "no such file"}},
		"a key in place of a CA":       {explicit: with(func(s *KubernetesSettings) { s.CACertFile = certs.KeyFile }), setting: NameClusterCACertFile, says: []string{"The file named by kubernetes.cluster_ca_certificate_file holds no certificate"}},
		"a file's name for a CA":       {explicit: with(func(s *KubernetesSettings) { s.CACert = certs.CAFile }), setting: NameClusterCACert, says: []string{"kubernetes.cluster_ca_certificate_file"}},
		"a certificate without a key":  {explicit: with(func(s *KubernetesSettings) { s.ClientCert = certs.Cert }), setting: NameClientCert, says: []string{"neither client_key nor client_key_file"}},
		"a key without a certificate":  {explicit: with(func(s *KubernetesSettings) { s.ClientKey = certs.Key }), setting: NameClientKey, says: []string{"neither client_certificate nor client_certificate_file"}},
		"another's key":                {explicit: with(func(s *KubernetesSettings) { s.ClientCert, s.ClientKey = certs.Cert, others.Key }), setting: NameClientKey, says: []string{"cannot be used together"}},
		"a key as a file's name":       {explicit: with(func(s *KubernetesSettings) { s.ClientCert, s.ClientKeyFile = certs.Cert, certs.Key }), setting: NameClientKeyFile, says: []string{"kubernetes.client_key takes the text"}},
		"a kubeconfig that is missing": {explicit: inKubernetes(KubernetesSettings{ConfigPath: "/nowhere/config"}), setting: NameConfigPath, says: []string{`"/nowhere/config", named by kubernetes.config_path`, "no such file"}},
		"kubeconfigs that are missing": {explicit: asked, env: variables{"KUBECONFIG": "/nowhere/a" + string(os.PathListSeparator) + "/nowhere/b"}, setting: NameConfigPath, says: []string{"KUBECONFIG", "/nowhere/a", "/nowhere/b"}},
		"a kubeconfig with a tilde":    {explicit: inKubernetes(KubernetesSettings{ConfigPath: "~/.kube/config"}), setting: NameConfigPath, says: []string{`pathexpand("~/.kube/config")`}},
		"a kubeconfig's text":          {explicit: inKubernetes(KubernetesSettings{ConfigPath: "users:\n- token: hunter2\n"}), setting: NameConfigPath, says: []string{"name of a kubeconfig file"}},
		"a directory":                  {explicit: inKubernetes(KubernetesSettings{ConfigPath: filepath.Dir(certs.CAFile)}), setting: NameConfigPath, says: []string{"is a directory"}},
		"a context without a kubeconfig": {
			explicit: with(func(s *KubernetesSettings) { s.ConfigContext = "prod" }), setting: NameConfigContext, says: []string{"kubernetes.config_path"},
		},
		"a token beside an inline kubeconfig": {
			explicit: inKubernetes(KubernetesSettings{Token: secret}), file: []string{"kubeconfigInline: hunter2"}, setting: NameToken, says: []string{"kubernetes.token", "spec.kubeconfigInline"},
		},
		"a file that cannot be read, and nothing else": {
			explicit: asked, file: []string{"kubeconfig: [hunter2]"}, setting: NameConfigFile, says: []string{"kubeconfig, which must be a text"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := ""
			if test.file != nil {
				file = configFile(t, test.file...)
			}
			_, problems := Resolve(test.explicit, test.env.lookup, file)
			answers := map[string]Problems{"Resolve": problems}
			if test.static {
				answers["Check"] = Check(test.explicit)
			} else if file == "" && len(Check(test.explicit)) > 0 {
				t.Errorf("Check tells of it: %v", Check(test.explicit))
			}
			for by, problems := range answers {
				if len(problems) != 1 {
					t.Fatalf("%s: %d problems, want 1: %v", by, len(problems), problems)
				}
				p := problems[0]
				if p.Setting != test.setting || p.Index != -1 || p.Warning || p.Summary == "" {
					t.Errorf("%s: problem with %s, want %s: %v", by, p.Setting, test.setting, p)
				}
				for _, s := range test.says {
					if !strings.Contains(p.Detail, s) {
						t.Errorf("%s: %q does not say %q", by, p.Detail, s)
					}
				}
				for _, s := range []string{secret, "PRIVATE KEY-----\n"} {
					if strings.Contains(problems.Error(), s) {
						t.Errorf("%s tells a secret: %v", by, problems)
					}
				}
			}
		})
	}
}
