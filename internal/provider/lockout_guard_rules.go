package provider

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// guardedRules is what decides about traffic: all objects but host endpoints, or
// all of them where rules select host endpoints as the far side.
//
// A plan asks for the same verdicts very often: for each of a thousand endpoints
// after each of two hundred policies. Endpoints that no rule can tell apart are
// one class here, and each class is asked for once.
type guardedRules struct {
	release calico.Release
	// objects are all, in a fixed order.
	objects []calico.Object
	// peers tells that a rule selects endpoints as its far or near side, so that
	// each endpoint matters to the others.
	peers bool
	// local tells that a rule looks at the endpoint's own addresses.
	local bool
	// nodes are those with a configuration of Felix of their own; all, if Felix is
	// configured by the labels of nodes.
	nodes map[string]bool

	// world holds one endpoint of each class that there was at first.
	world *verdict.World
	// classes are those of the endpoints that were asked about.
	classes map[*v3.HostEndpoint]string
	// places are where each class is found.
	places map[string]place
	// verdicts are those that were asked for, by class and flow.
	verdicts map[string]watched
}

// place is an endpoint in a world.
type place struct {
	world    *verdict.World
	endpoint *verdict.Endpoint
}

// watched is a verdict on a flow, and whether it is watched over there at all.
type watched struct {
	verdict verdict.Verdict
	watched bool
}

func newGuardedRules(release calico.Release, objects map[calico.ID]calico.Object) *guardedRules {
	r := &guardedRules{release: release, nodes: map[string]bool{}, classes: map[*v3.HostEndpoint]string{}, places: map[string]place{}, verdicts: map[string]watched{}}
	ids := slices.SortedFunc(maps.Keys(objects), func(a, b calico.ID) int {
		return strings.Compare(string(a.Kind)+a.Namespace+"/"+a.Name, string(b.Kind)+b.Namespace+"/"+b.Name)
	})
	var endpoints []*v3.HostEndpoint
	for _, id := range ids {
		switch o := objects[id].(type) {
		case *v3.HostEndpoint:
			endpoints = append(endpoints, o)
			continue
		case *v3.GlobalNetworkPolicy:
			r.look(o.Spec.Ingress, o.Spec.Egress)
		case *v3.Profile:
			r.look(o.Spec.Ingress, o.Spec.Egress)
		case *v3.FelixConfiguration:
			if node, ok := strings.CutPrefix(o.Name, "node."); ok {
				r.nodes[node] = true
			}
		case *calico.Node:
			// From v3.32 on a FelixConfiguration can be for the nodes with certain labels.
			if release.AtLeast(3, 32, 0) {
				r.nodes[o.Name] = true
			}
		}
		r.objects = append(r.objects, objects[id])
	}
	if r.peers {
		for _, h := range endpoints {
			r.objects = append(r.objects, h)
		}
	}
	// One of each class, unless each matters to the others.
	all := slices.Clone(r.objects)
	representatives := map[string]*v3.HostEndpoint{}
	for _, h := range endpoints {
		class := r.class(h)
		if representatives[class] == nil {
			representatives[class] = h
			if !r.peers {
				all = append(all, h)
			}
		}
	}
	r.world = verdict.New(all, release)
	for class, h := range representatives {
		if endpoint, ok := r.world.Endpoint(h.Name); ok {
			r.places[class] = place{r.world, endpoint}
		}
	}
	return r
}

// look finds out what rules look at.
func (r *guardedRules) look(ingress, egress []v3.Rule) {
	selects := func(e v3.EntityRule) bool {
		// A named port is one of the endpoints that have it.
		return e.Selector+e.NotSelector+e.NamespaceSelector != "" || slices.ContainsFunc(e.Ports, isNamed) || slices.ContainsFunc(e.NotPorts, isNamed)
	}
	for i, rules := range [][]v3.Rule{ingress, egress} {
		for _, rule := range rules {
			near := rule.Destination
			if i == 1 {
				near = rule.Source
			}
			r.peers = r.peers || selects(rule.Source) || selects(rule.Destination)
			r.local = r.local || len(near.Nets)+len(near.NotNets) > 0
		}
	}
}

// class is the same for endpoints that no rule can tell apart.
func (r *guardedRules) class(h *v3.HostEndpoint) string {
	class, ok := r.classes[h]
	if !ok {
		class = r.newClass(h)
		r.classes[h] = class
	}
	return class
}

func (r *guardedRules) newClass(h *v3.HostEndpoint) string {
	what := struct {
		Labels   map[string]string
		Profiles []string
		Ports    []v3.EndpointPort
		All      bool
		Node     string
		IPs      []string
	}{Labels: h.Labels, Profiles: h.Spec.Profiles, Ports: h.Spec.Ports, All: h.Spec.InterfaceName == "*"}
	if r.nodes[h.Spec.Node] {
		what.Node = h.Spec.Node
	}
	if r.local || r.peers {
		what.IPs = h.Spec.ExpectedIPs
	}
	text, err := json.Marshal(what)
	if err != nil {
		return h.Name // a class of its own
	}
	return string(text)
}

// placeOf returns an endpoint that fares as h does.
func (r *guardedRules) placeOf(h *v3.HostEndpoint) (place, string, bool) {
	class := r.class(h)
	if p, ok := r.places[class]; ok {
		return p, class, true
	}
	p := place{world: verdict.New(append(slices.Clone(r.objects), h), r.release)}
	var ok bool
	if p.endpoint, ok = p.world.Endpoint(h.Name); ok {
		r.places[class] = p
	}
	return p, class, ok
}

// verdict tells what becomes of a flow at an endpoint, and whether it is watched
// over there.
func (r *guardedRules) verdict(h *v3.HostEndpoint, flow guardedFlow) (verdict.Verdict, bool) {
	p, class, ok := r.placeOf(h)
	if !ok {
		return verdict.Verdict{}, false
	}
	key := class + "\x00" + flow.key()
	v, known := r.verdicts[key]
	if !known {
		if v.watched = flow.watchedAt(p.endpoint); v.watched {
			v.verdict = p.world.Decide(p.endpoint, flow.flow)
		}
		r.verdicts[key] = v
	}
	return v.verdict, v.watched
}

// known returns the verdicts that were asked for, in a fixed order.
func (r *guardedRules) known() []verdict.Verdict {
	var out []verdict.Verdict
	for _, key := range slices.Sorted(maps.Keys(r.verdicts)) {
		if v := r.verdicts[key]; v.watched {
			out = append(out, v.verdict)
		}
	}
	return out
}

// applying returns the policies that apply to any endpoint.
func (r *guardedRules) applying() []calico.ID {
	seen := map[calico.ID]bool{}
	var out []calico.ID
	for _, class := range slices.Sorted(maps.Keys(r.places)) {
		p := r.places[class]
		for _, id := range p.world.Policies(p.endpoint) {
			if !seen[id] {
				seen[id] = true
				out = append(out, id)
			}
		}
	}
	return out
}
