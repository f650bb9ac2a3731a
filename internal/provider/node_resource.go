package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/schemas"
)

func nodeResource() definition {
	attributes := schemas.WithMetadata("node", "db1", schemas.Node())
	attributes["labels"] = schema.MapAttribute{
		MarkdownDescription: "Labels of the node, such as `{ rack = \"r1\" }`. Default: none. In etcd the map is complete: a label that another tool adds shows in the next plan, and the next apply removes it. In Kubernetes only the keys given here are managed: labels of the Node that kubelet, a cloud or kubectl puts there, and those that calicoctl adds, are left alone.",
		ElementType:         types.StringType,
		Optional:            true,
	}
	return definition{
		typeName: "node",
		kind:     calico.KindNode,
		schema: schemas.Resource(
			"A `Node`: a host as Calico knows it, with its addresses and its place in BGP. As a rule calico-node makes it when it starts; manage it here if addresses or AS numbers are decided centrally. In Kubernetes a node is there already, made by its kubelet: import it; a destroy takes off what is Calico's, and leaves the node.\n\n"+
				"~> **calico-node writes to this object too.** Addresses that it finds out itself show as a difference in the next plan: give them in the configuration, or list them in `ignore_changes`. Terraform deletes the node alone; calicoctl, when it deletes one, deletes its host endpoints and BGP peers as well.",
			attributes,
		),
	}
}
