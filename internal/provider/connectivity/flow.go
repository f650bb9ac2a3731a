package connectivity

import (
	"fmt"
	"math/big"
	"net/netip"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
	"github.com/calico-terraform/terraform-provider-calico/internal/guard"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/codec"
)

// The directions of a flow, as they are configured.
const (
	DirectionIngress = "ingress"
	DirectionEgress  = "egress"
)

// DescribeFlow describes the attributes of a flow, wherever one is configured.
var DescribeFlow = map[string]string{
	"name":              "Name of the traffic in messages, such as `\"ssh\"`. Default: none.",
	"direction":         "Direction as seen from the endpoint: `\"ingress\"` or `\"egress\"`. Default: `\"ingress\"`.",
	"protocol":          "Protocol: `\"TCP\"`, `\"UDP\"`, `\"ICMP\"`, `\"ICMPv6\"`, `\"SCTP\"`, `\"UDPLite\"` or a number from `1` to `255`. Default: `\"TCP\"`.",
	"port":              "Destination port, from `1` to `65535`, such as `22`. Default: every port.",
	"cidr":              "Network or address at the far side, such as `\"10.1.0.0/24\"`: the traffic works only if all of it does.",
	"endpoint_selector": "Expression that selects, by their labels, the endpoints that are looked at, such as `\"role == 'db'\"`. Default: every endpoint of the `endpoint_kinds`.",
	"source_port":       "Port that the connection is opened from, from `1` to `65535`, such as `68`. Default: every port from `32768` on, which is what clients are given that do not ask for one.",
	"icmp_type":         "ICMP type, from `0` to `255`, such as `8` for an echo request. Only with the protocols `\"ICMP\"` and `\"ICMPv6\"`. Default: every type.",
	"icmp_code":         "ICMP code, from `0` to `255`, such as `0`. Only with `icmp_type`. Default: every code.",
	"local_address":     "Address on the near side, such as `\"10.3.0.21\"`. Only at host endpoints. Default: each of the endpoint's `expected_ips`.",
	"forwarded":         "Whether the traffic passes through the host, rather than being its own, such as `true` on a router. Only at host endpoints. Default: `false`.",
}

// ReadFlow reads a flow of the configuration. ok is false if it is not wholly
// known, or wrong.
func ReadFlow(e attr.Value, at path.Path, diags *diag.Diagnostics) (flow guard.Flow, ok bool) {
	o, isObject := e.(types.Object)
	if !isObject || o.IsNull() || !codec.FullyKnown(o) {
		return flow, false
	}
	v := o.Attributes()
	ok = true
	failAt := func(at path.Path, detail string) {
		diags.AddAttributeError(at, "Not a Flow", at.String()+": "+detail)
		ok = false
	}
	fail := func(name, detail string) { failAt(at.AtName(name), detail) }
	flow.Name = codec.Text(v["name"])
	flow.Traffic.Direction = verdict.Ingress
	if codec.Text(v["direction"]) == DirectionEgress {
		flow.Traffic.Direction = verdict.Egress
	}
	flow.Traffic.Protocol = address.Protocol("TCP")
	if text := codec.Text(v["protocol"]); text != "" {
		flow.Traffic.Protocol = address.Protocol(text)
		if !verdict.KnownProtocol(flow.Traffic.Protocol) {
			fail("protocol", "The protocol is \"TCP\", \"UDP\", \"ICMP\", \"ICMPv6\", \"SCTP\", \"UDPLite\" or a number from 1 to 255.")
		}
	}
	number := func(name string, lowest, highest int64) *int64 {
		n, isNumber := v[name].(types.Number)
		if !isNumber || n.IsNull() {
			return nil
		}
		if value, accuracy := n.ValueBigFloat().Int64(); accuracy == big.Exact && value >= lowest && value <= highest {
			return &value
		}
		fail(name, fmt.Sprintf("It is a whole number from %d to %d. Leave it out for every one.", lowest, highest))
		return nil
	}
	port := func(name string) uint16 {
		if n := number(name, 1, 65535); n != nil {
			return uint16(*n)
		}
		return 0
	}
	octet := func(name string) *uint8 {
		n := number(name, 0, 255)
		if n == nil {
			return nil
		}
		value := uint8(*n)
		return &value
	}
	flow.Traffic.Port, flow.Traffic.SourcePort = port("port"), port("source_port")
	flow.Traffic.ICMPType, flow.Traffic.ICMPCode = octet("icmp_type"), octet("icmp_code")
	meaningless(flow.Traffic, fail)
	if given(v["from"]) || given(v["to"]) {
		readEnds(&flow, v, at, failAt)
		return flow, ok
	}
	if _, selections := v["from"]; selections && codec.Text(v["cidr"]) == "" {
		fail("cidr", "It is missing: the network or address at the far side, such as \"10.1.0.0/24\". (Or give from and to, for traffic between endpoints.)")
		return flow, ok
	}
	peer, err := netip.ParsePrefix(address.Net(codec.Text(v["cidr"])))
	if err != nil {
		fail("cidr", "The far side is a network or an address, such as \"10.1.0.0/24\" or \"2001:db8:1::7\".")
	}
	flow.Traffic.Peer = peer.Masked()
	if err == nil {
		otherFamily(flow.Traffic, fail)
	}
	if text := codec.Text(v["endpoint_selector"]); text != "" {
		if flow.Endpoints, err = selector.Parse(selector.OneLine(text)); err != nil {
			fail("endpoint_selector", "It is not a selector: "+err.Error())
		}
	}
	if text := codec.Text(v["local_address"]); text != "" {
		if flow.Traffic.Local, err = netip.ParseAddr(text); err != nil || flow.Traffic.Local.Zone() != "" {
			fail("local_address", "The near side is an address, such as \"10.3.0.21\" or \"2001:db8:1::7\".")
		} else if peer.IsValid() && flow.Traffic.Local.Unmap().Is4() != peer.Addr().Unmap().Is4() {
			fail("local_address", "It is not of the same family as cidr: a connection is of IPv4 or of IPv6 at both its ends.")
		}
	}
	if forwarded, isBool := v["forwarded"].(types.Bool); isBool {
		flow.Traffic.Forwarded = forwarded.ValueBool()
	}
	return flow, ok
}

// meaningless finds what a flow of the protocol does not have, which would be
// passed over.
func meaningless(f verdict.Flow, fail func(name, detail string)) {
	if !verdict.KnownProtocol(f.Protocol) {
		return // told already
	}
	if !verdict.HasPorts(f.Protocol) {
		for name, given := range map[string]uint16{"port": f.Port, "source_port": f.SourcePort} {
			if given != 0 {
				fail(name, fmt.Sprintf("The protocol %s has no ports: leave this out.", f.Protocol.String()))
			}
		}
	}
	switch {
	case !verdict.IsICMP(f.Protocol) && f.ICMPType != nil:
		fail("icmp_type", fmt.Sprintf("The protocol %s has no ICMP types: leave this out.", f.Protocol.String()))
	case f.ICMPCode != nil && f.ICMPType == nil:
		fail("icmp_code", "A code means something with a type alone: give icmp_type too.")
	}
}

// otherFamily finds a protocol that the addresses have not: a ping of IPv6 that is
// called ICMP would be denied here, and go through in truth.
func otherFamily(f verdict.Flow, fail func(name, detail string)) {
	if !verdict.IsICMP(f.Protocol) {
		return
	}
	v4, name := f.Peer.Addr().Unmap().Is4(), strings.ToUpper(f.Protocol.String())
	switch {
	case v4 && (name == "ICMPV6" || name == "58"):
		fail("protocol", "ICMPv6 is of IPv6, and cidr is of IPv4: its protocol is \"ICMP\".")
	case !v4 && (name == "ICMP" || name == "1"):
		fail("protocol", "ICMP is of IPv4, and cidr is of IPv6: its protocol is \"ICMPv6\".")
	}
}
