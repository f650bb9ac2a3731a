package provider_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// atOnce is far more than what is told at once takes with a CLI on a busy
// machine, and less than the timeouts that the tests of it set.
const atOnce = 20 * time.Second

// patient are timeouts that nothing which is told at once waits for.
const patient = `
    dial_timeout    = "60s"
    request_timeout = "60s"`

// certificateFiles are the arguments for a client's certificate in files.
func certificateFiles(c *acctest.Certificates) string {
	return strings.Join([]string{text("ca_cert_file", c.CAFile), text("cert_file", c.CertFile), text("key_file", c.KeyFile)}, "\n")
}

// inlineKey is the same with the key as a text, such as one out of a secret store.
func inlineKey(c *acctest.Certificates) string {
	return strings.Join([]string{text("ca_cert_file", c.CAFile), text("cert_file", c.CertFile), text("key", c.Key)}, "\n")
}

// inlineCertificates are the same as texts.
func inlineCertificates(c *acctest.Certificates) string {
	return strings.Join([]string{text("ca_cert", c.CA), text("cert", c.Cert), text("key", c.Key)}, "\n")
}

func user(name, password string) string {
	return text("username", name) + "\n" + text("password", password)
}

// TestProviderTLS goes through a resource's life over TLS with a client
// certificate.
func TestProviderTLS(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithTLS(), acctest.WithCalico("v3.31.0"))
	for name, arguments := range map[string]string{
		"files":  certificateFiles(etcd.Certificates),
		"inline": inlineCertificates(etcd.Certificates),
		"key":    inlineKey(etcd.Certificates),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t, etcdBlock(at(etcd.Endpoints...), arguments), hostEndpoint("tls-"+name))
			succeed(t, w, "apply")
			etcd.MustGet(t, endpointKeys+"tls-"+name)
			noChanges(t, w)
			succeed(t, w, "destroy")
			if _, found := etcd.Get(t, endpointKeys+"tls-"+name); found {
				t.Error("it is still there after destroy")
			}
		})
	}
}

// TestProviderIsRefused has etcd or the provider turn the other away. That is
// told at once, with what to check, and nothing is written.
func TestProviderIsRefused(t *testing.T) {
	t.Parallel()
	secure := acctest.NewEtcd(t, acctest.WithTLS(), acctest.WithAuth(), acctest.WithCalico("v3.31.0"))
	plain := acctest.NewEtcd(t, acctest.WithAuth(), acctest.WithCalico("v3.31.0"))
	certs, others := secure.Certificates, newCertificates(t)
	writer := user(plain.Writer.Name, plain.Writer.Password)
	const wrong = "wr0ng-and-secret"
	ca, theirCA := text("ca_cert_file", certs.CAFile), text("ca_cert_file", others.CAFile)

	type refusal struct {
		endpoint  string
		arguments []string
		says      []string
	}
	refusals := map[string]refusal{
		"a server of another authority": {
			endpoint: secure.Endpoints[0], arguments: []string{theirCA, text("cert_file", certs.CertFile), text("key_file", certs.KeyFile)},
			says: []string{"TLS", "not signed by a trusted CA", "ca_cert"},
		},
		"a server that the system does not trust": {
			endpoint: secure.Endpoints[0], arguments: []string{text("cert_file", certs.CertFile), text("key_file", certs.KeyFile)},
			says: []string{"TLS", "not signed by a trusted CA", "ca_cert"},
		},
		"no client certificate": {
			endpoint: secure.Endpoints[0], arguments: []string{ca},
			says: []string{"TLS", "requires a client certificate", "cert_file and key_file"},
		},
		"a client certificate of another authority": {
			endpoint: secure.Endpoints[0], arguments: []string{ca, text("cert_file", others.CertFile), text("key_file", others.KeyFile)},
			says: []string{"TLS", "the client's certificate is not signed by a CA that the server trusts", "cert_file"},
		},
		"a certificate that is not for clients": {
			endpoint: secure.Endpoints[0], arguments: []string{ca, text("cert_file", certs.ServerCertFile), text("key_file", certs.ServerKeyFile)},
			says: []string{"TLS", "refuses the client's certificate"},
		},
		"https to a server without TLS": {
			endpoint: strings.Replace(plain.Endpoints[0], "http://", "https://", 1), arguments: []string{writer},
			says: []string{"the server speaks plaintext: write http://"},
		},
		"http to a server with TLS": {
			endpoint: strings.Replace(secure.Endpoints[0], "https://", "http://", 1),
			says:     []string{"the server speaks TLS: write https://"},
		},
		"no user": {
			endpoint: plain.Endpoints[0],
			says:     []string{"no user name", "etcd.username", "ETCD_USERNAME"},
		},
		"an unknown user": {
			endpoint: plain.Endpoints[0], arguments: []string{user("nobody", wrong)},
			says: []string{"does not accept the credentials", `"nobody"`, "etcd.password", "ETCD_PASSWORD"},
		},
		"a wrong password": {
			endpoint: plain.Endpoints[0], arguments: []string{user(plain.Writer.Name, wrong)},
			says: []string{"does not accept the credentials", `"` + plain.Writer.Name + `"`, "etcd.password"},
		},
		"a user who may not write": {
			endpoint: plain.Endpoints[0], arguments: []string{user(plain.Reader.Name, plain.Reader.Password)},
			says: []string{`"` + plain.Reader.Name + `"`, endpointKeys + "db1", "etcdctl role grant-permission ROLE --prefix=true readwrite /calico/"},
		},
	}
	check := func(t *testing.T, test refusal) {
		t.Helper()
		w := newWorkspace(t, etcdBlock(append(test.arguments, at(test.endpoint), patient)...), hostEndpoint("db1"))
		o := run(t, w, "apply")
		errs := o.Of("error")
		if !o.Failed || len(errs) != 1 {
			t.Fatalf("failed %t, with %v\n%s", o.Failed, o.Diagnostics, o.All)
		}
		errs[0].Says(t, append(test.says, test.endpoint)...)
		if errs[0].Address != "calico_host_endpoint.db1" {
			t.Errorf("it is told of %q", errs[0].Address)
		}
		if took := o.TookTo(t, "calico_host_endpoint.db1"); took > atOnce {
			t.Errorf("it took %s", took)
		} else {
			t.Logf("told after %s: %s", took, errs[0].Detail)
		}
		for _, secret := range []string{wrong, plain.Reader.Password, plain.Writer.Password} {
			if strings.Contains(o.All, secret) {
				t.Errorf("a password is told:\n%s", o.All)
			}
		}
	}
	t.Run("all", func(t *testing.T) {
		for name, test := range refusals {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				check(t, test)
			})
		}
	})
	secure.WantKeys(t, endpointKeys)
	plain.WantKeys(t, endpointKeys)
}

// TestProviderReadsWhatItMayNotWrite plans as a user who may only read, and is
// refused the change only.
func TestProviderReadsWhatItMayNotWrite(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithAuth(), acctest.WithCalico("v3.31.0"))
	as := func(u acctest.User) string { return etcdBlock(at(etcd.Endpoints...), user(u.Name, u.Password)) }
	w := newWorkspace(t, as(etcd.Writer), failsafe, hostEndpoint("db1"))
	succeed(t, w, "apply")
	before := etcd.Prefix(t, acctest.CalicoPrefix)

	rewrite(t, w, as(etcd.Reader), failsafe, hostEndpoint("db1"))
	noChanges(t, w)
	rewrite(t, w, as(etcd.Reader), strings.Replace(failsafe, "10.1.", "10.2.", 1), hostEndpoint("db1"))
	fail(t, w, "apply").Says(t, `Unable to Update GlobalNetworkPolicy "failsafe"`, policyKeys+"default.failsafe", "readwrite /calico/")
	fail(t, w, "apply", "-destroy", "-target=calico_host_endpoint.db1").Says(t, `Unable to Delete HostEndpoint "db1"`, endpointKeys+"db1", "readwrite /calico/")
	after := etcd.Prefix(t, acctest.CalicoPrefix)
	if len(after) != len(before) {
		t.Fatalf("there were %d keys, and now are %d", len(before), len(after))
	}
	for i := range after {
		if after[i] != before[i] {
			t.Errorf("%+v became %+v", before[i], after[i])
		}
	}
	// As it may again, it is done.
	rewrite(t, w, as(etcd.Writer), strings.Replace(failsafe, "10.1.", "10.2.", 1), hostEndpoint("db1"))
	succeed(t, w, "apply")
}

// TestProviderKeepsSecrets looks for the password and the key wherever the CLI
// and the provider write something: on the screen, in the most talkative log, in
// the state.
func TestProviderKeepsSecrets(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithTLS(), acctest.WithAuth(), acctest.WithCalico("v3.31.0"))
	configuration := func(password string) string {
		return etcdBlock(at(etcd.Endpoints...), inlineCertificates(etcd.Certificates), user(etcd.Writer.Name, password))
	}
	const wrong = "wr0ng-and-secret"
	w := newWorkspace(t, configuration(etcd.Writer.Password), failsafe, hostEndpoint("db1"))
	log := filepath.Join(t.TempDir(), "log")
	w.Env = append(w.Env, "TF_LOG=TRACE", "TF_LOG_PATH="+log)
	seen := run(t, w, "validate").All + succeed(t, w, "plan").All + succeed(t, w, "apply").All
	rewrite(t, w, configuration(wrong), failsafe, hostEndpoint("db1"))
	seen += run(t, w, "plan").All
	rewrite(t, w, configuration(etcd.Writer.Password), failsafe, hostEndpoint("db1"), hostEndpoint("db2"))
	etcd.Put(t, endpointKeys+"db2", "not JSON")
	seen += run(t, w, "apply").All + w.MustRun(t, "show", "-json")

	texts := map[string]string{"the screen": seen}
	for _, path := range []string{log, filepath.Join(w.Dir, "terraform.tfstate")} {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[path] = string(content)
	}
	for where, content := range texts {
		for what, secret := range map[string]string{
			"the password": etcd.Writer.Password, "the wrong password": wrong, "the key": secretLine(etcd.Certificates.Key),
		} {
			if line, found := lineWith(content, secret); found {
				t.Errorf("%s is in %s: %.300s", what, where, line)
			}
		}
	}
	if _, found := lineWith(texts[log], "datastore call"); !found {
		t.Errorf("the log has no line of the provider: there may be secrets in another one")
	}
}

// lineWith finds a line that has a text in it.
func lineWith(content, text string) (line string, found bool) {
	for line := range strings.Lines(content) {
		if strings.Contains(line, text) {
			return line, true
		}
	}
	return "", false
}
