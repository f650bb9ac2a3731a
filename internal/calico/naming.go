package calico

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
)

// DefaultTier is the tier of a policy that names none.
const DefaultTier = "default"

// MetadataAnnotation is the annotation in which Calico keeps the name that the
// user gave to a policy, from v3.29.4 on.
const MetadataAnnotation = "projectcalico.org/metadata"

// Naming is how a release stores the name and the tier of a policy (of any
// kind that belongs to a tier). Other kinds are stored under their own name in
// every release.
type Naming int

// The conventions, oldest first.
const (
	// NamingPrefixed is that of releases up to v3.28: every policy is stored as
	// default.<name>, and there are no tiers.
	NamingPrefixed Naming = iota
	// NamingTiered is that of v3.29.0 to v3.29.3: policies are stored as
	// <tier>.<name>, and Felix reads the tier from that prefix.
	NamingTiered
	// NamingAnnotated is that of v3.29.4 to v3.31: as NamingTiered, and the
	// user's spelling of the name is kept in MetadataAnnotation.
	NamingAnnotated
	// NamingPlain is that of v3.32 and later: policies are stored under the
	// user's name, and the tier is always in spec.tier and in a label.
	NamingPlain
)

// Naming returns the convention of the release.
func (r Release) Naming() Naming {
	switch {
	case r.AtLeast(3, 32, 0):
		return NamingPlain
	case r.AtLeast(3, 29, 4): // v3.30.0 has it too
		return NamingAnnotated
	case r.AtLeast(3, 29, 0):
		return NamingTiered
	default:
		return NamingPrefixed
	}
}

// String names the convention by its releases.
func (n Naming) String() string {
	switch n {
	case NamingPrefixed:
		return "up to v3.28"
	case NamingTiered:
		return "v3.29.0 to v3.29.3"
	case NamingAnnotated:
		return "v3.29.4 to v3.31"
	case NamingPlain:
		return "v3.32 and later"
	default:
		return fmt.Sprintf("Naming(%d)", int(n))
	}
}

// StoredName returns the name under which the convention stores the object: the
// last part of its key and its metadata.name.
func (n Naming) StoredName(id ID) string {
	if !id.Kind.Tiered() || IsGenerated(id) {
		return id.Name
	}
	if n == NamingPlain || TierOrDefault(id.Tier) != DefaultTier {
		// Before v3.32 a policy of another tier bears its tier's prefix already:
		// Validate has refused it otherwise.
		return id.Name
	}
	return DefaultTier + "." + shortName(id)
}

// StoredNames returns every name under which some release would have stored the
// object, each once, the given convention's own first. More than one of them
// present in a datastore means that the policy is enforced twice.
func (n Naming) StoredNames(id ID) []string {
	short := id
	short.Name = id.Short().Name
	names := []string{n.StoredName(id)}
	for other := NamingPrefixed; other <= NamingPlain; other++ {
		for _, name := range []string{other.StoredName(id), other.StoredName(short)} {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

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
		id.Name = shortName(id)
	}
	return id
}

func shortName(id ID) string {
	if TierOrDefault(id.Tier) != DefaultTier {
		return id.Name
	}
	return strings.TrimPrefix(id.Name, DefaultTier+".")
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

// userName returns the name that the user gave to a stored object.
func userName(id ID, annotations map[string]string) string {
	if text, ok := annotations[MetadataAnnotation]; ok {
		var meta struct {
			Name string `json:"name"`
		}
		// An annotation that is not ours to read says nothing about the name.
		if err := json.Unmarshal([]byte(text), &meta); err == nil && meta.Name != "" {
			return meta.Name
		}
	}
	if IsGenerated(id) {
		return id.Name
	}
	return shortName(id)
}

// tierOf returns where an object of a tiered kind keeps its tier.
func tierOf(obj Object) *string {
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
		id.Tier = *tierOf(obj)
	}
	return id
}

// applyNaming turns the user's name, tier and labels into the stored ones.
func (n Naming) applyNaming(obj Object) error {
	id := IDOf(obj)
	obj.SetName(n.StoredName(id))
	if !id.Kind.Tiered() {
		return nil
	}
	tier := tierOf(obj)
	switch n {
	case NamingPrefixed:
		// The field does not exist in these releases; their calicoctl refuses it.
		if TierOrDefault(*tier) != DefaultTier {
			return fmt.Errorf("tier %q: Calico has tiers from v3.29 on", *tier)
		}
		*tier = ""
	case NamingPlain:
		*tier = TierOrDefault(*tier)
		setLabel(obj, v3.LabelTier, *tier)
	case NamingTiered, NamingAnnotated:
		if t := TierOrDefault(*tier); t != DefaultTier {
			setLabel(obj, v3.LabelTier, t)
		}
	}
	if n >= NamingAnnotated {
		text, err := json.Marshal(map[string]string{"name": id.Name})
		if err != nil {
			return err
		}
		setAnnotation(obj, MetadataAnnotation, string(text))
	}
	return nil
}

func setLabel(obj Object, key, value string) {
	labels := copyMap(obj.GetLabels())
	labels[key] = value
	obj.SetLabels(labels)
}

func setAnnotation(obj Object, key, value string) {
	annotations := copyMap(obj.GetAnnotations())
	annotations[key] = value
	obj.SetAnnotations(annotations)
}

func copyMap(m map[string]string) map[string]string {
	c := make(map[string]string, len(m)+1)
	for k, v := range m {
		c[k] = v
	}
	return c
}

// What begins the names of the profiles that Calico makes out of Kubernetes' namespaces and
// service accounts.
const (
	NamespaceProfilePrefix      = "kns."
	serviceAccountProfilePrefix = "ksa."
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
		return strings.HasPrefix(id.Name, NamespaceProfilePrefix) || strings.HasPrefix(id.Name, serviceAccountProfilePrefix)
	case KindHostEndpoint:
		return obj.GetLabels()[CreatedByLabel] != ""
	default:
		return id.Kind.Tiered() && IsGenerated(id)
	}
}
