package provider

import (
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/schemas"
)

func stagedGlobalNetworkPolicyResource() definition {
	return definition{
		typeName: "staged_global_network_policy",
		kind:     calico.KindStagedGlobalNetworkPolicy,
		schema: schemas.Resource(
			"A `StagedGlobalNetworkPolicy`: a `GlobalNetworkPolicy` that is looked at but not enforced, to see what it would do. Calico knows staged policies from v3.30 on.",
			schemas.WithMetadata("staged policy", "allow-web", schemas.StagedGlobalNetworkPolicy()),
		),
		filled: schemas.StagedGlobalNetworkPolicyFilled,
	}
}
