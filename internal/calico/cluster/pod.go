package cluster

import (
	"crypto/sha1"
	"encoding/hex"
	"maps"
	"strings"

	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
)

const (
	// Orchestrator is what Calico calls Kubernetes.
	Orchestrator = "k8s"
	// The labels that Calico gives to a pod beside its own.
	namespaceLabel      = "projectcalico.org/namespace"
	orchestratorLabel   = "projectcalico.org/orchestrator"
	serviceAccountLabel = "projectcalico.org/serviceaccount"
	// The annotations in which CNI plugins tell the addresses of a pod before its status
	// does, and that they have taken them away.
	podIPAnnotation     = "cni.projectcalico.org/podIP"
	podIPsAnnotation    = "cni.projectcalico.org/podIPs"
	awsPodIPsAnnotation = "vpc.amazonaws.com/pod-ips"
)

// WorkloadEndpoint returns what Calico makes of a pod, nil where it makes nothing that
// Felix gets to know: of a pod in the network of its host (it is the host to Calico), of
// one that no node runs yet, of one without an address, and of one that has ended, as
// another pod may have its address by then. A pod of which Calico cannot read an address
// is none to it either.
func (p *Pod) WorkloadEndpoint() *calico.WorkloadEndpoint {
	if p.Spec.HostNetwork || p.Spec.NodeName == "" || p.ended() {
		return nil
	}
	w := calico.NewWorkloadEndpoint()
	for _, text := range p.addresses() {
		r, ok := address.ParseRange(text)
		if !ok {
			return nil
		}
		suffix := "/32"
		if r.First.Is6() {
			suffix = "/128"
		}
		w.Spec.IPNetworks = append(w.Spec.IPNetworks, r.First.String()+suffix)
	}
	if len(w.Spec.IPNetworks) == 0 {
		return nil
	}
	namespace, account := p.Metadata.Namespace, p.Spec.ServiceAccountName
	w.Namespace, w.Name = namespace, endpointName(p.Spec.NodeName, p.Metadata.Name)
	w.Labels = make(map[string]string, len(p.Metadata.Labels)+3)
	maps.Copy(w.Labels, p.Metadata.Labels)
	w.Labels[namespaceLabel] = namespace
	w.Labels[orchestratorLabel] = Orchestrator
	w.Spec.Profiles = []string{NamespaceProfileName(namespace)}
	if account != "" {
		w.Labels[serviceAccountLabel] = account
		w.Spec.Profiles = append(w.Spec.Profiles, ServiceAccountProfileName(namespace, account))
	}
	w.Spec.Orchestrator = Orchestrator
	w.Spec.Node, w.Spec.Pod, w.Spec.Endpoint = p.Spec.NodeName, p.Metadata.Name, "eth0"
	w.Spec.ServiceAccountName = account
	w.Spec.InterfaceName = InterfaceName(namespace, p.Metadata.Name)
	for _, containers := range [][]Container{p.Spec.Containers, p.Spec.InitContainers} {
		for _, c := range containers {
			w.Spec.Ports = appendPorts(w.Spec.Ports, c.Ports)
		}
	}
	return w
}

// ended tells whether the addresses in a pod's status are not its own any more. While it
// is being deleted, the CNI plugin tells so by an annotation without a value.
func (p *Pod) ended() bool {
	if p.Metadata.DeletionTimestamp != nil {
		for _, annotation := range []string{podIPAnnotation, awsPodIPsAnnotation} {
			if value, ok := p.Metadata.Annotations[annotation]; ok && value == "" {
				return true
			}
		}
	}
	switch p.Status.Phase {
	case "Succeeded", "Failed", "Completed":
		return true
	}
	return false
}

// addresses returns a pod's addresses as text: those of its status, or before it has
// any those that the CNI plugin has noted.
func (p *Pod) addresses() []string {
	var all []string
	for _, ip := range p.Status.PodIPs {
		all = append(all, ip.IP)
	}
	notes := p.Metadata.Annotations
	switch {
	case len(all) > 0:
		return all
	case p.Status.PodIP != "":
		return []string{p.Status.PodIP}
	case notes[podIPsAnnotation] != "":
		return strings.Split(notes[podIPsAnnotation], ",")
	case notes[podIPAnnotation] != "":
		return []string{notes[podIPAnnotation]}
	case notes[awsPodIPsAnnotation] != "":
		return strings.Split(notes[awsPodIPsAnnotation], ",")
	default:
		return nil
	}
}

func appendPorts(all []calico.WorkloadEndpointPort, ports []ContainerPort) []calico.WorkloadEndpointPort {
	for _, port := range ports {
		if port.Name == "" || port.ContainerPort == 0 {
			continue
		}
		protocol := "tcp"
		switch port.Protocol {
		case "", "TCP":
		case "UDP":
			protocol = "udp"
		case "SCTP":
			protocol = "sctp"
		default:
			continue
		}
		all = append(all, calico.WorkloadEndpointPort{
			Name: port.Name, Protocol: numorstring.ProtocolFromString(protocol), Port: uint16(port.ContainerPort),
		})
	}
	return all
}

// endpointName is the name of a pod's WorkloadEndpoint: its parts with each "-" doubled.
func endpointName(node, pod string) string {
	double := func(s string) string { return strings.ReplaceAll(s, "-", "--") }
	return double(node) + "-" + Orchestrator + "-" + double(pod) + "-eth0"
}

// InterfaceName is the name of the interface on the host through which a pod is reached,
// with the interfacePrefix of Felix's default.
func InterfaceName(namespace, pod string) string {
	sum := sha1.Sum([]byte(namespace + "." + pod))
	return "cali" + hex.EncodeToString(sum[:])[:11]
}
