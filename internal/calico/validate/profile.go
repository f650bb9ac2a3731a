package validate

import (
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// DefaultAllowProfile is the profile that Calico has in every datastore without
// storing it: it allows everything.
const DefaultAllowProfile = "projectcalico-default-allow"

// profile checks a Profile.
func (c *checker) profile(p *v3.Profile) {
	if p.Name == DefaultAllowProfile {
		c.reject(calico.NewPath("metadata", "name"), p.Name, "This profile is Calico's own, and the same everywhere: write a profile of another name, or use this one without writing it.")
	}
	c.metadata(p)
	spec := calico.NewPath("spec")
	c.rules(spec.Field("ingress"), p.Spec.Ingress, ruleSite{})
	c.rules(spec.Field("egress"), p.Spec.Egress, ruleSite{egress: true})
	c.labels(spec.Field("labelsToApply"), p.Spec.LabelsToApply)
}
