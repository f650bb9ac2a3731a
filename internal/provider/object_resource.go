package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
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
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/validate"
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

// ModifyPlan makes the plan tell what will be stored, and refuses what Calico
// would refuse.
func (r *objectResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	defer makeSafe(&resp.Diagnostics)
	config, err1 := r.rootValues(ctx, req.Config.Raw)
	planned, err2 := r.rootValues(ctx, req.Plan.Raw)
	state, err3 := r.rootValues(ctx, req.State.Raw)
	if err := errors.Join(err1, err2, err3); err != nil {
		resp.Diagnostics.AddError("Unexpected Plan", err.Error()+"\n\nPlease report this to the provider developers.")
		return
	}
	// (Without a state, private state is that of the object that is replaced.)
	var kept *objectState
	if state != nil {
		var err error
		if kept, err = r.readState(ctx, req.Private, r.id(state)); err != nil {
			r.addStoreError(&resp.Diagnostics, "Plan", r.id(state), err)
			return
		}
		if kept == nil {
			r.warnLost(r.id(state), &resp.Diagnostics)
		}
	}
	if planned == nil {
		r.planDestroy(ctx, state, kept, &resp.Diagnostics)
		r.planGuard(ctx, state, nil, req.Private, nil, &resp.Diagnostics)
		r.data.refuseLocked(ctx, &resp.Diagnostics)
		return
	}
	var replaced values
	r.fillIn(config, planned)
	for name := range state {
		if !r.isDerived(name) {
			planned[name] = reconcilePlan(state[name], planned[name], r.fieldType(name))
		}
	}
	if state != nil {
		if replace := r.planReplace(state, planned); len(replace) > 0 {
			resp.RequiresReplace = append(resp.RequiresReplace, replace...)
			r.warnReplace(replace[0], state, &resp.Diagnostics)
			replaced, state = state, nil
		}
	}

	release := r.data.planRelease(ctx, r.id(planned), state == nil, &resp.Diagnostics)
	obj, c := r.check(planned, release, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if !planned.isUnknown("name") && !planned.isUnknown("namespace") {
		again, _ := req.Private.GetKey(ctx, stateKey)
		r.planIdentity(ctx, obj, c, planned, state, release, replaced != nil || again != nil, &resp.Diagnostics)
		if state == nil && r.adopts {
			r.planAdoption(ctx, obj, c, planned, release, &resp.Diagnostics)
		}
		if state != nil && r.adopts {
			still := r.owned(planned)
			left := slices.DeleteFunc(r.owned(state), func(name string) bool { return slices.Contains(still, name) })
			r.warnKept(r.id(state), kept, left, &resp.Diagnostics)
		}
	}
	r.planFilled(config, planned, release)
	r.planOthers(ctx, obj, c, planned, &resp.Diagnostics)
	r.planDerived(obj, c, config, planned, state, kept)
	planned["uid"], planned["creation_timestamp"] = types.StringUnknown(), types.StringUnknown()
	if state != nil {
		planned["uid"], planned["creation_timestamp"] = state["uid"], state["creation_timestamp"]
	}
	raw, err := r.rawValues(ctx, planned)
	if err != nil {
		resp.Diagnostics.AddError("Unexpected Plan", err.Error())
		return
	}
	resp.Plan.Raw = raw
	if !raw.Equal(req.State.Raw) {
		if state != nil {
			r.planUnknown(obj, c, planned, state, kept, &resp.Diagnostics)
		} else if replaced == nil {
			r.replaceUnknown(ctx, req.Private, &resp.Diagnostics)
		}
		r.planServices(obj, c, planned, &resp.Diagnostics)
		if r.warn != nil {
			if at, summary, detail := r.warn(planned, state); summary != "" {
				resp.Diagnostics.AddAttributeWarning(at, summary, detail)
			}
		}
	}
	if len(c.unknown) == 0 && !raw.Equal(req.State.Raw) {
		r.planGuard(ctx, state, obj, req.Private, replaced, &resp.Diagnostics)
	}
	if !raw.Equal(req.State.Raw) {
		r.data.refuseLocked(ctx, &resp.Diagnostics)
	}
}

func (r *objectResource) isDerived(name string) bool {
	_, ok := r.derived[name]
	return ok || name == "object"
}

// fillIn completes a plan with what the configuration leaves out. What Calico
// fills in stays out until the object is known: see planFilled.
func (r *objectResource) fillIn(config, planned values) {
	if r.complete != nil {
		r.complete(config, planned)
	}
	if r.kind.Namespaced() && config.isNull("namespace") {
		planned["namespace"] = types.StringValue(defaultNamespace)
	}
	for name := range r.filled {
		planned.setFilled(strings.Split(name, "."), config, func(attr.Value) attr.Value { return nil })
	}
}

// defaultNamespace is where Calico's tools put an object that names no namespace.
const defaultNamespace = "default"

// planReplace returns the attributes whose change needs another object. It keeps
// the name as it is where only its spelling changes.
func (r *objectResource) planReplace(state, planned values) []path.Path {
	var replace []path.Path
	before, after := r.id(state), r.id(planned)
	if planned.isUnknown("namespace") || before.Namespace != after.Namespace {
		replace = append(replace, path.Root("namespace"))
		before.Namespace = after.Namespace
	}
	switch {
	case planned.isUnknown("name") || before.Short().Name != after.Short().Name:
		replace = append(replace, path.Root("name"))
	default:
		planned["name"] = state["name"]
	}
	for _, name := range r.replaces {
		if !state.isNull(name) && !planned.isNull(name) && !sameMeaning(state[name], planned[name], r.fieldType(name)) {
			replace = append(replace, path.Root(name))
		}
	}
	return replace
}

// planFilled plans the attributes that Calico fills in: by their values where
// they are decided by what is known, and otherwise as unknown.
func (r *objectResource) planFilled(config, planned values, release *calico.Release) {
	if len(r.filled) == 0 {
		return
	}
	releases := []calico.Release{oldestWith(r.kind), calico.Newest}
	if release != nil {
		releases = []calico.Release{*release}
	}
	var computed []values
	for _, release := range releases {
		obj := r.object(&conversion{}, planned, release)
		calico.Default(obj, release)
		computed = append(computed, r.attributes(obj, nil))
	}
	for name, decidedBy := range r.filled {
		steps := strings.Split(name, ".")
		first, last := computed[0].at(steps), computed[len(computed)-1].at(steps)
		known := first == nil || first.Equal(last)
		for _, other := range decidedBy {
			known = known && !planned.isUnknown(other)
		}
		planned.setFilled(steps, config, func(planned attr.Value) attr.Value {
			if !known {
				return unknown(planned.Type(context.Background()))
			}
			return last
		})
	}
}

// planOthers warns of what stands in the object's way in the datastore: another
// part of the same apply may put it right. It is an error only when it is
// written: see writable.
func (r *objectResource) planOthers(ctx context.Context, obj calico.Object, c *conversion, planned values, diags *diag.Diagnostics) {
	check := r.checkOthers
	if r.kind.Tiered() {
		check = checkTier
	}
	if check == nil || r.data.pending() || r.data.isUnreachable() {
		return
	}
	store, err := r.data.store(ctx)
	if err != nil {
		return // told by planRelease
	}
	faults, err := check(ctx, store, obj)
	if err != nil {
		return // the plan does not hang on it; the write will tell
	}
	for _, f := range faults {
		if c.known(f.Within()) && !r.data.isPlanned(f.Value) {
			diags.AddAttributeWarning(r.attributePath(planned, f.Field), "Datastore Not Ready for This Object",
				f.Reason+" If this apply changes that first, nothing is wrong; otherwise it will stop here.")
		}
	}
}

// warnReplace tells what the replacement of an object does beside.
func (r *objectResource) warnReplace(at path.Path, state values, diags *diag.Diagnostics) {
	if r.replaceWarning == nil {
		return
	}
	if summary, detail := r.replaceWarning(state); summary != "" {
		diags.AddAttributeWarning(at, summary, detail)
	}
}

// planIdentity tells in the plan what the apply could only fail at: an object that
// exists already, and two resources that stand for one object. (Several resources
// may own different fields of an object that is adopted.) again is true where the
// resource has an object already, which is to be replaced.
func (r *objectResource) planIdentity(ctx context.Context, obj calico.Object, c *conversion, planned, state values, release *calico.Release, again bool, diags *diag.Diagnostics) {
	id := r.id(planned)
	alone := false
	if state == nil {
		alone = r.data.plan(id, again)
	} else {
		alone = r.data.planUpdate(id)
	}
	if r.adopts {
		return
	}
	if !alone {
		diags.AddAttributeError(path.Root("name"), "Two Resources for One Object",
			fmt.Sprintf("Another resource of this configuration stands for %s too: each apply would write over what the other has written, and a destroy of one would take the object away from both. Remove one of the two, or give one another name.", id))
		return
	}
	if state != nil || again || r.data.pending() || r.data.isUnreachable() || r.data.wasRead(id) {
		return
	}
	if key := r.existing(ctx, id, diags); key != "" {
		r.planExisting(ctx, key, obj, c, release, diags)
	}
}

// existing returns where an object is stored that a plan is to create; "" where it is
// not, as far as can be told. The guard has read all that it watches over anyway.
func (r *objectResource) existing(ctx context.Context, id calico.ID, diags *diag.Diagnostics) string {
	if store, release := r.guardStore(ctx); store != nil {
		if key, ok := r.data.guard.stored(ctx, store, release, id); ok {
			return key
		}
	}
	return r.data.existing(ctx, id, diags)
}

// planServices warns of rules that match nothing, as they name a service of
// Kubernetes.
func (r *objectResource) planServices(obj calico.Object, c *conversion, planned values, diags *diag.Diagnostics) {
	if r.data.pending() || r.data.datastore.Services {
		return
	}
	var at []calico.Path
	for _, field := range calico.ServiceRules(obj) {
		if c.known(field) {
			at = append(at, field)
		}
	}
	if len(at) == 0 {
		return
	}
	var places []string
	for _, field := range at {
		places = append(places, r.attributePath(planned, field).String())
	}
	diags.AddAttributeWarning(r.attributePath(planned, at[0]), "Service Matches Nothing",
		fmt.Sprintf("%s: in this datastore Calico does not learn of Kubernetes services, so a rule that names one never matches: what it should allow is dropped, and what it should deny goes on to the next rule. Name the addresses (nets) or the workloads (selector) in its place.", strings.Join(places, ", ")))
}

// checkTier looks for the tier of a policy.
func checkTier(ctx context.Context, store datastore.Store, obj calico.Object) (calico.FieldErrors, error) {
	tier := calico.ID{Kind: calico.KindTier, Name: calico.IDOf(obj).Tier}
	if tier.Name == "" || tier.Name == calico.DefaultTier {
		return nil, nil
	}
	_, err := store.Get(ctx, tier)
	if !errors.Is(err, datastore.ErrNotFound) {
		return nil, err
	}
	return calico.FieldErrors{{Field: specPath.Field("tier"), Value: tier,
		Reason: fmt.Sprintf("The tier %q does not exist: nothing is stored at %s. Create it first, and refer to it (tier = calico_tier.NAME.name) so that Terraform knows the order.", tier.Name, safetext.Line(store.Key(ctx, tier)))}}, nil
}

// planDestroy refuses to plan the end of an object that Calico needs, and tells what a
// destroy does not give back.
func (r *objectResource) planDestroy(ctx context.Context, state values, kept *objectState, diags *diag.Diagnostics) {
	if r.adopts {
		r.warnKept(r.id(state), kept, r.owned(state), diags)
		r.giveBackUnknown(kept, r.owned(state), diags)
	} else {
		r.destroyUnknown(kept, false, diags)
	}
	if r.keep == nil || kept == nil || kept.Stored == nil || r.data.pending() {
		return
	}
	store, err := r.data.store(ctx)
	if err != nil {
		return // the apply will tell
	}
	r.checkKept(ctx, store, kept.Object, r.id(state), diags)
}

// planDerived plans the computed attributes that are functions of the object, and
// leaves all as it is if the object is to stay as it is.
func (r *objectResource) planDerived(obj calico.Object, c *conversion, config, planned, state values, kept *objectState) {
	if state != nil && kept != nil && kept.Stored != nil && len(c.unknown) == 0 {
		// Nothing to change in the datastore: then nothing changes here, though
		// the stored object may be spelled in another way than ours would be.
		stored := onlyManagedAnnotations(kept.Object, managedAnnotations(state, planned))
		stored.SetName(obj.GetName()) // the same name, whatever its spelling
		if (calico.Equal(obj, stored) || calico.Equal(obj, r.asConfigured(stored))) && r.planNoChange(config, planned, state) {
			return
		}
	}
	attributeTypes := r.attributeTypes()
	computed := r.attributes(obj, planned)
	for name := range attributeTypes {
		switch {
		case !r.isDerived(name):
		case c.known(r.derived[name]) && r.filledKnown(planned):
			planned[name] = computed[name]
		default:
			planned[name] = unknown(attributeTypes[name])
		}
	}
}

// planNoChange plans what the state has, and tells whether that can be: whether the
// configuration says nothing else. What it leaves out stays as the state has it, though
// the release of today would fill in a value, or none, where that of another day did not.
//
// Otherwise nothing is changed here: the apply writes the object in our spelling, with
// the values of the release, and all that is computed has to be planned as that.
func (r *objectResource) planNoChange(config, planned, state values) bool {
	same := maps.Clone(planned)
	for name := range r.filled {
		steps := strings.Split(name, ".")
		same.setFilled(steps, config, func(attr.Value) attr.Value { return state.at(steps) })
	}
	for name, value := range state {
		switch {
		case r.isDerived(name), name == "uid", name == "creation_timestamp":
			same[name] = value
		case same[name] == nil || !same[name].Equal(value):
			return false
		}
	}
	maps.Copy(planned, same)
	return true
}

// asConfigured returns what a configuration can say of a stored object: without a
// source, say, that is there and empty. Not to say so is no change. Nothing is filled
// in: what a stored object lacks, such as the types of a policy, it lacks.
func (r *objectResource) asConfigured(stored calico.Object) calico.Object {
	c := &conversion{}
	obj := r.undefaulted(c, r.attributes(stored, nil))
	if len(c.unknown)+len(c.faults) > 0 {
		return stored
	}
	return obj
}

// filledKnown tells whether all that Calico fills in is known.
func (r *objectResource) filledKnown(planned values) bool {
	for name := range r.filled {
		if v := planned.at(strings.Split(name, ".")); v != nil && !fullyKnown(v) {
			return false
		}
	}
	return true
}

// check makes the object of the attributes and reports what Calico would refuse
// in it, as far as it is known. release is nil where it is not known: then only
// what the oldest that knows the kind and the newest both refuse is reported.
func (r *objectResource) check(v values, release *calico.Release, diags *diag.Diagnostics) (calico.Object, *conversion) {
	c := &conversion{}
	r.reservedMetadata(c, v)
	r.refuseVoid(c, v)
	releases := []calico.Release{oldestWith(r.kind), calico.Newest}
	if release != nil {
		releases = []calico.Release{*release}
	}
	obj := r.object(c, v, releases[len(releases)-1])
	r.refuseOverruled(c, v, obj)
	faults := validate.Validate(obj, releases[0])
	for _, other := range releases[1:] {
		// In the words of the newer one: the older may just not know the field.
		faults = common(validate.Validate(obj, other), faults)
	}
	told := map[string]bool{}
	for _, f := range c.faults {
		if !c.known(f.Within()) {
			continue
		}
		told[r.attributePath(v, f.Field).String()] = true
		r.addFieldError(diags, v, f)
	}
	for _, f := range faults {
		// The conversion has said it better already.
		if c.known(f.Within()) && reportable(c, f) && !told[r.attributePath(v, f.Field).String()] {
			r.addFieldError(diags, v, f)
		}
	}
	return obj, c
}

// refuseVoid finds what is written out as empty where Calico would take that for
// absent and fill it in.
func (r *objectResource) refuseVoid(c *conversion, v values) {
	for name := range r.filled {
		steps := strings.Split(name, ".")
		given := v.at(steps)
		if given == nil || given.IsNull() || given.IsUnknown() || given.Equal(types.BoolValue(false)) || !isVoid(given, nil) {
			continue
		}
		c.fault(specPath.Fields(steps...), nil, "Calico would take an empty value for none, and fill in its default: leave the attribute out, or write the value that you mean.")
	}
}

// refuseOverruled finds what is given but will not be stored, since Calico puts
// something else in its place: the proposal to delete a policy has no types.
func (r *objectResource) refuseOverruled(c *conversion, v values, obj calico.Object) {
	if len(c.unknown)+len(c.faults) > 0 {
		return
	}
	var stored values
	for name := range r.filled {
		steps := strings.Split(name, ".")
		given := v.at(steps)
		if given == nil || given.IsNull() || given.IsUnknown() {
			continue
		}
		if stored == nil {
			stored = r.attributes(obj, nil)
		}
		switch kept := stored.at(steps); {
		case kept == nil || sameMeaning(given, kept, nil):
		case kept.IsNull():
			c.fault(specPath.Fields(steps...), nil, "Calico would drop this value here, without a word: leave the attribute out.")
		default:
			c.fault(specPath.Fields(steps...), nil, "Calico would store %s in place of this value: write that, or leave the attribute out.", kept)
		}
	}
}

// oldest is the oldest release that the provider writes for.
var oldest = calico.Release{Major: 3, Minor: 0}

// oldestWith returns the oldest release that knows the kind: what an older one
// says of an object is only that.
func oldestWith(kind calico.Kind) calico.Release {
	if since := kind.Since(); since != (calico.Release{}) {
		return since
	}
	return oldest
}

// common returns the errors of a that are about fields which b complains of too.
func common(a, b calico.FieldErrors) calico.FieldErrors {
	var out calico.FieldErrors
	for _, e := range a {
		for _, o := range b {
			if e.Field.String() == o.Field.String() {
				out = append(out, e)
				break
			}
		}
	}
	return out
}

// reportable drops what the validation says of a value that could not even be
// converted, and of what such a value is a part of: the conversion has said it
// better.
func reportable(c *conversion, f *calico.FieldError) bool {
	for _, own := range c.faults {
		if own != f && (f.Field.HasPrefix(own.Field) || own.Field.HasPrefix(f.Field)) {
			return false
		}
	}
	return true
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
	if len(c.unknown) > 0 {
		diags.AddError("Unexpected Unknown Value", fmt.Sprintf("The value of %s is still unknown. Please report this to the provider developers.", c.unknown[0]))
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
	planned, store := r.begin(ctx, req.Plan.Raw, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	obj := r.writable(ctx, store, planned, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	stored, adopted, err := r.create(ctx, store, obj)
	if err != nil {
		r.addStoreError(&resp.Diagnostics, "Create", r.id(planned), err)
		return
	}
	kept := &objectState{Origin: originCreated}
	if adopted {
		kept.Origin = originAdopted
		r.tellAdopted(stored, &resp.Diagnostics)
	}
	resp.State.Raw = r.finish(ctx, stored, planned, planned, kept, resp.Identity, resp.Private, &resp.Diagnostics)
}

func (r *objectResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	r.read(ctx, req, resp, func(*datastore.Stored, values, *objectState) error { return nil })
}

// read reads the object. narrow takes away, from what was found, the parts that
// are not Terraform's; in an import it is to add to the private state.
func (r *objectResource) read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse, narrow func(stored *datastore.Stored, state values, kept *objectState) error) {
	defer makeSafe(&resp.Diagnostics)
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
				fmt.Sprintf("The object at %s cannot be a calico_%s: %s", safetext.Line(stored.Key), r.typeName, why))
			return
		}
	}
	prior := state
	managed := managedAnnotations(state)
	switch {
	case kept == nil:
		r.warnLost(r.id(state), &resp.Diagnostics)
		kept = &objectState{Origin: originUnknown}
	case kept.importing():
		prior, managed = nil, stored.Object.GetAnnotations()
	}
	stored.Object = onlyManagedAnnotations(stored.Object, managed)
	if err := narrow(stored, state, kept); err != nil {
		r.addStoreError(&resp.Diagnostics, "Read", r.id(state), err)
		return
	}
	resp.State.Raw = r.finish(ctx, stored, prior, state, kept, resp.Identity, resp.Private, &resp.Diagnostics)
}

func (r *objectResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	defer makeSafe(&resp.Diagnostics)
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
		r.addStoreError(&resp.Diagnostics, "Update", r.id(planned), err)
		return
	}
	obj := r.writable(ctx, store, planned, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	managed := managedAnnotations(state, planned)
	withForeignAnnotations(obj, kept.Object, managed)
	stored, err := r.guarded(ctx, store, changeTo(obj)).Update(ctx, obj, kept.Stored)
	if err != nil {
		r.addStoreError(&resp.Diagnostics, "Update", r.id(planned), err)
		return
	}
	stored.Object = onlyManagedAnnotations(stored.Object, managedAnnotations(planned))
	resp.State.Raw = r.finish(ctx, stored, planned, planned, kept, resp.Identity, resp.Private, &resp.Diagnostics)
}

func (r *objectResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	defer makeSafe(&resp.Diagnostics)
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
		err = r.guarded(ctx, store, removal(r.id(state))).Delete(ctx, kept.Stored)
	}
	if err != nil {
		r.addStoreError(&resp.Diagnostics, "Delete", r.id(state), err)
		return
	}
	r.data.guard.happened(r.id(state), nil)
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
	namespace, name := defaultNamespace, req.ID
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

// managedAnnotations are the annotations that any of the given attributes name.
func managedAnnotations(all ...values) map[string]string {
	out := map[string]string{}
	for _, v := range all {
		maps.Copy(out, v.stringMap("annotations"))
	}
	return out
}
