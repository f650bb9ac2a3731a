package datastore

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestLockWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l LockWait
		looks := 0
		var locked atomic.Value
		locked.Store("here")
		wait := func() (time.Duration, error) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			began := time.Now()
			looks = 0
			err := l.Until(ctx, func() (string, error) { looks++; return locked.Load().(string), nil })
			return time.Since(began), err
		}
		var lock *LockedError
		if took, err := wait(); !errors.As(err, &lock) || lock.Lock != "here" || took != 5*time.Second {
			t.Errorf("the first waits %s and says %v", took, err)
		}
		if took, err := wait(); !errors.As(err, &lock) || took != 0 || looks != 2 {
			t.Errorf("the next waits %s with %d looks and says %v", took, looks, err)
		}
		locked.Store("")
		if took, err := wait(); err != nil || took != 0 || looks != 1 {
			t.Errorf("after the end it waits %s with %d looks and says %v", took, looks, err)
		}
		locked.Store("again")
		go func() { time.Sleep(2 * time.Second); locked.Store("") }()
		if took, err := wait(); err != nil || took < 2*time.Second || took > 3*time.Second {
			t.Errorf("a lock of two seconds costs %s and says %v", took, err)
		}
		failure := errors.New("no answer")
		if err := l.Until(t.Context(), func() (string, error) { return "", failure }); !errors.Is(err, failure) {
			t.Errorf("it says %v", err)
		}
	})
}
