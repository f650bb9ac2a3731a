package provider

import (
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// withMetadata adds the attributes that every object has.
func withMetadata(what string, attributes map[string]schema.Attribute) map[string]schema.Attribute {
	all := map[string]schema.Attribute{
		"name": schema.StringAttribute{
			MarkdownDescription: "Name of the " + what + ". Changing it makes a new object in the place of the old one.",
			Required:            true,
		},
		"labels": schema.MapAttribute{
			MarkdownDescription: "Labels of the " + what + ", such as `{ role = \"db\" }`. All labels are managed here: one that is put on the object with another tool shows in the next plan, and is removed by the next apply.",
			ElementType:         types.StringType,
			Optional:            true,
		},
		"annotations": schema.MapAttribute{
			MarkdownDescription: "Annotations of the " + what + ", such as `{ owner = \"network-team\" }`. Only the annotations given here are managed; those that other tools put on the object are left alone.",
			ElementType:         types.StringType,
			Optional:            true,
		},
		"uid": schema.StringAttribute{
			MarkdownDescription: "Unique identifier of the object, made when it is created.",
			Computed:            true,
		},
		"creation_timestamp": schema.StringAttribute{
			MarkdownDescription: "When the object was created, in RFC 3339, such as `\"2026-03-03T21:01:41Z\"`.",
			Computed:            true,
		},
	}
	maps.Copy(all, attributes)
	return all
}
