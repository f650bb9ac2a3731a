package kubernetes

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// Delete removes base; see datastore.Store.
func (s *Store) Delete(ctx context.Context, base *datastore.Stored) error {
	_, err := s.write(ctx, s.deletion(base), nil)
	return err
}

func (s *Store) deletion(base *datastore.Stored) change {
	id, given := calico.IDOf(base.Object), base.Object
	return change{id: id, base: base, changes: contentChanges(id.Kind), removes: true, do: func(ctx context.Context, f *facts, base *datastore.Stored) (*datastore.Stored, error) {
		if id.Kind == calico.KindNode {
			return s.releaseNode(ctx, f, base, given)
		}
		if id.Kind == calico.KindTier {
			if err := s.unusedTier(ctx, f, id.Name); err != nil {
				return nil, err
			}
		}
		uid, err := ownUID(base)
		if err != nil {
			return nil, err
		}
		body := fmt.Appendf(nil, `{"kind":"DeleteOptions","apiVersion":"v1","preconditions":{"uid":%s,"resourceVersion":%q}}`, uid, base.Version)
		answer, err := s.mutate(ctx, request{operation: "delete", method: http.MethodDelete, at: parseWhere(base.Where), body: body, id: id})
		if err != nil {
			return nil, err
		}
		return nil, s.awaitGone(ctx, f, base, answer)
	}}
}

// awaitGone waits for the end of an object whose finalizers keep it. Calico's own API server
// tells nothing of finalizers: there it has to be looked whether the object is gone.
func (s *Store) awaitGone(ctx context.Context, f *facts, base *datastore.Stored, answer []byte) error {
	if beingDeleted(answer) == "" && !f.aggregated {
		return nil
	}
	id, at := calico.IDOf(base.Object), parseWhere(base.Where)
	uid := uidOf([]byte(`{"metadata":` + string(base.Own) + `}`))
	again := time.NewTicker(500 * time.Millisecond)
	defer again.Stop()
	for first := f.aggregated; ; first = false {
		if !first {
			select {
			case <-ctx.Done():
				return rejected(id, "It is to be deleted, and is still there (at %s) and in force: %s. Apply again when it is gone.", safetext.Line(at.String()), cmp.Or(beingDeleted(answer), waitsFor(nil)))
			case <-again.C:
			}
		}
		body, err := s.getBody(ctx, at)
		if err != nil {
			if ctx.Err() != nil {
				continue
			}
			return s.explainRead(err)
		}
		if body == nil || uidOf(body) != uid {
			return nil
		}
		answer = body
	}
}

func uidOf(body []byte) string {
	var object struct {
		Metadata meta `json:"metadata"`
	}
	_ = json.Unmarshal(body, &object)
	return object.Metadata.UID
}

// tieredKinds are the kinds whose objects belong to a tier.
var tieredKinds = []calico.Kind{
	calico.KindGlobalNetworkPolicy, calico.KindNetworkPolicy,
	calico.KindStagedGlobalNetworkPolicy, calico.KindStagedNetworkPolicy,
}

// maxUsers is how many users an InUseError names.
const maxUsers = 5

// unusedTier answers an *InUseError if a policy belongs to the tier: the API server itself
// would delete it all the same, or keep it in a half deleted state.
func (s *Store) unusedTier(ctx context.Context, f *facts, tier string) error {
	w, err := s.world(ctx, f, tieredKinds, "")
	if err != nil {
		return err
	}
	used := &datastore.InUseError{ID: calico.ID{Kind: calico.KindTier, Name: tier}}
	for _, policy := range w.snapshot().Objects {
		id := calico.IDOf(policy.Object)
		// Felix of v3.29 to v3.31 goes by the stored name.
		prefixed := storage.NamingOf(f.release) < storage.NamingPlain && strings.HasPrefix(parseWhere(policy.Where).name, tier+".")
		if id.Tier != tier && !prefixed {
			continue
		}
		if len(used.Users) < maxUsers {
			used.Users = append(used.Users, id)
		} else {
			used.More++
		}
	}
	if len(used.Users) > 0 {
		return used
	}
	return nil
}
