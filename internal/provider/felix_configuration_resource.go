package provider

import (
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/schemas"
)

func felixConfigurationResource() definition {
	attributes := schemas.WithMetadata("configuration", "default", schemas.FelixConfiguration())
	// Others' labels and annotations stay others': annotations of this kind can
	// override any parameter of Felix, past all checks.
	delete(attributes, "labels")
	delete(attributes, "annotations")
	return definition{
		typeName: "felix_configuration",
		kind:     calico.KindFelixConfiguration,
		schema: schemas.Resource(
			"A `FelixConfiguration`: how Felix, Calico's agent on every host, works. The one named `default` is for all hosts, `node.<node>` for one host, and from Calico v3.32 on any other for the hosts that its `node_selector` chooses.\n\n"+
				"This object usually exists before Terraform comes, and others write to it, too. So this resource owns the attributes that are configured, and nothing else: an attribute that is left out is neither changed nor shown, whatever value it has. "+
				"Where the object exists, it is adopted without an import, and the plan tells so. An attribute that is taken out of the configuration, and on destroy every one, gets back the value that it had before Terraform owned it; an object that Terraform created is deleted, if nobody else has put anything in it. After an import all values that are set are owned.\n\n"+
				"On a host, Felix's own environment variables (such as `FELIX_LOGSEVERITYSCREEN`) and its file `felix.cfg` outrank this object; `lockout_guard`, `calico_connectivity` and the function `verdict` do not know them.\n\n"+
				"~> **Switching the failsafe ports off** (`failsafe_inbound_host_ports = []`) takes away the last way into a host on which no policy allows your management traffic. Name the [`calico_failsafe_policy`](failsafe_policy.md) and the host endpoints in `depends_on`, so that this comes last, and goes first. A host whose Felix reaches the datastore through a protected interface, and restarts without a policy that allows this, can no longer be helped from outside.",
			attributes,
		),
		owns: onlySomeFields,
	}
}
