package calico

import (
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// BGPConfiguration is how Calico's nodes speak BGP. It is v3.BGPConfiguration with
// the fields of v3.32 that the API module does not have.
type BGPConfiguration struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              BGPConfigurationSpec `json:"spec,omitempty"`
}

// BGPConfigurationSpec has the fields of v3.32.1, in its order:
// api/pkg/apis/projectcalico/v3/bgpconfig.go.
type BGPConfigurationSpec struct {
	v3.BGPConfigurationSpec `json:",inline"`

	ProgramClusterRoutes    *string `json:"programClusterRoutes,omitempty" validate:"omitempty,oneof=Enabled Disabled"`
	IPv4NormalRoutePriority *int    `json:"ipv4NormalRoutePriority,omitempty" validate:"omitempty,gte=1,lte=2147483646"`
	IPv6NormalRoutePriority *int    `json:"ipv6NormalRoutePriority,omitempty" validate:"omitempty,gte=1,lte=2147483646"`
}

// NewBGPConfiguration returns an empty BGPConfiguration, with kind and apiVersion set.
func NewBGPConfiguration() *BGPConfiguration {
	return &BGPConfiguration{TypeMeta: metav1.TypeMeta{Kind: v3.KindBGPConfiguration, APIVersion: v3.GroupVersionCurrent}}
}

// DeepCopyObject returns a copy that shares nothing with b.
func (b *BGPConfiguration) DeepCopyObject() runtime.Object { return b.DeepCopy() }

// DeepCopy returns a copy that shares nothing with b.
func (b *BGPConfiguration) DeepCopy() *BGPConfiguration {
	if b == nil {
		return nil
	}
	c := *b
	c.ObjectMeta = *b.ObjectMeta.DeepCopy()
	c.Spec.BGPConfigurationSpec = *b.Spec.DeepCopy()
	c.Spec.ProgramClusterRoutes = copyOf(b.Spec.ProgramClusterRoutes)
	c.Spec.IPv4NormalRoutePriority = copyOf(b.Spec.IPv4NormalRoutePriority)
	c.Spec.IPv6NormalRoutePriority = copyOf(b.Spec.IPv6NormalRoutePriority)
	return &c
}
