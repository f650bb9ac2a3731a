package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

func newNetworkSetResource() resource.Resource {
	return &objectResource{definition: definition{
		typeName: "network_set",
		kind:     calico.KindNetworkSet,
		schema: withBlocks(schema.Schema{
			MarkdownDescription: "A `NetworkSet`: networks and addresses that the policies of one namespace refer to by labels. For policies of hosts use [`calico_global_network_set`](global_network_set.md).",
			Attributes:          withMetadata("network set", "partners", inNamespace("network set", networkSetAttributes())),
		}),
	}}
}
