// Package memory is a datastore of Calico's in the memory of a process, for tests: the
// rows of package acceptance that pass on it ask nothing of a store that only etcd has.
// It is served to no user.
package memory

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// Type is what is true of every datastore in memory.
var Type = &datastore.Type{
	Name:   "memory",
	Decode: decode,
	Look:   look,
	Remove: func(where string) string { return "remove " + where },
}

// Datastore keeps objects under the names that their users gave them, in every release.
// It is safe for concurrent use.
type Datastore struct {
	mu sync.Mutex
	// stored are the objects by where they are stored.
	stored map[string]entry
	// revision is that of the last write.
	revision     int64
	surroundings datastore.Surroundings
}

// entry is what is stored in one place.
type entry struct {
	id       calico.ID
	text     string
	revision int64
}

// New returns an empty datastore.
func New() *Datastore { return &Datastore{stored: map[string]entry{}} }

// Open returns the datastore as a Store; release is that which the configuration gives,
// nil if it gives none.
func (d *Datastore) Open(_ context.Context, release *calico.Release) (datastore.Store, error) {
	return &Store{d: d, release: release}, nil
}

// Put stores a text in the place of an object, whatever it is.
func (d *Datastore) Put(id calico.ID, text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.put(id, []byte(text))
}

// Get returns the text that is stored of an object.
func (d *Datastore) Get(id calico.ID) (text string, found bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e, found := d.stored[Where(id)]
	return e.text, found
}

// Remove removes an object.
func (d *Datastore) Remove(id calico.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.remove(Where(id))
}

// Versions returns the version of each object of a kind, which every write changes.
func (d *Datastore) Versions(kind calico.Kind) map[calico.ID]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	versions := map[calico.ID]string{}
	for _, e := range d.stored {
		if e.id.Kind == kind {
			versions[e.id] = strconv.FormatInt(e.revision, 10)
		}
	}
	return versions
}

// Surround says what Calico itself has in the datastore.
func (d *Datastore) Surround(s datastore.Surroundings) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.surroundings = s
}

// Where tells where an object is stored, as Stored.Where does.
func Where(id calico.ID) string {
	id = id.Short()
	if id.Kind.Namespaced() {
		return fmt.Sprintf("memory:%s/%s/%s", id.Kind, id.Namespace, id.Name)
	}
	return fmt.Sprintf("memory:%s/%s", id.Kind, id.Name)
}

// put stores a text; its caller has the lock.
func (d *Datastore) put(id calico.ID, text []byte) *datastore.Stored {
	d.revision++
	where := Where(id)
	d.stored[where] = entry{id: id.Short(), text: string(text), revision: d.revision}
	return d.at(where)
}

// remove removes what is stored in a place; its caller has the lock.
func (d *Datastore) remove(where string) {
	d.revision++
	delete(d.stored, where)
}

// at returns what is stored in a place, nil if nothing is; its caller has the lock.
func (d *Datastore) at(where string) *datastore.Stored {
	e, found := d.stored[where]
	if !found {
		return nil
	}
	return &datastore.Stored{Where: where, Version: strconv.FormatInt(e.revision, 10), Raw: []byte(e.text)}
}

// decode fills in the object of a stored value: see datastore.Type.
func decode(kind calico.Kind, stored *datastore.Stored) error {
	_, name, _ := strings.Cut(stored.Where, string(kind)+"/")
	object, err := storage.Decode(kind, name, stored.Raw)
	if err != nil {
		return corrupt(stored, err)
	}
	stored.Object = object
	return nil
}

func look(where string) string { return "look at " + where }

func corrupt(stored *datastore.Stored, err error) *datastore.CorruptError {
	return &datastore.CorruptError{Where: stored.Where, Version: stored.Version, Look: look(stored.Where), Err: err}
}
