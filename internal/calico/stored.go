package calico

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	jsoniter "github.com/json-iterator/go"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// lastAppliedAnnotation is kubectl's own copy of a manifest.
const lastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration"

// calicoJSON encodes as Calico does up to v3.32 (libcalico-go/lib/json), with
// the same library and settings, so that the stored bytes are the same: among
// others it knows no omitzero and writes "source":{} in every rule.
var calicoJSON = jsoniter.ConfigCompatibleWithStandardLibrary

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
func Encode(obj Object, base []byte, r Release, fresh Fresh) (name string, value []byte, err error) {
	out := deepCopy(obj)
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
	if err := r.Naming().applyNaming(out); err != nil {
		return "", nil, err
	}
	if k, ok := out.(*KubeControllersConfiguration); ok {
		// Up to v3.31 this part of the status is always written, if as empty as can be.
		if k.Status.RunningConfig == nil && !r.AtLeast(3, 32, 0) {
			k.Status.RunningConfig = &KubeControllersConfigurationSpec{}
		}
		k.Spec.Controllers.writeMigration(r)
	}
	if order := orderOf(out); order != nil && *order != nil && **order == 0 && r.AtLeast(3, 32, 0) {
		// An order of -0 comes out as 0 where Calico applies its schemas.
		**order = 0
	}
	value, err = calicoJSON.Marshal(out)
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

// keepMetadata carries over what obj's author does not decide.
func keepMetadata(obj Object, base []byte) error {
	old := KindOf(obj).New()
	if err := calicoJSON.Unmarshal(base, old); err != nil {
		return err
	}
	obj.SetUID(old.GetUID())
	obj.SetCreationTimestamp(old.GetCreationTimestamp())
	obj.SetGenerateName(old.GetGenerateName())
	obj.SetGeneration(old.GetGeneration())
	obj.SetDeletionTimestamp(old.GetDeletionTimestamp())
	obj.SetDeletionGracePeriodSeconds(old.GetDeletionGracePeriodSeconds())
	obj.SetFinalizers(old.GetFinalizers())
	obj.SetOwnerReferences(old.GetOwnerReferences())
	obj.SetManagedFields(old.GetManagedFields())
	if v, ok := old.GetAnnotations()[lastAppliedAnnotation]; ok {
		setAnnotation(obj, lastAppliedAnnotation, v)
	}
	// What Calico reports of an object is no author's either.
	if status := reflect.ValueOf(obj).Elem().FieldByName("Status"); status.IsValid() {
		status.Set(reflect.ValueOf(old).Elem().FieldByName("Status"))
	}
	return nil
}

// Decode reads a stored value of the kind that was found under a name (the part
// of its key that follows the kind: "default.p", or "namespace/default.p"), and
// takes away what the release added for itself: the object has the user's name,
// and no tier label or annotation that Calico keeps for its own use.
//
// It answers an error where the value is not JSON, not of the kind, or says
// that it is another object than the one that its key names.
func Decode(kind Kind, storedName string, value []byte) (Object, error) {
	var envelope struct {
		Kind       string `json:"kind"`
		APIVersion string `json:"apiVersion"`
		Metadata   struct {
			Name      string `json:"name"`
			Namespace string `json:"namespace"`
		} `json:"metadata"`
	}
	if err := calicoJSON.Unmarshal(value, &envelope); err != nil {
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
	if err := calicoJSON.Unmarshal(value, obj); err != nil {
		return nil, fmt.Errorf("it is not a valid %s: %w", kind, misfit(value, obj, false))
	}
	// Calico's types for protocols and ports accept any text when decoding, so a
	// faulty value can get here; it is for Validate to find it.
	if k, ok := obj.(*KubeControllersConfiguration); ok {
		k.Spec.Controllers.readMigration()
	}
	if kind.Tiered() {
		obj.SetName(userName(IDOf(obj), obj.GetAnnotations()))
		labels := copyMap(obj.GetLabels())
		if labels[v3.LabelTier] == TierOrDefault(*tierOf(obj)) {
			delete(labels, v3.LabelTier)
		}
		obj.SetLabels(nilIfEmpty(labels))
		OmitDefaultTier(obj)
	}
	annotations := copyMap(obj.GetAnnotations())
	for key := range annotations {
		if MachineAnnotation(key) {
			delete(annotations, key)
		}
	}
	obj.SetAnnotations(nilIfEmpty(annotations))
	return obj, nil
}

// OmitDefaultTier takes the tier "default" out of a policy: releases differ in
// whether they write it down.
func OmitDefaultTier(obj Object) {
	if tier := tierOf(obj); *tier == DefaultTier {
		*tier = ""
	}
}

// MachineAnnotation tells the annotations that Calico's and Kubernetes' own
// tools keep for themselves. They are neither shown to users nor lost.
func MachineAnnotation(key string) bool {
	return key == MetadataAnnotation || key == lastAppliedAnnotation
}

// ToolLabel tells the labels that tools which bring objects into a cluster put on them for
// themselves (Helm, Argo CD, Flux, Kustomize, the operator). On an object that Terraform
// manages they are Terraform's only if its configuration names them.
func ToolLabel(key string) bool {
	switch key {
	case "app.kubernetes.io/managed-by", "app.kubernetes.io/instance", "helm.sh/chart":
		return true
	}
	return toolDomain(key)
}

// ToolAnnotation tells the annotations that such tools keep for themselves.
func ToolAnnotation(key string) bool {
	domain, _, _ := strings.Cut(key, "/")
	return domain == "meta.helm.sh" || domain == "helm.sh" || toolDomain(key)
}

func toolDomain(key string) bool {
	domain, _, _ := strings.Cut(key, "/")
	switch domain {
	case "argocd.argoproj.io", "kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io", "fluxcd.io", "kustomize.config.k8s.io", "config.kubernetes.io", "operator.tigera.io":
		return true
	}
	return false
}

// MachineLabel tells the labels that Calico itself puts on objects of the kind.
func MachineLabel(kind Kind, key string) bool {
	return kind.Tiered() && key == v3.LabelTier
}

func nilIfEmpty(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	return m
}

func deepCopy(obj Object) Object {
	c, ok := obj.DeepCopyObject().(Object)
	if !ok {
		panic(fmt.Sprintf("calico: the copy of a %T is no Object", obj))
	}
	return c
}
