package connectivity

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/netip"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/codec"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// verdictFunction is provider::calico::verdict: what becomes of a flow, by
// objects that are given to it. It looks at no datastore.
type verdictFunction struct{}

var _ function.Function = (*verdictFunction)(nil)

// NewVerdictFunction returns the function provider::calico::verdict.
func NewVerdictFunction() function.Function { return &verdictFunction{} }

func (f *verdictFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "verdict"
}

// The positions of the arguments.
const (
	objectsArgument int64 = iota
	flowArgument
	releaseArgument
)

// verdictFlowAttributes are the attributes of a flow here, and their types: those
// of the data source, but with one endpoint in the place of a selection.
func verdictFlowAttributes() map[string]attr.Type {
	out := map[string]attr.Type{}
	for name, a := range flowAttributes() {
		out[name] = a.GetType()
	}
	delete(out, "name")
	delete(out, "endpoint_selector")
	for _, name := range []string{"endpoint", "node", "interface"} {
		out[name] = types.StringType
	}
	return out
}

// verdictReturn has the attributes of what the function returns.
var verdictReturn = map[string]attr.Type{
	"verdict":    types.StringType,
	"decided_by": types.StringType,
	"trace":      types.ListType{ElemType: types.StringType},
}

func (f *verdictFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "What becomes of a flow at a host endpoint",
		MarkdownDescription: "Tells what Calico does with new connections at a host endpoint, by the objects that are given and nothing else: for tests of modules, with `terraform test` and no datastore ([an example](https://github.com/calico-terraform/terraform-provider-calico/tree/main/examples/policy-tests)), and for the `postcondition` of a resource. (The data source [`calico_connectivity`](../data-sources/connectivity.md) asks the same of what is stored.)\n\n" +
			"It returns an object: `verdict` (" + describeFlowVerdict + "), `decided_by` (such as `rule 1 of ingress of policy \"failsafe\" in tier \"default\"` or `failsafe port TCP 22`) and `trace` (what was considered on the way, in order, such as `[\"policy \\\"web\\\" in tier \\\"default\\\": no match\", ...]`).",
		Parameters: []function.Parameter{
			function.ListParameter{
				Name: "objects", ElementType: types.StringType,
				MarkdownDescription: "What there is, as `projectcalico.org/v3` objects in JSON: the attribute `object` of resources, such as `[calico_failsafe_policy.this.object, calico_host_endpoint.db1.object]`, or a manifest, such as `jsonencode(yamldecode(file(\"policy.yaml\")))`. Policies, tiers, network sets, profiles, host endpoints, Felix configurations and (from v3.32 on) nodes decide; others make no difference. Null elements are left out. Calico's own tiers are there without being given.",
			},
			function.DynamicParameter{
				Name: "flow",
				MarkdownDescription: "The traffic, such as `{ port = 22, cidr = \"10.1.0.0/24\" }`: an object with `cidr`, the network or address at the far side, and, if they matter, `direction` (`\"ingress\"`, the default, or `\"egress\"`), `protocol` (`\"TCP\"` by default), `port`, `source_port`, `icmp_type`, `icmp_code`, `local_address` and `forwarded`, as in the data source `calico_connectivity`. " +
					"The host endpoint is given by its name, as `endpoint`, or by `node` with `interface` or `local_address`; it can be left out if `objects` holds one host endpoint only.",
			},
		},
		VariadicParameter: function.StringParameter{
			Name:                "calico_version",
			MarkdownDescription: "Calico release whose rules hold, such as `\"3.31\"`, once at most. Default: the newest that the provider knows, `\"" + strings.TrimPrefix(calico.Newest.String(), "v") + "\"`.",
		},
		Return: function.ObjectReturn{AttributeTypes: verdictReturn},
	}
}

func (f *verdictFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var texts types.List
	var flow types.Dynamic
	var releases []string
	if resp.Error = req.Arguments.Get(ctx, &texts, &flow, &releases); resp.Error != nil {
		return
	}
	release, err := readVersion(releases)
	if err != nil {
		resp.Error = function.NewArgumentFuncError(releaseArgument, err.Error())
		return
	}
	// Terraform ends the sentence of an error.
	objects := BuiltIn(release)
	if _, faults := layObjects(objects, "objects", texts.Elements(), release); len(faults) > 0 {
		resp.Error = function.NewArgumentFuncError(objectsArgument, strings.TrimSuffix(safetext.Text(faults[0].detail), "."))
		return
	}
	v, err := verdictOn(newScene(objects, nil, release), flow.UnderlyingValue())
	if err != nil {
		resp.Error = function.NewArgumentFuncError(flowArgument, strings.TrimSuffix(safetext.Text(err.Error()), "."))
		return
	}
	trace := []attr.Value{}
	for _, step := range v.Trace {
		trace = append(trace, types.StringValue(safetext.Line(fmt.Sprintf("%s: %s", step.By, step.Effect))))
	}
	j := judged(v)
	resp.Error = resp.Result.Set(ctx, types.ObjectValueMust(verdictReturn, map[string]attr.Value{
		"verdict":    types.StringValue(j.verdict),
		"decided_by": types.StringValue(j.decidedBy),
		"trace":      types.ListValueMust(types.StringType, trace),
	}))
}

func readVersion(releases []string) (calico.Release, error) {
	switch len(releases) {
	case 0:
		return calico.Newest, nil
	case 1:
		return calico.ParseRelease(releases[0])
	default:
		return calico.Release{}, errors.New("there is one calico_version at most: it is the last argument")
	}
}

// verdictOn asks a scene for the verdict on a flow, as it was given to the function.
func verdictOn(s *scene, given attr.Value) (v verdict.Verdict, err error) {
	o, err := asFlow(given)
	if err != nil {
		return v, err
	}
	var diags diag.Diagnostics
	flow, _ := ReadFlow(o, path.Root("flow"), &diags)
	for _, d := range diags.Errors() {
		return v, errors.New(d.Detail())
	}
	endpoint, err := s.find(o.Attributes(), flow.Traffic.Local)
	if err != nil {
		return v, err
	}
	return s.world.Decide(endpoint, flow.Traffic), nil
}

// find returns the host endpoint that a flow is asked for.
func (s *scene) find(flow map[string]attr.Value, local netip.Addr) (*verdict.Endpoint, error) {
	all := s.world.Endpoints()
	names := make([]string, len(all))
	for i, e := range all {
		names[i] = fmt.Sprintf("%q", e.Name)
	}
	name, node, iface := codec.Text(flow["endpoint"]), codec.Text(flow["node"]), codec.Text(flow["interface"])
	switch {
	case len(all) == 0:
		return nil, errors.New("objects holds no host endpoint (kind HostEndpoint), and traffic is decided about at one: add the endpoint's object, such as calico_host_endpoint.db1.object")
	case name != "" && node+iface != "":
		return nil, errors.New("flow has both endpoint and node or interface: the endpoint tells its node already")
	case name != "":
		endpoint, ok := s.world.Endpoint(name)
		if !ok {
			return nil, fmt.Errorf("flow.endpoint: there is no host endpoint %q in objects; there are %s", name, strings.Join(names, ", "))
		}
		if other := s.instead[name]; other != nil {
			return nil, fmt.Errorf("flow.endpoint: Calico ignores the host endpoint %q, as %q is for the same interface of node %q and its name comes first", name, other.Name, other.Spec.Node)
		}
		return endpoint, nil
	case node == "" && iface != "":
		return nil, errors.New("flow.interface: an interface is one of a node, so give node too")
	case node == "":
		if len(all) > 1 {
			return nil, fmt.Errorf("flow: there are several host endpoints in objects (%s); name one as endpoint", strings.Join(names, ", "))
		}
		return all[0], nil
	}
	endpoint, ok := (*verdict.Endpoint)(nil), false
	switch {
	case iface != "" && local.IsValid():
		endpoint, ok = s.world.Governing(node, iface, local)
	case iface != "":
		endpoint, ok = s.world.Governing(node, iface)
	case local.IsValid():
		endpoint, ok = s.world.GoverningAddress(node, local)
	default:
		return nil, errors.New("flow.node: give interface or local_address too, or name the host endpoint as endpoint")
	}
	if !ok {
		return nil, fmt.Errorf("flow.node: no host endpoint in objects is for this interface of node %q, so Calico lets everything pass there; there are %s", node, strings.Join(names, ", "))
	}
	return endpoint, nil
}

// asFlow gives an object with some of a flow's attributes all of them, in their
// own types: Terraform has no optional attributes in the arguments of functions.
func asFlow(given attr.Value) (types.Object, error) {
	var attributes map[string]attr.Value
	switch v := given.(type) {
	case types.Object:
		attributes = v.Attributes()
	case types.Map:
		attributes = v.Elements()
	default:
		return types.Object{}, errors.New("the flow is an object, such as { port = 22, cidr = \"10.1.0.0/24\" }")
	}
	attributeTypes := verdictFlowAttributes()
	known := slices.Sorted(maps.Keys(attributeTypes))
	out := map[string]attr.Value{}
	for name, typ := range attributeTypes {
		out[name] = codec.Null(typ)
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		typ, ok := attributeTypes[name]
		if !ok {
			return types.Object{}, fmt.Errorf("flow has no attribute %s; it has %s", name, strings.Join(known, ", "))
		}
		value, err := asType(attributes[name], typ)
		if err != nil {
			return types.Object{}, fmt.Errorf("flow.%s: %w", name, err)
		}
		out[name] = value
	}
	if out["cidr"].IsNull() {
		return types.Object{}, errors.New("flow.cidr is missing: the network or address at the far side, such as \"10.1.0.0/24\" (\"0.0.0.0/0\" for everywhere)")
	}
	direction := codec.Text(out["direction"])
	if direction != "" && direction != DirectionIngress && direction != DirectionEgress {
		return types.Object{}, fmt.Errorf("flow.direction: %q is neither \"ingress\" nor \"egress\"", direction)
	}
	return types.ObjectValueMust(attributeTypes, out), nil
}

// asType converts a plain value as Terraform converts those of attributes.
func asType(v attr.Value, typ attr.Type) (attr.Value, error) {
	if d, ok := v.(types.Dynamic); ok {
		v = d.UnderlyingValue()
	}
	if v == nil || v.IsNull() {
		return codec.Null(typ), nil
	}
	var text string
	scalar := true
	switch v := v.(type) {
	case types.String:
		text = v.ValueString()
	case types.Number:
		text = v.ValueBigFloat().Text('f', -1)
	case types.Bool:
		text = v.String()
	default:
		scalar = false
	}
	switch typ {
	case types.StringType:
		if scalar {
			return types.StringValue(text), nil
		}
		return nil, errors.New("it is a text, such as \"TCP\", and not a collection")
	case types.BoolType:
		if text == "true" || text == "false" {
			return types.BoolValue(text == "true"), nil
		}
		return nil, errors.New("it is true or false")
	default:
		n, ok := new(big.Int).SetString(text, 10)
		if !ok || !n.IsInt64() {
			return nil, errors.New("it is a whole number")
		}
		return types.NumberValue(new(big.Float).SetInt(n)), nil
	}
}
