package provider_test

import (
	"bytes"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// TestAdoptDecidesInTheApply: what counts is what is stored at the moment of the create.
func TestAdoptDecidesInTheApply(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	configuration := []string{adopting(etcd), hostEndpoint("changed"), hostEndpoint("deleted"), hostEndpoint("made"), `
resource "terraform_data" "late" {
  input = "eth0"
}

resource "calico_host_endpoint" "late" {
  name           = "late"
  node           = "db1"
  interface_name = terraform_data.late.output
}
`}
	w := newWorkspace(t, configuration...)
	succeed(t, w, "apply")
	loseState(t, w)
	value := etcd.MustGet(t, endpointKeys+"made").Value
	etcd.Delete(t, endpointKeys+"made")

	o := run(t, w, "plan", "-out=plan")
	wantSummaries(t, o, map[string]int{"Identical Object Will Be Adopted": 2, "Object Exists Already": 1})
	for _, d := range o.Diagnostics {
		if strings.HasPrefix(d.Summary, "Object Exists Already") {
			d.Says(t, `HostEndpoint "late"`, "is not known", "known only after", "If it is identical")
		}
	}
	etcd.Put(t, endpointKeys+"changed", strings.Replace(etcd.MustGet(t, endpointKeys+"changed").Value, `"eth0"`, `"eth1"`, 1))
	etcd.Delete(t, endpointKeys+"deleted")
	etcd.Put(t, endpointKeys+"made", value)
	stored := etcd.Prefix(t, endpointKeys)

	o = run(t, w, "apply", "plan")
	errs := o.Of("error")
	if len(errs) != 1 {
		t.Fatalf("%v", o.Diagnostics)
	}
	errs[0].Says(t, `Unable to Create HostEndpoint "changed"`, `spec.interfaceName: "eth1" -> "eth0"`, "nothing was changed", "only what is identical")
	adopted := 0
	for _, d := range o.Of("warning") {
		for _, name := range []string{"made", "late"} {
			if d.Summary == fmt.Sprintf("Identical Object Adopted: HostEndpoint %q", name) {
				adopted++
			}
		}
	}
	if adopted != 2 {
		t.Errorf("adopted were %d: %v", adopted, o.Diagnostics)
	}
	for _, kv := range stored {
		if got := etcd.MustGet(t, kv.Key); got != kv {
			t.Errorf("%s was written", kv.Key)
		}
	}
	etcd.MustGet(t, endpointKeys+"deleted") // was created
}

// TestAdoptCalls: to compare costs one call a kind, only if something exists already; to
// take costs the call that would have created.
func TestAdoptCalls(t *testing.T) {
	t.Parallel()
	const hosts = 20
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	var all []string
	for i := range hosts {
		all = append(all, hostEndpoint(fmt.Sprintf("db%d", i)))
	}
	w := newWorkspace(t, append(all, guardedBy("off", etcd))...)
	succeed(t, w, "apply")
	loseState(t, w)
	calls := func(command string) map[string]int {
		return etcd.CallsDuring(t, func() { run(t, w, command) })
	}
	const names, list, look = 1, 1, 1
	if got, want := calls("plan"), map[string]int{"Txn": look + names, "Range": list}; !maps.Equal(got, want) {
		t.Errorf("the plan: %v, want %v", got, want)
	}
	rewrite(t, w, append(all, strings.Replace(guardedBy("off", etcd), "{", "{\n  adopt_identical = true", 1))...)
	if got, want := calls("apply"), map[string]int{"Txn": 2*(look+names) + hosts, "Range": 2 * list}; !maps.Equal(got, want) {
		t.Errorf("the apply: %v, want %v", got, want)
	}
	noChanges(t, w)
}

// TestAdoptIsNoChangeToTheGuard, which refuses what would cut somebody off: to take what
// is stored changes nothing.
func TestAdoptIsNoChangeToTheGuard(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	const closing = `
resource "calico_global_network_policy" "closing" {
  name     = "closing"
  order    = -1
  selector = "all()"
  types    = ["Ingress"]

  ingress {
    action = "Deny"
  }

  depends_on = [calico_failsafe_policy.this, calico_host_endpoint.db1]
}
`
	// Felix itself keeps no port open.
	felix := strings.Replace(forgetfulFelix, "%s", "", 1)
	endpoint := strings.Replace(hostEndpoint("db1"), "\n}", "\n  depends_on = [calico_failsafe_policy.this]\n}", 1)
	guarded := func(mode, more string) string {
		return block(more + inEtcd(at(etcd.Endpoints...)) + "\n" + nested("lockout_guard", fmt.Sprintf("mode = %q", mode)))
	}
	w := newWorkspace(t, guarded("off", ""), failsafe, felix, endpoint, closing)
	succeed(t, w, "apply")
	stored := etcd.Prefix(t, acctest.ResourcePrefix)
	loseState(t, w)
	rewrite(t, w, guarded("error", "adopt_identical = true\n"), failsafe, felix, endpoint, closing)
	o := run(t, w, "apply")
	if diff := cmp.Diff(stored, etcd.Prefix(t, acctest.ResourcePrefix)); o.Failed || diff != "" {
		t.Errorf("failed %t, %v; written was\n%s", o.Failed, o.Diagnostics, diff)
	}
	wantSummaries(t, o, map[string]int{"Identical Object Will Be Adopted": 4, "Identical Object Adopted": 4})
	// The same policy under another name is refused: the guard is at work.
	rewrite(t, w, guarded("error", "adopt_identical = true\n"), failsafe, felix, endpoint)
	if o := run(t, w, "apply"); o.Failed {
		t.Fatal(o.Diagnostics)
	}
	rewrite(t, w, guarded("error", "adopt_identical = true\n"), failsafe, felix, endpoint, closing)
	o = runAndTell(t, w, "plan")
	if errs := o.Of("error"); len(errs) != 1 || errs[0].Summary != "Change Would Cut Off Guarded Traffic" {
		t.Errorf("a policy that closes everything: %v", o.Diagnostics)
	}
}

// deaf stands between the provider and etcd. From the request on that holds the marker,
// it passes no answer back.
func deaf(t *testing.T, etcd *acctest.Etcd, marker string) (endpoint string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var silent atomic.Bool
	pass := func(from, to net.Conn, may func(data []byte) bool) {
		defer func() { _, _ = from.Close(), to.Close() }()
		buffer := make([]byte, 64<<10)
		for {
			n, err := from.Read(buffer)
			if n > 0 && may(buffer[:n]) {
				if _, err := to.Write(buffer[:n]); err != nil {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", strings.TrimPrefix(etcd.Endpoints[0], "http://"))
			if err != nil {
				_ = client.Close()
				continue
			}
			go pass(client, server, func(data []byte) bool {
				if bytes.Contains(data, []byte(marker)) {
					silent.Store(true)
				}
				return true
			})
			go pass(server, client, func([]byte) bool { return !silent.Load() })
		}
	}()
	return "http://" + l.Addr().String()
}

// TestUnknownOutcomeOfACreate: the text promises that the next plan tells what is left
// to do, and it does.
func TestUnknownOutcomeOfACreate(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	w := newWorkspace(t, etcdBlock(at(deaf(t, etcd, `"interfaceName":"eth0"`)), `request_timeout = "3s"`), hostEndpoint("db1"))
	e := fail(t, w, "apply")
	e.Says(t, `Unable to Create HostEndpoint "db1"`, "not known whether", "the plan tells what is left to do", "exists already", "adopt_identical = true")
	stored := etcd.MustGet(t, endpointKeys+"db1")

	rewrite(t, w, etcdBlock(at(etcd.Endpoints...)), hostEndpoint("db1"))
	o := run(t, w, "plan")
	wantSummaries(t, o, map[string]int{"Object Exists Already": 1})
	o.Diagnostics[0].Says(t, "exactly what", "adopt_identical = true")
	rewrite(t, w, adopting(etcd), hostEndpoint("db1"))
	if o := run(t, w, "apply"); o.Failed || !slices.ContainsFunc(o.Diagnostics, func(d diagnostic) bool {
		return d.Summary == `Identical Object Adopted: HostEndpoint "db1"`
	}) {
		t.Errorf("failed %t, with %v", o.Failed, o.Diagnostics)
	}
	noChanges(t, w)
	if got := etcd.MustGet(t, endpointKeys+"db1"); got != stored {
		t.Errorf("it was written again: %+v", got)
	}
}

// TestTwoStatesForOneObject do not come about by accident.
func TestTwoStatesForOneObject(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	first := newWorkspace(t, etcdBlock(at(etcd.Endpoints...)), hostEndpoint("db1"))
	succeed(t, first, "apply")
	second := newWorkspace(t, etcdBlock(at(etcd.Endpoints...)), hostEndpoint("db1"))
	o := run(t, second, "apply")
	if errs := o.Of("error"); len(errs) != 1 {
		t.Fatalf("%v", o.Diagnostics)
	}
	o.Of("error")[0].Says(t, "exists already", "exactly what", "another workspace may manage the object", "both would own it")
	etcd.WantKeys(t, endpointKeys, "db1")
	noChanges(t, first)
}
