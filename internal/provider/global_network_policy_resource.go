package provider

import (
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/schemas"
)

func globalNetworkPolicyResource() definition {
	return definition{
		typeName: "global_network_policy",
		kind:     calico.KindGlobalNetworkPolicy,
		schema: schemas.Resource(
			"A `GlobalNetworkPolicy`: rules for all endpoints that its selector selects, of hosts and of workloads in any namespace.\n\n"+
				"~> **A policy decides for every endpoint that it selects.** Once any policy of a direction selects an endpoint, what no policy allows in that direction is dropped. Keep a [`calico_failsafe_policy`](failsafe_policy.md) before it, so that the hosts stay reachable.",
			schemas.WithMetadata("policy", "allow-web", schemas.GlobalNetworkPolicy()),
		),
		filled:         schemas.GlobalNetworkPolicyFilled,
		replaceWarning: policyReplaceWarning,
	}
}

// policyReplaceWarning tells that for a moment there is no policy.
func policyReplaceWarning(values) (summary, detail string) {
	return "Replacement Leaves a Gap", "The object is made anew under another name. Unless this resource has create_before_destroy = true in its lifecycle block, " +
		"the old policy is deleted first, and for a moment the endpoints are without it."
}
