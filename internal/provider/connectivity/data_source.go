// Package connectivity tells whether traffic reaches hosts: the data source of that name,
// its reports, the function verdict, and flows as a configuration writes them. It looks
// at no datastore: what is stored, it is told.
package connectivity

import (
	"context"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

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
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/traffic"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
	"github.com/calico-terraform/terraform-provider-calico/internal/guard"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/codec"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// DataSource tells what becomes of flows at host endpoints: now, and with changes laid
// over what is stored. What is stored, its user has to know: see Ask.
type DataSource struct{}

// Metadata names the data source.
func (DataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_connectivity"
}

// Stored is what decides at present.
type Stored struct {
	Objects map[calico.ID]calico.Object
	Release calico.Release
	// Options tell what the datastore means for verdicts.
	Options []verdict.Option
	// Workloads reads what verdicts depend on beside the objects, and tells what it may not
	// read; nil if there is nothing to read it from.
	Workloads func(context.Context, verdict.Needs, *diag.Diagnostics) Surroundings
}

// Surroundings is what decides beside the objects of administrators, as far as it is known.
type Surroundings struct {
	guard.Surroundings
	// Unknown tells why it is not known which workloads there are; "" if it is.
	Unknown string
	// Undecided tells why nothing can be decided about workloads; "" if something can.
	Undecided string
}

// scenes are what is stored, and the same with the objects of a plan. ofWorkloads tells that
// workloads are asked about, and unknown why they are not known.
func (s *Stored) scenes(ctx context.Context, objects map[calico.ID]calico.Object, ofWorkloads bool, diags *diag.Diagnostics) (before, after *scene, unknown string) {
	before, after = newScene(s.Objects, nil, s.Release, s.Options...), newScene(objects, nil, s.Release, s.Options...)
	now, then := before.world.Needs(ofWorkloads), after.world.Needs(ofWorkloads)
	needs := verdict.Needs{Workloads: now.Workloads || then.Workloads, Services: now.Services || then.Services, Policies: ofWorkloads}
	switch {
	case needs == (verdict.Needs{}):
		return before, after, ""
	case s.Workloads == nil:
		return before, after, "the provider has no datastore, and so knows of no workloads"
	}
	around := s.Workloads(ctx, needs, diags)
	options := slices.Concat(around.Options, s.Options)
	before = newScene(s.Objects, around.Objects, s.Release, options...)
	if maps.Equal(s.Objects, objects) {
		return before, before, around.Unknown
	}
	return before, newScene(objects, around.Objects, s.Release, options...), around.Unknown
}

// flowAttributes are those of a flow that a verdict is asked for.
func flowAttributes() map[string]schema.Attribute {
	attributes := map[string]schema.Attribute{}
	for name, description := range DescribeFlow {
		switch name {
		case "port", "source_port", "icmp_type", "icmp_code":
			attributes[name] = schema.NumberAttribute{MarkdownDescription: description, Optional: true}
		case "forwarded":
			attributes[name] = schema.BoolAttribute{MarkdownDescription: description, Optional: true}
		case "cidr":
			attributes[name] = schema.StringAttribute{MarkdownDescription: "Network or address at the far side, such as `\"10.1.0.0/24\"`.", Required: true}
		case "direction":
			attributes[name] = schema.StringAttribute{MarkdownDescription: description, Optional: true, Validators: []validator.String{stringvalidator.OneOf(DirectionIngress, DirectionEgress)}}
		default:
			attributes[name] = schema.StringAttribute{MarkdownDescription: description, Optional: true}
		}
	}
	return attributes
}

// Schema returns the attributes and blocks.
func (DataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	flow := flowAttributes()
	flow["cidr"] = schema.StringAttribute{MarkdownDescription: "Network or address at the far side, such as `\"10.1.0.0/24\"`. It, or `from` and `to`, is required. Default: none.", Optional: true}
	flow["expect"] = schema.StringAttribute{
		MarkdownDescription: "What should become of the traffic: `\"allow\"` or `\"deny\"`, each of all of it. If it does not, `unexpected` says so. Default: nothing is expected.",
		Optional:            true,
		Validators:          []validator.String{stringvalidator.OneOf(flowAllow, flowDeny)},
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Tells what becomes of traffic of host endpoints and of workloads, and which rule decides: by the policies, tiers, sets, profiles, endpoints and failsafe ports that are stored, and, before anything is written, by those of the plan. " +
			"It is for new connections: of the hosts themselves (or through them, with `forwarded`), with `endpoint_kinds` of pods and other workloads, and with `from` and `to` between endpoints of either kind. [The guide](../guides/connectivity.md) tells what counts and what cannot be known. What selectors, service accounts and `services` in rules stand for is read, too, if a rule at one of these endpoints has any: pods, services and their endpoints in Kubernetes, and the workload endpoints in etcd. Without the right to read them, a warning says so, and what depends on them is undecided. A `check` block or a `postcondition` can compare a plan with what is expected, and `report` and `changes_report` show a reviewer what a change does.\n\n" +
			"Without `complete_kinds` and `removal`, what a plan deletes counts as if it stayed. Felix's own environment variables and its file `felix.cfg` outrank every `FelixConfiguration`, and the answers do not know them: `FELIX_FAILSAFEINBOUNDHOSTPORTS=none` on a host, for example, takes its failsafe ports away, whatever is stored.\n\n" +
			"To have it read in the plan, name `changes` in a local value, or take them from the outputs of a module: if a data source refers to a resource with changes directly, or has a `postcondition` of its own, Terraform reads it during the apply, after these changes.",
		Attributes: map[string]schema.Attribute{
			"endpoint_selector": schema.StringAttribute{
				MarkdownDescription: "Expression that selects, by their labels, the endpoints to ask for, such as `\"role == 'db'\"`. Default: every endpoint of the `endpoint_kinds`, stored or in `changes`.",
				Optional:            true,
			},
			"endpoint_kinds":     listAttribute("Kinds of endpoints to ask for: `\"hosts\"`, the host endpoints; `\"workloads\"`, the pods, and in etcd all workload endpoints that orchestrators have stored; or both. (A flow with `from` and `to` says by itself which.) Default: `[\"hosts\"]`.", NamesOfKinds()),
			"namespaces":         selectionAttributes()["namespaces"],
			"namespace_selector": selectionAttributes()["namespace_selector"],
			"namespace_labels": schema.MapAttribute{
				MarkdownDescription: "Labels that namespaces will have, all of them, by the names of the namespaces, such as `{ shop = { team = \"web\" } }`: laid over what is stored, as `changes` are. (`kubernetes.io/metadata.name` need not be given.) Default: those that they have.",
				ElementType:         types.MapType{ElemType: types.StringType},
				Optional:            true,
			},
			"changes": schema.ListAttribute{
				MarkdownDescription: "Objects to lay over what is stored: the attribute `object` of the resources that a plan changes, such as `[calico_failsafe_policy.this.object]` in a local value, or other `projectcalico.org/v3` objects in JSON. Null elements are left out. " +
					"Those that are stored already make no difference, so the list can stay after the apply. Of a `FelixConfiguration`, the fields that it has are laid over the others (so that a field which a plan gives back shows as it is stored). Default: none. " +
					"If one of them is not known in the plan, all of this is read during the apply.",
				ElementType: types.StringType,
				Optional:    true,
			},
			"complete_kinds": schema.ListAttribute{
				MarkdownDescription: "Kinds of which `changes` has every object that there will be, such as `[\"GlobalNetworkPolicy\", \"HostEndpoint\"]`: what is stored of them and is not in `changes` is taken away, as by a plan that deletes it. (What Calico makes itself stays, such as its own tiers and the `FelixConfiguration` named `default`.) An object that somebody else has written is taken away, too, though Terraform does not delete it: `changes_report` names all that is. Default: none.",
				ElementType:         types.StringType,
				Optional:            true,
				Validators: []validator.List{
					listvalidator.ValueStringsAre(stringvalidator.OneOf(removableKinds()...)),
					// Without changes all of these kinds would go, which nobody means.
					listvalidator.AlsoRequires(path.MatchRoot("changes")),
				},
			},
			"results":    resultsAttribute("What becomes of each flow at each endpoint, with `changes` laid over what is stored: of host endpoints first, in the order of their names, then of workloads and between endpoints, in the order of the flows, such as `[{ endpoint = \"db1-eth0\", flow = \"ssh\", verdict = \"allow\", ... }]`. It stays the same when the changes are applied, as do `unexpected`, `report` and `summary`."),
			"unexpected": resultsAttribute("Those of `results` whose `verdict` is another one than `expect`."),
			"changed":    changedAttribute(),
			"report": schema.StringAttribute{
				MarkdownDescription: "`results` as a table in Markdown, for the comment on a pull request; what is unexpected comes first. It begins such as `**12 host endpoints, 36 flows: 0 unexpected.**`.",
				Computed:            true,
			},
			"changes_report": schema.StringAttribute{
				MarkdownDescription: "`changed` as a table in Markdown, and the stored objects that are taken away. It begins such as `**2 of 36 flows changed.**`. As an output, it changes once more after the apply.",
				Computed:            true,
			},
			"summary": schema.StringAttribute{
				MarkdownDescription: "A line for the `error_message` of a check, such as `12 host endpoints, 36 flows: 0 unexpected`. (A flow is counted once for each element of `results`.) If any of them are undecided, it tells how many.",
				Computed:            true,
			},
		},
		Blocks: map[string]schema.Block{
			"flow": schema.ListNestedBlock{
				MarkdownDescription: "Traffic to ask about, a block each and at least one, such as `flow { cidr = \"10.1.0.0/24\" }` with `name = \"ssh\"`, `port = 22` and `expect = \"allow\"` in it.",
				Validators:          []validator.List{listvalidator.IsRequired()},
				NestedObject:        schema.NestedBlockObject{Attributes: flow, Blocks: selectionBlocks()},
			},
			"removal": schema.ListNestedBlock{
				MarkdownDescription: "Stored object to take away, a block each, such as `removal { kind = \"GlobalNetworkPolicy\" }` with `name = \"old-ssh\"` in it: what a plan deletes is no longer in the configuration, and so not in `changes` either. (`complete_kinds` finds out by itself what that is.) Default: none.",
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

func computedText(description string) schema.StringAttribute {
	return schema.StringAttribute{MarkdownDescription: description, Computed: true}
}

func resultsAttribute(description string) schema.ListNestedAttribute {
	text := computedText
	return schema.ListNestedAttribute{
		MarkdownDescription: description,
		Computed:            true,
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"endpoint":   text("Name of the host endpoint, such as `\"db1-eth0\"`; of workloads, their namespace and those of their labels that a policy looks at, such as `\"shop/app=web\"`. Workloads that no rule can tell apart are one element; if there are more than 2000 elements, workloads of one namespace that fare alike are, and if that is not enough, those of one flow that fare alike (`ns1 and 41 more`), at last even if they are `unexpected`. Null if there is no such endpoint."),
			"from":       text("Of a flow with `from` and `to`, the endpoint that it comes from, such as `\"shop/app=web\"`; `endpoint` is the one that it goes to. Null for other flows."),
			"count":      schema.NumberAttribute{MarkdownDescription: "How many endpoints the element is about, such as `12` for as many equal pods; of a flow with `from` and `to`, how many pairs of endpoints.", Computed: true},
			"flow":       text("Name of the flow or, if it has none, its description, such as `\"TCP port 22 from 10.1.0.0/24\"`."),
			"verdict":    text("What becomes of it: " + describeFlowVerdict + "."),
			"decided_by": text("What decides, such as `rule 1 of ingress of policy \"failsafe\" in tier \"default\"`, `failsafe port TCP 22` or, for `\"undecided\"`, why."),
			"expect":     text("What the flow's `expect` says, such as `\"allow\"`; null for nothing."),
		}},
	}
}

// changedAttribute is that of the results which are others than before.
func changedAttribute() schema.ListNestedAttribute {
	changed := resultsAttribute("Those of `results` whose `verdict` is another one than by what is stored now, and what becomes of flows at endpoints that go or are no longer selected, such as `[{ endpoint = \"db1-eth0\", flow = \"ssh\", before = \"deny\", verdict = \"allow\", ... }]`. It is empty when the changes are applied.")
	changed.NestedObject.Attributes["before"] = computedText("What becomes of it by what is stored now, such as `\"deny\"`; null if the endpoint is not stored yet.")
	changed.NestedObject.Attributes["verdict"] = computedText("What becomes of it then, such as `\"allow\"`; null if the endpoint goes or is no longer selected.")
	changed.NestedObject.Attributes["decided_by"] = computedText("What decides then, such as `failsafe port TCP 22`; null if the endpoint goes or is no longer selected.")
	return changed
}

// typesOf are the attributes of the elements of a list.
func typesOf(list schema.ListNestedAttribute) map[string]attr.Type {
	out := map[string]attr.Type{}
	for name, a := range list.NestedObject.Attributes {
		out[name] = a.GetType()
	}
	return out
}

type dataSourceModel struct {
	Flow              types.List   `tfsdk:"flow"`
	EndpointSelector  types.String `tfsdk:"endpoint_selector"`
	EndpointKinds     types.List   `tfsdk:"endpoint_kinds"`
	Namespaces        types.List   `tfsdk:"namespaces"`
	NamespaceLabels   types.Map    `tfsdk:"namespace_labels"`
	NamespaceSelector types.String `tfsdk:"namespace_selector"`
	Changes           types.List   `tfsdk:"changes"`
	CompleteKinds     types.List   `tfsdk:"complete_kinds"`
	Removal           types.List   `tfsdk:"removal"`
	Results           types.List   `tfsdk:"results"`
	Unexpected        types.List   `tfsdk:"unexpected"`
	Changed           types.List   `tfsdk:"changed"`
	Report            types.String `tfsdk:"report"`
	ChangesReport     types.String `tfsdk:"changes_report"`
	Summary           types.String `tfsdk:"summary"`
}

// ValidateConfig refuses what is no flow and no selector.
func (DataSource) ValidateConfig(ctx context.Context, req datasource.ValidateConfigRequest, resp *datasource.ValidateConfigResponse) {
	var model dataSourceModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if !resp.Diagnostics.HasError() {
		model.question(&resp.Diagnostics)
	}
}

// askedFlow is a flow and what is expected of it.
type askedFlow struct {
	guard.Flow
	// expect is "" for nothing.
	expect string
	at     path.Path
}

// label names the flow in a result.
func (f askedFlow) label() string {
	if f.Name != "" {
		return f.Name
	}
	return f.String()
}

// question reads the flows, and the endpoints that they are asked for.
func (m *dataSourceModel) question(diags *diag.Diagnostics) (flows []askedFlow, endpoints *traffic.Selection) {
	endpoints = readSelection(map[string]attr.Value{
		"endpoint_kinds": m.EndpointKinds, "endpoint_selector": m.EndpointSelector, "namespaces": m.Namespaces, "namespace_selector": m.NamespaceSelector,
	}, kindHosts, func(name, detail string) {
		summary := "Not a Selector"
		if !strings.HasSuffix(name, "selector") {
			summary = "Kind Without Namespaces"
		}
		diags.AddAttributeError(path.Root(name), summary, detail)
	})
	for i, e := range codec.Elements(m.Flow) {
		at := path.Root("flow").AtListIndex(i)
		if flow, ok := ReadFlow(e, at, diags); ok {
			asked := askedFlow{Flow: flow, at: at}
			if o, isObject := e.(types.Object); isObject {
				asked.expect = codec.Text(o.Attributes()["expect"])
			}
			if !endpoints.Hosts && flow.From == nil {
				asked.refuseOfHosts(diags)
			}
			flows = append(flows, asked)
		}
	}
	return flows, endpoints
}

// refuseOfHosts refuses what only flows at host endpoints have.
func (f askedFlow) refuseOfHosts(diags *diag.Diagnostics) {
	for name, given := range map[string]bool{"local_address": f.Traffic.Local.IsValid(), "forwarded": f.Traffic.Forwarded} {
		if given {
			at := f.at.AtName(name)
			diags.AddAttributeError(at, "Not a Flow", at.String()+": Only flows at host endpoints have it, and endpoint_kinds has none: leave this out, or add \"hosts\" to endpoint_kinds.")
		}
	}
}

// Ask asks for each flow at each endpoint, before and after the changes. read returns
// what is stored.
func (DataSource) Ask(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse, read func(context.Context, *diag.Diagnostics) Stored) {
	var model dataSourceModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	flows, chosen := model.question(&resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	stored := read(ctx, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	objects, answer := model.after(stored, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	ofWorkloads := chosen.Workloads || slices.ContainsFunc(flows, func(f askedFlow) bool { return f.From != nil && (f.From.Workloads || f.To.Workloads) })
	before, after, unknown := stored.scenes(ctx, objects, ofWorkloads, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if chosen.Hosts {
		askHosts(&answer, before, after, flows, chosen, &resp.Diagnostics)
	}
	answer.askEndpoints(before, after, flows, chosen, unknown, &resp.Diagnostics)
	model.adviseSelection(flows, &resp.Diagnostics)
	if unknown == "" && ofWorkloads {
		model.adviseNamespaces(stored.Objects, flows, &resp.Diagnostics)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	model.fill(answer)
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

// after returns the objects with the changes and removals of the configuration, and
// an answer that tells what goes.
func (m *dataSourceModel) after(stored Stored, diags *diag.Diagnostics) (objects map[calico.ID]calico.Object, answer findings) {
	objects = maps.Clone(stored.Objects)
	var removed []calico.ID
	for i, e := range codec.Elements(m.Removal) {
		o, ok := e.(types.Object)
		if !ok || o.IsNull() {
			continue
		}
		v := o.Attributes()
		id := calico.ID{Kind: calico.Kind(codec.Text(v["kind"])), Name: codec.Text(v["name"]), Namespace: codec.Text(v["namespace"])}
		switch {
		case id.Kind.Namespaced() && id.Namespace == "":
			id.Namespace = calico.DefaultNamespace
		case !id.Kind.Namespaced() && id.Namespace != "":
			diags.AddAttributeError(path.Root("removal").AtListIndex(i).AtName("namespace"), "Kind Without Namespaces",
				fmt.Sprintf("removal[%d].namespace: a %s is of no namespace. Leave this out, or remove the NetworkPolicy or NetworkSet that is meant.", i, id.Kind))
			continue
		}
		if objects[id.Short()] == nil {
			answer.missing = append(answer.missing, id)
		} else {
			removed = append(removed, id)
		}
		delete(objects, id.Short())
	}
	var complete []calico.Kind
	for _, e := range codec.Elements(m.CompleteKinds) {
		if kind, ok := e.(types.String); ok {
			complete = append(complete, calico.Kind(kind.ValueString()))
		}
	}
	taken, faults := layObjects(objects, "changes", codec.Elements(m.Changes), stored.Release, complete...)
	for _, f := range faults {
		diags.AddAttributeError(path.Root("changes").AtListIndex(f.index), f.summary, f.detail)
	}
	for _, id := range removed {
		if objects[id.Short()] == nil { // else it is in changes, too
			answer.taken = append(answer.taken, id)
		}
	}
	answer.taken = append(answer.taken, taken...)
	m.layNamespaces(objects, diags)
	answer.deletionsUnknown = !m.Changes.IsNull() && len(codec.Elements(m.Removal)) == 0 && len(complete) == 0
	return objects, answer
}

// fill fills in the computed attributes.
func (m *dataSourceModel) fill(answer findings) {
	listOf := func(schema schema.ListNestedAttribute, results []flowResult) types.List {
		element := types.ObjectType{AttrTypes: typesOf(schema)}
		list := []attr.Value{}
		for _, r := range results {
			value := map[string]attr.Value{
				"endpoint":   textOrNull(safetext.Line(r.endpoint)),
				"from":       textOrNull(safetext.Line(r.from)),
				"count":      types.NumberValue(big.NewFloat(float64(r.count))),
				"flow":       types.StringValue(r.flow.label()),
				"verdict":    textOrNull(r.after.verdict),
				"decided_by": textOrNull(r.after.decidedBy),
				"expect":     textOrNull(r.flow.expect),
			}
			if _, compares := element.AttrTypes["before"]; compares {
				value["before"] = textOrNull(r.before)
			}
			list = append(list, types.ObjectValueMust(element.AttrTypes, value))
		}
		return types.ListValueMust(element, list)
	}
	unexpected := slices.DeleteFunc(slices.Clone(answer.results), func(r flowResult) bool { return !r.unexpected() })
	m.Results, m.Unexpected = listOf(resultsAttribute(""), answer.results), listOf(resultsAttribute(""), unexpected)
	m.Changed = listOf(changedAttribute(), answer.changed())
	m.Report = types.StringValue(answer.report())
	m.ChangesReport = types.StringValue(answer.changesReport())
	m.Summary = types.StringValue(answer.summary())
}

func textOrNull(s string) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}
