// Package failsafepolicy is the resource calico_failsafe_policy, whose attributes are not
// the fields of an object: what its attributes are, which policy they make, and which
// attributes a policy is read as.
package failsafepolicy

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/calico-terraform/terraform-provider-calico/internal/provider/schemas"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/spelling"
)

// Schema returns the attributes and blocks of the resource.
func Schema() schema.Schema {
	return schemas.Resource(
		"A `GlobalNetworkPolicy` that keeps hosts reachable once host endpoints protect them: "+
			"the [failsafe policy that Calico's reference recommends](https://docs.tigera.io/calico/latest/reference/host-endpoints/connectivity), made from the addresses of your network. "+
			"It allows SSH from the management networks, ICMP, and the hosts' own traffic to DHCP and to etcd or the API servers of Kubernetes. The function [`manifest`](../functions/manifest.md) shows all of its rules, as YAML: `provider::calico::manifest(calico_failsafe_policy.this.object)`.\n\n"+
			"~> **Keep this policy for as long as there is a host endpoint.** Name it in the `depends_on` of every [`calico_host_endpoint`](host_endpoint.md), so that Terraform creates it before them and destroys it after them.\n\n"+
			"~> **The default `selector` includes workloads.** If any policy selects an endpoint, Calico drops what no policy allows there, and its profiles no longer count. If workloads have no policies of their own, select hosts only.",
		schemas.WithMetadata("policy", defaultName, map[string]schema.Attribute{
			"name": schema.StringAttribute{
				MarkdownDescription: "Name of the policy, such as `\"failsafe-east\"`. Default: `\"failsafe\"`. Changing it replaces the policy: with `create_before_destroy` in `lifecycle` the new one is there before the old one goes.",
				Optional:            true, Computed: true,
			},
			"selector": schema.StringAttribute{
				MarkdownDescription: "Expression that selects, by their labels, the endpoints that the policy applies to, on one line or on several. Default: `\"all()\"`, hosts and workloads. `\"!has(projectcalico.org/namespace)\"` selects hosts only.",
				CustomType:          spelling.PolicySelector,
				Optional:            true, Computed: true,
			},
			"order": schema.NumberAttribute{
				MarkdownDescription: "Order among the policies of its tier, the lowest first, such as `-10`. Default: `0`.",
				Optional:            true, Computed: true,
			},
			"tier": schema.StringAttribute{
				MarkdownDescription: "Name of the tier that the policy belongs to, such as `\"security\"`; the tier must exist. If a tier comes before `\"default\"`, put the policy into the first one, so that no policy there can come before it. Up to v3.31 its name then begins with that of its tier (`\"security.failsafe\"`). Tiers came with v3.29; before, there is only `\"default\"`. Default: `\"default\"`.",
				Optional:            true, Computed: true,
			},
			"management_cidrs": schema.ListAttribute{
				MarkdownDescription: "Networks and addresses that may open SSH to the hosts, such as `[\"10.1.0.0/24\", \"2001:db8:1::7\"]`; at least one. An address without a prefix length is that address alone. The attribute `object` shows them too, be they marked as sensitive here or not. The order means nothing.",
				CustomType:          spelling.Unordered(spelling.HostNet),
				Required:            true,
			},
			"management_ports": schema.ListAttribute{
				MarkdownDescription: "TCP ports that are open to `management_cidrs`: numbers and ranges, such as `[22, \"2200:2210\"]`. Default: `[22]`.",
				ElementType:         spelling.Port,
				Optional:            true, Computed: true,
				Validators: []validator.List{listvalidator.SizeAtLeast(1)},
			},
			"etcd_server": servers("An etcd server that hosts must be able to reach, a block each and one rule for each in this order, such as `etcd_server { address = \"10.2.0.11\" }`. Default: none.",
				"TCP ports of the server: numbers and ranges, such as `[2379, 2380]`. Default: `[2379]`."),
			"api_server": servers("An API server of Kubernetes that hosts must be able to reach, a block each and one rule for each in this order, after those of etcd, such as `api_server { address = \"10.2.0.21\" }`. If hosts reach the API servers through a load balancer, give the address of that. In the Kubernetes datastore, Felix needs it when the built-in failsafe ports are switched off. Default: none. An import takes a rule for port 6443 or 443, and the servers after it, for API servers.",
				"TCP ports of the server: numbers and ranges, such as `[443]`. Default: `[6443]`."),
			"allow_icmp": schema.BoolAttribute{
				MarkdownDescription: "Whether inbound ICMP, such as a ping, is allowed. Default: `true`.",
				Optional:            true, Computed: true,
			},
			"allow_icmpv6": schema.BoolAttribute{
				MarkdownDescription: "Whether ICMPv6 is allowed in both directions, which IPv6 neighbour discovery needs. Default: `true` if `management_cidrs`, `etcd_server`, `api_server` or `bgp_peers` has an IPv6 address, otherwise `false`.",
				Optional:            true, Computed: true,
			},
			"allow_dhcp": schema.BoolAttribute{
				MarkdownDescription: "Whether outbound DHCP (UDP port 67) is allowed, and DHCPv6 (UDP port 547) too if `management_cidrs`, `etcd_server`, `api_server` or `bgp_peers` has an IPv6 address. Default: `true`.",
				Optional:            true, Computed: true,
			},
			"bgp_peers": schema.ListAttribute{
				MarkdownDescription: "Networks and addresses of BGP peers, with which TCP port 179 is open in both directions, such as `[\"10.3.0.0/24\"]`; `[\"0.0.0.0/0\"]` is any IPv4 peer. Needed if Calico routes the traffic of workloads by BGP. Default: none. The order means nothing.",
				CustomType:          spelling.Unordered(spelling.HostNet),
				Optional:            true,
			},
			"extra_ingress": schemas.RuleList("Further rules for inbound traffic, after the generated ones and in this order, a block each, such as `extra_ingress { action = \"Allow\" }` with `protocol = \"TCP\"` and `destination { ports = [9100] }` in it. Default: none."),
			"extra_egress":  schemas.RuleList("Further rules for outbound traffic, after the generated ones and in this order, a block each, such as `extra_egress { action = \"Allow\" }` with `protocol = \"UDP\"` and `destination { ports = [53] }` in it. Default: none."),
			"rule_drift": schema.ListAttribute{
				MarkdownDescription: "What somebody has made of the rules behind Terraform's back, if the other attributes cannot say it: a line for each rule that is there and should not be, such as `\"ingress: Allow TCP from 10.9.0.0/24\"`, and for each that is missing (`\"missing ingress: ...\"`). The next apply puts it right; then it is null.",
				ElementType:         types.StringType,
				Computed:            true,
			},
		}),
	)
}

// servers is a list of servers that hosts must reach.
func servers(description, ports string) schema.ListNestedAttribute {
	return schema.ListNestedAttribute{
		MarkdownDescription: description,
		Optional:            true,
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"address": schema.StringAttribute{
				MarkdownDescription: "Address of the server, such as `\"10.2.0.11\"`, or a network of servers, such as `\"2001:db8:2::/64\"`.",
				CustomType:          spelling.HostNet,
				Required:            true,
			},
			"ports": schema.ListAttribute{
				MarkdownDescription: ports,
				ElementType:         spelling.Port,
				Optional:            true, Computed: true,
				Validators: []validator.List{listvalidator.SizeAtLeast(1)},
			},
		}},
	}
}
