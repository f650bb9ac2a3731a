package provider

import (
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/schemas"
)

func ipReservationResource() definition {
	return definition{
		typeName: "ip_reservation",
		kind:     calico.KindIPReservation,
		schema: schemas.Resource(
			"An `IPReservation`: addresses that Calico does not assign though they are in a pool. Those that are in use already stay in use.",
			schemas.WithMetadata("reservation", "routers", schemas.IPReservation()),
		),
	}
}
