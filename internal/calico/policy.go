package calico

import v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

// Policy are the fields of a policy's spec, by reference, so that what the
// four kinds of policies have in common is written once.
type Policy struct {
	Tier                   *string
	Order                  **float64
	Ingress, Egress        *[]v3.Rule
	Selector               *string
	Types                  *[]v3.PolicyType
	ServiceAccountSelector *string
	PerformanceHints       *[]v3.PolicyPerformanceHint
	// Global is nil for a policy in a namespace.
	Global *GlobalPolicy
	// StagedAction is nil for a policy that is in force.
	StagedAction *v3.StagedAction
}

// GlobalPolicy are the fields that only policies have which belong to no namespace.
type GlobalPolicy struct {
	DoNotTrack, PreDNAT, ApplyOnForward *bool
	NamespaceSelector                   *string
}

// PolicyOf returns the parts of a policy. ok is false for other kinds.
func PolicyOf(obj Object) (p Policy, ok bool) {
	switch o := obj.(type) {
	case *v3.GlobalNetworkPolicy:
		s := &o.Spec
		return Policy{
			&s.Tier, &s.Order, &s.Ingress, &s.Egress, &s.Selector, &s.Types, &s.ServiceAccountSelector, &s.PerformanceHints,
			&GlobalPolicy{&s.DoNotTrack, &s.PreDNAT, &s.ApplyOnForward, &s.NamespaceSelector}, nil,
		}, true
	case *v3.NetworkPolicy:
		s := &o.Spec
		return Policy{
			&s.Tier, &s.Order, &s.Ingress, &s.Egress, &s.Selector, &s.Types, &s.ServiceAccountSelector, &s.PerformanceHints,
			nil, nil,
		}, true
	case *v3.StagedGlobalNetworkPolicy:
		s := &o.Spec
		return Policy{
			&s.Tier, &s.Order, &s.Ingress, &s.Egress, &s.Selector, &s.Types, &s.ServiceAccountSelector, &s.PerformanceHints,
			&GlobalPolicy{&s.DoNotTrack, &s.PreDNAT, &s.ApplyOnForward, &s.NamespaceSelector}, &s.StagedAction,
		}, true
	case *v3.StagedNetworkPolicy:
		s := &o.Spec
		return Policy{
			&s.Tier, &s.Order, &s.Ingress, &s.Egress, &s.Selector, &s.Types, &s.ServiceAccountSelector, &s.PerformanceHints,
			nil, &s.StagedAction,
		}, true
	default:
		return Policy{}, false
	}
}

// Deletes tells whether the policy is the proposal to delete the one of its name.
func (p Policy) Deletes() bool {
	return p.StagedAction != nil && *p.StagedAction == v3.StagedActionDelete
}
