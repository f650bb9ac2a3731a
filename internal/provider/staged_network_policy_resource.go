package provider

import (
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/schemas"
)

func stagedNetworkPolicyResource() definition {
	return definition{
		typeName: "staged_network_policy",
		kind:     calico.KindStagedNetworkPolicy,
		schema: schemas.Resource(
			"A `StagedNetworkPolicy`: a `NetworkPolicy` that is looked at but not enforced, to see what it would do. Calico knows staged policies from v3.30 on.",
			schemas.WithMetadata("staged policy", "allow-web", schemas.InNamespace("staged policy", schemas.StagedNetworkPolicy())),
		),
		filled: schemas.StagedNetworkPolicyFilled,
	}
}
