package schemas

import (
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// InNamespace adds the attribute that says where an object of a kind in
// namespaces is.
func InNamespace(what string, attributes map[string]schema.Attribute) map[string]schema.Attribute {
	attributes["namespace"] = schema.StringAttribute{
		MarkdownDescription: "Namespace of the " + what + ", such as `\"production\"`. Default: `\"default\"`. In an etcd datastore Calico does not check that there is such a namespace. Changing it replaces the object.",
		Optional:            true, Computed: true,
	}
	return attributes
}

// WithMetadata adds the attributes that every object has. what and example are
// the kind and the name of one, for the documentation.
func WithMetadata(what, example string, attributes map[string]schema.Attribute) map[string]schema.Attribute {
	all := map[string]schema.Attribute{
		"name": schema.StringAttribute{
			MarkdownDescription: "Name of the " + what + ", such as `\"" + example + "\"`. Changing it replaces the object.",
			Required:            true,
		},
		"labels": schema.MapAttribute{
			MarkdownDescription: "Labels of the " + what + ", such as `{ role = \"db\" }`. Default: none. The map is complete: a label that another tool adds shows in the next plan, and the next apply removes it.",
			ElementType:         types.StringType,
			Optional:            true,
		},
		"annotations": schema.MapAttribute{
			MarkdownDescription: "Annotations of the " + what + ", such as `{ owner = \"network-team\" }`. Default: none. Only the keys given here are managed: annotations that another tool adds are left alone. After an import, all that the object has are managed.",
			ElementType:         types.StringType,
			Optional:            true,
		},
		"object": schema.StringAttribute{
			MarkdownDescription: "The " + what + " as a `projectcalico.org/v3` object in JSON, on one line and with a blank before it, as it will be stored: for [`calico_connectivity`](../data-sources/connectivity.md), the functions [`manifest`](../functions/manifest.md) (the same as YAML) and [`verdict`](../functions/verdict.md), outputs and other tools, such as `\" {\\\"kind\\\":\\\"...\\\"}\"`. Known in the plan. It is made of all other attributes, and Terraform cannot carry their marks over: what is sensitive in one of them can be read here.",
			Computed:            true,
		},
		"uid": schema.StringAttribute{
			MarkdownDescription: "Unique identifier that the object gets when it is created, such as `\"0d3a1d3e-7c1f-4a9e-9d6b-2f0f5a3c8e11\"`.",
			Computed:            true,
		},
		"creation_timestamp": schema.StringAttribute{
			MarkdownDescription: "Time at which the object was created (RFC 3339), such as `\"2026-03-03T21:01:41Z\"`.",
			Computed:            true,
		},
	}
	maps.Copy(all, attributes)
	return all
}
