package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

func newKubeControllersConfigurationResource() resource.Resource {
	return &objectResource{definition: definition{
		typeName: "kube_controllers_configuration",
		kind:     calico.KindKubeControllersConfiguration,
		schema: withBlocks(schema.Schema{
			MarkdownDescription: "The `KubeControllersConfiguration`, of which there is one, named `default`: which of Calico's Kubernetes controllers run, and how. kube-controllers makes it when it starts for the first time: import it. A controller runs if its block is there, even an empty one (`node {}`).",
			Attributes:          withMetadata("configuration", "default", kubeControllersConfigurationAttributes()),
		}),
		filled: map[string][]string{
			"healthChecks": nil, "prometheusMetricsPort": nil, "controllers.node.leakGracePeriod": nil,
			"controllers.loadBalancer.assignIPs": nil, "controllers.policyMigration.enabled": nil,
		},
	}}
}
