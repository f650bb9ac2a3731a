package calico

import (
	"maps"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// KubeControllersConfiguration is which of Calico's Kubernetes controllers run, and
// how. It is v3.KubeControllersConfiguration with a field that v3.33 writes in
// another way.
type KubeControllersConfiguration struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              KubeControllersConfigurationSpec   `json:"spec,omitempty"`
	Status            KubeControllersConfigurationStatus `json:"status,omitempty"`
}

// KubeControllersConfigurationSpec has the fields of v3.28 to v3.32.
type KubeControllersConfigurationSpec struct {
	LogSeverityScreen      string            `json:"logSeverityScreen,omitempty" validate:"omitempty,logLevel"`
	HealthChecks           string            `json:"healthChecks,omitempty" validate:"omitempty,oneof=Enabled Disabled"`
	EtcdV3CompactionPeriod *metav1.Duration  `json:"etcdV3CompactionPeriod,omitempty" validate:"omitempty"`
	PrometheusMetricsPort  *int              `json:"prometheusMetricsPort,omitempty"`
	Controllers            ControllersConfig `json:"controllers"`
	DebugProfilePort       *int32            `json:"debugProfilePort,omitempty"`
}

// ControllersConfig has an object for each controller that runs.
type ControllersConfig struct {
	v3.ControllersConfig `json:",inline"`
	// Migrators is how v3.33 writes Migration, controllers.migration.policyNameMigrator
	// for controllers.policyMigration.enabled. It is in what is stored alone: package
	// storage makes Migration of it when it decodes, and when it encodes the one that the
	// release knows.
	Migrators *Migrators `json:"migration,omitempty" spells:"policyMigration"`
}

// Migrators are the migrators that v3.33 knows.
type Migrators struct {
	PolicyNameMigrator v3.ControllerMode `json:"policyNameMigrator,omitempty"`
}

// KubeControllersConfigurationStatus is what kube-controllers reports. It is never
// written here, and never lost.
type KubeControllersConfigurationStatus struct {
	RunningConfig   *KubeControllersConfigurationSpec `json:"runningConfig,omitempty"`
	EnvironmentVars map[string]string                 `json:"environmentVars,omitempty"`
}

// NewKubeControllersConfiguration returns an empty KubeControllersConfiguration, with
// kind and apiVersion set.
func NewKubeControllersConfiguration() *KubeControllersConfiguration {
	return &KubeControllersConfiguration{TypeMeta: metav1.TypeMeta{Kind: v3.KindKubeControllersConfiguration, APIVersion: v3.GroupVersionCurrent}}
}

// DeepCopyObject returns a copy that shares nothing with k.
func (k *KubeControllersConfiguration) DeepCopyObject() runtime.Object { return k.DeepCopy() }

// DeepCopy returns a copy that shares nothing with k.
func (k *KubeControllersConfiguration) DeepCopy() *KubeControllersConfiguration {
	if k == nil {
		return nil
	}
	c := *k
	c.ObjectMeta = *k.ObjectMeta.DeepCopy()
	c.Spec = k.Spec.deepCopy()
	if k.Status.RunningConfig != nil {
		running := k.Status.RunningConfig.deepCopy()
		c.Status.RunningConfig = &running
	}
	c.Status.EnvironmentVars = maps.Clone(k.Status.EnvironmentVars)
	return &c
}

func (s *KubeControllersConfigurationSpec) deepCopy() KubeControllersConfigurationSpec {
	c := *s
	c.EtcdV3CompactionPeriod = copyOf(s.EtcdV3CompactionPeriod)
	c.PrometheusMetricsPort = copyOf(s.PrometheusMetricsPort)
	c.DebugProfilePort = copyOf(s.DebugProfilePort)
	c.Controllers.ControllersConfig = *s.Controllers.DeepCopy()
	c.Controllers.Migrators = copyOf(s.Controllers.Migrators)
	return c
}
