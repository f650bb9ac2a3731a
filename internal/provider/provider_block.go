package provider

import (
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore/settings"
)

func optionalText(description string) schema.StringAttribute {
	return schema.StringAttribute{MarkdownDescription: description, Optional: true}
}

func optionalSecret(description string) schema.StringAttribute {
	a := optionalText(description)
	a.Sensitive = true
	return a
}

// block is what the provider block gives, as far as it is known.
type block struct {
	settings   settings.Settings
	configFile string
	release    *calico.Release
	// timeouts are the time limits that the blocks give, or what is so without.
	timeouts map[settings.Name]time.Duration
}

func readBlock(model *providerModel, diags *diag.Diagnostics) block {
	b := block{configFile: model.ConfigFile.ValueString(), timeouts: map[settings.Name]time.Duration{}}
	b.settings.DatastoreType = model.DatastoreType.ValueString()
	b.settings.EtcdBlock, b.settings.KubernetesBlock = isThere(model.Etcd), isThere(model.Kubernetes)
	b.readEtcd(model.Etcd.Attributes(), diags)
	b.readKubernetes(model.Kubernetes.Attributes(), diags)
	if text := model.CalicoVersion.ValueString(); text != "" {
		release, err := calico.ParseRelease(text)
		if err != nil {
			diags.AddAttributeError(path.Root("calico_version"), "Not a Calico Release", err.Error())
		}
		b.release = &release
	}
	return b
}

// isThere tells whether the provider has the block. What is not known yet may be none.
func isThere(block types.Object) bool { return !block.IsNull() && !block.IsUnknown() }

// readTimeout takes in a time limit that a block gives; unset is what it is if that gives
// none.
func (b *block) readTimeout(name settings.Name, given values, unset time.Duration, diags *diag.Diagnostics) {
	b.timeouts[name] = unset
	steps := name.Steps()
	text := given.str(steps[1])
	if text == "" {
		return
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second {
		diags.AddAttributeError(path.Root(steps[0]).AtName(steps[1]), "Not a Timeout",
			fmt.Sprintf("%s is %q, which is not a duration of at least one second. Write it as \"5s\" or \"1m30s\".", name, text))
	}
	b.timeouts[name] = d
}

// addProblem reports what is wrong with the settings, on the attribute that it
// belongs to.
func addProblem(diags *diag.Diagnostics, problem settings.Problem) {
	steps := problem.Setting.Steps()
	at := path.Root(steps[0])
	for _, step := range steps[1:] {
		at = at.AtName(step)
	}
	if problem.Index >= 0 {
		at = at.AtListIndex(problem.Index)
	}
	if problem.Warning {
		diags.AddAttributeWarning(at, problem.Summary, problem.Detail)
		return
	}
	diags.AddAttributeError(at, problem.Summary, problem.Detail)
}
