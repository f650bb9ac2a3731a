package validate

import (
	"slices"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// kubeControllers checks what more than one field, or none of the tags, says in a
// KubeControllersConfiguration.
func (c *checker) kubeControllers(root calico.Path, k *calico.KubeControllersConfiguration) {
	if k.Name != calico.DefaultName && isDNSName(k.Name) {
		c.reject(calico.NewPath("metadata", "name"), k.Name, "There is one KubeControllersConfiguration only: write %q.", calico.DefaultName)
	}
	node := k.Spec.Controllers.Node
	if node == nil || node.HostEndpoint == nil {
		return
	}
	field := root.Field("spec").Field("controllers").Field("node").Field("hostEndpoint").Field("templates")
	var names []string
	for i, t := range node.HostEndpoint.Templates {
		at := field.Index(i)
		switch {
		case t.GenerateName == "":
			c.reject(at.Field("generateName"), nil, "A template of host endpoints needs a name.")
		case len(t.GenerateName) > maxName:
			c.reject(at.Field("generateName"), t.GenerateName, "A name has at most %d characters, and this one %d.", maxName, len(t.GenerateName))
		case slices.Contains(names, t.GenerateName):
			c.rejectWithin(field, at.Field("generateName"), t.GenerateName, "Another template has this name: write a name of its own.")
		}
		names = append(names, t.GenerateName)
		if len(t.InterfaceCIDRs) == 0 && t.InterfacePattern == "" {
			c.reject(at, nil, "A template of host endpoints needs interfaceCIDRs or interfacePattern to find interfaces by.")
		}
	}
}
