package provider_test

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// sshAt tells how SSH from the management network fares at a host endpoint that is
// stored.
func sshAt(t *testing.T, etcd *acctest.Etcd, release, endpoint string) verdict.Verdict {
	t.Helper()
	world := storedWorld(t, etcd, release)
	ep, ok := world.Endpoint(endpoint)
	if !ok {
		return verdict.Verdict{Outcome: verdict.Allowed} // nothing is dropped
	}
	return world.Decide(ep, verdict.Flow{Direction: verdict.Ingress, Protocol: numorstring.ProtocolFromString("TCP"), Peer: netip.MustParsePrefix("10.1.0.0/24"), Port: 22})
}

// sshFor is a policy that lets the management network in.
func sshFor(name, arguments string) string {
	return fmt.Sprintf("\nresource \"calico_global_network_policy\" \"p\" {\n  name = %q\n  order = 1\n  ingress {\n    action = \"Allow\"\n    protocol = \"TCP\"\n    source {\n      nets = [\"10.1.0.0/16\"]\n    }\n    destination {\n      ports = [22]\n    }\n  }\n%s\n}\n", name, arguments)
}

// TestLockoutsByTheCLI tries to cut SSH with what only the CLI can do. No attempt may
// be let through if SSH is dropped then; and what does no harm may not be refused.
func TestLockoutsByTheCLI(t *testing.T) {
	t.Parallel()
	const (
		first = "\n  lifecycle {\n    create_before_destroy = true\n  }"
		lists = `
locals {
  ports = %s
}

resource "calico_global_network_policy" "p" {
  %s
  order = 1
  ingress {
    action   = "Allow"
    protocol = "TCP"
    destination {
      ports = [%s]
    }
  }
}
`
	)
	byKey := func(ports string) string {
		return fmt.Sprintf(lists, ports, "for_each = local.ports\n  name = \"p${each.value}\"", "each.value")
	}
	byIndex := func(ports string) string {
		return fmt.Sprintf(lists, ports, "count = length(local.ports)\n  name = \"p${local.ports[count.index]}\"", "local.ports[count.index]")
	}
	dependent := strings.Replace(hostEndpoint("db1"), "\n}", "\n  depends_on = [calico_failsafe_policy.this]\n}", 1)
	scoped := strings.NewReplacer(`"default"`, `"racks"`, `"failsafeInboundHostPorts":[]`, `"nodeSelector":"rack == 'r1'","failsafeInboundHostPorts":[]`).Replace(guardedFelix)
	scopedFelix := func(selector string) string {
		return fmt.Sprintf("\nresource \"calico_felix_configuration\" \"rack\" {\n  name = \"rack\"\n  node_selector = %q\n  failsafe_inbound_host_ports = []\n}\n", selector)
	}
	type objects = map[string]string
	for name, test := range map[string]struct {
		// stored is there before beside the Felix without failsafe ports and the
		// endpoint db1-eth0, or in place of them; "" is nothing.
		stored objects
		// before is applied; then somebody else does other; then is after applied.
		before, after string
		args          []string
		other         func(*testing.T, *acctest.Etcd)
		// refused is whether the guard has to refuse it.
		refused bool
		release string
	}{
		"the policy alone is a target": {before: failsafe + policyOf("web", "order = 5", denying("ingress", 80)), after: policyOf("web", "order = 5", denying("ingress", 80)), args: []string{"-target=calico_failsafe_policy.this"}, refused: true},
		"another policy is a target":   {before: failsafe + policyOf("web", "order = 5", denying("ingress", 80)), after: failsafe, args: []string{"-target=calico_global_network_policy.web"}},
		"the endpoint alone is a target": {stored: objects{guardedEndpointKey: ""}, after: failsafe + hostEndpoint("db1"), args: []string{"-target=calico_host_endpoint.db1"},
			refused: true},
		"the endpoint is a target with what it depends on": {stored: objects{guardedEndpointKey: ""}, after: failsafe + dependent, args: []string{"-target=calico_host_endpoint.db1"}},
		"without a refresh, as another policy is gone": {stored: objects{racedKey: racedPolicy(5, allowSSH, "all()")}, before: failsafe, args: []string{"-refresh=false"},
			other: func(t *testing.T, etcd *acctest.Etcd) { etcd.Delete(t, racedKey) }, refused: true},
		"without a refresh, as another policy is there": {stored: objects{racedKey: racedPolicy(5, allowSSH, "all()")}, before: failsafe, args: []string{"-refresh=false"}},
		"a key goes":                         {before: byKey(`toset(["22", "80"])`), after: byKey(`toset(["80"])`), refused: true},
		"another key goes":                   {before: byKey(`toset(["22", "80"])`), after: byKey(`toset(["22"])`)},
		"an index goes":                      {before: byIndex(`[80, 22]`), after: byIndex(`[80]`), refused: true},
		"another index goes":                 {before: byIndex(`[22, 80]`), after: byIndex(`[22]`)},
		"a name goes before the old is gone": {before: sshFor("one", ""), after: sshFor("two", ""), refused: true},
		"a name comes before the old goes":   {before: sshFor("one", first), after: sshFor("two", first)},
		"a scoped FelixConfiguration may hide the failsafe ports": {stored: objects{guardedFelixKey: "", acctest.ResourcePrefix + "felixconfigurations/racks": scoped,
			acctest.ResourcePrefix + "nodes/db1": storedJSON("Node", "db1", `{"rack":"r1"}`, `{}`)},
			before: failsafe, after: failsafe + policyOf("p", "order = -1", denying("ingress", 22)), refused: true, release: "v3.32.1"},
		"a scoped FelixConfiguration for other nodes hides nothing": {stored: objects{guardedFelixKey: "", acctest.ResourcePrefix + "felixconfigurations/racks": scoped,
			acctest.ResourcePrefix + "nodes/db1": storedJSON("Node", "db1", `{"rack":"r2"}`, `{}`)},
			before: failsafe, after: failsafe + policyOf("p", "order = -1", denying("ingress", 22)), release: "v3.32.1"},
		"a new FelixConfiguration for the node": {stored: objects{guardedFelixKey: "", acctest.ResourcePrefix + "nodes/db1": storedJSON("Node", "db1", `{"rack":"r1"}`, `{}`)},
			before: failsafe + policyOf("p", "order = -1", denying("ingress", 22)), after: failsafe + policyOf("p", "order = -1", denying("ingress", 22)) + scopedFelix("rack == 'r1'"), refused: true, release: "v3.32.1"},
		"a new FelixConfiguration for other nodes": {stored: objects{guardedFelixKey: "", acctest.ResourcePrefix + "nodes/db1": storedJSON("Node", "db1", `{"rack":"r1"}`, `{}`)},
			before: failsafe + policyOf("p", "order = -1", denying("ingress", 22)), after: failsafe + policyOf("p", "order = -1", denying("ingress", 22)) + scopedFelix("rack == 'r2'"), release: "v3.32.1"},
		"failsafe ports that nobody hides": {stored: objects{guardedFelixKey: ""}, before: failsafe, after: failsafe + policyOf("p", "order = -1", denying("ingress", 22)), release: "v3.32.1"},
		"an old name is left, and denies": {stored: objects{racedKey: racedPolicy(-5, denySSH, "role == 'none'")}, before: failsafe, after: failsafe + strings.Replace(policyOf("p", "order = 5", denying("ingress", 23)), "23", "22", 1),
			release: "v3.32.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			release := test.release
			if release == "" {
				release = "v3.31.0"
			}
			etcd := acctest.NewEtcd(t, acctest.WithCalico(release))
			for key, value := range with(objects{guardedFelixKey: guardedFelix, guardedEndpointKey: guardedEndpoint}, test.stored) {
				if value != "" {
					etcd.Put(t, key, value)
				}
			}
			w := newWorkspace(t, test.before, guardedBy("off", etcd))
			run(t, w, "apply")
			if test.other != nil {
				test.other(t, etcd)
			}
			before := etcd.Prefix(t, "")
			rewrite(t, w, test.after, guarding(etcd.Endpoints[0], guardedSSH))
			o := run(t, w, "apply", test.args...)
			for _, endpoint := range []string{"db1-eth0", "db1"} {
				if v := sshAt(t, etcd, release, endpoint); v.Outcome != verdict.Allowed {
					t.Errorf("SSH at %s: %s; the apply failed: %t", endpoint, v, o.Failed)
				}
			}
			if o.Failed != test.refused {
				t.Errorf("refused: %t, want %t: %v", o.Failed, test.refused, o.Diagnostics)
			}
			if test.refused && o.Failed {
				o.Of("error")[0].Says(t, "ssh (TCP port 22 from 10.1.0.0/24)")
				now := etcd.Prefix(t, acctest.ResourcePrefix)
				if was := len(before) - len(etcd.Prefix(t, "")); was > 0 {
					t.Errorf("%d objects are gone: %v", was, now)
				}
			}
		})
	}
}

// Two applies at once, each of which takes away one of two policies that let SSH in:
// one of them has to be refused, whichever comes later.
func TestTwoAppliesCannotCutSSHTogether(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	etcd.Put(t, guardedFelixKey, guardedFelix)
	etcd.Put(t, guardedEndpointKey, guardedEndpoint)
	strict := guarding(etcd.Endpoints[0], guardedSSH)
	var both [2]*acctest.Workspace
	for i := range both {
		both[i] = newWorkspace(t, sshFor(fmt.Sprintf("ssh%d", i), ""), strict)
		succeed(t, both[i], "apply")
	}
	var outcomes [2]outcome
	var running sync.WaitGroup
	for i, w := range both {
		rewrite(t, w, strict)
		running.Go(func() { outcomes[i] = run(t, w, "apply") })
	}
	running.Wait()
	if outcomes[0].Failed == outcomes[1].Failed {
		t.Errorf("the first failed: %t, the second: %t: %v %v", outcomes[0].Failed, outcomes[1].Failed, outcomes[0].Diagnostics, outcomes[1].Diagnostics)
	}
	if v := sshAt(t, etcd, "v3.31.0", "db1-eth0"); v.Outcome != verdict.Allowed {
		t.Errorf("SSH: %s", v)
	}
}
