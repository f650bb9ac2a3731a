package validate

import (
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/objecttest"
)

func TestValidateHostEndpoint(t *testing.T) {
	type spec = v3.HostEndpointSpec
	long := strings.Repeat("a", 253)
	for _, tt := range []struct {
		name string
		edit func(*spec)
		want []fault
	}{
		{"node", func(s *spec) { s.Node = "db1.example.com" }, nil},
		{"no node", func(s *spec) { s.Node = "" }, []fault{at("spec.node", "needs the name of its node")}},
		{"node in upper case", func(s *spec) { s.Node = "DB1" }, []fault{at("spec.node", `write "db1".`)}},
		{"node with _", func(s *spec) { s.Node = "db_1" }, []fault{at("spec.node", `write "db-1".`)}},
		{"long node", func(s *spec) { s.Node = long }, nil},

		{"all interfaces", func(s *spec) { s.InterfaceName = "*" }, nil},
		{"interface of a VLAN", func(s *spec) { s.InterfaceName = "bond0.4000" }, nil},
		{"long interface", func(s *spec) { s.InterfaceName = "0123456789abcde" }, nil},
		{"longer interface", func(s *spec) { s.InterfaceName = "0123456789abcdef" }, []fault{at("spec.interfaceName", "1 to 15 letters")}},
		{"interfaces of a sort", func(s *spec) { s.InterfaceName = "eth*" }, []fault{at("spec.interfaceName", `such as "eth0", or "*"`)}},
		{"interfaces as iptables has them", func(s *spec) { s.InterfaceName = "eth+" }, []fault{at("spec.interfaceName", `or "*" for all interfaces of the host`)}},
		{"alias", func(s *spec) { s.InterfaceName = "eth0:1" }, []fault{at("spec.interfaceName", "")}},
		{"interface with a blank", func(s *spec) { s.InterfaceName = "eth0 " }, []fault{at("spec.interfaceName", "")}},

		{"addresses only", func(s *spec) {
			s.InterfaceName, s.ExpectedIPs = "", []string{"10.0.0.1", "2001:DB8::1", "::ffff:10.0.0.1"}
		}, nil},
		{"neither interface nor address", func(s *spec) { s.InterfaceName, s.ExpectedIPs = "", []string{} },
			[]fault{in("spec", "spec.interfaceName", "needs interfaceName or at least one of expectedIPs")}},
		{"address with a mask", func(s *spec) { s.ExpectedIPs = []string{"10.0.0.1", "10.0.0.2/32"} }, []fault{at("spec.expectedIPs[1]", `without a prefix length: write "10.0.0.2".`)}},
		{"address with a zone", func(s *spec) { s.ExpectedIPs = []string{"fe80::1%eth0"} }, []fault{at("spec.expectedIPs[0]", `without a zone: write "fe80::1".`)}},
		{"address with blanks", func(s *spec) { s.ExpectedIPs = []string{" 10.0.0.1"} }, []fault{at("spec.expectedIPs[0]", `write "10.0.0.1".`)}},
		{"address with zeros", func(s *spec) { s.ExpectedIPs = []string{"10.0.0.01"} }, []fault{at("spec.expectedIPs[0]", "no leading zeros")}},
		{"no address", func(s *spec) { s.ExpectedIPs = []string{"", "db1"} }, []fault{at("spec.expectedIPs[0]", "one IPv4 or IPv6 address here."), at("spec.expectedIPs[1]", "here.")}},
		{"address twice", func(s *spec) { s.ExpectedIPs = []string{"10.0.0.1", "10.0.0.1"} }, nil},

		{"profiles", func(s *spec) { s.Profiles = []string{"projectcalico-default-allow", "a.b"} }, nil},
		{"profile", func(s *spec) { s.Profiles = []string{"a", "Default"} }, []fault{at("spec.profiles[1]", `write "default".`)}},
		{"no profile", func(s *spec) { s.Profiles = []string{""} }, []fault{at("spec.profiles[0]", "The name of a profile")}},

		{"ports", func(s *spec) {
			s.Ports = []v3.EndpointPort{{Name: "a-1", Protocol: objecttest.ProtocolOf("TCP"), Port: 1}, {Name: "a-1", Protocol: objecttest.ProtocolOf("17"), Port: 65535}, {Name: "x", Protocol: objecttest.ProtocolOf("SCTP"), Port: 5}}
		}, nil},
		{"empty port", func(s *spec) { s.Ports = []v3.EndpointPort{{}} }, []fault{
			at("spec.ports[0].name", "1 to 15 lower-case letters"),
			at("spec.ports[0].protocol", `is "TCP", "UDP" or "SCTP".`),
			at("spec.ports[0].port", "from 1 to 65535"),
		}},
		{"port name in upper case", func(s *spec) {
			s.Ports = []v3.EndpointPort{{Name: "HTTP", Protocol: objecttest.ProtocolOf("TCP"), Port: 80}}
		}, []fault{at("spec.ports[0].name", `write "http".`)}},
		{"port name of digits", func(s *spec) {
			s.Ports = []v3.EndpointPort{{Name: "80", Protocol: objecttest.ProtocolOf("TCP"), Port: 80}}
		}, []fault{at("spec.ports[0].name", "at least one letter")}},
		{"port name with --", func(s *spec) {
			s.Ports = []v3.EndpointPort{{Name: "a--b", Protocol: objecttest.ProtocolOf("TCP"), Port: 80}}
		}, []fault{at("spec.ports[0].name", "doubled")}},
		{"long port name", func(s *spec) {
			s.Ports = []v3.EndpointPort{{Name: "0123456789abcde", Protocol: objecttest.ProtocolOf("6"), Port: 80}, {Name: "0123456789abcdef", Protocol: objecttest.ProtocolOf("132"), Port: 80}}
		}, []fault{at("spec.ports[1].name", "1 to 15")}},
		{"protocol in lower case", func(s *spec) {
			s.Ports = []v3.EndpointPort{{Name: "a", Protocol: objecttest.ProtocolOf("sctp"), Port: 80}}
		}, []fault{at("spec.ports[0].protocol", `write "SCTP".`)}},
		{"protocol without ports", func(s *spec) {
			s.Ports = []v3.EndpointPort{{Name: "a", Protocol: objecttest.ProtocolOf("ICMP"), Port: 80}}
		}, []fault{at("spec.ports[0].protocol", "")}},
		{"UDPLite", func(s *spec) {
			s.Ports = []v3.EndpointPort{{Name: "a", Protocol: objecttest.ProtocolOf("UDPLite"), Port: 80}}
		}, []fault{at("spec.ports[0].protocol", "")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := objecttest.HostEndpoint()
			tt.edit(&h.Spec)
			for _, r := range objecttest.Releases {
				checkFaults(t, h, r, tt.want...)
			}
		})
	}
}

// The schema of v3.32 limits the length of a node's name.
func TestValidateNodeLength(t *testing.T) {
	h := objecttest.HostEndpoint()
	h.Spec.Node = strings.Repeat("a", 254)
	checkFaults(t, h, objecttest.V3310)
	checkFaults(t, h, objecttest.V3320, at("spec.node", "at most 253 characters, and this one 254"))
}

// What is checked is the value that JSON has: a number, however it is held.
func TestValidateNumberAsText(t *testing.T) {
	h := objecttest.HostEndpoint()
	h.Spec.Ports = []v3.EndpointPort{{Name: "a", Port: 1, Protocol: numorstring.Protocol{Type: numorstring.NumOrStringString, StrVal: "006"}}}
	checkFaults(t, h, objecttest.V3310)
}
