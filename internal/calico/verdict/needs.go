package verdict

import "slices"

// Needs is what verdicts depend on beside the objects of administrators.
type Needs struct {
	// Workloads is set if a rule may choose workload endpoints, by a selector or the name of
	// a port.
	Workloads bool
	// Services is set if a rule names a service of Kubernetes.
	Services bool
	// Policies is set if workload endpoints themselves are asked about: by policies of
	// Kubernetes, and IP pools, which tell what addresses are seen.
	Policies bool
}

// Needs tells what decides at the host endpoints beside what is given. What no rule that
// applies to them asks for makes no difference there. If workload endpoints are asked
// about, too, every rule may apply to some.
func (w *World) Needs(ofWorkloads bool) Needs {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := Needs{Workloads: ofWorkloads, Policies: ofWorkloads}
	note := func(rules [2][]*rule) {
		for _, list := range rules {
			for _, r := range list {
				n.Workloads = n.Workloads || r.src.asks() || r.dst.asks()
				n.Services = n.Services || r.services
			}
		}
	}
	seen := map[*policy]bool{}
	profiles := map[string]bool{}
	for _, ep := range w.endpoints {
		for _, name := range ep.profiles {
			if p := w.profiles[name]; p != nil && !profiles[name] {
				profiles[name] = true
				note(p.rules)
			}
		}
		for _, stage := range w.programFor(ep) {
			for _, run := range slices.Concat(stage[Ingress], stage[Egress]) {
				for _, p := range run.policies {
					if !seen[p] {
						seen[p] = true
						note(p.rules)
					}
				}
			}
		}
	}
	if ofWorkloads {
		for _, t := range w.tiers {
			for _, p := range t.policies {
				note(p.rules)
			}
		}
		for _, p := range w.profiles {
			note(p.rules)
		}
	}
	return n
}

// asks tells whether an entity chooses by labels, or has ports by their names.
func (e *entity) asks() bool {
	return e.chosen != nil || e.notChosen != nil ||
		e.ports != nil && len(e.ports.names) > 0 || e.notPorts != nil && len(e.notPorts.names) > 0
}
