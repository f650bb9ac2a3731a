package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/schemas"
)

func kubeControllersConfigurationResource() definition {
	return definition{
		typeName: "kube_controllers_configuration",
		kind:     calico.KindKubeControllersConfiguration,
		schema: schemas.Resource(
			"The `KubeControllersConfiguration`, of which there is one, named `default`: which of Calico's Kubernetes controllers run, and how. kube-controllers makes it when it starts for the first time: import it. A controller runs if its block is there, even an empty one (`node {}`).",
			schemas.WithMetadata("configuration", "default", schemas.KubeControllersConfiguration()),
		),
		filled: schemas.KubeControllersConfigurationFilled,
		warn:   warnOfAutoCreate,
	}
}

// warnOfAutoCreate tells what automatic host endpoints do when they are switched on.
func warnOfAutoCreate(planned, state values) (at path.Path, summary, detail string) {
	autoCreate := func(v values) string {
		if v == nil {
			return ""
		}
		text, ok := v.at([]string{"controllers", "node", "hostEndpoint", "autoCreate"}).(types.String)
		if !ok {
			return ""
		}
		return text.ValueString()
	}
	if autoCreate(planned) != "Enabled" || autoCreate(state) == "Enabled" {
		return path.Empty(), "", ""
	}
	return path.Root("controllers").AtName("node").AtName("host_endpoint").AtName("auto_create"), "Policies Close Nodes From Now On",
		"kube-controllers makes a host endpoint for every node, with the profile projectcalico-default-allow: nodes stay open as long as no policy selects these endpoints, and each policy that does closes them in its direction, but for what policies allow and the failsafe ports. " +
			"A policy with the selector all(), or without one, selects every node. Have a calico_failsafe_policy first, and look at the selectors of the other policies: has(projectcalico.org/created-by) is true of the automatic endpoints alone."
}
