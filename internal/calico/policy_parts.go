package calico

import v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

// policyParts are the fields of a policy's spec, by reference, so that what the
// four kinds of policies have in common is written once.
type policyParts struct {
	tier                   *string
	order                  **float64
	ingress, egress        *[]v3.Rule
	selector               *string
	types                  *[]v3.PolicyType
	serviceAccountSelector *string
	performanceHints       *[]v3.PolicyPerformanceHint
	// global is nil for a policy in a namespace.
	global *globalParts
	// stagedAction is nil for a policy that is in force.
	stagedAction *v3.StagedAction
}

// globalParts are the fields that only policies have which belong to no namespace.
type globalParts struct {
	doNotTrack, preDNAT, applyOnForward *bool
	namespaceSelector                   *string
}

// policyOf returns the parts of a policy. ok is false for other kinds.
func policyOf(obj Object) (p policyParts, ok bool) {
	switch o := obj.(type) {
	case *v3.GlobalNetworkPolicy:
		s := &o.Spec
		return policyParts{
			&s.Tier, &s.Order, &s.Ingress, &s.Egress, &s.Selector, &s.Types, &s.ServiceAccountSelector, &s.PerformanceHints,
			&globalParts{&s.DoNotTrack, &s.PreDNAT, &s.ApplyOnForward, &s.NamespaceSelector}, nil,
		}, true
	case *v3.NetworkPolicy:
		s := &o.Spec
		return policyParts{
			&s.Tier, &s.Order, &s.Ingress, &s.Egress, &s.Selector, &s.Types, &s.ServiceAccountSelector, &s.PerformanceHints,
			nil, nil,
		}, true
	case *v3.StagedGlobalNetworkPolicy:
		s := &o.Spec
		return policyParts{
			&s.Tier, &s.Order, &s.Ingress, &s.Egress, &s.Selector, &s.Types, &s.ServiceAccountSelector, &s.PerformanceHints,
			&globalParts{&s.DoNotTrack, &s.PreDNAT, &s.ApplyOnForward, &s.NamespaceSelector}, &s.StagedAction,
		}, true
	case *v3.StagedNetworkPolicy:
		s := &o.Spec
		return policyParts{
			&s.Tier, &s.Order, &s.Ingress, &s.Egress, &s.Selector, &s.Types, &s.ServiceAccountSelector, &s.PerformanceHints,
			nil, &s.StagedAction,
		}, true
	default:
		return policyParts{}, false
	}
}

// deletes tells whether the policy is the proposal to delete the one of its name.
func (p policyParts) deletes() bool {
	return p.stagedAction != nil && *p.stagedAction == v3.StagedActionDelete
}
