package provider

import (
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/schemas"
)

func bgpConfigurationResource() definition {
	return definition{
		typeName: "bgp_configuration",
		kind:     calico.KindBGPConfiguration,
		schema: schemas.Resource(
			"A `BGPConfiguration`: how Calico's hosts speak BGP. The one named `default` is for all hosts, `node.<node>` for one. Calico v3.32 makes `default` itself: import it.",
			schemas.WithMetadata("configuration", "default", schemas.BGPConfiguration()),
		),
		filled: schemas.BGPConfigurationFilled,
	}
}
