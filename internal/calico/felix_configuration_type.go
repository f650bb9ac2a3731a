package calico

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// FelixConfiguration is the settings of Felix, for all nodes, for one, or from
// v3.32 on for those that a selector chooses. It is v3.FelixConfiguration with the
// fields of v3.32 that the API module does not have.
type FelixConfiguration struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              FelixConfigurationSpec `json:"spec,omitempty"`
}

// FelixConfigurationSpec has a field for each parameter of Felix. What is said of
// the fields here is from v3.32.1: api/pkg/apis/projectcalico/v3/felixconfig.go.
type FelixConfigurationSpec struct {
	// NodeSelector chooses the nodes by their labels. Calico refuses it in the
	// objects for all nodes and for one. It does not look whether it can be read:
	// Felix passes over an object with one that it cannot read.
	NodeSelector *string `json:"nodeSelector,omitempty" validate:"omitempty,selector"`

	v3.FelixConfigurationSpec `json:",inline"`

	IstioAmbientMode *string `json:"istioAmbientMode,omitempty" validate:"omitempty,oneof=Enabled Disabled"`
	// IstioDSCPMark is not checked by Calico's client. Felix takes its default for a
	// value that it cannot read.
	IstioDSCPMark                     *numorstring.DSCP `json:"istioDSCPMark,omitempty"`
	IPv4NormalRoutePriority           *int              `json:"ipv4NormalRoutePriority,omitempty" validate:"omitempty,gte=1,lte=2147483646"`
	IPv4ElevatedRoutePriority         *int              `json:"ipv4ElevatedRoutePriority,omitempty" validate:"omitempty,gte=1,lte=2147483646"`
	IPv6NormalRoutePriority           *int              `json:"ipv6NormalRoutePriority,omitempty" validate:"omitempty,gte=1,lte=2147483646"`
	IPv6ElevatedRoutePriority         *int              `json:"ipv6ElevatedRoutePriority,omitempty" validate:"omitempty,gte=1,lte=2147483646"`
	LiveMigrationRouteConvergenceTime *metav1.Duration  `json:"liveMigrationRouteConvergenceTime,omitempty"`
}

// felixFieldsAfter are the fields of v3.32 that come after another one, where Calico
// writes them. All others come in the order of the API module.
var felixFieldsAfter = map[string][]string{
	"bpfExportBufferSizeMB": {"istioAmbientMode", "istioDSCPMark"},
	"routeSyncDisabled": {
		"ipv4NormalRoutePriority", "ipv4ElevatedRoutePriority", "ipv6NormalRoutePriority", "ipv6ElevatedRoutePriority",
		"liveMigrationRouteConvergenceTime",
	},
}

// felixFieldOrder has the position of each field in what Calico stores.
var felixFieldOrder = func() map[string]int {
	positions := map[string]int{"nodeSelector": 0}
	typ := reflect.TypeFor[v3.FelixConfigurationSpec]()
	for i := range typ.NumField() {
		name := JSONName(typ.Field(i))
		positions[name] = len(positions)
		for _, newer := range felixFieldsAfter[name] {
			positions[newer] = len(positions)
		}
	}
	return positions
}()

// MarshalJSON writes the fields in the order of v3.32.1. That of the struct is another
// one, as the fields of the API module are together in it.
func (s FelixConfigurationSpec) MarshalJSON() ([]byte, error) {
	type plain FelixConfigurationSpec // without this method
	text, err := JSON.Marshal(plain(s))
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, err
	}
	names := slices.SortedFunc(maps.Keys(fields), func(a, b string) int { return felixFieldOrder[a] - felixFieldOrder[b] })
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Quote(name) + ":")
		b.Write(fields[name])
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// NewFelixConfiguration returns an empty FelixConfiguration, with kind and apiVersion set.
func NewFelixConfiguration() *FelixConfiguration {
	return &FelixConfiguration{TypeMeta: metav1.TypeMeta{Kind: v3.KindFelixConfiguration, APIVersion: v3.GroupVersionCurrent}}
}

// DeepCopyObject returns a copy that shares nothing with f.
func (f *FelixConfiguration) DeepCopyObject() runtime.Object { return f.DeepCopy() }

// DeepCopy returns a copy that shares nothing with f.
func (f *FelixConfiguration) DeepCopy() *FelixConfiguration {
	if f == nil {
		return nil
	}
	c := *f
	c.ObjectMeta = *f.ObjectMeta.DeepCopy()
	c.Spec.FelixConfigurationSpec = *f.Spec.DeepCopy()
	for _, p := range []**int{
		&c.Spec.IPv4NormalRoutePriority, &c.Spec.IPv4ElevatedRoutePriority,
		&c.Spec.IPv6NormalRoutePriority, &c.Spec.IPv6ElevatedRoutePriority,
	} {
		*p = copyOf(*p)
	}
	c.Spec.NodeSelector = copyOf(f.Spec.NodeSelector)
	c.Spec.IstioAmbientMode = copyOf(f.Spec.IstioAmbientMode)
	c.Spec.IstioDSCPMark = copyOf(f.Spec.IstioDSCPMark)
	c.Spec.LiveMigrationRouteConvergenceTime = copyOf(f.Spec.LiveMigrationRouteConvergenceTime)
	return &c
}

// copyOf returns a pointer to a copy of what p points to, nil for nil.
func copyOf[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}
