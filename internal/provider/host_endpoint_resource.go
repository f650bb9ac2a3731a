package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/schemas"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/spelling"
)

func hostEndpointResource() definition {
	return definition{
		typeName: "host_endpoint",
		kind:     calico.KindHostEndpoint,
		refuse:   refuseAutomatic,
		schema: schemas.Resource(
			"A `HostEndpoint`: a network interface of a host, or all of its interfaces, to which Calico's policies apply.\n\n"+
				"~> **A host endpoint without a policy cuts the host off.** As soon as it exists, Calico drops every new connection to and from the host on that interface that no policy or profile allows, except on Calico's built-in failsafe ports. "+
				"Create a [`calico_failsafe_policy`](failsafe_policy.md) first and name it in the `depends_on` of every host endpoint, as below: Terraform then creates the policy first, and destroys it last.",
			schemas.WithMetadata("host endpoint", "db1-eth0", map[string]schema.Attribute{
				"node": schema.StringAttribute{
					MarkdownDescription: "Name of the host as Calico's Felix knows it, such as `\"db1\"`: by default the hostname in lower case. Calico does not check that there is such a host; if there is none, nothing is protected.",
					Required:            true,
				},
				"interface_name": schema.StringAttribute{
					MarkdownDescription: "Name of the interface, such as `\"eth0\"`, or `\"*\"` for all interfaces of the host. Default: none; then `expected_ips` is required, and tells the interface. Calico does not check that there is such an interface; if there is none, nothing is protected.",
					Optional:            true,
				},
				"expected_ips": schema.ListAttribute{
					MarkdownDescription: "Addresses of the interface, IPv4 and IPv6, such as `[\"10.0.0.5\", \"2001:db8::5\"]`. Default: none; then `interface_name` is required. A rule elsewhere that selects this endpoint by its labels matches these addresses, and no others. The order means nothing.",
					CustomType:          spelling.Unordered(spelling.IP),
					Optional:            true,
				},
				"profiles": schema.ListAttribute{
					MarkdownDescription: "Names of profiles, such as `[\"projectcalico-default-allow\"]`. Default: none. In this order, their rules decide about traffic in a direction for which no policy selects the endpoint.",
					ElementType:         types.StringType,
					Optional:            true,
				},
				"port": schema.ListNestedAttribute{
					MarkdownDescription: "Port that rules may refer to by name, a block each, such as `port { name = \"postgres\" }` with `port = 5432` and `protocol = \"TCP\"` in it. It names the port and does not open it. Default: none.",
					Optional:            true,
					NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
						"name": schema.StringAttribute{
							MarkdownDescription: "Name of the port, such as `\"postgres\"`: up to 15 lower-case letters, digits and dashes, at least one of them a letter.",
							Required:            true,
						},
						"port": schema.NumberAttribute{
							MarkdownDescription: "Number of the port, such as `5432`.",
							Required:            true,
						},
						"protocol": schema.StringAttribute{
							MarkdownDescription: "Protocol of the port: `\"TCP\"`, `\"UDP\"` or `\"SCTP\"`.",
							CustomType:          spelling.Protocol,
							Required:            true,
						},
					}},
				},
			}),
		),
	}
}

// refuseAutomatic tells why a host endpoint that kube-controllers has made is not
// Terraform's to manage; "" for another.
func refuseAutomatic(obj calico.Object) string {
	if obj.GetLabels()[calico.CreatedByLabel] == "" {
		return ""
	}
	return "kube-controllers has made it for a node, as its label " + calico.CreatedByLabel + " tells, and takes back what others change of it. " +
		"Make a host endpoint of another name for the node, or have kube-controllers make none (calico_kube_controllers_configuration)."
}
