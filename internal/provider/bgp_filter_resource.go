package provider

import (
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/schemas"
)

func bgpFilterResource() definition {
	return definition{
		typeName: "bgp_filter",
		kind:     calico.KindBGPFilter,
		schema: schemas.Resource(
			"A `BGPFilter`: which routes hosts take from BGP peers, and which they tell them. It applies to the peers that name it in their `filters`.",
			schemas.WithMetadata("filter", "no-default-route", schemas.BGPFilter()),
		),
	}
}
