package lent

import (
	"context"
	"errors"
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
