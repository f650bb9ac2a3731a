package schemas

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
)

func TestResource(t *testing.T) {
	inner := map[string]schema.Attribute{
		"text":  schema.StringAttribute{Required: true},
		"inner": schema.SingleNestedAttribute{Required: true, Attributes: map[string]schema.Attribute{"number": schema.NumberAttribute{Optional: true}}},
	}
	got := Resource("", map[string]schema.Attribute{
		"plain":                       schema.StringAttribute{Optional: true},
		"one":                         schema.SingleNestedAttribute{Optional: true, Attributes: inner, MarkdownDescription: "One."},
		"many":                        schema.ListNestedAttribute{Optional: true, NestedObject: schema.NestedAttributeObject{Attributes: inner}, MarkdownDescription: "Many."},
		"made":                        schema.ListNestedAttribute{Computed: true, NestedObject: schema.NestedAttributeObject{Attributes: inner}},
		"failsafe_inbound_host_ports": schema.ListNestedAttribute{Optional: true, NestedObject: schema.NestedAttributeObject{Attributes: inner}},
	})
	var attributes, blocks []string
	for name := range got.Attributes {
		attributes = append(attributes, name)
	}
	for name := range got.Blocks {
		blocks = append(blocks, name)
	}
	slices.Sort(attributes)
	slices.Sort(blocks)
	if strings.Join(attributes, " ") != "failsafe_inbound_host_ports made plain" || strings.Join(blocks, " ") != "many one" {
		t.Fatalf("attributes %q, blocks %q", attributes, blocks)
	}
	one, ok := got.Blocks["one"].(schema.SingleNestedBlock)
	if !ok || one.MarkdownDescription != "One." || one.Attributes["text"] == nil {
		t.Errorf("one is %#v", got.Blocks["one"])
	}
	// What is required in a block that is not there must not be missed.
	if one.Attributes["text"].IsRequired() || len(one.Validators) != 1 || one.Validators[0].Description(t.Context()) != "requires inner, text" {
		t.Errorf("what is required in one is %v", one.Validators)
	}
	many, ok := got.Blocks["many"].(schema.ListNestedBlock)
	if !ok || many.MarkdownDescription != "Many." || many.NestedObject.Blocks["inner"] == nil || !many.NestedObject.Attributes["text"].IsRequired() {
		t.Errorf("many is %#v", got.Blocks["many"])
	}
}
