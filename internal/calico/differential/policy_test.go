package differential

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

func init() {
	register(generatedKind{
		kind:  calico.KindGlobalNetworkPolicy,
		share: 7,
		schema: schemaOf{
			"GlobalNetworkPolicy": envelope(calico.KindGlobalNetworkPolicy, "policyMetadata", "policy"),
			"policy":              slices.Concat(policyMembers(), globalPolicyMembers()),
		},
		settlers: map[string]settler{"GlobalNetworkPolicy": settlePolicyName, "policy": settlePolicy},
	})
	register(generatedKind{
		kind:  calico.KindNetworkPolicy,
		share: 3,
		schema: schemaOf{
			"NetworkPolicy":            envelope(calico.KindNetworkPolicy, "namespacedPolicyMetadata", "networkPolicy"),
			"networkPolicy":            policyMembers(),
			"namespacedPolicyMetadata": slices.Concat([]member{{"namespace", 0.9, text(namespaces, badNamespaces)}, {"name", 1, text(append(madeNames, policyNames...), append(badMadeNames, badPolicyNames...))}}, labelsAndAnnotations()),
		},
		settlers: map[string]settler{"NetworkPolicy": settlePolicyName, "networkPolicy": settlePolicy},
	})
}

// policyMembers are the fields of every policy.
func policyMembers() []member {
	return []member{
		{"tier", 0.2, text(tiers, badTiers)},
		{"order", 0.3, anyOf(orders, []any{nil}, []any{"10", true, json.Number("1e400"), []any{}})},
		{"ingress", 0.7, list(3, of1("rule"))},
		{"egress", 0.6, list(3, of1("rule"))},
		{"selector", 0.6, text(selectors, badSelectors)},
		{"types", 0.5, anyOf(typeLists, badTypeLists, []any{[]any{1}, "Ingress", []any{[]any{}}})},
		{"serviceAccountSelector", 0.15, text(selectors, badSelectors)},
		{"performanceHints", 0.15, anyOf([]any{[]any{hint}, []any{}, nil}, []any{[]any{hint, hint}, []any{"x"}, []any{"x", "x"}, []any{"x", hint}, []any{""}, []any{hint, hint, "x"}}, []any{hint, []any{1}})},
	}
}

// globalPolicyMembers are the fields of policies that belong to no namespace.
func globalPolicyMembers() []member {
	return []member{
		{"doNotTrack", 0.15, boolean(0.5)},
		{"preDNAT", 0.15, boolean(0.5)},
		{"applyOnForward", 0.2, boolean(0.5)},
		{"namespaceSelector", 0.15, text(selectors, badSelectors)},
	}
}

// settlePolicyName gives a policy a name that goes with its tier in the release.
func settlePolicyName(g *generator, o object) {
	spec, _ := o["spec"].(object)
	meta, _ := o["metadata"].(object)
	tier, _ := spec["tier"].(string)
	name, _ := meta["name"].(string)
	if meta == nil || spec == nil || g.chance(g.fault) {
		return
	}
	if !g.release.AtLeast(3, 29, 0) {
		if tier != "" && tier != "default" {
			delete(spec, "tier")
		}
		return
	}
	switch {
	case strings.Contains(name, "."):
	case tier == "", tier == "default":
		if g.chance(0.3) && len(name) < 200 {
			meta["name"] = "default." + name
		}
	case !strings.Contains(tier, ".") && len(tier)+len(name) < 253:
		meta["name"] = tier + "." + name
	}
}

func settlePolicy(g *generator, o object) {
	preDNAT, doNotTrack := o["preDNAT"] == true, o["doNotTrack"] == true
	if preDNAT && doNotTrack && !g.chance(g.fault) {
		doNotTrack = false
		delete(o, "doNotTrack")
	}
	if (preDNAT || doNotTrack) && !g.chance(g.fault) {
		o["applyOnForward"] = true
	}
	if preDNAT && !g.chance(g.fault) {
		delete(o, "egress")
		o["types"] = []any{"Ingress"}
	}
	for _, direction := range []string{"ingress", "egress"} {
		rules, _ := o[direction].([]any)
		for _, r := range rules {
			settleSide(g, direction, r)
		}
	}
}
