package provider

import (
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/schemas"
)

func networkPolicyResource() definition {
	return definition{
		typeName: "network_policy",
		kind:     calico.KindNetworkPolicy,
		schema: schemas.Resource(
			"A `NetworkPolicy`: rules for the workloads of one namespace that its selector selects. It does not apply to host endpoints, which are in no namespace: for them use [`calico_global_network_policy`](global_network_policy.md).",
			schemas.WithMetadata("policy", "allow-web", schemas.InNamespace("policy", schemas.NetworkPolicy())),
		),
		filled:         schemas.NetworkPolicyFilled,
		replaceWarning: policyReplaceWarning,
	}
}
