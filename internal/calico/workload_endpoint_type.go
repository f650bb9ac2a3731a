package calico

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// WorkloadEndpointKind is the kind of a WorkloadEndpoint. It is not one of Kinds: an
// orchestrator writes these objects, and no administrator does.
const WorkloadEndpointKind = "WorkloadEndpoint"

// WorkloadEndpointsPlural is the name of the kind in the keys of an etcd datastore.
const WorkloadEndpointsPlural = "workloadendpoints"

// WorkloadEndpoint is an interface of a pod or of another workload, as orchestrators
// store it in an etcd datastore (libcalico-go/lib/apis/v3/workloadendpoint.go). In a
// Kubernetes datastore Calico makes one of each pod; see package cluster. Only the
// fields are here that decide about traffic.
type WorkloadEndpoint struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              WorkloadEndpointSpec `json:"spec,omitempty"`
}

// WorkloadEndpointSpec tells where the workload is and what it is known by.
type WorkloadEndpointSpec struct {
	// Orchestrator is "k8s" for pods, and "cni", "openstack" or "libnetwork" for others.
	Orchestrator string `json:"orchestrator,omitempty"`
	// Workload names a workload that is no pod.
	Workload           string `json:"workload,omitempty"`
	Node               string `json:"node,omitempty"`
	ContainerID        string `json:"containerID,omitempty"`
	Pod                string `json:"pod,omitempty"`
	Endpoint           string `json:"endpoint,omitempty"`
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
	// IPNetworks are the addresses of the workload. Felix takes no notice of a workload
	// endpoint without any, and of each network its address alone.
	IPNetworks    []string               `json:"ipNetworks,omitempty"`
	Profiles      []string               `json:"profiles,omitempty"`
	InterfaceName string                 `json:"interfaceName,omitempty"`
	Ports         []WorkloadEndpointPort `json:"ports,omitempty"`
}

// WorkloadEndpointPort is a port that rules can name. One without a name is mapped to a
// port of the host, and no rule knows it.
type WorkloadEndpointPort struct {
	Name     string               `json:"name"`
	Protocol numorstring.Protocol `json:"protocol"`
	Port     uint16               `json:"port"`
}

// NewWorkloadEndpoint returns an empty WorkloadEndpoint, with kind and apiVersion set.
func NewWorkloadEndpoint() *WorkloadEndpoint {
	return &WorkloadEndpoint{TypeMeta: metav1.TypeMeta{Kind: WorkloadEndpointKind, APIVersion: v3.GroupVersionCurrent}}
}

// DecodeWorkloadEndpoint reads a stored value. Fields that are not known here are
// passed over, as Calico passes over those that it does not know.
func DecodeWorkloadEndpoint(raw []byte) (*WorkloadEndpoint, error) {
	w := &WorkloadEndpoint{}
	if err := json.Unmarshal(raw, w); err != nil {
		return nil, err
	}
	if w.Kind != WorkloadEndpointKind {
		return nil, fmt.Errorf("the kind is %q, not %q", w.Kind, WorkloadEndpointKind)
	}
	return w, nil
}

// DeepCopyObject returns a copy that shares nothing with w.
func (w *WorkloadEndpoint) DeepCopyObject() runtime.Object { return w.DeepCopy() }

// DeepCopy returns a copy that shares nothing with w.
func (w *WorkloadEndpoint) DeepCopy() *WorkloadEndpoint {
	if w == nil {
		return nil
	}
	c := *w
	c.ObjectMeta = *w.ObjectMeta.DeepCopy()
	c.Labels = maps.Clone(w.Labels)
	c.Spec.IPNetworks = slices.Clone(w.Spec.IPNetworks)
	c.Spec.Profiles = slices.Clone(w.Spec.Profiles)
	c.Spec.Ports = slices.Clone(w.Spec.Ports)
	return &c
}
