package validate

import (
	"reflect"
	"strings"
	"testing"
	"time"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/objecttest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
)

func ptr[T any](v T) *T { return &v }

func TestValidateNode(t *testing.T) {
	type spec = calico.NodeSpec
	for _, tt := range []struct {
		name string
		edit func(*spec)
		want []fault
	}{
		{"empty", func(*spec) {}, nil},
		{"all", func(s *spec) {
			s.BGP = &calico.NodeBGPSpec{IPv4Address: "10.0.0.1/24", IPv6Address: "fd00::1", ASNumber: ptr(numorstring.ASNumber(0)), RouteReflectorClusterID: "224.0.0.1"}
			s.VXLANTunnelMACAddr, s.IPv6VXLANTunnelAddr, s.Wireguard = "66:2c:5a:00:00:01", "fd00::2", &calico.NodeWireguardSpec{}
			s.OrchRefs = []calico.OrchRef{{Orchestrator: "k8s"}}
		}, nil},
		{"no BGP", func(s *spec) { s.BGP = &calico.NodeBGPSpec{} }, []fault{at("spec.bgp", "leave bgp out")}},
		{"family", func(s *spec) { s.BGP = &calico.NodeBGPSpec{IPv4Address: "fd00::1/64"} }, []fault{at("spec.bgp.ipv4Address", "this is an IPv6 one")}},
		{"tunnel", func(s *spec) { s.IPv4VXLANTunnelAddr = "10.0.0.1/32" }, []fault{at("spec.ipv4VXLANTunnelAddr", "without a prefix length")}},
		{"MAC", func(s *spec) { s.VXLANTunnelMACAddrV6 = "66:2c" }, []fault{at("spec.vxlanTunnelMACAddrV6", "MAC address")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range objecttest.Releases {
				n := calico.NewNode()
				n.Name = "db1"
				tt.edit(&n.Spec)
				checkFaults(t, n, r, tt.want...)
			}
		})
	}
	n := calico.NewNode()
	n.Name, n.Spec.Interfaces = "db1", []calico.NodeInterface{{Name: "eth0"}}
	checkFaults(t, n, objecttest.V3303, at("spec.interfaces", "came with v3.31.0"))
	checkFaults(t, n, objecttest.V3310)
}

func TestValidateKubeControllers(t *testing.T) {
	k := calico.NewKubeControllersConfiguration()
	k.Name = calico.DefaultName
	k.Spec.Controllers.Node = &v3.NodeControllerConfig{HostEndpoint: &v3.AutoHostEndpointConfig{AutoCreate: "Enabled"}}
	calico.Default(k, objecttest.V3310)
	checkFaults(t, k, objecttest.V3310)
	if p, g := k.Spec.PrometheusMetricsPort, k.Spec.Controllers.Node.LeakGracePeriod; p == nil || *p != 9094 || g == nil || g.Duration != 15*time.Minute || k.Spec.HealthChecks != "" {
		t.Errorf("filled in: %+v", k.Spec)
	}
	k.Spec.Controllers.LoadBalancer = &v3.LoadBalancerControllerConfig{}
	k.Spec.Controllers.Migration = &v3.MigrationControllerConfig{}
	calico.Default(k, objecttest.V3320)
	if k.Spec.HealthChecks != "Enabled" || k.Spec.Controllers.LoadBalancer.AssignIPs != "AllServices" || k.Spec.Controllers.Migration.PolicyNameMigrator != "Enabled" {
		t.Errorf("filled in: %+v", k.Spec)
	}
	checkFaults(t, k, objecttest.V3320)
	checkFaults(t, k, objecttest.V3285, at("spec.controllers.loadBalancer", "came with v3.30.0"), at("spec.controllers.policyMigration", "came with v3.32.0"))
	k.Spec.Controllers.LoadBalancer, k.Spec.Controllers.Migration = nil, nil
	k.Spec.Controllers.Node.HostEndpoint.Templates = []v3.Template{{InterfaceCIDRs: []string{"10.0.0.0/8"}}, {GenerateName: "a"}, {GenerateName: "a", InterfacePattern: "eth.*"}}
	const templates = "spec.controllers.node.hostEndpoint.templates"
	checkFaults(t, k, objecttest.V3310, at(templates+"[0].generateName", "needs a name"), at(templates+"[1]", "interfaceCIDRs or interfacePattern"), in(templates, templates+"[2].generateName", "Another"))
	k.Spec.Controllers.Node = nil
	k.Name, k.Spec.LogSeverityScreen, k.Spec.DebugProfilePort = "other", "Trace", ptr(int32(-1))
	checkFaults(t, k, objecttest.V3310, at("metadata.name", `write "default"`))
	checkFaults(t, k, objecttest.V3320, at("spec.logSeverityScreen", `"Debug"`), at("spec.debugProfilePort", "from 0 to 65535"), at("metadata.name", `write "default"`))
}

// Up to v3.31 Calico always writes the status, with an empty configuration in it.
func TestEncodeKubeControllers(t *testing.T) {
	k := calico.NewKubeControllersConfiguration()
	k.Name = calico.DefaultName
	for release, want := range map[calico.Release]string{objecttest.V3310: `"status":{"runningConfig":{"controllers":{}}}`, objecttest.V3320: `"status":{}`} {
		_, value, err := storage.Encode(k, nil, release, storage.Fresh{UID: "u"})
		if err != nil || !strings.Contains(string(value), want) {
			t.Errorf("in %s: got %s, %v", release, value, err)
		}
	}
}

// v3.33 writes controllers.policyMigration.enabled as
// controllers.migration.policyNameMigrator. It is one field, whichever is stored.
func TestMigrationOfV333(t *testing.T) {
	v3330 := calico.Release{Major: 3, Minor: 33, Patch: 0}
	const (
		begin = `{"kind":"KubeControllersConfiguration","apiVersion":"projectcalico.org/v3","metadata":{"name":"default","uid":"u","creationTimestamp":"2026-01-01T00:00:00Z"},"spec":{"controllers":{`
		end   = `}},"status":{"environmentVars":{"A":"b"}}}`
	)
	forms := map[calico.Release]string{objecttest.V3320: `"policyMigration":{"enabled":"Disabled"}`, v3330: `"migration":{"policyNameMigrator":"Disabled"}`}
	for stored, form := range forms {
		obj, err := storage.Decode(calico.KindKubeControllersConfiguration, calico.DefaultName, []byte(begin+form+end))
		if err != nil {
			t.Fatal(err)
		}
		k, _ := obj.(*calico.KubeControllersConfiguration)
		if m := k.Spec.Controllers.Migration; m == nil || m.PolicyNameMigrator != "Disabled" || k.Spec.Controllers.Migrators != nil {
			t.Errorf("of %s: %+v", form, k.Spec.Controllers)
		}
		checkFaults(t, obj, v3330)
		for release, want := range forms {
			base := strings.Replace(begin+form+end, `}},"status"`, `,"future":1}},"status"`, 1)
			_, value, err := storage.Encode(obj, []byte(base), release, storage.Fresh{})
			if err != nil || string(value) != begin+want+`,"future":1`+end {
				t.Errorf("stored by %s, %s writes %s, %v", stored, release, value, err)
			}
			changes, err := storage.ContentChanges(calico.KindKubeControllersConfiguration, []byte(begin+form+end), []byte(begin+want+end))
			if len(changes) > 0 || err != nil {
				t.Errorf("from %s to %s there are changes: %q, %v", stored, release, changes, err)
			}
		}
		changes, err := storage.ContentChanges(calico.KindKubeControllersConfiguration, []byte(begin+form+end), []byte(begin+`"migration":{"policyNameMigrator":"Enabled"}`+end))
		if err != nil || len(changes) != 1 || changes[0] != `spec.controllers.policyMigration.enabled: "Disabled" -> "Enabled"` {
			t.Errorf("changes from %s are %q, %v", stored, changes, err)
		}
	}
	both, err := storage.Decode(calico.KindKubeControllersConfiguration, calico.DefaultName, []byte(begin+`"policyMigration":{"enabled":"Enabled"},`+forms[v3330]+end))
	if k, ok := both.(*calico.KubeControllersConfiguration); err != nil || !ok || k.Spec.Controllers.Migration.PolicyNameMigrator != "Disabled" {
		t.Errorf("of both the newer does not count: %+v, %v", both, err)
	}
}

// What v3.32 brought to FelixConfiguration and BGPConfiguration.
func TestValidateConfigurationsOfV332(t *testing.T) {
	f := felix(func(s *calico.FelixConfigurationSpec) {
		s.IstioAmbientMode, s.IstioDSCPMark = ptr("Enabled"), ptr(numorstring.DSCPFromString("ef"))
		s.IPv4NormalRoutePriority, s.IPv4ElevatedRoutePriority, s.IPv6NormalRoutePriority, s.IPv6ElevatedRoutePriority = ptr(1), ptr(2147483646), ptr(2), ptr(3)
		s.LiveMigrationRouteConvergenceTime = &metav1.Duration{Duration: 30 * time.Second}
	})
	checkFaults(t, f, objecttest.V3320)
	var newer []fault
	for _, name := range []string{"istioAmbientMode", "istioDSCPMark", "ipv4NormalRoutePriority", "ipv4ElevatedRoutePriority", "ipv6NormalRoutePriority", "ipv6ElevatedRoutePriority", "liveMigrationRouteConvergenceTime"} {
		newer = append(newer, at("spec."+name, "came with v3.32.0"))
	}
	checkFaults(t, f, objecttest.V3310, newer...)
	f = felix(func(s *calico.FelixConfigurationSpec) {
		s.IstioAmbientMode, s.IstioDSCPMark = ptr("enabled"), ptr(numorstring.DSCPFromInt(64))
		s.IPv4NormalRoutePriority, s.IPv6ElevatedRoutePriority = ptr(0), ptr(2147483647)
		s.LiveMigrationRouteConvergenceTime = &metav1.Duration{Duration: time.Microsecond}
	})
	checkFaults(t, f, objecttest.V3320, at("spec.istioAmbientMode", `write "Enabled"`), at("spec.istioDSCPMark", `"EF"`),
		at("spec.ipv4NormalRoutePriority", "from 1 to 2147483646"), at("spec.ipv6ElevatedRoutePriority", "from 1 to 2147483646"), at("spec.liveMigrationRouteConvergenceTime", "millisecond or more"))
	// The one duration whose schema takes a decimal point.
	for _, d := range []time.Duration{0, time.Millisecond, 1500 * time.Millisecond, time.Second + time.Nanosecond, time.Hour} {
		checkFaults(t, felix(func(s *calico.FelixConfigurationSpec) {
			s.LiveMigrationRouteConvergenceTime = &metav1.Duration{Duration: d}
		}), objecttest.V3320)
	}
	f.Spec = calico.FelixConfigurationSpec{IstioDSCPMark: ptr(numorstring.DSCPFromString("EF1"))}
	checkFaults(t, f, objecttest.V3320, at("spec.istioDSCPMark", `"EF"`))

	b := calico.NewBGPConfiguration()
	b.Name = "node.a" // they are not for "default" alone
	b.Spec.ProgramClusterRoutes, b.Spec.IPv4NormalRoutePriority, b.Spec.IPv6NormalRoutePriority = ptr("Disabled"), ptr(1), ptr(2147483646)
	checkFaults(t, b, objecttest.V3320)
	checkFaults(t, b, objecttest.V3310, at("spec.programClusterRoutes", "came with v3.32.0"), at("spec.ipv4NormalRoutePriority", "came with v3.32.0"), at("spec.ipv6NormalRoutePriority", "came with v3.32.0"))
	b.Spec.ProgramClusterRoutes, b.Spec.IPv4NormalRoutePriority, b.Spec.IPv6NormalRoutePriority = ptr("No"), ptr(0), ptr(-1)
	checkFaults(t, b, objecttest.V3320, at("spec.programClusterRoutes", `"Enabled" or "Disabled"`), at("spec.ipv4NormalRoutePriority", "from 1"), at("spec.ipv6NormalRoutePriority", "from 1"))
}

func TestEqualPlain(t *testing.T) {
	pool := func(cidr string) calico.Object { p := objecttest.IPPool(); p.Spec.CIDR = cidr; return p }
	node := func(s calico.NodeSpec) calico.Object { n := calico.NewNode(); n.Name, n.Spec = "a", s; return n }
	peer := func(s v3.BGPPeerSpec) calico.Object { p := v3.NewBGPPeer(); p.Spec = s; return p }
	reserve := func(cidrs ...string) calico.Object {
		r := v3.NewIPReservation()
		r.Spec.ReservedCIDRs = cidrs
		return r
	}
	ports := func(p *[]v3.ProtoPort) calico.Object {
		return felix(func(s *calico.FelixConfigurationSpec) { s.FailsafeInboundHostPorts = p })
	}
	controllers := calico.NewKubeControllersConfiguration()
	running := controllers.DeepCopy()
	running.Status.RunningConfig = &calico.KubeControllersConfigurationSpec{}
	poolOf := func(s v3.IPPoolSpec) calico.Object { p := objecttest.IPPool(); p.Spec = s; return p }
	bgp := func(name string, s v3.BGPConfigurationSpec) calico.Object {
		b := calico.NewBGPConfiguration()
		b.Name, b.Spec.BGPConfigurationSpec = name, s
		return b
	}
	controller := func(s calico.KubeControllersConfigurationSpec) calico.Object {
		k := calico.NewKubeControllersConfiguration()
		k.Spec = s
		return k
	}
	migration := func(enabled v3.ControllerMode) calico.KubeControllersConfigurationSpec {
		var s calico.KubeControllersConfigurationSpec
		s.Controllers.Migration = &v3.MigrationControllerConfig{PolicyNameMigrator: enabled}
		return s
	}
	info := v3.BGPConfigurationSpec{LogSeverityScreen: "Info"}
	for _, tt := range []struct {
		name string
		a, b calico.Object
		want bool
	}{
		// What means the same if it is absent.
		{"nodes of a pool", poolOf(v3.IPPoolSpec{}), poolOf(v3.IPPoolSpec{NodeSelector: "all()"}), true},
		{"some nodes of a pool", poolOf(v3.IPPoolSpec{}), poolOf(v3.IPPoolSpec{NodeSelector: "has(a)"}), false},
		{"uses of a pool", poolOf(v3.IPPoolSpec{}), poolOf(v3.IPPoolSpec{AllowedUses: []v3.IPPoolAllowedUse{"Workload", "Tunnel"}}), true},
		{"one use of a pool", poolOf(v3.IPPoolSpec{}), poolOf(v3.IPPoolSpec{AllowedUses: []v3.IPPoolAllowedUse{"Workload"}}), false},
		{"blocks", poolOf(v3.IPPoolSpec{CIDR: "10.0.0.0/8"}), poolOf(v3.IPPoolSpec{CIDR: "10.0.0.0/8", BlockSize: 26}), true},
		{"IPv6 blocks", poolOf(v3.IPPoolSpec{CIDR: "fd00::/8"}), poolOf(v3.IPPoolSpec{CIDR: "fd00::/8", BlockSize: 122}), true},
		{"small blocks", poolOf(v3.IPPoolSpec{CIDR: "10.0.0.0/8"}), poolOf(v3.IPPoolSpec{CIDR: "10.0.0.0/8", BlockSize: 28}), false},
		{"blocks of no network", poolOf(v3.IPPoolSpec{CIDR: "x"}), poolOf(v3.IPPoolSpec{CIDR: "x", BlockSize: 26}), false},
		{"assignment", poolOf(v3.IPPoolSpec{}), poolOf(v3.IPPoolSpec{AssignmentMode: ptr(v3.Automatic)}), true},
		{"manual assignment", poolOf(v3.IPPoolSpec{}), poolOf(v3.IPPoolSpec{AssignmentMode: ptr(v3.Manual)}), false},
		{"encapsulation", poolOf(v3.IPPoolSpec{}), poolOf(v3.IPPoolSpec{IPIPMode: "Never", VXLANMode: "Never"}), false}, // it may have ipip of v3.0
		{"logs of all nodes", bgp("default", v3.BGPConfigurationSpec{}), bgp("default", info), true},
		{"other logs of all nodes", bgp("default", v3.BGPConfigurationSpec{}), bgp("default", v3.BGPConfigurationSpec{LogSeverityScreen: "Debug"}), false},
		{"logs of a node", bgp("node.a", v3.BGPConfigurationSpec{}), bgp("node.a", info), false}, // it has those of all nodes
		{"aggregation", bgp("node.a", v3.BGPConfigurationSpec{}), bgp("node.a", v3.BGPConfigurationSpec{ServiceLoadBalancerAggregation: ptr(v3.ServiceLoadBalancerAggregationEnabled)}), true},
		{"no aggregation", bgp("default", v3.BGPConfigurationSpec{}), bgp("default", v3.BGPConfigurationSpec{ServiceLoadBalancerAggregation: ptr(v3.ServiceLoadBalancerAggregationDisabled)}), false},
		{"health checks", controller(calico.KubeControllersConfigurationSpec{}), controller(calico.KubeControllersConfigurationSpec{HealthChecks: "Enabled"}), true},
		{"no health checks", controller(calico.KubeControllersConfigurationSpec{}), controller(calico.KubeControllersConfigurationSpec{HealthChecks: "Disabled"}), false},
		{"migration", controller(migration("")), controller(migration("Enabled")), true},
		{"migration off", controller(migration("")), controller(migration("Disabled")), false},
		{"no migration", controller(calico.KubeControllersConfigurationSpec{}), controller(migration("Enabled")), false},

		{"spelling of a network", pool("FD00::/64"), pool("fd00:0::/64"), true},
		{"network", pool("10.0.0.0/8"), pool("10.0.0.0/9"), false},
		{"kinds", pool("10.0.0.0/8"), node(calico.NodeSpec{}), false},
		{"empty list", node(calico.NodeSpec{OrchRefs: []calico.OrchRef{}}), node(calico.NodeSpec{}), true},
		{"empty struct", node(calico.NodeSpec{Wireguard: &calico.NodeWireguardSpec{}}), node(calico.NodeSpec{}), false},
		{"host bits of a node", node(calico.NodeSpec{BGP: &calico.NodeBGPSpec{IPv4Address: "10.0.0.1/24"}}), node(calico.NodeSpec{BGP: &calico.NodeBGPSpec{IPv4Address: "10.0.0.2/24"}}), false},
		{"address of a node", node(calico.NodeSpec{BGP: &calico.NodeBGPSpec{IPv6Address: "FD00::1"}}), node(calico.NodeSpec{BGP: &calico.NodeBGPSpec{IPv6Address: "fd00::1/128"}}), true},
		{"MAC", node(calico.NodeSpec{VXLANTunnelMACAddr: "66-2C-5A-00-00-01"}), node(calico.NodeSpec{VXLANTunnelMACAddr: "66:2c:5a:00:00:01"}), true},
		{"peer", peer(v3.BGPPeerSpec{PeerIP: "[FD00::1]:0179", NodeSelector: "a=='b'"}), peer(v3.BGPPeerSpec{PeerIP: "[fd00::1]:179", NodeSelector: "a == 'b'"}), true},
		{"port of a peer", peer(v3.BGPPeerSpec{PeerIP: "10.0.0.1:179"}), peer(v3.BGPPeerSpec{PeerIP: "10.0.0.1"}), false},
		{"order of reservations", reserve("10.0.0.1", "fd00::/8"), reserve("FD00::1/8", "10.0.0.1/32", "10.0.0.1"), true},
		{"failsafe ports", ports(&[]v3.ProtoPort{{Protocol: "TCP", Port: 22, Net: "10.0.0.1/8"}, {Protocol: "udp", Port: 53}}),
			ports(&[]v3.ProtoPort{{Protocol: "UDP", Port: 53}, {Protocol: "tcp", Port: 22, Net: "10.0.0.0/8"}}), true},
		{"no failsafe ports", ports(&[]v3.ProtoPort{}), ports(nil), false},
		{"false", felix(func(s *calico.FelixConfigurationSpec) { s.BPFEnabled = ptr(false) }), felix(func(*calico.FelixConfigurationSpec) {}), false},
		{"status", controllers, running, true},
		{"names of DSCP", felix(func(s *calico.FelixConfigurationSpec) { s.IstioDSCPMark = ptr(numorstring.DSCPFromString("ef")) }),
			felix(func(s *calico.FelixConfigurationSpec) { s.IstioDSCPMark = ptr(numorstring.DSCPFromInt(46)) }), true},
		{"DSCP", felix(func(s *calico.FelixConfigurationSpec) { s.IstioDSCPMark = ptr(numorstring.DSCPFromInt(0)) }),
			felix(func(s *calico.FelixConfigurationSpec) { s.IstioDSCPMark = ptr(numorstring.DSCPFromString("CS1")) }), false},
		{"selector of nodes", felix(func(s *calico.FelixConfigurationSpec) { s.NodeSelector = ptr("a=='b'") }), felix(func(s *calico.FelixConfigurationSpec) { s.NodeSelector = ptr("a == 'b'") }), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := tt.a.DeepCopyObject()
			if got := calico.Equal(tt.a, tt.b); got != tt.want {
				t.Errorf("got %v\n%+v\n%+v", got, calico.Canonical(tt.a), calico.Canonical(tt.b))
			}
			if !reflect.DeepEqual(before, tt.a) {
				t.Error("Equal changed the object")
			}
			if c := calico.Canonical(tt.a); !reflect.DeepEqual(c, calico.Canonical(c)) {
				t.Error("the canonical form of a canonical form is another one")
			}
		})
	}
}
