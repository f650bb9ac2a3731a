package provider_test

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

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

	mu    sync.Mutex
	moved sync.Cond // when reads grows
	// slipIn is called with each write of a Calico object, from the first on, and
	// what the write is of; nil for nobody.
	slipIn func(write int, key string)
	// writes are those that have arrived, reads the snapshots that were answered.
	writes, reads int
	// blind refuses to show what the guard wants to see.
	blind bool
}

// newRaceEtcd returns the server, and a provider block with a strict lockout_guard
// that uses it.
func newRaceEtcd(t *testing.T, etcd *acctest.Etcd) (server *raceEtcd, provider string) {
	t.Helper()
	server, endpoint := serveRaceEtcd(t, etcd)
	return server, guarding(endpoint, `name = "ssh"`+"\nport = 22\n"+`cidr = "10.1.0.5"`)
}

// serveRaceEtcd returns the server and where it serves.
func serveRaceEtcd(t *testing.T, etcd *acctest.Etcd) (server *raceEtcd, endpoint string) {
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
	r.moved.L = &r.mu
	s := grpc.NewServer()
	etcdserverpb.RegisterKVServer(s, r)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return r, "http://" + l.Addr().String()
}

func (r *raceEtcd) Range(ctx context.Context, req *etcdserverpb.RangeRequest) (*etcdserverpb.RangeResponse, error) {
	return r.kv.Range(ctx, req)
}

func (r *raceEtcd) Txn(ctx context.Context, req *etcdserverpb.TxnRequest) (*etcdserverpb.TxnResponse, error) {
	for _, op := range req.Success {
		key := string(op.GetRequestPut().GetKey()) + string(op.GetRequestDeleteRange().GetKey())
		if strings.HasPrefix(key, acctest.ResourcePrefix) {
			r.arrived(key)
			break
		}
	}
	snapshot := len(req.Success) > 0 && string(req.Success[0].GetRequestRange().GetKey()) == endpointKeys
	r.mu.Lock()
	blind := r.blind
	r.mu.Unlock()
	if snapshot && blind {
		return nil, status.Error(codes.ResourceExhausted, "trying to send message larger than max")
	}
	resp, err := r.kv.Txn(ctx, req)
	if snapshot {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.reads++
		r.moved.Broadcast()
	}
	return resp, err
}

func (r *raceEtcd) arrived(key string) {
	r.mu.Lock()
	r.writes++
	write, slipIn := r.writes, r.slipIn
	r.mu.Unlock()
	if slipIn != nil {
		slipIn(write, key)
	}
}

// awaitReads returns when so many snapshots were answered since race.
func (r *raceEtcd) awaitReads(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.reads < n {
		r.moved.Wait()
	}
}

// race lets somebody slip in from now on, and counts anew.
func (r *raceEtcd) race(slipIn func(write int, key string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.slipIn, r.writes, r.reads = slipIn, 0, 0
}

// counted is how many writes have arrived since.
func (r *raceEtcd) counted() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.writes
}

const (
	racedKey        = policyKeys + "default.ssh"
	racedSetKey     = acctest.ResourcePrefix + "globalnetworksets/management"
	racedProfileKey = acctest.ResourcePrefix + "profiles/db"
	ownNameKey      = policyKeys + "ssh"
	bastionKey      = endpointKeys + "bastion-eth0"
	wholeKey        = endpointKeys + "db1-whole"

	allowSSH     = `{"action":"Allow","protocol":"TCP","source":{"nets":["10.1.0.0/16"]},"destination":{"ports":[22]}}`
	allowMore    = `{"action":"Allow","protocol":"TCP","source":{"nets":["10.0.0.0/8"]},"destination":{"ports":[22]}}`
	allowSet     = `{"action":"Allow","protocol":"TCP","source":{"selector":"use == 'management'"},"destination":{"ports":[22]}}`
	allowBastion = `{"action":"Allow","protocol":"TCP","source":{"selector":"role == 'bastion'"},"destination":{"ports":[22]}}`
	denySSH      = `{"action":"Deny","protocol":"TCP","destination":{"ports":[22]}}`
)

// racedPolicy is somebody else's policy, for the endpoints that are selected.
func racedPolicy(order int, rule, selector string) string {
	return storedJSON("GlobalNetworkPolicy", "default.ssh", "{}", fmt.Sprintf(`{"order":%d,"selector":%q,"types":["Ingress"],"ingress":[%s]}`, order, selector, rule))
}

// racedSet is somebody else's set of networks, of which allowSet speaks.
func racedSet(net string) string {
	return storedJSON("GlobalNetworkSet", "management", `{"use":"management"}`, fmt.Sprintf(`{"nets":[%q]}`, net))
}

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
		cut  = "db1-eth0: ssh (TCP port 22 from 10.1.0.5): denied"
		deny = `
resource "calico_global_network_policy" "deny" {
  name  = "deny"
  order = 5
  ingress {
    action = "Deny"
  }
}
`
	)
	failsafePorts := func(ports ...int) string {
		var list []string
		for _, port := range ports {
			list = append(list, fmt.Sprintf("{ protocol = \"TCP\", port = %d, net = \"any\" }", port))
		}
		return fmt.Sprintf(`
resource "calico_felix_configuration" "default" {
  name                        = "default"
  failsafe_inbound_host_ports = [%s]
}
`, strings.Join(list, ", "))
	}
	profile := storedJSON("Profile", "db", "{}", `{"ingress":[{"action":"Allow"}],"labelsToApply":{"role":"db"}}`)
	withProfile := storedJSON("HostEndpoint", "db1-eth0", "{}", `{"node":"db1","interfaceName":"eth0","profiles":["db"]}`)
	bastion := storedJSON("HostEndpoint", "bastion-eth0", `{"role":"bastion"}`, `{"node":"bastion","interfaceName":"eth0","expectedIPs":["10.1.0.5"]}`)
	whole := storedJSON("HostEndpoint", "db1-whole", `{"role":"whole"}`, `{"node":"db1","interfaceName":"*"}`)
	ownName := strings.Replace(racedPolicy(-5, allowSSH, "all()"), "default.ssh", "ssh", 1)
	// change takes the network of SSH out of the failsafe policy.
	change := [2]string{failsafe, narrowed}
	type objects = map[string]string
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
		// release is that of Calico; "" for acceptanceRelease.
		release string
	}{
		"update, and the other policy goes":        {ours: change, slipIn: remove(racedKey), refused: cut},
		"update, and the other policy denies":      {ours: change, stored: objects{racedKey: racedPolicy(5, allowSSH, "all()")}, slipIn: put(racedKey, racedPolicy(5, denySSH, "all()")), refused: cut + ` by rule 1 of ingress of policy "ssh"`},
		"update, and the other policy is moved on": {ours: change, slipIn: put(racedKey, racedPolicy(-5, allowSSH, "role == 'web'")), refused: cut},
		"update, and the set of the other goes":    {ours: change, stored: objects{racedKey: racedPolicy(-5, allowSet, "all()"), racedSetKey: racedSet("10.1.0.0/24")}, slipIn: remove(racedSetKey), refused: cut},
		"update, and the set of the other narrows": {ours: change, stored: objects{racedKey: racedPolicy(-5, allowSet, "all()"), racedSetKey: racedSet("10.1.0.0/24")}, slipIn: put(racedSetKey, racedSet("10.1.1.0/24")), refused: cut},
		"update, and the far side goes":            {ours: change, stored: objects{racedKey: racedPolicy(-5, allowBastion, "all()"), bastionKey: bastion}, slipIn: remove(bastionKey), refused: cut},
		"update, and who has the policies before DNAT goes": {ours: change, stored: objects{racedKey: strings.Replace(racedPolicy(-5, allowSSH, "role == 'whole'"), `"spec":{`, `"spec":{"preDNAT":true,"applyOnForward":true,`, 1), wholeKey: whole},
			slipIn: remove(wholeKey), refused: cut},
		"update, and who gives the label goes": {ours: change, stored: objects{
			racedKey: racedPolicy(-5, allowSSH, "role == 'db'"), racedProfileKey: profile,
			guardedEndpointKey: withProfile,
		}, slipIn: remove(racedProfileKey), refused: cut},
		"update, and one more policy denies": {ours: change, stored: objects{racedKey: racedPolicy(50, allowSSH, "all()")},
			slipIn: put(policyKeys+"default.more", strings.ReplaceAll(racedPolicy(10, denySSH, "all()"), "default.ssh", "default.more")), refused: cut + ` by rule 1 of ingress of policy "more"`},
		"update, and one more endpoint comes": {ours: change, stored: objects{racedKey: racedPolicy(-5, allowSSH, "role == 'bastion'"), bastionKey: bastion, guardedEndpointKey: ""},
			slipIn: put(guardedEndpointKey, guardedEndpoint), refused: cut},
		"deletion, and the other policy goes": {ours: [2]string{failsafe, ""}, slipIn: remove(racedKey), refused: cut},
		"deletion, and the profile goes": {ours: [2]string{failsafe, ""}, stored: objects{
			racedKey: "", racedProfileKey: profile,
			guardedEndpointKey: withProfile,
		}, slipIn: remove(racedProfileKey), refused: cut},
		"before tiers, and the other policy goes":     {ours: change, slipIn: remove(racedKey), refused: cut, release: "v3.28.5"},
		"by its own name, the other policy goes":      {ours: change, stored: objects{racedKey: "", ownNameKey: ownName}, slipIn: remove(ownNameKey), refused: cut, release: "v3.32.1"},
		"with an old name left, the policy goes":      {ours: change, slipIn: remove(racedKey), refused: cut, release: "v3.32.1"},
		"creation, and the other policy moves behind": {ours: [2]string{"", deny}, slipIn: put(racedKey, racedPolicy(10, allowSSH, "all()")), refused: cut + ` by rule 1 of ingress of policy "deny"`},
		"failsafe ports, and the other policy goes":   {ours: [2]string{failsafePorts(22), failsafePorts()}, stored: objects{guardedFelixKey: ""}, slipIn: remove(racedKey), refused: cut},

		"update, and the other policy allows more":    {ours: change, slipIn: put(racedKey, racedPolicy(-5, allowMore, "all()"))},
		"update, and one more policy comes":           {ours: change, slipIn: put(policyKeys+"default.more", strings.ReplaceAll(racedPolicy(-3, allowSSH, "all()"), "default.ssh", "default.more"))},
		"deletion, and the other policy allows more":  {ours: [2]string{failsafe, ""}, slipIn: put(racedKey, racedPolicy(-5, allowMore, "all()"))},
		"creation, and the other policy moves before": {ours: [2]string{"", deny}, slipIn: put(racedKey, racedPolicy(-10, allowSSH, "all()"))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			etcd := acctest.NewEtcd(t, acctest.WithCalico(cmp.Or(test.release, acceptanceRelease)))
			before := objects{guardedFelixKey: guardedFelix, guardedEndpointKey: guardedEndpoint, racedKey: racedPolicy(-5, allowSSH, "all()")}
			for key, value := range with(before, test.stored) {
				if value != "" {
					etcd.Put(t, key, value)
				}
			}
			server, provider := newRaceEtcd(t, etcd)
			w := newWorkspace(t, test.ours[0], provider)
			// Where a profile is what lets SSH in, the policy that comes first is warned of.
			if o := run(t, w, "apply"); o.Failed {
				t.Fatalf("apply: %v", o.Diagnostics)
			}
			rewrite(t, w, test.ours[1], provider)
			// Nothing is wrong with it, as long as nobody slips in.
			succeed(t, w, "plan")

			var after []acctest.KeyValue
			server.race(func(write int, _ string) {
				if write == 1 {
					test.slipIn(t, etcd)
					after = etcd.Prefix(t, "")
				}
			})
			if test.refused != "" {
				fail(t, w, "apply").Says(t, "lockout_guard refused this change", test.refused, "Nothing was written")
				// The first arrived and was not done; there was no second.
				if n := server.counted(); n != 1 {
					t.Errorf("%d writes arrived, want 1", n)
				}
				if now := etcd.Prefix(t, ""); !slices.Equal(after, now) {
					t.Errorf("the datastore is not as the other left it:\n%v\n%v", after, now)
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
	etcd.Put(t, racedKey, racedPolicy(-5, allowSSH, "all()"))
	server, provider := newRaceEtcd(t, etcd)
	w := newWorkspace(t, failsafe, provider)
	succeed(t, w, "apply")
	ours := etcd.MustGet(t, policyKeys+"default.failsafe")
	// others are all keys but the one that somebody else writes.
	others := func() []acctest.KeyValue {
		return slices.DeleteFunc(etcd.Prefix(t, ""), func(kv acctest.KeyValue) bool { return kv.Key == racedKey })
	}
	before := others()

	rewrite(t, w, narrowed, provider)
	server.race(func(write int, _ string) { etcd.Put(t, racedKey, racedPolicy(-5-write, allowSSH, "all()")) })
	d := fail(t, w, "apply")
	tries := server.counted()
	d.Says(t, `Unable to Update GlobalNetworkPolicy "failsafe"`, "could not decide", fmt.Sprintf("at each of %d tries", tries), "Nothing was written at "+ours.Key, "Apply again")
	if tries < 2 || tries > 20 {
		t.Errorf("it gave up after %d tries", tries)
	}
	if now := others(); !slices.Equal(before, now) {
		t.Errorf("written: %v, before: %v", now, before)
	}

	// And it does as it says.
	server.race(nil)
	succeed(t, w, "apply")
}

// An endpoint that the same apply has deleted is in nobody's way: not even where
// the guard had looked before.
func TestGuardKnowsWhatIsGone(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	etcd.Put(t, guardedFelixKey, guardedFelix)
	configuration := func(endpoints, cidr string) string {
		return fmt.Sprintf(`
resource "calico_host_endpoint" "db1" {
  count          = %s
  name           = "db1-eth0"
  node           = "db1"
  interface_name = "eth0"
}

resource "calico_failsafe_policy" "this" {
  management_cidrs = [%q]
  depends_on       = [calico_host_endpoint.db1]
}
`, endpoints, cidr)
	}
	const other = `
resource "calico_global_network_policy" "other" {
  name = "other"
  ingress {
    action   = "Allow"
    protocol = "TCP"
    destination {
      ports = [80]
    }
  }
}
`
	server, provider := newRaceEtcd(t, etcd)
	w := newWorkspace(t, configuration("0", "10.1.0.0/24"), provider)
	succeed(t, w, "apply")
	rewrite(t, w, configuration("1", "10.1.0.0/24"), provider)
	succeed(t, w, "apply")

	// Planned first, so that no look of the plan is counted below.
	rewrite(t, w, configuration("0", "10.9.0.0/24")+other, provider)
	succeed(t, w, "plan", "-out=saved")
	server.race(func(_ int, key string) {
		if key == guardedEndpointKey {
			// One look is for this deletion, the other is that of the other policy,
			// which still sees the endpoint.
			server.awaitReads(2)
		}
	})
	succeed(t, w, "apply", "saved")
	etcd.WantKeys(t, endpointKeys)
}

// A guard that cannot see says so, once for a plan, and consents to nothing.
func TestGuardThatCannotSee(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	before := etcd.Prefix(t, "")
	server, provider := newRaceEtcd(t, etcd)
	server.mu.Lock()
	server.blind = true
	server.mu.Unlock()
	w := newWorkspace(t, provider, failsafe, hostEndpoint("db1"), "\nresource \"calico_global_network_policy\" \"web\" { name = \"web\" }\n")
	o := run(t, w, "plan")
	warnings := o.Of("warning")
	if o.Failed || len(warnings) != 1 {
		t.Fatalf("plan: failed %t, with %v", o.Failed, o.Diagnostics)
	}
	warnings[0].Says(t, "Traffic Not Checked", "lockout_guard and exposure_guard could not read", "larger than max")
	o = run(t, w, "apply")
	if !o.Failed || len(o.Of("error")) == 0 || !slices.Equal(before, etcd.Prefix(t, "")) {
		t.Errorf("apply: failed %t, with %v", o.Failed, o.Diagnostics)
	}
}
