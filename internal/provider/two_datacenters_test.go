package provider_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// storedWorld is what is stored, as verdicts see it.
func storedWorld(t *testing.T, etcd *acctest.Etcd, release string) *verdict.World {
	t.Helper()
	r, err := calico.ParseRelease(release)
	if err != nil {
		t.Fatal(err)
	}
	var objects []calico.Object
	for _, kind := range verdict.Dependencies() {
		prefix := acctest.ResourcePrefix + kind.Plural() + "/"
		for _, kv := range etcd.Prefix(t, prefix) {
			obj, err := storage.Decode(kind, strings.TrimPrefix(kv.Key, prefix), []byte(kv.Value))
			if err != nil {
				t.Fatal(err)
			}
			objects = append(objects, obj)
		}
	}
	return verdict.New(objects, r, verdict.WithoutServices)
}

// What the example says of its module holds, whatever the IP versions of the
// management networks: they open SSH, and nobody else does; the way to etcd is open;
// clients reach what the hosts are for; and a host in quarantine keeps SSH and etcd
// alone.
func TestTwoDatacentersLetInWhatTheySay(t *testing.T) {
	t.Parallel()
	const release = "v3.32.1"
	for name, management := range map[string][]string{
		"IPv4":  {"10.65.0.0/24"},
		"IPv6":  {"2001:db8:65::/64", "2001:db8:60::7"},
		"mixed": {"10.65.0.0/24", "2001:db8:65::/64"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			etcd := acctest.NewEtcd(t, acctest.WithCalico(release))
			cidrs, err := json.Marshal(management)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string]string{"main.tf": withProviders(block(`calico_version = "3.32"`+"\n"+inEtcd(at(etcd.Endpoints...))), `
module "west" {
  source = "./datacenter"

  management_cidrs = `+string(cidrs)+`
  etcd_servers     = [{ address = "10.66.0.11" }, { address = "2001:db8:66::11", ports = [2379, 2380] }]

  network_sets           = { clients = ["10.64.0.0/16", "2001:db8:64::/48"] }
  open_ports             = { db = [5432] }
  security_tier          = true
  builtin_failsafe_ports = false

  hosts = {
    db1 = { addresses = ["10.0.0.5", "2001:db8::5"], labels = { role = "db" } }
    db2 = { addresses = ["10.0.0.6", "2001:db8::6"], labels = { role = "db", quarantine = "yes" } }
  }
}
`)}
			for file, text := range acctest.Files(t, "examples/two-datacenters/datacenter") {
				files["datacenter/"+file] = text
			}
			w := acctest.NewWorkspace(t, files)
			run(t, w, "apply")
			noChanges(t, w)
			world := storedWorld(t, etcd, release)

			flow := func(direction verdict.Direction, peer string, port uint16) verdict.Flow {
				return verdict.Flow{Direction: direction, Protocol: numorstring.ProtocolFromString("TCP"), Peer: netip.MustParsePrefix(peer), Port: port}
			}
			want := func(endpoint string, f verdict.Flow, outcome verdict.Outcome) {
				t.Helper()
				ep, ok := world.Endpoint(endpoint)
				if !ok {
					t.Fatalf("there is no endpoint %s", endpoint)
				}
				if v := world.Decide(ep, f); v.Outcome != outcome {
					t.Errorf("%s, %s port %d %s: %s, want %s", endpoint, f.Direction, f.Port, f.Peer, v, outcome)
				}
			}
			for _, endpoint := range []string{"db1-all", "db2-all"} {
				for _, net := range management {
					if !strings.Contains(net, "/") {
						net += "/128"
					}
					want(endpoint, flow(verdict.Ingress, net, 22), verdict.Allowed)
					want(endpoint, flow(verdict.Ingress, net, 23), verdict.Denied)
				}
				// Somebody else, of either IP version.
				for _, net := range []string{"10.64.0.0/16", "192.0.2.0/24", "2001:db8:64::/48", "2001:db8:99::/48"} {
					want(endpoint, flow(verdict.Ingress, net, 22), verdict.Denied)
				}
				want(endpoint, flow(verdict.Egress, "10.66.0.11/32", 2379), verdict.Allowed)
				want(endpoint, flow(verdict.Egress, "2001:db8:66::11/128", 2380), verdict.Allowed)
				want(endpoint, flow(verdict.Egress, "10.66.0.12/32", 2379), verdict.Denied)
			}
			for _, net := range []string{"10.64.0.0/16", "2001:db8:64::/48"} {
				want("db1-all", flow(verdict.Ingress, net, 5432), verdict.Allowed)
				want("db2-all", flow(verdict.Ingress, net, 5432), verdict.Denied)
			}
			want("db1-all", flow(verdict.Ingress, "192.0.2.0/24", 5432), verdict.Denied)
		})
	}
}
