// Package lent has contexts that can be taken back. The framework keeps the context of each
// request that it has answered until the provider is stopped, and with it all that hangs on
// that: of ten thousand objects, half a gigabyte.
package lent

import (
	"context"
	"sync/atomic"
	"time"
)

// lend returns a context that is ctx until it is taken back. From then on it is one that
// has been cancelled, and ctx is nobody's.
func lend(ctx context.Context) (lent context.Context, takeBack func()) {
	c := &lentContext{}
	c.now.Store(&ctx)
	return c, func() { c.now.Store(&over) }
}

// over is what a context is that was taken back.
var over = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

type lentContext struct {
	now atomic.Pointer[context.Context]
}

func (c *lentContext) Deadline() (time.Time, bool) { return (*c.now.Load()).Deadline() }
func (c *lentContext) Done() <-chan struct{}       { return (*c.now.Load()).Done() }
func (c *lentContext) Err() error                  { return (*c.now.Load()).Err() }
func (c *lentContext) Value(key any) any           { return (*c.now.Load()).Value(key) }

// ask makes a request with a context that is taken back when it is answered.
func ask[Q, A any](ctx context.Context, method func(context.Context, Q) (A, error), request Q) (A, error) {
	c, takeBack := lend(ctx)
	defer takeBack()
	return method(c, request)
}
