package connectivity

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/traffic"
	"github.com/calico-terraform/terraform-provider-calico/internal/guard"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/codec"
)

// The kinds of endpoints, as they are configured.
const (
	kindHosts     = "hosts"
	kindWorkloads = "workloads"
)

// DescribeSelection describes the attributes that choose endpoints, wherever they are
// configured; those of one end of a flow first of all.
var DescribeSelection = map[string]string{
	"endpoint_kinds":     "Kinds of endpoints at this end: `\"workloads\"`, `\"hosts\"` or both. Default: `[\"workloads\"]`.",
	"endpoint_selector":  "Expression that selects the endpoints at this end, by their labels, such as `\"app == 'web'\"`. Default: every endpoint.",
	"namespaces":         "Namespaces whose workloads are chosen, by their names, such as `[\"shop\"]`. Default: every namespace.",
	"namespace_selector": "Expression that selects the namespaces whose workloads are chosen, by the labels of the namespaces, such as `\"team == 'web'\"`. Default: every namespace.",
	"from":               "Endpoints that the traffic comes from, such as `from { namespaces = [\"shop\"] }`. It goes with `to`, in the place of `cidr`, `direction` and `endpoint_selector`: what becomes of connections between each of these endpoints and each at the other end, by the policies at both ends and on the way. Default: none, and `cidr` is required.",
	"to":                 "Endpoints that the traffic goes to, such as `to { endpoint_selector = \"app == 'db'\" }`. It goes with `from`. Default: none, and `cidr` is required.",
}

// NamesOfKinds refuses what is no list of kinds of endpoints, and NamesOfNamespaces what is
// none of namespaces: an empty list chooses nobody, which nobody means.
func NamesOfKinds() []validator.List { return texts(stringvalidator.OneOf(kindHosts, kindWorkloads)) }

// NamesOfNamespaces refuses what is no list of namespaces.
func NamesOfNamespaces() []validator.List { return texts(stringvalidator.LengthAtLeast(1)) }

func texts(each validator.String) []validator.List {
	return []validator.List{
		listvalidator.SizeAtLeast(1), listvalidator.NoNullValues(), listvalidator.UniqueValues(), listvalidator.ValueStringsAre(each),
	}
}

func listAttribute(description string, validators []validator.List) schema.ListAttribute {
	return schema.ListAttribute{MarkdownDescription: description, ElementType: types.StringType, Optional: true, Validators: validators}
}

// selectionAttributes choose endpoints.
func selectionAttributes() map[string]schema.Attribute {
	optional := func(name string) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: DescribeSelection[name], Optional: true}
	}
	return map[string]schema.Attribute{
		"endpoint_kinds":     listAttribute(DescribeSelection["endpoint_kinds"], NamesOfKinds()),
		"endpoint_selector":  optional("endpoint_selector"),
		"namespaces":         listAttribute(DescribeSelection["namespaces"], NamesOfNamespaces()),
		"namespace_selector": optional("namespace_selector"),
	}
}

// selectionBlocks are the ends of a flow between endpoints: blocks, as Terraform would drop a
// misspelt name in an object.
func selectionBlocks() map[string]schema.Block {
	blocks := map[string]schema.Block{}
	for _, name := range []string{"from", "to"} {
		blocks[name] = schema.SingleNestedBlock{MarkdownDescription: DescribeSelection[name], Attributes: selectionAttributes()}
	}
	return blocks
}

// ReadWatched reads a flow that a guard watches over: at host endpoints, at workloads or
// between endpoints, or the same flow at both kinds. They are nil if the flow is not wholly
// known, or wrong.
func ReadWatched(e attr.Value, at path.Path, diags *diag.Diagnostics) (atHosts, atOthers *guard.Flow) {
	flow, ok := ReadFlow(e, at, diags)
	o, isObject := e.(types.Object)
	if !ok || !isObject {
		return nil, nil
	}
	if flow.From != nil {
		return nil, &flow
	}
	chosen := readSelection(o.Attributes(), kindHosts, func(name, detail string) {
		diags.AddAttributeError(at.AtName(name), "Not a Flow", at.AtName(name).String()+": "+detail)
		ok = false
	})
	if !ok {
		return nil, nil
	}
	if chosen.Workloads {
		other := flow
		other.Of, other.Endpoints = chosen, nil
		atOthers = &other
	}
	if chosen.Hosts {
		atHosts = &flow
	}
	return atHosts, atOthers
}

func given(v attr.Value) bool { return v != nil && !v.IsNull() }

// readSelection reads what chooses endpoints: the attributes endpoint_kinds,
// endpoint_selector, namespaces and namespace_selector. kinds is what no endpoint_kinds
// stands for.
func readSelection(v map[string]attr.Value, kinds string, fail func(name, detail string)) *traffic.Selection {
	s := &traffic.Selection{Hosts: kinds == kindHosts, Workloads: kinds == kindWorkloads}
	if list := codec.Elements(v["endpoint_kinds"]); len(list) > 0 {
		s.Hosts, s.Workloads = false, false
		for _, e := range list {
			s.Hosts = s.Hosts || codec.Text(e) == kindHosts
			s.Workloads = s.Workloads || codec.Text(e) == kindWorkloads
		}
	}
	parse := func(name string) *selector.Selector {
		text := codec.Text(v[name])
		if text == "" {
			return nil
		}
		parsed, err := selector.Parse(selector.OneLine(text))
		if err != nil {
			fail(name, "It is not a selector: "+err.Error())
		}
		return parsed
	}
	s.Labels, s.NamespaceLabels = parse("endpoint_selector"), parse("namespace_selector")
	for _, e := range codec.Elements(v["namespaces"]) {
		s.Namespaces = append(s.Namespaces, codec.Text(e))
	}
	if !s.Workloads {
		for _, name := range []string{"namespaces", "namespace_selector"} {
			if given(v[name]) {
				fail(name, "Only workloads have a namespace, and endpoint_kinds has hosts alone: add \"workloads\" to endpoint_kinds, or leave this out.")
			}
		}
	}
	return s
}

// readEnds reads a flow between two selections of endpoints.
func readEnds(flow *guard.Flow, v map[string]attr.Value, at path.Path, failAt func(at path.Path, detail string)) {
	fail := func(name, detail string) { failAt(at.AtName(name), detail) }
	for _, name := range []string{"cidr", "direction", "local_address", "forwarded", "endpoint_selector", "endpoint_kinds", "namespaces", "namespace_selector"} {
		if given(v[name]) {
			fail(name, "The flow has from and to, which choose the endpoints at both ends: leave this out; or leave out from and to.")
		}
	}
	for name, into := range map[string]**traffic.Selection{"from": &flow.From, "to": &flow.To} {
		o, isObject := v[name].(types.Object)
		if !isObject || o.IsNull() {
			fail(name, "It is missing: from and to go together. For traffic from or to a network, give cidr in their place.")
			continue
		}
		*into = readSelection(o.Attributes(), kindWorkloads, func(attribute, detail string) {
			failAt(at.AtName(name).AtName(attribute), detail)
		})
	}
}
