package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// ruleList returns a list of policy rules as an attribute. Every field of
// Calico's Rule has an attribute of the name that attributeName gives it, which
// is how rules are translated (see codec.go). Calico's rules about them are
// checked on the whole object (see calico.Validate), so there are no validators
// here.
//
// A computed list is for rules that the provider makes: nothing in it can be set.
func ruleList(description string, computed bool) schema.ListNestedAttribute {
	b := ruleBuilder{computed: computed}
	return schema.ListNestedAttribute{
		MarkdownDescription: description,
		Optional:            !computed,
		Computed:            computed,
		NestedObject:        schema.NestedAttributeObject{Attributes: b.rule()},
	}
}

type ruleBuilder struct{ computed bool }

func (b ruleBuilder) rule() map[string]schema.Attribute {
	action := b.text("What to do with a packet that matches: `Allow`, `Deny`, `Log` (write a log line and go on to the next rule) or `Pass` (skip the rest of the tier).")
	action.Required, action.Optional = !b.computed, false
	return map[string]schema.Attribute{
		"action": action,
		"ip_version": schema.Int64Attribute{
			MarkdownDescription: "Matches this IP version only: `4` or `6`. Where nets are given, it must be theirs.",
			Optional:            !b.computed, Computed: b.computed,
		},
		"protocol":     b.protocol("Matches this protocol only: `\"TCP\"`, `\"UDP\"`, `\"ICMP\"`, `\"ICMPv6\"`, `\"SCTP\"`, `\"UDPLite\"` (in just this case) or a number from `1` to `255`. Required where ports or `icmp` are given."),
		"not_protocol": b.protocol("Matches every protocol but this one. Same values as `protocol`."),
		"icmp":         b.icmp("Matches ICMP packets of one type, such as `{ type = 8 }` for a ping. Needs `protocol = \"ICMP\"` or `\"ICMPv6\"`."),
		"not_icmp":     b.icmp("Matches all but ICMP packets of one type, such as `{ type = 8, code = 0 }`."),
		"http": b.object("Matches HTTP requests. Works only on workload endpoints with application layer policy, in ingress rules whose action is `Allow`.", map[string]schema.Attribute{
			"methods": b.list("HTTP methods, any of which matches, such as `[\"GET\", \"HEAD\"]`."),
			"paths": schema.ListNestedAttribute{
				MarkdownDescription: "Paths, any of which matches. Each has exactly one of `exact` and `prefix`.",
				Optional:            !b.computed, Computed: b.computed,
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"exact":  b.text("Matches this path only, such as `\"/healthz\"`."),
					"prefix": b.text("Matches every path that begins so, such as `\"/api/\"`."),
				}},
			},
		}),
		"metadata": b.object("Notes on the rule, which Calico keeps and hands on to its logs.", map[string]schema.Attribute{
			"annotations": schema.MapAttribute{
				MarkdownDescription: "Annotations of the rule, such as `{ ticket = \"NET-1234\" }`.",
				ElementType:         types.StringType,
				Optional:            !b.computed, Computed: b.computed,
			},
		}),
		"source":      b.entity("Where the packet comes from. All that is given must match.", "source"),
		"destination": b.entity("Where the packet goes. All that is given must match.", "destination"),
	}
}

func (b ruleBuilder) entity(description, side string) schema.SingleNestedAttribute {
	return b.object(description, map[string]schema.Attribute{
		"nets":               b.nets("Matches addresses in any of these networks, such as `[\"10.0.0.0/8\", \"192.0.2.7/32\"]`. Calico wants the mask, and no bits behind it. One rule holds networks of one IP version."),
		"not_nets":           b.nets("Matches addresses outside of all these networks. Same form as `nets`."),
		"selector":           b.selector("Matches the addresses of endpoints and network sets whose labels this expression selects, such as `role == 'db' && env in {'prod', 'staging'}`."),
		"not_selector":       b.selector("Matches all but the addresses of endpoints and network sets that this expression selects, such as `has(quarantine)`."),
		"namespace_selector": b.selector("Restricts `selector` to the namespaces that this expression selects, such as `team == 'net'`; `global()` stands for what has no namespace, such as host endpoints."),
		"ports":              b.ports("Matches these " + side + " ports: numbers, ranges and names of ports of endpoints, such as `[22, \"8000:8080\", \"http\"]`. Needs a `protocol` of TCP, UDP or SCTP."),
		"not_ports":          b.ports("Matches all but these " + side + " ports. Same form as `ports`."),
		"service_accounts": b.object("Matches the pods of Kubernetes service accounts. Where both are given, both must match.", map[string]schema.Attribute{
			"names": schema.SetAttribute{
				MarkdownDescription: "Names of service accounts, such as `[\"prometheus\"]`.",
				ElementType:         types.StringType,
				Optional:            !b.computed, Computed: b.computed,
			},
			"selector": b.selector("An expression over the labels of service accounts, such as `role == 'monitoring'`."),
		}),
		"services": b.object("Matches the endpoints of a Kubernetes service: in `source` of ingress rules and in `destination` of egress rules only, and with no other match in the same place.", map[string]schema.Attribute{
			"name":      b.text("Name of the service, such as `\"kube-dns\"`."),
			"namespace": b.text("Namespace of the service, such as `\"kube-system\"`. Required in a global policy."),
		}),
	})
}

func (b ruleBuilder) object(description string, attributes map[string]schema.Attribute) schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{MarkdownDescription: description, Optional: !b.computed, Computed: b.computed, Attributes: attributes}
}

func (b ruleBuilder) text(description string) schema.StringAttribute {
	return schema.StringAttribute{MarkdownDescription: description, Optional: !b.computed, Computed: b.computed}
}

func (b ruleBuilder) protocol(description string) schema.StringAttribute {
	a := b.text(description)
	a.CustomType = protocolType
	return a
}

func (b ruleBuilder) selector(description string) schema.StringAttribute {
	a := b.text(description)
	a.CustomType = selectorType
	return a
}

func (b ruleBuilder) icmp(description string) schema.SingleNestedAttribute {
	number := func(description string) schema.Int64Attribute {
		return schema.Int64Attribute{MarkdownDescription: description, Optional: !b.computed, Computed: b.computed}
	}
	return b.object(description, map[string]schema.Attribute{
		"type": number("ICMP type, from `0` to `254`: `8` is an echo request."),
		"code": number("ICMP code, from `0` to `255`. Needs `type`."),
	})
}

func (b ruleBuilder) list(description string) schema.ListAttribute {
	return schema.ListAttribute{MarkdownDescription: description, ElementType: types.StringType, Optional: !b.computed, Computed: b.computed}
}

func (b ruleBuilder) ports(description string) schema.ListAttribute {
	a := b.list(description)
	a.ElementType = portType
	return a
}

func (b ruleBuilder) nets(description string) schema.SetAttribute {
	return schema.SetAttribute{MarkdownDescription: description, ElementType: netType, Optional: !b.computed, Computed: b.computed}
}
