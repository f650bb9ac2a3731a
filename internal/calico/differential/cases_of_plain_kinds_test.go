package differential

import (
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// namedCasesOfPlainKinds are those that random runs over these kinds have found,
// and the borders between releases.
func namedCasesOfPlainKinds() []namedCase {
	of := func(kind calico.Kind, title, name, spec string) namedCase {
		return namedCase{name: string(kind) + ", " + title, kind: kind, metadata: `{"name":"` + name + `"}`, spec: spec}
	}
	pool := func(title, spec string) namedCase { return of(calico.KindIPPool, title, "p", spec) }
	felix := func(title, spec string) namedCase { return of(calico.KindFelixConfiguration, title, "node.a", spec) }
	peer := func(title, spec string) namedCase { return of(calico.KindBGPPeer, title, "p", spec) }
	selectorOf := func(length int) string { return "a == '" + strings.Repeat("x", length-len("a == ''")) + "'" }
	return []namedCase{
		of(calico.KindIPReservation, "an empty text is no fault", "p", `{"reservedCIDRs":["","10.0.0.1"]}`).always(accepted),
		pool("host bits are found before they are taken away", `{"cidr":"2001:db8::1/64"}`).always("spec.cidr"),
		pool("IPv4 in IPv6", `{"cidr":"::ffff:10.0.0.0/8","blockSize":26,"disabled":true}`).always("spec.cidr"),
		pool("IPv4 in IPv6, with its network", `{"cidr":"::ffff:10.0.0.0/104","disabled":true}`).always(accepted).storing(`"cidr":"10.0.0.0/8"`),
		pool("as small as IPv4 in IPv6 looks", `{"cidr":"::ffff:10.0.0.0/104"}`).always("spec.cidr"),
		pool("normalised", `{"cidr":"FD00::/64"}`).always(accepted).storing(`"cidr":"fd00::/64"`),
		pool("namespaces", `{"cidr":"10.0.0.0/8","allowedUses":["Workload"],"namespaceSelector":"all()"}`).verdicts("spec.namespaceSelector", accepted, accepted),
		felix("keys of a map", `{"bpfLogFilters":{"*":"x"}}`).always(`spec.bpfLogFilters["*"]`),
		felix("an empty backend", `{"iptablesBackend":""}`).verdicts(accepted, accepted, "spec.iptablesBackend"),
		felix("no failsafe ports", `{"failsafeInboundHostPorts":[]}`).always(accepted).storing(`"failsafeInboundHostPorts":[]`),
		felix("what Calico's client crashes on", `{"bpfExportBufferSizeMB":1}`).always("spec.bpfExportBufferSizeMB"),
		felix("a fraction of a second", `{"reportingInterval":"1.5s"}`).verdicts(accepted, accepted, "spec.reportingInterval"),
		felix("a fraction where the schema takes one", `{"liveMigrationRouteConvergenceTime":"1.5s"}`).verdicts("spec.liveMigrationRouteConvergenceTime", "spec.liveMigrationRouteConvergenceTime", accepted),
		of(calico.KindFelixConfiguration, "a selector of 1025 characters", "rack", `{"nodeSelector":"`+selectorOf(1025)+`"}`).always("spec.nodeSelector"),
		pool("no block is as large, nor is there a network", `{"cidr":"10.0.0.0/8 ","blockSize":129}`).verdicts("spec.cidr", "spec.cidr", "spec.blockSize"),
		pool("eleven uses", `{"cidr":"10.0.0.0/8","allowedUses":["Workload"`+strings.Repeat(`,"Workload"`, 10)+`]}`).verdicts(accepted, accepted, "spec.allowedUses"),
		peer("a selector of 4096 characters", `{"nodeSelector":"`+selectorOf(4096)+`"}`).always(accepted),
		peer("a selector of nodes of 4097 characters", `{"nodeSelector":"`+selectorOf(4097)+`"}`).verdicts(accepted, accepted, "spec.nodeSelector"),
		peer("a selector of peers of 4097 characters", `{"peerSelector":"`+selectorOf(4097)+`"}`).verdicts(accepted, accepted, "spec.peerSelector"),
		peer("a node of 255 characters", `{"node":"`+longName+`.a","peerIP":"192.0.2.1"}`).verdicts(accepted, accepted, "spec.node"),
		peer("a schema that says it twice", `{"reversePeering":"x"}`).verdicts("spec.reversePeering", accepted, "spec.reversePeering"),
		of(calico.KindBGPConfiguration, "an address for a network", "default", `{"serviceClusterIPs":[{"cidr":"10.0.0.1"}]}`).verdicts(accepted, accepted, "spec.serviceClusterIPs[0].cidr"),
		of(calico.KindKubeControllersConfiguration, "its status", "default", `{}`).always(accepted),
	}
}
