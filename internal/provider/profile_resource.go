package provider

import (
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/schemas"
)

func profileResource() definition {
	return definition{
		typeName: "profile",
		kind:     calico.KindProfile,
		schema: schemas.Resource(
			"A `Profile`: rules for endpoints that name it in their `profiles`. They count only in a direction in which no policy selects the endpoint, or if all policies passed the traffic on. The profile `projectcalico-default-allow` is built into Calico: it is not stored, and cannot be managed.",
			schemas.WithMetadata("profile", "hosts-default", schemas.Profile()),
		),
	}
}
