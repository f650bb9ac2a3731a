package provider_test

import (
	"strings"
	"testing"
)

// TestProviderBlock has a mistake in each of many provider blocks. Each is told
// before anything is done, once, and by the name of its argument: for what is
// inside of etcd, the CLI itself shows no more than the block.
func TestProviderBlock(t *testing.T) {
	t.Parallel()
	certs := newCertificates(t)
	const https = `endpoints = ["https://10.0.0.1:2379"]`
	const host = `host = "https://10.0.0.1:6443"`
	for name, test := range map[string]struct {
		block string
		// only plan tells where validate cannot: what a file or the environment
		// holds is not looked at before.
		plan bool
		// at is the argument.
		at   string
		says []string
	}{
		"an endpoint without a scheme": {
			block: etcdBlock(`endpoints = ["https://10.0.0.1:2379", "10.0.0.2:2379"]`), at: "etcd.endpoints[1]",
			says: []string{"Endpoint without http:// or https://", `"10.0.0.2:2379"`, "etcd.endpoints[1]", "https://10.0.0.2:2379", "http://10.0.0.2:2379"},
		},
		"an endpoint with another scheme": {
			block: etcdBlock(`endpoints = ["tcp://10.0.0.2:2379"]`), at: "etcd.endpoints[0]",
			says: []string{`"tcp"`, "https://", "http://"},
		},
		"an endpoint without a port": {
			block: etcdBlock(`endpoints = ["https://etcd1.example.net"]`), at: "etcd.endpoints[0]",
			says: []string{"https://etcd1.example.net:2379"},
		},
		"no endpoint in a list": {
			block: etcdBlock(`endpoints = []`), at: "etcd.endpoints",
			says: []string{"names no endpoint"},
		},
		"endpoints with TLS and without": {
			block: etcdBlock(`endpoints = ["https://10.0.0.1:2379", "http://10.0.0.2:2379"]`), at: "etcd.endpoints",
			says: []string{"Endpoints with and without TLS", "https://10.0.0.1:2379", "http://10.0.0.2:2379"},
		},
		"endpoints and a domain": {
			block: etcdBlock(https, `discovery_srv = "example.com"`), at: "etcd.discovery_srv",
			says: []string{"Both endpoints and discovery_srv"},
		},
		"a domain that is none": {
			block: etcdBlock(`discovery_srv = "https://example.com"`), at: "etcd.discovery_srv",
			says: []string{"example.com"},
		},
		"a CA in two ways": {
			block: etcdBlock(https, text("ca_cert", certs.CA), text("ca_cert_file", certs.CAFile)), at: "etcd.ca_cert_file",
			says: []string{"Both ca_cert and ca_cert_file"},
		},
		"a certificate in two ways": {
			block: etcdBlock(https, text("cert", certs.Cert), text("cert_file", certs.CertFile), text("key", certs.Key)), at: "etcd.cert_file",
			says: []string{"Both cert and cert_file"},
		},
		"a key in two ways": {
			block: etcdBlock(https, text("cert", certs.Cert), text("key", certs.Key), text("key_file", certs.KeyFile)), at: "etcd.key_file",
			says: []string{"Both key and key_file"},
		},
		"a certificate without its key": {
			block: etcdBlock(https, text("cert_file", certs.CertFile)), plan: true, at: "etcd.cert_file",
			says: []string{"neither key nor key_file"},
		},
		"a file that is not there": {
			block: etcdBlock(https, text("ca_cert_file", "/no/such/ca.pem")), plan: true, at: "etcd.ca_cert_file",
			says: []string{"/no/such/ca.pem", "no such file"},
		},
		"a file of something else": {
			block: etcdBlock(https, text("ca_cert_file", certs.KeyFile)), plan: true, at: "etcd.ca_cert_file",
			says: []string{"No CA certificate", "-----BEGIN CERTIFICATE-----"},
		},
		"the text of a key as the name of its file": {
			block: etcdBlock(https, text("cert_file", certs.CertFile), text("key_file", certs.Key)), plan: true, at: "etcd.key_file",
			says: []string{"must be the name of a file", "etcd.key"},
		},
		"a user without a password": {
			block: etcdBlock(https, `username = "terraform"`), plan: true, at: "etcd.username",
			says: []string{"ETCD_PASSWORD"},
		},
		"a password without a user": {
			block: etcdBlock(https, `password = "hunter2"`), plan: true, at: "etcd.password",
			says: []string{"ETCD_USERNAME"},
		},
		"a request timeout that is none": {
			block: etcdBlock(https, `request_timeout = "15"`), at: "etcd.request_timeout",
			says: []string{`"15"`, `"5s"`},
		},
		"a dial timeout that is too short": {
			block: etcdBlock(https, `dial_timeout = "5ms"`), at: "etcd.dial_timeout",
			says: []string{"at least one second"},
		},
		"a kubeconfig that is none": {
			block: kubernetesBlock(text("config_path", tempFile(t, "config", "users: [{name: ann, user: {token: [hunter2]}}]"))), plan: true, at: "kubernetes",
			says: []string{"Kubernetes Is Not Configured", "is no kubeconfig", "kubectl config view"},
		},
		"a context that is not in the kubeconfig": {
			block: kubernetesBlock(text("config_path", tempFile(t, "config", "contexts: [{name: prod, context: {cluster: k}}]")), `config_context = "test"`), plan: true, at: "kubernetes",
			says: []string{`"test"`, `there are "prod"`, "kubernetes.config_context"},
		},
		"Kubernetes without a server": {
			block: block(`datastore_type = "kubernetes"`), plan: true, at: "kubernetes.config_path",
			says: []string{"No Kubernetes API server configured", "KUBECONFIG", "kubernetes.host"},
		},
		"an empty block of Kubernetes": {
			block: kubernetesBlock(), plan: true, at: "kubernetes.config_path",
			says: []string{"No Kubernetes API server configured", `datastore_type = "kubernetes" alone`},
		},
		"two datastores": {
			block: block(inEtcd(https), nested("kubernetes", host)), at: "kubernetes",
			says: []string{"Two datastores", "alias"},
		},
		"the block of another datastore": {
			block: block(`datastore_type = "etcdv3"`, nested("kubernetes", host)), at: "datastore_type",
			says: []string{"Block of another datastore", "kubernetes"},
		},
		"a host without TLS": {
			block: kubernetesBlock(`host = "http://10.0.0.1:6443"`), at: "kubernetes.host",
			says: []string{"Host without https://", "not encrypted"},
		},
		"another API group": {
			block: kubernetesBlock(host, `api_group = "projectcalico.org/v1"`), at: "kubernetes.api_group",
			says: []string{`"projectcalico.org/v3"`, `"crd.projectcalico.org/v1"`},
		},
		"a token with the end of a line": {
			block: kubernetesBlock(host, `token = "hunter2\n"`), at: "kubernetes.token",
			says: []string{"Not a token", "trimspace"},
		},
		"a program without a name": {
			block: kubernetesBlock(host, nested("exec", `api_version = "client.authentication.k8s.io/v1"`)), at: "kubernetes.exec",
			says: []string{"Missing required argument", `"command"`},
		},
		"a program beside a token": {
			block: kubernetesBlock(host, `token = "hunter2"`, nested("exec", `api_version = "client.authentication.k8s.io/v1"`, `command = "aws"`)), at: "kubernetes.token",
			says: []string{"Both exec and token"},
		},
		"a client certificate without its key": {
			block: kubernetesBlock(host, text("client_certificate_file", certs.CertFile)), plan: true, at: "kubernetes.client_certificate_file",
			says: []string{"neither client_key nor client_key_file"},
		},
		"a kubeconfig that is not there": {
			block: kubernetesBlock(`config_path = "~/.kube/config"`), plan: true, at: "kubernetes.config_path",
			says: []string{"no such file", `pathexpand("~/.kube/config")`},
		},
		"a release that is none": {
			block: block(`calico_version = "latest"` + "\n" + inEtcd(https)), at: "calico_version",
			says: []string{"Not a Calico Release", `"latest"`, `"3.31"`},
		},
		"a release that is too old": {
			block: block(`calico_version = "2.6"` + "\n" + inEtcd(https)), at: "calico_version",
			says: []string{"before 3.0"},
		},
		"a configuration file that is not there": {
			block: block(`config_file = "/no/such/calicoctl.cfg"`), plan: true, at: "config_file",
			says: []string{"/no/such/calicoctl.cfg"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t, test.block, hostEndpoint("db1"))
			commands := []string{"validate", "plan"}
			if test.plan {
				succeed(t, w, "validate")
				commands = commands[1:]
			}
			for _, command := range commands {
				got := fail(t, w, command)
				got.Says(t, test.says...)
				if got.Snippet == nil || got.Snippet.Context != `provider "calico"` {
					t.Errorf("%s: it is not told on the block: %s", command, got)
				} else if !strings.Contains(got.Summary+got.Detail+got.Snippet.Code, test.at) {
					t.Errorf("%s: it does not name %s: %s", command, test.at, got)
				}
				for _, secret := range []string{"hunter2", secretLine(certs.Key)} {
					if strings.Contains(got.Summary+got.Detail, secret) {
						t.Errorf("%s tells a secret: %s", command, got)
					}
				}
			}
		})
	}
}

// TestProviderWithoutADatastore is told of the ways to name one.
func TestProviderWithoutADatastore(t *testing.T) {
	t.Parallel()
	for name, configuration := range map[string]string{
		"no block":       "",
		"an empty block": block(""),
		"no endpoints":   etcdBlock(`request_timeout = "3s"`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t, configuration, hostEndpoint("db1"))
			succeed(t, w, "validate")
			o := run(t, w, "plan")
			if !o.Failed || len(o.Of("error")) == 0 {
				t.Fatalf("plan: %v\n%s", o.Diagnostics, o.All)
			}
			// Where there is no block at all, the CLI asks for one too.
			o.Of("error")[0].Says(t, "No Calico datastore configured",
				`provider "calico" {`, "endpoints = [", "config_path = ", "ETCD_ENDPOINTS=", "DATASTORE_TYPE=kubernetes", "config_file = ", "CALICOCTL_CONFIG")
		})
	}
}

// TestProviderBlockOfAnotherDatastore names a kind of datastore that Calico does
// not have.
func TestProviderBlockOfAnotherDatastore(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, block(`datastore_type = "consul"`), hostEndpoint("db1"))
	o := run(t, w, "validate")
	errs := o.Of("error")
	if len(errs) == 0 {
		t.Fatalf("it is accepted:\n%s", o.All)
	}
	errs[0].Says(t, `"consul"`, "etcdv3", "kubernetes")
}
