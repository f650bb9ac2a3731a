package verdict

import (
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/cluster"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
)

func (w *World) addGlobalPolicy(tiers map[string]*tier, o *v3.GlobalNetworkPolicy) {
	// Calico joins these texts, and replaces in the whole: what all() means for the
	// namespace it then means for the endpoint too.
	text := o.Spec.Selector
	if o.Spec.NamespaceSelector != "" {
		text = joinPrefixed(text, w.prefixed(o.Spec.NamespaceSelector, namespacePrefix))
		text = strings.ReplaceAll(text, "all()", "has("+namespaceLabel+")")
	}
	if o.Spec.ServiceAccountSelector != "" {
		text = joinPrefixed(text, w.prefixed(o.Spec.ServiceAccountSelector, serviceAccountPrefix))
		text = strings.ReplaceAll(text, "all()", "has("+serviceAccountLabel+")")
	}
	p := &policy{stage: normal, forward: o.Spec.ApplyOnForward}
	switch {
	case o.Spec.DoNotTrack:
		p.stage = untracked
		w.untracks = true
	case o.Spec.PreDNAT:
		p.stage = preDNAT
	}
	w.addPolicy(tiers, p, o, text, o.Spec.Order, o.Spec.Types, o.Spec.Ingress, o.Spec.Egress)
	if p.stage == preDNAT {
		p.governs[Egress] = false
	}
}

func (w *World) addNamespacedPolicy(tiers map[string]*tier, o *v3.NetworkPolicy) {
	w.addPolicyOfNamespace(tiers, &policy{}, o)
}

func (w *World) addPolicyOfNamespace(tiers map[string]*tier, p *policy, o *v3.NetworkPolicy) {
	text := namespaceLabel + " == '" + o.Namespace + "'"
	if o.Spec.Selector != "" {
		text = "(" + o.Spec.Selector + ") && " + text
	}
	if o.Spec.ServiceAccountSelector != "" {
		text = joinPrefixed(text, w.prefixed(o.Spec.ServiceAccountSelector, serviceAccountPrefix))
	}
	// Up to v3.28, Calico's client for Felix gave these applyOnForward.
	p.stage, p.forward = normal, !w.release.AtLeast(3, 29, 0)
	w.addPolicy(tiers, p, o, text, o.Spec.Order, o.Spec.Types, o.Spec.Ingress, o.Spec.Egress)
}

// addKubernetesPolicy adds what Calico makes of a NetworkPolicy of Kubernetes. Its name in
// v3.32 is that of the NetworkPolicy itself, of a kind of its own.
func (w *World) addKubernetesPolicy(tiers map[string]*tier, o *cluster.Policy) {
	p := &policy{numbers: [2][]int{Ingress: o.Ingress, Egress: o.Egress}}
	if storage.NamingOf(w.release) == storage.NamingPlain {
		p.tieBreak = o.KubernetesName() + "/" + o.Namespace + "/KubernetesNetworkPolicy"
	}
	w.addPolicyOfNamespace(tiers, p, o.NetworkPolicy)
}

func (w *World) addPolicy(tiers map[string]*tier, p *policy, obj calico.Object, selectorText string,
	order *float64, types []v3.PolicyType, ingress, egress []v3.Rule,
) {
	p.id = calico.IDOf(obj)
	p.namespace = p.id.Namespace
	p.order = orderOf(order)
	stored := storage.NamingOf(w.release).StoredName(p.id)
	switch {
	case p.tieBreak != "":
	case storage.NamingOf(w.release) == storage.NamingPlain:
		p.tieBreak = stored + "/" + p.id.Namespace + "/" + string(p.id.Kind)
	case p.id.Namespace != "":
		p.tieBreak = p.id.Namespace + "/" + stored
	default:
		p.tieBreak = stored
	}
	// Felix takes a policy without types as one of both; Calico's client never
	// stores one.
	p.governs = [2]bool{len(types) == 0, len(types) == 0}
	for _, t := range types {
		switch {
		case strings.EqualFold(string(t), string(v3.PolicyTypeIngress)):
			p.governs[Ingress] = true
		case strings.EqualFold(string(t), string(v3.PolicyTypeEgress)):
			p.governs[Egress] = true
		}
	}
	chosen, err := w.parse(selectorText)
	if err != nil {
		return
	}
	p.selector = chosen.Unreplaced()
	var ok bool
	if p.rules, ok = w.rules(ingress, egress, p.id.Namespace); !ok {
		return
	}
	t := tierNamed(tiers, w.tierOf(p.id, stored))
	t.policies = append(t.policies, p)
}

// tierOf returns the tier in which Felix enforces the policy.
func (w *World) tierOf(id calico.ID, stored string) string {
	switch storage.NamingOf(w.release) {
	case storage.NamingPrefixed:
		return ""
	case storage.NamingTiered, storage.NamingAnnotated:
		// These read the tier from the stored name, whatever the object says.
		prefix, _, dotted := strings.Cut(stored, ".")
		if !dotted || calico.HasGeneratedForm(stored) {
			return calico.DefaultTier
		}
		return prefix
	case storage.NamingPlain:
	}
	if id.Tier == "" {
		return calico.DefaultTier
	}
	return id.Tier
}

func (w *World) sortTiers(tiers map[string]*tier) {
	for _, t := range tiers {
		slices.SortStableFunc(t.policies, func(a, b *policy) int {
			if a.order != b.order {
				return compareOrder(a.order, b.order)
			}
			return strings.Compare(a.tieBreak, b.tieBreak)
		})
		w.tiers = append(w.tiers, t)
	}
	slices.SortFunc(w.tiers, func(a, b *tier) int {
		switch {
		case a.exists != b.exists && a.exists:
			return -1
		case a.exists != b.exists:
			return 1
		case a.order != b.order:
			return compareOrder(a.order, b.order)
		default:
			return strings.Compare(a.name, b.name)
		}
	})
}

func compareOrder(a, b float64) int {
	if a < b {
		return -1
	}
	return 1
}
