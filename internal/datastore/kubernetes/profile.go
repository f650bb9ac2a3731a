package kubernetes

import (
	"context"
	"encoding/json"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/cluster"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// In Kubernetes profiles are no objects of their own: Calico makes one of each namespace
// and of each service account, and one that allows everything.
const allowProfile = "projectcalico-default-allow"

// profiles are all profiles as they were at a revision.
type profiles struct {
	revision string
	all      []*datastore.Stored
}

// profiles reads what profiles are made of, at a revision if that is given.
func (s *Store) profiles(ctx context.Context, revision string) (profiles, error) {
	var p profiles
	add := func(profile *v3.Profile, version string) error {
		raw, err := storage.EncodeSpec(profile)
		if err != nil {
			return err
		}
		stored := &datastore.Stored{Where: profilePlace(profile.Name), Version: version, Raw: raw}
		p.all = append(p.all, stored)
		return decode(calico.KindProfile, stored)
	}
	allow := v3.NewProfile()
	allow.Name = allowProfile
	allow.Spec.Ingress = []v3.Rule{{Action: v3.Allow}}
	allow.Spec.Egress = []v3.Rule{{Action: v3.Allow}}
	if err := add(allow, "1"); err != nil {
		return p, err
	}
	for _, source := range []struct {
		plural string
		make   func(item []byte) (profile *v3.Profile, version string, err error)
	}{
		{"namespaces", func(item []byte) (*v3.Profile, string, error) {
			var n cluster.Namespace
			err := json.Unmarshal(item, &n)
			return n.Profile(), n.Metadata.ResourceVersion, err
		}},
		{"serviceaccounts", func(item []byte) (*v3.Profile, string, error) {
			var a cluster.ServiceAccount
			err := json.Unmarshal(item, &a)
			return a.Profile(), a.Metadata.ResourceVersion, err
		}},
	} {
		at := location{version: "v1", plural: source.plural}
		ask := revision
		if ask == "" {
			ask = p.revision
		}
		read, err := s.pages(ctx, at, "", ask, func(item []byte) error {
			profile, version, err := source.make(item)
			if err != nil {
				return err
			}
			return add(profile, version)
		})
		if err != nil {
			return p, s.explainList(at, err)
		}
		p.revision = read
	}
	return p, nil
}

// profilePlace is what a profile is made of, as a place for messages.
func profilePlace(name string) string {
	return location{group: "projectcalico.org", version: "v3", plural: calico.KindProfile.Plural(), name: name}.String()
}

// profile returns a profile by its name.
func (s *Store) profile(ctx context.Context, id calico.ID) (*datastore.Stored, error) {
	if !strings.HasPrefix(id.Name, calico.NamespaceProfilePrefix) && !strings.HasPrefix(id.Name, calico.ServiceAccountProfilePrefix) && id.Name != allowProfile {
		return nil, datastore.ErrNotFound
	}
	all, err := s.profiles(ctx, "")
	if err != nil {
		return nil, s.overdue(ctx, err)
	}
	for _, p := range all.all {
		if p.Object.GetName() == id.Name {
			return p, nil
		}
	}
	return nil, datastore.ErrNotFound
}
