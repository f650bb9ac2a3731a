package calico

import (
	"fmt"
	"strings"
)

// DefaultTier is the tier of a policy that names none.
const DefaultTier = "default"

// Short returns the ID with its name in the shortest spelling that means the
// same object: "failsafe" for "default.failsafe" in the tier "default". Two IDs
// name the same object if and only if their Short forms are equal.
func (id ID) Short() ID {
	id.Tier = ""
	if !id.Kind.Tiered() {
		return id
	}
	// A policy's name is unique in its kind and namespace whatever its tier, in
	// every convention, so the tier is no part of what tells two of them apart.
	if !IsGenerated(id) {
		id.Name = strings.TrimPrefix(id.Name, DefaultTier+".")
	}
	return id
}

// What begins the names of policies that Calico makes out of Kubernetes ones, in
// a namespace, and out of OpenStack's security groups. No release adds a prefix to them.
const (
	KubernetesPolicyPrefix = "knp.default."
	OpenStackPolicyPrefix  = "ossg."
)

// IsGenerated tells whether a policy's name is one of those that Calico makes out of
// Kubernetes and OpenStack ones: in a namespace both, elsewhere those of OpenStack.
func IsGenerated(id ID) bool {
	return id.Namespace != "" && strings.HasPrefix(id.Name, KubernetesPolicyPrefix) || strings.HasPrefix(id.Name, OpenStackPolicyPrefix)
}

// HasGeneratedForm tells whether a name is of the form that Calico gives the policies
// which it makes of those of Kubernetes and of OpenStack's security groups, with the tier
// that they are in.
func HasGeneratedForm(name string) bool {
	return strings.HasPrefix(name, KubernetesPolicyPrefix) || strings.HasPrefix(name, OpenStackPolicyPrefix+DefaultTier+".")
}

// TierOrDefault returns the tier that a policy is in by its spec.tier.
func TierOrDefault(tier string) string {
	if tier == "" {
		return DefaultTier
	}
	return tier
}

// TierOf returns where an object of a tiered kind keeps its tier. It panics for other kinds:
// that is a programming error, never bad input.
func TierOf(obj Object) *string {
	p, ok := PolicyOf(obj)
	if !ok {
		panic(fmt.Sprintf("calico: %T is marked as tiered but has no tier here", obj))
	}
	return p.Tier
}

// IDOf returns the ID by which a user knows the object.
func IDOf(obj Object) ID {
	id := ID{Kind: KindOf(obj), Namespace: obj.GetNamespace(), Name: obj.GetName()}
	if id.Kind.Tiered() {
		id.Tier = *TierOf(obj)
	}
	return id
}

// What begins the names of the profiles that Calico makes out of Kubernetes' namespaces and
// service accounts.
const (
	NamespaceProfilePrefix      = "kns."
	ServiceAccountProfilePrefix = "ksa."
)

// CreatedByLabel is on the host endpoints that kube-controllers makes for the nodes of a
// cluster. It changes and deletes those that have it, whoever made them.
const CreatedByLabel = "projectcalico.org/created-by"

// MadeByCalico tells whether Calico makes the object itself and, if it is deleted,
// makes it anew: no administrator's configuration is expected to have it.
func MadeByCalico(obj Object, r Release) bool {
	id := IDOf(obj)
	switch id.Kind {
	case KindTier:
		return BuiltInTier(id.Name, r)
	case KindFelixConfiguration:
		return id.Name == "default"
	case KindProfile:
		return strings.HasPrefix(id.Name, NamespaceProfilePrefix) || strings.HasPrefix(id.Name, ServiceAccountProfilePrefix)
	case KindHostEndpoint:
		return obj.GetLabels()[CreatedByLabel] != ""
	default:
		return id.Kind.Tiered() && IsGenerated(id)
	}
}
