package etcdv3

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// patience is a request timeout that no test waits for: it only has to be more
// than a busy machine takes.
const patience = 60 * time.Second

const (
	policies  = acctest.ResourcePrefix + "globalnetworkpolicies/"
	endpoints = acctest.ResourcePrefix + "hostendpoints/"
	tiers     = acctest.ResourcePrefix + "tiers/"
	info      = acctest.ResourcePrefix + "clusterinformations/default"
)

// openStore opens a store for the time of a test, which waits for as long as it
// takes unless the configuration tells otherwise.
func openStore(t *testing.T, cfg Config, options Options) *Store {
	t.Helper()
	if cfg.RequestTimeout == 0 {
		cfg.RequestTimeout = patience
	}
	store, err := New(t.Context(), cfg, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	return store
}

// storeOf is openStore with nothing special.
func storeOf(t *testing.T, etcd *acctest.Etcd) *Store {
	t.Helper()
	return openStore(t, configOf(etcd, acctest.User{}), Options{})
}

// recorder keeps the calls that a store tells of.
type recorder struct {
	// then is called with each; it may be nil.
	then func(ctx context.Context, call datastore.Call)

	mu    sync.Mutex
	calls []datastore.Call
}

func (r *recorder) observe(ctx context.Context, call datastore.Call) {
	r.mu.Lock()
	r.calls = append(r.calls, call)
	r.mu.Unlock()
	if r.then != nil {
		r.then(ctx, call)
	}
}

// told returns the operations and outcomes so far, as "create ok".
func (r *recorder) told() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var lines []string
	for _, c := range r.calls {
		lines = append(lines, c.Operation+" "+c.Outcome)
	}
	return lines
}

func policyID(name string) calico.ID {
	return calico.ID{Kind: calico.KindGlobalNetworkPolicy, Name: name}
}

func endpointID(name string) calico.ID { return calico.ID{Kind: calico.KindHostEndpoint, Name: name} }

// policy is a policy as a user writes it.
func policy(name string, order float64) *v3.GlobalNetworkPolicy {
	p := v3.NewGlobalNetworkPolicy()
	p.Name = name
	p.Spec = v3.GlobalNetworkPolicySpec{
		Order:    &order,
		Selector: "has(host-endpoint) && role == 'db'",
		Types:    []v3.PolicyType{v3.PolicyTypeIngress},
		Ingress:  []v3.Rule{{Action: v3.Allow}},
	}
	return p
}

// endpoint is a host endpoint as a user writes it.
func endpoint(name string) *v3.HostEndpoint {
	h := v3.NewHostEndpoint()
	h.Name = name
	h.Labels = map[string]string{"role": "db"}
	h.Spec = v3.HostEndpointSpec{Node: "db1", InterfaceName: "eth0", ExpectedIPs: []string{"10.0.0.5"}}
	return h
}

// orderOf is what tells one policy of these tests from another.
func orderOf(t *testing.T, stored *datastore.Stored) float64 {
	t.Helper()
	p, ok := stored.Object.(*v3.GlobalNetworkPolicy)
	if !ok || p.Spec.Order == nil {
		t.Fatalf("no policy with an order: %s", stored.Raw)
	}
	return *p.Spec.Order
}

// The uid and the time of what somebody else is said to have stored.
const (
	theirUID  = "5e3b1d4e-3c2c-4a9c-9d0a-5f6c0f8e7a11"
	theirTime = "2024-05-06T07:08:09Z"
)

// calicoctlPolicy is what calicoctl up to v3.29.3 stores for
// policy(name, order): storedName is the name in the key.
func calicoctlPolicy(storedName string, order int) string {
	return fmt.Sprintf(`{"kind":"GlobalNetworkPolicy","apiVersion":"projectcalico.org/v3",`+
		`"metadata":{"name":%q,"uid":%q,"creationTimestamp":%q},`+
		`"spec":{"order":%d,"ingress":[{"action":"Allow","source":{},"destination":{}}],`+
		`"selector":"has(host-endpoint) \u0026\u0026 role == 'db'","types":["Ingress"]}}`,
		storedName, theirUID, theirTime, order)
}

// calicoctlEndpoint is what calicoctl stores for endpoint(name).
func calicoctlEndpoint(name string) string {
	return fmt.Sprintf(`{"kind":"HostEndpoint","apiVersion":"projectcalico.org/v3",`+
		`"metadata":{"name":%q,"uid":%q,"creationTimestamp":%q,"labels":{"role":"db"}},`+
		`"spec":{"node":"db1","interfaceName":"eth0","expectedIPs":["10.0.0.5"]}}`,
		name, theirUID, theirTime)
}

// clusterInformation is a value for the key info.
func clusterInformation(version string, ready bool) string {
	return fmt.Sprintf(`{"kind":"ClusterInformation","apiVersion":"projectcalico.org/v3",`+
		`"metadata":{"name":"default","uid":%q,"creationTimestamp":%q},`+
		`"spec":{"clusterGUID":"0123456789abcdef0123456789abcdef","calicoVersion":%q,"datastoreReady":%t}}`,
		theirUID, theirTime, version, ready)
}

// mustGet reads what has to be there.
func mustGet(t *testing.T, store *Store, id calico.ID) *datastore.Stored {
	t.Helper()
	stored, err := store.Get(t.Context(), id)
	if err != nil {
		t.Fatalf("get %s: %v", id, err)
	}
	return stored
}

// mustCreate creates what can be created.
func mustCreate(t *testing.T, store *Store, obj calico.Object) *datastore.Stored {
	t.Helper()
	stored, err := store.Create(t.Context(), obj)
	if err != nil {
		t.Fatalf("create %s: %v", calico.IDOf(obj), err)
	}
	return stored
}

// detect makes the store look at its datastore, so that a count after it does
// not have that.
func detect(t *testing.T, store *Store) datastore.ReleaseFinding {
	t.Helper()
	finding, err := store.Release(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return finding
}

// checkCalls holds that exactly these calls reach etcd while do runs.
func checkCalls(t *testing.T, etcd *acctest.Etcd, want map[string]int, do func()) {
	t.Helper()
	got := etcd.CallsDuring(t, do)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("calls of etcd (-want +got):\n%s", diff)
	}
}

// checkKeys holds that these are the keys with the prefix, given without it.
func checkKeys(t *testing.T, etcd *acctest.Etcd, prefix string, want ...string) {
	t.Helper()
	var got []string
	for _, key := range etcd.Keys(t, prefix) {
		got = append(got, strings.TrimPrefix(key, prefix))
	}
	if !slices.Equal(got, want) {
		t.Errorf("there are the keys %q below %s, want %q", got, prefix, want)
	}
}

// asError is errors.As for an error that has to be of the type.
func asError[E error](t *testing.T, err error) E {
	t.Helper()
	var e E
	if !errors.As(err, &e) {
		t.Fatalf("the error is %T (%v), want %T", err, err, e)
	}
	return e
}

// changed is a stored value with some other thing in the place of one.
func changed(t *testing.T, value, before, after string) string {
	t.Helper()
	if strings.Count(value, before) != 1 {
		t.Fatalf("%q is not there exactly once: %s", before, value)
	}
	return strings.Replace(value, before, after, 1)
}

// at looks a path up in a JSON value; nil where it leads nowhere.
func at(t *testing.T, value []byte, path ...string) any {
	t.Helper()
	var node any
	if err := json.Unmarshal(value, &node); err != nil {
		t.Fatalf("not JSON: %s", value)
	}
	for _, step := range path {
		object, ok := node.(map[string]any)
		if !ok {
			return nil
		}
		node = object[step]
	}
	return node
}
