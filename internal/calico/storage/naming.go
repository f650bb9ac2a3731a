package storage

import (
	"encoding/json"
	"fmt"
	"slices"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

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

// NamingOf returns the convention of a release.
func NamingOf(r calico.Release) Naming {
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
func (n Naming) StoredName(id calico.ID) string {
	if !id.Kind.Tiered() || calico.IsGenerated(id) {
		return id.Name
	}
	if n == NamingPlain || calico.TierOrDefault(id.Tier) != calico.DefaultTier {
		// Before v3.32 a policy of another tier bears its tier's prefix already:
		// Validate has refused it otherwise.
		return id.Name
	}
	return calico.DefaultTier + "." + id.Short().Name
}

// StoredNames returns every name under which some release would have stored the
// object, each once, the given convention's own first. More than one of them
// present in a datastore means that the policy is enforced twice.
func (n Naming) StoredNames(id calico.ID) []string {
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

// userName returns the name that the user gave to a stored object.
func userName(id calico.ID, annotations map[string]string) string {
	if text, ok := annotations[MetadataAnnotation]; ok {
		var meta struct {
			Name string `json:"name"`
		}
		// An annotation that is not ours to read says nothing about the name.
		if err := json.Unmarshal([]byte(text), &meta); err == nil && meta.Name != "" {
			return meta.Name
		}
	}
	if calico.TierOrDefault(id.Tier) != calico.DefaultTier {
		return id.Name
	}
	return id.Short().Name
}

// applyNaming turns the user's name, tier and labels into the stored ones.
func (n Naming) applyNaming(obj calico.Object) error {
	id := calico.IDOf(obj)
	obj.SetName(n.StoredName(id))
	if !id.Kind.Tiered() {
		return nil
	}
	tier := calico.TierOf(obj)
	switch n {
	case NamingPrefixed:
		// The field does not exist in these releases; their calicoctl refuses it.
		if calico.TierOrDefault(*tier) != calico.DefaultTier {
			return fmt.Errorf("tier %q: Calico has tiers from v3.29 on", *tier)
		}
		*tier = ""
	case NamingPlain:
		*tier = calico.TierOrDefault(*tier)
		setLabel(obj, v3.LabelTier, *tier)
	case NamingTiered, NamingAnnotated:
		if t := calico.TierOrDefault(*tier); t != calico.DefaultTier {
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
