package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/schemas"
)

func newNodeResource() resource.Resource {
	return &objectResource{definition: definition{
		typeName: "node",
		kind:     calico.KindNode,
		schema: schemas.Resource(
			"A `Node`: a host as Calico knows it, with its addresses and its place in BGP. As a rule calico-node makes it when it starts; manage it here if addresses or AS numbers are decided centrally. In Kubernetes a node is there already, made by its kubelet: import it; a destroy takes off what is Calico's, and leaves the node.\n\n"+
				"~> **calico-node writes to this object too.** Addresses that it finds out itself show as a difference in the next plan: give them in the configuration, or list them in `ignore_changes`. Terraform deletes the node alone; calicoctl, when it deletes one, deletes its host endpoints and BGP peers as well.",
			schemas.WithMetadata("node", "db1", schemas.Node()),
		),
	}}
}
