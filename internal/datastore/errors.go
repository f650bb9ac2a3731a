package datastore

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// ErrNotFound says that no object of that name is stored.
var ErrNotFound = errors.New("not found")

// AlreadyExistsError says that a create found the object stored already.
type AlreadyExistsError struct {
	ID    calico.ID
	Where string
	// Stored is what the create found: in etcd read in the transaction that refused it, in
	// Kubernetes right after the refusal. It is nil if that cannot be told to be this
	// object alone.
	Stored *Stored
	// Changes tells, a line each, what is different in Stored from what the create
	// would have stored, as storage.CreationChanges does.
	Changes []string
}

// Identical tells whether what is stored is exactly what the create would have
// stored, but for uid and creation time.
func (e *AlreadyExistsError) Identical() bool { return e.Stored != nil && len(e.Changes) == 0 }

// Error names the object and its key.
func (e *AlreadyExistsError) Error() string {
	return fmt.Sprintf("%s already exists at %s", e.ID, safetext.Line(e.Where))
}

// AmbiguousError says that an object is stored under two releases' names at
// once, so that Calico enforces both.
type AmbiguousError struct {
	ID   calico.ID
	Keys []string
	// Remove has, for each of the keys, a command that deletes what is stored there.
	Remove []string
}

// Error names the object and both keys.
func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%s is stored twice, at %s", e.ID, safetext.Line(strings.Join(e.Keys, " and ")))
}

// ConflictError says that an object was changed by somebody else since it was read.
type ConflictError struct {
	ID    calico.ID
	Where string
	// Changes tells, a line each, what is different now from what was read:
	// `spec.order: 0 -> 10`. Empty where the object was deleted.
	Changes []string
	// Deleted is true where the object is gone.
	Deleted bool
}

// Error names the object, its key and the changes.
func (e *ConflictError) Error() string {
	if e.Deleted {
		return fmt.Sprintf("%s at %s was deleted since it was read", e.ID, safetext.Line(e.Where))
	}
	return fmt.Sprintf("%s at %s was changed since it was read:\n  %s", e.ID, safetext.Line(e.Where), safetext.Text(strings.Join(e.Changes, "\n  ")))
}

// CorruptError says that a stored value is not the object that its key promises.
// Such a value is never overwritten.
type CorruptError struct {
	Where string
	// Version is the value's version when it was read.
	Version string
	// Look is a command that shows the value.
	Look string
	Err  error
}

// Error names the key and what is wrong with the value, not the value itself.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("the value at %s cannot be read: %v", safetext.Line(e.Where), e.Err)
}

// Unwrap returns what is wrong with the value.
func (e *CorruptError) Unwrap() error { return e.Err }

// UnavailableError says that the datastore did not answer in time. A write that
// ends so was read back: it was not done and never will be, unless Unknown is set.
type UnavailableError struct {
	// Server is what was asked, with its addresses: "etcd at http://10.0.0.1:2379".
	// It is empty if nothing was asked.
	Server string
	// Unknown is true for a write whose outcome could not be told, or that may still
	// be done.
	Unknown bool
	// Remembered is true if nothing was sent, as a request before had no answer.
	Remembered bool
	// Interrupted is true if nobody waits for the answer any more: nothing need be
	// wrong with the datastore.
	Interrupted bool
	Err         error
}

// Error names the server.
func (e *UnavailableError) Error() string {
	return fmt.Sprintf("no answer from %s: %v", cmp.Or(e.Server, "the datastore"), e.Err)
}

// Unwrap returns the client's error.
func (e *UnavailableError) Unwrap() error { return e.Err }

// DeniedReason tells why a datastore turned a request away.
type DeniedReason int

// The reasons for a DeniedError.
const (
	// DeniedCredentials: the user name or password is wrong or missing.
	DeniedCredentials DeniedReason = iota + 1
	// DeniedPermission: the user is known but may not do this.
	DeniedPermission
	// DeniedTLS: the TLS handshake failed.
	DeniedTLS
)

// DeniedError says that the datastore refused the request for good: trying again
// does not help.
type DeniedError struct {
	Reason DeniedReason
	// Server is what refused it, with its addresses: "etcd at http://10.0.0.1:2379".
	Server string
	// Advice tells, in sentences, what was refused to whom, and what to do. It holds no
	// secret.
	Advice string
	Err    error
}

// Error names the server and the client's error.
func (e *DeniedError) Error() string {
	return fmt.Sprintf("%s refused the request: %v", cmp.Or(e.Server, "the datastore"), e.Err)
}

// Unwrap returns the client's error.
func (e *DeniedError) Unwrap() error { return e.Err }

// LockedError says that Calico's administrator (or an upgrade, or a migration) has locked
// the datastore.
type LockedError struct {
	// Lock says what the lock is and how it ends, as ReleaseFinding.Locked does.
	Lock string
}

// Error says what the lock is.
func (e *LockedError) Error() string {
	return "the Calico datastore is locked: " + safetext.Line(e.Lock)
}

// NotReady is what ReleaseFinding.Locked says if datastoreReady is false in the
// ClusterInformation that is stored at a place.
func NotReady(where string) string {
	return fmt.Sprintf("datastoreReady is false in %s, as during an upgrade or a migration. "+
		"If no migration is running, `calicoctl datastore migrate unlock` takes the lock away.", where)
}

// InUseError tells that an object was not deleted because others need it.
type InUseError struct {
	ID calico.ID
	// Users are some of those that need it.
	Users []calico.ID
	// More is how many others there are.
	More int
}

// Error lists the users.
func (e *InUseError) Error() string {
	var users []string
	for _, u := range e.Users {
		users = append(users, u.String())
	}
	text := strings.Join(users, ", ")
	if e.More > 0 {
		text += fmt.Sprintf(" and %d more", e.More)
	}
	return text
}

// UnsettledError tells that a guarded write was not done because the objects by
// which the guard decides were changed by others at every try.
type UnsettledError struct {
	ID    calico.ID
	Where string
	Tries int
}

// Error names the object and how often it was tried.
func (e *UnsettledError) Error() string {
	return fmt.Sprintf("%s at %s was not written: other policies or endpoints were changed at each of %d tries", e.ID, safetext.Line(e.Where), e.Tries)
}

// TierMissingError says that a policy was to be made in a tier that does not
// exist. Calico enforces such a policy all the same, after all others and with
// a drop at its end.
type TierMissingError struct {
	ID    calico.ID
	Tier  string
	Where string
}

// Error names the policy, the tier and its key.
func (e *TierMissingError) Error() string {
	return fmt.Sprintf("%s belongs to the tier %q, which does not exist: nothing is stored at %s", e.ID, e.Tier, safetext.Line(e.Where))
}
