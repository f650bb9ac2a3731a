package kubernetes

import (
	"context"
	"encoding/json"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// In Kubernetes profiles are no objects of their own: Calico makes one of each namespace
// and of each service account, and one that allows everything.
const (
	namespaceProfile      = "kns."
	serviceAccountProfile = "ksa."
	allowProfile          = "projectcalico-default-allow"

	namespaceLabel      = "pcns."
	serviceAccountLabel = "pcsa."
)

// profiles are all profiles as they were at a revision.
type profiles struct {
	revision string
	all      []*datastore.Stored
}

// profiles reads what profiles are made of, at a revision if that is given.
func (s *Store) profiles(ctx context.Context, revision string) (profiles, error) {
	var p profiles
	add := func(name, version string, labels map[string]string, allow bool) error {
		profile := v3.NewProfile()
		profile.Name = name
		profile.Spec.LabelsToApply = labels
		if allow {
			profile.Spec.Ingress = []v3.Rule{{Action: v3.Allow}}
			profile.Spec.Egress = []v3.Rule{{Action: v3.Allow}}
		}
		raw, err := storage.EncodeSpec(profile)
		if err != nil {
			return err
		}
		stored := &datastore.Stored{Where: profilePlace(name), Version: version, Raw: raw}
		p.all = append(p.all, stored)
		return decode(calico.KindProfile, stored)
	}
	if err := add(allowProfile, "1", nil, true); err != nil {
		return p, err
	}
	for _, source := range []struct{ plural, prefix, label, nameLabel string }{
		{"namespaces", namespaceProfile, namespaceLabel, "projectcalico.org/name"},
		{"serviceaccounts", serviceAccountProfile, serviceAccountLabel, "projectcalico.org/name"},
	} {
		at := location{version: "v1", plural: source.plural}
		ask := revision
		if ask == "" {
			ask = p.revision
		}
		read, err := s.pages(ctx, at, "", ask, func(item []byte) error {
			var object struct {
				Metadata meta `json:"metadata"`
			}
			if err := json.Unmarshal(item, &object); err != nil {
				return err
			}
			m := object.Metadata
			name := source.prefix + m.Name
			if m.Namespace != "" {
				name = source.prefix + m.Namespace + "." + m.Name
			}
			labels := map[string]string{source.label + source.nameLabel: m.Name}
			for key, value := range m.Labels {
				labels[source.label+key] = value
			}
			return add(name, m.ResourceVersion, labels, m.Namespace == "")
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
	if !strings.HasPrefix(id.Name, namespaceProfile) && !strings.HasPrefix(id.Name, serviceAccountProfile) && id.Name != allowProfile {
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
