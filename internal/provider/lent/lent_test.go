package lent

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"
)

type key struct{}

// TestLend: a context is what it stands for, and after that nothing.
func TestLend(t *testing.T) {
	t.Parallel()
	deadline := time.Now().Add(time.Hour)
	ctx, cancel := context.WithDeadline(context.WithValue(t.Context(), key{}, "value"), deadline)
	defer cancel()
	lent, takeBack := lend(ctx)
	if got, ok := lent.Deadline(); !ok || !got.Equal(deadline) || lent.Value(key{}) != "value" || lent.Err() != nil {
		t.Errorf("it says %v, %v, %v", got, lent.Value(key{}), lent.Err())
	}
	child, cancelChild := context.WithCancel(lent)
	defer cancelChild()
	cancel()
	<-child.Done()
	<-lent.Done()
	if !errors.Is(lent.Err(), context.Canceled) {
		t.Errorf("it says %v", lent.Err())
	}
	takeBack()
	if _, ok := lent.Deadline(); ok || lent.Value(key{}) != nil || !errors.Is(lent.Err(), context.Canceled) {
		t.Errorf("when it was taken back, it says %v, %v", lent.Value(key{}), lent.Err())
	}
	<-lent.Done()
}

// TestAskKeepsNothing holds on to the contexts that it is asked with, as the framework does:
// what hangs on them must go all the same.
func TestAskKeepsNothing(t *testing.T) {
	var kept []context.Context
	keep := func(ctx context.Context, request int) (int, error) {
		child, cancel := context.WithCancel(ctx)
		t.Cleanup(cancel)
		kept = append(kept, child)
		if ctx.Value(key{}) == nil {
			t.Error("the context says nothing while it is needed")
		}
		return request, ctx.Err()
	}
	gone := make(chan struct{})
	func() {
		heavy := new([1 << 20]byte)
		runtime.AddCleanup(heavy, func(done chan struct{}) { close(done) }, gone)
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, heavy))
		defer cancel()
		if got, err := ask(ctx, keep, 7); got != 7 || err != nil {
			t.Errorf("the answer is %d, %v", got, err)
		}
	}()
	deadline := time.After(time.Minute)
	for again := time.NewTicker(10 * time.Millisecond); ; {
		runtime.GC()
		select {
		case <-gone:
			if kept[0].Err() == nil {
				t.Error("what was made of the context goes on")
			}
			return
		case <-deadline:
			t.Fatal("what hangs on a context is kept")
		case <-again.C:
		}
	}
}
