package differential

import (
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/validate"
)

func init() {
	register(generatedKind{
		kind:  calico.KindProfile,
		share: 2,
		schema: schemaOf{
			"Profile":         envelope(calico.KindProfile, "profileMetadata", "profile"),
			"profileMetadata": append([]member{{"name", 1, text(names, append([]string{validate.DefaultAllowProfile}, badNames...))}}, labelsAndAnnotations()...),
			"profile": {
				{"ingress", 0.7, list(3, of1("rule"))},
				{"egress", 0.6, list(3, of1("rule"))},
				{"labelsToApply", 0.4, made(labels)},
			},
		},
	})
}
