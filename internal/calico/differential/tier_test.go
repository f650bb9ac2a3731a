package differential

import (
	"encoding/json"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

func init() {
	register(generatedKind{
		kind:  calico.KindTier,
		since: calico.KindTier.Since(),
		share: 1,
		schema: schemaOf{
			"Tier":         envelope(calico.KindTier, "tierMetadata", "tier"),
			"tierMetadata": append([]member{{"name", 1, text(append([]string{"kube-baseline", "baselineadminnetworkpolicy"}, tiers[1:]...), append(badTiers, badNames...))}}, labelsAndAnnotations()...),
			"tier": {
				{"order", 0.6, anyOf(append([]any{1000, 1000000, 10000000, json.Number("1e6")}, orders...), []any{nil}, []any{"10", true, json.Number("1e400"), []any{}})},
				{"defaultAction", 0.6, text([]string{"Deny", "Pass"}, []string{"", "Allow", "Log", "deny", "PASS", "Deny ", "drop"})},
			},
		},
		settlers: map[string]settler{"Tier": settleTier},
	})
}

// settleTier gives Calico's own tiers what belongs to them.
func settleTier(g *generator, o object) {
	// The one field that the API's newer types have and ours do not: users do not
	// write it.
	delete(o, "status")
	meta, _ := o["metadata"].(object)
	spec, _ := o["spec"].(object)
	name, _ := meta["name"].(string)
	orders := map[string]int{
		"default": 1000000, "adminnetworkpolicy": 1000, "baselineadminnetworkpolicy": 10000000, "kube-admin": 1000, "kube-baseline": 10000000,
	}
	if order, ok := orders[name]; ok && spec != nil && !g.chance(g.fault) {
		spec["order"], spec["defaultAction"] = order, "Pass"
		if name == "default" {
			spec["defaultAction"] = "Deny"
		}
	}
}
