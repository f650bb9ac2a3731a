package cluster

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Meta is what is read of an object's metadata.
type Meta struct {
	Name            string            `json:"name"`
	Namespace       string            `json:"namespace,omitempty"`
	ResourceVersion string            `json:"resourceVersion,omitempty"`
	Labels          map[string]string `json:"labels,omitempty"`
	Annotations     map[string]string `json:"annotations,omitempty"`
	// DeletionTimestamp is set from the moment on at which the object is being deleted.
	DeletionTimestamp *metav1.Time `json:"deletionTimestamp,omitempty"`
}

// Pod is a pod (v1).
type Pod struct {
	Metadata Meta      `json:"metadata"`
	Spec     PodSpec   `json:"spec"`
	Status   PodStatus `json:"status"`
}

// PodSpec tells where a pod runs, and what its ports are called.
type PodSpec struct {
	NodeName           string      `json:"nodeName,omitempty"`
	HostNetwork        bool        `json:"hostNetwork,omitempty"`
	ServiceAccountName string      `json:"serviceAccountName,omitempty"`
	Containers         []Container `json:"containers,omitempty"`
	InitContainers     []Container `json:"initContainers,omitempty"`
}

// Container is one of a pod.
type Container struct {
	Ports []ContainerPort `json:"ports,omitempty"`
}

// ContainerPort is a port of a container. Without a protocol it is one of TCP.
type ContainerPort struct {
	Name          string `json:"name,omitempty"`
	HostPort      int32  `json:"hostPort,omitempty"`
	ContainerPort int32  `json:"containerPort"`
	Protocol      string `json:"protocol,omitempty"`
}

// PodStatus tells what became of a pod.
type PodStatus struct {
	Phase  string  `json:"phase,omitempty"`
	PodIP  string  `json:"podIP,omitempty"`
	PodIPs []PodIP `json:"podIPs,omitempty"`
}

// PodIP is an address of a pod.
type PodIP struct {
	IP string `json:"ip,omitempty"`
}

// Namespace is a namespace (v1).
type Namespace struct {
	Metadata Meta `json:"metadata"`
}

// ServiceAccount is a service account (v1).
type ServiceAccount struct {
	Metadata Meta `json:"metadata"`
}

// Service is a service (v1).
type Service struct {
	Metadata Meta        `json:"metadata"`
	Spec     ServiceSpec `json:"spec"`
}

// ServiceSpec holds the addresses at which a service is asked for.
type ServiceSpec struct {
	ClusterIP   string   `json:"clusterIP,omitempty"`
	ClusterIPs  []string `json:"clusterIPs,omitempty"`
	ExternalIPs []string `json:"externalIPs,omitempty"`
}

// EndpointSlice is some of the endpoints of a service (discovery.k8s.io/v1).
type EndpointSlice struct {
	Metadata  Meta            `json:"metadata"`
	Endpoints []SliceEndpoint `json:"endpoints,omitempty"`
	Ports     []SlicePort     `json:"ports,omitempty"`
}

// SliceEndpoint is one endpoint. Calico does not look whether it is ready.
type SliceEndpoint struct {
	Addresses []string `json:"addresses,omitempty"`
}

// SlicePort is a port of all endpoints of a slice. Without a protocol it is one of TCP.
type SlicePort struct {
	Protocol *string `json:"protocol,omitempty"`
	Port     *int32  `json:"port,omitempty"`
}

// ServiceNameLabel is the label of an EndpointSlice that names its service.
const ServiceNameLabel = "kubernetes.io/service-name"

// NetworkPolicy is a policy of Kubernetes' own (networking.k8s.io/v1).
type NetworkPolicy struct {
	Metadata Meta              `json:"metadata"`
	Spec     NetworkPolicySpec `json:"spec"`
}

// NetworkPolicySpec tells which pods a policy is for, and what they may do.
type NetworkPolicySpec struct {
	PodSelector metav1.LabelSelector `json:"podSelector"`
	Ingress     []IngressRule        `json:"ingress,omitempty"`
	Egress      []EgressRule         `json:"egress,omitempty"`
	PolicyTypes []string             `json:"policyTypes,omitempty"`
}

// IngressRule allows what comes from its peers. No peers are all, and so are no ports.
type IngressRule struct {
	From  []Peer `json:"from,omitempty"`
	Ports []Port `json:"ports,omitempty"`
}

// EgressRule allows what goes to its peers. No peers are all, and so are no ports.
type EgressRule struct {
	To    []Peer `json:"to,omitempty"`
	Ports []Port `json:"ports,omitempty"`
}

// Peer chooses pods, or networks.
type Peer struct {
	PodSelector       *metav1.LabelSelector `json:"podSelector,omitempty"`
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`
	IPBlock           *IPBlock              `json:"ipBlock,omitempty"`
}

// IPBlock is a network without some others.
type IPBlock struct {
	CIDR   string   `json:"cidr"`
	Except []string `json:"except,omitempty"`
}

// Port is a port, a range of them from Port to EndPort, or without Port all of a
// protocol. Without a protocol it is one of TCP.
type Port struct {
	Protocol *string             `json:"protocol,omitempty"`
	Port     *intstr.IntOrString `json:"port,omitempty"`
	EndPort  *int32              `json:"endPort,omitempty"`
}
