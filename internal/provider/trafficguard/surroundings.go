package trafficguard

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/guard"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/connectivity"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// Surroundings reads what verdicts depend on beside the objects of administrators. What may
// not be read leaves the verdicts undecided that depend on it, and is returned.
func Surroundings(ctx context.Context, store datastore.Store, needs verdict.Needs) (out connectivity.Surroundings, unread []datastore.UnreadWorkloads, err error) {
	found, err := store.Workloads(ctx, datastore.WorkloadQuestion{Peers: needs.Workloads, Services: needs.Services, Policies: needs.Policies})
	if err != nil {
		return out, nil, err
	}
	var decides []string
	for _, u := range found.Unread {
		if u.Question.Policies {
			decides = append(decides, u.What)
		}
		if u.Question.Peers {
			out.Unknown = fmt.Sprintf("it is not known which workloads there are, as the provider may not read %s", u.What)
		}
	}
	for _, endpoint := range found.Endpoints {
		out.Objects = append(out.Objects, endpoint)
	}
	for _, policy := range found.Policies {
		out.Objects = append(out.Objects, policy)
	}
	lacks := found.Lacks()
	if lacks.Peers {
		out.Options = append(out.Options, verdict.WithWorkloadsUnknown)
	}
	if needs.Services && !lacks.Services {
		out.Options = append(out.Options, verdict.WithServices(found.Services, found.Slices))
	}
	switch {
	case len(decides) > 0:
		out.Undecided = fmt.Sprintf("the provider may not read %s, which may decide about workloads", strings.Join(decides, ", "))
	case found.Undecided != "":
		out.Undecided = fmt.Sprintf("there is %s, which may decide about workloads before other policies, and whose rules are not read here", found.Undecided)
	}
	if out.Undecided != "" {
		out.Options = append(out.Options, verdict.WithUnreadPolicies(out.Undecided))
	}
	if out.Unknown != "" {
		out.Undecided = out.Unknown
	}
	if !needs.Policies {
		return out, found.Unread, nil
	}
	pools, err := store.Snapshot(ctx, []calico.Kind{calico.KindIPPool})
	var denied *datastore.DeniedError
	if errors.As(err, &denied) && denied.Reason == datastore.DeniedPermission {
		// Where it matters, the verdict tells that they are not known.
		return out, found.Unread, nil
	}
	if err != nil {
		return out, nil, err
	}
	for _, stored := range pools.Objects {
		out.Objects = append(out.Objects, stored.Object)
	}
	return out, found.Unread, nil
}

// surround finds out, once, what there is of workloads, if the guard watches over them.
func (g *Guard) surround(ctx context.Context, store datastore.Store) {
	if !g.WatchesWorkloads() {
		return
	}
	g.surrounded.Do(func() {
		around, unread, err := Surroundings(ctx, store, verdict.Needs{Workloads: true, Services: true, Policies: true})
		var why []string
		switch {
		case err != nil:
			why = append(why, err.Error())
		case around.Undecided != "":
			why = append(why, around.Undecided+".")
		}
		for _, u := range unread {
			why = append(why, u.Advice)
		}
		g.unseen = strings.Join(why, " ")
		g.Surround(around.Surroundings)
	})
}

// AdviseWorkloads tells, once each, that flows of workloads cannot be watched over. A guard
// that refuses what it must not let pass cannot let a plan pass then.
func (g *Guard) AdviseWorkloads(after *guard.World, diags *diag.Diagnostics) {
	const summary = "Workloads Not Watched"
	if refuses, detail := g.isBlind(); detail != "" {
		switch {
		case !g.Once("workloads"):
		case refuses:
			diags.AddError(summary, detail)
		default:
			diags.AddWarning(summary, detail)
		}
		return
	}
	for _, u := range after.Unwatched() {
		if !g.Once("workloads of " + u.Flow.Key()) {
			continue
		}
		reason := u.Reason + ". Choose fewer endpoints, with endpoint_selector, namespaces or namespace_selector, or divide the flow."
		if u.Reason == "" {
			reason = "no endpoint is chosen for it, or none at its other end. Check the selectors and namespaces."
		}
		watch := g.Lockout
		if u.Flow.Shut {
			watch = g.Exposure
		}
		detail := fmt.Sprintf("%s is to watch over %s, and cannot: %s", guardTexts[u.Flow.Shut].block, safetext.Line(u.Flow.String()), reason)
		if watch.Mode == guard.Error && u.Reason != "" {
			diags.AddError(summary, detail)
		} else {
			diags.AddWarning(summary, detail)
		}
	}
}

// isBlind tells that flows of workloads cannot be watched over, if that is so, and whether
// nothing must be written then.
func (g *Guard) isBlind() (refuses bool, detail string) {
	if g.unseen == "" {
		return false, ""
	}
	for _, watch := range []guard.Watch{g.Lockout, g.Exposure} {
		refuses = refuses || watch.Mode == guard.Error && len(watch.Workloads) > 0
	}
	return refuses, fmt.Sprintf("lockout_guard or exposure_guard has flows of workloads, which cannot be watched over: %s", safetext.Text(g.unseen))
}
