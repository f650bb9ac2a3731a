package kubernetes

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// Patch changes some fields of base; see datastore.Store.
func (s *Store) Patch(ctx context.Context, base *datastore.Stored, patch storage.SpecPatch) (*datastore.Stored, error) {
	return s.write(ctx, s.patching(base, patch), nil)
}

func (s *Store) patching(base *datastore.Stored, patch storage.SpecPatch) change {
	id := calico.IDOf(base.Object)
	return change{
		id: id, base: base,
		changes: func(before, now []byte) ([]string, error) { return patch.Changes(id.Kind, before, now) },
		do: func(ctx context.Context, f *facts, base *datastore.Stored) (*datastore.Stored, error) {
			body, err := jsonPatch(base, patch)
			if err != nil {
				return nil, corrupt(base.Where, base.Version, err)
			}
			answer, err := s.mutate(ctx, request{
				operation: "patch", method: http.MethodPatch, at: parseWhere(base.Where), query: strictly(),
				contentType: jsonPatchType, body: body, id: id,
			})
			if err != nil {
				return nil, err
			}
			return s.read(f, id.Kind, answer)
		},
		done: func(_ *facts, base, now *datastore.Stored) bool {
			value, err := patch.Apply(base.Raw)
			if err != nil {
				return false
			}
			changes, err := patch.Changes(id.Kind, value, now.Raw)
			return err == nil && len(changes) == 0
		},
	}
}

// jsonPatchType is the content type of a JSON patch.
const jsonPatchType = "application/json-patch+json"

// operation is one of a JSON patch (RFC 6902).
type operation struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value,omitempty"`
}

var null = json.RawMessage("null")

// jsonPatch makes a JSON patch, which changes nothing unless the fields that it changes are
// as base has them.
func jsonPatch(base *datastore.Stored, patch storage.SpecPatch) ([]byte, error) {
	var object struct {
		Spec fields `json:"spec"`
	}
	if err := json.Unmarshal(base.Raw, &object); err != nil {
		return nil, err
	}
	uid, err := ownUID(base)
	if err != nil {
		return nil, err
	}
	operations := []operation{{"test", "/metadata/uid", uid}}
	if object.Spec == nil {
		operations = append(operations, operation{"test", "/spec", null}, operation{"add", "/spec", json.RawMessage("{}")})
	}
	for _, name := range slices.Sorted(maps.Keys(patch)) {
		path := "/spec/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		before, was := object.Spec[name]
		switch after := patch[name]; {
		case was && after == nil:
			operations = append(operations, operation{"test", path, before}, operation{"remove", path, nil})
		case was:
			operations = append(operations, operation{"test", path, before}, operation{"replace", path, after})
		case after != nil && object.Spec != nil:
			operations = append(operations, operation{"test", path, null}, operation{"add", path, after})
		case after != nil:
			operations = append(operations, operation{"add", path, after})
		}
	}
	return marshal(operations)
}

// ownUID is the uid that the object has in Kubernetes, as JSON.
func ownUID(base *datastore.Stored) (json.RawMessage, error) {
	var own meta
	if err := json.Unmarshal(base.Own, &own); err != nil {
		return nil, err
	}
	return marshal(own.UID)
}
