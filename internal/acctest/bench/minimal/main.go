// Command minimal is what Terraform and the framework cost without any datastore: a
// provider with one resource of the attributes of a host endpoint, which is nowhere but in
// the state. `make bench-cli` compares this project's provider with it.
package main

import (
	"context"
	"log"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func main() {
	err := providerserver.Serve(context.Background(), func() provider.Provider { return minimal{} },
		providerserver.ServeOpts{Address: "registry.terraform.io/calico-terraform/minimal"})
	if err != nil {
		log.Fatal(err)
	}
}

type minimal struct{}

func (minimal) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "minimal"
}

func (minimal) Schema(context.Context, provider.SchemaRequest, *provider.SchemaResponse) {}

func (minimal) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {}

func (minimal) DataSources(context.Context) []func() datasource.DataSource { return nil }

func (minimal) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return endpoint{} }}
}

type endpoint struct{}

type model struct {
	Name          types.String `tfsdk:"name"`
	Node          types.String `tfsdk:"node"`
	InterfaceName types.String `tfsdk:"interface_name"`
	ExpectedIPs   types.List   `tfsdk:"expected_ips"`
	Labels        types.Map    `tfsdk:"labels"`
}

func (endpoint) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = "minimal_endpoint"
}

func (endpoint) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"name":           schema.StringAttribute{Required: true},
		"node":           schema.StringAttribute{Required: true},
		"interface_name": schema.StringAttribute{Optional: true},
		"expected_ips":   schema.ListAttribute{ElementType: types.StringType, Optional: true},
		"labels":         schema.MapAttribute{ElementType: types.StringType, Optional: true},
	}}
}

func (endpoint) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

func (endpoint) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m model
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

func (endpoint) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var m model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

func (endpoint) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {}
