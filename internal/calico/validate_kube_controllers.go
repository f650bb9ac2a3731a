package calico

import (
	"slices"
	"time"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// kubeControllers checks what more than one field, or none of the tags, says in a
// KubeControllersConfiguration.
func (c *checker) kubeControllers(root Path, k *KubeControllersConfiguration) {
	if k.Name != DefaultName && isDNSName(k.Name) {
		c.reject(NewPath("metadata", "name"), k.Name, "There is one KubeControllersConfiguration only: write %q.", DefaultName)
	}
	node := k.Spec.Controllers.Node
	if node == nil || node.HostEndpoint == nil {
		return
	}
	field := root.Field("spec").Field("controllers").Field("node").Field("hostEndpoint").Field("templates")
	var names []string
	for i, t := range node.HostEndpoint.Templates {
		at := field.Index(i)
		switch {
		case t.GenerateName == "":
			c.reject(at.Field("generateName"), nil, "A template of host endpoints needs a name.")
		case len(t.GenerateName) > maxName:
			c.reject(at.Field("generateName"), t.GenerateName, "A name has at most %d characters, and this one %d.", maxName, len(t.GenerateName))
		case slices.Contains(names, t.GenerateName):
			c.rejectWithin(field, at.Field("generateName"), t.GenerateName, "Another template has this name: write a name of its own.")
		}
		names = append(names, t.GenerateName)
		if len(t.InterfaceCIDRs) == 0 && t.InterfacePattern == "" {
			c.reject(at, nil, "A template of host endpoints needs interfaceCIDRs or interfacePattern to find interfaces by.")
		}
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
