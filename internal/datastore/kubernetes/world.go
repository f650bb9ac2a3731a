package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// Snapshot reads all objects of the kinds as they were at one moment; see datastore.Store.
func (s *Store) Snapshot(ctx context.Context, kinds []calico.Kind) (*datastore.Snapshot, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	f, err := s.facts(ctx)
	if err != nil {
		return nil, err
	}
	w, err := s.world(ctx, f, kinds, "")
	if err != nil {
		return nil, s.overdue(ctx, err)
	}
	return w.snapshot(), nil
}

// world is what was stored of some kinds at a revision.
type world struct {
	revision string
	objects  []kindObject
}

// kindObject is an object with its kind, undecoded.
type kindObject struct {
	kind   calico.Kind
	stored *datastore.Stored
}

// snapshot decodes a world.
func (w *world) snapshot() *datastore.Snapshot {
	snapshot := &datastore.Snapshot{}
	for _, o := range w.objects {
		stored := clone(o.stored)
		var c *datastore.CorruptError
		if err := decode(o.kind, stored); errors.As(err, &c) {
			snapshot.Corrupt = append(snapshot.Corrupt, c)
			continue
		}
		snapshot.Objects = append(snapshot.Objects, stored)
	}
	return snapshot
}

// withOneOf returns the world with what is at one place as another has it.
func (w *world) withOneOf(other *world, where string) *world {
	there := func(o kindObject) bool { return o.stored.Where == where }
	objects := slices.DeleteFunc(slices.Clone(w.objects), there)
	if i := slices.IndexFunc(other.objects, there); i >= 0 {
		objects = append(objects, other.objects[i])
	}
	return &world{revision: w.revision, objects: objects}
}

// versions tells what is stored, by where it is.
func (w *world) versions() map[string]string {
	v := map[string]string{}
	for _, o := range w.objects {
		v[o.stored.Where] = o.stored.Version
	}
	return v
}

// moments is how often it is tried to read all kinds between two writes of others.
const moments = 10

// world reads all of the kinds as they were at a revision, or, if that is empty, at one
// moment: all revisions of a server count the same writes, so the other kinds are asked
// for as they were at that of the first. A server that cannot do that (Calico's own) is
// asked for all kinds again until nothing has changed between two readings. The error is
// one for which pastGone is true if a given revision cannot be read.
func (s *Store) world(ctx context.Context, f *facts, kinds []calico.Kind, revision string) (*world, error) {
	if !f.aggregated {
		w, err := s.worldAt(ctx, f, kinds, revision)
		if err == nil || revision != "" || !s.pastGone(err) {
			return w, err
		}
	}
	var last *world
	for range moments {
		w, err := s.worldAt(ctx, f, kinds, loose)
		if err != nil {
			return nil, err
		}
		if last != nil && sameVersions(last.versions(), w.versions()) {
			return w, nil
		}
		last = w
	}
	return nil, fmt.Errorf("%s: others write all the time, so that what is stored could not be read as it is at one moment, in %d tries", s, moments)
}

// loose, in the place of a revision, stands for the newest of each kind.
const loose = "newest"

func (s *Store) worldAt(ctx context.Context, f *facts, kinds []calico.Kind, revision string) (*world, error) {
	w := &world{revision: revision}
	at := revision
	if revision == loose {
		at = ""
	}
	for _, kind := range kinds {
		var read string
		var err error
		if kind == calico.KindProfile {
			var p profiles
			p, err = s.profiles(ctx, at)
			read = p.revision
			for _, one := range p.all {
				w.objects = append(w.objects, kindObject{kind, one})
			}
		} else {
			known, knownErr := s.knows(f, kind)
			if knownErr != nil {
				return nil, knownErr
			}
			if !known {
				continue
			}
			read, err = s.scan(ctx, f, kind, at, func(stored *datastore.Stored) { w.objects = append(w.objects, kindObject{kind, stored}) })
		}
		if err != nil {
			return nil, err
		}
		if revision == "" {
			at, w.revision = read, read
			revision = read
		}
		if at != "" && read != at {
			return nil, &answerError{code: http.StatusGone, status: metav1.Status{Message: "another revision was returned than was asked for"}}
		}
	}
	return w, nil
}

func sameVersions(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for where, version := range a {
		if b[where] != version {
			return false
		}
	}
	return true
}

// Surroundings tells what else is there; see datastore.Store. In Kubernetes there is a
// Felix on each node, and there always are workloads.
func (s *Store) Surroundings(ctx context.Context) (datastore.Surroundings, error) {
	found, err := s.surroundings.Get(ctx, func(ctx context.Context) (datastore.Surroundings, error) {
		names, err := s.Names(ctx, calico.KindNode)
		if err != nil {
			return datastore.Surroundings{}, err
		}
		found := datastore.Surroundings{FelixHosts: map[string]bool{}, Workloads: true}
		for id := range names {
			found.FelixHosts[id.Name] = true
		}
		return found, nil
	})
	return found, s.overdue(ctx, err)
}
