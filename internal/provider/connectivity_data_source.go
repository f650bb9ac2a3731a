package provider

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/function"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/connectivity"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/trafficguard"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// connectivityDataSource is the data source of package connectivity, for what is stored
// in the provider's datastore.
type connectivityDataSource struct {
	connectivity.DataSource
	data *providerData
}

var (
	_ datasource.DataSourceWithConfigure      = (*connectivityDataSource)(nil)
	_ datasource.DataSourceWithValidateConfig = (*connectivityDataSource)(nil)
)

func newConnectivityDataSource() datasource.DataSource { return &connectivityDataSource{} }

func newVerdictFunction() function.Function { return connectivity.NewVerdictFunction() }

func (d *connectivityDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	defer makeSafe(&resp.Diagnostics)
	d.data = providerDataOf(req.ProviderData, &resp.Diagnostics)
}

// ValidateConfig refuses what is no flow and no selector.
func (d *connectivityDataSource) ValidateConfig(ctx context.Context, req datasource.ValidateConfigRequest, resp *datasource.ValidateConfigResponse) {
	defer makeSafe(&resp.Diagnostics)
	d.DataSource.ValidateConfig(ctx, req, resp)
}

// Read asks for each flow at each endpoint, before and after the changes.
func (d *connectivityDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	defer makeSafe(&resp.Diagnostics)
	d.Ask(ctx, req, resp, d.stored)
}

// stored returns the objects that decide now. Without a datastore these are
// Calico's own tiers alone.
func (d *connectivityDataSource) stored(ctx context.Context, diags *diag.Diagnostics) connectivity.Stored {
	if d.data != nil && d.data.offline {
		release := d.data.offlineRelease()
		return connectivity.Stored{Objects: connectivity.BuiltIn(release), Release: release}
	}
	const failed = "Unable to Read Policies and Host Endpoints"
	store, err := d.data.store(ctx)
	if err != nil {
		addStoreError(diags, failed, calico.ID{}, err)
		return connectivity.Stored{}
	}
	finding, err := store.Release(ctx)
	if err != nil {
		addStoreError(diags, failed, calico.ID{}, err)
		return connectivity.Stored{}
	}
	snapshot, err := store.Snapshot(ctx, verdict.DependenciesIn(finding.Release))
	if err != nil {
		addStoreError(diags, failed, calico.ID{}, err)
		return connectivity.Stored{}
	}
	for _, c := range snapshot.Corrupt {
		diags.AddWarning("Stored Value Left Out",
			fmt.Sprintf("The value stored at %s (revision %s) is not a valid object: %v. Calico takes it for absent, and so does this answer. Look at it with `%s`, and put it right or delete it.", safetext.Line(c.Where), c.Version, safetext.Line(c.Err.Error()), c.Look))
	}
	objects, keys := trafficguard.ObjectsOf(snapshot)
	remove := store.Type().Remove
	for _, id := range slices.SortedFunc(maps.Keys(objects), calico.ID.Compare) {
		if first := calico.IDOf(objects[id]).Short(); first != id {
			diags.AddWarning("Policy Stored Twice",
				fmt.Sprintf("%s is stored at %s and at %s, by releases of Calico that name policies in different ways. Calico enforces both, and this answer counts both. Compare them, and delete the one that is out of date: `%s` or `%s`.", first, safetext.Line(keys[first]), safetext.Line(keys[id]), remove(keys[first]), remove(keys[id])))
		}
	}
	return connectivity.Stored{
		Objects: objects, Release: finding.Release, Options: verdictOptions(d.data.datastore),
		Workloads: func(ctx context.Context, needs verdict.Needs, diags *diag.Diagnostics) connectivity.Surroundings {
			return surroundings(ctx, store, needs, diags)
		},
	}
}

// surroundings reads what verdicts depend on beside the objects of administrators, and
// tells what may not be read.
func surroundings(ctx context.Context, store datastore.Store, needs verdict.Needs, diags *diag.Diagnostics) connectivity.Surroundings {
	out, unread, err := trafficguard.Surroundings(ctx, store, needs)
	if err != nil {
		addStoreError(diags, "Unable to Read Workloads", calico.ID{}, err)
	}
	for _, u := range unread {
		told := "Rules may choose %s, and the provider may not read them: what depends on that is undecided. %s"
		if u.Question.Policies {
			told = "Of workloads, %s decide, too, and the provider may not read them: so what becomes of traffic of workloads is undecided. %s"
		}
		diags.AddWarning("Workloads Not Known", fmt.Sprintf(told, safetext.Line(u.What), u.Advice))
	}
	return out
}
