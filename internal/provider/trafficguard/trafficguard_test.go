package trafficguard

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/failsafe"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/guard"
)

// TestWriteWithoutAPlanGuardsTheDatastore takes away what lets hosts reach the datastore,
// in a process that has planned nothing before: an apply of a saved plan that only
// destroys. Hosts must not lose the datastore, wherever the provider finds it.
func TestWriteWithoutAPlanGuardsTheDatastore(t *testing.T) {
	t.Parallel()
	host := v3.NewHostEndpoint()
	host.Name, host.Spec.Node, host.Spec.InterfaceName = "db1-eth0", "db1", "eth0"
	policy := v3.NewGlobalNetworkPolicy()
	tcp := numorstring.ProtocolFromString("TCP")
	policy.Name, policy.Spec.Selector, policy.Spec.Types = "out", "all()", []v3.PolicyType{v3.PolicyTypeEgress}
	policy.Spec.Egress = []v3.Rule{{Action: v3.Allow, Protocol: &tcp, Destination: v3.EntityRule{Nets: []string{"192.0.2.1/32"}}}}
	other := v3.NewGlobalNetworkPolicy()
	other.Name, other.Spec.Selector, other.Spec.Types = "closed", "all()", []v3.PolicyType{v3.PolicyTypeEgress}
	noFailsafes := calico.NewFelixConfiguration()
	noFailsafes.Name, noFailsafes.Spec.FailsafeOutboundHostPorts = "default", &[]v3.ProtoPort{}
	snapshot := &datastore.Snapshot{}
	for _, obj := range []calico.Object{host, policy, other, noFailsafes} {
		snapshot.Objects = append(snapshot.Objects, &datastore.Stored{Where: calico.IDOf(obj).String(), Object: obj})
	}
	removed := func(*datastore.Snapshot) (guard.Change, error) {
		return guard.Change{calico.IDOf(policy).Short(): nil}, nil
	}
	for endpoint, refused := range map[string]bool{"https://192.0.2.1:2379": true, "https://192.0.2.2:2379": false} {
		g := &Guard{Guard: guard.Guard{Lockout: guard.Watch{Mode: guard.Error}}, endpoints: []string{endpoint}}
		_, err := g.ForWrite(t.Context(), nil, calico.Newest, removed).Check(snapshot)
		if (err != nil) != refused {
			t.Errorf("with the datastore at %s: %v", endpoint, err)
		}
	}
}

// TestTellsThatAPodKnowsNoAddress: from within a pod the address of the API servers is told
// to nobody who guards, so a person has to hear of it, once, unless something is watched.
func TestTellsThatAPodKnowsNoAddress(t *testing.T) {
	t.Parallel()
	host := v3.NewHostEndpoint()
	host.Name, host.Spec.Node, host.Spec.InterfaceName = "db1-eth0", "db1", "eth0"
	policy := &failsafe.Policy{ManagementCIDRs: []string{"10.1.0.0/24"}, ManagementPorts: []numorstring.Port{numorstring.SinglePort(22)}, APIServers: []failsafe.Server{{Address: "10.2.0.21", Ports: []numorstring.Port{numorstring.SinglePort(8443)}}}}
	declared := v3.NewGlobalNetworkPolicy()
	declared.Name, declared.Spec.Selector = "failsafe", "all()"
	declared.Spec.Types = []v3.PolicyType{v3.PolicyTypeIngress, v3.PolicyTypeEgress}
	for _, rule := range policy.Ingress() {
		declared.Spec.Ingress = append(declared.Spec.Ingress, rule.Rule)
	}
	for _, rule := range policy.Egress() {
		declared.Spec.Egress = append(declared.Spec.Egress, rule.Rule)
	}
	bare := declared.DeepCopy()
	bare.Spec.Egress = nil
	for name, test := range map[string]struct {
		inPod   bool
		flows   []guard.Flow
		mode    guard.Mode
		objects []calico.Object
		told    string
	}{
		"in a pod":                          {inPod: true, objects: []calico.Object{host}, told: "Datastore Not Watched"},
		"in a pod, without hosts":           {inPod: true},
		"in a pod, with flows of one's own": {inPod: true, flows: []guard.Flow{}, objects: []calico.Object{host}},
		"in a pod, with declared servers":   {inPod: true, objects: []calico.Object{host, declared}},
		"in a pod, with none declared":      {inPod: true, objects: []calico.Object{host, bare}, told: "Datastore Not Watched"},
		"in a pod, without the guard":       {inPod: true, mode: guard.Off, objects: []calico.Object{host, bare}, told: "Datastore Not Covered"},
		"elsewhere":                         {objects: []calico.Object{host, bare}},
	} {
		if test.mode == "" {
			test.mode = guard.Error
		}
		objects := map[calico.ID]calico.Object{}
		for _, obj := range test.objects {
			objects[calico.IDOf(obj).Short()] = obj
		}
		g := &Guard{Guard: guard.Guard{Lockout: guard.Watch{Mode: test.mode, Flows: test.flows}, Kubernetes: true}, InPod: test.inPod}
		g.Begin(calico.Newest, objects)
		_, _, after := g.Guard.Foresee(nil)
		var diags diag.Diagnostics
		for range 2 {
			g.Advise(after, &diags)
			for _, obj := range test.objects {
				if policy, ok := obj.(*v3.GlobalNetworkPolicy); ok {
					g.AdviseFailsafe(after, policy, &diags)
				}
			}
		}
		var told []string
		for _, d := range diags {
			if strings.HasPrefix(d.Summary(), "Datastore") {
				told = append(told, d.Summary())
			}
		}
		if got := strings.Join(told, ", "); got != test.told {
			t.Errorf("%s: told is %q, want %q", name, got, test.told)
		}
	}
}
