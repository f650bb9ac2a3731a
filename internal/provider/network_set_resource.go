package provider

import (
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/schemas"
)

func networkSetResource() definition {
	return definition{
		typeName: "network_set",
		kind:     calico.KindNetworkSet,
		schema: schemas.Resource(
			"A `NetworkSet`: networks and addresses that the policies of one namespace refer to by labels. For policies of hosts use [`calico_global_network_set`](global_network_set.md).",
			schemas.WithMetadata("network set", "partners", schemas.InNamespace("network set", schemas.NetworkSet())),
		),
	}
}
