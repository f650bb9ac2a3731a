package provider

import (
	"fmt"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/schemas"
)

func tierResource() definition {
	return definition{
		typeName: "tier",
		kind:     calico.KindTier,
		filled:   schemas.TierFilled,
		keep:     keepBuiltInTier,
		schema: schemas.Resource(
			"A `Tier`: a layer of policies. Traffic goes through the tiers by their order, and in each through its policies by theirs; what a tier's policies neither allow nor deny nor pass on gets the tier's default action. Calico has tiers from v3.29 on.\n\n"+
				"The tiers that Calico makes itself, such as `default`, can be imported, but not be deleted: a destroy ends with an error. A tier with policies in it cannot be deleted either.",
			schemas.WithMetadata("tier", "security", schemas.Tier()),
		),
	}
}

// keepBuiltInTier keeps the tiers that Calico makes itself and cannot do without.
func keepBuiltInTier(obj calico.Object, release calico.Release) string {
	if calico.BuiltInTier(obj.GetName(), release) {
		return fmt.Sprintf("The tier %q is one of Calico's own, which Calico makes itself and does not let anybody delete.", obj.GetName())
	}
	return ""
}
