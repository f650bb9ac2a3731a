package schemas

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/calico-terraform/terraform-provider-calico/internal/provider/spelling"
)

// RuleList returns a list of policy rules, for Resource to make blocks of. Every
// field of Calico's Rule has an attribute or block of the name that attributename
// gives it, which is how rules are translated (see package codec). Calico's rules about
// them are checked on the whole object (see validate.Validate), so there are no
// validators here.
func RuleList(description string) schema.ListNestedAttribute {
	return schema.ListNestedAttribute{
		MarkdownDescription: description,
		Optional:            true,
		NestedObject:        schema.NestedAttributeObject{Attributes: rule()},
	}
}

func rule() map[string]schema.Attribute {
	action := ruleText("What to do with traffic that the rule matches: `\"Allow\"`, `\"Deny\"`, `\"Log\"` (log it and go on to the next rule) or `\"Pass\"` (skip the rest of the tier).")
	action.Required, action.Optional = true, false
	return map[string]schema.Attribute{
		"action": action,
		"ip_version": schema.NumberAttribute{
			MarkdownDescription: "IP version to match: `4` or `6`. It must be that of the rule's networks.",
			Optional:            true,
		},
		"protocol":     ruleProtocol("Protocol to match: `\"TCP\"`, `\"UDP\"`, `\"ICMP\"`, `\"ICMPv6\"`, `\"SCTP\"`, `\"UDPLite\"` (spelled like this) or a number from `1` to `255`. Required if the rule has `icmp` or numbers of ports."),
		"not_protocol": ruleProtocol("Protocol not to match, such as `\"UDP\"`; the same values as for `protocol`."),
		"icmp":         ruleICMP("Type and code of ICMP to match, such as `icmp { type = 8 }`. `protocol` must be `\"ICMP\"` or `\"ICMPv6\"`."),
		"not_icmp":     ruleICMP("Type and code of ICMP not to match, such as `not_icmp { type = 8 }`."),
		"http": ruleObject("HTTP requests to match, such as `http { methods = [\"GET\"] }`. Only for inbound rules with the action `\"Allow\"`, and only at workloads with application layer policy.", map[string]schema.Attribute{
			"methods": ruleTexts("Methods, any of which matches, such as `[\"GET\", \"HEAD\"]`."),
			"path": schema.ListNestedAttribute{
				MarkdownDescription: "Path, a block each, any of which matches, such as `path { prefix = \"/api/\" }`. It has either `exact` or `prefix`.",
				Optional:            true,
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"exact":  ruleText("The whole path, such as `\"/healthz\"`."),
					"prefix": ruleText("Beginning of the path, such as `\"/api/\"`."),
				}},
			},
		}),
		"metadata": ruleObject("Notes on the rule, such as `metadata { annotations = { ticket = \"NET-1234\" } }`. They do not change what it matches.", map[string]schema.Attribute{
			"annotations": schema.MapAttribute{
				MarkdownDescription: "Annotations of the rule, such as `{ ticket = \"NET-1234\" }`.",
				ElementType:         types.StringType,
				Optional:            true,
			},
		}),
		"source":      ruleEntity("Where the traffic comes from, such as `source { nets = [\"10.1.0.0/24\"] }`. All conditions in it must match. Without the block: from anywhere.", "source"),
		"destination": ruleEntity("Where the traffic goes, such as `destination { ports = [443] }`. All conditions in it must match. Without the block: to anywhere.", "destination"),
	}
}

func ruleEntity(description, side string) schema.SingleNestedAttribute {
	return ruleObject(description, map[string]schema.Attribute{
		"nets":               ruleNets("Networks, any of which matches, such as `[\"10.0.0.0/8\", \"192.0.2.7/32\"]`: with a prefix length, without host bits, and all of one IP version in a rule."),
		"not_nets":           ruleNets("Networks not to match, such as `[\"10.9.0.0/16\"]`, in the form of `nets`."),
		"selector":           ruleSelector("Expression that selects endpoints and network sets by their labels, such as `\"role == 'db' && env in {'prod', 'staging'}\"`; their addresses match."),
		"not_selector":       ruleSelector("Expression that selects endpoints and network sets whose addresses do not match, such as `\"has(quarantine)\"`."),
		"namespace_selector": ruleSelector("Expression that narrows `selector` to endpoints in the namespaces it selects, such as `\"team == 'net'\"`; `\"global()\"` stands for endpoints outside of any namespace, such as host endpoints."),
		"ports":              rulePorts("Ports of the " + side + ", any of which matches: numbers, ranges and names of endpoints' ports, such as `[22, \"8000:8080\", \"http\"]`. `protocol` must be TCP, UDP or SCTP."),
		"not_ports":          rulePorts("Ports of the " + side + " not to match, such as `[22]`, in the form of `ports`."),
		"service_accounts": ruleObject("Kubernetes service accounts whose pods match, such as `service_accounts { names = [\"prometheus\"] }`. If both `names` and `selector` are given, both must match.", map[string]schema.Attribute{
			"names": schema.ListAttribute{
				MarkdownDescription: "Names of service accounts, such as `[\"prometheus\"]`. The order means nothing.",
				CustomType:          spelling.Unordered(types.StringType),
				Optional:            true,
			},
			"selector": ruleSelector("Expression that selects service accounts by their labels, such as `\"role == 'monitoring'\"`."),
		}),
		"services": ruleObject("Kubernetes service whose endpoints match, such as `services { name = \"kube-dns\" }` with its `namespace`. Calico resolves services in a Kubernetes datastore only: in an etcd datastore such a rule matches nothing. Only in the `source` of inbound and in the `destination` of outbound rules, and without networks, selectors and service accounts beside it.", map[string]schema.Attribute{
			"name":      ruleText("Name of the service, such as `\"kube-dns\"`. Required in `services`."),
			"namespace": ruleText("Namespace of the service, such as `\"kube-system\"`. Required in a global policy."),
		}),
	})
}

func ruleObject(description string, attributes map[string]schema.Attribute) schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		MarkdownDescription: description,
		Optional:            true,
		Attributes:          attributes,
	}
}

func ruleText(description string) schema.StringAttribute {
	return schema.StringAttribute{MarkdownDescription: description, Optional: true}
}

func ruleProtocol(description string) schema.StringAttribute {
	a := ruleText(description)
	a.CustomType = spelling.Protocol
	return a
}

func ruleSelector(description string) schema.StringAttribute {
	a := ruleText(description)
	a.CustomType = spelling.Selector
	return a
}

func ruleICMP(description string) schema.SingleNestedAttribute {
	number := func(description string) schema.NumberAttribute {
		return schema.NumberAttribute{MarkdownDescription: description, Optional: true}
	}
	return ruleObject(description, map[string]schema.Attribute{
		"type": number("Type, from `0` to `254`; an echo request is `8` in ICMP and `128` in ICMPv6."),
		"code": number("Code, from `0` to `255`. Only with `type`."),
	})
}

func ruleTexts(description string) schema.ListAttribute {
	return schema.ListAttribute{MarkdownDescription: description, ElementType: types.StringType, Optional: true}
}

func rulePorts(description string) schema.ListAttribute {
	a := ruleTexts(description)
	a.ElementType = spelling.Port
	return a
}

func ruleNets(description string) schema.ListAttribute {
	return schema.ListAttribute{MarkdownDescription: description + " The order means nothing.", CustomType: spelling.Unordered(spelling.Net), Optional: true}
}
