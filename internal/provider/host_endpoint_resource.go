package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

func newHostEndpointResource() resource.Resource {
	return &objectResource{definition: definition{
		typeName: "host_endpoint",
		kind:     calico.KindHostEndpoint,
		schema: schema.Schema{
			MarkdownDescription: "A host endpoint: a network interface of a host (a server, a virtual machine) that Calico's policies protect.\n\n" +
				"~> The moment a host endpoint exists, Calico drops all traffic of its interface that no policy allows, but for the built-in failsafe ports. " +
				"Put a [`calico_failsafe_policy`](failsafe_policy.md) in place first, and let every host endpoint depend on it with `depends_on`.",
			Attributes: withMetadata("host endpoint", map[string]schema.Attribute{
				"node": schema.StringAttribute{
					MarkdownDescription: "Name of the host as Calico knows it, such as `\"db1\"`: by default its hostname, in lower case. Calico does not check that the host exists; an endpoint of an unknown host protects nothing.",
					Required:            true,
				},
				"interface_name": schema.StringAttribute{
					MarkdownDescription: "Name of the interface, such as `\"eth0\"`, up to 15 characters; or `\"*\"` for all interfaces of the host at once. Either this or `expected_ips` is required.",
					Optional:            true,
				},
				"expected_ips": schema.SetAttribute{
					MarkdownDescription: "IPv4 and IPv6 addresses of the interface, such as `[\"10.0.0.5\", \"2001:db8::5\"]`. Without `interface_name` they tell which interface is meant. Selectors in rules of other policies find the endpoint by these addresses only.",
					ElementType:         ipType,
					Optional:            true,
				},
				"profiles": schema.ListAttribute{
					MarkdownDescription: "Names of the profiles whose rules apply after all policies, in this order, such as `[\"projectcalico-default-allow\"]`.",
					ElementType:         types.StringType,
					Optional:            true,
				},
				"ports": schema.ListNestedAttribute{
					MarkdownDescription: "Named ports, which rules can refer to by their names.",
					Optional:            true,
					NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
						"name": schema.StringAttribute{
							MarkdownDescription: "Name of the port, such as `\"https\"`: up to 15 lower-case letters, digits and dashes, with a letter among them.",
							Required:            true,
						},
						"port": schema.Int64Attribute{
							MarkdownDescription: "Number of the port, from `1` to `65535`.",
							Required:            true,
						},
						"protocol": schema.StringAttribute{
							MarkdownDescription: "Protocol of the port: `\"TCP\"`, `\"UDP\"` or `\"SCTP\"`.",
							CustomType:          protocolType,
							Required:            true,
						},
					}},
				},
			}),
		},
	}}
}
