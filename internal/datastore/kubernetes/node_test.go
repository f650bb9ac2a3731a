package kubernetes

import (
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// What Calico makes of what Kubernetes tells of a node is nobody's to set: it is told as
// filled in, and refused if somebody wants it to be something else.
func TestNodeKeepsNotAll(t *testing.T) {
	t.Parallel()
	const body = `{"metadata":{"name":"db1","annotations":{"projectcalico.org/IPv4Address":"10.0.0.5/24"}},
		"status":{"addresses":[{"type":"InternalIP","address":"10.0.0.5"},{"type":"Hostname","address":"db1"},{"type":"ExternalIP","address":"192.0.2.5"}]}}`
	stored, err := nodeStored([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(stored.Filled, " "); got != "orchRefs addresses" {
		t.Errorf("filled in is %q", got)
	}
	if err := decode(calico.KindNode, stored); err != nil {
		t.Fatal(err)
	}
	was, ok := stored.Object.(*calico.Node)
	if !ok {
		t.Fatalf("it is a %T", stored.Object)
	}
	for name, test := range map[string]struct {
		change func(n *calico.Node)
		fields string
	}{
		"all as it is": {func(*calico.Node) {}, ""},
		"left out":     {func(n *calico.Node) { n.Spec.OrchRefs, n.Spec.Addresses = nil, nil }, ""},
		"another BGP address": {func(n *calico.Node) {
			n.Spec.BGP = &calico.NodeBGPSpec{IPv4Address: "10.0.0.6/24"}
			n.Spec.Addresses[0].Address = "10.0.0.6/24"
		}, ""},
		"another BGP address, and the old one": {func(n *calico.Node) { n.Spec.BGP = &calico.NodeBGPSpec{IPv4Address: "10.0.0.6/24"} }, "spec.addresses"},
		"another address":                      {func(n *calico.Node) { n.Spec.Addresses[2].Address = "192.0.2.6" }, "spec.addresses"},
		"another orchestrator":                 {func(n *calico.Node) { n.Spec.OrchRefs[0].Orchestrator = "nomad" }, "spec.orchRefs"},
	} {
		n := was.DeepCopy()
		test.change(n)
		var fields []string
		for _, cause := range notKept(n, was) {
			fields = append(fields, cause.Field)
		}
		if got := strings.Join(fields, " "); got != test.fields {
			t.Errorf("%s: refused is %q, want %q", name, got, test.fields)
		}
	}
}
