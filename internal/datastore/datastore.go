// Package datastore says what the provider needs of the place where Calico
// keeps its objects, whichever it is: a Store and its errors.
package datastore

import (
	"context"
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
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

	// Create stores obj in one transaction that fails with *AlreadyExistsError
	// where the object exists, under any release's name for it. It fills in uid
	// and creationTimestamp.
	Create(ctx context.Context, obj calico.Object) (*Stored, error)

	// Update replaces base, as it was last read, by obj in one transaction.
	// What the stored value holds beyond obj's type is kept. Where the object
	// was changed since base was read, in anything but its revision, nothing is
	// written and the error is *ConflictError; where it is gone, ErrNotFound.
	Update(ctx context.Context, obj calico.Object, base *Stored) (*Stored, error)

	// Delete removes base in one transaction, with the same guard as Update. An
	// object that is already gone is no error.
	Delete(ctx context.Context, base *Stored) error

	// Release returns the release of Calico that the datastore belongs to and
	// how that is known. It asks the datastore at most once.
	Release(ctx context.Context) (ReleaseFinding, error)

	// Key returns, for messages, where the object is (or would be) stored.
	Key(ctx context.Context, id calico.ID) string

	// Close ends the store's use of its connection.
	Close() error
}

// Stored is an object as it was found in a datastore.
type Stored struct {
	// Key is where it is stored, such as
	// /calico/resources/v3/projectcalico.org/hostendpoints/db1-eth0.
	Key string `json:"key"`
	// Revision changes with every write of the key.
	Revision string `json:"revision"`
	// Raw is the stored JSON value, with all that this provider does not know.
	Raw []byte `json:"raw"`
	// Object is Raw decoded, with the name the user knows it by. It is not part
	// of the JSON form; see Decode.
	Object calico.Object `json:"-"`
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
	// Contradiction is set where the release was given in the configuration
	// and the datastore tells another one: what it tells, in a phrase.
	Contradiction string
}

// Decode fills in Object from Raw. It answers *CorruptError where that is not an
// object of the kind.
func (s *Stored) Decode(kind calico.Kind) error {
	_, name, _ := strings.Cut(s.Key, "/"+kind.Plural()+"/")
	object, err := calico.Decode(kind, name, s.Raw)
	if err != nil {
		return &CorruptError{Key: s.Key, Revision: s.Revision, Err: err}
	}
	s.Object = object
	return nil
}
