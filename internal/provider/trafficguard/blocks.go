package trafficguard

import (
	"net/netip"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
	"github.com/calico-terraform/terraform-provider-calico/internal/guard"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/codec"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/connectivity"
)

const (
	lockoutBlock  = "lockout_guard"
	exposureBlock = "exposure_guard"
)

// Blocks are the guards of the provider block.
func Blocks() map[string]schema.Block {
	return map[string]schema.Block{
		lockoutBlock: guardBlock(
			"What must go on working: a plan that would cut it off says so, and an apply can refuse to, such as `lockout_guard { mode = \"error\" }`. Default: `mode = \"warn\"`, for the management access and the way to the datastore that policies declare. See [the guide](guides/lockout-guard.md).",
			"What happens when a change would cut guarded traffic off, or when it can no longer be told whether it works: `\"warn\"`, a warning in the plan; `\"error\"`, the plan fails, and the apply refuses to write what would cut it off at that moment (in Kubernetes, it undoes what does so together with the change of somebody else); `\"off\"`, nothing. Default: `\"warn\"`.",
			"Traffic to guard, at every host endpoint or, with `endpoint_kinds` or `from` and `to`, at workloads, a block each, such as `flow { cidr = \"10.1.0.0/24\" }` with `port = 22` in it. Blocks about workloads alone leave the default in force. Default: what the planned failsafe policies declare, that is TCP from their `management_cidrs` to their `management_ports`, and from the hosts to each of their `etcd_server` and `api_server` blocks; TCP port 22 from the networks that any other policy lets in there; and TCP to the `endpoints` of `etcd` or to the API server, which are looked up if they are names (with DNS); not from within a pod, which is told no address that policies of hosts see. What a network or a server is taken out of on purpose is not guarded any more.",
			"What may be cut off knowingly, a block each, such as `accept { cidr = \"10.9.0.0/24\" }`: what all of its arguments fit passes, and the plan shows it as accepted. Default: nothing."),
		exposureBlock: guardBlock(
			"What must stay shut: a plan that would let it in says so, and an apply can refuse to, such as `exposure_guard { mode = \"error\" }`. Default: `mode = \"warn\"`, for the ports at which hosts are managed and those of etcd. See [the guide](guides/lockout-guard.md).",
			"What happens when a change would let guarded traffic in, or when it can no longer be told whether it is kept out: `\"warn\"`, a warning in the plan; `\"error\"`, the plan fails, and the apply refuses to write what would let it in at that moment (in Kubernetes, it undoes what does so together with the change of somebody else); `\"off\"`, nothing. Default: `\"warn\"`.",
			"Traffic to keep out, at every host endpoint or, with `endpoint_kinds` or `from` and `to`, of workloads, a block each, such as `flow { cidr = \"0.0.0.0/0\" }` with `port = 5432` in it. Blocks about workloads alone leave the default in force. Default: TCP to the `management_ports` of the failsafe policies, from everywhere but their `management_cidrs`, and to the ports of their `etcd_server` blocks and of the `endpoints` of `etcd`, from everywhere but these servers. Ports of API servers of Kubernetes are not among them; with the Kubernetes datastore, of those of `etcd_server` blocks only 2379 is.",
			"What may be let in knowingly, a block each, such as `accept { cidr = \"10.9.0.0/24\" }`: what all of its arguments fit passes, and the plan shows it as accepted. Default: nothing."),
	}
}

func guardBlock(description, mode, flow, accept string) schema.SingleNestedBlock {
	optional := func(description string, validators ...validator.String) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: description, Optional: true, Validators: validators}
	}
	kinds := func(description string) schema.ListAttribute {
		return schema.ListAttribute{MarkdownDescription: description, ElementType: types.StringType, Optional: true, Validators: connectivity.NamesOfKinds()}
	}
	namespaces := func() schema.ListAttribute {
		return schema.ListAttribute{MarkdownDescription: connectivity.DescribeSelection["namespaces"], ElementType: types.StringType, Optional: true, Validators: connectivity.NamesOfNamespaces()}
	}
	selection := func(name string) schema.SingleNestedBlock {
		return schema.SingleNestedBlock{MarkdownDescription: connectivity.DescribeSelection[name], Attributes: map[string]schema.Attribute{
			"endpoint_kinds":     kinds(connectivity.DescribeSelection["endpoint_kinds"]),
			"endpoint_selector":  optional(connectivity.DescribeSelection["endpoint_selector"]),
			"namespaces":         namespaces(),
			"namespace_selector": optional(connectivity.DescribeSelection["namespace_selector"]),
		}}
	}
	return schema.SingleNestedBlock{
		MarkdownDescription: description,
		Attributes: map[string]schema.Attribute{
			"mode": optional(mode, stringvalidator.OneOf(string(guard.Warn), string(guard.Error), string(guard.Off))),
		},
		Blocks: map[string]schema.Block{
			"flow": schema.ListNestedBlock{
				MarkdownDescription: flow,
				NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
					"name":               optional(connectivity.DescribeFlow["name"]),
					"direction":          optional(connectivity.DescribeFlow["direction"], stringvalidator.OneOf(connectivity.DirectionIngress, connectivity.DirectionEgress)),
					"protocol":           optional(connectivity.DescribeFlow["protocol"]),
					"port":               schema.NumberAttribute{MarkdownDescription: connectivity.DescribeFlow["port"], Optional: true},
					"cidr":               optional(connectivity.DescribeFlow["cidr"] + " It, or `from` and `to`, is required. Default: none."),
					"endpoint_selector":  optional("Expression that selects, by their labels, the endpoints that are looked at, such as `\"role == 'db'\"`. Default: every endpoint of the `endpoint_kinds`."),
					"endpoint_kinds":     kinds("Kinds of endpoints that are looked at: `\"hosts\"`, the host endpoints; `\"workloads\"`, pods, as they are when Terraform looks at the datastore; or both. Default: `[\"hosts\"]`."),
					"namespaces":         namespaces(),
					"namespace_selector": optional(connectivity.DescribeSelection["namespace_selector"]),
				}, Blocks: map[string]schema.Block{"from": selection("from"), "to": selection("to")}},
			},
			"accept": schema.ListNestedBlock{
				MarkdownDescription: accept,
				NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
					"flow":              optional("Name of the flow, such as `\"ssh\"`; those that follow from policies are called `\"management access\"`, `\"the datastore\"`, `\"DNS\"` and `\"everybody else\"`. Default: whatever its name."),
					"cidr":              optional("Network that the far side of the flow is in, such as `\"10.9.0.0/24\"`; no flow with `from` and `to` is. Default: wherever it is."),
					"endpoint_selector": optional("Expression that selects, by their labels, the endpoints at which it is accepted (of a flow with `from` and `to`, those that it goes to), such as `\"role == 'db'\"`. Default: every endpoint."),
				}},
			},
		},
	}
}

// New makes the guard of the two blocks. What is not known yet is taken for
// unset. endpoints are the URLs of the datastore.
func New(lockout, exposure types.Object, endpoints []string, diags *diag.Diagnostics) *Guard {
	return &Guard{
		Guard: guard.Guard{
			Lockout:  readWatch(lockout, lockoutBlock, false, diags),
			Exposure: readWatch(exposure, exposureBlock, true, diags),
		},
		endpoints: endpoints,
	}
}

func readWatch(block types.Object, name string, shut bool, diags *diag.Diagnostics) guard.Watch {
	w := guard.Watch{Mode: guard.Warn}
	v := block.Attributes()
	if mode := codec.Text(v["mode"]); mode != "" {
		w.Mode = guard.Mode(mode)
	}
	for i, e := range codec.Elements(v["flow"]) {
		atHosts, atOthers := connectivity.ReadWatched(e, path.Root(name).AtName("flow").AtListIndex(i), diags)
		if atOthers != nil {
			atOthers.Shut = shut
			w.Workloads = append(w.Workloads, *atOthers)
		}
		// (One that is not known yet may be of hosts: then nothing follows from policies.)
		if w.Flows == nil && (atHosts != nil || atOthers == nil) {
			w.Flows = []guard.Flow{}
		}
		if atHosts != nil {
			atHosts.Shut = shut
			w.Flows = append(w.Flows, *atHosts)
		}
	}
	for i, e := range codec.Elements(v["accept"]) {
		if accepted, ok := readAcceptance(e, path.Root(name).AtName("accept").AtListIndex(i), diags); ok {
			w.Accepted = append(w.Accepted, accepted)
		}
	}
	return w
}

// readAcceptance reads what is accepted. ok is false if it is not wholly known, or
// wrong.
func readAcceptance(e attr.Value, at path.Path, diags *diag.Diagnostics) (a guard.Acceptance, ok bool) {
	o, isObject := e.(types.Object)
	if !isObject || o.IsNull() || !codec.FullyKnown(o) {
		return a, false
	}
	v := o.Attributes()
	ok = true
	fail := func(at path.Path, detail string) {
		diags.AddAttributeError(at, "Nothing to Accept", at.String()+": "+detail)
		ok = false
	}
	a.Flow = codec.Text(v["flow"])
	var err error
	if text := codec.Text(v["cidr"]); text != "" {
		if a.Net, err = netip.ParsePrefix(address.Net(text)); err != nil {
			fail(at.AtName("cidr"), "It is a network or an address, such as \"10.9.0.0/24\".")
		}
		a.Net = a.Net.Masked()
	}
	if text := codec.Text(v["endpoint_selector"]); text != "" {
		if a.Endpoints, err = selector.Parse(selector.OneLine(text)); err != nil {
			fail(at.AtName("endpoint_selector"), "It is not a selector: "+err.Error())
		}
	}
	if ok && a.Flow == "" && !a.Net.IsValid() && a.Endpoints == nil {
		fail(at, "The block says nothing, and would accept everything: give flow, cidr or endpoint_selector; or set mode to \"warn\".")
	}
	return a, ok
}
