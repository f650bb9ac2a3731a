package provider

import (
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/schemas"
)

func globalNetworkSetResource() definition {
	return definition{
		typeName: "global_network_set",
		kind:     calico.KindGlobalNetworkSet,
		schema: schemas.Resource(
			"A `GlobalNetworkSet`: networks and addresses that policies refer to by labels. A rule with the selector `role == 'management'` matches the networks of every set that bears this label, so that an address is changed in one place.",
			schemas.WithMetadata("network set", "management", schemas.GlobalNetworkSet()),
		),
	}
}
