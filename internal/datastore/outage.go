package datastore

import (
	"errors"
	"sync"
)

// Outage remembers that a datastore does not answer, so that those who come next do
// not have to find it out again, each by waiting until its time is up. Its zero value
// is a datastore that answers. It is safe for concurrent use.
type Outage struct {
	mu  sync.Mutex
	err *UnavailableError
}

// Standing returns why a request need not be made now, nil if it is to be made. The
// error is an *UnavailableError of a request that was not sent (Remembered).
func (o *Outage) Standing() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		return nil
	}
	return &UnavailableError{Server: o.err.Server, Remembered: true, Err: o.err.Err}
}

// Begin notes the outage that a failure shows. It is true for the first: that one is to
// find out when it ends. A failure of another kind shows none.
func (o *Outage) Begin(failure error) bool {
	var unavailable *UnavailableError
	if !errors.As(failure, &unavailable) {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	first := o.err == nil
	if first {
		o.err = unavailable
	}
	return first
}

// End notes that the datastore answers.
func (o *Outage) End() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = nil
}
