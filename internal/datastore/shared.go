package datastore

import (
	"context"
	"math"
	"sync"
	"time"
)

// Shared is something that many ask for at the same time, such as a connection or a list
// of all objects of a kind: one attempt is made for all of them, and they share its
// outcome. A failure is shared, too, and stands for a while, so that a datastore that
// does not answer costs the time of one attempt, however many come.
//
// It is no lock: whoever waits goes away when its own context ends. The attempt goes on
// as long as anybody waits for it, up to the deadline of the one who began it.
//
// It is safe for concurrent use, and must not be copied after the first use.
type Shared[T any] struct {
	// Stands is how long a success is handed to those who come later, from when it was
	// there; Forever for as long as nobody calls Forget, and 0 for not at all.
	Stands time.Duration
	// FailureStands is the same for a failure.
	FailureStands time.Duration

	mu sync.Mutex
	// last is the attempt that is under way, or that was made last; nil for none.
	last *sharedAttempt[T]
}

// Forever is how long an outcome stands that does not age.
const Forever time.Duration = math.MaxInt64

// sharedAttempt is one attempt. What is below done is set before that is closed.
type sharedAttempt[T any] struct {
	cancel  context.CancelFunc
	waiting int
	done    chan struct{}
	value   T
	err     error
	ended   time.Time
}

// Get returns the outcome of the attempt that is under way, or of one before it that
// still stands; if there is none, it makes one. The context of find has the values and
// the deadline of ctx, but ends before only if nobody waits any more. If ctx ends first,
// Get returns its error.
func (s *Shared[T]) Get(ctx context.Context, find func(context.Context) (T, error)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	s.mu.Lock()
	a := s.last
	if a == nil || !s.stands(a) {
		a = &sharedAttempt[T]{done: make(chan struct{})}
		making := context.WithoutCancel(ctx)
		if deadline, ok := ctx.Deadline(); ok {
			making, a.cancel = context.WithDeadline(making, deadline)
		} else {
			making, a.cancel = context.WithCancel(making)
		}
		s.last = a
		go a.make(making, find)
	}
	a.waiting++
	s.mu.Unlock()

	select {
	case <-a.done:
		return a.value, a.err
	case <-ctx.Done():
		s.leave(a)
		return none, ctx.Err()
	}
}

// Forget makes those who come from now on not have what was found before, nor what an
// attempt will find that is under way.
func (s *Shared[T]) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = nil
}

// stands tells whether the attempt is under way, or its outcome still stands.
func (s *Shared[T]) stands(a *sharedAttempt[T]) bool {
	if !a.over() {
		return true
	}
	if a.err != nil {
		return time.Since(a.ended) < s.FailureStands
	}
	return time.Since(a.ended) < s.Stands
}

func (a *sharedAttempt[T]) over() bool {
	select {
	case <-a.done:
		return true
	default:
		return false
	}
}

func (a *sharedAttempt[T]) make(ctx context.Context, find func(context.Context) (T, error)) {
	defer a.cancel()
	a.value, a.err = find(ctx)
	a.ended = time.Now()
	close(a.done)
}

// leave takes one away who waits. The last one ends the attempt: its failure then tells
// nothing to those who come next.
func (s *Shared[T]) leave(a *sharedAttempt[T]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.waiting--
	if a.waiting > 0 || a.over() {
		return
	}
	a.cancel()
	if s.last == a {
		s.last = nil
	}
}
