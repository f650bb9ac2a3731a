// Package schemas has the attributes and blocks of the resources: those that
// tools/schemagen makes of Calico's API, the rule of a policy, and what every object
// has. What becomes of their values is not for it.
package schemas

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// Terraform drops, before a provider sees it, every name in a nested attribute
// that the attribute does not have: source = { net = ["10.1.0.0/24"] } would let
// everybody in, without a word. In a block it refuses such a name and tells the
// right one. So what people write is made of blocks, against the framework's
// general advice.

// Resource returns the schema of a resource, with a block in place of each nested attribute
// that can be configured. Two kinds of nested attributes stay: computed ones, which
// nobody writes, and lists where empty means something else than absent.
func Resource(description string, attributes map[string]schema.Attribute) schema.Schema {
	s := schema.Schema{MarkdownDescription: description}
	s.Attributes, s.Blocks = splitBlocks(attributes)
	return s
}

func splitBlocks(all map[string]schema.Attribute) (map[string]schema.Attribute, map[string]schema.Block) {
	attributes, blocks := map[string]schema.Attribute{}, map[string]schema.Block{}
	for name, a := range all {
		switch a := a.(type) {
		case schema.ListNestedAttribute:
			if !a.IsOptional() && !a.IsRequired() || emptyIsAValue(name) {
				attributes[name] = a
				continue
			}
			if a.IsRequired() {
				a.Validators = append(slices.Clone(a.Validators), listvalidator.IsRequired())
			}
			blocks[name] = schema.ListNestedBlock{
				MarkdownDescription: a.MarkdownDescription,
				NestedObject:        nestedBlock(a.NestedObject.Attributes),
				Validators:          a.Validators,
			}
		case schema.SingleNestedAttribute:
			if !a.IsOptional() && !a.IsRequired() {
				attributes[name] = a
				continue
			}
			// The framework wants what is required in a block be the block there or not:
			// that is for the block to want.
			inner, required := optional(a.Attributes)
			o := nestedBlock(inner)
			validators := slices.Clone(a.Validators)
			if len(required) > 0 {
				validators = append(validators, RequiresInside(required))
			}
			blocks[name] = schema.SingleNestedBlock{
				MarkdownDescription: a.MarkdownDescription,
				Attributes:          o.Attributes, Blocks: o.Blocks, CustomType: o.CustomType,
				Validators: validators,
			}
		default:
			attributes[name] = a
		}
	}
	return attributes, blocks
}

// optional returns the attributes without the demand that any be there, and the names
// of those that had it.
func optional(all map[string]schema.Attribute) (attributes map[string]schema.Attribute, required []string) {
	attributes = map[string]schema.Attribute{}
	for name, a := range all {
		if a.IsRequired() {
			required = append(required, name)
			switch required := a.(type) {
			case schema.StringAttribute:
				required.Required, required.Optional = false, true
				a = required
			case schema.NumberAttribute:
				required.Required, required.Optional = false, true
				a = required
			case schema.ListAttribute:
				required.Required, required.Optional = false, true
				a = required
			case schema.SingleNestedAttribute:
				required.Required, required.Optional = false, true
				a = required
			default:
				panic(fmt.Sprintf("schemas: %s is required in a block, and there is no way here to make a %T optional", name, a))
			}
		}
		attributes[name] = a
	}
	slices.Sort(required)
	return attributes, required
}

// RequiresInside wants arguments and blocks in a block that is there.
type RequiresInside []string

var _ validator.Object = RequiresInside(nil)

// Description says what is required.
func (r RequiresInside) Description(context.Context) string {
	return "requires " + strings.Join(r, ", ")
}

// MarkdownDescription says the same.
func (r RequiresInside) MarkdownDescription(ctx context.Context) string { return r.Description(ctx) }

// ValidateObject tells what is missing in the block, in Terraform's own words.
func (r RequiresInside) ValidateObject(_ context.Context, req validator.ObjectRequest, resp *validator.ObjectResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	for _, name := range r {
		if value := req.ConfigValue.Attributes()[name]; value == nil || value.IsNull() {
			resp.Diagnostics.AddAttributeError(req.Path, "Missing required argument",
				fmt.Sprintf("The argument %q is required in the block %s, but no definition was found.", name, req.Path))
		}
	}
}

// emptyIsAValue tells the attributes that are lists of objects and no blocks.
func emptyIsAValue(name string) bool {
	return name == "failsafe_inbound_host_ports" || name == "failsafe_outbound_host_ports"
}

// nestedBlock is the object of a block. The framework would otherwise make its type
// anew for each value in it, each time that it looks at one: that was a quarter of
// the time of a plan of policies.
func nestedBlock(all map[string]schema.Attribute) schema.NestedBlockObject {
	attributes, blocks := splitBlocks(all)
	o := schema.NestedBlockObject{Attributes: attributes, Blocks: blocks}
	o.CustomType = o.Type()
	return o
}
