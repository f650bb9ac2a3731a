package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/codec"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/failsafepolicy"
)

func failsafePolicyResource() definition {
	return definition{
		typeName: "failsafe_policy",
		kind:     calico.KindGlobalNetworkPolicy,
		schema:   failsafepolicy.Schema(),
		complete: func(config, planned values) { failsafepolicy.Complete(config, planned) },
		toObject: func(c *codec.Conversion, v values) calico.Object { return failsafepolicy.Object(c, v) },
		fromObject: func(obj calico.Object, attributeTypes map[string]attr.Type, prior values) values {
			return failsafepolicy.Attributes(obj, attributeTypes, prior)
		},
		derived: map[string]calico.Path{"rule_drift": {}},
		filled:  map[string][]string{"tier": nil},
		locate: func(v values, field calico.Path, attributeTypes map[string]attr.Type) (path.Path, bool) {
			return failsafepolicy.Locate(v, field, attributeTypes)
		},
		replaceWarning: func(values) (summary, detail string) {
			return "Replacement Leaves a Gap", "A new name makes a new policy. Unless this resource has create_before_destroy = true in its lifecycle block, " +
				"the old policy is deleted first, and the hosts are without it for a moment."
		},
	}
}
