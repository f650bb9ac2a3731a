package datastore

import (
	"context"
	"sync/atomic"
	"time"
)

// LockWait waits for the end of the lock that Calico's administrator (or an upgrade) has
// put on a datastore, for all writes of a store. If one has waited in vain, those that
// come next look twice and do not wait: hundreds of writes wait once. Its zero value is
// ready for use, and safe for concurrent use.
type LockWait struct {
	inVain atomic.Bool
}

// lockPause is the time between two looks at a lock.
const lockPause = 500 * time.Millisecond

// Until returns when look finds no lock. look returns what the lock is (see
// ReleaseFinding.Locked), "" if there is none, and reads that anew each time after the
// first. The error is a *LockedError if the lock does not end in the time of ctx, or
// look's own.
func (l *LockWait) Until(ctx context.Context, look func() (lock string, err error)) error {
	locked := ""
	for {
		lock, err := look()
		if locked != "" && ctx.Err() != nil {
			return l.gaveUp(locked)
		}
		if err != nil {
			return err
		}
		if lock == "" {
			l.inVain.Store(false)
			return nil
		}
		wait := lockPause
		if l.inVain.Load() {
			if locked != "" {
				return l.gaveUp(lock)
			}
			wait = 0
		}
		locked = lock
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return l.gaveUp(lock)
		case <-timer.C:
		}
	}
}

func (l *LockWait) gaveUp(lock string) error {
	l.inVain.Store(true)
	return &LockedError{Lock: lock}
}
