package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

type rawValue = tftypes.Value

// objectResource is the one implementation of every resource that is a Calico
// object. What differs from kind to kind is in its definition.
type objectResource struct {
	definition
	data *providerData
}

var (
	_ resource.ResourceWithConfigure      = (*objectResource)(nil)
	_ resource.ResourceWithIdentity       = (*objectResource)(nil)
	_ resource.ResourceWithImportState    = (*objectResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*objectResource)(nil)
	_ resource.ResourceWithValidateConfig = (*objectResource)(nil)
)

func (r *objectResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + r.typeName
}

func (r *objectResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	defer makeSafe(&resp.Diagnostics)
	r.data = providerDataOf(req.ProviderData, &resp.Diagnostics)
}

func (r *objectResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = r.schema
}

func (r *objectResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	attributes := map[string]identityschema.Attribute{
		"name": identityschema.StringAttribute{
			Description:       "Name of the object.",
			RequiredForImport: true,
		},
	}
	if r.kind.Namespaced() {
		attributes["namespace"] = identityschema.StringAttribute{
			Description:       "Namespace of the object. Default: \"default\".",
			OptionalForImport: true,
		}
	}
	resp.IdentitySchema = identityschema.Schema{Attributes: attributes}
}

// ValidateConfig refuses what every release of Calico refuses. The release of
// the datastore is not known here, and often neither are all the values.
func (r *objectResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	defer makeSafe(&resp.Diagnostics)
	config, err := r.rootValues(ctx, req.Config.Raw)
	if err != nil || config == nil {
		return // the framework has told it already
	}
	planned := maps.Clone(config)
	r.fillIn(config, planned)
	r.check(planned, nil, &resp.Diagnostics)
}

// writable makes the object of the planned attributes and checks it once more,
// with nothing unknown left: nothing unchecked is ever written.
func (r *objectResource) writable(ctx context.Context, store datastore.Store, v values, diags *diag.Diagnostics) calico.Object {
	finding, err := store.Release(ctx)
	if err != nil {
		r.addStoreError(diags, "Write", r.id(v), err)
		return nil
	}
	r.data.tellNewer(finding, diags)
	for name := range r.filled {
		// What was not known when it was planned is known now.
		v.setFilled(strings.Split(name, "."), nil, func(planned attr.Value) attr.Value {
			if planned.IsUnknown() {
				return nil
			}
			return planned
		})
	}
	obj, c := r.check(v, &finding.Release, diags)
	if len(c.Unknown) > 0 {
		diags.AddError("Unexpected Unknown Value", fmt.Sprintf("The value of %s is still unknown. Please report this to the provider developers.", c.Unknown[0]))
	}
	if r.checkOthers == nil || diags.HasError() {
		return obj
	}
	faults, err := r.checkOthers(ctx, store, obj)
	if err != nil {
		r.addStoreError(diags, "Write", r.id(v), err)
	}
	for _, f := range faults {
		r.addFieldError(diags, v, f)
	}
	return obj
}

func (r *objectResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	defer makeSafe(&resp.Diagnostics)
	ctx, tell := r.data.withNotices(ctx, &resp.Diagnostics)
	defer tell()
	planned, store := r.begin(ctx, req.Plan.Raw, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	obj := r.writable(ctx, store, planned, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	stored, kept, err := r.ownership().create(ctx, store, obj, planned, &resp.Diagnostics)
	if err != nil {
		r.addWriteError(&resp.Diagnostics, "Create", planned, err)
		return
	}
	r.hideFilled(stored, planned)
	stored.Object = r.ownership().visible(stored.Object, planned)
	resp.State.Raw = r.finish(ctx, stored, planned, planned, kept, resp.Identity, resp.Private, &resp.Diagnostics)
}

// managedByLabel names the tool that manages an object in Kubernetes, and operatorName is
// that of Calico's own.
const (
	managedByLabel = "app.kubernetes.io/managed-by"
	operatorName   = "tigera-operator"
)

func (r *objectResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	defer makeSafe(&resp.Diagnostics)
	ctx, tell := r.data.withNotices(ctx, &resp.Diagnostics)
	defer tell()
	if state, err := r.rootValues(ctx, req.State.Raw); err == nil && state != nil {
		// Whatever comes of the read: the framework wants it even of what is gone.
		identify(ctx, resp.Identity, state, &resp.Diagnostics)
	}
	if r.data.pending() {
		if req.ClientCapabilities.DeferralAllowed {
			resp.Deferred = &resource.Deferred{Reason: resource.DeferredReasonProviderConfigUnknown}
			return
		}
		summary, why := "Datastore Not Known Yet", "The provider's configuration depends on values that are known only after apply"
		if r.data != nil && r.data.offline {
			summary, why = "Provider Without a Datastore", "datastore_type of the provider is \"none\""
		}
		resp.Diagnostics.AddWarning(summary, why+", so this object was not read: the plan assumes that it is as Terraform last saw it.")
		return
	}
	state, err := r.rootValues(ctx, req.State.Raw)
	if err != nil || state == nil {
		addUnreadable(&resp.Diagnostics, err)
		return
	}
	r.data.noteRead(r.id(state))
	kept, err := r.parseState(ctx, req.Private)
	if err != nil {
		r.addStoreError(&resp.Diagnostics, "Read", r.id(state), err)
		return
	}
	store, err := r.data.store(ctx)
	var stored *datastore.Stored
	if err == nil {
		stored, err = store.Get(ctx, r.id(state))
	}
	if err != nil && r.data.toldBefore(err) {
		return // see toldBefore
	}
	if errors.Is(err, datastore.ErrNotFound) {
		if kept.importing() {
			r.addMissing(ctx, store, &resp.Diagnostics, r.id(state))
			return
		}
		resp.State.RemoveResource(ctx)
		return
	}
	if err == nil {
		err = r.confirm(kept, stored, r.id(state))
	}
	if err != nil {
		r.addStoreError(&resp.Diagnostics, "Read", r.id(state), err)
		return
	}
	if r.refuse != nil {
		if why := r.refuse(stored.Object); why != "" {
			resp.Diagnostics.AddError(fmt.Sprintf("Unable to Read %s", r.id(state)),
				fmt.Sprintf("The object at %s cannot be a calico_%s: %s", safetext.Line(stored.Where), r.typeName, why))
			return
		}
	}
	if kept.importing() && stored.Object.GetLabels()[managedByLabel] == operatorName {
		resp.Diagnostics.AddWarning(fmt.Sprintf("The Operator Manages %s", r.id(state)),
			fmt.Sprintf("The label %s says that tigera/operator has made the object at %s from its own configuration (Installation), and it puts back what others change of it. Change it there, or take it out of the Installation before Terraform manages it.", managedByLabel, safetext.Line(stored.Where)))
	}
	prior := state
	switch {
	case kept == nil:
		r.warnLost(r.id(state), &resp.Diagnostics)
		kept = &objectState{Origin: originUnknown}
	case kept.importing():
		prior = nil
	}
	r.hideFilled(stored, prior)
	if err := r.ownership().narrow(stored, state, kept); err != nil {
		r.addStoreError(&resp.Diagnostics, "Read", r.id(state), err)
		return
	}
	resp.State.Raw = r.finish(ctx, stored, prior, state, kept, resp.Identity, resp.Private, &resp.Diagnostics)
}

func (r *objectResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	defer makeSafe(&resp.Diagnostics)
	ctx, tell := r.data.withNotices(ctx, &resp.Diagnostics)
	defer tell()
	planned, store := r.begin(ctx, req.Plan.Raw, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	state, err := r.rootValues(ctx, req.State.Raw)
	if err != nil {
		resp.Diagnostics.AddError("Unexpected State", err.Error())
		return
	}
	kept, err := r.startingState(ctx, store, req.Private, state)
	if err != nil {
		r.addWriteError(&resp.Diagnostics, "Update", planned, err)
		return
	}
	obj := r.writable(ctx, store, planned, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	stored, err := r.ownership().update(ctx, store, obj, kept, planned, state)
	if err != nil {
		r.addWriteError(&resp.Diagnostics, "Update", planned, err)
		return
	}
	r.hideFilled(stored, planned)
	stored.Object = r.ownership().visible(stored.Object, planned)
	resp.State.Raw = r.finish(ctx, stored, planned, planned, kept, resp.Identity, resp.Private, &resp.Diagnostics)
}

func (r *objectResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	defer makeSafe(&resp.Diagnostics)
	ctx, tell := r.data.withNotices(ctx, &resp.Diagnostics)
	defer tell()
	state, store := r.begin(ctx, req.State.Raw, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	kept, err := r.startingState(ctx, store, req.Private, state)
	if errors.Is(err, datastore.ErrNotFound) {
		return
	}
	if err == nil && r.keep != nil {
		r.checkKept(ctx, store, kept.Object, r.id(state), &resp.Diagnostics)
		if resp.Diagnostics.HasError() {
			return
		}
	}
	if err == nil {
		err = r.ownership().remove(ctx, store, kept, state)
	}
	if err != nil {
		r.addStoreError(&resp.Diagnostics, "Delete", r.id(state), err)
	}
}

// checkKept reports where the object must not be deleted.
func (r *objectResource) checkKept(ctx context.Context, store datastore.Store, obj calico.Object, id calico.ID, diags *diag.Diagnostics) {
	finding, err := store.Release(ctx)
	if err != nil {
		r.addStoreError(diags, "Delete", id, err)
		return
	}
	if why := r.keep(obj, finding.Release); why != "" {
		r.addKept(diags, id, why)
	}
}

func (r *objectResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	defer makeSafe(&resp.Diagnostics)
	r.keepState(ctx, &objectState{Origin: originImported}, nil, resp.Private, &resp.Diagnostics)
	if !r.kind.Namespaced() {
		resource.ImportStatePassthroughWithIdentity(ctx, path.Root("name"), path.Root("name"), req, resp)
		return
	}
	// A name has no slash; a namespace, which is free text to Calico, may have one.
	namespace, name := calico.DefaultNamespace, req.ID
	if i := strings.LastIndexByte(req.ID, '/'); i >= 0 {
		namespace, name = req.ID[:i], req.ID[i+1:]
	}
	if req.ID == "" {
		var given types.String
		resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, path.Root("name"), &given)...)
		name = given.ValueString()
		resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, path.Root("namespace"), &given)...)
		if given.ValueString() != "" {
			namespace = given.ValueString()
		}
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("namespace"), namespace)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("name"), name)...)
}

// begin reads the attributes of a request and opens the datastore.
func (r *objectResource) begin(ctx context.Context, raw rawValue, diags *diag.Diagnostics) (values, datastore.Store) {
	v, err := r.rootValues(ctx, raw)
	if err != nil || v == nil {
		addUnreadable(diags, err)
		return nil, nil
	}
	store, err := r.data.store(ctx)
	if err != nil {
		r.addStoreError(diags, "Reach the Datastore of", r.id(v), err)
		return nil, nil
	}
	return v, store
}

func addUnreadable(diags *diag.Diagnostics, err error) {
	diags.AddError("Unexpected Resource Data", fmt.Sprintf("The resource's data cannot be read: %v. Please report this to the provider developers.", err))
}

// finish turns what is stored into the new state: attributes, identity and the
// private state. spelled is where the spelling of values comes from.
func (r *objectResource) finish(ctx context.Context, stored *datastore.Stored, prior, spelled values, kept *objectState, identity *tfsdk.ResourceIdentity, private privateWriter, diags *diag.Diagnostics) rawValue {
	v := r.attributes(stored.Object, prior)
	if prior == nil {
		// What an import does not tell comes from the object; its name is the
		// one it was asked for.
		v["name"] = spelled["name"]
	}
	raw, err := r.rawValues(ctx, v)
	if err != nil {
		diags.AddError("Unexpected State", err.Error()+"\n\nPlease report this to the provider developers.")
	}
	r.keepState(ctx, kept, stored, private, diags)
	identify(ctx, identity, v, diags)
	return raw
}

// identify sets the identity of the object that the attributes name.
func identify(ctx context.Context, identity *tfsdk.ResourceIdentity, v values, diags *diag.Diagnostics) {
	if identity == nil {
		return
	}
	diags.Append(identity.SetAttribute(ctx, path.Root("name"), v.str("name"))...)
	if _, namespaced := v["namespace"]; namespaced {
		diags.Append(identity.SetAttribute(ctx, path.Root("namespace"), v.str("namespace"))...)
	}
}
