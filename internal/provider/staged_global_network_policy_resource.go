package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

func newStagedGlobalNetworkPolicyResource() resource.Resource {
	return &objectResource{definition: definition{
		typeName: "staged_global_network_policy",
		kind:     calico.KindStagedGlobalNetworkPolicy,
		schema: withBlocks(schema.Schema{
			MarkdownDescription: "A `StagedGlobalNetworkPolicy`: a `GlobalNetworkPolicy` that is looked at but not enforced, to see what it would do. Calico knows staged policies from v3.30 on.",
			Attributes:          withMetadata("staged policy", "allow-web", stagedGlobalNetworkPolicyAttributes()),
		}),
		filled: stagedPolicyFilled,
	}}
}
