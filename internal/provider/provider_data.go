package provider

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/trafficguard"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// providerData is what one configured provider hands to its resources. Each
// alias has its own.
type providerData struct {
	// release is calico_version of the configuration; nil where it is unset.
	release *calico.Release
	// guard watches over traffic; nil if that is not wanted.
	guard *trafficguard.Guard
	// open connects to the datastore; nil where the configuration is not wholly
	// known yet, or names no datastore.
	open func(ctx context.Context) (datastore.Store, error)
	// opened is the datastore. If it cannot be opened, that stands until it can: all
	// resources of a run ask for it.
	opened datastore.Shared[datastore.Store]
	// requestTimeout is how long a request may take.
	requestTimeout time.Duration
	// lock is where it is said that the datastore is locked, "" if it is not.
	lock datastore.Shared[string]
	// datastore is the type of the datastore that open connects to; nil without one.
	datastore *datastore.Type
	// offline tells that there is no datastore, on purpose: nothing is read or written.
	offline bool
	// build tells builds of the provider apart.
	build string
	// adoptIdentical tells that a create may take an object that exists, if it is
	// exactly what would be created.
	adoptIdentical bool

	mu sync.Mutex
	// failed are the failures of the whole datastore that were told, and what else is
	// told once, by what first was asked for.
	failed map[string]bool
	// told are the warnings about the release that were given: once is enough.
	told bool
	// notices are warnings of the datastore that the next answer is to tell.
	notices notices
	// advised are the pieces of advice that were given.
	advised map[string]bool
	// unreachable is set when a plan found that the datastore does not answer,
	// so that a plan of a hundred new objects does not wait a hundred times.
	unreachable bool
	// planned are the objects that the plan under way creates, updated those that
	// it keeps, and read those that are in the state, be they to be created anew.
	planned, updated, read objectSet
	// names and contents are the names and the objects of a kind, as they were when they
	// were first asked for.
	names    sharedByKind[map[calico.ID]string]
	contents sharedByKind[map[calico.ID]*datastore.Stored]
}

// providerDataOf returns what a provider has handed to a resource or a data source;
// nil before it is configured.
func providerDataOf(handed any, diags *diag.Diagnostics) *providerData {
	data, ok := handed.(*providerData)
	if handed != nil && !ok {
		diags.AddError("Unexpected Configure Type",
			fmt.Sprintf("Expected *providerData, got: %T. Please report this to the provider developers.", handed))
	}
	return data
}

// configurationError is a fault of the provider's configuration that only
// shows when the datastore is needed.
type configurationError struct{ summary, detail string }

func (e *configurationError) Error() string { return e.summary + ": " + e.detail }

// offlineRelease is the release whose rules hold where there is no datastore.
func (d *providerData) offlineRelease() calico.Release {
	if d.release != nil {
		return *d.release
	}
	return calico.Newest
}

// pending tells whether there is no datastore to be asked: the configuration is
// still unknown, or names none.
func (d *providerData) pending() bool { return d == nil || d.open == nil }

// store returns the datastore, connecting to it the first time.
func (d *providerData) store(ctx context.Context) (datastore.Store, error) {
	if d != nil && d.offline {
		return nil, &configurationError{
			summary: "Provider Without a Datastore",
			detail:  "datastore_type of the provider is \"none\": configurations can be planned with it, as in `terraform test` with `command = plan`, but nothing can be read or written. Leave datastore_type out and give a block etcd or kubernetes, to reach a datastore.",
		}
	}
	if d.pending() {
		return nil, &configurationError{
			summary: "Datastore Not Known Yet",
			detail:  "The provider's configuration depends on values that are known only after apply. Apply what they come from first, for example with -target.",
		}
	}
	store, err := d.opened.Get(ctx, func(ctx context.Context) (datastore.Store, error) {
		store, err := d.open(ctx)
		if err == nil {
			opened.add(store)
		} else if ctx.Err() == nil {
			go d.awaitOpening()
		}
		return store, err
	})
	if err != nil && ctx.Err() != nil {
		return nil, &datastore.UnavailableError{Interrupted: true, Err: err}
	}
	return store, err
}

// awaitOpening tries every second to open the datastore, until the provider ends, and makes
// those who come after it succeeds open it anew.
func (d *providerData) awaitOpening() {
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for range again.C {
		if opened.ended() {
			return
		}
		if store, err := d.open(context.Background()); err == nil {
			_ = store.Close()
			d.opened.Forget()
			return
		}
	}
}

// toldBefore tells whether an error is of the whole datastore, as that it does not
// answer, and was told before in this run.
//
// A read that fails so returns without an error, and the state as it was: Terraform shows
// each error that it gets, and hundreds that say the same hide what they say. That is no
// success in disguise. The first one is an error, in a plan, a refresh or an import, and
// with one error Terraform ends each of them as failed, saves no state and writes
// nothing; an apply does not read. A write is another matter: what has no error counts
// as done, so each has its own, in short form (see addStoreError). That the provider's
// Configure tries the datastore would give one error, too, but an apply may only be about
// to make the datastore.
func (d *providerData) toldBefore(err error) bool {
	what := wholeFailure(err)
	return what != "" && !d.first(what)
}

// wholeFailure names the kind of an error that is of the whole datastore; "" for one that
// is not.
func wholeFailure(err error) string {
	var unavailable *datastore.UnavailableError
	var denied *datastore.DeniedError
	var locked *datastore.LockedError
	switch {
	case errors.As(err, &unavailable):
		return "unavailable"
	case errors.As(err, &denied) && denied.Reason != datastore.DeniedPermission:
		return "denied"
	case errors.As(err, &locked):
		return "locked"
	}
	return ""
}

// first is true once for each thing to tell.
func (d *providerData) first(what string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed[what] {
		return false
	}
	if d.failed == nil {
		d.failed = map[string]bool{}
	}
	d.failed[what] = true
	return true
}

// refuseLocked reports once that what is planned cannot be written, as the datastore is
// locked. It waits for the end of the lock as a write does: Terraform plans each resource
// once more in an apply, and a provider cannot tell that from a plan.
func (d *providerData) refuseLocked(ctx context.Context, diags *diag.Diagnostics) {
	if d.pending() || d.isUnreachable() {
		return
	}
	lock, err := d.lock.Get(ctx, d.awaitUnlocked)
	if err == nil && lock != "" && d.first("locked") {
		diags.AddError("Datastore Is Locked",
			lockedDetail(lock)+" The lock did not end within request_timeout, so nothing of this plan could be written. Plan again when it is unlocked.")
	}
}

// awaitUnlocked waits until the datastore is not locked, at most for the time of a
// request. It returns what the lock is, "" if there is none any more.
func (d *providerData) awaitUnlocked(ctx context.Context) (string, error) {
	store, err := d.store(ctx)
	if err != nil {
		return "", err
	}
	finding, err := store.Release(ctx)
	if err != nil || finding.Locked == "" {
		return "", err
	}
	end := time.After(d.requestTimeout)
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-end:
			return finding.Locked, nil
		case <-again.C:
		}
		if lock, err := store.Locked(ctx); err != nil || lock == "" {
			return "", err
		}
	}
}

// opened are the datastores of all providers of this process: Terraform does
// not tell a provider when it is done with one.
var opened stores

type stores struct {
	mu  sync.Mutex
	all []datastore.Store
	// closed is that the process has no use for a datastore any more.
	closed bool
}

func (s *stores) add(store datastore.Store) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, store)
}

func (s *stores) ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Close ends the use of every datastore. The process calls it at its end.
func Close() error {
	opened.mu.Lock()
	defer opened.mu.Unlock()
	var errs []error
	for _, store := range opened.all {
		errs = append(errs, store.Close())
	}
	opened.all, opened.closed = nil, true
	return errors.Join(errs...)
}

// planRelease returns the release whose rules a plan is checked against, nil
// where it is not known. It does not fail a plan because a datastore does not
// answer yet: it may be made by the same apply. create tells whether the object
// is a new one.
func (d *providerData) planRelease(ctx context.Context, id calico.ID, create bool, diags *diag.Diagnostics) *calico.Release {
	if d == nil {
		return nil
	}
	if d.pending() || d.isUnreachable() || id.Kind == calico.KindHostEndpoint {
		// (The rules for host endpoints are those of every release.)
		return d.release
	}
	store, err := d.store(ctx)
	var finding datastore.ReleaseFinding
	if err == nil {
		finding, err = store.Release(ctx)
	}
	var unavailable *datastore.UnavailableError
	switch {
	case errors.As(err, &unavailable):
		d.tellUnreachable(unavailable, diags)
		return d.release
	case err != nil:
		if !d.toldBefore(err) && d.first("release") {
			addStoreError(diags, "Unable to Find Out the Calico Release for "+described(id), id, err)
		}
		return d.release
	}
	d.tellNewer(finding, diags)
	if id.Kind.Tiered() {
		// Other kinds are stored alike in every release.
		d.tellRelease(ctx, finding, create, diags)
	}
	return &finding.Release
}

// tellUnreachable warns once that a plan could not be checked.
func (d *providerData) tellUnreachable(err *datastore.UnavailableError, diags *diag.Diagnostics) {
	d.mu.Lock()
	told := d.unreachable || d.failed["unavailable"] // by another one that asked at the same time
	d.unreachable = true
	d.mu.Unlock()
	if !told {
		diags.AddWarning("Datastore Did Not Answer",
			fmt.Sprintf("The plan could not be checked against the datastore's release of Calico; that will be done before anything is written.\n\n%s", unavailableDetail(err)))
	}
}

// once tells whether a piece of advice, by its name, is still to be given.
func (d *providerData) once(advice string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.advised[advice] {
		return false
	}
	if d.advised == nil {
		d.advised = map[string]bool{}
	}
	d.advised[advice] = true
	return true
}

func (d *providerData) isUnreachable() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.unreachable
}

// tellNewer warns once of a Calico that is newer than what this provider knows. The
// plan of host endpoints alone does not ask for the release; their write does.
func (d *providerData) tellNewer(finding datastore.ReleaseFinding, diags *diag.Diagnostics) {
	if !finding.Release.NewerThanKnown() || !d.first("newer") {
		return
	}
	diags.AddWarning("Calico Is Newer Than This Provider Knows",
		fmt.Sprintf("The datastore belongs to Calico %s, by %s, and the newest release that this provider knows is %s. It is assumed that Calico %[1]s names, stores and checks objects as %[3]s does, and fills in the same where they say nothing: everything is written in that way. "+
			"Fields that came later cannot be configured, and stay as they are stored. Look for a newer version of this provider before you rely on it.",
			finding.Release, safetext.Line(finding.Evidence), calico.Newest))
}

// tellRelease tells once what was decided about the release, and warns where it
// was a guess or where the datastore says otherwise.
func (d *providerData) tellRelease(ctx context.Context, finding datastore.ReleaseFinding, create bool, diags *diag.Diagnostics) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.told || finding.Assumed && !create {
		return
	}
	d.told = true
	tflog.Debug(ctx, "decided on the release of Calico", map[string]any{
		"release": finding.Release.String(), "naming": storage.NamingOf(finding.Release).String(), "evidence": finding.Evidence,
		"contradiction": finding.Contradiction,
	})
	switch {
	case finding.Contradiction != "":
		diags.AddAttributeWarning(path.Root("name"), "Calico Version and Datastore Disagree",
			fmt.Sprintf("The provider has calico_version = %q, but %s. Policies are stored in the way of Calico %s. If that is not the release that runs, Calico may enforce them in another tier, or twice: correct calico_version, or leave it out.",
				finding.Configured, finding.Contradiction, finding.Release))
	case finding.Assumed:
		diags.AddWarning("Calico Release Assumed",
			fmt.Sprintf("Nothing in the datastore tells which release of Calico it belongs to, so policies will be stored as %s and later do. If this datacenter runs another release, set calico_version in the provider block, such as calico_version = \"3.31\".",
				finding.Release))
	}
}

// observe logs a request to the datastore.
func observe(ctx context.Context, call datastore.Call) {
	tflog.Debug(ctx, "datastore call", map[string]any{
		"operation":   call.Operation,
		"key":         call.Key,
		"revision":    call.Revision,
		"duration_ms": float64(call.Duration.Microseconds()) / float64(time.Millisecond/time.Microsecond),
		"outcome":     call.Outcome,
	})
}

// unwritable tells why no object of a kind can be written in the datastore; "" if they can,
// or if the datastore is not known.
func (d *providerData) unwritable(kind calico.Kind) string {
	if d == nil || d.datastore == nil {
		return ""
	}
	return d.datastore.Unwritable[kind]
}

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
