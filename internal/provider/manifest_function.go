package provider

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/function"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// manifestFunction is provider::calico::manifest: an object as YAML.
type manifestFunction struct{}

var _ function.Function = (*manifestFunction)(nil)

func newManifestFunction() function.Function { return &manifestFunction{} }

func (f *manifestFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "manifest"
}

func (f *manifestFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "An object as a YAML manifest",
		MarkdownDescription: "Returns an object of Calico as the YAML manifest that `calicoctl apply -f` takes, beginning with `apiVersion: projectcalico.org/v3`: for an output that a reviewer reads, or for `local_file`. " +
			"Its form is stable, so that two manifests can be compared line by line. It looks at no datastore.",
		Parameters: []function.Parameter{
			function.StringParameter{
				Name:                "object",
				MarkdownDescription: "The object in JSON: the attribute `object` of any resource, such as `calico_failsafe_policy.this.object`.",
			},
		},
		Return: function.StringReturn{},
	}
}

func (f *manifestFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var text string
	if resp.Error = req.Arguments.Get(ctx, &text); resp.Error != nil {
		return
	}
	obj, err := storage.ParseManifest(text)
	if err != nil {
		resp.Error = function.NewArgumentFuncError(0, strings.TrimSuffix(safetext.Text(err.Error()), "."))
		return
	}
	manifest, err := storage.Manifest(obj)
	if err != nil {
		resp.Error = function.NewFuncError(err.Error())
		return
	}
	resp.Error = resp.Result.Set(ctx, manifest)
}
