package provider_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// calicoctlConfig is a configuration file of calicoctl.
func calicoctlConfig(spec ...string) string {
	return "apiVersion: projectcalico.org/v3\nkind: CalicoAPIConfig\nmetadata:\nspec:\n  " + strings.Join(spec, "\n  ") + "\n"
}

// TestProviderSources names the datastore in every way, and in several at once:
// each of the other ways would lead to the wrong datastore or to none.
func TestProviderSources(t *testing.T) {
	t.Parallel()
	right := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	wrong := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	here, there := right.Endpoints[0], wrong.Endpoints[0]
	fileHere := tempFile(t, "here.cfg", calicoctlConfig("datastoreType: etcdv3", "etcdEndpoints: "+here))
	fileThere := tempFile(t, "there.cfg", calicoctlConfig("datastoreType: etcdv3", "etcdEndpoints: "+there))

	for name, test := range map[string]struct {
		block string
		env   []string
	}{
		"configuration": {block: etcdBlock(at(here))},
		"ETCD_ENDPOINTS": {
			env: []string{"ETCD_ENDPOINTS=" + here},
		},
		"ETCD_ENDPOINTS with several, and spaces": {
			env: []string{"ETCD_ENDPOINTS=" + here + " , " + closedEndpoint(t, "http")},
		},
		"CALICO_ETCD_ENDPOINTS before ETCD_ENDPOINTS": {
			env: []string{"CALICO_ETCD_ENDPOINTS=" + here, "ETCD_ENDPOINTS=" + there},
		},
		"an empty CALICO_ETCD_ENDPOINTS is none": {
			env: []string{"CALICO_ETCD_ENDPOINTS=", "ETCD_ENDPOINTS=" + here},
		},
		"config_file": {block: block(text("config_file", fileHere))},
		"CALICOCTL_CONFIG": {
			env: []string{"CALICOCTL_CONFIG=" + fileHere},
		},
		"config_file before CALICOCTL_CONFIG": {
			block: block(text("config_file", fileHere)),
			env:   []string{"CALICOCTL_CONFIG=" + fileThere},
		},
		"configuration before environment and file": {
			block: block(text("config_file", fileThere) + "\n" + inEtcd(at(here))),
			env:   []string{"CALICO_ETCD_ENDPOINTS=" + there, "ETCD_ENDPOINTS=" + there},
		},
		"environment before file": {
			block: block(text("config_file", fileThere)),
			env:   []string{"ETCD_ENDPOINTS=" + here},
		},
		"endpoints here and a domain there": {
			block: etcdBlock(at(here)),
			env:   []string{"ETCD_DISCOVERY_SRV=no-such-domain.invalid"},
		},
		"the datastore's kind from elsewhere does not redirect": {
			block: etcdBlock(at(here)),
			env:   []string{"DATASTORE_TYPE=kubernetes"},
		},
		"what kubectl uses does not redirect": {
			env: []string{"ETCD_ENDPOINTS=" + here, "KUBECONFIG=/no/such/config", "KUBE_HOST=https://192.0.2.1", "KUBERNETES_SERVICE_HOST=192.0.2.1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resource := "h" + strings.ToLower(strings.Map(func(r rune) rune {
				if strings.ContainsRune(" _,", r) {
					return '-'
				}
				return r
			}, strings.ReplaceAll(name, "'", "")))
			w := newWorkspace(t, test.block, hostEndpoint(resource))
			w.Env = append(w.Env, test.env...)
			succeed(t, w, "apply")
			right.MustGet(t, endpointKeys+resource)
			if _, found := wrong.Get(t, endpointKeys+resource); found {
				t.Error("it is in the wrong datastore")
			}
		})
	}
}

// TestProviderSourcesAttributeByAttribute takes each setting from another place,
// where the others have it wrong.
func TestProviderSourcesAttributeByAttribute(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithTLS(), acctest.WithAuth(), acctest.WithCalico("v3.31.0"))
	others := newCertificates(t)
	const nowhere = "https://192.0.2.1:2379"
	file := tempFile(t, "calicoctl.cfg", calicoctlConfig(
		"datastoreType: kubernetes",
		"etcdEndpoints: "+nowhere,
		"etcdUsername: nobody",
		"etcdPassword: "+etcd.Writer.Password, // this one counts
		"etcdCACertFile: "+others.CAFile,
		"etcdCertFile: "+others.CertFile,
		"etcdKeyFile: "+others.KeyFile,
	))
	w := newWorkspace(t, block(text("config_file", file)+"\n"+inEtcd(at(etcd.Endpoints...))), hostEndpoint("db1"))
	w.Env = append(w.Env,
		"ETCD_ENDPOINTS="+nowhere,
		"ETCD_USERNAME=nobody", "CALICO_ETCD_USERNAME="+etcd.Writer.Name,
		"ETCD_CA_CERT_FILE="+etcd.Certificates.CAFile,
		"ETCD_CERT_FILE="+etcd.Certificates.CertFile,
		"ETCD_KEY_FILE="+etcd.Certificates.KeyFile,
	)
	succeed(t, w, "apply")
	etcd.WantKeys(t, endpointKeys, "db1")
	noChanges(t, w)
}

// TestProviderSourcesAreNamed tells where a bad setting came from.
func TestProviderSourcesAreNamed(t *testing.T) {
	t.Parallel()
	file := tempFile(t, "calicoctl.cfg", calicoctlConfig("etcdEndpoints: 10.0.0.3:2379"))
	inlineFile := tempFile(t, "inline.cfg", calicoctlConfig("datastoreType: kubernetes", "kubeconfigInline: x"))
	for name, test := range map[string]struct {
		block string
		env   []string
		says  []string
	}{
		"environment": {
			env:  []string{"CALICO_ETCD_ENDPOINTS=10.0.0.2:2379"},
			says: []string{"environment variable CALICO_ETCD_ENDPOINTS", "https://10.0.0.2:2379", "http://10.0.0.2:2379"},
		},
		"file": {
			block: block(text("config_file", file)),
			says:  []string{file, "spec.etcdEndpoints", "https://10.0.0.3:2379", "http://10.0.0.3:2379"},
		},
		"file of the environment": {
			env:  []string{"CALICOCTL_CONFIG=" + file},
			says: []string{file, "spec.etcdEndpoints"},
		},
		"kind": {
			env:  []string{"DATASTORE_TYPE=kubernetes", "KUBE_HOST=10.0.0.1"},
			says: []string{"environment variable KUBE_HOST", "https://10.0.0.1"},
		},
		"kind of a file": {
			block: block(text("config_file", inlineFile)),
			env:   []string{"KUBECONFIG=/no/such/config"},
			says:  []string{"environment variable KUBECONFIG", "/no/such/config"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.block == "" {
				test.block = block("")
			}
			w := newWorkspace(t, test.block, hostEndpoint("db1"))
			w.Env = append(w.Env, test.env...)
			fail(t, w, "plan").Says(t, test.says...)
		})
	}
}

// TestProviderAliases manages two datacenters in one configuration.
func TestProviderAliases(t *testing.T) {
	t.Parallel()
	east := acctest.NewEtcd(t, acctest.WithCalico("v3.28.5"))
	west := acctest.NewEtcd(t, acctest.WithCalico("v3.32.0"))
	aliased := func(alias string, etcd *acctest.Etcd) string {
		return fmt.Sprintf(`
provider "calico" {
  alias = %[1]q
  etcd {
    %[2]s
  }
}

resource "calico_failsafe_policy" %[1]q {
  provider         = calico.%[1]s
  management_cidrs = ["10.1.0.0/24"]
}

resource "calico_host_endpoint" %[1]q {
  provider       = calico.%[1]s
  name           = "%[1]s-db1"
  node           = "db1"
  interface_name = "eth0"
}
`, alias, at(etcd.Endpoints...))
	}
	w := newWorkspace(t, aliased("east", east), aliased("west", west))
	succeed(t, w, "apply")
	// Each under the names of its own release.
	east.WantKeys(t, policyKeys, "default.failsafe")
	west.WantKeys(t, policyKeys, "failsafe")
	east.WantKeys(t, endpointKeys, "east-db1")
	west.WantKeys(t, endpointKeys, "west-db1")
	noChanges(t, w)

	// What is done in one is not done in the other.
	west.Delete(t, endpointKeys+"west-db1")
	succeed(t, w, "apply")
	west.WantKeys(t, endpointKeys, "west-db1")
	if got := east.MustGet(t, endpointKeys+"east-db1"); got.Version != 1 {
		t.Errorf("the other datacenter's was written %d times", got.Version)
	}
	succeed(t, w, "destroy")
	for _, etcd := range []*acctest.Etcd{east, west} {
		etcd.WantKeys(t, policyKeys)
		etcd.WantKeys(t, endpointKeys)
	}
}
