package storage_test

import (
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/validate"
)

// What calicoctl v3.32.1 has stored of these manifests, as it was recorded: its tools
// cannot be built from Go modules. A FelixConfiguration is without what its client fills
// in, on purpose: see calico.Default. Of its order the source of v3.32.1 is the record.
func TestEncodeIsWhatV332Stored(t *testing.T) {
	release := calico.Release{Major: 3, Minor: 32, Patch: 1}
	for _, tt := range []struct {
		kind              calico.Kind
		metadata, written string
		// stored is the end of the value, from the metadata's end on, or from spec on.
		stored string
	}{
		{
			calico.KindGlobalNetworkPolicy, `{"name":"failsafe","labels":{"env":"prod"}}`,
			`{"order":10,"ingress":[{"action":"Allow","protocol":"TCP","source":{"nets":["10.1.0.0/24"]},"destination":{"ports":[22,"8000:8010"]}}],"selector":"has(host-endpoint)"}`,
			`"labels":{"env":"prod","projectcalico.org/tier":"default"},"annotations":{"projectcalico.org/metadata":"{\"name\":\"failsafe\"}"}},"spec":{"tier":"default","order":10,"ingress":[{"action":"Allow","protocol":"TCP","source":{"nets":["10.1.0.0/24"]},"destination":{"ports":[22,"8000:8010"]}}],"selector":"has(host-endpoint)","types":["Ingress"]}}`,
		},
		{
			calico.KindGlobalNetworkPolicy, `{"name":"sec.block"}`, `{"tier":"sec","egress":[{"action":"Deny","destination":{"nets":["192.0.2.0/24"]}}],"selector":"all()"}`,
			`"labels":{"projectcalico.org/tier":"sec"},"annotations":{"projectcalico.org/metadata":"{\"name\":\"sec.block\"}"}},"spec":{"tier":"sec","egress":[{"action":"Deny","source":{},"destination":{"nets":["192.0.2.0/24"]}}],"selector":"all()","types":["Egress"]}}`,
		},
		{
			calico.KindStagedGlobalNetworkPolicy, `{"name":"staged1"}`, `{"ingress":[{"action":"Allow"}],"selector":"all()"}`,
			`"spec":{"stagedAction":"Set","tier":"default","ingress":[{"action":"Allow","source":{},"destination":{}}],"selector":"all()","types":["Ingress"]}}`,
		},
		{calico.KindTier, `{"name":"sec"}`, `{"order":100}`, `"spec":{"order":100,"defaultAction":"Deny"},"status":{}}`},
		{
			calico.KindHostEndpoint, `{"name":"db1-eth0"}`, `{"node":"db1","interfaceName":"eth0","expectedIPs":["10.2.0.5"],"profiles":["projectcalico-default-allow"],"ports":[{"name":"ssh","protocol":"TCP","port":22}]}`,
			`"spec":{"node":"db1","interfaceName":"eth0","expectedIPs":["10.2.0.5"],"profiles":["projectcalico-default-allow"],"ports":[{"name":"ssh","protocol":"TCP","port":22}]}}`,
		},
		{
			calico.KindIPPool, `{"name":"pool"}`, `{"cidr":"192.168.0.0/16","natOutgoing":true}`,
			`"spec":{"cidr":"192.168.0.0/16","vxlanMode":"Never","ipipMode":"Never","natOutgoing":true,"blockSize":26,"nodeSelector":"all()","allowedUses":["Workload","Tunnel"],"assignmentMode":"Automatic"}}`,
		},
		{calico.KindIPReservation, `{"name":"r"}`, `{"reservedCIDRs":["192.168.2.3","10.0.2.3/32"]}`, `"spec":{"reservedCIDRs":["192.168.2.3","10.0.2.3/32"]}}`},
		{
			calico.KindBGPConfiguration, `{"name":"default"}`, `{"nodeToNodeMeshEnabled":false,"asNumber":64512,"ipv6NormalRoutePriority":3,"ipv4NormalRoutePriority":2,"programClusterRoutes":"Enabled"}`,
			`"spec":{"logSeverityScreen":"Info","nodeToNodeMeshEnabled":false,"asNumber":64512,"serviceLoadBalancerAggregation":"Enabled","programClusterRoutes":"Enabled","ipv4NormalRoutePriority":2,"ipv6NormalRoutePriority":3}}`,
		},
		{calico.KindBGPPeer, `{"name":"p"}`, `{"peerIP":"192.0.2.1","asNumber":64513,"filters":["f1"]}`, `"spec":{"peerIP":"192.0.2.1","asNumber":64513,"filters":["f1"]}}`},
		{calico.KindBGPFilter, `{"name":"f"}`, `{"exportV4":[{"action":"Accept","cidr":"10.0.0.0/8","matchOperator":"In"}]}`, `"spec":{"exportV4":[{"cidr":"10.0.0.0/8","matchOperator":"In","action":"Accept"}]}}`},
		{
			calico.KindBGPFilter, `{"name":"f"}`, `{"importV4":[{"action":"Reject","communities":{"values":["65000:100"]},"peerType":"eBGP"}]}`,
			`"spec":{"importV4":[{"peerType":"eBGP","communities":{"values":["65000:100"]},"action":"Reject"}]}}`,
		},
		{
			calico.KindBGPFilter, `{"name":"f"}`,
			`{"importV6":[{"operations":[{"setPriority":{"value":5}}],"action":"Accept","priority":7,"asPathPrefix":[65000],"communities":{"values":["65000:100"]},"peerType":"iBGP","matchOperator":"In","interface":"eth0","source":"RemotePeers","prefixLength":{"min":64},"cidr":"fd00::/8"}]}`,
			`"spec":{"importV6":[{"cidr":"fd00::/8","prefixLength":{"min":64},"source":"RemotePeers","interface":"eth0","matchOperator":"In","peerType":"iBGP","communities":{"values":["65000:100"]},"asPathPrefix":[65000],"priority":7,"action":"Accept","operations":[{"setPriority":{"value":5}}]}]}}`,
		},
		{
			calico.KindKubeControllersConfiguration, `{"name":"default"}`, `{"logSeverityScreen":"Info","controllers":{"node":{"hostEndpoint":{"autoCreate":"Enabled"}}}}`,
			`"spec":{"logSeverityScreen":"Info","healthChecks":"Enabled","prometheusMetricsPort":9094,"controllers":{"node":{"hostEndpoint":{"autoCreate":"Enabled"},"leakGracePeriod":"15m0s"}}},"status":{}}`,
		},
		{
			calico.KindFelixConfiguration, `{"name":"default"}`, `{"logSeverityScreen":"Info","failsafeInboundHostPorts":[],"failsafeOutboundHostPorts":[{"protocol":"tcp","port":2379,"net":"10.2.0.0/16"}]}`,
			`"spec":{"logSeverityScreen":"Info","failsafeInboundHostPorts":[],"failsafeOutboundHostPorts":[{"protocol":"tcp","port":2379,"net":"10.2.0.0/16"}],"bpfLogLevel":""}}`,
		},
		{
			calico.KindFelixConfiguration, `{"name":"rack1"}`,
			`{"wireguardEnabled":true,"routeTableRanges":[{"min":1,"max":250}],"nodeSelector":"rack == 'r1' \u0026\u0026 has(x)","logSeverityScreen":"Info","flowLogsGoldmaneServer":"g","cgroupV2Path":"/c","liveMigrationRouteConvergenceTime":"30s","ipv6ElevatedRoutePriority":4,"ipv6NormalRoutePriority":3,"ipv4ElevatedRoutePriority":2,"ipv4NormalRoutePriority":1,"istioDSCPMark":"EF","istioAmbientMode":"Enabled"}`,
			`"spec":{"nodeSelector":"rack == 'r1' \u0026\u0026 has(x)","logSeverityScreen":"Info","bpfLogLevel":"","istioAmbientMode":"Enabled","istioDSCPMark":"EF","cgroupV2Path":"/c","flowLogsGoldmaneServer":"g","routeTableRanges":[{"min":1,"max":250}],` +
				`"ipv4NormalRoutePriority":1,"ipv4ElevatedRoutePriority":2,"ipv6NormalRoutePriority":3,"ipv6ElevatedRoutePriority":4,"liveMigrationRouteConvergenceTime":"30s","wireguardEnabled":true}}`,
		},
	} {
		obj, err := storage.ParseManifest(`{"kind":"` + string(tt.kind) + `","apiVersion":"projectcalico.org/v3","metadata":` + tt.metadata + `,"spec":` + tt.written + `}`)
		if err != nil {
			t.Fatal(err)
		}
		calico.Default(obj, release)
		if errs := validate.Validate(obj, release); len(errs) > 0 {
			t.Errorf("%s: %v", tt.written, errs.Err())
		}
		if _, value, err := storage.Encode(obj, nil, release, fresh); err != nil || !strings.HasSuffix(string(value), tt.stored) {
			t.Errorf("%v: stored\n%s\nwant at its end\n%s", err, value, tt.stored)
		}
	}
}
