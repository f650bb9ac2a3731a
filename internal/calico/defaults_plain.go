package calico

import (
	"net"
	"time"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
)

// DefaultName is the name of the object that is for all nodes, in the kinds that
// configure Calico's own parts.
const DefaultName = "default"

// BlockSizes are the limits of a pool's blockSize, and what Calico fills in.
func BlockSizes(version int) (low, high, normal int) {
	if version == 4 {
		return 20, 32, 26
	}
	return 116, 128, 122
}

// AllSelector selects everything; Calico's client compares with this very text.
const AllSelector = "all()"

// defaultIPPool fills in what Calico's client does. It spells the network as
// Calico stores it, unless there is something wrong with it.
func defaultIPPool(s *v3.IPPoolSpec, r Release) {
	fillIPPool(s)
	if r.AtLeast(3, 30, 0) {
		fillAssignmentMode(s)
	}
	if s.IPIPMode == "" {
		s.IPIPMode = v3.IPIPModeNever
	}
	if s.VXLANMode == "" {
		s.VXLANMode = v3.VXLANModeNever
	}
	ip, network, err := net.ParseCIDR(s.CIDR)
	if err != nil {
		return
	}
	if ones, _ := network.Mask.Size(); ip.Equal(network.IP) && (s.Disabled || ones <= s.BlockSize) {
		s.CIDR = network.String()
	}
}

// fillIPPool fills in what a pool means without it, in all releases.
func fillIPPool(s *v3.IPPoolSpec) {
	if s.NodeSelector == "" {
		s.NodeSelector = AllSelector
	}
	if len(s.AllowedUses) == 0 {
		s.AllowedUses = []v3.IPPoolAllowedUse{v3.IPPoolAllowedUseWorkload, v3.IPPoolAllowedUseTunnel}
	}
	if ip, _, err := net.ParseCIDR(s.CIDR); err == nil && s.BlockSize == 0 {
		_, _, s.BlockSize = BlockSizes(address.Family(ip.String()))
	}
}

// fillAssignmentMode fills in how addresses were assigned before there was a choice.
func fillAssignmentMode(s *v3.IPPoolSpec) {
	if s.AssignmentMode == nil {
		mode := v3.Automatic
		s.AssignmentMode = &mode
	}
}

// The values that Calico's client fills in.
const (
	defaultMetricsPort     = 9094
	defaultLeakGracePeriod = 15 * time.Minute
)

// defaultKubeControllers fills in what Calico's client does, and from v3.32 on its
// schema.
func defaultKubeControllers(s *KubeControllersConfigurationSpec, r Release) {
	if s.PrometheusMetricsPort == nil {
		port := defaultMetricsPort
		s.PrometheusMetricsPort = &port
	}
	if node := s.Controllers.Node; node != nil && node.LeakGracePeriod == nil {
		node.LeakGracePeriod = &metav1.Duration{Duration: defaultLeakGracePeriod}
	}
	if b := s.Controllers.LoadBalancer; b != nil && b.AssignIPs == "" {
		b.AssignIPs = v3.AllServices
	}
	if r.AtLeast(3, 32, 0) {
		fillKubeControllers(s)
	}
}

// fillKubeControllers fills in what a configuration means without it, in all
// releases, and what v3.32 writes down.
func fillKubeControllers(s *KubeControllersConfigurationSpec) {
	if s.HealthChecks == "" {
		s.HealthChecks = string(v3.ControllerEnabled)
	}
	if m := s.Controllers.Migration; m != nil && m.PolicyNameMigrator == "" {
		m.PolicyNameMigrator = v3.ControllerEnabled
	}
}

// fillBGPConfiguration fills in what a configuration means without it, in all
// releases, and what the schema of v3.32 writes down. That of a single node has the
// severity of the one for all nodes if it says none: there it is not the same as Info.
func fillBGPConfiguration(b *BGPConfiguration) {
	if b.Spec.LogSeverityScreen == "" && b.Name == DefaultName {
		b.Spec.LogSeverityScreen = "Info"
	}
	if b.Spec.ServiceLoadBalancerAggregation == nil {
		aggregation := v3.ServiceLoadBalancerAggregationEnabled
		b.Spec.ServiceLoadBalancerAggregation = &aggregation
	}
}
