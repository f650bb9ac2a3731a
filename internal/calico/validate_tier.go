package calico

import (
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
)

// builtInTier is a tier that Calico makes on its first start, and what it may not
// be changed to.
type builtInTier struct {
	name  string
	order float64
	// action is the only default action that the release accepts, or "" for either.
	action v3.Action
}

// builtInTiers are those of a release, none where it has no tiers.
func (r Release) builtInTiers() []builtInTier {
	switch {
	case r.AtLeast(3, 32, 0):
		return []builtInTier{
			{"kube-admin", v3.KubeAdminTierOrder, v3.Pass},
			{DefaultTier, v3.DefaultTierOrder, v3.Deny},
			{"kube-baseline", v3.KubeBaselineTierOrder, v3.Pass},
		}
	case r.AtLeast(3, 30, 0):
		return []builtInTier{
			{"adminnetworkpolicy", v3.KubeAdminTierOrder, ""},
			{DefaultTier, v3.DefaultTierOrder, ""},
			{"baselineadminnetworkpolicy", v3.KubeBaselineTierOrder, ""},
		}
	case r.AtLeast(3, 29, 0):
		return []builtInTier{
			{"adminnetworkpolicy", v3.KubeAdminTierOrder, ""},
			{DefaultTier, v3.DefaultTierOrder, ""},
		}
	default:
		return nil
	}
}

func (r Release) builtInTier(name string) (builtInTier, bool) {
	tiers := r.builtInTiers()
	i := slices.IndexFunc(tiers, func(t builtInTier) bool { return t.name == name })
	if i < 0 {
		return builtInTier{}, false
	}
	return tiers[i], true
}

// BuiltInTier tells whether the tier is one that the release makes by itself, at
// each start at which it is missing. It is not to be deleted.
func BuiltInTier(name string, r Release) bool {
	_, ok := r.builtInTier(name)
	return ok
}

// BuiltInTiers returns the tiers that the release makes by itself, as it makes
// them; none where it has no tiers (before v3.29).
func BuiltInTiers(r Release) []*v3.Tier {
	var out []*v3.Tier
	for _, built := range r.builtInTiers() {
		action := v3.Pass
		if built.name == DefaultTier {
			action = v3.Deny
		}
		t := v3.NewTier()
		t.Name, t.Spec.Order, t.Spec.DefaultAction = built.name, &built.order, &action
		out = append(out, t)
	}
	return out
}

// tierObject checks a Tier.
func (c *checker) tierObject(t *v3.Tier) {
	meta := NewPath("metadata")
	c.tierName(meta.Field("name"), t.Name)
	c.namespace(meta.Field("namespace"), t)
	c.labels(meta.Field("labels"), t.Labels)
	c.annotations(meta.Field("annotations"), t.Annotations)

	order, action := NewPath("spec", "order"), NewPath("spec", "defaultAction")
	c.order(order, t.Spec.Order)
	if a := t.Spec.DefaultAction; a != nil && !isTierAction(string(*a)) {
		c.reject(action, string(*a), "The default action of a tier is \"Deny\" or \"Pass\"%s", instead(isTierAction, string(actions[strings.ToLower(string(*a))])))
	}
	built, ok := c.release.builtInTier(t.Name)
	if !ok {
		return
	}
	if o := t.Spec.Order; o == nil || *o != built.order {
		c.rejectWithin(Path{}, order, valueOf(o), "The order of Calico's own tier %q is fixed: write %.0f.", built.name, built.order)
	}
	if a := t.Spec.DefaultAction; built.action != "" && (a == nil || *a != built.action) {
		c.rejectWithin(Path{}, action, valueOf(a), "The default action of Calico's own tier %q is fixed: write %q.", built.name, built.action)
	}
}

// valueOf returns what a pointer points to, or nil.
func valueOf[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

// isTierAction tells whether a tier may do s with what none of its policies
// decided.
func isTierAction(s string) bool { return s == string(v3.Deny) || s == string(v3.Pass) }

// tierName checks the name of a tier, which has no dot, as it stands before one in
// the names of policies, and is short enough for the value of a label.
func (c *checker) tierName(field Path, name string) {
	switch {
	case name == "":
		c.reject(field, nil, "The tier needs a name.")
	case !isDNSLabel(name):
		plain := asDNSName(name)
		c.reject(field, name, "The name of a tier is one word of lower-case letters, digits and '-' that begins and ends with a letter or a digit%s",
			instead(isDNSLabel, plain, strings.ReplaceAll(plain, ".", "-")))
	}
	if len(name) > maxLabelName {
		c.reject(field, name, "The name of a tier has at most %d characters, and this one %d.", maxLabelName, len(name))
	}
}
