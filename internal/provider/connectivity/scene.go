package connectivity

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/validate"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/codec"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// What becomes of a flow, as it is configured and told.
const (
	flowAllow = "allow"
	flowDeny  = "deny"
	// flowPartial is that a part of the flow is dropped, and another is not.
	flowPartial   = "partial"
	flowUndecided = "undecided"
)

// describeFlowVerdict describes these words.
const describeFlowVerdict = "`\"allow\"`, all of it passes; `\"deny\"`, all of it is dropped; `\"partial\"`, a part of it is dropped and the rest is not; `\"undecided\"`, the objects do not tell"

// judgement is what becomes of a flow, and by what, in a line that is fit to be shown.
type judgement struct{ verdict, decidedBy string }

func judged(v verdict.Verdict) judgement {
	j := asJudged(v)
	if len(v.Notes) > 0 {
		j.decidedBy += " (note: " + strings.Join(v.Notes, "; ") + ")"
	}
	j.decidedBy = safetext.Line(j.decidedBy)
	return j
}

func asJudged(v verdict.Verdict) judgement {
	if v.Outcome == verdict.Undecided {
		reason := v.Reason
		if v.Part != "" {
			reason += " (for " + v.Part + ")"
		}
		return judgement{flowUndecided, reason}
	}
	by := v.By.String()
	if v.Part != "" {
		by += " (for " + v.Part + ")"
	}
	switch {
	case v.Outcome == verdict.Allowed:
		return judgement{flowAllow, by}
	case v.Partial:
		return judgement{flowPartial, by}
	default:
		return judgement{flowDeny, by}
	}
}

// scene is objects, ready for questions about flows.
type scene struct {
	world *verdict.World
	// instead has, for each endpoint that Calico ignores, the one it uses.
	instead map[string]*v3.HostEndpoint
}

// newScene makes a scene of objects and workloads.
func newScene(objects map[calico.ID]calico.Object, workloads []calico.Object, release calico.Release, options ...verdict.Option) *scene {
	s := &scene{instead: map[string]*v3.HostEndpoint{}}
	all := slices.Clone(workloads)
	var endpoints []*v3.HostEndpoint
	for _, obj := range objects {
		all = append(all, obj)
		if h, ok := obj.(*v3.HostEndpoint); ok {
			endpoints = append(endpoints, h)
		}
	}
	s.world = verdict.New(all, release, options...)
	slices.SortFunc(endpoints, func(a, b *v3.HostEndpoint) int { return strings.Compare(a.Name, b.Name) })
	governors := verdict.NewGovernors(endpoints)
	for _, h := range endpoints {
		if other := governors.Of(h); other != h {
			s.instead[h.Name] = other
		}
	}
	return s
}

// judge tells what becomes of a flow at an endpoint.
func (s *scene) judge(endpoint *verdict.Endpoint, flow verdict.Flow) judgement {
	if s.instead[endpoint.Name] != nil {
		return s.ignored(endpoint.Name)
	}
	return judged(s.world.Decide(endpoint, flow))
}

// ignored is what becomes of flows at a host endpoint that Calico ignores.
func (s *scene) ignored(name string) judgement {
	other := s.instead[name]
	return judgement{flowUndecided, safetext.Line(fmt.Sprintf("Calico ignores this host endpoint: %q is for the same interface of node %q, and its name comes first", other.Name, other.Spec.Node))}
}

// readObject reads an object of the configuration, for a release: what Calico
// would refuse has no verdict.
func readObject(text string, release calico.Release) (calico.Object, error) {
	obj, err := storage.ParseManifest(text)
	if err != nil {
		return nil, fmt.Errorf("%w. Give the attribute object of a resource, or the JSON of a manifest as calicoctl takes it, such as jsonencode(yamldecode(file(\"policy.yaml\")))", err)
	}
	if calico.KindOf(obj).Namespaced() && obj.GetNamespace() == "" {
		obj.SetNamespace(calico.DefaultNamespace)
	}
	calico.Default(obj, release)
	if faults := validate.Validate(obj, release); len(faults) > 0 {
		where := calico.IDOf(obj).String()
		if field := faults[0].Field.String(); field != "" {
			where = field + " of " + where
		}
		return nil, fmt.Errorf("%s would be refused by Calico %s: %s", where, release, strings.TrimSuffix(faults[0].Reason, "."))
	}
	return obj, nil
}

// BuiltIn returns the tiers that Calico makes by itself.
func BuiltIn(release calico.Release) map[calico.ID]calico.Object {
	objects := map[calico.ID]calico.Object{}
	for _, tier := range calico.BuiltInTiers(release) {
		objects[calico.IDOf(tier).Short()] = tier
	}
	return objects
}

// objectFault is what is wrong with one of the objects of a list.
type objectFault struct {
	index           int
	summary, detail string
}

// layObjects lays objects of the configuration, in JSON, over those that are there.
// list is the name of theirs, for messages. Of the complete kinds there will be no
// others, but for those that Calico makes itself: what goes for that is returned.
func layObjects(objects map[calico.ID]calico.Object, list string, texts []attr.Value, release calico.Release, complete ...calico.Kind) (taken []calico.ID, faults []objectFault) {
	fault := func(i int, summary, detail string, args ...any) {
		faults = append(faults, objectFault{i, summary, fmt.Sprintf("%s[%d]", list, i) + fmt.Sprintf(detail, args...)})
	}
	given := map[calico.ID]int{}
	var order []calico.ID
	var laid []calico.Object
	for i, e := range texts {
		text, ok := e.(types.String)
		if !ok || text.IsNull() {
			continue
		}
		obj, err := readObject(text.ValueString(), release)
		if err != nil {
			fault(i, "Not an Object of Calico", ": %v.", err)
			continue
		}
		id := calico.IDOf(obj).Short()
		if other, twice := given[id]; twice {
			fault(other, "Object Given Twice", " and %s[%d] are both %s: one would hide the other. Give each object once.", list, i, id)
			continue
		}
		given[id] = i
		order = append(order, id)
		laid = append(laid, obj)
	}
	for _, id := range slices.SortedFunc(maps.Keys(objects), calico.ID.Compare) {
		// One that is stored under two names is there twice.
		known := calico.IDOf(objects[id]).Short()
		if _, stays := given[known]; stays || !slices.Contains(complete, id.Kind) || calico.MadeByCalico(objects[id], release) {
			continue
		}
		delete(objects, id)
		if !slices.Contains(taken, known) {
			taken = append(taken, known)
		}
	}
	for _, obj := range laid {
		lay(objects, obj)
	}
	for _, id := range order {
		// Calico would let a tier that is not there come after all others and drop what
		// arrives at its end, which nobody asks about.
		tier := calico.ID{Kind: calico.KindTier, Name: calico.IDOf(objects[id]).Tier}
		if tier.Name != "" && verdict.DependsOn(id.Kind) && objects[tier] == nil && calico.KindTier.KnownIn(release) {
			fault(given[id], "Tier Missing", ": %s is in the tier %q, which is not there, and so there is no telling what comes before it: add the tier's object, such as calico_tier.%s.object.", id, tier.Name, tier.Name)
		}
	}
	return taken, faults
}

// lay puts an object over the one of the same name. Of a FelixConfiguration, as
// resources manage it, only the fields that are set are laid over the others.
func lay(objects map[calico.ID]calico.Object, obj calico.Object) {
	id := calico.IDOf(obj).Short()
	if over, ok := obj.(*calico.FelixConfiguration); ok {
		if stored, ok := objects[id].(*calico.FelixConfiguration); ok {
			merged := stored.DeepCopy()
			from, to := codec.SpecOf(over), codec.SpecOf(merged)
			for _, f := range codec.FieldsOf(from.Type()) {
				if field := from.FieldByIndex(f.Index); !field.IsZero() {
					to.FieldByIndex(f.Index).Set(field)
				}
			}
			obj = merged
		}
	}
	objects[id] = obj
}
