package provider_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// overhead is what a busy machine may add to a time that the provider keeps.
const overhead = 10 * time.Second

// TestProviderUnreachable has no datastore at the endpoints. That is told within
// the request timeout, whatever the dial timeout is.
func TestProviderUnreachable(t *testing.T) {
	t.Parallel()
	hanging := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	hanging.Pause(t, 0)
	closed := closedEndpoint(t, "http")
	quiet := "://" + silent(t).Addr().String()
	for name, test := range map[string]struct {
		endpoints []string
		says      []string
	}{
		"nothing listens":              {endpoints: []string{closed}, says: []string{"connection refused"}},
		"nothing listens with TLS":     {endpoints: []string{closedEndpoint(t, "https")}, says: []string{"connection refused"}},
		"it never answers":             {endpoints: []string{"http" + quiet}, says: []string{"takes the connection but does not answer"}},
		"it never answers with TLS":    {endpoints: []string{"https" + quiet}, says: []string{"takes the connection but does not answer"}},
		"etcd hangs":                   {endpoints: hanging.Endpoints, says: []string{"takes the connection but does not answer"}},
		"the name is unknown":          {endpoints: []string{"http://no-such-host.invalid:2379"}, says: []string{"no-such-host.invalid"}},
		"three, each in its own way":   {endpoints: []string{closed, "http" + quiet, hanging.Endpoints[0]}, says: []string{"connection refused", "does not answer"}},
		"it is no etcd but a web site": {endpoints: []string{webSite(t)}, says: []string{"does not speak HTTP/2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const timeout = 2 * time.Second
			w := newWorkspace(t, etcdBlock(at(test.endpoints...), text("request_timeout", timeout.String())), hostEndpoint("db1"))
			o := run(t, w, "apply")
			errs := o.Of("error")
			if !o.Failed || len(errs) != 1 {
				t.Fatalf("failed %t, with %v\n%s", o.Failed, o.Diagnostics, o.All)
			}
			errs[0].Says(t, append(test.says, test.endpoints...)...)
			took := o.TookTo(t, "calico_host_endpoint.db1")
			if took > timeout+overhead {
				t.Errorf("it took %s of %s", took, timeout)
			}
			t.Logf("told after %s of %s, %s with the CLI: %s", took, timeout, o.Took, errs[0].Detail)
		})
	}
}

// TestProviderUnreachableLater loses the datastore of what is in the state
// already: a plan fails in time, and forgets nothing.
func TestProviderUnreachableLater(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	const timeout = 2 * time.Second
	w := newWorkspace(t, etcdBlock(at(etcd.Endpoints...), text("request_timeout", timeout.String())), failsafe, hostEndpoint("db1"))
	succeed(t, w, "apply")
	etcd.Pause(t, 0)
	o := run(t, w, "plan")
	errs := o.Of("error")
	if !o.Failed || len(errs) != 1 {
		t.Fatalf("failed %t, with %v\n%s", o.Failed, o.Diagnostics, o.All)
	}
	for _, e := range errs {
		e.Says(t, etcd.Endpoints[0], "does not answer")
	}
	// One for both, and what the CLI takes to start.
	if o.Took > timeout+2*overhead {
		t.Errorf("it took %s of %s", o.Took, timeout)
	}
	t.Logf("a plan of two objects failed, with one error, after %s, with a timeout of %s", o.Took, timeout)
	etcd.Resume(t, 0)
	noChanges(t, w)
}

// TestProviderPlansWithoutADatastore plans what is to be created while there is
// no datastore: one may be made by the same apply. A policy's rules depend on
// the release, so there is one warning.
func TestProviderPlansWithoutADatastore(t *testing.T) {
	t.Parallel()
	const policies = 5
	var all []string
	for i := range policies {
		all = append(all, strings.NewReplacer(`"this"`, fmt.Sprintf(`"p%d"`, i), "management_cidrs", fmt.Sprintf("name = \"p%d\"\n  management_cidrs", i)).Replace(failsafe))
	}
	endpoint := closedEndpoint(t, "http")
	w := newWorkspace(t, append([]string{etcdBlock(at(endpoint), `request_timeout = "2s"`), hostEndpoint("db1")}, all...)...)
	o := run(t, w, "plan")
	if o.Failed || len(o.Of("error")) > 0 || len(o.Of("warning")) != 1 {
		t.Fatalf("failed %t, with %v\n%s", o.Failed, o.Diagnostics, o.All)
	}
	o.Of("warning")[0].Says(t, "Datastore Did Not Answer", endpoint)
	// With the release told there is nothing to ask.
	rewrite(t, w, append([]string{block(`calico_version = "3.31"` + "\n" + inEtcd(at(endpoint))), hostEndpoint("db1")}, all...)...)
	if o := run(t, w, "plan"); o.Failed {
		t.Errorf("%v\n%s", o.Diagnostics, o.All)
	}
}

// TestProviderWithOneOfThreeEndpoints has two that are of no use before one that
// is, and one of three members dead.
func TestProviderWithOneOfThreeEndpoints(t *testing.T) {
	t.Parallel()
	t.Run("other endpoints", func(t *testing.T) {
		t.Parallel()
		etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
		w := newWorkspace(t, etcdBlock(at(closedEndpoint(t, "http"), "http://"+silent(t).Addr().String(), etcd.Endpoints[0])), failsafe, hostEndpoint("db1"))
		succeed(t, w, "apply")
		noChanges(t, w)
		succeed(t, w, "destroy")
		etcd.WantKeys(t, endpointKeys)
	})
	t.Run("members", func(t *testing.T) {
		t.Parallel()
		etcd := acctest.NewEtcd(t, acctest.WithMembers(3), acctest.WithCalico("v3.31.0"))
		etcd.Stop(t, 0)
		var resources []string
		var names []string
		for i := range 6 {
			names = append(names, fmt.Sprintf("db%d", i))
			resources = append(resources, hostEndpoint(names[i]))
		}
		w := newWorkspace(t, append(resources, etcdBlock(at(etcd.Endpoints...)), failsafe)...)
		o := succeed(t, w, "apply")
		etcd.WantKeys(t, endpointKeys, names...)
		t.Logf("applied in %s", o.Took)
		etcd.Start(t, 0)
		etcd.Stop(t, 1)
		noChanges(t, w)
		succeed(t, w, "destroy")
		etcd.WantKeys(t, endpointKeys)
		etcd.WantKeys(t, policyKeys)
	})
}

// TestProviderWaitsForTheLock does not write to a datastore that is locked.
func TestProviderWaitsForTheLock(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	const key = acctest.ResourcePrefix + "clusterinformations/default"
	ready := etcd.MustGet(t, key).Value
	locked := strings.Replace(ready, `"datastoreReady":true`, `"datastoreReady":false`, 1)
	const timeout = 2 * time.Second
	var hosts string
	for i := range 5 {
		hosts += hostEndpoint(fmt.Sprintf("db%d", i))
	}
	w := newWorkspace(t, etcdBlock(at(etcd.Endpoints...), text("request_timeout", timeout.String())), hosts, failsafe)

	// The plan tells, once for all.
	etcd.Put(t, key, locked)
	d := fail(t, w, "plan")
	d.Says(t, "Datastore Is Locked", "datastoreReady is false", key, "calicoctl datastore migrate unlock", "Plan again")
	// So does one of host endpoints alone, which are stored alike in every release.
	alone := newWorkspace(t, etcdBlock(at(etcd.Endpoints...), text("request_timeout", timeout.String())), hosts)
	fail(t, alone, "plan").Says(t, "Datastore Is Locked")

	// A lock that ends in time stops nothing.
	etcd.Put(t, key, ready)
	succeed(t, alone, "plan", "-out=plan")
	etcd.Put(t, key, locked)
	unlocked := time.AfterFunc(timeout/2, func() { etcd.Put(t, key, ready) })
	defer unlocked.Stop()
	succeed(t, alone, "apply", "plan")
	succeed(t, alone, "destroy")

	// A lock that comes after it is waited for, once for all.
	etcd.Put(t, key, ready)
	succeed(t, w, "plan", "-out=plan")
	etcd.Put(t, key, locked)
	o := run(t, w, "apply", "plan")
	if len(o.Of("error")) == 0 {
		t.Fatalf("failed %t, with %v\n%s", o.Failed, o.Diagnostics, o.All)
	}
	full := 0
	for _, d := range o.Of("error") {
		d.Says(t, "locked")
		if strings.Contains(d.Detail, key) {
			full++
			d.Says(t, "datastoreReady is false", "calicoctl datastore migrate unlock")
		}
	}
	if full != 1 {
		t.Errorf("%d errors tell what to do", full)
	}
	if o.Took > 2*timeout+overhead {
		t.Errorf("it was told after %s, with a timeout of %s", o.Took, timeout)
	}
	etcd.WantKeys(t, endpointKeys)

	// It is no obstacle to a plan without changes.
	etcd.Put(t, key, ready)
	run(t, w, "apply")
	etcd.Put(t, key, locked)
	noChanges(t, w)
	rewrite(t, w, etcdBlock(at(etcd.Endpoints...)))
	fail(t, w, "plan").Says(t, "Datastore Is Locked")
}

// TestDeadDatastoreIsToldOnce plans, applies and destroys many objects, none of which a
// datastore answers for: that takes no longer than for one.
func TestDeadDatastoreIsToldOnce(t *testing.T) {
	t.Parallel()
	// Each object waiting for itself would take five minutes with ten at a time, which is the
	// CLI's own limit. Half of that is told apart on the busiest machine.
	const objects, timeout = 300, 10 * time.Second
	const most = objects / 10 * timeout / 2
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	configuration := func(n int, label string) string {
		return fmt.Sprintf(`
resource "calico_host_endpoint" "all" {
  count          = %d
  name           = "db${count.index}"
  node           = "db${count.index}"
  interface_name = "eth0"
  labels         = { role = %q }
}
`, n, label)
	}
	provider := etcdBlock(at(etcd.Endpoints...), text("request_timeout", timeout.String()))
	w := newWorkspace(t, configuration(objects, "db"), provider)
	run(t, w, "apply")
	rewrite(t, w, configuration(objects, "web"), provider)
	run(t, w, "plan", "-out=plan")
	within := func(what string, o outcome) {
		t.Helper()
		if o.Took > most {
			t.Errorf("%s: %s, with a timeout of %s", what, o.Took, timeout)
		}
	}

	etcd.Pause(t, 0)
	for _, command := range []string{"plan", "destroy"} {
		o := run(t, w, command)
		within(command, o)
		if errs := o.Of("error"); !o.Failed || len(errs) != 1 {
			t.Fatalf("%s: failed %t, with %d errors: %v", command, o.Failed, len(errs), errs)
		}
		o.Of("error")[0].Says(t, "Unable to Read HostEndpoint \"db", "no answer from etcd at "+etcd.Endpoints[0])
	}
	// Each object that an apply does not write has an error; but the first alone waits.
	o := run(t, w, "apply", "plan")
	within("apply", o)
	errs := o.Of("error")
	if len(errs) != objects {
		t.Errorf("%d objects were not written, and there are %d errors", objects, len(errs))
	}
	full := 0
	for _, e := range errs {
		if strings.Contains(e.Detail, etcd.Endpoints[0]) {
			full++
		} else {
			e.Says(t, "another error of this run tells why")
		}
	}
	if full != 1 {
		t.Errorf("%d errors tell why", full)
	}

	// With nothing in the state a plan goes on without what it could not ask.
	empty := newWorkspace(t, configuration(objects, "db"), failsafe, provider)
	o = run(t, empty, "plan")
	within("plan of new objects", o)
	if o.Failed || len(o.Of("warning")) == 0 {
		t.Errorf("failed %t, with %v", o.Failed, o.Diagnostics)
	}

	etcd.Resume(t, 0)
	run(t, w, "apply")
	noChanges(t, w)
}

// TestInterruptedPlanEnds has Ctrl-C end a plan that waits for a datastore that hangs, long
// before it would end by itself.
func TestInterruptedPlanEnds(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	const objects, timeout = 40, 2 * time.Minute
	var hosts string
	for i := range objects {
		hosts += hostEndpoint(fmt.Sprintf("db%d", i))
	}
	w := newWorkspace(t, hosts, etcdBlock(at(etcd.Endpoints...), text("request_timeout", timeout.String()), text("dial_timeout", timeout.String())))
	succeed(t, w, "apply")
	etcd.Pause(t, 0)
	defer etcd.Resume(t, 0)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var interrupted time.Time
	time.AfterFunc(5*time.Second, func() {
		interrupted = time.Now()
		cancel()
	})
	out, err := w.RunContext(ctx, "plan")
	if took := time.Since(interrupted); err == nil || interrupted.IsZero() || took > 5*overhead {
		t.Errorf("it ended %s after the interruption: %v\n%s", took, err, out)
	}
}

// TestWrongCredentialsAreToldOnce has many objects, old and new.
func TestWrongCredentialsAreToldOnce(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"), acctest.WithAuth())
	with := func(password string) string {
		return etcdBlock(at(etcd.Endpoints...), text("username", etcd.Writer.Name), text("password", password))
	}
	hosts := hostEndpoint("db1") + hostEndpoint("db2") + failsafe + policyOf("web", "", "ingress {\n  action = \"Allow\"\n}\n")
	w := newWorkspace(t, hosts, with("wrong"))
	d := fail(t, w, "plan")
	d.Says(t, "Unable to Find Out the Calico Release for GlobalNetworkPolicy \"", "does not accept the credentials", etcd.Writer.Name)
	rewrite(t, w, hosts, with(etcd.Writer.Password))
	run(t, w, "apply")
	rewrite(t, w, hosts, with("wrong"))
	d = fail(t, w, "plan")
	d.Says(t, "Unable to Read ", "does not accept the credentials")
}

// TestProviderAndAMemberThatComesBack applies and destroys while a member of etcd hangs.
// What it was asked for is not done when it goes on: nothing comes back that is in no
// state.
func TestProviderAndAMemberThatComesBack(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithMembers(3), acctest.WithCalico("v3.31.0"))
	const hosts = 30
	var configuration []string
	for i := range hosts {
		configuration = append(configuration, hostEndpoint(fmt.Sprintf("db%d", i)))
	}
	w := newWorkspace(t, append(configuration, etcdBlock(at(etcd.Endpoints...)))...)
	log := filepath.Join(t.TempDir(), "log")
	w.Env = append(w.Env, "TF_LOG=JSON", "TF_LOG_PATH="+log)
	succeed(t, w, "plan", "-out=saved")

	hangs := (etcd.Leader(t) + 1) % 3
	hung := make(chan struct{})
	watch := etcd.Client(t).Watch(t.Context(), endpointKeys, clientv3.WithPrefix(), clientv3.WithCreatedNotify())
	<-watch
	go func() {
		defer close(hung)
		for stored := 0; stored < 2; {
			stored += len((<-watch).Events)
		}
		etcd.Pause(t, hangs)
	}()
	succeed(t, w, "apply", "saved")
	<-hung
	succeed(t, w, "destroy", "-refresh=false")
	etcd.Resume(t, hangs)
	etcd.Settle(t, hangs)
	etcd.WantKeys(t, endpointKeys)
	withdrawn := 0
	for _, l := range readLog(t, log, "datastore call") {
		if l.text("operation") == "withdraw" && l.text("outcome") == "ok" {
			withdrawn++
		}
	}
	t.Logf("%d requests were withdrawn", withdrawn)
}

// TestProviderIsInterrupted sends Ctrl-C to an apply whose write has no answer yet. That
// is told as it is, and not as something to check.
func TestProviderIsInterrupted(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	server, provider := newRaceEtcd(t, etcd)
	w := newWorkspace(t, provider, hostEndpoint("db1"))
	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan struct{})
	server.race(func(int, string) {
		interrupt()
		<-ended
	})
	stdout, err := w.RunContext(ctx, "apply", "-json", "-auto-approve")
	close(ended)
	if err == nil {
		t.Fatal("it succeeded")
	}
	if !strings.Contains(stdout, "The run was interrupted before etcd at") || strings.Contains(stdout, "Check that it runs") || strings.Contains(stdout, "not known") {
		t.Errorf("it says\n%s", stdout)
	}
	etcd.WantKeys(t, endpointKeys)
}
