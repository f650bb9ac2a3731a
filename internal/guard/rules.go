package guard

import (
	"maps"
	"slices"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// rules are what decides about traffic in a world.
//
// The same verdicts are asked for very often: for each of a thousand endpoints after
// each of two hundred policies. Endpoints of one class fare alike, so each class is
// asked for once.
type rules struct {
	*verdict.Classes
	// verdicts are those that were asked for, by class and flow.
	verdicts map[string]watched
}

// watched is what becomes of a flow, and whether it is watched over there at all.
type watched struct {
	parts   []verdict.Part
	watched bool
}

func newRules(w *World) *rules {
	var others []calico.Object
	var ids []calico.ID
	for id := range w.objects.all() {
		if id.Kind != calico.KindHostEndpoint {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, calico.ID.Compare)
	for _, id := range ids {
		others = append(others, w.objects.get(id))
	}
	return &rules{verdict.NewClasses(w.release, others, w.endpoints(), w.asked, w.guard.Options...), map[string]watched{}}
}

// parts tells what becomes of a flow at an endpoint, part by part, and whether it is
// watched over there.
func (r *rules) parts(h *v3.HostEndpoint, flow Flow) ([]verdict.Part, bool) {
	p, class, ok := r.At(h)
	if !ok {
		return nil, false
	}
	key := class + "\x00" + flow.Key()
	v, known := r.verdicts[key]
	if !known {
		v.watched = flow.WatchedAt(p.Endpoint)
		v.parts = p.World.Parts(p.Endpoint, flow.Traffic, flow.except...)
		r.verdicts[key] = v
	}
	return v.parts, v.watched
}

// wording is the verdict for a person. An endpoint with several addresses is asked
// itself, as the words may name one of them.
func (r *rules) wording(h *v3.HostEndpoint, flow Flow, v verdict.Verdict) verdict.Verdict {
	if v.Part == "" || len(h.Spec.ExpectedIPs) < 2 {
		return v
	}
	p, ok := r.Itself(h)
	if !ok {
		return v
	}
	parts := p.World.Parts(p.Endpoint, flow.Traffic, flow.except...)
	for _, p := range parts {
		if p.Outcome == v.Outcome {
			return partOf(p, parts)
		}
	}
	return v
}

// known returns the verdicts that were asked for, in a fixed order.
func (r *rules) known() []verdict.Verdict {
	var out []verdict.Verdict
	for _, key := range slices.Sorted(maps.Keys(r.verdicts)) {
		for _, part := range r.verdicts[key].parts {
			out = append(out, part.Verdict)
		}
	}
	return out
}
