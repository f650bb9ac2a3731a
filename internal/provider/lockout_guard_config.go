package provider

import (
	"net/netip"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// The directions of a flow, as they are configured.
const (
	directionIngress = "ingress"
	directionEgress  = "egress"
)

// guardAttribute is lockout_guard of the provider block.
func guardAttribute() schema.SingleNestedAttribute {
	optional := func(description string, validators ...validator.String) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: description, Optional: true, Validators: validators}
	}
	return schema.SingleNestedAttribute{
		MarkdownDescription: "What must go on working: a plan that would cut it off says so, and an apply can refuse to, such as `{ mode = \"error\" }`. Default: `{ mode = \"warn\" }`, for the management access of the failsafe policies and the way to the datastore. See [the guide](guides/lockout-guard.md).",
		Optional:            true,
		Attributes: map[string]schema.Attribute{
			"mode": optional("What happens when a change would cut guarded traffic off: `\"warn\"`, a warning in the plan; `\"error\"`, the plan fails, and the apply refuses to write what would cut it off at that moment, in one transaction; `\"off\"`, nothing. Default: `\"warn\"`.",
				stringvalidator.OneOf(guardWarn, guardError, guardOff)),
			"flows": schema.ListNestedAttribute{
				MarkdownDescription: "The traffic to guard, at every host endpoint, such as `[{ name = \"ssh\", port = 22, cidr = \"10.1.0.0/24\" }]`. Default: TCP port 22 from the `management_cidrs` of every failsafe policy with this port that is planned or stored, and TCP to those `etcd.endpoints` that are given by their addresses.",
				Optional:            true,
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"name":      optional("Name of the traffic in messages, such as `\"ssh\"`. Default: none."),
					"direction": optional("Direction as seen from the host: `\"ingress\"` or `\"egress\"`. Default: `\"ingress\"`.", stringvalidator.OneOf(directionIngress, directionEgress)),
					"protocol":  optional("Protocol: `\"TCP\"`, `\"UDP\"`, `\"ICMP\"`, `\"ICMPv6\"`, `\"SCTP\"`, `\"UDPLite\"` or a number from `1` to `255`. Default: `\"TCP\"`."),
					"port": schema.Int64Attribute{
						MarkdownDescription: "Destination port, such as `22`. Default: every port.",
						Optional:            true,
					},
					"cidr": schema.StringAttribute{
						MarkdownDescription: "Network or address at the far side, such as `\"10.1.0.0/24\"`: the traffic works only where all of it does.",
						Required:            true,
					},
					"endpoint_selector": optional("Expression that selects, by their labels, the host endpoints where the traffic is guarded, such as `\"role == 'db'\"`. Default: every host endpoint."),
				}},
			},
		},
	}
}

// readGuard makes the guard of the provider block. What is not known yet is
// taken for unset.
func readGuard(block types.Object, endpoints []string, diags *diag.Diagnostics) *lockoutGuard {
	g := &lockoutGuard{mode: guardWarn, datastore: datastoreAddresses(endpoints)}
	v := values(block.Attributes())
	if mode := v.str("mode"); mode != "" {
		g.mode = mode
	}
	if v.isNull("flows") || v.isUnknown("flows") {
		return g
	}
	g.flows = []guardedFlow{}
	for i, e := range elements(v["flows"]) {
		at := path.Root("lockout_guard").AtName("flows").AtListIndex(i)
		if flow, ok := readFlow(e, at, diags); ok {
			g.flows = append(g.flows, flow)
		}
	}
	return g
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
		diags.AddAttributeError(at.AtName(name), "Not a Flow", detail)
		ok = false
	}
	flow.name = v.str("name")
	flow.flow.Direction = verdict.Ingress
	if v.str("direction") == directionEgress {
		flow.flow.Direction = verdict.Egress
	}
	flow.flow.Protocol = protocol("TCP")
	if text := v.str("protocol"); text != "" {
		flow.flow.Protocol = protocol(text)
		if !verdict.KnownProtocol(flow.flow.Protocol) {
			fail("protocol", "The protocol is \"TCP\", \"UDP\", \"ICMP\", \"ICMPv6\", \"SCTP\", \"UDPLite\" or a number from 1 to 255.")
		}
	}
	if port, isInt := v["port"].(types.Int64); isInt && !port.IsNull() {
		if n := port.ValueInt64(); n < 1 || n > 65535 {
			fail("port", "A port is a number from 1 to 65535. Leave it out for every port.")
		} else {
			flow.flow.Port = uint16(n)
		}
	}
	peer, err := netip.ParsePrefix(asNet(v.str("cidr")))
	if err != nil {
		fail("cidr", "The far side is a network or an address, such as \"10.1.0.0/24\" or \"2001:db8:1::7\".")
	}
	flow.flow.Peer = peer.Masked()
	if text := v.str("endpoint_selector"); text != "" {
		if flow.endpoints, err = selector.Parse(selector.OneLine(text)); err != nil {
			fail("endpoint_selector", "It is not a selector: "+err.Error())
		}
	}
	return flow, ok
}
