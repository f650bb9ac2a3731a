package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
)

// notice is a warning of the datastore.
type notice struct{ summary, detail string }

// notices are warnings of the datastore that are still to be told.
type notices struct {
	all []notice
	// told is that nobody tells them any more.
	told bool
}

// noticesKey is where a context has the notices of the resource that it is for.
type noticesKey struct{}

// withNotices returns a context for what is asked of the datastore for one resource, and
// a function that tells what the datastore warned of meanwhile: to be called at the end.
func (d *providerData) withNotices(ctx context.Context, diags *diag.Diagnostics) (asking context.Context, tell func()) {
	if d == nil {
		return ctx, func() {}
	}
	own := &notices{}
	return context.WithValue(ctx, noticesKey{}, own), func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, n := range append(own.all, d.notices.all...) {
			diags.AddWarning(n.summary, n.detail)
		}
		own.told, d.notices.all = true, nil
	}
}

// notify takes a warning of the datastore, to tell it with the resource that ctx is for. If
// that cannot be told any more, the next answer tells it.
func (d *providerData) notify(ctx context.Context, summary, detail string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	to, ok := ctx.Value(noticesKey{}).(*notices)
	if !ok || to.told {
		to = &d.notices
	}
	to.all = append(to.all, notice{summary, detail})
}

// hasNotices tells whether the next answer is to tell a warning of the datastore.
func (d *providerData) hasNotices() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.notices.all) > 0
}
