package validate

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/objecttest"
)

func ptr[T any](v T) *T { return &v }

func TestValidateIPPool(t *testing.T) {
	type spec = v3.IPPoolSpec
	for _, tt := range []struct {
		name string
		edit func(*spec)
		want []fault
	}{
		{"plain", func(*spec) {}, nil},
		{"IPv6", func(s *spec) { s.CIDR, s.BlockSize = "FD00::/64", 116 }, nil},
		{"no network", func(s *spec) { s.CIDR = "" }, []fault{at("spec.cidr", "Calico wants an IPv4 or IPv6 network"), at("spec.cidr", "needs the network")}},
		{"host bits", func(s *spec) { s.CIDR = "10.48.0.1/16" }, []fault{at("spec.cidr", `write "10.48.0.0/16"`)}},
		{"address", func(s *spec) { s.CIDR = "10.48.0.1" }, []fault{at("spec.cidr", `prefix length here: write "10.48.0.1/32"`)}},
		{"link-local", func(s *spec) { s.CIDR = "169.254.0.0/20" }, []fault{at("spec.cidr", "link-local")}},
		{"small", func(s *spec) { s.CIDR = "10.48.0.0/28" }, []fault{in("spec", "spec.cidr", "smaller than one of its blocks (/26)")}},
		{"small and disabled", func(s *spec) { s.CIDR, s.Disabled = "10.48.0.0/28", true }, nil},
		{"block", func(s *spec) { s.BlockSize = 33 }, []fault{in("spec", "spec.blockSize", "from 20 to 32")}},
		{"mode", func(s *spec) { s.VXLANMode = "always" }, []fault{at("spec.vxlanMode", `write "Always".`)}},
		{"two modes", func(s *spec) { s.VXLANMode, s.IPIPMode = "Always", "CrossSubnet" }, []fault{in("spec", "spec.vxlanMode", "Only one")}},
		{"IPIP on IPv6", func(s *spec) { s.CIDR, s.IPIPMode = "fd00::/64", "Always" }, []fault{in("spec", "spec.ipipMode", `write "Never"`)}},
		{"use", func(s *spec) { s.AllowedUses = []v3.IPPoolAllowedUse{"workload"} }, []fault{at("spec.allowedUses[0]", `write "Workload".`)}},
		{"selector", func(s *spec) { s.NodeSelector = "a = 'b'" }, []fault{at("spec.nodeSelector", "cannot read")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range objecttest.Releases {
				p := objecttest.IPPool()
				tt.edit(&p.Spec)
				calico.Default(p, r)
				checkFaults(t, p, r, tt.want...)
			}
		})
	}
}

func TestValidateIPPoolByRelease(t *testing.T) {
	for size, faulty := range map[int]bool{-1: true, 0: false, 33: false, 128: false, 129: true} {
		p := objecttest.IPPool()
		p.Spec.CIDR, p.Spec.BlockSize = "10.48.0.0/16 ", size
		network := at("spec.cidr", `write "10.48.0.0/16"`)
		checkFaults(t, p, objecttest.V3310, network)
		if faulty {
			checkFaults(t, p, objecttest.V3320, network, at("spec.blockSize", "up to 128"))
		} else {
			checkFaults(t, p, objecttest.V3320, network)
		}
	}
	none := v3.NewIPPool()
	none.Name, none.Spec.BlockSize = "pods", -1
	checkFaults(t, none, objecttest.V3320, at("spec.cidr", "Calico wants"), at("spec.cidr", "needs the network"), at("spec.blockSize", "up to 128"))
	p := objecttest.IPPool()
	p.Spec.AllowedUses = []v3.IPPoolAllowedUse{v3.IPPoolAllowedUseLoadBalancer}
	calico.Default(p, objecttest.V3285)
	checkFaults(t, p, objecttest.V3285, at("spec.allowedUses[0]", `"Workload" or "Tunnel"`))
	calico.Default(p, objecttest.V3310)
	checkFaults(t, p, objecttest.V3310)
	p.Spec.DisableBGPExport, p.Spec.NodeSelector, p.Spec.IPIPMode = true, "has(a)", "Always"
	checkFaults(t, p, objecttest.V3310, in("spec", "spec.ipipMode", "no encapsulation"), in("spec", "spec.disableBGPExport", "exports"), in("spec", "spec.nodeSelector", "all()"))

	p = objecttest.IPPool()
	p.Spec.NamespaceSelector = "global( )"
	calico.Default(p, objecttest.V3302)
	checkFaults(t, p, objecttest.V3302, at("spec.namespaceSelector", "which came with v3.31.0"))
	checkFaults(t, p, objecttest.V3310, in("spec", "spec.namespaceSelector", "tunnels"), at("spec.namespaceSelector", "all()"))
}

func TestDefaultIPPool(t *testing.T) {
	p := objecttest.IPPool()
	p.Spec.CIDR = "FD00::/64"
	want := p.DeepCopy()
	want.Spec = v3.IPPoolSpec{
		CIDR: "fd00::/64", VXLANMode: "Never", IPIPMode: "Never", BlockSize: 122, NodeSelector: "all()",
		AllowedUses: []v3.IPPoolAllowedUse{"Workload", "Tunnel"},
	}
	calico.Default(p, objecttest.V3285)
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got %+v, want %+v", p.Spec, want.Spec)
	}
	want.Spec.AssignmentMode = ptr(v3.Automatic)
	calico.Default(p, objecttest.V3310)
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got %+v, want %+v", p.Spec, want.Spec)
	}
	// What is wrong stays, for Validate to find.
	p.Spec.CIDR = "10.0.0.1/8"
	calico.Default(p, objecttest.V3310)
	if p.Spec.CIDR != "10.0.0.1/8" {
		t.Errorf("the host bits are gone: %s", p.Spec.CIDR)
	}
}

func TestOverlappingPool(t *testing.T) {
	pool, other, broken := objecttest.IPPool(), objecttest.IPPool(), objecttest.IPPool()
	other.Name, other.Spec.CIDR = "other", "10.49.0.0/16"
	broken.Name, broken.Spec.CIDR = "broken", "x"
	all := []*v3.IPPool{pool, broken, other}
	if name := OverlappingPool(pool, all); name != "" {
		t.Errorf("got %q, want none", name)
	}
	other.Spec.CIDR = "10.0.0.0/8"
	if name := OverlappingPool(pool, all); name != "other" {
		t.Errorf("got %q, want other", name)
	}
}

func TestValidateIPReservation(t *testing.T) {
	r := v3.NewIPReservation()
	r.Name = "a"
	r.Spec.ReservedCIDRs = []string{"10.0.0.1", "10.0.0.1/8", "2001:DB8::/32"}
	checkFaults(t, r, objecttest.V3310)
	r.Spec.ReservedCIDRs = []string{"10.0.0.1", "10.0.0.1/33"}
	checkFaults(t, r, objecttest.V3310, at("spec.reservedCIDRs[1]", "network here"))
}

func TestValidateBGPConfiguration(t *testing.T) {
	type spec = calico.BGPConfigurationSpec
	for _, tt := range []struct {
		name, object string
		edit         func(*spec)
		want         []fault
	}{
		{"empty", "default", func(*spec) {}, nil},
		{"all", "default", func(s *spec) {
			s.LogSeverityScreen, s.NodeToNodeMeshEnabled, s.ASNumber = "Info", ptr(true), ptr(numorstring.ASNumber(64512))
			s.NodeMeshPassword, s.NodeMeshMaxRestartTime, s.ListenPort = &v3.BGPPassword{}, &metav1.Duration{Duration: time.Second}, 179
			s.Communities = []v3.Community{{Name: "large", Value: "4294967295:1:2"}}
			s.PrefixAdvertisements = []v3.PrefixAdvertisement{{CIDR: "10.0.0.0/8", Communities: []string{"large", "64512:1"}}}
			s.IgnoredInterfaces = []string{"docker*"}
		}, nil},
		{"of a node", "node.a", func(s *spec) { s.ASNumber, s.NodeToNodeMeshEnabled = ptr(numorstring.ASNumber(1)), ptr(true) }, []fault{
			in(object, "spec.nodeToNodeMeshEnabled", `Only the BGPConfiguration "default"`), in(object, "spec.asNumber", "leave it out here"),
		}},
		{"level", "default", func(s *spec) { s.LogSeverityScreen = "info" }, []fault{at("spec.logSeverityScreen", `write "Info".`)}},
		{"community", "default", func(s *spec) {
			s.Communities = []v3.Community{{Name: "a", Value: "65536:1"}}
			s.PrefixAdvertisements = []v3.PrefixAdvertisement{{CIDR: "10.0.0.1/8", Communities: []string{"b"}}}
		}, []fault{
			at("spec.prefixAdvertisements[0].cidr", `write "10.0.0.0/8"`), at("spec.communities[0].value", "64512:100"),
			in("spec", "spec.prefixAdvertisements[0].communities[0]", "none of the communities"),
		}},
		{"unused", "default", func(s *spec) { s.Communities = []v3.Community{{Name: "a", Value: "1:1"}} }, []fault{in("spec", "spec.communities", "not used")}},
		{"incomplete", "default", func(s *spec) { s.PrefixAdvertisements = []v3.PrefixAdvertisement{{}} }, []fault{
			at("spec.prefixAdvertisements[0].cidr", "required"), at("spec.prefixAdvertisements[0].communities", "required"),
		}},
		{"mesh off", "default", func(s *spec) {
			s.NodeToNodeMeshEnabled, s.NodeMeshPassword, s.NodeMeshMaxRestartTime = ptr(false), &v3.BGPPassword{}, &metav1.Duration{}
		}, []fault{in("spec", "spec.nodeMeshPassword", "mesh that is off"), in("spec", "spec.nodeMeshMaxRestartTime", "mesh that is off")}},
		{"interface", "default", func(s *spec) { s.IgnoredInterfaces = []string{"eth0", "*"} }, []fault{at("spec.ignoredInterfaces[1]", "not by itself")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range objecttest.Releases {
				b := calico.NewBGPConfiguration()
				b.Name = tt.object
				tt.edit(&b.Spec)
				calico.Default(b, r)
				checkFaults(t, b, r, tt.want...)
			}
		})
	}
	b := calico.NewBGPConfiguration()
	b.Name = calico.DefaultName
	b.Spec.ServiceClusterIPs = []v3.ServiceClusterIPBlock{{CIDR: "10.0.0.1"}}
	b.Spec.BindMode = ptr(v3.BindMode("x"))
	checkFaults(t, b, objecttest.V3310)
	checkFaults(t, b, objecttest.V3320, at("spec.serviceClusterIPs[0].cidr", `write "10.0.0.1/32"`), at("spec.bindMode", `"None" or "NodeIP"`))
	calico.Default(b, objecttest.V3320)
	if b.Spec.LogSeverityScreen != "Info" || b.Spec.ServiceLoadBalancerAggregation == nil {
		t.Errorf("v3.32 fills in more than %+v", b.Spec)
	}
	node := calico.NewBGPConfiguration()
	node.Name = "node.db1"
	calico.Default(node, objecttest.V3320)
	if node.Spec.LogSeverityScreen != "" || node.Spec.ServiceLoadBalancerAggregation == nil {
		t.Errorf("for a single node %+v is filled in", node.Spec)
	}
}

func TestValidateBGPPeer(t *testing.T) {
	type spec = v3.BGPPeerSpec
	for _, tt := range []struct {
		name string
		edit func(*spec)
		want []fault
	}{
		{"empty", func(*spec) {}, nil},
		{"all", func(s *spec) {
			s.Node, s.PeerIP, s.ASNumber, s.ReachableBy = "db1", "[2001:db8::1]:179", 64512, "FD00::1"
			s.SourceAddress, s.Filters = "None", []string{"a"}
		}, nil},
		{"node", func(s *spec) { s.Node, s.NodeSelector = "DB1", "all()" }, []fault{at("spec.node", `write "db1"`), in("spec", "spec.node", "Only one")}},
		{"peer", func(s *spec) { s.PeerIP = "192.0.2.1:65536" }, []fault{at("spec.peerIP", "192.0.2.1:179")}},
		{"selector", func(s *spec) { s.PeerSelector, s.PeerIP, s.ASNumber = "all()", "192.0.2.1", 1 }, []fault{in("spec", "spec.peerIP", "Only one"), in("spec", "spec.asNumber", "their own")}},
		{"gateway", func(s *spec) { s.PeerIP, s.ReachableBy = "192.0.2.1", "fd00::1" }, []fault{in("spec", "spec.reachableBy", "write an IPv4 address")}},
		{"gateway of nothing", func(s *spec) { s.ReachableBy = "fd00::1" }, []fault{in("spec", "spec.reachableBy", "set peerIP")}},
		{"filter", func(s *spec) { s.Filters = []string{"A"} }, []fault{at("spec.filters[0]", `write "a"`)}},
		{"source", func(s *spec) { s.SourceAddress = "none" }, []fault{at("spec.sourceAddress", `write "None"`)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range objecttest.Releases {
				p := v3.NewBGPPeer()
				p.Name = "a"
				tt.edit(&p.Spec)
				checkFaults(t, p, r, tt.want...)
			}
		})
	}
	p := v3.NewBGPPeer()
	p.Name, p.Spec.LocalWorkloadSelector, p.Spec.PeerIP = "a", "all()", "192.0.2.1"
	checkFaults(t, p, objecttest.V3310, in("spec", "spec.asNumber", "set asNumber"), in("spec", "spec.peerIP", "Only one"))
	p.Spec = spec{KeepOriginalNextHop: true, NextHopMode: ptr(v3.NextHopMode("Keep")), KeepaliveTime: &metav1.Duration{}}
	checkFaults(t, p, objecttest.V3310, at("spec.keepaliveTime", "came with v3.32.0"), in("spec", "spec.keepOriginalNextHop", `"Keep"`))
	p.Spec = spec{NextHopMode: ptr(v3.NextHopMode("keep")), NodeSelector: "a == '" + strings.Repeat("x", 4096) + "'"}
	checkFaults(t, p, objecttest.V3310)
	checkFaults(t, p, objecttest.V3320, at("spec.nodeSelector", "at most 4096 characters"), at("spec.nextHopMode", `write "Keep"`))
}

func TestValidateBGPFilter(t *testing.T) {
	type (
		rule = calico.BGPFilterRuleV4
		part = calico.BGPFilterRule
	)
	for _, tt := range []struct {
		name string
		rule rule
		want []fault
	}{
		{"plain", rule{BGPFilterRule: part{Action: "Accept"}}, nil},
		{"all", rule{CIDR: "10.0.0.0/8", BGPFilterRule: part{Action: "Reject", MatchOperator: "In", Source: "RemotePeers", Interface: "*.calico"}}, nil},
		{"empty", rule{}, []fault{at("spec.importV4[0].action", "required")}},
		{"action", rule{BGPFilterRule: part{Action: "accept"}}, []fault{at("spec.importV4[0].action", `write "Accept"`)}},
		{"no operator", rule{CIDR: "10.0.0.0/8", BGPFilterRule: part{Action: "Accept"}}, []fault{in("spec.importV4[0]", "spec.importV4[0].cidr", "needs matchOperator")}},
		{"no network", rule{BGPFilterRule: part{Action: "Accept", MatchOperator: "In"}}, []fault{in("spec.importV4[0]", "spec.importV4[0].matchOperator", "needs a cidr")}},
		{"IPv6", rule{CIDR: "fd00::/8", BGPFilterRule: part{Action: "Accept", MatchOperator: "In"}}, []fault{at("spec.importV4[0].cidr", "this is an IPv6 one")}},
		{"interface", rule{BGPFilterRule: part{Action: "Accept", Interface: "eth+"}}, []fault{at("spec.importV4[0].interface", "cali*")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range objecttest.Releases {
				f := calico.NewBGPFilter()
				f.Name, f.Spec.ImportV4 = "a", []rule{tt.rule}
				checkFaults(t, f, r, tt.want...)
			}
		})
	}
	f := calico.NewBGPFilter()
	f.Name = "a"
	f.Spec.ExportV6 = []calico.BGPFilterRuleV6{{CIDR: "fd00::1", PrefixLength: &v3.BGPFilterPrefixLengthV6{Max: ptr(int32(129))}, BGPFilterRule: part{Action: "Accept", MatchOperator: "In"}}}
	checkFaults(t, f, objecttest.V3310, at("spec.exportV6[0].prefixLength.max", "from 0 to 128"))
	f.Spec.ExportV6[0].PrefixLength = nil
	checkFaults(t, f, objecttest.V3310)
	checkFaults(t, f, objecttest.V3320, at("spec.exportV6[0].cidr", `write "fd00::1/128"`))
	f.Spec.ExportV6[0] = calico.BGPFilterRuleV6{PrefixLength: &v3.BGPFilterPrefixLengthV6{}, BGPFilterRule: part{Action: "Accept"}}
	checkFaults(t, f, objecttest.V3310, in("spec.exportV6[0]", "spec.exportV6[0].prefixLength", "needs a cidr"))
	checkFaults(t, f, objecttest.V3285, at("spec.exportV6[0].prefixLength", "came with v3.29.0"), in("spec.exportV6[0]", "spec.exportV6[0].prefixLength", "needs a cidr"))
}

// What v3.32 brought to the rules of filters.
func TestValidateBGPFilterOfV332(t *testing.T) {
	const one = "spec.exportV4[0]"
	communities := func(values ...string) *calico.BGPFilterCommunityMatch {
		return &calico.BGPFilterCommunityMatch{Values: values}
	}
	add := func(value string) calico.BGPFilterOperation {
		return calico.BGPFilterOperation{AddCommunity: &calico.BGPFilterAddCommunity{Value: value}}
	}
	prepend := func(n int) calico.BGPFilterOperation {
		return calico.BGPFilterOperation{PrependASPath: &calico.BGPFilterPrependASPath{Prefix: make([]numorstring.ASNumber, n)}}
	}
	for _, tt := range []struct {
		name string
		rule calico.BGPFilterRule
		want []fault
	}{
		{"all", calico.BGPFilterRule{
			Action: "Accept", PeerType: "iBGP", Communities: communities("65535:0"), ASPathPrefix: []numorstring.ASNumber{0, 4294967295}, Priority: ptr(2147483646),
			Operations: []calico.BGPFilterOperation{add("4294967295:0:1"), prepend(10), {SetPriority: &calico.BGPFilterSetPriority{Value: 1}}},
		}, nil},
		{"peer", calico.BGPFilterRule{Action: "Accept", PeerType: "EBGP"}, []fault{at(one+".peerType", `write "eBGP"`)}},
		{"priority", calico.BGPFilterRule{Action: "Accept", Priority: ptr(0)}, []fault{at(one+".priority", "from 1 to 2147483646")}},
		{"no community", calico.BGPFilterRule{Action: "Accept", Communities: communities()}, []fault{at(one+".communities.values", "required")}},
		{"empty list of communities", calico.BGPFilterRule{Action: "Accept", Communities: &calico.BGPFilterCommunityMatch{Values: []string{}}}, []fault{at(one+".communities.values", "one community")}},
		{"two communities", calico.BGPFilterRule{Action: "Accept", Communities: communities("1:1", "1:2")}, []fault{at(one+".communities.values", "a rule for each")}},
		{"large numbers", calico.BGPFilterRule{Action: "Accept", Communities: communities("65536:1")}, []fault{at(one+".communities.values[0]", "65535")}},
		{"leading zero", calico.BGPFilterRule{Action: "Accept", Communities: communities("65000:01")}, []fault{at(one+".communities.values[0]", "leading zeros")}},
		{"name of a community", calico.BGPFilterRule{Action: "Accept", Operations: []calico.BGPFilterOperation{add("backbone")}}, []fault{at(one+".operations[0].addCommunity.value", "64512:100")}},
		{"rejected, and changed", calico.BGPFilterRule{Action: "Reject", Operations: []calico.BGPFilterOperation{add("1:1")}}, []fault{in(one, one+".operations", `write "Accept"`)}},
		{"no operation", calico.BGPFilterRule{Action: "Accept", Operations: []calico.BGPFilterOperation{{}}}, []fault{at(one+".operations[0]", "here are 0")}},
		{"two in one", calico.BGPFilterRule{Action: "Accept", Operations: []calico.BGPFilterOperation{{AddCommunity: add("1:1").AddCommunity, SetPriority: &calico.BGPFilterSetPriority{Value: 2147483647}}}}, []fault{
			at(one+".operations[0].setPriority.value", "from 1 to"), at(one+".operations[0]", "here are 2"),
		}},
		{"a long path", calico.BGPFilterRule{Action: "Accept", Operations: []calico.BGPFilterOperation{prepend(11), prepend(0)}}, []fault{
			at(one+".operations[0].prependASPath.prefix", "1 to 10"), at(one+".operations[1].prependASPath.prefix", "1 to 10"),
		}},
		{"many operations", calico.BGPFilterRule{Action: "Accept", Operations: slices.Repeat([]calico.BGPFilterOperation{add("1:1")}, 11)}, []fault{at(one+".operations", "at most 10")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := calico.NewBGPFilter()
			f.Name, f.Spec.ExportV4 = "a", []calico.BGPFilterRuleV4{{BGPFilterRule: tt.rule}}
			checkFaults(t, f, objecttest.V3320, tt.want...)
			checkFaults(t, f, calico.Release{Major: 3, Minor: 33, Patch: 0}, tt.want...)
		})
	}
	f := calico.NewBGPFilter()
	f.Name = "a"
	f.Spec.ImportV6 = []calico.BGPFilterRuleV6{{BGPFilterRule: calico.BGPFilterRule{
		Action: "Accept", PeerType: "eBGP", Communities: communities("1:1"), ASPathPrefix: []numorstring.ASNumber{1}, Priority: ptr(1), Operations: []calico.BGPFilterOperation{add("1:1")},
	}}}
	var newer []fault
	for _, name := range []string{"peerType", "communities", "asPathPrefix", "priority", "operations"} {
		newer = append(newer, at("spec.importV6[0]."+name, "came with v3.32.0"))
	}
	checkFaults(t, f, objecttest.V3310, newer...)
}

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
		_, value, err := calico.Encode(k, nil, release, calico.Fresh{UID: "u"})
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
		obj, err := calico.Decode(calico.KindKubeControllersConfiguration, calico.DefaultName, []byte(begin+form+end))
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
			_, value, err := calico.Encode(obj, []byte(base), release, calico.Fresh{})
			if err != nil || string(value) != begin+want+`,"future":1`+end {
				t.Errorf("stored by %s, %s writes %s, %v", stored, release, value, err)
			}
			changes, err := calico.ContentChanges(calico.KindKubeControllersConfiguration, []byte(begin+form+end), []byte(begin+want+end))
			if len(changes) > 0 || err != nil {
				t.Errorf("from %s to %s there are changes: %q, %v", stored, release, changes, err)
			}
		}
		changes, err := calico.ContentChanges(calico.KindKubeControllersConfiguration, []byte(begin+form+end), []byte(begin+`"migration":{"policyNameMigrator":"Enabled"}`+end))
		if err != nil || len(changes) != 1 || changes[0] != `spec.controllers.policyMigration.enabled: "Disabled" -> "Enabled"` {
			t.Errorf("changes from %s are %q, %v", stored, changes, err)
		}
	}
	both, err := calico.Decode(calico.KindKubeControllersConfiguration, calico.DefaultName, []byte(begin+`"policyMigration":{"enabled":"Enabled"},`+forms[v3330]+end))
	if k, ok := both.(*calico.KubeControllersConfiguration); err != nil || !ok || k.Spec.Controllers.Migration.PolicyNameMigrator != "Disabled" {
		t.Errorf("of both the newer does not count: %+v, %v", both, err)
	}
}

func felix(edit func(*calico.FelixConfigurationSpec)) *calico.FelixConfiguration {
	f := calico.NewFelixConfiguration()
	f.Name = calico.DefaultName
	edit(&f.Spec)
	return f
}

func TestValidateFelix(t *testing.T) {
	type spec = calico.FelixConfigurationSpec
	for _, tt := range []struct {
		name string
		edit func(*spec)
		want []fault
	}{
		{"empty", func(*spec) {}, nil},
		{"no failsafe ports", func(s *spec) { s.FailsafeInboundHostPorts = &[]v3.ProtoPort{} }, nil},
		{"failsafe ports", func(s *spec) {
			s.FailsafeInboundHostPorts = &[]v3.ProtoPort{{Protocol: "TCP", Port: 22}, {Protocol: "udp", Port: 65535, Net: "10.0.0.1/8"}, {Protocol: "tcp", Port: 1, Net: "2001:DB8::1"}}
		}, nil},
		{"bad failsafe ports", func(s *spec) {
			s.FailsafeOutboundHostPorts = &[]v3.ProtoPort{{Protocol: "tcp", Port: 22}, {Protocol: "sctp", Net: "10.0.0"}, {Port: 1}}
		}, []fault{
			at("spec.failsafeOutboundHostPorts[1].protocol", `"tcp" or "udp"`), at("spec.failsafeOutboundHostPorts[1].port", "from 1 to 65535"),
			at("spec.failsafeOutboundHostPorts[1].net", "10.0.0.0/8"), at("spec.failsafeOutboundHostPorts[2].protocol", `"tcp" or "udp"`),
		}},
		{"mask", func(s *spec) { s.IptablesMarkMask = ptr(uint32(1)) }, []fault{at("spec.iptablesMarkMask", "0xffff0000")}},
		{"prefix", func(s *spec) { s.InterfacePrefix = "cali, tap" }, []fault{at("spec.interfacePrefix", "no blanks")}},
		{"metadata", func(s *spec) { s.MetadataAddr, s.MetadataPort = "::1", ptr(65536) }, []fault{at("spec.metadataAddr", "IPv4"), at("spec.metadataPort", "65535")}},
		{"chain", func(s *spec) { s.ChainInsertMode = "prepend" }, []fault{at("spec.chainInsertMode", `"Insert" or "Append"`)}},
		{"level", func(s *spec) { s.LogSeverityScreen = "debug" }, []fault{at("spec.logSeverityScreen", `write "Debug".`)}},
		{"regexp", func(s *spec) { s.LogDebugFilenameRegex = "(" }, []fault{at("spec.logDebugFilenameRegex", "missing closing )")}},
		{"port", func(s *spec) { s.WireguardListeningPort = ptr(0) }, []fault{at("spec.wireguardListeningPort", "from 1 to 65535")}},
		{"filter", func(s *spec) { s.BPFForceTrackPacketsFromIfaces = &[]string{"docker+", "a b"} }, []fault{at("spec.bpfForceTrackPacketsFromIfaces[1]", "eth+")}},
		{"log filter", func(s *spec) { s.BPFLogFilters = &map[string]string{"all": "tcp", "eth 0": ""} }, []fault{at(`spec.bpfLogFilters["eth 0"]`, "eth0")}},
		{"node ports", func(s *spec) {
			s.KubeNodePortRanges = &[]numorstring.Port{{PortName: "http"}, {MinPort: 2, MaxPort: 1}}
		}, []fault{at("spec.kubeNodePortRanges[1]", "lowest number"), at("spec.kubeNodePortRanges[0]", "wants numbers")}},
		{"many node ports", func(s *spec) { s.KubeNodePortRanges = ptr(make([]numorstring.Port, 8)) }, append(eightPorts(), at("spec.kubeNodePortRanges", "at most 7 ranges"))},
		{"external nodes", func(s *spec) { s.ExternalNodesCIDRList = &[]string{"10.0.0.1", "fd00::/8", "x"} }, []fault{
			at("spec.externalNodesList[1]", "IPv6 one"), at("spec.externalNodesList[2]", "network here"),
		}},
		{"region", func(s *spec) { s.OpenstackRegion = "Region" }, []fault{at("spec.openstackRegion", `write "region"`)}},
		{"address", func(s *spec) { s.NATOutgoingAddress, s.DeviceRouteSourceAddressIPv6 = "fd00::1", "10.0.0.1" }, []fault{
			at("spec.natOutgoingAddress", "IPv4"), at("spec.deviceRouteSourceAddressIPv6", "IPv6"),
		}},
		{"tables", func(s *spec) {
			s.RouteTableRange, s.RouteTableRanges = &v3.RouteTableRange{Min: 1, Max: 251}, &v3.RouteTableRanges{{Min: 1, Max: 70000}, {Min: 5, Max: 4}}
		}, []fault{
			at("spec.routeTableRanges[1]", "at most 4294967295"), at("spec.routeTableRange", "at most 250"),
			in("spec", "spec.routeTableRange", "Only one"), at("spec.routeTableRanges", "at most 65535"),
		}},
		{"health", func(s *spec) {
			s.HealthTimeoutOverrides = []v3.HealthTimeoutOverride{{Name: "a/b", Timeout: metav1.Duration{Duration: -1}}}
		}, []fault{at("spec.healthTimeoutOverrides[0].name", "letters"), at("spec.healthTimeoutOverrides[0].timeout", "not negative")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range objecttest.Releases {
				checkFaults(t, felix(tt.edit), r, tt.want...)
			}
		})
	}
}

func eightPorts() []fault {
	var faults []fault
	for range 8 {
		faults = append(faults, fault{})
	}
	for i := range faults {
		faults[i] = at(calico.NewPath("spec", "kubeNodePortRanges").Index(i).String(), "from 1 to 65535")
	}
	return faults
}

func TestValidateFelixByRelease(t *testing.T) {
	type spec = calico.FelixConfigurationSpec
	trace := felix(func(s *spec) { s.LogSeverityFile = "Trace" })
	checkFaults(t, trace, calico.Release{Major: 3, Minor: 30, Patch: 0}, at("spec.logSeverityFile", `"Debug"`))
	checkFaults(t, trace, calico.Release{Major: 3, Minor: 30, Patch: 1})

	rate := felix(func(s *spec) { s.LogActionRateLimit = ptr("x") })
	checkFaults(t, rate, calico.Release{Major: 3, Minor: 30, Patch: 5}, at("spec.logActionRateLimit", "came with v3.30.6 and v3.31.4"))
	checkFaults(t, rate, calico.Release{Major: 3, Minor: 30, Patch: 6})
	checkFaults(t, rate, objecttest.V3310, at("spec.logActionRateLimit", "came with v3.30.6 and v3.31.4"))
	checkFaults(t, rate, calico.Release{Major: 3, Minor: 31, Patch: 4})
	checkFaults(t, rate, objecttest.V3320, at("spec.logActionRateLimit", "100/second"))

	healthz := felix(func(s *spec) { s.BPFKubeProxyHealthzPort = ptr(0) })
	checkFaults(t, healthz, objecttest.V3310, at("spec.bpfKubeProxyHealthzPort", "from 1 to 65535"))
	checkFaults(t, healthz, objecttest.V3320)

	crash := felix(func(s *spec) { s.BPFExportBufferSizeMB = ptr(1) })
	checkFaults(t, crash, objecttest.V3310, at("spec.bpfExportBufferSizeMB", "crashes"))

	for d, good := range map[time.Duration]bool{
		0: true, time.Second: true, 90 * time.Second: true, 500 * time.Millisecond: true,
		1500 * time.Millisecond: false, -time.Second: false, time.Microsecond: false,
	} {
		f := felix(func(s *spec) { s.ReportingInterval = &metav1.Duration{Duration: d} })
		checkFaults(t, f, objecttest.V3310)
		if good {
			checkFaults(t, f, objecttest.V3320)
		} else {
			checkFaults(t, f, objecttest.V3320, at("spec.reportingInterval", "whole seconds"))
		}
	}
	checkFaults(t, felix(func(s *spec) {
		s.BPFConntrackTimeouts = &v3.BPFConntrackTimeouts{TCPSynSent: ptr(v3.BPFConntrackTimeout("auto"))}
		s.FloatingIPs, s.BPFProfiling, s.RouteSource = ptr(v3.FloatingIPType("on")), "on", "x"
	}), objecttest.V3320, at("spec.bpfConntrackTimeouts.tcpSynSent", "Auto"), at("spec.bpfProfiling", "Enabled"),
		at("spec.routeSource", "WorkloadIPs"), at("spec.floatingIPs", "Enabled"))
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

// A FelixConfiguration is for all nodes, for one, or for those that it selects.
func TestValidateFelixScope(t *testing.T) {
	for _, tt := range []struct {
		name     string
		selector *string
		r        calico.Release
		want     []fault
	}{
		{"default", nil, objecttest.V3285, nil},
		{"node.db1.example", nil, objecttest.V3320, nil},
		{"racks", ptr("rack == 'r1'"), objecttest.V3320, nil},
		{"racks", ptr("rack == 'r1'"), objecttest.V3310, []fault{at("spec.nodeSelector", "came with v3.32.0")}},
		{"racks", nil, objecttest.V3310, []fault{in(object, "metadata.name", "for no node")}},
		{"racks", nil, objecttest.V3320, []fault{in(object, "metadata.name", "nodeSelector")}},
		{"racks", ptr(""), objecttest.V3320, []fault{in(object, "metadata.name", "nodeSelector")}},
		{"default", ptr("all()"), objecttest.V3320, []fault{in(object, "spec.nodeSelector", "Leave nodeSelector out")}},
		{"default", ptr(""), objecttest.V3320, []fault{in(object, "spec.nodeSelector", "Leave nodeSelector out")}},
		{"node.db1", ptr("all()"), objecttest.V3320, []fault{in(object, "spec.nodeSelector", "Leave nodeSelector out")}},
		{"racks", ptr("rack = 'r1'"), objecttest.V3320, []fault{at("spec.nodeSelector", "cannot read this selector")}},
		{"racks", ptr("a == '" + strings.Repeat("x", 1024) + "'"), objecttest.V3320, []fault{at("spec.nodeSelector", "at most 1024 characters")}},
		{"Racks", nil, objecttest.V3320, []fault{at("metadata.name", `write "racks"`)}},
	} {
		f := felix(func(s *calico.FelixConfigurationSpec) { s.NodeSelector = tt.selector })
		f.Name = tt.name
		t.Run(tt.name, func(t *testing.T) { checkFaults(t, f, tt.r, tt.want...) })
	}
}

// Calico's client would fill in four fields, and so set for one node what is to be
// decided for all.
func TestDefaultFelix(t *testing.T) {
	f := felix(func(*calico.FelixConfigurationSpec) {})
	f.Name = "node.db1"
	for _, r := range objecttest.Releases {
		calico.Default(f, r)
	}
	if !reflect.DeepEqual(f.Spec, calico.FelixConfigurationSpec{}) {
		t.Errorf("got %+v", f.Spec)
	}
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

// Every tag of every plain kind has a rule: one without would make Validate panic.
func TestTagsHaveRules(t *testing.T) {
	for _, kind := range calico.Kinds() {
		if obj := kind.New(); calico.IsPlain(obj) {
			objecttest.Fill(reflect.ValueOf(obj).Elem().FieldByName("Spec"))
			for _, r := range objecttest.Releases {
				Validate(obj, r)
			}
		}
	}
	// And each field that is said to be newer, or to have a rule of a schema, exists.
	known := map[string]bool{}
	for _, kind := range calico.Kinds() {
		if obj := kind.New(); calico.IsPlain(obj) {
			apiFields(reflect.TypeOf(obj).Elem(), known)
		}
	}
	for _, table := range []any{fieldReleases, schemaTags, changedTags} {
		for _, key := range reflect.ValueOf(table).MapKeys() {
			if !known[key.String()] {
				t.Errorf("%s is no field of the API", key)
			}
		}
	}
}

// The test above ends at the first rule that a value breaks. So each rule of each
// tag is asked by itself, too.
func TestEachRuleOfATagIsKnown(t *testing.T) {
	rules := 0
	ask := func(t *testing.T, field string, typ reflect.Type, tag string) {
		t.Helper()
		for rule := range strings.SplitSeq(tag, ",") {
			for typ.Kind() == reflect.Pointer {
				typ = typ.Elem()
			}
			if rule == "dive" {
				typ = typ.Elem()
				continue
			}
			if rule == "" || rule == "omitempty" || rule == "required" || typ.Kind() == reflect.Struct {
				continue
			}
			rules++
			func() {
				defer func() {
					if p := recover(); p != nil {
						t.Errorf("%s: %v", field, p)
					}
				}()
				v := reflect.New(typ).Elem()
				objecttest.Fill(v)
				(&checker{release: calico.Newest}).obeys(calico.NewPath(field), v, rule, tag)
			}()
		}
	}
	seen := map[reflect.Type]bool{}
	var walk func(typ reflect.Type)
	walk = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || seen[typ] || typ == reflect.TypeFor[numorstring.Port]() || typ == reflect.TypeFor[numorstring.DSCP]() {
			return // one value: see checker.port and checker.dscp
		}
		seen[typ] = true
		for i := range typ.NumField() {
			f := typ.Field(i)
			if calico.IsInline(f) {
				walk(f.Type)
			}
			if calico.JSONName(f) == "" {
				continue
			}
			key := typ.Name() + "." + calico.JSONName(f)
			ask(t, key, f.Type, f.Tag.Get("validate"))
			ask(t, key, f.Type, schemaTags[key])
			for _, change := range changedTags[key] {
				ask(t, key, f.Type, change.tag)
			}
			walk(f.Type)
		}
	}
	for _, kind := range calico.Kinds() {
		if obj := kind.New(); calico.IsPlain(obj) {
			walk(reflect.ValueOf(obj).Elem().FieldByName("Spec").Type())
		}
	}
	if rules < 100 {
		t.Errorf("only %d rules were asked", rules)
	}
	// A rule that nobody knows is seen.
	defer func() {
		if recover() == nil {
			t.Error("there is a rule for any tag")
		}
	}()
	(&checker{release: calico.Newest}).obeys(calico.NewPath("x"), reflect.ValueOf("x"), "newRule", "newRule")
}

func apiFields(typ reflect.Type, known map[string]bool) {
	switch typ.Kind() {
	case reflect.Pointer, reflect.Slice:
		apiFields(typ.Elem(), known)
	case reflect.Struct:
		for i := range typ.NumField() {
			if calico.IsInline(typ.Field(i)) {
				apiFields(typ.Field(i).Type, known)
			}
			if name := calico.JSONName(typ.Field(i)); name != "" {
				known[typ.Name()+"."+name] = true
				apiFields(typ.Field(i).Type, known)
			}
		}
	default:
	}
}
