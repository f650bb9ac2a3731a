package differential

import (
	"slices"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

func init() {
	nets := list(3, text(
		slices.Concat(addresses, networks[false], networks[true], []string{"10.0.0.1/8", "2001:db8::1/64", "1.2.3.4/0", "::ffff:10.0.0.1/104"}),
		slices.Concat(badAddresses, badNetworks)))
	register(generatedKind{
		kind:  calico.KindGlobalNetworkSet,
		share: 1,
		schema: schemaOf{
			"GlobalNetworkSet": envelope(calico.KindGlobalNetworkSet, "metadata", "networkSet"),
			"networkSet":       {{"nets", 0.9, nets}},
		},
	})
	register(generatedKind{
		kind:  calico.KindNetworkSet,
		share: 1,
		schema: schemaOf{
			"NetworkSet":         envelope(calico.KindNetworkSet, "namespacedMetadata", "namespacedSet"),
			"namespacedMetadata": slices.Concat([]member{{"namespace", 0.9, text(namespaces, badNamespaces)}, {"name", 1, text(names, badNames)}}, labelsAndAnnotations()),
			"namespacedSet":      {{"nets", 0.9, nets}},
		},
	})
}
