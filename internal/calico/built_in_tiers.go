package calico

import (
	"slices"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
)

// TierOfCalico is a tier that Calico makes on its first start, and what it may not
// be changed to.
type TierOfCalico struct {
	Name  string
	Order float64
	// Action is the only default action that the release accepts, or "" for either.
	Action v3.Action
}

// builtInTiers are those of a release, none where it has no tiers.
func (r Release) builtInTiers() []TierOfCalico {
	switch {
	case r.AtLeast(3, 32, 0):
		return []TierOfCalico{
			{"kube-admin", v3.KubeAdminTierOrder, v3.Pass},
			{DefaultTier, v3.DefaultTierOrder, v3.Deny},
			{"kube-baseline", v3.KubeBaselineTierOrder, v3.Pass},
		}
	case r.AtLeast(3, 30, 0):
		return []TierOfCalico{
			{"adminnetworkpolicy", v3.KubeAdminTierOrder, ""},
			{DefaultTier, v3.DefaultTierOrder, ""},
			{"baselineadminnetworkpolicy", v3.KubeBaselineTierOrder, ""},
		}
	case r.AtLeast(3, 29, 0):
		return []TierOfCalico{
			{"adminnetworkpolicy", v3.KubeAdminTierOrder, ""},
			{DefaultTier, v3.DefaultTierOrder, ""},
		}
	default:
		return nil
	}
}

// TierOfCalico returns the tier of a name, if it is one that the release makes by itself.
func (r Release) TierOfCalico(name string) (TierOfCalico, bool) {
	tiers := r.builtInTiers()
	i := slices.IndexFunc(tiers, func(t TierOfCalico) bool { return t.Name == name })
	if i < 0 {
		return TierOfCalico{}, false
	}
	return tiers[i], true
}

// BuiltInTier tells whether the tier is one that the release makes by itself, at
// each start at which it is missing. It is not to be deleted.
func BuiltInTier(name string, r Release) bool {
	_, ok := r.TierOfCalico(name)
	return ok
}

// BuiltInTiers returns the tiers that the release makes by itself, as it makes
// them; none where it has no tiers (before v3.29).
func BuiltInTiers(r Release) []*v3.Tier {
	var out []*v3.Tier
	for _, built := range r.builtInTiers() {
		action := v3.Pass
		if built.Name == DefaultTier {
			action = v3.Deny
		}
		t := v3.NewTier()
		t.Name, t.Spec.Order, t.Spec.DefaultAction = built.Name, &built.Order, &action
		out = append(out, t)
	}
	return out
}
