package verdict_test

import (
	"net"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/cluster"
)

// The second implementation, of what Kubernetes has. It reads pods and the others
// itself, and takes a NetworkPolicy as Kubernetes describes it, not as Calico converts it.

type naiveCluster struct {
	*clusterWorld
	standIns []*v3.HostEndpoint
}

// isPod tells whether an endpoint stands for a pod.
func isPod(ep *v3.HostEndpoint) bool { return strings.HasPrefix(ep.Name, "pod ") }

// isMesh tells what is known of HTTP at an endpoint.
func isMesh(ep *v3.HostEndpoint, rule *v3.Rule, p *packet) tri {
	if isPod(ep) && rule.HTTP != nil && p.protocol == 6 {
		return triUnknown
	}
	return triYes
}

// pods returns a host endpoint in the place of each pod.
func (c *naiveCluster) pods() []*v3.HostEndpoint {
	if c == nil {
		return nil
	}
	if c.standIns != nil {
		return c.standIns
	}
	c.standIns = []*v3.HostEndpoint{}
	for _, p := range c.clusterWorld.pods {
		_, noted := p.Metadata.Annotations["cni.projectcalico.org/podIP"]
		switch {
		case p.Spec.HostNetwork, p.Spec.NodeName == "", len(p.Status.PodIPs) == 0:
			continue
		case p.Status.Phase == "Succeeded", p.Status.Phase == "Failed":
			continue
		case p.Metadata.DeletionTimestamp != nil && noted:
			continue // the annotation of random pods is always empty
		}
		ns, account := p.Metadata.Namespace, p.Spec.ServiceAccountName
		ep := v3.NewHostEndpoint()
		ep.Name = "pod " + ns + "/" + p.Metadata.Name
		ep.Labels = map[string]string{}
		for k, v := range p.Metadata.Labels {
			if !strings.HasPrefix(k, "pcns.") && !strings.HasPrefix(k, "pcsa.") {
				ep.Labels[k] = v
			}
		}
		ep.Labels["projectcalico.org/namespace"] = ns
		ep.Labels["projectcalico.org/orchestrator"] = "k8s"
		ep.Spec.Node, ep.Spec.InterfaceName = p.Spec.NodeName, "cali"
		ep.Spec.Profiles = []string{"kns." + ns}
		if account != "" {
			ep.Labels["projectcalico.org/serviceaccount"] = account
			ep.Spec.Profiles = append(ep.Spec.Profiles, "ksa."+ns+"."+account)
		}
		for _, ip := range p.Status.PodIPs {
			ep.Spec.ExpectedIPs = append(ep.Spec.ExpectedIPs, ip.IP)
		}
		for _, c := range p.Spec.Containers {
			for _, port := range c.Ports {
				protocol := "TCP"
				if port.Protocol != "" {
					protocol = port.Protocol
				}
				if port.Name != "" {
					ep.Spec.Ports = append(ep.Spec.Ports, v3.EndpointPort{Name: port.Name, Protocol: numorstring.ProtocolFromString(protocol), Port: uint16(port.ContainerPort)})
				}
			}
		}
		c.standIns = append(c.standIns, ep)
	}
	return c.standIns
}

func (c *naiveCluster) profile(name string) *v3.Profile {
	if c == nil {
		return nil
	}
	labelled := func(prefix string, meta cluster.Meta) map[string]string {
		labels := map[string]string{}
		for k, v := range meta.Labels {
			labels[prefix+k] = v
		}
		labels[prefix+"projectcalico.org/name"] = meta.Name
		return labels
	}
	for _, ns := range c.namespaces {
		if "kns."+ns.Metadata.Name == name {
			allow := []v3.Rule{{Action: v3.Allow}}
			return &v3.Profile{Spec: v3.ProfileSpec{Ingress: allow, Egress: allow, LabelsToApply: labelled("pcns.", ns.Metadata)}}
		}
	}
	for _, sa := range c.accounts {
		if "ksa."+sa.Metadata.Namespace+"."+sa.Metadata.Name == name {
			return &v3.Profile{Spec: v3.ProfileSpec{LabelsToApply: labelled("pcsa.", sa.Metadata)}}
		}
	}
	return nil
}

// isService tells whether a side of a packet is a service.
func (c *naiveCluster) isService(e *v3.EntityRule, destination bool, p *packet, local bool, port int) tri {
	if c == nil {
		return triUnknown
	}
	return p.onAddress(local, func(a net.IP) tri {
		for _, slice := range c.slices {
			if slice.Metadata.Namespace != e.Services.Namespace || slice.Metadata.Labels["kubernetes.io/service-name"] != e.Services.Name {
				continue
			}
			for _, ep := range slice.Endpoints {
				for _, text := range ep.Addresses {
					if ip := net.ParseIP(text); ip == nil || !ip.Equal(a) || isV6(text) != p.v6 {
						continue
					}
					if !destination {
						return triYes
					}
					for _, q := range slice.Ports {
						protocol := 6
						if q.Protocol != nil {
							protocol = map[string]int{"TCP": 6, "UDP": 17, "SCTP": 132}[*q.Protocol]
						}
						if q.Port != nil && int(*q.Port) == port && protocol == p.protocol {
							return triYes
						}
					}
				}
			}
		}
		return triNo
	})
}

// suits tells whether labels suit a selector of Kubernetes.
func suits(s *metav1.LabelSelector, labels map[string]string) bool {
	for k, v := range s.MatchLabels {
		if labels[k] != v {
			return false
		}
	}
	for _, e := range s.MatchExpressions {
		v, has := labels[e.Key]
		is := map[metav1.LabelSelectorOperator]bool{
			metav1.LabelSelectorOpIn: has && slices.Contains(e.Values, v), metav1.LabelSelectorOpNotIn: !has || !slices.Contains(e.Values, v),
			metav1.LabelSelectorOpExists: has, metav1.LabelSelectorOpDoesNotExist: !has,
		}[e.Operator]
		if !is {
			return false
		}
	}
	return true
}

// policies returns those of Kubernetes.
func (c *naiveCluster) policies(n *naiveWorld, in bool) []naivePolicy {
	if c == nil {
		return nil
	}
	var out []naivePolicy
	for _, np := range c.networkPolicies {
		ns := np.Metadata.Namespace
		order := 1000.0
		p := naivePolicy{name: "knp.default." + np.Metadata.Name, namespace: ns, tier: "default", order: &order, forward: n.old(29)}
		p.sortName = ns + "/knp.default." + np.Metadata.Name
		if !n.old(32) {
			p.sortName = np.Metadata.Name + "/" + ns + "/KubernetesNetworkPolicy"
		}
		if n.old(29) {
			p.tier = ""
		}
		p.selects = func(labels map[string]string) bool {
			return labels["projectcalico.org/orchestrator"] == "k8s" && labels["projectcalico.org/namespace"] == ns && suits(&np.Spec.PodSelector, labels)
		}
		for _, t := range np.Spec.PolicyTypes {
			p.types = append(p.types, v3.PolicyType(t))
		}
		if len(p.types) == 0 {
			p.types = []v3.PolicyType{v3.PolicyTypeIngress}
		}
		if in {
			for _, r := range np.Spec.Ingress {
				p.native = append(p.native, func(p *packet) tri { return n.kubernetes(ns, r.From, r.Ports, p, true) })
			}
		} else {
			for _, r := range np.Spec.Egress {
				p.native = append(p.native, func(p *packet) tri { return n.kubernetes(ns, r.To, r.Ports, p, false) })
			}
		}
		out = append(out, p)
	}
	return out
}

// kubernetes tells whether a rule of Kubernetes allows a packet.
func (n *naiveWorld) kubernetes(ns string, peers []cluster.Peer, ports []cluster.Port, p *packet, in bool) tri {
	if len(peers) == 0 {
		return n.anyPort(ports, p, in, nil)
	}
	var options []tri
	for _, peer := range peers {
		if block := peer.IPBlock; block != nil {
			inside := p.onAddress(false, func(a net.IP) tri {
				in := func(text string) bool { in, _ := inNet(a, text); return in && isV6(text) == p.v6 }
				return triOf(in(block.CIDR) && !slices.ContainsFunc(block.Except, in))
			})
			options = append(options, all(inside, n.anyPort(ports, p, in, nil)))
			continue
		}
		chosen := func(k known) bool {
			if k.labels["projectcalico.org/orchestrator"] != "k8s" || peer.PodSelector != nil && !suits(peer.PodSelector, k.labels) {
				return false
			}
			if peer.NamespaceSelector == nil {
				return k.labels["projectcalico.org/namespace"] == ns
			}
			return suits(peer.NamespaceSelector, stripped(k.labels, "pcns."))
		}
		if in {
			options = append(options, all(n.isAt(p, false, chosen), n.anyPort(ports, p, in, nil)))
		} else {
			options = append(options, n.anyPort(ports, p, in, chosen))
		}
	}
	return some(options...)
}

// isAt tells whether one of some endpoints has an address.
func (n *naiveWorld) isAt(p *packet, local bool, chosen func(known) bool) tri {
	return p.onAddress(local, func(a net.IP) tri {
		for _, k := range n.everyone() {
			if chosen(k) && slices.ContainsFunc(k.nets, func(text string) bool { in, _ := inNet(a, text); return in && isV6(text) == p.v6 }) {
				return triYes
			}
		}
		return triNo
	})
}

// anyPort tells whether a packet goes to one of the ports, at one of the chosen endpoints.
func (n *naiveWorld) anyPort(ports []cluster.Port, p *packet, in bool, chosen func(known) bool) tri {
	there := triYes
	if chosen != nil {
		there = n.isAt(p, in, chosen)
	}
	if len(ports) == 0 {
		return there
	}
	var options []tri
	for _, q := range ports {
		protocol := 6
		if q.Protocol != nil {
			protocol = map[string]int{"TCP": 6, "UDP": 17, "SCTP": 132}[*q.Protocol]
		}
		switch {
		case protocol != p.protocol:
		case q.Port == nil:
			options = append(options, there)
		case q.Port.StrVal != "":
			options = append(options, n.isAt(p, in, func(k known) bool {
				return (chosen == nil || chosen(k)) && slices.ContainsFunc(k.ports, func(np v3.EndpointPort) bool {
					return np.Name == q.Port.StrVal && int(np.Port) == p.dport && n.protocolIs(&np.Protocol, protocol)
				})
			}))
		case q.EndPort != nil:
			options = append(options, all(there, triOf(int(q.Port.IntVal) <= p.dport && p.dport <= int(*q.EndPort))))
		default:
			options = append(options, all(there, triOf(int(q.Port.IntVal) == p.dport)))
		}
	}
	return some(options...)
}

// endpointsOn returns the host endpoints and the pods of a node.
func (n *naiveWorld) endpointsOn(node string) []*v3.HostEndpoint {
	var out []*v3.HostEndpoint
	for _, o := range n.objects {
		if ep, ok := o.(*v3.HostEndpoint); ok && ep.Spec.Node == node {
			out = append(out, ep)
		}
	}
	for _, ep := range n.cluster.pods() {
		if ep.Spec.Node == node {
			out = append(out, ep)
		}
	}
	return out
}

// isSet tells of a setting that is true or false which of them it may be.
func (n *naiveWorld) isSet(node, parameter string, field func(*calico.FelixConfigurationSpec) *bool) (may [2]bool) {
	for _, text := range n.possible(node, parameter, func(s *calico.FelixConfigurationSpec) string {
		if b := field(s); b != nil {
			return map[bool]string{true: "true", false: "false"}[*b]
		}
		return ""
	}) {
		may[map[bool]int{true: 1, false: 0}[text == "true"]] = true
	}
	return may
}
