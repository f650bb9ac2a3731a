package validate

import (
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
