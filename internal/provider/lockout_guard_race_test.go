package provider_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// A guard's consent is worth something only if nobody can slip in between it and
// the write. These tests do slip in: a server stands before etcd, and lets
// somebody else write when the provider's write has arrived there, which is after
// the guard has decided and before etcd has done anything.

// raceEtcd serves what the provider asks of etcd by asking etcd.
type raceEtcd struct {
	etcdserverpb.UnimplementedKVServer
	kv etcdserverpb.KVClient

	mu sync.Mutex
	// slipIn is called with each write of a Calico object, from the first on;
	// nil for nobody.
	slipIn func(write int)
	writes int
}

// newRaceEtcd returns the server, and a provider block with a strict guard that
// uses it.
func newRaceEtcd(t *testing.T, etcd *acctest.Etcd) (server *raceEtcd, provider string) {
	t.Helper()
	conn, err := grpc.NewClient(strings.TrimPrefix(etcd.Endpoints[0], "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &raceEtcd{kv: etcdserverpb.NewKVClient(conn)}
	s := grpc.NewServer()
	etcdserverpb.RegisterKVServer(s, r)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return r, block("lockout_guard = { mode = \"error\", flows = [{ name = \"ssh\", port = 22, cidr = \"10.1.0.5\" }] }\n" +
		"etcd = { " + at("http://"+l.Addr().String()) + " }")
}

func (r *raceEtcd) Range(ctx context.Context, req *etcdserverpb.RangeRequest) (*etcdserverpb.RangeResponse, error) {
	return r.kv.Range(ctx, req)
}

func (r *raceEtcd) Txn(ctx context.Context, req *etcdserverpb.TxnRequest) (*etcdserverpb.TxnResponse, error) {
	if slices.ContainsFunc(req.Success, writesObject) {
		r.mu.Lock()
		r.writes++
		if r.slipIn != nil {
			r.slipIn(r.writes)
		}
		r.mu.Unlock()
	}
	return r.kv.Txn(ctx, req)
}

func writesObject(op *etcdserverpb.RequestOp) bool {
	return strings.HasPrefix(string(op.GetRequestPut().GetKey()), acctest.ResourcePrefix) ||
		strings.HasPrefix(string(op.GetRequestDeleteRange().GetKey()), acctest.ResourcePrefix)
}

// race lets somebody slip in from now on, and counts writes anew.
func (r *raceEtcd) race(slipIn func(write int)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.slipIn, r.writes = slipIn, 0
}

// counted is how many writes have arrived since.
func (r *raceEtcd) counted() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.writes
}

const racedKey = policyKeys + "default.ssh"

// racedPolicy is somebody else's policy, which has the first word about SSH.
func racedPolicy(order int, rule string) string {
	return fmt.Sprintf(`{"kind":"GlobalNetworkPolicy","apiVersion":"projectcalico.org/v3","metadata":{"name":"default.ssh","uid":"5a8f3a51-2d5f-4d0c-9b43-6d1b0a8f1c02","creationTimestamp":"2026-01-02T03:04:05Z"},`+
		`"spec":{"order":%d,"selector":"all()","types":["Ingress"],"ingress":[%s]}}`, order, rule)
}

const (
	allowSSH    = `{"action":"Allow","protocol":"TCP","source":{"nets":["10.1.0.0/16"]},"destination":{"ports":[22]}}`
	allowSSHNow = `{"action":"Allow","protocol":"TCP","source":{"nets":["10.0.0.0/8"]},"destination":{"ports":[22]}}`
	allowSet    = `{"action":"Allow","protocol":"TCP","source":{"selector":"use == 'management'"},"destination":{"ports":[22]}}`
	denySSH     = `{"action":"Deny","protocol":"TCP","destination":{"ports":[22]}}`

	allowBastion = `{"action":"Allow","protocol":"TCP","source":{"selector":"role == 'bastion'"},"destination":{"ports":[22]}}`

	racedSetKey     = acctest.ResourcePrefix + "globalnetworksets/management"
	racedSet        = `{"kind":"GlobalNetworkSet","apiVersion":"projectcalico.org/v3","metadata":{"name":"management","labels":{"use":"management"},"uid":"2c5f3a51-2d5f-4d0c-9b43-6d1b0a8f1c02","creationTimestamp":"2026-01-02T03:04:05Z"},"spec":{"nets":["10.1.0.0/24"]}}`
	racedProfileKey = acctest.ResourcePrefix + "profiles/db"
	racedProfile    = `{"kind":"Profile","apiVersion":"projectcalico.org/v3","metadata":{"name":"db","uid":"3c5f3a51-2d5f-4d0c-9b43-6d1b0a8f1c02","creationTimestamp":"2026-01-02T03:04:05Z"},"spec":{"ingress":[{"action":"Allow"}],"labelsToApply":{"role":"db"}}}`
	bastionKey      = endpointKeys + "bastion-eth0"
	bastion         = `{"kind":"HostEndpoint","apiVersion":"projectcalico.org/v3","metadata":{"name":"bastion-eth0","labels":{"role":"bastion"},"uid":"4c5f3a51-2d5f-4d0c-9b43-6d1b0a8f1c02","creationTimestamp":"2026-01-02T03:04:05Z"},"spec":{"node":"bastion","interfaceName":"eth0","expectedIPs":["10.1.0.5"]}}`
)

// narrowed is the failsafe policy without the network that SSH is opened from.
var narrowed = strings.Replace(failsafe, "10.1.0.0/24", "10.9.0.0/24", 1)

// What somebody else does after the guard has consented, and before the write, is
// taken into account: the write is refused where it would be a lockout now, and
// done where it is still none.
func TestGuardSeesWhoSlipsIn(t *testing.T) {
	t.Parallel()
	put := func(key, value string) func(*testing.T, *acctest.Etcd) {
		return func(t *testing.T, etcd *acctest.Etcd) { etcd.Put(t, key, value) }
	}
	remove := func(key string) func(*testing.T, *acctest.Etcd) {
		return func(t *testing.T, etcd *acctest.Etcd) { etcd.Delete(t, key) }
	}
	const (
		deny = `
resource "calico_global_network_policy" "deny" {
  name    = "deny"
  order   = 5
  ingress = [{ action = "Deny" }]
}
`
		noFailsafe = `
resource "calico_felix_configuration" "default" {
  name                        = "default"
  failsafe_inbound_host_ports = []
}
`
	)
	// change takes the network of SSH out of the failsafe policy.
	change := [2]string{failsafe, narrowed}
	type objects map[string]string
	for name, test := range map[string]struct {
		// ours is the configuration that is applied first, and then the one whose
		// write the other slips in before.
		ours [2]string
		// stored is there before beside the endpoint, or in place of it and of the
		// other's policy; "" is nothing.
		stored objects
		slipIn func(*testing.T, *acctest.Etcd)
		// refused is what the refusal tells; "" where the write is done.
		refused string
	}{
		"update, and the other policy goes":        {ours: change, slipIn: remove(racedKey), refused: "denied"},
		"update, and the other policy denies":      {ours: change, stored: objects{racedKey: racedPolicy(5, allowSSH)}, slipIn: put(racedKey, racedPolicy(5, denySSH)), refused: `denied by rule 1 of ingress of policy "ssh"`},
		"update, and the other policy is moved on": {ours: change, slipIn: put(racedKey, strings.Replace(racedPolicy(-5, allowSSH), "all()", "role == 'web'", 1)), refused: "denied"},
		"update, and the set of the other goes":    {ours: change, stored: objects{racedKey: racedPolicy(-5, allowSet), racedSetKey: racedSet}, slipIn: remove(racedSetKey), refused: "denied"},
		"update, and the set of the other narrows": {ours: change, stored: objects{racedKey: racedPolicy(-5, allowSet), racedSetKey: racedSet}, slipIn: put(racedSetKey, strings.Replace(racedSet, "10.1.0.0/24", "10.1.1.0/24", 1)), refused: "denied"},
		"update, and the far side goes":            {ours: change, stored: objects{racedKey: racedPolicy(-5, allowBastion), bastionKey: bastion}, slipIn: remove(bastionKey), refused: "denied"},
		"update, and who gives the label goes": {ours: change, stored: objects{
			racedKey: strings.Replace(racedPolicy(-5, allowSSH), "all()", "role == 'db'", 1), racedProfileKey: racedProfile,
			guardedEndpointKey: strings.Replace(guardedEndpoint, `"spec":{`, `"spec":{"profiles":["db"],`, 1),
		}, slipIn: remove(racedProfileKey), refused: "denied"},
		"deletion, and the other policy goes": {ours: [2]string{failsafe, ""}, slipIn: remove(racedKey), refused: "denied"},
		"deletion, and the profile goes": {ours: [2]string{failsafe, ""}, stored: objects{
			racedKey: "", racedProfileKey: racedProfile,
			guardedEndpointKey: strings.Replace(guardedEndpoint, `"spec":{`, `"spec":{"profiles":["db"],`, 1),
		}, slipIn: remove(racedProfileKey), refused: "denied"},
		"creation, and the other policy moves behind": {ours: [2]string{"", deny}, slipIn: put(racedKey, racedPolicy(10, allowSSH)), refused: `denied by rule 1 of ingress of policy "deny"`},
		"failsafe ports, and the other policy goes":   {ours: [2]string{"", noFailsafe}, stored: objects{guardedFelixKey: ""}, slipIn: remove(racedKey), refused: "denied"},

		"update, and the other policy allows more":    {ours: change, slipIn: put(racedKey, racedPolicy(-5, allowSSHNow))},
		"update, and one more policy comes":           {ours: change, slipIn: put(policyKeys+"default.more", strings.ReplaceAll(racedPolicy(-3, allowSSH), "default.ssh", "default.more"))},
		"deletion, and the other policy allows more":  {ours: [2]string{failsafe, ""}, slipIn: put(racedKey, racedPolicy(-5, allowSSHNow))},
		"creation, and the other policy moves before": {ours: [2]string{"", deny}, slipIn: put(racedKey, racedPolicy(-10, allowSSH))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
			stored := objects{guardedFelixKey: guardedFelix, guardedEndpointKey: guardedEndpoint, racedKey: racedPolicy(-5, allowSSH)}
			maps.Copy(stored, test.stored)
			for key, value := range stored {
				if value != "" {
					etcd.Put(t, key, value)
				}
			}
			server, provider := newRaceEtcd(t, etcd)
			w := newWorkspace(t, test.ours[0], provider)
			succeed(t, w, "apply")
			rewrite(t, w, test.ours[1], provider)
			// Nothing is wrong with it, as long as nobody slips in.
			if o := run(t, w, "plan"); o.failed || len(o.diagnostics) > 0 {
				t.Fatalf("plan: %v", o.diagnostics)
			}

			var after []acctest.KeyValue
			server.race(func(write int) {
				if write == 1 {
					test.slipIn(t, etcd)
					after = etcd.Prefix(t, "")
				}
			})
			if test.refused != "" {
				fail(t, w, "apply").says(t, "lockout_guard refused this change", "db1-eth0: ssh (TCP port 22 from 10.1.0.5): ", test.refused, "Nothing was written")
				if now := etcd.Prefix(t, ""); !slices.Equal(after, now) {
					t.Errorf("the datastore is not as the other left it:\n%v\n%v", after, now)
				}
				// The first arrived and was not done; there was no second.
				if n := server.counted(); n != 1 {
					t.Errorf("%d writes arrived, want 1", n)
				}
				return
			}
			succeed(t, w, "apply")
			if n := server.counted(); n != 2 {
				t.Errorf("%d writes arrived, want one that was in vain and one that was not", n)
			}
			server.race(nil)
			noChanges(t, w)
		})
	}
}

// Where somebody changes something at every try, the guard gives up, and nothing
// of ours is written.
func TestGuardGivesUp(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	etcd.Put(t, guardedFelixKey, guardedFelix)
	etcd.Put(t, guardedEndpointKey, guardedEndpoint)
	etcd.Put(t, racedKey, racedPolicy(-5, allowSSH))
	server, provider := newRaceEtcd(t, etcd)
	w := newWorkspace(t, failsafe, provider)
	succeed(t, w, "apply")
	ours := etcd.MustGet(t, policyKeys+"default.failsafe")

	rewrite(t, w, narrowed, provider)
	server.race(func(write int) { etcd.Put(t, racedKey, racedPolicy(-5-write, allowSSH)) })
	d := fail(t, w, "apply")
	tries := server.counted()
	d.says(t, `Unable to Update GlobalNetworkPolicy "failsafe"`, "could not decide", fmt.Sprintf("at each of %d tries", tries), "Nothing was written at "+ours.Key, "Apply again")
	if tries < 2 || tries > 20 {
		t.Errorf("it gave up after %d tries", tries)
	}
	if now := etcd.MustGet(t, ours.Key); now != ours {
		t.Errorf("written: %v, before: %v", now, ours)
	}

	// And it does as it says.
	server.race(nil)
	succeed(t, w, "apply")
}
