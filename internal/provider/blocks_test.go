package provider

import (
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	fwprovider "github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/calico-terraform/terraform-provider-calico/internal/provider/spelling"
)

// attribute is what the attributes of all schemas can tell of themselves.
type attribute interface {
	GetType() attr.Type
	IsRequired() bool
	IsOptional() bool
}

// lists are the nested attributes that can be configured all the same, with what
// decides in their elements: each of it is required, so that a misspelt name, which
// Terraform drops, leaves a required one out.
var lists = map[string][]string{
	"felix_configuration.failsafe_inbound_host_ports":  {"net", "port", "protocol"},
	"felix_configuration.failsafe_outbound_host_ports": {"net", "port", "protocol"},
}

// holdsObject tells the types in which there are names that Terraform would drop.
func holdsObject(typ attr.Type) bool {
	switch typ := typ.(type) {
	case basetypes.ObjectTypable:
		return true
	case attr.TypeWithElementType:
		return holdsObject(typ.ElementType())
	default:
		return false
	}
}

// Terraform drops every name in a nested attribute that the attribute does not have,
// and refuses it in a block. So what people write is in blocks.
func TestWhatPeopleWriteIsInBlocks(t *testing.T) {
	found, nested := map[string][]string{}, 0
	check := func(at string, a attribute) {
		if !holdsObject(a.GetType()) || !a.IsOptional() && !a.IsRequired() {
			return
		}
		list, ok := a.(schema.ListNestedAttribute)
		if !ok || lists[at] == nil {
			t.Errorf("%s is a nested attribute that can be configured: make it a block", at)
			return
		}
		for name, inner := range list.NestedObject.Attributes {
			if !inner.IsRequired() {
				t.Errorf("%s of %s is not required: a misspelt name would pass for a value left out", name, at)
			}
			found[at] = append(found[at], name)
		}
		slices.Sort(found[at])
	}
	var walk func(at string, attributes map[string]schema.Attribute, blocks map[string]schema.Block)
	walk = func(at string, attributes map[string]schema.Attribute, blocks map[string]schema.Block) {
		for name, a := range attributes {
			check(at+"."+name, a)
		}
		for name, b := range blocks {
			nested++
			switch b := b.(type) {
			case schema.ListNestedBlock:
				walk(at+"."+name, b.NestedObject.Attributes, b.NestedObject.Blocks)
			case schema.SingleNestedBlock:
				walk(at+"."+name, b.Attributes, b.Blocks)
			default:
				t.Errorf("%s.%s: this test does not look into a %T yet", at, name, b)
			}
		}
	}
	for name, d := range definitions(t) {
		walk(name, d.schema.Attributes, d.schema.Blocks)
	}
	var provider fwprovider.SchemaResponse
	(&calicoProvider{}).Schema(t.Context(), fwprovider.SchemaRequest{}, &provider)
	for name, a := range provider.Schema.Attributes {
		check("provider."+name, a)
	}
	for _, newDataSource := range (&calicoProvider{}).DataSources(t.Context()) {
		var data datasource.SchemaResponse
		newDataSource().Schema(t.Context(), datasource.SchemaRequest{}, &data)
		for name, a := range data.Schema.Attributes {
			check("data."+name, a)
		}
	}
	for at, names := range lists {
		if !slices.Equal(found[at], names) {
			t.Errorf("%s has %q, want %q", at, found[at], names)
		}
	}
	if nested < 40 {
		t.Errorf("only %d blocks found", nested)
	}
}

// The walk above finds what it is for.
func TestHoldsObject(t *testing.T) {
	object := types.ObjectType{AttrTypes: map[string]attr.Type{"a": types.StringType}}
	for _, typ := range []attr.Type{types.StringType, spelling.Net, types.ListType{ElemType: types.StringType}} {
		if holdsObject(typ) {
			t.Errorf("%s holds an object", typ)
		}
	}
	for _, typ := range []attr.Type{object, types.MapType{ElemType: object}, types.SetType{ElemType: types.ListType{ElemType: object}}} {
		if !holdsObject(typ) {
			t.Errorf("%s holds no object", typ)
		}
	}
}
