package trafficguard

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/guard"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// Advise tells once what the guard does not watch over though it seems to.
func (g *Guard) Advise(after *guard.World, diags *diag.Diagnostics) {
	if !g.Lockout.Active() {
		return
	}
	if len(g.unwatched) > 0 && g.Once("unwatched") {
		diags.AddWarning("Datastore Not Watched",
			fmt.Sprintf("lockout_guard does not watch over the way to %s: no address that other hosts could reach was found for the name. %s", strings.Join(g.unwatched, ", "), g.nameServers()))
	}
	// (Flows that are configured are all that is to be watched.)
	if g.InPod && g.Lockout.Flows == nil && after.LeavesDatastoreOpen() && g.Once(inPod) {
		diags.AddWarning("Datastore Not Watched", "lockout_guard does not watch over the way of hosts to the API servers: "+aPodsAddress+g.nameServers())
	}
	if after.LeavesManagementOpen() && g.Once("nothing") {
		diags.AddWarning("No Management Access Is Guarded",
			"There are host endpoints, and lockout_guard watches over no inbound traffic to them: no policy that is stored, or planned so far, lets TCP port 22 in from a network, as a calico_failsafe_policy does, and no flow is configured. A change that shuts everybody out would pass without a word. Create a calico_failsafe_policy, and name it in depends_on of the host endpoints; or write flow blocks in lockout_guard.")
	}
}

// inPod is what is told once of a provider in a pod: see Guard.InPod.
const inPod = "pod"

const aPodsAddress = "the provider runs in a pod, and is told the address of the service kubernetes alone, in whose place kube-proxy puts the address of an API server before a host's policies see it. "

// AdviseFailsafe tells, once, that a failsafe policy names no server of the datastore, and
// that it cannot be told whether it lets hosts out to them. It returns false if there is
// nothing to tell.
func (g *Guard) AdviseFailsafe(after *guard.World, policy *v3.GlobalNetworkPolicy, diags *diag.Diagnostics) bool {
	if !g.InPod || after.LetsOutToServers(policy) || !g.Once(inPod) {
		return false
	}
	diags.AddAttributeWarning(path.Root("api_server"), "Datastore Not Covered",
		"The policy names no API server, and it cannot be told whether it lets hosts reach them: "+aPodsAddress+"When the built-in failsafe ports are off, Felix on a host that cannot reach them could not learn of any change any more. Add a block api_server for each address at which hosts reach them.")
	return true
}

// nameServers tells how the servers of the datastore can be named.
func (g *Guard) nameServers() string {
	if g.Kubernetes {
		return "Name the API servers, by the addresses at which hosts reach them, in api_server blocks of the calico_failsafe_policy."
	}
	return "Give the address in endpoints of etcd, or name the servers in etcd_server blocks of the calico_failsafe_policy."
}

// AddBreaches reports what a change does to what is watched over, as the guards' modes
// say.
func (g *Guard) AddBreaches(diags *diag.Diagnostics, all []guard.Breach, destroy bool) {
	accepted, warned, refused := g.Divide(all)
	for _, shut := range []bool{false, true} {
		kind := guardTexts[shut]
		of := func(all []guard.Breach) []guard.Breach {
			return slices.DeleteFunc(slices.Clone(all), func(b guard.Breach) bool { return b.Flow.Shut != shut })
		}
		if some := of(accepted); len(some) > 0 {
			diags.AddWarning(kind.accepted, fmt.Sprintf("%s accepts this change of what it watches over:\n\n%s", kind.block, report(some)))
		}
		if some := of(warned); len(some) > 0 {
			detail := kind.what + report(some)
			if destroy {
				detail += "\n\n" + harmless(some)
			} else {
				detail += "\n\n" + kind.warnAdvice
			}
			diags.AddWarning(kind.summary, detail)
		}
		some := of(refused)
		switch {
		case len(some) == 0:
		case destroy:
			detail := " Otherwise the apply will refuse it."
			if some[0].Bare {
				detail = " Say so in an accept block of exposure_guard then: without one, the apply will refuse it."
			}
			diags.AddWarning(kind.summary, kind.what+report(some)+"\n\n"+harmless(some)+detail)
		default:
			diags.AddError(kind.summary, kind.what+report(some)+"\n\n"+kind.advice(some))
		}
	}
}

// report tells of breaches, a line each.
func report(all []guard.Breach) string {
	lines := guard.Report(all)
	for i, line := range lines {
		lines[i] = "  " + safetext.Line(line)
	}
	return strings.Join(lines, "\n")
}

// harmless tells when a deletion that stops or opens something is none the less right.
func harmless(some []guard.Breach) string {
	if some[0].Bare {
		return "If the host goes out of service, nothing is wrong."
	}
	// The endpoints may be destroyed first, which only the apply can tell.
	return "If these host endpoints are destroyed before, nothing is wrong."
}

// guardText is what is said of a guard.
type guardText struct{ block, summary, what, accepted, warnAdvice, errorAdvice string }

// advice tells what to do about a change that is refused.
func (k guardText) advice(some []guard.Breach) string {
	if some[0].Bare {
		return "If the host goes out of service, or is meant to be open, say so in an accept block of exposure_guard. " +
			"If the endpoint only gets another name, set create_before_destroy in its lifecycle block, so that the new one is there first."
	}
	return k.errorAdvice
}

// guardTexts are those of lockout_guard, and of exposure_guard (true).
var guardTexts = map[bool]guardText{
	false: {
		block:      lockoutBlock,
		summary:    "Change Would Cut Off Guarded Traffic",
		accepted:   "Accepted Loss of Guarded Traffic",
		what:       "Traffic that lockout_guard watches over works now, and would be dropped after this change, or could no longer be told to work:\n\n",
		warnAdvice: "Allow this traffic in a policy that comes before, unless it is meant to stop. With lockout_guard { mode = \"error\" } in the provider block such a change is refused.",
		errorAdvice: "Allow this traffic in a policy that comes before, and let this resource depend on it (depends_on) so that it is there first. " +
			"If what denies it is to go in this plan, too, remove it in an apply of its own before: Terraform may delete it before this change or after. " +
			"Where it cannot be decided, the reason tells what would make it so; if an address is missing, give expected_ips. " +
			"If the traffic is meant to stop, say so in an accept block of lockout_guard, or set its mode to \"warn\".",
	},
	true: {
		block:      exposureBlock,
		summary:    "Change Would Let Guarded Traffic In",
		accepted:   "Accepted Exposure",
		what:       "Traffic that exposure_guard keeps out is dropped now, and would be let in after this change, or could no longer be told to be dropped:\n\n",
		warnAdvice: "Narrow the rule that lets it in, unless it is meant to. With exposure_guard { mode = \"error\" } in the provider block such a change is refused.",
		errorAdvice: "Narrow the rule that lets it in: name the networks that it is for. " +
			"If what denies it instead comes in this plan, too, let this resource depend on it (depends_on). " +
			"If the traffic is meant to be let in, say so in an accept block of exposure_guard, or set its mode to \"warn\".",
	},
}

// Refusal tells why a guard has refused a write.
func Refusal(refused *guard.RefusedError) string {
	detail := ""
	for _, shut := range []bool{false, true} {
		some := slices.DeleteFunc(slices.Clone(refused.Breaches), func(b guard.Breach) bool { return b.Flow.Shut != shut })
		if len(some) > 0 {
			kind := guardTexts[shut]
			detail += fmt.Sprintf("%s refused this change. %s%s\n\n%s\n\n", kind.block, kind.what, report(some), kind.advice(some))
		}
	}
	return detail
}
