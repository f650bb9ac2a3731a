package etcdv3

import (
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// What orchestrators have stored is read if it is asked for, and told of if it may not be.
func TestWorkloads(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithAuth(), acctest.WithCalico("v3.31.0"))
	etcd.Put(t, workloadsPrefix+"shop/n1-k8s-web-eth0", `{"kind":"WorkloadEndpoint","apiVersion":"projectcalico.org/v3","metadata":{"name":"n1-k8s-web-eth0","namespace":"shop"},"spec":{"orchestrator":"k8s","node":"n1","pod":"web","ipNetworks":["10.244.1.5/32"]}}`)
	etcd.Put(t, workloadsPrefix+"shop/damaged", "{")
	etcd.Put(t, workloadsPrefix+"shop/another-kind", `{"kind":"HostEndpoint","metadata":{"name":"another-kind"}}`)

	client := etcd.Client(t)
	hosts := acctest.User{Name: "hosts", Password: "of-hosts-alone"}
	for _, err := range []error{
		second(client.RoleAdd(t.Context(), "hosts")),
		second(client.RoleGrantPermission(t.Context(), "hosts", endpoints, clientv3.GetPrefixRangeEnd(endpoints), clientv3.PermissionType(clientv3.PermRead))),
		second(client.UserAdd(t.Context(), hosts.Name, hosts.Password)),
		second(client.UserGrantRole(t.Context(), hosts.Name, "hosts")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	peers := datastore.WorkloadQuestion{Peers: true}
	for name, test := range map[string]struct {
		user              acctest.User
		question          datastore.WorkloadQuestion
		found, unreadable int
	}{
		"asked for":              {etcd.Reader, peers, 1, 0},
		"not asked for":          {etcd.Reader, datastore.WorkloadQuestion{Services: true}, 0, 0},
		"not to be read":         {hosts, peers, 0, 1},
		"nor asked for services": {hosts, datastore.WorkloadQuestion{Services: true}, 0, 0},
	} {
		got, err := openStore(t, configOf(etcd, test.user), Options{}).Workloads(t.Context(), test.question)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(got.Endpoints) != test.found || len(got.Unread) != test.unreadable || got.Lacks().Peers != (test.unreadable > 0) || got.Lacks().Services {
			t.Errorf("%s: %d endpoints, unread is %v", name, len(got.Endpoints), got.Unread)
		}
		for _, u := range got.Unread {
			if u.What == "" || !strings.Contains(u.Advice, workloadsPrefix) {
				t.Errorf("%s: it tells of %q: %s", name, u.What, u.Advice)
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }
