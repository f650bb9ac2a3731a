package verdict_test

import (
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// What no rule asks for at any host endpoint need not be read.
func TestNeeds(t *testing.T) {
	t.Parallel()
	const host = "HEP a: {node: h, interfaceName: eth0, expectedIPs: [10.0.0.1], profiles: [pro], labels: {role: host}}\n"
	gnp := func(rule string) string {
		return host + "GNP p: {selector: role == 'host', types: [Ingress], ingress: [" + rule + "]}\n"
	}
	none, workloads, services := verdict.Needs{}, verdict.Needs{Workloads: true}, verdict.Needs{Services: true}
	for _, test := range []struct {
		reason, world string
		want          verdict.Needs
	}{
		{"networks name nobody", gnp("{action: Allow, source: {nets: [10.0.0.0/8]}}"), none},
		{"a selector may choose pods", gnp("{action: Allow, source: {selector: app == 'web'}}"), workloads},
		{"and so may one that leaves out", gnp("{action: Allow, source: {notSelector: app == 'web'}}"), workloads},
		{"and one of namespaces", gnp("{action: Allow, source: {namespaceSelector: team == 'a'}}"), workloads},
		{"and service accounts", gnp("{action: Allow, source: {serviceAccounts: {names: [a]}}}"), workloads},
		{"and a port by its name", gnp("{action: Allow, protocol: TCP, destination: {ports: [web]}}"), workloads},
		{"and one that is left out", gnp("{action: Allow, protocol: TCP, destination: {notPorts: [web]}}"), workloads},
		{"a port by its number is nobody's", gnp("{action: Allow, protocol: TCP, destination: {ports: [80]}}"), none},
		{"a service is one of Kubernetes", host + "GNP p: {selector: role == 'host', types: [Egress], egress: [{action: Allow, destination: {services: {name: s, namespace: ns}}}]}", services},
		{"a profile of the endpoint has rules, too", host + "Profile pro: {ingress: [{action: Allow, source: {selector: app == 'web'}}]}", workloads},
		{"one of no endpoint has none", host + "Profile other: {ingress: [{action: Allow, source: {selector: app == 'web'}}]}", none},
		{"a policy for pods alone says nothing about hosts", host + "GNP p: {selector: app == 'db', types: [Ingress], ingress: [{action: Allow, source: {selector: app == 'web'}}]}", none},
		{"nor does one for hosts if there are none", "GNP p: {selector: role == 'host', types: [Ingress], ingress: [{action: Allow, source: {selector: app == 'web'}}]}", none},
	} {
		if got := verdict.New(parseWorld(t, test.world), calico.Newest).Needs(false); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.reason, got, test.want)
		}
	}
}
