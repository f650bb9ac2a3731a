package provider

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// connectivityDataSource tells what becomes of flows at host endpoints: now, and
// with changes laid over what is stored.
type connectivityDataSource struct{ data *providerData }

var (
	_ datasource.DataSourceWithConfigure      = (*connectivityDataSource)(nil)
	_ datasource.DataSourceWithValidateConfig = (*connectivityDataSource)(nil)
)

func newConnectivityDataSource() datasource.DataSource { return &connectivityDataSource{} }

func (d *connectivityDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_connectivity"
}

func (d *connectivityDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.data = providerDataOf(req.ProviderData, &resp.Diagnostics)
}

// flowAttributes are those of a flow that a verdict is asked for.
func flowAttributes() map[string]schema.Attribute {
	attributes := map[string]schema.Attribute{}
	for name, description := range describeFlow {
		switch name {
		case "port", "source_port", "icmp_type", "icmp_code":
			attributes[name] = schema.NumberAttribute{MarkdownDescription: description, Optional: true}
		case "forwarded":
			attributes[name] = schema.BoolAttribute{MarkdownDescription: description, Optional: true}
		case "cidr":
			attributes[name] = schema.StringAttribute{MarkdownDescription: "Network or address at the far side, such as `\"10.1.0.0/24\"`.", Required: true}
		case "direction":
			attributes[name] = schema.StringAttribute{MarkdownDescription: description, Optional: true, Validators: []validator.String{stringvalidator.OneOf(directionIngress, directionEgress)}}
		default:
			attributes[name] = schema.StringAttribute{MarkdownDescription: description, Optional: true}
		}
	}
	return attributes
}

func (d *connectivityDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	flow := flowAttributes()
	flow["expect"] = schema.StringAttribute{
		MarkdownDescription: "What should become of the traffic: `\"allow\"` or `\"deny\"`, each of all of it. If it does not, `unexpected` says so. Default: nothing is expected.",
		Optional:            true,
		Validators:          []validator.String{stringvalidator.OneOf(flowAllow, flowDeny)},
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Tells whether traffic reaches host endpoints, and which rule decides: by the policies, tiers, sets, profiles, endpoints and failsafe ports that are stored, and, before anything is written, by those of the plan. " +
			"It is for new connections of the hosts themselves (or through them, with `forwarded`). A `check` block or a `postcondition` can compare a plan with what is expected, and `report` shows a reviewer what a change does.\n\n" +
			"To have it read in the plan, name `changes` in a local value, or take them from the outputs of a module: if a data source refers to a resource with changes directly, or has a `postcondition` of its own, Terraform reads it during the apply, after these changes.",
		Attributes: map[string]schema.Attribute{
			"endpoint_selector": schema.StringAttribute{
				MarkdownDescription: "Expression that selects, by their labels, the host endpoints to ask for, such as `\"role == 'db'\"`. Default: every host endpoint, stored or in `changes`.",
				Optional:            true,
			},
			"changes": schema.ListAttribute{
				MarkdownDescription: "Objects to lay over what is stored: the attribute `object` of the resources that a plan changes, such as `[calico_failsafe_policy.this.object]` in a local value, or other `projectcalico.org/v3` objects in JSON. Null elements are left out. " +
					"Those that are stored already make no difference, so the list can stay after the apply. Of a `FelixConfiguration`, the fields that it has are laid over the others (so that a field which a plan gives back shows as it is stored). Default: none. " +
					"If one of them is not known in the plan, all of this is read during the apply.",
				ElementType: types.StringType,
				Optional:    true,
			},
			"results":    resultsAttribute("What becomes of each flow at each host endpoint, in the order of the endpoints' names, such as `[{ endpoint = \"db1-eth0\", flow = \"ssh\", verdict = \"allow\", ... }]`."),
			"unexpected": resultsAttribute("Those of `results` whose `verdict` is another one than `expect`."),
			"report": schema.StringAttribute{
				MarkdownDescription: "All of it as a table in Markdown, for the comment on a pull request: what is unexpected comes first, then what changes. It begins such as `**Traffic at 12 host endpoints: 0 unexpected, 2 changed, 34 as before.**`.",
				Computed:            true,
			},
		},
		Blocks: map[string]schema.Block{
			"flow": schema.ListNestedBlock{
				MarkdownDescription: "Traffic to ask about, a block each and at least one, such as `flow { cidr = \"10.1.0.0/24\" }` with `name = \"ssh\"`, `port = 22` and `expect = \"allow\"` in it.",
				Validators:          []validator.List{listvalidator.IsRequired()},
				NestedObject:        schema.NestedBlockObject{Attributes: flow},
			},
			"removal": schema.ListNestedBlock{
				MarkdownDescription: "Stored object to take away, a block each, such as `removal { kind = \"GlobalNetworkPolicy\" }` with `name = \"old-ssh\"` in it: what a plan deletes is no longer in the configuration, and so not in `changes` either. Default: none.",
				NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
					"kind": schema.StringAttribute{
						MarkdownDescription: "Kind of the object, such as `\"GlobalNetworkPolicy\"`.",
						Required:            true,
						Validators:          []validator.String{stringvalidator.OneOf(removableKinds()...)},
					},
					"name":      schema.StringAttribute{MarkdownDescription: "Name of the object, such as `\"old-ssh\"`.", Required: true},
					"namespace": schema.StringAttribute{MarkdownDescription: "Namespace of a `NetworkPolicy` or `NetworkSet`, such as `\"production\"`. Default: `\"default\"`.", Optional: true},
				}},
			},
		},
	}
}

// removableKinds are those that a verdict can hang on.
func removableKinds() []string {
	var names []string
	for _, kind := range verdict.Dependencies() {
		names = append(names, string(kind))
	}
	return names
}

func resultsAttribute(description string) schema.ListNestedAttribute {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: description, Computed: true}
	}
	return schema.ListNestedAttribute{
		MarkdownDescription: description,
		Computed:            true,
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"endpoint":   text("Name of the host endpoint, such as `\"db1-eth0\"`."),
			"flow":       text("Name of the flow or, if it has none, its description, such as `\"TCP port 22 from 10.1.0.0/24\"`."),
			"verdict":    text("What becomes of it with `changes` and `removal`: " + describeFlowVerdict + "."),
			"decided_by": text("What decides, such as `rule 1 of ingress of policy \"failsafe\" in tier \"default\"`, `failsafe port TCP 22` or, for `\"undecided\"`, why."),
			"before":     text("What becomes of it by what is stored now, such as `\"deny\"`; null if the host endpoint is not stored yet."),
			"expect":     text("What the flow's `expect` says, such as `\"allow\"`; null for nothing."),
		}},
	}
}

// resultTypes are the attributes of a result.
func resultTypes() map[string]attr.Type {
	out := map[string]attr.Type{}
	for name, a := range resultsAttribute("").NestedObject.Attributes {
		out[name] = a.GetType()
	}
	return out
}

type connectivityModel struct {
	Flow             types.List   `tfsdk:"flow"`
	EndpointSelector types.String `tfsdk:"endpoint_selector"`
	Changes          types.List   `tfsdk:"changes"`
	Removal          types.List   `tfsdk:"removal"`
	Results          types.List   `tfsdk:"results"`
	Unexpected       types.List   `tfsdk:"unexpected"`
	Report           types.String `tfsdk:"report"`
}

// ValidateConfig refuses what is no flow and no selector.
func (d *connectivityDataSource) ValidateConfig(ctx context.Context, req datasource.ValidateConfigRequest, resp *datasource.ValidateConfigResponse) {
	var model connectivityModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if !resp.Diagnostics.HasError() {
		model.question(&resp.Diagnostics)
	}
}

// askedFlow is a flow and what is expected of it.
type askedFlow struct {
	guardedFlow
	// expect is "" for nothing.
	expect string
	at     path.Path
}

// label names the flow in a result.
func (f askedFlow) label() string {
	if f.name != "" {
		return f.name
	}
	return f.String()
}

// question reads the flows, and the endpoints that they are asked for; nil for all.
func (m *connectivityModel) question(diags *diag.Diagnostics) (flows []askedFlow, endpoints *selector.Selector) {
	for i, e := range elements(m.Flow) {
		at := path.Root("flow").AtListIndex(i)
		if flow, ok := readFlow(e, at, diags); ok {
			asked := askedFlow{guardedFlow: flow, at: at}
			if o, isObject := e.(types.Object); isObject {
				asked.expect = values(o.Attributes()).str("expect")
			}
			flows = append(flows, asked)
		}
	}
	if text := m.EndpointSelector.ValueString(); text != "" {
		var err error
		if endpoints, err = selector.Parse(selector.OneLine(text)); err != nil {
			diags.AddAttributeError(path.Root("endpoint_selector"), "Not a Selector", "It is not a selector: "+err.Error())
		}
	}
	return flows, endpoints
}

// Read asks for each flow at each endpoint, before and after the changes.
func (d *connectivityDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model connectivityModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	flows, selected := model.question(&resp.Diagnostics)
	stored, release := d.stored(ctx, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	objects, missing := model.after(stored, release, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	var options []verdict.Option
	if !d.data.offline {
		options = append(options, verdict.OnEtcd)
	}
	before, after := newScene(stored, release, options...), newScene(objects, release, options...)
	asked := make([]bool, len(flows))
	var results []connectivityResult
	for _, endpoint := range after.world.Endpoints() {
		if selected != nil && !selected.Matches(endpoint.Labels) {
			continue
		}
		for i, flow := range flows {
			if !flow.watchedAt(endpoint) {
				continue
			}
			asked[i] = true
			result := connectivityResult{endpoint: endpoint.Name, flow: flow, after: after.judge(endpoint, flow.flow)}
			if old, existed := before.world.Endpoint(endpoint.Name); existed {
				result.before = before.judge(old, flow.flow).verdict
			}
			results = append(results, result)
		}
	}
	for i, flow := range flows {
		if !asked[i] {
			resp.Diagnostics.AddAttributeWarning(flow.at, "No Host Endpoint to Ask For",
				fmt.Sprintf("Nothing is known about %s: no host endpoint that is stored or in changes is selected for it. Check endpoint_selector, or pass the host endpoints of this plan in changes.", flow))
		}
	}
	model.answer(results, missing)
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

// stored returns the objects that decide now. Without a datastore these are
// Calico's own tiers alone.
func (d *connectivityDataSource) stored(ctx context.Context, diags *diag.Diagnostics) (map[calico.ID]calico.Object, calico.Release) {
	if d.data != nil && d.data.offline {
		release := d.data.offlineRelease()
		return builtIn(release), release
	}
	const failed = "Unable to Read Policies and Host Endpoints"
	store, err := d.data.store(ctx)
	if err != nil {
		addStoreError(diags, failed, err)
		return nil, calico.Release{}
	}
	finding, err := store.Release(ctx)
	if err != nil {
		addStoreError(diags, failed, err)
		return nil, calico.Release{}
	}
	snapshot, err := store.Snapshot(ctx, guardKinds(finding.Release))
	if err != nil {
		addStoreError(diags, failed, err)
		return nil, calico.Release{}
	}
	for _, c := range snapshot.Corrupt {
		diags.AddWarning("Stored Value Left Out",
			fmt.Sprintf("The value stored at %s (revision %s) is not a valid object: %v. Calico takes it for absent, and so does this answer. Look at it with `etcdctl get %s`, and put it right or delete the key.", c.Key, c.Revision, c.Err, c.Key))
	}
	objects, keys := objectsOf(snapshot)
	for _, id := range slices.SortedFunc(maps.Keys(objects), compareIDs) {
		if first := calico.IDOf(objects[id]).Short(); first != id {
			diags.AddWarning("Policy Stored Twice",
				fmt.Sprintf("%s is stored at %s and at %s, by releases of Calico that name policies in different ways. Calico enforces both, and this answer counts both. Compare them, and delete the one that is out of date: `etcdctl del %s` or `etcdctl del %s`.", first, keys[first], keys[id], keys[first], keys[id]))
		}
	}
	return objects, finding.Release
}

// after returns the objects with the changes and removals of the configuration,
// and those removals that are not stored.
func (m *connectivityModel) after(stored map[calico.ID]calico.Object, release calico.Release, diags *diag.Diagnostics) (objects map[calico.ID]calico.Object, missing []calico.ID) {
	objects = maps.Clone(stored)
	for i, e := range elements(m.Removal) {
		o, ok := e.(types.Object)
		if !ok || o.IsNull() {
			continue
		}
		v := values(o.Attributes())
		id := calico.ID{Kind: calico.Kind(v.str("kind")), Name: v.str("name"), Namespace: v.str("namespace")}
		switch {
		case id.Kind.Namespaced() && id.Namespace == "":
			id.Namespace = defaultNamespace
		case !id.Kind.Namespaced() && id.Namespace != "":
			diags.AddAttributeError(path.Root("removal").AtListIndex(i).AtName("namespace"), "Kind Without Namespaces",
				fmt.Sprintf("removal[%d].namespace: a %s is of no namespace. Leave this out, or remove the NetworkPolicy or NetworkSet that is meant.", i, id.Kind))
			continue
		}
		if objects[id.Short()] == nil {
			missing = append(missing, id)
		}
		delete(objects, id.Short())
	}
	for _, f := range layObjects(objects, "changes", elements(m.Changes), release) {
		diags.AddAttributeError(path.Root("changes").AtListIndex(f.index), f.summary, f.detail)
	}
	return objects, missing
}

// answer fills in the computed attributes.
func (m *connectivityModel) answer(results []connectivityResult, missing []calico.ID) {
	resultType := types.ObjectType{AttrTypes: resultTypes()}
	all, unexpected := []attr.Value{}, []attr.Value{}
	for _, r := range results {
		value := types.ObjectValueMust(resultType.AttrTypes, map[string]attr.Value{
			"endpoint":   types.StringValue(r.endpoint),
			"flow":       types.StringValue(r.flow.label()),
			"verdict":    types.StringValue(r.after.verdict),
			"decided_by": types.StringValue(r.after.decidedBy),
			"before":     textOrNull(r.before),
			"expect":     textOrNull(r.flow.expect),
		})
		all = append(all, value)
		if r.unexpected() {
			unexpected = append(unexpected, value)
		}
	}
	m.Results = types.ListValueMust(resultType, all)
	m.Unexpected = types.ListValueMust(resultType, unexpected)
	m.Report = types.StringValue(connectivityReport(results, missing))
}

func textOrNull(s string) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}
