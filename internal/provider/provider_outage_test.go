package provider_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// overhead is what a busy machine may add to a time that the provider keeps.
const overhead = 2 * time.Second

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
			errs := o.of("error")
			if !o.failed || len(errs) != 1 {
				t.Fatalf("failed %t, with %v\n%s", o.failed, o.diagnostics, o.all)
			}
			errs[0].says(t, append(test.says, test.endpoints...)...)
			took := o.tookTo(t, "calico_host_endpoint.db1")
			if took > timeout+overhead {
				t.Errorf("it took %s of %s", took, timeout)
			}
			t.Logf("told after %s of %s, %s with the CLI: %s", took, timeout, o.took, errs[0].Detail)
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
	errs := o.of("error")
	if !o.failed || len(errs) != 2 {
		t.Fatalf("failed %t, with %v\n%s", o.failed, o.diagnostics, o.all)
	}
	for _, e := range errs {
		e.says(t, etcd.Endpoints[0], "does not answer")
	}
	// Both at once, and what the CLI takes to start.
	if o.took > timeout+2*overhead {
		t.Errorf("it took %s of %s", o.took, timeout)
	}
	t.Logf("a plan of two objects failed after %s, with a timeout of %s", o.took, timeout)
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
	if o.failed || len(o.of("error")) > 0 || len(o.of("warning")) != 1 {
		t.Fatalf("failed %t, with %v\n%s", o.failed, o.diagnostics, o.all)
	}
	o.of("warning")[0].says(t, "Datastore Did Not Answer", endpoint)
	// With the release told there is nothing to ask.
	rewrite(t, w, append([]string{block(`calico_version = "3.31"` + "\n" + inEtcd(at(endpoint))), hostEndpoint("db1")}, all...)...)
	if o := run(t, w, "plan"); o.failed {
		t.Errorf("%v\n%s", o.diagnostics, o.all)
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
		wantKeys(t, etcd, endpointKeys)
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
		wantKeys(t, etcd, endpointKeys, names...)
		t.Logf("applied in %s", o.took)
		etcd.Start(t, 0)
		etcd.Stop(t, 1)
		noChanges(t, w)
		succeed(t, w, "destroy")
		wantKeys(t, etcd, endpointKeys)
		wantKeys(t, etcd, policyKeys)
	})
}

// TestProviderWaitsForTheLock does not write to a datastore that is locked.
func TestProviderWaitsForTheLock(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	const key = acctest.ResourcePrefix + "clusterinformations/default"
	ready := etcd.MustGet(t, key).Value
	etcd.Put(t, key, strings.Replace(ready, `"datastoreReady":true`, `"datastoreReady":false`, 1))
	const timeout = 2 * time.Second
	w := newWorkspace(t, etcdBlock(at(etcd.Endpoints...), text("request_timeout", timeout.String())), hostEndpoint("db1"))
	o := run(t, w, "apply")
	if len(o.of("error")) != 1 {
		t.Fatalf("failed %t, with %v\n%s", o.failed, o.diagnostics, o.all)
	}
	o.of("error")[0].says(t, "locked", "datastoreReady is false", key, "calicoctl datastore migrate unlock", "request_timeout")
	if took := o.tookTo(t, "calico_host_endpoint.db1"); took < timeout/2 || took > timeout+overhead {
		t.Errorf("it was told after %s, with a timeout of %s", took, timeout)
	}
	wantKeys(t, etcd, endpointKeys)
	etcd.Put(t, key, ready)
	succeed(t, w, "apply")
	wantKeys(t, etcd, endpointKeys, "db1")
}
