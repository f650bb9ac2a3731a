package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// compareRead reports if the framework does not answer a read with what came.
func (s *server) compareRead(typeName string, fast, full *tfprotov6.ReadResourceResponse) []*tfprotov6.Diagnostic {
	if full.Deferred != nil {
		return s.differs(typeName, "read", "the framework puts it off")
	}
	return s.compare(typeName, "read", fast.NewState, full.NewState, fast.NewIdentity, full.NewIdentity, full.Diagnostics)
}

// comparePlan reports if the framework does not answer a plan with what came.
func (s *server) comparePlan(typeName string, fast, full *tfprotov6.PlanResourceChangeResponse) []*tfprotov6.Diagnostic {
	if full.Deferred != nil || len(full.RequiresReplace) > 0 {
		return s.differs(typeName, "plan", "the framework puts it off, or replaces the object")
	}
	return s.compare(typeName, "plan", fast.PlannedState, full.PlannedState, fast.PlannedIdentity, full.PlannedIdentity, full.Diagnostics)
}

func (s *server) compare(typeName, what string, fast, full *tfprotov6.DynamicValue, fastIdentity, fullIdentity *tfprotov6.ResourceIdentityData, told []*tfprotov6.Diagnostic) []*tfprotov6.Diagnostic {
	for _, d := range told {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			return s.differs(typeName, what, "the framework's answer is an error: "+d.Summary)
		}
	}
	ctx := context.Background()
	r := s.resources()[typeName]
	if why := different(r.schema.Type().TerraformType(ctx), fast, full); why != "" {
		return s.differs(typeName, what, why)
	}
	if fastIdentity == nil || fullIdentity == nil {
		return nil // Terraform does not know identities
	}
	var identity resource.IdentitySchemaResponse
	r.IdentitySchema(ctx, resource.IdentitySchemaRequest{}, &identity)
	if why := different(identity.IdentitySchema.Type().TerraformType(ctx), fastIdentity.IdentityData, fullIdentity.IdentityData); why != "" {
		return s.differs(typeName, what, "identity: "+why)
	}
	return nil
}

// different tells in what two values differ, "" for nothing.
func different(typ tftypes.Type, fast, full *tfprotov6.DynamicValue) string {
	if full == nil {
		return "the framework's answer has no value"
	}
	one, err := fast.Unmarshal(typ)
	if err != nil {
		return err.Error()
	}
	other, err := full.Unmarshal(typ)
	if err != nil {
		return err.Error()
	}
	diffs, err := one.Diff(other)
	switch {
	case err != nil:
		return err.Error()
	case len(diffs) > 0:
		return fmt.Sprintf("%v", diffs)
	}
	return ""
}

func (s *server) differs(typeName, what, why string) []*tfprotov6.Diagnostic {
	return []*tfprotov6.Diagnostic{{
		Severity: tfprotov6.DiagnosticSeverityError,
		Summary:  "Fast Path Leads Elsewhere",
		Detail:   fmt.Sprintf("%s is set to \"check\", and the short answer to a %s of %s is not the framework's: %s. Please report this to the provider developers, and set %[1]s to \"off\" until it is repaired.", FastPaths, what, typeName, why),
	}}
}
