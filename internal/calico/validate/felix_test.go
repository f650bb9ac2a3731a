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
)

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
