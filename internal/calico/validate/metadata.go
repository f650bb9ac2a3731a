package validate

import (
	"maps"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
)

const (
	// maxName is the limit on names in every kind and release but tiers, in bytes.
	maxName = 253
	// maxLabelName is the limit on the value of a label, and on its key without
	// the prefix, in bytes.
	maxLabelName = 63
	// maxAnnotations is the limit on all keys and values of the annotations of an
	// object, or of a rule, together.
	maxAnnotations = 256 << 10
)

// metadata checks the metadata of a kind that belongs to no tier.
func (c *checker) metadata(obj calico.Object) {
	meta := calico.NewPath("metadata")
	c.objectName(meta.Field("name"), obj.GetName())
	c.namespace(meta.Field("namespace"), obj)
	c.labels(meta.Field("labels"), obj.GetLabels())
	c.annotations(meta.Field("annotations"), obj.GetAnnotations())
}

// policyMetadata checks the metadata of a policy.
func (c *checker) policyMetadata(obj calico.Object, p calico.Policy) {
	meta := calico.NewPath("metadata")
	c.policyName(meta.Field("name"), obj.GetName(), p)
	c.namespace(meta.Field("namespace"), obj)
	labels := obj.GetLabels()
	if _, ok := labels[v3.LabelTier]; ok && storage.NamingOf(c.release) == storage.NamingPlain {
		// The client overwrites this label before it checks the object.
		labels = maps.Clone(labels)
		delete(labels, v3.LabelTier)
	}
	c.labels(meta.Field("labels"), labels)
	c.annotations(meta.Field("annotations"), obj.GetAnnotations())
}

// objectName checks the name of every kind that has no stricter rule.
func (c *checker) objectName(field calico.Path, name string) {
	switch {
	case name == "":
		c.reject(field, nil, "The object needs a name.")
	case !isDNSName(name):
		c.dnsName(field, "A name", name)
	}
	c.nameLength(field, name)
}

// namespace checks that an object of a kind that belongs to a namespace names
// one, and one of another kind none: calicoctl refuses that.
//
// calicoctl takes "default" where there is none. Any text will do, but for a '/':
// Calico stores an object with that, and then does not find it any more.
func (c *checker) namespace(field calico.Path, obj calico.Object) {
	namespace := obj.GetNamespace()
	switch obj.(type) {
	case *v3.NetworkPolicy, *v3.StagedNetworkPolicy, *v3.NetworkSet:
		switch {
		case namespace == "":
			c.reject(field, nil, "Objects of this kind belong to a namespace: write its name, or \"default\", which is what calicoctl takes.")
		case strings.Contains(namespace, "/"):
			c.reject(field, namespace, "Calico does not find objects again whose namespace has a '/' in its name: write one without.")
		}
	default:
		if namespace != "" {
			c.reject(field, namespace, "Objects of this kind belong to no namespace: leave namespace out.")
		}
	}
}

func (c *checker) nameLength(field calico.Path, name string) {
	if len(name) > maxName {
		c.reject(field, name, "A name has at most %d characters, and this one %d.", maxName, len(name))
	}
}

// policyName checks the name of a policy, of which each release allows other
// forms: up to v3.28 a name without dots; from v3.29 on one with at most one
// dot, and up to v3.31 what is before that dot must be the policy's tier, which
// may be left out for the tier "default". In a namespace all of them allow the
// names of the policies that Calico makes of others, of which calicoctl refuses
// those that Kubernetes owns.
func (c *checker) policyName(field calico.Path, name string, p calico.Policy) {
	naming := storage.NamingOf(c.release)
	namespaced := p.Global == nil
	wellFormed := func(name string) bool {
		dots := strings.Count(name, ".")
		return isDNSName(name) && (dots == 0 || dots == 1 && naming != storage.NamingPrefixed || dots > 1 && namespaced && calico.HasGeneratedForm(name))
	}
	switch {
	case name == "":
		c.reject(field, nil, "The policy needs a name.")
	case namespaced && strings.HasPrefix(name, calico.KubernetesPolicyPrefix) && (p.StagedAction == nil || naming != storage.NamingPlain):
		c.reject(field, name, "Names that begin with %q belong to the policies that Calico makes of those of Kubernetes: write another name, or the policy in Kubernetes.", calico.KubernetesPolicyPrefix)
	case wellFormed(name):
		if naming == storage.NamingTiered || naming == storage.NamingAnnotated {
			c.policyTierPrefix(field, name, calico.TierOrDefault(*p.Tier))
		}
	default:
		form := "one word"
		if naming != storage.NamingPrefixed {
			form = "one word, or two with a dot between them,"
		}
		plain := asDNSName(name)
		c.reject(field, name, "In Calico %s the name of a policy is %s of lower-case letters, digits and '-' that begins and ends with a letter or a digit%s",
			c.release, form, instead(wellFormed, plain, strings.ReplaceAll(plain, ".", "-")))
	}
	c.nameLength(field, name)
}

// policyTierPrefix checks that a policy's name bears the name of its tier, as
// v3.29 to v3.31 want it (libcalico-go/lib/names). Felix of these releases reads
// the tier from there.
func (c *checker) policyTierPrefix(field calico.Path, name, tier string) {
	prefix, short, dotted := strings.Cut(name, ".")
	switch {
	case dotted && prefix == tier, !dotted && tier == calico.DefaultTier:
		return
	case dotted && prefix == "ossg":
		// The prefix of policies made from OpenStack's security groups is taken as
		// it is, in any tier.
		return
	case tier == calico.DefaultTier:
		c.rejectWithin(calico.Path{}, field, name, "In Calico %s what is before the dot in a policy's name is its tier: write %q for the tier \"default\", or set tier to %q.",
			c.release, short, prefix)
		return
	case !dotted:
		short = name
	}
	c.rejectWithin(calico.Path{}, field, name, "In Calico %s the name of a policy begins with its tier and a dot%s",
		c.release, instead(isDNSName, tier+"."+short))
}

// labels checks the labels of every kind and release.
func (c *checker) labels(field calico.Path, labels map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		if reason := labelKeyFault(key); reason != "" {
			c.reject(field.Key(key), key, "The key of a label %s.", reason)
		}
		switch value := labels[key]; {
		case len(value) > maxLabelName:
			c.reject(field.Key(key), value, "The value of a label has at most %d characters, and this one %d.", maxLabelName, len(value))
		case value != "" && !isLabelText(value):
			c.reject(field.Key(key), value, "The value of a label is empty, or %s.", labelText)
		}
	}
}

// annotations checks the annotations of an object or of a rule.
func (c *checker) annotations(field calico.Path, annotations map[string]string) {
	size := 0
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		// Calico minds case in the keys of labels, but not in those of annotations.
		if reason := labelKeyFault(strings.ToLower(key)); reason != "" {
			c.reject(field.Key(key), key, "The key of an annotation %s.", reason)
		}
		size += len(key) + len(annotations[key])
	}
	if size > maxAnnotations {
		c.reject(field, nil, "The keys and values of all annotations together have at most %d bytes: these have %d, %d too many.",
			maxAnnotations, size, size-maxAnnotations)
	}
}

// labelText describes what isLabelText accepts.
const labelText = "has only letters, digits, '-', '_' and '.', and begins and ends with a letter or a digit"

// isLabelText tells whether s is what Kubernetes wants of a label's value, and of
// its key without the prefix.
func isLabelText(s string) bool {
	for i := range len(s) {
		switch b := s[i]; {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9':
		case (b == '-' || b == '_' || b == '.') && i > 0 && i < len(s)-1:
		default:
			return false
		}
	}
	return s != ""
}

// labelKeyFault tells, as the end of a sentence, what is wrong with the key of a
// label, or returns "". A key is a name, or a DNS name, '/' and a name.
func labelKeyFault(key string) string {
	prefix, name, prefixed := strings.Cut(key, "/")
	if !prefixed {
		prefix, name = "", key
	}
	switch {
	case strings.Contains(name, "/"):
		return `has at most one '/', as in "example.com/role"`
	case prefixed && !isDNSName(prefix):
		return `has a DNS name in lower case before its '/', as in "example.com/role"`
	case len(prefix) > maxName:
		return "has at most 253 characters before its '/'"
	case len(name) > maxLabelName:
		return "has at most 63 characters, without the prefix that ends in '/'"
	case !isLabelText(name):
		return labelText
	}
	return ""
}
