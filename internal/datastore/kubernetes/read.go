package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// pageSize is how many objects one request for a list asks for.
const pageSize = 1000

// read makes of an object that the server has returned what a store hands out.
func (s *Store) read(f *facts, kind calico.Kind, body []byte) (*datastore.Stored, error) {
	stored, err := f.convert(kind, body)
	if err != nil {
		return nil, err
	}
	return stored, decode(kind, stored)
}

// convert is read without decoding.
func (f *facts) convert(kind calico.Kind, body []byte) (*datastore.Stored, error) {
	var stored *datastore.Stored
	var err error
	if kind == calico.KindNode {
		stored, err = nodeStored(body)
	} else {
		stored, err = f.stored(kind, body)
		if err == nil {
			stored.Filled, err = f.filled(kind, parseWhere(stored.Where).name, stored.Raw)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the API server has returned something that is no %s: %w", kind, err)
	}
	return stored, nil
}

// knows tells whether there may be objects of a kind. It is false for a kind that is newer
// than the release of Calico, and an error for one that is missing though the release has it.
func (s *Store) knows(f *facts, kind calico.Kind) (bool, error) {
	switch {
	case kind == calico.KindNode, kind == calico.KindProfile, f.serves[kind.Plural()]:
		return true, nil
	case !kind.KnownIn(f.release):
		return false, nil
	default:
		return false, fmt.Errorf("%s does not serve %s, which Calico %s has: install the CustomResourceDefinitions of that release", s, f.location(kind, "", "").resource(), f.release)
	}
}

// places returns where any release would have stored the object, the cluster's own first.
func (f *facts) places(id calico.ID) []location {
	names := f.naming().StoredNames(id)
	places := make([]location, len(names))
	for i, name := range names {
		places[i] = f.location(id.Kind, id.Namespace, name)
	}
	return places
}

// Get reads the object under all the names it may have: one by one, or out of one read of
// all of its kind (see package readahead).
func (s *Store) Get(ctx context.Context, id calico.ID) (*datastore.Stored, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	f, err := s.facts(ctx)
	if err != nil {
		return nil, err
	}
	if id.Kind == calico.KindProfile {
		return s.profile(ctx, id)
	}
	if known, err := s.knows(f, id.Kind); err != nil || !known {
		if err == nil {
			err = datastore.ErrNotFound
		}
		return nil, err
	}
	places := f.places(id)
	keys := make([]string, len(places))
	for i, p := range places {
		keys[i] = p.String()
	}
	one := func(ctx context.Context) (map[string]*datastore.Stored, error) {
		return s.getAll(ctx, f, id.Kind, places)
	}
	all := func(ctx context.Context) (map[string]*datastore.Stored, error) {
		all := map[string]*datastore.Stored{}
		_, err := s.scan(ctx, f, id.Kind, "", func(stored *datastore.Stored) { all[stored.Where] = stored })
		return all, err
	}
	var found map[string]*datastore.Stored
	if f.aggregated && id.Kind.Tiered() {
		// Who may not see all tiers cannot list policies.
		found, err = one(ctx)
	} else {
		found, err = s.reads.Get(ctx, id.Kind, keys, one, all)
	}
	if err != nil {
		return nil, s.overdue(ctx, err)
	}
	return Type.Choose(id, keys, found)
}

// getAll returns what is stored at the places, undecoded.
func (s *Store) getAll(ctx context.Context, f *facts, kind calico.Kind, places []location) (map[string]*datastore.Stored, error) {
	found := map[string]*datastore.Stored{}
	for _, at := range places {
		stored, err := s.getAt(ctx, f, kind, at)
		if err != nil {
			return nil, err
		}
		if stored != nil {
			found[stored.Where] = stored
		}
	}
	return found, nil
}

// getAt returns what is stored at a place, undecoded; nil if nothing is.
func (s *Store) getAt(ctx context.Context, f *facts, kind calico.Kind, at location) (*datastore.Stored, error) {
	body, err := s.send(ctx, request{operation: "get", method: http.MethodGet, at: at})
	var answer *answerError
	switch {
	case errors.As(err, &answer) && (answer.code == http.StatusNotFound || answer.status.Reason == metav1.StatusReasonInvalid):
		// (The kind is served, as discovery has told.)
		return nil, nil
	case err != nil:
		return nil, s.explainRead(err)
	}
	return f.convert(kind, body)
}

func clone(stored *datastore.Stored) *datastore.Stored {
	c := *stored
	return &c
}

// List reads all objects of the kind as they were at one moment, a page of a thousand at a
// time.
func (s *Store) List(ctx context.Context, kind calico.Kind) ([]*datastore.Stored, []*datastore.CorruptError, error) {
	snapshot, err := s.Snapshot(ctx, []calico.Kind{kind})
	if err != nil {
		return nil, nil, err
	}
	return snapshot.Objects, snapshot.Corrupt, nil
}

// Names tells which objects of a kind there are; see datastore.Store.
func (s *Store) Names(ctx context.Context, kind calico.Kind) (map[calico.ID]string, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	f, err := s.facts(ctx)
	if err != nil {
		return nil, err
	}
	names := map[calico.ID]string{}
	if kind == calico.KindProfile {
		profiles, err := s.profiles(ctx, "")
		for _, p := range profiles.all {
			names[calico.IDOf(p.Object).Short()] = p.Where
		}
		return names, err
	}
	if known, err := s.knows(f, kind); err != nil || !known {
		return names, err
	}
	_, err = s.scan(ctx, f, kind, "", func(stored *datastore.Stored) {
		l := parseWhere(stored.Where)
		id := calico.ID{Kind: kind, Namespace: l.namespace, Name: l.name}
		names[id.Short()] = stored.Where
	})
	return names, err
}

// scan hands over all that is stored of the kind, undecoded, and tells at which revision.
// If one is given, it is read as it was then.
func (s *Store) scan(ctx context.Context, f *facts, kind calico.Kind, revision string, each func(*datastore.Stored)) (string, error) {
	var all []*datastore.Stored
	var at string
	selector, err := s.allTiers(ctx, f, kind)
	if err != nil {
		return "", err
	}
	// A page whose revision is gone is no page of anything: a list begins anew.
	for range scanTries {
		all = nil
		at, err = s.pages(ctx, f.location(kind, "", ""), selector, revision, func(item []byte) error {
			stored, err := f.convert(kind, item)
			all = append(all, stored)
			return err
		})
		if revision != "" || !is(err, metav1.StatusReasonExpired) {
			break
		}
	}
	if err != nil {
		return "", s.explainList(f.location(kind, "", ""), err)
	}
	slices.SortFunc(all, func(a, b *datastore.Stored) int {
		switch {
		case a.Where < b.Where:
			return -1
		case a.Where > b.Where:
			return 1
		}
		return 0
	})
	for _, stored := range all {
		each(stored)
	}
	return at, nil
}

// allTiers returns the selector by which Calico's own API server lists the policies of all
// tiers, or says of which the user may not see them: of itself it leaves these out, without a
// word, and those of a tier that it has not heard of yet. It is empty where none is needed.
func (s *Store) allTiers(ctx context.Context, f *facts, kind calico.Kind) (string, error) {
	if !f.aggregated || !kind.Tiered() || !f.serves[calico.KindTier.Plural()] {
		return "", nil
	}
	var tiers []string
	at := f.location(calico.KindTier, "", "")
	_, err := s.pages(ctx, at, "", "", func(item []byte) error {
		var tier struct {
			Metadata meta `json:"metadata"`
		}
		err := json.Unmarshal(item, &tier)
		tiers = append(tiers, tier.Metadata.Name)
		return err
	})
	if err != nil {
		return "", s.explainList(at, err)
	}
	if len(tiers) == 0 {
		return "", nil
	}
	return v3.LabelTier + " in (" + strings.Join(tiers, ",") + ")", nil
}

// scanTries is how often a list is begun at most: the API server forgets the past every
// five minutes, which may be between two pages.
const scanTries = 5

// explainList turns an answer to a list into an error for people. That a kind is not
// served must never pass for an empty list.
func (s *Store) explainList(at location, err error) error {
	var answer *answerError
	if errors.As(err, &answer) && answer.code == http.StatusNotFound {
		return fmt.Errorf("%s does not serve %s: install the CustomResourceDefinitions of the release of Calico that is used there", s, at.resource())
	}
	if s.pastGone(err) {
		return err
	}
	return s.explainRead(err)
}

// pastGone tells whether the server cannot say what was stored at an earlier moment.
func (s *Store) pastGone(err error) bool {
	var answer *answerError
	return errors.As(err, &answer) && (answer.code == http.StatusGone || answer.tooNew() || answer.code == http.StatusUnprocessableEntity || answer.code == http.StatusBadRequest)
}

// pages reads all of a kind that a selector of labels selects, if there is one, at a
// revision if that is given, and otherwise at that of the first page, which it returns.
func (s *Store) pages(ctx context.Context, at location, selector, revision string, each func(item []byte) error) (string, error) {
	query := url.Values{"limit": {strconv.Itoa(pageSize)}}
	if selector != "" {
		query.Set("labelSelector", selector)
	}
	if revision != "" {
		query.Set("resourceVersion", revision)
		query.Set("resourceVersionMatch", "Exact")
	}
	read := ""
	for {
		body, err := s.send(ctx, request{operation: "list", method: http.MethodGet, at: at, query: query})
		if err != nil {
			return "", err
		}
		var page struct {
			Metadata struct {
				ResourceVersion string `json:"resourceVersion"`
				Continue        string `json:"continue"`
			} `json:"metadata"`
			Items []json.RawMessage `json:"items"`
		}
		if err := json.Unmarshal(body, &page); err != nil {
			return "", fmt.Errorf("%s has returned no list of %s: %w", s, at.resource(), err)
		}
		if read == "" {
			read = page.Metadata.ResourceVersion
		}
		for _, item := range page.Items {
			if err := each(item); err != nil {
				return "", err
			}
		}
		if page.Metadata.Continue == "" {
			return read, nil
		}
		query.Del("resourceVersion")
		query.Del("resourceVersionMatch")
		query.Set("continue", page.Metadata.Continue)
	}
}
