package calico

import v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

// Default fills in what Calico's client fills in before it checks and stores an
// object:
//   - the types of a policy that lists none, which follow from its rules, alike in
//     every release. The proposal to delete a policy has no types, whatever it
//     lists;
//   - the staged action "Set", from v3.32 on. Earlier releases mean the same by
//     none;
//   - the order and the default action of a tier;
//   - in an IPPool, a KubeControllersConfiguration and, from v3.32 on, a
//     BGPConfiguration the fields that are missing.
//
// In a FelixConfiguration it fills in nothing, on purpose. Calico's client does,
// in those of single nodes too, and so sets for the node what was to be decided
// for all of them. For the same reason a BGPConfiguration gets the severity of its
// logs only if it is the one for all nodes.
//
// It fills in no more. What else a release adds is part of how it stores a
// policy (its tier, its tier label, its name), and so is the work of storage.Encode.
// Other spellings that Calico stores in one form, such as the protocol "6" for 6
// or the port "22:22" for 22, cannot outlive the encoding to JSON: the API's
// types see to that.
//
// It panics for a kind that it has no rules for.
func Default(obj Object, r Release) {
	if IsNil(obj) {
		return
	}
	if p, ok := PolicyOf(obj); ok {
		p.setDefaults(r)
		return
	}
	switch o := obj.(type) {
	case *v3.HostEndpoint, *v3.GlobalNetworkSet, *v3.NetworkSet, *v3.Profile:
	case *v3.Tier:
		if o.Spec.Order == nil {
			order := v3.DefaultTierOrder
			o.Spec.Order = &order
		}
		if o.Spec.DefaultAction == nil {
			action := v3.Deny
			o.Spec.DefaultAction = &action
		}
	default:
		if !IsPlain(obj) {
			panic(UnknownKind(obj))
		}
		defaultPlain(obj, r)
	}
}

func defaultPlain(obj Object, r Release) {
	switch o := obj.(type) {
	case *v3.IPPool:
		defaultIPPool(&o.Spec, r)
	case *KubeControllersConfiguration:
		defaultKubeControllers(&o.Spec, r)
	case *BGPConfiguration:
		if r.AtLeast(3, 32, 0) {
			fillBGPConfiguration(o)
		}
	}
}

// fillImplied fills in the fields that mean the same to every release if they are
// absent. A newer release writes some of them down by itself, and an older one does
// not know them: so that is no difference between two objects.
//
// Not everything that Default fills in is such a field. A pool without ipipMode may be
// one with the field ipip of v3.0, a tier without an order comes after all others,
// and a policy without types is for both directions.
func fillImplied(obj Object) {
	switch o := obj.(type) {
	case *v3.IPPool:
		fillIPPool(&o.Spec)
		fillAssignmentMode(&o.Spec)
	case *KubeControllersConfiguration:
		fillKubeControllers(&o.Spec)
	case *BGPConfiguration:
		fillBGPConfiguration(o)
	}
}

func (p Policy) setDefaults(r Release) {
	switch {
	case p.Deletes():
		*p.Types = nil
	case len(*p.Types) == 0:
		*p.Types = derivedTypes(*p.Ingress, *p.Egress)
	}
	if p.StagedAction != nil && *p.StagedAction == "" && r.AtLeast(3, 32, 0) {
		*p.StagedAction = v3.StagedActionSet
	}
}

// derivedTypes returns the directions that a policy with these rules governs if
// it does not say. A policy without any rules governs what comes in.
func derivedTypes(ingress, egress []v3.Rule) []v3.PolicyType {
	switch {
	case len(egress) == 0:
		return []v3.PolicyType{v3.PolicyTypeIngress}
	case len(ingress) == 0:
		return []v3.PolicyType{v3.PolicyTypeEgress}
	default:
		return []v3.PolicyType{v3.PolicyTypeIngress, v3.PolicyTypeEgress}
	}
}
