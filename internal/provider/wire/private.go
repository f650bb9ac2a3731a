package wire

import (
	"context"
	"encoding/json"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/lent"
)

// Private is private state: JSON texts by their keys.
//
// The framework writes each text as base64, and Terraform the whole as base64 once more. What
// is an object stands in ours as it is.
type Private map[string]datastore.RawObject

// ReadPrivate reads private state in our form or the framework's; nil if it is neither.
func ReadPrivate(text []byte) (p Private) {
	if len(text) == 0 || json.Unmarshal(text, &p) != nil {
		return nil
	}
	return p
}

// Text is private state in our form.
func (p Private) Text() []byte {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // all of it has a JSON form
	}
	return text
}

// toFramework and fromFramework turn private state into the framework's form and into ours.
// What cannot be read is left to the framework to tell.
func toFramework(text []byte) []byte {
	p := ReadPrivate(text)
	if p == nil {
		return text
	}
	all := map[string][]byte{}
	for key, value := range p {
		all[key] = value
	}
	full, err := json.Marshal(all)
	if err != nil {
		return text
	}
	return full
}

func fromFramework(text []byte) []byte {
	p := ReadPrivate(text)
	if p == nil {
		return text
	}
	return p.Text()
}

// Server is the framework's server, with private state in our form.
type Server struct{ lent.Full }

// ReadResource is that of Full.
func (s Server) ReadResource(ctx context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	with := *req
	with.Private = toFramework(req.Private)
	resp, err := s.Full.ReadResource(ctx, &with)
	if resp != nil {
		resp.Private = fromFramework(resp.Private)
	}
	return resp, err
}

// PlanResourceChange is that of Full.
func (s Server) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	with := *req
	with.PriorPrivate = toFramework(req.PriorPrivate)
	resp, err := s.Full.PlanResourceChange(ctx, &with)
	if resp != nil {
		resp.PlannedPrivate = fromFramework(resp.PlannedPrivate)
	}
	return resp, err
}

// ApplyResourceChange is that of Full.
func (s Server) ApplyResourceChange(ctx context.Context, req *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	with := *req
	with.PlannedPrivate = toFramework(req.PlannedPrivate)
	resp, err := s.Full.ApplyResourceChange(ctx, &with)
	if resp != nil {
		resp.Private = fromFramework(resp.Private)
	}
	return resp, err
}

// ImportResourceState is that of Full.
func (s Server) ImportResourceState(ctx context.Context, req *tfprotov6.ImportResourceStateRequest) (*tfprotov6.ImportResourceStateResponse, error) {
	resp, err := s.Full.ImportResourceState(ctx, req)
	if resp != nil {
		for _, imported := range resp.ImportedResources {
			imported.Private = fromFramework(imported.Private)
		}
	}
	return resp, err
}
