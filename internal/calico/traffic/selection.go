// Package traffic tells who reaches whom: what becomes of connections between many
// endpoints, now and after a change. Endpoints that no rule can tell apart are one row of an
// answer, with their number. It does no I/O.
package traffic

import (
	"slices"
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/cluster"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// Selection chooses endpoints: those that suit all of its conditions. What is unset is no
// condition.
type Selection struct {
	// Hosts and Workloads tell of which kinds they are: host endpoints, or those of pods
	// and of other workloads.
	Hosts, Workloads bool
	// Labels select them by their labels, those that their profiles give them included.
	Labels *selector.Selector
	// Also is another selector, which has to select them, too.
	Also *selector.Selector
	// Namespaces and NamespaceLabels choose the namespaces of workloads: by their names, and
	// by the namespaces' own labels. Host endpoints have no namespace, and are chosen all the
	// same.
	Namespaces      []string
	NamespaceLabels *selector.Selector
}

// Chooses tells whether an endpoint is chosen.
func (s *Selection) Chooses(ep *verdict.Endpoint) bool {
	if s.Labels != nil && !s.Labels.Matches(ep.Labels) || s.Also != nil && !s.Also.Matches(ep.Labels) {
		return false
	}
	if ep.Workload == nil {
		return s.Hosts
	}
	return s.Workloads &&
		(len(s.Namespaces) == 0 || slices.Contains(s.Namespaces, ep.Workload.Namespace)) &&
		(s.NamespaceLabels == nil || s.namespaceLabels().Matches(ep.Labels))
}

// namespaceLabels is the selector for the labels by which a workload knows those of its
// namespace.
func (s *Selection) namespaceLabels() *selector.Selector {
	return s.NamespaceLabels.Prefixed(cluster.NamespaceLabelPrefix)
}

// selectors are those by which it chooses.
func (s *Selection) selectors() []*selector.Selector {
	var all []*selector.Selector
	for _, one := range []*selector.Selector{s.Labels, s.Also} {
		if one != nil {
			all = append(all, one)
		}
	}
	if s.NamespaceLabels != nil {
		all = append(all, s.namespaceLabels())
	}
	return all
}

// String spells the selection for a person: workloads with app == "web" of namespace shop.
func (s *Selection) String() string {
	var kinds []string
	if s.Workloads {
		kinds = append(kinds, "workloads")
	}
	if s.Hosts {
		kinds = append(kinds, "hosts")
	}
	text := strings.Join(kinds, " and ")
	if s.Labels != nil {
		text += " with " + s.Labels.String()
	}
	if s.Also != nil {
		text += " and with " + s.Also.String()
	}
	switch len(s.Namespaces) {
	case 0:
	case 1:
		text += " of namespace " + s.Namespaces[0]
	default:
		text += " of namespaces " + strings.Join(s.Namespaces, ", ")
	}
	if s.NamespaceLabels != nil {
		text += " of namespaces with " + s.NamespaceLabels.String()
	}
	return text
}
