package storage

import (
	"fmt"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// Evidence is what a datastore holds that tells which release of Calico it
// belongs to. There is no field that always does: calicoVersion is absent where
// only calicoctl, or this provider, has ever written to the datastore.
type Evidence struct {
	// CalicoVersion is that of ClusterInformation "default": the release of the
	// calico-node that was started last.
	CalicoVersion string
	// Initialised is true if there is a ClusterInformation "default". What makes it in
	// v3.29 and later (calico-node, and calicoctl with any create, apply or replace)
	// makes the tier "default" with it.
	Initialised bool
	// Tiers are the names of the tiers that exist.
	Tiers map[string]bool
	// Policies tells how policies are stored.
	Policies []PolicyNaming
}

// PolicyNaming is how one policy is stored.
type PolicyNaming struct {
	// StoredName is the last part of its key.
	StoredName string
	// Annotated is true where it bears MetadataAnnotation.
	Annotated bool
	// DefaultTierFilled is true where it says twice, in spec.tier and in a label,
	// that it is of the tier "default". Only v3.32 and later write both down.
	DefaultTierFilled bool
}

// PolicyEvidence looks at a stored policy. A value that is not JSON tells
// nothing but its name.
func PolicyEvidence(storedName string, value []byte) PolicyNaming {
	p := PolicyNaming{StoredName: storedName}
	n, err := parseNode(value)
	if err != nil {
		return p
	}
	meta := field(n, "metadata")
	p.Annotated = field(field(meta, "annotations"), MetadataAnnotation) != nil
	p.DefaultTierFilled = isDefaultTier(field(field(n, "spec"), "tier")) && isDefaultTier(field(field(meta, "labels"), v3.LabelTier))
	return p
}

func isDefaultTier(n *node) bool { return n != nil && n.scalar == `"`+calico.DefaultTier+`"` }

// Release concludes, from the strongest sign to the weakest: calicoVersion; the
// tiers that releases make on their first start, or that none has made; how policies
// are stored; else the newest release, assumed to be so.
func (e Evidence) Release() (release calico.Release, because string, assumed bool) {
	if e.CalicoVersion != "" {
		if r, err := calico.ParseRelease(e.CalicoVersion); err == nil {
			return r, fmt.Sprintf("calicoVersion %q of ClusterInformation \"default\"", e.CalicoVersion), false
		}
	}
	switch {
	case e.Tiers["kube-admin"]:
		return calico.LastOfLine(3, 32), `the tier "kube-admin", which v3.32 makes`, false
	case e.Tiers["baselineadminnetworkpolicy"]:
		return calico.LastOfLine(3, 31), `the tier "baselineadminnetworkpolicy", which v3.30 and v3.31 make`, false
	case e.Tiers["adminnetworkpolicy"]:
		return calico.LastOfLine(3, 29), `the tier "adminnetworkpolicy", which v3.29 makes`, false
	case e.Initialised && !e.Tiers[calico.DefaultTier]:
		return calico.LastOfLine(3, 28), `ClusterInformation "default" without a tier "default", which v3.29 and later make with it`, false
	}
	var plain, annotated, prefixed string
	for _, p := range e.Policies {
		switch {
		case strings.HasPrefix(p.StoredName, calico.KubernetesPolicyPrefix) || strings.HasPrefix(p.StoredName, calico.OpenStackPolicyPrefix):
			// Made of Kubernetes' and OpenStack's policies, and named alike by all.
		case p.Annotated && (!strings.Contains(p.StoredName, ".") || p.DefaultTierFilled):
			plain = p.StoredName // also where a migrator of v3.32 renamed it
		case strings.Contains(p.StoredName, ".") && p.Annotated:
			annotated = p.StoredName
		case strings.HasPrefix(p.StoredName, calico.DefaultTier+"."):
			prefixed = p.StoredName
		}
	}
	switch {
	case plain != "":
		return calico.LastOfLine(3, 32), fmt.Sprintf("the stored policy %q, named as v3.32 does", plain), false
	case annotated != "":
		return calico.LastOfLine(3, 31), fmt.Sprintf("the stored policy %q with its name annotation, as v3.29.4 to v3.31 write it", annotated), false
	case prefixed != "" && e.Tiers[calico.DefaultTier]:
		return calico.Release{Major: 3, Minor: 29}, fmt.Sprintf("the stored policy %q without a name annotation beside the tier \"default\", as v3.29.0 to v3.29.3 write it", prefixed), false
	case prefixed != "":
		return calico.LastOfLine(3, 28), fmt.Sprintf("the stored policy %q and no tier, as releases up to v3.28 leave it", prefixed), false
	}
	return calico.Newest, "nothing in the datastore that tells its release", true
}
