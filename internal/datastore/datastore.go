// Package datastore says what the provider needs of the place where Calico
// keeps its objects, whichever it is: a Store and its errors.
package datastore

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
)

// Store reads and writes Calico objects in one datastore.
//
// Every method is safe for concurrent use and honours the deadline of ctx
// beside its own request timeout, so none of them hangs. Errors are those of
// this package, matched with errors.Is and errors.As.
type Store interface {
	// Get returns the object, under whichever name a release of Calico stored
	// it. ErrNotFound where there is none, *AmbiguousError where it is stored
	// under two names.
	Get(ctx context.Context, id calico.ID) (*Stored, error)

	// List returns all objects of a kind, in the order of their keys. Values
	// that cannot be decoded are returned apart, as *CorruptError, so that one
	// bad value does not hide the others.
	List(ctx context.Context, kind calico.Kind) ([]*Stored, []*CorruptError, error)

	// Names tells which objects of a kind there are, by their short IDs, and where
	// each is stored: without their values, and so in one request whatever their
	// number.
	Names(ctx context.Context, kind calico.Kind) (map[calico.ID]string, error)

	// Create stores obj. It fails with *AlreadyExistsError if the object exists, under
	// any release's name for it, and the error has what is stored there. It fills in uid
	// and creationTimestamp. (etcd does it in one transaction. Kubernetes has none for
	// several names: what another stores under the other name in the meantime is seen
	// after the write.)
	Create(ctx context.Context, obj calico.Object) (*Stored, error)

	// Update replaces base, as it was last read, by obj, at once or not at all.
	// What the stored value holds beyond obj's type is kept. Where the object
	// was changed since base was read, in anything but its revision, nothing is
	// written and the error is *ConflictError; where it is gone, ErrNotFound.
	Update(ctx context.Context, obj calico.Object, base *Stored) (*Stored, error)

	// Patch changes some fields of base's spec, at once or not at all, and nothing
	// else of it. Only what it changes is compared with base: where one of these
	// fields was changed since, or the object is gone, nothing is written and the
	// error is *ConflictError.
	Patch(ctx context.Context, base *Stored, patch storage.SpecPatch) (*Stored, error)

	// Delete removes base, with the same guard as Update. An object that is already gone
	// is no error; a tier with policies in it is an *InUseError. (In Kubernetes the
	// policies of a tier are looked for before.) Of an object of a shared kind (see Type.Shared), those labels and
	// annotations go that base.Object has, and the object stays.
	Delete(ctx context.Context, base *Stored) error

	// Snapshot reads all objects of the kinds as they were at one moment.
	Snapshot(ctx context.Context, kinds []calico.Kind) (*Snapshot, error)

	// Surroundings tells what is in the datastore beside the objects of
	// administrators. It asks the datastore at most once.
	Surroundings(ctx context.Context) (Surroundings, error)

	// Workloads reads what orchestrators have there and what decides about traffic. What may
	// not be read is told, and is no error.
	Workloads(ctx context.Context, question WorkloadQuestion) (*Workloads, error)

	// Guarded returns the same store, in which no write is done that the guard refuses. The
	// guard decides by what is stored at the moment of the write.
	//
	// What that promises if others write at the same time depends on the datastore. If it
	// has transactions, the transaction fails if what the guard has decided by has changed,
	// and the guard is asked again: a change that it refuses is never in force. If it has
	// none, the guard is asked before the write, and again by what is stored after it; if it
	// refuses then, the write is undone (*UndoneError), or, if that fails, told to be in force
	// (*LeftError).
	Guarded(guard Guard) Store

	// Release returns the release of Calico that the datastore belongs to and
	// how that is known. It asks the datastore at most once.
	Release(ctx context.Context) (ReleaseFinding, error)

	// Locked returns where it is said that the datastore must not be written to now, "" if
	// it may be. It asks the datastore each time.
	Locked(ctx context.Context) (string, error)

	// Key returns, for messages, where the object is (or would be) stored.
	Key(ctx context.Context, id calico.ID) string

	// Type is what is true of every datastore of this type.
	Type() *Type

	// Close ends the store's use of its connection.
	Close() error
}

// Stored is an object as it was found in a datastore.
type Stored struct {
	// Where is where it is stored, such as
	// /calico/resources/v3/projectcalico.org/hostendpoints/db1-eth0. In JSON it keeps the
	// name that private state has had for it from the first release on, and so does Version:
	// states of before can be read.
	Where string `json:"key"`
	// Version changes with every write of the object.
	Version string `json:"revision"`
	// Raw is the object as JSON of the API projectcalico.org/v3, in the name that it is
	// stored under, with all that this provider does not know: whatever form the
	// datastore keeps it in.
	Raw RawObject `json:"raw"`
	// Own is what else the store needs to write the object again. It is the store's alone.
	Own json.RawMessage `json:"own,omitempty"`
	// Filled are the fields of the spec, by their JSON names, that have the value which
	// the datastore gives them if they are not set. Nobody may have set them, and nothing
	// but a value takes their place.
	Filled []string `json:"filled,omitempty"`
	// ShownLabels are the labels, by their keys, that the datastore shows of something else,
	// such as of the Node of Kubernetes that a node is. No write changes them.
	ShownLabels []string `json:"shownLabels,omitempty"`
	// Object is Raw decoded, with the name the user knows it by. It is not part
	// of the JSON form; see Type.Decode.
	Object calico.Object `json:"-"`
}

// RawObject is an object as JSON. It stands in other JSON as it is, if nothing would change it
// there, and else as base64; both are read.
type RawObject []byte

// MarshalJSON implements json.Marshaler.
func (r RawObject) MarshalJSON() ([]byte, error) {
	if len(r) > 0 && r[0] == '{' {
		if text, err := json.Marshal(json.RawMessage(r)); err == nil && bytes.Equal(text, r) {
			return text, nil
		}
	}
	return json.Marshal([]byte(r))
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *RawObject) UnmarshalJSON(text []byte) error {
	if text[0] != '{' {
		return json.Unmarshal(text, (*[]byte)(r))
	}
	*r = bytes.Clone(text)
	return nil
}

// Given returns Raw without the fields that the datastore has filled in, but those that
// obj has values for: what somebody has set, as far as that can be told.
func (s *Stored) Given(obj calico.Object) ([]byte, error) {
	if len(s.Filled) == 0 {
		return s.Raw, nil
	}
	text, err := storage.EncodeSpec(obj)
	if err != nil {
		return nil, err
	}
	set, err := storage.SpecFields(calico.KindOf(obj), text)
	if err != nil {
		return nil, err
	}
	without := storage.SpecPatch{}
	for _, name := range s.Filled {
		if set[name] == nil {
			without[name] = nil
		}
	}
	return without.Apply(s.Raw)
}

// Snapshot is what was stored of some kinds at one moment.
type Snapshot struct {
	// Objects are in the order of the kinds that were asked for, and of their keys.
	Objects []*Stored
	// Corrupt are the values that cannot be decoded.
	Corrupt []*CorruptError
}

// Surroundings is what Calico itself has in a datastore.
type Surroundings struct {
	// FelixHosts are the hosts whose Felix has reported its status.
	FelixHosts map[string]bool
	// Workloads tells whether there is any workload endpoint.
	Workloads bool
}

// Guard has a say in every write of a store that is guarded by it.
type Guard struct {
	// Kinds are those by whose objects it decides.
	Kinds []calico.Kind
	// Check returns an error to refuse the write, by what is stored of the kinds.
	// Otherwise it returns the objects that it relied on: without them it would have
	// decided in another way. That any object is written is noticed by the kinds, but
	// not that one is deleted. Those that matter most come first: a store that can
	// hold on to only so many of them takes these.
	Check func(*Snapshot) (reliedOn []calico.ID, err error)
}

// ReleaseFinding is a release of Calico and where the knowledge comes from.
type ReleaseFinding struct {
	Release calico.Release
	// Evidence says in a phrase what told the release, for logs and warnings:
	// `calicoVersion "v3.31.0" of ClusterInformation "default"`.
	Evidence string
	// Assumed is true where nothing in the datastore told the release and the
	// newest was taken.
	Assumed bool
	// Locked says why the datastore must not be written to now, and how that ends, in
	// whole sentences but for the first letter; "" if it may be written to.
	Locked string
	// Configured is the release that the configuration gives, if Contradiction is set:
	// the datastore tells another one, and Contradiction says what tells which.
	Configured    calico.Release
	Contradiction string
}
