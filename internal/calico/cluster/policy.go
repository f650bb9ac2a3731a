package cluster

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
)

// PolicyOrder is the order of all policies that Calico makes of Kubernetes' own.
const PolicyOrder = 1000

// Policy is what Calico makes of a NetworkPolicy in a Kubernetes datastore. Its name has
// the prefix that Felix knows it by up to v3.31, and that it has in an etcd datastore in
// every release (calico.KubernetesPolicyPrefix).
type Policy struct {
	*v3.NetworkPolicy
	// Ingress and Egress tell of each rule which of the NetworkPolicy it is made of. They
	// count from 1. A rule is made for each protocol and peer of one of Kubernetes.
	Ingress, Egress []int
}

// KubernetesName returns the name of the NetworkPolicy.
func (p *Policy) KubernetesName() string {
	return strings.TrimPrefix(p.Name, calico.KubernetesPolicyPrefix)
}

// DeepCopyObject returns a copy that shares nothing with p.
func (p *Policy) DeepCopyObject() runtime.Object {
	return &Policy{p.DeepCopy(), slices.Clone(p.Ingress), slices.Clone(p.Egress)}
}

// Policy returns what Calico makes of a NetworkPolicy: K8sNetworkPolicyToCalico of
// conversion.go. A rule that Calico cannot convert it leaves out.
func (n *NetworkPolicy) Policy() *Policy {
	p := &Policy{NetworkPolicy: v3.NewNetworkPolicy()}
	p.Name, p.Namespace = calico.KubernetesPolicyPrefix+n.Metadata.Name, n.Metadata.Namespace
	order := float64(PolicyOrder)
	p.Spec.Order = &order
	p.Spec.Tier = calico.DefaultTier
	p.Spec.Selector = podSelector(&n.Spec.PodSelector)
	for i, r := range n.Spec.Ingress {
		for _, one := range rules(r.From, r.Ports) {
			p.Spec.Ingress = append(p.Spec.Ingress, v3.Rule{
				Action: v3.Allow, Protocol: one.protocol, Source: one.peer, Destination: v3.EntityRule{Ports: one.ports},
			})
			p.Ingress = append(p.Ingress, i+1)
		}
	}
	for i, r := range n.Spec.Egress {
		for _, one := range rules(r.To, r.Ports) {
			one.peer.Ports = one.ports
			p.Spec.Egress = append(p.Spec.Egress, v3.Rule{Action: v3.Allow, Protocol: one.protocol, Destination: one.peer})
			p.Egress = append(p.Egress, i+1)
		}
	}
	for _, t := range []v3.PolicyType{v3.PolicyTypeIngress, v3.PolicyTypeEgress} {
		if slices.Contains(n.Spec.PolicyTypes, string(t)) {
			p.Spec.Types = append(p.Spec.Types, t)
		}
	}
	if len(p.Spec.Types) == 0 {
		p.Spec.Types = []v3.PolicyType{v3.PolicyTypeIngress}
	}
	return p
}

// converted is what one peer and one protocol of a rule become.
type converted struct {
	protocol *numorstring.Protocol
	ports    []numorstring.Port
	peer     v3.EntityRule
}

// rules returns what becomes of a rule: one for each protocol and peer, of all protocols
// if there are no ports.
func rules(peers []Peer, ports []Port) []converted {
	byProtocol := map[string][]numorstring.Port{}
	whole := map[string]bool{}
	for _, port := range ports {
		protocol := "TCP"
		if port.Protocol != nil {
			protocol = *port.Protocol
		}
		one, all, err := portOf(port)
		if err != nil {
			return nil
		}
		if all {
			whole[protocol] = true
		} else {
			byProtocol[protocol] = append(byProtocol[protocol], one)
		}
		if whole[protocol] {
			// All ports are more than some.
			byProtocol[protocol] = nil
		}
	}
	if len(ports) == 0 {
		byProtocol[""] = nil
	}
	if len(peers) == 0 {
		// A network that cannot be read is everything, as is no peer at all.
		peers = []Peer{{IPBlock: &IPBlock{}}}
	}
	var all []converted
	for _, name := range slices.Sorted(maps.Keys(byProtocol)) {
		var protocol *numorstring.Protocol
		if name != "" {
			p := numorstring.ProtocolFromString(name)
			protocol = &p
		}
		for _, peer := range peers {
			all = append(all, converted{protocol, byProtocol[name], peer.entity()})
		}
	}
	return all
}

// portOf returns the port or the range of a rule; all is true where it names none.
func portOf(p Port) (port numorstring.Port, all bool, err error) {
	if p.Port == nil {
		return port, true, nil
	}
	text := p.Port.String()
	if p.EndPort != nil {
		text += fmt.Sprintf(":%d", *p.EndPort)
	}
	port, err = numorstring.PortFromString(text)
	return port, false, err
}

// entity returns what a peer becomes. One whose network Calico cannot read is everything
// to it.
func (p *Peer) entity() v3.EntityRule {
	if p.IPBlock == nil {
		return v3.EntityRule{Selector: podSelector(p.PodSelector), NamespaceSelector: namespaceSelector(p.NamespaceSelector)}
	}
	var e v3.EntityRule
	if _, ok := address.ParseRange(p.IPBlock.CIDR); !ok {
		return e
	}
	e.Nets = []string{p.IPBlock.CIDR}
	for _, except := range p.IPBlock.Except {
		if _, ok := address.ParseRange(except); !ok {
			break
		}
		e.NotNets = append(e.NotNets, except)
	}
	return e
}

// podSelector returns the selector of Calico's for pods: those of Kubernetes alone, so
// that it chooses no host endpoint and no network set.
func podSelector(s *metav1.LabelSelector) string {
	return strings.Join(append([]string{orchestratorLabel + " == '" + Orchestrator + "'"}, terms(s)...), " && ")
}

// namespaceSelector returns the selector of Calico's for namespaces. Without one there is
// none; one without conditions chooses all.
func namespaceSelector(s *metav1.LabelSelector) string {
	all := terms(s)
	if s != nil && len(all) == 0 {
		return "all()"
	}
	return strings.Join(all, " && ")
}

func terms(s *metav1.LabelSelector) []string {
	if s == nil {
		return nil
	}
	var all []string
	for _, key := range slices.Sorted(maps.Keys(s.MatchLabels)) {
		all = append(all, fmt.Sprintf("%s == '%s'", key, s.MatchLabels[key]))
	}
	for _, e := range s.MatchExpressions {
		values := "{ '" + strings.Join(e.Values, "', '") + "' }"
		switch e.Operator {
		case metav1.LabelSelectorOpIn:
			all = append(all, e.Key+" in "+values)
		case metav1.LabelSelectorOpNotIn:
			all = append(all, e.Key+" not in "+values)
		case metav1.LabelSelectorOpExists:
			all = append(all, "has("+e.Key+")")
		case metav1.LabelSelectorOpDoesNotExist:
			all = append(all, "! has("+e.Key+")")
		}
	}
	return all
}
