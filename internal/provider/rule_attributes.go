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
		NestedObject:        nestedObject(b.rule()),
	}
}

// nestedObject is an object in a list. The framework would otherwise make its type
// anew for each value in it, each time that it looks at one: that was a quarter
// of the time of a plan of policies.
func nestedObject(attributes map[string]schema.Attribute) schema.NestedAttributeObject {
	o := schema.NestedAttributeObject{Attributes: attributes}
	o.CustomType = o.Type()
	return o
}

type ruleBuilder struct{ computed bool }

func (b ruleBuilder) rule() map[string]schema.Attribute {
	action := b.text("What to do with traffic that the rule matches: `\"Allow\"`, `\"Deny\"`, `\"Log\"` (log it and go on to the next rule) or `\"Pass\"` (skip the rest of the tier).")
	action.Required, action.Optional = !b.computed, false
	return map[string]schema.Attribute{
		"action": action,
		"ip_version": schema.Int64Attribute{
			MarkdownDescription: "IP version to match: `4` or `6`. It must be that of the rule's networks.",
			Optional:            !b.computed, Computed: b.computed,
		},
		"protocol":     b.protocol("Protocol to match: `\"TCP\"`, `\"UDP\"`, `\"ICMP\"`, `\"ICMPv6\"`, `\"SCTP\"`, `\"UDPLite\"` (spelled like this) or a number from `1` to `255`. Required where the rule has `icmp` or numbers of ports."),
		"not_protocol": b.protocol("Protocol not to match, such as `\"UDP\"`; the same values as for `protocol`."),
		"icmp":         b.icmp("Type and code of ICMP to match, such as `{ type = 8 }`. `protocol` must be `\"ICMP\"` or `\"ICMPv6\"`."),
		"not_icmp":     b.icmp("Type and code of ICMP not to match, such as `{ type = 8, code = 0 }`."),
		"http": b.object("HTTP requests to match, such as `{ methods = [\"GET\"] }`. Only for inbound rules with the action `\"Allow\"`, and only at workloads with application layer policy.", map[string]schema.Attribute{
			"methods": b.list("Methods, any of which matches, such as `[\"GET\", \"HEAD\"]`."),
			"paths": schema.ListNestedAttribute{
				MarkdownDescription: "Paths, any of which matches, such as `[{ prefix = \"/api/\" }]`. Each has either `exact` or `prefix`.",
				Optional:            !b.computed, Computed: b.computed,
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"exact":  b.text("The whole path, such as `\"/healthz\"`."),
					"prefix": b.text("Beginning of the path, such as `\"/api/\"`."),
				}},
			},
		}),
		"metadata": b.object("Notes on the rule, such as `{ annotations = { ticket = \"NET-1234\" } }`. They do not change what it matches.", map[string]schema.Attribute{
			"annotations": schema.MapAttribute{
				MarkdownDescription: "Annotations of the rule, such as `{ ticket = \"NET-1234\" }`.",
				ElementType:         types.StringType,
				Optional:            !b.computed, Computed: b.computed,
			},
		}),
		"source":      b.entity("Where the traffic comes from, such as `{ nets = [\"10.1.0.0/24\"] }`. All conditions in it must match.", "source"),
		"destination": b.entity("Where the traffic goes, such as `{ ports = [443] }`. All conditions in it must match.", "destination"),
	}
}

func (b ruleBuilder) entity(description, side string) schema.SingleNestedAttribute {
	return b.object(description, map[string]schema.Attribute{
		"nets":               b.nets("Networks, any of which matches, such as `[\"10.0.0.0/8\", \"192.0.2.7/32\"]`: with a prefix length, without host bits, and all of one IP version in a rule."),
		"not_nets":           b.nets("Networks not to match, such as `[\"10.9.0.0/16\"]`, in the form of `nets`."),
		"selector":           b.selector("Expression that selects endpoints and network sets by their labels, such as `\"role == 'db' && env in {'prod', 'staging'}\"`; their addresses match."),
		"not_selector":       b.selector("Expression that selects endpoints and network sets whose addresses do not match, such as `\"has(quarantine)\"`."),
		"namespace_selector": b.selector("Expression that narrows `selector` to endpoints in the namespaces it selects, such as `\"team == 'net'\"`; `\"global()\"` stands for endpoints outside of any namespace, such as host endpoints."),
		"ports":              b.ports("Ports of the " + side + ", any of which matches: numbers, ranges and names of endpoints' ports, such as `[22, \"8000:8080\", \"http\"]`. `protocol` must be TCP, UDP or SCTP."),
		"not_ports":          b.ports("Ports of the " + side + " not to match, such as `[22]`, in the form of `ports`."),
		"service_accounts": b.object("Kubernetes service accounts whose pods match, such as `{ names = [\"prometheus\"] }`. Where both `names` and `selector` are given, both must match.", map[string]schema.Attribute{
			"names": schema.SetAttribute{
				MarkdownDescription: "Names of service accounts, such as `[\"prometheus\"]`.",
				ElementType:         types.StringType,
				Optional:            !b.computed, Computed: b.computed,
			},
			"selector": b.selector("Expression that selects service accounts by their labels, such as `\"role == 'monitoring'\"`."),
		}),
		"services": b.object("Kubernetes service whose endpoints match, such as `{ name = \"kube-dns\", namespace = \"kube-system\" }`. Only in the `source` of inbound and in the `destination` of outbound rules, and without networks, selectors and service accounts beside it.", map[string]schema.Attribute{
			"name":      b.text("Name of the service, such as `\"kube-dns\"`. Required in `services`."),
			"namespace": b.text("Namespace of the service, such as `\"kube-system\"`. Required in a global policy."),
		}),
	})
}

func (b ruleBuilder) object(description string, attributes map[string]schema.Attribute) schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		MarkdownDescription: description,
		Optional:            !b.computed, Computed: b.computed,
		Attributes: attributes,
		CustomType: nestedObject(attributes).CustomType,
	}
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
		"type": number("Type, from `0` to `254`; an echo request is `8` in ICMP and `128` in ICMPv6."),
		"code": number("Code, from `0` to `255`. Only with `type`."),
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
