package datastore

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var errTried = errors.New("tried in vain")

// TestSharedIsTriedOnce has many ask at once, and others later.
func TestSharedIsTriedOnce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err error
		// later is how many attempts there are when others ask within the time that the
		// outcome stands, and after it.
		within, after int64
	}{
		"a success": {nil, 1, 2},
		"a failure": {errTried, 1, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := Shared[int]{Stands: time.Minute, FailureStands: time.Minute}
				var tries atomic.Int64
				find := func(context.Context) (int, error) {
					time.Sleep(5 * time.Second)
					return int(tries.Add(1)), test.err
				}
				ask := func(who int) time.Duration {
					began := time.Now()
					var all sync.WaitGroup
					for range who {
						all.Go(func() {
							if _, err := s.Get(t.Context(), find); !errors.Is(err, test.err) {
								t.Errorf("it is %v", err)
							}
						})
					}
					all.Wait()
					return time.Since(began)
				}
				if took := ask(300); took != 5*time.Second || tries.Load() != 1 {
					t.Errorf("%d attempts in %s", tries.Load(), took)
				}
				time.Sleep(59 * time.Second)
				if took := ask(300); took != 0 || tries.Load() != test.within {
					t.Errorf("within the time that it stands: %d attempts, %s", tries.Load(), took)
				}
				time.Sleep(time.Second)
				if ask(1); tries.Load() != test.after {
					t.Errorf("after that: %d attempts", tries.Load())
				}
				if s.Forget(); ask(1) == 0 {
					t.Error("it is remembered though it was forgotten")
				}
			})
		})
	}
}

// TestSharedWaitsEndWithTheirContext has those leave who began and who wait.
func TestSharedWaitsEndWithTheirContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := Shared[string]{Stands: Forever, FailureStands: Forever}
		find := func(ctx context.Context) (string, error) {
			select {
			case <-ctx.Done():
				return "", ctx.Err()
			case <-time.After(time.Hour):
				return "found", nil
			}
		}
		var all sync.WaitGroup
		wait := func(patience time.Duration, want string, wantErr error) {
			all.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				time.AfterFunc(patience, cancel)
				began := time.Now()
				if got, err := s.Get(ctx, find); got != want || !errors.Is(err, wantErr) || time.Since(began) > patience {
					t.Errorf("%q, %v after %s of %s", got, err, time.Since(began), patience)
				}
			})
			synctest.Wait()
		}
		// The one who began leaves first: the attempt is not his own.
		wait(time.Second, "", context.Canceled)
		wait(2*time.Second, "", context.Canceled)
		wait(2*time.Hour, "found", nil)
		all.Wait()

		// All leave: the attempt ends, and nothing is remembered of it.
		s.Forget()
		wait(time.Second, "", context.Canceled)
		wait(2*time.Second, "", context.Canceled)
		all.Wait()
		wait(2*time.Hour, "found", nil)
		all.Wait()

		// Whoever comes with a context that has ended learns nothing.
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Get(gone, find); !errors.Is(err, context.Canceled) {
			t.Errorf("it is %v", err)
		}
	})
}

// TestSharedIsForgottenWhileItIsFound has something written while it is read: whoever
// comes after that must not have what was read before.
func TestSharedIsForgottenWhileItIsFound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := Shared[int]{Stands: Forever}
		var tries atomic.Int64
		find := func(ctx context.Context) (int, error) {
			now := int(tries.Add(1))
			time.Sleep(time.Second)
			return now, ctx.Err()
		}
		var all sync.WaitGroup
		all.Go(func() {
			if got, _ := s.Get(t.Context(), find); got != 1 {
				t.Errorf("before: %d", got)
			}
		})
		synctest.Wait()
		s.Forget()
		if got, _ := s.Get(t.Context(), find); got != 2 {
			t.Errorf("after: %d", got)
		}
		all.Wait()
		if got, _ := s.Get(t.Context(), find); got != 2 {
			t.Errorf("later: %d", got)
		}
	})
}
