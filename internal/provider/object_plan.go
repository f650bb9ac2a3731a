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
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/codec"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

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
	if why := r.data.unwritable(r.kind); why != "" {
		resp.Diagnostics.AddError(fmt.Sprintf("Unable to Plan %s", described(r.id(planned))), why)
		return
	}
	var replaced values
	r.fillIn(config, planned)
	for name := range state {
		if !r.isDerived(name) {
			planned[name] = codec.ReconcilePlan(state[name], planned[name], r.fieldType(name))
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
		r.planIdentity(ctx, &planning{obj: obj, c: c, planned: planned, state: state, kept: kept, release: release, again: replaced != nil || again != nil}, &resp.Diagnostics)
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
	if len(c.Unknown) == 0 && !raw.Equal(req.State.Raw) {
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
		planned["namespace"] = types.StringValue(calico.DefaultNamespace)
	}
	for name := range r.filled {
		planned.setFilled(strings.Split(name, "."), config, func(attr.Value) attr.Value { return nil })
	}
}

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
		if !state.isNull(name) && !planned.isNull(name) && !codec.SameMeaning(state[name], planned[name], r.fieldType(name)) {
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
		obj := r.object(&codec.Conversion{}, planned, release)
		calico.Default(obj, release)
		computed = append(computed, r.described(obj, nil))
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
				return codec.Unknown(planned.Type(context.Background()))
			}
			return last
		})
	}
}

// planOthers warns of what stands in the object's way in the datastore: another
// part of the same apply may put it right. It is an error only when it is
// written: see writable.
func (r *objectResource) planOthers(ctx context.Context, obj calico.Object, c *codec.Conversion, planned values, diags *diag.Diagnostics) {
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
		if c.Known(f.Within()) && !r.data.isPlanned(f.Value) {
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
// exists already, and two resources that stand for one object.
func (r *objectResource) planIdentity(ctx context.Context, p *planning, diags *diag.Diagnostics) {
	alone := false
	if p.state == nil {
		alone = r.data.plan(r.id(p.planned), p.again)
	} else {
		alone = r.data.planUpdate(r.id(p.planned))
	}
	r.ownership().planPlace(ctx, p, alone, diags)
}

// existing returns where an object is stored that a plan is to create; "" where it is
// not, as far as can be told. The guard has read all that it watches over anyway.
func (r *objectResource) existing(ctx context.Context, id calico.ID, diags *diag.Diagnostics) string {
	if store, release := r.guardStore(ctx); store != nil {
		if key, ok := r.data.guard.Stored(ctx, store, release, id); ok {
			return key
		}
	}
	return r.data.existing(ctx, id, diags)
}

// planServices warns of rules that match nothing, as they name a service of
// Kubernetes.
func (r *objectResource) planServices(obj calico.Object, c *codec.Conversion, planned values, diags *diag.Diagnostics) {
	if r.data.pending() || r.data.datastore.Services {
		return
	}
	var at []calico.Path
	for _, field := range calico.ServiceRules(obj) {
		if c.Known(field) {
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
	r.ownership().planRemoval(state, kept, diags)
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
func (r *objectResource) planDerived(obj calico.Object, c *codec.Conversion, config, planned, state values, kept *objectState) {
	if state != nil && kept != nil && kept.Stored != nil && len(c.Unknown) == 0 {
		// Nothing to change in the datastore: then nothing changes here, though
		// the stored object may be spelled in another way than ours would be.
		stored := onlyManaged(kept.Object, r.managedBy(state, planned).of(kept.Stored, planned))
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
		case c.Known(r.derived[name]) && r.filledKnown(planned):
			planned[name] = computed[name]
		default:
			planned[name] = codec.Unknown(attributeTypes[name])
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
	c := &codec.Conversion{}
	obj := r.undefaulted(c, r.described(stored, nil))
	if len(c.Unknown)+len(c.Faults) > 0 {
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
