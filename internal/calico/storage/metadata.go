package storage

import (
	"maps"
	"reflect"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// MetadataAnnotation is the annotation in which Calico keeps the name that the
// user gave to a policy, from v3.29.4 on.
const MetadataAnnotation = "projectcalico.org/metadata"

// lastAppliedAnnotation is kubectl's own copy of a manifest.
const lastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration"

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
func MachineLabel(kind calico.Kind, key string) bool {
	return kind.Tiered() && key == v3.LabelTier
}

// keepMetadata carries over what obj's author does not decide.
func keepMetadata(obj calico.Object, base []byte) error {
	old := calico.KindOf(obj).New()
	if err := calico.JSON.Unmarshal(base, old); err != nil {
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

func setLabel(obj calico.Object, key, value string) {
	labels := copyMap(obj.GetLabels())
	labels[key] = value
	obj.SetLabels(labels)
}

func setAnnotation(obj calico.Object, key, value string) {
	annotations := copyMap(obj.GetAnnotations())
	annotations[key] = value
	obj.SetAnnotations(annotations)
}

func copyMap(m map[string]string) map[string]string {
	c := make(map[string]string, len(m)+1)
	maps.Copy(c, m)
	return c
}

// without returns the entries that are not dropped, nil for none.
func without(m map[string]string, drop func(key, value string) bool) map[string]string {
	left := copyMap(m)
	maps.DeleteFunc(left, drop)
	if len(left) == 0 {
		return nil
	}
	return left
}
