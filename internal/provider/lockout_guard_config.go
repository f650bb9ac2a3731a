package provider

import (
	"fmt"
	"math/big"
	"net/netip"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// The directions of a flow, as they are configured.
const (
	directionIngress = "ingress"
	directionEgress  = "egress"
)

// describeFlow describes the attributes of a flow, wherever one is configured.
var describeFlow = map[string]string{
	"name":              "Name of the traffic in messages, such as `\"ssh\"`. Default: none.",
	"direction":         "Direction as seen from the host: `\"ingress\"` or `\"egress\"`. Default: `\"ingress\"`.",
	"protocol":          "Protocol: `\"TCP\"`, `\"UDP\"`, `\"ICMP\"`, `\"ICMPv6\"`, `\"SCTP\"`, `\"UDPLite\"` or a number from `1` to `255`. Default: `\"TCP\"`.",
	"port":              "Destination port, from `1` to `65535`, such as `22`. Default: every port.",
	"cidr":              "Network or address at the far side, such as `\"10.1.0.0/24\"`: the traffic works only if all of it does.",
	"endpoint_selector": "Expression that selects, by their labels, the host endpoints that are looked at, such as `\"role == 'db'\"`. Default: every host endpoint.",
	"source_port":       "Port that the connection is opened from, from `1` to `65535`, such as `68`. Default: every port from `32768` on, which is what clients are given that do not ask for one.",
	"icmp_type":         "ICMP type, from `0` to `255`, such as `8` for an echo request. Only with the protocols `\"ICMP\"` and `\"ICMPv6\"`. Default: every type.",
	"icmp_code":         "ICMP code, from `0` to `255`, such as `0`. Only with `icmp_type`. Default: every code.",
	"local_address":     "Address on the near side, such as `\"10.3.0.21\"`. Default: each of the endpoint's `expected_ips`.",
	"forwarded":         "Whether the traffic passes through the host, rather than being its own, such as `true` on a router. Default: `false`.",
}

const (
	lockoutBlock  = "lockout_guard"
	exposureBlock = "exposure_guard"
)

// guardBlocks are the guards of the provider block.
func guardBlocks() map[string]schema.Block {
	return map[string]schema.Block{
		lockoutBlock: guardBlock(
			"What must go on working: a plan that would cut it off says so, and an apply can refuse to, such as `lockout_guard { mode = \"error\" }`. Default: `mode = \"warn\"`, for the management access and the way to the datastore that policies declare. See [the guide](guides/lockout-guard.md).",
			"What happens when a change would cut guarded traffic off, or when it can no longer be told whether it works: `\"warn\"`, a warning in the plan; `\"error\"`, the plan fails, and the apply refuses to write what would cut it off at that moment, in one transaction; `\"off\"`, nothing. Default: `\"warn\"`.",
			"Traffic to guard, at every host endpoint, a block each, such as `flow { cidr = \"10.1.0.0/24\" }` with `port = 22` in it. Default: what the planned failsafe policies declare, that is TCP from their `management_cidrs` to their `management_ports` and to each of their `etcd_server` blocks; TCP port 22 from the networks that any other policy lets in there; and TCP to the `endpoints` of `etcd`, which are looked up if they are names (with DNS). What a network or a server is taken out of on purpose is not guarded any more.",
			"What may be cut off knowingly, a block each, such as `accept { cidr = \"10.9.0.0/24\" }`: what all of its arguments fit passes, and the plan shows it as accepted. Default: nothing."),
		exposureBlock: guardBlock(
			"What must stay shut: a plan that would let it in says so, and an apply can refuse to, such as `exposure_guard { mode = \"error\" }`. Default: `mode = \"warn\"`, for the ports at which hosts are managed and those of etcd. See [the guide](guides/lockout-guard.md).",
			"What happens when a change would let guarded traffic in, or when it can no longer be told whether it is kept out: `\"warn\"`, a warning in the plan; `\"error\"`, the plan fails, and the apply refuses to write what would let it in at that moment, in one transaction; `\"off\"`, nothing. Default: `\"warn\"`.",
			"Traffic to keep out, at every host endpoint, a block each, such as `flow { cidr = \"0.0.0.0/0\" }` with `port = 5432` in it. Default: TCP to the `management_ports` of the failsafe policies, from everywhere but their `management_cidrs`, and to the ports of their `etcd_server` blocks and of the `endpoints` of `etcd`, from everywhere but these servers.",
			"What may be let in knowingly, a block each, such as `accept { cidr = \"10.9.0.0/24\" }`: what all of its arguments fit passes, and the plan shows it as accepted. Default: nothing."),
	}
}

func guardBlock(description, mode, flow, accept string) schema.SingleNestedBlock {
	optional := func(description string, validators ...validator.String) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: description, Optional: true, Validators: validators}
	}
	return schema.SingleNestedBlock{
		MarkdownDescription: description,
		Attributes: map[string]schema.Attribute{
			"mode": optional(mode, stringvalidator.OneOf(guardWarn, guardError, guardOff)),
		},
		Blocks: map[string]schema.Block{
			"flow": schema.ListNestedBlock{
				MarkdownDescription: flow,
				NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
					"name":              optional(describeFlow["name"]),
					"direction":         optional(describeFlow["direction"], stringvalidator.OneOf(directionIngress, directionEgress)),
					"protocol":          optional(describeFlow["protocol"]),
					"port":              schema.NumberAttribute{MarkdownDescription: describeFlow["port"], Optional: true},
					"cidr":              schema.StringAttribute{MarkdownDescription: describeFlow["cidr"], Required: true},
					"endpoint_selector": optional(describeFlow["endpoint_selector"]),
				}},
			},
			"accept": schema.ListNestedBlock{
				MarkdownDescription: accept,
				NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
					"flow":              optional("Name of the flow, such as `\"ssh\"`; those that follow from policies are called `\"management access\"`, `\"the datastore\"`, `\"DNS\"` and `\"everybody else\"`. Default: whatever its name."),
					"cidr":              optional("Network that the far side of the flow is in, such as `\"10.9.0.0/24\"`. Default: wherever it is."),
					"endpoint_selector": optional("Expression that selects, by their labels, the host endpoints at which it is accepted, such as `\"role == 'db'\"`. Default: every host endpoint."),
				}},
			},
		},
	}
}

// readGuard makes the guard of the provider block. What is not known yet is
// taken for unset.
func readGuard(model *providerModel, endpoints []string, diags *diag.Diagnostics) *lockoutGuard {
	return &lockoutGuard{
		lockout:   readWatch(model.LockoutGuard, lockoutBlock, false, diags),
		exposure:  readWatch(model.ExposureGuard, exposureBlock, true, diags),
		endpoints: endpoints,
	}
}

func readWatch(block types.Object, name string, shut bool, diags *diag.Diagnostics) watch {
	w := watch{mode: guardWarn}
	v := values(block.Attributes())
	if mode := v.str("mode"); mode != "" {
		w.mode = mode
	}
	for i, e := range elements(v["flow"]) {
		if w.flows == nil {
			w.flows = []guardedFlow{}
		}
		if flow, ok := readFlow(e, path.Root(name).AtName("flow").AtListIndex(i), diags); ok {
			flow.shut = shut
			w.flows = append(w.flows, flow)
		}
	}
	for i, e := range elements(v["accept"]) {
		if accepted, ok := readAcceptance(e, path.Root(name).AtName("accept").AtListIndex(i), diags); ok {
			w.accepted = append(w.accepted, accepted)
		}
	}
	return w
}

// readAcceptance reads what is accepted. ok is false where it is not wholly known, or
// wrong.
func readAcceptance(e attr.Value, at path.Path, diags *diag.Diagnostics) (a acceptance, ok bool) {
	o, isObject := e.(types.Object)
	if !isObject || o.IsNull() || !fullyKnown(o) {
		return a, false
	}
	v := values(o.Attributes())
	ok = true
	fail := func(at path.Path, detail string) {
		diags.AddAttributeError(at, "Nothing to Accept", at.String()+": "+detail)
		ok = false
	}
	a.flow = v.str("flow")
	var err error
	if text := v.str("cidr"); text != "" {
		if a.net, err = netip.ParsePrefix(address.Net(text)); err != nil {
			fail(at.AtName("cidr"), "It is a network or an address, such as \"10.9.0.0/24\".")
		}
		a.net = a.net.Masked()
	}
	if text := v.str("endpoint_selector"); text != "" {
		if a.endpoints, err = selector.Parse(selector.OneLine(text)); err != nil {
			fail(at.AtName("endpoint_selector"), "It is not a selector: "+err.Error())
		}
	}
	if ok && a.flow == "" && !a.net.IsValid() && a.endpoints == nil {
		fail(at, "The block says nothing, and would accept everything: give flow, cidr or endpoint_selector; or set mode to \"warn\".")
	}
	return a, ok
}

// readFlow reads a flow of the configuration. ok is false where it is not wholly
// known, or wrong.
func readFlow(e attr.Value, at path.Path, diags *diag.Diagnostics) (flow guardedFlow, ok bool) {
	o, isObject := e.(types.Object)
	if !isObject || o.IsNull() || !fullyKnown(o) {
		return flow, false
	}
	v := values(o.Attributes())
	ok = true
	fail := func(name, detail string) {
		diags.AddAttributeError(at.AtName(name), "Not a Flow", at.AtName(name).String()+": "+detail)
		ok = false
	}
	flow.name = v.str("name")
	flow.flow.Direction = verdict.Ingress
	if v.str("direction") == directionEgress {
		flow.flow.Direction = verdict.Egress
	}
	flow.flow.Protocol = address.Protocol("TCP")
	if text := v.str("protocol"); text != "" {
		flow.flow.Protocol = address.Protocol(text)
		if !verdict.KnownProtocol(flow.flow.Protocol) {
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
	flow.flow.Port, flow.flow.SourcePort = port("port"), port("source_port")
	flow.flow.ICMPType, flow.flow.ICMPCode = octet("icmp_type"), octet("icmp_code")
	flow.meaningless(fail)
	peer, err := netip.ParsePrefix(address.Net(v.str("cidr")))
	if err != nil {
		fail("cidr", "The far side is a network or an address, such as \"10.1.0.0/24\" or \"2001:db8:1::7\".")
	}
	flow.flow.Peer = peer.Masked()
	if err == nil {
		flow.otherFamily(fail)
	}
	if text := v.str("endpoint_selector"); text != "" {
		if flow.endpoints, err = selector.Parse(selector.OneLine(text)); err != nil {
			fail("endpoint_selector", "It is not a selector: "+err.Error())
		}
	}
	if text := v.str("local_address"); text != "" {
		if flow.flow.Local, err = netip.ParseAddr(text); err != nil || flow.flow.Local.Zone() != "" {
			fail("local_address", "The near side is an address, such as \"10.3.0.21\" or \"2001:db8:1::7\".")
		} else if peer.IsValid() && flow.flow.Local.Unmap().Is4() != peer.Addr().Unmap().Is4() {
			fail("local_address", "It is not of the same family as cidr: a connection is of IPv4 or of IPv6 at both its ends.")
		}
	}
	if forwarded, isBool := v["forwarded"].(types.Bool); isBool {
		flow.flow.Forwarded = forwarded.ValueBool()
	}
	return flow, ok
}

// meaningless finds what a flow of the protocol does not have, which would be
// passed over.
func (f guardedFlow) meaningless(fail func(name, detail string)) {
	if !verdict.KnownProtocol(f.flow.Protocol) {
		return // told already
	}
	if !verdict.HasPorts(f.flow.Protocol) {
		for name, given := range map[string]uint16{"port": f.flow.Port, "source_port": f.flow.SourcePort} {
			if given != 0 {
				fail(name, fmt.Sprintf("The protocol %s has no ports: leave this out.", f.flow.Protocol.String()))
			}
		}
	}
	switch {
	case !verdict.IsICMP(f.flow.Protocol) && f.flow.ICMPType != nil:
		fail("icmp_type", fmt.Sprintf("The protocol %s has no ICMP types: leave this out.", f.flow.Protocol.String()))
	case f.flow.ICMPCode != nil && f.flow.ICMPType == nil:
		fail("icmp_code", "A code means something with a type alone: give icmp_type too.")
	}
}

// otherFamily finds a protocol that the addresses have not: a ping of IPv6 that is
// called ICMP would be denied here, and go through in truth.
func (f guardedFlow) otherFamily(fail func(name, detail string)) {
	if !verdict.IsICMP(f.flow.Protocol) {
		return
	}
	v4, name := f.flow.Peer.Addr().Unmap().Is4(), strings.ToUpper(f.flow.Protocol.String())
	switch {
	case v4 && (name == "ICMPV6" || name == "58"):
		fail("protocol", "ICMPv6 is of IPv6, and cidr is of IPv4: its protocol is \"ICMP\".")
	case !v4 && (name == "ICMP" || name == "1"):
		fail("protocol", "ICMP is of IPv4, and cidr is of IPv6: its protocol is \"ICMPv6\".")
	}
}
