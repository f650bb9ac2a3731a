package validate

import (
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// tierObject checks a Tier.
func (c *checker) tierObject(t *v3.Tier) {
	meta := calico.NewPath("metadata")
	c.tierName(meta.Field("name"), t.Name)
	c.namespace(meta.Field("namespace"), t)
	c.labels(meta.Field("labels"), t.Labels)
	c.annotations(meta.Field("annotations"), t.Annotations)

	order, action := calico.NewPath("spec", "order"), calico.NewPath("spec", "defaultAction")
	c.order(order, t.Spec.Order)
	if a := t.Spec.DefaultAction; a != nil && !isTierAction(string(*a)) {
		c.reject(action, string(*a), "The default action of a tier is \"Deny\" or \"Pass\"%s", instead(isTierAction, string(actions[strings.ToLower(string(*a))])))
	}
	built, ok := c.release.TierOfCalico(t.Name)
	if !ok {
		return
	}
	if o := t.Spec.Order; o == nil || *o != built.Order {
		c.rejectWithin(calico.Path{}, order, valueOf(o), "The order of Calico's own tier %q is fixed: write %.0f.", built.Name, built.Order)
	}
	if a := t.Spec.DefaultAction; built.Action != "" && (a == nil || *a != built.Action) {
		c.rejectWithin(calico.Path{}, action, valueOf(a), "The default action of Calico's own tier %q is fixed: write %q.", built.Name, built.Action)
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
func (c *checker) tierName(field calico.Path, name string) {
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
