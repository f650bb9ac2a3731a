package lent

import (
	"context"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// Full is all that the framework's server can do: Terraform asks it for more than
// tfprotov6.ProviderServer.
type Full interface {
	tfprotov6.ProviderServer
	tfprotov6.ListResourceServer
	tfprotov6.ActionServer
	tfprotov6.StateStoreServer
}

// Server is the framework's server, which gets contexts lent for what Terraform asks of each
// object.
type Server struct{ Full }

// UpgradeResourceState is that of Full.
func (s Server) UpgradeResourceState(ctx context.Context, req *tfprotov6.UpgradeResourceStateRequest) (*tfprotov6.UpgradeResourceStateResponse, error) {
	return ask(ctx, s.Full.UpgradeResourceState, req)
}

// ValidateResourceConfig is that of Full.
func (s Server) ValidateResourceConfig(ctx context.Context, req *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	return ask(ctx, s.Full.ValidateResourceConfig, req)
}

// ReadResource is that of Full.
func (s Server) ReadResource(ctx context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	return ask(ctx, s.Full.ReadResource, req)
}

// PlanResourceChange is that of Full.
func (s Server) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	return ask(ctx, s.Full.PlanResourceChange, req)
}

// ApplyResourceChange is that of Full.
func (s Server) ApplyResourceChange(ctx context.Context, req *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	return ask(ctx, s.Full.ApplyResourceChange, req)
}

// ImportResourceState is that of Full.
func (s Server) ImportResourceState(ctx context.Context, req *tfprotov6.ImportResourceStateRequest) (*tfprotov6.ImportResourceStateResponse, error) {
	return ask(ctx, s.Full.ImportResourceState, req)
}

// MoveResourceState is that of Full.
func (s Server) MoveResourceState(ctx context.Context, req *tfprotov6.MoveResourceStateRequest) (*tfprotov6.MoveResourceStateResponse, error) {
	return ask(ctx, s.Full.MoveResourceState, req)
}

// ValidateDataResourceConfig is that of Full.
func (s Server) ValidateDataResourceConfig(ctx context.Context, req *tfprotov6.ValidateDataResourceConfigRequest) (*tfprotov6.ValidateDataResourceConfigResponse, error) {
	return ask(ctx, s.Full.ValidateDataResourceConfig, req)
}

// ReadDataSource is that of Full.
func (s Server) ReadDataSource(ctx context.Context, req *tfprotov6.ReadDataSourceRequest) (*tfprotov6.ReadDataSourceResponse, error) {
	return ask(ctx, s.Full.ReadDataSource, req)
}

// CallFunction is that of Full.
func (s Server) CallFunction(ctx context.Context, req *tfprotov6.CallFunctionRequest) (*tfprotov6.CallFunctionResponse, error) {
	return ask(ctx, s.Full.CallFunction, req)
}
