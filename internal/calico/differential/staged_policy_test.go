package differential

import (
	"slices"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

func init() {
	staged := []member{{"stagedAction", 0.7, text([]string{"Set", "Delete", "Learn", "Ignore", ""}, []string{"set", "DELETE", "Set ", "x", "Update"})}}
	register(generatedKind{
		kind:  calico.KindStagedGlobalNetworkPolicy,
		since: calico.KindStagedGlobalNetworkPolicy.Since(),
		share: 2,
		schema: schemaOf{
			"StagedGlobalNetworkPolicy": envelope(calico.KindStagedGlobalNetworkPolicy, "policyMetadata", "stagedPolicy"),
			"stagedPolicy":              slices.Concat(staged, policyMembers(), globalPolicyMembers()),
		},
		settlers: map[string]settler{"StagedGlobalNetworkPolicy": settlePolicyName, "stagedPolicy": settleStaged},
	})
	register(generatedKind{
		kind:  calico.KindStagedNetworkPolicy,
		since: calico.KindStagedNetworkPolicy.Since(),
		share: 2,
		schema: schemaOf{
			"StagedNetworkPolicy": envelope(calico.KindStagedNetworkPolicy, "namespacedPolicyMetadata", "stagedNetworkPolicy"),
			"stagedNetworkPolicy": slices.Concat(staged, policyMembers()),
		},
		settlers: map[string]settler{"StagedNetworkPolicy": settlePolicyName, "stagedNetworkPolicy": settleStaged},
	})
}

// settleStaged leaves hardly anything to a policy that is to be deleted.
func settleStaged(g *generator, o object) {
	settlePolicy(g, o)
	if o["stagedAction"] != "Delete" {
		return
	}
	for _, m := range slices.Concat(policyMembers(), globalPolicyMembers()) {
		if m.name != "tier" && m.name != "types" && !g.chance(g.fault/2) {
			delete(o, m.name)
		}
	}
}
