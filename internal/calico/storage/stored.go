package storage

import (
	"fmt"
	"strings"
	"time"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// Fresh is what an object gets once in its life, on its creation.
type Fresh struct {
	UID     string
	Created time.Time
}

// Encode returns the name under which a release stores the object, and the
// stored value.
//
// base is the stored value that is to be replaced, nil for a new object. What it
// holds beyond obj's type is kept; so are its uid, its creation time, the
// metadata that users do not write (owner references, finalizers) and the
// annotations of other machinery (MachineAnnotation). fresh is used where base
// lacks a uid or a creation time: Calico's tools can never again update an
// object without one.
func Encode(obj calico.Object, base []byte, r calico.Release, fresh Fresh) (name string, value []byte, err error) {
	out := calico.DeepCopy(obj)
	if base != nil {
		if err := keepMetadata(out, base); err != nil {
			return "", nil, err
		}
	}
	// Neither is ever stored (libcalico-go/lib/clientv3/resources.go).
	out.SetResourceVersion("")
	out.SetSelfLink("")
	if out.GetUID() == "" {
		out.SetUID(types.UID(fresh.UID))
	}
	if t := out.GetCreationTimestamp(); t.IsZero() {
		out.SetCreationTimestamp(metav1.NewTime(fresh.Created.UTC().Truncate(time.Second)))
	}
	if err := NamingOf(r).applyNaming(out); err != nil {
		return "", nil, err
	}
	if k, ok := out.(*calico.KubeControllersConfiguration); ok {
		// Up to v3.31 this part of the status is always written, if as empty as can be.
		if k.Status.RunningConfig == nil && !r.AtLeast(3, 32, 0) {
			k.Status.RunningConfig = &calico.KubeControllersConfigurationSpec{}
		}
		writeMigration(&k.Spec.Controllers, r)
	}
	if order := calico.OrderOf(out); order != nil && *order != nil && **order == 0 && r.AtLeast(3, 32, 0) {
		// An order of -0 comes out as 0 where Calico applies its schemas.
		**order = 0
	}
	value, err = calico.JSON.Marshal(out)
	if err != nil {
		return "", nil, err
	}
	if base != nil {
		value, err = keepUnknown(out, value, base)
		if err != nil {
			return "", nil, err
		}
	}
	if _, ok := obj.(*v3.Tier); ok && r.AtLeast(3, 32, 0) {
		if value, err = withStatus(value); err != nil {
			return "", nil, err
		}
	}
	return out.GetName(), value, nil
}

// withStatus adds the empty status that Calico stores of a tier, from v3.32 on,
// where there is none yet. The API's type has no such field.
func withStatus(value []byte) ([]byte, error) {
	n, err := parseNode(value)
	if err != nil || n.fields["status"] != nil {
		return value, err
	}
	return append(value[:len(value)-1], `,"status":{}}`...), nil
}

// Decode reads a stored value of the kind that was found under a name (the part
// of its key that follows the kind: "default.p", or "namespace/default.p"), and
// takes away what the release added for itself: the object has the user's name,
// and no tier label or annotation that Calico keeps for its own use.
//
// It answers an error where the value is not JSON, not of the kind, or says
// that it is another object than the one that its key names.
func Decode(kind calico.Kind, storedName string, value []byte) (calico.Object, error) {
	var envelope struct {
		Kind       string `json:"kind"`
		APIVersion string `json:"apiVersion"`
		Metadata   struct {
			Name      string `json:"name"`
			Namespace string `json:"namespace"`
		} `json:"metadata"`
	}
	if err := calico.JSON.Unmarshal(value, &envelope); err != nil {
		return nil, misfit(value, &envelope, false)
	}
	if envelope.Kind != string(kind) || envelope.APIVersion != v3.GroupVersionCurrent {
		return nil, fmt.Errorf("it is of kind %q, apiVersion %q, where %q, %q belongs",
			envelope.Kind, envelope.APIVersion, kind, v3.GroupVersionCurrent)
	}
	if kind.Namespaced() {
		// A namespace is free text to Calico in etcd, and may hold a slash itself.
		namespace := ""
		if i := strings.LastIndexByte(storedName, '/'); i >= 0 {
			namespace, storedName = storedName[:i], storedName[i+1:]
		}
		if envelope.Metadata.Namespace != namespace {
			return nil, fmt.Errorf("its metadata.namespace is %q, where its key says %q", envelope.Metadata.Namespace, namespace)
		}
	}
	if envelope.Metadata.Name != storedName {
		return nil, fmt.Errorf("its metadata.name is %q, where its key says %q", envelope.Metadata.Name, storedName)
	}
	obj := kind.New()
	if err := calico.JSON.Unmarshal(value, obj); err != nil {
		return nil, fmt.Errorf("it is not a valid %s: %w", kind, misfit(value, obj, false))
	}
	// Calico's types for protocols and ports accept any text when decoding, so a
	// faulty value can get here; it is for Validate to find it.
	if k, ok := obj.(*calico.KubeControllersConfiguration); ok {
		readMigration(&k.Spec.Controllers)
	}
	if kind.Tiered() {
		obj.SetName(userName(calico.IDOf(obj), obj.GetAnnotations()))
		tier := calico.TierOrDefault(*calico.TierOf(obj))
		obj.SetLabels(without(obj.GetLabels(), func(key, value string) bool { return key == v3.LabelTier && value == tier }))
		OmitDefaultTier(obj)
	}
	obj.SetAnnotations(without(obj.GetAnnotations(), func(key, _ string) bool { return MachineAnnotation(key) }))
	return obj, nil
}

// OmitDefaultTier takes the tier "default" out of a policy: releases differ in
// whether they write it down.
func OmitDefaultTier(obj calico.Object) {
	if tier := calico.TierOf(obj); *tier == calico.DefaultTier {
		*tier = ""
	}
}

// readMigration makes what v3.33 writes what v3.32 does. If there are both, what
// v3.33 writes is the newer.
func readMigration(c *calico.ControllersConfig) {
	if c.Migrators != nil {
		c.Migration = &v3.MigrationControllerConfig{PolicyNameMigrator: c.Migrators.PolicyNameMigrator}
		c.Migrators = nil
	}
}

// writeMigration is the way back, for a release that wants it.
func writeMigration(c *calico.ControllersConfig, r calico.Release) {
	if c.Migration != nil && r.AtLeast(3, 33, 0) {
		c.Migrators = &calico.Migrators{PolicyNameMigrator: c.Migration.PolicyNameMigrator}
		c.Migration = nil
	}
}
