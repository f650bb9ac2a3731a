package acctest

import (
	"fmt"
	"strings"
	"testing"

	datasourceschema "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	providerschema "github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
)

// ResourceSchemas returns the schemas of a provider's resources, by their type names.
func ResourceSchemas(t testing.TB, p provider.Provider) map[string]schema.Schema {
	t.Helper()
	schemas := map[string]schema.Schema{}
	for _, newResource := range p.Resources(t.Context()) {
		r := newResource()
		var metadata resource.MetadataResponse
		r.Metadata(t.Context(), resource.MetadataRequest{ProviderTypeName: "calico"}, &metadata)
		var response resource.SchemaResponse
		r.Schema(t.Context(), resource.SchemaRequest{}, &response)
		schemas[metadata.TypeName] = response.Schema
	}
	return schemas
}

// Described is what every attribute and block of the framework can tell of itself.
type Described interface {
	GetMarkdownDescription() string
}

// Inside puts attributes and blocks together.
func Inside[A, B Described](attributes map[string]A, blocks map[string]B) map[string]Described {
	in := map[string]Described{}
	for name, a := range attributes {
		in[name] = a
	}
	for name, b := range blocks {
		in[name] = b
	}
	return in
}

// NestedAttributes returns the attributes and blocks in a block, or in an attribute that
// is a list of objects.
func NestedAttributes(t testing.TB, a Described) map[string]Described {
	t.Helper()
	switch a := a.(type) {
	case providerschema.SingleNestedBlock:
		return Inside(a.Attributes, a.Blocks)
	case providerschema.ListNestedBlock:
		return Inside(a.NestedObject.Attributes, a.NestedObject.Blocks)
	case datasourceschema.SingleNestedBlock:
		return Inside(a.Attributes, a.Blocks)
	case datasourceschema.ListNestedBlock:
		return Inside(a.NestedObject.Attributes, a.NestedObject.Blocks)
	case datasourceschema.ListNestedAttribute:
		return Inside(a.NestedObject.Attributes, map[string]Described{})
	case schema.SingleNestedBlock:
		return Inside(a.Attributes, a.Blocks)
	case schema.ListNestedBlock:
		return Inside(a.NestedObject.Attributes, a.NestedObject.Blocks)
	case schema.ListNestedAttribute:
		return Inside(a.NestedObject.Attributes, map[string]Described{})
	default:
		if typeName := fmt.Sprintf("%T", a); strings.Contains(typeName, "Nested") {
			t.Fatalf("this test does not look into a %s yet", typeName)
		}
		return nil
	}
}
